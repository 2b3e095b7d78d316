//! An established session: seal, open, and the window of seen counters.

use super::suite::TAG_BYTES;
use super::window::{Seen, Window};
use crate::model::limits::{COUNTER_MAX, DATA_BYTES_MIN, DATAGRAM_BYTES_MAX};
use crate::planted;
use crate::wire::Ack;
use snow::StatelessTransportState;
use std::fmt;

/// Kind, three zeros, `sid`, counter (protocol, section 3.3).
const HEADER_BYTES: usize = 16;
/// The fewest bytes of frames; less is filled up.
const FRAMES_BYTES_MIN: usize = DATA_BYTES_MIN - HEADER_BYTES - TAG_BYTES;
/// The most.
const FRAMES_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - HEADER_BYTES - TAG_BYTES;
/// The frame that fills up: one byte (protocol, section 6.1).
const PAD: u8 = 0;

/// Two keys and two counters. Knows its numbers (sids), and nothing of time: its owner ends it.
pub struct Session {
    transport: StatelessTransportState,
    sid: u32,
    peer_sid: u32,
    peer_token: [u8; 16],
    next_counter: u64,
    window: Window,
}

/// A datagram that opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its counter is above all earlier ones.
    pub newest: bool,
}

/// Why DATA did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The tag is wrong, or the counter is one that nobody may use any more.
    #[error("not sealed by the other side")]
    Forged,
    /// The counter is below the window.
    #[error("too old to know whether it is a repetition")]
    Old,
    /// The counter was received before.
    #[error("received before")]
    Repeated,
}

impl Session {
    pub(super) const fn new(
        transport: StatelessTransportState,
        sid: u32,
        peer_sid: u32,
        peer_token: [u8; 16],
    ) -> Self {
        Self {
            transport,
            sid,
            peer_sid,
            peer_token,
            next_counter: 0,
            window: Window::new(),
        }
    }

    /// The number under which we receive.
    #[must_use]
    pub const fn sid(&self) -> u32 {
        self.sid
    }

    /// The number to write into what we send.
    #[must_use]
    pub const fn peer_sid(&self) -> u32 {
        self.peer_sid
    }

    /// The reset token that the other side gave us: it ends this session if it forgot it.
    #[must_use]
    pub const fn peer_token(&self) -> [u8; 16] {
        self.peer_token
    }

    /// True if we said HELLO.
    #[must_use]
    pub fn is_initiator(&self) -> bool {
        self.transport.is_initiator()
    }

    /// The counter of the next datagram that is sealed.
    #[must_use]
    pub const fn next_counter(&self) -> u64 {
        self.next_counter
    }

    /// The largest counter received so far.
    #[must_use]
    pub const fn largest(&self) -> Option<u64> {
        self.window.largest()
    }

    /// What has been received, for an ACK frame (delay 0); `None` before anything came.
    #[must_use]
    pub fn received(&self) -> Option<Ack> {
        self.largest().map(|largest| Ack {
            largest,
            delay: 0,
            bits: self.window.bits(),
        })
    }

    /// Appends a whole DATA datagram with these frames, filled up to the smallest DATA, to `out`.
    ///
    /// Returns its counter, or `None` if the counters are used up: then nothing was appended.
    ///
    /// # Panics
    /// If the frames do not fit into the largest datagram.
    #[must_use]
    pub fn seal(&mut self, frames: &[u8], out: &mut Vec<u8>) -> Option<u64> {
        assert!(frames.len() <= FRAMES_BYTES_MAX, "frames fit a datagram");
        let counter = self.next_counter;
        if counter >= COUNTER_MAX {
            return None;
        }
        self.next_counter = counter + 1;

        let mut filled = [PAD; FRAMES_BYTES_MIN];
        let plain = if let Some(start) = filled.get_mut(..frames.len()) {
            start.copy_from_slice(frames);
            &filled
        } else {
            frames
        };
        out.extend_from_slice(&[0xC4, 0, 0, 0]);
        out.extend_from_slice(&self.peer_sid.to_le_bytes());
        out.extend_from_slice(&counter.to_le_bytes());
        let start = out.len();
        out.resize(start + plain.len() + TAG_BYTES, 0);
        let sealed = self
            .transport
            .write_message(counter, plain, &mut out[start..])
            .expect("the buffer suffices and the counter is small");
        assert!(start + sealed == out.len());
        Some(counter)
    }

