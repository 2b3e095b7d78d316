//! The link floor as stories: two nodes, virtual time, and a network that loses, repeats and
//! reorders.

use ackchat::link::{Closed, Links, Node, Output, Parcel, Path, Route};
use ackchat::model::limits::{
    BURST_MAX, DATA_BYTES_MIN, PEER_IDLE, REASSEMBLY_TIME, REJECT, SEND_PACKETS_MAX, SLOT,
};
use ackchat::model::{Instant, Now, PublicKey, Wall};
use ackchat::secure::{Identity, Initiator, Ratchet, Responder, Session};
use ackchat::wire::datagram::{Datagram, Role};
use ackchat::wire::frame::frames;
use ackchat::wire::{Ack, CloseCode, Frame};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const A: usize = 0;
const B: usize = 1;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn address(n: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, small(n) + 1], 7001))
}

/// A number of the tests' own making.
fn small(n: usize) -> u8 {
    u8::try_from(n).expect("tests count to small numbers")
}

#[expect(
    clippy::print_stdout,
    reason = "a failed test shows its seed and its figures"
)]
fn say(text: &str) {
    println!("{text}");
}

/// A node, where it is, and what it was told to do (but for the datagrams).
struct Host {
    links: Links,
    key: PublicKey,
    at: SocketAddr,
    told: Vec<Output>,
}

/// What the network does to a datagram.
#[derive(Clone, Copy, Default)]
struct Faults {
    loss_percent: u64,
    duplicate_percent: u64,
    jitter: Duration,
    /// Datagrams of A with lengths from here to there are lost.
    holes: Option<(usize, usize)>,
}

/// Two hosts and the wire between them.
struct Pair {
    now: Instant,
    hosts: [Host; 2],
    faults: Faults,
    latency: Duration,
    wire: BTreeMap<(Instant, u64), (Path, Path, Vec<u8>)>,
    /// Every datagram sent: when, by whom, where to, its bytes.
    log: Vec<(Instant, usize, Path, Vec<u8>)>,
    count: u64,
    lost: u64,
    ratchet: Ratchet,
    /// What the hosts take each other for.
    role: Role,
}

fn identity(n: u8) -> Arc<Identity> {
    Arc::new(Identity::from_seed([n; 32]))
}

fn now(at: Instant) -> Now {
    Now {
        instant: at,
        wall: Wall::default(),
    }
}

impl Host {
    fn new(node: Node, n: usize, seed: u64) -> Self {
        let mut key = [small(n); 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let identity = identity(small(n) + 1);
        Self {
            key: identity.session_key(),
            links: Links::new(node, identity, Ratchet::new(key)),
            at: address(n),
            told: Vec::new(),
        }
    }
}

impl Pair {
    fn new(nodes: [Node; 2], seed: u64) -> Self {
        say(&format!("seed {seed}"));
        let [a, b] = nodes;
        let mut key = [7; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            now: Instant(1_000_000),
            hosts: [Host::new(a, A, seed), Host::new(b, B, seed)],
            faults: Faults::default(),
            latency: Duration::from_micros(500),
            wire: BTreeMap::new(),
            log: Vec::new(),
            count: 0,
            lost: 0,
            ratchet: Ratchet::new(key),
            role: if b == Node::Client {
                Role::Peer
            } else {
                Role::Server
            },
        }
    }

    /// A client (A) and its server (B).
    fn client_and_server() -> Self {
        Self::new([Node::Client, Node::Server { quiet: false }], 1)
    }

    /// Two clients that know each other.
    fn clients(seed: u64) -> Self {
        let mut pair = Self::new([Node::Client, Node::Client], seed);
        let [a, b] = [pair.key(A), pair.key(B)];
        pair.hosts[A].links.know(b);
        pair.hosts[B].links.know(a);
        pair
    }

    fn key(&self, n: usize) -> PublicKey {
        self.hosts[n].key
    }

    /// The way from a host to the other one.
    fn route(&self, from: usize, role: Role, slots: u8) -> Route {
        let other = &self.hosts[1 - from];
        Route {
            key: other.key,
            path: Path::Direct(other.at),
            role,
            slots,
        }
    }

    /// Sends from one to the other.
    fn send(&mut self, from: usize, bytes: impl Into<Vec<u8>>) -> Parcel {
        let route = self.route(from, self.role, 5);
        let now = now(self.now);
        let sent = self.hosts[from].links.send(now, &route, bytes.into());
        sent.expect("the queue has room")
    }

    /// Delivers, expires and polls what is due at this moment; false if nothing was.
    fn step(&mut self) -> bool {
        let mut busy = false;
        while let Some(entry) = self.wire.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (to, from, bytes) = entry.remove();
            busy = true;
            self.deliver(to, from, &bytes);
        }
        for n in [A, B] {
            let links = &mut self.hosts[n].links;
            if links.deadline().is_some_and(|at| at <= self.now) {
                links.handle_timeout(now(self.now));
                busy = true;
            }
            busy |= self.poll(n);
        }
        busy
    }

    fn deliver(&mut self, to: Path, from: Path, bytes: &[u8]) {
        let at = now(self.now);
        for host in &mut self.hosts {
            if to == Path::Direct(host.at) || to == Path::Relay(host.key) {
                host.links.handle_datagram(at, from, bytes);
            }
        }
    }

    fn poll(&mut self, n: usize) -> bool {
        let mut busy = false;
        while let Some(output) = self.hosts[n].links.poll_output() {
            busy = true;
            match output {
                Output::Transmit { to, datagram } => self.transmit(n, to, &datagram),
                other => self.hosts[n].told.push(other),
            }
        }
        busy
    }

    fn transmit(&mut self, n: usize, to: Path, datagram: &[u8]) {
        assert!(datagram.len() <= 1200);
        self.log.push((self.now, n, to, datagram.to_vec()));
        let from = match to {
            Path::Direct(_) => Path::Direct(self.hosts[n].at),
            Path::Relay(_) => Path::Relay(self.key(n)),
        };
        let holes = self.faults.holes.filter(|_| n == A);
        if holes.is_some_and(|(from, to)| (from..=to).contains(&datagram.len())) {
            self.lost += 1;
            return;
        }
        let copies = 1 + u64::from(self.ratchet.below(100) < self.faults.duplicate_percent);
        for _ in 0..copies {
            if self.ratchet.below(100) < self.faults.loss_percent {
                self.lost += 1;
                continue;
            }
            let jitter = self.faults.jitter.as_micros();
            let jitter = u64::try_from(jitter).expect("short");
            let extra = Duration::from_micros(self.ratchet.below(jitter + 1));
            let at = self.now + self.latency + extra;
            self.count += 1;
            self.wire
                .insert((at, self.count), (to, from, datagram.to_vec()));
        }
    }

