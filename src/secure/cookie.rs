//! Proof of address before anything dear: cookies, mac2, RETRY.

use super::Identity;
use super::suite::{TAG_BYTES, hash, keyed_16};
use crate::model::PublicKey;
use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The size of a mac1, a mac2, and a cookie.
pub(super) const MAC_BYTES: usize = 16;

/// The secrets that cookies are made with: the current one and the one before.
pub struct Cookies {
    current: Zeroizing<[u8; 32]>,
    previous: Option<Zeroizing<[u8; 32]>>,
}

impl Cookies {
    /// Starts with 32 fresh bytes.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            current: Zeroizing::new(secret),
            previous: None,
        }
    }

    /// Takes a new secret; the last one goes on being accepted, the one before it does not.
    pub fn turn(&mut self, secret: [u8; 32]) {
        let last = std::mem::replace(&mut self.current, Zeroizing::new(secret));
        self.previous = Some(last);
    }

    /// True if mac2 of this HELLO was made with a cookie for this address.
    #[must_use]
    pub fn mac2_is_right(&self, from: SocketAddr, hello: &[u8]) -> bool {
        let Some((before, mac2)) = hello.split_last_chunk::<MAC_BYTES>() else {
            return false;
        };
        let made_with = |secret| same(mac2, &keyed_16(&cookie(secret, from), &[before]));
        made_with(&self.current) || self.previous.as_ref().is_some_and(made_with)
    }

    /// Makes the RETRY for a HELLO. `nonce` is 24 fresh bytes, `sid` the one in the HELLO.
    #[must_use]
    pub fn retry(
        &self,
        identity: &Identity,
        from: SocketAddr,
        sid: u32,
        hello_mac1: &[u8; 16],
        nonce: [u8; 24],
    ) -> Vec<u8> {
        let cookie = cookie(&self.current, from);
        let sealed = seal(&identity.session_key(), hello_mac1, &nonce, cookie);
        let mut out = vec![0xC3, 1, 0, 0];
        out.extend_from_slice(&sid.to_le_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}

/// Opens a RETRY that answers our HELLO: the cookie, or `None` if it is not for this HELLO.
#[must_use]
pub fn open_retry(
    responder: &PublicKey,
    hello_mac1: &[u8; 16],
    nonce: &[u8; 24],
    sealed: &[u8; 32],
) -> Option<[u8; 16]> {
    let (cookie, tag) = sealed.split_first_chunk::<MAC_BYTES>()?;
    let tag: &[u8; TAG_BYTES] = tag.try_into().ok()?;
    let mut cookie = *cookie;
    sealer(responder)
        .decrypt_inout_detached(
            nonce.into(),
            hello_mac1,
            (&mut cookie[..]).into(),
            tag.into(),
        )
        .ok()?;
    Some(cookie)
}

/// Compares two tokens, or two MACs, in constant time.
#[must_use]
pub fn same(a: &[u8; 16], b: &[u8; 16]) -> bool {
    a.ct_eq(b).into()
}

fn seal(
    responder: &PublicKey,
    hello_mac1: &[u8; 16],
    nonce: &[u8; 24],
    mut cookie: [u8; 16],
) -> Vec<u8> {
    let tag = sealer(responder)
        .encrypt_inout_detached(nonce.into(), hello_mac1, (&mut cookie[..]).into())
        .expect("sixteen bytes can be sealed");
    [&cookie[..], &tag[..]].concat()
}

/// Whoever knows the responder's key can make one; the HELLO's mac1 binds a RETRY to a HELLO.
fn sealer(responder: &PublicKey) -> XChaCha20Poly1305 {
    let key = hash(&[b"ackchat/1 cookie", &responder.0]);
    XChaCha20Poly1305::new(&key.into())
}

fn cookie(secret: &Zeroizing<[u8; 32]>, from: SocketAddr) -> [u8; 16] {
    let address = match from.ip() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    keyed_16(
        &secret[..],
        &[&address.octets(), &from.port().to_le_bytes()],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secure::golden::{SID_I, client, count_from, hex, server, start};

    const FROM: &str = "192.0.2.7:7001";

    fn retry(cookies: &Cookies, from: &str, mac1: &[u8; 16]) -> Vec<u8> {
        let nonce = *count_from(0xa0).first_chunk().unwrap();
        cookies.retry(&server(), from.parse().unwrap(), SID_I, mac1, nonce)
    }

    fn open(retry: &[u8], responder: &PublicKey, mac1: &[u8; 16]) -> Option<[u8; 16]> {
        let nonce = retry[8..32].try_into().unwrap();
        open_retry(responder, mac1, &nonce, retry[32..].try_into().unwrap())
    }

    #[test]
    fn retry_and_mac2_are_the_golden_ones() {
        let (initiator, _) = start();
        let cookies = Cookies::new(count_from(0x80));
        let retry = retry(&cookies, FROM, &initiator.mac1());
        assert_eq!(
            hex(&retry),
            concat!(
                "c301000044332211a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7",
                "b2b9ddae51ddc6f162562192be9de08c1c496114faea3dfb1db81ae4409e7c69"
            )
        );
        let cookie = open(&retry, &server().session_key(), &initiator.mac1()).unwrap();
        assert_eq!(hex(&cookie), "f89d2373f35ad1bb68bc5c484ec0f9e6");
        let hello = initiator.with_cookie(&cookie);
        assert_eq!(hello.len(), 256);
        assert_eq!(hex(&hello[240..]), "d6e6bd3781737a87eb04cb5e4193a5df");
        assert!(cookies.mac2_is_right(FROM.parse().unwrap(), &hello));
    }

    #[test]
    fn a_retry_opens_only_for_its_hello_and_its_responder() {
        let (initiator, _) = start();
        let mac1 = initiator.mac1();
        let key = server().session_key();
        let retry = retry(&Cookies::new([1; 32]), FROM, &mac1);
        assert!(open(&retry, &key, &mac1).is_some());
        assert_eq!(open(&retry, &key, &[0; 16]), None);
        assert_eq!(open(&retry, &client().session_key(), &mac1), None);
        for bit in 8 * 8..retry.len() * 8 {
            let mut wrong = retry.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&wrong, &key, &mac1), None, "bit {bit}");
        }
    }

    #[test]
    fn a_cookie_is_for_one_address() {
        let (initiator, without) = start();
        let cookies = Cookies::new([1; 32]);
        let retry = retry(&cookies, FROM, &initiator.mac1());
        let cookie = open(&retry, &server().session_key(), &initiator.mac1()).unwrap();
        let hello = initiator.with_cookie(&cookie);
        for (from, right) in [
            (FROM, true),
            ("[::ffff:192.0.2.7]:7001", true),
            ("192.0.2.7:7002", false),
            ("192.0.2.8:7001", false),
            ("[::192.0.2.7]:7001", false),
        ] {
            let from = from.parse().unwrap();
            assert_eq!(cookies.mac2_is_right(from, &hello), right, "{from}");
            assert!(!cookies.mac2_is_right(from, &without));
        }
        for length in 0..hello.len() {
            assert!(!cookies.mac2_is_right(FROM.parse().unwrap(), &hello[..length]));
        }
    }

    #[test]
    fn the_secret_before_is_accepted_and_no_older_one() {
        let (initiator, _) = start();
        let mut cookies = Cookies::new([1; 32]);
        let retry = retry(&cookies, FROM, &initiator.mac1());
        let cookie = open(&retry, &server().session_key(), &initiator.mac1()).unwrap();
        let hello = initiator.with_cookie(&cookie);
        let from = FROM.parse().unwrap();
        assert!(cookies.mac2_is_right(from, &hello));
        cookies.turn([2; 32]);
        assert!(cookies.mac2_is_right(from, &hello));
        cookies.turn([3; 32]);
        assert!(!cookies.mac2_is_right(from, &hello));
    }

    #[test]
    fn tokens_are_the_same_if_every_bit_is() {
        let token = [7; 16];
        assert!(same(&token, &token));
        for bit in 0..128 {
            let mut other = token;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!same(&token, &other));
        }
    }

    #[test]
    fn cookies_do_not_print_their_secrets() {
        assert_eq!(format!("{:?}", Cookies::new([1; 32])), "Cookies { .. }");
    }
}
