//! The arguments of one-shots: a subcommand for every command of the registry that may be one, and
//! those that only make sense as a program of their own.

use super::{
    Invocation, Refused, SERVER_PORT, address, client_name, fault, fingerprint, given, refused,
};
use ackchat::driver::client::JoinOptions as Join;
use ackchat::driver::config;
use ackchat::driver::programs::oneshot::{Options, Session, Task, is_socket_given};
use ackchat::driver::programs::plugins;
use ackchat::driver::programs::wrapped::Wrapped;
use ackchat::model::MessageId;
use ackchat::script::tree;
use ackchat::secure::Fingerprint;
use ackchat::shell::Registry;
use ackchat::shell::args::{Kind, Need, Param, Target};
use ackchat::shell::asked::Marks;
use ackchat::shell::command::{self, Face as CommandFace, Reach};
use ackchat::shell::control::PROGRAM;
use ackchat::shell::control::request::Rung;
use ackchat::shell::external::Word;
use ackchat::shell::oneshot::Manner;
use ackchat::shell::oneshot::call::Command as Words;
use ackchat::shell::oneshot::listen::{Form, Wish};
use ackchat::shell::oneshot::pipe::Plan;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// All of them, for the parser and for completion.
pub(super) fn commands() -> Vec<Command> {
    let registry = Registry::builtin();
    let ordinary = registry.commands().iter().filter(|one| is_oneshot(one));
    let special = Special::augment_subcommands(Command::new(""));
    let special: Vec<Command> = special.get_subcommands().cloned().collect();
    ordinary.map(ordinary_command).chain(special).collect()
}

fn is_oneshot(command: &command::Command) -> bool {
    command.faces.contains(&CommandFace::OneShot)
}

/// What no session is asked needs none.
fn needs_session(command: &command::Command) -> bool {
    command.reach != Reach::Nothing
}

fn ordinary_command(command: &command::Command) -> Command {
    let mut about = command.about.to_string();
    if let Some(first) = about.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let examples = command.examples.iter().filter(|example| {
        // Aliases are for those who type often.
        example.line.split(' ').next() == Some(&*command.name)
    });
    let examples = examples.map(|example| {
        let words = example.line.split(' ').map(quoted);
        format!("\n  ackchat {}", words.collect::<Vec<_>>().join(" "))
    });
    let mut made = Command::new(command.name.to_string());
    for param in &command.params {
        made = made.arg(argument(param));
    }
    if needs_session(command) {
        made = Common::augment_args(made);
    }
    if command.is_message {
        made = Asked::augment_args(made);
    }
    if command.name == "send" {
        made = Again::augment_args(made);
    }
    // Last: what groups of options say of themselves would stand in its place.
    made.about(about).after_help(format!(
        "Done when {}.\nFor example:{}",
        command.done,
        examples.collect::<String>()
    ))
}

/// A word as a shell has to be told it.
fn quoted(word: &str) -> String {
    // Of POSIX's portable characters those that mean nothing to a shell in any place.
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn argument(param: &Param) -> Arg {
    let is_rest = matches!(param.kind, Kind::Fingerprint | Kind::Text);
    let arg = Arg::new(param.name.to_string())
        .value_name(param.label())
        .required(param.need == Need::Required);
    match param.kind {
        Kind::Text => arg
            .num_args(1..)
            .help("Words, or - for all of standard input"),
        _ if is_rest => arg.num_args(1..),
        _ => arg,
    }
}

/// Whose session, and how it is reached.
#[derive(Clone, Debug, Args)]
struct Common {
    /// Whose session; else `default_profile` of config.toml
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Through the running session, through one of its own, or whichever there is
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Which::Prefer)]
    session: Which,
    /// The socket of the session
    #[arg(long, value_name = "FILE")]
    sock: Option<PathBuf>,
    /// Where the server is, for a session of its own
    #[arg(long, value_name = "HOST:PORT", value_parser = address,
        default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, SERVER_PORT)))]
    server: SocketAddr,
    /// Its fingerprint
    #[arg(long, value_name = "DIGITS", value_parser = fingerprint)]
    server_key: Option<Fingerprint>,
    /// Keep keys and stores in this directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Another file than the user's config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// An object of JSON a line
    #[arg(long)]
    json: bool,
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// What is asked of a message.
#[derive(Clone, Debug, Args)]
struct Asked {
    /// What has to be known of the message
    #[arg(long, value_enum, value_name = "RUNG", default_value_t = Require::Stored)]
    require: Require,
    /// How long that may take, as 500ms, 10s or 5m; 30s if nothing is said
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
}

