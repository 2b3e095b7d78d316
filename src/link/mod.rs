//! Whole packets of bytes, acknowledged, between two keys over an unreliable path. Knows nothing of
//! what they say.
//!
//! > Handle as much as you like, then poll until `None`, then sleep until `deadline`.
//!
//! A packet that was queued ends in exactly one of three ways: [`Output::Settled`], its peer's
//! [`Output::Closed`], or [`Links::abandon`]. A session that replaces another takes over what was
//! queued; a packet that travelled on both may arrive twice, so packets need ids of their own.

mod acks;
mod ask;
mod attempt;
mod bucket;
mod closing;
mod doorman;
mod inbound;
mod line;
mod old;
mod peer;
mod queue;
mod reassembly;
mod resend;
mod rtt;
mod sessions;
mod window;

use crate::model::limits::{DATAGRAM_BYTES_MAX, PACKET_BYTES_MAX, STRANGERS_PER_S};
use crate::model::{Instant, Now, PublicKey, Timers};
use crate::secure::{Identity, Ratchet};
use crate::wire::CloseCode;
use crate::wire::datagram::Role;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use ask::Asks;
use bucket::Bucket;
use closing::Closings;
use doorman::{Doorman, Pendings};
use line::Event;
use peer::Peer;
use reassembly::Reassembly;
use resend::News;

/// All peers of one node; under server and client alike. Peers are named by their session key
/// (X25519).
pub struct Links {
    node: Node,
    identity: Arc<Identity>,
    me: PublicKey,
    ratchet: Ratchet,
    boot: u64,
    now: Instant,
    /// Counts turns: from the first `handle_*` until `poll_output` says `None`.
    turn: u64,
    turn_is_over: bool,
    peers: BTreeMap<PublicKey, Peer>,
    /// Whose session has this number (of those under which we receive).
    sids: BTreeMap<u32, Whose>,
    /// The numbers under which others receive: a RESET is found by them.
    peer_sids: BTreeSet<(u32, PublicKey)>,
    parcels: BTreeMap<Parcel, PublicKey>,
    parcel_next: u64,
    known: BTreeSet<PublicKey>,
    answers_hellos: bool,
    strangers: Bucket,
    doorman: Doorman,
    pendings: Pendings,
    closings: Closings,
    asks: Asks,
    reassembly: Reassembly,
    /// Sessions that may be evicted, by a moment not later than when they were heard.
    idle: BTreeSet<(Instant, PublicKey)>,
    timers: Timers<PublicKey>,
    /// Who may be owed an acknowledgement, and by when: it is always promised for the same time
    /// ahead, so the first is the next.
    promises: VecDeque<(Instant, PublicKey)>,
    /// Peers that changed in this turn; those that have more than one turn's due wait for the next.
    dirty: VecDeque<PublicKey>,
    /// Some were looked at since timers were put off.
    timers_moved: bool,
    later: Vec<PublicKey>,
    outputs: VecDeque<Output>,
    datagrams: VecDeque<(Path, Vec<u8>)>,
    counters: Counters,
    // Buffers, kept to be used again.
    plain: Vec<u8>,
    payload: Vec<u8>,
    events: Vec<Event>,
    news: Vec<News>,
}

/// What kind of node this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// Answers HELLOs of role "peer" from known keys only; datagrams of at most 1,100 bytes between
    /// peers.
    Client,
    /// Answers HELLOs of role "server" from anybody.
    Server {
        /// KEYREQ is not answered.
        quiet: bool,
    },
}

/// How datagrams reach a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// Straight to an address.
    Direct(SocketAddr),
    /// Carried by the server to the client with this session key.
    Relay(PublicKey),
}

/// One packet on its way; never reused in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parcel(pub u64);

/// To whom, which way, and for how long a handshake is tried if there is no session yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The session key of the other.
    pub key: PublicKey,
    /// Where a HELLO goes.
    pub path: Path,
    /// What the other is (the role byte of the HELLO).
    pub role: Role,
    /// Slots of 500 ms for the handshake.
    pub slots: u8,
}

/// The queue of the session is full: the packet is given back.
#[derive(Debug, PartialEq, Eq)]
pub struct Full(pub Arc<[u8]>);

