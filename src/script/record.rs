//! A recording: what one person types and sees, written down as a `.chat` file while it happens.

use super::tree::Template;
use crate::client;
use crate::model::{Delivery, Instant, Name};
use crate::shell::clean;
use crate::shell::command::Face;
use crate::shell::fields::{Fact, Value};
use crate::shell::{LineId, Outcome, Registry};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

/// A silence that is worth a comment.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Writes down what one client does. What it gives is a live file that parses as it stands.
#[derive(Debug)]
pub struct Recorder {
    /// The name as a label.
    label: String,
    me: Name,
    registry: Registry,
    /// Values that are never written, with the variables that stand for them.
    secrets: Vec<(String, String)>,
    /// In the order in which they happened; a line that waits for its outcome holds all after it.
    entries: VecDeque<Entry>,
    /// Messages that have a variable, by id.
    messages: BTreeMap<String, usize>,
    /// Texts that have a variable.
    text_count: usize,
    last: Option<Instant>,
    /// What nobody has taken yet.
    written: String,
}

#[derive(Debug)]
enum Entry {
    /// A line whose outcome is not known yet, and the pause before it.
    Open(LineId, String, String),
    /// Ready to be written.
    Whole(String),
}

impl Recorder {
    /// For the client of this name; `secrets` are (variable, value).
    #[must_use]
    pub fn new(me: &Name, secrets: Vec<(String, String)>) -> Self {
        let program = concat!("ackchat ", env!("CARGO_PKG_VERSION"));
        Self {
            label: label(me),
            me: me.clone(),
            registry: Registry::builtin(),
            secrets,
            entries: VecDeque::new(),
            messages: BTreeMap::new(),
            text_count: 0,
            last: None,
            written: format!("# recorded by {program} as {me}\n"),
        }
    }

    /// A line was typed. Blank ones and commands that no script may have are left out.
    pub fn handle_line(&mut self, now: Instant, id: LineId, line: &str) {
        let trimmed = line.trim_start_matches([' ', '\t']);
        let word = trimmed.split([' ', '\t']).next().unwrap_or_default();
        let command = self.registry.find(word.strip_prefix('/').unwrap_or(word));
        let is_foreign = command.is_some_and(|found| !found.faces.contains(&Face::Chat));
        if trimmed.is_empty() || is_foreign {
            return;
        }
        // Before a command blanks mean nothing; before a text they belong to it.
        let line = if command.is_some() { trimmed } else { line };
        let mut before = self.pause(now);
        let body = self.one_line(line, &mut before);
        self.entries.push_back(Entry::Open(id, before, body));
    }

    /// A typed line has its outcome.
    pub fn handle_settled(&mut self, id: LineId, outcome: &Outcome) {
        let label = &self.label;
        for entry in &mut self.entries {
            if let Entry::Open(open, before, body) = entry
                && *open == id
            {
                let text = match outcome {
                    Outcome::Done(client::Outcome::Message { id, .. }) => {
                        format!("{before}{label}> {body}\n#: {id}\n")
                    }
                    Outcome::Done(client::Outcome::Done | client::Outcome::Recalled { .. }) => {
                        format!("{before}{label}> {body}\n")
                    }
                    Outcome::Failed { code, .. } => {
                        format!("{before}{label}!> {body}\n{label}< error code={code}\n")
                    }
                };
                *entry = Entry::Whole(text);
                break;
            }
        }
        self.write();
    }

    /// Something happened; what has no place in a script that runs again becomes a comment.
    pub fn handle_fact(&mut self, now: Instant, fact: &Fact) {
        let mut before = String::new();
        let Some(entry) = self.fact(fact, &mut before) else {
            return;
        };
        let pause = self.pause(now);
        self.entries
            .push_back(Entry::Whole(format!("{pause}{before}{entry}\n")));
        self.write();
    }

    /// What was written since the last call.
    #[must_use]
    pub fn poll_text(&mut self) -> Option<String> {
        let text = std::mem::take(&mut self.written);
        (!text.is_empty()).then_some(text)
    }

    /// A line ended the recording: those that were typed after it are left out.
    pub fn handle_stop(&mut self, line: LineId) {
        self.entries
            .retain(|entry| !matches!(entry, Entry::Open(id, ..) if *id > line));
    }

