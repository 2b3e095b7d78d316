//! Both stores held in memory: the model that a durable engine is judged by, and that the simulator
//! breaks.

pub mod client;
pub mod server;

pub use client::ClientMemory;
pub use server::ServerMemory;
