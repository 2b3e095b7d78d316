//! The copy of the table: rows, version and digest; a gap or a wrong digest is noticed.

use crate::model::{Name, Version};
use crate::planted;
use crate::secure::key::row_digest;
use crate::wire::Row;
use crate::wire::row::Status;
use std::collections::BTreeMap;

/// One node's copy.
#[derive(Default)]
pub(super) struct Table {
    rows: BTreeMap<Name, Row>,
    version: Version,
    digest: u64,
    /// Random number of the server's store it is a copy of; 0: of none.
    pub(super) store: u64,
    /// It was found wrong and is being fetched from the beginning.
    pub(super) fetching: bool,
}

/// What a `table` packet says besides its rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) head: u64,
    pub(super) digest: Option<u64>,
    pub(super) reset: bool,
}

/// What became of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// Rows that are new or changed. `reset`: all earlier ones were dropped before.
    Changed {
        rows: Vec<Row>,
        reset: bool,
        at_head: bool,
    },
    /// Earlier changes are missing: ask for what follows our version.
    Gap,
    /// The copy is wrong: ask for everything.
    Wrong,
}

impl Table {
    pub(super) const fn version(&self) -> Version {
        self.version
    }

    pub(super) const fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn row(&self, name: &Name) -> Option<&Row> {
        self.rows
            .get(name)
            .filter(|row| row.status != Status::Released)
    }

    pub(super) fn is_online(&self, name: &Name) -> bool {
        self.row(name)
            .is_some_and(|row| row.status == Status::Online)
    }

    /// All of them, released ones too.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// Online, and in all.
    pub(super) fn counts(&self) -> (usize, usize) {
        let here = |row: &&Row| row.status != Status::Released;
        let online = |row: &&Row| row.status == Status::Online;
        (
            self.rows.values().filter(online).count(),
            self.rows.values().filter(here).count(),
        )
    }

    /// Takes the copy that was on disk.
    pub(super) fn load(&mut self, store: u64, version: Version, rows: Vec<Row>) {
        self.store = store;
        self.version = version;
        for row in rows {
            self.put(row);
        }
    }

    /// The copy belongs to a history that no longer exists: the next page from 0 replaces it.
    pub(super) fn begin_again(&mut self, store: u64) {
        self.store = store;
        self.fetching = true;
    }

    /// True if the page replaces the whole copy.
    pub(super) const fn is_reset(&self, page: &Page) -> bool {
        page.reset || (self.fetching && page.from == 0)
    }

    pub(super) fn apply(&mut self, page: Page, rows: Vec<Row>) -> Applied {
        let reset = self.is_reset(&page);
        if self.fetching && !reset {
            return Applied::Gap;
        }
        if reset {
            self.rows.clear();
            self.version = Version(0);
            self.digest = 0;
            self.fetching = false;
        }
        if page.from > self.version.0 {
            return Applied::Gap;
        }
        let newer = |table: &Self, row: &Row| {
            table
                .rows
                .get(&row.name)
                .is_none_or(|known| known.version < row.version)
        };
        let mut changed = Vec::new();
        for row in rows {
            if newer(self, &row) {
                changed.push(row.clone());
                self.put(row);
            }
        }
        self.version = self.version.max(Version(page.to));
        let at_head = page.to >= page.head && self.version.0 >= page.head;
        let wrong = page.digest.is_some_and(|digest| digest != self.digest)
            && !planted!("digest-not-compared");
        if at_head && wrong && self.version.0 == page.to {
            self.fetching = true;
            return Applied::Wrong;
        }
        Applied::Changed {
            rows: changed,
            reset,
            at_head,
        }
    }

    fn put(&mut self, row: Row) {
        let summand = |row: &Row| {
            if row.status == Status::Released {
                return 0;
            }
            let mut bytes = Vec::new();
            row.encode(&mut bytes);
            row_digest(&bytes)
        };
        self.digest = self.digest.wrapping_add(summand(&row));
        if let Some(old) = self.rows.insert(row.name.clone(), row) {
            self.digest = self.digest.wrapping_sub(summand(&old));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PublicKey;

    fn row(name: &str, version: u64, status: Status) -> Row {
        Row {
            version: Version(version),
            name: name.parse().unwrap(),
            session_key: PublicKey([7; 32]),
            status,
            address: None,
        }
    }

    fn page(from: u64, to: u64, head: u64) -> Page {
        Page {
            from,
            to,
            head,
            digest: None,
            reset: false,
        }
    }

    fn changed(applied: &Applied) -> usize {
        match applied {
            Applied::Changed { rows, .. } => rows.len(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pages_are_applied_in_order_and_a_gap_is_noticed() {
        let mut table = Table::default();
        let first = table.apply(page(0, 2, 3), vec![row("a", 2, Status::Online)]);
        assert_eq!(changed(&first), 1);
        assert_eq!(table.apply(page(3, 4, 4), Vec::new()), Applied::Gap);
        let second = table.apply(page(2, 3, 3), vec![row("b", 3, Status::Away)]);
        assert!(matches!(second, Applied::Changed { at_head: true, .. }));
        assert_eq!(table.counts(), (1, 2));
    }

    #[test]
    fn an_old_row_does_not_replace_a_newer_one() {
        let mut table = Table::default();
        table.apply(page(0, 5, 5), vec![row("a", 5, Status::Away)]);
        let again = table.apply(page(0, 4, 5), vec![row("a", 4, Status::Online)]);
        assert_eq!(changed(&again), 0);
        assert!(!table.is_online(&"a".parse().unwrap()));
        assert_eq!(table.version(), Version(5));
    }

    #[test]
    fn the_digest_counts_rows_that_are_not_released() {
        let (mut table, mut other) = (Table::default(), Table::default());
        table.apply(page(0, 1, 1), vec![row("a", 1, Status::Online)]);
        other.apply(page(0, 1, 1), vec![row("a", 1, Status::Online)]);
        let right = other.digest();
        table.apply(page(1, 2, 2), vec![row("b", 2, Status::Online)]);
        table.apply(page(2, 3, 3), vec![row("b", 3, Status::Released)]);
        assert_eq!(table.digest(), right);
        assert!(table.row(&"b".parse().unwrap()).is_none());
    }

    #[test]
    fn a_wrong_digest_makes_it_fetch_everything() {
        let mut table = Table::default();
        table.apply(page(0, 1, 1), vec![row("a", 1, Status::Online)]);
        let digest = table.digest();
        let mut wrong = page(1, 2, 2);
        wrong.digest = Some(digest.wrapping_add(1));
        assert_eq!(table.apply(wrong, Vec::new()), Applied::Wrong);
        assert_eq!(table.apply(page(2, 3, 3), Vec::new()), Applied::Gap);
        let again = table.apply(page(0, 3, 3), vec![row("c", 3, Status::Online)]);
        assert!(matches!(again, Applied::Changed { reset: true, .. }));
        assert_eq!(table.counts(), (1, 1));
    }
}