    /// A datagram of somebody else, or a copy.
    fn inject(&mut self, to: usize, from: Path, bytes: &[u8]) {
        let to = Path::Direct(self.hosts[to].at);
        self.deliver(to, from, bytes);
    }

    /// Runs for so long.
    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut steps = 0;
        loop {
            while self.step() {
                steps += 1;
                assert!(steps < 2_000_000, "a busy loop");
            }
            let deadlines = self.hosts.iter().filter_map(|host| host.links.deadline());
            let arrival = self.wire.keys().next().map(|(at, _)| *at);
            let next = deadlines.chain(arrival).min().unwrap_or(end);
            if next > end {
                break;
            }
            assert!(next > self.now || self.wire.is_empty() || steps < 2_000_000);
            if next == end && next == self.now {
                break;
            }
            self.now = self.now.max(next);
        }
        self.now = end;
        self.step();
    }

    /// Opens a session and lets it settle.
    fn opened(mut self) -> Self {
        let route = self.route(A, self.role, 5);
        let at = now(self.now);
        self.hosts[A].links.connect(at, &route);
        self.run(ms(100));
        assert!(self.hosts[A].links.is_open(&self.key(B)));
        assert!(self.hosts[B].links.is_open(&self.key(A)));
        for host in &mut self.hosts {
            host.told.clear();
        }
        self.log.clear();
        self
    }

    fn arrived(&self, n: usize) -> Vec<Vec<u8>> {
        let told = self.hosts[n].told.iter();
        told.filter_map(|output| match output {
            Output::Arrived { bytes, .. } => Some(bytes.clone()),
            _ => None,
        })
        .collect()
    }

    fn closed(&self, n: usize) -> Vec<Closed> {
        let told = self.hosts[n].told.iter();
        told.filter_map(|output| match output {
            Output::Closed { why, .. } => Some(*why),
            _ => None,
        })
        .collect()
    }

    fn is_settled(&self, n: usize, parcel: Parcel) -> bool {
        let mut told = self.hosts[n].told.iter();
        told.any(|output| matches!(output, Output::Settled { parcel: p, .. } if *p == parcel))
    }

    /// Datagrams sent by a host since the log was cleared.
    fn sent(&self, n: usize) -> Vec<&[u8]> {
        let log = self.log.iter().filter(|(_, from, ..)| *from == n);
        log.map(|(.., bytes)| bytes.as_slice()).collect()
    }
}

#[test]
fn the_first_packet_opens_a_session_and_arrives_in_one_and_a_half_round_trips() {
    let mut pair = Pair::client_and_server();
    let start = pair.now;
    let parcel = pair.send(A, *b"hello");
    pair.run(ms(50));
    assert_eq!(pair.arrived(B), [b"hello"]);
    assert!(pair.is_settled(A, parcel));
    let lengths: Vec<usize> = pair.log.iter().map(|(.., bytes)| bytes.len()).collect();
    assert_eq!(lengths, [256, 104, 48, 59]);
    assert!(pair.log[3].0.since(start) <= ms(7));
    let opened = |initiated, peer: &Host| Output::Opened {
        peer: peer.key,
        path: Path::Direct(peer.at),
        boot: 0,
        initiated,
        fresh: true,
    };
    for (n, initiated) in [(A, true), (B, false)] {
        let told = match pair.hosts[n].told[0].clone() {
            Output::Opened {
                peer,
                path,
                initiated,
                fresh,
                ..
            } => Output::Opened {
                peer,
                path,
                boot: 0,
                initiated,
                fresh,
            },
            other => other,
        };
        assert_eq!(told, opened(initiated, &pair.hosts[1 - n]));
    }
}

#[test]
fn a_quiet_pair_sleeps() {
    let mut pair = Pair::client_and_server().opened();
    pair.run(ms(1000));
    assert_eq!(pair.log.len(), 0);
    for host in &pair.hosts {
        let deadline = host.links.deadline().unwrap();
        assert!(deadline > pair.now + ms(60_000), "{deadline:?}");
    }
}

/// Sends packets both ways through a bad network; each arrives whole and once.
fn check_delivery(faults: Faults, seed: u64) {
    let mut pair = Pair::clients(seed).opened();
    pair.faults = faults;
    let mut expected = [Vec::new(), Vec::new()];
    let mut parcels = Vec::new();
    for (n, size) in [1, 1023, 1024, 1025, 65_536, 20, 3000, 300]
        .into_iter()
        .enumerate()
    {
        for from in [A, B] {
            let fill = small(n * 2 + from);
            let mut bytes = vec![fill; size];
            for (index, byte) in bytes.iter_mut().enumerate() {
                *byte = byte.wrapping_add((index / 7).to_le_bytes()[0]);
            }
            expected[1 - from].push(bytes.clone());
            parcels.push((from, pair.send(from, bytes)));
        }
    }
    pair.run(ms(30_000));
    for n in [A, B] {
        let mut arrived = pair.arrived(n);
        arrived.sort();
        expected[n].sort();
        let lengths = |packets: &[Vec<u8>]| packets.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(
            lengths(&arrived),
            lengths(&expected[n]),
            "{:?}",
            pair.closed(n)
        );
        assert!(arrived == expected[n]);
        assert_eq!(pair.hosts[n].links.waiting(&pair.key(1 - n)), 0);
    }
    for (n, parcel) in parcels {
        assert!(pair.is_settled(n, parcel));
    }
    assert_eq!(pair.lost > 0, faults.loss_percent > 0);
    if faults.duplicate_percent > 0 {
        assert!(pair.hosts[A].links.counters().repeated > 0);
    }
    assert_eq!(pair.closed(A), []);
    assert_eq!(pair.closed(B), []);
}

#[test]
fn packets_arrive_whole_and_once_without_loss() {
    check_delivery(Faults::default(), 1);
}

#[test]
fn packets_arrive_whole_and_once_at_thirty_percent_loss() {
    for seed in 0..5 {
        let faults = Faults {
            loss_percent: 30,
            duplicate_percent: 20,
            jitter: ms(10),
            holes: None,
        };
        check_delivery(faults, seed);
    }
}

#[test]
fn packets_arrive_whole_and_once_at_fifty_percent_loss() {
    for seed in 0..5 {
        let faults = Faults {
            loss_percent: 50,
            duplicate_percent: 50,
            jitter: ms(50),
            holes: None,
        };
        check_delivery(faults, seed);
    }
}

#[test]
fn handshakes_survive_loss_and_repeats() {
    let mut opened = 0;
    for seed in 0..100 {
        let mut pair = Pair::new([Node::Client, Node::Server { quiet: true }], seed);
        pair.faults = Faults {
            loss_percent: 30,
            duplicate_percent: 30,
            jitter: ms(20),
            holes: None,
        };
        pair.send(A, *b"hello");
        pair.run(ms(2500));
        opened += usize::from(pair.arrived(B) == [b"hello"]);
        assert!(pair.arrived(B).len() <= 1);
    }
    assert!(opened >= 98, "{opened} of 100");
}

