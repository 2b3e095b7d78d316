//! What can be wrong with a store: before it is open, and with one commit.

use rusqlite::ffi::{SQLITE_IOERR_SHORT_READ, SQLITE_IOERR_WRITE};
use rusqlite::{Error, ErrorCode};

/// Why a store cannot be opened. Display: what is so and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The engine, or the machine, says no.
    #[error("it cannot be opened: {0}")]
    Cannot(String),
    /// Pages are broken.
    #[error("it is damaged ({0}): keep it, restore a backup, see docs/storage.md")]
    Damaged(String),
    /// There is not a single byte in it.
    #[error("it is empty, which no store ever is: restore a backup, or remove it to begin anew")]
    Empty,
    /// It is a file of something else.
    #[error("it is not a store of this kind: move it away, or choose another place with --data")]
    Foreign,
    /// A later version of the program wrote it.
    #[error("it has format {found}, this program knows {known}: use the version that wrote it")]
    Newer {
        /// The format of the file.
        found: u32,
        /// The latest format that is known here.
        known: u32,
    },
    /// Its tables are not those of its format.
    #[error(
        "its tables are not those of format {0}: a version that was never released made it; \
         move it away to begin anew"
    )]
    Unlike(u32),
    /// Whoever copied it left the log behind, and what was said last with it.
    #[error("its log, the file ending in -wal, is missing: put it beside it, or restore a backup")]
    WithoutLog,
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        match code(&error) {
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            _ => Self::Cannot(error.to_string()),
        }
    }
}

impl From<std::io::Error> for OpenError {
    fn from(error: std::io::Error) -> Self {
        Self::Cannot(error.to_string())
    }
}

/// How far a transaction came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It was being committed.
    Commit,
    /// Before that: nothing of it will ever be seen.
    Work,
}

/// What a failed transaction means for those who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Certainly not done: there is no room.
    Full,
    /// Nobody can say.
    Unknown,
    /// Certainly not done: the disk does not take it.
    Unwritable,
}

impl Failure {
    /// A write that the system refused leaves no commit behind: the last frame of a commit counts
    /// only whole (<https://www.sqlite.org/walformat.html>). A failed sync may leave one.
    pub(super) fn of(error: &Error, stage: Stage) -> Self {
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match code(error) {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::Unwritable,
            _ if extended == Some(SQLITE_IOERR_WRITE) || stage == Stage::Work => Self::Unwritable,
            _ => Self::Unknown,
        }
    }
}

/// True if the handle may go on after a rollback; else the file is opened anew.
pub(super) fn handle_is_sound(error: &Error) -> bool {
    matches!(
        code(error),
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)
    )
}

fn code(error: &Error) -> Option<ErrorCode> {
    if error.sqlite_error()?.extended_code == SQLITE_IOERR_SHORT_READ {
        // The file is shorter than it says.
        return Some(ErrorCode::DatabaseCorrupt);
    }
    error.sqlite_error_code()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi::{self, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_READONLY};

    #[test]
    fn only_a_commit_that_may_be_on_disk_is_unknown() {
        let error = |code| Error::SqliteFailure(ffi::Error::new(code), None);
        for (code, work, commit) in [
            (SQLITE_FULL, Failure::Full, Failure::Full),
            (SQLITE_READONLY, Failure::Unwritable, Failure::Unwritable),
            (SQLITE_IOERR_WRITE, Failure::Unwritable, Failure::Unwritable),
            (SQLITE_IOERR_FSYNC, Failure::Unwritable, Failure::Unknown),
            (SQLITE_CORRUPT, Failure::Unwritable, Failure::Unknown),
        ] {
            assert_eq!(Failure::of(&error(code), Stage::Work), work);
            assert_eq!(Failure::of(&error(code), Stage::Commit), commit);
        }
    }
}
