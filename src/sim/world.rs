//! A whole world in one thread: clients, a server, their disks, the network between them, and time.
//!
//! What a script, a test or the random [`play`](super::play) may do to it is here; what they may
//! not do is know more than its nodes tell. The checker alone knows everything.

use super::Failure;
use super::check::{Checker, Fate};
use super::dice::Dice;
use super::disk::{Committed, Disk, Health};
use super::faults::{Counts, Fault, Faults};
use super::network::{Conditions, Network};
use super::node::{Actor, ActorSpec, Body, Clock, Node, NodeId, ServerBody};
use super::trace::Trace;
use crate::client::Client;
use crate::memory::{ClientMemory, ServerMemory};
use crate::model::limits::{ENTROPY, STORE_QUEUE_MAX};
use crate::model::{Instant, PublicKey, Timers};
use crate::secure::{Identity, Ratchet};
use crate::server::{self, Server};
use crate::shell::fields::{self, Fact};
use crate::shell::{self, Exit, LineId, Outcome, Shell, Shown};
use crate::wire::Traced;
use crate::wire::datagram::Transmit;
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Outputs of one turn; more means that a core does not come to an end.
const OUTPUTS_MAX: u32 = 100_000;
/// Turns of one node without the passing of time.
const SPINS_MAX: u32 = 1000;
/// Datagrams remembered for replays.
const TAPPED_MAX: usize = 64;

/// Clients, server, network, disks and time, under one seed.
pub struct World {
    pub(super) seed: u64,
    pub(super) now: Instant,
    pub(super) dice: Dice,
    pub(super) faults: Faults,
    pub(super) network: Network,
    pub(super) nodes: Vec<Node>,
    pub(super) checker: Checker,
    pub(super) counts: Counts,
    pub(super) trace: Trace,
    /// Datagrams that an adversary has seen: from, to, bytes.
    pub(super) tapped: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    /// Nodes that have ended or crashed and that nobody has asked about yet.
    pub(super) fallen: Vec<NodeId>,
    places: BTreeMap<SocketAddr, NodeId>,
    happenings: BTreeMap<(Instant, u64), Happening>,
    order: u64,
    deadlines: Timers<NodeId>,
    failure: Option<Failure>,
    healed: Option<Instant>,
    tap: bool,
    datagrams: u64,
    bytes: u64,
    longest: usize,
    keeps_facts: bool,
    packets: Vec<(Instant, NodeId, Traced)>,
}

/// What will happen at a moment that is already known.
enum Happening {
    Commit(NodeId, u32),
    Datagram {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    Entropy(NodeId, u32),
    Turn(NodeId, u32),
}

/// Building and looking.
impl World {
    /// An empty world with these faults on its network.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self::with_dice(seed, Dice::new(seed), faults)
    }

    pub(super) fn with_dice(seed: u64, dice: Dice, faults: Faults) -> Self {
        Self {
            seed,
            now: Instant(1_000_000),
            dice,
            network: Network::new(faults.conditions),
            nodes: Vec::new(),
            checker: Checker::new(),
            counts: Counts::new(),
            trace: Trace::new(),
            tapped: VecDeque::new(),
            fallen: Vec::new(),
            places: BTreeMap::new(),
            happenings: BTreeMap::new(),
            order: 0,
            deadlines: Timers::new(),
            failure: None,
            healed: None,
            tap: [Fault::Replayer, Fault::Mutator, Fault::Spoofer]
                .into_iter()
                .any(|fault| faults.has(fault)),
            datagrams: 0,
            bytes: 0,
            longest: 0,
            keeps_facts: false,
            packets: Vec::new(),
            faults,
        }
    }

