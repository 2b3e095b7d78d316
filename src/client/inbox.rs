//! What arrives: seen before? Made durable, confirmed, put in order, held while in a group, shown.

use super::disk::Then;
use super::event::{Arrived, Event, Mark, Via};
use super::notices::Notice;
use super::order::{Placed, StreamKey, Streams};
use super::port::{Done, Entry, InMessage, Seen, StoreRequest, readable};
use super::{Arrivals, Client, GroupPrivate, Mode, Timer};
use crate::model::limits::{
    BATCH_STALL, HELD_MAX, MAIL_ACKS_MAX, STORE_QUEUE_MAX, TAIL_BYTES_MAX, TEXT_BYTES_MAX,
};
use crate::model::{MessageId, Name, PublicKey};
use crate::planted;
use crate::wire::packet::{Audience, MailHead, MailKind, Stamp};
use crate::wire::{Head, Packet};
use std::collections::{BTreeSet, VecDeque};

/// Messages between arrival and screen.
pub(super) struct Inbox {
    streams: Streams<Item>,
    /// Private messages that arrived in a group, in order of arrival.
    held: VecDeque<Item>,
    /// What is to be shown as soon as the disk knows that it is not held any more; true: it does.
    released: VecDeque<(Item, bool)>,
    /// Handed out as events, and not reported as written to the screen.
    unseen: VecDeque<(Name, MessageId)>,
    /// Taken over from the disk in this life, and not marked there as shown.
    in_hand: BTreeSet<(Name, MessageId)>,
    /// The mail announced by a login.
    pub(super) batch: Option<Batch>,
    /// What arrived live while the batch was still coming: it has no place before the batch has.
    after_batch: VecDeque<Item>,
    /// Durable here: to be told to the server.
    mail_acks: VecDeque<MessageId>,
    /// Left over from an earlier life.
    unshown: Vec<InMessage>,
    pub(super) notices: VecDeque<Notice>,
}

/// A message on its way to the screen.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) message: InMessage,
    via: Via,
    source: Source,
    mark: Option<Mark>,
}

/// Who is told that it is durable here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Peer(PublicKey),
    Server,
}

/// The announced mail of one login.
#[derive(Default)]
pub(super) struct Batch {
    expected: u64,
    came: BTreeSet<MessageId>,
    items: Vec<(i64, Late)>,
}

/// One item of a batch.
enum Late {
    Item(Box<Item>),
    Event(Box<Event>),
}

impl Inbox {
    pub(super) const fn new() -> Self {
        Self {
            streams: Streams::new(),
            held: VecDeque::new(),
            released: VecDeque::new(),
            unseen: VecDeque::new(),
            in_hand: BTreeSet::new(),
            batch: None,
            after_batch: VecDeque::new(),
            mail_acks: VecDeque::new(),
            unshown: Vec::new(),
            notices: VecDeque::new(),
        }
    }

    pub(super) fn load(
        &mut self,
        unshown: Vec<InMessage>,
        shown_seq: Vec<(Name, Option<Audience>, u32, u64)>,
    ) {
        for (from, audience, run, seq) in shown_seq {
            self.streams.shown((from, audience, run), seq);
        }
        let keys = unshown
            .iter()
            .map(|message| (message.from.clone(), message.id));
        self.in_hand.extend(keys);
        self.unshown = unshown;
    }

    /// One has entered a group: what was said in it before is not missing.
    pub(super) fn entered(&mut self, audience: &Audience) {
        self.streams.forget(audience);
    }
}

impl Item {
    fn stream(&self) -> Option<(StreamKey, u64)> {
        let stamp = self.message.stamp?;
        let key = (
            self.message.from.clone(),
            self.message.audience.clone(),
            stamp.run,
        );
        Some((key, stamp.seq))
    }

    fn arrived(self) -> Arrived {
        let InMessage {
            id,
            from,
            audience,
            at_ms,
            auto,
            body,
            enc,
            held,
            late,
            ..
        } = self.message;
        let text = readable(&body, enc.as_deref()).into_string();
        Arrived {
            id,
            from,
            audience,
            text,
            via: self.via,
            late,
            held,
            auto,
            sent_ms: at_ms,
            mark: self.mark,
        }
    }
}

