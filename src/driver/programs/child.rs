//! A process of somebody else in the loop: fed, read and ended without ever waiting for it.
//!
//! It is started by its words, never by a line for a shell, and leads a process group of its own.
//! It has ended when it has ended and its standard output is closed: what it left running in the
//! background goes on, unless that still holds the output.

use crate::model::Instant;
use crate::model::limits::{CHILD_COMPLAINT_BYTES_MAX, CHILD_GRACE};
use mio::unix::pipe::{Receiver, Sender};
use mio::{Interest, Registry, Token};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child as Process, Command, Stdio};
use std::time::Duration;

/// What is to be started.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// The program: a path, or a name to be found on the PATH.
    pub program: OsString,
    /// Its arguments, each one word.
    pub words: Vec<String>,
    /// What its environment has besides ours, and, without a value, what it has not.
    pub environment: Vec<(&'static str, Option<String>)>,
    /// Where it starts, if not where we are.
    pub directory: Option<PathBuf>,
    /// What it reads.
    pub input: Vec<u8>,
    /// What is kept of its standard output; the rest is read and thrown away.
    pub output_bytes_max: usize,
    /// It is ended after so long.
    pub limit: Duration,
}

/// A process that runs.
#[derive(Debug)]
pub struct Child {
    process: Process,
    input: Option<(Sender, Vec<u8>, usize)>,
    output: Option<Receiver>,
    errors: Option<Receiver>,
    written: Vec<u8>,
    output_bytes_max: usize,
    complaint: Vec<u8>,
    /// It wrote more than one turn reads.
    has_more: bool,
    due: Instant,
    urgency: Urgency,
}

/// What was done to make it end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    /// SIGKILL was sent.
    Killed,
    /// Nothing.
    None,
    /// SIGTERM was sent.
    Told,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Its exit status, or 128 and the signal that ended it, as shells count.
    pub code: i32,
    /// Its time was up.
    pub is_late: bool,
    /// What it wrote to standard output, up to the limit.
    pub output: Vec<u8>,
    /// The end of what it wrote to standard error.
    pub complaint: Vec<u8>,
}

impl Child {
    /// Starts it.
    ///
    /// # Errors
    /// It does not begin, or the loop cannot watch it.
    pub fn begin(
        order: Order,
        now: Instant,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut command = Command::new(&order.program);
        command.args(&order.words);
        for (name, value) in order.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = &order.directory {
            command.current_dir(directory);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Signals of the terminal are for us; ours are for it and all that it starts.
        command.process_group(0);
        let mut process = command.spawn()?;
        let pipes = (
            process.stdin.take(),
            process.stdout.take(),
            process.stderr.take(),
        );
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(io::Error::other("a pipe is missing"));
        };
        let mut child = Self {
            process,
            input: Some((input.into(), order.input, 0)),
            output: Some(output.into()),
            errors: Some(errors.into()),
            written: Vec::new(),
            output_bytes_max: order.output_bytes_max,
            complaint: Vec::new(),
            has_more: false,
            due: now + order.limit,
            urgency: Urgency::None,
        };
        match child.watch(registry, token) {
            Ok(()) => Ok(child),
            Err(error) => {
                child.kill();
                Err(error)
            }
        }
    }

    fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        if let Some((input, ..)) = &mut self.input {
            input.set_nonblocking(true)?;
            registry.register(input, token, Interest::WRITABLE)?;
        }
        for pipe in [&mut self.output, &mut self.errors].into_iter().flatten() {
            pipe.set_nonblocking(true)?;
            registry.register(pipe, token, Interest::READABLE)?;
        }
        Ok(())
    }

    /// Does what can be done without waiting; gives how it ended, if it has.
    pub fn turn(&mut self, now: Instant) -> Option<End> {
        self.feed();
        let keep = self.output_bytes_max;
        let more_output = drain(&mut self.output, |bytes| {
            let room = keep - self.written.len();
            self.written
                .extend_from_slice(&bytes[..bytes.len().min(room)]);
        });
        let more_errors = drain(&mut self.errors, |bytes| {
            keep_end(&mut self.complaint, bytes);
        });
        self.has_more = more_output || more_errors;
        if self.due <= now {
            self.hurry(now);
        }
        // As long as it is not waited for, nobody else can get its number: a signal meets nobody
        // but its group.
        if self.output.is_some() {
            return None;
        }
        if self.urgency == Urgency::Told && has_ended(&self.process) {
            // It went when it was told to; what it started and left behind goes, too.
            self.signal(Signal::SIGKILL);
        }
        let status = match self.process.try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status.into_raw(),
            // Somebody else has waited for it: it has ended, and nobody knows how.
            Err(_) => 0x7f00,
        };
        let status = std::process::ExitStatus::from_raw(status);
        let signal = status.signal().map_or(0, |signal| 128 + signal);
        Some(End {
            code: status.code().unwrap_or(signal),
            is_late: self.urgency != Urgency::None,
            output: std::mem::take(&mut self.written),
            complaint: std::mem::take(&mut self.complaint),
        })
    }

    /// When it has to be looked at, whether something happened or not.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        if self.has_more {
            return Instant(0);
        }
        self.due
    }

    /// Whether it was told to end, by us.
    #[must_use]
    pub fn is_told_to_end(&self) -> bool {
        self.urgency != Urgency::None
    }

    /// Ends it and all that it started, whatever they have still to say.
    pub fn kill(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.signal(Signal::SIGKILL);
            // Nobody can refuse: this takes as long as the kernel needs.
            self.process.wait().ok();
        }
        self.output = None;
        self.urgency = Urgency::Killed;
    }

    /// Asks it and all that it started to end.
    pub fn end(&mut self, now: Instant) {
        if self.urgency == Urgency::None {
            self.hurry(now);
        }
    }

    fn hurry(&mut self, now: Instant) {
        self.due = now + CHILD_GRACE;
        match self.urgency {
            Urgency::None => {
                self.signal(Signal::SIGTERM);
                self.urgency = Urgency::Told;
            }
            Urgency::Told => {
                self.signal(Signal::SIGKILL);
                self.urgency = Urgency::Killed;
            }
            // One that left the group holds the output: it is not waited for.
            Urgency::Killed => self.output = None,
        }
    }

    fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.process.id()).map(Pid::from_raw);
        // It fails if all of them have ended, which is what is wanted.
        group.map(|group| killpg(group, signal).ok()).ok();
    }

    /// A reader that went away is its own business: the rest is forgotten.
    fn feed(&mut self) {
        while let Some((pipe, bytes, at)) = &mut self.input {
            match bytes.get(*at..).filter(|rest| !rest.is_empty()) {
                None => self.input = None,
                Some(rest) => match pipe.write(rest) {
                    Ok(count) => *at += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                    Err(_) => self.input = None,
                },
            }
        }
    }
}

/// Nothing that we started is left behind half done. What a command started in the background is
/// its own, and goes on if the command has ended.
impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether it has ended. It keeps its number: it is not waited for.
#[cfg(any(target_os = "android", target_os = "freebsd", target_os = "linux"))]
fn has_ended(process: &Process) -> bool {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    let number = i32::try_from(process.id()).map(Pid::from_raw);
    number.is_ok_and(|number| waitid(Id::Pid(number), flags) != Ok(WaitStatus::StillAlive))
}

/// Whether it has ended: that cannot be known here without giving its number to others.
#[cfg(not(any(target_os = "android", target_os = "freebsd", target_os = "linux")))]
const fn has_ended(_process: &Process) -> bool {
    false
}

