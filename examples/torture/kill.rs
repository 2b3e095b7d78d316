//! `kill -9` at random moments under load, round after round on the same files.

use super::rig::{Dice, PATIENCE, Rig};
use std::thread;
use std::time::{Duration, Instant};

const SENDERS: [&str; 3] = ["ann", "ben", "cem"];
const RECIPIENTS: [&str; 2] = ["xia", "yan"];
/// Messages of each sender in a round.
const MESSAGES: usize = 4;
/// A kill falls into this time after the first message of a round.
const KILL_WITHIN_MS: u64 = 40;
/// How a message may end, as far as its sender is told.
const SAVED: &str = "[Offline message sent at ";

/// One message, and what its sender was told.
struct Sent {
    to: &'static str,
    text: String,
    told: Told,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Received,
    Saved,
}

#[derive(Default)]
struct Count {
    server_kills: u64,
    sender_kills: u64,
    recipient_kills: u64,
    slowest_start: Duration,
}

pub(crate) fn run(rounds: u64, seed: u64) -> Result<(), String> {
    println!("kill: {rounds} rounds, seed {seed}");
    let began = Instant::now();
    let (mut rig, mut dice) = (Rig::new(), Dice(seed));
    rig.serve(&[]);
    for name in SENDERS.iter().chain(&RECIPIENTS) {
        rig.join(name);
        rig.expect(name, "[Client table updated.]")?;
    }
    let (mut sent, mut count) = (Vec::new(), Count::default());
    for round in 0..rounds {
        torment(&mut rig, &mut dice, round, &mut sent, &mut count);
    }
    settle(&mut rig)?;
    judge(&rig, &sent)?;
    report(&sent, &count, rounds, began.elapsed());
    Ok(())
}

/// One round: load, a kill in the middle of it, and everybody up again.
fn torment(rig: &mut Rig, dice: &mut Dice, round: u64, sent: &mut Vec<Sent>, count: &mut Count) {
    let victim = dice.below(6);
    let delay = Duration::from_micros(dice.below(KILL_WITHIN_MS * 1000));
    let fatal = usize::try_from(dice.below(MESSAGES as u64)).unwrap();
    for number in 0..MESSAGES {
        let mut open = Vec::new();
        for sender in SENDERS {
            let to = RECIPIENTS[usize::try_from(dice.below(2)).unwrap()];
            let text = format!("{sender}-{round}-{number}-end");
            rig.enter(sender, &format!("send {to} {text}"));
            open.push((sender, sent.len()));
            let told = Told::Nothing;
            sent.push(Sent { to, text, told });
        }
        if number == fatal {
            thread::sleep(delay);
            match victim {
                0..=2 => {
                    rig.kill_server();
                    count.server_kills += 1;
                }
                3 => {
                    rig.kill(SENDERS[usize::try_from(dice.below(3)).unwrap()]);
                    count.sender_kills += 1;
                }
                _ => {
                    rig.kill(RECIPIENTS[usize::try_from(dice.below(2)).unwrap()]);
                    count.recipient_kills += 1;
                }
            }
            raise(rig, count);
        }
        for (sender, index) in open {
            sent[index].told = outcome(rig, sender);
        }
    }
}

/// Starts whoever is dead.
fn raise(rig: &mut Rig, count: &mut Count) {
    if rig.server.is_none() {
        let began = Instant::now();
        rig.serve(&[]);
        count.slowest_start = count.slowest_start.max(began.elapsed());
    }
    for name in SENDERS.iter().chain(&RECIPIENTS) {
        if !rig.is_running(name) {
            rig.join(name);
        }
    }
}

/// What a sender is told of its latest message. One who died meanwhile is told nothing.
fn outcome(rig: &mut Rig, sender: &str) -> Told {
    let words = [
        "[Message received by ",
        SAVED,
        "[Server not responding.]",
        // It was started anew.
        "[Welcome, ",
        "[Message to ",
        "[User does not exist.]",
    ];
    match rig.line(sender, &words, PATIENCE) {
        Some(line) if line.starts_with(words[0]) => Told::Received,
        Some(line) if line.starts_with(SAVED) => Told::Saved,
        _ => Told::Nothing,
    }
}

/// Nothing is killed any more: all outboxes drain, all mail is fetched.
fn settle(rig: &mut Rig) -> Result<(), String> {
    for name in SENDERS {
        for attempt in 0.. {
            rig.enter(name, "outbox");
            let empty = "[The outbox is empty.]";
            let line = rig.line(name, &[empty, "[Outbox:]"], PATIENCE);
            if line.as_deref() == Some(empty) {
                break;
            }
            if attempt > 600 {
                let screen = rig.screen(name);
                let open: Vec<&str> = screen.lines().rev().take(3).collect();
                return Err(format!("the outbox of {name} does not drain: {open:?}"));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
    for name in SENDERS.iter().chain(&RECIPIENTS) {
        rig.leave(name);
    }
    // One more log-in finds nothing that was left behind.
    for name in RECIPIENTS {
        rig.join(name);
        rig.expect(name, "[Client table updated.]")?;
        rig.leave(name);
    }
    Ok(())
}

fn judge(rig: &Rig, sent: &[Sent]) -> Result<(), String> {
    for Sent { to, text, told } in sent {
        let (surely, perhaps) = rig.shown(to, text);
        if *told != Told::Nothing && surely + perhaps == 0 {
            return Err(format!("{text} was confirmed and never shown to {to}"));
        }
        if surely > 1 {
            return Err(format!("{text} was shown to {to} {surely} times"));
        }
        for other in RECIPIENTS.iter().filter(|other| *other != to) {
            if rig.shown(other, text) != (0, 0) {
                return Err(format!("{text} was shown to {other}"));
            }
        }
    }
    Ok(())
}

fn report(sent: &[Sent], count: &Count, rounds: u64, took: Duration) {
    let told = |told| sent.iter().filter(|sent| sent.told == told).count();
    println!(
        "kill: {rounds} rounds in {:.0} s: {} messages, {} told received, {} told saved, {} told \
         nothing",
        took.as_secs_f64(),
        sent.len(),
        told(Told::Received),
        told(Told::Saved),
        told(Told::Nothing)
    );
    println!(
        "kill: killed the server {} times, a sender {}, a recipient {}; slowest start of a server \
         {} ms",
        count.server_kills,
        count.sender_kills,
        count.recipient_kills,
        count.slowest_start.as_millis()
    );
    println!("kill: confirmed and lost: 0; shown twice without a mark: 0; shown to another: 0");
}
