//! The client's store in memory.

use crate::client::port::{
    Done, Entry, InMessage, Loaded, OutMessage, Pin, Pinned, Recall, Recipient, Seen, StoreEvent,
    StoreReply, StoreRequest, readable, words,
};
use crate::model::limits::{RECALL_BYTES_MAX, SEEN_IDS_MAX, STORE_QUEUE_MAX};
use crate::model::{Delivery, Full, MessageId, Name, Store, StoreTicket, Version};
use crate::planted;
use crate::wire::Row;
use crate::wire::packet::Audience;
use crate::wire::row::Status;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Outbox, seen ids, pins and the table's copy. What was submitted is queued; `flush` applies it
/// all and answers; what was not flushed is forgotten by `reopen`. A clone is an old copy.
#[derive(Clone)]
pub struct ClientMemory {
    kept: Kept,
    queue: VecDeque<(StoreTicket, StoreRequest)>,
    events: VecDeque<StoreEvent>,
    full: bool,
}

/// Where a message stands.
#[derive(Clone, Copy)]
enum Place {
    In(usize),
    Out(usize),
}

/// What survives.
#[derive(Clone)]
struct Kept {
    run: u32,
    /// In the order they were put; messages with a final state stay as history.
    out: Vec<OutMessage>,
    out_by_id: BTreeMap<MessageId, usize>,
    next_seq: BTreeMap<Recipient, u64>,
    inbox: Vec<InMessage>,
    seen: BTreeMap<Name, BTreeMap<MessageId, usize>>,
    top_seq: BTreeMap<(Name, Option<Audience>, u32), u64>,
    /// Everything in the order it was put.
    history: Vec<Place>,
    pins: BTreeMap<Pinned, Pin>,
    rows: BTreeMap<Name, Row>,
    version: Version,
    server_store: u64,
}

impl ClientMemory {
    /// Empty; `run` is the random number of its outbox.
    #[must_use]
    pub const fn new(run: u32) -> Self {
        Self {
            kept: Kept {
                run,
                out: Vec::new(),
                out_by_id: BTreeMap::new(),
                next_seq: BTreeMap::new(),
                inbox: Vec::new(),
                seen: BTreeMap::new(),
                top_seq: BTreeMap::new(),
                history: Vec::new(),
                pins: BTreeMap::new(),
                rows: BTreeMap::new(),
                version: Version(0),
                server_store: 0,
            },
            queue: VecDeque::new(),
            events: VecDeque::new(),
            full: false,
        }
    }

    /// A new process life: what was flushed stays, the queue and the answers are gone.
    pub fn reopen(&mut self) {
        self.reopen_keeping(0);
    }

    /// As `reopen`, but the first `keep` queued requests are applied (silently) before: what a
    /// power cut may have saved.
    pub fn reopen_keeping(&mut self, keep: usize) {
        let queue = std::mem::take(&mut self.queue);
        for (_, request) in queue.into_iter().take(keep) {
            // Nobody lives to hear the answer.
            drop(self.kept.apply(request, self.full));
        }
        self.events.clear();
    }

    /// Requests submitted and not flushed.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// While on, what needs room is refused; marks still work.
    pub const fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Everything that ever arrived, notices included, in order of arrival.
    #[must_use]
    pub fn inbox(&self) -> Vec<&InMessage> {
        self.kept.inbox.iter().collect()
    }

    /// Messages that are in the outbox still.
    #[must_use]
    pub fn outbox(&self) -> Vec<&OutMessage> {
        let open = |message: &&OutMessage| !has_left(message);
        self.kept.out.iter().filter(open).collect()
    }
}

impl Store for ClientMemory {
    type Request = StoreRequest;
    type Event = StoreEvent;

    fn submit(
        &mut self,
        ticket: StoreTicket,
        request: StoreRequest,
    ) -> Result<(), Full<StoreRequest>> {
        if self.queue.len() >= STORE_QUEUE_MAX {
            return Err(Full(ticket, request));
        }
        self.queue.push_back((ticket, request));
        Ok(())
    }

    fn flush(&mut self) {
        for (ticket, request) in std::mem::take(&mut self.queue) {
            let reply = self.kept.apply(request, self.full);
            self.events.push_back(StoreEvent::Reply(ticket, reply));
        }
    }

    fn poll(&mut self) -> Option<StoreEvent> {
        self.events.pop_front()
    }
}

