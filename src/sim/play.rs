//! A random run: people type, faults come and go, then all is healed and must become right.

use super::adversary::{self, Hostile};
use super::dice::Dice;
use super::disk::Health;
use super::faults::{Counts, Fault, Faults};
use super::node::{ActorSpec, NodeId};
use super::world::World;
use super::{Failure, workload};
use crate::client::{GroupPrivate, Mode};
use crate::model::limits::{KEEPALIVE, SLOT};
use crate::model::{Instant, Name, Timers};
use crate::server;
use crate::shell::{LineId, Shell};
use crate::wire::row::Status;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the healed world may take to become right.
const LIVENESS: Duration = Duration::from_mins(1);
/// A person who is reachable is shown offline for at most this long: a keepalive, its jitter, and
/// a log-in.
const OFFLINE_MAX: Duration = Duration::from_secs(KEEPALIVE.as_secs() + 2 + 3);
/// People have such names.
const NAMES: [&str; 8] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi",
];
/// Ten years.
const DECADE_MS: u64 = 10 * 366 * 86_400_000;

/// How large a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// 2 to 8 people, seldom 50, for up to 40 s.
    Random,
    /// As `Random`, without any fault: what a correct program does all day.
    Calm,
}

/// What a run has done.
#[derive(Clone, Debug)]
pub struct Report {
    /// How often each fault happened.
    pub counts: Counts,
    /// The trace's hash.
    pub hash: [u8; 32],
    /// Messages that became durable at their senders, and those that arrived.
    pub messages: (u64, u64),
    /// Datagrams that honest nodes sent.
    pub datagrams: u64,
    /// Virtual time.
    pub lasted: Duration,
}

/// A world and those who play in it.
pub struct Play {
    world: World,
    server: NodeId,
    people: Vec<NodeId>,
    names: Vec<Name>,
    hostile: Option<Hostile>,
    agenda: Timers<Deed>,
    number: u64,
    end: Instant,
    lines: u64,
    /// Since when nothing disturbs presence, for I18.
    calm_since: BTreeMap<NodeId, Instant>,
    disturbed_until: Instant,
    /// The line by which somebody was to come back: in which life, which.
    back: BTreeMap<NodeId, (u32, LineId)>,
    /// Since when everything is right, after healing.
    right_since: Option<Instant>,
    linger: Duration,
}

/// What is to be done by somebody who plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Adversaries,
    Chaos,
    Heal,
    Hostile,
    Look,
    Mend(Mend),
    Start(NodeId),
    Type(NodeId),
}

/// A fault that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mend {
    Clock(NodeId),
    Disk(NodeId),
    Network,
    Sizes,
}

impl Play {
    /// The run of a seed.
    #[must_use]
    pub fn new(seed: u64, profile: Profile) -> Self {
        let mut dice = Dice::new(seed);
        let faults = match profile {
            Profile::Calm => Faults::none(),
            Profile::Random => Faults::random(&mut dice),
        };
        let store = dice.u64();
        let many = dice.chance(5);
        let count = if many {
            50
        } else {
            dice.between(2, 8).min(dice.between(2, 8))
        };
        let lasts = Duration::from_secs(dice.between(10, 40));
        let mut world = World::with_dice(seed, dice, faults);
        world.checker.harmless = world.faults.are_harmless();
        let server = world.add_server(5000, server::Config::new(store));
        let mut play = Self {
            end: world.now() + lasts,
            server,
            people: Vec::new(),
            names: Vec::new(),
            hostile: None,
            agenda: Timers::new(),
            number: 0,
            lines: if many { 150 } else { 100 },
            calm_since: BTreeMap::new(),
            disturbed_until: world.now(),
            back: BTreeMap::new(),
            right_since: None,
            linger: if world.dice.chance(300) {
                Duration::from_secs(12)
            } else {
                Duration::ZERO
            },
            world,
        };
        play.gather(count);
        play
    }

