//! Person to person: one slot, then the server under the same id; kept until somebody confirms.

use super::asks::{Ask, What};
use super::disk::Then;
use super::event::{Arrived, By, Event, Reason, Report, Via};
use super::groups::{names, refusal};
use super::peers::Reach;
use super::port::{OutMessage, Recipient, StoreRequest};
use super::request::RequestId;
use super::{Client, Mode, Outcome, RequestError, Timer};
use crate::link::{Parcel, Path};
use crate::model::limits::{
    CHUNK_BYTES, DIRECT_MAX, HISTORY_PROBES, LIVE_AGAIN_MAX, LIVE_MAX, OUTBOX_MAX,
    OUTBOX_SAVED_MAX, OUTCOME, SLOT, STORE_RETRY_MAX,
};
use crate::model::{Delivery, Instant, MessageId, Name, PublicKey, Text};
use crate::planted;
use crate::wire::packet::{Audience, RefusalCode, Stamp, StoredState};
use crate::wire::row::Status;
use crate::wire::{Head, Packet};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Messages that were typed here and have no final state.
#[derive(Default)]
pub(super) struct Outbox {
    run: u32,
    next_seq: BTreeMap<Recipient, u64>,
    all: BTreeMap<MessageId, Out>,
    /// In the order they were entered.
    order: BTreeMap<u64, MessageId>,
    next: u64,
    /// Up to this number they are of an earlier life of the program.
    inherited: u64,
    /// Those nobody has confirmed.
    unconfirmed: BTreeSet<MessageId>,
    /// Live tries of each recipient.
    lanes: BTreeMap<Name, Lane>,
    by_parcel: BTreeMap<Parcel, MessageId>,
    /// The server's memory is being tried.
    probing: bool,
    /// Sends to names that are not in the table while it is still arriving.
    waiting: VecDeque<(RequestId, Whom, Text, bool)>,
}

/// Who gets a message, and the id it had if it is tried again.
type Whom = (Name, Option<MessageId>);

/// Live tries to one recipient.
#[derive(Default)]
struct Lane {
    flying: BTreeSet<MessageId>,
    queued: VecDeque<MessageId>,
}

/// One message.
pub(super) struct Out {
    number: u64,
    pub(super) message: OutMessage,
    /// None: nobody waits for its outcome any more.
    pub(super) request: Option<RequestId>,
    pub(super) phase: Phase,
    /// It was told that the server has it in hand and does not answer.
    pub(super) unconfirmed: bool,
    /// It was sent to its recipient, who may have it and has not said so.
    live_failed: bool,
    /// The server may have it: an offer of it had no answer, or was made in an earlier life.
    in_doubt: bool,
    /// When the server took it, as it said last: another time means that it has forgotten.
    taken_ms: Option<i64>,
}

/// What a message waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The server's answer.
    Asked,
    /// The next login.
    Kept,
    /// The recipient's `ack`.
    Live(Live),
    /// Who was shown online may take it at once: a receipt, or the table.
    Open { at_ms: i64 },
    /// A place among the live tries.
    Queued,
    /// The server has it: a receipt.
    Saved,
    /// Our own disk.
    Writing,
}

/// A live try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Live {
    key: PublicKey,
    parcel: Parcel,
    began: Instant,
    /// Acknowledged chunks give it more time.
    large: bool,
    again: u8,
}

impl Out {
    /// What is known, in the form of an event.
    pub(super) fn report(&self, state: Delivery) -> Report {
        let (to, audience) = match &self.message.to {
            Recipient::Audience(audience) => (None, Some(audience.clone())),
            Recipient::Name(name) => (Some(name.clone()), None),
        };
        Report {
            id: self.message.id,
            to,
            audience,
            state,
            by: By::Server,
            via: None,
            late: false,
            was_stored: false,
            after_live_try: false,
            reason: None,
            sent_ms: self.message.stored_ms,
            rtt_us: None,
            text: None,
        }
    }

