//! A test of a `.chat` file in a world of its own: real cores, virtual time, one seed.

use super::disk::Health;
use super::faults::Faults;
use super::node::{ActorSpec, BEGINNING_MS, NodeId};
use super::paths::Paths;
use super::scene::{self, Watch};
use super::world::World;
use crate::model::Instant;
use crate::script::cast::{ClientPart, Outcome, Part, ServerPart, Who};
use crate::script::report::TestReport;
use crate::script::runner::{self, Output, Runner};
use crate::script::tree::{Disk, File, Test};
use crate::script::{Code, Options};
use crate::server;
use crate::shell::fields::Fact;
use crate::shell::{self, LineId, records};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// The wall clock at the beginning of every test: 2001-01-01 00:00:00 UTC.
const WALL_MS: i64 = 978_307_200_000;
/// The port of a server that is told none.
const SERVER_PORT: u16 = 2475;
/// Lines of the trace that are told where a promise of the program was broken.
const TRACED_MAX: usize = 20;
/// Steps between two looks at the time of the machine.
const STEPS_PER_LOOK: u32 = 512;

/// A test that is carried out in a world of its own.
pub struct Stage<'a> {
    world: World,
    runner: Runner<'a>,
    paths: Paths,
    weather: super::Conditions,
    players: Vec<Player>,
    begun: Instant,
    /// What happens, where somebody wants to see it.
    watch: Option<Watch>,
}

/// One of the cast, and what the runner knows of it already.
struct Player {
    node: NodeId,
    label: String,
    part: Part,
    facts: usize,
    settled: usize,
    /// The runner's numbers of lines that have no outcome.
    lines: BTreeMap<LineId, u64>,
    stage: Stance,
}

/// How far its program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stance {
    Down,
    Starting,
    Up,
}

impl<'a> Stage<'a> {
    /// An empty world for one test of a hermetic file, under the file's seed.
    #[must_use]
    pub fn new(
        file: &'a File,
        test: &'a Test,
        options: &'a Options,
        seed: u64,
        weather: super::Conditions,
    ) -> Self {
        let own = runner::test_seed(seed, &test.name);
        let mut faults = Faults::none();
        faults.conditions = weather;
        let mut world = World::new(own, faults);
        world.keep_facts();
        let mut runner = Runner::new(file, test, options, seed, own);
        runner.handle_start(world.now());
        Self {
            world,
            runner,
            paths: Paths::default(),
            weather,
            players: Vec::new(),
            begun: Instant(0),
            watch: None,
        }
    }

    /// Packets and notices are kept for the report.
    #[must_use]
    pub fn watched(mut self) -> Self {
        self.begun = self.world.now();
        self.watch = Some(Watch::default());
        self
    }

    /// Carries the test out. `is_late` is asked now and then whether real time is up.
    #[must_use]
    pub fn play(mut self, is_late: &mut dyn FnMut() -> Option<String>) -> TestReport {
        let mut steps = 0;
        while self.step() {
            steps += 1;
            if steps >= STEPS_PER_LOOK {
                steps = 0;
                if let Some(why) = is_late() {
                    let now = self.world.now();
                    self.runner.handle_trouble(now, Code::WallLimit, &why);
                }
            }
        }
        let mut report = self.runner.into_report();
        report.trace_hash = Some(self.world.trace_hash());
        if let Some(watch) = self.watch {
            let players = self.players.iter();
            let cast = players.map(|player| (player.node, player.label.clone()));
            let cast: Vec<_> = cast.collect();
            report.scene = watch.moments(&self.world, self.begun, &cast);
            report.packets = scene::lines(&self.world, &cast);
            report.cast = cast.into_iter().map(|(_, label)| label).collect();
        }
        if let Some(failure) = self.world.failure() {
            let last = failure.trace.iter().rev().take(TRACED_MAX).rev();
            report
                .notes
                .extend(last.map(|line| format!("trace: {line}")));
        }
        report
    }

    /// Lets the next thing happen; false if the test is over.
    fn step(&mut self) -> bool {
        self.runner.handle_timeout(self.world.now());
        self.tell();
        while let Some(output) = self.runner.poll_output() {
            self.perform(output);
            self.tell();
        }
        if let Some(failure) = self.world.failure() {
            let (what, invariant) = (&failure.what, failure.invariant);
            let message = format!("{invariant} of the protocol is broken: {what}");
            let now = self.world.now();
            self.runner.handle_trouble(now, Code::Invariant, &message);
        }
        match self.runner.deadline() {
            None => false,
            Some(deadline) => {
                self.world.advance(deadline);
                true
            }
        }
    }

