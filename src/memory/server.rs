//! The server's store in memory: the model that every durable engine is judged by.

use crate::model::limits::{
    DAY_MS, GROUPS_MAX, GROUPS_PER_NAME_MAX, MAILBOX_BYTES_MAX, MAILBOX_MAILS_MAX, NAMES_MAX,
    NOTICES_MAX, PAIR_BYTES_MAX, PAIR_MAILS_MAX, STORE_BYTES_MAX, STORE_FULL_PERCENT,
    STORE_QUEUE_MAX, TOMBSTONE_DAYS,
};
use crate::model::{Full, GroupName, MessageId, Name, Store, StoreTicket, Version};
use crate::planted;
use crate::server::port::{
    Done, GroupOp, GroupRow, Health, Mail, NameRow, Presence, Refusal, StoreEvent, StoreReply,
    StoreRequest, Taken,
};
use crate::wire::packet::MailKind;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// Names, groups and mail.
///
/// What was submitted is queued; `flush` applies it all and answers; what was not flushed is
/// forgotten by `reopen`. A clone is an old copy of the disk.
#[derive(Clone)]
pub struct ServerMemory {
    disk: Disk,
    queue: VecDeque<(StoreTicket, StoreRequest)>,
    told: VecDeque<StoreEvent>,
    following: bool,
    attached: BTreeMap<Name, Attachment>,
    full: bool,
}

/// What survives.
#[derive(Clone, Default)]
struct Disk {
    id: u64,
    version: Version,
    /// Place in all mailboxes, and of groups in the order of creation.
    order: u64,
    names: BTreeMap<Name, (Version, Option<NameRow>)>,
    groups: BTreeMap<GroupName, (Version, GroupRow)>,
    boxes: BTreeMap<Name, Mailbox>,
    /// What a recipient has taken: (recipient, sender, id).
    gone: BTreeMap<(Name, Name, MessageId), Trace>,
    /// Messages to many that were accepted: (sender, id).
    sent: BTreeMap<(Name, MessageId), Sent>,
    /// One body of a message to many: how many mailboxes hold it. (Ids of direct messages are not
    /// trusted to have one body; each is counted.)
    bodies: BTreeMap<(Name, MessageId), usize>,
    bytes: usize,
}

#[derive(Clone)]
struct Trace {
    at_ms: i64,
    until_ms: i64,
}

#[derive(Clone)]
struct Sent {
    at_ms: i64,
    until_ms: i64,
    full: Vec<Name>,
}

/// The mail of one name, in order.
#[derive(Clone, Default)]
struct Mailbox {
    mails: BTreeMap<u64, Arc<Mail>>,
    places: BTreeMap<(Name, MessageId), u64>,
    /// Messages and their bytes by sender: what quotas count.
    pairs: BTreeMap<Name, (usize, usize)>,
    messages: usize,
    bytes: usize,
    /// Places of receipts and notices.
    notices: BTreeSet<u64>,
}

/// A mailbox that is being fed.
#[derive(Clone)]
struct Attachment {
    owner: Version,
    window: usize,
    /// Everything up to this place was fed.
    upto: u64,
    /// Fed and still in the mailbox.
    out: usize,
}

