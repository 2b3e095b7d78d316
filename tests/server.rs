//! The server's protocol, told as stories: a real server, real sessions, a store in memory, and
//! clients that say exactly what a test makes them say.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use ackchat::link::{Links, Node, Output as LinkOutput, Path, Route};
use ackchat::memory::ServerMemory;
use ackchat::model::limits::{DAY_MS, MAIL_DAYS};
use ackchat::model::{Instant, MessageId, Name, Now, PublicKey, Store as _, Version, Wall};
use ackchat::secure::{Identity, Ratchet};
use ackchat::server::port::{Health, StoreEvent, StoreReply, StoreRequest};
use ackchat::server::{Config, Event, Output, Server};
use ackchat::wire::datagram::Role;
use ackchat::wire::packet::{
    Audience, GroupAct, ListOf, LookupOf, MailHead, MailKind, RefusalCode, Stamp, StoredState,
};
use ackchat::wire::row::Status;
use ackchat::wire::{CloseCode, Head, Packet, Row};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const SERVER: u8 = 200;
const STORE: u64 = 77;

#[derive(Clone, Copy, PartialEq, Eq)]
enum OnRefusal {
    /// It ends with the datagram that acknowledges the refusal.
    HangsUp,
    Stays,
}

/// One program of a person.
struct Client {
    name: Name,
    identity: Arc<Identity>,
    links: Links,
    address: SocketAddr,
    /// The cable is cut.
    deaf: bool,
    /// Mail is acknowledged as it comes.
    takes_mail: bool,
    on_refusal: OnRefusal,
    heard: VecDeque<Packet>,
    closed: bool,
    /// Bytes of datagrams received.
    bytes: usize,
}

struct World {
    now: Now,
    server: Server,
    store: ServerMemory,
    /// The store answers nothing.
    stuck: bool,
    /// What reaches the store is answered `Unknown` this many times.
    unknown: usize,
    /// Or this many are given back.
    full: usize,
    /// Of a hundred datagrams this many are lost, each way.
    loss: u64,
    lost: usize,
    dice: Ratchet,
    clients: Vec<Client>,
    events: Vec<Event>,
    ids: u128,
}

fn config() -> Config {
    Config {
        log_text: true,
        ..Config::new(STORE)
    }
}

fn server(life: u8) -> Server {
    let identity = Arc::new(Identity::from_seed([SERVER; 32]));
    Server::new(config(), identity, Ratchet::new([life; 32]))
}

fn name(word: &str) -> Name {
    word.parse().unwrap()
}

const STAMP: Stamp = Stamp {
    seq: 1,
    run: 2,
    at_ms: 3,
};

impl World {
    fn new() -> Self {
        let unix_ms = 1_763_670_000_000;
        let mut world = Self {
            now: Now {
                instant: Instant(1_000_000),
                wall: Wall {
                    unix_ms,
                    offset_s: 0,
                },
            },
            server: server(1),
            store: ServerMemory::new(STORE),
            stuck: false,
            unknown: 0,
            full: 0,
            loss: 0,
            lost: 0,
            dice: Ratchet::new([5; 32]),
            clients: Vec::new(),
            events: Vec::new(),
            ids: 0,
        };
        world.settle();
        world
    }

    /// A program with the key of `seed`, at its own address.
    fn client(&mut self, who: &str, seed: u8) -> usize {
        let at = self.clients.len();
        let port = 7000 + u16::try_from(at).unwrap();
        self.client_at(who, seed, port)
    }

    fn client_at(&mut self, who: &str, seed: u8, port: u16) -> usize {
        let at = self.clients.len();
        let identity = Arc::new(Identity::from_seed([seed; 32]));
        let mut key = [seed; 32];
        key[0] = u8::try_from(at).unwrap();
        key[1] = 99;
        let links = Links::new(Node::Client, Arc::clone(&identity), Ratchet::new(key));
        self.clients.push(Client {
            name: name(who),
            identity,
            links,
            address: ([127, 0, 0, 1], port).into(),
            deaf: false,
            takes_mail: true,
            on_refusal: OnRefusal::Stays,
            heard: VecDeque::new(),
            closed: false,
            bytes: 0,
        });
        at
    }

    fn id(&mut self) -> MessageId {
        self.ids += 1;
        MessageId(self.ids)
    }

    fn send(&mut self, at: usize, head: Head, tail: &[u8]) {
        let route = Route {
            key: Identity::from_seed([SERVER; 32]).session_key(),
            path: Path::Direct(([127, 0, 0, 1], 6000).into()),
            role: Role::Server,
            slots: 5,
        };
        let tail = tail.to_vec();
        let bytes = Packet { head, tail }.encode();
        self.clients[at]
            .links
            .send(self.now, &route, bytes)
            .unwrap();
    }

    fn say(&mut self, at: usize, head: Head, tail: &[u8]) {
        self.send(at, head, tail);
        self.settle();
    }

    /// `register` as it should be; the answer is among what was heard.
    fn register(&mut self, at: usize) {
        self.register_with(at, None, None);
        self.settle();
    }

    fn register_with(&mut self, at: usize, store: Option<u64>, table: Option<u64>) {
        let id = self.id();
        let name = self.clients[at].name.clone();
        let card = self.clients[at].identity.card(Some(&name), 5);
        let head = Head::Register {
            id,
            name,
            app: "test".into(),
            store,
            table,
        };
        self.send(at, head, &card);
    }

    /// Somebody logged in, nothing left to be heard.
    fn joined(&mut self, who: &str, seed: u8) -> usize {
        let at = self.client(who, seed);
        self.register(at);
        self.registered(at);
        self.pass(100);
        self.clear();
        at
    }

    fn registered(&mut self, at: usize) -> (u64, bool, Option<String>) {
        self.find(at, |head| match head {
            Head::Registered {
                mail, back, group, ..
            } => Some((*mail, *back, group.as_ref().map(ToString::to_string))),
            _ => None,
        })
    }

    fn clear(&mut self) {
        for client in &mut self.clients {
            client.heard.clear();
            client.bytes = 0;
        }
        self.events.clear();
    }

