//! The network as a script sets it: faults on paths, of which a later one replaces an earlier one.

use super::network::Conditions;
use crate::script::tree::{Chance, Net, Path};
use std::time::Duration;

/// How much later a reordered datagram comes: up to three that were sent after it, a millisecond
/// apart or less, are there before it.
const LATE: Duration = Duration::from_millis(3);

/// What was said about the network so far, in order.
#[derive(Debug, Default)]
pub(super) struct Paths(Vec<Net>);

impl Paths {
    /// One more thing is said.
    pub(super) fn add(&mut self, net: Net) {
        if net == Net::Heal(None) {
            self.0.clear();
        } else {
            self.0.retain(|old| !replaces(&net, old));
            self.0.push(net);
        }
    }

    /// What holds from one to another, and whether nothing passes there.
    pub(super) fn between(&self, from: &str, to: &str, base: Conditions) -> (Conditions, bool) {
        let (mut conditions, mut is_cut) = (base, false);
        for net in &self.0 {
            if !covers(net, from, to) {
                continue;
            }
            match net {
                Net::Chance { fault, percent, .. } => {
                    let permille = u16::from(*percent) * 10;
                    match fault {
                        Chance::Corrupt => conditions.corrupt = permille,
                        Chance::Drop => conditions.loss = permille,
                        Chance::Dup => conditions.duplicate = permille,
                        Chance::Reorder => {
                            conditions.straggle = permille;
                            conditions.late = LATE;
                        }
                    }
                }
                Net::Cut(_) | Net::Partition(..) => is_cut = true,
                Net::Delay { min, max, .. } => {
                    conditions.delay_min = *min;
                    conditions.delay_max = *max;
                }
                Net::Heal(_) => (conditions, is_cut) = (base, false),
            }
        }
        (conditions, is_cut)
    }
}

/// The same fault on the same path.
fn replaces(new: &Net, old: &Net) -> bool {
    match (new, old) {
        (
            Net::Chance { fault, path, .. },
            Net::Chance {
                fault: old_fault,
                path: old_path,
                ..
            },
        ) => fault == old_fault && path == old_path,
        (Net::Delay { path, .. }, Net::Delay { path: old, .. }) => path == old,
        (Net::Heal(Some(path)), Net::Cut(old) | Net::Heal(Some(old))) => path == old,
        _ => new == old,
    }
}

fn covers(net: &Net, from: &str, to: &str) -> bool {
    match net {
        Net::Chance { path, .. } | Net::Delay { path, .. } | Net::Heal(path) => {
            path.as_ref().is_none_or(|path| is_on(path, from, to))
        }
        Net::Cut(path) => is_on(path, from, to),
        Net::Partition(one, other) => {
            let within = |side: &[String], who: &str| side.iter().any(|label| label == who);
            within(one, from) && within(other, to) || within(other, from) && within(one, to)
        }
    }
}

fn is_on(path: &Path, from: &str, to: &str) -> bool {
    match path {
        Path::All(who) => who == from || who == to,
        Path::Between(a, b) => a == from && b == to || a == to && b == from,
        Path::To(a, b) => a == from && b == to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drop(percent: u8, path: Option<Path>) -> Net {
        let fault = Chance::Drop;
        Net::Chance {
            fault,
            percent,
            path,
        }
    }

    fn to(from: &str, to: &str) -> Path {
        Path::To(from.to_owned(), to.to_owned())
    }

    #[test]
    fn a_later_fault_replaces_an_earlier_one_on_its_path() {
        let mut paths = Paths::default();
        let loss = |paths: &Paths, from, to| paths.between(from, to, Conditions::CALM).0.loss;
        paths.add(drop(30, None));
        paths.add(drop(50, Some(to("a", "b"))));
        assert_eq!((loss(&paths, "a", "b"), loss(&paths, "b", "a")), (500, 300));
        paths.add(drop(0, Some(to("a", "b"))));
        assert_eq!((loss(&paths, "a", "b"), loss(&paths, "b", "a")), (0, 300));
        paths.add(Net::Heal(Some(Path::All("b".to_owned()))));
        assert_eq!((loss(&paths, "b", "a"), loss(&paths, "a", "c")), (0, 300));
        paths.add(Net::Heal(None));
        assert_eq!(loss(&paths, "a", "c"), 0);
    }

    #[test]
    fn nothing_passes_a_cut_or_between_two_sides_until_it_is_healed() {
        let mut paths = Paths::default();
        let is_cut = |paths: &Paths, from, to| paths.between(from, to, Conditions::CALM).1;
        paths.add(Net::Cut(to("a", "s")));
        assert!(is_cut(&paths, "a", "s") && !is_cut(&paths, "s", "a"));
        let side = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
        paths.add(Net::Partition(side(&["a", "b"]), side(&["c", "s"])));
        assert!(is_cut(&paths, "s", "b") && !is_cut(&paths, "a", "b"));
        paths.add(Net::Heal(Some(Path::All("a".to_owned()))));
        assert!(!is_cut(&paths, "a", "s") && is_cut(&paths, "b", "c"));
    }
}
