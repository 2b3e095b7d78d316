//! Messages to many who are here: one row for all of them while they are being handed over.
//!
//! A mail of its own for each member of a group costs a disk more than all the rest of a delivery.
//! So a body names those who were here when it was kept, and only the absent get a mail. Who has
//! taken it is remembered in memory alone until everybody has; after a crash it is handed to all of
//! them again, and those who have it know its id. Whoever goes away before gets a mail after all.

use super::server::{Change, Rows};
use crate::model::limits::PENDING_BYTES_MAX;
use crate::model::{MessageId, Name};
use crate::server::port::{Mail, Taken};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was kept for many and is not yet with all of them. Bodies go by their numbers, which grow.
#[derive(Default)]
pub(super) struct Pending {
    boxes: BTreeMap<Name, BTreeSet<i64>>,
    bodies: BTreeMap<i64, Body>,
    bytes: usize,
    /// What this transaction has changed, to be undone if it fails.
    added: Vec<(Name, i64)>,
    taken: Vec<(Name, i64)>,
}

struct Body {
    mail: Arc<Mail>,
    /// So many do not have it.
    left: usize,
}

impl Pending {
    /// True if the memory set aside for this has room for one more.
    pub(super) const fn has_room(&self, mail: &Mail) -> bool {
        self.bytes + mail.head.len() + mail.tail.len() <= PENDING_BYTES_MAX
    }

    /// Keeps a body for these.
    pub(super) fn add(&mut self, body: i64, mail: &Arc<Mail>, names: Vec<Name>) {
        self.bytes += mail.head.len() + mail.tail.len();
        let left = names.len();
        let mail = Arc::clone(mail);
        self.bodies.insert(body, Body { mail, left });
        for name in names {
            self.boxes.entry(name.clone()).or_default().insert(body);
            self.added.push((name, body));
        }
    }

    /// Those of a mailbox after this place, in order.
    pub(super) fn after(&self, name: &Name, upto: i64) -> impl Iterator<Item = (i64, &Arc<Mail>)> {
        let bodies = self.boxes.get(name).into_iter();
        let later = bodies.flat_map(move |bodies| bodies.range(upto + 1..));
        later.map(|body| (*body, &self.bodies[body].mail))
    }

    /// The body of a mail that is pending for somebody.
    fn find(&self, name: &Name, from: &Name, id: MessageId) -> Option<i64> {
        let is_it = |mail: &Mail| mail.id == id && mail.from == *from;
        let mut all = self.after(name, -1);
        all.find_map(|(body, mail)| is_it(mail).then_some(body))
    }

    /// It is pending for him no longer.
    fn take(&mut self, name: &Name, body: i64) {
        self.remove(name, body);
        self.taken.push((name.clone(), body));
    }

    /// All of a mailbox; nothing is pending for it any more.
    fn take_all(&mut self, name: &Name) -> Vec<(i64, Arc<Mail>)> {
        let all: Vec<_> = self
            .after(name, -1)
            .map(|(body, mail)| (body, Arc::clone(mail)))
            .collect();
        for (body, _) in &all {
            self.take(name, *body);
        }
        all
    }

    /// How many mails and bytes of one sender, or of all, a mailbox holds.
    pub(super) fn share(&self, name: &Name, sender: Option<&Name>) -> (usize, usize) {
        let all = self.after(name, -1).map(|(_, mail)| mail);
        let counted = all.filter(|mail| sender.is_none_or(|sender| mail.from == *sender));
        counted.fold((0, 0), |(mails, bytes), mail| {
            (mails + 1, bytes + mail.tail.len())
        })
    }

    /// Mailboxes with something that has expired.
    fn expired(&self, now_ms: i64) -> Vec<Name> {
        let is_due = |body: &i64| self.bodies[body].mail.expires_ms <= now_ms;
        if !self.bodies.keys().any(is_due) {
            return Vec::new();
        }
        let boxes = self.boxes.iter();
        let due = boxes.filter(|(_, bodies)| bodies.iter().any(is_due));
        due.map(|(name, _)| name.clone()).collect()
    }

    /// Who does not have it.
    fn names(&self, body: i64) -> impl Iterator<Item = &Name> {
        let boxes = self.boxes.iter();
        boxes.filter_map(move |(name, bodies)| bodies.contains(&body).then_some(name))
    }

    fn remove(&mut self, name: &Name, number: i64) {
        let bodies = self.boxes.get_mut(name).expect("it is pending");
        bodies.remove(&number);
        if bodies.is_empty() {
            self.boxes.remove(name);
        }
        let body = self.bodies.get_mut(&number).expect("it is pending");
        body.left -= 1;
    }

    /// Those that everybody has since this transaction began.
    fn finished(&self) -> BTreeSet<i64> {
        let touched = self.taken.iter().map(|(_, body)| *body);
        touched.filter(|body| self.bodies[body].left == 0).collect()
    }

