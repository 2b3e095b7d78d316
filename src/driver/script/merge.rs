//! `ackchat merge`: reads recordings, writes one test to standard output.

use super::run::read_text;
use crate::driver::output;
use crate::script::merge::{MergeError, merge};
use crate::shell::Exit;
use std::path::Path;

/// Merges recordings, one for each person.
#[must_use]
pub fn run(files: &[String]) -> Exit {
    let mut texts = Vec::new();
    for file in files {
        match read_text(Path::new(file)) {
            Ok(text) => texts.push(text),
            Err(why) => {
                output::complain(&format!("[Cannot read {file}: {why}.]"));
                return Exit::Unreachable;
            }
        }
    }
    let paths = files.iter().map(String::as_str);
    let recordings: Vec<(&str, &str)> = paths.zip(texts.iter().map(String::as_str)).collect();
    match merge(&recordings) {
        Ok(merged) => output::say(&merged),
        Err(MergeError::Broken(diagnostic)) => {
            output::complain(&diagnostic.to_string());
            Exit::Parse
        }
        Err(error) => {
            output::complain(&format!("[Cannot merge: {error}.]"));
            Exit::Parse
        }
    }
}
