//! Groups: made, joined, left, listed, spoken to. The members are those of the store's last word.

use super::ask::{Answer, Purpose, code_of};
use super::budget::Work;
use super::mail::{Addressee, Draft};
use super::port::{Done, GroupOp, GroupRow, Mail, Refusal, StoreRequest};
use super::{Event, Server};
use crate::model::limits::{DEPARTED_MAX, FANOUT_MAX, GROUPS_SHOWN_MAX, NAMES_PAGE_BYTES};
use crate::model::{GroupName, MessageId, Name, PublicKey};
use crate::wire::Head;
use crate::wire::packet::{Audience, GroupAct, ListOf, LookupOf, RefusalCode};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// The server's copy of all groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    rows: BTreeMap<GroupName, GroupRow>,
    by_order: BTreeMap<u64, GroupName>,
    /// Of each member its groups, joined last last.
    of: BTreeMap<Name, Vec<GroupName>>,
    /// Who left for good, until the next message to the group says so on the console.
    departed: BTreeMap<GroupName, Vec<Name>>,
    departed_count: usize,
}

/// Who asked for a change of a group.
#[derive(Clone, Debug)]
pub(super) struct GroupAsk {
    pub(super) key: PublicKey,
    pub(super) life: u64,
    pub(super) id: MessageId,
    by: Name,
    group: GroupName,
    act: GroupAct,
}

impl Groups {
    /// Takes what the store told.
    pub(super) fn apply(&mut self, group: &GroupName, row: Option<GroupRow>) {
        let before = self.rows.remove(group);
        let before = before
            .map(|row| (row.order, row.members))
            .unwrap_or_default();
        self.by_order.remove(&before.0);
        let after = row.as_ref().map_or(&[][..], |row| &row.members);
        // Members are in order of joining: what both have in front has not changed.
        let same = before
            .1
            .iter()
            .zip(after)
            .take_while(|(a, b)| a == b)
            .count();
        let (gone, come) = (&before.1[same..], &after[same..]);
        let (had, has): (BTreeSet<_>, BTreeSet<_>) = (gone.iter().collect(), come.iter().collect());
        for name in had.difference(&has) {
            if let Some(groups) = self.of.get_mut(*name) {
                groups.retain(|other| other != group);
                if groups.is_empty() {
                    self.of.remove(*name);
                }
            }
        }
        for name in has.difference(&had) {
            let groups = self.of.entry((*name).clone()).or_default();
            groups.push(group.clone());
        }
        if let Some(row) = row {
            self.by_order.insert(row.order, row.group.clone());
            self.rows.insert(row.group.clone(), row);
        }
    }

    /// The group joined last.
    pub(super) fn current(&self, name: &Name) -> Option<&GroupName> {
        self.of.get(name)?.last()
    }

    fn has(&self, name: &Name, group: &GroupName) -> bool {
        self.of
            .get(name)
            .is_some_and(|groups| groups.contains(group))
    }

    /// A member leaves for good; the next message to each of its groups will say so.
    pub(super) fn depart(&mut self, name: &Name) {
        for group in self.of.get(name).cloned().unwrap_or_default() {
            let names = self.departed.entry(group).or_default();
            if self.departed_count < DEPARTED_MAX && !names.contains(name) {
                names.push(name.clone());
                self.departed_count += 1;
            }
        }
    }

    /// Who departed and has not come back.
    fn take_departed(&mut self, group: &GroupName) -> Vec<Name> {
        let mut names = self.departed.remove(group).unwrap_or_default();
        self.departed_count -= names.len();
        names.retain(|name| !self.has(name, group));
        names
    }

    fn in_order(&self) -> impl Iterator<Item = &GroupRow> {
        self.by_order
            .values()
            .filter_map(|group| self.rows.get(group))
    }

    /// Everything, for the console; none if it would be long.
    fn shown(&self) -> Option<Vec<(GroupName, Vec<Name>)>> {
        let entries = self.of.values().map(Vec::len).sum::<usize>() + self.rows.len();
        let row = |row: &GroupRow| (row.group.clone(), row.members.clone());
        (entries <= GROUPS_SHOWN_MAX).then(|| self.in_order().map(row).collect())
    }
}

