//! What the language refuses: every `tests/chat/X.chat` with an `X.err` beside it, word for word.
//!
//! `UPDATE=1 cargo test --test scripts` writes the `.err` files anew.

#![expect(
    clippy::unwrap_used,
    reason = "a file that cannot be read fails the test"
)]

use ackchat::script::{self, Code, File};
use ackchat::shell::Exit;
use ackchat::shell::diagnostic::Diagnostic;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn parse(path: &str, source: &str) -> Result<File, Vec<Diagnostic>> {
    let variables = ["given".to_owned()].into();
    let folder = Path::new("tests/chat");
    let mut include = |path: &Path| {
        let missing = |_| "there is no such file".to_owned();
        fs::read_to_string(folder.join(path)).map_err(missing)
    };
    script::parse(path, source, &variables, &mut include)
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
