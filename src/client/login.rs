//! Logging in, staying so, losing the server, leaving.

use super::asks::What;
use super::event::{Event, GroupAction, KeyAction, Online, Peer, Session};
use super::port::{Done, Loaded, Pin, Pinned, StoreRequest};
use super::request::RequestId;
use super::{Arrivals, Client, Ending, Mode, Outcome, RequestError, Timer};
use crate::link::{Closed, Parcel, Path, Route};
use crate::model::limits::{CALM, KEEPALIVE, PAUSE_MAX, RECONNECT_S, SERVER_SLOTS};
use crate::model::{Instant, MessageId, PublicKey};
use crate::secure::Fingerprint;
use crate::secure::key::verify_card;
use crate::wire::datagram::Role;
use crate::wire::packet::RefusalCode;
use crate::wire::{CloseCode, Head, Packet};
use std::net::SocketAddr;
use std::time::Duration;

/// Where one is with the server.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts, not a state"
)]
pub(super) struct Login {
    stage: Stage,
    /// How the next login is announced.
    kind: Online,
    /// `start` or `reg`, until its outcome.
    request: Option<RequestId>,
    /// The server's session key, once known.
    key: Option<PublicKey>,
    /// The server's identity, if known or told.
    identity: Option<PublicKey>,
    pinned: bool,
    /// Never logged in since the start.
    first: bool,
    /// The pinned server does not answer; it was asked for its key.
    doubted: bool,
    /// The id of the latest `register` (or of the last `dereg` while leaving).
    id: MessageId,
    parcel: Option<Parcel>,
    settled: bool,
    /// When the latest login was complete.
    since: Option<Instant>,
    pub(super) empty_slots: u8,
    /// Failed attempts in the background, one after the other.
    failures: usize,
    /// `NotResponding` was told, and nothing since.
    lost: bool,
    /// `exit`, until its outcome.
    exit: Option<RequestId>,
    /// The own table event of this login is still to come.
    pub(super) table_due: bool,
    /// The version the table had at the login.
    table_head: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The server is asked for its key.
    Asking,
    /// Not begun, or away.
    Idle,
    /// Logged in.
    In,
    /// `exit` while away.
    Leaving,
    /// The store is asked for everything.
    Loading,
    /// `register` is on its way.
    Registering,
    /// The server does not answer; it is tried again later.
    Waiting,
}

impl Login {
    pub(super) const fn new() -> Self {
        Self {
            stage: Stage::Idle,
            kind: Online::Registered,
            request: None,
            key: None,
            identity: None,
            pinned: false,
            first: true,
            doubted: false,
            id: MessageId(0),
            parcel: None,
            settled: false,
            since: None,
            empty_slots: 0,
            failures: 0,
            lost: false,
            exit: None,
            table_due: false,
            table_head: 0,
        }
    }

    pub(super) fn is_server(&self, key: &PublicKey) -> bool {
        self.key.as_ref() == Some(key)
    }

    /// The server's key while logged in.
    pub(super) fn logged_in_key(&self) -> Option<PublicKey> {
        self.key.filter(|_| self.stage == Stage::In)
    }

    pub(super) fn route(&self, server: SocketAddr) -> Option<Route> {
        Some(Route {
            key: self.key?,
            path: Path::Direct(server),
            role: Role::Server,
            slots: SERVER_SLOTS,
        })
    }

    /// True while an answer to the login itself is missing.
    pub(super) const fn waits(&self) -> bool {
        match self.stage {
            Stage::Asking | Stage::Leaving => true,
            Stage::Registering => !self.settled,
            Stage::Idle | Stage::In | Stage::Loading | Stage::Waiting => false,
        }
    }

    /// True if somebody waits for the login.
    pub(super) const fn is_awaited(&self) -> bool {
        self.request.is_some() && self.waits()
    }

    /// `start` or `reg` wants it.
    const fn is_asked_for(&self) -> bool {
        self.request.is_some()
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.stage == Stage::Leaving
    }

