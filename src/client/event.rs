//! What happened, exactly as far as it is known: the facts that every line, every JSON object and
//! every script reads.

use crate::model::{Delivery, GroupName, MessageId, Name};
use crate::secure::Fingerprint;
use crate::wire::packet::Audience;
use crate::wire::row::Status;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The mail that waited at a log-in, complete and in one piece: `Message` with `late`, and
    /// `Delivery` (delivered) with `late`.
    Batch(Vec<Event>),
    /// More became known of a message that was sent from here.
    Delivery(Report),
    /// A group was made, entered or left.
    Group {
        /// Which group.
        group: GroupName,
        /// What happened.
        action: GroupAction,
        /// Who did it, or to whom it happened.
        who: Name,
    },
    /// Answer to `list_groups`, in order of creation.
    Groups(Vec<GroupName>),
    /// A key was seen first, differs from the pinned one, or was accepted.
    Key {
        /// Whose key.
        who: Peer,
        /// What happened to it.
        action: KeyAction,
        /// The fingerprint of the identity that is meant.
        fingerprint: Fingerprint,
    },
    /// At the end: this many messages stay in the outbox.
    Kept {
        /// How many.
        count: usize,
    },
    /// Answer to `list_members`, in order of joining.
    Members {
        /// Of which group.
        group: GroupName,
        /// Who is in it.
        members: Vec<Name>,
    },
    /// A message is to be shown now; once.
    Message(Arrived),
    /// Somebody else came or went.
    Presence {
        /// Who.
        who: Name,
        /// The new state.
        status: Status,
    },
    /// The state of being logged in changed.
    Session(Session),
    /// A batch of table changes was applied.
    Table {
        /// How many are here, oneself included.
        online: usize,
        /// How many names there are.
        total: usize,
    },
}

/// Whose key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A person's or program's.
    Name(Name),
    /// The server's.
    Server,
}

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAction {
    /// It is not the one that was pinned; nothing is sent to it.
    Changed,
    /// It was seen for the first time and is remembered from now on.
    Pinned,
    /// Its user accepted it.
    Trusted,
}

/// What happened to a group. `who` is oneself for Created, Joined, Left, Removed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAction {
    /// It was made.
    Created,
    /// It was entered.
    Joined,
    /// It was left.
    Left,
    /// One is no longer in it.
    Removed,
}

/// A message that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The id its sender gave it.
    pub id: MessageId,
    /// Who sent it.
    pub from: Name,
    /// None: direct.
    pub audience: Option<Audience>,
    /// Lossless UTF-8; an unknown `enc` gives the sentence of protocol.md 5.3.
    pub text: String,
    /// Which way it came.
    pub via: Via,
    /// It came out of the store, in a batch.
    pub late: bool,
    /// It was held while in a group.
    pub held: bool,
    /// A program wrote it.
    pub auto: bool,
    /// Server's time of acceptance if it was stored, else the sender's claim.
    pub sent_ms: i64,
    /// What is odd about how it came.
    pub mark: Option<Mark>,
}

/// How it came, where that is not what one expects; shown as a hint line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A message sent before it has not arrived.
    EarlierMissing,
    /// One sent after it was shown before.
    OutOfOrder,
    /// It may have been shown before the program was started anew.
    ShownBeforeRestart,
}

/// Which way a message travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Straight from client to client.
    Peer,
    /// From client to client, carried by the server, which cannot read it.
    Relay,
    /// Through the server's store.
    Server,
}

/// Who confirmed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// This program knows it by itself.
    Oneself,
    /// The recipient's program.
    Peer,
    /// The server.
    Server,
}

impl By {
    /// The word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Oneself => "self",
            Self::Peer => "peer",
            Self::Server => "server",
        }
    }
}

/// What is known of a message we sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which message.
    pub id: MessageId,
    /// The addressee: always for direct ones; for group messages only in Delivered, Failed, Expired
    /// of one addressee.
    pub to: Option<Name>,
    /// Whom a group message was for.
    pub audience: Option<Audience>,
    /// How much is known.
    pub state: Delivery,
    /// Who says so.
    pub by: By,
    /// Which way it went.
    pub via: Option<Via>,
    /// Part of a batch.
    pub late: bool,
    /// It had been Stored before (so Delivered is a NOTIF, not an RCV).
    pub was_stored: bool,
    /// Sent via Server after a live try failed: NOACK.
    pub after_live_try: bool,
    /// Why it failed, or is not confirmed.
    pub reason: Option<Reason>,
    /// Server's time of acceptance.
    pub sent_ms: Option<i64>,
    /// From first transmission to acknowledgement.
    pub rtt_us: Option<u64>,
    /// What it says; only with `Queued`.
    pub text: Option<Box<str>>,
}

/// Why a message failed, or nothing more is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was given up here; it may have arrived.
    Cancelled,
    /// The recipient's key is not the pinned one.
    KeyChanged,
    /// Nobody answered.
    NoAnswer,
    /// The server cannot write to its disk.
    NoStore,
    /// There is no room for it in the mailbox.
    Quota,
    /// The server refused it.
    Refused,
    /// It is too long.
    TooLong,
    /// The server has it in hand and has not answered yet.
    Unconfirmed,
    /// Nobody has this name.
    UnknownPeer,
}

/// The state of being logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// `[Exiting...]`: the program ends because the server is lost.
    Closing,
    /// Trying to log in.
    Connecting,
    /// `[You are offline. Bye.]`
    Left,
    /// The login was refused: REJ(name), or the server's words.
    LoginRefused {
        /// The name that was asked for.
        name: Name,
        /// Another key has it, or it is logged in elsewhere.
        taken: bool,
        /// The server's words; not clean.
        text: Box<str>,
    },
    /// `[Server not responding.]`
    NotResponding,
    /// Logged in. `Registered`: WEL. `Returned`: WB (after reg, or by itself with `stay`).
    /// `Resumed`: neither, the program never left.
    Online(Online),
    /// RETRY(attempt)
    Retrying {
        /// How many slots went by without an answer.
        attempt: u8,
        /// How many there are.
        of: u8,
    },
}

/// How one came to be logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Online {
    /// At the start of the program.
    Registered,
    /// By itself, without having left.
    Resumed,
    /// After `reg`, or by itself after the server was lost.
    Returned,
}
