//! How fast it is, beside the physical limit and beside the servers of others, in one run.
//!
//! `scripts/bench` runs everything; docs/performance.md tells what is measured and what came out.
//! It prints figures and judges nothing: a busy machine is not an error.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it measures programs from outside, by the clock, and says what it sees"
)]

mod crowd;
mod direct;
mod durable;
mod fanout;
mod floors;
mod house;
mod joins;
mod measure;
mod mosquitto;
mod nats;
mod report;
mod room;
mod start;
mod stream;

use report::{Form, Report};
use std::process::ExitCode;

const USAGE: &str = "bench [--json] [--rounds N] \
    [direct | durable | fanout [LISTENERS..] | joins [CLIENTS..] | start]";
/// Listeners of one speaker.
const LISTENERS: [usize; 4] = [1, 10, 100, 1000];
/// Registered clients; 10,000 must be asked for: each of them wants a table of 10,000.
const CLIENTS: [usize; 2] = [1_000, 3_000];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut words: Vec<&str> = args.iter().map(String::as_str).collect();
    if let ["serve", port, data] = words[..] {
        return house::serve(port.parse().unwrap(), data);
    }
    let form = match words.iter().position(|word| *word == "--json") {
        Some(at) => {
            words.remove(at);
            Form::Json
        }
        None => Form::Lines,
    };
    let mut rounds = 5;
    if let Some(at) = words.iter().position(|word| *word == "--rounds") {
        rounds = words[at + 1].parse().unwrap();
        words.drain(at..at + 2);
    }
    let report = Report { form };
    let numbers = |words: &[&str]| {
        words
            .iter()
            .map(|word| word.parse().unwrap())
            .collect::<Vec<usize>>()
    };
    match words.split_first() {
        None => {
            direct::run(&report, rounds);
            fanout::run(&report, rounds, &LISTENERS);
            durable::run(&report, rounds);
            joins::run(&report, rounds, &CLIENTS);
            start::run(&report, rounds);
        }
        Some((&"direct", [])) => direct::run(&report, rounds),
        Some((&"durable", [])) => durable::run(&report, rounds),
        Some((&"fanout", [])) => fanout::run(&report, rounds, &LISTENERS),
        Some((&"joins", [])) => joins::run(&report, rounds, &CLIENTS),
        Some((&"start", [])) => start::run(&report, rounds),
        Some((&"joins", sizes)) => joins::run(&report, rounds, &numbers(sizes)),
        Some((&"fanout", sizes)) => fanout::run(&report, rounds, &numbers(sizes)),
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