    /// The rest of the text: lines without an outcome do not wait for one when it is run.
    #[must_use]
    pub fn finish(mut self) -> String {
        for entry in &mut self.entries {
            if let Entry::Open(_, before, body) = entry {
                *entry = Entry::Whole(format!("{before}{}&> {body}\n", self.label));
            }
        }
        self.write();
        self.written
    }

    fn write(&mut self) {
        while let Some(Entry::Whole(text)) = self.entries.front() {
            self.written.push_str(text);
            self.entries.pop_front();
        }
    }

    fn pause(&mut self, now: Instant) -> String {
        let silence = self.last.map_or(Duration::ZERO, |last| now.since(last));
        self.last = Some(now);
        if silence <= PAUSE_MIN {
            return String::new();
        }
        let tenths = silence.as_millis() / 100;
        format!("# +{}.{}s\n", tenths / 10, tenths % 10)
    }

    fn fact(&mut self, fact: &Fact, before: &mut String) -> Option<String> {
        let word = |field: &str| fact.text(field).unwrap_or_default();
        match fact.kind {
            "message" => Some(self.message(fact, before)),
            "delivery" => self.delivery(fact),
            "group" if word("who").parse::<Name>().is_ok_and(|who| who == self.me) => {
                let (group, action) = (word("group"), word("action"));
                Some(self.see(&format!("group group={group} action={action}")))
            }
            "session" if matches!(word("state").as_str(), "offline" | "online") => {
                let (state, reason) = (word("state"), word("reason"));
                Some(self.see(&format!("session state={state} reason={reason}")))
            }
            "presence" => Some(format!("# presence {} {}", word("who"), word("status"))),
            "table" => Some(format!("# table {} of {}", word("online"), word("total"))),
            "session" => Some(format!("# session {}", word("state"))),
            "key" => Some(format!("# key {} {}", word("who"), word("action"))),
            _ => None,
        }
    }

    fn see(&self, what: &str) -> String {
        format!("{}< {what}", self.label)
    }

    fn message(&mut self, fact: &Fact, before: &mut String) -> String {
        let word = |field: &str| fact.text(field).unwrap_or_default();
        let (from, text) = (word("from"), word("text"));
        let is_late = fact.field("late") == Some(&Value::Flag(true));
        let what = match (word("scope").as_str(), is_late) {
            ("direct", false) => format!("{from}: {}", self.said(&text, before)),
            ("group", false) => {
                format!("#{} {from}: {}", word("group"), self.said(&text, before))
            }
            (scope, _) => {
                let group = fact.text("group").map(|group| format!(" group={group}"));
                let group = group.unwrap_or_default();
                let late = if is_late { " late=true" } else { "" };
                let text = self.string(&text);
                format!("message scope={scope}{group} from={from} text={text}{late}")
            }
        };
        format!("{}\n#: {}", self.see(&what), word("id"))
    }

    /// What is certain of a message; what lies between is different at every run.
    fn delivery(&mut self, fact: &Fact) -> Option<String> {
        let state = fact.text("state")?;
        let certain = [
            Delivery::Acked,
            Delivery::Delivered,
            Delivery::Expired,
            Delivery::Failed,
            Delivery::Stored,
        ];
        if !certain.iter().any(|certain| certain.word() == state) {
            return None;
        }
        let mut what = "delivery".to_owned();
        for field in ["to", "group", "state", "reason"] {
            if let Some(value) = fact.text(field) {
                write!(what, " {field}={value}").expect("a string takes everything");
            }
        }
        let id = fact.text("id")?;
        if let Some(known) = self.messages.get(&id) {
            return Some(self.see(&format!("{what} id=$m{known}")));
        }
        let number = self.messages.len() + 1;
        self.messages.insert(id.clone(), number);
        let see = self.see(&format!("{what} id=?m{number}"));
        Some(format!("{see}\n#: m{number}={id}"))
    }

    /// A text behind a colon: raw, so one pair of quotes around it guards blanks and quotes.
    fn said(&mut self, text: &str, before: &mut String) -> String {
        let is_quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
        let blank = [' ', '\t'];
        let guards = is_quoted || text.starts_with(blank) || text.ends_with(blank);
        if guards && text.chars().all(clean::is_seen) {
            return format!("\"{}\"", self.template(text));
        }
        self.one_line(text, before)
    }

