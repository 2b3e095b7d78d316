//! Arguments: declared by a command, bound from a line, typed and valid from then on.

use super::command::{CommandError, Refusal};
use super::grammar::{self, Spanned};
use crate::client::port::Recipient;
use crate::model::{GroupName, InvalidText, Name, Text};
use crate::secure::Fingerprint;
use crate::wire::packet::Audience;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What an argument is: how it is parsed and documented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of these words.
    Choice(Choices),
    /// The name of a command.
    Command,
    /// How many.
    Count,
    /// A file: the rest of the line.
    File,
    /// Thirty digits, with or without blanks: the rest of the line.
    Fingerprint,
    /// A group; a `#` before it is optional.
    Group,
    /// The first digits of a message's id.
    Id,
    /// A name which has to be one's own.
    Oneself,
    /// A person or program.
    Peer,
    /// The key of a setting.
    Setting,
    /// What the setting before it may be.
    SettingValue,
    /// A person, or `#` and a group.
    Target,
    /// The rest of the line, byte for byte.
    Text,
    /// The name of a command, or of a topic of help.
    Topic,
    /// One word, whatever it is.
    Word,
    /// All words that follow.
    Words,
}

/// What somebody may choose from.
pub type Choices = Arc<[Box<str>]>;

/// Whether an argument may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It may.
    Optional,
    /// It may not.
    Required,
}

/// One declared argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name, in lower case; usage shows it in capitals.
    pub name: Cow<'static, str>,
    /// What it is.
    pub kind: Kind,
    /// Whether it may be left out.
    pub need: Need,
}

/// A person or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `#GROUP`.
    Group(GroupName),
    /// `NAME`.
    Name(Name),
}

impl Target {
    /// The conversation with it.
    #[must_use]
    pub fn recipient(self) -> Recipient {
        match self {
            Self::Group(group) => Recipient::Audience(Audience::Group(group)),
            Self::Name(name) => Recipient::Name(name),
        }
    }
}

/// As it is typed.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => write!(f, "#{group}"),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// The arguments of a command whose words are given, not typed.
pub(super) struct Words<'a>(pub(super) &'a [String], pub(super) usize);

impl Words<'_> {
    /// Where some of them stand in the line that all of them with one blank between them make;
    /// the number is where the first begins.
    pub(super) fn span(&self, which: Range<usize>) -> Range<usize> {
        let length = |words: &[String]| words.iter().map(|word| word.len() + 1).sum::<usize>();
        let start = self.1 + length(&self.0[..which.start]);
        // There is no blank after the last one.
        start..start + length(&self.0[which]).saturating_sub(1)
    }
}

/// The arguments of one line, by the names of their parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    values: Vec<(Cow<'static, str>, Value)>,
    words: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Count(usize),
    Fingerprint(Fingerprint),
    Group(GroupName),
    Peer(Name),
    Target(Target),
    Text(Text),
    Word(String),
}

impl Kind {
    /// One of some words.
    #[must_use]
    pub fn choice(words: &[&str]) -> Self {
        Self::Choice(words.iter().map(|word| (*word).into()).collect())
    }

    /// The word for documents.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Choice(_) => "choice",
            Self::Command => "command",
            Self::Count => "count",
            Self::File => "file",
            Self::Fingerprint => "fingerprint",
            Self::Group => "group",
            Self::Id => "id",
            Self::Oneself => "oneself",
            Self::Peer => "peer",
            Self::Setting => "setting",
            Self::SettingValue => "value",
            Self::Target => "target",
            Self::Text => "text",
            Self::Topic => "topic",
            Self::Word => "word",
            Self::Words => "words",
        }
    }

    pub(super) const fn takes_rest(&self) -> bool {
        matches!(self, Self::File | Self::Fingerprint | Self::Text)
    }
}

impl Param {
    /// As it stands in a usage line: `NAME`, `[NAME]`, `NAME|#GROUP`.
    #[must_use]
    pub fn usage(&self) -> String {
        let word = self.label();
        match self.need {
            Need::Optional => format!("[{word}]"),
            Need::Required => word,
        }
    }

    /// Its name in capitals.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.kind {
            Kind::Choice(words) => words.join("|"),
            Kind::Words => format!("{}..", self.name.to_uppercase()),
            Kind::Target => "NAME|#GROUP".to_owned(),
            _ => self.name.to_uppercase(),
        }
    }
}

impl Args {
    /// Binds what stands in a line from a byte position on to the parameters of a command.
    pub(super) fn bind(params: &[Param], source: &str, at: usize) -> Result<Self, CommandError> {
        let mut at = at;
        let (mut values, mut words) = (Vec::new(), Vec::new());
        for param in params {
            if param.kind == Kind::Words {
                while let Some((word, end)) = grammar::argument(source, at) {
                    words.push(word.text.to_owned());
                    at = end;
                }
                continue;
            }
            let found = if param.kind.takes_rest() {
                grammar::rest(source, at).map(|rest| (rest, source.len()))
            } else {
                grammar::argument(source, at)
            };
            let Some((word, end)) = found else {
                if param.need == Need::Optional {
                    continue;
                }
                let end = source.len()..source.len();
                return Err(Refusal::Missing(param.clone()).at(end));
            };
            values.push((param.name.clone(), value(param, &word)?));
            words.push(word.text.to_owned());
            at = end;
        }
        match grammar::rest(source, at) {
            Some(surplus) => Err(Refusal::Surplus.at(surplus.span)),
            None => Ok(Self { values, words }),
        }
    }