    /// Adds a server, not started; its address is 10.0.0.1 and the port.
    pub fn add_server(&mut self, port: u16, config: server::Config) -> NodeId {
        let disk = Disk::new(ServerMemory::new(config.store));
        let body = ServerBody {
            config,
            identity: Arc::new(Identity::from_seed(self.dice.bytes())),
            disk,
            server: None,
            events: Vec::new(),
            facts: Vec::new(),
            backup: None,
        };
        let address = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), port));
        self.add("server", address, Body::Server(Box::new(body)))
    }

    /// Adds an actor, not started; each has an address of its own.
    pub fn add_actor(&mut self, spec: ActorSpec) -> NodeId {
        let [run, _] = self.dice.halves();
        let identity = Arc::new(Identity::from_seed(spec.seed));
        let address = self.fresh_address();
        let name: Box<str> = spec.name.to_string().into();
        let body = Actor {
            spec: spec.clone(),
            identity: Arc::clone(&identity),
            disk: Disk::new(ClientMemory::new(run)),
            shell: None,
            started: None,
            shown: Vec::new(),
            facts: Vec::new(),
            settled: Vec::new(),
            left: None,
        };
        let id = self.add(&name, address, Body::Actor(Box::new(body)));
        self.checker.add_actor(id, spec.name, identity.identity());
        self.checker.at_address(id, address);
        id
    }

    /// Adds an address where no program of ours runs; what arrives there is kept.
    pub fn add_outside(&mut self, name: &str, address: SocketAddr) -> NodeId {
        self.add(name, address, Body::Outside(Vec::new()))
    }

    fn add(&mut self, name: &str, address: SocketAddr, body: Body) -> NodeId {
        let id = NodeId(u16::try_from(self.nodes.len()).expect("a world has few nodes"));
        self.places.insert(address, id);
        self.nodes.push(Node {
            name: name.into(),
            address,
            life: 0,
            epoch: self.now,
            clock: Clock::default(),
            armed: None,
            turn_due: false,
            spins: 0,
            body,
        });
        id
    }

    /// An address nobody has.
    pub(super) fn fresh_address(&mut self) -> SocketAddr {
        loop {
            let host = u8::try_from(2 + self.dice.below(250)).expect("it is below 252");
            let port = u16::try_from(1024 + self.dice.below(60_000)).expect("it is a port");
            let address = SocketAddr::from((Ipv4Addr::new(10, 0, 0, host), port));
            if !self.places.contains_key(&address) {
                return address;
            }
        }
    }

    /// Virtual time since the world began.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The node with this name: the first one.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeId> {
        let at = self
            .nodes
            .iter()
            .position(|node| node.name.eq_ignore_ascii_case(name))?;
        u16::try_from(at).ok().map(NodeId)
    }

    /// Where a node is.
    #[must_use]
    pub fn address(&self, node: NodeId) -> SocketAddr {
        self.see(node).address
    }

    /// True while a program runs there.
    #[must_use]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.see(node).is_up()
    }

    /// An actor's program, while it runs.
    #[must_use]
    pub fn shell(&self, node: NodeId) -> Option<&Shell> {
        self.actor(node)?.shell.as_deref()
    }

    /// The server's program, while it runs.
    #[must_use]
    pub fn server(&self, node: NodeId) -> Option<&Server> {
        self.server_body(node)?.server.as_deref()
    }

    /// What an actor has shown, in all its lives, and when.
    #[must_use]
    pub fn shown(&self, node: NodeId) -> &[(Instant, Shown)] {
        self.actor(node).map_or(&[], |actor| &actor.shown)
    }

    /// How the lines of an actor have ended, and when.
    #[must_use]
    pub fn settled(&self, node: NodeId) -> &[(Instant, LineId, Outcome)] {
        self.actor(node).map_or(&[], |actor| &actor.settled)
    }

    /// The line that stands for an actor's log-in in its present life.
    #[must_use]
    pub fn login(&self, node: NodeId) -> Option<LineId> {
        self.actor(node)?.started
    }

    /// How an actor's program has ended, if it ended by itself.
    #[must_use]
    pub fn left(&self, node: NodeId) -> Option<Exit> {
        self.actor(node)?.left
    }

    /// What has happened at a server, and when.
    #[must_use]
    pub fn server_events(&self, node: NodeId) -> &[(Instant, server::Event)] {
        self.server_body(node).map_or(&[], |body| &body.events)
    }

    /// What a script reads of a node, in all its lives, and when; see [`World::keep_facts`].
    #[must_use]
    pub fn facts(&self, node: NodeId) -> &[(Instant, Fact)] {
        match &self.see(node).body {
            Body::Actor(actor) => &actor.facts,
            Body::Outside(_) => &[],
            Body::Server(body) => &body.facts,
        }
    }

    /// The packets of nodes that trace theirs, in order.
    #[must_use]
    pub fn packets(&self) -> &[(Instant, NodeId, Traced)] {
        &self.packets
    }

    /// The key of a node's sessions.
    #[must_use]
    pub fn session_key(&self, node: NodeId) -> Option<PublicKey> {
        match &self.see(node).body {
            Body::Actor(actor) => Some(actor.identity.session_key()),
            Body::Outside(_) => None,
            Body::Server(body) => Some(body.identity.session_key()),
        }
    }

    /// What the wall clock of a node shows at a moment of the world.
    #[must_use]
    pub fn wall_ms(&self, node: NodeId, at: Instant) -> i64 {
        self.see(node).clock.read(at).unix_ms
    }

    /// Takes what has arrived at an address outside.
    pub fn take_inbox(&mut self, node: NodeId) -> Vec<(SocketAddr, Vec<u8>)> {
        match &mut self.at(node).body {
            Body::Outside(inbox) => std::mem::take(inbox),
            _ => Vec::new(),
        }
    }

    /// How often each fault has happened.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Datagrams sent so far.
    #[must_use]
    pub const fn datagrams(&self) -> u64 {
        self.datagrams
    }

    /// Bytes in the datagrams sent so far, without the headers of UDP.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The longest datagram sent so far, in bytes.
    #[must_use]
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// The invariant that was broken, if one was; the world stands still from then on.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Keeps every line of the trace from now on, not only the last 50.
    pub fn keep_trace(&mut self) {
        self.trace.keep_all();
    }

    /// Keeps the facts of all nodes from now on.
    pub const fn keep_facts(&mut self) {
        self.keeps_facts = true;
    }

    fn keep_facts_of(&mut self, id: NodeId, facts: impl IntoIterator<Item = Fact>) {
        if !self.keeps_facts {
            return;
        }
        let now = self.now;
        let kept = match &mut self.at(id).body {
            Body::Actor(actor) => &mut actor.facts,
            Body::Outside(_) => return,
            Body::Server(body) => &mut body.facts,
        };
        kept.extend(facts.into_iter().map(|fact| (now, fact)));
    }

    /// The kept lines of the trace.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.trace.lines(
            |node| self.see(node).name.to_string(),
            |address| {
                let at = self.places.get(&address);
                at.map_or_else(
                    || address.to_string(),
                    |node| self.see(*node).name.to_string(),
                )
            },
        )
    }

    /// The hash of the whole trace: equal for equal runs.
    pub fn trace_hash(&mut self) -> [u8; 32] {
        self.trace.hash()
    }

    /// Stops the world because something is so that must not be so.
    pub(super) fn fail(&mut self, invariant: &'static str, what: String) {
        if self.failure.is_none() {
            self.failure = Some(Failure {
                seed: self.seed,
                at: self.now,
                invariant,
                what,
                trace: self.trace(),
            });
        }
    }

    /// Every node.
    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..=u16::MAX).take(self.nodes.len()).map(NodeId)
    }

    pub(super) fn see(&self, node: NodeId) -> &Node {
        &self.nodes[usize::from(node.0)]
    }

    pub(super) fn at(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[usize::from(node.0)]
    }

    pub(super) fn actor(&self, node: NodeId) -> Option<&Actor> {
        match &self.see(node).body {
            Body::Actor(actor) => Some(actor),
            _ => None,
        }
    }

    pub(super) fn actor_mut(&mut self, node: NodeId) -> Option<&mut Actor> {
        match &mut self.at(node).body {
            Body::Actor(actor) => Some(actor),
            _ => None,
        }
    }

    pub(super) fn server_body(&self, node: NodeId) -> Option<&ServerBody> {
        match &self.see(node).body {
            Body::Server(body) => Some(body),
            _ => None,
        }
    }

    pub(super) fn server_mut(&mut self, node: NodeId) -> Option<&mut ServerBody> {
        match &mut self.at(node).body {
            Body::Server(body) => Some(body),
            _ => None,
        }
    }
}

