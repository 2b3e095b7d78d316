//! A line editor in steps: bytes from the keyboard in, events and text for the screen out.
//!
//! rustyline's own `Editor` blocks in `readline`, shows nothing while a search is open, and cannot
//! change its prompt; this one is fed. Its text buffer, history, widths, and the traits for
//! completion, hints and colours are rustyline's; what rustyline keeps private is here: the
//! decoder of keys, the key map, undo, the kill ring and the drawing. There is no terminal, no
//! clock and no thread, so every test is plain code.

mod cells;
mod complete;
mod draw;
mod keymap;
mod keys;
mod recall;
mod search;
mod text;
mod undo;

#[cfg(test)]
mod tests;

use crate::model::limits::LINE_BYTES_MAX;
use cells::Cells;
use complete::Tab;
use draw::Shown;
use keys::{Input, Keys, Rest};
use recall::{Recall, Way};
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{FileHistory, History as _};
use rustyline::{Cmd, Context, GraphemeClusterMode};
use search::{Search, Step};
use std::mem::take;
use text::Text;

/// What the editor asks while somebody types: completions, hints and colours.
pub trait Assist: Completer + Hinter + Highlighter {
    /// What may follow a line, in a few words, if a `?` at its end asks for that; else the `?` is
    /// a character of the line as any other.
    fn question(&self, _line: &str) -> Option<String> {
        None
    }
}

impl Assist for () {}

/// What was typed that concerns the program.
///
/// After all but `Suspend` the prompt is gone from the screen and the text is empty; after
/// `Suspend` the prompt is gone and the text is kept. [`Editor::show`] goes on, and feeding nothing
/// brings what was typed ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Ctrl-D on an empty text.
    End,
    /// Ctrl-C, with the text that is given up.
    Interrupt(String),
    /// Enter. A text may have several rows: one message.
    Line(String),
    /// Enter on a text of which several rows were pasted.
    Pasted(String),
    /// Ctrl-Z.
    Suspend,
}

/// The line editor.
pub struct Editor {
    cells: Cells,
    rows: usize,
    prompt: String,
    keys: Keys,
    text: Text,
    recall: Recall,
    search: Option<Search>,
    /// Ctrl-V was typed.
    quoted: bool,
    tab: Tab,
    /// The prompt is wanted on the screen.
    visible: bool,
    /// The screen is not what it should be.
    dirty: bool,
    shown: Option<Shown>,
    /// The first row that is drawn of a text with more rows than the screen.
    top: usize,
    out: String,
}

const BELL: char = '\x07';
/// What stands between these two is shown at once, by terminals that know DEC mode 2026.
const BEGIN_UPDATE: &str = "\x1b[?2026h";
const END_UPDATE: &str = "\x1b[?2026l";
/// The cursor to the first cell, and all below it erased (ECMA-48, CUP and ED).
const CLEAR: &str = "\x1b[H\x1b[J";

impl Editor {
    /// With an empty text, not on the screen, for a screen of 80 columns and 24 rows. How wide
    /// characters are, the driver asks of `GraphemeClusterMode::from_env()`.
    #[must_use]
    pub fn new(history: FileHistory, widths: GraphemeClusterMode) -> Self {
        Self {
            cells: Cells { widths, cols: 80 },
            rows: 24,
            prompt: String::new(),
            keys: Keys::default(),
            text: Text::new(),
            recall: Recall::new(history),
            search: None,
            quoted: false,
            tab: Tab::Untouched,
            visible: false,
            dirty: false,
            shown: None,
            top: 0,
            out: String::new(),
        }
    }

    /// Up and Down go through every line, not only through those that begin as the text.
    #[must_use]
    pub const fn recalling_every_line(mut self) -> Self {
        self.recall.by_prefix = false;
        self
    }

