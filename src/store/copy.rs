//! Looking at a store and copying it, also beside the program that uses it.

use super::disk::{self, Kind};
use super::error::OpenError;
use super::{client, server};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Whose store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A client's profile.
    Client,
    /// The server.
    Server,
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Names that are bound, or rows of the table.
    pub names: u64,
    /// Mails that wait, or messages.
    pub messages: u64,
    /// Bytes in use.
    pub bytes: u64,
}

impl Whose {
    const fn kind(self) -> &'static Kind {
        match self {
            Self::Client => &client::KIND,
            Self::Server => &server::KIND,
        }
    }

    /// Who restores a copy goes back in time: by another number the clients of a server, or those
    /// who get messages of a client, know that its past is not the one they knew.
    const fn is_another(self) -> &'static str {
        match self {
            Self::Client => "UPDATE meta SET value = random() & 0xffffffff WHERE key = 'run'",
            Self::Server => "UPDATE meta SET value = random() WHERE key = 'id'",
        }
    }

    /// What is counted, and what must not be found.
    const fn questions(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Client => (
                "SELECT count(*) FROM rows",
                "SELECT count(*) FROM message",
                "SELECT 'an unknown state' FROM message WHERE state NOT BETWEEN 0 AND 6",
            ),
            Self::Server => (
                "SELECT count(*) FROM names WHERE identity IS NOT NULL",
                "SELECT (SELECT count(*) FROM mail) + (SELECT
                    coalesce(sum(length(pending) - length(replace(pending, char(10), ''))), 0)
                    FROM body)",
                "SELECT 'a mail without its text' FROM mail
                    WHERE body NOT IN (SELECT body FROM body)
                UNION ALL SELECT 'a text without its mail' FROM body
                    WHERE refs <> (SELECT count(*) FROM mail WHERE mail.body = body.body)
                UNION ALL SELECT 'a wrong count of mails' FROM share
                    WHERE sender = '' AND mails <> (SELECT count(*) FROM mail
                        WHERE mail.name = share.name AND message = 1)",
            ),
        }
    }
}

/// Reads every page and index, and compares what must agree.
///
/// # Errors
/// There is no such store, or it is damaged.
pub fn check(path: &Path, whose: Whose) -> Result<Contents, OpenError> {
    examine(&disk::look(path, whose.kind())?, whose)
}

fn examine(db: &Connection, whose: Whose) -> Result<Contents, OpenError> {
    let found = disk::examine(db, "integrity_check")?;
    if found != "ok" {
        return Err(OpenError::Damaged(disk::first_line(&found)));
    }
    let (names, messages, wrong) = whose.questions();
    let mut statement = db.prepare(wrong)?;
    if let Some(wrong) = statement.query([])?.next()? {
        return Err(OpenError::Damaged(wrong.get(0)?));
    }
    Ok(Contents {
        names: db.query_row(names, [], server::first)?,
        messages: db.query_row(messages, [], server::first)?,
        bytes: disk::used_bytes(db)?,
    })
}

/// Why there is no copy.
#[derive(Debug)]
pub enum NoCopy {
    /// The store cannot be read.
    Store(OpenError),
    /// The copy cannot be made; in words.
    Target(String),
}

impl From<std::io::Error> for NoCopy {
    fn from(error: std::io::Error) -> Self {
        Self::Target(error.to_string())
    }
}

impl From<rusqlite::Error> for NoCopy {
    fn from(error: rusqlite::Error) -> Self {
        Self::Target(error.to_string())
    }
}

/// Copies a store as it is at one moment into a file that does not exist yet. The copy gets its
/// name when it is whole, examined and durable.
///
/// # Errors
/// There is no such store, the file exists, or there is no room.
pub fn backup(path: &Path, whose: Whose, to: &Path) -> Result<Contents, NoCopy> {
    let from = disk::look(path, whose.kind()).map_err(NoCopy::Store)?;
    let directory = match to.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if to.try_exists()? {
        return Err(NoCopy::Target("it exists already".to_owned()));
    }
    let mut part = to.as_os_str().to_owned();
    part.push(format!(".new-{}", std::process::id()));
    let part = PathBuf::from(part);
    let copied = copy(&from, whose, &part).and_then(|contents| {
        // Unlike a rename, a link never replaces what appeared meanwhile.
        fs::hard_link(&part, to)?;
        Ok(contents)
    });
    fs::remove_file(&part).ok();
    let contents = copied?;
    File::open(directory)?.sync_all()?;
    Ok(contents)
}

fn copy(from: &Connection, whose: Whose, part: &Path) -> Result<Contents, NoCopy> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    drop(options.open(part)?);
    let mut copy = Connection::open(part.canonicalize()?)?;
    // All pages in one step: one reading transaction, hence one moment, and writers go on.
    let step = Backup::new(from, &mut copy)?.step(-1)?;
    if step != StepResult::Done {
        let why = "the store is busy: try again".to_owned();
        return Err(NoCopy::Store(OpenError::Cannot(why)));
    }
    // One file, without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.pragma_update(None, "application_id", whose.kind().application)?;
    copy.execute(whose.is_another(), [])?;
    // It has the pages of the store: what is wrong with it is wrong with both.
    let contents = examine(&copy, whose).map_err(NoCopy::Store)?;
    drop(copy);
    File::open(part)?.sync_all()?;
    Ok(contents)
}