/// What one may do to it.
impl World {
    /// Starts the program of a node; nothing if it runs.
    pub fn start(&mut self, id: NodeId) {
        if self.is_up(id) {
            return;
        }
        let (now, before) = (self.now, Duration::from_micros(self.dice.below(1_000_000)));
        let (key, fresh) = (self.dice.bytes(), self.dice.bytes());
        let node = self.at(id);
        node.life += 1;
        node.epoch = now - before;
        node.armed = None;
        node.turn_due = false;
        let (life, clocks) = (node.life, node.now(now));
        let server = self.actor(id).map(|actor| actor.spec.server);
        let server = server.and_then(|server| {
            Some((
                self.see(server).address,
                self.server_body(server)?.identity.identity(),
            ))
        });
        match &mut self.at(id).body {
            Body::Actor(actor) => {
                let Some((address, key_of_server)) = server else {
                    return;
                };
                let config = actor.config(address, key_of_server);
                let client = Client::new(config, Arc::clone(&actor.identity), Ratchet::new(key));
                let mut shell = Shell::new(actor.spec.settings, client);
                shell.handle_entropy(&fresh);
                actor.started = Some(shell.start(clocks));
                actor.left = None;
                actor.shell = Some(Box::new(shell));
            }
            Body::Outside(_) => return,
            Body::Server(body) => {
                let mut server =
                    Server::new(body.config, Arc::clone(&body.identity), Ratchet::new(key));
                server.handle_entropy(&fresh);
                body.server = Some(Box::new(server));
            }
        }
        self.trace
            .note(now, Some(id), "starts", [u64::from(life), 0]);
        self.checker.started(id);
        self.later(now + ENTROPY, Happening::Entropy(id, life));
        self.turn(id);
    }

