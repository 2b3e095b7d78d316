//! Writing heads: one JSON object without blanks, fields in the order of protocol section 5.3.

use super::{Head, LookupOf, MailHead, Stamp};
use crate::model::limits::{
    APP_BYTES_MAX, HEAD_INTEGER_MAX, NAME_BYTES_MAX, REFUSAL_TEXT_BYTES_MAX, WORD_BYTES_MAX,
};
use crate::model::{MessageId, Name};
use serde::Serialize;
use std::fmt::Display;

/// Appends the head; asserts that each field is within its limit.
pub(in crate::wire) fn write(head: &Head, out: &mut Vec<u8>) {
    let mut object = Object(out);
    object.open(head.word());
    fields(head, &mut object);
    object.close();
}

#[expect(
    clippy::too_many_lines,
    reason = "the table of protocol section 5.3, one short arm a type"
)]
fn fields(head: &Head, o: &mut Object<'_>) {
    match head {
        Head::Ack { id } | Head::Row { id } => o.id("id", *id),
        Head::Card { name } => o.name("name", name),
        Head::Dereg { id, is_final } => o.id("id", *id).mark("final", *is_final),
        Head::Done { id, unchanged } => o.id("id", *id).mark("was", *unchanged),
        Head::Group { id, act, group } => o
            .id("id", *id)
            .plain("op", act.word())
            .plain("group", group.as_str()),
        Head::GroupAck { id, at_ms, to } => o.id("id", *id).time("at", *at_ms).int("to", *to),
        Head::GroupMessage {
            id,
            audience,
            stamp,
            auto,
            enc,
        } => {
            o.id("id", *id).plain("group", audience.word());
            o.stamp(*stamp, "at")
                .mark("auto", *auto)
                .encoding(enc.as_deref())
        }
        Head::List {
            id,
            of,
            group,
            after,
        } => {
            o.id("id", *id)
                .plain("of", of.word())
                .maybe(group.as_ref(), "group", Object::shown);
            o.maybe(after.as_deref(), "after", |o, key, name| {
                o.text(key, name, NAME_BYTES_MAX)
            })
        }
        Head::Lookup {
            id,
            of: LookupOf::Name(name),
        } => o.id("id", *id).name("name", name),
        Head::Lookup {
            id,
            of: LookupOf::Key(key),
        } => o.id("id", *id).shown("key", key),
        Head::Mail(mail) => mail_fields(mail, o),
        Head::MailAck => o,
        Head::Message {
            id,
            to,
            stamp,
            auto,
            enc,
        } => {
            o.id("id", *id).name("to", to).stamp(*stamp, "at");
            o.mark("auto", *auto).encoding(enc.as_deref())
        }
        Head::Names { id, more } => o.id("id", *id).flag("more", *more),
        Head::Refused {
            id,
            re,
            code,
            text,
            after_ms,
        } => {
            o.maybe(*id, "id", Object::id)
                .text("re", re, WORD_BYTES_MAX);
            o.text("code", code.word(), WORD_BYTES_MAX);
            o.text("text", text, REFUSAL_TEXT_BYTES_MAX)
                .maybe(*after_ms, "after", Object::int)
        }
        Head::Register {
            id,
            name,
            app,
            store,
            table,
        } => {
            o.id("id", *id)
                .name("name", name)
                .text("app", app, APP_BYTES_MAX);
            o.maybe(*store, "store", Object::hex16)
                .maybe(*table, "table", Object::int)
        }
        Head::Registered {
            id,
            name,
            you,
            at_ms,
            store,
            table,
            mail,
            back,
            group,
        } => {
            o.id("id", *id)
                .name("name", name)
                .shown("you", you)
                .time("at", *at_ms);
            o.hex16("store", *store)
                .int("table", *table)
                .int("mail", *mail);
            o.flag("back", *back)
                .maybe(group.as_ref(), "group", Object::shown)
        }
        Head::Relay { to } => o.name("to", to),
        Head::Relayed { from } => o.name("from", from),
        Head::Store {
            id,
            to,
            stamp,
            live,
            auto,
            enc,
        } => {
            o.id("id", *id)
                .name("to", to)
                .stamp(*stamp, "at")
                .mark("live", *live);
            o.mark("auto", *auto).encoding(enc.as_deref())
        }
        Head::Stored {
            id,
            at_ms,
            state,
            online,
        } => {
            o.id("id", *id)
                .time("at", *at_ms)
                .plain("state", state.word());
            o.flag("online", *online)
        }
        Head::Sync { from } => o.int("from", *from),
        Head::Table {
            from,
            to,
            head,
            digest,
            reset,
        } => {
            o.int("from", *from).int("to", *to).int("head", *head);
            o.maybe(*digest, "digest", Object::hex16)
                .mark("reset", *reset)
        }
    };
}

