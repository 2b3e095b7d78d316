//! Who is here. Only the suspect's own silence marks anybody offline, never what others say.

use super::ask::Purpose;
use super::port::{Presence, StoreRequest, Why};
use super::session::{Cargo, Check, Load, Member, Stage, Way};

use super::{Event, Server, Timer};
use crate::link::Parcel;
use crate::model::limits::{PROBE_GAP, SERVER_SLOTS, SILENT, SLOT};
use crate::model::{Name, PublicKey, Version};
use crate::planted;
use crate::wire::CloseCode;
use std::net::SocketAddr;

impl Server {
    /// Asks somebody whether it is here: PINGs for one slot, or for five after a long silence.
    ///
    /// A rival is a session (key and life) that wants to log in under the same name.
    pub(super) fn check(&mut self, key: PublicKey, rival: Option<(PublicKey, u64)>) {
        let now = self.now.instant;
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let check = session.check.get_or_insert_with(|| {
            let heard = self.links.heard(&key).unwrap_or_default();
            let slots = if now.since(heard) >= SILENT {
                SERVER_SLOTS
            } else {
                1
            };
            self.links.ping(self.now, &key);
            self.timers.set(Timer::Probe(key), now + PROBE_GAP);
            Check {
                since: now,
                until: now + SLOT * u32::from(slots),
                rivals: Vec::new(),
            }
        });
        check.rivals.extend(rival);
    }

    pub(super) fn on_probe(&mut self, key: PublicKey) {
        let now = self.now.instant;
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some(Check { since, until, .. }) = session.check else {
            return;
        };
        let heard = self.links.heard(&key).is_some_and(|heard| heard > since);
        if !heard && now < until {
            self.links.ping(self.now, &key);
            return self.timers.set(Timer::Probe(key), now + PROBE_GAP);
        }
        let check = session.check.take().expect("it goes on");
        if !heard {
            self.leave(key, Why::Silent);
            self.end(key, CloseCode::Silent);
        }
        for (rival, life) in check.rivals {
            self.on_rival_checked(rival, life, heard);
        }
    }

    /// The program behind a key was replaced, from another address, by one that asks for the same
    /// name: a restart, or a copy of the profile. The one before is asked on its own session.
    pub(super) fn check_former(&mut self, key: PublicKey) {
        let now = self.now.instant;
        if self.links.heard_old(&key).is_none() {
            return self.claim(key);
        }
        self.links.ping_old(self.now, &key);
        let session = self.sessions.get_mut(&key).expect("it asks");
        session.check = None; // One that had begun would hear the wrong program.
        session.former = Some((now, now + SLOT));
        self.timers.set(Timer::Former(key), now + PROBE_GAP);
    }

    pub(super) fn on_former_probed(&mut self, key: PublicKey) {
        let now = self.now.instant;
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some((since, until)) = session.former else {
            return;
        };
        let last = self.links.heard_old(&key);
        let heard = last.is_some_and(|heard| heard > since);
        if !heard && last.is_some() && now < until {
            self.links.ping_old(self.now, &key);
            return self.timers.set(Timer::Former(key), now + PROBE_GAP);
        }
        session.former = None;
        if heard {
            self.reject(key);
        } else {
            self.links.forget_old(&key);
            self.claim(key);
        }
    }

    /// The program before has answered: its session goes on when the newer one has its answer.
    pub(super) fn restore(&mut self, key: PublicKey) {
        if !self
            .links
            .restore_old(self.now, &key, CloseCode::Replaced, "")
        {
            self.leave(key, Why::Silent);
            return self.end(key, CloseCode::Replaced);
        }
        self.bring_back(key);
    }

    /// The session of the program before is the current one again: nothing has changed for it.
    pub(super) fn bring_back(&mut self, key: PublicKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some(member) = session.member.as_mut() else {
            // It was found dead meanwhile.
            return self.end(key, CloseCode::Replaced);
        };
        session.stage = Stage::Here;
        session.former = None;
        self.timers.cancel(&Timer::Farewell(key));
        session.boot = self.links.boot(&key).unwrap_or_default();
        session.backlog.clear();
        session.address = member.address;
        let cursor = &mut member.cursor;
        cursor.owed |= std::mem::take(&mut cursor.page) != Way::Free;
        self.pump(key);
    }

    /// Nothing was heard for long, perhaps: then it is asked.
    pub(super) fn on_silence(&mut self, key: PublicKey) {
        let heard = self.links.heard(&key).unwrap_or_default();
        let due = heard + SILENT;
        if due <= self.now.instant {
            self.check(key, None);
        }
        let next = due.max(self.now.instant + SLOT);
        self.timers.set(Timer::Silence(key), next);
    }