    /// True if the parcel was that of the login.
    pub(super) fn on_settled(&mut self, parcel: Parcel) -> bool {
        let own = self.parcel == Some(parcel) && self.stage == Stage::Registering;
        self.settled |= own;
        own
    }

    /// True from the login until the whole table is here.
    pub(super) fn is_arriving(&self) -> bool {
        self.table_due || matches!(self.stage, Stage::Registering | Stage::Asking) && !self.lost
    }
}

impl Client {
    /// Loads the store.
    pub(super) fn begin(&mut self, request: RequestId) {
        self.login.request = Some(request);
        self.login.stage = Stage::Loading;
        self.ask_disk(StoreRequest::Load, super::disk::Then::Load);
    }

    /// The store told everything: log in.
    pub(super) fn on_loaded(&mut self, done: Option<Done>) {
        let Some(Done::Loaded(loaded)) = done else {
            let request = self.login.request.take();
            self.settle_any(request, Err(RequestError::Disk));
            self.end(Ending::Refused);
            return;
        };
        let Loaded {
            run,
            outbox,
            next_seq,
            unshown,
            shown_seq,
            pins,
            table,
            table_version,
            table_store,
        } = *loaded;
        for (of, pin) in pins {
            match of {
                Pinned::Name(name) => self.learn_pin(name, pin),
                // A key that was given is stronger than one that was seen.
                Pinned::Server(at) if at == self.config.server && self.may_be_told(&pin) => {
                    self.login.key = Some(pin.session_key);
                    self.login.pinned = true;
                    self.login.identity = self.login.identity.or(pin.identity);
                    self.view.server_identity = self.login.identity;
                }
                Pinned::Server(_) => {}
            }
        }
        self.outbox.load(run, outbox, next_seq);
        self.inbox.load(unshown, shown_seq);
        for row in &table {
            self.learn_row(row);
        }
        self.table.load(table_store, table_version, table);
        if self.config.arrivals == Arrivals::Never {
            return self.begin_alone();
        }
        self.tell_session(Session::Connecting);
        self.connect();
    }

    /// What is on disk here is all there is: it counts as away, and never comes back.
    fn begin_alone(&mut self) {
        self.login.stage = Stage::Idle;
        self.view.mode = Mode::Offline(None);
        let request = self.login.request.take();
        self.settle_any(request, Ok(Outcome::Done));
        for (request, what, modes) in std::mem::take(&mut self.early) {
            self.on_request(request, what, modes);
        }
    }

    /// Tries to log in now, whatever was tried before.
    pub(super) fn connect(&mut self) {
        self.timers.cancel(&Timer::Reconnect);
        self.login.doubted = false;
        if self.login.stage != Stage::Registering {
            self.login.id = self.ratchet.message_id();
        }
        if self.login.key.is_some() {
            self.register();
        } else {
            self.login.stage = Stage::Asking;
            self.links
                .ask_key(self.now, self.config.server, SERVER_SLOTS);
        }
        self.restart_slots();
    }

    /// A command needs the server: it is tried at once.
    pub(super) fn connect_at_once(&mut self) {
        if self.login.stage == Stage::Waiting {
            self.connect();
        }
    }

    /// Slots are counted from here on.
    pub(super) fn restart_slots(&mut self) {
        self.login.empty_slots = 0;
        self.timers.cancel(&Timer::Slot);
        self.run_slots();
    }

    /// The first packet on every session; the same id until it is answered.
    fn register(&mut self) {
        self.login.stage = Stage::Registering;
        self.login.settled = false;
        let packet = self.register_packet(self.login.id);
        self.login.parcel = self.send_server(&packet);
    }

    fn register_packet(&self, id: MessageId) -> Packet {
        let version = self.table.version().0;
        let known = self.table.store != 0 && !self.table.fetching;
        Packet {
            head: Head::Register {
                id,
                name: self.config.name.clone(),
                app: concat!("ackchat/", env!("CARGO_PKG_VERSION")).into(),
                store: known.then_some(self.table.store),
                table: known.then_some(version),
            },
            tail: self
                .identity
                .card(Some(&self.config.name), self.now.wall.unix_ms),
        }
    }

