//! The server's protocol: names, table, presence, mail, groups, relay. No I/O.
//!
//! > Handle as much as you like, then poll until `None`, then sleep until `deadline`.
//!
//! The core keeps a copy of names and groups that only the store feeds, and owns nothing that must
//! survive. What it tells anybody is caused by a reply of the store: an acknowledgement that comes
//! before the commit cannot be written here. Text reaches the present and the absent alike from
//! their mailboxes, so there is no race between the two.

mod ask;
mod budget;
pub mod envelope;
pub mod event;
mod groups;
mod mail;
pub mod port;
mod presence;
mod register;
mod relay;
mod session;
mod table;

pub use envelope::Envelope;
pub use event::Event;

use crate::link::{self, Counters, Links, Node, Parcel, Path, Route};
use crate::model::limits::{ANSWERS_WAITING_MAX, MALFORMED_MAX, PROBE_GAP, UNCONFIRMED};
use crate::model::{Instant, MessageId, Name, Now, PublicKey, StoreTicket, Timers, Version};
use crate::secure::{Identity, Ratchet};
use crate::wire::datagram::{Role, Transmit};
use crate::wire::packet::{PacketError, RefusalCode};
use crate::wire::{CloseCode, Direction, Head, Packet, Row, Traced};
use ask::Asks;
use budget::Budgets;
use groups::Groups;
use port::{Health, StoreEvent, StoreRequest};
use session::{Cargo, Session, Stage};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use table::{Names, Pace};

/// The server.
pub struct Server {
    config: Config,
    identity: Arc<Identity>,
    ratchet: Ratchet,
    links: Links,
    now: Now,
    /// When the first thing was handled: nothing expires early in a process.
    started: Option<Now>,
    /// The store has told everything: before, nobody is heard.
    ready: bool,
    health: Health,
    outputs: VecDeque<Output>,
    timers: Timers<Timer>,
    names: Names,
    groups: Groups,
    pace: Pace,
    sessions: BTreeMap<PublicKey, Session>,
    /// Whose mailbox is attached, and on which session.
    present: BTreeMap<Name, PublicKey>,
    /// Parcels whose settling matters.
    carried: BTreeMap<Parcel, PublicKey>,
    asks: Asks,
    budgets: Budgets,
    lives: u64,
    malformed: u64,
    /// Datagrams that came before the store had told everything.
    early: u64,
}

/// What an operator may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of `serve`")]
pub struct Config {
    /// Do not tell keys to who asks (KEYREQ).
    pub quiet: bool,
    /// Carry datagrams between clients who cannot reach each other.
    pub relay: bool,
    /// Report every packet (`Output::Trace`).
    pub trace: bool,
    /// Put the text of group messages into events (`--log-text`).
    pub log_text: bool,
    /// How fast each identity may ask.
    pub rates: Rates,
    /// The store's own random number: clients notice when it changes.
    pub store: u64,
}

impl Config {
    /// What `serve` is without options, before this store.
    #[must_use]
    pub const fn new(store: u64) -> Self {
        Self {
            quiet: false,
            relay: true,
            trace: false,
            log_text: false,
            rates: Rates::Limited,
            store,
        }
    }
}

/// Whether an identity may ask for more than its share; `serve` never lets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rates {
    /// As limits.rs says.
    #[default]
    Limited,
    /// As fast as it can: a measurement of the server is not one of its limits.
    Unlimited,
}

/// What has to be done next, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Something happened.
    Event(Event),
    /// A request for the store.
    Store(StoreTicket, StoreRequest),
    /// A packet that was sent or arrived.
    Trace(Traced),
    /// A datagram to send.
    Transmit(Transmit),
}

