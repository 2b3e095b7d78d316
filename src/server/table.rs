//! The table of names: a copy of what the store told, its versions and digest, and its pages.
//!
//! The table is state, not a log: a row carries the version of its last change, so that one kind of
//! packet is the whole table (from 0) as well as the latest change.

use super::port::{NameRow, Presence, Why};
use super::session::{Cargo, Way};
use super::{Event, Output, Server, Timer};
use crate::model::limits::{
    CHUNK_BYTES, TABLE_DATAGRAMS_PER_S, TABLE_GAP_MAX, TABLE_GAP_MIN, TABLE_PAGE_BYTES,
};
use crate::model::{Instant, Name, PublicKey, Version};
use crate::planted;
use crate::secure::key::row_digest;
use crate::wire::row::Status;
use crate::wire::{Head, Packet, Row};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

/// The server's copy of all names.
#[derive(Debug, Default)]
pub(super) struct Names {
    entries: BTreeMap<Name, Entry>,
    by_version: BTreeMap<Version, Vec<Name>>,
    by_key: BTreeMap<PublicKey, Name>,
    head: Version,
    digest: u64,
    online: usize,
}

#[derive(Debug)]
struct Entry {
    at: Version,
    row: Option<NameRow>,
    encoded: Box<[u8]>,
}

/// Rows of one `table` packet.
struct Page {
    to: Version,
    rows: Vec<u8>,
}

impl Names {
    /// Takes what the store told; what is older than what is known changes nothing.
    pub(super) fn apply(&mut self, at: Version, name: &Name, row: Option<NameRow>) {
        let before = self.entries.get(name);
        if before.is_some_and(|entry| entry.at >= at) {
            return;
        }
        let key_before = before
            .and_then(|entry| entry.row.as_ref())
            .map(|r| r.session_key);
        // Of a name released before this process began nobody knows the key any more.
        let session_key = row.as_ref().map(|row| row.session_key).or(key_before);
        let session_key = session_key.unwrap_or(PublicKey([0; 32]));
        self.forget(name);
        let shown = shown(at, name, row.as_ref(), session_key);
        let mut encoded = Vec::new();
        shown.encode(&mut encoded);
        if let Some(row) = &row {
            self.digest = self.digest.wrapping_add(row_digest(&encoded));
            self.online += usize::from(is_online(row));
            self.by_key.insert(session_key, name.clone());
        }
        self.by_version.entry(at).or_default().push(name.clone());
        self.head = self.head.max(at);
        let encoded = encoded.into();
        self.entries
            .insert(name.clone(), Entry { at, row, encoded });
    }

    fn forget(&mut self, name: &Name) {
        let Some(entry) = self.entries.remove(name) else {
            return;
        };
        if let Some(names) = self.by_version.get_mut(&entry.at) {
            names.retain(|other| other != name);
            if names.is_empty() {
                self.by_version.remove(&entry.at);
            }
        }
        if let Some(row) = entry.row {
            self.digest = self.digest.wrapping_sub(row_digest(&entry.encoded));
            self.online -= usize::from(is_online(&row));
            if self.by_key.get(&row.session_key) == Some(name) {
                self.by_key.remove(&row.session_key);
            }
        }
    }

    pub(super) fn row(&self, name: &Name) -> Option<&NameRow> {
        self.entries.get(name)?.row.as_ref()
    }

    pub(super) fn is_online(&self, name: &Name) -> bool {
        self.row(name).is_some_and(is_online)
    }

    pub(super) fn of_key(&self, key: &PublicKey) -> Option<&Name> {
        self.by_key.get(key)
    }

    pub(super) fn encoded(&self, name: &Name) -> Option<&[u8]> {
        let entry = self.entries.get(name)?;
        entry.row.as_ref().map(|_| &*entry.encoded)
    }

