//! Commands that are programs of somebody else: what a manifest says of them, and what the shell
//! asks of a host that can run them.

use super::LineId;
use super::args::{Kind, Need, Param};
use super::clean;
use super::command::{ALL_MODES, Command, Example, Face, Heading, LaterLines, Reach, Run};
use super::exit::ErrorCode;
use super::hooks::Job;
use super::registry::Registry;
use crate::model::duration;
use crate::model::limits::{
    NAME_BYTES_MAX, PLUGIN_ARGS_MAX, PLUGIN_LIMIT, PLUGIN_LIMIT_MAX, PLUGIN_VALUES_MAX,
};
use serde::Deserialize;
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What the name of every such program begins with.
pub const PREFIX: &str = "ackchat-";
/// What a program is given to tell what it is.
pub const MANIFEST_FLAG: &str = "--ackchat-manifest";
/// The version of what a manifest says and of what the environment holds.
pub const API: u32 = 1;

/// A program that is a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Its file.
    pub path: PathBuf,
    /// Where it was found.
    pub source: Source,
    /// It is ended after so long.
    pub limit: Duration,
    /// It completes its arguments itself.
    pub dynamic: bool,
}

/// Where a program was found; the first one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// In `plugins/` beside config.toml.
    Folder,
    /// On the PATH.
    Path,
}

/// A program to run, and the words that it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Which.
    pub external: Arc<External>,
    /// Its arguments, each one word.
    pub words: Vec<String>,
    /// Whom lines are for, as it would be typed: `bob`, `#lounge`.
    pub conversation: Option<String>,
}

/// What only a host with processes and files can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Look which programs are commands; to be answered by `handle_found`.
    Find(LineId, Wanted),
    /// Run a hook; to be answered by `handle_hook`.
    Hook(Job),
    /// Write a script to begin with; to be answered by `handle_chore`.
    New(LineId, Word),
    /// Run a program; to be answered by `handle_ran`.
    Run(LineId, Program),
}

/// Of which programs the manifests are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Of all that there are.
    All,
    /// Of the one with this name.
    One(Word),
}

/// What may follow `ackchat-`: lower-case letters, digits, `_` and `-`, and first a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(Box<str>);

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What it wrote to its standard output, cut where it was too much.
    pub output: Vec<u8>,
    /// The last line of its standard error.
    pub complaint: String,
    /// How.
    pub end: RanEnd,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RanEnd {
    /// With this status, or by the signal that 128 less is.
    Code(i32),
    /// It was ended, because its time was up.
    Late,
    /// It never began.
    NotBegun(String),
}