    /// Waits for the next offer. `offered`: one was made and not answered.
    pub(super) fn keep(&mut self, offered: bool) {
        self.phase = Phase::Kept;
        self.in_doubt |= offered;
    }

    fn recipient(&self) -> Option<&Name> {
        match &self.message.to {
            Recipient::Audience(_) => None,
            Recipient::Name(name) => Some(name),
        }
    }
}

impl Outbox {
    pub(super) fn load(
        &mut self,
        run: u32,
        messages: Vec<OutMessage>,
        next_seq: Vec<(Recipient, u64)>,
    ) {
        self.run = run;
        self.next_seq = next_seq.into_iter().collect();
        for message in messages {
            let phase = if message.state == Delivery::Stored {
                Phase::Saved
            } else {
                Phase::Kept
            };
            let id = message.id;
            self.insert(message, None, phase);
            self.all.get_mut(&id).expect("it was put in").in_doubt = true;
        }
        self.inherited = self.next;
    }

    /// True for a message that was entered since the program started.
    pub(super) fn is_of_this_life(&self, id: MessageId) -> bool {
        self.get(id).is_some_and(|out| out.number > self.inherited)
    }

    pub(super) fn unconfirmed_count(&self) -> usize {
        self.unconfirmed.len()
    }

    pub(super) const fn unconfirmed(&self) -> &BTreeSet<MessageId> {
        &self.unconfirmed
    }

    /// Messages whose outcome somebody waits for, and can still come soon.
    pub(super) fn open_messages(&self) -> impl Iterator<Item = MessageId> {
        let awaited = |out: &&Out| out.request.is_some() && !out.unconfirmed;
        self.all.values().filter(awaited).map(|out| out.message.id)
    }

    /// True while names are looked for in a table that is still arriving.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn get(&self, id: MessageId) -> Option<&Out> {
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: MessageId) -> Option<&mut Out> {
        self.all.get_mut(&id)
    }

    /// Those whose ids begin with these digits.
    pub(super) fn find(&self, digits: &str) -> Vec<MessageId> {
        let fits = |id: &MessageId| id.to_string().starts_with(digits);
        self.all.keys().copied().filter(fits).collect()
    }

    pub(super) fn take_requests(&mut self) -> Vec<RequestId> {
        let waiting = self.waiting.drain(..).map(|(request, ..)| request);
        let awaited = self.all.values_mut().filter_map(|out| out.request.take());
        waiting.chain(awaited).collect()
    }

    fn insert(&mut self, message: OutMessage, request: Option<RequestId>, phase: Phase) {
        let id = message.id;
        if message.state < Delivery::Stored {
            self.unconfirmed.insert(id);
        }
        self.next += 1;
        self.order.insert(self.next, id);
        let live_failed = message.state == Delivery::Sent;
        let out = Out {
            number: self.next,
            taken_ms: message.stored_ms,
            message,
            request,
            phase,
            unconfirmed: false,
            live_failed,
            in_doubt: false,
        };
        self.all.insert(id, out);
    }

    fn remove(&mut self, id: MessageId) -> Option<Out> {
        let out = self.all.remove(&id)?;
        self.order.remove(&out.number);
        self.unconfirmed.remove(&id);
        Some(out)
    }

    fn is_full(&self) -> bool {
        let saved = self.all.len().saturating_sub(self.unconfirmed.len());
        self.unconfirmed.len() + self.waiting.len() >= OUTBOX_MAX || saved >= OUTBOX_SAVED_MAX
    }

    fn next_stamp(&mut self, to: &Recipient, at_ms: i64) -> Stamp {
        let next = self.next_seq.entry(to.clone()).or_insert(1);
        let seq = *next;
        *next += 1;
        Stamp {
            seq,
            run: self.run,
            at_ms,
        }
    }
}

