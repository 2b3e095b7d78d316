//! Bytes from a keyboard to keys and pastes; half a sequence stays inside until its rest comes.
//!
//! What terminals send is told by ECMA-48 (control sequences) and xterm's "ctlseqs" (modifiers,
//! bracketed paste); rxvt and the Linux console have ways of their own.

use crate::model::limits::LINE_BYTES_MAX;
use rustyline::{KeyCode as K, KeyEvent as E, Modifiers as M};

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A paste that was too long.
    Flooded,
    /// One key.
    Key(E),
    /// A paste, its rows ended by `\n`.
    Pasted(String),
}

/// Bytes that are not yet keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    bytes: Vec<u8>,
    paste: Option<Paste>,
}

/// What has come of a bracketed paste.
#[derive(Debug, Default)]
struct Paste {
    bytes: Vec<u8>,
    flooded: bool,
}

/// Whether more bytes may follow those that are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// They may: half a sequence is waited for.
    Awaited,
    /// They took too long: half a sequence is what it is.
    GivenUp,
}

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
const UNKNOWN: E = E(K::UnknownEscSeq, M::NONE);

impl Keys {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether what is here may be the begin of a sequence, or the Escape key.
    pub(super) fn is_half(&self) -> bool {
        self.paste.is_none() && self.bytes.first() == Some(&0x1b)
    }

    pub(super) fn next(&mut self, rest: Rest) -> Option<Input> {
        if self.paste.is_none() && self.bytes.starts_with(PASTE_BEGIN) {
            self.bytes.drain(..PASTE_BEGIN.len());
            self.paste = Some(Paste::default());
        }
        if self.paste.is_some() {
            return self.pasted();
        }
        let (used, key) = key(&self.bytes, rest)?;
        self.bytes.drain(..used);
        Some(Input::Key(key))
    }

