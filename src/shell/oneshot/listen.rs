//! Waiting for messages, and listening to everything that happens.

use super::heard::{Heard, key, text};
use super::{OneShot, Step, Steps, print};
use crate::model::{Instant, MessageId, Name, Now};
use crate::shell::{Exit, clean, pattern};
use regex_lite::Regex;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How a message is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// By a format.
    Format(String),
    /// As the event that it is.
    Json,
    /// Its exact text, and a NUL.
    Nul,
    /// Its text on one line, clean.
    Text,
}

/// Which messages are waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Of whom.
    pub from: Option<String>,
    /// In which group.
    pub group: Option<String>,
    /// What their texts look like.
    pub matching: Option<String>,
    /// How many.
    pub count: usize,
    /// How long.
    pub timeout: Option<Duration>,
    /// After which event; else from now on.
    pub since: Option<String>,
    /// How they are written.
    pub form: Form,
}

impl Wish {
    fn fits(&self, expression: Option<&Regex>, fields: &Map<String, Value>) -> bool {
        let is = |wanted: &Option<String>, field: &str| {
            let found = text(fields, field);
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        let found = text(fields, "text");
        is(&self.from, "from")
            && is(&self.group, "group")
            && expression.is_none_or(|expression| expression.is_match(found))
    }

    fn write(&self, line: &str, fields: &Map<String, Value>) -> String {
        match &self.form {
            Form::Format(format) => print::formatted(format, fields) + "\n",
            Form::Json => format!("{line}\n"),
            // A NUL in a text would be the end of a message that nobody sent.
            Form::Nul => text(fields, "text").replace('\0', "\u{fffd}") + "\0",
            Form::Text => clean::line(text(fields, "text")) + "\n",
        }
    }
}

/// Waits for messages.
#[derive(Debug)]
pub struct Receive {
    steps: Steps,
    wish: Wish,
    expression: Option<Regex>,
    due: Option<Instant>,
    seen: Vec<(Name, MessageId)>,
    missing: usize,
}

impl Receive {
    /// Listens at once.
    ///
    /// # Errors
    /// What the texts are to look like is no regular expression; the words for people.
    pub fn new(now: Now, wish: Wish) -> Result<Self, String> {
        let expression = wish.matching.as_deref().map(pattern::regex).transpose()?;
        let mut steps = Steps::default();
        let mut listen = json!({"id": 1, "cmd": ["events"], "types": ["message"]});
        if let Some(since) = &wish.since {
            listen["since"] = since.as_str().into();
        }
        steps.ask(&listen);
        Ok(Self {
            steps,
            expression,
            due: wish.timeout.map(|timeout| now.instant + timeout),
            seen: Vec::new(),
            missing: wish.count,
            wish,
        })
    }
}

impl OneShot for Receive {
    fn handle_line(&mut self, _: Now, line: &str) {
        match Heard::read(line) {
            Heard::Event(kind, fields)
                if &*kind == "message"
                    && !self.steps.is_ended()
                    && self.wish.fits(self.expression.as_ref(), &fields) =>
            {
                let written = self.wish.write(line, &fields);
                self.steps.push(Step::Say(written));
                self.seen.extend(key(&fields));
                self.missing -= 1;
                if self.missing == 0 {
                    self.steps.end(Exit::Done);
                }
            }
            Heard::Failed(_, failure) => {
                self.steps.complain(&failure.words());
                self.steps.end(failure.exit());
            }
            _ => {}
        }
    }

    fn handle_lost(&mut self) {
        self.steps.lost();
    }

    fn handle_timeout(&mut self, now: Now) {
        if self.due.is_some_and(|due| due <= now.instant) {
            self.due = None;
            self.steps.end(Exit::TimedOut);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn is_for_reader(&self) -> bool {
        true
    }

    fn poll(&mut self) -> Option<Step> {
        self.steps.poll()
    }

    fn take_seen(&mut self) -> Vec<(Name, MessageId)> {
        std::mem::take(&mut self.seen)
    }
}

/// Writes every event until nobody reads any more.
#[derive(Debug)]
pub struct Events {
    steps: Steps,
    seen: Vec<(Name, MessageId)>,
}

impl Events {
    /// Of these kinds (none: all that need not be asked for), from there on.
    #[must_use]
    pub fn new(types: &[String], since: Option<&str>, last: Option<usize>) -> Self {
        let mut listen = json!({"id": 1, "cmd": ["events"]});
        if !types.is_empty() {
            listen["types"] = types.into();
        }
        if let Some(since) = since {
            listen["since"] = since.into();
        }
        if let Some(last) = last {
            listen["last"] = last.into();
        }
        let mut steps = Steps::default();
        steps.ask(&listen);
        Self {
            steps,
            seen: Vec::new(),
        }
    }
}

impl OneShot for Events {
    fn handle_line(&mut self, _: Now, line: &str) {
        match Heard::read(line) {
            Heard::Event(kind, fields) => {
                if &*kind == "message" {
                    self.seen.extend(key(&fields));
                }
                self.steps.say(line);
            }
            Heard::Failed(_, failure) => {
                self.steps.complain(&failure.words());
                self.steps.end(failure.exit());
            }
            _ => {}
        }
    }

    fn handle_lost(&mut self) {
        self.steps.end(Exit::Done);
    }

    fn is_for_reader(&self) -> bool {
        true
    }

    fn poll(&mut self) -> Option<Step> {
        self.steps.poll()
    }

    fn take_seen(&mut self) -> Vec<(Name, MessageId)> {
        std::mem::take(&mut self.seen)
    }
}
