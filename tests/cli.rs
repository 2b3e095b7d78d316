//! The real binary: arguments, exit codes, pipes, signals and files, over loopback.

#![expect(
    clippy::unwrap_used,
    reason = "a program that cannot be started or read is a failed test"
)]

#[expect(dead_code, reason = "what only stories of restarts use")]
mod programs;

use programs::{BYE, Program, World, ackchat, free_port};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use tempfile::TempDir;

fn check(home: &TempDir, arguments: &str, complaint: &str, code: i32) {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let output = ackchat(home, &arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    let seen = (String::from_utf8(stderr).unwrap(), status.code().unwrap());
    assert_eq!(seen, (format!("{complaint}\n"), code), "{arguments:?}");
    assert!(stdout.is_empty());
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn wrong_arguments_give_one_line_and_send_nothing() {
    let usage = "[Usage: ackchat -s PORT or ackchat -c NAME SERVER-IP SERVER-PORT CLIENT-PORT]";
    let (name, ip) = (
        "[Invalid client name. Try again.]",
        "[Invalid server ip address. Try again.]",
    );
    let server = "[Invalid server port number.]";
    let client = "[Invalid client port number.]";
    let home = tempfile::tempdir().unwrap();
    for (arguments, complaint) in [
        ("-s", usage),
        ("-s 1 2", usage),
        ("-c x localhost 5000", usage),
        ("-s 1023", server),
        ("-s 65536", server),
        ("-s +5000", server),
        ("-c all 999.0.0.1 5000 80", name),
        ("-c x; localhost 5000 5001", name),
        ("-c x 256.0.0.1 5000 80", ip),
        ("-c x 127.0.0.01 5000 80", ip),
        ("-c x localhost 80 80", server),
        ("-c x localhost 5000 80", client),
    ] {
        check(&home, arguments, complaint, 2);
    }
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        0,
        "nothing was made"
    );
}

#[test]
fn two_pipes_talk_and_the_end_of_input_is_a_polite_leave() {
    let mut world = World::new();
    let mut alice = world.join("alice");
    let mut bob = world.join("bob");
    alice.until("[Client table updated.]");
    alice.enter("send bob hello  there ");
    alice.until("[Message received by bob.]");
    assert_eq!(
        bob.line().as_deref().map(|line| &line[..9]),
        Some("[New key ")
    );
    bob.until("alice: hello  there");
    bob.enter("send alice hi");
    alice.until("bob: hi");
    // The last line has no newline.
    write!(bob.stdin.as_mut().unwrap(), "send alice last").unwrap();
    let (lines, complaint, code) = bob.end();
    assert_eq!(
        lines[lines.len() - 2..],
        ["[Message received by alice.]", BYE]
    );
    assert_eq!((complaint.as_str(), code), ("", 0));
    alice.until("bob: last");
    assert_eq!(alice.end().2, 0);
    world.server.signal("TERM");
    let (lines, complaint, code) = world.server.end();
    let (hint, lines) = lines.split_first().unwrap();
    assert!(hint.starts_with("  join with --server-key "), "{hint:?}");
    let (last, lines) = lines.split_last().unwrap();
    assert_eq!(last, "[Server stopped.]");
    assert!(
        lines.iter().all(|line| line == "[Client table updated.]"),
        "{lines:?}"
    );
    assert_eq!((complaint.as_str(), code), ("", 0));
}

#[test]
fn a_long_pipe_flows_and_keeps_its_order() {
    const MESSAGES: usize = 500;
    let world = World::new();
    let mut bob = world.join("bob");
    let mut alice = world.join("alice");
    // All at once, and the end is not in sight: no event tells of lines that were read already.
    let lines: Vec<String> = (0..MESSAGES)
        .map(|number| format!("send bob {number}\n"))
        .collect();
    write!(alice.stdin.as_mut().unwrap(), "{}", lines.concat()).unwrap();
    for _ in 0..MESSAGES {
        alice.until("[Message received by bob.]");
    }
    assert_eq!(alice.end().2, 0);
    let seen = bob.until(&format!("alice: {}", MESSAGES - 1));
    let seen = seen.iter().filter_map(|line| line.strip_prefix("alice: "));
    assert!(
        seen.map(|number| number.parse::<usize>().unwrap())
            .eq(0..MESSAGES)
    );
}

#[test]
fn files_that_are_always_readable_are_inputs_too() {
    let world = World::new();
    let path = world.data.path().join("lines");
    fs::write(&path, "create_group g\r\n\njoin_group g").unwrap();
    let (group, joined) = (
        "[Group g created by Server.]",
        "[Entered group g successfully.]",
    );
    for (path, words) in [(Path::new("/dev/null"), &[][..]), (&path, &[group, joined])] {
        let mut command = world.client("alice", &[]);
        let mut alice = Program::start_with_stdin(command.stdin(File::open(path).unwrap()));
        let (lines, complaint, code) = alice.last_words();
        let mut expected = vec!["[Welcome, You are registered.]", "[Client table updated.]"];
        expected.extend(words);
        expected.push(BYE);
        assert_eq!(lines, expected);
        assert_eq!((complaint.as_str(), code), ("", 0));
    }
}

#[test]
fn a_line_that_fails_ends_a_pipe_unless_it_shall_go_on() {
    let world = World::new();
    let options: [(&[&str], bool); 2] = [(&[], false), (&["--keep-going"], true)];
    for (options, created) in options {
        let mut alice = Program::start(&mut world.client("alice", options));
        alice.enter("send nobody hi\ncreate_group g");
        let (lines, _, code) = alice.end();
        let places = lines.iter().filter(|line| line.contains("of the input"));
        assert_eq!(
            places.collect::<Vec<_>>(),
            ["  line 1 of the input: send nobody hi"]
        );
        assert_eq!(lines[2], "[User does not exist.]");
        let seen = lines
            .iter()
            .any(|line| line == "[Group g created by Server.]");
        assert_eq!((seen, code), (created, 7), "{lines:?}");
        assert_eq!(lines.last().unwrap(), BYE);
    }
}

#[test]
fn lines_that_are_no_text_or_too_long_are_refused() {
    let world = World::new();
    let long = vec![b'x'; 200_000];
    for (bytes, words) in [
        (&b"send bob \xff\n"[..], "[Invalid line: it is not UTF-8.]"),
        (&long, "[Invalid line: it is longer than 66560 bytes.]"),
    ] {
        let mut alice = Program::start(&mut world.client("alice", &[]));
        alice.stdin.as_mut().unwrap().write_all(bytes).unwrap();
        let (lines, _, code) = alice.end();
        assert!(lines.iter().any(|line| line == words), "{lines:?}");
        assert_eq!((lines.last().unwrap().as_str(), code), (BYE, 2));
    }
}

#[test]
fn a_port_that_is_in_use_is_said_in_one_line() {
    let home = tempfile::tempdir().unwrap();
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let complaint = format!("[Port {port} is already in use.]");
    check(&home, &format!("-s {port}"), &complaint, 1);
    check(&home, &format!("-c x localhost 5000 {port}"), &complaint, 1);
}

#[test]
fn a_profile_belongs_to_one_program_at_a_time() {
    let world = World::new();
    let mut alice = world.join("alice");
    let arguments = format!("-c Alice localhost {} {}", world.port, free_port());
    let complaint = "[Registration request rejected - name Alice used.]\n  \
        a program on this machine has this profile: end that one first";
    check(&world.data, &arguments, complaint, 4);
    assert_eq!(alice.end().2, 0);
    let mut again = world.join("Alice");
    assert_eq!(again.end().2, 0);
}

#[test]
fn keys_are_private_or_refused() {
    let world = World::new();
    assert_eq!(world.join("alice").end().2, 0);
    let data = world.data.path().join(".local/share/ackchat");
    let path = data.join("profiles/alice/identity.key");
    for (path, mode) in [
        (&path, 0o600),
        (&data.join("profiles/alice"), 0o700),
        (&data.join("server/server.key"), 0o600),
        (&data.join("server"), 0o700),
    ] {
        let found = path.metadata().unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{}", path.display());
    }
    set_mode(&path, 0o644);
    let shown = path.display();
    let complaint = format!("[{shown} is open to other users: run chmod 600 {shown} first.]");
    let arguments = format!("-c alice localhost {} {}", world.port, free_port());
    check(&world.data, &arguments, &complaint, 2);
    set_mode(&path, 0o600);
    assert_eq!(
        world.join("alice").end().2,
        0,
        "the same key has the same name"
    );
}

#[test]
fn sigterm_leaves_politely_and_sigint_without_a_word() {
    let world = World::new();
    for (signal, words, code) in [("TERM", vec![BYE.to_owned()], 0), ("INT", vec![], 130)] {
        let mut alice = world.join("alice");
        alice.signal(signal);
        let (lines, complaint, ended) = alice.last_words();
        assert_eq!((lines, complaint.as_str(), ended), (words, "", code));
    }
}

#[test]
fn a_server_that_is_told_to_end_says_so() {
    let mut world = World::new();
    for (signal, code) in [("TERM", 0), ("INT", 130)] {
        world.server.signal(signal);
        world.server.until("[Server stopped.]");
        drop(std::net::UdpSocket::bind(("127.0.0.1", world.port)).expect("its port is free"));
        let (lines, complaint, ended) = world.server.last_words();
        assert_eq!((lines, complaint.as_str(), ended), (vec![], "", code));
        world.start_server();
    }
}

#[test]
fn a_reader_who_goes_away_ends_the_program_quietly() {
    let world = World::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = world.client("alice", &[]);
    let command = command
        .stdin(Stdio::piped())
        .stdout(writer)
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Its input stays open, so that only its output can end it; `wait` would close it.
    let stdin = child.stdin.take();
    let mut complaint = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut complaint).unwrap();
    let code = child.wait().unwrap().code();
    drop(stdin);
    assert_eq!((complaint.as_str(), code), ("", Some(0)));
}

