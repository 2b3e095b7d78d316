//! Typed lines, held against the table of commands as far as that can be done before they run.

use super::code::Code;
use super::directive;
use super::lexis::{is_blank, is_label};
use super::tree::{Template, Typing};
use super::wrong::Wrong;
use crate::model::limits::TEXT_BYTES_MAX;
use crate::shell::Registry;
use crate::shell::command::{CommandError, Face, Refusal};
use crate::shell::explain;
use crate::shell::grammar::Input;
use crate::shell::registry::Parsed;
use std::ops::Range;

/// A line that somebody is to type.
pub(super) struct Typed<'a> {
    pub(super) line: &'a Template,
    /// As it stands in the file.
    pub(super) source: &'a str,
    pub(super) typing: Typing,
    /// Nothing stands before it: it may have been meant as a directive.
    pub(super) is_bare: bool,
    /// It may be a text, because its actor opened a conversation.
    pub(super) is_talking: bool,
}

impl Typed<'_> {
    /// The command, unless a variable will decide.
    fn word(&self) -> Option<&str> {
        let word = self.source.split(is_blank).next().unwrap_or_default();
        let is_fixed = Template::parse(word).fixed().is_some();
        is_fixed.then(|| word.strip_prefix('/').unwrap_or(word))
    }

    /// True if later lines of this actor may be texts.
    pub(super) fn opens_conversation(&self, registry: &Registry) -> bool {
        match self.word() {
            None => true,
            Some(word) => registry
                .find(word)
                .is_some_and(|found| found.name == "open"),
        }
    }
}

/// What is wrong with it; places are bytes of the line as it stands in the file.
pub(super) fn check(typed: &Typed<'_>, registry: &Registry) -> Result<(), Wrong> {
    if typed.is_talking && !typed.source.starts_with('/') {
        return Ok(());
    }
    let Some(word) = typed.word() else {
        return Ok(());
    };
    let range = 0..typed.source.split(is_blank).next().map_or(0, str::len);
    let Some(command) = registry.find(word) else {
        return unknown(typed, word, range, registry);
    };
    if !command.faces.contains(&Face::Chat) {
        let message = format!("\"{}\" is for the shell only", command.name);
        return Err(Wrong::new(Code::NotInScripts, range, message).label(instead(&command.name)));
    }
    // A line that has to fail may be as wrong as it likes.
    let Some(line) = typed
        .line
        .fixed()
        .filter(|_| typed.typing != Typing::MustFail)
    else {
        return Ok(());
    };
    match registry.parse(line, Input::Command) {
        Ok(Parsed::Call(call)) => match call.args {
            Ok(_) => Ok(()),
            Err(error) => Err(bad_arguments(&command.name, &error, typed)),
        },
        Ok(_) | Err(_) => Ok(()),
    }
}

/// True if a command could be meant.
pub(super) fn is_command(word: &str, registry: &Registry) -> bool {
    registry
        .find(word.strip_prefix('/').unwrap_or(word))
        .is_some()
}

/// A first word that nothing begins with.
pub(super) fn unknown_directive(word: &str, range: Range<usize>, registry: &Registry) -> Wrong {
    let message = format!("\"{word}\" is neither a directive nor a command");
    let wrong = Wrong::new(Code::UnknownDirective, range, message);
    let near = explain::nearest(word, directive::keywords());
    match question(&[near, registry.nearest(word)].concat()) {
        Some(question) => wrong.label(question),
        None => match word.strip_suffix(['>', '<', '?']) {
            Some(name) if !is_label(name.trim_end_matches(['<', '!', '&'])) => {
                wrong.label("a name here has letters, digits and _; as=NAME gives any other")
            }
            _ => wrong,
        },
    }
}

fn unknown(
    typed: &Typed<'_>,
    word: &str,
    range: Range<usize>,
    registry: &Registry,
) -> Result<(), Wrong> {
    if typed.is_bare {
        return Err(unknown_directive(word, range, registry));
    }
    let near = question(&registry.nearest(word));
    // Whoever wants to see a refusal types what is near to nothing.
    if typed.typing == Typing::MustFail && near.is_none() {
        return Ok(());
    }
    let message = format!("\"{word}\" is not a command");
    Err(Wrong::new(Code::UnknownCommand, range, message).label(near.unwrap_or_default()))
}

fn question(near: &[String]) -> Option<String> {
    let quoted: Vec<String> = near.iter().map(|word| format!("\"{word}\"")).collect();
    explain::did_you_mean(&quoted)
}

/// What to use in a file.
fn instead(command: &str) -> &'static str {
    match command {
        "hook" | "plugin" => "a script runs no other programs",
        "record" => "a script is a recording already",
        _ => "a script has no terminal",
    }
}

fn bad_arguments(command: &str, error: &CommandError, typed: &Typed<'_>) -> Wrong {
    let what = match &error.refusal {
        Refusal::BadGroupName(why) => why.to_string(),
        Refusal::EmptyText(param) => format!("{} is empty", param.label()),
        Refusal::LongText => format!("a text has at most {TEXT_BYTES_MAX} bytes"),
        Refusal::Missing(param) => format!("{} is missing", param.label()),
        Refusal::NoChoice(words) => format!("one of {} is missing", words.join(", ")),
        Refusal::NoFingerprint => "a fingerprint is 30 digits".to_owned(),
        Refusal::Surplus => "nothing more may stand here".to_owned(),
        _ => "this is no name".to_owned(),
    };
    // Where a `$$` became a `$` the places of the two lines differ.
    let is_same = typed.line.fixed() == Some(typed.source);
    let range = if is_same {
        error.span.clone()
    } else {
        0..typed.source.len()
    };
    let usage = error.usage.as_deref().unwrap_or_default();
    Wrong::new(Code::BadArguments, range, format!("{command}: {what}"))
        .label(format!("usage: {usage}"))
}
