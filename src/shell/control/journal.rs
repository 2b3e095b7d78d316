//! What happened, numbered, so that a reader who comes back can go on where it was.

use super::note;
use crate::client::port::{Noted, Notes, StoreReply, StoreRequest};
use crate::model::limits::{JOURNAL_BYTES_MAX, JOURNAL_KEPT_MAX, JOURNAL_PASSING_MAX};
use crate::shell::fields::{Fact, Value};
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

/// The number of an event in its profile: later ones are greater, none is given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Eid(pub u64);

/// An event with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub eid: Eid,
    /// When this program learned of it.
    pub unix_ms: i64,
    /// What happened.
    pub fact: Fact,
}

/// Kinds that survive the end of the program.
pub const KEPT_KINDS: [&str; 3] = ["delivery", "key", "message"];

/// The latest events. What survives the program is remembered longer than what does not.
#[derive(Debug, Default)]
pub struct Journal {
    last: Eid,
    /// Those that survive are on disk up to this one.
    written: Eid,
    /// They are being written up to this one.
    writing: Option<Eid>,
    /// One came since they were last asked for.
    fresh: bool,
    kept: Shelf,
    passing: Shelf,
}

/// Events of one sort, the oldest first.
#[derive(Debug, Default)]
struct Shelf {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// All up to this one are gone.
    gone: Eid,
}

impl Journal {
    /// Goes on after what earlier lives kept.
    #[must_use]
    pub fn resumed(notes: &Notes) -> Self {
        let mut journal = Self {
            last: Eid(notes.last),
            written: Eid(notes.last),
            ..Self::default()
        };
        journal.passing.gone = journal.last;
        journal.kept.gone = Eid(notes.gone);
        for entry in notes.events.iter().filter_map(note::read) {
            journal.kept.push(entry, JOURNAL_KEPT_MAX);
        }
        journal
    }

    /// What is to be written now. It is asked for once a turn, and again when that is answered.
    pub fn take_unwritten(&mut self) -> Option<StoreRequest> {
        if !self.fresh || self.writing.is_some() {
            return None;
        }
        let request = self.unwritten();
        self.fresh = false;
        self.writing = request.is_some().then_some(self.last);
        request
    }

    /// All that is not known to be on disk.
    #[must_use]
    pub fn unwritten(&self) -> Option<StoreRequest> {
        let events: Vec<Noted> = self.kept.all_after(self.written).map(note::write).collect();
        let gone = self.kept.gone.0;
        (!events.is_empty()).then_some(StoreRequest::PutEvents { gone, events })
    }

    /// What was to be written is, or is not: then it is tried again with the next one.
    pub fn handle_written(&mut self, reply: &StoreReply) {
        let written = self.writing.take();
        if let (StoreReply::Done(_), Some(written)) = (reply, written) {
            self.written = written;
        }
    }

    /// The number of the newest event.
    #[must_use]
    pub const fn last(&self) -> Eid {
        self.last
    }

    /// Takes an event.
    pub fn push(&mut self, unix_ms: i64, fact: Fact) {
        self.last = Eid(self.last.0 + 1);
        let entry = Entry {
            eid: self.last,
            unix_ms,
            fact,
        };
        let (shelf, count_max) = if KEPT_KINDS.contains(&entry.fact.kind) {
            self.fresh = true;
            (&mut self.kept, JOURNAL_KEPT_MAX)
        } else {
            (&mut self.passing, JOURNAL_PASSING_MAX)
        };
        shelf.push(entry, count_max);
    }

    /// The oldest event after this one.
    #[must_use]
    pub fn after(&self, eid: Eid) -> Option<&Entry> {
        let found = [self.kept.after(eid), self.passing.after(eid)];
        found.into_iter().flatten().min_by_key(|entry| entry.eid)
    }

    /// The newest event of these kinds that is gone.
    #[must_use]
    pub fn gone(&self, wants: impl Fn(&str) -> bool) -> Eid {
        let kept = KEPT_KINDS.iter().any(|kind| wants(kind));
        // Whoever wants anything else wants what passes.
        let kinds = crate::shell::fields::KINDS.iter();
        let mut passing = kinds.filter(|kind| !KEPT_KINDS.contains(&kind.name));
        let passing = passing.any(|kind| wants(kind.name));
        let kept = kept.then_some(self.kept.gone);
        let passing = passing.then_some(self.passing.gone);
        kept.max(passing).unwrap_or_default()
    }

    /// The number after which so many events follow that fit.
    #[must_use]
    pub fn before_last(&self, count: usize, fits: impl Fn(&Fact) -> bool) -> Eid {
        let all = self.kept.entries.iter().chain(&self.passing.entries);
        let fitting = all.filter(|entry| fits(&entry.fact));
        let mut numbers: Vec<Eid> = fitting.map(|entry| entry.eid).collect();
        numbers.sort_unstable();
        let first = numbers.len().saturating_sub(count);
        match numbers.get(first) {
            Some(first) => Eid(first.0 - 1),
            None => self.last,
        }
    }
}

impl Shelf {
    fn push(&mut self, entry: Entry, count_max: usize) {
        self.bytes += weight(&entry.fact);
        self.entries.push_back(entry);
        while self.entries.len() > count_max || self.bytes > JOURNAL_BYTES_MAX {
            let Some(oldest) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= weight(&oldest.fact);
            self.gone = oldest.eid;
        }
    }

