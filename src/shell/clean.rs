//! The one gate between untrusted text and a screen: what could move or hide becomes a mark.
//!
//! Marks: control pictures for control characters, `<U+202E>` for all else without a look.

use std::fmt::Write as _;
use unicode_width::UnicodeWidthChar;

/// Combining marks that may stand on one base; more than any writing system needs.
const COMBINING_MAX: usize = 4;

/// Makes a text fit for one line of a screen; a line feed becomes a mark, too.
#[must_use]
pub fn line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut base = None;
    let mut combining_count = 0;
    while let Some(c) = chars.next() {
        match look(c) {
            Look::Plain => {
                base = Some(c);
                combining_count = 0;
                clean.push(c);
            }
            Look::Combining => {
                combining_count += 1;
                if combining_count <= COMBINING_MAX {
                    clean.push(c);
                }
            }
            Look::Joiner
                if base.is_some_and(is_emoji) && chars.peek().is_some_and(|c| is_emoji(*c)) =>
            {
                clean.push(c);
            }
            Look::Control | Look::Hidden | Look::Joiner => {
                base = None;
                combining_count = 0;
                mark(c, &mut clean);
            }
        }
    }
    clean
}

/// The lines of a text, each made fit for a screen.
pub fn lines(text: &str) -> impl Iterator<Item = String> {
    text.split('\n').map(line)
}

/// Whether a character is seen where it stands and does nothing else, so that a file that people
/// look at may hold it.
#[must_use]
pub fn is_seen(c: char) -> bool {
    matches!(look(c), Look::Combining | Look::Plain)
}

/// What a character does on a screen.
enum Look {
    Combining,
    Control,
    Hidden,
    Joiner,
    Plain,
}

fn look(c: char) -> Look {
    match c {
        '\t' => Look::Plain,
        '\0'..='\u{1f}' | '\u{7f}' => Look::Control,
        '\u{200d}' => Look::Joiner,
        // C1, soft hyphen, fillers, bidi controls (UAX 9), separators, format characters, tags.
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Look::Hidden,
        _ if c.width() == Some(0) => Look::Combining,
        _ => Look::Plain,
    }
}

fn mark(c: char, clean: &mut String) {
    let picture = match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        _ => None,
    };
    match picture {
        Some(picture) => clean.push(picture),
        None => write!(clean, "<U+{:04X}>", u32::from(c)).expect("a string takes everything"),
    }
}

