//! Hooks: programs that run when something happens; which of them, when, and what becomes of what
//! they answer.
//!
//! Nothing here starts a process. A host takes a [`Job`], runs it with the event as data, never as
//! words of a command, and tells how it ended.

use super::fields::{Fact, Field, Kind, Takes, Value};
use super::matcher::{Fit, Wanted};
use super::{args::Target, clean};
use crate::model::limits::{
    HOOK_QUEUE_MAX, HOOK_REPLIES_MAX, HOOK_REPLIES_WINDOW, HOOK_SENDERS_MAX,
};
use crate::model::{GroupName, Instant, Name, Text};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The kinds of events that a hook may be for.
pub const KINDS: [&str; 7] = [
    "delivery", "error", "group", "key", "message", "presence", "session",
];

/// One hook, as config.toml describes it.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its name, for people.
    pub name: String,
    /// Which events.
    pub on: Wanted,
    /// The program and its arguments, each one word.
    pub run: Vec<String>,
    /// What it reads.
    pub reads: Reads,
    /// Whether somebody hears what it writes.
    pub reply: Reply,
    /// It is ended after so long.
    pub limit: Duration,
}

/// What a hook reads from its standard input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// The event as one line of JSON.
    #[default]
    Json,
    /// Nothing.
    None,
    /// The text of a message, byte for byte.
    Text,
}

/// Whether somebody hears what a hook writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// Nobody.
    #[default]
    No,
    /// Whoever sent the message, or the group that it was sent to.
    Yes,
}

/// One run of a hook.
#[derive(Clone, Debug)]
pub struct Job {
    /// Which hook, as [`Hooks::on_end`] wants it.
    pub index: usize,
    /// What it is.
    pub hook: Arc<Hook>,
    /// Because of what.
    pub fact: Fact,
}

/// Two runs are the same if they are of one hook and because of one event.
impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.fact == other.fact
    }
}

impl Eq for Job {}

/// How a run of a hook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// It could not begin, failed or was cut; with its status if it had one.
    Failed(Option<i32>),
    /// Its time was up.
    Late,
    /// With status 0, and this is what it wrote.
    Ok(Vec<u8>),
}

/// What a hook says to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// To whom.
    pub to: Target,
    /// What.
    pub text: Text,
}

/// The hooks of one program.
#[derive(Debug, Default)]
pub struct Hooks {
    slots: Vec<Slot>,
    /// When each sender was answered in the last minute.
    answered: BTreeMap<String, VecDeque<Instant>>,
}

#[derive(Debug)]
struct Slot {
    hook: Arc<Hook>,
    is_on: bool,
    queue: VecDeque<Fact>,
    /// What it is running for.
    running: Option<Fact>,
    /// Events are being dropped, and that was said.
    is_full: bool,
}

impl Hooks {
    /// All of them on.
    #[must_use]
    pub fn new(hooks: Vec<Hook>) -> Self {
        let slots = hooks.into_iter().map(|hook| Slot {
            hook: Arc::new(hook),
            is_on: true,
            queue: VecDeque::new(),
            running: None,
            is_full: false,
        });
        Self {
            slots: slots.collect(),
            answered: BTreeMap::new(),
        }
    }

    /// Something happened. Gives what has to be told of hooks that have no room for it.
    ///
    /// Automatic messages are never answered automatically (the NOTICE rule of RFC 1459, 4.4.2):
    /// no hook hears of one.
    pub fn on_fact(&mut self, fact: &Fact) -> Vec<Fact> {
        let mut told = Vec::new();
        if fact.field("auto") == Some(&Value::Flag(true)) {
            return told;
        }
        for slot in &mut self.slots {
            if !slot.is_on || !matches!(slot.hook.on.fit(fact), Fit::Fits(_)) {
                continue;
            }
            if slot.queue.len() < HOOK_QUEUE_MAX {
                slot.is_full = false;
                slot.queue.push_back(fact.clone());
            } else if !slot.is_full {
                slot.is_full = true;
                told.push(event(&slot.hook, "dropped", None));
            }
        }
        told
    }

    /// The next hook to run: of each one at a time, in the order of its events.
    pub fn poll(&mut self) -> Option<Job> {
        let free = |slot: &Slot| slot.running.is_none() && !slot.queue.is_empty();
        let index = self.slots.iter().position(free)?;
        let slot = &mut self.slots[index];
        let fact = slot.queue.pop_front()?;
        slot.running = Some(fact.clone());
        let hook = slot.hook.clone();
        Some(Job { index, hook, fact })
    }

