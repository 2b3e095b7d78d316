//! A command of somebody else, run to its end: its output goes where ours goes, its last lines are
//! kept, and somebody is told how it ended.

use super::oneshot::{self, Options, Task};
use crate::driver::Fault;
use crate::driver::output;
use crate::model::limits::{CHILD_COMPLAINT_BYTES_MAX, TEXT_BYTES_MAX};
use crate::shell::Exit;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How many of its last lines are told if it failed.
    pub tail: usize,
}

/// How it ended.
struct End {
    code: u8,
    seconds: u64,
    /// The end of what it wrote.
    written: Vec<u8>,
}

/// Runs it and tells; gives its own status, or that nobody has the message.
#[must_use]
pub fn run(options: &Options, wrapped: &Wrapped) -> u8 {
    let end = match perform(wrapped) {
        Ok(end) => end,
        Err(error) => {
            let code = match error.kind() {
                io::ErrorKind::NotFound => 127,
                _ => 126,
            };
            let words = format!("{error}");
            output::complain(&format!("[{}: {words}.]", wrapped.command[0]));
            End {
                code,
                seconds: 0,
                written: words.into_bytes(),
            }
        }
    };
    let mut options = options.clone();
    if let Task::Call(command) = &mut options.task {
        command.words.push(words(wrapped, &end));
    }
    let told = oneshot::run(&options);
    match (end.code, told) {
        (0, told) => told.code(),
        (code, _) => code,
    }
}

/// `make test: exit 2 after 12s`, and below it the last lines.
fn words(wrapped: &Wrapped, end: &End) -> String {
    let End { code, seconds, .. } = end;
    let command = wrapped.command.join(" ");
    let mut words = format!("{command}: exit {code} after {seconds}s");
    if *code != 0 {
        let written = String::from_utf8_lossy(&end.written);
        let lines: Vec<&str> = written.lines().collect();
        let first = lines.len().saturating_sub(wrapped.tail);
        for line in &lines[first..] {
            words.push('\n');
            words += line;
        }
    }
    let mut length = words.len().min(TEXT_BYTES_MAX);
    while !words.is_char_boundary(length) {
        length -= 1;
    }
    words.truncate(length);
    words
}

fn perform(wrapped: &Wrapped) -> io::Result<End> {
    let ambient = crate::driver::ambient::Ambient::new();
    let began = ambient.now().instant;
    let mut command = Command::new(&wrapped.command[0]);
    command
        .args(&wrapped.command[1..])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let written = pass_on(&mut child);
    let status = child.wait()?;
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Ok(End {
        code: code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        seconds: ambient.now().instant.since(began).as_secs(),
        written,
    })
}

/// Both streams as they come, until both are closed; gives the end of them.
fn pass_on(child: &mut Child) -> Vec<u8> {
    let mut out = child.stdout.take();
    let mut err = child.stderr.take();
    let mut kept = Vec::new();
    let mut buffer = vec![0; CHILD_COMPLAINT_BYTES_MAX];
    while out.is_some() || err.is_some() {
        let mut fds: Vec<PollFd<'_>> = Vec::new();
        fds.extend(
            out.iter()
                .map(|out| PollFd::new(out.as_fd(), PollFlags::POLLIN)),
        );
        fds.extend(
            err.iter()
                .map(|err| PollFd::new(err.as_fd(), PollFlags::POLLIN)),
        );
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => break,
        }
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        drop(fds);
        let mut ready = ready.into_iter();
        if out.is_some() && ready.next() == Some(true) {
            pass_one(&mut out, io::stdout().as_fd(), &mut buffer, &mut kept);
        }
        if err.is_some() && ready.next() == Some(true) {
            pass_one(&mut err, io::stderr().as_fd(), &mut buffer, &mut kept);
        }
    }
    kept
}

/// What is there now; a stream that has ended is taken away.
fn pass_one<R: Read>(
    from: &mut Option<R>,
    to: BorrowedFd<'_>,
    buffer: &mut [u8],
    kept: &mut Vec<u8>,
) {
    let length = match from.as_mut().map(|from| from.read(buffer)) {
        Some(Ok(length @ 1..)) => length,
        Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => return,
        _ => {
            *from = None;
            return;
        }
    };
    let bytes = &buffer[..length];
    // Whoever reads no more does not end the command.
    output::put_bytes(to, bytes).ok();
    kept.extend_from_slice(bytes);
    let over = kept.len().saturating_sub(buffer.len());
    kept.drain(..over);
}

/// The whole of standard input as one text; a last newline is no part of it.
///
/// # Errors
/// It is too long, or no text.
pub fn read_text() -> Result<String, Fault> {
    let wrong = |words: &str| Fault::new(Exit::Usage, words);
    let mut bytes = Vec::new();
    let limit = TEXT_BYTES_MAX as u64 + 2;
    if io::stdin().take(limit).read_to_end(&mut bytes).is_err() {
        return Err(wrong("Standard input cannot be read."));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("Standard input is not UTF-8."))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if text.len() > TEXT_BYTES_MAX {
        let words = format!("Standard input is longer than {TEXT_BYTES_MAX} bytes: see pipe.");
        return Err(wrong(&words));
    }
    Ok(text.to_owned())
}
