//! The identity of a profile, of which everything derives from one seed; cards and fingerprints.

use super::suite::{first, hash, keyed_16, keyed_32, public_key};
use crate::model::{MessageId, Name, PublicKey};
use crate::wire::Card;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// What a card's signature is over, before the card (protocol, section 2).
const CARD_CONTEXT: &[u8] = b"ackchat/1 card\0";

/// Secret keys of a profile, derived from 32 bytes; wiped when dropped; `Debug` shows only the id.
pub struct Identity {
    signing: SigningKey,
    session_secret: Zeroizing<[u8; 32]>,
    session_key: PublicKey,
    reset: Zeroizing<[u8; 32]>,
    mac1_key: [u8; 32],
}

impl Identity {
    /// Derives all keys from the seed, which is the one secret that a profile keeps.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let derive = |label: &[u8]| keyed_32(&*seed, &[label]);
        let session_secret = derive(b"ackchat/1 x25519");
        let session_key = PublicKey(public_key(&session_secret));
        Self {
            signing: SigningKey::from_bytes(&derive(b"ackchat/1 ed25519")),
            session_secret,
            session_key,
            reset: derive(b"ackchat/1 reset"),
            mac1_key: mac1_key(&session_key),
        }
    }

    /// The Ed25519 public key: who this is.
    #[must_use]
    pub fn identity(&self) -> PublicKey {
        PublicKey(self.signing.verifying_key().to_bytes())
    }

    /// The X25519 public key: the static key of its sessions.
    #[must_use]
    pub const fn session_key(&self) -> PublicKey {
        self.session_key
    }

    /// Makes a signed card, all its bytes; a server's has no name.
    #[must_use]
    pub fn card(&self, name: Option<&Name>, issued_ms: i64) -> Vec<u8> {
        let mut card = Card {
            flags: 0,
            identity: self.identity(),
            session_key: self.session_key,
            epoch: 0,
            issued_ms,
            extension: Vec::new(),
            name: name.cloned(),
        }
        .encode();
        let signature = self.signing.sign(&[CARD_CONTEXT, &card].concat());
        card.extend_from_slice(&signature.to_bytes());
        card
    }

    /// The token that ends a session of this number; the same after a restart.
    #[must_use]
    pub fn reset_token(&self, sid: u32) -> [u8; 16] {
        keyed_16(&*self.reset, &[&sid.to_le_bytes()])
    }

    pub(super) const fn session_secret(&self) -> &Zeroizing<[u8; 32]> {
        &self.session_secret
    }

    /// What others key mac1 with when they say HELLO or REPLY to us. It is no secret.
    pub(super) const fn mac1_key(&self) -> &[u8; 32] {
        &self.mac1_key
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.identity()).finish()
    }
}

/// The key of mac1 in a HELLO or REPLY to the owner of this session key.
pub(super) fn mac1_key(session_key: &PublicKey) -> [u8; 32] {
    hash(&[b"ackchat/1 mac1", &session_key.0])
}

/// Reads a card; `None` if it is malformed or its signature is not that of its identity.
#[must_use]
pub fn verify_card(bytes: &[u8]) -> Option<Card> {
    let (card, signed, signature) = Card::decode(bytes).ok()?;
    let key = VerifyingKey::from_bytes(&card.identity.0).ok()?;
    let message = [CARD_CONTEXT, signed].concat();
    // Strict: keys of low order would sign everything (RFC 8032, section 5.1.7 leaves it open).
    key.verify_strict(&message, &Signature::from_bytes(&signature))
        .ok()?;
    Some(card)
}

/// An identity as thirty digits, for people to compare: six groups of five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(
    /// The groups, each below 100,000.
    pub [u32; 6],
);

/// Why a text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint has 30 digits")]
pub struct InvalidFingerprint;

impl Fingerprint {
    /// The fingerprint of an identity.
    #[must_use]
    pub fn of(identity: &PublicKey) -> Self {
        let hash = hash(&[b"ackchat/1 fingerprint", &identity.0]);
        let mut groups = [0; 6];
        for (group, bytes) in groups.iter_mut().zip(hash.as_chunks::<5>().0) {
            // The big-endian number modulo 10^5, byte by byte.
            *group = bytes
                .iter()
                .fold(0, |n, byte| (n * 256 + u32::from(*byte)) % 100_000);
        }
        Self(groups)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:05}")?;
        rest.iter().try_for_each(|group| write!(f, " {group:05}"))
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    /// Reads thirty digits; blanks may stand anywhere.
    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let mut groups = [0; 6];
        let mut digits = 0;
        for c in text.chars().filter(|c| *c != ' ') {
            let digit = c.to_digit(10).ok_or(InvalidFingerprint)?;
            let group = groups.get_mut(digits / 5).ok_or(InvalidFingerprint)?;
            *group = *group * 10 + digit;
            digits += 1;
        }
        if digits == 30 {
            Ok(Self(groups))
        } else {
            Err(InvalidFingerprint)
        }
    }
}

/// What a row adds to the digest of its table (protocol, section 7).
#[must_use]
pub fn row_digest(encoded: &[u8]) -> u64 {
    u64::from_le_bytes(first(&hash(&[b"ackchat/1 row", encoded])))
}

/// The id of the receipt for a message that the recipient took (protocol, R5).
#[must_use]
pub fn receipt_id(of: MessageId, recipient: &Name) -> MessageId {
    notice_id(b"ackchat/1 receipt", of, recipient)
}

/// The id of the notice that a message expired before the recipient took it.
#[must_use]
pub fn expired_id(of: MessageId, recipient: &Name) -> MessageId {
    notice_id(b"ackchat/1 expired", of, recipient)
}

