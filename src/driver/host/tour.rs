//! The tour of a demonstration: what to try next, after what has really happened. No I/O.

use crate::client::Event;
use crate::client::event::GroupAction;
use crate::model::{Delivery, Name};

/// Knows how far somebody has come.
///
/// It only ever answers to events, and whoever goes another way is met further on.
#[derive(Debug)]
pub struct Tour {
    friend: Name,
    next: Step,
}

/// What is to be seen next, in the order of the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Who is here.
    Table,
    /// The friend's answer.
    Answer,
    /// A group that comes up.
    Created,
    /// Oneself in it.
    Joined,
    /// The friend's answer in it.
    GroupAnswer,
    /// Oneself out of it.
    Left,
    /// The friend is gone.
    Gone,
    /// The server keeps a message for the friend.
    Stored,
    /// The friend has it.
    Delivered,
    /// There is nothing more to show.
    Over,
}

/// What stands above the first notice.
pub const INTRODUCTION: &str =
    "  A server, a friend called echo, and you, all on this machine. Nothing stays.";

impl Tour {
    /// Nothing was seen.
    #[must_use]
    pub const fn new(friend: Name) -> Self {
        let next = Step::Table;
        Self { friend, next }
    }

    /// What to try now, if this event brought somebody further. In a conversation commands begin
    /// with a `/`: then that is the `sign`.
    pub fn watch(&mut self, event: &Event, sign: &str) -> Option<String> {
        // The friend came back before anybody wrote: it has to be sent away again.
        if self.next == Step::Stored && matches!(event, Event::Table { online: 2.., .. }) {
            self.next = Step::Gone;
            return Some(format!(
                "  echo is back. Once more:\n      {sign}send echo bye"
            ));
        }
        let seen = self.seen(event).filter(|seen| *seen >= self.next)?;
        self.next = seen.after();
        let (words, line) = match seen {
            Step::Table => ("To begin, type this and press Enter:", "send echo hello"),
            Step::Answer => (
                "\"Message received\": echo's program has it. Next, a group:",
                "create_group lounge",
            ),
            Step::Created => (
                "echo goes into every group that you make. Go in, too:",
                "join_group",
            ),
            Step::Joined => (
                "The prompt says where you are. Say something to all in the group:",
                "send_group hello",
            ),
            Step::GroupAnswer => (
                "The server passes it on to all who are in the group. Out again:",
                "leave_group",
            ),
            Step::Left => (
                "Last, a friend who is not there. Ask echo to go away:",
                "send echo bye",
            ),
            Step::Gone => (
                "echo is away now. Write to it all the same:",
                "send echo are you there?",
            ),
            Step::Stored => {
                let words = "The server keeps it. echo comes back by itself, in a few seconds.";
                return Some(format!("  {words}"));
            }
            Step::Delivered | Step::Over => {
                return Some(
                    "  echo has it now, and you are told. That was the tour: go on as you like.\n  \
                     help lists all commands, Tab completes them, Ctrl-D leaves."
                        .to_owned(),
                );
            }
        };
        let group = match event {
            Event::Group { group, .. } if seen == Step::Created => format!(" {group}"),
            _ => String::new(),
        };
        Some(format!("  {words}\n      {sign}{line}{group}"))
    }

    /// What an event is in the tour.
    fn seen(&self, event: &Event) -> Option<Step> {
        Some(match event {
            // Somebody is always here: oneself.
            Event::Table { online: ..2, .. } if self.next > Step::Table => Step::Gone,
            Event::Table { .. } => Step::Table,
            Event::Message(arrived) if arrived.from != self.friend => return None,
            Event::Message(arrived) if arrived.audience.is_none() => Step::Answer,
            Event::Message(_) => Step::GroupAnswer,
            Event::Group { action, .. } => match action {
                GroupAction::Created => Step::Created,
                GroupAction::Joined => Step::Joined,
                GroupAction::Left | GroupAction::Removed => Step::Left,
            },
            Event::Delivery(report) if report.to.as_ref() != Some(&self.friend) => return None,
            Event::Delivery(report) => match report.state {
                Delivery::Stored => Step::Stored,
                Delivery::Delivered if report.was_stored => Step::Delivered,
                _ => return None,
            },
            _ => return None,
        })
    }
}

