//! The result of a run in the Test Anything Protocol, version 14: a subtest for each file.

use super::report::{FileReport, RunReport, TestReport, TestResult};
use crate::shell::fields::quoted;

/// The whole run.
#[must_use]
pub fn tap(run: &RunReport) -> String {
    let mut text = vec![format!("TAP version 14\n1..{}\n", run.files.len())];
    for (index, file) in run.files.iter().enumerate() {
        text.push(subtest(file));
        let ok = if file.is_good() { "ok" } else { "not ok" };
        text.push(format!(
            "{ok} {} - {}\n",
            index + 1,
            description(&file.path)
        ));
    }
    if run.interrupted {
        text.push("Bail out! interrupted\n".to_owned());
    }
    text.concat()
}

fn subtest(file: &FileReport) -> String {
    let mut text = vec![format!("# Subtest: {}\n", one_line(&file.path))];
    if let Some(diagnostic) = &file.cannot_run {
        let message = quoted(&diagnostic.message);
        text.push(format!(
            "    1..1\n    not ok 1 - cannot run\n      ---\n      message: {message}\n      ...\n"
        ));
        return text.concat();
    }
    text.push(format!("    1..{}\n", file.tests.len()));
    for (index, test) in file.tests.iter().enumerate() {
        text.push(point(index + 1, test));
    }
    text.concat()
}

fn point(number: usize, test: &TestReport) -> String {
    let (ok, directive) = match &test.result {
        TestResult::Failed => ("not ok", String::new()),
        TestResult::Passed => ("ok", String::new()),
        TestResult::Skipped(why) => ("ok", format!(" # SKIP {}", one_line(why))),
        TestResult::Todo(why) => {
            let ok = if test.failures.is_empty() {
                "ok"
            } else {
                "not ok"
            };
            (ok, format!(" # TODO {}", one_line(why)))
        }
    };
    let mut point = vec![format!(
        "    {ok} {number} - {}{directive}\n",
        description(&test.name)
    )];
    for failure in &test.failures {
        let place = &failure.diagnostic.place;
        let (code, message) = (failure.code.word(), &failure.diagnostic.message);
        let message = quoted(&format!("{code}: {message}"));
        let mut yaml = vec![format!("message: {message}")];
        yaml.push(format!(
            "at: {{ file: {}, line: {}, column: {} }}",
            quoted(&place.path),
            place.line,
            place.column
        ));
        for (key, value) in [("expected", &failure.expected), ("actual", &failure.actual)] {
            if let Some(value) = value {
                yaml.push(format!("{key}: {}", quoted(value)));
            }
        }
        yaml.push(format!("seed: {}", test.seed));
        let yaml = yaml.join("\n      ");
        point.push(format!("      ---\n      {yaml}\n      ...\n"));
    }
    point.concat()
}

/// A `#` would begin a directive.
fn description(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
