//! The server's loop.

use super::guest::Guest;
use super::output::Output as Screen;
use super::reactor::{Reactor, SOCKET, STDOUT, Signal};
use super::socket::Socket;
use super::trace::Trace;
use super::{Fault, ambient, bind_fault, paths, store_fault};
use crate::model::limits::{ENTROPY, STORE_ROUNDS_MAX};
use crate::model::{Full, Instant, Now, Store as _};
use crate::secure::{Fingerprint, Ratchet};
use crate::server::{Config, Event, Output, Rates, Server};
use crate::shell::Exit;
use crate::store::ServerStore;
use crate::wire::Row;
use crate::wire::row::Status;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What `serve` may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// Where it listens.
    pub bind: IpAddr,
    /// The port it listens on.
    pub port: u16,
    /// The server's own directory; else the user's data directory.
    pub data: Option<PathBuf>,
    /// Whether keys are told to who asks.
    pub quiet: bool,
    /// Whether datagrams are carried between clients who cannot reach each other.
    pub relay: bool,
    /// What the console shows beyond the usual.
    pub extras: Extras,
    /// How fast each identity may ask; only a measurement changes it.
    pub rates: Rates,
    /// Where packets are written down.
    pub trace: Option<PathBuf>,
}

/// What a console may show beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// The text of group messages.
    pub log_text: bool,
    /// The table after each change.
    pub show_table: bool,
}

/// Serves until a signal ends it.
#[must_use]
pub fn run(options: &ServeOptions) -> Exit {
    match Loop::open(options) {
        Ok(serving) => serving.run(),
        Err(fault) => fault.report(),
    }
}

/// A server that lives in somebody else's loop, and says nothing on the console.
pub(super) struct House {
    pub(super) guest: Box<dyn Guest>,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

pub(super) fn guest(options: &ServeOptions) -> Result<House, Fault> {
    let mut serving = Loop::open(options)?;
    let address = SocketAddr::new(options.bind, options.port);
    let failed = |error: io::Error| bind_fault(address, &error);
    let address = serving.socket.local_address().map_err(failed)?;
    let silence = OpenOptions::new().write(true).open("/dev/null");
    serving.screen = Screen::new(silence.map_err(failed)?.into(), STDOUT);
    serving.drain(serving.reactor.now());
    Ok(House {
        guest: Box::new(serving),
        address,
    })
}

impl Guest for Loop {
    fn descriptor(&self) -> RawFd {
        self.reactor.descriptor()
    }

    fn due_in(&self) -> Duration {
        self.deadline().since(self.reactor.now().instant)
    }

    fn turn(&mut self) {
        self.hurry = true;
        // Signals are the host's; a socket that fails is a server that does not answer.
        Self::turn(self).ok();
    }
}

struct Loop {
    reactor: Reactor,
    socket: Socket,
    screen: Screen,
    server: Server,
    store: ServerStore,
    trace: Option<Trace>,
    show_table: bool,
    entropy: Instant,
    /// The core and its store were not yet done with each other.
    unfinished: bool,
    /// Somebody else waits for it: it never does.
    hurry: bool,
    /// Dropped last: the store is closed before somebody else may open it.
    _data: paths::ServerData,
}

impl Loop {
    fn open(options: &ServeOptions) -> Result<Self, Fault> {
        let address = SocketAddr::new(options.bind, options.port);
        let failed = |error: io::Error| bind_fault(address, &error);
        let reactor = Reactor::new().map_err(failed)?;
        let socket = Socket::bind(address, reactor.registry(), SOCKET).map_err(failed)?;
        let data = paths::ServerData::open(options.data.as_deref())?;
        let identity = data.identity()?;
        let trace = options.trace.as_deref().map(Trace::create).transpose()?;
        let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
        let mut ratchet = Ratchet::new(ambient::random());
        let path = paths::store(options.data.as_deref(), None)?;
        let wake = reactor.waker().map_err(failed)?;
        let store = ServerStore::open(&path, ratchet.u64(), wake)
            .map_err(|error| store_fault(&path, &error))?;
        let config = Config {
            quiet: options.quiet,
            relay: options.relay,
            trace: trace.is_some(),
            log_text: options.extras.log_text,
            rates: options.rates,
            store: store.id(),
        };
        let mut screen = Screen::new(stdout, STDOUT);
        let (ip, port) = (options.bind, socket.local_address().map_err(failed)?.port());
        let fingerprint = Fingerprint::of(&identity.identity());
        let started = format!(
            "[Server started at {ip} on port {port}]\n[Start listening...]\n  \
             join with --server-key \"{fingerprint}\" to be sure of this server\n"
        );
        screen.print(&started, 0);
        Ok(Self {
            entropy: reactor.now().instant + ENTROPY,
            reactor,
            socket,
            screen,
            server: Server::new(config, Arc::new(identity), ratchet),
            store,
            trace,
            show_table: options.extras.show_table,
            unfinished: false,
            hurry: false,
            _data: data,
        })
    }

