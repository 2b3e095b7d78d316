//! Programs that use a running session: their requests in, replies and events out. No I/O.
//!
//! Whoever holds it opens a connection, feeds it bytes, lets it take its [`Control::turn`] with the
//! shell, hands it every output of that shell, and writes what is `unread`.

mod connection;
pub mod journal;
pub mod json;
mod note;
pub mod request;

use super::asked::{Answer, Asked};
use super::fields::{self, Fact};
use super::incoming::Line;
use super::records::Whereabouts;
use super::{ErrorCode, LineId, Outcome, Output, Shell};
use crate::client;
use crate::client::port::{StoreReply, StoreRequest};
use crate::model::limits::{CONTROL_CONNECTIONS_MAX, CONTROL_LINE_BYTES_MAX};
use crate::model::{Delivery, Instant, Now, Timers};
use connection::{Connection, Listening, Open};
use journal::{Eid, Journal};
use request::{Re, Request, Rung, Since, What, Wrong};
use std::collections::BTreeMap;

/// One connection, as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// A request: its connection and its number there.
type Place = (ConnectionId, u64);

/// All programs that use a session, and what happened in it.
pub struct Control {
    whereabouts: Whereabouts,
    journal: Journal,
    connections: BTreeMap<ConnectionId, Connection>,
    next: u64,
    /// Which request asked the shell.
    asked: BTreeMap<LineId, Place>,
    /// Requests that wait for the delivery of a message, by its id.
    awaited: BTreeMap<Box<str>, Place>,
    timers: Timers<Place>,
    asked_count: u64,
}

impl Control {
    /// Nobody is there yet.
    #[must_use]
    pub const fn new(whereabouts: Whereabouts, journal: Journal) -> Self {
        Self {
            whereabouts,
            journal,
            connections: BTreeMap::new(),
            next: 0,
            asked: BTreeMap::new(),
            awaited: BTreeMap::new(),
            timers: Timers::new(),
            asked_count: 0,
        }
    }

    /// Somebody came. None: as many are there as may.
    pub fn open(&mut self) -> Option<ConnectionId> {
        if self.connections.len() >= CONTROL_CONNECTIONS_MAX {
            return None;
        }
        self.next += 1;
        let id = ConnectionId(self.next);
        self.connections.insert(id, Connection::new());
        Some(id)
    }

    /// True if more may be read from somebody.
    #[must_use]
    pub fn wants_bytes(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(Connection::wants_bytes)
    }

    /// True if somebody has read so much that lines may be taken and events told again.
    #[must_use]
    pub fn has_room(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(Connection::has_room)
    }

