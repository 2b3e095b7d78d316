//! Bugs on purpose: proof that the simulator finds what it is there to find.
//!
//! `planted!("name")` is `false` in every ordinary build. Built with `--cfg planted`, a test
//! chooses one name and that one place of the program is wrong.

#[cfg(planted)]
use std::cell::Cell;

/// True where the bug of this name is to show itself; see [`crate::model::planted`].
#[macro_export]
macro_rules! planted {
    ($name:literal) => {
        $crate::model::planted::is_chosen($name)
    };
}

/// Every bug that has a place in the program, in the order of the places.
#[cfg(planted)]
pub const NAMES: [&str; 24] = [
    "replay-accepted",
    "window-before-tag",
    "datagram-too-long",
    "lost-retransmit",
    "no-path-challenge",
    "pending-replaces-live",
    "change-before-durable",
    "delta-skips-a-row",
    "mail-before-commit",
    "mail-deleted-at-link-ack",
    "mail-deleted-at-send",
    "name-freed-offline",
    "receipt-for-receipt",
    "stored-before-commit",
    "suspicion-believed",
    "ack-before-commit",
    "dedupe-dropped",
    "dedupe-without-sender",
    "digest-not-compared",
    "doubt-is-failure",
    "held-shown-twice",
    "outbox-after-sending",
    "retry-with-new-id",
    "retrying-after-answer",
];

#[cfg(planted)]
thread_local! {
    static CHOSEN: Cell<&'static str> = const { Cell::new("") };
}

/// Chooses the one bug of this thread; an empty name chooses none.
#[cfg(planted)]
pub fn choose(name: &'static str) {
    assert!(name.is_empty() || NAMES.contains(&name));
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
