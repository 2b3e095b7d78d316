//! What the language refuses: every `tests/chat/X.chat` with an `X.err` beside it, word for word;
//! and what it takes: every example of its manual.
//!
//! `UPDATE=1 cargo test --test scripts` writes the `.err` files anew.

#![expect(
    clippy::unwrap_used,
    reason = "a file that cannot be read fails the test"
)]

use ackchat::script::report::TestResult;
use ackchat::script::tree::World;
use ackchat::script::{self, Code, File, Options};
use ackchat::shell::Exit;
use ackchat::shell::diagnostic::Diagnostic;
use ackchat::sim::Conditions;
use ackchat::sim::stage::Stage;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

mod documents;

fn parse(path: &str, source: &str) -> Result<File, Vec<Diagnostic>> {
    let variables = ["given".to_owned()].into();
    let folder = Path::new("tests/chat");
    let mut include = |path: &Path| {
        let missing = |_| "there is no such file".to_owned();
        fs::read_to_string(folder.join(path)).map_err(missing)
    };
    script::parse(path, source, &variables, &mut include)
}

fn examples() -> Vec<(String, bool, String)> {
    ["docs/scripts.md", "docs/storage.md"]
        .iter()
        .flat_map(|page| documents::examples(page))
        .collect()
}

fn cases() -> Vec<PathBuf> {
    let mut cases = Vec::new();
    for entry in fs::read_dir("tests/chat").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "err") {
            cases.push(path);
        }
    }
    cases.sort();
    cases
}

/// The errors of a file as they are printed, one blank line between two.
fn told(diagnostics: &[Diagnostic]) -> String {
    let mut told = String::new();
    for diagnostic in diagnostics {
        let gap = if told.is_empty() { "" } else { "\n" };
        writeln!(told, "{gap}{diagnostic}").unwrap();
    }
    told
}

#[test]
fn every_refused_file_is_refused_in_the_words_beside_it() {
    let mut codes = BTreeSet::new();
    let mut differences = String::new();
    for case in cases() {
        let chat = case.with_extension("chat");
        let name = chat.file_name().unwrap().to_str().unwrap();
        let diagnostics = parse(name, &fs::read_to_string(&chat).unwrap()).err();
        let diagnostics = diagnostics.unwrap_or_default();
        assert!(diagnostics.len() <= 20);
        for diagnostic in &diagnostics {
            assert_eq!(diagnostic.exit, Exit::Parse);
            codes.insert(diagnostic.code);
        }
        let told = told(&diagnostics);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&case, &told).unwrap();
        }
        let expected = fs::read_to_string(&case).unwrap();
        if told != expected {
            writeln!(differences, "{name}: expected\n{expected}\nactual\n{told}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
    let all = Code::ALL.iter().filter(|code| code.exit() == Exit::Parse);
    let missing: Vec<_> = all.filter(|code| !codes.contains(code.word())).collect();
    assert!(missing.is_empty(), "no file is refused with {missing:?}");
}

#[test]
fn every_example_of_the_manual_parses_without_a_warning() {
    let examples = examples();
    assert!(examples.len() > 5, "the examples were found");
    for (name, is_live, text) in examples {
        let file = parse(&name, &text).unwrap_or_else(|wrong| panic!("{}", told(&wrong)));
        assert_eq!(file.world == World::Live, is_live, "{name}");
        let warnings = script::lint::lint(&file);
        assert!(warnings.is_empty(), "{}", told(&warnings));
    }
}

#[test]
fn every_example_of_the_manual_does_what_it_says() {
    for (name, is_live, text) in examples() {
        if is_live {
            continue;
        }
        let file = parse(&name, &text).unwrap_or_else(|wrong| panic!("{}", told(&wrong)));
        let options = Options::default();
        let seed = file.seed.unwrap_or(0);
        for test in &file.tests {
            let stage = Stage::new(&file, test, &options, seed, Conditions::CALM);
            let report = stage.play(&mut || None);
            let failures = report.failures.iter();
            let failures: Vec<_> = failures.map(|f| f.diagnostic.to_string()).collect();
            let passed = report.result == TestResult::Passed;
            assert!(
                passed,
                "{}: {:?} {}",
                test.name,
                report.result,
                failures.join("\n")
            );
        }
    }
}

#[test]
fn no_file_however_long_takes_more_than_one_look_at_each_line() {
    let full = 1 << 17;
    let filled = |line: &str| {
        let mut text = "server s\nactor a b\n".to_owned();
        text.push_str(&line.repeat((full - text.len()) / line.len()));
        text
    };
    for (line, is_right) in [
        ("a> send b hi\n", true),
        ("a< message from=b text=\"x y\" id=?m\n", true),
        ("a< message text~/^a(b|c)+$/\n", true),
        ("each x in 1 2 {\na> send b $x\n}\n", true),
        ("wait a b\n", true),
        ("repeat 1 {\n", false),
        ("a", false),
        ("\"", false),
        ("actor x\n", false),
        ("net cut a->\n", false),
    ] {
        let told = parse("long.chat", &filled(line));
        assert_eq!(told.is_ok(), is_right, "{line}");
    }
    // One long line of many words.
    for (start, word) in [
        ("wait", " a"),
        ("wait", " x"),
        ("actor", " x"),
        ("server", " x=1"),
        ("a< message", " from=b"),
        ("a< message", " from=$x"),
        ("a< message text=", "b|"),
        ("a< message text~/", "(a"),
        ("a> send b", " $x"),
        ("a> send b", " $$"),
        ("let x =", " \"\\n"),
        ("each x in", " a"),
        ("note", "       "),
        ("forget", " \t \t"),
    ] {
        let text = format!("server s\nactor a b\n{start}");
        let count = (full - text.len()) / word.len();
        let text = text + &word.repeat(count);
        if let Err(wrong) = parse("long.chat", &text) {
            assert!(told(&wrong).len() < 100_000, "{start}{word}");
        }
    }
    let over = "#".repeat((1 << 20) + 1);
    assert_eq!(parse("long.chat", &over).unwrap_err()[0].code, "cannot-run");
    assert!(parse("long.chat", &over[1..]).is_ok());
}
