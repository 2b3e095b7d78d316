//! Programs that are called once: what they write, how they end, beside a session and alone.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

#[expect(dead_code, reason = "what only stories of restarts use")]
mod programs;

use programs::{Program, World, ackchat};
use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// A one-shot of somebody.
fn oneshot(world: &World, who: &str, words: &[&str]) -> Command {
    let server = format!("127.0.0.1:{}", world.port);
    let (word, rest) = words.split_first().unwrap();
    let mut command = ackchat(&world.data, &[word, "--profile", who, "--server", &server]);
    command.args(rest);
    command
}

fn run(world: &World, who: &str, words: &[&str]) -> (String, String, i32) {
    spoken(
        oneshot(world, who, words)
            .stdin(Stdio::null())
            .output()
            .unwrap(),
    )
}

fn fed(world: &World, who: &str, words: &[&str], input: &[u8]) -> (String, String, i32) {
    let mut command = oneshot(world, who, words);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    spoken(child.wait_with_output().unwrap())
}

fn spoken(output: Output) -> (String, String, i32) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (text(output.stdout), text(output.stderr), code)
}

#[test]
fn a_message_is_sent_alone_and_beside_a_session_and_its_fate_is_the_status() {
    let world = World::new();
    let mut bob = world.join("bob");
    for session in ["alone", "beside"] {
        let _alice = (session == "beside").then(|| world.join("alice"));
        assert_eq!(run(&world, "alice", &["send", "bob", session, "me"]).2, 0);
        bob.until(&format!("alice: {session} me"));
        let (_, complaint, exit) = run(&world, "alice", &["send", "bop", "x"]);
        assert_eq!(exit, 7);
        assert!(complaint.contains("did you mean bob?"), "{complaint}");
    }
    bob.enter("dereg");
    bob.until("[You are offline. Bye.]");
    for (require, exit) in [("queued", 0), ("stored", 0), ("delivered", 6)] {
        let words = ["send", "bob", "x", "--require", require];
        assert_eq!(run(&world, "alice", &words).2, exit, "{require}");
    }
    let require = ["send", "bob", "x", "--session", "require"];
    assert_eq!(run(&world, "alice", &require).2, 4);
    assert_eq!(run(&world, "alice", &["send", "bob"]).2, 2);
}

#[test]
fn who_listens_ends_with_its_reader_and_what_cannot_be_written_is_no_success() {
    let world = World::new();
    let _bob = world.join("bob");
    for (who, word) in [("bob", "events"), ("bob", "recv"), ("carol", "recv")] {
        let mut command = oneshot(&world, who, &[word]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{who} {word}");
    }
    for (who, word) in [("bob", "table"), ("bob", "events"), ("carol", "table")] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = oneshot(&world, who, &[word, "--json"]);
        let (_, complaint, exit) = spoken(command.stdout(full).output().unwrap());
        assert_eq!(exit, 1, "{who} {word}");
        assert!(complaint.contains("Cannot write the output"), "{complaint}");
    }
}

#[test]
fn plugins_need_no_session_and_no_server() {
    let world = World::new();
    let (told, complaint, exit) =
        spoken(ackchat(&world.data, &["plugin", "list"]).output().unwrap());
    assert_eq!(exit, 0, "{complaint}");
    assert!(told.contains("ommands of other programs"), "{told}");
}

#[test]
fn whatever_a_text_contains_it_is_a_text() {
    let world = World::new();
    let _bob = world.join("bob");
    let _alice = world.join("alice");
    let hostile = "-rf $(reboot); `x` \"}\n{\"v\":1,\"cmd\":[\"exit\"]} \u{1b}[2J";
    let sent = fed(&world, "alice", &["send", "bob", "-"], hostile.as_bytes());
    assert_eq!(sent.2, 0);
    assert_eq!(
        run(&world, "alice", &["send", "bob", "--", "-", "--json"]).2,
        0
    );
    let (told, _, exit) = run(&world, "bob", &["history", "--json"]);
    assert_eq!(exit, 0);
    let texts: Vec<serde_json::Value> = told
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].clone())
        .collect();
    assert_eq!(texts, [hostile, "- --json"]);
    let (told, _, _) = run(&world, "bob", &["history"]);
    assert_eq!(told.lines().count(), 2);
    assert!(!told.contains('\u{1b}'));
}

