//! What happens at a server, for its console and its operator's programs; and the console's words.

use crate::model::{GroupName, MessageId, Name};
use std::net::SocketAddr;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are named by what they are")]
pub enum Event {
    /// A recipient has a message durably.
    Delivered { from: Name, to: Name, id: MessageId },
    /// A message was given up before its recipient had it; told when its sender learns of it.
    Expired { to: Name, id: MessageId },
    /// A client created a group; `Groups` follows.
    GroupCreated { by: Name, group: GroupName },
    /// A client wanted to create a group that exists.
    GroupExists { by: Name, group: GroupName },
    /// A client became a member; `Groups` follows.
    GroupJoined { by: Name, group: GroupName },
    /// A client is a member no more; `Groups` follows.
    GroupLeft { by: Name, group: GroupName },
    /// A group message was accepted; its text only if the operator asked for it and can read it.
    GroupMessage {
        by: Name,
        group: GroupName,
        text: Option<String>,
    },
    /// A member that left for good was met by a group message; `Groups` follows.
    GroupRemoved { who: Name, group: GroupName },
    /// A client wanted to join a group that does not exist.
    GroupUnknown { by: Name, group: GroupName },
    /// All groups in order of creation with their members in order of joining.
    Groups { groups: Vec<(GroupName, Vec<Name>)> },
    /// The store's health changed.
    Health { degraded: bool },
    /// A client left, by its own word.
    Left { who: Name },
    /// A client asked for the groups.
    ListedGroups { by: Name, groups: Vec<GroupName> },
    /// A client asked for the members of its group.
    ListedMembers {
        by: Name,
        group: GroupName,
        members: Vec<Name>,
    },
    /// A name was refused: it belongs to another key, or its holder is here.
    NameRefused { name: Name },
    /// A client logged in.
    Registered { who: Name, address: SocketAddr },
    /// A client was found silent, or its session ended without a word.
    Silent { who: Name },
    /// A message was accepted; `to` is none for many recipients.
    Stored {
        from: Name,
        to: Option<Name>,
        id: MessageId,
    },
    /// The table changed; told once for changes close together.
    TableChanged,
}

impl Event {
    /// The console lines; empty for events that have none.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::GroupCreated { by, group } => {
                vec![format!("[Client {by} created group {group} successfully.]")]
            }
            Self::GroupExists { by, group } => vec![format!(
                "[Client {by} creating group {group} failed, group already exists.]"
            )],
            Self::GroupJoined { by, group } => vec![format!("[Client {by} Joined Group {group}.]")],
            Self::GroupLeft { by, group } => vec![format!("[Client {by} left group {group}]")],
            Self::GroupMessage { by, group, text } => {
                let tail = text
                    .as_ref()
                    .map_or_else(String::new, |text| format!(", message is {text}"));
                vec![format!(
                    "[Client {by} sent group message to group {group}{tail}]"
                )]
            }
            Self::GroupRemoved { who, group } => {
                vec![format!(
                    "[Client {who} not responsive, removed from {group}.]"
                )]
            }
            Self::GroupUnknown { by, group } => vec![format!(
                "[Client {by} joining group {group} failed, group does not exist.]"
            )],
            Self::Groups { groups } => {
                vec![format!(
                    "[The current group chats info are: {}]",
                    json(groups)
                )]
            }
            Self::ListedGroups { by, groups } => {
                let title = format!("[Client {by} requested listing groups, current groups:]");
                listed(title, groups.iter().map(GroupName::as_str))
            }
            Self::ListedMembers { by, group, members } => {
                let title = format!("[Client {by} requested listing members of group {group}:]");
                listed(title, members.iter().map(Name::as_str))
            }
            Self::NameRefused { name } => {
                vec![format!(
                    "[Registration request rejected - name {name} used.]"
                )]
            }
            Self::Health { degraded: true } => {
                vec!["[The disk takes nothing new: messages and new names are refused.]".into()]
            }
            Self::Health { degraded: false } => vec!["[The disk is well again.]".into()],
            Self::TableChanged => vec!["[Client table updated.]".into()],
            Self::Delivered { .. }
            | Self::Expired { .. }
            | Self::Left { .. }
            | Self::Registered { .. }
            | Self::Silent { .. }
            | Self::Stored { .. } => Vec::new(),
        }
    }
}

fn listed<'a>(title: String, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    std::iter::once(title)
        .chain(names.map(|name| format!("[{name}]")))
        .collect()
}

/// `{"g":["x","y"]}`. Names have no characters that JSON escapes.
fn json(groups: &[(GroupName, Vec<Name>)]) -> String {
    let quoted = |name: &str| format!("\"{name}\"");
    let group = |(group, members): &(GroupName, Vec<Name>)| {
        let members: Vec<_> = members.iter().map(|name| quoted(name.as_str())).collect();
        format!("{}:[{}]", quoted(group.as_str()), members.join(","))
    };
    let groups: Vec<_> = groups.iter().map(group).collect();
    format!("{{{}}}", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_speaks_the_words_of_the_design() {
        let (x, y): (Name, Name) = ("x".parse().unwrap(), "y".parse().unwrap());
        let (g, h): (GroupName, GroupName) = ("g".parse().unwrap(), "h".parse().unwrap());
        let check = |event: Event, lines: &[&str]| assert_eq!(event.lines(), lines);
        let (by, group) = (x.clone(), g.clone());
        check(
            Event::GroupCreated { by, group },
            &["[Client x created group g successfully.]"],
        );
        let (by, group, text) = (x.clone(), g.clone(), Some("hi".into()));
        check(
            Event::GroupMessage { by, group, text },
            &["[Client x sent group message to group g, message is hi]"],
        );
        check(
            Event::Groups {
                groups: vec![(g.clone(), vec![x.clone(), y]), (h, Vec::new())],
            },
            &[r#"[The current group chats info are: {"g":["x","y"],"h":[]}]"#],
        );
        check(
            Event::ListedGroups {
                by: x,
                groups: vec![g],
            },
            &[
                "[Client x requested listing groups, current groups:]",
                "[g]",
            ],
        );
    }
}
