//! One of the cast of a test over sockets: a client or a server with its socket and its store, as
//! the loop of a stage turns it.

use crate::client::port::StoreRequest;
use crate::client::{Client, Config};
use crate::driver::ambient;
use crate::driver::output;
use crate::driver::socket::Socket;
use crate::model::limits::{ENTROPY, STORE_ROUNDS_MAX};
use crate::model::{Full, GroupName, Instant, Now, Store as _, StoreTicket};
use crate::script::cast::{Outcome, Part, ServerPart, Who};
use crate::script::runner::Runner;
use crate::secure::{Identity, Ratchet};
use crate::server::{self, Server};
use crate::shell::fields::{self, Fact};
use crate::shell::{self, LineId, Settings, Shell, records};
use crate::store::{ClientStore, OpenError, ServerStore, Wake};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// One of the cast.
pub(crate) struct Player {
    pub(crate) part: Part,
    pub(crate) identity: Arc<Identity>,
    /// Where it was when it last ran.
    pub(crate) address: SocketAddr,
    pub(crate) socket: Option<Socket>,
    /// Its store, which stays while it does not run.
    path: PathBuf,
    entropy: Instant,
    body: Body,
}

enum Body {
    Away,
    Client(Box<ClientBody>),
    Server(Box<ServerBody>),
}

struct ClientBody {
    shell: Shell,
    store: ClientStore,
    /// The line that stands for logging in, until its outcome.
    login: Option<LineId>,
    /// The runner's numbers of lines that have no outcome.
    lines: BTreeMap<LineId, u64>,
}

struct ServerBody {
    server: Server,
    store: ServerStore,
    groups: Vec<GroupName>,
}

/// Whether what is typed and shown is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prints {
    Nothing,
    Shown,
}

impl Player {
    /// One who does not run yet, with its store in this file.
    pub(crate) fn new(
        part: Part,
        identity: Arc<Identity>,
        address: SocketAddr,
        path: PathBuf,
    ) -> Self {
        Self {
            part,
            identity,
            address,
            socket: None,
            path,
            entropy: Instant::default(),
            body: Body::Away,
        }
    }

    /// The port that the script names.
    pub(crate) const fn port(&self) -> Option<u16> {
        match &self.part {
            Part::Client(part) => part.port,
            Part::Own => None,
            Part::Server(part) => part.port,
        }
    }

    pub(crate) fn start_client(
        &mut self,
        now: Now,
        (config, settings): (Config, Settings),
        wake: Wake,
    ) -> Result<(), OpenError> {
        let mut ratchet = Ratchet::new(ambient::random());
        let store = ClientStore::open(&self.path, ratchet.u32(), wake)?;
        let client = Client::new(config, Arc::clone(&self.identity), ratchet);
        let mut shell = Shell::new(settings, client);
        self.entropy = now.instant + ENTROPY;
        self.body = Body::Client(Box::new(ClientBody {
            login: Some(shell.start(now)),
            shell,
            store,
            lines: BTreeMap::new(),
        }));
        Ok(())
    }

    pub(crate) fn start_server(
        &mut self,
        now: Now,
        part: ServerPart,
        wake: Wake,
    ) -> Result<(), OpenError> {
        let mut ratchet = Ratchet::new(ambient::random());
        let store = ServerStore::open(&self.path, ratchet.u64(), wake)?;
        let config = server::Config {
            quiet: part.quiet,
            relay: part.relay,
            log_text: part.log_text,
            ..server::Config::new(store.id())
        };
        self.entropy = now.instant + ENTROPY;
        self.body = Body::Server(Box::new(ServerBody {
            server: Server::new(config, Arc::clone(&self.identity), ratchet),
            store,
            groups: Vec::new(),
        }));
        Ok(())
    }

    /// Types a line; false if nobody is there to take it.
    pub(crate) fn type_line(&mut self, now: Now, number: u64, text: &str) -> bool {
        let Body::Client(body) = &mut self.body else {
            return false;
        };
        let line = body.shell.handle_line(now, text);
        body.lines.insert(line, number);
        true
    }

    /// Says goodbye, if it is a client that runs.
    pub(crate) fn leave(&mut self, now: Now) {
        if let Body::Client(body) = &mut self.body {
            body.shell.handle_end(now);
        }
    }

    /// The process is gone.
    pub(crate) fn end(&mut self) {
        self.socket = None;
        self.body = Body::Away;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let socket = self.socket.as_ref()?;
        if socket.is_ready() {
            return Some(Instant::default());
        }
        let own = match &self.body {
            Body::Away => return None,
            Body::Client(body) => body.shell.deadline(),
            Body::Server(body) => body.server.deadline(),
        };
        Some(own.map_or(self.entropy, |own| own.min(self.entropy)))
    }

