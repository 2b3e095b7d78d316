//! Writing heads: one JSON object without blanks, fields in the order of protocol section 5.3.

use super::{Head, LookupOf, MailHead, Stamp};
use crate::model::limits::{
    APP_BYTES_MAX, HEAD_INTEGER_MAX, NAME_BYTES_MAX, REFUSAL_TEXT_BYTES_MAX, WORD_BYTES_MAX,
};
use std::fmt::Display;
use std::io::Write as _;

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
        Head::Ack { id } | Head::Row { id } => o.plain("id", id),
        Head::Card { name } => o.plain("name", name),
        Head::Dereg { id, is_final } => o.plain("id", id).mark("final", *is_final),
        Head::Done { id, unchanged } => o.plain("id", id).mark("was", *unchanged),
        Head::Group { id, act, group } => o
            .plain("id", id)
            .plain("op", act.word())
            .plain("group", group),
        Head::GroupAck { id, at_ms, to } => o.plain("id", id).time("at", *at_ms).int("to", *to),
        Head::GroupMessage {
            id,
            audience,
            stamp,
            auto,
            enc,
        } => {
            o.plain("id", id).plain("group", audience.word());
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
            o.plain("id", id)
                .plain("of", of.word())
                .maybe(group.as_ref(), "group", Object::plain);
            o.maybe(after.as_deref(), "after", |o, key, name| {
                o.text(key, name, NAME_BYTES_MAX)
            })
        }
        Head::Lookup {
            id,
            of: LookupOf::Name(name),
        } => o.plain("id", id).plain("name", name),
        Head::Lookup {
            id,
            of: LookupOf::Key(key),
        } => o.plain("id", id).plain("key", key),
        Head::Mail(mail) => mail_fields(mail, o),
        Head::MailAck => o,
        Head::Message {
            id,
            to,
            stamp,
            auto,
            enc,
        } => {
            o.plain("id", id).plain("to", to).stamp(*stamp, "at");
            o.mark("auto", *auto).encoding(enc.as_deref())
        }
        Head::Names { id, more } => o.plain("id", id).flag("more", *more),
        Head::Refused {
            id,
            re,
            code,
            text,
            after_ms,
        } => {
            o.maybe(id.as_ref(), "id", Object::plain)
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
            o.plain("id", id)
                .plain("name", name)
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
            o.plain("id", id)
                .plain("name", name)
                .plain("you", you)
                .time("at", *at_ms);
            o.hex16("store", *store)
                .int("table", *table)
                .int("mail", *mail);
            o.flag("back", *back)
                .maybe(group.as_ref(), "group", Object::plain)
        }
        Head::Relay { to } => o.plain("to", to),
        Head::Relayed { from } => o.plain("from", from),
        Head::Store {
            id,
            to,
            stamp,
            live,
            auto,
            enc,
        } => {
            o.plain("id", id)
                .plain("to", to)
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
            o.plain("id", id)
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
        .plain("id", mail.id)
        .plain("from", &mail.from);
    o.maybe(mail.audience.as_ref(), "group", |o, key, audience| {
        o.plain(key, audience.word())
    });
    o.maybe(mail.of, "of", Object::plain);
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
        self.put(format_args!("{{\"t\":\"{word}\""));
    }

    fn close(&mut self) {
        self.0.push(b'}');
    }

    /// A value of letters, digits and signs that JSON does not escape.
    fn plain(&mut self, key: &str, value: impl Display) -> &mut Self {
        self.put(format_args!(",\"{key}\":\"{value}\""))
    }

    /// Any text of at most `bytes_max` bytes.
    fn text(&mut self, key: &str, text: &str, bytes_max: usize) -> &mut Self {
        assert!(
            text.len() <= bytes_max,
            "{key} has at most {bytes_max} bytes"
        );
        self.put(format_args!(",\"{key}\":"));
        serde_json::to_writer(&mut *self.0, text).expect("a vector takes every string");
        self
    }

    fn int(&mut self, key: &str, value: u64) -> &mut Self {
        assert!(value <= HEAD_INTEGER_MAX, "{key} is an integer of a head");
        self.put(format_args!(",\"{key}\":{value}"))
    }

    /// A moment; what a clock shows that is wrong by centuries becomes the nearest that travels.
    fn time(&mut self, key: &str, at_ms: i64) -> &mut Self {
        let at_ms = u64::try_from(at_ms).unwrap_or(0);
        self.int(key, at_ms.min(HEAD_INTEGER_MAX))
    }

    fn hex16(&mut self, key: &str, value: u64) -> &mut Self {
        self.plain(key, format_args!("{value:016x}"))
    }

    fn flag(&mut self, key: &str, value: bool) -> &mut Self {
        self.put(format_args!(",\"{key}\":{value}"))
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
        self.plain("run", format_args!("{:08x}", stamp.run));
        self.time(time_key, stamp.at_ms)
    }

    fn encoding(&mut self, enc: Option<&str>) -> &mut Self {
        self.maybe(enc, "enc", |o, key, enc| o.text(key, enc, WORD_BYTES_MAX))
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) -> &mut Self {
        self.0.write_fmt(text).expect("a vector takes every byte");
        self
    }
}
