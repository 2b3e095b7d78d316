//! `.chat` files: a conversation written down, read completely before its first line runs.

mod begin;
pub mod cast;
mod check;
pub mod code;
pub mod diagram;
mod directive;
mod failing;
mod grammar;
pub mod json;
pub mod junit;
mod lexis;
pub mod lint;
pub mod merge;
pub mod parse;
mod parts;
pub mod patterns;
pub mod record;
pub mod replay;
pub mod report;
pub mod runner;
pub mod secrets;
mod settings;
pub mod tap;
pub mod tree;
mod typed;
mod wait;
pub mod words;
mod wrong;

pub use cast::{Outcome, Part, Who};
pub use code::Code;
pub use parse::parse;
pub use runner::{Options, Output, Runner};
pub use tree::File;
