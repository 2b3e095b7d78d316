//! One SQLite file: how it is made, opened, judged and carried to a newer format.

use super::error::OpenError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What kind of store a file is.
pub(super) struct Kind {
    /// SQLite's `application_id`: four letters in the header of the file, in capitals while it is
    /// open.
    pub(super) application: u32,
    /// The steps from an empty file to the latest format, one for each format.
    pub(super) formats: &'static [&'static str],
    /// How large it may become.
    pub(super) bytes_max: u64,
    /// Room on the disk that is set aside for settling when all else is full.
    pub(super) reserve_bytes: usize,
}

impl Kind {
    /// The latest format.
    fn format(&self) -> u32 {
        u32::try_from(self.formats.len()).expect("there are few formats")
    }

    /// The mark of a file that is open: what was said last stands in the log beside it.
    const fn open_mark(&self) -> u32 {
        self.application ^ u32::from_be_bytes(*b"    ")
    }

    const fn is_mark(&self, application: u32) -> bool {
        application == self.application || application == self.open_mark()
    }
}

/// Somebody else may look at the file (a backup, a check): wait for them this long.
const BUSY: Duration = Duration::from_secs(5);

/// WAL with FULL: a commit is on disk when it returns; NORMAL would lose the last ones at a power
/// cut (<https://www.sqlite.org/pragma.html#pragma_synchronous>). `fullfsync` is for macOS, where
/// fsync does not reach the platter.
const HABITS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA foreign_keys = ON;
    PRAGMA cell_size_check = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
";

/// A file without a name can be lost: it is synced once, when it is whole.
const MAKING: &str = "
    PRAGMA synchronous = OFF;
    PRAGMA journal_mode = WAL;
";

/// Opens a store, makes it if there is none, looks for damage, and carries it to the latest format.
/// `first` is written together with the mark.
pub(super) fn open(
    path: &Path,
    kind: &Kind,
    first: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<Connection, OpenError> {
    if !path.try_exists()? {
        create(path, kind)?;
    }
    demand_whole(path, kind)?;
    let db = connect(path, kind, HABITS)?;
    demand_ours(&db, kind)?;
    demand_sound(&db)?;
    migrate(&db, kind)?;
    let step = db.unchecked_transaction()?;
    first(&step)?;
    mark(&step, kind.open_mark())?;
    step.commit()?;
    // Into the file itself. If somebody looks at it just now, that is done later.
    checkpoint(&db).ok();
    Ok(db)
}

/// Closes it: everything stands in the file itself, and there is no log any more.
pub(super) fn close(db: Connection, kind: &Kind) {
    // A file that says it is open keeps its log.
    if mark(&db, kind.application).is_ok() {
        empty_at_close(&db, true).ok();
    }
    drop(db);
}

/// Opens it again after a failure, without looking at every page.
pub(super) fn reopen(path: &Path, kind: &Kind) -> Result<Connection, OpenError> {
    let db = connect(path, kind, HABITS)?;
    demand_ours(&db, kind)?;
    // After a failed sync the log may be in memory and not on the disk, and no later sync would
    // write it (<https://lwn.net/Articles/752063/>): what it says is written anew elsewhere.
    checkpoint(&db)?;
    Ok(db)
}

/// Writes what the log holds into the file itself, and begins the log anew.
pub(super) fn checkpoint(db: &Connection) -> Result<(), OpenError> {
    let busy: bool = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        return Err(OpenError::Cannot("somebody else reads it".to_owned()));
    }
    Ok(())
}

/// Sets room aside, if that is not done already.
pub(super) fn reserve(path: &Path, kind: &Kind) -> io::Result<()> {
    let path = path.with_extension("reserve");
    let bytes = vec![0; kind.reserve_bytes];
    if path
        .metadata()
        .is_ok_and(|meta| meta.len() == bytes.len() as u64)
    {
        return Ok(());
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&path)?;
    let written = file.write_all(&bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        fs::remove_file(&path)?;
    }
    written
}

/// Gives the room back. True if there was some.
pub(super) fn release(path: &Path) -> bool {
    fs::remove_file(path.with_extension("reserve")).is_ok()
}

/// Opens a store to look at it, perhaps beside the program that owns it.
pub(super) fn look(path: &Path, kind: &Kind) -> Result<Connection, OpenError> {
    demand_whole(path, kind)?;
    let db = connect(path, kind, HABITS)?;
    demand_ours(&db, kind)?;
    Ok(db)
}

/// Bytes in use, without free pages inside the file.
pub(super) fn used_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let pages: u64 = pragma(db, "page_count")?;
    let free: u64 = pragma(db, "freelist_count")?;
    Ok(pages.saturating_sub(free) * pragma::<u64>(db, "page_size")?)
}

/// Everything there is to say about its pages and indexes; `ok` if nothing is wrong.
pub(super) fn examine(db: &Connection, pragma: &str) -> rusqlite::Result<String> {
    let mut found = Vec::new();
    db.pragma_query(None, pragma, |row| {
        found.push(row.get::<_, String>(0)?);
        Ok(())
    })?;
    Ok(found.join("; "))
}

