//! The same room at mosquitto: MQTT 3.1.1, `QoS` 1, so every delivery is acknowledged.

use crate::floors::BYTES;
use crate::room::Room;
use crate::stream::{Peer, Streams};
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct Mosquitto {
    peer: Peer,
    streams: Streams,
    spoken: u64,
    taken: u64,
    delivered: u64,
    subscribed: usize,
    _home: TempDir,
}

const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBACK: u8 = 9;

impl Mosquitto {
    /// Starts the server alone; nothing if it is not installed.
    pub(crate) fn serve() -> Option<(Peer, TempDir)> {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("conf");
        let peer = Peer::start("mosquitto", |port| {
            let settings = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
            fs::write(&file, settings).unwrap();
            vec!["-c".into(), file.display().to_string()]
        })?;
        Some((peer, home))
    }

    pub(crate) fn new(listeners: usize) -> Option<Self> {
        let (peer, home) = Self::serve()?;
        let streams = Streams::connect(peer.address, listeners + 1);
        let mut room = Self {
            peer,
            streams,
            spoken: 0,
            taken: 0,
            delivered: 0,
            subscribed: 0,
            _home: home,
        };
        for index in 0..=listeners {
            let mut connect = vec![0, 4];
            connect.extend(b"MQTT\x04\x02\x00\x00");
            let id = format!("c{index}");
            connect.extend([0, u8::try_from(id.len()).unwrap()]);
            connect.extend(id.bytes());
            room.streams.send(index, &frame(0x10, &connect));
            if index > 0 {
                room.streams.send(index, &frame(0x82, b"\0\x01\0\x01g\x01"));
            }
        }
        while room.subscribed < listeners {
            room.turn();
        }
        Some(room)
    }
}

impl Room for Mosquitto {
    fn pid(&self) -> u32 {
        self.peer.child.id()
    }

    fn listeners(&self) -> u64 {
        self.streams.len() as u64 - 1
    }

    fn speak(&mut self) {
        self.spoken += 1;
        let id = u16::try_from(self.spoken % 60_000).unwrap() + 1;
        let mut publish = vec![0, 1, b'g'];
        publish.extend(id.to_be_bytes());
        publish.extend([b'x'; BYTES]);
        self.streams.send(0, &frame(0x32, &publish));
    }

    fn turn(&mut self) {
        let (taken, delivered, subscribed) =
            (&mut self.taken, &mut self.delivered, &mut self.subscribed);
        self.streams
            .turn(Duration::from_millis(2), |_, bytes, out| {
                let mut used = 0;
                while let Some((kind, body, length)) = parse(&bytes[used..]) {
                    used += length;
                    match kind >> 4 {
                        CONNACK => assert_eq!(body, [0, 0]),
                        SUBACK => *subscribed += 1,
                        PUBACK => *taken += 1,
                        PUBLISH => {
                            *delivered += 1;
                            assert_eq!(body.len(), 5 + BYTES);
                            out.extend([0x40, 2, body[3], body[4]]);
                        }
                        other => panic!("{other}"),
                    }
                }
                used
            });
    }

    fn spoken(&self) -> (u64, u64) {
        (self.spoken, self.taken)
    }

    fn delivered(&self) -> u64 {
        self.delivered
    }
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length % 128).unwrap();
        length /= 128;
        out.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

/// Kind, body, and how long the whole frame is.
fn parse(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let kind = *bytes.first()?;
    let (mut length, mut shift, mut at) = (0_usize, 0, 1);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let body = bytes.get(at..at + length)?;
    Some((kind, body, at + length))
}
