//! Where, what, and what now: the hint lines under a refusal.

use super::args::Kind;
use super::clean;
use super::command::{Command, Context};
use super::command::{CommandError, In, Refusal};
use super::grammar::{self, Input, Line};
use crate::client::{Mode, View};
use crate::model::limits::TEXT_BYTES_MAX;
use std::ops::Range;
use unicode_width::UnicodeWidthStr;

/// Columns of a line that are quoted before and after the place that is meant.
const QUOTE_COLUMNS: usize = 36;
/// How many suggestions are made.
const NEAREST_MAX: usize = 3;
/// Words shorter than this are near to everything.
const NEAREST_CHARS_MIN: usize = 3;

/// The hint lines for a line that was refused: the line, a caret, and what would be right.
#[must_use]
pub fn hint(source: &str, error: &CommandError, cx: &Context<'_>) -> Option<String> {
    let advice = advice(source, error, cx)?;
    if source.is_empty() || error.refusal == Refusal::LongText {
        return Some(format!("  {advice}"));
    }
    Some(caret(source, &error.span, &advice))
}

/// `  did you mean bob?`, or nothing if nothing is near.
#[must_use]
pub fn did_you_mean(nearest: &[String]) -> Option<String> {
    let (last, others) = nearest.split_last()?;
    if others.is_empty() {
        return Some(format!("did you mean {last}?"));
    }
    Some(format!("did you mean {} or {last}?", others.join(", ")))
}

/// The candidates near a word: only case differs, or one edit or transposition, or a distance
/// of at most a third of its length; the nearest first, at most three.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<String> {
    let word = word.to_lowercase();
    let chars = word.chars().count();
    if !(NEAREST_CHARS_MIN..=crate::model::limits::NAME_BYTES_MAX).contains(&chars) {
        return Vec::new();
    }
    let mut near: Vec<(usize, &str)> = candidates
        .map(|candidate| {
            (
                strsim::osa_distance(&word, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            *distance <= (chars / 3).max(1) && *distance < candidate.chars().count()
        })
        .collect();
    near.sort_unstable();
    near.truncate(NEAREST_MAX);
    near.into_iter().map(|(_, word)| word.to_owned()).collect()
}

/// The line and, under the place that is meant, carets and advice.
#[must_use]
pub fn caret(source: &str, span: &Range<usize>, advice: &str) -> String {
    let quote = |range: Range<usize>| {
        let text = source.get(range).unwrap_or_default();
        clean::line(text).replace('\t', " ")
    };
    let before = keep_end(&quote(0..span.start), QUOTE_COLUMNS);
    let meant = keep_start(&quote(span.clone()), QUOTE_COLUMNS);
    let after = keep_start(&quote(span.end..source.len()), QUOTE_COLUMNS);
    let indent = " ".repeat(before.width());
    let carets = "^".repeat(meant.width().max(1));
    format!("  {before}{meant}{after}\n  {indent}{carets} {advice}")
}

/// The start of a text, as far as it fits into so many columns.
#[must_use]
pub fn keep_start(text: &str, columns: usize) -> String {
    let mut width = 0;
    let fits = |c: &char| {
        width += c.to_string().width();
        width <= columns
    };
    let kept: String = text.chars().take_while(fits).collect();
    if kept.len() < text.len() {
        return kept + "…";
    }
    kept
}

/// The end of a text, as far as it fits into so many columns.
pub(super) fn keep_end(text: &str, columns: usize) -> String {
    let backwards: String = text.chars().rev().collect();
    keep_start(&backwards, columns).chars().rev().collect()
}

/// What would be right, without quoting the line.
#[must_use]
pub fn advice(source: &str, error: &CommandError, cx: &Context<'_>) -> Option<String> {
    match &error.refusal {
        Refusal::BadGroupName(why) => Some(clean::line(&why.to_string())),
        Refusal::BadProgramName => {
            Some("lower-case letters, digits, - and _, and first a letter".to_owned())
        }
        Refusal::BadSuffix => Some("choose a name that ends in .txt or .json".to_owned()),
        Refusal::EmptyText(param) => Some(format!("{} is empty", param.label())),
        Refusal::LongText => Some(format!("a text has at most {TEXT_BYTES_MAX} bytes")),
        Refusal::Missing(param) => {
            let examples = examples(&param.kind, cx.view);
            Some(format!("{} is missing{examples}", param.label()))
        }
        Refusal::NoCount => Some("expected a number above zero".to_owned()),
        Refusal::NoId => {
            Some("an id is hexadecimal, at least 4 digits, as outbox shows".to_owned())
        }
        Refusal::NoChoice(words) => Some(format!("one of {}", words.join(", "))),
        Refusal::NoFingerprint => Some("a fingerprint is 30 digits, as verify shows it".to_owned()),
        Refusal::NoTarget => Some("say to whom: edit bob".to_owned()),
        Refusal::Surplus => Some("nothing stands here".to_owned()),
        Refusal::UnknownCommand => {
            let word = source.get(error.span.clone()).unwrap_or_default();
            let near = did_you_mean(&near_words(word, source, cx));
            Some(near.unwrap_or_else(|| "no command: help lists all".to_owned()))
        }
        Refusal::UnknownPeer => {
            let word = source.get(error.span.clone()).unwrap_or_default();
            did_you_mean(&near_names(word, cx.view))
        }
        Refusal::WrongMode => Some(wrong_mode(command_of(source, cx)?, &cx.view.mode)),
        Refusal::NoKey(_)
        | Refusal::NotSelfDereg(_)
        | Refusal::NotSelfReg(_)
        | Refusal::TerminalOnly
        | Refusal::TooManyLines => None,
    }
}

/// Commands, and topics where `help` was asked.
fn near_words(word: &str, source: &str, cx: &Context<'_>) -> Vec<String> {
    let is_help = command_of(source, cx).is_some_and(|command| command.name == "help");
    let topics = super::topics::TOPICS.iter().map(|topic| topic.word);
    let near = nearest(word, topics.filter(|_| is_help));
    if near.is_empty() {
        return cx.registry.nearest(word);
    }
    near
}

/// Names in the table that are near to a word.
#[must_use]
pub fn near_names(word: &str, view: &View) -> Vec<String> {
    nearest(word, view.table.keys().map(crate::model::Name::as_str))
}

/// Groups that were heard of and are near to a word.
#[must_use]
pub fn near_groups(word: &str, view: &View) -> Vec<String> {
    nearest(
        word,
        view.groups.iter().map(crate::model::GroupName::as_str),
    )
}

fn command_of<'a>(source: &str, cx: &Context<'a>) -> Option<&'a Command> {
    match grammar::line(source, Input::Command) {
        Line::Command(word, _) => cx.registry.find(word.text),
        Line::Blank | Line::Say(_) => None,
    }
}

