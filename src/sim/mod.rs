//! Simulated worlds: the real cores under one seed, with every fault, and a checker that knows all.
//!
//! [`World`] holds nodes, network, disks and time, and does what it is told. [`Play`] is a random
//! run in such a world; [`run`] plays one seed. No socket, no clock, no thread.

mod adversary;
mod check;
pub mod dice;
pub mod disk;
pub mod faults;
pub mod network;
pub mod node;
mod paths;
pub mod play;
mod scene;
pub mod stage;
mod trace;
mod workload;
pub mod world;

pub use disk::Health;
pub use faults::{Counts, Fault, Faults};
pub use network::Conditions;
pub use node::{ActorSpec, NodeId};
pub use play::{Play, Profile, Report};
pub use stage::Stage;
pub use world::World;

use crate::model::Instant;
use std::fmt;

/// A broken invariant.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The run.
    pub seed: u64,
    /// When, in the world's time.
    pub at: Instant,
    /// Which invariant of protocol.md section 14 (or promise or rule of other sections).
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
    /// The last lines of the trace.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        let (seconds, micros) = (self.at.0 / 1_000_000, self.at.0 % 1_000_000);
        writeln!(
            f,
            "seed {}: {} is broken at {seconds}.{micros:06}",
            self.seed, self.invariant
        )?;
        writeln!(f, "{}", self.what)
    }
}

impl std::error::Error for Failure {}

/// Plays the run of a seed.
///
/// # Errors
///
/// The first broken invariant.
pub fn run(seed: u64, profile: Profile) -> Result<Report, Box<Failure>> {
    Play::new(seed, profile).run()
}
