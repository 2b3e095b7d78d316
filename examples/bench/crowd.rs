//! Many clients in one process: the real link, and as little above it as a server can bear. They
//! register, take mail and confirm it; they keep nothing, so that ten thousand fit.

use ackchat::driver::ambient::{Ambient, random};
use ackchat::driver::socket::Socket;
use ackchat::link::{Links, Node, Output, Path, Route};
use ackchat::model::{GroupName, Instant, MessageId, Name, Now, PublicKey};
use ackchat::secure::{Identity, Ratchet};
use ackchat::wire::datagram::{Role, Transmit};
use ackchat::wire::packet::{Audience, GroupAct, Stamp, ids_tail};
use ackchat::wire::{Head, Packet};
use mio::{Events, Poll, Token};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Ids in one `mailack`.
const ACKS: usize = 16;
/// Nothing takes longer, unless it is lost.
const PATIENCE: Duration = Duration::from_mins(2);

/// All of them, and their common loop.
pub(crate) struct Crowd {
    ambient: Ambient,
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    timers: BTreeSet<(Instant, usize)>,
    ratchet: Ratchet,
    server: SocketAddr,
    key: PublicKey,
    pub(crate) told: Told,
}

/// What all of them heard together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) registered: u64,
    pub(crate) done: u64,
    pub(crate) accepted: u64,
    pub(crate) mails: u64,
    pub(crate) stored: u64,
    pub(crate) refused: u64,
    pub(crate) table_bytes: u64,
    /// Datagrams there and back.
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
}

struct Member {
    name: Name,
    identity: Arc<Identity>,
    links: Links,
    socket: Socket,
    deadline: Option<Instant>,
    store: Option<u64>,
    table: u64,
    seq: u64,
    acks: Vec<MessageId>,
    mails: u64,
    /// The latest version it was told of.
    head: u64,
    /// Its session is gone: it logs in again.
    lost: bool,
}

impl Crowd {
    /// Nobody yet; the server is asked for its key.
    pub(crate) fn new(server: SocketAddr) -> Self {
        let mut crowd = Self {
            ambient: Ambient::new(),
            poll: Poll::new().unwrap(),
            events: Events::with_capacity(1024),
            members: Vec::new(),
            timers: BTreeSet::new(),
            ratchet: Ratchet::new(random()),
            server,
            key: PublicKey([0; 32]),
            told: Told::default(),
        };
        crowd.add("asker".parse().unwrap());
        let now = crowd.now();
        crowd.members[0].links.ask_key(now, server, 5);
        crowd.settle(0, now);
        crowd.until(|crowd| crowd.key != PublicKey([0; 32]));
        crowd.members.clear();
        crowd.timers.clear();
        crowd.told = Told::default();
        crowd
    }

