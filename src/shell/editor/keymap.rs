//! Keys to commands: emacs' keys as readline has them, in one table.
//!
//! Not offered: vi's keys, numeric arguments, two-key sequences (Ctrl-X ..), an inputrc.

use rustyline::{Anchor, At, Cmd, KeyCode as K, KeyEvent as E, Modifiers as M, Movement, Word};

const WORD_LEFT: Movement = Movement::BackwardWord(1, Word::Emacs);
const WORD_RIGHT: Movement = Movement::ForwardWord(1, At::AfterEnd, Word::Emacs);

/// At the end of a line it may ask what may follow.
pub(super) const QUESTION: E = E(K::Char('?'), M::NONE);

/// What a key asks for.
#[rustfmt::skip]
pub(super) fn command(key: E) -> Cmd {
    match key {
        E(K::Char(c), M::NONE) => Cmd::SelfInsert(1, c),
        E(K::Enter, M::NONE | M::CTRL) | E(K::Char('J' | 'M'), M::CTRL) => Cmd::AcceptLine,
        E(K::Enter, _) | E(K::Char('J' | 'M'), M::CTRL_ALT) => Cmd::Newline,
        E(K::Char('C' | '\\'), M::CTRL) => Cmd::Interrupt,
        E(K::Char('D'), M::CTRL) => Cmd::EndOfFile, // deletes where there is a line
        E(K::Char('Z'), M::CTRL) => Cmd::Suspend,
        E(K::Char('G'), M::CTRL) | E(K::Esc, _) => Cmd::Abort,
        E(K::Char('L'), M::CTRL) => Cmd::ClearScreen,
        E(K::Char('V' | 'Q'), M::CTRL) => Cmd::QuotedInsert,
        E(K::Tab, M::NONE) | E(K::Char('I'), M::CTRL) => Cmd::Complete,

        E(K::Char('A'), M::CTRL) | E(K::Home, _) => Cmd::Move(Movement::BeginningOfLine),
        E(K::Char('E'), M::CTRL) | E(K::End, _) => Cmd::Move(Movement::EndOfLine),
        E(K::Char('B'), M::CTRL) | E(K::Left, M::NONE) => Cmd::Move(Movement::BackwardChar(1)),
        E(K::Right, M::NONE) => Cmd::CompleteHint, // moves where there is no hint
        E(K::Char('F'), M::CTRL) => Cmd::Move(Movement::ForwardChar(1)),
        E(K::Char('B' | 'b'), M::ALT) | E(K::Left, M::CTRL | M::ALT) => Cmd::Move(WORD_LEFT),
        E(K::Char('F' | 'f'), M::ALT) | E(K::Right, M::CTRL | M::ALT) => Cmd::Move(WORD_RIGHT),

        E(K::Backspace, M::NONE) => Cmd::Kill(Movement::BackwardChar(1)),
        E(K::Delete, M::NONE) => Cmd::Kill(Movement::ForwardChar(1)),
        E(K::Char('K'), M::CTRL) => Cmd::Kill(Movement::EndOfLine),
        E(K::Char('U'), M::CTRL) => Cmd::Kill(Movement::BeginningOfLine),
        E(K::Char('W'), M::CTRL) => Cmd::Kill(Movement::BackwardWord(1, Word::Big)),
        E(K::Backspace, M::ALT) => Cmd::Kill(WORD_LEFT),
        E(K::Char('D' | 'd'), M::ALT) => Cmd::Kill(WORD_RIGHT),
        E(K::Char('Y'), M::CTRL) => Cmd::Yank(1, Anchor::Before),
        E(K::Char('Y' | 'y'), M::ALT) => Cmd::YankPop,
        E(K::Char('_'), M::CTRL) => Cmd::Undo(1),

        E(K::Char('T'), M::CTRL) => Cmd::TransposeChars,
        E(K::Char('T' | 't'), M::ALT) => Cmd::TransposeWords(1),
        E(K::Char('C' | 'c'), M::ALT) => Cmd::CapitalizeWord,
        E(K::Char('L' | 'l'), M::ALT) => Cmd::DowncaseWord,
        E(K::Char('U' | 'u'), M::ALT) => Cmd::UpcaseWord,

        E(K::Char('P'), M::CTRL) => Cmd::PreviousHistory,
        E(K::Char('N'), M::CTRL) => Cmd::NextHistory,
        E(K::Up, _) => Cmd::LineUpOrPreviousHistory(1),
        E(K::Down, _) => Cmd::LineDownOrNextHistory(1),
        E(K::Char('<'), M::ALT) => Cmd::BeginningOfHistory,
        E(K::Char('>'), M::ALT) => Cmd::EndOfHistory,
        E(K::Char('R'), M::CTRL) => Cmd::ReverseSearchHistory,
        E(K::Char('S'), M::CTRL) => Cmd::ForwardSearchHistory,
        E(K::UnknownEscSeq, _) => Cmd::Noop,
        _ => Cmd::Unknown,
    }
}

/// The character that a key after Ctrl-V stands for.
pub(super) fn literal(key: E) -> Option<char> {
    match key {
        E(K::Char(c), M::CTRL) => Some(char::from(u8::try_from(c).ok()? & 0x1f)),
        E(K::Char(c), _) => Some(c),
        E(K::Tab, _) => Some('\t'),
        E(K::Enter, _) => Some('\n'),
        E(K::Esc, _) => Some('\x1b'),
        _ => None,
    }
}