/// A message that is tried again.
#[derive(Clone, Copy, Debug, Args)]
struct Again {
    /// Its id: nobody is shown one id twice
    #[arg(long, value_name = "ID", value_parser = message_id)]
    id: Option<MessageId>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    Prefer,
    Require,
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Require {
    Queued,
    Stored,
    Delivered,
}

#[derive(Clone, Debug, Subcommand)]
enum Special {
    /// Ask NAME something and wait for the first message that comes back
    Ask {
        /// Whom
        name: String,
        /// Words, or - for all of standard input
        #[arg(required = true)]
        text: Vec<String>,
        /// How long to wait for the answer
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
        timeout: Duration,
        /// Only yes (0) and no (1) are answers
        #[arg(long)]
        yes_no: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Requests on standard input, replies and events on standard output
    Control {
        #[command(flatten)]
        common: Common,
    },
    /// What happens, an object of JSON a line
    Events {
        /// Only these kinds
        #[arg(long, value_name = "KIND", value_delimiter = ',')]
        types: Vec<String>,
        /// From this event on
        #[arg(long, value_name = "EID", conflicts_with = "last")]
        since: Option<String>,
        /// Begin with the latest so many
        #[arg(long, value_name = "N")]
        last: Option<usize>,
        #[command(flatten)]
        common: Common,
    },
    /// Run a command and tell NAME how it ended
    Notify {
        /// Whom
        name: String,
        /// How many of its last lines are told if it failed
        #[arg(long, value_name = "N", default_value_t = 5)]
        tail: usize,
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        asked: Asked,
        /// The command and its arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Send every line of standard input as a message
    #[command(
        after_help = "A line is at most 65536 bytes, with its prefix. Empty lines are left \
        out. As long as the mailbox of an absent person is full it waits, and reads no more."
    )]
    Pipe(PipeArgs),
    /// Wait for messages and write them
    Recv(RecvArgs),
}

#[derive(Clone, Debug, Args)]
struct PipeArgs {
    /// NAME or #GROUP
    #[arg(long, value_name = "TARGET", value_parser = target)]
    to: Target,
    /// Lines that come within this time are one message
    #[arg(long, value_name = "TIME", value_parser = duration)]
    join: Option<Duration>,
    /// What each message begins with
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    /// Drop and count what exceeds this, as 5/s
    #[arg(long, value_name = "N/s", value_parser = rate)]
    max_rate: Option<u32>,
    /// How long to wait for the last outcomes
    #[arg(long, value_name = "TIME", value_parser = duration)]
    drain: Option<Duration>,
    /// What has to be known of each
    #[arg(long, value_enum, value_name = "RUNG", default_value_t = Require::Stored)]
    require: Require,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Debug, Args)]
struct RecvArgs {
    /// Only of NAME
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// Only to this group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Only what this regular expression is found in
    #[arg(long = "match", value_name = "RE")]
    matching: Option<String>,
    /// How many
    #[arg(short = 'n', value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// How long to wait for them
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// After this event, also what came before
    #[arg(long, value_name = "EID")]
    since: Option<String>,
    /// As `{from}: {text}`
    #[arg(long, value_name = "FORMAT", conflicts_with = "json")]
    format: Option<String>,
    /// The exact text, and a NUL
    #[arg(short = '0', conflicts_with_all = ["json", "format"])]
    nul: bool,
    #[command(flatten)]
    common: Common,
}

/// What is to be done for a subcommand that is one of these.
pub(super) fn invocation(
    name: &str,
    found: &ArgMatches,
    args: &[String],
) -> Result<Invocation, Refused> {
    // After `--` everything is text.
    let is_literal = args.iter().any(|arg| arg == "--");
    let registry = Registry::builtin();
    if let Some(command) = registry.commands().iter().find(|one| one.name == name) {
        return match &*command.name {
            "plugin" => plugin(found),
            "version" => Ok(Invocation::Print(format!("{PROGRAM}\n"))),
            _ => ordinary(command, found, is_literal),
        };
    }
    // What clap parsed is under its own name again.
    let outer = Command::new("").subcommand_required(true);
    let special = Special::augment_subcommands(outer);
    let words = std::iter::once("").chain(args.iter().map(String::as_str));
    let outer = special
        .try_get_matches_from(words)
        .map_err(|error| wrong(&error))?;
    Special::from_arg_matches(&outer)
        .map_err(|error| wrong(&error))?
        .invocation(found, is_literal)
}

