//! A question, and the first message that comes back.

use super::call::{Command, request};
use super::heard::{Heard, is_set, key, text};
use super::{Manner, OneShot, Step, Steps};
use crate::model::{Instant, MessageId, Name, Now};
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
    seen: Vec<(Name, MessageId)>,
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
            seen: Vec::new(),
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
                let is_direct = text(&fields, "scope") == "direct";
                // What was kept or held back may have been written before the question.
                let is_new = !is_set(&fields, "late") && !is_set(&fields, "held");
                let is_his = text(&fields, "from").eq_ignore_ascii_case(&self.who);
                if is_direct && is_new && is_his {
                    self.on_answer(line, text(&fields, "text"));
                    if self.steps.is_ended() {
                        self.seen.extend(key(&fields));
                    }
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

    fn take_seen(&mut self) -> Vec<(Name, MessageId)> {
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
    use crate::shell::asked::Marks;
    use crate::shell::control::request::Rung;

    #[test]
    fn what_was_written_before_the_question_is_no_answer_to_it() {
        for (late, held, answers) in [
            (false, false, true),
            (true, false, false),
            (false, true, false),
        ] {
            let command = Command {
                words: ["send", "bob", "go?"].map(str::to_owned).into(),
                rung: Rung::Stored,
                timeout: None,
                is_message: true,
                marks: Marks::default(),
            };
            let timeout = Duration::from_secs(9);
            let to = ("bob".to_owned(), &command);
            let mut ask = Ask::new((Now::default(), timeout), Manner::default(), to, true);
            let yes = json!({
                "ev": "message", "scope": "direct", "from": "Bob", "text": "yes",
                "id": "0000000000000000000000000000001f", "late": late, "held": held,
            });
            ask.handle_line(Now::default(), &yes.to_string());
            assert_eq!(ask.steps.is_ended(), answers, "{yes}");
            assert_eq!(ask.take_seen().len(), usize::from(answers));
        }
    }

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
