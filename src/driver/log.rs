//! The log of a profile: what hooks complain of, a line each, for its owner only.

use crate::model::Now;
use crate::model::limits::LOG_BYTES_MAX;
use crate::shell::clean;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// A file that lines are added to. The one before it is kept when it is full.
#[derive(Debug)]
pub struct Log(PathBuf);

impl Log {
    /// In this file, which need not be there yet.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Adds a line: when, who, and what, fit for a screen and without a line feed, so that nobody
    /// writes a line that looks like another's.
    pub fn note(&self, now: Now, who: &str, what: &str) {
        self.keep(now, who, what.as_bytes());
    }

    /// The same for all lines of what a program wrote.
    pub fn keep(&self, now: Now, who: &str, bytes: &[u8]) {
        let stamp = now.wall.rfc_3339();
        let who = clean::line(who);
        let text = String::from_utf8_lossy(bytes);
        let rows = text.lines().filter(|row| !row.trim().is_empty());
        let rows = rows.map(|row| format!("{stamp} {who}: {}\n", clean::line(row)));
        let rows = rows.collect::<Vec<_>>().concat();
        if !rows.is_empty() {
            // A log that cannot be written stops nobody.
            self.append(&rows).ok();
        }
    }

    fn append(&self, rows: &str) -> io::Result<()> {
        if fs::metadata(&self.0).is_ok_and(|meta| meta.len() >= LOG_BYTES_MAX) {
            fs::rename(&self.0, self.0.with_extension("1"))?;
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        options.open(&self.0)?.write_all(rows.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_cannot_write_a_line_that_looks_like_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Log::new(path.clone());
        log.keep(Now::default(), "hook h", b"\x1b[2Ja\rb\n\n\xffc\n");
        log.note(Now::default(), "hook h", "ended");
        let text = fs::read_to_string(&path).unwrap();
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 3, "{text}");
        for row in rows {
            assert!(
                row.starts_with("1970-01-01T00:00:00.000Z hook h: "),
                "{row}"
            );
            assert!(!row.contains(['\u{1b}', '\r']), "{row}");
        }
    }

    #[test]
    fn a_full_log_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, vec![b'x'; usize::try_from(LOG_BYTES_MAX).unwrap()]).unwrap();
        let log = Log::new(path.clone());
        log.note(Now::default(), "a", "b");
        assert!(fs::metadata(&path).unwrap().len() < 100);
        assert!(path.with_extension("1").exists());
    }
}
