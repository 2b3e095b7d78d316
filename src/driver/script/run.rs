//! `ackchat run`: reads files, runs their tests, and writes the reports.

use super::stage::Stage as Live;
use crate::driver::Fault;
use crate::driver::ambient::Ambient;
use crate::driver::client::JoinOptions;
use crate::driver::output;
use crate::driver::paths::Profile;
use crate::model::limits::SCRIPT_BYTES_MAX;
use crate::script::replay::{self, Pace};
use crate::script::report::{FileReport, RunReport, TestReport, TestResult, time};
use crate::script::runner;
use crate::script::tree::{Deed, Diagnostic, File, Step, Test, World};
use crate::script::{Code, Options, diagram, json, junit, lint, parse, secrets, tap, words};
use crate::shell::diagnostic::Place;
use crate::shell::{ErrorCode, Exit};
use crate::sim::{Conditions, Stage};
use signal_hook::consts::SIGINT;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What `run` may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// The files; `-` is standard input.
    pub files: Vec<String>,
    /// Only tests whose name contains this.
    pub only: Option<String>,
    /// What is to be done with them.
    pub task: Task,
    /// `--var` and `--secret`.
    pub variables: BTreeMap<String, String>,
    /// Values that no report may contain.
    pub secrets: BTreeSet<String>,
    /// The seeds under which each test runs, first and last; none: the file's own.
    pub seeds: Option<(u64, u64)>,
    /// Over loopback sockets, in real time.
    pub real: bool,
    /// The client of files without a server of their own.
    pub join: Option<JoinOptions>,
    /// Messages that nobody looked at fail a test.
    pub strict: bool,
    /// After a failure the next line is carried out.
    pub keep_going: bool,
    /// How long a test may take of the time of this machine.
    pub wall_limit: Duration,
    /// What every path of the simulated network does before a script says otherwise.
    pub weather: Conditions,
    /// Where a diagram of each test is written.
    pub diagram: Option<PathBuf>,
    /// Where the packets of all tests are written.
    pub trace: Option<PathBuf>,
    /// What is written to standard output.
    pub format: Format,
    /// What is written to files.
    pub reports: Vec<(Format, PathBuf)>,
}

/// What is to be done with the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Say what is wrong with the files, and what is probably not meant.
    Check,
    /// Name them.
    List,
    /// Run them.
    Run,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// An object a line.
    Json,
    /// For build servers.
    Junit,
    /// The Test Anything Protocol, version 14.
    Tap,
}

/// Runs the files.
#[must_use]
pub fn run(options: &RunOptions) -> Exit {
    let mut files = Vec::new();
    let (mut wrong, mut unreadable) = (false, false);
    for path in &options.files {
        match read(path, &options.variables) {
            Ok(file) => files.push(file),
            Err(diagnostics) => {
                for diagnostic in diagnostics {
                    output::complain(&format!("{diagnostic}\n"));
                    wrong |= diagnostic.exit == Exit::Parse;
                    unreadable |= diagnostic.exit != Exit::Parse;
                }
            }
        }
    }
    if wrong {
        return Exit::Parse;
    }
    if unreadable {
        return Exit::Unreachable;
    }
    match options.task {
        Task::Check => check(&files),
        Task::List => list(&files, options),
        Task::Run => perform(&files, options),
    }
}

/// What `replay` may be told.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayOptions {
    /// The file; `-` is standard input.
    pub file: String,
    /// Whose lines are typed; none: those of whoever types first.
    pub who: Option<String>,
    /// How fast.
    pub pace: Pace,
    /// `--var`.
    pub variables: BTreeMap<String, String>,
    /// The client that types them.
    pub join: JoinOptions,
}

/// Types one person's lines of a file at a real server; shows what is shown, judges nothing.
#[must_use]
pub fn replay(options: &ReplayOptions) -> Exit {
    let failed = |diagnostics: &[Diagnostic]| {
        for diagnostic in diagnostics {
            output::complain(&format!("{diagnostic}\n"));
        }
        diagnostics.first().map_or(Exit::Parse, |first| first.exit)
    };
    let file = match read(&options.file, &options.variables) {
        Ok(file) => file,
        Err(diagnostics) => return failed(&diagnostics),
    };
    let Some(part) = replay::part(&file, options.who.as_deref(), options.pace) else {
        return failed(&[cannot_run(&options.file, "nobody of this name types in it")]);
    };
    let of_runner = Options {
        variables: options.variables.clone(),
        keep_going: true,
        lenient: true,
        ..Options::default()
    };
    for test in &part.tests {
        let join = &options.join;
        let profile = match profile(join) {
            Ok(profile) => profile,
            Err(fault) => return fault.report(),
        };
        let report = match Live::live((&part, test, &of_runner), 0, join, &profile) {
            Ok(stage) => stage.shown().play(&mut || None),
            Err(fault) => return fault.report(),
        };
        if let Some(failure) = report.failures.first() {
            output::complain(&failure.diagnostic.to_string());
            let actual = failure.actual.as_deref().unwrap_or_default();
            let code = actual.split(':').next().unwrap_or_default();
            return ErrorCode::of(code).map_or(Exit::Unreachable, ErrorCode::exit);
        }
    }
    Exit::Done
}