impl Client {
    /// A message for one person.
    pub(super) fn send(&mut self, request: RequestId, whom: Whom, text: &Text, auto: bool) {
        let (to, again) = whom;
        if to == self.view.name {
            self.echo(request, again, text, auto);
        } else if again.is_some_and(|id| self.outbox.get(id).is_some()) {
            self.settle(request, Err(RequestError::InOutbox));
        } else if self.outbox.is_full() {
            self.settle(request, Err(RequestError::OutboxFull));
        } else if let Some(row) = self.table.row(&to) {
            let (to, key) = (row.name.clone(), row.session_key);
            if self.peers.is_trusted(&to, &key) {
                self.put_out(request, (Recipient::Name(to), again), text, auto);
            } else {
                self.fail_for_key(request, to);
            }
        } else if self.is_table_arriving() {
            self.outbox
                .waiting
                .push_back((request, (to, again), text.clone(), auto));
        } else {
            self.settle(request, Err(RequestError::UnknownPeer(to)));
        }
    }

    /// A message for a group or everybody.
    pub(super) fn send_audience(
        &mut self,
        request: RequestId,
        to: Audience,
        text: &Text,
        auto: bool,
    ) {
        if self.outbox.is_full() {
            self.settle(request, Err(RequestError::OutboxFull));
        } else {
            self.put_out(request, (Recipient::Audience(to), None), text, auto);
        }
    }

    /// The table is here: names that were unknown are known, or are nobody's.
    pub(super) fn send_waiting(&mut self) {
        for (request, whom, text, auto) in std::mem::take(&mut self.outbox.waiting) {
            self.send(request, whom, &text, auto);
        }
        self.pump_asks();
    }

    fn is_table_arriving(&self) -> bool {
        self.login.is_arriving() || self.table.fetching && self.login.logged_in_key().is_some()
    }

    /// To oneself: nothing is sent.
    fn echo(&mut self, request: RequestId, again: Option<MessageId>, text: &Text, auto: bool) {
        let id = again.unwrap_or_else(|| self.ratchet.message_id());
        let me = self.view.name.clone();
        self.tell(Event::Message(Arrived {
            id,
            from: me.clone(),
            audience: None,
            text: text.as_str().to_owned(),
            via: Via::Peer,
            late: false,
            held: false,
            auto,
            sent_ms: self.now.wall.unix_ms,
            mark: None,
        }));
        let state = Delivery::Acked;
        let by = By::Oneself;
        let event = Event::Delivery(Report {
            id,
            to: Some(me),
            audience: None,
            state,
            by,
            via: None,
            late: false,
            was_stored: false,
            after_live_try: false,
            reason: None,
            sent_ms: None,
            rtt_us: None,
            text: None,
        });
        self.tell_for(Some(request), event);
        self.settle(request, Ok(Outcome::Message { id, state, by }));
    }

    fn fail_for_key(&mut self, request: RequestId, to: Name) {
        let id = self.ratchet.message_id();
        let event = Event::Delivery(Report {
            id,
            to: Some(to.clone()),
            audience: None,
            state: Delivery::Failed,
            by: By::Oneself,
            via: None,
            late: false,
            was_stored: false,
            after_live_try: false,
            reason: Some(Reason::KeyChanged),
            sent_ms: None,
            rtt_us: None,
            text: None,
        });
        self.tell_for(Some(request), event);
        self.settle(request, Err(RequestError::KeyChanged(to)));
    }

    /// Nothing leaves before our own disk has it.
    fn put_out(
        &mut self,
        request: RequestId,
        (to, again): (Recipient, Option<MessageId>),
        text: &Text,
        auto: bool,
    ) {
        let id = again.unwrap_or_else(|| self.ratchet.message_id());
        let stamp = self.outbox.next_stamp(&to, self.now.wall.unix_ms);
        let message = OutMessage {
            id,
            to,
            stamp,
            auto,
            text: text.as_str().into(),
            state: Delivery::Queued,
            stored_ms: None,
        };
        self.outbox
            .insert(message.clone(), Some(request), Phase::Writing);
        let keep = if again.is_some() {
            StoreRequest::PutOutAgain(message)
        } else {
            StoreRequest::PutOut(message)
        };
        self.ask_disk(keep, Then::Launch(id));
        if planted!("outbox-after-sending") {
            self.launch(id);
        }
    }

