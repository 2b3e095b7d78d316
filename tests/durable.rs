//! What survives: real programs, real files, killed and started again.

#![expect(
    clippy::unwrap_used,
    reason = "a program that cannot be started or read is a failed test"
)]

mod programs;

use programs::{BYE, Program, World, ackchat};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

const SAVED: &str = "[Offline message sent at ";
const WELCOME: &str = "[Welcome, You are registered.]";
const TABLE: &str = "[Client table updated.]";
/// After a line that a killed program had perhaps shown, and had not marked as shown.
const SHOWN_BEFORE: &str = "  (perhaps shown before)";
const BATCH: &str = "[You have offline messages:]";

impl World {
    /// Somebody with options.
    fn join_with(&self, name: &str, options: &[&str]) -> Program {
        let mut program = Program::start(&mut self.client(name, options));
        program.until(WELCOME);
        program
    }
}

/// The lines up to and with one that begins so.
fn until_begins(program: &mut Program, begin: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    while lines.last().is_none_or(|line| !line.starts_with(begin)) {
        let line = program.line();
        lines.push(line.unwrap_or_else(|| panic!("ended before {begin:?}: {lines:?}")));
    }
    lines
}

/// A person who was here, so that others may write to him.
fn been_here(world: &World, name: &str) {
    assert_eq!(world.join(name).end().2, 0);
}

#[test]
fn a_restarted_server_knows_names_groups_and_mail() {
    let mut world = World::new();
    been_here(&world, "bob");
    let mut alice = world.join("alice");
    alice.enter("create_group lounge");
    alice.until("[Group lounge created by Server.]");
    alice.enter("send bob while you were away");
    until_begins(&mut alice, SAVED);
    assert_eq!(alice.end().2, 0);
    world.restart_server();
    // Whoever comes with another key is refused.
    let thief = tempfile::tempdir().unwrap();
    let server = format!("127.0.0.1:{}", world.port);
    let theft = ackchat(&thief, &["join", "alice", "--server", &server])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(theft.status.code(), Some(7));
    let mut bob = world.join_with("bob", &[]);
    bob.until(BATCH);
    let mail = bob.line().unwrap();
    assert!(
        mail.starts_with("alice: ") && mail.ends_with(" while you were away"),
        "{mail}"
    );
    bob.until(TABLE);
    bob.enter("list_groups");
    bob.until("[Available Group Chats:]");
    assert_eq!(bob.line().as_deref(), Some("lounge"));
    assert_eq!(bob.end().2, 0);
}

#[test]
fn a_notification_for_an_absent_sender_survives_both_restarts() {
    let mut world = World::new();
    been_here(&world, "bob");
    let mut alice = world.join("alice");
    alice.enter("send bob lunch?");
    let stamp = until_begins(&mut alice, SAVED).pop().unwrap();
    let stamp = &stamp[SAVED.len()..][..19];
    assert_eq!(alice.end().2, 0);
    world.restart_server();
    let mut bob = world.join_with("bob", &[]);
    bob.until(&format!("alice: {stamp} lunch?"));
    bob.until(TABLE);
    assert_eq!(bob.end().2, 0);
    world.restart_server();
    let mut alice = world.join_with("alice", &[]);
    alice.until(BATCH);
    let item = format!("[Offline Message sent at {stamp} received by bob.]");
    assert_eq!(alice.line().as_deref(), Some(item.as_str()));
    alice.until(TABLE);
    assert_eq!(alice.end().2, 0);
    let (lines, _, _) = world.join_with("alice", &[]).end();
    assert!(!lines.iter().any(|line| line == BATCH), "{lines:?}");
}

#[test]
fn an_outbox_is_offered_again_when_both_are_back() {
    let mut world = World::new();
    been_here(&world, "bob");
    let mut alice = world.join("alice");
    world.server.kill();
    alice.enter("send bob are you there?");
    let (lines, _, code) = alice.last_words();
    let end = [
        "[Server not responding.]",
        "[Exiting...]",
        "[1 message kept in the outbox.]",
        "  line 1 of the input: send bob are you there?",
    ];
    assert_eq!(lines[lines.len() - 4..], end);
    assert_eq!(code, 4);
    world.restart_server();
    let mut alice = world.join_with("alice", &[]);
    until_begins(&mut alice, SAVED);
    let (lines, _, code) = alice.end();
    assert_eq!(code, 0);
    assert!(
        !lines.iter().any(|line| line.starts_with(SAVED)),
        "one line: {lines:?}"
    );
    let mut bob = world.join_with("bob", &[]);
    bob.until(BATCH);
    let mail = bob.line().unwrap();
    assert!(mail.ends_with(" are you there?"), "{mail}");
    let (lines, _, _) = bob.end();
    assert!(
        !lines.iter().any(|line| line.ends_with("are you there?")),
        "{lines:?}"
    );
}