    fn run(mut self) -> Exit {
        let exit = self.serve();
        self.store.flush();
        let Self {
            mut screen,
            socket,
            store,
            _data: data,
            ..
        } = self;
        // When it says that it has stopped another may start.
        drop((socket, store, data));
        match exit {
            // The terminal has written `^C`: the line stands in its place.
            Ok(Exit::Interrupted) if io::stdout().is_terminal() => {
                screen.print("\r[Server stopped.]\n", 0);
            }
            Ok(_) => screen.print("[Server stopped.]\n", 0),
            Err(_) => {}
        }
        screen.finish();
        exit.unwrap_or_else(|error| {
            Fault::new(Exit::No, &format!("The server ends: {error}.")).report()
        })
    }

    fn serve(&mut self) -> io::Result<Exit> {
        let now = self.reactor.now();
        self.drain(now);
        loop {
            match self.turn()? {
                None if self.screen.is_closed() => return Ok(Exit::Done),
                None => {}
                Some(exit) => return Ok(exit),
            }
        }
    }

    fn turn(&mut self) -> io::Result<Option<Exit>> {
        self.screen.write(self.reactor.registry());
        let until = if self.hurry {
            Instant(0)
        } else {
            self.deadline()
        };
        let woken = self.reactor.wait(Some(until))?;
        match woken.signal {
            Some(Signal::Deadly(_) | Signal::Interrupt) => return Ok(Some(Exit::Interrupted)),
            Some(Signal::Terminate) => return Ok(Some(Exit::Done)),
            None => {}
        }
        let now = woken.now;
        if woken.socket {
            self.socket.wake();
        }
        self.socket
            .receive(|from, bytes| self.server.handle_datagram(now, from, bytes));
        if self.entropy <= now.instant {
            self.server.handle_entropy(&ambient::random());
            self.entropy = now.instant + ENTROPY;
        }
        if self
            .server
            .deadline()
            .is_some_and(|deadline| deadline <= now.instant)
        {
            self.server.handle_timeout(now);
        }
        self.drain(now);
        self.socket.flush(self.reactor.registry())?;
        if let Some(trace) = &mut self.trace {
            trace.flush();
        }
        Ok(None)
    }

    fn deadline(&self) -> Instant {
        if self.unfinished || self.socket.is_ready() {
            return Instant(0);
        }
        let deadline = self.server.deadline();
        deadline.map_or(self.entropy, |deadline| deadline.min(self.entropy))
    }

    /// Does what is to be done, and lets the store answer, until both are quiet.
    fn drain(&mut self, now: Now) {
        self.unfinished = true;
        for _ in 0..STORE_ROUNDS_MAX {
            self.drain_outputs(now);
            self.store.flush();
            let mut answered = false;
            while let Some(event) = self.store.poll() {
                self.server.handle_store(now, event);
                answered = true;
            }
            if !answered {
                self.unfinished = false;
                return;
            }
        }
    }

    fn drain_outputs(&mut self, now: Now) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Event(event) => self.on_event(&event),
                Output::Store(ticket, request) => {
                    if let Err(Full(ticket, request)) = self.store.submit(ticket, request) {
                        self.server.handle_store_full(now, ticket, request);
                    }
                }
                Output::Trace(traced) => {
                    if let Some(trace) = &mut self.trace {
                        trace.push(&traced, now.wall.unix_ms);
                    }
                }
                Output::Transmit(transmit) => self.socket.send(transmit),
            }
        }
    }

    fn on_event(&mut self, event: &Event) {
        for line in event.lines() {
            self.screen.print(&format!("{line}\n"), 0);
        }
        if self.show_table && *event == Event::TableChanged {
            for row in self.server.table() {
                self.screen.print(&format!("{}\n", table_line(&row)), 0);
            }
        }
    }
}

/// `[x IP:PORT STATUS]`, as clients show it.
fn table_line(row: &Row) -> String {
    let status = match row.status {
        Status::Online => "online",
        Status::Away => "away",
        Status::Left | Status::Released | Status::Silent | Status::TimedOut => "offline",
    };
    match row.address {
        Some(address) => format!("[{} {address} {status}]", row.name),
        None => format!("[{} - {status}]", row.name),
    }
}
