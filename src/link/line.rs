//! One session: what arrives on it, what is due on it, and the path its datagrams take.

use super::acks::Acks;
use super::queue::Queue;
use super::reassembly::{Chunk, Completed, Reassembly};
use super::resend::{News, Resend};
use super::{Closed, Path, Violation};
use crate::model::Instant;
use crate::model::limits::{
    BURST_MAX, CHALLENGES_MAX, CHUNK_BYTES, DATAGRAM_BYTES_MAX, LOOSE_MAX, REKEY_USED, SLOT,
};
use crate::planted;
use crate::secure::cookie::same;
use crate::secure::{Ratchet, Session};
use crate::wire::frame::frames;
use crate::wire::{CloseCode, Frame};
use std::collections::VecDeque;

/// Header and tag of DATA (protocol.md section 3.3).
const DATA_OVERHEAD: usize = 32;
/// An ACK frame.
const ACK_BYTES: usize = 27;
/// A datagram that another follows is filled up to a multiple of this many bytes: only datagrams of
/// one size go in one train (`driver/train.rs`). It costs a few bytes in a hundred.
const TRAIN_STEP: usize = 64;
/// Type and length before the packet of a LOOSE frame.
const LOOSE_HEAD_BYTES: usize = 3;

/// A session and its link.
pub(super) struct Line {
    pub(super) session: Session,
    pub(super) path: Path,
    pub(super) boot: u64,
    pub(super) opened: Instant,
    /// When a packet was last queued or came.
    pub(super) used: Instant,
    pub(super) heard: Instant,
    pub(super) sent: Option<Instant>,
    pub(super) rekey_at: Instant,
    pub(super) resend: Resend,
    datagram_max: usize,
    completed: Completed,
    acks: Acks,
    /// When the proven path last brought something.
    heard_on_path: Instant,
    ping: bool,
    responses: VecDeque<[u8; 8]>,
    /// Single frames to addresses that are not proven.
    strays: VecDeque<(Path, Stray)>,
    challenges: VecDeque<(Path, [u8; 8])>,
    loose: VecDeque<Vec<u8>>,
    burst: (u64, u32),
}

#[derive(Clone, Copy)]
enum Stray {
    Challenge([u8; 8]),
    Response([u8; 8]),
}

/// Where and when a datagram arrived, and its counter.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) now: Instant,
    pub(super) from: Path,
    pub(super) counter: u64,
    /// The largest counter before it.
    pub(super) before: Option<u64>,
}

/// What the frames of a datagram meant to those above.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Arrived(Vec<u8>),
    Closed(Closed),
    Loose(Vec<u8>),
    Moved(Path),
    News(News),
}

/// What a datagram's frames need of the node.
pub(super) struct Surroundings<'a> {
    pub(super) queue: &'a mut Queue,
    pub(super) reassembly: &'a mut Reassembly,
    pub(super) ratchet: &'a mut Ratchet,
    pub(super) events: &'a mut Vec<Event>,
    pub(super) news: &'a mut Vec<News>,
}

impl Line {
    pub(super) fn new(
        now: Instant,
        session: Session,
        path: Path,
        boot: u64,
        datagram_max: usize,
        rekey_at: Instant,
    ) -> Self {
        Self {
            session,
            path,
            boot,
            opened: now,
            used: now,
            heard: now,
            sent: None,
            rekey_at,
            resend: Resend::new(),
            datagram_max,
            completed: Completed::new(),
            acks: Acks::default(),
            heard_on_path: now,
            ping: false,
            responses: VecDeque::new(),
            strays: VecDeque::new(),
            challenges: VecDeque::new(),
            loose: VecDeque::new(),
            burst: (0, 0),
        }
    }

    /// The next datagram asks for an acknowledgement.
    pub(super) const fn ping(&mut self) {
        self.ping = true;
    }

    /// Queues a packet that is sent once; false if it does not fit.
    pub(super) fn push_loose(&mut self, bytes: &[u8]) -> bool {
        let fits = LOOSE_HEAD_BYTES + bytes.len() <= self.datagram_max - DATA_OVERHEAD;
        if !fits || self.loose.len() >= LOOSE_MAX {
            return false;
        }
        self.loose.push_back(bytes.to_vec());
        true
    }

    /// Asks an address for proof: one `PATH_CHALLENGE`.
    pub(super) fn challenge(&mut self, ratchet: &mut Ratchet, at: Path) {
        let known = self.challenges.iter().find(|(path, _)| *path == at);
        let bytes = known.map_or_else(|| ratchet.u64().to_le_bytes(), |(_, bytes)| *bytes);
        if known.is_none() {
            if self.challenges.len() >= CHALLENGES_MAX {
                self.challenges.pop_front();
            }
            self.challenges.push_back((at, bytes));
        }
        self.push_stray(at, Stray::Challenge(bytes));
    }

