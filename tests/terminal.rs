//! The real binary at a terminal: a pseudo-terminal, and vt100's screen as the judge. Nothing is
//! slept for: every step waits for what it expects on the screen.

#![expect(
    clippy::unwrap_used,
    reason = "a program that cannot be started or read is a failed test"
)]

mod bodies;

use ackchat::driver::terminal::Terminal;
use ackchat::shell::clean;
use bodies::BODIES;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use nix::unistd::Pid;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::UdpSocket;
use std::num::NonZeroU16;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// Nothing here takes half as long.
const PATIENCE_MS: u16 = 20_000;
/// Rows that have left the screen and are still looked at.
const SCROLLBACK: usize = 5000;
const BRACKETS_OFF: &str = "\x1b[?2004l";

/// A program at a terminal of its own.
struct Pty {
    child: Child,
    master: File,
    slave: OwnedFd,
    /// The modes of the terminal before the program began.
    cooked: Termios,
    screen: vt100::Parser,
    /// All that was written to the terminal.
    written: String,
}

impl Pty {
    fn start(command: &mut Command, cols: u16, rows: u16) -> Self {
        let size = Winsize {
            ws_row: rows,
            ws_col: cols,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).unwrap();
        let cooked = tcgetattr(&pty.slave).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end());
        let child = child.spawn().unwrap();
        let count = |n| NonZeroU16::new(n).unwrap();
        Self {
            child,
            master: pty.master.into(),
            slave: pty.slave,
            cooked,
            screen: vt100::Parser::new(count(rows), count(cols), SCROLLBACK),
            written: String::new(),
        }
    }

    fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until the screen is as wanted.
    #[track_caller]
    fn until(&mut self, wanted: &str, is_so: impl Fn(&[String], (u16, u16)) -> bool) {
        let caller = std::panic::Location::caller();
        while !is_so(&self.rows(), self.cursor()) {
            let read = self.read();
            assert!(read, "{caller}: no {wanted}:\n{}", self.rows().join("\n"));
        }
    }

    /// Reads until the last rows are these.
    #[track_caller]
    fn until_last(&mut self, wanted: &[&str]) {
        self.until(&format!("{wanted:?} at the end"), |rows, _| {
            rows.len() >= wanted.len() && rows[rows.len() - wanted.len()..] == *wanted
        });
    }

    /// Reads until this stands somewhere.
    #[track_caller]
    fn until_somewhere(&mut self, wanted: &str) {
        self.until(wanted, |rows, _| {
            rows.iter().any(|row| row.contains(wanted))
        });
    }

    fn read(&mut self) -> bool {
        let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::from(PATIENCE_MS)).unwrap() == 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        let length = self.master.read(&mut buffer).unwrap_or(0);
        self.screen.process(&buffer[..length]);
        self.written += &String::from_utf8_lossy(&buffer[..length]);
        length > 0
    }

    /// The rows of the screen without blanks at their ends and without empty rows below.
    fn rows(&self) -> Vec<String> {
        let (_, cols) = self.screen.screen().size();
        let rows = self.screen.screen().rows(0, cols.get());
        let mut rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    /// Those that have left the screen, too.
    fn all_rows(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        let (_, cols) = self.screen.screen().size();
        self.screen.screen_mut().set_scrollback(usize::MAX);
        for above in (1..=self.screen.screen().scrollback()).rev() {
            self.screen.screen_mut().set_scrollback(above);
            let first = self.screen.screen().rows(0, cols.get()).next();
            all.push(first.unwrap().trim_end().to_owned());
        }
        self.screen.screen_mut().set_scrollback(0);
        all.extend(self.rows());
        all
    }

    /// Row and column.
    fn cursor(&self) -> (u16, u16) {
        self.screen.screen().cursor_position()
    }

    fn signal(&self, signal: Signal) {
        let process = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(process), signal).unwrap();
    }

    fn resize(&mut self, cols: u16, rows: u16) {
        let size = ["cols", &cols.to_string(), "rows", &rows.to_string()].map(str::to_owned);
        let slave = self.slave.try_clone().unwrap();
        let status = Command::new("stty").args(size).stdin(slave).status();
        assert!(status.unwrap().success());
        let count = |n| NonZeroU16::new(n).unwrap();
        self.screen.screen_mut().set_size(count(rows), count(cols));
        self.signal(Signal::SIGWINCH);
    }

    fn modes(&self) -> Termios {
        tcgetattr(&self.slave).unwrap()
    }

    /// Waits for its end; the terminal must be as it was before.
    #[track_caller]
    fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        while poll(&mut fds, PollTimeout::ZERO).unwrap() > 0 {
            let mut buffer = [0; 4096];
            let length = (&self.master).read(&mut buffer).unwrap();
            self.written += &String::from_utf8_lossy(&buffer[..length]);
        }
        assert_eq!(self.modes(), self.cooked, "the modes are as before");
        (status, std::mem::take(&mut self.written))
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Of a test that failed: nothing may go on running.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A server, and clients at terminals or behind pipes.
struct World {
    server: Child,
    address: String,
    data: TempDir,
}

