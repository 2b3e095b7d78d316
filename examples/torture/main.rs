//! Real programs on real files, killed, cut off and starved: does anything that was said stay true?
//!
//! `scripts/torture` runs everything; docs/storage.md tells what is asked and what came out.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "it watches programs from outside, by the clock, and says what it sees"
)]

mod full;
mod kill;
mod rig;
mod start;
mod sync;

use std::process::ExitCode;

const USAGE: &str = "torture kill [ROUNDS] [SEED] | sync | full | start [MESSAGES]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| args.get(index).map(|word| word.parse::<u64>().unwrap());
    let done = match args.first().map(String::as_str) {
        Some("kill") => {
            let seed = number(2).unwrap_or_else(rig::random_seed);
            kill::run(number(1).unwrap_or(200), seed)
        }
        Some("sync") => sync::run(),
        Some("full") => full::run(),
        Some("start") => start::run(number(1).unwrap_or(100_000)),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("FAILED: {why}");
            ExitCode::FAILURE
        }
    }
}
