//! Asking servers for their keys, before anything else can be said to them.

use super::attempt::Repeats;
use crate::model::Instant;
use crate::model::limits::ASKS_MAX;
use crate::wire::Datagram;
use std::net::SocketAddr;

/// The servers that are being asked.
#[derive(Default)]
pub(super) struct Asks(Vec<Ask>);

struct Ask {
    at: SocketAddr,
    nonce: [u8; 16],
    repeats: Repeats,
}

impl Asks {
    /// Begins to ask; an older question to the same address is forgotten.
    pub(super) fn begin(&mut self, now: Instant, at: SocketAddr, nonce: [u8; 16], slots: u8) {
        self.0.retain(|ask| ask.at != at);
        if self.0.len() >= ASKS_MAX {
            self.0.remove(0);
        }
        let repeats = Repeats::new(now, slots);
        self.0.push(Ask { at, nonce, repeats });
    }

    /// What is due.
    pub(super) fn poll(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        self.0.retain(|ask| ask.repeats.ends > now);
        self.0.iter_mut().find_map(|ask| {
            let nonce = ask.nonce;
            let request = Datagram::KeyRequest { nonce };
            ask.repeats.take(now).then(|| (ask.at, request.encode()))
        })
    }

    /// True if this answers a question; it is settled then.
    pub(super) fn settle(&mut self, from: SocketAddr, nonce: &[u8; 16]) -> bool {
        let before = self.0.len();
        self.0.retain(|ask| ask.at != from || ask.nonce != *nonce);
        self.0.len() < before
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|ask| ask.repeats.deadline()).min()
    }
}
