//! Other clients: their pinned keys, their cards, the sessions with them, directly or relayed.

use super::asks::What;
use super::disk::Then;
use super::event::{Event, KeyAction, Peer};
use super::outbox::Phase;
use super::port::{Pin, Pinned, StoreRequest};
use super::request::RequestId;
use super::table::{Applied, Page};
use super::view::Entry;
use super::{Client, Outcome, RequestError, Timer};
use crate::link::{Closed, Parcel, Path, Route};
use crate::model::limits::{
    CALM, CARD_WAITING_MAX, INDIRECT, RELAY_DATAGRAM_BYTES_MAX, SLOT, STRANGERS_MAX,
};
use crate::model::{Instant, MessageId, Name, PublicKey};
use crate::secure::Fingerprint;
use crate::secure::key::verify_card;
use crate::wire::datagram::Role;
use crate::wire::row::Status;
use crate::wire::{CloseCode, Direction, Head, Packet, Row};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of other clients.
#[derive(Default)]
pub(super) struct Peers {
    pins: BTreeMap<Name, Pin>,
    /// Whose session key is whose; a pin is stronger than the table.
    names: BTreeMap<PublicKey, Name>,
    /// Session key to identity, as a verified card or a pin says.
    identities: BTreeMap<PublicKey, PublicKey>,
    /// Peers whose session stands.
    open: BTreeSet<PublicKey>,
    /// Peers who were sent our card on their session.
    carded: BTreeSet<PublicKey>,
    /// What came before a card.
    waiting: BTreeMap<PublicKey, Vec<Packet>>,
    /// Peers who did not answer directly, and until when that is believed.
    indirect: BTreeMap<Name, Instant>,
    /// Peers to whom a relayed session was begun.
    relaying: BTreeSet<PublicKey>,
    /// Keys that were looked up before the table told of them.
    strangers: BTreeSet<PublicKey>,
    /// Changed keys that their users may accept.
    trusts: BTreeMap<PublicKey, (RequestId, Name, Fingerprint)>,
}

/// How a peer can be reached now.
pub(super) enum Reach {
    Route(Route),
    /// By the server's store only.
    Store,
}

impl Peers {
    pub(super) fn name_of(&self, key: &PublicKey) -> Option<&Name> {
        self.names.get(key)
    }

    /// True if this key may be spoken to under this name.
    pub(super) fn is_trusted(&self, name: &Name, key: &PublicKey) -> bool {
        self.pins
            .get(name)
            .is_none_or(|pin| pin.session_key == *key)
    }

    /// A direct try was answered after all.
    pub(super) fn reached(&mut self, name: &Name) {
        self.indirect.remove(name);
    }

    pub(super) fn take_open(&mut self) -> BTreeSet<PublicKey> {
        self.carded.clear();
        self.relaying.clear();
        self.waiting.clear();
        std::mem::take(&mut self.open)
    }

    pub(super) fn take_trusts(&mut self) -> Vec<RequestId> {
        let trusts = std::mem::take(&mut self.trusts);
        trusts.into_values().map(|(request, ..)| request).collect()
    }

    fn gone(&mut self, key: &PublicKey) {
        self.open.remove(key);
        self.carded.remove(key);
        self.relaying.remove(key);
        self.waiting.remove(key);
    }
}

// Keys and the table.
impl Client {
    /// A pin from the disk.
    pub(super) fn learn_pin(&mut self, name: Name, pin: Pin) {
        if let Some(identity) = pin.identity {
            self.peers.identities.insert(pin.session_key, identity);
            self.view.identities.insert(name.clone(), identity);
        }
        if let Some(entry) = self.view.table.get_mut(&name) {
            entry.key_changed = false;
        }
        self.links.know(pin.session_key);
        self.peers.names.insert(pin.session_key, name.clone());
        self.peers.pins.insert(name, pin);
    }

    /// A row of the table: whose key is whose, and what the view shows.
    pub(super) fn learn_row(&mut self, row: &Row) {
        let (name, key) = (&row.name, row.session_key);
        if row.status == Status::Released {
            self.view.table.remove(name);
            self.forget_key(name);
            return;
        }
        let entry = Entry {
            status: row.status,
            address: row.address,
            key_changed: *name != self.view.name && !self.peers.is_trusted(name, &key),
        };
        self.view.table.remove(name);
        self.view.table.insert(name.clone(), entry);
        if *name == self.view.name || !self.peers.is_trusted(name, &key) {
            return;
        }
        let known = self.table.row(name).map(|row| row.session_key);
        if known.is_some_and(|known| known != key) {
            self.forget_key(name);
        }
        self.peers.strangers.remove(&key);
        self.peers.names.insert(key, name.clone());
        self.links.know(key);
    }

