//! Reading heads: unknown fields are passed over, known ones must be right and stand once.

use super::{Audience, GroupAct, Head, ListOf, LookupOf, MailHead, MailKind, Stamp, StoredState};
use crate::model::limits::{
    APP_BYTES_MAX, HEAD_INTEGER_MAX, REFUSAL_TEXT_BYTES_MAX, WORD_BYTES_MAX,
};
use crate::model::{MessageId, Name};
use crate::wire::DecodeError;
use crate::wire::packet::PacketError;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Reads a head of at most `HEAD_BYTES_MAX` bytes.
pub(in crate::wire) fn read(head: &[u8]) -> Result<Head, PacketError> {
    let head = std::str::from_utf8(head).map_err(|_| PacketError::Malformed)?;
    // A derived reader would take an array of all fields for an object.
    if !head.trim_ascii_start().starts_with('{') {
        return Err(PacketError::Malformed);
    }
    let fields = serde_json::from_str::<Fields>(head).map_err(|_| PacketError::Malformed)?;
    match fields.head() {
        Ok(Some(head)) => Ok(head),
        Ok(None) => Err(PacketError::UnknownType {
            id: fields.id.parsed().ok(),
        }),
        Err(DecodeError) => Err(PacketError::Malformed),
    }
}

/// Every field that any head has. The same key may be a name here and a number there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    t: Value<'a>,
    after: Value<'a>,
    app: Value<'a>,
    at: Value<'a>,
    auto: Value<'a>,
    back: Value<'a>,
    code: Value<'a>,
    digest: Value<'a>,
    enc: Value<'a>,
    r#final: Value<'a>,
    from: Value<'a>,
    group: Value<'a>,
    head: Value<'a>,
    id: Value<'a>,
    key: Value<'a>,
    kind: Value<'a>,
    live: Value<'a>,
    mail: Value<'a>,
    more: Value<'a>,
    name: Value<'a>,
    of: Value<'a>,
    off: Value<'a>,
    online: Value<'a>,
    op: Value<'a>,
    re: Value<'a>,
    reset: Value<'a>,
    run: Value<'a>,
    sent: Value<'a>,
    seq: Value<'a>,
    state: Value<'a>,
    store: Value<'a>,
    stored: Value<'a>,
    table: Value<'a>,
    text: Value<'a>,
    to: Value<'a>,
    was: Value<'a>,
    you: Value<'a>,
}

