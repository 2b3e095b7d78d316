//! Kinds of lines to colours: decided once at the start, for standard output.

use crate::client::Event;
use crate::shell::assist::Colours;
use crate::shell::{Shown, Tone};
use colored::{Color, Colorize};
use std::env;

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Whatever the environment says.
    Always,
    /// By the environment and the terminal.
    #[default]
    Auto,
    /// Whatever the environment says.
    Never,
}

/// What the environment says about colours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `NO_COLOR`.
    pub no_color: Option<String>,
    /// `CLICOLOR_FORCE`.
    pub clicolor_force: Option<String>,
    /// `CLICOLOR`.
    pub clicolor: Option<String>,
    /// There is a prompt: a terminal that is not dumb, on both ends.
    pub prompted: bool,
}

/// Gives lines their colour; the colour is never the only carrier of a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    colours: bool,
}

impl Surroundings {
    /// Reads the environment.
    #[must_use]
    pub fn read(prompted: bool) -> Self {
        Self {
            no_color: env::var("NO_COLOR").ok(),
            clicolor_force: env::var("CLICOLOR_FORCE").ok(),
            clicolor: env::var("CLICOLOR").ok(),
            prompted,
        }
    }

    /// The first that speaks decides (<https://no-color.org>, <https://bixense.com/clicolors>).
    #[must_use]
    pub fn want_colours(&self, colour: Colour) -> bool {
        let set = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
        match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if set(&self.no_color) => false,
            Colour::Auto if set(&self.clicolor_force) => {
                self.clicolor_force.as_deref() != Some("0") || self.by_terminal()
            }
            Colour::Auto => self.by_terminal(),
        }
    }

    fn by_terminal(&self) -> bool {
        self.prompted && self.clicolor.as_deref() != Some("0")
    }
}

impl Paint {
    /// Decides for the life of the program.
    #[must_use]
    pub fn new(colours: bool) -> Self {
        // Left alone, colored takes an empty variable for a set one.
        colored::control::set_override(colours);
        Self { colours }
    }

    /// Whether there are colours.
    #[must_use]
    pub const fn colours(self) -> Colours {
        if self.colours {
            Colours::On
        } else {
            Colours::Off
        }
    }

    /// The text of something that is shown, in the rows it has on this screen; the name of who says
    /// it has a colour of its own.
    #[must_use]
    pub fn paint_shown(self, shown: &Shown, rows: &str) -> String {
        let text = self.paint(shown.tone, rows);
        let Some(Event::Message(arrived)) = shown.event.as_ref().filter(|_| self.colours) else {
            return text;
        };
        let from = arrived.from.as_str();
        // Before the name stand at most a time and a bracket, never what somebody wrote.
        let Some(at) = text.find(&format!("{from}: ")) else {
            return text;
        };
        let (before, rest) = text.split_at(at);
        let (name, after) = rest.split_at(from.len());
        format!("{before}{}{after}", name.color(colour_of(from)))
    }

    /// The text in the colour of its kind, row by row, so that no pager mixes rows up.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let rows: Vec<String> = text.split('\n').map(|row| paint_row(tone, row)).collect();
        rows.join("\n")
    }
}

/// The basic colours but black and white, normal and bright.
const NAME_COLOURS: [Color; 12] = [
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Red,
    Color::BrightGreen,
    Color::BrightYellow,
    Color::BrightBlue,
    Color::BrightMagenta,
    Color::BrightCyan,
    Color::BrightRed,
];

/// The same for a name everywhere and always: FNV-1a of its lower case.
fn colour_of(name: &str) -> Color {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    });
    NAME_COLOURS[hash as usize % NAME_COLOURS.len()]
}

fn paint_row(tone: Tone, row: &str) -> String {
    match tone {
        Tone::Failure => row.color(Color::Red).to_string(),
        Tone::Hint => row.dimmed().to_string(),
        Tone::Message => row.to_owned(),
        Tone::Notice => row.color(Color::Cyan).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_speaks_decides() {
        let text = |value: &str| (value != "-").then(|| value.to_owned());
        for (no_color, force, clicolor, prompted, wanted) in [
            ("-", "-", "-", true, true),
            ("-", "-", "-", false, false),
            ("1", "-", "-", true, false),
            ("1", "1", "1", true, false),
            ("", "-", "-", true, true),
            ("-", "1", "0", false, true),
            ("-", "0", "-", false, false),
            ("-", "0", "-", true, true),
            ("-", "", "-", false, false),
            ("-", "-", "0", true, false),
            ("-", "-", "1", false, false),
        ] {
            let surroundings = Surroundings {
                no_color: text(no_color),
                clicolor_force: text(force),
                clicolor: text(clicolor),
                prompted,
            };
            assert_eq!(
                surroundings.want_colours(Colour::Auto),
                wanted,
                "{surroundings:?}"
            );
            assert!(surroundings.want_colours(Colour::Always));
            assert!(!surroundings.want_colours(Colour::Never));
        }
    }

    #[test]
    fn a_name_has_the_same_colour_whoever_spells_it() {
        assert_eq!(colour_of("Bob"), colour_of("bob"));
        let names = (0..100).map(|number| colour_of(&format!("n{number}")));
        let mut seen: Vec<String> = names.map(|colour| format!("{colour:?}")).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), NAME_COLOURS.len(), "all are used");
    }

    #[test]
    fn every_row_has_its_colour_and_plain_text_stays_as_it_is() {
        assert_eq!(
            Paint { colours: false }.paint(Tone::Failure, "a\nb"),
            "a\nb"
        );
        let paint = Paint::new(true);
        assert_eq!(
            paint.paint(Tone::Failure, "a\nb"),
            "\u{1b}[31ma\u{1b}[0m\n\u{1b}[31mb\u{1b}[0m"
        );
        assert_eq!(paint.paint(Tone::Message, "bob: hi"), "bob: hi");
    }
}
