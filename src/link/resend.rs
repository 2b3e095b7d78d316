//! Packets under way: cut, sent, acknowledged, found lost, sent again (after RFC 9002).

use super::Parcel;
use super::queue::{Queue, Waiting};
use super::rtt::Rtt;
use super::window::Window;
use crate::model::Instant;
use crate::model::limits::{
    CHUNK_BYTES, CHUNKS_MAX, FLIGHT_MAX, MSEQ_AHEAD_MAX, SEND_LARGE_MAX, SENDS_PER_SLOT_MAX,
    SERVER_SLOTS, SLOT,
};
use crate::planted;
use crate::wire::{Ack, Frame};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// A datagram this many counters behind an acknowledged one is lost (RFC 9002 section 6.1.1).
const REORDERING_MAX: u64 = 3;
/// Type, mseq, index, count and length before the bytes of a CHUNK.
pub(super) const CHUNK_HEAD_BYTES: usize = 9;
/// Datagrams of one probe (RFC 9002 section 6.2.4).
const PROBES: u8 = 2;

/// The sending half of a session.
pub(super) struct Resend {
    packets: BTreeMap<u32, Outgoing>,
    mseq_next: u32,
    /// Packets of several chunks under way.
    large: usize,
    /// Chunks to be sent again.
    again: VecDeque<Piece>,
    /// Chunks that were sent often enough in their slot wait for the next one.
    held: BTreeSet<(Instant, Piece)>,
    /// Chunks of large packets that were never sent.
    fresh: VecDeque<Piece>,
    /// Whose turn it is to be first in a datagram, so that neither starves the other.
    large_first: bool,
    flight: VecDeque<Sent>,
    window: Window,
    rtt: Rtt,
    largest_acked: Option<u64>,
    lost_at: Option<Instant>,
    clock: Option<Clock>,
    /// Datagrams that may pass the window.
    probes: u8,
    /// Lists of pieces to be used again.
    spare: Vec<Vec<Piece>>,
    /// Chunks sent more than once.
    pub(super) resent: u64,
}

/// One chunk of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    mseq: u32,
    index: u8,
}

/// What an acknowledgement changed for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Progress(Parcel),
    Settled(Parcel),
}

struct Outgoing {
    parcel: Parcel,
    bytes: Arc<[u8]>,
    /// Slots count from here.
    first_sent: Instant,
    unacked: usize,
    chunks: Vec<Chunk>,
}

#[derive(Clone, Copy, Default)]
struct Chunk {
    acked: bool,
    /// It waits in `again`, `held` or `fresh`.
    due: bool,
    /// Counter of the latest datagram with it; one more, so that 0 is "never".
    last: u64,
    sent_at: Instant,
    slot: u64,
    sends: u8,
}

struct Sent {
    counter: u64,
    at: Instant,
    pieces: Vec<Piece>,
}

/// When to ask again. Slots of 500 ms; inside a slot the intervals double.
#[derive(Clone, Copy)]
struct Clock {
    since: Instant,
    slot: Instant,
    doublings: u32,
    /// Slots in a row without any new acknowledgement.
    barren: u8,
}

impl Resend {
    pub(super) fn new() -> Self {
        Self {
            packets: BTreeMap::new(),
            mseq_next: 0,
            large: 0,
            again: VecDeque::new(),
            held: BTreeSet::new(),
            fresh: VecDeque::new(),
            large_first: false,
            flight: VecDeque::new(),
            window: Window::new(),
            rtt: Rtt::default(),
            largest_acked: None,
            lost_at: None,
            clock: None,
            probes: 0,
            spare: Vec::new(),
            resent: 0,
        }
    }

    /// A round trip that was seen in the handshake.
    pub(super) fn first_sample(&mut self, sample: Duration) {
        self.rtt.sample(sample, Duration::ZERO);
    }

    /// The path is another: nothing is known of it.
    pub(super) fn on_moved(&mut self) {
        self.rtt = Rtt::default();
        self.window = Window::new();
    }

