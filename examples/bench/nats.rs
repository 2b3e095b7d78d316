//! The same room at NATS core, which acknowledges nothing: a speaker is confirmed by PONG only.

use crate::floors::BYTES;
use crate::room::Room;
use crate::stream::{Peer, Streams};
use std::time::Duration;

pub(crate) struct Nats {
    peer: Peer,
    streams: Streams,
    spoken: u64,
    pongs: u64,
    delivered: u64,
}

impl Nats {
    pub(crate) fn new(listeners: usize) -> Option<Self> {
        let peer = Peer::start("nats-server", |port| {
            vec![
                "-a".into(),
                "127.0.0.1".into(),
                "-p".into(),
                port.to_string(),
            ]
        })?;
        let streams = Streams::connect(peer.address, listeners + 1);
        let mut room = Self {
            peer,
            streams,
            spoken: 0,
            pongs: 0,
            delivered: 0,
        };
        for index in 0..=listeners {
            room.streams.send(index, b"CONNECT {\"verbose\":false}\r\n");
            let words: &[u8] = if index > 0 {
                b"SUB g 1\r\nPING\r\n"
            } else {
                b"PING\r\n"
            };
            room.streams.send(index, words);
        }
        while room.pongs <= listeners as u64 {
            room.turn();
        }
        room.pongs = 0;
        Some(room)
    }
}

impl Room for Nats {
    fn pid(&self) -> u32 {
        self.peer.child.id()
    }

    fn listeners(&self) -> u64 {
        self.streams.len() as u64 - 1
    }

    fn speak(&mut self) {
        self.spoken += 1;
        let mut words = format!("PUB g {BYTES}\r\n").into_bytes();
        words.extend([b'x'; BYTES]);
        words.extend(b"\r\n");
        self.streams.send(0, &words);
    }

    fn turn(&mut self) {
        let (pongs, delivered) = (&mut self.pongs, &mut self.delivered);
        self.streams
            .turn(Duration::from_millis(2), |_, bytes, out| {
                let mut used = 0;
                while let Some(end) = bytes[used..].windows(2).position(|two| two == b"\r\n") {
                    let line = &bytes[used..used + end];
                    let mut whole = end + 2;
                    if line.starts_with(b"MSG") {
                        whole += BYTES + 2;
                        if bytes.len() < used + whole {
                            break;
                        }
                        *delivered += 1;
                    } else if line.starts_with(b"PING") {
                        out.extend(b"PONG\r\n");
                    } else if line.starts_with(b"PONG") {
                        *pongs += 1;
                    } else {
                        assert!(
                            line.starts_with(b"INFO"),
                            "{}",
                            String::from_utf8_lossy(line)
                        );
                    }
                    used += whole;
                }
                used
            });
    }

    fn spoken(&self) -> (u64, u64) {
        (self.spoken, self.spoken)
    }

    fn delivered(&self) -> u64 {
        self.delivered
    }
}
