//! The server's mailboxes in SQL: keep once, hand over in order, settle with a trace, give up.

use super::columns::damaged;
use super::pending::listed;
use super::server::{Change, Rows, Stop, first, owned, row};
use crate::model::limits::{
    DAY_MS, MAILBOX_BYTES_MAX, MAILBOX_MAILS_MAX, NOTICES_MAX, PAIR_BYTES_MAX, PAIR_MAILS_MAX,
    TOMBSTONE_DAYS,
};
use crate::model::{MessageId, Name, Version};
use crate::server::port::{Done, Mail, Refusal, Taken};
use crate::wire::packet::MailKind;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;
use std::sync::Arc;

/// In `share`: all messages of a mailbox. No name is empty.
const ALL: &str = "";
/// In `share`: its receipts and notices. No name begins with a sign.
const NOTICES: &str = "!";

/// Keeping.
impl Rows {
    pub(super) fn enqueue(
        &mut self,
        db: &Connection,
        mail: &Arc<Mail>,
        to: &[Name],
    ) -> Result<Done, Stop> {
        match to {
            [to] if mail.kind == MailKind::Direct => self.enqueue_one(db, mail, to),
            _ => self.enqueue_many(db, mail, to),
        }
    }

    fn enqueue_one(&mut self, db: &Connection, mail: &Arc<Mail>, to: &Name) -> Result<Done, Stop> {
        let to = row(db, to)?.ok_or(Refusal::NoSuchName)?.name;
        let key = params![to.to_lower(), mail.from.to_lower(), mail.id];
        let gone = "SELECT at FROM gone WHERE name = ?1 AND sender = ?2 AND id = ?3";
        if let Some(at_ms) = db.prepare_cached(gone)?.query_row(key, first).optional()? {
            return Ok(kept(at_ms, true, Vec::new()));
        }
        if let Some((_, body)) = find(db, &to, &mail.from, mail.id)? {
            let at = "SELECT at FROM body WHERE body = ?1";
            let at_ms = db.prepare_cached(at)?.query_row([body], first)?;
            return Ok(kept(at_ms, false, Vec::new()));
        }
        if let Some(at_ms) = self.pending.accepted_ms(&to, &mail.from, mail.id) {
            return Ok(kept(at_ms, false, Vec::new()));
        }
        self.demand_room()?;
        self.has_room(db, &to, mail)??;
        let body = self.put_body(db, mail, 1, "")?;
        self.put_mail(db, &to, mail, body)?;
        Ok(kept(mail.at_ms, false, Vec::new()))
    }

