//! Every script that should pass does, in the simulator; the same file and seed give the same run.

#![expect(
    clippy::unwrap_used,
    reason = "a file that cannot be read fails the test"
)]

use ackchat::model::limits::SCRIPT_BYTES_MAX;
use ackchat::script::report::{FileReport, RunReport, TestReport};
use ackchat::script::tree::{File, World};
use ackchat::script::{self, Code, Options, diagram, json, junit, tap, words};
use ackchat::shell::Exit;
use ackchat::sim::{Conditions, Stage};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// All files of `scripts/` and those of `tests/chat/` that are not there to be refused or to fail.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["scripts", "scripts/seeds", "tests/chat"] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_script = path.extension().is_some_and(|ending| ending == "chat");
            let ends_badly = |ending| path.with_extension(ending).exists();
            if is_script && !ends_badly("err") && !ends_badly("out") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 34);
    found
}

fn read(path: &Path) -> File {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.len() <= SCRIPT_BYTES_MAX);
    let mut include = |path: &Path| fs::read_to_string(path).map_err(|why| why.to_string());
    let name = path.to_str().unwrap();
    match script::parse(name, &text, &BTreeSet::new(), &mut include) {
        Ok(file) => file,
        Err(wrong) => panic!("{}", wrong[0]),
    }
}

fn play(file: &File, seed: u64, weather: Conditions) -> Vec<TestReport> {
    let options = Options::default();
    let tests = file.tests.iter().filter(|test| test.skip.is_none());
    tests
        .map(|test| Stage::new(file, test, &options, seed, weather).play(&mut || None))
        .collect()
}

/// What is told of the tests that failed; empty if none did.
fn failures(path: &Path, tests: Vec<TestReport>) -> String {
    let report = FileReport {
        path: path.to_str().unwrap().to_owned(),
        seed: 0,
        cannot_run: None,
        tests,
    };
    if report.is_good() {
        return String::new();
    }
    words::file(&report)
}

#[test]
fn every_script_passes_and_the_same_seed_gives_the_same_run() {
    let mut told = String::new();
    for path in files() {
        let file = read(&path);
        if file.world == World::Live {
            continue;
        }
        let tests = play(&file, 0, Conditions::CALM);
        let again = play(&file, 0, Conditions::CALM);
        for (one, other) in tests.iter().zip(&again) {
            assert!(one.trace_hash.is_some());
            assert_eq!(one.trace_hash, other.trace_hash, "{}", one.name);
        }
        told += &failures(&path, tests);
    }
    assert!(told.is_empty(), "\n{told}");
}

#[test]
fn another_seed_is_another_run_and_passes_too() {
    let path = Path::new("scripts/seeds/000-1-mail-for-one-who-is-away.chat");
    let file = read(path);
    let hashes: BTreeSet<_> = (0..5)
        .map(|seed| {
            let tests = play(&file, seed, Conditions::CALM);
            let hash = tests[0].trace_hash;
            assert_eq!(failures(path, tests), "");
            hash
        })
        .collect();
    assert_eq!(hashes.len(), 5);
}

#[test]
fn the_scripts_of_the_seeds_are_the_34_scenarios() {
    let names = fs::read_dir("scripts/seeds").unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut count = [0; 5];
    for name in names {
        let (seed, rest) = name.split_at(4);
        let case: usize = rest.split('-').next().unwrap().parse().unwrap();
        let seed: usize = seed.trim_end_matches('-').parse().unwrap();
        assert!(case > 0);
        count[seed] += 1;
    }
    assert_eq!(count, [4, 8, 7, 3, 12]);
}

#[test]
fn who_watches_changes_nothing() {
    let path = Path::new("scripts/seeds/000-3-a-group-and-one-who-is-away.chat");
    let file = read(path);
    let options = Options::default();
    let stage = || Stage::new(&file, &file.tests[0], &options, 7, Conditions::CALM);
    let plain = stage().play(&mut || None);
    let watched = stage().watched().play(&mut || None);
    assert_eq!(plain.trace_hash, watched.trace_hash);
    assert!(plain.packets.is_empty() && !watched.packets.is_empty());
    let diagram = diagram::mermaid("t", &watched.cast, &watched.scene);
    for line in [
        "    participant a",
        "    x->>s: group",
        "    Note over a: #gt; join_group g",
    ] {
        assert!(
            diagram.lines().any(|found| found == line),
            "{line}\n{diagram}"
        );
    }
}