    pub(crate) fn now(&self) -> Now {
        self.ambient.now()
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Mails of whoever got fewest, the first member aside.
    pub(crate) fn fewest(&self) -> u64 {
        let listeners = self.members.iter().skip(1);
        listeners.map(|member| member.mails).min().unwrap_or(0)
    }

    /// One more, not yet registered.
    pub(crate) fn add(&mut self, name: Name) -> usize {
        let identity = Arc::new(Identity::from_seed(self.ratchet.draw()));
        let index = self.members.len();
        let any = "127.0.0.1:0".parse().unwrap();
        let socket = Socket::bind(any, self.poll.registry(), Token(index)).unwrap();
        self.members.push(Member {
            name,
            links: Links::new(Node::Client, Arc::clone(&identity), self.ratchet.fork()),
            identity,
            socket,
            deadline: None,
            store: None,
            table: 0,
            seq: 0,
            acks: Vec::new(),
            mails: 0,
            head: 0,
            lost: false,
        });
        index
    }

    /// So many more with names of their own, all registered.
    pub(crate) fn join(&mut self, prefix: &str, count: usize) {
        let before = self.told.registered;
        let first = self.len();
        for number in 0..count {
            self.add(format!("{prefix}{number}").parse().unwrap());
            self.register(first + number);
            // Not all at once: that is a storm, which is another story.
            if number % 32 == 31 {
                let due = before + number as u64 - 16;
                self.until(|crowd| crowd.told.registered >= due);
            }
        }
        self.until(|crowd| crowd.told.registered >= before + count as u64);
    }

    pub(crate) fn register(&mut self, index: usize) {
        let now = self.now();
        let id = self.ratchet.message_id();
        let member = &self.members[index];
        let head = Head::Register {
            id,
            name: member.name.clone(),
            app: "bench".into(),
            store: member.store,
            table: member.store.map(|_| member.table),
        };
        let tail = member.identity.card(Some(&member.name), now.wall.unix_ms);
        self.say(index, head, tail);
    }

    /// All of them go into a group that the first makes.
    pub(crate) fn gather(&mut self, group: &GroupName) {
        self.group(0, GroupAct::Create, group);
        for index in 0..self.len() {
            self.group(index, GroupAct::Join, group);
        }
    }

    fn group(&mut self, index: usize, act: GroupAct, group: &GroupName) {
        let before = self.told.done;
        let (id, group) = (self.ratchet.message_id(), group.clone());
        self.say(index, Head::Group { id, act, group }, Vec::new());
        self.until(|crowd| crowd.told.done > before);
    }

    /// One says something to a group.
    pub(crate) fn speak(&mut self, index: usize, group: &GroupName, text: &[u8]) {
        let stamp = self.stamp(index);
        let head = Head::GroupMessage {
            id: self.ratchet.message_id(),
            audience: Audience::Group(group.clone()),
            stamp,
            auto: false,
            enc: None,
        };
        self.say(index, head, text.to_vec());
    }

    fn stamp(&mut self, index: usize) -> Stamp {
        let at_ms = self.now().wall.unix_ms;
        let member = &mut self.members[index];
        member.seq += 1;
        Stamp {
            seq: member.seq,
            run: 7,
            at_ms,
        }
    }

    /// One's program starts again, at the same address and with what it kept.
    pub(crate) fn restart(&mut self, index: usize) {
        let ratchet = self.ratchet.fork();
        let member = &mut self.members[index];
        member.links = Links::new(Node::Client, Arc::clone(&member.identity), ratchet);
    }

    /// One gives a sign of life.
    pub(crate) fn ping(&mut self, index: usize) {
        let (now, key) = (self.now(), self.key);
        self.members[index].links.ping(now, &key);
        self.settle(index, now);
    }

    /// The latest version that anybody has heard of.
    pub(crate) fn head(&self) -> u64 {
        self.members
            .iter()
            .map(|member| member.head)
            .max()
            .unwrap_or(0)
    }

    /// How many have not heard of this version.
    pub(crate) fn behind(&self, version: u64) -> usize {
        let late = self.members.iter().filter(|member| member.table < version);
        late.count()
    }

    fn say(&mut self, index: usize, head: Head, tail: Vec<u8>) {
        let now = self.now();
        let route = self.route();
        let bytes = Packet { head, tail }.encode();
        self.members[index]
            .links
            .send(now, &route, bytes)
            .expect("the queue has room");
        self.settle(index, now);
    }

    fn route(&self) -> Route {
        Route {
            key: self.key,
            path: Path::Direct(self.server),
            role: Role::Server,
            slots: 20,
        }
    }

    /// Turns until something is so.
    pub(crate) fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        let give_up = self.now().instant + PATIENCE;
        while !is_so(self) {
            self.turn(Duration::from_millis(100));
            assert!(
                self.now().instant < give_up,
                "it does not come: {:?}",
                self.told
            );
        }
    }