/// True if these words follow one another in a text; the last may be the beginning of one.
fn holds(said: &[String], phrase: &[String]) -> bool {
    let Some((last, before)) = phrase.split_last() else {
        return false;
    };
    let fits = |at: &[String]| {
        let (end, begin) = at.split_last().expect("a window is as long as the phrase");
        begin == before && end.starts_with(last.as_str())
    };
    said.windows(phrase.len()).any(fits)
}

/// Nobody waits for more about it.
fn has_left(message: &OutMessage) -> bool {
    let to_many = matches!(message.to, Recipient::Audience(_));
    message.state.is_final() || to_many && message.state == Delivery::Stored
}

/// Ids are the sender's: two senders may use the same one.
fn dedupe_key(sender: &Name) -> Name {
    if planted!("dedupe-without-sender") {
        return "anybody".parse().expect("it is a name");
    }
    sender.clone()
}

impl Kept {
    fn apply(&mut self, request: StoreRequest, full: bool) -> StoreReply {
        if full && self.needs_room(&request) {
            return StoreReply::Refused;
        }
        let done = match request {
            StoreRequest::Load => Done::Loaded(Box::new(self.load())),
            StoreRequest::PutOut(message) => self.put_out(message),
            StoreRequest::PutOutAgain(message) => self.put_out_again(message),
            StoreRequest::MarkOut {
                id,
                state,
                stored_ms,
            } => self.mark_out(id, state, stored_ms),
            StoreRequest::PutIn(message) => Done::PutIn(self.put_in(message)),
            StoreRequest::MarkShown { ids } => self.mark_shown(&ids),
            // Nobody comes back to a model and asks what he missed.
            StoreRequest::PutEvents { .. } => Done::Kept,
            StoreRequest::PutPin { of, pin } => {
                self.pins.insert(of, pin);
                Done::Kept
            }
            StoreRequest::Recall(recall) => Done::Recalled(self.recall(&recall)),
            StoreRequest::ApplyRows {
                store,
                reset,
                upto,
                rows,
            } => self.apply_rows(store, reset, upto, rows),
        };
        StoreReply::Done(done)
    }

    /// What is there already needs none: its repeat is done, not refused.
    fn needs_room(&self, request: &StoreRequest) -> bool {
        match request {
            StoreRequest::PutIn(message) => !self
                .seen
                .get(&dedupe_key(&message.from))
                .is_some_and(|seen| seen.contains_key(&message.id)),
            StoreRequest::PutOut(message) | StoreRequest::PutOutAgain(message) => {
                !self.out_by_id.contains_key(&message.id)
            }
            StoreRequest::PutPin { .. } => true,
            _ => false,
        }
    }

    fn load(&self) -> Loaded {
        let top = |(key, seq): (&(Name, Option<Audience>, u32), &u64)| {
            let (name, audience, run) = key.clone();
            (name, audience, run, *seq)
        };
        Loaded {
            run: self.run,
            outbox: self.out.iter().filter(|m| !has_left(m)).cloned().collect(),
            next_seq: self.next_seq.clone().into_iter().collect(),
            unshown: self.inbox.iter().filter(|m| !m.shown).cloned().collect(),
            shown_seq: self.top_seq.iter().map(top).collect(),
            pins: self.pins.clone().into_iter().collect(),
            table: self.rows.values().cloned().collect(),
            table_version: self.version,
            table_store: self.server_store,
        }
    }

    fn put_out(&mut self, message: OutMessage) -> Done {
        if !self.out_by_id.contains_key(&message.id) {
            let next = self.next_seq.entry(message.to.clone()).or_insert(1);
            *next = (*next).max(message.stamp.seq.saturating_add(1));
            self.out_by_id.insert(message.id, self.out.len());
            self.history.push(Place::Out(self.out.len()));
            self.out.push(message);
        }
        Done::Kept
    }

    fn put_out_again(&mut self, message: OutMessage) -> Done {
        let known = self.out_by_id.get(&message.id);
        let Some(known) = known.and_then(|n| self.out.get_mut(*n)) else {
            return self.put_out(message);
        };
        if known.to != message.to || known.text != message.text {
            return Done::IdTaken;
        }
        if matches!(known.state, Delivery::Failed | Delivery::Expired) {
            let next = self.next_seq.entry(message.to.clone()).or_insert(1);
            *next = (*next).max(message.stamp.seq.saturating_add(1));
            *known = message;
        }
        Done::Kept
    }

    fn mark_out(&mut self, id: MessageId, state: Delivery, stored_ms: Option<i64>) -> Done {
        if let Some(message) = self.out_by_id.get(&id).and_then(|n| self.out.get_mut(*n)) {
            message.state = message.state.max(state);
            message.stored_ms = message.stored_ms.or(stored_ms);
        }
        Done::Kept
    }

