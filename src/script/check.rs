//! What a file means: who is there, which variables have values, which commands are right.

use super::code::Code;
use super::patterns::AT_SERVER;
use super::tree::{Act, Asking, Body, Deed, File, Net, Path, Pattern, Seeing, Sources, Span, Step};
use super::tree::{Template, Test, Value, Verb, World};
use super::typed::{self, Typed};
use super::wrong::{Wrong, Wrongs, did_you_mean};
use crate::model::Name;
use crate::model::limits::SCRIPT_ACTORS_MAX;
use crate::shell::Registry;
use crate::shell::template::{identifier, variable};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What is not known because a line is wrong; nothing is said of what may follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Who takes part.
    pub(super) actors: bool,
    /// Which variables there are.
    pub(super) variables: bool,
}

impl Doubt {
    pub(super) const fn all() -> Self {
        Self {
            actors: true,
            variables: true,
        }
    }
}

/// Checks the meaning of every line, and fills in what follows from it.
pub(super) fn file(
    file: &mut File,
    registry: &Registry,
    variables: &BTreeSet<String>,
    doubt: Doubt,
    wrongs: &mut Wrongs,
) {
    let tests = file.tests.iter();
    let is_server = |step: &Step| matches!(step.deed, Deed::Server { .. });
    if tests.flat_map(|test| &test.steps).any(is_server) {
        file.world = World::Hermetic;
    }
    let mut checker = Checker {
        sources: &file.sources,
        world: file.world,
        registry,
        doubt,
        wrongs,
        bound: variables.clone(),
        roles: BTreeMap::new(),
        talking: BTreeSet::new(),
    };
    let mut top = file.top.iter_mut();
    let mut above = 0;
    for test in &mut file.tests {
        for step in top.by_ref().take(test.above.saturating_sub(above)) {
            checker.step(step);
        }
        above = test.above;
        checker.test(test);
    }
    for step in top {
        checker.step(step);
    }
}

struct Checker<'a> {
    sources: &'a Sources,
    world: World,
    registry: &'a Registry,
    doubt: Doubt,
    wrongs: &'a mut Wrongs,
    /// Variables that have a value here.
    bound: BTreeSet<String>,
    /// Who was declared, and in which line. In a live file: the one name that is used.
    roles: BTreeMap<String, (Role, Span)>,
    /// Actors who opened a conversation: their lines may be texts.
    talking: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

