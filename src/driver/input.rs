//! Standard input as one more source of the loop: one read at a time, never blocking, no hidden
//! buffer.

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes.
    Bytes(usize),
    /// No more will come.
    End,
    /// Nothing now.
    Nothing,
}

/// A descriptor that lines come from: a terminal, a pipe, a socket, a file, `/dev/null`.
///
/// It stays blocking, because `O_NONBLOCK` would belong to the shell that started us as well;
/// `poll(2)` is asked before each read instead.
#[derive(Debug)]
pub struct Input {
    fd: OwnedFd,
    watch: Watch,
    ready: bool,
}

/// How it is known that something can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// epoll refuses regular files and `/dev/null`: a read of them never waits.
    Always,
    /// It has ended.
    Ended,
    /// The loop is told, once for each arrival (edge-triggered).
    Events,
}

impl Input {
    /// Watches the descriptor.
    ///
    /// # Errors
    /// If the loop cannot watch it.
    pub fn open(fd: OwnedFd, registry: &Registry, token: Token) -> io::Result<Self> {
        let raw = fd.as_raw_fd();
        let watch = match registry.register(&mut SourceFd(&raw), token, Interest::READABLE) {
            Ok(()) => Watch::Events,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Watch::Always,
            Err(error) => return Err(error),
        };
        Ok(Self {
            fd,
            watch,
            ready: watch == Watch::Always,
        })
    }

    /// The loop saw an event of this descriptor.
    pub fn wake(&mut self) {
        self.ready = self.watch != Watch::Ended;
    }

    /// Whether a read may bring something: then the loop must not sleep.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// Reads once, if something is there.
    pub fn read(&mut self, registry: &Registry, into: &mut [u8]) -> Read {
        self.ready = self.ready && self.has_more();
        if !self.ready {
            return Read::Nothing;
        }
        let read = match nix::unistd::read(&self.fd, into) {
            Ok(0) => Read::End,
            Ok(length) => Read::Bytes(length),
            // A parent may have made it non-blocking, and others may read from it, too.
            Err(Errno::EAGAIN | Errno::EINTR) => Read::Nothing,
            // A terminal that is gone says EIO; whatever it is, nothing will come any more.
            Err(_) => Read::End,
        };
        if read == Read::End {
            self.close(registry);
        } else {
            self.ready = self.has_more();
        }
        read
    }

    /// Watches no longer; nothing will be read.
    pub fn close(&mut self, registry: &Registry) {
        if self.watch == Watch::Events {
            // It can only fail if it is not registered, which is what is wanted.
            registry
                .deregister(&mut SourceFd(&self.fd.as_raw_fd()))
                .ok();
        }
        self.watch = Watch::Ended;
        self.ready = false;
    }

    /// Edge-triggered: what is left gives no second event, so the kernel is asked.
    fn has_more(&self) -> bool {
        match self.watch {
            Watch::Always => true,
            Watch::Ended => false,
            Watch::Events => {
                let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
                poll(&mut fds, PollTimeout::ZERO).is_ok_and(|count| count > 0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::fs::File;
    use std::io::Write;
    use std::time::Duration;

    const TOKEN: Token = Token(7);

    fn wait(poll: &mut Poll, input: &mut Input) {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::from_secs(5)))
            .unwrap();
        assert!(events.iter().any(|event| event.token() == TOKEN));
        input.wake();
    }

    #[test]
    fn a_pipe_is_read_when_something_came_and_ends_when_its_writer_goes() {
        let mut poll = Poll::new().unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        let mut input = Input::open(reader.into(), poll.registry(), TOKEN).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(input.read(poll.registry(), &mut buffer), Read::Nothing);
        writer.write_all(b"sixsix").unwrap();
        wait(&mut poll, &mut input);
        assert_eq!(input.read(poll.registry(), &mut buffer), Read::Bytes(4));
        assert!(input.is_ready(), "two bytes are left and give no event");
        assert_eq!(input.read(poll.registry(), &mut buffer), Read::Bytes(2));
        assert!(!input.is_ready());
        drop(writer);
        wait(&mut poll, &mut input);
        assert_eq!(input.read(poll.registry(), &mut buffer), Read::End);
        assert!(!input.is_ready());
    }

    #[test]
    fn a_wrong_alarm_does_not_block() {
        let poll = Poll::new().unwrap();
        let (reader, _writer) = io::pipe().unwrap();
        let mut input = Input::open(reader.into(), poll.registry(), TOKEN).unwrap();
        input.wake();
        assert_eq!(input.read(poll.registry(), &mut [0; 4]), Read::Nothing);
    }

    #[test]
    fn what_epoll_refuses_is_always_ready() {
        let poll = Poll::new().unwrap();
        let null = File::open("/dev/null").unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        io::Seek::rewind(&mut file).unwrap();
        for (fd, expected) in [(null, Read::End), (file, Read::Bytes(3))] {
            let mut input = Input::open(fd.into(), poll.registry(), TOKEN).unwrap();
            assert!(input.is_ready());
            assert_eq!(input.read(poll.registry(), &mut [0; 8]), expected);
        }
    }
}
