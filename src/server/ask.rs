//! Questions to the store that are open: what for, and what to do if the answer is "unknown".

use super::groups::GroupAsk;
use super::mail::{MailAsk, SettleAsk};
use super::port::{Done, Health, Presence, Refusal, StoreReply, StoreRequest};
use super::{Server, Timer};
use crate::model::limits::{PROBE_GAP, STORE_RETRY_MAX, STORE_RETRY_MIN};
use crate::model::{MessageId, Name, PublicKey, StoreTicket};
use crate::wire::packet::RefusalCode;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// All open questions. Their number is bounded by sessions times requests in flight.
#[derive(Debug, Default)]
pub(super) struct Asks {
    last: u64,
    open: BTreeMap<StoreTicket, Ask>,
    /// Given back by a full store.
    returned: VecDeque<(StoreTicket, StoreRequest)>,
}

#[derive(Debug)]
struct Ask {
    request: StoreRequest,
    purpose: Purpose,
    tries: u32,
}

/// Who waits for an answer, and why. `u64` is the life of the session that asked.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    Attach(PublicKey, u64),
    /// With the address that is claimed.
    Claim(PublicKey, u64, Name, SocketAddr),
    Dereg(PublicKey, u64, MessageId),
    /// Nobody waits.
    Detach,
    Expire,
    /// First the groups, then the name.
    FinalDereg(PublicKey, u64, MessageId, Name),
    Follow,
    Group(GroupAsk),
    Mail(MailAsk),
    /// Nobody waits.
    Presence,
    Settle(SettleAsk),
}

/// The answer, if there is one.
pub(super) type Answer = Result<Done, Refusal>;

impl Server {
    pub(super) fn ask(&mut self, request: StoreRequest, purpose: Purpose) {
        // What was taken before is told before, and in the same transaction.
        if !self.settles.is_empty() && !matches!(purpose, Purpose::Settle(_)) {
            self.settle();
        }
        self.ask_again(Ask {
            request,
            purpose,
            tries: 0,
        });
    }

    fn ask_again(&mut self, ask: Ask) {
        self.asks.last += 1;
        let ticket = StoreTicket(self.asks.last);
        let request = ask.request.clone();
        self.asks.open.insert(ticket, ask);
        self.outputs
            .push_back(super::Output::Store(ticket, request));
    }

    pub(super) fn on_reply(&mut self, ticket: StoreTicket, reply: StoreReply) {
        let Some(mut ask) = self.asks.open.remove(&ticket) else {
            return;
        };
        // A disk that takes nothing now says nothing of an earlier try whose fate is unknown.
        let reply = match reply {
            StoreReply::Refused(Refusal::StoreFull | Refusal::Unwritable) if ask.tries > 0 => {
                StoreReply::Unknown
            }
            reply => reply,
        };
        let answer = match reply {
            StoreReply::Done(done) => Ok(done),
            StoreReply::Refused(refusal) => Err(refusal),
            StoreReply::Unknown => {
                let delay = self.retry_delay(ask.tries);
                ask.tries += 1;
                if let Purpose::Claim(key, life, name, _) = &ask.purpose {
                    let (key, life, name) = (*key, *life, name.clone());
                    self.admit_from_memory(key, life, &name);
                }
                self.asks.open.insert(ticket, ask);
                let timer = Timer::Retry(ticket);
                self.timers.set(timer, self.now.instant + delay);
                return;
            }
        };
        match ask.purpose {
            Purpose::Attach(key, life) => self.on_attached(key, life, &answer),
            Purpose::Claim(key, life, name, address) => {
                self.on_claimed((key, life), &name, address, &answer);
            }
            Purpose::Dereg(key, life, id) => self.on_deregistered(key, life, id),
            Purpose::Expire => self.on_expired(&answer),
            Purpose::FinalDereg(key, life, id, name) => {
                self.on_groups_left(key, life, id, &name);
            }
            Purpose::Group(ask) => self.on_group_done(&ask, &answer),
            Purpose::Mail(ask) => self.on_kept(ask, &answer),
            Purpose::Settle(ask) => self.on_taken(&ask, &answer),
            Purpose::Detach | Purpose::Follow | Purpose::Presence => {}
        }
    }

