//! What travels: datagrams, frames inside the encryption, packets, cards and rows. Bytes only.
//!
//! Every reader here is total: whatever the bytes, it answers with a value or refuses. What is
//! not JSON is canonical: each value has exactly one form, except that a reader passes over the
//! extension of a row, which is room for later versions.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod card;
pub mod datagram;
pub mod frame;
mod head;
pub mod packet;
mod reader;
mod refusal;
pub mod row;
pub mod trace;

pub use card::Card;
pub use datagram::Datagram;
pub use frame::{Ack, CloseCode, Frame};
pub use packet::{Head, Packet};
pub use row::Row;
pub use trace::{Direction, Traced};

/// The bytes are not what they should be. It carries nothing that the sender chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed bytes")]
pub struct DecodeError;
