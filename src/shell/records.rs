//! Records: what may be asked of a client or a server that runs; asking changes nothing.

use super::fields::{Fact, absence, status_word};
use crate::client::{Mode, View};
use crate::link::Counters;
use crate::model::{GroupName, Name};
use crate::wire::Row;
use crate::wire::row::Status;

/// What a client knows: the records of a query of [`QUERIES`](super::fields::QUERIES).
#[must_use]
pub fn of_client(query: &str, view: &View, members: &[Name], counters: &Counters) -> Vec<Fact> {
    match query {
        "list_groups" => groups(view.groups.iter()),
        "list_members" => members
            .iter()
            .map(|who| {
                let entry = view.table.get(who);
                let status = entry.map(|entry| status_word(entry.status));
                let record = Fact::new("list_members").with("who", who);
                record.with_some("status", status)
            })
            .collect(),
        "session" => vec![session(view)],
        "stats" => vec![stats(counters)],
        "table" => {
            let rows = view.table.iter();
            rows.map(|(who, entry)| row(who, entry.status)).collect()
        }
        _ => Vec::new(),
    }
}

/// What a server knows.
#[must_use]
pub fn of_server<'a>(
    query: &str,
    rows: &[Row],
    all_groups: impl Iterator<Item = &'a GroupName>,
    counters: &Counters,
) -> Vec<Fact> {
    match query {
        "list_groups" => groups(all_groups),
        "stats" => vec![stats(counters)],
        "table" => rows.iter().map(|one| row(&one.name, one.status)).collect(),
        _ => Vec::new(),
    }
}

fn groups<'a>(groups: impl Iterator<Item = &'a GroupName>) -> Vec<Fact> {
    let record = |group: &GroupName| Fact::new("list_groups").with("group", group.as_str());
    groups.map(record).collect()
}

fn row(who: &Name, status: Status) -> Fact {
    Fact::new("table")
        .with("who", who)
        .with("status", status_word(status))
        .with("reason", absence(status))
}

fn session(view: &View) -> Fact {
    let (state, mode, group) = match &view.mode {
        Mode::Starting => ("connecting", "normal", None),
        Mode::Normal => ("online", "normal", None),
        Mode::Group(group) => ("online", "group", Some(group)),
        Mode::Offline(group) => ("offline", "offline", group.as_ref()),
    };
    Fact::new("session")
        .with("self", &view.name)
        .with("state", state)
        .with("mode", mode)
        .with_some("group", group.map(GroupName::as_str))
}

fn stats(counters: &Counters) -> Fact {
    Fact::new("stats")
        .with("malformed", counters.malformed)
        .with("forged", counters.forged)
        .with("repeated", counters.repeated)
        .with("unknown_session", counters.unknown_session)
        .with("refused_hello", counters.refused_hello)
        .with("limited", counters.limited)
        .with("datagrams_in", counters.datagrams_in)
        .with("datagrams_out", counters.datagrams_out)
        .with("bytes_in", counters.bytes_in)
        .with("bytes_out", counters.bytes_out)
        .with("resent_chunks", counters.resent_chunks)
}