impl Checker<'_> {
    fn wrong(&mut self, line: Span, wrong: Wrong) {
        self.wrongs.add(self.sources, line, wrong);
    }

    fn test(&mut self, test: &mut Test) {
        let bound = self.bound.clone();
        self.roles.clear();
        self.talking.clear();
        self.steps(&mut test.steps);
        self.steps(&mut test.on_fail);
        self.bound = bound;
        let has_server = self.roles.values().any(|(role, _)| *role == Role::Server);
        let wants_server = self.world == World::Hermetic && test.skip.is_none();
        if wants_server && !has_server && !self.doubt.actors {
            self.wrong(test.span, needs_server("test", test.span));
        }
    }

    fn steps(&mut self, steps: &mut [Step]) {
        for step in steps {
            if self.wrongs.is_full() {
                return;
            }
            self.step(step);
        }
    }

    fn step(&mut self, step: &mut Step) {
        let span = step.span;
        match &mut step.deed {
            Deed::Act(act) => self.act(act, span),
            Deed::Actor { labels, settings } => {
                if self.hermetic("actor", span) {
                    for label in labels.iter() {
                        let is_named = settings.iter().any(|setting| setting.key == "as");
                        self.declare(label, Role::Client, is_named, span);
                    }
                }
                for setting in settings {
                    self.template(&setting.value, setting.span);
                    if let (true, Some(label)) = (setting.key == "on", setting.value.fixed()) {
                        self.known(label, &[Role::Server], setting.span);
                    }
                }
            }
            Deed::Disk { label, .. } => {
                if self.hermetic("disk", span) {
                    self.known(label, &[Role::Client, Role::Server], span);
                }
            }
            Deed::Each { name, words, steps } => {
                for word in words {
                    self.template(word, span);
                }
                self.block(Some(name), steps);
            }
            Deed::Forget(labels) => self.all_known(labels, span),
            Deed::Let { name, value } => {
                self.template(value, span);
                self.bound.insert(name.clone());
            }
            Deed::Net(net) => {
                if self.hermetic("net", span) {
                    let labels = labels_of(net);
                    self.all_known(&labels, span);
                }
            }
            Deed::Note(text) => self.template(text, span),
            Deed::Process { verb, label } => self.process(*verb, label, span),
            Deed::Repeat { name, steps, .. } => self.block(name.as_deref(), steps),
            Deed::Server { label, settings } => {
                self.declare(label, Role::Server, true, span);
                for setting in settings {
                    self.template(&setting.value, setting.span);
                }
            }
            Deed::Set(settings) => {
                for setting in settings {
                    self.template(&setting.value, setting.span);
                }
            }
            Deed::Sleep(_) => {}
            Deed::Wait(labels) => {
                for label in labels {
                    self.known(label, &[Role::Client], span);
                }
            }
        }
    }

    /// What a block counts has a value only inside; what it binds keeps it.
    fn block(&mut self, name: Option<&str>, steps: &mut [Step]) {
        let added = name.filter(|name| self.bound.insert((*name).to_owned()));
        self.steps(steps);
        if let Some(name) = added {
            self.bound.remove(name);
        }
    }

    fn process(&mut self, verb: Verb, label: &str, span: Span) {
        let (keyword, roles) = match verb {
            Verb::Crash => ("crash", &[Role::Client, Role::Server][..]),
            Verb::Kill => ("kill", &[Role::Client, Role::Server][..]),
            Verb::Start => ("start", &[Role::Client, Role::Server][..]),
            Verb::Stop => ("stop", &[Role::Server][..]),
        };
        if self.hermetic(keyword, span) {
            self.known(label, roles, span);
        }
    }

    /// True if the file may use this; else says what is missing.
    fn hermetic(&mut self, keyword: &str, span: Span) -> bool {
        let has_server = self.roles.values().any(|(role, _)| *role == Role::Server);
        let is_right = match self.world {
            World::Hermetic => keyword != "actor" || has_server,
            World::Live => false,
        };
        if !is_right && !self.doubt.actors {
            // Who takes part is not known from here on.
            self.doubt.actors = true;
            self.wrong(span, needs_server(keyword, span));
        }
        is_right
    }

    fn declare(&mut self, label: &str, role: Role, is_named: bool, span: Span) {
        if self.wrongs.is_full() {
            return;
        }
        let why = match self.roles.get(label) {
            Some((_, first)) => Some(format!("there is one since line {}", first.line + 1)),
            None if self.roles.len() < SCRIPT_ACTORS_MAX => None,
            None => Some(format!("at most {SCRIPT_ACTORS_MAX} servers and actors")),
        };
        if let Some(why) = why {
            let range = self.find(label, span);
            let message = format!("\"{label}\" cannot stand here");
            return self.wrong(span, Wrong::new(Code::Misplaced, range, message).label(why));
        }
        self.roles.insert(label.to_owned(), (role, span));
        if let (false, Err(why)) = (is_named, label.parse::<Name>()) {
            let range = self.find(label, span);
            let message = format!("\"{label}\" is no name: {why}");
            let wrong = Wrong::new(Code::BadValue, range, message);
            self.wrong(span, wrong.label("give another: as=NAME"));
        }
    }

    fn all_known(&mut self, labels: &[String], span: Span) {
        for label in labels {
            self.known(label, &[Role::Client, Role::Server], span);
        }
    }

    /// Says so if nobody is called so, or if it is the wrong kind of somebody.
    fn known(&mut self, label: &str, roles: &[Role], span: Span) {
        match self.role(label, span) {
            Some(role) if !roles.contains(&role) => {
                let range = self.find(label, span);
                let message = format!("\"{label}\" cannot stand here");
                let why = match role {
                    Role::Client => "only a server",
                    Role::Server => "only an actor, no server",
                };
                self.wrong(span, Wrong::new(Code::Misplaced, range, message).label(why));
            }
            _ => {}
        }
    }

    /// Who is called so; says so if nobody is.
    fn role(&mut self, label: &str, span: Span) -> Option<Role> {
        if let Some((role, _)) = self.roles.get(label) {
            return Some(*role);
        }
        if self.world == World::Live && self.roles.is_empty() {
            self.roles.insert(label.to_owned(), (Role::Client, span));
            return Some(Role::Client);
        }
        if self.doubt.actors || self.wrongs.is_full() {
            return None;
        }
        let range = self.find(label, span);
        let message = format!("no actor is called \"{label}\" here");
        let wrong = Wrong::new(Code::UnknownActor, range, message);
        let declared: Vec<&str> = self.roles.keys().map(String::as_str).collect();
        let all = match (self.world, declared.is_empty()) {
            (World::Live, _) => format!("a live file has one: {}", declared.join(", ")),
            (World::Hermetic, false) => format!("declared: {}", declared.join(", ")),
            (World::Hermetic, true) => format!("declare it above: actor {label}"),
        };
        let wrong = match did_you_mean(label, declared.into_iter(), "") {
            Some(question) => wrong.label(question).note(all),
            None => wrong.label(all),
        };
        let wrong = match self.world {
            World::Hermetic => wrong,
            World::Live => wrong.note("for several add: server s"),
        };
        self.wrong(span, wrong);
        None
    }

    fn act(&mut self, act: &mut Act, span: Span) {
        let is_bare = act.label.is_none() && act.span.start == span.start;
        let role = match &act.label {
            Some(label) => self.role(label, span),
            None => self.unnamed(act, span),
        };
        if role == Some(Role::Server) {
            self.at_server(act, span);
        }
        match &act.body {
            Body::Type(typing, line) => {
                self.template(line, act.span);
                let talker = act.label.clone().unwrap_or_default();
                let typed = Typed {
                    line,
                    source: self.sources.text(act.span),
                    typing: *typing,
                    is_bare,
                    is_talking: self.talking.contains(&talker),
                };
                if typed.opens_conversation(self.registry) {
                    self.talking.insert(talker);
                }
                // Nobody types here: that was said, or is not known.
                if is_bare && act.label.is_none() && self.world == World::Hermetic {
                    return;
                }
                if let Err(mut wrong) = typed::check(&typed, self.registry) {
                    if wrong.code == Code::UnknownDirective {
                        self.doubt = Doubt::all();
                    }
                    let start = act.span.start as usize;
                    wrong.range = wrong.range.start + start..wrong.range.end + start;
                    self.wrong(span, wrong);
                }
            }
            Body::See(seeing, pattern) => self.pattern(pattern, *seeing != Seeing::NotSee),
            Body::Ask(asking, pattern) => self.pattern(pattern, *asking != Asking::NotAsk),
        }
    }

    /// A line without a name: there has to be exactly one whom it can mean.
    fn unnamed(&mut self, act: &mut Act, span: Span) -> Option<Role> {
        if self.world == World::Live {
            return Some(Role::Client);
        }
        let clients = self.roles.iter();
        let mut clients = clients.filter(|(_, (role, _))| *role == Role::Client);
        if let (Some((label, _)), None) = (clients.next(), clients.next()) {
            act.label = Some(label.clone());
            return Some(Role::Client);
        }
        let name = self
            .roles
            .iter()
            .find(|(_, (role, _))| *role == Role::Client);
        let name = name.map_or("NAME", |(label, _)| label.as_str());
        let line = self.sources.text(span);
        let is_bare = act.span.start == span.start;
        let word = line.split([' ', '\t']).next().unwrap_or_default();
        let start = span.start as usize;
        let range = start..start + word.len();
        if is_bare && !typed::is_command(word, self.registry) {
            self.doubt = Doubt::all();
            self.wrong(span, typed::unknown_directive(word, range, self.registry));
            return None;
        }
        if self.doubt.actors {
            return None;
        }
        let mark = if is_bare { "> " } else { "" };
        let wrong = Wrong::new(
            Code::NameNeeded,
            range,
            "which actor? this file has several",
        )
        .label(format!("write: {name}{mark}{word} …"));
        self.wrong(span, wrong);
        None
    }

    /// A server can be seen and asked, and only some things.
    fn at_server(&mut self, act: &Act, span: Span) {
        let (kinds, queries) = AT_SERVER;
        let (code, what, may, pattern) = match &act.body {
            Body::Type(..) => {
                let op = act.body.op().sign();
                let label = act.label.as_deref().unwrap_or_default();
                let start = span.start as usize;
                let message = format!("\"{op}\" cannot stand here");
                let why = format!("{label} is a server: it can be seen and asked");
                let wrong = Wrong::new(Code::Misplaced, start..start + label.len(), message);
                return self.wrong(span, wrong.label(why));
            }
            Body::See(_, pattern) => (Code::UnknownEvent, "is no event of", kinds, pattern),
            Body::Ask(_, pattern) => (Code::UnknownQuery, "cannot be asked of", queries, pattern),
        };
        if !may.contains(&pattern.kind.as_str()) {
            let start = act.span.start as usize;
            let word = self.sources.text(act.span).split([' ', '\t']).next();
            let range = start..start + word.map_or(0, str::len);
            let message = format!("\"{}\" {what} a server", pattern.kind);
            let wrong = Wrong::new(code, range, message);
            self.wrong(span, wrong.label(format!("one of: {}", may.join(", "))));
        }
    }

    fn pattern(&mut self, pattern: &Pattern, binds: bool) {
        for part in &pattern.matches {
            match &part.value {
                Value::Bind(_) => {}
                Value::Glob(values) | Value::OneOf(values) => {
                    for value in values {
                        self.template(value, part.span);
                    }
                }
                Value::Regex { source, .. } => self.template(source, part.span),
            }
        }
        if binds {
            let names = pattern.matches.iter().flat_map(super::tree::Match::binds);
            self.bound.extend(names.map(str::to_owned));
        }
    }

    /// Every variable has a value; what has none is told once.
    fn template(&mut self, template: &Template, span: Span) {
        for name in template.variables() {
            let is_known = name == "rand" || self.bound.contains(name);
            if is_known || self.doubt.variables || self.wrongs.is_full() {
                continue;
            }
            let range = find_variable(self.sources.line(span.file, span.line), name, span);
            let message = format!("${name} is used but nothing binds it");
            let wrong = Wrong::new(Code::Unbound, range, message);
            let otherwise = format!("pass it with --var {name}=…");
            let names = self.bound.iter().map(String::as_str);
            let wrong = match did_you_mean(name, names, "$") {
                Some(question) => wrong.label(question),
                None => wrong.label(otherwise),
            };
            self.bound.insert(name.to_owned());
            self.wrong(span, wrong);
        }
    }

    /// Where a label stands in a line.
    fn find(&self, label: &str, span: Span) -> Range<usize> {
        let line = self.sources.line(span.file, span.line);
        let whole = span.start as usize..span.end as usize;
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut at = whole.start;
        // The keyword of a directive is no label, though it may look like one.
        let keyword = line
            .get(at..)
            .and_then(identifier)
            .map_or(0, |(word, _)| word.len());
        let is_act = line[at..].starts_with(label)
            && line[at + label.len()..].starts_with(['<', '>', '?', '!', '&', '@']);
        if !is_act {
            at += keyword;
        }
        while let Some(found) = line.get(at..).and_then(|rest| rest.find(label)) {
            let (start, end) = (at + found, at + found + label.len());
            let before = line[..start].chars().next_back();
            let after = line[end..].chars().next();
            if !before.is_some_and(is_part) && !after.is_some_and(is_part) {
                return start..end;
            }
            at = end;
        }
        whole
    }
}