    /// The latest Claim; the store does not tell one that changed nothing else.
    pub(super) fn own(&mut self, name: &Name, owner: Version) {
        if let Some(row) = self.entries.get_mut(name).and_then(|e| e.row.as_mut()) {
            row.owner = row.owner.max(owner);
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &NameRow> {
        self.entries.values().filter_map(|entry| entry.row.as_ref())
    }

    pub(super) const fn head(&self) -> Version {
        self.head
    }

    pub(super) const fn digest(&self) -> u64 {
        self.digest
    }

    /// The rows as they travel.
    pub(super) fn shown(&self) -> Vec<Row> {
        let row = |entry: &Entry| {
            let row = entry.row.as_ref()?;
            Some(shown(entry.at, &row.name, Some(row), row.session_key))
        };
        self.entries.values().filter_map(row).collect()
    }

    /// The next rows in order of versions; rows of equal version stay together.
    fn page(&self, from: Version) -> Page {
        let skips = planted!("delta-skips-a-row") && from > Version(0);
        let from = Version(from.0 + u64::from(skips));
        let mut rows = Vec::new();
        let mut to = from;
        for (at, names) in self
            .by_version
            .range((Bound::Excluded(from), Bound::Unbounded))
        {
            let encoded = names.iter().filter_map(|name| self.entries.get(name));
            let encoded = encoded.map(|e| &*e.encoded).collect::<Vec<_>>().concat();
            if !rows.is_empty() && rows.len() + encoded.len() > TABLE_PAGE_BYTES {
                return Page { to, rows };
            }
            rows.extend(encoded);
            to = *at;
        }
        let to = self.head.max(from);
        Page { to, rows }
    }
}

const fn is_online(row: &NameRow) -> bool {
    matches!(row.presence, Presence::Online { .. })
}

fn shown(version: Version, name: &Name, row: Option<&NameRow>, session_key: PublicKey) -> Row {
    let (status, address) = match row.map(|row| row.presence) {
        None => (Status::Released, None),
        Some(Presence::Online { address }) => (Status::Online, Some(address)),
        Some(Presence::Offline(Why::Away)) => (Status::Away, None),
        Some(Presence::Offline(Why::Left)) => (Status::Left, None),
        Some(Presence::Offline(Why::Silent)) => (Status::Silent, None),
        Some(Presence::Offline(Why::TimedOut)) => (Status::TimedOut, None),
    };
    Row {
        version,
        name: name.clone(),
        session_key,
        status,
        address,
    }
}

/// When pages go out, and those made already: sessions that have caught up all get the same one.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Changed since the last tick.
    changed: bool,
    last: Option<Instant>,
    made: BTreeMap<Version, (Version, Arc<[u8]>)>,
}

/// Pages kept ready; sessions that have caught up need one.
const PAGES_MADE_MAX: usize = 16;

impl Server {
    /// The copy changed: everybody is to hear of it, soon and once.
    pub(super) fn table_changed(&mut self) {
        self.pace.changed = true;
        self.pace.made.clear();
        self.arm_table();
    }

    /// The shortest time between two pages of a session that has caught up.
    fn table_gap(&self) -> Duration {
        let online = u32::try_from(self.names.online).unwrap_or(u32::MAX);
        let gap = Duration::from_secs(1) * online / TABLE_DATAGRAMS_PER_S;
        gap.clamp(TABLE_GAP_MIN, TABLE_GAP_MAX)
    }

    fn arm_table(&mut self) {
        if self.ready && self.timers.get(&Timer::Table).is_none() {
            let next = self
                .pace
                .last
                .map_or(self.now.instant, |last| last + self.table_gap());
            self.timers.set(Timer::Table, next.max(self.now.instant));
        }
    }

    pub(super) fn on_table_tick(&mut self) {
        if std::mem::take(&mut self.pace.changed) {
            self.outputs.push_back(Output::Event(Event::TableChanged));
        }
        self.pace.last = Some(self.now.instant);
        for key in self.present.values().copied().collect::<Vec<_>>() {
            self.pump_table(key);
        }
    }

    /// `registered` said how much it has; at least one page with a digest follows.
    pub(super) fn start_table(&mut self, key: PublicKey, store: Option<u64>, table: Option<u64>) {
        let head = self.names.head();
        let has = Version(table.unwrap_or(0));
        let known = store == Some(self.config.store) && has <= head;
        let from = if known { has } else { Version(0) };
        self.set_cursor(key, from);
    }

    /// A client asks again from a version it has.
    pub(super) fn on_sync(&mut self, key: PublicKey, from: u64) {
        let head = self.names.head();
        let from = Version(from);
        self.set_cursor(key, if from <= head { from } else { Version(0) });
    }

    fn set_cursor(&mut self, key: PublicKey, from: Version) {
        if let Some(member) = self.sessions.get_mut(&key).and_then(|s| s.here_mut()) {
            let cursor = &mut member.cursor;
            cursor.at = from;
            cursor.owed = true;
            if cursor.page != Way::Free {
                cursor.page = Way::Overtaken;
            }
        }
        self.pump_table(key);
    }

    /// Sends the next page if one is due and none is on its way.
    pub(super) fn pump_table(&mut self, key: PublicKey) {
        let head = self.names.head();
        let Some(member) = self.sessions.get(&key).and_then(|s| s.here()) else {
            return;
        };
        let cursor = &member.cursor;
        if cursor.page != Way::Free || (cursor.at >= head && !cursor.owed) {
            return;
        }
        let (to, bytes) = self.table_packet(cursor.at);
        let datagrams = u32::try_from(bytes.len().div_ceil(CHUNK_BYTES)).unwrap_or(u32::MAX);
        if let Err(after) = self.budgets.table(self.now.instant, datagrams) {
            let at = self.now.instant + after.max(TABLE_GAP_MIN);
            self.timers.set(Timer::Table, at);
            return;
        }
        let Some(parcel) = self.send_bytes(key, bytes) else {
            return;
        };
        let session = self.sessions.get_mut(&key).expect("it is here");
        let member = session.here_mut().expect("it is here");
        member.cursor.page = Way::To(to);
        member.cursor.owed = false;
        self.watch(key, parcel, Cargo::Table);
    }

