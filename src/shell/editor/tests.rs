//! The editor without a terminal: keys in; events and drawn text out. Where drawing matters,
//! vt100's terminal is the judge.

use super::{Editor, Typed};
use crate::model::limits::LINE_BYTES_MAX;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{FileHistory, History as _};
use rustyline::{Context, GraphemeClusterMode};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::num::NonZeroU16;

/// Completes names, hints after `join`, and dims its hints.
struct Names(BTreeSet<String>);

impl Completer for Names {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let start = line[..pos].rfind(' ').map_or(0, |blank| blank + 1);
        let begins = |name: &&String| name.starts_with(&line[start..pos]);
        let pair = |name: &String| Pair {
            display: name.clone(),
            replacement: name.clone(),
        };
        let found = self.0.iter().filter(begins).map(pair).collect();
        Ok((start, found))
    }
}

impl Hinter for Names {
    type Hint = String;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<String> {
        (line == "join" && pos == line.len()).then(|| " GROUP".to_owned())
    }
}

impl super::Assist for Names {}

impl Highlighter for Names {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }
}

/// An editor and what it asks.
struct Desk {
    editor: Editor,
    names: Names,
}

impl Desk {
    fn new() -> Self {
        let mut history = FileHistory::new();
        for line in ["first one", "second two", "third three"] {
            history.add(line).unwrap();
        }
        let mut editor = Editor::new(history, GraphemeClusterMode::WcWidth);
        editor.set_prompt(">>> ");
        editor.show();
        let names = Names(["alan", "alice", "bob"].map(String::from).into());
        Self { editor, names }
    }

    fn feed(&mut self, bytes: &[u8]) -> Option<Typed> {
        self.editor.feed(bytes, &self.names)
    }

    fn out(&mut self) -> String {
        self.editor.take_output(&self.names)
    }

    /// Feeds and gives the text; nothing may be submitted.
    fn after(&mut self, keys: &str) -> &str {
        assert_eq!(self.feed(keys.as_bytes()), None, "{keys:?}");
        self.editor.text().0
    }
}

fn line(text: &str) -> Typed {
    Typed::Line(text.to_owned())
}

/// A terminal with the newline translation of a tty.
struct Screen(vt100::Parser);

impl Screen {
    fn new(cols: u16, rows: u16) -> Self {
        let size = |n| NonZeroU16::new(n).expect("more than nothing");
        Self(vt100::Parser::new(size(rows), size(cols), 10_000))
    }

    fn write(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        self.0.process(text.as_bytes());
    }

    /// The rows without blanks at their ends, and without empty rows below.
    fn rows(&self) -> Vec<String> {
        let (_, cols) = self.0.screen().size();
        let rows = self.0.screen().rows(0, cols.get());
        let mut rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    fn cursor(&self) -> (u16, u16) {
        self.0.screen().cursor_position()
    }

    fn scrolled(&mut self) -> usize {
        self.0.screen_mut().set_scrollback(usize::MAX);
        let rows = self.0.screen().scrollback();
        self.0.screen_mut().set_scrollback(0);
        rows
    }
}

/// splitmix64, so that a seed means the same for ever.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % bound as u64).unwrap()
    }
}

/// The seeds of a random test: fixed, or the one that is asked for.
fn seeds(count: u64) -> std::ops::RangeInclusive<u64> {
    match std::env::var("ACKCHAT_SEED") {
        Ok(seed) => {
            let seed = seed.parse().unwrap();
            seed..=seed
        }
        Err(_) => 1..=count,
    }
}

#[test]
fn words_are_killed_and_yanked_as_one() {
    let mut desk = Desk::new();
    assert_eq!(desk.after("abc def\x17\x17\x19"), "abc def");
    assert_eq!(desk.after("\x1f"), "");
}

#[test]
fn the_kill_ring_turns() {
    let mut desk = Desk::new();
    desk.after("one \x15two \x15");
    assert_eq!(desk.after("\x19"), "two ");
    assert_eq!(desk.after("\x1by"), "one ");
    assert_eq!(desk.after("\x1by"), "two ");
}

#[test]
fn undo_goes_word_by_word() {
    let mut desk = Desk::new();
    desk.after("one two\x1b[D\x1bu");
    assert_eq!(desk.after("\x1f"), "one two");
    assert_eq!(desk.after("\x1f"), "one");
    assert_eq!(desk.after("\x1f\x1f\x1f\x1f"), "");
}

