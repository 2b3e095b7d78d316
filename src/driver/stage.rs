//! A test of a `.chat` file over loopback sockets: the same shells and servers, in real time, in
//! one loop; and a live file, which is one client at a real server.

use super::ambient::{self, Ambient};
use super::client::JoinOptions;
use super::paths::Profile;
use super::socket::Socket;
use super::{Fault, client, output};
use crate::client::port::StoreRequest;
use crate::client::{Arrivals, Client, Config};
use crate::memory::{ClientMemory, ServerMemory};
use crate::model::limits::{ENTROPY, LEAVE, STORE_ROUNDS_MAX};
use crate::model::{Full, Instant, Now, Store as _, StoreTicket};
use crate::script::cast::{ClientPart, Outcome, Part, ServerPart, Who};
use crate::script::report::TestReport;
use crate::script::runner::{self, Output, Runner};
use crate::script::tree::{File, Test};
use crate::script::{Code, Options};
use crate::secure::{Fingerprint, Identity, Ratchet};
use crate::server::{self, Server};
use crate::shell::fields::{self, Fact};
use crate::shell::{self, LineId, OnFailure, Settings, Shell, clean, records};
use mio::{Events, Poll, Token};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Events that one turn takes from the kernel; a test has few programs.
const EVENTS_MAX: usize = 64;
/// How long a turn waits at most, so that Ctrl-C and the limit of a test are noticed.
const TURN_MAX: Duration = Duration::from_millis(100);

/// A test that is carried out with real sockets.
pub struct Stage<'a> {
    poll: Poll,
    ambient: Ambient,
    runner: Runner<'a>,
    players: Vec<Player>,
    /// The ports of the script, and what the system gave instead.
    ports: BTreeMap<u16, u16>,
    /// How the one client of a live file is.
    own: Option<(JoinOptions, Arc<Identity>)>,
    /// What is typed and shown is printed.
    prints: bool,
}

/// One of the cast.
struct Player {
    part: Part,
    identity: Arc<Identity>,
    /// Where it was when it last ran.
    address: SocketAddr,
    socket: Option<Socket>,
    entropy: Instant,
    body: Body,
}

enum Body {
    Client {
        shell: Option<Box<Shell>>,
        store: Box<ClientMemory>,
        /// The line that stands for logging in, until its outcome.
        login: Option<LineId>,
        /// The runner's numbers of lines that have no outcome.
        lines: BTreeMap<LineId, u64>,
    },
    Server {
        server: Option<Box<Server>>,
        store: Box<ServerMemory>,
        groups: Vec<crate::model::GroupName>,
    },
}

impl<'a> Stage<'a> {
    /// For one test of a hermetic file.
    ///
    /// # Errors
    /// The kernel gives no descriptors.
    pub fn new(
        file: &'a File,
        test: &'a Test,
        options: &'a Options,
        seed: u64,
    ) -> io::Result<Self> {
        let own = runner::test_seed(seed, &test.name);
        Ok(Self {
            poll: Poll::new()?,
            ambient: Ambient::new(),
            runner: Runner::new(file, test, options, seed, own),
            players: Vec::new(),
            ports: BTreeMap::new(),
            own: None,
            prints: false,
        })
    }

