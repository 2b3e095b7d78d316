//! The server's port in SQL: names with their keys, groups, and the reading that feeds its core.
//!
//! Names stand in key columns in lower case, as they were first spelled beside it. Everything that
//! a transaction changes outside the file (attachments, followers, what is told) waits until the
//! commit is on disk.

use super::disk::{self, Kind};
use super::error::{Failure, OpenError};
use super::pending::Pending;
use super::worker::{Engine, Handle};
use super::{Wake, columns};
use crate::model::limits::{
    GROUPS_MAX, GROUPS_PER_NAME_MAX, NAMES_MAX, SERVER_RESERVE_BYTES, STORE_BYTES_MAX,
};
use crate::model::{Full, GroupName, MessageId, Name, Store, StoreTicket, Version};
use crate::server::port::{
    Done, GroupOp, GroupRow, Health, Mail, NameRow, Presence, Refusal, StoreEvent, StoreReply,
    StoreRequest, Why,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Names, groups and mail in a file.
pub struct ServerStore {
    handle: Handle<Rows>,
    id: u64,
}

/// The first format. `version` numbers the changes that followers are told, `n` is a place in an
/// order: of creation, of joining. A body is kept once for a whole group, and its number is the
/// place of its mails; `pending` names those who are here and get no mail of their own.
const FORMAT_1: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE names(
    name TEXT PRIMARY KEY, spelled TEXT NOT NULL, identity BLOB, session_key BLOB, card BLOB,
    state INT, address TEXT, owner INT, version INT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX names_changed ON names(version);
CREATE TABLE groups(
    n INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, spelled TEXT NOT NULL,
    made BLOB NOT NULL, maker TEXT NOT NULL, version INT NOT NULL) STRICT;
CREATE INDEX groups_changed ON groups(version);
CREATE TABLE members(
    n INTEGER PRIMARY KEY AUTOINCREMENT, grp TEXT NOT NULL, name TEXT NOT NULL,
    spelled TEXT NOT NULL, UNIQUE(grp, name)) STRICT;
CREATE INDEX members_of ON members(name);
CREATE TABLE body(
    body INTEGER PRIMARY KEY AUTOINCREMENT, refs INT NOT NULL, sender TEXT NOT NULL,
    id BLOB NOT NULL, kind INT NOT NULL, at INT NOT NULL, expires INT NOT NULL,
    head BLOB NOT NULL, tail BLOB NOT NULL, pending TEXT NOT NULL) STRICT;
CREATE TABLE mail(
    n INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, sender TEXT NOT NULL,
    id BLOB NOT NULL, message INT NOT NULL, body INT NOT NULL, expires INT NOT NULL,
    UNIQUE(name, sender, id)) STRICT;
CREATE INDEX mail_box ON mail(name, body);
CREATE INDEX mail_expires ON mail(expires);
CREATE TABLE share(
    name TEXT, sender TEXT, mails INT NOT NULL, bytes INT NOT NULL,
    PRIMARY KEY(name, sender)) STRICT, WITHOUT ROWID;
CREATE TABLE gone(
    name TEXT, sender TEXT, id BLOB, at INT NOT NULL, until INT NOT NULL,
    PRIMARY KEY(name, sender, id)) STRICT, WITHOUT ROWID;
CREATE INDEX gone_until ON gone(until);
CREATE TABLE sent(
    sender TEXT, id BLOB, at INT NOT NULL, until INT NOT NULL, full_boxes TEXT NOT NULL,
    PRIMARY KEY(sender, id)) STRICT, WITHOUT ROWID;
CREATE INDEX sent_until ON sent(until);
";

/// The server's file.
pub(super) const KIND: Kind = Kind {
    application: u32::from_be_bytes(*b"aksv"),
    formats: &[FORMAT_1],
    bytes_max: STORE_BYTES_MAX as u64,
    reserve_bytes: SERVER_RESERVE_BYTES,
};
/// The same, without room for anything new: what a full disk is to the cases of the port.
const FULL: Kind = Kind {
    bytes_max: 1,
    ..KIND
};

impl ServerStore {
    /// Opens the file, or makes one; `id` is then its own random number.
    ///
    /// # Errors
    /// It is damaged, foreign, newer, or cannot be had.
    pub fn open(path: &Path, id: u64, wake: Wake) -> Result<Self, OpenError> {
        Self::open_as(path, &KIND, id, wake)
    }

    /// Opens the file as if it held as much as it may.
    ///
    /// # Errors
    /// As for `open`.
    pub fn open_full(path: &Path, id: u64, wake: Wake) -> Result<Self, OpenError> {
        Self::open_as(path, &FULL, id, wake)
    }

    fn open_as(path: &Path, kind: &'static Kind, id: u64, wake: Wake) -> Result<Self, OpenError> {
        let put = "INSERT OR IGNORE INTO meta(key, value) VALUES ('id', ?1), ('version', 0)";
        let db = disk::open(path, kind, |db| {
            db.execute(put, [id.cast_signed()]).map(|_| ())
        })?;
        let id: i64 = db.query_row("SELECT value FROM meta WHERE key = 'id'", [], first)?;
        let mut rows = Rows::default();
        rows.recall(&db)?;
        Ok(Self {
            handle: Handle::start(path, kind, db, rows, wake)?,
            id: id.cast_unsigned(),
        })
    }

    /// The store's own random number.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }
}

impl Store for ServerStore {
    type Request = StoreRequest;
    type Event = StoreEvent;

    fn submit(
        &mut self,
        ticket: StoreTicket,
        request: StoreRequest,
    ) -> Result<(), Full<StoreRequest>> {
        self.handle.submit(ticket, request)
    }

    fn flush(&mut self) {
        self.handle.flush();
    }

    fn poll(&mut self) -> Option<StoreEvent> {
        self.handle.poll()
    }
}

/// What stands beside the file in memory: nothing that a restart may not forget.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) version: Version,
    pub(super) has_room: bool,
    following: bool,
    followed_before: bool,
    attached: BTreeMap<Name, Attachment>,
    /// How many there are, released ones included; none: to be counted.
    names: Option<usize>,
    /// What is told if the transaction is committed.
    told: Vec<StoreEvent>,
    /// What happens to attachments then.
    pub(super) changes: Vec<Change>,
    /// Mailboxes that are to be fed then.
    pub(super) to_feed: BTreeSet<Name>,
    /// Bodies that this transaction has written.
    pub(super) bodies: BTreeMap<i64, Arc<Mail>>,
    /// What is kept for many who are here.
    pub(super) pending: Pending,
    /// Whose attachment this transaction ends or begins.
    moved: BTreeSet<Name>,
    /// Who gets a mail in this transaction.
    pub(super) got: BTreeSet<Name>,
}

/// A mailbox that is being fed.
struct Attachment {
    owner: Version,
    window: usize,
    /// Everything up to this place was fed.
    upto: i64,
    /// Fed and still in the mailbox.
    out: usize,
    /// Mails with a row of their own, fed or not.
    rows: usize,
}

/// What a transaction means for an attachment.
pub(super) enum Change {
    /// With so large a window, and so many mails that wait.
    Attach(Name, Version, u16, usize),
    /// Only if it was attached under this claim.
    Detach(Name, Option<Version>),
    /// What was pending at this place is with its recipient.
    Handed(Name, i64),
    /// One more mail.
    Put(Name),
    /// The mail of this place is gone.
    Removed(Name, i64),
}

/// Why a request is not done.
pub(super) enum Stop {
    Failed(rusqlite::Error),
    Refused(Refusal),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Engine for Rows {
    type Request = StoreRequest;
    type Event = StoreEvent;

    /// Who has taken what is pending needs no disk: a crash only hands it over once more.
    fn at_once(
        &mut self,
        db: &Connection,
        ticket: StoreTicket,
        request: &StoreRequest,
    ) -> Option<Vec<StoreEvent>> {
        let StoreRequest::Settle {
            name, owner, mails, ..
        } = request
        else {
            return None;
        };
        if !self.is_attached(name, *owner) || !self.take_at_once(name, mails) {
            return None;
        }
        let settled = StoreReply::Done(Done::Settled);
        self.told.push(StoreEvent::Reply(ticket, settled));
        // What cannot be read now is fed after the next change, or the next login.
        self.feed(db, name).ok();
        Some(std::mem::take(&mut self.told))
    }

    fn owes(&self) -> bool {
        self.pending.owes()
    }

    fn begin(&mut self, db: &Connection, has_room: bool) -> rusqlite::Result<()> {
        let version = "SELECT value FROM meta WHERE key = 'version'";
        self.version = db.prepare_cached(version)?.query_row([], first)?;
        self.has_room = has_room;
        self.followed_before = self.following;
        Ok(())
    }

    fn apply(
        &mut self,
        db: &Connection,
        ticket: StoreTicket,
        request: &StoreRequest,
    ) -> rusqlite::Result<()> {
        let reply = match self.act(db, request) {
            Ok(done) => StoreReply::Done(done),
            Err(Stop::Refused(refusal)) => StoreReply::Refused(refusal),
            Err(Stop::Failed(error)) => return Err(error),
        };
        self.told.push(StoreEvent::Reply(ticket, reply));
        Ok(())
    }

    fn finish(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let put = "UPDATE meta SET value = ?1 WHERE key = 'version' AND value <> ?1";
        db.prepare_cached(put)?.execute([self.version])?;
        self.drop_finished(db)
    }

    fn committed(&mut self, db: &Connection) -> Vec<StoreEvent> {
        for change in std::mem::take(&mut self.changes) {
            self.change(change);
        }
        for name in std::mem::take(&mut self.to_feed) {
            // What cannot be read now is fed after the next change, or the next login.
            self.feed(db, &name).ok();
        }
        self.bodies.clear();
        self.moved.clear();
        self.got.clear();
        self.pending.committed();
        std::mem::take(&mut self.told)
    }

    fn rolled_back(&mut self) {
        self.following = self.followed_before;
        self.names = None;
        self.told.clear();
        self.changes.clear();
        self.to_feed.clear();
        self.bodies.clear();
        self.moved.clear();
        self.got.clear();
        self.pending.rolled_back();
    }

    fn failed(
        &self,
        db: Option<&Connection>,
        ticket: StoreTicket,
        request: &StoreRequest,
        failure: Failure,
    ) -> StoreEvent {
        let refusal = match failure {
            Failure::Full => Some(Refusal::StoreFull),
            Failure::Unwritable => Some(Refusal::Unwritable),
            Failure::Unknown => None,
        };
        // Only what somebody waits for, and can ask again, is refused; the core repeats the rest.
        let may_refuse = match request {
            StoreRequest::Claim { name, .. } => {
                db.is_some_and(|db| matches!(row(db, name), Ok(None)))
            }
            StoreRequest::Enqueue { .. } => true,
            StoreRequest::Group { op, .. } => *op != GroupOp::Leave,
            _ => false,
        };
        let reply = refusal.filter(|_| may_refuse);
        let reply = reply.map_or(StoreReply::Unknown, StoreReply::Refused);
        StoreEvent::Reply(ticket, reply)
    }

    fn health(writes: bool) -> Option<StoreEvent> {
        let health = if writes { Health::Up } else { Health::Degraded };
        Some(StoreEvent::Health(health))
    }

    fn is_reply(event: &StoreEvent) -> bool {
        matches!(event, StoreEvent::Reply(..))
    }
}

impl Rows {
    fn act(&mut self, db: &Connection, request: &StoreRequest) -> Result<Done, Stop> {
        match request {
            StoreRequest::Attach {
                name,
                owner,
                window,
            } => self.attach(db, name, *owner, *window),
            StoreRequest::Claim {
                name,
                identity,
                session_key,
                card,
                presence,
            } => self.claim(
                db,
                NameRow {
                    name: name.clone(),
                    identity: *identity,
                    session_key: *session_key,
                    card: Arc::clone(card),
                    presence: *presence,
                    owner: Version(0),
                },
            ),
            StoreRequest::Detach { name, owner } => {
                self.unpend(db, name)?;
                self.change_later(Change::Detach(name.clone(), Some(*owner)));
                Ok(Done::Unchanged)
            }
            StoreRequest::Enqueue { mail, to } => self.enqueue(db, mail, to),
            StoreRequest::Expire { now_ms, rows_max } => self.expire(db, *now_ms, *rows_max),
            StoreRequest::Follow { after } => self.follow(db, after.unwrap_or_default()),
            StoreRequest::Group { id, by, group, op } => {
                self.group(db, *id, by, group.as_ref(), *op)
            }
            StoreRequest::Presence {
                name,
                owner,
                presence,
            } => self.presence(db, name, *owner, *presence),
            StoreRequest::Release { name } => self.release(db, name),
            StoreRequest::Settle {
                name,
                owner,
                mails,
                at_ms,
            } => self.settle(db, name, *owner, mails, *at_ms),
        }
    }

    fn next_version(&mut self) -> Version {
        self.version.0 += 1;
        self.version
    }

    pub(super) fn demand_room(&self) -> Result<(), Refusal> {
        if self.has_room {
            Ok(())
        } else {
            Err(Refusal::StoreFull)
        }
    }
}

/// Feeding.
impl Rows {
    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::Attach(name, owner, window, rows) => {
                let window = usize::from(window);
                let (upto, out) = (0, 0);
                let attachment = Attachment {
                    owner,
                    window,
                    upto,
                    out,
                    rows,
                };
                self.attached.insert(name, attachment);
            }
            Change::Detach(name, owner) => {
                let known = self.attached.get(&name);
                if known.is_some_and(|known| owner.is_none_or(|owner| known.owner == owner)) {
                    self.attached.remove(&name);
                }
            }
            Change::Handed(name, place) => self.one_less(&name, place),
            Change::Put(name) => {
                if let Some(attachment) = self.attached.get_mut(&name) {
                    attachment.rows += 1;
                }
            }
            Change::Removed(name, place) => {
                self.one_less(&name, place);
                if let Some(attachment) = self.attached.get_mut(&name) {
                    attachment.rows = attachment.rows.saturating_sub(1);
                }
            }
        }
    }

    fn one_less(&mut self, name: &Name, place: i64) {
        let known = self.attached.get_mut(name);
        if let Some(attachment) = known.filter(|known| place <= known.upto) {
            attachment.out = attachment.out.saturating_sub(1);
        }
    }

    /// Changes an attachment with the commit; until then nobody relies on it.
    pub(super) fn change_later(&mut self, change: Change) {
        if let Change::Attach(name, ..) | Change::Detach(name, _) = &change {
            self.moved.insert(name.clone());
        }
        self.changes.push(change);
    }

    /// The name, as it was first spelled, of whoever is here and stays so in this transaction.
    pub(super) fn is_here(&self, name: &Name) -> Option<&Name> {
        let (name, _) = self.attached.get_key_value(name)?;
        (!self.moved.contains(name)).then_some(name)
    }

    /// True if a mailbox has no mail in the file, as far as its attachment knows.
    pub(super) fn is_empty(&self, name: &Name) -> bool {
        let known = self.attached.get(name).filter(|known| known.rows == 0);
        known.is_some() && !self.moved.contains(name) && !self.got.contains(name)
    }

    /// True if this claim holds the attachment, and does so in this transaction.
    pub(super) fn is_attached(&self, name: &Name, owner: Version) -> bool {
        let known = self.attached.get(name);
        known.is_some_and(|known| known.owner == owner) && !self.moved.contains(name)
    }

    fn feed(&mut self, db: &Connection, name: &Name) -> rusqlite::Result<()> {
        let Some(attachment) = self.attached.get_mut(name) else {
            return Ok(());
        };
        let room = attachment.window.saturating_sub(attachment.out);
        let mut found = BTreeMap::new();
        if attachment.rows > 0 && room > 0 {
            let mails =
                "SELECT body FROM mail WHERE name = ?1 AND body > ?2 ORDER BY body LIMIT ?3";
            let mut mails = db.prepare_cached(mails)?;
            let mut mails = mails.query(params![name.to_lower(), attachment.upto, room])?;
            while let Some(row) = mails.next()? {
                let body: i64 = row.get(0)?;
                let mail = match self.bodies.get(&body) {
                    Some(mail) => Arc::clone(mail),
                    None => Arc::new(super::server_mail::body(db, body)?),
                };
                found.insert(body, mail);
            }
        }
        let pending = self.pending.after(name, attachment.upto).take(room);
        found.extend(pending.map(|(body, mail)| (body, Arc::clone(mail))));
        for (body, mail) in found.into_iter().take(room) {
            attachment.upto = body;
            attachment.out += 1;
            self.told.push(StoreEvent::Mail {
                name: name.clone(),
                owner: attachment.owner,
                mail,
            });
        }
        Ok(())
    }
}

