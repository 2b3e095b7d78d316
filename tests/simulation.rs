//! Random worlds under many seeds; a broken invariant is printed with its seed and the last trace
//! lines.
#![expect(
    clippy::print_stderr,
    reason = "a failing run is read by people, with its trace"
)]

use ackchat::sim::{Counts, Failure, Fault, Play, Profile, Report};
use std::env;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::thread;

/// Seeds of an ordinary `cargo test`.
const SEEDS: Range<u64> = 0..50;
/// From so many seeds on, every fault must have happened.
const SEEDS_FOR_ALL_FAULTS: usize = 50;

#[test]
fn no_invariant_breaks_under_any_seed() {
    if let Some(seed) = env::var("ACKCHAT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        return repeat(seed);
    }
    let seeds = seeds();
    let count = seeds.clone().count();
    let mut counts = Counts::new();
    let (mut typed, mut arrived, mut datagrams, mut virtual_s) = (0, 0, 0, 0);
    let mut failures = Vec::new();
    for (seed, outcome) in play_all(seeds) {
        match outcome {
            Ok(report) => {
                counts.merge(&report.counts);
                typed += report.messages.0;
                arrived += report.messages.1;
                datagrams += report.datagrams;
                virtual_s += report.lasted.as_secs();
            }
            Err(failure) => {
                eprintln!("{failure}");
                failures.push((seed, failure.invariant));
            }
        }
    }
    eprintln!("{count} seeds, {virtual_s} virtual seconds, {datagrams} datagrams");
    eprintln!("{typed} messages, {arrived} arrived\n{counts}");
    assert!(
        failures.is_empty(),
        "{} of {count}: {failures:?}",
        failures.len()
    );
    if count >= SEEDS_FOR_ALL_FAULTS {
        let missing: Vec<_> = Fault::ALL
            .iter()
            .filter(|fault| counts.of(**fault) == 0)
            .collect();
        assert!(
            missing.is_empty(),
            "a run without a fault proves nothing of it: {missing:?}"
        );
        assert!(arrived * 2 > typed, "{arrived} of {typed} messages arrived");
    }
}

#[test]
fn without_faults_nothing_is_disturbed() {
    for seed in 0..5 {
        if let Err(failure) = play(seed, Profile::Calm) {
            panic!("{failure}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [1, 2, 3] {
        let (one, two) = (play(seed, Profile::Random), play(seed, Profile::Random));
        let hash = |report: Result<Report, Box<Failure>>| report.map(|r| r.hash).map_err(|f| f.at);
        assert_eq!(hash(one), hash(two), "seed {seed}");
    }
}

#[test]
fn seeds_that_once_failed_pass_for_ever() {
    for line in include_str!("seeds.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let (seed, why) = line.split_once(' ').expect("a seed and a sentence");
        if let Err(failure) = play(seed.parse().expect("a number"), Profile::Random) {
            panic!("{failure}{why}");
        }
    }
}

/// Plays a seed with its whole trace.
fn repeat(seed: u64) {
    let mut play = Play::new(seed, Profile::Random);
    play.keep_trace();
    let result = catch_unwind(AssertUnwindSafe(|| play.run()));
    for line in play.world().trace() {
        eprintln!("{line}");
    }
    match result {
        Ok(Ok(report)) => eprintln!(
            "seed {seed} is right: {:02x?}\n{}",
            report.hash, report.counts
        ),
        Ok(Err(failure)) => panic!("{:?} {}: {}", failure.at, failure.invariant, failure.what),
        Err(panic) => {
            eprintln!("seed {seed}: I15 is broken");
            resume_unwind(panic)
        }
    }
}

/// Plays seeds on all cores; each world is in one thread.
fn play_all(seeds: Range<u64>) -> Vec<(u64, Result<Report, Box<Failure>>)> {
    let seeds = Mutex::new(seeds);
    let played = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let next = seeds.lock().expect("nobody panics with it").next();
                    let Some(seed) = next else { return };
                    let outcome = play(seed, Profile::Random);
                    played
                        .lock()
                        .expect("nobody panics with it")
                        .push((seed, outcome));
                }
            });
        }
    });
    let mut played = played.into_inner().expect("nobody panics with it");
    played.sort_by_key(|(seed, _)| *seed);
    played
}

/// I15: a panic is a broken invariant with a seed like any other.
fn play(seed: u64, profile: Profile) -> Result<Report, Box<Failure>> {
    let mut play = Play::new(seed, profile);
    catch_unwind(AssertUnwindSafe(|| play.run())).unwrap_or_else(|_| {
        Err(Box::new(Failure {
            seed,
            at: play.world().now(),
            invariant: "I15",
            what: "a panic; see above".into(),
            trace: play.world().trace(),
        }))
    })
}

/// `ACKCHAT_SEEDS=100..200`, or a count.
fn seeds() -> Range<u64> {
    let Ok(wanted) = env::var("ACKCHAT_SEEDS") else {
        return SEEDS;
    };
    let (from, to) = wanted.split_once("..").unwrap_or(("0", &wanted));
    from.parse().expect("ACKCHAT_SEEDS is A..B or a count")
        ..to.parse().expect("ACKCHAT_SEEDS is A..B or a count")
}
