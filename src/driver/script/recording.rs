//! `record start FILE`: the recorder's script in a private file that replaces no other.

use crate::model::{Instant, Name};
use crate::script::record::Recorder;
use crate::shell::command::Recording as Wish;
use crate::shell::fields::Fact;
use crate::shell::{LineId, Outcome};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// The one recording of a client, if there is one.
#[derive(Debug, Default)]
pub struct Recording {
    open: Option<Open>,
    /// Lines of this turn: one of them may turn out to begin a recording of those after it.
    recent: Vec<(Instant, LineId, String)>,
}

#[derive(Debug)]
struct Open {
    path: String,
    file: File,
    recorder: Recorder,
}

impl Recording {
    /// Begins or ends it.
    ///
    /// # Errors
    /// There is one already or none, or the file exists or cannot be made; in words for people.
    pub fn handle_wish(&mut self, me: &Name, line: LineId, wish: Wish) -> Result<String, String> {
        match (wish, self.open.take()) {
            (Wish::Start(path), None) => {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true).mode(0o600);
                let file = options
                    .open(&path)
                    .map_err(|error| format!("[Cannot record to {path}: {error}.]"))?;
                let words = format!("[Recording to {path}.]");
                let mut recorder = Recorder::new(me, Vec::new());
                for (at, id, text) in self.recent.drain(..).filter(|(_, id, _)| *id > line) {
                    recorder.handle_line(at, id, &text);
                }
                self.open = Some(Open {
                    path,
                    file,
                    recorder,
                });
                Ok(words)
            }
            (Wish::Start(_), Some(open)) => {
                let words = format!("[Recording to {} already. First: record stop]", open.path);
                self.open = Some(open);
                Err(words)
            }
            (Wish::Stop, Some(mut open)) => {
                open.recorder.handle_stop(line);
                open.finish()
            }
            (Wish::Stop, None) => Err("[There is no recording. First: record start]".to_owned()),
        }
    }

    /// A line was handed to the shell.
    pub fn handle_line(&mut self, now: Instant, id: LineId, line: &str) {
        match &mut self.open {
            None => self.recent.push((now, id, line.to_owned())),
            Some(open) => open.recorder.handle_line(now, id, line),
        }
    }

    /// A line has its outcome.
    pub fn handle_settled(&mut self, id: LineId, outcome: &Outcome) {
        if let Some(open) = &mut self.open {
            open.recorder.handle_settled(id, outcome);
        }
    }

    /// Something happened.
    pub fn handle_fact(&mut self, now: Instant, fact: &Fact) {
        if let Some(open) = &mut self.open {
            open.recorder.handle_fact(now, fact);
        }
    }

    /// Writes what the turn brought. A disk that refuses ends the recording, not the chat; the
    /// words say so.
    pub fn flush(&mut self) -> Option<String> {
        self.recent.clear();
        let open = self.open.as_mut()?;
        let text = open.recorder.poll_text()?;
        let error = open.file.write_all(text.as_bytes()).err()?;
        let words = format!("[The recording {} ends here: {error}.]", open.path);
        self.open = None;
        Some(words)
    }

    /// The program ends, and with it the recording.
    pub fn end(&mut self) -> Option<String> {
        self.open.take()?.finish().err()
    }
}

impl Open {
    fn finish(mut self) -> Result<String, String> {
        let text = self.recorder.finish();
        let path = self.path;
        match self.file.write_all(text.as_bytes()) {
            Ok(()) => Ok(format!("[Recorded to {path}.]")),
            Err(error) => Err(format!("[The recording {path} lacks its end: {error}.]")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_recording_is_private_and_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.chat");
        let name: Name = "alice".parse().unwrap();
        let start = || Wish::Start(path.to_str().unwrap().to_owned());
        let mut recording = Recording::default();
        let [one, two, three, four] = [1, 2, 3, 4].map(LineId);
        recording.handle_line(Instant(0), one, "help");
        assert!(recording.handle_wish(&name, one, Wish::Stop).is_err());
        recording.handle_line(Instant(0), two, "record start");
        recording.handle_line(Instant(0), three, "table");
        assert!(recording.handle_wish(&name, two, start()).is_ok());
        assert!(recording.handle_wish(&name, three, start()).is_err());
        recording.handle_line(Instant(0), four, "help");
        recording.handle_line(Instant(0), LineId(5), "exit");
        assert_eq!(recording.flush(), None);
        assert!(recording.handle_wish(&name, four, Wish::Stop).is_ok());
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.ends_with("as alice\nalice&> table\nalice&> help\n"),
            "{text}"
        );
        assert!(recording.handle_wish(&name, four, start()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
