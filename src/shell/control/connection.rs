//! One program that uses the session: its lines, its open requests, what it listens to, and what
//! it has not read yet.

use super::journal::Eid;
use super::json;
use super::request::{Filter, Re, Rung};
use crate::client;
use crate::model::MessageId;
use crate::model::limits::{CONTROL_LINE_BYTES_MAX, CONTROL_OPEN_MAX, CONTROL_UNREAD_BYTES_MAX};
use crate::shell::fields::{Fact, of_failure};
use crate::shell::incoming::{Line, Lines};
use std::collections::{BTreeMap, VecDeque};
use std::vec;

/// A program at the other end.
#[derive(Debug)]
pub(super) struct Connection {
    incoming: Lines,
    /// Bytes to write, and how many of them are written.
    out: Vec<u8>,
    written: usize,
    /// What follows when those are read.
    owed: VecDeque<Owed>,
    open: BTreeMap<u64, Open>,
    next: u64,
    /// A plain line has no reply yet: the next waits for it.
    plain: bool,
    pub(super) listens: Option<Listening>,
}

/// A line for which there is no room yet, and the records before it, which become lines when there
/// is: a list may be longer than all that waits to be read.
#[derive(Debug)]
struct Owed {
    re: Re,
    records: vec::IntoIter<Fact>,
    line: String,
}

/// What a program listens to.
#[derive(Clone, Debug)]
pub(super) struct Listening {
    pub(super) filter: Filter,
    /// All up to this event were told.
    pub(super) told: Eid,
    /// That events up to this one are missing was told.
    pub(super) missed: Eid,
}

/// A request without a reply.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) re: Re,
    pub(super) rung: Rung,
    /// It was a plain line.
    pub(super) is_plain: bool,
    /// Its message.
    pub(super) kept: Option<MessageId>,
    /// What it would be told if time were up.
    pub(super) result: Option<Fact>,
    pub(super) records: Option<Vec<Fact>>,
    pub(super) words: Vec<String>,
    pub(super) hint: Option<String>,
}

impl Open {
    pub(super) const fn new(re: Re, rung: Rung, is_plain: bool) -> Self {
        Self {
            re,
            rung,
            is_plain,
            kept: None,
            result: None,
            records: None,
            words: Vec::new(),
            hint: None,
        }
    }

    /// What is known when it is done.
    pub(super) fn result_of(&self, outcome: &client::Outcome) -> Fact {
        let result = Fact::new("result");
        let result = match outcome {
            client::Outcome::Message { id, state, by } => result
                .with("id", *id)
                .with("state", state.word())
                .with("by", by.word()),
            client::Outcome::Done | client::Outcome::Recalled { .. } => result,
        };
        let count = self.records.as_ref().map(Vec::len);
        let words = (!self.words.is_empty()).then(|| self.words.join("\n"));
        result.with_some("count", count).with_some("text", words)
    }
}

impl Connection {
    pub(super) const fn new() -> Self {
        Self {
            incoming: Lines::new(CONTROL_LINE_BYTES_MAX),
            out: Vec::new(),
            written: 0,
            owed: VecDeque::new(),
            open: BTreeMap::new(),
            next: 0,
            plain: false,
            listens: None,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.incoming.feed(bytes);
    }

    /// Nothing more will be asked.
    pub(super) fn end(&mut self) {
        self.incoming.end();
        self.listens = None;
    }

    /// The next line, if another request may be open.
    pub(super) fn poll_line(&mut self) -> Option<Line> {
        let may = self.open.len() < CONTROL_OPEN_MAX && !self.plain && self.has_room();
        if may { self.incoming.poll() } else { None }
    }

    /// True if bytes that are read now do not pile up. The longest right line and its carriage
    /// return may wait for their newline.
    pub(super) const fn wants_bytes(&self) -> bool {
        !self.incoming.is_ended() && self.incoming.waiting_bytes() <= CONTROL_LINE_BYTES_MAX + 1
    }

    /// True if nothing more will happen.
    pub(super) fn is_over(&self) -> bool {
        let asked = self.incoming.is_ended() && self.incoming.waiting_bytes() == 0;
        asked && self.open.is_empty() && self.owed.is_empty() && self.unread().is_empty()
    }

    /// The requests that have no reply yet.
    pub(super) fn open_numbers(&self) -> impl Iterator<Item = u64> {
        self.open.keys().copied()
    }

    /// A request is open from now on.
    pub(super) fn begin(&mut self, open: Open) -> u64 {
        self.plain |= open.is_plain;
        self.next += 1;
        self.open.insert(self.next, open);
        self.next
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Open> {
        self.open.get_mut(&number)
    }

    pub(super) fn take(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number)?;
        self.plain &= !open.is_plain;
        Some(open)
    }

    /// The reply to a request that was carried out.
    pub(super) fn done(&mut self, open: Open, result: &Fact) {
        let line = json::done(&open.re, result);
        self.owe(open.re, open.records.unwrap_or_default(), line);
    }

    /// The reply to one that was not, or of which nothing is known.
    pub(super) fn failed(&mut self, open: Open, code: &str, message: &str) {
        let error = of_failure(code, message, open.hint.as_deref());
        let error = error.with_some("id", open.kept);
        let line = json::failed(&open.re, &error);
        self.owe(open.re, Vec::new(), line);
    }

    /// An event, or what opens or breaks their stream; after what is owed.
    pub(super) fn tell(&mut self, line: String) {
        self.owe(Re::Nothing, Vec::new(), line);
    }

    /// True if nothing waits for more to be read. Without room no line is taken: more than the
    /// open requests are never owed, and events wait in the journal.
    pub(super) fn has_room(&self) -> bool {
        self.owed.is_empty() && self.unread().len() < CONTROL_UNREAD_BYTES_MAX
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.out[self.written..]
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        } else if self.written >= CONTROL_UNREAD_BYTES_MAX {
            self.out.drain(..self.written);
            self.written = 0;
        }
        self.fill();
    }