#[test]
fn half_a_sequence_does_not_stay() {
    for keys in ["\x1b", "\x1b[", "\x1bO", "\x1b[1;", "\x1b\x1b", "\x1b[["] {
        let mut desk = Desk::new();
        desk.after(keys);
        assert!(desk.editor.is_half(), "{keys:?}");
        assert_eq!(desk.editor.flush(&desk.names), None);
        assert!(!desk.editor.is_half(), "{keys:?}");
        assert_eq!(desk.after("x"), "x", "{keys:?}");
    }
    // Half a character may take its time.
    let mut desk = Desk::new();
    desk.feed(b"\xc3");
    assert!(!desk.editor.is_half());
    desk.feed(b"\xa9");
    assert_eq!(desk.editor.text().0, "é");
}

#[test]
fn bytes_that_mean_nothing_harm_nothing() {
    let mut desk = Desk::new();
    assert_eq!(desk.after("a\x1b[[Ab\x1b[12;34Rc\x1b[?25\x01d"), "dabc");
    desk.after("\x05");
    assert_eq!(desk.feed(b"\xff\xe6a\xf0\x9f"), None);
    assert_eq!(desk.feed(b"\x98\x80"), None);
    assert_eq!(desk.editor.text().0, "dabc\u{fffd}\u{fffd}a😀");
    assert_eq!(desk.after("\x1bé"), "dabc\u{fffd}\u{fffd}a😀");
}

#[test]
fn a_paste_is_text_wherever_it_is_cut() {
    let paste = "\x1b[200~a\r\nb\tc\x1b[201~d";
    for cut in 0..=paste.len() {
        let mut desk = Desk::new();
        desk.feed(&paste.as_bytes()[..cut]);
        desk.feed(&paste.as_bytes()[cut..]);
        assert_eq!(desk.editor.text().0, "a\nb\tcd", "cut at {cut}");
    }
}

#[test]
fn a_paste_that_does_not_fit_is_refused() {
    let mut desk = Desk::new();
    desk.out();
    desk.feed(b"x\x1b[200~");
    for _ in 0..40 {
        desk.feed(&[b'y'; LINE_BYTES_MAX / 20]);
    }
    assert_eq!(desk.after("\x1b[201~z"), "xz");
    assert!(desk.out().contains('\x07'));
    // It would fit, but not behind what is there.
    let long = "y".repeat(LINE_BYTES_MAX - 1);
    assert_eq!(desk.after(&format!("\x1b[200~{long}\x1b[201~")), "xz");
    let right = "y".repeat(LINE_BYTES_MAX - 2);
    let text = desk.after(&format!("\x1b[200~{right}\x1b[201~"));
    assert_eq!(text.len(), LINE_BYTES_MAX);
}

#[test]
fn rows_that_were_pasted_are_told_from_rows_that_were_typed() {
    let mut desk = Desk::new();
    assert_eq!(desk.feed(b"a\x1b\rb\x1b[13;2uc\r"), Some(line("a\nb\nc")));
    let pasted = Some(Typed::Pasted("a\nb!".into()));
    assert_eq!(desk.feed(b"\x1b[200~a\nb\x1b[201~!\r"), pasted);
    assert_eq!(
        desk.feed(b"\x1b[200~one row\x1b[201~\r"),
        Some(line("one row"))
    );
    assert_eq!(
        desk.feed(b"\x1b[200~a\nb\x1b[201~\x15\x15\x7fx\r"),
        Some(line("x"))
    );
}

#[test]
fn a_backslash_at_the_end_asks_for_another_row() {
    let mut desk = Desk::new();
    assert_eq!(desk.after("send bob one\\\r"), "send bob one\n");
    assert_eq!(desk.feed(b"two\r"), Some(line("send bob one\ntwo")));
    assert_eq!(desk.feed(b"c:\\\\\r"), Some(line("c:\\\\")));
    assert_eq!(desk.after("x\\\r\x1f"), "x\\");
}

#[test]
fn lines_typed_ahead_come_one_by_one() {
    let mut desk = Desk::new();
    assert_eq!(desk.feed(b"one\rtwo\rthr"), Some(line("one")));
    assert_eq!(desk.editor.waiting(), 7);
    assert_eq!(desk.feed(b""), Some(line("two")));
    assert_eq!(desk.feed(b""), None);
    assert_eq!(desk.editor.text().0, "thr");
    assert_eq!(desk.editor.waiting(), 0);
}

