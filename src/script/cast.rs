//! Who takes part in a test, what each has seen, and which of it was used already.

use super::report::time;
use super::tree::Span;
use crate::client;
use crate::model::{Instant, Name};
use crate::shell::fields::{Fact, Value};
use crate::shell::matcher::{Binding, Fit, Nearness, Wanted};
use crate::shell::{self, Settings};

/// Names one who takes part, in the order in which they were declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(pub usize);

/// What somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A client of its own.
    Client(ClientPart),
    /// The profile's client, at its server.
    Own,
    /// A server of its own.
    Server(ServerPart),
}

/// A client of a hermetic test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPart {
    /// The name it asks for.
    pub name: Name,
    /// The server it talks to.
    pub server: Who,
    /// It has a copy of this one's key; else one of its own.
    pub key_of: Option<Who>,
    /// Its local port; none: any.
    pub port: Option<u16>,
    /// A lost server does not end it.
    pub stay: bool,
    /// It lets the server carry datagrams where the direct path fails.
    pub relay: bool,
    /// What its shell does.
    pub settings: Settings,
}

/// A server of a hermetic test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerPart {
    /// Its port; none: the usual one, or any.
    pub port: Option<u16>,
    /// It does not tell its key to who asks.
    pub quiet: bool,
    /// It writes the text of group messages to its console.
    pub log_text: bool,
    /// It carries datagrams between clients.
    pub relay: bool,
}

/// One who takes part.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) label: String,
    pub(super) part: Part,
    pub(super) state: State,
    seen: Vec<Seen>,
    /// All before it are used.
    used: usize,
    /// What the last `<` or `<<` used stands before it.
    point: usize,
    /// Lines that nobody has asked about yet, or that wait for their outcome.
    pub(super) lines: Vec<Typed>,
}

/// How far a program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its program has ended: how, and after which line.
    Gone(String, Option<Span>),
    /// It runs.
    Here,
    /// Declared, never started.
    New,
    /// It was started, and is not ready.
    Starting,
}

/// A line that was typed.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) number: u64,
    pub(super) text: String,
    pub(super) span: Span,
    pub(super) since: Instant,
    pub(super) outcome: Option<Outcome>,
}

/// How a line ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well; what became of a message, or `done`.
    Done(&'static str),
    /// Not; the code and the words.
    Failed(String, String),
}

impl From<&shell::Outcome> for Outcome {
    fn from(outcome: &shell::Outcome) -> Self {
        match outcome {
            shell::Outcome::Done(client::Outcome::Message { state, .. }) => {
                Self::Done(state.word())
            }
            shell::Outcome::Done(client::Outcome::Done | client::Outcome::Recalled { .. }) => {
                Self::Done("done")
            }
            shell::Outcome::Failed { code, message, .. } => {
                Self::Failed((*code).to_owned(), message.clone())
            }
        }
    }
}

#[derive(Debug)]
struct Seen {
    fact: Fact,
    is_used: bool,
}

/// What looking for an event gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It was there, and is used up.
    It(Vec<Binding>),
    /// Not yet.
    Nothing,
    /// Another message came before it.
    Other(Fact),
}

impl Member {
    pub(super) fn new(label: &str, part: Part) -> Self {
        Self {
            label: label.to_owned(),
            part,
            state: State::New,
            seen: Vec::new(),
            used: 0,
            point: 0,
            lines: Vec::new(),
        }
    }

    pub(super) const fn name(&self) -> Option<&Name> {
        match &self.part {
            Part::Client(part) => Some(&part.name),
            Part::Own | Part::Server(_) => None,
        }
    }

    /// A client that is logged in, as far as its own facts say.
    pub(super) fn is_online(&self) -> bool {
        let mut facts = self.seen.iter().rev().map(|seen| &seen.fact);
        let last = facts.find(|fact| fact.kind == "session");
        self.state == State::Here
            && self.name().is_some()
            && last.is_some_and(|fact| state(fact) == Some("online"))
    }

    /// Whether it was told that somebody is online; none: it was told nothing.
    pub(super) fn knows(&self, name: &str) -> Option<bool> {
        let told = |fact: &&Fact| fact.kind == "presence" && is_text(fact, "who", name);
        let last = self.seen.iter().rev().map(|seen| &seen.fact).find(told);
        last.map(|fact| is_text(fact, "status", "online"))
    }

    pub(super) fn sees(&mut self, fact: Fact) {
        let is_used = false;
        self.seen.push(Seen { fact, is_used });
    }