impl Fields<'_> {
    /// The head of these fields; None if its type is unknown.
    fn head(&self) -> Result<Option<Head>, DecodeError> {
        let head = match self.t.text()? {
            "" => return Err(DecodeError),
            "ack" => Head::Ack { id: self.id()? },
            "card" => Head::Card { name: self.name()? },
            "dereg" => Head::Dereg {
                id: self.id()?,
                is_final: self.r#final.mark()?,
            },
            "done" => Head::Done {
                id: self.id()?,
                unchanged: self.was.mark()?,
            },
            "gack" => Head::GroupAck {
                id: self.id()?,
                at_ms: self.at.time()?,
                to: self.to.int()?,
            },
            "gmsg" => self.group_message()?,
            "group" => self.group()?,
            "list" => self.list()?,
            "lookup" => self.lookup()?,
            "mail" => Head::Mail(self.mail()?),
            "mailack" => Head::MailAck,
            "msg" => self.message()?,
            "names" => Head::Names {
                id: self.id()?,
                more: self.more.flag()?,
            },
            "refused" => self.refused()?,
            "register" => self.register()?,
            "registered" => self.registered()?,
            "relay" => Head::Relay {
                to: self.to.parsed()?,
            },
            "relayed" => Head::Relayed {
                from: self.from.parsed()?,
            },
            "row" => Head::Row { id: self.id()? },
            "store" => self.store()?,
            "stored" => self.stored()?,
            "sync" => Head::Sync {
                from: self.from.int()?,
            },
            "table" => self.table()?,
            _ => return Ok(None),
        };
        Ok(Some(head))
    }

    fn group(&self) -> Result<Head, DecodeError> {
        Ok(Head::Group {
            id: self.id()?,
            act: self.op.one_of(&GroupAct::ALL, GroupAct::word)?,
            group: self.group.parsed()?,
        })
    }

    fn group_message(&self) -> Result<Head, DecodeError> {
        Ok(Head::GroupMessage {
            id: self.id()?,
            audience: self.group.audience()?,
            stamp: self.stamp(&self.at)?,
            auto: self.auto.mark()?,
            enc: self.encoding()?,
        })
    }

    fn list(&self) -> Result<Head, DecodeError> {
        Ok(Head::List {
            id: self.id()?,
            of: self.of.one_of(&ListOf::ALL, ListOf::word)?,
            group: self.group.maybe(Value::parsed)?,
            after: self
                .after
                .maybe(|after| Ok(after.parsed::<Name>()?.as_str().into()))?,
        })
    }

    fn lookup(&self) -> Result<Head, DecodeError> {
        let of = match (
            self.name.maybe(Value::parsed)?,
            self.key.maybe(Value::parsed)?,
        ) {
            (Some(name), None) => LookupOf::Name(name),
            (None, Some(key)) => LookupOf::Key(key),
            _ => return Err(DecodeError),
        };
        Ok(Head::Lookup { id: self.id()?, of })
    }

    fn mail(&self) -> Result<MailHead, DecodeError> {
        let kind = self.kind.one_of(&MailKind::ALL, MailKind::word)?;
        let (seq, run, sent) = (&self.seq, &self.run, &self.sent);
        let has_stamp = ![seq, run, sent].iter().all(|field| field.is_void());
        let mail = MailHead {
            kind,
            id: self.id()?,
            from: self.from.parsed()?,
            audience: self.group.maybe(Value::audience)?,
            of: self.of.maybe(Value::parsed)?,
            stamp: has_stamp.then(|| self.stamp(sent)).transpose()?,
            at_ms: self.at.time()?,
            off: self.off.mark()?,
            auto: self.auto.mark()?,
            enc: self.encoding()?,
            stored_ms: self.stored.maybe(Value::time)?,
        };
        let is_whole = match kind {
            MailKind::Direct => mail.stamp.is_some(),
            MailKind::Group => mail.stamp.is_some() && mail.audience.is_some(),
            MailKind::Expired | MailKind::Receipt => mail.of.is_some(),
        };
        is_whole.then_some(mail).ok_or(DecodeError)
    }

    fn message(&self) -> Result<Head, DecodeError> {
        Ok(Head::Message {
            id: self.id()?,
            to: self.to.parsed()?,
            stamp: self.stamp(&self.at)?,
            auto: self.auto.mark()?,
            enc: self.encoding()?,
        })
    }

    fn refused(&self) -> Result<Head, DecodeError> {
        Ok(Head::Refused {
            id: self.id.maybe(Value::parsed)?,
            re: self.re.short(WORD_BYTES_MAX)?,
            code: self.code.parsed()?,
            text: self.text.short(REFUSAL_TEXT_BYTES_MAX)?,
            after_ms: self.after.maybe(Value::int)?,
        })
    }

    fn register(&self) -> Result<Head, DecodeError> {
        Ok(Head::Register {
            id: self.id()?,
            name: self.name()?,
            app: self.app.short(APP_BYTES_MAX)?,
            store: self.store.maybe(Value::hex16)?,
            table: self.table.maybe(Value::int)?,
        })
    }

    fn registered(&self) -> Result<Head, DecodeError> {
        Ok(Head::Registered {
            id: self.id()?,
            name: self.name()?,
            you: self.you.parsed()?,
            at_ms: self.at.time()?,
            store: self.store.hex16()?,
            table: self.table.int()?,
            mail: self.mail.int()?,
            back: self.back.flag()?,
            group: self.group.maybe(Value::parsed)?,
        })
    }

    fn store(&self) -> Result<Head, DecodeError> {
        Ok(Head::Store {
            id: self.id()?,
            to: self.to.parsed()?,
            stamp: self.stamp(&self.at)?,
            live: self.live.mark()?,
            auto: self.auto.mark()?,
            enc: self.encoding()?,
        })
    }

    fn stored(&self) -> Result<Head, DecodeError> {
        Ok(Head::Stored {
            id: self.id()?,
            at_ms: self.at.time()?,
            state: self.state.one_of(&StoredState::ALL, StoredState::word)?,
            online: self.online.flag()?,
        })
    }

    fn table(&self) -> Result<Head, DecodeError> {
        Ok(Head::Table {
            from: self.from.int()?,
            to: self.to.int()?,
            head: self.head.int()?,
            digest: self.digest.maybe(Value::hex16)?,
            reset: self.reset.mark()?,
        })
    }

    fn id(&self) -> Result<MessageId, DecodeError> {
        self.id.parsed()
    }

    fn name(&self) -> Result<Name, DecodeError> {
        self.name.parsed()
    }

    fn stamp(&self, time: &Value<'_>) -> Result<Stamp, DecodeError> {
        let run = u32::try_from(self.run.hex(8)?).map_err(|_| DecodeError)?;
        Ok(Stamp {
            seq: self.seq.int()?,
            run,
            at_ms: time.time()?,
        })
    }

    fn encoding(&self) -> Result<Option<Box<str>>, DecodeError> {
        self.enc.maybe(|enc| enc.short(WORD_BYTES_MAX))
    }
}