/// Names.
impl Rows {
    fn claim(&mut self, db: &Connection, mut row: NameRow) -> Result<Done, Stop> {
        let known = self::row(db, &row.name)?;
        match &known {
            Some(known) if known.identity != row.identity => return Err(Refusal::Taken.into()),
            Some(known) => row.name = known.name.clone(),
            None => {
                self.demand_room()?;
                self.demand_place(db, &row.name)?;
            }
        }
        self.change_later(Change::Detach(row.name.clone(), None));
        row.owner = self.next_version();
        let owner = row.owner;
        let alike = |known: &NameRow| {
            known.session_key == row.session_key && known.presence == row.presence
        };
        if known.as_ref().is_some_and(alike) {
            let put = "UPDATE names SET card = ?2, owner = ?3 WHERE name = ?1";
            let name = row.name.to_lower();
            db.prepare_cached(put)?
                .execute(params![name, &*row.card, owner])?;
        } else {
            self.put_name(db, owner, row)?;
        }
        let first = known.is_none();
        Ok(Done::Claimed { owner, first })
    }

    /// One more name. They are counted once: a count of all for each would grow with the table.
    fn demand_place(&mut self, db: &Connection, name: &Name) -> Result<(), Stop> {
        let names = match self.names {
            Some(names) => names,
            None => count(db, "SELECT count(*) FROM names")?,
        };
        if names >= NAMES_MAX {
            return Err(Refusal::TooMany.into());
        }
        // A released name has its row still.
        let known = "SELECT count(*) FROM names WHERE name = ?1";
        let known: usize = db
            .prepare_cached(known)?
            .query_row([name.to_lower()], first)?;
        self.names = Some(names + 1 - known);
        Ok(())
    }

