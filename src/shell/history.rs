//! What was said before, as lines for people and as files.

use super::fields::{Fact, Value, scope};
use super::render::{Words, bracket, text_lines};
use super::{Style, Tone, clean};
use crate::client::port::{Entry, Recall, Recipient};
use crate::model::limits::{HISTORY_COUNT_MAX, REPLY_TEXTS_BYTES_MAX};
use crate::model::{Delivery, Name, Wall};
use crate::wire::packet::Audience;
use serde_json::json;
use std::collections::BTreeMap;

/// How one's own messages, times and notices look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) me: &'a Name,
    pub(super) wall: Wall,
    pub(super) style: Style,
}

/// Digits of an id that are shown: enough to tell a thousand messages apart.
const ID_DIGITS: usize = 8;

impl Look<'_> {
    /// The answer to a question.
    pub(super) fn answer(self, recall: &Recall, entries: &[Entry]) -> Words {
        let (title, rows): (String, Vec<String>) = match recall {
            Recall::History { talk, .. } => {
                let of = talk.as_ref().map(|talk| format!(" of {}", word(talk)));
                let title = format!("History{}:", of.unwrap_or_default());
                let rows = entries.iter().map(|entry| self.row(entry)).collect();
                (title, rows)
            }
            Recall::Outbox => {
                let rows = entries.iter().map(|entry| self.open_row(entry)).collect();
                ("Outbox:".to_owned(), rows)
            }
            Recall::Search { .. } => {
                let rows = entries.iter().map(|entry| self.row(entry)).collect();
                ("Messages found:".to_owned(), rows)
            }
            Recall::Unread => ("Unread messages:".to_owned(), unread(entries)),
        };
        if rows.is_empty() {
            return (Tone::Notice, bracket(&nothing(recall), self.style));
        }
        let title = bracket(&title, self.style);
        (
            Tone::Notice,
            std::iter::once(title)
                .chain(rows)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    }

    /// What a program is told beside an empty list, if it looked for something.
    pub(super) fn none(self, recall: &Recall) -> Option<String> {
        let is_wanted = matches!(
            recall,
            Recall::History { talk: Some(_), .. } | Recall::Search { .. }
        );
        is_wanted.then(|| bracket(&nothing(recall), self.style))
    }

    /// The same for programs.
    pub(super) fn records(self, recall: &Recall, entries: &[Entry]) -> Vec<Fact> {
        match recall {
            Recall::History { .. } | Recall::Search { .. } => {
                entries.iter().map(|entry| self.said(entry)).collect()
            }
            Recall::Outbox => entries.iter().map(open_record).collect(),
            Recall::Unread => counts(entries)
                .into_iter()
                .map(|(from, count)| Fact::new("unread").with("with", from).with("new", count))
                .collect(),
        }
    }

    fn said(self, entry: &Entry) -> Fact {
        let from = entry.from.as_ref().unwrap_or(self.me);
        let (to, group) = addressee(&entry.talk);
        // What others wrote to oneself alone.
        let to = if entry.from.is_some() {
            to.map(|_| self.me)
        } else {
            to
        };
        Fact::new("history")
            .with("id", entry.id)
            .with("with", word(&entry.talk))
            .with("from", from)
            .with_some("to", to)
            .with_some("group", group)
            .with("text", &*entry.text)
            .with_some("state", entry.state.map(Delivery::word))
            .with("auto", entry.auto)
            .with("sent_ts", Value::Time(entry.at_ms))
    }

    fn row(self, entry: &Entry) -> String {
        text_lines(&self.open(entry), &entry.text, "")
    }

    /// With what is known of it, and what `cancel` wants.
    fn open_row(self, entry: &Entry) -> String {
        let id = entry.id.to_string();
        let known = match entry.state {
            Some(Delivery::Stored) => "saved",
            _ => "not confirmed",
        };
        let open = format!("{} {known}, {}", &id[..ID_DIGITS], self.open(entry));
        text_lines(&open, &entry.text, "")
    }

    /// `2026-11-21 12:00:07 alice to bob: `
    fn open(self, entry: &Entry) -> String {
        let stamp = self.wall.at(entry.at_ms).stamp();
        let from = entry.from.as_ref().unwrap_or(self.me);
        match (&entry.talk, &entry.from) {
            (Recipient::Name(_), Some(_)) => format!("{stamp} {from}: "),
            (talk, _) => format!("{stamp} {from} to {}: ", word(talk)),
        }
    }

    /// The bytes of a file.
    pub(super) fn export(self, form: Form, entries: &[Entry]) -> Vec<u8> {
        let line = |entry: &Entry| match form {
            Form::Json => json_line(self.me, entry),
            Form::Text => {
                let all: Vec<String> = clean::lines(&entry.text).collect();
                self.open(entry) + &all.join("\n  ") + "\n"
            }
        };
        entries.iter().map(line).collect::<String>().into_bytes()
    }
}