    /// Turns for so long.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now().instant + time;
        while self.now().instant < end {
            self.turn(end.since(self.now().instant).min(Duration::from_millis(5)));
        }
    }

    /// Waits a little for datagrams, and hands over all there are.
    pub(crate) fn turn(&mut self, wait: Duration) {
        let now = self.now();
        let due = self.timers.first().map(|(at, _)| at.since(now.instant));
        // epoll counts whole milliseconds.
        let due = due.map(|due| {
            Duration::from_micros(u64::try_from(due.as_micros()).unwrap().div_ceil(1000) * 1000)
        });
        let wait = due.map_or(wait, |due| due.min(wait));
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        self.poll.poll(&mut events, Some(wait)).unwrap();
        let now = self.now();
        for event in &events {
            self.receive(event.token().0, now);
        }
        self.events = events;
        while let Some((at, index)) = self
            .timers
            .first()
            .copied()
            .filter(|(at, _)| *at <= now.instant)
        {
            self.timers.remove(&(at, index));
            self.members[index].deadline = None;
            self.members[index].links.handle_timeout(now);
            self.settle(index, now);
        }
    }

    fn receive(&mut self, index: usize, now: Now) {
        let Some(Member { socket, links, .. }) = self.members.get_mut(index) else {
            return;
        };
        socket.wake();
        while socket.is_ready() {
            socket.receive(|from, datagram| {
                self.told.datagrams += 1;
                self.told.bytes += datagram.len() as u64;
                links.handle_datagram(now, Path::Direct(from), datagram);
            });
        }
        self.settle(index, now);
    }

    /// Does what a member's link wants done, and sets its timer.
    fn settle(&mut self, index: usize, now: Now) {
        let route = self.route();
        let member = &mut self.members[index];
        loop {
            while let Some(output) = member.links.poll_output() {
                match output {
                    Output::Transmit {
                        to: Path::Direct(to),
                        datagram,
                    } => {
                        self.told.datagrams += 1;
                        self.told.bytes += datagram.len() as u64;
                        member.socket.send(Transmit { to, datagram });
                    }
                    Output::ServerKey { session_key, .. } => self.key = session_key,
                    Output::Arrived { bytes, .. } => {
                        hear(member, &mut self.told, &bytes);
                        // As the client does: what came together is confirmed together.
                        if member.acks.len() >= ACKS {
                            confirm(member, now, &route);
                        }
                    }
                    Output::Closed { .. } => member.lost = true,
                    _ => {}
                }
            }
            if member.acks.is_empty() {
                break;
            }
            confirm(member, now, &route);
        }
        member.socket.flush(self.poll.registry()).unwrap();
        let deadline = member.links.deadline();
        if deadline != member.deadline {
            if let Some(old) = member.deadline {
                self.timers.remove(&(old, index));
            }
            if let Some(new) = deadline {
                self.timers.insert((new, index));
            }
            member.deadline = deadline;
        }
        if std::mem::take(&mut self.members[index].lost) {
            self.register(index);
        }
    }
}

fn hear(member: &mut Member, told: &mut Told, bytes: &[u8]) {
    let Ok(Packet { head, tail }) = Packet::decode(bytes) else {
        return;
    };
    match head {
        Head::Done { .. } => told.done += 1,
        Head::GroupAck { .. } => {
            assert!(
                tail.is_empty(),
                "mailboxes are full: {}",
                String::from_utf8_lossy(&tail)
            );
            told.accepted += 1;
        }
        Head::Mail(mail) => {
            told.mails += 1;
            member.mails += 1;
            member.acks.push(mail.id);
        }
        Head::Refused { code, text, .. } => {
            assert!(told.refused > 1000, "refused: {code:?} {text}");
            told.refused += 1;
        }
        Head::Registered { store, table, .. } => {
            member.store = Some(store);
            member.head = table;
            told.registered += 1;
        }
        Head::Stored { .. } => told.stored += 1,
        Head::Table { to, head, .. } => {
            member.table = to;
            member.head = head;
            told.table_bytes += tail.len() as u64;
        }
        _ => {}
    }
}

fn confirm(member: &mut Member, now: Now, route: &Route) {
    let count = member.acks.len().min(ACKS);
    let ids: Vec<MessageId> = member.acks.drain(..count).collect();
    let packet = Packet {
        head: Head::MailAck,
        tail: ids_tail(&ids),
    };
    member
        .links
        .send(now, route, packet.encode())
        .expect("the queue has room");
}
