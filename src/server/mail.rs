//! Messages through the server: kept first, confirmed then, handed over from the mailbox.

use super::ask::{Answer, Purpose, code_of};
use super::budget::Work;
use super::envelope::Envelope;
use super::port::{Done, Mail, StoreRequest, Taken};
use super::session::{Cargo, Letter, Load, Member, Step};
use super::{Event, Server, Timer};
use crate::model::limits::{
    ANSWER_MAX, CLOCK_DRIFT, DAY_MS, ENC_BYTES_MAX, EXPIRE_ROWS_MAX, EXPIRY_DELAY, EXPIRY_GAP,
    MAIL_ACKS_MAX, MAIL_DAYS, REQUESTS_IN_FLIGHT_MAX, SLOT, STORE_RETRY_MAX, TAIL_BYTES_MAX,
    TEXT_BYTES_MAX,
};
use crate::model::{Instant, MessageId, Name, PublicKey, Version};
use crate::planted;
use crate::wire::packet::{Audience, MailHead, MailKind, RefusalCode, Stamp, StoredState};
use crate::wire::{Head, Packet};
use std::sync::Arc;
use std::time::Duration;

/// Who sent a message that the store is asked to keep.
#[derive(Clone, Debug)]
pub(super) struct MailAsk {
    pub(super) key: PublicKey,
    pub(super) life: u64,
    pub(super) mail: Arc<Mail>,
    pub(super) to: Addressee,
}

/// For whom it is.
#[derive(Clone, Debug)]
pub(super) enum Addressee {
    Audience { audience: Audience, count: usize },
    One { name: Name, live: bool },
}

impl MailAsk {
    /// The type of the request.
    pub(super) const fn re(&self) -> &'static str {
        match self.to {
            Addressee::Audience { .. } => "gmsg",
            Addressee::One { .. } => "store",
        }
    }
}

/// Whose letters the store is told to be taken.
#[derive(Clone, Debug)]
pub(super) struct SettleAsk {
    key: PublicKey,
    owner: Version,
    name: Name,
    letters: Vec<(u64, Arc<Mail>)>,
}

/// A message as it came, before it is a mail.
pub(super) struct Draft {
    pub(super) id: MessageId,
    pub(super) stamp: Stamp,
    pub(super) auto: bool,
    pub(super) enc: Option<Box<str>>,
    pub(super) text: Vec<u8>,
}

impl Server {
    /// `store`: keep this for one other.
    pub(super) fn on_store(&mut self, key: PublicKey, head: Head, text: Vec<u8>) {
        let Head::Store {
            id,
            to,
            stamp,
            live,
            auto,
            enc,
        } = head
        else {
            return;
        };
        let draft = Draft {
            id,
            stamp,
            auto,
            enc,
            text,
        };
        let Some(from) = self.may_send(key, &draft, "store", Work::Message) else {
            return;
        };
        if from == to {
            return self.refuse_request(key, id, "store", &RefusalCode::Malformed);
        }
        if self.names.row(&to).is_none() {
            return self.refuse_request(key, id, "store", &RefusalCode::NoSuchName);
        }
        let mail = self.mail(from, draft, None);
        let addressee = Addressee::One {
            name: to.clone(),
            live,
        };
        self.keep(key, mail, vec![to], addressee);
    }

    /// Everything that is asked of any message: size, budget, requests in flight. Not whether the
    /// store can write: it may be one that it has already, and only the store knows.
    ///
    /// None: it was refused, or is being worked on already. Its id is in flight from here on.
    pub(super) fn may_send(
        &mut self,
        key: PublicKey,
        draft: &Draft,
        re: &str,
        work: Work,
    ) -> Option<Name> {
        let name = self.name_of(&key)?.clone();
        let text_max = if draft.enc.is_some() {
            TAIL_BYTES_MAX
        } else {
            TEXT_BYTES_MAX
        };
        let enc_bytes = draft.enc.as_ref().map_or(0, |enc| enc.len());
        let wrong = if draft.text.is_empty() || enc_bytes > ENC_BYTES_MAX {
            Some(RefusalCode::Malformed)
        } else if draft.text.len() > text_max {
            Some(RefusalCode::TooLong)
        } else if planted!("doubt-is-failure") && self.is_degraded() {
            Some(RefusalCode::NoStore)
        } else {
            None
        };
        if let Some(code) = wrong {
            self.refuse(key, draft.id, re, &code);
            return None;
        }
        self.begin(key, draft.id, re)?;
        if let Err(after) = self.budgets.work(self.now.instant, &name, work) {
            self.sessions.get_mut(&key)?.asking.remove(&draft.id);
            self.refuse_after(key, draft.id, re, &RefusalCode::TooFast, after);
            return None;
        }
        Some(name)
    }