    /// The transaction is on disk.
    pub(super) fn committed(&mut self) {
        for body in self.finished() {
            let gone = self.bodies.remove(&body).expect("it has just been seen");
            self.bytes -= gone.mail.head.len() + gone.mail.tail.len();
        }
        self.added.clear();
        self.taken.clear();
    }

    /// The transaction did not happen.
    pub(super) fn rolled_back(&mut self) {
        for (name, body) in std::mem::take(&mut self.taken) {
            self.boxes.entry(name).or_default().insert(body);
            self.bodies
                .get_mut(&body)
                .expect("kept until the commit")
                .left += 1;
        }
        for (name, number) in std::mem::take(&mut self.added) {
            self.remove(&name, number);
            if self.bodies[&number].left == 0 {
                let gone = self.bodies.remove(&number).expect("just seen");
                self.bytes -= gone.mail.head.len() + gone.mail.tail.len();
            }
        }
    }
}

/// In the file.
impl Rows {
    /// Somebody has it. False: it is not pending for him, or needs more than to be forgotten.
    pub(super) fn take_pending(
        &mut self,
        db: &Connection,
        name: &Name,
        mail: &Taken,
    ) -> rusqlite::Result<bool> {
        let Some(body) = self.pending.find(name, &mail.from, mail.id) else {
            return Ok(false);
        };
        if mail.receipt {
            self.unpend(db, name)?;
            return Ok(false);
        }
        self.pending.take(name, body);
        self.changes.push(Change::Handed(name.clone(), body));
        Ok(true)
    }

    /// Whoever goes away, or wants a receipt sent, gets mails of his own.
    pub(super) fn unpend(&mut self, db: &Connection, name: &Name) -> rusqlite::Result<()> {
        for (body, mail) in self.pending.take_all(name) {
            self.put_mail(db, name, &mail, body)?;
            let more = "UPDATE body SET refs = refs + 1 WHERE body = ?1";
            db.prepare_cached(more)?.execute([body])?;
        }
        Ok(())
    }

    /// A name is released: not even a crash may bring back what was for it.
    pub(super) fn forget_pending(&mut self, db: &Connection, name: &Name) -> rusqlite::Result<()> {
        for (body, _) in self.pending.take_all(name) {
            let rest = listed(self.pending.names(body));
            let put = "UPDATE body SET pending = ?2 WHERE body = ?1";
            db.prepare_cached(put)?.execute(params![body, rest])?;
        }
        Ok(())
    }

    /// What has expired is given up like any mail.
    pub(super) fn unpend_expired(&mut self, db: &Connection, now_ms: i64) -> rusqlite::Result<()> {
        for name in self.pending.expired(now_ms) {
            self.unpend(db, &name)?;
        }
        Ok(())
    }

    /// Everybody has these: they are kept no longer than the mails made of them.
    pub(super) fn drop_finished(&self, db: &Connection) -> rusqlite::Result<()> {
        for body in self.pending.finished() {
            let drop = "DELETE FROM body WHERE body = ?1 AND refs = 0";
            if db.prepare_cached(drop)?.execute([body])? == 0 {
                let put = "UPDATE body SET pending = '' WHERE body = ?1";
                db.prepare_cached(put)?.execute([body])?;
            }
        }
        Ok(())
    }

    /// After a start: who may not have it is remembered again, and gets a mail when he comes.
    pub(super) fn recall(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let mut all = db.prepare("SELECT body, pending FROM body WHERE pending <> ''")?;
        let mut all = all.query([])?;
        while let Some(row) = all.next()? {
            let (number, names): (i64, String) = (row.get(0)?, row.get(1)?);
            let mail = Arc::new(super::server_mail::body(db, number)?);
            let mut left = Vec::new();
            for name in names.lines().filter_map(|name| name.parse().ok()) {
                if may_lack(db, &name, &mail)? {
                    left.push(name);
                }
            }
            self.pending.add(number, &mail, left);
        }
        self.pending.committed();
        Ok(())
    }
}

/// False if there is a mail for him, or was one that he took.
fn may_lack(db: &Connection, name: &Name, mail: &Mail) -> rusqlite::Result<bool> {
    let known = "SELECT EXISTS (SELECT 1 FROM mail WHERE name = ?1 AND sender = ?2 AND id = ?3)
        OR EXISTS (SELECT 1 FROM gone WHERE name = ?1 AND sender = ?2 AND id = ?3)";
    let key = params![name.to_lower(), mail.from.to_lower(), mail.id];
    let known: bool = db.prepare_cached(known)?.query_row(key, |row| row.get(0))?;
    Ok(!known)
}

/// Names, each with the end of its line.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    names.flat_map(|name| [name.as_str(), "\n"]).collect()
}
