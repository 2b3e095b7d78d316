//! Noise IK between a known responder and an initiator it learns.

use super::cookie::{MAC_BYTES, same};
use super::key::mac1_key;
use super::suite::{Suite, keyed_16};
use super::{Identity, Session};
use crate::model::PublicKey;
use crate::model::limits::{DATAGRAM_BYTES_MAX, HELLO_BYTES_MIN};
use crate::wire::datagram::Role;
use snow::{Builder, HandshakeState};
use std::fmt;

/// Noise specification, revision 34; the protocol's section 3 says why this one.
const PATTERN: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";
const HELLO: u8 = 0xC1;
const REPLY: u8 = 0xC2;
const VERSION: u8 = 1;
/// Kind, version, role or zero, zero, `sid_i`.
const HEADER_BYTES: usize = 8;
/// What Noise adds to the payload of message 1: e, sealed s, tag.
const NOISE_1_BYTES: usize = 32 + 48 + 16;
/// What Noise adds to the payload of message 2: e, tag.
const NOISE_2_BYTES: usize = 32 + 16;
/// Features, boot, token.
const HINTS_BYTES: usize = 4 + 8 + 16;
const REPLY_BYTES: usize = HEADER_BYTES + NOISE_2_BYTES + 4 + HINTS_BYTES + MAC_BYTES;

const _: () = assert!(REPLY_BYTES == 104);
const _: () = assert!(REPLY_BYTES < HELLO_BYTES_MIN);

/// What each side tells the other inside the handshake.
///
/// Nothing of it is acted on before the session is confirmed by DATA.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hints {
    /// What the other side can do.
    pub features: u32,
    /// Drawn when its process started.
    pub boot: u64,
    /// Its token for the session number under which it receives.
    pub token: [u8; 16],
}

/// The handshake was refused. Says nothing to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the handshake was refused")]
pub struct Refused;

/// The side that said HELLO and waits for a REPLY.
pub struct Initiator {
    /// Gone when the session is made.
    state: Option<HandshakeState>,
    hello: Vec<u8>,
    mac1: [u8; 16],
    sid: u32,
}

impl Initiator {
    /// Makes the HELLO (mac2 zero). `ephemeral` is 32 fresh bytes, used for nothing else.
    ///
    /// # Errors
    /// The responder's key is of low order.
    ///
    /// # Panics
    /// If `sid` is zero: that is no number of a session.
    pub fn start(
        identity: &Identity,
        responder: &PublicKey,
        role: Role,
        sid: u32,
        features: u32,
        boot: u64,
        ephemeral: [u8; 32],
    ) -> Result<(Self, Vec<u8>), Refused> {
        assert!(sid != 0, "numbers of sessions are not zero");
        let role = match role {
            Role::Server => 0,
            Role::Peer => 1,
        };
        let mut hello = header([HELLO, VERSION, role, 0], sid);
        let suite = Suite::with_ephemeral(ephemeral);
        let mut state = initiator(identity, responder, &hello, suite);
        let hints = Hints {
            features,
            boot,
            token: identity.reset_token(sid),
        };
        let mut payload = [0; HELLO_BYTES_MIN - HEADER_BYTES - NOISE_1_BYTES - 2 * MAC_BYTES];
        payload[..HINTS_BYTES].copy_from_slice(&hints.encode());
        write(&mut state, &payload, NOISE_1_BYTES, &mut hello)?;
        let mac1 = append_mac1(&mac1_key(responder), &mut hello);
        hello.extend_from_slice(&[0; MAC_BYTES]);
        assert!(hello.len() == HELLO_BYTES_MIN);

        let initiator = Self {
            state: Some(state),
            hello: hello.clone(),
            mac1,
            sid,
        };
        Ok((initiator, hello))
    }

    /// Makes the same HELLO with mac2 of this cookie.
    #[must_use]
    pub fn with_cookie(&self, cookie: &[u8; 16]) -> Vec<u8> {
        let mut hello = self.hello.clone();
        hello.truncate(HELLO_BYTES_MIN - MAC_BYTES);
        let mac2 = keyed_16(cookie, &[&hello]);
        hello.extend_from_slice(&mac2);
        hello
    }

    /// The mac1 of the HELLO: what a RETRY must be bound to.
    #[must_use]
    pub const fn mac1(&self) -> [u8; 16] {
        self.mac1
    }