    /// A run ended: what is to be told of it, and what is to be said. To a group something can be
    /// said only `here`, in it.
    pub fn on_end(
        &mut self,
        now: Instant,
        index: usize,
        end: &JobEnd,
        here: Option<&GroupName>,
    ) -> (Option<Fact>, Option<Answer>) {
        let Some(slot) = self.slots.get_mut(index) else {
            return (None, None);
        };
        let Some(fact) = slot.running.take() else {
            return (None, None);
        };
        let hook = slot.hook.clone();
        let output = match end {
            JobEnd::Failed(code) => return (Some(event(&hook, "failed", *code)), None),
            JobEnd::Late => return (Some(event(&hook, "timeout", None)), None),
            JobEnd::Ok(output) => output,
        };
        let ok = Some(event(&hook, "ok", None));
        let said = String::from_utf8_lossy(output);
        let said = said.trim_end();
        if hook.reply == Reply::No || said.is_empty() {
            return (ok, None);
        }
        let Ok(text) = said.parse() else {
            return (Some(event(&hook, "failed", None)), None);
        };
        match self.target(now, &fact, here) {
            Some(to) => (ok, Some(Answer { to, text })),
            None => (Some(event(&hook, "dropped", None)), None),
        }
    }

    /// Whom to answer; nobody if this sender was answered too often, or if we have gone from the
    /// group since: what was meant for it is not said in another.
    fn target(&mut self, now: Instant, fact: &Fact, here: Option<&GroupName>) -> Option<Target> {
        let from: Name = fact.text("from")?.parse().ok()?;
        let to = match fact.text("group") {
            Some(group) => {
                let group: GroupName = group.parse().ok()?;
                Target::Group(Some(group).filter(|group| here == Some(group))?)
            }
            None => Target::Name(from.clone()),
        };
        let is_old = |at: &Instant| now.since(*at) >= HOOK_REPLIES_WINDOW;
        self.answered.retain(|_, times| {
            times.retain(|at| !is_old(at));
            !times.is_empty()
        });
        let sender = from.to_lower();
        let is_known = self.answered.contains_key(&sender);
        if !is_known && self.answered.len() >= HOOK_SENDERS_MAX {
            return None;
        }
        let times = self.answered.entry(sender).or_default();
        if times.len() >= HOOK_REPLIES_MAX {
            return None;
        }
        times.push_back(now);
        Some(to)
    }

    /// Rows for people: each hook, whether it is on, what it is for and what it runs.
    #[must_use]
    pub fn rows(&self) -> Vec<String> {
        let row = |slot: &Slot| {
            let on = if slot.is_on { "on " } else { "off" };
            let hook = &slot.hook;
            let row = format!("  {on}  {}: {} -> {}", hook.name, hook.on, argv(&hook.run));
            clean::line(&row)
        };
        self.slots.iter().map(row).collect()
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| slot.hook.name.as_str())
    }

    /// Turns one on or off; false if there is none with this name.
    pub fn switch(&mut self, name: &str, is_on: bool) -> bool {
        let mut found = false;
        for slot in self.slots.iter_mut().filter(|slot| slot.hook.name == name) {
            slot.is_on = is_on;
            if !is_on {
                slot.queue.clear();
            }
            found = true;
        }
        found
    }

    /// What each hook would do with an event, in words; nothing is run.
    #[must_use]
    pub fn test(&self, fact: &Fact) -> Vec<String> {
        let row = |slot: &Slot| {
            let hook = &slot.hook;
            let would = match hook.on.fit(fact) {
                _ if fact.field("auto") == Some(&Value::Flag(true)) => {
                    "no: it is automatic".to_owned()
                }
                Fit::Fits(_) if !slot.is_on => "no: it is off".to_owned(),
                Fit::Fits(_) => format!("would run {}", argv(&hook.run)),
                Fit::Near(_, how) => format!("no: {how}"),
                Fit::Other => format!("no: it is for {}", hook.on.kind()),
            };
            clean::line(&format!("  {}: {would}", hook.name))
        };
        self.slots.iter().map(row).collect()
    }
}

/// The event that tells how a hook fared.
fn event(hook: &Hook, result: &str, code: Option<i32>) -> Fact {
    Fact::new("hook")
        .with("name", hook.name.as_str())
        .with("on", hook.on.kind())
        .with("result", result)
        .with_some("code", code.map(i64::from))
}

