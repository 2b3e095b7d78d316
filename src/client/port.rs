//! What a client asks of its own store: the outbox, the ids it has seen, pins, its copy of the
//! table, and what was said before.
//!
//! Same shape and rules as the server's port: a ticket ties a reply to its request, refused and
//! unknown are told apart, a request repeated after `Unknown` is done once.

use crate::model::{Delivery, MessageId, Name, PublicKey, StoreTicket, Version};
use crate::wire::Row;
use crate::wire::packet::{Audience, Stamp};

/// A message that was typed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutMessage {
    /// Minted here, the same through every retry.
    pub id: MessageId,
    /// Whom it is for.
    pub to: Recipient,
    /// Its place among the messages to that recipient.
    pub stamp: Stamp,
    /// A program wrote it.
    pub auto: bool,
    /// What it says.
    pub text: Box<str>,
    /// How much is known of it.
    pub state: Delivery,
    /// When the server accepted it.
    pub stored_ms: Option<i64>,
}

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recipient {
    /// A group or everybody.
    Audience(Audience),
    /// One person.
    Name(Name),
}

/// A message that arrived, or a notice (receipt, expiry) of the server.
///
/// A notice has no `stamp`; its body is the client's own.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent columns of a row"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InMessage {
    /// Its sender's id for it.
    pub id: MessageId,
    /// Who sent it; of a notice: who took the message, or should have.
    pub from: Name,
    /// None: direct.
    pub audience: Option<Audience>,
    /// The sender's; None: a notice.
    pub stamp: Option<Stamp>,
    /// The server's time of acceptance, or the sender's claim.
    pub at_ms: i64,
    /// A program wrote it.
    pub auto: bool,
    /// Its bytes as they came.
    pub body: Box<[u8]>,
    /// How they are to be read; None: UTF-8.
    pub enc: Option<Box<str>>,
    /// It was written to the screen.
    pub shown: bool,
    /// It may not be shown before its recipient leaves the group.
    pub held: bool,
    /// It was part of the batch of a login.
    pub late: bool,
}

/// A key that was seen first or trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// X25519: the key of its sessions.
    pub session_key: PublicKey,
    /// Ed25519, once its card was seen.
    pub identity: Option<PublicKey>,
}

/// Whose key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pinned {
    /// A person's or program's.
    Name(Name),
    /// The server's at this address.
    Server(std::net::SocketAddr),
}

/// A question to what was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recall {
    /// The newest messages of one conversation, or of all, the oldest of them first.
    History {
        /// With whom; none: with everybody.
        talk: Option<Recipient>,
        /// How many at most.
        count: usize,
    },
    /// What was typed here and has no final state, in the order it was put.
    Outbox,
    /// The newest messages that hold all these words, or words that begin so.
    Search {
        /// Words as they are typed; case and signs mean nothing.
        words: Box<str>,
        /// How many at most.
        count: usize,
    },
    /// Messages that arrived and are not shown, in the order they were put.
    Unread,
}

/// A message as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its sender's id for it.
    pub id: MessageId,
    /// Who sent it; none: oneself.
    pub from: Option<Name>,
    /// The conversation it belongs to: the other person, a group, or everybody.
    pub talk: Recipient,
    /// The server's time of acceptance, or the sender's claim.
    pub at_ms: i64,
    /// A program wrote it.
    pub auto: bool,
    /// What it says.
    pub text: Box<str>,
    /// How much is known of it, if it was typed here.
    pub state: Option<Delivery>,
}

/// Shown in place of a text in a form of a later version.
const UNREADABLE: &str = "(in a form this version cannot read)";

/// The text of a body, or a sentence in its place.
#[must_use]
pub fn readable(body: &[u8], enc: Option<&str>) -> Box<str> {
    match (std::str::from_utf8(body), enc) {
        (Ok(text), None) => text.into(),
        _ => UNREADABLE.into(),
    }
}

