//! A disk that is full, and then is not; a disk that cannot be written to. Needs a mount namespace
//! of its own (`unshare -m`), for a small tmpfs.

use super::rig::{PATIENCE, Rig};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const SAVED: &str = "[Offline message sent at ";
const FAILED: &str = "[Message to ";
const RECEIVED: &str = "[Message received by ";
/// A refusal comes this soon (goal 7 of the protocol).
const REFUSED_WITHIN: Duration = Duration::from_millis(100);

pub(crate) fn run() -> Result<(), String> {
    let mut rig = Rig::new();
    rig.server_data = rig.home.path().join("small");
    fs::create_dir(&rig.server_data).unwrap();
    if !mount(&rig.server_data, "size=12m,mode=700") {
        println!("full: skipped, nothing can be mounted: run it as root, under unshare -m");
        return Ok(());
    }
    let done = server(&mut rig).and_then(|()| client(&mut rig));
    let done = done.and_then(|()| read_only(&mut rig));
    rig.kill_server();
    unmount(&rig.server_data);
    done
}

fn server(rig: &mut Rig) -> Result<(), String> {
    rig.serve(&[]);
    for name in ["zoe", "bob", "ann"] {
        rig.join(name);
        rig.expect(name, "[Client table updated.]")?;
    }
    rig.leave("zoe");
    rig.expect("ann", "[Client table updated.]")?;
    let mut saved = Vec::new();
    let mut send = |rig: &mut Rig, text: String| {
        let began = Instant::now();
        rig.enter("ann", &format!("send zoe {text}"));
        let line = rig.line("ann", &[SAVED, FAILED], PATIENCE);
        let line = line.ok_or("no answer while the disk is full")?;
        if line.starts_with(SAVED) {
            saved.push(text);
        }
        Ok::<_, String>((line, began.elapsed()))
    };
    send(rig, "before-end".to_owned())?;
    fill(&rig.server_data);
    let (mut refused, mut slowest, mut last) = (0, Duration::ZERO, String::new());
    for number in 0..40 {
        let text = format!("{}-full-{number}-end", "x".repeat(20_000));
        let (line, took) = send(rig, text)?;
        if line.starts_with(FAILED) {
            (refused, last) = (refused + 1, line);
            slowest = slowest.max(took);
        }
    }
    if refused == 0 || slowest > REFUSED_WITHIN {
        return Err(format!("{refused} refusals, the slowest after {slowest:?}"));
    }
    println!(
        "full: {refused} of 40 refused, the slowest after {} ms: {last}",
        slowest.as_millis()
    );
    rig.enter("ann", "send bob are you there?");
    rig.expect("ann", RECEIVED)?;
    rig.expect("bob", "ann: are you there?")?;
    // Whoever is known comes and goes.
    rig.leave("bob");
    rig.join("bob");
    rig.expect("bob", "[Welcome, ")?;
    println!("full: direct chat went on, a known name left and came back");
    fs::remove_file(rig.server_data.join("filler")).unwrap();
    let began = Instant::now();
    let mut number = 0;
    loop {
        let (line, _) = send(rig, format!("healed-{number}-end"))?;
        if line.starts_with(SAVED) {
            break;
        }
        number += 1;
        thread::sleep(Duration::from_millis(100));
    }
    println!(
        "full: back {} ms after there was room",
        began.elapsed().as_millis()
    );
    rig.join("zoe");
    rig.expect("zoe", "[Client table updated.]")?;
    rig.leave("zoe");
    for text in &saved {
        if rig.shown("zoe", text) != (1, 0) {
            return Err(format!(
                "{} was saved and is not shown once",
                &text[text.len() - 20..]
            ));
        }
    }
    println!("full: all {} that were saved arrived, once", saved.len());
    Ok(())
}

/// The sender's own disk.
fn client(rig: &mut Rig) -> Result<(), String> {
    let small = rig.home.path().join("own");
    fs::create_dir(&small).unwrap();
    assert!(mount(&small, "size=4m,mode=700"), "it worked a moment ago");
    rig.join_at("eve", &small, &[]);
    rig.expect("eve", "[Client table updated.]")?;
    fill(&small);
    let mut refused = 0;
    for number in 0..40 {
        rig.enter(
            "eve",
            &format!("send bob {}-{number}-end", "x".repeat(20_000)),
        );
        let line = rig.line("eve", &[RECEIVED, FAILED], PATIENCE);
        let line = line.ok_or("no answer while the own disk is full")?;
        refused +=
            usize::from(line == "[Message to bob failed: the disk refused; nothing was sent.]");
    }
    fs::remove_file(small.join("filler")).unwrap();
    let began = Instant::now();
    loop {
        rig.enter("eve", "send bob again");
        let line = rig.line("eve", &[RECEIVED, FAILED], PATIENCE);
        if line.ok_or("no answer")?.starts_with(RECEIVED) {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    rig.leave("eve");
    unmount(&small);
    if refused == 0 {
        return Err("a client's full disk refused nothing".to_owned());
    }
    let healed = began.elapsed().as_millis();
    println!("full: a client's own disk refused {refused} of 40; back after {healed} ms");
    Ok(())
}

/// A server on a disk that takes nothing says so in one line, and ends.
fn read_only(rig: &mut Rig) -> Result<(), String> {
    rig.kill_server();
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&rig.server_data)
        .status();
    assert!(remounted.unwrap().success());
    let Output { status, stderr, .. } = Command::new(super::rig::binary())
        .args(["-s", &rig.port.to_string(), "--data"])
        .arg(&rig.server_data)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let line = String::from_utf8(stderr).unwrap();
    println!(
        "full: read-only: status {:?}, {}",
        status.code(),
        line.trim_end()
    );
    if status.success() || line.lines().count() != 1 {
        return Err("a server starts on a disk that takes nothing".to_owned());
    }
    Ok(())
}

fn fill(directory: &Path) {
    let mut file = fs::File::create(directory.join("filler")).unwrap();
    for piece in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; piece]).is_ok() {}
    }
}

fn mount(directory: &Path, options: &str) -> bool {
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(directory);
    mount.status().is_ok_and(|status| status.success())
}

fn unmount(directory: &Path) {
    Command::new("umount")
        .arg("-l")
        .arg(directory)
        .status()
        .ok();
}
