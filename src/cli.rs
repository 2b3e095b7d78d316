//! Arguments into an `Invocation`: the seeds' forms by hand, with their exact lines; else clap.

mod complete;
mod help;
mod man;
mod oneshot;
mod run;

use ackchat::client::GroupPrivate;
use ackchat::driver::client::{Face, JoinOptions as Join};
use ackchat::driver::config::{self, Question};
use ackchat::driver::programs::oneshot::Options;
use ackchat::driver::programs::plugins;
use ackchat::driver::programs::wrapped::Wrapped;
use ackchat::driver::script::run::{ReplayOptions, RunOptions};
use ackchat::driver::server::{Extras, ServeOptions as Serve};
use ackchat::driver::terminal::paint::Colour;
use ackchat::driver::upkeep::{Backup, Upkeep};
use ackchat::driver::{Fault, host, paths};
use ackchat::model::Name;
use ackchat::secure::Fingerprint;
use ackchat::server::Rates;
use ackchat::shell::{Exit, OnFailure, Settings, Style, clean, explain};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// What the program is asked to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Invocation {
    /// What config.toml says, or whether it is right.
    Config(Option<PathBuf>, Question),
    /// A server, a friend and a client, for a try.
    Demo(Serve, Join),
    /// A program of somebody else, and its words.
    External(PathBuf, Vec<String>),
    /// A server and its first client.
    Host(Serve, Join),
    /// A client.
    Join(Join),
    /// A page of the manual.
    Man(String),
    /// Recordings, to be made one test.
    Merge(Vec<String>),
    /// A command to run, and to tell of.
    Notify(Box<Options>, Wrapped),
    /// Something that is done once.
    OneShot(Box<Options>),
    /// About programs of other people.
    Plugin(plugins::Wish),
    /// `--help` or `--version`: write this and end.
    Print(String),
    /// One person's lines of a script.
    Replay(Box<ReplayOptions>),
    /// Scripts.
    Run(Box<RunOptions>),
    /// A server.
    Serve(Serve),
    /// Look at a store, or copy it.
    Upkeep(Upkeep),
}

/// Where files are, if not in the usual places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
struct Files {
    /// Write every packet to this file, decrypted
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Keep keys and stores in this directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Another file than the user's config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// Off.
    Off,
    /// On.
    On,
}

/// The arguments are refused: one line (clap's are several) for stderr, and the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What to write, without the last newline.
    pub(crate) line: String,
    /// How the program ends.
    pub(crate) exit: Exit,
}

/// The port of a server that is told none, and of the server of a client that is told none.
const SERVER_PORT: u16 = 2475;
/// Ports below are the system's (RFC 6335 section 6).
const PORT_MIN: u16 = 1024;

/// Reads the arguments, without the program's own name.
pub(crate) fn parse(args: &[String]) -> Result<Invocation, Refused> {
    match args.first().map(String::as_str) {
        Some("__complete") => Ok(Invocation::Print(complete::answer(&args[1..]))),
        Some("-s") => seed_server(&args[1..]),
        Some("-c") => seed_client(&args[1..]),
        Some("help" | "--help" | "-h") => help::answer(args),
        Some("--version" | "-V") => modern(args),
        Some(word) if command().find_subcommand(word).is_some() => modern(args),
        None => default_profile(),
        Some(word) if word.starts_with("--") => Err(too_early(word)),
        Some(word) if word.starts_with('-') => Err(usage()),
        Some(word) => external(word, &args[1..]).ok_or_else(|| unknown_form(word)),
    }
}

/// No word that begins a line of arguments; perhaps one that was mistyped.
fn unknown_form(word: &str) -> Refused {
    let command = command();
    let forms = command.get_subcommands().map(clap::Command::get_name);
    let near = explain::did_you_mean(&explain::nearest(word, forms));
    let near = near.map_or(String::new(), |near| near + " ");
    let word = clean::line(word);
    refused(&format!(
        "error: there is no command {word}\n  {near}ackchat --help tells all there is"
    ))
}