#[test]
fn up_and_down_look_for_the_begin() {
    let mut desk = Desk::new();
    for line in ["send bob hi", "table", "send al hi", "help", "send al hi"] {
        desk.editor.remember(line);
    }
    assert_eq!(desk.after("se\x1b[A"), "send al hi");
    assert_eq!(desk.after("\x1b[A"), "send bob hi");
    assert_eq!(desk.after("\x1b[A"), "second two");
    assert_eq!(desk.after("\x1b[A"), "second two");
    assert_eq!(desk.after("\x1b[B"), "send bob hi");
    assert_eq!(desk.after("\x1b[B\x1b[B"), "se");
    assert_eq!(desk.after("\x15\x1b[A\x1b[A"), "help");
    assert_eq!(desk.after("x\x10\x10"), "table"); // Ctrl-P: every line
    assert_eq!(desk.after("\x1b<"), "first one");
    assert_eq!(desk.after("\x1b>"), "");
}

#[test]
fn up_and_down_stay_in_a_text_of_several_rows() {
    let mut desk = Desk::new();
    desk.after("\x1b[200~abcdef\n日本語\nxyz\x1b[201~");
    desk.after("\x1b[A|");
    assert_eq!(desk.after("\x1b[A|"), "a|bcdef\n日本|語\nxyz");
    assert_eq!(desk.after("\x01\x1b[A"), "third three");
}

#[test]
fn a_search_is_not_disturbed_by_messages_and_prompts() {
    let mut screen = Screen::new(60, 10);
    let mut desk = Desk::new();
    desk.after("half\x12t");
    desk.editor.print_above("a message");
    desk.editor.set_prompt(">>> (g) ");
    desk.after("w");
    screen.write(&desk.out());
    let rows = ["a message", "(reverse-i-search)`tw': second two"];
    assert_eq!(screen.rows(), rows);
    assert_eq!(desk.after("\x07"), "half");
    screen.write(&desk.out());
    assert_eq!(screen.rows(), ["a message", ">>> (g) half"]);
    desk.after("\x12first");
    assert_eq!(desk.feed(b"\r"), Some(line("first one")));
}

#[test]
fn a_cancelled_search_leaves_undo_alone() {
    let mut desk = Desk::new();
    desk.after("one two\x12t\x12\x07");
    assert_eq!(desk.after("\x1f"), "one");
    desk.after("\x12tw");
    assert_eq!(desk.after("\x1f"), "one");
}

#[test]
fn tab_completes_what_is_known_now() {
    let mut screen = Screen::new(30, 10);
    let mut desk = Desk::new();
    desk.editor.resize(30, 10);
    assert_eq!(desk.after("send b\t"), "send bob");
    assert_eq!(desk.after("\x17a\t"), "send al");
    desk.names.0.insert("日本".into());
    desk.names.0.extend((0..3).map(|n| format!("al{n}")));
    desk.after("\t\t");
    screen.write(&desk.out());
    let rows = [
        ">>> send al",
        "al0    al1    al2    alan",
        "alice",
        ">>> send al",
    ];
    assert_eq!(screen.rows(), rows);
    assert_eq!(screen.cursor(), (3, 11));
}

#[test]
fn a_long_list_is_cut() {
    let mut desk = Desk::new();
    desk.names.0 = (1000..1500).map(|n| n.to_string()).collect();
    desk.after("1\t\t");
    let out = desk.out();
    assert!(out.contains("1099") && !out.contains("1100"), "{out}");
    assert!(out.contains("... and 400 more"));
}

#[test]
fn right_takes_the_hint_at_the_end_only() {
    let mut desk = Desk::new();
    desk.after("join");
    assert!(desk.out().contains(" GROUP"));
    assert_eq!(desk.after("\x1b[D\x1b[C"), "join");
    assert_eq!(desk.after("\x1b[C"), "join GROUP");
}

#[test]
fn one_turn_is_one_drawing() {
    let mut desk = Desk::new();
    for key in ["half a line", "x", "\x7f"] {
        desk.after(key);
        assert_eq!(desk.out().matches(">>> ").count(), 1);
        assert_eq!(desk.out(), "");
    }
    for n in 0..1000 {
        desk.editor.print_above(&format!("message {n}"));
        desk.feed(b"x\x7f");
    }
    let out = desk.out();
    assert_eq!(out.matches(">>> ").count(), 1);
    assert_eq!(out.matches("message").count(), 1000);
    assert_eq!(desk.out(), "");
    assert_eq!(desk.feed(b""), None);
    desk.editor.show();
    desk.editor.set_prompt(">>> ");
    assert_eq!(desk.out(), "");
}