    /// Something is on its way: if it takes a slot, there is a check.
    pub(super) fn watch(&mut self, key: PublicKey, parcel: Parcel, cargo: Cargo) {
        let since = self.now.instant;
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        session.outstanding.insert(parcel, Load { cargo, since });
        if !std::mem::replace(&mut session.watched, true) {
            self.timers.set(Timer::Unacked(key), since + SLOT);
        }
    }

    pub(super) fn on_unacked(&mut self, key: PublicKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some((_, oldest)) = session.outstanding.first_key_value() else {
            session.watched = false;
            return;
        };
        let mut next = oldest.since + SLOT;
        if next <= self.now.instant {
            next = self.now.instant + SLOT;
            self.check(key, None);
        }
        self.timers.set(Timer::Unacked(key), next);
    }

    /// The session is gone, and the link knows no other.
    pub(super) fn on_closed(&mut self, key: PublicKey) {
        self.leave(key, Why::Silent);
        self.forget(key);
    }

    /// The other has proven a new address.
    pub(super) fn on_moved(&mut self, key: PublicKey, address: SocketAddr) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        session.address = address;
        let Some(member) = session.here_mut() else {
            return;
        };
        if member.address != address {
            member.address = address;
            let (name, owner) = (member.name.clone(), member.owner);
            self.tell_presence(name, owner, Presence::Online { address });
        }
    }

    /// Whoever was logged in here without a word is offline now.
    pub(super) fn leave(&mut self, key: PublicKey, why: Why) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some(Member { name, owner, .. }) = session.member.take() else {
            return;
        };
        if self.present.get(&name) == Some(&key) {
            self.present.remove(&name);
        }
        self.event(Event::Silent { who: name.clone() });
        self.detach(&name, owner);
        self.tell_presence(name, owner, Presence::Offline(why));
    }

    /// Ends a session. Whoever was logged in on it is no longer, and nobody else hears of it.
    pub(super) fn end(&mut self, key: PublicKey, code: CloseCode) {
        self.links.close(self.now, &key, code, "");
        self.forget(key);
    }

    fn forget(&mut self, key: PublicKey) {
        let Some(session) = self.sessions.remove(&key) else {
            return;
        };
        let timers = [
            Timer::Backlog(key),
            Timer::Farewell(key),
            Timer::Former(key),
            Timer::Letters(key),
            Timer::Probe(key),
            Timer::Silence(key),
            Timer::Unacked(key),
            Timer::Unregistered(key),
        ];
        for timer in timers {
            self.timers.cancel(&timer);
        }
        if let Some(member) = &session.member
            && self.present.get(&member.name) == Some(&key)
        {
            self.present.remove(&member.name);
        }
        for (rival, life) in session.check.into_iter().flat_map(|check| check.rivals) {
            self.on_rival_checked(rival, life, false);
        }
    }

    pub(super) fn tell_presence(&mut self, name: Name, owner: Version, presence: Presence) {
        if planted!("change-before-durable")
            && let Some(mut row) = self.names.row(&name).cloned()
        {
            row.presence = presence;
            let at = Version(self.names.head().0 + 1);
            self.names.apply(at, &name, Some(row));
            self.table_changed();
        }
        let request = StoreRequest::Presence {
            name,
            owner,
            presence,
        };
        self.ask(request, Purpose::Presence);
    }

    /// Where somebody is who is logged in under this claim.
    pub(super) fn address_of(&self, name: &Name, owner: Version) -> Option<SocketAddr> {
        let key = self.present.get(name)?;
        let member = self.sessions.get(key)?.here()?;
        (member.owner == owner).then_some(member.address)
    }

    pub(super) fn detach(&mut self, name: &Name, owner: Version) {
        let name = name.clone();
        self.ask(StoreRequest::Detach { name, owner }, Purpose::Detach);
    }

    /// The server has run for a while: who was online before its start and has not come back is
    /// offline.
    pub(super) fn on_unconfirmed(&mut self) {
        let gone = |row: &&super::port::NameRow| {
            let online = matches!(row.presence, Presence::Online { .. });
            online && !self.present.contains_key(&row.name)
        };
        let gone = self.names.rows().filter(gone);
        let gone: Vec<_> = gone.map(|row| (row.name.clone(), row.owner)).collect();
        for (name, owner) in gone {
            self.tell_presence(name, owner, Presence::Offline(Why::TimedOut));
        }
    }
}
