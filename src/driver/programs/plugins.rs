//! Programs that are commands: `ackchat-NAME` in `plugins/` beside config.toml, then on the PATH.
//!
//! Both places are looked at when such a name is listed, completed or run, never at the start.

use super::manifests::Manifests;
use crate::driver::{Fault, config, output, paths};
use crate::model::Name;
use crate::model::limits::PLUGINS_MAX;
use crate::shell::command::Command;
use crate::shell::external::{self, PREFIX, Source, Word};
use crate::shell::{Exit, Registry};
use serde::{Deserialize, Serialize};
use std::env;
use std::fs::{self, DirBuilder, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process;

/// Where such programs are, and what they said of themselves.
#[derive(Debug, Default)]
pub struct Plugins {
    folder: PathBuf,
    manifests: Manifests,
}

/// A program that is a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The command.
    pub word: Word,
    /// Its file.
    pub path: PathBuf,
    /// In which of the two places.
    pub source: Source,
    /// Which version of the file.
    pub stamp: Stamp,
}

/// A version of a file: when it was written, in nanoseconds, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp(pub(super) i64, pub(super) i64, pub(super) u64);

impl Plugins {
    /// With this folder as the first place.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        let manifests = Manifests::new(None);
        Self { folder, manifests }
    }

    /// What they say is remembered in this file.
    #[must_use]
    pub fn remembered(self, file: Option<PathBuf>) -> Self {
        let manifests = Manifests::new(file);
        Self { manifests, ..self }
    }

    /// All that are there, those in the folder first, those with the same name in the order in
    /// which they win.
    #[must_use]
    pub fn find(&mut self) -> Vec<Found> {
        self.manifests.recall();
        let mut found = Vec::new();
        look(&self.folder, Source::Folder, &mut found);
        let path = env::var_os("PATH").unwrap_or_default();
        for directory in env::split_paths(&path) {
            // What lies where somebody happens to stand is not installed.
            if directory.is_absolute() {
                look(&directory, Source::Path, &mut found);
            }
        }
        found.truncate(PLUGINS_MAX);
        found
    }

    /// Whether this version of a program has been asked what it is.
    #[must_use]
    pub fn knows(&self, found: &Found) -> bool {
        self.manifests.knows(&found.path, found.stamp)
    }

    /// What a program said of itself; nothing if it did not say it in time.
    pub fn learn(&mut self, found: &Found, manifest: Option<String>) {
        self.manifests
            .learn(found.path.clone(), found.stamp, manifest);
    }

    /// What they are as commands, as far as they said it.
    #[must_use]
    pub fn commands(&self, found: &[Found]) -> Vec<Command> {
        let command = |one: &Found| {
            let manifest = self.manifests.of(&one.path, one.stamp);
            external::command(&one.word, one.path.clone(), one.source, manifest)
        };
        found.iter().map(command).collect()
    }

    /// Writes a script to begin with.
    ///
    /// # Errors
    /// It is there already, or cannot be written.
    pub fn write_new(&self, word: &Word) -> io::Result<PathBuf> {
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o755).create(&self.folder)?;
        let path = self.folder.join(format!("{PREFIX}{}", word.as_str()));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(&path)?;
        file.write_all(script(word.as_str()).as_bytes())?;
        Ok(path)
    }
}

/// What is asked about such programs, without a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Which there are.
    List,
    /// A script for a new one.
    New(Word),
}

/// Answers it on standard output.
#[must_use]
pub fn answer(wish: &Wish) -> Exit {
    grant(wish).map_or_else(|fault| fault.report(), |words| output::say(&words))
}

fn grant(wish: &Wish) -> Result<String, Fault> {
    let mut plugins = Plugins::new(paths::config_directory()?.join("plugins"));
    match wish {
        Wish::List => {
            let mut registry = Registry::builtin();
            let found = plugins.find();
            registry.set_external(plugins.commands(&found));
            let (head, rows) = external::listed(&registry);
            Ok(format!("[{head}]\n{}", rows.join("\n"))
                .trim_end()
                .to_owned()
                + "\n")
        }
        Wish::New(word) => match plugins.write_new(word) {
            Ok(path) => Ok(format!("[A script to begin with: {}.]\n", path.display())),
            Err(error) => {
                let words = format!("Cannot write ackchat-{}: {error}.", word.as_str());
                Err(Fault::new(Exit::Refused, &words))
            }
        },
    }
}

/// The program of a name, as it would be run.
#[must_use]
pub fn program(folder: &Path, word: &str) -> Option<PathBuf> {
    let word = Word::new(word)?;
    let mut plugins = Plugins::new(folder.to_owned());
    let mut found = plugins.find().into_iter();
    found
        .find(|found| found.word == word)
        .map(|found| found.path)
}