/// Makes a store that nobody else can read. It gets its name when it is whole: a file of that name
/// is never an empty one.
fn create(path: &Path, kind: &Kind) -> Result<(), OpenError> {
    let new = path.with_extension("new");
    for left_behind in [new.clone(), log_of(&new), beside(&new, "-shm")] {
        fs::remove_file(left_behind).ok();
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(&new)?;
    let db = connect(&new, kind, MAKING)?;
    migrate(&db, kind)?;
    empty_at_close(&db, true)?;
    db.close().map_err(|(_, error)| error)?;
    File::open(&new)?.sync_all()?;
    // Unlike a rename, a link never replaces what appeared meanwhile.
    fs::hard_link(&new, path)?;
    fs::remove_file(&new)?;
    File::open(path.parent().expect("a store lies in a directory"))?.sync_all()?;
    Ok(())
}

/// The letters stand at 68 (<https://www.sqlite.org/fileformat.html#the_database_header>).
const MARK_AT: usize = 68;

/// Looks at the file alone: opening it would make what is missing.
fn demand_whole(path: &Path, kind: &Kind) -> Result<(), OpenError> {
    let mut header = Vec::new();
    File::open(path)?
        .take(MARK_AT as u64 + 4)
        .read_to_end(&mut header)?;
    let mark = header.get(MARK_AT..).and_then(|mark| mark.try_into().ok());
    if header.is_empty() {
        return Err(OpenError::Empty);
    }
    if mark.map(u32::from_be_bytes) == Some(kind.open_mark()) && !log_of(path).try_exists()? {
        return Err(OpenError::WithoutLog);
    }
    Ok(())
}

fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn mark(db: &Connection, mark: u32) -> rusqlite::Result<()> {
    db.pragma_update(None, "application_id", mark)
}

/// Whether the last one to close it writes the log into the file, and removes it.
fn empty_at_close(db: &Connection, empty: bool) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !empty)?;
    Ok(())
}

fn connect(path: &Path, kind: &Kind, habits: &str) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let db = Connection::open_with_flags(absolute(path)?, flags)?;
    db.busy_timeout(BUSY)?;
    db.execute_batch(habits)?;
    empty_at_close(&db, false)?;
    let page_bytes: u64 = pragma(&db, "page_size")?;
    let pages_max = (kind.bytes_max / page_bytes.max(1)).cast_signed();
    db.pragma_update(None, "max_page_count", pages_max)?;
    Ok(db)
}

/// A relative path may begin with `file:`, which SQLite would read as something else.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    let directory = path.parent().expect("a store lies in a directory");
    let name = path.file_name().expect("a store has a name");
    Ok(directory.canonicalize()?.join(name))
}

fn demand_ours(db: &Connection, kind: &Kind) -> Result<(), OpenError> {
    let found: u32 = pragma(db, "user_version")?;
    let application: u32 = pragma(db, "application_id")?;
    let known = kind.format();
    if found == 0 || !kind.is_mark(application) {
        return Err(OpenError::Foreign);
    }
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let model = Connection::open_in_memory()?;
    for format in kind.formats.iter().take(found as usize) {
        model.execute_batch(format)?;
    }
    if layout(db)? != layout(&model)? {
        return Err(OpenError::Unlike(found));
    }
    Ok(())
}

/// Every table and index as it was asked for; SQLite's own are its own business.
fn layout(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let select = "SELECT sql FROM sqlite_schema
        WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name";
    db.prepare(select)?
        .query_map([], |row| row.get(0))?
        .collect()
}

fn demand_sound(db: &Connection) -> Result<(), OpenError> {
    match examine(db, "quick_check")?.as_str() {
        "ok" => Ok(()),
        found => Err(OpenError::Damaged(first_line(found))),
    }
}

/// One step for each format it does not have yet; each is there as a whole or not at all.
fn migrate(db: &Connection, kind: &Kind) -> Result<(), OpenError> {
    let found: usize = pragma(db, "user_version")?;
    for (index, format) in kind.formats.iter().enumerate().skip(found) {
        let step = db.unchecked_transaction()?;
        step.execute_batch(format)?;
        step.pragma_update(None, "application_id", kind.application)?;
        step.pragma_update(None, "user_version", index + 1)?;
        step.commit()?;
    }
    Ok(())
}

fn pragma<T: rusqlite::types::FromSql>(db: &Connection, name: &str) -> rusqlite::Result<T> {
    db.pragma_query_value(None, name, |row| row.get(0))
}

