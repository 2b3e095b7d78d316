//! Lines that begin with a keyword: who takes part, what happens to them, and blocks.

use super::code::Code;
use super::lexis::{self, Reader};
use super::settings::settings;
use super::tree::{Chance, Deed, Disk, Net, Path, Span, Template, Verb};
use super::wrong::Wrong;
use crate::model::limits::SCRIPT_ROUNDS_MAX;
use crate::shell::grammar::Spanned;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{opt, value};
use std::ops::Range;
use std::time::Duration;

/// What a line with a keyword asks for.
#[derive(Debug)]
pub(super) enum Directive {
    /// Something is done.
    Deed(Deed),
    /// The lines of another file stand here.
    Include(String, Range<usize>),
    /// A block begins.
    Open(Open),
    /// The test is not run.
    Skip(String),
    /// A failure of the test does not count.
    Todo(String),
}

/// A block that begins.
#[derive(Clone, Debug)]
pub(super) enum Open {
    Each { name: String, words: Vec<Template> },
    OnFail,
    Repeat { count: u32, name: Option<String> },
    Test { name: String },
}

/// All keywords with what stands after them.
const USAGES: [(&str, &str); 21] = [
    ("actor", "actor NAME… [KEY=VALUE…]"),
    ("crash", "crash NAME"),
    ("disk", "disk NAME full | slow DURATION | ok"),
    ("each", "each VARIABLE in WORD… {"),
    ("forget", "forget NAME…"),
    ("include", "include \"FILE\""),
    ("kill", "kill NAME"),
    ("let", "let VARIABLE = VALUE"),
    (
        "net",
        "net drop|dup|corrupt|reorder|delay|cut|partition|heal …",
    ),
    ("note", "note TEXT"),
    ("on-fail", "on-fail {"),
    ("repeat", "repeat COUNT [as VARIABLE] {"),
    ("server", "server NAME [KEY=VALUE…]"),
    ("set", "set KEY=VALUE…"),
    ("skip", "skip \"WHY\""),
    ("sleep", "sleep DURATION"),
    ("start", "start NAME"),
    ("stop", "stop NAME"),
    ("test", "test \"NAME\" {"),
    ("todo", "todo \"WHY\""),
    ("wait", "wait NAME…"),
];

/// What stands after the faults of `net`; a PATH is `a`, `a->b` or `a<->b`.
const NET_USAGES: [(&str, &str); 8] = [
    ("corrupt", "net corrupt PERCENT% [PATH]"),
    ("cut", "net cut PATH"),
    ("delay", "net delay DURATION[..DURATION] [PATH]"),
    ("drop", "net drop PERCENT% [PATH]"),
    ("dup", "net dup PERCENT% [PATH]"),
    ("heal", "net heal [PATH]"),
    ("partition", "net partition NAME… | NAME…"),
    ("reorder", "net reorder PERCENT% [PATH]"),
];

/// What stands after a keyword; None if it is none.
pub(super) fn usage(word: &str) -> Option<&'static str> {
    let found = USAGES.iter().find(|(keyword, _)| *keyword == word);
    found.map(|(_, usage)| *usage)
}

/// The same word, if it is a keyword.
pub(super) fn keyword(word: &str) -> Option<&'static str> {
    keywords().find(|keyword| *keyword == word)
}

/// All keywords.
pub(super) fn keywords() -> impl Iterator<Item = &'static str> {
    USAGES.iter().map(|(keyword, _)| *keyword)
}

/// True if a line with this keyword begins a block.
pub(super) fn opens(keyword: &str) -> bool {
    matches!(keyword, "each" | "on-fail" | "repeat" | "test")
}

