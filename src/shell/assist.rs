//! What the editor asks while somebody types: completion, hints and colours, from the registry of
//! commands and from what the client knows at this moment. Nothing is asked of the network.

use super::args::{Kind, Param, Target};
use super::command::{Command, Context};
use super::editor;
use super::grammar::{self, Input, Line};
use super::settings::{self, Look, SETTINGS, Switch};
use super::topics::TOPICS;
use crate::client::view::Entry;
use crate::model::{GroupName, MessageId, Name};
use crate::wire::row::Status;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::history::SearchDirection;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Looks at the shell for the time of one question.
#[derive(Clone, Copy, Debug)]
pub struct Assist<'a> {
    /// Commands, names, groups and the mode.
    pub cx: Context<'a>,
    /// Whom lines are for.
    pub conversation: Option<&'a Target>,
    /// Who was written with last, the latest first.
    pub recent: &'a [Name],
    /// Messages that nobody has confirmed.
    pub unconfirmed: &'a BTreeSet<MessageId>,
    /// The paths that begin so; the shell itself knows no files.
    pub files: Option<fn(&str) -> Vec<String>>,
    /// How it looks.
    pub look: Look,
    /// Whether the text is coloured; hints are dim in any case, or they would look typed.
    pub colours: Colours,
}

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// There are none.
    Off,
    /// There are.
    On,
}

/// Grey text after the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    display: String,
    /// What the right arrow puts into the line.
    completion: Option<String>,
}

/// A place in a line where something may follow.
struct Slot<'a> {
    /// Where the word at the cursor begins.
    start: usize,
    /// The argument before it.
    before: Option<&'a str>,
    expected: Expected<'a>,
}

enum Expected<'a> {
    Command,
    /// An argument; `true`: others follow it.
    Argument(&'a Command, &'a Param, bool),
    /// The text of a message.
    Text,
}

/// A candidate: what it is, what is said about it, and what stands in the line for it.
struct Candidate {
    word: String,
    remark: &'static str,
}

const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";
/// What an empty line says to somebody who has never typed one.
const FIRST_HINT: &str = "help lists what one can type";