    /// Opens a REPLY (the bytes of the whole datagram) and makes the session.
    ///
    /// # Errors
    /// It is not the answer to this HELLO; everything is as it was, and the true one still opens.
    pub fn finish(
        &mut self,
        identity: &Identity,
        reply: &[u8],
    ) -> Result<(Session, Hints), Refused> {
        let reply: &[u8; REPLY_BYTES] = reply.try_into().map_err(|_| Refused)?;
        let noise = reply
            .strip_prefix(&*header([REPLY, VERSION, 0, 0], self.sid))
            .and_then(|rest| rest.get(..rest.len() - MAC_BYTES))
            .ok_or(Refused)?;
        if !mac1_is_right(identity, reply) {
            return Err(Refused);
        }
        let state = self.state.as_mut().ok_or(Refused)?;
        let payload = read(state, noise)?;
        // The handshake is over for snow, whatever the payload says.
        let state = self.state.take().ok_or(Refused)?;
        let (peer_sid, hints) = payload.split_first_chunk().ok_or(Refused)?;
        let peer_sid = u32::from_le_bytes(*peer_sid);
        if peer_sid == 0 {
            return Err(Refused);
        }
        let hints = Hints::decode(hints).ok_or(Refused)?;
        Ok((session(state, self.sid, peer_sid, &hints), hints))
    }
}

/// The answer to a HELLO.
#[derive(Debug)]
pub struct Responder {
    /// The initiator's static key. The HELLO may be a replay of it until DATA confirms the session.
    pub initiator: PublicKey,
    /// What the initiator told.
    pub hints: Hints,
    /// The REPLY: to be sent now, and again for the same HELLO.
    pub reply: Vec<u8>,
    /// The session, not yet confirmed.
    pub session: Session,
}

impl Responder {
    /// Opens a HELLO (the bytes of the whole datagram) and makes the REPLY.
    ///
    /// [`mac1_is_right`] was asked before. `ephemeral` is 32 fresh bytes, used for nothing else.
    ///
    /// # Errors
    /// The HELLO is malformed or not for us, or a key in it is of low order.
    ///
    /// # Panics
    /// If `sid` is zero: that is no number of a session.
    pub fn answer(
        identity: &Identity,
        hello: &[u8],
        sid: u32,
        features: u32,
        boot: u64,
        ephemeral: [u8; 32],
    ) -> Result<Self, Refused> {
        assert!(sid != 0, "numbers of sessions are not zero");
        let mut heard = Heard::open(identity, hello, Suite::with_ephemeral(ephemeral))?;
        let own = Hints {
            features,
            boot,
            token: identity.reset_token(sid),
        };
        let mut payload = [0; 4 + HINTS_BYTES];
        payload[..4].copy_from_slice(&sid.to_le_bytes());
        payload[4..].copy_from_slice(&own.encode());
        let mut reply = header([REPLY, VERSION, 0, 0], heard.sid);
        write(&mut heard.state, &payload, NOISE_2_BYTES, &mut reply)?;
        append_mac1(&mac1_key(&heard.initiator), &mut reply);
        assert!(reply.len() == REPLY_BYTES);
        assert!(reply.len() < hello.len());
        Ok(Self {
            initiator: heard.initiator,
            hints: heard.hints,
            reply,
            session: session(heard.state, sid, heard.sid, &heard.hints),
        })
    }

    /// Whose HELLO is it? Does the first half of [`answer`](Self::answer), to refuse unknown keys.
    ///
    /// # Errors
    /// As for `answer`.
    pub fn who(identity: &Identity, hello: &[u8]) -> Result<PublicKey, Refused> {
        Heard::open(identity, hello, Suite::for_reading()).map(|heard| heard.initiator)
    }
}

/// True if the HELLO or REPLY was made by somebody who knows our session key.
#[must_use]
pub fn mac1_is_right(identity: &Identity, datagram: &[u8]) -> bool {
    let after = match datagram.first() {
        Some(&HELLO) => MAC_BYTES,
        Some(&REPLY) => 0,
        _ => return false,
    };
    datagram
        .len()
        .checked_sub(after)
        .and_then(|end| datagram.get(..end))
        .and_then(<[u8]>::split_last_chunk)
        .is_some_and(|(before, mac1)| same(mac1, &keyed_16(identity.mac1_key(), &[before])))
}

/// A HELLO that was opened, and is not yet answered.
struct Heard {
    state: HandshakeState,
    sid: u32,
    initiator: PublicKey,
    hints: Hints,
}