    /// A line as a file can hold it; what it cannot hold becomes a variable in lines before.
    fn one_line(&mut self, line: &str, before: &mut String) -> String {
        let blank = [' ', '\t'];
        let held = line.trim_end_matches(blank);
        let starts_blank = line.starts_with(blank);
        let hidden = line.find(|c| !clean::is_seen(c));
        let end = hidden.unwrap_or(held.len());
        if end == line.len() && !starts_blank {
            return self.template(line).to_string();
        }
        // From the start of a word on, so that the words before it can still be read.
        let start = line.get(..end).and_then(|head| head.rfind(blank));
        let start = if starts_blank {
            0
        } else {
            start.map_or(0, |at| at + 1)
        };
        let (words, rest) = line.split_at(start);
        self.text_count += 1;
        let name = format!("t{}", self.text_count);
        let value = self.string(rest);
        writeln!(before, "let {name} = {value}").expect("a string takes everything");
        format!("{}${name}", self.template(words))
    }

    /// In quotes, with escapes.
    fn string(&self, text: &str) -> String {
        let mut escaped = String::from("\"");
        for c in self.template(text).to_string().chars() {
            match c {
                '"' => escaped.push_str("\\\""),
                '\\' => escaped.push_str("\\\\"),
                '\n' => escaped.push_str("\\n"),
                '\t' => escaped.push_str("\\t"),
                c if !clean::is_seen(c) => {
                    write!(escaped, "\\u{{{:x}}}", u32::from(c)).expect("a string takes it");
                }
                c => escaped.push(c),
            }
        }
        escaped + "\""
    }

    /// With variables in place of secrets.
    fn template(&self, text: &str) -> Template {
        let mut template = Template::default();
        let mut rest = text;
        while let Some((at, name, value)) = self.next_secret(rest) {
            template.push_text(&rest[..at]);
            template.push_variable(name);
            rest = &rest[at + value.len()..];
        }
        template.push_text(rest);
        template
    }

    /// The first secret in a text; of two at the same place the longer.
    fn next_secret(&self, text: &str) -> Option<(usize, &str, &str)> {
        let secrets = self.secrets.iter().filter(|(_, value)| !value.is_empty());
        let found = secrets.filter_map(|(name, value)| {
            let at = text.find(value.as_str())?;
            Some((at, name.as_str(), value.as_str()))
        });
        found.min_by_key(|(at, _, value)| (*at, usize::MAX - value.len()))
    }
}

