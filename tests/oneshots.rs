//! Programs that are called once: what they write, how they end, beside a session and alone.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

#[expect(dead_code, reason = "what only stories of restarts use")]
mod programs;

use ackchat::shell::Registry;
use ackchat::shell::command::{Face, Reach};
use programs::{Program, World, ackchat};
use std::fs::OpenOptions;
use std::io::{BufRead, Write};
use std::process::{Child, Command, Output, Stdio};

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

fn until_saved(program: &mut Program) {
    while let Some(line) = program.line()
        && !line.ends_with("received by the server and saved.]")
    {}
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

/// A one-shot, and its statuses: alone and beside a session while the server is there, and the same
/// while it is gone.
type Row = (&'static [&'static str], [i32; 4]);

const DIGITS: &str = "050375637902392069135377354517";

/// Every one-shot of the registry, and those that are none of it.
const MATRIX: &[Row] = &[
    (&["send", "bob", "hi"], [0, 0, 4, 5]),
    (&["send", "nobody", "hi"], [7, 7, 4, 7]),
    (&["send_all", "hi"], [0, 0, 4, 5]),
    (&["cancel", "12345678"], [7, 7, 7, 7]),
    (&["outbox"], [0, 0, 0, 0]),
    (&["list_groups"], [0, 0, 4, 4]),
    (&["create_group", "g"], [0, 7, 4, 4]),
    (&["join_group", "h"], [0, 0, 4, 7]),
    (&["send_group", "hi"], [0, 0, 4, 5]),
    (&["list_members"], [0, 0, 4, 4]),
    (&["leave_group"], [0, 0, 4, 4]),
    (&["history"], [0, 0, 0, 0]),
    (&["history", "bob"], [0, 0, 0, 0]),
    (&["history", "bop"], [1, 1, 1, 1]),
    (&["grep", "hello"], [0, 0, 0, 0]),
    (&["grep", "nothing"], [1, 1, 1, 1]),
    (&["unread"], [0, 0, 0, 0]),
    (&["export", "bob", "/dev/null/x.txt"], [4, 4, 4, 4]),
    (&["table"], [0, 0, 4, 0]),
    (&["table", "nobody"], [7, 7, 4, 7]),
    (&["dereg"], [0, 0, 4, 4]),
    (&["reg"], [7, 0, 4, 7]),
    (&["verify"], [0, 0, 0, 0]),
    (&["verify", "nobody"], [7, 7, 7, 7]),
    (&["trust", "bob", DIGITS], [7, 7, 4, 7]),
    (&["session"], [0, 0, 4, 0]),
    (&["stats"], [0, 0, 4, 0]),
    (&["control"], [0, 0, 0, 0]),
    (&["ask", "bob", "x", "--timeout", "100ms"], [8, 8, 8, 8]),
    (
        &["recv", "--from", "bob", "--timeout", "100ms"],
        [8, 8, 8, 8],
    ),
    (&["notify", "bob", "--", "true"], [0, 0, 4, 5]),
    (&["notify", "bob", "--", "false"], [1, 1, 1, 1]),
];

