//! `kill -9` at the first, second, third .. file sync of a server, until it lives to the end; and
//! syncs and writes that fail for a while.

use super::rig::{PATIENCE, Rig};
use std::fs;
use std::process::Command;
use std::thread;

const RECEIVED: &str = "[Message received by ";
const FAILED: &str = "[Message to ";
const SAVED: &str = "[Offline message sent at ";
const MESSAGES: usize = 8;

pub(crate) fn run() -> Result<(), String> {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("sync: skipped, there is no strace");
        return Ok(());
    }
    let mut kills = 0;
    loop {
        let inject = format!("inject=fsync:signal=KILL:when={}", kills + 1);
        let (died, confirmed, _) = once(Begin::Anew, &["-e", "trace=fsync", "-e", &inject])?;
        if !died {
            println!("sync: killed at each of {kills} syncs; the last life kept all {confirmed}");
            break;
        }
        kills += 1;
    }
    for (name, story) in [
        ("a sender", sender as Story),
        ("a recipient", recipient as Story),
    ] {
        let mut kills = 0;
        loop {
            let inject = format!("inject=fsync:signal=KILL:when={}", kills + 1);
            if !story(&["-e", "trace=fsync", "-e", &inject])? {
                break;
            }
            kills += 1;
        }
        println!("sync: {name} killed at each of {kills} syncs; nothing confirmed was lost");
    }
    for (call, fault) in [
        ("fsync", "error=EIO:when=6..9"),
        ("fsync", "error=EIO:when=12+5"),
        ("pwrite64", "error=EIO:when=20..23"),
        ("pwrite64", "error=ENOSPC:when=25..28"),
        ("pwrite64", "error=EROFS:when=40+40"),
        ("fsync", "delay_exit=50000"),
        ("fsync", "delay_exit=2000000:when=6..9"),
    ] {
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:{fault}");
        let (_, confirmed, faults) = once(Begin::OnOldFiles, &["-e", &trace, "-e", &inject])?;
        if faults == 0 || confirmed == 0 {
            return Err(format!("{inject} {faults} times: {confirmed} confirmed"));
        }
        println!(
            "sync: {call} with {fault}, {faults} times: {confirmed} of {MESSAGES} confirmed, kept"
        );
    }
    Ok(())
}

/// A small story under strace. Whatever was confirmed must arrive, once. True if the server died;
/// how many were confirmed; how many faults there were.
fn once(begin: Begin, strace: &[&str]) -> Result<(bool, usize, usize), String> {
    let (mut rig, log) = rig_with_log();
    if begin == Begin::OnOldFiles {
        rig.serve(&[]);
        rig.kill_server();
    }
    rig.serve(&under(&log, strace));
    let mut names = Vec::new();
    for name in ["zoe", "ann"] {
        if rig.server_is_dead() {
            rig.serve(&[]);
        }
        rig.join(name);
        names.push(name);
        while rig.line(name, &["[Client table updated.]"], ONCE).is_none() {
            if rig.server_is_dead() {
                rig.serve(&[]);
            }
            if rig.has_ended(name) {
                rig.join(name);
            }
        }
        if name == "zoe" {
            // Polite, if the server lives to hear it.
            rig.leave(name);
        }
    }
    let (mut confirmed, mut refused) = (Vec::new(), Vec::new());
    let mut died = rig.was_restarted();
    for number in 0..MESSAGES {
        let text = format!("text-{number}-end");
        rig.enter("ann", &format!("send zoe {text}"));
        let told = loop {
            let words = [SAVED, "[Server not responding.]", FAILED];
            if let Some(line) = rig.line("ann", &words, ONCE) {
                break line;
            }
            if rig.server_is_dead() {
                rig.serve(&[]);
                died = true;
            }
        };
        if told.starts_with(SAVED) {
            confirmed.push(text);
        } else {
            if told.starts_with(FAILED) {
                refused.push(text);
            }
            // The disk may heal meanwhile.
            thread::sleep(PATIENCE / 100);
        }
    }
    died |= rig.server_is_dead();
    rig.kill_server();
    let log = fs::read_to_string(&log).unwrap_or_default();
    let faults = log.matches("INJECTED").count() + log.matches("DELAYED").count();
    rig.serve(&[]);
    rig.leave("ann");
    rig.join("zoe");
    rig.expect("zoe", "[Client table updated.]")?;
    rig.leave("zoe");
    for text in &confirmed {
        let shown = rig.shown("zoe", text);
        if shown != (1, 0) {
            return Err(format!(
                "{text} was confirmed and shown {shown:?} times: {strace:?}"
            ));
        }
    }
    for text in &refused {
        if rig.shown("zoe", text) != (0, 0) {
            return Err(format!("{text} was refused and shown: {strace:?}"));
        }
    }
    Ok((died, confirmed.len(), faults))
}

