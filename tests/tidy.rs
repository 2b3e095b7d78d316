//! Reads the sources as text and guards the house: floors, crates, first lines, limits, layout.
//!
//! It is a reader of text, not of Rust: it looks at lines with comments and string literals taken
//! out where that matters. Every complaint is `path:line: what is wrong; what to do instead`.

#![expect(
    clippy::unwrap_used,
    reason = "a source that cannot be read fails the test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first; a folder imports only folders with a smaller number.
const FLOORS: [(&str, u8); 13] = [
    ("model", 0),
    ("wire", 1),
    ("secure", 2),
    ("link", 3),
    ("server", 4),
    ("client", 4),
    ("memory", 5),
    ("shell", 5),
    ("script", 6),
    ("sim", 7),
    ("store", 7),
    ("driver", 8),
    ("cli", 9),
];

/// Where a crate may be named: the places, as prefixes of paths below `src/`.
const CRATES: [(&str, &[&str]); 26] = [
    ("blake2", &["secure/"]),
    ("chacha20", &["secure/"]),
    ("chacha20poly1305", &["secure/"]),
    ("clap", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("colored", &["driver/"]),
    ("directories", &["driver/"]),
    ("ed25519_dalek", &["secure/"]),
    ("getrandom", &["driver/"]),
    ("mio", &["driver/"]),
    ("nix", &["driver/", "store/worker.rs"]),
    ("nom", &["shell/grammar.rs", "script/", "wire/"]),
    ("regex_lite", &["shell/"]),
    ("ring", &["secure/"]),
    ("rusqlite", &["store/"]),
    (
        "rustyline",
        &["driver/", "shell/assist.rs", "shell/editor/"],
    ),
    ("signal_hook", &["driver/"]),
    ("signal_hook_mio", &["driver/"]),
    ("snow", &["secure/"]),
    ("socket2", &["driver/"]),
    ("strsim", &["shell/"]),
    ("subtle", &["secure/"]),
    ("toml", &["driver/"]),
    ("unicode_segmentation", &["shell/editor/", "shell/wrap.rs"]),
    ("x25519_dalek", &["secure/"]),
    ("zeroize", &["secure/", "driver/"]),
];

/// What only the driver and the stores may use.
const WORLD: [&str; 12] = [
    "std::env",
    "std::fs",
    "std::process",
    "std::thread",
    "stdin",
    "stdout",
    "Mutex",
    "RwLock",
    "TcpStream",
    "UdpSocket",
    "UnixStream",
    "mpsc",
];

#[test]
fn the_house_is_tidy() {
    let mut complaints = Vec::new();
    let sources = files_below("src", "rs");
    assert!(sources.len() > 20, "the sources were found");
    for path in &sources {
        source_is_tidy(path, &mut complaints);
    }
    for path in sources.iter().chain(&files_below("tests", "rs")) {
        text_is_tidy(path, &mut complaints);
    }
    every_command_is_listed(&mut complaints);
    every_limit_is_used(&sources, &mut complaints);
    the_layout_is_true(&sources, &mut complaints);
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Floors, crates and the world, for one file of `src/`.
fn source_is_tidy(path: &Path, complaints: &mut Vec<String>) {
    let text = fs::read_to_string(path).unwrap();
    let below = path.strip_prefix("src").unwrap().to_str().unwrap();
    let floor = below.split_once('/').and_then(|(folder, _)| {
        let floor = FLOORS.iter().find(|(name, _)| *name == folder);
        if floor.is_none() {
            complaints.push(format!(
                "{below}:1: folder without a floor; add it to FLOORS"
            ));
        }
        floor
    });
    let is_test_file = path.file_name().is_some_and(|name| name == "tests.rs");
    let tests_begin = match text.lines().position(|line| line == "#[cfg(test)]") {
        _ if is_test_file => Some(0),
        begin => begin,
    };
    for (number, line) in code_lines(&text) {
        let is_test = tests_begin.is_some_and(|begin| number > begin);
        let mut complain = |what: String| {
            complaints.push(format!("{}:{number}: {what}", path.display()));
        };
        if let Some((folder, height)) = floor {
            for (other, other_height) in FLOORS {
                if other != *folder && other_height >= *height && names_floor(&line, other) {
                    complain(format!(
                        "{folder} imports {other}; move the type downstairs"
                    ));
                }
            }
            if !["driver", "store"].contains(folder) && !is_test {
                for word in WORLD.iter().filter(|word| names_path(&line, word)) {
                    complain(format!(
                        "{word} outside driver and store; hand it in as a value"
                    ));
                }
            }
        }
        for (name, places) in CRATES {
            let named = names_path(&line, &format!("{name}::"));
            if named && !places.iter().any(|place| below.starts_with(place)) {
                complain(format!("{name} is for {places:?}; call what stands there"));
            }
        }
        if line.contains("super::super") {
            complain("super::super; write the path from crate::".to_owned());
        }
    }
}

/// What holds for every file of Rust.
fn text_is_tidy(path: &Path, complaints: &mut Vec<String>) {
    let text = fs::read_to_string(path).unwrap();
    let mut complain = |number: usize, what: &str| {
        complaints.push(format!("{}:{number}: {what}", path.display()));
    };
    if !text.starts_with("//! ") {
        complain(
            1,
            "no first sentence; begin with //! and say what this file is",
        );
    }
    for (index, line) in text.lines().enumerate() {
        // Split, so that this file does not complain about itself.
        if line.trim_start().starts_with(concat!("#[", "ignore")) {
            complain(index + 1, "a skipped test; assert what is so, or delete it");
        }
        let excused = line.contains('"') || line.contains("http");
        if line.chars().count() > 100 && !excused {
            complain(index + 1, "longer than 100 characters; break it");
        }
    }
}

fn every_command_is_listed(complaints: &mut Vec<String>) {
    let list = fs::read_to_string("src/shell/commands/mod.rs").unwrap();
    for path in files_below("src/shell/commands", "rs") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name != "mod" && !list.contains(name) {
            complaints.push(format!("{}:1: not in the list of commands", path.display()));
        }
    }
}

fn every_limit_is_used(sources: &[PathBuf], complaints: &mut Vec<String>) {
    let home = Path::new("src/model/limits.rs");
    let others: Vec<String> = sources
        .iter()
        .filter(|path| *path != home)
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for (index, line) in fs::read_to_string(home).unwrap().lines().enumerate() {
        let Some(rest) = line.strip_prefix("pub const ") else {
            continue;
        };
        let name = rest.split(':').next().unwrap();
        if !others.iter().any(|text| text.contains(name)) {
            let place = format!("{}:{}", home.display(), index + 1);
            complaints.push(format!(
                "{place}: {name} bounds nothing; use it or delete it"
            ));
        }
    }
}

/// The layout in ARCHITECTURE.md names exactly the files that exist.
fn the_layout_is_true(sources: &[PathBuf], complaints: &mut Vec<String>) {
    let page = fs::read_to_string("ARCHITECTURE.md").unwrap();
    let listed: BTreeSet<&str> = page
        .lines()
        .filter(|line| line.starts_with("src/"))
        .filter_map(first_word)
        .collect();
    let real: BTreeSet<&str> = sources.iter().map(|path| path.to_str().unwrap()).collect();
    for missing in real.difference(&listed) {
        complaints.push(format!(
            "{missing}:1: not in the layout of ARCHITECTURE.md; add a line"
        ));
    }
    for gone in listed.difference(&real) {
        complaints.push(format!(
            "ARCHITECTURE.md:1: {gone} does not exist; take its line out"
        ));
    }
}

fn first_word(line: &str) -> Option<&str> {
    line.split_whitespace().next()
}

/// The lines of code with their numbers: without comments and without the contents of strings.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.lines().enumerate().map(|(index, line)| {
        let mut code = String::new();
        let (mut quoted, mut escaped, mut previous) = (false, false, ' ');
        for c in line.chars() {
            if !quoted && c == '/' && previous == '/' {
                code.pop();
                break;
            }
            if c == '"' && !escaped && previous != '\'' {
                quoted = !quoted;
            } else if !quoted {
                code.push(c);
            }
            escaped = c == '\\' && !escaped;
            previous = c;
        }
        (index + 1, code)
    })
}

