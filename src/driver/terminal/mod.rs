//! The terminal: raw modes, its size, an output of our own, and its old modes on every way out.

pub mod console;
pub mod editing;
pub mod history;
pub mod notify;
pub mod pages;
pub mod paint;
pub mod paste;

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{
    ControlFlags, InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr,
    tcsetattr,
};
use nix::unistd::Pid;
use rustyline::Config;
use rustyline::history::MemHistory;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::panic;
use std::sync::{Mutex, PoisonError};

/// A terminal in raw mode; dropping it restores the modes that it had.
pub struct Terminal {
    /// Never entered: it knows the size of a terminal without unsafe code.
    size: rustyline::Editor<(), MemHistory>,
}

/// The modes before raw mode, while the terminal is raw. The one static of the program: a panic
/// hook has nowhere else to look.
static COOKED: Mutex<Option<Termios>> = Mutex::new(None);

/// Pastes come in brackets (xterm's mode 2004).
/// The window's title is put aside, for the end (xterm's window operation 22).
const BEGIN: &str = "\x1b[22;2t\x1b[?2004h";
/// Ends an update that may have been begun, and all of the above.
const END: &str = "\x1b[?2026l\x1b[23;2t\x1b[?2004l";

impl Terminal {
    /// Makes the terminal raw, and promises to restore it, whatever happens.
    ///
    /// # Errors
    /// Standard input is no terminal, or one that is gone.
    pub fn open() -> io::Result<Self> {
        let size = rustyline::Editor::with_history(Config::default(), MemHistory::new())
            .map_err(io::Error::other)?;
        restore_on_panic();
        enter_raw_mode()?;
        Ok(Self { size })
    }

    /// Columns and rows.
    pub fn size(&mut self) -> Option<(u16, u16)> {
        self.size.dimensions()
    }

    /// Raw again, after somebody else set modes of their own.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn resume(&self) -> io::Result<()> {
        enter_raw_mode()
    }

    /// Stops the whole process group, as Ctrl-Z does elsewhere; goes on when the shell says so, or
    /// at once where no shell could say so. SIGTSTP has no handler.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn suspend(&self) -> io::Result<()> {
        leave_raw_mode();
        kill(Pid::from_raw(0), Signal::SIGTSTP)?;
        enter_raw_mode()
    }

    /// Leaves the terminal to somebody else until [`Terminal::resume`].
    pub fn lend(&self) {
        leave_raw_mode();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        leave_raw_mode();
    }
}

/// A description of our own of the terminal behind a descriptor, which does not block: a terminal
/// that nobody reads must not stop the protocol, and the shell's description stays as it is.
#[must_use]
pub fn own_output(fd: OwnedFd) -> OwnedFd {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let own = nix::unistd::ttyname(&fd).ok().and_then(|path| {
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(flags.bits());
        options.open(path).ok()
    });
    own.map_or(fd, OwnedFd::from)
}

/// May be called again: after a stop from outside the shell has set modes of its own.
fn enter_raw_mode() -> io::Result<()> {
    let now = tcgetattr(io::stdin())?;
    let mut raw = now.clone();
    raw.input_flags &= !(InputFlags::BRKINT
        | InputFlags::ICRNL
        | InputFlags::INPCK
        | InputFlags::ISTRIP
        | InputFlags::IXON);
    raw.control_flags |= ControlFlags::CS8;
    raw.local_flags &=
        !(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::IEXTEN | LocalFlags::ISIG);
    raw.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
    raw.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
    let mut cooked = COOKED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = cooked.is_none();
    cooked.get_or_insert(now);
    drop(cooked);
    tcsetattr(io::stdin(), SetArg::TCSADRAIN, &raw)?;
    if is_first {
        crate::driver::output::put(io::stdout().as_fd(), BEGIN).ok();
    }
    Ok(())
}

/// Runs in the panic hook, too: it does not print, panic, or hold the lock while it writes.
fn leave_raw_mode() {
    let cooked = COOKED.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(cooked) = cooked {
        crate::driver::output::put(io::stdout().as_fd(), END).ok();
        // A terminal that is gone needs no modes.
        tcsetattr(io::stdin(), SetArg::TCSANOW, &cooked).ok();
    }
}

fn restore_on_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let is_raw = COOKED.try_lock().is_ok_and(|cooked| cooked.is_some());
        if is_raw {
            leave_raw_mode();
            crate::driver::output::put(io::stdout().as_fd(), "\n").ok();
        }
        report(info);
    }));
}
