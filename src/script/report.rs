//! The result of a run as a value, from which every report is made.

use super::code::Code;
use crate::shell::Exit;
use crate::shell::diagnostic::Diagnostic;
use std::fmt;
use std::time::Duration;

/// All files of a run, in the order given.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// One for each file.
    pub files: Vec<FileReport>,
    /// Ctrl-C came.
    pub interrupted: bool,
}

/// One file.
#[derive(Clone, Debug)]
pub struct FileReport {
    /// As it was named.
    pub path: String,
    /// Its seed.
    pub seed: u64,
    /// It could not be run at all; it has no tests then.
    pub cannot_run: Option<Diagnostic>,
    /// Its tests that were chosen, in order.
    pub tests: Vec<TestReport>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct TestReport {
    /// Its name.
    pub name: String,
    /// The file in which it stands.
    pub path: String,
    /// Its first line, from 1.
    pub line: usize,
    /// How it ended.
    pub result: TestResult,
    /// The seed of the file; of many the last.
    pub seed: u64,
    /// Under how many seeds it was run, up to this one.
    pub runs: u64,
    /// Its time: virtual in the simulator.
    pub lasted: Duration,
    /// The time of the machine; zero until the host says so.
    pub wall: Duration,
    /// The hash of all that happened, where that can be repeated.
    pub trace_hash: Option<[u8; 32]>,
    /// What was carried out, in order.
    pub steps: Vec<StepReport>,
    /// What went wrong: one, unless it was to go on after a failure.
    pub failures: Vec<Failure>,
    /// What the file, or the runner, wants to be read.
    pub notes: Vec<String>,
    /// Packets and notices, where they were asked for.
    pub scene: Vec<Moment>,
    /// Who took part, where that was asked for.
    pub cast: Vec<String>,
    /// Every packet as an object of JSON, where they were asked for.
    pub packets: Vec<String>,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestResult {
    /// Something was not as written.
    Failed,
    /// All was as written.
    Passed,
    /// It was not run, for this reason.
    Skipped(String),
    /// It was run, and it does not count, for this reason; it may have failed.
    Todo(String),
}

/// One line that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// The file in which it stands.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// The operator, or the word of a directive.
    pub op: &'static str,
    /// Who.
    pub actor: Option<String>,
    /// The code of its failure.
    pub error: Option<&'static str>,
    /// When it was done, from the start of the test.
    pub at: Duration,
}

/// One thing that was not as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which kind of failure.
    pub code: Code,
    /// Place, words, quoted lines, notes.
    pub diagnostic: Box<Diagnostic>,
    /// What was to be.
    pub expected: Option<String>,
    /// What was, as near as anything came.
    pub actual: Option<String>,
}

/// Something for a diagram, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When, from the start of the test.
    pub at: Duration,
    /// What.
    pub what: Scene,
}

/// What a diagram shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A packet arrived, or never did.
    Packet {
        /// Who sent it.
        from: String,
        /// Whom it was for.
        to: String,
        /// Its head, in a word.
        words: String,
        /// Whether it arrived.
        arrived: bool,
    },
    /// Somebody was shown a line.
    Shown {
        /// Who.
        who: String,
        /// The line.
        text: String,
    },
    /// Somebody typed a line.
    Typed {
        /// Who.
        who: String,
        /// The line.
        text: String,
    },
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All was as written.
    pub passed: usize,
    /// Something was not.
    pub failed: usize,
    /// Not run.
    pub skipped: usize,
    /// Run, and not counted.
    pub todo: usize,
}

impl RunReport {
    /// How the program ends: interrupted, a file that could not be run, a test that failed.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.interrupted {
            return Exit::Interrupted;
        }
        if self.files.iter().any(|file| file.cannot_run.is_some()) {
            return Exit::Unreachable;
        }
        if self.counts().failed > 0 {
            return Exit::No;
        }
        Exit::Done
    }

    /// How many tests ended how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for test in self.tests() {
            match test.result {
                TestResult::Failed => counts.failed += 1,
                TestResult::Passed => counts.passed += 1,
                TestResult::Skipped(_) => counts.skipped += 1,
                TestResult::Todo(_) => counts.todo += 1,
            }
        }
        counts
    }

    /// All tests of all files.
    pub fn tests(&self) -> impl Iterator<Item = &TestReport> {
        self.files.iter().flat_map(|file| &file.tests)
    }

    /// The time of the machine that all tests took.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.tests().map(|test| test.wall).sum()
    }
}

