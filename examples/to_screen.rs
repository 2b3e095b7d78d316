//! How long a message takes from the sender's key to the reader's screen, and a key to its echo;
//! and how much memory the reader needs.
//!
//! `cargo run --release --example to_screen -- PATH-OF-ACKCHAT [COUNT]` starts a server and two
//! clients at pseudo-terminals, and prints the median and the 99th percentile. The reader has half
//! a line typed meanwhile. Then a third client writes ten times as many messages from a pipe.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let program = arguments.next().ok_or("say where ackchat is")?;
    let count = arguments.next().map_or(Ok(1000), |word| word.parse())?;
    let data = env::temp_dir().join(format!("ackchat-to-screen-{}", std::process::id()));
    let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut server = Command::new(&program)
        .args(["serve", "--bind", "127.0.0.1", "--port", &port.to_string()])
        .arg("--data")
        .arg(data.join("server"))
        .stdout(Stdio::null())
        .spawn()?;
    let measured = measure(&program, &data, port, count);
    server.kill()?;
    server.wait()?;
    std::fs::remove_dir_all(&data).ok();
    measured
}

fn measure(program: &str, data: &Path, port: u16, count: usize) -> Result<()> {
    let mut bob = Seat::open(program, data, "bob", port)?;
    let mut alice = Seat::open(program, data, "alice", port)?;
    alice.type_keys("send bob warm\r")?;
    bob.until("alice: warm")?;
    say(&format!(
        "resident memory of the reader: {}\n",
        bob.memory()?
    ));
    bob.type_keys("half a line")?;
    bob.until("half a line")?;
    let mut shown = Vec::new();
    for number in 0..count {
        alice.until(">>> ")?;
        alice.type_keys(&format!("send bob m{number}."))?;
        alice.until(&format!("m{number}."))?;
        let begin = now();
        alice.type_keys("\r")?;
        bob.until(&format!("alice: m{number}."))?;
        shown.push(begin.elapsed());
        alice.until("received by bob")?;
    }
    report("key to the other's screen", shown);
    bob.type_keys("\x15")?;
    let mut echoed = Vec::new();
    let mut line = String::new();
    for number in 0..count {
        line.push(char::from(b'a' + u8::try_from(number % 26)?));
        let begin = now();
        bob.type_keys(&line[line.len() - 1..])?;
        bob.until(&format!(">>> {line}"))?;
        echoed.push(begin.elapsed());
        if line.len() == 40 {
            bob.type_keys("\x15")?;
            line.clear();
        }
    }
    report("key to its echo", echoed);
    flood(program, data, port, 10 * count)?;
    bob.until(&format!("carol: m{}.", 10 * count - 1))?;
    say(&format!(
        "resident memory of the reader, {} messages later: {}\n",
        11 * count,
        bob.memory()?
    ));
    Ok(())
}

/// So many messages as fast as they go.
fn flood(program: &str, data: &Path, port: u16, count: usize) -> Result<()> {
    let lines: Vec<String> = (0..count).map(|n| format!("send bob m{n}.\n")).collect();
    let input = data.join("lines");
    std::fs::write(&input, lines.concat())?;
    let status = Command::new(program)
        .args(["join", "carol", "--server", &format!("127.0.0.1:{port}")])
        .arg("--data")
        .arg(data.join("carol"))
        .arg("--keep-going")
        .stdin(File::open(&input)?)
        .stdout(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err("not every message was confirmed".into())
    }
}

fn say(line: &str) {
    io::stdout().write_all(line.as_bytes()).ok();
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied();
    let micros = |time: Option<Duration>| time.unwrap_or_default().as_micros();
    let line = format!(
        "{what}: median {} us, 99 % {} us, worst {} us, of {}\n",
        micros(at(50)),
        micros(at(99)),
        micros(times.last().copied()),
        times.len()
    );
    say(&line);
}

#[expect(clippy::disallowed_methods, reason = "an example that measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Somebody at a pseudo-terminal.
struct Seat {
    child: Child,
    terminal: File,
    seen: Vec<u8>,
}

impl Seat {
    fn open(program: &str, data: &Path, name: &str, port: u16) -> Result<Self> {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None)?;
        let end = || pty.slave.try_clone().map(Stdio::from);
        let child = Command::new(program)
            .args(["join", name, "--server", &format!("127.0.0.1:{port}")])
            .arg("--data")
            .arg(data.join(name))
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(end()?)
            .stdout(end()?)
            .spawn()?;
        let mut seat = Self {
            child,
            terminal: pty.master.into(),
            seen: Vec::new(),
        };
        seat.until("Client table updated")?;
        Ok(seat)
    }

    /// What the kernel counts as resident, and how much of it is no file, which others may share
    /// (proc(5), `VmRSS` and `RssAnon`).
    fn memory(&self) -> Result<String> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path)?;
        let row = |name: &str| {
            let mut rows = status.lines();
            let found = rows.find_map(|row| row.strip_prefix(name));
            found.map_or("unknown", str::trim)
        };
        let (all, own) = (row("VmRSS:"), row("RssAnon:"));
        Ok(format!("{all}, without files {own}"))
    }

    fn type_keys(&mut self, keys: &str) -> io::Result<()> {
        self.terminal.write_all(keys.as_bytes())
    }

    /// Reads until this has come, and forgets what came before.
    fn until(&mut self, mark: &str) -> Result<()> {
        loop {
            let mut windows = self.seen.windows(mark.len());
            if let Some(at) = windows.position(|part| part == mark.as_bytes()) {
                self.seen.drain(..at + mark.len());
                return Ok(());
            }
            let mut fds = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::from(5000_u16))? == 0 {
                return Err(format!("no {mark:?} came").into());
            }
            let mut bytes = [0; 4096];
            let count = self.terminal.read(&mut bytes)?;
            self.seen.extend_from_slice(&bytes[..count]);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