    fn store_for(&mut self, at: usize, to: &str, live: bool) -> MessageId {
        let id = self.id();
        self.store_again(at, id, to, live);
        id
    }

    fn store_again(&mut self, at: usize, id: MessageId, to: &str, live: bool) {
        let head = Head::Store {
            id,
            to: name(to),
            stamp: STAMP,
            live,
            auto: false,
            enc: None,
        };
        self.say(at, head, format!("text {}", id.0).as_bytes());
    }

    fn group(&mut self, at: usize, act: GroupAct, group: &str) -> MessageId {
        let id = self.id();
        let group = group.parse().unwrap();
        self.say(at, Head::Group { id, act, group }, b"");
        id
    }

    fn say_group(&mut self, at: usize, audience: Audience) -> MessageId {
        let id = self.id();
        let head = Head::GroupMessage {
            id,
            audience,
            stamp: STAMP,
            auto: false,
            enc: None,
        };
        self.say(at, head, b"to all");
        id
    }

    fn dereg(&mut self, at: usize, is_final: bool) {
        let id = self.id();
        self.say(at, Head::Dereg { id, is_final }, b"");
    }

    /// The program ends, and says so.
    fn hang_up(&mut self, at: usize) {
        let server = Identity::from_seed([SERVER; 32]).session_key();
        let links = &mut self.clients[at].links;
        links.close(self.now, &server, CloseCode::Bye, "");
        self.settle();
    }

    /// The first packet heard that fits, taken out.
    fn find<T>(&mut self, at: usize, fits: impl Fn(&Head) -> Option<T>) -> T {
        let heard = &mut self.clients[at].heard;
        let place = heard.iter().position(|packet| fits(&packet.head).is_some());
        let place = place.unwrap_or_else(|| panic!("nothing fits in {heard:?}"));
        let packet = heard.remove(place).unwrap();
        fits(&packet.head).unwrap()
    }

    fn refused(&mut self, at: usize) -> RefusalCode {
        self.find(at, |head| match head {
            Head::Refused { code, .. } => Some(code.clone()),
            _ => None,
        })
    }

    fn stored(&mut self, at: usize) -> (i64, StoredState, bool) {
        self.find(at, |head| match head {
            Head::Stored {
                at_ms,
                state,
                online,
                ..
            } => Some((*at_ms, *state, *online)),
            _ => None,
        })
    }

    /// All mail heard, taken out.
    fn mail(&mut self, at: usize) -> Vec<MailHead> {
        let mail = |packet: &Packet| match &packet.head {
            Head::Mail(head) => Some(head.clone()),
            _ => None,
        };
        let heard = std::mem::take(&mut self.clients[at].heard);
        let is_mail = |packet: &Packet| mail(packet).is_some();
        let (mails, rest): (Vec<_>, Vec<_>) = heard.into_iter().partition(is_mail);
        self.clients[at].heard = rest.into();
        mails.iter().filter_map(mail).collect()
    }

    fn mail_ids(&mut self, at: usize) -> Vec<MessageId> {
        self.mail(at).iter().map(|mail| mail.id).collect()
    }

    fn ack(&mut self, at: usize, ids: &[MessageId]) {
        let tail: Vec<_> = ids.iter().flat_map(|id| id.to_bytes()).collect();
        self.say(at, Head::MailAck, &tail);
    }

    fn status(&self, who: &str) -> Status {
        let rows = self.server.table();
        rows.iter()
            .find(|row| row.name == name(who))
            .unwrap()
            .status
    }

    /// Delivers everything at this moment, until nothing moves.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.turn() {
                return;
            }
        }
        panic!("it never rests");
    }

    fn turn(&mut self) -> bool {
        let mut moved = false;
        if self
            .server
            .deadline()
            .is_some_and(|at| at <= self.now.instant)
        {
            self.server.handle_timeout(self.now);
        }
        while let Some(output) = self.server.poll_output() {
            moved = true;
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Store(ticket, request) if self.unknown > 0 => {
                    assert!(!matches!(request, StoreRequest::Follow { .. }));
                    self.unknown -= 1;
                    let event = StoreEvent::Reply(ticket, StoreReply::Unknown);
                    self.server.handle_store(self.now, event);
                }
                Output::Store(ticket, request) if self.full > 0 => {
                    self.full -= 1;
                    self.server.handle_store_full(self.now, ticket, request);
                }
                Output::Store(ticket, request) => {
                    self.store.submit(ticket, request).unwrap();
                }
                Output::Trace(_) => {}
                Output::Transmit(transmit) => self.deliver(transmit.to, &transmit.datagram),
            }
        }
        if !self.stuck {
            self.store.flush();
        }
        while let Some(event) = self.store.poll() {
            moved = true;
            self.server.handle_store(self.now, event);
        }
        for at in 0..self.clients.len() {
            moved |= self.turn_of(at);
        }
        moved
    }

    fn is_lost(&mut self) -> bool {
        let lost = self.loss > 0 && self.dice.below(100) < self.loss;
        self.lost += usize::from(lost);
        lost
    }

    fn deliver(&mut self, to: SocketAddr, datagram: &[u8]) {
        assert!(datagram.len() <= 1200);
        if self.is_lost() {
            return;
        }
        let from = Path::Direct(([127, 0, 0, 1], 6000).into());
        // The latest program at an address has it.
        let client = self.clients.iter_mut().rev().find(|c| c.address == to);
        if let Some(client) = client.filter(|client| !client.deaf) {
            client.bytes += datagram.len();
            client.links.handle_datagram(self.now, from, datagram);
        }
    }

    fn turn_of(&mut self, at: usize) -> bool {
        let mut moved = false;
        let client = &mut self.clients[at];
        if client
            .links
            .deadline()
            .is_some_and(|at| at <= self.now.instant)
        {
            client.links.handle_timeout(self.now);
        }
        let (mut acks, mut sent) = (Vec::new(), Vec::new());
        while let Some(output) = client.links.poll_output() {
            moved = true;
            match output {
                LinkOutput::Arrived { bytes, .. } | LinkOutput::Loose { bytes, .. } => {
                    let packet = Packet::decode(&bytes).unwrap();
                    if let Head::Mail(mail) = &packet.head
                        && client.takes_mail
                    {
                        acks.push(mail.id);
                    }
                    if client.on_refusal == OnRefusal::HangsUp
                        && matches!(packet.head, Head::Refused { .. })
                    {
                        let server = Identity::from_seed([SERVER; 32]).session_key();
                        client.links.close(self.now, &server, CloseCode::Bye, "");
                    }
                    client.heard.push_back(packet);
                }
                LinkOutput::Closed { .. } => client.closed = true,
                LinkOutput::Transmit { datagram, .. } if !client.deaf => sent.push(datagram),
                _ => {}
            }
        }
        let from = client.address;
        for datagram in sent {
            if !self.is_lost() {
                self.server.handle_datagram(self.now, from, &datagram);
            }
        }
        for id in acks {
            self.send(at, Head::MailAck, &id.to_bytes());
        }
        moved
    }

    /// Time goes by, from deadline to deadline.
    fn pass(&mut self, ms: u64) {
        let end = self.now.instant + Duration::from_millis(ms);
        loop {
            self.settle();
            let clients = self.clients.iter().filter_map(|c| c.links.deadline());
            let next = clients.chain(self.server.deadline()).min();
            let next = next.map_or(end, |next| next.min(end));
            let next = next.max(self.now.instant + Duration::from_micros(1));
            if next >= end {
                break;
            }
            self.set_time(next);
        }
        self.set_time(end);
        self.settle();
    }

    fn set_time(&mut self, to: Instant) {
        let before = self.now.instant.0 / 1000;
        self.now.instant = to;
        self.now.wall.unix_ms += i64::try_from(to.0 / 1000 - before).unwrap();
    }

    /// The server is killed and started again over what is on its disk.
    fn restart(&mut self, life: u8) {
        self.store.reopen();
        self.server = server(life);
        self.settle();
    }

    fn lines(&self) -> Vec<String> {
        self.events.iter().flat_map(Event::lines).collect()
    }
}

