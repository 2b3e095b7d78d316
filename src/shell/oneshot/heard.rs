//! What a session says, as its reader understands it: replies, items of lists, events.

use crate::model::{MessageId, Name};
use crate::shell::{ErrorCode, Exit, clean};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

/// One line of a session.
#[derive(Debug)]
pub enum Heard {
    /// A request was carried out.
    Done(Re, Map<String, Value>),
    /// Something happened: its kind and its fields.
    Event(Box<str>, Map<String, Value>),
    /// A request was not carried out.
    Failed(Re, Failure),
    /// One thing of a list, as it was written and as it is understood.
    Item(Re, Box<str>, Map<String, Value>),
    /// What this version does not know.
    Other,
}

/// Who sent a message, and its id, from its fields.
#[must_use]
pub fn key(fields: &Map<String, Value>) -> Option<(Name, MessageId)> {
    Some((
        text(fields, "from").parse().ok()?,
        text(fields, "id").parse().ok()?,
    ))
}

/// The request that is answered; those of one-shots have numbers.
pub type Re = Option<u64>;

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Failure {
    /// The code.
    pub code: String,
    /// What is so.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The message that was tried.
    pub id: Option<String>,
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(default)]
    re: Option<Value>,
    ok: Option<bool>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    /// Of a reply an object, of some events a word.
    result: Option<Value>,
    error: Option<Failure>,
    ev: Option<Box<str>>,
}

impl Heard {
    /// Understands a line; what is none of ours is `Other`.
    #[must_use]
    pub fn read(line: &str) -> Self {
        let Ok(written) = serde_json::from_str::<Written<'_>>(line) else {
            return Self::Other;
        };
        let re = written.re.as_ref().and_then(Value::as_u64);
        match written {
            Written { ev: Some(kind), .. } => {
                Self::Event(kind, serde_json::from_str(line).unwrap_or_default())
            }
            Written {
                item: Some(item), ..
            } => {
                let fields = serde_json::from_str(item.get()).unwrap_or_default();
                Self::Item(re, item.get().into(), fields)
            }
            Written {
                error: Some(error), ..
            } => Self::Failed(re, error),
            Written {
                ok: Some(true),
                result,
                ..
            } => {
                let fields = result.and_then(|result| serde_json::from_value(result).ok());
                Self::Done(re, fields.unwrap_or_default())
            }
            _ => Self::Other,
        }
    }
}

impl Failure {
    /// The status it stands for.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match ErrorCode::of(&self.code) {
            Some(code) if self.id.is_some() => code.exit_after_try(),
            Some(code) => code.exit(),
            // One of a later version.
            None => Exit::Refused,
        }
    }

    /// For people: what is so, and what to do.
    #[must_use]
    pub fn words(&self) -> String {
        let message = clean::line(self.message.trim_end_matches('.'));
        match &self.hint {
            Some(hint) => format!("[{message}.]\n  {}", clean::line(hint)),
            None => format!("[{message}.]"),
        }
    }
}

/// Whether a field is true.
#[must_use]
pub fn is_set(fields: &Map<String, Value>, name: &str) -> bool {
    fields
        .get(name)
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

/// A field that is a text; empty if there is none.
#[must_use]
pub fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_heard_whatever_its_fields_are_called() {
        let line = r#"{"v":1,"ev":"hook","name":"urgent","on":"message","result":"ok"}"#;
        let Heard::Event(kind, fields) = Heard::read(line) else {
            panic!("{line}");
        };
        assert_eq!((&*kind, text(&fields, "result")), ("hook", "ok"));
        let line = r#"{"v":1,"re":1,"ok":true,"result":{"count":1}}"#;
        assert!(matches!(Heard::read(line), Heard::Done(Some(1), fields) if fields["count"] == 1));
    }
}
