//! The order in which messages of one sender are shown: by `seq`, with a short patience for gaps.

use super::event::Mark;
use crate::model::limits::{GAP, GAP_WAITING_MAX, STREAMS_MAX};
use crate::model::{Instant, Name};
use crate::wire::packet::Audience;
use std::collections::BTreeMap;

/// What one `seq` counts: a sender, an audience, and the life of the sender's outbox.
pub(super) type StreamKey = (Name, Option<Audience>, u32);

/// All streams. `T` is what is put in order.
pub(super) struct Streams<T> {
    all: BTreeMap<StreamKey, Stream<T>>,
}

struct Stream<T> {
    next: u64,
    waiting: BTreeMap<u64, (Instant, T)>,
}

/// Something whose turn has come.
pub(super) type Placed<T> = (T, Option<Mark>);

impl<T> Streams<T> {
    pub(super) const fn new() -> Self {
        Self {
            all: BTreeMap::new(),
        }
    }

    /// Everything up to `seq` was shown in an earlier life.
    pub(super) fn shown(&mut self, key: StreamKey, seq: u64) {
        let stream = self.stream(key, seq);
        stream.next = stream.next.max(seq.saturating_add(1));
    }

    /// Forgets the streams of an audience: who enters a group has missed what was said before.
    pub(super) fn forget(&mut self, audience: &Audience) {
        self.all
            .retain(|key, stream| key.1.as_ref() != Some(audience) || !stream.waiting.is_empty());
    }

    /// Takes something and returns what may be shown now, in order.
    pub(super) fn arrive(
        &mut self,
        now: Instant,
        key: StreamKey,
        seq: u64,
        item: T,
    ) -> Vec<Placed<T>> {
        let stream = self.stream(key, seq);
        if seq < stream.next {
            return vec![(item, Some(Mark::OutOfOrder))];
        }
        if let Some((_, earlier)) = stream.waiting.insert(seq, (now, item)) {
            // Two messages with one number: a faulty sender; neither is lost.
            return vec![(earlier, Some(Mark::OutOfOrder))];
        }
        let mut placed = stream.in_turn();
        if stream.waiting.len() > GAP_WAITING_MAX {
            placed.extend(stream.skip());
        }
        placed
    }

    /// Notes something that is shown out of turn, as part of a batch, and tells its mark.
    pub(super) fn batched(&mut self, key: StreamKey, seq: u64) -> Option<Mark> {
        let stream = self.stream(key, seq);
        let mark = match seq.cmp(&stream.next) {
            std::cmp::Ordering::Less => Some(Mark::OutOfOrder),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Mark::EarlierMissing),
        };
        stream.next = stream.next.max(seq.saturating_add(1));
        mark
    }

    /// What may be shown after a batch filled gaps.
    pub(super) fn after_batch(&mut self) -> Vec<Placed<T>> {
        let mut placed = Vec::new();
        for stream in self.all.values_mut() {
            let later = stream.waiting.split_off(&stream.next);
            let late = std::mem::replace(&mut stream.waiting, later);
            placed.extend(
                late.into_values()
                    .map(|(_, item)| (item, Some(Mark::OutOfOrder))),
            );
            placed.extend(stream.in_turn());
        }
        placed
    }

    /// What has waited long enough for an earlier one.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Placed<T>> {
        let mut placed = Vec::new();
        for stream in self.all.values_mut() {
            while stream.since().is_some_and(|since| since + GAP <= now) {
                placed.extend(stream.skip());
            }
        }
        placed
    }

    /// Everything that waits.
    pub(super) fn all_waiting(&mut self) -> Vec<Placed<T>> {
        let mut placed = Vec::new();
        for stream in self.all.values_mut() {
            while !stream.waiting.is_empty() {
                placed.extend(stream.skip());
            }
        }
        placed
    }

    /// When something will have waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let since = self.all.values().filter_map(Stream::since).min()?;
        Some(since + GAP)
    }

    /// A new stream begins without waiting: its first message is the next one.
    fn stream(&mut self, key: StreamKey, first: u64) -> &mut Stream<T> {
        if self.all.len() >= STREAMS_MAX && !self.all.contains_key(&key) {
            self.all.retain(|_, stream| !stream.waiting.is_empty());
        }
        self.all.entry(key).or_insert_with(|| Stream {
            next: first,
            waiting: BTreeMap::new(),
        })
    }
}