impl World {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr();
        let address = free.unwrap().to_string();
        let port = address.rsplit(':').next().unwrap();
        let mut server = ackchat(&data)
            .args(["serve", "--bind", "127.0.0.1", "--port", port])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = server.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert!(line.starts_with("[Server started"), "{line}");
        Self {
            server,
            address,
            data,
        }
    }

    fn client(&self, name: &str) -> Command {
        let mut command = ackchat(&self.data);
        command.args(["join", name, "--server", &self.address]);
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        command
    }

    /// Somebody at a terminal who has logged in.
    fn sit(&self, name: &str, cols: u16, rows: u16) -> Pty {
        let mut pty = Pty::start(&mut self.client(name), cols, rows);
        pty.until_last(&[
            "[Client table updated.]",
            ">>> help lists what one can type",
        ]);
        pty
    }

    /// Somebody behind a pipe who does these things and leaves.
    fn pipe(&self, name: &str, lines: &str) {
        let mut command = self.client(name);
        command.arg("--keep-going").stdout(Stdio::null());
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn ackchat(home: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ackchat"));
    let home = home.path();
    command.env("HOME", home).env("XDG_DATA_HOME", home);
    command
        .env("XDG_STATE_HOME", home)
        .env("XDG_CONFIG_HOME", home);
    command.env_remove("VISUAL").env_remove("EDITOR");
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command
}

fn pasted(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

#[test]
fn a_thousand_messages_come_above_a_half_typed_line_in_order() {
    let world = World::new();
    let mut bob = world.sit("bob", 80, 24);
    bob.keys("send alice half a line\x1b[D\x1b[D\x1b[D\x1b[D");
    bob.until("the half line", |rows, cursor| {
        rows.last().unwrap() == ">>> send alice half a line" && cursor.1 == 22
    });
    let mut lines = String::new();
    for number in 0..1000 {
        writeln!(lines, "send bob message {number}").unwrap();
    }
    world.pipe("carol", &lines);
    bob.until("all of them", |rows, cursor| {
        let last = &rows[rows.len() - 1..];
        last == [">>> send alice half a line"]
            && rows.iter().any(|row| row == "carol: message 999")
            && cursor == (u16::try_from(rows.len()).unwrap() - 1, 22)
    });
    let shown = bob.all_rows();
    let messages = shown
        .iter()
        .filter_map(|row| row.strip_prefix("carol: message "));
    let expected: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    assert_eq!(messages.collect::<Vec<_>>(), expected);
    let prompts = shown.iter().filter(|row| row.contains(">>>")).count();
    assert_eq!(prompts, 1, "no prompt was left behind");
    bob.keys("\x05!\r");
    bob.until_somewhere("send alice half a line!");
    bob.until_last(&["[User does not exist.]", ">>>"]);
}

#[test]
fn a_search_and_a_list_go_on_while_messages_come() {
    let world = World::new();
    let mut bob = world.sit("bob", 60, 24);
    bob.keys("table\rverify\r");
    bob.until_somewhere("[Fingerprint of bob: ");
    bob.until_last(&[">>>"]);
    bob.keys("hel\x12ta");
    bob.until_last(&["(reverse-i-search)`ta': table"]);
    world.pipe("carol", "send bob one\n");
    bob.until_somewhere("carol: one");
    bob.until_last(&["(reverse-i-search)`ta': table"]);
    bob.keys("\r");
    bob.until("the table again", |rows, _| {
        rows.iter().filter(|row| *row == "[Client table:]").count() == 2
            && rows.last().unwrap() == ">>>"
    });
    bob.keys("send\t\t");
    bob.until_somewhere("send_group  not now");
    world.pipe("dave", "send bob two\n");
    bob.until_somewhere("dave: two");
    bob.until_last(&[">>> send NAME TEXT"]);
    bob.keys(" da\t");
    bob.until_last(&[">>> send dave TEXT"]);
}

/// A thousand messages come, whatever is being typed; what comes after them is typed on.
#[track_caller]
fn flooded(world: &World, bob: &mut Pty, last: &[&str]) {
    let mut lines = String::new();
    for number in 0..1000 {
        writeln!(lines, "send bob message {number}").unwrap();
    }
    world.pipe("carol", &lines);
    bob.until("all of them, above what is typed", |rows, _| {
        let at = rows.len().saturating_sub(last.len());
        rows.iter().any(|row| row == "carol: message 999") && rows[at..] == *last
    });
    let shown = bob.all_rows();
    let messages = shown
        .iter()
        .filter_map(|row| row.strip_prefix("carol: message "));
    let expected: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    assert_eq!(messages.collect::<Vec<_>>(), expected);
    let first = shown.iter().filter(|row| *row == last[0]).count();
    assert_eq!(first, 1, "nothing was left behind");
}

#[test]
fn a_thousand_messages_spare_a_search() {
    let world = World::new();
    let mut bob = world.sit("bob", 80, 24);
    bob.keys("table\r");
    bob.until_last(&[">>>"]);
    bob.keys("x\x12ta");
    let search = "(reverse-i-search)`ta': table";
    bob.until_last(&[search]);
    flooded(&world, &mut bob, &[search]);
    bob.keys("\r");
    bob.until_last(&[">>>"]);
    bob.until_somewhere(">>> table");
}

#[test]
fn a_thousand_messages_spare_a_line_under_a_list() {
    let world = World::new();
    let mut bob = world.sit("bob", 80, 24);
    bob.keys("send\t\t");
    bob.until_somewhere("send_group  not now");
    bob.keys("_a\t");
    bob.until_last(&[">>> send_all TEXT"]);
    bob.keys("?\x02");
    bob.until_last(&[">>> send_all ?"]);
    flooded(&world, &mut bob, &[">>> send_all ?"]);
}

#[test]
fn a_thousand_messages_spare_wrapped_rows_of_wide_characters() {
    let world = World::new();
    let mut bob = world.sit("bob", 40, 24);
    bob.keys(&format!("send carol {}", "日本語😀é".repeat(6)));
    let rows = [
        ">>> send carol 日本語😀é日本語😀é日本語",
        "😀é日本語😀é日本語😀é日本語😀é",
    ];
    bob.until_last(&rows);
    flooded(&world, &mut bob, &rows);
}

#[test]
fn a_thousand_messages_spare_a_line_while_the_terminal_changes_its_size() {
    let world = World::new();
    let mut bob = world.sit("bob", 80, 24);
    bob.keys("half a line");
    bob.until_last(&[">>> half a line"]);
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let lines = (0..1000).map(|number| format!("send bob message {number}\n"));
            world.pipe("carol", &lines.collect::<Vec<_>>().concat());
        });
        for cols in [100, 60, 90, 50, 80] {
            bob.resize(cols, 24);
            bob.until_somewhere("carol: message ");
        }
        flood.join().unwrap();
    });
    bob.until("all of them", |rows, _| {
        rows.iter().any(|row| row == "carol: message 999")
            && rows.last().unwrap() == ">>> half a line"
    });
    let shown = bob.all_rows();
    let messages = shown
        .iter()
        .filter(|row| row.starts_with("carol: message "));
    assert_eq!(messages.count(), 1000);
}