    pub(super) fn on_put_out(&mut self, id: MessageId, put: Result<(), RequestError>) {
        let Err(why) = put else {
            self.tell_queued(id);
            if !planted!("outbox-after-sending") {
                self.launch(id);
            }
            return self.pump_asks();
        };
        if let Some(out) = self.outbox.remove(id) {
            // The last number given out is free again; an earlier one leaves a gap the recipient
            // marks.
            let next = self.outbox.next_seq.get_mut(&out.message.to);
            if let Some(next) = next.filter(|next| **next == out.message.stamp.seq + 1) {
                *next -= 1;
            }
            self.settle_any(out.request, Err(why));
        }
        self.pump_asks();
    }

    fn tell_queued(&mut self, id: MessageId) {
        if let Some(out) = self.outbox.get(id) {
            let report = Report {
                by: By::Oneself,
                text: Some(out.message.text.clone()),
                ..out.report(Delivery::Queued)
            };
            let request = out.request;
            self.tell_for(request, Event::Delivery(report));
        }
    }

    /// Sends a durable message the way that is best now.
    fn launch(&mut self, id: MessageId) {
        let Some(out) = self.outbox.get_mut(id) else {
            return;
        };
        let Some(to) = out.recipient().cloned() else {
            self.ask_to_carry(id, false);
            return;
        };
        if !self.table.is_online(&to) || matches!(self.view.mode, Mode::Offline(_)) {
            self.ask_to_carry(id, false);
            return;
        }
        out.phase = Phase::Queued;
        let lane = self.outbox.lanes.entry(to.clone()).or_default();
        lane.queued.push_back(id);
        self.fly(&to);
    }

    /// The server's store takes over, under the same id.
    fn ask_to_carry(&mut self, id: MessageId, live: bool) {
        let Some(out) = self.outbox.get_mut(id) else {
            return;
        };
        out.phase = Phase::Asked;
        let request = out.request;
        if !self.asks.contains(id) {
            self.ask_as(id, What::Message { live }, request);
        }
    }

    /// Starts as many live tries to a recipient as may be on their way at once.
    fn fly(&mut self, to: &Name) {
        loop {
            let Some(lane) = self.outbox.lanes.get_mut(to) else {
                return;
            };
            if lane.flying.len() >= LIVE_MAX {
                return;
            }
            let Some(id) = lane.queued.pop_front() else {
                if lane.flying.is_empty() {
                    self.outbox.lanes.remove(to);
                }
                return;
            };
            let idle = lane.flying.is_empty();
            match self.try_live(id, to, 0) {
                Flight::Begun => {}
                Flight::Full if !idle => {
                    let lane = self.outbox.lanes.entry(to.clone()).or_default();
                    lane.queued.push_front(id);
                    return;
                }
                Flight::Full | Flight::Impossible => self.ask_to_carry(id, false),
            }
        }
    }