/// The words of a text as a search sees them: letters and digits, in lower case.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// An event that programs may still ask for: the store keeps it and knows nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Its number, by which it is kept once.
    pub eid: u64,
    /// When this program learned of it.
    pub at_ms: i64,
    /// What it is.
    pub kind: Box<str>,
    /// What it says.
    pub fields: Box<str>,
}

/// What a new life begins with of the events of earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Later events have greater numbers. No life gave one of those, whatever the clock says.
    pub last: u64,
    /// All up to this one are gone.
    pub gone: u64,
    /// The others, the oldest first.
    pub events: Vec<Noted>,
}

/// What a client asks of its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreRequest {
    /// Everything at once, at the start.
    Load,
    /// Before the first transmission. Repeating it changes nothing.
    PutOut(OutMessage),
    /// The same for a message that may have been given up: then it is open again. `IdTaken` if
    /// another message has that id.
    PutOutAgain(OutMessage),
    /// What became known. Final states leave the outbox; so does `Stored` of a message to an
    /// audience, because nobody promises receipts for it.
    MarkOut {
        /// Of which message.
        id: MessageId,
        /// How much.
        state: Delivery,
        /// When the server accepted it.
        stored_ms: Option<i64>,
    },
    /// Before `ack` or `mailack`: Fresh or Repeat by (sender, id). A repeat that is no longer
    /// `held` lifts that mark and changes nothing else.
    PutIn(InMessage),
    /// These were written to the screen (may be flushed late).
    MarkShown {
        /// Sender and id of each.
        ids: Vec<(Name, MessageId)>,
    },
    /// Remember events, and forget all up to one (may be flushed late).
    PutEvents {
        /// The last one that is not remembered any more.
        gone: u64,
        /// New ones, or repeated ones.
        events: Vec<Noted>,
    },
    /// Remember a key in place of an earlier one.
    PutPin {
        /// Whose.
        of: Pinned,
        /// The keys.
        pin: Pin,
    },
    /// Look something up. At most `RECALL_BYTES_MAX` of texts are brought, the newest.
    Recall(Recall),
    /// Rows of the table up to a version; `reset` drops all before (may be flushed late).
    ApplyRows {
        /// The random number of the server's store.
        store: u64,
        /// Forget every earlier row.
        reset: bool,
        /// The version the copy has now.
        upto: Version,
        /// Changed rows.
        rows: Vec<Row>,
    },
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreReply {
    /// It is durable.
    Done(Done),
    /// It certainly did not happen.
    Refused,
    /// It may have happened: ask again.
    Unknown,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Answer to `PutOutAgain`: another message has that id, and nothing was changed.
    IdTaken,
    /// It is kept.
    Kept,
    /// Answer to `Load`.
    Loaded(Box<Loaded>),
    /// Answer to `PutIn`.
    PutIn(Seen),
    /// Answer to `Recall`.
    Recalled(Vec<Entry>),
}

/// Whether a message was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Never.
    Fresh,
    /// It was; confirm it again, do not show it.
    Repeat,
    /// It was, and nobody has marked it as shown yet. Whoever asks again because an earlier answer
    /// was `Unknown` learns by this that it was written then, and is his to show.
    Unshown,
}

/// What a new process life begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Drawn by the store's owner when the store was made; never changes.
    pub run: u32,
    /// Messages without a final state, in the order they were put.
    pub outbox: Vec<OutMessage>,
    /// Next `seq` for each recipient.
    pub next_seq: Vec<(Recipient, u64)>,
    /// Arrived, durable, not shown, in the order they were put: to be shown now.
    pub unshown: Vec<InMessage>,
    /// Highest `seq` that arrived for each sender, audience and run.
    pub shown_seq: Vec<(Name, Option<Audience>, u32, u64)>,
    /// Known keys.
    pub pins: Vec<(Pinned, Pin)>,
    /// The copy of the table.
    pub table: Vec<Row>,
    /// Its version.
    pub table_version: Version,
    /// The server's store it came from; 0: none yet.
    pub table_store: u64,
}

/// What a store tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// The one answer to a request.
    Reply(StoreTicket, StoreReply),
}
