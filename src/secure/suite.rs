//! snow's primitives: ring for the AEAD, dalek for the curve, blake2 for the hash; refuses keys of
//! low order.

use blake2::digest::consts::{U16, U32};
use blake2::digest::typenum::IsLessOrEqual;
use blake2::digest::{FixedOutput, KeyInit, Update, array::ArraySize, typenum::True};
use blake2::{Blake2s256, Blake2sMac, Digest};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, Tag, UnboundKey};
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

/// What an AEAD adds to a text.
pub(super) const TAG_BYTES: usize = 16;

/// BLAKE2s-256 (RFC 7693) of the parts joined.
#[must_use]
pub fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Blake2s256::new();
    for part in parts {
        Update::update(&mut state, part);
    }
    state.finalize().into()
}

/// Keyed BLAKE2s of the parts joined, 16 bytes of output.
pub(super) fn keyed_16(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut out = [0; 16];
    keyed::<U16>(key, parts, &mut out);
    out
}

/// Keyed BLAKE2s of the parts joined, 32 bytes of output.
pub(super) fn keyed_32(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    keyed::<U32>(key, parts, &mut *out);
    out
}

fn keyed<Size>(key: &[u8], parts: &[&[u8]], out: &mut [u8])
where
    Size: ArraySize + IsLessOrEqual<U32, Output = True>,
{
    let mut mac = Blake2sMac::<Size>::new_from_slice(key).expect("keys have 16 or 32 bytes");
    for part in parts {
        mac.update(part);
    }
    let mut made = mac.finalize_fixed();
    out.copy_from_slice(&made);
    made.as_mut_slice().zeroize();
}

/// Replaces a key by the first bytes of its `ChaCha20` keystream (RFC 8439, nonce 0), and fills
/// `out` with the rest. A key is used once.
pub(super) fn keystream(key: &mut [u8; 32], out: &mut [u8]) {
    let mut cipher = ChaCha20::new((&*key).into(), &[0; 12].into());
    key.zeroize();
    cipher.apply_keystream(key);
    out.zeroize();
    cipher.apply_keystream(out);
}

/// The first bytes of a hash or a draw.
pub(super) fn first<const N: usize>(of: &[u8; 32]) -> [u8; N] {
    *of.first_chunk().expect("N is at most 32")
}

/// The public half of an X25519 secret.
pub(super) fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// Resolves snow's choices. Holds the one ephemeral of the handshake, drawn by the caller.
///
/// There is no other source of random bytes: the same code runs in production and in a simulator.
pub(super) struct Suite(Option<Zeroizing<[u8; 32]>>);

impl Suite {
    /// For a handshake that writes once.
    pub(super) fn with_ephemeral(ephemeral: [u8; 32]) -> Self {
        Self(Some(Zeroizing::new(ephemeral)))
    }

    /// For a handshake that only reads.
    pub(super) const fn for_reading() -> Self {
        Self(None)
    }
}

impl CryptoResolver for Suite {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(self.0.clone())))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(X25519::new()) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::Blake2s)
            .then(|| Box::new(Blake2s(Blake2s256::new())) as Box<dyn Hash>)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::ChaChaPoly)
            .then(|| Box::new(ChaChaPoly(Zeroizing::new([0; 32]))) as Box<dyn Cipher>)
    }
}

/// Gives its 32 bytes out once; whoever asks again gets an error, never the same bytes.
struct Once(Option<Zeroizing<[u8; 32]>>);

impl Random for Once {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let bytes = self.0.take().ok_or(Error::Rng)?;
        if out.len() != bytes.len() {
            return Err(Error::Rng);
        }
        out.copy_from_slice(&*bytes);
        Ok(())
    }
}

struct X25519 {
    secret: StaticSecret,
    public: [u8; 32],
}

