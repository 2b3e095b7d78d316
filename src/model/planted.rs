//! Bugs on purpose: proof that the simulator finds what it is there to find.
//!
//! `planted!("name")` is `false` in every ordinary build. Built with `--cfg planted`, a test
//! chooses one name and that one place of the program is wrong.

#[cfg(planted)]
use std::cell::Cell;

#[cfg(planted)]
thread_local! {
    static CHOSEN: Cell<&'static str> = const { Cell::new("") };
}

/// True where the bug of this name is to show itself; see [`crate::model::planted`].
#[macro_export]
macro_rules! planted {
    ($name:literal) => {
        $crate::model::planted::is_chosen($name)
    };
}

/// Every bug that has a place in the program, in the order of protocol.md section 14.
pub const NAMES: [&str; 16] = [
    "ack-before-commit",
    "stored-before-commit",
    "mail-deleted-at-send",
    "mail-deleted-at-link-ack",
    "dedupe-without-sender",
    "replay-accepted",
    "gap-applied",
    "change-before-durable",
    "receipt-for-receipt",
    "lost-retransmit",
    "suspicion-believed",
    "name-freed-offline",
    "outbox-after-sending",
    "dedupe-dropped",
    "pending-replaces-live",
    "retrying-after-answer",
];

/// Chooses the one bug of this thread; an empty name chooses none.
#[cfg(planted)]
pub fn choose(name: &'static str) {
    CHOSEN.set(name);
}

/// True if the bug of this name was chosen.
#[cfg(planted)]
#[must_use]
pub fn is_chosen(name: &str) -> bool {
    CHOSEN.get() == name
}

/// Always false: this is not a build with planted bugs.
#[cfg(not(planted))]
#[must_use]
pub const fn is_chosen(_name: &str) -> bool {
    false
}
