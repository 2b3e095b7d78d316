//! A question, and the first message that comes back.

use super::call::{Command, request};
use super::heard::{Heard, text};
use super::{Manner, OneShot, Step, Steps};
use crate::model::{Instant, Now};
use crate::shell::{Exit, clean};
use serde_json::json;
use std::time::Duration;

/// Asks somebody and waits for the answer.
#[derive(Debug)]
pub struct Ask {
    steps: Steps,
    manner: Manner,
    who: String,
    /// Only yes and no count.
    yes_no: bool,
    due: Instant,
    seen: u64,
}

const LISTEN: u64 = 1;
const ASK: u64 = 2;

impl Ask {
    /// Sends the question at once: what comes after it is an answer.
    #[must_use]
    pub fn new(
        (now, timeout): (Now, Duration),
        manner: Manner,
        (who, command): (String, &Command),
        yes_no: bool,
    ) -> Self {
        let mut steps = Steps::default();
        steps.ask(&json!({"id": LISTEN, "cmd": ["events"], "types": ["message"]}));
        steps.ask(&request(ASK, command));
        Self {
            steps,
            manner,
            who,
            yes_no,
            due: now.instant + timeout,
            seen: 0,
        }
    }

    fn on_answer(&mut self, line: &str, answer: &str) {
        let exit = match (self.yes_no, yes_or_no(answer)) {
            (false, _) | (true, Some(true)) => Exit::Done,
            (true, Some(false)) => Exit::No,
            (true, None) => return,
        };
        if self.manner.json {
            self.steps.say(line);
        } else {
            self.steps.say(&clean::line(answer));
        }
        self.steps.end(exit);
    }
}

impl OneShot for Ask {
    fn handle_line(&mut self, _: Now, line: &str) {
        if self.steps.is_ended() {
            return;
        }
        match Heard::read(line) {
            Heard::Event(kind, fields) if &*kind == "message" => {
                self.seen += 1;
                let is_direct = text(&fields, "scope") == "direct";
                if is_direct && text(&fields, "from").eq_ignore_ascii_case(&self.who) {
                    self.on_answer(line, text(&fields, "text"));
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
        if self.due <= now.instant && !self.steps.is_ended() {
            self.steps.complain("[No answer in time.]");
            self.steps.end(Exit::TimedOut);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        (!self.steps.is_ended()).then_some(self.due)
    }

    fn poll(&mut self) -> Option<Step> {
        self.steps.poll()
    }

    fn take_seen(&mut self) -> u64 {
        std::mem::take(&mut self.seen)
    }
}

/// What an answer means, if it is one of the two.
fn yes_or_no(answer: &str) -> Option<bool> {
    let word = answer.trim().trim_end_matches(['.', '!']).to_lowercase();
    match word.as_str() {
        "y" | "yes" | "ok" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_words_of_their_own() {
        for (answer, means) in [
            ("yes", Some(true)),
            (" Y\n", Some(true)),
            ("OK!", Some(true)),
            ("No.", Some(false)),
            ("n", Some(false)),
            ("yes, but", None),
            ("not now", None),
            ("", None),
        ] {
            assert_eq!(yes_or_no(answer), means, "{answer}");
        }
    }
}