    /// A line is typed; none if the program does not run.
    pub fn type_line(&mut self, id: NodeId, line: &str) -> Option<LineId> {
        let clocks = self.see(id).now(self.now);
        let shell = self.actor_mut(id)?.shell.as_mut()?;
        let line_id = shell.handle_line(clocks, line);
        self.trace.say(self.now, Some(id), "types", line);
        self.checker.typed(id, line);
        self.settle(id);
        Some(line_id)
    }

    /// The input of an actor ends.
    pub fn end_input(&mut self, id: NodeId) {
        let clocks = self.see(id).now(self.now);
        if let Some(shell) = self.actor_mut(id).and_then(|actor| actor.shell.as_mut()) {
            shell.handle_end(clocks);
            self.settle(id);
        }
    }

    /// The process or the power is gone: nothing is said to anybody, and of what was not yet on
    /// the disk a part may be there.
    pub fn kill(&mut self, id: NodeId) {
        if !self.is_up(id) {
            return;
        }
        self.trace.note(self.now, Some(id), "is killed", [0; 2]);
        self.end(id);
    }

    /// The process ends without a word, but the machine goes on: what it asked of its disk is done.
    pub fn halt(&mut self, id: NodeId) {
        if self.is_up(id) {
            self.trace.note(self.now, Some(id), "is stopped", [0; 2]);
            self.flush(id);
            self.end(id);
        }
    }

    /// The next crash of a node comes before its `outputs`-th output from now.
    pub fn arm(&mut self, id: NodeId, outputs: u32) {
        self.at(id).armed = Some(outputs);
    }

    /// A node is at another address from now on.
    pub fn move_node(&mut self, id: NodeId, address: SocketAddr) {
        let old = std::mem::replace(&mut self.at(id).address, address);
        self.places.remove(&old);
        self.places.insert(address, id);
        self.checker.at_address(id, address);
        self.trace
            .datagram(self.now, Some(id), "moves to", address, &[]);
    }

    /// The wall clock of a node jumps.
    pub fn jump_clock(&mut self, id: NodeId, by_ms: i64) {
        self.at(id).clock.offset_ms += by_ms;
    }

    /// The wall clock of a node stands still, or goes on.
    pub fn freeze_clock(&mut self, id: NodeId, frozen: bool) {
        let now = self.now;
        let clock = &mut self.at(id).clock;
        clock.frozen_ms = frozen.then(|| clock.read(now).unix_ms - clock.offset_ms);
    }

    /// A node's disk behaves like this from now on.
    pub fn set_disk(&mut self, id: NodeId, health: Health) {
        match &mut self.at(id).body {
            Body::Actor(actor) => actor.disk.set_health(health),
            Body::Outside(_) => {}
            Body::Server(body) => body.disk.set_health(health),
        }
        // What the store has to say of its health does not wait for somebody's request.
        let life = self.see(id).life;
        let soon = self.now + Duration::from_millis(1);
        self.later(soon, Happening::Commit(id, life));
    }

    /// What paths do where nothing else is said.
    pub fn set_network(&mut self, conditions: Conditions) {
        self.network.conditions = conditions;
    }

    /// What one path does; `None` makes it like all others.
    pub fn set_path(&mut self, from: NodeId, to: NodeId, conditions: Option<Conditions>) {
        self.network.set(from, to, conditions);
    }

    /// What one path does now.
    #[must_use]
    pub fn path(&self, from: NodeId, to: NodeId) -> Conditions {
        self.network.conditions(from, to)
    }

    /// Nothing gets from any of these to any of those, or everything again; one way.
    pub fn block(&mut self, from: &[NodeId], to: &[NodeId], blocked: bool) {
        for from in from {
            for to in to.iter().filter(|to| *to != from) {
                self.network.block(*from, *to, blocked);
            }
        }
    }

    /// A path lets only so many bytes a second through; `None`: as many as come.
    pub fn clog(&mut self, from: NodeId, to: NodeId, bytes_per_s: Option<u64>) {
        self.network.clog(from, to, bytes_per_s);
    }

    /// Copies a server's store, to be put back later.
    pub fn back_up(&mut self, id: NodeId) {
        let now = self.now;
        if let Some(body) = self.server_mut(id) {
            body.backup = Some((now, body.disk.engine().clone()));
            self.checker.backed_up();
        }
    }

    /// Kills a server and puts the copy of its store back; false if there is none.
    pub fn roll_back(&mut self, id: NodeId) -> bool {
        let Some((when, mut copy)) = self.server_mut(id).and_then(|body| body.backup.take()) else {
            return false;
        };
        self.kill(id);
        copy.reopen();
        if let Some(body) = self.server_mut(id) {
            body.disk.restore(copy);
        }
        self.checker.rolled_back();
        self.trace
            .note(self.now, Some(id), "is rolled back", [when.0, 0]);
        true
    }