impl ServerMemory {
    /// Empty, with the store's own random number.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self {
            disk: Disk {
                id,
                ..Disk::default()
            },
            queue: VecDeque::new(),
            told: VecDeque::new(),
            following: false,
            attached: BTreeMap::new(),
            full: false,
        }
    }

    /// The store's own random number.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.disk.id
    }

    /// A new process life: the queue, followers and attachments are gone; what was flushed stays.
    pub fn reopen(&mut self) {
        self.reopen_keeping(0);
    }

    /// As `reopen`, but the first `keep` queued requests are applied before, and nobody is told:
    /// what a power cut may have saved.
    pub fn reopen_keeping(&mut self, keep: usize) {
        self.following = false;
        self.attached.clear();
        let keep = keep.min(self.queue.len());
        for (_, request) in self.queue.drain(..keep).collect::<Vec<_>>() {
            self.apply(request);
        }
        self.queue.clear();
        self.told.clear();
        self.attached.clear();
        self.following = false;
        if self.full {
            let degraded = StoreEvent::Health(Health::Degraded);
            self.told.push_back(degraded);
        }
    }

    /// Requests submitted and not flushed.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// While on, what needs room is refused; settling still works.
    pub fn set_full(&mut self, full: bool) {
        if self.full != full {
            self.full = full;
            let health = if full { Health::Degraded } else { Health::Up };
            self.told.push_back(StoreEvent::Health(health));
        }
    }

    /// All mails that wait: recipient, sender, id, kind. For checkers.
    #[must_use]
    pub fn waiting(&self) -> Vec<(Name, Name, MessageId, MailKind)> {
        let of = |(name, mailbox): (&Name, &Mailbox)| {
            let mail = |mail: &Arc<Mail>| (name.clone(), mail.from.clone(), mail.id, mail.kind);
            mailbox.mails.values().map(mail).collect::<Vec<_>>()
        };
        self.disk.boxes.iter().flat_map(of).collect()
    }

    fn has_room(&self) -> bool {
        !self.full && self.disk.bytes < STORE_BYTES_MAX / 100 * STORE_FULL_PERCENT
    }

    fn apply(&mut self, request: StoreRequest) -> StoreReply {
        match self.act(request) {
            Ok(done) => StoreReply::Done(done),
            Err(refusal) => StoreReply::Refused(refusal),
        }
    }

    fn act(&mut self, request: StoreRequest) -> Result<Done, Refusal> {
        match request {
            StoreRequest::Attach {
                name,
                owner,
                window,
            } => self.attach(name, owner, window),
            StoreRequest::Claim {
                name,
                identity,
                session_key,
                card,
                presence,
            } => {
                let owner = Version(0);
                self.claim(NameRow {
                    name,
                    identity,
                    session_key,
                    card,
                    presence,
                    owner,
                })
            }
            StoreRequest::Detach { name, owner } => {
                if self.attached.get(&name).is_some_and(|a| a.owner == owner) {
                    self.attached.remove(&name);
                }
                Ok(Done::Unchanged)
            }
            StoreRequest::Enqueue { mail, to } => self.enqueue(&mail, &to),
            StoreRequest::Expire { now_ms, rows_max } => Ok(self.expire(now_ms, rows_max)),
            StoreRequest::Follow { after } => {
                self.follow(after.unwrap_or_default());
                Ok(Done::Unchanged)
            }
            StoreRequest::Group { id, by, group, op } => self.group(id, &by, group, op),
            StoreRequest::Presence {
                name,
                owner,
                presence,
            } => self.presence(&name, owner, presence),
            StoreRequest::Release { name } => self.release(&name),
            StoreRequest::Settle {
                name,
                owner,
                mails,
                at_ms,
            } => self.settle(&name, owner, &mails, at_ms),
        }
    }

    fn next_version(&mut self) -> Version {
        self.disk.version.0 += 1;
        self.disk.version
    }

    fn owned(&self, name: &Name, owner: Version) -> Result<&NameRow, Refusal> {
        let row = self.row(name).ok_or(Refusal::NoSuchName)?;
        if row.owner == owner {
            Ok(row)
        } else {
            Err(Refusal::Stale)
        }
    }

    fn row(&self, name: &Name) -> Option<&NameRow> {
        self.disk.names.get(name)?.1.as_ref()
    }
}

impl Store for ServerMemory {
    type Request = StoreRequest;
    type Event = StoreEvent;

    fn submit(
        &mut self,
        ticket: StoreTicket,
        request: StoreRequest,
    ) -> Result<(), Full<StoreRequest>> {
        if self.queue.len() >= STORE_QUEUE_MAX {
            return Err(Full(ticket, request));
        }
        self.queue.push_back((ticket, request));
        Ok(())
    }

