//! Handshakes that others began: cheap checks before dear ones, and nothing changes before DATA
//! confirms.

use super::Path;
use super::bucket::{Bucket, Buckets};
use crate::model::limits::{
    COOKIE, HANDSHAKES_PER_ADDRESS_BURST, HANDSHAKES_PER_ADDRESS_PER_S, PENDING, PENDING_MAX,
    PENDING_PER_KEY_MAX, PENDING_YIELD, RETRY_HELLOS_PER_S, RETRY_HOLD, RETRY_PENDING,
    STATELESS_PER_ADDRESS_PER_S, STATELESS_PER_S,
};
use crate::model::{Instant, PublicKey};
use crate::secure::cookie::Cookies;
use crate::secure::{Identity, Ratchet, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Decides which HELLO is worth a handshake.
pub(super) struct Doorman {
    cookies: Cookies,
    cookies_made: Instant,
    retry_until: Instant,
    /// HELLOs without proof of address in the second that began then.
    unproven: (Instant, u32),
    handshakes: Buckets,
    stateless: Buckets,
    stateless_all: Bucket,
}

/// What to do with a HELLO.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Answer,
    Drop,
    Retry(Vec<u8>),
}

/// A HELLO whose mac1 is right.
#[derive(Clone, Copy)]
pub(super) struct Hello<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) sid: u32,
    pub(super) mac1: [u8; 16],
}

impl Doorman {
    pub(super) fn new(ratchet: &mut Ratchet) -> Self {
        Self {
            cookies: Cookies::new(ratchet.draw()),
            cookies_made: Instant(0),
            retry_until: Instant(0),
            unproven: (Instant(0), 0),
            handshakes: Buckets::new(HANDSHAKES_PER_ADDRESS_PER_S, HANDSHAKES_PER_ADDRESS_BURST),
            stateless: Buckets::new(STATELESS_PER_ADDRESS_PER_S, STATELESS_PER_ADDRESS_PER_S),
            stateless_all: Bucket::full(Instant(0), STATELESS_PER_S),
        }
    }

    /// Judges a HELLO that is not the repeat of a pending one.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        from: Path,
        hello: Hello<'_>,
        pending: usize,
        identity: &Identity,
        ratchet: &mut Ratchet,
    ) -> Verdict {
        // Who is relayed to us is registered and budgeted: the address is proven.
        let Path::Direct(from) = from else {
            return Verdict::Answer;
        };
        self.turn_cookies(now, ratchet);
        let proven = self.cookies.mac2_is_right(from, hello.bytes);
        self.count(now, proven, pending);
        if now >= self.retry_until {
            return Verdict::Answer;
        }
        if !proven {
            let nonce = ratchet.draw();
            let nonce = *nonce.first_chunk().expect("24 of 32 bytes");
            let retry = self
                .cookies
                .retry(identity, from, hello.sid, &hello.mac1, nonce);
            return Verdict::Retry(retry);
        }
        if self.handshakes.take(now, from.ip()) {
            Verdict::Answer
        } else {
            Verdict::Drop
        }
    }

    /// True if a RESET, VERSION or KEYREP may go there.
    pub(super) fn may_answer(&mut self, now: Instant, to: Path) -> bool {
        let loopback = match to {
            Path::Direct(to) if to.ip().to_canonical().is_loopback() => true,
            Path::Direct(to) if !self.stateless.take(now, to.ip()) => return false,
            Path::Direct(_) | Path::Relay(_) => false,
        };
        loopback
            || self
                .stateless_all
                .take(now, STATELESS_PER_S, STATELESS_PER_S)
    }

    fn count(&mut self, now: Instant, proven: bool, pending: usize) {
        let (since, count) = &mut self.unproven;
        if now.since(*since) >= Duration::from_secs(1) {
            (*since, *count) = (now, 0);
        }
        if !proven {
            *count = count.saturating_add(1);
        }
        if *count > RETRY_HELLOS_PER_S || pending > RETRY_PENDING {
            self.retry_until = now + RETRY_HOLD;
        }
    }

    fn turn_cookies(&mut self, now: Instant, ratchet: &mut Ratchet) {
        let age = now.since(self.cookies_made);
        if age < COOKIE {
            return;
        }
        self.cookies.turn(ratchet.draw());
        if age >= COOKIE * 2 {
            self.cookies.turn(ratchet.draw());
        }
        self.cookies_made = now;
    }
}

/// A handshake that was answered and not yet confirmed.
pub(super) struct Pending {
    pub(super) key: PublicKey,
    pub(super) path: Path,
    pub(super) boot: u64,
    pub(super) session: Session,
    pub(super) created: Instant,
    pub(super) reply: Vec<u8>,
    pub(super) replied: Instant,
    pub(super) mac1: [u8; 16],
}

/// There are too many, and none is old enough to give way.
pub(super) struct Crowded;

/// All of them, by the number under which we would receive.
#[derive(Default)]
pub(super) struct Pendings {
    sessions: BTreeMap<u32, Pending>,
    hellos: BTreeMap<([u8; 16], Path), u32>,
    keys: BTreeSet<(PublicKey, Instant, u32)>,
    ages: BTreeSet<(Instant, u32)>,
}

impl Pendings {
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// The one that this very HELLO, from this very path, began.
    pub(super) fn repeated(&mut self, mac1: [u8; 16], from: Path) -> Option<&mut Pending> {
        let sid = self.hellos.get(&(mac1, from))?;
        self.sessions.get_mut(sid)
    }

    pub(super) fn find(&mut self, sid: u32) -> Option<&mut Pending> {
        self.sessions.get_mut(&sid)
    }

    /// Keeps a pending session; the number of one that had to give way for it, if any.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        pending: Pending,
    ) -> Result<Option<u32>, Crowded> {
        let of_key = (pending.key, Instant(0), 0)..=(pending.key, Instant(u64::MAX), u32::MAX);
        let mut same_key = self.keys.range(of_key);
        let oldest = if same_key.clone().count() >= PENDING_PER_KEY_MAX {
            same_key.next().map(|(_, created, sid)| (*created, *sid))
        } else if self.sessions.len() >= PENDING_MAX {
            self.ages.first().copied()
        } else {
            None
        };
        let mut gone = None;
        if let Some((created, sid)) = oldest {
            if now.since(created) <= PENDING_YIELD {
                return Err(Crowded);
            }
            self.remove(sid);
            gone = Some(sid);
        }
        let sid = pending.session.sid();
        self.hellos.insert((pending.mac1, pending.path), sid);
        self.keys.insert((pending.key, pending.created, sid));
        self.ages.insert((pending.created, sid));
        let before = self.sessions.insert(sid, pending);
        assert!(before.is_none());
        assert!(self.sessions.len() <= PENDING_MAX);
        Ok(gone)
    }

    pub(super) fn remove(&mut self, sid: u32) -> Option<Pending> {
        let pending = self.sessions.remove(&sid)?;
        self.hellos.remove(&(pending.mac1, pending.path));
        self.keys.remove(&(pending.key, pending.created, sid));
        self.ages.remove(&(pending.created, sid));
        Some(pending)
    }

    /// Takes out one whose time is up.
    pub(super) fn expire(&mut self, now: Instant) -> Option<u32> {
        let (created, sid) = *self.ages.first()?;
        if created + PENDING > now {
            return None;
        }
        self.remove(sid);
        Some(sid)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.ages.first().map(|(created, _)| *created + PENDING)
    }
}
