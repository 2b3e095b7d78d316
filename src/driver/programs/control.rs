//! The socket of a session: programs of the same user connect, ask and listen.

use crate::client::port::{StoreReply, StoreRequest};
use crate::driver::reactor::{LISTENER, Ready};
use crate::driver::{Fault, paths};
use crate::model::limits::INPUT_BYTES;
use crate::model::{Instant, Now};
use crate::shell::control::{ConnectionId, Control};
use crate::shell::{Exit, Output, Shell};
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where a session listens, until this is dropped.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Which file is ours: somebody may have put another in its place.
    inode: u64,
}

/// A session's connections.
pub struct Doors {
    control: Control,
    listener: Option<Listener>,
    streams: BTreeMap<Token, Stream>,
    next: usize,
    buffer: Vec<u8>,
    /// Somebody has read: what had to wait for that can go on.
    has_new_room: bool,
}

#[derive(Debug)]
struct Stream {
    socket: UnixStream,
    id: ConnectionId,
    /// Edge-triggered: no second event tells of bytes that are left, or of room.
    readable: bool,
    writable: bool,
    is_broken: bool,
}

impl Listener {
    /// Listens at a path. A socket there that nobody answers is replaced.
    ///
    /// # Errors
    /// Somebody else listens there, or it cannot be made.
    pub fn bind(path: &Path, registry: &Registry) -> Result<Self, Fault> {
        let failed = |error: io::Error| {
            let words = format!("Cannot listen at {}: {error}.", path.display());
            Fault::new(Exit::Usage, &words)
        };
        clear(path)?;
        let mut socket = UnixListener::bind(path).map_err(failed)?;
        // Until here only the directory keeps others out, and `is_ours` whoever gets in.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let inode = fs::symlink_metadata(path).map_err(failed)?.ino();
        registry
            .register(&mut socket, LISTENER, Interest::READABLE)
            .map_err(failed)?;
        Ok(Self {
            socket,
            path: path.to_owned(),
            inode,
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|meta| meta.ino() == self.inode);
        if is_ours {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Takes away what a session that ended without a word has left.
fn clear(path: &Path) -> Result<(), Fault> {
    let wrong = |exit: Exit, what: &str| {
        let words = format!("{} {what}", path.display());
        Err(Fault::new(exit, &words))
    };
    let Ok(meta) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !meta.file_type().is_socket() {
        return wrong(
            Exit::Usage,
            "is no socket: choose another path with --sock.",
        );
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return wrong(Exit::Unreachable, "is the socket of another session.");
    }
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) => wrong(Exit::Usage, &format!("cannot be replaced: {error}.")),
    }
}

impl Doors {
    /// Nobody is there yet; without a listener nobody can come.
    #[must_use]
    pub fn new(control: Control, listener: Option<Listener>) -> Self {
        Self {
            control,
            listener,
            streams: BTreeMap::new(),
            next: 0,
            buffer: vec![0; INPUT_BYTES],
            has_new_room: false,
        }
    }

    /// Lets somebody in who has a stream already.
    pub fn admit(&mut self, stream: UnixStream, registry: &Registry) {
        let mut stream = stream;
        let Some(id) = self.control.open() else {
            // It learns why by the end of the stream.
            return;
        };
        self.next += 1;
        let token = Token(LISTENER.0 + self.next);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if registry.register(&mut stream, token, interest).is_err() {
            self.control.handle_gone(id);
            return;
        }
        let stream = Stream {
            socket: stream,
            id,
            readable: true,
            writable: true,
            is_broken: false,
        };
        self.streams.insert(token, stream);
    }

    /// Takes what the kernel told, and what can be read.
    pub fn receive(&mut self, ready: &[Ready], registry: &Registry) {
        for one in ready {
            if one.token == LISTENER {
                self.accept(registry);
            } else if let Some(stream) = self.streams.get_mut(&one.token) {
                stream.readable |= one.readable;
                stream.writable |= one.writable;
            }
        }
        for stream in self.streams.values_mut() {
            while stream.readable && self.control.wants_bytes(stream.id) {
                stream.read(&mut self.control, &mut self.buffer);
            }
        }
    }

    /// True if something can be done of which the kernel will not tell again.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let mut streams = self.streams.values();
        let wants = |stream: &Stream| stream.readable && self.control.wants_bytes(stream.id);
        self.has_new_room || streams.any(wants)
    }

    /// Hands requests to the shell, and events to those who listen. True if the shell was asked
    /// something.
    pub fn turn(&mut self, now: Now, shell: &mut Shell) -> bool {
        self.has_new_room = false;
        self.control.turn(now, shell)
    }

    /// Takes notice of what the shell puts out.
    pub fn handle_output(&mut self, now: Now, output: &Output) {
        self.control.handle_output(now, output);
    }

    /// What is to be written down for those who come back.
    pub fn take_unwritten(&mut self) -> Option<StoreRequest> {
        self.control.take_unwritten()
    }

    /// All of it that is not known to be on disk.
    #[must_use]
    pub fn unwritten(&self) -> Option<StoreRequest> {
        self.control.unwritten()
    }

    /// The answer to that.
    pub fn handle_store(&mut self, reply: &StoreReply) {
        self.control.handle_store(reply);
    }

    /// When it wants its turn though nobody wrote anything.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.control.deadline()
    }