    /// Tells the runner what has happened since it was told last.
    fn tell(&mut self) {
        let now = self.world.now();
        if let Some(watch) = &mut self.watch {
            watch.looks(&self.world);
        }
        for (number, player) in self.players.iter_mut().enumerate() {
            let who = Who(number);
            for (at, fact) in self.world.facts(player.node).iter().skip(player.facts) {
                player.facts += 1;
                if let Some(watch) = &mut self.watch {
                    watch.hears(*at, &player.label, fact);
                }
                self.runner.handle_fact((*at).max(now), who, fact.clone());
            }
            let login = self.world.login(player.node);
            let settled = self.world.settled(player.node).iter();
            for (_, line, outcome) in settled.skip(player.settled) {
                player.settled += 1;
                if Some(*line) == login && player.stage == Stance::Starting {
                    player.stage = Stance::Up;
                    self.runner.handle_ready(now, who, readiness(outcome));
                } else if let Some(number) = player.lines.remove(line) {
                    let outcome = Outcome::from(outcome);
                    self.runner.handle_settled(now, who, number, outcome);
                }
            }
            if player.stage != Stance::Down && !self.world.is_up(player.node) {
                player.stage = Stance::Down;
                player.lines.clear();
                let exit = self.world.left(player.node);
                let how = exit.map_or_else(
                    || "ended".to_owned(),
                    |exit| format!("ended with {}", exit.code()),
                );
                self.runner.handle_gone(now, who, &how);
            }
        }
    }

    fn perform(&mut self, output: Output) {
        let now = self.world.now();
        match output {
            Output::Ask(who, query) => {
                let records = self.records(who, query);
                self.runner.handle_records(now, records);
            }
            Output::Cast(_, label, part) => self.cast(label, part),
            Output::Crash(who) => self.end(who, World::kill),
            Output::Disk(who, disk) => {
                let health = match disk {
                    Disk::Full => Health::Full,
                    Disk::Ok => Health::Ok,
                    Disk::Slow(duration) => Health::Slow(duration),
                };
                self.world.set_disk(self.players[who.0].node, health);
            }
            Output::Kill(who) => self.end(who, World::halt),
            Output::Net(net) => {
                self.paths.add(net);
                self.lay_paths();
            }
            Output::Start(who) => self.start(who),
            Output::Stop(who) => {
                self.end(who, World::halt);
                let fact = Fact::new("server").with("action", "stopped");
                self.runner.handle_fact(now, who, fact);
            }
            Output::Type(who, number, text) => {
                let player = &mut self.players[who.0];
                if let Some(watch) = &mut self.watch {
                    watch.types(now, &player.label, &text);
                }
                if let Some(line) = self.world.type_line(player.node, &text) {
                    player.lines.insert(line, number);
                } else {
                    let words = "the program does not run".to_owned();
                    let outcome = Outcome::Failed("no-session".to_owned(), words);
                    self.runner.handle_settled(now, who, number, outcome);
                }
            }
        }
    }

    /// By the world's own hand; the runner knows already.
    fn end(&mut self, who: Who, how: fn(&mut World, NodeId)) {
        let player = &mut self.players[who.0];
        how(&mut self.world, player.node);
        player.stage = Stance::Down;
        player.lines.clear();
    }

    fn cast(&mut self, label: String, part: Part) {
        let node = match &part {
            Part::Server(part) => self.cast_server(*part),
            Part::Client(part) => self.cast_client(part),
            Part::Own => return,
        };
        let to_2001 = WALL_MS - BEGINNING_MS - 1000;
        self.world.jump_clock(node, to_2001);
        self.players.push(Player {
            node,
            label,
            part,
            facts: 0,
            settled: 0,
            lines: BTreeMap::new(),
            stage: Stance::Down,
        });
        self.lay_paths();
    }

    fn cast_server(&mut self, part: ServerPart) -> NodeId {
        let servers = self.players.iter();
        let servers = servers.filter(|player| matches!(player.part, Part::Server(_)));
        let number = u16::try_from(servers.count()).unwrap_or(u16::MAX);
        let usual = SERVER_PORT.saturating_add(number);
        let config = server::Config {
            quiet: part.quiet,
            relay: part.relay,
            log_text: part.log_text,
            trace: self.watch.is_some(),
            ..server::Config::new(self.world.dice.u64())
        };
        self.world.add_server(part.port.unwrap_or(usual), config)
    }

