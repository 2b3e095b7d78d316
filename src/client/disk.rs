//! Questions to the store and what waits for their answers; `Unknown` is asked again.

use super::inbox::Item;
use super::port::{StoreReply, StoreRequest};
use super::{Client, Output, Timer};
use crate::model::limits::{STORE_RETRY_MAX, STORE_RETRY_MIN};
use crate::model::{MessageId, StoreTicket};
use std::collections::BTreeMap;

/// What is to be done with an answer.
#[derive(Clone, Debug)]
pub(super) enum Then {
    Arrive(Box<Item>),
    Launch(MessageId),
    Load,
    Nothing,
}

/// The open questions.
#[derive(Default)]
pub(super) struct Disk {
    next: u64,
    open: BTreeMap<StoreTicket, Open>,
}

struct Open {
    request: StoreRequest,
    then: Then,
    repeats: u32,
}

impl Disk {
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
            Then::Launch(id) => self.on_put_out(id, done.is_some()),
            Then::Load => self.on_loaded(done),
            Then::Nothing => {}
        }
    }

    /// Asks again what the store could not tell, under a new ticket.
    pub(super) fn on_disk_timer(&mut self, ticket: StoreTicket) {
        if let Some(mut open) = self.disk.open.remove(&ticket) {
            open.repeats += 1;
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
