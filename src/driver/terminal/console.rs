//! What a person or a pipe sees: lines in; notices, a prompt, and at most one redraw a turn out. No
//! I/O.

use super::pages::Pages;
use super::paste::{Answer, Guard};
use crate::model::Instant;
use crate::model::limits::{ESCAPE_WAIT, LINES_WAITING_MAX};
use crate::shell::editor::{self, Assist, Editor};
use crate::shell::incoming::{Line, Lines};
use crate::shell::wrap::{self, Layout};
use rustyline::history::FileHistory;
use std::collections::VecDeque;
use std::fmt::Write;

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// End of input.
    End,
    /// One line.
    Line(Line),
}

/// A key that does not wait until lines are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgent {
    /// Ctrl-C while there was something to give up: a text, a paste, lines that wait.
    GivenUp,
    /// Ctrl-C, and there was nothing to give up.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
}

/// Whether there is a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A pipe, a file, a dumb terminal: lines, no prompt, no control codes.
    Plain,
    /// A terminal on both ends: a line editor.
    Prompted,
}

/// Lines in, text out.
pub struct Console {
    source: Source,
    /// What was typed and nobody has taken yet.
    typed: VecDeque<Typed>,
}

enum Source {
    Edited(Box<Edited>),
    Plain(Plain),
}

/// A person at a terminal.
struct Edited {
    editor: Editor,
    /// The prompt that holds when no question is asked.
    prompt: String,
    guard: Guard,
    /// The rest of a long answer.
    pages: Pages,
    /// Half an escape sequence is given up then.
    escape_due: Option<Instant>,
    /// More keys wait inside the editor.
    more: bool,
}

/// Lines from somewhere.
#[derive(Default)]
struct Plain {
    lines: Lines,
    above: String,
}

impl Console {
    /// Without a prompt.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            source: Source::Plain(Plain::default()),
            typed: VecDeque::new(),
        }
    }

    /// With a line editor.
    #[must_use]
    pub fn edited(editor: Editor) -> Self {
        Self {
            source: Source::Edited(Box::new(Edited {
                editor,
                prompt: String::new(),
                guard: Guard::default(),
                pages: Pages::default(),
                escape_due: None,
                more: false,
            })),
            typed: VecDeque::new(),
        }
    }

    /// Whether there is a prompt.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self.source {
            Source::Edited(_) => Mode::Prompted,
            Source::Plain(_) => Mode::Plain,
        }
    }

    /// Takes what was typed. An editor takes one line a turn: it may change the prompt of the next.
    pub fn feed<H: Assist>(&mut self, now: Instant, bytes: &[u8], assist: &H) -> Option<Urgent> {
        match &mut self.source {
            Source::Edited(edited) => edited.feed(now, bytes, assist, &mut self.typed),
            Source::Plain(plain) => {
                plain.lines.feed(bytes);
                None
            }
        }
    }

    /// Nothing more will be typed.
    pub fn end(&mut self) {
        if let Source::Plain(plain) = &mut self.source {
            plain.lines.end();
            while let Some(line) = plain.lines.poll() {
                self.typed.push_back(Typed::Line(line));
            }
        }
        self.typed.push_back(Typed::End);
    }

    /// The next line, or the end, once. After it an editor's prompt is hidden.
    pub fn poll(&mut self) -> Option<Typed> {
        if let Some(typed) = self.typed.pop_front() {
            return Some(typed);
        }
        match &mut self.source {
            Source::Edited(_) => None,
            Source::Plain(plain) => plain.lines.poll().map(Typed::Line),
        }
    }

    /// Whether more was typed than one turn takes: the loop must not sleep.
    #[must_use]
    pub fn has_more(&self) -> bool {
        matches!(&self.source, Source::Edited(edited) if edited.more)
    }

    /// When `feed` wants to be called though nothing was typed.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.source {
            Source::Edited(edited) => edited.escape_due,
            Source::Plain(_) => None,
        }
    }

    /// A text in rows that fit the screen, if there is one.
    #[must_use]
    pub fn wrapped(&self, text: &str, layout: Layout) -> String {
        match &self.source {
            Source::Edited(edited) => wrap::wrap(text, edited.editor.columns(), layout),
            Source::Plain(_) => text.to_owned(),
        }
    }

    /// Puts text above the prompt: whole lines without the last newline.
    pub fn print_above(&mut self, text: &str) {
        match &mut self.source {
            Source::Edited(edited) => edited.editor.print_above(text),
            Source::Plain(plain) => {
                writeln!(plain.above, "{text}").expect("a string takes all");
            }
        }
    }

    /// The same with the answer to a line that somebody typed: if it is longer than the screen, a
    /// page at a time, unless more lines were typed already.
    pub fn print_answer(&mut self, text: &str) {
        match &mut self.source {
            Source::Edited(edited) if self.typed.is_empty() => edited.print_answer(text),
            _ => self.print_above(text),
        }
    }

    /// The prompt that holds now.
    pub fn set_prompt(&mut self, prompt: &str) {
        if let Source::Edited(edited) = &mut self.source {
            prompt.clone_into(&mut edited.prompt);
            edited.apply_prompt();
        }
    }

    /// Wants the prompt on the screen.
    pub fn show(&mut self) {
        if let Source::Edited(edited) = &mut self.source {
            edited.editor.show();
        }
    }

    /// Wants it off the screen.
    pub fn hide(&mut self) {
        if let Source::Edited(edited) = &mut self.source {
            edited.editor.hide();
        }
    }

    /// The line editor, if there is one.
    pub fn editor(&mut self) -> Option<&mut Editor> {
        match &mut self.source {
            Source::Edited(edited) => Some(&mut edited.editor),
            Source::Plain(_) => None,
        }
    }

    /// Remembers a line; gives the history that has to be saved.
    pub fn remember(&mut self, line: &str) -> Option<&mut FileHistory> {
        let editor = self.editor()?;
        editor.remember(line);
        Some(editor.history())
    }

    /// What has to be written, as it is. Nothing happened: nothing.
    pub fn take_output<H: Assist>(&mut self, assist: &H) -> String {
        match &mut self.source {
            Source::Edited(edited) if edited.guard.is_asking() => edited.editor.take_output(&()),
            Source::Edited(edited) => edited.editor.take_output(assist),
            Source::Plain(plain) => std::mem::take(&mut plain.above),
        }
    }
}

