//! How a terminal tells somebody who looks away: the bell, or what it knows of notifications.

use crate::model::limits::NOTIFICATION_CHARS_MAX;
use crate::shell::clean;
use crate::shell::settings::Notify;
use std::env;

/// What the environment says about the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    term: String,
    program: String,
    is_kitty: bool,
    is_vte: bool,
    is_tmux: bool,
}

impl Kind {
    /// Reads the environment.
    #[must_use]
    pub fn read() -> Self {
        let text = |key| env::var(key).unwrap_or_default();
        let is_set = |key| env::var_os(key).is_some();
        Self {
            term: text("TERM"),
            program: text("TERM_PROGRAM"),
            is_kitty: is_set("KITTY_WINDOW_ID"),
            is_vte: is_set("VTE_VERSION"),
            is_tmux: is_set("TMUX"),
        }
    }

    /// The escape sequence; it moves nothing on the screen.
    #[must_use]
    pub fn sequence(&self, how: Notify, from: &str, text: &str) -> String {
        let (from, text) = (payload(from), payload(text));
        let both = format!("{from}: {text}");
        let sequence = match self.known(how) {
            Notify::Off => return String::new(),
            Notify::Auto | Notify::Bell => return "\x07".to_owned(),
            Notify::Osc777 => format!("\x1b]777;notify;{from};{text}\x07"),
            Notify::Osc9 => format!("\x1b]9;{both}\x07"),
            Notify::Osc99 => format!("\x1b]99;;{both}\x1b\\"),
        };
        if self.is_tmux {
            // tmux hands on what is wrapped so, with ESC doubled (tmux(1), allow-passthrough).
            return format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"));
        }
        sequence
    }

    /// The title of the window; the Linux console would print it.
    #[must_use]
    pub fn title(&self, title: &str) -> String {
        if self.term == "linux" {
            return String::new();
        }
        format!("\x1b]2;{}\x07", payload(title))
    }

    fn known(&self, how: Notify) -> Notify {
        let term = |begin: &str| self.term.starts_with(begin);
        match how {
            Notify::Auto if self.is_kitty || term("xterm-kitty") => Notify::Osc99,
            Notify::Auto if ["iTerm.app", "WezTerm"].contains(&self.program.as_str()) => {
                Notify::Osc9
            }
            Notify::Auto if self.is_vte || term("foot") || term("rxvt") => Notify::Osc777,
            other => other,
        }
    }
}

/// No control character, no `;` that would end a part, and not too long.
fn payload(text: &str) -> String {
    let clean = clean::line(text).replace('\t', " ").replace(';', ",");
    clean.chars().take(NOTIFICATION_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_terminal_is_told_in_its_own_way() {
        let plain = Kind::default();
        for (how, sequence) in [
            (Notify::Off, ""),
            (Notify::Bell, "\x07"),
            (Notify::Auto, "\x07"),
            (Notify::Osc9, "\x1b]9;bob: hi\x07"),
            (Notify::Osc99, "\x1b]99;;bob: hi\x1b\\"),
            (Notify::Osc777, "\x1b]777;notify;bob;hi\x07"),
        ] {
            assert_eq!(plain.sequence(how, "bob", "hi"), sequence);
        }
        let mut kitty = Kind {
            is_kitty: true,
            ..Kind::default()
        };
        assert!(
            kitty
                .sequence(Notify::Auto, "b", "t")
                .starts_with("\x1b]99")
        );
        kitty.is_tmux = true;
        let wrapped = "\x1bPtmux;\x1b\x1b]99;;b: t\x1b\x1b\\\x1b\\";
        assert_eq!(kitty.sequence(Notify::Auto, "b", "t"), wrapped);
    }

    #[test]
    fn nothing_in_a_payload_ends_it() {
        let text = format!("a;b\x07\x1b\\\n{}", "x".repeat(300));
        let sequence = Kind::default().sequence(Notify::Osc777, "bob", &text);
        let inner = sequence.strip_prefix("\x1b]777;notify;bob;").unwrap();
        let inner = inner.strip_suffix('\x07').unwrap();
        assert!(
            inner.starts_with("a,b\u{2407}\u{241b}\\\u{240a}xxx"),
            "{inner}"
        );
        assert_eq!(inner.chars().count(), NOTIFICATION_CHARS_MAX);
    }

    #[test]
    fn a_console_without_titles_gets_none() {
        let linux = Kind {
            term: "linux".to_owned(),
            ..Kind::default()
        };
        assert_eq!(linux.title("alice"), "");
        assert_eq!(Kind::default().title("alice"), "\x1b]2;alice\x07");
    }
}