#[test]
fn a_wrapped_line_of_wide_characters_keeps_its_place() {
    let world = World::new();
    let mut bob = world.sit("bob", 40, 24);
    let text = "日本語😀é".repeat(8);
    bob.keys(&format!("send carol {text}"));
    let wrapped = [
        ">>> send carol 日本語😀é日本語😀é日本語",
        "😀é日本語😀é日本語😀é日本語😀é日本語😀é",
        "日本語😀é",
    ];
    bob.until_last(&wrapped);
    bob.until("the cursor", |_, cursor| cursor.1 == 9);
    world.pipe("carol", "send bob above\n");
    bob.until_somewhere("carol: above");
    bob.until_last(&wrapped);
    // Back over the margin, and one character less.
    bob.keys("\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x7f");
    bob.until_last(&[
        wrapped[0],
        "😀é日本語😀é日本語😀é日本語😀é日本語é日",
        "本語😀é",
    ]);
    bob.until("the cursor", |_, cursor| cursor.1 == 36);
    bob.keys("\x0b\x19\r");
    bob.until_somewhere("received by the server and");
    bob.until_last(&[">>>"]);
}

#[test]
fn another_size_is_obeyed_at_once() {
    let world = World::new();
    let mut bob = world.sit("bob", 60, 24);
    bob.keys(&format!("send carol {}", "x".repeat(65)));
    bob.until_last(&[
        &format!(">>> send carol {}", "x".repeat(45)),
        &"x".repeat(20),
    ]);
    bob.resize(100, 30);
    bob.until_last(&[&format!(">>> send carol {}", "x".repeat(65))]);
    bob.resize(30, 10);
    bob.keys("y");
    bob.until_last(&["x".repeat(30).as_str(), &("x".repeat(20) + "y")]);
}

