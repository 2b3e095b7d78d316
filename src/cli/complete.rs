//! What may follow on a command line: `ackchat __complete -- WORDS`, which the shells' files ask.
//!
//! A line for each candidate: the word, a tab, what it is. No line: a file may stand there.

use ackchat::driver::paths;
use ackchat::driver::programs::known::{self, Asked, Known};
use ackchat::driver::programs::plugins::{Found, Plugins};
use ackchat::model::limits::{COMPLETE_LIMIT, MANIFEST_LIMIT};
use ackchat::shell::args::Kind;
use ackchat::shell::command::{Command as ShellCommand, Face, Run};
use ackchat::shell::external::MANIFEST_FLAG;
use ackchat::shell::settings::SETTINGS;
use ackchat::shell::{Registry, clean};
use clap::builder::{PossibleValue, StyledStr};
use clap::{Arg, Command, ValueEnum};

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Fish,
    Zsh,
}

impl Shell {
    /// What it needs: a few lines that ask this program.
    pub(super) const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../../completions/ackchat.bash"),
            Self::Fish => include_str!("../../completions/ackchat.fish"),
            Self::Zsh => include_str!("../../completions/_ackchat"),
        }
    }
}

/// The candidates for the last of the words, after `--`.
pub(super) fn answer(args: &[String]) -> String {
    let words = match args.split_first() {
        Some((dashes, words)) if dashes == "--" => words,
        _ => args,
    };
    let row = |(word, about): (String, String)| {
        let about = clean::line(about.lines().next().unwrap_or_default());
        format!("{}\t{about}\n", clean::line(&word))
    };
    let (last, before) = words
        .split_last()
        .map_or(("", words), |(l, b)| (l.as_str(), b));
    let fits = |(word, _): &(String, String)| begins(word, last);
    candidates(before, last)
        .into_iter()
        .filter(fits)
        .map(row)
        .collect()
}

fn candidates(before: &[String], last: &str) -> Known {
    let mut program = super::command();
    program.build();
    let Some((first, rest)) = before.split_first() else {
        return of_program(&program);
    };
    if let Some(command) = program.find_subcommand(first) {
        return Line::read(command, rest).candidates(last);
    }
    let mut plugins = plugins();
    let mut found = plugins.find().into_iter();
    match found.find(|found| found.word.as_str() == first) {
        Some(found) => of_plugin(&mut plugins, &found, rest, last),
        None => Known::new(),
    }
}

/// Subcommands, and programs of other people.
fn of_program(program: &Command) -> Known {
    let mut known = subcommands(program);
    for found in plugins().find() {
        let word = found.word.as_str();
        if known.iter().all(|(other, _)| other != word) {
            known.push((word.to_owned(), found.path.display().to_string()));
        }
    }
    known.extend(options(program));
    known
}

/// Programs of other people, as far as there can be any.
fn plugins() -> Plugins {
    let folder = paths::config_directory().ok();
    let folder = folder.map(|folder| folder.join("plugins"));
    Plugins::new(folder.unwrap_or_default()).remembered(paths::manifests(None).ok())
}

/// A command line as far as it is written.
struct Line<'a> {
    command: &'a Command,
    /// What the options before say of whom to ask.
    asked: Asked,
    /// The option whose value is being written.
    option: Option<&'a Arg>,
    /// How many words stand before that are no options.
    words: usize,
    /// `--` stands before.
    is_text: bool,
}

impl<'a> Line<'a> {
    fn read(command: &'a Command, before: &[String]) -> Self {
        let mut line = Self {
            command,
            asked: Asked::default(),
            option: None,
            words: 0,
            is_text: false,
        };
        for word in before {
            line.take(word);
        }
        line
    }

