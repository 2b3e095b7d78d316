//! A command: plain data, and one function from what is known and typed to what is to be done.

use super::args::{Args, Choices, Kind, Need, Param, Target};
use super::asked::Asker;
use super::exit::ErrorCode;
use super::external::{External, Program, Word};
use super::fields::Fact;
use super::registry::Registry;
use super::{Settings, client::GroupPrivate};
use crate::client::port::{Recall, Recipient};
use crate::client::{Mode, Request, View};
use crate::model::{InvalidName, Name};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// One command. Parser, usage, help and documents all read this.
#[derive(Clone, Debug)]
pub struct Command {
    /// The word people type.
    pub name: Cow<'static, str>,
    /// Other words for it.
    pub aliases: Vec<&'static str>,
    /// Under which heading help lists it.
    pub heading: Heading,
    /// What it does, as one phrase.
    pub about: Cow<'static, str>,
    /// Its arguments in order.
    pub params: Vec<Param>,
    /// Where it is valid.
    pub modes: &'static [In],
    /// By which ways it can be given.
    pub faces: &'static [Face],
    /// The end of the sentence "done when ..".
    pub done: &'static str,
    /// How it can be refused or fail, beside usage.
    pub errors: &'static [ErrorCode],
    /// At least one line that works.
    pub examples: Vec<Example>,
    /// What becomes of lines that are entered before its outcome.
    pub later_lines: LaterLines,
    /// It sends a message: its outcome tells how much is known of that.
    pub is_message: bool,
    /// What it has to reach.
    pub reach: Reach,
    /// What it does.
    pub run: Run,
}

/// What carries a command out.
#[derive(Clone, Debug)]
pub enum Run {
    /// A function of ours.
    BuiltIn(fn(&Context<'_>, &Args) -> Result<Action, Refusal>),
    /// A program of somebody else, in a file of its own.
    External(Arc<External>),
}

/// What help puts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heading {
    /// To one, to all.
    Messages,
    /// Groups.
    Groups,
    /// What was said before.
    History,
    /// Who is here.
    Presence,
    /// Who somebody is.
    Keys,
    /// The program itself.
    Program,
    /// Programs of other people.
    External,
}

/// A mode in which a command may be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum In {
    /// In a group.
    Group,
    /// Registered, in no group.
    Normal,
    /// After `dereg`.
    Offline,
    /// In a group, if the settings allow private messages there.
    PrivateGroup,
}

/// A way by which a command can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// A `.chat` file.
    Chat,
    /// An argument of the program.
    OneShot,
    /// The shell.
    Shell,
    /// The control socket.
    Socket,
}

/// What a command has to reach; only as far does a client of its own go for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// What the profile has on disk: nobody is spoken to.
    Disk,
    /// Nothing: it is answered where it is asked.
    Nothing,
    /// The server, and other people.
    Server,
}

/// Everywhere.
pub const ALL_FACES: &[Face] = &[Face::Shell, Face::OneShot, Face::Socket, Face::Chat];
/// Where somebody goes on typing.
pub const TYPED_FACES: &[Face] = &[Face::Shell, Face::Chat];
/// Where a session goes on.
pub const SESSION_FACES: &[Face] = &[Face::Shell, Face::Socket, Face::Chat];
/// In every mode.
pub const ALL_MODES: &[In] = &[In::Normal, In::Group, In::Offline];

/// A line, and the first line that it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What is typed.
    pub line: Cow<'static, str>,
    /// What is shown; empty if nothing is.
    pub shows: Cow<'static, str>,
}

/// Whether lines entered after a command wait for its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaterLines {
    /// They do not.
    Run,
    /// They do, because the outcome decides what they mean.
    Wait,
}

/// What a command may look at.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Names, groups and the mode.
    pub view: &'a View,
    /// What is set.
    pub settings: &'a Settings,
    /// All commands.
    pub registry: &'a Registry,
    /// Who asks.
    pub asker: Asker,
}

impl Context<'_> {
    /// The group in which a text for all is meant for the group: of a terminal that sits in it.
    #[must_use]
    pub fn is_in_group(&self) -> bool {
        self.asker != Asker::Free && matches!(self.view.mode, Mode::Group(_))
    }
}

/// What a line comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Clear the screen.
    Clear,
    /// End the conversation.
    Close,
    /// Write a message to somebody, or to whom one talks to, in an editor.
    Edit(Option<Target>),
    /// Show hooks, switch one, or try them.
    Hook(HookWish),
    /// Show which commands are programs of others.
    ListExternal,
    /// Write a script to begin such a program with.
    NewExternal(Word),
    /// Write a conversation into a file.
    Export(Recipient, Box<str>),
    /// Begin a conversation.
    Open(Target),
    /// Begin or end a recording.
    Record(Recording),
    /// Ask the client.
    Request(Request),
    /// Run a program of somebody else.
    Run(Program),
    /// Look up what was said before, and show it.
    Recall(Recall),
    /// The records of this query.
    Query(&'static str),
    /// Show these lines; there is nothing else to do.
    Say(String),
    /// Show what is set, or set it.
    Set(Option<String>, Option<String>),
    /// The same as lines for people and as records for programs.
    Tell(String, Vec<Fact>),
}

/// What is to be done with hooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookWish {
    /// Show them.
    List,
    /// This one runs no more.
    Off(String),
    /// This one runs.
    On(String),
    /// Tell what an event would run.
    Test(String),
}

/// What becomes of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recording {
    /// It begins, in a file that does not exist yet.
    Start(String),
    /// It ends.
    Stop,
}

/// Why a line is not carried out, and where in it the reason stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// Why.
    pub refusal: Refusal,
    /// Bytes of the line; empty at its end.
    pub span: Range<usize>,
    /// The usage of the command, if the word is one.
    pub usage: Option<String>,
}

