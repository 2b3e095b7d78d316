//! The clear outside of every datagram: eight kinds, at most 1,200 bytes each.

use super::DecodeError;
use super::reader::Reader;
use crate::model::PublicKey;
use crate::model::limits::{DATA_BYTES_MIN, DATAGRAM_BYTES_MAX, HELLO_BYTES_MIN};

/// One datagram, its fields checked for length and constants, borrowed from the receive buffer.
///
/// A `sid` is never zero. Protocol section 3 draws the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// 0xC1: initiator to responder.
    Hello {
        /// Whom the initiator takes the receiver for.
        role: Role,
        /// Under which number the initiator will receive.
        sid: u32,
        /// The first message of the handshake, 216 bytes or more.
        noise: &'a [u8],
        /// Proves that the initiator knows the responder's key.
        mac1: [u8; 16],
        /// Proves that the initiator receives at its address; zeros without a cookie.
        mac2: [u8; 16],
    },
    /// 0xC2: responder to initiator, 104 bytes.
    Reply {
        /// The number of the HELLO.
        sid: u32,
        /// The second message of the handshake, 80 bytes.
        noise: &'a [u8],
        /// Proves that the responder knows the initiator's key.
        mac1: [u8; 16],
    },
    /// 0xC3: a sealed cookie, 64 bytes.
    Retry {
        /// The number of the HELLO.
        sid: u32,
        /// Under which the cookie is sealed.
        nonce: [u8; 24],
        /// The cookie and its tag.
        sealed: [u8; 32],
    },
    /// 0xC4: sealed frames.
    Data {
        /// The number under which the receiver receives.
        sid: u32,
        /// The nonce.
        counter: u64,
        /// The frames and their tag, 32 bytes or more.
        sealed: &'a [u8],
    },
    /// 0xC5: "I do not know this session", 24 bytes.
    Reset {
        /// The number of the DATA that is answered.
        sid: u32,
        /// Proves that who answers once gave this number.
        token: [u8; 16],
    },
    /// 0xC6: asks a server for its keys, 256 bytes.
    KeyRequest {
        /// Random; the answer repeats it.
        nonce: [u8; 16],
    },
    /// 0xC7: the answer, 84 bytes.
    KeyReply {
        /// The nonce of the question.
        nonce: [u8; 16],
        /// The static key of the server's sessions.
        session_key: PublicKey,
        /// The server's identity.
        identity: PublicKey,
    },
    /// 0xC8: answer to a HELLO of a version that is not spoken, 8 bytes.
    Version {
        /// The lowest version that is spoken.
        lowest: u8,
        /// The highest version that is spoken.
        highest: u8,
        /// The number of the HELLO.
        sid: u32,
    },
}

/// Whether the initiator of a handshake takes the receiver for a server or a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The receiver is a server (0 on the wire).
    Server,
    /// The receiver is a peer (1 on the wire).
    Peer,
}

/// The version of the wire that this program speaks.
pub const WIRE_VERSION: u8 = 1;

// 0xC1 to 0xC8 begin no text and no JSON (protocol, section 3).
const HELLO: u8 = 0xC1;
const REPLY: u8 = 0xC2;
const RETRY: u8 = 0xC3;
const DATA: u8 = 0xC4;
const RESET: u8 = 0xC5;
const KEY_REQUEST: u8 = 0xC6;
const KEY_REPLY: u8 = 0xC7;
const VERSION: u8 = 0xC8;

const REPLY_BYTES: usize = 104;
const RETRY_BYTES: usize = 64;
const RESET_BYTES: usize = 24;
const KEY_REQUEST_BYTES: usize = 256;
const KEY_REPLY_BYTES: usize = 84;
const VERSION_BYTES: usize = 8;

const MAC_BYTES: usize = 16;
/// A HELLO without its Noise message: kind and constants, `sid`, two MACs.
const HELLO_FIXED_BYTES: usize = 8 + 2 * MAC_BYTES;
/// The Noise message of a REPLY.
const REPLY_NOISE_BYTES: usize = REPLY_BYTES - 8 - MAC_BYTES;
const KEY_REQUEST_ZEROS: [u8; KEY_REQUEST_BYTES - 20] = [0; KEY_REQUEST_BYTES - 20];

// Every answer to an unproven address is no longer than what it answers (RFC 9000 section 8.1
// allows three times as much).
const _: () = assert!(REPLY_BYTES <= HELLO_BYTES_MIN && RETRY_BYTES <= HELLO_BYTES_MIN);
const _: () = assert!(VERSION_BYTES <= HELLO_BYTES_MIN && KEY_REPLY_BYTES <= KEY_REQUEST_BYTES);
const _: () = assert!(RESET_BYTES <= DATA_BYTES_MIN);