/// An option where a subcommand is expected.
fn too_early(option: &str) -> Refused {
    let option = clean::line(option);
    refused(&format!(
        "error: a subcommand stands before {option}\n  ackchat --help tells all there is"
    ))
}

/// Without arguments: the client of the default profile.
fn default_profile() -> Result<Invocation, Refused> {
    match config::name(None, None).map_err(fault)? {
        Some(name) => modern(&["join".to_owned(), name]),
        None => Err(usage()),
    }
}

/// `ackchat-NAME`, if there is such a program.
fn external(word: &str, words: &[String]) -> Option<Invocation> {
    let folder = paths::config_directory().ok()?.join("plugins");
    let path = plugins::program(&folder, word)?;
    Some(Invocation::External(path, words.to_vec()))
}

fn fault(fault: Fault) -> Refused {
    let Fault { line, exit } = fault;
    Refused { line, exit }
}

/// `-s PORT [options]`.
fn seed_server(args: &[String]) -> Result<Invocation, Refused> {
    let ([port], options) = split_at_options(args) else {
        return Err(usage());
    };
    let (options, _): (ServeOptions, _) = match options_of("serve", options) {
        Ok(options) => options,
        Err(error) => return printed(&error),
    };
    let port = registered_port(port).ok_or_else(|| refused("[Invalid server port number.]"))?;
    Ok(options.invocation(port))
}

/// `-c NAME SERVER-IP SERVER-PORT CLIENT-PORT [options]`; the checks in the order of semantics 2.
fn seed_client(args: &[String]) -> Result<Invocation, Refused> {
    let ([name, ip, server_port, port], options) = split_at_options(args) else {
        return Err(usage());
    };
    let (options, mut given): (JoinOptions, _) = match options_of("join", options) {
        Ok(options) => options,
        Err(error) => return printed(&error),
    };
    given.extend(["server", "port"].map(str::to_owned));
    let name = client_name(name)?;
    let ip = match ip.as_str() {
        "localhost" => Ipv4Addr::LOCALHOST,
        ip => ip
            .parse()
            .map_err(|_| refused("[Invalid server ip address. Try again.]"))?,
    };
    let server_port =
        registered_port(server_port).ok_or_else(|| refused("[Invalid server port number.]"))?;
    let port = registered_port(port).ok_or_else(|| refused("[Invalid client port number.]"))?;
    let server = SocketAddr::from((ip, server_port));
    Ok(Invocation::Join(options.join(name, server, port, given)))
}

/// All forms but the seeds'.
fn command() -> clap::Command {
    Modern::command().subcommands(oneshot::commands())
}

fn modern(args: &[String]) -> Result<Invocation, Refused> {
    let program = std::iter::once("ackchat").chain(args.iter().map(String::as_str));
    let found = command().try_get_matches_from(program);
    if let Ok(found) = &found
        && let Some((name, found)) = found.subcommand()
        && Modern::command().find_subcommand(name).is_none()
    {
        return oneshot::invocation(name, found, args);
    }
    let parsed = found.and_then(|found| Ok((Modern::from_arg_matches(&found)?, found)));
    let (modern, found) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return printed(&error),
    };
    let mut given = found
        .subcommand()
        .map_or_else(BTreeSet::new, |(_, found)| given(found));
    Ok(match modern.form {
        Form::Join {
            name,
            server,
            port,
            options,
        } => {
            let name = match name {
                Some(name) => name,
                None => profile_name(&options)?,
            };
            Invocation::Join(options.join(client_name(&name)?, server, port, given))
        }
        Form::Backup {
            file,
            profile,
            data,
        } => Invocation::Upkeep(Upkeep::Backup(Backup {
            file,
            profile: profile.as_deref().map(client_name).transpose()?,
            data,
        })),
        Form::Config { question, file } => Invocation::Config(file, question.into()),
        Form::Demo { options } => {
            let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let join = options.join(host::demo_name(), server, 0, given);
            Invocation::Demo(serve_defaults(0), join)
        }
        Form::Host {
            name,
            port,
            options,
        } => {
            let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let serve = Serve {
                data: options.files.data.clone(),
                ..serve_defaults(port)
            };
            // The option is the server's port; one's own is any.
            given.remove("port");
            given.insert("server".to_owned());
            Invocation::Host(serve, options.join(client_name(&name)?, server, 0, given))
        }
        Form::Completions { shell } => Invocation::Print(shell.script().to_owned()),
        Form::Man { page } => match man::find(page.as_deref()) {
            Some(page) => Invocation::Man(page.text),
            None => {
                return Err(refused(
                    "error: there is no such page; ackchat man names them",
                ));
            }
        },
        Form::Merge { files } => Invocation::Merge(files),
        Form::Replay(args) => Invocation::Replay(Box::new(args.replay()?)),
        Form::Run(args) => Invocation::Run(Box::new(run::checked(args)?)),
        Form::Serve { port, options } => options.invocation(port),
    })
}