    /// Puts a datagram onto the network as if it came from there; it arrives.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>, after: Duration) {
        self.trace
            .datagram(self.now, None, "is forged for", to, &bytes);
        self.later(self.now + after, Happening::Datagram { from, to, bytes });
    }

    /// Sends a datagram from an address outside, over the network.
    pub fn send_outside(&mut self, id: NodeId, to: SocketAddr, bytes: Vec<u8>) {
        let from = self.see(id).address;
        self.carry(id, from, to, bytes);
    }

    /// Takes every fault back and starts the server; who else is down is started by whoever plays.
    pub fn heal(&mut self) {
        self.trace.note(self.now, None, "heals", [0; 2]);
        self.network.heal();
        self.faults.batching = 0;
        self.faults.on.clear();
        self.tap = false;
        self.healed = Some(self.now);
        for id in self.ids() {
            self.set_disk(id, Health::Ok);
            self.freeze_clock(id, false);
            self.at(id).armed = None;
            if self.server_body(id).is_some() {
                self.start(id);
            }
        }
        self.checker.healed(self.now);
    }

    /// When it was healed.
    #[must_use]
    pub const fn healed(&self) -> Option<Instant> {
        self.healed
    }
}

/// The passing of time.
impl World {
    /// When something happens next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let happening = self.happenings.first_key_value().map(|((at, _), _)| *at);
        [happening, self.deadlines.next()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Lets the next thing happen; false if nothing will ever happen, or an invariant is broken.
    pub fn step(&mut self) -> bool {
        if self.failure.is_some() {
            return false;
        }
        let Some(at) = self.next() else {
            return false;
        };
        self.now = self.now.max(at);
        if let Some(id) = self.deadlines.pop(at) {
            self.time_out(id);
        } else if let Some((_, happening)) = self.happenings.pop_first() {
            self.happen(happening);
        }
        self.look();
        self.failure.is_none()
    }

    /// Lets the next thing happen if it happens until `limit`; else it is `limit`, and false.
    pub fn advance(&mut self, limit: Instant) -> bool {
        if self.next().is_some_and(|at| at <= limit) {
            return self.step();
        }
        self.now = self.now.max(limit);
        false
    }

    /// Takes what the checker has found.
    pub(super) fn look(&mut self) {
        if let Some((invariant, what)) = self.checker.broken.take() {
            self.fail(invariant, what);
        }
    }

    fn later(&mut self, at: Instant, happening: Happening) {
        self.order += 1;
        self.happenings.insert((at, self.order), happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Commit(id, life) if self.see(id).life == life => self.commit(id),
            Happening::Datagram { from, to, bytes } => self.arrive(from, to, &bytes),
            Happening::Entropy(id, life) if self.see(id).life == life => self.stir(id, life),
            Happening::Turn(id, life) if self.see(id).life == life && self.is_up(id) => {
                self.at(id).turn_due = false;
                self.turn(id);
            }
            Happening::Commit(..) | Happening::Entropy(..) | Happening::Turn(..) => {}
        }
    }

    fn time_out(&mut self, id: NodeId) {
        let clocks = self.see(id).now(self.now);
        match &mut self.at(id).body {
            Body::Actor(actor) => {
                if let Some(shell) = &mut actor.shell {
                    shell.handle_timeout(clocks);
                }
            }
            Body::Outside(_) => {}
            Body::Server(body) => {
                if let Some(server) = &mut body.server {
                    server.handle_timeout(clocks);
                }
            }
        }
        self.settle(id);
    }

    fn stir(&mut self, id: NodeId, life: u32) {
        let fresh = self.dice.bytes();
        match &mut self.at(id).body {
            Body::Actor(actor) => {
                if let Some(shell) = &mut actor.shell {
                    shell.handle_entropy(&fresh);
                }
            }
            Body::Outside(_) => {}
            Body::Server(body) => {
                if let Some(server) = &mut body.server {
                    server.handle_entropy(&fresh);
                }
            }
        }
        self.later(self.now + ENTROPY, Happening::Entropy(id, life));
    }

    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let Some(id) = self.places.get(&to).copied().filter(|id| self.is_up(*id)) else {
            return;
        };
        self.trace.datagram(self.now, Some(id), "<-", from, bytes);
        let node = self.see(id);
        let now = self.now;
        let (dropped, ended, handled) = (node.dropped(), node.ended(), node.handled());
        let clocks = self.see(id).now(now);
        let node = self.at(id);
        match &mut node.body {
            Body::Actor(actor) => {
                let shell = actor.shell.as_mut().expect("it is up");
                shell.handle_datagram(clocks, from, bytes);
            }
            Body::Outside(inbox) => {
                inbox.push((from, bytes.to_vec()));
                return;
            }
            Body::Server(body) => {
                let server = body.server.as_mut().expect("it is up");
                server.handle_datagram(clocks, from, bytes);
            }
        }
        // A program that is about to end looks at nothing any more.
        let fate = if node.dropped() > dropped || node.handled() == handled {
            Fate::Dropped
        } else if node.ended() > ended {
            Fate::Ends
        } else {
            Fate::Taken
        };
        let life = node.life;
        self.checker.arrived(now, (id, life), from, bytes, fate);
        self.settle(id);
    }

