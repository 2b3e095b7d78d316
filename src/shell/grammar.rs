//! A line as it was typed: blanks, an optional `/`, a command word, and the verbatim rest.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1, take_while};
use nom::character::complete::char;
use nom::combinator::opt;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};
use std::ops::Range;

/// A piece of a line and where it stands there, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<'a> {
    /// The piece.
    pub text: &'a str,
    /// Where it stands.
    pub span: Range<usize>,
}

/// What one line asks for, before any word is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing but blanks.
    Blank,
    /// A command word, and where in the line its arguments begin.
    Command(Spanned<'a>, usize),
    /// In a conversation: a message.
    Say(String),
}

/// Whether a line without `/` is a command or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Every line is a command.
    Command,
    /// A line is a message unless it begins with `/`; `//` says `/`.
    Conversation,
}

/// Reads a line. It cannot fail: a word that is no command is found out by whoever looks it up.
#[must_use]
pub fn line(source: &str, input: Input) -> Line<'_> {
    let rest = source.trim_start_matches(is_blank);
    if rest.is_empty() {
        return Line::Blank;
    }
    if input == Input::Conversation {
        if !rest.starts_with('/') {
            return Line::Say(source.to_owned());
        }
        if let Some(text) = rest.strip_prefix("//") {
            return Line::Say(format!("/{text}"));
        }
    }
    let (rest, word) = command_word(rest).unwrap_or((rest, ""));
    let args_at = source.len() - rest.len();
    let span = args_at - word.len()..args_at;
    Line::Command(Spanned { text: word, span }, args_at)
}

/// The next argument from a byte position on: a word, or what stands between two `"`.
///
/// Gives the argument and where the next one may begin; `None` at the end of the line.
#[must_use]
pub fn argument(source: &str, at: usize) -> Option<(Spanned<'_>, usize)> {
    let (start, _) = blanks(source.get(at..)?).ok()?;
    let (rest, word) = quoted_or_bare(start).ok()?;
    let end = source.len() - rest.len();
    let span = source.len() - start.len()..end;
    Some((Spanned { text: word, span }, end))
}

/// The rest of the line from the first non-blank on, byte for byte; `None` if there is nothing.
///
/// One pair of `"` that encloses all of it is removed, so every text can be written: also one
/// that begins with a blank, or that is itself between quotes.
#[must_use]
pub fn rest(source: &str, at: usize) -> Option<Spanned<'_>> {
    let (text, _) = blanks(source.get(at..)?).ok()?;
    let span = source.len() - text.len()..source.len();
    let bare = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let text = bare.unwrap_or(text);
    (!span.is_empty()).then_some(Spanned { text, span })
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn blanks(input: &str) -> IResult<&str, &str> {
    take_while(is_blank).parse(input)
}

fn command_word(input: &str) -> IResult<&str, &str> {
    preceded(opt(tag("/")), take_till(is_blank)).parse(input)
}

fn quoted_or_bare(input: &str) -> IResult<&str, &str> {
    let quoted = delimited(char('"'), take_till(|c| c == '"'), char('"'));
    alt((quoted, take_till1(is_blank))).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_its_first_word_with_or_without_a_slash() {
        for (source, word, span) in [
            ("send bob hi", "send", 0..4),
            ("  /send bob hi", "send", 3..7),
            ("\tsendx", "sendx", 1..6),
            ("/", "", 1..1),
            ("//x", "/x", 1..3),
        ] {
            let Line::Command(found, _) = line(source, Input::Command) else {
                panic!("{source}")
            };
            assert_eq!((found.text, found.span), (word, span), "{source}");
        }
    }

    #[test]
    fn a_blank_line_asks_for_nothing() {
        for source in ["", " ", " \t "] {
            assert_eq!(line(source, Input::Command), Line::Blank);
            assert_eq!(line(source, Input::Conversation), Line::Blank);
        }
    }

    #[test]
    fn in_a_conversation_only_a_slash_begins_a_command() {
        let said = |source| match line(source, Input::Conversation) {
            Line::Say(text) => text,
            other => panic!("{source}: {other:?}"),
        };
        assert_eq!(said("exit is what I said"), "exit is what I said");
        assert_eq!(said("  indented, kept "), "  indented, kept ");
        assert_eq!(said("//etc/hosts"), "/etc/hosts");
        for source in ["/close", "  /close"] {
            let Line::Command(word, _) = line(source, Input::Conversation) else {
                panic!("{source}")
            };
            assert_eq!(word.text, "close");
        }
    }

    #[test]
    fn arguments_are_words_or_stand_between_quotes() {
        let source = "x one \"two  words\" \"open";
        let (one, at) = argument(source, 1).unwrap();
        let (two, at) = argument(source, at).unwrap();
        let (open, at) = argument(source, at).unwrap();
        assert_eq!(
            (one.text, two.text, open.text),
            ("one", "two  words", "\"open")
        );
        assert_eq!(&source[two.span], "\"two  words\"");
        assert_eq!(argument(source, at), None);
    }

    #[test]
    fn the_rest_is_verbatim_and_loses_one_enclosing_pair_of_quotes() {
        for (source, text) in [
            ("x a  b ", "a  b "),
            ("x   send send", "send send"),
            ("x \" a\"", " a"),
            ("x \"\"a\"\"", "\"a\""),
            ("x \"", "\""),
            ("x \"a\" ", "\"a\" "),
            ("x \"\"", ""),
        ] {
            assert_eq!(rest(source, 1).unwrap().text, text, "{source}");
        }
        assert_eq!(rest("x  ", 1), None);
    }
}
