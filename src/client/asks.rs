//! Requests to the server: sent in the order entered, counted in slots, asked again under the same
//! id.

use super::event::{By, Event, Reason, Report, Session, Via};
use super::port::{Recipient, StoreRequest};
use super::request::RequestId;
use super::{Client, RequestError, Timer};
use crate::link::Parcel;
use crate::model::limits::{ANSWER_MAX, ASK_AGAIN_S, REQUESTS_IN_FLIGHT_MAX, SERVER_SLOTS, SLOT};
use crate::model::{Delivery, GroupName, MessageId, Name, PublicKey};
use crate::planted;
use crate::wire::packet::{GroupAct, ListOf, LookupOf};
use crate::wire::{Head, Packet};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Create(GroupName),
    Dereg,
    /// A final leave.
    Exit,
    Join(GroupName),
    Leave(GroupName),
    /// What earlier pages said.
    ListGroups(Vec<GroupName>),
    ListMembers(GroupName, Vec<Name>),
    Lookup(PublicKey),
    /// The entry of the outbox with the same id. `live`: a live try failed.
    Message {
        live: bool,
    },
}

/// One request until its answer.
pub(super) struct Ask {
    /// Its place among all.
    number: u64,
    pub(super) id: MessageId,
    pub(super) what: What,
    /// None: nobody waits for it.
    pub(super) request: Option<RequestId>,
    parcel: Option<Parcel>,
    /// How often it was sent and got no answer.
    pub(super) offers: usize,
    repeats: usize,
}

/// All requests that have no answer yet, in the order entered.
#[derive(Default)]
pub(super) struct Asks {
    next: u64,
    all: BTreeMap<u64, Ask>,
    by_id: BTreeMap<MessageId, u64>,
    by_parcel: BTreeMap<Parcel, u64>,
    /// Not sent on this session yet.
    unsent: BTreeSet<u64>,
    /// Sent, and not yet acknowledged by the server's link.
    unsettled: BTreeSet<u64>,
}

impl Asks {
    pub(super) fn unsettled_count(&self) -> usize {
        self.unsettled.len()
    }

    /// True if somebody waits for a request that the server has not taken yet.
    pub(super) fn is_awaited(&self) -> bool {
        let awaited = |number| {
            self.all
                .get(number)
                .is_some_and(|ask| ask.request.is_some())
        };
        self.unsettled.iter().any(awaited) || self.unsent.iter().any(awaited)
    }

    pub(super) fn contains(&self, id: MessageId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Looks for an equal request nobody waits for.
    pub(super) fn has(&self, what: &What) -> bool {
        self.all.values().any(|ask| ask.what == *what)
    }

    /// The session is gone: everything is to be sent again.
    pub(super) fn unsend_all(&mut self) {
        self.by_parcel.clear();
        self.unsettled.clear();
        for (number, ask) in &mut self.all {
            ask.parcel = None;
            self.unsent.insert(*number);
        }
    }

    fn push(&mut self, id: MessageId, what: What, request: Option<RequestId>) {
        self.put(Ask {
            number: self.next,
            id,
            what,
            request,
            parcel: None,
            offers: 0,
            repeats: 0,
        });
        self.next += 1;
    }

    fn put(&mut self, ask: Ask) {
        let number = ask.number;
        self.by_id.insert(ask.id, number);
        let earlier = self.all.insert(number, ask);
        assert!(earlier.is_none(), "numbers of requests are unique");
        self.unsent.insert(number);
    }

    fn remove(&mut self, number: u64) -> Option<Ask> {
        let ask = self.all.remove(&number)?;
        self.by_id.remove(&ask.id);
        if let Some(parcel) = ask.parcel {
            self.by_parcel.remove(&parcel);
        }
        self.unsent.remove(&number);
        self.unsettled.remove(&number);
        Some(ask)
    }

    /// May the first unsent request go out? Those that depend on order wait until all before them
    /// have arrived, and hold back all after them until they have.
    fn may_send(&self, number: u64) -> bool {
        let depends = |number: &u64| {
            self.all
                .get(number)
                .is_some_and(|ask| ask.what.is_ordered())
        };
        let in_flight = self.all.len().saturating_sub(self.unsent.len());
        in_flight < REQUESTS_IN_FLIGHT_MAX
            && (self.unsettled.is_empty()
                || !depends(&number) && !self.unsettled.iter().any(depends))
    }
}

impl What {
    const fn is_ordered(&self) -> bool {
        !matches!(self, Self::Lookup(_) | Self::Message { .. })
    }
}

impl Client {
    /// Asks the server under a new id.
    pub(super) fn ask(&mut self, what: What, request: Option<RequestId>) {
        let id = self.ratchet.message_id();
        self.ask_as(id, what, request);
    }

