//! A handshake that we began: the HELLO, repeated inside its slots until a REPLY opens.

use super::Path;
use crate::model::Instant;
use crate::model::PublicKey;
use crate::model::limits::{HELLO_OFFSETS, SLOT};
use crate::secure::Initiator;
use crate::secure::cookie::open_retry;

/// When something without an answer is sent again: at 0, 50, 150 and 300 ms of every slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeats {
    started: Instant,
    sends: u32,
    pub(super) ends: Instant,
}

impl Repeats {
    pub(super) fn new(now: Instant, slots: u8) -> Self {
        Self {
            started: now,
            sends: 0,
            ends: now + SLOT * u32::from(slots.max(1)),
        }
    }

    /// True if it should be sent now; what was slept through is not made up for.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let due = self.next() <= now && now < self.ends;
        while self.next() <= now {
            self.sends += 1;
        }
        due
    }

    pub(super) fn deadline(&self) -> Instant {
        self.next().min(self.ends)
    }

    /// The slot of this moment, from 0.
    fn slot(&self, now: Instant) -> u64 {
        u64::try_from(now.since(self.started).as_millis() / SLOT.as_millis()).unwrap_or(u64::MAX)
    }

    fn next(&self) -> Instant {
        let count = u32::try_from(HELLO_OFFSETS.len()).expect("a handful");
        let offset = HELLO_OFFSETS[(self.sends % count) as usize];
        self.started + SLOT * (self.sends / count) + offset
    }
}

/// One handshake of ours.
pub(super) struct Attempt {
    pub(super) initiator: Initiator,
    pub(super) sid: u32,
    pub(super) repeats: Repeats,
    pub(super) last_sent: Instant,
    /// The way it goes now; before it, the way it began.
    pub(super) path: Path,
    first_path: Path,
    hello: Vec<u8>,
    /// The slot in which a RETRY was obeyed.
    obeyed: Option<u64>,
    again: bool,
}

impl Attempt {
    pub(super) fn new(
        now: Instant,
        initiator: Initiator,
        hello: Vec<u8>,
        sid: u32,
        path: Path,
        slots: u8,
    ) -> Self {
        Self {
            initiator,
            sid,
            repeats: Repeats::new(now, slots),
            last_sent: now,
            path,
            first_path: path,
            hello,
            obeyed: None,
            again: false,
        }
    }

    /// Another way may be better: the next HELLO goes there, at once.
    pub(super) fn redirect(&mut self, path: Path) {
        if self.path != path {
            self.path = path;
            self.again = true;
        }
    }

    /// A packet that came late has its slots, too.
    pub(super) fn extend(&mut self, now: Instant, slots: u8) {
        self.repeats.ends = self.repeats.ends.max(now + SLOT * u32::from(slots.max(1)));
    }

    /// The HELLO, if it is time.
    pub(super) fn hello(&mut self, now: Instant) -> Option<(Path, Vec<u8>)> {
        let due = self.repeats.take(now);
        if !due && !std::mem::take(&mut self.again) {
            return None;
        }
        self.again = false;
        self.last_sent = now;
        Some((self.path, self.hello.clone()))
    }

    /// The other wants proof of our address: the same HELLO goes out at once, with its cookie.
    /// False if this is no RETRY for our HELLO, or one was obeyed in this slot.
    pub(super) fn on_retry(
        &mut self,
        now: Instant,
        responder: &PublicKey,
        nonce: &[u8; 24],
        sealed: &[u8; 32],
    ) -> bool {
        let slot = self.repeats.slot(now);
        if self.obeyed == Some(slot) {
            return false;
        }
        let Some(cookie) = open_retry(responder, &self.initiator.mac1(), nonce, sealed) else {
            return false;
        };
        self.obeyed = Some(slot);
        self.hello = self.initiator.with_cookie(&cookie);
        self.again = true;
        true
    }

    /// The way a REPLY came, if a HELLO went there.
    pub(super) fn proven_by(&self, from: Path) -> Path {
        if from == self.first_path {
            from
        } else {
            self.path
        }
    }

    pub(super) const fn is_over(&self, now: Instant) -> bool {
        self.repeats.ends.0 <= now.0
    }

    pub(super) fn deadline(&self) -> Instant {
        self.repeats.deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_hello_is_sent_four_times_a_slot_and_no_more_after_the_last() {
        let mut repeats = Repeats::new(Instant(7000), 2);
        let mut at = Vec::new();
        for ms in 0..2000 {
            let now = Instant(7000) + Duration::from_millis(ms);
            if repeats.take(now) {
                at.push(ms);
            }
        }
        assert_eq!(at, [0, 50, 150, 300, 500, 550, 650, 800]);
    }

    #[test]
    fn what_was_slept_through_is_sent_once() {
        let mut repeats = Repeats::new(Instant(0), 5);
        assert!(repeats.take(Instant(0)));
        assert!(repeats.take(Instant(1_000_000)));
        assert!(!repeats.take(Instant(1_000_000)));
        assert_eq!(repeats.deadline(), Instant(1_050_000));
    }
}
