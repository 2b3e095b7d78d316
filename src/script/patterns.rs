//! What stands after `<` and `?`: a say, a shown line, or a kind with its matches.

use super::code::Code;
use super::lexis::{self, Reader, is_blank};
use super::tree::{Match, Pattern, Relation, Span, Template, Value};
use super::wrong::{Wrong, did_you_mean};
use crate::model::{GroupName, Name};
use crate::shell::fields::{Field, KINDS, Kind, QUERIES, Takes};
use crate::shell::grammar::{self, Spanned};
use crate::shell::pattern::regex;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::value;
use nom::sequence::preceded;
use std::ops::Range;

/// How many records fit: a field of every query.
const COUNT: Field = Field {
    name: "count",
    takes: Takes::Number,
};

/// What follows `<`, `<<` and `!<`.
pub(super) fn see(mut reader: Reader<'_>, line: Span) -> Result<Pattern, Wrong> {
    let start = reader.at();
    if reader.rest().starts_with('[') {
        return Ok(shown(&reader, line));
    }
    let Some(word) = reader.word() else {
        let missing = "what is to be seen is missing";
        return Err(Wrong::new(Code::BadArguments, start..start, missing)
            .label("an event, NAME: text, or [a line as it is shown]"));
    };
    if word.text.starts_with('#') || word.text.ends_with(':') {
        return say(&mut reader, word, line);
    }
    let kind = Kind::of(word.text).ok_or_else(|| unknown_event(&word))?;
    let matches = matches(&mut reader, kind, None, line)?;
    let kind = kind.name.to_owned();
    Ok(Pattern { kind, matches })
}

/// `from=bob text~"*urgent*"`: what the fields of a fact of this kind have to be.
///
/// # Errors
/// It is not that: where, and why.
pub fn conditions(kind: &Kind, source: &str) -> Result<Pattern, (Range<usize>, String)> {
    let found = matches(&mut Reader::new(source, 0), kind, None, Span::default());
    let matches = found.map_err(|wrong| (wrong.range.clone(), wrong.words()))?;
    let kind = kind.name.to_owned();
    Ok(Pattern { kind, matches })
}

/// What follows `?` and `!?`.
pub(super) fn ask(mut reader: Reader<'_>, line: Span) -> Result<Pattern, Wrong> {
    let start = reader.at();
    let Some(word) = reader.word() else {
        let missing = "what is to be asked is missing";
        let all = list(QUERIES.iter().map(|kind| kind.name));
        let label = format!("one of: {all}");
        return Err(Wrong::new(Code::BadArguments, start..start, missing).label(label));
    };
    let kind = Kind::of_query(word.text).ok_or_else(|| {
        let names = || QUERIES.iter().map(|kind| kind.name);
        let message = format!("\"{}\" cannot be asked", word.text);
        Wrong::new(Code::UnknownQuery, word.span.clone(), message).near(
            word.text,
            names(),
            format!("one of: {}", list(names())),
        )
    })?;
    let matches = matches(&mut reader, kind, Some(&COUNT), line)?;
    let kind = kind.name.to_owned();
    Ok(Pattern { kind, matches })
}

fn unknown_event(word: &Spanned<'_>) -> Wrong {
    let message = format!("\"{}\" is not an event", word.text);
    let wrong = Wrong::new(Code::UnknownEvent, word.span.clone(), message);
    if word.text.contains(':') {
        return wrong.label("a blank is needed after the colon: NAME: text");
    }
    let names = || KINDS.iter().map(|kind| kind.name);
    wrong
        .near(word.text, names(), format!("one of: {}", list(names())))
        .note("a say needs a colon: NAME: text")
}

/// `[Welcome back!]`: a line exactly as it is shown.
fn shown(reader: &Reader<'_>, line: Span) -> Pattern {
    let text = Template::parse(reader.rest());
    let span = line.at(reader.at()..reader.line().len());
    Pattern {
        kind: "shown".to_owned(),
        matches: vec![is("text", text, span)],
    }
}