#[test]
fn who_stays_comes_back_with_the_server_and_loses_nothing() {
    let mut world = World::new();
    been_here(&world, "bob");
    let mut alice = world.join_with("alice", &["--stay", "--keep-going"]);
    alice.until(TABLE);
    world.server.kill();
    alice.enter("send bob one");
    alice.until("[Server not responding.]");
    alice.enter("session");
    until_begins(&mut alice, "  state retrying");
    world.restart_server();
    // By itself, with the message that was kept.
    let lines = until_begins(&mut alice, SAVED);
    assert!(
        lines.iter().any(|line| line == "[Welcome back!]"),
        "{lines:?}"
    );
    alice.enter("send bob two");
    until_begins(&mut alice, SAVED);
    let (lines, _, _) = alice.end();
    assert_eq!(lines.last().map(String::as_str), Some(BYE));
    let mut bob = world.join_with("bob", &[]);
    bob.until(BATCH);
    let mail = [bob.line().unwrap(), bob.line().unwrap()];
    assert!(
        mail[0].ends_with(" one") && mail[1].ends_with(" two"),
        "{mail:?}"
    );
    assert_eq!(bob.end().2, 0);
}

#[test]
fn of_a_batch_that_was_cut_the_rest_comes_and_nothing_twice() {
    const MAILS: usize = 60;
    let world = World::new();
    been_here(&world, "bob");
    let mut alice = world.join("alice");
    for number in 0..MAILS {
        alice.enter(&format!("send bob mail {number}"));
        until_begins(&mut alice, SAVED);
    }
    let mut seen: Vec<String> = Vec::new();
    // At each of these moments the client is killed; what it had written counts.
    for count in [0, 1, 2, 7, 30] {
        let mut bob = Program::start(&mut world.client("bob", &[]));
        // At the latest when all is handed over.
        for _ in 0..count {
            let line = bob.line().unwrap();
            let last = line == TABLE;
            seen.push(line);
            if last {
                break;
            }
        }
        bob.kill();
        while let Some(line) = bob.line() {
            seen.push(line);
        }
    }
    let (lines, _, code) = world.join_with("bob", &[]).end();
    assert_eq!(code, 0);
    seen.extend(lines);
    for number in 0..MAILS {
        let end = format!(" mail {number}");
        let shown = |(index, line): &(usize, &String)| {
            line.ends_with(&end) && seen.get(index + 1).is_none_or(|next| next != SHOWN_BEFORE)
        };
        let surely = seen.iter().enumerate().filter(shown).count();
        let ever = seen.iter().any(|line| line.ends_with(&end));
        assert!(
            ever && surely <= 1,
            "mail {number} was shown {surely} times: {seen:?}"
        );
    }
    assert_eq!(alice.end().2, 0);
}

#[test]
fn stores_are_private_and_one_programs_own() {
    let mut world = World::new();
    let mut alice = world.join("alice");
    let files = world.files();
    for folder in ["server", "profiles/alice"] {
        for entry in fs::read_dir(files.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
        }
    }
    let folder = files.join("server");
    let second = ackchat(&world.data, &["-s", &programs::free_port().to_string()])
        .output()
        .unwrap();
    let line = format!(
        "[Another server uses {}: stop it, or choose --data DIR.]\n",
        folder.display()
    );
    assert_eq!(String::from_utf8(second.stderr).unwrap(), line);
    assert_eq!(second.status.code(), Some(4));
    assert_eq!(alice.end().2, 0);
    world.server.signal("TERM");
    assert_eq!(world.server.end().2, 0);
    let left: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 4, "no log is left behind: {left:?}");
}