fn room() -> Audience {
    Audience::Group("room".parse().unwrap())
}

#[test]
fn the_first_output_asks_the_store_for_everything() {
    let output = server(1).poll_output();
    let Some(Output::Store(_, StoreRequest::Follow { after: None })) = output else {
        panic!("{output:?}");
    };
}

#[test]
fn whoever_registers_is_online_and_gets_the_table() {
    let mut world = World::new();
    let alice = world.client("alice", 1);
    world.register(alice);
    assert_eq!(world.registered(alice), (0, false, None));
    assert_eq!(world.status("alice"), Status::Online);
    let (row, digest) = world.table(alice);
    let [row] = &row[..] else {
        panic!("{row:?}");
    };
    assert_eq!((row.name.as_str(), row.status), ("alice", Status::Online));
    assert_eq!(row.address, Some(world.clients[alice].address));
    assert_eq!(digest, Some(world.server.digest().1));
    assert_eq!(world.lines(), ["[Client table updated.]"]);
}

impl World {
    /// The next page of the table that was heard: rows, and the digest.
    fn table(&mut self, at: usize) -> (Vec<Row>, Option<u64>) {
        let heard = &mut self.clients[at].heard;
        let is_table = |packet: &Packet| matches!(packet.head, Head::Table { .. });
        let place = heard.iter().position(is_table).expect("a page came");
        let Packet {
            head: Head::Table { digest, .. },
            tail,
        } = heard.remove(place).unwrap()
        else {
            panic!("it is a page");
        };
        (Row::decode_all(&tail).unwrap(), digest)
    }

    fn words(&self, at: usize) -> Vec<&'static str> {
        let heard = self.clients[at].heard.iter();
        heard.map(|packet| packet.head.word()).collect()
    }
}

#[test]
fn nobody_takes_a_name_from_its_key_present_or_absent() {
    let mut world = World::new();
    let alice = world.joined("alice", 1);
    let thief = world.client("Alice", 2);
    world.register(thief);
    assert_eq!(world.refused(thief), RefusalCode::NameUsed);
    assert_eq!(
        world.lines(),
        ["[Registration request rejected - name Alice used.]"]
    );
    world.dereg(alice, true);
    world.pass(3000);
    world.register(thief);
    assert_eq!(world.refused(thief), RefusalCode::NameUsed);
    world.restart(2);
    world.register(thief);
    world.pass(100);
    assert_eq!(world.status("alice"), Status::Left);
}

#[test]
fn a_card_of_another_or_for_another_name_is_refused() {
    let mut world = World::new();
    let mallory = world.client("mallory", 3);
    for (identity, on_card) in [(4, "mallory"), (3, "bob")] {
        let card = Identity::from_seed([identity; 32]).card(Some(&name(on_card)), 0);
        let head = Head::Register {
            id: world.id(),
            name: name("mallory"),
            app: "".into(),
            store: None,
            table: None,
        };
        world.say(mallory, head, &card);
        assert_eq!(world.refused(mallory), RefusalCode::BadCard);
    }
    assert!(world.server.table().is_empty());
}

#[test]
fn before_login_nothing_is_heard_and_after_a_while_the_session_ends() {
    let mut world = World::new();
    world.joined("alice", 1);
    let stranger = world.client("stranger", 2);
    world.store_for(stranger, "alice", false);
    assert_eq!(world.refused(stranger), RefusalCode::NotRegistered);
    world.dereg(stranger, true);
    assert_eq!(world.refused(stranger), RefusalCode::NotRegistered);
    world.pass(9000);
    assert!(!world.clients[stranger].closed);
    world.pass(1500);
    assert!(world.clients[stranger].closed);
}

#[test]
fn leaving_is_durable_before_it_is_confirmed() {
    let mut world = World::new();
    let alice = world.joined("alice", 1);
    let bob = world.joined("bob", 2);
    world.stuck = true;
    world.dereg(alice, false);
    assert!(world.words(alice).is_empty());
    world.stuck = false;
    world.settle();
    assert!(world.words(alice).contains(&"done"));
    world.pass(100);
    assert!(world.clients[alice].closed);
    assert_eq!(world.status("alice"), Status::Away);
    let (rows, _) = world.table(bob);
    assert_eq!((rows.len(), rows[0].status), (1, Status::Away));
    assert!(!world.words(alice).contains(&"table"));
    // And back.
    world.clear();
    world.register(alice);
    assert_eq!(world.registered(alice), (0, true, None));
    assert_eq!(world.status("alice"), Status::Online);
}

