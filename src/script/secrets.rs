//! Values given by `--secret` leave no trace in a report.

use super::report::{Scene, TestReport};
use std::collections::BTreeSet;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// Replaces every secret in every text of a report.
pub fn hide(report: &mut TestReport, secrets: &BTreeSet<String>) {
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    for secret in secrets {
        for text in texts(report) {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), HIDDEN);
            }
        }
    }
}

fn texts(report: &mut TestReport) -> impl Iterator<Item = &mut String> {
    let failures = report.failures.iter_mut().flat_map(|failure| {
        let diagnostic = &mut failure.diagnostic;
        let quotes = diagnostic.quotes.iter_mut();
        let quotes = quotes.flat_map(|quote| [&mut quote.text, &mut quote.label]);
        let words = std::iter::once(&mut diagnostic.message).chain(&mut diagnostic.notes);
        let words = words
            .chain(&mut failure.expected)
            .chain(&mut failure.actual);
        words.chain(quotes)
    });
    let scene = report
        .scene
        .iter_mut()
        .map(|moment| match &mut moment.what {
            Scene::Packet { words, .. } => words,
            Scene::Shown { text, .. } | Scene::Typed { text, .. } => text,
        });
    let texts = failures.chain(&mut report.notes).chain(scene);
    texts.chain(&mut report.packets)
}
