//! The client at a terminal: keys, the prompt, the window's title, the terminal lent to an editor.

use super::{Loop, Stage};
use crate::client::Event;
use crate::driver::input::Read;
use crate::driver::paths;
use crate::driver::paths::Profile;
use crate::driver::reactor::Change;
use crate::driver::terminal::Terminal;
use crate::driver::terminal::console::{Console, Mode, Urgent};
use crate::driver::terminal::editing::Editing;
use crate::driver::terminal::history::History;
use crate::driver::terminal::notify::Kind;
use crate::model::limits::{LOOKED_AWAY, PROMPT_HOLD};
use crate::model::{Instant, Now};
use crate::shell::args::Target;
use crate::shell::editor::Editor;
use crate::shell::settings::NotifyText;
use crate::shell::{Exit, LineId, Shown};
use rustyline::GraphemeClusterMode;
use std::io;
use std::path::PathBuf;

/// What a person at a terminal has besides the lines.
pub(super) struct Desk {
    pub(super) terminal: Terminal,
    pub(super) history: History,
    /// Where a message being written lies.
    pub(super) directory: PathBuf,
    /// The terminal is lent to an editor.
    pub(super) editing: Option<Editing>,
    pub(super) kind: Kind,
    /// The window's title that was told last.
    pub(super) title: String,
    /// When a key was pressed last.
    pub(super) key_at: Instant,
}

impl Desk {
    pub(super) fn open(profile: &Profile) -> io::Result<(Console, Self)> {
        let (history, lines) = History::open(&profile.history);
        let widths = GraphemeClusterMode::from_env();
        let mut editor = Editor::new(lines, widths);
        let mut terminal = Terminal::open()?;
        if let Some((cols, rows)) = terminal.size() {
            editor.resize(cols.into(), rows.into());
        }
        let desk = Self {
            terminal,
            history,
            directory: profile.directory.clone(),
            editing: None,
            kind: Kind::read(),
            title: String::new(),
            key_at: Instant(0),
        };
        Ok((Console::edited(editor), desk))
    }
}

/// Whether a text has a name as a word of its own.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.split(|c| !is_part(c))
        .any(|word| word.trim_matches(['.', '-']).eq_ignore_ascii_case(name))
}