#[test]
fn lines_that_are_not_carried_out_because_nobody_reads_are_no_success() {
    let world = World::new();
    let mut bob = world.join("bob");
    for (lines, code) in [(1, 0), (20, 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = world.client("alice", &[]);
        let command = command
            .stdin(Stdio::piped())
            .stdout(writer)
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // The first line is answered, then nobody listens.
        stdin.write_all(b"send bob first\n").unwrap();
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        while !line.contains("[Message received by bob.]") {
            line.clear();
            assert!(reader.read_line(&mut line).unwrap() > 0);
        }
        drop(reader);
        // All at once, so that they are there when the first of them finds nobody listening.
        stdin
            .write_all("send bob more\n".repeat(lines - 1).as_bytes())
            .unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{lines} lines: {complaint}"
        );
        assert_eq!(complaint.contains("Nobody reads the output"), code == 1);
    }
    bob.until("alice: first");
}

#[test]
fn a_server_that_does_not_answer_is_tried_five_times() {
    let home = tempfile::tempdir().unwrap();
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port().to_string();
    let own = free_port().to_string();
    let mut command = ackchat(&home, &["-c", "alice", "127.0.0.1", &port, &own]);
    let (lines, complaint, code) = Program::start(&mut command).last_words();
    let mut expected: Vec<String> = (1..=5)
        .map(|tries| format!("[Message sent! {tries} times. Retrying...]"))
        .collect();
    expected.extend(["[Server not responding.]", "[Exiting...]"].map(str::to_owned));
    assert_eq!((lines, complaint.as_str(), code), (expected, "", 4));
}