// Arrival.
impl Client {
    /// A message straight from its sender, whose key was proven.
    pub(super) fn on_direct(
        &mut self,
        key: PublicKey,
        from: Name,
        (id, stamp, auto, enc): (MessageId, Stamp, bool, Option<Box<str>>),
        body: Vec<u8>,
    ) {
        if self.config.arrivals != Arrivals::Take {
            return;
        }
        let text_fits = enc.is_some() || (1..=TEXT_BYTES_MAX).contains(&body.len());
        if !text_fits || body.len() > TAIL_BYTES_MAX || self.inbox.held.len() >= HELD_MAX {
            return;
        }
        let via = self.via(&key);
        let message = InMessage {
            id,
            from,
            audience: None,
            stamp: Some(stamp),
            at_ms: stamp.at_ms,
            auto,
            body: body.into(),
            enc,
            shown: false,
            held: self.holds(),
            late: false,
        };
        self.put_in(Item {
            message,
            via,
            source: Source::Peer(key),
            mark: None,
        });
    }

    /// Something out of the server's store.
    pub(super) fn on_mail(&mut self, mail: MailHead, body: Vec<u8>) {
        if self.login.logged_in_key().is_none() {
            return;
        }
        let notice = matches!(mail.kind, MailKind::Receipt | MailKind::Expired);
        let awaited = notice && mail.of.is_some_and(|of| self.outbox.is_of_this_life(of));
        if self.config.arrivals != Arrivals::Take && !awaited {
            return;
        }
        let stamp = if notice { None } else { mail.stamp };
        if !notice && stamp.is_none() {
            return;
        }
        let direct = mail.kind == MailKind::Direct;
        let body = if notice {
            Notice::body(&mail)
        } else {
            body.into()
        };
        let message = InMessage {
            id: mail.id,
            from: mail.from,
            audience: if direct { None } else { mail.audience },
            stamp,
            at_ms: mail.at_ms,
            auto: mail.auto,
            body,
            enc: mail.enc,
            shown: false,
            held: direct && !mail.off && self.holds(),
            late: mail.off,
        };
        self.put_in(Item {
            message,
            via: Via::Server,
            source: Source::Server,
            mark: None,
        });
    }

    /// Nothing is confirmed before our own disk has it.
    fn put_in(&mut self, item: Item) {
        if self.disk.open_count() >= STORE_QUEUE_MAX {
            // It comes again: it was not confirmed.
            return;
        }
        if planted!("ack-before-commit") {
            self.confirm(&item);
        }
        let request = StoreRequest::PutIn(item.message.clone());
        self.ask_disk(request, Then::Arrive(Box::new(item)));
    }

    fn confirm(&mut self, item: &Item) {
        let id = item.message.id;
        match item.source {
            Source::Peer(key) => self.answer_peer(key, Head::Ack { id }),
            Source::Server => self.inbox.mail_acks.push_back(id),
        }
    }

    /// On disk and not shown may also be what a failing disk wrote and could not confirm.
    pub(super) fn on_put_in(&mut self, item: Item, done: Option<&Done>) {
        let Some(&Done::PutIn(seen)) = done else {
            return;
        };
        let id = item.message.id;
        let key = (item.message.from.clone(), id);
        let fresh = match seen {
            Seen::Fresh => true,
            Seen::Repeat => planted!("dedupe-dropped"),
            Seen::Unshown => !self.inbox.in_hand.contains(&key),
        };
        if fresh {
            self.inbox.in_hand.insert(key);
        }
        self.confirm(&item);
        let late = item.message.late;
        if !fresh {
            // It was shown, or is about to be.
        } else if item.message.stamp.is_none() {
            self.on_notice(&item.message);
        } else if late && self.inbox.batch.is_some() {
            self.put_late(item.message.at_ms, Late::Item(Box::new(item)));
        } else if self.inbox.batch.is_some() {
            self.inbox.after_batch.push_back(item);
        } else {
            self.place(item);
        }
        if late {
            self.count_late(id);
        }
    }

    /// Tells the server what is durable here, many at once.
    pub(super) fn send_mail_acks(&mut self) {
        while !self.inbox.mail_acks.is_empty() && self.login.logged_in_key().is_some() {
            let count = self.inbox.mail_acks.len().min(MAIL_ACKS_MAX);
            let ids = self.inbox.mail_acks.iter().take(count);
            let tail: Vec<u8> = ids.flat_map(|id| id.to_bytes()).collect();
            let head = Head::MailAck;
            if self.send_server(&Packet { head, tail }).is_none() {
                return;
            }
            self.inbox.mail_acks.drain(..count);
        }
    }
}

