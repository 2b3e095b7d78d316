//! How long an answer takes: the estimator of RFC 9002 section 5.

use crate::model::limits::{ACK_DELAY, PTO_MIN, PTO_START};
use std::time::Duration;

/// The round-trip time of one path; empty until the first sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rtt {
    estimate: Option<Estimate>,
}

#[derive(Clone, Copy, Debug)]
struct Estimate {
    latest: Duration,
    smoothed: Duration,
    variation: Duration,
    least: Duration,
}

impl Rtt {
    /// Takes a sample; `delay` is how long the other says it waited before it answered.
    pub(super) fn sample(&mut self, sample: Duration, delay: Duration) {
        let Some(old) = self.estimate else {
            self.estimate = Some(Estimate {
                latest: sample,
                smoothed: sample,
                variation: sample / 2,
                least: sample,
            });
            return;
        };
        let least = old.least.min(sample);
        // A delay that would explain more than the path allows is not believed (section 5.3).
        let adjusted = if sample >= least.saturating_add(delay) {
            sample.saturating_sub(delay)
        } else {
            sample
        };
        let difference = old.smoothed.abs_diff(adjusted);
        self.estimate = Some(Estimate {
            latest: adjusted,
            smoothed: (old.smoothed * 7 + adjusted) / 8,
            variation: (old.variation * 3 + difference) / 4,
            least,
        });
    }

    /// How long to wait for an acknowledgement before asking again.
    pub(super) fn probe_after(&self) -> Duration {
        let Some(estimate) = self.estimate else {
            return PTO_START;
        };
        let slack = (estimate.variation * 4).max(ACK_DELAY);
        (estimate.smoothed + slack + ACK_DELAY).max(PTO_MIN)
    }

    /// What was overtaken this long ago is lost (section 6.1.2).
    pub(super) fn lost_after(&self) -> Duration {
        let longest = self
            .estimate
            .map_or(PTO_START, |estimate| estimate.smoothed.max(estimate.latest));
        (longest * 9 / 8).max(ACK_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_steady_path_settles_at_the_floor() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.probe_after(), PTO_START);
        rtt.sample(ms(1), Duration::ZERO);
        assert_eq!(rtt.probe_after(), PTO_MIN);
        rtt.sample(ms(6), ms(5));
        assert_eq!(rtt.probe_after(), PTO_MIN);
    }

    #[test]
    fn a_long_path_is_given_its_time() {
        let mut rtt = Rtt::default();
        rtt.sample(ms(100), Duration::ZERO);
        assert_eq!(rtt.probe_after(), ms(100 + 4 * 50 + 5));
        for _ in 0..100 {
            rtt.sample(ms(100), Duration::ZERO);
        }
        assert!(rtt.probe_after() < ms(112));
        assert!(rtt.lost_after() >= ms(112));
    }

    #[test]
    fn a_delay_that_cannot_be_is_not_believed() {
        let mut rtt = Rtt::default();
        rtt.sample(ms(100), Duration::ZERO);
        rtt.sample(ms(100), Duration::from_secs(6));
        assert!(rtt.probe_after() >= ms(100));
    }
}
