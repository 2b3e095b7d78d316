//! Many TCP connections in one loop, for the servers of others.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server of somebody else; it ends with this value.
pub(crate) struct Peer {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Peer {
    /// Starts it, and waits until it accepts; nothing if it is not installed.
    pub(crate) fn start(program: &str, args: impl Fn(u16) -> Vec<String>) -> Option<Self> {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let child = Command::new(program)
            .args(args(address.port()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let peer = Self { child, address };
        let give_up = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(address).is_err() {
            assert!(Instant::now() < give_up, "{program} does not listen");
        }
        Some(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Connections with what came and what waits to go.
pub(crate) struct Streams {
    poll: Poll,
    events: Events,
    all: Vec<Stream>,
}

struct Stream {
    tcp: TcpStream,
    read: Vec<u8>,
    out: Vec<u8>,
}

impl Streams {
    pub(crate) fn connect(to: SocketAddr, count: usize) -> Self {
        let poll = Poll::new().unwrap();
        let connect = |index| {
            let tcp = std::net::TcpStream::connect(to).unwrap();
            tcp.set_nodelay(true).unwrap();
            tcp.set_nonblocking(true).unwrap();
            let mut tcp = TcpStream::from_std(tcp);
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut tcp, Token(index), both)
                .unwrap();
            Stream {
                tcp,
                read: Vec::new(),
                out: Vec::new(),
            }
        };
        Self {
            all: (0..count).map(connect).collect(),
            events: Events::with_capacity(1024),
            poll,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn send(&mut self, index: usize, bytes: &[u8]) {
        let stream = &mut self.all[index];
        stream.out.extend_from_slice(bytes);
        stream.flush();
    }

    /// Waits a little; `each` gets what a connection has received, says how much of it was whole,
    /// and puts its answer into the second.
    pub(crate) fn turn(
        &mut self,
        wait: Duration,
        mut each: impl FnMut(usize, &[u8], &mut Vec<u8>) -> usize,
    ) {
        self.poll.poll(&mut self.events, Some(wait)).unwrap();
        for event in &self.events {
            let index = event.token().0;
            let stream = &mut self.all[index];
            if event.is_readable() {
                stream.receive();
                let used = each(index, &stream.read, &mut stream.out);
                stream.read.drain(..used);
            }
            stream.flush();
        }
    }
}

impl Stream {
    fn receive(&mut self) {
        let mut buffer = [0; 16_384];
        loop {
            match self.tcp.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn flush(&mut self) {
        while !self.out.is_empty() {
            match self.tcp.write(&self.out) {
                Ok(length) => drop(self.out.drain(..length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}