/// Each word as it is, with quotes where it would not be seen to be one word.
fn argv(words: &[String]) -> String {
    let word = |word: &String| {
        if word.is_empty() || word.contains([' ', '\t', '"']) {
            format!("{word:?}")
        } else {
            word.clone()
        }
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// An event in words: `message from=bob text="hi there"`; what is wrong with it, else.
///
/// # Errors
/// The kind or a field is unknown, or a field cannot have this value.
pub fn imagined(words: &str) -> Result<Fact, String> {
    let words = words.trim();
    let (kind, mut rest) = words.split_once([' ', '\t']).unwrap_or((words, ""));
    let known = || format!("the events are {}", KINDS.join(", "));
    let kind = Kind::of(kind).filter(|kind| KINDS.contains(&kind.name));
    let kind = kind.ok_or_else(known)?;
    let mut fact = Fact::new(kind.name);
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(fact);
        }
        let (name, tail) = rest.split_once('=').ok_or("write FIELD=VALUE")?;
        let names = || {
            kind.fields
                .iter()
                .map(|field| field.name)
                .collect::<Vec<_>>()
        };
        let field = kind.field(name);
        let field = field.ok_or_else(|| format!("the fields are {}", names().join(", ")))?;
        let quoted = tail.strip_prefix('"').and_then(|tail| tail.split_once('"'));
        let (value, after) = quoted
            .or_else(|| tail.split_once([' ', '\t']))
            .unwrap_or((tail, ""));
        fact = fact.with(field.name, of_field(field, value)?);
        rest = after;
    }
}