    fn enqueue_many(
        &mut self,
        db: &Connection,
        mail: &Arc<Mail>,
        to: &[Name],
    ) -> Result<Done, Stop> {
        let sender = mail.from.to_lower();
        let sent = "SELECT at, full_boxes FROM sent WHERE sender = ?1 AND id = ?2";
        let sent = db
            .prepare_cached(sent)?
            .query_row(params![sender, mail.id], |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?))
            })
            .optional()?;
        if let Some((at_ms, full)) = sent {
            let names = full.lines().map(str::parse).collect::<Result<_, _>>();
            let names = names.map_err(|_| damaged("no names"))?;
            return Ok(kept(at_ms, false, names));
        }
        self.demand_room()?;
        let (mut full, mut boxes, mut here) = (Vec::new(), Vec::new(), Vec::new());
        let unique: BTreeSet<&Name> = to.iter().collect();
        let may_pend = self.pending.has_room(mail);
        for name in unique {
            let is_here = self.is_here(name).filter(|_| may_pend).cloned();
            let pends = is_here.is_some();
            let Some(name) = is_here.map_or_else(|| spelled(db, name), |name| Ok(Some(name)))?
            else {
                continue;
            };
            if self.has_room(db, &name, mail)?.is_err() {
                full.push(name);
            } else if pends && self.is_empty(&name) {
                here.push(name);
            } else if find(db, &name, &mail.from, mail.id)?.is_none() {
                if pends {
                    here.push(name);
                } else {
                    boxes.push(name);
                }
            }
        }
        if !boxes.is_empty() || !here.is_empty() {
            let body = self.put_body(db, mail, boxes.len(), &listed(here.iter()))?;
            for name in &boxes {
                self.put_mail(db, name, mail, body)?;
            }
            if !here.is_empty() {
                self.to_feed.extend(here.iter().cloned());
                self.pending.add(body, mail, here);
            }
        }
        let lines: Vec<&str> = full.iter().map(Name::as_str).collect();
        let until_ms = mail.at_ms.saturating_add(TOMBSTONE_DAYS * DAY_MS);
        let put = "INSERT INTO sent(sender, id, at, until, full_boxes) VALUES (?1, ?2, ?3, ?4, ?5)";
        db.prepare_cached(put)?.execute(params![
            sender,
            mail.id,
            mail.at_ms,
            until_ms,
            lines.join("\n")
        ])?;
        Ok(kept(mail.at_ms, false, full))
    }

    /// Whether a mailbox takes one more, by the shares of its sender and of all.
    fn has_room(
        &self,
        db: &Connection,
        to: &Name,
        mail: &Mail,
    ) -> rusqlite::Result<Result<(), Refusal>> {
        let (name, more) = (to.to_lower(), mail.tail.len());
        let in_file = |whose: &str| {
            if self.is_empty(to) {
                return Ok((0, 0));
            }
            share_of(db, &name, whose)
        };
        let (mails, bytes) = add(in_file(ALL)?, self.pending.share(to), more);
        if mails <= PAIR_MAILS_MAX && bytes <= PAIR_BYTES_MAX {
            // Whoever they are from.
            return Ok(Ok(()));
        }
        if mails > MAILBOX_MAILS_MAX || bytes > MAILBOX_BYTES_MAX {
            return Ok(Err(Refusal::MailboxFull));
        }
        let pending = self.pending.share_of(to, &mail.from);
        let (mails, bytes) = add(in_file(&mail.from.to_lower())?, pending, more);
        Ok(if mails > PAIR_MAILS_MAX || bytes > PAIR_BYTES_MAX {
            Err(Refusal::PairFull)
        } else {
            Ok(())
        })
    }

    fn put_body(
        &mut self,
        db: &Connection,
        mail: &Arc<Mail>,
        refs: usize,
        pending: &str,
    ) -> rusqlite::Result<i64> {
        let put = "INSERT INTO body(refs, sender, id, kind, at, expires, head, tail, pending)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let body = db.prepare_cached(put)?.insert(params![
            refs,
            mail.from.as_str(),
            mail.id,
            kind_column(mail.kind),
            mail.at_ms,
            mail.expires_ms,
            &*mail.head,
            &*mail.tail,
            pending,
        ])?;
        self.bodies.insert(body, Arc::clone(mail));
        Ok(body)
    }

    pub(super) fn put_mail(
        &mut self,
        db: &Connection,
        to: &Name,
        mail: &Mail,
        body: i64,
    ) -> rusqlite::Result<()> {
        let (name, sender) = (to.to_lower(), mail.from.to_lower());
        let put = "INSERT INTO mail(name, sender, id, message, body, expires)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let message = mail.is_message();
        let place = db.prepare_cached(put)?.insert(params![
            name,
            sender,
            mail.id,
            message,
            body,
            mail.expires_ms
        ]);
        place?;
        self.changes.push(Change::Put(to.clone()));
        self.got.insert(to.clone());
        count(db, &name, mail, 1)?;
        if !message && mails(db, &name, NOTICES)? > NOTICES_MAX {
            let oldest = "SELECT n FROM mail WHERE name = ?1 AND message = 0 ORDER BY body LIMIT 1";
            let oldest = db.prepare_cached(oldest)?.query_row([&name], first)?;
            self.take_out(db, to, oldest)?;
        }
        self.to_feed.insert(to.clone());
        Ok(())
    }

    /// A receipt or a notice, if there still is somebody to read it.
    fn put_notice(&mut self, db: &Connection, to: &Name, notice: Mail) -> rusqlite::Result<()> {
        let Some(to) = row(db, to)?.map(|row| row.name) else {
            return Ok(());
        };
        if find(db, &to, &notice.from, notice.id)?.is_none() {
            let notice = Arc::new(notice);
            let body = self.put_body(db, &notice, 1, "")?;
            self.put_mail(db, &to, &notice, body)?;
        }
        Ok(())
    }
}