    pub(super) fn on_server_key(&mut self, from: SocketAddr, key: PublicKey, identity: PublicKey) {
        if from != self.config.server {
            return;
        }
        let expected = self.is_expected(&identity);
        let same_key = self.login.key.is_none_or(|known| known == key);
        if !expected || !same_key {
            self.server_key_changed(&identity);
        } else if self.login.stage == Stage::Asking {
            self.login.key = Some(key);
            self.login.identity = Some(identity);
            self.register();
            self.restart_slots();
        }
    }

    /// A pinned server is silent: perhaps it has another key now.
    pub(super) fn doubt_pin(&mut self) {
        let stuck = self.login.stage == Stage::Registering && !self.login.settled;
        if stuck && self.login.pinned && !self.login.doubted {
            self.login.doubted = true;
            self.links
                .ask_key(self.now, self.config.server, SERVER_SLOTS - 1);
        }
    }

    fn server_key_changed(&mut self, identity: &PublicKey) {
        self.tell(Event::Key {
            who: Peer::Server,
            action: KeyAction::Changed,
            fingerprint: Fingerprint::of(identity),
        });
        let request = self.login.request.take();
        self.settle_any(request, Err(RequestError::ServerKeyChanged));
        self.end(Ending::ServerKeyChanged);
    }

    /// A session with the server stands in place of an older one.
    pub(super) fn on_server_opened(&mut self, fresh: bool) {
        if self.login.stage != Stage::In {
            return;
        }
        if fresh {
            // The server began anew, and does not know us.
            self.asks.unsend_all();
            self.resume();
        } else {
            // A renewed session begins with `register`, too; nothing else changes.
            let id = self.ratchet.message_id();
            let packet = self.register_packet(id);
            self.send_server(&packet);
        }
    }

    pub(super) fn on_registered(&mut self, head: Head, tail: &[u8]) {
        let Head::Registered {
            id,
            name,
            store,
            table,
            mail,
            group,
            ..
        } = head
        else {
            return;
        };
        if self.login.stage != Stage::Registering || id != self.login.id {
            return;
        }
        let Some(identity) = self.proven_identity(tail) else {
            return;
        };
        self.pin_server(identity);
        self.timers.cancel(&Timer::Reconnect);
        self.login.stage = Stage::In;
        self.login.settled = true;
        self.login.failures = 0;
        self.login.lost = false;
        self.login.since = Some(self.now.instant);
        self.view.server_responds = true;
        self.view.name = name;
        self.links.answer_hellos(true);
        self.timers
            .set(Timer::Keepalive, self.now.instant + KEEPALIVE / 2);
        self.alive();
        let kind = std::mem::replace(&mut self.login.kind, Online::Resumed);
        self.login.first = false;
        self.login.table_due = true;
        self.login.table_head = table;
        let history_lost = self.compare_history(store, table);
        self.tell_session(Session::Online(kind));
        self.enter_mode(group);
        self.show_unshown();
        self.expect_batch(mail);
        self.finish_login();
        self.offer_again(history_lost);
        self.pump_asks();
        for (request, what, modes) in std::mem::take(&mut self.early) {
            self.on_request(request, what, modes);
        }
    }

    /// The identity on the server's card, if the card belongs to the key we speak with; ends
    /// otherwise.
    fn proven_identity(&mut self, card: &[u8]) -> Option<PublicKey> {
        let card = verify_card(card)?;
        let same_key = self.login.key == Some(card.session_key);
        if same_key && self.is_expected(&card.identity) {
            return Some(card.identity);
        }
        self.server_key_changed(&card.identity);
        None
    }

    /// True if the pin does not contradict the fingerprint we were given.
    fn may_be_told(&self, pin: &Pin) -> bool {
        let told = self.config.server_key;
        told.is_none_or(|told| pin.identity.is_some_and(|id| Fingerprint::of(&id) == told))
    }

