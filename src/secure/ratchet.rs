//! All randomness of cores and simulator: a `ChaCha20` generator that erases its key, draw and mix.

use super::suite::{first, keyed_32, keystream};
use crate::model::MessageId;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// A deterministic source of bytes; whoever sees its key learns nothing of what was drawn before.
///
/// It cannot be cloned: two would give the same bytes. [`fork`](Self::fork) makes an independent
/// one.
///
/// One run of `ChaCha20` gives the next key and then what is drawn; both keys and draws are wiped
/// when they are used (Bernstein 2017, "Fast-key-erasure random-number generators").
pub struct Ratchet {
    key: Zeroizing<[u8; 32]>,
    /// What comes next is last.
    pool: Zeroizing<[[u8; 32]; DRAWS]>,
    left: usize,
}

/// Draws of one run: with the next key they are four blocks of the cipher.
const DRAWS: usize = 7;

impl Ratchet {
    /// Starts from 32 bytes of the operating system, or from a simulation's seed.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key: Zeroizing::new(key),
            pool: Zeroizing::new([[0; 32]; DRAWS]),
            left: 0,
        }
    }

    /// Draws 32 fresh bytes.
    pub fn draw(&mut self) -> [u8; 32] {
        if self.left == 0 {
            keystream(&mut self.key, self.pool.as_flattened_mut());
            self.pool.reverse();
            self.left = DRAWS;
        }
        self.left -= 1;
        std::mem::take(&mut self.pool[self.left])
    }

    /// Mixes fresh entropy in; what is drawn afterwards depends on both.
    pub fn mix(&mut self, bytes: &[u8]) {
        self.key = keyed_32(&*self.key, &[b"mix", bytes]);
        self.pool.zeroize();
        self.left = 0;
    }

    /// Makes an independent ratchet, its key one draw.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::new(self.draw())
    }

    /// Draws a number: the first four bytes of a draw, little-endian.
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(first(&self.draw()))
    }

    /// Draws a number: the first eight bytes of a draw, little-endian.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(first(&self.draw()))
    }

    /// Draws an id: the first sixteen bytes of a draw.
    pub fn message_id(&mut self) -> MessageId {
        MessageId::from_bytes(first(&self.draw()))
    }

    /// Draws a number below `bound`, each as likely as the others to within `bound` / 2^64.
    ///
    /// # Panics
    /// If `bound` is zero: there is no such number.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing is below zero");
        // Multiply and shift (Lemire 2019, "Fast random integer generation in an interval").
        let product = u128::from(self.u64()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the upper half of 128 bits")
    }
}

impl fmt::Debug for Ratchet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ratchet").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secure::golden::{bytes, count_from};

    #[test]
    fn draws_are_the_golden_ones() {
        let mut ratchet = Ratchet::new(count_from(0xc0));
        let draws: Vec<_> = (0..8).map(|_| ratchet.draw().to_vec()).collect();
        // Bytes 32 to 95 of the keystream, and the eighth is the first of the next key.
        for (number, draw) in [
            (
                0,
                "cf03f9a247ced250c8f4a8a7d7fba058bd10e56751899ff6dd39fd8f09126feb",
            ),
            (
                1,
                "a6d6f5f1aa066a9e7a5fd05849c0389a5d409f9d67a6a2ab1b005fd60fab3415",
            ),
            (
                7,
                "8db48d0ef2c894a386651aced227f02e5d94e50983d5e49c38bf7d28616120f3",
            ),
        ] {
            assert_eq!(draws[number], bytes(draw), "{number}");
        }
    }

    #[test]
    fn shorter_values_are_the_first_bytes_of_a_draw() {
        let fresh = || Ratchet::new(count_from(0xc0));
        assert_eq!(fresh().u32(), 0xa2f9_03cf);
        assert_eq!(fresh().u64(), 0x50d2_ce47_a2f9_03cf);
        assert_eq!(
            fresh().message_id().to_string(),
            "cf03f9a247ced250c8f4a8a7d7fba058"
        );
    }

    #[test]
    fn what_is_mixed_in_changes_what_is_drawn() {
        let mut plain = Ratchet::new([1; 32]);
        let mut mixed = Ratchet::new([1; 32]);
        let mut otherwise = Ratchet::new([1; 32]);
        mixed.mix(b"a");
        otherwise.mix(b"b");
        let draws = [plain.draw(), mixed.draw(), otherwise.draw()];
        assert_ne!(draws[0], draws[1]);
        assert_ne!(draws[1], draws[2]);
        assert_ne!(draws[0], draws[2]);
    }

    #[test]
    fn a_fork_goes_its_own_way() {
        let mut ratchet = Ratchet::new([1; 32]);
        let mut fork = ratchet.fork();
        assert_ne!(fork.draw(), ratchet.draw());
        let mut again = Ratchet::new([1; 32]);
        let mut same = again.fork();
        assert_eq!(again.draw(), Ratchet::new([1; 32]).skip_one().draw());
        same.draw();
        assert_eq!(same.draw(), fork.draw());
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut ratchet = Ratchet::new([1; 32]);
        let mut seen = [0_u32; 7];
        for _ in 0..7000 {
            let n = usize::try_from(ratchet.below(7)).unwrap();
            seen[n] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
        assert_eq!(ratchet.below(1), 0);
        assert!(ratchet.below(u64::MAX) < u64::MAX);
    }

    #[test]
    fn a_ratchet_does_not_print_its_key() {
        assert_eq!(format!("{:?}", Ratchet::new([1; 32])), "Ratchet { .. }");
    }

    impl Ratchet {
        fn skip_one(mut self) -> Self {
            self.draw();
            self
        }
    }
}
