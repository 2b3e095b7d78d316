//! Up and Down: older and newer lines, at choice only those that begin as the text before the
//! cursor.

use super::{BELL, Editor};
use crate::model::limits::LINE_BYTES_MAX;
use rustyline::history::{FileHistory, History as _, SearchDirection};
use std::mem::take;

/// The lines entered so far, and where one stands among them.
pub(super) struct Recall {
    pub(super) lines: FileHistory,
    /// Whether Up and Down find only lines that begin as the text before the cursor.
    pub(super) by_prefix: bool,
    /// The line that is shown; their number: the line being written.
    index: usize,
    /// The line being written and its cursor, while another is shown.
    written: (String, usize),
    /// The begin that Up and Down look for, from the first of them to the next other key.
    pub(super) prefix: Option<String>,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Newer,
    Older,
}

impl Recall {
    pub(super) fn new(lines: FileHistory) -> Self {
        Self {
            index: lines.len(),
            lines,
            by_prefix: true,
            written: (String::new(), 0),
            prefix: None,
        }
    }

    /// Back to the line being written, which is a new one.
    pub(super) fn begin(&mut self) {
        self.index = self.lines.len();
        self.prefix = None;
    }

    fn line(&self, index: usize) -> Option<String> {
        let found = self.lines.get(index, SearchDirection::Reverse);
        Some(fitting(&found.ok()??.entry))
    }

    /// The next line that way that begins so, and is another than the one shown.
    fn find(&self, way: Way, prefix: &str, shown: &str) -> Option<(usize, String)> {
        let mut index = self.index;
        loop {
            index = match way {
                Way::Newer => index + 1,
                Way::Older => index.checked_sub(1)?,
            };
            let line = self.line(index)?;
            let repeated = !prefix.is_empty() && line == shown;
            if line.starts_with(prefix) && !repeated {
                return Some((index, line));
            }
        }
    }
}

impl Editor {
    pub(super) fn up_or_down(&mut self, way: Way, prefix: Option<String>) {
        if self.move_row(way) {
            return;
        }
        let prefix = if self.recall.by_prefix {
            let (text, pos) = self.text.get();
            prefix.unwrap_or_else(|| text[..pos].to_owned())
        } else {
            String::new()
        };
        self.recall_step(way, &prefix);
        self.recall.prefix = Some(prefix);
    }

    pub(super) fn recall_step(&mut self, way: Way, prefix: &str) {
        let is_written = self.recall.index >= self.recall.lines.len();
        if is_written && way == Way::Newer || self.recall.index == 0 && way == Way::Older {
            return;
        }
        if is_written {
            self.keep_written();
        }
        match self.recall.find(way, prefix, self.text.get().0) {
            Some((index, line)) => {
                self.recall.index = index;
                self.text.replace_all(&line);
            }
            None if way == Way::Older => self.out.push(BELL),
            None => self.restore_written(),
        }
    }

    /// Alt-< and Alt->: the oldest line, and the one being written.
    pub(super) fn recall_end(&mut self, way: Way) {
        let is_written = self.recall.index >= self.recall.lines.len();
        match way {
            Way::Newer if !is_written => self.restore_written(),
            Way::Older if self.recall.index > 0 => {
                if let Some(line) = self.recall.line(0) {
                    if is_written {
                        self.keep_written();
                    }
                    self.recall.index = 0;
                    self.text.replace_all(&line);
                }
            }
            Way::Newer | Way::Older => {}
        }
    }

    fn keep_written(&mut self) {
        let (text, pos) = self.text.get();
        self.recall.written = (text.to_owned(), pos);
    }

    fn restore_written(&mut self) {
        self.recall.index = self.recall.lines.len();
        let (text, pos) = take(&mut self.recall.written);
        self.text.line.update(&text, pos, &mut self.text.record);
    }
}

/// As much of an old line as the text can hold.
pub(super) fn fitting(entry: &str) -> String {
    entry[..entry.floor_char_boundary(LINE_BYTES_MAX)].to_owned()
}