    /// Binds words of which none is to be split. Where the rest of a line stands, it is the rest
    /// of the words with one blank between them.
    pub(super) fn bind_words(params: &[Param], words: &Words<'_>) -> Result<Self, CommandError> {
        let mut at = 0;
        let (mut values, mut given) = (Vec::new(), Vec::new());
        for param in params {
            if words.0.get(at).is_none() {
                if param.need == Need::Optional {
                    continue;
                }
                return Err(Refusal::Missing(param.clone()).at(words.span(at..at)));
            }
            if param.kind == Kind::Words {
                given.extend_from_slice(&words.0[at..]);
                at = words.0.len();
                continue;
            }
            let end = if param.kind.takes_rest() {
                words.0.len()
            } else {
                at + 1
            };
            let text = words.0[at..end].join(" ");
            let span = words.span(at..end);
            let spanned = Spanned { text: &text, span };
            values.push((param.name.clone(), value(param, &spanned)?));
            given.push(text);
            at = end;
        }
        if at < words.0.len() {
            return Err(Refusal::Surplus.at(words.span(at..words.0.len())));
        }
        let words = given;
        Ok(Self { values, words })
    }

    /// All of them in order, as they were typed.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// A number.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<usize> {
        match self.find(name)? {
            Value::Count(count) => Some(*count),
            _ => None,
        }
    }

    /// A fingerprint.
    #[must_use]
    pub fn fingerprint(&self, name: &str) -> Option<Fingerprint> {
        match self.find(name)? {
            Value::Fingerprint(fingerprint) => Some(*fingerprint),
            _ => None,
        }
    }

    /// A group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&GroupName> {
        match self.find(name)? {
            Value::Group(group) => Some(group),
            _ => None,
        }
    }

    /// A person or program.
    #[must_use]
    pub fn peer(&self, name: &str) -> Option<&Name> {
        match self.find(name)? {
            Value::Peer(peer) => Some(peer),
            _ => None,
        }
    }

    /// A person or a group.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Target> {
        match self.find(name)? {
            Value::Target(target) => Some(target),
            _ => None,
        }
    }

    /// A text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&Text> {
        match self.find(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A word as it was typed.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&str> {
        match self.find(name)? {
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    fn find(&self, name: &str) -> Option<&Value> {
        let (_, value) = self.values.iter().find(|(param, _)| *param == name)?;
        Some(value)
    }
}

fn value(param: &Param, word: &Spanned<'_>) -> Result<Value, CommandError> {
    let at = |refusal: Refusal| refusal.at(word.span.clone());
    match &param.kind {
        Kind::Choice(words) if !words.iter().any(|one| **one == *word.text) => {
            Err(at(Refusal::NoChoice(words.clone())))
        }
        Kind::Choice(_)
        | Kind::Command
        | Kind::File
        | Kind::Oneself
        | Kind::Setting
        | Kind::SettingValue
        | Kind::Topic
        | Kind::Word
        | Kind::Words => Ok(Value::Word(word.text.to_owned())),
        Kind::Count => match word.text.parse() {
            Ok(count @ 1..) => Ok(Value::Count(count)),
            _ => Err(at(Refusal::NoCount)),
        },
        Kind::Id => {
            let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            let id = (4..=32).contains(&word.text.len()) && word.text.chars().all(digit);
            let word = Value::Word(word.text.to_owned());
            id.then_some(word).ok_or_else(|| at(Refusal::NoId))
        }
        Kind::Fingerprint => match word.text.parse() {
            Ok(fingerprint) => Ok(Value::Fingerprint(fingerprint)),
            Err(_) => Err(at(Refusal::NoFingerprint)),
        },
        Kind::Group => {
            group(word.text.strip_prefix('#').unwrap_or(word.text), &word.span).map(Value::Group)
        }
        // A word that is no name is nobody's name.
        Kind::Peer => match word.text.parse() {
            Ok(name) => Ok(Value::Peer(name)),
            Err(_) => Err(at(Refusal::UnknownPeer)),
        },
        Kind::Target => match (word.text.strip_prefix('#'), word.text.parse()) {
            (Some(name), _) => group(name, &word.span).map(|g| Value::Target(Target::Group(g))),
            (None, Ok(name)) => Ok(Value::Target(Target::Name(name))),
            (None, Err(_)) => Err(at(Refusal::UnknownPeer)),
        },
        Kind::Text => match word.text.parse() {
            Ok(text) => Ok(Value::Text(text)),
            Err(InvalidText::Empty) => Err(at(Refusal::EmptyText(param.clone()))),
            Err(InvalidText::Long) => Err(Refusal::LongText.at(0..0)),
        },
    }
}

fn group(word: &str, span: &Range<usize>) -> Result<GroupName, CommandError> {
    word.parse()
        .map_err(|why| Refusal::BadGroupName(why).at(span.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InvalidName;
    use crate::model::limits::TEXT_BYTES_MAX;

    const NAME: Param = Param {
        name: Cow::Borrowed("name"),
        kind: Kind::Peer,
        need: Need::Required,
    };
    const GROUP: Param = Param {
        name: Cow::Borrowed("group"),
        kind: Kind::Group,
        need: Need::Required,
    };
    const TEXT: Param = Param {
        name: Cow::Borrowed("text"),
        kind: Kind::Text,
        need: Need::Required,
    };
    const TARGET: Param = Param {
        name: Cow::Borrowed("target"),
        kind: Kind::Target,
        need: Need::Required,
    };
    const DIGITS: Param = Param {
        name: Cow::Borrowed("fingerprint"),
        kind: Kind::Fingerprint,
        need: Need::Required,
    };
    const SELF: Param = Param {
        name: Cow::Borrowed("name"),
        kind: Kind::Oneself,
        need: Need::Optional,
    };

    fn bind(params: &[Param], source: &str) -> Result<Args, Refusal> {
        Args::bind(params, source, 1).map_err(|error| error.refusal)
    }

    #[test]
    fn a_text_is_what_stands_after_the_name() {
        let args = bind(&[NAME, TEXT], "x bob  hi  there ").unwrap();
        assert_eq!(args.peer("name").unwrap().as_str(), "bob");
        assert_eq!(args.text("text").unwrap().as_str(), "hi  there ");
        assert_eq!(args.text("name"), None);
        assert_eq!(args.peer("nothing"), None);
    }

    #[test]
    fn missing_and_surplus_arguments_are_told_where_they_are() {
        let error = Args::bind(&[NAME, TEXT], "send bob ", 4).unwrap_err();
        assert_eq!((error.refusal, error.span), (Refusal::Missing(TEXT), 9..9));
        let error = Args::bind(&[GROUP], "join_group a b c", 10).unwrap_err();
        assert_eq!((error.refusal, error.span), (Refusal::Surplus, 13..16));
        assert_eq!(bind(&[SELF], "x"), Ok(Args::default()));
        assert_eq!(bind(&[TEXT], "x \"\""), Err(Refusal::EmptyText(TEXT)));
    }

    #[test]
    fn a_text_of_64_kib_is_taken_and_one_byte_more_is_refused() {
        let line = |bytes: usize| format!("x {}", "t".repeat(bytes));
        for bytes in [TEXT_BYTES_MAX - 1, TEXT_BYTES_MAX] {
            let args = bind(&[TEXT], &line(bytes)).unwrap();
            assert_eq!(args.text("text").unwrap().as_str().len(), bytes);
        }
        assert_eq!(
            bind(&[TEXT], &line(TEXT_BYTES_MAX + 1)),
            Err(Refusal::LongText)
        );
    }

    #[test]
    fn a_group_may_have_a_hash_sign_and_must_be_a_name() {
        for source in ["x lounge", "x #lounge"] {
            let args = bind(&[GROUP], source).unwrap();
            assert_eq!(args.group("group").unwrap().as_str(), "lounge");
        }
        let why = InvalidName::Character(';');
        assert_eq!(bind(&[GROUP], "x roomB;"), Err(Refusal::BadGroupName(why)));
        assert_eq!(
            bind(&[TARGET], "x #a/b"),
            Err(Refusal::BadGroupName(InvalidName::Character('/')))
        );
    }

    #[test]
    fn a_target_is_a_name_or_a_group() {
        let target = |source| bind(&[TARGET], source).unwrap().target("target").cloned();
        assert_eq!(target("x bob"), Some(Target::Name("bob".parse().unwrap())));
        assert_eq!(
            target("x #bob"),
            Some(Target::Group("bob".parse().unwrap()))
        );
        assert_eq!(bind(&[TARGET], "x b;b"), Err(Refusal::UnknownPeer));
    }

    #[test]
    fn a_fingerprint_is_thirty_digits_with_or_without_blanks() {
        let blanks = "05037 56379 02392 06913 53773 54517";
        let with = bind(&[NAME, DIGITS], &format!("x bob {blanks}")).unwrap();
        let without = bind(
            &[NAME, DIGITS],
            &format!("x bob {}", blanks.replace(' ', "")),
        )
        .unwrap();
        for args in [with, without] {
            let digits = args.fingerprint("fingerprint").unwrap();
            assert_eq!(digits.to_string(), blanks);
        }
        assert_eq!(
            bind(&[NAME, DIGITS], "x bob 12345"),
            Err(Refusal::NoFingerprint)
        );
    }
}
