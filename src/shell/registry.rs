//! The one table of commands: found by word or alias, read by parser, help and documents.

use super::args::Args;
use super::command::{Command, CommandError, Refusal};
use super::commands;
use super::explain;
use super::grammar::{self, Input, Line};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// All commands.
#[derive(Clone, Debug)]
pub struct Registry {
    built_in: Vec<Command>,
    by_word: BTreeMap<Cow<'static, str>, usize>,
    external: Vec<Command>,
    hidden: Vec<Command>,
}

/// A line, read as far as that needs nobody's state.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// Nothing but blanks.
    Blank,
    /// A command.
    Call(Call<'a>),
    /// In a conversation: a message.
    Say(String),
}

/// A command and its arguments.
#[derive(Debug)]
pub struct Call<'a> {
    /// The command.
    pub command: &'a Command,
    /// Where its word stands in the line.
    pub word: Range<usize>,
    /// Its arguments; an error counts only if the command is valid at all.
    pub args: Result<Args, CommandError>,
}

impl Registry {
    /// The commands that are built in.
    ///
    /// # Panics
    /// If two commands have the same name, which a test rules out.
    #[must_use]
    pub fn builtin() -> Self {
        let built_in = commands::all();
        let mut by_word = BTreeMap::new();
        for (index, command) in built_in.iter().enumerate() {
            let aliases = command.aliases.iter().map(|alias| Cow::Borrowed(*alias));
            for word in aliases.chain([command.name.clone()]) {
                let earlier = by_word.insert(word, index);
                assert!(earlier.is_none(), "two commands have the same name");
            }
        }
        Self {
            built_in,
            by_word,
            external: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// The built-in commands in the order of the documents.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        &self.built_in
    }

    /// The commands of other programs that are known by now, by their names.
    #[must_use]
    pub fn external(&self) -> &[Command] {
        &self.external
    }

    /// Built-in ones, then those of other programs.
    pub fn all(&self) -> impl Iterator<Item = &Command> {
        self.built_in.iter().chain(&self.external)
    }

    /// Those that are never run, because a name means something else already.
    #[must_use]
    pub fn hidden(&self) -> &[Command] {
        &self.hidden
    }

    /// Takes the commands of other programs in place of those known before: the first one with a
    /// name wins, and a word that is built in stays what it is.
    pub fn set_external(&mut self, commands: Vec<Command>) {
        let (mut external, mut hidden) = (BTreeMap::new(), Vec::new());
        for command in commands {
            if self.is_built_in(&command.name) || external.contains_key(&command.name) {
                hidden.push(command);
            } else {
                external.insert(command.name.clone(), command);
            }
        }
        self.external = external.into_values().collect();
        self.hidden = hidden;
    }

    /// Whether a word is ours.
    #[must_use]
    pub fn is_built_in(&self, word: &str) -> bool {
        self.by_word.contains_key(word)
    }

    /// The command of a name or alias.
    #[must_use]
    pub fn find(&self, word: &str) -> Option<&Command> {
        let Some(index) = self.by_word.get(word) else {
            return self.external.iter().find(|command| command.name == word);
        };
        Some(&self.built_in[*index])
    }

    /// Names and aliases near a word that is none; at most three.
    #[must_use]
    pub fn nearest(&self, word: &str) -> Vec<String> {
        let external = self.external.iter().map(|command| &*command.name);
        explain::nearest(
            word,
            self.by_word.keys().map(|word| &**word).chain(external),
        )
    }

    /// Reads a line, whatever it is: no line makes it panic.
    ///
    /// # Errors
    /// The first word is no command.
    pub fn parse(&self, source: &str, input: Input) -> Result<Parsed<'_>, CommandError> {
        match grammar::line(source, input) {
            Line::Blank => Ok(Parsed::Blank),
            Line::Say(text) => Ok(Parsed::Say(text)),
            Line::Command(word, args_at) => {
                let Some(command) = self.find(word.text) else {
                    return Err(Refusal::UnknownCommand.at(word.span));
                };
                let args = Args::bind(&command.params, source, args_at).map_err(|mut error| {
                    error.usage = Some(command.usage());
                    error
                });
                Ok(Parsed::Call(Call {
                    command,
                    word: word.span,
                    args,
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::{LINE_BYTES_MAX, TEXT_BYTES_MAX};
    use crate::shell::command::Face;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_and_alias_means_one_command_and_is_lower_case() {
        let registry = Registry::builtin();
        for command in registry.commands() {
            for word in command.aliases.iter().copied().chain([&*command.name]) {
                assert_eq!(registry.find(word).unwrap().name, command.name);
                assert!(
                    word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                    "{word}"
                );
            }
        }
        assert!(registry.find("Send").is_none());
        assert!(registry.find("sendx").is_none());
        assert!(registry.find("").is_none());
    }

    #[test]
    fn every_command_tells_all_that_help_needs_and_its_examples_parse() {
        let registry = Registry::builtin();
        for command in registry.commands() {
            assert!(!command.about.is_empty());
            assert!(!command.done.is_empty());
            assert!(!command.modes.is_empty());
            assert!(command.faces.contains(&Face::Shell));
            assert!(!command.examples.is_empty(), "{}", command.name);
            assert_eq!(
                command.errors.iter().collect::<BTreeSet<_>>().len(),
                command.errors.len(),
                "{}: an error twice",
                command.name
            );
            for example in &command.examples {
                match registry.parse(&example.line, Input::Command) {
                    Ok(Parsed::Call(call)) => {
                        assert_eq!(call.command.name, command.name);
                        assert!(call.args.is_ok(), "{}: {:?}", example.line, call.args);
                    }
                    other => panic!("{}: {other:?}", example.line),
                }
            }
        }
    }

    #[test]
    fn usage_is_derived_from_the_arguments() {
        let registry = Registry::builtin();
        for (word, usage) in [
            ("msg", "send NAME TEXT"),
            ("dereg", "dereg [NAME]"),
            ("open", "open NAME|#GROUP"),
            ("leave", "leave_group"),
            ("trust", "trust NAME FINGERPRINT"),
        ] {
            assert_eq!(registry.find(word).unwrap().usage(), usage);
        }
    }

    #[test]
    fn every_alias_of_the_seeds_table_is_there() {
        let registry = Registry::builtin();
        for pair in [
            "send msg",
            "send_all all",
            "send_group say",
            "dereg away",
            "reg back",
            "create_group create",
            "list_groups groups",
            "join_group join",
            "list_members members",
            "leave_group leave",
            "table who",
            "open talk",
            "help h",
            "exit quit",
            "verify verify",
            "trust trust",
            "record record",
            "close close",
            "history log",
        ] {
            let (name, alias) = pair.split_once(' ').unwrap();
            assert_eq!(registry.find(alias).unwrap().name, name);
        }
        assert_eq!(registry.commands().len(), 32);
    }

    #[test]
    fn no_line_whatever_makes_the_parser_panic() {
        let registry = Registry::builtin();
        let seed = std::env::var("ACKCHAT_SEED").map_or(7, |seed| seed.parse().unwrap());
        let mut random = seed;
        let mut draw = move |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let pieces = [
            "send",
            "join_group",
            "trust",
            "open",
            "help",
            "dereg",
            "/",
            "//",
            " ",
            "\t",
            "\"",
            "#",
            ";",
            "bob",
            "\u{e9}",
            "\u{1f600}",
            "\n",
            "\0",
            "05037",
            "\u{202e}",
        ];
        for _ in 0..20_000 {
            let line: String = (0..draw(9))
                .map(|_| pieces[usize::try_from(draw(20)).unwrap()])
                .collect();
            for input in [Input::Command, Input::Conversation] {
                if let Err(error) = registry.parse(&line, input) {
                    assert!(
                        line.get(error.span.clone()).is_some(),
                        "ACKCHAT_SEED={seed} {line:?} {error:?}"
                    );
                } else if let Ok(Parsed::Call(call)) = registry.parse(&line, input)
                    && let Err(error) = call.args
                {
                    assert!(
                        line.get(error.span.clone()).is_some(),
                        "ACKCHAT_SEED={seed} {line:?} {error:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_longest_text_and_its_command_fit_into_a_line() {
        let registry = Registry::builtin();
        let name = "n".repeat(32);
        let line = format!("send {name} {}", "t".repeat(TEXT_BYTES_MAX));
        assert!(line.len() <= LINE_BYTES_MAX);
        let Ok(Parsed::Call(call)) = registry.parse(&line, Input::Command) else {
            panic!("no call")
        };
        assert!(call.args.is_ok());
    }
}
