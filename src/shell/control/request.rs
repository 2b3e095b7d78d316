//! A line of a program: an object of JSON, or what somebody would type.

use super::journal::Eid;
use super::json::quoted;
use crate::model::MessageId;
use crate::model::limits::CONTROL_ID_BYTES_MAX;
use crate::shell::asked::{Asked, Asker, Marks};
use crate::shell::explain;
use crate::shell::fields::{Fact, KINDS};
use crate::shell::matcher::glob;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, error};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// What a reply says of the request that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Re {
    /// It had no id.
    Nothing,
    /// A number.
    Number(i64),
    /// A text.
    Text(Box<str>),
}

/// How much has to be known of a message before a request is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// It is on disk here.
    Queued,
    /// Its outcome: the server has it, or the recipient's program.
    Stored,
    /// The recipient's program has it.
    Delivered,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which the replies name.
    pub re: Re,
    /// What is asked for.
    pub what: What,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Something of the shell.
    Ask {
        /// What.
        asked: Asked,
        /// Whether the terminal's mode counts.
        asker: Asker,
        /// What is said of the message.
        marks: Marks,
        /// Until when it is not done.
        rung: Rung,
        /// How long the reply may take.
        timeout: Option<Duration>,
    },
    /// To hear what happens.
    Listen(Filter, Since),
    /// To hear no more.
    Unlisten,
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// After this event.
    After(Eid),
    /// With the latest so many.
    Last(usize),
    /// Now.
    Now,
}

/// Which events somebody wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Their kinds; none: all but those that have to be asked for.
    types: Option<BTreeSet<Box<str>>>,
    /// What their fields have to be, as globs.
    fields: Vec<(Box<str>, Box<str>)>,
}

/// A line that is no request; the words say what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which request, as far as that was readable.
    pub re: Re,
    /// What is wrong.
    pub message: String,
}

/// Kinds that are only told to who names them.
pub const ON_DEMAND_KINDS: [&str; 1] = ["shown"];

/// An object with the fields of a request, whatever they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    cmd: Value,
    #[serde(default)]
    since: Value,
    #[serde(default)]
    last: Value,
    #[serde(default)]
    types: Value,
    #[serde(default, rename = "match")]
    fields: Value,
    #[serde(default)]
    require: Value,
    #[serde(default)]
    timeout_ms: Value,
    #[serde(default)]
    modes: Value,
    #[serde(default)]
    auto: Value,
    #[serde(default)]
    message_id: Value,
}

impl Request {
    /// Reads a line; `None` if it is blank.
    ///
    /// # Errors
    /// It is an object and not a right one.
    pub fn parse(line: &str) -> Result<Option<Self>, Wrong> {
        let line = line.trim_start();
        if line.is_empty() {
            return Ok(None);
        }
        // No word of the shell begins so: whoever writes it means JSON.
        if line.starts_with(['{', '[', '"']) {
            return Self::of_json(line).map(Some);
        }
        let re = Re::Nothing;
        let words: Vec<&str> = line.split_whitespace().collect();
        let what = match words[..] {
            ["events"] => What::Listen(Filter::default(), Since::Now),
            ["events", "off"] => What::Unlisten,
            _ => What::Ask {
                asked: Asked::Line(line.into()),
                asker: Asker::Free,
                marks: Marks::default(),
                rung: Rung::Stored,
                timeout: None,
            },
        };
        Ok(Some(Self { re, what }))
    }

    fn of_json(line: &str) -> Result<Self, Wrong> {
        let wrong = |re: Re, message: String| Wrong { re, message };
        if !line.starts_with('{') {
            let message = match serde_json::from_str::<IgnoredAny>(line) {
                Ok(IgnoredAny) => NO_OBJECT.to_owned(),
                Err(error) => why(line, &error),
            };
            return Err(wrong(Re::Nothing, message));
        }
        let written: Written =
            serde_json::from_str(line).map_err(|error| wrong(id_of(line), why(line, &error)))?;
        let re = re(&written.id).map_err(|message| wrong(Re::Nothing, message))?;
        match Self::what_of(&written) {
            Ok(what) => Ok(Self { re, what }),
            Err(message) => Err(wrong(re, message)),
        }
    }