#[test]
fn a_pipe_sends_every_line_once_and_in_order() {
    let world = World::new();
    let mut bob = world.join("bob");
    let _alice = world.join("alice");
    let lines: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
    let input = lines.join("\n") + "\n";
    let (_, complaint, exit) = fed(&world, "alice", &["pipe", "--to", "bob"], input.as_bytes());
    assert_eq!(exit, 0, "{complaint}");
    let shown = bob.until("alice: line 999");
    let came: Vec<&String> = shown
        .iter()
        .filter(|line| line.starts_with("alice: "))
        .collect();
    assert!(
        came.iter()
            .map(|line| &line[7..])
            .eq(lines.iter().map(String::as_str))
    );
    let input = b"good\n\xff\nnever\n";
    assert_eq!(fed(&world, "alice", &["pipe", "--to", "bob"], input).2, 2);
    bob.until("alice: good");
    assert_eq!(
        fed(&world, "alice", &["pipe", "--to", "nobody"], b"x\n").2,
        7
    );
}

#[test]
fn messages_and_answers_are_waited_for() {
    let world = World::new();
    let mut bob = world.join("bob");
    let mut alice = world.join("alice");
    bob.until("[Client table updated.]");
    let waits = [
        "recv",
        "--from",
        "bob",
        "--match",
        "^go",
        "--timeout",
        "9s",
        "--format",
        "{from}:{text}",
    ];
    let mut recv = Program::start(&mut oneshot(&world, "alice", &waits));
    let mut ask = Program::start(&mut oneshot(
        &world,
        "bob",
        &["ask", "alice", "ready?", "--yes-no"],
    ));
    alice.until("bob: ready?");
    for line in ["perhaps", "no"] {
        alice.enter(&format!("send bob {line}"));
    }
    assert_eq!(ask.end().2, 1);
    bob.enter("send alice stay");
    bob.enter("send alice go now");
    let (lines, _, exit) = recv.end();
    assert_eq!((lines, exit), (vec!["bob:go now".to_owned()], 0));
    assert_eq!(run(&world, "alice", &["recv", "--timeout", "200ms"]).2, 8);
}

#[test]
fn a_command_is_run_and_told_of_and_its_status_is_ours() {
    let world = World::new();
    let mut bob = world.join("bob");
    let _alice = world.join("alice");
    let notify = |script: &str| {
        let words = ["notify", "bob", "--tail", "1", "--", "sh", "-c", script];
        run(&world, "alice", &words)
    };
    let (told, _, exit) = notify("echo one; echo two; exit 3");
    assert_eq!((told.as_str(), exit), ("one\ntwo\n", 3));
    bob.until("  two");
    assert_eq!(notify("true").2, 0);
    let missing = run(
        &world,
        "alice",
        &["notify", "bob", "--", "/no/such/program"],
    );
    assert_eq!(missing.2, 127);
}

#[test]
fn a_session_without_a_terminal_serves_programs_until_it_is_told_to_end() {
    let world = World::new();
    let mut bob = world.join("bob");
    let mut alice = Program::start(&mut world.client("alice", &["--headless"]));
    bob.until("[Client table updated.]");
    bob.enter("send alice hello");
    bob.until("[Message received by alice.]");
    let (events, _, exit) = {
        let mut listener = Program::start(&mut oneshot(
            &world,
            "alice",
            &["events", "--types", "message", "--last", "1"],
        ));
        while !listener.line().unwrap().contains("\"ev\":\"message\"") {}
        alice.signal("TERM");
        listener.end()
    };
    assert_eq!((events.len(), exit), (0, 0));
    assert_eq!(alice.end().2, 0);
    let json = ["--json", "-e", "send bob typed", "-e", "table"];
    let (lines, _, exit) = Program::start(&mut world.client("alice", &json)).end();
    assert_eq!(exit, 0);
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("{\"v\":1,\"ev\":")),
        "{lines:?}"
    );
    bob.until("alice: typed");
}