impl Heard {
    fn open(identity: &Identity, hello: &[u8], suite: Suite) -> Result<Self, Refused> {
        if !(HELLO_BYTES_MIN..=DATAGRAM_BYTES_MAX).contains(&hello.len()) {
            return Err(Refused);
        }
        let (head, rest) = hello.split_first_chunk::<HEADER_BYTES>().ok_or(Refused)?;
        let [HELLO, VERSION, 0 | 1, 0, sid @ ..] = *head else {
            return Err(Refused);
        };
        let sid = u32::from_le_bytes(sid);
        if sid == 0 {
            return Err(Refused);
        }
        let noise = &rest[..rest.len() - 2 * MAC_BYTES];
        let mut state = responder(identity, head, suite);
        let payload = read(&mut state, noise)?;
        let hints = payload.get(..HINTS_BYTES).and_then(Hints::decode);
        let initiator = state
            .get_remote_static()
            .and_then(|key| key.try_into().ok());
        Ok(Self {
            sid,
            initiator: PublicKey(initiator.ok_or(Refused)?),
            hints: hints.ok_or(Refused)?,
            state,
        })
    }
}

impl Hints {
    fn encode(&self) -> [u8; HINTS_BYTES] {
        let mut out = [0; HINTS_BYTES];
        out[..4].copy_from_slice(&self.features.to_le_bytes());
        out[4..12].copy_from_slice(&self.boot.to_le_bytes());
        out[12..].copy_from_slice(&self.token);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (features, rest) = bytes.split_first_chunk()?;
        let (boot, token) = rest.split_first_chunk()?;
        Some(Self {
            features: u32::from_le_bytes(*features),
            boot: u64::from_le_bytes(*boot),
            token: token.try_into().ok()?,
        })
    }
}

fn header(kind: [u8; 4], sid: u32) -> Vec<u8> {
    [kind, sid.to_le_bytes()].concat()
}

fn initiator(
    identity: &Identity,
    responder: &PublicKey,
    header: &[u8],
    suite: Suite,
) -> HandshakeState {
    builder(suite)
        .prologue(&prologue(header))
        .and_then(|builder| builder.local_private_key(&identity.session_secret()[..]))
        .and_then(|builder| builder.remote_public_key(&responder.0))
        .and_then(Builder::build_initiator)
        .expect("what IK asks for is given, once")
}

fn responder(identity: &Identity, header: &[u8], suite: Suite) -> HandshakeState {
    builder(suite)
        .prologue(&prologue(header))
        .and_then(|builder| builder.local_private_key(&identity.session_secret()[..]))
        .and_then(Builder::build_responder)
        .expect("what IK asks for is given, once")
}

fn builder<'a>(suite: Suite) -> Builder<'a> {
    let pattern = PATTERN.parse().expect("the pattern is known");
    Builder::with_resolver(pattern, Box::new(suite))
}

// Version, role and sid travel in the clear: this binds them to the session.
fn prologue(header: &[u8]) -> Vec<u8> {
    [b"ackchat/1", header].concat()
}

/// Appends a handshake message. A failed write has spent the ephemeral: the state is useless then.
fn write(
    state: &mut HandshakeState,
    payload: &[u8],
    overhead: usize,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let start = out.len();
    out.resize(start + payload.len() + overhead, 0);
    let written = state.write_message(payload, &mut out[start..]);
    let written = written.map_err(|_| Refused)?;
    assert!(start + written == out.len());
    Ok(())
}

/// Opens a handshake message: its payload. An error leaves the state as it was.
fn read(state: &mut HandshakeState, noise: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut payload = vec![0; noise.len()];
    let length = state
        .read_message(noise, &mut payload)
        .map_err(|_| Refused)?;
    payload.truncate(length);
    Ok(payload)
}

fn append_mac1(key: &[u8; 32], out: &mut Vec<u8>) -> [u8; 16] {
    let mac1 = keyed_16(key, &[out]);
    out.extend_from_slice(&mac1);
    mac1
}