/// What a server says of a store that it cannot use.
fn complaint(world: &World) -> (String, Option<i32>) {
    let output = ackchat(&world.data, &["-s", &world.port.to_string()])
        .output()
        .unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    (line, output.status.code())
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

#[test]
fn a_store_that_cannot_be_used_is_said_in_one_line() {
    let mut world = World::new();
    been_here(&world, "bob");
    world.server.signal("TERM");
    world.server.end();
    let path = world.files().join("server/store.db");
    let whole = fs::read(&path).unwrap();
    // The format stands at 60 (https://www.sqlite.org/fileformat.html#the_database_header).
    overwrite(&path, 60, &[0, 0, 0, 9]);
    let (line, code) = complaint(&world);
    assert!(
        line.contains("it has format 9, this program knows 1"),
        "{line}"
    );
    assert_eq!(code, Some(4));
    fs::write(&path, &whole).unwrap();
    overwrite(&path, 2 * 4096, &[0x5a; 4096]);
    let (line, code) = complaint(&world);
    assert!(
        line.contains("it is damaged") && line.contains("restore a backup"),
        "{line}"
    );
    assert_eq!(code, Some(4));
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"a letter to my grandmother, who has no computer")
        .unwrap();
    let (line, code) = complaint(&world);
    assert!(line.contains("it is not a store of this kind"), "{line}");
    assert_eq!(code, Some(4));
    fs::write(&path, b"").unwrap();
    let (line, code) = complaint(&world);
    assert!(line.contains("it is empty"), "{line}");
    assert_eq!(code, Some(4));
    assert_eq!(operate(&world, &["serve", "--check"]).0, line);
    fs::write(&path, &whole).unwrap();
    world.restart_server();
    been_here(&world, "bob");
    world.server.kill();
    let log = world.files().join("server/store.db-wal");
    let kept = fs::read(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let (line, code) = complaint(&world);
    assert!(line.contains("is missing: put it beside it"), "{line}");
    assert_eq!(code, Some(4));
    assert_eq!(operate(&world, &["serve", "--check"]).0, line);
    fs::write(&log, kept).unwrap();
    world.start_server();
    been_here(&world, "bob");
}

#[test]
fn a_glance_at_the_store_of_a_killed_client_leaves_it_as_it_is() {
    let world = World::new();
    let mut alice = world.join("alice");
    alice.kill();
    let store = world.files().join("profiles/alice/client.db");
    assert!(ackchat::store::glance::names(&store).is_some());
    been_here(&world, "alice");
}

/// What an operator's command says, and its status.
fn operate(world: &World, arguments: &[&str]) -> (String, Option<i32>) {
    let output = ackchat(&world.data, arguments).output().unwrap();
    let mut said = String::from_utf8(output.stdout).unwrap();
    said += &String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    (said, output.status.code())
}

#[test]
fn a_running_server_is_looked_at_and_copied_and_the_copy_serves() {
    let mut world = World::new();
    been_here(&world, "bob");
    let mut alice = world.join("alice");
    alice.enter("send bob remember this");
    until_begins(&mut alice, SAVED);
    let copy = world.data.path().join("copy.db");
    let file = copy.to_str().unwrap();
    let (said, code) = operate(&world, &["serve", "--check"]);
    assert!(
        said.contains("is in order: 2 names, 1 messages, "),
        "{said}"
    );
    assert_eq!(code, Some(0));
    let (said, code) = operate(&world, &["backup", file]);
    assert!(said.contains(": 2 names, 1 messages, "), "{said}");
    assert_eq!(code, Some(0));
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let (said, code) = operate(&world, &["backup", file]);
    assert_eq!(said, format!("[Cannot write {file}: it exists already.]\n"));
    assert_eq!(code, Some(4));
    let mine = world.data.path().join("mine.db");
    let arguments = ["backup", mine.to_str().unwrap(), "--profile", "alice"];
    let (said, code) = operate(&world, &arguments);
    assert!(said.contains(": 2 names, 1 messages, "), "{said}");
    assert_eq!(code, Some(0));
    assert_eq!(alice.end().2, 0);
    world.server.kill();
    let folder = world.files().join("server");
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        fs::remove_file(folder.join(name)).unwrap();
    }
    fs::copy(&copy, folder.join("store.db")).unwrap();
    world.start_server();
    let mut bob = world.join_with("bob", &[]);
    bob.until(BATCH);
    let mail = bob.line().unwrap();
    assert!(mail.ends_with(" remember this"), "{mail}");
    assert_eq!(bob.end().2, 0);
    let (said, code) = operate(&world, &["backup", "x.db", "--profile", "nobody"]);
    assert!(
        said.contains("profiles/nobody/client.db: it cannot be opened"),
        "{said}"
    );
    assert_eq!(code, Some(4));
}

#[test]
fn a_server_that_is_set_back_to_a_copy_gets_again_what_it_has_lost() {
    let mut world = World::new();
    been_here(&world, "bob");
    let mut alice = world.join("alice");
    let copy = world.data.path().join("copy.db");
    operate(&world, &["backup", copy.to_str().unwrap()]);
    alice.enter("send bob accepted after the copy");
    until_begins(&mut alice, SAVED);
    assert_eq!(alice.end().2, 0);
    world.server.signal("TERM");
    world.server.end();
    let store = world.files().join("server/store.db");
    fs::remove_file(&store).unwrap();
    fs::copy(&copy, &store).unwrap();
    world.start_server();
    let mut alice = world.join_with("alice", &[]);
    alice.until(TABLE);
    let mut bob = world.join_with("bob", &[]);
    let lines = until_begins(&mut bob, "alice: ");
    assert!(
        lines.last().unwrap().ends_with("accepted after the copy"),
        "{lines:?}"
    );
    assert_eq!(bob.end().2, 0);
    assert_eq!(alice.end().2, 0);
}
