//! The UDP socket: large buffers, bounded batches in, a bounded queue for what would block out.

use crate::model::limits::{DATAGRAM_BYTES_MAX, READ_BATCH, SEND_QUEUE_MAX, SOCKET_BUFFER_BYTES};
use crate::wire::datagram::Transmit;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Type};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

/// The one socket of a program.
#[derive(Debug)]
pub struct Socket {
    udp: UdpSocket,
    token: Token,
    queue: VecDeque<Transmit>,
    /// Datagrams may be left: edge-triggered, so no second event tells.
    ready: bool,
    /// The loop is told when the socket takes datagrams again.
    watched: bool,
    dropped: u64,
}

impl Socket {
    /// Binds, asks for large buffers, and watches for datagrams.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub fn bind(address: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // The kernel may grant less, or refuse (macOS): the protocol assumes loss anyway.
        socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES).ok();
        socket.set_send_buffer_size(SOCKET_BUFFER_BYTES).ok();
        socket.bind(&address.into())?;
        let mut socket = UdpSocket::from_std(socket.into());
        registry.register(&mut socket, token, Interest::READABLE)?;
        Ok(Self {
            udp: socket,
            token,
            queue: VecDeque::new(),
            ready: false,
            watched: false,
            dropped: 0,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    /// Bytes the kernel granted for what waits to be read, and to be sent.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn granted(&self) -> io::Result<(usize, usize)> {
        let socket = socket2::SockRef::from(&self.udp);
        Ok((socket.recv_buffer_size()?, socket.send_buffer_size()?))
    }

    /// The loop saw an event of this socket.
    pub const fn wake(&mut self) {
        self.ready = true;
    }

    /// Whether datagrams may be left: then the loop must not sleep.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// Datagrams that were not sent: the queue was full, or the kernel refused.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Reads at most [`READ_BATCH`] datagrams.
    pub fn receive(&mut self, mut each: impl FnMut(SocketAddr, &[u8])) {
        // One byte more than is right, so that a longer one is seen to be too long.
        let mut buffer = [0; DATAGRAM_BYTES_MAX + 1];
        for _ in 0..READ_BATCH {
            if !self.ready {
                return;
            }
            match self.udp.recv_from(&mut buffer) {
                Ok((length, from)) => each(from, &buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.ready = false,
                // What an earlier datagram met (port unreachable) says nothing about this socket.
                Err(_) => {}
            }
        }
    }

    /// Sends, after all that waits.
    ///
    /// # Panics
    /// If no path carries a datagram of this size: links never build one.
    pub fn send(&mut self, transmit: Transmit) {
        assert!(transmit.datagram.len() <= DATAGRAM_BYTES_MAX);
        if self.queue.is_empty() && self.try_send(&transmit) {
            return;
        }
        if self.queue.len() < SEND_QUEUE_MAX {
            self.queue.push_back(transmit);
        } else {
            // As if it had been lost on its way: links send it again.
            self.dropped += 1;
        }
    }

    /// Sends what waits, as far as the socket takes it.
    ///
    /// # Errors
    /// If the loop cannot be told about the rest.
    pub fn flush(&mut self, registry: &Registry) -> io::Result<()> {
        while let Some(transmit) = self.queue.pop_front() {
            if !self.try_send(&transmit) {
                self.queue.push_front(transmit);
                break;
            }
        }
        self.watch(registry)
    }

    /// False if it would block. Any other failure is a lost datagram.
    fn try_send(&mut self, transmit: &Transmit) -> bool {
        match self.udp.send_to(&transmit.datagram, transmit.to) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(_) => {
                self.dropped += 1;
                true
            }
        }
    }

    /// Asks to be told of room only while something waits: else every datagram sent would wake the
    /// loop.
    fn watch(&mut self, registry: &Registry) -> io::Result<()> {
        let wanted = !self.queue.is_empty();
        if wanted == self.watched {
            return Ok(());
        }
        self.watched = wanted;
        let interest = if wanted {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        registry.reregister(&mut self.udp, self.token, interest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::time::Duration;

    const TOKEN: Token = Token(3);

    fn wait(poll: &mut Poll, socket: &mut Socket) {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::from_secs(5)))
            .unwrap();
        assert!(!events.is_empty());
        socket.wake();
    }

    #[test]
    fn a_batch_is_bounded_and_the_rest_is_remembered() {
        let mut poll = Poll::new().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let mut here = Socket::bind(any, poll.registry(), TOKEN).unwrap();
        let mut there = Socket::bind(any, poll.registry(), Token(4)).unwrap();
        assert!(here.granted().unwrap().0 > 0);
        let to = here.local_address().unwrap();
        for number in 0..=READ_BATCH {
            let datagram = vec![u8::try_from(number).unwrap(); 200];
            there.send(Transmit { to, datagram });
        }
        there.flush(poll.registry()).unwrap();
        assert_eq!(there.dropped(), 0);
        wait(&mut poll, &mut here);
        let mut seen = Vec::new();
        here.receive(|_, bytes| seen.push(usize::from(bytes[0])));
        assert!(seen.iter().copied().eq(0..READ_BATCH));
        assert!(here.is_ready());
        here.receive(|_, bytes| seen.push(usize::from(bytes[0])));
        assert_eq!(seen.len(), READ_BATCH + 1);
        assert!(!here.is_ready());
    }

    #[test]
    fn a_datagram_that_is_too_long_is_seen_to_be_too_long() {
        let mut poll = Poll::new().unwrap();
        let mut here =
            Socket::bind("127.0.0.1:0".parse().unwrap(), poll.registry(), TOKEN).unwrap();
        let there = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        there
            .send_to(&[0; 5000], here.local_address().unwrap())
            .unwrap();
        wait(&mut poll, &mut here);
        let mut length = 0;
        here.receive(|_, bytes| length = bytes.len());
        assert_eq!(length, DATAGRAM_BYTES_MAX + 1);
    }

    #[test]
    fn the_queue_has_a_limit_and_is_sent_when_there_is_room() {
        let poll = Poll::new().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let mut socket = Socket::bind(any, poll.registry(), TOKEN).unwrap();
        let transmit = Transmit {
            to: socket.local_address().unwrap(),
            datagram: vec![1],
        };
        // Something waits already, as after a socket that would block.
        socket.queue.push_back(transmit.clone());
        for _ in 0..SEND_QUEUE_MAX {
            socket.send(transmit.clone());
        }
        assert_eq!(socket.queue.len(), SEND_QUEUE_MAX);
        assert_eq!(socket.dropped(), 1);
        socket.flush(poll.registry()).unwrap();
        assert!(socket.queue.is_empty());
    }

    #[test]
    fn a_port_is_had_once() {
        let poll = Poll::new().unwrap();
        let first = Socket::bind("127.0.0.1:0".parse().unwrap(), poll.registry(), TOKEN).unwrap();
        let error = Socket::bind(first.local_address().unwrap(), poll.registry(), Token(4));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