impl Word {
    /// None if it may not be the name of such a program.
    #[must_use]
    pub fn new(word: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        let begins = word.starts_with(|c: char| c.is_ascii_lowercase());
        let fits = begins && word.len() <= NAME_BYTES_MAX && word.chars().all(allowed);
        fits.then(|| Self(word.into()))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a program tells of itself.
#[derive(Debug, Deserialize)]
struct Manifest {
    api: u32,
    #[serde(default)]
    about: String,
    args: Vec<Argument>,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default)]
    dynamic: bool,
    timeout: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Argument {
    name: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    optional: bool,
}

/// The command that a program is. Without a manifest, or with a bad one, it takes any words.
#[must_use]
pub fn command(name: &Word, path: PathBuf, source: Source, manifest: Option<&str>) -> Command {
    let told = manifest.and_then(|text| serde_json::from_str::<Manifest>(text).ok());
    let told = told.filter(|told| told.api == API);
    let params = told.as_ref().and_then(|told| params(&told.args));
    let told = told.filter(|_| params.is_some());
    let limit = told
        .as_ref()
        .and_then(|told| duration(told.timeout.as_deref()?));
    let about = told
        .as_ref()
        .map(|told| first(&told.about, ABOUT_CHARS_MAX));
    let examples = told.as_ref().map_or(&[][..], |told| &told.examples);
    let examples = examples.iter().take(EXAMPLES_MAX).map(|line| Example {
        line: first(line, EXAMPLE_CHARS_MAX).into(),
        shows: Cow::Borrowed(""),
    });
    let external = External {
        path,
        source,
        limit: limit.unwrap_or(PLUGIN_LIMIT).min(PLUGIN_LIMIT_MAX),
        dynamic: told.as_ref().is_some_and(|told| told.dynamic),
    };
    Command {
        name: name.as_str().to_owned().into(),
        aliases: Vec::new(),
        heading: Heading::External,
        about: about.filter(|about| !about.is_empty()).map_or(
            Cow::Borrowed("a program that says nothing of itself"),
            Cow::Owned,
        ),
        params: params.unwrap_or_else(any_words),
        modes: ALL_MODES,
        faces: &[Face::Shell, Face::OneShot],
        done: "the program has ended",
        errors: &[ErrorCode::PluginFailed],
        examples: examples.collect(),
        later_lines: LaterLines::Run,
        is_message: false,
        reach: Reach::Server,
        run: Run::External(Arc::new(external)),
    }
}

/// What help shows of a program's words: a row.
const ABOUT_CHARS_MAX: usize = 60;
const EXAMPLE_CHARS_MAX: usize = 76;
const EXAMPLES_MAX: usize = 8;

/// The begin of a text, fit for one row.
fn first(text: &str, chars: usize) -> String {
    clean::line(text).chars().take(chars).collect()
}

fn any_words() -> Vec<Param> {
    vec![Param {
        name: Cow::Borrowed("words"),
        kind: Kind::Words,
        need: Need::Optional,
    }]
}

/// None if they cannot be: too many, without names, or something after the rest of the line.
fn params(args: &[Argument]) -> Option<Vec<Param>> {
    let params: Vec<Param> = args.iter().map(param).collect::<Option<_>>()?;
    let last = params.len().checked_sub(1);
    let rest = |param: &Param| param.kind.takes_rest() || param.kind == Kind::Words;
    let early = params
        .iter()
        .position(rest)
        .is_some_and(|at| Some(at) != last);
    let needs: Vec<Need> = params.iter().map(|param| param.need).collect();
    let is_ordered = !needs
        .windows(2)
        .any(|two| two == [Need::Optional, Need::Required]);
    (params.len() <= PLUGIN_ARGS_MAX && !early && is_ordered).then_some(params)
}

fn param(arg: &Argument) -> Option<Param> {
    let name = Word::new(&arg.name)?.0.into_string();
    let kind = match arg.kind.as_str() {
        "choice" if !arg.values.is_empty() => {
            let words: Vec<String> = arg.values.iter().map(|word| clean::line(word)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if words.len() > PLUGIN_VALUES_MAX {
                return None;
            }
            Kind::choice(&words)
        }
        "command" => Kind::Command,
        "file" => Kind::File,
        "group" => Kind::Group,
        "id" => Kind::Id,
        "int" => Kind::Count,
        "peer" => Kind::Peer,
        "setting" => Kind::Setting,
        "target" => Kind::Target,
        "text" => Kind::Text,
        "topic" => Kind::Topic,
        "words" => Kind::Words,
        // A kind of a later version is a word like any other.
        _ => Kind::Word,
    };
    let need = if arg.optional {
        Need::Optional
    } else {
        Need::Required
    };
    Some(Param {
        name: name.into(),
        kind,
        need,
    })
}

/// `plugin list`: where each command comes from, and what is hidden by what.
#[must_use]
pub fn listed(registry: &Registry) -> (&'static str, Vec<String>) {
    let row = |command: &Command, remark: &str| {
        let Run::External(external) = &command.run else {
            return String::new();
        };
        let source = match external.source {
            Source::Folder => "plugins",
            Source::Path => "PATH",
        };
        let path = clean::line(&external.path.display().to_string());
        format!("  {}  {source}  {path}{remark}", command.name)
    };
    let found = registry.external().iter().map(|command| row(command, ""));
    let hidden = registry.hidden().iter().map(|command| {
        let is_built_in = registry.is_built_in(&command.name);
        let by = if is_built_in {
            "the built-in one"
        } else {
            "the one above"
        };
        row(command, &format!("  (never run: {by} wins)"))
    });
    let rows: Vec<String> = found.chain(hidden).collect();
    let head = if rows.is_empty() {
        "No commands of other programs."
    } else {
        "Commands of other programs:"
    };
    (head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMIND: &str = r#"{"api":1,"about":"say something later","args":[
        {"name":"name","kind":"peer"},{"name":"minutes","kind":"int"},
        {"name":"text","kind":"text"}],"examples":["remind bob 10 tea is ready"],
        "timeout":"5s","dynamic":true,"of_later":[1]}"#;

    fn made(manifest: Option<&str>) -> Command {
        let word = Word::new("remind").unwrap();
        command(&word, "/x/ackchat-remind".into(), Source::Folder, manifest)
    }

    fn external(command: &Command) -> &External {
        match &command.run {
            Run::External(external) => external,
            Run::BuiltIn(_) => panic!("a program"),
        }
    }

    #[test]
    fn a_manifest_makes_a_command_like_any_other() {
        let command = made(Some(REMIND));
        assert_eq!(command.usage(), "remind NAME MINUTES TEXT");
        assert_eq!(command.about, "say something later");
        assert_eq!(command.examples[0].line, "remind bob 10 tea is ready");
        let external = external(&command);
        assert_eq!((external.limit.as_secs(), external.dynamic), (5, true));
    }

    #[test]
    fn without_a_manifest_or_with_a_bad_one_it_takes_any_words() {
        let many = format!(
            r#"{{"api":1,"args":[{}]}}"#,
            vec![r#"{"name":"x"}"#; PLUGIN_ARGS_MAX + 1].join(",")
        );
        for manifest in [
            None,
            Some(""),
            Some("no json"),
            Some(r#"{"api":2,"args":[]}"#),
            Some(r#"{"api":1}"#),
            Some(r#"{"api":1,"args":[{"name":"-rf"}]}"#),
            Some(r#"{"api":1,"args":[{"name":"text","kind":"text"},{"name":"x"}]}"#),
            Some(r#"{"api":1,"args":[{"name":"a","optional":true},{"name":"b"}]}"#),
            Some(&many),
        ] {
            let command = made(manifest);
            assert_eq!(command.usage(), "remind [WORDS..]", "{manifest:?}");
            assert_eq!(external(&command).limit, PLUGIN_LIMIT);
        }
    }

    #[test]
    fn words_of_a_manifest_reach_the_screen_clean_and_short() {
        let hostile = r#"{"api":1,"about":"\u001b[2J\u202eboo\nfaked line","args":[],
            "examples":["a\u0007b"],"timeout":"9000d"}"#;
        let command = made(Some(hostile));
        assert!(
            !command.about.contains(['\u{1b}', '\n', '\u{202e}']),
            "{}",
            command.about
        );
        assert!(!command.examples[0].line.contains('\u{7}'));
        assert_eq!(external(&command).limit, PLUGIN_LIMIT_MAX);
        let long = format!(r#"{{"api":1,"args":[],"about":"{}"}}"#, "x".repeat(9999));
        assert_eq!(made(Some(&long)).about.len(), ABOUT_CHARS_MAX);
    }

    #[test]
    fn a_name_is_one_word_that_is_no_option_and_no_path() {
        for (word, fits) in [
            ("remind", true),
            ("a", true),
            ("x-y_2", true),
            ("", false),
            ("-rf", false),
            ("2x", false),
            ("Remind", false),
            ("../x", false),
            ("a/b", false),
            ("a b", false),
            ("a\0", false),
        ] {
            assert_eq!(Word::new(word).is_some(), fits, "{word}");
        }
        assert!(Word::new(&"a".repeat(NAME_BYTES_MAX)).is_some());
        assert!(Word::new(&"a".repeat(NAME_BYTES_MAX + 1)).is_none());
    }
}
