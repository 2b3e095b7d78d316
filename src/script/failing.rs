//! What a failure says: the place, what was to be, what was, what led to it, and how to see it
//! again.

use super::cast::{Typed, Who, brief};
use super::code::Code;
use super::report::{Failure, time};
use super::runner::Runner;
use super::tree::{Diagnostic, Span};
use crate::shell::clean;
use crate::shell::diagnostic::Mark;
use crate::shell::fields::{Fact, quoted};
use crate::shell::matcher::{Fit, Wanted};
use std::time::Duration;

/// Events that nobody looked at which are told beside the closest one.
const ALSO_MAX: usize = 3;
/// Kinds of events that are told only where one of them is expected.
const DULL: [&str; 4] = ["key", "session", "shown", "table"];

/// With the quoted line, the line that led to it, and how to run it again.
pub(super) fn failure(
    runner: &Runner<'_>,
    code: Code,
    span: Span,
    message: &str,
    label: &str,
    expected: Option<String>,
) -> Failure {
    let sources = &runner.file.sources;
    let mut quotes = vec![sources.quote(span, Mark::Caret, label)];
    if let Some(typed) = &runner.cause
        && (typed.span.file, typed.span.line) != (span.file, span.line)
        && typed.span.file == span.file
    {
        quotes.push(sources.quote(typed.span, Mark::Dash, typed.story(runner.now)));
    }
    quotes.sort_by_key(|quote| quote.line);
    let only = if runner.file.tests.len() > 1 {
        format!(" --only {}", quoted(&runner.test.name))
    } else {
        String::new()
    };
    let (path, seed, more) = (sources.path(0), runner.seed(), &runner.options.again);
    let again = format!("again: ackchat run {path}{only} --seed {seed}{more}");
    Failure {
        code,
        diagnostic: Box::new(Diagnostic {
            code: code.word(),
            exit: code.exit(),
            message: clean::line(message),
            place: sources.place(span),
            quotes,
            notes: vec![clean::line(&again)],
        }),
        expected,
        actual: None,
    }
}

impl Failure {
    /// Puts lines above the one that says how to run it again.
    fn note(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        let at = self.diagnostic.notes.len().saturating_sub(1);
        let lines = lines.into_iter().map(|line| clean::line(&line));
        self.diagnostic.notes.splice(at..at, lines);
        self
    }

    fn actual(mut self, actual: String) -> Self {
        self.actual = Some(actual);
        self
    }
}

pub(super) fn not_seen(
    runner: &Runner<'_>,
    span: Span,
    who: Who,
    wanted: &Wanted,
    limit: Duration,
) -> Failure {
    let member = &runner.cast[who.0];
    let message = format!("{} did not see this within {}", member.label, time(limit));
    let label = format!("expected  {wanted}");
    let made = failure(
        runner,
        Code::ExpectTimeout,
        span,
        &message,
        &label,
        Some(wanted.to_string()),
    );
    let closest = member.closest(wanted);
    let others = member
        .unused()
        .rev()
        .filter(|fact| fact.kind == wanted.kind() || !DULL.contains(&fact.kind))
        .filter(|fact| closest.as_ref().is_none_or(|(near, _)| near != fact))
        .take(ALSO_MAX);
    let mut lines: Vec<String> = Vec::new();
    if let Some((fact, how)) = &closest {
        lines.push(format!("closest: {}   {how}", brief(fact)));
    }
    lines.extend(others.map(|fact| format!("also unused by {}: {}", member.label, brief(fact))));
    let actual = closest.map(|(fact, _)| brief(fact));
    let made = made.note(lines);
    match actual {
        Some(actual) => made.actual(actual),
        None => made,
    }
}

pub(super) fn out_of_order(
    runner: &Runner<'_>,
    span: Span,
    who: Who,
    wanted: &Wanted,
    fact: &Fact,
) -> Failure {
    let message = format!("{} saw another message first", runner.cast[who.0].label);
    let label = format!("expected  {wanted}");
    let expected = Some(wanted.to_string());
    failure(runner, Code::ExpectOrder, span, &message, &label, expected)
        .note([format!("first: {}", brief(fact))])
        .actual(brief(fact))
}