    fn after(&self, eid: Eid) -> Option<&Entry> {
        self.all_after(eid).next()
    }

    fn all_after(&self, eid: Eid) -> impl Iterator<Item = &Entry> {
        let at = self.entries.partition_point(|entry| entry.eid <= eid);
        self.entries.range(at..)
    }
}

fn weight(fact: &Fact) -> usize {
    let texts = fact.fields.iter().map(|(_, value)| match value {
        Value::Text(text) => text.len(),
        Value::Flag(_) | Value::Number(_) | Value::Time(_) => 0,
    });
    texts.sum()
}

impl fmt::Display for Eid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

/// What is not the number of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEid;

impl FromStr for Eid {
    type Err = NoEid;

    fn from_str(text: &str) -> Result<Self, NoEid> {
        let digits = text.strip_prefix('e').ok_or(NoEid)?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .parse()
            .map(Self)
            .ok()
            .filter(|_| is_plain)
            .ok_or(NoEid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::port::Done;

    fn numbers(journal: &Journal, mut from: Eid) -> Vec<u64> {
        let mut seen = Vec::new();
        while let Some(entry) = journal.after(from) {
            from = entry.eid;
            seen.push(from.0);
        }
        seen
    }

    #[test]
    fn both_sorts_are_read_in_one_order() {
        let mut journal = Journal::default();
        for kind in ["message", "table", "key", "table"] {
            journal.push(0, Fact::new(kind));
        }
        assert_eq!(numbers(&journal, Eid(0)), [1, 2, 3, 4]);
        assert_eq!(numbers(&journal, Eid(2)), [3, 4]);
        assert_eq!(journal.before_last(2, |fact| fact.kind == "table"), Eid(1));
        assert_eq!(journal.before_last(9, |_| true), Eid(0));
        assert_eq!(journal.before_last(0, |_| true), Eid(4));
    }

    #[test]
    fn what_passes_is_forgotten_first_and_that_is_known() {
        let mut journal = Journal::default();
        journal.push(0, Fact::new("message"));
        for _ in 0..=JOURNAL_PASSING_MAX {
            journal.push(0, Fact::new("table"));
        }
        assert_eq!(numbers(&journal, Eid(0))[..2], [1, 3]);
        assert_eq!(journal.gone(|kind| kind == "message"), Eid(0));
        assert_eq!(journal.gone(|kind| kind == "table"), Eid(2));
    }

    #[test]
    fn long_texts_are_charged_to_a_budget() {
        let mut journal = Journal::default();
        let text = "x".repeat(JOURNAL_BYTES_MAX / 2);
        for _ in 0..3 {
            journal.push(0, Fact::new("message").with("text", text.as_str()));
        }
        assert_eq!(numbers(&journal, Eid(0)), [2, 3]);
        assert_eq!(journal.gone(|_| true), Eid(1));
    }

    #[test]
    fn a_new_life_goes_on_after_the_last_number() {
        let mut journal = Journal::resumed(&Notes {
            last: 1000,
            gone: 6,
            events: vec![note::write(&Entry {
                eid: Eid(7),
                unix_ms: 0,
                fact: Fact::new("message"),
            })],
        });
        assert_eq!(journal.take_unwritten(), None);
        journal.push(0, Fact::new("key"));
        assert_eq!(journal.last(), Eid(1001));
        assert_eq!(numbers(&journal, Eid(6)), [7, 1001]);
        assert_eq!(journal.gone(|kind| kind == "message"), Eid(6));
        assert_eq!(journal.gone(|kind| kind == "table"), Eid(1000));
    }

    const NOTHING: [u64; 0] = [];

    fn eids(request: Option<StoreRequest>) -> Vec<u64> {
        let Some(StoreRequest::PutEvents { events, .. }) = request else {
            return Vec::new();
        };
        events.iter().map(|event| event.eid).collect()
    }

    #[test]
    fn what_survives_is_written_once_and_again_if_it_was_not() {
        let mut journal = Journal::default();
        journal.push(0, Fact::new("table"));
        assert_eq!(eids(journal.take_unwritten()), NOTHING);
        journal.push(0, Fact::new("key"));
        journal.push(0, Fact::new("message"));
        assert_eq!(eids(journal.take_unwritten()), [2, 3]);
        journal.push(0, Fact::new("delivery"));
        assert_eq!(
            eids(journal.take_unwritten()),
            NOTHING,
            "one question at a time"
        );
        assert_eq!(eids(journal.unwritten()), [2, 3, 4], "but at the end all");
        journal.handle_written(&StoreReply::Done(Done::Kept));
        assert_eq!(eids(journal.take_unwritten()), [4]);
        journal.handle_written(&StoreReply::Refused);
        assert_eq!(eids(journal.take_unwritten()), NOTHING, "not in a circle");
        journal.push(0, Fact::new("message"));
        assert_eq!(eids(journal.take_unwritten()), [4, 5]);
    }

    #[test]
    fn a_number_is_read_as_it_was_written() {
        assert_eq!("e416".parse(), Ok(Eid(416)));
        for wrong in ["", "e", "416", "e+1", "e-1", "E4", "e99999999999999999999"] {
            assert_eq!(wrong.parse::<Eid>(), Err(NoEid), "{wrong}");
        }
    }
}
