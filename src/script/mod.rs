//! `.chat` files: a conversation written down, read completely before its first line runs.

pub mod cast;
pub mod code;
mod failing;
pub mod parse;
mod parts;
pub mod report;
pub mod runner;
mod secrets;
pub mod tree;
mod wait;

pub use cast::{Outcome, Part, Who};
pub use code::Code;
pub use parse::parse;
pub use runner::{Options, Output, Runner};
pub use tree::File;
