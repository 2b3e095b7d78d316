//! The client's protocol: log in, talk person to person, keep what is not confirmed, listen to the
//! server. No I/O.
//!
//! > Handle as much as you like, then poll until `None`, then sleep until `deadline`.

mod asks;
mod disk;
pub mod event;
mod groups;
mod history;
mod inbox;
mod login;
mod notices;
mod order;
mod outbox;
mod peers;
pub mod port;
pub mod request;
mod table;
pub mod view;

pub use event::Event;
pub use request::{Modes, Outcome, Request, RequestError, RequestId};
pub use view::{Mode, View};

use crate::link::{self, Counters, Links, Node, Path};
use crate::model::limits::{KEEPALIVE, OUTBOX_MAX};
use crate::model::{Instant, MessageId, Name, Now, PublicKey, StoreTicket, Timers, Version};
use crate::secure::{Fingerprint, Identity, Ratchet};
use crate::wire::{Direction, Head, Packet, Traced, datagram::Transmit};
use event::Session;
use port::{StoreEvent, StoreRequest};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A client.
pub struct Client {
    config: Config,
    identity: Arc<Identity>,
    links: Links,
    ratchet: Ratchet,
    /// Of the latest `handle_*`.
    now: Now,
    timers: Timers<Timer>,
    outputs: VecDeque<Output>,
    view: View,
    next_request: u64,
    /// Requests from before the login.
    early: VecDeque<(RequestId, Request, Modes)>,
    asks: asks::Asks,
    disk: disk::Disk,
    inbox: inbox::Inbox,
    login: login::Login,
    outbox: outbox::Outbox,
    peers: peers::Peers,
    table: table::Table,
    ending: Option<Ending>,
    /// `Ended` was handed out.
    ended: bool,
}

/// Who this is and where its server is.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name to log in with.
    pub name: Name,
    /// Where the server is.
    pub server: SocketAddr,
    /// The server's identity if it is known beforehand; else the pin of the store, else the first
    /// key seen is pinned.
    pub server_key: Option<Fingerprint>,
    /// Arriving private messages are shown at once in a group, too.
    pub group_private: GroupPrivate,
    /// A lost server does not end the client.
    pub stay: bool,
    /// Let the server carry datagrams where the direct path fails.
    pub relay: bool,
    /// Report every packet.
    pub trace: bool,
    /// Who takes what arrives.
    pub arrivals: Arrivals,
}

/// What becomes of messages that arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Nobody is here to see them: they are not confirmed, and stay where they are.
    Leave,
    /// None arrives: it knows its own store and speaks to nobody.
    Never,
    /// They are made durable, confirmed and shown.
    Take,
}

/// Private messages while in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupPrivate {
    /// They may be sent and are shown at once.
    Allow,
    /// They may not be sent and are held.
    Refuse,
}

/// What has to be done next, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// The program is to end; nothing follows.
    Ended(Ending),
    /// Something happened that people and programs may want to know; if a request is named, it
    /// happened because of it.
    Event(Event, Option<RequestId>),
    /// A request has its outcome.
    Settled(RequestId, Result<Outcome, RequestError>),
    /// A question for the store.
    Store(StoreTicket, StoreRequest),
    /// A packet as it travels, for `trace`.
    Trace(Traced),
    /// A datagram to send.
    Transmit(Transmit),
}

/// Why a client has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `exit`, or a final `dereg`.
    Left,
    /// The name is another key's, or is logged in elsewhere.
    NameTaken,
    /// Any other refusal of the login.
    Refused,
    /// The server's key is not the pinned one.
    ServerKeyChanged,
    /// Five slots without an answer.
    ServerUnreachable,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A request the server has in hand is asked again.
    Again(u64),
    /// The rest of the announced mail does not come.
    Batch,
    /// A relayed peer may be reached directly again.
    Challenge(PublicKey),
    /// The store could not tell.
    Disk(StoreTicket),
    /// An earlier message of a sender does not come.
    Gap,
    /// The server wants to hear from us.
    Keepalive,
    /// The end of a live try.
    Live(MessageId),
    /// A receipt is shown although the table does not tell of its sender's return.
    Notice,
    /// What is in doubt is offered again.
    Offer,
    /// The outcome of a message that the server has stays open no longer.
    Outcome(MessageId),
    /// The server wanted a pause.
    Pause,
    /// Look for the server again.
    Reconnect,
    /// A slot of the requests to the server ends.
    Slot,
    /// The table may be asked for again.
    Sync,
    /// A peer whose new key is to be trusted does not answer.
    Trust(PublicKey),
}

