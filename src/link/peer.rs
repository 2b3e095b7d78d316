//! One peer: what waits for it, the handshake under way, the session in use and the one before.

use super::attempt::Attempt;
use super::line::Line;
use super::queue::Queue;
use super::resend::Which;
use super::{Parcel, Path};
use crate::model::Instant;
use crate::model::limits::{OLD_SESSION, PEER_IDLE, REJECT};
use crate::wire::datagram::Role;

/// Everything about one key.
pub(super) struct Peer {
    /// What the other is.
    pub(super) role: Role,
    pub(super) queue: Queue,
    pub(super) attempt: Option<Box<Attempt>>,
    pub(super) line: Option<Box<Line>>,
    /// The session before: it receives a while longer, and its acknowledgements still count.
    pub(super) old: Option<Old>,
    /// It waits to be looked at when the turn's outputs are polled.
    pub(super) dirty: bool,
    /// When its acknowledgement was last promised for, if one is owed.
    pub(super) promised: Option<Instant>,
    /// For when its timer is set: then or earlier it wants to be looked at.
    pub(super) timer: Option<Instant>,
    /// Under which moment it stands in the list of those that may be evicted.
    pub(super) stamp: Option<Instant>,
}

/// A replaced session.
pub(super) struct Old {
    pub(super) line: Box<Line>,
    pub(super) until: Instant,
    /// It was asked whether it is still there: the end of its successor is not its own.
    pub(super) asked: bool,
}

/// Whether a session that nobody uses is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idling {
    Closes,
    Stays,
}

impl Peer {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            queue: Queue::default(),
            attempt: None,
            line: None,
            old: None,
            dirty: false,
            promised: None,
            timer: None,
            stamp: None,
        }
    }

    pub(super) fn path(&self) -> Option<Path> {
        self.line.as_ref().map(|line| line.path)
    }

    /// The session, current or old, under this number, and the queue.
    pub(super) fn line_and_queue(&mut self, sid: u32) -> Option<(&mut Line, &mut Queue)> {
        let old = self.old.as_mut().map(|old| &mut old.line);
        let mut lines = self.line.iter_mut().chain(old);
        let line = lines.find(|line| line.session.sid() == sid)?;
        Some((line, &mut self.queue))
    }

    pub(super) fn is_current(&self, sid: u32) -> bool {
        self.line
            .as_ref()
            .is_some_and(|line| line.session.sid() == sid)
    }

    /// Puts a session into the place of the old one; the one that was there.
    pub(super) fn retire(
        &mut self,
        now: Instant,
        mut line: Box<Line>,
        which: Which,
    ) -> Option<Box<Line>> {
        line.resend.give_back(&mut self.queue, which);
        let until = now + OLD_SESSION;
        let asked = false;
        let mut gone = self.old.replace(Old { line, until, asked })?.line;
        gone.resend.give_back(&mut self.queue, Which::All);
        Some(gone)
    }

    /// Takes the old session out; what it had not delivered waits for the current one.
    pub(super) fn drop_old(&mut self) -> Option<Box<Line>> {
        let mut line = self.old.take()?.line;
        line.resend.give_back(&mut self.queue, Which::All);
        Some(line)
    }

    /// The old session repeats nothing: what it would repeat waits for the current one.
    pub(super) fn reclaim(&mut self, now: Instant) {
        if let Some(old) = &mut self.old
            && old.line.resend.deadline().is_some_and(|at| at <= now)
        {
            old.line.resend.give_back(&mut self.queue, Which::All);
        }
    }

    /// Every packet that is not finished.
    pub(super) fn parcels(&self) -> impl Iterator<Item = Parcel> {
        let old = self.old.as_ref().map(|old| &old.line);
        let lines = self.line.iter().chain(old);
        self.queue
            .parcels()
            .chain(lines.flat_map(|line| line.resend.parcels()))
    }

    pub(super) fn abandon(&mut self, parcel: Parcel) {
        if self.queue.remove(parcel) {
            return;
        }
        let old = self.old.as_mut().map(|old| &mut old.line);
        for line in self.line.iter_mut().chain(old) {
            line.resend.abandon(parcel, &mut self.queue);
        }
    }

    /// When it wants to be looked at, acknowledgements of its session aside.
    pub(super) fn deadline(&self, now: Instant, idling: Idling) -> Option<Instant> {
        let attempt = self.attempt.as_ref().map(|attempt| attempt.deadline());
        let old = self.old.as_ref().map(|old| {
            let line = [old.line.ack_deadline(), old.line.resend.deadline()];
            line.into_iter().flatten().fold(old.until, Instant::min)
        });
        let line = self.line.as_ref().map(|line| {
            let rekey = Some(line.rekey_at).filter(|at| *at > now && self.attempt.is_none());
            let idle = (idling == Idling::Closes).then(|| line.used + PEER_IDLE);
            let all = [line.resend.deadline(), rekey, idle];
            all.into_iter()
                .flatten()
                .fold(line.opened + REJECT, Instant::min)
        });
        [attempt, old, line].into_iter().flatten().min()
    }
}
