//! Answers to what was asked of the server: groups, lists, leaving; and its refusals.

use super::asks::{Ask, What};
use super::event::{Event, GroupAction};
use super::{Client, Ending, Mode, Outcome, RequestError, RequestId};
use crate::model::limits::{CALM, GROUPS_MAX, NAMES_MAX, PAUSE_MAX};
use crate::model::{GroupName, MessageId};
use crate::wire::packet::{Audience, RefusalCode};
use std::str::FromStr;
use std::time::Duration;

impl Client {
    /// The server did what was asked.
    pub(super) fn on_done(&mut self, id: MessageId) {
        if self.last_dereg_done(id) {
            return;
        }
        let Some(Ask { what, request, .. }) = self.answered(id) else {
            return;
        };
        match what {
            What::Create(group) => {
                self.view.groups.insert(group.clone());
                self.tell_group(request, group, GroupAction::Created);
                self.settle_any(request, Ok(Outcome::Done));
            }
            What::Dereg => self.on_left(request),
            What::Exit => {
                self.on_left(None);
                self.end(Ending::Left);
                return;
            }
            What::Join(group) => {
                self.view.groups.insert(group.clone());
                self.view.mode = Mode::Group(group.clone());
                self.inbox.entered(&Audience::Group(group.clone()));
                self.tell_group(request, group, GroupAction::Joined);
                self.settle_any(request, Ok(Outcome::Done));
            }
            What::Leave(group) => {
                self.leave_group(group, GroupAction::Left);
                self.settle_any(request, Ok(Outcome::Done));
            }
            What::ListGroups(_)
            | What::ListMembers(..)
            | What::Lookup(_)
            | What::Message { .. } => self.settle_any(request, Ok(Outcome::Done)),
        }
        self.pump_asks();
    }

    /// A page of a list.
    pub(super) fn on_names(&mut self, id: MessageId, more: bool, tail: &[u8]) {
        let Some(Ask { what, request, .. }) = self.answered(id) else {
            return;
        };
        match what {
            What::ListGroups(mut groups) => {
                let page = names(tail);
                let more = more && !page.is_empty() && groups.len() < GROUPS_MAX;
                groups.extend(page);
                if more {
                    self.ask(What::ListGroups(groups), request);
                } else {
                    self.view.groups.extend(groups.iter().cloned());
                    self.tell_for(request, Event::Groups(groups));
                    self.settle_any(request, Ok(Outcome::Done));
                }
            }
            What::ListMembers(group, mut members) => {
                let page = names(tail);
                let more = more && !page.is_empty() && members.len() < NAMES_MAX;
                members.extend(page);
                if more {
                    self.ask(What::ListMembers(group, members), request);
                } else {
                    self.tell_for(request, Event::Members { group, members });
                    self.settle_any(request, Ok(Outcome::Done));
                }
            }
            _ => self.settle_any(request, Ok(Outcome::Done)),
        }
        self.pump_asks();
    }

    /// The server will not do what was asked.
    pub(super) fn on_refused(
        &mut self,
        id: MessageId,
        code: RefusalCode,
        text: Box<str>,
        after_ms: Option<u64>,
    ) {
        if self.login_refused(id, &code, &text, after_ms) {
            return;
        }
        if code == RefusalCode::NotRegistered && self.asks.contains(id) {
            self.not_registered();
            return;
        }
        let Some(ask) = self.answered(id) else {
            return;
        };
        let pause = after_ms.map_or(CALM, Duration::from_millis);
        let for_a_while = matches!(code, RefusalCode::Busy | RefusalCode::TooFast);
        if for_a_while && pause <= PAUSE_MAX {
            self.pause_asks(ask, pause);
            return;
        }
        if self.is_in_doubt(&ask, &code) {
            self.leave_in_doubt(id, &code);
            return;
        }
        let Ask { what, request, .. } = ask;
        match (what, code) {
            (What::Message { .. }, code) => self.on_message_refused(id, &code, text),
            (What::Create(group), RefusalCode::GroupExists) => {
                self.view.groups.insert(group.clone());
                self.settle_any(request, Err(RequestError::GroupExists(group)));
            }
            (What::Join(group), RefusalCode::NoSuchGroup) => {
                self.view.groups.remove(&group);
                self.settle_any(request, Err(RequestError::UnknownGroup(group)));
            }
            (
                What::Leave(group) | What::ListMembers(group, _),
                RefusalCode::NotMember | RefusalCode::NoSuchGroup,
            ) => {
                self.leave_group(group, GroupAction::Removed);
                self.settle_any(request, Err(RequestError::NotMember));
            }
            (_, code) => self.settle_any(request, Err(refusal(&code, text))),
        }
        self.pump_asks();
    }

    /// Back to no group, and what was held is shown.
    pub(super) fn leave_group(&mut self, group: GroupName, action: GroupAction) {
        if self.view.mode == Mode::Group(group.clone()) {
            self.view.mode = Mode::Normal;
        }
        self.tell_group(None, group, action);
        self.release_held();
    }

    fn tell_group(&mut self, request: Option<RequestId>, group: GroupName, action: GroupAction) {
        let who = self.view.name.clone();
        self.tell_for(request, Event::Group { group, action, who });
    }
}

/// What a refusal means to who asked.
pub(super) fn refusal(code: &RefusalCode, text: Box<str>) -> RequestError {
    let words = if text.is_empty() {
        code.to_string().into()
    } else {
        text
    };
    match code {
        RefusalCode::Busy | RefusalCode::TooFast | RefusalCode::RelayLimit => {
            RequestError::RateLimited
        }
        RefusalCode::MailboxFull
        | RefusalCode::PairFull
        | RefusalCode::StoreFull
        | RefusalCode::NoStore
        | RefusalCode::TooMany => RequestError::Quota(words),
        RefusalCode::NotMember => RequestError::NotMember,
        _ => RequestError::Refused(words),
    }
}

/// Names, one per line; what is no name is left out.
pub(super) fn names<T: FromStr>(tail: &[u8]) -> Vec<T> {
    let text = String::from_utf8_lossy(tail);
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_room_is_told_in_the_servers_words() {
        for (text, told) in [
            (
                "the mailbox is full",
                "the server has no room: the mailbox is full",
            ),
            ("", "the server has no room: mailbox-full"),
        ] {
            let error = refusal(&RefusalCode::MailboxFull, text.into());
            assert_eq!(error.to_string(), told);
        }
    }
}
