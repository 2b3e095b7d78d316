//! What a line waits for, and how that is judged.

use super::cast::{Found, Outcome, State, Who};
use super::failing;
use super::report::{Failure, time};
use super::runner::{Rules, Runner};
use super::tree::{Deed, Span, Step};
use crate::model::Instant;
use crate::model::limits::{SCRIPT_QUERY_EVERY, SCRIPT_QUIET};
use crate::shell::fields::Fact;
use crate::shell::matcher::{Binding, Fit, Wanted};
use std::time::Duration;

/// A line that is not done yet.
pub(super) struct Waiting {
    pub(super) what: What,
    pub(super) span: Span,
    pub(super) op: &'static str,
    pub(super) who: Option<Who>,
    pub(super) since: Instant,
    pub(super) limit: Duration,
    records: Records,
}

/// What it waits for. Limits are those of the line itself.
pub(super) enum What {
    /// All background lines of these have an outcome.
    All(Vec<Who>),
    /// A record fits (or none does), or so many.
    Ask(Who, Wanted, Wanted, bool, Option<Duration>),
    /// The line has an outcome, and it is the right one: well, or not.
    Line(Who, u64, bool, Option<Duration>),
    /// No such event comes.
    NotSee(Who, Wanted, Option<Duration>),
    /// These are ready, one after the other; so many are, and all since that moment.
    Ready(Vec<Who>, usize, Option<Instant>),
    /// Such an event comes.
    See(Who, Wanted, Option<Duration>),
    /// The same, in order.
    SeeNext(Who, Wanted, Option<Duration>),
    /// Time passes.
    Sleep(Duration),
}

/// What is known of the records that were asked for.
enum Records {
    /// Asked for, not here.
    Asked,
    /// Here, as they were at that moment.
    Here(Vec<Fact>),
    /// To be asked for at this moment.
    Wanted(Instant),
}

/// How a wait ends.
pub(super) enum Verdict {
    /// Records are wanted.
    Ask(Who, String),
    /// As it should be; these values get names.
    Done(Vec<Binding>),
    /// Not as it should be.
    Failed(Box<Failure>),
    /// It is too early to say.
    Waits,
}

