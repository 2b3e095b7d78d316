//! What a user or program may ask of a client, and how it ends.

use super::event::By;
use super::port::{Entry, Recall};
use crate::model::{Delivery, GroupName, MessageId, Name, Text};
use crate::secure::Fingerprint;

/// Names one request until its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Give up a message that nobody has confirmed; the digits that its id begins with.
    Cancel(Box<str>),
    /// Make a group, without entering it.
    CreateGroup(GroupName),
    /// Go away and stay running.
    Dereg,
    /// A final leave: BYE, held messages, `Ended(Left)`. Also valid while away (waits at most five
    /// slots, says nothing).
    Exit,
    /// Enter a group.
    JoinGroup(GroupName),
    /// Leave the current group.
    LeaveGroup,
    /// All groups, in order of creation.
    ListGroups,
    /// The members of the current group, in order of joining.
    ListMembers,
    /// Look up what was said before; local.
    Recall(Recall),
    /// Come back after `Dereg`.
    Reg,
    /// A message for one person.
    Send {
        /// Whom it is for.
        to: Name,
        /// What it says.
        text: Text,
        /// A program wrote it.
        auto: bool,
        /// The id it had when it was given up, so that it is not shown twice.
        id: Option<MessageId>,
    },
    /// To everybody registered.
    SendAll {
        /// What it says.
        text: Text,
        /// A program wrote it.
        auto: bool,
    },
    /// To the current group.
    SendGroup {
        /// What it says.
        text: Text,
        /// A program wrote it.
        auto: bool,
    },
    /// Accept a peer's changed key.
    Trust {
        /// Whose.
        name: Name,
        /// The fingerprint of the new identity, as its holder reads it out.
        fingerprint: Fingerprint,
    },
}

/// Whether what one does at the terminal decides what may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modes {
    /// It does: in a group one writes to the group.
    Bind,
    /// A program asks, with a view of its own.
    Free,
}

/// How a request ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server answered, durable there; or local.
    Done,
    /// A message has its outcome.
    Message {
        /// Which.
        id: MessageId,
        /// `Acked`, `Delivered` or `Stored`.
        state: Delivery,
        /// Who says so.
        by: By,
    },
    /// What was found.
    Recalled {
        /// The oldest first.
        entries: Vec<Entry>,
        /// That this is all there is.
        is_whole: bool,
    },
}

/// How it did not. Display: lower-case, what is so and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More than one message in the outbox has an id that begins so.
    #[error("more than one message has an id that begins so: give more digits")]
    Ambiguous,
    /// It was given up; it may have arrived.
    #[error("cancelled; it may have arrived")]
    Cancelled,
    /// The store of this client.
    #[error("the disk refused; nothing was sent")]
    Disk,
    /// Nothing can be asked any more.
    #[error("cancelled: the program ends")]
    Ended,
    /// Somebody else made it.
    #[error("group {0} already exists")]
    GroupExists(GroupName),
    /// The key is not the pinned one.
    #[error(
        "the key of {0} changed: nothing was sent; compare with verify, then accept with trust"
    )]
    KeyChanged(Name),
    /// A message is tried again under an id that is another's.
    #[error("another message has this id; nothing was sent: leave the id out")]
    IdTaken,
    /// The login was refused.
    #[error("the name {0} is used by another key or logged in elsewhere")]
    NameTaken(Name),
    /// It need not be tried again: it is being tried.
    #[error("this message is in the outbox: it is tried again by itself")]
    InOutbox,
    /// One was removed.
    #[error("not a member of this group any more")]
    NotMember,
    /// A key was not accepted: nobody but this program said so.
    #[error("not trusted: {0}")]
    NotTrusted(Box<str>),
    /// The outbox holds nothing of this id.
    #[error("no message in the outbox has such an id: see outbox")]
    NoSuchMessage,
    /// `OUTBOX_MAX` or `OUTBOX_SAVED_MAX`.
    #[error("the outbox is full: wait until messages are confirmed")]
    OutboxFull,
    /// mailbox-full pair-full store-full no-store too-many, in the server's words
    #[error("the server has no room: {0}")]
    Quota(Box<str>),
    /// too-fast busy relay-limit
    #[error("too fast: try again later")]
    RateLimited,
    /// any other refusal, with the server's words
    #[error("refused by the server: {0}")]
    Refused(Box<str>),
    /// Login is not possible.
    #[error("the server's key changed")]
    ServerKeyChanged,
    /// Five slots without an answer.
    #[error("the server does not respond; it is not known whether it was done")]
    ServerUnreachable,
    /// The server has it already.
    #[error("too late: the server has it")]
    TooLate,
    /// There is none.
    #[error("no group is called {0}")]
    UnknownGroup(GroupName),
    /// There is none.
    #[error("no one is called {0}")]
    UnknownPeer(Name),
    /// In this mode (in a group, away, not logged in) it cannot be asked for.
    #[error("not possible in this mode")]
    WrongMode,
}