/// Changes.
impl Server {
    pub(super) fn on_group(
        &mut self,
        key: PublicKey,
        id: MessageId,
        act: GroupAct,
        group: GroupName,
    ) {
        let Some(by) = self.name_of(&key).cloned() else {
            return;
        };
        if let Err(after) = self.budgets.work(self.now.instant, &by, Work::Message) {
            return self.refuse_after(key, id, "group", &RefusalCode::TooFast, after);
        }
        let Some(life) = self.begin(key, id, "group") else {
            return;
        };
        let request = StoreRequest::Group {
            id,
            by: by.clone(),
            group: Some(group.clone()),
            op: match act {
                GroupAct::Create => GroupOp::Create,
                GroupAct::Join => GroupOp::Join,
                GroupAct::Leave => GroupOp::Leave,
            },
        };
        let ask = GroupAsk {
            key,
            life,
            id,
            by,
            group,
            act,
        };
        self.ask(request, Purpose::Group(ask));
    }

    pub(super) fn on_group_done(&mut self, ask: &GroupAsk, answer: &Answer) {
        let waits = self.asked_by(ask.key, ask.life, ask.id);
        let (by, group) = (ask.by.clone(), ask.group.clone());
        match answer {
            Ok(done) => {
                let changed = matches!(done, Done::Changed { .. });
                if changed {
                    self.event(match ask.act {
                        GroupAct::Create => Event::GroupCreated { by, group },
                        GroupAct::Join => Event::GroupJoined { by, group },
                        GroupAct::Leave => Event::GroupLeft { by, group },
                    });
                    self.show_groups();
                }
                if waits {
                    let head = Head::Done {
                        id: ask.id,
                        unchanged: !changed,
                    };
                    self.send(ask.key, head, Vec::new());
                }
            }
            Err(refusal) => {
                match refusal {
                    Refusal::GroupExists => self.event(Event::GroupExists { by, group }),
                    Refusal::NoSuchGroup => self.event(Event::GroupUnknown { by, group }),
                    _ => {}
                }
                if waits {
                    self.refuse(ask.key, ask.id, "group", &code_of(*refusal));
                }
            }
        }
    }

    fn show_groups(&mut self) {
        if let Some(groups) = self.groups.shown() {
            self.event(Event::Groups { groups });
        }
    }
}

/// Messages.
impl Server {
    /// `gmsg`: to the members of this moment, or to everybody.
    pub(super) fn on_group_message(&mut self, key: PublicKey, head: Head, text: Vec<u8>) {
        let Head::GroupMessage {
            id,
            audience,
            stamp,
            auto,
            enc,
        } = head
        else {
            return;
        };
        let work = match audience {
            Audience::Everybody => Work::Everybody,
            Audience::Group(_) => Work::Group,
        };
        let draft = Draft {
            id,
            stamp,
            auto,
            enc,
            text,
        };
        let Some(from) = self.may_send(key, &draft, "gmsg", work) else {
            return;
        };
        match self.recipients(&from, &audience) {
            Err(code) => self.refuse_request(key, id, "gmsg", &code),
            Ok(to) => {
                let count = to.len();
                let mail = self.mail(from, draft, Some(audience.clone()));
                self.keep(key, mail, to, Addressee::Audience { audience, count });
            }
        }
    }

    fn recipients(&self, from: &Name, audience: &Audience) -> Result<Vec<Name>, RefusalCode> {
        let names: Vec<Name> = match audience {
            Audience::Everybody => {
                let names = self.names.rows().map(|row| &row.name);
                let others = names.filter(|name| *name != from);
                others.take(FANOUT_MAX + 1).cloned().collect()
            }
            Audience::Group(group) => {
                let row = self.groups.rows.get(group);
                let row = row.ok_or(RefusalCode::NoSuchGroup)?;
                if !self.groups.has(from, group) {
                    return Err(RefusalCode::NotMember);
                }
                let others = row.members.iter().filter(|name| *name != from);
                others.take(FANOUT_MAX + 1).cloned().collect()
            }
        };
        if names.len() > FANOUT_MAX {
            return Err(RefusalCode::TooMany);
        }
        Ok(names)
    }