    /// Takes the frames of a datagram that opened.
    pub(super) fn on_frames(
        &mut self,
        arrival: Arrival,
        plain: &[u8],
        around: &mut Surroundings<'_>,
    ) -> Result<(), Violation> {
        let Arrival {
            now,
            from,
            counter,
            before,
        } = arrival;
        self.heard = now;
        if from == self.path {
            self.heard_on_path = now;
        }
        self.acks.on_opened(now, before, counter);
        let mut eliciting = false;
        let mut challenged = None;
        for frame in frames(plain) {
            let frame = frame.map_err(|_| Violation::Protocol)?;
            eliciting |= frame.is_ack_eliciting();
            if let Frame::PathChallenge(bytes) = frame {
                challenged = Some(bytes);
            }
            if let Frame::Close { code, .. } = frame {
                around.events.push(Event::Closed(Closed::ByPeer(code)));
                return Ok(());
            }
            self.on_frame(arrival, &frame, around)?;
        }
        if eliciting {
            self.acks.on_eliciting(now, before, counter);
        }
        self.answer_path(arrival, challenged, around.ratchet);
        Ok(())
    }

    /// The next datagram that is due. `queue` is absent for a session that only receives.
    pub(super) fn build(
        &mut self,
        now: Instant,
        turn: u64,
        queue: Option<&mut Queue>,
        payload: &mut Vec<u8>,
    ) -> Built {
        if self.burst.0 != turn {
            self.burst = (turn, 0);
        }
        if self.burst.1 >= BURST_MAX {
            return if self.has_more(now, queue.as_deref()) {
                Built::Later
            } else {
                Built::Nothing
            };
        }
        payload.clear();
        if let Some((path, stray)) = self.strays.pop_front() {
            match stray {
                Stray::Challenge(bytes) => Frame::PathChallenge(bytes),
                Stray::Response(bytes) => Frame::PathResponse(bytes),
            }
            .encode(payload);
            return self
                .seal(now, path, payload)
                .map_or(Built::UsedUp, |(_, built)| built);
        }
        let acks = if self.acks.is_owed() { ACK_BYTES } else { 0 };
        let max = self.datagram_max - DATA_OVERHEAD - acks;
        while let Some(bytes) = self.responses.pop_front() {
            Frame::PathResponse(bytes).encode(payload);
        }
        let mut pieces = None;
        let mut follows = false;
        if let Some(queue) = queue
            && self.resend.may_send()
        {
            pieces = Some(self.resend.fill(now, queue, max - payload.len(), payload));
            follows = self.burst.1 + 1 < BURST_MAX && self.resend.has_more(queue);
        }
        let mut eliciting = pieces.as_ref().is_some_and(|pieces| !pieces.is_empty());
        if self.ping && payload.len() < max {
            self.ping = false;
            if !eliciting {
                Frame::Ping.encode(payload);
                eliciting = true;
            }
        }
        while let Some(bytes) = self.loose.front() {
            if payload.len() + LOOSE_HEAD_BYTES + bytes.len() > max {
                break;
            }
            Frame::Loose(bytes).encode(payload);
            self.loose.pop_front();
        }
        let ack_is_due = self.acks.deadline().is_some_and(|at| at <= now);
        if payload.is_empty() && !ack_is_due && self.loose.is_empty() {
            if let Some(pieces) = pieces {
                self.resend.recycle(pieces);
            }
            return Built::Nothing;
        }
        if let Some(ack) = self.acks.take(now, &self.session) {
            Frame::Ack(ack).encode(payload);
        }
        if follows {
            let length = DATA_OVERHEAD + payload.len();
            let filled = length.next_multiple_of(TRAIN_STEP).min(self.datagram_max);
            Frame::Pad(filled - length).encode(payload);
        }
        let Some((counter, built)) = self.seal(now, self.path, payload) else {
            return Built::UsedUp;
        };
        match pieces {
            pieces if eliciting => self
                .resend
                .on_sent(now, counter, pieces.unwrap_or_default()),
            Some(pieces) => self.resend.recycle(pieces),
            None => {}
        }
        built
    }

    /// The last datagram: what is owed, and CLOSE.
    pub(super) fn build_close(
        &mut self,
        now: Instant,
        code: CloseCode,
        text: &str,
    ) -> Option<Vec<u8>> {
        let mut payload = Vec::new();
        if let Some(ack) = self.acks.take(now, &self.session) {
            Frame::Ack(ack).encode(&mut payload);
        }
        Frame::Close { code, text }.encode(&mut payload);
        let mut datagram = Vec::new();
        self.session.seal(&payload, &mut datagram)?;
        Some(datagram)
    }

