//! When to tell the other what arrived: with company, at once if it matters, and never later than 5
//! ms.

use crate::model::Instant;
use crate::model::limits::ACK_DELAY;
use crate::secure::Session;
use crate::wire::Ack;

/// What arrived and was not yet acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Acks {
    due: Option<Instant>,
    waiting: u8,
    /// When the datagram with the largest counter arrived.
    newest_at: Instant,
}

impl Acks {
    /// A datagram opened. `before` is the largest counter until then.
    pub(super) fn on_opened(&mut self, now: Instant, before: Option<u64>, counter: u64) {
        if before.is_none_or(|before| counter > before) {
            self.newest_at = now;
        }
    }

    /// It asks for an acknowledgement: at once if it is the second, or not the one expected next.
    pub(super) fn on_eliciting(&mut self, now: Instant, before: Option<u64>, counter: u64) {
        self.waiting = self.waiting.saturating_add(1);
        let expected = before.map_or(0, |before| before + 1);
        if self.waiting >= 2 || counter != expected {
            self.due = Some(now);
        } else {
            self.due = self.due.or(Some(now + ACK_DELAY));
        }
    }

    /// True if an acknowledgement should ride on the next datagram.
    pub(super) const fn is_owed(&self) -> bool {
        self.due.is_some()
    }

    /// When it goes out alone.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// The frame; nothing is owed any more.
    pub(super) fn take(&mut self, now: Instant, session: &Session) -> Option<Ack> {
        self.due.take()?;
        self.waiting = 0;
        let delay = now.since(self.newest_at).as_micros() / 100;
        Some(Ack {
            delay: u16::try_from(delay).unwrap_or(u16::MAX),
            ..session.received()?
        })
    }
}