impl Assist<'_> {
    /// What may follow, as lines, if a line ends with a lone `?` where a word is expected.
    /// In a text a `?` is a part of it.
    #[must_use]
    pub fn answer(&self, line: &str) -> Option<String> {
        let before = line.trim_end().strip_suffix('?')?;
        let slot = self.slot(before)?;
        let head = self.head(&slot, before)?;
        let candidates = self.candidates(&slot, before.get(slot.start..)?);
        let rows = candidates
            .iter()
            .map(|found| format!("    {}", found.display()));
        let rows: Vec<String> = std::iter::once(head).chain(rows).collect();
        Some(rows.join("\n"))
    }

    /// What is expected at the end of a line, in words; nothing if a `?` there may be meant.
    fn head(&self, slot: &Slot<'_>, line: &str) -> Option<String> {
        let word = line.get(slot.start..)?;
        if !word.is_empty() && self.candidates(slot, word).is_empty() {
            return None;
        }
        match slot.expected {
            Expected::Argument(_, param, _)
                if matches!(param.kind, Kind::File | Kind::Fingerprint | Kind::Text) =>
            {
                None
            }
            Expected::Argument(command, param, _) => {
                Some(format!("  {} of {}:", param.label(), command.usage()))
            }
            Expected::Command => Some("  a command:".to_owned()),
            Expected::Text => None,
        }
    }

    /// What is expected at the end of a text.
    fn slot<'t>(&'t self, text: &'t str) -> Option<Slot<'t>> {
        let input = match self.conversation {
            Some(_) => Input::Conversation,
            None => Input::Command,
        };
        let (word, args_at) = match grammar::line(text, input) {
            Line::Blank if self.conversation.is_some() => return None,
            Line::Blank => {
                return Some(Slot {
                    start: text.len(),
                    before: None,
                    expected: Expected::Command,
                });
            }
            Line::Command(word, args_at) => (word, args_at),
            Line::Say(_) => return Some(word_of_text(text)),
        };
        if args_at == text.len() {
            return Some(Slot {
                start: word.span.start,
                before: None,
                expected: Expected::Command,
            });
        }
        let command = self.cx.registry.find(word.text)?;
        argument_slot(command, text, args_at)
    }

    fn candidates(&self, slot: &Slot<'_>, word: &str) -> Vec<Candidate> {
        match slot.expected {
            Expected::Command => self.commands(word),
            Expected::Argument(_, param, _) if param.kind == Kind::SettingValue => {
                let setting = slot.before.and_then(settings::find);
                matching(setting_values(setting), word, "")
            }
            Expected::Argument(_, param, _) => self.arguments(&param.kind, word),
            Expected::Text => match word.strip_prefix('@') {
                Some(name) => matching(self.names(), name, "@"),
                None => Vec::new(),
            },
        }
    }

    /// Those that are valid now come first; an alias only where no name fits.
    fn commands(&self, word: &str) -> Vec<Candidate> {
        let (mut valid, mut later) = (Vec::new(), Vec::new());
        for command in self.cx.registry.all() {
            let is_valid = command.is_valid(&self.cx.view.mode, self.cx.settings);
            let (list, remark) = if is_valid {
                (&mut valid, "")
            } else {
                (&mut later, "not now")
            };
            list.push((command, remark));
        }
        let all = || valid.iter().chain(&later).copied();
        let names = all().map(|(command, remark)| (command.name.to_string(), remark));
        let begins = |name: &str| begins(name, word);
        if !word.is_empty() && !all().any(|(command, _)| begins(&command.name)) {
            let aliases: Vec<Candidate> = all()
                .flat_map(|(command, remark)| command.aliases.iter().map(move |a| (*a, remark)))
                .filter(|(alias, _)| begins(alias))
                .map(|(alias, remark)| Candidate::new(alias, remark))
                .collect();
            if !aliases.is_empty() {
                return aliases;
            }
        }
        matching(names, word, "")
    }

    fn arguments(&self, kind: &Kind, word: &str) -> Vec<Candidate> {
        match kind {
            Kind::Command => self.commands(word.trim_start_matches('/')),
            Kind::Topic => {
                let topics = TOPICS.iter().map(|topic| (topic.word.to_owned(), "topic"));
                let mut all = self.commands(word.trim_start_matches('/'));
                all.extend(matching(topics, word, ""));
                all
            }
            Kind::Choice(words) => {
                let words = words.iter().map(|choice| (choice.to_string(), ""));
                matching(words, word, "")
            }
            Kind::Setting => {
                let remark = |when| match when {
                    settings::When::Live => "",
                    settings::When::Start => "at the start only",
                };
                let row = |s: &settings::Setting| (s.key.to_owned(), remark(s.when));
                matching(SETTINGS.iter().map(row), word, "")
            }
            Kind::File => {
                let found = self.files.map_or_else(Vec::new, |files| files(word));
                let found = found.into_iter();
                found.map(|path| Candidate::new(&path, "")).collect()
            }
            Kind::Id => {
                let ids = self.unconfirmed.iter().map(ToString::to_string);
                let ids = ids.filter(|id| id.starts_with(word));
                ids.map(|id| Candidate::new(&id, "")).collect()
            }
            // Thirty digits are to be compared, not to be completed.
            Kind::Count
            | Kind::Fingerprint
            | Kind::SettingValue
            | Kind::Text
            | Kind::Word
            | Kind::Words => Vec::new(),
            Kind::Group => {
                let bare = word.strip_prefix('#');
                let sign = if bare.is_some() { "#" } else { "" };
                matching(self.groups(), bare.unwrap_or(word), sign)
            }
            Kind::Oneself => {
                let own = (self.cx.view.name.to_string(), "");
                matching(std::iter::once(own), word, "")
            }
            Kind::Peer => matching(self.names(), word, ""),
            Kind::Target => match word.strip_prefix('#') {
                Some(group) => matching(self.groups(), group, "#"),
                None if word.is_empty() => {
                    let mut all = matching(self.names(), "", "");
                    all.extend(matching(self.groups(), "", "#"));
                    all
                }
                None => matching(self.names(), word, ""),
            },
        }
    }

    /// Everybody else: those who are here first, and of them those who were written with last.
    fn names(&self) -> impl Iterator<Item = (String, &'static str)> + use<'_> {
        let view = self.cx.view;
        let others = view.table.iter().filter(|(name, _)| **name != view.name);
        let mut others: Vec<(&Name, &Entry)> = others.collect();
        let age = |name: &Name| {
            let found = self.recent.iter().position(|recent| recent == name);
            found.unwrap_or(usize::MAX)
        };
        others.sort_by_key(|(name, entry)| (entry.status != Status::Online, age(name)));
        let row = |(name, entry): (&Name, &Entry)| (name.to_string(), status_word(entry.status));
        others.into_iter().map(row)
    }

    /// The group one is in first.
    fn groups(&self) -> impl Iterator<Item = (String, &'static str)> + use<'_> {
        let groups = self.cx.view.groups.iter();
        groups.map(|group: &GroupName| (group.to_string(), ""))
    }

    /// The arguments that are still missing, in grey.
    fn missing(&self, text: &str) -> Option<String> {
        let input = match self.conversation {
            Some(_) => Input::Conversation,
            None => Input::Command,
        };
        let Line::Command(word, args_at) = grammar::line(text, input) else {
            return None;
        };
        let command = self.cx.registry.find(word.text)?;
        if args_at == text.len() {
            let usage: Vec<String> = command.params.iter().map(Param::usage).collect();
            return (!usage.is_empty()).then(|| format!(" {}", usage.join(" ")));
        }
        let slot = argument_slot(command, text, args_at)?;
        let Expected::Argument(_, param, _) = slot.expected else {
            return None;
        };
        if slot.start < text.len() {
            return None;
        }
        let after = command.params.iter().skip_while(|other| *other != param);
        let usage: Vec<String> = after.map(Param::usage).collect();
        Some(usage.join(" "))
    }
}

impl Completer for Assist<'_> {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Some(slot) = line.get(..pos).and_then(|text| self.slot(text)) else {
            return Ok((pos, Vec::new()));
        };
        let word = line.get(slot.start..pos).unwrap_or_default();
        let more = match slot.expected {
            Expected::Command | Expected::Text => true,
            Expected::Argument(_, _, more) => more,
        };
        // A blank only where the cursor is at the end: elsewhere one stands there already.
        let end = if more && pos == line.len() { " " } else { "" };
        let found = self.candidates(&slot, word).into_iter().map(|found| Pair {
            display: found.display(),
            replacement: match &slot.expected {
                Expected::Command if !self.takes_arguments(&found.word) => found.word,
                _ => found.word + end,
            },
        });
        Ok((slot.start, found.collect()))
    }
}