// Order and showing.
impl Client {
    /// True while arriving private messages are to be held.
    fn holds(&self) -> bool {
        matches!(self.view.mode, Mode::Group(_))
            && self.config.group_private == GroupPrivate::Refuse
    }

    fn place(&mut self, item: Item) {
        let Some((key, seq)) = item.stream() else {
            return;
        };
        let placed = self.inbox.streams.arrive(self.now.instant, key, seq, item);
        if placed.is_empty() && self.timers.get(&Timer::Gap).is_none() {
            self.wait_for_gaps();
        }
        self.show_placed(placed);
    }

    pub(super) fn on_gap(&mut self) {
        if self.inbox.batch.is_some() {
            return; // What is missing may be in it.
        }
        let placed = self.inbox.streams.due(self.now.instant);
        self.show_placed(placed);
        self.wait_for_gaps();
    }

    /// Nothing more will come: what waits for an earlier message is shown.
    pub(super) fn show_late(&mut self) {
        self.timers.cancel(&Timer::Gap);
        let placed = self.inbox.streams.all_waiting();
        self.show_placed(placed);
    }

    fn wait_for_gaps(&mut self) {
        if let Some(at) = self.inbox.streams.deadline() {
            self.timers.set(Timer::Gap, at);
        }
    }

    fn show_placed(&mut self, placed: Vec<Placed<Item>>) {
        for (mut item, mark) in placed {
            item.mark = mark;
            self.show(item);
        }
    }

    /// Shows it now, or after the group: whatever was so when it arrived.
    fn show(&mut self, mut item: Item) {
        let is_private = item.message.audience.is_none() && !item.message.late;
        if is_private && self.holds() {
            item.message.held = true;
            self.inbox.held.push_back(item);
            self.count_held();
        } else if std::mem::take(&mut item.message.held) {
            self.release(item);
        } else if self.inbox.released.is_empty() {
            self.hand_out(item);
        } else {
            self.inbox.released.push_back((item, true));
        }
    }

    /// `late` is said of what stands in a batch only.
    fn hand_out(&mut self, mut item: Item) {
        item.message.late = false;
        let (from, id) = (item.message.from.clone(), item.message.id);
        self.inbox.unseen.push_back((from, id));
        self.tell(Event::Message(item.arrived()));
    }

    /// Of what is held these texts were looked up: they are shown in their turn all the same.
    pub(super) fn read_held(&mut self, entries: &[Entry]) {
        let mut read = Vec::new();
        for item in &mut self.inbox.held {
            let message = &mut item.message;
            let is_it = |entry: &Entry| {
                entry.id == message.id && entry.from.as_ref() == Some(&message.from)
            };
            if !message.shown && entries.iter().any(is_it) {
                message.shown = true;
                read.push((message.from.clone(), message.id));
            }
        }
        self.count_held();
        self.mark_shown(read);
    }

    /// How many are held that nobody has seen.
    fn count_held(&mut self) {
        let held = self.inbox.held.iter();
        self.view.held = held.filter(|item| !item.message.shown).count();
    }

    /// What was held is shown, in order of arrival, once: the disk hears first that it is not held
    /// any more, so that after a crash it is marked as what may have been shown.
    pub(super) fn release_held(&mut self) {
        self.view.held = 0;
        for item in std::mem::take(&mut self.inbox.held) {
            self.release(item);
        }
    }

    fn release(&mut self, item: Item) {
        let mut message = item.message.clone();
        message.held = false;
        let key = (message.from.clone(), message.id);
        self.inbox.released.push_back((item, false));
        self.ask_disk(StoreRequest::PutIn(message), Then::Release(key));
    }

    pub(super) fn on_released(&mut self, key: &(Name, MessageId)) {
        let is_it = |item: &Item| item.message.id == key.1 && item.message.from == key.0;
        let found = self.inbox.released.iter_mut();
        for (_, known) in found.filter(|(item, _)| is_it(item)) {
            *known = true;
        }
        while let Some((item, _)) = self.inbox.released.pop_front_if(|(_, known)| *known) {
            if planted!("held-shown-twice") && item.message.held {
                self.hand_out(item.clone());
            }
            self.hand_out(item);
        }
    }

    /// The program ends: there is no time to wait for the disk.
    pub(super) fn show_released(&mut self) {
        for (item, _) in std::mem::take(&mut self.inbox.released) {
            self.hand_out(item);
        }
    }