#[test]
fn control_characters_are_shown_not_sent() {
    let mut screen = Screen::new(60, 5);
    let mut desk = Desk::new();
    desk.after("\x1b[200~a\x1b[31mb\td\x1b[201~\x1b[D");
    screen.write(&desk.out());
    assert_eq!(screen.rows(), [">>> a^[[31mb    d"]);
    assert_eq!(screen.cursor(), (0, 16));
    desk.after("\x15\u{9b}\u{202e}\u{2066}");
    desk.after("\x1b[200~\u{9b}\u{202e}\u{2066}\x1b[201~");
    let out = desk.out();
    assert!(!out.contains(['\u{9b}', '\u{202e}', '\u{2066}']), "{out:?}");
    assert!(out.contains("\u{fffd}\u{fffd}\u{fffd}"), "{out:?}");
}

#[test]
fn a_text_taller_than_the_screen_is_drawn_in_part() {
    let mut screen = Screen::new(40, 10);
    let mut desk = Desk::new();
    desk.editor.resize(40, 10);
    desk.editor.print_above("a message");
    let lines: Vec<String> = (0..300).map(|n| format!("line {n}")).collect();
    desk.after(&format!("\x1b[200~{}\x1b[201~", lines.join("\r")));
    screen.write(&desk.out());
    assert_eq!(screen.rows()[0], "line 290");
    assert_eq!(screen.rows()[9], "line 299");
    let scrolled = screen.scrolled();
    desk.after("x\x7f\x1b[A\x1b[A");
    let out = desk.out();
    assert!(out.len() < 200, "{}", out.len());
    screen.write(&out);
    assert_eq!(screen.cursor(), (7, 8));
    for _ in 0..20 {
        desk.after("\x1b[A");
        screen.write(&desk.out());
    }
    assert_eq!(screen.rows()[0], "line 277");
    assert_eq!(screen.cursor(), (0, 8));
    desk.editor.print_above("another message");
    screen.write(&desk.out());
    assert_eq!(screen.scrolled(), scrolled + 1);
    let pasted = Some(Typed::Pasted(lines.join("\n")));
    assert_eq!(desk.feed(b"\r"), pasted);
    screen.write(&desk.out());
    assert_eq!(screen.rows()[8], "line 299");
}

#[test]
fn a_new_width_finds_the_first_row_again() {
    let mut desk = Desk::new();
    desk.editor.resize(60, 20);
    desk.after(&"x".repeat(98)); // with the prompt 102 cells
    desk.out();
    for (cols, up) in [(40, "\x1b[2A"), (80, "\x1b[1A"), (200, "\r")] {
        desk.editor.resize(cols, 20);
        let out = desk.out();
        let begin = out.strip_prefix("\x1b[?2026h").expect("an update");
        assert!(begin.starts_with(up), "{cols} columns: {out:?}");
    }
}

#[test]
fn hiding_keeps_the_text() {
    let mut screen = Screen::new(40, 5);
    let mut desk = Desk::new();
    desk.after("half");
    screen.write(&desk.out());
    assert_eq!(desk.feed(b"\x1a"), Some(Typed::Suspend));
    screen.write(&desk.out());
    assert_eq!(screen.rows(), [""; 0]);
    desk.editor.show();
    screen.write(&desk.out());
    assert_eq!(screen.rows(), [">>> half"]);
    assert_eq!(desk.feed(b"\x03"), Some(Typed::Interrupt("half".into())));
    assert_eq!(desk.feed(b"\x04"), Some(Typed::End));
}

#[test]
fn a_text_may_be_handed_in() {
    let mut screen = Screen::new(40, 5);
    let mut desk = Desk::new();
    desk.after("half\x12t");
    desk.editor.set_text("another\ntext");
    screen.write(&desk.out());
    assert_eq!(screen.rows(), [">>> another", "text"]);
    assert_eq!(desk.after("\x1f"), "another\ntext");
    assert_eq!(desk.feed(b"\r"), Some(line("another\ntext")));
}