/// `bob: hi`, `#team bob: hi`.
fn say(reader: &mut Reader<'_>, word: Spanned<'_>, line: Span) -> Result<Pattern, Wrong> {
    let mut matches = Vec::new();
    let mut word = word;
    if let Some(group) = word.text.strip_prefix('#') {
        let why = |group: &str| group.parse::<GroupName>().err().map(|e| e.to_string());
        let group = named(group, &word.span, "group", why)?;
        let span = line.at(word.span.clone());
        matches.push(is("scope", Template::text("group"), span));
        matches.push(is("group", group, span));
        word = reader.word().unwrap_or(Spanned {
            text: "",
            span: reader.next_place(),
        });
    } else {
        let span = line.at(word.span.clone());
        matches.push(is("scope", Template::text("direct"), span));
    }
    let Some(from) = word.text.strip_suffix(':') else {
        let message = "who says it?";
        return Err(Wrong::new(Code::UnknownEvent, word.span, message)
            .label("a say needs a colon: #GROUP NAME: text"));
    };
    let why = |from: &str| from.parse::<Name>().err().map(|e| e.to_string());
    let from = named(from, &word.span, "name", why)?;
    matches.push(is("from", from, line.at(word.span.clone())));
    let text = grammar::rest(reader.line(), reader.at());
    let Some(text) = text.filter(|text| !text.text.is_empty()) else {
        let end = reader.line().len();
        return Err(Wrong::new(Code::BadValue, end..end, "the text is missing")
            .label("any text: message from=NAME"));
    };
    let span = line.at(text.span);
    matches.push(is("text", Template::parse(text.text), span));
    let kind = "message".to_owned();
    Ok(Pattern { kind, matches })
}

fn is(field: &str, value: Template, span: Span) -> Match {
    Match {
        field: field.to_owned(),
        relation: Relation::Is,
        value: Value::OneOf(vec![value]),
        span,
    }
}

/// A name in a say; checked if there is no variable in it.
fn named(
    word: &str,
    span: &Range<usize>,
    what: &str,
    why: impl Fn(&str) -> Option<String>,
) -> Result<Template, Wrong> {
    let template = Template::parse(word);
    match template.fixed().and_then(why) {
        None => Ok(template),
        Some(why) => {
            let message = format!("\"{word}\" is no {what}");
            Err(Wrong::new(Code::BadValue, span.clone(), message).label(why))
        }
    }
}

fn matches(
    reader: &mut Reader<'_>,
    kind: &Kind,
    more: Option<&Field>,
    line: Span,
) -> Result<Vec<Match>, Wrong> {
    let mut matches = Vec::new();
    while !reader.is_done() {
        reader.blanks();
        matches.push(one_match(reader, kind, more, line)?);
    }
    Ok(matches)
}

fn one_match(
    reader: &mut Reader<'_>,
    kind: &Kind,
    more: Option<&Field>,
    line: Span,
) -> Result<Match, Wrong> {
    let start = reader.at();
    let whole = reader.next_place();
    let name = reader.take(lexis::key).unwrap_or_default();
    let field = kind.field(name).or(more.filter(|field| field.name == name));
    let relation = reader.take(relation);
    let (Some(field), Some(relation)) = (field, relation) else {
        return Err(match (field, relation) {
            (Some(field), None) => {
                let message = format!("\"{name}\" is compared with nothing");
                let label = format!("write: {}=VALUE", field.name);
                Wrong::new(Code::BadValue, whole, message).label(label)
            }
            _ => unknown_field(kind, more, name, start, whole),
        });
    };
    let value = match_value(reader, field, relation)?;
    if !reader.rest().is_empty() && !reader.rest().starts_with(is_blank) {
        let at = reader.at()..reader.next_place().end;
        let message = "a blank is needed between two matches";
        return Err(Wrong::new(Code::BadValue, at, message));
    }
    Ok(Match {
        field: name.to_owned(),
        relation,
        value,
        span: line.at(reader.since(start)),
    })
}

fn unknown_field(
    kind: &Kind,
    more: Option<&Field>,
    name: &str,
    start: usize,
    whole: Range<usize>,
) -> Wrong {
    let fields = || kind.fields.iter().chain(more).map(|field| field.name);
    let (word, range) = if name.is_empty() {
        ("", whole)
    } else {
        (name, start..start + name.len())
    };
    let message = format!("{} has no field \"{word}\"", kind.name);
    let wrong = Wrong::new(Code::UnknownField, range, message);
    let all = format!("fields: {}", list(fields()));
    match did_you_mean(word, fields(), "") {
        Some(question) => wrong.label(question).note(all),
        None => wrong.label(all),
    }
}

fn relation(input: &str) -> nom::IResult<&str, Relation> {
    alt((
        value(Relation::IsNot, tag("!=")),
        value(Relation::Unlike, tag("!~")),
        value(Relation::LessOrEqual, tag("<=")),
        value(Relation::MoreOrEqual, tag(">=")),
        value(Relation::Is, tag("=")),
        value(Relation::Like, tag("~")),
        value(Relation::Less, tag("<")),
        value(Relation::More, tag(">")),
    ))
    .parse(input)
}

