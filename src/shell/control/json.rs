//! Facts as lines of JSON: one object a line, the fields in the order of their kind.

use super::journal::{Eid, Entry};
use super::request::Re;
use crate::model::Wall;
use crate::shell::fields::{Fact, Value};
use std::fmt::Write as _;

/// The version of everything that is written; it rises when something is taken away.
pub const VERSION: u8 = 1;

/// An object that is being written.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self(format!("{{\"v\":{VERSION}"))
    }

    fn raw(mut self, name: &str, value: &str) -> Self {
        write!(self.0, ",\"{name}\":{value}").expect("a string takes all");
        self
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, &quoted(value))
    }

    fn fields(mut self, fact: &Fact) -> Self {
        for (name, value) in &fact.fields {
            self = match value {
                Value::Flag(flag) => self.raw(name, if *flag { "true" } else { "false" }),
                Value::Number(number) => self.raw(name, &number.to_string()),
                Value::Text(text) => self.text(name, text),
                Value::Time(unix_ms) => self.text(name, &Wall::utc(*unix_ms).rfc_3339()),
            };
        }
        self
    }

    fn line(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

/// A text as JSON has it.
///
/// # Panics
/// Never: every text can be written.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is a JSON string")
}

/// What happened.
#[must_use]
pub fn event(profile: &str, entry: &Entry) -> String {
    stamped(entry.fact.kind, profile, entry.eid, entry.unix_ms)
        .fields(&entry.fact)
        .line()
}

/// What happened, for one who is not told of anything else: without a place in a stream.
#[must_use]
pub fn fact(profile: &str, unix_ms: i64, fact: &Fact) -> String {
    Object::new()
        .text("ev", fact.kind)
        .text("ts", &Wall::utc(unix_ms).rfc_3339())
        .text("profile", profile)
        .fields(fact)
        .line()
}

/// The begin of a stream; what follows is newer than its `eid`.
#[must_use]
pub fn hello(profile: &str, (eid, unix_ms): (Eid, i64), fields: &Fact) -> String {
    stamped("hello", profile, eid, unix_ms)
        .fields(fields)
        .line()
}

/// Events between two others are not there any more.
#[must_use]
pub fn gap(profile: &str, (eid, unix_ms): (Eid, i64), after: Eid) -> String {
    stamped("gap", profile, eid, unix_ms)
        .text("after", &after.to_string())
        .line()
}

fn stamped(kind: &str, profile: &str, eid: Eid, unix_ms: i64) -> Object {
    Object::new()
        .text("ev", kind)
        .text("eid", &eid.to_string())
        .text("ts", &Wall::utc(unix_ms).rfc_3339())
        .text("profile", profile)
}

/// One of the records that a request asked for.
#[must_use]
pub fn item(re: &Re, record: &Fact) -> String {
    let item = fields_only(record);
    reply(re).raw("item", &item).line()
}

/// A request was carried out.
#[must_use]
pub fn done(re: &Re, result: &Fact) -> String {
    let result = fields_only(result);
    reply(re).raw("ok", "true").raw("result", &result).line()
}

/// A request was refused, or failed.
#[must_use]
pub fn failed(re: &Re, error: &Fact) -> String {
    let error = fields_only(error);
    reply(re).raw("ok", "false").raw("error", &error).line()
}

fn reply(re: &Re) -> Object {
    Object::new().raw("re", &re.to_string())
}

fn fields_only(fact: &Fact) -> String {
    let object = Object(String::from("{")).fields(fact).0 + "}";
    // The comma before the first field.
    object.replacen("{,", "{", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_a_text_contains() {
        let hostile = "\"}\n{\"v\":1,\"ev\":\"key\"}\u{0}\u{1b}[2J\u{2028}\\";
        let fact = Fact::new("message")
            .with("text", hostile)
            .with("late", false)
            .with("sent_ts", Value::Time(978_307_200_001));
        let entry = Entry {
            eid: Eid(417),
            unix_ms: 0,
            fact,
        };
        let line = event("lab", &entry);
        assert_eq!(line.matches('\n').count(), 1);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["text"], hostile);
        assert_eq!(object["ev"], "message");
        assert_eq!(object["eid"], "e417");
        assert_eq!(object["ts"], "1970-01-01T00:00:00.000Z");
        assert_eq!(object["sent_ts"], "2001-01-01T00:00:00.001Z");
        assert_eq!(object["late"], false);
    }

    #[test]
    fn replies_name_their_request() {
        let empty = Fact::new("result");
        assert_eq!(
            done(&Re::Nothing, &empty),
            "{\"v\":1,\"re\":null,\"ok\":true,\"result\":{}}\n"
        );
        let two = Fact::new("x").with("a", "{,").with("b", 2_usize);
        assert_eq!(
            item(&Re::Text("x\"".into()), &two),
            "{\"v\":1,\"re\":\"x\\\"\",\"item\":{\"a\":\"{,\",\"b\":2}}\n"
        );
    }
}