    fn take(&mut self, word: &str) {
        if let Some(option) = self.option.take() {
            self.value(option, word);
        } else if self.is_text || !word.starts_with('-') {
            match self
                .command
                .find_subcommand(word)
                .filter(|_| self.words == 0)
            {
                Some(below) => self.command = below,
                None => self.words += 1,
            }
        } else if word == "--" {
            self.is_text = true;
        } else {
            let (name, value) = word
                .split_once('=')
                .map_or((word, None), |(n, v)| (n, Some(v)));
            let option = option(self.command, name);
            let option = option.filter(|option| option.get_action().takes_values());
            match (option, value) {
                (Some(option), Some(value)) => self.value(option, value),
                (option, _) => self.option = option,
            }
        }
    }

    fn value(&mut self, option: &Arg, value: &str) {
        match option.get_id().as_str() {
            "config" => self.asked.config = Some(value.into()),
            "data" => self.asked.data = Some(value.into()),
            "profile" => self.asked.profile = Some(value.to_owned()),
            "sock" => self.asked.socket = Some(value.into()),
            _ => {}
        }
    }

    fn candidates(&self, last: &str) -> Known {
        if let Some(option) = self.option {
            return self.values(option);
        }
        if last.starts_with('-') && !self.is_text {
            return options(self.command);
        }
        if self.words == 0 && self.command.has_subcommands() {
            return subcommands(self.command);
        }
        let registry = Registry::builtin();
        // An alias is a word of the shell only: `join` here is no `join_group`.
        let is_this = |ours: &&ShellCommand| {
            ours.name == self.command.get_name() && ours.faces.contains(&Face::OneShot)
        };
        if let Some(ours) = registry.commands().iter().find(is_this) {
            return self.arguments(ours, &registry);
        }
        let mut places = self.command.get_positionals();
        let count = self.command.get_positionals().count();
        let place = places.nth(self.words.min(count.saturating_sub(1)));
        place.map_or_else(Known::new, |place| self.values(place))
    }

    /// Of a command of the shell, by the kinds of its arguments.
    fn arguments(&self, command: &ShellCommand, registry: &Registry) -> Known {
        let param = command.params.get(self.words);
        param.map_or_else(Known::new, |param| {
            of_kind(&param.kind, &self.asked, registry)
        })
    }

    /// Of an argument of clap: what it may be, or what its name says.
    fn values(&self, arg: &Arg) -> Known {
        let possible = arg.get_possible_values();
        if !possible.is_empty() {
            return possible.iter().map(of_value).collect();
        }
        let names = arg.get_value_names().unwrap_or_default();
        let is_own = ["host", "join"].contains(&self.command.get_name());
        match (
            names.first().map(clap::builder::Str::as_str),
            arg.get_id().as_str(),
        ) {
            (_, "profile") => self.asked.profiles(),
            (Some("NAME"), "name") if is_own => self.asked.profiles(),
            (Some("GROUP"), _) => self.asked.groups(),
            (Some("NAME"), _) => self.asked.people(),
            (Some("TARGET"), _) => of_kind(&Kind::Target, &self.asked, &Registry::builtin()),
            _ => Known::new(),
        }
    }
}

/// Of a program of somebody else: by what it says of itself.
fn of_plugin(plugins: &mut Plugins, found: &Found, before: &[String], last: &str) -> Known {
    let path = &found.path;
    if !plugins.knows(found) {
        let told = known::ask_program(path, &[MANIFEST_FLAG.to_owned()], MANIFEST_LIMIT);
        plugins.learn(found, told);
    }
    let command = plugins.commands(std::slice::from_ref(found)).swap_remove(0);
    if let Run::External(external) = &command.run
        && external.dynamic
    {
        let mut words = vec!["__complete".to_owned(), "--".to_owned()];
        words.extend_from_slice(before);
        words.push(last.to_owned());
        let told = known::ask_program(path, &words, COMPLETE_LIMIT).unwrap_or_default();
        let row = |row: &str| {
            let (word, about) = row.split_once('\t').unwrap_or((row, ""));
            (word.to_owned(), about.to_owned())
        };
        return told.lines().map(row).collect();
    }
    let param = command.params.get(before.len());
    let registry = Registry::builtin();
    param.map_or_else(Known::new, |param| {
        of_kind(&param.kind, &Asked::default(), &registry)
    })
}

