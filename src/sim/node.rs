//! The nodes of a world: the server, the actors, and addresses outside of which nothing good comes.

use super::disk::Disk;
use crate::client;
use crate::link::Counters;
use crate::memory::{ClientMemory, ServerMemory};
use crate::model::{Instant, Name, Now, PublicKey, Wall};
use crate::secure::Identity;
use crate::server::{self, Server};
use crate::shell::fields::Fact;
use crate::shell::{Exit, LineId, OnFailure, Outcome, Settings, Shell, Shown, Style};
use std::net::SocketAddr;
use std::sync::Arc;

/// 2025-11-21 02:13:20 UTC: when every world begins.
pub(super) const BEGINNING_MS: i64 = 1_763_690_000_000;

/// Names a node of a world, in the order in which they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub u16);

/// A machine and what runs on it.
pub(super) struct Node {
    pub(super) name: Box<str>,
    pub(super) address: SocketAddr,
    /// Counts process starts.
    pub(super) life: u32,
    /// The monotonic clock of a process begins near its start.
    pub(super) epoch: Instant,
    pub(super) clock: Clock,
    /// It crashes before so many more outputs are done.
    pub(super) armed: Option<u32>,
    /// A turn has been put off until then.
    pub(super) turn_due: bool,
    /// Turns without the passing of time.
    pub(super) spins: u32,
    pub(super) body: Body,
}

pub(super) enum Body {
    Actor(Box<Actor>),
    /// What arrives there.
    Outside(Vec<(SocketAddr, Vec<u8>)>),
    Server(Box<ServerBody>),
}

pub(super) struct Actor {
    pub(super) spec: ActorSpec,
    pub(super) identity: Arc<Identity>,
    pub(super) disk: Disk<ClientMemory>,
    pub(super) shell: Option<Box<Shell>>,
    pub(super) started: Option<LineId>,
    pub(super) shown: Vec<(Instant, Shown)>,
    /// What a script reads, shown lines included; only if the world keeps facts.
    pub(super) facts: Vec<(Instant, Fact)>,
    pub(super) settled: Vec<(Instant, LineId, Outcome)>,
    pub(super) left: Option<Exit>,
}

pub(super) struct ServerBody {
    pub(super) config: server::Config,
    pub(super) identity: Arc<Identity>,
    pub(super) disk: Disk<ServerMemory>,
    pub(super) server: Option<Box<Server>>,
    pub(super) events: Vec<(Instant, server::Event)>,
    /// The same as facts, console lines included; only if the world keeps facts.
    pub(super) facts: Vec<(Instant, Fact)>,
    /// Copies of the store that may be put back.
    pub(super) backup: Option<(Instant, ServerMemory)>,
}

/// What an actor is; it is started afterwards.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that somebody may set"
)]
pub struct ActorSpec {
    /// The name it asks for.
    pub name: Name,
    /// Its key; two actors with one seed are one person on two machines.
    pub seed: [u8; 32],
    /// The server it talks to.
    pub server: NodeId,
    /// It knows the server's key beforehand; else the first one seen is pinned.
    pub knows_server: bool,
    /// A lost server does not end it.
    pub stay: bool,
    /// It lets the server carry datagrams where the direct path fails.
    pub relay: bool,
    /// What one may set for a shell.
    pub settings: Settings,
    /// Its packets are kept.
    pub trace: bool,
}

impl ActorSpec {
    /// An actor as a script has it: plain settings, failures are shown and end nothing.
    #[must_use]
    pub const fn new(name: Name, seed: [u8; 32], server: NodeId) -> Self {
        Self {
            name,
            seed,
            server,
            knows_server: true,
            stay: false,
            relay: true,
            settings: Settings {
                exit_on_dereg: false,
                group_private: client::GroupPrivate::Refuse,
                show_table: false,
                style: Style::Bracket,
                on_failure: OnFailure::Show,
            },
            trace: false,
        }
    }
}

/// A wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    pub(super) offset_ms: i64,
    pub(super) frozen_ms: Option<i64>,
}

impl Clock {
    pub(super) fn read(&self, at: Instant) -> Wall {
        let true_ms = BEGINNING_MS + i64::try_from(at.0 / 1000).expect("no run lasts for ages");
        Wall {
            unix_ms: self.frozen_ms.unwrap_or(true_ms) + self.offset_ms,
            offset_s: 0,
        }
    }
}

impl Node {
    /// Both clocks as the node's own process reads them.
    pub(super) fn now(&self, at: Instant) -> Now {
        Now {
            instant: Instant(at.0 - self.epoch.0),
            wall: self.clock.read(at),
        }
    }

    pub(super) const fn is_up(&self) -> bool {
        match &self.body {
            Body::Actor(actor) => actor.shell.is_some(),
            Body::Outside(_) => true,
            Body::Server(body) => body.server.is_some(),
        }
    }

    /// When its core wants to be called, in the world's time.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let own = match &self.body {
            Body::Actor(actor) => actor.shell.as_ref()?.deadline(),
            Body::Outside(_) => None,
            Body::Server(body) => body.server.as_ref()?.deadline(),
        };
        own.map(|own| Instant(own.0.saturating_add(self.epoch.0)))
    }

    /// What was dropped and counted so far, of any kind.
    pub(super) fn dropped(&self) -> u64 {
        self.counters().map_or(0, |c| {
            c.malformed + c.forged + c.repeated + c.unknown_session + c.refused_hello + c.limited
        })
    }

    /// How many datagrams its program has looked at.
    pub(super) fn handled(&self) -> u64 {
        self.counters().map_or(0, |c| c.datagrams_in)
    }

    /// How many sessions others have ended.
    pub(super) fn ended(&self) -> u64 {
        self.counters().map_or(0, |c| c.ended_by_peer)
    }

    fn counters(&self) -> Option<Counters> {
        match &self.body {
            Body::Actor(actor) => Some(actor.shell.as_ref()?.client().counters()),
            Body::Outside(_) => None,
            Body::Server(body) => Some(body.server.as_ref()?.counters()),
        }
    }
}

impl Actor {
    pub(super) fn config(&self, server: SocketAddr, key: PublicKey) -> client::Config {
        client::Config {
            name: self.spec.name.clone(),
            server,
            server_key: self
                .spec
                .knows_server
                .then(|| crate::secure::Fingerprint::of(&key)),
            group_private: self.spec.settings.group_private,
            stay: self.spec.stay,
            relay: self.spec.relay,
            trace: self.spec.trace,
            arrivals: client::Arrivals::Take,
        }
    }
}
