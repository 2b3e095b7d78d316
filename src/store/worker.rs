//! The thread of a store: what waits is committed together, told when it is durable, and a disk
//! that fails is tried again until it does not.

use super::Wake;
use super::disk::{self, Kind};
use super::error::{Failure, OpenError, Stage, handle_is_sound};
use crate::model::limits::{STORE_BATCH_MAX, STORE_FULL_PERCENT, STORE_PROBE, STORE_QUEUE_MAX};
use crate::model::{Full, Store, StoreTicket};
use nix::sys::signal::SigSet;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::sync::mpsc::{channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// One port in SQL. Everything it remembers of a transaction waits for `committed`.
pub(super) trait Engine: Send + 'static {
    /// What it is asked.
    type Request: Send;
    /// What it tells.
    type Event: Send;

    /// Does what needs no disk, between transactions; nothing if it needs one.
    fn at_once(
        &mut self,
        db: &Connection,
        ticket: StoreTicket,
        request: &Self::Request,
    ) -> Option<Vec<Self::Event>> {
        let _ = (db, ticket, request);
        None
    }
    /// True if the file lags behind what was done at once: a commit comes soon, asked for or not.
    fn owes(&self) -> bool {
        false
    }
    /// A transaction begins. `has_room`: what needs room may be taken.
    fn begin(&mut self, db: &Connection, has_room: bool) -> rusqlite::Result<()>;
    /// Does what is asked, and keeps the answer.
    fn apply(
        &mut self,
        db: &Connection,
        ticket: StoreTicket,
        request: &Self::Request,
    ) -> rusqlite::Result<()>;
    /// The last thing before the commit.
    fn finish(&mut self, db: &Connection) -> rusqlite::Result<()>;
    /// It is durable: everything it has to tell.
    fn committed(&mut self, db: &Connection) -> Vec<Self::Event>;
    /// It did not happen.
    fn rolled_back(&mut self);
    /// The answer to a request whose transaction failed.
    fn failed(
        &self,
        db: Option<&Connection>,
        ticket: StoreTicket,
        request: &Self::Request,
        failure: Failure,
    ) -> Self::Event;
    /// What it tells when it can or cannot write; nothing if nobody wants to know.
    fn health(writes: bool) -> Option<Self::Event>;
    /// True for the one answer to a ticket.
    fn is_reply(event: &Self::Event) -> bool;
}

type Asked<E> = (StoreTicket, <E as Engine>::Request);

/// The loop's end of a store.
pub(super) struct Handle<E: Engine> {
    waiting: Vec<Asked<E>>,
    /// Submitted, and not answered yet.
    open: usize,
    to_thread: Option<SyncSender<Vec<Asked<E>>>>,
    from_thread: Receiver<Vec<E::Event>>,
    told: VecDeque<E::Event>,
    thread: Option<JoinHandle<()>>,
}

impl<E: Engine> Handle<E> {
    /// Starts the thread.
    #[expect(
        clippy::disallowed_methods,
        reason = "a disk can only block: it gets a thread, and nothing else does"
    )]
    pub(super) fn start(
        path: &Path,
        kind: &'static Kind,
        db: Connection,
        engine: E,
        wake: Wake,
    ) -> Result<Self, OpenError> {
        // No more batches than requests may wait, so that sending never blocks.
        let (to_thread, asked) = sync_channel(STORE_QUEUE_MAX);
        let (tell, from_thread) = channel();
        let worker = Worker {
            engine,
            disk: Disk {
                path: path.to_owned(),
                kind,
                db: Some(db),
                writes: true,
                told_writes: true,
                tried: None,
            },
            asked,
            tell,
            wake,
            waiting: VecDeque::new(),
        };
        let thread = thread::Builder::new().name("store".to_owned());
        Ok(Self {
            waiting: Vec::new(),
            open: 0,
            to_thread: Some(to_thread),
            from_thread,
            told: VecDeque::new(),
            thread: Some(thread.spawn(move || {
                // Signals are the loop's: one that stops the program must find it there.
                SigSet::all().thread_block().ok();
                worker.run();
            })?),
        })
    }
}

impl<E: Engine> Store for Handle<E> {
    type Request = E::Request;
    type Event = E::Event;

    fn submit(&mut self, ticket: StoreTicket, request: E::Request) -> Result<(), Full<E::Request>> {
        if self.open >= STORE_QUEUE_MAX {
            return Err(Full(ticket, request));
        }
        self.open += 1;
        self.waiting.push((ticket, request));
        Ok(())
    }

    /// Hands what was submitted to the thread.
    fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.waiting);
        let to_thread = self.to_thread.as_ref().expect("it is open until dropped");
        assert!(to_thread.try_send(batch).is_ok(), "{ALIVE}");
    }

    fn poll(&mut self) -> Option<E::Event> {
        if self.told.is_empty() {
            match self.from_thread.try_recv() {
                Ok(told) => self.told.extend(told),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => panic!("{ALIVE}"),
            }
        }
        let event = self.told.pop_front()?;
        if E::is_reply(&event) {
            assert!(self.open > 0, "one reply for each ticket");
            self.open -= 1;
        }
        Some(event)
    }
}