    fn try_live(&mut self, id: MessageId, to: &Name, again: u8) -> Flight {
        let Some(out) = self.outbox.get(id) else {
            return Flight::Begun;
        };
        let (stamp, auto) = (out.message.stamp, out.message.auto);
        let packet = Packet {
            head: Head::Message {
                id,
                to: to.clone(),
                stamp,
                auto,
                enc: None,
            },
            tail: out.message.text.as_bytes().to_vec(),
        };
        let Reach::Route(route) = self.reach(to) else {
            return Flight::Impossible;
        };
        let bytes = packet.encode();
        let large = bytes.len() > CHUNK_BYTES;
        let Some(parcel) = self.send_peer(&route, bytes) else {
            return Flight::Full;
        };
        let now = self.now.instant;
        let out = self.outbox.get_mut(id).expect("it was there above");
        let began = match &out.phase {
            Phase::Live(live) => live.began,
            _ => now,
        };
        out.phase = Phase::Live(Live {
            key: route.key,
            parcel,
            began,
            large,
            again,
        });
        self.outbox.by_parcel.insert(parcel, id);
        let lane = self.outbox.lanes.entry(to.clone()).or_default();
        lane.flying.insert(id);
        if self.timers.get(&Timer::Live(id)).is_none() {
            self.timers.set(Timer::Live(id), now + SLOT);
        }
        Flight::Begun
    }

    /// Some of a long text arrived: its slot begins anew.
    pub(super) fn on_live_progress(&mut self, parcel: Parcel) {
        let Some(id) = self.outbox.by_parcel.get(&parcel).copied() else {
            return;
        };
        let Some(Phase::Live(live)) = self.outbox.get(id).map(|out| &out.phase) else {
            return;
        };
        if live.large {
            let end = (self.now.instant + SLOT).min(live.began + DIRECT_MAX);
            self.timers.set(Timer::Live(id), end);
        }
    }

    /// The recipient's program has it.
    pub(super) fn on_ack(&mut self, from: &Name, id: MessageId, via: Via) {
        let Some(out) = self.outbox.get(id) else {
            return;
        };
        if out.recipient() != Some(from) {
            return;
        }
        let rtt = match &out.phase {
            Phase::Live(live) => Some(self.now.instant.since(live.began)),
            Phase::Asked | Phase::Open { .. } | Phase::Kept => None,
            // After "saved" it prints nothing; the receipt will tell.
            Phase::Queued | Phase::Saved | Phase::Writing => return,
        };
        if out.message.state == Delivery::Stored {
            return;
        }
        let report = Report {
            by: By::Peer,
            via: Some(via),
            rtt_us: rtt.and_then(|rtt| u64::try_from(rtt.as_micros()).ok()),
            sent_ms: None,
            ..out.report(Delivery::Acked)
        };
        self.peers.reached(from);
        self.drop_ask(id);
        self.finish(&report, Ok(()));
    }

    /// The slot is over. What is said now is true: no ack came.
    pub(super) fn on_live_over(&mut self, id: MessageId) {
        let Some(out) = self.outbox.get_mut(id) else {
            return;
        };
        if !matches!(out.phase, Phase::Live(_)) {
            return;
        }
        out.live_failed = true;
        out.message.state = Delivery::Sent;
        let report = Report {
            by: By::Oneself,
            via: Some(Via::Server),
            after_live_try: true,
            reason: Some(Reason::NoAnswer),
            ..out.report(Delivery::Sent)
        };
        let to = out.recipient().cloned();
        let request = out.request;
        self.tell_for(request, Event::Delivery(report));
        self.mark_out(id, Delivery::Sent, None);
        if let Some(to) = &to {
            self.unreached(to);
        }
        self.land(id);
        self.ask_to_carry(id, true);
        if let Some(to) = &to {
            self.fly(to);
        }
    }

    /// A live try is over, however it ended: its place is free.
    fn land(&mut self, id: MessageId) {
        self.timers.cancel(&Timer::Live(id));
        let Some(out) = self.outbox.all.get(&id) else {
            return;
        };
        if let Phase::Live(live) = &out.phase {
            self.outbox.by_parcel.remove(&live.parcel);
            self.links.abandon(live.parcel);
        }
        if let Recipient::Name(to) = &out.message.to
            && let Some(lane) = self.outbox.lanes.get_mut(to)
        {
            lane.flying.remove(&id);
        }
    }

