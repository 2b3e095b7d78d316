//! Standard output: written once a turn, never waited for while the protocol has work, never a
//! panic.

use crate::model::limits::OUTPUT_BYTES_MAX;
use crate::shell::Exit;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::{Command, Stdio};

/// As many bytes as a pipe that `poll(2)` calls writable takes without waiting (POSIX, `PIPE_BUF`).
const PIECE_BYTES: usize = nix::libc::PIPE_BUF;

/// Room that an empty queue keeps.
const KEPT_BYTES: usize = 64 * 1024;

/// A reader who takes nothing for so many milliseconds is not waited for.
const PUT_WAIT_MS: u16 = 5000;

/// Text on its way to a descriptor.
///
/// A reader who is slow (`| less`) makes it queue; beyond a bound text is dropped and counted,
/// because the program owes its peers answers even while nobody reads.
#[derive(Debug)]
pub struct Output {
    fd: OwnedFd,
    token: Token,
    queue: VecDeque<u8>,
    /// Bytes ever queued, and ever written.
    queued: u64,
    written: u64,
    /// So many messages are on the screen once so many bytes were written.
    marks: VecDeque<(u64, u64)>,
    lines_dropped: u64,
    /// Something was dropped at some time.
    lossy: bool,
    state: State,
    /// Why it is closed.
    why_closed: Option<Errno>,
    /// Whether a reader who goes away is noticed before something is written.
    minds_reader: bool,
    /// What the loop wakes for.
    watched: Option<Interest>,
    /// What was queued last ends a row.
    at_row_begin: bool,
    /// How often it was owned up to what was dropped, since somebody asked.
    gaps: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The reader is slow.
    Blocked,
    /// The reader went away.
    Closed,
    Open,
}

impl Output {
    /// Writes to this descriptor; the loop wakes by `token` when a slow reader has caught up.
    #[must_use]
    pub fn new(fd: OwnedFd, token: Token) -> Self {
        Self {
            fd,
            token,
            queue: VecDeque::new(),
            queued: 0,
            written: 0,
            marks: VecDeque::new(),
            lines_dropped: 0,
            lossy: false,
            state: State::Open,
            why_closed: None,
            minds_reader: false,
            watched: None,
            at_row_begin: true,
            gaps: 0,
        }
    }

    /// From the next turn on the loop wakes also when the reader goes away.
    pub fn mind_reader(&mut self) {
        self.minds_reader = true;
    }

    /// The loop saw that the reader went away.
    pub fn lose_reader(&mut self) {
        self.close(Errno::EPIPE);
    }

    /// Why text was lost, unless its reader had enough.
    #[must_use]
    pub fn failure(&self) -> Option<Errno> {
        self.why_closed.filter(|why| *why != Errno::EPIPE)
    }

    /// Queues text that shows so many messages of other people.
    pub fn print(&mut self, text: &str, messages: u64) {
        if self.queue.len() >= OUTPUT_BYTES_MAX || self.state == State::Closed {
            let lines = text.bytes().filter(|byte| *byte == b'\n').count();
            self.lines_dropped += lines as u64;
            self.lossy = true;
            return;
        }
        self.push(text);
        // Messages are marked as shown in their order: after one was dropped none is.
        if messages > 0 && !self.lossy {
            self.marks.push_back((self.queued, messages));
        }
    }

    /// Writes what the reader takes without waiting; gives how many messages were shown by it.
    pub fn write(&mut self, registry: &Registry) -> u64 {
        if self.state == State::Blocked {
            self.state = State::Open;
        }
        while self.state == State::Open && !self.queue.is_empty() {
            self.write_piece();
        }
        if self.queue.is_empty() && self.queue.capacity() > KEPT_BYTES {
            // What a flood needed is not needed in quiet times.
            self.queue = VecDeque::new();
        }
        self.watch(registry);
        self.shown()
    }

