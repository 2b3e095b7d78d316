//! Sessions begin, replace each other, grow old and end.

use super::attempt::Attempt;
use super::closing::{Closing, short};
use super::line::{Built, Line};
use super::peer::{Idling, Peer};
use super::resend::Which;
use super::{Closed, Links, Node, Output, Path, Route, Whose};
use crate::model::limits::{
    DATAGRAM_BYTES_MAX, OLD_SESSION, PEER_DATAGRAM_BYTES_MAX, PEER_IDLE, PEER_SESSIONS_MAX, REJECT,
    REKEY, REKEY_USED, SERVER_SLOTS, SESSIONS_MAX,
};
use crate::model::{Instant, PublicKey};
use crate::secure::Initiator;
use crate::wire::CloseCode;
use crate::wire::datagram::Role;

/// Version 1 of the protocol; the other bits mean nothing yet.
const FEATURES: u32 = 1;
/// These are random, so that nobody comes to rely on zeros.
const FEATURES_RANDOM: u32 = 0xFF00_0000;

impl Links {
    pub(super) fn line(&self, key: &PublicKey) -> Option<&Line> {
        self.peers.get(key)?.line.as_deref()
    }

    /// The peer is looked at when outputs are polled.
    pub(super) fn touch(&mut self, key: &PublicKey) {
        if let Some(peer) = self.peers.get_mut(key)
            && !std::mem::replace(&mut peer.dirty, true)
        {
            self.dirty.push_back(*key);
        }
    }

    /// Sees to it that there is a session, or a handshake.
    pub(super) fn reach(&mut self, to: &Route) {
        let peer = self.peers.get_mut(&to.key).expect("the caller made it");
        if peer.line.is_none() {
            match &mut peer.attempt {
                None => self.begin_handshake(to.key, to.path, to.role, to.slots),
                Some(attempt) => {
                    attempt.redirect(to.path);
                    if to.role == Role::Peer {
                        attempt.extend(self.now, to.slots);
                    }
                }
            }
        }
        self.touch(&to.key);
    }

    fn begin_handshake(&mut self, key: PublicKey, path: Path, role: Role, slots: u8) {
        let sid = self.fresh_sid();
        let features = self.features();
        let ephemeral = self.ratchet.draw();
        let started = Initiator::start(
            &self.identity,
            &key,
            role,
            sid,
            features,
            self.boot,
            ephemeral,
        );
        let Ok((initiator, hello)) = started else {
            // No session with such a key can ever be.
            self.end(&key, Closed::NoAnswer);
            return;
        };
        let attempt = Attempt::new(self.now, initiator, hello, sid, path, slots);
        let peer = self.peers.get_mut(&key).expect("the caller made it");
        peer.role = role;
        peer.attempt = Some(Box::new(attempt));
        self.sids.insert(sid, Whose::Peer(key));
    }

    /// Both began at the same time, both succeeded: the session of the smaller key is sent on.
    pub(super) fn is_at_once_and_ours_wins(&self, key: &PublicKey, new: &Line) -> bool {
        self.line(key).is_some_and(|line| {
            line.session.is_initiator()
                && line.boot == new.boot
                && self.now.since(line.opened) < OLD_SESSION
                && self.me < *key
        })
    }

    /// From now on this is the session with this key.
    pub(super) fn install(&mut self, key: PublicKey, line: Line) {
        let now = self.now;
        self.register(key, &line);
        let (path, boot) = (line.path, line.boot);
        let initiated = line.session.is_initiator();
        let peer = self.peers.get_mut(&key).expect("the caller has it");
        let previous = peer.line.replace(Box::new(line));
        let fresh = previous
            .as_ref()
            .is_none_or(|previous| previous.boot != boot);
        if let Some(previous) = previous {
            // What another program run had not acknowledged it never will; large packets are not
            // finished on a session that only receives.
            let which = if fresh { Which::All } else { Which::Large };
            let gone = peer.retire(now, previous, which);
            self.unregister(&key, gone);
        }
        self.outputs.push_back(Output::Opened {
            peer: key,
            path,
            boot,
            initiated,
            fresh,
        });
        self.touch(&key);
        self.make_room(&key);
    }

