//! The file of lines typed at a terminal: one per profile, readable by its owner alone.

use crate::model::limits::HISTORY_LINES_MAX;
use rustyline::Config;
use rustyline::error::ReadlineError;
use rustyline::history::{FileHistory, History as _};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where lines are kept. It is a convenience, not a record: what fails is told once.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    /// What there is to tell.
    complaint: Option<String>,
    failed: bool,
}

impl History {
    /// Reads the lines. A file that cannot be read is set aside: every later append would fail.
    #[must_use]
    pub fn open(path: &Path) -> (Self, FileHistory) {
        let mut history = Self {
            path: path.to_owned(),
            complaint: None,
            failed: false,
        };
        let mut lines = empty();
        match lines.load(path) {
            Ok(()) => {}
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                lines = empty();
                history.set_aside(&error);
            }
        }
        (history, lines)
    }

    /// Appends what was remembered since the last call; lines of other programs stay.
    pub fn save(&mut self, lines: &mut FileHistory) {
        if self.failed {
            return;
        }
        if let Err(error) = lines.append(&self.path) {
            self.failed = true;
            self.complaint = Some(format!("  lines are not kept: {error}"));
        }
    }

    /// What there is to tell, once, as a hint line.
    pub fn take_complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    fn set_aside(&mut self, error: &ReadlineError) {
        let aside = self.path.with_extension("unreadable");
        let moved = fs::rename(&self.path, &aside);
        self.failed = moved.is_err();
        let path = aside.display();
        self.complaint = Some(match moved {
            Ok(()) => format!("  older lines were set aside as {path}: {error}"),
            Err(error) => format!("  lines are not kept: {error}"),
        });
    }
}

/// Repetitions are dropped, and so is a line that begins with a blank.
fn empty() -> FileHistory {
    let config = Config::builder()
        .max_history_size(HISTORY_LINES_MAX)
        .map(|builder| builder.history_ignore_space(true).build());
    FileHistory::with_config(&config.expect("a size is a size"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn lines(history: &FileHistory) -> Vec<&str> {
        history.iter().map(String::as_str).collect()
    }

    #[test]
    fn lines_outlive_the_program_and_only_the_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let (mut history, mut kept) = History::open(&path);
        for line in ["one", "one", " secret", "two\nrows", ""] {
            kept.add(line).unwrap();
            history.save(&mut kept);
        }
        assert_eq!(history.take_complaint(), None);
        let (_, kept) = History::open(&path);
        assert_eq!(lines(&kept), ["one", "two\nrows"]);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn two_programs_keep_each_others_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let (mut first, mut mine) = History::open(&path);
        let (mut second, mut yours) = History::open(&path);
        mine.add("mine").unwrap();
        first.save(&mut mine);
        yours.add("yours").unwrap();
        second.save(&mut yours);
        mine.add("mine again").unwrap();
        first.save(&mut mine);
        let (_, kept) = History::open(&path);
        assert_eq!(lines(&kept), ["mine", "yours", "mine again"]);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_set_aside_and_that_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        fs::write(&path, b"#V2\n\xff\xfe\n").unwrap();
        let (mut history, mut kept) = History::open(&path);
        assert!(history.take_complaint().unwrap().contains("set aside"));
        assert_eq!(history.take_complaint(), None);
        kept.add("new").unwrap();
        history.save(&mut kept);
        assert!(path.with_extension("unreadable").exists());
        assert_eq!(lines(&History::open(&path).1), ["new"]);
    }
}
