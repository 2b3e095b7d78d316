//! Every way in which a file can be wrong or a test can fail, as programs read it.

use crate::shell::Exit;

/// Why a file does not parse, a test fails, or a file cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// An actor could not start.
    ActorFailed,
    /// A line for an actor that is not running.
    ActorGone,
    /// A command's arguments are missing or wrong.
    BadArguments,
    /// A duration without a unit.
    BadDuration,
    /// A regular expression that is none.
    BadRegex,
    /// A value that the field never has.
    BadValue,
    /// `>send` instead of `> send`.
    BlankAfterOp,
    /// `alice >` instead of `alice>`.
    BlankBeforeOp,
    /// The file cannot be run at all.
    CannotRun,
    /// A command failed that had to succeed.
    CommandFailed,
    /// A command succeeded that had to fail.
    CommandSucceeded,
    /// A command had no outcome in time.
    CommandTimeout,
    /// Another message came first.
    ExpectOrder,
    /// What was expected did not come in time.
    ExpectTimeout,
    /// A file cannot be included.
    Include,
    /// A promise of the program itself was broken, whatever the script asks.
    Invariant,
    /// Messages were never looked at, and the file is strict.
    Leftover,
    /// Something stands where it cannot.
    Misplaced,
    /// A line without a name where there are several actors.
    NameNeeded,
    /// It needs a server of the file's own.
    NeedsServer,
    /// A command that is for the shell only.
    NotInScripts,
    /// No record fits.
    QueryTimeout,
    /// A variable that nothing binds.
    Unbound,
    /// A `{` without its `}`.
    UnclosedBlock,
    /// A `"` without its `"`.
    UnclosedString,
    /// What must not be seen was seen.
    UnexpectedEvent,
    /// An actor that was not declared.
    UnknownActor,
    /// A word that is no command.
    UnknownCommand,
    /// A word that is neither a directive nor a command.
    UnknownDirective,
    /// A word that is no kind of event.
    UnknownEvent,
    /// A field that the kind does not have, or a setting that nobody knows.
    UnknownField,
    /// A word that cannot be asked.
    UnknownQuery,
    /// The test ran for too long.
    WallLimit,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::ActorFailed,
        Self::ActorGone,
        Self::BadArguments,
        Self::BadDuration,
        Self::BadRegex,
        Self::BadValue,
        Self::BlankAfterOp,
        Self::BlankBeforeOp,
        Self::CannotRun,
        Self::CommandFailed,
        Self::CommandSucceeded,
        Self::CommandTimeout,
        Self::ExpectOrder,
        Self::ExpectTimeout,
        Self::Include,
        Self::Invariant,
        Self::Leftover,
        Self::Misplaced,
        Self::NameNeeded,
        Self::NeedsServer,
        Self::NotInScripts,
        Self::QueryTimeout,
        Self::Unbound,
        Self::UnclosedBlock,
        Self::UnclosedString,
        Self::UnexpectedEvent,
        Self::UnknownActor,
        Self::UnknownCommand,
        Self::UnknownDirective,
        Self::UnknownEvent,
        Self::UnknownField,
        Self::UnknownQuery,
        Self::WallLimit,
    ];

    /// The word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ActorFailed => "actor-failed",
            Self::ActorGone => "actor-gone",
            Self::BadArguments => "bad-arguments",
            Self::BadDuration => "bad-duration",
            Self::BadRegex => "bad-regex",
            Self::BadValue => "bad-value",
            Self::BlankAfterOp => "blank-after-op",
            Self::BlankBeforeOp => "blank-before-op",
            Self::CannotRun => "cannot-run",
            Self::CommandFailed => "command-failed",
            Self::CommandSucceeded => "command-succeeded",
            Self::CommandTimeout => "command-timeout",
            Self::ExpectOrder => "expect-order",
            Self::ExpectTimeout => "expect-timeout",
            Self::Include => "include",
            Self::Invariant => "invariant",
            Self::Leftover => "leftover",
            Self::Misplaced => "misplaced",
            Self::NameNeeded => "name-needed",
            Self::NeedsServer => "needs-server",
            Self::NotInScripts => "not-in-scripts",
            Self::QueryTimeout => "query-timeout",
            Self::Unbound => "unbound",
            Self::UnclosedBlock => "unclosed-block",
            Self::UnclosedString => "unclosed-string",
            Self::UnexpectedEvent => "unexpected-event",
            Self::UnknownActor => "unknown-actor",
            Self::UnknownCommand => "unknown-command",
            Self::UnknownDirective => "unknown-directive",
            Self::UnknownEvent => "unknown-event",
            Self::UnknownField => "unknown-field",
            Self::UnknownQuery => "unknown-query",
            Self::WallLimit => "wall-limit",
        }
    }

    /// The exit status it stands for.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::ActorFailed
            | Self::ActorGone
            | Self::CommandFailed
            | Self::CommandSucceeded
            | Self::CommandTimeout
            | Self::ExpectOrder
            | Self::ExpectTimeout
            | Self::Invariant
            | Self::Leftover
            | Self::QueryTimeout
            | Self::UnexpectedEvent
            | Self::WallLimit => Exit::No,
            Self::BadArguments
            | Self::BadDuration
            | Self::BadRegex
            | Self::BadValue
            | Self::BlankAfterOp
            | Self::BlankBeforeOp
            | Self::Include
            | Self::Misplaced
            | Self::NameNeeded
            | Self::NeedsServer
            | Self::NotInScripts
            | Self::Unbound
            | Self::UnclosedBlock
            | Self::UnclosedString
            | Self::UnknownActor
            | Self::UnknownCommand
            | Self::UnknownDirective
            | Self::UnknownEvent
            | Self::UnknownField
            | Self::UnknownQuery => Exit::Parse,
            Self::CannotRun => Exit::Unreachable,
        }
    }
}