/// Handing over and giving up.
impl Rows {
    pub(super) fn attach(
        &mut self,
        db: &Connection,
        name: &Name,
        owner: Version,
        window: u16,
    ) -> Result<Done, Stop> {
        let name = owned(db, name, owner)?.name;
        self.unpend(db, &name)?;
        let lower = name.to_lower();
        let waiting = mails(db, &lower, ALL)? + mails(db, &lower, NOTICES)?;
        self.change_later(Change::Attach(name.clone(), owner, window, waiting));
        self.to_feed.insert(name);
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        Ok(Done::Attached { waiting })
    }

    pub(super) fn settle(
        &mut self,
        db: &Connection,
        name: &Name,
        owner: Version,
        mails: &[Taken],
        at_ms: i64,
    ) -> Result<Done, Stop> {
        let name = if self.is_attached(name, owner) {
            name.clone()
        } else {
            owned(db, name, owner)?.name
        };
        let until_ms = at_ms.saturating_add(TOMBSTONE_DAYS * DAY_MS);
        for taken in mails {
            if self.take_pending(db, &name, taken)? {
                continue;
            }
            let Taken { from, id, receipt } = taken;
            let Some((place, _)) = find(db, &name, from, *id)? else {
                continue;
            };
            let mail = self.take_out(db, &name, place)?;
            let put = "INSERT OR REPLACE INTO gone(name, sender, id, at, until)
                VALUES (?1, ?2, ?3, ?4, ?5)";
            let (lower, sender) = (name.to_lower(), from.to_lower());
            db.prepare_cached(put)?
                .execute(params![lower, sender, id, mail.at_ms, until_ms])?;
            if *receipt && mail.is_message() {
                self.put_notice(db, from, Mail::receipt(&mail, &name, at_ms))?;
            }
        }
        self.to_feed.insert(name);
        Ok(Done::Settled)
    }

