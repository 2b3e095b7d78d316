//! What changed in a text, to undo it, and what was killed, to yank it.

use crate::model::limits::{KILLS_MAX, UNDO_BYTES_MAX};
use rustyline::line_buffer::{ChangeListener, DeleteListener, Direction, LineBuffer};
use unicode_segmentation::UnicodeSegmentation as _;

/// Listens to a text.
#[derive(Debug, Default)]
pub(super) struct Record {
    done: Vec<Change>,
    pub(super) ring: Ring,
}

#[derive(Debug)]
enum Change {
    /// What stands between `Begin` and `End` is undone in one step.
    Begin,
    End,
    Delete {
        at: usize,
        text: String,
    },
    Insert {
        at: usize,
        text: String,
    },
    Replace {
        at: usize,
        old: String,
        new: String,
    },
}

impl Record {
    /// Begins a step; gives its place, for [`Record::forget_from`].
    pub(super) fn begin(&mut self) -> usize {
        self.done.push(Change::Begin);
        self.done.len() - 1
    }

    pub(super) fn end(&mut self) {
        if let Some(Change::Begin) = self.done.last() {
            self.done.pop(); // nothing happened
        } else {
            self.done.push(Change::End);
        }
    }

    pub(super) fn forget_from(&mut self, place: usize) {
        self.done.truncate(place);
    }

    pub(super) fn forget_all(&mut self) {
        self.done.clear();
        self.ring.last = Last::Other;
    }

    /// Keeps the newest half when there is too much of it. Not inside a step.
    pub(super) fn trim(&mut self) {
        let bytes: usize = self.done.iter().map(Change::bytes).sum();
        if bytes <= UNDO_BYTES_MAX {
            return;
        }
        let mut kept = 0;
        let fits = |change: &&Change| {
            kept += change.bytes();
            kept <= UNDO_BYTES_MAX / 2
        };
        let count = self.done.iter().rev().take_while(fits).count();
        self.done.drain(..self.done.len() - count);
    }

    pub(super) fn undo(&mut self, line: &mut LineBuffer) {
        let mut inside = 0;
        while let Some(change) = self.done.pop() {
            match change {
                Change::Begin => inside -= 1,
                Change::End => inside += 1,
                Change::Insert { at, text } => line.delete_range(at..at + text.len(), &mut Deaf),
                Change::Delete { at, text } => {
                    line.insert_str(at, &text, &mut Deaf);
                    line.set_pos(at + text.len());
                }
                Change::Replace { at, old, new } => {
                    line.replace(at..at + new.len(), &old, &mut Deaf);
                }
            }
            if inside <= 0 {
                return;
            }
        }
    }
}

impl Change {
    const fn bytes(&self) -> usize {
        let text = match self {
            Self::Begin | Self::End => 0,
            Self::Delete { text, .. } | Self::Insert { text, .. } => text.len(),
            Self::Replace { old, new, .. } => old.len() + new.len(),
        };
        size_of::<Self>() + text
    }
}

impl DeleteListener for Record {
    fn start_killing(&mut self) {
        self.ring.killing = true;
    }

    fn delete(&mut self, index: usize, string: &str, direction: Direction) {
        if string.is_empty() {
            return;
        }
        if self.ring.killing {
            self.ring.kill(string, direction);
        }
        // Letters deleted one after the other are one change.
        if is_letter(string)
            && let Some(Change::Delete { at, text }) = self.done.last_mut()
        {
            if *at == index {
                text.push_str(string);
                return;
            }
            if *at == index + string.len() {
                text.insert_str(0, string);
                *at = index;
                return;
            }
        }
        self.done.push(Change::Delete {
            at: index,
            text: string.into(),
        });
    }

    fn stop_killing(&mut self) {
        self.ring.killing = false;
    }
}

impl ChangeListener for Record {
    fn insert_char(&mut self, index: usize, c: char) {
        // Letters typed one after the other are one change.
        if c.is_alphanumeric()
            && let Some(Change::Insert { at, text }) = self.done.last_mut()
            && *at + text.len() == index
        {
            text.push(c);
        } else {
            self.insert_str(index, c.encode_utf8(&mut [0; 4]));
        }
    }

