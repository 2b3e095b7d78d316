//! Programs with files for screens: whatever they had written before they died counts.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

/// Nothing takes longer than this, unless it is lost.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(1);
/// After a line that was perhaps shown before a crash.
const MARK: &str = "  (perhaps shown before)";

/// A place with a server and people.
pub(crate) struct Rig {
    pub(crate) home: TempDir,
    /// Where the server has its files.
    pub(crate) server_data: PathBuf,
    pub(crate) port: u16,
    pub(crate) server: Option<Child>,
    people: BTreeMap<String, Person>,
    starts: usize,
}

/// Somebody's program, perhaps dead, and everything it ever wrote.
struct Person {
    running: Option<(Child, ChildStdin)>,
    screen: PathBuf,
    /// Bytes of the screen that were looked at.
    seen: usize,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        Self {
            server_data: home.path().join("data"),
            home,
            port: socket.local_addr().unwrap().port(),
            server: None,
            people: BTreeMap::new(),
            starts: 0,
        }
    }

    /// Starts the server, perhaps under another program.
    pub(crate) fn serve(&mut self, under: &[&str]) {
        let mut words: Vec<String> = under.iter().map(|word| (*word).to_owned()).collect();
        words.push(binary().to_str().unwrap().to_owned());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(["-s", &self.port.to_string()]);
        command.arg("--data").arg(&self.server_data);
        let log = append(&self.home.path().join("server.log"));
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.server = Some(command.stdin(Stdio::null()).spawn().unwrap());
        self.starts += 1;
        self.wait_for_server();
    }

    /// True if it had to be started again.
    pub(crate) const fn was_restarted(&self) -> bool {
        self.starts > 1
    }

    /// True if somebody's program has ended by itself.
    pub(crate) fn has_ended(&mut self, name: &str) -> bool {
        let running = &mut self.person(name).running;
        running
            .as_mut()
            .is_none_or(|(child, _)| child.try_wait().unwrap().is_some())
    }

    /// Ends somebody's program politely. True if it was killed before it could.
    pub(crate) fn ends_by_itself(&mut self, name: &str) -> bool {
        let Some((mut child, stdin)) = self.person(name).running.take() else {
            return true;
        };
        drop(stdin);
        !child.wait().unwrap().success()
    }

    /// It answers when its store has told it everything.
    fn wait_for_server(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(LOOK)).unwrap();
        // KEYREQ: the kind, the version, a nonce, zeros (protocol.md).
        let mut question = [0; 256];
        question[..2].copy_from_slice(&[0xc6, 1]);
        let began = Instant::now();
        let mut answer = [0; 256];
        while began.elapsed() < PATIENCE {
            // Refused while nobody listens.
            socket.send_to(&question, ("127.0.0.1", self.port)).ok();
            if socket.recv_from(&mut answer).is_ok() || self.server_is_dead() {
                return;
            }
        }
    }

    /// True if it has ended by itself, or was killed by what it runs under.
    pub(crate) fn server_is_dead(&mut self) -> bool {
        let server = self.server.as_mut().unwrap();
        server.try_wait().unwrap().is_some()
    }

    pub(crate) fn kill_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().ok();
            server.wait().unwrap();
        }
    }

    /// Starts somebody's program on their profile.
    pub(crate) fn join(&mut self, name: &str) {
        self.join_under(name, &[]);
    }

    /// The same under another program.
    pub(crate) fn join_under(&mut self, name: &str, under: &[&str]) {
        let data = self.home.path().join("data");
        self.join_at(name, &data, under);
    }

    pub(crate) fn join_at(&mut self, name: &str, data: &Path, under: &[&str]) {
        let screen = self.home.path().join(name);
        let file = append(&screen);
        let seen = usize::try_from(file.metadata().unwrap().len()).unwrap();
        let server = format!("127.0.0.1:{}", self.port);
        let own = binary();
        let mut words = under.iter().copied().chain([own.to_str().unwrap()]);
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .args(["join", name, "--stay", "--keep-going", "--server", &server])
            .arg("--data")
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let running = Some((child, stdin));
        let person = Person {
            running,
            screen,
            seen,
        };
        self.people.insert(name.to_owned(), person);
    }

    pub(crate) fn is_running(&self, name: &str) -> bool {
        self.people[name].running.is_some()
    }

    pub(crate) fn kill(&mut self, name: &str) {
        if let Some((mut child, _)) = self.person(name).running.take() {
            child.kill().ok();
            child.wait().unwrap();
        }
    }

    /// Ends somebody's program politely: everything entered has its outcome.
    pub(crate) fn leave(&mut self, name: &str) {
        if let Some((mut child, stdin)) = self.person(name).running.take() {
            drop(stdin);
            child.wait().unwrap();
        }
    }

    /// Enters a line; what was on the screen before is not looked at any more.
    pub(crate) fn enter(&mut self, name: &str, line: &str) {
        let person = self.person(name);
        person.seen = fs::read(&person.screen).unwrap().len();
        if let Some((_, stdin)) = &mut person.running {
            // Somebody who has died does not hear it.
            writeln!(stdin, "{line}").ok();
        }
    }

    /// The first new line that begins with one of these; none if none comes in time.
    pub(crate) fn line(&mut self, name: &str, begins: &[&str], time: Duration) -> Option<String> {
        let began = Instant::now();
        loop {
            if let Some(line) = self.person(name).look(begins) {
                return Some(line);
            }
            if began.elapsed() > time {
                return None;
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits for a line that has to come.
    pub(crate) fn expect(&mut self, name: &str, begin: &str) -> Result<String, String> {
        let line = self.line(name, &[begin], PATIENCE);
        line.ok_or_else(|| format!("{name} does not show {begin:?}"))
    }

    pub(crate) fn screen(&self, name: &str) -> String {
        fs::read_to_string(&self.people[name].screen).unwrap()
    }

    /// How often a text was shown to somebody: surely, and perhaps a second time.
    pub(crate) fn shown(&self, name: &str, text: &str) -> (usize, usize) {
        let screen = self.screen(name);
        let mut lines = screen.lines().peekable();
        let (mut surely, mut perhaps) = (0, 0);
        while let Some(line) = lines.next() {
            if line.ends_with(text) && !line.starts_with('[') {
                match lines.peek() {
                    Some(&next) if next == MARK => perhaps += 1,
                    _ => surely += 1,
                }
            }
        }
        (surely, perhaps)
    }

    fn person(&mut self, name: &str) -> &mut Person {
        self.people.get_mut(name).unwrap()
    }
}

impl Person {
    fn look(&mut self, begins: &[&str]) -> Option<String> {
        let screen = fs::read(&self.screen).unwrap();
        let new = String::from_utf8_lossy(&screen[self.seen..]).into_owned();
        let mut at = 0;
        while let Some(end) = new[at..].find('\n') {
            let line = &new[at..at + end];
            at += end + 1;
            if begins.iter().any(|begin| line.starts_with(begin)) {
                self.seen += at;
                return Some(line.to_owned());
            }
        }
        None
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.kill_server();
        let names: Vec<String> = self.people.keys().cloned().collect();
        for name in names {
            self.kill(&name);
        }
    }
}

/// The program, built beside this one.
pub(crate) fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let binary = own.parent().unwrap().parent().unwrap().join("ackchat");
    assert!(binary.exists(), "build it first: cargo build");
    binary
}

fn append(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.create(true).append(true).open(path).unwrap()
}

pub(crate) fn random_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(now.unwrap().as_nanos() % u128::from(u32::MAX)).unwrap()
}

/// Numbers that a seed repeats (Steele and others, `SplitMix`, 2014).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}