/// A file and what it includes.
fn read(path: &str, variables: &BTreeMap<String, String>) -> Result<File, Vec<Diagnostic>> {
    let text = if path == "-" {
        read_stdin()
    } else {
        read_text(Path::new(path))
    };
    let text = text.map_err(|why| vec![cannot_run(path, &why)])?;
    let variables = variables.keys().cloned().collect();
    parse(path, &text, &variables, &mut read_text)
}

/// A regular file of a bounded size, as UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let failed = |error: io::Error| error.to_string();
    let file = fs::File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err("not a file".to_owned());
    }
    text_of(file)
}

fn read_stdin() -> Result<String, String> {
    text_of(io::stdin())
}

fn text_of(source: impl io::Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut source = source.take(SCRIPT_BYTES_MAX as u64 + 1);
    source
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() > SCRIPT_BYTES_MAX {
        return Err("larger than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

fn cannot_run(path: &str, why: &str) -> Diagnostic {
    Diagnostic {
        code: Code::CannotRun.word(),
        exit: Code::CannotRun.exit(),
        message: crate::shell::clean::line(&format!("cannot run {path}: {why}")),
        place: Place {
            path: path.to_owned(),
            line: 1,
            column: 1,
            length: 0,
        },
        quotes: Vec::new(),
        notes: Vec::new(),
    }
}

fn check(files: &[File]) -> Exit {
    for diagnostic in files.iter().flat_map(lint::lint) {
        output::complain(&format!("{diagnostic}\n"));
    }
    Exit::Done
}

fn list(files: &[File], options: &RunOptions) -> Exit {
    for file in files {
        for test in chosen(file, options) {
            let told = output::say(&format!("{}: {}\n", file.sources.path(0), test.name));
            if told != Exit::Done {
                return told;
            }
        }
    }
    Exit::Done
}

fn chosen<'a>(file: &'a File, options: &'a RunOptions) -> impl Iterator<Item = &'a Test> {
    let only = options.only.as_deref().unwrap_or_default();
    file.tests
        .iter()
        .filter(move |test| test.name.contains(only))
}

fn perform(files: &[File], options: &RunOptions) -> Exit {
    if let Some(only) = &options.only
        && !files
            .iter()
            .any(|file| chosen(file, options).next().is_some())
    {
        let words = format!("No test has \"{only}\" in its name; --list tells the names.");
        return Fault::new(Exit::Usage, &crate::shell::clean::line(&words)).report();
    }
    let ambient = Ambient::new();
    let interrupted = Arc::new(AtomicBool::new(false));
    // Without the flag Ctrl-C ends the program as it always does, only without a report.
    signal_hook::flag::register(SIGINT, Arc::clone(&interrupted)).ok();
    let mut run = RunReport::default();
    let mut told = Exit::Done;
    for file in files {
        let report = perform_file(file, options, &ambient, &interrupted);
        if options.format == Format::Human {
            told = output::say(&words::file(&report));
        }
        run.files.push(report);
        if interrupted.load(Ordering::Relaxed) {
            run.interrupted = true;
            break;
        }
        if told != Exit::Done {
            break;
        }
    }
    if told == Exit::Done {
        let result = match options.format {
            Format::Human => words::summary(&run),
            other => written(&run, other),
        };
        told = output::say(&result);
    }
    match write_files(&run, options) {
        Ok(()) if told == Exit::Done => run.exit(),
        Ok(()) => told,
        Err(exit) => exit,
    }
}

/// Reports, diagrams, packets.
fn write_files(run: &RunReport, options: &RunOptions) -> Result<(), Exit> {
    for (format, path) in &options.reports {
        write(path, &written(run, *format))?;
    }
    if let Some(path) = &options.diagram {
        for (number, test) in run.tests().enumerate() {
            let path = numbered(path, number + 1);
            write(
                &path,
                &diagram::mermaid(&test.name, &test.cast, &test.scene),
            )?;
        }
    }
    if let Some(path) = &options.trace {
        let packets = run.tests().flat_map(|test| &test.packets);
        let lines: Vec<&str> = packets.map(String::as_str).chain([""]).collect();
        write(path, &lines.join("\n"))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Exit> {
    fs::write(path, text).map_err(|error| {
        output::complain(&format!("[Cannot write {}: {error}.]", path.display()));
        Exit::No
    })
}

/// `a.mmd`, `a-2.mmd`, `a-3.mmd`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(ending) => format!("{stem}-{number}.{}", ending.to_string_lossy()),
        None => format!("{stem}-{number}"),
    };
    path.with_file_name(name)
}

fn written(run: &RunReport, format: Format) -> String {
    match format {
        Format::Human => {
            let files: Vec<String> = run.files.iter().map(words::file).collect();
            files.concat() + &words::summary(run)
        }
        Format::Json => json::json(run),
        Format::Junit => junit::junit(run),
        Format::Tap => tap::tap(run),
    }
}

fn perform_file(
    file: &File,
    options: &RunOptions,
    ambient: &Ambient,
    interrupted: &AtomicBool,
) -> FileReport {
    let own = seed(file);
    let (first, last) = options.seeds.unwrap_or((own, own));
    let mut report = FileReport {
        path: file.sources.path(0).to_owned(),
        seed: first,
        cannot_run: None,
        tests: Vec::new(),
    };
    for test in chosen(file, options) {
        let mut told: Option<TestReport> = None;
        for seed in first..=last {
            if interrupted.load(Ordering::Relaxed) {
                break;
            }
            let began = ambient.now().instant;
            let mut late = || {
                let taken = ambient.now().instant.since(began);
                if interrupted.load(Ordering::Relaxed) {
                    return Some("interrupted".to_owned());
                }
                let words = || format!("the test ran for {} of real time", time(taken));
                (taken > options.wall_limit).then(words)
            };
            let mut result = match perform_test(file, test, options, seed, &mut late) {
                Ok(result) => result,
                Err(why) => {
                    report.cannot_run = Some(cannot_run(&report.path, &why));
                    return report;
                }
            };
            secrets::hide(&mut result, &options.secrets);
            result.wall = ambient.now().instant.since(began);
            if let Some(before) = &told {
                result.runs += before.runs;
                result.wall += before.wall;
            }
            let failed = result.result == TestResult::Failed;
            told = Some(result);
            if failed {
                break;
            }
        }
        report.tests.extend(told);
    }
    report
}

fn perform_test(
    file: &File,
    test: &Test,
    options: &RunOptions,
    seed: u64,
    late: &mut dyn FnMut() -> Option<String>,
) -> Result<TestReport, String> {
    let place = file.sources.place(test.span);
    let skipped = |why: &str| TestReport::skipped(&test.name, &place.path, place.line, seed, why);
    if let Some(why) = &test.skip {
        return Ok(skipped(why));
    }
    let again = if options.real { " --real" } else { "" };
    let of_runner = Options {
        variables: options.variables.clone(),
        strict: options.strict,
        keep_going: options.keep_going,
        lenient: false,
        again: again.to_owned(),
    };
    Ok(match file.world {
        World::Hermetic if options.real && runner::needs_simulator(test) => {
            skipped("needs the simulator")
        }
        World::Hermetic if options.real => {
            let stage = Live::new(file, test, &of_runner, seed);
            stage.map_err(|error| error.to_string())?.play(late)
        }
        World::Hermetic => {
            let stage = Stage::new(file, test, &of_runner, seed, options.weather);
            if options.diagram.is_some() || options.trace.is_some() {
                stage.watched().play(late)
            } else {
                stage.play(late)
            }
        }
        World::Live => return perform_live((file, test, &of_runner), seed, options, late),
    })
}

/// A script has a profile for itself: what it waits for would be another's as well.
fn profile(join: &JoinOptions) -> Result<Profile, Fault> {
    Profile::open_if_free(join.data.as_deref(), &join.name)?.ok_or_else(|| {
        let words = format!(
            "A session of {} runs, and a script wants the profile for itself: end that one first.",
            join.name
        );
        Fault::new(Exit::Unreachable, &words)
    })
}

/// As one client at a real server; the words say why that is not possible.
fn perform_live(
    (file, test, of_runner): (&File, &Test, &Options),
    seed: u64,
    options: &RunOptions,
    late: &mut dyn FnMut() -> Option<String>,
) -> Result<TestReport, String> {
    let join = options.join.as_ref();
    let none = "it has no server of its own: begin with a line \"server s\", or name a client of a \
        real server with --profile NAME";
    let join = join.ok_or(none)?;
    let told = |fault: Fault| fault.line;
    let profile = profile(join).map_err(told)?;
    let stage = Live::live((file, test, of_runner), seed, join, &profile).map_err(told)?;
    let report = stage.play(late);
    match report.failures.first() {
        Some(failure) if failure.code == Code::ActorFailed => {
            Err(failure.diagnostic.message.clone())
        }
        _ => Ok(report),
    }
}

/// `set seed=` before the first test; else 0.
fn seed(file: &File) -> u64 {
    let own = file.tests.first().map_or(&[][..], |test| &test.steps);
    let steps: Vec<&Step> = file.top.iter().chain(own).collect();
    let settings = steps.iter().filter_map(|step| match &step.deed {
        Deed::Set(settings) => Some(settings),
        _ => None,
    });
    let mut seeds = settings
        .flatten()
        .filter(|setting| setting.key == "seed")
        .filter_map(|setting| setting.value.fixed()?.parse().ok());
    seeds.next().unwrap_or(0)
}
