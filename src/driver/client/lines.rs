//! Lines on their way into the shell, from a terminal, a pipe, or the arguments.

use super::{Loop, Stage};
use crate::driver::input::Read;
use crate::driver::terminal::console::Typed;
use crate::model::Now;
use crate::model::limits::{LINE_BYTES_MAX, LINES_IN_FLIGHT_MAX};
use crate::shell::incoming::Line;
use crate::shell::{Exit, OnFailure, Tone};
use crate::shell::{clean, explain};

/// Columns of a line that are told when it fails.
const QUOTE_COLUMNS: usize = 50;

/// A hint that says where a line stands.
pub(super) fn quote(place: &str, line: &str) -> String {
    let line = explain::keep_start(&clean::line(line), QUOTE_COLUMNS);
    format!("  {place}: {line}")
        .trim_end_matches([':', ' '])
        .to_owned()
}

impl Loop {
    /// A pipe flows as fast as outcomes come. Where a failure ends the program, the lines after it
    /// must not have been tried, so each waits for the one before.
    pub(super) fn wants_lines(&self) -> bool {
        let in_flight_max = match self.on_failure {
            OnFailure::End => 1,
            OnFailure::GoOn | OnFailure::Show => LINES_IN_FLIGHT_MAX,
        };
        self.stage == Stage::Open && self.in_flight.len() < in_flight_max
    }

    /// One read, if the lines of the last one are used up.
    pub(super) fn read_lines(&mut self, now: Now) {
        self.take_lines(now);
        if self.desk.is_some() || !self.wants_lines() || !self.input.is_ready() {
            return;
        }
        match self.input.read(self.reactor.registry(), &mut self.buffer) {
            Read::Bytes(length) => {
                let assist = self.shell.assist(self.paint.colours());
                self.console
                    .feed(now.instant, &self.buffer[..length], &assist);
            }
            Read::End => self.console.end(),
            Read::Nothing => return,
        }
        self.take_lines(now);
    }

    /// Whether input that is there already has a line nobody will carry out; takes it.
    pub(super) fn has_more_lines(&mut self, now: Now) -> bool {
        if self.desk.is_some() {
            return false;
        }
        loop {
            match self.console.poll() {
                Some(Typed::Line(_)) => return true,
                Some(_) => return false,
                None if !self.input.is_ready() => return false,
                None => {}
            }
            match self.input.read(self.reactor.registry(), &mut self.buffer) {
                Read::Bytes(length) => {
                    let assist = self.shell.assist(self.paint.colours());
                    self.console
                        .feed(now.instant, &self.buffer[..length], &assist);
                }
                Read::End => self.console.end(),
                Read::Nothing => return false,
            }
        }
    }

    pub(super) fn take_lines(&mut self, now: Now) {
        while self.wants_lines() {
            match self.console.poll() {
                None => {
                    self.backlog = false;
                    return;
                }
                Some(Typed::End) => self.end(now),
                Some(Typed::Line(line)) => {
                    self.line_count += 1;
                    self.take_line(now, line);
                }
            }
            self.hold_prompt(now);
        }
        self.backlog = true;
    }

    pub(super) fn take_line(&mut self, now: Now, line: Line) {
        match line {
            Line::Text(text) if self.is_remark(&text) => {}
            Line::Text(text) => {
                self.remember(&text);
                let line = self.shell.handle_line(now, &text);
                self.recording.handle_line(now.instant, line, &text);
                self.first_line.get_or_insert(line);
                self.in_flight.insert(line, self.place(&text));
            }
            Line::NotUtf8 => self.refuse_line(now, "[Invalid line: it is not UTF-8.]"),
            Line::TooMany => self.refuse_line(now, "[Too many lines wait. Try again.]"),
            Line::TooLong => {
                let words = format!("[Invalid line: it is longer than {LINE_BYTES_MAX} bytes.]");
                self.refuse_line(now, &words);
            }
        }
    }

    /// Whether a line of a batch is for its readers only.
    pub(super) fn is_remark(&self, text: &str) -> bool {
        let is_batch = self.desk.is_none() && self.shell.conversation().is_none();
        is_batch && text.trim_start().starts_with('#')
    }

    /// Where the line stands that was taken last; somebody who types knows.
    pub(super) fn place(&self, text: &str) -> Option<String> {
        let place = format!("line {} of the input", self.line_count);
        (self.on_failure != OnFailure::Show).then(|| quote(&place, text))
    }

    pub(super) fn remember(&mut self, line: &str) {
        if let Some(desk) = &mut self.desk
            && let Some(lines) = self.console.remember(line)
        {
            desk.history.save(lines);
        }
        self.tell_complaint();
    }

    /// What is wrong with the file of lines typed.
    pub(super) fn tell_complaint(&mut self) {
        let complaint = self.desk.as_mut().and_then(|d| d.history.take_complaint());
        if let Some(complaint) = complaint {
            self.say(Tone::Hint, &complaint);
        }
    }

    /// A line that cannot be handed to the shell fails as one that the shell refuses.
    pub(super) fn refuse_line(&mut self, now: Now, words: &str) {
        self.say(Tone::Failure, words);
        if let Some(place) = self.place("") {
            self.say(Tone::Hint, &place);
        }
        if self.on_failure != OnFailure::Show {
            self.failed = self.failed.or(Some(Exit::Usage));
        }
        if self.on_failure == OnFailure::End {
            self.end(now);
        }
    }
}
