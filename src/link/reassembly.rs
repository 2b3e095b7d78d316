//! From chunks to packets, for all sessions of a node; charged to a budget before anything is
//! allocated.

use super::Violation;
use crate::model::Instant;
use crate::model::limits::{
    CHUNK_BYTES, CHUNKS_MAX, MSEQ_WINDOW, REASSEMBLY_ALL_BYTES_MAX, REASSEMBLY_BYTES_MAX,
    REASSEMBLY_PACKETS_MAX, REASSEMBLY_TIME,
};
use std::collections::{BTreeMap, BTreeSet};

/// A chunk as it came, of a session that is named by the number under which we receive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) sid: u32,
    pub(super) mseq: u32,
    pub(super) index: u8,
    pub(super) count: u8,
    pub(super) bytes: &'a [u8],
}

/// Unfinished packets of all sessions.
#[derive(Default)]
pub(super) struct Reassembly {
    partials: BTreeMap<(u32, u32), Partial>,
    by_age: BTreeSet<(Instant, u32, u32)>,
    by_session: BTreeMap<u32, Held>,
    by_size: BTreeSet<(usize, u32)>,
    bytes: usize,
}

/// The packets of one session that were completed, so that each is delivered once.
pub(super) struct Completed {
    /// One above the highest completed number.
    next: u32,
    /// Bit `mseq % MSEQ_WINDOW`.
    bits: [u64; MSEQ_WINDOW as usize / 64],
}

struct Partial {
    count: u8,
    arrived: u128,
    length: usize,
    bytes: Vec<u8>,
    started: Instant,
}

#[derive(Clone, Copy, Default)]
struct Held {
    packets: usize,
    bytes: usize,
}

impl Reassembly {
    /// Takes a chunk of a packet that is not completed; the packet, if this was its last.
    pub(super) fn add(
        &mut self,
        now: Instant,
        chunk: Chunk<'_>,
    ) -> Result<Option<Vec<u8>>, Violation> {
        check_shape(&chunk)?;
        let key = (chunk.sid, chunk.mseq);
        if !self.partials.contains_key(&key) {
            if chunk.count == 1 {
                return Ok(Some(chunk.bytes.to_vec()));
            }
            self.begin(now, &chunk)?;
        }
        let partial = self.partials.get_mut(&key).expect("found or begun");
        if partial.count != chunk.count {
            return Err(Violation::Protocol);
        }
        if !partial.add(&chunk) {
            return Ok(None);
        }
        let mut bytes = self.remove(key);
        bytes.shrink_to_fit();
        Ok(Some(bytes))
    }

    /// Forgets what came of a session that is gone.
    pub(super) fn forget(&mut self, sid: u32) {
        while let Some((key, _)) = self.partials.range((sid, 0)..=(sid, u32::MAX)).next() {
            let key = *key;
            self.remove(key);
        }
    }

    /// Forgets what took too long.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while self.deadline().is_some_and(|at| at <= now) {
            let (_, sid, mseq) = *self.by_age.first().expect("it has a deadline");
            self.remove((sid, mseq));
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let (started, ..) = self.by_age.first()?;
        Some(*started + REASSEMBLY_TIME)
    }

    /// Bytes charged at the moment.
    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn begin(&mut self, now: Instant, chunk: &Chunk<'_>) -> Result<(), Violation> {
        let bytes = usize::from(chunk.count) * CHUNK_BYTES;
        let held = self.by_session.get(&chunk.sid).copied().unwrap_or_default();
        if held.packets >= REASSEMBLY_PACKETS_MAX || held.bytes + bytes > REASSEMBLY_BYTES_MAX {
            return Err(Violation::Limit);
        }
        while self.bytes + bytes > REASSEMBLY_ALL_BYTES_MAX {
            self.drop_from_the_greediest();
        }
        self.charge(chunk.sid, |held| {
            held.packets += 1;
            held.bytes += bytes;
        });
        self.by_age.insert((now, chunk.sid, chunk.mseq));
        self.partials.insert(
            (chunk.sid, chunk.mseq),
            Partial {
                count: chunk.count,
                arrived: 0,
                length: bytes,
                bytes: vec![0; bytes],
                started: now,
            },
        );
        Ok(())
    }

    fn drop_from_the_greediest(&mut self) {
        let (_, sid) = *self.by_size.last().expect("something fills the budget");
        let (key, _) = self
            .partials
            .range((sid, 0)..=(sid, u32::MAX))
            .min_by_key(|(_, partial)| partial.started)
            .expect("it holds something");
        let key = *key;
        self.remove(key);
    }

    fn remove(&mut self, key: (u32, u32)) -> Vec<u8> {
        let mut partial = self.partials.remove(&key).expect("it is there");
        self.by_age.remove(&(partial.started, key.0, key.1));
        let charged = usize::from(partial.count) * CHUNK_BYTES;
        self.charge(key.0, |held| {
            held.packets -= 1;
            held.bytes -= charged;
        });
        partial.bytes.truncate(partial.length);
        partial.bytes
    }

    fn charge(&mut self, sid: u32, change: impl FnOnce(&mut Held)) {
        let before = self.by_session.remove(&sid).unwrap_or_default();
        self.by_size.remove(&(before.bytes, sid));
        let mut after = before;
        change(&mut after);
        if after.packets > 0 {
            self.by_session.insert(sid, after);
            self.by_size.insert((after.bytes, sid));
        }
        self.bytes = self.bytes + after.bytes - before.bytes;
        assert!(self.bytes <= REASSEMBLY_ALL_BYTES_MAX);
    }
}