fn serve_defaults(port: u16) -> Serve {
    Serve {
        bind: Ipv4Addr::UNSPECIFIED.into(),
        port,
        data: None,
        quiet: false,
        relay: true,
        extras: Extras {
            log_text: false,
            show_table: false,
        },
        rates: Rates::Limited,
        trace: None,
    }
}

fn profile_name(options: &JoinOptions) -> Result<String, Refused> {
    let Files { config, .. } = &options.files;
    let name = config::name(config.as_deref(), options.profile.as_deref()).map_err(fault)?;
    name.ok_or_else(|| refused("error: no NAME, and config.toml has no default_profile"))
}

/// The names of the options that somebody wrote.
fn given(found: &clap::ArgMatches) -> BTreeSet<String> {
    let written = |id: &&clap::Id| {
        let source = found.value_source(id.as_str());
        source == Some(clap::parser::ValueSource::CommandLine)
    };
    found
        .ids()
        .filter(written)
        .map(ToString::to_string)
        .collect()
}

/// The arguments before the first option, and the options. A value such as `-5` is no option.
fn split_at_options(args: &[String]) -> (&[String], &[String]) {
    let first = args.iter().position(|arg| arg.starts_with("--"));
    args.split_at(first.unwrap_or(args.len()))
}

fn options_of<Options: Args>(
    form: &'static str,
    options: &[String],
) -> Result<(Options, BTreeSet<String>), clap::Error> {
    let modern = Modern::command();
    let about = modern
        .find_subcommand(form)
        .and_then(clap::Command::get_about);
    let command = Options::augment_args(clap::Command::new(form)).no_binary_name(true);
    let command = command.about(about.cloned().unwrap_or_default());
    let command = command.bin_name(match form {
        "serve" => "ackchat -s PORT",
        _ => "ackchat -c NAME SERVER-IP SERVER-PORT CLIENT-PORT",
    });
    let found = command.try_get_matches_from(options)?;
    Ok((Options::from_arg_matches(&found)?, given(&found)))
}

/// Help and version are no refusals.
fn printed(error: &clap::Error) -> Result<Invocation, Refused> {
    if error.use_stderr() {
        return Err(refused(error.to_string().trim_end()));
    }
    Ok(Invocation::Print(error.to_string()))
}

fn client_name(name: &str) -> Result<Name, Refused> {
    name.parse()
        .map_err(|_| refused("[Invalid client name. Try again.]"))
}

/// All digits, 1024 to 65535.
fn registered_port(word: &str) -> Option<u16> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let port = word.parse().ok().filter(|_| digits)?;
    (port >= PORT_MIN).then_some(port)
}

fn usage() -> Refused {
    refused("[Usage: ackchat -s PORT or ackchat -c NAME SERVER-IP SERVER-PORT CLIENT-PORT]")
}

fn refused(line: &str) -> Refused {
    Refused {
        line: line.to_owned(),
        exit: Exit::Usage,
    }
}

