//! Frames inside the encryption: binary, any number in a datagram.

use super::DecodeError;
use super::reader::Reader;
use crate::model::limits::{CHUNK_BYTES, CHUNKS_MAX, CLOSE_TEXT_BYTES_MAX};

/// One frame, borrowed from the opened datagram. Protocol section 6.1 draws the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// 00, so many times: filling.
    Pad(usize),
    /// 01: what was received.
    Ack(Ack),
    /// 02: asks for an acknowledgement.
    Ping,
    /// 03: a piece of a packet: 1,024 bytes, the last one 1 to 1,024.
    Chunk {
        /// The number of the packet in its session.
        mseq: u32,
        /// Which piece, from 0; less than `count`.
        index: u8,
        /// Of how many, 1 to 68.
        count: u8,
        /// The piece.
        bytes: &'a [u8],
    },
    /// 04: asks for proof of an address.
    PathChallenge([u8; 8]),
    /// 05: the proof.
    PathResponse([u8; 8]),
    /// 06: the end of the session.
    Close {
        /// Why.
        code: CloseCode,
        /// The same for people, at most 64 bytes.
        text: &'a str,
    },
    /// 08: one whole packet, sent once and never acknowledged (RFC 9221 is the precedent).
    Loose(&'a [u8]),
}

/// A view of the replay window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The largest counter received.
    pub largest: u64,
    /// How long the acknowledgement was delayed, in units of 100 us.
    pub delay: u16,
    /// Bit k: counter `largest - 1 - k` was received.
    pub bits: u128,
}

/// Why a session ends. The order is that of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// The other side leaves.
    Bye,
    /// We sent what no version of the protocol allows.
    Protocol,
    /// We used more than our share.
    Limit,
    /// A newer session took the place of this one.
    Replaced,
    /// We did not answer.
    Silent,
    /// A reason of a later version.
    Other(u16),
}

const PAD: u8 = 0;
const ACK: u8 = 1;
const PING: u8 = 2;
const CHUNK: u8 = 3;
const PATH_CHALLENGE: u8 = 4;
const PATH_RESPONSE: u8 = 5;
const CLOSE: u8 = 6;
const LOOSE: u8 = 8;

const ACK_BYTES: usize = 27;
/// Type, mseq, index, count, length.
const CHUNK_HEADER_BYTES: usize = 9;
/// Type, code, length.
const CLOSE_HEADER_BYTES: usize = 4;
/// Type, length.
const LOOSE_HEADER_BYTES: usize = 3;

/// The frames of an opened datagram, one after the other; stops after the first error (unknown
/// type, cut short, a chunk that no packet is cut into).
pub fn frames(bytes: &[u8]) -> impl Iterator<Item = Result<Frame<'_>, DecodeError>> {
    let mut rest = Reader::new(bytes);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let frame = read(&mut rest);
        if frame.is_err() {
            rest = Reader::new(&[]);
        }
        Some(frame)
    })
}

fn read<'a>(rest: &mut Reader<'a>) -> Result<Frame<'a>, DecodeError> {
    Ok(match rest.u8()? {
        PAD => Frame::Pad(rest.pass_over(PAD).saturating_add(1)),
        ACK => Frame::Ack(Ack {
            largest: rest.u64()?,
            delay: rest.u16()?,
            bits: rest.u128()?,
        }),
        PING => Frame::Ping,
        CHUNK => read_chunk(rest)?,
        PATH_CHALLENGE => Frame::PathChallenge(rest.array()?),
        PATH_RESPONSE => Frame::PathResponse(rest.array()?),
        CLOSE => {
            let code = CloseCode::from_number(rest.u16()?);
            let length = rest.u8()?.into();
            (length <= CLOSE_TEXT_BYTES_MAX)
                .then_some(())
                .ok_or(DecodeError)?;
            let text = rest.text(length)?;
            Frame::Close { code, text }
        }
        LOOSE => {
            let length = rest.u16()?.into();
            Frame::Loose(rest.bytes(length)?)
        }
        _ => return Err(DecodeError),
    })
}