    fn cast_client(&mut self, part: &ClientPart) -> NodeId {
        let fresh = self.world.dice.bytes();
        let copied = part.key_of.and_then(|who| {
            let actor = self.world.actor(self.players[who.0].node)?;
            Some(actor.spec.seed)
        });
        let server = self.players[part.server.0].node;
        let spec = ActorSpec {
            stay: part.stay,
            relay: part.relay,
            settings: part.settings,
            trace: self.watch.is_some(),
            ..ActorSpec::new(part.name.clone(), copied.unwrap_or(fresh), server)
        };
        let node = self.world.add_actor(spec);
        if let Some(port) = part.port {
            // A host of its own, so that nobody is there already.
            let [high, low] = u16::try_from(self.players.len()).unwrap_or(0).to_be_bytes();
            let address = SocketAddr::from((Ipv4Addr::new(10, 1, high, low), port));
            self.world.move_node(node, address);
        }
        node
    }

    fn start(&mut self, who: Who) {
        let now = self.world.now();
        let player = &self.players[who.0];
        if let Some(port) = self.port_in_use(who) {
            let line = format!("[Port {port} is already in use.]");
            let closed = Fact::new("session")
                .with("state", "closed")
                .with("exit", 1_u8);
            for fact in [Fact::new("shown").with("text", line), closed] {
                self.runner.handle_fact(now, who, fact);
            }
            let why = format!("port {port} is already in use");
            let refused = Err(("cannot-bind".to_owned(), why));
            return self.runner.handle_ready(now, who, refused);
        }
        self.world.start(player.node);
        let player = &mut self.players[who.0];
        match &player.part {
            Part::Server(_) => {
                player.stage = Stance::Up;
                let port = self.world.address(player.node).port();
                let facts = [
                    Fact::new("server").with("action", "listening"),
                    Fact::new("shown").with(
                        "text",
                        format!("[Server started at 0.0.0.0 on port {port}]"),
                    ),
                    Fact::new("shown").with("text", "[Start listening...]"),
                ];
                for fact in facts {
                    self.runner.handle_fact(now, who, fact);
                }
                self.runner.handle_ready(now, who, Ok(()));
            }
            Part::Client(_) | Part::Own => player.stage = Stance::Starting,
        }
    }

    /// A script plays on one machine, so a port is had once.
    fn port_in_use(&self, who: Who) -> Option<u16> {
        let wanted = port(&self.players[who.0].part)?;
        let others = self.players.iter().enumerate();
        let mut others = others.filter(|(number, _)| *number != who.0);
        others
            .any(|(_, player)| self.world.is_up(player.node) && port(&player.part) == Some(wanted))
            .then_some(wanted)
    }

    fn records(&self, who: Who, query: &str) -> Vec<Fact> {
        let node = self.players[who.0].node;
        if let Some(shell) = self.world.shell(node) {
            return shell.records(query);
        }
        let Some(server) = self.world.server(node) else {
            return Vec::new();
        };
        let mut events = self.world.server_events(node).iter().rev();
        let groups = events.find_map(|(_, event)| match event {
            server::Event::Groups { groups } => Some(groups),
            _ => None,
        });
        let groups = groups.into_iter().flatten().map(|(group, _)| group);
        records::of_server(query, &server.table(), groups, &server.counters())
    }

    /// Every path between two of the cast is as was said last.
    fn lay_paths(&mut self) {
        for from in &self.players {
            for to in &self.players {
                if from.node == to.node {
                    continue;
                }
                let (conditions, is_cut) = self.paths.between(&from.label, &to.label, self.weather);
                self.world.set_path(from.node, to.node, Some(conditions));
                self.world.block(&[from.node], &[to.node], is_cut);
            }
        }
    }
}

const fn port(part: &Part) -> Option<u16> {
    match part {
        Part::Client(part) => part.port,
        Part::Own => None,
        Part::Server(part) => part.port,
    }
}

fn readiness(outcome: &shell::Outcome) -> Result<(), (String, String)> {
    match Outcome::from(outcome) {
        Outcome::Done(_) => Ok(()),
        Outcome::Failed(code, words) => Err((code, words)),
    }
}
