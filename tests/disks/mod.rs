//! What the cases of both ports are told to: a model in memory, and SQLite in a directory of its
//! own.

use ackchat::memory::{ClientMemory, ServerMemory};
use ackchat::model::{Full, Store, StoreTicket};
use ackchat::store::Wake;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

/// A store that can be closed and opened again.
pub(crate) trait Disk: Store {
    /// Returns when there may be more to poll.
    fn wait(&mut self);
    fn reopen(&mut self);
    /// Takes all room away, or gives it back.
    fn fill(&mut self, full: bool);

    /// The next thing told.
    fn next(&mut self) -> Self::Event {
        loop {
            match self.poll() {
                None => self.wait(),
                Some(told) => return told,
            }
        }
    }
}

impl Disk for ClientMemory {
    fn wait(&mut self) {
        panic!("memory answers at once");
    }

    fn reopen(&mut self) {
        Self::reopen(self);
    }

    fn fill(&mut self, full: bool) {
        self.set_full(full);
    }
}

impl Disk for ServerMemory {
    fn wait(&mut self) {
        panic!("memory answers at once");
    }

    fn reopen(&mut self) {
        Self::reopen(self);
    }

    fn fill(&mut self, full: bool) {
        self.set_full(full);
    }
}

/// How a store is opened: with room or as if it were full.
type Open<S> = fn(&Path, Wake, bool) -> S;

/// SQLite in a directory of its own.
pub(crate) struct File<S> {
    /// None only while it is opened anew.
    store: Option<S>,
    woken: Receiver<()>,
    directory: TempDir,
    open: Open<S>,
}

impl<S: Store> File<S> {
    pub(crate) fn new(open: Open<S>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut file = Self {
            store: None,
            woken: channel().1,
            directory,
            open,
        };
        file.fill(false);
        file
    }

    fn store(&mut self) -> &mut S {
        self.store.as_mut().unwrap()
    }
}

impl<S: Store> Store for File<S> {
    type Request = S::Request;
    type Event = S::Event;

    fn submit(&mut self, ticket: StoreTicket, request: S::Request) -> Result<(), Full<S::Request>> {
        self.store().submit(ticket, request)
    }

    fn flush(&mut self) {
        self.store().flush();
    }

    fn poll(&mut self) -> Option<S::Event> {
        self.store().poll()
    }
}

impl<S: Store> Disk for File<S> {
    fn wait(&mut self) {
        self.woken.recv_timeout(Duration::from_mins(1)).unwrap();
    }

    fn reopen(&mut self) {
        self.fill(false);
    }

    fn fill(&mut self, full: bool) {
        // One handle at a time.
        self.store = None;
        let (wake, woken) = channel();
        // Nobody listens any more when the store is closed.
        let wake = Box::new(move || wake.send(()).unwrap_or_default());
        let path = self.directory.path().join("some.db");
        self.store = Some((self.open)(&path, wake, full));
        self.woken = woken;
    }
}
