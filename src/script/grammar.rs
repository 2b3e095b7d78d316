//! What kind of line a line is: nothing, a block's end, an act, a directive, or a bare command.

use super::code::Code;
use super::directive;
use super::lexis::{self, Reader, bad_duration, is_blank};
use super::tree::{Asking, Op, Seeing, Typing};
use super::wrong::Wrong;
use crate::shell::grammar::Spanned;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::value;
use std::time::Duration;

/// What a line is, and what is still to be read of it.
#[derive(Debug)]
pub(super) enum Form<'a> {
    /// `alice@2s< ..`; the reader stands at the body.
    Act(Head<'a>, Reader<'a>),
    /// A command without a name before it; the reader stands at its word.
    Bare(Reader<'a>),
    /// `}`.
    Close,
    /// The keyword, and a reader behind it.
    Directive(Spanned<'a>, Reader<'a>),
    /// Blank, or a comment.
    Nothing,
    /// `# +1.4s`: a pause in a recording.
    Pause(Duration),
}

/// What stands before the body of an act.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) label: Option<&'a str>,
    pub(super) limit: Option<Duration>,
    pub(super) kind: OpKind,
}

/// The operator, by what its body is.
#[derive(Clone, Copy, Debug)]
pub(super) enum OpKind {
    Ask(Asking),
    See(Seeing),
    Type(Typing),
}

/// Tells a line, which has no blanks at its end.
pub(super) fn form(line: &str, is_command: impl Fn(&str) -> bool) -> Result<Form<'_>, Wrong> {
    let mut reader = Reader::new(line, 0);
    reader.blanks();
    let start = reader.clone();
    if let Some(comment) = reader.rest().strip_prefix('#') {
        return Ok(pause(comment).map_or(Form::Nothing, Form::Pause));
    }
    if let Some((head, body)) = act(reader.clone())? {
        return Ok(Form::Act(head, body));
    }
    match reader.word() {
        None => Ok(Form::Nothing),
        Some(word) if word.text == "}" => match reader.word() {
            None => Ok(Form::Close),
            Some(more) => {
                let message = format!("\"{}\" cannot stand here", more.text);
                Err(Wrong::new(Code::Misplaced, more.span, message)
                    .label("a block ends with a line of its own"))
            }
        },
        Some(word) if directive::usage(word.text).is_some() => Ok(Form::Directive(word, reader)),
        Some(word) if is_command(word.text) => Ok(Form::Bare(start)),
        Some(_) => match blank_before(start.clone()) {
            Some(wrong) => Err(wrong),
            None => Ok(Form::Bare(start)),
        },
    }
}

/// `[label][@duration]op`, then a blank or the end of the line.
fn act(mut reader: Reader<'_>) -> Result<Option<(Head<'_>, Reader<'_>)>, Wrong> {
    let start = reader.at();
    let label = reader.take(lexis::label);
    let mut limit = None;
    if reader.sign("@") {
        let at = reader.at();
        let text = reader.take(lexis::up_to(&['<', '>', '!', '?', '&']));
        let span = reader.since(at);
        let text = text.unwrap_or_default();
        limit = Some(Spanned { text, span });
    }
    let at = reader.at();
    let Some(kind) = reader.take(operator) else {
        return Ok(None);
    };
    if !reader.rest().is_empty() && !reader.rest().starts_with(is_blank) {
        let op = &reader.line()[at..reader.at()];
        let head = &reader.line()[start..reader.at()];
        let message = format!("a blank is needed after \"{op}\"");
        return Err(Wrong::new(Code::BlankAfterOp, reader.since(at), message)
            .label(format!("write: {head} …")));
    }
    let limit = match limit {
        None => None,
        Some(word) if word.text.is_empty() => return Err(bad_duration(&word)),
        Some(word) => Some(Reader::duration(&word)?),
    };
    reader.blanks();
    Ok(Some((Head { label, limit, kind }, reader)))
}