    fn commit(&mut self, id: NodeId) {
        let clocks = self.see(id).now(self.now);
        let Self {
            dice,
            nodes,
            checker,
            trace,
            counts,
            now,
            ..
        } = self;
        match &mut nodes[usize::from(id.0)].body {
            Body::Actor(actor) => {
                let health = actor.disk.health();
                let done = actor.disk.commit(dice);
                note_commit(trace, counts, *now, id, health, &done);
                for (request, reply) in &done.written {
                    checker.client_wrote(id, request, reply);
                }
                for event in done.told {
                    if let Some(shell) = &mut actor.shell {
                        shell.handle_store(clocks, event);
                    }
                }
            }
            Body::Outside(_) => {}
            Body::Server(body) => {
                let health = body.disk.health();
                let done = body.disk.commit(dice);
                note_commit(trace, counts, *now, id, health, &done);
                for (request, reply) in &done.written {
                    checker.server_wrote(request, reply);
                }
                for event in done.told {
                    checker.server_told(*now, &event);
                    if let Some(server) = &mut body.server {
                        server.handle_store(clocks, event);
                    }
                }
            }
        }
        self.settle(id);
    }

    /// After an input: the node has its turn, now or a little later.
    fn settle(&mut self, id: NodeId) {
        if self.see(id).turn_due || !self.is_up(id) {
            return;
        }
        if self.dice.chance(self.faults.batching) {
            self.counts.add(Fault::Batching);
            let life = self.see(id).life;
            self.at(id).turn_due = true;
            self.deadlines.cancel(&id);
            let after = Duration::from_micros(self.dice.between(50, 3000));
            self.later(self.now + after, Happening::Turn(id, life));
        } else {
            self.turn(id);
        }
    }

    fn turn(&mut self, id: NodeId) {
        match &self.see(id).body {
            Body::Actor(_) => self.turn_actor(id),
            Body::Outside(_) => {}
            Body::Server(_) => self.turn_server(id),
        }
        if !self.is_up(id) {
            return;
        }
        let (now, deadline) = (self.now, self.see(id).deadline());
        let node = self.at(id);
        let spins = deadline.is_some_and(|at| at <= now);
        node.spins = if spins { node.spins + 1 } else { 0 };
        if node.spins > SPINS_MAX {
            self.fail(
                "I11",
                format!("{} has a deadline that is always now", self.see(id).name),
            );
        }
        match deadline {
            Some(at) => self.deadlines.set(id, at.max(now)),
            None => {
                self.deadlines.cancel(&id);
            }
        }
    }

    /// True if the crash that was prepared comes now.
    fn crashes(&mut self, id: NodeId) -> bool {
        let node = self.at(id);
        let Some(left) = &mut node.armed else {
            return false;
        };
        if *left > 0 {
            *left -= 1;
            return false;
        }
        let fault = if self.actor(id).is_some() {
            Fault::CrashClient
        } else {
            Fault::CrashServer
        };
        self.counts.add(fault);
        self.kill(id);
        true
    }

    fn turn_actor(&mut self, id: NodeId) {
        let mut outputs = 0;
        loop {
            let mut shown = 0;
            while let Some(output) = self.poll_shell(id) {
                outputs += 1;
                if outputs > OUTPUTS_MAX {
                    return self.fail("I11", "a turn does not end".into());
                }
                if self.crashes(id) {
                    return;
                }
                if let shell::Output::Show(show) = &output {
                    shown += show.messages;
                }
                if self.perform(id, output) == Performed::Ended {
                    return;
                }
            }
            // What was printed is told after the turn; a crash may fall between.
            if shown == 0 || self.crashes(id) {
                return;
            }
            let clocks = self.see(id).now(self.now);
            if let Some(shell) = self.actor_mut(id).and_then(|actor| actor.shell.as_mut()) {
                shell.handle_shown(clocks, shown);
            }
        }
    }

    fn poll_shell(&mut self, id: NodeId) -> Option<shell::Output> {
        self.actor_mut(id)?.shell.as_mut()?.poll_output()
    }