    /// What an earlier life had on disk and has not shown, as far as it knew.
    pub(super) fn show_unshown(&mut self) {
        if self.config.arrivals != Arrivals::Take {
            return;
        }
        for message in std::mem::take(&mut self.inbox.unshown) {
            if message.stamp.is_none() {
                self.on_notice(&message);
                continue;
            }
            let mark = (!message.held).then_some(Mark::ShownBeforeRestart);
            self.hand_out(Item {
                message,
                via: Via::Server,
                source: Source::Server,
                mark,
            });
        }
    }

    pub(super) fn on_shown(&mut self, count: u64) {
        let unseen = &mut self.inbox.unseen;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let ids: Vec<(Name, MessageId)> = unseen.drain(..count.min(unseen.len())).collect();
        self.mark_shown(ids);
    }

    pub(super) fn on_seen(&mut self, mut ids: Vec<(Name, MessageId)>) {
        let unseen = &mut self.inbox.unseen;
        ids.retain(|key| unseen.contains(key));
        unseen.retain(|key| !ids.contains(key));
        self.mark_shown(ids);
    }

    pub(super) fn mark_shown(&mut self, ids: Vec<(Name, MessageId)>) {
        if !ids.is_empty() {
            let then = Then::Shown(ids.clone());
            self.ask_disk(StoreRequest::MarkShown { ids }, then);
        }
    }

    /// The disk says "shown" by itself from now on.
    pub(super) fn on_marked(&mut self, ids: &[(Name, MessageId)]) {
        for key in ids {
            self.inbox.in_hand.remove(key);
        }
    }
}

// The batch of a login.
impl Client {
    /// A login announced so many mails.
    pub(super) fn expect_batch(&mut self, expected: u64) {
        let nobody_waits = self.config.arrivals != Arrivals::Take;
        if nobody_waits || expected == 0 && self.inbox.batch.is_none() {
            return;
        }
        let batch = self.inbox.batch.get_or_insert_default();
        batch.expected = expected;
        batch.came.clear();
        self.timers
            .set(Timer::Batch, self.now.instant + BATCH_STALL);
        if expected == 0 {
            self.finish_batch();
        }
    }

    /// Takes a notice that belongs to the batch; false if there is none.
    pub(super) fn batch_notice(&mut self, at_ms: i64, event: &Event) -> bool {
        let waits = self.inbox.batch.is_some();
        if waits {
            self.put_late(at_ms, Late::Event(Box::new(event.clone())));
        }
        waits
    }

    fn put_late(&mut self, at_ms: i64, late: Late) {
        if let Some(batch) = &mut self.inbox.batch {
            batch.items.push((at_ms, late));
        }
    }

    fn count_late(&mut self, id: MessageId) {
        let Some(batch) = &mut self.inbox.batch else {
            return;
        };
        batch.came.insert(id);
        if batch.came.len() as u64 >= batch.expected {
            self.finish_batch();
        } else {
            self.timers
                .set(Timer::Batch, self.now.instant + BATCH_STALL);
        }
    }

    /// Hands over the batch, then what came meanwhile, then the login goes on.
    pub(super) fn finish_batch(&mut self) {
        self.close_batch();
        self.finish_login();
    }

    /// Hands over what there is of the batch.
    pub(super) fn close_batch(&mut self) {
        self.timers.cancel(&Timer::Batch);
        let Some(batch) = self.inbox.batch.take() else {
            return;
        };
        let mut items = batch.items;
        // The server's order of acceptance, although the link delivers in any order.
        items.sort_by_key(|(at_ms, _)| *at_ms);
        let mut events = Vec::new();
        for (_, late) in items {
            match late {
                Late::Event(event) => events.push(*event),
                Late::Item(mut item) => {
                    if let Some((key, seq)) = item.stream() {
                        item.mark = self.inbox.streams.batched(key, seq);
                    }
                    let (from, id) = (item.message.from.clone(), item.message.id);
                    self.inbox.unseen.push_back((from, id));
                    events.push(Event::Message(item.arrived()));
                }
            }
        }
        if !events.is_empty() {
            self.tell(Event::Batch(events));
        }
        let placed = self.inbox.streams.after_batch();
        self.show_placed(placed);
        for item in std::mem::take(&mut self.inbox.after_batch) {
            self.place(item);
        }
        self.wait_for_gaps();
    }
}
