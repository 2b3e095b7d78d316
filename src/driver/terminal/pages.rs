//! Answers that are longer than the screen: a page at a time, the next one at Enter. No I/O.

use std::collections::VecDeque;

/// What is still to be shown.
#[derive(Debug, Default)]
pub struct Pages {
    rest: VecDeque<String>,
}

impl Pages {
    /// Takes whole lines, and gives those that a screen of so many rows shows above a prompt.
    ///
    /// # Panics
    /// If the lines before are not all shown: [`Pages::is_open`] tells.
    #[must_use]
    pub fn begin(&mut self, text: &str, rows: usize) -> String {
        assert!(self.rest.is_empty(), "one answer at a time");
        self.rest = text.split('\n').map(str::to_owned).collect();
        self.turn(rows)
    }

    /// The next page.
    #[must_use]
    pub fn turn(&mut self, rows: usize) -> String {
        let count = rows.saturating_sub(1).clamp(1, self.rest.len().max(1));
        let page = self.rest.drain(..count.min(self.rest.len()));
        page.collect::<Vec<_>>().join("\n")
    }

    /// Whether more is to be shown.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.rest.is_empty()
    }

    /// What stands in place of the prompt.
    #[must_use]
    pub fn question(&self) -> Option<String> {
        let count = self.rest.len();
        (count > 0).then(|| format!("-- {count} more: Enter goes on -- "))
    }

    /// Forgets the rest; `false`: there was none.
    pub fn close(&mut self) -> bool {
        let was_open = self.is_open();
        self.rest.clear();
        was_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_fits_is_shown_at_once_and_a_longer_one_page_by_page() {
        let mut pages = Pages::default();
        assert_eq!(pages.begin("1\n2\n3", 4), "1\n2\n3");
        assert_eq!(pages.question(), None);
        assert_eq!(pages.begin("1\n2\n3\n4\n5", 3), "1\n2");
        assert_eq!(pages.question().unwrap(), "-- 3 more: Enter goes on -- ");
        assert_eq!(pages.turn(3), "3\n4");
        assert_eq!(pages.turn(1), "5", "at least a row");
        assert!(!pages.is_open());
        assert_eq!(pages.begin("1\n2", 1), "1");
        assert!(pages.close());
        assert!(!pages.close());
    }
}