    fn flush(&mut self) {
        while let Some((ticket, request)) = self.queue.pop_front() {
            let attached = match &request {
                StoreRequest::Attach { name, .. } => Some(name.clone()),
                _ => None,
            };
            let reply = self.apply(request);
            self.told.push_back(StoreEvent::Reply(ticket, reply));
            if let Some(name) = attached {
                self.feed(&name);
            }
        }
    }

    fn poll(&mut self) -> Option<StoreEvent> {
        self.told.pop_front()
    }
}

/// Names.
impl ServerMemory {
    fn claim(&mut self, mut row: NameRow) -> Result<Done, Refusal> {
        let known = self.row(&row.name).cloned();
        match &known {
            Some(known)
                if known.identity != row.identity
                    && !(planted!("name-freed-offline")
                        && matches!(known.presence, Presence::Offline(_))) =>
            {
                return Err(Refusal::Taken);
            }
            Some(known) => row.name = known.name.clone(),
            None if !self.has_room() => return Err(Refusal::StoreFull),
            None if self.disk.names.len() >= NAMES_MAX => return Err(Refusal::TooMany),
            None => {}
        }
        self.attached.remove(&row.name);
        row.owner = self.next_version();
        let owner = row.owner;
        let alike = |known: &NameRow| {
            known.session_key == row.session_key && known.presence == row.presence
        };
        if known.as_ref().is_some_and(alike) {
            let (_, kept) = self.disk.names.get_mut(&row.name).expect("it is known");
            *kept = Some(row);
        } else {
            self.put_name(owner, row);
        }
        Ok(Done::Claimed {
            owner,
            first: known.is_none(),
        })
    }

    fn presence(
        &mut self,
        name: &Name,
        owner: Version,
        presence: Presence,
    ) -> Result<Done, Refusal> {
        let mut row = self.owned(name, owner)?.clone();
        if row.presence == presence {
            return Ok(Done::Unchanged);
        }
        row.presence = presence;
        let at = self.next_version();
        self.put_name(at, row);
        Ok(Done::Changed { at })
    }

    fn put_name(&mut self, at: Version, row: NameRow) {
        self.tell_name(at, row.name.clone(), Some(row.clone()));
        self.disk.names.insert(row.name.clone(), (at, Some(row)));
    }

    fn tell_name(&mut self, at: Version, name: Name, row: Option<NameRow>) {
        if self.following {
            self.told.push_back(StoreEvent::Name { at, name, row });
        }
    }

    fn release(&mut self, name: &Name) -> Result<Done, Refusal> {
        let name = self.row(name).ok_or(Refusal::NoSuchName)?.name.clone();
        self.leave_all(&name);
        self.attached.remove(&name);
        let places = |mailbox: &Mailbox| mailbox.mails.keys().copied().collect::<Vec<_>>();
        for place in self.disk.boxes.get(&name).map(places).unwrap_or_default() {
            self.take_out(&name, place);
        }
        self.disk.boxes.remove(&name);
        let at = self.next_version();
        self.disk.names.insert(name.clone(), (at, None));
        self.tell_name(at, name, None);
        Ok(Done::Changed { at })
    }

    fn follow(&mut self, after: Version) {
        self.following = true;
        let mut told = BTreeMap::new();
        for (name, (at, row)) in &self.disk.names {
            let (at, name, row) = (*at, name.clone(), row.clone());
            told.insert(at, StoreEvent::Name { at, name, row });
        }
        for (group, (at, row)) in &self.disk.groups {
            let (at, group, row) = (*at, group.clone(), Some(row.clone()));
            told.insert(at, StoreEvent::Group { at, group, row });
        }
        let later = told.split_off(&Version(after.0.saturating_add(1)));
        self.told.extend(later.into_values());
        let at = self.disk.version;
        self.told.push_back(StoreEvent::Current { at });
    }
}

/// Groups.
impl ServerMemory {
    fn group(
        &mut self,
        id: MessageId,
        by: &Name,
        group: Option<GroupName>,
        op: GroupOp,
    ) -> Result<Done, Refusal> {
        let by = self.row(by).ok_or(Refusal::NoSuchName)?.name.clone();
        let Some(group) = group else {
            return match op {
                GroupOp::Leave => Ok(self.leave_all(&by)),
                GroupOp::Create | GroupOp::Join => Err(Refusal::NoSuchGroup),
            };
        };
        match op {
            GroupOp::Create => self.create(id, by, group),
            GroupOp::Join => self.join(by, &group),
            GroupOp::Leave => self.leave(&by, &group),
        }
    }

