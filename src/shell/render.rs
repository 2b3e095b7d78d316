//! Facts into words for people: the catalogue of notices. No other file holds what is shown.

use super::clean;
use super::command::{CommandError, Refusal};
use super::fields::Fact;
use super::{Style, Tone};
use crate::client::event::{Arrived, By, GroupAction, KeyAction, Mark, Online, Peer, Reason};
use crate::client::event::{Report, Session, Via};
use crate::client::port::Recipient;
use crate::client::{Event, RequestError, View};
use crate::model::limits::SHOWN_LINES_MAX;
use crate::model::{Delivery, GroupName, InvalidName, Name, PublicKey, Wall};
use crate::secure::Fingerprint;
use crate::wire::packet::Audience;
use crate::wire::row::Status;

/// What decides how a fact is worded.
#[derive(Clone, Copy, Debug)]
pub struct Renderer<'a> {
    /// Whose screen it is.
    pub me: &'a Name,
    /// With or without brackets.
    pub style: Style,
    /// The latest reading of the clock, for its local offset.
    pub wall: Wall,
}

/// One or more whole lines of one kind.
pub type Words = (Tone, String);

impl Renderer<'_> {
    /// The words for an event, in order; none if it has none.
    #[must_use]
    pub fn event(&self, event: &Event) -> Vec<Words> {
        match event {
            Event::Batch(items) => self.batch(items),
            Event::Delivery(report) => self.delivery(report).into_iter().collect(),
            Event::Group { group, action, who } if who == self.me => {
                vec![self.notice(&group_action(group, *action))]
            }
            Event::Group { .. } | Event::Kept { count: 0 } | Event::Presence { .. } => Vec::new(),
            Event::Groups(groups) => vec![(Tone::Notice, self.groups(groups))],
            Event::Key {
                who,
                action,
                fingerprint,
            } => self.key(who, *action, *fingerprint),
            Event::Kept { count } => {
                let messages = if *count == 1 { "message" } else { "messages" };
                vec![self.notice(&format!("{count} {messages} kept in the outbox."))]
            }
            Event::Members { group, members } => {
                let header = bracket(&format!("Members in the group {group}:"), self.style);
                let members = members
                    .iter()
                    .map(|name| bracket(name.as_str(), self.style));
                vec![(Tone::Notice, lines(header, members))]
            }
            Event::Message(arrived) => self.message(arrived),
            Event::Session(session) => self.session(session).into_iter().collect(),
            Event::Table { .. } => vec![self.notice("Client table updated.")],
        }
    }

    /// The notice for a request that failed, unless events tell the same.
    #[must_use]
    pub fn request_error(&self, error: &RequestError, about: Option<&Recipient>) -> Option<Words> {
        let text = match error {
            RequestError::GroupExists(group) => format!("Group {group} already exists."),
            RequestError::KeyChanged(name) => key_changed(name.as_str()),
            RequestError::UnknownGroup(group) => format!("Group {group} does not exist."),
            RequestError::UnknownPeer(_) => NOUSER.to_owned(),
            RequestError::WrongMode => INV.to_owned(),
            // Told by events: login refused, key changed, retrying, closing.
            RequestError::Cancelled
            | RequestError::Ended
            | RequestError::NameTaken(_)
            | RequestError::ServerKeyChanged
            | RequestError::ServerUnreachable => return None,
            RequestError::Ambiguous
            | RequestError::Disk
            | RequestError::IdTaken
            | RequestError::InOutbox
            | RequestError::NoSuchMessage
            | RequestError::NotMember
            | RequestError::NotTrusted(_)
            | RequestError::OutboxFull
            | RequestError::Quota(_)
            | RequestError::RateLimited
            | RequestError::Refused(_)
            | RequestError::TooLate => {
                let reason = clean::line(&error.to_string());
                about.map_or_else(
                    || format!("Request failed: {reason}."),
                    |about| failed(&recipient(about), &reason),
                )
            }
        };
        Some(self.failure(&text))
    }

    fn notice(&self, text: &str) -> Words {
        (Tone::Notice, bracket(text, self.style))
    }

    fn failure(&self, text: &str) -> Words {
        (Tone::Failure, bracket(text, self.style))
    }

    fn session(&self, session: &Session) -> Option<Words> {
        Some(match session {
            Session::Closing => self.failure("Exiting..."),
            Session::Connecting | Session::Online(Online::Resumed) => return None,
            Session::LoginRefused {
                name, taken: true, ..
            } => self.failure(&format!(
                "Registration request rejected - name {name} used."
            )),
            Session::LoginRefused { text, .. } => self.failure(&format!(
                "Registration request rejected - {}.",
                clean::line(text)
            )),
            Session::Left => self.notice("You are offline. Bye."),
            Session::NotResponding => self.failure("Server not responding."),
            Session::Online(Online::Registered) => self.notice("Welcome, You are registered."),
            Session::Online(Online::Returned) => self.notice("Welcome back!"),
            Session::Retrying { attempt, .. } => {
                self.failure(&format!("Message sent! {attempt} times. Retrying..."))
            }
        })
    }

    fn groups(&self, groups: &[GroupName]) -> String {
        if groups.is_empty() {
            return bracket("No available group right now.", self.style);
        }
        let header = bracket("Available Group Chats:", self.style);
        lines(header, groups.iter().map(ToString::to_string))
    }

    fn key(&self, who: &Peer, action: KeyAction, fingerprint: Fingerprint) -> Vec<Words> {
        let who = match (who, action) {
            (Peer::Name(name), _) => name.as_str(),
            (Peer::Server, KeyAction::Changed) => return self.server_key(fingerprint),
            (Peer::Server, KeyAction::Pinned | KeyAction::Trusted) => "server",
        };
        vec![match action {
            // The notice comes when a message to that person is stopped.
            KeyAction::Changed => (
                Tone::Hint,
                format!("  the key of {who} changed: see help keys"),
            ),
            KeyAction::Pinned => self.notice(&format!("New key for {who}: {fingerprint}.")),
            KeyAction::Trusted => self.notice(&format!("Key of {who} trusted: {fingerprint}.")),
        }]
    }

    /// There is no prompt at which help could be asked for.
    fn server_key(&self, fingerprint: Fingerprint) -> Vec<Words> {
        let remedy = format!(
            "  The server that answers shows {fingerprint}.\n  \
             Are these the digits that your server writes when it starts? Only then:\n  \
             --server-key \"{fingerprint}\""
        );
        let notice = "KEY OF server IS NOT THE ONE EXPECTED. You are not logged in.";
        vec![self.failure(notice), (Tone::Hint, remedy)]
    }

    fn delivery(&self, report: &Report) -> Option<Words> {
        let to = addressee(report)?;
        Some(match report.state {
            Delivery::Acked if report.by == By::Oneself => return None,
            Delivery::Delivered if report.was_stored => self.notification(report, &to),
            Delivery::Acked | Delivery::Delivered => {
                self.notice(&format!("Message received by {to}."))
            }
            Delivery::Expired => (Tone::Hint, format!("  message to {to} expired")),
            Delivery::Failed => match report.reason {
                Some(Reason::KeyChanged) => self.failure(&key_changed(&to)),
                Some(Reason::UnknownPeer) => self.failure(NOUSER),
                reason => self.failure(&failed(&to, reason_words(reason))),
            },
            Delivery::Sent if report.after_live_try => {
                self.failure(&format!("No ACK from {to}, message sent to server."))
            }
            Delivery::Sent => match report.reason {
                None | Some(Reason::Unconfirmed) => return None,
                // Refused, and it may have arrived all the same.
                reason => (Tone::Hint, kept(&to, reason_words(reason))),
            },
            Delivery::Queued => return None,
            Delivery::Stored if report.audience.is_some() => {
                self.notice("Group message received by server.")
            }
            Delivery::Stored => self.notice(&format!(
                "Offline message sent at {} received by the server and saved.",
                self.stamp(report.sent_ms)
            )),
        })
    }

    fn notification(&self, report: &Report, to: &str) -> Words {
        let stamp = self.stamp(report.sent_ms);
        self.notice(&format!(
            "Offline Message sent at {stamp} received by {to}."
        ))
    }

    fn message(&self, arrived: &Arrived) -> Vec<Words> {
        let (open, close) = match (&arrived.audience, self.style) {
            (None, _) => (format!("{}: ", arrived.from), ""),
            (Some(_), Style::Bracket) => (format!("[Group Message {}: ", arrived.from), "]"),
            (Some(_), Style::Plain) => (format!("Group Message {}: ", arrived.from), ""),
        };
        let text = text_lines(&open, &arrived.text, close);
        let mut words = vec![(Tone::Message, text)];
        words.extend(marks(arrived).map(|mark| (Tone::Hint, mark.to_owned())));
        words
    }

    /// In one piece, so that nothing comes between the items.
    fn batch(&self, items: &[Event]) -> Vec<Words> {
        if items.is_empty() {
            return Vec::new();
        }
        let header = bracket("You have offline messages:", self.style);
        let items = items.iter().flat_map(|item| self.item(item));
        vec![(Tone::Message, lines(header, items))]
    }

    fn item(&self, item: &Event) -> Vec<String> {
        let Event::Message(arrived) = item else {
            return self.event(item).into_iter().map(|(_, text)| text).collect();
        };
        let (from, stamp) = (&arrived.from, self.stamp(Some(arrived.sent_ms)));
        let open = match arrived.audience {
            None => format!("{from}: {stamp} "),
            Some(_) => format!("Group Chat {from}: {stamp} "),
        };
        let mut item = vec![text_lines(&open, &arrived.text, "")];
        item.extend(marks(arrived).map(str::to_owned));
        item
    }

    fn stamp(&self, unix_ms: Option<i64>) -> String {
        let unknown = || "an unknown time".to_owned();
        unix_ms.map_or_else(unknown, |unix_ms| self.wall.at(unix_ms).stamp())
    }
}