/// What has to be done next, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A whole packet; once per session.
    Arrived {
        /// The session key of the sender.
        from: PublicKey,
        /// The packet.
        bytes: Vec<u8>,
    },
    /// The session (or the attempt at one) is gone, and what was queued on it.
    Closed {
        /// Whose session it was.
        peer: PublicKey,
        /// The reason.
        why: Closed,
    },
    /// One packet that nobody repeats.
    Loose {
        /// The session key of the sender.
        from: PublicKey,
        /// The packet.
        bytes: Vec<u8>,
    },
    /// The peer has proven another path; everything goes there now.
    Moved {
        /// Who moved.
        peer: PublicKey,
        /// The way to it.
        path: Path,
    },
    /// A session is confirmed (also one that replaces an older one).
    Opened {
        /// With whom.
        peer: PublicKey,
        /// The way to it.
        path: Path,
        /// Random per start of the other's program.
        boot: u64,
        /// We said HELLO.
        initiated: bool,
        /// There was no session with this key before, or the boot differs; false for a mere rekey.
        fresh: bool,
    },
    /// Some, not all, of the packet was newly acknowledged by the other's link (multi-chunk
    /// packets).
    Progress {
        /// The packet.
        parcel: Parcel,
    },
    /// The session was closed by a program that had replaced another one, which was asked whether
    /// it is still there (`ping_old`): that one's session is the current one again.
    Returned {
        /// Whose session it is.
        peer: PublicKey,
    },
    /// A server told its keys (answer to `ask_key`).
    ServerKey {
        /// The address that was asked.
        from: SocketAddr,
        /// The key of its sessions.
        session_key: PublicKey,
        /// The key that signs its card.
        identity: PublicKey,
    },
    /// All of the packet was acknowledged by the other's link. It says nothing about disks or
    /// people.
    Settled {
        /// Whose link it was.
        peer: PublicKey,
        /// The packet.
        parcel: Parcel,
    },
    /// A HELLO of a key we do not know (clients): look it up, `know` it, and let its next HELLO be
    /// answered.
    Stranger {
        /// Whose HELLO it was.
        key: PublicKey,
        /// The way it came.
        path: Path,
    },
    /// A datagram to send.
    Transmit {
        /// The way it goes.
        to: Path,
        /// The bytes.
        datagram: Vec<u8>,
    },
}

/// Why there is no session any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The other said so (CLOSE).
    ByPeer(CloseCode),
    /// Too many sessions; this one was idle longest.
    Evicted,
    /// Time or counter used up.
    Expired,
    /// Unused for `PEER_IDLE` (between clients).
    Idle,
    /// No answer to the handshake in all its slots.
    NoAnswer,
    /// The other does not know the session any more (RESET).
    Reset,
    /// It broke a rule of the protocol or a limit; it was told.
    Violation,
}

/// Counts of what was dropped, for `stats` and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams of no known form.
    pub malformed: u64,
    /// Datagrams whose seal, token or MAC is wrong.
    pub forged: u64,
    /// DATA that was received before, or is too old to know.
    pub repeated: u64,
    /// DATA of no session.
    pub unknown_session: u64,
    /// HELLOs of the wrong role, of unknown keys, or while none are answered.
    pub refused_hello: u64,
    /// What was not answered because of a limit.
    pub limited: u64,
    /// Datagrams handled.
    pub datagrams_in: u64,
    /// Datagrams given out.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Chunks sent again.
    pub resent_chunks: u64,
    /// Sessions that the other ended: by CLOSE, or by a RESET that was believed.
    pub ended_by_peer: u64,
}

/// What a session number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Closing,
    Peer(PublicKey),
    Pending,
}

/// Which rule was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Violation {
    Limit,
    Protocol,
}

impl Links {
    /// No peers. `boot` is drawn from the ratchet.
    #[must_use]
    pub fn new(node: Node, identity: Arc<Identity>, mut ratchet: Ratchet) -> Self {
        Self {
            node,
            me: identity.session_key(),
            identity,
            boot: ratchet.u64(),
            now: Instant(0),
            turn: 1,
            turn_is_over: false,
            peers: BTreeMap::new(),
            sids: BTreeMap::new(),
            peer_sids: BTreeSet::new(),
            parcels: BTreeMap::new(),
            parcel_next: 0,
            known: BTreeSet::new(),
            answers_hellos: true,
            strangers: Bucket::full(Instant(0), STRANGERS_PER_S),
            doorman: Doorman::new(&mut ratchet),
            pendings: Pendings::default(),
            closings: Closings::default(),
            asks: Asks::default(),
            reassembly: Reassembly::default(),
            idle: BTreeSet::new(),
            timers: Timers::new(),
            promises: VecDeque::new(),
            dirty: VecDeque::new(),
            timers_moved: false,
            later: Vec::new(),
            outputs: VecDeque::new(),
            datagrams: VecDeque::new(),
            counters: Counters::default(),
            plain: Vec::with_capacity(DATAGRAM_BYTES_MAX),
            payload: Vec::with_capacity(DATAGRAM_BYTES_MAX),
            events: Vec::new(),
            news: Vec::new(),
            ratchet,
        }
    }

