//! Every bug that was planted is found by an invariant; only in a build with `--cfg planted`.
#![cfg(planted)]

use ackchat::model::planted;
use ackchat::sim::{Failure, Play, Profile};
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Each must be found within so many runs.
const SEEDS: u64 = 10_000;

#[test]
fn every_planted_bug_is_found() {
    let only = env::var("ACKCHAT_PLANTED").ok();
    let names = planted::NAMES
        .iter()
        .filter(|name| only.as_deref().is_none_or(|only| only == **name));
    let missed: Vec<_> = names.filter(|name| !is_found(name)).collect();
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
        Some((seed, failure)) => println!("{name} {seed} {}: {}", failure.invariant, failure.what),
        None => println!("{name} - not found"),
    }
    found.is_some()
}