    fn put_in(&mut self, message: InMessage) -> Seen {
        let seen = self.seen.entry(dedupe_key(&message.from)).or_default();
        if let Some(number) = seen.get(&message.id) {
            let known = &mut self.inbox[*number];
            known.held &= message.held;
            return if known.shown {
                Seen::Repeat
            } else {
                Seen::Unshown
            };
        }
        // The protocol asks for at least this many; a model may forget none.
        assert!(seen.len() < 16 * SEEN_IDS_MAX, "a model holds no more");
        seen.insert(message.id, self.inbox.len());
        if let Some(stamp) = message.stamp {
            let key = (message.from.clone(), message.audience.clone(), stamp.run);
            let top = self.top_seq.entry(key).or_insert(stamp.seq);
            *top = (*top).max(stamp.seq);
        }
        if message.stamp.is_some() {
            self.history.push(Place::In(self.inbox.len()));
        }
        self.inbox.push(message);
        Seen::Fresh
    }

    fn mark_shown(&mut self, ids: &[(Name, MessageId)]) -> Done {
        let unique: BTreeSet<&(Name, MessageId)> = ids.iter().collect();
        for (from, id) in unique {
            let number = self
                .seen
                .get(&dedupe_key(from))
                .and_then(|seen| seen.get(id));
            if let Some(message) = number.and_then(|number| self.inbox.get_mut(*number)) {
                message.shown = true;
            }
        }
        Done::Kept
    }

    fn recall(&self, recall: &Recall) -> Vec<Entry> {
        let asked: Vec<Vec<String>> = match recall {
            Recall::Search { words: asked, .. } => {
                let asked = asked.split_whitespace().map(|word| words(word).collect());
                asked
                    .filter(|phrase: &Vec<String>| !phrase.is_empty())
                    .collect()
            }
            _ => Vec::new(),
        };
        let fits = |place: &&Place| {
            let (shown, open) = match place {
                Place::In(n) => (self.inbox[*n].shown, false),
                Place::Out(n) => (true, !has_left(&self.out[*n])),
            };
            match recall {
                Recall::History { talk, .. } => talk
                    .as_ref()
                    .is_none_or(|talk| self.entry(**place).talk == *talk),
                Recall::Outbox => open,
                Recall::Search { .. } => {
                    let said: Vec<String> = words(&self.entry(**place).text).collect();
                    !asked.is_empty() && asked.iter().all(|phrase| holds(&said, phrase))
                }
                Recall::Unread => !shown,
            }
        };
        let count = match recall {
            Recall::History { count, .. } | Recall::Search { count, .. } => *count,
            Recall::Outbox | Recall::Unread => usize::MAX,
        };
        let mut bytes = 0;
        let newest = self.history.iter().rev().filter(fits).take(count);
        let mut entries: Vec<Entry> = newest
            .map(|place| self.entry(*place))
            .take_while(|entry| {
                bytes += entry.text.len();
                bytes <= RECALL_BYTES_MAX
            })
            .collect();
        entries.reverse();
        entries
    }

    fn entry(&self, place: Place) -> Entry {
        match place {
            Place::In(n) => {
                let message = &self.inbox[n];
                let audience = message.audience.clone().map(Recipient::Audience);
                Entry {
                    id: message.id,
                    from: Some(message.from.clone()),
                    talk: audience.unwrap_or_else(|| Recipient::Name(message.from.clone())),
                    at_ms: message.at_ms,
                    auto: message.auto,
                    text: readable(&message.body, message.enc.as_deref()),
                    state: None,
                }
            }
            Place::Out(n) => {
                let message = &self.out[n];
                Entry {
                    id: message.id,
                    from: None,
                    talk: message.to.clone(),
                    at_ms: message.stored_ms.unwrap_or(message.stamp.at_ms),
                    auto: message.auto,
                    text: message.text.clone(),
                    state: Some(message.state),
                }
            }
        }
    }

    fn apply_rows(&mut self, store: u64, reset: bool, upto: Version, rows: Vec<Row>) -> Done {
        if reset {
            self.rows.clear();
        }
        for row in rows {
            if row.status == Status::Released {
                self.rows.remove(&row.name);
            } else {
                self.rows.insert(row.name.clone(), row);
            }
        }
        self.version = upto;
        self.server_store = store;
        Done::Kept
    }
}
