//! One program that uses the session: its lines, its open requests, what it listens to, and what
//! it has not read yet.

use super::journal::Eid;
use super::json;
use super::request::{Filter, Re, Rung};
use crate::client;
use crate::model::MessageId;
use crate::model::limits::{
    CONTROL_EVENTS_BYTES_MAX, CONTROL_LINE_BYTES_MAX, CONTROL_OPEN_MAX, CONTROL_REPLIES_BYTES_MAX,
};
use crate::shell::fields::{Fact, of_failure};
use crate::shell::incoming::{Line, Lines};
use std::collections::BTreeMap;

/// A program at the other end.
#[derive(Debug)]
pub(super) struct Connection {
    incoming: Lines,
    /// Bytes to write, and how many of them are written.
    out: Vec<u8>,
    written: usize,
    open: BTreeMap<u64, Open>,
    next: u64,
    /// A plain line has no reply yet: the next waits for it.
    plain: bool,
    pub(super) listens: Option<Listening>,
    /// It reads nothing and asks on.
    is_hopeless: bool,
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
            open: BTreeMap::new(),
            next: 0,
            plain: false,
            listens: None,
            is_hopeless: false,
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
        let may = self.open.len() < CONTROL_OPEN_MAX && !self.plain && !self.is_full();
        if may { self.incoming.poll() } else { None }
    }

    /// True if bytes that are read now do not pile up.
    pub(super) const fn wants_bytes(&self) -> bool {
        !self.incoming.is_ended() && self.incoming.waiting_bytes() <= CONTROL_LINE_BYTES_MAX
    }

    /// True if nothing more will happen.
    pub(super) fn is_over(&self) -> bool {
        let asked = self.incoming.is_ended() && self.incoming.waiting_bytes() == 0;
        self.is_hopeless || asked && self.open.is_empty() && self.unread().is_empty()
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
    pub(super) fn done(&mut self, open: &Open, result: &Fact) {
        for record in open.records.iter().flatten() {
            self.reply(&json::item(&open.re, record));
        }
        self.reply(&json::done(&open.re, result));
    }

    /// The reply to one that was not, or of which nothing is known.
    pub(super) fn failed(&mut self, open: &Open, code: &str, message: &str) {
        let error = of_failure(code, message, open.hint.as_deref());
        let error = error.with_some("id", open.kept);
        self.reply(&json::failed(&open.re, &error));
    }

    /// Replies are never lost.
    pub(super) fn reply(&mut self, line: &str) {
        if self.unread().len() > CONTROL_REPLIES_BYTES_MAX {
            self.is_hopeless = true;
        } else {
            self.out.extend_from_slice(line.as_bytes());
        }
    }

    /// Events wait in the journal until there is room.
    pub(super) fn tell(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
    }

    pub(super) fn is_full(&self) -> bool {
        self.unread().len() >= CONTROL_EVENTS_BYTES_MAX
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.out[self.written..]
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        } else if self.written >= CONTROL_EVENTS_BYTES_MAX {
            self.out.drain(..self.written);
            self.written = 0;
        }
    }
}