    fn perform(&mut self, id: NodeId, output: shell::Output) -> Performed {
        let now = self.now;
        match output {
            shell::Output::Edit(line, target) => {
                // Nobody sits there.
                let clocks = self.see(id).now(now);
                if let Some(shell) = self.actor_mut(id).and_then(|actor| actor.shell.as_mut()) {
                    shell.handle_edited(clocks, line, &target, Err("there is no editor here"));
                }
            }
            // Nobody but the terminal asks for anything; no machine has a screen or other programs.
            shell::Output::Answer(..)
            | shell::Output::Aside(_)
            | shell::Output::Clear
            | shell::Output::Chore(_) => {}
            shell::Output::Fact(fact) => self.keep_facts_of(id, [fact]),
            shell::Output::Leave(exit) => {
                self.trace
                    .note(now, Some(id), "leaves with", [u64::from(exit.code()), 0]);
                self.leave(id, exit);
                return Performed::Ended;
            }
            shell::Output::Record(line, _) => {
                let clocks = self.see(id).now(now);
                if let Some(shell) = self.actor_mut(id).and_then(|actor| actor.shell.as_mut()) {
                    let words = "[No files here.]".to_owned();
                    shell.handle_recording(clocks, line, Err(words));
                }
            }
            shell::Output::Settled(line, outcome) => {
                self.trace.say(now, Some(id), "settles", word_of(&outcome));
                self.checker.settled(id, line);
                if let Some(actor) = self.actor_mut(id) {
                    actor.settled.push((now, line, outcome));
                }
            }
            shell::Output::Show(shown) => {
                self.trace.say(now, Some(id), "shows", &shown.text);
                if let Some(event) = &shown.event {
                    let (life, busy) = (
                        self.see(id).life,
                        self.shell(id).is_some_and(Shell::is_busy),
                    );
                    self.checker.shown(now, (id, life), event, busy);
                }
                self.keep_facts_of(id, fields::of_shown(&shown.text));
                if let Some(actor) = self.actor_mut(id) {
                    actor.shown.push((now, shown));
                }
            }
            shell::Output::Store(ticket, request) => {
                let life = self.see(id).life;
                self.checker.client_asks(id, &request);
                let Self { dice, nodes, .. } = self;
                let Body::Actor(actor) = &mut nodes[usize::from(id.0)].body else {
                    return Performed::Done;
                };
                if let Some(at) = actor.disk.submit(dice, now, ticket, request) {
                    self.later(at, Happening::Commit(id, life));
                }
            }
            shell::Output::Trace(traced) => self.packets.push((now, id, traced)),
            shell::Output::Transmit(transmit) => self.transmit(id, transmit),
            // No machine in a world has files besides its store.
            shell::Output::Write {
                line, file, count, ..
            } => {
                if let Some(shell) = self.actor_mut(id).and_then(|a| a.shell.as_mut()) {
                    shell.handle_written(line, &file, Ok(count));
                }
            }
        }
        Performed::Done
    }

    fn turn_server(&mut self, id: NodeId) {
        let mut outputs = 0;
        while let Some(output) = self.poll_server(id) {
            outputs += 1;
            if outputs > OUTPUTS_MAX {
                return self.fail("I11", "a turn does not end".into());
            }
            if self.crashes(id) {
                return;
            }
            let (now, life) = (self.now, self.see(id).life);
            match output {
                server::Output::Event(event) => {
                    self.trace.say(now, Some(id), "tells", server_word(&event));
                    self.keep_facts_of(id, fields::of_server_event(&event));
                    for line in event.lines() {
                        self.keep_facts_of(id, fields::of_shown(&line));
                    }
                    if let Some(body) = self.server_mut(id) {
                        body.events.push((now, event));
                    }
                }
                server::Output::Store(ticket, request) => {
                    self.checker.server_asks(now, ticket, &request);
                    let clocks = self.see(id).now(now);
                    let Self { dice, nodes, .. } = self;
                    let Body::Server(body) = &mut nodes[usize::from(id.0)].body else {
                        return;
                    };
                    if body.disk.waiting() >= STORE_QUEUE_MAX {
                        if let Some(server) = &mut body.server {
                            server.handle_store_full(clocks, ticket, request);
                        }
                    } else if let Some(at) = body.disk.submit(dice, now, ticket, request) {
                        self.later(at, Happening::Commit(id, life));
                    }
                }
                server::Output::Trace(traced) => self.packets.push((now, id, traced)),
                server::Output::Transmit(transmit) => self.transmit(id, transmit),
            }
        }
    }

    fn poll_server(&mut self, id: NodeId) -> Option<server::Output> {
        self.server_mut(id)?.server.as_mut()?.poll_output()
    }

