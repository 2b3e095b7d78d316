//! Both stores on disk: SQLite on a thread of its own, so that no loop ever waits for a disk.
//!
//! A handle takes requests into a bounded queue and hands out what its thread tells. The thread
//! commits what waits in one transaction (group commit), tells nothing before the commit is on
//! disk, and then calls the waker of whoever owns the loop. `memory` is the model of both; the same
//! cases (`tests/store.rs`, `tests/store_client.rs`) judge the two.

pub mod client;
mod columns;
pub mod copy;
mod disk;
pub mod error;
pub mod glance;
mod pending;
pub mod server;
mod server_mail;
mod worker;

pub use client::ClientStore;
pub use error::OpenError;
pub use server::ServerStore;

/// Wakes the loop that owns a store: there is something to poll.
pub type Wake = Box<dyn Fn() + Send>;