/// Reads what stands after a keyword.
pub(super) fn directive(
    keyword: &'static str,
    reader: Reader<'_>,
    line: Span,
) -> Result<Directive, Wrong> {
    let usage = usage(keyword).unwrap_or_default();
    let mut rest = Rest {
        keyword,
        usage,
        reader,
    };
    let deed = match keyword {
        "actor" => {
            let labels = rest.labels_before_settings()?;
            let settings = settings(&mut rest.reader, keyword, line)?;
            Deed::Actor { labels, settings }
        }
        "crash" => rest.process(Verb::Crash)?,
        "disk" => rest.disk()?,
        "each" => return rest.each().map(Directive::Open),
        "forget" => Deed::Forget(rest.labels()?),
        "include" => {
            rest.reader.blanks();
            let at = rest.reader.at();
            let file = rest.string("a file")?;
            return Ok(Directive::Include(file, rest.reader.since(at)));
        }
        "kill" => rest.process(Verb::Kill)?,
        "let" => rest.assignment()?,
        "net" => Deed::Net(rest.net()?),
        "note" => {
            rest.reader.blanks();
            Deed::Note(Template::parse(rest.reader.rest()))
        }
        "on-fail" => return rest.brace().map(|()| Directive::Open(Open::OnFail)),
        "repeat" => return rest.repeat().map(Directive::Open),
        "server" => {
            let label = rest.label("a name")?;
            let settings = settings(&mut rest.reader, keyword, line)?;
            Deed::Server { label, settings }
        }
        "set" => {
            let settings = settings(&mut rest.reader, keyword, line)?;
            if settings.is_empty() {
                return Err(rest.missing("a setting"));
            }
            Deed::Set(settings)
        }
        "skip" => return rest.last_string("a reason").map(Directive::Skip),
        "sleep" => {
            let duration = rest.duration("a duration")?;
            rest.end()?;
            Deed::Sleep(duration)
        }
        "start" => rest.process(Verb::Start)?,
        "stop" => rest.process(Verb::Stop)?,
        "test" => {
            let name = rest.string("a name")?;
            rest.brace()?;
            return Ok(Directive::Open(Open::Test { name }));
        }
        "todo" => return rest.last_string("a reason").map(Directive::Todo),
        _ => Deed::Wait(rest.labels()?),
    };
    Ok(Directive::Deed(deed))
}

/// What stands after a keyword.
struct Rest<'a> {
    keyword: &'static str,
    usage: &'static str,
    reader: Reader<'a>,
}

impl<'a> Rest<'a> {
    fn wrong(&self, range: Range<usize>, what: &str) -> Wrong {
        let message = format!("{}: {what}", self.keyword);
        let label = format!("usage: {}", self.usage);
        Wrong::new(Code::BadArguments, range, message).label(label)
    }

    fn missing(&self, what: &str) -> Wrong {
        self.wrong(self.reader.next_place(), &format!("{what} is missing"))
    }

    /// Nothing more may stand here.
    fn end(&mut self) -> Result<(), Wrong> {
        match self.reader.word() {
            None => Ok(()),
            Some(more) => Err(self.wrong(
                more.span.start..self.reader.line().len(),
                "nothing more may stand here",
            )),
        }
    }

