//! The result of a run as objects of JSON, one a line.

use super::report::{RunReport, TestReport, TestResult};
use serde_json::{Value, json};
use std::time::Duration;

/// The whole run.
#[must_use]
pub fn json(run: &RunReport) -> String {
    let files: Vec<&str> = run.files.iter().map(|file| file.path.as_str()).collect();
    let mut lines = vec![json!({"v": 1, "ev": "run-start", "files": files})];
    for file in &run.files {
        if let Some(diagnostic) = &file.cannot_run {
            lines.push(json!({
                "v": 1, "ev": "cannot-run", "file": file.path, "message": diagnostic.message,
            }));
        }
        file.tests
            .iter()
            .for_each(|test| lines.extend(of_test(test)));
    }
    let counts = run.counts();
    lines.push(json!({
        "v": 1, "ev": "summary", "passed": counts.passed, "failed": counts.failed,
        "skipped": counts.skipped, "todo": counts.todo, "interrupted": run.interrupted,
        "exit": run.exit().code(), "wall_ms": ms(run.wall()),
    }));
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    lines.join("\n") + "\n"
}

fn of_test(test: &TestReport) -> Vec<Value> {
    let mut lines = vec![json!({
        "v": 1, "ev": "test-start", "name": test.name, "file": test.path, "line": test.line,
        "seed": test.seed,
    })];
    for step in &test.steps {
        let mut line = json!({
            "v": 1, "ev": "step", "file": step.path, "line": step.line, "op": step.op,
            "ok": step.error.is_none(), "virtual_ms": ms(step.at),
        });
        if let Some(actor) = &step.actor {
            line["actor"] = json!(actor);
        }
        if let Some(code) = step.error {
            line["error"] = json!(code);
        }
        lines.push(line);
    }
    let (result, why) = match &test.result {
        TestResult::Failed => ("failed", None),
        TestResult::Passed => ("passed", None),
        TestResult::Skipped(why) => ("skipped", Some(why)),
        TestResult::Todo(why) => ("todo", Some(why)),
    };
    let failures: Vec<Value> = test
        .failures
        .iter()
        .map(|failure| {
            let place = &failure.diagnostic.place;
            json!({
                "code": failure.code.word(), "message": failure.diagnostic.message,
                "file": place.path, "line": place.line, "column": place.column,
                "expected": failure.expected, "actual": failure.actual,
                "notes": failure.diagnostic.notes,
            })
        })
        .collect();
    let mut end = json!({
        "v": 1, "ev": "test-end", "name": test.name, "file": test.path, "line": test.line,
        "result": result, "seed": test.seed, "wall_ms": ms(test.wall),
        "virtual_ms": ms(test.lasted), "failures": failures, "notes": test.notes,
    });
    if let Some(why) = why {
        end["why"] = json!(why);
    }
    if let Some(hash) = test.hash_digits() {
        end["trace_hash"] = json!(hash);
    }
    lines.push(end);
    lines
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