/// Chat for people and programs over UDP that never says more about a message than it knows.
#[derive(Debug, Parser)]
#[command(
    name = "ackchat",
    version,
    after_help = "The short forms:\n  \
    ackchat -s PORT [serve's options]\n  \
    ackchat -c NAME SERVER-IP SERVER-PORT CLIENT-PORT [join's options]"
)]
struct Modern {
    #[command(subcommand)]
    form: Form,
}

#[derive(Debug, Subcommand)]
enum Form {
    /// Copy the server's store, or a profile's, into a new file; also while it is used
    Backup {
        /// The copy; it must not exist
        file: PathBuf,
        /// A client's profile in place of the server
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// Where keys and stores are kept
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// What config.toml says, and whether it is right
    Config {
        #[command(subcommand)]
        question: ConfigQuestion,
        /// Another file than the user's config.toml
        #[arg(long = "config", value_name = "FILE", global = true)]
        file: Option<PathBuf>,
    },
    /// Try it alone: a server on this machine, a friend who answers, and the shell
    Demo {
        #[command(flatten)]
        options: JoinOptions,
    },
    /// What a shell needs to complete ackchat: source <(ackchat completions bash)
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: complete::Shell,
    },
    /// Be the server and chat as NAME, in one program
    Host {
        /// 1 to 32 letters, digits, ".", "_" and "-"
        name: String,
        /// The server's port
        #[arg(long, default_value_t = SERVER_PORT)]
        port: u16,
        #[command(flatten)]
        options: JoinOptions,
    },
    /// Log in as NAME and chat
    Join {
        /// 1 to 32 letters, digits, ".", "_" and "-"; else what config.toml says
        name: Option<String>,
        /// Where the server is
        #[arg(long, value_name = "HOST:PORT", value_parser = address,
            default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, SERVER_PORT)))]
        server: SocketAddr,
        /// The local port; 0: any
        #[arg(long, default_value_t = 0)]
        port: u16,
        #[command(flatten)]
        options: JoinOptions,
    },
    /// Read the manual: a subcommand, or chat, config.5, events, plugins, shell
    Man {
        /// Which page; else that of the program
        page: Option<String>,
    },
    /// Make one test of the recordings of several people, for standard output
    Merge {
        /// What `record` wrote, one file for each person
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
    },
    /// Type one person's lines of a .chat script at a server; judge nothing
    Replay(run::ReplayArgs),
    /// Run .chat scripts: conversations written down, with what is to be seen
    Run(run::RunArgs),
    /// Be the server: names, groups, and the mail of absent people
    Serve {
        /// The local port
        #[arg(long, default_value_t = SERVER_PORT)]
        port: u16,
        #[command(flatten)]
        options: ServeOptions,
    },
}

#[derive(Clone, Debug, Subcommand)]
enum ConfigQuestion {
    /// Tell what is wrong, with line and caret
    Check,
    /// Every setting and its value
    Show {
        /// Whose part of the file holds
        #[arg(long)]
        profile: Option<String>,
        /// Tell where each value comes from
        #[arg(long)]
        origin: bool,
    },
}