fn wrong(error: &clap::Error) -> Refused {
    refused(error.to_string().trim_end())
}

/// `plugin`, the one that needs no session.
fn plugin(found: &ArgMatches) -> Result<Invocation, Refused> {
    let word = |name: &str| found.get_one::<String>(name).map(String::as_str);
    let wish = match (word("what"), word("name")) {
        (Some("list"), None) => plugins::Wish::List,
        (Some("new"), Some(name)) => {
            let wrong = "error: a name is a to z, 0 to 9, - and _";
            plugins::Wish::New(Word::new(name).ok_or_else(|| refused(wrong))?)
        }
        _ => return Err(refused("error: plugin list, or plugin new NAME")),
    };
    Ok(Invocation::Plugin(wish))
}

/// A command of the registry.
fn ordinary(
    command: &command::Command,
    found: &ArgMatches,
    is_literal: bool,
) -> Result<Invocation, Refused> {
    let common = Common::from_arg_matches(found).map_err(|error| wrong(&error))?;
    let mut words = vec![command.name.to_string()];
    for param in &command.params {
        let values = found.get_many::<String>(&param.name);
        let values = values.into_iter().flatten();
        match param.kind {
            Kind::File => words.extend(values.map(|path| absolute(path))),
            _ => words.extend(values.cloned()),
        }
    }
    let asked = if command.is_message {
        Asked::from_arg_matches(found).map_err(|error| wrong(&error))?
    } else {
        Asked::default()
    };
    let takes_text = command.params.iter().any(|param| param.kind == Kind::Text);
    let is_dash = !is_literal && takes_text && reads_stdin(&words[command.params.len()..]);
    let mut call = asked.words(words, command.is_message);
    if command.name == "send" {
        let again = Again::from_arg_matches(found).map_err(|error| wrong(&error))?;
        call.marks.id = again.id;
    }
    common.invocation(found, Task::Call(call), is_dash)
}

/// Where a file is, told to a session that may run somewhere else.
fn absolute(path: &str) -> String {
    let absolute = std::path::absolute(path);
    absolute.map_or_else(|_| path.to_owned(), |path| path.to_string_lossy().into())
}

impl Special {
    fn invocation(self, found: &ArgMatches, is_literal: bool) -> Result<Invocation, Refused> {
        let (common, task, reads_text) = match self {
            Self::Ask {
                name,
                text,
                timeout,
                yes_no,
                common,
            } => {
                let is_dash = !is_literal && reads_stdin(&text);
                let words = [vec!["send".to_owned(), name.clone()], text].concat();
                let asked = Asked {
                    timeout: Some(timeout),
                    ..Asked::default()
                };
                let command = asked.words(words, true);
                let task = Task::Ask {
                    who: name,
                    command,
                    timeout,
                    yes_no,
                };
                (common, task, is_dash)
            }
            Self::Control { common } => (common, Task::Control, false),
            Self::Events {
                types,
                since,
                last,
                common,
            } => (common, Task::Events { types, since, last }, false),
            Self::Notify {
                name,
                tail,
                common,
                asked,
                command,
            } => {
                let call = asked.words(vec!["send".to_owned(), name], true);
                let options = common.options(found, Task::Call(call), false)?;
                let wrapped = Wrapped { command, tail };
                return Ok(Invocation::Notify(Box::new(options), wrapped));
            }
            Self::Pipe(pipe) => (pipe.common.clone(), Task::Pipe(pipe.plan()), false),
            Self::Recv(recv) => (recv.common.clone(), Task::Receive(recv.wish()), false),
        };
        common.invocation(found, task, reads_text)
    }
}

impl PipeArgs {
    fn plan(self) -> Plan {
        Plan {
            to: self.to,
            join: self.join,
            prefix: self.prefix,
            rate_max: self.max_rate,
            drain: self.drain,
            rung: self.require.into(),
            own_session: false,
            auto: false,
        }
    }
}

