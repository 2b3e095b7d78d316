//! Packets: a JSON head and a raw tail. The one place where packets are named.

pub use super::head::{
    Audience, GroupAct, Head, ListOf, LookupOf, MailHead, MailKind, RefusalCode, Stamp, StoredState,
};
use super::reader::Reader;
use super::{DecodeError, head};
use crate::model::limits::{HEAD_BYTES_MAX, MAIL_ACKS_MAX, TAIL_BYTES_MAX};
use crate::model::{MessageId, Name};
use std::fmt::Display;
use std::io::Write as _;

/// A packet: a head that says what it is, and a tail that nobody looks into on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What it is.
    pub head: Head,
    /// Text, rows, a card, ids, names or a datagram, as the head says; never escaped.
    pub tail: Vec<u8>,
}

/// Why bytes are no packet that this version acts on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Not a packet: counted, dropped.
    #[error("malformed packet")]
    Malformed,
    /// A well-formed head of an unknown type.
    #[error("packet of an unknown type")]
    UnknownType {
        /// Its id, if it had one: a client that asked is owed a refusal.
        id: Option<MessageId>,
    },
}

/// Room for nearly every head, so that a packet is written into one allocation.
const HEAD_BYTES_USUAL: usize = 384;

impl Packet {
    /// The bytes: head length, head, tail.
    ///
    /// # Panics
    /// If head or tail are beyond their limits, or a field of the head is beyond its own.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.head, &self.tail)
    }

    /// Reads a packet.
    ///
    /// # Errors
    /// A length or the head is wrong, or its type is of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, PacketError> {
        let (head, tail) = parts(bytes).map_err(|DecodeError| PacketError::Malformed)?;
        Ok(Self {
            head: head::read(head)?,
            tail: tail.to_vec(),
        })
    }
}

/// The bytes of a packet whose tail is kept elsewhere, such as one text for many recipients.
///
/// # Panics
/// If head or tail are beyond their limits, or a field of the head is beyond its own.
#[must_use]
pub fn encode(head: &Head, tail: &[u8]) -> Vec<u8> {
    assert!(tail.len() <= TAIL_BYTES_MAX, "a tail has a limit");
    let mut out = Vec::with_capacity(tail.len().saturating_add(HEAD_BYTES_USUAL));
    out.extend_from_slice(&[0, 0]);
    head::write(head, &mut out);
    let head_len = out.len().saturating_sub(2);
    assert!(head_len <= HEAD_BYTES_MAX, "a head has a limit");
    let head_len = u16::try_from(head_len).expect("at most 1,024 bytes");
    if let Some(length) = out.first_chunk_mut() {
        *length = head_len.to_le_bytes();
    }
    out.extend_from_slice(tail);
    out
}

/// Head and tail, each within its limit.
pub(super) fn parts(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let mut rest = Reader::new(bytes);
    let head_len = rest.u16()?.into();
    let head = rest.bytes(head_len)?;
    let tail = rest.rest();
    let right = head.len() <= HEAD_BYTES_MAX && tail.len() <= TAIL_BYTES_MAX;
    right.then_some((head, tail)).ok_or(DecodeError)
}

/// The tail of `names` and `gack`: names of people or groups, one per line.
///
/// # Panics
/// Never: a vector takes every byte.
pub fn names_tail<T: Display>(names: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut tail = Vec::new();
    for name in names {
        writeln!(tail, "{name}").expect("a vector takes every byte");
    }
    tail
}

/// The names in a tail of `names` or `gack`; None if a line is not a name.
#[must_use]
pub fn names_of_tail(tail: &[u8]) -> Option<Vec<String>> {
    let lines = std::str::from_utf8(tail).ok()?.lines();
    lines
        .map(|line| line.parse::<Name>().is_ok().then(|| line.to_owned()))
        .collect()
}

/// The tail of `mailack`.
///
/// # Panics
/// If there are no ids or more than 16.
#[must_use]
pub fn ids_tail(ids: &[MessageId]) -> Vec<u8> {
    assert!((1..=MAIL_ACKS_MAX).contains(&ids.len()), "1 to 16 ids");
    ids.iter().flat_map(|id| id.to_bytes()).collect()
}

/// The ids in a tail of `mailack`; None if these are not 1 to 16 whole ids.
#[must_use]
pub fn ids_of_tail(tail: &[u8]) -> Option<Vec<MessageId>> {
    let (ids, rest) = tail.as_chunks();
    let right = rest.is_empty() && (1..=MAIL_ACKS_MAX).contains(&ids.len());
    right.then(|| ids.iter().copied().map(MessageId::from_bytes).collect())
}