    /// True if nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.packets.is_empty() && self.flight.is_empty()
    }

    /// True while a packet of several chunks is under way.
    pub(super) const fn has_large(&self) -> bool {
        self.large > 0
    }

    /// True if the window has room, or a probe may pass it.
    pub(super) fn may_send(&self) -> bool {
        self.probes > 0 || self.window.allows(self.flight.len())
    }

    /// True if a chunk waits that could be sent now.
    pub(super) fn has_more(&self, queue: &Queue) -> bool {
        let large = self.large < SEND_LARGE_MAX && !queue.large.is_empty();
        let new = self.may_begin() && (large || !queue.small.is_empty());
        self.may_send() && (!self.again.is_empty() || !self.fresh.is_empty() || new)
    }

    /// Fills the room of a datagram with chunks; `pieces` are what went in.
    pub(super) fn fill(
        &mut self,
        now: Instant,
        queue: &mut Queue,
        room: usize,
        payload: &mut Vec<u8>,
    ) -> Vec<Piece> {
        let mut pieces = self.spare.pop().unwrap_or_default();
        let end = payload.len() + room;
        while let Some(piece) = self.take(now, queue, end - payload.len()) {
            let packet = self
                .packets
                .get_mut(&piece.mseq)
                .expect("taken pieces are under way");
            packet.encode(piece, payload);
            pieces.push(piece);
        }
        self.large_first = !self.large_first;
        assert!(payload.len() <= end);
        pieces
    }

    /// A datagram that asks for an acknowledgement was sealed.
    pub(super) fn on_sent(&mut self, now: Instant, counter: u64, pieces: Vec<Piece>) {
        for piece in &pieces {
            let packet = self.packets.get_mut(&piece.mseq).expect("just filled in");
            self.resent += u64::from(packet.on_sent(now, piece.index, counter));
        }
        self.probes = self.probes.saturating_sub(1);
        if self.flight.len() >= FLIGHT_MAX
            && let Some(oldest) = self.flight.pop_front()
        {
            self.recycle(oldest.pieces);
        }
        self.flight.push_back(Sent {
            counter,
            at: now,
            pieces,
        });
        self.clock.get_or_insert(Clock::started(now));
    }

    /// Nothing was put into these pieces' list after all.
    pub(super) fn recycle(&mut self, mut pieces: Vec<Piece>) {
        if self.spare.len() < 4 {
            pieces.clear();
            self.spare.push(pieces);
        }
    }

    /// The other says what arrived. `next` is the counter of the next datagram.
    pub(super) fn on_ack(
        &mut self,
        now: Instant,
        ack: &Ack,
        next: u64,
        queue: &mut Queue,
        news: &mut Vec<News>,
    ) {
        let mut newest = None;
        let mut flight = std::mem::take(&mut self.flight);
        let in_flight = flight.len();
        let mut kept = 0;
        for at in 0..flight.len() {
            let sent = &mut flight[at];
            if covers(ack, sent.counter) {
                let pieces = std::mem::take(&mut sent.pieces);
                newest = Some((sent.counter, sent.at));
                self.window.on_acked(in_flight);
                for piece in &pieces {
                    self.on_piece_acked(*piece, queue, news);
                }
                self.recycle(pieces);
            } else {
                flight.swap(kept, at);
                kept += 1;
            }
        }
        flight.truncate(kept);
        self.flight = flight;
        self.largest_acked = self.largest_acked.max(Some(ack.largest));
        if let Some((counter, at)) = newest {
            if counter == ack.largest {
                let delay = Duration::from_micros(u64::from(ack.delay) * 100);
                self.rtt.sample(now.since(at), delay);
            }
            self.clock = (!self.is_idle()).then(|| Clock::started(now));
            self.probes = 0;
        }
        self.find_lost(now, next);
    }

    /// Does what is due; true if a PING should go out because nothing else can be asked again.
    pub(super) fn handle_timeout(&mut self, now: Instant, next: u64) -> bool {
        if self.lost_at.is_some_and(|at| at <= now) {
            self.find_lost(now, next);
        }
        while let Some((at, piece)) = self.held.first().copied().filter(|(at, _)| *at <= now) {
            self.held.remove(&(at, piece));
            self.again.push_back(piece);
        }
        let due = self.probe_at().is_some_and(|at| at <= now);
        let Some(clock) = self.clock.as_mut().filter(|_| due) else {
            return false;
        };
        clock.on_expiry(now);
        if clock.barren >= SERVER_SLOTS && self.packets.is_empty() {
            // Only a PING was unanswered: whoever asked looks at `heard`, nobody needs it for ever.
            self.rest_if_done();
            return false;
        }
        self.probes = PROBES;
        self.ask_again(now)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let held = self.held.first().map(|(at, _)| *at);
        let all = [self.lost_at, held, self.probe_at()];
        all.into_iter().flatten().min()
    }

    /// Takes a packet out, wherever it is; its chunks are not repeated any more.
    pub(super) fn abandon(&mut self, parcel: Parcel, queue: &mut Queue) {
        let found = self
            .packets
            .iter()
            .find(|(_, packet)| packet.parcel == parcel);
        if let Some((&mseq, _)) = found {
            let packet = self.remove(mseq);
            queue.finish(&packet.bytes);
            self.rest_if_done();
        }
    }

    /// Gives packets back to the queue: all, or only those of several chunks.
    pub(super) fn give_back(&mut self, queue: &mut Queue, which: Which) {
        let mseqs: Vec<u32> = self.packets.keys().rev().copied().collect();
        for mseq in mseqs {
            if which == Which::Large && self.packets[&mseq].chunks.len() == 1 {
                continue;
            }
            let Outgoing { parcel, bytes, .. } = self.remove(mseq);
            queue.give_back(Waiting { parcel, bytes });
        }
        self.rest_if_done();
    }

    /// Every packet under way.
    pub(super) fn parcels(&self) -> impl Iterator<Item = Parcel> {
        self.packets.values().map(|packet| packet.parcel)
    }

    /// When the other is asked again.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        let clock = self.clock?;
        let slot_ends = clock.slot + SLOT;
        if clock.barren >= SERVER_SLOTS {
            return Some(slot_ends);
        }
        let wait = self.rtt.probe_after() * (1 << clock.doublings.min(16));
        Some((clock.since + wait).min(slot_ends))
    }

    /// Without a packet there is nothing to ask again.
    fn rest_if_done(&mut self) {
        if self.packets.is_empty() {
            self.flight.clear();
            self.clock = None;
            self.lost_at = None;
            self.held.clear();
            self.probes = 0;
        }
    }

    /// Collects the oldest unacknowledged chunks of two datagrams; true if there are none at all.
    fn ask_again(&mut self, now: Instant) -> bool {
        if planted!("lost-retransmit") {
            return false;
        }
        let waited = self.rtt.probe_after();
        let mut room = usize::from(PROBES) * (CHUNK_HEAD_BYTES + CHUNK_BYTES);
        for (&mseq, packet) in &mut self.packets {
            for index in 0..packet.chunks.len() {
                let size = CHUNK_HEAD_BYTES + packet.slice(index).len();
                if !packet.may_ask_again(now, index, waited) {
                    continue;
                }
                let Some(rest) = room.checked_sub(size) else {
                    return false;
                };
                room = rest;
                packet.chunks[index].due = true;
                let index = u8::try_from(index).expect("at most CHUNKS_MAX");
                self.again.push_back(Piece { mseq, index });
            }
        }
        self.packets.is_empty()
    }

    fn find_lost(&mut self, now: Instant, next: u64) {
        self.lost_at = None;
        let Some(largest) = self.largest_acked else {
            return;
        };
        let patience = self.rtt.lost_after();
        let mut kept = VecDeque::with_capacity(self.flight.len());
        for sent in std::mem::take(&mut self.flight) {
            if sent.counter > largest {
                kept.push_back(sent);
            } else if largest - sent.counter >= REORDERING_MAX || sent.at + patience <= now {
                self.on_lost(sent, next);
            } else {
                let at = sent.at + patience;
                self.lost_at = Some(self.lost_at.map_or(at, |earlier| earlier.min(at)));
                kept.push_back(sent);
            }
        }
        self.flight = kept;
        if self.is_idle() {
            self.clock = None;
        }
    }

    fn on_lost(&mut self, sent: Sent, next: u64) {
        self.window.on_lost(sent.counter, next);
        for piece in &sent.pieces {
            if let Some(packet) = self.packets.get_mut(&piece.mseq)
                && packet.is_lost(piece.index, sent.counter)
                && !planted!("lost-retransmit")
            {
                packet.chunks[usize::from(piece.index)].due = true;
                self.again.push_back(*piece);
            }
        }
        self.recycle(sent.pieces);
    }

    fn on_piece_acked(&mut self, piece: Piece, queue: &mut Queue, news: &mut Vec<News>) {
        let Some(packet) = self.packets.get_mut(&piece.mseq) else {
            return;
        };
        let chunk = &mut packet.chunks[usize::from(piece.index)];
        if std::mem::replace(&mut chunk.acked, true) {
            return;
        }
        packet.unacked -= 1;
        let parcel = packet.parcel;
        if packet.unacked > 0 {
            // One word a packet is enough for whoever draws a bar.
            if news.last() != Some(&News::Progress(parcel)) {
                news.push(News::Progress(parcel));
            }
            return;
        }
        let packet = self.remove(piece.mseq);
        queue.finish(&packet.bytes);
        news.retain(|news| *news != News::Progress(parcel));
        news.push(News::Settled(parcel));
    }

    /// The next chunk that fits into the room.
    fn take(&mut self, now: Instant, queue: &mut Queue, room: usize) -> Option<Piece> {
        while let Some(piece) = self.again.front().copied() {
            match self.packets.get_mut(&piece.mseq) {
                Some(packet) if packet.may_send(now, piece.index) => {
                    if packet.size(piece.index) > room {
                        return None;
                    }
                    self.again.pop_front();
                    packet.chunks[usize::from(piece.index)].due = false;
                    return Some(piece);
                }
                Some(packet) if !packet.chunks[usize::from(piece.index)].acked => {
                    self.held.insert((packet.next_slot(now), piece));
                }
                Some(_) | None => {}
            }
            self.again.pop_front();
        }
        if self.large_first {
            self.take_large(queue, room)
                .or_else(|| self.take_small(queue, room))
        } else {
            self.take_small(queue, room)
                .or_else(|| self.take_large(queue, room))
        }
    }

    fn take_small(&mut self, queue: &mut Queue, room: usize) -> Option<Piece> {
        let fits = CHUNK_HEAD_BYTES + queue.small.front()?.bytes.len() <= room;
        if !fits || !self.may_begin() {
            return None;
        }
        let waiting = queue.small.pop_front()?;
        Some(Piece {
            mseq: self.begin(waiting),
            index: 0,
        })
    }

    fn take_large(&mut self, queue: &mut Queue, room: usize) -> Option<Piece> {
        if self.fresh.is_empty() && self.may_begin() {
            self.begin_large(queue.large.pop_front()?);
        }
        while let Some(piece) = self.fresh.front().copied() {
            if let Some(packet) = self.packets.get_mut(&piece.mseq) {
                if packet.size(piece.index) > room {
                    return None;
                }
                packet.chunks[usize::from(piece.index)].due = false;
                self.fresh.pop_front();
                return Some(piece);
            }
            self.fresh.pop_front();
        }
        None
    }

    /// Never further than this ahead of the oldest unfinished packet: the other remembers a window.
    fn may_begin(&self) -> bool {
        let oldest = self
            .packets
            .first_key_value()
            .map_or(self.mseq_next, |(mseq, _)| *mseq);
        self.mseq_next - oldest < MSEQ_AHEAD_MAX && self.mseq_next < u32::MAX
    }

    fn begin_large(&mut self, waiting: Waiting) {
        let mseq = self.begin(waiting);
        self.large += 1;
        let packet = self.packets.get_mut(&mseq).expect("just begun");
        for (chunk, index) in packet.chunks.iter_mut().zip(0..) {
            chunk.due = true;
            self.fresh.push_back(Piece { mseq, index });
        }
    }

    fn begin(&mut self, waiting: Waiting) -> u32 {
        let Waiting { parcel, bytes } = waiting;
        let mseq = self.mseq_next;
        self.mseq_next += 1;
        let count = bytes.len().div_ceil(CHUNK_BYTES);
        assert!(count <= CHUNKS_MAX);
        let packet = Outgoing {
            parcel,
            bytes,
            first_sent: Instant(0),
            unacked: count,
            chunks: vec![Chunk::default(); count],
        };
        self.packets.insert(mseq, packet);
        mseq
    }

    fn remove(&mut self, mseq: u32) -> Outgoing {
        let packet = self.packets.remove(&mseq).expect("the caller saw it");
        if packet.chunks.len() > 1 {
            self.large -= 1;
        }
        packet
    }
}