    fn what_of(written: &Written) -> Result<What, String> {
        let is_given = |value: &Value| !value.is_null();
        let of_others = [
            ("require", is_given(&written.require)),
            ("timeout_ms", is_given(&written.timeout_ms)),
            ("modes", is_given(&written.modes)),
            ("auto", is_given(&written.auto)),
            ("message_id", is_given(&written.message_id)),
        ];
        let of_events = [
            ("since", is_given(&written.since)),
            ("last", is_given(&written.last)),
            ("types", is_given(&written.types)),
            ("match", is_given(&written.fields)),
        ];
        let words = "a list of texts, as [\"send\",\"bob\",\"hi\"]";
        let words: Vec<String> = field("cmd", &written.cmd, words)?.unwrap_or_default();
        let what = Self::what(&words, |is_listening| {
            let (forbidden, whose) = if is_listening {
                (&of_others[..], "not of events")
            } else {
                (&of_events[..], "only of events")
            };
            match forbidden.iter().find(|(_, given)| *given) {
                Some((field, _)) => Err(format!("{field} is a field {whose}")),
                None => Ok(()),
            }
        })?;
        match what {
            What::Listen(..) => {
                let since: Option<String> =
                    field("since", &written.since, "the eid of an event, as \"e416\"")?;
                let last: Option<usize> = field("last", &written.last, "a whole number")?;
                let from = match (since.as_deref(), last) {
                    (Some(_), Some(_)) => return Err("since and last exclude each other".into()),
                    (Some(since), None) => Since::After(since.parse().map_err(|_| {
                        format!("{} is not the eid of an event, as e416", quoted(since))
                    })?),
                    (None, Some(last)) => Since::Last(last),
                    (None, None) => Since::Now,
                };
                let types = field("types", &written.types, "a list of kinds, as [\"message\"]")?;
                let globs = "an object of globs, as {\"from\":\"b*\"}";
                let fields: Option<BTreeMap<_, _>> = field("match", &written.fields, globs)?;
                let fields = fields.unwrap_or_default().into_iter().collect();
                Ok(What::Listen(Filter::new(types, fields)?, from))
            }
            What::Unlisten => Ok(What::Unlisten),
            What::Ask { asked, .. } => {
                let yes_or_no = "true or false";
                let rungs = "\"queued\", \"stored\" or \"delivered\"";
                let modes = field("modes", &written.modes, yes_or_no)?;
                let id: Option<String> =
                    field("message_id", &written.message_id, "32 hex digits as a text")?;
                let timeout = field("timeout_ms", &written.timeout_ms, "a whole number")?;
                Ok(What::Ask {
                    asked,
                    asker: if modes == Some(true) {
                        Asker::Bound
                    } else {
                        Asker::Free
                    },
                    marks: Marks {
                        auto: field("auto", &written.auto, yes_or_no)? == Some(true),
                        id: id.as_deref().map(message_id).transpose()?,
                    },
                    rung: field("require", &written.require, rungs)?.unwrap_or(Rung::Stored),
                    timeout: timeout.map(Duration::from_millis),
                })
            }
        }
    }

    fn what(words: &[String], check: impl Fn(bool) -> Result<(), String>) -> Result<What, String> {
        let plain: Vec<&str> = words.iter().map(String::as_str).collect();
        match plain[..] {
            [] => Err("cmd is empty".to_owned()),
            ["events"] => check(true).map(|()| What::Listen(Filter::default(), Since::Now)),
            ["events", "off"] => Ok(What::Unlisten),
            ["events", ..] => Err("events takes no word but off".to_owned()),
            _ => check(false).map(|()| What::Ask {
                asked: Asked::Words(words.into()),
                asker: Asker::Free,
                marks: Marks::default(),
                rung: Rung::Stored,
                timeout: None,
            }),
        }
    }
}

fn message_id(digits: &str) -> Result<MessageId, String> {
    let wrong = |_| {
        format!(
            "{} is not the id of a message: 32 hex digits",
            quoted(digits)
        )
    };
    digits.parse().map_err(wrong)
}

/// A field that is not there, or null, is none; else it has to be what it is.
fn field<'a, T: Deserialize<'a>>(
    name: &str,
    value: &'a Value,
    is: &str,
) -> Result<Option<T>, String> {
    Option::deserialize(value).map_err(|_| {
        let shown: String = value.to_string().chars().take(SHOWN_CHARS_MAX).collect();
        format!("{name} is {is}; here it is {shown}")
    })
}

const NO_OBJECT: &str = r#"not a request: that is an object, as {"cmd":["send","bob","hi"]}"#;

/// What of a line is shown to whoever wrote it.
const SHOWN_CHARS_MAX: usize = 40;