fn notice_id(label: &[u8], of: MessageId, recipient: &Name) -> MessageId {
    let hash = hash(&[label, &of.to_bytes(), recipient.to_lower().as_bytes()]);
    MessageId::from_bytes(first(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secure::golden::{bytes, client, hex, server};

    #[test]
    fn keys_and_fingerprints_are_the_golden_ones() {
        let check = |of: &Identity, id: &str, session: &str, digits: &str| {
            assert_eq!(of.identity().to_string(), id);
            assert_eq!(of.session_key().to_string(), session);
            assert_eq!(Fingerprint::of(&of.identity()).to_string(), digits);
        };
        check(
            &server(),
            "4d68f3f225001ce1f625f15033c8442c45a1b579acd70685ef4f841431fa0390",
            "a7fe6a6cc8d7eb84564731c85cb0a00b05c29b711c22719eef8c5b67a2b5f717",
            "05037 56379 02392 06913 53773 54517",
        );
        check(
            &client(),
            "063bb304740afaa0efb06037c97bc23e92f50c930c3de3849eb7a06934e86abd",
            "1f12b4e57e3b7fa120133f66d1bea12f3b77dc6d310999735495ecb92a1fbc3d",
            "89005 81598 41701 86472 90897 52285",
        );
    }

    #[test]
    fn a_fingerprint_is_read_with_or_without_blanks() {
        let golden = Fingerprint::of(&server().identity());
        for text in [
            "05037 56379 02392 06913 53773 54517",
            "050375637902392069135377354517",
            " 0503 7563 7902392069135377 354517 ",
        ] {
            assert_eq!(text.parse(), Ok(golden));
        }
        for text in [
            "",
            "05037",
            "05037563790239206913537735451",
            "0503756379023920691353773545170",
            "05037-56379-02392-06913-53773-54517",
            "05037 56379 02392 06913 53773 5451x",
            "05037\t56379 02392 06913 53773 54517",
        ] {
            assert_eq!(
                text.parse::<Fingerprint>(),
                Err(InvalidFingerprint),
                "{text}"
            );
        }
    }

    #[test]
    fn a_reset_token_is_the_golden_one() {
        assert_eq!(
            hex(&server().reset_token(0x5566_7788)),
            "638fe9b579b0322d671f76e810f6c81e"
        );
        assert_ne!(server().reset_token(1), server().reset_token(2));
        assert_ne!(server().reset_token(1), client().reset_token(1));
    }

    #[test]
    fn a_card_is_the_golden_one_and_verifies() {
        let name: Name = "alice".parse().unwrap();
        let bytes = client().card(Some(&name), 1_763_670_000_000);
        assert_eq!(bytes.len(), 150);
        assert_eq!(
            hex(&hash(&[&bytes])),
            "6bea139c7c07335794e099d6ba7d955b73e172ac0abd232d30291d905a53ac41"
        );
        let card = verify_card(&bytes).unwrap();
        assert_eq!(card.identity, client().identity());
        assert_eq!(card.session_key, client().session_key());
        assert_eq!(card.name, Some(name));
        assert_eq!(card.issued_ms, 1_763_670_000_000);
        assert_eq!((card.flags, card.epoch, card.extension.len()), (0, 0, 0));
    }

    #[test]
    fn a_servers_card_has_no_name() {
        let card = verify_card(&server().card(None, -1)).unwrap();
        assert_eq!((card.name, card.issued_ms), (None, -1));
    }

    #[test]
    fn a_card_with_a_flipped_bit_does_not_verify() {
        let name: Name = "alice".parse().unwrap();
        let good = client().card(Some(&name), 5);
        for bit in 0..good.len() * 8 {
            let mut wrong = good.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify_card(&wrong), None, "bit {bit}");
        }
        for length in 0..good.len() {
            assert_eq!(verify_card(&good[..length]), None);
        }
    }

    #[test]
    fn a_card_of_a_weak_identity_does_not_verify() {
        // With the neutral element as key and R, and s = 0, the lax equation holds for any text.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut forged = Card {
            flags: 0,
            identity: PublicKey(neutral),
            session_key: client().session_key(),
            epoch: 0,
            issued_ms: 0,
            extension: Vec::new(),
            name: None,
        }
        .encode();
        forged.extend_from_slice(&neutral);
        forged.extend_from_slice(&[0; 32]);
        assert!(Card::decode(&forged).is_ok());
        assert_eq!(verify_card(&forged), None);
    }

    #[test]
    fn a_row_has_the_golden_digest() {
        let row = bytes(concat!(
            "8300000000000000",
            "0105616c696365",
            "1f12b4e57e3b7fa120133f66d1bea12f3b77dc6d310999735495ecb92a1fbc3d",
            "04c0000207591b00"
        ));
        assert_eq!(row.len(), 55);
        assert_eq!(row_digest(&row), 0x752f_3bff_99c3_2958);
    }

    #[test]
    fn notices_have_the_golden_ids_however_the_name_is_spelled() {
        let of = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
        for name in ["bob", "BOB"] {
            let name = name.parse().unwrap();
            assert_eq!(
                receipt_id(of, &name).to_string(),
                "54d00b5b659f4013009e3de8b8d12127"
            );
            assert_eq!(
                expired_id(of, &name).to_string(),
                "0274192ee439f30d060f7e771641140b"
            );
        }
    }

    #[test]
    fn an_identity_prints_only_its_public_key() {
        assert_eq!(format!("{:?}", server()), "Identity(PublicKey(4d68f3f2..))");
    }
}
