//! `kill -9` at the first, second, third .. file sync of a server, until it lives to the end; and
//! syncs and writes that fail for a while.

use super::rig::{PATIENCE, Rig};
use std::process::Command;

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
        let (died, confirmed) = once(&["-e", "trace=fsync", "-e", &inject])?;
        if !died {
            println!("sync: killed at each of {kills} syncs; the last life kept all {confirmed}");
            break;
        }
        kills += 1;
    }
    for (call, error, when) in [
        ("fsync", "EIO", "6..9"),
        ("fsync", "EIO", "12+5"),
        ("pwrite64", "EIO", "20..30"),
        ("pwrite64", "ENOSPC", "25..60"),
        ("pwrite64", "EROFS", "40+7"),
    ] {
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:error={error}:when={when}");
        let (_, confirmed) = once(&["-e", &trace, "-e", &inject])?;
        println!(
            "sync: {call} fails with {error}, {when}: {confirmed} of {MESSAGES} confirmed, kept"
        );
    }
    Ok(())
}

/// A small story under strace. Whatever was confirmed must arrive, once. True if the server died.
fn once(strace: &[&str]) -> Result<(bool, usize), String> {
    let mut rig = Rig::new();
    let log = rig.home.path().join("strace.log");
    let words = ["strace", "-f", "-o", log.to_str().unwrap()];
    let under: Vec<&str> = words.iter().chain(strace).copied().collect();
    rig.serve(&under);
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
    let mut confirmed = Vec::new();
    let mut died = rig.was_restarted();
    for number in 0..MESSAGES {
        let text = format!("text-{number}-end");
        rig.enter("ann", &format!("send zoe {text}"));
        let told = loop {
            let words = [SAVED, "[Server not responding.]", "[Message to "];
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
        }
    }
    died |= rig.server_is_dead();
    rig.kill_server();
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
    Ok((died, confirmed.len()))
}

/// A look before it is seen whether the server still lives.
const ONCE: std::time::Duration = PATIENCE.checked_div(600).unwrap();
