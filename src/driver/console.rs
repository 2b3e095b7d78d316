//! What a person or a pipe sees: lines in; notices, a prompt, and at most one redraw a turn out. No
//! I/O.
//!
//! This is the seam for the line editor: it will take over this interface (feed bytes, print above,
//! set the prompt, take the output) and draw the typed text as well. Until then the terminal
//! stays in its own line mode and edits and echoes by itself.

use super::lines::{Line, Lines};
use std::fmt::Write;

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// End of input.
    End,
    /// One line.
    Line(Line),
}

/// Whether there is a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A pipe, a file, a dumb terminal: lines, no prompt, no control codes.
    Plain,
    /// A terminal on both ends.
    Prompted,
}

/// Lines in, text out.
#[derive(Debug)]
pub struct Console {
    mode: Mode,
    lines: Lines,
    end: End,
    prompt: String,
    /// The prompt is wanted on the screen.
    visible: bool,
    /// The prompt that stands on the screen's last row.
    drawn: Option<String>,
    above: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Come,
    Told,
    No,
}

/// Back to the begin of the row, and erase it (ECMA-48, EL).
const ERASE_ROW: &str = "\r\x1b[K";

impl Console {
    /// Empty, with its prompt hidden.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            lines: Lines::new(),
            end: End::No,
            prompt: String::new(),
            visible: false,
            drawn: None,
            above: String::new(),
        }
    }

    /// Whether there is a prompt.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Takes what was typed. Poll until `None` before feeding again.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.lines.feed(bytes);
    }

    /// Nothing more will be typed.
    pub fn end(&mut self) {
        self.lines.end();
        self.end = End::Come;
    }

    /// The next line, or the end, once. After it the prompt is hidden.
    pub fn poll(&mut self) -> Option<Typed> {
        if let Some(line) = self.lines.poll() {
            // The terminal echoed the newline: the prompt's row is left as it is.
            self.drawn = None;
            self.visible = false;
            return Some(Typed::Line(line));
        }
        if self.end != End::Come {
            return None;
        }
        self.end = End::Told;
        self.visible = false;
        Some(Typed::End)
    }

    /// Puts text above the prompt: whole lines without the last newline.
    pub fn print_above(&mut self, text: &str) {
        writeln!(self.above, "{text}").expect("a string takes all");
    }

    /// The prompt that holds now.
    pub fn set_prompt(&mut self, prompt: &str) {
        if self.prompt != prompt {
            prompt.clone_into(&mut self.prompt);
        }
    }

    /// Wants the prompt on the screen.
    pub const fn show(&mut self) {
        self.visible = true;
    }

    /// Wants it off the screen.
    pub const fn hide(&mut self) {
        self.visible = false;
    }

    /// Leaves the row of the prompt as it is, for instance with the `^C` that the terminal put
    /// there.
    pub fn leave_row(&mut self) {
        if self.drawn.take().is_some() {
            self.above.insert(0, '\n');
        }
        self.visible = false;
    }

    /// What has to be written, as it is. Nothing happened: nothing.
    pub fn take_output(&mut self) -> String {
        let mut text = std::mem::take(&mut self.above);
        if self.mode == Mode::Plain {
            return text;
        }
        let wanted = self.visible.then_some(&self.prompt);
        if text.is_empty() && wanted == self.drawn.as_ref() {
            return text;
        }
        if self.drawn.is_some() {
            text.insert_str(0, ERASE_ROW);
        }
        if let Some(prompt) = wanted {
            text.push_str(prompt);
        }
        self.drawn = wanted.cloned();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(console: &mut Console) -> Vec<Typed> {
        std::iter::from_fn(|| console.poll()).collect()
    }

    fn line(text: &str) -> Typed {
        Typed::Line(Line::Text(text.to_owned()))
    }

    fn prompted() -> Console {
        let mut console = Console::new(Mode::Prompted);
        console.set_prompt(">>> ");
        console.show();
        assert_eq!(console.take_output(), ">>> ");
        console
    }

    #[test]
    fn the_last_line_comes_before_the_end_and_the_end_comes_once() {
        let mut console = Console::new(Mode::Plain);
        console.feed(b"one\ntw");
        assert_eq!(typed(&mut console), [line("one")]);
        console.end();
        assert_eq!(typed(&mut console), [line("tw"), Typed::End]);
        assert_eq!(typed(&mut console), []);
    }

    #[test]
    fn a_plain_console_has_no_prompt_and_no_control_codes() {
        let mut console = Console::new(Mode::Plain);
        console.set_prompt(">>> ");
        console.show();
        assert_eq!(console.take_output(), "");
        console.print_above("[Welcome.]");
        console.print_above("bob: hi");
        assert_eq!(console.take_output(), "[Welcome.]\nbob: hi\n");
    }

    #[test]
    fn notices_of_a_turn_stand_above_one_prompt() {
        let mut console = prompted();
        assert_eq!(console.take_output(), "", "nothing happened");
        console.print_above("one");
        console.print_above("two");
        assert_eq!(console.take_output(), "\r\x1b[Kone\ntwo\n>>> ");
    }

    #[test]
    fn a_mode_changes_the_prompt_at_once() {
        let mut console = prompted();
        console.set_prompt(">>> (g) ");
        assert_eq!(console.take_output(), "\r\x1b[K>>> (g) ");
    }

    #[test]
    fn after_a_line_the_prompt_waits_until_it_is_shown_again() {
        let mut console = prompted();
        console.feed(b"send bob hi\n");
        assert_eq!(typed(&mut console), [line("send bob hi")]);
        console.print_above("[Message received by bob.]");
        assert_eq!(console.take_output(), "[Message received by bob.]\n");
        console.show();
        assert_eq!(console.take_output(), ">>> ");
    }

    #[test]
    fn no_prompt_follows_the_last_notice() {
        let mut console = prompted();
        console.end();
        assert_eq!(typed(&mut console), [Typed::End]);
        console.print_above("[You are offline. Bye.]");
        assert_eq!(console.take_output(), "\r\x1b[K[You are offline. Bye.]\n");
    }

    #[test]
    fn an_interrupted_row_is_left_and_ended() {
        let mut console = prompted();
        console.leave_row();
        assert_eq!(console.take_output(), "\n");
        console.leave_row();
        assert_eq!(console.take_output(), "");
    }
}