impl FileReport {
    /// True if it could be run and no test of it failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let failed = |test: &TestReport| test.result == TestResult::Failed;
        self.cannot_run.is_none() && !self.tests.iter().any(failed)
    }
}

impl TestReport {
    /// A test that was not run.
    #[must_use]
    pub fn skipped(name: &str, path: &str, line: usize, seed: u64, why: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            line,
            result: TestResult::Skipped(why.to_owned()),
            seed,
            runs: 1,
            lasted: Duration::ZERO,
            wall: Duration::ZERO,
            trace_hash: None,
            steps: Vec::new(),
            failures: Vec::new(),
            notes: Vec::new(),
            scene: Vec::new(),
            cast: Vec::new(),
            packets: Vec::new(),
        }
    }

    /// The hash in hexadecimal digits.
    #[must_use]
    pub fn hash_digits(&self) -> Option<String> {
        let hash = self.trace_hash?;
        let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16));
        Some(digits.collect())
    }
}

/// `4 tests: 3 passed, 1 failed, 0 skipped`, and what is to be done if there is any.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
            todo,
        } = self;
        let all = passed + failed + skipped + todo;
        let tests = if all == 1 { "test" } else { "tests" };
        write!(
            f,
            "{all} {tests}: {passed} passed, {failed} failed, {skipped} skipped"
        )?;
        if *todo > 0 {
            write!(f, ", {todo} to do")?;
        }
        Ok(())
    }
}

/// A duration as people read it: `0s`, `500ms`, `2s`, `2.01s`, `5m`, `3h 20m`, `2d`.
#[must_use]
pub fn time(duration: Duration) -> String {
    let ms = duration.as_millis();
    let (seconds, minutes) = (ms / 1000, ms / 60_000);
    match ms {
        0 => "0s".to_owned(),
        1..1000 => format!("{ms}ms"),
        1000..60_000 if ms.is_multiple_of(1000) => format!("{seconds}s"),
        1000..60_000 => {
            let hundredths = format!("{:02}", ms % 1000 / 10);
            let hundredths = hundredths.trim_end_matches('0');
            if hundredths.is_empty() {
                format!("{seconds}s")
            } else {
                format!("{seconds}.{hundredths}s")
            }
        }
        60_000..3_600_000 => parts(minutes, "m", seconds % 60, "s"),
        3_600_000..86_400_000 => parts(minutes / 60, "h", minutes % 60, "m"),
        _ => parts(minutes / 1440, "d", minutes / 60 % 24, "h"),
    }
}

fn parts(large: u128, unit: &str, small: u128, small_unit: &str) -> String {
    if small == 0 {
        return format!("{large}{unit}");
    }
    format!("{large}{unit} {small}{small_unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_true() {
        for (ms, text) in [
            (0, "0s"),
            (7, "7ms"),
            (999, "999ms"),
            (1000, "1s"),
            (2004, "2s"),
            (2010, "2.01s"),
            (2500, "2.5s"),
            (60_000, "1m"),
            (90_000, "1m 30s"),
            (3_600_000, "1h"),
            (12_000_000, "3h 20m"),
            (2 * 86_400_000, "2d"),
        ] {
            assert_eq!(time(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn one_failure_fails_the_run_and_a_test_to_do_does_not() {
        let mut test = TestReport::skipped("t", "f", 1, 0, "");
        test.result = TestResult::Todo("later".to_owned());
        let mut run = RunReport::default();
        run.files.push(FileReport {
            path: "f".to_owned(),
            seed: 0,
            cannot_run: None,
            tests: vec![test.clone()],
        });
        assert_eq!(run.exit(), Exit::Done);
        assert_eq!(
            run.counts().to_string(),
            "1 test: 0 passed, 0 failed, 0 skipped, 1 to do"
        );
        test.result = TestResult::Failed;
        run.files[0].tests.push(test);
        assert_eq!(run.exit(), Exit::No);
        run.interrupted = true;
        assert_eq!(run.exit(), Exit::Interrupted);
    }
}