    fn gather(&mut self, count: u64) {
        let now = self.world.now();
        self.world.start(self.server);
        for n in 0..count {
            let name = usize::try_from(n).ok().and_then(|n| NAMES.get(n));
            let name = name.map_or_else(|| format!("p{n}"), ToString::to_string);
            let spec = self.person(name.parse().expect("it is a name"));
            self.names.push(spec.name.clone());
            let id = self.world.add_actor(spec);
            self.people.push(id);
            let after = self.world.dice.millis(0, 2000);
            self.agenda.set(Deed::Start(id), now + after);
            let first = self.world.dice.millis(500, 5000);
            self.agenda.set(Deed::Type(id), now + first);
        }
        if self.world.faults.has(Fault::Hostile) {
            self.hostile = Some(Hostile::new(&mut self.world));
            self.agenda.set(Deed::Hostile, now + SLOT);
        }
        self.agenda.set(Deed::Adversaries, now + SLOT);
        self.agenda.set(Deed::Chaos, now + SLOT);
        self.agenda.set(Deed::Look, now + SLOT);
        self.agenda.set(Deed::Heal, self.end);
    }

    fn person(&mut self, name: Name) -> ActorSpec {
        let dice = &mut self.world.dice;
        let mut spec = ActorSpec::new(name, dice.bytes(), self.server);
        spec.knows_server = dice.chance(700);
        spec.stay = dice.chance(500);
        spec.relay = dice.chance(700);
        spec.settings.exit_on_dereg = dice.chance(100);
        spec.settings.show_table = dice.chance(100);
        if dice.chance(200) {
            spec.settings.group_private = GroupPrivate::Allow;
        }
        spec
    }

    /// The world, to look at.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// Keeps the whole trace.
    pub fn keep_trace(&mut self) {
        self.world.keep_trace();
    }

    /// Plays to the end, or to the first broken invariant.
    ///
    /// # Errors
    ///
    /// The failure, with its seed and the end of the trace.
    pub fn run(&mut self) -> Result<Report, Box<Failure>> {
        while self.step() {}
        if let Some(failure) = self.world.failure() {
            return Err(Box::new(failure.clone()));
        }
        Ok(Report {
            counts: self.world.counts().clone(),
            hash: self.world.trace_hash(),
            messages: self.world.checker.volume(),
            datagrams: self.world.datagrams(),
            lasted: self.world.now().since(Instant(0)),
        })
    }

    /// Lets the next thing happen; false at the end.
    pub fn step(&mut self) -> bool {
        let Some(due) = self.agenda.next() else {
            return false;
        };
        if self.world.advance(due) {
            self.notice();
            return true;
        }
        if self.world.failure().is_some() {
            return false;
        }
        if let Some(deed) = self.agenda.pop(self.world.now()) {
            self.perform(deed);
            self.notice();
            self.world.look();
        }
        self.world.failure().is_none() && self.agenda.next().is_some()
    }

    /// Who has fallen is started again after a while; who is spoken to from outside answers.
    fn notice(&mut self) {
        while let Some(id) = self.world.fallen.pop() {
            let after = if self.world.healed().is_some() {
                500
            } else {
                4000
            };
            let after = self.world.dice.millis(0, after);
            self.disturb(after + Duration::from_secs(1));
            self.agenda.set(Deed::Start(id), self.world.now() + after);
        }
        if let Some(hostile) = &mut self.hostile {
            hostile.listen(&mut self.world);
        }
    }

    fn again(&mut self, deed: Deed, low_ms: u64, high_ms: u64) {
        let after = self.world.dice.millis(low_ms, high_ms);
        self.agenda.set(deed, self.world.now() + after);
    }

    fn perform(&mut self, deed: Deed) {
        let healed = self.world.healed().is_some();
        match deed {
            Deed::Adversaries if !healed => {
                adversary::act(&mut self.world);
                self.again(deed, 5, 400);
            }
            Deed::Chaos if !healed => {
                self.chaos();
                let (low, high) = self.world.faults.gap;
                self.again(deed, low, high);
            }
            Deed::Heal => self.heal(),
            Deed::Hostile if !healed => {
                if let Some(hostile) = &mut self.hostile {
                    hostile.act(&mut self.world);
                }
                self.again(deed, 5, 500);
            }
            Deed::Look => self.look(),
            Deed::Mend(mend) if !healed => self.mend(mend),
            Deed::Start(id) => self.world.start(id),
            Deed::Type(id) if !healed => self.type_something(id),
            _ => {}
        }
    }