impl Assist<'_> {
    fn takes_arguments(&self, word: &str) -> bool {
        let command = self.cx.registry.find(word);
        command.is_some_and(|command| !command.params.is_empty())
    }
}

impl editor::Assist for Assist<'_> {
    fn question(&self, line: &str) -> Option<String> {
        let slot = self.slot(line)?;
        self.head(&slot, line)
    }
}

impl Hinter for Assist<'_> {
    type Hint = Suggestion;

    fn hint(&self, line: &str, pos: usize, cx: &rustyline::Context<'_>) -> Option<Suggestion> {
        if self.look.hints == Switch::Off || pos < line.len() || line.contains('\n') {
            return None;
        }
        if line.is_empty() {
            let is_first = cx.history().is_empty() && self.conversation.is_none();
            return is_first.then(|| Suggestion::only(FIRST_HINT.to_owned()));
        }
        if let Some(missing) = self.missing(line) {
            return Some(Suggestion::only(missing));
        }
        let is_message = self.conversation.is_some() && !line.trim_start().starts_with('/');
        if is_message {
            return None;
        }
        let newest = cx.history().len().checked_sub(1)?;
        let found = cx
            .history()
            .starts_with(line, newest, SearchDirection::Reverse);
        let entry = found.ok().flatten()?.entry;
        let rest = entry.strip_prefix(line).filter(|rest| !rest.is_empty())?;
        let first_row = rest.lines().next()?.to_owned();
        Some(Suggestion {
            display: first_row,
            completion: Some(rest.to_owned()),
        })
    }
}

impl Highlighter for Assist<'_> {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        let input = match self.conversation {
            Some(_) => Input::Conversation,
            None => Input::Command,
        };
        let Line::Command(word, args_at) = grammar::line(line, input) else {
            return Cow::Borrowed(line);
        };
        let tone = match self.cx.registry.find(word.text) {
            _ if self.colours == Colours::Off => return Cow::Borrowed(line),
            Some(command) if command.is_valid(&self.cx.view.mode, self.cx.settings) => BOLD,
            // A word that is not yet whole is not yet wrong.
            None if args_at == line.len() => return Cow::Borrowed(line),
            Some(_) | None => RED,
        };
        let (before, rest) = line.split_at(word.span.start);
        let (word, after) = rest.split_at(word.text.len());
        Cow::Owned(format!("{before}{tone}{word}{RESET}{after}"))
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("{DIM}{hint}{RESET}"))
    }
}

