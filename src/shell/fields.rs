//! Facts with named fields: what programs, scripts and hooks read where people read words.
//!
//! [`KINDS`] says which facts there are and what their fields may hold; the functions make them
//! from events, failed lines, a server's events and shown lines. [`QUERIES`] says the same of
//! records, which are answers to a question and not something that happened.

use super::Exit;
use crate::client::event::{Arrived, Via};
use crate::client::event::{GroupAction, KeyAction, Online, Peer, Reason, Report, Session};
use crate::client::{Ending, Event};
use crate::model::{MessageId, Name, Wall};
use crate::server;
use crate::wire::packet::Audience;
use crate::wire::row::Status;
use std::fmt;

/// A fact or a record: what kind, and its fields in the order of its [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The name of its kind.
    pub kind: &'static str,
    /// The fields it has; optional ones that it has not are left out.
    pub fields: Vec<(&'static str, Value)>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A word of a closed list, a name, an id, or a text.
    Text(Box<str>),
    /// Milliseconds since 1970-01-01 00:00:00 UTC; written as RFC 3339.
    Time(i64),
}

/// A kind of facts or records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Its fields, in order.
    pub fields: &'static [Field],
}

/// One field of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub takes: Takes,
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// Any text: what people write, names, ids, fingerprints.
    Text,
    /// A time, as RFC 3339 writes it in UTC.
    Time,
    /// One of these words.
    Words(&'static [&'static str]),
}

const fn flag(name: &'static str) -> Field {
    let takes = Takes::Flag;
    Field { name, takes }
}

const fn number(name: &'static str) -> Field {
    let takes = Takes::Number;
    Field { name, takes }
}

const fn text(name: &'static str) -> Field {
    let takes = Takes::Text;
    Field { name, takes }
}

const fn time(name: &'static str) -> Field {
    let takes = Takes::Time;
    Field { name, takes }
}

