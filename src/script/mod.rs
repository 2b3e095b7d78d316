//! `.chat` files: a conversation written down, read completely before its first line runs.

mod check;
pub mod code;
mod directive;
mod grammar;
mod lexis;
pub mod lint;
pub mod merge;
pub mod parse;
mod patterns;
pub mod record;
mod settings;
pub mod tree;
mod typed;
mod wrong;

pub use code::Code;
pub use parse::parse;
pub use tree::File;
