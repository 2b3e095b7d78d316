//! Keys, sessions, cookies, and randomness from a seed. The only floor that knows cryptography.

pub mod cookie;
pub mod handshake;
pub mod key;
pub mod ratchet;
pub mod session;
mod suite;
mod window;

#[cfg(test)]
mod golden;

pub use cookie::Cookies;
pub use handshake::{Hints, Initiator, Refused, Responder};
pub use key::{Fingerprint, Identity};
pub use ratchet::Ratchet;
pub use session::{OpenError, Opened, Session};
pub use suite::hash;