    /// Writes all that is left, waiting for the reader; a signal or a reader who went away ends it.
    pub fn finish(&mut self) -> u64 {
        while self.state != State::Closed && !self.queue.is_empty() {
            let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLOUT)];
            if poll(&mut fds, PollTimeout::NONE).is_err() {
                break;
            }
            self.state = State::Open;
            self.write_piece();
        }
        self.shown()
    }

    /// Whether so much waits for a slow reader that more would soon be dropped.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.queue.len() >= OUTPUT_BYTES_MAX / 4
    }

    /// Whether the reader went away.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether text was dropped and that was told since the last call: the screen is not what it
    /// was thought to be.
    pub fn take_gap(&mut self) -> bool {
        std::mem::take(&mut self.gaps) > 0
    }

    fn push(&mut self, text: &str) {
        self.queue.extend(text.as_bytes());
        self.queued += text.len() as u64;
        if !text.is_empty() {
            self.at_row_begin = text.ends_with('\n');
        }
    }

    fn write_piece(&mut self) {
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLOUT)];
        match poll(&mut fds, PollTimeout::ZERO) {
            Ok(0) => {
                self.state = State::Blocked;
                return;
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(why) => return self.close(why),
        }
        let (front, _) = self.queue.as_slices();
        let piece = &front[..front.len().min(PIECE_BYTES)];
        match nix::unistd::write(&self.fd, piece) {
            Ok(length) => {
                self.queue.drain(..length);
                self.written += length as u64;
                if self.queue.is_empty() {
                    self.own_up();
                }
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => self.state = State::Blocked,
            // EPIPE: the reader is gone; EIO: the terminal is. Either way nobody reads any more.
            Err(why) => self.close(why),
        }
    }

    /// Says what was dropped, once there is room again.
    fn own_up(&mut self) {
        if self.lines_dropped > 0 {
            let lines = std::mem::take(&mut self.lines_dropped);
            let begin = if self.at_row_begin { "" } else { "\n" };
            self.push(&format!(
                "{begin}[{lines} lines were not shown: nobody read them.]\n"
            ));
            self.gaps += 1;
        }
    }

    fn close(&mut self, why: Errno) {
        self.state = State::Closed;
        self.why_closed.get_or_insert(why);
        self.queue.clear();
        self.marks.clear();
    }

    fn watch(&mut self, registry: &Registry) {
        let wanted = match self.state {
            State::Blocked => Some(Interest::WRITABLE),
            // Nothing is read of it: what always wakes is its error, a reader who went away.
            State::Open if self.minds_reader => Some(Interest::READABLE),
            State::Closed | State::Open => None,
        };
        if wanted == self.watched {
            return;
        }
        let raw = self.fd.as_raw_fd();
        let mut source = SourceFd(&raw);
        let result = match (self.watched, wanted) {
            (None, Some(interest)) => registry.register(&mut source, self.token, interest),
            (Some(_), Some(interest)) => registry.reregister(&mut source, self.token, interest),
            (_, None) => registry.deregister(&mut source),
        };
        // A file cannot be watched; it is never slow, and nobody goes away from it.
        self.minds_reader &= result.is_ok();
        self.watched = wanted.filter(|_| result.is_ok());
    }

    fn shown(&mut self) -> u64 {
        let mut shown = 0;
        while let Some((end, messages)) = self.marks.front() {
            if *end > self.written {
                break;
            }
            shown += messages;
            self.marks.pop_front();
        }
        shown
    }
}

/// Says a text on stdout, as it is.
#[expect(clippy::must_use_candidate, reason = "where more is said, nobody asks")]
pub fn say(text: &str) -> Exit {
    match put(io::stdout().as_fd(), text) {
        // A reader who went away has read enough.
        Ok(()) | Err(Errno::EPIPE) => Exit::Done,
        Err(failure) => {
            complain_of_output(failure);
            Exit::No
        }
    }
}

/// Shows a page of the manual: by `man`, where somebody reads it, else as it is written.
#[must_use]
pub fn page(text: &str) -> Exit {
    if !io::stdout().is_terminal() {
        return say(text);
    }
    let mut man = Command::new("man");
    let Ok(mut man) = man.args(["-l", "-"]).stdin(Stdio::piped()).spawn() else {
        return say(text);
    };
    if let Some(stdin) = man.stdin.take() {
        // Who quits the pager has read enough.
        put(stdin.as_fd(), text).ok();
    }
    match man.wait() {
        Ok(_) => Exit::Done,
        Err(_) => Exit::No,
    }
}

/// Says a line on stderr. If nobody reads it, nobody is told.
pub fn complain(line: &str) {
    put(io::stderr().as_fd(), &format!("{line}\n")).ok();
}

/// Says why what was asked for cannot be read on stdout.
pub(super) fn complain_of_output(failure: Errno) {
    complain(&format!("[Cannot write the output: {}.]", failure.desc()));
}

