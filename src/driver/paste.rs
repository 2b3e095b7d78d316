//! The paste guard: nothing of a longer paste runs before somebody said how.

use crate::model::limits::{PASTE_BYTES_MAX, PASTE_LINES_MAX};

/// Asks about a paste, and waits for the answer.
#[derive(Debug, Default)]
pub struct Guard {
    paste: Option<String>,
}

/// What becomes of a paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Cancel,
    /// It is a text to go on with.
    Edit(String),
    /// Its rows are lines of their own.
    Lines(Vec<String>),
    /// It is one line with several rows.
    One(String),
}

impl Guard {
    /// Takes a paste of several rows: asks about a long one, knows the answer for a short one.
    pub fn ask(&mut self, text: String) -> Option<Answer> {
        let lines = text.lines().count();
        if lines > PASTE_LINES_MAX || text.len() > PASTE_BYTES_MAX {
            self.paste = Some(text);
            return None;
        }
        Some(Answer::Lines(rows(&text)))
    }

    /// Whether an answer is awaited.
    #[must_use]
    pub const fn is_asking(&self) -> bool {
        self.paste.is_some()
    }

    /// The question, in place of the prompt.
    #[must_use]
    pub fn question(&self) -> Option<String> {
        let text = self.paste.as_ref()?;
        let (lines, bytes) = (text.lines().count(), text.len());
        Some(format!(
            "{lines} lines, {bytes} bytes: [s]end as one, [l]ine by line, [e]dit, [c]ancel? "
        ))
    }

    /// Understands an answer by its first letter; `None`: it is none, the question stays.
    pub fn answer(&mut self, text: &str) -> Option<Answer> {
        let letter = text.trim_start().chars().next()?.to_ascii_lowercase();
        if !['c', 'e', 'l', 's'].contains(&letter) {
            return None;
        }
        let paste = self.paste.take()?;
        Some(match letter {
            'e' => Answer::Edit(paste),
            'l' => Answer::Lines(rows(&paste)),
            's' => Answer::One(paste.trim_end_matches('\n').to_owned()),
            _ => Answer::Cancel,
        })
    }

    /// Forgets the paste; `false`: there was none.
    pub fn cancel(&mut self) -> bool {
        self.paste.take().is_some()
    }
}

/// The rows that hold something.
fn rows(text: &str) -> Vec<String> {
    let some = text.lines().filter(|row| !row.trim().is_empty());
    some.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_three_lines_or_a_thousand_bytes_are_asked_about() {
        let long = |bytes: usize| format!("{}\nx", "y".repeat(bytes - 2));
        for (text, asks) in [
            ("1\n2\n3".to_owned(), false),
            ("1\n2\n3\n".to_owned(), false),
            ("1\n2\n3\n4".to_owned(), true),
            (long(PASTE_BYTES_MAX), false),
            (long(PASTE_BYTES_MAX + 1), true),
        ] {
            let mut guard = Guard::default();
            assert_eq!(guard.ask(text.clone()).is_none(), asks, "{text:?}");
            assert_eq!(guard.question().is_some(), asks);
            assert_eq!(guard.cancel(), asks);
        }
    }

    #[test]
    fn only_a_letter_of_the_question_answers_it() {
        let mut guard = Guard::default();
        guard.ask("1\n\n3\n4\n".to_owned());
        for text in ["", " ", "x", "yes"] {
            assert_eq!(guard.answer(text), None);
            assert!(guard.is_asking());
        }
        assert_eq!(guard.answer("Send"), Some(Answer::One("1\n\n3\n4".into())));
        assert!(!guard.is_asking());
        assert_eq!(guard.answer("s"), None);
    }
}
