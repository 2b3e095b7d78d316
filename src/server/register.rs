//! Names and keys: who may log in, and how one leaves.
//!
//! A name belongs to the first key that the store bound to it. An answer to `register` waits for
//! two replies of the store: the Claim (the name is this session's) and the Attach (its mail
//! follows).

use super::ask::{Answer, Purpose, code_of};
use super::port::{Done, GroupOp, Presence, Refusal, StoreRequest, Why};
use super::session::{Cargo, Load, Member, Registration, Session, Stage};
use super::{Event, Server, Timer, refused};
use crate::model::limits::{MAIL_WINDOW, SERVER_SLOTS, SILENT, SLOT, UNREGISTERED};
use crate::model::{MessageId, Name, PublicKey, Version};
use crate::planted;
use crate::secure::key::verify_card;
use crate::wire::packet::RefusalCode;
use crate::wire::{CloseCode, Head};
use std::net::SocketAddr;

/// What a client says of its copy of the table: of which store, up to which version.
pub(super) type Copy = (Option<u64>, Option<u64>);

impl Server {
    /// A session is confirmed. A new program behind a known key is nobody until it registers.
    pub(super) fn on_opened(
        &mut self,
        key: PublicKey,
        address: SocketAddr,
        boot: u64,
        fresh: bool,
    ) {
        let session = self.sessions.get_mut(&key);
        if !fresh && let Some(session) = session.filter(|s| s.here().is_some()) {
            session.boot = boot;
            self.on_moved(key, address);
            return self.pump(key);
        }
        self.lives += 1;
        let mut session = Session::new(boot, address, self.lives);
        if let Some(mut before) = self.sessions.remove(&key) {
            // What was on its way is for whoever logs in, after it has done so.
            for parcel in before.outstanding.keys() {
                self.links.abandon(*parcel);
            }
            before.restart();
            session.member = before.member;
            let rivals = before.check.into_iter().flat_map(|check| check.rivals);
            for (rival, life) in rivals.collect::<Vec<_>>() {
                self.on_rival_checked(rival, life, false);
            }
        }
        self.sessions.insert(key, session);
        let timer = Timer::Unregistered(key);
        self.timers.set(timer, self.now.instant + UNREGISTERED);
    }

    pub(super) fn on_register(
        &mut self,
        key: PublicKey,
        id: MessageId,
        name: Name,
        copy: Copy,
        card: Vec<u8>,
    ) {
        let refusal = |code| (key, id, code);
        let Some(identity) = identity_of(&card, &key, &name) else {
            return self.refuse_login(refusal(RefusalCode::BadCard), &name);
        };
        let row = self.names.row(&name);
        let is_free =
            |presence| planted!("name-freed-offline") && matches!(presence, Presence::Offline(_));
        if row.is_some_and(|row| row.identity != identity && !is_free(row.presence)) {
            return self.refuse_login(refusal(RefusalCode::NameUsed), &name);
        }
        let session = self
            .sessions
            .get(&key)
            .expect("its packet has just arrived");
        if let Some(member) = session.here() {
            if member.name != name {
                return self.refuse_login(refusal(RefusalCode::NotMe), &name);
            }
            return self.greet_again(key, id, copy);
        }
        let (address, known) = (session.address, row.is_some());
        if !known {
            if self.is_degraded() {
                return self.refuse_login(refusal(RefusalCode::NoStore), &name);
            }
            let new = self.budgets.new_name(self.now.instant, address.ip());
            if let Err(after) = new {
                return self.refuse_after(key, id, "register", &RefusalCode::TooFast, after);
            }
        }
        let (store, table) = copy;
        let registration = Registration {
            id,
            name,
            identity,
            card: card.into(),
            store,
            table,
            first: false,
        };
        let session = self.sessions.get_mut(&key).expect("it is there");
        session.stage = Stage::Asking(Box::new(registration));
        self.timers.cancel(&Timer::Farewell(key));
        self.timers.cancel(&Timer::Unregistered(key));
        self.admit_or_check(key);
    }

    fn refuse_login(&mut self, (key, id, code): (PublicKey, MessageId, RefusalCode), name: &Name) {
        if matches!(code, RefusalCode::NameUsed | RefusalCode::HereAlready) {
            self.event(Event::NameRefused { name: name.clone() });
        }
        self.refuse(key, id, "register", &code);
    }

