//! Sessions that ended with a CLOSE, remembered for a moment in case the other did not hear it.

use super::Path;
use crate::model::Instant;
use crate::model::limits::{CLOSE_GAP, CLOSE_TEXT_BYTES_MAX, CLOSES_MAX, CLOSINGS_MAX};
use crate::secure::Session;
use crate::wire::{CloseCode, Frame};
use std::collections::{BTreeMap, BTreeSet};

/// All of them, by the number under which we receive.
#[derive(Default)]
pub(super) struct Closings {
    by_sid: BTreeMap<u32, Closing>,
    by_age: BTreeSet<(Instant, u32)>,
}

/// One session that was closed.
pub(super) struct Closing {
    pub(super) session: Session,
    pub(super) path: Path,
    pub(super) code: CloseCode,
    pub(super) text: Box<str>,
    left: u8,
    next: Instant,
    until: Instant,
}

impl Closing {
    /// A session whose first CLOSE was just made.
    pub(super) fn new(
        now: Instant,
        session: Session,
        path: Path,
        code: CloseCode,
        text: &str,
    ) -> Self {
        Self {
            session,
            path,
            code,
            text: text.into(),
            left: CLOSES_MAX - 1,
            next: now + CLOSE_GAP,
            until: now + CLOSE_GAP * u32::from(CLOSES_MAX),
        }
    }
}

impl Closings {
    /// Remembers a session; the number of one that is forgotten for it.
    pub(super) fn insert(&mut self, closing: Closing) -> Option<u32> {
        let sid = closing.session.sid();
        let full = self.by_sid.len() >= CLOSINGS_MAX;
        let gone = if full { self.by_age.pop_first() } else { None };
        let gone = gone.map(|(_, sid)| sid);
        if let Some(gone) = gone {
            self.by_sid.remove(&gone);
        }
        self.by_age.insert((closing.until, sid));
        self.by_sid.insert(sid, closing);
        gone
    }

    /// The other still talks: another CLOSE, if it is time for one.
    pub(super) fn on_data(
        &mut self,
        now: Instant,
        sid: u32,
        counter: u64,
        sealed: &[u8],
    ) -> Option<(Path, Vec<u8>)> {
        let closing = self.by_sid.get_mut(&sid)?;
        if closing.left == 0 || closing.next > now {
            return None;
        }
        closing
            .session
            .open(counter, sealed, &mut Vec::new())
            .ok()?;
        closing.left -= 1;
        closing.next = now + CLOSE_GAP;
        let mut payload = Vec::new();
        let (code, text) = (closing.code, &*closing.text);
        Frame::Close { code, text }.encode(&mut payload);
        let mut datagram = Vec::new();
        closing.session.seal(&payload, &mut datagram)?;
        Some((closing.path, datagram))
    }

    /// Takes out one whose time is up.
    pub(super) fn expire(&mut self, now: Instant) -> Option<u32> {
        let (until, sid) = *self.by_age.first()?;
        if until > now {
            return None;
        }
        self.by_age.pop_first();
        self.by_sid.remove(&sid);
        Some(sid)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.by_age.first().map(|(until, _)| *until)
    }
}

/// As much of a text as a CLOSE carries.
pub(super) fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(CLOSE_TEXT_BYTES_MAX)]
}
