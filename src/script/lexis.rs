//! The words of the language: names, durations, strings, expressions between slashes.

use super::code::Code;
use super::tree::{Template, duration};
use super::wrong::Wrong;
use crate::shell::grammar::Spanned;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1, take_while, take_while_m_n};
use nom::character::complete::{anychar, char};
use nom::combinator::{map, map_opt, not, recognize, value};
use nom::multi::many0_count;
use nom::sequence::{delimited, pair, preceded};
use nom::{IResult, Parser};
use std::ops::Range;
use std::time::Duration;

/// A line being read, and how far.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    line: &'a str,
    at: usize,
}

/// What stands between two `"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoted<'a>(Vec<Chunk<'a>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Chunk<'a> {
    Escaped(char),
    Plain(&'a str),
}

impl<'a> Reader<'a> {
    pub(super) const fn new(line: &'a str, at: usize) -> Self {
        Self { line, at }
    }

    pub(super) const fn line(&self) -> &'a str {
        self.line
    }

    /// How far.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// What is still to be read.
    pub(super) fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Reads what a grammar describes; at something else it stays where it is.
    pub(super) fn take<Output>(
        &mut self,
        mut grammar: impl Parser<&'a str, Output = Output, Error = nom::error::Error<&'a str>>,
    ) -> Option<Output> {
        let (rest, output) = grammar.parse(self.rest()).ok()?;
        self.at = self.line.len() - rest.len();
        Some(output)
    }

    pub(super) fn sign(&mut self, sign: &str) -> bool {
        self.take(tag(sign)).is_some()
    }

    pub(super) fn blanks(&mut self) {
        self.take(take_while(is_blank));
    }

    /// True if nothing but blanks is left.
    pub(super) fn is_done(&self) -> bool {
        self.rest().chars().all(is_blank)
    }

    /// The next word, after blanks.
    pub(super) fn word(&mut self) -> Option<Spanned<'a>> {
        self.blanks();
        let start = self.at;
        let text = self.take(take_till1(is_blank))?;
        let span = start..self.at;
        Some(Spanned { text, span })
    }

    /// From `start` to here.
    pub(super) const fn since(&self, start: usize) -> Range<usize> {
        start..self.at
    }

    /// The place of whatever comes next: a word, or the end of the line.
    pub(super) fn next_place(&self) -> Range<usize> {
        let mut ahead = self.clone();
        match ahead.word() {
            Some(word) => word.span,
            None => self.line.len()..self.line.len(),
        }
    }

    /// A string, of which the opening `"` comes next.
    pub(super) fn quoted(&mut self) -> Result<Quoted<'a>, Wrong> {
        let start = self.at;
        let mut chunks = Vec::new();
        self.sign("\"");
        loop {
            if let Some(chunk) = self.take(chunk) {
                chunks.push(chunk);
                continue;
            }
            if self.sign("\"") {
                return Ok(Quoted(chunks));
            }
            let backslash = self.at;
            if self.sign("\\") && self.take(anychar).is_some() {
                let escape = &self.line[backslash..self.at];
                let message = format!("\"{escape}\" is no escape");
                return Err(Wrong::new(Code::BadValue, backslash..self.at, message)
                    .label("one of: \\\" \\\\ \\n \\t \\e \\u{1f600}"));
            }
            let message = "this string is never closed";
            return Err(
                Wrong::new(Code::UnclosedString, start..self.line.len(), message)
                    .label("opened here"),
            );
        }
    }

    /// An expression, of which the opening `/` comes next; `\/` in it is a `/`.
    pub(super) fn slashed(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        let content = recognize(many0_count(alt((
            value((), tag("\\/")),
            value((), pair(char('\\'), anychar)),
            value((), pair(not(alt((char('/'), char('\\')))), anychar)),
        ))));
        match self.take(delimited(char('/'), content, char('/'))) {
            Some(content) => Ok(content.replace("\\/", "/")),
            None => Err(Wrong::new(
                Code::UnclosedString,
                start..self.line.len(),
                "this expression is never closed",
            )
            .label("opened here")),
        }
    }

    /// A word that has to be a duration.
    pub(super) fn duration(word: &Spanned<'_>) -> Result<Duration, Wrong> {
        duration(word.text).ok_or_else(|| bad_duration(word))
    }
}

pub(super) fn bad_duration(word: &Spanned<'_>) -> Wrong {
    let text = word.text;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let message = if is_number {
        format!("\"{text}\" needs a unit")
    } else {
        format!("\"{text}\" is no duration")
    };
    let label = "a whole number with ms, s, m, h or d";
    Wrong::new(Code::BadDuration, word.span.clone(), message).label(label)
}

