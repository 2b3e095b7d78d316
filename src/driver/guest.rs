//! Programs that live in the client's loop: one wait for all of them.

use super::folder::Folder;
use super::host::tour::Tour;
use super::paths::Profile;
use crate::client::Event;
use crate::model::{MessageId, Name};
use crate::shell::Exit;
use mio::net::UnixStream;
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

    /// Hears what happens in the host's own client.
    fn notice(&mut self, _: &Event) {}

    /// How the host ends, if this has nothing more to do and the host is only for it.
    fn ended(&self) -> Option<Exit> {
        None
    }

    /// Messages that somebody has seen by this since the last call: who sent each, and its id.
    fn take_seen(&mut self) -> Vec<(Name, MessageId)> {
        Vec::new()
    }
}

/// Who shares a client's loop, and what is said before its first notice.
#[derive(Default)]
pub struct Company {
    /// Programs that live in it.
    pub guests: Vec<Box<dyn Guest>>,
    /// Hints that stand above everything.
    pub hints: Vec<String>,
    /// Says what to try next.
    pub tour: Option<Tour>,
    /// The profile, if it is open already.
    pub(super) profile: Option<Profile>,
    /// Programs that use the session and came with it.
    pub streams: Vec<UnixStream>,
    /// Where all of them keep what they keep, if nothing of it is to stay.
    pub(super) folder: Option<Folder>,
}
