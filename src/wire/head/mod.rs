//! Heads: what a packet is, and everything about it that is not its tail.

mod read;
mod write;

pub use super::refusal::RefusalCode;
use crate::model::{GroupName, MessageId, Name, PublicKey};
pub(super) use read::read;
use std::net::SocketAddr;
pub(super) use write::write;

/// What a packet is. Fields stand in the order of the wire; protocol section 5.3 has the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// Peer to peer: "I have it."
    Ack {
        /// The message.
        id: MessageId,
    },
    /// Peer to peer, the first packet of each side: who I am. Tail: card.
    Card {
        /// The name in the card.
        name: Name,
    },
    /// Client to server: I go, mail collects.
    Dereg {
        /// Of the request.
        id: MessageId,
        /// I leave all groups, too (`final`).
        is_final: bool,
    },
    /// Server to client: what was asked is so.
    Done {
        /// Of the request.
        id: MessageId,
        /// It was so before (`was`).
        unchanged: bool,
    },
    /// Client to server: create, join or leave a group.
    Group {
        /// Of the request.
        id: MessageId,
        /// What is asked (`op`).
        act: GroupAct,
        /// Of which group.
        group: GroupName,
    },
    /// Server to client (`gack`). Tail: names whose mailbox was full, one per line.
    GroupAck {
        /// Of the message.
        id: MessageId,
        /// The server's time of acceptance (`at`).
        at_ms: i64,
        /// To how many it goes.
        to: u64,
    },
    /// Client to server (`gmsg`). Tail: text.
    GroupMessage {
        /// Of the message.
        id: MessageId,
        /// For whom (`group`, `*` for everybody).
        audience: Audience,
        /// Its place in what its sender says (`seq`, `run`, `at`).
        stamp: Stamp,
        /// Sent by a program; never answered automatically.
        auto: bool,
        /// The form of the tail if it is not plain text.
        enc: Option<Box<str>>,
    },
    /// Client to server: which groups or members are there?
    List {
        /// Of the request.
        id: MessageId,
        /// What is listed.
        of: ListOf,
        /// Whose members.
        group: Option<GroupName>,
        /// The last name of the page before.
        after: Option<Box<str>>,
    },
    /// Client to server: what is the row of this name or key?
    Lookup {
        /// Of the request.
        id: MessageId,
        /// `name` or `key`.
        of: LookupOf,
    },
    /// Server to client. Tail: text.
    Mail(MailHead),
    /// Client to server: I have these. Tail: 1 to 16 ids of 16 bytes.
    MailAck,
    /// Peer to peer (`msg`). Tail: text.
    Message {
        /// Of the message.
        id: MessageId,
        /// For whom.
        to: Name,
        /// Its place in what its sender says (`seq`, `run`, `at`).
        stamp: Stamp,
        /// Sent by a program; never answered automatically.
        auto: bool,
        /// The form of the tail if it is not plain text.
        enc: Option<Box<str>>,
    },
    /// Server to client, the answer to `list`. Tail: names, one per line.
    Names {
        /// Of the request.
        id: MessageId,
        /// There are more after the last one.
        more: bool,
    },
    /// Either way: no.
    Refused {
        /// Of the request, if it had one.
        id: Option<MessageId>,
        /// The type that is refused.
        re: Box<str>,
        /// Why, for programs.
        code: RefusalCode,
        /// Why, for people; cleaned before it is shown.
        text: Box<str>,
        /// When to ask again (`after`), in milliseconds.
        after_ms: Option<u64>,
    },
    /// Client to server, the first packet of a session. Tail: card.
    Register {
        /// Of the request.
        id: MessageId,
        /// The name that is asked for.
        name: Name,
        /// The program and its version, for people.
        app: Box<str>,
        /// The server's database as this client remembers it; 16 hexadecimal digits.
        store: Option<u64>,
        /// The version of the client's table.
        table: Option<u64>,
    },
    /// Server to client: welcome. Tail: the server's card.
    Registered {
        /// Of the request.
        id: MessageId,
        /// The name as first registered.
        name: Name,
        /// The client's address as the server sees it.
        you: SocketAddr,
        /// The server's time (`at`).
        at_ms: i64,
        /// The server's database; 16 hexadecimal digits.
        store: u64,
        /// The version of the server's table.
        table: u64,
        /// How many mails wait; exactly so many follow, marked `off`.
        mail: u64,
        /// The name was known before.
        back: bool,
        /// The group joined last, if still a member of any.
        group: Option<GroupName>,
    },
    /// Client to server: carry this to another client. Tail: one datagram.
    Relay {
        /// To whom.
        to: Name,
    },
    /// Server to client: another client's datagram. Tail: one datagram.
    Relayed {
        /// From whom.
        from: Name,
    },
    /// Server to client, the answer to `lookup`. Tail: one row.
    Row {
        /// Of the request.
        id: MessageId,
    },
    /// Client to server: keep this until the recipient has it. Tail: text.
    Store {
        /// Of the message.
        id: MessageId,
        /// For whom.
        to: Name,
        /// Its place in what its sender says (`seq`, `run`, `at`).
        stamp: Stamp,
        /// A live try failed.
        live: bool,
        /// Sent by a program; never answered automatically.
        auto: bool,
        /// The form of the tail if it is not plain text.
        enc: Option<Box<str>>,
    },
    /// Server to client: it is on disk.
    Stored {
        /// Of the message.
        id: MessageId,
        /// The server's time of acceptance (`at`), the same on every repeat.
        at_ms: i64,
        /// Whether its recipient has it already.
        state: StoredState,
        /// The recipient seems to be here.
        online: bool,
    },
    /// Client to server: send the table from here.
    Sync {
        /// The version that the client has.
        from: u64,
    },
    /// Server to client. Tail: the rows of versions above `from` up to `to`.
    Table {
        /// Above this version.
        from: u64,
        /// Up to this one.
        to: u64,
        /// The newest version.
        head: u64,
        /// The sum over the whole table, if this page reaches its head; 16 hexadecimal digits.
        digest: Option<u64>,
        /// Forget what was there.
        reset: bool,
    },
}