    fn owe(&mut self, re: Re, records: Vec<Fact>, line: String) {
        let records = records.into_iter();
        self.owed.push_back(Owed { re, records, line });
        self.fill();
    }

    fn fill(&mut self) {
        while self.unread().len() < CONTROL_UNREAD_BYTES_MAX
            && let Some(owed) = self.owed.front_mut()
        {
            if let Some(record) = owed.records.next() {
                let line = json::item(&owed.re, &record);
                self.out.extend_from_slice(line.as_bytes());
            } else {
                self.out.extend_from_slice(owed.line.as_bytes());
                self.owed.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_any_length_is_waited_for_to_its_end() {
        let max = CONTROL_LINE_BYTES_MAX;
        for length in [max - 1, max, max + 1, max + 2] {
            let mut connection = Connection::new();
            connection.feed(&vec![b'x'; length]);
            assert_eq!(connection.poll_line(), None);
            assert!(connection.wants_bytes(), "{length}");
            connection.feed(b"\n");
            let line = connection.poll_line().unwrap();
            assert_eq!(line == Line::TooLong, length > max, "{length}");
        }
    }

    #[test]
    fn a_list_of_any_length_is_written_at_the_pace_of_its_reader_and_nothing_overtakes_it() {
        let record = Fact::new("x").with("text", "x".repeat(CONTROL_UNREAD_BYTES_MAX / 4).as_str());
        let mut connection = Connection::new();
        for number in 0..3 {
            let mut open = Open::new(Re::Number(number), Rung::Stored, false);
            open.records = Some(vec![record.clone(); 20]);
            connection.done(open, &Fact::new("result"));
        }
        connection.tell("{\"ev\":\"hello\"}\n".to_owned());
        connection.feed(b"later\n");
        connection.end();
        assert!(connection.poll_line().is_none(), "it reads first");
        let line_bytes_max = CONTROL_UNREAD_BYTES_MAX / 4 + 100;
        let mut read = Vec::new();
        while !connection.has_room() {
            let length = connection.unread().len();
            assert!(length < CONTROL_UNREAD_BYTES_MAX + line_bytes_max);
            let some = &connection.unread()[..length.min(100_000)];
            read.extend_from_slice(some);
            connection.advance(some.len());
        }
        read.extend_from_slice(connection.unread());
        let read = String::from_utf8(read).unwrap();
        let kinds = read
            .lines()
            .map(|line| line.get(..17).unwrap_or(line))
            .collect::<Vec<_>>();
        let mut wanted = Vec::new();
        for number in 0..3 {
            wanted.extend(vec![format!("{{\"v\":1,\"re\":{number},\"item"); 20]);
            wanted.push(format!("{{\"v\":1,\"re\":{number},\"ok\":"));
        }
        let begins = |(line, wanted): (&&str, &String)| wanted.starts_with(*line);
        assert!(kinds.iter().zip(&wanted).all(begins), "{kinds:?}");
        assert_eq!(kinds.len(), wanted.len() + 1);
        assert!(connection.poll_line().is_some());
    }
}
