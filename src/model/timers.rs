//! Deadlines by key: set, cancel, next, pop. Every floor above keeps its time with it.

use super::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// At most one deadline for each key; the earliest is found without a search.
#[derive(Clone, Debug)]
pub struct Timers<K> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Clone> Timers<K> {
    /// No deadlines.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            by_key: BTreeMap::new(),
            by_time: BTreeSet::new(),
        }
    }

    /// Sets the deadline of a key, in place of an earlier one.
    pub fn set(&mut self, key: K, at: Instant) {
        self.cancel(&key);
        self.by_key.insert(key.clone(), at);
        self.by_time.insert((at, key));
    }

    /// Forgets the deadline of a key; true if it had one.
    pub fn cancel(&mut self, key: &K) -> bool {
        let Some(at) = self.by_key.remove(key) else {
            return false;
        };
        self.by_time.remove(&(at, key.clone()));
        true
    }

    /// The deadline of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Instant> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The earliest deadline, and whose it is.
    #[must_use]
    pub fn first(&self) -> Option<(Instant, &K)> {
        self.by_time.first().map(|(at, key)| (*at, key))
    }

    /// Takes out the earliest key whose deadline has come.
    pub fn pop(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}

impl<K: Ord + Clone> Default for Timers<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_order_of_time_and_each_once() {
        let mut timers = Timers::new();
        timers.set("b", Instant(20));
        timers.set("a", Instant(30));
        timers.set("a", Instant(10));
        timers.set("c", Instant(15));
        assert!(timers.cancel(&"c"));
        assert!(!timers.cancel(&"c"));
        assert_eq!(timers.next(), Some(Instant(10)));
        assert_eq!(timers.pop(Instant(9)), None);
        assert_eq!(timers.pop(Instant(25)), Some("a"));
        assert_eq!(timers.pop(Instant(25)), Some("b"));
        assert_eq!(timers.pop(Instant(u64::MAX)), None);
        assert_eq!(timers.next(), None);
    }
}