impl Step {
    const fn after(self) -> Self {
        match self {
            Self::Table => Self::Answer,
            Self::Answer => Self::Created,
            Self::Created => Self::Joined,
            Self::Joined => Self::GroupAnswer,
            Self::GroupAnswer => Self::Left,
            Self::Left => Self::Gone,
            Self::Gone => Self::Stored,
            Self::Stored => Self::Delivered,
            Self::Delivered | Self::Over => Self::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::event::{Arrived, By, Report, Via};
    use crate::model::MessageId;
    use crate::wire::packet::Audience;

    fn name(name: &str) -> Name {
        name.parse().unwrap()
    }

    fn table(online: usize) -> Event {
        Event::Table { online, total: 2 }
    }

    fn group(action: GroupAction) -> Event {
        Event::Group {
            group: "tea".parse().unwrap(),
            action,
            who: name("you"),
        }
    }

    fn message(from: &str, audience: Option<Audience>) -> Event {
        Event::Message(Arrived {
            id: MessageId(1),
            from: name(from),
            audience,
            text: "hi".to_owned(),
            via: Via::Peer,
            late: false,
            held: false,
            auto: false,
            sent_ms: 0,
            mark: None,
        })
    }

    fn delivery(state: Delivery) -> Event {
        Event::Delivery(Report {
            id: MessageId(1),
            to: Some(name("echo")),
            audience: None,
            state,
            by: By::Server,
            via: None,
            late: false,
            was_stored: state == Delivery::Delivered,
            after_live_try: false,
            reason: None,
            sent_ms: None,
            rtt_us: None,
            text: None,
        })
    }

    /// The last line of each hint, of one who goes this way.
    fn walk(events: &[Event]) -> Vec<String> {
        let mut tour = Tour::new(name("echo"));
        let hints = events.iter().filter_map(|event| tour.watch(event, ""));
        let last = |hint: String| hint.lines().last().unwrap().trim().to_owned();
        hints.map(last).collect()
    }

    fn whole() -> Vec<Event> {
        let all = Some(Audience::Everybody);
        vec![
            table(2),
            message("echo", None),
            group(GroupAction::Created),
            group(GroupAction::Joined),
            message("echo", all),
            group(GroupAction::Left),
            table(1),
            delivery(Delivery::Stored),
            delivery(Delivery::Delivered),
        ]
    }

    #[test]
    fn who_does_what_it_says_sees_a_message_a_group_and_a_message_to_the_absent() {
        let mut said = walk(&whole());
        assert!(said.pop().unwrap().contains("help lists all commands"));
        assert!(said.pop().unwrap().contains("comes back by itself"));
        let lines = [
            "send echo hello",
            "create_group lounge",
            "join_group tea",
            "send_group hello",
            "leave_group",
            "send echo bye",
            "send echo are you there?",
        ];
        assert_eq!(said, lines);
    }

    #[test]
    fn what_happens_besides_or_again_says_nothing() {
        let events = [
            table(2),
            table(2),
            message("bob", None),
            delivery(Delivery::Acked),
            message("echo", None),
            message("echo", None),
            table(2),
        ];
        assert_eq!(walk(&events), ["send echo hello", "create_group lounge"]);
        let mut twice = whole();
        twice.extend(whole());
        assert_eq!(walk(&twice).len(), whole().len());
    }

    #[test]
    fn who_goes_another_way_is_met_further_on() {
        let events = [table(2), group(GroupAction::Joined)];
        assert_eq!(walk(&events), ["send echo hello", "send_group hello"]);
        let events = [table(2), table(1), table(2), table(1)];
        let said = walk(&events);
        assert_eq!(
            said[1..],
            [
                "send echo are you there?",
                "send echo bye",
                "send echo are you there?"
            ]
        );
    }

    #[test]
    fn in_a_conversation_commands_have_their_sign() {
        let mut tour = Tour::new(name("echo"));
        let hint = tour.watch(&message("echo", None), "/").unwrap();
        assert!(hint.ends_with("/create_group lounge"));
    }
}