    fn table_packet(&mut self, from: Version) -> (Version, Arc<[u8]>) {
        if let Some(made) = self.pace.made.get(&from) {
            return made.clone();
        }
        let Page { to, rows } = self.names.page(from);
        let head = self.names.head();
        let packet = Packet {
            head: Head::Table {
                from: from.0,
                to: to.0,
                head: head.0,
                digest: (to == head).then_some(self.names.digest()),
                reset: false,
            },
            tail: rows,
        };
        let made = (to, packet.encode().into());
        if self.pace.made.len() >= PAGES_MADE_MAX {
            self.pace.made.clear();
        }
        self.pace.made.insert(from, made.clone());
        made
    }

    /// The link has settled a page.
    pub(super) fn on_page_settled(&mut self, key: PublicKey) {
        let head = self.names.head();
        let Some(member) = self.sessions.get_mut(&key).and_then(|s| s.here_mut()) else {
            return;
        };
        let cursor = &mut member.cursor;
        let page = std::mem::take(&mut cursor.page);
        if let Way::To(to) = page {
            cursor.at = to;
        }
        if cursor.at >= head && !cursor.owed {
            return;
        }
        // A page that ended at the head of its time is followed by the next tick.
        let caught_up = matches!(page, Way::To(to) if self.names.page_was_last(to));
        if caught_up {
            self.arm_table();
        } else {
            self.pump_table(key);
        }
    }
}

impl Names {
    /// True if little is missing after this version: what changed since can wait for the tick.
    fn page_was_last(&self, to: Version) -> bool {
        let later = self
            .by_version
            .range((Bound::Excluded(to), Bound::Unbounded));
        later.take(PAGES_MADE_MAX).count() < PAGES_MADE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, port: u16) -> NameRow {
        let presence = if port == 0 {
            Presence::Offline(Why::Away)
        } else {
            let address = ([192, 0, 2, 7], port).into();
            Presence::Online { address }
        };
        let mut key = [0; 32];
        key[..name.len()].copy_from_slice(name.as_bytes());
        NameRow {
            name: name.parse().unwrap(),
            identity: PublicKey(key),
            session_key: PublicKey(key),
            card: [].into(),
            presence,
            owner: Version(1),
        }
    }

    fn apply(names: &mut Names, at: u64, row: NameRow) {
        names.apply(Version(at), &row.name.clone(), Some(row));
    }

    fn rows(page: &Page) -> Vec<(String, u64)> {
        let rows = Row::decode_all(&page.rows).unwrap();
        let row = |row: &Row| (row.name.to_string(), row.version.0);
        rows.iter().map(row).collect()
    }

    #[test]
    fn a_page_from_a_version_holds_what_changed_since() {
        let mut names = Names::default();
        apply(&mut names, 1, row("alice", 7001));
        apply(&mut names, 2, row("bob", 7002));
        apply(&mut names, 3, row("alice", 0));
        assert_eq!(names.head(), Version(3));
        assert_eq!(names.online, 1);
        let all = [("bob".to_string(), 2), ("alice".to_string(), 3)];
        assert_eq!(rows(&names.page(Version(0))), all);
        assert_eq!(rows(&names.page(Version(2))), all[1..]);
        assert!(names.page(Version(3)).rows.is_empty());
    }

    #[test]
    fn the_digest_does_not_remember_the_way() {
        let (mut straight, mut winding) = (Names::default(), Names::default());
        apply(&mut straight, 4, row("alice", 7001));
        apply(&mut winding, 1, row("alice", 0));
        apply(&mut winding, 2, row("bob", 7002));
        apply(&mut winding, 4, row("alice", 7001));
        assert_ne!(straight.digest(), winding.digest());
        winding.apply(Version(5), &"bob".parse().unwrap(), None);
        assert_eq!(straight.digest(), winding.digest());
        assert_eq!(rows(&winding.page(Version(4))), [("bob".to_string(), 5)]);
        assert_eq!(winding.shown().len(), 1);
    }

    #[test]
    fn pages_are_bounded_and_together_are_the_table() {
        let mut names = Names::default();
        for i in 1..=1000 {
            apply(&mut names, i, row(&format!("name{i:04}"), 7001));
        }
        let (mut from, mut seen, mut pages) = (Version(0), Vec::new(), 0);
        while from < names.head() {
            let page = names.page(from);
            assert!(page.rows.len() <= TABLE_PAGE_BYTES);
            seen.extend(rows(&page));
            from = page.to;
            pages += 1;
        }
        assert_eq!((seen.len(), pages), (1000, 4));
    }

    #[test]
    fn what_is_older_than_known_changes_nothing() {
        let mut names = Names::default();
        apply(&mut names, 2, row("alice", 7001));
        let digest = names.digest();
        apply(&mut names, 1, row("alice", 0));
        assert_eq!((names.digest(), names.head()), (digest, Version(2)));
    }
}
