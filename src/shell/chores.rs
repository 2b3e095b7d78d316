//! The shell's chores: what it asks of other programs, and what it makes of their answers.

use super::asked::{Asked, Asker};
use super::command::{Command, HookWish, Run};
use super::external::{self, Chore, Ran, RanEnd, Wanted, Word};
use super::grammar::Input;
use super::hooks::{self, Hook, Hooks, JobEnd};
use super::registry::Parsed;
use super::{ErrorCode, Fact, LineId, Output, Shell, Tone};
use super::{clean, explain, render};
use crate::client::{Mode, Request};
use crate::model::Now;
use crate::model::limits::CHILD_OUTPUT_BYTES_MAX;
use crate::shell::args::Target;
use crate::shell::command::LaterLines;
use std::collections::{BTreeMap, BTreeSet};

/// What the shell has to do with other programs.
#[derive(Debug, Default)]
pub(super) struct Chores {
    /// Whether the host can do any.
    is_possible: bool,
    pub(super) hooks: Hooks,
    /// Lines whose chore is not done, with their words as long as those may still be needed.
    open: BTreeMap<LineId, String>,
    /// Lines of which nobody knows yet what they mean: later ones wait, as they would have.
    finding: BTreeSet<LineId>,
}

impl Chores {
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether it is not known yet what a line means.
    pub(super) fn is_finding(&self) -> bool {
        !self.finding.is_empty()
    }

    /// The lines that will have no answer any more.
    pub(super) fn drop_open(&mut self) -> Vec<LineId> {
        self.finding.clear();
        std::mem::take(&mut self.open).into_keys().collect()
    }
}

impl Shell {
    /// In a host that does chores, and with these hooks.
    #[must_use]
    pub fn with_programs(mut self, hooks: Vec<Hook>) -> Self {
        self.chores = Chores {
            is_possible: true,
            hooks: Hooks::new(hooks),
            open: BTreeMap::new(),
            finding: BTreeSet::new(),
        };
        self
    }

    /// The programs that are commands, as far as they are known.
    pub fn handle_commands(&mut self, commands: Vec<Command>) {
        self.registry.set_external(commands);
    }

    /// The answer to `Chore::Find`: now it is known what the line means.
    pub fn handle_found(&mut self, now: Now, line: LineId, commands: Vec<Command>) {
        self.now = now;
        self.handle_commands(commands);
        self.chores.finding.remove(&line);
        if let Some(source) = self.chores.open.remove(&line) {
            self.obey(line, &Asked::Line(source.into()), Asker::Terminal);
            self.run_released();
        }
    }

    /// The answer to `Chore::New`, in words for people.
    pub fn handle_chore(&mut self, now: Now, line: LineId, answer: Result<&str, &str>) {
        self.now = now;
        if self.chores.open.remove(&line).is_none() {
            return;
        }
        match answer {
            Ok(words) => {
                let words = render::notice(&clean::line(words), self.settings.style);
                self.show_words((Tone::Notice, words));
                self.settle_done(line);
            }
            Err(why) => self.complain(line, ErrorCode::Refused, &clean::line(why)),
        }
    }

    /// The answer to `Chore::Run`. What a program wrote is shown, two blanks to the right, where
    /// nothing is taken for a word of ours; none of it is ever a command.
    pub fn handle_ran(&mut self, now: Now, line: LineId, ran: &Ran) {
        self.now = now;
        let Some(source) = self.chores.open.remove(&line) else {
            return;
        };
        let output = String::from_utf8_lossy(&ran.output);
        let output = output.strip_suffix('\n').unwrap_or(&output);
        if !output.is_empty() {
            let rows: Vec<String> = clean::lines(output).map(|row| format!("  {row}")).collect();
            self.show_words((Tone::Notice, rows.join("\n")));
        }
        if ran.output.len() >= CHILD_OUTPUT_BYTES_MAX {
            let words = format!("  (only {CHILD_OUTPUT_BYTES_MAX} bytes are shown)");
            self.show_words((Tone::Hint, words));
        }
        let word = source.split_whitespace().next().unwrap_or_default();
        let word = clean::line(word.trim_start_matches('/'));
        let why = match &ran.end {
            RanEnd::Code(0) => return self.settle_done(line),
            RanEnd::Code(_) if !ran.complaint.is_empty() => clean::line(&ran.complaint),
            RanEnd::Code(code) => format!("it ended with status {code}"),
            RanEnd::Late => "its time was up".to_owned(),
            RanEnd::NotBegun(why) => clean::line(why),
        };
        self.complain(line, ErrorCode::PluginFailed, &format!("{word}: {why}"));
    }

