//! Carries out one test: says what its actors do, hears what they see, and judges it.
//!
//! > Handle as much as you like, then poll until `None`, then sleep until `deadline`.
//!
//! Time stands still for a runner while a line does not wait, so a host that owns time may jump.

use super::cast::{Member, Outcome, Part, State, Typed, Who};
use super::code::Code;
use super::report::{Failure, StepReport, TestReport, TestResult};
use super::tree::{Deed, Disk, File, Net, Span, Step, Template, Test, Verb, World};
use super::wait::{Verdict, Waiting};
use crate::model::Instant;
use crate::model::limits::{
    SCRIPT_COMMAND_TIMEOUT, SCRIPT_QUIET, SCRIPT_REAL_SLEEP_MAX, SCRIPT_STEPS_KEPT_MAX,
    SCRIPT_STEPS_PER_TURN, SCRIPT_TIMEOUT,
};
use crate::secure::{Ratchet, hash};
use crate::shell::fields::{Fact, Kind};
use crate::shell::matcher::Binding;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Carries out one test.
pub struct Runner<'a> {
    pub(super) file: &'a File,
    pub(super) test: &'a Test,
    pub(super) options: &'a Options,
    pub(super) cast: Vec<Member>,
    pub(super) now: Instant,
    /// The last line that was typed in the foreground.
    pub(super) cause: Option<Typed>,
    pub(super) rules: Rules,
    frames: Vec<Frame<'a>>,
    waiting: Option<Waiting>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) ratchet: Ratchet,
    begun: Instant,
    pub(super) lines: u64,
    progress: Progress,
    pub(super) report: TestReport,
}

/// The seed of a test: its own, so that a new test does not disturb the others.
#[must_use]
pub fn test_seed(seed: u64, name: &str) -> u64 {
    let hash = hash(&[b"ackchat/test", &seed.to_le_bytes(), name.as_bytes()]);
    hash.iter()
        .take(8)
        .rev()
        .fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// True if a test does to network, disks, power or time what only a simulator can do.
#[must_use]
pub fn needs_simulator(test: &Test) -> bool {
    fn any(steps: &[Step]) -> bool {
        steps.iter().any(|step| match &step.deed {
            Deed::Disk { .. } | Deed::Net(_) => true,
            Deed::Process { verb, .. } => *verb == Verb::Crash,
            Deed::Sleep(duration) => *duration > SCRIPT_REAL_SLEEP_MAX,
            Deed::Each { steps, .. } | Deed::Repeat { steps, .. } => any(steps),
            _ => false,
        })
    }
    any(&test.steps)
}

/// What holds for a whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `--var x=v` and `--secret x=v`.
    pub variables: BTreeMap<String, String>,
    /// Messages that nobody looked at fail the test.
    pub strict: bool,
    /// After a failure the next line is carried out.
    pub keep_going: bool,
    /// What is not seen is no failure: the file is played, not judged.
    pub lenient: bool,
    /// What is to be said again besides file, test and seed to run a test once more.
    pub again: String,
}

/// What has to be done next, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Records are wanted; answer with `handle_records`.
    Ask(Who, &'static str),
    /// Somebody new takes part, called so; not started.
    Cast(Who, String, Part),
    /// Power is cut.
    Crash(Who),
    /// A disk is like this from now on.
    Disk(Who, Disk),
    /// It ends at once, without a word.
    Kill(Who),
    /// The network is like this from now on.
    Net(Net),
    /// It begins; answer with `handle_ready`.
    Start(Who),
    /// A server ends politely.
    Stop(Who),
    /// Somebody types this line; answer with `handle_settled` and its number.
    Type(Who, u64, String),
}

/// What `set` sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) timeout: Duration,
    pub(super) command_timeout: Duration,
    pub(super) quiet: Duration,
    pub(super) strict: bool,
}

/// How far a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The lines of `on-fail`.
    CleaningUp,
    Done,
    Running,
}

/// Lines that are carried out, perhaps several times.
struct Frame<'a> {
    steps: &'a [Step],
    at: usize,
    rounds: Rounds<'a>,
}

