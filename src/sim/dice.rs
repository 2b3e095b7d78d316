//! Every choice of a run, from one ratchet and so from one seed.

use crate::secure::Ratchet;
use std::time::Duration;

/// A source of choices. Four come from each draw, because a run makes very many.
pub struct Dice {
    ratchet: Ratchet,
    spare: [u64; 4],
    left: usize,
}

impl Dice {
    /// The choices of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut key = *b"ackchat simulator seed ........ ";
        key[23..31].copy_from_slice(&seed.to_le_bytes());
        Self {
            ratchet: Ratchet::new(key),
            spare: [0; 4],
            left: 0,
        }
    }

    /// 64 fresh bits.
    pub fn u64(&mut self) -> u64 {
        if self.left == 0 {
            let bytes = self.ratchet.draw();
            for (word, chunk) in self.spare.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*chunk);
            }
            self.left = self.spare.len();
        }
        self.left -= 1;
        self.spare[self.left]
    }

    /// Twice 32 fresh bits.
    pub fn halves(&mut self) -> [u32; 2] {
        let [low, high] = [self.u64(), self.u64()].map(|bits| bits & u64::from(u32::MAX));
        [low, high].map(|half| u32::try_from(half).unwrap_or(u32::MAX))
    }

    /// A number in `0..bound`; 0 if the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = (u128::from(self.u64()) * u128::from(bound)) >> 64;
        u64::try_from(wide).unwrap_or(u64::MAX)
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// A place in something with `len` places; 0 if it has none.
    pub fn index(&mut self, len: usize) -> usize {
        let bound = u64::try_from(len).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }

    /// True so many times in a thousand. No choice is used up where the answer is certain.
    pub fn chance(&mut self, permille: u16) -> bool {
        permille > 0 && self.below(1000) < u64::from(permille)
    }

    /// One of these; none of nothing.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.index(of.len()))
    }

    /// So many milliseconds, to the microsecond.
    pub fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.between(low * 1000, high * 1000))
    }

    /// 32 bytes: a key, or what an operating system would give.
    pub fn bytes(&mut self) -> [u8; 32] {
        self.ratchet.draw()
    }
}