const ALIVE: &str = "the store's thread lives as long as its handle, and its queue has room";

/// What was flushed is still committed; what was only submitted is forgotten.
impl<E: Engine> Drop for Handle<E> {
    fn drop(&mut self) {
        self.to_thread = None;
        if let Some(thread) = self.thread.take() {
            // It has panicked: that was told on stderr, and there is nothing to wait for.
            thread.join().ok();
        }
    }
}

/// The thread's end.
struct Worker<E: Engine> {
    engine: E,
    disk: Disk,
    asked: Receiver<Vec<Asked<E>>>,
    tell: Sender<Vec<E::Event>>,
    wake: Wake,
    waiting: VecDeque<Asked<E>>,
}

/// The file, and how it is.
struct Disk {
    path: PathBuf,
    kind: &'static Kind,
    /// None: it failed, and is to be opened anew.
    db: Option<Connection>,
    /// It took the last commit, and has room.
    writes: bool,
    /// What was told last.
    told_writes: bool,
    /// When it was last tried whether it can be written to again.
    tried: Option<Instant>,
}

impl<E: Engine> Worker<E> {
    fn run(mut self) {
        self.disk.writes = disk::reserve(&self.disk.path, self.disk.kind).is_ok();
        let told = self.judge();
        self.tell(told);
        while self.receive() {
            self.hurry();
            while !self.waiting.is_empty() {
                self.gather();
                if self.waiting.is_empty() {
                    break;
                }
                let count = self.waiting.len().min(STORE_BATCH_MAX);
                let batch: Vec<Asked<E>> = self.waiting.drain(..count).collect();
                let mut told = self.commit(&batch);
                // Under load the pause in which a sick disk is tried again may never come.
                self.disk.heal(clock());
                told.extend(self.judge());
                self.tell(told);
            }
        }
        if let Some(db) = self.disk.db {
            disk::close(db, self.disk.kind);
        }
    }

    /// Waits for requests, and meanwhile for a sick disk to heal. False: nobody will ask any more.
    fn receive(&mut self) -> bool {
        loop {
            let received = if !self.disk.writes {
                self.asked.recv_timeout(self.disk.heals_in(clock()))
            } else if self.engine.owes() {
                self.asked.recv_timeout(STORE_PROBE)
            } else {
                let gone = |_| RecvTimeoutError::Disconnected;
                self.asked.recv().map_err(gone)
            };
            match received {
                Ok(batch) => self.waiting.extend(batch),
                Err(RecvTimeoutError::Disconnected) => {
                    self.pay();
                    return false;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.pay();
                    self.disk.heal(clock());
                    let told = self.judge();
                    self.tell(told);
                    continue;
                }
            }
            return true;
        }
    }

    /// Takes what came meanwhile into the same commit.
    fn gather(&mut self) {
        while self.waiting.len() < STORE_BATCH_MAX
            && let Ok(batch) = self.asked.try_recv()
        {
            self.waiting.extend(batch);
        }
        self.hurry();
    }

    /// What needs no disk does not wait for those who do.
    fn hurry(&mut self) {
        let Some(db) = &self.disk.db else { return };
        let mut told = Vec::new();
        let engine = &mut self.engine;
        self.waiting.retain(|(ticket, request)| {
            let done = engine.at_once(db, *ticket, request);
            let waits = done.is_none();
            told.extend(done.into_iter().flatten());
            waits
        });
        self.tell(told);
    }

    /// The file catches up.
    fn pay(&mut self) {
        if self.engine.owes() && self.disk.writes {
            let told = self.commit(&[]);
            self.tell(told);
        }
    }

    fn tell(&self, told: Vec<E::Event>) {
        // Nobody hears the last words of a store whose handle is being dropped.
        if !told.is_empty() && self.tell.send(told).is_ok() {
            (self.wake)();
        }
    }

    fn commit(&mut self, batch: &[Asked<E>]) -> Vec<E::Event> {
        let wrote = self.disk.writes;
        let mut failure = match self.try_commit(batch) {
            Ok(told) => return told,
            Err(failure) => failure,
        };
        // One that asks too much must not spoil the others. Of a failed sync nobody can say what is
        // on disk: then all of it is unknown.
        if batch.len() > 1 && failure != Failure::Unknown && self.disk.db.is_some() {
            self.disk.writes = wrote;
            return batch.chunks(1).flat_map(|one| self.commit(one)).collect();
        }
        if failure == Failure::Full && self.disk.make_room() {
            // Now nothing new is taken: what needs no room is done, the rest is refused.
            let again = self.try_commit(batch);
            self.disk.heal(clock());
            failure = match again {
                Ok(told) => return told,
                Err(failure) => failure,
            };
        }
        let db = self.disk.db.as_ref();
        let answer =
            |(ticket, request): &Asked<E>| self.engine.failed(db, *ticket, request, failure);
        batch.iter().map(answer).collect()
    }

