//! Standard input and output as a connection to a session.

use super::{Appetite, OneShot, Step, Steps};
use crate::model::Now;
use crate::shell::Exit;
use crate::shell::incoming::Line;

/// Hands lines to and fro.
#[derive(Debug, Default)]
pub struct Relay {
    steps: Steps,
    ended: bool,
}

impl OneShot for Relay {
    fn handle_line(&mut self, _: Now, line: &str) {
        self.steps.say(line);
    }

    fn handle_input(&mut self, _: Now, line: Option<Line>) {
        match line {
            Some(Line::Text(line)) => self.steps.push(Step::Ask(line)),
            // The session refuses it, in its own words.
            Some(Line::NotUtf8 | Line::TooLong | Line::TooMany) => {
                self.steps.push(Step::Ask("{".to_owned()));
            }
            None => {
                self.ended = true;
                self.steps.push(Step::HangUp);
            }
        }
    }

    fn handle_lost(&mut self) {
        if self.ended {
            self.steps.end(Exit::Done);
        } else {
            self.steps.lost();
        }
    }

    fn appetite(&self) -> Appetite {
        if self.ended {
            Appetite::Nothing
        } else {
            Appetite::Lines
        }
    }

    fn poll(&mut self) -> Option<Step> {
        self.steps.poll()
    }
}
