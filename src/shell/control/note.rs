//! Events as a store keeps them: their fields as an object of JSON, times as numbers.

use super::journal::{Eid, Entry};
use crate::client::port::Noted;
use crate::shell::fields::{Fact, KINDS, Takes, Value};
use serde_json::{Map, Value as Json};

/// For the store.
pub(super) fn write(entry: &Entry) -> Noted {
    let fields = entry.fact.fields.iter().map(|(name, value)| {
        let value = match value {
            Value::Flag(flag) => Json::from(*flag),
            Value::Number(number) | Value::Time(number) => Json::from(*number),
            Value::Text(text) => Json::from(&**text),
        };
        ((*name).to_owned(), value)
    });
    let fields: Map<String, Json> = fields.collect();
    Noted {
        eid: entry.eid.0,
        at_ms: entry.unix_ms,
        kind: entry.fact.kind.into(),
        fields: Json::from(fields).to_string().into(),
    }
}

/// From the store. None: another version wrote it, and nobody knows what it means.
pub(super) fn read(noted: &Noted) -> Option<Entry> {
    let kind = KINDS.iter().find(|kind| kind.name == &*noted.kind)?;
    let written: Map<String, Json> = serde_json::from_str(&noted.fields).ok()?;
    let mut fact = Fact::new(kind.name);
    for field in kind.fields {
        let Some(value) = written.get(field.name) else {
            continue;
        };
        let value = match field.takes {
            Takes::Flag => Value::Flag(value.as_bool()?),
            Takes::Number => Value::Number(value.as_i64()?),
            Takes::Text | Takes::Words(_) => Value::Text(value.as_str()?.into()),
            Takes::Time => Value::Time(value.as_i64()?),
        };
        fact.fields.push((field.name, value));
    }
    Some(Entry {
        eid: Eid(noted.eid),
        unix_ms: noted.at_ms,
        fact,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        let fact = Fact::new("message")
            .with("id", "9f2c")
            .with("text", "\"}\n\u{0}\u{1b}[2J\\")
            .with("late", true)
            .with("sent_ts", Value::Time(-1));
        let entry = Entry {
            eid: Eid(u64::MAX >> 1),
            unix_ms: 5,
            fact,
        };
        let noted = write(&entry);
        assert_eq!(read(&noted), Some(entry));
        let kind = Noted {
            kind: "dream".into(),
            ..noted.clone()
        };
        assert_eq!(read(&kind), None);
        for fields in ["", "[]", "{\"late\":\"yes\"}"] {
            let fields = fields.into();
            assert_eq!(
                read(&Noted {
                    fields,
                    ..noted.clone()
                }),
                None
            );
        }
    }
}