fn mail_fields<'o, 'a>(mail: &MailHead, o: &'o mut Object<'a>) -> &'o mut Object<'a> {
    o.plain("kind", mail.kind.word())
        .id("id", mail.id)
        .name("from", &mail.from);
    o.maybe(mail.audience.as_ref(), "group", |o, key, audience| {
        o.plain(key, audience.word())
    });
    o.maybe(mail.of, "of", Object::id);
    o.maybe(mail.stamp, "sent", |o, key, stamp| o.stamp(stamp, key));
    o.time("at", mail.at_ms)
        .mark("off", mail.off)
        .mark("auto", mail.auto);
    o.encoding(mail.enc.as_deref())
        .maybe(mail.stored_ms, "stored", Object::time)
}

/// A JSON object that is being written. `t` is always first, so every other field needs a comma.
struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    fn open(&mut self, word: &str) {
        self.put("{\"t\":\"").put(word).put("\"");
    }

    fn close(&mut self) {
        self.put("}");
    }

    /// A value of letters, digits and signs that JSON does not escape.
    fn plain(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key).put("\"").put(value).put("\"")
    }

    /// The same, of a value that makes its letters when it is shown.
    fn shown(&mut self, key: &str, value: impl Display) -> &mut Self {
        self.plain(key, &value.to_string())
    }

    fn id(&mut self, key: &str, id: MessageId) -> &mut Self {
        self.hex(key, &id.to_bytes())
    }

    fn hex(&mut self, key: &str, bytes: &[u8]) -> &mut Self {
        self.key(key).put("\"");
        for byte in bytes {
            let digit = |value: u8| b"0123456789abcdef".get(usize::from(value));
            let both = [digit(byte >> 4), digit(byte & 15)];
            self.0.extend(both.into_iter().flatten());
        }
        self.put("\"")
    }

    fn name(&mut self, key: &str, name: &Name) -> &mut Self {
        self.plain(key, name.as_str())
    }

    /// Any text of at most `bytes_max` bytes.
    fn text(&mut self, key: &str, text: &str, bytes_max: usize) -> &mut Self {
        assert!(
            text.len() <= bytes_max,
            "{key} has at most {bytes_max} bytes"
        );
        self.key(key).value(text)
    }

    fn int(&mut self, key: &str, value: u64) -> &mut Self {
        assert!(value <= HEAD_INTEGER_MAX, "{key} is an integer of a head");
        self.key(key).value(&value)
    }

    /// A moment; what a clock shows that is wrong by centuries becomes the nearest that travels.
    fn time(&mut self, key: &str, at_ms: i64) -> &mut Self {
        let at_ms = u64::try_from(at_ms).unwrap_or(0);
        self.int(key, at_ms.min(HEAD_INTEGER_MAX))
    }

    fn hex16(&mut self, key: &str, value: u64) -> &mut Self {
        self.hex(key, &value.to_be_bytes())
    }

    fn flag(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key).value(&value)
    }

    /// An optional flag: written only if it is set.
    fn mark(&mut self, key: &str, value: bool) -> &mut Self {
        if value { self.flag(key, true) } else { self }
    }

    fn maybe<T>(
        &mut self,
        value: Option<T>,
        key: &'static str,
        field: impl for<'o> FnOnce(&'o mut Self, &'static str, T) -> &'o mut Self,
    ) -> &mut Self {
        match value {
            Some(value) => field(self, key, value),
            None => self,
        }
    }

    fn stamp(&mut self, stamp: Stamp, time_key: &str) -> &mut Self {
        self.int("seq", stamp.seq);
        self.hex("run", &stamp.run.to_be_bytes());
        self.time(time_key, stamp.at_ms)
    }

    fn encoding(&mut self, enc: Option<&str>) -> &mut Self {
        self.maybe(enc, "enc", |o, key, enc| o.text(key, enc, WORD_BYTES_MAX))
    }

    fn key(&mut self, key: &str) -> &mut Self {
        self.put(",\"").put(key).put("\":")
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> &mut Self {
        serde_json::to_writer(&mut *self.0, value).expect("a vector takes every value");
        self
    }

    fn put(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }
}