fn match_value(reader: &mut Reader<'_>, field: &Field, relation: Relation) -> Result<Value, Wrong> {
    let start = reader.at();
    let is_glob = matches!(relation, Relation::Like | Relation::Unlike);
    let compares = !is_glob && !matches!(relation, Relation::Is | Relation::IsNot);
    if compares && field.takes != Takes::Number {
        let sign = relation.sign();
        let message = format!("\"{}\" is no number", field.name);
        let at = start - sign.len()..start;
        return Err(Wrong::new(Code::BadValue, at, message)
            .label(format!("only whole numbers are compared by {sign}")));
    }
    if is_glob && reader.rest().starts_with('/') {
        return expression(reader);
    }
    if relation == Relation::Is
        && let Some(name) = reader.take(preceded(tag("?"), lexis::label))
    {
        return Ok(Value::Bind(name.to_owned()));
    }
    let values = if reader.rest().starts_with('"') {
        let template = reader.quoted()?.template();
        if !is_glob {
            fits(field, &template, reader.since(start))?;
        }
        vec![template]
    } else {
        alternatives(reader, |template, range| {
            if is_glob {
                return Ok(());
            }
            fits(field, template, range)
        })?
    };
    if compares && values.len() > 1 {
        let message = "a number is compared with one number";
        return Err(Wrong::new(Code::BadValue, reader.since(start), message));
    }
    Ok(if is_glob {
        Value::Glob(values)
    } else {
        Value::OneOf(values)
    })
}

/// `stored|acked`.
fn alternatives(
    reader: &mut Reader<'_>,
    check: impl Fn(&Template, Range<usize>) -> Result<(), Wrong>,
) -> Result<Vec<Template>, Wrong> {
    let mut values = Vec::new();
    loop {
        let start = reader.at();
        let word = reader.take(lexis::up_to(&['|'])).unwrap_or_default();
        if word.is_empty() {
            let message = "a value is missing";
            return Err(
                Wrong::new(Code::BadValue, start..start, message).label("the empty text is \"\"")
            );
        }
        let template = Template::parse(word);
        check(&template, reader.since(start))?;
        values.push(template);
        if !reader.sign("|") {
            return Ok(values);
        }
    }
}

/// Whether a field can ever have this value; with a variable in it nobody knows yet.
fn fits(field: &Field, template: &Template, range: Range<usize>) -> Result<(), Wrong> {
    let Some(text) = template.fixed() else {
        return Ok(());
    };
    let (fits, words): (bool, &[&str]) = match field.takes {
        Takes::Flag => (matches!(text, "true" | "false"), &["true", "false"]),
        Takes::Number => (text.parse::<i64>().is_ok(), &[]),
        Takes::Text | Takes::Time => (true, &[]),
        Takes::Words(words) => (words.contains(&text), words),
    };
    if fits {
        return Ok(());
    }
    let message = format!("{} cannot be \"{text}\"", field.name);
    let wrong = Wrong::new(Code::BadValue, range, message);
    if words.is_empty() {
        return Err(wrong.label("a whole number"));
    }
    let all = format!("one of: {}", list(words.iter().copied()));
    Err(match did_you_mean(text, words.iter().copied(), "") {
        Some(question) => wrong.label(question).note(all),
        None => wrong.label(all),
    })
}

/// `/^yes (?<who>\w+)/`.
fn expression(reader: &mut Reader<'_>) -> Result<Value, Wrong> {
    let start = reader.at();
    let source = Template::parse(&reader.slashed()?);
    let range = reader.since(start);
    let bad = |why: &str| {
        let message = format!("regular expression: {why}");
        Wrong::new(Code::BadRegex, range.clone(), message)
    };
    let any = source.fill(&mut |_| Some("x".to_owned()));
    let any = any.unwrap_or_default();
    let compiled = regex(&any).map_err(|why| bad(&why))?;
    let binds: Vec<String> = compiled
        .capture_names()
        .flatten()
        .map(str::to_owned)
        .collect();
    match binds.iter().find(|name| !lexis::is_label(name)) {
        Some(name) => Err(bad(&format!("\"{name}\" is no name of a variable"))),
        None => Ok(Value::Regex { source, binds }),
    }
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// The kinds that happen at a server, and the queries that it answers.
pub(super) const AT_SERVER: (&[&str], &[&str]) =
    (&["server", "shown"], &["list_groups", "stats", "table"]);