    /// The answer to `Chore::Hook`.
    pub fn handle_hook(&mut self, now: Now, index: usize, end: &JobEnd) {
        self.now = now;
        let here = match &self.client.view().mode {
            Mode::Group(group) => Some(group),
            Mode::Starting | Mode::Normal | Mode::Offline(_) => None,
        };
        let hooks = &mut self.chores.hooks;
        let (told, answer) = hooks.on_end(now.instant, index, end, here);
        if let Some(fact) = told {
            self.announce(fact);
        }
        if let Some(answer) = answer {
            let (text, auto) = (answer.text, true);
            let request = match answer.to {
                Target::Group(_) => Request::SendGroup { text, auto },
                Target::Name(to) => Request::Send {
                    to,
                    text,
                    auto,
                    id: None,
                },
            };
            self.ask(None, request, LaterLines::Run);
        }
    }

    /// Something happened: everybody hears of it, and the hooks.
    pub(super) fn announce(&mut self, fact: Fact) {
        let dropped = self.chores.hooks.on_fact(&fact);
        self.outputs.push_back(Output::Fact(fact));
        self.outputs.extend(dropped.into_iter().map(Output::Fact));
    }

    /// Of which programs it has to be known whether they are there before a line means anything.
    pub(super) fn wants(&self, source: &str) -> Option<Wanted> {
        if !self.chores.is_possible {
            return None;
        }
        let input = match self.conversation {
            Some(_) => Input::Conversation,
            None => Input::Command,
        };
        match self.registry.parse(source, input) {
            Ok(Parsed::Call(call)) => match call.command.run {
                Run::External(_) => Word::new(&call.command.name).map(Wanted::One),
                Run::BuiltIn(_) if ["help", "plugin"].contains(&&*call.command.name) => {
                    Some(Wanted::All)
                }
                Run::BuiltIn(_) => None,
            },
            Ok(Parsed::Blank | Parsed::Say(_)) => None,
            Err(error) => Word::new(source.get(error.span)?).map(Wanted::One),
        }
    }

    /// Sends somebody off, and remembers for which line.
    pub(super) fn send_off(&mut self, line: LineId, source: &str, chore: Chore) {
        if self.chores.is_possible {
            if matches!(chore, Chore::Find(..)) {
                self.chores.finding.insert(line);
            }
            self.chores.open.insert(line, source.to_owned());
            self.outputs.push_back(Output::Chore(chore));
        } else {
            self.complain(line, ErrorCode::Refused, "there are no other programs here");
        }
    }

    /// `plugin list`.
    pub(super) fn list_external(&mut self, line: LineId) {
        let (head, rows) = external::listed(&self.registry);
        self.list(line, head, rows);
    }

    pub(super) fn hook(&mut self, line: LineId, wish: HookWish) {
        match wish {
            HookWish::List => {
                let rows = self.chores.hooks.rows();
                let head = if rows.is_empty() {
                    "No hooks: config.toml has none."
                } else {
                    "Hooks:"
                };
                self.list(line, head, rows);
            }
            HookWish::Off(name) => self.switch(line, &name, false),
            HookWish::On(name) => self.switch(line, &name, true),
            HookWish::Test(words) => match hooks::imagined(&words) {
                Ok(fact) => {
                    let rows = self.chores.hooks.test(&fact);
                    self.list(line, "Nothing was run.", rows);
                }
                Err(why) => self.complain(line, ErrorCode::Refused, &clean::line(&why)),
            },
        }
    }

    fn switch(&mut self, line: LineId, name: &str, is_on: bool) {
        if self.chores.hooks.switch(name, is_on) {
            let word = if is_on { "on" } else { "off" };
            let head = format!("Hook {} is {word}.", clean::line(name));
            return self.list(line, &head, Vec::new());
        }
        let near = explain::did_you_mean(&explain::nearest(name, self.chores.hooks.names()));
        let words = format!("there is no hook {}", clean::line(name));
        let hint = near.map(|question| format!("  {question}"));
        self.complain_with(line, ErrorCode::Refused, &words, hint);
    }

    fn list(&mut self, line: LineId, head: &str, rows: Vec<String>) {
        let head = render::notice(head, self.settings.style);
        let words = std::iter::once(head).chain(rows).collect::<Vec<_>>();
        self.say(line, (Tone::Notice, words.join("\n")));
        self.settle_done(line);
    }
}
