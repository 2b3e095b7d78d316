//! What prompts, hints, completion and local commands may read.

use crate::model::{GroupName, Name, PublicKey};
use crate::secure::Fingerprint;
use crate::wire::row::Status;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// The client as others may look at it; always up to date.
#[derive(Clone, Debug)]
pub struct View {
    /// One's own name, as the server spells it.
    pub name: Name,
    /// What commands mean now.
    pub mode: Mode,
    /// False while the server does not respond.
    pub server_responds: bool,
    /// Everybody the server has told of, oneself included.
    pub table: BTreeMap<Name, Entry>,
    /// False until the first table was applied.
    pub table_complete: bool,
    /// Groups seen in lists, joined or created.
    pub groups: BTreeSet<GroupName>,
    /// How many messages are held while in a group, and nobody has looked them up.
    pub held: usize,
    /// One's own 30 digits.
    pub fingerprint: Fingerprint,
    /// Pinned identities.
    pub identities: BTreeMap<Name, PublicKey>,
    /// The server's identity, once known.
    pub server_identity: Option<PublicKey>,
}

/// One name of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whether it is here.
    pub status: Status,
    /// Where it is, or was.
    pub address: Option<SocketAddr>,
    /// Its key is not the one that is pinned: nothing is sent to it.
    pub key_changed: bool,
}

/// What commands mean now (semantics.md 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Not logged in yet.
    Starting,
    /// Logged in, in no group.
    Normal,
    /// Logged in, in this group.
    Group(GroupName),
    /// After `dereg`; remembers the group.
    Offline(Option<GroupName>),
}
