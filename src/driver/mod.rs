//! Everything that touches the world: clock, sockets, terminal, files, signals. The only floor with
//! I/O.
//!
//! One loop for the server and one for the client, each in one thread. A turn waits, reads the
//! clock once, hands over what came, drains what is to be done, and writes once.

pub mod ambient;
pub mod client;
pub mod config;
mod folder;
pub mod guest;
pub mod host;
pub mod input;
pub mod log;
pub mod output;
pub mod paths;
pub mod programs;
pub mod reactor;
pub mod script;
pub mod server;
pub mod socket;
pub mod terminal;
pub mod trace;
mod train;
pub mod upkeep;

use crate::shell::Exit;
use crate::store::OpenError;
use std::path::Path;

/// Why a program could not begin: one line for stderr and the exit status it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In brackets, without a newline.
    pub line: String,
    /// How the program ends.
    pub exit: Exit,
}

impl Fault {
    /// Puts the words in brackets.
    #[must_use]
    pub fn new(exit: Exit, words: &str) -> Self {
        Self {
            line: format!("[{words}]"),
            exit,
        }
    }

    /// Says the line on stderr and gives the exit status.
    #[must_use]
    pub fn report(&self) -> Exit {
        output::complain(&self.line);
        self.exit
    }
}

/// The seeds' line for a port that another program has.
fn port_in_use(port: u16) -> Fault {
    Fault::new(Exit::No, &format!("Port {port} is already in use."))
}

/// A store that cannot be used.
fn store_fault(path: &Path, error: &OpenError) -> Fault {
    let words = format!("Cannot use the store {}: {error}.", path.display());
    Fault::new(Exit::Unreachable, &words)
}

/// A local address that cannot be had.
fn bind_fault(address: std::net::SocketAddr, error: &std::io::Error) -> Fault {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        return port_in_use(address.port());
    }
    Fault::new(Exit::No, &format!("Cannot listen at {address}: {error}."))
}