impl Edited {
    fn print_answer(&mut self, text: &str) {
        if self.pages.is_open() || self.more {
            return self.editor.print_above(text);
        }
        let page = self.pages.begin(text, self.editor.rows());
        self.editor.print_above(&page);
        self.apply_prompt();
    }

    /// Enter alone turns the page; whoever types something has seen enough.
    fn turn_page(&mut self, text: &str) -> bool {
        if !text.trim().is_empty() {
            self.pages.close();
        }
        if !self.pages.is_open() {
            return false;
        }
        let page = self.pages.turn(self.editor.rows());
        self.editor.take_back_row();
        self.editor.print_above(&page);
        self.editor.show();
        true
    }

    fn feed<H: Assist>(
        &mut self,
        now: Instant,
        bytes: &[u8],
        assist: &H,
        typed: &mut VecDeque<Typed>,
    ) -> Option<Urgent> {
        let is_due = bytes.is_empty() && self.escape_due.is_some_and(|due| due <= now);
        let event = if self.guard.is_asking() {
            self.step(bytes, is_due, &())
        } else {
            self.step(bytes, is_due, assist)
        };
        if !bytes.is_empty() || is_due {
            self.escape_due = self.editor.is_half().then(|| now + ESCAPE_WAIT);
        }
        self.more = event.is_some() && self.editor.waiting() > 0;
        let urgent = self.on_event(event?, typed);
        self.apply_prompt();
        urgent
    }

    fn step<H: Assist>(&mut self, bytes: &[u8], is_due: bool, assist: &H) -> Option<editor::Typed> {
        match self.editor.feed(bytes, assist) {
            None if is_due => self.editor.flush(assist),
            event => event,
        }
    }

    fn on_event(&mut self, event: editor::Typed, typed: &mut VecDeque<Typed>) -> Option<Urgent> {
        match event {
            editor::Typed::Suspend => return Some(Urgent::Suspend),
            editor::Typed::Interrupt(text) => {
                let queued = !typed.is_empty();
                let asked = self.guard.cancel() | self.pages.close();
                let is_given_up = asked || queued || !text.is_empty();
                typed.clear();
                return Some(if is_given_up {
                    Urgent::GivenUp
                } else {
                    Urgent::Interrupt
                });
            }
            editor::Typed::End if self.guard.cancel() | self.pages.close() => self.editor.show(),
            editor::Typed::End => typed.push_back(Typed::End),
            editor::Typed::Line(text) if self.guard.is_asking() => self.on_answer(&text, typed),
            editor::Typed::Line(text) if self.turn_page(&text) => {}
            editor::Typed::Line(text) => push(typed, text),
            editor::Typed::Pasted(text) => {
                self.pages.close();
                match self.guard.ask(text) {
                    Some(answer) => self.obey(answer, typed),
                    None => self.editor.show(),
                }
            }
        }
        None
    }