#[test]
fn nobody_there_is_said_after_all_slots_and_the_next_send_starts_anew() {
    let mut pair = Pair::client_and_server();
    pair.hosts[B].at = address(9);
    let mut route = pair.route(A, Role::Server, 5);
    route.path = Path::Direct(address(B));
    let at = now(pair.now);
    pair.hosts[A].links.send(at, &route, vec![1]).unwrap();
    pair.run(ms(2499));
    assert_eq!(pair.closed(A), []);
    assert_eq!(pair.sent(A).len(), 20);
    pair.run(ms(1));
    assert_eq!(pair.closed(A), [Closed::NoAnswer]);
    assert_eq!(pair.hosts[A].links.deadline(), None);
    pair.hosts[B].at = address(B);
    let at = now(pair.now);
    pair.hosts[A].links.send(at, &route, vec![2]).unwrap();
    pair.run(ms(50));
    assert_eq!(pair.arrived(B), [[2]]);
}

#[test]
fn a_peer_that_does_not_answer_is_given_up_after_its_slot() {
    let mut pair = Pair::clients(1);
    pair.hosts[B].links.answer_hellos(false);
    let route = pair.route(A, Role::Peer, 1);
    let at = now(pair.now);
    pair.hosts[A].links.send(at, &route, vec![1]).unwrap();
    pair.run(ms(499));
    assert_eq!(pair.closed(A), []);
    pair.run(ms(1));
    assert_eq!(pair.closed(A), [Closed::NoAnswer]);
    assert_eq!(pair.sent(A).len(), 4);
    assert_eq!(pair.sent(B).len(), 0);
}

#[test]
fn a_stranger_is_looked_up_and_then_answered() {
    let mut pair = Pair::clients(1);
    let (key, path) = (pair.key(A), Path::Direct(pair.hosts[A].at));
    pair.hosts[B].links.unknow(&key);
    let parcel = pair.send(A, *b"hi");
    pair.run(ms(10));
    assert_eq!(pair.hosts[B].told, [Output::Stranger { key, path }]);
    assert_eq!(pair.sent(B).len(), 0);
    pair.hosts[B].links.know(key);
    pair.run(ms(100));
    assert!(pair.is_settled(A, parcel));
}

#[test]
fn both_at_once_agree_on_one_session() {
    for latency in [ms(1), ms(10), ms(60), ms(200)] {
        let mut pair = Pair::clients(1);
        pair.latency = latency;
        let parcels = [pair.send(A, *b"from a"), pair.send(B, *b"from b")];
        pair.run(ms(10_000));
        for n in [A, B] {
            assert!(pair.is_settled(n, parcels[n]), "{latency:?}");
            assert_eq!(pair.closed(n), []);
        }
        assert!(pair.arrived(A).contains(&b"from b".to_vec()));
        assert!(pair.arrived(B).contains(&b"from a".to_vec()));
        // Long after the other session is gone, packets flow both ways without a new handshake.
        pair.log.clear();
        let parcels = [pair.send(A, *b"later a"), pair.send(B, *b"later b")];
        pair.run(ms(1000));
        for n in [A, B] {
            assert!(pair.is_settled(n, parcels[n]));
            assert!(pair.sent(n).iter().all(|bytes| bytes[0] == 0xC4));
        }
    }
}

#[test]
fn copies_of_every_datagram_change_nothing() {
    let mut pair = Pair::client_and_server();
    pair.send(A, *b"one");
    pair.run(ms(100));
    pair.send(B, *b"two");
    pair.run(ms(100));
    let log = pair.log.clone();
    let before = pair.hosts.each_ref().map(|host| host.told.clone());
    let paths = [Path::Direct(address(A)), Path::Direct(address(7))];
    for _ in 0..50 {
        for (_, from, _, bytes) in &log {
            for path in paths {
                pair.inject(1 - from, path, bytes);
            }
        }
        pair.run(ms(20));
    }
    for n in [A, B] {
        assert_eq!(pair.hosts[n].told, before[n]);
    }
    let parcel = pair.send(A, *b"three");
    pair.run(ms(10));
    assert!(pair.is_settled(A, parcel));
    assert_eq!(pair.arrived(B), [&b"one"[..], b"three"]);
}

#[test]
fn forged_answers_to_a_hello_are_ignored() {
    let mut pair = Pair::client_and_server();
    let parcel = pair.send(A, *b"hello");
    pair.step();
    let hello = pair.log[0].3.clone();
    let sid = u32::from_le_bytes(hello[4..8].try_into().unwrap());
    let mut ratchet = Ratchet::new([3; 32]);
    for _ in 0..200 {
        let noise = [ratchet.draw(), ratchet.draw(), ratchet.draw()].concat();
        let mac1 = *ratchet.draw().first_chunk().unwrap();
        let (nonce, sealed) = (*ratchet.draw().first_chunk().unwrap(), ratchet.draw());
        let forged = [
            Datagram::Reply {
                sid,
                noise: &noise[..80],
                mac1,
            }
            .encode(),
            Datagram::Retry { sid, nonce, sealed }.encode(),
            Datagram::Reset { sid, token: mac1 }.encode(),
            Datagram::Version {
                lowest: 2,
                highest: 9,
                sid,
            }
            .encode(),
        ];
        for datagram in forged {
            pair.inject(A, Path::Direct(address(B)), &datagram);
        }
    }
    pair.run(ms(49));
    assert!(pair.is_settled(A, parcel));
    assert_eq!(pair.closed(A), []);
}

#[test]
fn a_reply_with_any_flipped_bit_is_ignored_and_the_true_one_still_counts() {
    let mut pair = Pair::client_and_server();
    let parcel = pair.send(A, *b"hello");
    pair.step();
    pair.now = pair.now + pair.latency;
    pair.step();
    let reply = pair.log[1].3.clone();
    assert_eq!(reply.len(), 104);
    for bit in 0..8 * reply.len() {
        let mut forged = reply.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        pair.inject(A, Path::Direct(address(B)), &forged);
    }
    assert!(!pair.hosts[A].links.is_open(&pair.key(B)));
    pair.run(ms(40));
    assert!(pair.is_settled(A, parcel));
}

