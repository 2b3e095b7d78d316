//! Reading heads: unknown fields are passed over, known ones must be right and stand once.

use super::{Audience, GroupAct, Head, ListOf, LookupOf, MailHead, MailKind, Stamp, StoredState};
use crate::model::limits::{
    APP_BYTES_MAX, HEAD_INTEGER_MAX, REFUSAL_TEXT_BYTES_MAX, WORD_BYTES_MAX,
};
use crate::model::{MessageId, Name};
use crate::wire::DecodeError;
use crate::wire::packet::PacketError;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A letter has ten.
const FIELDS_USUAL: usize = 10;

/// Reads a head of at most `HEAD_BYTES_MAX` bytes.
pub(in crate::wire) fn read(head: &[u8]) -> Result<Head, PacketError> {
    let head = std::str::from_utf8(head).map_err(|_| PacketError::Malformed)?;
    let fields = serde_json::from_str::<Fields>(head).map_err(|_| PacketError::Malformed)?;
    match fields.head() {
        Ok(Some(head)) => Ok(head),
        Ok(None) => Err(PacketError::UnknownType {
            id: fields.id().ok(),
        }),
        Err(DecodeError) => Err(PacketError::Malformed),
    }
}

/// The fields of a head that we know, in the order in which they came. The same key may be a name
/// here and a number there.
struct Fields<'a>(Vec<(Field, Value<'a>)>);

/// Every field that any head has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    After,
    App,
    At,
    Auto,
    Back,
    Code,
    Digest,
    Enc,
    Final,
    From,
    Group,
    Head,
    Id,
    Key,
    Kind,
    Live,
    Mail,
    More,
    Name,
    Of,
    Off,
    Online,
    Op,
    Re,
    Reset,
    Run,
    Sent,
    Seq,
    State,
    Store,
    Stored,
    T,
    Table,
    Text,
    To,
    Was,
    You,
    #[serde(other)]
    Unknown,
}

