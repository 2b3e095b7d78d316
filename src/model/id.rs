//! Identities of things: messages, store requests, versions of a row, public keys.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Names one message through every retry and restart; minted once, by its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u128);

/// Ties a store's reply to its request; minted by a core, never reused in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTicket(pub u64);

/// Grows with every change of a name or group; minted by the store, otherwise opaque.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// 32 public bytes: an Ed25519 identity or an X25519 session key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// Why a text is no id or key: the wrong length, or not lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {digits} lower-case hexadecimal digits")]
pub struct InvalidHex {
    /// How many digits are right.
    pub digits: usize,
}

impl MessageId {
    /// The sixteen bytes of the id, most significant first.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id of these sixteen bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for MessageId {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        Ok(Self::from_bytes(bytes_of_hex(text)?))
    }
}

/// By their bytes. Keys are random, so that their first eight nearly always decide: every datagram
/// is looked up by them.
impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let first = |key: &Self| key.0.first_chunk().copied().map(u64::from_be_bytes);
        first(self)
            .cmp(&first(other))
            .then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.to_string();
        write!(f, "PublicKey({}..)", &digits[..8])
    }
}

impl FromStr for PublicKey {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        bytes_of_hex(text).map(Self)
    }
}

fn bytes_of_hex<const N: usize>(text: &str) -> Result<[u8; N], InvalidHex> {
    let wrong = InvalidHex { digits: 2 * N };
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(wrong);
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high).ok_or(wrong)? << 4 | digit(*low).ok_or(wrong)?;
    }
    Ok(bytes)
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written() {
        let id = MessageId(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0e0f");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_bytes()[15], 15);
    }

    #[test]
    fn only_the_exact_number_of_lower_case_digits_is_an_id() {
        let digits = "000102030405060708090a0b0c0d0e0f";
        for wrong in [&digits[1..], "000102030405060708090A0B0C0D0E0F", "", "0x"] {
            assert!(wrong.parse::<MessageId>().is_err(), "{wrong}");
        }
        assert!(format!("{digits}0").parse::<MessageId>().is_err());
        assert!(format!("{digits}{digits}").parse::<PublicKey>().is_ok());
    }
}