/// The notice for a line that was not carried out.
#[must_use]
pub fn refusal(error: &CommandError, style: Style) -> String {
    let text = match &error.refusal {
        Refusal::BadGroupName(InvalidName::Character(c)) => {
            let c = clean::line(&c.to_string());
            format!("Group name should not contain '{c}'. Try again.")
        }
        Refusal::BadGroupName(_) => "Invalid group name. Try again.".to_owned(),
        Refusal::BadProgramName => "Not a name for a command.".to_owned(),
        Refusal::BadSuffix => "Not a kind of file that can be written.".to_owned(),
        Refusal::EmptyText(_)
        | Refusal::Missing(_)
        | Refusal::NoChoice(_)
        | Refusal::NoCount
        | Refusal::NoFingerprint
        | Refusal::NoId
        | Refusal::Surplus => {
            format!("Usage: {}", error.usage.as_deref().unwrap_or("help"))
        }
        Refusal::LongText => "Message too long.".to_owned(),
        Refusal::TerminalOnly => "Only at the terminal.".to_owned(),
        Refusal::NoTarget => "Nobody to write to.".to_owned(),
        Refusal::NoKey(name) => format!("No key of {name} is known yet."),
        Refusal::NotSelfDereg(own) => {
            format!("Invalid name for de-registration, should be {own}.")
        }
        Refusal::NotSelfReg(own) => format!("Invalid name for log-back, should be {own}."),
        Refusal::TooManyLines => "Too many lines wait. Try again.".to_owned(),
        Refusal::UnknownCommand | Refusal::WrongMode => INV.to_owned(),
        Refusal::UnknownPeer => NOUSER.to_owned(),
    };
    bracket(&text, style)
}