/// Roughly the pictographs of UTS 51: enough to know a family from a hidden joiner in a word.
const fn is_emoji(c: char) -> bool {
    matches!(
        c,
        '\u{2194}'..='\u{21aa}' | '\u{2300}'..='\u{23ff}' | '\u{2600}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn what_is_dangerous_is_seen_and_does_nothing() {
        for (raw, shown) in [
            ("plain text, unchanged", "plain text, unchanged"),
            ("tab\tstays", "tab\tstays"),
            (
                "\x1b[2J\x1b]0;title\x07",
                "\u{241b}[2J\u{241b}]0;title\u{2407}",
            ),
            ("over\rwrite\x08\x7f", "over\u{240d}write\u{2408}\u{2421}"),
            ("one\ntwo", "one\u{240a}two"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("invoice\u{202e}fdp.exe", "invoice<U+202E>fdp.exe"),
            (
                "\u{2066}a\u{2069}\u{200f}\u{61c}",
                "<U+2066>a<U+2069><U+200F><U+061C>",
            ),
            ("a\u{2028}b\u{2029}", "a<U+2028>b<U+2029>"),
            (
                "b\u{200b}o\u{feff}b\u{200d}!",
                "b<U+200B>o<U+FEFF>b<U+200D>!",
            ),
            ("zero \u{0}", "zero \u{2400}"),
        ] {
            assert_eq!(line(raw), shown, "{raw:?}");
        }
    }

    #[test]
    fn every_language_and_every_emoji_passes_unchanged() {
        for text in [
            "Grüße, žluťoučký kůň",
            "e\u{301}",
            "שלום עולם",
            "مرحبا",
            "नमस्ते",
            "สวัสดี",
            "한국어",
            "日本語 ～",
            "👩\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}\u{200d}🔥",
            "👍🏽",
            "🇫🇷",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn a_base_carries_at_most_four_marks() {
        let marked = |count: usize| format!("z{}", "\u{301}".repeat(count));
        assert_eq!(line(&marked(COMBINING_MAX - 1)), marked(COMBINING_MAX - 1));
        assert_eq!(line(&marked(COMBINING_MAX)), marked(COMBINING_MAX));
        assert_eq!(line(&marked(COMBINING_MAX + 1)), marked(COMBINING_MAX));
    }

    #[test]
    fn no_character_of_all_reaches_the_screen_as_a_control() {
        for c in '\0'..=char::MAX {
            let shown = line(&c.to_string());
            assert!(!shown.chars().any(|c| c.is_control() && c != '\t'), "{c:?}");
            assert!(
                c.width() != Some(0) || shown.width() > 0 || shown.contains(c),
                "{c:?}"
            );
        }
    }

    /// A terminal that writes down whatever a text makes it do besides printing.
    #[derive(Default)]
    struct Deeds(Vec<&'static str>);

    impl vt100::Callbacks for Deeds {
        fn audible_bell(&mut self, _: &mut vt100::Screen) {
            self.0.push("rings");
        }
        fn visual_bell(&mut self, _: &mut vt100::Screen) {
            self.0.push("flashes");
        }
        fn set_window_title(&mut self, _: &mut vt100::Screen, _: &[u8]) {
            self.0.push("has another title");
        }
        fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], _: &[u8]) {
            self.0.push("fills the clipboard");
        }
        fn paste_from_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8]) {
            self.0.push("tells the clipboard");
        }
        fn unhandled_control(&mut self, _: &mut vt100::Screen, _: u8) {
            self.0.push("obeys a control");
        }
        fn unhandled_escape(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, _: u8) {
            self.0.push("obeys an escape");
        }
        fn unhandled_osc(&mut self, _: &mut vt100::Screen, _: &[&[u8]]) {
            self.0.push("obeys a command");
        }
    }

    /// What strangers may try, each piece alone and all of them mixed.
    const HOSTILE: &[&str] = &[
        "\x1b[2J",
        "\x1b[H",
        "\x1b[10A",
        "\x1b[?1049h",
        "\x1b[?25l",
        "\x1b[31;1m",
        "\x1b[8m",
        "\x1b]0;title\x07",
        "\x1b]2;never ends",
        "\x1b]52;c;aGVsbG8=\x07",
        "\x1b]52;c;?\x1b\\",
        "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
        "\x1bP$q\"p\x1b\\",
        "\x1b_apc\x1b\\",
        "\x1b^pm",
        "\x1b[6n",
        "\x1b[c",
        "\x1b(0qqq",
        "\x1b#8",
        "\x1bc",
        "\x1b",
        "\u{9b}2J",
        "\u{9d}0;title\u{9c}",
        "\u{90}q\u{9c}",
        "\u{85}",
        "\r",
        "\x08\x08\x08",
        "\x07",
        "\x0e",
        "\x0b\x0c",
        "\0",
        "\x7f",
        "\u{202e}fdp.exe",
        "\u{2066}\u{2069}\u{200f}\u{61c}",
        "\u{200b}\u{feff}\u{2060}\u{180e}",
        "\u{e0041}\u{e007f}",
        "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}",
        "\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "\u{2028}\u{2029}",
        ">>> exit",
        "[Welcome back!]",
        "日本",
        "👩\u{200d}👩\u{200d}👧",
        "plain",
        " ",
        "\n",
    ];

    /// The text as a message on a screen: it only prints, only in its own rows, only in its own
    /// colour, and the prompt below stands where it should.
    fn check(text: &str, seed: usize) {
        let size = |n| std::num::NonZeroU16::new(n).unwrap();
        let mut screen =
            vt100::Parser::new_with_callbacks(size(50), size(400), 0, Deeds::default());
        screen.process(b"above\r\n");
        let rows: Vec<String> = lines(text).collect();
        let message = format!("bob: {}", rows.join("\r\n  "));
        screen.process(message.as_bytes());
        screen.process(b"\r\n>>> ");
        assert_eq!(screen.callbacks().0, [""; 0], "seed {seed}: {text:?}");
        let screen = screen.screen();
        let shown: Vec<String> = screen.rows(0, 400).collect();
        let last = shown
            .iter()
            .rposition(|row| !row.trim().is_empty())
            .unwrap();
        assert_eq!(shown[0].trim_end(), "above", "seed {seed}: {text:?}");
        assert!(shown[1].starts_with("bob: "), "seed {seed}: {text:?}");
        assert_eq!(shown[last].trim_end(), ">>>", "seed {seed}: {text:?}");
        assert!(
            shown[2..last]
                .iter()
                .all(|row| !row.starts_with(['[', '>'])),
            "{shown:?}"
        );
        let row = u16::try_from(last).unwrap();
        assert_eq!(screen.cursor_position(), (row, 4), "seed {seed}: {text:?}");
        assert_eq!(screen.fgcolor(), vt100::Color::Default);
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
    }

    #[test]
    fn a_terminal_does_nothing_but_print_what_strangers_wrote() {
        for (index, piece) in HOSTILE.iter().enumerate() {
            check(piece, index);
            check(&format!("a{piece}b"), index);
        }
        let mut random = 1_usize;
        for seed in 0..2000 {
            let mut text = String::new();
            for _ in 0..8 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                text += HOSTILE[(random >> 33) % HOSTILE.len()];
            }
            // Where a terminal wraps a long row nobody but the terminal knows: no row is so long.
            let narrow: String = text.chars().take(40).collect();
            check(&narrow, seed);
        }
    }

    #[test]
    fn line_feeds_divide_lines() {
        assert_eq!(lines("a\nb\n").collect::<Vec<_>>(), ["a", "b", ""]);
    }
}