impl Partial {
    /// True if the packet is whole now.
    fn add(&mut self, chunk: &Chunk<'_>) -> bool {
        let start = usize::from(chunk.index) * CHUNK_BYTES;
        if self.arrived >> chunk.index & 1 == 0 {
            self.bytes[start..start + chunk.bytes.len()].copy_from_slice(chunk.bytes);
            self.arrived |= 1 << chunk.index;
            if chunk.index + 1 == chunk.count {
                self.length = start + chunk.bytes.len();
            }
        }
        self.arrived.count_ones() == u32::from(self.count)
    }
}

/// Every chunk but the last is full, and none is empty.
fn check_shape(chunk: &Chunk<'_>) -> Result<(), Violation> {
    let length = chunk.bytes.len();
    let is_last = chunk.index.checked_add(1) == Some(chunk.count);
    let fits = if is_last {
        (1..=CHUNK_BYTES).contains(&length)
    } else {
        length == CHUNK_BYTES
    };
    if chunk.index < chunk.count && usize::from(chunk.count) <= CHUNKS_MAX && fits {
        Ok(())
    } else {
        Err(Violation::Protocol)
    }
}

impl Completed {
    pub(super) const fn new() -> Self {
        Self {
            next: 0,
            bits: [0; MSEQ_WINDOW as usize / 64],
        }
    }

    /// True if it was completed, or is too old to know.
    pub(super) fn contains(&self, mseq: u32) -> bool {
        if mseq >= self.next {
            return false;
        }
        let (word, bit) = place(mseq);
        self.next - mseq > MSEQ_WINDOW || self.bits[word] >> bit & 1 == 1
    }

    pub(super) fn insert(&mut self, mseq: u32) {
        if mseq >= self.next {
            let next = mseq.saturating_add(1);
            if next - self.next >= MSEQ_WINDOW {
                self.bits = [0; MSEQ_WINDOW as usize / 64];
            } else {
                for skipped in self.next..next {
                    let (word, bit) = place(skipped);
                    self.bits[word] &= !(1 << bit);
                }
            }
            self.next = next;
        }
        if self.next - mseq <= MSEQ_WINDOW {
            let (word, bit) = place(mseq);
            self.bits[word] |= 1 << bit;
        }
    }
}