    fn create(&mut self, made: MessageId, maker: Name, group: GroupName) -> Result<Done, Refusal> {
        if let Some((_, row)) = self.disk.groups.get(&group) {
            let same = row.made == made && row.maker == maker;
            return if same {
                Ok(Done::Unchanged)
            } else {
                Err(Refusal::GroupExists)
            };
        }
        if !self.has_room() {
            return Err(Refusal::StoreFull);
        }
        if self.disk.groups.len() >= GROUPS_MAX {
            return Err(Refusal::TooMany);
        }
        self.disk.order += 1;
        Ok(self.put_group(GroupRow {
            group,
            made,
            maker,
            order: self.disk.order,
            members: Vec::new(),
        }))
    }

    fn join(&mut self, by: Name, group: &GroupName) -> Result<Done, Refusal> {
        let (_, row) = self.disk.groups.get(group).ok_or(Refusal::NoSuchGroup)?;
        if row.members.contains(&by) {
            return Ok(Done::Unchanged);
        }
        if !self.has_room() {
            return Err(Refusal::StoreFull);
        }
        let mut row = row.clone();
        if self.groups_of(&by).len() >= GROUPS_PER_NAME_MAX {
            return Err(Refusal::TooMany);
        }
        row.members.push(by);
        Ok(self.put_group(row))
    }

    fn leave(&mut self, by: &Name, group: &GroupName) -> Result<Done, Refusal> {
        let (_, row) = self.disk.groups.get(group).ok_or(Refusal::NoSuchGroup)?;
        if !row.members.contains(by) {
            return Ok(Done::Unchanged);
        }
        let mut row = row.clone();
        row.members.retain(|member| member != by);
        Ok(self.put_group(row))
    }

    fn leave_all(&mut self, by: &Name) -> Done {
        let mut done = Done::Unchanged;
        for group in self.groups_of(by) {
            done = self.leave(by, &group).expect("one is a member of it");
        }
        done
    }

    fn groups_of(&self, name: &Name) -> Vec<GroupName> {
        let of = |(_, row): &&(Version, GroupRow)| row.members.contains(name);
        let rows = self.disk.groups.values().filter(of);
        rows.map(|(_, row)| row.group.clone()).collect()
    }

    fn put_group(&mut self, row: GroupRow) -> Done {
        let at = self.next_version();
        let group = row.group.clone();
        self.disk.groups.insert(group.clone(), (at, row.clone()));
        if self.following {
            let row = Some(row);
            self.told.push_back(StoreEvent::Group { at, group, row });
        }
        Done::Changed { at }
    }
}

/// Mail.
impl ServerMemory {
    fn enqueue(&mut self, mail: &Arc<Mail>, to: &[Name]) -> Result<Done, Refusal> {
        match to {
            [to] if mail.kind == MailKind::Direct => self.enqueue_one(mail, to),
            _ => self.enqueue_many(mail, to),
        }
    }

    fn enqueue_one(&mut self, mail: &Arc<Mail>, to: &Name) -> Result<Done, Refusal> {
        let to = self.row(to).ok_or(Refusal::NoSuchName)?.name.clone();
        if let Some(trace) = self
            .disk
            .gone
            .get(&(to.clone(), mail.from.clone(), mail.id))
        {
            return Ok(kept(trace.at_ms, true, Vec::new()));
        }
        if let Some(first) = self.disk.boxes.get(&to).and_then(|of| of.find(mail)) {
            return Ok(kept(first.at_ms, false, Vec::new()));
        }
        if !self.has_room() {
            return Err(Refusal::StoreFull);
        }
        if let Some(mailbox) = self.disk.boxes.get(&to) {
            mailbox.has_room(mail)?;
        }
        self.put_mail(&to, mail);
        Ok(kept(mail.at_ms, false, Vec::new()))
    }

