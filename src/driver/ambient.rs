//! The one reading of the clocks, and the one call for random bytes.

use crate::model::{Instant, Now, Wall};
use jiff::{Timestamp, tz::TimeZone};
use std::time;

/// The clocks of this machine: monotonic since the start of the program, and local wall time.
#[derive(Debug)]
pub struct Ambient {
    epoch: time::Instant,
    zone: TimeZone,
}

impl Ambient {
    /// Starts counting; reads `TZ` or the machine's time zone once.
    #[must_use]
    pub fn new() -> Self {
        Self {
            epoch: monotonic(),
            zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
        }
    }

    /// Both clocks. Called once a turn.
    #[must_use]
    pub fn now(&self) -> Now {
        let elapsed = monotonic().saturating_duration_since(self.epoch);
        let unix_ms = unix_ms();
        Now {
            instant: Instant(0) + elapsed,
            wall: Wall {
                unix_ms,
                offset_s: offset_s(&self.zone, unix_ms),
            },
        }
    }
}

impl Default for Ambient {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes of the operating system's generator.
///
/// # Panics
/// If the system has none: nothing could be kept secret then.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks for randomness"
)]
#[must_use]
pub fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads this clock"
)]
fn monotonic() -> time::Instant {
    time::Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads this clock"
)]
fn unix_ms() -> i64 {
    match time::SystemTime::now().duration_since(time::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

/// Seconds east of UTC at that moment: summer time comes and goes while the program runs.
fn offset_s(zone: &TimeZone, unix_ms: i64) -> i32 {
    Timestamp::from_millisecond(unix_ms).map_or(0, |moment| zone.to_offset(moment).seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_never_back() {
        let ambient = Ambient::new();
        let (first, second) = (ambient.now(), ambient.now());
        assert!(second.instant >= first.instant);
        assert!(first.wall.unix_ms > 1_700_000_000_000);
    }

    #[test]
    fn the_offset_follows_summer_time() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(offset_s(&zone, 1_768_000_000_000), 3600);
        assert_eq!(offset_s(&zone, 1_784_000_000_000), 7200);
        assert_eq!(offset_s(&zone, i64::MAX), 0);
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random(), random());
    }
}
