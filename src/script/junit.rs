//! The result of a run as `JUnit` XML, for build servers.

use super::code::Code;
use super::report::{Failure, FileReport, RunReport, TestReport, TestResult};
use std::time::Duration;

/// The whole run.
#[must_use]
pub fn junit(run: &RunReport) -> String {
    let counts = run.counts();
    let tests = run.tests().count();
    let mut xml = vec!["<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned()];
    xml.push(format!(
        "<testsuites tests=\"{tests}\" failures=\"{}\" skipped=\"{}\" time=\"{}\">\n",
        counts.failed,
        counts.skipped,
        seconds(run.wall())
    ));
    xml.extend(run.files.iter().map(suite));
    xml.concat() + "</testsuites>\n"
}

fn suite(file: &FileReport) -> String {
    let path = escaped(&file.path);
    let is = |wanted: &str| {
        let cases = file.tests.iter().filter(|test| kind(test) == wanted);
        cases.count()
    };
    let wall: Duration = file.tests.iter().map(|test| test.wall).sum();
    let broken = usize::from(file.cannot_run.is_some());
    let mut xml = vec![format!(
        "  <testsuite name=\"{path}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" \
         time=\"{}\">\n",
        file.tests.len() + broken,
        is("failure"),
        is("error") + broken,
        is("skipped"),
        seconds(wall),
    )];
    if let Some(diagnostic) = &file.cannot_run {
        let message = escaped(&diagnostic.message);
        xml.push(format!(
            "    <testcase name=\"{path}\" classname=\"{path}\">\n"
        ));
        xml.push(format!(
            "      <error type=\"cannot-run\" message=\"{message}\"/>\n"
        ));
        xml.push("    </testcase>\n".to_owned());
    }
    xml.extend(file.tests.iter().map(case));
    xml.concat() + "  </testsuite>\n"
}

fn case(test: &TestReport) -> String {
    let path = escaped(&test.path);
    let xml = format!(
        "    <testcase name=\"{}\" classname=\"{path}\" file=\"{path}\" line=\"{}\" time=\"{}\"",
        escaped(&test.name),
        test.line,
        seconds(test.wall),
    );
    let mut inside = Vec::new();
    match &test.result {
        TestResult::Passed => {}
        TestResult::Skipped(why) | TestResult::Todo(why) => {
            inside.push(format!("      <skipped message=\"{}\"/>\n", escaped(why)));
        }
        TestResult::Failed => {
            for failure in &test.failures {
                let element = element(failure);
                inside.push(format!(
                    "      <{element} type=\"{}\" message=\"{}\">{}</{element}>\n",
                    failure.code.word(),
                    escaped(&failure.diagnostic.message),
                    escaped(&failure.diagnostic.to_string())
                ));
            }
        }
    }
    if inside.is_empty() {
        return xml + "/>\n";
    }
    format!("{xml}>\n{}    </testcase>\n", inside.concat())
}

/// What a test counts as.
fn kind(test: &TestReport) -> &'static str {
    match (&test.result, test.failures.first()) {
        (TestResult::Failed, Some(failure)) => element(failure),
        (TestResult::Failed, None) => "failure",
        (TestResult::Passed, _) => "",
        (TestResult::Skipped(_) | TestResult::Todo(_), _) => "skipped",
    }
}

/// What could not be tried is an error and no failure.
const fn element(failure: &Failure) -> &'static str {
    match failure.code {
        Code::ActorFailed | Code::CannotRun | Code::WallLimit => "error",
        _ => "failure",
    }
}

fn seconds(wall: Duration) -> String {
    format!("{:.3}", wall.as_secs_f64())
}

/// What XML 1.0 (section 2.2) forbids becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' => xml.push_str("&#10;"),
            '\t' => xml.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
    xml
}
