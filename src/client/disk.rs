//! Questions to the store and what waits for their answers; `Unknown` is asked again.

use super::inbox::Item;
use super::port::{Done, StoreReply, StoreRequest};
use super::request::{RequestError, RequestId};
use super::{Client, Output, Timer};
use crate::model::limits::{STORE_RETRY_MAX, STORE_RETRY_MIN};
use crate::model::{MessageId, Name, StoreTicket};
use crate::wire::Row;
use std::collections::BTreeMap;

/// What is to be done with an answer.
#[derive(Clone, Debug)]
pub(super) enum Then {
    Arrive(Box<Item>),
    /// Whose messages are unread; nobody reads them by that.
    Count(RequestId),
    Launch(MessageId),
    Load,
    Nothing,
    /// What was said before, of which at most so many are wanted.
    Recall(RequestId, usize),
    Release((Name, MessageId)),
    Rows,
    Shown(Vec<(Name, MessageId)>),
}

/// The open questions.
#[derive(Default)]
pub(super) struct Disk {
    next: u64,
    open: BTreeMap<StoreTicket, Open>,
    rows: Rows,
}

/// Rows of the table are written one page after the other: a page that may be lost must not be
/// followed by one with a later version, nor be written over it afterwards.
#[derive(Default)]
struct Rows {
    writing: bool,
    /// What came meanwhile: these rows, or so much that everything is written.
    waiting: Vec<Row>,
    whole: bool,
}

struct Open {
    request: StoreRequest,
    then: Then,
    repeats: u32,
}

impl Disk {
    /// Requests that wait for an answer.
    pub(super) fn requests(&self) -> impl Iterator<Item = RequestId> {
        self.open.values().filter_map(|open| match open.then {
            Then::Count(request) | Then::Recall(request, _) => Some(request),
            _ => None,
        })
    }

    /// How many questions wait for an answer.
    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }
}

impl Client {
    /// Asks the store; `then` says what its answer is for.
    pub(super) fn ask_disk(&mut self, request: StoreRequest, then: Then) {
        self.put_question(Open {
            request,
            then,
            repeats: 0,
        });
    }

    /// Takes the answer to a ticket. An answer to nothing is ignored: it belongs to an earlier
    /// life.
    pub(super) fn on_reply(&mut self, ticket: StoreTicket, reply: StoreReply) {
        let Some(open) = self.disk.open.remove(&ticket) else {
            return;
        };
        // A refusal now says nothing of an earlier try to keep a message, whose fate is unknown.
        let reply = match (reply, &open.then) {
            (StoreReply::Refused, Then::Launch(_)) if open.repeats > 0 => StoreReply::Unknown,
            (reply, _) => reply,
        };
        let done = match reply {
            StoreReply::Done(done) => Some(done),
            StoreReply::Refused => None,
            StoreReply::Unknown => {
                let wait = STORE_RETRY_MIN
                    .saturating_mul(1 << open.repeats.min(5))
                    .min(STORE_RETRY_MAX);
                let wait = self.about(wait);
                self.disk.open.insert(ticket, open);
                self.timers
                    .set(Timer::Disk(ticket), self.now.instant + wait);
                return;
            }
        };
        match open.then {
            Then::Arrive(item) => self.on_put_in(*item, done.as_ref()),
            Then::Launch(id) => self.on_put_out(
                id,
                match done {
                    Some(Done::IdTaken) => Err(RequestError::IdTaken),
                    Some(_) => Ok(()),
                    None => Err(RequestError::Disk),
                },
            ),
            Then::Load => self.on_loaded(done),
            Then::Nothing => {}
            Then::Count(request) => self.on_counted(request, done),
            Then::Recall(request, count) => self.on_recalled(request, count, done),
            Then::Release(key) => self.on_released(&key),
            Then::Rows => self.on_rows_written(),
            Then::Shown(ids) => self.on_marked(&ids),
        }
    }

    /// Writes rows of the table, after those that are being written. `reset`: all of the table.
    pub(super) fn keep_rows(&mut self, rows: &[Row], reset: bool) {
        let keeper = &mut self.disk.rows;
        keeper.whole |= reset;
        keeper.waiting.extend_from_slice(rows);
        if !keeper.writing {
            self.write_rows();
        }
    }

    fn on_rows_written(&mut self) {
        let keeper = &mut self.disk.rows;
        keeper.writing = false;
        if keeper.whole || !keeper.waiting.is_empty() {
            self.write_rows();
        }
    }

    fn write_rows(&mut self) {
        let keeper = &mut self.disk.rows;
        keeper.writing = true;
        let rows = std::mem::take(&mut keeper.waiting);
        let request = if std::mem::take(&mut keeper.whole) {
            self.whole_table()
        } else {
            self.rows_request(false, rows)
        };
        self.ask_disk(request, Then::Rows);
    }

    fn whole_table(&self) -> StoreRequest {
        self.rows_request(true, self.table.rows().cloned().collect())
    }

    fn rows_request(&self, reset: bool, rows: Vec<Row>) -> StoreRequest {
        StoreRequest::ApplyRows {
            store: self.table.store,
            reset,
            upto: self.table.version(),
            rows,
        }
    }

    /// Asks again what the store could not tell, under a new ticket.
    pub(super) fn on_disk_timer(&mut self, ticket: StoreTicket) {
        if let Some(mut open) = self.disk.open.remove(&ticket) {
            open.repeats += 1;
            if matches!(open.then, Then::Rows) {
                // The table has gone on meanwhile: the page would be behind it.
                self.disk.rows.waiting.clear();
                self.disk.rows.whole = false;
                open.request = self.whole_table();
            }
            self.put_question(open);
        }
    }

    fn put_question(&mut self, open: Open) {
        self.disk.next += 1;
        let ticket = StoreTicket(self.disk.next);
        self.outputs
            .push_back(Output::Store(ticket, open.request.clone()));
        self.disk.open.insert(ticket, open);
    }
}