/// What becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Packets that did not fit are tried again.
    Backlog(PublicKey),
    /// Mail that waited too long is given up.
    Expire,
    /// The last answer had its time; the session ends.
    Farewell(PublicKey),
    /// The check of a program that was replaced goes on.
    Former(PublicKey),
    /// Mail without `mailack` is sent again.
    Letters(PublicKey),
    /// Requests that the store gave back are offered again.
    Offer,
    /// A status check goes on.
    Probe(PublicKey),
    /// A request of unknown outcome is asked again.
    Retry(StoreTicket),
    /// Nothing was heard for long.
    Silence(PublicKey),
    /// The table goes out.
    Table,
    /// Something was not settled for a slot.
    Unacked(PublicKey),
    /// Who has not come back after the start is offline.
    Unconfirmed,
    /// A session without a name ends.
    Unregistered(PublicKey),
}

impl Server {
    /// A server that knows nothing yet: its first output asks the store to tell everything.
    #[must_use]
    pub fn new(config: Config, identity: Arc<Identity>, mut ratchet: Ratchet) -> Self {
        let node = Node::Server {
            quiet: config.quiet,
        };
        let links = Links::new(node, Arc::clone(&identity), ratchet.fork());
        let mut server = Self {
            config,
            identity,
            ratchet,
            links,
            now: Now::default(),
            started: None,
            ready: false,
            health: Health::Up,
            outputs: VecDeque::new(),
            timers: Timers::new(),
            names: Names::default(),
            groups: Groups::default(),
            pace: Pace::default(),
            sessions: BTreeMap::new(),
            present: BTreeMap::new(),
            carried: BTreeMap::new(),
            asks: Asks::default(),
            budgets: Budgets::new(config.rates),
            lives: 0,
            malformed: 0,
            early: 0,
        };
        server.ask(StoreRequest::Follow { after: None }, ask::Purpose::Follow);
        server
    }