impl<'a> Datagram<'a> {
    /// Reads a datagram; anything that is not exactly of a known form is refused.
    ///
    /// # Errors
    /// The kind, a constant or the length is wrong. For a HELLO of another version see
    /// [`version_asked`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(bytes);
        let datagram = match (fields.array()?, bytes.len()) {
            ([HELLO, WIRE_VERSION, role, 0], HELLO_BYTES_MIN..=DATAGRAM_BYTES_MAX) => Self::Hello {
                role: Role::from_byte(role)?,
                sid: sid(&mut fields)?,
                noise: fields.bytes(bytes.len().saturating_sub(HELLO_FIXED_BYTES))?,
                mac1: fields.array()?,
                mac2: fields.array()?,
            },
            ([REPLY, WIRE_VERSION, 0, 0], REPLY_BYTES) => Self::Reply {
                sid: sid(&mut fields)?,
                noise: fields.bytes(REPLY_NOISE_BYTES)?,
                mac1: fields.array()?,
            },
            ([RETRY, WIRE_VERSION, 0, 0], RETRY_BYTES) => Self::Retry {
                sid: sid(&mut fields)?,
                nonce: fields.array()?,
                sealed: fields.array()?,
            },
            ([DATA, 0, 0, 0], DATA_BYTES_MIN..=DATAGRAM_BYTES_MAX) => {
                let (sid, counter) = (sid(&mut fields)?, fields.u64()?);
                let sealed = fields.rest();
                return Ok(Self::Data {
                    sid,
                    counter,
                    sealed,
                });
            }
            ([RESET, WIRE_VERSION, 0, 0], RESET_BYTES) => Self::Reset {
                sid: sid(&mut fields)?,
                token: fields.array()?,
            },
            ([KEY_REQUEST, WIRE_VERSION, 0, 0], KEY_REQUEST_BYTES) => {
                let nonce = fields.array()?;
                let zeros = fields.array()? == KEY_REQUEST_ZEROS;
                zeros
                    .then_some(Self::KeyRequest { nonce })
                    .ok_or(DecodeError)?
            }
            ([KEY_REPLY, WIRE_VERSION, 0, 0], KEY_REPLY_BYTES) => Self::KeyReply {
                nonce: fields.array()?,
                session_key: PublicKey(fields.array()?),
                identity: PublicKey(fields.array()?),
            },
            ([VERSION, lowest, highest, 0], VERSION_BYTES) => Self::Version {
                lowest,
                highest,
                sid: sid(&mut fields)?,
            },
            _ => return Err(DecodeError),
        };
        fields.end()?;
        Ok(datagram)
    }

    /// The bytes to send.
    ///
    /// # Panics
    /// If nobody could read them: a Noise message or sealed frames of a wrong length, `sid` zero.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        const V: u8 = WIRE_VERSION;
        let bytes = match self {
            Self::Hello {
                role,
                sid,
                noise,
                mac1,
                mac2,
            } => join([
                &[HELLO, V, role.byte(), 0],
                &sid.to_le_bytes(),
                noise,
                mac1,
                mac2,
            ]),
            Self::Reply { sid, noise, mac1 } => {
                join([&[REPLY, V, 0, 0], &sid.to_le_bytes(), noise, mac1])
            }
            Self::Retry { sid, nonce, sealed } => {
                join([&[RETRY, V, 0, 0], &sid.to_le_bytes(), nonce, sealed])
            }
            Self::Data {
                sid,
                counter,
                sealed,
            } => join([
                &[DATA, 0, 0, 0],
                &sid.to_le_bytes(),
                &counter.to_le_bytes(),
                sealed,
            ]),
            Self::Reset { sid, token } => join([&[RESET, V, 0, 0], &sid.to_le_bytes(), token]),
            Self::KeyRequest { nonce } => {
                join([&[KEY_REQUEST, V, 0, 0], nonce, &KEY_REQUEST_ZEROS])
            }
            Self::KeyReply {
                nonce,
                session_key,
                identity,
            } => join([&[KEY_REPLY, V, 0, 0], nonce, &session_key.0, &identity.0]),
            Self::Version {
                lowest,
                highest,
                sid,
            } => join([&[VERSION, *lowest, *highest, 0], &sid.to_le_bytes()]),
        };
        assert!(
            Datagram::parse(&bytes) == Ok(*self),
            "what is sent can be read"
        );
        bytes
    }
}

impl Role {
    const fn byte(self) -> u8 {
        match self {
            Self::Server => 0,
            Self::Peer => 1,
        }
    }

    const fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        match byte {
            0 => Ok(Self::Server),
            1 => Ok(Self::Peer),
            _ => Err(DecodeError),
        }
    }
}

/// A datagram and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where it goes.
    pub to: std::net::SocketAddr,
    /// The whole datagram.
    pub datagram: Vec<u8>,
}

/// The `sid` of a HELLO of a version other than 1: it deserves a VERSION.
///
/// The first eight bytes of a HELLO keep their form in every version.
#[must_use]
pub fn version_asked(bytes: &[u8]) -> Option<u32> {
    let mut fields = Reader::new(bytes);
    let [kind, version, _role, zero] = fields.array().ok()?;
    let hello = kind == HELLO && zero == 0 && version != WIRE_VERSION;
    let length = (HELLO_BYTES_MIN..=DATAGRAM_BYTES_MAX).contains(&bytes.len());
    (hello && length).then_some(())?;
    sid(&mut fields).ok()
}

/// The part of an encoded HELLO or REPLY that mac1 covers: all before it. None if too short.
#[must_use]
pub fn before_mac1(bytes: &[u8]) -> Option<&[u8]> {
    let end = match *bytes.first()? {
        HELLO => bytes.len().checked_sub(2 * MAC_BYTES)?,
        REPLY => bytes.len().checked_sub(MAC_BYTES)?,
        _ => return None,
    };
    bytes.get(..end)
}

/// The part of an encoded HELLO that mac2 covers: all before it. None if too short.
#[must_use]
pub fn before_mac2(bytes: &[u8]) -> Option<&[u8]> {
    let end = match *bytes.first()? {
        HELLO => bytes.len().checked_sub(MAC_BYTES)?,
        _ => return None,
    };
    bytes.get(..end)
}

fn sid(fields: &mut Reader<'_>) -> Result<u32, DecodeError> {
    match fields.u32()? {
        0 => Err(DecodeError),
        sid => Ok(sid),
    }
}

fn join<const N: usize>(parts: [&[u8]; N]) -> Vec<u8> {
    parts.concat()
}
