//! `--trace FILE`: every packet as a JSON line, as it was inside the encryption.

use super::Fault;
use crate::shell::Exit;
use crate::wire::Traced;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that traces go to; only its owner may read it, and it never replaces another.
#[derive(Debug)]
pub struct Trace {
    path: PathBuf,
    /// None after it failed once.
    file: Option<File>,
    lines: String,
}

impl Trace {
    /// Makes the file.
    ///
    /// # Errors
    /// If it exists or cannot be made.
    pub fn create(path: &Path) -> Result<Self, Fault> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(path).map_err(|error| {
            let words = format!("Cannot make the trace file {}: {error}.", path.display());
            Fault::new(Exit::Usage, &words)
        })?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            lines: String::new(),
        })
    }

    /// Takes a packet; it is written at the end of the turn.
    pub fn push(&mut self, traced: &Traced, unix_ms: i64) {
        self.lines.push_str(&traced.line(unix_ms));
        self.lines.push('\n');
    }

    /// Writes what the turn brought. A disk that refuses ends the trace, not the chat.
    pub fn flush(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let Some(file) = self.file.as_mut().filter(|_| !lines.is_empty()) else {
            return;
        };
        if let Err(error) = file.write_all(lines.as_bytes()) {
            let path = self.path.display();
            super::output::complain(&format!("[The trace {path} ends here: {error}.]"));
            self.file = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_trace_is_private_and_never_overwrites() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace");
        Trace::create(&path).unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Trace::create(&path).unwrap_err().exit, Exit::Usage);
    }
}
