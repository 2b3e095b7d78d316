//! Packets that wait for their turn, small ones beside large ones; bounded together with those in
//! flight.

use super::{Full, Parcel};
use crate::model::limits::{CHUNK_BYTES, SEND_BYTES_MAX, SEND_PACKETS_MAX};
use std::collections::VecDeque;
use std::sync::Arc;

/// A packet that was not yet cut.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) parcel: Parcel,
    pub(super) bytes: Arc<[u8]>,
}

/// What waits for one peer. It survives a change of session; the counts include what is in flight.
#[derive(Default)]
pub(super) struct Queue {
    /// Packets of one chunk.
    pub(super) small: VecDeque<Waiting>,
    /// Packets of several chunks: at most two travel at a time, and small ones pass them.
    pub(super) large: VecDeque<Waiting>,
    packets: usize,
    bytes: usize,
}

impl Queue {
    /// Takes a packet, or gives it back if there are too many.
    pub(super) fn push(&mut self, parcel: Parcel, bytes: Arc<[u8]>) -> Result<(), Full> {
        if self.packets >= SEND_PACKETS_MAX || self.bytes + bytes.len() > SEND_BYTES_MAX {
            return Err(Full(bytes));
        }
        self.packets += 1;
        self.bytes += bytes.len();
        self.line_of(&bytes).push_back(Waiting { parcel, bytes });
        Ok(())
    }

    /// Takes back, to the front, a packet that was in flight.
    pub(super) fn give_back(&mut self, waiting: Waiting) {
        self.line_of(&waiting.bytes).push_front(waiting);
    }

    /// A packet that was in flight is finished.
    pub(super) fn finish(&mut self, bytes: &[u8]) {
        assert!(self.packets > 0);
        assert!(self.bytes >= bytes.len());
        self.packets -= 1;
        self.bytes -= bytes.len();
    }

    /// Forgets a packet that waits; false if it does not wait here.
    pub(super) fn remove(&mut self, parcel: Parcel) -> bool {
        let lines = [&mut self.small, &mut self.large];
        let found = lines.into_iter().find_map(|line| {
            let index = line.iter().position(|waiting| waiting.parcel == parcel)?;
            line.remove(index)
        });
        let Some(waiting) = found else {
            return false;
        };
        self.finish(&waiting.bytes);
        true
    }

    /// Packets queued and not yet finished.
    pub(super) const fn packets(&self) -> usize {
        self.packets
    }

    /// Every packet that waits.
    pub(super) fn parcels(&self) -> impl Iterator<Item = Parcel> {
        self.small
            .iter()
            .chain(&self.large)
            .map(|waiting| waiting.parcel)
    }

    fn line_of(&mut self, bytes: &[u8]) -> &mut VecDeque<Waiting> {
        if bytes.len() <= CHUNK_BYTES {
            &mut self.small
        } else {
            &mut self.large
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_gives_the_packet_back() {
        let mut queue = Queue::default();
        for n in 0..SEND_PACKETS_MAX as u64 {
            assert_eq!(queue.push(Parcel(n), [1].into()), Ok(()));
        }
        assert_eq!(queue.push(Parcel(999), [2].into()), Err(Full([2].into())));
        assert!(queue.remove(Parcel(7)));
        assert!(!queue.remove(Parcel(7)));
        assert_eq!(queue.push(Parcel(999), [2].into()), Ok(()));
    }

    #[test]
    fn bytes_are_bounded_to_the_last_one() {
        let mut queue = Queue::default();
        assert_eq!(
            queue.push(Parcel(0), vec![0; SEND_BYTES_MAX - 1].into()),
            Ok(())
        );
        assert!(queue.push(Parcel(1), [0; 2].into()).is_err());
        assert_eq!(queue.push(Parcel(2), [0; 1].into()), Ok(()));
    }
}