    /// True if this is the identity we pinned and the one we were told, as far as there is one.
    fn is_expected(&self, identity: &PublicKey) -> bool {
        let told = self.config.server_key;
        self.login.identity.is_none_or(|known| known == *identity)
            && told.is_none_or(|told| told == Fingerprint::of(identity))
    }

    fn pin_server(&mut self, identity: PublicKey) {
        self.login.identity = Some(identity);
        self.view.server_identity = Some(identity);
        if self.login.pinned {
            return;
        }
        self.login.pinned = true;
        let session_key = self.login.key.expect("registered: the key is known");
        let pin = Pin {
            session_key,
            identity: Some(identity),
        };
        let of = Pinned::Server(self.config.server);
        self.ask_disk(StoreRequest::PutPin { of, pin }, super::disk::Then::Nothing);
    }

    /// True if the server has another past than the one we know.
    fn compare_history(&mut self, store: u64, head: u64) -> bool {
        let known = self.table.store;
        if known == store && head >= self.table.version().0 {
            return false;
        }
        if known == 0 && self.table.version().0 == 0 {
            self.table.store = store;
            return false;
        }
        self.table.begin_again(store);
        self.sync();
        true
    }

    fn enter_mode(&mut self, group: Option<crate::model::GroupName>) {
        match &self.view.mode {
            Mode::Starting => match group {
                Some(group) => self.joined(group),
                None => self.view.mode = Mode::Normal,
            },
            Mode::Offline(remembered) => {
                self.view.mode = remembered.clone().map_or(Mode::Normal, Mode::Group);
            }
            Mode::Normal | Mode::Group(_) => {}
        }
    }

    fn joined(&mut self, group: crate::model::GroupName) {
        self.view.groups.insert(group.clone());
        self.view.mode = Mode::Group(group.clone());
        let who = self.view.name.clone();
        self.tell(Event::Group {
            group,
            action: GroupAction::Joined,
            who,
        });
    }

    /// When the announced mail is handed over and the table is whole, the login is complete.
    pub(super) fn finish_login(&mut self) {
        let whole = !self.table.fetching && self.table.version().0 >= self.login.table_head;
        if self.login.stage != Stage::In
            || !self.login.table_due
            || !whole
            || self.inbox.batch.is_some()
        {
            return;
        }
        self.login.table_due = false;
        self.view.table_complete = true;
        self.tell_table();
        let request = self.login.request.take();
        self.settle_any(request, Ok(Outcome::Done));
        self.probe_history();
        self.send_waiting();
    }

    /// The login, or a repetition of it, was refused. True if the refusal was for it.
    pub(super) fn login_refused(
        &mut self,
        id: MessageId,
        code: &RefusalCode,
        text: &str,
        after_ms: Option<u64>,
    ) -> bool {
        if id != self.login.id {
            return false;
        }
        let pause = after_ms.map_or(CALM, Duration::from_millis);
        match self.login.stage {
            Stage::Leaving => self.end(Ending::Left),
            Stage::Registering => match code {
                RefusalCode::Busy | RefusalCode::TooFast if pause <= PAUSE_MAX => {
                    self.login.stage = Stage::Waiting;
                    self.alive();
                    self.timers.set(Timer::Reconnect, self.now.instant + pause);
                }
                RefusalCode::NameUsed | RefusalCode::HereAlready => self.refused(true, text),
                _ if self.login.is_asked_for() => self.refused(false, text),
                _ => self.retreat(),
            },
            _ => {}
        }
        true
    }

    /// Ends the client; who is away stays away, and may ask again.
    fn refused(&mut self, taken: bool, text: &str) {
        let name = self.config.name.clone();
        self.tell_session(Session::LoginRefused {
            name: name.clone(),
            taken,
            text: text.into(),
        });
        let (why, ending) = if taken {
            (RequestError::NameTaken(name), Ending::NameTaken)
        } else {
            (RequestError::Refused(text.into()), Ending::Refused)
        };
        if matches!(self.view.mode, Mode::Offline(_)) {
            self.login.stage = Stage::Idle;
            self.run_slots();
            let request = self.login.request.take();
            self.settle_any(request, Err(why));
            return;
        }
        self.release_held();
        self.show_released();
        let request = self.login.request.take();
        self.settle_any(request, Err(why));
        self.end(ending);
    }