/// The value of a field, borrowed from the head unless it holds escapes.
#[derive(Default)]
enum Value<'a> {
    #[default]
    Absent,
    Bool(bool),
    /// 0 to 2^53-1.
    Int(u64),
    /// What no field of ours holds: fractions, large or negative numbers, null, lists, objects.
    Other,
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// `false`, `""` and absent mean the same.
    fn is_void(&self) -> bool {
        match self {
            Self::Absent | Self::Bool(false) => true,
            Self::Text(text) => text.is_empty(),
            Self::Bool(true) | Self::Int(_) | Self::Other => false,
        }
    }

    /// An optional field.
    fn maybe<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.is_void() {
            Ok(None)
        } else {
            read(self).map(Some)
        }
    }

    /// An optional flag.
    fn mark(&self) -> Result<bool, DecodeError> {
        self.maybe(Self::flag).map(Option::unwrap_or_default)
    }

    fn flag(&self) -> Result<bool, DecodeError> {
        match self {
            Self::Bool(flag) => Ok(*flag),
            _ => Err(DecodeError),
        }
    }

    fn int(&self) -> Result<u64, DecodeError> {
        match self {
            Self::Int(value) => Ok(*value),
            _ => Err(DecodeError),
        }
    }

    fn time(&self) -> Result<i64, DecodeError> {
        i64::try_from(self.int()?).map_err(|_| DecodeError)
    }

    fn text(&self) -> Result<&str, DecodeError> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(DecodeError),
        }
    }

    fn short(&self, bytes_max: usize) -> Result<Box<str>, DecodeError> {
        let text = self.text()?;
        (text.len() <= bytes_max)
            .then(|| text.into())
            .ok_or(DecodeError)
    }

    fn parsed<T: FromStr>(&self) -> Result<T, DecodeError> {
        self.text()?.parse().map_err(|_| DecodeError)
    }

    fn audience(&self) -> Result<Audience, DecodeError> {
        match self.text()? {
            "*" => Ok(Audience::Everybody),
            _ => self.parsed().map(Audience::Group),
        }
    }

    fn one_of<T: Copy>(&self, all: &[T], word: fn(T) -> &'static str) -> Result<T, DecodeError> {
        let text = self.text()?;
        let found = all.iter().find(|value| word(**value) == text);
        found.copied().ok_or(DecodeError)
    }

    fn hex16(&self) -> Result<u64, DecodeError> {
        self.hex(16)
    }

    /// Exactly so many lower-case hexadecimal digits, at most 16.
    fn hex(&self, digits: usize) -> Result<u64, DecodeError> {
        let text = self.text()?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let right = text.len() == digits && text.bytes().all(is_digit);
        right.then_some(()).ok_or(DecodeError)?;
        u64::from_str_radix(text, 16).map_err(|_| DecodeError)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        let fits = value <= HEAD_INTEGER_MAX;
        Ok(if fits {
            Value::Int(value)
        } else {
            Value::Other
        })
    }

    fn visit_i64<E>(self, _negative: i64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value<'de>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}