/// A notice that has no event.
#[must_use]
pub fn notice(text: &str, style: Style) -> String {
    bracket(text, style)
}

/// The table, or one row of it.
#[must_use]
pub fn table(view: &View, only: Option<&Name>, style: Style) -> String {
    let rows = view
        .table
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name));
    let rows = rows.map(|(name, entry)| {
        let (status, is_here) = match entry.status {
            Status::Online => ("online", true),
            Status::Away => ("away", true),
            Status::Left | Status::Released | Status::Silent | Status::TimedOut => {
                ("offline", false)
            }
        };
        let address = entry
            .address
            .filter(|_| is_here)
            .map(|address| address.to_string());
        let address = address.as_deref().unwrap_or("-");
        bracket(&format!("{name} {address} {status}"), style)
    });
    lines(bracket("Client table:", style), rows)
}

/// Records as lines: of each what it has, under a title.
#[must_use]
pub fn records(title: &str, records: &[Fact], style: Style) -> String {
    let rows = records.iter().flat_map(|record| &record.fields);
    let rows = rows.map(|(name, value)| format!("  {name} {}", clean::line(&value.to_string())));
    let mut title = title.to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    lines(bracket(&format!("{title}:"), style), rows)
}

/// One's own thirty digits, and the server's below.
#[must_use]
pub fn own_fingerprint(view: &View, style: Style) -> String {
    let text = format!("Fingerprint of {}: {}", view.name, view.fingerprint);
    let server = view.server_identity.as_ref().map(Fingerprint::of);
    let server = server.map(|digits| format!("  server: {digits}"));
    lines(bracket(&text, style), server.into_iter())
}