    fn enqueue_many(&mut self, mail: &Arc<Mail>, to: &[Name]) -> Result<Done, Refusal> {
        let key = (mail.from.clone(), mail.id);
        if let Some(sent) = self.disk.sent.get(&key) {
            return Ok(kept(sent.at_ms, false, sent.full.clone()));
        }
        if !self.has_room() {
            return Err(Refusal::StoreFull);
        }
        let mut full = Vec::new();
        for name in to {
            let Some(row) = self.row(name) else { continue };
            let name = row.name.clone();
            let mailbox = self.disk.boxes.entry(name.clone()).or_default();
            if mailbox.has_room(mail).is_err() {
                full.push(name);
            } else if mailbox.find(mail).is_none() {
                self.put_mail(&name, mail);
            }
        }
        let sent = Sent {
            at_ms: mail.at_ms,
            until_ms: mail.at_ms.saturating_add(TOMBSTONE_DAYS * DAY_MS),
            full: full.clone(),
        };
        self.disk.sent.insert(key, sent);
        Ok(kept(mail.at_ms, false, full))
    }

    fn put_mail(&mut self, to: &Name, mail: &Arc<Mail>) {
        self.disk.order += 1;
        let place = self.disk.order;
        self.disk.hold(mail);
        let mailbox = self.disk.boxes.entry(to.clone()).or_default();
        mailbox.put(place, Arc::clone(mail));
        let oldest = mailbox.notices.first().copied();
        if mailbox.notices.len() > NOTICES_MAX {
            self.take_out(to, oldest.expect("there are more than the limit"));
        }
        self.feed(to);
    }

    /// Removes a mail from a mailbox; the window of its attachment moves on.
    fn take_out(&mut self, name: &Name, place: u64) -> Option<Arc<Mail>> {
        let mail = self.disk.boxes.get_mut(name)?.take(place)?;
        self.disk.let_go(&mail);
        if let Some(attachment) = self.attached.get_mut(name)
            && place <= attachment.upto
        {
            attachment.out -= 1;
        }
        Some(mail)
    }

    fn attach(&mut self, name: Name, owner: Version, window: u16) -> Result<Done, Refusal> {
        self.owned(&name, owner)?;
        let waiting = self.disk.boxes.get(&name).map_or(0, |of| of.mails.len());
        let attachment = Attachment {
            owner,
            window: usize::from(window),
            upto: 0,
            out: 0,
        };
        self.attached.insert(name, attachment);
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        Ok(Done::Attached { waiting })
    }

    fn feed(&mut self, name: &Name) {
        let (Some(attachment), Some(mailbox)) =
            (self.attached.get_mut(name), self.disk.boxes.get(name))
        else {
            return;
        };
        let after = (Bound::Excluded(attachment.upto), Bound::Unbounded);
        let room = attachment.window.saturating_sub(attachment.out);
        for (place, mail) in mailbox.mails.range(after).take(room) {
            attachment.upto = *place;
            attachment.out += 1;
            self.told.push_back(StoreEvent::Mail {
                name: name.clone(),
                owner: attachment.owner,
                mail: Arc::clone(mail),
            });
        }
    }

    fn settle(
        &mut self,
        name: &Name,
        owner: Version,
        mails: &[Taken],
        at_ms: i64,
    ) -> Result<Done, Refusal> {
        let name = self.owned(name, owner)?.name.clone();
        for Taken { from, id, receipt } in mails {
            let key = (from.clone(), *id);
            let place = |of: &Mailbox| of.places.get(&key).copied();
            let Some(place) = self.disk.boxes.get(&name).and_then(place) else {
                continue;
            };
            let mail = self.take_out(&name, place).expect("it was found");
            let trace = Trace {
                at_ms: mail.at_ms,
                until_ms: at_ms.saturating_add(TOMBSTONE_DAYS * DAY_MS),
            };
            let key = (name.clone(), from.clone(), *id);
            self.disk.gone.insert(key, trace);
            if *receipt && mail.is_message() && self.row(from).is_some() {
                self.put_mail(from, &Arc::new(Mail::receipt(&mail, &name, at_ms)));
            }
        }
        self.feed(&name);
        Ok(Done::Settled)
    }