    /// A live login of the name elsewhere is asked first; nobody displaces one who answers.
    fn admit_or_check(&mut self, key: PublicKey) {
        let session = self.sessions.get(&key).expect("it asks");
        let Stage::Asking(registration) = &session.stage else {
            return;
        };
        let (life, address) = (session.life, session.address);
        let rival = self.present.get(&registration.name).copied();
        match rival {
            Some(other) if other == key => {
                let former = session.member.as_ref();
                if former.is_none_or(|former| former.address == address) {
                    self.claim(key);
                } else {
                    self.check_former(key);
                }
            }
            Some(other)
                if self
                    .sessions
                    .get(&other)
                    .is_some_and(|s| s.address != address) =>
            {
                self.check(other, Some((key, life)));
            }
            _ => self.claim(key),
        }
    }

    /// The status check of somebody is over: silent, so that this session may be it; or heard.
    pub(super) fn on_rival_checked(&mut self, key: PublicKey, life: u64, heard: bool) {
        let Some(session) = self.sessions.get_mut(&key).filter(|s| s.life == life) else {
            return;
        };
        let Stage::Asking(registration) = &session.stage else {
            return;
        };
        if !heard {
            return self.claim(key);
        }
        let (id, name) = (registration.id, registration.name.clone());
        session.stage = Stage::Stranger;
        let timer = Timer::Unregistered(key);
        self.timers.set(timer, self.now.instant + UNREGISTERED);
        self.refuse_login((key, id, RefusalCode::HereAlready), &name);
    }

    /// The program that was here before has answered.
    pub(super) fn reject(&mut self, key: PublicKey) {
        let session = self.sessions.get_mut(&key).expect("it asks");
        let before = std::mem::replace(&mut session.stage, Stage::Rejected);
        if let Stage::Asking(registration) = before {
            let (id, name) = (registration.id, registration.name);
            self.event(Event::NameRefused { name });
            let code = RefusalCode::HereAlready;
            self.send_last(key, refused(Some(id), "register", &code, None));
        }
    }

    /// The last answer had its time.
    pub(super) fn on_farewell_due(&mut self, key: PublicKey) {
        match self.sessions.get(&key).map(|session| &session.stage) {
            Some(Stage::Leaving) => self.end(key, CloseCode::Bye),
            Some(Stage::Rejected) => self.restore(key),
            // It has logged in again meanwhile.
            _ => {}
        }
    }

    pub(super) fn claim(&mut self, key: PublicKey) {
        let session = self.sessions.get(&key).expect("it asks");
        let Stage::Asking(registration) = &session.stage else {
            return;
        };
        let request = StoreRequest::Claim {
            name: registration.name.clone(),
            identity: registration.identity,
            session_key: key,
            card: registration.card.clone(),
            presence: Presence::Online {
                address: session.address,
            },
        };
        let name = registration.name.clone();
        let purpose = Purpose::Claim(key, session.life, name, session.address);
        self.ask(request, purpose);
    }

    pub(super) fn on_claimed(
        &mut self,
        (key, life): (PublicKey, u64),
        name: &Name,
        address: SocketAddr,
        answer: &Answer,
    ) {
        let (owner, first) = match answer {
            Ok(Done::Claimed { owner, first }) => (*owner, *first),
            Ok(_) => return,
            Err(refusal) => return self.on_claim_refused(key, life, *refusal),
        };
        self.names.own(name, owner);
        // As it was first spelled.
        let name = self.names.row(name).map_or(name, |row| &row.name).clone();
        let asking = self.sessions.get_mut(&key).filter(|s| s.life == life);
        let Some(session) = asking else {
            // Whoever asked has gone meanwhile, and the name is not here; unless the same person's
            // next program has asked already.
            if !self.is_overtaken(&key, life, &name) {
                self.tell_presence(name, owner, Presence::Offline(Why::Silent));
            }
            return;
        };
        match &mut session.stage {
            Stage::Asking(registration) => registration.first = first,
            // It was let in from memory while the store could not say.
            Stage::Here => {
                let member = session.member.as_mut().expect("it is here");
                member.owner = owner;
                member.address = address;
                let moved_to = session.address;
                self.attach(key, life, name, owner);
                return self.on_moved(key, moved_to);
            }
            Stage::Leaving | Stage::Rejected | Stage::Stranger => {
                return self.tell_presence(name, owner, Presence::Offline(Why::Silent));
            }
        }
        // It may have moved since it claimed; `settle_in` will tell.
        let former = session
            .member
            .replace(Member::new(name.clone(), owner, address));
        if let Some(former) = former.filter(|former| former.name != name) {
            self.present.remove(&former.name);
            let presence = Presence::Offline(Why::Silent);
            self.tell_presence(former.name, former.owner, presence);
        }
        let other = self.present.insert(name.clone(), key);
        if let Some(other) = other.filter(|other| *other != key) {
            self.end(other, CloseCode::Replaced);
        }
        self.attach(key, life, name, owner);
    }