impl Client {
    /// A client that has not started: `start` loads the store, then logs in.
    #[must_use]
    pub fn new(config: Config, identity: Arc<Identity>, mut ratchet: Ratchet) -> Self {
        let mut links = Links::new(Node::Client, Arc::clone(&identity), ratchet.fork());
        links.answer_hellos(false);
        let view = View {
            name: config.name.clone(),
            mode: Mode::Starting,
            server_responds: true,
            table: BTreeMap::new(),
            table_complete: false,
            groups: BTreeSet::new(),
            held: 0,
            fingerprint: Fingerprint::of(&identity.identity()),
            identities: BTreeMap::new(),
            server_identity: None,
        };
        Self {
            login: login::Login::new(),
            config,
            identity,
            links,
            ratchet,
            now: Now::default(),
            timers: Timers::new(),
            outputs: VecDeque::new(),
            view,
            next_request: 0,
            early: VecDeque::new(),
            asks: asks::Asks::default(),
            disk: disk::Disk::default(),
            inbox: inbox::Inbox::new(),
            outbox: outbox::Outbox::default(),
            peers: peers::Peers::default(),
            table: table::Table::default(),
            ending: None,
            ended: false,
        }
    }

    /// Loads the store and logs in; `Settled(id, ..)` when logged in, own table applied and
    /// announced mail handed over.
    pub fn start(&mut self, now: Now) -> RequestId {
        self.now = now;
        let request = self.mint_request();
        self.begin(request);
        request
    }

    /// Takes a request. Cannot fail: a refusal is a `Settled(id, Err(..))`, so there is one way to
    /// hear "no".
    pub fn handle_request(&mut self, now: Now, request: Request) -> RequestId {
        self.handle_request_in(Modes::Bind, now, request)
    }

    /// The same for somebody whom the terminal's mode may not concern.
    pub fn handle_request_in(&mut self, modes: Modes, now: Now, request: Request) -> RequestId {
        self.now = now;
        let id = self.mint_request();
        if self.ending.is_some() {
            self.settle(id, Err(RequestError::Ended));
        } else if self.view.mode == Mode::Starting && request != Request::Exit {
            if self.early.len() < OUTBOX_MAX {
                self.early.push_back((id, request, modes));
            } else {
                self.settle(id, Err(RequestError::OutboxFull));
            }
        } else {
            self.on_request(id, request, modes);
        }
        id
    }