const fn words(name: &'static str, words: &'static [&'static str]) -> Field {
    let takes = Takes::Words(words);
    Field { name, takes }
}

const SCOPES: &[&str] = &["direct", "group", "all"];
const VIAS: &[&str] = &["peer", "relay", "server"];
const STATES: &[&str] = &[
    "queued",
    "sent",
    "acked",
    "stored",
    "delivered",
    "failed",
    "expired",
];
const STATUSES: &[&str] = &["online", "away", "offline"];
const ABSENCES: &[&str] = &["joined", "left", "silent", "timeout"];

/// The facts of a client and of a server (interfaces.md section 5).
pub const KINDS: &[Kind] = &[
    Kind {
        name: "message",
        fields: &[
            text("id"),
            words("scope", SCOPES),
            text("from"),
            text("to"),
            text("group"),
            text("text"),
            words("via", VIAS),
            flag("late"),
            flag("held"),
            flag("auto"),
            time("sent_ts"),
        ],
    },
    Kind {
        name: "delivery",
        fields: &[
            text("id"),
            words("scope", SCOPES),
            text("to"),
            text("group"),
            words("state", STATES),
            words("by", &["self", "peer", "server"]),
            words("via", VIAS),
            flag("late"),
            number("attempt"),
            number("of"),
            number("rtt_ms"),
            words(
                "reason",
                &[
                    "refused",
                    "quota",
                    "blocked",
                    "too-long",
                    "unknown-peer",
                    "key-changed",
                    "cancelled",
                    "no-answer",
                    "no-store",
                    "unconfirmed",
                ],
            ),
            time("sent_ts"),
            text("text"),
        ],
    },
    Kind {
        name: "presence",
        fields: &[
            text("who"),
            words("status", STATUSES),
            words("reason", ABSENCES),
        ],
    },
    Kind {
        name: "table",
        fields: &[number("online"), number("total")],
    },
    Kind {
        name: "group",
        fields: &[
            text("group"),
            words("action", &["created", "joined", "left", "removed"]),
            text("who"),
            text("reason"),
        ],
    },
    Kind {
        name: "session",
        fields: &[
            words(
                "state",
                &["connecting", "online", "retrying", "offline", "closed"],
            ),
            number("attempt"),
            number("of"),
            words(
                "reason",
                &[
                    "registered",
                    "returned",
                    "resumed",
                    "left",
                    "name-taken",
                    "refused",
                    "server-unreachable",
                    "key-changed",
                    "interrupted",
                ],
            ),
            number("exit"),
        ],
    },
    Kind {
        name: "key",
        fields: &[
            text("who"),
            words("action", &["pinned", "changed", "verified", "trusted"]),
            text("fingerprint"),
        ],
    },
    Kind {
        name: "error",
        fields: &[text("code"), text("message"), text("hint")],
    },
    Kind {
        name: "hook",
        fields: &[
            text("name"),
            text("on"),
            words("result", &["ok", "failed", "timeout", "dropped"]),
            number("code"),
        ],
    },
    Kind {
        name: "shown",
        fields: &[text("text")],
    },
    Kind {
        name: "server",
        fields: &[
            words(
                "action",
                &[
                    "listening",
                    "registered",
                    "refused",
                    "left",
                    "silent",
                    "stored",
                    "delivered",
                    "expired",
                    "group",
                    "removed",
                    "limited",
                    "stopped",
                ],
            ),
            text("who"),
            text("group"),
            text("id"),
            text("addr"),
            text("reason"),
        ],
    },
];

/// The records that may be asked for. What a server answers has the same fields.
pub const QUERIES: &[Kind] = &[
    Kind {
        name: "history",
        fields: &[
            text("id"),
            text("with"),
            text("from"),
            text("to"),
            text("group"),
            text("text"),
            flag("late"),
            words("state", STATES),
            flag("auto"),
            time("sent_ts"),
        ],
    },
    Kind {
        name: "list_groups",
        fields: &[text("group")],
    },
    Kind {
        name: "list_members",
        fields: &[text("who"), words("status", STATUSES)],
    },
    Kind {
        name: "outbox",
        fields: &[
            text("id"),
            text("to"),
            text("group"),
            words("state", STATES),
            number("attempt"),
            text("text"),
            time("sent_ts"),
        ],
    },
    Kind {
        name: "session",
        fields: &[
            text("self"),
            text("server"),
            words(
                "state",
                &["connecting", "online", "retrying", "offline", "closed"],
            ),
            words("mode", &["normal", "group", "offline"]),
            text("group"),
            text("profile"),
            text("socket"),
        ],
    },
    Kind {
        name: "stats",
        fields: &[
            number("malformed"),
            number("forged"),
            number("repeated"),
            number("unknown_session"),
            number("refused_hello"),
            number("limited"),
            number("datagrams_in"),
            number("datagrams_out"),
            number("bytes_in"),
            number("bytes_out"),
            number("resent_chunks"),
        ],
    },
    Kind {
        name: "table",
        fields: &[
            text("who"),
            text("address"),
            words("status", STATUSES),
            words("reason", ABSENCES),
            flag("verified"),
        ],
    },
    Kind {
        name: "unread",
        fields: &[text("with"), number("new")],
    },
];

impl Kind {
    /// The kind of facts with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// The kind of records with this name.
    #[must_use]
    pub fn of_query(name: &str) -> Option<&'static Self> {
        QUERIES.iter().find(|kind| kind.name == name)
    }

    /// The field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Fact {
    /// A fact without fields.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            fields: Vec::new(),
        }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// With one more field, if there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The value of a field; none if the fact has no such field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        let found = self.fields.iter().find(|(field, _)| *field == name);
        found.map(|(_, value)| value)
    }

    /// The value of a field as it is written; none if the fact has no such field.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.field(name).map(ToString::to_string)
    }
}

/// `kind field=value ..`; texts with blanks or quotes stand in quotes.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        for (name, value) in &self.fields {
            match value {
                Value::Text(text) if *name == "text" || !is_plain(text) => {
                    write!(f, " {name}={}", quoted(text))?;
                }
                value => write!(f, " {name}={value}")?,
            }
        }
        Ok(())
    }
}

/// As it is compared and printed: without quotes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Time(unix_ms) => f.write_str(&Wall::utc(*unix_ms).rfc_3339()),
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&Name> for Value {
    fn from(name: &Name) -> Self {
        Self::Text(name.as_str().into())
    }
}