    /// True if a later session with the same key asks for the name, or has it.
    pub(super) fn is_overtaken(&self, key: &PublicKey, life: u64, name: &Name) -> bool {
        let session = self.sessions.get(key).filter(|s| s.life != life);
        session.is_some_and(|session| match &session.stage {
            Stage::Asking(registration) => registration.name == *name,
            Stage::Here => session.here().is_some_and(|member| member.name == *name),
            Stage::Leaving | Stage::Rejected | Stage::Stranger => false,
        })
    }

    fn on_claim_refused(&mut self, key: PublicKey, life: u64, refusal: Refusal) {
        let Some(session) = self.sessions.get_mut(&key).filter(|s| s.life == life) else {
            return;
        };
        let Stage::Asking(registration) = &session.stage else {
            return;
        };
        let (id, name) = (registration.id, registration.name.clone());
        session.stage = Stage::Stranger;
        let timer = Timer::Unregistered(key);
        self.timers.set(timer, self.now.instant + UNREGISTERED);
        self.refuse_login((key, id, code_of(refusal)), &name);
    }

    fn attach(&mut self, key: PublicKey, life: u64, name: Name, owner: Version) {
        let window = u16::try_from(MAIL_WINDOW).expect("it is 16");
        let request = StoreRequest::Attach {
            name,
            owner,
            window,
        };
        self.ask(request, Purpose::Attach(key, life));
    }

    pub(super) fn on_attached(&mut self, key: PublicKey, life: u64, answer: &Answer) {
        let Some(session) = self.sessions.get_mut(&key).filter(|s| s.life == life) else {
            return;
        };
        let Ok(Done::Attached { waiting }) = answer else {
            // A newer Claim owns the name: this session is over.
            return self.end(key, CloseCode::Replaced);
        };
        let Some(member) = session.member.as_mut() else {
            return;
        };
        member.waited = u64::from(*waiting);
        let Stage::Asking(registration) = std::mem::replace(&mut session.stage, Stage::Here) else {
            return self.pump(key); // Let in from memory before; its mail comes as live mail.
        };
        member.announced = member.waited;
        let (id, back) = (registration.id, !registration.first);
        self.greet(key, id, u64::from(*waiting), back);
        self.settle_in(key);
        self.start_table(key, registration.store, registration.table);
    }

    /// The store cannot say whether it could write: a known name is let in from memory meanwhile.
    pub(super) fn admit_from_memory(&mut self, key: PublicKey, life: u64, name: &Name) {
        let Some(row) = self.names.row(name).filter(|_| self.is_degraded()) else {
            return;
        };
        let (owner, identity, name) = (row.owner, row.identity, row.name.clone());
        let Some(session) = self.sessions.get_mut(&key).filter(|s| s.life == life) else {
            return;
        };
        let Stage::Asking(registration) = &session.stage else {
            return;
        };
        if registration.identity != identity {
            return;
        }
        let registration = registration.clone();
        session.stage = Stage::Here;
        session.member = Some(Member::new(name.clone(), owner, session.address));
        let other = self.present.insert(name.clone(), key);
        if let Some(other) = other.filter(|other| *other != key) {
            self.end(other, CloseCode::Replaced);
        }
        self.greet(key, registration.id, 0, true);
        self.settle_in(key);
        self.start_table(key, registration.store, registration.table);
    }

    /// A renewed session says again who it is: answered without a commit.
    fn greet_again(&mut self, key: PublicKey, id: MessageId, (store, table): Copy) {
        self.greet(key, id, 0, true);
        self.pump(key);
        self.start_table(key, store, table);
    }

    fn greet(&mut self, key: PublicKey, id: MessageId, mail: u64, back: bool) {
        let session = self.sessions.get(&key).expect("it is here");
        let member = session.here().expect("it is here");
        let name = self
            .names
            .row(&member.name)
            .map_or(&member.name, |row| &row.name);
        let head = Head::Registered {
            id,
            name: name.clone(),
            you: session.address,
            at_ms: self.now.wall.unix_ms,
            store: self.config.store,
            table: self.names.head().0,
            mail,
            back,
            group: self.groups.current(name).cloned(),
        };
        let card = self.identity.card(None, 0);
        self.send(key, head, card);
    }