fn wrong_mode(command: &Command, mode: &Mode) -> String {
    let what_now = match mode {
        Mode::Starting => "not logged in yet",
        Mode::Offline(_) => "you are offline: reg first",
        Mode::Normal if command.modes.contains(&In::Group) => {
            "you are in no group: join_group first"
        }
        Mode::Group(_) if command.modes.contains(&In::Normal) => {
            "you are in a group: leave_group first"
        }
        Mode::Group(_) | Mode::Normal => "you are online: only after dereg",
    };
    what_now.to_owned()
}

fn examples(kind: &Kind, view: &View) -> String {
    let words: Vec<&str> = match kind {
        Kind::Peer | Kind::Target => {
            let others = view.table.keys().filter(|name| **name != view.name);
            others.take(2).map(crate::model::Name::as_str).collect()
        }
        Kind::Group => {
            let groups = view.groups.iter().take(2);
            groups.map(crate::model::GroupName::as_str).collect()
        }
        Kind::Choice(_)
        | Kind::Command
        | Kind::Count
        | Kind::File
        | Kind::Fingerprint
        | Kind::Id
        | Kind::Oneself
        | Kind::Setting
        | Kind::SettingValue
        | Kind::Text
        | Kind::Topic
        | Kind::Word
        | Kind::Words => Vec::new(),
    };
    if words.is_empty() {
        return String::new();
    }
    format!(", e.g. {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_near_if_little_differs_and_never_if_much_does() {
        let words = [
            "send",
            "send_all",
            "send_group",
            "reg",
            "dereg",
            "h",
            "help",
            "exit",
        ];
        let near = |word| nearest(word, words.into_iter());
        assert_eq!(near("sned"), ["send"]);
        assert_eq!(near("SEND"), ["send"]);
        assert_eq!(near("sendall"), ["send_all"]);
        assert_eq!(near("send_gruop"), ["send_group"]);
        assert_eq!(near("hepl"), ["help"]);
        assert!(near("x").is_empty());
        assert!(near("frobnicate").is_empty());
        assert!(near(&"s".repeat(70_000)).is_empty());
    }

    #[test]
    fn suggestions_read_as_a_question() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(did_you_mean(&[]), None);
        assert_eq!(did_you_mean(&words(&["a"])).unwrap(), "did you mean a?");
        assert_eq!(
            did_you_mean(&words(&["a", "b", "c"])).unwrap(),
            "did you mean a, b or c?"
        );
    }

    #[test]
    fn the_caret_stands_under_what_is_meant() {
        assert_eq!(
            caret("sned bob hi", &(0..4), "what?"),
            "  sned bob hi\n  ^^^^ what?"
        );
        assert_eq!(caret("send", &(4..4), "more"), "  send\n      ^ more");
        assert_eq!(
            caret("join 日本;", &(5..12), "no"),
            "  join 日本;\n       ^^^^^ no"
        );
        assert_eq!(
            caret("\u{1b}[2J x", &(5..6), "no"),
            "  \u{241b}[2J x\n       ^ no"
        );
    }

    #[test]
    fn a_long_line_is_quoted_only_around_the_place() {
        let line = format!("{} wrong {}", "a".repeat(70_000), "b".repeat(70_000));
        let shown = caret(&line, &(70_001..70_006), "here");
        for row in shown.lines() {
            assert!(row.width() < 90, "{row}");
        }
        assert!(shown.contains("wrong"));
        let under = shown.lines().nth(1).unwrap().find('^').unwrap();
        let above = shown.lines().next().unwrap();
        assert_eq!(above.chars().take_while(|c| *c != 'w').count(), under);
    }
}