/// Whether a server finds its store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// It makes one.
    Anew,
    /// It does: what fails is not its start.
    OnOldFiles,
}

/// True if the program under strace died.
type Story = fn(&[&str]) -> Result<bool, String>;

/// Zoe takes messages under strace, dies, and comes back.
fn recipient(strace: &[&str]) -> Result<bool, String> {
    let (mut rig, log) = rig_with_log();
    rig.serve(&[]);
    rig.join("zoe");
    rig.expect("zoe", "[Client table updated.]")?;
    rig.kill("zoe");
    rig.join("ann");
    rig.expect("ann", "[Client table updated.]")?;
    rig.join_under("zoe", &under(&log, strace));
    let mut confirmed = Vec::new();
    for number in 0..MESSAGES {
        let text = format!("text-{number}-end");
        rig.enter("ann", &format!("send zoe {text}"));
        if rig.line("ann", &[RECEIVED, SAVED], PATIENCE).is_some() {
            confirmed.push(text);
        }
    }
    // It dies at the latest when it notes that it leaves.
    let died = rig.ends_by_itself("zoe");
    rig.join("zoe");
    rig.expect("zoe", "[Client table updated.]")?;
    rig.leave("zoe");
    for text in &confirmed {
        let (surely, perhaps) = rig.shown("zoe", text);
        if surely > 1 || surely + perhaps == 0 {
            return Err(format!("{text}: {surely} and {perhaps}: {strace:?}"));
        }
    }
    Ok(died)
}

/// Ann sends under strace, dies, and comes back: what she had on disk is offered again.
fn sender(strace: &[&str]) -> Result<bool, String> {
    let (mut rig, log) = rig_with_log();
    rig.serve(&[]);
    rig.join("zoe");
    rig.expect("zoe", "[Client table updated.]")?;
    rig.join_under("ann", &under(&log, strace));
    let mut confirmed = Vec::new();
    for number in 0..MESSAGES {
        let text = format!("text-{number}-end");
        rig.enter("ann", &format!("send zoe {text}"));
        let told = loop {
            if let Some(line) = rig.line("ann", &[RECEIVED, SAVED], ONCE) {
                break Some(line);
            }
            if rig.has_ended("ann") {
                break None;
            }
        };
        confirmed.extend(told.map(|_| text));
    }
    let died = rig.ends_by_itself("ann");
    rig.join("ann");
    rig.expect("ann", "[Client table updated.]")?;
    rig.leave("ann");
    rig.leave("zoe");
    for number in 0..MESSAGES {
        let text = format!("text-{number}-end");
        let (surely, perhaps) = rig.shown("zoe", &text);
        if surely > 1 || confirmed.contains(&text) && surely + perhaps == 0 {
            return Err(format!("{text}: {surely} and {perhaps}: {strace:?}"));
        }
    }
    Ok(died)
}

fn rig_with_log() -> (Rig, String) {
    let rig = Rig::new();
    let log = rig.home.path().join("strace.log");
    let log = log.to_str().unwrap().to_owned();
    (rig, log)
}

fn under<'a>(log: &'a str, strace: &[&'a str]) -> Vec<&'a str> {
    // With -D the program itself is our child, and strace its own.
    ["strace", "-D", "-f", "-o", log]
        .iter()
        .chain(strace)
        .copied()
        .collect()
}

/// A look before it is seen whether the server still lives.
const ONCE: std::time::Duration = PATIENCE.checked_div(600).unwrap();
