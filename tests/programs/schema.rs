//! Events against docs/events.schema.json: what is not in the schema is not told.

use serde_json::Value;
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let schema = include_str!("../../docs/events.schema.json");
    serde_json::from_str(schema).expect("the schema is JSON")
});

/// A line of a program's output: if it is an event, it is one of a stream.
pub(crate) fn check_line(line: &str) {
    if line.starts_with(r#"{"v":1,"ev":"#) {
        let event = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        check(&event);
        assert!(event["eid"].is_string(), "no eid: {line}");
    }
}

/// As much of a validator as that schema needs; a field that it does not name is wrong.
pub(crate) fn check(event: &Value) {
    let kinds = SCHEMA["oneOf"].as_array().expect("it lists kinds");
    let of = |kind: &&Value| kind["properties"]["ev"]["const"] == event["ev"];
    let kind = kinds.iter().find(of).unwrap_or_else(|| panic!("{event}"));
    for (name, value) in event.as_object().expect("an event is an object") {
        let takes = &kind["properties"][name];
        assert!(fits(takes, value), "{name} of {event}");
    }
    for name in kind["required"].as_array().expect("a list of names") {
        let name = name.as_str().expect("a name is a text");
        assert!(event.get(name).is_some(), "{name} of {event}");
    }
}

fn fits(takes: &Value, value: &Value) -> bool {
    if let Some(words) = takes["enum"].as_array() {
        return words.contains(value);
    }
    match (takes["type"].as_str(), value.as_str()) {
        (Some("boolean"), _) => value.is_boolean(),
        (Some("integer"), _) => value.is_i64(),
        (Some("string"), Some(text)) if takes["format"] == "date-time" => is_time(text),
        (Some("string"), Some(text)) if !takes["pattern"].is_null() => is_eid(text),
        (Some("string"), text) => text.is_some(),
        _ => !value.is_null() && takes["const"] == *value,
    }
}

/// `2026-11-20T20:45:00.123Z`: RFC 3339, in UTC, as all of ours are.
fn is_time(text: &str) -> bool {
    let digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
    digits(text) == "0000-00-00T00:00:00.000Z"
}

/// The only pattern there is.
fn is_eid(text: &str) -> bool {
    let digits = text.strip_prefix('e');
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