#[test]
fn a_long_paste_asks_and_then_runs_line_by_line_in_order() {
    let world = World::new();
    let mut carol = world.sit("carol", 80, 24);
    let mut bob = world.sit("bob", 80, 24);
    let lines: Vec<String> = (0..300).map(|n| format!("send carol row {n}")).collect();
    bob.keys(&pasted(&lines.join("\r")));
    bob.until_last(&["send carol row 299"]);
    bob.keys("\r");
    bob.until_last(&["300 lines, 5589 bytes: [s]end as one, [l]ine by line, [e]dit, [c]ancel?"]);
    bob.keys("l\r");
    carol.until_somewhere("bob: row 299");
    let all = carol.all_rows();
    let rows = all.iter().filter_map(|row| row.strip_prefix("bob: row "));
    let expected: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    assert_eq!(rows.collect::<Vec<_>>(), expected);
    bob.until_last(&["[Message received by carol.]", ">>>"]);
}

#[test]
fn a_paste_may_be_one_message_or_given_up() {
    let world = World::new();
    let mut carol = world.sit("carol", 80, 24);
    let mut bob = world.sit("bob", 80, 24);
    let text = pasted("send carol one\ntwo\n>>> three\nfour");
    bob.keys(&format!("{text}\rc\r"));
    bob.until_last(&[">>> help lists what one can type"]);
    bob.keys(&format!("{text}\re\r"));
    bob.until_last(&[">>> send carol one", "two", ">>> three", "four"]);
    bob.keys("!\rs\r");
    carol.until_somewhere("  four!");
    carol.until_somewhere("bob: one");
    let rows = carol.rows();
    let at = rows.iter().position(|row| row == "bob: one").unwrap();
    assert_eq!(rows[at + 1..at + 4], ["  two", "  >>> three", "  four!"]);
}

#[test]
fn a_question_mark_lists_at_once_and_a_long_answer_stops_at_the_end_of_a_page() {
    let world = World::new();
    let mut bob = world.sit("bob", 40, 24);
    bob.keys("se?");
    bob.until_last(&[
        "  a command:",
        "send                 send_all",
        "set                  session",
        "send_group  not now",
        ">>> se",
    ]);
    bob.keys("nd alice what?\x15help\r");
    bob.until("a page", |rows, _| {
        rows[0] == "Messages" && rows.last().unwrap().ends_with("more: Enter goes on --")
    });
    while bob.rows().last().unwrap().contains("Enter goes on") {
        let before = bob.rows();
        bob.keys("\r");
        bob.until("the next page", |rows, _| {
            rows.last().unwrap().len() > 2 && rows.last() != before.last()
        });
    }
    bob.until_last(&[">>>"]);
    bob.until_somewhere("keys, pipes");
    let all = bob.all_rows();
    let asked = all.iter().filter(|row| row.contains("Enter goes on"));
    assert_eq!(asked.count(), 0, "it reads as one text");
    assert!(all.contains(&"      send a message to one person".to_owned()));
}

#[test]
fn lines_typed_ahead_are_not_lost() {
    let world = World::new();
    let mut bob = world.sit("bob", 80, 24);
    let mut keys = String::new();
    for number in 0..50 {
        write!(keys, "open nobody{number}\r").unwrap();
    }
    bob.keys(&keys);
    bob.until("all of them", |rows, _| {
        rows.iter().any(|row| row.contains("nobody49")) && rows.last().unwrap() == ">>>"
    });
    let all = bob.all_rows();
    let refused = all.iter().filter(|row| *row == "[User does not exist.]");
    assert_eq!(refused.count(), 50);
}

#[test]
fn control_c_clears_a_line_and_then_leaves_without_a_word() {
    let world = World::new();
    let mut bob = world.sit("bob", 80, 24);
    bob.keys("half\x03");
    bob.until("an empty prompt", |rows, _| {
        let end = &rows[rows.len() - 2..];
        end[0] == ">>> half" && end[1].starts_with(">>>") && !end[1].contains("half")
    });
    bob.keys("\x03");
    let (status, written) = bob.end();
    assert_eq!(status.code(), Some(130));
    assert!(!written.contains("Bye"));
}

#[test]
fn the_end_of_input_is_a_polite_leave() {
    let world = World::new();
    let mut bob = world.sit("bob", 80, 24);
    bob.keys("\x04");
    let (status, written) = bob.end();
    assert_eq!(status.code(), Some(0));
    assert!(written.contains("[You are offline. Bye.]\r\n"));
    assert!(written.ends_with(BRACKETS_OFF), "no prompt follows");
}