impl Quoted<'_> {
    /// As text with variables; what was escaped is itself.
    pub(super) fn template(&self) -> Template {
        let mut template = Template::default();
        for chunk in &self.0 {
            match chunk {
                Chunk::Escaped(c) => template.push_text(c.encode_utf8(&mut [0; 4])),
                Chunk::Plain(text) => template.push(Template::parse(text)),
            }
        }
        template
    }

    /// As text in which `$` is itself.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for chunk in &self.0 {
            match chunk {
                Chunk::Escaped(c) => text.push(*c),
                Chunk::Plain(plain) => text.push_str(plain),
            }
        }
        text
    }
}

fn chunk(input: &str) -> IResult<&str, Chunk<'_>> {
    let plain = take_till1(|c| c == '"' || c == '\\');
    alt((map(plain, Chunk::Plain), map(escape, Chunk::Escaped))).parse(input)
}

fn escape(input: &str) -> IResult<&str, char> {
    let unicode = delimited(
        tag("u{"),
        map_opt(
            take_while_m_n(1, 6, |c: char| c.is_ascii_hexdigit()),
            |digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?),
        ),
        char('}'),
    );
    let named = alt((
        char('"'),
        char('\\'),
        value('\n', char('n')),
        value('\t', char('t')),
        value('\u{1b}', char('e')),
        unicode,
    ));
    preceded(char('\\'), named).parse(input)
}

/// A name of an actor or a variable: a letter, then letters, digits and `_`.
pub(super) fn label(input: &str) -> IResult<&str, &str> {
    let first = |c: char| c.is_ascii_alphabetic();
    let other = |c: char| c.is_ascii_alphanumeric() || c == '_';
    recognize(pair(take_while_m_n(1, 1, first), take_while(other))).parse(input)
}

/// A name of a field, a setting or a kind: as a label, and `-`.
pub(super) fn key(input: &str) -> IResult<&str, &str> {
    let first = |c: char| c.is_ascii_alphabetic();
    let other = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    recognize(pair(take_while_m_n(1, 1, first), take_while(other))).parse(input)
}

/// Everything up to a blank or one of `ends`.
pub(super) fn up_to<'a>(
    ends: &'static [char],
) -> impl Parser<&'a str, Output = &'a str, Error = nom::error::Error<&'a str>> {
    take_till(move |c| is_blank(c) || ends.contains(&c))
}

/// True if a whole word is a label.
pub(super) fn is_label(word: &str) -> bool {
    label(word).is_ok_and(|(rest, _)| rest.is_empty())
}

pub(super) const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_has_escapes_and_variables() {
        for (source, written) in [
            (r#""""#, ""),
            (r#""a $x b""#, "a ${x} b"),
            (r#""\"\\\n\t\e\u{41}\u{1F600}""#, "\"\\\n\t\u{1b}A\u{1f600}"),
            (r#""\u{24}x $$x""#, "$$x $$x"),
        ] {
            let quoted = Reader::new(source, 0).quoted().unwrap();
            assert_eq!(quoted.template().to_string(), written, "{source}");
        }
        let price = Reader::new("\"$5 and $x\"", 0).quoted().unwrap();
        assert_eq!(price.text(), "$5 and $x");
    }

    #[test]
    fn a_string_that_is_wrong_says_where() {
        for (source, code, range) in [
            ("\"open", Code::UnclosedString, 0..5),
            ("\"", Code::UnclosedString, 0..1),
            ("\"a\\", Code::UnclosedString, 0..3),
            ("\"a\\qb\"", Code::BadValue, 2..4),
            ("\"\\u{d800}\"", Code::BadValue, 1..3),
            ("\"\\u{}\"", Code::BadValue, 1..3),
        ] {
            let wrong = Reader::new(source, 0).quoted().unwrap_err();
            assert_eq!((wrong.code, wrong.range), (code, range), "{source}");
        }
    }

    #[test]
    fn an_expression_ends_at_a_slash_that_is_not_escaped() {
        for (source, content, rest) in [
            ("/a b/ x", "a b", " x"),
            (r"/a\/b\\/x", r"a/b\\", "x"),
            ("//", "", ""),
        ] {
            let mut reader = Reader::new(source, 0);
            assert_eq!(reader.slashed().unwrap(), content);
            assert_eq!(reader.rest(), rest);
        }
        assert!(Reader::new(r"/a\/", 0).slashed().is_err());
    }
}