    /// A program ends by itself: it waits for its disk, however slow; a failing one is not waited
    /// for.
    fn leave(&mut self, id: NodeId, exit: Exit) {
        if let Some(actor) = self.actor_mut(id) {
            actor.left = Some(exit);
        }
        self.flush(id);
        self.end(id);
    }

    /// A disk that writes at all, if slowly, writes what waits.
    fn flush(&mut self, id: NodeId) {
        let Self {
            dice,
            nodes,
            checker,
            now,
            ..
        } = self;
        match &mut nodes[usize::from(id.0)].body {
            Body::Actor(actor) if actor.disk.health() != Health::Failing => {
                for (request, reply) in &actor.disk.commit(dice).written {
                    checker.client_wrote(id, request, reply);
                }
            }
            Body::Server(body) if body.disk.health() == Health::Ok => {
                let done = body.disk.commit(dice);
                for (request, reply) in &done.written {
                    checker.server_wrote(request, reply);
                }
                for event in &done.told {
                    checker.server_told(*now, event);
                }
            }
            Body::Actor(_) | Body::Outside(_) | Body::Server(_) => {}
        }
    }

    /// The process is gone.
    fn end(&mut self, id: NodeId) {
        let Self {
            dice,
            nodes,
            checker,
            now,
            ..
        } = self;
        let node = &mut nodes[usize::from(id.0)];
        node.armed = None;
        checker.ended(id);
        match &mut node.body {
            Body::Actor(actor) => {
                actor.shell = None;
                for (request, reply) in &actor.disk.cut(dice).written {
                    checker.client_wrote(id, request, reply);
                }
            }
            Body::Outside(_) => {}
            Body::Server(body) => {
                body.server = None;
                let done = body.disk.cut(dice);
                for (request, reply) in &done.written {
                    checker.server_wrote(request, reply);
                }
                for event in &done.told {
                    checker.server_told(*now, event);
                }
            }
        }
        self.deadlines.cancel(&id);
        self.fallen.push(id);
    }

    fn transmit(&mut self, id: NodeId, Transmit { to, datagram }: Transmit) {
        let from = self.see(id).address;
        self.trace.datagram(self.now, Some(id), "->", to, &datagram);
        self.datagrams += 1;
        self.bytes += datagram.len() as u64;
        self.longest = self.longest.max(datagram.len());
        self.checker.sent(self.now, id, to, &datagram);
        if self.tap && self.dice.chance(150) {
            if self.tapped.len() >= TAPPED_MAX {
                self.tapped.pop_front();
            }
            self.tapped.push_back((from, to, datagram.clone()));
        }
        if self.faults.has(Fault::Copier) && self.dice.chance(20) {
            self.counts.add(Fault::Copier);
            let stranger = stranger(&mut self.dice);
            self.inject(stranger, to, datagram.clone(), Duration::from_micros(50));
        }
        self.carry(id, from, to, datagram);
    }

    fn carry(&mut self, id: NodeId, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let Some(place) = self.places.get(&to).copied() else {
            return;
        };
        let Self {
            dice,
            counts,
            network,
            now,
            ..
        } = self;
        for (at, bytes) in network.carry(dice, counts, *now, (id, place), bytes) {
            self.later(at, Happening::Datagram { from, to, bytes });
        }
    }
}

#[derive(PartialEq, Eq)]
enum Performed {
    Done,
    Ended,
}

/// An address that belongs to nobody and never proves itself (RFC 5737's third test network).
pub(super) fn stranger(dice: &mut Dice) -> SocketAddr {
    let host = u8::try_from(dice.below(256)).expect("it is below 256");
    SocketAddr::from((Ipv4Addr::new(203, 0, 113, host), 4000))
}

fn note_commit<E: super::disk::Engine>(
    trace: &mut Trace,
    counts: &mut Counts,
    now: Instant,
    id: NodeId,
    health: Health,
    done: &Committed<E>,
) {
    match health {
        Health::Failing => counts.add(Fault::DiskFailing),
        Health::Full => counts.add(Fault::DiskFull),
        Health::Ok => {}
        Health::Slow(_) => counts.add(Fault::DiskSlow),
    }
    let written = u64::try_from(done.written.len()).expect("a length is a u64");
    trace.note(now, Some(id), "commits", [written, done.unknown]);
}

const fn word_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Failed { code, .. } => code,
    }
}

const fn server_word(event: &server::Event) -> &'static str {
    use server::Event;
    match event {
        Event::Registered { .. } => "registered",
        Event::Left { .. } => "left",
        Event::Silent { .. } => "silent",
        Event::Stored { .. } => "stored",
        Event::Delivered { .. } => "delivered",
        Event::Expired { .. } => "expired",
        Event::TableChanged => "table changed",
        Event::Health { .. } => "health",
        Event::NameRefused { .. } => "name refused",
        _ => "group",
    }
}
