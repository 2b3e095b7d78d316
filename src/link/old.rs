//! A session that another program with the same key replaced a moment ago: is the first still
//! there?

use super::Links;
use super::queue::Queue;
use crate::model::{Instant, Now, PublicKey};
use crate::wire::CloseCode;

impl Links {
    /// Queues a PING on the replaced session, while it still receives (`OLD_SESSION`).
    pub fn ping_old(&mut self, now: Now, peer: &PublicKey) {
        self.begin(now);
        if let Some(old) = self.peers.get_mut(peer).and_then(|peer| peer.old.as_mut()) {
            old.line.ping();
            self.touch(peer);
        }
    }

    /// When the last datagram of the replaced session opened; none if there is no such session.
    #[must_use]
    pub fn heard_old(&self, peer: &PublicKey) -> Option<Instant> {
        let old = self.peers.get(peer)?.old.as_ref()?;
        Some(old.line.heard)
    }

    /// Makes the replaced session the current one again, and closes the one that replaced it, with
    /// what was queued; false if there is none. No output follows.
    pub fn restore_old(&mut self, now: Now, key: &PublicKey, code: CloseCode, text: &str) -> bool {
        self.begin(now);
        // What is due goes out first.
        self.flush(key);
        let Some(peer) = self.peers.get_mut(key) else {
            return false;
        };
        let Some(old) = peer.old.take() else {
            return false;
        };
        for parcel in peer.parcels() {
            self.parcels.remove(&parcel);
        }
        peer.queue = Queue::default();
        if let Some(gone) = peer.line.replace(old.line) {
            self.forget_numbers(key, &gone);
            self.close_line(gone, code, text);
        }
        self.touch(key);
        true
    }
}