#[test]
fn a_trace_has_a_line_for_every_packet_and_is_private() {
    let world = World::new();
    let path = world.data.path().join("trace");
    let mut alice =
        Program::start(&mut world.client("alice", &["--trace", path.to_str().unwrap()]));
    assert_eq!(alice.end().2, 0);
    let trace = fs::read_to_string(&path).unwrap();
    assert!(trace.lines().all(|line| line.starts_with('{')), "{trace}");
    for word in [r#""t":"register""#, r#""t":"registered""#, r#""dir":"out""#] {
        assert!(trace.contains(word), "{word} in {trace}");
    }
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut again =
        Program::start(&mut world.client("alice", &["--trace", path.to_str().unwrap()]));
    let (_, complaint, code) = again.end();
    assert!(
        complaint.starts_with("[Cannot make the trace file"),
        "{complaint}"
    );
    assert_eq!(code, 2);
    assert_eq!(fs::read_to_string(&path).unwrap(), trace);
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_nobody_can_have_is_no_success() {
    let home = tempfile::tempdir().unwrap();
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = ackchat(&home, &["config", "show"]).stdout(full).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "[Cannot write the output: No space left on device.]\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_profile_that_config_toml_does_not_have_is_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, "[profile.dora]\nstay = \"on\"\n").unwrap();
    let path = file.to_str().unwrap();
    let arguments = ["config", "show", "--config", path, "--profile", "dara"];
    let output = ackchat(&home, &arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let line = format!("[{path} has no [profile.dara]: did you mean dora?]\n");
    assert_eq!((said, output.status.code()), (line, Some(2)));
}

#[test]
fn help_knows_the_commands_of_other_programs() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/ackchat/plugins");
    let make = |name: &str, manifest: &str| {
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("ackchat-{name}"));
        let text = format!("#!/bin/sh\necho '{manifest}'\n");
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o755);
    };
    make(
        "hello",
        r#"{"api":1,"about":"say hello","args":[],"examples":["hello"]}"#,
    );
    make("send", r#"{"api":1,"about":"never","args":[]}"#);
    let help = |words: &[&str]| {
        let mut command = ackchat(&home, words);
        let output = command.env_remove("XDG_CONFIG_HOME").output().unwrap();
        (
            String::from_utf8(output.stdout).unwrap(),
            output.status.code(),
        )
    };
    for words in [&["--help"][..], &["help"]] {
        let (text, exit) = help(words);
        assert_eq!(exit, Some(0));
        let listed = "\nCommands of other programs:\n  hello  say hello\n";
        assert!(text.ends_with(listed), "{text}");
    }
    let (page, exit) = help(&["help", "hello"]);
    assert_eq!(exit, Some(0));
    assert!(page.starts_with("hello - say hello\n"), "{page}");
    assert!(page.contains("external: "), "{page}");
    assert_eq!(help(&["help", "nothing"]).1, Some(2));
}