    pub(super) fn expire(
        &mut self,
        db: &Connection,
        now_ms: i64,
        rows_max: u16,
    ) -> Result<Done, Stop> {
        self.unpend_expired(db, now_ms)?;
        let due: Vec<(Name, i64)> = db
            .prepare_cached("SELECT name, n FROM mail WHERE expires <= ?1 ORDER BY n LIMIT ?2")?
            .query_map(params![now_ms, rows_max], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        for (name, place) in due {
            // As it was first spelled: it signs the notice.
            let name = row(db, &name)?.map_or(name, |row| row.name);
            let mail = self.take_out(db, &name, place)?;
            if mail.is_message() {
                let notice = Mail::expired(&mail, &name, now_ms);
                self.put_notice(db, &mail.from, notice)?;
            }
            self.to_feed.insert(name);
        }
        for traces in [
            "DELETE FROM gone WHERE (name, sender, id) IN
                (SELECT name, sender, id FROM gone WHERE until <= ?1 LIMIT ?2)",
            "DELETE FROM sent WHERE (sender, id) IN
                (SELECT sender, id FROM sent WHERE until <= ?1 LIMIT ?2)",
        ] {
            db.prepare_cached(traces)?
                .execute(params![now_ms, rows_max])?;
        }
        let more = "SELECT EXISTS (SELECT 1 FROM mail WHERE expires <= ?1)
            OR EXISTS (SELECT 1 FROM gone WHERE until <= ?1)
            OR EXISTS (SELECT 1 FROM sent WHERE until <= ?1)";
        let more = db.prepare_cached(more)?.query_row([now_ms], first)?;
        Ok(Done::Expired { more })
    }

    /// Everything of a name that is released.
    pub(super) fn empty(&mut self, db: &Connection, name: &Name) -> rusqlite::Result<()> {
        let places: Vec<i64> = db
            .prepare_cached("SELECT n FROM mail WHERE name = ?1")?
            .query_map([name.to_lower()], first)?
            .collect::<rusqlite::Result<_>>()?;
        for place in places {
            self.take_out(db, name, place)?;
        }
        Ok(())
    }

    /// Removes a mail from a mailbox, and its body with the last of its mails.
    fn take_out(&mut self, db: &Connection, name: &Name, place: i64) -> rusqlite::Result<Mail> {
        let drop = "DELETE FROM mail WHERE n = ?1 RETURNING body";
        let number: i64 = db.prepare_cached(drop)?.query_row([place], first)?;
        let mail = body(db, number)?;
        let fewer = "UPDATE body SET refs = refs - 1 WHERE body = ?1 RETURNING refs";
        let refs: i64 = db.prepare_cached(fewer)?.query_row([number], first)?;
        if refs <= 0 {
            let drop = "DELETE FROM body WHERE body = ?1 AND pending = ''";
            db.prepare_cached(drop)?.execute([number])?;
        }
        count(db, &name.to_lower(), &mail, -1)?;
        self.changes.push(Change::Removed(name.clone(), number));
        Ok(mail)
    }
}

/// The mail of which this is the body.
pub(super) fn body(db: &Connection, number: i64) -> rusqlite::Result<Mail> {
    let find = "SELECT id, sender, kind, at, expires, head, tail FROM body WHERE body = ?1";
    db.prepare_cached(find)?.query_row([number], |row| {
        let kind = match row.get(2)? {
            0_u8 => MailKind::Direct,
            1 => MailKind::Group,
            2 => MailKind::Receipt,
            3 => MailKind::Expired,
            _ => return Err(damaged("no kind of mail")),
        };
        Ok(Mail {
            id: row.get(0)?,
            from: row.get(1)?,
            kind,
            at_ms: row.get(3)?,
            expires_ms: row.get(4)?,
            head: row.get::<_, Vec<u8>>(5)?.into(),
            tail: row.get::<_, Vec<u8>>(6)?.into(),
        })
    })
}

const fn kind_column(kind: MailKind) -> u8 {
    match kind {
        MailKind::Direct => 0,
        MailKind::Group => 1,
        MailKind::Receipt => 2,
        MailKind::Expired => 3,
    }
}

/// Place and body of a mail that waits.
pub(super) fn find(
    db: &Connection,
    name: &Name,
    sender: &Name,
    id: MessageId,
) -> rusqlite::Result<Option<(i64, i64)>> {
    let find = "SELECT n, body FROM mail WHERE name = ?1 AND sender = ?2 AND id = ?3";
    let key = params![name.to_lower(), sender.to_lower(), id];
    let mut find = db.prepare_cached(find)?;
    find.query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Counts a mail in, or out, of the shares of its mailbox.
fn count(db: &Connection, name: &str, mail: &Mail, by: i64) -> rusqlite::Result<()> {
    let sender = mail.from.to_lower();
    let shares = if mail.is_message() {
        vec![ALL, &sender]
    } else {
        vec![NOTICES]
    };
    let bytes = i64::try_from(mail.tail.len()).unwrap_or(i64::MAX);
    let put = "INSERT INTO share(name, sender, mails, bytes) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET mails = mails + excluded.mails, bytes = bytes + excluded.bytes";
    let drop = "DELETE FROM share WHERE name = ?1 AND sender = ?2 AND mails <= 0";
    for share in shares {
        db.prepare_cached(put)?
            .execute(params![name, share, by, bytes.saturating_mul(by)])?;
        if by < 0 {
            db.prepare_cached(drop)?.execute([name, share])?;
        }
    }
    Ok(())
}

fn mails(db: &Connection, name: &str, share: &str) -> rusqlite::Result<usize> {
    share_of(db, name, share).map(|(mails, _)| mails)
}

/// Mails and bytes.
fn share_of(db: &Connection, name: &str, share: &str) -> rusqlite::Result<(usize, usize)> {
    let find = "SELECT mails, bytes FROM share WHERE name = ?1 AND sender = ?2";
    let mut find = db.prepare_cached(find)?;
    let found = find.query_row([name, share], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(found.optional()?.unwrap_or_default())
}

/// One more mail of so many bytes, to what is in the file and what is pending.
const fn add(file: (usize, usize), pending: (usize, usize), more: usize) -> (usize, usize) {
    let bytes = file.1.saturating_add(pending.1).saturating_add(more);
    (file.0 + pending.0 + 1, bytes)
}

/// As it was first spelled, if it is bound.
fn spelled(db: &Connection, name: &Name) -> rusqlite::Result<Option<Name>> {
    Ok(row(db, name)?.map(|row| row.name))
}

const fn kept(at_ms: i64, settled: bool, full: Vec<Name>) -> Done {
    Done::Kept {
        at_ms,
        settled,
        full,
    }
}