    fn presence(
        &mut self,
        db: &Connection,
        name: &Name,
        owner: Version,
        presence: Presence,
    ) -> Result<Done, Stop> {
        let mut row = owned(db, name, owner)?;
        if row.presence == presence {
            return Ok(Done::Unchanged);
        }
        row.presence = presence;
        let at = self.next_version();
        self.put_name(db, at, row)?;
        Ok(Done::Changed { at })
    }

    fn put_name(&mut self, db: &Connection, at: Version, row: NameRow) -> rusqlite::Result<()> {
        let put = "INSERT OR REPLACE INTO names
            (name, spelled, identity, session_key, card, state, address, owner, version)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let (state, address) = presence_columns(row.presence);
        db.prepare_cached(put)?.execute(params![
            row.name.to_lower(),
            row.name.as_str(),
            row.identity,
            row.session_key,
            &*row.card,
            state,
            address,
            row.owner,
            at,
        ])?;
        self.tell_name(at, row.name.clone(), Some(row));
        Ok(())
    }

    fn tell_name(&mut self, at: Version, name: Name, row: Option<NameRow>) {
        if self.following {
            self.told.push(StoreEvent::Name { at, name, row });
        }
    }

    fn release(&mut self, db: &Connection, name: &Name) -> Result<Done, Stop> {
        let name = row(db, name)?.ok_or(Refusal::NoSuchName)?.name;
        self.leave_all(db, &name)?;
        self.change_later(Change::Detach(name.clone(), None));
        self.forget_pending(db, &name)?;
        self.empty(db, &name)?;
        let at = self.next_version();
        let put = "UPDATE names SET version = ?2, identity = NULL, session_key = NULL,
            card = NULL, state = NULL, address = NULL, owner = NULL WHERE name = ?1";
        db.prepare_cached(put)?
            .execute(params![name.to_lower(), at])?;
        self.tell_name(at, name, None);
        Ok(Done::Changed { at })
    }