/// Which packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    Large,
}

impl Outgoing {
    fn slice(&self, index: usize) -> &[u8] {
        let start = index * CHUNK_BYTES;
        &self.bytes[start..self.bytes.len().min(start + CHUNK_BYTES)]
    }

    fn size(&self, index: u8) -> usize {
        CHUNK_HEAD_BYTES + self.slice(usize::from(index)).len()
    }

    fn encode(&self, piece: Piece, payload: &mut Vec<u8>) {
        let chunk = Frame::Chunk {
            mseq: piece.mseq,
            index: piece.index,
            count: u8::try_from(self.chunks.len()).expect("at most CHUNKS_MAX"),
            bytes: self.slice(usize::from(piece.index)),
        };
        chunk.encode(payload);
    }

    /// True if it was sent before.
    fn on_sent(&mut self, now: Instant, index: u8, counter: u64) -> bool {
        if self.chunks.iter().all(|chunk| chunk.last == 0) {
            self.first_sent = now;
        }
        let slot = self.slot(now);
        let chunk = &mut self.chunks[usize::from(index)];
        if chunk.slot != slot {
            chunk.slot = slot;
            chunk.sends = 0;
        }
        chunk.sends += 1;
        chunk.sent_at = now;
        std::mem::replace(&mut chunk.last, counter + 1) > 0
    }

