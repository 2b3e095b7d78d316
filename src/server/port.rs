//! What a server asks of its store and is told by it: data, no engine's type, no I/O.
//!
//! Every store obeys these rules; one list of cases (`tests/store.rs`) is run against each.
//!
//! 1. Each accepted ticket gets exactly one reply while the process lives. The order of replies is
//!    free, except that of one mailbox's `Enqueue`s.
//! 2. `Done` only when durable. A repeat of a done request is done again with the first `at_ms`.
//! 3. `Refused` leaves no trace. Whoever cannot be sure answers `Unknown`; the core asks again, and
//!    takes no refusal for want of a disk then: it says nothing of the earlier try.
//! 4. `Enqueue` of a direct message is refused if the mailbox is full. A group message is complete
//!    at `Done`: a full mailbox is named in `full`. Repeated, it reaches nobody new.
//! 5. `Follow` gives a snapshot in order of versions, `Current`, then every change, told before the
//!    reply to the request that made it. A `Claim` or `Presence` that alters neither key, address
//!    nor online keeps the row's version and tells nothing.
//! 6. After the reply to `Attach` every mail done before or after is fed, once per attachment.
//! 7. `submit` beyond `STORE_QUEUE_MAX` gives back. Nothing is dropped, nothing blocks.

use super::envelope::Envelope;
use crate::model::limits::{DAY_MS, MAIL_DAYS};
use crate::model::{GroupName, MessageId, Name, PublicKey, StoreTicket, Version};
use crate::secure::key;
use crate::wire::packet::MailKind;
use std::net::SocketAddr;
use std::sync::Arc;

/// A message, receipt or notice for one or many mailboxes.
///
/// `head` is the server's own encoding ([`Envelope`]) of what a `mail` packet needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Of the message, or derived from it (receipts and notices).
    pub id: MessageId,
    /// The sender; of a receipt, who took the message; of a notice, who did not.
    pub from: Name,
    /// What it is.
    pub kind: MailKind,
    /// When the server first accepted it.
    pub at_ms: i64,
    /// When it is given up.
    pub expires_ms: i64,
    /// An encoded [`Envelope`].
    pub head: Box<[u8]>,
    /// The text.
    pub tail: Box<[u8]>,
}

impl Mail {
    /// The receipt that its sender gets when `taken_by` has `of`.
    #[must_use]
    pub fn receipt(of: &Self, taken_by: &Name, at_ms: i64) -> Self {
        let id = key::receipt_id(of.id, taken_by);
        Self::notice(MailKind::Receipt, id, of, taken_by, at_ms)
    }

    /// The notice that its sender gets when `of` was given up before `not_taken_by` had it.
    #[must_use]
    pub fn expired(of: &Self, not_taken_by: &Name, at_ms: i64) -> Self {
        let id = key::expired_id(of.id, not_taken_by);
        Self::notice(MailKind::Expired, id, of, not_taken_by, at_ms)
    }

    /// True for text of people and programs: it counts against quotas and may cause a receipt.
    #[must_use]
    pub const fn is_message(&self) -> bool {
        matches!(self.kind, MailKind::Direct | MailKind::Group)
    }

    fn notice(kind: MailKind, id: MessageId, of: &Self, about: &Name, at_ms: i64) -> Self {
        let envelope = Envelope {
            audience: Envelope::decode(&of.head).unwrap_or_default().audience,
            of: Some(of.id),
            stored_ms: Some(of.at_ms),
            ..Envelope::default()
        };
        Self {
            id,
            from: about.clone(),
            kind,
            at_ms,
            expires_ms: at_ms.saturating_add(MAIL_DAYS * DAY_MS),
            head: envelope.encode(),
            tail: Box::default(),
        }
    }
}

/// A mail that its recipient has durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its sender.
    pub from: Name,
    /// Its id.
    pub id: MessageId,
    /// The sender is to be told.
    pub receipt: bool,
}

/// Why a name is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It said `dereg` and may come back by `reg`.
    Away,
    /// It left for good.
    Left,
    /// A status check was not answered.
    Silent,
    /// It did not come back after a restart of the server, or its session ended by itself.
    TimedOut,
}

/// Whether a name is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Here, at this address.
    Online {
        /// Where its datagrams come from.
        address: SocketAddr,
    },
    /// Not here.
    Offline(Why),
}

/// What is done to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupOp {
    /// Make it; its maker is no member yet.
    Create,
    /// Become a member.
    Join,
    /// Be a member no more.
    Leave,
}

/// A bound name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRow {
    /// As it was first spelled.
    pub name: Name,
    /// The Ed25519 key it belongs to.
    pub identity: PublicKey,
    /// The X25519 key of its sessions.
    pub session_key: PublicKey,
    /// The latest card.
    pub card: Arc<[u8]>,
    /// Whether it is here.
    pub presence: Presence,
    /// The version of the latest `Claim`, whether or not that changed the row.
    pub owner: Version,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// As it was first spelled.
    pub group: GroupName,
    /// The id of the request that made it.
    pub made: MessageId,
    /// Who made it.
    pub maker: Name,
    /// Its place in the order of creation.
    pub order: u64,
    /// In order of joining.
    pub members: Vec<Name>,
}

