//! The `.chat` examples of the documents, so that tests can read and run them.

use std::fs;

/// Every example between "```chat" and "```": where its first line stands, whether it is marked
/// `live` (it drives a client of a profile, so there is nothing to run it on), and its text.
pub(crate) fn examples(path: &str) -> Vec<(String, bool, String)> {
    let page = fs::read_to_string(path).expect("the document is there");
    let mut examples: Vec<(String, bool, String)> = Vec::new();
    let mut is_open = false;
    for (index, line) in page.lines().enumerate() {
        if line == "```" {
            is_open = false;
        } else if is_open {
            let (_, _, text) = examples.last_mut().expect("it was opened");
            text.push_str(line);
            text.push('\n');
        } else if let Some(words) = line.strip_prefix("```chat") {
            is_open = true;
            let name = format!("{path}:{}", index + 2);
            examples.push((name, words == " live", String::new()));
        }
    }
    examples
}