    /// What somebody wrote; to be followed by a [`Control::turn`].
    pub fn handle_bytes(&mut self, id: ConnectionId, bytes: &[u8]) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.feed(bytes);
        }
    }

    /// Somebody asks no more, and still reads replies.
    pub fn handle_end(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end();
        }
    }

    /// Somebody is gone. That ends waiting, never a message.
    pub fn handle_gone(&mut self, id: ConnectionId) {
        let connection = self.connections.remove(&id);
        for number in connection.iter().flat_map(Connection::open_numbers) {
            self.timers.cancel(&(id, number));
        }
        self.asked.retain(|_, (of, _)| *of != id);
        self.awaited.retain(|_, (of, _)| *of != id);
    }

    /// Does what was asked for, as far as that may begin now, and tells what happened. True if the
    /// shell was asked something.
    pub fn turn(&mut self, now: Now, shell: &mut Shell) -> bool {
        let asked = self.asked_count;
        while let Some(place) = self.timers.pop(now.instant) {
            self.on_time_up(place);
        }
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            while let Some(line) = self
                .connections
                .get_mut(&id)
                .and_then(Connection::poll_line)
            {
                self.on_line(now, id, line, shell);
            }
            self.tell_events(id, now);
        }
        self.asked_count != asked
    }

    /// When it wants its turn though nobody wrote anything.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Takes notice of what the shell puts out.
    pub fn handle_output(&mut self, now: Now, output: &Output) {
        match output {
            Output::Answer(line, answer) => self.on_answer(*line, answer),
            Output::Aside(fact) | Output::Fact(fact) => self.on_fact(now, fact.clone()),
            Output::Settled(line, outcome) => self.on_settled(*line, outcome),
            Output::Show(shown) if self.somebody_watches() => {
                for fact in fields::of_shown(&shown.text) {
                    self.on_fact(now, fact);
                }
            }
            _ => {}
        }
    }

    /// What is to be written down for those who come back.
    pub fn take_unwritten(&mut self) -> Option<StoreRequest> {
        self.journal.take_unwritten()
    }

    /// All of it that is not known to be on disk.
    #[must_use]
    pub fn unwritten(&self) -> Option<StoreRequest> {
        self.journal.unwritten()
    }

    /// The answer to that.
    pub fn handle_store(&mut self, reply: &StoreReply) {
        self.journal.handle_written(reply);
    }

    /// What somebody is to read.
    #[must_use]
    pub fn unread(&self, id: ConnectionId) -> &[u8] {
        let connection = self.connections.get(&id);
        connection.map_or(&[], Connection::unread)
    }

    /// So much of it was written.
    pub fn handle_written(&mut self, id: ConnectionId, bytes: usize) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.advance(bytes);
        }
    }

    /// True if nothing more will be said to somebody.
    #[must_use]
    pub fn is_over(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_none_or(Connection::is_over)
    }

    fn on_line(&mut self, now: Now, id: ConnectionId, line: Line, shell: &mut Shell) {
        let refused = |message: &str| Wrong {
            re: Re::Nothing,
            message: message.to_owned(),
        };
        let request = match line {
            Line::NotUtf8 => Err(refused("a line is not UTF-8")),
            Line::Text(text) => Request::parse(&text),
            Line::TooLong => {
                let words = format!("a line is longer than {CONTROL_LINE_BYTES_MAX} bytes");
                Err(refused(&words))
            }
            Line::TooMany => Err(refused("too many lines wait")),
        };
        match request {
            Ok(None) => {}
            Ok(Some(request)) => self.on_request(now, id, request, shell),
            Err(Wrong { re, message }) => {
                let open = Open::new(re, Rung::Stored, false);
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.failed(open, ErrorCode::Usage.word(), &message);
                }
            }
        }
    }

    fn on_request(&mut self, now: Now, id: ConnectionId, request: Request, shell: &mut Shell) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Request { re, what } = request;
        match what {
            What::Ask {
                asked,
                asker,
                marks,
                rung,
                timeout,
            } => {
                let is_plain = matches!(asked, Asked::Line(_));
                let number = connection.begin(Open::new(re, rung, is_plain));
                if let Some(timeout) = timeout {
                    self.timers.set((id, number), now.instant + timeout);
                }
                let line = shell.handle_marked(now, asked, asker, marks);
                self.asked.insert(line, (id, number));
                self.asked_count += 1;
            }
            What::Listen(filter, since) => {
                let told = match since {
                    Since::After(eid) => eid.min(self.journal.last()),
                    Since::Last(count) => self.journal.before_last(count, |fact| filter.fits(fact)),
                    Since::Now => self.journal.last(),
                };
                let result = Fact::new("result").with("since", told.to_string());
                connection.done(Open::new(re, Rung::Stored, false), &result);
                let who = self.hello(shell);
                let stamp = (told, now.wall.unix_ms);
                let profile = &self.whereabouts.profile;
                let Some(connection) = self.connections.get_mut(&id) else {
                    return;
                };
                connection.tell(json::hello(profile, stamp, &who));
                connection.listens = Some(Listening {
                    filter,
                    told,
                    // Only who names an event misses what came after it.
                    missed: match since {
                        Since::After(_) => Eid::default(),
                        Since::Last(_) | Since::Now => told,
                    },
                });
            }
            What::Unlisten => {
                connection.listens = None;
                connection.done(Open::new(re, Rung::Stored, false), &Fact::new("result"));
            }
        }
    }

    fn hello(&self, shell: &Shell) -> Fact {
        Fact::new("hello")
            .with("self", &shell.view().name)
            .with("server", &*self.whereabouts.server)
            .with("program", PROGRAM)
    }

    fn somebody_watches(&self) -> bool {
        let mut listening = self.connections.values().filter_map(|c| c.listens.as_ref());
        listening.any(|listening| listening.filter.wants("shown"))
    }

    fn open_of(&mut self, line: LineId) -> Option<&mut Open> {
        let (id, number) = self.asked.get(&line)?;
        self.connections.get_mut(id)?.get_mut(*number)
    }

    fn on_answer(&mut self, line: LineId, answer: &Answer) {
        let Some(open) = self.open_of(line) else {
            return;
        };
        match answer {
            Answer::Hint(hint) => open.hint = Some(hint.clone()),
            Answer::Kept(id) => {
                open.kept = Some(*id);
                if open.rung == Rung::Queued {
                    let by = client::event::By::Oneself;
                    let state = Delivery::Queued;
                    let kept = client::Outcome::Message { id: *id, state, by };
                    let result = open.result_of(&kept);
                    self.finish(line, |connection, open| connection.done(open, &result));
                }
            }
            Answer::Records(records) => open.records = Some(records.clone()),
            Answer::Words(words) => open.words.push(words.clone()),
        }
    }

    fn on_settled(&mut self, line: LineId, outcome: &Outcome) {
        let Some(open) = self.open_of(line) else {
            self.asked.remove(&line);
            return;
        };
        match outcome {
            Outcome::Done(outcome) => {
                let result = open.result_of(outcome);
                let waits = open.rung == Rung::Delivered && is_only_stored(outcome);
                if waits
                    && let Some(place) = self.asked.get(&line).copied()
                    && self.timers.get(&place).is_some()
                {
                    self.await_delivery(line, place, result);
                } else {
                    self.finish(line, |connection, open| connection.done(open, &result));
                }
            }
            Outcome::Failed { code, message, .. } => {
                self.finish(line, |connection, open| {
                    connection.failed(open, code, message);
                });
            }
        }
    }

    /// It has its outcome, and more is wanted while there is time.
    fn await_delivery(&mut self, line: LineId, place: Place, result: Fact) {
        if let Some(id) = result.text("id") {
            self.awaited.insert(id.into(), place);
        }
        if let Some(open) = self.open_of(line) {
            open.result = Some(result);
        }
        self.asked.remove(&line);
    }

    fn finish(&mut self, line: LineId, tell: impl FnOnce(&mut Connection, Open)) {
        if let Some(place) = self.asked.remove(&line) {
            self.finish_at(place, tell);
        }
    }

    fn finish_at(&mut self, place: Place, tell: impl FnOnce(&mut Connection, Open)) {
        self.timers.cancel(&place);
        let (id, number) = place;
        if let Some(connection) = self.connections.get_mut(&id)
            && let Some(open) = connection.take(number)
        {
            tell(connection, open);
        }
    }

    /// The request is over; what it began goes on.
    fn on_time_up(&mut self, place: Place) {
        self.asked.retain(|_, of| *of != place);
        self.awaited.retain(|_, of| *of != place);
        self.finish_at(place, |connection, mut open| {
            if let Some(result) = open.result.take() {
                connection.done(open, &result);
            } else {
                let words = "not done in time; what becomes of it is not known";
                let stays = |id| format!("it stays in the outbox and is tried again: cancel {id}");
                open.hint = open.kept.map(stays);
                connection.failed(open, ErrorCode::TimedOut.word(), words);
            }
        });
    }

    fn on_fact(&mut self, now: Now, fact: Fact) {
        if fact.kind == "delivery" && !self.awaited.is_empty() {
            self.on_delivery(&fact);
        }
        self.journal.push(now.wall.unix_ms, fact);
    }

    /// The last word about a message that somebody waits for.
    fn on_delivery(&mut self, fact: &Fact) {
        let state = fact.text("state").unwrap_or_default();
        let is_last = ["acked", "delivered", "expired", "failed"].contains(&state.as_str());
        let place = fact.text("id").filter(|_| is_last);
        let Some(place) = place.and_then(|id| self.awaited.remove(&*id)) else {
            return;
        };
        self.finish_at(place, |connection, open| {
            let copied = ["id", "state", "by"].map(|name| (name, fact.field(name).cloned()));
            let result = copied
                .into_iter()
                .fold(Fact::new("result"), |result, (name, value)| {
                    result.with_some(name, value)
                });
            connection.done(open, &result);
        });
    }

    /// As much as there is room for; the rest waits in the journal.
    fn tell_events(&mut self, id: ConnectionId, now: Now) {
        let connection = self.connections.get_mut(&id);
        let Some(connection) = connection.filter(|connection| connection.has_room()) else {
            return;
        };
        let Some(mut listening) = connection.listens.take() else {
            return;
        };
        let profile = &self.whereabouts.profile;
        let gone = self.journal.gone(|kind| listening.filter.wants(kind));
        if listening.told < gone && listening.missed < gone {
            let next = self.journal.after(listening.told);
            let next = next.map_or(self.journal.last(), |entry| Eid(entry.eid.0 - 1));
            let stamp = (next, now.wall.unix_ms);
            connection.tell(json::gap(profile, stamp, listening.told));
            listening.missed = gone;
        }
        while connection.has_room()
            && let Some(entry) = self.journal.after(listening.told)
        {
            listening.told = entry.eid;
            if listening.filter.fits(&entry.fact) {
                connection.tell(json::event(profile, entry));
            }
        }
        // What was told cannot be missed later.
        listening.missed = listening.missed.max(listening.told);
        connection.listens = Some(listening);
    }
}