    /// The key the table had for a name is nobody's any more, unless it is pinned.
    fn forget_key(&mut self, name: &Name) {
        let Some(key) = self.table.row(name).map(|row| row.session_key) else {
            return;
        };
        let pinned = self.peers.pins.get(name);
        if pinned.is_none_or(|pin| pin.session_key != key) {
            self.peers.names.remove(&key);
            self.links.unknow(&key);
        }
    }

    pub(super) fn on_table(&mut self, page: Page, tail: &[u8]) {
        let Ok(rows) = Row::decode_all(tail) else {
            return;
        };
        let before: BTreeMap<Name, Row> = rows
            .iter()
            .filter_map(|row| Some((row.name.clone(), self.table.row(&row.name)?.clone())))
            .collect();
        // Before the copy changes: what a row replaces is looked up in it.
        let reset = self.table.is_reset(&page);
        let newer = |row: &&Row| {
            let known = before.get(&row.name);
            reset || known.is_none_or(|known| known.version < row.version)
        };
        if reset || page.from <= self.table.version().0 && !self.table.fetching {
            rows.iter()
                .filter(newer)
                .for_each(|row| self.learn_row(row));
        }
        match self.table.apply(page, rows) {
            Applied::Gap => self.sync(),
            Applied::Wrong => {
                self.sync();
                self.offer_again(true);
            }
            Applied::Changed {
                rows,
                reset,
                at_head,
            } => {
                if reset {
                    self.show_whole_table();
                }
                self.keep_rows(&rows, reset);
                self.on_rows(&rows, &before, at_head);
            }
        }
    }

    /// The copy was replaced: names that are gone are not shown any more.
    fn show_whole_table(&mut self) {
        let table = &self.table;
        self.view.table.retain(|name, _| table.row(name).is_some());
        let peers = &mut self.peers;
        let gone = peers.names.extract_if(.., |_, name| {
            table.row(name).is_none() && !peers.pins.contains_key(name)
        });
        for (key, _) in gone {
            self.links.unknow(&key);
        }
    }

    fn on_rows(&mut self, rows: &[Row], before: &BTreeMap<Name, Row>, at_head: bool) {
        for row in rows {
            let known = before.get(&row.name);
            let moved = known.is_none_or(|known| known.address != row.address);
            let returned = known.is_none_or(|known| known.status != row.status);
            if moved || returned {
                self.peers.indirect.remove(&row.name);
            }
            if moved && matches!(self.links.path(&row.session_key), Some(Path::Relay(_))) {
                self.challenge(&row.session_key);
            }
            let told = self.view.table_complete && !self.login.table_due;
            if told && returned && row.name != self.view.name {
                self.tell(Event::Presence {
                    who: row.name.clone(),
                    status: row.status,
                });
            }
        }
        if !at_head {
            return;
        }
        if self.login.table_due {
            self.finish_login();
        } else {
            self.view.table_complete = true;
            if !rows.is_empty() {
                self.tell_table();
            }
            self.send_waiting();
        }
    }

    /// One line about the table, and what waited for it.
    pub(super) fn tell_table(&mut self) {
        let (online, total) = self.table.counts();
        self.tell(Event::Table { online, total });
        self.close_outcomes();
        self.release_returned();
    }

    /// Asks for the rows that are missing, but not in a circle.
    pub(super) fn sync(&mut self) {
        if self.timers.get(&Timer::Sync).is_some() {
            return;
        }
        self.timers.set(Timer::Sync, self.now.instant + CALM);
        let from = if self.table.fetching {
            0
        } else {
            self.table.version().0
        };
        let head = Head::Sync { from };
        let tail = Vec::new();
        self.send_server(&Packet { head, tail });
    }

    /// A fetch that was asked for and did not come is asked for again.
    pub(super) fn on_sync_timer(&mut self) {
        if self.table.fetching && self.login.logged_in_key().is_some() {
            self.sync();
        }
    }

    /// Somebody whose key is not in the table wants to talk.
    pub(super) fn on_stranger(&mut self, key: PublicKey) {
        let what = What::Lookup(key);
        let room = self.peers.strangers.len() < STRANGERS_MAX;
        if room && self.login.logged_in_key().is_some() && !self.asks.has(&what) {
            self.ask(what, None);
        }
    }