/// True if the line names a folder of ours: `crate::folder`, or inside `use crate::{..}`.
fn names_floor(line: &str, folder: &str) -> bool {
    let within_braces = line.contains("crate::{")
        && line.split(['{', ',', '}']).any(|part| {
            let part = part.trim();
            part == folder || part.starts_with(&format!("{folder}::"))
        });
    within_braces || names_path(line, &format!("crate::{folder}"))
}

/// True if the path stands in the line as words of its own.
fn names_path(line: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        let ends = path.ends_with(':') || !after.is_some_and(is_word);
        ends && !before.is_some_and(|c| is_word(c) || c == ':')
    })
}

fn files_below(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_reader_sees_code_and_not_words() {
    for (line, folder, seen) in [
        ("use crate::server::Server;", "server", true),
        ("use crate::{model::Name, server};", "server", true),
        ("use crate::servers::X;", "server", false),
        ("// crate::server is upstairs", "server", false),
        ("let x = \"crate::server\";", "server", false),
    ] {
        let code = code_lines(line).next().unwrap().1;
        assert_eq!(names_floor(&code, folder), seen, "{line}");
    }
    assert!(names_path("let t = std::fs::read(x);", "std::fs"));
    assert!(!names_path("let t = std::fsx;", "std::fs"));
}
