//! Rows that fit a screen: broken between words, and what follows indented, so that no row of a
//! long text looks like the begin of another.

use std::iter;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// What a text is: it decides how far the rows that follow are indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Words of somebody: by two blanks.
    Message,
    /// The program's own: as the second column of the row, if it has one.
    Own,
}

/// Narrower than this nothing is broken.
const COLUMNS_MIN: usize = 20;
/// Between two columns of a row stand at least so many blanks.
const GAP: &str = "  ";

/// Breaks the rows that are too long for so many columns.
#[must_use]
pub fn wrap(text: &str, columns: usize, layout: Layout) -> String {
    let is_short = |row: &str| row.width() <= columns;
    if columns < COLUMNS_MIN || text.split('\n').all(is_short) {
        return text.to_owned();
    }
    let mut rows = Vec::new();
    for row in text.split('\n') {
        if is_short(row) {
            rows.push(row.to_owned());
        } else {
            break_row(row, columns, layout, &mut rows);
        }
    }
    rows.join("\n")
}

fn break_row(row: &str, columns: usize, layout: Layout, rows: &mut Vec<String>) {
    let lead = row.len() - row.trim_start().len();
    let second = second_column(row, lead);
    let hang = match (layout, second) {
        (Layout::Message, _) => 2,
        (Layout::Own, Some(at)) if row[..at].width() <= columns / 2 => row[..at].width(),
        (Layout::Own, Some(_)) => lead + 4,
        (Layout::Own, None) => lead + 2,
    };
    let hang = hang.min(columns / 2);
    let mut rest = row;
    if let (Layout::Own, Some(at)) = (layout, second)
        && row[..at].width() > columns / 2
    {
        // The second column begins a row of its own.
        rows.extend(pieces(row[..at].trim_end(), columns, 0, hang));
        rest = &row[at..];
        rows.extend(pieces(rest, columns, hang, hang));
        return;
    }
    rows.extend(pieces(rest, columns, 0, hang));
}

/// Where the second column of a row begins.
fn second_column(row: &str, lead: usize) -> Option<usize> {
    let gap = row[lead..].find(GAP)? + lead;
    let at = row.len() - row[gap..].trim_start().len();
    (at < row.len()).then_some(at)
}

/// The rows of a text: the first indented by so much, the others by so much.
fn pieces(
    text: &str,
    columns: usize,
    first: usize,
    others: usize,
) -> impl Iterator<Item = String> + '_ {
    let mut rest = Some(text);
    let mut indent = first;
    iter::from_fn(move || {
        let text = rest?;
        let (piece, more) = piece(text, columns - indent);
        let row = " ".repeat(indent) + piece;
        rest = more;
        indent = others;
        Some(row)
    })
}

/// As much of a text as fits, to the end of a word if there is one, and what is left.
fn piece(text: &str, columns: usize) -> (&str, Option<&str>) {
    let mut width = 0;
    let lead = text.len() - text.trim_start().len();
    let mut blank = None;
    for (at, grapheme) in text.grapheme_indices(true) {
        if grapheme == " " && at >= lead {
            blank = Some(at);
        }
        width += grapheme.width();
        if width > columns && at > 0 {
            let end = blank.unwrap_or(at);
            let more = text[end..].trim_start_matches(' ');
            let more = (!more.is_empty()).then_some(more);
            return (&text[..end], more);
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, columns: usize, layout: Layout, rows: &[&str]) {
        let wrapped = wrap(text, columns, layout);
        assert_eq!(wrapped.split('\n').collect::<Vec<_>>(), rows);
    }

    #[test]
    fn a_text_that_fits_stays_as_it_is() {
        let text = "bob: two  blanks \n  and a row";
        assert_eq!(wrap(text, 20, Layout::Message), text);
        assert_eq!(wrap(&"x".repeat(90), 10, Layout::Message), "x".repeat(90));
    }

    #[test]
    fn no_row_of_a_message_but_its_first_begins_at_the_margin() {
        let text = "bob: are you coming? [Welcome back!] xx";
        let rows = ["bob: are you coming?", "  [Welcome back!] xx"];
        check(text, 20, Layout::Message, &rows);
        let word = "bob: 0123456789abcde[Welcome, You are registered.]";
        let rows = [
            "bob:",
            "  0123456789abcde[We",
            "  lcome, You are",
            "  registered.]",
        ];
        check(word, 20, Layout::Message, &rows);
        let wide = "bob: 日本語日本語日本語日本語";
        check(
            wide,
            20,
            Layout::Message,
            &["bob:", "  日本語日本語日本語", "  日本語"],
        );
    }

    #[test]
    fn what_stands_in_a_second_column_stays_there_or_gets_rows_of_its_own() {
        let row = "  Tab      completes what fits, twice: lists";
        let rows = [
            "  Tab      completes",
            "           what fits,",
            "           twice:",
            "           lists",
        ];
        check(row, 24, Layout::Own, &rows);
        let row = "  send_group TEXT  to all in the group";
        let rows = ["  send_group TEXT", "      to all in the", "      group"];
        check(row, 20, Layout::Own, &rows);
        let row = "[Offline message saved.] and more";
        check(
            row,
            24,
            Layout::Own,
            &["[Offline message saved.]", "  and more"],
        );
    }

    #[test]
    fn nothing_but_blanks_is_lost_at_any_width() {
        let text = "  a bc  def ghij  klmno 日本 x\u{301}y\n\n[one two three] four        five";
        let kept = |text: &str| text.replace([' ', '\n'], "");
        for columns in COLUMNS_MIN..60 {
            for layout in [Layout::Message, Layout::Own] {
                let wrapped = wrap(text, columns, layout);
                assert_eq!(kept(&wrapped), kept(text));
                assert!(wrapped.split('\n').all(|row| row.width() <= columns));
            }
        }
    }
}
