//! Facts as objects of JSON: what programs read.

use super::fields::{Fact, Value};
use crate::model::Wall;
use serde_json::{Map, Value as Json};

/// The version of the schema; it rises when something is taken away or means something else.
pub const VERSION: u32 = 1;

/// `v`, `ev` and the fields of a fact, in their order; whoever writes it adds what it knows more.
#[must_use]
pub fn object(fact: &Fact, wall: Wall, profile: &str) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("v".to_owned(), VERSION.into());
    object.insert("ev".to_owned(), fact.kind.into());
    object.insert("ts".to_owned(), wall.rfc_3339().into());
    object.insert("profile".to_owned(), profile.into());
    let fields = fact.fields.iter();
    object.extend(fields.map(|(name, value)| ((*name).to_owned(), json(value))));
    object
}

fn json(value: &Value) -> Json {
    match value {
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => (**text).into(),
        Value::Time(unix_ms) => Wall::utc(*unix_ms).rfc_3339().into(),
    }
}