    /// The session under live tries is gone. `lost`: there is nobody; else they are tried on a new
    /// one.
    pub(super) fn on_live_session(&mut self, key: &PublicKey, lost: bool) {
        let flying: Vec<(MessageId, u8)> = self
            .outbox
            .order
            .values()
            .filter_map(|id| match &self.outbox.all.get(id)?.phase {
                Phase::Live(live) if live.key == *key => Some((*id, live.again)),
                _ => None,
            })
            .collect();
        for (id, again) in flying {
            if lost || again >= LIVE_AGAIN_MAX {
                self.on_live_over(id);
                continue;
            }
            let to = self.outbox.get(id).and_then(|out| out.recipient().cloned());
            let Some(to) = to else { continue };
            if let Some(Phase::Live(live)) = self.outbox.get(id).map(|out| out.phase.clone()) {
                self.outbox.by_parcel.remove(&live.parcel);
                self.links.abandon(live.parcel);
            }
            if !matches!(self.try_live(id, &to, again + 1), Flight::Begun) {
                self.on_live_over(id);
            }
        }
    }

    /// The server has it on disk.
    pub(super) fn on_stored(
        &mut self,
        id: MessageId,
        at_ms: i64,
        state: StoredState,
        online: bool,
    ) {
        if self.answered(id).is_none() {
            return;
        }
        let Some(out) = self.outbox.get_mut(id) else {
            self.pump_asks();
            return;
        };
        out.message.stored_ms.get_or_insert(at_ms);
        let forgotten = out.taken_ms.replace(at_ms).is_some_and(|ms| ms != at_ms);
        let was_stored = out.message.state == Delivery::Stored;
        let live_failed = out.live_failed;
        let to = out.recipient().cloned();
        if state == StoredState::Taken {
            let report = Report {
                via: Some(Via::Server),
                was_stored,
                ..out.report(Delivery::Delivered)
            };
            self.finish(&report, Ok(()));
        } else if was_stored {
            out.phase = Phase::Saved;
        } else {
            let shown_online = to.is_some_and(|to| self.table.is_online(&to));
            if online || live_failed && shown_online {
                let out = self.outbox.get_mut(id).expect("it was there above");
                out.phase = Phase::Open { at_ms };
                self.timers
                    .set(Timer::Outcome(id), self.now.instant + OUTCOME);
            } else {
                self.saved(id);
            }
        }
        if forgotten && std::mem::take(&mut self.outbox.probing) {
            self.offer_again(true);
        }
        self.pump_asks();
    }

    pub(super) fn on_outcome_over(&mut self, id: MessageId) {
        if let Some(Phase::Open { .. }) = self.outbox.get(id).map(|out| &out.phase) {
            self.saved(id);
        }
    }

    /// The table says who is gone: what was open for them is saved, no more.
    pub(super) fn close_outcomes(&mut self) {
        let open: Vec<MessageId> = self
            .outbox
            .order
            .values()
            .filter(|id| {
                self.outbox.all.get(id).is_some_and(|out| {
                    matches!(out.phase, Phase::Open { .. })
                        && out.recipient().is_some_and(|to| !self.table.is_online(to))
                })
            })
            .copied()
            .collect();
        for id in open {
            self.saved(id);
        }
    }

    /// It is saved, and that is all there is to say for now.
    fn saved(&mut self, id: MessageId) {
        self.timers.cancel(&Timer::Outcome(id));
        let Some(out) = self.outbox.get_mut(id) else {
            return;
        };
        out.phase = Phase::Saved;
        out.message.state = Delivery::Stored;
        let request = out.request.take();
        let state = Delivery::Stored;
        let report = Report {
            via: Some(Via::Server),
            ..out.report(state)
        };
        self.outbox.unconfirmed.remove(&id);
        self.mark_out(id, state, report.sent_ms);
        let by = report.by;
        self.tell_for(request, Event::Delivery(report));
        self.settle_any(request, Ok(Outcome::Message { id, state, by }));
        self.pump_asks();
    }