impl Suggestion {
    const fn only(display: String) -> Self {
        Self {
            display,
            completion: None,
        }
    }
}

impl Hint for Suggestion {
    fn display(&self) -> &str {
        &self.display
    }

    fn completion(&self) -> Option<&str> {
        self.completion.as_deref()
    }
}

impl Candidate {
    fn new(word: &str, remark: &'static str) -> Self {
        Self {
            word: word.to_owned(),
            remark,
        }
    }

    fn display(&self) -> String {
        if self.remark.is_empty() {
            return self.word.clone();
        }
        format!("{}  {}", self.word, self.remark)
    }
}

/// Which argument the end of a line belongs to.
fn argument_slot<'a>(command: &'a Command, text: &'a str, args_at: usize) -> Option<Slot<'a>> {
    let mut at = args_at;
    let mut before = None;
    for (index, param) in command.params.iter().enumerate() {
        if param.kind == Kind::Text {
            return Some(word_of_text(text)).map(|slot| match grammar::rest(text, at) {
                Some(_) => slot,
                None => Slot {
                    start: text.len(),
                    before,
                    expected: Expected::Argument(command, param, false),
                },
            });
        }
        let more = index + 1 < command.params.len();
        let expected = Expected::Argument(command, param, more);
        match grammar::argument(text, at) {
            None => {
                return Some(Slot {
                    start: text.len(),
                    before,
                    expected,
                });
            }
            Some((word, end)) if end == text.len() => {
                return Some(Slot {
                    start: word.span.start,
                    before,
                    expected,
                });
            }
            Some((word, end)) => {
                before = Some(word.text);
                at = end;
            }
        }
    }
    None
}

/// The word of a text at its end.
fn word_of_text(text: &str) -> Slot<'static> {
    let blank = text.rfind([' ', '\t', '\n']);
    Slot {
        start: blank.map_or(0, |blank| blank + 1),
        before: None,
        expected: Expected::Text,
    }
}

