//! Several people's recordings of one conversation, merged into one hermetic test.

use super::parse::parse;
use super::record::label;
use super::tree::{Act, Body, Deed, File, Match, Pattern, Span, Step, Template, Value};
use crate::model::Name;
use crate::shell::Registry;
use crate::shell::diagnostic::Diagnostic;
use crate::shell::template::variable;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Why recordings cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// A file does not parse.
    #[error("{0}")]
    Broken(Box<Diagnostic>),
    /// A file is no recording of one person.
    #[error("{path}:{line}: {why}")]
    Foreign {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: usize,
        /// What is odd about it.
        why: &'static str,
    },
}

/// One test of (path, text) of each side. Every line stands after those that caused it, as far as
/// the ids in `#:` comments tell; else each file keeps its order.
///
/// # Errors
/// A file does not parse or is no recording.
pub fn merge(files: &[(&str, &str)]) -> Result<String, MergeError> {
    let mut sides = Vec::new();
    for (path, text) in files {
        sides.push(Side::read(path, text)?);
    }
    mark_absences(&mut sides);
    number_variables(&mut sides);
    let order = interleave(&sides);
    let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let mut merged = format!("# merged from {}\nserver s\n", paths.join(", "));
    for actor in actors(&sides) {
        merged.push_str(&actor);
        merged.push('\n');
    }
    for (side, line) in order {
        merged.push_str(&sides[side].lines[line].text);
        merged.push('\n');
    }
    Ok(merged)
}

/// One recording.
struct Side {
    label: String,
    name: String,
    lines: Vec<Line>,
}

/// One line of a recording, and what it needs and gives.
struct Line {
    /// As it is written, with comments above; pauses and ids are gone.
    text: String,
    /// What it makes true.
    gives: Vec<Fact>,
    /// What has to be true before.
    needs: Vec<Fact>,
    /// Other people that are named.
    names: Vec<String>,
    /// The command, if one was typed; empty if it was a text.
    typed: Option<Cow<'static, str>>,
}

/// What happened to a message, by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    /// Its recipient of this name has it.
    Arrived(String, String),
    /// A recipient who found it later has gone.
    Left(String),
    /// It was typed.
    Said(String),
    /// The server has it.
    Stored(String),
}

impl Side {
    fn read(path: &str, text: &str) -> Result<Self, MergeError> {
        let nothing = BTreeSet::new();
        let mut no_include = |_: &std::path::Path| Err("recordings include nothing".to_owned());
        let file = parse(path, text, &nothing, &mut no_include)
            .map_err(|mut wrong| MergeError::Broken(Box::new(wrong.swap_remove(0))))?;
        let foreign = |span: Span, why| MergeError::Foreign {
            path: path.to_owned(),
            line: span.line as usize + 1,
            why,
        };
        let [only] = file.tests.as_slice() else {
            return Err(foreign(Span::default(), "a recording has no tests"));
        };
        let label_of = |step: &Step| match &step.deed {
            Deed::Act(act) => act.label.clone(),
            _ => None,
        };
        let Some(label) = only.steps.iter().find_map(label_of) else {
            return Err(foreign(only.span, "nobody does anything here"));
        };
        let name = recorded_name(text).unwrap_or_else(|| label.clone());
        let mut side = Self {
            label,
            name,
            lines: Vec::new(),
        };
        let registry = Registry::builtin();
        let mut ids_of = BTreeMap::new();
        let mut above = 0;
        for (index, step) in only.steps.iter().enumerate() {
            let next = only.steps.get(index + 1);
            let end = next.map_or(file.sources.line_count(0), |next| next.span.line as usize);
            let below = step.span.line as usize + 1..end;
            let ids = ids(&file, below, &mut ids_of);
            let comments = comments(&file, above..step.span.line as usize);
            above = step.span.line as usize + 1;
            let source = file.sources.text(step.span);
            let text = format!("{comments}{source}");
            let line = match &step.deed {
                Deed::Act(act) if act.label.is_none() => {
                    return Err(foreign(step.span, "a line without a name"));
                }
                Deed::Act(act) => side.act(act, ids, &ids_of, text, &registry),
                Deed::Let { .. } => Line::plain(text),
                _ => return Err(foreign(step.span, "no line of a recording")),
            };
            side.lines.push(line);
        }
        side.mark_origins();
        Ok(side)
    }

