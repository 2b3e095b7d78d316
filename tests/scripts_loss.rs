//! The scripts of the seeds on a bad network: three of ten datagrams are lost, some come twice,
//! some overtake others. What they say must hold there too, unless it speaks of the network itself.
//!
//! `ACKCHAT_SEEDS` says under how many seeds each runs: 10 in `cargo test`, 200 in `scripts/check`.

#![expect(
    clippy::unwrap_used,
    reason = "a file that cannot be read fails the test"
)]

use ackchat::script::report::{FileReport, TestResult};
use ackchat::script::{self, Options, words};
use ackchat::sim::{Conditions, Stage};
use std::collections::BTreeSet;
use std::time::Duration;
use std::{env, fs};

/// The bad network.
const BAD: Conditions = Conditions {
    loss: 300,
    duplicate: 100,
    straggle: 200,
    late: Duration::from_millis(3),
    ..Conditions::CALM
};

/// Those of which a line says something about the network, and what.
///
/// A slot has five datagrams and five acknowledgements. When all of one kind are lost, the truth is
/// another: no acknowledgement came, or the answer came later.
const CALM_ONLY: [(&str, &str); 15] = [
    ("000-1", "no message needs the server"),
    ("000-2", "a message reaches z without the server"),
    ("001-1", "no message needs the server"),
    ("001-2", "a message reaches Z without the server"),
    ("001-3", "the private message needs no server"),
    ("002-1", "no message needs the server"),
    ("002-2", "a message reaches z without the server"),
    ("002-5", "messages reach people without the server"),
    ("002-6", "a check is over within 1.5 s"),
    ("002-7", "a check is over within 1.5 s"),
    ("003-1", "no message needs the server"),
    ("004-1", "no message needs the server"),
    ("004-9", "a message reaches z without the server"),
    ("004-11", "the whole is over within 1.7 s"),
    (
        "004-12",
        "the message needs no server, so nobody asks about x",
    ),
];

fn seeds() -> u64 {
    let seeds = env::var("ACKCHAT_SEEDS").ok();
    // A number for the random runs of the simulator is too large for whole scripts.
    seeds.map_or(10, |seeds| seeds.parse::<u64>().unwrap().min(200))
}

#[test]
fn what_does_not_speak_of_the_network_holds_on_a_bad_one() {
    let mut told = String::new();
    let mut files: Vec<_> = fs::read_dir("scripts/seeds")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut excused = BTreeSet::new();
    for path in files {
        let name = path.to_str().unwrap();
        let file_name = path.file_name().unwrap().to_str().unwrap();
        let excuse = CALM_ONLY.iter().find(|(case, _)| {
            let rest = file_name.strip_prefix(case);
            rest.is_some_and(|rest| rest.starts_with('-'))
        });
        if let Some((case, _)) = excuse {
            excused.insert(*case);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let file = script::parse(name, &text, &BTreeSet::new(), &mut |_| Err(String::new()));
        let file = file.unwrap();
        let options = Options {
            again: " --drop 30 --dup 10 --reorder 20".to_owned(),
            ..Options::default()
        };
        for test in &file.tests {
            let mut runs = (1..=seeds()).map(|seed| {
                let stage = Stage::new(&file, test, &options, seed, BAD);
                stage.play(&mut || None)
            });
            if let Some(failed) = runs.find(|run| run.result == TestResult::Failed) {
                told += &words::file(&FileReport {
                    path: name.to_owned(),
                    seed: failed.seed,
                    cannot_run: None,
                    tests: vec![failed],
                });
            }
        }
    }
    assert!(told.is_empty(), "\n{told}");
    assert_eq!(excused.len(), CALM_ONLY.len());
}