    fn settle_in(&mut self, key: PublicKey) {
        let session = self.sessions.get_mut(&key).expect("it is here");
        let (who, address) = (
            session.here().expect("it is here").name.clone(),
            session.address,
        );
        self.timers
            .set(Timer::Silence(key), self.now.instant + SILENT);
        self.event(Event::Registered { who, address });
        self.on_moved(key, address);
        self.pump_letters(key);
    }

    pub(super) fn on_dereg(&mut self, key: PublicKey, id: MessageId, is_final: bool) {
        let session = self
            .sessions
            .get(&key)
            .expect("its packet has just arrived");
        let life = session.life;
        let name = match &session.stage {
            Stage::Here => Some(session.member.as_ref().expect("it is here").name.clone()),
            // Whoever is away may still leave for good.
            Stage::Stranger if is_final && session.member.is_none() => {
                let name = self.names.of_key(&key).cloned();
                name.filter(|name| !self.present.contains_key(name))
            }
            Stage::Leaving => return self.farewell(key, id),
            _ => None,
        };
        let Some(name) = name else {
            return self.refuse(key, id, "dereg", &RefusalCode::NotRegistered);
        };
        if self.begin(key, id, "dereg").is_none() {
            return;
        }
        if is_final {
            let request = StoreRequest::Group {
                id,
                by: name.clone(),
                group: None,
                op: GroupOp::Leave,
            };
            self.groups.depart(&name);
            self.ask(request, Purpose::FinalDereg(key, life, id, name));
        } else {
            self.ask_to_leave(key, life, id, name, Why::Away);
        }
    }

    pub(super) fn on_groups_left(&mut self, key: PublicKey, life: u64, id: MessageId, name: &Name) {
        self.ask_to_leave(key, life, id, name.clone(), Why::Left);
    }

    fn ask_to_leave(&mut self, key: PublicKey, life: u64, id: MessageId, name: Name, why: Why) {
        let own = self.sessions.get(&key).and_then(|s| s.member.as_ref());
        let own = own.filter(|member| member.name == name).map(|m| m.owner);
        let Some(owner) = own.or_else(|| self.names.row(&name).map(|row| row.owner)) else {
            return;
        };
        let request = StoreRequest::Presence {
            name,
            owner,
            presence: Presence::Offline(why),
        };
        self.ask(request, Purpose::Dereg(key, life, id));
    }

    /// It is durable that this name has left (or the session does not own it any more).
    pub(super) fn on_deregistered(&mut self, key: PublicKey, life: u64, id: MessageId) {
        let Some(session) = self.sessions.get_mut(&key).filter(|s| s.life == life) else {
            return;
        };
        session.stage = Stage::Leaving;
        session.asking.remove(&id);
        let member = session.member.take();
        let who = member.map(|member| {
            self.present.remove(&member.name);
            self.detach(&member.name, member.owner);
            member.name
        });
        if let Some(who) = who.or_else(|| self.names.of_key(&key).cloned()) {
            self.event(Event::Left { who });
        }
        self.farewell(key, id);
    }

    /// The last answer; the session ends when the link has settled it, or has had its slots.
    fn farewell(&mut self, key: PublicKey, id: MessageId) {
        let head = Head::Done {
            id,
            unchanged: false,
        };
        self.send_last(key, head);
        for timer in [Timer::Silence(key), Timer::Unregistered(key)] {
            self.timers.cancel(&timer);
        }
    }

    /// The session ends when the link has settled this, or it has had its slots.
    fn send_last(&mut self, key: PublicKey, head: Head) {
        let timer = Timer::Farewell(key);
        if self.timers.get(&timer).is_none() {
            let slots = SLOT * u32::from(SERVER_SLOTS);
            self.timers.set(timer, self.now.instant + slots);
        }
        let (cargo, since) = (Cargo::Farewell, self.now.instant);
        let sent = self.send(key, head, Vec::new());
        if let (Some(parcel), Some(session)) = (sent, self.sessions.get_mut(&key)) {
            session.outstanding.insert(parcel, Load { cargo, since });
        }
    }

    /// An operator released the name: whoever holds it is nobody any more.
    pub(super) fn on_released(&mut self, name: &Name) {
        if let Some(key) = self.present.remove(name) {
            self.end(key, CloseCode::Replaced);
        }
    }

    pub(super) fn on_unregistered(&mut self, key: PublicKey) {
        self.leave(key, Why::Silent);
        self.end(key, CloseCode::Bye);
    }
}

/// Whose card it is, if it is right, of this session, and for this name.
fn identity_of(card: &[u8], key: &PublicKey, name: &Name) -> Option<PublicKey> {
    let card = verify_card(card)?;
    let fits = card.session_key == *key && card.name.as_ref() == Some(name);
    fits.then_some(card.identity)
}
