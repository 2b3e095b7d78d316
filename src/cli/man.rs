//! The manual: a page for each subcommand from what the arguments say, and pages about scripts,
//! events, settings, the shell and other programs from the tables that they are made of.

use super::{Modern, oneshot};
use ackchat::driver::programs::plugins;
use ackchat::model::limits;
use ackchat::shell::command::Command as ShellCommand;
use ackchat::shell::exit::ErrorCode;
use ackchat::shell::fields::{KINDS, Kind, QUERIES, Takes};
use ackchat::shell::hooks;
use ackchat::shell::settings::{SETTINGS, When};
use ackchat::shell::{Registry, manual};
use clap::CommandFactory;
use clap_mangen::Man;
use std::fmt::Write as _;

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// `ackchat-join.1`.
    pub(crate) file: String,
    /// As `man` reads it.
    pub(crate) text: String,
}

/// The page of a word: `join`, `ackchat-join`, `events`; without one that of the program.
pub(super) fn find(word: Option<&str>) -> Option<Page> {
    let word = word.unwrap_or("ackchat");
    let is_meant = |page: &Page| {
        let name = page.file.rsplit_once('.').map_or("", |(name, _)| name);
        let short = page.file.strip_prefix("ackchat-");
        name == word || short == Some(word) || name.strip_prefix("ackchat-") == Some(word)
    };
    pages().into_iter().find(is_meant)
}

/// All of them.
pub(super) fn pages() -> Vec<Page> {
    let mut program = Modern::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    of_arguments(&program, &mut pages);
    pages.extend([chat(), config(), events(), other_programs(), shell()]);
    let mut oneshots = clap::Command::new("ackchat")
        .disable_help_subcommand(true)
        .subcommands(oneshot::commands());
    oneshots.build();
    for command in oneshots.get_subcommands() {
        of_arguments(command, &mut pages);
    }
    pages
}

/// The page of a command and those of the commands below it.
fn of_arguments(command: &clap::Command, pages: &mut Vec<Page>) {
    if command.is_hide_set() {
        return;
    }
    let mut text = Vec::new();
    let name = command.get_display_name().unwrap_or(command.get_name());
    let page = Man::new(command.clone()).title(name);
    page.render(&mut text)
        .expect("memory takes what is written");
    let text = String::from_utf8(text).expect("arguments are described in UTF-8");
    let file = format!("{name}.1");
    pages.push(Page { file, text });
    for below in command.get_subcommands() {
        of_arguments(below, pages);
    }
}

/// A page being written, in the language of `man`.
struct Roff {
    file: String,
    text: String,
}

impl Roff {
    fn new(name: &str, section: u8, about: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(
            ".TH {name} {section} \"\" \"ackchat {version}\"\n.SH NAME\n{} \\- {}\n",
            escaped(name),
            escaped(about),
        );
        let file = format!("{name}.{section}");
        Self { file, text }
    }

    fn section(mut self, title: &str) -> Self {
        let title = title.to_uppercase();
        writeln!(self.text, ".SH \"{}\"", escaped(&title)).expect("memory takes it");
        self
    }

    fn words(mut self, words: &str) -> Self {
        writeln!(self.text, ".PP\n{}", escaped(words)).expect("memory takes it");
        self
    }

    fn item(mut self, term: &str, words: &str) -> Self {
        let (term, words) = (escaped(term), escaped(words));
        writeln!(self.text, ".TP\n\\fB{term}\\fR\n{words}").expect("memory takes it");
        self
    }

    fn lines(mut self, lines: &str) -> Self {
        let lines = escaped(lines.trim_end());
        writeln!(self.text, ".PP\n.RS 4\n.nf\n{lines}\n.fi\n.RE").expect("memory takes it");
        self
    }

    fn items<'a>(self, items: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut page = self;
        for (term, words) in items {
            page = page.item(term, words);
        }
        page
    }

    fn kinds(self, kinds: &[Kind]) -> Self {
        kinds
            .iter()
            .fold(self, |page, kind| page.item(kind.name, &fields(kind)))
    }

    fn page(self) -> Page {
        let Self { file, text } = self;
        Page { file, text }
    }
}