#[test]
fn one_may_come_back_at_once_on_the_session_one_left() {
    let mut world = World::new();
    let alice = world.joined("alice", 1);
    let id = world.id();
    let is_final = false;
    world.send(alice, Head::Dereg { id, is_final }, b"");
    world.register_with(alice, None, None);
    world.pass(100);
    world.register(alice);
    world.pass(5000);
    assert_eq!(world.status("alice"), Status::Online);
    assert!(world.words(alice).contains(&"registered"));
}

#[test]
fn a_bound_key_that_is_away_may_leave_for_good() {
    let mut world = World::new();
    let alice = world.joined("alice", 1);
    world.group(alice, GroupAct::Create, "room");
    world.group(alice, GroupAct::Join, "room");
    world.dereg(alice, false);
    world.pass(3000);
    world.clear();
    world.dereg(alice, true);
    assert!(world.words(alice).contains(&"done"));
    world.pass(100);
    assert_eq!(world.status("alice"), Status::Left);
    world.register(alice);
    assert_eq!(world.registered(alice), (0, true, None));
}

#[test]
fn saved_is_said_only_when_it_is_durable() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.dereg(bob, false);
    world.clear();
    world.stuck = true;
    let id = world.store_for(alice, "bob", false);
    world.pass(400);
    assert!(world.words(alice).is_empty());
    assert_eq!(world.store.queued(), 1);
    world.stuck = false;
    world.settle();
    let (at_ms, state, online) = world.stored(alice);
    assert_eq!((state, online), (StoredState::Waiting, false));
    // Asked again: the same answer, and one mail.
    world.pass(5000);
    world.store_again(alice, id, "bob", false);
    assert_eq!(world.stored(alice), (at_ms, state, online));
    assert_eq!(world.store.waiting().len(), 1);
}

#[test]
fn a_batch_is_in_order_and_announced_and_its_senders_get_one_receipt_each() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.dereg(bob, false);
    world.pass(3000);
    let ids: Vec<_> = (0..3)
        .map(|_| world.store_for(alice, "bob", false))
        .collect();
    let at_ms = world.stored(alice).0;
    world.clear();
    world.register(bob);
    assert_eq!(world.registered(bob), (3, true, None));
    let mails = world.mail(bob);
    let seen: Vec<_> = mails.iter().map(|mail| mail.id).collect();
    assert_eq!(seen, ids);
    assert!(
        mails
            .iter()
            .all(|mail| mail.off && mail.stamp == Some(STAMP))
    );
    world.pass(100);
    let receipts = world.mail(alice);
    assert_eq!(receipts.len(), 3);
    assert_eq!(receipts[0].kind, MailKind::Receipt);
    assert_eq!(receipts[0].of, Some(ids[0]));
    assert_eq!(receipts[0].stored_ms, Some(at_ms));
    assert_eq!(receipts[0].from, name("bob"));
    world.pass(60_000);
    assert!(world.mail(alice).is_empty() && world.mail(bob).is_empty());
    assert!(world.store.waiting().is_empty());
    // A late repeat of the request finds that it was taken.
    world.store_again(alice, ids[0], "bob", false);
    assert_eq!(world.stored(alice).1, StoredState::Taken);
}

#[test]
fn mail_stays_until_its_recipient_says_it_has_it() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.clients[bob].takes_mail = false;
    let id = world.store_for(alice, "bob", true);
    assert_eq!(world.mail_ids(bob), [id]);
    // The link has settled it; that says nothing.
    world.pass(9000);
    assert!(world.mail_ids(bob).is_empty());
    assert_eq!(world.store.waiting().len(), 1);
    world.pass(2000);
    assert_eq!(world.mail_ids(bob), [id]);
    world.pass(20_000);
    assert_eq!(world.mail_ids(bob), [id]);
    world.ack(bob, &[id]);
    assert_eq!(world.mail(alice)[0].of, Some(id));
}

#[test]
fn nobody_takes_another_ones_mail() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    let eve = world.joined("eve", 3);
    world.clients[bob].takes_mail = false;
    let id = world.store_for(alice, "bob", false);
    world.ack(eve, &[id]);
    world.pass(100);
    assert!(world.mail(eve).is_empty());
    assert_eq!(world.store.waiting().len(), 1);
    assert_eq!(world.mail_ids(bob), [id]);
}

#[test]
fn at_most_sixteen_mails_are_out_at_once() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.clients[bob].takes_mail = false;
    let ids: Vec<_> = (0..20)
        .map(|_| world.store_for(alice, "bob", false))
        .collect();
    let first = world.mail_ids(bob);
    assert_eq!(first, ids[..16]);
    world.ack(bob, &first[..5]);
    assert_eq!(world.mail_ids(bob), ids[16..]);
}

#[test]
fn two_mails_with_one_id_are_taken_one_after_the_other() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    let eve = world.joined("eve", 3);
    world.clients[bob].takes_mail = false;
    let id = world.store_for(alice, "bob", false);
    world.store_again(eve, id, "bob", false);
    assert_eq!(world.mail(bob).len(), 1);
    world.ack(bob, &[id]);
    let second = world.mail(bob);
    assert_eq!((second.len(), second[0].from.as_str()), (1, "eve"));
    world.ack(bob, &[id]);
    assert_eq!((world.mail(alice).len(), world.mail(eve).len()), (1, 1));
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let mut world = World::new();
    let alice = world.joined("alice", 1);
    for (to, text, code) in [
        ("nobody", &b"x"[..], RefusalCode::NoSuchName),
        ("alice", b"x", RefusalCode::Malformed),
        ("bob", b"", RefusalCode::Malformed),
        ("bob", &vec![b'x'; 65_537], RefusalCode::TooLong),
    ] {
        let head = Head::Store {
            id: world.id(),
            to: name(to),
            stamp: STAMP,
            live: false,
            auto: false,
            enc: None,
        };
        world.say(alice, head, text);
        world.pass(200);
        assert_eq!(world.refused(alice), code, "{to}");
    }
}