/// The sixty digits that both sides see: both fingerprints, the lower one first.
#[must_use]
pub fn shared_fingerprint(view: &View, with: &Name, identity: &PublicKey, style: Style) -> String {
    let mut both = [view.fingerprint, Fingerprint::of(identity)];
    both.sort_unstable();
    let [low, high] = both;
    let digits = bracket(&format!("Fingerprint of {with}: {low} {high}"), style);
    let is_old = view.table.get(with).is_some_and(|entry| entry.key_changed);
    let mark = "  this is the key that was known; the one in use now is another: see help keys";
    lines(digits, is_old.then(|| mark.to_owned()).into_iter())
}

const INV: &str = "Invalid command!";
const NOUSER: &str = "User does not exist.";

pub(super) fn bracket(text: &str, style: Style) -> String {
    match style {
        Style::Bracket => format!("[{text}]"),
        Style::Plain if text.ends_with("...") => text.to_owned(),
        Style::Plain => text.strip_suffix('.').unwrap_or(text).to_owned(),
    }
}

fn lines(header: String, rows: impl Iterator<Item = String>) -> String {
    rows.fold(header, |text, row| text + "\n" + &row)
}

/// A text from somebody: indented from its second line on, and cut after twenty.
pub(super) fn text_lines(open: &str, text: &str, close: &str) -> String {
    let mut all = clean::lines(text);
    let mut shown = open.to_owned() + &all.next().unwrap_or_default();
    for line in all.by_ref().take(SHOWN_LINES_MAX - 1) {
        shown = shown + "\n  " + &line;
    }
    shown += close;
    match all.count() {
        0 => shown,
        more => format!("{shown}\n  ({more} more lines)"),
    }
}

fn marks(arrived: &Arrived) -> impl Iterator<Item = &'static str> + use<> {
    let mark = arrived.mark.map(|mark| match mark {
        Mark::EarlierMissing => "  (an earlier message is missing)",
        Mark::OutOfOrder => "  (out of order)",
        Mark::ShownBeforeRestart => "  (perhaps shown before)",
    });
    let relayed = (arrived.via == Via::Relay).then_some("  (relayed)");
    mark.into_iter().chain(relayed)
}

fn group_action(group: &GroupName, action: GroupAction) -> String {
    match action {
        GroupAction::Created => format!("Group {group} created by Server."),
        GroupAction::Joined => format!("Entered group {group} successfully."),
        GroupAction::Left => format!("Leave group chat {group}."),
        GroupAction::Removed => {
            format!("You are no longer in group {group}: the server has no such member.")
        }
    }
}

fn key_changed(who: &str) -> String {
    format!("KEY OF {who} CHANGED. Nothing was sent. See: help keys")
}

fn failed(to: &str, reason: &str) -> String {
    format!("Message to {to} failed: {reason}.")
}

fn kept(to: &str, reason: &str) -> String {
    format!("  {reason}: the message to {to} stays in the outbox")
}