fn of_field(field: &Field, value: &str) -> Result<Value, String> {
    let name = field.name;
    match field.takes {
        Takes::Flag => {
            let flag = value
                .parse()
                .map_err(|_| format!("{name} is true or false"));
            flag.map(Value::Flag)
        }
        Takes::Number => {
            let number = value
                .parse()
                .map_err(|_| format!("{name} is a whole number"));
            number.map(Value::Number)
        }
        Takes::Words(words) if !words.contains(&value) => {
            Err(format!("{name} is {}", words.join(", ")))
        }
        Takes::Text | Takes::Time | Takes::Words(_) => Ok(Value::from(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::pattern::Pattern;

    fn hook(name: &str, reply: Reply) -> Hook {
        let pattern = Pattern {
            kind: "message".to_owned(),
            matches: Vec::new(),
        };
        Hook {
            name: name.to_owned(),
            on: Wanted::fill(&pattern, &mut |_| None).unwrap(),
            run: vec!["say".to_owned(), "a b".to_owned()],
            reads: Reads::Json,
            reply,
            limit: Duration::from_secs(5),
        }
    }

    fn message(from: &str, auto: bool) -> Fact {
        Fact::new("message")
            .with("from", from)
            .with("text", "hi")
            .with("auto", auto)
    }

    fn results(facts: &[Fact]) -> Vec<String> {
        facts
            .iter()
            .filter_map(|fact| fact.text("result"))
            .collect()
    }

    #[test]
    fn one_run_at_a_time_in_order_and_beyond_the_queue_events_are_dropped_and_told_once() {
        let mut hooks = Hooks::new(vec![hook("h", Reply::No)]);
        let mut told = Vec::new();
        told.extend(hooks.on_fact(&message("m0", false)));
        let first = hooks.poll().unwrap();
        assert_eq!(first.fact, message("m0", false));
        for number in 1..=HOOK_QUEUE_MAX {
            told.extend(hooks.on_fact(&message(&format!("m{number}"), false)));
        }
        assert_eq!(results(&told), [""; 0], "at the limit nothing is lost");
        for _ in 0..3 {
            told.extend(hooks.on_fact(&message("lost", false)));
        }
        assert_eq!(results(&told), ["dropped"]);
        assert!(hooks.poll().is_none(), "one at a time");
        let (fact, answer) = hooks.on_end(Instant(0), first.index, &JobEnd::Late, None);
        assert_eq!(
            (results(&fact.into_iter().collect::<Vec<_>>()), answer),
            (vec!["timeout".to_owned()], None)
        );
        assert_eq!(hooks.poll().unwrap().fact, message("m1", false));
    }

    #[test]
    fn an_automatic_message_runs_nothing() {
        let mut hooks = Hooks::new(vec![hook("h", Reply::Yes)]);
        hooks.on_fact(&message("bob", true));
        assert!(hooks.poll().is_none());
        assert_eq!(
            hooks.test(&message("bob", true)),
            ["  h: no: it is automatic"]
        );
    }

    fn answers(hooks: &mut Hooks, at_s: u64, from: &str) -> Option<Answer> {
        hooks.on_fact(&message(from, false));
        let job = hooks.poll()?;
        let end = JobEnd::Ok(b"yes\n".to_vec());
        hooks
            .on_end(Instant(at_s * 1_000_000), job.index, &end, None)
            .1
    }

    #[test]
    fn a_sender_is_answered_six_times_a_minute_whatever_the_case_of_the_name() {
        let mut hooks = Hooks::new(vec![hook("h", Reply::Yes)]);
        for second in 0..6 {
            let from = if second % 2 == 0 { "bob" } else { "BOB" };
            let answer = answers(&mut hooks, second, from).unwrap();
            assert_eq!(answer.text.as_str(), "yes");
        }
        assert_eq!(answers(&mut hooks, 59, "bob"), None);
        assert!(answers(&mut hooks, 59, "carol").is_some());
        assert!(
            answers(&mut hooks, 60, "bob").is_some(),
            "the first is a minute ago"
        );
        assert_eq!(answers(&mut hooks, 60, "bob"), None);
    }

    #[test]
    fn an_answer_goes_to_the_group_or_the_sender_and_an_empty_one_nowhere() {
        let mut hooks = Hooks::new(vec![hook("h", Reply::Yes)]);
        hooks.on_fact(&message("bob", false).with("group", "lounge"));
        let job = hooks.poll().unwrap();
        let end = JobEnd::Ok(b"\xff ok".to_vec());
        let lounge: GroupName = "lounge".parse().unwrap();
        let here = Some(&lounge);
        let answer = hooks.on_end(Instant(0), job.index, &end, here).1.unwrap();
        assert_eq!(answer.to, Target::Group(lounge));
        assert_eq!(answer.text.as_str(), "\u{fffd} ok");
        hooks.on_fact(&message("bob", false));
        let job = hooks.poll().unwrap();
        let end = JobEnd::Ok(b" \n\n".to_vec());
        assert_eq!(hooks.on_end(Instant(0), job.index, &end, None).1, None);
    }

    #[test]
    fn an_answer_to_a_group_that_we_have_left_is_dropped_and_told() {
        let mut hooks = Hooks::new(vec![hook("h", Reply::Yes)]);
        for here in [None, Some("other")] {
            hooks.on_fact(&message("bob", false).with("group", "lounge"));
            let job = hooks.poll().unwrap();
            let end = JobEnd::Ok(b"yes".to_vec());
            let here: Option<GroupName> = here.map(|name| name.parse().unwrap());
            let (told, answer) = hooks.on_end(Instant(0), job.index, &end, here.as_ref());
            let told: Vec<Fact> = told.into_iter().collect();
            assert_eq!((results(&told), answer), (vec!["dropped".to_owned()], None));
        }
    }

    #[test]
    fn a_hook_that_is_off_runs_nothing_and_says_so() {
        let mut hooks = Hooks::new(vec![hook("h", Reply::No)]);
        assert!(hooks.switch("h", false));
        assert!(!hooks.switch("x", false));
        hooks.on_fact(&message("bob", false));
        assert!(hooks.poll().is_none());
        assert_eq!(hooks.rows(), ["  off  h: message -> say \"a b\""]);
        assert_eq!(hooks.test(&message("bob", false)), ["  h: no: it is off"]);
    }

    #[test]
    fn an_event_in_words_is_read_or_told_what_is_wrong() {
        let fact = imagined("message from=bob text=\"hi there\" late=true").unwrap();
        assert_eq!(
            fact.to_string(),
            "message from=bob text=\"hi there\" late=true"
        );
        for (words, why) in [
            ("", "the events are "),
            ("hook name=x", "the events are "),
            ("message sender=bob", "the fields are id, scope, from"),
            ("message late=maybe", "late is true or false"),
            ("message scope=x", "scope is direct, group, all"),
            ("message bob", "write FIELD=VALUE"),
        ] {
            let wrong = imagined(words).unwrap_err();
            assert!(wrong.starts_with(why), "{words}: {wrong}");
        }
    }
}