    /// Takes a datagram; bytes from the network are never our error.
    pub fn handle_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) {
        self.tell_time(now);
        if self.ready {
            self.links.handle_datagram(now, Path::Direct(from), bytes);
        } else {
            self.early += 1;
        }
    }

    /// Takes what the store tells.
    pub fn handle_store(&mut self, now: Now, event: StoreEvent) {
        self.tell_time(now);
        match event {
            StoreEvent::Current { .. } => self.on_current(),
            StoreEvent::Group { group, row, .. } => self.groups.apply(&group, row),
            StoreEvent::Health(health) => self.on_health(health),
            StoreEvent::Mail { name, owner, mail } => self.on_mail(&name, owner, mail),
            StoreEvent::Name { at, name, row } => self.on_name(at, &name, row),
            StoreEvent::Reply(ticket, reply) => self.on_reply(ticket, reply),
            StoreEvent::Reset => {
                self.names = Names::default();
                self.groups = Groups::default();
                self.table_changed();
            }
        }
    }

    /// The store's queue was full: the request is given back and will be offered again.
    pub fn handle_store_full(&mut self, now: Now, ticket: StoreTicket, request: StoreRequest) {
        self.tell_time(now);
        self.on_store_full(ticket, request);
    }

    /// Mixes 32 fresh bytes of the operating system in.
    pub fn handle_entropy(&mut self, bytes: &[u8; 32]) {
        self.ratchet.mix(bytes);
        self.links.handle_entropy(bytes);
    }

    /// Does what is due; calling it early changes nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        self.tell_time(now);
        self.links.handle_timeout(now);
        while let Some(timer) = self.timers.pop(now.instant) {
            self.on_timer(timer);
        }
    }

    /// The next thing to do. Packets that arrived are worked on here; datagrams are built last, so
    /// that everything due to one client in a turn shares them.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            match self.links.poll_output()? {
                link::Output::Transmit {
                    to: Path::Direct(to),
                    datagram,
                } => return Some(Output::Transmit(Transmit { to, datagram })),
                output => self.on_link(output),
            }
        }
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let deadlines = [self.timers.next(), self.links.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// What was dropped and counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.links.counters();
        counters.malformed += self.malformed;
        counters.limited += self.early;
        counters
    }

    /// The table as clients get it, by name.
    #[must_use]
    pub fn table(&self) -> Vec<Row> {
        self.names.shown()
    }

    /// The table's head version and its digest.
    #[must_use]
    pub fn digest(&self) -> (Version, u64) {
        (self.names.head(), self.names.digest())
    }

    fn tell_time(&mut self, now: Now) {
        self.now = now;
        if self.started.is_none() {
            self.started = Some(now);
            self.arm_expiry();
        }
    }

    fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Backlog(key) => self.pump(key),
            Timer::Expire => self.on_expiry_due(),
            Timer::Farewell(key) => self.on_farewell_due(key),
            Timer::Former(key) => self.on_former_probed(key),
            Timer::Letters(key) => self.on_letters_due(key),
            Timer::Offer => self.on_offer_due(),
            Timer::Probe(key) => self.on_probe(key),
            Timer::Retry(ticket) => self.on_retry(ticket),
            Timer::Silence(key) => self.on_silence(key),
            Timer::Table => self.on_table_tick(),
            Timer::Unacked(key) => self.on_unacked(key),
            Timer::Unconfirmed => self.on_unconfirmed(),
            Timer::Unregistered(key) => self.on_unregistered(key),
        }
    }

    fn on_link(&mut self, output: link::Output) {
        match output {
            link::Output::Arrived { from, bytes } => self.on_packet(from, &bytes),
            link::Output::Closed { peer, .. } => self.on_closed(peer),
            link::Output::Loose { from, bytes } => self.on_loose(from, &bytes),
            link::Output::Moved {
                peer,
                path: Path::Direct(address),
            } => self.on_moved(peer, address),
            link::Output::Opened {
                peer,
                path: Path::Direct(address),
                boot,
                fresh,
                ..
            } => self.on_opened(peer, address, boot, fresh),
            link::Output::Returned { peer } => self.bring_back(peer),
            link::Output::Settled { parcel } => self.on_settled(parcel),
            // A server initiates nothing, knows no relayed paths and asks nobody for keys.
            link::Output::Moved { .. }
            | link::Output::Opened { .. }
            | link::Output::Progress { .. }
            | link::Output::ServerKey { .. }
            | link::Output::Stranger { .. }
            | link::Output::Transmit { .. } => {}
        }
    }

    /// The store has told everything. The first time it says who was here before the start.
    fn on_current(&mut self) {
        if self.ready {
            return;
        }
        self.ready = true;
        self.timers
            .set(Timer::Unconfirmed, self.now.instant + UNCONFIRMED);
    }

    fn on_name(&mut self, at: Version, name: &Name, row: Option<port::NameRow>) {
        if row.is_none() {
            self.on_released(name);
        }
        self.names.apply(at, name, row);
        if self.ready {
            self.table_changed();
        }
    }

    fn on_health(&mut self, health: Health) {
        self.health = health;
        let degraded = health != Health::Up;
        self.event(Event::Health { degraded });
    }

    /// The one switch: whose packet it is decides what it may ask.
    fn on_packet(&mut self, from: PublicKey, bytes: &[u8]) {
        self.trace(from, Direction::In, bytes);
        let Some(session) = self.sessions.get(&from) else {
            return;
        };
        let packet = match Packet::decode(bytes) {
            Ok(packet) => packet,
            Err(PacketError::Malformed) => return self.on_malformed(from),
            Err(PacketError::UnknownType { id }) => {
                self.malformed += 1;
                if id.is_some() {
                    self.refuse_with(from, id, "", &RefusalCode::UnknownType, None);
                }
                return;
            }
        };
        let Packet { head, tail } = packet;
        match (&session.stage, head) {
            (Stage::Asking(_), Head::Register { .. }) | (Stage::Rejected, _) => {}
            (
                Stage::Here | Stage::Leaving | Stage::Stranger,
                Head::Register {
                    id,
                    name,
                    store,
                    table,
                    ..
                },
            ) => self.on_register(from, id, name, (store, table), tail),
            (_, Head::Dereg { id, is_final }) => self.on_dereg(from, id, is_final),
            (Stage::Here, head) => self.on_request(from, head, tail),
            (Stage::Leaving, _) => {}
            (_, head) => {
                let id = id_of(&head);
                self.refuse_with(from, id, head.word(), &RefusalCode::NotRegistered, None);
            }
        }
    }

    /// A packet of somebody who is logged in.
    fn on_request(&mut self, from: PublicKey, head: Head, tail: Vec<u8>) {
        match head {
            Head::Group { id, act, group } => self.on_group(from, id, act, group),
            Head::GroupMessage { .. } => self.on_group_message(from, head, tail),
            Head::List {
                id,
                of,
                group,
                after,
            } => self.on_list(from, id, of, group, after.as_deref()),
            Head::Lookup { id, of } => self.on_lookup(from, id, &of),
            Head::MailAck => self.on_mail_ack(from, &tail),
            Head::Store { .. } => self.on_store(from, head, tail),
            Head::Sync { from: version } => self.on_sync(from, version),
            // Types of another direction, or that travel another way: dropped and counted.
            _ => self.malformed += 1,
        }
    }

    fn on_malformed(&mut self, from: PublicKey) {
        self.malformed += 1;
        let Some(session) = self.sessions.get_mut(&from) else {
            return;
        };
        session.malformed = session.malformed.saturating_add(1);
        if session.malformed >= MALFORMED_MAX {
            self.leave(from, port::Why::Silent);
            self.end(from, CloseCode::Protocol);
        }
    }

    /// The link has settled a parcel: the next of the same kind may go.
    fn on_settled(&mut self, parcel: Parcel) {
        let Some(key) = self.carried.remove(&parcel) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let load = session.outstanding.remove(&parcel);
        match load.map(|load| load.cargo) {
            // The other's CLOSE may have come with its acknowledgement, and is heard first.
            Some(Cargo::Farewell) => {
                return self.timers.set(Timer::Farewell(key), self.now.instant);
            }
            Some(Cargo::Letter(number)) => self.on_letter_settled(key, number),
            Some(Cargo::Table) => self.on_page_settled(key),
            None => {}
        }
        self.pump(key);
    }

    /// Sends what waits: answers first, then mail, then the table.
    fn pump(&mut self, key: PublicKey) {
        while let Some(bytes) = self
            .sessions
            .get_mut(&key)
            .and_then(|s| s.backlog.pop_front())
        {
            if let Err(link::Full(bytes)) = self.offer(key, bytes) {
                if let Some(session) = self.sessions.get_mut(&key) {
                    session.backlog.push_front(bytes);
                }
                return;
            }
        }
        self.pump_letters(key);
        self.pump_table(key);
    }

    /// Sends an answer; what does not fit into the link waits.
    fn send(&mut self, to: PublicKey, head: Head, tail: Vec<u8>) -> Option<Parcel> {
        let bytes = Packet { head, tail }.encode();
        let waits = self
            .sessions
            .get(&to)
            .is_some_and(|s| !s.backlog.is_empty());
        let offered = if waits {
            Err(link::Full(bytes))
        } else {
            self.offer(to, bytes)
        };
        match offered {
            Ok(parcel) => parcel,
            Err(link::Full(bytes)) => {
                let session = self.sessions.get_mut(&to)?;
                if session.backlog.len() < ANSWERS_WAITING_MAX {
                    session.backlog.push_back(bytes);
                }
                None
            }
        }
    }

    /// Sends bytes that somebody else keeps; none if they do not fit now.
    fn send_bytes(&mut self, to: PublicKey, bytes: Vec<u8>) -> Option<Parcel> {
        self.offer(to, bytes).ok().flatten()
    }

    fn offer(&mut self, to: PublicKey, bytes: Vec<u8>) -> Result<Option<Parcel>, link::Full> {
        let (true, Some(path)) = (self.links.is_open(&to), self.links.path(&to)) else {
            return Ok(None);
        };
        self.trace(to, Direction::Out, &bytes);
        let route = Route {
            key: to,
            path,
            role: Role::Peer,
            slots: 1,
        };
        let sent = self.links.send(self.now, &route, bytes);
        if sent.is_err() {
            let timer = Timer::Backlog(to);
            self.timers.set(timer, self.now.instant + PROBE_GAP);
        }
        sent.map(Some)
    }

    /// From now on the settling of this parcel matters, and if it takes a slot there is a check.
    fn carry(&mut self, parcel: Parcel, key: PublicKey) {
        self.carried.insert(parcel, key);
        self.watch(key);
    }

    fn refuse(&mut self, to: PublicKey, id: MessageId, re: &str, code: &RefusalCode) {
        self.refuse_with(to, Some(id), re, code, None);
    }

    fn refuse_after(
        &mut self,
        to: PublicKey,
        id: MessageId,
        re: &str,
        code: &RefusalCode,
        after: Duration,
    ) {
        self.refuse_with(to, Some(id), re, code, Some(after));
    }

    fn refuse_with(
        &mut self,
        to: PublicKey,
        id: Option<MessageId>,
        re: &str,
        code: &RefusalCode,
        after: Option<Duration>,
    ) {
        let head = refused(id, re, code, after);
        self.send(to, head, Vec::new());
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn trace(&mut self, peer: PublicKey, direction: Direction, bytes: &[u8]) {
        if self.config.trace {
            let name = self.name_of(&peer).or_else(|| self.names.of_key(&peer));
            let name = name.cloned();
            let bytes = bytes.to_vec();
            self.outputs.push_back(Output::Trace(Traced {
                direction,
                peer,
                name,
                bytes,
            }));
        }
    }

    /// Who is logged in on this session.
    fn name_of(&self, key: &PublicKey) -> Option<&Name> {
        Some(&self.sessions.get(key)?.here()?.name)
    }
}