fn nothing(recall: &Recall) -> String {
    match recall {
        Recall::History {
            talk: Some(talk), ..
        } => format!("No history of {}.", word(talk)),
        Recall::History { talk: None, .. } => "No history.".to_owned(),
        Recall::Outbox => "The outbox is empty.".to_owned(),
        Recall::Search { .. } => "No message found.".to_owned(),
        Recall::Unread => "No unread messages.".to_owned(),
    }
}

/// The newest of them that fit into one reply to a program.
pub(super) fn fitting(entries: &[Entry]) -> &[Entry] {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        bytes += entry.text.len();
        bytes <= REPLY_TEXTS_BYTES_MAX
    };
    let count = entries.iter().rev().take_while(fits).count();
    &entries[entries.len() - count..]
}

/// How one gets at what an answer left out.
pub(super) fn more(recall: &Recall) -> String {
    match recall {
        Recall::History { talk, count } if *count < HISTORY_COUNT_MAX => {
            let of = talk.as_ref().map(|talk| format!(" {}", word(talk)));
            let count = count.saturating_mul(5).min(HISTORY_COUNT_MAX);
            let of = of.unwrap_or_default();
            format!("there may be older ones: history{of} {count}")
        }
        Recall::History {
            talk: Some(talk), ..
        } => {
            format!("there may be older ones: export {} FILE.txt", word(talk))
        }
        Recall::History { talk: None, .. } => {
            "there may be older ones: history NAME, or export NAME FILE.txt".to_owned()
        }
        Recall::Search { .. } => "there may be older ones: one more word finds them".to_owned(),
        Recall::Outbox | Recall::Unread => "there may be more".to_owned(),
    }
}

/// In which form a conversation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An object a line, exact.
    Json,
    /// As it is shown, clean.
    Text,
}

impl Form {
    /// By the end of the file's name.
    pub(super) fn of(file: &str) -> Option<Self> {
        let (_, suffix) = file.rsplit_once('.')?;
        match suffix {
            "json" => Some(Self::Json),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}

fn json_line(me: &Name, entry: &Entry) -> String {
    let mut line = json!({
        "id": entry.id.to_string(),
        "at": entry.at_ms,
        "from": entry.from.as_ref().unwrap_or(me).as_str(),
        "talk": word(&entry.talk),
        "text": &*entry.text,
    });
    if let Some(state) = entry.state {
        line["state"] = state.word().into();
    }
    if entry.auto {
        line["auto"] = true.into();
    }
    line.to_string() + "\n"
}

/// `bob`, `#lounge`, `everybody`.
fn word(talk: &Recipient) -> String {
    match talk {
        Recipient::Audience(Audience::Everybody) => "everybody".to_owned(),
        Recipient::Audience(Audience::Group(group)) => format!("#{group}"),
        Recipient::Name(name) => name.to_string(),
    }
}

fn open_record(entry: &Entry) -> Fact {
    let (to, group) = addressee(&entry.talk);
    Fact::new("outbox")
        .with("id", entry.id)
        .with_some("to", to)
        .with_some("group", group)
        .with_some("state", entry.state.map(Delivery::word))
        .with("text", &*entry.text)
        .with("sent_ts", Value::Time(entry.at_ms))
}

fn addressee(talk: &Recipient) -> (Option<&Name>, Option<&str>) {
    match talk {
        Recipient::Audience(audience) => (None, scope(Some(audience)).1),
        Recipient::Name(name) => (Some(name), None),
    }
}

/// How many of whom. Their texts are shown once, at their time.
fn unread(entries: &[Entry]) -> Vec<String> {
    let line = |(from, count): (&Name, usize)| format!("{from}: {count}");
    counts(entries).into_iter().map(line).collect()
}

fn counts(entries: &[Entry]) -> BTreeMap<&Name, usize> {
    let mut counts = BTreeMap::new();
    for from in entries.iter().filter_map(|entry| entry.from.as_ref()) {
        *counts.entry(from).or_default() += 1;
    }
    counts
}