    fn act(
        &self,
        act: &Act,
        ids: Vec<String>,
        ids_of: &BTreeMap<String, String>,
        text: String,
        registry: &Registry,
    ) -> Line {
        let mut line = Line::plain(text);
        let pattern = match &act.body {
            Body::Ask(..) => return line,
            Body::See(_, pattern) => pattern,
            Body::Type(_, typed) => {
                let typed = typed.to_string();
                let word = typed.split([' ', '\t']).next().unwrap_or_default();
                let command = registry.find(word.strip_prefix('/').unwrap_or(word));
                line.typed = Some(command.map_or_else(Cow::default, |found| found.name.clone()));
                line.gives = ids.into_iter().map(Fact::Said).collect();
                return line;
            }
        };
        for field in ["from", "to", "who"] {
            line.names.extend(fixed(pattern, field).map(str::to_owned));
        }
        let known = || ids_of.get(id_variable(pattern)?).cloned();
        let Some(id) = ids.into_iter().next().or_else(known) else {
            return line;
        };
        if pattern.kind == "message" {
            line.needs.push(Fact::Said(id.clone()));
            if fixed(pattern, "late") == Some("true") {
                line.needs.push(Fact::Stored(id.clone()));
            }
            line.gives.push(Fact::Arrived(id, self.name.to_lowercase()));
        } else if pattern.kind == "delivery" {
            line.needs.push(Fact::Said(id.clone()));
            let to = fixed(pattern, "to").unwrap_or_default().to_lowercase();
            match fixed(pattern, "state") {
                Some("acked" | "delivered") => line.needs.push(Fact::Arrived(id, to)),
                Some("stored") => line.gives.push(Fact::Stored(id)),
                _ => {}
            }
        }
        line
    }

    /// A message of one's own that no typed line names was typed by the line before it that has
    /// none: a recording that was started in between, or written by hand.
    fn mark_origins(&mut self) {
        let mut said = BTreeSet::new();
        let mut unnamed = Vec::new();
        for index in 0..self.lines.len() {
            let line = &mut self.lines[index];
            said.extend(line.gives.iter().cloned());
            if line.typed.is_some() && line.gives.is_empty() {
                unnamed.push(index);
            }
            let is_message = line
                .gives
                .iter()
                .any(|fact| matches!(fact, Fact::Arrived(..)));
            let need = line
                .needs
                .first()
                .filter(|need| matches!(need, Fact::Said(_)));
            let Some(need) = need.filter(|need| !is_message && !said.contains(need)) else {
                continue;
            };
            let need = need.clone();
            if let Some(origin) = unnamed.pop() {
                self.lines[origin].gives.push(need.clone());
                said.insert(need);
            } else {
                line.needs.retain(|other| *other != need);
            }
        }
    }
}

impl Line {
    /// The id of the message that came here out of the store, if that is what it says.
    fn found_late(&self) -> Option<String> {
        let is_message = |fact: &Fact| matches!(fact, Fact::Arrived(..));
        self.gives.iter().find(|fact| is_message(fact))?;
        self.needs.iter().find_map(|need| match need {
            Fact::Stored(id) => Some(id.clone()),
            _ => None,
        })
    }

    const fn plain(text: String) -> Self {
        Self {
            text,
            gives: Vec::new(),
            needs: Vec::new(),
            names: Vec::new(),
            typed: None,
        }
    }
}

/// Who finds a message later had gone before it was typed, and came back after it was stored.
fn mark_absences(sides: &mut [Side]) {
    let mut found_late = BTreeSet::new();
    for side in sides.iter_mut() {
        let (mut left, mut back) = (None, None);
        for index in 0..side.lines.len() {
            let line = &side.lines[index];
            match line.typed.as_deref() {
                Some("dereg" | "exit") => (left, back) = (Some(index), None),
                Some("reg") => back = back.or(Some(index)),
                _ => {}
            }
            let (Some(id), Some(left)) = (line.found_late(), left) else {
                continue;
            };
            side.lines[left].gives.push(Fact::Left(id.clone()));
            if let Some(back) = back {
                side.lines[back].needs.push(Fact::Stored(id.clone()));
            }
            found_late.insert(id);
        }
    }
    for line in sides.iter_mut().flat_map(|side| &mut side.lines) {
        for fact in &line.gives {
            if let Fact::Said(id) = fact
                && found_late.contains(id)
            {
                line.needs.push(Fact::Left(id.clone()));
            }
        }
    }
}

/// The variable that stands for the id of a message.
fn id_variable(pattern: &Pattern) -> Option<&str> {
    match &pattern
        .matches
        .iter()
        .find(|part| part.field == "id")?
        .value
    {
        Value::OneOf(values) => values.first()?.variables().next(),
        Value::Bind(_) | Value::Glob(_) | Value::Regex { .. } => None,
    }
}