    fn follow(&mut self, db: &Connection, after: Version) -> Result<Done, Stop> {
        self.following = true;
        let mut told = BTreeMap::new();
        let names = format!("SELECT {NAME_COLUMNS}, version FROM names WHERE version > ?1");
        let mut names = db.prepare_cached(&names)?;
        let mut names = names.query([after])?;
        while let Some(columns) = names.next()? {
            let (name, row) = (columns.get(0)?, name_row(columns)?);
            let at: Version = columns.get(7)?;
            told.insert(at, StoreEvent::Name { at, name, row });
        }
        let groups = "SELECT spelled, version FROM groups WHERE version > ?1";
        let mut groups = db.prepare_cached(groups)?;
        let mut groups = groups.query([after])?;
        while let Some(columns) = groups.next()? {
            let (group, at): (GroupName, Version) = (columns.get(0)?, columns.get(1)?);
            let row = group_row(db, &group)?;
            told.insert(at, StoreEvent::Group { at, group, row });
        }
        self.told.extend(told.into_values());
        let at = self.version;
        self.told.push(StoreEvent::Current { at });
        Ok(Done::Unchanged)
    }
}

/// Groups.
impl Rows {
    fn group(
        &mut self,
        db: &Connection,
        id: MessageId,
        by: &Name,
        group: Option<&GroupName>,
        op: GroupOp,
    ) -> Result<Done, Stop> {
        let by = row(db, by)?.ok_or(Refusal::NoSuchName)?.name;
        let Some(group) = group else {
            return match op {
                GroupOp::Leave => self.leave_all(db, &by),
                GroupOp::Create | GroupOp::Join => Err(Refusal::NoSuchGroup.into()),
            };
        };
        let known = group_row(db, group)?;
        match (op, known) {
            (GroupOp::Create, known) => self.create(db, (id, &by), group, known.as_ref()),
            (GroupOp::Join, Some(row)) => self.join(db, &by, &row),
            (GroupOp::Leave, Some(row)) => self.leave(db, &by, &row),
            (GroupOp::Join | GroupOp::Leave, None) => Err(Refusal::NoSuchGroup.into()),
        }
    }