impl<'a> Fields<'a> {
    /// The value of a field.
    fn of(&self, key: Field) -> &Value<'a> {
        let found = self.0.iter().find(|(known, _)| *known == key);
        found.map_or(&Value::Absent, |(_, value)| value)
    }

    /// The head of these fields; None if its type is unknown.
    fn head(&self) -> Result<Option<Head>, DecodeError> {
        let head = match self.of(Field::T).text()? {
            "" => return Err(DecodeError),
            "ack" => Head::Ack { id: self.id()? },
            "card" => Head::Card { name: self.name()? },
            "dereg" => Head::Dereg {
                id: self.id()?,
                is_final: self.of(Field::Final).mark()?,
            },
            "done" => Head::Done {
                id: self.id()?,
                unchanged: self.of(Field::Was).mark()?,
            },
            "gack" => Head::GroupAck {
                id: self.id()?,
                at_ms: self.of(Field::At).time()?,
                to: self.of(Field::To).int()?,
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
                more: self.of(Field::More).flag()?,
            },
            "refused" => self.refused()?,
            "register" => self.register()?,
            "registered" => self.registered()?,
            "relay" => Head::Relay {
                to: self.of(Field::To).parsed()?,
            },
            "relayed" => Head::Relayed {
                from: self.of(Field::From).parsed()?,
            },
            "row" => Head::Row { id: self.id()? },
            "store" => self.store()?,
            "stored" => self.stored()?,
            "sync" => Head::Sync {
                from: self.of(Field::From).int()?,
            },
            "table" => self.table()?,
            _ => return Ok(None),
        };
        Ok(Some(head))
    }

    fn group(&self) -> Result<Head, DecodeError> {
        Ok(Head::Group {
            id: self.id()?,
            act: self.of(Field::Op).one_of(&GroupAct::ALL, GroupAct::word)?,
            group: self.of(Field::Group).parsed()?,
        })
    }

    fn group_message(&self) -> Result<Head, DecodeError> {
        Ok(Head::GroupMessage {
            id: self.id()?,
            audience: self.of(Field::Group).audience()?,
            stamp: self.stamp(self.of(Field::At))?,
            auto: self.of(Field::Auto).mark()?,
            enc: self.encoding()?,
        })
    }

    fn list(&self) -> Result<Head, DecodeError> {
        Ok(Head::List {
            id: self.id()?,
            of: self.of(Field::Of).one_of(&ListOf::ALL, ListOf::word)?,
            group: self.of(Field::Group).maybe(Value::parsed)?,
            after: self
                .of(Field::After)
                .maybe(|after| Ok(after.parsed::<Name>()?.as_str().into()))?,
        })
    }

    fn lookup(&self) -> Result<Head, DecodeError> {
        let of = match (
            self.of(Field::Name).maybe(Value::parsed)?,
            self.of(Field::Key).maybe(Value::parsed)?,
        ) {
            (Some(name), None) => LookupOf::Name(name),
            (None, Some(key)) => LookupOf::Key(key),
            _ => return Err(DecodeError),
        };
        Ok(Head::Lookup { id: self.id()?, of })
    }

    fn mail(&self) -> Result<MailHead, DecodeError> {
        let kind = self
            .of(Field::Kind)
            .one_of(&MailKind::ALL, MailKind::word)?;
        let (seq, run, sent) = (
            self.of(Field::Seq),
            self.of(Field::Run),
            self.of(Field::Sent),
        );
        let has_stamp = ![seq, run, sent].iter().all(|field| field.is_void());
        let mail = MailHead {
            kind,
            id: self.id()?,
            from: self.of(Field::From).parsed()?,
            audience: self.of(Field::Group).maybe(Value::audience)?,
            of: self.of(Field::Of).maybe(Value::parsed)?,
            stamp: has_stamp.then(|| self.stamp(sent)).transpose()?,
            at_ms: self.of(Field::At).time()?,
            off: self.of(Field::Off).mark()?,
            auto: self.of(Field::Auto).mark()?,
            enc: self.encoding()?,
            stored_ms: self.of(Field::Stored).maybe(Value::time)?,
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
            to: self.of(Field::To).parsed()?,
            stamp: self.stamp(self.of(Field::At))?,
            auto: self.of(Field::Auto).mark()?,
            enc: self.encoding()?,
        })
    }

    fn refused(&self) -> Result<Head, DecodeError> {
        Ok(Head::Refused {
            id: self.of(Field::Id).maybe(Value::parsed)?,
            re: self.of(Field::Re).short(WORD_BYTES_MAX)?,
            code: self.of(Field::Code).parsed()?,
            text: self.of(Field::Text).short(REFUSAL_TEXT_BYTES_MAX)?,
            after_ms: self.of(Field::After).maybe(Value::int)?,
        })
    }

    fn register(&self) -> Result<Head, DecodeError> {
        Ok(Head::Register {
            id: self.id()?,
            name: self.name()?,
            app: self.of(Field::App).short(APP_BYTES_MAX)?,
            store: self.of(Field::Store).maybe(Value::hex16)?,
            table: self.of(Field::Table).maybe(Value::int)?,
        })
    }

    fn registered(&self) -> Result<Head, DecodeError> {
        Ok(Head::Registered {
            id: self.id()?,
            name: self.name()?,
            you: self.of(Field::You).parsed()?,
            at_ms: self.of(Field::At).time()?,
            store: self.of(Field::Store).hex16()?,
            table: self.of(Field::Table).int()?,
            mail: self.of(Field::Mail).int()?,
            back: self.of(Field::Back).flag()?,
            group: self.of(Field::Group).maybe(Value::parsed)?,
        })
    }

    fn store(&self) -> Result<Head, DecodeError> {
        Ok(Head::Store {
            id: self.id()?,
            to: self.of(Field::To).parsed()?,
            stamp: self.stamp(self.of(Field::At))?,
            live: self.of(Field::Live).mark()?,
            auto: self.of(Field::Auto).mark()?,
            enc: self.encoding()?,
        })
    }

    fn stored(&self) -> Result<Head, DecodeError> {
        Ok(Head::Stored {
            id: self.id()?,
            at_ms: self.of(Field::At).time()?,
            state: self
                .of(Field::State)
                .one_of(&StoredState::ALL, StoredState::word)?,
            online: self.of(Field::Online).flag()?,
        })
    }

    fn table(&self) -> Result<Head, DecodeError> {
        Ok(Head::Table {
            from: self.of(Field::From).int()?,
            to: self.of(Field::To).int()?,
            head: self.of(Field::Head).int()?,
            digest: self.of(Field::Digest).maybe(Value::hex16)?,
            reset: self.of(Field::Reset).mark()?,
        })
    }

    fn id(&self) -> Result<MessageId, DecodeError> {
        self.of(Field::Id).parsed()
    }

    fn name(&self) -> Result<Name, DecodeError> {
        self.of(Field::Name).parsed()
    }

    fn stamp(&self, time: &Value<'_>) -> Result<Stamp, DecodeError> {
        let run = u32::try_from(self.of(Field::Run).hex(8)?).map_err(|_| DecodeError)?;
        Ok(Stamp {
            seq: self.of(Field::Seq).int()?,
            run,
            at_ms: time.time()?,
        })
    }

    fn encoding(&self) -> Result<Option<Box<str>>, DecodeError> {
        self.of(Field::Enc).maybe(|enc| enc.short(WORD_BYTES_MAX))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnyFields)
    }
}

struct AnyFields;

impl<'de> Visitor<'de> for AnyFields {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields(Vec::with_capacity(FIELDS_USUAL));
        while let Some(key) = object.next_key::<Field>()? {
            if key == Field::Unknown {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            if fields.0.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom("a field stands twice"));
            }
            fields.0.push((key, object.next_value()?));
        }
        Ok(fields)
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
