//! A session that another program with the same key replaced a moment ago: is the first still
//! there?

use super::Links;
use super::line::Line;
use super::queue::Queue;
use crate::model::{Instant, Now, PublicKey};
use crate::wire::CloseCode;

impl Links {
    /// Queues a PING on the replaced session, while it still receives (`OLD_SESSION`).
    ///
    /// Until [`Links::forget_old`] a CLOSE of its successor gives `Output::Returned`.
    pub fn ping_old(&mut self, now: Now, peer: &PublicKey) {
        self.begin(now);
        if let Some(old) = self.peers.get_mut(peer).and_then(|peer| peer.old.as_mut()) {
            old.asked = true;
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

    /// The replaced session was asked in vain.
    pub fn forget_old(&mut self, peer: &PublicKey) {
        self.drop_old(peer);
    }

    /// Makes the replaced session the current one again, and closes the one that replaced it, with
    /// what was queued; false if there is none. No output follows.
    pub fn restore_old(&mut self, now: Now, key: &PublicKey, code: CloseCode, text: &str) -> bool {
        self.begin(now);
        // What is due goes out first.
        self.flush(key);
        let Some(gone) = self.bring_back_old(key) else {
            return false;
        };
        self.close_line(gone, code, text);
        true
    }

    /// The successor was closed: true if the session before it was asked, and is the current one
    /// again.
    pub(super) fn return_to_old(&mut self, key: &PublicKey) -> bool {
        let old = self.peers.get(key).and_then(|peer| peer.old.as_ref());
        old.is_some_and(|old| old.asked) && self.bring_back_old(key).is_some()
    }

    /// Puts the replaced session into its place; what had replaced it, without its numbers.
    fn bring_back_old(&mut self, key: &PublicKey) -> Option<Box<Line>> {
        let peer = self.peers.get_mut(key)?;
        let old = peer.old.take()?;
        for parcel in peer.parcels() {
            self.parcels.remove(&parcel);
        }
        peer.queue = Queue::default();
        let gone = peer.line.replace(old.line)?;
        self.forget_numbers(key, &gone);
        self.touch(key);
        Some(gone)
    }
}