    /// It only receives: the session that we began is the one to send on.
    pub(super) fn install_as_old(&mut self, key: PublicKey, line: Line) {
        self.register(key, &line);
        let peer = self.peers.get_mut(&key).expect("the caller has it");
        let gone = peer.retire(self.now, Box::new(line), Which::All);
        self.unregister(&key, gone);
        self.touch(&key);
    }

    /// The other has forgotten the current session. If both began at once it kept the other one.
    pub(super) fn on_current_reset(&mut self, key: &PublicKey) {
        let peer = self.peers.get_mut(key).expect("the caller found it");
        let Some(old) = peer.old.take() else {
            self.counters.ended_by_peer += 1;
            self.end(key, Closed::Reset);
            return;
        };
        let gone = peer.line.replace(old.line).map(|mut gone| {
            gone.resend.give_back(&mut peer.queue, Which::All);
            gone
        });
        self.unregister(key, gone);
        self.touch(key);
    }

    pub(super) fn drop_old(&mut self, key: &PublicKey) {
        let gone = self.peers.get_mut(key).and_then(Peer::drop_old);
        self.unregister(key, gone);
        self.touch(key);
    }

    /// Forgets a peer and all that was queued, and says so.
    pub(super) fn end(&mut self, key: &PublicKey, why: Closed) {
        self.drop_peer(key);
        self.outputs.push_back(Output::Closed { peer: *key, why });
    }

    /// Forgets a peer and all that was queued.
    pub(super) fn drop_peer(&mut self, key: &PublicKey) {
        self.take_peer(key);
    }

    /// Forgets a peer; it is told.
    pub(super) fn end_with_close(&mut self, key: &PublicKey, code: CloseCode, text: &str) {
        // What is due goes out first.
        self.flush(key);
        if let Some(line) = self.take_peer(key) {
            self.close_line(line, code, text);
        }
    }

    /// Says CLOSE on a session that has no number any more, and remembers that it was said.
    pub(super) fn close_line(&mut self, mut line: Box<Line>, code: CloseCode, text: &str) {
        let text = short(text);
        let Some(datagram) = line.build_close(self.now, code, text) else {
            return;
        };
        self.datagrams.push_back((line.path, datagram));
        let sid = line.session.sid();
        let gone = self
            .closings
            .insert(Closing::of(self.now, *line, code, text));
        gone.map(|gone| self.sids.remove(&gone));
        self.sids.insert(sid, Whose::Closing);
    }

    fn take_peer(&mut self, key: &PublicKey) -> Option<Box<Line>> {
        let peer = self.peers.remove(key)?;
        for parcel in peer.parcels() {
            self.parcels.remove(&parcel);
        }
        if let Some(attempt) = &peer.attempt {
            self.sids.remove(&attempt.sid);
        }
        if let Some(stamp) = peer.stamp {
            self.idle.remove(&(stamp, *key));
        }
        self.timers.cancel(key);
        self.unregister(key, peer.old.map(|old| old.line));
        let line = peer.line?;
        self.forget_numbers(key, &line);
        Some(line)
    }

    fn register(&mut self, key: PublicKey, line: &Line) {
        self.sids.insert(line.session.sid(), Whose::Peer(key));
        self.peer_sids.insert((line.session.peer_sid(), key));
    }

    fn unregister(&mut self, key: &PublicKey, line: Option<Box<Line>>) {
        if let Some(line) = line {
            self.forget_numbers(key, &line);
        }
    }

    pub(super) fn forget_numbers(&mut self, key: &PublicKey, line: &Line) {
        self.sids.remove(&line.session.sid());
        self.peer_sids.remove(&(line.session.peer_sid(), *key));
        self.reassembly.forget(line.session.sid());
    }

