//! Who came and went, folded into one line.

use crate::model::limits::{PRESENCE_FOLD, PRESENCE_NAMES_MAX};
use crate::model::{Instant, Name};
use crate::wire::row::Status;

/// Changes that are not told yet.
#[derive(Debug, Default)]
pub(super) struct Fold {
    changes: Vec<(Name, Way)>,
    more: usize,
    due: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Joined,
    Away,
    Left,
}

impl Fold {
    /// When the line is due.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Somebody came or went; only the last change of a name counts.
    pub(super) fn push(&mut self, now: Instant, who: &Name, status: Status) {
        self.due.get_or_insert(now + PRESENCE_FOLD);
        self.changes.retain(|(name, _)| name != who);
        if self.changes.len() < PRESENCE_NAMES_MAX {
            self.changes.push((who.clone(), way(status)));
        } else {
            self.more += 1;
        }
    }

    /// The line, if it is due: `  bob, carol joined; dave left`.
    pub(super) fn take(&mut self, now: Instant) -> Option<String> {
        self.due.filter(|due| *due <= now)?;
        let fold = std::mem::take(self);
        Some(fold.line())
    }

    fn line(&self) -> String {
        let mut parts = Vec::new();
        for (way, word) in [
            (Way::Joined, "joined"),
            (Way::Away, "away"),
            (Way::Left, "left"),
        ] {
            let names = self.changes.iter().filter(|(_, its)| *its == way);
            let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
            if !names.is_empty() {
                parts.push(format!("{} {word}", names.join(", ")));
            }
        }
        if self.more > 0 {
            parts.push(format!("{} more came or went", self.more));
        }
        format!("  {}", parts.join("; "))
    }
}

/// One change, told at once.
pub(super) fn line(who: &Name, status: Status) -> String {
    let mut fold = Fold::default();
    fold.push(Instant(0), who, status);
    fold.line()
}

const fn way(status: Status) -> Way {
    match status {
        Status::Away => Way::Away,
        Status::Left | Status::Released | Status::Silent | Status::TimedOut => Way::Left,
        Status::Online => Way::Joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::interpret::tests::name;

    #[test]
    fn changes_within_two_seconds_are_one_line() {
        let mut fold = Fold::default();
        for (who, status) in [
            ("bob", Status::Left),
            ("carol", Status::Online),
            ("dave", Status::TimedOut),
            ("erin", Status::Away),
            ("bob", Status::Online),
        ] {
            fold.push(Instant(5), &name(who), status);
        }
        let due = fold.due().unwrap();
        assert_eq!(due, Instant(5) + PRESENCE_FOLD);
        assert_eq!(fold.take(Instant(6)), None);
        let line = "  carol, bob joined; erin away; dave left";
        assert_eq!(fold.take(due).as_deref(), Some(line));
        assert_eq!(fold.due(), None);
        assert_eq!(fold.take(due), None);
    }

    #[test]
    fn so_many_names_are_told_and_the_rest_is_counted() {
        let mut fold = Fold::default();
        for number in 0..PRESENCE_NAMES_MAX + 2 {
            fold.push(Instant(0), &name(&format!("n{number}")), Status::Online);
        }
        let line = fold.take(Instant(0) + PRESENCE_FOLD).unwrap();
        assert!(line.ends_with(" joined; 2 more came or went"), "{line}");
    }
}