    /// Counts a request that waits for the store; none if it waits already or too many do.
    pub(super) fn begin(&mut self, key: PublicKey, id: MessageId, re: &str) -> Option<u64> {
        let session = self.sessions.get_mut(&key)?;
        if session.asking.contains(&id) {
            return None;
        }
        if session.asking.len() >= REQUESTS_IN_FLIGHT_MAX {
            self.refuse_after(key, id, re, &RefusalCode::Busy, SLOT);
            return None;
        }
        session.asking.insert(id);
        Some(session.life)
    }

    /// Refuses a request that was counted.
    pub(super) fn refuse_request(
        &mut self,
        key: PublicKey,
        id: MessageId,
        re: &str,
        code: &RefusalCode,
    ) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.asking.remove(&id);
        }
        self.refuse(key, id, re, code);
    }

    /// A message with the server's time of acceptance.
    pub(super) fn mail(&self, from: Name, draft: Draft, audience: Option<Audience>) -> Arc<Mail> {
        let at_ms = self.now.wall.unix_ms;
        let kind = if audience.is_some() {
            MailKind::Group
        } else {
            MailKind::Direct
        };
        let envelope = Envelope {
            audience,
            stamp: Some(draft.stamp),
            auto: draft.auto,
            enc: draft.enc,
            ..Envelope::default()
        };
        Arc::new(Mail {
            id: draft.id,
            from,
            kind,
            at_ms,
            expires_ms: at_ms.saturating_add(MAIL_DAYS * DAY_MS),
            head: envelope.encode(),
            tail: draft.text.into(),
        })
    }

    pub(super) fn keep(&mut self, key: PublicKey, mail: Arc<Mail>, to: Vec<Name>, of: Addressee) {
        let life = self.sessions.get(&key).expect("it asks").life;
        if let Addressee::One { name, .. } = &of {
            self.keep_wrongly(key, &mail, name);
        }
        let request = StoreRequest::Enqueue {
            mail: Arc::clone(&mail),
            to,
        };
        let ask = MailAsk {
            key,
            life,
            mail,
            to: of,
        };
        self.ask(request, Purpose::Mail(ask));
    }

    /// Where bugs are planted, a message is saved or handed over before it is kept.
    fn keep_wrongly(&mut self, key: PublicKey, mail: &Arc<Mail>, to: &Name) {
        if planted!("stored-before-commit") {
            let head = Head::Stored {
                id: mail.id,
                at_ms: mail.at_ms,
                state: StoredState::Waiting,
                online: false,
            };
            self.send(key, head, Vec::new());
        }
        if planted!("mail-before-commit")
            && let Some(row) = self.names.row(to)
        {
            self.on_mail(to, row.owner, Arc::clone(mail));
        }
    }

    /// The store has the message, or refuses it. Only this says "saved".
    pub(super) fn on_kept(&mut self, ask: MailAsk, answer: &Answer) {
        let waits = self.asked_by(ask.key, ask.life, ask.mail.id);
        let id = ask.mail.id;
        match answer {
            Ok(Done::Kept {
                at_ms,
                settled,
                full,
            }) => {
                let first = *at_ms == ask.mail.at_ms && !settled;
                match ask.to {
                    Addressee::Audience { audience, count } => {
                        self.on_group_kept(&ask.mail, &audience, first);
                        if waits {
                            self.answer_group(ask.key, id, *at_ms, count, full);
                        }
                    }
                    Addressee::One { name, live } => {
                        let (from, to) = (ask.mail.from.clone(), Some(name.clone()));
                        if first {
                            self.event(Event::Stored { from, to, id });
                        }
                        let online = self.names.is_online(&name);
                        if waits {
                            let state = if *settled {
                                StoredState::Taken
                            } else {
                                StoredState::Waiting
                            };
                            let head = Head::Stored {
                                id,
                                at_ms: *at_ms,
                                state,
                                online,
                            };
                            self.send(ask.key, head, Vec::new());
                        }
                        // A live try failed: the suspect is asked, whoever says so.
                        if live
                            && !settled
                            && let Some(suspect) = self.present.get(&name).copied()
                        {
                            if planted!("suspicion-believed") {
                                self.leave(suspect, super::port::Why::Silent);
                                self.end(suspect, crate::wire::CloseCode::Silent);
                            }
                            self.check(suspect, None);
                        }
                    }
                }
            }
            Err(refusal) if waits => self.refuse(ask.key, id, ask.re(), &code_of(*refusal)),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Handing over.
impl Server {
    /// A mail of an attached mailbox, old or new.
    pub(super) fn on_mail(&mut self, name: &Name, owner: Version, mail: Arc<Mail>) {
        let Some(key) = self.present.get(name).copied() else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some(member) = session.member.as_mut().filter(|m| m.owner == owner) else {
            return;
        };
        if mail.kind == MailKind::Expired
            && let Some(id) = Envelope::decode(&mail.head).and_then(|envelope| envelope.of)
        {
            let to = mail.from.clone();
            self.outputs
                .push_back(super::Output::Event(Event::Expired { to, id }));
        }
        member.letters.push_back(Letter {
            mail,
            number: member.fed,
            step: Step::Held,
            sends: 0,
        });
        member.fed += 1;
        self.pump_letters(key);
    }

    /// Sends the letters that are to be sent, in order.
    pub(super) fn pump_letters(&mut self, key: PublicKey) {
        while let Some((number, bytes)) = self.next_letter(&key) {
            let Some(parcel) = self.send_bytes(key, bytes) else {
                return;
            };
            let since = self.now.instant;
            let session = self.sessions.get_mut(&key).expect("its letter was sent");
            let cargo = Cargo::Letter(number);
            session.outstanding.insert(parcel, Load { cargo, since });
            let member = session.here_mut().expect("its letter was sent");
            let letter = member.letter(number).expect("it was just there");
            letter.step = Step::Sent;
            letter.sends += 1;
            let id = letter.mail.id;
            self.carry(parcel, key);
            if planted!("mail-deleted-at-send") {
                self.on_mail_ack(key, &id.to_bytes());
            }
        }
    }

    fn next_letter(&self, key: &PublicKey) -> Option<(u64, Vec<u8>)> {
        let member = self.sessions.get(key)?.here()?;
        // Acknowledgements name ids only: of two letters with the same id one waits for the other.
        let alone = |letter: &Letter| {
            let same = member
                .letters
                .iter()
                .filter(|l| l.mail.id == letter.mail.id);
            same.map(|l| l.number).min() == Some(letter.number)
        };
        let waits = |letter: &&Letter| letter.step == Step::Held && alone(letter);
        let letter = member.letters.iter().find(waits)?;
        let off = letter.number < member.announced;
        let head = Head::Mail(head_of(&letter.mail, off));
        let tail = letter.mail.tail.to_vec();
        Some((letter.number, Packet { head, tail }.encode()))
    }

    /// The link has settled a letter; now its `mailack` is awaited.
    pub(super) fn on_letter_settled(&mut self, key: PublicKey, number: u64) {
        let now = self.now.instant;
        let Some(member) = self.sessions.get_mut(&key).and_then(|s| s.here_mut()) else {
            return;
        };
        let Some(letter) = member.letter(number).filter(|l| l.step == Step::Sent) else {
            return;
        };
        // 10 s, 20 s, then every 30 s.
        let delay = (ANSWER_MAX * letter.sends).min(STORE_RETRY_MAX);
        letter.step = Step::Settled(now + delay);
        let id = letter.mail.id;
        self.arm_letters(key);
        if planted!("mail-deleted-at-link-ack") {
            self.on_mail_ack(key, &id.to_bytes());
        }
    }

    fn arm_letters(&mut self, key: PublicKey) {
        let member = self.sessions.get(&key).and_then(|s| s.here());
        let next = member.and_then(|m| m.letters.iter().filter_map(Letter::due).min());
        if let Some(next) = next {
            self.timers.set(Timer::Letters(key), next);
        }
    }

    pub(super) fn on_letters_due(&mut self, key: PublicKey) {
        let now = self.now.instant;
        if let Some(member) = self.sessions.get_mut(&key).and_then(|s| s.here_mut()) {
            for letter in &mut member.letters {
                if letter.due().is_some_and(|due| due <= now) {
                    letter.step = Step::Held;
                }
            }
        }
        self.pump_letters(key);
        self.arm_letters(key);
    }

    /// The recipient has these durably, by its own word.
    pub(super) fn on_mail_ack(&mut self, key: PublicKey, ids: &[u8]) {
        let (ids, rest) = ids.as_chunks::<16>();
        if !rest.is_empty() || !(1..=MAIL_ACKS_MAX).contains(&ids.len()) {
            return self.on_malformed(key);
        }
        let at_ms = self.now.wall.unix_ms;
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some(member) = session.here_mut() else {
            return;
        };
        let (name, owner, waited) = (member.name.clone(), member.owner, member.waited);
        let (mut mails, mut letters) = (Vec::new(), Vec::new());
        for id in ids {
            let id = MessageId::from_bytes(*id);
            let is_it = |l: &&mut Letter| l.mail.id == id && l.sends > 0 && l.step != Step::Taken;
            let Some(letter) = member.letters.iter_mut().find(is_it) else {
                continue;
            };
            letter.step = Step::Taken;
            let receipt = match letter.mail.kind {
                MailKind::Direct => true,
                MailKind::Group => letter.number < waited,
                MailKind::Expired | MailKind::Receipt => planted!("receipt-for-receipt"),
            };
            let from = letter.mail.from.clone();
            mails.push(Taken { from, id, receipt });
            letters.push((letter.number, Arc::clone(&letter.mail)));
        }
        if mails.is_empty() {
            return;
        }
        let ask = SettleAsk {
            key,
            owner,
            name: name.clone(),
            letters,
        };
        let request = StoreRequest::Settle {
            name,
            owner,
            mails,
            at_ms,
        };
        self.ask(request, Purpose::Settle(ask));
    }

    pub(super) fn on_taken(&mut self, ask: &SettleAsk, answer: &Answer) {
        let done = answer.is_ok();
        let member = self
            .sessions
            .get_mut(&ask.key)
            .and_then(|s| s.member.as_mut());
        if let Some(member) = member.filter(|member| member.owner == ask.owner) {
            let gone = |letter: &Letter| ask.letters.iter().any(|(n, _)| *n == letter.number);
            member.letters.retain(|letter| !gone(letter));
        }
        for (_, mail) in ask
            .letters
            .iter()
            .filter(|(_, mail)| done && mail.is_message())
        {
            let (from, to, id) = (mail.from.clone(), ask.name.clone(), mail.id);
            self.event(Event::Delivered { from, to, id });
        }
        self.pump_letters(ask.key);
    }
}

/// Giving up.
impl Server {
    pub(super) fn arm_expiry(&mut self) {
        let first = self.now.instant + EXPIRY_DELAY;
        self.timers.set(Timer::Expire, first);
    }

    /// Not while the clocks disagree: wall time may be wrong, and expiry is for ever.
    pub(super) fn on_expiry_due(&mut self) {
        self.timers
            .set(Timer::Expire, self.now.instant + EXPIRY_GAP);
        let Some(started) = self.started else {
            return;
        };
        let passed = self.now.instant.since(started.instant);
        let wall_ms = self.now.wall.unix_ms.saturating_sub(started.wall.unix_ms);
        let wall = u64::try_from(wall_ms).map(Duration::from_millis);
        if wall.is_ok_and(|wall| wall.abs_diff(passed) <= CLOCK_DRIFT) {
            let request = StoreRequest::Expire {
                now_ms: self.now.wall.unix_ms,
                rows_max: EXPIRE_ROWS_MAX,
            };
            self.ask(request, Purpose::Expire);
        }
    }

    pub(super) fn on_expired(&mut self, answer: &Answer) {
        if let Ok(Done::Expired { more: true }) = answer {
            self.on_expiry_due();
        }
    }
}

impl Member {
    fn letter(&mut self, number: u64) -> Option<&mut Letter> {
        self.letters
            .iter_mut()
            .find(|letter| letter.number == number)
    }
}

impl Letter {
    /// When it is sent again, if the link has settled it.
    const fn due(&self) -> Option<Instant> {
        match self.step {
            Step::Settled(due) => Some(due),
            Step::Held | Step::Sent | Step::Taken => None,
        }
    }
}

fn head_of(mail: &Mail, off: bool) -> MailHead {
    let envelope = Envelope::decode(&mail.head).unwrap_or_default();
    MailHead {
        kind: mail.kind,
        id: mail.id,
        from: mail.from.clone(),
        audience: envelope.audience,
        of: envelope.of,
        stamp: envelope.stamp,
        at_ms: mail.at_ms,
        off,
        auto: envelope.auto,
        enc: envelope.enc,
        stored_ms: envelope.stored_ms,
    }
}