    fn create(
        &mut self,
        db: &Connection,
        (made, maker): (MessageId, &Name),
        group: &GroupName,
        known: Option<&GroupRow>,
    ) -> Result<Done, Stop> {
        match known {
            Some(row) if row.made == made && row.maker == *maker => return Ok(Done::Unchanged),
            Some(_) => return Err(Refusal::GroupExists.into()),
            None => self.demand_room()?,
        }
        if count(db, "SELECT count(*) FROM groups")? >= GROUPS_MAX {
            return Err(Refusal::TooMany.into());
        }
        let put = "INSERT INTO groups(name, spelled, made, maker, version)
            VALUES (?1, ?2, ?3, ?4, 0)";
        let (name, spelled) = (group.to_lower(), group.as_str());
        db.prepare_cached(put)?
            .execute(params![name, spelled, made, maker.as_str()])?;
        self.group_changed(db, group)
    }

    fn join(&mut self, db: &Connection, by: &Name, row: &GroupRow) -> Result<Done, Stop> {
        if row.members.contains(by) {
            return Ok(Done::Unchanged);
        }
        self.demand_room()?;
        let of = "SELECT count(*) FROM members WHERE name = ?1";
        let of: usize = db.prepare_cached(of)?.query_row([by.to_lower()], first)?;
        if of >= GROUPS_PER_NAME_MAX {
            return Err(Refusal::TooMany.into());
        }
        let put = "INSERT INTO members(grp, name, spelled) VALUES (?1, ?2, ?3)";
        let (group, name) = (row.group.to_lower(), by.to_lower());
        db.prepare_cached(put)?
            .execute(params![group, name, by.as_str()])?;
        self.group_changed(db, &row.group)
    }