    /// What the console says of a message to many, when it is durable for the first time.
    pub(super) fn on_group_kept(&mut self, mail: &Mail, audience: &Audience, first: bool) {
        if !first {
            return;
        }
        let (from, to, id) = (mail.from.clone(), None, mail.id);
        self.event(Event::Stored { from, to, id });
        let Audience::Group(group) = audience else {
            return;
        };
        let envelope = super::Envelope::decode(&mail.head).unwrap_or_default();
        let readable = self.config.log_text && envelope.enc.is_none();
        let text = readable.then(|| String::from_utf8_lossy(&mail.tail).into_owned());
        let (by, group) = (mail.from.clone(), group.clone());
        self.event(Event::GroupMessage {
            by,
            group: group.clone(),
            text,
        });
        let departed = self.groups.take_departed(&group);
        if departed.is_empty() {
            return;
        }
        for who in departed {
            let group = group.clone();
            self.event(Event::GroupRemoved { who, group });
        }
        self.show_groups();
    }

    pub(super) fn answer_group(
        &mut self,
        key: PublicKey,
        id: MessageId,
        at_ms: i64,
        count: usize,
        full: &[Name],
    ) {
        let to = u64::try_from(count.saturating_sub(full.len())).unwrap_or(u64::MAX);
        let names: Vec<_> = full.iter().map(Name::as_str).collect();
        let head = Head::GroupAck { id, at_ms, to };
        self.send(key, head, names.join("\n").into_bytes());
    }
}

/// Questions, answered from the copies.
impl Server {
    pub(super) fn on_list(
        &mut self,
        key: PublicKey,
        id: MessageId,
        of: ListOf,
        group: Option<GroupName>,
        after: Option<&str>,
    ) {
        let Some(by) = self.name_of(&key).cloned() else {
            return;
        };
        if let Err(wait) = self.budgets.work(self.now.instant, &by, Work::Lookup) {
            return self.refuse_after(key, id, "list", &RefusalCode::TooFast, wait);
        }
        let names = match (of, group) {
            (ListOf::Groups, _) => self.list_groups(&by, after),
            (ListOf::Members, Some(group)) => self.list_members(&by, &group, after),
            (ListOf::Members, None) => Err(RefusalCode::Malformed),
        };
        match names {
            Ok((names, more)) => {
                let head = Head::Names { id, more };
                self.send(key, head, names.into_bytes());
            }
            Err(code) => self.refuse(key, id, "list", &code),
        }
    }

    fn list_groups(
        &mut self,
        by: &Name,
        after: Option<&str>,
    ) -> Result<(String, bool), RefusalCode> {
        let from = match after {
            None => 0,
            Some(after) => {
                let after: GroupName = after.parse().map_err(|_| RefusalCode::NoSuchGroup)?;
                let row = self.groups.rows.get(&after);
                row.ok_or(RefusalCode::NoSuchGroup)?.order
            }
        };
        if after.is_none() {
            let (by, groups) = (by.clone(), self.groups.in_order());
            let groups = groups.take(GROUPS_SHOWN_MAX).map(|row| row.group.clone());
            let groups = groups.collect();
            self.event(Event::ListedGroups { by, groups });
        }
        let rest = (Bound::Excluded(from), Bound::Unbounded);
        let later = self.groups.by_order.range(rest);
        Ok(page(later.map(|(_, group)| group.as_str())))
    }