#[test]
fn forged_resets_and_closes_do_not_end_a_session() {
    let mut pair = Pair::client_and_server().opened();
    pair.send(A, *b"x");
    pair.run(ms(10));
    let data = pair.sent(A)[0].to_vec();
    let sid = u32::from_le_bytes(data[4..8].try_into().unwrap());
    let mut ratchet = Ratchet::new([3; 32]);
    for counter in 0..200 {
        let token = *ratchet.draw().first_chunk().unwrap();
        let sealed = [ratchet.draw(), ratchet.draw()].concat();
        let path = Path::Direct(address(B));
        pair.inject(A, path, &Datagram::Reset { sid, token }.encode());
        let path = Path::Direct(address(A));
        pair.inject(
            B,
            path,
            &Datagram::Data {
                sid,
                counter,
                sealed: &sealed,
            }
            .encode(),
        );
    }
    pair.run(ms(10));
    for n in [A, B] {
        assert_eq!(pair.closed(n), []);
        assert!(pair.hosts[n].links.is_open(&pair.key(1 - n)));
    }
    assert!(pair.hosts[A].links.counters().forged >= 200);
    assert!(pair.hosts[B].links.counters().forged >= 190);
}

#[test]
fn a_server_that_forgot_says_so_and_the_client_comes_back() {
    let mut pair = Pair::client_and_server().opened();
    let lost = pair.send(A, *b"lost");
    pair.hosts[B] = Host::new(Node::Server { quiet: false }, B, 99);
    pair.run(ms(10));
    assert_eq!(pair.closed(A), [Closed::Reset]);
    assert!(!pair.is_settled(A, lost));
    let found = pair.send(A, *b"again");
    pair.run(ms(10));
    assert!(pair.is_settled(A, found));
    assert_eq!(pair.arrived(B), [b"again"]);
}

#[test]
fn a_client_that_started_anew_replaces_its_session_and_what_waited_reaches_it() {
    let mut pair = Pair::client_and_server().opened();
    let boot = pair.hosts[B].links.boot(&pair.key(A));
    pair.hosts[A] = Host::new(Node::Client, A, 99);
    let parcel = pair.send(B, *b"for whoever you are");
    pair.poll(B);
    pair.wire.clear();
    pair.send(A, *b"new");
    pair.run(ms(50));
    assert_eq!(pair.arrived(B), [b"new"]);
    let fresh = |output: &Output| matches!(output, Output::Opened { fresh: true, .. });
    assert!(pair.hosts[B].told.iter().any(fresh));
    assert_ne!(pair.hosts[B].links.boot(&pair.key(A)), boot);
    assert!(pair.is_settled(B, parcel));
    assert_eq!(pair.arrived(A), [b"for whoever you are"]);
    assert_eq!(pair.closed(B), []);
}

