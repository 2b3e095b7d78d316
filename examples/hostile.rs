//! Sends datagrams that no friend would send to a program on this machine, and counts what is
//! answered.
//!
//! `cargo run --release --example hostile -- 127.0.0.1:2475 [COUNT [SEED]]`: empty, random,
//! truncated, bit-flipped, replayed and 60 KB datagrams, and the formats of earlier chats (pickle,
//! dicts for `eval`, JSON lists). Only to loopback addresses.
#![expect(
    clippy::print_stdout,
    reason = "an example shows itself on the terminal"
)]

use ackchat::link::{Links, Node, Output, Path, Route};
use ackchat::model::{Instant, Now, Wall};
use ackchat::secure::{Identity, Ratchet};
use ackchat::wire::datagram::Role;
use std::env;
use std::error::Error;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

/// What earlier programs of this kind sent each other.
const FORMATS: [&[u8]; 6] = [
    b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x04type\x94\x8c\x03reg\x94s.",
    b"cos\nsystem\n(S'id'\ntR.",
    b"{'type': 'send', 'from': 'bob', 'text': __import__('os').getcwd()}",
    b"[\"dereg\", \"bob\"]",
    b"{\"cmd\":\"table\",\"rows\":[[\"bob\",\"127.0.0.1\",1]]}",
    b"send bob hi\n",
];
/// So many datagrams, then what was answered is read.
const BATCH: u64 = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let to: SocketAddr = args
        .next()
        .ok_or("which address? e.g. 127.0.0.1:2475")?
        .parse()?;
    let count: u64 = args.next().map_or(Ok(100_000), |word| word.parse())?;
    let seed: u64 = args.next().map_or(Ok(1), |word| word.parse())?;
    if !to.ip().is_loopback() {
        return Err("only loopback addresses: this is for your own programs".into());
    }
    let socket = UdpSocket::bind((to.ip(), 0))?;
    socket.set_nonblocking(true)?;
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut ratchet = Ratchet::new(key);
    let hello = hello(to, &mut ratchet);
    let large = random(&mut ratchet, 60_000);
    let (mut sent, mut refused, mut out, mut answers, mut back) = (0_u64, 0_u64, 0, 0_u64, 0);
    let mut buffer = vec![0; 65_536];
    while sent + refused < count {
        for _ in 0..BATCH {
            let datagram = datagram(&mut ratchet, &hello, &large);
            match socket.send_to(&datagram, to) {
                Ok(length) => (sent, out) = (sent + 1, out + length),
                Err(_) => refused += 1,
            }
        }
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((length, _)) => (answers, back) = (answers + 1, back + length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {}
            }
        }
    }
    println!("{sent} datagrams, {out} bytes sent, {refused} refused by the kernel");
    println!("{answers} answers, {back} bytes");
    Ok(())
}

/// A first datagram as a friend would send it, of a key nobody knows.
fn hello(to: SocketAddr, ratchet: &mut Ratchet) -> Vec<u8> {
    let identity = Arc::new(Identity::from_seed(ratchet.draw()));
    let server = Identity::from_seed(ratchet.draw()).session_key();
    let mut links = Links::new(Node::Client, identity, ratchet.fork());
    let now = Now {
        instant: Instant(1_000_000),
        wall: Wall {
            unix_ms: 1_700_000_000_000,
            offset_s: 0,
        },
    };
    let route = Route {
        key: server,
        path: Path::Direct(to),
        role: Role::Server,
        slots: 5,
    };
    links
        .send(now, &route, b"\x02\0{}".to_vec())
        .expect("an empty queue has room");
    while let Some(output) = links.poll_output() {
        if let Output::Transmit { datagram, .. } = output {
            return datagram;
        }
    }
    unreachable!("a session begins with a datagram")
}

fn datagram(ratchet: &mut Ratchet, hello: &[u8], large: &[u8]) -> Vec<u8> {
    let number = usize::try_from(ratchet.u32()).expect("32 bits fit");
    match number % 8 {
        0 => Vec::new(),
        1 => random(ratchet, number / 8 % 1400),
        2 => large.to_vec(),
        3 => hello.to_vec(),
        4 => hello[..number / 8 % hello.len()].to_vec(),
        5 => FORMATS[number / 8 % FORMATS.len()].to_vec(),
        6 => {
            let mut flipped = hello.to_vec();
            flipped[number / 64 % hello.len()] ^= 1 << (number / 8 % 8);
            flipped
        }
        // The kind of a datagram is right, and nothing else.
        _ => {
            let mut datagram = random(ratchet, number / 8 % 1200);
            if let (Some(first), Some(kind)) = (datagram.first_mut(), hello.first()) {
                *first = kind.wrapping_add(u8::try_from(number / 9600 % 12).expect("it is small"));
            }
            datagram
        }
    }
}

fn random(ratchet: &mut Ratchet, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    while bytes.len() < length {
        let block: [u8; 32] = ratchet.draw();
        bytes.extend_from_slice(&block);
    }
    bytes.truncate(length);
    bytes
}
