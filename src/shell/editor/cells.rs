//! Texts in cells of a screen: how wide, how many rows, and where the cursor comes to stand.

use rustyline::GraphemeClusterMode;
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation as _;

/// How a terminal divides a text into rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells {
    pub(super) widths: GraphemeClusterMode,
    pub(super) cols: usize,
}

/// A cell, counted from the begin of a text. `col` may be the number of columns: there the
/// terminal waits with the next row until one more character comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) col: usize,
}

impl Cells {
    /// Where the cursor is after a text.
    pub(super) fn advance(self, text: &str, mut place: Place) -> Place {
        for grapheme in text.graphemes(true) {
            if grapheme == "\n" {
                place = Place {
                    row: place.row + 1,
                    col: 0,
                };
                continue;
            }
            let width = self.grapheme(grapheme).min(self.cols);
            place.col += width;
            if place.col > self.cols {
                place = Place {
                    row: place.row + 1,
                    col: width,
                };
            }
        }
        place
    }

    /// The end of a full row is the begin of the next.
    pub(super) fn settle(self, place: Place) -> Place {
        if place.col < self.cols {
            return place;
        }
        Place {
            row: place.row + 1,
            col: 0,
        }
    }

    /// The rows that a text takes, the one of a cursor at its end included.
    pub(super) fn rows(self, text: &str) -> Vec<String> {
        let mut rows = vec![String::new()];
        let mut place = Place::default();
        for grapheme in text.graphemes(true) {
            let next = self.advance(grapheme, place);
            if next.row > place.row {
                rows.push(String::new());
            }
            if grapheme != "\n"
                && let Some(row) = rows.last_mut()
            {
                row.push_str(grapheme);
            }
            place = next;
        }
        if place.col == self.cols {
            rows.push(String::new());
        }
        rows
    }

    /// The cells that a text takes in one row.
    pub(super) fn width(self, text: &str) -> usize {
        let text = visible(text);
        text.graphemes(true).map(|part| self.grapheme(part)).sum()
    }

    fn grapheme(self, grapheme: &str) -> usize {
        usize::from(self.widths.width(grapheme))
    }
}

/// A text as it may be drawn: control characters, which could move the cursor or worse, and those
/// that turn the direction of writing become visible. Only newlines stay.
///
/// For what the user typed or pasted; what others wrote has gone through `shell/clean.rs` before.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if is_harmless(c) => shown.push(c),
            '\t' => shown += "    ",
            '\0'..='\x1f' | '\x7f' => {
                shown.push('^');
                shown.push(char::from(c as u8 ^ 0x40));
            }
            _ => shown.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Cow::Owned(shown)
}

const fn is_harmless(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c == '\n' || !(matches!(c, '\0'..='\x1f' | '\x7f'..='\u{9f}') || turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Cells = Cells {
        widths: GraphemeClusterMode::WcWidth,
        cols: 10,
    };

    #[test]
    fn a_text_takes_the_rows_that_a_terminal_gives_it() {
        for (text, row, col, rows) in [
            ("", 0, 0, 1),
            ("123456789", 0, 9, 1),
            ("1234567890", 0, 10, 2),
            ("12345678901", 1, 1, 2),
            ("123456789日", 1, 2, 2),
            ("12345678日", 0, 10, 2),
            ("a\nb\n", 2, 0, 3),
        ] {
            let place = TEN.advance(text, Place::default());
            assert_eq!(place, Place { row, col }, "{text:?}");
            assert_eq!(TEN.rows(text).len(), rows, "{text:?}");
            assert_eq!(TEN.settle(place).row + 1, rows, "{text:?}");
        }
    }

    #[test]
    fn what_could_move_the_cursor_is_shown() {
        assert_eq!(visible("a\x1b[31m\tb\x7f"), "a^[[31m    b^?");
        assert_eq!(visible("\u{9b}\u{202e}\u{2066}"), "\u{fffd}".repeat(3));
        assert!(matches!(visible("日本 a\n"), Cow::Borrowed(_)));
        assert_eq!(TEN.width("\t日"), 6);
    }
}