    /// The oldest unused event that fits is used up.
    pub(super) fn find(&mut self, wanted: &Wanted) -> Found {
        for at in self.used..self.seen.len() {
            if self.seen[at].is_used {
                continue;
            }
            if let Fit::Fits(bindings) = wanted.fit(&self.seen[at].fact) {
                self.use_up(at);
                return Found::It(bindings);
            }
        }
        Found::Nothing
    }

    /// The same behind the point; a message may not pass over another one.
    pub(super) fn find_next(&mut self, wanted: &Wanted) -> Found {
        for at in self.point..self.seen.len() {
            let Seen { fact, is_used } = &self.seen[at];
            if *is_used {
                continue;
            }
            match wanted.fit(fact) {
                Fit::Fits(bindings) => {
                    self.use_up(at);
                    return Found::It(bindings);
                }
                Fit::Near(..) if fact.kind == "message" => return Found::Other(fact.clone()),
                Fit::Near(..) | Fit::Other => {}
            }
        }
        Found::Nothing
    }

    /// An unused event that fits; nothing is used up.
    pub(super) fn spot(&self, wanted: &Wanted) -> Option<&Fact> {
        self.unused()
            .find(|fact| matches!(wanted.fit(fact), Fit::Fits(_)))
    }

    /// The unused event that comes nearest, and how it differs.
    pub(super) fn closest(&self, wanted: &Wanted) -> Option<(&Fact, String)> {
        let mut best: Option<(Nearness, &Fact, String)> = None;
        for fact in self.unused() {
            if let Fit::Near(nearness, how) = wanted.fit(fact)
                && best.as_ref().is_none_or(|(most, ..)| nearness >= *most)
            {
                best = Some((nearness, fact, how));
            }
        }
        best.map(|(_, fact, how)| (fact, how))
    }

    /// What nobody has looked at, oldest first.
    pub(super) fn unused(&self) -> impl DoubleEndedIterator<Item = &Fact> {
        let unused = self.seen[self.used..].iter().filter(|seen| !seen.is_used);
        unused.map(|seen| &seen.fact)
    }

    /// All that was seen, used or not.
    pub(super) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.seen.iter().map(|seen| &seen.fact)
    }

    /// All that was seen so far counts as used.
    pub(super) fn forget(&mut self) {
        for seen in &mut self.seen[self.used..] {
            seen.is_used = true;
        }
        self.used = self.seen.len();
        self.point = self.seen.len();
    }

    fn use_up(&mut self, at: usize) {
        self.seen[at].is_used = true;
        self.point = at + 1;
        while self.seen.get(self.used).is_some_and(|seen| seen.is_used) {
            self.used += 1;
        }
    }

    /// The program has ended, and with it every line that had no outcome.
    pub(super) fn leaves(&mut self, how: String, line: Option<Span>) {
        for typed in &mut self.lines {
            typed
                .outcome
                .get_or_insert_with(|| Outcome::Failed("no-session".to_owned(), how.clone()));
        }
        self.state = State::Gone(how, line);
    }

    /// What was sent and received, as records of `history`, `outbox` and `unread`.
    pub(super) fn records(&self, query: &str) -> Option<Vec<Fact>> {
        match query {
            "history" => Some(self.history()),
            "outbox" => {
                let waits = |fact: &Fact| matches!(state(fact), Some("queued" | "sent"));
                let out = self.history().into_iter().filter(waits);
                Some(out.map(|fact| renamed(fact, "outbox")).collect())
            }
            // A script's screen shows everything at once.
            "unread" => Some(Vec::new()),
            _ => None,
        }
    }

    fn history(&self) -> Vec<Fact> {
        let mut history: Vec<Fact> = Vec::new();
        for fact in self.facts() {
            let known = |old: &Fact| old.field("id") == fact.field("id");
            match fact.kind {
                "message" => history.push(record(fact, "from")),
                "delivery" => match history.iter().position(known) {
                    // A message to oneself is there already.
                    Some(at) if history[at].field("from").is_some() => {}
                    Some(at) => move_on(&mut history[at], fact),
                    None => history.push(record(fact, "to")),
                },
                _ => {}
            }
        }
        history
    }
}

/// A record of `history`; `with` is the other one, or the group.
fn record(fact: &Fact, other: &str) -> Fact {
    let mut record = Fact::new("history");
    let with = if fact.field("group").is_some() {
        "group"
    } else {
        other
    };
    let names = ["id", "with", "from", "to", "group", "text", "late", "state"];
    for name in names {
        let source = if name == "with" { with } else { name };
        record = record.with_some(name, fact.field(source).cloned());
    }
    record
}