    /// Writes what readers take, and lets go those to whom nothing more is to be said.
    pub fn flush(&mut self, registry: &Registry) {
        for stream in self.streams.values_mut() {
            let had_room = self.control.has_room(stream.id);
            stream.write(&mut self.control);
            self.has_new_room |= !had_room && self.control.has_room(stream.id);
        }
        let control = &mut self.control;
        self.streams.retain(|_, stream| {
            let over = stream.is_broken || control.is_over(stream.id);
            if over {
                registry.deregister(&mut stream.socket).ok();
                control.handle_gone(stream.id);
            }
            !over
        });
    }

    fn accept(&mut self, registry: &Registry) {
        loop {
            let Some(Listener { socket, .. }) = &self.listener else {
                return;
            };
            match socket.accept() {
                Ok((stream, _)) if is_ours(&stream) => self.admit(stream, registry),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Whatever it is, the next one who comes wakes the loop again.
                Err(_) => return,
            }
        }
    }
}

impl Stream {
    fn read(&mut self, control: &mut Control, buffer: &mut [u8]) {
        match self.socket.read(buffer) {
            Ok(0) => {
                control.handle_end(self.id);
                self.readable = false;
            }
            Ok(length) => control.handle_bytes(self.id, &buffer[..length]),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => self.readable = false,
                _ => {
                    self.readable = false;
                    self.is_broken = true;
                }
            },
        }
    }

    fn write(&mut self, control: &mut Control) {
        while self.writable && !self.is_broken {
            let unread = control.unread(self.id);
            if unread.is_empty() {
                return;
            }
            match self.socket.write(unread) {
                Ok(length) => control.handle_written(self.id, length),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => self.writable = false,
                    _ => self.is_broken = true,
                },
            }
        }
    }
}

/// Whether the other end is a program of this user.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_ours(stream: &UnixStream) -> bool {
    use nix::sys::socket::{getsockopt, sockopt};
    let peer = getsockopt(&stream.as_fd(), sockopt::PeerCredentials);
    is_own_uid(peer.map(|peer| peer.uid()))
}

/// Whether the other end is a program of this user.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_ours(stream: &UnixStream) -> bool {
    is_own_uid(nix::unistd::getpeereid(stream.as_fd()).map(|(uid, _)| uid.as_raw()))
}

fn is_own_uid(uid: Result<u32, Errno>) -> bool {
    uid.is_ok_and(|uid| uid == nix::unistd::geteuid().as_raw())
}

/// The path of a session's socket, in a directory that is there.
///
/// # Errors
/// It is too long, or its directory cannot be had.
pub fn prepare(
    data: Option<&Path>,
    profile: &crate::model::Name,
    chosen: Option<&Path>,
) -> Result<PathBuf, Fault> {
    let path = paths::socket(data, profile, chosen)?;
    paths::make_socket_directory(&path, chosen.is_some())?;
    Ok(path)
}