/// What is wrong with a line, and where.
fn why(line: &str, error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let what = whole.split(" at line ").next().unwrap_or_default();
    let what = match error.classify() {
        error::Category::Data => return format!("not a request: {what}"),
        error::Category::Eof | error::Category::Io | error::Category::Syntax => what,
    };
    // A line is one line: its columns are its bytes, from 1.
    let end = match error.classify() {
        error::Category::Eof => line.len(),
        _ => error.column().saturating_sub(1),
    };
    let before = &line[..line.floor_char_boundary(end)];
    let from = before.char_indices().rev().nth(SHOWN_CHARS_MAX - 1);
    let shown = &before[from.map_or(0, |(at, _)| at)..];
    format!("not JSON: {what} at byte {}, after {shown}", error.column())
}

/// The id of a line that is wrong otherwise, so that its sender knows what failed.
fn id_of(line: &str) -> Re {
    let object: Value = serde_json::from_str(line).unwrap_or_default();
    re(&object["id"]).unwrap_or(Re::Nothing)
}

fn re(id: &Value) -> Result<Re, String> {
    let number = id.as_i64().map(Re::Number);
    let text = id
        .as_str()
        .filter(|text| text.len() <= CONTROL_ID_BYTES_MAX);
    let re = number.or_else(|| text.map(|text| Re::Text(text.into())));
    let re = re.or_else(|| id.is_null().then_some(Re::Nothing));
    re.ok_or_else(|| {
        format!("id is a whole number, or a text of at most {CONTROL_ID_BYTES_MAX} bytes")
    })
}

impl Filter {
    /// These kinds, whose fields fit these globs.
    ///
    /// # Errors
    /// There is no such kind.
    pub fn new(
        types: Option<BTreeSet<Box<str>>>,
        fields: Vec<(Box<str>, Box<str>)>,
    ) -> Result<Self, String> {
        let names = || KINDS.iter().map(|kind| kind.name);
        let unknown = types
            .iter()
            .flatten()
            .find(|word| !names().any(|name| name == &***word));
        if let Some(word) = unknown {
            let near = explain::did_you_mean(&explain::nearest(word, names()));
            let near = near.map(|question| format!("; {question}"));
            let word = quoted(word);
            return Err(format!(
                "{word} is no kind of event{}",
                near.unwrap_or_default()
            ));
        }
        Ok(Self { types, fields })
    }

    /// Whether a kind is wanted.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        match &self.types {
            Some(types) => types.contains(kind),
            None => !ON_DEMAND_KINDS.contains(&kind),
        }
    }

    /// Whether an event is wanted.
    #[must_use]
    pub fn fits(&self, fact: &Fact) -> bool {
        let fits = |(field, pattern): &(Box<str>, Box<str>)| {
            fact.text(field).is_some_and(|text| glob(pattern, &text))
        };
        self.wants(fact.kind) && self.fields.iter().all(fits)
    }
}

