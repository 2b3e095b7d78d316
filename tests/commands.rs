//! The table of commands and its manual: docs/commands.md is what the registry says.

use ackchat::shell::{Registry, manual};
use std::{env, fs, path::Path};

#[test]
fn the_manual_of_commands_is_what_the_registry_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let manual = manual::markdown(&Registry::builtin());
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &manual).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, manual,
        "docs/commands.md is old: UPDATE=1 cargo test --test commands"
    );
}

#[test]
fn every_command_of_the_manual_has_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shell/commands");
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned()))
        .filter(|name| name != "mod")
        .collect();
    names.sort();
    let registry = Registry::builtin();
    let mut commands: Vec<&str> = registry.commands().iter().map(|c| c.name).collect();
    commands.sort_unstable();
    assert_eq!(names, commands);
}