    fn leave(&mut self, db: &Connection, by: &Name, row: &GroupRow) -> Result<Done, Stop> {
        if !row.members.contains(by) {
            return Ok(Done::Unchanged);
        }
        let drop = "DELETE FROM members WHERE grp = ?1 AND name = ?2";
        db.prepare_cached(drop)?
            .execute([row.group.to_lower(), by.to_lower()])?;
        self.group_changed(db, &row.group)
    }

    fn leave_all(&mut self, db: &Connection, by: &Name) -> Result<Done, Stop> {
        let groups: Vec<GroupName> = db
            .prepare_cached("SELECT grp FROM members WHERE name = ?1 ORDER BY grp")?
            .query_map([by.to_lower()], first)?
            .collect::<rusqlite::Result<_>>()?;
        let mut done = Done::Unchanged;
        for group in groups {
            if let Some(row) = group_row(db, &group)? {
                done = self.leave(db, by, &row)?;
            }
        }
        Ok(done)
    }

    fn group_changed(&mut self, db: &Connection, group: &GroupName) -> Result<Done, Stop> {
        let at = self.next_version();
        let put = "UPDATE groups SET version = ?2 WHERE name = ?1";
        db.prepare_cached(put)?
            .execute(params![group.to_lower(), at])?;
        if self.following {
            let row = group_row(db, group)?;
            let group = row.as_ref().map_or(group, |row| &row.group).clone();
            self.told.push(StoreEvent::Group { at, group, row });
        }
        Ok(Done::Changed { at })
    }
}