    fn insert_str(&mut self, index: usize, string: &str) {
        if !string.is_empty() {
            self.done.push(Change::Insert {
                at: index,
                text: string.into(),
            });
        }
    }

    fn replace(&mut self, index: usize, before: &str, after: &str) {
        if let Some(Change::Replace { at, old, new }) = self.done.last_mut()
            && *at + new.len() == index
        {
            old.push_str(before);
            new.push_str(after);
        } else {
            self.done.push(Change::Replace {
                at: index,
                old: before.into(),
                new: after.into(),
            });
        }
    }
}

fn is_letter(string: &str) -> bool {
    let mut graphemes = string.graphemes(true);
    let first = graphemes.next();
    first.is_some_and(|first| first.chars().all(char::is_alphanumeric))
        && graphemes.next().is_none()
}

/// Hears nothing.
pub(super) struct Deaf;

impl DeleteListener for Deaf {
    fn delete(&mut self, _: usize, _: &str, _: Direction) {}
}

impl ChangeListener for Deaf {
    fn insert_char(&mut self, _: usize, _: char) {}
    fn insert_str(&mut self, _: usize, _: &str) {}
    fn replace(&mut self, _: usize, _: &str, _: &str) {}
}

/// The killed texts; the newest is at `index`.
#[derive(Debug, Default)]
pub(super) struct Ring {
    slots: Vec<String>,
    index: usize,
    last: Last,
    killing: bool,
}

/// What the last command was, as far as the ring cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    Kill,
    #[default]
    Other,
    Yank {
        length: usize,
    },
}

impl Ring {
    /// What is killed next is a text of its own.
    pub(super) fn rest(&mut self) {
        self.last = Last::Other;
    }

    /// Kills that follow one another are one text.
    fn kill(&mut self, string: &str, direction: Direction) {
        if self.last == Last::Kill
            && let Some(slot) = self.slots.get_mut(self.index)
        {
            match direction {
                Direction::Forward => slot.push_str(string),
                Direction::Backward => slot.insert_str(0, string),
            }
            return;
        }
        self.last = Last::Kill;
        if !self.slots.is_empty() {
            self.index = (self.index + 1) % KILLS_MAX;
        }
        match self.slots.get_mut(self.index) {
            Some(slot) => string.clone_into(slot),
            None => self.slots.push(string.into()),
        }
    }

    /// The newest text.
    pub(super) fn yank(&mut self) -> Option<String> {
        let text = self.slots.get(self.index)?.clone();
        self.last = Last::Yank { length: text.len() };
        Some(text)
    }

    /// The text before the one just yanked, and the length of that one.
    pub(super) fn yank_pop(&mut self) -> Option<(usize, String)> {
        let Last::Yank { length } = self.last else {
            return None;
        };
        self.index = self.index.checked_sub(1).unwrap_or(self.slots.len() - 1);
        Some((length, self.yank()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::LINE_BYTES_MAX;

    #[test]
    fn what_can_be_undone_is_bounded_and_the_newest_stays() {
        let mut line = LineBuffer::with_capacity(LINE_BYTES_MAX);
        let mut record = Record::default();
        let text = "x".repeat(LINE_BYTES_MAX / 2);
        for round in 0..100 {
            let before = line.len();
            line.insert_str(0, &text, &mut record);
            line.insert_str(0, "-", &mut record);
            let end = line.len() - before;
            line.delete_range(0..end, &mut record);
            record.trim();
            let bytes: usize = record.done.iter().map(Change::bytes).sum();
            assert!(bytes <= UNDO_BYTES_MAX, "round {round}");
        }
        record.undo(&mut line);
        assert_eq!(line.len(), text.len() + 1);
        for _ in 0..1000 {
            record.undo(&mut line);
        }
        assert!(record.done.is_empty());
    }
}