    /// True if this token proves that the other has forgotten the session.
    pub(super) fn is_reset_by(&self, sid: u32, token: &[u8; 16]) -> bool {
        self.session.peer_sid() == sid && same(&self.session.peer_token(), token)
    }

    /// When an acknowledgement must go out.
    pub(super) const fn ack_deadline(&self) -> Option<Instant> {
        self.acks.deadline()
    }

    /// True if its initiator (us) should make a new session: it is old, in use, and no large packet
    /// would start anew.
    pub(super) fn wants_rekey(&self, now: Instant) -> bool {
        let active = self
            .sent
            .max(Some(self.heard))
            .is_some_and(|at| now.since(at) < REKEY_USED);
        self.rekey_at <= now && active && !self.resend.has_large()
    }

    fn has_more(&self, now: Instant, queue: Option<&Queue>) -> bool {
        !self.strays.is_empty()
            || !self.responses.is_empty()
            || !self.loose.is_empty()
            || self.ping
            || self.acks.deadline().is_some_and(|at| at <= now)
            || queue.is_some_and(|queue| self.resend.has_more(queue))
    }

    fn seal(&mut self, now: Instant, to: Path, payload: &[u8]) -> Option<(u64, Built)> {
        let mut datagram = Vec::with_capacity(payload.len() + DATA_OVERHEAD + 16);
        let counter = self.session.seal(payload, &mut datagram)?;
        assert!(datagram.len() <= self.datagram_max);
        if planted!("datagram-too-long") && payload.len() > CHUNK_BYTES {
            datagram.resize(DATAGRAM_BYTES_MAX + 1, 0);
        }
        self.sent = Some(now);
        self.burst.1 += 1;
        Some((counter, Built::Datagram(to, datagram)))
    }

    fn on_frame(
        &mut self,
        arrival: Arrival,
        frame: &Frame<'_>,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Violation> {
        let Arrival { now, from, .. } = arrival;
        match *frame {
            Frame::Ack(ack) => {
                let next = self.session.next_counter();
                if ack.largest >= next {
                    return Err(Violation::Protocol);
                }
                around.news.clear();
                self.resend
                    .on_ack(now, &ack, next, around.queue, around.news);
                around.events.extend(around.news.drain(..).map(Event::News));
            }
            Frame::Chunk {
                mseq,
                index,
                count,
                bytes,
            } => {
                self.used = now;
                if self.completed.contains(mseq) {
                    return Ok(());
                }
                let sid = self.session.sid();
                let chunk = Chunk {
                    sid,
                    mseq,
                    index,
                    count,
                    bytes,
                };
                if let Some(packet) = around.reassembly.add(now, chunk)? {
                    self.completed.insert(mseq);
                    around.events.push(Event::Arrived(packet));
                }
            }
            Frame::Loose(bytes) => {
                self.used = now;
                around.events.push(Event::Loose(bytes.to_vec()));
            }
            Frame::PathResponse(bytes) if self.challenges.contains(&(from, bytes)) => {
                self.challenges.clear();
                self.strays.clear();
                if self.path != from {
                    self.path = from;
                    self.heard_on_path = now;
                    self.resend.on_moved();
                    around.events.push(Event::Moved(from));
                }
            }
            Frame::Close { .. }
            | Frame::Pad(_)
            | Frame::PathChallenge(_)
            | Frame::PathResponse(_)
            | Frame::Ping => {}
        }
        Ok(())
    }

    /// At most one short datagram goes to an address that is not proven, for each that came from
    /// it.
    fn answer_path(
        &mut self,
        arrival: Arrival,
        challenged: Option<[u8; 8]>,
        ratchet: &mut Ratchet,
    ) {
        let Arrival {
            now,
            from,
            counter,
            before,
        } = arrival;
        if from == self.path {
            if let Some(bytes) = challenged
                && self.responses.len() < CHALLENGES_MAX
            {
                self.responses.push_back(bytes);
            }
            return;
        }
        if let Some(bytes) = challenged {
            self.push_stray(from, Stray::Response(bytes));
            return;
        }
        let newest = before.is_none_or(|before| counter > before);
        if planted!("no-path-challenge") && newest {
            self.path = from;
            return;
        }
        // The straight way is the better one: only its silence is a reason to ask for the detour.
        let detour = matches!(from, Path::Relay(_)) && now.since(self.heard_on_path) < SLOT;
        if newest && !detour {
            self.challenge(ratchet, from);
        }
    }

    fn push_stray(&mut self, to: Path, stray: Stray) {
        if self.strays.len() < BURST_MAX as usize {
            self.strays.push_back((to, stray));
        }
    }
}

/// What `build` made.
pub(super) enum Built {
    Datagram(Path, Vec<u8>),
    /// Enough for this turn.
    Later,
    Nothing,
    /// No counter is left.
    UsedUp,
}