/// Why a line is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The group's name breaks the rules.
    BadGroupName(InvalidName),
    /// A program cannot be called so.
    BadProgramName,
    /// The file's name does not say in which form it is to be written.
    BadSuffix,
    /// The text has no byte.
    EmptyText(Param),
    /// The line, or its text, is too long.
    LongText,
    /// An argument is missing.
    Missing(Param),
    /// None of the words that may stand there.
    NoChoice(Choices),
    /// Not a number above zero.
    NoCount,
    /// Not thirty digits.
    NoFingerprint,
    /// Not the digits of an id.
    NoId,
    /// The name is known, its key is not.
    NoKey(Name),
    /// `dereg` with another's name; one's own is this.
    NotSelfDereg(Name),
    /// `reg` with another's name; one's own is this.
    NotSelfReg(Name),
    /// There is nobody to write to.
    NoTarget,
    /// There are more words than arguments.
    Surplus,
    /// It needs somebody who sits there.
    TerminalOnly,
    /// Too many lines wait already.
    TooManyLines,
    /// The word is no command.
    UnknownCommand,
    /// Nobody has this name.
    UnknownPeer,
    /// The command is not valid in this mode.
    WrongMode,
}

impl Command {
    pub(super) const fn new(
        name: &'static str,
        heading: Heading,
        about: &'static str,
        run: fn(&Context<'_>, &Args) -> Result<Action, Refusal>,
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            aliases: Vec::new(),
            heading,
            about: Cow::Borrowed(about),
            params: Vec::new(),
            modes: ALL_MODES,
            faces: ALL_FACES,
            done: "it is entered; nothing is sent",
            errors: &[],
            examples: Vec::new(),
            later_lines: LaterLines::Run,
            is_message: false,
            reach: Reach::Server,
            run: Run::BuiltIn(run),
        }
    }

    pub(super) fn alias(mut self, word: &'static str) -> Self {
        self.aliases.push(word);
        self
    }

    pub(super) fn required(mut self, name: &'static str, kind: Kind) -> Self {
        let need = Need::Required;
        self.params.push(Param {
            name: Cow::Borrowed(name),
            kind,
            need,
        });
        self
    }

    pub(super) fn optional(mut self, name: &'static str, kind: Kind) -> Self {
        let need = Need::Optional;
        self.params.push(Param {
            name: Cow::Borrowed(name),
            kind,
            need,
        });
        self
    }

    pub(super) const fn modes(mut self, modes: &'static [In]) -> Self {
        self.modes = modes;
        self
    }

    pub(super) const fn faces(mut self, faces: &'static [Face]) -> Self {
        self.faces = faces;
        self
    }

    pub(super) const fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    pub(super) const fn done(mut self, when: &'static str) -> Self {
        self.done = when;
        self
    }

    pub(super) const fn errors(mut self, codes: &'static [ErrorCode]) -> Self {
        self.errors = codes;
        self
    }

    pub(super) fn example(mut self, line: &'static str, shows: &'static str) -> Self {
        self.examples.push(Example {
            line: Cow::Borrowed(line),
            shows: Cow::Borrowed(shows),
        });
        self
    }

    pub(super) const fn message(mut self) -> Self {
        self.is_message = true;
        self
    }

    pub(super) const fn later_lines_wait(mut self) -> Self {
        self.later_lines = LaterLines::Wait;
        self
    }

    /// `send NAME TEXT`: derived, never written.
    #[must_use]
    pub fn usage(&self) -> String {
        let params = self.params.iter().map(Param::usage);
        let words: Vec<_> = std::iter::once(self.name.to_string())
            .chain(params)
            .collect();
        words.join(" ")
    }

    /// Whether it is valid now.
    #[must_use]
    pub fn is_valid(&self, mode: &Mode, settings: &Settings) -> bool {
        self.modes.iter().any(|place| match (place, mode) {
            (In::Normal, Mode::Normal)
            | (In::Group, Mode::Group(_))
            | (In::Offline, Mode::Offline(_)) => true,
            (In::PrivateGroup, Mode::Group(_)) => settings.group_private == GroupPrivate::Allow,
            (_, Mode::Starting) => self.modes == ALL_MODES,
            _ => false,
        })
    }
}

impl Heading {
    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Messages => "Messages",
            Self::Groups => "Groups",
            Self::History => "History",
            Self::Presence => "Presence",
            Self::Keys => "Keys",
            Self::Program => "This program",
            Self::External => "Other programs (external)",
        }
    }
}

impl Refusal {
    pub(super) const fn at(self, span: Range<usize>) -> CommandError {
        CommandError {
            refusal: self,
            span,
            usage: None,
        }
    }

    /// The code for programs.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::BadGroupName(_) | Self::BadProgramName => ErrorCode::BadName,
            Self::EmptyText(_) => ErrorCode::EmptyText,
            Self::LongText => ErrorCode::TooLong,
            Self::BadSuffix
            | Self::Missing(_)
            | Self::NoChoice(_)
            | Self::NoCount
            | Self::NoFingerprint
            | Self::NoId
            | Self::NoTarget
            | Self::Surplus
            | Self::TerminalOnly => ErrorCode::Usage,
            Self::NoKey(_) => ErrorCode::Refused,
            Self::NotSelfDereg(_) | Self::NotSelfReg(_) => ErrorCode::NotSelf,
            Self::TooManyLines => ErrorCode::Busy,
            Self::UnknownCommand => ErrorCode::UnknownCommand,
            Self::UnknownPeer => ErrorCode::UnknownPeer,
            Self::WrongMode => ErrorCode::WrongMode,
        }
    }
}
