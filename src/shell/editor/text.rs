//! The text being written: a line buffer, and the commands that change nothing else.

use super::undo::{Deaf, Record};
use crate::model::limits::LINE_BYTES_MAX;
use rustyline::line_buffer::{LineBuffer, WordAction};
use rustyline::{Cmd, Movement};

/// The text, its cursor, and how it came to be.
pub(super) struct Text {
    pub(super) line: LineBuffer,
    pub(super) record: Record,
    /// Whether rows of it were pasted.
    pub(super) pasted: bool,
}

/// The text has no room for more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Text {
    pub(super) fn new() -> Self {
        Self {
            // A limit, too: it does not grow.
            line: LineBuffer::with_capacity(LINE_BYTES_MAX),
            record: Record::default(),
            pasted: false,
        }
    }

    pub(super) fn get(&self) -> (&str, usize) {
        (self.line.as_str(), self.line.pos())
    }

    /// Another text, with nothing to undo.
    pub(super) fn set(&mut self, text: &str) {
        self.line.update(text, text.len(), &mut Deaf);
        self.record.forget_all();
        self.pasted = false;
    }

    /// Does what concerns only the text; other commands change nothing.
    pub(super) fn edit(&mut self, cmd: &Cmd) -> Result<(), Full> {
        let (line, record) = (&mut self.line, &mut self.record);
        match cmd {
            Cmd::EndOfFile => {
                line.delete(1, record);
            }
            Cmd::SelfInsert(n, c) => return fits(line.insert(*c, *n, record).is_some()),
            Cmd::Newline => return fits(line.insert('\n', 1, record).is_some()),
            Cmd::Insert(n, text) => {
                return fits(text.is_empty() || line.yank(text, *n, record).is_some());
            }
            Cmd::Move(movement) => go(line, movement),
            Cmd::Kill(movement) => {
                line.kill(movement, record);
            }
            Cmd::Yank(n, _) => {
                if let Some(text) = record.ring.yank() {
                    line.yank(&text, *n, record);
                }
            }
            Cmd::YankPop => {
                if let Some((length, text)) = record.ring.yank_pop() {
                    self.step(|line, record| line.yank_pop(length, &text, record).is_some());
                }
            }
            Cmd::Undo(_) => record.undo(line),
            Cmd::TransposeChars => self.step(LineBuffer::transpose_chars),
            Cmd::TransposeWords(n) => self.step(|line, record| line.transpose_words(*n, record)),
            Cmd::CapitalizeWord => self.step(|l, r| l.edit_word(WordAction::Capitalize, r)),
            Cmd::DowncaseWord => self.step(|l, r| l.edit_word(WordAction::Lowercase, r)),
            Cmd::UpcaseWord => self.step(|l, r| l.edit_word(WordAction::Uppercase, r)),
            _ => {}
        }
        Ok(())
    }

    /// Shows another text in place of this one; it is undone in one step.
    pub(super) fn replace_all(&mut self, text: &str) {
        self.step(|line, record| {
            line.update(text, text.len(), record);
            true
        });
        self.pasted = false;
    }

    /// Does something that is undone in one step.
    fn step(&mut self, change: impl FnOnce(&mut LineBuffer, &mut Record) -> bool) {
        self.record.begin();
        change(&mut self.line, &mut self.record);
        self.record.end();
    }
}

fn fits(done: bool) -> Result<(), Full> {
    if done { Ok(()) } else { Err(Full) }
}

fn go(line: &mut LineBuffer, movement: &Movement) {
    match *movement {
        Movement::BeginningOfLine => line.move_home(),
        Movement::EndOfLine => line.move_end(),
        Movement::BackwardChar(n) => line.move_backward(n),
        Movement::ForwardChar(n) => line.move_forward(n),
        Movement::BackwardWord(n, word) => line.move_to_prev_word(word, n),
        Movement::ForwardWord(n, at, word) => line.move_to_next_word(at, word, n),
        _ => false,
    };
}