    /// Asks the server under this id.
    pub(super) fn ask_as(&mut self, id: MessageId, what: What, request: Option<RequestId>) {
        let nobody_waited = !self.login.is_awaited() && !self.asks.is_awaited();
        let awaited = request.is_some();
        self.asks.push(id, what, request);
        if awaited {
            self.connect_at_once();
        }
        self.pump_asks();
        // What went on quietly becomes something that is counted, from here on.
        if awaited && nobody_waited {
            self.restart_slots();
        }
    }

    /// Sends what may be sent.
    pub(super) fn pump_asks(&mut self) {
        if self.login.logged_in_key().is_none() || self.timers.get(&Timer::Pause).is_some() {
            return;
        }
        while let Some(&number) = self.asks.unsent.first() {
            let ask = self.asks.all.get(&number).expect("unsent asks exist");
            let leaves = matches!(ask.what, What::Dereg | What::Exit);
            if !self.asks.may_send(number) || leaves && self.has_open_messages(number) {
                break;
            }
            let Some(packet) = self.packet_of(number) else {
                self.asks.remove(number);
                continue;
            };
            let Some(parcel) = self.send_server(&packet) else {
                break;
            };
            let ask = self.asks.all.get_mut(&number).expect("unsent asks exist");
            ask.parcel = Some(parcel);
            ask.offers += 1;
            self.asks.by_parcel.insert(parcel, number);
            self.asks.unsent.remove(&number);
            self.asks.unsettled.insert(number);
        }
        self.run_slots();
    }

    /// True while a message entered before this request may have its outcome soon.
    fn has_open_messages(&self, number: u64) -> bool {
        let behind = |id| {
            self.asks
                .by_id
                .get(&id)
                .is_some_and(|other| *other > number)
        };
        self.outbox.has_waiting() || self.outbox.open_messages().any(|id| !behind(id))
    }

    /// Takes out the request that an answer is for.
    pub(super) fn answered(&mut self, id: MessageId) -> Option<Ask> {
        let number = *self.asks.by_id.get(&id)?;
        let ask = self.asks.remove(number)?;
        self.timers.cancel(&Timer::Again(number));
        self.alive();
        Some(ask)
    }

    /// Gives up a request: nobody needs its answer any more.
    pub(super) fn drop_ask(&mut self, id: MessageId) {
        let Some(number) = self.asks.by_id.get(&id).copied() else {
            return;
        };
        if let Some(ask) = self.asks.remove(number) {
            self.timers.cancel(&Timer::Again(number));
            if let Some(parcel) = ask.parcel {
                self.links.abandon(parcel);
            }
            self.run_slots();
            self.pump_asks();
        }
    }

    /// Takes out everything that is asked; the server is lost or the program ends.
    pub(super) fn drop_asks(&mut self) -> Vec<Ask> {
        let numbers: Vec<u64> = self.asks.all.keys().copied().collect();
        for number in &numbers {
            self.timers.cancel(&Timer::Again(*number));
        }
        numbers
            .into_iter()
            .filter_map(|number| self.asks.remove(number))
            .collect()
    }

    /// Asks again after a pause the server wanted.
    pub(super) fn pause_asks(&mut self, ask: Ask, pause: Duration) {
        // Under its old number, so that the order stays.
        self.asks.put(Ask {
            parcel: None,
            offers: ask.offers.saturating_sub(1),
            repeats: 0,
            ..ask
        });
        self.timers.set(Timer::Pause, self.now.instant + pause);
    }

    /// Some of a parcel was acknowledged: the server is alive.
    pub(super) fn on_progress(&mut self, parcel: Parcel) {
        if self.asks.by_parcel.contains_key(&parcel) {
            self.alive();
        }
    }

    /// The server's link has all of it: from now on it is only waited for.
    pub(super) fn on_settled(&mut self, parcel: Parcel) {
        if self.login.on_settled(parcel) {
            // It is in hand: waited for, and asked again if it takes long.
            let at = self.now.instant + ANSWER_MAX;
            self.timers.set(Timer::Reconnect, at);
            self.alive();
        }
        let Some(number) = self.asks.by_parcel.remove(&parcel) else {
            // The queue of the session may have been full.
            self.pump_asks();
            return;
        };
        self.asks.unsettled.remove(&number);
        let repeats = self.asks.all.get(&number).map_or(0, |ask| ask.repeats);
        let wait = ASK_AGAIN_S[repeats.min(ASK_AGAIN_S.len() - 1)];
        let at = self.now.instant + Duration::from_secs(wait);
        self.timers.set(Timer::Again(number), at);
        self.alive();
        self.pump_asks();
    }

    /// The server has had a request in hand for long: say so once, and ask again.
    pub(super) fn ask_again(&mut self, number: u64) {
        let nobody_waited = !self.login.is_awaited() && !self.asks.is_awaited();
        let Some(ask) = self.asks.all.get_mut(&number) else {
            return;
        };
        ask.repeats += 1;
        ask.parcel = None;
        let (id, first, awaited) = (ask.id, ask.repeats == 1, ask.request.is_some());
        let awaited_message = awaited && matches!(ask.what, What::Message { .. });
        self.asks.unsent.insert(number);
        if first && awaited_message {
            self.tell_unconfirmed(id, Reason::Unconfirmed);
        }
        self.pump_asks();
        // What went on quietly becomes something that is counted, from here on.
        if awaited && nobody_waited {
            self.restart_slots();
        }
    }

