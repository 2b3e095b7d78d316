//! One-shots: what a program that is called once asks of a session, and what it makes of the
//! answers. No I/O.
//!
//! A one-shot writes requests, reads replies and events, says things on standard output and on
//! standard error, and ends with a status. Whoever carries it out is told by [`Step`]s.

pub mod ask;
pub mod call;
pub mod heard;
pub mod listen;
pub mod pipe;
pub mod print;
pub mod relay;

use super::Exit;
use super::incoming::Line;
use crate::model::{Instant, MessageId, Name, Now};
use std::collections::VecDeque;

/// What is to be done next, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A line for the session, without its newline.
    Ask(String),
    /// A line for standard error, without its newline.
    Complain(String),
    /// The one-shot is over.
    End(Exit),
    /// Nothing more will be asked.
    HangUp,
    /// Text for standard output, as it is.
    Say(String),
}

/// What a one-shot wants of standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    /// Its lines.
    Lines,
    /// Nothing now: it is not read.
    Nothing,
}

/// Something that is done once through a session.
pub trait OneShot {
    /// The session answered, or tells what happened: one line.
    fn handle_line(&mut self, now: Now, line: &str);

    /// A line of standard input, or its end.
    fn handle_input(&mut self, _now: Now, _line: Option<Line>) {}

    /// The session is gone.
    fn handle_lost(&mut self);

    /// Does what is due.
    fn handle_timeout(&mut self, _now: Now) {}

    /// When `handle_timeout` wants to be called.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Whether standard input is read.
    fn appetite(&self) -> Appetite {
        Appetite::Nothing
    }

    /// Whether it is done when nobody reads what it says any more.
    fn is_for_reader(&self) -> bool {
        false
    }

    /// The next thing to do.
    fn poll(&mut self) -> Option<Step>;

    /// Messages that were written since the last call: who sent each, and its id.
    fn take_seen(&mut self) -> Vec<(Name, MessageId)> {
        Vec::new()
    }
}

/// How a one-shot talks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Standard output is an object of JSON a line.
    pub json: bool,
    /// Nothing is said but errors.
    pub quiet: bool,
}

/// What a one-shot has to say, until it is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    steps: VecDeque<Step>,
    ended: bool,
}

impl Steps {
    pub(super) fn ask(&mut self, request: &serde_json::Value) {
        self.push(Step::Ask(request.to_string()));
    }

    pub(super) fn say(&mut self, line: &str) {
        self.push(Step::Say(format!("{line}\n")));
    }

    pub(super) fn complain(&mut self, line: &str) {
        self.push(Step::Complain(line.to_owned()));
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, exit: Exit) {
        self.push(Step::End(exit));
        self.ended = true;
    }

    /// The session went away before it was done.
    pub(super) fn lost(&mut self) {
        self.complain("[The session is gone.]");
        self.end(Exit::Unreachable);
    }

    pub(super) fn push(&mut self, step: Step) {
        if !self.ended {
            self.steps.push_back(step);
        }
    }

    pub(super) fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    pub(super) const fn is_ended(&self) -> bool {
        self.ended
    }
}