impl fmt::Display for Re {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("null"),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(&quoted(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Request {
        Request::parse(line).unwrap().unwrap()
    }

    fn wrong(line: &str) -> (Re, String) {
        let Wrong { re, message } = Request::parse(line).unwrap_err();
        (re, message)
    }

    #[test]
    fn a_plain_line_is_a_line_of_the_shell() {
        let What::Ask { asked, asker, .. } = parse("send bob hi there ").what else {
            panic!()
        };
        assert_eq!(asked, Asked::Line("send bob hi there ".into()));
        assert_eq!(asker, Asker::Free);
        assert!(matches!(parse("events").what, What::Listen(..)));
        assert_eq!(parse("events off").what, What::Unlisten);
        assert_eq!(Request::parse(" \t"), Ok(None));
    }

    #[test]
    fn an_object_has_words_that_nobody_splits() {
        let request = parse(
            r#"{"id":"a","cmd":["send","bop","hi; \"there\""],"require":"delivered","timeout_ms":500,"modes":true,"auto":true,"message_id":"00000000000000000000000000000001"}"#,
        );
        assert_eq!(request.re, Re::Text("a".into()));
        let words = ["send", "bop", "hi; \"there\""].map(str::to_owned);
        assert_eq!(
            request.what,
            What::Ask {
                asked: Asked::Words(words.into()),
                asker: Asker::Bound,
                marks: Marks {
                    auto: true,
                    id: Some(MessageId(1)),
                },
                rung: Rung::Delivered,
                timeout: Some(Duration::from_millis(500)),
            }
        );
    }

    #[track_caller]
    fn check(line: &str, re: &Re, part: &str) {
        let (found, message) = wrong(line);
        assert_eq!(found, *re, "{line}");
        assert!(message.contains(part), "{line}: {message}");
    }

    #[test]
    fn a_line_that_begins_as_json_is_told_where_it_ceases_to_be() {
        for (line, part) in [
            (
                "{",
                "not JSON: EOF while parsing an object at byte 1, after ",
            ),
            (
                r#"{"id":7,"cmd":["send","bob","hi}"#,
                r#"not JSON: EOF while parsing a string at byte 32, after {"id":7,"cmd":["send","bob","hi}"#,
            ),
            (
                r#"{"cmd":["send","é","hi"] "id":7}"#,
                r#"or `}` at byte 27, after {"cmd":["send","é","hi"] "#,
            ),
            (
                r#"{"cmd":["table"]}{"cmd":["exit"]}"#,
                "trailing characters at byte 18",
            ),
            (r#"["send","bob","hi"]"#, "not a request: that is an object"),
            (r#""send""#, "not a request: that is an object"),
            ("[send bob", "not JSON: expected value at byte 2"),
        ] {
            check(line, &Re::Nothing, part);
        }
    }

    #[test]
    fn what_is_no_request_is_refused_and_named_if_it_has_an_id() {
        for (line, re, part) in [
            ("{}", Re::Nothing, "cmd is empty"),
            (
                r#"{"id":7,"cmd":["x"],"tpyes":[]}"#,
                Re::Number(7),
                "unknown field `tpyes`",
            ),
            (
                r#"{"id":7,"cmd":["x"],"cmd":["y"]}"#,
                Re::Number(7),
                "duplicate field `cmd`",
            ),
            (r#"{"id":7,"cmd":[]}"#, Re::Number(7), "cmd is empty"),
            (
                r#"{"id":7,"cmd":"send"}"#,
                Re::Number(7),
                r#"cmd is a list of texts, as ["send","bob","hi"]; here it is "send""#,
            ),
            (
                r#"{"id":7,"cmd":["send","bob",5]}"#,
                Re::Number(7),
                r#"here it is ["send","bob",5]"#,
            ),
            (
                r#"{"id":7,"cmd":["table"],"since":"e1"}"#,
                Re::Number(7),
                "only of events",
            ),
            (
                r#"{"id":7,"cmd":["events"],"require":"stored"}"#,
                Re::Number(7),
                "not of events",
            ),
            (
                r#"{"id":7,"cmd":["events"],"since":"1"}"#,
                Re::Number(7),
                "e416",
            ),
            (
                r#"{"id":7,"cmd":["events"],"types":["mesage"]}"#,
                Re::Number(7),
                "mean message",
            ),
            (r#"{"id":7,"cmd":["events","on"]}"#, Re::Number(7), "off"),
            (
                r#"{"id":7.5,"cmd":["table"]}"#,
                Re::Nothing,
                "id is a whole number, or a text",
            ),
            (
                r#"{"id":1,"cmd":["x"],"require":"soon"}"#,
                Re::Number(1),
                "soon",
            ),
            (
                r#"{"id":1,"cmd":["send"],"message_id":"9f2c"}"#,
                Re::Number(1),
                "32 hex",
            ),
            (
                r#"{"id":1,"cmd":["x"],"timeout_ms":-1}"#,
                Re::Number(1),
                "-1",
            ),
        ] {
            check(line, &re, part);
        }
        for (length, right) in [(63, true), (64, true), (65, false)] {
            let line = format!(r#"{{"id":"{}","cmd":["table"]}}"#, "x".repeat(length));
            assert_eq!(Request::parse(&line).is_ok(), right, "{length}");
        }
    }

    #[test]
    fn a_filter_asks_for_kinds_and_fields() {
        let request =
            parse(r#"{"cmd":["events"],"types":["message"],"match":{"from":"b*"},"since":"e4"}"#);
        let What::Listen(filter, from) = request.what else {
            panic!()
        };
        assert_eq!(from, Since::After(Eid(4)));
        assert!(filter.fits(&Fact::new("message").with("from", "bob")));
        assert!(!filter.fits(&Fact::new("message").with("from", "carol")));
        assert!(!filter.fits(&Fact::new("message")));
        assert!(!filter.fits(&Fact::new("presence").with("from", "bob")));
        let all = Filter::default();
        assert!(all.wants("message") && all.wants("table") && !all.wants("shown"));
    }
}