    /// The server tells whose key it is.
    pub(super) fn on_row(&mut self, id: MessageId, tail: &[u8]) {
        let Some(ask) = self.answered(id) else {
            return;
        };
        let rows = Row::decode_all(tail).unwrap_or_default();
        if let (What::Lookup(key), Some(row)) = (ask.what, rows.first()) {
            let whose = row.session_key == key && row.status != Status::Released;
            let known = self.table.row(&row.name).map(|row| row.session_key);
            if whose && known.is_none() && self.peers.is_trusted(&row.name, &key) {
                self.peers.strangers.insert(key);
                self.peers.names.insert(key, row.name.clone());
                self.links.know(key);
            }
        }
        self.pump_asks();
    }
}

// Sessions.
impl Client {
    /// The way to a peer who is shown online.
    pub(super) fn reach(&mut self, to: &Name) -> Reach {
        let Some(row) = self.table.row(to) else {
            return Reach::Store;
        };
        let (key, address) = (row.session_key, row.address);
        let route = |path| Route {
            key,
            path,
            role: Role::Peer,
            slots: 1,
        };
        let Some(address) = address else {
            return Reach::Store;
        };
        if !self.peers.is_trusted(to, &key) {
            return Reach::Store;
        }
        let path = self.links.path(&key).filter(|_| self.links.is_open(&key));
        let indirect = self.peers.indirect.get(to);
        let doubtful = indirect.is_some_and(|until| *until > self.now.instant);
        match path {
            Some(Path::Relay(_)) => Reach::Route(route(Path::Relay(key))),
            _ if !doubtful => Reach::Route(route(Path::Direct(address))),
            _ => {
                self.begin_relay(&route(Path::Relay(key)));
                Reach::Store
            }
        }
    }

    /// Opens a session through the server, once per doubt.
    fn begin_relay(&mut self, route: &Route) {
        if self.config.relay && self.peers.relaying.insert(route.key) {
            self.links.forget(&route.key);
            self.peers.open.remove(&route.key);
            self.peers.carded.remove(&route.key);
            self.links.connect(self.now, route);
        }
    }

    /// A live try got no answer: for a while the direct way is doubted.
    pub(super) fn unreached(&mut self, name: &Name) {
        if self.table.is_online(name) {
            let until = self.now.instant + INDIRECT;
            self.peers.indirect.insert(name.clone(), until);
        }
    }

    /// Sends a packet to a peer, our card before the first one; None: the queue is full.
    pub(super) fn send_peer(&mut self, route: &Route, bytes: Vec<u8>) -> Option<Parcel> {
        self.present_card(route);
        self.trace(Direction::Out, route.key, &bytes);
        self.links.send(self.now, route, bytes).ok()
    }

    fn present_card(&mut self, route: &Route) {
        if !self.peers.carded.insert(route.key) {
            return;
        }
        let name = self.view.name.clone();
        let tail = self.identity.card(Some(&name), self.now.wall.unix_ms);
        let head = Head::Card { name };
        let bytes = Packet { head, tail }.encode();
        self.trace(Direction::Out, route.key, &bytes);
        if self.links.send(self.now, route, bytes).is_err() {
            self.peers.carded.remove(&route.key);
        }
    }

    /// Answers on the session a packet came on.
    pub(super) fn answer_peer(&mut self, key: PublicKey, head: Head) {
        let Some(path) = self.links.path(&key).filter(|_| self.links.is_open(&key)) else {
            return;
        };
        let route = Route {
            key,
            path,
            role: Role::Peer,
            slots: 1,
        };
        let tail = Vec::new();
        self.send_peer(&route, Packet { head, tail }.encode());
    }

    pub(super) fn on_peer_opened(
        &mut self,
        key: &PublicKey,
        path: Path,
        initiated: bool,
        fresh: bool,
    ) {
        if matches!(self.view.mode, super::Mode::Offline(_)) {
            self.links.close(self.now, key, CloseCode::Bye, "");
            return;
        }
        let replaced = !self.peers.open.insert(*key);
        if matches!(path, Path::Relay(_)) {
            self.timers
                .set(Timer::Challenge(*key), self.now.instant + INDIRECT);
        } else if let Some(name) = self.peers.names.get(key).cloned() {
            self.peers.reached(&name);
        }
        if !initiated && fresh || replaced {
            self.peers.carded.remove(key);
        }
        let route = Route {
            key: *key,
            path,
            role: Role::Peer,
            slots: 1,
        };
        self.present_card(&route);
    }

    pub(super) fn on_peer_closed(&mut self, key: &PublicKey, why: Closed) {
        self.peers.gone(key);
        self.timers.cancel(&Timer::Challenge(*key));
        let lost = matches!(why, Closed::NoAnswer | Closed::ByPeer(_));
        self.on_live_session(key, lost);
    }