#[test]
fn a_full_mailbox_is_refused_aloud() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.dereg(bob, false);
    for _ in 0..100 {
        world.store_for(alice, "bob", false);
        world.stored(alice);
    }
    world.store_for(alice, "bob", false);
    assert_eq!(world.refused(alice), RefusalCode::PairFull);
    world.register(bob);
    world.pass(100);
    world.clear();
    world.store_for(alice, "bob", false);
    world.stored(alice);
}

#[test]
fn a_check_honours_the_answer_and_marks_only_the_silent() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    let id = world.store_for(alice, "bob", true);
    assert!(world.stored(alice).2);
    assert_eq!(world.mail_ids(bob), [id]);
    world.pass(2000);
    assert_eq!(world.status("bob"), Status::Online);
    assert_eq!(world.mail(alice)[0].of, Some(id));
    world.clear();
    // Now bob is gone without a word.
    world.clients[bob].deaf = true;
    let start = world.now.instant;
    world.store_for(alice, "bob", true);
    assert!(world.stored(alice).2);
    while world.status("bob") == Status::Online {
        world.pass(10);
    }
    let took = world.now.instant.since(start);
    assert!(took <= Duration::from_millis(550), "{took:?}");
    assert_eq!(world.status("bob"), Status::Silent);
    world.pass(60);
    assert_eq!(world.table(alice).0[0].status, Status::Silent);
    assert!(world.events.contains(&Event::Silent { who: name("bob") }));
    assert_eq!(world.store.waiting().len(), 1);
}

#[test]
fn group_mail_that_is_not_settled_finds_the_silent() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.clients[bob].deaf = true;
    world.say_group(alice, Audience::Everybody);
    assert!(world.words(alice).contains(&"gack"));
    world.pass(1200);
    assert_eq!(world.status("bob"), Status::Silent);
    assert_eq!(world.status("alice"), Status::Online);
}

#[test]
fn one_who_says_nothing_for_long_is_asked_and_found() {
    let mut world = World::new();
    let (_, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.clients[bob].deaf = true;
    world.pass(29_000);
    assert_eq!(world.status("bob"), Status::Online);
    world.pass(4000);
    assert_eq!(world.status("bob"), Status::Silent);
    // Alice's link answers the server's PINGs.
    assert_eq!(world.status("alice"), Status::Online);
}

#[test]
fn a_copy_of_a_key_does_not_displace_one_who_answers() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    let copy = world.client("alice", 1);
    world.register(copy);
    world.pass(600);
    assert_eq!(world.refused(copy), RefusalCode::HereAlready);
    world.pass(3000);
    assert!(world.clients[copy].closed);
    assert!(!world.clients[alice].closed);
    assert_eq!(world.status("alice"), Status::Online);
    world.clear();
    let id = world.store_for(bob, "alice", false);
    assert_eq!(world.mail_ids(alice), [id]);
    assert_eq!(world.mail(bob)[0].of, Some(id));
}

#[test]
fn a_copy_that_hangs_up_leaves_the_holder_online() {
    // Before it was told that the holder is here, with the acknowledgement of that, and after it.
    for wait in (0..400).step_by(20) {
        let mut world = World::new();
        let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
        let copy = world.client("alice", 1);
        if wait > 200 {
            world.clients[copy].on_refusal = OnRefusal::HangsUp;
        }
        world.register(copy);
        world.pass(wait);
        world.hang_up(copy);
        world.pass(100);
        assert_eq!(world.status("alice"), Status::Online, "after {wait} ms");
        world.clear();
        let id = world.store_for(bob, "alice", false);
        assert_eq!(world.mail_ids(alice), [id]);
        assert!(!world.clients[alice].closed);
    }
}

#[test]
fn mail_that_became_due_while_a_copy_was_heard_out_comes_again_and_again() {
    // Due ten seconds after the link had it: before the copy comes, while it is there, after it.
    for wait in (9600..10_100).step_by(20) {
        let mut world = World::new();
        let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
        world.clients[alice].takes_mail = false;
        let id = world.store_for(bob, "alice", false);
        assert_eq!(world.mail_ids(alice), [id]);
        world.pass(wait);
        let copy = world.client("alice", 1);
        world.register(copy);
        world.pass(600);
        assert_eq!(world.refused(copy), RefusalCode::HereAlready);
        world.pass(3000);
        assert!(world.mail_ids(alice).contains(&id), "the session goes on");
        for _ in 0..2 {
            world.pass(31_000);
            assert!(world.mail_ids(alice).contains(&id), "after {wait} ms");
        }
        world.ack(alice, &[id]);
        assert_eq!(world.mail(bob)[0].of, Some(id));
    }
}

#[test]
fn a_restart_after_a_silent_leave_always_succeeds() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.clients[alice].deaf = true;
    let again = world.client("alice", 1);
    world.register(again);
    world.pass(600);
    assert_eq!(world.registered(again), (0, true, None));
    world.clear();
    let id = world.store_for(bob, "alice", false);
    assert_eq!(world.mail_ids(again), [id]);
    // From the same address there is nothing to ask.
    world.clients[again].deaf = true;
    let port = world.clients[again].address.port();
    let third = world.client_at("alice", 1, port);
    world.register(third);
    assert_eq!(world.registered(third), (0, true, None));
}

#[test]
fn a_claim_that_the_disk_made_repeat_does_not_take_the_name_from_the_next_program() {
    let mut world = World::new();
    let bob = world.joined("bob", 2);
    world.unknown = 1;
    let first = world.client_at("alice", 1, 7100);
    world.register(first);
    world.clients[first].deaf = true;
    let second = world.client_at("alice", 1, 7100);
    world.register(second);
    world.registered(second);
    world.pass(5000);
    assert_eq!(world.status("alice"), Status::Online);
    let id = world.store_for(bob, "alice", false);
    assert_eq!(world.mail_ids(second), [id]);
    assert_eq!(world.mail(bob)[0].of, Some(id));
}

