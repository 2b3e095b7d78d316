//! Time as a value: read once a turn by the driver, handed to every `handle_*`.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment of the monotonic clock: microseconds since the driver's epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub u64);

/// Wall time, for showing and for expiry; never for a timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wall {
    /// Milliseconds since 1970-01-01 00:00:00 UTC.
    pub unix_ms: i64,
    /// The local offset in seconds east of UTC, so that nobody below asks for a time zone.
    pub offset_s: i32,
}

/// Both clocks, read together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For timers.
    pub instant: Instant,
    /// For people.
    pub wall: Wall,
}

impl Instant {
    /// The time since `earlier`; zero if that is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

impl Wall {
    /// The same offset at another moment: to show a time that somebody else gave.
    #[must_use]
    pub const fn at(self, unix_ms: i64) -> Self {
        Self { unix_ms, ..self }
    }

    /// This moment in UTC.
    #[must_use]
    pub const fn utc(unix_ms: i64) -> Self {
        let offset_s = 0;
        Self { unix_ms, offset_s }
    }

    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`, in UTC (RFC 3339), for programs.
    #[must_use]
    pub fn rfc_3339(self) -> String {
        let stamp = Self::utc(self.unix_ms).stamp().replace(' ', "T");
        format!("{stamp}.{:03}Z", self.unix_ms.rem_euclid(1000))
    }

    /// `YYYY-MM-DD HH:MM:SS` in local time; total for every `i64`.
    #[must_use]
    pub fn stamp(self) -> String {
        let seconds = self
            .unix_ms
            .div_euclid(1000)
            .saturating_add(i64::from(self.offset_s));
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// `500ms`, `2s`, `5m`, `12h`, `30d`; None without a unit or beyond a thousand years.
#[must_use]
pub fn duration(word: &str) -> Option<Duration> {
    let digits = word.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = word.split_at(digits);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let ms = number.parse::<u64>().ok()?.checked_mul(unit_ms)?;
    (ms <= 365_000 * 86_400_000).then_some(Duration::from_millis(ms))
}

/// The Gregorian date of a day count since 1970-01-01.
///
/// Years of 400 are all alike (146,097 days); counting from 1 March puts the leap day last.
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_local_time_to_the_second() {
        let stamp = |unix_ms, offset_s| Wall { unix_ms, offset_s }.stamp();
        assert_eq!(stamp(0, 0), "1970-01-01 00:00:00");
        assert_eq!(stamp(-1, 0), "1969-12-31 23:59:59");
        assert_eq!(stamp(951_782_400_000, 0), "2000-02-29 00:00:00");
        assert_eq!(stamp(978_307_199_999, 3600), "2001-01-01 00:59:59");
        assert_eq!(stamp(1_763_670_000_123, -5 * 3600), "2025-11-20 15:20:00");
    }

    #[test]
    fn programs_read_utc_to_the_millisecond() {
        let wall = Wall {
            unix_ms: 978_307_200_001,
            offset_s: 3600,
        };
        assert_eq!(wall.rfc_3339(), "2001-01-01T00:00:00.001Z");
    }

    #[test]
    fn a_stamp_never_fails() {
        for unix_ms in [i64::MIN, i64::MAX] {
            assert!(
                !Wall {
                    unix_ms,
                    offset_s: i32::MIN
                }
                .stamp()
                .is_empty()
            );
        }
    }

    #[test]
    fn instants_saturate() {
        assert_eq!(Instant(5).since(Instant(7)), Duration::ZERO);
        assert_eq!(Instant(5) - Duration::from_secs(1), Instant(0));
        assert_eq!(
            Instant(u64::MAX) + Duration::from_secs(1),
            Instant(u64::MAX)
        );
    }

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        for (word, ms) in [
            ("0s", 0),
            ("500ms", 500),
            ("2s", 2000),
            ("5m", 300_000),
            ("12h", 43_200_000),
            ("30d", 2_592_000_000),
            ("365000d", 31_536_000_000_000),
        ] {
            assert_eq!(duration(word), Some(Duration::from_millis(ms)), "{word}");
        }
        for word in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "5 s",
            "5sec",
            "365001d",
            "99999999999999999999s",
        ] {
            assert_eq!(duration(word), None, "{word}");
        }
    }
}