const NAME_COLUMNS: &str = "spelled, identity, session_key, card, state, address, owner";

/// The row of a bound name.
pub(super) fn row(db: &Connection, name: &Name) -> rusqlite::Result<Option<NameRow>> {
    let find = format!("SELECT {NAME_COLUMNS} FROM names WHERE name = ?1");
    let mut find = db.prepare_cached(&find)?;
    let found = find.query_row([name.to_lower()], name_row).optional()?;
    Ok(found.flatten())
}

/// The same, for whoever made the latest claim.
pub(super) fn owned(db: &Connection, name: &Name, owner: Version) -> Result<NameRow, Stop> {
    let row = row(db, name)?.ok_or(Refusal::NoSuchName)?;
    if row.owner == owner {
        Ok(row)
    } else {
        Err(Refusal::Stale.into())
    }
}

/// None: it was released.
fn name_row(row: &Row<'_>) -> rusqlite::Result<Option<NameRow>> {
    let Some(identity) = row.get(1)? else {
        return Ok(None);
    };
    let address: Option<String> = row.get(5)?;
    let offline = Presence::Offline;
    let presence = match (row.get(4)?, address) {
        (0_u8, Some(address)) => Presence::Online {
            address: address
                .parse()
                .map_err(|_| columns::damaged("no address"))?,
        },
        (1, _) => offline(Why::Away),
        (2, _) => offline(Why::Left),
        (3, _) => offline(Why::Silent),
        (4, _) => offline(Why::TimedOut),
        _ => return Err(columns::damaged("no presence")),
    };
    Ok(Some(NameRow {
        name: row.get(0)?,
        identity,
        session_key: row.get(2)?,
        card: row.get::<_, Vec<u8>>(3)?.into(),
        presence,
        owner: row.get(6)?,
    }))
}

fn presence_columns(presence: Presence) -> (u8, Option<String>) {
    match presence {
        Presence::Online { address } => (0, Some(address.to_string())),
        Presence::Offline(Why::Away) => (1, None),
        Presence::Offline(Why::Left) => (2, None),
        Presence::Offline(Why::Silent) => (3, None),
        Presence::Offline(Why::TimedOut) => (4, None),
    }
}