impl X25519 {
    fn new() -> Self {
        Self {
            secret: StaticSecret::from([0; 32]),
            public: [0; 32],
        }
    }
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        let secret: [u8; 32] = secret.try_into().expect("secrets have 32 bytes");
        self.secret = StaticSecret::from(secret);
        self.public = PublicKey::from(&self.secret).to_bytes();
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut secret = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *secret)?;
        self.set(&*secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    // snow hands over its whole buffers of 56 bytes, both ways.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public: [u8; 32] = public
            .get(..32)
            .and_then(|key| key.try_into().ok())
            .ok_or(Error::Dh)?;
        let out = out.get_mut(..32).ok_or(Error::Dh)?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(public));
        // RFC 7748, section 6.1: an all-zero result means that the other key is of low order.
        // Everybody could read a session with such a key.
        if !shared.was_contributory() {
            return Err(Error::Dh);
        }
        out.copy_from_slice(shared.as_bytes());
        Ok(())
    }
}

struct Blake2s(Blake2s256);

impl Hash for Blake2s {
    fn name(&self) -> &'static str {
        "BLAKE2s"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Blake2s256::new();
    }

    fn input(&mut self, data: &[u8]) {
        Update::update(&mut self.0, data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let state = std::mem::take(&mut self.0);
        out[..32].copy_from_slice(&state.finalize());
    }
}

struct ChaChaPoly(Zeroizing<[u8; 32]>);

impl ChaChaPoly {
    // ring never wipes its keys, which are 544 bytes long; making one takes 23 ns.
    fn key(&self) -> LessSafeKey {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &*self.0);
        LessSafeKey::new(key.expect("the key has 32 bytes"))
    }
}

