//! A message written in one's own editor, while the loop goes on answering the network.

use crate::model::limits::TEXT_BYTES_MAX;
use crate::shell::LineId;
use crate::shell::args::Target;
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// An editor that runs, and what it is for.
#[derive(Debug)]
pub struct Editing {
    child: Child,
    path: PathBuf,
    /// The line that asked for it.
    pub line: LineId,
    /// Whom the message is for.
    pub target: Target,
}

impl Editing {
    /// Starts the editor of the environment with an empty file, which only its owner can read.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub fn begin(directory: &Path, line: LineId, target: Target) -> Result<Self, String> {
        let editor = env::var_os("VISUAL").filter(|word| !word.is_empty());
        let editor = editor.or_else(|| env::var_os("EDITOR"));
        let path = directory.join(format!("message-{}.txt", std::process::id()));
        Self::start(editor, path, line, target)
    }

    fn start(
        editor: Option<OsString>,
        path: PathBuf,
        line: LineId,
        target: Target,
    ) -> Result<Self, String> {
        let editor = editor.unwrap_or_default();
        let editor = editor.to_string_lossy();
        // As git and others do it: `code --wait` is a word and its option.
        let mut words = editor.split_whitespace();
        let program = words
            .next()
            .ok_or("there is no editor: set VISUAL or EDITOR")?;
        // What a crash left behind under this process number is nobody's message.
        fs::remove_file(&path).ok();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let made = options.open(&path);
        made.map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        match Command::new(program).args(words).arg(&path).spawn() {
            Ok(child) => Ok(Self {
                child,
                path,
                line,
                target,
            }),
            Err(error) => {
                fs::remove_file(&path).ok();
                Err(format!("cannot start {program}: {error}"))
            }
        }
    }

    /// What was written, once the editor has ended.
    pub fn poll(&mut self) -> Option<Result<String, String>> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) if !status.success() => {
                Some(Err("the editor failed; nothing was sent".to_owned()))
            }
            Ok(Some(_)) => Some(self.read()),
            Err(error) => Some(Err(error.to_string())),
        }
    }

    fn read(&self) -> Result<String, String> {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            let file = File::open(&self.path)?;
            // One more than a text may have, so that it is refused and not cut.
            file.take(TEXT_BYTES_MAX as u64 + 2)
                .read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes).map_err(|_| "the text is not UTF-8")?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        if text.trim().is_empty() {
            return Err("nothing was written, nothing was sent".to_owned());
        }
        Ok(text.to_owned())
    }
}

/// An editor that runs when the program ends is asked to end, too; it has so long for it.
const END_STEP_MS: u16 = 20;
const END_STEPS: usize = 50;

impl Editing {
    /// Two programs would read from one terminal.
    fn end(&mut self) {
        let Ok(process) = i32::try_from(self.child.id()) else {
            return;
        };
        let is_over = |child: &mut Child| !matches!(child.try_wait(), Ok(None));
        if is_over(&mut self.child) {
            return;
        }
        kill(Pid::from_raw(process), Signal::SIGTERM).ok();
        for _ in 0..END_STEPS {
            if is_over(&mut self.child) {
                return;
            }
            poll(&mut [], PollTimeout::from(END_STEP_MS)).ok();
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Editing {
    fn drop(&mut self) {
        self.end();
        fs::remove_file(&self.path).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs this as an editor: a small shell program that gets the file as `$0`.
    fn written(script: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("editor");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        let mut mode = fs::metadata(&program).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o700);
        fs::set_permissions(&program, mode).unwrap();
        let path = folder.path().join("message");
        let target = Target::Name("bob".parse().unwrap());
        let editor = format!("{} --wait", program.display());
        let begun = Editing::start(Some(editor.into()), path.clone(), LineId(1), target);
        let mut editing = begun.unwrap();
        editing.child.wait().unwrap();
        let text = editing.poll().expect("it has ended");
        drop(editing);
        assert!(!path.exists(), "nothing is left behind");
        text.unwrap_or_else(|why| format!("refused: {why}"))
    }

    #[test]
    fn what_was_written_is_the_text_without_its_last_newline() {
        let text = written("test \"$1\" = --wait && printf 'one\\n  two\\n' > \"$2\"");
        assert_eq!(text, "one\n  two");
    }

    #[test]
    fn an_editor_that_still_runs_ends_with_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("editor");
        fs::write(&program, "#!/bin/sh\nread _ < \"$0.never\"\n").unwrap();
        let mut mode = fs::metadata(&program).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o700);
        fs::set_permissions(&program, mode).unwrap();
        let fifo = folder.path().join("editor.never");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let target = Target::Name("bob".parse().unwrap());
        let path = folder.path().join("message");
        let begun = Editing::start(Some(program.into()), path, LineId(1), target);
        let mut editing = begun.unwrap();
        assert!(editing.poll().is_none(), "it runs");
        let process = Pid::from_raw(i32::try_from(editing.child.id()).unwrap());
        drop(editing);
        assert_eq!(kill(process, None), Err(nix::errno::Errno::ESRCH));
    }

    #[test]
    fn an_empty_text_a_failed_editor_and_none_at_all_send_nothing() {
        for (script, why) in [
            ("true", "nothing was written"),
            ("exit 1", "the editor failed"),
            ("printf '\\377' > \"$2\"", "the text is not UTF-8"),
        ] {
            let refused = written(script);
            assert!(refused.starts_with(&format!("refused: {why}")), "{refused}");
        }
        let target = || Target::Name("bob".parse().unwrap());
        let none = |editor: Option<OsString>| {
            let path = env::temp_dir().join("ackchat-no-such-folder/message");
            Editing::start(editor, path, LineId(1), target()).unwrap_err()
        };
        assert!(none(None).contains("VISUAL or EDITOR"));
        assert!(none(Some(" ".into())).contains("VISUAL or EDITOR"));
        assert!(none(Some("vi".into())).contains("cannot make"));
    }
}
