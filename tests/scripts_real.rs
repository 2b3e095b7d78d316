//! The scripts of the seeds over loopback sockets, in real time, by the real binary; and live files
//! at a real server.

#![expect(
    clippy::unwrap_used,
    reason = "a program that cannot be started or read is a failed test"
)]

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use tempfile::TempDir;

/// Files that run at once: most of their time they wait.
const AT_ONCE: usize = 12;

fn ackchat(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ackchat"));
    command.args(args);
    command
}

fn words(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{out}{err}")
}

#[test]
fn the_34_scenarios_pass_over_real_sockets() {
    let mut files: VecDeque<PathBuf> = fs::read_dir("scripts/seeds")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 34);
    let mut running: VecDeque<(PathBuf, Child)> = VecDeque::new();
    let mut told = String::new();
    while !files.is_empty() || !running.is_empty() {
        while running.len() < AT_ONCE
            && let Some(file) = files.pop_front()
        {
            let mut command = ackchat(&["run", "--real", file.to_str().unwrap()]);
            let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
            running.push_back((file, command.spawn().unwrap()));
        }
        let (file, child) = running.pop_front().unwrap();
        let output = child.wait_with_output().unwrap();
        let said = words(&output);
        if !output.status.success() || said.contains("  skip  ") {
            told = told + &file.display().to_string() + ":\n" + &said;
        }
    }
    assert!(told.is_empty(), "\n{told}");
}

#[test]
fn what_only_a_simulator_can_do_is_skipped_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.chat");
    let script = "test \"a\" {\n  server s\n  net drop 1%\n}\ntest \"b\" {\n  server s\n}\n";
    fs::write(&file, script).unwrap();
    let output = ackchat(&["run", "--real", file.to_str().unwrap()])
        .output()
        .unwrap();
    let said = words(&output);
    assert!(said.contains("skip  a  needs the simulator"), "{said}");
    assert!(
        said.contains("2 tests: 1 passed, 0 failed, 1 skipped"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(0));
}

/// Free until somebody has it; nobody else asks for a port by number.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// A server and somewhere for its data and the clients'.
struct Live {
    server: Child,
    /// Its console is read to the end, or it would end itself.
    _console: Lines<BufReader<ChildStdout>>,
    port: u16,
    folder: TempDir,
}

impl Live {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("server");
        let port = free_port();
        let mut command = ackchat(&["-s", &port.to_string(), "--data", data.to_str().unwrap()]);
        let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "[Start listening...]"));
        Self {
            server,
            _console: lines,
            port,
            folder,
        }
    }

    fn run(&self, name: &str, script: &str) -> (String, i32) {
        let file = self.folder.path().join("live.chat");
        fs::write(&file, script).unwrap();
        let server = format!("127.0.0.1:{}", self.port);
        let data = self.folder.path().join(name);
        let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
        let args = ["run", file, "--profile", name, "--server", &server];
        let output = ackchat(&args).args(["--data", data]).output().unwrap();
        (words(&output), output.status.code().unwrap())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

#[test]
fn a_live_file_is_one_client_at_a_real_server() {
    let live = Live::new();
    let (said, code) = live.run(
        "alice",
        "create_group team\njoin_group team\n< [Entered group team successfully.]\n\
        send_group hello\n> leave_group\n? session mode=normal self=alice\n> send alice note\n\
        < alice: note\n",
    );
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn a_live_file_ends_at_its_first_failure_with_1() {
    let live = Live::new();
    let (said, code) = live.run("alice", "send nobody hi\ncreate_group g\n");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("error[command-failed]: send failed: unknown-peer"),
        "{said}"
    );
    let (said, code) = live.run("bob", "create_group g\n");
    assert_eq!(
        code, 0,
        "the second line of the first file was not run: {said}"
    );
}

#[test]
fn a_replay_types_one_persons_lines_and_shows_what_is_shown() {
    let live = Live::new();
    let file = live.folder.path().join("both.chat");
    let script = "server s\nactor alice bob\nalice> create_group team\nbob> send alice hi\n\
        # +1.4s\nalice!> send alice to me\n";
    fs::write(&file, script).unwrap();
    let server = format!("127.0.0.1:{}", live.port);
    let data = live.folder.path().join("alice");
    let output = ackchat(&["replay", file.to_str().unwrap(), "--as", "alice"])
        .args(["--server", &server, "--data", data.to_str().unwrap()])
        .output()
        .unwrap();
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let typed: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with(">>> "))
        .collect();
    assert_eq!(typed, [">>> create_group team", ">>> send alice to me"]);
    assert!(said.contains("\nalice: to me\n"), "{said}");
}

#[test]
fn files_that_cannot_run_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let check = |script: &str, args: &[&str], code: i32, words_wanted: &str| {
        let file = folder.path().join("f.chat");
        fs::write(&file, script).unwrap();
        let args = [&["run", file.to_str().unwrap()], args].concat();
        let output = ackchat(&args).output().unwrap();
        let said = words(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words_wanted), "{said}");
    };
    check(
        "exit\n",
        &[],
        4,
        "name a client of a real server with --profile NAME",
    );
    check("server s\nsned x\n", &[], 3, "did you mean");
    check(
        "server s\n",
        &["nowhere.chat"],
        4,
        "cannot run nowhere.chat",
    );
    check("server s\n", &["--seeds", "5..1"], 2, "as 1..200");
    check("server s\n", &["--format", "tap"], 0, "TAP version 14");
    check("server s\n", &["--list"], 0, "f.chat");
    let secret = "server s\nactor a\na> send a $word\na< a: other\n";
    check(secret, &["--secret", "word=hush"], 1, "a> send a $word");
    check(secret, &["--secret", "word=hush"], 1, "text=\"***\"");
}