    /// The server has a group message on disk for everybody it is for.
    pub(super) fn on_group_ack(&mut self, id: MessageId, at_ms: i64, tail: &[u8]) {
        if self.answered(id).is_none() {
            return;
        }
        if let Some(mut out) = self.outbox.remove(id) {
            out.message.stored_ms = Some(at_ms);
            let state = Delivery::Stored;
            self.mark_out(id, state, Some(at_ms));
            let report = Report {
                via: Some(Via::Server),
                ..out.report(state)
            };
            let by = report.by;
            self.tell_for(out.request, Event::Delivery(report));
            for name in names(tail) {
                let report = Report {
                    to: Some(name),
                    reason: Some(Reason::Quota),
                    ..out.report(Delivery::Failed)
                };
                self.tell_for(out.request, Event::Delivery(report));
            }
            self.settle_any(out.request, Ok(Outcome::Message { id, state, by }));
        }
        self.pump_asks();
    }

    /// True if a refusal says nothing of an earlier try, whose fate is unknown: a server that is
    /// busy or cannot write has not looked whether it took the message then, and of a live try none
    /// knows anything.
    pub(super) fn is_in_doubt(&self, ask: &Ask, code: &RefusalCode) -> bool {
        let has_looked = !matches!(
            code,
            RefusalCode::Busy
                | RefusalCode::NoStore
                | RefusalCode::StoreFull
                | RefusalCode::TooFast
        );
        let out = self.outbox.get(ask.id);
        !planted!("doubt-is-failure")
            && out.is_some_and(|out| {
                let offered =
                    out.in_doubt || ask.offers > 1 || out.message.state == Delivery::Stored;
                out.live_failed || !has_looked && offered
            })
    }

    /// Nobody knows whether somebody has it: it stays in the outbox and is offered again.
    pub(super) fn leave_in_doubt(&mut self, id: MessageId, code: &RefusalCode) {
        let out = self.outbox.get_mut(id).expect("it is in doubt");
        out.keep(true);
        if out.request.is_some() && !out.unconfirmed {
            self.tell_unconfirmed(id, reason(code));
        }
        if self.timers.get(&Timer::Offer).is_none() {
            let at = self.now.instant + STORE_RETRY_MAX;
            self.timers.set(Timer::Offer, at);
        }
        self.pump_asks();
    }

    /// The server will not take it.
    pub(super) fn on_message_refused(&mut self, id: MessageId, code: &RefusalCode, text: Box<str>) {
        let Some(out) = self.outbox.get(id) else {
            return;
        };
        let unknown = matches!(code, RefusalCode::NoSuchName);
        let why = match out.recipient() {
            Some(to) if unknown => RequestError::UnknownPeer(to.clone()),
            _ => refusal(code, text),
        };
        let gone = matches!(code, RefusalCode::NotMember | RefusalCode::NoSuchGroup);
        if let (true, Recipient::Audience(Audience::Group(group))) = (gone, &out.message.to) {
            let group = group.clone();
            let request = out.request;
            self.outbox.remove(id);
            self.mark_out(id, Delivery::Failed, None);
            if self.view.mode == Mode::Group(group.clone()) {
                self.leave_group(group, super::event::GroupAction::Removed);
            }
            self.settle_any(request, Err(RequestError::NotMember));
            return;
        }
        let report = Report {
            via: Some(Via::Server),
            reason: Some(reason(code)),
            ..out.report(Delivery::Failed)
        };
        self.finish(&report, Err(why));
    }

    /// A receipt or an expiry: the last word about one message and one recipient. None: nothing
    /// new.
    pub(super) fn on_last_word(
        &mut self,
        of: MessageId,
        from: &Name,
        state: Delivery,
        stored_ms: Option<i64>,
    ) -> Option<Report> {
        let out = self.outbox.get(of)?;
        if out.recipient() != Some(from) {
            return None;
        }
        let was_stored = out.message.state == Delivery::Stored;
        let report = Report {
            via: Some(Via::Server),
            was_stored,
            sent_ms: out.message.stored_ms.or(stored_ms),
            ..out.report(state)
        };
        Some(report)
    }

