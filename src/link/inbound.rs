//! What a datagram does: every refusal is counted, none is answered in full.

use super::closing::Closing;
use super::doorman::{Crowded, Hello, Pending, Verdict};
use super::line::{Arrival, Event, Line, Surroundings};
use super::resend::News;
use super::{Closed, Links, Node, Output, Path, Violation, Whose};
use crate::model::limits::STRANGERS_PER_S;
use crate::model::{Instant, PublicKey};
use crate::planted;
use crate::secure::Responder;
use crate::secure::handshake::mac1_is_right;
use crate::secure::session::OpenError;
use crate::wire::datagram::{Role, WIRE_VERSION, version_asked};
use crate::wire::{CloseCode, Datagram};

/// Sessions of different peers that share a number are tried against a RESET up to here.
const RESET_TRIES_MAX: usize = 8;

impl Links {
    /// Takes a datagram: the switch over its kinds.
    pub(super) fn on_datagram(&mut self, from: Path, bytes: &[u8]) {
        match Datagram::parse(bytes) {
            Ok(Datagram::Data {
                sid,
                counter,
                sealed,
            }) => self.on_data(from, sid, counter, sealed),
            Ok(Datagram::Hello {
                role, sid, mac1, ..
            }) => {
                self.on_hello(from, role, Hello { bytes, sid, mac1 });
            }
            Ok(Datagram::KeyReply {
                nonce,
                session_key,
                identity,
            }) => {
                if let Path::Direct(from) = from
                    && self.asks.settle(from, &nonce)
                {
                    self.outputs.push_back(Output::ServerKey {
                        from,
                        session_key,
                        identity,
                    });
                } else {
                    self.counters.forged += 1;
                }
            }
            Ok(Datagram::KeyRequest { nonce }) => self.on_key_request(from, nonce),
            Ok(Datagram::Reply { sid, .. }) => self.on_reply(from, sid, bytes),
            Ok(Datagram::Reset { sid, token }) => self.on_reset(sid, &token),
            Ok(Datagram::Retry { sid, nonce, sealed }) => self.on_retry(sid, &nonce, &sealed),
            // A hint for people, never acted on.
            Ok(Datagram::Version { .. }) => {}
            Err(_) => self.on_unknown(from, bytes),
        }
    }

    fn on_unknown(&mut self, from: Path, bytes: &[u8]) {
        let Some(sid) = version_asked(bytes) else {
            self.counters.malformed += 1;
            return;
        };
        let (lowest, highest) = (WIRE_VERSION, WIRE_VERSION);
        self.answer(
            from,
            &Datagram::Version {
                lowest,
                highest,
                sid,
            },
        );
    }

    fn on_key_request(&mut self, from: Path, nonce: [u8; 16]) {
        if self.node == (Node::Server { quiet: false }) {
            let session_key = self.me;
            let identity = self.identity.identity();
            self.answer(
                from,
                &Datagram::KeyReply {
                    nonce,
                    session_key,
                    identity,
                },
            );
        }
    }

    /// Sends a short answer without a session, if not too many went out.
    fn answer(&mut self, to: Path, datagram: &Datagram<'_>) {
        if self.doorman.may_answer(self.now, to) {
            self.datagrams.push_back((to, datagram.encode()));
        } else {
            self.counters.limited += 1;
        }
    }

    /// Steps 1 to 7 of protocol.md section 3.5.
    fn on_hello(&mut self, from: Path, role: Role, hello: Hello<'_>) {
        let asked = match self.node {
            Node::Client => Role::Peer,
            Node::Server { .. } => Role::Server,
        };
        if !self.answers_hellos || role != asked {
            self.counters.refused_hello += 1;
            return;
        }
        if !mac1_is_right(&self.identity, hello.bytes) {
            self.counters.forged += 1;
            return;
        }
        if let Some(pending) = self.pendings.repeated(hello.mac1, from) {
            pending.replied = self.now;
            self.datagrams.push_back((from, pending.reply.clone()));
            return;
        }
        let pending = self.pendings.len();
        let doorman = &mut self.doorman;
        match doorman.judge(
            self.now,
            from,
            hello,
            pending,
            &self.identity,
            &mut self.ratchet,
        ) {
            Verdict::Answer if self.is_welcome(from, hello.bytes) => self.greet(from, hello),
            Verdict::Answer => self.counters.refused_hello += 1,
            Verdict::Drop => self.counters.limited += 1,
            Verdict::Retry(retry) => self.datagrams.push_back((from, retry)),
        }
    }

    /// A server welcomes everybody, a client those whom it knows; it asks about others.
    fn is_welcome(&mut self, from: Path, hello: &[u8]) -> bool {
        if self.node != Node::Client {
            return true;
        }
        let Ok(key) = Responder::who(&self.identity, hello) else {
            return false;
        };
        if self.known.contains(&key) || self.peers.contains_key(&key) {
            return true;
        }
        if self
            .strangers
            .take(self.now, STRANGERS_PER_S, STRANGERS_PER_S)
        {
            self.outputs.push_back(Output::Stranger { key, path: from });
        }
        false
    }