    /// One more session: if there are too many, the one that was idle longest ends.
    fn make_room(&mut self, key: &PublicKey) {
        let stamped = self.peers.get(key).is_none_or(|peer| peer.stamp.is_some());
        let Some(max) = self.sessions_max(key).filter(|_| !stamped) else {
            return;
        };
        while self.idle.len() >= max {
            self.evict_idlest();
        }
        let peer = self.peers.get_mut(key).expect("it was just opened");
        peer.stamp = Some(self.now);
        self.idle.insert((self.now, *key));
    }

    /// Ends the session that leads the list, or puts its place in the list right.
    fn evict_idlest(&mut self) {
        let (stamp, idlest) = self.idle.pop_first().expect("there are too many");
        let peer = self
            .peers
            .get_mut(&idlest)
            .expect("else it had left the list");
        let heard = peer.line.as_ref().map_or(stamp, |line| line.heard);
        if heard > stamp {
            peer.stamp = Some(heard);
            self.idle.insert((heard, idlest));
            return;
        }
        peer.stamp = None;
        self.end_with_close(&idlest, CloseCode::Limit, "");
        let why = Closed::Evicted;
        self.outputs.push_back(Output::Closed { peer: idlest, why });
    }

    /// How many sessions like this one there may be.
    fn sessions_max(&self, key: &PublicKey) -> Option<usize> {
        match (self.node, self.peers.get(key)?.role) {
            (Node::Server { .. }, _) => Some(SESSIONS_MAX),
            (Node::Client, Role::Peer) => Some(PEER_SESSIONS_MAX),
            (Node::Client, Role::Server) => None,
        }
    }