#[test]
fn whoever_moves_while_the_disk_is_slow_is_shown_where_it_is() {
    let mut world = World::new();
    let alice = world.client("alice", 1);
    world.stuck = true;
    world.register(alice);
    let moved_to: SocketAddr = ([127, 0, 0, 1], 7200).into();
    world.clients[alice].address = moved_to;
    let server = Identity::from_seed([SERVER; 32]).session_key();
    let now = world.now;
    world.clients[alice].links.ping(now, &server);
    world.pass(200);
    world.stuck = false;
    world.pass(200);
    world.registered(alice);
    let rows = world.server.table();
    assert_eq!(rows[0].address, Some(moved_to));
}

#[test]
fn the_server_returns_with_names_mail_and_groups_and_waits_for_those_who_were_here() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    let carol = world.joined("carol", 3);
    world.group(alice, GroupAct::Create, "room");
    world.group(alice, GroupAct::Join, "room");
    world.dereg(carol, false);
    world.store_for(alice, "carol", false);
    let head = world.server.digest();
    world.restart(2);
    assert_eq!(world.server.digest(), head);
    assert_eq!(world.status("bob"), Status::Online);
    world.clear();
    // A dead session is told so and the program logs in again, as if nothing had been.
    world.register(alice);
    world.pass(1000);
    world.register(alice);
    assert_eq!(world.registered(alice), (0, true, Some("room".into())));
    assert_eq!(world.server.digest(), head, "who returns changes no row");
    world.pass(33_000);
    assert_eq!(world.status("bob"), Status::Online);
    world.pass(2000);
    assert_eq!(world.status("bob"), Status::TimedOut);
    assert_eq!(world.status("alice"), Status::Online);
    let again = world.client("carol", 3);
    world.register(again);
    assert_eq!(world.registered(again), (1, true, None));
    assert!(!world.clients[bob].deaf);
}

#[test]
fn groups_are_made_joined_spoken_to_listed_and_left() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    let carol = world.joined("carol", 3);
    for (who, act) in [
        (alice, GroupAct::Create),
        (alice, GroupAct::Join),
        (bob, GroupAct::Join),
    ] {
        world.group(who, act, "room");
        assert!(world.words(who).contains(&"done"));
    }
    world.group(bob, GroupAct::Create, "Room");
    assert_eq!(world.refused(bob), RefusalCode::GroupExists);
    world.group(carol, GroupAct::Join, "none");
    assert_eq!(world.refused(carol), RefusalCode::NoSuchGroup);
    world.say_group(carol, room());
    assert_eq!(world.refused(carol), RefusalCode::NotMember);
    world.pass(100);
    assert_eq!(
        world.lines(),
        [
            "[Client alice created group room successfully.]",
            r#"[The current group chats info are: {"room":[]}]"#,
            "[Client alice Joined Group room.]",
            r#"[The current group chats info are: {"room":["alice"]}]"#,
            "[Client bob Joined Group room.]",
            r#"[The current group chats info are: {"room":["alice","bob"]}]"#,
            "[Client bob creating group Room failed, group already exists.]",
            "[Client carol joining group none failed, group does not exist.]",
        ]
    );
    world.clear();
    let id = world.say_group(alice, room());
    let to = world.find(alice, |head| match head {
        Head::GroupAck { to, .. } => Some(*to),
        _ => None,
    });
    assert_eq!(to, 1);
    let mail = world.mail(bob);
    assert_eq!((mail[0].id, &mail[0].audience), (id, &Some(room())));
    assert!(world.mail(carol).is_empty() && world.mail(alice).is_empty());
    world.pass(1000);
    assert!(world.mail(alice).is_empty(), "delivered live: no receipt");
    assert_eq!(
        world.lines(),
        ["[Client alice sent group message to group room, message is to all]"]
    );
    let head = Head::List {
        id: world.id(),
        of: ListOf::Members,
        group: Some("room".parse().unwrap()),
        after: None,
    };
    world.say(bob, head, b"");
    let names = world.clients[bob].heard.pop_back().unwrap();
    assert_eq!(names.tail, b"alice\nbob");
    world.group(bob, GroupAct::Leave, "room");
    world.say_group(alice, room());
    assert!(world.mail(bob).is_empty());
}

#[test]
fn a_group_message_that_waited_for_a_login_gives_one_receipt() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.dereg(bob, false);
    world.pass(3000);
    let id = world.say_group(alice, Audience::Everybody);
    world.register(bob);
    let mail = world.mail(bob);
    assert!(mail[0].off && mail[0].audience == Some(Audience::Everybody));
    world.pass(100);
    let receipts = world.mail(alice);
    assert_eq!((receipts.len(), receipts[0].of), (1, Some(id)));
}

#[test]
fn a_repeated_group_message_reaches_nobody_who_joined_since() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.group(alice, GroupAct::Create, "room");
    world.group(alice, GroupAct::Join, "room");
    let id = world.say_group(alice, room());
    world.group(bob, GroupAct::Join, "room");
    let head = Head::GroupMessage {
        id,
        audience: room(),
        stamp: STAMP,
        auto: false,
        enc: None,
    };
    world.say(alice, head, b"to all");
    assert!(world.mail(bob).is_empty());
}

#[test]
fn a_member_that_left_for_good_is_named_at_the_next_message() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.group(alice, GroupAct::Create, "room");
    world.group(alice, GroupAct::Join, "room");
    world.group(bob, GroupAct::Join, "room");
    world.dereg(bob, true);
    world.pass(3000);
    world.clear();
    for _ in 0..2 {
        world.say_group(alice, room());
    }
    let said = "[Client alice sent group message to group room, message is to all]";
    assert_eq!(
        world.lines(),
        [
            said,
            "[Client bob not responsive, removed from room.]",
            r#"[The current group chats info are: {"room":["alice"]}]"#,
            said,
        ]
    );
}