#[test]
fn a_signal_leaves_a_sane_terminal() {
    for (signal, died) in [
        (Signal::SIGTERM, None),
        (Signal::SIGHUP, Some(Signal::SIGHUP)),
        (Signal::SIGQUIT, Some(Signal::SIGQUIT)),
        (Signal::SIGINT, None),
    ] {
        let world = World::new();
        let mut bob = world.sit("bob", 80, 24);
        assert!(!bob.modes().local_flags.contains(LocalFlags::ICANON));
        bob.keys("table\r");
        bob.until_last(&[">>>"]);
        bob.keys("x\x12t");
        bob.until_somewhere("reverse-i-search");
        bob.signal(signal);
        let (status, written) = bob.end();
        assert!(written.contains(BRACKETS_OFF), "{signal}");
        assert_eq!(status.signal(), died.map(|died| died as i32), "{signal}");
        if signal == Signal::SIGTERM {
            assert!(written.contains("[You are offline. Bye.]"));
            assert_eq!(status.code(), Some(0));
        }
        if signal == Signal::SIGINT {
            assert_eq!(status.code(), Some(130));
        }
    }
}

/// The test below runs this one alone, at a terminal: then it makes it raw and panics.
#[test]
fn a_program_of_its_own_panics() {
    if std::env::var_os("ACKCHAT_TEST_PANIC").is_some() {
        let _terminal = Terminal::open().unwrap();
        panic!("as asked");
    }
}

#[test]
fn a_panic_leaves_a_sane_terminal_and_says_why() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_program_of_its_own_panics", "--nocapture"]);
    command.env("ACKCHAT_TEST_PANIC", "1").env("TERM", "xterm");
    let (status, written) = Pty::start(&mut command, 80, 24).end();
    assert!(!status.success());
    let off = written.find(BRACKETS_OFF).expect("brackets are off");
    let why = written.find("as asked").expect("the report");
    assert!(off < why, "first the terminal, then the report: {written}");
}

#[test]
fn control_z_stops_and_fg_goes_on_with_the_same_line() {
    let world = World::new();
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "--wait", "sh", "-i"]);
    shell.env("PS1", "$ ").env("ENV", "/dev/null");
    let mut pty = Pty::start(&mut shell, 80, 24);
    pty.until_last(&["$"]);
    let (home, address) = (world.data.path().display(), &world.address);
    let program = env!("CARGO_BIN_EXE_ackchat");
    pty.keys(&format!(
        "alias a='XDG_DATA_HOME={home} TERM=xterm NO_COLOR=1 {program}'\n"
    ));
    pty.until_last(&["$"]);
    pty.keys(&format!(
        "a join bob --data {home}/bob --server {address}; echo status $?\n"
    ));
    pty.until_last(&[
        "[Client table updated.]",
        ">>> help lists what one can type",
    ]);
    pty.keys("half a line\x1b[D\x1b[D");
    pty.until("the half line", |rows, cursor| {
        rows.last().unwrap() == ">>> half a line" && cursor.1 == 13
    });
    pty.keys("\x1a");
    pty.until("the shell's prompt", |rows, _| rows.last().unwrap() == "$");
    assert!(pty.modes().local_flags.contains(LocalFlags::ICANON));
    pty.keys("echo it is $((40 + 2))\n");
    pty.until_somewhere("it is 42");
    pty.keys("fg\n");
    pty.until("the half line again", |rows, cursor| {
        rows.last().unwrap() == ">>> half a line" && cursor.1 == 13
    });
    world.pipe("carol", "send bob above\n");
    pty.until_somewhere("carol: above");
    pty.until_last(&[">>> half a line"]);
    pty.keys("\x15\x0b\x04");
    pty.until_somewhere("[You are offline. Bye.]");
    pty.until_last(&["$"]);
    assert!(pty.modes().local_flags.contains(LocalFlags::ICANON));
    pty.keys("exit\n");
    pty.child.wait().unwrap();
}

/// Else a signal that stops the program may find that thread, and the terminal is not restored.
#[test]
#[cfg(target_os = "linux")]
fn the_thread_of_a_store_leaves_signals_to_the_loop() {
    let world = World::new();
    let bob = world.sit("bob", 80, 24);
    let tasks = std::fs::read_dir(format!("/proc/{}/task", bob.child.id())).unwrap();
    let mut blocked = tasks.filter_map(|task| {
        let task = task.unwrap().path();
        let name = std::fs::read_to_string(task.join("comm")).unwrap();
        let status = std::fs::read_to_string(task.join("status")).unwrap();
        let mut rows = status.lines();
        let row = rows.find_map(|row| row.strip_prefix("SigBlk:")).unwrap();
        let mask = u64::from_str_radix(row.trim(), 16).unwrap();
        (name.trim() == "store").then_some(mask)
    });
    let bit = |signal: Signal| 1 << (signal as u64 - 1);
    let mask = blocked.next().expect("there is such a thread");
    for signal in [Signal::SIGTSTP, Signal::SIGTERM, Signal::SIGWINCH] {
        assert_ne!(mask & bit(signal), 0, "{signal}");
    }
}

