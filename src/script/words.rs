//! The result of a run for people: a line for each test, what went wrong in full, and a summary.

use super::report::{FileReport, RunReport, TestReport, TestResult, time};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// The widest name that others are aligned with.
const NAME_COLUMNS_MAX: usize = 60;

/// A file's tests, and the failures among them.
#[must_use]
pub fn file(report: &FileReport) -> String {
    let head = format!("{}\n", report.path);
    if let Some(diagnostic) = &report.cannot_run {
        return format!("{head}\n{diagnostic}\n\n");
    }
    let width = report.tests.iter().map(|test| test.name.width()).max();
    let width = width.unwrap_or(0).min(NAME_COLUMNS_MAX);
    let tests: Vec<String> = report.tests.iter().map(|test| told(test, width)).collect();
    head + &tests.concat()
}

fn told(test: &TestReport, width: usize) -> String {
    let mut parts = vec![line(test, width)];
    let notes = test.notes.iter();
    parts.extend(notes.map(|note| format!("        note: {note}\n")));
    let failures = test.failures.iter();
    parts.extend(failures.map(|failure| format!("\n{}\n", failure.diagnostic)));
    if !test.failures.is_empty() {
        parts.push("\n".to_owned());
    }
    parts.concat()
}

/// `4 tests: 3 passed, 1 failed, 0 skipped (seed 42, 0.02s)`.
#[must_use]
pub fn summary(run: &RunReport) -> String {
    let firsts = run.tests().map(|test| test.seed + 1 - test.runs.max(1));
    let seeds = firsts.min().zip(run.tests().map(|test| test.seed).max());
    let seed = match seeds {
        None => String::new(),
        Some((first, last)) if first == last => format!("seed {first}, "),
        Some((first, last)) => format!("seeds {first} to {last}, "),
    };
    let runs: u64 = run.tests().map(|test| test.runs).sum();
    let runs = if run.tests().any(|test| test.runs > 1) {
        format!("{runs} runs, ")
    } else {
        String::new()
    };
    let unrepeatable = run
        .tests()
        .any(|test| test.trace_hash.is_none() && !matches!(test.result, TestResult::Skipped(_)));
    let real = if unrepeatable {
        "; real time: a seed repeats the input only"
    } else {
        ""
    };
    let interrupted = if run.interrupted { "interrupted: " } else { "" };
    let wall = seconds(run.wall());
    format!("{interrupted}{} ({runs}{seed}{wall}{real})\n", run.counts())
}

fn line(test: &TestReport, width: usize) -> String {
    let (word, why) = match &test.result {
        TestResult::Failed => ("FAIL", String::new()),
        TestResult::Passed => ("ok  ", String::new()),
        TestResult::Skipped(why) => ("skip", why.clone()),
        TestResult::Todo(why) if test.failures.is_empty() => ("todo", format!("{why} (passes)")),
        TestResult::Todo(why) => ("todo", format!("{why} (fails)")),
    };
    let blanks = " ".repeat(width.saturating_sub(test.name.width()));
    let about = if why.is_empty() {
        let how = if test.trace_hash.is_some() {
            " virtual"
        } else {
            ""
        };
        format!("{}{how}", time(test.lasted))
    } else {
        why
    };
    format!("  {word}  {}{blanks}  {about}\n", test.name)
}

fn seconds(wall: Duration) -> String {
    format!("{:.2}s", wall.as_secs_f64())
}