#[test]
fn a_join_costs_each_client_a_small_change() {
    let mut world = World::new();
    let watcher = world.joined("watcher", 1);
    for n in 0..40 {
        world.joined(&format!("name{n:03}"), 10 + n);
    }
    world.pass(1000);
    world.clear();
    let late = world.client("late", 2);
    world.register(late);
    world.pass(200);
    let bytes = world.clients[watcher].bytes;
    let (rows, digest) = world.table(watcher);
    assert_eq!((rows.len(), digest), (1, Some(world.server.digest().1)));
    assert!(bytes <= 350, "{bytes} bytes for one join");
    let (rows, _) = world.table(late);
    assert_eq!(rows.len(), 42);
}

#[test]
fn changes_close_together_travel_together() {
    let mut world = World::new();
    let watcher = world.joined("watcher", 1);
    world.pass(1000);
    world.clear();
    let many: Vec<_> = (0..20)
        .map(|n| world.client(&format!("n{n}"), 10 + n))
        .collect();
    for at in many {
        world.register(at);
    }
    world.pass(1000);
    let pages = world
        .words(watcher)
        .iter()
        .filter(|word| **word == "table")
        .count();
    assert!((1..=2).contains(&pages), "{pages} pages");
    let updates = world.lines().len();
    assert!((1..=2).contains(&updates), "{updates} lines");
}

#[test]
fn a_client_that_knows_the_table_gets_what_changed_and_one_that_does_not_gets_all() {
    let mut world = World::new();
    world.joined("alice", 1);
    let bob = world.joined("bob", 2);
    let (Version(head), digest) = world.server.digest();
    for (store, table, rows) in [
        (Some(STORE), Some(head), 0),
        (Some(STORE), Some(head - 1), 1),
        (Some(STORE), Some(head + 1), 2),
        (Some(STORE + 1), Some(head), 2),
        (None, None, 2),
    ] {
        world.register_with(bob, store, table);
        world.pass(100);
        let (page, told) = world.table(bob);
        assert_eq!(
            (page.len(), told),
            (rows, Some(digest)),
            "{store:?} {table:?}"
        );
    }
    world.clear();
    world.say(bob, Head::Sync { from: 0 }, b"");
    world.pass(100);
    assert_eq!(world.table(bob).0.len(), 2);
}

#[test]
fn a_lookup_finds_names_and_keys() {
    let mut world = World::new();
    let alice = world.joined("alice", 1);
    let key = world.clients[alice].identity.session_key();
    for (of, found) in [
        (LookupOf::Name(name("ALICE")), true),
        (LookupOf::Key(key), true),
        (LookupOf::Key(PublicKey([0; 32])), false),
    ] {
        let id = world.id();
        world.say(alice, Head::Lookup { id, of }, b"");
        if found {
            let packet = world.clients[alice].heard.pop_back().unwrap();
            assert_eq!(
                Row::decode_all(&packet.tail).unwrap()[0].name,
                name("alice")
            );
        } else {
            assert_eq!(world.refused(alice), RefusalCode::NoSuchName);
        }
    }
}

#[test]
fn datagrams_are_carried_between_two_who_are_here_within_their_budget() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    let relay = |world: &mut World, to: &str, bytes: &[u8]| {
        let head = Head::Relay { to: name(to) };
        let tail = bytes.to_vec();
        let packet = Packet { head, tail }.encode();
        let key = Identity::from_seed([SERVER; 32]).session_key();
        let now = world.now;
        assert!(world.clients[alice].links.send_loose(now, &key, &packet));
        world.settle();
    };
    let datagram = [0xC4; 1000];
    relay(&mut world, "bob", &datagram);
    let relayed = world.clients[bob].heard.pop_back().unwrap();
    assert_eq!(relayed.tail, datagram);
    assert_eq!(
        relayed.head,
        Head::Relayed {
            from: name("alice")
        }
    );
    for (to, bytes, code) in [
        ("nobody", &datagram[..], RefusalCode::NoSuchName),
        ("bob", &datagram[..23], RefusalCode::Malformed),
        ("bob", &[0xC6; 100], RefusalCode::Malformed),
    ] {
        relay(&mut world, to, bytes);
        assert_eq!(world.refused(alice), code);
    }
    for _ in 1..64 {
        relay(&mut world, "bob", &datagram);
    }
    assert_eq!(world.clients[bob].heard.len(), 63);
    relay(&mut world, "bob", &datagram);
    assert_eq!(world.refused(alice), RefusalCode::RelayLimit);
    world.dereg(bob, false);
    relay(&mut world, "bob", &datagram);
    assert_eq!(world.refused(alice), RefusalCode::Offline);
}

#[test]
fn while_the_store_cannot_say_nothing_is_said_and_then_it_is_asked_again() {
    let mut world = World::new();
    let (alice, _) = (world.joined("alice", 1), world.joined("bob", 2));
    world.unknown = 2;
    world.store_for(alice, "bob", false);
    world.pass(700);
    assert!(world.words(alice).is_empty());
    world.pass(4000);
    assert_eq!(world.stored(alice).1, StoredState::Waiting);
}

#[test]
fn a_store_without_room_refuses_mail_and_new_names_but_not_known_ones() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.store.set_full(true);
    world.settle();
    assert!(world.events.contains(&Event::Health { degraded: true }));
    world.store_for(alice, "bob", false);
    assert_eq!(world.refused(alice), RefusalCode::StoreFull);
    let carol = world.client("carol", 3);
    world.register(carol);
    assert_eq!(world.refused(carol), RefusalCode::NoStore);
    world.dereg(bob, false);
    world.pass(3000);
    world.register(bob);
    assert_eq!(world.registered(bob), (0, true, None));
    world.store.set_full(false);
    world.settle();
    world.store_for(alice, "bob", false);
    world.stored(alice);
}

#[test]
fn known_names_log_in_from_memory_while_the_disk_fails_and_their_mail_follows() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.dereg(bob, false);
    let id = world.store_for(alice, "bob", false);
    world.pass(3000);
    world.clear();
    let now = world.now;
    world
        .server
        .handle_store(now, StoreEvent::Health(Health::Degraded));
    world.unknown = 1;
    world.register(bob);
    assert_eq!(world.registered(bob), (0, true, None));
    assert!(world.mail(bob).is_empty());
    world.pass(2000);
    assert_eq!(world.mail_ids(bob), [id]);
}