/// `alice > hi`, where the blank makes another line of it.
fn blank_before(mut reader: Reader<'_>) -> Option<Wrong> {
    let label = reader.take(lexis::label)?;
    let blank = reader.at();
    reader.blanks();
    let at = reader.at();
    reader.take(operator)?;
    let op = &reader.line()[at..reader.at()];
    let is_op = reader.rest().is_empty() || reader.rest().starts_with(is_blank);
    (is_op && at > blank).then(|| {
        let message = format!("no blank may stand between a name and \"{op}\"");
        Wrong::new(Code::BlankBeforeOp, blank..at, message).label(format!("write: {label}{op} …"))
    })
}

/// The longest that fits.
fn operator(input: &str) -> nom::IResult<&str, OpKind> {
    alt((
        value(OpKind::Type(Typing::MustFail), tag(Op::MustFail.sign())),
        value(OpKind::Type(Typing::Background), tag(Op::Background.sign())),
        value(OpKind::Type(Typing::Do), tag(Op::Do.sign())),
        value(OpKind::See(Seeing::SeeNext), tag(Op::SeeNext.sign())),
        value(OpKind::See(Seeing::NotSee), tag(Op::NotSee.sign())),
        value(OpKind::See(Seeing::See), tag(Op::See.sign())),
        value(OpKind::Ask(Asking::NotAsk), tag(Op::NotAsk.sign())),
        value(OpKind::Ask(Asking::Ask), tag(Op::Ask.sign())),
    ))
    .parse(input)
}

/// ` +1.4s` after the `#`, as recordings have it: tenths of a second.
fn pause(comment: &str) -> Option<Duration> {
    let seconds = comment.strip_prefix(" +")?.strip_suffix('s')?;
    let (whole, tenth) = seconds.split_once('.')?;
    let whole: u64 = whole.parse().ok()?;
    let tenth: u64 = tenth.parse().ok().filter(|tenth| *tenth < 10)?;
    let ms = whole.checked_mul(1000)?.checked_add(tenth * 100)?;
    Some(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        match form(line, |word| matches!(word, "send" | "send_group")) {
            Ok(Form::Act(head, body)) => {
                let label = head.label.unwrap_or("-");
                let limit = head.limit.map_or(0, |limit| limit.as_millis());
                format!("act {label} {limit} {:?} {}", head.kind, body.rest())
            }
            Ok(Form::Bare(reader)) => format!("bare {}", reader.rest()),
            Ok(Form::Close) => "close".to_owned(),
            Ok(Form::Directive(word, reader)) => format!("{}:{}", word.text, reader.rest()),
            Ok(Form::Nothing) => String::new(),
            Ok(Form::Pause(pause)) => format!("pause {}", pause.as_millis()),
            Err(wrong) => format!("{} {:?}", wrong.code.word(), wrong.range),
        }
    }

    #[test]
    fn every_line_is_one_of_six() {
        for (line, form) in [
            ("", ""),
            (" \t", ""),
            ("# alice> hi", ""),
            ("#: m1=00", ""),
            ("# +1.4s", "pause 1400"),
            ("# +99999999999999999999.0s", ""),
            ("  }", "close"),
            ("} x", "misplaced 2..3"),
            ("alice> send bob hi", "act alice 0 Type(Do) send bob hi"),
            ("alice&>  hi", "act alice 0 Type(Background) hi"),
            ("a@3s!< x", "act a 3000 See(NotSee) x"),
            ("a<< x", "act a 0 See(SeeNext) x"),
            ("a!?\tx", "act a 0 Ask(NotAsk) x"),
            ("@2m<", "act - 120000 See(See) "),
            ("> hi", "act - 0 Type(Do) hi"),
            ("?", "act - 0 Ask(Ask) "),
            ("a@3< x", "bad-duration 2..3"),
            ("a@< x", "bad-duration 2..2"),
            ("a@host", "bare a@host"),
            ("a>send", "blank-after-op 1..2"),
            ("a<<< x", "blank-after-op 1..3"),
            ("a  >  hi", "blank-before-op 1..3"),
            ("a ?", "blank-before-op 1..2"),
            ("send > hi", "bare send > hi"),
            ("sleep > 5", "sleep: > 5"),
            ("sleep 5s", "sleep: 5s"),
            ("on-fail {", "on-fail: {"),
            ("/send bob hi", "bare /send bob hi"),
            ("\u{e9}> hi", "bare \u{e9}> hi"),
        ] {
            assert_eq!(told(line), form, "{line}");
        }
    }
}