impl<T> Stream<T> {
    fn since(&self) -> Option<Instant> {
        self.waiting.values().map(|(since, _)| *since).min()
    }

    fn in_turn(&mut self) -> Vec<Placed<T>> {
        let mut placed = Vec::new();
        while let Some((_, item)) = self.waiting.remove(&self.next) {
            placed.push((item, None));
            self.next = self.next.saturating_add(1);
        }
        placed
    }

    /// Gives up on a gap: the first that waits, marked, and what follows it.
    fn skip(&mut self) -> Vec<Placed<T>> {
        let Some((seq, (_, item))) = self.waiting.pop_first() else {
            return Vec::new();
        };
        self.next = seq.saturating_add(1);
        let mut placed = vec![(item, Some(Mark::EarlierMissing))];
        placed.extend(self.in_turn());
        placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(run: u32) -> StreamKey {
        ("bob".parse().unwrap(), None, run)
    }

    fn arrive(streams: &mut Streams<u64>, at: u64, seq: u64) -> Vec<Placed<u64>> {
        streams.arrive(Instant(at), key(1), seq, seq)
    }

    #[test]
    fn what_comes_in_order_is_shown_at_once() {
        let mut streams = Streams::new();
        assert_eq!(arrive(&mut streams, 0, 7), [(7, None)]);
        assert_eq!(arrive(&mut streams, 0, 8), [(8, None)]);
        assert_eq!(streams.deadline(), None);
    }

    #[test]
    fn a_gap_is_waited_for_and_filled() {
        let mut streams = Streams::new();
        arrive(&mut streams, 0, 1);
        assert_eq!(arrive(&mut streams, 0, 3), []);
        assert_eq!(arrive(&mut streams, 0, 4), []);
        assert_eq!(
            arrive(&mut streams, 5, 2),
            [(2, None), (3, None), (4, None)]
        );
    }

    #[test]
    fn a_gap_that_stays_is_marked_and_the_latecomer_too() {
        let mut streams = Streams::new();
        arrive(&mut streams, 0, 1);
        arrive(&mut streams, 10, 3);
        let due = streams.deadline().unwrap();
        assert_eq!(due, Instant(10) + GAP);
        assert_eq!(streams.due(Instant(due.0 - 1)), []);
        assert_eq!(streams.due(due), [(3, Some(Mark::EarlierMissing))]);
        assert_eq!(
            streams.arrive(due, key(1), 2, 2),
            [(2, Some(Mark::OutOfOrder))]
        );
    }

    #[test]
    fn a_new_run_starts_without_waiting() {
        let mut streams = Streams::new();
        arrive(&mut streams, 0, 9);
        assert_eq!(streams.arrive(Instant(0), key(2), 1, 1), [(1, None)]);
    }

    #[test]
    fn a_restart_remembers_what_was_shown() {
        let mut streams = Streams::new();
        streams.shown(key(1), 4);
        assert_eq!(arrive(&mut streams, 0, 6), []);
        assert_eq!(arrive(&mut streams, 0, 5), [(5, None), (6, None)]);
    }

    #[test]
    fn a_flood_behind_a_gap_does_not_grow_without_bound() {
        let mut streams = Streams::new();
        arrive(&mut streams, 0, 1);
        for seq in 0..GAP_WAITING_MAX as u64 {
            assert_eq!(arrive(&mut streams, 0, 3 + seq), []);
        }
        let shown = arrive(&mut streams, 0, 3 + GAP_WAITING_MAX as u64);
        assert_eq!(shown.len(), GAP_WAITING_MAX + 1);
        assert_eq!(shown[0].1, Some(Mark::EarlierMissing));
    }

    #[test]
    fn at_the_end_nothing_waits() {
        let mut streams = Streams::new();
        for seq in [1, 3, 5] {
            arrive(&mut streams, 0, seq);
        }
        let marked = Some(Mark::EarlierMissing);
        assert_eq!(streams.all_waiting(), [(3, marked), (5, marked)]);
        assert_eq!(streams.deadline(), None);
    }

    #[test]
    fn a_batch_fills_gaps_of_what_came_directly() {
        let mut streams = Streams::new();
        arrive(&mut streams, 0, 1);
        arrive(&mut streams, 0, 3);
        assert_eq!(streams.batched(key(1), 2), None);
        assert_eq!(streams.after_batch(), [(3, None)]);
    }
}
