//! `key=value`: which settings there are, and what they take.

use super::code::Code;
use super::lexis::{self, Reader, bad_duration, is_blank};
use super::tree::{Setting, Span, Template, duration};
use super::wrong::{Wrong, did_you_mean};
use crate::model::Name;
use crate::shell::grammar::Spanned;
use std::ops::Range;

/// What a setting takes.
#[derive(Clone, Copy, Debug)]
enum Takes {
    Duration,
    Label,
    Name,
    Port,
    Seed,
    Words(&'static [&'static str]),
}

type Table = &'static [(&'static str, Takes)];

const SWITCH: Takes = Takes::Words(&["on", "off"]);
const STYLE: Takes = Takes::Words(&["bracket", "plain"]);

const SET: Table = &[
    ("command_timeout", Takes::Duration),
    ("quiet", Takes::Duration),
    ("seed", Takes::Seed),
    ("strict", SWITCH),
    ("timeout", Takes::Duration),
];

const ACTOR: Table = &[
    ("as", Takes::Name),
    ("exit_on_dereg", SWITCH),
    ("group_private", Takes::Words(&["refuse", "allow"])),
    ("key", Takes::Label),
    ("on", Takes::Label),
    ("port", Takes::Port),
    ("relay", SWITCH),
    ("show_table", SWITCH),
    ("start", SWITCH),
    ("stay", SWITCH),
    ("style", STYLE),
];

const SERVER: Table = &[
    ("log_text", SWITCH),
    ("port", Takes::Port),
    ("quiet", SWITCH),
    ("relay", SWITCH),
];

/// Reads settings to the end of the line; `directive` is `set`, `actor` or `server`.
pub(super) fn settings(
    reader: &mut Reader<'_>,
    directive: &str,
    line: Span,
) -> Result<Vec<Setting>, Wrong> {
    let table = match directive {
        "actor" => ACTOR,
        "server" => SERVER,
        _ => SET,
    };
    let mut settings = Vec::new();
    while !reader.is_done() {
        reader.blanks();
        settings.push(setting(reader, directive, table, line)?);
    }
    Ok(settings)
}

fn setting(
    reader: &mut Reader<'_>,
    directive: &str,
    table: Table,
    line: Span,
) -> Result<Setting, Wrong> {
    let start = reader.at();
    let whole = reader.next_place();
    let key = reader.take(lexis::key).unwrap_or_default();
    let Some((key, takes)) = table.iter().find(|(name, _)| *name == key) else {
        let (word, range) = if key.is_empty() {
            (&reader.line()[whole.clone()], whole)
        } else {
            (key, start..start + key.len())
        };
        return Err(unknown(directive, table, word, range));
    };
    if !reader.sign("=") {
        let message = format!("\"{key}\" has no value");
        return Err(Wrong::new(Code::BadValue, whole, message).label(format!("write: {key}=VALUE")));
    }
    let at = reader.at();
    let value = if reader.rest().starts_with('"') {
        reader.quoted()?.template()
    } else {
        Template::parse(reader.take(lexis::up_to(&[])).unwrap_or_default())
    };
    if !reader.rest().is_empty() && !reader.rest().starts_with(is_blank) {
        let at = reader.at()..reader.next_place().end;
        let message = "a blank is needed between two settings";
        return Err(Wrong::new(Code::BadValue, at, message));
    }
    if let Some(text) = value.fixed() {
        fits(key, *takes, text, reader.since(at))?;
    }
    Ok(Setting {
        key: (*key).to_owned(),
        value,
        span: line.at(reader.since(start)),
    })
}

fn unknown(directive: &str, table: Table, word: &str, range: Range<usize>) -> Wrong {
    let keys = || table.iter().map(|(name, _)| *name);
    let message = format!("{directive} has no setting \"{word}\"");
    let wrong = Wrong::new(Code::UnknownField, range, message);
    let all = format!("settings: {}", keys().collect::<Vec<_>>().join(", "));
    match did_you_mean(word, keys(), "") {
        Some(question) => wrong.label(question).note(all),
        None => wrong.label(all),
    }
}

fn fits(key: &str, takes: Takes, text: &str, range: Range<usize>) -> Result<(), Wrong> {
    let (fits, label) = match takes {
        Takes::Duration if duration(text).is_none() => {
            return Err(bad_duration(&Spanned { text, span: range }));
        }
        Takes::Duration => (true, String::new()),
        Takes::Label => (
            lexis::is_label(text),
            "the name of a server or an actor".to_owned(),
        ),
        Takes::Name => match text.parse::<Name>() {
            Ok(_) => (true, String::new()),
            Err(why) => (false, why.to_string()),
        },
        Takes::Port => (
            text.parse::<u16>().is_ok_and(|port| port > 0),
            "1 to 65535".to_owned(),
        ),
        Takes::Seed => (text.parse::<u64>().is_ok(), "0 to 2^64 - 1".to_owned()),
        Takes::Words(words) => (
            words.contains(&text),
            format!("one of: {}", words.join(", ")),
        ),
    };
    if fits {
        return Ok(());
    }
    let message = format!("{key} cannot be \"{text}\"");
    Err(Wrong::new(Code::BadValue, range, message).label(label))
}