    fn word(&mut self, what: &str) -> Result<Spanned<'a>, Wrong> {
        let missing = self.missing(what);
        self.reader.word().ok_or(missing)
    }

    fn label(&mut self, what: &str) -> Result<String, Wrong> {
        let word = self.word(what)?;
        self.checked(&word)
    }

    fn checked(&self, word: &Spanned<'_>) -> Result<String, Wrong> {
        if lexis::is_label(word.text) {
            return Ok(word.text.to_owned());
        }
        let message = format!("{}: \"{}\" is no name", self.keyword, word.text);
        Err(Wrong::new(Code::BadArguments, word.span.clone(), message)
            .label("a letter, then letters, digits and _"))
    }

    /// One or more names to the end of the line.
    fn labels(&mut self) -> Result<Vec<String>, Wrong> {
        let mut labels = vec![self.label("a name")?];
        while let Some(word) = self.reader.word() {
            labels.push(self.checked(&word)?);
        }
        Ok(labels)
    }

    /// One or more names; a word with a `=` is the first setting.
    fn labels_before_settings(&mut self) -> Result<Vec<String>, Wrong> {
        let mut labels = Vec::new();
        loop {
            let mut ahead = self.reader.clone();
            match ahead.word() {
                Some(word) if !word.text.contains('=') => {
                    labels.push(self.checked(&word)?);
                    self.reader = ahead;
                }
                _ if labels.is_empty() => return Err(self.missing("a name")),
                _ => return Ok(labels),
            }
        }
    }

    fn string(&mut self, what: &str) -> Result<String, Wrong> {
        self.reader.blanks();
        if !self.reader.rest().starts_with('"') {
            return Err(self.missing(&format!("{what} in \"quotes\"")));
        }
        let at = self.reader.at();
        let text = self.reader.quoted()?.text();
        if text.is_empty() {
            return Err(self.wrong(self.reader.since(at), &format!("{what} is empty")));
        }
        Ok(text)
    }

    fn last_string(&mut self, what: &str) -> Result<String, Wrong> {
        let text = self.string(what)?;
        self.end()?;
        Ok(text)
    }

    fn duration(&mut self, what: &str) -> Result<Duration, Wrong> {
        Reader::duration(&self.word(what)?)
    }

    /// The `{` that ends the line.
    fn brace(&mut self) -> Result<(), Wrong> {
        let missing = self.missing("the {");
        match self.reader.word() {
            Some(word) if word.text == "{" => self.end(),
            _ => Err(missing),
        }
    }

    fn process(&mut self, verb: Verb) -> Result<Deed, Wrong> {
        let label = self.label("a name")?;
        self.end()?;
        Ok(Deed::Process { verb, label })
    }

    fn disk(&mut self) -> Result<Deed, Wrong> {
        let label = self.label("a name")?;
        let word = self.word("full, slow or ok")?;
        let state = match word.text {
            "full" => Disk::Full,
            "ok" => Disk::Ok,
            "slow" => Disk::Slow(self.duration("a duration")?),
            other => {
                return Err(self.wrong(word.span, &format!("\"{other}\" is no state of a disk")));
            }
        };
        self.end()?;
        Ok(Deed::Disk { label, state })
    }

    /// `x = v`: a word, or a string with blanks.
    fn assignment(&mut self) -> Result<Deed, Wrong> {
        self.reader.blanks();
        let missing = self.missing("a variable");
        let name = self.reader.take(lexis::label).ok_or(missing)?.to_owned();
        self.reader.blanks();
        if !self.reader.sign("=") {
            return Err(self.missing("="));
        }
        self.reader.blanks();
        let value = if self.reader.rest().starts_with('"') {
            self.reader.quoted()?.template()
        } else {
            Template::parse(self.word("a value")?.text)
        };
        self.end()?;
        Ok(Deed::Let { name, value })
    }

    fn each(&mut self) -> Result<Open, Wrong> {
        let name = self.label("a variable")?;
        let word = self.word("in")?;
        if word.text != "in" {
            return Err(self.wrong(word.span, "in is missing"));
        }
        let mut words = Vec::new();
        let mut last = self.word("a word")?;
        while let Some(next) = self.reader.word() {
            words.push(Template::parse(last.text));
            last = next;
        }
        if last.text != "{" {
            return Err(self.wrong(last.span, "the { is missing"));
        }
        if words.is_empty() {
            return Err(self.wrong(last.span, "a word is missing"));
        }
        Ok(Open::Each { name, words })
    }

    fn repeat(&mut self) -> Result<Open, Wrong> {
        let word = self.word("a count")?;
        let count = word.text.parse().ok();
        let in_bounds = |count: &u32| (1..=SCRIPT_ROUNDS_MAX).contains(count);
        let Some(count) = count.filter(in_bounds) else {
            let message = format!("\"{}\" is no count", word.text);
            return Err(Wrong::new(Code::BadValue, word.span, message)
                .label(format!("1 to {SCRIPT_ROUNDS_MAX}")));
        };
        let mut ahead = self.reader.clone();
        let mut name = None;
        if ahead.word().is_some_and(|word| word.text == "as") {
            self.reader = ahead;
            name = Some(self.label("a variable")?);
        }
        self.brace()?;
        Ok(Open::Repeat { count, name })
    }

    fn net(&mut self) -> Result<Net, Wrong> {
        let word = self.word("what happens")?;
        let usage = NET_USAGES.iter().find(|(fault, _)| *fault == word.text);
        self.usage = usage.map_or(self.usage, |(_, usage)| usage);
        let net = match word.text {
            "corrupt" => self.chance(Chance::Corrupt)?,
            "cut" => {
                let missing = self.missing("a path");
                Net::Cut(self.path()?.ok_or(missing)?)
            }
            "delay" => {
                let word = self.word("a duration")?;
                let (min, max) = delay(&word)?;
                let path = self.path()?;
                Net::Delay { min, max, path }
            }
            "drop" => self.chance(Chance::Drop)?,
            "dup" => self.chance(Chance::Dup)?,
            "heal" => Net::Heal(self.path()?),
            "partition" => self.partition()?,
            "reorder" => self.chance(Chance::Reorder)?,
            other => return Err(self.wrong(word.span, &format!("\"{other}\" is no fault"))),
        };
        self.end()?;
        Ok(net)
    }

    fn chance(&mut self, fault: Chance) -> Result<Net, Wrong> {
        let word = self.word("a chance")?;
        let percent = word.text.strip_suffix('%');
        let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let percent = percent.filter(digits).and_then(|text| text.parse().ok());
        let Some(percent) = percent.filter(|percent| *percent <= 100) else {
            let message = format!("\"{}\" is no chance", word.text);
            return Err(Wrong::new(Code::BadValue, word.span, message).label("0% to 100%"));
        };
        let path = self.path()?;
        Ok(Net::Chance {
            fault,
            percent,
            path,
        })
    }

    /// `a`, `a->b`, `a<->b`; blanks may stand around the arrow.
    fn path(&mut self) -> Result<Option<Path>, Wrong> {
        if self.reader.is_done() {
            return Ok(None);
        }
        let no_path = self.wrong(self.reader.next_place(), "this is no path");
        self.reader.blanks();
        let label = |reader: &mut Reader<'a>| reader.take(lexis::label).map(str::to_owned);
        let a = label(&mut self.reader).ok_or_else(|| no_path.clone())?;
        self.reader.blanks();
        let arrow = alt((value(true, tag("<->")), value(false, tag("->"))));
        let path = match self.reader.take(opt(arrow)).flatten() {
            None => Path::All(a),
            Some(both) => {
                self.reader.blanks();
                let b = label(&mut self.reader).ok_or_else(|| no_path.clone())?;
                if both {
                    Path::Between(a, b)
                } else {
                    Path::To(a, b)
                }
            }
        };
        if self.reader.is_done() {
            Ok(Some(path))
        } else {
            Err(no_path)
        }
    }

    fn partition(&mut self) -> Result<Net, Wrong> {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut divided = false;
        while let Some(word) = self.reader.word() {
            if word.text == "|" && !divided {
                divided = true;
            } else if divided {
                right.push(self.checked(&word)?);
            } else {
                left.push(self.checked(&word)?);
            }
        }
        if left.is_empty() || right.is_empty() {
            return Err(self.missing("a side"));
        }
        Ok(Net::Partition(left, right))
    }
}

