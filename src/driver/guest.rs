//! Programs that live in the client's loop: one wait for all of them.

use std::os::fd::RawFd;
use std::time::Duration;

/// A loop inside a loop: its own `epoll` descriptor is one more source of the host's.
pub trait Guest {
    /// Ready whenever it has something to do.
    fn descriptor(&self) -> RawFd;

    /// When it has something to do without being asked; zero if at once.
    fn due_in(&self) -> Duration;

    /// Does what there is to do, without waiting.
    fn turn(&mut self);
}