/// Becomes such a program: it has our input, output and terminal, and its status is ours. Comes
/// back only if that cannot be.
#[must_use]
pub fn become_program(path: &Path, words: &[String]) -> Exit {
    let mut command = process::Command::new(path);
    command.args(words).env("PATH", path_with_us());
    command.env("ACKCHAT_PLUGIN_API", external::API.to_string());
    // Of the default profile, unless a session that called us said it.
    let name = config::name(None, None).ok().flatten();
    let name: Option<Name> = name.and_then(|name| name.parse().ok());
    if let Some(name) = name.filter(|_| env::var_os("ACKCHAT_SOCK").is_none()) {
        command.env("ACKCHAT_SELF", name.as_str());
        if let Ok(socket) = paths::socket(None, &name, None) {
            command.env("ACKCHAT_SOCK", socket);
        }
    }
    let error = command.exec();
    let words = format!("Cannot run {}: {error}.", path.display());
    Fault::new(Exit::CannotRun, &words).report()
}

/// The PATH, and last on it this very program, so that a script finds `ackchat`.
#[must_use]
pub fn path_with_us() -> String {
    let path = env::var("PATH").unwrap_or_default();
    let us = env::current_exe().ok();
    match us.as_deref().and_then(Path::parent).and_then(Path::to_str) {
        Some(us) if path.is_empty() => us.to_owned(),
        Some(us) => format!("{path}:{us}"),
        None => path,
    }
}

/// A script to begin with.
#[must_use]
pub fn script(name: &str) -> String {
    SCRIPT.replace("NAME", name)
}

const SCRIPT: &str = r#"#!/bin/sh
# ackchat-NAME: `NAME WHO` says hello. docs/extending.md tells what else a program can do.
if [ "$1" = --ackchat-manifest ]; then
  echo '{"api":1,"about":"say hello","args":[{"name":"who","kind":"peer"}],"examples":["NAME bob"]}'
  exit 0
fi
exec ackchat send "$1" -- "hello from $ACKCHAT_SELF"
"#;

fn look(directory: &Path, source: Source, found: &mut Vec<Found>) {
    let is_ours = |meta: &Metadata| source == Source::Path || meta.mode() & 0o022 == 0;
    // As config.toml: what others can write, others decide.
    if !fs::metadata(directory).is_ok_and(|meta| is_ours(&meta)) {
        return;
    }
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let word = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let Some(word) = word.and_then(Word::new) else {
            continue;
        };
        let path = entry.path();
        let meta = fs::metadata(&path).ok();
        let meta = meta.filter(|meta| meta.is_file() && meta.mode() & 0o111 != 0 && is_ours(meta));
        if let Some(meta) = meta {
            let stamp = Stamp(meta.mtime(), meta.mtime_nsec(), meta.len());
            found.push(Found {
                word,
                path,
                source,
                stamp,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_programs_with_a_right_name_that_others_cannot_write_are_commands() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("plugins");
        let plugins = Plugins::new(place.clone());
        let names = || -> Vec<String> {
            let found = Plugins::new(place.clone()).find().into_iter();
            let ours = found.filter(|found| found.source == Source::Folder);
            ours.map(|found| found.word.as_str().to_owned()).collect()
        };
        assert_eq!(names(), [""; 0]);
        let written = plugins.write_new(&Word::new("hello").unwrap()).unwrap();
        assert!(plugins.write_new(&Word::new("hello").unwrap()).is_err());
        for (name, mode) in [
            ("ackchat-open", 0o777),
            ("ackchat-no", 0o644),
            ("ackchat--rf", 0o755),
            ("ackchat-", 0o755),
            ("other-x", 0o755),
        ] {
            fs::write(place.join(name), "").unwrap();
            fs::set_permissions(place.join(name), Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir(place.join("ackchat-folder")).unwrap();
        assert_eq!(names(), ["hello"]);
        assert_eq!(program(&place, "hello"), Some(written));
        assert_eq!(program(&place, "../hello"), None);
        fs::set_permissions(&place, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(names(), [""; 0], "others could put programs there");
    }

    #[test]
    fn what_a_program_said_is_forgotten_when_its_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let mut plugins = Plugins::new(folder.path().to_owned());
        let path = plugins.write_new(&Word::new("hello").unwrap()).unwrap();
        let ours = |plugins: &mut Plugins| plugins.find().swap_remove(0);
        let found = ours(&mut plugins);
        assert!(!plugins.knows(&found));
        let manifest = r#"{"api":1,"about":"x","args":[]}"#;
        plugins.learn(&found, Some(manifest.to_owned()));
        assert!(plugins.knows(&found));
        assert_eq!(plugins.commands(&[found])[0].about, "x");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        assert!(!{
            let now = ours(&mut plugins);
            plugins.knows(&now)
        });
    }
}