/// What would be a request at the begin of a line, and what begins an escape, is a letter here.
fn escaped(text: &str) -> String {
    let line = |line: &str| {
        let line = line
            .replace('\\', "\\e")
            .replace('-', "\\-")
            .replace('\'', "\\(aq");
        if line.starts_with('.') {
            return format!("\\&{line}");
        }
        line
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn fields(kind: &Kind) -> String {
    let fields = kind.fields.iter().map(|field| match field.takes {
        Takes::Flag => format!("{} (true or false)", field.name),
        Takes::Number => format!("{} (a number)", field.name),
        Takes::Text => field.name.to_owned(),
        Takes::Time => format!("{} (a time)", field.name),
        Takes::Words(words) => format!("{} ({})", field.name, words.join(", ")),
    });
    fields.collect::<Vec<_>>().join("; ")
}

fn chat() -> Page {
    Roff::new(
        "ackchat-chat",
        5,
        "conversations as files, which run as tests",
    )
    .section("description")
    .words(
        "A .chat file is a conversation written down: what people type and what they see. \
             \"ackchat run FILE.chat\" runs it in virtual time, or over real sockets with \
             \\-\\-real, and judges it."
            .replace("\\-", "-")
            .as_str(),
    )
    .section("example")
    .lines(
        "server s\nactor alice bob\n\nalice> send bob hi\nalice< [Message received by bob.]\n\
             bob<   alice: hi\nnet drop 30% alice<->bob\nalice> send bob still there?\n\
             bob<   alice: still there?",
    )
    .section("lines")
    .items([
        ("NAME> LINE", "NAME types the line."),
        (
            "NAME< PATTERN",
            "NAME sees this, now or within the time limit.",
        ),
        (
            "NAME<< PATTERN",
            "the very next thing that NAME sees is this.",
        ),
        ("NAME!< PATTERN", "NAME does not see this."),
        ("NAME? QUERY", "a record as this is known to NAME."),
        ("# WORDS", "a comment."),
    ])
    .section("patterns")
    .words(
        "A pattern is \"bob: text\", a line as it is shown in brackets, or a kind of event \
             with conditions on its fields: = and != compare the whole value, ~ and !~ are a glob \
             or a /regular expression/, < <= > >= compare numbers. The events:",
    )
    .kinds(KINDS)
    .section("queries")
    .kinds(QUERIES)
    .section("see also")
    .words("ackchat-run(1), ackchat-replay(1), ackchat-merge(1), ackchat-events(5)")
    .page()
}

fn config() -> Page {
    let mut page = Roff::new(
        "ackchat-config",
        5,
        "settings, lines for every start, and hooks",
    )
    .section("files")
    .items([
        (
            "config.toml",
            "settings, in the user's folder for configurations",
        ),
        ("rc.chat", "beside it: lines that are entered at the start"),
        ("plugins/", "beside it: programs that are commands"),
    ])
    .words(
        "An option of the program stands above ACKCHAT_SETTING in the environment, that above \
             the profile's part of config.toml, that above [default]. A file that others can \
             write to is refused. \"ackchat config check\" tells what is wrong, with line and \
             caret; \"ackchat config show --origin\" where each value comes from.",
    )
    .section("example")
    .lines(
        "default_profile = \"dora\"\n\n[default]\nnotify = \"bell\"\n\n[profile.dora]\n\
             server = \"192.168.7.20:2475\"\n\n[[hook]]\nname = \"urgent\"\non = \"message\"\n\
             if = 'from=bob text~\"*urgent*\"'\nrun = [\"notify-send\", \"--\", \"chat\"]",
    )
    .section("settings");
    for setting in &SETTINGS {
        let when = match setting.when {
            When::Live => "",
            When::Start => " It is decided at the start.",
        };
        let default = if setting.default.is_empty() {
            "nothing"
        } else {
            setting.default
        };
        let words = format!(
            "{}. It is {}; if nobody says it, {default}.{when}",
            setting.about,
            setting.expected()
        );
        page = page.item(setting.key, &words);
    }
    page.section("hooks")
        .items([
            ("name", "one word, for people"),
            (
                "on",
                &format!("the kind of event: {}", hooks::KINDS.join(", ")),
            ),
            (
                "if",
                "conditions on its fields, as in ackchat-chat(5); there are no variables",
            ),
            (
                "run",
                "a program and its arguments; never a line for a shell",
            ),
            (
                "stdin",
                "what it reads: json (the event), text (of the message) or none",
            ),
            (
                "reply",
                "true: what it writes is sent back, marked as automatic",
            ),
            (
                "timeout",
                "it is ended after so long: 5s, unless it is said",
            ),
        ])
        .words("ackchat-plugins(7) tells what a hook finds in its environment.")
        .section("see also")
        .words("ackchat-config(1), ackchat-events(5), ackchat-plugins(7)")
        .page()
}

fn events() -> Page {
    let mut page = Roff::new(
        "ackchat-events",
        5,
        "what programs are told, as lines of JSON",
    )
    .section("description")
    .words(
        "One object a line. Every event has v (the version, 1), ev (its kind), ts (when this \
             program learned it, RFC 3339 in UTC) and profile. A field that has no value is left \
             out. Fields that are not known are to be ignored: new ones do not change the version.",
    )
    .section("events")
    .kinds(KINDS)
    .section("records")
    .words("What a question is answered with, an object each:")
    .kinds(QUERIES)
    .section("codes of errors")
    .words("With the exit status of a program whose line failed so:");
    for code in ErrorCode::ALL {
        page = page.item(code.word(), &code.exit().code().to_string());
    }
    page.section("see also")
        .words("ackchat-config(5), ackchat-plugins(7), ackchat-shell(7)")
        .page()
}

fn other_programs() -> Page {
    let seconds = |limit: std::time::Duration| format!("{} s", limit.as_secs_f64());
    Roff::new(
        "ackchat-plugins",
        7,
        "commands and hooks that are programs of your own",
    )
    .section("commands")
    .words(
        "An executable ackchat-NAME in plugins/ beside config.toml, then on the PATH, is the \
             command NAME of the shell and of ackchat itself. Built-in commands win. \"plugin \
             list\" shows where each comes from, \"plugin new NAME\" writes this one:",
    )
    .lines(&plugins::script("NAME"))
    .words(&format!(
        "It gets its words as arguments, a text as one; its input is empty. What it writes is \
             shown, made fit for a screen, {} bytes at most, and never run. If it ends with \
             another status than 0, the last line of its standard error is why. To act, it calls \
             ackchat or speaks to the socket.",
        limits::CHILD_OUTPUT_BYTES_MAX
    ))
    .section("manifest")
    .words(&format!(
        "ackchat-NAME --ackchat-manifest prints one object of JSON within {}. Without one, \
             or with a bad one, the command takes any words.",
        seconds(limits::MANIFEST_LIMIT)
    ))
    .items([
        ("api", "1"),
        ("about", "what it does, as one phrase"),
        (
            "args",
            "its arguments in order: name, kind, values (of a choice), optional. What kind \
                 is known is checked and completed: choice, command, file, group, id, int, \
                 peer, setting, target, text, topic, word, words",
        ),
        ("examples", "lines that work"),
        (
            "timeout",
            "it is ended after so long: 30s, unless it is said",
        ),
        (
            "dynamic",
            "true: for bash, zsh and fish, ackchat-NAME __complete -- WORDS prints what may \
                 follow, a line each: value, tab, description",
        ),
    ])
    .section("hooks")
    .words(
        "A hook of config.toml runs when something happens, one process at a time, in order. \
             At its limit it gets SIGTERM, a second later SIGKILL, with all that it started. \
             What it writes to its standard error is in the log of the profile.",
    )
    .words(&format!(
        "A reply is marked as automatic. No hook runs because of an automatic message, and \
             nobody gets more than {} replies a minute.",
        limits::HOOK_REPLIES_MAX
    ))
    .section("environment")
    .items([
        (
            "ACKCHAT_SOCK",
            "the socket of the session: what ackchat uses by itself",
        ),
        ("ACKCHAT_PROFILE, ACKCHAT_SELF", "whose session it is"),
        ("ACKCHAT_PLUGIN_API", "1, for a command"),
        (
            "ACKCHAT_CONV",
            "for a command: with whom a conversation is open",
        ),
        ("ACKCHAT_EVENT", "for a hook: the kind of event"),
        (
            "ACKCHAT_FROM, ACKCHAT_TO, ACKCHAT_GROUP, ACKCHAT_ID",
            "for a hook: these fields of the event, if it has them",
        ),
        (
            "ACKCHAT_TEXT",
            &format!(
                "for a hook: the text, cut at {} bytes; then ACKCHAT_TEXT_CUT is 1. \
                     Standard input has all of it",
                limits::HOOK_TEXT_BYTES_MAX
            ),
        ),
        (
            "ACKCHAT_JSON",
            &format!(
                "for a hook: the event, up to {} bytes",
                limits::HOOK_JSON_BYTES_MAX
            ),
        ),
    ])
    .section("see also")
    .words("ackchat-config(5), ackchat-events(5), ackchat-shell(7)")
    .page()
}

fn shell() -> Page {
    let page = Roff::new("ackchat-shell", 7, "what one can type")
        .section("description")
        .words(
            "The first word of a line is a command. In a conversation (\"open bob\") every line \
             is a message, and a command begins with a slash.",
        )
        .section("commands");
    let registry = Registry::builtin();
    let item = |page: Roff, command: &ShellCommand| {
        let page = page.item(&command.usage(), &format!("{}.", command.about));
        page.lines(
            &manual::page(command)
                .lines()
                .skip(1)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    };
    let page = registry.commands().iter().fold(page, item);
    page.section("see also")
        .words("ackchat(1), ackchat-chat(5), ackchat-plugins(7)")
        .page()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::io::Write as _;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::{env, fs};

    /// `UPDATE=1 cargo test --bin ackchat` writes the files anew.
    #[test]
    fn the_pages_are_what_the_tables_say() {
        let folder = Path::new("docs/man");
        let pages = pages();
        if env::var_os("UPDATE").is_some() {
            fs::create_dir_all(folder).unwrap();
            for page in &pages {
                fs::write(folder.join(&page.file), &page.text).unwrap();
            }
        }
        let kept: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let made: BTreeSet<String> = pages.iter().map(|page| page.file.clone()).collect();
        assert_eq!(kept, made, "docs/man: UPDATE=1 cargo test --bin ackchat");
        for page in pages {
            let kept = fs::read_to_string(folder.join(&page.file)).unwrap();
            assert!(
                kept == page.text,
                "{} is not what the tables say",
                page.file
            );
        }
    }

    #[test]
    fn a_page_is_found_by_its_name_with_or_without_ours() {
        for (word, file) in [
            (None, "ackchat.1"),
            (Some("join"), "ackchat-join.1"),
            (Some("ackchat-join"), "ackchat-join.1"),
            (Some("config"), "ackchat-config.1"),
            (Some("config.5"), "ackchat-config.5"),
            (Some("events"), "ackchat-events.5"),
            (Some("plugins"), "ackchat-plugins.7"),
            (Some("send"), "ackchat-send.1"),
            (Some("events.1"), "ackchat-events.1"),
        ] {
            assert_eq!(find(word).unwrap().file, file);
        }
        assert_eq!(find(Some("nothing")), None);
    }

    /// Where there is a formatter, it has nothing to say.
    #[test]
    fn pages_are_formatted_without_a_warning() {
        for page in pages() {
            let mut groff = Command::new("groff");
            groff.args(["-man", "-Tutf8", "-Kutf8", "-ww", "-rLL=100n"]);
            groff
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped());
            let Ok(mut groff) = groff.spawn() else { return };
            let mut stdin = groff.stdin.take().unwrap();
            stdin.write_all(page.text.as_bytes()).unwrap();
            drop(stdin);
            let output = groff.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                output.status.success() && said.is_empty(),
                "{}: {said}",
                page.file
            );
        }
    }

    #[test]
    fn a_line_that_begins_with_a_dot_is_a_line() {
        assert_eq!(escaped(".TH\na \\fB -x '"), "\\&.TH\na \\efB \\-x \\(aq");
    }
}