    fn pasted(&mut self) -> Option<Input> {
        let paste = self.paste.as_mut()?;
        // The end may have come in two pieces.
        let seen = paste.bytes.len().saturating_sub(PASTE_END.len() - 1);
        paste.bytes.append(&mut self.bytes);
        let Some(end) = find(&paste.bytes[seen..], PASTE_END) else {
            if paste.bytes.len() > LINE_BYTES_MAX + PASTE_END.len() {
                paste.flooded = true;
                paste.bytes.drain(..paste.bytes.len() - PASTE_END.len());
            }
            return None;
        };
        self.bytes = paste.bytes.split_off(seen + end + PASTE_END.len());
        paste.bytes.truncate(seen + end);
        let paste = self.paste.take()?;
        if paste.flooded {
            return Some(Input::Flooded);
        }
        let text = String::from_utf8_lossy(&paste.bytes);
        let rows = text.replace("\r\n", "\n").replace('\r', "\n");
        Some(Input::Pasted(rows))
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

/// The first key and how many bytes it takes; `None`: more bytes are needed.
fn key(bytes: &[u8], rest: Rest) -> Option<(usize, E)> {
    let whole = bytes.len();
    let if_given_up = |key| (rest == Rest::GivenUp).then_some((whole, key));
    match bytes {
        [] => None,
        [0x1b] | [0x1b, 0x1b] => if_given_up(E(K::Esc, M::NONE)),
        // Some terminals send ESC ESC [ A for Alt-Up.
        [0x1b, 0x1b, b'[' | b'O', ..] => {
            let (used, E(code, modifiers)) = key(&bytes[1..], rest)?;
            Some((used + 1, E(code, modifiers | M::ALT)))
        }
        [0x1b, 0x1b, ..] => Some((1, E(K::Esc, M::NONE))),
        // F1 to F5 of the Linux console.
        [0x1b, b'[', b'[', _, ..] => Some((4, UNKNOWN)),
        [0x1b, b'[', b'['] => if_given_up(UNKNOWN),
        [0x1b, b'['] => if_given_up(E::alt('[')),
        [0x1b, b'O'] => if_given_up(E::alt('O')),
        [0x1b, b'O', last, ..] => Some((3, application_key(*last))),
        [0x1b, b'[', sequence @ ..] => match control_sequence(sequence) {
            Some((used, key)) => Some((used + 2, key)),
            None => if_given_up(UNKNOWN),
        },
        [0x1b, rest @ ..] => character(rest).map(|(used, c)| (used + 1, E::alt(c))),
        _ => character(bytes).map(|(used, c)| (used, E::new(c, M::NONE))),
    }
}

/// `ESC O last`.
fn application_key(last: u8) -> E {
    match last {
        b'M' => E(K::Enter, M::NONE),
        b'a'..=b'd' => E(arrow(last.to_ascii_uppercase()), M::CTRL), // rxvt
        _ => E(arrow(last), M::NONE),
    }
}

/// What stands after `ESC [`: parameters, then one last byte; anything else breaks it off.
fn control_sequence(bytes: &[u8]) -> Option<(usize, E)> {
    let end = bytes
        .iter()
        .position(|byte| !(0x20..=0x3f).contains(byte) || *byte == b'$')?;
    let last = bytes[end];
    if (0x40..=0x7e).contains(&last) || last == b'$' {
        return Some((end + 1, with_parameters(&bytes[..end], last)));
    }
    Some((end, UNKNOWN))
}

fn with_parameters(parameters: &[u8], last: u8) -> E {
    // A private sequence (ECMA-48 5.4.1): a report or the mouse, no key.
    if matches!(parameters.first(), Some(b'<'..=b'?')) {
        return UNKNOWN;
    }
    let mut numbers = parameters.split(|byte| *byte == b';');
    let first = number(numbers.next());
    let modifiers = number(numbers.next()).map_or(M::NONE, modifiers);
    match last {
        b'Z' => E(K::BackTab, M::NONE),
        b'a'..=b'd' => E(arrow(last.to_ascii_uppercase()), M::SHIFT), // rxvt
        b'~' => E(numbered(first), modifiers),
        b'^' => E(numbered(first), M::CTRL), // rxvt
        b'$' => E(numbered(first), M::SHIFT),
        b'@' => E(numbered(first), M::CTRL_SHIFT),
        // kitty's "fixterms": Enter with a modifier has no byte of its own.
        b'u' if first == Some(13) => E(K::Enter, modifiers),
        _ => E(arrow(last), modifiers),
    }
}

fn number(text: Option<&[u8]>) -> Option<u8> {
    str::from_utf8(text?).ok()?.parse().ok()
}

/// xterm sends one more than the sum of Shift (1), Alt (2), Ctrl (4) and Meta (8).
fn modifiers(number: u8) -> M {
    let sum = number.saturating_sub(1);
    let mut modifiers = M::NONE;
    modifiers.set(M::SHIFT, sum & 1 != 0);
    modifiers.set(M::ALT, sum & (2 | 8) != 0);
    modifiers.set(M::CTRL, sum & 4 != 0);
    modifiers
}

/// The keys of a VT220, by number.
fn numbered(number: Option<u8>) -> K {
    match number {
        Some(1 | 7) => K::Home,
        Some(2) => K::Insert,
        Some(3) => K::Delete,
        Some(4 | 8) => K::End,
        Some(5) => K::PageUp,
        Some(6) => K::PageDown,
        _ => K::UnknownEscSeq,
    }
}

fn arrow(last: u8) -> K {
    match last {
        b'A' => K::Up,
        b'B' => K::Down,
        b'C' => K::Right,
        b'D' => K::Left,
        b'F' => K::End,
        b'H' => K::Home,
        _ => K::UnknownEscSeq,
    }
}

/// The first character; a byte that is no UTF-8 becomes U+FFFD; `None`: more bytes are needed.
fn character(bytes: &[u8]) -> Option<(usize, char)> {
    let head = &bytes[..bytes.len().min(4)];
    let valid = match str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => {
            str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(error) => return Some((error.error_len()?, char::REPLACEMENT_CHARACTER)),
    };
    let c = valid.chars().next()?;
    Some((c.len_utf8(), c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], rest: Rest) -> Vec<Input> {
        let mut keys = Keys::default();
        keys.push(bytes);
        std::iter::from_fn(|| keys.next(rest)).collect()
    }

    #[test]
    fn sequences_of_many_terminals_are_one_key_each() {
        for (bytes, key) in [
            ("\x1b[A", E(K::Up, M::NONE)),
            ("\x1bOA", E(K::Up, M::NONE)),
            ("\x1b[1;5C", E(K::Right, M::CTRL)),
            ("\x1b[1;3D", E(K::Left, M::ALT)),
            ("\x1b\x1b[D", E(K::Left, M::ALT)),
            ("\x1bOd", E(K::Left, M::CTRL)),
            ("\x1b[3~", E(K::Delete, M::NONE)),
            ("\x1b[7^", E(K::Home, M::CTRL)),
            ("\x1b\r", E(K::Enter, M::ALT)),
            ("\x1b[13;2u", E(K::Enter, M::SHIFT)),
            ("\x1bOM", E(K::Enter, M::NONE)),
            ("\x1bb", E(K::Char('b'), M::ALT)),
            ("\x7f", E(K::Backspace, M::NONE)),
            ("\x01", E(K::Char('A'), M::CTRL)),
            ("日", E(K::Char('日'), M::NONE)),
            ("\x1b[<0;12;5M", UNKNOWN),
            ("\x1b[24~", UNKNOWN),
            ("\x1b[?62;c", UNKNOWN),
        ] {
            for cut in 0..bytes.len() {
                let mut keys = Keys::default();
                keys.push(&bytes.as_bytes()[..cut]);
                assert_eq!(keys.next(Rest::Awaited), None, "{bytes:?} at {cut}");
                keys.push(&bytes.as_bytes()[cut..]);
                let found = keys.next(Rest::Awaited);
                assert_eq!(found, Some(Input::Key(key)), "{bytes:?} at {cut}");
                assert_eq!(keys.len(), 0);
            }
        }
    }

    #[test]
    fn half_a_sequence_waits_and_then_is_what_it_is() {
        for (bytes, key) in [
            ("\x1b", E(K::Esc, M::NONE)),
            ("\x1b[", E(K::Char('['), M::ALT)),
            ("\x1b[1;", UNKNOWN),
            ("\x1b[[", UNKNOWN),
        ] {
            assert_eq!(all(bytes.as_bytes(), Rest::Awaited), []);
            assert_eq!(all(bytes.as_bytes(), Rest::GivenUp), [Input::Key(key)]);
        }
    }

    #[test]
    fn a_paste_has_an_end_and_a_limit() {
        let pasted = |text: &str| {
            let bytes = format!("\x1b[200~{text}\x1b[201~");
            all(bytes.as_bytes(), Rest::Awaited)
        };
        assert_eq!(pasted("a\r\nb\rc"), [Input::Pasted("a\nb\nc".into())]);
        assert_eq!(all(b"\x1b[200~a\x1b[201", Rest::GivenUp), []);
        for (length, fits) in [(-1, true), (0, true), (LINE_BYTES_MAX.cast_signed(), false)] {
            let text = "x".repeat(LINE_BYTES_MAX.checked_add_signed(length).unwrap());
            let mut keys = Keys::default();
            for piece in format!("\x1b[200~{text}\x1b[201~").as_bytes().chunks(4096) {
                keys.push(piece);
                match keys.next(Rest::Awaited) {
                    None => {}
                    Some(Input::Pasted(found)) => assert!(fits && found == text),
                    found => assert!(!fits && found == Some(Input::Flooded)),
                }
            }
            assert_eq!(keys.len(), 0);
        }
    }
}