/// Those that begin as the word; if there are none those that hold its letters in their order.
fn matching<I>(all: I, word: &str, sign: &str) -> Vec<Candidate>
where
    I: Iterator<Item = (String, &'static str)>,
{
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (candidate, remark) in all {
        let fits = if begins(&candidate, word) {
            &mut first
        } else if holds(&candidate, word) {
            &mut second
        } else {
            continue;
        };
        fits.push(Candidate {
            word: format!("{sign}{candidate}"),
            remark,
        });
    }
    if first.is_empty() { second } else { first }
}

fn setting_values(
    setting: Option<&'static settings::Setting>,
) -> impl Iterator<Item = (String, &'static str)> {
    let words = match setting.map(|setting| setting.kind) {
        Some(settings::Kind::Choice(words)) => words,
        _ => &[],
    };
    words.iter().map(|word| ((*word).to_owned(), ""))
}

/// Without regard to case; names are ASCII.
fn begins(candidate: &str, word: &str) -> bool {
    let begin = candidate.get(..word.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

fn holds(candidate: &str, word: &str) -> bool {
    let mut letters = candidate.chars();
    let mut find = |c: char| letters.any(|letter| letter.eq_ignore_ascii_case(&c));
    word.chars().count() > 1 && word.chars().all(&mut find)
}

const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Away => "away",
        Status::Left | Status::Released | Status::Silent | Status::TimedOut => "offline",
        Status::Online => "online",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Mode, View};
    use crate::shell::asked::Asker;
    use crate::shell::interpret::tests::{SETTINGS, group, name, view};
    use crate::shell::registry::Registry;
    use rustyline::history::{FileHistory, History as _};

    struct Story {
        registry: Registry,
        view: View,
        conversation: Option<Target>,
        history: FileHistory,
        recent: Vec<Name>,
        unconfirmed: BTreeSet<MessageId>,
    }

    impl Story {
        fn new(mode: Mode) -> Self {
            Self {
                registry: Registry::builtin(),
                view: view(mode),
                conversation: None,
                history: FileHistory::new(),
                recent: Vec::new(),
                unconfirmed: BTreeSet::new(),
            }
        }

        fn with<T>(&self, ask: impl FnOnce(&Assist<'_>, &rustyline::Context<'_>) -> T) -> T {
            let cx = Context {
                view: &self.view,
                settings: &SETTINGS,
                registry: &self.registry,
                asker: Asker::Terminal,
            };
            let assist = Assist {
                cx,
                conversation: self.conversation.as_ref(),
                recent: &self.recent,
                unconfirmed: &self.unconfirmed,
                files: Some(|begin| vec![format!("{begin}.txt")]),
                look: Look::default(),
                colours: Colours::On,
            };
            ask(&assist, &rustyline::Context::new(&self.history))
        }

        /// What Tab makes of a line, or lists.
        fn tab(&self, line: &str) -> String {
            let (start, found) = self
                .with(|assist, cx| assist.complete(line, line.len(), cx))
                .unwrap();
            match &found[..] {
                [one] => format!("{}{}", &line[..start], one.replacement),
                many => {
                    let list: Vec<&str> = many.iter().map(|pair| pair.display.as_str()).collect();
                    list.join(", ")
                }
            }
        }

        fn hint(&self, line: &str) -> String {
            let hint = self.with(|assist, cx| assist.hint(line, line.len(), cx));
            hint.map_or(String::new(), |hint| hint.display)
        }
    }

    #[test]
    fn tab_knows_commands_people_groups_and_texts() {
        let story = Story::new(Mode::Normal);
        for (line, expected) in [
            ("tab", "table "),
            ("/tab", "/table "),
            ("lea", "leave_group"),
            ("msg", "msg "),
            ("se", "send, send_all, set, session, send_group  not now"),
            ("SEND_A", "send_all "),
            ("send ", "bob  online, Carol  away, dave  offline"),
            ("send b", "send bob "),
            ("send c", "send Carol "),
            ("send rl", "send Carol "),
            ("send bob hi @d", "send bob hi @dave "),
            ("send bob d", ""),
            ("table b", "table bob"),
            ("join l", "join lounge"),
            ("join #", "join #lounge"),
            ("open ", "bob  online, Carol  away, dave  offline, #lounge"),
            ("open #l", "open #lounge"),
            ("dereg ", "dereg alice"),
            ("help cre", "help create_group"),
            ("trust bob 0", ""),
            ("export bob talk", "export bob talk.txt"),
            ("set por", "set port "),
            ("cancel ", ""),
            ("set ti", "set time "),
            ("set time s", "set time short"),
            ("frobnicate x", ""),
            ("list_groups ", ""),
            ("zz", ""),
        ] {
            assert_eq!(story.tab(line), expected, "{line:?}");
        }
        let all = story.tab("");
        assert!(all.starts_with("send, send_all, cancel"), "{all}");
        assert!(all.find("help").unwrap() < all.find("send_group").unwrap());
    }

    #[test]
    fn those_written_with_last_come_first_among_those_who_are_here_and_among_the_others() {
        let mut story = Story::new(Mode::Normal);
        let mut zoe = story.view.table[&name("bob")].clone();
        zoe.address = None;
        story.view.table.insert(name("zoe"), zoe);
        story.recent = ["dave", "zoe", "gone"].map(name).to_vec();
        let people = "zoe  online, bob  online, dave  offline, Carol  away";
        assert_eq!(story.tab("send "), people);
    }

    #[test]
    fn tab_knows_the_ids_of_messages_that_can_still_be_given_up() {
        let mut story = Story::new(Mode::Normal);
        story.unconfirmed = [MessageId(0xab << 120), MessageId(0xac << 120)].into();
        let zeros = "0".repeat(30);
        assert_eq!(story.tab("cancel "), format!("ab{zeros}, ac{zeros}"));
        assert_eq!(story.tab("cancel ab"), format!("cancel ab{zeros}"));
    }

    #[test]
    fn tab_in_the_middle_of_a_line_adds_no_second_blank() {
        let story = Story::new(Mode::Normal);
        let (start, found) = story
            .with(|assist, cx| assist.complete("send b hi", 6, cx))
            .unwrap();
        assert_eq!((start, found[0].replacement.as_str()), (5, "bob"));
    }

    #[test]
    fn in_a_conversation_tab_completes_commands_after_a_slash_and_names_after_an_at_sign() {
        let mut story = Story::new(Mode::Normal);
        story.conversation = Some(Target::Name(name("bob")));
        assert_eq!(story.tab("/clo"), "/close");
        assert_eq!(story.tab("hello @ca"), "hello @Carol ");
        assert_eq!(story.tab("send"), "");
        assert_eq!(story.tab(""), "");
        assert_eq!(story.hint("send "), "");
        assert_eq!(story.hint("/send "), "NAME TEXT");
    }

    #[test]
    fn what_is_missing_stands_in_grey() {
        let mut story = Story::new(Mode::Group(group("lounge")));
        assert_eq!(story.hint(""), FIRST_HINT);
        story.history.add("send bob lunch?").unwrap();
        story.history.add("send bob are you\nthere?").unwrap();
        for (line, hint) in [
            ("", ""),
            ("send", " NAME TEXT"),
            ("send ", "NAME TEXT"),
            ("send bob ", "TEXT"),
            ("send bob", " are you"),
            ("send bob l", "unch?"),
            ("sen", "d bob are you"),
            ("table ", "[NAME]"),
            ("list_groups", ""),
            ("list_groups ", ""),
            ("nothing", ""),
        ] {
            assert_eq!(story.hint(line), hint, "{line:?}");
        }
    }

    #[test]
    fn a_lone_question_mark_lists_what_may_follow_but_not_in_a_text() {
        let story = Story::new(Mode::Normal);
        let answer = |line: &str| story.with(|assist, _| assist.answer(line));
        assert_eq!(
            answer("send ?").unwrap(),
            "  NAME of send NAME TEXT:\n    bob  online\n    Carol  away\n    dave  offline"
        );
        assert!(answer("?").unwrap().starts_with("  a command:\n    send\n"));
        assert!(answer("join ? ").unwrap().ends_with("    lounge"));
        for line in [
            "send bob ?",
            "send bob what ?",
            "send_all ?",
            "export bob ?",
            "list_groups ?",
            "x ?",
            "xyz?",
        ] {
            assert_eq!(answer(line), None, "{line}");
            let before = line.strip_suffix('?').unwrap();
            let asked = story.with(|assist, _| editor::Assist::question(assist, before));
            assert_eq!(asked, None, "{line}");
        }
        let asked = story.with(|assist, _| editor::Assist::question(assist, "se"));
        assert_eq!(asked.unwrap(), "  a command:");
        assert!(
            answer("se?")
                .unwrap()
                .starts_with("  a command:\n    send\n")
        );
    }

    #[test]
    fn colours_never_change_the_text() {
        let story = Story::new(Mode::Normal);
        for (line, drawn) in [
            ("send bob hi", "\x1b[1msend\x1b[0m bob hi"),
            (" /table", " /\x1b[1mtable\x1b[0m"),
            ("sned bob", "\x1b[31msned\x1b[0m bob"),
            ("sne", "sne"),
            ("send_group x", "\x1b[31msend_group\x1b[0m x"),
            ("", ""),
        ] {
            let found = story.with(|assist, _| assist.highlight(line, 0).into_owned());
            assert_eq!(found, drawn);
        }
    }

    #[test]
    fn no_line_makes_it_panic() {
        let mut story = Story::new(Mode::Normal);
        let pieces = [
            "send", " ", "\"", "bob", "@", "#", "é", "日", "/", "\n", "\t", "?", "trust",
        ];
        for round in 0..pieces.len().pow(4) {
            let mut rest = round;
            let mut line = String::new();
            for _ in 0..4 {
                line += pieces[rest % pieces.len()];
                rest /= pieces.len();
            }
            let target = Target::Name(name("bob"));
            story.conversation = (round % 2 == 0).then_some(target);
            for pos in (0..=line.len()).filter(|pos| line.is_char_boundary(*pos)) {
                let (start, found) = story.with(|assist, cx| {
                    assist.hint(&line, pos, cx);
                    assist.highlight(&line, pos);
                    let answer = assist.answer(&line);
                    assert!(answer.is_none_or(|answer| answer.starts_with("  ")));
                    assist.complete(&line, pos, cx).unwrap()
                });
                assert!(
                    start <= pos && line.is_char_boundary(start),
                    "{line:?} {pos}"
                );
                assert!(found.len() < 100);
            }
        }
    }
}
