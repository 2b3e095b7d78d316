//! Messages to many who are here: one row for all of them while they are being handed over.
//!
//! A mail of its own for each member of a group costs a disk more than all the rest of a delivery.
//! So a body names those who were here when it was kept, and only the absent get a mail. Who has
//! taken it is remembered in memory alone until everybody has; after a crash it is handed to all of
//! them again, and those who have it know its id. Whoever goes away before gets a mail after all.

use super::server::{Change, Rows};
use super::server_mail::find;
use crate::model::limits::PENDING_BYTES_MAX;
use crate::model::{MessageId, Name};
use crate::server::port::{Mail, Taken};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was kept for many and is not yet with all of them. Bodies go by their numbers, which grow.
#[derive(Default)]
pub(super) struct Pending {
    boxes: BTreeMap<Name, Mailbox>,
    bodies: BTreeMap<i64, Body>,
    bytes: usize,
    /// Bodies that everybody has: the next transaction drops them.
    finished: BTreeSet<i64>,
    /// What this transaction has changed, to be undone if it fails.
    added: Vec<(Name, i64)>,
    taken: Vec<(Name, i64)>,
}

#[derive(Default)]
struct Mailbox {
    bodies: BTreeSet<i64>,
    bytes: usize,
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
            self.insert(&name, body);
            self.added.push((name, body));
        }
    }

    /// Those of a mailbox after this place, in order.
    pub(super) fn after(&self, name: &Name, upto: i64) -> impl Iterator<Item = (i64, &Arc<Mail>)> {
        let mailbox = self.boxes.get(name).into_iter();
        let later = mailbox.flat_map(move |mailbox| mailbox.bodies.range(upto + 1..));
        later.map(|body| (*body, &self.bodies[body].mail))
    }

    /// The body of a mail that is pending for somebody.
    fn find(&self, name: &Name, from: &Name, id: MessageId) -> Option<i64> {
        let is_it = |mail: &Mail| mail.id == id && mail.from == *from;
        let mut all = self.after(name, -1);
        all.find_map(|(body, mail)| is_it(mail).then_some(body))
    }

    /// When a mail that is pending for somebody was accepted.
    pub(super) fn accepted_ms(&self, name: &Name, from: &Name, id: MessageId) -> Option<i64> {
        let body = self.find(name, from, id)?;
        Some(self.bodies[&body].mail.at_ms)
    }

    fn contains(&self, name: &Name, body: i64) -> bool {
        let mailbox = self.boxes.get(name);
        mailbox.is_some_and(|mailbox| mailbox.bodies.contains(&body))
    }

    /// It is pending for him no longer, if the transaction succeeds.
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

    /// How many mails and bytes a mailbox holds.
    pub(super) fn share(&self, name: &Name) -> (usize, usize) {
        let mailbox = self.boxes.get(name);
        mailbox.map_or((0, 0), |mailbox| (mailbox.bodies.len(), mailbox.bytes))
    }

    /// The same of one sender.
    pub(super) fn share_of(&self, name: &Name, sender: &Name) -> (usize, usize) {
        let all = self.after(name, -1).map(|(_, mail)| mail);
        let his = all.filter(|mail| mail.from == *sender);
        his.fold((0, 0), |(mails, bytes), mail| {
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
        let due = boxes.filter(|(_, mailbox)| mailbox.bodies.iter().any(is_due));
        due.map(|(name, _)| name.clone()).collect()
    }

    /// Who does not have it.
    fn names(&self, body: i64) -> impl Iterator<Item = &Name> {
        let boxes = self.boxes.iter();
        boxes.filter_map(move |(name, mailbox)| mailbox.bodies.contains(&body).then_some(name))
    }

    fn insert(&mut self, name: &Name, number: i64) {
        let mailbox = self.boxes.entry(name.clone()).or_default();
        mailbox.bodies.insert(number);
        mailbox.bytes += self.bodies[&number].mail.tail.len();
    }

    fn remove(&mut self, name: &Name, number: i64) {
        let body = self.bodies.get_mut(&number).expect("it is pending");
        body.left -= 1;
        if body.left == 0 {
            self.finished.insert(number);
        }
        let mailbox = self.boxes.get_mut(name).expect("it is pending");
        mailbox.bodies.remove(&number);
        mailbox.bytes -= body.mail.tail.len();
        if mailbox.bodies.is_empty() {
            self.boxes.remove(name);
        }
    }

    /// True if the file still has what everybody has.
    pub(super) fn owes(&self) -> bool {
        !self.finished.is_empty()
    }

    /// The transaction is on disk.
    pub(super) fn committed(&mut self) {
        for body in std::mem::take(&mut self.finished) {
            self.forget(body);
        }
        self.added.clear();
        self.taken.clear();
    }

    /// The transaction did not happen.
    pub(super) fn rolled_back(&mut self) {
        for (name, body) in std::mem::take(&mut self.taken) {
            self.insert(&name, body);
            self.bodies
                .get_mut(&body)
                .expect("kept until the commit")
                .left += 1;
            self.finished.remove(&body);
        }
        for (name, number) in std::mem::take(&mut self.added) {
            self.remove(&name, number);
            if self.finished.remove(&number) {
                self.forget(number);
            }
        }
    }

    fn forget(&mut self, body: i64) {
        let gone = self.bodies.remove(&body).expect("it was kept until now");
        self.bytes -= gone.mail.head.len() + gone.mail.tail.len();
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

    /// The same for all of them and without the disk; false, and nothing has changed, if it takes
    /// more than that.
    pub(super) fn take_at_once(&mut self, name: &Name, mails: &[Taken]) -> bool {
        let find = |mail: &Taken| self.pending.find(name, &mail.from, mail.id);
        let all: Option<Vec<i64>> = mails.iter().map(find).collect();
        let Some(all) = all.filter(|_| mails.iter().all(|mail| !mail.receipt)) else {
            return false;
        };
        for body in all {
            // An id that is named twice is found twice.
            if self.pending.contains(name, body) {
                self.pending.remove(name, body);
                self.change(Change::Handed(name.clone(), body));
            }
        }
        true
    }

    /// Whoever goes away, or wants a receipt sent, gets mails of his own.
    pub(super) fn unpend(&mut self, db: &Connection, name: &Name) -> rusqlite::Result<()> {
        for (body, mail) in self.pending.take_all(name) {
            // One id is one message, whatever its sender has made of it.
            if find(db, name, &mail.from, mail.id)?.is_some() {
                continue;
            }
            self.put_mail(db, name, &mail, body)?;
            let more = "UPDATE body SET refs = refs + 1 WHERE body = ?1";
            db.prepare_cached(more)?.execute([body])?;
        }
        Ok(())
    }

    /// A name is released: not even a crash may bring back what was for it, be it taken already.
    pub(super) fn forget_pending(&mut self, db: &Connection, name: &Name) -> rusqlite::Result<()> {
        self.pending.take_all(name);
        for body in self.pending.bodies.keys() {
            let rest = listed(self.pending.names(*body));
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
        for body in &self.pending.finished {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PublicKey, Store as _, StoreTicket, Version};
    use crate::server::port::{Done, Presence, StoreEvent, StoreReply, StoreRequest, Why};
    use crate::store::{ServerStore, copy};
    use crate::wire::packet::MailKind;
    use std::path::Path;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    struct Case {
        store: ServerStore,
        woken: Receiver<()>,
        /// Everything fed so far.
        fed: Vec<(Name, MessageId)>,
    }

    impl Case {
        fn open(path: &Path) -> Self {
            let (wake, woken) = channel();
            let wake = Box::new(move || wake.send(()).unwrap_or_default());
            Self {
                store: ServerStore::open(path, 7, wake).unwrap(),
                woken,
                fed: Vec::new(),
            }
        }

        fn ask(&mut self, request: StoreRequest) -> Done {
            self.store.submit(StoreTicket(1), request).unwrap();
            self.store.flush();
            let mut reply = None;
            loop {
                match self.store.poll() {
                    Some(StoreEvent::Reply(_, StoreReply::Done(done))) => reply = Some(done),
                    Some(StoreEvent::Mail { name, mail, .. }) => self.fed.push((name, mail.id)),
                    Some(_) => {}
                    None if reply.is_some() => return reply.unwrap(),
                    None => self.woken.recv_timeout(Duration::from_mins(1)).unwrap(),
                }
            }
        }

        fn claim(&mut self, who: &str) -> Version {
            let done = self.ask(StoreRequest::Claim {
                name: name(who),
                identity: PublicKey([1; 32]),
                session_key: PublicKey([1; 32]),
                card: [].into(),
                presence: Presence::Offline(Why::Away),
            });
            let Done::Claimed { owner, .. } = done else {
                panic!("{done:?}");
            };
            owner
        }

        fn come(&mut self, who: &str) -> Version {
            let (owner, window) = (self.claim(who), 16);
            let name = name(who);
            self.ask(StoreRequest::Attach {
                name,
                owner,
                window,
            });
            owner
        }

        fn settle(&mut self, who: &str, owner: Version, id: u128) {
            let (from, id, receipt) = (name("alice"), MessageId(id), false);
            self.ask(StoreRequest::Settle {
                name: name(who),
                owner,
                mails: vec![Taken { from, id, receipt }],
                at_ms: 1,
            });
        }
    }

    fn name(word: &str) -> Name {
        word.parse().unwrap()
    }

    fn to_all(id: u128) -> StoreRequest {
        StoreRequest::Enqueue {
            mail: Arc::new(Mail {
                id: MessageId(id),
                from: name("alice"),
                kind: MailKind::Group,
                at_ms: 1,
                expires_ms: i64::MAX,
                head: [].into(),
                tail: [7].into(),
            }),
            to: ["bob", "carol", "dave"].map(name).into(),
        }
    }

    fn rows(path: &Path) -> (i64, i64) {
        let db = Connection::open(path).unwrap();
        let count = |of| db.query_row(of, [], |row| row.get(0)).unwrap();
        let mails = count("SELECT count(*) FROM mail");
        (count("SELECT count(*) FROM body"), mails)
    }

    #[test]
    fn who_is_here_costs_no_row_and_who_is_not_costs_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let mut case = Case::open(&path);
        case.claim("dave");
        let (bob, carol) = (case.come("bob"), case.come("carol"));
        case.ask(to_all(1));
        assert_eq!(rows(&path), (1, 1));
        let both = ["bob", "carol"].map(|who| (name(who), MessageId(1)));
        assert_eq!(case.fed, both);
        case.settle("bob", bob, 1);
        case.settle("carol", carol, 1);
        case.come("dave");
        assert_eq!(case.fed.pop(), Some((name("dave"), MessageId(1))));
        drop(case);
        let contents = copy::check(&path, copy::Whose::Server).unwrap();
        assert_eq!(contents.messages, 1, "dave has not taken it");
    }

    #[test]
    fn after_a_crash_it_is_handed_over_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let mut case = Case::open(&path);
        let bob = case.come("bob");
        for who in ["carol", "dave"] {
            case.come(who);
        }
        case.ask(to_all(1));
        case.ask(to_all(2));
        case.settle("bob", bob, 1);
        drop(case);
        assert_eq!(rows(&path), (2, 0));
        let mut case = Case::open(&path);
        for who in ["bob", "carol"] {
            case.come(who);
            let both = [1, 2].map(|id| (name(who), MessageId(id)));
            assert_eq!(case.fed, both, "also what he had taken: only he knows");
            case.fed.clear();
        }
    }

    #[test]
    fn an_id_that_its_sender_uses_twice_is_one_message_and_stops_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let mut case = Case::open(&path);
        let owner = case.come("bob");
        case.ask(to_all(1));
        let mail = Arc::new(Mail {
            id: MessageId(1),
            from: name("alice"),
            kind: MailKind::Direct,
            at_ms: 2,
            expires_ms: i64::MAX,
            head: [].into(),
            tail: [8].into(),
        });
        let to = [name("bob")].into();
        let kept = case.ask(StoreRequest::Enqueue { mail, to });
        assert!(matches!(kept, Done::Kept { at_ms: 1, .. }), "{kept:?}");
        let name = name("bob");
        case.ask(StoreRequest::Detach { name, owner });
        case.fed.clear();
        case.come("bob");
        assert_eq!(case.fed, [(self::name("bob"), MessageId(1))]);
    }

    #[test]
    fn who_goes_away_gets_a_mail_and_a_released_name_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let mut case = Case::open(&path);
        let owner = case.come("bob");
        case.come("carol");
        case.claim("dave");
        case.ask(to_all(1));
        assert_eq!(rows(&path), (1, 1));
        let name = name("bob");
        case.ask(StoreRequest::Detach { name, owner });
        assert_eq!(rows(&path), (1, 2));
        let name = self::name("carol");
        case.ask(StoreRequest::Release { name });
        drop(case);
        let mut case = Case::open(&path);
        case.come("carol");
        assert_eq!(case.fed, []);
        case.come("bob");
        assert_eq!(case.fed, [(self::name("bob"), MessageId(1))]);
    }

    #[test]
    fn whoever_takes_a_released_name_gets_nothing_of_what_was_taken_under_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let mut case = Case::open(&path);
        let carol = case.come("carol");
        case.come("bob");
        case.ask(to_all(1));
        case.settle("carol", carol, 1);
        let name = name("carol");
        case.ask(StoreRequest::Release { name });
        drop(case);
        let mut case = Case::open(&path);
        case.come("carol");
        assert_eq!(case.fed, [], "she has another key perhaps");
        case.come("bob");
        assert_eq!(case.fed, [(self::name("bob"), MessageId(1))]);
    }
}
