//! What programs said of themselves, kept on disk: each version of a program is asked once.

use super::plugins::Stamp;
use crate::model::limits::{MANIFEST_BYTES_MAX, PLUGINS_MAX};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;

/// What they said. What could not be read or written is asked again, and nothing else comes of it.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    told: BTreeMap<PathBuf, Told>,
    /// Where it is kept, and whether it was read.
    file: Option<PathBuf>,
    is_read: bool,
}

/// What one version of a program said; nothing if it did not say it well, or in time.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told {
    stamp: Stamp,
    manifest: Option<String>,
}

impl Manifests {
    /// As far as they are in this file; without one they are forgotten with this.
    pub(super) const fn new(file: Option<PathBuf>) -> Self {
        Self {
            told: BTreeMap::new(),
            file,
            is_read: false,
        }
    }

    /// Reads what is on disk, once.
    pub(super) fn recall(&mut self) {
        if let Some(file) = self.file.as_deref().filter(|_| !self.is_read) {
            self.told = read(file);
        }
        self.is_read = true;
    }

    /// Whether this version of a program was asked.
    pub(super) fn knows(&self, path: &Path, stamp: Stamp) -> bool {
        self.version(path, stamp).is_some()
    }

    /// What it said; nothing if it was not asked, or did not answer.
    pub(super) fn of(&self, path: &Path, stamp: Stamp) -> Option<&str> {
        self.version(path, stamp)?.manifest.as_deref()
    }

    fn version(&self, path: &Path, stamp: Stamp) -> Option<&Told> {
        self.told.get(path).filter(|told| told.stamp == stamp)
    }

    /// It was asked. Only what was said well is written down: a program that was late may be in
    /// time when the machine is less busy.
    pub(super) fn learn(&mut self, path: PathBuf, stamp: Stamp, manifest: Option<String>) {
        let is_said = manifest.is_some();
        let told = Told { stamp, manifest };
        while self.told.len() >= PLUGINS_MAX && !self.told.contains_key(&path) {
            self.told.pop_first();
        }
        self.told.insert(path, told);
        if let Some(file) = self.file.as_deref().filter(|_| is_said) {
            // Another session may have learned something meanwhile.
            let mut all = read(file);
            let said = self.told.iter().filter(|(_, told)| told.manifest.is_some());
            all.extend(said.map(|(path, told)| (path.clone(), told.clone())));
            all.retain(|path, _| path.exists());
            write(file, &all).ok();
        }
    }
}

fn read(file: &Path) -> BTreeMap<PathBuf, Told> {
    let mut bytes = Vec::new();
    // Each byte may be escaped by six.
    let limit = (6 * MANIFEST_BYTES_MAX * PLUGINS_MAX) as u64;
    let read = File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    let told = read.ok().and_then(|_| serde_json::from_slice(&bytes).ok());
    told.unwrap_or_default()
}

/// In place of what is there, whole or not at all.
fn write(file: &Path, told: &BTreeMap<PathBuf, Told>) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700).create(directory)?;
    }
    let new = file.with_extension(process::id().to_string());
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let bytes = serde_json::to_vec(told)?;
    let written = options
        .open(&new)
        .and_then(|mut new| new.write_all(&bytes))
        .and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        fs::remove_file(&new).ok();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learned_last_is_known_however_many_others_are() {
        let mut manifests = Manifests::new(None);
        let stamp = Stamp(1, 2, 3);
        for number in (0..=PLUGINS_MAX).rev() {
            let path = PathBuf::from(format!("{number:04}"));
            manifests.learn(path.clone(), stamp, None);
            assert!(manifests.knows(&path, stamp), "{number}");
        }
        assert_eq!(manifests.told.len(), PLUGINS_MAX);
    }

    #[test]
    fn what_a_version_of_a_program_said_is_known_to_the_next_session_and_failures_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/manifests");
        let path = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            path
        };
        let (good, late) = (path("good"), path("late"));
        let (old, new) = (Stamp(1, 2, 3), Stamp(1, 2, 4));
        let again = || {
            let mut manifests = Manifests::new(Some(file.clone()));
            manifests.recall();
            manifests
        };
        let mut first = again();
        first.learn(good.clone(), old, Some("{}".to_owned()));
        first.learn(late.clone(), old, None);
        assert!(first.knows(&late, old) && first.of(&late, old).is_none());
        let mut second = again();
        assert_eq!(second.of(&good, old), Some("{}"));
        assert!(!second.knows(&good, new), "another version");
        assert!(!second.knows(&late, old));
        second.learn(good.clone(), new, Some("[]".to_owned()));
        first.learn(late.clone(), new, Some("1".to_owned()));
        assert_eq!(again().of(&late, new), Some("1"));
        for broken in ["", "{", "[1]"] {
            fs::write(&file, broken).unwrap();
            assert!(!again().knows(&late, new));
        }
    }
}
