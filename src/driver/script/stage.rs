//! A test of a `.chat` file over loopback sockets: the same shells and servers, in real time, in
//! one loop; and a live file, which is one client at a real server.

use super::player::{Player, Prints};
use crate::client::{Arrivals, Config};
use crate::driver::ambient::{self, Ambient};
use crate::driver::client::JoinOptions;
use crate::driver::folder::Folder;
use crate::driver::paths::Profile;
use crate::driver::socket::Socket;
use crate::driver::{Fault, client, output};
use crate::model::limits::LEAVE;
use crate::model::{Instant, Now};
use crate::script::cast::{ClientPart, Outcome, Part, Who};
use crate::script::report::TestReport;
use crate::script::runner::{self, Output, Runner};
use crate::script::tree::{File, Test};
use crate::script::{Code, Options};
use crate::secure::{Fingerprint, Identity};
use crate::shell::fields::Fact;
use crate::shell::{OnFailure, Settings, clean};
use crate::store::Wake;
use mio::{Events, Poll, Token, Waker};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Events that one turn takes from the kernel; a test has few programs.
const EVENTS_MAX: usize = 64;
/// How long a turn waits at most, so that Ctrl-C and the limit of a test are noticed.
const TURN_MAX: Duration = Duration::from_millis(100);
/// A store has something to tell; no player has this number.
const STORE: Token = Token(usize::MAX);

/// A test that is carried out with real sockets.
pub struct Stage<'a> {
    poll: Poll,
    waker: Arc<Waker>,
    ambient: Ambient,
    runner: Runner<'a>,
    players: Vec<Player>,
    /// The ports of the script, and what the system gave instead.
    ports: BTreeMap<u16, u16>,
    /// How the one client of a live file is.
    own: Option<Own>,
    prints: Prints,
    /// Where their stores are; dropped last.
    folder: Folder,
}

/// The one client of a live file.
struct Own {
    join: JoinOptions,
    identity: Arc<Identity>,
    store: PathBuf,
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
        let poll = Poll::new()?;
        Ok(Self {
            waker: Arc::new(Waker::new(poll.registry(), STORE)?),
            poll,
            ambient: Ambient::new(),
            runner: Runner::new(file, test, options, seed, own),
            players: Vec::new(),
            ports: BTreeMap::new(),
            own: None,
            prints: Prints::Nothing,
            folder: Folder::make("run")?,
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
        let mut stage = stage.map_err(|error| crate::driver::bind_fault(join.server, &error))?;
        stage.own = Some(Own {
            join: join.clone(),
            identity,
            store: profile.store(),
        });
        Ok(stage)
    }

    /// What is typed and shown is printed as it happens.
    #[must_use]
    pub const fn shown(mut self) -> Self {
        self.prints = Prints::Shown;
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
            player.leave(now);
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
                if self.players[who.0].type_line(now, number, &text) {
                    if self.prints == Prints::Shown {
                        output::say(&format!(">>> {}\n", clean::line(&text)));
                    }
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
        let identity = match (&part, &self.own) {
            (
                Part::Client(ClientPart {
                    key_of: Some(of), ..
                }),
                _,
            ) => Arc::clone(&self.players[of.0].identity),
            (Part::Own, Some(own)) => Arc::clone(&own.identity),
            _ => Arc::new(Identity::from_seed(ambient::random())),
        };
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (address, store) = match (&part, &self.own) {
            (Part::Own, Some(own)) => (client::local_address(&own.join), own.store.clone()),
            _ => (
                local,
                self.folder.file(&format!("{}.db", self.players.len())),
            ),
        };
        let player = Player::new(part, identity, address, store);
        self.players.push(player);
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
        let wake = self.wake();
        let player = &mut self.players[who.0];
        player.address.set_port(bound.port());
        player.socket = Some(socket);
        let opened = match player.part.clone() {
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
                let told = (config, part.settings);
                self.players[who.0].start_client(now, told, wake)
            }
            Part::Own => match &self.own {
                Some(Own { join, .. }) => {
                    let settings = Settings {
                        on_failure: OnFailure::Show,
                        ..join.settings
                    };
                    let told = (client::core_config(join), settings);
                    self.players[who.0].start_client(now, told, wake)
                }
                None => Ok(()),
            },
            Part::Server(part) => {
                let started = player.start_server(now, part, wake);
                if started.is_ok() {
                    self.tell_listening(now, who, part.port.unwrap_or(bound.port()));
                }
                started
            }
        };
        opened.map_err(|error| {
            self.players[who.0].end();
            ("no-store".to_owned(), error.to_string())
        })
    }

    /// What a server says when it begins.
    fn tell_listening(&mut self, now: Now, who: Who, port: u16) {
        let ip = self.players[who.0].address.ip();
        let facts = [
            Fact::new("server").with("action", "listening"),
            Fact::new("shown").with("text", format!("[Server started at {ip} on port {port}]")),
            Fact::new("shown").with("text", "[Start listening...]"),
        ];
        for fact in facts {
            self.runner.handle_fact(now.instant, who, fact);
        }
        self.runner.handle_ready(now.instant, who, Ok(()));
    }

    /// Wakes the loop when a store has something to tell.
    fn wake(&self) -> Wake {
        let waker = Arc::clone(&self.waker);
        // If this fails the answer is found in the next turn.
        Box::new(move || drop(waker.wake()))
    }

    /// What the program says when it cannot bind.
    fn tell_unbound(&mut self, now: Now, who: Who, port: u16, error: &io::Error) {
        let address = SocketAddr::new(self.players[who.0].address.ip(), port);
        let fault = crate::driver::bind_fault(address, error);
        let closed = Fact::new("session")
            .with("state", "closed")
            .with("exit", fault.exit.code());
        for fact in [Fact::new("shown").with("text", fault.line), closed] {
            self.runner.handle_fact(now.instant, who, fact);
        }
    }

    /// Lets a player do what is to be done.
    fn drain(&mut self, now: Now, who: Who) {
        let player = &mut self.players[who.0];
        player.drain(now, who, &mut self.runner, self.prints);
        if let Some(socket) = &mut player.socket {
            // A datagram that cannot be sent is a lost one.
            socket.flush(self.poll.registry()).ok();
        }
    }
}