const fn reason_words(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::Cancelled) => "cancelled, it may have arrived",
        Some(Reason::KeyChanged) => "the key changed",
        Some(Reason::NoAnswer) => "no answer",
        Some(Reason::NoStore) => "the server cannot write to its disk",
        Some(Reason::Quota) => "the mailbox is full",
        Some(Reason::Refused) | None => "refused",
        Some(Reason::TooLong) => "too long",
        Some(Reason::Unconfirmed) => "not confirmed",
        Some(Reason::UnknownPeer) => "the user does not exist",
    }
}

fn addressee(report: &Report) -> Option<String> {
    let audience = report.audience.as_ref().map(audience);
    report.to.as_ref().map(ToString::to_string).or(audience)
}

fn recipient(recipient: &Recipient) -> String {
    match recipient {
        Recipient::Audience(all) => audience(all),
        Recipient::Name(name) => name.to_string(),
    }
}

fn audience(audience: &Audience) -> String {
    match audience {
        Audience::Everybody => "everybody".to_owned(),
        Audience::Group(group) => format!("group {group}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;
    use crate::shell::interpret::tests::{group, name};

    const TS: i64 = 1_763_670_000_123;

    fn shown(event: &Event, style: Style) -> Vec<Words> {
        let me = name("alice");
        let wall = Wall {
            unix_ms: 0,
            offset_s: -5 * 3600,
        };
        Renderer {
            me: &me,
            style,
            wall,
        }
        .event(event)
    }

    fn check(event: &Event, text: &str) {
        let words: Vec<String> = shown(event, Style::Bracket)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(words.join("\n"), text, "{event:?}");
    }

    fn arrived(text: &str) -> Arrived {
        Arrived {
            id: MessageId(1),
            from: name("bob"),
            audience: None,
            text: text.to_owned(),
            via: Via::Peer,
            late: false,
            held: false,
            auto: false,
            sent_ms: TS,
            mark: None,
        }
    }

    fn report(state: Delivery) -> Report {
        Report {
            id: MessageId(1),
            to: Some(name("bob")),
            audience: None,
            state,
            by: By::Server,
            via: None,
            late: false,
            was_stored: false,
            after_live_try: false,
            reason: None,
            sent_ms: Some(TS),
            rtt_us: None,
            text: None,
        }
    }

    #[test]
    fn the_session_speaks_in_the_words_of_the_catalogue() {
        let taken = |taken| Session::LoginRefused {
            name: name("alice"),
            taken,
            text: "no\x1b room".into(),
        };
        for (session, text) in [
            (
                Session::Online(Online::Registered),
                "[Welcome, You are registered.]",
            ),
            (Session::Online(Online::Returned), "[Welcome back!]"),
            (Session::Online(Online::Resumed), ""),
            (Session::Connecting, ""),
            (Session::Left, "[You are offline. Bye.]"),
            (
                Session::Retrying { attempt: 3, of: 5 },
                "[Message sent! 3 times. Retrying...]",
            ),
            (Session::NotResponding, "[Server not responding.]"),
            (Session::Closing, "[Exiting...]"),
            (
                taken(true),
                "[Registration request rejected - name alice used.]",
            ),
            (
                taken(false),
                "[Registration request rejected - no\u{241b} room.]",
            ),
        ] {
            check(&Event::Session(session), text);
        }
    }

    #[test]
    fn a_delivery_says_no_more_than_is_known() {
        let with = |state, change: fn(&mut Report)| {
            let mut report = report(state);
            change(&mut report);
            Event::Delivery(report)
        };
        let same = |_: &mut Report| ();
        for (event, text) in [
            (with(Delivery::Queued, same), ""),
            (with(Delivery::Sent, same), ""),
            (
                with(Delivery::Sent, |r| r.after_live_try = true),
                "[No ACK from bob, message sent to server.]",
            ),
            (
                with(Delivery::Sent, |r| r.reason = Some(Reason::Unconfirmed)),
                "",
            ),
            (
                with(Delivery::Sent, |r| r.reason = Some(Reason::Quota)),
                "  the mailbox is full: the message to bob stays in the outbox",
            ),
            (with(Delivery::Acked, same), "[Message received by bob.]"),
            (with(Delivery::Acked, |r| r.by = By::Oneself), ""),
            (
                with(Delivery::Stored, same),
                "[Offline message sent at 2025-11-20 15:20:00 received by the server and saved.]",
            ),
            (
                with(Delivery::Stored, |r| {
                    r.to = None;
                    r.audience = Some(Audience::Everybody);
                }),
                "[Group message received by server.]",
            ),
            (
                with(Delivery::Delivered, same),
                "[Message received by bob.]",
            ),
            (
                with(Delivery::Delivered, |r| r.was_stored = true),
                "[Offline Message sent at 2025-11-20 15:20:00 received by bob.]",
            ),
            (with(Delivery::Expired, same), "  message to bob expired"),
            (
                with(Delivery::Failed, |r| r.reason = Some(Reason::KeyChanged)),
                "[KEY OF bob CHANGED. Nothing was sent. See: help keys]",
            ),
            (
                with(Delivery::Failed, |r| r.reason = Some(Reason::UnknownPeer)),
                "[User does not exist.]",
            ),
            (
                with(Delivery::Failed, |r| r.reason = Some(Reason::Quota)),
                "[Message to bob failed: the mailbox is full.]",
            ),
            (
                with(Delivery::Failed, |r| {
                    r.to = None;
                    r.audience = Some(Audience::Group(group("lounge")));
                }),
                "[Message to group lounge failed: refused.]",
            ),
        ] {
            check(&event, text);
        }
    }

    #[test]
    fn groups_keys_table_and_outbox_speak_in_the_words_of_the_catalogue() {
        let act = |action, who| Event::Group {
            group: group("g"),
            action,
            who: name(who),
        };
        let fingerprint = Fingerprint([5037, 2, 3, 4, 5, 6]);
        let key = |who, action| Event::Key {
            who,
            action,
            fingerprint,
        };
        let bob = || Peer::Name(name("bob"));
        for (event, text) in [
            (
                act(GroupAction::Created, "alice"),
                "[Group g created by Server.]",
            ),
            (
                act(GroupAction::Joined, "ALICE"),
                "[Entered group g successfully.]",
            ),
            (act(GroupAction::Left, "alice"), "[Leave group chat g.]"),
            (act(GroupAction::Joined, "bob"), ""),
            (
                act(GroupAction::Removed, "alice"),
                "[You are no longer in group g: the server has no such member.]",
            ),
            (Event::Groups(vec![]), "[No available group right now.]"),
            (
                Event::Groups(vec![group("b"), group("a")]),
                "[Available Group Chats:]\nb\na",
            ),
            (
                Event::Members {
                    group: group("g"),
                    members: vec![name("x"), name("y")],
                },
                "[Members in the group g:]\n[x]\n[y]",
            ),
            (
                Event::Table {
                    online: 1,
                    total: 2,
                },
                "[Client table updated.]",
            ),
            (Event::Kept { count: 1 }, "[1 message kept in the outbox.]"),
            (Event::Kept { count: 2 }, "[2 messages kept in the outbox.]"),
            (Event::Kept { count: 0 }, ""),
            (
                key(bob(), KeyAction::Pinned),
                "[New key for bob: 05037 00002 00003 00004 00005 00006.]",
            ),
            (
                key(bob(), KeyAction::Changed),
                "  the key of bob changed: see help keys",
            ),
            (
                key(Peer::Server, KeyAction::Changed),
                "[KEY OF server IS NOT THE ONE EXPECTED. You are not logged in.]\n  \
                 The server that answers shows 05037 00002 00003 00004 00005 00006.\n  \
                 Are these the digits that your server writes when it starts? Only then:\n  \
                 --server-key \"05037 00002 00003 00004 00005 00006\"",
            ),
            (
                Event::Presence {
                    who: name("bob"),
                    status: Status::Online,
                },
                "",
            ),
        ] {
            check(&event, text);
        }
    }

    #[test]
    fn a_message_is_shown_as_it_is_except_for_what_could_deceive() {
        let group_message = |text| {
            let audience = Some(Audience::Group(group("g")));
            Event::Message(Arrived {
                audience,
                ..arrived(text)
            })
        };
        check(&Event::Message(arrived("hi  there ")), "bob: hi  there ");
        check(&group_message("hi."), "[Group Message bob: hi.]");
        check(
            &group_message("a\n[Welcome back!]"),
            "[Group Message bob: a\n  [Welcome back!]]",
        );
        check(
            &Event::Message(arrived("a\n>>> b\x1b[2J")),
            "bob: a\n  >>> b\u{241b}[2J",
        );
        let mut late = arrived("x");
        late.via = Via::Relay;
        late.mark = Some(Mark::OutOfOrder);
        check(
            &Event::Message(late),
            "bob: x\n  (out of order)\n  (relayed)",
        );
    }

    #[test]
    fn at_most_twenty_lines_of_a_message_are_shown() {
        for (count, more) in [(19, false), (20, false), (21, true)] {
            let text = vec!["x"; count].join("\n");
            let [(_, shown)] = &shown(&Event::Message(arrived(&text)), Style::Bracket)[..] else {
                panic!("one piece")
            };
            assert_eq!(
                shown.lines().filter(|line| line.ends_with('x')).count(),
                count.min(20)
            );
            assert_eq!(shown.ends_with("\n  (1 more lines)"), more);
        }
    }

    #[test]
    fn a_batch_is_one_piece_with_the_time_of_every_item() {
        let all = Some(Audience::Everybody);
        let group_item = Arrived {
            audience: all,
            late: true,
            ..arrived("w")
        };
        let receipt = Report {
            was_stored: true,
            late: true,
            ..report(Delivery::Delivered)
        };
        let items = vec![
            Event::Message(Arrived {
                late: true,
                ..arrived("m1\nm2")
            }),
            Event::Message(group_item),
            Event::Delivery(receipt),
        ];
        check(
            &Event::Batch(items),
            "[You have offline messages:]\n\
            bob: 2025-11-20 15:20:00 m1\n  m2\n\
            Group Chat bob: 2025-11-20 15:20:00 w\n\
            [Offline Message sent at 2025-11-20 15:20:00 received by bob.]",
        );
        check(&Event::Batch(Vec::new()), "");
    }

    #[test]
    fn the_plain_style_has_neither_brackets_nor_a_final_dot() {
        let plain = |event: &Event| shown(event, Style::Plain).remove(0).1;
        assert_eq!(
            plain(&Event::Table {
                online: 1,
                total: 1
            }),
            "Client table updated"
        );
        assert_eq!(plain(&Event::Session(Session::Closing)), "Exiting...");
        let audience = Some(Audience::Everybody);
        let message = Event::Message(Arrived {
            audience,
            ..arrived("hi.")
        });
        assert_eq!(plain(&message), "Group Message bob: hi.");
    }

    #[test]
    fn a_failed_request_is_told_unless_events_tell_it() {
        let me = name("alice");
        let renderer = Renderer {
            me: &me,
            style: Style::Bracket,
            wall: Wall::default(),
        };
        let told = |error, about: Option<Recipient>| {
            renderer
                .request_error(&error, about.as_ref())
                .map(|(_, text)| text)
        };
        let bob = || Some(Recipient::Name(name("bob")));
        assert_eq!(
            told(RequestError::GroupExists(group("g")), None).unwrap(),
            "[Group g already exists.]"
        );
        assert_eq!(
            told(RequestError::UnknownGroup(group("g")), None).unwrap(),
            "[Group g does not exist.]"
        );
        assert_eq!(
            told(RequestError::UnknownPeer(name("bob")), bob()).unwrap(),
            "[User does not exist.]"
        );
        assert_eq!(
            told(RequestError::WrongMode, None).unwrap(),
            "[Invalid command!]"
        );
        assert_eq!(told(RequestError::ServerUnreachable, bob()), None);
        assert_eq!(
            told(RequestError::RateLimited, bob()).unwrap(),
            "[Message to bob failed: too fast: try again later.]"
        );
        assert_eq!(
            told(RequestError::Refused("bad\nname".into()), None).unwrap(),
            "[Request failed: refused by the server: bad\u{240a}name.]"
        );
    }
}