    fn type_something(&mut self, id: NodeId) {
        if let Some(shell) = self.world.shell(id)
            && self.number < self.lines
            && (!shell.is_busy() || self.world.dice.chance(300))
        {
            let mode = self
                .world
                .shell(id)
                .map_or(Mode::Starting, |shell| shell.view().mode.clone());
            let me = self.world.actor(id).map(|actor| actor.spec.name.clone());
            let me = me.expect("a person is an actor");
            self.number += 1;
            let line = workload::line(&mut self.world.dice, &mode, &me, &self.names, self.number);
            self.world.type_line(id, &line);
        }
        let pause = if self.people.len() > 10 { 20_000 } else { 5000 };
        self.again(Deed::Type(id), 10, pause);
    }
}

/// Faults that come and go.
impl Play {
    fn disturb(&mut self, lasts: Duration) {
        self.disturbed_until = self.disturbed_until.max(self.world.now() + lasts);
    }

    fn anybody(&mut self) -> NodeId {
        *self
            .world
            .dice
            .pick(&self.people)
            .expect("there are people")
    }

    fn any_node(&mut self) -> NodeId {
        if self.world.dice.chance(400) {
            self.server
        } else {
            self.anybody()
        }
    }

    fn until(&mut self, mend: Mend, low_ms: u64, high_ms: u64) {
        let lasts = self.world.dice.millis(low_ms, high_ms);
        self.disturb(lasts);
        self.agenda.set(Deed::Mend(mend), self.world.now() + lasts);
    }

    fn chaos(&mut self) {
        let events = [
            Fault::AddressChange,
            Fault::ClockJump,
            Fault::ClockStop,
            Fault::Clog,
            Fault::CrashClient,
            Fault::CrashServer,
            Fault::DiskFailing,
            Fault::DiskFull,
            Fault::DiskSlow,
            Fault::Impostor,
            Fault::Partition,
            Fault::Rollback,
            Fault::SizeLimit,
        ];
        let on: Vec<Fault> = events
            .into_iter()
            .filter(|event| self.world.faults.has(*event))
            .collect();
        let Some(fault) = self.world.dice.pick(&on).copied() else {
            return;
        };
        self.world
            .trace
            .say(self.world.now, None, "has a fault", fault.name());
        match fault {
            Fault::AddressChange => self.roam(),
            Fault::ClockJump => self.jump(),
            Fault::ClockStop => {
                let id = self.any_node();
                self.world.freeze_clock(id, true);
                self.world.counts.add(fault);
                self.until(Mend::Clock(id), 100, 20_000);
            }
            Fault::Clog => self.clog(),
            Fault::CrashClient => self.crash(false),
            Fault::CrashServer => self.crash(true),
            Fault::DiskFailing => self.disk(Health::Failing),
            Fault::DiskFull => self.disk(Health::Full),
            Fault::DiskSlow => {
                let longest = self.world.dice.millis(10, 5000);
                self.disk(Health::Slow(longest));
            }
            Fault::Impostor => self.impersonate(),
            Fault::Partition => self.part(),
            Fault::Rollback => self.roll_back(),
            _ => {
                let most = self.world.dice.between(500, 1199);
                self.world.network.conditions.bytes_max =
                    usize::try_from(most).expect("it is small");
                self.until(Mend::Sizes, 500, 8000);
            }
        }
    }

    fn roam(&mut self) {
        let (id, address) = (self.anybody(), self.world.fresh_address());
        self.world.move_node(id, address);
        self.world.counts.add(Fault::AddressChange);
        self.disturb(SLOT);
    }

    fn jump(&mut self) {
        let id = self.any_node();
        let by = match self.world.dice.below(3) {
            0 => self.world.dice.below(DECADE_MS),
            1 => self.world.dice.below(5_000_000),
            _ => self.world.dice.below(3000),
        };
        let by = i64::try_from(by).expect("a decade is short");
        let by = if self.world.dice.chance(500) { -by } else { by };
        self.world.jump_clock(id, by);
        self.world.counts.add(Fault::ClockJump);
    }