#[test]
fn a_dumb_terminal_and_plain_mode_have_no_escape_at_all() {
    let world = World::new();
    for (options, term) in [(&["--plain"][..], "xterm"), (&[], "dumb"), (&[], "emacs")] {
        let mut command = world.client("bob");
        let mut bob = Pty::start(command.args(options).env("TERM", term), 80, 24);
        bob.until_somewhere("[Client table updated.]");
        assert_eq!(bob.modes(), bob.cooked, "{term}: the modes are not touched");
        bob.keys("table\n");
        bob.until_somewhere("[Client table:]");
        bob.keys("\x04");
        let (status, written) = bob.end();
        assert_eq!(status.code(), Some(0));
        assert!(!written.contains('\x1b'), "{term}: {written:?}");
        assert!(!written.contains(">>>"), "{term}: {written:?}");
    }
}

#[test]
fn what_was_typed_is_remembered_by_the_next_program() {
    let world = World::new();
    let mut bob = world.sit("bob", 80, 24);
    bob.keys("table\r secret\r\x04");
    bob.end();
    let mut bob = Pty::start(&mut world.client("bob"), 80, 24);
    bob.until_last(&["[Client table updated.]", ">>>"]);
    bob.keys("\x1b[A");
    bob.until_last(&[">>> table [NAME]"]);
    bob.keys("\x15\x04");
    bob.end();
}

#[test]
fn a_message_does_nothing_to_a_terminal_but_stand_there() {
    let world = World::new();
    let mut bob = world.sit("bob", 160, 90);
    let mut command = ackchat(&world.data);
    command.args(["control", "--profile", "carol", "--server", &world.address]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut control = command.spawn().unwrap();
    let mut requests = control.stdin.take().unwrap();
    let mut replies = BufReader::new(control.stdout.take().unwrap()).lines();
    bob.keys("half a line");
    for body in BODIES.into_iter().chain(["the end"]) {
        let request = serde_json::json!({"cmd": ["send", "bob", body]});
        writeln!(requests, "{request}").unwrap();
        let reply = replies.next().unwrap().unwrap();
        assert!(reply.contains("\"ok\":true"), "{body:?}: {reply}");
    }
    bob.until_last(&["carol: the end", ">>> half a line"]);
    let mut wanted = Vec::new();
    for body in &BODIES[..BODIES.len() - 2] {
        let mut lines = clean::lines(body);
        wanted.push(format!("carol: {}", lines.next().unwrap()));
        wanted.extend(lines.map(|line| format!("  {line}")));
    }
    let wanted = wanted.iter().map(|row| row.trim_end());
    let rows = bob.all_rows();
    let first = rows.iter().position(|row| row.starts_with("carol: "));
    let shown = rows[first.unwrap()..].iter().map(String::as_str);
    assert!(shown.take(wanted.len()).eq(wanted), "{rows:#?}");
    for sequence in [
        "\x1b]0;", "\x1b[2J", "\x1bP", "\x1b]52", "\u{9b}", "\u{9d}", "\u{202e}", "\0",
    ] {
        assert!(!bob.written.contains(sequence), "{sequence:?}");
    }
    drop(requests);
    control.wait().unwrap();
}

#[test]
fn a_message_may_be_written_in_an_editor_while_others_write() {
    let world = World::new();
    let mut carol = world.sit("carol", 80, 24);
    let editor = world.data.path().join("editor");
    let waits = world.data.path().join("waits");
    let script = format!(
        "#!/bin/sh\nprintf 'in the editor\\n'\nread _ < {}\nprintf 'one\\n two\\n' > \"$1\"\n",
        waits.display()
    );
    std::fs::write(&editor, script).unwrap();
    let made = Command::new("mkfifo").arg(&waits).status().unwrap();
    assert!(made.success());
    let set = Command::new("chmod").arg("700").arg(&editor).status();
    assert!(set.unwrap().success());
    let mut bob = Pty::start(world.client("bob").env("VISUAL", &editor), 80, 24);
    bob.until_last(&[
        "[Client table updated.]",
        ">>> help lists what one can type",
    ]);
    bob.keys("edit carol\r");
    bob.until_somewhere("in the editor");
    assert!(bob.modes().local_flags.contains(LocalFlags::ICANON));
    world.pipe("dave", "send bob meanwhile\n");
    assert!(!bob.rows().iter().any(|row| row.contains("meanwhile")));
    std::fs::write(&waits, "go\n").unwrap();
    carol.until_somewhere("bob: one");
    carol.until_somewhere("   two");
    bob.until_somewhere("dave: meanwhile");
    bob.until_last(&["[Message received by carol.]", ">>>"]);
    assert!(!bob.modes().local_flags.contains(LocalFlags::ICANON));
}

#[test]
fn a_program_of_five_lines_completes_names_and_stands_in_help() {
    let world = World::new();
    let folder = world.data.path().join("ackchat/plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = r#"{"api":1,"about":"say hello","args":[{"name":"who","kind":"peer"}]}"#;
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --ackchat-manifest ]; then\n  echo '{manifest}'\n  exit\nfi\n\
         echo \"hello, $1\"\n"
    );
    let program = folder.join("ackchat-greet");
    std::fs::write(&program, script).unwrap();
    let set = Command::new("chmod").arg("700").arg(&program).status();
    assert!(set.unwrap().success());
    let _carol = world.sit("carol", 80, 24);
    let mut bob = world.sit("bob", 80, 100);
    bob.keys("gree\tCA\t\r");
    bob.until_last(&[">>> greet carol", "  hello, carol", ">>>"]);
    bob.keys("greet ");
    bob.until_last(&[">>> greet WHO"]);
    bob.keys("\x15help\r");
    bob.until("a heading of its own", |rows, _| {
        let at = rows
            .iter()
            .position(|row| row == "Other programs (external)");
        at.is_some_and(|at| {
            let row = &rows[at + 1];
            row.starts_with("  greet WHO ") && row.ends_with(" say hello")
        })
    });
    // A program that changes is asked again.
    let loud = std::fs::read_to_string(&program).unwrap();
    std::fs::write(&program, loud.replace("hello", "HELLO THERE")).unwrap();
    bob.keys("greet ca\t\r");
    bob.until_somewhere("  HELLO THERE, carol");
}