fn group_row(db: &Connection, group: &GroupName) -> rusqlite::Result<Option<GroupRow>> {
    let find = "SELECT spelled, made, maker, n FROM groups WHERE name = ?1";
    let row = |row: &Row<'_>| {
        Ok(GroupRow {
            group: row.get(0)?,
            made: row.get(1)?,
            maker: row.get(2)?,
            order: row.get::<_, i64>(3)?.cast_unsigned(),
            members: Vec::new(),
        })
    };
    let mut find = db.prepare_cached(find)?;
    let Some(mut row) = find.query_row([group.to_lower()], row).optional()? else {
        return Ok(None);
    };
    row.members = db
        .prepare_cached("SELECT spelled FROM members WHERE grp = ?1 ORDER BY n")?
        .query_map([group.to_lower()], first)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(row))
}

fn count(db: &Connection, sql: &str) -> rusqlite::Result<usize> {
    db.prepare_cached(sql)?.query_row([], first)
}

/// The first column.
pub(super) fn first<T: rusqlite::types::FromSql>(row: &Row<'_>) -> rusqlite::Result<T> {
    row.get(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PublicKey;
    use crate::wire::packet::MailKind;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    /// As large as a few texts.
    const SMALL: Kind = Kind {
        bytes_max: 400 << 10,
        ..KIND
    };

    fn name(word: &str) -> Name {
        word.parse().unwrap()
    }

    fn claim(who: &str) -> StoreRequest {
        StoreRequest::Claim {
            name: name(who),
            identity: PublicKey([1; 32]),
            session_key: PublicKey([1; 32]),
            card: [].into(),
            presence: Presence::Offline(Why::Away),
        }
    }

    fn enqueue(id: u128, bytes: usize) -> StoreRequest {
        StoreRequest::Enqueue {
            mail: Arc::new(Mail {
                id: MessageId(id),
                from: name("alice"),
                kind: MailKind::Direct,
                at_ms: 1,
                expires_ms: 2,
                head: [].into(),
                tail: vec![0; bytes].into(),
            }),
            to: vec![name("bob")],
        }
    }

    fn ask(
        store: &mut ServerStore,
        woken: &Receiver<()>,
        requests: Vec<StoreRequest>,
    ) -> Vec<StoreReply> {
        let count = requests.len();
        for (ticket, request) in (0..).zip(requests) {
            store.submit(StoreTicket(ticket), request).unwrap();
        }
        store.flush();
        let mut replies = Vec::new();
        while replies.len() < count {
            match store.poll() {
                Some(StoreEvent::Reply(_, reply)) => replies.push(reply),
                Some(_) => {}
                None => woken.recv_timeout(Duration::from_mins(1)).unwrap(),
            }
        }
        replies
    }

    #[test]
    fn what_does_not_fit_is_refused_and_spoils_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let (wake, woken) = channel();
        let wake = Box::new(move || wake.send(()).unwrap_or_default());
        let mut store = ServerStore::open_as(&path, &SMALL, 7, wake).unwrap();
        let replies = ask(&mut store, &woken, vec![claim("alice"), claim("bob")]);
        assert!(
            replies
                .iter()
                .all(|reply| matches!(reply, StoreReply::Done(_)))
        );
        // Far from full, but the large one would pass the end of the disk.
        let requests = vec![enqueue(1, 100), enqueue(2, 500 << 10), enqueue(3, 100)];
        let [first, large, last] = &ask(&mut store, &woken, requests)[..] else {
            panic!("one reply for each");
        };
        assert!(matches!(first, StoreReply::Done(Done::Kept { .. })));
        assert_eq!(*large, StoreReply::Refused(Refusal::StoreFull));
        assert!(matches!(last, StoreReply::Done(Done::Kept { .. })));
        let again = ask(&mut store, &woken, vec![enqueue(4, 100), enqueue(1, 100)]);
        assert!(
            again
                .iter()
                .all(|reply| matches!(reply, StoreReply::Done(_)))
        );
        drop(store);
        let contents = crate::store::copy::check(&path, crate::store::copy::Whose::Server);
        assert_eq!(
            contents.unwrap().messages,
            3,
            "nothing is left of the large one"
        );
    }
}
