//! One session of a client, as the server sees it: who it is, and what is on its way to it.

use super::port::Mail;
use crate::link::Parcel;
use crate::model::{Instant, MessageId, Name, PublicKey, Version};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// The session with one key.
#[derive(Debug)]
pub(super) struct Session {
    /// Of the other's program.
    pub(super) boot: u64,
    /// Where its datagrams come from.
    pub(super) address: SocketAddr,
    /// Tells this session from earlier ones of the same key, for answers of the store.
    pub(super) life: u64,
    pub(super) stage: Stage,
    /// Who is logged in on it, or was until the program behind it was replaced.
    pub(super) member: Option<Member>,
    /// Packets that did not fit into the link's queue.
    pub(super) backlog: VecDeque<Arc<[u8]>>,
    /// Requests that wait for the store.
    pub(super) asking: BTreeSet<MessageId>,
    /// Mail and table pages the link has not settled.
    pub(super) outstanding: BTreeMap<Parcel, Load>,
    /// They are looked at when one may be a slot old.
    pub(super) watched: bool,
    pub(super) check: Option<Check>,
    /// The program that was here before is asked: since when, until when.
    pub(super) former: Option<(Instant, Instant)>,
    pub(super) malformed: u8,
}

/// How far a session has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nobody yet: only `register` and a final `dereg` are heard.
    Stranger,
    /// It wants to be somebody; a status check or the store has the word.
    Asking(Box<Registration>),
    /// Logged in.
    Here,
    /// It left; its last answer is on the way.
    Leaving,
    /// Somebody is here already, and it is told so.
    Rejected,
}

/// A `register` that is being decided.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) id: MessageId,
    pub(super) name: Name,
    pub(super) identity: PublicKey,
    pub(super) card: Arc<[u8]>,
    /// The client's copy of the table: of which store, up to which version.
    pub(super) store: Option<u64>,
    pub(super) table: Option<u64>,
    /// The name had never been bound.
    pub(super) first: bool,
}

/// Who is logged in.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Name,
    /// The version of its Claim.
    pub(super) owner: Version,
    pub(super) address: SocketAddr,
    /// In mailbox order.
    pub(super) letters: VecDeque<Letter>,
    /// When they are looked at next, at the latest.
    pub(super) letters_at: Option<Instant>,
    /// How many mails were fed since the mailbox was attached.
    pub(super) fed: u64,
    /// How many mails waited when it was attached.
    pub(super) waited: u64,
    /// How many of them were announced by `registered`.
    pub(super) announced: u64,
    pub(super) cursor: Cursor,
}

/// How much of the table a session has.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// Everything up to here.
    pub(super) at: Version,
    pub(super) page: Way,
    /// A page is owed even if there is nothing new.
    pub(super) owed: bool,
}

/// Whether a page of the table is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Way {
    /// None is.
    #[default]
    Free,
    /// One is, and a `sync` has overtaken it.
    Overtaken,
    /// One is, and it leads here.
    To(Version),
}

/// A mail on its way.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) mail: Arc<Mail>,
    /// Its number since the mailbox was attached.
    pub(super) number: u64,
    pub(super) step: Step,
    pub(super) sends: u32,
}

/// How far a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To be sent.
    Held,
    /// The link repeats it.
    Sent,
    /// The link has settled it; without a `mailack` it is sent again then.
    Settled(Instant),
    /// The recipient has it; the store is being told.
    Taken,
}

/// What a parcel carries.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) cargo: Cargo,
    pub(super) since: Instant,
}

/// The last answer of a session, a letter, or a page of the table.
#[derive(Debug)]
pub(super) enum Cargo {
    Farewell,
    Letter(u64),
    Table,
}

/// A status check: heard after `since`, it is here; not heard until `until`, it is not.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) since: Instant,
    pub(super) until: Instant,
    /// Sessions that want to be the same name: key and life.
    pub(super) rivals: Vec<(PublicKey, u64)>,
}

impl Session {
    pub(super) fn new(boot: u64, address: SocketAddr, life: u64) -> Self {
        Self {
            boot,
            address,
            life,
            stage: Stage::Stranger,
            member: None,
            backlog: VecDeque::new(),
            asking: BTreeSet::new(),
            outstanding: BTreeMap::new(),
            watched: false,
            check: None,
            former: None,
            malformed: 0,
        }
    }

    /// The member, if it is this session's own.
    pub(super) fn here(&self) -> Option<&Member> {
        match self.stage {
            Stage::Here => self.member.as_ref(),
            _ => None,
        }
    }

    /// The same, to change it.
    pub(super) fn here_mut(&mut self) -> Option<&mut Member> {
        match self.stage {
            Stage::Here => self.member.as_mut(),
            _ => None,
        }
    }

    /// The link begins anew, empty: what it had not settled is to be sent again.
    pub(super) fn restart(&mut self) {
        self.outstanding.clear();
        if let Some(member) = &mut self.member {
            // Its timer may have gone by while nobody was here.
            member.letters_at = None;
            for letter in &mut member.letters {
                if letter.step != Step::Taken {
                    letter.step = Step::Held;
                }
            }
            member.cursor.owed |= std::mem::take(&mut member.cursor.page) != Way::Free;
        }
    }
}

impl Member {
    pub(super) fn new(name: Name, owner: Version, address: SocketAddr) -> Self {
        Self {
            name,
            owner,
            address,
            letters: VecDeque::new(),
            letters_at: None,
            fed: 0,
            waited: 0,
            announced: 0,
            cursor: Cursor::default(),
        }
    }
}