    /// The server says that it does not know us on this session.
    pub(super) fn not_registered(&mut self) {
        if self.login.stage == Stage::In {
            self.asks.unsend_all();
            self.resume();
        }
    }

    pub(super) fn on_server_closed(&mut self, why: Closed) {
        self.asks.unsend_all();
        self.login.parcel = None;
        match self.login.stage {
            Stage::Idle | Stage::Loading | Stage::Waiting | Stage::Asking => {}
            Stage::Leaving if matches!(why, Closed::ByPeer(CloseCode::Bye)) => {
                self.end(Ending::Left);
            }
            Stage::Leaving => self.send_last_dereg(),
            Stage::Registering if matches!(why, Closed::ByPeer(_) | Closed::Violation) => {
                self.login.stage = Stage::Waiting;
                self.alive();
                self.timers.set(Timer::Reconnect, self.now.instant + CALM);
            }
            Stage::Registering => {
                // The slots decide when to give up, not the handshake.
                self.register();
                self.run_slots();
            }
            Stage::In if why == Closed::ByPeer(CloseCode::Replaced) => {
                self.refused(true, "logged in elsewhere with the same key");
            }
            Stage::In => self.resume(),
        }
    }

    /// Logs in again at once, without a word; but not in a circle.
    fn resume(&mut self) {
        self.login.kind = Online::Resumed;
        self.login.table_due = false;
        let since = self.login.since.unwrap_or_default();
        if self.now.instant.since(since) < CALM {
            self.login.stage = Stage::Waiting;
            self.alive();
            self.timers.set(Timer::Reconnect, self.now.instant + CALM);
        } else {
            self.connect();
        }
    }

    /// All slots went by without a sign of the server.
    pub(super) fn on_no_answer(&mut self, awaited: bool) {
        if self.login.stage == Stage::Leaving {
            self.end(Ending::Left);
        } else if awaited {
            self.lose_server();
        } else {
            self.retreat();
        }
    }

    /// Nobody waits: try again later.
    fn retreat(&mut self) {
        self.forget_server();
        self.login.stage = Stage::Waiting;
        if !self.login.lost {
            self.login.kind = Online::Resumed;
        }
        self.await_server();
    }

    fn await_server(&mut self) {
        let seconds = RECONNECT_S[self.login.failures.min(RECONNECT_S.len() - 1)];
        self.login.failures += 1;
        let wait = self.about(Duration::from_secs(seconds));
        self.timers.set(Timer::Reconnect, self.now.instant + wait);
        self.send_waiting();
    }

    fn forget_server(&mut self) {
        if let Some(key) = self.login.key {
            self.links.forget(&key);
        }
        if !self.login.pinned {
            self.login.key = None;
            self.login.identity = None;
        }
        self.asks.unsend_all();
        self.timers.cancel(&Timer::Keepalive);
        self.timers.cancel(&Timer::Pause);
        self.view.server_responds = false;
        self.login.parcel = None;
        self.login.table_due = false;
    }

    /// A command got no answer: the server is lost, and with it the program, unless it is to stay.
    fn lose_server(&mut self) {
        self.forget_server();
        self.tell_session(Session::NotResponding);
        let ends = !self.config.stay || self.login.first || self.login.exit.is_some();
        if ends {
            self.tell_session(Session::Closing);
            self.close_batch();
            self.show_late();
            self.release_held();
            self.show_released();
            let count = self.outbox_count();
            if count > 0 {
                self.tell(Event::Kept { count });
            }
        }
        let why = RequestError::ServerUnreachable;
        self.fail_asks(&why);
        let request = self.login.request.take();
        self.settle_any(request, Err(why.clone()));
        if ends {
            self.end(Ending::ServerUnreachable);
        } else if matches!(self.view.mode, Mode::Offline(_)) {
            self.login.stage = Stage::Idle;
            self.run_slots();
        } else {
            self.login.lost = true;
            self.login.kind = Online::Returned;
            self.login.stage = Stage::Waiting;
            self.run_slots();
            self.await_server();
        }
    }