    fn on_answer(&mut self, text: &str, typed: &mut VecDeque<Typed>) {
        match self.guard.answer(text) {
            Some(answer) => self.obey(answer, typed),
            None => self.editor.show(),
        }
    }

    fn obey(&mut self, answer: Answer, typed: &mut VecDeque<Typed>) {
        match answer {
            Answer::Cancel => self.editor.show(),
            Answer::Edit(text) => {
                self.editor.set_text(&text);
                self.editor.show();
            }
            Answer::Lines(lines) => {
                for line in lines {
                    push(typed, line);
                }
            }
            Answer::One(text) => push(typed, text),
        }
    }

    fn apply_prompt(&mut self) {
        match self.guard.question().or_else(|| self.pages.question()) {
            Some(question) => self.editor.set_prompt(&question),
            None => self.editor.set_prompt(&self.prompt),
        }
    }
}

/// Beyond the limit lines are refused, one by one: nobody types so many ahead.
fn push(typed: &mut VecDeque<Typed>, text: String) {
    let line = if typed.len() < LINES_WAITING_MAX {
        Line::Text(text)
    } else {
        Line::TooMany
    };
    if typed.len() <= LINES_WAITING_MAX {
        typed.push_back(Typed::Line(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustyline::GraphemeClusterMode;

    fn typed(console: &mut Console) -> Vec<Typed> {
        std::iter::from_fn(|| console.poll()).collect()
    }

    fn line(text: &str) -> Typed {
        Typed::Line(Line::Text(text.to_owned()))
    }

    fn prompted() -> Console {
        let editor = Editor::new(FileHistory::new(), GraphemeClusterMode::WcWidth);
        let mut console = Console::edited(editor);
        console.set_prompt(">>> ");
        console.show();
        assert_eq!(console.take_output(&()), update(">>> \r\x1b[4C"));
        console
    }

    fn update(text: &str) -> String {
        format!("\x1b[?2026h{text}\x1b[?2026l")
    }

    fn keys(console: &mut Console, keys: &str) -> Option<Urgent> {
        console.feed(Instant(0), keys.as_bytes(), &())
    }

    fn paste(text: &str) -> String {
        format!("\x1b[200~{text}\x1b[201~")
    }

    #[test]
    fn the_last_line_comes_before_the_end_and_the_end_comes_once() {
        let mut console = Console::plain();
        keys(&mut console, "one\ntw");
        assert_eq!(typed(&mut console), [line("one")]);
        console.end();
        assert_eq!(typed(&mut console), [line("tw"), Typed::End]);
        assert_eq!(typed(&mut console), []);
    }

    #[test]
    fn a_plain_console_has_no_prompt_and_no_control_codes() {
        let mut console = Console::plain();
        console.set_prompt(">>> ");
        console.show();
        assert_eq!(console.take_output(&()), "");
        console.print_above("[Welcome.]");
        console.print_above("bob: hi");
        assert_eq!(console.take_output(&()), "[Welcome.]\nbob: hi\n");
    }

    #[test]
    fn notices_of_a_turn_stand_above_one_prompt() {
        let mut console = prompted();
        assert_eq!(console.take_output(&()), "", "nothing happened");
        console.print_above("one");
        console.print_above("two");
        let drawn = update("\r \x1b[J\rone\ntwo\n>>> \r\x1b[4C");
        assert_eq!(console.take_output(&()), drawn);
    }

    #[test]
    fn after_a_line_the_prompt_waits_until_it_is_shown_again() {
        let mut console = prompted();
        assert_eq!(keys(&mut console, "send bob hi\rx"), None);
        assert!(console.has_more());
        assert_eq!(typed(&mut console), [line("send bob hi")]);
        assert!(
            console
                .take_output(&())
                .ends_with(">>> send bob hi\r\x1b[15C\r\n")
        );
        console.print_above("[Message received by bob.]");
        assert_eq!(console.take_output(&()), "[Message received by bob.]\n");
        assert_eq!(keys(&mut console, ""), None);
        assert!(!console.has_more());
        assert_eq!(console.take_output(&()), "");
        console.show();
        assert_eq!(console.take_output(&()), update(">>> x\r\x1b[5C"));
    }

    #[test]
    fn a_lone_escape_key_is_taken_for_one_after_a_while() {
        let mut console = prompted();
        console.remember("an old box");
        keys(&mut console, "\x12x\x1b");
        let due = console.deadline().unwrap();
        assert_eq!(due, Instant(0) + ESCAPE_WAIT);
        assert_eq!(console.feed(due, b"", &()), None);
        assert_eq!(console.deadline(), None);
        keys(&mut console, "y\r");
        assert_eq!(typed(&mut console), [line("y")]);
    }

    #[test]
    fn an_interrupt_gives_up_what_there_is_and_only_then_the_program() {
        let mut console = prompted();
        assert_eq!(keys(&mut console, "half\x03"), Some(Urgent::GivenUp));
        assert_eq!(keys(&mut console, &paste("1\n2\n3\n4")), None);
        assert_eq!(keys(&mut console, "\r\x03"), None);
        assert_eq!(keys(&mut console, ""), Some(Urgent::GivenUp));
        console.print_answer(&"row\n".repeat(30));
        assert_eq!(keys(&mut console, "\x03"), Some(Urgent::GivenUp));
        assert_eq!(typed(&mut console), []);
        assert_eq!(keys(&mut console, "\x03"), Some(Urgent::Interrupt));
        assert_eq!(keys(&mut console, "\x1a"), Some(Urgent::Suspend));
        assert_eq!(keys(&mut console, "\x04"), None);
        assert_eq!(typed(&mut console), [Typed::End]);
    }

    #[test]
    fn a_paste_of_several_lines_asks_before_any_of_them_runs() {
        let rows = "one\n\ntwo\nthree\nfour";
        let answered = |answer: &str| {
            let mut console = prompted();
            keys(&mut console, &(paste(rows) + "\r"));
            assert_eq!(typed(&mut console), [], "before the answer");
            assert!(console.take_output(&()).contains("5 lines, 19 bytes: "));
            keys(&mut console, "what?\r");
            assert_eq!(typed(&mut console), []);
            keys(&mut console, &format!("{answer}\r"));
            (typed(&mut console), console.take_output(&()))
        };
        assert_eq!(answered("s").0, [line(rows)]);
        let lines = ["one", "two", "three", "four"].map(line);
        assert_eq!(answered("l").0, lines);
        assert_eq!(answered("c").0, []);
        let (typed, drawn) = answered("e");
        assert_eq!(typed, []);
        assert!(drawn.contains(">>> one"), "{drawn:?}");
    }

    #[test]
    fn a_pasted_line_waits_for_enter_and_runs_as_it_is() {
        let mut console = prompted();
        keys(&mut console, &paste("one\n"));
        assert_eq!(typed(&mut console), []);
        keys(&mut console, "\r");
        assert_eq!(typed(&mut console), [line("one")]);
    }

    #[test]
    fn a_long_answer_stops_at_the_end_of_a_page_and_enter_goes_on() {
        let mut console = prompted();
        let rows: Vec<String> = (1..=30).map(|row| format!("row {row}")).collect();
        console.print_answer(&rows.join("\n"));
        let first = console.take_output(&());
        assert!(
            first.contains("row 23\n-- 7 more: Enter goes on -- "),
            "{first:?}"
        );
        console.print_above("bob: hi");
        keys(&mut console, "\r");
        let second = console.take_output(&());
        assert!(second.contains("bob: hi\n"), "{second:?}");
        assert!(second.contains("row 30\n>>> "), "{second:?}");
        assert_eq!(typed(&mut console), []);
        console.print_answer(&rows.join("\n"));
        keys(&mut console, "table\r");
        assert_eq!(typed(&mut console), [line("table")]);
        console.show();
        assert!(
            console
                .take_output(&())
                .ends_with(">>> \r\x1b[4C\x1b[?2026l")
        );
    }

    #[test]
    fn a_long_answer_comes_whole_where_more_was_typed_already() {
        let mut console = prompted();
        keys(&mut console, "help\rtable\r");
        assert_eq!(console.poll(), Some(line("help")));
        console.print_answer(&"row\n".repeat(30));
        assert_eq!(console.take_output(&()).matches("row").count(), 30);
    }
}