    pub(super) fn tell_unconfirmed(&mut self, id: MessageId, reason: Reason) {
        let Some(out) = self.outbox.get_mut(id) else {
            return;
        };
        out.unconfirmed = true;
        let report = Report {
            by: By::Oneself,
            via: Some(Via::Server),
            reason: Some(reason),
            ..out.report(Delivery::Sent)
        };
        let request = out.request;
        self.tell_for(request, Event::Delivery(report));
    }

    /// Something shows that the server is alive: the count of empty slots begins anew.
    pub(super) fn alive(&mut self) {
        self.login.empty_slots = 0;
        self.timers.cancel(&Timer::Slot);
        self.run_slots();
    }

    /// Starts or stops the clock of slots, as there is something to wait for or not.
    pub(super) fn run_slots(&mut self) {
        let waits = self.login.waits() || self.asks.unsettled_count() > 0;
        if !waits && planted!("retrying-after-answer") && self.login.logged_in_key().is_some() {
            self.timers.set(Timer::Slot, self.now.instant + SLOT);
        } else if !waits {
            self.timers.cancel(&Timer::Slot);
            self.login.empty_slots = 0;
        } else if self.timers.get(&Timer::Slot).is_none() {
            self.timers.set(Timer::Slot, self.now.instant + SLOT);
        }
    }

    /// A slot went by without a sign of the server.
    pub(super) fn on_slot(&mut self) {
        let attempt = self.login.empty_slots.saturating_add(1);
        let awaited =
            self.login.is_awaited() || self.asks.is_awaited() || planted!("retrying-after-answer");
        if awaited && !self.login.is_leaving() {
            self.tell_session(Session::Retrying {
                attempt,
                of: SERVER_SLOTS,
            });
        }
        self.login.empty_slots = attempt;
        if attempt < SERVER_SLOTS {
            self.timers.set(Timer::Slot, self.now.instant + SLOT);
            self.doubt_pin();
        } else {
            self.login.empty_slots = 0;
            self.on_no_answer(awaited);
        }
    }

    /// The packet of a request; None if there is nothing to ask any more.
    fn packet_of(&self, number: u64) -> Option<Packet> {
        let ask = self.asks.all.get(&number)?;
        let is_wrong = planted!("retry-with-new-id") && ask.repeats > 0;
        let id = MessageId(ask.id.0 ^ u128::from(is_wrong));
        let group = |act, group: &GroupName| Head::Group {
            id,
            act,
            group: group.clone(),
        };
        let mut tail = Vec::new();
        let head = match &ask.what {
            What::Create(name) => group(GroupAct::Create, name),
            What::Dereg => Head::Dereg {
                id,
                is_final: false,
            },
            What::Exit => Head::Dereg { id, is_final: true },
            What::Join(name) => group(GroupAct::Join, name),
            What::Leave(name) => group(GroupAct::Leave, name),
            What::ListGroups(known) => Head::List {
                id,
                of: ListOf::Groups,
                group: None,
                after: known.last().map(|name| name.as_str().into()),
            },
            What::ListMembers(group, known) => Head::List {
                id,
                of: ListOf::Members,
                group: Some(group.clone()),
                after: known.last().map(|name| name.as_str().into()),
            },
            What::Lookup(key) => Head::Lookup {
                id,
                of: LookupOf::Key(*key),
            },
            What::Message { live } => {
                let message = &self.outbox.get(ask.id)?.message;
                tail = message.text.as_bytes().to_vec();
                let (stamp, auto) = (message.stamp, message.auto);
                match message.to.clone() {
                    Recipient::Audience(audience) => Head::GroupMessage {
                        id,
                        audience,
                        stamp,
                        auto,
                        enc: None,
                    },
                    Recipient::Name(to) => Head::Store {
                        id,
                        to,
                        stamp,
                        live: *live,
                        auto,
                        enc: None,
                    },
                }
            }
        };
        Some(Packet { head, tail })
    }

    /// Settles what is asked with an error; messages stay in the outbox.
    pub(super) fn fail_asks(&mut self, why: &RequestError) {
        for ask in self.drop_asks() {
            if let (What::Message { .. }, Some(out)) = (&ask.what, self.outbox.get_mut(ask.id)) {
                out.keep(ask.offers > 0);
                out.request = None;
            }
            self.settle_any(ask.request, Err(why.clone()));
        }
    }

    /// What became known of a message is kept on disk.
    pub(super) fn mark_out(&mut self, id: MessageId, state: Delivery, stored_ms: Option<i64>) {
        let request = StoreRequest::MarkOut {
            id,
            state,
            stored_ms,
        };
        self.ask_disk(request, super::disk::Then::Nothing);
    }
}
