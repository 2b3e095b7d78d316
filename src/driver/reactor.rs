//! The waiting of both loops: socket, signals and descriptors in one `poll`, the clock read once
//! after it.

use super::ambient::Ambient;
use crate::model::{Instant, Now};
use crate::store::Wake;
use mio::unix::SourceFd;
use mio::{Events, Poll, Registry, Token, Waker};
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};
use signal_hook_mio::v1_0::Signals;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// The socket's events.
pub const SOCKET: Token = Token(0);
/// Standard input's events.
pub const STDIN: Token = Token(1);
/// Standard output's events.
pub const STDOUT: Token = Token(2);
const SIGNALS: Token = Token(3);
const STORE: Token = Token(4);
/// Other loops inside this one: each is asked whenever one of them wakes.
const GUEST: Token = Token(5);
/// Pipes of other programs: each is asked whenever one of them wakes.
pub const CHILDREN: Token = Token(7);

/// Whoever wants to use a session; those who do have the tokens above.
pub const LISTENER: Token = Token(1 << 16);

/// Events that one turn takes from the kernel; the rest comes with the next.
const EVENTS_MAX: usize = 64;

/// Waits for the world.
pub struct Reactor {
    poll: Poll,
    events: Events,
    signals: Signals,
    ambient: Ambient,
    streams: Vec<Ready>,
}

/// A stream of a program that uses a session, or the listener of such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Which.
    pub token: Token,
    /// Something can be read, or nothing will ever come.
    pub readable: bool,
    /// There is room, or nobody reads any more.
    pub writable: bool,
}

/// What a turn begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Woken {
    /// The time of the whole turn.
    pub now: Now,
    /// A signal came; an interrupt wins over a request to end.
    pub signal: Option<Signal>,
    /// The socket has datagrams, or room.
    pub socket: bool,
    /// Something was typed.
    pub stdin: bool,
    /// A slow reader has caught up.
    pub stdout: bool,
    /// Something happened to the terminal.
    pub terminal: Option<Change>,
}

/// What happened to the terminal; the latter includes the former.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// SIGWINCH: it may have another size.
    Resized,
    /// SIGCONT: the program was stopped and goes on; somebody else had it meanwhile.
    Continued,
}

/// A signal as an event, the stronger one last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// SIGTERM: leave politely.
    Terminate,
    /// SIGINT, or Ctrl-C: leave at once.
    Interrupt,
    /// SIGHUP or SIGQUIT: restore the terminal, then die by it.
    Deadly(i32),
}

impl Reactor {
    /// Takes over SIGINT and SIGTERM. SIGHUP keeps its meaning where there is no terminal: it ends
    /// the program without a word, unless `nohup` said otherwise.
    ///
    /// # Errors
    /// If the kernel gives no descriptors.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        poll.registry()
            .register(&mut signals, SIGNALS, mio::Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            signals,
            ambient: Ambient::new(),
            streams: Vec::new(),
        })
    }

    /// Takes over what concerns a terminal, too: its modes have to be restored before the program
    /// dies by SIGHUP or SIGQUIT. SIGTSTP keeps its meaning.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch_terminal(&self) -> io::Result<()> {
        for signal in [SIGHUP, SIGQUIT, SIGWINCH, SIGCONT] {
            self.signals.add_signal(signal)?;
        }
        self.watch_children()
    }

    /// Ends the waiting when a process of ours ends.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch_children(&self) -> io::Result<()> {
        self.signals.add_signal(SIGCHLD)
    }

    /// Watches another loop's descriptor, which is ready whenever that loop has something to do.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch_guest(&self, descriptor: RawFd) -> io::Result<()> {
        let mut source = SourceFd(&descriptor);
        self.registry()
            .register(&mut source, GUEST, mio::Interest::READABLE)
    }

    /// This loop's own descriptor, for a loop around it.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    /// Where sources are registered.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// What ends the waiting when a store has something to tell.
    ///
    /// # Errors
    /// If the kernel gives no descriptor.
    pub fn waker(&self) -> io::Result<Wake> {
        let waker = Waker::new(self.poll.registry(), STORE)?;
        Ok(Box::new(move || {
            // If this fails the answer is found when the next thing happens.
            waker.wake().ok();
        }))
    }

    /// The streams of which the last wait told.
    pub fn take_streams(&mut self) -> Vec<Ready> {
        std::mem::take(&mut self.streams)
    }

    /// The time before the first turn.
    #[must_use]
    pub fn now(&self) -> Now {
        self.ambient.now()
    }

    /// Waits until something happens, at most until the deadline.
    ///
    /// # Errors
    /// If the kernel fails.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<Woken> {
        let timeout = until.map(|until| round_up(until.since(self.ambient.now().instant)));
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            other => other?,
        }
        let mut woken = Woken {
            now: self.ambient.now(),
            signal: None,
            socket: false,
            stdin: false,
            stdout: false,
            terminal: None,
        };
        for event in &self.events {
            match event.token() {
                SOCKET => woken.socket = true,
                STDIN => woken.stdin = true,
                STDOUT => woken.stdout = true,
                token if token >= LISTENER => self.streams.push(Ready {
                    token,
                    readable: event.is_readable() || event.is_read_closed(),
                    writable: event.is_writable() || event.is_write_closed(),
                }),
                _ => {}
            }
        }
        for signal in self.signals.pending() {
            let signal = match signal {
                // It only ends the waiting: whoever has a child asks for it.
                SIGCHLD => None,
                SIGCONT => {
                    woken.terminal = Some(Change::Continued);
                    None
                }
                SIGINT => Some(Signal::Interrupt),
                SIGTERM => Some(Signal::Terminate),
                SIGWINCH => {
                    woken.terminal = woken.terminal.max(Some(Change::Resized));
                    None
                }
                other => Some(Signal::Deadly(other)),
            };
            woken.signal = woken.signal.max(signal);
        }
        Ok(woken)
    }
}

/// epoll counts whole milliseconds: waiting a little too long is one turn, a little too short is
/// two.
fn round_up(duration: Duration) -> Duration {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    Duration::from_millis(micros.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_woken_too_early() {
        for (micros, ms) in [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2)] {
            assert_eq!(
                round_up(Duration::from_micros(micros)),
                Duration::from_millis(ms)
            );
        }
        let mut reactor = Reactor::new().unwrap();
        let until = reactor.now().instant + Duration::from_micros(1500);
        assert!(reactor.wait(Some(until)).unwrap().now.instant >= until);
    }
}