/// Enough for one line of complaint; a headline, as `*** in database main ***`, says nothing.
pub(super) fn first_line(text: &str) -> String {
    let mut lines = text.split([';', '\n']).map(str::trim);
    let telling = lines.find(|line| !line.starts_with("***"));
    telling.unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_damaged_is_told_in_one_line_that_says_something() {
        for (found, line) in [
            (
                "*** in database main ***\nTree 5 page 5: btreeInitPage",
                "Tree 5 page 5: btreeInitPage",
            ),
            (
                "row 1 missing from index i; wrong # of entries",
                "row 1 missing from index i",
            ),
            (
                "database disk image is malformed",
                "database disk image is malformed",
            ),
        ] {
            assert_eq!(first_line(found), line);
        }
    }

    const OLD: Kind = Kind {
        application: 7,
        formats: &["CREATE TABLE t(a); INSERT INTO t VALUES (1);"],
        bytes_max: 1 << 20,
        reserve_bytes: 0,
    };
    const NEW: Kind = Kind {
        formats: &[
            OLD.formats[0],
            "ALTER TABLE t ADD COLUMN b; UPDATE t SET b = a + 1;",
        ],
        ..OLD
    };

    const WRONG: Kind = Kind {
        formats: &[
            OLD.formats[0],
            "ALTER TABLE t ADD COLUMN b; SELECT nothing;",
        ],
        ..OLD
    };

    fn opened(path: &Path, kind: &Kind) -> Result<Connection, OpenError> {
        open(path, kind, |_| Ok(()))
    }

    fn b_of(db: &Connection) -> i64 {
        db.query_row("SELECT b FROM t", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_store_is_carried_from_format_to_format_and_never_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        drop(opened(&path, &OLD).unwrap());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        for _ in 0..2 {
            assert_eq!(b_of(&opened(&path, &NEW).unwrap()), 2);
        }
        let newer = opened(&path, &OLD);
        assert!(matches!(
            newer,
            Err(OpenError::Newer { found: 2, known: 1 })
        ));
    }

    #[test]
    fn a_step_that_fails_leaves_the_format_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        drop(opened(&path, &OLD).unwrap());
        assert!(opened(&path, &WRONG).is_err());
        assert_eq!(b_of(&opened(&path, &NEW).unwrap()), 2);
    }

    #[test]
    fn a_store_whose_tables_are_not_those_of_its_format_is_refused() {
        const UNLIKE: Kind = Kind {
            formats: &["CREATE TABLE t(a, pending); INSERT INTO t VALUES (1, 2);"],
            ..OLD
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        close(open(&path, &OLD, |_| Ok(())).unwrap(), &OLD);
        assert!(matches!(
            open(&path, &UNLIKE, |_| Ok(())),
            Err(OpenError::Unlike(1))
        ));
        assert!(matches!(look(&path, &UNLIKE), Err(OpenError::Unlike(1))));
        drop(open(&path, &NEW, |_| Ok(())).unwrap());
    }

    #[test]
    fn another_programs_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        std::fs::write(&path, "this is a letter to my grandmother, and no store").unwrap();
        assert!(matches!(opened(&path, &OLD), Err(OpenError::Foreign)));
        let other = directory.path().join("other.db");
        drop(opened(&other, &OLD).unwrap());
        let ours = Kind {
            application: 8,
            ..OLD
        };
        assert!(matches!(opened(&other, &ours), Err(OpenError::Foreign)));
        assert!(matches!(look(&other, &ours), Err(OpenError::Foreign)));
    }

    #[test]
    fn a_store_is_whole_or_has_its_log_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let count = || fs::read_dir(directory.path()).unwrap().count();
        close(opened(&path, &OLD).unwrap(), &OLD);
        assert_eq!(count(), 1, "no log is left behind");
        let db = opened(&path, &OLD).unwrap();
        db.execute("INSERT INTO t VALUES (2)", []).unwrap();
        drop(db);
        // As after a kill; whoever looks leaves it as it is.
        drop(look(&path, &OLD).unwrap());
        let log = fs::read(log_of(&path)).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::remove_file(log_of(&path)).unwrap();
        for _ in 0..2 {
            assert!(matches!(opened(&path, &OLD), Err(OpenError::WithoutLog)));
            assert!(matches!(look(&path, &OLD), Err(OpenError::WithoutLog)));
        }
        fs::write(log_of(&path), log).unwrap();
        let db = opened(&path, &OLD).unwrap();
        let found = db.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, u32>(0));
        assert_eq!(found, Ok(2));
        close(db, &OLD);
        for (bytes, is_empty) in [(&whole[..0], true), (&whole[..1], false)] {
            fs::write(&path, bytes).unwrap();
            for result in [opened(&path, &OLD), look(&path, &OLD)] {
                let error = result.unwrap_err();
                assert_eq!(matches!(error, OpenError::Empty), is_empty, "{error}");
            }
        }
    }

    #[test]
    fn what_a_crash_left_of_a_store_that_was_being_made_is_no_store() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        fs::write(path.with_extension("new"), "half").unwrap();
        fs::write(directory.path().join("store.new-wal"), "half").unwrap();
        close(opened(&path, &OLD).unwrap(), &OLD);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_broken_page_is_noticed_at_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let db = opened(&path, &OLD).unwrap();
        let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)
            INSERT INTO t SELECT i FROM n";
        db.execute(many, []).unwrap();
        close(db, &OLD);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[2 * 4096..3 * 4096].fill(0x5a);
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(opened(&path, &OLD), Err(OpenError::Damaged(_))));
    }
}
