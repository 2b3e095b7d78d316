//! What is wrong with a line, and all that is wrong with a file.

use super::code::Code;
use super::tree::{Diagnostic, Sources, Span};
use crate::model::limits::SCRIPT_ERRORS_MAX;
use crate::shell::clean;
use crate::shell::diagnostic::Mark;
use crate::shell::explain;
use std::ops::Range;

/// What is wrong with a line, before it is known which line it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) code: Code,
    /// Bytes of the line.
    pub(super) range: Range<usize>,
    message: String,
    label: String,
    notes: Vec<String>,
}

/// What is wrong with a file and those that it includes.
#[derive(Debug, Default)]
pub(super) struct Wrongs(Vec<(Span, Diagnostic)>);

impl Wrong {
    pub(super) fn new(code: Code, range: Range<usize>, message: impl AsRef<str>) -> Self {
        Self {
            code,
            range,
            message: clean::line(message.as_ref()),
            label: String::new(),
            notes: Vec::new(),
        }
    }

    /// What is so, and what would be right.
    pub(super) fn words(&self) -> String {
        let both = [self.message.as_str(), self.label.as_str()];
        let both = both.into_iter().filter(|words| !words.is_empty());
        both.collect::<Vec<_>>().join(": ")
    }

    /// The words under the place: what would be right.
    pub(super) fn label(mut self, label: impl AsRef<str>) -> Self {
        self.label = clean::line(label.as_ref());
        self
    }

    /// A line below.
    pub(super) fn note(mut self, note: impl AsRef<str>) -> Self {
        self.notes.push(clean::line(note.as_ref()));
        self
    }

    /// `did you mean "x"?` under the place; if nothing is near, other words.
    pub(super) fn near<'a>(
        self,
        word: &str,
        candidates: impl Iterator<Item = &'a str>,
        otherwise: impl AsRef<str>,
    ) -> Self {
        match did_you_mean(word, candidates, "") {
            Some(question) => self.label(question),
            None => self.label(otherwise),
        }
    }
}

/// `did you mean "x"?`, each candidate with a sign before it.
pub(super) fn did_you_mean<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
    sign: &str,
) -> Option<String> {
    let near = explain::nearest(word, candidates);
    let quoted: Vec<String> = near.iter().map(|n| format!("\"{sign}{n}\"")).collect();
    explain::did_you_mean(&quoted)
}

impl Wrongs {
    /// True if so much is wrong that nothing more is looked for.
    pub(super) const fn is_full(&self) -> bool {
        self.0.len() >= SCRIPT_ERRORS_MAX
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what is wrong with the line of `line`.
    pub(super) fn add(&mut self, sources: &Sources, line: Span, wrong: Wrong) {
        if self.is_full() {
            return;
        }
        let span = line.at(wrong.range);
        let diagnostic = Diagnostic {
            code: wrong.code.word(),
            exit: wrong.code.exit(),
            message: wrong.message,
            place: sources.place(span),
            quotes: vec![sources.quote(span, Mark::Caret, wrong.label)],
            notes: wrong.notes,
        };
        self.0.push((span, diagnostic));
    }

    /// In the order of the file; what is wrong in included files comes last.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.0.sort_by_key(|(span, _)| *span);
        self.0
            .into_iter()
            .map(|(_, diagnostic)| diagnostic)
            .collect()
    }
}