impl From<MessageId> for Value {
    fn from(id: MessageId) -> Self {
        Self::Text(id.to_string().into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// A text in quotes, as a script writes it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\u{1b}' => quoted.push_str("\\e"),
            c if c.is_control() => quoted.extend(format!("\\u{{{:x}}}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '|';
    !text.is_empty() && !text.contains(odd)
}

/// The facts in an event, in order; `me` is whose program it is. Lists that were asked for are
/// shown and are no facts.
#[must_use]
pub fn of_event(event: &Event, me: &Name) -> Vec<Fact> {
    match event {
        Event::Batch(items) => items.iter().flat_map(|item| of_event(item, me)).collect(),
        Event::Delivery(report) => vec![delivery(report)],
        Event::Group { group, action, who } => vec![
            Fact::new("group")
                .with("group", group.as_str())
                .with("action", group_action(*action))
                .with("who", who),
        ],
        Event::Groups(_) | Event::Kept { .. } | Event::Members { .. } => Vec::new(),
        Event::Key {
            who,
            action,
            fingerprint,
        } => {
            let who = match who {
                Peer::Name(name) => name.as_str(),
                Peer::Server => "server",
            };
            vec![
                Fact::new("key")
                    .with("who", who)
                    .with("action", key_action(*action))
                    .with("fingerprint", fingerprint.to_string()),
            ]
        }
        Event::Message(arrived) => vec![message(arrived, me)],
        Event::Presence { who, status } => vec![
            Fact::new("presence")
                .with("who", who)
                .with("status", status_word(*status))
                .with("reason", absence(*status)),
        ],
        Event::Session(state) => session(state).into_iter().collect(),
        Event::Table { online, total } => vec![
            Fact::new("table")
                .with("online", *online)
                .with("total", *total),
        ],
    }
}

/// A line was refused or failed.
#[must_use]
pub fn of_failure(code: &str, message: &str, hint: Option<&str>) -> Fact {
    Fact::new("error")
        .with("code", code)
        .with("message", message)
        .with_some("hint", hint)
}

/// The program ends with this status.
#[must_use]
pub fn of_ending(ending: Ending, exit: Exit) -> Fact {
    let reason = match ending {
        Ending::Left => "left",
        Ending::NameTaken => "name-taken",
        Ending::Refused => "refused",
        Ending::ServerKeyChanged => "key-changed",
        Ending::ServerUnreachable => "server-unreachable",
    };
    Fact::new("session")
        .with("state", "closed")
        .with("reason", reason)
        .with("exit", exit.code())
}

/// The lines of a text that was shown, a fact each.
pub fn of_shown(text: &str) -> impl Iterator<Item = Fact> + '_ {
    text.lines()
        .map(|line| Fact::new("shown").with("text", line))
}

/// What happened at a server, if it is more than words: its console's lines are `shown`.
#[must_use]
pub fn of_server_event(event: &server::Event) -> Option<Fact> {
    use server::Event;
    let fact = |action: &str| Fact::new("server").with("action", action);
    let group = |by: &Name, group: &crate::model::GroupName, reason: &str| {
        fact("group")
            .with("who", by)
            .with("group", group.as_str())
            .with("reason", reason)
    };
    Some(match event {
        Event::Delivered { to, id, .. } => fact("delivered").with("who", to).with("id", *id),
        Event::Expired { to, id } => fact("expired").with("who", to).with("id", *id),
        Event::GroupCreated { by, group: g } => group(by, g, "created"),
        Event::GroupExists { by, group: g } => group(by, g, "exists"),
        Event::GroupJoined { by, group: g } => group(by, g, "joined"),
        Event::GroupLeft { by, group: g } => group(by, g, "left"),
        Event::GroupMessage { by, group: g, .. } => group(by, g, "message"),
        Event::GroupRemoved { who, group } => fact("removed")
            .with("who", who)
            .with("group", group.as_str()),
        Event::GroupUnknown { by, group: g } => group(by, g, "unknown"),
        Event::Left { who } => fact("left").with("who", who),
        Event::NameRefused { name } => fact("refused")
            .with("who", name)
            .with("reason", "name-used"),
        Event::Registered { who, address } => fact("registered")
            .with("who", who)
            .with("addr", address.to_string()),
        Event::Silent { who } => fact("silent").with("who", who),
        Event::Stored { to, id, .. } => {
            fact("stored").with_some("who", to.as_ref()).with("id", *id)
        }
        Event::Groups { .. }
        | Event::Health { .. }
        | Event::ListedGroups { .. }
        | Event::ListedMembers { .. }
        | Event::TableChanged => return None,
    })
}

fn message(arrived: &Arrived, me: &Name) -> Fact {
    let (scope, group) = scope(arrived.audience.as_ref());
    Fact::new("message")
        .with("id", arrived.id)
        .with("scope", scope)
        .with("from", &arrived.from)
        .with_some("to", arrived.audience.is_none().then_some(me))
        .with_some("group", group)
        .with("text", arrived.text.as_str())
        .with("via", via_word(arrived.via))
        .with("late", arrived.late)
        .with("held", arrived.held)
        .with("auto", arrived.auto)
        .with("sent_ts", Value::Time(arrived.sent_ms))
}

fn delivery(report: &Report) -> Fact {
    let (scope, group) = scope(report.audience.as_ref());
    let rtt_ms = report.rtt_us.map(|us| us / 1000);
    Fact::new("delivery")
        .with("id", report.id)
        .with("scope", scope)
        .with_some("to", report.to.as_ref())
        .with_some("group", group)
        .with("state", report.state.word())
        .with("by", report.by.word())
        .with_some("via", report.via.map(via_word))
        .with_some("late", report.late.then_some(true))
        .with_some("rtt_ms", rtt_ms)
        .with_some("reason", report.reason.map(reason))
        .with_some("sent_ts", report.sent_ms.map(Value::Time))
        .with_some("text", report.text.as_deref())
}

/// `direct`, `group` or `all`, and the group.
#[must_use]
pub fn scope(audience: Option<&Audience>) -> (&'static str, Option<&str>) {
    match audience {
        None => ("direct", None),
        Some(Audience::Everybody) => ("all", None),
        Some(Audience::Group(group)) => ("group", Some(group.as_str())),
    }
}

fn session(session: &Session) -> Option<Fact> {
    let state = |state: &str, reason: &str| {
        Fact::new("session")
            .with("state", state)
            .with("reason", reason)
    };
    Some(match session {
        // The program's end tells these, with its status.
        Session::Closing | Session::LoginRefused { .. } => return None,
        Session::Connecting => Fact::new("session").with("state", "connecting"),
        Session::Left => state("offline", "left"),
        Session::NotResponding => state("retrying", "server-unreachable"),
        Session::Online(Online::Registered) => state("online", "registered"),
        Session::Online(Online::Resumed) => state("online", "resumed"),
        Session::Online(Online::Returned) => state("online", "returned"),
        Session::Retrying { attempt, of } => Fact::new("session")
            .with("state", "retrying")
            .with("attempt", *attempt)
            .with("of", *of),
    })
}

/// `online`, `away` or `offline`.
#[must_use]
pub const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Online => "online",
        Status::Away => "away",
        Status::Left | Status::Released | Status::Silent | Status::TimedOut => "offline",
    }
}

/// Why somebody is here or not.
#[must_use]
pub const fn absence(status: Status) -> &'static str {
    match status {
        Status::Online => "joined",
        Status::Away | Status::Left | Status::Released => "left",
        Status::Silent => "silent",
        Status::TimedOut => "timeout",
    }
}

