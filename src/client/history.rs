//! What was said before, and messages that are given up.

use super::disk::Then;
use super::event::{By, Reason, Report};
use super::outbox::Phase;
use super::port::{Done, Recall, StoreRequest};
use super::request::RequestId;
use super::{Client, Outcome, RequestError};
use crate::model::Delivery;

impl Client {
    /// Asks our own disk; nothing is sent.
    pub(super) fn recall(&mut self, request: RequestId, recall: Recall) {
        let then = if recall == Recall::Unread {
            Then::Count(request)
        } else {
            Then::Recall(request)
        };
        self.ask_disk(StoreRequest::Recall(recall), then);
    }

    pub(super) fn on_counted(&mut self, request: RequestId, done: Option<Done>) {
        let how = match done {
            Some(Done::Recalled(entries)) => Ok(Outcome::Recalled(entries)),
            _ => Err(RequestError::Disk),
        };
        self.settle(request, how);
    }

    /// What is held while in a group is unread no more if somebody looks it up.
    pub(super) fn on_recalled(&mut self, request: RequestId, done: Option<Done>) {
        if let Some(Done::Recalled(entries)) = &done {
            self.read_held(entries);
        }
        self.on_counted(request, done);
    }

    /// Gives up a message that nobody has confirmed. Datagrams with it may have left, so nothing is
    /// said about its arrival.
    pub(super) fn cancel(&mut self, request: RequestId, digits: &str) {
        let how = match self.outbox.find(digits)[..] {
            [] => Err(RequestError::NoSuchMessage),
            [id] => match self.outbox.get(id) {
                Some(out) if out.message.state >= Delivery::Stored || is_kept(&out.phase) => {
                    Err(RequestError::TooLate)
                }
                Some(out) => Ok(out.report(Delivery::Failed)),
                None => Err(RequestError::NoSuchMessage),
            },
            [_, _, ..] => Err(RequestError::Ambiguous),
        };
        match how {
            Ok(report) => {
                let report = Report {
                    by: By::Oneself,
                    reason: Some(Reason::Cancelled),
                    ..report
                };
                self.finish(&report, Err(RequestError::Cancelled));
                self.settle(request, Ok(Outcome::Done));
            }
            Err(why) => self.settle(request, Err(why)),
        }
    }
}

/// True if the server has said that it has it.
const fn is_kept(phase: &Phase) -> bool {
    matches!(phase, Phase::Open { .. } | Phase::Saved)
}