/// HELLOs of made-up clients, as a flood would bring them.
fn flood(pair: &mut Pair, count: u32) {
    let responder = pair.key(B);
    for n in 0..count {
        let mut seed = [77; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        let identity = Identity::from_seed(seed);
        let (_, hello) = Initiator::start(&identity, &responder, Role::Server, n + 1, 1, 1, seed)
            .expect("a good key");
        let [.., high, low] = n.to_be_bytes();
        let from = SocketAddr::from(([198, 51, high, low], 999));
        pair.inject(B, Path::Direct(from), &hello);
        pair.poll(B);
    }
}

#[test]
fn a_flood_is_answered_with_cookies_and_honest_clients_still_get_in() {
    let mut pair = Pair::client_and_server();
    flood(&mut pair, 300);
    let kinds = |pair: &Pair| {
        let sent = pair.sent(B);
        let replies = sent.iter().filter(|bytes| bytes[0] == 0xC2).count();
        let retries = sent.iter().filter(|bytes| bytes[0] == 0xC3).count();
        (replies, retries)
    };
    assert_eq!(kinds(&pair), (200, 100));
    pair.wire.clear();
    let parcel = pair.send(A, *b"honest");
    pair.run(ms(20));
    assert!(pair.is_settled(A, parcel));
    assert_eq!(kinds(&pair), (201, 101));
    // Five seconds after the flood no cookie is asked for any more.
    pair.run(ms(6000));
    let at = now(pair.now);
    let server = pair.key(B);
    pair.hosts[A].links.close(at, &server, CloseCode::Bye, "");
    pair.run(ms(1000));
    pair.send(A, *b"again");
    pair.run(ms(20));
    assert_eq!(kinds(&pair), (202, 101));
}

#[test]
fn an_address_is_moved_to_only_after_its_proof() {
    let mut pair = Pair::client_and_server().opened();
    let elsewhere = address(5);
    // Somebody copies a datagram of A, and his copy comes first.
    pair.send(A, *b"copied");
    pair.poll(A);
    let (_, _, _, data) = pair.log.pop().unwrap();
    pair.wire.clear();
    pair.inject(B, Path::Direct(elsewhere), &data);
    pair.poll(B);
    let to_new: Vec<usize> = pair
        .log
        .iter()
        .filter(|(.., to, _)| *to == Path::Direct(elsewhere))
        .map(|(.., bytes)| bytes.len())
        .collect();
    assert_eq!(to_new, [DATA_BYTES_MIN]);
    pair.run(ms(500));
    assert_eq!(
        pair.hosts[B].links.path(&pair.key(A)),
        Some(Path::Direct(address(A)))
    );
    assert_eq!(pair.arrived(B), [b"copied"]);

    // A really moves.
    pair.hosts[A].at = elsewhere;
    let start = pair.now;
    let parcel = pair.send(A, *b"from elsewhere");
    pair.run(ms(100));
    assert_eq!(
        pair.hosts[B].links.path(&pair.key(A)),
        Some(Path::Direct(elsewhere))
    );
    let moved = Output::Moved {
        peer: pair.key(A),
        path: Path::Direct(elsewhere),
    };
    assert!(pair.hosts[B].told.contains(&moved));
    assert!(pair.is_settled(A, parcel));
    assert!(pair.now.since(start) <= ms(100));
}

#[test]
fn a_relayed_session_moves_to_the_straight_path_when_that_answers() {
    let mut pair = Pair::clients(1);
    let key = pair.key(B);
    let route = Route {
        key,
        path: Path::Relay(key),
        role: Role::Peer,
        slots: 1,
    };
    let at = now(pair.now);
    pair.hosts[A]
        .links
        .send(at, &route, b"round the corner".to_vec())
        .unwrap();
    pair.run(ms(50));
    assert_eq!(pair.arrived(B), [b"round the corner"]);
    assert_eq!(pair.hosts[A].links.path(&key), Some(Path::Relay(key)));
    assert_eq!(
        pair.hosts[B].links.path(&pair.key(A)),
        Some(Path::Relay(pair.key(A)))
    );
    let at = now(pair.now);
    pair.hosts[A]
        .links
        .challenge(at, &key, Path::Direct(address(B)));
    pair.run(ms(50));
    assert_eq!(
        pair.hosts[A].links.path(&key),
        Some(Path::Direct(address(B)))
    );
    pair.send(A, *b"straight");
    pair.run(ms(50));
    assert_eq!(
        pair.hosts[B].links.path(&pair.key(A)),
        Some(Path::Direct(address(A)))
    );
    // It stays so: the two do not change places for ever.
    let moves = |pair: &Pair| {
        let told = pair.hosts.iter().flat_map(|host| &host.told);
        told.filter(|output| matches!(output, Output::Moved { .. }))
            .count()
    };
    for _ in 0..10 {
        pair.send(A, *b"a");
        pair.send(B, *b"b");
        pair.run(ms(300));
    }
    assert_eq!(moves(&pair), 2);
}

#[test]
fn ten_small_packets_and_an_acknowledgement_share_a_datagram() {
    let mut pair = Pair::client_and_server().opened();
    pair.send(A, *b"question");
    pair.step();
    pair.now = pair.now + pair.latency;
    let bytes = pair.wire.pop_first().unwrap().1.2;
    pair.inject(B, Path::Direct(address(A)), &bytes);
    for n in 0..10 {
        pair.send(B, vec![n; 60]);
    }
    pair.log.clear();
    pair.poll(B);
    assert_eq!(pair.sent(B).len(), 1);
    assert_eq!(pair.sent(B)[0].len(), 32 + 10 * (9 + 60) + 27);
    pair.run(ms(100));
    assert_eq!(pair.arrived(A).len(), 10);
    assert_eq!(pair.hosts[A].links.waiting(&pair.key(B)), 0);
}

#[test]
fn an_acknowledgement_waits_five_milliseconds_or_for_a_second_datagram() {
    let mut pair = Pair::client_and_server().opened();
    pair.latency = Duration::ZERO;
    let start = pair.now;
    pair.send(A, *b"one");
    pair.run(ms(50));
    let acked: Vec<Duration> = pair.log.iter().map(|(at, ..)| at.since(start)).collect();
    assert_eq!(acked, [ms(0), ms(5)]);

    pair.log.clear();
    let start = pair.now;
    pair.send(A, *b"two");
    pair.step();
    pair.now = pair.now + ms(1);
    pair.send(A, *b"three");
    pair.run(ms(50));
    let acked: Vec<Duration> = pair.log.iter().map(|(at, ..)| at.since(start)).collect();
    assert_eq!(acked, [ms(0), ms(1), ms(1)]);
}

#[test]
fn an_unanswered_chunk_is_sent_five_times_a_slot() {
    let mut pair = Pair::client_and_server().opened();
    for _ in 0..50 {
        pair.send(A, *b"warm");
        pair.run(ms(10));
    }
    pair.log.clear();
    pair.hosts[B].at = address(9);
    let start = pair.now;
    let parcel = pair.send(A, *b"anybody?");
    pair.run(ms(999));
    let at: Vec<u128> = pair
        .log
        .iter()
        .map(|(at, ..)| at.since(start).as_millis())
        .collect();
    assert_eq!(at, [0, 20, 60, 140, 300, 500, 520, 560, 640, 800]);
    // After a while one probe a slot is enough.
    pair.run(ms(5001));
    pair.log.clear();
    pair.run(ms(5000));
    assert!(pair.log.len() <= 10, "{}", pair.log.len());
    pair.hosts[A].links.abandon(parcel);
    pair.step();
    pair.log.clear();
    pair.run(ms(5000));
    assert_eq!(pair.log.len(), 0);
    assert_eq!(pair.hosts[A].links.waiting(&pair.key(B)), 0);
}

#[test]
fn a_chunk_that_is_lost_again_and_again_is_sent_five_times_a_slot() {
    let mut pair = Pair::client_and_server().opened();
    pair.faults.holes = Some((500, 900));
    let start = pair.now;
    let parcel = pair.send(A, vec![1; 500]);
    for _ in 0..200 {
        // What is acknowledged all the time betrays the loss at once.
        pair.send(A, *b"through");
        pair.run(ms(5));
    }
    let mut slots = [0; 3];
    for (at, from, _, bytes) in &pair.log {
        if *from == A && bytes.len() >= 500 {
            slots[usize::try_from(at.since(start).as_millis() / 500).unwrap()] += 1;
        }
    }
    assert_eq!(slots[..2], [5, 5]);
    pair.faults.holes = None;
    pair.run(ms(500));
    assert!(pair.is_settled(A, parcel));
}

#[test]
fn only_two_large_packets_are_under_way() {
    let mut pair = Pair::client_and_server().opened();
    // The last piece of every packet is lost: none is ever whole.
    pair.faults.holes = Some((500, 900));
    for n in 0..12 {
        pair.send(A, vec![n; 10 * 1024 + 500]);
    }
    pair.run(ms(3000));
    assert_eq!(pair.closed(A), []);
    assert_eq!(pair.closed(B), []);
    pair.faults.holes = None;
    pair.run(ms(3000));
    assert_eq!(pair.arrived(B).len(), 12);
}

#[test]
fn one_retry_a_slot_is_obeyed() {
    let mut pair = Pair::client_and_server();
    flood(&mut pair, 300);
    pair.wire.clear();
    pair.log.clear();
    pair.send(A, *b"honest");
    pair.step();
    pair.now = pair.now + pair.latency;
    pair.step();
    let retry = pair.sent(B)[0].to_vec();
    assert_eq!(retry.len(), 64);
    pair.hosts[B].at = address(9);
    for _ in 0..100 {
        pair.inject(A, Path::Direct(address(B)), &retry);
        pair.poll(A);
    }
    pair.run(ms(1));
    assert_eq!(pair.sent(A).len(), 2);
}

#[test]
fn a_burst_is_spread_over_turns_and_kept_within_the_window() {
    let mut pair = Pair::client_and_server().opened();
    for n in 0..2 {
        pair.send(A, vec![n; 65_536]);
    }
    pair.poll(A);
    assert_eq!(pair.sent(A).len(), 10);
    let mut bursts = BTreeMap::new();
    pair.run(ms(1000));
    for (at, from, ..) in &pair.log {
        *bursts.entry((*at, *from)).or_insert(0_u32) += 1;
    }
    assert!(bursts.values().all(|count| *count <= 8 * BURST_MAX));
    assert_eq!(pair.arrived(B).len(), 2);
    assert!(pair.log.len() < 2 * (2 * 65), "{}", pair.log.len());
}

#[test]
fn datagrams_that_follow_each_other_have_one_size() {
    let mut pair = Pair::client_and_server().opened();
    for n in 0..10 {
        pair.send(A, vec![n; 330 + usize::from(n)]);
    }
    pair.log.clear();
    pair.poll(A);
    let sizes: Vec<usize> = pair.sent(A).iter().map(|bytes| bytes.len()).collect();
    assert_eq!(sizes, [1088, 1088, 1088, 32 + 9 + 339]);
    pair.run(ms(100));
    assert_eq!(pair.arrived(B).len(), 10);
}

#[test]
fn small_packets_pass_large_ones() {
    let mut pair = Pair::client_and_server().opened();
    for n in 0..4 {
        pair.send(A, vec![n; 60_000]);
    }
    pair.send(A, *b"quick");
    pair.run(ms(1000));
    let arrived = pair.arrived(B);
    assert_eq!(arrived.len(), 5);
    assert_eq!(arrived[0], b"quick");
}

#[test]
fn a_full_queue_gives_the_packet_back() {
    let mut pair = Pair::client_and_server();
    let route = pair.route(A, Role::Server, 5);
    let at = now(pair.now);
    let links = &mut pair.hosts[A].links;
    for _ in 0..SEND_PACKETS_MAX {
        links.send(at, &route, vec![1]).unwrap();
    }
    assert_eq!(links.send(at, &route, vec![2]).unwrap_err().0[..], [2]);
    assert_eq!(links.waiting(&route.key), SEND_PACKETS_MAX);
    pair.run(ms(100));
    assert_eq!(pair.arrived(B).len(), SEND_PACKETS_MAX);
}

#[test]
fn progress_is_told_for_large_packets_and_settling_once() {
    let mut pair = Pair::client_and_server().opened();
    let parcel = pair.send(A, vec![1; 60_000]);
    pair.run(ms(1000));
    let told = &pair.hosts[A].told;
    let progress = told
        .iter()
        .filter(|o| **o == Output::Progress { parcel })
        .count();
    assert!(progress > 0, "{told:?}");
    let is_settled = |o: &Output| matches!(o, Output::Settled { parcel: p, .. } if *p == parcel);
    assert_eq!(told.iter().filter(|o| is_settled(o)).count(), 1);
    assert!(told.last().is_some_and(is_settled));
}

#[test]
fn a_loose_packet_is_sent_once() {
    let mut pair = Pair::client_and_server().opened();
    let key = pair.key(B);
    let at = now(pair.now);
    assert!(pair.hosts[A].links.send_loose(at, &key, &[7; 1165]));
    assert!(!pair.hosts[A].links.send_loose(at, &key, &[7; 1166]));
    pair.run(ms(1000));
    let loose = Output::Loose {
        from: pair.key(A),
        bytes: vec![7; 1165],
    };
    assert_eq!(pair.hosts[B].told, [loose]);
    assert_eq!(pair.log.len(), 1);
    let nobody = PublicKey([9; 32]);
    assert!(!pair.hosts[A].links.send_loose(at, &nobody, b"x"));
}

#[test]
fn a_ping_is_acknowledged_and_a_dead_peer_does_not_keep_us_busy() {
    let mut pair = Pair::client_and_server().opened();
    let (at, key) = (now(pair.now), pair.key(B));
    pair.hosts[A].links.ping(at, &key);
    pair.run(ms(100));
    assert_eq!(pair.log.len(), 2);
    assert!(pair.hosts[A].links.heard(&key).unwrap() > at.instant);
    pair.hosts[B].at = address(9);
    let at = now(pair.now);
    pair.hosts[A].links.ping(at, &key);
    pair.run(ms(10_000));
    let count = pair.log.len();
    pair.run(ms(10_000));
    assert_eq!(pair.log.len(), count);
}

#[test]
fn a_close_is_told_and_repeated_while_the_other_talks() {
    let mut pair = Pair::client_and_server().opened();
    let key = pair.key(A);
    let at = now(pair.now);
    pair.hosts[B]
        .links
        .close(at, &key, CloseCode::Replaced, "somebody came");
    pair.poll(B);
    assert_eq!(pair.log.len(), 1);
    pair.wire.clear();
    assert!(!pair.hosts[B].links.is_open(&key));
    pair.run(ms(150));
    pair.send(A, *b"still here");
    pair.run(ms(50));
    assert_eq!(pair.closed(A), [Closed::ByPeer(CloseCode::Replaced)]);
    assert_eq!(pair.closed(B), []);
    assert_eq!(pair.arrived(B).len(), 0);
    pair.run(ms(1000));
    assert_eq!(pair.hosts[B].links.deadline(), None);
}

#[test]
fn what_was_queued_goes_out_before_a_close() {
    let mut pair = Pair::client_and_server().opened();
    let key = pair.key(A);
    pair.send(B, *b"refused");
    let at = now(pair.now);
    pair.hosts[B].links.close(at, &key, CloseCode::Bye, "");
    pair.run(ms(50));
    assert_eq!(pair.arrived(A), [b"refused"]);
    assert_eq!(pair.closed(A), [Closed::ByPeer(CloseCode::Bye)]);
}

#[test]
fn unused_sessions_of_clients_end_and_sessions_with_servers_stay() {
    let mut pair = Pair::clients(1).opened();
    pair.run(PEER_IDLE);
    assert_eq!(pair.closed(A), [Closed::Idle]);
    let closed = pair.closed(B)[0];
    assert!([Closed::Idle, Closed::ByPeer(CloseCode::Bye)].contains(&closed));
    let mut pair = Pair::client_and_server().opened();
    pair.run(PEER_IDLE * 3);
    assert_eq!(pair.closed(A), []);
    assert!(pair.hosts[A].links.is_open(&pair.key(B)));
}

#[test]
fn packets_flow_through_a_rekey() {
    let mut pair = Pair::client_and_server().opened();
    let count: u32 = 1200;
    for n in 0..count {
        let from = (n % 2) as usize;
        pair.send(from, n.to_le_bytes());
        pair.run(ms(1000));
    }
    let hellos = pair.sent(A).iter().filter(|bytes| bytes[0] == 0xC1).count();
    assert_eq!(hellos, 1);
    for n in [A, B] {
        assert_eq!(pair.arrived(n).len(), count as usize / 2);
        assert_eq!(pair.closed(n), []);
        let renewed = |o: &&Output| matches!(o, Output::Opened { fresh: false, .. });
        assert_eq!(pair.hosts[n].told.iter().filter(renewed).count(), 1);
    }
}

#[test]
fn a_session_that_nobody_renews_expires() {
    let mut pair = Pair::client_and_server().opened();
    pair.run(REJECT);
    assert_eq!(pair.closed(A), [Closed::Expired]);
    assert_eq!(pair.closed(B), [Closed::Expired]);
    assert_eq!(pair.log.len(), 0);
    assert_eq!(pair.hosts[A].links.deadline(), None);
}

#[test]
fn a_server_tells_its_keys_unless_it_is_quiet() {
    for quiet in [false, true] {
        let mut pair = Pair::new([Node::Client, Node::Server { quiet }], 1);
        let at = now(pair.now);
        pair.hosts[A].links.ask_key(at, address(B), 5);
        pair.run(ms(3000));
        let key = Output::ServerKey {
            from: address(B),
            session_key: pair.key(B),
            identity: identity(2).identity(),
        };
        let expected = if quiet { vec![] } else { vec![key] };
        assert_eq!(pair.hosts[A].told, expected);
        assert_eq!(pair.sent(A).len(), if quiet { 20 } else { 1 });
        assert_eq!(pair.hosts[A].links.deadline(), None);
    }
}

#[test]
fn no_answer_to_a_stranger_is_longer_than_the_question_nor_doubled() {
    let mut pair = Pair::client_and_server().opened();
    let responder = pair.key(B);
    let thief = Identity::from_seed([9; 32]);
    let (_, hello) = Initiator::start(&thief, &responder, Role::Server, 5, 1, 1, [4; 32]).unwrap();
    let mut other_version = hello.clone();
    other_version[1] = 2;
    pair.send(A, *b"copied");
    pair.poll(A);
    let copied = pair.log.pop().unwrap().3;
    let data = |len: usize| {
        let sealed = vec![0; len - 16];
        Datagram::Data {
            sid: 77,
            counter: 0,
            sealed: &sealed,
        }
        .encode()
    };
    let questions = [
        hello.clone(),
        other_version,
        copied,
        data(48),
        data(1200),
        Datagram::KeyRequest { nonce: [1; 16] }.encode(),
        Datagram::Reset {
            sid: 1,
            token: [0; 16],
        }
        .encode(),
        Datagram::Version {
            lowest: 1,
            highest: 1,
            sid: 1,
        }
        .encode(),
        Datagram::Retry {
            sid: 1,
            nonce: [0; 24],
            sealed: [0; 32],
        }
        .encode(),
        Datagram::Reply {
            sid: 1,
            noise: &[0; 80],
            mac1: [0; 16],
        }
        .encode(),
    ];
    let mut answered = 0;
    for flooded in [false, true] {
        if flooded {
            flood(&mut pair, 300);
        }
        for (n, question) in questions.iter().enumerate() {
            for length in [question.len(), question.len() - 1, question.len() / 2] {
                let from = Path::Direct(address(20 + n));
                pair.log.clear();
                pair.inject(B, from, &question[..length]);
                pair.poll(B);
                let answers: Vec<_> = pair
                    .log
                    .iter()
                    .filter(|(_, _, to, _)| *to == from)
                    .collect();
                assert!(answers.len() <= 1, "question {n}");
                for (.., answer) in &answers {
                    assert!(answer.len() <= length, "question {n}");
                }
                answered += answers.len();
            }
        }
    }
    assert!(answered >= 10, "{answered}");
}

#[test]
fn resets_are_limited_for_each_address() {
    let mut pair = Pair::client_and_server();
    let data = Datagram::Data {
        sid: 77,
        counter: 0,
        sealed: &[0; 32],
    }
    .encode();
    for _ in 0..100 {
        pair.inject(B, Path::Direct(address(3)), &data);
    }
    pair.poll(B);
    assert_eq!(pair.log.len(), 10);
    let loopback = Path::Direct(SocketAddr::from(([127, 0, 0, 1], 9)));
    for _ in 0..100 {
        pair.inject(B, loopback, &data);
    }
    pair.poll(B);
    assert_eq!(pair.log.len(), 110);
}

/// A client that speaks the protocol by hand, and not well.
struct Rogue {
    session: Session,
    at: Path,
}

impl Rogue {
    fn enter(pair: &mut Pair, n: u8) -> Self {
        let identity = Identity::from_seed([100 + n; 32]);
        let at = Path::Direct(SocketAddr::from(([203, 0, 113, n], 1)));
        let (mut initiator, hello) = Initiator::start(
            &identity,
            &pair.key(B),
            Role::Server,
            u32::from(n) + 1,
            1,
            1,
            [n; 32],
        )
        .expect("a good key");
        pair.inject(B, at, &hello);
        pair.poll(B);
        let reply = pair.log.pop().expect("a REPLY").3;
        let (session, _) = initiator.finish(&identity, &reply).expect("ours");
        let mut rogue = Self { session, at };
        rogue.say(pair, &[Frame::Ping]);
        rogue
    }

    /// Sends frames; the frames of what comes back.
    fn say(&mut self, pair: &mut Pair, said: &[Frame<'_>]) -> String {
        let mut plain = Vec::new();
        for frame in said {
            frame.encode(&mut plain);
        }
        self.say_bytes(pair, &plain)
    }

    fn say_bytes(&mut self, pair: &mut Pair, plain: &[u8]) -> String {
        let mut datagram = Vec::new();
        let sealed = self.session.seal(plain, &mut datagram);
        assert!(sealed.is_some());
        pair.log.clear();
        pair.inject(B, self.at, &datagram);
        pair.poll(B);
        let mut answer = Vec::new();
        for (.., bytes) in &pair.log {
            if let Ok(Datagram::Data {
                counter, sealed, ..
            }) = Datagram::parse(bytes)
            {
                let mut opened = Vec::new();
                if self.session.open(counter, sealed, &mut opened).is_ok() {
                    let all = frames(&opened).filter(|frame| !matches!(frame, Ok(Frame::Pad(_))));
                    answer.push(format!("{:?}", all.collect::<Vec<_>>()));
                }
            }
        }
        answer.join(" ")
    }
}

#[test]
fn whoever_breaks_a_rule_is_told_and_gone() {
    let chunk = |mseq, index, count, bytes| Frame::Chunk {
        mseq,
        index,
        count,
        bytes,
    };
    let full = [0; 1024];
    let never_sent = Ack {
        largest: 1000,
        delay: 0,
        bits: 0,
    };
    let bomb: Vec<Frame<'_>> = (0..9).map(|mseq| chunk(mseq, 0, 4, &full[..])).collect();
    let cases: [(&str, Vec<Frame<'_>>, &str); 6] = [
        (
            "count changes",
            vec![chunk(0, 0, 2, &full), chunk(0, 2, 3, b"x")],
            "Protocol",
        ),
        ("short chunk", vec![chunk(0, 0, 2, b"short")], "Protocol"),
        ("index", vec![chunk(0, 2, 2, b"x")], "Protocol"),
        ("count", vec![chunk(0, 0, 69, &full)], "Protocol"),
        (
            "ack of what was never sent",
            vec![Frame::Ack(never_sent)],
            "Protocol",
        ),
        ("bomb", bomb, "Limit"),
    ];
    for (name, said, code) in cases {
        let mut pair = Pair::client_and_server();
        let mut rogue = Rogue::enter(&mut pair, 1);
        let mut answer = String::new();
        for frame in &said {
            answer = rogue.say(&mut pair, std::slice::from_ref(frame));
        }
        assert!(answer.contains("Close"), "{name}: {answer}");
        assert!(answer.contains(code), "{name}: {answer}");
        assert_eq!(pair.closed(B), [Closed::Violation], "{name}");
    }
    let mut pair = Pair::client_and_server();
    let mut rogue = Rogue::enter(&mut pair, 1);
    let answer = rogue.say_bytes(&mut pair, &[0x55; 20]);
    assert!(answer.contains("Close"), "{answer}");
    assert_eq!(pair.closed(B), [Closed::Violation]);
}

#[test]
fn unfinished_packets_are_forgotten_in_time_and_a_packet_is_told_once() {
    let mut pair = Pair::client_and_server();
    let mut rogue = Rogue::enter(&mut pair, 1);
    let full = [0; 1024];
    for mseq in 0..8 {
        let first = Frame::Chunk {
            mseq,
            index: 0,
            count: 2,
            bytes: &full,
        };
        rogue.say(&mut pair, &[first]);
    }
    pair.run(REASSEMBLY_TIME);
    let last = Frame::Chunk {
        mseq: 0,
        index: 1,
        count: 2,
        bytes: b"x",
    };
    rogue.say(&mut pair, &[last]);
    assert_eq!(pair.arrived(B).len(), 0, "its first half is forgotten");
    let first = Frame::Chunk {
        mseq: 0,
        index: 0,
        count: 2,
        bytes: &full,
    };
    for _ in 0..3 {
        rogue.say(&mut pair, &[first]);
        rogue.say(&mut pair, &[last]);
    }
    assert_eq!(pair.arrived(B).len(), 1);
    assert_eq!(pair.closed(B), []);
}

#[test]
fn garbage_and_mutated_datagrams_change_nothing() {
    let mut pair = Pair::client_and_server();
    pair.send(A, *b"hello");
    pair.run(ms(50));
    pair.send(B, vec![5; 3000]);
    pair.run(ms(50));
    let log = pair.log.clone();
    let before = pair.hosts.each_ref().map(|host| host.told.clone());
    let mut ratchet = Ratchet::new([42; 32]);
    for _ in 0..3000 {
        let pick = usize::try_from(ratchet.below(log.len() as u64)).unwrap();
        let (_, from, _, bytes) = &log[pick];
        let mut bytes = bytes.clone();
        let bit = usize::try_from(ratchet.below(8 * bytes.len() as u64)).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes.truncate(bytes.len() - usize::try_from(ratchet.below(3)).unwrap());
        let path = Path::Direct(address(*from));
        pair.inject(1 - from, path, &bytes);
        pair.step();
        let noise = ratchet.draw();
        let length = usize::try_from(ratchet.below(32)).unwrap();
        pair.inject(A, path, &noise[..length]);
    }
    pair.run(SLOT);
    for n in [A, B] {
        assert_eq!(pair.hosts[n].told, before[n]);
    }
    let parcel = pair.send(A, *b"still fine");
    pair.run(ms(50));
    assert!(pair.is_settled(A, parcel));
}

#[test]
fn a_client_keeps_only_so_many_sessions_with_peers() {
    let mut pair = Pair::clients(1);
    let mut first = None;
    for n in 0..257_u32 {
        let mut seed = [0xA5; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        let identity = Identity::from_seed(seed);
        pair.hosts[B].links.know(identity.session_key());
        first.get_or_insert(identity.session_key());
        let [.., high, low] = n.to_be_bytes();
        let at = Path::Direct(SocketAddr::from(([127, 9, high, low], 1)));
        pair.now = pair.now + ms(10);
        let (mut initiator, hello) =
            Initiator::start(&identity, &pair.key(B), Role::Peer, n + 1, 1, 1, seed).unwrap();
        pair.inject(B, at, &hello);
        pair.poll(B);
        let reply = pair.log.pop().unwrap().3;
        let (mut session, _) = initiator.finish(&identity, &reply).unwrap();
        let mut datagram = Vec::new();
        session.seal(&[2], &mut datagram).unwrap();
        pair.inject(B, at, &datagram);
        pair.poll(B);
        assert_eq!(pair.closed(B).is_empty(), n < 256);
    }
    assert_eq!(pair.closed(B), [Closed::Evicted]);
    assert!(!pair.hosts[B].links.is_open(&first.unwrap()));
}

#[test]
fn a_relayed_hello_must_be_of_whom_it_is_carried_for() {
    let mut pair = Pair::clients(1);
    let identity = identity(1);
    let (_, hello) =
        Initiator::start(&identity, &pair.key(B), Role::Peer, 5, 1, 1, [4; 32]).unwrap();
    pair.inject(B, Path::Relay(PublicKey([8; 32])), &hello);
    pair.poll(B);
    assert_eq!(pair.log.len(), 0);
    pair.inject(B, Path::Relay(pair.key(A)), &hello);
    pair.poll(B);
    assert_eq!(pair.log.len(), 1);
    assert!(Responder::who(&identity, &hello).is_err());
}

/// How long packets of this size take to be settled, shortest first.
fn times(bytes: usize, loss_percent: u64, round_trip: Duration, count: u64) -> Vec<Duration> {
    let mut all: Vec<Duration> = (0..count)
        .map(|seed| {
            let mut pair = Pair::clients(seed).opened();
            pair.latency = round_trip / 2;
            for _ in 0..60 {
                pair.send(A, *b"warm");
                pair.run(ms(200));
            }
            pair.faults.loss_percent = loss_percent;
            let start = pair.now;
            let parcel = pair.send(A, vec![1; bytes]);
            while !pair.is_settled(A, parcel) && pair.now.since(start) < ms(20_000) {
                pair.run(ms(5));
            }
            pair.now.since(start)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn a_message_is_confirmed_in_its_slot_as_often_as_the_protocol_says() {
    // protocol.md section 6.4: loss, round trip, how many of a thousand miss the slot.
    for (loss, round_trip, missed) in [(10, 1, 0), (30, 1, 35), (30, 50, 68), (50, 1, 237)] {
        let times = times(100, loss, ms(round_trip), 250);
        let late = times.iter().filter(|time| **time > SLOT).count() * 4;
        say(&format!("{loss} % {round_trip} ms: {late}"));
        assert!(
            late <= missed + 40,
            "{loss} %, {round_trip} ms: {late} of 1,000"
        );
    }
}

#[test]
fn a_large_text_gets_through_as_fast_as_the_protocol_says() {
    // protocol.md section 6.4: loss, round trip, half of them within, nearly all within.
    for (loss, round_trip, half, most) in [
        (0, 1, 15, 25),
        (0, 20, 95, 115),
        (10, 1, 60, 250),
        (30, 1, 400, 1500),
        (30, 20, 900, 2500),
    ] {
        let times = times(65_536, loss, ms(round_trip), 20);
        let (p50, p95) = (times[10], times[18]);
        say(&format!("{loss} % {round_trip} ms: {p50:?} {p95:?}"));
        assert!(p50 <= ms(half), "{loss} %, {round_trip} ms: {p50:?}");
        assert!(p95 <= ms(most), "{loss} %, {round_trip} ms: {p95:?}");
    }
}