#[test]
fn a_result_is_the_same_in_every_format() {
    let told = |source: &str| {
        let parsed = script::parse("f.chat", source, &BTreeSet::new(), &mut |_| {
            Err(String::new())
        });
        let file = parsed.unwrap();
        let report = FileReport {
            path: "f.chat".to_owned(),
            seed: 1,
            cannot_run: None,
            tests: play(&file, 1, Conditions::CALM),
        };
        let files = vec![report];
        let interrupted = false;
        RunReport { files, interrupted }
    };
    let run = told("test \"a <b> # c\" {\n  server s\n  actor x\n  x> send nobody \"\"q\"\"\n}\n");
    let tap = tap::tap(&run);
    assert!(
        tap.contains("    not ok 1 - a <b> \\# c\n      ---\n"),
        "{tap}"
    );
    assert!(tap.ends_with("not ok 1 - f.chat\n"), "{tap}");
    let junit = junit::junit(&run);
    assert!(
        junit.contains("name=\"a &lt;b&gt; # c\" classname=\"f.chat\""),
        "{junit}"
    );
    assert!(
        junit.contains("<failure type=\"command-failed\""),
        "{junit}"
    );
    let json = json::json(&run);
    for line in json.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["v"], 1);
    }
    let last: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!((&last["failed"], &last["exit"]), (&1.into(), &1.into()));
}

/// A test that fails, and its report to the letter.
/// Every `tests/chat/X.chat` with an `X.out` beside it; `UPDATE=1 cargo test --test scripts_run`
/// writes those anew.
#[test]
fn every_failing_file_fails_in_the_words_beside_it() {
    let mut codes = BTreeSet::new();
    for entry in fs::read_dir("tests/chat").unwrap() {
        let out = entry.unwrap().path();
        if out.extension().is_none_or(|ending| ending != "out") {
            continue;
        }
        let path = out.with_extension("chat");
        let told = failures(&path, play(&read(&path), 0, Conditions::CALM));
        let failed = told.split("error[").skip(1);
        codes.extend(failed.filter_map(|rest| Some(rest.split_once(']')?.0.to_owned())));
        if env::var_os("UPDATE").is_some() {
            fs::write(&out, &told).unwrap();
        }
        assert_eq!(told, fs::read_to_string(&out).unwrap(), "{}", out.display());
    }
    // A broken promise of the program is the simulator's matter, real time that of the next test.
    let judged = Code::ALL.iter().filter(|code| code.exit() == Exit::No);
    for code in judged.filter(|code| !matches!(code, Code::Invariant | Code::WallLimit)) {
        assert!(
            codes.contains(code.word()),
            "no file fails with {}",
            code.word()
        );
    }
}

#[test]
fn a_test_that_takes_too_long_is_ended() {
    let source = "server s\nactor alice bob\nrepeat 9999 {\n  alice> send bob hi\n}\n";
    let mut no_include = |_: &Path| Err(String::new());
    let file = script::parse("long.chat", source, &BTreeSet::new(), &mut no_include).unwrap();
    let options = Options::default();
    let stage = Stage::new(&file, &file.tests[0], &options, 0, Conditions::CALM);
    let told = failures(
        Path::new("long.chat"),
        vec![stage.play(&mut || Some("the test ran for 60s of real time".to_owned()))],
    );
    assert!(
        told.contains("error[wall-limit]: the test ran for 60s of real time"),
        "{told}"
    );
}

#[test]
fn a_failure_says_what_was_expected_what_came_and_what_led_to_it() {
    let source = "\
set timeout=2s
test \"a slip\" {
  server s
  actor alice bob
  alice> send bob are you there?
  bob<   alice: are you there
  note   never reached
  on-fail {
    bob? session mode=normal
  }
}
";
    let file = script::parse("slip.chat", source, &BTreeSet::new(), &mut |_| {
        Err(String::new())
    });
    let tests = play(&file.unwrap(), 42, Conditions::CALM);
    let told = failures(Path::new("slip.chat"), tests);
    assert_eq!(
        told,
        "\
slip.chat
  FAIL  a slip  2.06s virtual
        note: bob? session: session self=bob state=online mode=normal

error[expect-timeout]: bob did not see this within 2s
 --> slip.chat:6:10
  |
5 |   alice> send bob are you there?
  |          ----------------------- typed 2s earlier: acked
6 |   bob<   alice: are you there
  |          ^^^^^^^^^^^^^^^^^^^^ expected  message scope=direct from=alice text=\"are you there\"
  |
  = closest: message scope=direct from=alice to=bob text=\"are you there?\" via=peer   \
text goes on after character 13
  = again: ackchat run slip.chat --seed 42

"
    );
}