    /// Takes a datagram; bytes from the network are never our error.
    pub fn handle_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) {
        self.now = now;
        if self.ending.is_none() {
            self.links.handle_datagram(now, Path::Direct(from), bytes);
        }
    }

    /// Takes what the store tells.
    pub fn handle_store(&mut self, now: Now, event: StoreEvent) {
        self.now = now;
        let StoreEvent::Reply(ticket, reply) = event;
        if self.ending.is_none() {
            self.on_reply(ticket, reply);
        }
    }

    /// Mixes 32 fresh bytes of the operating system in.
    pub fn handle_entropy(&mut self, bytes: &[u8; 32]) {
        self.ratchet.mix(bytes);
        self.links.handle_entropy(bytes);
    }

    /// The oldest `count` messages of others handed out as events were written to the screen.
    pub fn handle_shown(&mut self, now: Now, count: u64) {
        self.now = now;
        self.on_shown(count);
    }

    /// Of the messages handed out as events these were seen, by their senders and ids.
    pub fn handle_seen(&mut self, now: Now, ids: Vec<(Name, MessageId)>) {
        self.now = now;
        self.on_seen(ids);
    }

    /// Does what is due; calling it early changes nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        self.now = now;
        while self.ending.is_none() {
            let Some(timer) = self.timers.pop(now.instant) else {
                break;
            };
            self.on_timer(timer);
        }
        self.links.handle_timeout(now);
    }

    /// The next thing to do. Datagrams come after everything else that is known.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            if self.ended {
                return None;
            }
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if self.ending.is_none() {
                self.send_mail_acks();
            }
            if let Some(output) = self.links.poll_output() {
                self.on_link(output);
            } else if let Some(ending) = self.ending {
                self.ended = true;
                return Some(Output::Ended(ending));
            } else {
                return None;
            }
        }
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        match (self.timers.next(), self.links.deadline()) {
            (Some(own), Some(link)) => Some(own.min(link)),
            (own, link) => own.or(link),
        }
    }

    /// What prompts and hints may read.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Whether it ends, so that nothing that is asked now is done.
    #[must_use]
    pub const fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// What was dropped and counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.links.counters()
    }

    /// Version and digest of its copy of the table (sim's checker).
    #[must_use]
    pub const fn digest(&self) -> (Version, u64) {
        (self.table.version(), self.table.digest())
    }

    /// Messages in the outbox nobody has confirmed (sim's checker, "kept in the outbox").
    #[must_use]
    pub fn outbox_count(&self) -> usize {
        self.outbox.unconfirmed_count()
    }

    /// Messages in the outbox that nobody has confirmed.
    #[must_use]
    pub const fn unconfirmed(&self) -> &BTreeSet<MessageId> {
        self.outbox.unconfirmed()
    }

    /// In a group one writes to the group, and asks nothing about others.
    fn is_out_of_place(&self, request: &Request) -> bool {
        let in_group = matches!(self.view.mode, Mode::Group(_));
        let out_of_place = match request {
            Request::CreateGroup(_) | Request::ListGroups => true,
            Request::Send { .. } => self.config.group_private == GroupPrivate::Refuse,
            _ => false,
        };
        in_group && out_of_place
    }

    fn on_request(&mut self, id: RequestId, request: Request, modes: Modes) {
        use asks::What;
        match request {
            Request::Cancel(digits) => self.cancel(id, &digits),
            Request::Exit => self.exit(id),
            Request::Recall(recall) => self.recall(id, recall),
            _ if self.config.arrivals == Arrivals::Never => {
                self.settle(id, Err(RequestError::WrongMode));
            }
            Request::Reg => self.reg(id),
            Request::Trust { name, fingerprint } => self.trust(id, name, fingerprint),
            _ if matches!(self.view.mode, Mode::Offline(_)) => {
                self.settle(id, Err(RequestError::WrongMode));
            }
            _ if modes == Modes::Bind && self.is_out_of_place(&request) => {
                self.settle(id, Err(RequestError::WrongMode));
            }
            Request::Dereg => self.ask(What::Dereg, Some(id)),
            Request::Send {
                to,
                text,
                auto,
                id: again,
            } => self.send(id, (to, again), &text, auto),
            Request::SendAll { text, auto } => {
                let to = crate::wire::packet::Audience::Everybody;
                self.send_audience(id, to, &text, auto);
            }
            other => match (self.view.mode.clone(), other) {
                (_, Request::CreateGroup(group)) => {
                    self.ask(What::Create(group), Some(id));
                }
                (Mode::Normal, Request::JoinGroup(group)) => self.ask(What::Join(group), Some(id)),
                (_, Request::ListGroups) => {
                    self.ask(What::ListGroups(Vec::new()), Some(id));
                }
                (Mode::Group(group), Request::LeaveGroup) => self.ask(What::Leave(group), Some(id)),
                (Mode::Group(group), Request::ListMembers) => {
                    self.ask(What::ListMembers(group, Vec::new()), Some(id));
                }
                (Mode::Group(group), Request::SendGroup { text, auto }) => {
                    let to = crate::wire::packet::Audience::Group(group);
                    self.send_audience(id, to, &text, auto);
                }
                _ => self.settle(id, Err(RequestError::WrongMode)),
            },
        }
    }

    fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Again(number) => self.ask_again(number),
            Timer::Batch => self.finish_batch(),
            Timer::Challenge(key) => self.challenge(&key),
            Timer::Disk(ticket) => self.on_disk_timer(ticket),
            Timer::Gap => self.on_gap(),
            Timer::Keepalive => self.keepalive(),
            Timer::Live(id) => self.on_live_over(id),
            Timer::Notice => self.release_notices(),
            Timer::Offer if self.login.logged_in_key().is_some() => self.offer_again(false),
            // The next login offers it.
            Timer::Offer => {}
            Timer::Outcome(id) => self.on_outcome_over(id),
            Timer::Pause => self.pump_asks(),
            Timer::Reconnect => self.connect(),
            Timer::Slot => self.on_slot(),
            Timer::Sync => self.on_sync_timer(),
            Timer::Trust(key) => self.on_trust_over(&key),
        }
    }

    fn on_link(&mut self, output: link::Output) {
        use link::Output as Out;
        if let Out::Transmit { to, datagram } = output {
            self.transmit(to, datagram);
            return;
        }
        if self.ending.is_some() {
            return;
        }
        match output {
            Out::Arrived { from, bytes } => self.on_bytes(from, &bytes),
            Out::Closed { peer, why } if self.login.is_server(&peer) => self.on_server_closed(why),
            Out::Closed { peer, why } => self.on_peer_closed(&peer, why),
            Out::Loose { from, bytes } => self.on_loose(&from, &bytes),
            Out::Moved { peer, path } => self.on_moved(&peer, path),
            Out::Opened { peer, fresh, .. } if self.login.is_server(&peer) => {
                self.on_server_opened(fresh);
            }
            Out::Opened {
                peer,
                path,
                initiated,
                fresh,
                ..
            } => self.on_peer_opened(&peer, path, initiated, fresh),
            Out::Progress { parcel } => {
                self.on_progress(parcel);
                self.on_live_progress(parcel);
            }
            Out::ServerKey {
                from,
                session_key,
                identity,
            } => self.on_server_key(from, session_key, identity),
            // A client asks no session whether it is still there.
            Out::Returned { .. } => {}
            Out::Settled { parcel, .. } => {
                self.on_settled(parcel);
                self.on_live_progress(parcel);
            }
            Out::Stranger { key, .. } => self.on_stranger(key),
            Out::Transmit { .. } => unreachable!("handled above"),
        }
    }

    fn transmit(&mut self, to: Path, datagram: Vec<u8>) {
        match to {
            Path::Direct(to) => {
                let transmit = Transmit { to, datagram };
                self.outputs.push_back(Output::Transmit(transmit));
            }
            Path::Relay(key) => self.relay(&key, datagram),
        }
    }

    fn on_bytes(&mut self, from: PublicKey, bytes: &[u8]) {
        self.trace(Direction::In, from, bytes);
        let Ok(packet) = Packet::decode(bytes) else {
            return;
        };
        if self.login.is_server(&from) {
            self.on_server_packet(packet);
        } else {
            self.on_peer_packet(from, packet);
        }
    }

    /// The one switch for what a server says.
    fn on_server_packet(&mut self, packet: Packet) {
        let Packet { head, tail } = packet;
        match head {
            Head::Done { id, .. } => self.on_done(id),
            Head::GroupAck { id, at_ms, .. } => self.on_group_ack(id, at_ms, &tail),
            Head::Mail(mail) => self.on_mail(mail, tail),
            Head::Names { id, more } => self.on_names(id, more, &tail),
            Head::Refused {
                id: Some(id),
                code,
                text,
                after_ms,
                ..
            } => self.on_refused(id, code, text, after_ms),
            Head::Registered { .. } => self.on_registered(head, &tail),
            Head::Row { id } => self.on_row(id, &tail),
            Head::Stored {
                id,
                at_ms,
                state,
                online,
            } => self.on_stored(id, at_ms, state, online),
            Head::Table {
                from,
                to,
                head,
                digest,
                reset,
            } => {
                let page = table::Page {
                    from,
                    to,
                    head,
                    digest,
                    reset,
                };
                self.on_table(page, &tail);
            }
            // What only clients say, and refusals of what had no id.
            _ => {}
        }
    }

    /// Sends a packet to the server on its session; None if it cannot be queued now.
    fn send_server(&mut self, packet: &Packet) -> Option<link::Parcel> {
        let route = self.login.route(self.config.server)?;
        let bytes = packet.encode();
        self.trace(Direction::Out, route.key, &bytes);
        self.links.send(self.now, &route, bytes).ok()
    }

    fn trace(&mut self, direction: Direction, peer: PublicKey, bytes: &[u8]) {
        if self.config.trace {
            let name = self.peers.name_of(&peer).cloned();
            self.outputs.push_back(Output::Trace(Traced {
                direction,
                peer,
                name,
                bytes: bytes.to_vec(),
            }));
        }
    }

    fn tell(&mut self, event: Event) {
        self.tell_for(None, event);
    }

    fn tell_for(&mut self, request: Option<RequestId>, event: Event) {
        self.outputs.push_back(Output::Event(event, request));
    }

    fn tell_session(&mut self, session: Session) {
        self.tell(Event::Session(session));
    }

    fn settle(&mut self, request: RequestId, how: Result<Outcome, RequestError>) {
        self.outputs.push_back(Output::Settled(request, how));
    }

    /// Settles a request that may have been asked by nobody.
    fn settle_any(&mut self, request: Option<RequestId>, how: Result<Outcome, RequestError>) {
        if let Some(request) = request {
            self.settle(request, how);
        }
    }

    fn mint_request(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    /// A time give or take a quarter, so that many clients do not act at once.
    fn about(&mut self, time: Duration) -> Duration {
        let quarter = u64::try_from(time.as_micros() / 4).unwrap_or(u64::MAX);
        let spread = self.ratchet.below(quarter.saturating_mul(2).max(1));
        time.saturating_sub(Duration::from_micros(quarter)) + Duration::from_micros(spread)
    }

    fn keepalive(&mut self) {
        let Some(key) = self.login.logged_in_key() else {
            return;
        };
        let tenth = u64::try_from(KEEPALIVE.as_micros() / 10).unwrap_or(u64::MAX);
        let spread = Duration::from_micros(self.ratchet.below(2 * tenth));
        let wait = KEEPALIVE.saturating_sub(Duration::from_micros(tenth)) + spread;
        let quiet_since = self.links.sent(&key).unwrap_or_default();
        let quiet = self.now.instant.since(quiet_since);
        let earliest = KEEPALIVE.saturating_sub(Duration::from_micros(tenth));
        if quiet >= earliest {
            self.links.ping(self.now, &key);
            self.timers.set(Timer::Keepalive, self.now.instant + wait);
        } else {
            self.timers.set(Timer::Keepalive, quiet_since + wait);
        }
    }
}