    pub(super) fn on_moved(&mut self, key: &PublicKey, path: Path) {
        if let (Path::Direct(_), Some(name)) = (path, self.peers.names.get(key).cloned()) {
            self.timers.cancel(&Timer::Challenge(*key));
            self.peers.relaying.remove(key);
            self.peers.reached(&name);
        }
    }

    /// Tries whether a relayed peer can be reached directly again.
    pub(super) fn challenge(&mut self, key: &PublicKey) {
        if !matches!(self.links.path(key), Some(Path::Relay(_))) {
            self.peers.relaying.remove(key);
            return;
        }
        let row = self.peers.names.get(key).and_then(|n| self.table.row(n));
        if let Some(address) = row.and_then(|row| row.address) {
            self.links.challenge(self.now, key, Path::Direct(address));
        }
        self.timers
            .set(Timer::Challenge(*key), self.now.instant + INDIRECT);
    }

    /// A datagram for a peer who cannot be reached directly.
    pub(super) fn relay(&mut self, key: &PublicKey, datagram: Vec<u8>) {
        let (Some(server), Some(to)) = (
            self.login.logged_in_key(),
            self.peers.names.get(key).cloned(),
        ) else {
            return;
        };
        if !self.config.relay || datagram.len() > RELAY_DATAGRAM_BYTES_MAX {
            return;
        }
        let head = Head::Relay { to };
        let tail = datagram;
        let bytes = Packet { head, tail }.encode();
        self.trace(Direction::Out, server, &bytes);
        // Lost if there is no session: nobody promised anything.
        let _sent: bool = self.links.send_loose(self.now, &server, &bytes);
    }

    /// A datagram of such a peer.
    pub(super) fn on_loose(&mut self, from: &PublicKey, bytes: &[u8]) {
        if !self.login.is_server(from) || !self.config.relay {
            return;
        }
        self.trace(Direction::In, *from, bytes);
        let Ok(Packet {
            head: Head::Relayed { from: name },
            tail,
        }) = Packet::decode(bytes)
        else {
            return;
        };
        let key = match self.peers.pins.get(&name) {
            Some(pin) => Some(pin.session_key),
            None => self.table.row(&name).map(|row| row.session_key),
        };
        if let Some(key) = key {
            self.links
                .handle_datagram(self.now, Path::Relay(key), &tail);
        }
    }
}

// What peers say.
impl Client {
    pub(super) fn on_peer_packet(&mut self, from: PublicKey, packet: Packet) {
        if matches!(
            self.view.mode,
            super::Mode::Offline(_) | super::Mode::Starting
        ) {
            return;
        }
        if let Head::Card { .. } = packet.head {
            self.on_card(from, &packet.tail);
        } else if self.peers.identities.contains_key(&from) {
            self.on_proven_packet(from, packet);
        } else {
            let waiting = self.peers.waiting.entry(from).or_default();
            if waiting.len() < CARD_WAITING_MAX {
                waiting.push(packet);
            }
        }
    }

    fn on_proven_packet(&mut self, from: PublicKey, packet: Packet) {
        let Some(name) = self.peers.names.get(&from).cloned() else {
            return;
        };
        if !self.peers.is_trusted(&name, &from) {
            return;
        }
        let Packet { head, tail } = packet;
        match head {
            Head::Ack { id } => {
                self.pin(&name, from);
                let via = self.via(&from);
                self.on_ack(&name, id, via);
            }
            Head::Message {
                id,
                to,
                stamp,
                auto,
                enc,
            } if to == self.view.name => {
                self.pin(&name, from);
                self.on_direct(from, name, (id, stamp, auto, enc), tail);
            }
            Head::Refused { id: Some(id), .. } => self.on_peer_refused(&name, id),
            _ => {}
        }
    }

    /// A peer will not take it: the server's store may.
    fn on_peer_refused(&mut self, from: &Name, id: MessageId) {
        let own = self.outbox.get(id).is_some_and(|out| {
            matches!(out.phase, Phase::Live(_))
                && out.report(out.message.state).to.as_ref() == Some(from)
        });
        if own {
            self.on_live_over(id);
        }
    }