#[test]
fn the_reminder_of_the_examples_and_a_new_script_complete_names_at_the_prompt() {
    let world = World::new();
    let folder = world.data.path().join("ackchat/plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let install = |lines: &str, path: std::path::PathBuf| {
        std::fs::write(&path, lines).unwrap();
        let set = Command::new("chmod").arg("755").arg(&path).status();
        assert!(set.unwrap().success());
    };
    let remind = std::fs::read_to_string("examples/plugins/ackchat-remind").unwrap();
    install(&remind, folder.join("ackchat-remind"));
    // A `sleep` that does not.
    install("#!/bin/sh\n", world.data.path().join("sleep"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", world.data.path().display());
    let mut carol = world.sit("carol", 80, 24);
    let mut bob = Pty::start(world.client("bob").env("PATH", path), 80, 60);
    bob.until_somewhere("[Client table updated.]");
    bob.keys("plugin new hello\r");
    bob.until_somewhere("[A script to begin with: ");
    bob.keys("hell\tCA\t\r");
    bob.until_somewhere(">>> hello carol");
    carol.until_somewhere("bob: hello from bob");
    bob.keys("remi\tca\t");
    bob.until_last(&[">>> remind carol MINUTES TEXT"]);
    bob.keys("10 tea is ready\r");
    bob.until_last(&["  will remind carol in 10 minutes", ">>>"]);
    carol.until_somewhere("bob: tea is ready");
}

#[test]
fn what_config_says_holds_and_rc_lines_run_first() {
    let world = World::new();
    let folder = world.data.path().join("ackchat");
    std::fs::create_dir_all(&folder).unwrap();
    let config = "[profile.bob]\ntime = \"short\"\n";
    std::fs::write(folder.join("config.toml"), config).unwrap();
    let rc = "# mine\nnonsense\nset marks off\n";
    std::fs::write(folder.join("rc.chat"), rc).unwrap();
    let mut bob = Pty::start(&mut world.client("bob"), 80, 24);
    bob.until_somewhere("  marks = off  (set)");
    bob.until_somewhere("[Invalid command!]");
    bob.until_somewhere("  rc.chat:2: nonsense");
    bob.keys("set time\r");
    bob.until_somewhere("  time = short  (config.toml:2)");
    let title = "\x1b]2;ackchat: bob\x07";
    assert!(bob.written.contains(title), "the title");
    world.pipe("carol", "send bob hi, bob\n");
    bob.until("a time", |rows, _| {
        let row = rows.iter().find(|row| row.ends_with(" carol: hi, bob"));
        row.is_some_and(|row| row.len() == "12:00 carol: hi, bob".len())
    });
    let rest = bob.written.replace(title, "");
    assert!(rest.contains('\x07'), "one who is named is told");
}

#[test]
fn a_batch_begins_with_rc_lines_skips_remarks_and_says_which_line_failed() {
    let world = World::new();
    let folder = world.data.path().join("ackchat");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("rc.chat"), "nonsense\nset time short\n").unwrap();
    let mut command = world.client("bob");
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut bob = command.spawn().unwrap();
    let mut lines = bob.stdin.take().unwrap();
    let input = b"# a remark\n\nset time\nsend nobody hi\ntable\n";
    lines.write_all(input).unwrap();
    drop(lines);
    let shown = bob.wait_with_output().unwrap();
    assert_eq!(shown.status.code(), Some(7));
    let shown = String::from_utf8(shown.stdout).unwrap();
    let rows: Vec<&str> = shown.lines().collect();
    let at = |row: &str| {
        let found = rows.iter().position(|shown| *shown == row);
        found.unwrap_or_else(|| panic!("no {row:?}: {shown}"))
    };
    assert!(at("  rc.chat:1: nonsense") < at("  time = short  (set)"));
    assert!(at("[User does not exist.]") < at("  line 4 of the input: send nobody hi"));
    assert_eq!(shown.matches("remark").count(), 0);
    assert_eq!(shown.matches("[Client table:]").count(), 0);
}

/// A demonstration that leaves nothing in this folder.
fn demonstration(home: &TempDir) -> Command {
    let mut command = ackchat(home);
    command
        .arg("demo")
        .env("TERM", "xterm")
        .env("NO_COLOR", "1");
    command.env("TMPDIR", home.path());
    command
}

#[track_caller]
fn assert_nothing_stays(home: &TempDir) {
    let left = std::fs::read_dir(home.path()).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("ackchat-demo")
    });
    assert_eq!(left.count(), 0, "nothing of it stays");
}

