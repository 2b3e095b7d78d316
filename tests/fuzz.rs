//! Damaged and invented bytes against everything that reads bytes; `ACKCHAT_FUZZ=100` runs longer.

use ackchat::script;
use ackchat::shell::Registry;
use ackchat::shell::grammar::Input;
use ackchat::shell::registry::Parsed;
use ackchat::wire::datagram::{before_mac1, before_mac2, version_asked};
use ackchat::wire::frame::frames;
use ackchat::wire::packet::{ids_of_tail, ids_tail, names_of_tail, names_tail};
use ackchat::wire::row::rows;
use ackchat::wire::{Card, Datagram, DecodeError, Packet};
use golden::bytes;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

mod documents;
mod golden;

/// What is fed: a name, what its inputs are made from, and the reader with its promises.
struct Target {
    name: &'static str,
    corpus: Vec<Vec<u8>>,
    feed: Feed,
    /// How many datagrams one input is worth: so many times fewer rounds.
    weight: u64,
}

/// True if the input was taken, false if it was refused; panics if a promise is broken. It may
/// keep what it reads into (a session, a server) from one input to the next.
type Feed = Box<dyn FnMut(&[u8]) -> bool>;

/// A new reader needs one line here.
fn targets() -> Vec<Target> {
    let all = |goldens: &[&str]| goldens.iter().map(|hex| bytes(hex)).collect::<Vec<_>>();
    let joined = |goldens: &[&str]| vec![bytes(&goldens.concat())];
    let packets = golden::PACKETS.map(|(head, tail)| golden::packet(head, tail));
    let packets = [&packets[..], &[bytes(golden::PACKET)]].concat();
    vec![
        target("chat file", chat_files(), feed_chat_file).weighing(20),
        target("command line", command_lines(), command_line()),
        target("card", all(&[golden::CARD]), feed_card),
        target("datagram", all(&golden::DATAGRAMS), feed_datagram),
        target("frames", joined(&golden::FRAMES), feed_frames),
        target("packet", packets, feed_packet),
        target(
            "row",
            [all(&golden::ROWS), joined(&golden::ROWS)].concat(),
            feed_rows,
        ),
    ]
}

fn target(
    name: &'static str,
    corpus: Vec<Vec<u8>>,
    feed: impl FnMut(&[u8]) -> bool + 'static,
) -> Target {
    let feed = Box::new(feed);
    let weight = 1;
    Target {
        name,
        corpus,
        feed,
        weight,
    }
}

impl Target {
    fn weighing(mut self, weight: u64) -> Self {
        self.weight = weight;
        self
    }
}

/// The examples of the manual, and what is refused.
fn chat_files() -> Vec<Vec<u8>> {
    let examples = documents::examples("docs/scripts.md").into_iter();
    let mut files: Vec<Vec<u8>> = examples.map(|(_, _, text)| text.into_bytes()).collect();
    for name in ["bad_value", "misplaced", "unbound", "unknown_actor"] {
        let path = format!("tests/chat/{name}.chat");
        files.push(std::fs::read(path).expect("the file is there"));
    }
    files
}

fn feed_chat_file(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let mut include = |_: &std::path::Path| Ok(text.chars().take(200).collect());
    match script::parse("fuzz.chat", &text, &BTreeSet::new(), &mut include) {
        Ok(file) => {
            drop(script::lint::lint(&file));
            true
        }
        Err(wrong) => {
            assert!((1..=20).contains(&wrong.len()));
            for diagnostic in wrong {
                assert!(diagnostic.place.column > 0);
                assert!(!diagnostic.to_string().is_empty());
            }
            false
        }
    }
}

fn command_lines() -> Vec<Vec<u8>> {
    let registry = Registry::builtin();
    let examples = registry
        .commands()
        .iter()
        .flat_map(|command| &command.examples);
    examples
        .map(|example| example.line.as_ref().into())
        .collect()
}

fn command_line() -> impl FnMut(&[u8]) -> bool {
    let registry = Registry::builtin();
    move |input| {
        let line = String::from_utf8_lossy(input);
        for input in [Input::Conversation, Input::Command] {
            let error = match registry.parse(&line, input) {
                Ok(Parsed::Call(call)) => call.args.err(),
                Ok(Parsed::Blank | Parsed::Say(_)) => None,
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                assert!(line.get(error.span).is_some());
                return false;
            }
        }
        true
    }
}