    fn list_members(
        &mut self,
        by: &Name,
        group: &GroupName,
        after: Option<&str>,
    ) -> Result<(String, bool), RefusalCode> {
        if !self.groups.rows.contains_key(group) {
            return Err(RefusalCode::NoSuchGroup);
        }
        if !self.groups.has(by, group) {
            return Err(RefusalCode::NotMember);
        }
        let members = &self.groups.rows.get(group).expect("it is known").members;
        let start = match after {
            None => 0,
            // Who has left meanwhile is no place to go on from: the client asks from the start.
            Some(after) => {
                let is_it = |name: &Name| name.as_str().eq_ignore_ascii_case(after);
                let place = members.iter().position(is_it);
                place.ok_or(RefusalCode::NoSuchName)? + 1
            }
        };
        let names = page(members.iter().skip(start).map(Name::as_str));
        if after.is_none() {
            let members = members.iter().take(GROUPS_SHOWN_MAX).cloned().collect();
            let (by, group) = (by.clone(), group.clone());
            self.event(Event::ListedMembers { by, group, members });
        }
        Ok(names)
    }

    pub(super) fn on_lookup(&mut self, key: PublicKey, id: MessageId, of: &LookupOf) {
        let Some(by) = self.name_of(&key).cloned() else {
            return;
        };
        if let Err(after) = self.budgets.work(self.now.instant, &by, Work::Lookup) {
            return self.refuse_after(key, id, "lookup", &RefusalCode::TooFast, after);
        }
        let name = match of {
            LookupOf::Name(name) => Some(name),
            LookupOf::Key(of) => self.names.of_key(of),
        };
        match name
            .and_then(|name| self.names.encoded(name))
            .map(<[u8]>::to_vec)
        {
            Some(row) => {
                self.send(key, Head::Row { id }, row);
            }
            None => self.refuse(key, id, "lookup", &RefusalCode::NoSuchName),
        }
    }
}

/// Names, one per line, as many as fit; and whether there are more.
fn page<'a>(names: impl Iterator<Item = &'a str>) -> (String, bool) {
    let mut lines = String::new();
    for name in names {
        if lines.len() + 1 + name.len() > NAMES_PAGE_BYTES {
            return (lines, true);
        }
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(name);
    }
    (lines, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(group: &str, order: u64, members: &[&str]) -> GroupRow {
        GroupRow {
            group: group.parse().unwrap(),
            made: MessageId(1),
            maker: "alice".parse().unwrap(),
            order,
            members: members.iter().map(|name| name.parse().unwrap()).collect(),
        }
    }

    fn apply(groups: &mut Groups, row: GroupRow) {
        groups.apply(&row.group.clone(), Some(row));
    }

    #[test]
    fn the_group_joined_last_stays_it_when_others_leave_another() {
        let (mut groups, bob) = (Groups::default(), "bob".parse().unwrap());
        apply(&mut groups, row("one", 1, &["alice", "bob"]));
        apply(&mut groups, row("two", 2, &["bob"]));
        apply(&mut groups, row("one", 1, &["bob"]));
        assert_eq!(groups.current(&bob).map(GroupName::as_str), Some("two"));
        apply(&mut groups, row("two", 2, &[]));
        assert_eq!(groups.current(&bob).map(GroupName::as_str), Some("one"));
        assert_eq!(groups.in_order().count(), 2);
    }

    #[test]
    fn who_departs_is_named_once_and_not_at_all_if_it_came_back() {
        let (mut groups, bob) = (Groups::default(), "bob".parse().unwrap());
        let group = "one".parse().unwrap();
        for back in [&[][..], &["bob"]] {
            apply(&mut groups, row("one", 1, &["bob"]));
            groups.depart(&bob);
            groups.depart(&bob);
            apply(&mut groups, row("one", 1, back));
            assert_eq!(groups.take_departed(&group).len(), 1 - back.len());
            assert_eq!(groups.departed_count, 0);
        }
    }

    #[test]
    fn a_list_fills_pages_and_goes_on_after_the_last_name() {
        let names: Vec<_> = (0..1000).map(|n| format!("a-long-name-{n:04}")).collect();
        let (mut seen, mut pages) = (0, 0);
        loop {
            let (lines, more) = page(names.iter().skip(seen).map(String::as_str));
            assert!(lines.len() <= NAMES_PAGE_BYTES);
            assert!(
                lines
                    .lines()
                    .eq(names[seen..].iter().take(lines.lines().count()))
            );
            seen += lines.lines().count();
            pages += 1;
            if !more {
                break;
            }
        }
        assert_eq!((seen, pages), (1000, 2));
    }
}
