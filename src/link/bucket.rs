//! Token buckets: how often something may be done, for one and for each address.

use crate::model::Instant;
use crate::model::limits::BUCKETS_MAX;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

/// A millionth of a token, so that a rate per second times microseconds is exact.
const TOKEN: u64 = 1_000_000;

/// How often something may be done: at most `burst` at once, `rate` a second in the long run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    tokens: u64,
    at: Instant,
}

/// One bucket for each address; the longest unused is forgotten when there are too many.
///
/// An address is an IPv4 address or an IPv6 /64; loopback is never limited.
pub(super) struct Buckets {
    rate: u32,
    burst: u32,
    by_address: BTreeMap<IpAddr, Bucket>,
    by_age: BTreeSet<(Instant, IpAddr)>,
}

impl Bucket {
    pub(super) const fn full(now: Instant, burst: u32) -> Self {
        Self {
            tokens: burst as u64 * TOKEN,
            at: now,
        }
    }

    /// Takes a token; false if there is none.
    pub(super) fn take(&mut self, now: Instant, rate: u32, burst: u32) -> bool {
        let elapsed = now.0.saturating_sub(self.at.0);
        self.tokens = elapsed
            .saturating_mul(u64::from(rate))
            .saturating_add(self.tokens)
            .min(u64::from(burst) * TOKEN);
        self.at = self.at.max(now);
        match self.tokens.checked_sub(TOKEN) {
            None => false,
            Some(rest) => {
                self.tokens = rest;
                true
            }
        }
    }
}

impl Buckets {
    pub(super) const fn new(rate: u32, burst: u32) -> Self {
        Self {
            rate,
            burst,
            by_address: BTreeMap::new(),
            by_age: BTreeSet::new(),
        }
    }

    /// Takes a token of this address; false if it has none.
    pub(super) fn take(&mut self, now: Instant, address: IpAddr) -> bool {
        let address = prefix(address);
        if address.is_loopback() {
            return true;
        }
        let known = self.by_address.get(&address).copied();
        let mut bucket = known.unwrap_or(Bucket::full(now, self.burst));
        if known.is_some() {
            self.by_age.remove(&(bucket.at, address));
        } else if self.by_address.len() >= BUCKETS_MAX
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.by_address.remove(&oldest);
        }
        let taken = bucket.take(now, self.rate, self.burst);
        self.by_age.insert((bucket.at, address));
        self.by_address.insert(address, bucket);
        assert!(self.by_address.len() <= BUCKETS_MAX);
        taken
    }
}

/// What shares a bucket: one subscriber usually has a whole IPv6 /64.
fn prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let mut buckets = Buckets::new(20, 40);
        let start = Instant(0);
        let address = "192.0.2.7".parse().unwrap();
        let taken = (0..100).filter(|_| buckets.take(start, address)).count();
        assert_eq!(taken, 40);
        assert!(!buckets.take(start + Duration::from_millis(49), address));
        assert!(buckets.take(start + Duration::from_millis(50), address));
        assert!(!buckets.take(start + Duration::from_millis(50), address));
    }

    #[test]
    fn a_v6_subscriber_is_one_address_and_loopback_is_free() {
        let mut buckets = Buckets::new(1, 1);
        let now = Instant(0);
        assert!(buckets.take(now, "2001:db8::1".parse().unwrap()));
        assert!(!buckets.take(now, "2001:db8::2".parse().unwrap()));
        assert!(buckets.take(now, "2001:db8:0:1::2".parse().unwrap()));
        for _ in 0..10 {
            assert!(buckets.take(now, "::1".parse().unwrap()));
            assert!(buckets.take(now, "127.0.0.1".parse().unwrap()));
        }
    }

    #[test]
    fn buckets_are_bounded() {
        let mut buckets = Buckets::new(1, 1);
        for n in 0..2 * u32::try_from(BUCKETS_MAX).unwrap() {
            buckets.take(Instant(u64::from(n)), IpAddr::V4(n.into()));
        }
        assert_eq!(buckets.by_address.len(), BUCKETS_MAX);
        assert_eq!(buckets.by_age.len(), BUCKETS_MAX);
    }
}