/// Whatever happens, the screen is as if the messages and then the prompt had been written once.
#[test]
fn the_screen_is_always_right() {
    const KEYS: &[&str] = &[
        "a",
        "b c ",
        "hello wide ",
        "é",
        "日本語",
        "😀",
        "join",
        "\x01",
        "\x05",
        "\x02",
        "\x06",
        "\x0b",
        "\x15",
        "\x17",
        "\x19",
        "\x1f",
        "\x7f",
        "\x1b[A",
        "\x1b[B",
        "\x1b[D",
        "\x1bb",
        "\x1b\r",
        "\x16\t",
        "\x1b[200~three\nrows\n\x1b[201~",
        "\r",
    ];
    for seed in seeds(300) {
        let mut random = Random(seed);
        let mut below = |bound| random.below(bound);
        let cols = u16::try_from(12 + below(30)).unwrap();
        let mut screen = Screen::new(cols, 1000); // nothing scrolls
        let mut desk = Desk::new();
        desk.editor.resize(cols.into(), 1000);
        let mut prompt = ">>> ".to_owned();
        let mut above = String::new();
        for step in 0..60 {
            match below(12) {
                0 => {
                    let message = format!("message {step} {}", "語x".repeat(below(20)));
                    desk.editor.print_above(&message);
                    above = above + &message + "\n";
                }
                1 => {
                    prompt = ">".repeat(below(cols.into())) + " ";
                    desk.editor.set_prompt(&prompt);
                }
                2..6 => screen.write(&desk.out()),
                _ => {
                    let key = KEYS[below(KEYS.len())];
                    if let Some(Typed::Line(line) | Typed::Pasted(line)) = desk.feed(key.as_bytes())
                    {
                        above = above + &prompt + &line.replace('\t', "    ");
                        if !line.ends_with('\n') {
                            above.push('\n');
                        }
                        desk.editor.show();
                    }
                }
            }
        }
        screen.write(&desk.out());
        let (line, pos) = desk.editor.text();
        let hint = match (line, pos) {
            ("join", 4) => " GROUP",
            _ => "",
        };
        let right = |text: String| {
            let mut right = Screen::new(cols, 1000);
            right.write(&text.replace('\t', "    "));
            right
        };
        let whole = right(format!("{above}{prompt}{line}{hint}"));
        assert_eq!(screen.rows(), whole.rows(), "ACKCHAT_SEED={seed}");
        // Where the next character would be.
        let (row, col) = right(format!("{above}{prompt}{}x", &line[..pos])).cursor();
        assert_eq!(
            screen.cursor(),
            (row, col - 1),
            "ACKCHAT_SEED={seed}: {line:?} {pos}"
        );
    }
}

#[test]
fn what_is_wider_than_everything_fits() {
    let mut desk = Desk::new();
    let tabs = "\t".repeat(LINE_BYTES_MAX - 10);
    desk.after(&format!("\x1b[200~{tabs}\nx\x1b[201~\x1b[A\x1b[B"));
    assert!(desk.out().len() < 80 * 24 * 2);
    desk.feed(b"\x03");
    desk.editor.show();
    for (cols, rows) in [(2, 1), (3, 2), (5, 1), (8, 3)] {
        desk.editor.resize(cols, rows);
        desk.after("👩‍👩‍👧‍👦👩‍👩‍👧‍👦x");
        desk.out();
        desk.after("\x01");
        desk.out();
    }
}

/// Any bytes, on any screen, in any order of calls.
#[test]
fn nothing_makes_it_panic() {
    const PIECES: &[&[u8]] = &[
        b"\x1b",
        b"[",
        b"\x1b[",
        b"\x1b[200~",
        b"\x1b[201~",
        b"\x1b[A",
        b"\x1b[B",
        b"O",
        b"3~",
        b"\r",
        b"\n",
        b"\\",
        b"\x1b\r",
        b"\t",
        b"\x12",
        b"\x13",
        b"\x07",
        b"\x7f",
        b"\x16",
        b"\x19",
        b"\x1by",
        b"\x1f",
        b"\x17",
        b"\x1bt",
        b"\x1bc",
        b"\x1b<",
        b"\x1b>",
        b"\xe6\x97",
        b"\xa5",
        b"\xf0",
        "👩‍🚀é日本".as_bytes(),
        "👩‍👩‍👧‍👦".as_bytes(),
        b"first",
        b"a b",
        b"al",
    ];
    for seed in seeds(1500) {
        let mut random = Random(seed);
        let mut desk = Desk::new();
        for _ in 0..80 {
            match random.below(20) {
                0 => desk.editor.resize(random.below(60), random.below(6)),
                1 => desk.editor.print_above("a message\nof two rows"),
                2 => {
                    let prompt = ["", "> ", ">>> (日本) "][random.below(3)];
                    desk.editor.set_prompt(prompt);
                }
                3 => desk.editor.hide(),
                4 => desk.editor.show(),
                5 => desk.editor.remember("first\nsecond"),
                6 => drop(desk.editor.flush(&desk.names)),
                7..10 => drop(desk.out()),
                10 => {
                    let byte = u8::try_from(random.below(256)).unwrap();
                    desk.feed(&[byte]);
                }
                11 => desk.editor.set_text("handed\nin"),
                _ => drop(desk.feed(PIECES[random.below(PIECES.len())])),
            }
            let (text, pos) = desk.editor.text();
            assert!(text.is_char_boundary(pos), "ACKCHAT_SEED={seed}");
        }
    }
}