// Noise specification, section 12.3: 32 zero bits, then the counter in little-endian.
fn nonce(counter: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        *self.0 = *key;
    }

    fn encrypt(&self, counter: u64, ad: &[u8], plain: &[u8], out: &mut [u8]) -> usize {
        let (text, rest) = out.split_at_mut(plain.len());
        text.copy_from_slice(plain);
        let tag = self
            .key()
            .seal_in_place_separate_tag(nonce(counter), Aad::from(ad), text)
            .expect("snow seals at most 65,535 bytes");
        rest[..TAG_BYTES].copy_from_slice(tag.as_ref());
        plain.len() + TAG_BYTES
    }

    fn decrypt(
        &self,
        counter: u64,
        ad: &[u8],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let (text, tag) = sealed
            .split_last_chunk::<TAG_BYTES>()
            .ok_or(Error::Decrypt)?;
        // While shaking hands snow gives exactly this much.
        let out = out.get_mut(..text.len()).ok_or(Error::Decrypt)?;
        out.copy_from_slice(text);
        self.key()
            .open_in_place_separate_tag(nonce(counter), Aad::from(ad), Tag::from(*tag), out, 0..)
            .map_err(|_| Error::Decrypt)?;
        Ok(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secure::golden::{LOW_ORDER, bytes, hex};
    use snow::{Builder, HandshakeState};

    fn secret(of: [u8; 32]) -> X25519 {
        let mut key = X25519::new();
        key.set(&of);
        key
    }

    #[test]
    fn keys_of_low_order_give_no_secret() {
        let own = secret([7; 32]);
        for hexadecimal in LOW_ORDER {
            let mut key: [u8; 32] = bytes(hexadecimal).try_into().unwrap();
            // RFC 7748, section 5: the highest bit is ignored, so it must not help either.
            for highest in [0, 0x80] {
                key[31] |= highest;
                let mut out = [0; 56];
                assert!(
                    matches!(own.dh(&key, &mut out), Err(Error::Dh)),
                    "{hexadecimal}"
                );
                assert_eq!(out, [0; 56]);
            }
        }
    }

    #[test]
    fn x25519_gives_the_secret_of_rfc_7748() {
        // Section 5.2, the first vector.
        let own = secret(
            bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
                .try_into()
                .unwrap(),
        );
        let their = bytes("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let mut out = [0; 56];
        own.dh(&their, &mut out).unwrap();
        assert_eq!(
            hex(&out[..32]),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
        );
        assert_eq!(out[32..], [0; 24]);
    }

    #[test]
    fn blake2s_gives_the_hash_of_rfc_7693() {
        // Appendix B.
        assert_eq!(
            hex(&hash(&[b"a", b"bc"])),
            "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"
        );
    }

    #[test]
    fn an_ephemeral_is_given_out_once() {
        let mut rng = Suite::with_ephemeral([5; 32]).resolve_rng().unwrap();
        let mut out = [0; 32];
        rng.try_fill_bytes(&mut out).unwrap();
        assert_eq!(out, [5; 32]);
        assert!(matches!(rng.try_fill_bytes(&mut out), Err(Error::Rng)));

        let mut rng = Suite::for_reading().resolve_rng().unwrap();
        assert!(matches!(rng.try_fill_bytes(&mut out), Err(Error::Rng)));
    }

    #[test]
    fn other_primitives_are_refused() {
        let suite = Suite::for_reading();
        assert!(suite.resolve_dh(&DHChoice::Curve448).is_none());
        assert!(suite.resolve_cipher(&CipherChoice::AESGCM).is_none());
        assert!(suite.resolve_hash(&HashChoice::Blake2b).is_none());
        assert!(suite.resolve_hash(&HashChoice::SHA256).is_none());
    }

    #[test]
    fn less_than_a_tag_does_not_open() {
        let key = ChaChaPoly(Zeroizing::new([1; 32]));
        let mut out = [0; 64];
        for length in 0..=TAG_BYTES {
            let opened = key.decrypt(0, &[], &[0; TAG_BYTES][..length], &mut out);
            assert!(matches!(opened, Err(Error::Decrypt)), "{length}");
        }
    }

    /// The vector of the Noise test suite for our pattern (file cacophony.txt of its format).
    #[test]
    fn noise_ik_gives_the_published_vector() {
        let builder = |ephemeral: &str| {
            let ephemeral = bytes(ephemeral).try_into().unwrap();
            Builder::with_resolver(
                "Noise_IK_25519_ChaChaPoly_BLAKE2s".parse().unwrap(),
                Box::new(Suite::with_ephemeral(ephemeral)),
            )
        };
        let prologue = bytes("4a6f686e2047616c74");
        let own = bytes("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1");
        let their = bytes("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893");
        let their_public =
            bytes("31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62");
        let mut initiator =
            builder("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a")
                .prologue(&prologue)
                .and_then(|it| it.local_private_key(&own))
                .and_then(|it| it.remote_public_key(&their_public))
                .and_then(Builder::build_initiator)
                .unwrap();
        let mut responder =
            builder("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b")
                .prologue(&prologue)
                .and_then(|it| it.local_private_key(&their))
                .and_then(Builder::build_responder)
                .unwrap();

        let check = |from: &mut HandshakeState, to: &mut HandshakeState, text, sealed| {
            let mut message = [0; 256];
            let length = from.write_message(&bytes(text), &mut message).unwrap();
            assert_eq!(hex(&message[..length]), sealed);
            let mut payload = [0; 256];
            let read = to.read_message(&message[..length], &mut payload).unwrap();
            assert_eq!(hex(&payload[..read]), text);
        };
        check(
            &mut initiator,
            &mut responder,
            "4c756477696720766f6e204d69736573",
            concat!(
                "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944",
                "0b03ddc7aac5123d06a1b23b71670e32e76c28239a7ca4ac8f784de7e44c1adb",
                "fc6e83fef7352a58d9d56157400c0a737b1d171ce368229c7b752ac25b8faf4e",
                "ca690f6d896f543be02c996ab2b86b76"
            ),
        );
        check(
            &mut responder,
            &mut initiator,
            "4d757272617920526f746862617264",
            concat!(
                "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843",
                "d9b5a8927f0ac9655ef76833bc7e5561f42e691ac8404efd6fbd6308b6a27c"
            ),
        );
        let initiator = initiator.into_stateless_transport_mode().unwrap();
        let responder = responder.into_stateless_transport_mode().unwrap();
        let mut message = [0; 64];
        let text = bytes("462e20412e20486179656b");
        let length = initiator.write_message(0, &text, &mut message).unwrap();
        assert_eq!(
            hex(&message[..length]),
            "2c256ed08fcd08c2980f954ee4beaccb61c9581340f5dd2fd1cf3b"
        );
        let text = bytes("4361726c204d656e676572");
        let length = responder.write_message(0, &text, &mut message).unwrap();
        assert_eq!(
            hex(&message[..length]),
            "d6033f70eee20945c7c9dba304e397ee3b284ff5e00fd9efb095d3"
        );
    }
}