/// Reads what is there, at most as much as a pipe holds, so that nobody is kept waiting by one who
/// writes without end; true if there may be more.
fn drain(pipe: &mut Option<Receiver>, mut take: impl FnMut(&[u8])) -> bool {
    let mut buffer = [0; 16 << 10];
    for _ in 0..4 {
        let Some(open) = pipe else { return false };
        match open.read(&mut buffer) {
            Ok(0) => *pipe = None,
            Ok(length) => take(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(_) => *pipe = None,
        }
    }
    pipe.is_some()
}

fn keep_end(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.extend_from_slice(bytes);
    let surplus = kept.len().saturating_sub(CHILD_COMPLAINT_BYTES_MAX);
    kept.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::reactor::{CHILDREN, Reactor};
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::fs::File;
    use std::os::fd::AsFd;
    use tempfile::TempDir;

    fn order(script: &str, limit_ms: u64) -> Order {
        Order {
            program: "/bin/sh".into(),
            words: vec!["-c".to_owned(), script.to_owned()],
            output_bytes_max: 100,
            limit: Duration::from_millis(limit_ms),
            ..Order::default()
        }
    }

    fn run(order: Order) -> End {
        let mut reactor = Reactor::new().unwrap();
        reactor.watch_children().unwrap();
        let now = reactor.now().instant;
        let mut child = Child::begin(order, now, reactor.registry(), CHILDREN).unwrap();
        loop {
            let until = child.deadline();
            let now = reactor.wait(Some(until)).unwrap().now.instant;
            if let Some(end) = child.turn(now) {
                return end;
            }
        }
    }

    #[test]
    fn it_reads_its_input_and_what_it_writes_and_how_it_ends_is_told() {
        let mut cat = order("cat; echo no >&2; echo last >&2; exit 3", 10_000);
        cat.input = b"a\0b".to_vec();
        let end = run(cat);
        assert_eq!((end.code, end.is_late), (3, false));
        assert_eq!(end.output, b"a\0b");
        assert_eq!(end.complaint, b"no\nlast\n");
    }

    #[test]
    fn input_larger_than_a_pipe_and_output_larger_than_its_limit_hold_nobody_up() {
        let mut cat = order("cat", 10_000);
        cat.input = vec![b'x'; 1 << 20];
        assert_eq!(run(cat).output, vec![b'x'; 100]);
        let mut deaf = order("exec <&-; echo done", 10_000);
        deaf.input = vec![b'x'; 1 << 20];
        assert_eq!(run(deaf).output, b"done\n");
    }

    #[test]
    fn at_its_limit_it_is_told_to_end_and_then_it_is_ended_with_all_that_it_started() {
        let end = run(order("sleep 600", 50));
        assert_eq!((end.code, end.is_late), (128 + 15, true));
        let end = run(order("trap '' TERM; sleep 600 & sleep 600; echo never", 50));
        assert_eq!((end.code, end.is_late), (128 + 9, true));
        assert_eq!(end.output, b"");
    }

    /// A process that holds this pipe, and whatever it starts holds it, too.
    struct Held {
        reactor: Reactor,
        child: Child,
        pipe: File,
        _folder: TempDir,
    }

    fn held(script: &str) -> Held {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reactor = Reactor::new().unwrap();
        reactor.watch_children().unwrap();
        let script = format!("exec 3>{}; {script}", path.display());
        let order = order(&script, 600_000);
        let now = reactor.now().instant;
        let child = Child::begin(order, now, reactor.registry(), CHILDREN).unwrap();
        let mut pipe = File::open(&path).unwrap();
        pipe.read_exact(&mut [0]).unwrap();
        Held {
            reactor,
            child,
            pipe,
            _folder: folder,
        }
    }

    /// Nobody holds the pipe any more.
    fn is_let_go(pipe: &File) -> bool {
        let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(10_000_u16)).unwrap() > 0
            && fds[0].revents() == Some(PollFlags::POLLHUP)
    }

    #[test]
    fn one_who_goes_when_told_to_leaves_nobody_behind_who_does_not() {
        let script = "(trap '' TERM; echo >&3; exec sleep 60 >&- 2>&-) & wait";
        let mut held = held(script);
        held.child.end(held.reactor.now().instant);
        let end = loop {
            let until = held.child.deadline();
            let now = held.reactor.wait(Some(until)).unwrap().now.instant;
            if let Some(end) = held.child.turn(now) {
                break end;
            }
        };
        assert_eq!((end.code, end.is_late), (128 + 15, true));
        assert!(is_let_go(&held.pipe));
    }

    #[test]
    fn what_is_dropped_is_ended_and_waited_for() {
        let held = held("trap '' TERM; sleep 60 & echo >&3; wait");
        let number = Pid::from_raw(held.child.process.id().try_into().unwrap());
        drop(held.child);
        assert!(is_let_go(&held.pipe));
        let waited = nix::sys::wait::waitpid(number, None);
        assert_eq!(waited, Err(nix::errno::Errno::ECHILD));
    }

    #[test]
    fn what_runs_in_the_background_holds_it_only_by_its_output() {
        let end = run(order(
            "sleep 600 </dev/null >/dev/null 2>&1 & echo $!",
            10_000,
        ));
        assert_eq!(end.code, 0);
        let number = String::from_utf8(end.output).unwrap();
        let number = Pid::from_raw(number.trim().parse().unwrap());
        nix::sys::signal::kill(number, Signal::SIGKILL).expect("it goes on");
    }

    #[test]
    fn words_and_values_are_data() {
        let mut printf = order("", 10_000);
        printf.program = "/usr/bin/printf".into();
        printf.words = ["%s|", "$(id)", "; ls", "-rf", "`x`", "a\nb"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(run(printf).output, b"$(id)|; ls|-rf|`x`|a\nb|");
        let reactor = Reactor::new().unwrap();
        let mut none = order("", 1);
        none.program = "/no/such/program".into();
        assert!(Child::begin(none, Instant(0), reactor.registry(), CHILDREN).is_err());
    }
}
