//! Bytes in, lines out: whatever a pipe or a terminal gives, in pieces of any size.

use crate::model::limits::LINE_BYTES_MAX;

/// One line of input, without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It is not UTF-8.
    NotUtf8,
    /// As it was typed; a carriage return before the newline is not part of it.
    Text(String),
    /// It has more bytes than a line may have.
    TooLong,
    /// As many lines wait as may.
    TooMany,
}

impl Default for Lines {
    /// Lines as people type them.
    fn default() -> Self {
        Self::new(LINE_BYTES_MAX)
    }
}

/// Cuts bytes into lines. A line that is too long takes no more memory than the longest right one.
#[derive(Debug)]
pub struct Lines {
    /// What a line may have.
    bytes_max: usize,
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// No newline stands before this place.
    scanned: usize,
    /// The begin of this line was thrown away.
    overlong: bool,
    ended: bool,
}

impl Lines {
    /// Nothing yet; no line may have more bytes than this.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: Vec::new(),
            start: 0,
            scanned: 0,
            overlong: false,
            ended: false,
        }
    }

    /// Bytes that no line was made of yet.
    #[must_use]
    pub const fn waiting_bytes(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// True if the end was told.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Takes bytes. Callers take out the lines before they feed again: that is the bound.
    ///
    /// # Panics
    /// After [`Lines::end`].
    pub fn feed(&mut self, bytes: &[u8]) {
        assert!(!self.ended, "nothing comes after the end");
        self.bytes.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// No more bytes will come: what is left is the last line, with or without a newline.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next line, if a whole one has come.
    pub fn poll(&mut self) -> Option<Line> {
        let found = self.bytes[self.scanned..]
            .iter()
            .position(|byte| *byte == b'\n');
        let Some(length) = found else {
            self.scanned = self.bytes.len();
            return self.poll_rest();
        };
        let end = self.scanned + length;
        let line = self.cut(end);
        self.start = end + 1;
        self.scanned = self.start;
        Some(line)
    }

    /// Half a line: forgotten if it is too long already, given out if it is the last.
    fn poll_rest(&mut self) -> Option<Line> {
        let end = self.bytes.len();
        let length = end - self.start;
        if self.ended {
            let some = length > 0 || self.overlong;
            let line = some.then(|| self.cut(end));
            self.start = end;
            return line;
        }
        // One more byte than a line may have: it may be the carriage return.
        if length > self.bytes_max + 1 {
            self.overlong = true;
            self.start = end;
        }
        None
    }

    fn cut(&mut self, end: usize) -> Line {
        let bytes = &self.bytes[self.start..end];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if std::mem::take(&mut self.overlong) || bytes.len() > self.bytes_max {
            return Line::TooLong;
        }
        match str::from_utf8(bytes) {
            Ok(text) => Line::Text(text.to_owned()),
            Err(_) => Line::NotUtf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds pieces of a size and takes out lines as the loop does.
    fn check(input: &[u8], piece: usize, expected: &[Line]) {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for bytes in input.chunks(piece) {
            lines.feed(bytes);
            seen.extend(std::iter::from_fn(|| lines.poll()));
            assert!(lines.bytes.len() - lines.start <= LINE_BYTES_MAX + 1);
        }
        lines.end();
        seen.extend(std::iter::from_fn(|| lines.poll()));
        assert!(seen == expected, "in pieces of {piece} bytes");
    }

    fn text(line: &str) -> Line {
        Line::Text(line.to_owned())
    }

    #[test]
    fn pieces_of_any_size_give_the_same_lines() {
        let input = "one\ntwo\r\n\n  \u{fc}ber \r x\nlast".as_bytes();
        let expected = ["one", "two", "", "  \u{fc}ber \r x", "last"].map(text);
        for piece in 1..=input.len() {
            check(input, piece, &expected);
        }
    }

    #[test]
    fn a_last_newline_makes_no_empty_line() {
        check(b"a\n", 8, &[text("a")]);
        check(b"", 8, &[]);
        check(b"\n", 8, &[text("")]);
    }

    #[test]
    fn bytes_that_are_not_utf8_spoil_their_line_only() {
        check(
            b"a\n\xff\xfe\nb\n",
            3,
            &[text("a"), Line::NotUtf8, text("b")],
        );
    }

    #[test]
    fn a_line_is_refused_above_its_limit_and_only_there() {
        for ending in ["\n", "\r\n", ""] {
            for (length, right) in [(-1, true), (0, true), (1, false), (100_000, false)] {
                let line = "x".repeat(LINE_BYTES_MAX.checked_add_signed(length).unwrap());
                let expected = if right { text(&line) } else { Line::TooLong };
                let input = format!("{line}{ending}");
                check(input.as_bytes(), 4096, std::slice::from_ref(&expected));
                if !ending.is_empty() {
                    check(
                        format!("{input}ok").as_bytes(),
                        4096,
                        &[expected, text("ok")],
                    );
                }
            }
        }
    }
}
