//! Records: what may be asked of a client or a server that runs; asking changes nothing.

use super::fields::{Fact, absence, status_word};
use crate::client::{Mode, View};
use crate::link::Counters;
use crate::model::{GroupName, Name};
use crate::wire::Row;
use crate::wire::row::Status;
use std::net::SocketAddr;

/// What a session cannot know of itself: under which name it runs, and where it can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The profile.
    pub profile: Box<str>,
    /// The server's address.
    pub server: Box<str>,
    /// The path of its socket, if it has one.
    pub socket: Option<Box<str>>,
}

/// What a client knows: the records of a query of [`QUERIES`](super::fields::QUERIES).
#[must_use]
pub fn of_client(
    query: &str,
    (view, place): (&View, &Whereabouts),
    members: &[Name],
    counters: &Counters,
) -> Vec<Fact> {
    match query {
        "list_groups" => groups(view.groups.iter()),
        "list_members" => self::members(view, members),
        "session" => vec![session(view, place)],
        "stats" => vec![stats(counters)],
        "table" => table(view, None),
        _ => Vec::new(),
    }
}

/// The table, or one row of it.
#[must_use]
pub fn table(view: &View, only: Option<&Name>) -> Vec<Fact> {
    let rows = view.table.iter();
    let wanted = rows.filter(|(who, _)| only.is_none_or(|only| only == *who));
    wanted
        .map(|(who, entry)| row(who, entry.status, entry.address))
        .collect()
}

/// All groups.
pub(super) fn groups<'a>(groups: impl Iterator<Item = &'a GroupName>) -> Vec<Fact> {
    let record = |group: &GroupName| Fact::new("list_groups").with("group", group.as_str());
    groups.map(record).collect()
}

/// Who is in a group, and whether they are here.
pub(super) fn members(view: &View, members: &[Name]) -> Vec<Fact> {
    let record = |who: &Name| {
        let entry = view.table.get(who);
        let status = entry.map(|entry| status_word(entry.status));
        let record = Fact::new("list_members").with("who", who);
        record.with_some("status", status)
    };
    members.iter().map(record).collect()
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
        "table" => rows
            .iter()
            .map(|one| row(&one.name, one.status, one.address))
            .collect(),
        _ => Vec::new(),
    }
}

/// The address of somebody who is gone is of no use.
fn row(who: &Name, status: Status, address: Option<SocketAddr>) -> Fact {
    let is_here = matches!(status, Status::Online | Status::Away);
    let address = address.filter(|_| is_here);
    Fact::new("table")
        .with("who", who)
        .with_some("address", address.map(|address| address.to_string()))
        .with("status", status_word(status))
        .with("reason", absence(status))
}

fn session(view: &View, place: &Whereabouts) -> Fact {
    let here = if view.server_responds {
        "online"
    } else {
        "retrying"
    };
    let (state, mode, group) = match &view.mode {
        Mode::Starting => ("connecting", "normal", None),
        Mode::Normal => (here, "normal", None),
        Mode::Group(group) => (here, "group", Some(group)),
        Mode::Offline(group) => ("offline", "offline", group.as_ref()),
    };
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Fact::new("session")
        .with("self", &view.name)
        .with_some("server", known(&place.server))
        .with("state", state)
        .with("mode", mode)
        .with_some("group", group.map(GroupName::as_str))
        .with_some("profile", known(&place.profile))
        .with_some("socket", place.socket.as_deref())
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
