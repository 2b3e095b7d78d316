//! The one table of exit codes: how programs and lines end, and which refusal means which end.

use crate::client::RequestError;

/// How a program, or a line, ends; the number is what the shell that called us sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A test failed, or the local port is in use.
    No = 1,
    /// The words or the configuration are wrong.
    Usage = 2,
    /// A script does not parse.
    Parse = 3,
    /// The server cannot be reached, or profile or store cannot be used: nothing is known to have
    /// been done.
    Unreachable = 4,
    /// It was tried, and nobody is known to have it.
    NobodyHasIt = 5,
    /// It is stored only, where delivery was required.
    StoredOnly = 6,
    /// Refused: certainly not done.
    Refused = 7,
    /// Timed out: not known.
    TimedOut = 8,
    /// A program of somebody else cannot be run.
    CannotRun = 126,
    /// Ctrl-C (128 + SIGINT).
    Interrupted = 130,
    /// SIGTERM before it was done (128 + SIGTERM).
    Terminated = 143,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Why a line was refused or failed, as programs read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorCode {
    /// A name breaks the rules for names.
    BadName,
    /// Too much waits already.
    Busy,
    /// A message was given up here; it may have arrived.
    Cancelled,
    /// The disk refused.
    Disk,
    /// A text is empty.
    EmptyText,
    /// The group exists already.
    GroupExists,
    /// A key is not the one that was seen first.
    KeyChanged,
    /// The name belongs to another key or is logged in elsewhere.
    NameTaken,
    /// The program ends; there is no session any more.
    NoSession,
    /// One is not a member of the group.
    NotMember,
    /// The name has to be one's own.
    NotSelf,
    /// A program of somebody else failed.
    PluginFailed,
    /// There is no room.
    Quota,
    /// Too fast.
    RateLimited,
    /// Refused for another reason.
    Refused,
    /// The server does not answer.
    ServerUnreachable,
    /// It took longer than it may: what became of it is not known.
    TimedOut,
    /// A text or line is too long.
    TooLong,
    /// The first word is no command.
    UnknownCommand,
    /// No group has this name.
    UnknownGroup,
    /// Nobody has this name.
    UnknownPeer,
    /// Arguments are missing or surplus.
    Usage,
    /// The command is not valid in this mode.
    WrongMode,
}

impl ErrorCode {
    /// All of them, by their words.
    pub const ALL: [Self; 23] = [
        Self::BadName,
        Self::Busy,
        Self::Cancelled,
        Self::Disk,
        Self::EmptyText,
        Self::GroupExists,
        Self::KeyChanged,
        Self::NameTaken,
        Self::NoSession,
        Self::NotMember,
        Self::NotSelf,
        Self::PluginFailed,
        Self::Quota,
        Self::RateLimited,
        Self::Refused,
        Self::ServerUnreachable,
        Self::TimedOut,
        Self::TooLong,
        Self::UnknownCommand,
        Self::UnknownGroup,
        Self::UnknownPeer,
        Self::Usage,
        Self::WrongMode,
    ];

    /// The code with this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.word() == word)
    }

    /// The word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::BadName => "bad-name",
            Self::Busy => "busy",
            Self::Cancelled => "cancelled",
            Self::Disk => "disk",
            Self::EmptyText => "empty-text",
            Self::GroupExists => "group-exists",
            Self::KeyChanged => "key-changed",
            Self::NameTaken => "name-taken",
            Self::NoSession => "no-session",
            Self::NotMember => "not-member",
            Self::NotSelf => "not-self",
            Self::PluginFailed => "plugin-failed",
            Self::Quota => "quota",
            Self::RateLimited => "rate-limited",
            Self::Refused => "refused",
            Self::ServerUnreachable => "server-unreachable",
            Self::TimedOut => "timed-out",
            Self::TooLong => "too-long",
            Self::UnknownCommand => "unknown-command",
            Self::UnknownGroup => "unknown-group",
            Self::UnknownPeer => "unknown-peer",
            Self::Usage => "usage",
            Self::WrongMode => "wrong-mode",
        }
    }

    /// How a line ends that failed with this code before any message was tried.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::BadName
            | Self::EmptyText
            | Self::TooLong
            | Self::UnknownCommand
            | Self::Usage => Exit::Usage,
            Self::Busy | Self::Disk | Self::NoSession | Self::ServerUnreachable => {
                Exit::Unreachable
            }
            Self::Cancelled => Exit::NobodyHasIt,
            Self::PluginFailed => Exit::No,
            Self::TimedOut => Exit::TimedOut,
            Self::GroupExists
            | Self::KeyChanged
            | Self::NameTaken
            | Self::NotMember
            | Self::NotSelf
            | Self::Quota
            | Self::RateLimited
            | Self::Refused
            | Self::UnknownGroup
            | Self::UnknownPeer
            | Self::WrongMode => Exit::Refused,
        }
    }

    /// The same for a line that had tried to send a message: then its fate is not known.
    #[must_use]
    pub const fn exit_after_try(self) -> Exit {
        match self {
            Self::Disk | Self::ServerUnreachable => Exit::NobodyHasIt,
            _ => self.exit(),
        }
    }
}

impl From<&RequestError> for ErrorCode {
    fn from(error: &RequestError) -> Self {
        match error {
            RequestError::Ambiguous
            | RequestError::IdTaken
            | RequestError::InOutbox
            | RequestError::NoSuchMessage
            | RequestError::NotTrusted(_)
            | RequestError::Refused(_)
            | RequestError::TooLate => Self::Refused,
            RequestError::Cancelled => Self::Cancelled,
            RequestError::Disk => Self::Disk,
            RequestError::Ended => Self::NoSession,
            RequestError::GroupExists(_) => Self::GroupExists,
            RequestError::KeyChanged(_) | RequestError::ServerKeyChanged => Self::KeyChanged,
            RequestError::NameTaken(_) => Self::NameTaken,
            RequestError::NotMember => Self::NotMember,
            RequestError::OutboxFull => Self::Busy,
            RequestError::Quota(_) => Self::Quota,
            RequestError::RateLimited => Self::RateLimited,
            RequestError::ServerUnreachable => Self::ServerUnreachable,
            RequestError::UnknownGroup(_) => Self::UnknownGroup,
            RequestError::UnknownPeer(_) => Self::UnknownPeer,
            RequestError::WrongMode => Self::WrongMode,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_was_tried_is_told_from_one_that_was_not() {
        let lost = ErrorCode::ServerUnreachable;
        assert_eq!(lost.exit().code(), 4);
        assert_eq!(lost.exit_after_try().code(), 5);
        assert_eq!(ErrorCode::UnknownPeer.exit_after_try().code(), 7);
    }

    #[test]
    fn signals_have_the_numbers_that_shells_give_them() {
        assert_eq!(Exit::Interrupted.code(), 128 + 2);
        assert_eq!(Exit::Terminated.code(), 128 + 15);
    }
}
