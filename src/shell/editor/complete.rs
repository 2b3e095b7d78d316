//! Tab and hints: what others suggest, put into the text or listed under it.

use super::{Assist, BELL, Editor};
use crate::model::limits::LISTED_MAX;
use crate::shell::wrap::{Layout, wrap};
use rustyline::completion::{Candidate as _, longest_common_prefix};
use rustyline::hint::Hint as _;
use std::fmt::Write as _;

/// What Tab did before this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    /// It could not decide: the next Tab lists.
    Undecided,
    #[default]
    Untouched,
}

/// Blanks between two columns of a list.
const GAP: usize = 2;

impl Editor {
    pub(super) fn complete<H: Assist>(&mut self, before: Tab, assist: &H) {
        let (text, pos) = self.text.get();
        let Ok((start, candidates)) = assist.complete(text, pos, &self.context()) else {
            return;
        };
        let common = longest_common_prefix(&candidates).unwrap_or_default();
        if common.len() > pos - start || candidates.len() == 1 {
            let text = &mut self.text;
            text.line.replace(start..pos, common, &mut text.record);
            return;
        }
        if candidates.is_empty() {
            return self.out.push(BELL);
        }
        self.tab = Tab::Undecided;
        if before == Tab::Undecided {
            self.list("", &candidates, assist);
        } else {
            self.out.push(BELL);
        }
    }

    /// Lists what may follow the text, if a `?` at its end asks for that.
    pub(super) fn list_at_question<H: Assist>(&mut self, assist: &H) -> bool {
        let (text, pos) = self.text.get();
        if self.search.is_some() || pos < text.len() {
            return false;
        }
        let Some(head) = assist.question(text) else {
            return false;
        };
        let found = assist.complete(text, pos, &self.context());
        let candidates = found.map_or_else(|_| Vec::new(), |(_, candidates)| candidates);
        self.list(&head, &candidates, assist);
        self.dirty = true;
        true
    }

    /// Prints the candidates under the text and begins a new prompt: a list is no state.
    fn list<H: Assist>(&mut self, head: &str, candidates: &[H::Candidate], assist: &H) {
        let pos = self.text.line.pos();
        self.finish(assist);
        self.text.line.set_pos(pos);
        if !head.is_empty() {
            let head = wrap(head, self.cells.cols, Layout::Own);
            writeln!(self.out, "{head}").expect("a string takes all");
        }
        let shown = &candidates[..candidates.len().min(LISTED_MAX)];
        let cells: Vec<(String, usize)> = shown
            .iter()
            .map(|candidate| {
                let cell = super::cells::visible(candidate.display()).into_owned();
                let width = self.cells.width(&cell);
                (cell, width)
            })
            .collect();
        let column = cells.iter().map(|(_, width)| width).max().unwrap_or(&0) + GAP;
        for row in cells.chunks(((self.cells.cols + GAP) / column).max(1)) {
            let mut gap = 0;
            for (cell, width) in row {
                self.out += &" ".repeat(gap);
                self.out += cell;
                gap = column - width;
            }
            self.out += "\r\n";
        }
        let more = candidates.len() - shown.len();
        if more > 0 {
            write!(self.out, "... and {more} more\r\n").expect("a string takes all");
        }
    }

    pub(super) fn hint<H: Assist>(&self, assist: &H) -> Option<H::Hint> {
        let (text, pos) = self.text.get();
        assist.hint(text, pos, &self.context())
    }

    /// At the end of the text Right takes the hint; elsewhere, and without one, it moves.
    pub(super) fn accept_hint<H: Assist>(&mut self, assist: &H) {
        let is_at_end = self.text.line.is_cursor_at_end();
        let hint = self.hint(assist).filter(|_| is_at_end);
        let text = &mut self.text;
        match hint.as_ref().and_then(|hint| hint.completion()) {
            Some(rest) => text.line.yank(rest, 1, &mut text.record).is_some(),
            None => text.line.move_forward(1),
        };
    }
}
