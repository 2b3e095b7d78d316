//! How many datagrams may be under way: slow start, then gently more, halved on loss (RFC 9002
//! section 7).

use crate::model::limits::{WINDOW_MAX, WINDOW_MIN, WINDOW_START};

/// The congestion window of one path, in datagrams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    size: u32,
    /// Above this it grows by one a window, not by one an acknowledgement.
    threshold: u32,
    /// Acknowledgements counted towards the next step.
    credit: u32,
    /// Losses of datagrams with smaller counters belong to the last halving.
    recovery: u64,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self {
            size: WINDOW_START,
            threshold: WINDOW_MAX,
            credit: 0,
            recovery: 0,
        }
    }

    pub(super) const fn allows(&self, in_flight: usize) -> bool {
        in_flight < self.size as usize
    }

    /// A datagram was acknowledged while so many were in flight.
    /// A window that is not used proves nothing and does not grow (section 7.8).
    pub(super) fn on_acked(&mut self, in_flight: usize) {
        if in_flight * 2 < self.size as usize {
            return;
        }
        self.credit += 1;
        if self.size < self.threshold || self.credit >= self.size {
            self.size = (self.size + 1).min(WINDOW_MAX);
            self.credit = 0;
        }
    }

    /// The datagram with this counter was lost; `next` is the counter of the next one to be sent.
    pub(super) fn on_lost(&mut self, counter: u64, next: u64) {
        if counter < self.recovery {
            return;
        }
        self.recovery = next;
        self.size = (self.size / 2).max(WINDOW_MIN);
        self.threshold = self.size;
        self.credit = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_by_one_an_acknowledgement_until_a_loss_and_then_by_one_a_window() {
        let mut window = Window::new();
        for _ in 0..10 {
            window.on_acked(64);
        }
        assert_eq!(window.size, 20);
        window.on_lost(20, 25);
        assert_eq!(window.size, 10);
        window.on_lost(24, 25);
        assert_eq!(window.size, 10, "once per round trip");
        for _ in 0..10 {
            window.on_acked(64);
        }
        assert_eq!(window.size, 11);
    }

    #[test]
    fn it_does_not_grow_unless_it_is_used() {
        let mut window = Window::new();
        for _ in 0..10 {
            window.on_acked(4);
        }
        assert_eq!(window.size, WINDOW_START);
        window.on_acked(5);
        assert_eq!(window.size, WINDOW_START + 1);
    }

    #[test]
    fn it_stays_between_its_limits() {
        let mut window = Window::new();
        for _ in 0..1000 {
            window.on_acked(64);
        }
        assert_eq!(window.size, WINDOW_MAX);
        for n in 0..100 {
            window.on_lost(n, n + 1);
        }
        assert_eq!(window.size, WINDOW_MIN);
        assert!(window.allows(WINDOW_MIN as usize - 1));
        assert!(!window.allows(WINDOW_MIN as usize));
    }
}
