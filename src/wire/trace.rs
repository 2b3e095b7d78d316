//! A packet as a line for people who want to see what travels; local, never on the wire.

use super::packet;
use crate::model::{Name, PublicKey};
use serde::Serialize;
use serde_json::value::RawValue;

/// A packet that was sent or that arrived, as it was inside the encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Which way it went.
    pub direction: Direction,
    /// The session key of the other side.
    pub peer: PublicKey,
    /// The name behind that key, where it is known.
    pub name: Option<Name>,
    /// The whole packet.
    pub bytes: Vec<u8>,
}

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It arrived.
    In,
    /// It was handed to the link.
    Out,
}

/// The fields of a line, in their order.
#[derive(Serialize)]
struct Line<'a> {
    unix_ms: i64,
    dir: &'static str,
    peer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<&'a RawValue>,
    tail_len: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

impl Traced {
    /// What kind of packet it is: the `t` of its head; empty if it has none.
    #[must_use]
    pub fn kind(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Kind {
            t: String,
        }
        let head = packet::parts(&self.bytes).map(|(head, _)| head).ok();
        let kind = head.and_then(|head| serde_json::from_slice::<Kind>(head).ok());
        kind.map(|kind| kind.t).unwrap_or_default()
    }

    /// One JSON object without a newline: `unix_ms`, `dir` (in, out), `peer` (a name, else the
    /// session key), `head` as it was, `tail_len`, and `text` where the tail is UTF-8.
    ///
    /// Bytes that are no packet give a line without a head.
    ///
    /// # Panics
    /// Never: plain fields are always JSON.
    #[must_use]
    pub fn line(&self, unix_ms: i64) -> String {
        let (head, tail) = packet::parts(&self.bytes).unwrap_or((&[], &self.bytes));
        let line = Line {
            unix_ms,
            dir: match self.direction {
                Direction::In => "in",
                Direction::Out => "out",
            },
            peer: (self.name.as_ref()).map_or_else(|| self.peer.to_string(), Name::to_string),
            head: serde_json::from_slice(head).ok(),
            tail_len: tail.len(),
            text: std::str::from_utf8(tail)
                .ok()
                .filter(|text| !text.is_empty()),
        };
        serde_json::to_string(&line).expect("a struct of plain fields is always JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> String {
        Traced {
            direction: Direction::Out,
            peer: PublicKey([7; 32]),
            name: "bob".parse().ok(),
            bytes: bytes.to_vec(),
        }
        .line(5)
    }

    #[test]
    fn a_line_shows_the_head_as_it_was_and_the_text() {
        assert_eq!(
            line(b"\x0b\x00{\"t\":\"ack\"}say \"hi\"\n"),
            r#"{"unix_ms":5,"dir":"out","peer":"bob","head":{"t":"ack"},"tail_len":9,"text":"say \"hi\"\n"}"#
        );
    }

    #[test]
    fn any_bytes_make_a_line() {
        for bytes in [&b""[..], b"\xff", b"\x02\x00{]", &[0xff; 40]] {
            let line = line(bytes);
            assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
            assert!(!line.contains('\n'));
        }
    }
}
