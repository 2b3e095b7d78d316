//! Lines on their way: those that wait for another's outcome, and those that wait for their own.

use super::LineId;
use super::asked::{Asked, Asker};
use super::command::LaterLines;
use crate::client::RequestId;
use crate::client::port::{Recall, Recipient};
use crate::model::limits::LINES_WAITING_MAX;
use std::collections::{BTreeMap, VecDeque};

/// All lines that have no outcome yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    next: u64,
    waiting: VecDeque<(LineId, Asked, Asker)>,
    pending: BTreeMap<RequestId, Pending>,
    /// The request whose outcome decides what later lines mean.
    gate: Option<RequestId>,
}

/// A line that has become a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// None: nobody entered it; the end of input did.
    pub(super) line: Option<LineId>,
    /// Whom the message is for, if it is one.
    pub(super) about: Option<Recipient>,
    /// What becomes of what it finds.
    pub(super) found: Found,
}

/// What becomes of what a line finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It finds nothing.
    Nothing,
    /// It is shown as the answer to this.
    Show(Recall),
    /// It is written into a file.
    Write(Box<str>),
}

/// As many lines wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Lines {
    pub(super) const fn mint(&mut self) -> LineId {
        self.next += 1;
        LineId(self.next)
    }

    /// True if a line entered now has to wait.
    pub(super) fn is_held(&self) -> bool {
        self.gate.is_some() || !self.waiting.is_empty()
    }

    pub(super) fn hold(&mut self, line: LineId, asked: Asked, asker: Asker) -> Result<(), TooMany> {
        if self.waiting.len() >= LINES_WAITING_MAX {
            return Err(TooMany);
        }
        self.waiting.push_back((line, asked, asker));
        Ok(())
    }

    /// The next line that need not wait any more.
    pub(super) fn release(&mut self) -> Option<(LineId, Asked, Asker)> {
        if self.gate.is_some() {
            return None;
        }
        self.waiting.pop_front()
    }

    pub(super) fn begin(&mut self, request: RequestId, pending: Pending, later: LaterLines) {
        let earlier = self.pending.insert(request, pending);
        assert!(earlier.is_none(), "a request has one line");
        if later == LaterLines::Wait {
            assert!(
                self.gate.is_none(),
                "a line runs only while no other is waited for"
            );
            self.gate = Some(request);
        }
    }

    /// Which line a request was made for.
    pub(super) fn line_of(&self, request: RequestId) -> Option<LineId> {
        self.pending.get(&request)?.line
    }

    pub(super) fn settle(&mut self, request: RequestId) -> Option<Pending> {
        if self.gate == Some(request) {
            self.gate = None;
        }
        self.pending.remove(&request)
    }

    /// True if every line has its outcome.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.waiting.is_empty()
    }

    /// Gives up the lines that have not been looked at.
    pub(super) fn drop_waiting(&mut self) -> Vec<LineId> {
        self.waiting.drain(..).map(|(line, ..)| line).collect()
    }

    /// Gives up those that wait for an outcome which will not come.
    pub(super) fn drop_pending(&mut self) -> Vec<LineId> {
        self.gate = None;
        let pending = std::mem::take(&mut self.pending);
        pending
            .into_values()
            .filter_map(|pending| pending.line)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(line: LineId) -> Pending {
        Pending {
            line: Some(line),
            about: None,
            found: Found::Nothing,
        }
    }

    #[test]
    fn lines_wait_only_behind_one_that_decides_what_they_mean() {
        let mut lines = Lines::default();
        let (send, join, after) = (lines.mint(), lines.mint(), lines.mint());
        lines.begin(RequestId(1), pending(send), LaterLines::Run);
        assert!(!lines.is_held());
        lines.begin(RequestId(2), pending(join), LaterLines::Wait);
        assert!(lines.is_held());
        let said = Asked::Line("say hi".into());
        let asker = Asker::Terminal;
        lines.hold(after, said.clone(), asker).unwrap();
        assert_eq!(lines.release(), None);
        assert_eq!(lines.settle(RequestId(2)), Some(pending(join)));
        assert!(lines.is_held());
        assert_eq!(lines.release(), Some((after, said, asker)));
        assert!(!lines.is_held());
        assert!(!lines.is_idle());
        assert_eq!(lines.settle(RequestId(1)), Some(pending(send)));
        assert_eq!(lines.settle(RequestId(1)), None);
        assert!(lines.is_idle());
    }

    #[test]
    fn so_many_lines_wait_and_not_one_more() {
        let mut lines = Lines::default();
        let gate = lines.mint();
        let x = Asked::Line("x".into());
        lines.begin(RequestId(1), pending(gate), LaterLines::Wait);
        for _ in 0..LINES_WAITING_MAX {
            let line = lines.mint();
            assert_eq!(lines.hold(line, x.clone(), Asker::Terminal), Ok(()));
        }
        let line = lines.mint();
        assert_eq!(lines.hold(line, x, Asker::Terminal), Err(TooMany));
        assert_eq!(lines.drop_waiting().len(), LINES_WAITING_MAX);
        assert_eq!(lines.drop_pending(), [gate]);
        assert!(lines.is_idle());
    }
}
