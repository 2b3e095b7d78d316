//! Real programs as stories have them: started, spoken to, waited for, ended.

pub(super) mod schema;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// Nothing here takes half as long.
const PATIENCE_MS: u16 = 10_000;

/// A running program whose lines are waited for, never slept for.
pub(super) struct Program {
    pub(super) child: Child,
    pub(super) stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    unread: Vec<u8>,
    /// Every line so far, for whoever looks at a failure.
    heard: Vec<String>,
}

impl Program {
    pub(super) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped());
        Self::start_with_stdin(command)
    }

    pub(super) fn start_with_stdin(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().unwrap(),
            child,
            unread: Vec::new(),
            heard: Vec::new(),
        }
    }

    pub(super) fn enter(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }

    /// The lines up to and with this one.
    pub(super) fn until(&mut self, wanted: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != wanted) {
            let line = self.line();
            lines.push(line.unwrap_or_else(|| panic!("ended before {wanted:?}: {lines:?}")));
        }
        lines
    }

    /// The next line. Whatever story it is of: an event is as the schema says.
    pub(super) fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line = String::from_utf8(line).unwrap().trim_end().to_owned();
                schema::check_line(&line);
                self.heard.push(line.clone());
                return Some(line);
            }
            let mut fds = [PollFd::new(self.stdout.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut fds, PollTimeout::from(PATIENCE_MS)).unwrap();
            if ready == 0 {
                self.child.kill().unwrap();
                panic!(
                    "no line came after {:?}, which followed {:#?}",
                    String::from_utf8_lossy(&self.unread),
                    self.heard
                );
            }
            let mut buffer = [0; 4096];
            let length = self.stdout.read(&mut buffer).unwrap();
            if length == 0 {
                return None;
            }
            self.unread.extend_from_slice(&buffer[..length]);
        }
    }

    pub(super) fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &process]).status();
        assert!(status.unwrap().success());
    }

    /// As a power cut, but for the page cache.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The lines to its end, what it said on stderr, and its exit code.
    pub(super) fn end(&mut self) -> (Vec<String>, String, i32) {
        self.stdin = None;
        self.last_words()
    }

    pub(super) fn last_words(&mut self) -> (Vec<String>, String, i32) {
        let mut lines = Vec::new();
        while let Some(line) = self.line() {
            lines.push(line);
        }
        let mut complaint = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut complaint).unwrap();
        let code = self.child.wait().unwrap().code();
        (lines, complaint, code.expect("no signal killed it"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Of a test that failed: nothing may go on running. It fails if it has ended, as it should.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A server with its own directory, and clients with theirs.
pub(super) struct World {
    pub(super) server: Program,
    pub(super) port: u16,
    pub(super) data: TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let port = free_port();
        let server = serve(&data, port);
        Self { server, port, data }
    }

    /// Kills the server without a word, and starts another on its data and port.
    pub(super) fn restart_server(&mut self) {
        self.server.kill();
        self.start_server();
    }

    /// Starts a server in place of one that has ended.
    pub(super) fn start_server(&mut self) {
        self.server = serve(&self.data, self.port);
    }

    /// Where the program keeps its files.
    pub(super) fn files(&self) -> PathBuf {
        self.data.path().join(".local/share/ackchat")
    }

    pub(super) fn client(&self, name: &str, options: &[&str]) -> Command {
        let server = format!("127.0.0.1:{}", self.port);
        let mut command = ackchat(&self.data, &["join", name, "--server", &server]);
        command.args(options);
        command
    }

    pub(super) fn join(&self, name: &str) -> Program {
        let mut program = Program::start(&mut self.client(name, &[]));
        program.until("[Welcome, You are registered.]");
        program.until("[Client table updated.]");
        program
    }
}

pub(super) const BYE: &str = "[You are offline. Bye.]";

pub(super) fn ackchat(home: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ackchat"));
    command
        .args(arguments)
        .env("HOME", home.path())
        .env_remove("ACKCHAT_SOCK")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_RUNTIME_DIR")
        .env_remove("XDG_STATE_HOME");
    command
}

fn serve(data: &TempDir, port: u16) -> Program {
    let mut server = Program::start(&mut ackchat(data, &["-s", &port.to_string()]));
    server.until("[Start listening...]");
    server
}

/// A port that nobody has at this moment.
pub(super) fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