/// What a store is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreRequest {
    /// Compare-and-set on the identity key: absent, or bound to this key, else `Refused(Taken)`.
    /// Makes the caller the owner.
    Claim {
        /// The name asked for.
        name: Name,
        /// Whose it is to be.
        identity: PublicKey,
        /// The key of its sessions.
        session_key: PublicKey,
        /// The card that says so.
        card: Arc<[u8]>,
        /// Whether it is here.
        presence: Presence,
    },
    /// Only while `owner` is the latest Claim's version, else `Refused(Stale)`.
    Presence {
        /// The name.
        name: Name,
        /// The version of its latest Claim.
        owner: Version,
        /// What now is so.
        presence: Presence,
    },
    /// An operator's act; leaves a tombstone.
    Release {
        /// The name that is free again.
        name: Name,
    },
    /// Names and groups changed since, then every change, in order, no gap.
    Follow {
        /// None: everything.
        after: Option<Version>,
    },
    /// A set operation; repeating it changes nothing. `Leave` with no group leaves all.
    Group {
        /// Of the request; the same id that made a group finds it made.
        id: MessageId,
        /// Who asks.
        by: Name,
        /// Which group; none only for `Leave`.
        group: Option<GroupName>,
        /// What is asked.
        op: GroupOp,
    },
    /// One mail for each; idempotent by (recipient, sender, id).
    Enqueue {
        /// The mail.
        mail: Arc<Mail>,
        /// Its recipients; for a direct message exactly one.
        to: Vec<Name>,
    },
    /// Feed this mailbox, oldest first, at most `window` unsettled, until `Detach` or a newer
    /// Claim.
    Attach {
        /// Whose mailbox.
        name: Name,
        /// The version of its latest Claim.
        owner: Version,
        /// How many mails may be out at once.
        window: u16,
    },
    /// Feed it no more.
    Detach {
        /// Whose mailbox.
        name: Name,
        /// The version of the Claim it was attached under.
        owner: Version,
    },
    /// The recipient has these durably: delete, tombstone, enqueue the receipt, in one step.
    Settle {
        /// The recipient.
        name: Name,
        /// The version of its latest Claim.
        owner: Version,
        /// Which mails.
        mails: Vec<Taken>,
        /// When it said so.
        at_ms: i64,
    },
    /// Give up what has waited too long, and forget old traces.
    Expire {
        /// Wall time.
        now_ms: i64,
        /// How many at most.
        rows_max: u16,
    },
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreReply {
    /// It is durable.
    Done(Done),
    /// It certainly did not happen and will not.
    Refused(Refusal),
    /// It may or may not have happened: say nothing, ask again with the same id.
    Unknown,
}

/// What is durable now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The mailbox is fed from now on.
    Attached {
        /// How many mails waited at this moment.
        waiting: u32,
    },
    /// A row changed.
    Changed {
        /// Its version now.
        at: Version,
    },
    /// The name is the caller's.
    Claimed {
        /// What fences later requests.
        owner: Version,
        /// The name had never been bound.
        first: bool,
    },
    /// A round of `Expire` is over.
    Expired {
        /// There is more to do.
        more: bool,
    },
    /// The message is kept.
    Kept {
        /// When it was first accepted.
        at_ms: i64,
        /// The (single) recipient has it already.
        settled: bool,
        /// Whose mailbox was full.
        full: Vec<Name>,
    },
    /// The mails are gone, the receipts written.
    Settled,
    /// It was so already.
    Unchanged,
}

/// Why a store refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A group of this name was made by another request.
    GroupExists,
    /// The mailbox holds as much as it may.
    MailboxFull,
    /// No such group.
    NoSuchGroup,
    /// No such name.
    NoSuchName,
    /// The mailbox holds as much of this sender as it may.
    PairFull,
    /// A newer Claim owns the name.
    Stale,
    /// There is no room for anything new.
    StoreFull,
    /// The name belongs to another key.
    Taken,
    /// A count has reached its limit.
    TooMany,
    /// The disk does not take it. Of an earlier try this says nothing: it may be unreadable too.
    Unwritable,
}

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It commits.
    Up,
    /// It does not commit what needs room, or not for now.
    Degraded,
    /// It cannot be reached.
    Down,
}

/// What a store tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// The answer to a request.
    Reply(StoreTicket, StoreReply),
    /// A name changed; no row: it was released.
    Name {
        /// The version of the change.
        at: Version,
        /// The name.
        name: Name,
        /// What now is so.
        row: Option<NameRow>,
    },
    /// A group changed.
    Group {
        /// The version of the change.
        at: Version,
        /// The group.
        group: GroupName,
        /// What now is so.
        row: Option<GroupRow>,
    },
    /// `Follow` has told everything up to here.
    Current {
        /// The latest version.
        at: Version,
    },
    /// Forget what `Follow` told; it starts again.
    Reset,
    /// A mail of an attached mailbox.
    Mail {
        /// Whose mailbox.
        name: Name,
        /// Under which Claim it is attached.
        owner: Version,
        /// The mail.
        mail: Arc<Mail>,
    },
    /// On change.
    Health(Health),
}