/// A name as a label: what a label cannot have becomes `_`.
pub(super) fn label(name: &Name) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let label: String = name.as_str().chars().map(plain).collect();
    match label.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => label,
        _ => format!("n{label}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;
    use crate::script::parse;
    use crate::script::tree::World;
    use crate::shell::Exit;
    use std::collections::BTreeSet;

    struct Story {
        recorder: Recorder,
        now: Instant,
        lines: u64,
    }

    impl Story {
        fn new(name: &str, secrets: &[(&str, &str)]) -> Self {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let secrets = secrets.iter().map(own).collect();
            Self {
                recorder: Recorder::new(&name.parse().unwrap(), secrets),
                now: Instant(0),
                lines: 0,
            }
        }

        fn types(&mut self, line: &str, outcome: Option<&Outcome>) {
            self.lines += 1;
            let id = LineId(self.lines);
            self.recorder.handle_line(self.now, id, line);
            if let Some(outcome) = outcome {
                self.recorder.handle_settled(id, outcome);
            }
        }

        fn sees(&mut self, kind: &'static str, fields: &[(&'static str, &str)]) {
            let fact = fields.iter().fold(Fact::new(kind), |fact, (name, value)| {
                fact.with(name, *value)
            });
            self.recorder.handle_fact(self.now, &fact);
        }

        /// What was written; it always parses as a live file.
        fn ends(self, variables: &[&str]) -> String {
            let text = self.recorder.finish();
            let variables: BTreeSet<String> = variables.iter().map(|v| (*v).to_owned()).collect();
            let file = parse("record.chat", &text, &variables, &mut |_| unreachable!());
            let file = file.unwrap_or_else(|wrong| panic!("{}\n{text}", wrong[0]));
            assert_eq!(file.world, World::Live);
            text
        }
    }

    fn done() -> Outcome {
        Outcome::Done(client::Outcome::Done)
    }

    fn failed() -> Outcome {
        Outcome::Failed {
            code: "unknown-peer",
            message: "no one is called so".to_owned(),
            exit: Exit::Refused,
        }
    }

    #[test]
    fn a_conversation_is_written_as_it_can_be_had_again() {
        let mut alice = Story::new("alice", &[]);
        let id = "9f2c41d07be84c0d8a51e6f3027bd9aa";
        let sent = Outcome::Done(client::Outcome::Message {
            id: MessageId(0x9f2c_41d0_7be8_4c0d_8a51_e6f3_027b_d9aa),
            state: Delivery::Acked,
            by: client::event::By::Peer,
        });
        let to_bob = [("id", id), ("to", "bob")];
        alice.types("  send bob tea?", None);
        alice.sees("delivery", &[&to_bob[..], &[("state", "queued")]].concat());
        alice.sees("delivery", &[&to_bob[..], &[("state", "stored")]].concat());
        alice.recorder.handle_settled(LineId(1), &sent);
        alice.now = Instant(1_460_000);
        let hi = [("id", "52"), ("scope", "direct"), ("from", "bob")];
        alice.sees("message", &[&hi[..], &[("text", "in $5 minutes")]].concat());
        alice.sees(
            "delivery",
            &[&to_bob[..], &[("state", "delivered")]].concat(),
        );
        alice.sees("shown", &[("text", "bob: in $5 minutes")]);
        alice.sees("presence", &[("who", "carol"), ("status", "away")]);
        alice.sees("error", &[("code", "unknown-peer")]);
        alice.types("send nobody hi", Some(&failed()));
        alice.types("dereg", Some(&done()));
        alice.sees("session", &[("state", "offline"), ("reason", "left")]);
        alice.types("reg", None);
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "# recorded by ackchat {version} as alice\n\
             alice> send bob tea?\n#: {id}\n\
             alice< delivery to=bob state=stored id=?m1\n#: m1={id}\n\
             # +1.4s\nalice< bob: in $$5 minutes\n#: 52\n\
             alice< delivery to=bob state=delivered id=$m1\n\
             # presence carol away\n\
             alice!> send nobody hi\nalice< error code=unknown-peer\n\
             alice> dereg\nalice< session state=offline reason=left\nalice&> reg\n"
        );
        assert_eq!(alice.ends(&[]), expected);
    }

    #[test]
    fn what_one_line_cannot_hold_comes_from_a_variable() {
        let mut story = Story::new("7.up-x", &[]);
        story.types("open bob", Some(&done()));
        for text in [
            "exit ",
            "  indented",
            "two\tlines \"a\"",
            "$x \u{7}bell",
            "\"q\"",
            " ",
        ] {
            story.types(text, Some(&done()));
            let fields = [
                ("id", "1"),
                ("scope", "group"),
                ("group", "g"),
                ("from", "b"),
            ];
            story.sees("message", &[&fields[..], &[("text", text)]].concat());
        }
        let text = story.ends(&[]);
        for line in [
            "let t1 = \"exit \"",
            "n7_up_x> $t1",
            "n7_up_x< #g b: \"exit \"",
            "let t2 = \"  indented\"",
            "n7_up_x< #g b: two\tlines \"a\"",
            "let t3 = \"\\u{7}bell\"",
            "n7_up_x> $$x $t3",
            "n7_up_x< #g b: \"\"q\"\"",
        ] {
            assert!(
                text.lines().any(|written| written == line),
                "{line}\n{text}"
            );
        }
    }

    #[test]
    fn secrets_become_variables_and_the_shells_own_commands_are_left_out() {
        let mut story = Story::new("alice", &[("pin", "1234"), ("long", "12345"), ("none", "")]);
        story.types("send bob 1234 12345 12", Some(&done()));
        story.types("", Some(&done()));
        let text = story.ends(&["pin", "long"]);
        assert!(
            text.contains("alice> send bob ${pin} ${long} 12\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn text_is_given_as_soon_as_no_outcome_is_missing() {
        let mut story = Story::new("alice", &[]);
        assert!(
            story
                .recorder
                .poll_text()
                .unwrap()
                .starts_with("# recorded")
        );
        story.types("table", None);
        story.sees("table", &[("online", "1"), ("total", "2")]);
        assert_eq!(story.recorder.poll_text(), None);
        story.recorder.handle_settled(LineId(1), &done());
        let text = story.recorder.poll_text().unwrap();
        assert_eq!(text, "alice> table\n# table 1 of 2\n");
        assert_eq!(story.recorder.finish(), "");
    }
}