/// The head of a mail.
///
/// `direct` and `group` carry the stamp of the sender, `group` its audience as well; `receipt`
/// and `expired` name the message they are `of`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailHead {
    /// What kind of mail.
    pub kind: MailKind,
    /// Of the mail; for `direct` and `group` that of the message.
    pub id: MessageId,
    /// The sender; of a receipt who took the message, of `expired` who should have.
    pub from: Name,
    /// For whom group mail is (`group`).
    pub audience: Option<Audience>,
    /// The message that a receipt or notice is about.
    pub of: Option<MessageId>,
    /// The sender's stamp (`seq`, `run`, `sent`).
    pub stamp: Option<Stamp>,
    /// The server's time (`at`): of acceptance, of a receipt when the message was taken.
    pub at_ms: i64,
    /// Part of the batch that `registered` announced.
    pub off: bool,
    /// Sent by a program; never answered automatically.
    pub auto: bool,
    /// The form of the tail if it is not plain text.
    pub enc: Option<Box<str>>,
    /// Receipts only: when the message was accepted (`stored`), so that the notice can show it.
    pub stored_ms: Option<i64>,
}

/// Fields that every message carries on its way, whoever carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Counts per sender and recipient, or sender and group.
    pub seq: u64,
    /// Drawn when the sender's outbox was made; 8 hexadecimal digits on the wire.
    pub run: u32,
    /// The sender's wall time; before 1970 it travels as 0.
    pub at_ms: i64,
}

/// Whom a group message is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// Everybody registered (`*` on the wire).
    Everybody,
    /// The members of a group.
    Group(GroupName),
}

/// The question of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupOf {
    /// Who has this name?
    Name(Name),
    /// Whose sessions have this static key? 64 hexadecimal digits.
    Key(PublicKey),
}

/// What a group request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAct {
    /// Make a group; its maker is not a member yet.
    Create,
    /// Become a member.
    Join,
    /// Be a member no longer.
    Leave,
}

/// What a list request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOf {
    /// All groups.
    Groups,
    /// The members of one group.
    Members,
}

/// What kind of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// Somebody's message to this name.
    Direct,
    /// The server's notice that a message was not taken in time.
    Expired,
    /// Somebody's message to a group or to everybody.
    Group,
    /// The server's notice that a message was taken.
    Receipt,
}

/// Where a stored message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredState {
    /// In the mailbox.
    Waiting,
    /// The recipient has it.
    Taken,
}

impl Head {
    /// The word on the wire: `msg`, `ack`, ...
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Ack { .. } => "ack",
            Self::Card { .. } => "card",
            Self::Dereg { .. } => "dereg",
            Self::Done { .. } => "done",
            Self::Group { .. } => "group",
            Self::GroupAck { .. } => "gack",
            Self::GroupMessage { .. } => "gmsg",
            Self::List { .. } => "list",
            Self::Lookup { .. } => "lookup",
            Self::Mail(_) => "mail",
            Self::MailAck => "mailack",
            Self::Message { .. } => "msg",
            Self::Names { .. } => "names",
            Self::Refused { .. } => "refused",
            Self::Register { .. } => "register",
            Self::Registered { .. } => "registered",
            Self::Relay { .. } => "relay",
            Self::Relayed { .. } => "relayed",
            Self::Row { .. } => "row",
            Self::Store { .. } => "store",
            Self::Stored { .. } => "stored",
            Self::Sync { .. } => "sync",
            Self::Table { .. } => "table",
        }
    }
}

impl GroupAct {
    const ALL: [Self; 3] = [Self::Create, Self::Join, Self::Leave];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Join => "join",
            Self::Leave => "leave",
        }
    }
}

impl ListOf {
    const ALL: [Self; 2] = [Self::Groups, Self::Members];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Groups => "groups",
            Self::Members => "members",
        }
    }
}

impl MailKind {
    const ALL: [Self; 4] = [Self::Direct, Self::Expired, Self::Group, Self::Receipt];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Expired => "expired",
            Self::Group => "group",
            Self::Receipt => "receipt",
        }
    }
}

impl StoredState {
    const ALL: [Self; 2] = [Self::Waiting, Self::Taken];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Taken => "taken",
        }
    }
}

impl Audience {
    /// The word on the wire: the group's name, or `*`.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Everybody => "*",
            Self::Group(group) => group.as_str(),
        }
    }
}