const fn place(mseq: u32) -> (usize, u32) {
    let at = mseq % MSEQ_WINDOW;
    (at as usize / 64, at % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::MSEQ_AHEAD_MAX;
    use std::time::Duration;

    fn chunk(sid: u32, mseq: u32, index: u8, count: u8, bytes: &[u8]) -> Chunk<'_> {
        Chunk {
            sid,
            mseq,
            index,
            count,
            bytes,
        }
    }

    #[test]
    fn chunks_in_any_order_and_repeated_become_the_packet() {
        let packet: Vec<u8> = (0..3000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let pieces: Vec<&[u8]> = packet.chunks(CHUNK_BYTES).collect();
        let mut reassembly = Reassembly::default();
        for (index, whole) in [(2, false), (0, false), (2, false), (0, false), (1, true)] {
            let piece = chunk(1, 0, index, 3, pieces[usize::from(index)]);
            let done = reassembly.add(Instant(0), piece).unwrap();
            assert_eq!(done, whole.then(|| packet.clone()));
        }
        assert_eq!(reassembly.bytes(), 0);
        assert_eq!(reassembly.deadline(), None);
    }

    #[test]
    fn a_chunk_of_the_wrong_shape_is_a_violation() {
        let full = [0; CHUNK_BYTES];
        for (index, count, bytes) in [
            (0, 0, &full[..]),
            (1, 1, &full[..]),
            (0, 69, &full[..]),
            (0, 2, &full[1..]),
            (1, 2, &[][..]),
            (0, 1, &[][..]),
            (255, 0, &full[..]),
        ] {
            let mut reassembly = Reassembly::default();
            let result = reassembly.add(Instant(0), chunk(1, 0, index, count, bytes));
            assert_eq!(result, Err(Violation::Protocol), "{index} of {count}");
            assert_eq!(reassembly.bytes(), 0);
        }
        let mut reassembly = Reassembly::default();
        assert!(
            reassembly
                .add(Instant(0), chunk(1, 0, 0, 68, &full))
                .is_ok()
        );
    }

    #[test]
    fn the_number_of_chunks_of_a_packet_does_not_change() {
        let mut reassembly = Reassembly::default();
        let full = [0; CHUNK_BYTES];
        assert_eq!(
            reassembly.add(Instant(0), chunk(1, 0, 0, 3, &full)),
            Ok(None)
        );
        for count in [1, 2, 4] {
            let other = chunk(1, 0, count - 1, count, &full);
            assert_eq!(reassembly.add(Instant(0), other), Err(Violation::Protocol));
        }
    }

    #[test]
    fn a_session_has_a_budget_of_packets_and_of_bytes() {
        let full = [0; CHUNK_BYTES];
        let mut packets = Reassembly::default();
        for mseq in 0..8 {
            assert_eq!(
                packets.add(Instant(0), chunk(1, mseq, 0, 2, &full)),
                Ok(None)
            );
        }
        let ninth = packets.add(Instant(0), chunk(1, 8, 0, 2, &full));
        assert_eq!(ninth, Err(Violation::Limit));

        let mut bytes = Reassembly::default();
        for mseq in 0..4 {
            assert_eq!(
                bytes.add(Instant(0), chunk(1, mseq, 0, 64, &full)),
                Ok(None)
            );
        }
        assert_eq!(bytes.bytes(), REASSEMBLY_BYTES_MAX);
        assert_eq!(
            bytes.add(Instant(0), chunk(1, 4, 0, 2, &full)),
            Err(Violation::Limit)
        );
    }

    #[test]
    fn a_thousand_sessions_share_one_budget_and_it_is_free_after_ten_seconds() {
        let full = [0; CHUNK_BYTES];
        let mut reassembly = Reassembly::default();
        for sid in 0..1000 {
            for mseq in 0..8 {
                let result = reassembly.add(Instant(7), chunk(sid, mseq, 0, 32, &full));
                assert_eq!(result, Ok(None));
                assert!(reassembly.bytes() <= REASSEMBLY_ALL_BYTES_MAX);
            }
        }
        assert_eq!(reassembly.bytes(), REASSEMBLY_ALL_BYTES_MAX);
        let end = Instant(7) + REASSEMBLY_TIME;
        reassembly.handle_timeout(end - Duration::from_micros(1));
        assert_eq!(reassembly.bytes(), REASSEMBLY_ALL_BYTES_MAX);
        reassembly.handle_timeout(end);
        assert_eq!(reassembly.bytes(), 0);
        assert!(reassembly.by_session.is_empty());
        assert!(reassembly.by_size.is_empty());
    }

    #[test]
    fn a_session_that_is_gone_holds_nothing() {
        let mut reassembly = Reassembly::default();
        for sid in [1, 2, 3] {
            let half = chunk(sid, 0, 0, 2, &[0; CHUNK_BYTES]);
            assert_eq!(reassembly.add(Instant(0), half), Ok(None));
        }
        reassembly.forget(2);
        assert_eq!(reassembly.bytes(), 2 * 2 * CHUNK_BYTES);
    }

    #[test]
    fn a_completed_packet_is_remembered_as_a_set_would() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut completed = Completed::new();
        let mut model = BTreeSet::new();
        let mut base = 0_u32;
        for _ in 0..20_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            base += u32::from(state.is_multiple_of(3));
            let mseq = base + u32::try_from(state >> 32).unwrap() % MSEQ_AHEAD_MAX;
            assert_eq!(completed.contains(mseq), model.contains(&mseq), "{mseq}");
            completed.insert(mseq);
            model.insert(mseq);
            assert!(completed.contains(mseq));
        }
    }

    #[test]
    fn what_is_older_than_the_window_counts_as_completed() {
        let mut completed = Completed::new();
        completed.insert(5000);
        assert!(!completed.contains(5000 + 1 - MSEQ_WINDOW));
        assert!(completed.contains(5000 - MSEQ_WINDOW));
        completed.insert(u32::MAX);
        assert!(completed.contains(5000));
    }
}