    /// Leaves the outbox, without a word.
    pub(super) fn retire(&mut self, report: &Report, how: Result<(), RequestError>) {
        let (id, state, by) = (report.id, report.state, report.by);
        let to = report.to.clone();
        self.land(id);
        self.timers.cancel(&Timer::Outcome(id));
        let request = self.outbox.remove(id).and_then(|out| out.request);
        self.drop_ask(id);
        self.mark_out(id, state, report.sent_ms);
        self.settle_any(request, how.map(|()| Outcome::Message { id, state, by }));
        if let Some(to) = to {
            self.fly(&to);
        }
        // A leave waits for the outcomes of what was entered before it.
        self.pump_asks();
    }

    /// The last word: told, kept, and the outbox is free of it.
    pub(super) fn finish(&mut self, report: &Report, how: Result<(), RequestError>) {
        let request = self.outbox.get(report.id).and_then(|out| out.request);
        self.tell_for(request, Event::Delivery(report.clone()));
        self.retire(report, how);
    }

    /// After a login: what nobody confirmed is offered again; if the server lost its past, also
    /// what it had.
    pub(super) fn offer_again(&mut self, history_lost: bool) {
        let ids: Vec<MessageId> = self.outbox.order.values().copied().collect();
        for id in ids {
            let Some(out) = self.outbox.get(id) else {
                continue;
            };
            let again = match out.phase {
                Phase::Kept => true,
                Phase::Saved => history_lost,
                _ => false,
            };
            if again && self.is_safe(out) {
                self.ask_to_carry(id, false);
            }
        }
    }

    /// After a login: does the server still know what it took last? An old copy of its store may
    /// have grown until neither version nor digest betray it.
    pub(super) fn probe_history(&mut self) {
        let saved = |id: &&MessageId| {
            let out = &self.outbox.all[*id];
            out.phase == Phase::Saved && out.taken_ms.is_some() && self.is_safe(out)
        };
        let newest = self.outbox.order.values().rev().filter(saved);
        let newest: Vec<MessageId> = newest.take(HISTORY_PROBES).copied().collect();
        self.outbox.probing = !newest.is_empty();
        for id in newest.into_iter().rev() {
            self.ask_to_carry(id, false);
        }
    }

    /// Nothing is meant for another key than the recipient's.
    fn is_safe(&self, out: &Out) -> bool {
        let row = out
            .recipient()
            .and_then(|to| Some((to, self.table.row(to)?)));
        row.is_none_or(|(to, row)| self.peers.is_trusted(to, &row.session_key))
    }

    /// True if the table says that somebody is away in any way.
    pub(super) fn is_away(&self, name: &Name) -> bool {
        self.table
            .row(name)
            .is_some_and(|row| row.status != Status::Online)
    }

    /// Which way a message to or from this key travels.
    pub(super) fn via(&self, key: &PublicKey) -> Via {
        match self.links.path(key) {
            Some(Path::Relay(_)) => Via::Relay,
            Some(Path::Direct(_)) | None => Via::Peer,
        }
    }
}

/// What a refusal says of a message.
const fn reason(code: &RefusalCode) -> Reason {
    match code {
        RefusalCode::MailboxFull | RefusalCode::PairFull | RefusalCode::TooMany => Reason::Quota,
        RefusalCode::NoStore | RefusalCode::StoreFull => Reason::NoStore,
        RefusalCode::NoSuchName => Reason::UnknownPeer,
        RefusalCode::TooLong => Reason::TooLong,
        _ => Reason::Refused,
    }
}

/// How a live try began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flight {
    Begun,
    /// The queue of the session is full.
    Full,
    /// There is no way to this recipient now.
    Impossible,
}
