//! What is asked of a shell, and by whom.

/// A line, or words that a program wrote down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A line as somebody types it.
    Line(Box<str>),
    /// A command and its arguments, each a word of its own: nothing in them is quoted or split.
    Words(Box<[String]>),
}

/// Who asks. The terminal shows what it asked for itself, and what happens to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A program that obeys the terminal's mode, as a typed line does.
    Bound,
    /// A program with a view of its own: it may `send` while the terminal sits in a group.
    Free,
    /// Whoever sits there.
    Terminal,
}

/// What a program says of the message that it wants sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// No person wrote it: no hook answers it.
    pub auto: bool,
    /// The id it had when it was given up.
    pub id: Option<crate::model::MessageId>,
}

/// Something that a program is told because it asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What it may try instead.
    Hint(String),
    /// Its message is on disk here, under this id.
    Kept(crate::model::MessageId),
    /// What it asked for, complete.
    Records(Vec<super::fields::Fact>),
    /// What a person would read.
    Words(String),
}