/// The value of a field, if it is compared with exactly one.
fn fixed<'a>(pattern: &'a Pattern, field: &str) -> Option<&'a str> {
    let is_field = |part: &&Match| part.field == field;
    match &pattern.matches.iter().find(is_field)?.value {
        Value::OneOf(values) => values.first().and_then(Template::fixed),
        Value::Bind(_) | Value::Glob(_) | Value::Regex { .. } => None,
    }
}

/// `# recorded by ackchat 0.1.0 as NAME` in the first line.
fn recorded_name(text: &str) -> Option<String> {
    let first = text.lines().next()?.strip_prefix("# recorded by ")?;
    let (_, name) = first.rsplit_once(" as ")?;
    name.parse::<Name>().is_ok().then(|| name.to_owned())
}

/// The ids in `#:` lines; those of variables are remembered.
fn ids(
    file: &File,
    lines: std::ops::Range<usize>,
    of: &mut BTreeMap<String, String>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for number in lines {
        let line = file
            .sources
            .line(0, u32::try_from(number).unwrap_or(u32::MAX));
        let Some(text) = line.trim().strip_prefix("#:") else {
            continue;
        };
        let (name, id) = text.rsplit_once('=').unwrap_or(("", text));
        of.insert(name.trim().to_owned(), id.trim().to_owned());
        ids.push(id.trim().to_owned());
    }
    ids
}

/// What people wrote above a line; the recorder's pauses, ids and first line are left out.
fn comments(file: &File, lines: std::ops::Range<usize>) -> String {
    let mut kept = String::new();
    for number in lines {
        let line = file
            .sources
            .line(0, u32::try_from(number).unwrap_or(u32::MAX));
        let is_machine = ["#:", "# +", "# recorded by "]
            .iter()
            .any(|start| line.trim().starts_with(start));
        if line.trim().starts_with('#') && !is_machine {
            writeln!(kept, "{}", line.trim()).expect("a string takes everything");
        }
    }
    kept
}

/// Variables of different files get different names.
fn number_variables(sides: &mut [Side]) {
    if sides.len() < 2 {
        return;
    }
    for side in sides {
        for line in &mut side.lines {
            line.text = renamed(&line.text, &side.label);
        }
    }
}

/// `$m1` becomes `$m1_alice`, `=?m1` becomes `=?m1_alice`, `let t1 =` becomes `let t1_alice =`.
fn renamed(text: &str, suffix: &str) -> String {
    let mut new = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let comment = line.trim_start().starts_with('#');
        let mut rest = line;
        if let Some((name, after)) = line
            .strip_prefix("let ")
            .and_then(crate::shell::template::identifier)
        {
            write!(new, "let {name}_{suffix}").expect("a string takes everything");
            rest = after;
        }
        while let Some(at) = rest.find(['$', '?']).filter(|_| !comment) {
            let (before, sign) = rest.split_at(at);
            new.push_str(before);
            let after = &sign[1..];
            let is_bind = sign.starts_with('?') && before.ends_with(" id=");
            if let Some(doubled) = sign.strip_prefix("$$") {
                new.push_str("$$");
                rest = doubled;
            } else if let Some((name, tail)) =
                variable(after).filter(|_| is_bind || sign.starts_with('$'))
            {
                if is_bind {
                    write!(new, "?{name}_{suffix}").expect("a string takes everything");
                } else {
                    write!(new, "${{{name}_{suffix}}}").expect("a string takes everything");
                }
                rest = tail;
            } else {
                new.push_str(&sign[..1]);
                rest = after;
            }
        }
        new.push_str(rest);
    }
    new
}

/// All lines of all sides. A side goes on until its next line needs what another has to do first;
/// where all wait for each other, the first goes on.
fn interleave(sides: &[Side]) -> Vec<(usize, usize)> {
    let lines = sides.iter().flat_map(|side| &side.lines);
    let possible: BTreeSet<&Fact> = lines.flat_map(|line| &line.gives).collect();
    let mut done: BTreeSet<&Fact> = BTreeSet::new();
    let mut next = vec![0; sides.len()];
    let mut order = Vec::new();
    let mut current = 0;
    loop {
        let is_open = |side: usize, next: &[usize]| next[side] < sides[side].lines.len();
        let is_ready = |side: usize, next: &[usize], done: &BTreeSet<&Fact>| {
            is_open(side, next)
                && sides[side].lines[next[side]]
                    .needs
                    .iter()
                    .all(|need| done.contains(need) || !possible.contains(need))
        };
        let candidates = (0..sides.len()).map(|step| (current + step) % sides.len());
        let ready = candidates
            .clone()
            .find(|side| is_ready(*side, &next, &done))
            .or_else(|| (0..sides.len()).find(|side| is_open(*side, &next)));
        let Some(side) = ready else {
            return order;
        };
        current = side;
        order.push((side, next[side]));
        done.extend(&sides[side].lines[next[side]].gives);
        next[side] += 1;
    }
}