#[test]
fn a_request_that_the_store_gives_back_is_refused_or_offered_again() {
    let mut world = World::new();
    let alice = world.joined("alice", 1);
    world.joined("bob", 2);
    world.full = 1;
    world.store_for(alice, "bob", false);
    assert_eq!(world.refused(alice), RefusalCode::Busy);
    assert!(world.store.waiting().is_empty());
    world.full = 1;
    world.dereg(alice, false);
    assert!(world.words(alice).is_empty());
    world.pass(100);
    assert!(world.words(alice).contains(&"done"));
}

#[test]
fn over_a_bad_path_everything_arrives_and_nobody_is_marked_wrongly() {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.loss = 20;
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(world.store_for(alice, "bob", true));
        world.pass(50);
    }
    world.pass(20_000);
    let mut seen = world.mail_ids(bob);
    seen.sort_unstable();
    assert_eq!(seen, ids);
    let mut receipts: Vec<_> = world
        .mail(alice)
        .iter()
        .filter_map(|mail| mail.of)
        .collect();
    receipts.sort_unstable();
    assert_eq!(receipts, ids);
    assert!(world.lost > 100, "{} lost", world.lost);
    let silent = |event: &&Event| matches!(event, Event::Silent { .. });
    assert_eq!(world.events.iter().filter(silent).count(), 0);
    assert!(world.store.waiting().is_empty());
}

#[test]
fn whatever_one_who_is_logged_in_sends_the_server_goes_on() {
    let mut world = World::new();
    let eve = world.joined("eve", 3);
    let alice = world.joined("alice", 1);
    let mut dice = Ratchet::new([9; 32]);
    let id = MessageId(1);
    let good = Head::Sync {
        from: u64::MAX >> 11,
    };
    let good = Packet {
        head: good,
        tail: Vec::new(),
    };
    let good = good.encode();
    let route = Route {
        key: Identity::from_seed([SERVER; 32]).session_key(),
        path: Path::Direct(([127, 0, 0, 1], 6000).into()),
        role: Role::Server,
        slots: 5,
    };
    for _ in 0..500 {
        let mut bytes = good.clone();
        for _ in 0..=dice.below(4) {
            let length = u64::try_from(bytes.len()).unwrap();
            let at = usize::try_from(dice.below(length)).unwrap();
            bytes[at] = dice.draw()[0];
        }
        let now = world.now;
        let sent = world.clients[eve].links.send(now, &route, bytes);
        assert!(sent.is_ok());
        world.settle();
        if world.clients[eve].closed {
            world.clients[eve].closed = false;
            world.register(eve);
        }
        world.pass(1);
    }
    // Types of other directions are no harm either.
    for head in [
        Head::Ack { id },
        Head::Names { id, more: true },
        Head::Row { id },
        Head::Relay { to: name("alice") },
    ] {
        world.say(eve, head, b"x");
    }
    for tail in [&[][..], &[0; 15], &[0; 17 * 16]] {
        world.say(eve, Head::MailAck, tail);
    }
    assert!(world.server.counters().malformed > 100);
    assert_eq!(world.status("alice"), Status::Online);
    world.pass(1000);
    world.clear();
    world.store_for(alice, "eve", false);
    world.stored(alice);
}

/// Bob is away with a mail; then the wall clock jumps, and days pass.
fn after_days(jump_ms: i64, days: i64) -> (World, usize, usize, MessageId) {
    let mut world = World::new();
    let (alice, bob) = (world.joined("alice", 1), world.joined("bob", 2));
    world.dereg(bob, false);
    let id = world.store_for(alice, "bob", false);
    world.now.wall.unix_ms += jump_ms;
    world.dereg(alice, false);
    for _ in 0..days {
        world.pass(u64::try_from(DAY_MS).unwrap());
    }
    world.clear();
    (world, alice, bob, id)
}

#[test]
fn mail_that_nobody_fetched_for_thirty_days_expires_and_its_sender_is_told() {
    let (mut world, alice, bob, _) = after_days(0, MAIL_DAYS + 1);
    world.register(bob);
    assert_eq!(world.registered(bob).0, 0);
    world.register(alice);
    let kinds: Vec<MailKind> = world.mail(alice).iter().map(|mail| mail.kind).collect();
    assert_eq!(kinds, [MailKind::Expired]);
}

#[test]
fn a_clock_that_jumps_ten_years_either_way_expires_nothing() {
    for years in [10, -10] {
        let (mut world, alice, bob, id) = after_days(years * 365 * DAY_MS, 3);
        world.register(alice);
        assert!(world.mail(alice).is_empty(), "{years} years");
        world.register(bob);
        assert_eq!(world.mail_ids(bob), [id], "{years} years");
    }
}

#[test]
fn a_full_disk_says_nothing_of_an_earlier_try_whose_fate_is_unknown() {
    let mut world = World::new();
    let alice = world.joined("alice", 1);
    let bob = world.joined("bob", 2);
    world.dereg(bob, false);
    world.clear();
    world.unknown = 1;
    world.store_for(alice, "bob", false);
    world.store.set_full(true);
    world.pass(5000);
    let told = world.words(alice);
    assert!(
        !told.contains(&"refused") && !told.contains(&"stored"),
        "{told:?}"
    );
    world.store.set_full(false);
    world.pass(40_000);
    assert!(world.words(alice).contains(&"stored"));
}

#[test]
fn an_offer_repeated_on_a_new_session_is_looked_up_although_the_disk_is_full() {
    let mut world = World::new();
    let alice = world.joined("alice", 1);
    let bob = world.joined("bob", 2);
    world.dereg(bob, false);
    world.clear();
    let id = world.store_for(alice, "bob", false);
    let first = world.stored(alice);
    world.store.set_full(true);
    let again = world.client("alice", 1);
    world.register(again);
    world.store_again(again, id, "bob", false);
    assert_eq!(world.stored(again), first);
}