    /// Does what is due for a peer.
    pub(super) fn on_peer_timeout(&mut self, key: &PublicKey) {
        let now = self.now;
        let idling = self.idling(key);
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.timer = None;
        if peer
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.is_over(now))
        {
            let attempt = peer.attempt.take().expect("just seen");
            self.sids.remove(&attempt.sid);
            match &mut peer.line {
                Some(line) => line.rekey_at = now + REKEY_USED,
                None => return self.end(key, Closed::NoAnswer),
            }
        }
        peer.reclaim(now);
        let old_is_over = peer.old.as_ref().is_some_and(|old| old.until <= now);
        let waits = peer.queue.packets() > 0;
        if let Some(line) = &mut peer.line {
            if line.opened + REJECT <= now {
                return self.end(key, Closed::Expired);
            }
            if waits {
                line.used = now;
            }
            if idling == Idling::Closes && line.used + PEER_IDLE <= now {
                self.end_with_close(key, CloseCode::Bye, "");
                self.outputs.push_back(Output::Closed {
                    peer: *key,
                    why: Closed::Idle,
                });
                return;
            }
            if line.resend.handle_timeout(now, line.session.next_counter()) {
                line.ping();
            }
        }
        if old_is_over {
            self.drop_old(key);
        }
        self.touch(key);
    }

    fn idling(&self, key: &PublicKey) -> Idling {
        match (self.node, self.peers.get(key).map(|peer| peer.role)) {
            (Node::Client, Some(Role::Peer)) => Idling::Closes,
            _ => Idling::Stays,
        }
    }

    /// Builds what is due to a peer, and sets its timer.
    pub(super) fn flush(&mut self, key: &PublicKey) {
        let (now, turn) = (self.now, self.turn);
        self.renew_if_due(key);
        let is_client = self.node == Node::Client;
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        assert!(peer.line.is_some() || peer.attempt.is_some());
        peer.dirty = false;
        self.timers_moved = true;
        if let Some(attempt) = &mut peer.attempt {
            self.datagrams.extend(attempt.hello(now));
        }
        let mut used_up = false;
        let old = peer.old.as_mut().map(|old| (&mut old.line, None));
        let lines = peer.line.as_mut().map(|line| (line, Some(&mut peer.queue)));
        for (line, mut queue) in old.into_iter().chain(lines) {
            loop {
                match line.build(now, turn, queue.as_deref_mut(), &mut self.payload) {
                    Built::Datagram(to, datagram) => self.datagrams.push_back((to, datagram)),
                    Built::Later => {
                        if !std::mem::replace(&mut peer.dirty, true) {
                            self.later.push(*key);
                        }
                        break;
                    }
                    Built::Nothing => break,
                    Built::UsedUp => {
                        used_up = true;
                        break;
                    }
                }
            }
            self.counters.resent_chunks += std::mem::take(&mut line.resend.resent);
        }
        let idling = if is_client && peer.role == Role::Peer {
            Idling::Closes
        } else {
            Idling::Stays
        };
        let promised = peer.line.as_ref().and_then(|line| line.ack_deadline());
        if promised.is_some() && promised != peer.promised {
            self.promises.extend(promised.map(|at| (at, *key)));
        }
        peer.promised = promised;
        let deadline = peer.deadline(now, idling);
        // Nearly every datagram puts it off. A timer that is too early is looked at once in a
        // while; one that is moved each time would cost more than the datagram's seal.
        let is_sooner = |at: &Instant| peer.timer.is_none_or(|set| *at < set);
        let sooner = deadline.filter(is_sooner);
        if sooner.is_some() {
            peer.timer = sooner;
        }
        if used_up {
            self.end(key, Closed::Expired);
        } else if let Some(at) = sooner {
            self.timers.set(*key, at);
        }
    }

    /// Acknowledgements that found no company go out alone.
    pub(super) fn keep_promises(&mut self) {
        while let Some((_, key)) = self.promises.pop_front_if(|(at, _)| *at <= self.now) {
            self.touch(&key);
        }
    }

    /// An acknowledgement that went out with something else would wake the loop for nothing.
    pub(super) fn drop_kept_promises(&mut self) {
        while let Some((at, key)) = self.promises.front()
            && self.line(key).and_then(Line::ack_deadline) != Some(*at)
        {
            self.promises.pop_front();
        }
    }

    /// Timers that are too early would wake the loop for nothing: what is next is put right.
    pub(super) fn put_off_timers(&mut self) {
        while let Some((at, key)) = self.timers.first() {
            let key = *key;
            let idling = self.idling(&key);
            let Some(peer) = self.peers.get_mut(&key) else {
                return;
            };
            let Some(due) = peer.deadline(self.now, idling).filter(|due| *due > at) else {
                return;
            };
            peer.timer = Some(due);
            self.timers.set(key, due);
        }
    }

    /// The initiator of an old session that is in use makes a new one.
    fn renew_if_due(&mut self, key: &PublicKey) {
        if let Some(peer) = self.peers.get(key)
            && let Some(line) = &peer.line
            && peer.attempt.is_none()
            && line.wants_rekey(self.now)
        {
            let (path, role) = (line.path, peer.role);
            self.begin_handshake(*key, path, role, SERVER_SLOTS);
        }
    }

    pub(super) fn datagram_max(&self, role: Role) -> usize {
        match (self.node, role) {
            (Node::Client, Role::Peer) => PEER_DATAGRAM_BYTES_MAX,
            (Node::Client, Role::Server) | (Node::Server { .. }, _) => DATAGRAM_BYTES_MAX,
        }
    }

    pub(super) fn features(&mut self) -> u32 {
        FEATURES | self.ratchet.u32() & FEATURES_RANDOM
    }

    /// A number under which we do not receive yet.
    pub(super) fn fresh_sid(&mut self) -> u32 {
        loop {
            let sid = self.ratchet.u32();
            if sid != 0 && !self.sids.contains_key(&sid) {
                return sid;
            }
        }
    }

    /// Give or take a tenth, so that those who came together do not renew together.
    pub(super) fn rekey_at(&mut self) -> Instant {
        let tenth = REKEY / 10;
        let spread = u64::try_from(tenth.as_micros() * 2).expect("minutes");
        let extra = std::time::Duration::from_micros(self.ratchet.below(spread));
        self.now + REKEY - tenth + extra
    }
}