fn needs_server(keyword: &str, span: Span) -> Wrong {
    let start = span.start as usize;
    let message = format!("\"{keyword}\" needs a server of its own");
    Wrong::new(Code::NeedsServer, start..start + keyword.len(), message).label("add: server s")
}

fn labels_of(net: &Net) -> Vec<String> {
    let path = match net {
        Net::Chance { path, .. } | Net::Delay { path, .. } | Net::Heal(path) => path.as_ref(),
        Net::Cut(path) => Some(path),
        Net::Partition(left, right) => return [left.as_slice(), right.as_slice()].concat(),
    };
    match path {
        None => Vec::new(),
        Some(Path::All(a)) => vec![a.clone()],
        Some(Path::Between(a, b) | Path::To(a, b)) => vec![a.clone(), b.clone()],
    }
}

/// Where `$name` or `${name}` stands in a part of a line.
fn find_variable(line: &str, name: &str, span: Span) -> Range<usize> {
    let whole = span.start as usize..span.end as usize;
    let text = line.get(whole.clone()).unwrap_or_default();
    let mut at = 0;
    while let Some(found) = text[at..].find('$') {
        let start = at + found;
        match variable(&text[start + 1..]) {
            Some((found, rest)) if found == name => {
                let end = text.len() - rest.len();
                return whole.start + start..whole.start + end;
            }
            _ => at = start + 1,
        }
    }
    whole
}
