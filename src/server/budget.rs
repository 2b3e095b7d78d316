//! Token buckets: how much of the server's work one identity, address or pair may ask for.

use super::Rates;
use crate::model::limits::{
    ALL_MESSAGES_BURST, ALL_MESSAGES_PER_S, BUCKETS_MAX, GROUP_MESSAGES_BURST,
    GROUP_MESSAGES_PER_S, LOOKUPS_PER_S, MESSAGES_BURST, MESSAGES_PER_S, NEW_NAMES_PER_MIN,
    RELAY_ALL_BYTES_PER_S, RELAY_BYTES_BURST, RELAY_BYTES_PER_S, TABLE_DATAGRAMS_PER_S,
};
use crate::model::{Instant, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    Everybody,
    Group,
    Lookup,
    Message,
}

impl Work {
    /// How many a second, and how many at once.
    const fn rate(self) -> Rate {
        let (per_second, burst) = match self {
            Self::Everybody => (ALL_MESSAGES_PER_S, ALL_MESSAGES_BURST),
            Self::Group => (GROUP_MESSAGES_PER_S, GROUP_MESSAGES_BURST),
            Self::Lookup => (LOOKUPS_PER_S, LOOKUPS_PER_S),
            Self::Message => (MESSAGES_PER_S, MESSAGES_BURST),
        };
        Rate::new(per_second, 1, burst)
    }
}

/// All buckets of a server.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    rates: Rates,
    /// At most one for each bound name and kind of work.
    work: BTreeMap<(Name, Work), Bucket>,
    new_names: Buckets<IpAddr>,
    relay: Buckets<(Name, Name)>,
    relay_all: Bucket,
    table: Bucket,
}

impl Budgets {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            rates,
            ..Self::default()
        }
    }

    /// Takes one; otherwise says when to come again.
    pub(super) fn work(&mut self, now: Instant, who: &Name, work: Work) -> Result<(), Duration> {
        if self.rates == Rates::Unlimited {
            return Ok(());
        }
        let bucket = self.work.entry((who.clone(), work)).or_default();
        bucket.take(now, work.rate(), 1)
    }

    /// A new name asked for from this address.
    pub(super) fn new_name(&mut self, now: Instant, from: IpAddr) -> Result<(), Duration> {
        if is_exempt(from) {
            return Ok(());
        }
        let rate = Rate::new(NEW_NAMES_PER_MIN, 60, NEW_NAMES_PER_MIN);
        self.new_names.take(now, network(from), rate, 1)
    }

    /// Bytes carried from one client to another.
    pub(super) fn relay(
        &mut self,
        now: Instant,
        pair: (Name, Name),
        bytes: usize,
    ) -> Result<(), Duration> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let all = Rate::new(RELAY_ALL_BYTES_PER_S, 1, RELAY_ALL_BYTES_PER_S);
        let one = Rate::new(RELAY_BYTES_PER_S, 1, RELAY_BYTES_BURST);
        self.relay.take(now, pair, one, bytes)?;
        self.relay_all.take(now, all, bytes)
    }

    /// Datagrams of the table.
    pub(super) fn table(&mut self, now: Instant, datagrams: u32) -> Result<(), Duration> {
        let rate = Rate::new(TABLE_DATAGRAMS_PER_S, 1, TABLE_DATAGRAMS_PER_S);
        self.table.take(now, rate, datagrams)
    }
}

/// How fast a bucket fills, and how much it holds, in micro-tokens.
#[derive(Clone, Copy)]
struct Rate {
    tokens: u64,
    micros: u64,
    burst: u64,
}

impl Rate {
    const fn new(tokens: u32, seconds: u64, burst: u32) -> Self {
        Self {
            tokens: tokens as u64,
            micros: seconds * 1_000_000,
            burst: burst as u64,
        }
    }
}

/// Counts what is gone, so that a new one is full.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// In tokens times the rate's period in microseconds: no rounding.
    spent: u64,
    at: Instant,
}

impl Bucket {
    fn take(&mut self, now: Instant, rate: Rate, cost: u32) -> Result<(), Duration> {
        let passed = u64::try_from(now.since(self.at).as_micros()).unwrap_or(u64::MAX);
        self.spent = self
            .spent
            .saturating_sub(passed.saturating_mul(rate.tokens));
        self.at = now;
        let after = self.spent.saturating_add(u64::from(cost) * rate.micros);
        let over = after.saturating_sub(rate.burst * rate.micros);
        if over > 0 {
            return Err(Duration::from_micros(over.div_ceil(rate.tokens)));
        }
        self.spent = after;
        Ok(())
    }
}

/// Buckets of whoever comes; the longest unused is forgotten first.
#[derive(Debug)]
struct Buckets<K> {
    of: BTreeMap<K, Bucket>,
    by_use: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Clone> Buckets<K> {
    fn take(&mut self, now: Instant, key: K, rate: Rate, cost: u32) -> Result<(), Duration> {
        let mut bucket = self.of.get(&key).copied().unwrap_or_default();
        self.by_use.remove(&(bucket.at, key.clone()));
        let taken = bucket.take(now, rate, cost);
        self.of.insert(key.clone(), bucket);
        self.by_use.insert((now, key));
        if self.of.len() > BUCKETS_MAX
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.of.remove(&oldest);
        }
        taken
    }
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            of: BTreeMap::new(),
            by_use: BTreeSet::new(),
        }
    }
}

/// A whole classroom shares one network: private ranges and loopback are not limited.
const fn is_exempt(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
            None => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

/// The first 64 bits of an IPv6 address: a subscriber has at least as many.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate_and_the_time_to_wait() {
        let (mut budgets, bob) = (Budgets::default(), "bob".parse().unwrap());
        let mut ask = |at| budgets.work(Instant(at), &bob, Work::Everybody);
        for _ in 0..ALL_MESSAGES_BURST {
            assert_eq!(ask(5), Ok(()));
        }
        assert_eq!(ask(5), Err(Duration::from_secs(1)));
        assert_eq!(ask(1_000_004), Err(Duration::from_micros(1)));
        assert_eq!(ask(1_000_005), Ok(()));
        assert!(ask(1_000_005).is_err());
    }

    #[test]
    fn new_names_are_limited_by_network_and_a_classroom_is_not() {
        let mut budgets = Budgets::default();
        let mut ask = |text: &str| budgets.new_name(Instant(0), text.parse().unwrap());
        for i in 0..NEW_NAMES_PER_MIN {
            assert_eq!(ask(&format!("2001:db8::{i}")), Ok(()));
        }
        assert!(ask("2001:db8::ffff:1").is_err());
        assert_eq!(ask("2001:db8:0:1::1"), Ok(()));
        for _ in 0..=NEW_NAMES_PER_MIN {
            assert_eq!(ask("192.168.0.7"), Ok(()));
        }
    }

    #[test]
    fn buckets_forget_the_longest_unused() {
        let mut buckets = Buckets::default();
        let rate = Rate::new(1, 1, 1);
        for key in 0..=BUCKETS_MAX as u64 {
            assert!(buckets.take(Instant(key), key, rate, 1).is_ok());
        }
        assert_eq!(buckets.of.len(), BUCKETS_MAX);
        assert!(!buckets.of.contains_key(&0));
        assert!(buckets.take(Instant(9), 1, rate, 1).is_err());
    }
}
