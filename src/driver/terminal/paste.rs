//! The paste guard: nothing of a paste of several lines runs before somebody said how.

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
    /// Takes a paste of several rows, and asks; of a single row that holds something it knows the
    /// answer.
    pub fn ask(&mut self, text: String) -> Option<Answer> {
        let rows = rows(&text);
        if rows.len() > 1 {
            self.paste = Some(text);
            return None;
        }
        Some(Answer::Lines(rows))
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
    fn more_than_one_line_is_asked_about() {
        for (text, asks) in [
            ("1\n", false),
            ("\n1\n \n", false),
            ("1\n2", true),
            ("1\n\n2\n", true),
        ] {
            let mut guard = Guard::default();
            let asked = guard.ask(text.to_owned()).is_none();
            assert_eq!(asked, asks, "{text:?}");
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