impl Loop {
    /// Somebody at a terminal: keys are heard at any time, or Ctrl-C would not be.
    pub(super) fn read_keys(&mut self, now: Now) -> io::Result<()> {
        let Some(desk) = self.desk.as_mut().filter(|desk| desk.editing.is_none()) else {
            return Ok(());
        };
        let escape = self
            .console
            .deadline()
            .is_some_and(|due| due <= now.instant);
        if self.chores.is_looking() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held_keys);
        let keys = if !held.is_empty() {
            &held
        } else if self.console.has_more() || escape && !self.input.is_ready() {
            &[]
        } else {
            match self.input.read(self.reactor.registry(), &mut self.buffer) {
                Read::Bytes(length) => {
                    desk.key_at = now.instant;
                    let keys = &self.buffer[..length];
                    if keys.contains(&b'\t') {
                        self.chores.look(now, &self.reactor, &mut self.shell);
                    }
                    if self.chores.is_looking() {
                        self.held_keys = keys.to_vec();
                        return Ok(());
                    }
                    keys
                }
                Read::End => {
                    self.console.end();
                    return Ok(());
                }
                Read::Nothing => return Ok(()),
            }
        };
        let mut assist = self.shell.assist(self.paint.colours());
        assist.files = Some(paths::beginning);
        match self.console.feed(now.instant, keys, &assist) {
            None => {}
            Some(Urgent::GivenUp) => self.console.show(),
            Some(Urgent::Interrupt) => self.interrupt(),
            Some(Urgent::Suspend) => {
                let output = self.console.take_output(&assist);
                self.screen.print(&output, 0);
                self.screen.finish();
                desk.terminal.suspend()?;
                self.look_at_terminal(Change::Continued)?;
            }
        }
        Ok(())
    }

    /// Ctrl-C with nothing to clear: nobody waits for outcomes any more, then the program ends.
    pub(super) fn interrupt(&mut self) {
        if self.stage == Stage::Open && !self.in_flight.is_empty() {
            self.in_flight.clear();
            self.chores.interrupt(self.reactor.now().instant);
            self.prompt_due = None;
            self.console.show();
        } else {
            self.stage = Stage::Over(Exit::Interrupted);
        }
    }

    /// Another size, and after a stop another mode: somebody else had the terminal meanwhile.
    pub(super) fn look_at_terminal(&mut self, change: Change) -> io::Result<()> {
        let (Some(desk), Some(editor)) = (&mut self.desk, self.console.editor()) else {
            return Ok(());
        };
        if change == Change::Continued {
            desk.terminal.resume()?;
            editor.show();
            editor.refresh();
        }
        if let Some((cols, rows)) = desk.terminal.size() {
            editor.resize(cols.into(), rows.into());
        }
        Ok(())
    }

    pub(super) fn is_lent(&self) -> bool {
        self.desk
            .as_ref()
            .is_some_and(|desk| desk.editing.is_some())
    }

    /// Lends the terminal to an editor; meanwhile the loop goes on.
    pub(super) fn begin_editing(&mut self, now: Now, line: LineId, target: &Target) {
        let begun = match &mut self.desk {
            Some(desk) => {
                self.console.hide();
                let assist = self.shell.assist(self.paint.colours());
                self.screen.print(&self.console.take_output(&assist), 0);
                self.screen.finish();
                desk.terminal.lend();
                Editing::begin(&desk.directory, line, target.clone())
            }
            None => Err("there is no terminal for an editor".to_owned()),
        };
        match (begun, &mut self.desk) {
            (Ok(editing), Some(desk)) => desk.editing = Some(editing),
            (Ok(_), None) => {}
            (Err(why), desk) => {
                // It was never lent for long; if it is gone, the next read tells.
                if let Some(desk) = desk {
                    desk.terminal.resume().ok();
                }
                self.shell.handle_edited(now, line, target, Err(&why));
            }
        }
    }

    pub(super) fn end_editing(&mut self, now: Now) -> io::Result<()> {
        let Some(desk) = &mut self.desk else {
            return Ok(());
        };
        let Some(text) = desk.editing.as_mut().and_then(Editing::poll) else {
            return Ok(());
        };
        if let Some(editing) = desk.editing.take() {
            let text = text.as_deref().map_err(String::as_str);
            self.shell
                .handle_edited(now, editing.line, &editing.target, text);
        }
        desk.terminal.resume()?;
        if let Some((cols, rows)) = desk.terminal.size()
            && let Some(editor) = self.console.editor()
        {
            editor.forget_screen();
            editor.resize(cols.into(), rows.into());
        }
        Ok(())
    }

    /// The prompt comes with the outcome, or soon without it.
    pub(super) fn hold_prompt(&mut self, now: Now) {
        if self.console.mode() == Mode::Prompted {
            self.prompt_due = Some(now.instant + PROMPT_HOLD);
        }
    }

    pub(super) fn draw(&mut self, now: Now) {
        if !self.shell.is_busy() || self.prompt_due.is_some_and(|due| due <= now.instant) {
            self.prompt_due = None;
        }
        if self.stage != Stage::Open || self.is_lent() {
            self.prompt_due = None;
            self.console.hide();
        } else if self.prompt_due.is_none() {
            self.console
                .set_prompt(&(self.shell.prompt() + &self.shell.marks()));
            self.console.show();
        }
        self.print();
        self.tell_title();
    }

    /// Name, mode and what is unread, in the window's title.
    pub(super) fn tell_title(&mut self) {
        let Some(desk) = &mut self.desk else { return };
        let prompt = self.shell.prompt();
        let place = prompt
            .trim_start_matches(">>>")
            .trim()
            .trim_end_matches(':');
        let name = &self.shell.view().name;
        let words = [
            &format!("ackchat: {name}"),
            place,
            self.shell.marks().trim(),
        ]
        .join(" ");
        let title = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if desk.title != title {
            self.screen.print(&desk.kind.title(&title), 0);
            desk.title = title;
        }
    }

    /// Tells somebody who looks away, or who is named.
    pub(super) fn notify(&mut self, now: Now, shown: &Shown) {
        let Some(desk) = &self.desk else { return };
        let Some(Event::Message(arrived)) = shown.event.as_ref().filter(|_| shown.messages > 0)
        else {
            return;
        };
        let away = now.instant.since(desk.key_at) >= LOOKED_AWAY;
        if away || mentions(&arrived.text, self.shell.view().name.as_str()) {
            let look = self.shell.look();
            let text = match look.notify_text {
                NotifyText::Full => &arrived.text,
                NotifyText::Name => "a message",
            };
            let from = arrived.from.as_str();
            let sequence = desk.kind.sequence(look.notify, from, text);
            self.screen.print(&sequence, 0);
        }
    }

    /// An empty screen with the prompt at its top.
    pub(super) fn clear(&mut self) {
        if let Some(editor) = self.console.editor() {
            editor.clear_screen();
        }
    }
}