impl Waiting {
    pub(super) fn new(
        step: &Step,
        what: What,
        heading: (&'static str, Option<Who>),
        now: Instant,
        rules: &Rules,
    ) -> Self {
        let span = match &step.deed {
            Deed::Act(act) => act.span,
            _ => step.span,
        };
        Self::at(span, what, heading, now, rules)
    }

    pub(super) fn at(
        span: Span,
        what: What,
        (op, who): (&'static str, Option<Who>),
        now: Instant,
        rules: &Rules,
    ) -> Self {
        let limit = match &what {
            What::All(_) | What::Ready(..) => rules.command_timeout,
            What::Ask(.., limit) | What::See(.., limit) | What::SeeNext(.., limit) => {
                limit.unwrap_or(rules.timeout)
            }
            What::Line(.., limit) => limit.unwrap_or(rules.command_timeout),
            What::NotSee(.., limit) => limit.unwrap_or(rules.quiet),
            What::Sleep(duration) => *duration,
        };
        Self {
            what,
            span,
            op,
            who,
            since: now,
            limit,
            records: Records::Wanted(now),
        }
    }

    /// When it wants to be judged again, if nothing happens before.
    pub(super) fn wakes(&self) -> Instant {
        let end = self.since + self.limit;
        match (&self.what, &self.records) {
            (What::Ask(..), Records::Wanted(at)) => end.min(*at),
            (What::Ready(_, _, Some(at)), _) => *at + SCRIPT_QUIET,
            _ => end,
        }
    }

    pub(super) fn hears(&mut self, records: Vec<Fact>) {
        self.records = Records::Here(records);
    }

    pub(super) fn judge(&mut self, runner: &mut Runner<'_>) -> Verdict {
        let over = runner.now >= self.since + self.limit;
        let (span, limit) = (self.span, self.limit);
        match &mut self.what {
            What::All(all) => judge_all(runner, span, all, limit, over),
            What::Ask(who, wanted, count, wants, _) => {
                let asked = (&*wanted, &*count, *wants);
                judge_records(runner, (span, *who, limit, over), asked, &mut self.records)
            }
            What::Line(who, number, well, _) => {
                judge_line(runner, (span, *who, limit, over), *number, *well)
            }
            What::NotSee(who, wanted, _) => match runner.cast[who.0].spot(wanted) {
                Some(fact) => {
                    let fact = fact.clone();
                    failed(failing::unexpected(runner, span, *who, wanted, &fact))
                }
                None if over => Verdict::Done(Vec::new()),
                None => Verdict::Waits,
            },
            What::Ready(all, ready, since) => {
                let verdict = judge_ready(runner, span, all, ready, (limit, over));
                if !matches!(verdict, Verdict::Done(_)) {
                    return verdict;
                }
                let since = *since.get_or_insert(runner.now);
                if runner.now >= since + SCRIPT_QUIET || runner.is_known(all) {
                    verdict
                } else {
                    Verdict::Waits
                }
            }
            What::See(who, wanted, _) => {
                let found = runner.cast[who.0].find(wanted);
                judge_found(runner, (span, *who, limit, over), wanted, found)
            }
            What::SeeNext(who, wanted, _) => {
                let found = runner.cast[who.0].find_next(wanted);
                judge_found(runner, (span, *who, limit, over), wanted, found)
            }
            What::Sleep(_) if over => Verdict::Done(Vec::new()),
            What::Sleep(_) => Verdict::Waits,
        }
    }
}

/// Where a line stands, who it is about, its limit, and whether that is over.
type Frame = (Span, Who, Duration, bool);

fn failed(failure: Failure) -> Verdict {
    Verdict::Failed(Box::new(failure))
}

fn judge_found(
    runner: &Runner<'_>,
    (span, who, limit, over): Frame,
    wanted: &Wanted,
    found: Found,
) -> Verdict {
    match found {
        Found::It(bindings) => Verdict::Done(bindings),
        Found::Nothing if over => failed(failing::not_seen(runner, span, who, wanted, limit)),
        Found::Nothing => Verdict::Waits,
        Found::Other(fact) => failed(failing::out_of_order(runner, span, who, wanted, &fact)),
    }
}

fn judge_line(
    runner: &mut Runner<'_>,
    (span, who, limit, over): Frame,
    number: u64,
    well: bool,
) -> Verdict {
    let member = &mut runner.cast[who.0];
    let Some(at) = member.lines.iter().position(|typed| typed.number == number) else {
        return Verdict::Done(Vec::new());
    };
    if member.lines[at].outcome.is_none() && !over {
        return Verdict::Waits;
    }
    let typed = member.lines.remove(at);
    let verdict = match (&typed.outcome, well) {
        (Some(Outcome::Done(_)), true) | (Some(Outcome::Failed(..)), false) => {
            Verdict::Done(Vec::new())
        }
        (Some(Outcome::Done(state)), false) => {
            failed(failing::succeeded(runner, span, &typed, state))
        }
        (Some(Outcome::Failed(code, words)), true) => {
            failed(failing::command(runner, span, &typed.text, code, words))
        }
        (None, _) => failed(failing::no_outcome(runner, span, who, &typed, limit)),
    };
    runner.cause = Some(typed);
    verdict
}

fn judge_all(
    runner: &mut Runner<'_>,
    span: Span,
    all: &[Who],
    limit: Duration,
    over: bool,
) -> Verdict {
    for who in all {
        let lines = &mut runner.cast[who.0].lines;
        let open = lines.iter().any(|typed| typed.outcome.is_none());
        if open && !over {
            return Verdict::Waits;
        }
        if let Some(typed) = lines.iter().find(|typed| typed.outcome.is_none()).cloned() {
            return failed(failing::no_outcome(runner, span, *who, &typed, limit));
        }
    }
    for who in all {
        for typed in std::mem::take(&mut runner.cast[who.0].lines) {
            if let Some(Outcome::Failed(code, words)) = &typed.outcome {
                return failed(failing::command(runner, span, &typed.text, code, words));
            }
        }
    }
    Verdict::Done(Vec::new())
}

fn judge_ready(
    runner: &mut Runner<'_>,
    span: Span,
    all: &[Who],
    ready: &mut usize,
    (limit, over): (Duration, bool),
) -> Verdict {
    while let Some(who) = all.get(*ready) {
        match &runner.cast[who.0].state {
            State::Here => {
                *ready += 1;
                if let Some(next) = all.get(*ready) {
                    runner.start_one(*next);
                }
            }
            State::Gone(how, _) => {
                let how = how.clone();
                return failed(failing::not_started(runner, span, *who, &how));
            }
            State::New | State::Starting if over => {
                let how = format!("not ready within {}", time(limit));
                return failed(failing::not_started(runner, span, *who, &how));
            }
            State::New | State::Starting => return Verdict::Waits,
        }
    }
    Verdict::Done(Vec::new())
}

fn judge_records(
    runner: &mut Runner<'_>,
    (span, who, limit, over): Frame,
    (wanted, count, wants): (&Wanted, &Wanted, bool),
    records: &mut Records,
) -> Verdict {
    let found = match records {
        Records::Asked => return Verdict::Waits,
        Records::Wanted(at) if runner.now < *at => return Verdict::Waits,
        Records::Wanted(_) => {
            *records = Records::Asked;
            return Verdict::Ask(who, wanted.kind().to_owned());
        }
        Records::Here(found) => std::mem::take(found),
    };
    let mut bindings = None;
    let mut fitting = 0_usize;
    for record in &found {
        if let Fit::Fits(these) = wanted.fit(record) {
            fitting += 1;
            bindings.get_or_insert(these);
        }
    }
    let is_so = if count.is_empty() {
        fitting > 0
    } else {
        let counted = Fact::new(kind_of(wanted)).with("count", fitting);
        matches!(count.fit(&counted), Fit::Fits(_))
    };
    if is_so == wants {
        let label = runner.cast[who.0].label.clone();
        runner.note_records(&label, wanted.kind(), &found);
        return Verdict::Done(bindings.unwrap_or_default());
    }
    if !over {
        *records = Records::Wanted(runner.now + SCRIPT_QUERY_EVERY);
        return Verdict::Waits;
    }
    let label = runner.cast[who.0].label.clone();
    runner.note_records(&label, wanted.kind(), &found);
    let asked = (wanted, count, wants);
    failed(failing::no_record(
        runner,
        (span, who),
        asked,
        (&found, fitting),
        limit,
    ))
}

fn kind_of(wanted: &Wanted) -> &'static str {
    crate::shell::fields::Kind::of_query(wanted.kind()).map_or("", |kind| kind.name)
}