    pub(super) fn reg(&mut self, request: RequestId) {
        if !matches!(self.view.mode, Mode::Offline(_)) || self.login.request.is_some() {
            self.settle(request, Err(RequestError::WrongMode));
            return;
        }
        self.login.request = Some(request);
        self.login.kind = Online::Returned;
        self.connect();
    }

    pub(super) fn exit(&mut self, request: RequestId) {
        if self.login.exit.is_some() {
            self.settle(request, Err(RequestError::Ended));
            return;
        }
        self.login.exit = Some(request);
        match self.view.mode {
            Mode::Starting => self.end(Ending::Left),
            // The server never heard of it.
            Mode::Offline(_) if self.config.arrivals == Arrivals::Never => {
                self.end(Ending::Left);
            }
            Mode::Offline(_) => {
                self.login.stage = Stage::Leaving;
                self.login.request = None;
                self.login.id = self.ratchet.message_id();
                self.send_last_dereg();
                self.restart_slots();
            }
            Mode::Normal | Mode::Group(_) => self.ask(What::Exit, Some(request)),
        }
    }

    fn send_last_dereg(&mut self) {
        let id = self.login.id;
        let head = Head::Dereg { id, is_final: true };
        let tail = Vec::new();
        self.login.parcel = self.send_server(&Packet { head, tail });
    }

    /// The server's answer to the last `dereg` of one who was away already.
    pub(super) fn last_dereg_done(&mut self, id: MessageId) -> bool {
        let done = self.login.stage == Stage::Leaving && id == self.login.id;
        if done {
            self.end(Ending::Left);
        }
        done
    }

    /// The server has noted our leave.
    pub(super) fn on_left(&mut self, request: Option<RequestId>) {
        self.links.answer_hellos(false);
        self.close_sessions();
        let group = match &self.view.mode {
            Mode::Group(group) => Some(group.clone()),
            Mode::Offline(group) => group.clone(),
            Mode::Normal | Mode::Starting => None,
        };
        self.view.mode = Mode::Offline(group);
        self.login.stage = Stage::Idle;
        self.login.table_due = false;
        self.timers.cancel(&Timer::Keepalive);
        self.asks.unsend_all();
        self.run_slots();
        self.tell_session(Session::Left);
        self.close_batch();
        self.show_late();
        self.release_held();
        self.settle_any(request, Ok(Outcome::Done));
    }

    fn close_sessions(&mut self) {
        for peer in self.peers.take_open() {
            self.links.close(self.now, &peer, CloseCode::Bye, "");
        }
        if let Some(key) = self.login.key {
            self.links.close(self.now, &key, CloseCode::Bye, "");
        }
    }

    /// Ends the client: every request gets its outcome, and what was handed out counts as shown.
    pub(super) fn end(&mut self, ending: Ending) {
        assert!(self.ending.is_none(), "a client ends once");
        self.show_released();
        self.on_shown(u64::MAX);
        let mut open: Vec<RequestId> = self.drop_asks().iter().filter_map(|a| a.request).collect();
        open.extend(self.outbox.take_requests());
        open.extend(self.peers.take_trusts());
        open.extend(self.disk.requests());
        open.extend(self.early.drain(..).map(|(request, ..)| request));
        open.extend(self.login.request.take());
        open.retain(|request| Some(*request) != self.login.exit);
        open.sort_unstable();
        open.dedup();
        for request in open {
            self.settle(request, Err(RequestError::Ended));
        }
        if let (Some(request), Ending::Left) = (self.login.exit.take(), ending) {
            self.settle(request, Ok(Outcome::Done));
        }
        self.close_sessions();
        self.links.answer_hellos(false);
        self.timers = crate::model::Timers::new();
        self.ending = Some(ending);
    }
}
