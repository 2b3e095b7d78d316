//! What happened in a test as a Mermaid sequence diagram.

use super::report::{Moment, Scene};

/// Packets that one diagram shows; more is no picture.
const MOMENTS_MAX: usize = 2000;
/// Characters of a line that a note shows.
const NOTE_CHARS_MAX: usize = 80;

/// The diagram of one test; `cast` are those who take part, from left to right.
#[must_use]
pub fn mermaid(title: &str, cast: &[String], moments: &[Moment]) -> String {
    let mut lines = vec![
        "---".to_owned(),
        format!("title: {}", quoted(title)),
        "---".to_owned(),
        "sequenceDiagram".to_owned(),
    ];
    lines.extend(cast.iter().map(|who| format!("    participant {who}")));
    for moment in moments.iter().take(MOMENTS_MAX) {
        lines.push(match &moment.what {
            Scene::Packet {
                from,
                to,
                words,
                arrived,
            } => {
                let arrow = if *arrived { "->>" } else { "-x" };
                format!("    {from}{arrow}{to}: {}", plain(words))
            }
            Scene::Shown { who, text } => format!("    Note over {who}: {}", plain(text)),
            Scene::Typed { who, text } => {
                format!("    Note over {who}: #gt; {}", plain(text))
            }
        });
    }
    if moments.len() > MOMENTS_MAX {
        let more = moments.len() - MOMENTS_MAX;
        lines.push(format!("    %% {more} more are not shown"));
    }
    lines.join("\n") + "\n"
}

/// What the language of diagrams takes for its own stands as an entity.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for (at, c) in text.chars().enumerate() {
        if at >= NOTE_CHARS_MAX {
            plain.push('…');
            break;
        }
        match c {
            '#' => plain.push_str("#35;"),
            ';' => plain.push_str("#59;"),
            '<' => plain.push_str("#lt;"),
            '>' => plain.push_str("#gt;"),
            '%' => plain.push_str("#37;"),
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    if plain.is_empty() {
        plain.push(' ');
    }
    plain
}

fn quoted(title: &str) -> String {
    crate::shell::fields::quoted(title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_diagram_shows_what_arrived_what_did_not_and_what_was_seen() {
        let packet = |arrived| Scene::Packet {
            from: "alice".to_owned(),
            to: "bob".to_owned(),
            words: "msg".to_owned(),
            arrived,
        };
        let typed = Scene::Typed {
            who: "alice".to_owned(),
            text: "send bob a;b".to_owned(),
        };
        let shown = Scene::Shown {
            who: "bob".to_owned(),
            text: "alice: a;b".to_owned(),
        };
        let moments = [typed, packet(false), packet(true), shown].map(|what| Moment {
            at: Duration::ZERO,
            what,
        });
        let cast = ["alice", "bob"].map(str::to_owned);
        assert_eq!(
            mermaid("t", &cast, &moments),
            "\
---
title: \"t\"
---
sequenceDiagram
    participant alice
    participant bob
    Note over alice: #gt; send bob a#59;b
    alice-xbob: msg
    alice->>bob: msg
    Note over bob: alice: a#59;b
"
        );
    }
}
