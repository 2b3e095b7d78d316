//! Ctrl-R: incremental search in the lines entered so far. Messages and prompts go on meanwhile.

use super::Editor;
use super::recall::fitting;
use super::undo::Deaf;
use rustyline::history::{History as _, SearchDirection};
use rustyline::{Cmd, Movement};

/// A search in progress.
pub(super) struct Search {
    pub(super) query: String,
    /// The line found last, or where the search begins.
    at: usize,
    direction: SearchDirection,
    pub(super) found: bool,
    /// The text before the search, and its place in the record of changes.
    before: (String, usize),
    mark: usize,
}

/// What a command means to a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It was for the search.
    Done,
    /// It ended the search, and is still to be done.
    Over,
}

impl Editor {
    pub(super) fn begin_search(&mut self) {
        let Some(newest) = self.recall.lines.len().checked_sub(1) else {
            return;
        };
        let (text, pos) = self.text.get();
        self.search = Some(Search {
            query: String::new(),
            at: newest,
            direction: SearchDirection::Reverse,
            found: true,
            before: (text.to_owned(), pos),
            mark: self.text.record.begin(),
        });
    }

    pub(super) fn search_step(&mut self, mut search: Search, cmd: &Cmd) -> Step {
        let newest = self.recall.lines.len().saturating_sub(1);
        match cmd {
            Cmd::SelfInsert(_, c) => search.query.push(*c),
            Cmd::Kill(Movement::BackwardChar(_)) => {
                search.query.pop();
                search.at = newest;
                search.direction = SearchDirection::Reverse;
            }
            Cmd::ReverseSearchHistory | Cmd::ForwardSearchHistory => {
                let Some(next) = search.turn(cmd, newest) else {
                    search.found = false;
                    self.search = Some(search);
                    return Step::Done;
                };
                search.at = next;
            }
            Cmd::Abort => {
                let (text, pos) = &search.before;
                self.text.line.update(text, *pos, &mut Deaf);
                self.text.record.forget_from(search.mark);
                return Step::Done;
            }
            _ => {
                self.text.record.end();
                return Step::Over;
            }
        }
        self.find(&mut search);
        self.search = Some(search);
        Step::Done
    }

    fn find(&mut self, search: &mut Search) {
        let lines = &self.recall.lines;
        let found = lines.search(&search.query, search.at, search.direction);
        let Ok(Some(result)) = found else {
            search.found = search.query.is_empty();
            return;
        };
        search.at = result.idx;
        search.found = true;
        let entry = fitting(&result.entry);
        let pos = result.pos.min(entry.len());
        self.text.line.update(&entry, pos, &mut self.text.record);
        self.text.pasted = false;
    }
}

impl Search {
    /// Where to go on, the same way or the other.
    fn turn(&mut self, cmd: &Cmd, newest: usize) -> Option<usize> {
        if *cmd == Cmd::ReverseSearchHistory {
            self.direction = SearchDirection::Reverse;
            self.at.checked_sub(1)
        } else {
            self.direction = SearchDirection::Forward;
            Some(self.at + 1).filter(|next| *next <= newest)
        }
    }
}