    /// Datagrams, timers, randomness.
    pub(crate) fn hear(&mut self, now: Now) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        let stir = self.entropy <= now.instant;
        match &mut self.body {
            Body::Away => {}
            Body::Client(body) => {
                let shell = &mut body.shell;
                socket.receive(|from, bytes| shell.handle_datagram(now, from, bytes));
                if stir {
                    shell.handle_entropy(&ambient::random());
                }
                if shell.deadline().is_some_and(|at| at <= now.instant) {
                    shell.handle_timeout(now);
                }
            }
            Body::Server(body) => {
                let server = &mut body.server;
                socket.receive(|from, bytes| server.handle_datagram(now, from, bytes));
                if stir {
                    server.handle_entropy(&ambient::random());
                }
                if server.deadline().is_some_and(|at| at <= now.instant) {
                    server.handle_timeout(now);
                }
            }
        }
        if stir {
            self.entropy = now.instant + ENTROPY;
        }
    }

    /// Does what is to be done, and lets the store answer, until both are quiet. What is seen goes
    /// to the runner.
    pub(crate) fn drain(&mut self, now: Now, who: Who, runner: &mut Runner<'_>, prints: Prints) {
        for _ in 0..STORE_ROUNDS_MAX {
            let answered = match &mut self.body {
                Body::Away => return,
                Body::Client(body) => {
                    match body.drain(now, who, &mut self.socket, (runner, prints)) {
                        Turn::Ended => return self.end(),
                        Turn::Answered => true,
                        Turn::Quiet => false,
                    }
                }
                Body::Server(body) => body.drain(now, who, &mut self.socket, runner),
            };
            if !answered {
                return;
            }
        }
    }

    pub(crate) fn records(&self, query: &str) -> Vec<Fact> {
        match &self.body {
            Body::Away => Vec::new(),
            Body::Client(body) => body.shell.records(query),
            Body::Server(body) => records::of_server(
                query,
                &body.server.table(),
                body.groups.iter(),
                &body.server.counters(),
            ),
        }
    }
}

/// How a round of a client went.
enum Turn {
    /// The store told something, or somebody was shown something.
    Answered,
    Ended,
    Quiet,
}

impl ClientBody {
    fn drain(
        &mut self,
        now: Now,
        who: Who,
        socket: &mut Option<Socket>,
        (runner, prints): (&mut Runner<'_>, Prints),
    ) -> Turn {
        let mut shown = 0;
        while let Some(output) = self.shell.poll_output() {
            match output {
                shell::Output::Edit(line, target) => {
                    let why = Err("there is no editor here");
                    self.shell.handle_edited(now, line, &target, why);
                }
                shell::Output::Fact(fact) => runner.handle_fact(now.instant, who, fact),
                shell::Output::Leave(exit) => {
                    self.store.flush();
                    let how = format!("ended with {}", exit.code());
                    runner.handle_gone(now.instant, who, &how);
                    return Turn::Ended;
                }
                shell::Output::Settled(line, outcome) => {
                    let outcome = Outcome::from(&outcome);
                    if self.login == Some(line) {
                        self.login = None;
                        let ready = match outcome {
                            Outcome::Done(_) => Ok(()),
                            Outcome::Failed(code, words) => Err((code, words)),
                        };
                        runner.handle_ready(now.instant, who, ready);
                    } else if let Some(number) = self.lines.remove(&line) {
                        runner.handle_settled(now.instant, who, number, outcome);
                    }
                }
                shell::Output::Show(show) => {
                    shown += show.messages;
                    if prints == Prints::Shown {
                        output::say(&format!("{}\n", show.text));
                    }
                    for fact in fields::of_shown(&show.text) {
                        runner.handle_fact(now.instant, who, fact);
                    }
                }
                shell::Output::Store(ticket, request) => self.submit(ticket, request),
                // A script is no place to record from, and packets are not asked for.
                // Nobody but the script asks for anything, and nothing else runs.
                shell::Output::Answer(..)
                | shell::Output::Aside(_)
                | shell::Output::Clear
                | shell::Output::Chore(_)
                | shell::Output::Record(..)
                | shell::Output::Trace(_) => {}
                shell::Output::Transmit(transmit) => {
                    if let Some(socket) = socket {
                        socket.send(transmit);
                    }
                }
                shell::Output::Write { line, file, .. } => {
                    let why = "a script writes no files".to_owned();
                    self.shell.handle_written(line, &file, Err(why));
                }
            }
        }
        if shown > 0 {
            self.shell.handle_shown(now, shown);
        }
        self.store.flush();
        let mut answered = shown > 0;
        while let Some(event) = self.store.poll() {
            self.shell.handle_store(now, event);
            answered = true;
        }
        if answered {
            Turn::Answered
        } else {
            Turn::Quiet
        }
    }

    /// A test asks for less than a queue holds.
    fn submit(&mut self, ticket: StoreTicket, request: StoreRequest) {
        let submitted = self.store.submit(ticket, request);
        assert!(submitted.is_ok(), "a few lines do not fill a store's queue");
    }
}

impl ServerBody {
    /// True if the store told something.
    fn drain(
        &mut self,
        now: Now,
        who: Who,
        socket: &mut Option<Socket>,
        runner: &mut Runner<'_>,
    ) -> bool {
        while let Some(output) = self.server.poll_output() {
            match output {
                server::Output::Event(event) => {
                    if let server::Event::Groups { groups } = &event {
                        self.groups = groups.iter().map(|(group, _)| group.clone()).collect();
                    }
                    let lines = event.lines();
                    let shown = lines.iter().flat_map(|line| fields::of_shown(line));
                    for fact in fields::of_server_event(&event).into_iter().chain(shown) {
                        runner.handle_fact(now.instant, who, fact);
                    }
                }
                server::Output::Store(ticket, request) => {
                    if let Err(Full(ticket, request)) = self.store.submit(ticket, request) {
                        self.server.handle_store_full(now, ticket, request);
                    }
                }
                server::Output::Trace(_) => {}
                server::Output::Transmit(transmit) => {
                    if let Some(socket) = socket {
                        socket.send(transmit);
                    }
                }
            }
        }
        self.store.flush();
        let mut answered = false;
        while let Some(event) = self.store.poll() {
            self.server.handle_store(now, event);
            answered = true;
        }
        answered
    }
}
