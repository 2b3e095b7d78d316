//! What was said before, and messages that are given up.

use super::disk::Then;
use super::event::{By, Reason, Report};
use super::outbox::Phase;
use super::port::{Done, Entry, Recall, StoreRequest};
use super::request::RequestId;
use super::{Client, Outcome, RequestError};
use crate::model::Delivery;
use crate::model::limits::{RECALL_BYTES_MAX, TEXT_BYTES_MAX};

impl Client {
    /// Asks our own disk; nothing is sent.
    pub(super) fn recall(&mut self, request: RequestId, mut recall: Recall) {
        let then = match &mut recall {
            Recall::History { count, .. } | Recall::Search { count, .. } => {
                let wanted = *count;
                // Whether there is one more is told, too.
                *count = wanted.saturating_add(1);
                Then::Recall(request, wanted)
            }
            Recall::Outbox => Then::Recall(request, usize::MAX),
            Recall::Unread => Then::Count(request),
        };
        self.ask_disk(StoreRequest::Recall(recall), then);
    }

    pub(super) fn on_counted(&mut self, request: RequestId, done: Option<Done>) {
        let how = match done {
            Some(Done::Recalled(entries)) => Ok(recalled(entries, usize::MAX)),
            _ => Err(RequestError::Disk),
        };
        self.settle(request, how);
    }

    /// What is held while in a group is unread no more if somebody looks it up.
    pub(super) fn on_recalled(&mut self, request: RequestId, count: usize, done: Option<Done>) {
        let how = match done {
            Some(Done::Recalled(entries)) => Ok(recalled(entries, count)),
            _ => Err(RequestError::Disk),
        };
        if let Ok(Outcome::Recalled { entries, .. }) = &how {
            self.read_held(entries);
        }
        self.settle(request, how);
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

/// The newest of what was found; a store that comes near its limit may have left some out.
fn recalled(mut entries: Vec<Entry>, count: usize) -> Outcome {
    let surplus = entries.len().saturating_sub(count);
    entries.drain(..surplus);
    let bytes: usize = entries.iter().map(|entry| entry.text.len()).sum();
    let is_whole = surplus == 0 && bytes + TEXT_BYTES_MAX <= RECALL_BYTES_MAX;
    Outcome::Recalled { entries, is_whole }
}

/// True if the server has said that it has it.
const fn is_kept(phase: &Phase) -> bool {
    matches!(phase, Phase::Open { .. } | Phase::Saved)
}