/// `5ms..80ms`, or `5ms` for both.
fn delay(word: &Spanned<'_>) -> Result<(Duration, Duration), Wrong> {
    let Some((min, max)) = word.text.split_once("..") else {
        let both = Reader::duration(word)?;
        return Ok((both, both));
    };
    let (start, end) = (word.span.start, word.span.end);
    let part = |text, span| Reader::duration(&Spanned { text, span });
    let min_value = part(min, start..start + min.len())?;
    let max_value = part(max, end - max.len()..end)?;
    if min_value > max_value {
        let message = format!("\"{}\" is no span of time", word.text);
        return Err(
            Wrong::new(Code::BadValue, word.span.clone(), message).label("the shorter comes first")
        );
    }
    Ok((min_value, max_value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(source: &str) -> Result<Deed, Wrong> {
        let keyword = keywords()
            .find(|keyword| source.starts_with(&format!("{keyword} ")))
            .unwrap();
        let reader = Reader::new(source, keyword.len());
        match directive(keyword, reader, Span::default())? {
            Directive::Deed(deed) => Ok(deed),
            other => panic!("{source}: {other:?}"),
        }
    }

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_fault_of_the_network_has_its_words() {
        let (a, b) = ("a".to_owned(), "b".to_owned());
        let chance = |fault, percent, path| Net::Chance {
            fault,
            percent,
            path,
        };
        let ms = Duration::from_millis;
        for (line, net) in [
            (
                "net drop 33% a->b",
                chance(Chance::Drop, 33, Some(Path::To(a.clone(), b.clone()))),
            ),
            ("net dup 0%", chance(Chance::Dup, 0, None)),
            (
                "net corrupt 100% a",
                chance(Chance::Corrupt, 100, Some(Path::All(a.clone()))),
            ),
            (
                "net reorder 5% a <-> b",
                chance(
                    Chance::Reorder,
                    5,
                    Some(Path::Between(a.clone(), b.clone())),
                ),
            ),
            (
                "net delay 5ms..80ms",
                Net::Delay {
                    min: ms(5),
                    max: ms(80),
                    path: None,
                },
            ),
            (
                "net delay 1s a",
                Net::Delay {
                    min: ms(1000),
                    max: ms(1000),
                    path: Some(Path::All(a.clone())),
                },
            ),
            ("net cut a->b", Net::Cut(Path::To(a.clone(), b.clone()))),
            (
                "net partition a b | c s",
                Net::Partition(owned(&["a", "b"]), owned(&["c", "s"])),
            ),
            ("net heal", Net::Heal(None)),
            ("net heal a", Net::Heal(Some(Path::All(a)))),
        ] {
            assert_eq!(deed(line), Ok(Deed::Net(net)), "{line}");
        }
    }

    #[test]
    fn what_no_directive_takes_is_refused_where_it_stands() {
        for (line, code, range) in [
            ("net drop 101%", Code::BadValue, 9..13),
            ("net drop +5%", Code::BadValue, 9..12),
            ("net drop 33", Code::BadValue, 9..11),
            ("net drop 5% a-b", Code::BadArguments, 12..15),
            ("net drop 5% a->b c", Code::BadArguments, 12..16),
            ("net delay 5ms..80", Code::BadDuration, 15..17),
            ("net delay 9ms..8ms", Code::BadValue, 10..18),
            ("net delay 5", Code::BadDuration, 10..11),
            ("net cut ", Code::BadArguments, 8..8),
            ("net partition a b", Code::BadArguments, 17..17),
            ("net explode", Code::BadArguments, 4..11),
            ("disk s slow", Code::BadArguments, 11..11),
            ("disk s wet", Code::BadArguments, 7..10),
            ("disk s full now", Code::BadArguments, 12..15),
            ("kill a b", Code::BadArguments, 7..8),
            ("sleep soon", Code::BadDuration, 6..10),
            ("let x", Code::BadArguments, 5..5),
            ("let x = two words", Code::BadArguments, 12..17),
            ("let 1 = x", Code::BadArguments, 4..5),
            ("actor a-b", Code::BadArguments, 6..9),
            ("actor stay=on", Code::BadArguments, 6..13),
            ("actor a stya=on", Code::UnknownField, 8..12),
            ("actor a stay=maybe", Code::BadValue, 13..18),
            ("actor a stay", Code::BadArguments, 0..0),
            ("server s port=70000", Code::BadValue, 14..19),
            ("server s stay=on", Code::UnknownField, 9..13),
            ("set timeout=5", Code::BadDuration, 12..13),
            ("set timeout", Code::BadValue, 4..11),
            ("set timeout=\"5s\"x", Code::BadValue, 16..17),
            ("set =", Code::UnknownField, 4..5),
        ] {
            match deed(line) {
                // `stay` without a value reads as a second actor.
                Ok(Deed::Actor { labels, .. }) => assert_eq!(labels, ["a", "stay"]),
                Ok(other) => panic!("{line}: {other:?}"),
                Err(wrong) => assert_eq!((wrong.code, wrong.range), (code, range), "{line}"),
            }
        }
    }

    #[test]
    fn a_word_of_blocks_is_a_count_or_a_list() {
        for (source, is_right) in [
            ("repeat 1 {", true),
            ("repeat 10000 as i {", true),
            ("repeat 0 {", false),
            ("repeat 10001 {", false),
            ("repeat 5 as {", false),
            ("repeat 5", false),
            ("each x in a $b {", true),
            ("each x in {", false),
            ("each x of a {", false),
            ("each x in a b", false),
            ("test \"t\" {", true),
            ("test \"\" {", false),
            ("test t {", false),
            ("test \"t\"", false),
            ("test \"t\" { x", false),
        ] {
            let keyword = keywords().find(|word| source.starts_with(word)).unwrap();
            let reader = Reader::new(source, keyword.len());
            let read = directive(keyword, reader, Span::default());
            assert_eq!(read.is_ok(), is_right, "{source}: {read:?}");
        }
    }
}
