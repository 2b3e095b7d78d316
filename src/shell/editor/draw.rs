//! Drawing: prompt, text and hint onto a screen that others' messages share, at most once a turn.

use super::cells::{Place, visible};
use super::recall::Way;
use super::{Assist, Editor};
use rustyline::hint::Hint as _;
use std::fmt::Write as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Where the prompt stands on the screen.
pub(super) struct Shown {
    /// Rows between the first row of the prompt and the cursor.
    row: usize,
    /// What was drawn up to the cursor, to find `row` again when the width changes.
    before: String,
}

/// Prompt, text and hint as they are to be drawn, before any colour.
struct Picture {
    prompt: String,
    text: String,
    /// The cursor's place in the text.
    cursor: usize,
    hint: String,
    /// Where the cursor stands, and where the text and its hint end.
    at: Place,
    end: Place,
}

impl Editor {
    /// Takes the prompt off the screen, if it is there; the cursor is where it began.
    pub(super) fn erase(&mut self) {
        if let Some(Shown { row, .. }) = self.shown.take() {
            go_up(&mut self.out, row);
            // Not from the first cell: tmux keeps a copy of a screen that is cleared whole.
            self.out += "\r \x1b[J\r";
            self.dirty = true;
        }
    }

    /// Draws all of it a last time, without a hint, and goes to the next row.
    pub(super) fn finish<H: Assist>(&mut self, assist: &H) {
        self.text.line.set_pos(self.text.line.len());
        self.erase();
        let picture = self.picture(String::new());
        let end = self.cells.settle(picture.end);
        self.paint(&picture, assist);
        if end.col > 0 || end.row == 0 {
            self.out += "\r\n";
        }
        self.shown = None;
    }

    /// Draws prompt, text and hint, or as much as the screen has rows for.
    pub(super) fn draw<H: Assist>(&mut self, assist: &H) {
        let hint = match &self.search {
            Some(_) => None,
            None => self.hint(assist),
        };
        let hint = hint.map_or(String::new(), |hint| visible(hint.display()).into_owned());
        let mut picture = self.picture(hint);
        if self.is_too_tall(&picture) && !picture.hint.is_empty() {
            picture = self.picture(String::new());
        }
        if self.is_too_tall(&picture) {
            self.draw_window(&picture);
        } else {
            self.paint(&picture, assist);
        }
    }

    fn is_too_tall(&self, picture: &Picture) -> bool {
        self.cells.settle(picture.end).row >= self.rows
    }

    fn picture(&self, hint: String) -> Picture {
        let prompt = match &self.search {
            Some(search) => {
                let failed = if search.found { "" } else { "failed " };
                format!("({failed}reverse-i-search)`{}': ", visible(&search.query))
            }
            None => visible(&self.prompt).into_owned(),
        };
        let (text, pos) = self.text.get();
        let cursor = visible(&text[..pos]).len();
        let text = visible(text).into_owned();
        let cells = self.cells;
        let at = cells.advance(&prompt, Place::default());
        let at = cells.advance(&text[..cursor], at);
        let end = cells.advance(&text[cursor..], at);
        let end = cells.advance(&hint, end);
        Picture {
            prompt,
            text,
            cursor,
            hint,
            at,
            end,
        }
    }

    /// Draws all rows, in colour, and puts the cursor where it belongs.
    fn paint<H: Assist>(&mut self, picture: &Picture, assist: &H) {
        let is_prompt = self.search.is_none();
        self.out += &assist.highlight_prompt(&picture.prompt, is_prompt);
        self.out += &assist.highlight(&picture.text, picture.cursor);
        if !picture.hint.is_empty() {
            self.out += &assist.highlight_hint(&picture.hint);
        }
        let mut before = picture.prompt.clone() + &picture.text[..picture.cursor];
        if picture.end.col == self.cells.cols {
            self.out += "\r\n"; // The terminal has not yet wrapped.
            if picture.cursor == picture.text.len() && picture.hint.is_empty() {
                before.push('\n');
            }
        }
        let at = self.cells.settle(picture.at);
        let end = self.cells.settle(picture.end);
        go_back(&mut self.out, end.row - at.row, at.col);
        self.shown = Some(Shown {
            row: at.row,
            before,
        });
    }

    /// Draws as many rows as the screen has, plainly, the cursor's among them.
    fn draw_window(&mut self, picture: &Picture) {
        let rows = self
            .cells
            .rows(&format!("{}{}", picture.prompt, picture.text));
        let at = self.cells.settle(picture.at);
        self.top = self
            .top
            .min(at.row)
            .max((at.row + 1).saturating_sub(self.rows))
            .min(rows.len() - self.rows);
        let row = at.row - self.top;
        let shown = &rows[self.top..self.top + self.rows];
        self.out += &shown.join("\r\n");
        go_back(&mut self.out, self.rows - 1 - row, at.col);
        let mut before = shown[..row].join("\n");
        if row > 0 {
            before.push('\n');
        }
        before += &" ".repeat(at.col);
        self.shown = Some(Shown { row, before });
    }

    /// Terminals wrap their text anew, and the cursor goes with it. Behind a row that is just full
    /// it may be here or there: rather a row too many than a message lost.
    pub(super) fn find_prompt_again(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.row = self.cells.advance(&shown.before, Place::default()).row;
        }
    }

    /// Up or Down inside a text of several rows; `false`: it is the first or the last row.
    pub(super) fn move_row(&mut self, way: Way) -> bool {
        let (text, pos) = self.text.get();
        let begin = |upto: usize| text[..upto].rfind('\n').map_or(0, |newline| newline + 1);
        let here = begin(pos);
        let target = match way {
            Way::Older => here.checked_sub(1).map(|newline| (begin(newline), newline)),
            Way::Newer => text[pos..].find('\n').map(|newline| {
                let from = pos + newline + 1;
                let length = text[from..].find('\n');
                (from, length.map_or(text.len(), |length| from + length))
            }),
        };
        let Some((from, to)) = target else {
            return false;
        };
        let prompt = self.cells.width(&self.prompt);
        let indent = |begin: usize| if begin == 0 { prompt } else { 0 };
        let wanted = indent(here) + self.cells.width(&text[here..pos]);
        let wanted = wanted.saturating_sub(indent(from));
        let mut col = 0;
        let mut graphemes = text[from..to].grapheme_indices(true);
        let target = graphemes.find_map(|(index, grapheme)| {
            let found = (col >= wanted).then_some(from + index);
            col += self.cells.width(grapheme);
            found
        });
        self.text.line.set_pos(target.unwrap_or(to));
        true
    }
}

fn go_up(out: &mut String, rows: usize) {
    if rows > 0 {
        write!(out, "\x1b[{rows}A").expect("a string takes all");
    }
}

fn go_back(out: &mut String, rows: usize, col: usize) {
    go_up(out, rows);
    out.push('\r');
    if col > 0 {
        write!(out, "\x1b[{col}C").expect("a string takes all");
    }
}
