//! The nouns of the program, its limits, and time as a value. Imports nothing of ours.

pub mod delivery;
pub mod id;
pub mod limits;
pub mod name;
pub mod planted;
pub mod store;
pub mod time;
pub mod timers;

pub use delivery::Delivery;
pub use id::{MessageId, PublicKey, StoreTicket, Version};
pub use name::{GroupName, InvalidName, InvalidText, Name, Text};
pub use store::{Full, Store};
pub use time::{Instant, Now, Wall, duration};
pub use timers::Timers;
