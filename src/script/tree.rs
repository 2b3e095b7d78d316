//! The syntax tree of a `.chat` file: plain data, every word checked, every place known.

pub use crate::model::duration;
pub use crate::shell::diagnostic::{Diagnostic, Place, Sources, Span};
pub use crate::shell::pattern::{Match, Pattern, Relation, Value};
pub use crate::shell::template::{Piece, Template, Unbound};
use std::time::Duration;

/// A file that parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its text and the texts it includes; spans point here.
    pub sources: Sources,
    /// Whether it brings its own server.
    pub world: World,
    /// `set seed=`, if it says so.
    pub seed: Option<u64>,
    /// `set`, `let` and `note` outside of tests, in order; empty in a file without `test`.
    pub top: Vec<Step>,
    /// Its tests in order; a file without `test` is one test named after the file.
    pub tests: Vec<Test>,
}

/// Where a file runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// With servers and actors of its own: simulated, or over loopback.
    Hermetic,
    /// As the one client of a profile, at its server.
    Live,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Where its first line stands.
    pub span: Span,
    /// So many steps of [`File::top`] stand above it and hold for it.
    pub above: usize,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What is done after the first failure.
    pub on_fail: Vec<Step>,
    /// Why it is not run, if so.
    pub skip: Option<String>,
    /// Why a failure does not count, if so.
    pub todo: Option<String>,
}

/// One line, or a block of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line without the blanks around it; of a block its first line.
    pub span: Span,
    /// How long the people of a recording paused before it (`# +1.4s`).
    pub pause: Duration,
    /// What it says.
    pub deed: Deed,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Somebody types, sees or is asked.
    Act(Act),
    /// `actor a b key=value`: clients, started in this order.
    Actor {
        /// Their labels.
        labels: Vec<String>,
        /// `on`, `as`, `start`, and settings of a profile.
        settings: Vec<Setting>,
    },
    /// `disk x full`.
    Disk {
        /// Whose disk.
        label: String,
        /// How it is from now on.
        state: Disk,
    },
    /// `each x in a b { }`.
    Each {
        /// The variable.
        name: String,
        /// Its values in turn.
        words: Vec<Template>,
        /// The lines inside.
        steps: Vec<Step>,
    },
    /// `forget a b`: what they have seen so far counts as used.
    Forget(Vec<String>),
    /// `let x = v`.
    Let {
        /// The variable.
        name: String,
        /// Its value.
        value: Template,
    },
    /// `net ..`: the network from now on.
    Net(Net),
    /// `note text`: into the report.
    Note(Template),
    /// `kill x`, `crash x`, `stop s`, `start x`.
    Process {
        /// What happens.
        verb: Verb,
        /// To whom.
        label: String,
    },
    /// `repeat 5 as i { }`.
    Repeat {
        /// How often; 1 to 10,000.
        count: u32,
        /// The variable that counts from 1.
        name: Option<String>,
        /// The lines inside.
        steps: Vec<Step>,
    },
    /// `server s key=value`.
    Server {
        /// Its label.
        label: String,
        /// Settings of `serve`.
        settings: Vec<Setting>,
    },
    /// `set k=v`: until the end of the test, or for the tests below.
    Set(Vec<Setting>),
    /// `sleep 3d`.
    Sleep(Duration),
    /// `wait a b`: until all their `&>` lines have an outcome.
    Wait(Vec<String>),
}

/// What one actor types, sees, or is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who; None only in a live file whose lines have no name: the profile's client.
    pub label: Option<String>,
    /// The operator and what stands after it.
    pub body: Body,
    /// `@3s`: the limit of this line (for `!<` the quiet time).
    pub limit: Option<Duration>,
    /// Where the body stands.
    pub span: Span,
}

/// The operator of an act with its body; see [`Body::op`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// `>`, `!>`, `&>`: a shell line.
    Type(Typing, Template),
    /// `<`, `<<`, `!<`: an event.
    See(Seeing, Pattern),
    /// `?`, `!?`: a record.
    Ask(Asking, Pattern),
}

/// What is expected of a typed line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// `&>`: nothing yet; the next line runs at once.
    Background,
    /// `>`: it succeeds.
    Do,
    /// `!>`: it fails.
    MustFail,
}

/// What is expected of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeing {
    /// `!<`: it does not come.
    NotSee,
    /// `<`: it came or comes in time.
    See,
    /// `<<`: the same, and in order.
    SeeNext,
}

/// What is expected of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// `?`: there is one in time.
    Ask,
    /// `!?`: there is none in the end.
    NotAsk,
}

/// The eight operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `?`.
    Ask,
    /// `&>`.
    Background,
    /// `>`.
    Do,
    /// `!>`.
    MustFail,
    /// `!?`.
    NotAsk,
    /// `!<`.
    NotSee,
    /// `<`.
    See,
    /// `<<`.
    SeeNext,
}

/// `key=value`; checked where the value has no variable, else when it is filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key; one that exists.
    pub key: String,
    /// The value.
    pub value: Template,
    /// Where it stands.
    pub span: Span,
}

/// How a process begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Power cut: what was not flushed may be forgotten.
    Crash,
    /// Ends at once, without a word.
    Kill,
    /// Runs again with the same data, name and port.
    Start,
    /// A server ends politely.
    Stop,
}

/// How a disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Writes are refused for want of space.
    Full,
    /// Normal.
    Ok,
    /// Every flush takes so long.
    Slow(Duration),
}

/// A change of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Net {
    /// A chance for each datagram; 0 ends it.
    Chance {
        /// What may happen.
        fault: Chance,
        /// 0 to 100.
        percent: u8,
        /// Where; None: everywhere.
        path: Option<Path>,
    },
    /// Nothing passes.
    Cut(Path),
    /// Every datagram takes a time between the two, both included.
    Delay {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
        /// Where; None: everywhere.
        path: Option<Path>,
    },
    /// All faults end.
    Heal(Option<Path>),
    /// Nothing passes between the two sides.
    Partition(Vec<String>, Vec<String>),
}

/// What may happen to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chance {
    /// A bit flips.
    Corrupt,
    /// It is lost.
    Drop,
    /// It comes twice.
    Dup,
    /// Up to three later ones overtake it.
    Reorder,
}

/// A path of datagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// `a`: everything to and from it.
    All(String),
    /// `a<->b`.
    Between(String, String),
    /// `a->b`.
    To(String, String),
}

impl Body {
    /// The operator.
    #[must_use]
    pub const fn op(&self) -> Op {
        match self {
            Self::Type(Typing::Background, _) => Op::Background,
            Self::Type(Typing::Do, _) => Op::Do,
            Self::Type(Typing::MustFail, _) => Op::MustFail,
            Self::See(Seeing::NotSee, _) => Op::NotSee,
            Self::See(Seeing::See, _) => Op::See,
            Self::See(Seeing::SeeNext, _) => Op::SeeNext,
            Self::Ask(Asking::Ask, _) => Op::Ask,
            Self::Ask(Asking::NotAsk, _) => Op::NotAsk,
        }
    }
}

impl Op {
    /// As it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ask => "?",
            Self::Background => "&>",
            Self::Do => ">",
            Self::MustFail => "!>",
            Self::NotAsk => "!?",
            Self::NotSee => "!<",
            Self::See => "<",
            Self::SeeNext => "<<",
        }
    }
}