    fn expire(&mut self, now_ms: i64, rows_max: u16) -> Done {
        let rows_max = usize::from(rows_max);
        let due = |(name, mailbox): (&Name, &Mailbox)| {
            let old = mailbox.mails.iter().filter(|(_, m)| m.expires_ms <= now_ms);
            old.map(|(place, _)| (name.clone(), *place))
                .collect::<Vec<_>>()
        };
        let mut due: Vec<_> = self.disk.boxes.iter().flat_map(due).collect();
        let more = due.len() > rows_max;
        due.truncate(rows_max);
        for (name, place) in due {
            let mail = self.take_out(&name, place).expect("it was found");
            if mail.is_message() && self.row(&mail.from).is_some() {
                let notice = Arc::new(Mail::expired(&mail, &name, now_ms));
                self.put_mail(&mail.from, &notice);
            }
            self.feed(&name);
        }
        self.disk.gone.retain(|_, trace| trace.until_ms > now_ms);
        self.disk.sent.retain(|_, sent| sent.until_ms > now_ms);
        Done::Expired { more }
    }
}

impl Disk {
    fn hold(&mut self, mail: &Mail) {
        if mail.kind == MailKind::Group {
            let holders = self.bodies.entry((mail.from.clone(), mail.id)).or_default();
            *holders += 1;
            if *holders > 1 {
                return;
            }
        }
        self.bytes += mail.tail.len();
    }

    fn let_go(&mut self, mail: &Mail) {
        let body = (mail.from.clone(), mail.id);
        if mail.kind == MailKind::Group {
            let holders = self.bodies.get_mut(&body).expect("it is held");
            *holders -= 1;
            if *holders > 0 {
                return;
            }
            self.bodies.remove(&body);
        }
        self.bytes -= mail.tail.len();
    }
}

impl Mailbox {
    fn find(&self, mail: &Mail) -> Option<&Arc<Mail>> {
        let place = self.places.get(&(mail.from.clone(), mail.id))?;
        self.mails.get(place)
    }

    fn has_room(&self, mail: &Mail) -> Result<(), Refusal> {
        let (count, bytes) = self.pairs.get(&mail.from).copied().unwrap_or_default();
        let more = mail.tail.len();
        if count >= PAIR_MAILS_MAX || bytes + more > PAIR_BYTES_MAX {
            return Err(Refusal::PairFull);
        }
        if self.messages >= MAILBOX_MAILS_MAX || self.bytes + more > MAILBOX_BYTES_MAX {
            return Err(Refusal::MailboxFull);
        }
        Ok(())
    }

    fn put(&mut self, place: u64, mail: Arc<Mail>) {
        self.places.insert((mail.from.clone(), mail.id), place);
        if mail.is_message() {
            let (count, bytes) = self.pairs.entry(mail.from.clone()).or_default();
            *count += 1;
            *bytes += mail.tail.len();
            self.messages += 1;
            self.bytes += mail.tail.len();
        } else {
            self.notices.insert(place);
        }
        self.mails.insert(place, mail);
    }

    fn take(&mut self, place: u64) -> Option<Arc<Mail>> {
        let mail = self.mails.remove(&place)?;
        self.places.remove(&(mail.from.clone(), mail.id));
        self.notices.remove(&place);
        if mail.is_message() {
            self.messages -= 1;
            self.bytes -= mail.tail.len();
            let pair = self.pairs.get_mut(&mail.from)?;
            *pair = (pair.0 - 1, pair.1 - mail.tail.len());
            if pair.0 == 0 {
                self.pairs.remove(&mail.from);
            }
        }
        Some(mail)
    }
}

const fn kept(at_ms: i64, settled: bool, full: Vec<Name>) -> Done {
    Done::Kept {
        at_ms,
        settled,
        full,
    }
}