    fn crash(&mut self, server: bool) {
        let id = if server { self.server } else { self.anybody() };
        let outputs = self.world.dice.below(12).min(self.world.dice.below(12));
        self.world
            .arm(id, u32::try_from(outputs).expect("it is small"));
        self.disturb(Duration::from_secs(10));
    }

    fn disk(&mut self, health: Health) {
        let id = self.any_node();
        self.world.set_disk(id, health);
        self.until(Mend::Disk(id), 200, 8000);
    }

    fn clog(&mut self) {
        let (a, b) = (self.any_node(), self.any_node());
        let rate = self.world.dice.between(500, 50_000);
        self.world.clog(a, b, Some(rate));
        self.until(Mend::Network, 500, 5000);
    }

    fn part(&mut self) {
        let everybody: Vec<NodeId> = self.people.iter().copied().chain([self.server]).collect();
        let split = self.world.dice.chance(500);
        let one = [self.any_node()];
        let (a, b): (Vec<NodeId>, Vec<NodeId>) = if split {
            everybody.iter().partition(|_| self.world.dice.chance(500))
        } else {
            (one.to_vec(), vec![self.any_node()])
        };
        self.world.block(&a, &b, true);
        if self.world.dice.chance(600) {
            self.world.block(&b, &a, true);
        }
        self.until(Mend::Network, 100, 10_000);
    }

    /// Somebody else asks for a name that is bound.
    fn impersonate(&mut self) {
        let name = self
            .world
            .dice
            .pick(&self.names)
            .expect("there are names")
            .clone();
        if !self.world.checker.is_bound(&name) || self.world.nodes.len() > 80 {
            return;
        }
        let mut spec = self.person(name);
        spec.knows_server = true;
        let id = self.world.add_actor(spec);
        self.world.counts.add(Fault::Impostor);
        self.world.start(id);
    }

    fn roll_back(&mut self) {
        let has_copy = self
            .world
            .server_body(self.server)
            .is_some_and(|body| body.backup.is_some());
        if !has_copy {
            self.world.back_up(self.server);
        } else if self.world.dice.chance(300) && self.world.roll_back(self.server) {
            self.world.counts.add(Fault::Rollback);
            self.disturb(Duration::from_secs(10));
        }
    }

    fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Clock(id) => self.world.freeze_clock(id, false),
            Mend::Disk(id) => self.world.set_disk(id, Health::Ok),
            Mend::Network => {
                let conditions = self.world.network.conditions;
                self.world.network.heal();
                self.world.network.conditions = conditions;
            }
            Mend::Sizes => {
                self.world.network.conditions.bytes_max = self.world.faults.conditions.bytes_max;
            }
        }
    }

    fn heal(&mut self) {
        self.world.heal();
        self.agenda.cancel(&Deed::Hostile);
        let restart = self.world.dice.chance(500);
        if restart {
            self.world.checker.harmless = false;
            self.world.kill(self.server);
            self.agenda.set(Deed::Start(self.server), self.world.now());
        }
        for id in self.people.clone() {
            if restart {
                self.world.kill(id);
            }
            if !self.world.is_up(id) {
                let after = self.world.dice.millis(0, 500);
                self.agenda.set(Deed::Start(id), self.world.now() + after);
            }
        }
    }
}

/// Looking: presence while it runs, everything at the end.
impl Play {
    fn look(&mut self) {
        if let Some(healed) = self.world.healed() {
            return self.look_healed(healed);
        }
        self.look_at_presence();
        self.agenda
            .set(Deed::Look, self.world.now() + Duration::from_secs(1));
    }

