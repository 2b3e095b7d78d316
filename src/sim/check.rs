//! The invariants of protocol.md section 14, asked by somebody who knows everything.
//!
//! The checker is told what is typed, asked of disks, written, sent, opened and shown; it never
//! tells anybody anything. The first broken invariant ends the run.

use super::node::NodeId;
use crate::client::event::{Arrived, By, Event, GroupAction, Mark, Report, Session};
use crate::client::port as client;
use crate::model::limits::{DATAGRAM_BYTES_MAX, SLOT};
use crate::model::{Delivery, Instant, MessageId, Name, PublicKey, StoreTicket, Version};
use crate::server::port::{Done, Mail, Presence, StoreEvent, StoreReply, StoreRequest, Taken, Why};
use crate::shell::LineId;
use crate::wire::packet::{Audience, MailKind, Stamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What hostile clients call themselves and begin their texts with.
pub(super) const HOSTILE: &str = "mallory";
pub(super) const EVIL: &str = "evil";

/// The kind bytes of the datagrams that are looked at.
const DATA: u8 = 0xC4;
const RESET: u8 = 0xC5;
/// A retry line may be late by so much: the longest turn that is put off, twice.
const TICK: Duration = Duration::from_millis(12);
/// How many datagrams at least ask a suspect before it is called silent.
const PROBES_MIN: usize = 4;

/// A broken invariant and what was seen.
pub(super) type Broken = (&'static str, String);

/// Everything that is known of a run.
#[derive(Default)]
pub(super) struct Checker {
    pub(super) broken: Option<Broken>,
    /// Only adversaries are at work: nobody may notice anything.
    pub(super) harmless: bool,
    people: BTreeMap<NodeId, Person>,
    holders: BTreeMap<Name, NodeId>,
    addresses: BTreeMap<SocketAddr, NodeId>,
    messages: BTreeMap<MessageId, Message>,
    store: StoreModel,
    /// What it was when the store was copied.
    backup: Option<StoreModel>,
    /// Claims that the store has not answered.
    claims: BTreeMap<StoreTicket, Name>,
    /// Who has sent which RESET.
    resets: BTreeMap<Box<[u8]>, NodeId>,
    /// The last counter of each (sender, session number), and in which life of the sender.
    counters: BTreeMap<(NodeId, u32), (u64, u32)>,
    /// What has opened: (receiver, life, session number, counter).
    opened: BTreeSet<(NodeId, u32, u32, u64)>,
    /// The lengths of unanswered datagrams of addresses that never proved themselves.
    strangers: BTreeMap<(NodeId, SocketAddr), Vec<usize>>,
    rolled_back: bool,
    healed: Option<Instant>,
}

/// What the checker knows of an actor.
struct Person {
    id: NodeId,
    life: u32,
    running: bool,
    name: Name,
    identity: PublicKey,
    lines: Vec<Box<str>>,
    settled: BTreeSet<LineId>,
    /// Rows of the table: as applied, and as found after a crash.
    rows: BTreeMap<Name, Version>,
    rows_written: BTreeMap<Name, Version>,
    /// Highest `seq` shown in this life, or found on disk at its beginning.
    shown_seq: BTreeMap<Stream, u64>,
    /// Highest `seq` on disk.
    kept_seq: BTreeMap<Stream, u64>,
    retries: VecDeque<(u8, Instant)>,
    /// When the server last opened a datagram of this person.
    heard: Option<Instant>,
    /// When the server last sent something to this person.
    asked: VecDeque<Instant>,
    /// Its program, or its program's session, has ended since the server last heard it.
    gone: bool,
    /// When it last ended a session.
    ended_at: Option<Instant>,
    /// Its latest log-in.
    owner: Version,
    /// Log-ins that were called silent.
    silent: BTreeSet<Version>,
    /// Log-ins announced in this life.
    online: bool,
}

/// What one `seq` counts: a sender, an audience, and the life of the sender's outbox.
type Stream = (NodeId, Option<Audience>, u32);

/// What the checker knows of a message.
struct Message {
    from: NodeId,
    to: client::Recipient,
    text: Box<str>,
    stamp: Stamp,
    /// The sender's row is on disk.
    durable: bool,
    /// The server has committed it for these.
    kept: BTreeSet<Name>,
    /// The server has refused it for these.
    full: BTreeSet<Name>,
    /// Whom the server took for its audience, when it had a reason to.
    meant: BTreeSet<Name>,
    /// For whom it was committed.
    fan: BTreeSet<Name>,
    /// These have it on disk.
    committed: BTreeSet<NodeId>,
    /// In which life it was shown last, and how often in all.
    shown: BTreeMap<NodeId, (u32, u32)>,
    /// What its sender was told last, for each addressee, in which life.
    reported: BTreeMap<Option<Name>, (Delivery, u32)>,
    /// Refused by the disk, given up or expired, and shown so.
    ended: bool,
}

/// What a node has done with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Dropped,
    /// It ended a session: a CLOSE, or a RESET that was believed.
    Ends,
    Taken,
}

/// What the server's store has committed and told.
#[derive(Clone, Default)]
struct StoreModel {
    /// Messages to many that were accepted: a repeat changes nothing.
    sent: BTreeSet<(Name, MessageId)>,
    identities: BTreeMap<Name, PublicKey>,
    mail: BTreeMap<(Name, Name, MessageId), MailKind>,
    /// Who belongs to an audience, since when: the last few changes.
    audiences: BTreeMap<Audience, VecDeque<(Instant, BTreeSet<Name>)>>,
    rows: BTreeMap<Name, Version>,
    durable: Version,
}

/// Being told.
impl Checker {
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn fail(&mut self, invariant: &'static str, what: impl FnOnce() -> String) {
        if self.broken.is_none() {
            self.broken = Some((invariant, what()));
        }
    }

    pub(super) fn add_actor(&mut self, id: NodeId, name: Name, identity: PublicKey) {
        self.holders.entry(name.clone()).or_insert(id);
        let person = Person {
            id,
            life: 0,
            running: false,
            name,
            identity,
            lines: Vec::new(),
            settled: BTreeSet::new(),
            rows: BTreeMap::new(),
            rows_written: BTreeMap::new(),
            shown_seq: BTreeMap::new(),
            kept_seq: BTreeMap::new(),
            retries: VecDeque::new(),
            heard: None,
            asked: VecDeque::new(),
            gone: true,
            ended_at: None,
            owner: Version::default(),
            silent: BTreeSet::new(),
            online: false,
        };
        self.people.insert(id, person);
    }

    pub(super) fn started(&mut self, id: NodeId) {
        if let Some(person) = self.people.get_mut(&id) {
            person.life += 1;
            person.running = true;
            person.settled.clear();
            person.rows.clone_from(&person.rows_written);
            person.shown_seq.clone_from(&person.kept_seq);
            person.retries.clear();
            person.online = false;
        } else {
            self.claims.clear();
        }
    }

    /// A program has ended, however.
    pub(super) fn ended(&mut self, id: NodeId) {
        if let Some(person) = self.people.get_mut(&id) {
            person.running = false;
            person.gone = true;
        }
    }

    pub(super) fn at_address(&mut self, id: NodeId, address: SocketAddr) {
        self.addresses.insert(address, id);
    }

    pub(super) fn backed_up(&mut self) {
        self.backup = Some(self.store.clone());
    }

    /// What the copy did not know has not happened; clients may have heard of versions since.
    pub(super) fn rolled_back(&mut self) {
        self.rolled_back = true;
        let durable = self.store.durable;
        self.store = self.backup.take().unwrap_or_default();
        self.store.durable = durable;
    }

    pub(super) fn healed(&mut self, now: Instant) {
        self.healed = Some(now);
    }

    pub(super) fn typed(&mut self, id: NodeId, line: &str) {
        if let Some(person) = self.people.get_mut(&id) {
            person.lines.push(line.into());
        }
    }

    pub(super) fn settled(&mut self, id: NodeId, line: LineId) {
        let Some(person) = self.people.get_mut(&id) else {
            return;
        };
        if !person.settled.insert(line) {
            self.fail("P2", || format!("a line has two outcomes: {line:?}"));
        }
    }

    /// True if a line of the present life has its outcome.
    pub(super) fn has_settled(&self, id: NodeId, line: LineId) -> bool {
        self.people[&id].settled.contains(&line)
    }

    /// True if this name is bound to its holder's key.
    pub(super) fn is_bound(&self, name: &Name) -> bool {
        self.store.identities.contains_key(name)
    }

    /// Ids of messages that exist: what a hostile client may try.
    pub(super) fn some_id(&self, choose: impl FnOnce(usize) -> usize) -> Option<MessageId> {
        let at = choose(self.messages.len());
        self.messages.keys().nth(at).copied()
    }

    fn name(&self, id: NodeId) -> &Name {
        &self.people[&id].name
    }
}

/// Disks of clients.
impl Checker {
    pub(super) fn client_asks(&mut self, id: NodeId, request: &client::StoreRequest) {
        match request {
            client::StoreRequest::ApplyRows {
                reset, upto, rows, ..
            } => {
                let person = self.people.get_mut(&id).expect("every actor is known");
                apply(&mut person.rows, *reset, rows);
                self.check_table(id, *upto);
            }
            client::StoreRequest::PutIn(message) => self.check_durable(message.id, &message.from),
            client::StoreRequest::PutOut(message) => self.put_out(id, message),
            _ => {}
        }
    }

    fn put_out(&mut self, id: NodeId, message: &client::OutMessage) {
        if let Some(known) = self.messages.get(&message.id) {
            if known.from != id || known.text != message.text || known.to != message.to {
                self.fail("I3", || format!("{} stands for two messages", message.id));
            }
            return;
        }
        let person = &self.people[&id];
        let text = &*message.text;
        let is_typed = |line: &str| {
            line.ends_with(text)
                || line
                    .trim_end()
                    .strip_suffix('"')
                    .is_some_and(|l| l.ends_with(text))
        };
        if !person.lines.iter().any(|line| is_typed(line)) {
            let (name, text) = (person.name.clone(), cut(text));
            self.fail("I3", || format!("{name} sends what was not typed: {text}"));
        }
        let fresh = Message {
            from: id,
            to: message.to.clone(),
            text: message.text.clone(),
            stamp: message.stamp,
            durable: false,
            kept: BTreeSet::new(),
            full: BTreeSet::new(),
            meant: BTreeSet::new(),
            fan: BTreeSet::new(),
            committed: BTreeSet::new(),
            shown: BTreeMap::new(),
            reported: BTreeMap::new(),
            ended: false,
        };
        self.messages.insert(message.id, fresh);
    }

    /// Nothing is anywhere else before its sender has it on disk.
    fn check_durable(&mut self, id: MessageId, from: &Name) {
        let Some(sender) = self.holders.get(from) else {
            return;
        };
        if let Some(message) = self.messages.get(&id)
            && message.from == *sender
            && !message.durable
        {
            self.fail("P6", || {
                format!("{id} of {from} arrives before its row is durable")
            });
        }
    }

    pub(super) fn client_wrote(
        &mut self,
        id: NodeId,
        request: &client::StoreRequest,
        reply: &client::StoreReply,
    ) {
        let done = matches!(reply, client::StoreReply::Done(_));
        match request {
            client::StoreRequest::ApplyRows { reset, rows, .. } if done => {
                let person = self.people.get_mut(&id).expect("every actor is known");
                apply(&mut person.rows_written, *reset, rows);
            }
            client::StoreRequest::PutIn(message) if done => {
                let sender = self.holders.get(&message.from).copied();
                if let Some(known) = self.messages.get_mut(&message.id)
                    && Some(known.from) == sender
                {
                    known.committed.insert(id);
                }
                if let (Some(sender), Some(stamp)) = (sender, message.stamp) {
                    let person = self.people.get_mut(&id).expect("every actor is known");
                    let stream = (sender, message.audience.clone(), stamp.run);
                    let kept = person.kept_seq.entry(stream).or_default();
                    *kept = (*kept).max(stamp.seq);
                }
            }
            client::StoreRequest::PutOut(message) => {
                if let Some(known) = self.messages.get_mut(&message.id) {
                    known.durable |= done;
                    known.ended |= !done && !known.durable;
                }
            }
            _ => {}
        }
    }

    /// I19, and the whole of what the version stands for.
    fn check_table(&mut self, id: NodeId, upto: Version) {
        if upto > self.store.durable {
            let durable = self.store.durable;
            return self.fail("I19", || {
                format!("version {upto:?} was told, durable is {durable:?}")
            });
        }
        if self.rolled_back {
            return;
        }
        let person = &self.people[&id];
        let missing = self.store.rows.iter().find(|(name, version)| {
            **version <= upto && person.rows.get(*name).is_none_or(|have| have < *version)
        });
        if let Some((name, version)) = missing {
            let (name, version, who) = (name.clone(), *version, person.name.clone());
            let have = person.rows.clone();
            self.fail("I14", || {
                format!(
                    "{who} has the table up to {upto:?} and lacks {name} of {version:?}: {have:?}"
                )
            });
        }
    }
}

/// The server's disk.
impl Checker {
    pub(super) fn server_asks(
        &mut self,
        now: Instant,
        ticket: StoreTicket,
        request: &StoreRequest,
    ) {
        match request {
            StoreRequest::Claim { name, identity, .. } => {
                let holder = self
                    .holders
                    .get(name)
                    .and_then(|id| self.people.get_mut(id));
                if holder.is_some_and(|holder| holder.identity == *identity) {
                    self.claims.insert(ticket, name.clone());
                }
            }
            StoreRequest::Enqueue { mail, to } => self.enqueue(now, mail, to),
            StoreRequest::Presence {
                name,
                owner,
                presence: Presence::Offline(Why::Silent),
            } => {
                self.check_silence(now, name, *owner);
            }
            StoreRequest::Release { name } => {
                self.fail("I9", || {
                    format!("{name} is released, and no operator asked for it")
                });
            }
            _ => {}
        }
    }

    /// Nobody is called silent who was heard in the last slot or was not asked in it. Whose program
    /// is gone, or has ended the session (by CLOSE or RESET), may be called so at once; a verdict
    /// about an earlier log-in says nothing of the latest, nor one that the disk made repeat.
    fn check_silence(&mut self, now: Instant, name: &Name, owner: Version) {
        let holder = self
            .holders
            .get(name)
            .and_then(|id| self.people.get_mut(id));
        let Some(person) = holder.filter(|holder| !holder.silent.contains(&owner)) else {
            return;
        };
        person.silent.insert(owner);
        let being_claimed = self.claims.values().any(|claimed| claimed == name);
        // What ends a session and what opens the next may come in one turn, and both are heard
        // before the first is acted on.
        let just_ended = person.ended_at.is_some_and(|at| at + TICK >= now);
        if person.gone || just_ended || being_claimed || person.owner != owner {
            return;
        }
        let slot = now + TICK - SLOT;
        if person.heard.is_some_and(|at| at > slot) {
            self.fail("I18", || {
                format!("{name} is called silent and was heard just now")
            });
        } else if person
            .asked
            .iter()
            .filter(|at| **at > now - (SLOT + SLOT))
            .count()
            < PROBES_MIN
        {
            self.fail("I18", || {
                format!("{name} is called silent and was not asked")
            });
        }
    }

    fn enqueue(&mut self, now: Instant, mail: &Mail, to: &[Name]) {
        if !matches!(mail.kind, MailKind::Direct | MailKind::Group)
            || !self.holders.contains_key(&mail.from)
        {
            return;
        }
        let (id, from) = (mail.id, &mail.from);
        self.check_durable(id, from);
        let Some(message) = self
            .messages
            .get_mut(&id)
            .filter(|m| self.holders.get(from) == Some(&m.from))
        else {
            return self.fail("I3", || {
                format!("{id} of {from} is stored and was never typed")
            });
        };
        let mut wrong = (message.text.as_bytes() != &*mail.tail).then_some("its text is another");
        let to: BTreeSet<Name> = to.iter().cloned().collect();
        let expected = match &message.to {
            client::Recipient::Audience(audience) => {
                self.store.was_audience(now, audience, &to, from)
            }
            client::Recipient::Name(name) => to.len() == 1 && to.contains(name),
        };
        // The disk may make the server ask again for what it decided long ago.
        if expected {
            message.meant.extend(to);
        } else if !to.is_subset(&message.meant) {
            wrong = Some("it goes to others than it was for");
        }
        if let Some(wrong) = wrong {
            self.fail("I4", || format!("{id} of {from}: {wrong}"));
        }
    }

    pub(super) fn server_wrote(&mut self, request: &StoreRequest, reply: &StoreReply) {
        let StoreReply::Done(done) = reply else {
            return;
        };
        match (request, done) {
            (StoreRequest::Claim { name, identity, .. }, _) => self.claimed(name, *identity),
            (StoreRequest::Enqueue { mail, to }, Done::Kept { full, .. }) => {
                self.kept(mail, to, full);
            }
            (StoreRequest::Settle { name, mails, .. }, _) => {
                for taken in mails {
                    self.taken(name, taken);
                }
            }
            _ => {}
        }
    }

    fn claimed(&mut self, name: &Name, identity: PublicKey) {
        let holder = self.holders.get(name).map(|id| self.people[id].identity);
        let bound = *self
            .store
            .identities
            .entry(name.clone())
            .or_insert(identity);
        if bound != identity || holder.is_some_and(|holder| holder != identity) {
            self.fail("I9", || format!("{name} is bound to another key"));
        }
    }

    /// A message to many is for those for whom it was committed first, whoever a repeat names.
    fn kept(&mut self, mail: &Mail, to: &[Name], full: &[Name]) {
        if mail.kind == MailKind::Group && !self.store.sent.insert((mail.from.clone(), mail.id)) {
            return;
        }
        for name in to.iter().filter(|name| !full.contains(name)) {
            let key = (name.clone(), mail.from.clone(), mail.id);
            self.store.mail.insert(key, mail.kind);
        }
        let sender = self.holders.get(&mail.from).copied();
        if let Some(message) = self.messages.get_mut(&mail.id)
            && Some(message.from) == sender
        {
            message
                .kept
                .extend(to.iter().filter(|name| !full.contains(name)).cloned());
            message.fan.extend(to.iter().cloned());
            message.full.extend(full.iter().cloned());
        }
    }

    /// I7, and no receipt for a receipt.
    fn taken(&mut self, name: &Name, taken: &Taken) {
        let key = (name.clone(), taken.from.clone(), taken.id);
        let kind = self.store.mail.get(&key).copied();
        let is_message = matches!(kind, Some(MailKind::Direct | MailKind::Group));
        if taken.receipt && !is_message {
            return self.fail("R5", || {
                format!(
                    "{} of {} causes a receipt and is no message",
                    taken.id, taken.from
                )
            });
        }
        let (sender, recipient) = (self.holders.get(&taken.from), self.holders.get(name));
        let (Some(sender), Some(recipient)) = (sender, recipient) else {
            return;
        };
        if let Some(message) = self.messages.get(&taken.id)
            && is_message
            && message.from == *sender
            && !message.committed.contains(recipient)
        {
            self.fail("I7", || {
                format!("{} for {name} disappears before {name} has it", taken.id)
            });
        }
    }

    pub(super) fn server_told(&mut self, now: Instant, event: &StoreEvent) {
        if let StoreEvent::Reply(ticket, reply) = event
            && let Some(name) = self.claims.remove(ticket)
            && let StoreReply::Done(Done::Claimed { owner, .. }) = reply
            && let Some(person) = self
                .holders
                .get(&name)
                .and_then(|id| self.people.get_mut(id))
        {
            person.owner = *owner;
        }
        let at = match event {
            StoreEvent::Group { at, group, row } => {
                let members = match row {
                    Some(row) => row.members.iter().cloned().collect(),
                    None => BTreeSet::new(),
                };
                self.store
                    .gathers(now, Audience::Group(group.clone()), members);
                *at
            }
            StoreEvent::Name { at, name, row } => {
                match row {
                    Some(_) => self.store.rows.insert(name.clone(), *at),
                    None => self.store.rows.remove(name),
                };
                let everybody = self.store.rows.keys().cloned().collect();
                self.store.gathers(now, Audience::Everybody, everybody);
                *at
            }
            StoreEvent::Current { at }
            | StoreEvent::Reply(
                _,
                StoreReply::Done(Done::Changed { at } | Done::Claimed { owner: at, .. }),
            ) => *at,
            StoreEvent::Reset => {
                self.store.rows.clear();
                return;
            }
            _ => return,
        };
        self.store.durable = self.store.durable.max(at);
    }
}

impl StoreModel {
    /// True if the message of a report was accepted from this sender.
    fn has(&self, from: &Name, report: &Report) -> bool {
        let is_it = |(to, sender, id): &(Name, Name, MessageId)| {
            *id == report.id && sender == from && report.to.as_ref().is_none_or(|name| name == to)
        };
        self.mail.keys().any(is_it)
    }

    fn gathers(&mut self, now: Instant, audience: Audience, members: BTreeSet<Name>) {
        let changes = self.audiences.entry(audience).or_default();
        changes.push_back((now, members));
        if changes.len() > 16 {
            changes.pop_front();
        }
    }

    /// True if these were the audience, without the sender, a moment ago: a turn may be put off
    /// between the decision and the request.
    fn was_audience(
        &self,
        now: Instant,
        audience: &Audience,
        to: &BTreeSet<Name>,
        from: &Name,
    ) -> bool {
        let mut until = now;
        let Some(changes) = self.audiences.get(audience) else {
            return to.is_empty();
        };
        for (since, members) in changes.iter().rev() {
            if until + TICK < now {
                return false;
            }
            if members.iter().filter(|name| *name != from).eq(to.iter()) {
                return true;
            }
            until = *since;
        }
        to.is_empty() && until + TICK >= now
    }
}

/// Datagrams.
impl Checker {
    /// I10, I11, I12 of what a node sends.
    pub(super) fn sent(&mut self, now: Instant, id: NodeId, to: SocketAddr, bytes: &[u8]) {
        if bytes.len() > DATAGRAM_BYTES_MAX {
            self.fail("I11", || format!("a datagram has {} bytes", bytes.len()));
        }
        if is_stranger(to) {
            let asked = self.strangers.entry((id, to)).or_default();
            if let Some(at) = asked.iter().position(|len| *len >= bytes.len()) {
                asked.swap_remove(at);
            } else {
                let asked = asked.clone();
                self.fail("I10", || {
                    format!(
                        "{to}, unproven, sent {asked:?} bytes and gets {}",
                        bytes.len()
                    )
                });
            }
        }
        if let Some((sid, counter)) = numbers(bytes) {
            let life = self.people.get(&id).map_or(0, |person| person.life);
            let last = self.counters.insert((id, sid), (counter, life));
            if last.is_some_and(|(last, _)| last >= counter) {
                self.fail("I12", || {
                    format!("counter {counter} of session {sid:08x} is used again")
                });
            }
        }
        if self.people.contains_key(&id) {
            if bytes.first() == Some(&RESET) {
                self.resets.insert(bytes.into(), id);
            }
        } else if let Some(person) = self
            .addresses
            .get(&to)
            .and_then(|id| self.people.get_mut(id))
        {
            person.asked.push_back(now);
            if person.asked.len() > 16 {
                person.asked.pop_front();
            }
        }
    }

    /// I12 of what a node opens.
    pub(super) fn arrived(
        &mut self,
        now: Instant,
        (id, life): (NodeId, u32),
        from: SocketAddr,
        bytes: &[u8],
        fate: Fate,
    ) {
        if fate == Fate::Ends
            && let Some(author) = self.author(from, bytes)
            && let Some(person) = self.people.get_mut(&author)
        {
            person.gone = true;
            person.ended_at = Some(now);
        }
        if is_stranger(from) {
            self.strangers
                .entry((id, from))
                .or_default()
                .push(bytes.len());
        }
        let Some((sid, counter)) = numbers(bytes).filter(|_| fate != Fate::Dropped) else {
            return;
        };
        if !self.opened.insert((id, life, sid, counter)) {
            self.fail("I12", || {
                format!("counter {counter} of session {sid:08x} opens twice")
            });
        }
        if !self.people.contains_key(&id)
            && let Some(person) = self
                .addresses
                .get(&from)
                .and_then(|id| self.people.get_mut(id))
        {
            person.heard = Some(now);
            let sender = (person.id, sid);
            let life = self.counters.get(&sender).map(|(_, life)| *life);
            let lives = person.running && life == Some(person.life);
            person.gone &= fate == Fate::Ends || !lives;
        }
    }

    /// Who has sent this, although a copy of it may come from elsewhere.
    fn author(&self, from: SocketAddr, bytes: &[u8]) -> Option<NodeId> {
        let at = self.addresses.get(&from).or_else(|| self.resets.get(bytes));
        at.copied().or_else(|| {
            let (sid, _) = numbers(bytes)?;
            let mut senders = self.counters.keys();
            senders.find(|(_, other)| *other == sid).map(|(id, _)| *id)
        })
    }
}

/// Screens.
impl Checker {
    pub(super) fn shown(&mut self, now: Instant, who: (NodeId, u32), event: &Event, busy: bool) {
        match event {
            Event::Batch(events) => events
                .iter()
                .for_each(|event| self.shown(now, who, event, busy)),
            Event::Delivery(report) => self.reported(who, report),
            // Who enters a group has missed what was said before.
            Event::Group {
                group,
                action: GroupAction::Joined,
                ..
            } => {
                let person = self.people.get_mut(&who.0).expect("every actor is known");
                let other = |of: &Option<Audience>| *of != Some(Audience::Group(group.clone()));
                person.shown_seq.retain(|(_, of, _), _| other(of));
            }
            Event::Message(arrived) => self.message_shown(who, arrived),
            Event::Session(session) => self.session_shown(now, who, session, busy),
            _ => {}
        }
    }

    /// I5, I6 and P2: what a sender is told of a message.
    fn reported(&mut self, (id, life): (NodeId, u32), report: &Report) {
        let Some(message) = self.messages.get_mut(&report.id).filter(|m| m.from == id) else {
            return self.fail("P2", || {
                format!("something is told of {}, which was never sent", report.id)
            });
        };
        let last = message
            .reported
            .insert(report.to.clone(), (report.state, life));
        let state = report.state;
        // Why no more than that is known may be told later.
        let explains = state == Delivery::Sent && !report.after_live_try;
        if let Some((last, in_life)) = last
            && in_life == life
            && (last > state || last == state && !explains)
        {
            return self.fail("P2", || {
                format!("{} goes from {last} to {state}", report.id)
            });
        }
        let addressee = report.to.as_ref().and_then(|name| self.holders.get(name));
        match state {
            Delivery::Acked | Delivery::Delivered => {
                if addressee.is_some_and(|who| !message.committed.contains(who)) {
                    self.fail("I6", || {
                        format!(
                            "{} is called received by {:?}, who does not have it",
                            report.id, report.to
                        )
                    });
                }
            }
            Delivery::Failed
                if report.by == By::Server && self.store.has(&self.people[&id].name, report) =>
            {
                self.fail("P2", || {
                    format!("{} is called failed, and the server has it", report.id)
                });
            }
            Delivery::Expired | Delivery::Failed => {
                message.ended |= report.to.is_none() || message.fan.len() < 2;
            }
            Delivery::Stored => {
                let kept = match &report.to {
                    Some(name) => message.kept.contains(name),
                    None => message
                        .fan
                        .iter()
                        .all(|name| message.kept.contains(name) || message.full.contains(name)),
                };
                if !kept {
                    self.fail("I5", || format!("{} is called saved and is not", report.id));
                }
            }
            Delivery::Queued | Delivery::Sent => {}
        }
    }

    /// I1, I3, I4 and I8: what a recipient sees.
    fn message_shown(&mut self, (id, life): (NodeId, u32), arrived: &Arrived) {
        let (mid, from) = (arrived.id, arrived.from.clone());
        let Some(sender) = self.holders.get(&from).copied() else {
            if !(from.as_str().eq_ignore_ascii_case(HOSTILE) && arrived.text.starts_with(EVIL)) {
                self.fail("I3", || {
                    format!("{from} has not typed {}", cut(&arrived.text))
                });
            }
            return;
        };
        if sender == id {
            if !self.people[&id]
                .lines
                .iter()
                .any(|line| line.ends_with(&arrived.text))
            {
                self.fail("I3", || {
                    format!("{from} has not typed {}", cut(&arrived.text))
                });
            }
            return;
        }
        let Some(message) = self.messages.get_mut(&mid).filter(|m| m.from == sender) else {
            return self.fail("I3", || {
                format!("{from} has never sent {mid}: {}", cut(&arrived.text))
            });
        };
        let me = &self.people[&id].name;
        let (audience, addressed) = match &message.to {
            client::Recipient::Audience(audience) => (Some(audience), message.fan.contains(me)),
            client::Recipient::Name(name) => (None, name == me),
        };
        let wrong = if !addressed {
            Some("I4")
        } else if *message.text != *arrived.text || audience != arrived.audience.as_ref() {
            Some("I3")
        } else if !message.committed.contains(&id) {
            Some("P6")
        } else {
            let before = message.shown.insert(id, (life, 0));
            let again = before.is_some_and(|(last, _)| {
                last == life || arrived.mark != Some(Mark::ShownBeforeRestart)
            });
            let times = before.map_or(1, |(_, times)| times + 1);
            message.shown.insert(id, (life, times));
            again.then_some("I1")
        };
        if let Some(invariant) = wrong {
            let what = format!(
                "{me} is shown {mid} of {from}, life {life}: {}",
                cut(&arrived.text)
            );
            return self.fail(invariant, || what);
        }
        let stamp = message.stamp;
        self.check_order(id, sender, arrived, stamp);
    }

    /// I8. What was held, and what was seen before a restart, has its own place.
    fn check_order(&mut self, id: NodeId, sender: NodeId, arrived: &Arrived, stamp: Stamp) {
        let person = self.people.get_mut(&id).expect("every actor is known");
        let key = (sender, arrived.audience.clone(), stamp.run);
        let last = person.shown_seq.get(&key).copied();
        let highest = person.shown_seq.entry(key).or_insert(stamp.seq);
        *highest = (*highest).max(stamp.seq);
        if arrived.held || arrived.late || arrived.mark.is_some() {
            return;
        }
        if let Some(last) = last
            && stamp.seq != last + 1
        {
            let (name, from) = (person.name.clone(), &arrived.from);
            self.fail("I8", || {
                format!(
                    "{name} is shown {} of {from} after {last}, unmarked",
                    stamp.seq
                )
            });
        }
    }

    /// I16.
    fn session_shown(
        &mut self,
        now: Instant,
        (id, _): (NodeId, u32),
        session: &Session,
        busy: bool,
    ) {
        let person = self.people.get_mut(&id).expect("every actor is known");
        let name = person.name.clone();
        match session {
            Session::Retrying { attempt, .. } => {
                let before = person.retries.iter().any(|(n, at)| {
                    let since = now.since(*at);
                    *n + 1 == *attempt && since + TICK >= SLOT && since <= SLOT + TICK
                });
                person.retries.push_back((*attempt, now));
                if person.retries.len() > 64 {
                    person.retries.pop_front();
                }
                if *attempt > 1 && !before {
                    self.fail("I16", || {
                        format!("{name}: retry {attempt} does not follow by a slot")
                    });
                } else if !busy {
                    self.fail("I16", || {
                        format!("{name}: retry {attempt}, and nothing waits for an answer")
                    });
                }
                if self.harmless {
                    self.fail("I18", || {
                        format!("{name} has to try again, and nothing is wrong")
                    });
                }
            }
            Session::NotResponding if self.harmless => {
                self.fail("I18", || {
                    format!("{name} does not reach the server, and nothing is wrong")
                });
            }
            Session::Online(_) => person.online = true,
            _ => {}
        }
    }
}

/// The end.
impl Checker {
    /// I2: whatever was confirmed has been shown, and nothing durable was forgotten.
    /// `is_held` says whether an actor keeps messages back at the moment.
    pub(super) fn unfinished(&self, is_held: impl Fn(NodeId) -> bool) -> Option<Broken> {
        self.messages.iter().find_map(|(id, message)| {
            if message.ended || !message.durable || self.is_excused(message) {
                return None;
            }
            let to: Vec<&Name> = match &message.to {
                client::Recipient::Audience(_) => message.fan.iter().collect(),
                client::Recipient::Name(name) => vec![name],
            };
            to.into_iter()
                .find_map(|name| self.undelivered(*id, message, name, &is_held))
        })
    }

    fn undelivered(
        &self,
        id: MessageId,
        message: &Message,
        name: &Name,
        is_held: &impl Fn(NodeId) -> bool,
    ) -> Option<Broken> {
        let who = *self.holders.get(name)?;
        if message.full.contains(name) || who == message.from {
            return None;
        }
        let sender = self.name(message.from);
        if !message.committed.contains(&who) {
            return Some((
                "I2",
                format!(
                    "{id} of {sender} has not arrived at {name}: {}",
                    cut(&message.text)
                ),
            ));
        }
        if !message.shown.contains_key(&who) && !is_held(who) {
            return Some((
                "I2",
                format!(
                    "{id} of {sender} was never shown to {name}: {}",
                    cut(&message.text)
                ),
            ));
        }
        None
    }

    /// What a restored backup may have lost: a group message that its sender no longer keeps.
    fn is_excused(&self, message: &Message) -> bool {
        self.rolled_back && matches!(message.to, client::Recipient::Audience(_))
    }

    /// Messages that were sent, and those that reached somebody's disk.
    pub(super) fn volume(&self) -> (u64, u64) {
        let count = |n: usize| u64::try_from(n).expect("a length is a u64");
        let arrived = self
            .messages
            .values()
            .filter(|m| !m.committed.is_empty())
            .count();
        (count(self.messages.len()), count(arrived))
    }
}

fn apply(rows: &mut BTreeMap<Name, Version>, reset: bool, new: &[crate::wire::Row]) {
    if reset {
        rows.clear();
    }
    for row in new {
        rows.insert(row.name.clone(), row.version);
    }
}

/// Session number and counter of DATA.
fn numbers(bytes: &[u8]) -> Option<(u32, u64)> {
    let (kind, rest) = bytes.split_first()?;
    let sid = rest.get(3..7)?.try_into().ok()?;
    let counter = rest.get(7..15)?.try_into().ok()?;
    (*kind == DATA).then_some((u32::from_le_bytes(sid), u64::from_le_bytes(counter)))
}

/// True for addresses that belong to nobody: the source of every forgery.
fn is_stranger(address: SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V4(ip) if ip.octets()[..3] == [203, 0, 113])
}

fn cut(text: &str) -> String {
    text.chars().take(20).collect()
}
