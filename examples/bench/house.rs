//! The server as a process of its own: the same loop and the same disk as `ackchat serve`, only
//! that nobody is told to slow down.

use ackchat::driver::server::{self, Extras, ServeOptions};
use ackchat::server::Rates;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use tempfile::TempDir;

/// A running server; it ends with this value.
pub(crate) struct House {
    child: Child,
    pub(crate) address: SocketAddr,
    data: PathBuf,
    /// Removed with this value.
    home: Option<TempDir>,
}

impl House {
    /// A server with an empty store.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut house = Self::at(home.path(), 0);
        house.home = Some(home);
        house
    }

    /// A server on what is in this directory.
    pub(crate) fn at(data: &Path, port: u16) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["serve", &port.to_string()])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let word = first.trim_end_matches(']').rsplit(' ').next().unwrap();
        let port: u16 = word.parse().unwrap();
        // Its console is read and forgotten, as by a file.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            data: data.to_owned(),
            home: None,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Killed without a word, and started again on the same files and port.
    pub(crate) fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let home = self.home.take();
        let mut next = Self::at(&self.data.clone(), self.address.port());
        next.home = home;
        *self = next;
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, Signal::SIGTERM).ok();
        self.child.wait().ok();
    }
}

/// The process itself: `bench serve PORT DIRECTORY`.
pub(crate) fn serve(port: u16, data: &str) -> ExitCode {
    let exit = server::run(&ServeOptions {
        bind: Ipv4Addr::LOCALHOST.into(),
        port,
        data: Some(data.into()),
        quiet: false,
        relay: true,
        extras: Extras::default(),
        rates: Rates::Unlimited,
        trace: None,
    });
    ExitCode::from(exit.code())
}