fn refused(id: Option<MessageId>, re: &str, code: &RefusalCode, after: Option<Duration>) -> Head {
    Head::Refused {
        id,
        re: re.into(),
        code: code.clone(),
        text: words(code).into(),
        after_ms: after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX).max(1)),
    }
}

/// What people are told; programs look at the code.
const fn words(code: &RefusalCode) -> &'static str {
    match code {
        RefusalCode::BadCard => "the card does not fit the name or the session",
        RefusalCode::BadName => "this is no name",
        RefusalCode::Busy => "the server is busy",
        RefusalCode::GroupExists => "the group exists already",
        RefusalCode::HereAlready => "this name is logged in elsewhere",
        RefusalCode::MailboxFull => "the mailbox is full",
        RefusalCode::Malformed => "the request makes no sense",
        RefusalCode::NameUsed => "the name belongs to another key",
        RefusalCode::NoStore => "the server cannot write to its disk",
        RefusalCode::NoSuchGroup => "there is no such group",
        RefusalCode::NoSuchName => "there is no such name",
        RefusalCode::NotMe => "one can only do this for oneself",
        RefusalCode::NotMember => "only members may do this",
        RefusalCode::NotRegistered => "log in first",
        RefusalCode::Offline => "the other is offline",
        RefusalCode::PairFull => "too many of your messages wait there",
        RefusalCode::RelayLimit => "too much to carry",
        RefusalCode::RelayOff => "this server carries nothing",
        RefusalCode::StoreFull => "the server's disk is full",
        RefusalCode::TooFast => "too fast",
        RefusalCode::TooLong => "the text is too long",
        RefusalCode::TooMany => "too many",
        RefusalCode::UnknownType => "this server does not know the request",
        RefusalCode::Other(_) => "refused",
    }
}

/// The id of a request, so that a refusal can name it.
const fn id_of(head: &Head) -> Option<MessageId> {
    match head {
        Head::Dereg { id, .. }
        | Head::Group { id, .. }
        | Head::GroupMessage { id, .. }
        | Head::List { id, .. }
        | Head::Lookup { id, .. }
        | Head::Register { id, .. }
        | Head::Store { id, .. } => Some(*id),
        _ => None,
    }
}
