//! What happened, in order: cheap to note, formatted only if somebody asks, and hashed.

use super::NodeId;
use crate::model::Instant;
use crate::secure::Ratchet;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// Lines that are kept unless more are asked for.
const KEPT: usize = 50;
/// Bytes that are hashed together.
const BLOCK: usize = 4096;
/// The longest text of a line; a message may have 64 KiB.
const TEXT: usize = 160;

/// The last lines of a run and the hash of all of them.
pub(super) struct Trace {
    kept: VecDeque<Line>,
    keep: usize,
    hash: Ratchet,
    block: Vec<u8>,
}

/// One thing that happened.
struct Line {
    at: Instant,
    node: Option<NodeId>,
    what: &'static str,
    /// A datagram's other end.
    address: Option<SocketAddr>,
    /// What else is known, in numbers: kind and length of a datagram, ticket, life.
    numbers: [u64; 2],
    text: Box<str>,
}

impl Trace {
    /// Nothing has happened.
    #[must_use]
    pub(super) fn new() -> Self {
        Self {
            kept: VecDeque::with_capacity(KEPT),
            keep: KEPT,
            hash: Ratchet::new(*b"ackchat simulator trace ........"),
            block: Vec::with_capacity(BLOCK + 256),
        }
    }

    /// Keeps every line from now on.
    pub(super) fn keep_all(&mut self) {
        self.keep = usize::MAX;
    }

    /// Notes something about a node.
    pub(super) fn note(
        &mut self,
        at: Instant,
        node: Option<NodeId>,
        what: &'static str,
        numbers: [u64; 2],
    ) {
        self.push(at, node, what, None, numbers, "");
    }

    /// Notes something with words.
    pub(super) fn say(
        &mut self,
        at: Instant,
        node: Option<NodeId>,
        what: &'static str,
        text: &str,
    ) {
        self.push(at, node, what, None, [0; 2], text);
    }

    /// Notes a datagram: its other end, kind, length and last bytes (its tag, which covers all of
    /// it).
    pub(super) fn datagram(
        &mut self,
        at: Instant,
        node: Option<NodeId>,
        what: &'static str,
        other: SocketAddr,
        bytes: &[u8],
    ) {
        let kind = u64::from(bytes.first().copied().unwrap_or(0));
        let len = u64::try_from(bytes.len()).expect("a length is a u64");
        self.block.extend(bytes.iter().rev().take(8));
        self.push(at, node, what, Some(other), [kind, len], "");
    }

    fn push(
        &mut self,
        at: Instant,
        node: Option<NodeId>,
        what: &'static str,
        address: Option<SocketAddr>,
        numbers: [u64; 2],
        text: &str,
    ) {
        self.block.extend(at.0.to_le_bytes());
        self.block
            .extend(node.map_or(u16::MAX, |node| node.0).to_le_bytes());
        self.block.extend(what.as_bytes());
        if let Some(address) = address {
            self.block.extend(address.port().to_le_bytes());
            if let IpAddr::V4(ip) = address.ip() {
                self.block.extend(ip.octets());
            }
        }
        self.block.extend(numbers[0].to_le_bytes());
        self.block.extend(numbers[1].to_le_bytes());
        self.block.extend(text.as_bytes());
        if self.block.len() >= BLOCK {
            self.hash.mix(&self.block);
            self.block.clear();
        }
        if self.kept.len() >= self.keep {
            self.kept.pop_front();
        }
        let end = text.floor_char_boundary(TEXT);
        let text = text.get(..end).unwrap_or_default().into();
        self.kept.push_back(Line {
            at,
            node,
            what,
            address,
            numbers,
            text,
        });
    }

    /// The hash of all lines so far: equal for equal runs.
    pub(super) fn hash(&mut self) -> [u8; 32] {
        self.hash.mix(&self.block);
        self.block.clear();
        self.hash.draw()
    }

    /// The kept lines, oldest first; `name` says what a node is called.
    pub(super) fn lines(
        &self,
        name: impl Fn(NodeId) -> String,
        place: impl Fn(SocketAddr) -> String,
    ) -> Vec<String> {
        self.kept
            .iter()
            .map(|line| {
                let (seconds, micros) = (line.at.0 / 1_000_000, line.at.0 % 1_000_000);
                let node = line.node.map_or_else(|| "-".into(), &name);
                let mut words = format!("{seconds:>4}.{micros:06} {node:<9} {}", line.what);
                if let Some(other) = line.address {
                    let [kind, len] = line.numbers;
                    write!(words, " {} {kind:02X} {len} bytes", place(other))
                } else if line.numbers == [0; 2] {
                    Ok(())
                } else {
                    write!(words, " {} {}", line.numbers[0], line.numbers[1])
                }
                .and_then(|()| {
                    if line.text.is_empty() {
                        Ok(())
                    } else {
                        write!(words, " {}", line.text.escape_debug())
                    }
                })
                .expect("writing to a string does not fail");
                words
            })
            .collect()
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}