    /// For one test of a live file.
    ///
    /// # Errors
    /// The profile is in use or cannot be read, or the kernel gives no descriptors.
    pub fn live(
        (file, test, options): (&'a File, &'a Test, &'a Options),
        seed: u64,
        join: &JoinOptions,
        profile: &Profile,
    ) -> Result<Self, Fault> {
        let identity = Arc::new(profile.identity()?);
        let stage = Self::new(file, test, options, seed);
        let mut stage = stage.map_err(|error| super::bind_fault(join.server, &error))?;
        stage.own = Some((join.clone(), identity));
        Ok(stage)
    }

    /// What is typed and shown is printed as it happens.
    #[must_use]
    pub const fn shown(mut self) -> Self {
        self.prints = true;
        self
    }

    /// Carries the test out. `is_late` is asked now and then whether time is up.
    #[must_use]
    pub fn play(mut self, is_late: &mut dyn FnMut() -> Option<String>) -> TestReport {
        self.runner.handle_start(self.ambient.now().instant);
        let mut events = Events::with_capacity(EVENTS_MAX);
        while self.turn(&mut events, is_late) {}
        self.leave(&mut events);
        self.runner.into_report()
    }

    /// One turn; false if the test is over.
    fn turn(&mut self, events: &mut Events, is_late: &mut dyn FnMut() -> Option<String>) -> bool {
        let now = self.ambient.now();
        self.runner.handle_timeout(now.instant);
        while let Some(output) = self.runner.poll_output() {
            self.perform(now, output);
        }
        if let Some(why) = is_late() {
            self.runner
                .handle_trouble(now.instant, Code::WallLimit, &why);
        }
        let Some(deadline) = self.runner.deadline() else {
            return false;
        };
        self.wait(events, deadline);
        true
    }

    /// Waits for the world and hands over what came.
    fn wait(&mut self, events: &mut Events, deadline: Instant) {
        let others = self.players.iter().filter_map(Player::deadline);
        let until = others.fold(deadline, Instant::min);
        let left = until.since(self.ambient.now().instant).min(TURN_MAX);
        let left_ms = u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(0);
        // An interrupted wait is a short one.
        if self
            .poll
            .poll(events, Some(Duration::from_millis(left_ms)))
            .is_err()
        {
            events.clear();
        }
        for event in &*events {
            let player = self.players.get_mut(event.token().0);
            if let Some(socket) = player.and_then(|player| player.socket.as_mut()) {
                socket.wake();
            }
        }
        let now = self.ambient.now();
        for number in 0..self.players.len() {
            self.players[number].hear(now);
            self.drain(now, Who(number));
        }
    }

    /// A client of a live file says goodbye; others just end.
    fn leave(&mut self, events: &mut Events) {
        if self.own.is_none() {
            return;
        }
        let now = self.ambient.now();
        let end = now.instant + LEAVE;
        for player in &mut self.players {
            if let Body::Client {
                shell: Some(shell), ..
            } = &mut player.body
            {
                shell.handle_end(now);
            }
        }
        self.drain(now, Who(0));
        while self.players.iter().any(|player| player.socket.is_some())
            && self.ambient.now().instant < end
        {
            self.wait(events, end);
        }
    }

    fn perform(&mut self, now: Now, output: Output) {
        match output {
            Output::Ask(who, query) => {
                let records = self.players[who.0].records(query);
                self.runner.handle_records(now.instant, records);
            }
            Output::Cast(_, _, part) => self.cast(part),
            // A test with one of these is not carried out here.
            Output::Crash(_) | Output::Disk(..) | Output::Net(_) => {}
            Output::Kill(who) => self.players[who.0].end(),
            Output::Start(who) => {
                if let Err((code, words)) = self.start(now, who) {
                    self.runner
                        .handle_ready(now.instant, who, Err((code, words)));
                }
                self.drain(now, who);
            }
            Output::Stop(who) => {
                self.players[who.0].end();
                let fact = Fact::new("server").with("action", "stopped");
                self.runner.handle_fact(now.instant, who, fact);
            }
            Output::Type(who, number, text) => {
                if let Body::Client {
                    shell: Some(shell),
                    lines,
                    ..
                } = &mut self.players[who.0].body
                {
                    if self.prints {
                        output::say(&format!(">>> {}\n", clean::line(&text)));
                    }
                    let line = shell.handle_line(now, &text);
                    lines.insert(line, number);
                } else {
                    let words = "the program does not run".to_owned();
                    let outcome = Outcome::Failed("no-session".to_owned(), words);
                    self.runner
                        .handle_settled(now.instant, who, number, outcome);
                }
                self.drain(now, who);
            }
        }
    }

    fn cast(&mut self, part: Part) {
        let mut ratchet = Ratchet::new(ambient::random());
        let identity = match &part {
            Part::Client(ClientPart {
                key_of: Some(of), ..
            }) => Arc::clone(&self.players[of.0].identity),
            Part::Own => match &self.own {
                Some((_, identity)) => Arc::clone(identity),
                None => Arc::new(Identity::from_seed(ratchet.draw())),
            },
            Part::Client(_) | Part::Server(_) => Arc::new(Identity::from_seed(ratchet.draw())),
        };
        let body = match &part {
            Part::Server(_) => Body::Server {
                server: None,
                store: Box::new(ServerMemory::new(ratchet.u64())),
                groups: Vec::new(),
            },
            Part::Client(_) | Part::Own => Body::Client {
                shell: None,
                store: Box::new(ClientMemory::new(ratchet.u32())),
                login: None,
                lines: BTreeMap::new(),
            },
        };
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let address = match (&part, &self.own) {
            (Part::Own, Some((join, _))) => client::local_address(join),
            _ => local,
        };
        self.players.push(Player {
            part,
            identity,
            address,
            socket: None,
            entropy: Instant::default(),
            body,
        });
    }

    /// Binds and begins; code and words if it cannot.
    fn start(&mut self, now: Now, who: Who) -> Result<(), (String, String)> {
        let wanted = self.players[who.0].port();
        let mut address = self.players[who.0].address;
        if let Some(known) = wanted.and_then(|wanted| self.ports.get(&wanted)) {
            address.set_port(*known);
        }
        let socket = Socket::bind(address, self.poll.registry(), Token(who.0));
        let bound = socket.and_then(|socket| Ok((socket.local_address()?, socket)));
        let (bound, socket) = match bound {
            Ok(bound) => bound,
            Err(error) => {
                let port = wanted.unwrap_or(address.port());
                self.tell_unbound(now, who, port, &error);
                return Err(("cannot-bind".to_owned(), error.to_string()));
            }
        };
        if let Some(wanted) = wanted {
            self.ports.insert(wanted, bound.port());
        }
        let player = &mut self.players[who.0];
        player.address.set_port(bound.port());
        player.socket = Some(socket);
        player.entropy = now.instant + ENTROPY;
        match player.part.clone() {
            Part::Client(part) => {
                let server = &self.players[part.server.0];
                let config = Config {
                    name: part.name,
                    server: server.address,
                    server_key: Some(Fingerprint::of(&server.identity.identity())),
                    group_private: part.settings.group_private,
                    stay: part.stay,
                    relay: part.relay,
                    trace: false,
                    arrivals: Arrivals::Take,
                };
                self.players[who.0].start_client(now, config, part.settings);
            }
            Part::Own => {
                if let Some((join, _)) = &self.own {
                    let settings = Settings {
                        on_failure: OnFailure::Show,
                        ..join.settings
                    };
                    let config = client::core_config(join);
                    self.players[who.0].start_client(now, config, settings);
                }
            }
            Part::Server(part) => {
                player.start_server(part);
                let shown = part.port.unwrap_or(bound.port());
                let facts = [
                    Fact::new("server").with("action", "listening"),
                    Fact::new("shown").with(
                        "text",
                        format!("[Server started at {} on port {shown}]", bound.ip()),
                    ),
                    Fact::new("shown").with("text", "[Start listening...]"),
                ];
                for fact in facts {
                    self.runner.handle_fact(now.instant, who, fact);
                }
                self.runner.handle_ready(now.instant, who, Ok(()));
            }
        }
        Ok(())
    }

    /// What the program says when it cannot bind.
    fn tell_unbound(&mut self, now: Now, who: Who, port: u16, error: &io::Error) {
        let address = SocketAddr::new(self.players[who.0].address.ip(), port);
        let fault = super::bind_fault(address, error);
        let closed = Fact::new("session")
            .with("state", "closed")
            .with("exit", fault.exit.code());
        for fact in [Fact::new("shown").with("text", fault.line), closed] {
            self.runner.handle_fact(now.instant, who, fact);
        }
    }

    /// Does what is to be done, and lets the store answer, until both are quiet.
    fn drain(&mut self, now: Now, who: Who) {
        for _ in 0..STORE_ROUNDS_MAX {
            let answered = match &self.players[who.0].body {
                Body::Client { .. } => self.drain_client(now, who),
                Body::Server { .. } => self.drain_server(now, who),
            };
            if !answered {
                break;
            }
        }
        if let Some(socket) = &mut self.players[who.0].socket {
            // A datagram that cannot be sent is a lost one.
            socket.flush(self.poll.registry()).ok();
        }
    }

    /// True if the store told something.
    fn drain_client(&mut self, now: Now, who: Who) -> bool {
        let Self {
            players,
            runner,
            prints,
            ..
        } = self;
        let Player { body, socket, .. } = &mut players[who.0];
        let Body::Client {
            shell: running,
            store,
            login,
            lines,
        } = body
        else {
            return false;
        };
        let Some(shell) = running else {
            return false;
        };
        let mut shown = 0;
        while let Some(output) = shell.poll_output() {
            match output {
                shell::Output::Edit(line, target) => {
                    shell.handle_edited(now, line, &target, Err("there is no editor here"));
                }
                shell::Output::Fact(fact) => runner.handle_fact(now.instant, who, fact),
                shell::Output::Leave(exit) => {
                    store.flush();
                    *running = None;
                    *socket = None;
                    lines.clear();
                    let how = format!("ended with {}", exit.code());
                    runner.handle_gone(now.instant, who, &how);
                    return false;
                }
                shell::Output::Settled(line, outcome) => {
                    let outcome = Outcome::from(&outcome);
                    if *login == Some(line) {
                        *login = None;
                        let ready = match outcome {
                            Outcome::Done(_) => Ok(()),
                            Outcome::Failed(code, words) => Err((code, words)),
                        };
                        runner.handle_ready(now.instant, who, ready);
                    } else if let Some(number) = lines.remove(&line) {
                        runner.handle_settled(now.instant, who, number, outcome);
                    }
                }
                shell::Output::Show(show) => {
                    shown += show.messages;
                    if *prints {
                        output::say(&format!("{}\n", show.text));
                    }
                    for fact in fields::of_shown(&show.text) {
                        runner.handle_fact(now.instant, who, fact);
                    }
                }
                shell::Output::Store(ticket, request) => submit(store, ticket, request),
                // A script is no place to record from, and packets are not asked for.
                // Nobody but the script asks for anything, and nothing else runs.
                shell::Output::Answer(..)
                | shell::Output::Aside(_)
                | shell::Output::Errand(_)
                | shell::Output::Record(..)
                | shell::Output::Trace(_) => {}
                shell::Output::Transmit(transmit) => {
                    if let Some(socket) = socket {
                        socket.send(transmit);
                    }
                }
                shell::Output::Write { line, file, .. } => {
                    let why = "a script writes no files".to_owned();
                    shell.handle_written(line, &file, Err(why));
                }
            }
        }
        if shown > 0 {
            shell.handle_shown(now, shown);
        }
        store.flush();
        let mut answered = shown > 0;
        while let Some(event) = store.poll() {
            shell.handle_store(now, event);
            answered = true;
        }
        answered
    }

    /// True if the store told something.
    fn drain_server(&mut self, now: Now, who: Who) -> bool {
        let Self {
            players, runner, ..
        } = self;
        let Player { body, socket, .. } = &mut players[who.0];
        let Body::Server {
            server: Some(server),
            store,
            groups: known,
        } = body
        else {
            return false;
        };
        while let Some(output) = server.poll_output() {
            match output {
                server::Output::Event(event) => {
                    if let server::Event::Groups { groups } = &event {
                        *known = groups.iter().map(|(group, _)| group.clone()).collect();
                    }
                    let lines = event.lines();
                    let shown = lines.iter().flat_map(|line| fields::of_shown(line));
                    for fact in fields::of_server_event(&event).into_iter().chain(shown) {
                        runner.handle_fact(now.instant, who, fact);
                    }
                }
                server::Output::Store(ticket, request) => {
                    if let Err(Full(ticket, request)) = store.submit(ticket, request) {
                        server.handle_store_full(now, ticket, request);
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
        store.flush();
        let mut answered = false;
        while let Some(event) = store.poll() {
            server.handle_store(now, event);
            answered = true;
        }
        answered
    }
}

impl Player {
    /// The port that the script names.
    const fn port(&self) -> Option<u16> {
        match &self.part {
            Part::Client(part) => part.port,
            Part::Own => None,
            Part::Server(part) => part.port,
        }
    }

    fn start_client(&mut self, now: Now, config: Config, settings: Settings) {
        let Body::Client {
            shell,
            store,
            login,
            ..
        } = &mut self.body
        else {
            return;
        };
        store.reopen();
        let ratchet = Ratchet::new(ambient::random());
        let client = Client::new(config, Arc::clone(&self.identity), ratchet);
        let mut begun = Shell::new(settings, client);
        *login = Some(begun.start(now));
        *shell = Some(Box::new(begun));
    }

    fn start_server(&mut self, part: ServerPart) {
        let Body::Server { server, store, .. } = &mut self.body else {
            return;
        };
        store.reopen();
        let config = server::Config {
            quiet: part.quiet,
            relay: part.relay,
            log_text: part.log_text,
            ..server::Config::new(store.id())
        };
        let ratchet = Ratchet::new(ambient::random());
        let identity = Arc::clone(&self.identity);
        *server = Some(Box::new(Server::new(config, identity, ratchet)));
    }

    /// The process is gone.
    fn end(&mut self) {
        self.socket = None;
        match &mut self.body {
            Body::Client { shell, lines, .. } => {
                *shell = None;
                lines.clear();
            }
            Body::Server { server, .. } => *server = None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let socket = self.socket.as_ref()?;
        if socket.is_ready() {
            return Some(Instant::default());
        }
        let own = match &self.body {
            Body::Client { shell, .. } => shell.as_ref()?.deadline(),
            Body::Server { server, .. } => server.as_ref()?.deadline(),
        };
        Some(own.map_or(self.entropy, |own| own.min(self.entropy)))
    }

    /// Datagrams, timers, randomness.
    fn hear(&mut self, now: Now) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        let stir = self.entropy <= now.instant;
        match &mut self.body {
            Body::Client {
                shell: Some(shell), ..
            } => {
                socket.receive(|from, bytes| shell.handle_datagram(now, from, bytes));
                if stir {
                    shell.handle_entropy(&ambient::random());
                }
                if shell.deadline().is_some_and(|at| at <= now.instant) {
                    shell.handle_timeout(now);
                }
            }
            Body::Server {
                server: Some(server),
                ..
            } => {
                socket.receive(|from, bytes| server.handle_datagram(now, from, bytes));
                if stir {
                    server.handle_entropy(&ambient::random());
                }
                if server.deadline().is_some_and(|at| at <= now.instant) {
                    server.handle_timeout(now);
                }
            }
            Body::Client { shell: None, .. } | Body::Server { server: None, .. } => {}
        }
        if stir {
            self.entropy = now.instant + ENTROPY;
        }
    }

    fn records(&self, query: &str) -> Vec<Fact> {
        match &self.body {
            Body::Client {
                shell: Some(shell), ..
            } => shell.records(query),
            Body::Server {
                server: Some(server),
                groups,
                ..
            } => records::of_server(query, &server.table(), groups.iter(), &server.counters()),
            Body::Client { shell: None, .. } | Body::Server { server: None, .. } => Vec::new(),
        }
    }
}

fn submit(store: &mut ClientMemory, ticket: StoreTicket, request: StoreRequest) {
    if let Err(Full(ticket, request)) = store.submit(ticket, request) {
        store.flush();
        let again = store.submit(ticket, request);
        assert!(again.is_ok(), "a store that was flushed takes a request");
    }
}