fn session(state: HandshakeState, sid: u32, peer_sid: u32, hints: &Hints) -> Session {
    let transport = state
        .into_stateless_transport_mode()
        .expect("both messages were seen");
    Session::new(transport, sid, peer_sid, hints.token)
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hints")
            .field("features", &self.features)
            .field("boot", &self.boot)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initiator")
            .field("sid", &self.sid)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secure::golden::{
        CLIENT_BOOT, LOW_ORDER, SERVER_BOOT, SID_I, SID_R, answer, bytes, client, count_from, hex,
        server, start,
    };
    use crate::secure::suite::hash;
    use snow::params::{CipherChoice, DHChoice, HashChoice};
    use snow::resolvers::CryptoResolver;
    use snow::types::{Cipher, Dh, Hash, Random};

    #[test]
    fn hello_and_reply_are_the_golden_ones() {
        let (initiator, hello) = start();
        assert_eq!(hello.len(), 256);
        assert_eq!(hex(&hello[..16]), "c10100004433221179a631eede1bf9c9");
        assert_eq!(hex(&hello[224..240]), "70d73d2d58a44b76fa85fd2bd483c93c");
        assert_eq!(hello[224..240], initiator.mac1());
        assert_eq!(hello[240..], [0; 16]);
        assert_eq!(
            hex(&hash(&[&hello])),
            "1f5bb946119ac6b6282b7caabe249c590202c6813a053dc7d4e652ad19cd99e4"
        );
        assert_eq!(
            hex(&answer(&hello).reply),
            concat!(
                "c201000044332211675dd574ed7789310b3d2e7681f3790b466c773b1521fecf",
                "36577958371ea52f2028e9df352e7c69d8b14dc3c43cda7aa110766ba93a3b97",
                "3315c4c4807cf0bf8dc3176aed1756c96f4e06695cf5f8719f9fa44ac4456d86",
                "b43e3c7d6afa92c4"
            )
        );
    }

    #[test]
    fn both_sides_learn_what_the_other_told() {
        let (mut initiator, hello) = start();
        let heard = answer(&hello);
        assert_eq!(heard.initiator, client().session_key());
        assert_eq!(heard.hints.features, 1);
        assert_eq!(heard.hints.boot, CLIENT_BOOT);
        assert_eq!(heard.hints.token, client().reset_token(SID_I));
        assert_eq!(heard.session.peer_token(), heard.hints.token);
        assert_eq!(Responder::who(&server(), &hello), Ok(heard.initiator));

        let (session, hints) = initiator.finish(&client(), &heard.reply).unwrap();
        assert_eq!(hints.features, 1);
        assert_eq!(hints.boot, SERVER_BOOT);
        assert_eq!(hints.token, server().reset_token(SID_R));
        assert_eq!(session.peer_token(), hints.token);
        assert_eq!((session.sid(), session.peer_sid()), (SID_I, SID_R));
    }

    #[test]
    fn a_flipped_bit_in_reply_is_refused_and_the_true_one_opens_afterwards() {
        let (mut initiator, hello) = start();
        let heard = answer(&hello);
        for bit in 0..heard.reply.len() * 8 {
            let mut wrong = heard.reply.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(initiator.finish(&client(), &wrong).is_err(), "bit {bit}");
            let end = wrong.len() - MAC_BYTES;
            if bit < end * 8 {
                // The key of mac1 is no secret: with a right one, Noise alone must refuse.
                wrong.truncate(end);
                append_mac1(client().mac1_key(), &mut wrong);
                assert!(initiator.finish(&client(), &wrong).is_err(), "bit {bit}");
            }
        }
        for length in 0..heard.reply.len() {
            assert!(initiator.finish(&client(), &heard.reply[..length]).is_err());
        }
        let (mut here, _) = initiator.finish(&client(), &heard.reply).unwrap();
        assert!(initiator.finish(&client(), &heard.reply).is_err());

        let mut there = heard.session;
        let mut data = Vec::new();
        here.seal(b"x", &mut data).unwrap();
        assert!(there.open(0, &data[16..], &mut Vec::new()).is_ok());
    }

    #[test]
    fn a_flipped_bit_in_hello_is_refused() {
        let (_, hello) = start();
        assert!(mac1_is_right(&server(), &hello));
        for bit in 0..240 * 8 {
            let mut wrong = hello.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!mac1_is_right(&server(), &wrong), "bit {bit}");
            let answered = Responder::who(&server(), &wrong);
            assert_eq!(answered.is_ok(), bit >= 224 * 8, "bit {bit}");
        }
        for length in 0..hello.len() {
            assert!(!mac1_is_right(&server(), &hello[..length]));
            assert!(Responder::who(&server(), &hello[..length]).is_err());
        }
    }

    #[test]
    fn hello_and_reply_are_for_one_receiver() {
        let (mut initiator, hello) = start();
        assert!(!mac1_is_right(&client(), &hello));
        assert!(Responder::who(&client(), &hello).is_err());
        let heard = answer(&hello);
        assert!(mac1_is_right(&client(), &heard.reply));
        assert!(!mac1_is_right(&server(), &heard.reply));
        assert!(initiator.finish(&server(), &heard.reply).is_err());
        assert!(!mac1_is_right(&server(), b""));
        assert!(!mac1_is_right(&server(), &[0xC4; 256]));
    }

    #[test]
    fn a_longer_hello_is_understood() {
        // A later version may say more after the hints.
        let mut hello = header([HELLO, VERSION, 1, 0], 9);
        let suite = Suite::with_ephemeral(count_from(0x40));
        let mut state = initiator(&client(), &server().session_key(), &hello, suite);
        let payload = [0xFF; DATAGRAM_BYTES_MAX - HEADER_BYTES - NOISE_1_BYTES - 2 * MAC_BYTES];
        write(&mut state, &payload, NOISE_1_BYTES, &mut hello).unwrap();
        append_mac1(server().mac1_key(), &mut hello);
        hello.extend_from_slice(&[0; MAC_BYTES]);
        assert_eq!(hello.len(), DATAGRAM_BYTES_MAX);
        assert!(mac1_is_right(&server(), &hello));
        assert_eq!(answer(&hello).hints.features, u32::MAX);
        hello.insert(100, 0);
        assert!(Responder::who(&server(), &hello).is_err());
    }

    #[test]
    fn a_responder_of_low_order_is_refused() {
        for key in LOW_ORDER {
            let key = key.parse().unwrap();
            let started =
                Initiator::start(&client(), &key, Role::Peer, SID_I, 1, 0, count_from(0x40));
            assert_eq!(started.err(), Some(Refused), "{key}");
        }
    }

    /// Which of its two keys a hostile initiator makes up.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum MadeUp {
        Ephemeral,
        Static,
    }

    /// The suite of a hostile initiator: one of its keys is of low order, so that every secret
    /// with it is zero.
    struct Hostile(Suite, MadeUp, [u8; 32]);

    impl CryptoResolver for Hostile {
        fn resolve_rng(&self) -> Option<Box<dyn Random>> {
            self.0.resolve_rng()
        }

        fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
            Some(Box::new(Posing {
                honest: self.0.resolve_dh(choice)?,
                which: self.1,
                key: self.2,
                made_up: false,
            }))
        }

        fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
            self.0.resolve_hash(choice)
        }

        fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
            self.0.resolve_cipher(choice)
        }
    }

    struct Posing {
        honest: Box<dyn Dh>,
        which: MadeUp,
        key: [u8; 32],
        made_up: bool,
    }

    impl Dh for Posing {
        fn name(&self) -> &'static str {
            self.honest.name()
        }

        fn pub_len(&self) -> usize {
            32
        }

        fn priv_len(&self) -> usize {
            32
        }

        fn set(&mut self, secret: &[u8]) {
            self.made_up = self.which == MadeUp::Static;
            self.honest.set(secret);
        }

        fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
            self.made_up = self.which == MadeUp::Ephemeral;
            self.honest.generate(rng)
        }

        fn pubkey(&self) -> &[u8] {
            if self.made_up {
                &self.key
            } else {
                self.honest.pubkey()
            }
        }

        fn privkey(&self) -> &[u8] {
            self.honest.privkey()
        }

        fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
            if self.made_up {
                out[..32].fill(0);
                return Ok(());
            }
            self.honest.dh(public, out)
        }
    }

    #[test]
    fn an_initiator_with_a_key_of_low_order_is_refused() {
        for (key, which) in LOW_ORDER
            .iter()
            .flat_map(|key| [(key, MadeUp::Ephemeral), (key, MadeUp::Static)])
        {
            let mut hello = header([HELLO, VERSION, 0, 0], SID_I);
            let suite = Suite::with_ephemeral(count_from(0x40));
            let suite = Hostile(suite, which, bytes(key).try_into().unwrap());
            let to = server().session_key();
            let mut state = Builder::with_resolver(PATTERN.parse().unwrap(), Box::new(suite))
                .prologue(&prologue(&hello))
                .and_then(|builder| builder.local_private_key(&[1; 32]))
                .and_then(|builder| builder.remote_public_key(&to.0))
                .and_then(Builder::build_initiator)
                .unwrap();
            write(&mut state, &[0; 120], NOISE_1_BYTES, &mut hello).unwrap();
            append_mac1(server().mac1_key(), &mut hello);
            hello.extend_from_slice(&[0; MAC_BYTES]);
            assert!(mac1_is_right(&server(), &hello));
            let who = Responder::who(&server(), &hello);
            assert_eq!(who, Err(Refused), "{which:?} {key}");
        }
    }

    #[test]
    fn nothing_prints_a_token() {
        let (initiator, hello) = start();
        assert_eq!(format!("{initiator:?}"), "Initiator { sid: 287454020, .. }");
        assert_eq!(
            format!("{:?}", answer(&hello).hints),
            "Hints { features: 1, boot: 72623859790382856, .. }"
        );
    }
}