/// Runs all of them at once, each as somebody; their statuses in order.
fn all_at_once(world: &World, who: impl Fn(usize) -> String) -> Vec<(String, i32)> {
    let begin = |(number, (words, _)): (usize, &Row)| {
        let mut command = oneshot(world, &who(number), words);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let begun: Vec<Child> = MATRIX.iter().enumerate().map(begin).collect();
    let end = |child: Child| {
        let (_, complaint, exit) = spoken(child.wait_with_output().unwrap());
        (complaint, exit)
    };
    begun.into_iter().map(end).collect()
}

#[test]
fn the_status_is_true_alone_and_beside_a_session_with_a_server_and_without() {
    let registry = Registry::builtin();
    for command in registry.commands() {
        let is_told = MATRIX.iter().any(|(words, _)| words[0] == command.name);
        let is_wanted = command.faces.contains(&Face::OneShot) && command.reach != Reach::Nothing;
        assert_eq!(is_told, is_wanted, "{}", command.name);
    }
    let mut world = World::new();
    world.join("bob").end();
    // What is looked up is there in every situation, and each has a profile of its own.
    let own = |number: usize| format!("own{number}");
    for (number, (words, _)) in MATRIX.iter().enumerate() {
        let who = own(number);
        assert_eq!(run(&world, &who, &["send", "bob", "hello"]).2, 0);
        if matches!(words[0], "send_group" | "list_members" | "leave_group") {
            run(&world, &who, &["create_group", "h"]);
            assert_eq!(run(&world, &who, &["join_group", "h"]).2, 0);
        }
    }
    let check = |found: Vec<(String, i32)>, situation: usize| {
        for ((words, expected), (complaint, exit)) in MATRIX.iter().zip(found) {
            assert_eq!(
                exit, expected[situation],
                "{words:?} in situation {situation}: {complaint}"
            );
            let tells = !matches!(exit, 0 | 8) && words[0] != "notify";
            assert!(
                !tells || complaint.starts_with('['),
                "{words:?}: {complaint}"
            );
        }
    };
    check(all_at_once(&world, own), 0);
    let mut alice = Program::start(&mut world.client("alice", &["--headless", "--stay"]));
    while run(&world, "alice", &["session", "--session", "require"]).2 != 0 {}
    assert_eq!(run(&world, "alice", &["send", "bob", "hello"]).2, 0);
    let one_by_one = MATRIX.iter().map(|(words, _)| {
        let (_, complaint, exit) = run(&world, "alice", words);
        (complaint, exit)
    });
    check(one_by_one.collect(), 1);
    run(&world, "alice", &["join_group", "h"]);
    world.server.kill();
    check(all_at_once(&world, own), 2);
    check(all_at_once(&world, |_| "alice".to_owned()), 3);
    alice.kill();
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
fn who_waits_for_one_message_has_not_seen_the_others() {
    let world = World::new();
    let mut zoe = world.join("zoe");
    let mut ben = world.join("ben");
    let mut ann = world.join("ann");
    for sender in [&mut zoe, &mut ben] {
        sender.until("[Client table updated.]");
    }
    ann.enter("dereg");
    ann.until(programs::BYE);
    ann.end();
    zoe.enter("send ann from zoe");
    until_saved(&mut zoe);
    ben.enter("send ann from ben");
    until_saved(&mut ben);
    let (told, _, exit) = run(&world, "ann", &["recv", "--from", "ben", "--timeout", "9s"]);
    assert_eq!((told.as_str(), exit), ("from ben\n", 0));
    let (told, ..) = run(&world, "ann", &["unread", "--json"]);
    assert_eq!(told.trim(), r#"{"with":"zoe","new":1}"#);
}

#[test]
fn a_reader_who_comes_back_after_a_restart_of_the_session_has_missed_nothing() {
    let world = World::new();
    let mut bob = world.join("bob");
    let mut alice = world.join("alice");
    bob.until("[Client table updated.]");
    let events = |more: &[&str]| {
        let words = [&["events", "--types", "message,delivery"], more].concat();
        let mut listener = Program::start(&mut oneshot(&world, "alice", &words));
        let hello = listener.line().unwrap();
        assert!(hello.contains("\"ev\":\"hello\""), "{hello}");
        listener
    };
    let read = |line: String| serde_json::from_str::<serde_json::Value>(&line).unwrap();
    let mut listener = events(&[]);
    bob.enter("send alice one");
    let seen = read(listener.line().unwrap());
    assert_eq!(seen["text"], "one");
    drop(listener);
    for line in ["two", "three"] {
        bob.enter(&format!("send alice {line}"));
        alice.until(&format!("bob: {line}"));
    }
    alice.enter("send bob back");
    alice.until("[Message received by bob.]");
    // One life ends in peace, the next at once.
    alice.end();
    let mut alice = world.join("alice");
    bob.enter("send alice four");
    alice.until("bob: four");
    bob.until("[Message received by alice.]");
    let told = |since: &str, count: usize| {
        let mut listener = events(&["--since", since]);
        let lines: Vec<serde_json::Value> =
            (0..count).map(|_| read(listener.line().unwrap())).collect();
        let word = |event: &serde_json::Value| {
            let field = if event["ev"] == "message" {
                "text"
            } else {
                "state"
            };
            event[field].as_str().unwrap().to_owned()
        };
        let words = lines.iter().map(word).collect::<Vec<String>>().join(" ");
        (
            words,
            lines.last().unwrap()["eid"].as_str().unwrap().to_owned(),
        )
    };
    let since = seen["eid"].as_str().unwrap();
    let missed = "two three queued acked four";
    let (words, upto) = told(since, 5);
    assert_eq!(words, missed);
    alice.kill();
    let mut alice = world.join("alice");
    assert_eq!(told(since, 5), (missed.to_owned(), upto.clone()));
    bob.enter("send alice five");
    alice.until("bob: five");
    assert_eq!(told(&upto, 1).0, "five");
}

#[test]
fn a_message_that_nobody_had_is_tried_again_under_its_id_and_shown_once() {
    let mut world = World::new();
    let mut bob = world.join("bob");
    let _alice = {
        let mut alice = Program::start(&mut world.client("alice", &["--headless", "--stay"]));
        bob.until("[Client table updated.]");
        alice.stdin = None;
        alice
    };
    bob.kill();
    world.server.kill();
    let (_, complaint, exit) = run(&world, "alice", &["send", "bob", "knock"]);
    assert_eq!(exit, 5, "{complaint}");
    let id = complaint.split("its id: ").nth(1).unwrap().trim();
    let (outbox, _, exit) = run(&world, "alice", &["outbox"]);
    assert_eq!((outbox.as_str(), exit), ("", 0), "it is withdrawn");
    world.start_server();
    let mut bob = world.join("bob");
    for _ in 0..2 {
        let (_, complaint, exit) = run(&world, "alice", &["send", "--id", id, "bob", "knock"]);
        assert_eq!(exit, 0, "{complaint}");
    }
    assert_eq!(run(&world, "alice", &["send", "bob", "last"]).2, 0);
    let shown = bob.until("alice: last");
    let knocks = shown.iter().filter(|line| line.ends_with("knock")).count();
    assert_eq!(knocks, 1, "{shown:?}");
    let (history, _, _) = run(&world, "alice", &["history", "--json"]);
    assert!(!history.contains("failed"), "{history}");
}

#[test]
fn what_a_hook_sends_is_automatic() {
    let world = World::new();
    let mut bob = Program::start(&mut world.client("bob", &["--json"]));
    while !bob.line().unwrap().contains("\"state\":\"online\"") {}
    let mut alice = world.join("alice");
    while !bob.line().unwrap().contains("\"who\":\"alice\"") {}
    let of_bob = |bob: &mut Program| loop {
        let line = bob.line().unwrap();
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["ev"] == "message" {
            return event["auto"].clone();
        }
    };
    for (hook, words) in [
        (None, &["send", "bob", "x"][..]),
        (Some("message"), &["send", "bob", "x"]),
        (Some("message"), &["send_all", "x"]),
    ] {
        let mut command = oneshot(&world, "alice", words);
        command.envs(hook.map(|kind| ("ACKCHAT_EVENT", kind)));
        assert!(command.status().unwrap().success());
        assert_eq!(of_bob(&mut bob), hook.is_some());
    }
    alice.end();
}

#[test]
fn a_reader_who_goes_away_ends_it_quietly() {
    let world = World::new();
    let mut bob = world.join("bob");
    let alice = world.join("alice");
    bob.until("[Client table updated.]");
    for number in 0..3 {
        let text = format!("{number}");
        assert_eq!(run(&world, "alice", &["send", "bob", &text]).2, 0);
    }
    for words in [
        &["events", "--last", "9"][..],
        &["recv", "-n", "9", "--since", "e0"],
        &["history"],
    ] {
        let who = if words[0] == "recv" { "bob" } else { "alice" };
        let mut command = oneshot(&world, who, words);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // As `head -0` would: what is written next finds nobody.
        drop(child.stdout.take());
        assert_eq!(run(&world, "alice", &["send", "bob", "more"]).2, 0);
        bob.enter("send alice more");
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(
            (said.as_str(), ended.status.code()),
            ("", Some(0)),
            "{words:?}"
        );
    }
    drop(alice);
}

#[test]
fn a_burst_is_one_message_and_what_is_too_fast_is_counted() {
    let world = World::new();
    let mut bob = world.join("bob");
    let _alice = world.join("alice");
    bob.until("[Client table updated.]");
    let join = ["pipe", "--to", "bob", "--join", "200ms", "--drain", "9s"];
    assert_eq!(fed(&world, "alice", &join, b"one\ntwo\nthree\n").2, 0);
    let (history, _, _) = run(&world, "bob", &["history", "--json"]);
    assert!(history.contains("\"one\\ntwo\\nthree\""), "{history}");
    let rate = ["pipe", "--to", "bob", "--max-rate", "2/s"];
    assert_eq!(fed(&world, "alice", &rate, b"1\n2\n3\n4\n5\n").2, 0);
    bob.until("alice: (3 lines dropped)");
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

#[test]
fn what_is_looked_up_on_disk_is_not_read_by_that_and_sends_nothing() {
    let mut world = World::new();
    let mut bob = world.join("bob");
    let mut alice = Program::start(&mut world.client("alice", &["--headless", "--stay"]));
    bob.until("[Client table updated.]");
    assert_eq!(run(&world, "alice", &["send", "bob", "one"]).2, 0);
    bob.kill();
    world.server.kill();
    let queued = ["send", "bob", "kept", "--require", "queued"];
    assert_eq!(run(&world, "alice", &queued).2, 0);
    alice.kill();
    world.start_server();
    world.join("ann").end();
    for sender in ["zoe", "ben"] {
        let words = ["send", "ann", sender];
        assert_eq!(run(&world, sender, &words).2, 0);
    }
    let recv = ["recv", "--from", "ben", "--timeout", "9s"];
    assert_eq!(run(&world, "ann", &recv).2, 0);
    let known = |who: &str, words: &[&str]| run(&world, who, words).0;
    let before = (
        known("ann", &["unread"]),
        known("alice", &["outbox", "--json"]),
    );
    assert_eq!(before.0.lines().collect::<Vec<_>>(), ["zoe\t1"]);
    assert!(before.1.contains("kept") && !before.1.contains("stored"));
    for words in [
        &["history"][..],
        &["history", "zoe"],
        &["grep", "zoe"],
        &["export", "zoe", "talk.json"],
        &["unread"],
        &["outbox"],
        &["verify"],
    ] {
        for who in ["ann", "alice"] {
            let mut command = oneshot(&world, who, words);
            command.current_dir(world.data.path()).stdin(Stdio::null());
            let (_, complaint, exit) = spoken(command.output().unwrap());
            assert!(exit <= 1 || words[0] == "export", "{words:?}: {complaint}");
        }
    }
    let after = (
        known("ann", &["unread"]),
        known("alice", &["outbox", "--json"]),
    );
    assert_eq!(before, after);
    // What is here can be given up without anybody.
    let id = &before.1[before.1.find("\"id\":\"").unwrap() + 6..][..32];
    world.server.kill();
    assert_eq!(run(&world, "alice", &["cancel", id]).2, 0);
    assert_eq!(run(&world, "alice", &["outbox"]).0, "");
    let (_, complaint, exit) = run(&world, "alcie", &["history"]);
    assert_eq!(exit, 4);
    assert!(complaint.contains("did you mean alice?"), "{complaint}");
    assert!(!world.files().join("profiles/alcie").exists());
}

#[test]
fn a_conversation_is_written_where_one_is_and_a_long_one_says_so() {
    let world = World::new();
    let _bob = world.join("bob");
    let lines = "line\n".repeat(21);
    let sent = fed(&world, "alice", &["pipe", "--to", "bob"], lines.as_bytes());
    assert_eq!(sent.2, 0);
    for session in ["alone", "beside"] {
        let _alice = (session == "beside").then(|| world.join("alice"));
        let (told, said, exit) = run(&world, "alice", &["history", "bob"]);
        assert_eq!((told.lines().count(), exit), (20, 0));
        assert_eq!(said.trim(), "there may be older ones: history bob 100");
        let (told, said, exit) = run(&world, "alice", &["history", "bob", "21"]);
        assert_eq!((told.lines().count(), said.as_str(), exit), (21, "", 0));
        assert_eq!(run(&world, "alice", &["history", "-q"]).1, "");
        let (told, said, exit) = run(&world, "alice", &["history", "bop"]);
        let none = "[No history of bop.]\n  did you mean bob?\n";
        assert_eq!((told.as_str(), said.as_str(), exit), ("", none, 1));
        let place = tempfile::tempdir().unwrap();
        let mut command = oneshot(&world, "alice", &["export", "bob", "talk.txt"]);
        let (_, complaint, exit) = spoken(command.current_dir(&place).output().unwrap());
        assert_eq!(exit, 0, "{complaint}");
        let written = std::fs::read_to_string(place.path().join("talk.txt")).unwrap();
        assert_eq!(written.lines().count(), 21);
        let (table, ..) = run(&world, "alice", &["table", "bob"]);
        assert!(table.starts_with("bob\t127.0.0.1:"), "{table}");
    }
}

#[test]
fn those_that_have_no_session_take_turns_with_the_profile() {
    let world = World::new();
    let mut bob = world.join("bob");
    let texts = ["a", "b", "c", "d", "e"];
    let begin = |text: &&str| {
        let mut command = oneshot(&world, "alice", &["send", "bob", text]);
        command.stdin(Stdio::null()).spawn().unwrap()
    };
    let all: Vec<Child> = texts.iter().map(begin).collect();
    for mut one in all {
        assert_eq!(one.wait().unwrap().code(), Some(0));
    }
    let mut came: Vec<String> = Vec::new();
    while came.len() < texts.len() {
        came.extend(bob.line().filter(|line| line.starts_with("alice: ")));
    }
    came.sort();
    assert_eq!(came, texts.map(|text| format!("alice: {text}")));
    let mut events = Program::start(&mut oneshot(&world, "alice", &["events"]));
    events.line();
    let late = ["send", "bob", "x", "--timeout", "100ms"];
    let (_, complaint, exit) = run(&world, "alice", &late);
    assert_eq!(exit, 4);
    assert!(complaint.contains("has this profile"), "{complaint}");
    events.kill();
    let _alice = world.join("alice");
    let never = ["send", "bob", "x", "--session", "never"];
    let (_, complaint, exit) = run(&world, "alice", &never);
    assert_eq!(exit, 4);
    assert!(complaint.contains("A session of alice runs"), "{complaint}");
}

#[test]
fn an_id_that_another_message_has_is_refused_in_these_words() {
    let world = World::new();
    let _bob = world.join("bob");
    let (told, ..) = run(&world, "alice", &["send", "bob", "one", "--json"]);
    let id = &told[told.find("\"id\":\"").unwrap() + 6..][..32];
    let (_, complaint, exit) = run(&world, "alice", &["send", "bob", "two", "--id", id]);
    assert_eq!(exit, 7);
    assert!(
        complaint.contains("another message has this id"),
        "{complaint}"
    );
    assert_eq!(
        run(&world, "alice", &["send", "bob", "one", "--id", id]).2,
        0
    );
}

/// A script in a shell, where `ackchat` is a command and the server is known.
fn script(world: &World, script: &str) -> Command {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_ackchat"));
    let path = format!("{}:/usr/bin:/bin", bin.parent().unwrap().display());
    let mut command = Command::new("bash");
    command
        .args(["-o", "pipefail", "-c", script])
        .env("HOME", world.data.path())
        .env("PATH", path)
        .env("ACKCHAT_SERVER", format!("127.0.0.1:{}", world.port))
        .env_remove("ACKCHAT_SOCK")
        .env_remove("XDG_RUNTIME_DIR")
        .current_dir(world.data.path());
    command
}

#[test]
fn an_answer_decides_in_a_shell_what_runs_next() {
    let world = World::new();
    let mut bob = world.join("bob");
    for (answer, told, exit) in [("yes", vec!["yes", "deployed"], 0), ("no", vec!["no"], 1)] {
        let line = "ackchat ask bob 'deploy?' --yes-no --profile alice && echo deployed";
        let mut ask = Program::start(&mut script(&world, line));
        bob.until("alice: deploy?");
        bob.enter(&format!("send alice {answer}"));
        let (lines, complaint, status) = ask.end();
        assert_eq!(
            (lines, status),
            (told.iter().map(ToString::to_string).collect(), exit)
        );
        assert_eq!(complaint, "");
        // At once or by way of the server: bob may not have heard yet that she came back.
        while !bob.line().unwrap().ends_with("received by alice.]") {}
    }
    let line = "ackchat recv -n 1 --timeout 10s --json --profile alice | sed 's/.*\"text\":\"//'";
    let mut recv = Program::start(&mut script(&world, line));
    let sent = "until ackchat table alice --profile carol | grep -q online; do :; done; \
                ackchat send alice hello --profile carol";
    assert_eq!(spoken(script(&world, sent).output().unwrap()).2, 0);
    let (lines, _, status) = recv.end();
    assert_eq!(status, 0);
    assert!(lines[0].starts_with("hello\""), "{lines:?}");
    let first = "ackchat history --profile alice | head -1 | wc -l";
    let (told, complaint, status) = spoken(script(&world, first).output().unwrap());
    assert_eq!((told.trim(), complaint.as_str(), status), ("1", "", 0));
}

#[test]
fn what_is_added_to_a_file_is_sent_as_it_comes() {
    let world = World::new();
    let mut bob = world.join("bob");
    let path = world.data.path().join("app.log");
    std::fs::write(&path, "old\n").unwrap();
    let mut tail = Command::new("tail");
    let tail = tail
        .args(["-n", "+1", "-f"])
        .arg(&path)
        .stdout(Stdio::piped());
    let mut tail = tail.spawn().unwrap();
    let mut pipe = oneshot(&world, "alice", &["pipe", "--to", "bob"]);
    let mut pipe = pipe.stdin(tail.stdout.take().unwrap()).spawn().unwrap();
    bob.until("alice: old");
    let mut log = OpenOptions::new().append(true).open(&path).unwrap();
    for line in ["new", "newer"] {
        writeln!(log, "{line}").unwrap();
        bob.until(&format!("alice: {line}"));
    }
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert_eq!(pipe.wait().unwrap().code(), Some(0));
}

/// The most memory a process ever had, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_to_somebody_who_is_away_waits_in_bounded_memory_and_loses_nothing() {
    let world = World::new();
    world.join("bob").end();
    let count = 3_000;
    let mut seq = Command::new("seq");
    let seq = seq.args(["0".to_owned(), (count - 1).to_string()]);
    let mut seq = seq.stdout(Stdio::piped()).spawn().unwrap();
    let mut pipe = oneshot(&world, "alice", &["pipe", "--to", "bob"]);
    pipe.stdin(seq.stdout.take().unwrap())
        .stderr(Stdio::piped());
    let mut pipe = pipe.spawn().unwrap();
    let mut said = String::new();
    let mut stderr = std::io::BufReader::new(pipe.stderr.take().unwrap());
    stderr.read_line(&mut said).unwrap();
    assert!(said.contains("full"), "{said}");
    assert!(
        peak_kib(pipe.id()) < 64 << 10,
        "{} KiB",
        peak_kib(pipe.id())
    );
    let mut bob = Program::start(&mut world.client("bob", &[]));
    let mut next = 0;
    while next < count {
        let line = bob.line().unwrap();
        if let Some(number) = line.strip_prefix("alice: ") {
            let number = number.rsplit(' ').next().unwrap();
            assert_eq!(number, next.to_string());
            next += 1;
        }
    }
    assert!(
        peak_kib(pipe.id()) < 64 << 10,
        "{} KiB",
        peak_kib(pipe.id())
    );
    assert!(seq.wait().unwrap().success());
    assert_eq!(pipe.wait().unwrap().code(), Some(0));
}
