//! Help that also knows the commands of other people's programs.

use super::{Invocation, Refused, command, modern};
use ackchat::driver::paths;
use ackchat::driver::programs::known;
use ackchat::shell::command::Command;
use ackchat::shell::{clean, manual};

/// What `help` and `--help` write.
pub(super) fn answer(args: &[String]) -> Result<Invocation, Refused> {
    match args {
        [_] => match modern(args)? {
            Invocation::Print(text) => Ok(Invocation::Print(text + &list())),
            other => Ok(other),
        },
        [help, word] if help == "help" && command().find_subcommand(word).is_none() => {
            let mut others = others().into_iter();
            match others.find(|other| other.name == *word) {
                Some(other) => Ok(Invocation::Print(manual::page(&other) + "\n")),
                None => modern(args),
            }
        }
        _ => modern(args),
    }
}

/// Those that run: what is built in always wins.
fn others() -> Vec<Command> {
    let Ok(folder) = paths::config_directory() else {
        return Vec::new();
    };
    let builtin = command();
    let mut others = known::commands_of_others(folder.join("plugins"));
    others.retain(|other| builtin.find_subcommand(&*other.name).is_none());
    others
}

/// A heading and a line for each; nothing if there is none.
fn list() -> String {
    let others = others();
    if others.is_empty() {
        return String::new();
    }
    let width = others.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let row = |one: &Command| format!("  {:width$}  {}\n", one.name, clean::line(&one.about));
    let rows: Vec<String> = others.iter().map(row).collect();
    format!("\nCommands of other programs:\n{}", rows.concat())
}