impl From<ConfigQuestion> for Question {
    fn from(question: ConfigQuestion) -> Self {
        match question {
            ConfigQuestion::Check => Self::Check,
            ConfigQuestion::Show {
                profile,
                origin: with_origin,
            } => Self::Show {
                profile,
                with_origin,
            },
        }
    }
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag")]
struct JoinOptions {
    /// Whose part of config.toml holds; else that of NAME
    #[arg(long)]
    profile: Option<String>,
    /// The server's fingerprint, 30 digits; else the first key seen is remembered
    #[arg(long, value_name = "DIGITS", value_parser = fingerprint)]
    server_key: Option<Fingerprint>,
    /// A lost server does not end the program
    #[arg(long)]
    stay: bool,
    /// dereg leaves for good and ends the program
    #[arg(long)]
    exit_on_dereg: bool,
    /// Whether private messages are sent and shown while in a group
    #[arg(long, value_enum, default_value_t = Private::Refuse)]
    group_private: Private,
    /// Be there for programs only, until SIGTERM
    #[arg(long, conflicts_with_all = ["json", "lines"])]
    headless: bool,
    /// Write events to standard output, an object of JSON a line
    #[arg(long)]
    json: bool,
    /// A line to enter in place of standard input; may be repeated
    #[arg(short = 'e', value_name = "LINE")]
    lines: Vec<String>,
    /// Where programs reach this session, in place of the profile's own socket
    #[arg(long, value_name = "FILE")]
    sock: Option<PathBuf>,
    #[command(flatten)]
    look: Look,
    /// When input is no terminal: a refused or failed line does not end the program
    #[arg(long)]
    keep_going: bool,
    /// Whether the server may carry messages to people who cannot be reached directly
    #[arg(long, value_enum, default_value_t = Switch::On)]
    relay: Switch,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, Args)]