    /// I18: nobody live and reachable is shown offline for long.
    fn look_at_presence(&mut self) {
        let now = self.world.now();
        let faults = &self.world.faults.conditions;
        let rough =
            faults.loss > 300 || faults.burst > 0 || faults.corrupt > 50 || faults.straggle > 0;
        if rough || now < self.disturbed_until {
            self.calm_since.clear();
            return;
        }
        let Some(table) = self.world.server(self.server).map(server::Server::table) else {
            return;
        };
        for id in &self.people {
            let present = self.world.shell(*id).is_some_and(is_present);
            let shown = self.world.actor(*id).is_some_and(|actor| {
                table
                    .iter()
                    .any(|row| row.name == actor.spec.name && row.status == Status::Online)
            });
            if shown || !present {
                self.calm_since.remove(id);
                continue;
            }
            let since = *self.calm_since.entry(*id).or_insert(now);
            if now.since(since) > OFFLINE_MAX {
                let name = &self.world.see(*id).name;
                let what =
                    format!("{name} is live and reachable and shown offline since {since:?}");
                return self.world.fail("I18", what);
            }
        }
    }

    fn look_healed(&mut self, healed: Instant) {
        let now = self.world.now();
        self.come_back();
        if let Some((invariant, what)) = self.what_is_wrong() {
            self.right_since = None;
            if now.since(healed) > LIVENESS {
                let what = format!("60 s after healing: {what}");
                return self.world.fail(invariant, what);
            }
        } else {
            let since = *self.right_since.get_or_insert(now);
            if now.since(since) >= self.linger {
                self.agenda = Timers::new();
                return;
            }
        }
        self.agenda.set(Deed::Look, now + SLOT);
    }

    /// Those who are away come back; those who are in a group leave it, and see what was held.
    fn come_back(&mut self) {
        for id in self.people.clone() {
            let words = match self.world.shell(id).map(|shell| &shell.view().mode) {
                Some(Mode::Group(_)) => "leave_group",
                Some(Mode::Offline(_)) => "reg",
                Some(Mode::Normal | Mode::Starting) | None => continue,
            };
            let present = self.world.see(id).life;
            let waits = |(life, line): &(u32, LineId)| {
                *life == present && !self.world.checker.has_settled(id, *line)
            };
            if !self.back.get(&id).is_some_and(waits)
                && let Some(line) = self.world.type_line(id, words)
            {
                self.back.insert(id, (present, line));
            }
        }
    }

    /// I2 and I14: what is not yet as it has to be in the end.
    fn what_is_wrong(&self) -> Option<(&'static str, String)> {
        let Some(server) = self.world.server(self.server) else {
            return Some(("I14", "the server is down".into()));
        };
        let (digest, table) = (server.digest(), server.table());
        for id in &self.people {
            let node = &self.world.see(*id);
            let name = &node.name;
            let Some(shell) = self.world.shell(*id) else {
                return Some(("I14", format!("{name} is down")));
            };
            if shell.view().mode != Mode::Normal || shell.is_busy() {
                return Some((
                    "I14",
                    format!(
                        "{name} is in {:?}, busy {}",
                        shell.view().mode,
                        shell.is_busy()
                    ),
                ));
            }
            let waiting = shell.client().outbox_count();
            if waiting > 0 {
                return Some((
                    "I14",
                    format!("{name} has {waiting} unconfirmed messages in its outbox"),
                ));
            }
            if shell.client().digest() != digest {
                return Some((
                    "I14",
                    format!(
                        "{name} has table {:?}, the server {digest:?}",
                        shell.client().digest()
                    ),
                ));
            }
            let row = table
                .iter()
                .find(|row| row.name.as_str().eq_ignore_ascii_case(name));
            if row
                .is_none_or(|row| row.status != Status::Online || row.address != Some(node.address))
            {
                return Some((
                    "I14",
                    format!("{name} is at {} and shown as {row:?}", node.address),
                ));
            }
        }
        self.waiting_mail().or_else(|| {
            self.world.checker.unfinished(|id| {
                self.world
                    .shell(id)
                    .is_some_and(|shell| shell.view().held > 0)
            })
        })
    }

    fn waiting_mail(&self) -> Option<(&'static str, String)> {
        let store = self.world.server_body(self.server)?.disk.engine();
        let waiting = store.waiting();
        let mail = waiting
            .iter()
            .find(|(name, ..)| self.names.contains(name))?;
        Some((
            "I14",
            format!("mail waits for {}, who is here: {mail:?}", mail.0),
        ))
    }
}

fn is_present(shell: &Shell) -> bool {
    matches!(shell.view().mode, Mode::Normal | Mode::Group(_))
}
