//! Other programs: those that use a session, and those that it starts.

pub mod child;
pub mod chores;
pub mod control;
pub mod hooks;
pub mod known;
mod manifests;
pub mod oneshot;
pub mod plugins;
pub mod wrapped;
