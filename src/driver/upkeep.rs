//! What an operator does with a store: look for damage, copy it. The server may run meanwhile.

use super::output::say;
use super::{Fault, paths, store_fault};
use crate::model::Name;
use crate::shell::Exit;
use crate::store::copy::{self, Contents, NoCopy, Whose};
use std::path::PathBuf;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Copy a store.
    Backup(Backup),
    /// Look for damage in the server's store, in this data directory.
    Check(Option<PathBuf>),
}

/// A copy of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// A file that does not exist yet.
    pub file: PathBuf,
    /// Whose store; none: the server's.
    pub profile: Option<Name>,
    /// In place of the user's data directory.
    pub data: Option<PathBuf>,
}

/// Does it, and says in one line what came of it.
#[must_use]
pub fn run(upkeep: &Upkeep) -> Exit {
    let done = match upkeep {
        Upkeep::Backup(backup) => self::backup(backup),
        Upkeep::Check(data) => check(data.as_ref()),
    };
    match done {
        Ok(line) => say(&format!("[{line}]\n")),
        Err(fault) => fault.report(),
    }
}

fn check(data: Option<&PathBuf>) -> Result<String, Fault> {
    let path = paths::store(data.map(PathBuf::as_path), None)?;
    let found = copy::check(&path, Whose::Server).map_err(|error| store_fault(&path, &error))?;
    Ok(format!(
        "The store {} is in order: {}.",
        path.display(),
        words(found)
    ))
}

fn backup(backup: &Backup) -> Result<String, Fault> {
    let path = paths::store(backup.data.as_deref(), backup.profile.as_ref())?;
    let whose = match backup.profile {
        Some(_) => Whose::Client,
        None => Whose::Server,
    };
    let file = backup.file.display();
    let copied = copy::backup(&path, whose, &backup.file).map_err(|why| match why {
        NoCopy::Store(error) => store_fault(&path, &error),
        NoCopy::Target(why) => {
            Fault::new(Exit::Unreachable, &format!("Cannot write {file}: {why}."))
        }
    })?;
    Ok(format!(
        "{file} is a copy of {}: {}.",
        path.display(),
        words(copied)
    ))
}

fn words(contents: Contents) -> String {
    let Contents {
        names,
        messages,
        bytes,
    } = contents;
    format!("{names} names, {messages} messages, {bytes} bytes")
}
