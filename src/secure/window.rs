//! The window of seen counters: what was received, against replay and for acknowledgements.

use crate::model::limits::REPLAY_WINDOW;

const BLOCK: u64 = u64::BITS as u64;
/// One block more than the window holds, so that the newest may be partly filled (RFC 6479).
const BLOCKS: u64 = REPLAY_WINDOW / BLOCK + 1;
#[expect(
    clippy::cast_possible_truncation,
    reason = "33 fits; try_from is not const"
)]
const SLOTS: usize = BLOCKS as usize;

const _: () = assert!(REPLAY_WINDOW.is_multiple_of(BLOCK));
const _: () = assert!(REPLAY_WINDOW > 2 * u128::BITS as u64);

/// Remembers the last [`REPLAY_WINDOW`] counters in a ring of blocks that is never shifted.
pub(super) struct Window {
    largest: Option<u64>,
    blocks: [u64; SLOTS],
}

/// What the window knows of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is below the window: received or not, nobody knows.
    Forgotten,
    /// Not yet.
    Never,
    /// Once, and once is enough.
    Once,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self {
            largest: None,
            blocks: [0; SLOTS],
        }
    }

    pub(super) const fn largest(&self) -> Option<u64> {
        self.largest
    }

    /// Whether a counter was received; changes nothing.
    pub(super) fn seen(&self, counter: u64) -> Seen {
        let Some(largest) = self.largest else {
            return Seen::Never;
        };
        match largest.checked_sub(counter) {
            None => Seen::Never,
            Some(behind) if behind >= REPLAY_WINDOW => Seen::Forgotten,
            Some(_) if self.block(counter / BLOCK) & bit(counter) == 0 => Seen::Never,
            Some(_) => Seen::Once,
        }
    }

    /// Remembers a counter that was never seen. Call it only after the tag verified.
    pub(super) fn insert(&mut self, counter: u64) {
        assert!(self.seen(counter) == Seen::Never);
        match self.largest {
            Some(largest) if counter < largest => {}
            Some(largest) => {
                self.clear(largest / BLOCK, counter / BLOCK);
                self.largest = Some(counter);
            }
            None => self.largest = Some(counter),
        }
        self.blocks[slot(counter / BLOCK)] |= bit(counter);
        assert!(self.seen(counter) == Seen::Once);
    }

    /// Bit k: the counter `largest - 1 - k` was received.
    pub(super) fn bits(&self) -> u128 {
        let Some(largest) = self.largest else {
            return 0;
        };
        let newest = largest / BLOCK;
        let before = |back| newest.checked_sub(back).map_or(0, |n| self.block(n));
        // The 128 counters below the largest lie in three blocks; here the highest bit is the
        // largest of them, on the wire the lowest bit is.
        let older = (u128::from(before(1)) << 64) | u128::from(before(2));
        let offset = u32::try_from(largest % BLOCK).expect("less than 64");
        let low = older >> offset;
        let high = u128::from(before(0))
            .checked_shl(u128::BITS - offset)
            .unwrap_or(0);
        (high | low).reverse_bits()
    }

    fn block(&self, n: u64) -> u64 {
        self.blocks[slot(n)]
    }

    // The blocks after `old` up to `new` become empty, each slot once at most.
    fn clear(&mut self, old: u64, new: u64) {
        for step in 1..=(new - old).min(BLOCKS) {
            self.blocks[slot(old + step)] = 0;
        }
    }
}

fn slot(block: u64) -> usize {
    usize::try_from(block % BLOCKS).expect("there are few slots")
}

const fn bit(counter: u64) -> u64 {
    1 << (counter % BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secure::Ratchet;
    use std::collections::BTreeSet;

    /// The same by the definition: everything ever received.
    #[derive(Default)]
    struct Model(BTreeSet<u64>);

    impl Model {
        fn seen(&self, counter: u64) -> Seen {
            match self.0.last() {
                Some(largest) if counter + REPLAY_WINDOW <= *largest => Seen::Forgotten,
                _ if self.0.contains(&counter) => Seen::Once,
                _ => Seen::Never,
            }
        }

        fn bits(&self) -> u128 {
            let Some(largest) = self.0.last() else {
                return 0;
            };
            (0..128)
                .filter(|k| {
                    largest
                        .checked_sub(1 + k)
                        .is_some_and(|c| self.0.contains(&c))
                })
                .fold(0, |bits, k| bits | 1 << k)
        }
    }

    #[test]
    fn the_window_agrees_with_a_set() {
        for seed in 0..20 {
            let mut ratchet = Ratchet::new([seed; 32]);
            let (mut window, mut model) = (Window::new(), Model::default());
            let (mut repeated, mut forgotten) = (0, 0);
            for _ in 0..3000 {
                let largest = window.largest().unwrap_or(0);
                // Mostly near the front; at times around the window's edge, or far ahead.
                let counter = match ratchet.below(20) {
                    0 => largest + ratchet.below(6000),
                    1 => (largest + 5).saturating_sub(REPLAY_WINDOW + ratchet.below(10)),
                    2..8 => largest.saturating_sub(ratchet.below(REPLAY_WINDOW + 200)),
                    _ => (largest + 4).saturating_sub(ratchet.below(150)),
                };
                let seen = model.seen(counter);
                assert_eq!(
                    window.seen(counter),
                    seen,
                    "seed {seed}, {counter} of {largest}"
                );
                match seen {
                    Seen::Never => {
                        window.insert(counter);
                        model.0.insert(counter);
                    }
                    Seen::Once => repeated += 1,
                    Seen::Forgotten => forgotten += 1,
                }
                assert_eq!(window.largest(), model.0.last().copied(), "seed {seed}");
                assert_eq!(
                    window.bits(),
                    model.bits(),
                    "seed {seed}, {counter} of {largest}"
                );
            }
            assert!(repeated > 50 && forgotten > 20, "{repeated} {forgotten}");
        }
    }

    #[test]
    fn the_window_ends_where_it_says() {
        let mut window = Window::new();
        assert_eq!(window.seen(0), Seen::Never);
        window.insert(REPLAY_WINDOW);
        assert_eq!(window.seen(0), Seen::Forgotten);
        assert_eq!(window.seen(1), Seen::Never);
        assert_eq!(window.seen(2), Seen::Never);
        window.insert(1);
        assert_eq!(window.seen(1), Seen::Once);
        assert_eq!(window.largest(), Some(REPLAY_WINDOW));
        window.insert(REPLAY_WINDOW + 1);
        assert_eq!(window.seen(1), Seen::Forgotten);
    }

    #[test]
    fn a_leap_forgets_everything() {
        let mut window = Window::new();
        for counter in 0..5000 {
            window.insert(counter);
        }
        assert_eq!(window.bits(), u128::MAX);
        window.insert(1 << 39);
        assert_eq!(window.bits(), 0);
        for counter in (1 << 39) - REPLAY_WINDOW + 1..1 << 39 {
            assert_eq!(window.seen(counter), Seen::Never);
        }
    }

    #[test]
    fn bits_are_those_of_the_golden_ack() {
        let mut window = Window::new();
        for counter in [6, 10, 8, 9] {
            window.insert(counter);
        }
        assert_eq!(window.largest(), Some(10));
        assert_eq!(window.bits(), 0b1011);
    }
}