/// Writes all of it, past every buffer and without a panic, unless nobody takes it.
pub(super) fn put(fd: BorrowedFd<'_>, text: &str) -> Result<(), Errno> {
    put_bytes(fd, text.as_bytes())
}

/// The same for bytes that may be no text.
///
/// # Errors
/// As above.
pub(super) fn put_bytes(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match nix::unistd::write(fd, rest) {
            Ok(length) => rest = &rest[length..],
            Err(Errno::EINTR) => {}
            // A parent may have made it non-blocking.
            Err(Errno::EAGAIN) => {
                let mut fds = [PollFd::new(fd, PollFlags::POLLOUT)];
                if poll(&mut fds, PollTimeout::from(PUT_WAIT_MS)).is_ok_and(|count| count == 0) {
                    return Err(Errno::EAGAIN);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::event::Event;
    use mio::{Events, Poll};
    use std::fs::OpenOptions;
    use std::io::Read;
    use std::time::Duration;

    const TOKEN: Token = Token(9);

    #[test]
    fn messages_are_shown_when_their_bytes_were_written() {
        let poll = Poll::new().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let mut output = Output::new(writer.into(), TOKEN);
        output.print("one\n", 1);
        output.print("hint\n", 0);
        output.print("two\n", 2);
        assert_eq!(output.write(poll.registry()), 3);
        assert_eq!(output.write(poll.registry()), 0);
        drop(output);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\nhint\ntwo\n");
    }

    #[test]
    fn a_reader_who_is_slow_delays_nobody_and_loses_only_what_exceeds_the_queue() {
        let mut poll = Poll::new().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let mut output = Output::new(writer.into(), TOKEN);
        let line = format!("{}\n", "x".repeat(1023));
        let lines = OUTPUT_BYTES_MAX / line.len();
        for _ in 0..lines {
            output.print(&line, 1);
        }
        output.print("one too many\n", 1);
        let first = output.write(poll.registry());
        assert!(first > 0);
        assert!(first < lines as u64, "the pipe is smaller than the queue");
        assert!(!output.is_closed());

        let mut shown = first;
        let mut text = Vec::new();
        let mut events = Events::with_capacity(4);
        let mut buffer = vec![0; 65536];
        while shown < lines as u64 {
            let length = reader.read(&mut buffer).unwrap();
            text.extend_from_slice(&buffer[..length]);
            poll.poll(&mut events, Some(Duration::from_secs(5)))
                .unwrap();
            assert!(events.iter().any(|event| event.token() == TOKEN));
            shown += output.write(poll.registry());
        }
        let length = reader.read(&mut buffer).unwrap();
        text.extend_from_slice(&buffer[..length]);
        output.print("late\n", 1);
        assert_eq!(output.finish(), 0, "one before it was never shown");
        drop(output);
        reader.read_to_end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let expected = "[1 lines were not shown: nobody read them.]\nlate\n";
        assert!(text.ends_with(expected));
        assert_eq!(text.len(), lines * line.len() + expected.len());
    }

    #[test]
    fn a_reader_who_went_away_ends_it_quietly() {
        let poll = Poll::new().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut output = Output::new(writer.into(), TOKEN);
        output.print("one\n", 1);
        assert_eq!(output.write(poll.registry()), 0);
        assert!(output.is_closed());
        output.print("two\n", 1);
        assert_eq!(output.finish(), 0);
    }
    #[test]
    fn a_reader_who_goes_away_is_noticed_before_anything_is_written() {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(4);
        let (reader, writer) = io::pipe().unwrap();
        let mut output = Output::new(writer.into(), TOKEN);
        output.mind_reader();
        output.print("one\n", 0);
        output.write(poll.registry());
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty(), "the reader is there");
        drop(reader);
        poll.poll(&mut events, Some(Duration::from_secs(5)))
            .unwrap();
        assert!(events.iter().any(Event::is_write_closed));
        output.lose_reader();
        assert!(output.is_closed());
        assert_eq!(output.failure(), None);
    }

    #[test]
    fn a_full_disk_is_a_failure_and_a_reader_who_had_enough_is_none() {
        let poll = Poll::new().unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        for (fd, failure) in [(full.into(), Some(Errno::ENOSPC)), (writer.into(), None)] {
            let mut output = Output::new(fd, TOKEN);
            output.mind_reader();
            output.print("one\n", 0);
            output.write(poll.registry());
            assert!(output.is_closed());
            assert_eq!(output.failure(), failure);
        }
    }
}