    /// Queues a packet. Without a session a handshake begins at once; `route.path` is used for it
    /// (an existing session keeps its own path).
    ///
    /// # Errors
    /// Too many packets, or bytes, wait for this peer: the packet is given back.
    ///
    /// # Panics
    /// If the packet is empty, or longer than any packet is.
    pub fn send(
        &mut self,
        now: Now,
        to: &Route,
        bytes: impl Into<Arc<[u8]>>,
    ) -> Result<Parcel, Full> {
        let bytes = bytes.into();
        assert!(!bytes.is_empty());
        assert!(bytes.len() <= PACKET_BYTES_MAX);
        self.begin(now);
        let peer = self
            .peers
            .entry(to.key)
            .or_insert_with(|| Peer::new(to.role));
        let parcel = Parcel(self.parcel_next);
        peer.queue.push(parcel, bytes)?;
        if let Some(line) = &mut peer.line {
            line.used = now.instant;
        }
        self.parcel_next += 1;
        self.parcels.insert(parcel, to.key);
        self.reach(to);
        Ok(parcel)
    }

    /// Queues a packet on the session that stands; `None` if there is none.
    ///
    /// # Errors
    /// Too many packets, or bytes, wait for this peer: the packet is given back.
    ///
    /// # Panics
    /// If the packet is empty, or longer than any packet is.
    pub fn send_on(
        &mut self,
        now: Now,
        to: &PublicKey,
        bytes: Arc<[u8]>,
    ) -> Result<Option<Parcel>, Full> {
        assert!(!bytes.is_empty());
        assert!(bytes.len() <= PACKET_BYTES_MAX);
        self.begin(now);
        let Some(peer) = self.peers.get_mut(to) else {
            return Ok(None);
        };
        let Some(line) = &mut peer.line else {
            return Ok(None);
        };
        let parcel = Parcel(self.parcel_next);
        peer.queue.push(parcel, bytes)?;
        line.used = now.instant;
        self.parcel_next += 1;
        self.parcels.insert(parcel, *to);
        if !std::mem::replace(&mut peer.dirty, true) {
            self.dirty.push_back(*to);
        }
        Ok(Some(parcel))
    }

    /// Sends one packet in a LOOSE frame on an existing session; false (dropped) if there is none
    /// or it does not fit.
    pub fn send_loose(&mut self, now: Now, to: &PublicKey, bytes: &[u8]) -> bool {
        self.begin(now);
        let line = self.peers.get_mut(to).and_then(|peer| peer.line.as_mut());
        let Some(line) = line else {
            return false;
        };
        line.used = now.instant;
        let taken = line.push_loose(bytes);
        self.touch(to);
        taken
    }

    /// Begins a handshake without a packet (confirmed by PING); nothing if there is a session.
    pub fn connect(&mut self, now: Now, to: &Route) {
        self.begin(now);
        self.peers
            .entry(to.key)
            .or_insert_with(|| Peer::new(to.role));
        self.reach(to);
    }

    /// Forgets a packet: it is not repeated any more, `Settled` will not come.
    pub fn abandon(&mut self, parcel: Parcel) {
        if let Some(key) = self.parcels.remove(&parcel)
            && let Some(peer) = self.peers.get_mut(&key)
        {
            peer.abandon(parcel);
            self.touch(&key);
        }
    }

    /// Queues a PING: the other must acknowledge.
    pub fn ping(&mut self, now: Now, peer: &PublicKey) {
        self.begin(now);
        if let Some(line) = self.peers.get_mut(peer).and_then(|peer| peer.line.as_mut()) {
            line.ping();
            self.touch(peer);
        }
    }

    /// Ends the session with a CLOSE (up to three times while the other still talks). No `Closed`
    /// output follows.
    pub fn close(&mut self, now: Now, peer: &PublicKey, code: CloseCode, text: &str) {
        self.begin(now);
        self.end_with_close(peer, code, text);
    }

    /// Ends the session without a word (a silent leave, or the other was found dead). No `Closed`
    /// output follows.
    pub fn forget(&mut self, peer: &PublicKey) {
        self.drop_peer(peer);
    }

    /// From now on HELLOs of this key are answered (clients).
    pub fn know(&mut self, key: PublicKey) {
        self.known.insert(key);
    }

    /// HELLOs of this key are not answered any more (clients); a live session stays.
    pub fn unknow(&mut self, key: &PublicKey) {
        self.known.remove(key);
    }