fn read_chunk<'a>(rest: &mut Reader<'a>) -> Result<Frame<'a>, DecodeError> {
    let (mseq, index, count) = (rest.u32()?, rest.u8()?, rest.u8()?);
    let length = rest.u16()?.into();
    let is_last = index.checked_add(1) == Some(count);
    let right = index < count
        && usize::from(count) <= CHUNKS_MAX
        && (1..=CHUNK_BYTES).contains(&length)
        && (is_last || length == CHUNK_BYTES);
    right.then_some(()).ok_or(DecodeError)?;
    let bytes = rest.bytes(length)?;
    Ok(Frame::Chunk {
        mseq,
        index,
        count,
        bytes,
    })
}

impl Frame<'_> {
    /// Appends the bytes of the frame.
    ///
    /// # Panics
    /// If a length does not fit its field.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Pad(count) => out.extend(std::iter::repeat_n(PAD, *count)),
            Self::Ack(ack) => {
                out.push(ACK);
                out.extend_from_slice(&ack.largest.to_le_bytes());
                out.extend_from_slice(&ack.delay.to_le_bytes());
                out.extend_from_slice(&ack.bits.to_le_bytes());
            }
            Self::Ping => out.push(PING),
            Self::Chunk {
                mseq,
                index,
                count,
                bytes,
            } => {
                out.push(CHUNK);
                out.extend_from_slice(&mseq.to_le_bytes());
                out.extend_from_slice(&[*index, *count]);
                out.extend_from_slice(&length(bytes));
                out.extend_from_slice(bytes);
            }
            Self::PathChallenge(random) => {
                out.push(PATH_CHALLENGE);
                out.extend_from_slice(random);
            }
            Self::PathResponse(random) => {
                out.push(PATH_RESPONSE);
                out.extend_from_slice(random);
            }
            Self::Close { code, text } => {
                assert!(text.len() <= CLOSE_TEXT_BYTES_MAX);
                let [length, _] = length(text.as_bytes());
                out.push(CLOSE);
                out.extend_from_slice(&code.number().to_le_bytes());
                out.push(length);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Loose(packet) => {
                out.push(LOOSE);
                out.extend_from_slice(&length(packet));
                out.extend_from_slice(packet);
            }
        }
    }

    /// How many bytes `encode` appends.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self {
            Self::Pad(count) => *count,
            Self::Ping => 1,
            Self::Ack(_) => ACK_BYTES,
            Self::Chunk { bytes, .. } => CHUNK_HEADER_BYTES.saturating_add(bytes.len()),
            Self::PathChallenge(_) | Self::PathResponse(_) => 9,
            Self::Close { text, .. } => CLOSE_HEADER_BYTES.saturating_add(text.len()),
            Self::Loose(packet) => LOOSE_HEADER_BYTES.saturating_add(packet.len()),
        }
    }

    /// True if the receiver must acknowledge it (PING, CHUNK, `PATH_CHALLENGE`).
    #[must_use]
    pub const fn is_ack_eliciting(&self) -> bool {
        matches!(
            self,
            Self::Chunk { .. } | Self::PathChallenge(_) | Self::Ping
        )
    }
}

impl CloseCode {
    const fn number(self) -> u16 {
        match self {
            Self::Bye => 0,
            Self::Protocol => 1,
            Self::Limit => 2,
            Self::Replaced => 3,
            Self::Silent => 4,
            Self::Other(number) => number,
        }
    }

    const fn from_number(number: u16) -> Self {
        match number {
            0 => Self::Bye,
            1 => Self::Protocol,
            2 => Self::Limit,
            3 => Self::Replaced,
            4 => Self::Silent,
            _ => Self::Other(number),
        }
    }
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len())
        .expect("a frame is smaller than a datagram")
        .to_le_bytes()
}
