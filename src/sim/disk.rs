//! Both stores as a disk has them: late, refusing, failing, and forgetting what was not flushed at
//! a power cut.

use super::dice::Dice;
use crate::client::port as client;
use crate::memory::{ClientMemory, ServerMemory};
use crate::model::{Instant, Store, StoreTicket};
use crate::server::port as server;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a disk asks of the model store under it: the two ports have one shape.
pub trait Engine: Store<Request: Clone> {
    /// The reply part of an event.
    type Reply: Clone;

    /// A new process life.
    fn reopen(&mut self);
    /// While on, what needs room is refused.
    fn fill(&mut self, full: bool);
    /// The reply of an event, if it is one.
    fn reply(event: &Self::Event) -> Option<(StoreTicket, &Self::Reply)>;
    /// "It may or may not have happened."
    fn unknown(ticket: StoreTicket) -> Self::Event;
}

/// How a disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It cannot say whether a batch was written.
    Failing,
    /// There is no room.
    Full,
    /// As it should be.
    Ok,
    /// A commit takes as long as this.
    Slow(Duration),
}

/// A store on a simulated disk.
pub struct Disk<E: Engine> {
    engine: E,
    waiting: VecDeque<(StoreTicket, E::Request)>,
    health: Health,
    /// When the batch that waits will be written.
    due: Option<Instant>,
}

/// What one commit did.
pub struct Committed<E: Engine> {
    /// What was really written, with the true reply: for the checker.
    pub written: Vec<(E::Request, E::Reply)>,
    /// What the core is told.
    pub told: Vec<E::Event>,
    /// How many requests were answered with "unknown".
    pub unknown: u64,
}

impl<E: Engine> Disk<E> {
    /// A good disk with this store on it.
    pub const fn new(engine: E) -> Self {
        Self {
            engine,
            waiting: VecDeque::new(),
            health: Health::Ok,
            due: None,
        }
    }

    /// The store, as it would be found after a power cut now.
    pub const fn engine(&self) -> &E {
        &self.engine
    }

    /// Replaces what is on the disk (a restored backup); only while nobody uses it.
    pub fn restore(&mut self, engine: E) {
        self.engine = engine;
        self.engine.fill(self.health == Health::Full);
    }

    /// Requests that wait for the next commit.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// From now on it behaves like this.
    pub fn set_health(&mut self, health: Health) {
        self.health = health;
        self.engine.fill(health == Health::Full);
    }

    /// How it behaves.
    pub const fn health(&self) -> Health {
        self.health
    }

    /// Takes a request. `Some`: a commit is to be made at this moment.
    pub fn submit(
        &mut self,
        dice: &mut Dice,
        now: Instant,
        ticket: StoreTicket,
        request: E::Request,
    ) -> Option<Instant> {
        self.waiting.push_back((ticket, request));
        if self.due.is_some() {
            return None;
        }
        let after = match self.health {
            Health::Slow(longest) => {
                let longest = u64::try_from(longest.as_millis()).unwrap_or(5000);
                dice.millis(longest / 4, longest)
            }
            _ => Duration::from_micros(dice.between(100, 1500)),
        };
        self.due = Some(now + after);
        self.due
    }

    /// Writes the batch and says what the core is told of it.
    pub fn commit(&mut self, dice: &mut Dice) -> Committed<E> {
        self.due = None;
        let batch = self.waiting.len();
        if self.health != Health::Failing {
            return self.write(batch, batch);
        }
        // A failed commit: nothing, or a part, or all of it may be there.
        let kept = dice.index(batch + 1);
        let lost: Vec<StoreTicket> = self.waiting.iter().skip(kept).map(|(t, _)| *t).collect();
        let mut done = self.write(kept, 0);
        self.waiting.clear();
        done.unknown += lost.iter().map(|_| 1).sum::<u64>();
        done.told.extend(lost.into_iter().map(E::unknown));
        done
    }

    /// Power or process is gone: a part of what waited was still written, the rest never will be.
    pub fn cut(&mut self, dice: &mut Dice) -> Committed<E> {
        let kept = dice.index(self.waiting.len() + 1);
        let done = self.write(kept, 0);
        self.waiting.clear();
        self.due = None;
        self.engine.reopen();
        done
    }

    /// Writes the first `count` requests; replies after the first `honest` become "unknown".
    fn write(&mut self, count: usize, honest: usize) -> Committed<E> {
        let mut asked = BTreeMap::new();
        for (ticket, request) in self.waiting.drain(..count) {
            asked.insert(ticket, request.clone());
            assert!(
                self.engine.submit(ticket, request).is_ok(),
                "a batch is smaller than the engine's queue"
            );
        }
        self.engine.flush();
        let mut done = Committed {
            written: Vec::new(),
            told: Vec::new(),
            unknown: 0,
        };
        while let Some(event) = self.engine.poll() {
            let Some((ticket, reply)) = E::reply(&event) else {
                done.told.push(event);
                continue;
            };
            if let Some(request) = asked.remove(&ticket) {
                done.written.push((request, reply.clone()));
            }
            if honest == 0 {
                done.unknown += 1;
                done.told.push(E::unknown(ticket));
            } else {
                done.told.push(event);
            }
        }
        done
    }
}

impl Engine for ServerMemory {
    type Reply = server::StoreReply;

    fn reopen(&mut self) {
        Self::reopen(self);
    }

    fn fill(&mut self, full: bool) {
        self.set_full(full);
    }

    fn reply(event: &Self::Event) -> Option<(StoreTicket, &Self::Reply)> {
        match event {
            server::StoreEvent::Reply(ticket, reply) => Some((*ticket, reply)),
            _ => None,
        }
    }

    fn unknown(ticket: StoreTicket) -> Self::Event {
        server::StoreEvent::Reply(ticket, server::StoreReply::Unknown)
    }
}

impl Engine for ClientMemory {
    type Reply = client::StoreReply;

    fn reopen(&mut self) {
        Self::reopen(self);
    }

    fn fill(&mut self, full: bool) {
        self.set_full(full);
    }

    fn reply(event: &Self::Event) -> Option<(StoreTicket, &Self::Reply)> {
        let client::StoreEvent::Reply(ticket, reply) = event;
        Some((*ticket, reply))
    }

    fn unknown(ticket: StoreTicket) -> Self::Event {
        client::StoreEvent::Reply(ticket, client::StoreReply::Unknown)
    }
}
