//! From client to client: the whole client, with a store in memory, over the driver's own socket.

use crate::floors::{BYTES, ping_pong};
use crate::house::House;
use crate::measure::{Run, Watch, cpu_of};
use crate::mosquitto::Mosquitto;
use crate::report::Report;
use crate::room::saturated;
use ackchat::client::{Arrivals, Client, Config, GroupPrivate, Output, Request};
use ackchat::driver::ambient::{Ambient, random};
use ackchat::driver::socket::Socket;
use ackchat::memory::ClientMemory;
use ackchat::model::{Name, Now, Store as _};
use ackchat::secure::{Identity, Ratchet};
use mio::{Events, Poll, Token};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const ROUND_TRIPS: u64 = 5_000;
const MESSAGES: u64 = 20_000;
/// Live tries of one recipient at once; more wait in the client.
const IN_FLIGHT: u64 = 64;

pub(crate) fn run(report: &Report, rounds: usize) {
    report.begin("direct, client to client");
    let house = House::new();
    let mut mosquitto = Mosquitto::new(1);
    let [mut a, mut b, mut c, mut d] = [const { Vec::<Run>::new() }; 4];
    for round in 0..rounds {
        // Their stores keep everything: what earlier rounds left there is not to be measured.
        let mut pair = Pair::new(house.address, round);
        a.push(pair.one_by_one(ROUND_TRIPS));
        b.push(on_one_core(|| ping_pong(ROUND_TRIPS)));
        c.push(pair.saturated(MESSAGES));
        d.extend(mosquitto.as_mut().map(|room| saturated(room, MESSAGES)));
    }
    let cpu = |runs: &[Run]| runs.iter().map(|run| run.cpu_each()).collect::<Vec<_>>();
    let wall = |runs: &[Run]| runs.iter().map(|run| run.wall_each()).collect::<Vec<_>>();
    report.figure("round trip of an acked message, one core", &wall(&a), "us");
    report.figure("  CPU of both ends", &cpu(&a), "us");
    report.figure("  raw UDP", &wall(&b), "us");
    report.figure("saturated: CPU of both ends", &cpu(&c), "us");
    report.figure("  mosquitto QoS 1, its server alone", &cpu(&d), "us");
    report.ratio("T1", "round trip / raw UDP", &wall(&a), &wall(&b));
    report.ratio("T2", "saturated / mosquitto", &cpu(&c), &cpu(&d));
}

/// Both ends on one core, so that it does not matter where the scheduler puts them.
fn on_one_core<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let pinned = || {
            pin();
            work()
        };
        scope.spawn(pinned).join().unwrap()
    })
}

fn pin() {
    let mut set = CpuSet::new();
    set.set(0).unwrap();
    sched_setaffinity(Pid::from_raw(0), &set).unwrap();
}

/// Two clients, logged in and known to each other.
struct Pair {
    alice: End,
    bob: End,
}

impl Pair {
    fn new(server: SocketAddr, number: usize) -> Self {
        let end = |name: &str| End::new(&format!("{name}{number}"), server);
        let (alice, bob) = (end("alice"), end("bob"));
        let mut pair = Self { alice, bob };
        let give_up = Instant::now() + Duration::from_secs(10);
        let bob = pair.bob.name.clone();
        while !pair.alice.client.view().table.contains_key(&bob) {
            pair.alice.turn(Duration::from_millis(5));
            pair.bob.turn(Duration::from_millis(5));
            assert!(Instant::now() < give_up);
        }
        pair
    }

    fn one_by_one(&mut self, count: u64) -> Run {
        self.talk(count, 1)
    }

    fn saturated(&mut self, count: u64) -> Run {
        self.talk(count, IN_FLIGHT)
    }

