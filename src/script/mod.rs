//! `.chat` files: a conversation written down, read completely before its first line runs.

pub mod code;
pub mod parse;
pub mod tree;

pub use code::Code;
pub use parse::parse;
pub use tree::File;
