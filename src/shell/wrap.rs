//! Rows that fit a screen: broken between words, and what follows indented, so that no row of a
//! long text looks like the begin of another.

use std::iter;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr as _};

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
    // How wide a tab comes out only the terminal knows.
    let text = &text.replace('\t', "    ");
    let is_short = |row: &str| cells(row) <= columns;
    if columns < COLUMNS_MIN || text.split('\n').all(is_short) {
        return text.to_owned();
    }
    let mut rows = Vec::new();
    for row in text.split('\n') {
        match layout {
            _ if is_short(row) => rows.push(row.to_owned()),
            Layout::Message => rows.extend(pieces(row, columns, 0, 2)),
            Layout::Own => break_row(row, columns, &mut rows),
        }
    }
    rows.join("\n")
}

fn break_row(row: &str, columns: usize, rows: &mut Vec<String>) {
    let lead = row.len() - row.trim_start().len();
    let most = columns / 2;
    match second_column(row, lead) {
        None => rows.extend(pieces(row, columns, 0, lead.clamp(2, most))),
        Some(at) if cells(&row[..at]) <= most => {
            rows.extend(pieces(row, columns, 0, cells(&row[..at])));
        }
        // It begins a row of its own.
        Some(at) => {
            let hang = (lead + 4).min(most);
            rows.extend(pieces(row[..at].trim_end(), columns, 0, hang));
            rows.extend(pieces(&row[at..], columns, hang, hang));
        }
    }
}

/// The cells of a text on the least able terminal: where joined characters are drawn one by one a
/// row must not come out longer than it was thought to be.
fn cells(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let parts = text.graphemes(true);
    let apart = |part: &str| part.chars().filter_map(UnicodeWidthChar::width).sum();
    parts.map(|part| part.width().max(apart(part))).sum()
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
        width += cells(grapheme);
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
        assert_eq!(wrap("bob: a\tb", 20, Layout::Message), "bob: a    b");
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
    fn joined_characters_count_as_if_they_were_drawn_one_by_one() {
        let family = "👨\u{200d}👩\u{200d}👧";
        let text = format!("bob: {}[Welcome back!]", family.repeat(3));
        let rows = [
            "bob:",
            &format!("  {}", family.repeat(3)),
            "  [Welcome back!]",
        ];
        check(&text, 20, Layout::Message, &rows);
    }

    #[test]
    fn what_stands_in_a_second_column_stays_there_or_gets_rows_of_its_own() {
        let row = "  Tab      completes what fits, twice: lists";
        let rows = [
            "  Tab      completes",
            "           what fits,",
            "           twice: lists",
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