const fn group_action(action: GroupAction) -> &'static str {
    match action {
        GroupAction::Created => "created",
        GroupAction::Joined => "joined",
        GroupAction::Left => "left",
        GroupAction::Removed => "removed",
    }
}

const fn key_action(action: KeyAction) -> &'static str {
    match action {
        KeyAction::Changed => "changed",
        KeyAction::Pinned => "pinned",
        KeyAction::Trusted => "trusted",
    }
}

const fn via_word(via: Via) -> &'static str {
    match via {
        Via::Peer => "peer",
        Via::Relay => "relay",
        Via::Server => "server",
    }
}

const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Cancelled => "cancelled",
        Reason::KeyChanged => "key-changed",
        Reason::NoAnswer => "no-answer",
        Reason::NoStore => "no-store",
        Reason::Quota => "quota",
        Reason::Refused => "refused",
        Reason::TooLong => "too-long",
        Reason::Unconfirmed => "unconfirmed",
        Reason::UnknownPeer => "unknown-peer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::event::By;
    use crate::model::{Delivery, GroupName};

    fn name(name: &str) -> Name {
        name.parse().unwrap()
    }

    /// What a fact says, and that its kind knows its fields, in this order.
    fn check(fact: &Fact, text: &str) {
        assert_eq!(fact.to_string(), text);
        let kind = Kind::of(fact.kind).expect(text);
        let mut known = kind.fields.iter();
        for (name, value) in &fact.fields {
            let field = known.find(|field| field.name == *name).expect(name);
            let fits = match (field.takes, value) {
                (Takes::Words(words), Value::Text(word)) => words.contains(&&**word),
                (Takes::Flag, Value::Flag(_))
                | (Takes::Number, Value::Number(_))
                | (Takes::Text, Value::Text(_))
                | (Takes::Time, Value::Time(_)) => true,
                _ => false,
            };
            assert!(fits, "{name}={value} in {text}");
        }
    }

    #[test]
    fn a_message_is_a_fact_with_all_its_fields() {
        let arrived = Arrived {
            id: MessageId(0x1f),
            from: name("bob"),
            audience: None,
            text: "are \"you\" there?\n".into(),
            via: Via::Peer,
            late: false,
            held: true,
            auto: false,
            sent_ms: 978_307_200_001,
            mark: None,
        };
        let facts = of_event(&Event::Batch(vec![Event::Message(arrived)]), &name("alice"));
        let [fact] = &facts[..] else { panic!("one") };
        check(
            fact,
            "message id=0000000000000000000000000000001f scope=direct from=bob to=alice \
             text=\"are \\\"you\\\" there?\\n\" via=peer late=false held=true auto=false \
             sent_ts=2001-01-01T00:00:00.001Z",
        );
    }

    #[test]
    fn a_delivery_says_only_what_is_known() {
        let group: GroupName = "g".parse().unwrap();
        let report = Report {
            id: MessageId(1),
            to: None,
            audience: Some(Audience::Group(group)),
            state: Delivery::Stored,
            by: By::Server,
            via: Some(Via::Server),
            late: false,
            was_stored: false,
            after_live_try: false,
            reason: None,
            sent_ms: None,
            rtt_us: Some(1999),
            text: None,
        };
        check(
            &delivery(&report),
            "delivery id=00000000000000000000000000000001 scope=group group=g state=stored \
             by=server via=server rtt_ms=1",
        );
    }

    #[test]
    fn sessions_servers_failures_and_lines_are_facts() {
        let retrying = Session::Retrying { attempt: 2, of: 5 };
        check(
            &session(&retrying).unwrap(),
            "session state=retrying attempt=2 of=5",
        );
        check(
            &of_ending(Ending::ServerUnreachable, Exit::Unreachable),
            "session state=closed reason=server-unreachable exit=4",
        );
        check(
            &of_failure("unknown-peer", "no one is called bop", None),
            "error code=unknown-peer message=\"no one is called bop\"",
        );
        let shown: Vec<Fact> = of_shown("[A:]\nb").collect();
        check(&shown[1], "shown text=\"b\"");
        let event = server::Event::GroupRemoved {
            who: name("z"),
            group: "g".parse().unwrap(),
        };
        check(
            &of_server_event(&event).unwrap(),
            "server action=removed who=z group=g",
        );
    }

    #[test]
    fn no_kind_and_no_field_is_listed_twice() {
        for kinds in [KINDS, QUERIES] {
            let mut names: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), kinds.len());
            for kind in kinds {
                let mut fields: Vec<_> = kind.fields.iter().map(|field| field.name).collect();
                fields.sort_unstable();
                fields.dedup();
                assert_eq!(fields.len(), kind.fields.len(), "{}", kind.name);
            }
        }
    }
}
