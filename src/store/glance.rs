//! A glance at a client's store from outside, for names to complete: a moment, or nothing.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// Whoever writes at this moment is not waited for much longer than a key is held down.
const BUSY: Duration = Duration::from_millis(100);
/// Names that are read; more than this nobody reads on a screen.
const NAMES_MAX: usize = 10_000;

/// People whom the profile has met: in its table, by their keys, in its history.
#[must_use]
pub fn names(store: &Path) -> Option<Vec<String>> {
    read(
        store,
        "SELECT spelled FROM pins
         UNION SELECT spelled FROM message WHERE sender <> ''
         UNION SELECT name FROM rows WHERE name NOT IN (SELECT of FROM pins)
         ORDER BY 1",
    )
}

/// Groups in its history.
#[must_use]
pub fn groups(store: &Path) -> Option<Vec<String>> {
    read(
        store,
        "SELECT DISTINCT substr(talk_spelled, 2) FROM message WHERE talk LIKE '#%' ORDER BY 1",
    )
}

fn read(store: &Path, question: &str) -> Option<Vec<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let db = Connection::open_with_flags(store.canonicalize().ok()?, flags).ok()?;
    // A program that was killed finds its log again.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .ok()?;
    db.busy_timeout(BUSY).ok()?;
    db.pragma_update(None, "query_only", true).ok()?;
    let mut statement = db.prepare(question).ok()?;
    let rows = statement.query_map([], |row| row.get(0)).ok()?;
    let rows: Result<Vec<String>, _> = rows.take(NAMES_MAX).collect();
    rows.ok()
}