/// The name and version that a stream begins with.
pub const PROGRAM: &str = concat!("ackchat ", env!("CARGO_PKG_VERSION"));

const fn is_only_stored(outcome: &client::Outcome) -> bool {
    matches!(
        outcome,
        client::Outcome::Message {
            state: Delivery::Stored,
            ..
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Arrivals, Client, Config, GroupPrivate};
    use crate::secure::{Identity, Ratchet};
    use crate::shell::{OnFailure, Settings, Style};
    use std::sync::Arc;
    use std::time::Duration;

    /// A shell whose server never answers.
    fn shell() -> Shell {
        let config = Config {
            name: "alice".parse().unwrap(),
            server: "127.0.0.1:9".parse().unwrap(),
            server_key: None,
            group_private: GroupPrivate::Refuse,
            stay: true,
            relay: false,
            trace: false,
            arrivals: Arrivals::Take,
        };
        let settings = Settings {
            exit_on_dereg: false,
            group_private: GroupPrivate::Refuse,
            show_table: false,
            style: Style::Bracket,
            on_failure: OnFailure::Show,
        };
        let identity = Arc::new(Identity::from_seed([1; 32]));
        Shell::new(
            settings,
            Client::new(config, identity, Ratchet::new([2; 32])),
        )
    }

    #[test]
    fn nothing_is_waited_for_on_behalf_of_one_who_is_gone() {
        let mut shell = shell();
        let mut control = Control::new(Whereabouts::default(), Journal::default());
        let now = Now::default();
        let ids = [(); 2].map(|()| control.open().unwrap());
        for (id, timeout_ms) in ids.into_iter().zip([100, 200]) {
            let line = format!("{{\"cmd\":[\"reg\"],\"timeout_ms\":{timeout_ms}}}\n");
            control.handle_bytes(id, line.as_bytes());
        }
        control.turn(now, &mut shell);
        let after = |ms| Some(now.instant + Duration::from_millis(ms));
        assert_eq!(control.deadline(), after(100));
        control.handle_gone(ids[0]);
        assert_eq!(control.deadline(), after(200), "the other one still waits");
        control.handle_gone(ids[1]);
        assert_eq!(control.deadline(), None);
    }
}