struct Look {
    /// Print the table after each notice of its change
    #[arg(long)]
    show_table: bool,
    /// Notices with or without brackets and final dot
    #[arg(long, value_enum, default_value_t = Notices::Bracket)]
    style: Notices,
    #[arg(help = "Colours; auto asks NO_COLOR, CLICOLOR, CLICOLOR_FORCE and the terminal")]
    #[arg(long, value_enum, default_value_t = When::Auto)]
    color: When,
    /// No prompt, no colour, no control code, whatever the terminal can
    #[arg(long)]
    plain: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag")]
struct ServeOptions {
    /// Only look for damage in the store, say what is found, and end
    #[arg(long)]
    check: bool,
    /// The local address
    #[arg(long, value_name = "ADDRESS", default_value_t = Ipv4Addr::UNSPECIFIED.into())]
    bind: IpAddr,
    /// Do not tell the server's key to who asks
    #[arg(long)]
    quiet: bool,
    /// Write the text of group messages to the console
    #[arg(long)]
    log_text: bool,
    /// Print the table after each change
    #[arg(long)]
    show_table: bool,
    /// Whether to carry messages between people who cannot reach each other
    #[arg(long, value_enum, default_value_t = Switch::On)]
    relay: Switch,
    #[command(flatten)]
    files: Files,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    Always,
    Auto,
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Private {
    Allow,
    Refuse,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Notices {
    Bracket,
    Plain,
}

impl JoinOptions {
    fn join(self, name: Name, server: SocketAddr, port: u16, given: BTreeSet<String>) -> Join {
        Join {
            name,
            server,
            server_key: self.server_key,
            port,
            stay: self.stay,
            relay: self.relay == Switch::On,
            settings: Settings {
                exit_on_dereg: self.exit_on_dereg,
                group_private: match self.group_private {
                    Private::Allow => GroupPrivate::Allow,
                    Private::Refuse => GroupPrivate::Refuse,
                },
                show_table: self.look.show_table,
                style: match self.look.style {
                    Notices::Bracket => Style::Bracket,
                    Notices::Plain => Style::Plain,
                },
                on_failure: if self.keep_going {
                    OnFailure::GoOn
                } else {
                    OnFailure::End
                },
            },
            colour: match self.look.color {
                When::Always => Colour::Always,
                When::Auto => Colour::Auto,
                When::Never => Colour::Never,
            },
            plain: self.look.plain,
            given,
            profile: self.profile,
            config: self.files.config,
            data: self.files.data,
            trace: self.files.trace,
            sock: self.sock,
            face: if self.headless {
                Face::Headless
            } else if self.json {
                Face::Json
            } else {
                Face::Terminal
            },
            lines: self.lines,
        }
    }
}

impl ServeOptions {
    fn invocation(self, port: u16) -> Invocation {
        if self.check {
            Invocation::Upkeep(Upkeep::Check(self.files.data))
        } else {
            Invocation::Serve(self.serve(port))
        }
    }

    fn serve(self, port: u16) -> Serve {
        Serve {
            bind: self.bind,
            port,
            quiet: self.quiet,
            extras: Extras {
                log_text: self.log_text,
                show_table: self.show_table,
            },
            rates: Rates::Limited,
            relay: self.relay == Switch::On,
            data: self.files.data,
            trace: self.files.trace,
        }
    }
}

fn address(word: &str) -> Result<SocketAddr, String> {
    let local = word
        .strip_prefix("localhost:")
        .map(|port| format!("127.0.0.1:{port}"));
    let parsed = local.as_deref().unwrap_or(word).parse::<SocketAddr>();
    let wrong = "expected an IP address or localhost, a colon and a port, as 192.0.2.7:2475";
    parsed.map_err(|_| wrong.to_owned())
}

fn fingerprint(word: &str) -> Result<Fingerprint, String> {
    let wrong = "expected the 30 digits that the server shows";
    word.parse().map_err(|_| wrong.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Invocation, Refused> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&args)
    }

    fn check(line: &str, refusal: &str) {
        let refused = read(line).expect_err(line);
        assert_eq!(
            (refused.line.as_str(), refused.exit.code()),
            (refusal, 2),
            "{line}"
        );
    }

    fn client(line: &str) -> Join {
        match read(line) {
            Ok(Invocation::Join(join)) => join,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn server(line: &str) -> Serve {
        match read(line) {
            Ok(Invocation::Serve(serve)) => serve,
            other => panic!("{line}: {other:?}"),
        }
    }

    const USAGE: &str =
        "[Usage: ackchat -s PORT or ackchat -c NAME SERVER-IP SERVER-PORT CLIENT-PORT]";
    const NAME: &str = "[Invalid client name. Try again.]";
    const IP: &str = "[Invalid server ip address. Try again.]";
    const SERVER: &str = "[Invalid server port number.]";
    const CLIENT: &str = "[Invalid client port number.]";

    #[test]
    fn the_seeds_forms_are_read() {
        let join = client("-c Alice localhost 2475 5001");
        assert_eq!(join.name.as_str(), "Alice");
        assert_eq!(join.server, "127.0.0.1:2475".parse().unwrap());
        assert_eq!(join.port, 5001);
        assert_eq!(join.settings.on_failure, OnFailure::End);
        assert!(join.relay);
        let serve = server("-s 1024");
        assert_eq!(
            (serve.bind.to_string().as_str(), serve.port),
            ("0.0.0.0", 1024)
        );
        assert_eq!(
            server("-s 65535 --bind 127.0.0.1").bind,
            IpAddr::from([127, 0, 0, 1])
        );
        assert!(client("-c x 10.0.0.1 2475 5001 --stay --relay off").stay);
    }

    #[test]
    fn no_known_form_or_a_wrong_number_of_arguments_shows_the_usage() {
        for line in [
            "",
            "-x 5",
            "-s",
            "-s 5000 6000",
            "-c",
            "-c x 127.0.0.1 2475",
            "-c x 127.0.0.1 2475 5001 5002",
            "-c --help",
        ] {
            check(line, USAGE);
        }
    }

    #[test]
    fn an_option_without_a_subcommand_is_told_so() {
        let line = "error: a subcommand stands before --data\n  ackchat --help tells all there is";
        check("--data /tmp/x join alice", line);
    }

    #[test]
    fn a_word_that_is_no_command_is_told_and_the_one_that_is_near() {
        for (line, hint) in [
            ("nosuchthing", "ackchat --help tells all there is"),
            (
                "serv --port 1",
                "did you mean serve? ackchat --help tells all there is",
            ),
            (
                "server",
                "did you mean serve? ackchat --help tells all there is",
            ),
            (
                "sned bob hi",
                "did you mean send? ackchat --help tells all there is",
            ),
        ] {
            let word = line.split(' ').next().unwrap_or_default();
            let refusal = format!("error: there is no command {word}\n  {hint}");
            check(line, &refusal);
        }
    }

    #[test]
    fn the_first_check_that_fails_is_the_only_one_told() {
        for (line, refusal) in [
            ("-c x;y 999.0.0.1 1 1", NAME),
            ("-c server localhost 2475 5001", NAME),
            ("-c ALL localhost 2475 5001", NAME),
            ("-c -x localhost 2475 5001", NAME),
            (&format!("-c {} localhost 2475 5001", "x".repeat(33)), NAME),
            ("-c x 127.0.0 1 99999", IP),
            ("-c x 256.0.0.1 2475 5001", IP),
            ("-c x 127.0.0.01 2475 5001", IP),
            ("-c x example.org 2475 5001", IP),
            ("-c x ::1 2475 5001", IP),
            ("-c x localhost 1023 1", SERVER),
            ("-c x localhost 65536 5001", SERVER),
            ("-c x localhost +2475 5001", SERVER),
            ("-c x localhost -2475 5001", SERVER),
            ("-c x localhost 2475 1023", CLIENT),
            ("-c x localhost 2475 5001a", CLIENT),
            ("-c x localhost 2475 99999999999999999999", CLIENT),
            ("-s 1023", SERVER),
            ("-s 65536", SERVER),
            ("-s port", SERVER),
        ] {
            check(line, refusal);
        }
    }

    #[test]
    fn the_modern_forms_have_defaults_and_all_options() {
        let join = client("join bob");
        assert_eq!(join.server, "127.0.0.1:2475".parse().unwrap());
        assert_eq!((join.port, join.stay, join.server_key), (0, false, None));
        assert_eq!((join.data, join.trace), (None, None));
        let join = client(
            "join bob --server localhost:4800 --port 5000 --stay --exit-on-dereg --keep-going \
             --server-key 050375637902392069135377354517 --group-private allow --show-table \
             --style plain --trace t.ndjson --data d --relay off",
        );
        assert_eq!(join.server, "127.0.0.1:4800".parse().unwrap());
        assert_eq!((join.port, join.stay, join.relay), (5000, true, false));
        let key = join.server_key.map(|key| key.to_string());
        assert_eq!(key.as_deref(), Some("05037 56379 02392 06913 53773 54517"));
        assert_eq!(
            join.settings,
            Settings {
                exit_on_dereg: true,
                group_private: GroupPrivate::Allow,
                show_table: true,
                style: Style::Plain,
                on_failure: OnFailure::GoOn,
            }
        );
        assert_eq!(join.trace, Some("t.ndjson".into()));
        assert_eq!(
            client("join bob --server [::1]:2475").server,
            "[::1]:2475".parse().unwrap()
        );
        let serve = server("serve");
        assert_eq!((serve.port, serve.quiet, serve.relay), (2475, false, true));
        let serve = server(
            "serve --port 0 --bind ::1 --quiet --log-text --show-table --relay off --data d",
        );
        assert_eq!(serve.port, 0);
        assert!(serve.quiet && serve.extras.log_text && serve.extras.show_table);
        assert_eq!(serve.data, Some("d".into()));
    }

    #[test]
    fn wrong_options_end_with_status_2_and_wrong_names_with_the_line_of_the_seeds() {
        for line in [
            "join",
            "join bob --sever x",
            "join bob --server example.org:1",
            "join bob --server-key 12",
            "serve --port 70000",
            "serve extra",
            "-s 5000 --port 5001",
            "-c x localhost 2475 5001 --style loud",
        ] {
            let refused = read(line).expect_err(line);
            assert_eq!(refused.exit, Exit::Usage);
            assert!(refused.line.starts_with("error: "), "{}", refused.line);
        }
        check("join b;b", NAME);
    }

    #[test]
    fn help_and_version_are_printed() {
        for (line, part) in [
            ("--version", "ackchat 0."),
            ("--help", "join"),
            ("join --help", "--stay"),
            ("-s 5000 --help", "Usage: ackchat -s PORT"),
        ] {
            match read(line) {
                Ok(Invocation::Print(text)) => assert!(text.contains(part), "{text}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}
