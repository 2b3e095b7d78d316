//! What one-shots write for people and pipes: records as columns, messages by a format.

use crate::shell::clean;
use crate::shell::fields::Kind;
use serde_json::{Map, Value};

/// A record of a command as a line: its columns, parted by tabs; what there is one of has a line
/// for each of its fields.
#[must_use]
pub fn record(command: &str, fields: &Map<String, Value>) -> String {
    match command {
        "grep" | "history" => said(fields),
        "table" => {
            // Each in its place, also of those who have no address.
            let columns = ["who", "address", "status", "reason"];
            let columns = columns.map(|name| fields.get(name).map_or("-".to_owned(), plain));
            columns.join("\t")
        }
        _ => {
            let order = Kind::of_query(command).map_or(&[][..], |kind| kind.fields);
            let names = order.iter().map(|field| field.name);
            let present = names.filter_map(|name| Some((name, fields.get(name)?)));
            if matches!(command, "session" | "stats") {
                let lines = present.map(|(name, value)| format!("{name}\t{}", plain(value)));
                return lines.collect::<Vec<_>>().join("\n");
            }
            let columns = present.map(|(_, value)| plain(value));
            columns.collect::<Vec<_>>().join("\t")
        }
    }
}

/// `2026-11-20T20:45:00.123Z alice to bob: hi`
fn said(fields: &Map<String, Value>) -> String {
    let value = |name: &str| fields.get(name).map(plain).unwrap_or_default();
    let with = value("with");
    let from = value("from");
    let to = if with == from {
        String::new()
    } else {
        format!(" to {with}")
    };
    format!("{} {from}{to}: {}", value("sent_ts"), value("text"))
}

/// A message by a format: `{from}` and the like are its fields, the rest stands as it is.
#[must_use]
pub fn formatted(format: &str, fields: &Map<String, Value>) -> String {
    let mut written = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        written += before;
        let Some((name, tail)) = after.split_once('}') else {
            written.push('{');
            rest = after;
            continue;
        };
        // Once: what a text contains is no format.
        written += &fields.get(name).map(plain).unwrap_or_default();
        rest = tail;
    }
    written + rest
}

/// A value on a line of its own, clean.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => clean::line(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn records_are_columns_in_the_order_of_their_kind() {
        let row = fields(&json!({"reason": "left", "who": "carol", "status": "away"}));
        assert_eq!(record("table", &row), "carol\t-\taway\tleft");
        let said = json!({"from": "bob", "with": "bob", "text": "a\nb\u{1b}", "sent_ts": "T"});
        assert_eq!(record("history", &fields(&said)), "T bob: a␊b␛");
        let own = json!({"from": "al", "with": "#g", "text": "hi", "sent_ts": "T"});
        assert_eq!(record("grep", &fields(&own)), "T al to #g: hi");
    }

    #[test]
    fn what_a_text_contains_is_no_format() {
        let message = fields(&json!({"from": "bob", "text": "{from} {"}));
        for (format, line) in [
            ("{from}: {text}", "bob: {from} {"),
            ("{nothing}|{", "|{"),
            ("plain", "plain"),
        ] {
            assert_eq!(formatted(format, &message), line);
        }
    }
}