    /// Bytes from the keyboard. Stops at the first event; the rest waits inside.
    pub fn feed<H: Assist>(&mut self, bytes: &[u8], assist: &H) -> Option<Typed> {
        self.keys.push(bytes);
        self.run(Rest::Awaited, assist)
    }

    /// Half an escape sequence is inside: [`Editor::flush`] is due if nothing comes for a while.
    #[must_use]
    pub fn is_half(&self) -> bool {
        self.keys.is_half()
    }

    /// How many bytes wait inside.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.keys.len()
    }

    /// Takes half an escape sequence for what it is: the Escape key, or nothing.
    pub fn flush<H: Assist>(&mut self, assist: &H) -> Option<Typed> {
        self.run(Rest::GivenUp, assist)
    }

    /// What has to be written to the terminal, as it is. It draws at most once, whatever happened
    /// since the last call: so call it once a turn.
    pub fn take_output<H: Assist>(&mut self, assist: &H) -> String {
        if self.dirty && self.visible {
            self.erase();
            self.draw(assist);
        }
        self.dirty = false;
        let out = take(&mut self.out);
        if self.visible && !out.is_empty() {
            return format!("{BEGIN_UPDATE}{out}{END_UPDATE}");
        }
        out
    }

    /// Prints whole lines above the prompt, in whatever state the editor is; where the prompt is
    /// hidden it just prints them. The text is written as it is.
    pub fn print_above(&mut self, text: &str) {
        self.erase();
        self.out += text;
        if !text.ends_with('\n') {
            self.out.push('\n');
        }
        self.dirty = true;
    }

    /// Another prompt, at any time; text, cursor, undo and search stay.
    pub fn set_prompt(&mut self, prompt: &str) {
        if self.prompt != prompt {
            prompt.clone_into(&mut self.prompt);
            self.dirty = true;
        }
    }

    /// Something that hints read has changed.
    pub const fn refresh(&mut self) {
        self.dirty = true;
    }

    /// The terminal has so many columns and rows from now on.
    pub fn resize(&mut self, cols: usize, rows: usize) {
        self.cells.cols = cols.max(2); // room for one wide character
        self.rows = rows.max(1);
        self.find_prompt_again();
        self.dirty = true;
    }

    /// How many columns the terminal has.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.cells.cols
    }

    /// And how many rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Takes back the row that was written last: a prompt at which nothing was typed.
    pub fn take_back_row(&mut self) {
        self.out += "\x1b[A\r\x1b[J";
    }

    /// Wants prompt and text on the screen, from now on.
    pub const fn show(&mut self) {
        if !self.visible {
            self.visible = true;
            self.dirty = true;
        }
    }

    /// Takes them off the screen; the text is kept.
    pub fn hide(&mut self) {
        self.erase();
        self.visible = false;
    }

    /// The screen is not what the editor drew: somebody else wrote there. The prompt is drawn
    /// anew in a row of its own.
    pub fn forget_screen(&mut self) {
        self.shown = None;
        self.dirty = true;
    }

    /// Nothing but the prompt, at the top of the screen.
    pub fn clear_screen(&mut self) {
        self.out += CLEAR;
        self.forget_screen();
    }

    /// The text and the cursor's place in it, in bytes.
    #[must_use]
    pub fn text(&self) -> (&str, usize) {
        self.text.get()
    }

    /// Another text, with its cursor at its end.
    pub fn set_text(&mut self, text: &str) {
        self.text.set(&recall::fitting(text));
        self.search = None;
        self.recall.begin();
        self.dirty = true;
    }

    /// The lines remembered so far; to be saved, for instance.
    pub const fn history(&mut self) -> &mut FileHistory {
        &mut self.recall.lines
    }

    /// Remembers a line. The editor never does so by itself: a line may hold a secret.
    pub fn remember(&mut self, line: &str) {
        if line.len() <= LINE_BYTES_MAX {
            // Only a history in a database can fail.
            self.recall.lines.add(line).ok();
        }
        self.recall.begin();
    }

    fn run<H: Assist>(&mut self, rest: Rest, assist: &H) -> Option<Typed> {
        while let Some(input) = self.keys.next(rest) {
            let quoted = take(&mut self.quoted);
            let cmd = match input {
                Input::Flooded => {
                    self.out.push(BELL);
                    continue;
                }
                Input::Key(key) if quoted => match keymap::literal(key) {
                    Some(c) => Cmd::SelfInsert(1, c),
                    None => Cmd::Noop,
                },
                Input::Key(key) if key == keymap::QUESTION && self.list_at_question(assist) => {
                    continue;
                }
                Input::Key(key) => keymap::command(key),
                Input::Pasted(text) => {
                    // The last newline of a paste is no Enter.
                    let text = text.trim_end_matches('\n').to_owned();
                    self.text.pasted |= text.contains('\n');
                    Cmd::Insert(1, text)
                }
            };
            if let Some(typed) = self.execute(cmd, assist) {
                return Some(typed);
            }
        }
        None
    }

    fn execute<H: Assist>(&mut self, cmd: Cmd, assist: &H) -> Option<Typed> {
        self.dirty = true;
        if let Some(search) = self.search.take()
            && self.search_step(search, &cmd) == Step::Done
        {
            return None;
        }
        self.text.record.trim();
        if cmd.should_reset_kill_ring() {
            self.text.record.ring.rest();
        }
        let tab = take(&mut self.tab);
        let prefix = self.recall.prefix.take();
        match cmd {
            Cmd::AcceptLine => return self.accept(assist),
            Cmd::Interrupt => return Some(Typed::Interrupt(self.leave(assist))),
            Cmd::EndOfFile if self.text.line.is_empty() => {
                self.leave(assist);
                return Some(Typed::End);
            }
            Cmd::Suspend => {
                self.hide();
                return Some(Typed::Suspend);
            }
            Cmd::ClearScreen => self.clear_screen(),
            Cmd::QuotedInsert => self.quoted = true,
            Cmd::Complete => self.complete(tab, assist),
            Cmd::CompleteHint => self.accept_hint(assist),
            Cmd::PreviousHistory => self.recall_step(Way::Older, ""),
            Cmd::NextHistory => self.recall_step(Way::Newer, ""),
            Cmd::LineUpOrPreviousHistory(_) => self.up_or_down(Way::Older, prefix),
            Cmd::LineDownOrNextHistory(_) => self.up_or_down(Way::Newer, prefix),
            Cmd::BeginningOfHistory => self.recall_end(Way::Older),
            Cmd::EndOfHistory => self.recall_end(Way::Newer),
            Cmd::ReverseSearchHistory => self.begin_search(),
            other => {
                if self.text.edit(&other).is_err() {
                    self.out.push(BELL);
                }
            }
        }
        None
    }

    /// Enter: the text is done, unless a `\` at its end says that a row follows.
    fn accept<H: Assist>(&mut self, assist: &H) -> Option<Typed> {
        let (text, _) = self.text.get();
        if text.ends_with('\\') && !text.ends_with("\\\\") {
            let line = &mut self.text.line;
            line.replace(line.len() - 1..line.len(), "\n", &mut self.text.record);
            line.set_pos(line.len());
            return None;
        }
        let pasted = self.text.pasted;
        let text = self.leave(assist);
        Some(if pasted && text.contains('\n') {
            Typed::Pasted(text)
        } else {
            Typed::Line(text)
        })
    }

    /// Ends the text: draws it a last time and begins an empty one.
    fn leave<H: Assist>(&mut self, assist: &H) -> String {
        self.finish(assist);
        self.visible = false;
        let text = self.text.line.as_str().to_owned();
        self.text.set("");
        self.recall.begin();
        self.top = 0;
        text
    }

    fn context(&self) -> Context<'_> {
        Context::new(&self.recall.lines)
    }
}