    fn on_card(&mut self, from: PublicKey, tail: &[u8]) {
        let Some(card) = verify_card(tail) else {
            return;
        };
        if card.session_key != from {
            return;
        }
        if let Some((request, name, fingerprint)) = self.peers.trusts.remove(&from) {
            self.timers.cancel(&Timer::Trust(from));
            self.peers.identities.insert(from, card.identity);
            self.on_trust_card(request, &name, fingerprint, from, card.identity);
            return;
        }
        let name = self.peers.names.get(&from);
        let pinned = name
            .and_then(|name| self.peers.pins.get(name))
            .and_then(|pin| pin.identity);
        if pinned.is_some_and(|pinned| pinned != card.identity) {
            if let Some(name) = name.cloned() {
                self.tell(Event::Key {
                    who: Peer::Name(name),
                    action: KeyAction::Changed,
                    fingerprint: Fingerprint::of(&card.identity),
                });
            }
            self.links
                .close(self.now, &from, CloseCode::Protocol, "another identity");
            self.peers.gone(&from);
            return;
        }
        if name.is_some() {
            self.peers.identities.insert(from, card.identity);
        }
        for packet in self.peers.waiting.remove(&from).unwrap_or_default() {
            self.on_peer_packet(from, packet);
        }
    }

    /// The first message accepted from or by somebody fixes the key.
    fn pin(&mut self, name: &Name, session_key: PublicKey) {
        let identity = self.peers.identities.get(&session_key).copied();
        let known = self.peers.pins.get(name);
        if known.is_some_and(|pin| pin.identity.is_some()) || identity.is_none() {
            return;
        }
        self.put_pin(name, session_key, identity, KeyAction::Pinned);
    }

    fn put_pin(
        &mut self,
        name: &Name,
        session_key: PublicKey,
        identity: Option<PublicKey>,
        action: KeyAction,
    ) {
        let pin = Pin {
            session_key,
            identity,
        };
        let of = Pinned::Name(name.clone());
        let request = StoreRequest::PutPin {
            of,
            pin: pin.clone(),
        };
        self.ask_disk(request, Then::Nothing);
        self.learn_pin(name.clone(), pin);
        if let Some(identity) = identity {
            self.tell(Event::Key {
                who: Peer::Name(name.clone()),
                action,
                fingerprint: Fingerprint::of(&identity),
            });
        }
    }

    /// Accepts a changed key, if its holder shows the card with this fingerprint.
    pub(super) fn trust(&mut self, request: RequestId, name: Name, fingerprint: Fingerprint) {
        let Some(row) = self.table.row(&name) else {
            self.settle(request, Err(RequestError::UnknownPeer(name)));
            return;
        };
        let (key, address) = (row.session_key, row.address);
        let pinned = self.peers.pins.get(&name);
        if let Some(identity) = pinned
            .filter(|pin| pin.session_key == key)
            .and_then(|pin| pin.identity)
        {
            let how = if Fingerprint::of(&identity) == fingerprint {
                Ok(Outcome::Done)
            } else {
                Err(RequestError::NotTrusted(
                    "these are not the digits of the key in use".into(),
                ))
            };
            self.settle(request, how);
            return;
        }
        if let Some(identity) = self.peers.identities.get(&key).copied() {
            self.on_trust_card(request, &name, fingerprint, key, identity);
            return;
        }
        let Some(address) = address.filter(|_| self.table.is_online(&name)) else {
            let why = "it is not online; its card cannot be seen";
            self.settle(request, Err(RequestError::NotTrusted(why.into())));
            return;
        };
        let route = Route {
            key,
            path: Path::Direct(address),
            role: Role::Peer,
            slots: 1,
        };
        self.peers.trusts.insert(key, (request, name, fingerprint));
        self.links.know(key);
        self.present_card(&route);
        self.timers
            .set(Timer::Trust(key), self.now.instant + SLOT + SLOT);
    }

    fn on_trust_card(
        &mut self,
        request: RequestId,
        name: &Name,
        fingerprint: Fingerprint,
        key: PublicKey,
        identity: PublicKey,
    ) {
        if Fingerprint::of(&identity) != fingerprint {
            let why = "these are not the digits of the key in use";
            self.settle(request, Err(RequestError::NotTrusted(why.into())));
            return;
        }
        if let Some(old) = self.peers.pins.get(name).map(|pin| pin.session_key)
            && old != key
        {
            self.peers.names.remove(&old);
            self.links.unknow(&old);
        }
        self.put_pin(name, key, Some(identity), KeyAction::Trusted);
        self.settle(request, Ok(Outcome::Done));
    }

    pub(super) fn on_trust_over(&mut self, key: &PublicKey) {
        if let Some((request, ..)) = self.peers.trusts.remove(key) {
            let why = "it does not answer; its card cannot be seen";
            self.settle(request, Err(RequestError::NotTrusted(why.into())));
        }
    }
}