    fn try_commit(&mut self, batch: &[Asked<E>]) -> Result<Vec<E::Event>, Failure> {
        let (engine, disk) = (&mut self.engine, &mut self.disk);
        let db = disk.db.as_ref().ok_or(Failure::Unwritable)?;
        let work = |engine: &mut E| {
            db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            engine.begin(db, disk.writes && has_room(db, disk.kind)?)?;
            for (ticket, request) in batch {
                engine.apply(db, *ticket, request)?;
            }
            engine.finish(db)
        };
        let done = match work(engine) {
            Ok(()) => db
                .prepare_cached("COMMIT")
                .and_then(|mut commit| commit.execute([]))
                .map_err(|error| (error, Stage::Commit)),
            Err(error) => Err((error, Stage::Work)),
        };
        let Err((error, stage)) = done else {
            return Ok(engine.committed(db));
        };
        engine.rolled_back();
        disk.fail(&error);
        Err(Failure::of(&error, stage))
    }

    /// Tells whether it can be written to, if that has changed.
    fn judge(&mut self) -> Vec<E::Event> {
        let room = |db| has_room(db, self.disk.kind).unwrap_or(false);
        let writes = self.disk.writes && self.disk.db.as_ref().is_some_and(room);
        let changed = writes != self.disk.told_writes;
        self.disk.told_writes = writes;
        self.disk.writes = writes;
        let health = changed.then(|| E::health(writes)).flatten();
        health.into_iter().collect()
    }
}

impl Disk {
    /// A transaction failed: it is undone, and a handle that cannot be trusted is closed.
    fn fail(&mut self, error: &rusqlite::Error) {
        self.writes = false;
        let Some(db) = &self.db else { return };
        // It may have been rolled back by itself: then this fails, and nothing is wrong.
        db.execute_batch("ROLLBACK").ok();
        if !db.is_autocommit() || !handle_is_sound(error) {
            self.db = None;
        }
    }

    /// Opens what was closed, sets room aside again, and tries a commit; seldom, because on a full
    /// disk that may succeed between any two commits that do not.
    fn heal(&mut self, now: Instant) {
        if self.writes || !self.heals_in(now).is_zero() {
            return;
        }
        self.tried = Some(now);
        if self.db.is_none() {
            self.db = disk::reopen(&self.path, self.kind).ok();
        }
        let Some(db) = &self.db else { return };
        let has_room = has_room(db, self.kind).unwrap_or(false);
        if !has_room || disk::reserve(&self.path, self.kind).is_err() {
            return;
        }
        match probe(db) {
            Ok(()) => self.writes = true,
            Err(error) => self.fail(&error),
        }
    }

    /// How long until it may be tried again.
    fn heals_in(&self, now: Instant) -> Duration {
        self.tried.map_or(Duration::ZERO, |tried| {
            STORE_PROBE.saturating_sub(now.saturating_duration_since(tried))
        })
    }

    /// Gives the room that was set aside to what has to go on: settling, coming and going.
    fn make_room(&self) -> bool {
        let reserved = disk::release(&self.path);
        let recycled = self
            .db
            .as_ref()
            .is_some_and(|db| disk::checkpoint(db).is_ok());
        reserved || recycled
    }
}

/// Settling and forgetting must still work when nothing new is taken.
fn has_room(db: &Connection, kind: &Kind) -> rusqlite::Result<bool> {
    Ok(disk::used_bytes(db)? < kind.bytes_max / 100 * STORE_FULL_PERCENT as u64)
}

/// A commit.
fn probe(db: &Connection) -> rusqlite::Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO meta(key, value) VALUES ('probe', 0)",
        [],
    )?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread has no loop whose time could be an argument"
)]
fn clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::server::KIND;
    use rusqlite::ffi::{self, SQLITE_FULL};

    #[test]
    fn a_disk_that_fails_again_and_again_is_tried_once_a_second() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let db = disk::open(&path, &KIND, |_| Ok(())).unwrap();
        let mut disk = Disk {
            path,
            kind: &KIND,
            db: Some(db),
            writes: true,
            told_writes: true,
            tried: None,
        };
        let full = rusqlite::Error::SqliteFailure(ffi::Error::new(SQLITE_FULL), None);
        let (first, moment) = (clock(), Duration::from_millis(1));
        let next = first + STORE_PROBE;
        let almost = first + STORE_PROBE.saturating_sub(moment);
        for (at, writes) in [
            (first, true),
            (first, false),
            (almost, false),
            (next, true),
            (next + moment, false),
            (next + STORE_PROBE, true),
        ] {
            disk.fail(&full);
            assert!(!disk.writes);
            disk.heal(at);
            assert_eq!(disk.writes, writes, "{:?}", at - first);
        }
    }
}
