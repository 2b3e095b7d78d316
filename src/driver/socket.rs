//! The UDP socket: large buffers, bounded batches in, trains and a bounded queue out.

use super::train::{self, TRAIN_BYTES_MAX, TRAIN_MAX};
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
    /// The train that is being made up.
    train: Vec<Transmit>,
    /// What waits because the socket would block.
    queue: VecDeque<Transmit>,
    /// The kernel cuts trains.
    couples: bool,
    buffer: Box<[u8]>,
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
        train::couple(&socket);
        let couples = train::cuts(&socket);
        registry.register(&mut socket, token, Interest::READABLE)?;
        Ok(Self {
            udp: socket,
            token,
            train: Vec::with_capacity(TRAIN_MAX),
            queue: VecDeque::new(),
            couples,
            buffer: vec![0; TRAIN_BYTES_MAX].into(),
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

    /// Reads until it had [`READ_BATCH`] datagrams, or a train beyond.
    pub fn receive(&mut self, mut each: impl FnMut(SocketAddr, &[u8])) {
        let mut count = 0;
        while self.ready && count < READ_BATCH {
            match train::receive(&self.udp, &mut self.buffer) {
                Ok(train) => {
                    let bytes = &self.buffer[..train.length];
                    count += 1.max(train.length.div_ceil(train.each));
                    bytes
                        .chunks(train.each)
                        .for_each(|bytes| each(train.from, bytes));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.ready = false,
                // What an earlier datagram met (port unreachable) says nothing about this socket.
                Err(_) => count += 1,
            }
        }
    }

    /// Sends, after all that waits; at the next [`Socket::flush`] at the latest, or when the socket
    /// is dropped.
    ///
    /// # Panics
    /// If no path carries a datagram of this size: links never build one.
    pub fn send(&mut self, transmit: Transmit) {
        assert!(transmit.datagram.len() <= DATAGRAM_BYTES_MAX);
        if !train::fits(&self.train, &transmit) {
            self.send_train();
        }
        self.train.push(transmit);
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
        self.send_train();
        self.watch(registry)
    }

    /// Sends the train, as one if the kernel cuts it.
    fn send_train(&mut self) {
        let mut train = std::mem::take(&mut self.train);
        let coupled = train.len() > 1 && self.couples && self.queue.is_empty();
        let sent = coupled
            && match train::send(&self.udp, &train) {
                Ok(()) => true,
                Err(error) => {
                    self.couples = !train::is_refusal(&error);
                    false
                }
            };
        if sent {
            train.clear();
        }
        for transmit in train.drain(..) {
            self.send_alone(transmit);
        }
        self.train = train;
    }

    fn send_alone(&mut self, transmit: Transmit) {
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

/// The last words of one who leaves are on their way.
impl Drop for Socket {
    fn drop(&mut self) {
        self.send_train();
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
    fn a_train_is_taken_apart_again_whatever_its_sizes_and_order() {
        let mut poll = Poll::new().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let mut here = Socket::bind(any, poll.registry(), TOKEN).unwrap();
        let mut there = Socket::bind(any, poll.registry(), Token(4)).unwrap();
        let to = here.local_address().unwrap();
        for couples in [there.couples, false] {
            there.couples = couples;
            let sizes = [700, 700, 700, 300, 700, 900, 900, 1, 1200, 1200];
            for size in sizes {
                let datagram = vec![7; size];
                there.send(Transmit { to, datagram });
            }
            there.flush(poll.registry()).unwrap();
            assert_eq!(there.dropped(), 0);
            let mut seen = Vec::new();
            while seen.len() < sizes.len() {
                wait(&mut poll, &mut here);
                here.receive(|_, bytes| seen.push(bytes.len()));
            }
            assert_eq!(seen, sizes, "{couples}");
        }
    }

    #[test]
    fn what_was_sent_has_left_when_the_socket_is_gone() {
        let mut poll = Poll::new().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let mut here = Socket::bind(any, poll.registry(), TOKEN).unwrap();
        let mut there = Socket::bind(any, poll.registry(), Token(4)).unwrap();
        let to = here.local_address().unwrap();
        there.send(Transmit {
            to,
            datagram: vec![7],
        });
        drop(there);
        wait(&mut poll, &mut here);
        let mut seen = Vec::new();
        here.receive(|_, bytes| seen.push(bytes.to_vec()));
        assert_eq!(seen, [[7]]);
    }

    #[test]
    fn an_address_to_which_nothing_goes_ends_no_trains_to_others() {
        let poll = Poll::new().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let mut socket = Socket::bind(any, poll.registry(), TOKEN).unwrap();
        let couples = socket.couples;
        for _ in 0..2 {
            // A datagram may come from port 0, and an answer to it is refused.
            let datagram = vec![1];
            socket.send(Transmit { to: any, datagram });
        }
        socket.flush(poll.registry()).unwrap();
        assert_eq!(socket.dropped(), 2);
        assert_eq!(socket.couples, couples);
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
        assert!(length > DATAGRAM_BYTES_MAX);
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
        socket.send_train();
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