    /// While false, HELLOs are ignored altogether (a client that is away).
    pub const fn answer_hellos(&mut self, yes: bool) {
        self.answers_hellos = yes;
    }

    /// Asks a server at this address for its keys (KEYREQ): repeated like a HELLO, `slots` slots;
    /// `Output::ServerKey` or nothing.
    pub fn ask_key(&mut self, now: Now, at: SocketAddr, slots: u8) {
        self.begin(now);
        let nonce = self.ratchet.message_id().to_bytes();
        self.asks.begin(now.instant, at, nonce, slots);
    }

    /// Probes whether another path to a peer works: a `PATH_CHALLENGE` goes there
    /// on the existing session; its answer moves the session.
    pub fn challenge(&mut self, now: Now, peer: &PublicKey, at: Path) {
        self.begin(now);
        if let Some(line) = self.peers.get_mut(peer).and_then(|peer| peer.line.as_mut()) {
            line.challenge(&mut self.ratchet, at);
            self.touch(peer);
        }
    }

    /// True if a confirmed session exists.
    #[must_use]
    pub fn is_open(&self, peer: &PublicKey) -> bool {
        self.line(peer).is_some()
    }

    /// Where datagrams to this peer go.
    #[must_use]
    pub fn path(&self, peer: &PublicKey) -> Option<Path> {
        self.peers.get(peer)?.path()
    }

    /// When the last datagram of this peer opened.
    #[must_use]
    pub fn heard(&self, peer: &PublicKey) -> Option<Instant> {
        self.line(peer).map(|line| line.heard)
    }

    /// When something was last sent to this peer.
    #[must_use]
    pub fn sent(&self, peer: &PublicKey) -> Option<Instant> {
        self.line(peer)?.sent
    }

    /// The boot number the peer's program gave in its handshake.
    #[must_use]
    pub fn boot(&self, peer: &PublicKey) -> Option<u64> {
        self.line(peer).map(|line| line.boot)
    }

    /// Packets queued and not yet settled on this session.
    #[must_use]
    pub fn waiting(&self, peer: &PublicKey) -> usize {
        self.peers.get(peer).map_or(0, |peer| peer.queue.packets())
    }

    /// What was dropped and counted.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes a datagram; bytes from the network are never our error.
    pub fn handle_datagram(&mut self, now: Now, from: Path, bytes: &[u8]) {
        self.begin(now);
        self.counters.datagrams_in += 1;
        self.counters.bytes_in += bytes.len() as u64;
        self.on_datagram(from, bytes);
    }

    /// Mixes 32 fresh bytes of the operating system in.
    pub fn handle_entropy(&mut self, bytes: &[u8; 32]) {
        self.ratchet.mix(bytes);
    }

    /// Does what is due; calling it early changes nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        self.begin(now);
        self.reassembly.handle_timeout(self.now);
        while let Some(sid) = self.pendings.expire(self.now) {
            self.sids.remove(&sid);
        }
        while let Some(sid) = self.closings.expire(self.now) {
            self.sids.remove(&sid);
        }
        while let Some(key) = self.timers.pop(self.now) {
            self.on_peer_timeout(&key);
        }
        self.keep_promises();
    }

    /// The next thing to do. Datagrams are built here, so that everything due to one peer in a turn
    /// shares them: they come last.
    /// `now` of the latest handle_* call is remembered for building.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if let Some((to, datagram)) = self.datagrams.pop_front() {
                self.counters.datagrams_out += 1;
                self.counters.bytes_out += datagram.len() as u64;
                return Some(Output::Transmit { to, datagram });
            }
            if let Some((at, datagram)) = self.asks.poll(self.now) {
                self.datagrams.push_back((Path::Direct(at), datagram));
            } else if let Some(key) = self.dirty.pop_front() {
                self.flush(&key);
            } else {
                if std::mem::take(&mut self.timers_moved) {
                    self.put_off_timers();
                    self.drop_kept_promises();
                }
                self.turn_is_over = true;
                return None;
            }
        }
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if !self.later.is_empty() || !self.dirty.is_empty() {
            return Some(self.now);
        }
        let all = [
            self.timers.next(),
            self.promises.front().map(|(at, _)| *at),
            self.reassembly.deadline(),
            self.pendings.deadline(),
            self.closings.deadline(),
            self.asks.deadline(),
        ];
        all.into_iter().flatten().min()
    }

    fn begin(&mut self, now: Now) {
        self.now = self.now.max(now.instant);
        if std::mem::take(&mut self.turn_is_over) {
            self.turn += 1;
            self.dirty.extend(self.later.drain(..));
        }
    }
}