    /// Alice says so many things to bob, and has so many under way.
    fn talk(&mut self, count: u64, in_flight: u64) -> Run {
        let over = AtomicBool::new(false);
        let (alice, bob) = (&mut self.alice, &mut self.bob);
        let bob_name = bob.name.clone();
        let own = std::process::id();
        thread::scope(|scope| {
            scope.spawn(|| {
                pin();
                while !over.load(Ordering::Relaxed) {
                    bob.turn(Duration::from_millis(20));
                }
            });
            let talking = scope.spawn(|| {
                pin();
                let (mut said, begun) = (0, alice.settled);
                let watch = Watch::start(cpu_of(own));
                while alice.settled - begun < count {
                    while said < count && said - (alice.settled - begun) < in_flight {
                        alice.say(bob_name.clone());
                        said += 1;
                    }
                    alice.turn(Duration::from_millis(20));
                }
                watch.stop(cpu_of(own), count)
            });
            let run = talking.join().unwrap();
            over.store(true, Ordering::Relaxed);
            run
        })
    }
}

/// A client in a loop like the driver's.
struct End {
    ambient: Ambient,
    poll: Poll,
    events: Events,
    socket: Socket,
    client: Client,
    store: ClientMemory,
    settled: u64,
    name: Name,
    text: String,
}

impl End {
    fn new(name: &str, server: SocketAddr) -> Self {
        let poll = Poll::new().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let socket = Socket::bind(any, poll.registry(), Token(0)).unwrap();
        let name: Name = name.parse().unwrap();
        let config = Config {
            name: name.clone(),
            server,
            server_key: None,
            group_private: GroupPrivate::Allow,
            stay: true,
            relay: false,
            trace: false,
            arrivals: Arrivals::Take,
        };
        let identity = Arc::new(Identity::from_seed(random()));
        let mut end = Self {
            ambient: Ambient::new(),
            poll,
            events: Events::with_capacity(16),
            socket,
            client: Client::new(config, identity, Ratchet::new(random())),
            store: ClientMemory::new(7),
            settled: 0,
            name,
            text: "x".repeat(BYTES),
        };
        let now = end.ambient.now();
        end.client.start(now);
        end.drain(now);
        end
    }

    fn say(&mut self, to: Name) {
        let now = self.ambient.now();
        let text = self.text.parse().unwrap();
        self.client.handle_request(
            now,
            Request::Send {
                to,
                text,
                auto: true,
                id: None,
            },
        );
    }

    fn turn(&mut self, wait: Duration) {
        let now = self.ambient.now();
        self.drain(now);
        self.socket.flush(self.poll.registry()).unwrap();
        let due = self.client.deadline().map(|at| at.since(now.instant));
        let wait = due.map_or(wait, |due| due.min(wait));
        let wait = if self.socket.is_ready() {
            Duration::ZERO
        } else {
            wait
        };
        // epoll counts whole milliseconds.
        let wait = Duration::from_millis(u64::try_from(wait.as_micros()).unwrap().div_ceil(1000));
        self.poll.poll(&mut self.events, Some(wait)).unwrap();
        let now = self.ambient.now();
        if !self.events.is_empty() {
            self.socket.wake();
        }
        let client = &mut self.client;
        self.socket
            .receive(|from, bytes| client.handle_datagram(now, from, bytes));
        client.handle_timeout(now);
        self.drain(now);
        self.socket.flush(self.poll.registry()).unwrap();
    }

    fn drain(&mut self, now: Now) {
        loop {
            while let Some(output) = self.client.poll_output() {
                match output {
                    Output::Settled(_, outcome) => {
                        outcome.unwrap();
                        self.settled += 1;
                    }
                    Output::Store(ticket, request) => self.store.submit(ticket, request).unwrap(),
                    Output::Transmit(transmit) => self.socket.send(transmit),
                    _ => {}
                }
            }
            self.store.flush();
            let mut answered = false;
            while let Some(event) = self.store.poll() {
                self.client.handle_store(now, event);
                answered = true;
            }
            if !answered {
                return;
            }
        }
    }
}
