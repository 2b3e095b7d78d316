//! The network: loss, bursts, duplication, delay, reordering, corruption, size limits, clogs and
//! partitions.

use super::NodeId;
use super::dice::Dice;
use super::faults::{Counts, Fault};
use crate::model::Instant;
use crate::model::limits::DATAGRAM_BYTES_MAX;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a path does to datagrams. Shares are in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// How many are lost, each by itself.
    pub loss: u16,
    /// How often a datagram begins a burst of loss that takes all for up to a second.
    pub burst: u16,
    /// How many come twice.
    pub duplicate: u16,
    /// How many are changed on the way.
    pub corrupt: u16,
    /// The shortest time on the way.
    pub delay_min: Duration,
    /// The longest; different times reorder.
    pub delay_max: Duration,
    /// How many take a way that is `late` longer.
    pub straggle: u16,
    /// How much longer at most.
    pub late: Duration,
    /// Larger ones are lost.
    pub bytes_max: usize,
}

impl Conditions {
    /// A good local network: half a millisecond, nothing lost.
    pub const CALM: Self = Self {
        loss: 0,
        burst: 0,
        duplicate: 0,
        corrupt: 0,
        delay_min: Duration::from_micros(400),
        delay_max: Duration::from_micros(600),
        straggle: 0,
        late: Duration::ZERO,
        bytes_max: DATAGRAM_BYTES_MAX,
    };
}

/// Between every two nodes a path in each direction.
pub struct Network {
    /// What holds where nothing else is said.
    pub conditions: Conditions,
    paths: BTreeMap<(NodeId, NodeId), Path>,
}

#[derive(Default)]
struct Path {
    conditions: Option<Conditions>,
    blocked: bool,
    /// A burst of loss lasts until then.
    burst_until: Option<Instant>,
    /// Bytes a second, and when the line is free again.
    clog: Option<(u64, Instant)>,
    /// What went last, for splices.
    last: Vec<u8>,
}

impl Network {
    /// Every path is calm.
    #[must_use]
    pub const fn new(conditions: Conditions) -> Self {
        Self {
            conditions,
            paths: BTreeMap::new(),
        }
    }

    /// Sets what one path does; `None` makes it like all others.
    pub fn set(&mut self, from: NodeId, to: NodeId, conditions: Option<Conditions>) {
        self.path(from, to).conditions = conditions;
    }

    /// What a path does now.
    #[must_use]
    pub fn conditions(&self, from: NodeId, to: NodeId) -> Conditions {
        let own = self.paths.get(&(from, to)).and_then(|path| path.conditions);
        own.unwrap_or(self.conditions)
    }

    /// Blocks one path, or opens it again.
    pub fn block(&mut self, from: NodeId, to: NodeId, blocked: bool) {
        self.path(from, to).blocked = blocked;
    }

    /// Lets only so many bytes a second through one path, the rest queue.
    pub fn clog(&mut self, from: NodeId, to: NodeId, bytes_per_s: Option<u64>) {
        self.path(from, to).clog = bytes_per_s.map(|rate| (rate.max(1), Instant(0)));
    }

    /// Takes every fault of every path back.
    pub fn heal(&mut self) {
        self.conditions = Conditions::CALM;
        self.paths.clear();
    }

    fn path(&mut self, from: NodeId, to: NodeId) -> &mut Path {
        self.paths.entry((from, to)).or_default()
    }

    /// When and how a datagram arrives: never, once or twice.
    pub fn carry(
        &mut self,
        dice: &mut Dice,
        counts: &mut Counts,
        now: Instant,
        (from, to): (NodeId, NodeId),
        mut bytes: Vec<u8>,
    ) -> Vec<(Instant, Vec<u8>)> {
        let common = self.conditions;
        let path = self.path(from, to);
        let conditions = path.conditions.unwrap_or(common);
        if path.is_lost(dice, counts, now, &conditions, bytes.len()) {
            return Vec::new();
        }
        let twice = dice.chance(conditions.duplicate);
        let mut copies = Vec::with_capacity(2);
        if conditions.corrupt > 0 {
            let original = bytes.clone();
            if dice.chance(conditions.corrupt) {
                counts.add(Fault::Corruption);
                corrupt(dice, &mut bytes, &path.last);
            }
            path.last = original;
        }
        if twice {
            counts.add(Fault::Duplication);
            copies.push((
                path.arrival(dice, counts, now, &conditions, bytes.len()),
                bytes.clone(),
            ));
        }
        let len = bytes.len();
        copies.push((path.arrival(dice, counts, now, &conditions, len), bytes));
        copies
    }
}

impl Path {
    fn is_lost(
        &mut self,
        dice: &mut Dice,
        counts: &mut Counts,
        now: Instant,
        conditions: &Conditions,
        len: usize,
    ) -> bool {
        if self.blocked {
            counts.add(Fault::Partition);
            return true;
        }
        if len > conditions.bytes_max {
            counts.add(Fault::SizeLimit);
            return true;
        }
        if self.burst_until.is_some_and(|until| now < until) {
            counts.add(Fault::Burst);
            return true;
        }
        if dice.chance(conditions.burst) {
            self.burst_until = Some(now + dice.millis(5, 1000));
        }
        let lost = dice.chance(conditions.loss);
        if lost {
            counts.add(Fault::Loss);
        }
        lost
    }

    fn arrival(
        &mut self,
        dice: &mut Dice,
        counts: &mut Counts,
        now: Instant,
        conditions: &Conditions,
        len: usize,
    ) -> Instant {
        let spread = conditions.delay_max.saturating_sub(conditions.delay_min);
        let spread = u64::try_from(spread.as_micros()).unwrap_or(u64::MAX - 1);
        let mut at = now + conditions.delay_min + Duration::from_micros(dice.between(0, spread));
        if dice.chance(conditions.straggle) {
            counts.add(Fault::Delay);
            let late = u64::try_from(conditions.late.as_micros()).unwrap_or(u64::MAX - 1);
            at = at + Duration::from_micros(dice.between(0, late));
        }
        if let Some((rate, free)) = &mut self.clog {
            counts.add(Fault::Clog);
            let micros = u64::try_from(len)
                .unwrap_or(u64::MAX)
                .saturating_mul(1_000_000)
                / *rate;
            *free = (*free).max(now) + Duration::from_micros(micros);
            at = at.max(*free);
        }
        at
    }
}

/// Flips bits, cuts, lengthens, or joins with what went before on the same path.
pub fn corrupt(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[u8]) {
    match dice.below(8) {
        0 => bytes.truncate(dice.index(bytes.len())),
        1 => bytes.extend(dice.bytes().iter().take(1 + dice.index(31))),
        2 if !other.is_empty() => {
            bytes.truncate(dice.index(bytes.len()));
            bytes.extend(&other[dice.index(other.len())..]);
            bytes.truncate(DATAGRAM_BYTES_MAX);
        }
        _ => {
            for _ in 0..=dice.below(3) {
                let at = dice.index(bytes.len());
                let bit = 1 << dice.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bit;
                }
            }
        }
    }
}