fn feed_card(input: &[u8]) -> bool {
    let decoded = Card::decode(input);
    if let Ok((card, signed, signature)) = &decoded {
        assert_eq!(card.encode(), *signed);
        assert_eq!([signed, &signature[..]].concat(), input);
    }
    decoded.is_ok()
}

fn feed_datagram(input: &[u8]) -> bool {
    let covered = [before_mac1(input), before_mac2(input)];
    assert!(
        covered
            .iter()
            .flatten()
            .all(|covered| input.starts_with(covered))
    );
    let parsed = Datagram::parse(input);
    if let Ok(datagram) = parsed {
        assert_eq!(version_asked(input), None);
        assert_eq!(datagram.encode(), input);
    }
    parsed.is_ok()
}

fn feed_frames(input: &[u8]) -> bool {
    let mut out = Vec::new();
    let end = frames(input).try_for_each(|frame| {
        let (frame, before) = (frame?, out.len());
        frame.encode(&mut out);
        assert_eq!(out.len() - before, frame.encoded_len());
        Ok::<(), DecodeError>(())
    });
    assert!(input.starts_with(&out));
    assert!(end.is_err() || input.len() == out.len());
    end.is_ok()
}

fn feed_packet(input: &[u8]) -> bool {
    let decoded = Packet::decode(input);
    if let Ok(packet) = &decoded {
        let bytes = packet.encode();
        assert!(bytes.len() <= input.len());
        let again = Packet::decode(&bytes).expect("what is sent can be read");
        assert_eq!(again, *packet);
        assert_eq!(again.encode(), bytes);
        if let Some(ids) = ids_of_tail(&packet.tail) {
            assert_eq!(ids_tail(&ids), packet.tail);
        }
        if let Some(names) = names_of_tail(&packet.tail) {
            assert_eq!(names_of_tail(&names_tail(&names)), Some(names));
        }
    }
    decoded.is_ok()
}

fn feed_rows(input: &[u8]) -> bool {
    let mut seen = 0;
    for (row, exact) in rows(input).map_while(Result::ok) {
        let mut out = Vec::new();
        row.encode(&mut out);
        assert!(input[seen..].starts_with(exact));
        assert!(exact.starts_with(&out[..out.len() - 1]));
        seen += exact.len();
    }
    seen == input.len()
}

#[test]
fn no_bytes_break_what_reads_bytes() {
    let seed = number("ACKCHAT_SEED").unwrap_or(1);
    let rounds = 200_000 * number("ACKCHAT_FUZZ").unwrap_or(1);
    for Target {
        name,
        corpus,
        mut feed,
        weight,
    } in targets()
    {
        let rounds = rounds / weight;
        let mut random = Random(seed);
        let mut taken = 0;
        for round in 0..rounds {
            let input = random.input(&corpus);
            let Ok(took) = catch_unwind(AssertUnwindSafe(|| feed(&input))) else {
                panic!(
                    "{name}, ACKCHAT_SEED={seed}, round {round}: {}",
                    hex(&input)
                );
            };
            taken += u64::from(took);
        }
        assert!(taken > rounds / 1000, "{name} took {taken} of {rounds}");
        assert!(taken < rounds, "{name} refused nothing");
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("the variable is a number"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// splitmix64 (Steele, Lea and Flood, OOPSLA 2014): small, and every seed is as good as another.
struct Random(u64);

impl Random {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `end` - 1; 0 if `end` is 0.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).expect("64 bits suffice");
        usize::try_from(self.draw() % end).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        self.draw().to_le_bytes()[0]
    }

    /// One of the corpus with a few wounds; seldom nothing of the corpus at all.
    fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        if self.below(64) == 0 {
            let length = self.below(300);
            return (0..length).map(|_| self.byte()).collect();
        }
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(4) {
            self.wound(&mut input, corpus);
        }
        input
    }

    fn wound(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(input.len());
        let end = at + self.below(input.len() - at + 1).min(64);
        match self.below(8) {
            0 if !input.is_empty() => input[at] ^= 1 << self.below(8),
            1 if !input.is_empty() => input[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
            2 if !input.is_empty() => input[at] = b"\"\\{}[]:,-0019aft "[self.below(16)],
            3 => input.truncate(at),
            4 => drop(input.drain(at..end)),
            5 => input.insert(at, self.byte()),
            6 => {
                let copy = input[at..end].to_vec();
                input.splice(at..at, copy);
            }
            _ => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
}