pub(super) enum Rounds<'a> {
    Each(&'a str, std::vec::IntoIter<String>),
    Once,
    Repeat(Option<&'a str>, std::ops::RangeInclusive<u32>),
}

impl<'a> Runner<'a> {
    /// For one test of a file. `seed` is the file's; `own` is the test's.
    #[must_use]
    pub fn new(file: &'a File, test: &'a Test, options: &'a Options, seed: u64, own: u64) -> Self {
        let place = file.sources.place(test.span);
        let mut report = TestReport::skipped(&test.name, &place.path, place.line, seed, "");
        report.result = TestResult::Passed;
        let mut key = *b"ackchat script .................";
        key[16..24].copy_from_slice(&own.to_le_bytes());
        let above = file.top.get(..test.above).unwrap_or_default();
        let frames = [&test.steps, above].map(|steps| Frame {
            steps,
            at: 0,
            rounds: Rounds::Once,
        });
        let mut runner = Self {
            file,
            test,
            options,
            cast: Vec::new(),
            now: Instant::default(),
            cause: None,
            rules: Rules {
                timeout: SCRIPT_TIMEOUT,
                command_timeout: SCRIPT_COMMAND_TIMEOUT,
                quiet: SCRIPT_QUIET,
                strict: options.strict,
            },
            frames: frames.into(),
            waiting: None,
            outputs: VecDeque::new(),
            variables: options.variables.clone(),
            ratchet: Ratchet::new(key),
            begun: Instant::default(),
            lines: 0,
            progress: Progress::Running,
            report,
        };
        if file.world == World::Live {
            let who = runner.add("the client", Part::Own);
            runner.waiting = Some(runner.wait_for_start(who, test.span));
        }
        runner
    }

    /// The test begins now; call it before anything else.
    pub const fn handle_start(&mut self, now: Instant) {
        self.begun = now;
        self.now = now;
        if let Some(waiting) = &mut self.waiting {
            waiting.since = now;
        }
    }

    /// Something happened to one of the cast.
    pub fn handle_fact(&mut self, now: Instant, who: Who, fact: Fact) {
        self.now = now;
        self.cast[who.0].sees(fact);
    }

    /// A typed line has its outcome.
    pub fn handle_settled(&mut self, now: Instant, who: Who, number: u64, outcome: Outcome) {
        self.now = now;
        let lines = &mut self.cast[who.0].lines;
        if let Some(typed) = lines.iter_mut().find(|typed| typed.number == number) {
            typed.outcome.get_or_insert(outcome);
        }
    }

    /// A program that was started is ready, or could not begin: code and words.
    pub fn handle_ready(&mut self, now: Instant, who: Who, result: Result<(), (String, String)>) {
        self.now = now;
        let member = &mut self.cast[who.0];
        let outcome = match &result {
            Ok(()) => Outcome::Done("done"),
            Err((code, words)) => Outcome::Failed(code.clone(), words.clone()),
        };
        // A `reg` that was typed where no program ran is the start.
        for typed in member.lines.iter_mut().filter(|typed| typed.number == 0) {
            typed.outcome.get_or_insert_with(|| outcome.clone());
        }
        match result {
            Ok(()) if member.state == State::Starting => member.state = State::Here,
            Ok(()) => {}
            Err((code, words)) => member.leaves(format!("{code}: {words}"), None),
        }
    }

    /// A program has ended by itself.
    pub fn handle_gone(&mut self, now: Instant, who: Who, how: &str) {
        self.now = now;
        let line = self.cause.as_ref().map(|typed| typed.span);
        let member = &mut self.cast[who.0];
        if !matches!(member.state, State::Gone(..)) {
            member.leaves(how.to_owned(), line);
        }
    }

    /// The answer to `Ask`.
    pub fn handle_records(&mut self, now: Instant, records: Vec<Fact>) {
        self.now = now;
        if let Some(waiting) = &mut self.waiting {
            waiting.hears(records);
        }
    }

    /// Time has come; calling it early changes nothing.
    pub const fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
    }

    /// The host cannot go on with this test.
    pub fn handle_trouble(&mut self, now: Instant, code: Code, message: &str) {
        self.now = now;
        let span = self
            .waiting
            .as_ref()
            .map_or(self.test.span, |waiting| waiting.span);
        let failure = self.failure(code, span, message, "", None);
        self.report.failures.push(failure);
        self.finish();
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        for _ in 0..SCRIPT_STEPS_PER_TURN {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if self.progress == Progress::Done || !self.go_on() {
                return self.outputs.pop_front();
            }
        }
        None
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.waiting {
            _ if self.progress == Progress::Done => None,
            Some(waiting) => Some(waiting.wakes()),
            None => Some(self.now),
        }
    }

    /// True if nothing is left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.progress == Progress::Done && self.outputs.is_empty()
    }

    /// How it went; after `is_done`.
    #[must_use]
    pub fn into_report(self) -> TestReport {
        self.report
    }

    /// Does one thing; false if it has to wait.
    fn go_on(&mut self) -> bool {
        if let Some(mut waiting) = self.waiting.take() {
            match waiting.judge(self) {
                Verdict::Ask(who, query) => {
                    self.ask(&mut waiting, who, &query);
                    self.waiting = Some(waiting);
                }
                Verdict::Done(bindings) => {
                    self.bind(bindings);
                    self.done(waiting.span, waiting.op, waiting.who, Ok(()));
                }
                Verdict::Failed(failure) => {
                    self.done(waiting.span, waiting.op, waiting.who, Err(*failure));
                }
                Verdict::Waits => {
                    self.waiting = Some(waiting);
                    return false;
                }
            }
            return true;
        }
        let Some(step) = self.next_step() else {
            self.end();
            return true;
        };
        let (op, who) = self.heading(step);
        match self.begin(step) {
            Ok(None) => self.done(step.span, op, who, Ok(())),
            Ok(Some(what)) => {
                self.waiting = Some(Waiting::new(step, what, (op, who), self.now, &self.rules));
            }
            Err(failure) => self.done(step.span, op, who, Err(failure)),
        }
        true
    }

    fn next_step(&mut self) -> Option<&'a Step> {
        loop {
            let frame = self.frames.last_mut()?;
            if let Some(step) = frame.steps.get(frame.at) {
                frame.at += 1;
                return Some(step);
            }
            frame.at = 0;
            let next = match &mut frame.rounds {
                Rounds::Each(name, words) => words.next().map(|word| (Some(*name), word)),
                Rounds::Once => None,
                Rounds::Repeat(name, rounds) => {
                    rounds.next().map(|round| (*name, round.to_string()))
                }
            };
            match next {
                None => _ = self.frames.pop(),
                Some((None, _)) => {}
                Some((Some(name), value)) => _ = self.variables.insert(name.to_owned(), value),
            }
        }
    }

    /// Its rounds begin where the steps before the first one would have ended.
    pub(super) fn push_frame(&mut self, steps: &'a [Step], rounds: Rounds<'a>) {
        let at = steps.len();
        self.frames.push(Frame { steps, at, rounds });
    }

    /// True if all who were online before have heard that these are: then these can be written to.
    pub(super) fn is_known(&self, new: &[Who]) -> bool {
        new.iter().all(|who| {
            let Some(name) = self.cast[who.0].name() else {
                return true;
            };
            let others = self.cast.iter().enumerate();
            let mut others = others.filter(|(_, member)| member.is_online());
            others.all(|(at, member)| {
                // Who came later has it from its first table, which is no news.
                member.knows(name.as_str()).unwrap_or(at >= who.0)
            })
        })
    }

    fn wait_for_start(&mut self, who: Who, span: Span) -> Waiting {
        let what = self.start(vec![who]);
        Waiting::at(span, what, ("start", None), self.now, &self.rules)
    }

    fn ask(&mut self, waiting: &mut Waiting, who: Who, query: &str) {
        match self.cast[who.0].records(query) {
            Some(records) => waiting.hears(records),
            None => match Kind::of_query(query) {
                Some(kind) => self.outputs.push_back(Output::Ask(who, kind.name)),
                None => waiting.hears(Vec::new()),
            },
        }
    }

    pub(super) fn find(&self, span: Span, label: &str) -> Result<Who, Failure> {
        if self.file.world == World::Live {
            return Ok(Who(0));
        }
        let found = self.cast.iter().position(|member| member.label == label);
        found.map(Who).ok_or_else(|| {
            let message = format!("no actor is called \"{label}\" here");
            self.failure(Code::UnknownActor, span, &message, "", None)
        })
    }

    pub(super) fn fill(&mut self, template: &Template, span: Span) -> Result<String, Failure> {
        let (variables, ratchet) = (&self.variables, &mut self.ratchet);
        let filled = template.fill(&mut |name| value(variables, ratchet, name));
        filled.map_err(|why| self.failure(Code::Unbound, span, &why.to_string(), "", None))
    }

    fn bind(&mut self, bindings: Vec<Binding>) {
        self.variables.extend(bindings);
    }

    /// A line is done, well or not.
    fn done(
        &mut self,
        span: Span,
        op: &'static str,
        who: Option<Who>,
        result: Result<(), Failure>,
    ) {
        let place = self.file.sources.place(span);
        if self.report.steps.len() < SCRIPT_STEPS_KEPT_MAX {
            self.report.steps.push(StepReport {
                path: place.path,
                line: place.line,
                op,
                actor: who.map(|who| self.cast[who.0].label.clone()),
                error: result.as_ref().err().map(|failure| failure.code.word()),
                at: self.now.since(self.begun),
            });
        }
        let Err(failure) = result else {
            return;
        };
        let counts = [Code::ActorFailed, Code::CommandFailed].contains(&failure.code);
        let is_excused = self.options.lenient && !counts;
        if self.progress == Progress::CleaningUp || is_excused {
            return;
        }
        self.report.failures.push(failure);
        if !self.options.keep_going {
            self.clean_up();
        }
    }

    /// A note with what a query of `on-fail` found.
    pub(super) fn note_records(&mut self, label: &str, query: &str, records: &[Fact]) {
        if self.progress != Progress::CleaningUp {
            return;
        }
        let found = records.iter().map(super::cast::brief);
        let found: Vec<String> = found.collect();
        let note = format!("{label}? {query}: {}", found.join("; "));
        self.report.notes.push(note);
    }

    /// The test stops; `on-fail` is carried out.
    fn clean_up(&mut self) {
        self.progress = Progress::CleaningUp;
        self.frames.clear();
        self.frames.push(Frame {
            steps: &self.test.on_fail,
            at: 0,
            rounds: Rounds::Once,
        });
    }

    /// No line is left.
    fn end(&mut self) {
        if self.progress == Progress::Running {
            self.count_leftovers();
            if !self.report.failures.is_empty() && !self.test.on_fail.is_empty() {
                return self.clean_up();
            }
        }
        self.finish();
    }

    fn count_leftovers(&mut self) {
        let mut left = Vec::new();
        for member in &self.cast {
            let messages = member.unused().filter(|fact| fact.kind == "message");
            left.extend(
                messages.map(|fact| format!("{}: {}", member.label, super::cast::brief(fact))),
            );
        }
        if left.is_empty() {
            return;
        }
        let count = left.len();
        let words = match count {
            1 => "1 message was never looked at".to_owned(),
            count => format!("{count} messages were never looked at"),
        };
        if self.rules.strict {
            let message = format!("{words} (strict=on)");
            let mut failure = self.failure(Code::Leftover, self.test.span, &message, "", None);
            left.truncate(5);
            failure.diagnostic.notes.splice(0..0, left);
            self.report.failures.push(failure);
        } else {
            self.report.notes.push(format!("{words}, as {}", left[0]));
        }
    }

    fn finish(&mut self) {
        self.progress = Progress::Done;
        self.waiting = None;
        self.outputs.clear();
        self.report.lasted = self.now.since(self.begun);
        self.report.result = match &self.test.todo {
            Some(why) => TestResult::Todo(why.clone()),
            None if self.report.failures.is_empty() => TestResult::Passed,
            None => TestResult::Failed,
        };
    }

    /// How a line is named in a report: its operator or directive, and who.
    fn heading(&self, step: &Step) -> (&'static str, Option<Who>) {
        let word = match &step.deed {
            Deed::Act(act) => {
                let label = act.label.as_deref().unwrap_or_default();
                return (act.body.op().sign(), self.find(act.span, label).ok());
            }
            Deed::Actor { .. } => "actor",
            Deed::Disk { .. } => "disk",
            Deed::Each { .. } => "each",
            Deed::Forget(_) => "forget",
            Deed::Let { .. } => "let",
            Deed::Net(_) => "net",
            Deed::Note(_) => "note",
            Deed::Process { verb, .. } => match verb {
                Verb::Crash => "crash",
                Verb::Kill => "kill",
                Verb::Start => "start",
                Verb::Stop => "stop",
            },
            Deed::Repeat { .. } => "repeat",
            Deed::Server { .. } => "server",
            Deed::Set(_) => "set",
            Deed::Sleep(_) => "sleep",
            Deed::Wait(_) => "wait",
        };
        (word, None)
    }
}

/// Failures.
impl Runner<'_> {
    pub(super) fn gone(&self, span: Span, who: Who, how: &str, line: Option<Span>) -> Failure {
        let label = &self.cast[who.0].label;
        let line = line.map(|line| format!(", line {}", line.line + 1));
        let message = format!("{label} is not running ({how}{})", line.unwrap_or_default());
        let mut failure = self.failure(Code::ActorGone, span, &message, "", None);
        failure.diagnostic.notes.insert(0, format!("start {label}"));
        failure
    }

    /// With the place, the line that led to it, and how to run it again.
    pub(super) fn failure(
        &self,
        code: Code,
        span: Span,
        message: &str,
        label: &str,
        expected: Option<String>,
    ) -> Failure {
        super::failing::failure(self, code, span, message, label, expected)
    }

    pub(super) const fn seed(&self) -> u64 {
        self.report.seed
    }
}

/// The value of a variable; `$rand` is new at each use.
pub(super) fn value(
    variables: &BTreeMap<String, String>,
    ratchet: &mut Ratchet,
    name: &str,
) -> Option<String> {
    if name == "rand" {
        return Some(format!("{:08x}", ratchet.u32()));
    }
    variables.get(name).cloned()
}
