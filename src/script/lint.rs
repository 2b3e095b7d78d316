//! What is not wrong and probably not meant: `run --check`.

use super::tree::{
    Body, Deed, Diagnostic, File, Sources, Span, Step, Template, Test, Value, World,
};
use crate::shell::Exit;
use crate::shell::diagnostic::Mark;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a live file may sleep unasked; a person waits for it.
const LIVE_SLEEP_MAX: Duration = Duration::from_secs(1);

/// Warnings, in the order of the file; none of them keeps it from running.
#[must_use]
pub fn lint(file: &File) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut used_above = BTreeSet::new();
    for test in &file.tests {
        let steps = || test.steps.iter().chain(&test.on_fail);
        let mut used = BTreeSet::new();
        each(steps(), &mut |step| uses(step, &mut used));
        each(steps(), &mut |step| {
            if !is_recorded(&file.sources, step.span) {
                unused(step, &used, &mut found);
            }
        });
        if file.world == World::Live {
            each(steps(), &mut |step| sleeps(step, &mut found));
        } else if test.skip.is_none() && expects_nothing(test) {
            let words = "nothing is expected here: add a line with < or ?";
            found.push((test.span, "no-expectation", words.to_owned()));
        }
        used_above.append(&mut used);
    }
    each(file.top.iter(), &mut |step| uses(step, &mut used_above));
    each(file.top.iter(), &mut |step| {
        unused(step, &used_above, &mut found);
    });
    found.sort();
    let sources = &file.sources;
    found
        .into_iter()
        .map(|(span, code, message)| warning(sources, span, code, message))
        .collect()
}

fn warning(sources: &Sources, span: Span, code: &'static str, message: String) -> Diagnostic {
    Diagnostic {
        code,
        exit: Exit::Done,
        message,
        place: sources.place(span),
        quotes: vec![sources.quote(span, Mark::Caret, "")],
        notes: Vec::new(),
    }
}

/// Every step, also those in blocks.
fn each<'a>(steps: impl Iterator<Item = &'a Step>, visit: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        if let Deed::Each { steps, .. } | Deed::Repeat { steps, .. } = &step.deed {
            each(steps.iter(), visit);
        }
    }
}

fn uses(step: &Step, used: &mut BTreeSet<String>) {
    let mut add = |template: &Template| used.extend(template.variables().map(str::to_owned));
    match &step.deed {
        Deed::Act(act) => match &act.body {
            Body::Type(_, line) => add(line),
            Body::See(_, pattern) | Body::Ask(_, pattern) => {
                for part in &pattern.matches {
                    match &part.value {
                        Value::Bind(_) => {}
                        Value::Glob(values) | Value::OneOf(values) => {
                            values.iter().for_each(&mut add);
                        }
                        Value::Regex { source, .. } => add(source),
                    }
                }
            }
        },
        Deed::Actor { settings, .. } | Deed::Server { settings, .. } | Deed::Set(settings) => {
            for setting in settings {
                add(&setting.value);
            }
        }
        Deed::Each { words, .. } => words.iter().for_each(&mut add),
        Deed::Let { value, .. } => add(value),
        Deed::Note(text) => add(text),
        Deed::Disk { .. }
        | Deed::Forget(_)
        | Deed::Net(_)
        | Deed::Process { .. }
        | Deed::Repeat { .. }
        | Deed::Sleep(_)
        | Deed::Wait(_) => {}
    }
}

type Found = Vec<(Span, &'static str, String)>;

fn unused(step: &Step, used: &BTreeSet<String>, found: &mut Found) {
    let mut tell = |span: Span, name: &str| {
        if !used.contains(name) {
            found.push((span, "unused", format!("${name} is never used")));
        }
    };
    match &step.deed {
        Deed::Act(act) => {
            if let Body::See(_, pattern) | Body::Ask(_, pattern) = &act.body {
                for part in &pattern.matches {
                    part.binds().for_each(|name| tell(part.span, name));
                }
            }
        }
        Deed::Each { name, .. } | Deed::Let { name, .. } => tell(step.span, name),
        _ => {}
    }
}

/// A recorder names every message, used or not: its id follows in a comment.
fn is_recorded(sources: &Sources, span: Span) -> bool {
    let below = sources.line(span.file, span.line + 1);
    below.trim_start().starts_with("#:")
}

fn sleeps(step: &Step, found: &mut Found) {
    if let Deed::Sleep(time) = step.deed
        && time > LIVE_SLEEP_MAX
    {
        let words = "a line with < waits as long as it has to, and no longer";
        found.push((step.span, "sleep", words.to_owned()));
    }
}

fn expects_nothing(test: &Test) -> bool {
    let mut expects = false;
    each(test.steps.iter(), &mut |step| {
        expects |= matches!(
            &step.deed,
            Deed::Act(act) if matches!(act.body, Body::See(..) | Body::Ask(..))
        );
    });
    !expects
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(source: &str) -> Vec<(&'static str, usize)> {
        let nothing = BTreeSet::new();
        let file = crate::script::parse("x.chat", source, &nothing, &mut |_| unreachable!());
        let file = file.unwrap_or_else(|wrong| panic!("{}", wrong[0]));
        let warnings = lint(&file);
        assert!(warnings.iter().all(|warning| warning.exit == Exit::Done));
        let place = |warning: &Diagnostic| (warning.code, warning.place.line);
        warnings.iter().map(place).collect()
    }

    #[test]
    fn what_is_bound_and_never_used_is_told() {
        let source = "let used = 1\nlet top = 2\ntest \"a\" {\nserver s\nactor a\n\
                      a< delivery id=?m state=?n\na> send b $m $used\n\
                      a< message text~/(?<x>.)(?<y>.)/\na!< message from=$y\n\
                      each w in 1 {\na> table\n}\nrepeat 2 as i {\na> table\n}\n}\n";
        let unused = |line| ("unused", line);
        assert_eq!(warned(source), [2, 6, 8, 10].map(unused));
        assert_eq!(warned("a< delivery id=?m\n#: m=00\n"), []);
    }

    #[test]
    fn a_live_file_waits_for_events_and_a_test_expects_something() {
        assert_eq!(warned("send bob hi\nsleep 1s\nsleep 2s\n"), [("sleep", 3)]);
        let test = |line: &str| format!("test \"a\" {{\nserver s\nactor a\nsleep 9s\n{line}\n}}");
        assert_eq!(warned(&test("a> table")), [("no-expectation", 1)]);
        assert_eq!(warned(&test("a? table")), []);
        assert_eq!(warned(&test("a!< message")), []);
        assert_eq!(warned(&test("skip \"later\"")), []);
    }
}
