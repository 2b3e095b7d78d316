//! Receipts and expiries: the server's last word about what was sent, told after the table they
//! belong to.

use super::event::{By, Event, Report, Via};
use super::port::InMessage;
use super::{Client, Timer};
use crate::model::limits::OUTCOME;
use crate::model::{Delivery, Instant, MessageId, Name};
use crate::wire::packet::{MailHead, MailKind};

/// A receipt of somebody whose return the table does not show yet.
pub(super) struct Notice {
    due: Instant,
    from: Name,
    event: Event,
}

impl Notice {
    /// What a notice is about, as bytes for the store: kind, message, time of acceptance.
    pub(super) fn body(mail: &MailHead) -> Box<[u8]> {
        let kind = u8::from(mail.kind == MailKind::Expired);
        let of = mail.of.unwrap_or(MessageId(0)).to_bytes();
        let stored = mail.stored_ms.map_or([0; 8], i64::to_be_bytes);
        [&[kind][..], &of, &stored].concat().into()
    }
}

/// The state, the message and its time of acceptance; None if the bytes are not ours.
fn read(body: &[u8]) -> Option<(Delivery, MessageId, Option<i64>)> {
    let (kind, rest) = body.split_first()?;
    let (of, rest) = rest.split_first_chunk::<16>()?;
    let stored = i64::from_be_bytes(rest.try_into().ok()?);
    let state = if *kind == 0 {
        Delivery::Delivered
    } else {
        Delivery::Expired
    };
    let stored = Some(stored).filter(|ms| *ms != 0);
    Some((state, MessageId::from_bytes(*of), stored))
}

impl Client {
    /// A notice that is durable here and was not told before.
    pub(super) fn on_notice(&mut self, message: &InMessage) {
        self.mark_shown(vec![(message.from.clone(), message.id)]);
        let Some((state, of, stored_ms)) = read(&message.body) else {
            return;
        };
        let direct = self.on_last_word(of, &message.from, state, stored_ms);
        let report = match direct {
            Some(report) => report,
            None if message.audience.is_some() => Report {
                id: of,
                to: Some(message.from.clone()),
                audience: message.audience.clone(),
                state,
                by: By::Server,
                via: Some(Via::Server),
                late: false,
                was_stored: true,
                after_live_try: false,
                reason: None,
                sent_ms: stored_ms,
                rtt_us: None,
                text: None,
            },
            // It ended with an ack of the recipient: there is nothing more to say.
            None => return,
        };
        let late = message.late && self.inbox.batch.is_some();
        let event = Event::Delivery(Report {
            late,
            ..report.clone()
        });
        if !late || !self.batch_notice(message.at_ms, &event) {
            self.tell_in_turn(message.from.clone(), event, report.was_stored);
        }
        if report.audience.is_none() {
            self.retire(&report, Ok(()));
        }
    }

    /// Who took stored mail has come back: the table says so first.
    fn tell_in_turn(&mut self, from: Name, event: Event, was_stored: bool) {
        if was_stored && self.is_away(&from) {
            let due = self.now.instant + OUTCOME;
            self.inbox.notices.push_back(Notice { due, from, event });
            if self.timers.get(&Timer::Notice).is_none() {
                self.timers.set(Timer::Notice, due);
            }
        } else {
            self.tell(event);
        }
    }

    /// The table has changed: who is back may be told of.
    pub(super) fn release_returned(&mut self) {
        for notice in std::mem::take(&mut self.inbox.notices) {
            if self.is_away(&notice.from) {
                self.inbox.notices.push_back(notice);
            } else {
                self.tell(notice.event);
            }
        }
    }

    /// The table did not tell in time.
    pub(super) fn release_notices(&mut self) {
        let now = self.now.instant;
        while self.inbox.notices.front().is_some_and(|n| n.due <= now) {
            if let Some(notice) = self.inbox.notices.pop_front() {
                self.tell(notice.event);
            }
        }
        if let Some(next) = self.inbox.notices.front() {
            self.timers.set(Timer::Notice, next.due);
        }
    }
}