impl RecvArgs {
    fn wish(self) -> Wish {
        let form = match self.format {
            Some(format) => Form::Format(format),
            None if self.nul => Form::Nul,
            None if self.common.json => Form::Json,
            None => Form::Text,
        };
        let group = self.group.as_deref();
        Wish {
            group: group.map(|group| group.trim_start_matches('#').to_owned()),
            from: self.from,
            matching: self.matching,
            count: self.count.try_into().unwrap_or(usize::MAX),
            timeout: self.timeout,
            since: self.since,
            form,
        }
    }
}

/// A text that is `-` is to be read.
fn reads_stdin(text: &[String]) -> bool {
    matches!(text, [one] if one == "-")
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            require: Require::Stored,
            timeout: None,
        }
    }
}

impl Asked {
    fn words(self, words: Vec<String>, is_message: bool) -> Words {
        Words {
            words,
            rung: self.require.into(),
            timeout: self.timeout,
            is_message,
            marks: Marks::default(),
        }
    }
}

impl Common {
    fn invocation(
        self,
        found: &ArgMatches,
        task: Task,
        reads_text: bool,
    ) -> Result<Invocation, Refused> {
        let options = self.options(found, task, reads_text)?;
        Ok(Invocation::OneShot(Box::new(options)))
    }

    fn options(self, found: &ArgMatches, task: Task, reads_text: bool) -> Result<Options, Refused> {
        let named = config::name(self.config.as_deref(), self.profile.as_deref());
        let chosen = self.sock.is_some() || is_socket_given();
        let session = match (named.map_err(fault)?, self.session) {
            (Some(name), which) => (client_name(&name)?, which.into()),
            // The socket says whose it is; without it there is nobody to be.
            (None, _) if chosen => (client_name("nobody")?, Session::Require),
            (None, _) => {
                let words = "error: whose session? Say --profile NAME, or default_profile in \
                             config.toml";
                return Err(refused(words));
            }
        };
        let (name, session) = session;
        let manner = Manner {
            json: self.json,
            quiet: self.quiet,
        };
        let join = Join {
            server_key: self.server_key,
            data: self.data,
            given: given(found),
            profile: self.profile,
            config: self.config,
            sock: self.sock,
            ..Join::unseen(name, self.server)
        };
        Ok(Options {
            join,
            session,
            manner,
            task,
            reads_text,
        })
    }
}

impl From<Which> for Session {
    fn from(which: Which) -> Self {
        match which {
            Which::Prefer => Self::Prefer,
            Which::Require => Self::Require,
            Which::Never => Self::Never,
        }
    }
}

impl From<Require> for Rung {
    fn from(require: Require) -> Self {
        match require {
            Require::Queued => Self::Queued,
            Require::Stored => Self::Stored,
            Require::Delivered => Self::Delivered,
        }
    }
}

fn message_id(digits: &str) -> Result<MessageId, String> {
    let wrong = |_| "an id has 32 hex digits".to_owned();
    digits.parse().map_err(wrong)
}

fn duration(word: &str) -> Result<Duration, String> {
    let wrong = "expected a time, as 500ms, 10s or 5m";
    tree::duration(word).ok_or_else(|| wrong.to_owned())
}

fn rate(word: &str) -> Result<u32, String> {
    let count = word.strip_suffix("/s").and_then(|count| count.parse().ok());
    count
        .filter(|count| *count > 0)
        .ok_or_else(|| "expected messages in a second, as 5/s".to_owned())
}

fn target(word: &str) -> Result<Target, String> {
    let found = match word.strip_prefix('#') {
        Some(group) => group.parse().map(Target::Group),
        None => word.parse().map(Target::Name),
    };
    found.map_err(|why| format!("expected NAME or #GROUP: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_registry_has_help_and_examples_that_it_takes() {
        let mut program = Command::new("ackchat").subcommands(commands());
        program.build();
        let registry = Registry::builtin();
        for command in registry.commands().iter().filter(|one| is_oneshot(one)) {
            let name = &*command.name;
            let help = program
                .clone()
                .try_get_matches_from(["ackchat", name, "--help"]);
            let help = help.unwrap_err();
            assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp, "{name}");
            for example in &command.examples {
                let words: Vec<&str> = example.line.split_whitespace().collect();
                // Aliases are for those who type often.
                if words.first() == Some(&name) {
                    let words = [&["ackchat"], &words[..]].concat();
                    let found = program.clone().try_get_matches_from(words);
                    assert!(found.is_ok(), "{}", example.line);
                }
            }
        }
    }
}