    fn greet(&mut self, from: Path, hello: Hello<'_>) {
        let now = self.now;
        let sid = self.fresh_sid();
        let features = self.features();
        let ephemeral = self.ratchet.draw();
        let (identity, boot) = (&self.identity, self.boot);
        let Ok(answer) = Responder::answer(identity, hello.bytes, sid, features, boot, ephemeral)
        else {
            self.counters.forged += 1;
            return;
        };
        let key = answer.initiator;
        if key == self.me || matches!(from, Path::Relay(carried) if carried != key) {
            self.counters.refused_hello += 1;
            return;
        }
        if planted!("pending-replaces-live") && self.line(&key).is_some() {
            self.end(&key, Closed::Reset);
        }
        let pending = Pending {
            key,
            path: from,
            boot: answer.hints.boot,
            session: answer.session,
            created: now,
            reply: answer.reply.clone(),
            replied: now,
            mac1: hello.mac1,
        };
        match self.pendings.insert(now, pending) {
            Err(Crowded) => self.counters.limited += 1,
            Ok(gone) => {
                gone.map(|gone| self.sids.remove(&gone));
                self.sids.insert(sid, Whose::Pending);
                self.datagrams.push_back((from, answer.reply));
            }
        }
    }

    fn on_reply(&mut self, from: Path, sid: u32, bytes: &[u8]) {
        let now = self.now;
        let peer = match self.sids.get(&sid) {
            Some(Whose::Peer(key)) => self.peers.get_mut(key).map(|peer| (*key, peer)),
            _ => None,
        };
        let attempt = peer.and_then(|(key, peer)| Some((key, peer.role, peer.attempt.as_mut()?)));
        let Some((key, role, attempt)) = attempt.filter(|(.., attempt)| attempt.sid == sid) else {
            self.counters.unknown_session += 1;
            return;
        };
        let is_for_us = mac1_is_right(&self.identity, bytes);
        let finished = attempt.initiator.finish(&self.identity, bytes);
        let Some((session, hints)) = finished.ok().filter(|_| is_for_us) else {
            self.counters.forged += 1;
            return;
        };
        let path = attempt.proven_by(from);
        let sample = now.since(attempt.last_sent);
        let rekey_at = self.rekey_at();
        let max = self.datagram_max(role);
        let mut line = Line::new(now, session, path, hints.boot, max, rekey_at);
        line.resend.first_sample(sample);
        // The first DATA confirms the session: a packet if one waits, else this.
        line.ping();
        let peer = self.peers.get_mut(&key).expect("its attempt was found");
        peer.attempt = None;
        self.install(key, line);
    }

    fn on_retry(&mut self, sid: u32, nonce: &[u8; 24], sealed: &[u8; 32]) {
        let Some(Whose::Peer(key)) = self.sids.get(&sid).copied() else {
            self.counters.unknown_session += 1;
            return;
        };
        let attempt = self
            .peers
            .get_mut(&key)
            .and_then(|peer| peer.attempt.as_mut());
        let obeyed = attempt.is_some_and(|attempt| {
            attempt.sid == sid && attempt.on_retry(self.now, &key, nonce, sealed)
        });
        if obeyed {
            self.touch(&key);
        } else {
            self.counters.forged += 1;
        }
    }

    fn on_reset(&mut self, sid: u32, token: &[u8; 16]) {
        let all = (sid, PublicKey([0; 32]))..=(sid, PublicKey([0xFF; 32]));
        let keys = self.peer_sids.range(all).take(RESET_TRIES_MAX);
        let keys: Vec<PublicKey> = keys.map(|(_, key)| *key).collect();
        for key in keys {
            let peer = &self.peers[&key];
            let matches = |line: &Line| line.is_reset_by(sid, token);
            if peer.line.as_deref().is_some_and(matches) {
                self.on_current_reset(&key);
                return;
            }
            if peer.old.as_ref().is_some_and(|old| matches(&old.line)) {
                self.drop_old(&key);
                return;
            }
        }
        self.counters.forged += 1;
    }

    fn on_data(&mut self, from: Path, sid: u32, counter: u64, sealed: &[u8]) {
        match self.sids.get(&sid).copied() {
            Some(Whose::Closing) => {
                self.counters.unknown_session += 1;
                let close = self.closings.on_data(self.now, sid, counter, sealed);
                self.datagrams.extend(close);
            }
            Some(Whose::Peer(key)) => self.on_peer_data(&key, from, sid, counter, sealed),
            Some(Whose::Pending) => self.on_pending_data(from, sid, counter, sealed),
            None => {
                self.counters.unknown_session += 1;
                let token = self.identity.reset_token(sid);
                self.answer(from, &Datagram::Reset { sid, token });
            }
        }
    }

