//! One person's part of a file, to be said again at a real server.

use super::tree::{Act, Body, Deed, File, Seeing, Step, Test, Typing, World};
use std::time::Duration;

/// How fast it is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Without the pauses of the recording.
    None,
    /// So many times as fast as it was recorded.
    Times(f64),
}

/// The lines that one actor types and waits for, as a live file; what others do is left out.
///
/// None if nobody of this name types anything.
#[must_use]
pub fn part(file: &File, name: Option<&str>, pace: Pace) -> Option<File> {
    let name = name.map(str::to_owned).or_else(|| first_label(file));
    let tests: Vec<Test> = file
        .tests
        .iter()
        .map(|test| Test {
            steps: steps(&test.steps, name.as_deref(), pace),
            on_fail: Vec::new(),
            skip: None,
            todo: None,
            ..test.clone()
        })
        .filter(|test| types(&test.steps))
        .collect();
    (!tests.is_empty()).then(|| File {
        world: World::Live,
        tests,
        ..file.clone()
    })
}

/// Who types first.
fn first_label(file: &File) -> Option<String> {
    let steps = file.tests.iter().flat_map(|test| &test.steps);
    let mut labels = steps.filter_map(|step| match &step.deed {
        Deed::Act(act) if matches!(act.body, Body::Type(..)) => act.label.clone(),
        _ => None,
    });
    labels.next()
}

fn steps(all: &[Step], name: Option<&str>, pace: Pace) -> Vec<Step> {
    let mut kept = Vec::new();
    // What others paused before their lines is time that passed for this one, too.
    let mut pause = Duration::ZERO;
    for step in all {
        pause += step.pause;
        let Some(deed) = deed(&step.deed, name, pace) else {
            continue;
        };
        if let Pace::Times(times) = pace
            && !pause.is_zero()
        {
            let deed = Deed::Sleep(pause.div_f64(times));
            kept.push(Step {
                deed,
                ..step.clone()
            });
        }
        pause = Duration::ZERO;
        kept.push(Step {
            deed,
            ..step.clone()
        });
    }
    kept
}

/// The line as it is played; none if it is not.
fn deed(deed: &Deed, name: Option<&str>, pace: Pace) -> Option<Deed> {
    match deed {
        Deed::Act(act) => {
            let mine = act.label.is_none() || act.label.as_deref() == name;
            let body = match &act.body {
                Body::Type(Typing::Background, text) => {
                    Body::Type(Typing::Background, text.clone())
                }
                Body::Type(_, text) => Body::Type(Typing::Do, text.clone()),
                Body::See(Seeing::NotSee, _) | Body::Ask(..) => return None,
                Body::See(_, pattern) => Body::See(Seeing::See, pattern.clone()),
            };
            mine.then(|| {
                Deed::Act(Act {
                    body,
                    ..act.clone()
                })
            })
        }
        Deed::Each {
            name: variable,
            words,
            steps: inside,
        } => Some(Deed::Each {
            name: variable.clone(),
            words: words.clone(),
            steps: steps(inside, name, pace),
        }),
        Deed::Repeat {
            count,
            name: variable,
            steps: inside,
        } => Some(Deed::Repeat {
            count: *count,
            name: variable.clone(),
            steps: steps(inside, name, pace),
        }),
        Deed::Let { .. } | Deed::Set(_) | Deed::Sleep(_) => Some(deed.clone()),
        _ => None,
    }
}

fn types(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.deed {
        Deed::Act(act) => matches!(act.body, Body::Type(..)),
        Deed::Each { steps, .. } | Deed::Repeat { steps, .. } => types(steps),
        _ => false,
    })
}