fn of_kind(kind: &Kind, asked: &Asked, registry: &Registry) -> Known {
    let bare = |word: &str| (word.to_owned(), String::new());
    let commands = || {
        let commands = registry.commands().iter();
        commands.map(|command| (command.name.to_string(), command.about.to_string()))
    };
    match kind {
        Kind::Choice(words) => words.iter().map(|word| bare(word)).collect(),
        Kind::Command | Kind::Topic => commands().collect(),
        Kind::Group => asked.groups(),
        Kind::Oneself | Kind::Peer => asked.people(),
        Kind::Setting => {
            let settings = SETTINGS.iter();
            settings
                .map(|setting| (setting.key.to_owned(), setting.about.to_owned()))
                .collect()
        }
        Kind::Target => {
            let groups = asked.groups().into_iter();
            let groups = groups.map(|(group, about)| (format!("#{group}"), about));
            asked.people().into_iter().chain(groups).collect()
        }
        Kind::Count
        | Kind::File
        | Kind::Fingerprint
        | Kind::Id
        | Kind::SettingValue
        | Kind::Text
        | Kind::Word
        | Kind::Words => Known::new(),
    }
}

fn subcommands(command: &Command) -> Known {
    let below = command
        .get_subcommands()
        .filter(|below| !below.is_hide_set());
    below
        .map(|below| (below.get_name().to_owned(), text(below.get_about())))
        .collect()
}

fn options(command: &Command) -> Known {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let long = |arg: &Arg| Some((format!("--{}", arg.get_long()?), text(arg.get_help())));
    shown.filter_map(long).collect()
}

fn option<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let long = word.strip_prefix("--");
    let short = word.strip_prefix('-').and_then(|rest| rest.chars().next());
    let mut all = command.get_arguments();
    all.find(|arg| match long {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short() == short && short.is_some(),
    })
}

fn of_value(value: &PossibleValue) -> (String, String) {
    (value.get_name().to_owned(), text(value.get_help()))
}

fn text(styled: Option<&StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}

/// Names are ASCII, and equal without regard to case.
fn begins(word: &str, last: &str) -> bool {
    let begin = word.get(..last.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command as Process;

    fn words(line: &str) -> Vec<String> {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let answer = answer(&args);
        let rows = answer
            .lines()
            .map(|row| row.split('\t').next().unwrap().to_owned());
        rows.collect()
    }

    #[test]
    fn subcommands_options_and_values_are_those_of_the_arguments() {
        assert_eq!(words("-- joi"), ["join", "join_group"]);
        assert_eq!(words("-- send"), ["send", "send_all", "send_group"]);
        assert_eq!(words("-- send bob --require s"), ["stored"]);
        assert_eq!(words("-- pipe --t"), ["--to"]);
        assert_eq!(words("-- plugin "), ["list", "new"]);
        assert_eq!(words("-- config "), ["check", "show", "help"]);
        assert_eq!(words("-- config sh"), ["show"]);
        assert_eq!(words("-- join bob --exit"), ["--exit-on-dereg"]);
        assert_eq!(words("-- join bob --color "), ["always", "auto", "never"]);
        assert_eq!(words("-- join bob --color a"), ["always", "auto"]);
        assert_eq!(words("-- completions "), ["bash", "fish", "zsh"]);
        assert_eq!(words("-- join bob --trace "), [""; 0], "a file");
        assert_eq!(words("-- nothing "), [""; 0]);
        assert!(words("").contains(&"serve".to_owned()));
    }

    #[test]
    fn the_files_are_right_in_the_eyes_of_their_shells() {
        for (shell, file) in [
            ("bash", "completions/ackchat.bash"),
            ("fish", "completions/ackchat.fish"),
            ("zsh", "completions/_ackchat"),
        ] {
            assert!(fs::metadata(file).is_ok());
            if let Ok(status) = Process::new(shell).args(["-n", file]).status() {
                assert!(status.success(), "{file}");
            }
        }
    }
}