pub(super) fn unexpected(
    runner: &Runner<'_>,
    span: Span,
    who: Who,
    wanted: &Wanted,
    fact: &Fact,
) -> Failure {
    let label = &runner.cast[who.0].label;
    let message = format!("{label} saw this, and must not have");
    let expected = Some(format!("no {wanted}"));
    failure(runner, Code::UnexpectedEvent, span, &message, "", expected)
        .note([format!("seen: {}", brief(fact))])
        .actual(brief(fact))
}

pub(super) fn succeeded(runner: &Runner<'_>, span: Span, typed: &Typed, state: &str) -> Failure {
    let message = format!("{} succeeded, and must fail", word(&typed.text));
    let expected = Some("failure".to_owned());
    failure(runner, Code::CommandSucceeded, span, &message, "", expected)
        .note([format!("outcome: {state}")])
        .actual(state.to_owned())
}

pub(super) fn command(
    runner: &Runner<'_>,
    span: Span,
    text: &str,
    code: &str,
    words: &str,
) -> Failure {
    let message = format!("{} failed: {code}: {words}", word(text));
    let expected = Some("success".to_owned());
    let label = "expected success";
    failure(runner, Code::CommandFailed, span, &message, label, expected)
        .actual(format!("{code}: {words}"))
}

pub(super) fn no_outcome(
    runner: &Runner<'_>,
    span: Span,
    who: Who,
    typed: &Typed,
    limit: Duration,
) -> Failure {
    let message = format!(
        "{} had no outcome within {}",
        word(&typed.text),
        time(limit)
    );
    let member = &runner.cast[who.0];
    let last = member.facts().filter(|fact| fact.kind == "delivery").last();
    let last = last.or_else(|| member.facts().last()).map(brief);
    let last = last.unwrap_or_else(|| "nothing".to_owned());
    let expected = Some("an outcome".to_owned());
    failure(runner, Code::CommandTimeout, span, &message, "", expected)
        .note([format!("last known: {last}")])
        .actual(last)
}

pub(super) fn not_started(runner: &Runner<'_>, span: Span, who: Who, how: &str) -> Failure {
    let label = &runner.cast[who.0].label;
    let message = format!("{label} could not start: {how}");
    failure(runner, Code::ActorFailed, span, &message, "", None)
        .note([format!("expected? write: start=off, then {label}!> reg")])
}

pub(super) fn no_record(
    runner: &Runner<'_>,
    (span, who): (Span, Who),
    (wanted, count, wants): (&Wanted, &Wanted, bool),
    (found, fitting): (&[Fact], usize),
    limit: Duration,
) -> Failure {
    let within = time(limit);
    let (message, expected) = if !wants {
        let message = format!("a record still fits after {within}");
        (message, format!("no {wanted}"))
    } else if count.is_empty() {
        (
            format!("no record fits within {within}"),
            wanted.to_string(),
        )
    } else {
        let conditions = count.to_string();
        let conditions = conditions.split_once(' ').map_or("", |(_, rest)| rest);
        (
            format!("{fitting} records fit, expected {conditions}"),
            format!("{wanted} {conditions}"),
        )
    };
    let label = format!("expected  {expected}");
    let near = |fact: &&Fact| match wanted.fit(fact) {
        Fit::Near(nearness, _) => Some(nearness),
        Fit::Fits(_) | Fit::Other => None,
    };
    let closest = found.iter().filter(|fact| wants || near(fact).is_none());
    let closest = closest.max_by_key(near);
    let who = &runner.cast[who.0].label;
    let note = match closest {
        Some(fact) => format!("closest: {}", brief(fact)),
        None => format!("{who} has no records of {}", wanted.kind()),
    };
    let actual = closest.map_or_else(|| "nothing".to_owned(), brief);
    let code = Code::QueryTimeout;
    failure(runner, code, span, &message, &label, Some(expected))
        .note([note])
        .actual(actual)
}

/// The command of a line.
fn word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}