/// The `actor` lines: those with a recording, and those who are only named.
fn actors(sides: &[Side]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut plain: Vec<&str> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for side in sides {
        if !known.insert(side.name.to_lowercase()) {
            continue;
        }
        if side.label == side.name {
            plain.push(&side.label);
        } else {
            lines.push(format!("actor {} as={}", side.label, side.name));
        }
    }
    let others: BTreeSet<&String> = sides
        .iter()
        .flat_map(|side| &side.lines)
        .flat_map(|line| &line.names)
        .collect();
    for other in others {
        let Ok(name) = other.parse::<Name>() else {
            continue;
        };
        if known.insert(other.to_lowercase()) {
            let label = label(&name);
            lines.push(format!(
                "# {other} has no recording here: what they did is missing"
            ));
            if label == *other {
                lines.push(format!("actor {label}"));
            } else {
                lines.push(format!("actor {label} as={other}"));
            }
        }
    }
    if !plain.is_empty() {
        lines.insert(0, format!("actor {}", plain.join(" ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::tree::World;

    const ALICE: &str = "\
# recorded by ackchat 0.1.0 as alice
alice> send bob tea?
#: 11
alice< delivery to=bob state=acked id=?m1
#: m1=11
# +1.4s
alice< bob: in $$5 minutes
#: 22
# a remark
alice> send bob bye
#: 33
alice< delivery to=bob state=stored id=?m2
#: m2=33
alice< delivery to=bob state=delivered id=$m2
";

    const BOB: &str = "\
# recorded by ackchat 0.1.0 as bob
bob< alice: tea?
#: 11
let t1 = \"in $$5 minutes\"
bob> send alice $t1
#: 22
bob< delivery to=alice state=acked id=?m1
#: m1=22
bob> dereg
bob> reg
bob< message scope=direct from=alice text=\"bye\" late=true
#: 33
bob< error code=unknown-peer
bob< presence who=car.ol status=away
";

    const BOTH: &str = "\
# merged from a.chat, b.chat
server s
actor alice bob
# car.ol has no recording here: what they did is missing
actor car_ol as=car.ol
alice> send bob tea?
bob< alice: tea?
let t1_bob = \"in $$5 minutes\"
bob> send alice ${t1_bob}
alice< delivery to=bob state=acked id=?m1_alice
alice< bob: in $$5 minutes
bob< delivery to=alice state=acked id=?m1_bob
bob> dereg
# a remark
alice> send bob bye
alice< delivery to=bob state=stored id=?m2_alice
bob> reg
bob< message scope=direct from=alice text=\"bye\" late=true
bob< error code=unknown-peer
bob< presence who=car.ol status=away
alice< delivery to=bob state=delivered id=${m2_alice}
";

    #[test]
    fn every_line_stands_after_those_that_caused_it() {
        let merged = merge(&[("a.chat", ALICE), ("b.chat", BOB)]).unwrap();
        assert_eq!(merged, BOTH);
        let file = parse("m.chat", &merged, &BTreeSet::new(), &mut |_| unreachable!()).unwrap();
        assert_eq!(file.world, World::Hermetic);
        let turned = merge(&[("b.chat", BOB), ("a.chat", ALICE)]).unwrap();
        let at = |line: &str| turned.lines().position(|l| l == line).unwrap();
        assert!(at("alice> send bob tea?") < at("bob< alice: tea?"));
        assert!(at("bob< alice: tea?") < at("alice< delivery to=bob state=acked id=?m1_alice"));
    }

    #[test]
    fn one_recording_alone_is_a_test_with_its_own_variables() {
        let merged = merge(&[("a.chat", ALICE)]).unwrap();
        assert!(
            merged.contains("actor alice\n# bob has no recording here"),
            "{merged}"
        );
        assert!(merged.contains("state=stored id=?m2\n"), "{merged}");
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_place() {
        let why = |text: &str| merge(&[("x.chat", text)]).unwrap_err().to_string();
        assert!(why("alice> sned bob hi\n").starts_with("error[unknown-command]"));
        assert_eq!(why("# nothing\n"), "x.chat:1: nobody does anything here");
        assert_eq!(
            why("a> table\nsleep 1s\n"),
            "x.chat:2: no line of a recording"
        );
        assert_eq!(
            why("a> table\n> table\n"),
            "x.chat:2: a line without a name"
        );
        assert!(why("include \"y.chat\"\n").contains("recordings include nothing"));
    }
}
