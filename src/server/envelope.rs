//! What a mailbox keeps beside a text: for whom it was, its sender's stamp, what it is about.

use crate::model::{GroupName, MessageId};
use crate::wire::packet::{Audience, Stamp};

/// The part of a `mail` packet that a store keeps without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Whom a group message is for.
    pub audience: Option<Audience>,
    /// The message that a receipt or notice is about.
    pub of: Option<MessageId>,
    /// The sender's own numbers.
    pub stamp: Option<Stamp>,
    /// Sent by a program.
    pub auto: bool,
    /// How the text is encoded, if not as UTF-8.
    pub enc: Option<Box<str>>,
    /// When the message that a receipt is about was accepted.
    pub stored_ms: Option<i64>,
}

const EVERYBODY: u8 = 1;
const GROUP: u8 = 2;
const OF: u8 = 4;
const STAMP: u8 = 8;
const AUTO: u8 = 16;
const ENC: u8 = 32;
const STORED: u8 = 64;

impl Envelope {
    /// One byte that says what follows, then each part in the order of the fields.
    #[must_use]
    pub fn encode(&self) -> Box<[u8]> {
        let mut out = vec![0];
        let mut flags = if self.auto { AUTO } else { 0 };
        match &self.audience {
            Some(Audience::Everybody) => flags |= EVERYBODY,
            Some(Audience::Group(group)) => {
                flags |= GROUP;
                push_word(&mut out, group.as_str());
            }
            None => {}
        }
        if let Some(of) = self.of {
            flags |= OF;
            out.extend(of.to_bytes());
        }
        if let Some(stamp) = self.stamp {
            flags |= STAMP;
            out.extend(stamp.seq.to_le_bytes());
            out.extend(stamp.run.to_le_bytes());
            out.extend(stamp.at_ms.to_le_bytes());
        }
        if let Some(enc) = &self.enc {
            flags |= ENC;
            push_word(&mut out, enc);
        }
        if let Some(stored_ms) = self.stored_ms {
            flags |= STORED;
            out.extend(stored_ms.to_le_bytes());
        }
        out[0] = flags;
        out.into()
    }

    /// Reads it back; none if these bytes were never written by [`Envelope::encode`].
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (flags, mut rest) = bytes.split_first()?;
        let has = |bit: u8| flags & bit != 0;
        let audience = if has(EVERYBODY) {
            Some(Audience::Everybody)
        } else if has(GROUP) {
            let group: GroupName = take_word(&mut rest)?.parse().ok()?;
            Some(Audience::Group(group))
        } else {
            None
        };
        let of = if has(OF) {
            Some(MessageId::from_bytes(take(&mut rest)?))
        } else {
            None
        };
        let stamp = if has(STAMP) {
            Some(Stamp {
                seq: u64::from_le_bytes(take(&mut rest)?),
                run: u32::from_le_bytes(take(&mut rest)?),
                at_ms: i64::from_le_bytes(take(&mut rest)?),
            })
        } else {
            None
        };
        let enc = if has(ENC) {
            Some(take_word(&mut rest)?.into())
        } else {
            None
        };
        let stored_ms = if has(STORED) {
            Some(i64::from_le_bytes(take(&mut rest)?))
        } else {
            None
        };
        rest.is_empty().then_some(Self {
            audience,
            of,
            stamp,
            auto: has(AUTO),
            enc,
            stored_ms,
        })
    }
}

fn push_word(out: &mut Vec<u8>, word: &str) {
    out.push(u8::try_from(word.len()).expect("the core bounds words to 32 bytes"));
    out.extend(word.as_bytes());
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn take_word<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let [length] = take::<1>(rest)?;
    let (word, tail) = rest.split_at_checked(usize::from(length))?;
    *rest = tail;
    std::str::from_utf8(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Envelope {
        Envelope {
            audience: Some(Audience::Group("room".parse().unwrap())),
            of: Some(MessageId(7)),
            stamp: Some(Stamp {
                seq: 3,
                run: 9,
                at_ms: -1,
            }),
            auto: true,
            enc: Some("e1".into()),
            stored_ms: Some(1_763_670_000_123),
        }
    }

    #[test]
    fn an_envelope_is_read_as_it_was_written() {
        let everybody = Envelope {
            audience: Some(Audience::Everybody),
            ..Envelope::default()
        };
        for envelope in [full(), everybody, Envelope::default()] {
            assert_eq!(Envelope::decode(&envelope.encode()), Some(envelope));
        }
    }

    #[test]
    fn an_envelope_cut_short_or_too_long_is_none() {
        let bytes = full().encode();
        for length in 0..bytes.len() {
            assert_eq!(Envelope::decode(&bytes[..length]), None, "{length}");
        }
        assert_eq!(Envelope::decode(&[&bytes[..], &[0]].concat()), None);
    }
}