    /// 1, 2, 4 … 30 s, give or take a quarter, so that not everything comes back at once.
    fn retry_delay(&mut self, tries: u32) -> Duration {
        let delay = STORE_RETRY_MIN.saturating_mul(1 << tries.min(5));
        let delay = delay.min(STORE_RETRY_MAX);
        let half = u64::try_from(delay.as_micros() / 2).expect("it is at most 15 s");
        delay * 3 / 4 + Duration::from_micros(self.ratchet.below(half + 1))
    }

    pub(super) fn on_retry(&mut self, ticket: StoreTicket) {
        if let Some(mut ask) = self.asks.open.remove(&ticket)
            && self.is_still_true(&mut ask)
        {
            self.ask_again(ask);
        }
    }

    /// What was to be said may have been overtaken: the claim of a program whose successor has
    /// asked since would take the name from it; an address that has moved is put right; and who has
    /// gone is not called online.
    fn is_still_true(&self, ask: &mut Ask) -> bool {
        match (&ask.purpose, &mut ask.request) {
            (Purpose::Claim(key, life, name, _), _) => !self.is_overtaken(key, *life, name),
            (
                Purpose::Presence,
                StoreRequest::Presence {
                    name,
                    owner,
                    presence,
                },
            ) => match self.address_of(name, *owner) {
                Some(address) => {
                    *presence = Presence::Online { address };
                    true
                }
                None => matches!(presence, Presence::Offline(_)),
            },
            _ => true,
        }
    }

    /// Messages are refused, their senders have them; all else is kept and offered again.
    pub(super) fn on_store_full(&mut self, ticket: StoreTicket, request: StoreRequest) {
        let purpose = self.asks.open.get(&ticket).map(|ask| &ask.purpose);
        let asker = match purpose {
            Some(Purpose::Mail(ask)) => Some((ask.key, ask.life, ask.mail.id, ask.re())),
            Some(Purpose::Group(ask)) => Some((ask.key, ask.life, ask.id, "group")),
            _ => None,
        };
        if let Some((key, life, id, re)) = asker {
            self.asks.open.remove(&ticket);
            if self.asked_by(key, life, id) {
                self.refuse_after(key, id, re, &RefusalCode::Busy, STORE_RETRY_MIN);
            }
            return;
        }
        self.asks.returned.push_back((ticket, request));
        let timer = Timer::Offer;
        self.timers.set(timer, self.now.instant + PROBE_GAP);
    }

    pub(super) fn on_offer_due(&mut self) {
        for (ticket, request) in std::mem::take(&mut self.asks.returned) {
            self.outputs
                .push_back(super::Output::Store(ticket, request));
        }
    }

    /// True if the session that asked is still the same; its request is not in flight any more.
    pub(super) fn asked_by(&mut self, key: PublicKey, life: u64, id: MessageId) -> bool {
        let session = self.sessions.get_mut(&key).filter(|s| s.life == life);
        session.is_some_and(|session| session.asking.remove(&id))
    }

    pub(super) fn is_degraded(&self) -> bool {
        self.health != Health::Up
    }
}

/// The word of the wire for a store's refusal.
pub(super) const fn code_of(refusal: Refusal) -> RefusalCode {
    match refusal {
        Refusal::GroupExists => RefusalCode::GroupExists,
        Refusal::MailboxFull => RefusalCode::MailboxFull,
        Refusal::NoSuchGroup => RefusalCode::NoSuchGroup,
        Refusal::NoSuchName => RefusalCode::NoSuchName,
        Refusal::PairFull => RefusalCode::PairFull,
        Refusal::Stale => RefusalCode::NotRegistered,
        Refusal::StoreFull => RefusalCode::StoreFull,
        Refusal::Taken => RefusalCode::NameUsed,
        Refusal::TooMany => RefusalCode::TooMany,
        Refusal::Unwritable => RefusalCode::NoStore,
    }
}