    /// Opens DATA: window, then tag, then change of the window. Appends the frames to `out`.
    ///
    /// # Errors
    /// The datagram is to be dropped; neither the session nor `out` has changed.
    pub fn open(
        &mut self,
        counter: u64,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Opened, OpenError> {
        if counter >= COUNTER_MAX {
            return Err(OpenError::Forged);
        }
        match self.window.seen(counter) {
            Seen::Forgotten => return Err(OpenError::Old),
            Seen::Once if planted!("replay-accepted") => {}
            Seen::Once => return Err(OpenError::Repeated),
            Seen::Never if planted!("window-before-tag") => self.window.insert(counter),
            Seen::Never => {}
        }
        // A datagram's length is known to its parser; this only bounds what is allocated here.
        if !(DATA_BYTES_MIN..=DATAGRAM_BYTES_MAX).contains(&(sealed.len() + HEADER_BYTES)) {
            return Err(OpenError::Forged);
        }
        let start = out.len();
        out.resize(start + sealed.len() - TAG_BYTES, 0);
        let opened = self
            .transport
            .read_message(counter, sealed, &mut out[start..]);
        if opened.is_err() {
            out.truncate(start);
            return Err(OpenError::Forged);
        }
        let newest = self.largest().is_none_or(|largest| counter > largest);
        let is_wrong = planted!("replay-accepted") || planted!("window-before-tag");
        if !is_wrong || self.window.seen(counter) == Seen::Never {
            self.window.insert(counter);
        }
        Ok(Opened { newest })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("sid", &self.sid)
            .field("peer_sid", &self.peer_sid)
            .field("next_counter", &self.next_counter)
            .field("largest", &self.largest())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secure::golden::sessions;

    fn seal(session: &mut Session, frames: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        session.seal(frames, &mut out).unwrap();
        out
    }

    fn open(session: &mut Session, data: &[u8]) -> Result<(Opened, Vec<u8>), OpenError> {
        let counter = u64::from_le_bytes(std::array::from_fn(|n| data[8 + n]));
        let mut out = b"before".to_vec();
        let opened = session.open(counter, &data[16..], &mut out);
        assert!(out.starts_with(b"before"));
        let frames = out.split_off(6);
        assert!(opened.is_ok() || frames.is_empty());
        opened.map(|opened| (opened, frames))
    }

    #[test]
    fn each_side_opens_what_the_other_sealed_and_not_its_own() {
        let (mut client, mut server) = sessions();
        assert!(client.is_initiator());
        assert!(!server.is_initiator());
        assert_eq!(client.sid(), server.peer_sid());
        assert_eq!(server.sid(), client.peer_sid());
        assert_eq!(server.received(), None);

        let data = seal(&mut client, b"sixteen bytes ..");
        assert_eq!(data.len(), DATA_BYTES_MIN);
        assert_eq!(data[4..8], server.sid().to_le_bytes());
        assert_eq!(open(&mut client, &data), Err(OpenError::Forged));
        let (opened, frames) = open(&mut server, &data).unwrap();
        assert_eq!(opened, Opened { newest: true });
        assert_eq!(frames, b"sixteen bytes ..");

        let data = seal(&mut server, b"and back again, longer");
        assert_eq!(
            open(&mut client, &data).unwrap().1,
            b"and back again, longer"
        );
    }

    #[test]
    fn short_frames_are_filled_up() {
        let (mut client, mut server) = sessions();
        for length in [0, 1, 15, 16, 17, FRAMES_BYTES_MAX] {
            let frames = vec![7; length];
            let data = seal(&mut client, &frames);
            assert_eq!(data.len(), (length + 32).max(DATA_BYTES_MIN));
            let opened = open(&mut server, &data).unwrap().1;
            assert_eq!(opened[..length], frames);
            assert!(opened[length..].iter().all(|&byte| byte == PAD));
        }
    }

    #[test]
    fn seal_appends() {
        let (mut client, mut server) = sessions();
        let mut out = b"abc".to_vec();
        assert_eq!(client.seal(b"x", &mut out), Some(0));
        assert_eq!(client.seal(b"y", &mut out), Some(1));
        assert_eq!(client.next_counter(), 2);
        assert_eq!(out[..3], *b"abc");
        assert_eq!(open(&mut server, &out[3..51]).unwrap().1[0], b'x');
        assert_eq!(open(&mut server, &out[51..]).unwrap().1[0], b'y');
    }

    #[test]
    fn a_repeated_datagram_opens_once() {
        let (mut client, mut server) = sessions();
        let data: Vec<_> = (0..3).map(|_| seal(&mut client, b"x")).collect();
        assert!(open(&mut server, &data[2]).unwrap().0.newest);
        assert!(!open(&mut server, &data[0]).unwrap().0.newest);
        for again in [0, 2] {
            assert_eq!(open(&mut server, &data[again]), Err(OpenError::Repeated));
        }
        let seen = server.received().unwrap();
        assert_eq!((seen.largest, seen.delay, seen.bits), (2, 0, 0b10));
        assert!(!open(&mut server, &data[1]).unwrap().0.newest);
        assert_eq!(server.received().unwrap().bits, 0b11);
    }

    #[test]
    fn a_datagram_behind_the_window_is_old() {
        let (mut client, mut server) = sessions();
        let first = seal(&mut client, b"x");
        let second = seal(&mut client, b"x");
        client.next_counter = 2048;
        open(&mut server, &seal(&mut client, b"x")).unwrap();
        assert_eq!(open(&mut server, &first), Err(OpenError::Old));
        assert!(open(&mut server, &second).is_ok());
    }

    #[test]
    fn a_flipped_bit_does_not_open_and_changes_nothing() {
        let (mut client, mut server) = sessions();
        let data = seal(&mut client, b"the quick brown fox");
        // The first four bytes and the sid belong to the datagram's parser and the table of
        // sessions: bit 64 is the first of the counter, which is the nonce.
        for bit in 64..data.len() * 8 {
            let mut wrong = data.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                open(&mut server, &wrong),
                Err(OpenError::Forged),
                "bit {bit}"
            );
            assert_eq!(server.largest(), None);
        }
        assert!(open(&mut server, &data).is_ok());
    }

    #[test]
    fn a_datagram_cut_short_does_not_open() {
        let (mut client, mut server) = sessions();
        let data = seal(&mut client, &[7; 40]);
        for length in 16..data.len() {
            assert_eq!(open(&mut server, &data[..length]), Err(OpenError::Forged));
        }
        let long = vec![0; DATAGRAM_BYTES_MAX + 1];
        assert_eq!(open(&mut server, &long), Err(OpenError::Forged));
        assert!(open(&mut server, &data).is_ok());
    }

    #[test]
    fn counters_end() {
        let (mut client, mut server) = sessions();
        client.next_counter = COUNTER_MAX - 1;
        let last = seal(&mut client, b"x");
        assert_eq!(client.seal(b"x", &mut Vec::new()), None);
        assert_eq!(client.next_counter(), COUNTER_MAX);
        assert!(open(&mut server, &last).is_ok());

        // Even one that is well sealed does not open beyond the end.
        let (client, mut server) = sessions();
        let mut sealed = [0; 32];
        let written = client
            .transport
            .write_message(COUNTER_MAX, &[0; 16], &mut sealed);
        assert!(written.is_ok());
        let opened = server.open(COUNTER_MAX, &sealed, &mut Vec::new());
        assert_eq!(opened, Err(OpenError::Forged));
    }

    #[test]
    fn a_session_prints_neither_keys_nor_token() {
        let (client, _) = sessions();
        assert_eq!(
            format!("{client:?}"),
            "Session { sid: 287454020, peer_sid: 1432778632, next_counter: 0, largest: None, .. }"
        );
    }
}
