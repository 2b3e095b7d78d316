//! Several datagrams of one size to one address in one call, and back: a kernel that can cut a
//! train (UDP GSO) and couple one (UDP GRO) does nine tenths of its work once for all of them.
//!
//! Both are Linux's, since 4.18 and 5.0. Elsewhere every datagram travels alone.

use crate::wire::datagram::Transmit;
use mio::net::UdpSocket;
use std::io;
use std::net::SocketAddr;

/// Datagrams in a train; the kernel takes 64.
pub(super) const TRAIN_MAX: usize = 16;
/// Bytes of a train that arrives: the most that IP carries.
pub(super) const TRAIN_BYTES_MAX: usize = 1 << 16;

/// Bytes that came in one call.
pub(super) struct Arrived {
    pub(super) from: SocketAddr,
    pub(super) length: usize,
    /// The size of each datagram but the last, which may be shorter.
    pub(super) each: usize,
}

/// True if `next` may be coupled behind the datagrams of this train.
pub(super) fn fits(train: &[Transmit], next: &Transmit) -> bool {
    let (Some(first), Some(last)) = (train.first(), train.last()) else {
        return true;
    };
    let size = first.datagram.len();
    train.len() < TRAIN_MAX
        && first.to == next.to
        // Only the last may be shorter.
        && last.datagram.len() == size
        && next.datagram.len() <= size
}

/// True if no train goes through this device: it does not compute checksums. All else is said of
/// one address (a path whose datagrams must be smaller, port 0), which must not slow others down.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    const IO: i32 = nix::errno::Errno::EIO as i32;
    error.raw_os_error() == Some(IO)
}

#[cfg(target_os = "linux")]
mod kernel {
    use super::{Arrived, SocketAddr, TRAIN_MAX, Transmit, UdpSocket, io};
    use nix::cmsg_space;
    use nix::sys::socket::sockopt::{UdpGroSegment, UdpGsoSegment};
    use nix::sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg,
        setsockopt,
    };
    use std::io::{IoSlice, IoSliceMut};
    use std::net::{SocketAddrV4, SocketAddrV6};
    use std::os::fd::AsRawFd;

    /// Trains that arrive are handed over whole.
    pub(in crate::driver) fn couple(socket: &UdpSocket) {
        // An older kernel refuses, and hands over each datagram alone.
        setsockopt(socket, UdpGroSegment, &true).ok();
    }

    /// True if the kernel cuts trains. An older one would not refuse: it passes over what it is
    /// told beside a datagram, and sends the whole train as one.
    pub(in crate::driver) fn cuts(socket: &UdpSocket) -> bool {
        setsockopt(socket, UdpGsoSegment, &0).is_ok()
    }

    /// Sends two datagrams or more at once.
    pub(in crate::driver) fn send(socket: &UdpSocket, train: &[Transmit]) -> io::Result<()> {
        let size = u16::try_from(train[0].datagram.len()).unwrap_or(u16::MAX);
        let mut parts = [IoSlice::new(&[]); TRAIN_MAX];
        for (part, transmit) in parts.iter_mut().zip(train) {
            *part = IoSlice::new(&transmit.datagram);
        }
        sendmsg(
            socket.as_raw_fd(),
            &parts[..train.len()],
            &[ControlMessage::UdpGsoSegments(&size)],
            MsgFlags::empty(),
            Some(&SockaddrStorage::from(train[0].to)),
        )?;
        Ok(())
    }

    pub(in crate::driver) fn receive(socket: &UdpSocket, into: &mut [u8]) -> io::Result<Arrived> {
        let mut space = cmsg_space!(i32);
        let mut parts = [IoSliceMut::new(into)];
        let message = recvmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &mut parts,
            Some(&mut space),
            MsgFlags::empty(),
        )?;
        let from = message.address.as_ref().and_then(address);
        let from = from.ok_or(io::ErrorKind::InvalidData)?;
        let each = message.cmsgs()?.find_map(|note| match note {
            ControlMessageOwned::UdpGroSegments(size) => usize::try_from(size).ok(),
            _ => None,
        });
        let length = message.bytes;
        let each = each.unwrap_or(length).max(1);
        Ok(Arrived { from, length, each })
    }

    fn address(of: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = of.as_sockaddr_in().map(|it| SocketAddrV4::from(*it).into());
        v4.or_else(|| {
            of.as_sockaddr_in6()
                .map(|it| SocketAddrV6::from(*it).into())
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::{Arrived, SocketAddr, Transmit, UdpSocket, io};

    pub(in crate::driver) const fn couple(_: &UdpSocket) {}

    pub(in crate::driver) const fn cuts(_: &UdpSocket) -> bool {
        false
    }

    pub(in crate::driver) fn send(_: &UdpSocket, _: &[Transmit]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::driver) fn receive(socket: &UdpSocket, into: &mut [u8]) -> io::Result<Arrived> {
        let (length, from): (usize, SocketAddr) = socket.recv_from(into)?;
        let each = length.max(1);
        Ok(Arrived { from, length, each })
    }
}

pub(super) use kernel::{couple, cuts, receive, send};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn three_datagrams_leave_in_one_call_and_come_in_one() {
        let any = "127.0.0.1:0".parse().unwrap();
        let (here, there) = (UdpSocket::bind(any).unwrap(), UdpSocket::bind(any).unwrap());
        assert!(cuts(&there));
        couple(&here);
        let to = here.local_addr().unwrap();
        let train = [700, 700, 300].map(|size| Transmit {
            to,
            datagram: vec![7; size],
        });
        assert!(fits(&train[..2], &train[2]));
        assert!(!fits(&train, &train[2]), "a shorter one was the last");
        send(&there, &train).unwrap();
        let mut buffer = vec![0; TRAIN_BYTES_MAX];
        let arrived = receive(&here, &mut buffer).unwrap();
        assert_eq!(arrived.from, there.local_addr().unwrap());
        assert_eq!((arrived.length, arrived.each), (1700, 700));
    }
}