    fn on_peer_data(&mut self, key: &PublicKey, from: Path, sid: u32, counter: u64, sealed: &[u8]) {
        let found = self
            .peers
            .get_mut(key)
            .and_then(|peer| peer.line_and_queue(sid));
        let Some((line, _)) = found else {
            self.counters.unknown_session += 1;
            return;
        };
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        let before = line.session.largest();
        match line.session.open(counter, sealed, &mut plain) {
            Err(OpenError::Forged) => self.counters.forged += 1,
            Err(OpenError::Old | OpenError::Repeated) => self.counters.repeated += 1,
            Ok(_) => {
                let now = self.now;
                self.on_frames(
                    key,
                    sid,
                    Arrival {
                        now,
                        from,
                        counter,
                        before,
                    },
                    &plain,
                );
            }
        }
        self.plain = plain;
    }

    /// The first DATA under a pending session proves that the HELLO was no replay: the session is
    /// confirmed.
    fn on_pending_data(&mut self, from: Path, sid: u32, counter: u64, sealed: &[u8]) {
        let pending = self.pendings.find(sid).expect("its number says so");
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        if pending.session.open(counter, sealed, &mut plain).is_ok() {
            let pending = self.pendings.remove(sid).expect("just found");
            let key = pending.key;
            self.confirm(pending);
            let now = self.now;
            self.on_frames(
                &key,
                sid,
                Arrival {
                    now,
                    from,
                    counter,
                    before: None,
                },
                &plain,
            );
        } else {
            self.counters.forged += 1;
        }
        self.plain = plain;
    }

    fn confirm(&mut self, pending: Pending) {
        let (now, key) = (self.now, pending.key);
        let max = self.datagram_max(Role::Peer);
        let never = Instant(u64::MAX);
        let mut line = Line::new(now, pending.session, pending.path, pending.boot, max, never);
        line.resend.first_sample(now.since(pending.replied));
        let peer = self
            .peers
            .entry(key)
            .or_insert_with(|| super::Peer::new(Role::Peer));
        // Its handshake succeeded first: ours, if there is one, is not needed any more.
        if let Some(attempt) = peer.attempt.take() {
            self.sids.remove(&attempt.sid);
        }
        if self.is_at_once_and_ours_wins(&key, &line) {
            self.install_as_old(key, line);
        } else {
            self.install(key, line);
        }
    }

    fn on_frames(&mut self, key: &PublicKey, sid: u32, arrival: Arrival, plain: &[u8]) {
        let mut events = std::mem::take(&mut self.events);
        let peer = self
            .peers
            .get_mut(key)
            .expect("the caller found its session");
        let is_current = peer.is_current(sid);
        let (line, queue) = peer.line_and_queue(sid).expect("the caller found it");
        let result = line.on_frames(
            arrival,
            plain,
            &mut Surroundings {
                queue,
                reassembly: &mut self.reassembly,
                ratchet: &mut self.ratchet,
                events: &mut events,
                news: &mut self.news,
            },
        );
        for event in events.drain(..) {
            self.on_event(key, is_current, event);
        }
        self.events = events;
        match result {
            Ok(()) => self.touch(key),
            Err(violation) => {
                let code = match violation {
                    Violation::Limit => CloseCode::Limit,
                    Violation::Protocol => CloseCode::Protocol,
                };
                self.end_with_close(key, code, "");
                self.outputs.push_back(Output::Closed {
                    peer: *key,
                    why: Closed::Violation,
                });
            }
        }
    }

    fn on_event(&mut self, key: &PublicKey, is_current: bool, event: Event) {
        let (from, peer) = (*key, *key);
        match event {
            Event::Arrived(bytes) => self.outputs.push_back(Output::Arrived { from, bytes }),
            Event::Closed(_) if is_current && self.return_to_old(key) => {
                self.outputs.push_back(Output::Returned { peer });
            }
            Event::Closed(why) if is_current => {
                self.counters.ended_by_peer += 1;
                self.drop_peer(key);
                self.outputs.push_back(Output::Closed { peer, why });
            }
            Event::Closed(_) => self.drop_old(key),
            Event::Loose(bytes) => self.outputs.push_back(Output::Loose { from, bytes }),
            Event::Moved(path) if is_current => {
                self.outputs.push_back(Output::Moved { peer, path });
            }
            Event::Moved(_) => {}
            Event::News(News::Progress(parcel)) => {
                self.outputs.push_back(Output::Progress { parcel });
            }
            Event::News(News::Settled(parcel)) => {
                self.parcels.remove(&parcel);
                self.outputs.push_back(Output::Settled { peer, parcel });
            }
        }
    }
}

impl Closing {
    /// The session of a line whose CLOSE was just made.
    pub(super) fn of(now: Instant, line: Line, code: CloseCode, text: &str) -> Self {
        Self::new(now, line.session, line.path, code, text)
    }
}