    fn slot(&self, now: Instant) -> u64 {
        u64::try_from(now.since(self.first_sent).as_millis() / SLOT.as_millis()).unwrap_or(u64::MAX)
    }

    fn next_slot(&self, now: Instant) -> Instant {
        let slots = u32::try_from(self.slot(now)).unwrap_or(u32::MAX);
        self.first_sent + SLOT * slots.saturating_add(1)
    }

    fn may_send(&self, now: Instant, index: u8) -> bool {
        let chunk = &self.chunks[usize::from(index)];
        let sends = if chunk.slot == self.slot(now) {
            chunk.sends
        } else {
            0
        };
        !chunk.acked && sends < SENDS_PER_SLOT_MAX
    }

    /// True if the chunk was sent long enough ago, and may be sent again.
    fn may_ask_again(&self, now: Instant, index: usize, waited: Duration) -> bool {
        let chunk = &self.chunks[index];
        let index = u8::try_from(index).expect("at most CHUNKS_MAX");
        chunk.last > 0 && !chunk.due && chunk.sent_at + waited <= now && self.may_send(now, index)
    }

    /// True if the lost datagram was the latest with this chunk.
    fn is_lost(&self, index: u8, counter: u64) -> bool {
        let chunk = &self.chunks[usize::from(index)];
        chunk.last == counter + 1 && !chunk.due && !chunk.acked
    }
}

impl Clock {
    const fn started(now: Instant) -> Self {
        Self {
            since: now,
            slot: now,
            doublings: 0,
            barren: 0,
        }
    }

    fn on_expiry(&mut self, now: Instant) {
        self.since = now;
        if self.slot + SLOT > now {
            self.doublings += 1;
            return;
        }
        while self.slot + SLOT <= now {
            self.slot = self.slot + SLOT;
            self.barren = self.barren.saturating_add(1);
        }
        self.doublings = 0;
    }
}

fn covers(ack: &Ack, counter: u64) -> bool {
    match ack.largest.checked_sub(counter) {
        None => false,
        Some(0) => true,
        Some(behind) => behind <= 128 && ack.bits >> (behind - 1) & 1 == 1,
    }
}
