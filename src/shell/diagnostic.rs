//! What is wrong in a file: the place quoted with carets under it, what is so, and what to do.

use super::clean;
use super::exit::Exit;
use super::explain::{keep_end, keep_start};
use std::fmt;
use unicode_width::UnicodeWidthStr;

/// Columns of a line that are quoted before the place that is meant, in it, and after it.
const QUOTE_COLUMNS: usize = 72;

/// A place in one of several sources: bytes of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Which source, by its number in [`Sources`].
    pub file: u32,
    /// Which line, from 0.
    pub line: u32,
    /// The first byte within the line.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// A place as people and reports name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In characters.
    pub length: usize,
}

/// The texts that places point into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<Source>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    path: String,
    text: String,
    /// Where each line begins and ends, without its line feed.
    lines: Vec<(usize, usize)>,
}

/// One thing that is wrong, with all that is needed to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The word for programs.
    pub code: &'static str,
    /// What it does to the exit status; `Done` makes it a warning.
    pub exit: Exit,
    /// What is so; one line, clean.
    pub message: String,
    /// Where.
    pub place: Place,
    /// The lines that are shown, in the order of the file.
    pub quotes: Vec<Quote>,
    /// Lines below, each after a `=`; clean.
    pub notes: Vec<String>,
}

/// One quoted line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// From 1.
    pub line: usize,
    /// The line, clean, cut to what fits.
    pub text: String,
    /// Columns of a screen before the place in that text.
    pub indent: usize,
    /// Columns of a screen of the place.
    pub width: usize,
    /// What stands under the place.
    pub mark: Mark,
    /// The words behind the mark.
    pub label: String,
}

/// What stands under a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `^^^`: what is wrong.
    Caret,
    /// `---`: what led to it.
    Dash,
}

impl Sources {
    /// Adds a text and gives its number.
    ///
    /// # Panics
    /// At more texts than a file can include.
    pub fn add(&mut self, path: &str, text: &str) -> u32 {
        let mut lines = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let end = start + line.len();
            let line = line.strip_suffix('\n').unwrap_or(line);
            let line = line.strip_suffix('\r').unwrap_or(line);
            lines.push((start, start + line.len()));
            start = end;
        }
        self.0.push(Source {
            path: path.to_owned(),
            text: text.to_owned(),
            lines,
        });
        u32::try_from(self.0.len() - 1).expect("bounded: the number of included files is")
    }

    /// The path of a source; empty if there is none of this number.
    #[must_use]
    pub fn path(&self, file: u32) -> &str {
        self.source(file).map_or("", |source| &source.path)
    }

    /// How many lines a source has.
    #[must_use]
    pub fn line_count(&self, file: u32) -> usize {
        self.source(file).map_or(0, |source| source.lines.len())
    }

    /// A line from 0, without its end; empty if there is no such line.
    #[must_use]
    pub fn line(&self, file: u32, line: u32) -> &str {
        let find = || {
            let source = self.source(file)?;
            let (start, end) = source.lines.get(usize::try_from(line).ok()?)?;
            source.text.get(*start..*end)
        };
        find().unwrap_or_default()
    }

    /// What stands at a place.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        let range = span.start as usize..span.end as usize;
        self.line(span.file, span.line)
            .get(range)
            .unwrap_or_default()
    }

    /// A place for people: characters from 1.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let before = self.line(span.file, span.line).get(..span.start as usize);
        Place {
            path: self.path(span.file).to_owned(),
            line: span.line as usize + 1,
            column: before.unwrap_or_default().chars().count() + 1,
            length: self.text(span).chars().count(),
        }
    }

    /// The line of a place, with what is to stand under it.
    #[must_use]
    pub fn quote(&self, span: Span, mark: Mark, label: impl Into<String>) -> Quote {
        let line = self.line(span.file, span.line);
        let show = |text: Option<&str>| clean::line(text.unwrap_or_default()).replace('\t', " ");
        let (start, end) = (span.start as usize, span.end as usize);
        let before = keep_end(&show(line.get(..start)), QUOTE_COLUMNS);
        let meant = keep_start(&show(line.get(start..end)), QUOTE_COLUMNS);
        let after = keep_start(&show(line.get(end..)), QUOTE_COLUMNS);
        Quote {
            line: span.line as usize + 1,
            indent: before.width(),
            width: meant.width().max(1),
            text: format!("{before}{meant}{after}"),
            mark,
            label: label.into(),
        }
    }

    fn source(&self, file: u32) -> Option<&Source> {
        self.0.get(usize::try_from(file).ok()?)
    }
}

impl Span {
    /// The same line, other bytes.
    ///
    /// # Panics
    /// At a line of 4 GiB, which no file has.
    #[must_use]
    pub fn at(self, bytes: std::ops::Range<usize>) -> Self {
        let byte = |at| u32::try_from(at).expect("bounded: a file has at most 1 MiB");
        Self {
            start: byte(bytes.start),
            end: byte(bytes.end),
            ..self
        }
    }
}

/// The layout of section 7 of the language: head, arrow, quoted lines, notes.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            path, line, column, ..
        } = &self.place;
        let weight = match self.exit {
            Exit::Done => "warning",
            _ => "error",
        };
        writeln!(f, "{weight}[{}]: {}", self.code, self.message)?;
        let last = self.quotes.iter().map(|quote| quote.line).max();
        let gutter = last.unwrap_or(*line).to_string().len();
        let path = clean::line(path);
        write!(f, "{:gutter$}--> {path}:{line}:{column}", "")?;
        if !self.quotes.is_empty() {
            write!(f, "\n{:gutter$} |", "")?;
        }
        for quote in &self.quotes {
            let (text, indent, label) = (&quote.text, quote.indent, &quote.label);
            let mark = match quote.mark {
                Mark::Caret => "^",
                Mark::Dash => "-",
            };
            let marks = mark.repeat(quote.width);
            write!(f, "\n{:>gutter$} | {text}", quote.line)?;
            let under = format!("{:indent$}{marks} {label}", "");
            write!(f, "\n{:gutter$} | {}", "", under.trim_end())?;
        }
        if !self.notes.is_empty() && !self.quotes.is_empty() {
            write!(f, "\n{:gutter$} |", "")?;
        }
        for note in &self.notes {
            write!(f, "\n{:gutter$} = {note}", "")?;
        }
        Ok(())
    }
}
