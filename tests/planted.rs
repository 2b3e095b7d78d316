//! Every bug that was planted is found by an invariant; only in a build with `--cfg planted`.
//!
//! [docs/simulator.md](../docs/simulator.md) says how; `ACKCHAT_PLANTED=NAME` looks for one only.
#![cfg(planted)]
#![expect(
    clippy::print_stdout,
    reason = "the table of docs/simulator.md is made of it"
)]

use ackchat::model::planted;
use ackchat::sim::{Failure, Play, Profile};
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

/// Each must be found within so many runs.
const SEEDS: u64 = 10_000;

#[test]
fn every_planted_bug_is_found() {
    let only = env::var("ACKCHAT_PLANTED").ok();
    let names = planted::NAMES.into_iter();
    let names = names.filter(|name| only.as_deref().is_none_or(|only| only == *name));
    let names = Mutex::new(names);
    let missed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    // Not in the condition of a loop: the guard would live as long as its body.
                    let name = names.lock().expect("nobody panics with it").next();
                    let Some(name) = name else { return };
                    if !is_found(name) {
                        missed.lock().expect("nobody panics with it").push(name);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().expect("nobody panics with it");
    assert!(missed.is_empty(), "not found: {missed:?}");
}

fn is_found(name: &'static str) -> bool {
    planted::choose(name);
    let found = (0..SEEDS).find_map(|seed| {
        let mut play = Play::new(seed, Profile::Random);
        let run = catch_unwind(AssertUnwindSafe(|| play.run()));
        // A crash alone does not count: an invariant has to say what is wrong.
        let failure: Box<Failure> = run.ok()?.err()?;
        Some((seed, failure))
    });
    planted::choose("");
    match &found {
        Some((seed, failure)) => {
            println!("{name} | {seed} | {} | {}", failure.invariant, failure.what)
        }
        None => println!("{name} | not found"),
    }
    found.is_some()
}