fn move_on(old: &mut Fact, newer: &Fact) {
    let Some(state) = newer.field("state") else {
        return;
    };
    for (name, value) in &mut old.fields {
        if *name == "state" {
            *value = state.clone();
        }
    }
}

fn state(fact: &Fact) -> Option<&str> {
    match fact.field("state")? {
        Value::Text(state) => Some(state),
        _ => None,
    }
}

fn is_text(fact: &Fact, field: &str, text: &str) -> bool {
    matches!(fact.field(field), Some(Value::Text(found)) if **found == *text)
}

fn renamed(mut fact: Fact, kind: &'static str) -> Fact {
    fact.kind = kind;
    fact.fields
        .retain(|(name, _)| ["id", "to", "group", "state"].contains(name));
    fact
}

impl Typed {
    /// `done 2.01s earlier: acked`.
    pub(super) fn story(&self, now: Instant) -> String {
        let ago = time(now.since(self.since));
        match &self.outcome {
            None => format!("typed {ago} earlier; no outcome yet"),
            Some(Outcome::Done(state)) => format!("typed {ago} earlier: {state}"),
            Some(Outcome::Failed(code, _)) => format!("typed {ago} earlier: {code}"),
        }
    }
}

/// A fact without what a reader seldom wants: ids, times, and flags that are off.
pub(super) fn brief(fact: &Fact) -> String {
    let dull = |(name, value): &(&str, Value)| {
        *value == Value::Flag(false) || ["id", "sent_ts", "rtt_ms", "fingerprint"].contains(name)
    };
    let fields = fact.fields.iter().filter(|field| !dull(field));
    let short = Fact {
        kind: fact.kind,
        fields: fields.cloned().collect(),
    };
    short.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::pattern::{Match, Pattern, Relation, Value as Wish};
    use crate::shell::template::Template;

    fn message(text: &str) -> Fact {
        Fact::new("message").with("from", "bob").with("text", text)
    }

    fn shown(text: &str) -> Fact {
        Fact::new("shown").with("text", text)
    }

    fn wanted(kind: &str, text: &str) -> Wanted {
        let one = Match {
            field: "text".to_owned(),
            relation: Relation::Is,
            value: Wish::OneOf(vec![Template::text(text)]),
            span: Span::default(),
        };
        let pattern = Pattern {
            kind: kind.to_owned(),
            matches: vec![one],
        };
        Wanted::fill(&pattern, &mut |_| None).unwrap()
    }

    fn alice(facts: &[Fact]) -> Member {
        let mut alice = Member::new("alice", Part::Own);
        facts.iter().cloned().for_each(|fact| alice.sees(fact));
        alice
    }

    #[test]
    fn the_oldest_one_that_fits_is_used_and_the_others_stay() {
        let mut alice = alice(&[message("a"), message("b"), message("a")]);
        assert_eq!(alice.find(&wanted("message", "b")), Found::It(Vec::new()));
        assert_eq!(alice.find(&wanted("message", "b")), Found::Nothing);
        assert_eq!(alice.find(&wanted("message", "a")), Found::It(Vec::new()));
        assert_eq!(alice.find(&wanted("message", "a")), Found::It(Vec::new()));
        assert_eq!(alice.unused().count(), 0);
    }

    #[test]
    fn in_order_means_behind_the_last_one_and_no_message_passes_another() {
        let mut alice = alice(&[shown("1"), message("a"), shown("2"), message("b")]);
        assert_eq!(
            alice.find_next(&wanted("message", "b")),
            Found::Other(message("a"))
        );
        assert_eq!(
            alice.find_next(&wanted("shown", "2")),
            Found::It(Vec::new())
        );
        assert_eq!(alice.find_next(&wanted("shown", "1")), Found::Nothing);
        assert_eq!(
            alice.find_next(&wanted("message", "b")),
            Found::It(Vec::new())
        );
        // Without order it is still there.
        assert_eq!(alice.find(&wanted("shown", "1")), Found::It(Vec::new()));
    }

    #[test]
    fn what_is_forgotten_was_never_there() {
        let mut alice = alice(&[message("a")]);
        assert!(alice.spot(&wanted("message", "a")).is_some());
        alice.forget();
        assert!(alice.spot(&wanted("message", "a")).is_none());
        assert_eq!(alice.find(&wanted("message", "a")), Found::Nothing);
    }

    #[test]
    fn the_closest_event_is_the_one_in_which_most_fits() {
        let alice = alice(&[shown("hi"), message("hi!"), message("ho")]);
        let (fact, how) = alice.closest(&wanted("message", "hi")).unwrap();
        assert_eq!(brief(fact), "message from=bob text=\"hi!\"");
        assert_eq!(how, "text goes on after character 2");
    }
}