#[test]
fn a_newcomer_who_does_what_the_screen_says_sees_messages_groups_and_absence() {
    let home = tempfile::tempdir().unwrap();
    let mut you = Pty::start(&mut demonstration(&home), 40, 24);
    let mut typed = String::new();
    loop {
        let asked = |rows: &[String]| {
            let mut lines = rows.iter().filter_map(|row| row.strip_prefix("      "));
            lines.next_back().unwrap_or_default().to_owned()
        };
        let is_over = |rows: &[String]| rows.iter().any(|row| row.contains("That was the tour"));
        let last = typed.lines().last().unwrap_or_default().to_owned();
        you.until("something to try", |rows, _| {
            let is_asked = asked(rows) != last && rows.last().unwrap().starts_with(">>>");
            is_asked || is_over(rows)
        });
        if is_over(&you.rows()) {
            break;
        }
        let line = asked(&you.rows());
        you.keys(&format!("{line}\r"));
        typed = typed + &line + "\n";
    }
    let shown = you.all_rows().join(" ");
    for seen in [
        "[Message received by echo.]",
        "echo: hello! I say back whatever you",
        "[Entered group lounge successfully.]",
        "[Group Message echo: hello!",
        "received by the server and",
        "received by echo.]",
    ] {
        assert!(shown.contains(seen), "{seen}: {shown}");
    }
    you.keys("\x04");
    let (status, written) = you.end();
    assert_eq!(status.code(), Some(0));
    assert!(written.contains("[You are offline. Bye.]"));
    assert_nothing_stays(&home);
}

#[test]
fn nothing_of_a_demonstration_stays_if_its_window_is_closed() {
    let home = tempfile::tempdir().unwrap();
    let mut you = Pty::start(&mut demonstration(&home), 80, 24);
    you.until_somewhere("send echo hello");
    you.signal(Signal::SIGHUP);
    let (status, _) = you.end();
    assert_eq!(status.signal(), Some(Signal::SIGHUP as i32));
    assert_nothing_stays(&home);
}

#[test]
fn in_a_demonstration_the_friend_is_there_before_the_first_line() {
    let home = tempfile::tempdir().unwrap();
    let mut command = demonstration(&home);
    let mut you = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = you.stdin.take().unwrap();
    lines.write_all(b"send echo hello\n").unwrap();
    drop(lines);
    let shown = you.wait_with_output().unwrap();
    assert!(shown.status.success());
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("[Message received by echo.]"), "{shown}");
    assert_nothing_stays(&home);
}

#[test]
fn a_host_is_a_server_for_others_too() {
    let home = tempfile::tempdir().unwrap();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr();
    let port = free.unwrap().port().to_string();
    let mut command = ackchat(&home);
    command.args(["host", "alice", "--port", &port]);
    command.env("TERM", "xterm").env("NO_COLOR", "1");
    let mut alice = Pty::start(&mut command, 80, 24);
    alice.until_somewhere(&format!("--server THIS-MACHINE:{port}"));
    alice.until_last(&[">>> help lists what one can type"]);
    let mut command = ackchat(&home);
    let server = format!("127.0.0.1:{port}");
    command.args(["join", "bob", "--server", &server]);
    command.env("TERM", "xterm").env("NO_COLOR", "1");
    let mut bob = Pty::start(&mut command, 80, 24);
    bob.until_last(&[">>> help lists what one can type"]);
    bob.keys("send alice hi\r");
    alice.until_somewhere("bob: hi");
    bob.until_somewhere("[Message received by alice.]");
}
