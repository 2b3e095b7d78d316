//! The chores of a shell: hooks, commands of other programs, and what those say of themselves.

use super::child::{Child, End, Order};
use super::plugins::{self, Found, Plugins};
use crate::driver::log::Log;
use crate::driver::reactor::{CHILDREN, Reactor};
use crate::model::limits::{
    CHILD_GRACE, CHILD_OUTPUT_BYTES_MAX, CHILDREN_MAX, HOOK_JSON_BYTES_MAX, HOOK_TEXT_BYTES_MAX,
    MANIFEST_BYTES_MAX, MANIFEST_LIMIT,
};
use crate::model::{Instant, Now};
use crate::shell::control::json;
use crate::shell::external::{API, Chore, MANIFEST_FLAG, Program, Ran, RanEnd, Wanted, Word};
use crate::shell::fields::Fact;
use crate::shell::hooks::{Job, JobEnd, Reads};
use crate::shell::{LineId, Shell};
use std::collections::VecDeque;
use std::path::PathBuf;

/// What other programs are told of this one.
#[derive(Clone, Debug)]
pub struct Place {
    /// Whose session it is.
    pub me: String,
    /// The profile.
    pub profile: String,
    /// Where its session listens.
    pub socket: Option<PathBuf>,
    /// The profile's data directory: where hooks run.
    pub directory: PathBuf,
    /// Where programs lie that are commands.
    pub plugins: PathBuf,
    /// Where it is kept what those say of themselves.
    pub manifests: Option<PathBuf>,
}

/// All that runs for a shell, and what has to run yet.
#[derive(Debug)]
pub struct Chores {
    place: Place,
    plugins: Plugins,
    log: Log,
    running: Vec<(Child, Purpose)>,
    waiting: VecDeque<(Order, Purpose)>,
    /// Lines that wait until the programs have said what they are.
    finding: Vec<LineId>,
}

/// Why a program runs.
#[derive(Debug)]
enum Purpose {
    /// A line wants it.
    Command(LineId),
    /// Something happened.
    Hook(Job),
    /// It is asked what it is.
    Manifest(Found),
}

impl Chores {
    /// Nothing runs.
    #[must_use]
    pub fn new(place: Place, log: Log) -> Self {
        Self {
            plugins: Plugins::new(place.plugins.clone()).remembered(place.manifests.clone()),
            place,
            log,
            running: Vec::new(),
            waiting: VecDeque::new(),
            finding: Vec::new(),
        }
    }

    /// Takes an chore of the shell.
    pub fn handle(&mut self, now: Now, reactor: &Reactor, shell: &mut Shell, chore: Chore) {
        match chore {
            Chore::Find(line, wanted) => {
                self.finding.push(line);
                self.ask(shell, &wanted);
            }
            Chore::Hook(job) => {
                let order = self.of_hook(now, &job);
                self.waiting.push_back((order, Purpose::Hook(job)));
            }
            Chore::New(line, word) => {
                let written = self.plugins.write_new(&word);
                let words = match &written {
                    Ok(path) => format!("A script to begin with: {}.", path.display()),
                    Err(error) => format!("cannot write ackchat-{}: {error}", word.as_str()),
                };
                let answer = written.as_ref().map(|_| &*words).map_err(|_| &*words);
                shell.handle_chore(now, line, answer);
            }
            Chore::Run(line, program) => {
                let order = self.of_program(program);
                self.waiting.push_back((order, Purpose::Command(line)));
            }
        }
        self.turn(now, reactor, shell);
    }

    /// Looks which programs there are, because somebody is about to type one of their names.
    pub fn look(&mut self, now: Now, reactor: &Reactor, shell: &mut Shell) {
        self.ask(shell, &Wanted::All);
        self.turn(now, reactor, shell);
    }

    /// Whether a program has still to say what it is: not for long.
    #[must_use]
    pub fn is_looking(&self) -> bool {
        let mut running = self.running.iter();
        running.any(|(child, purpose)| {
            matches!(purpose, Purpose::Manifest(_)) && !child.is_told_to_end()
        })
    }

    /// Starts what waits, feeds and reads what runs, and hands over what has ended.
    pub fn turn(&mut self, now: Now, reactor: &Reactor, shell: &mut Shell) {
        loop {
            self.start(now, reactor, shell);
            let mut ended = Vec::new();
            let mut index = 0;
            while let Some((child, _)) = self.running.get_mut(index) {
                match child.turn(now.instant) {
                    Some(end) => ended.push((end, self.running.swap_remove(index).1)),
                    None => index += 1,
                }
            }
            let is_quiet = ended.is_empty();
            let is_told = |(_, purpose): &(End, Purpose)| matches!(purpose, Purpose::Manifest(_));
            let have_told = ended.iter().any(is_told);
            for (end, purpose) in ended {
                self.on_end(now, shell, purpose, Ok(end));
            }
            if have_told {
                let found = self.plugins.find();
                shell.handle_commands(self.plugins.commands(&found));
            }
            if is_quiet {
                break;
            }
        }
        if !self.finding.is_empty() && !self.is_looking() {
            let found = self.plugins.find();
            let commands = self.plugins.commands(&found);
            for line in std::mem::take(&mut self.finding) {
                shell.handle_found(now, line, commands.clone());
            }
        }
    }

    /// When something has to be looked at, whether something happened or not.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.running.iter().map(|(child, _)| child.deadline()).min()
    }

    /// Ctrl-C: commands end, hooks go on.
    pub fn interrupt(&mut self, now: Instant) {
        for (child, purpose) in &mut self.running {
            if matches!(purpose, Purpose::Command(_)) {
                child.end(now);
            }
        }
    }

    /// The program ends: whatever runs is told so, and what has not ended soon is ended. An
    /// impatient signal ends it at once.
    pub fn end(&mut self, reactor: &mut Reactor) {
        self.waiting.clear();
        let mut now = reactor.now().instant;
        let limit = now + CHILD_GRACE;
        loop {
            self.running.retain_mut(|(child, _)| {
                child.end(now);
                child.turn(now).is_none()
            });
            if self.running.is_empty() || limit <= now {
                break;
            }
            let until = self.deadline().map_or(limit, |until| until.min(limit));
            match reactor.wait(Some(until)) {
                Ok(woken) if woken.signal.is_none() => now = woken.now.instant,
                Ok(_) | Err(_) => break,
            }
        }
        self.running.clear();
    }

    /// Asks programs what they are, unless they said it already.
    fn ask(&mut self, shell: &mut Shell, wanted: &Wanted) {
        let found = self.plugins.find();
        shell.handle_commands(self.plugins.commands(&found));
        let is_wanted = |word: &Word| match wanted {
            Wanted::All => true,
            Wanted::One(one) => one == word,
        };
        for found in found {
            if !is_wanted(&found.word) || self.plugins.knows(&found) || self.is_asked(&found) {
                continue;
            }
            let order = Order {
                program: found.path.clone().into(),
                words: vec![MANIFEST_FLAG.to_owned()],
                environment: self.environment(&[]),
                output_bytes_max: MANIFEST_BYTES_MAX,
                limit: MANIFEST_LIMIT,
                ..Order::default()
            };
            self.waiting.push_back((order, Purpose::Manifest(found)));
        }
    }

    fn is_asked(&self, found: &Found) -> bool {
        let running = self.running.iter().map(|(_, purpose)| purpose);
        let mut all = running.chain(self.waiting.iter().map(|(_, purpose)| purpose));
        all.any(|purpose| matches!(purpose, Purpose::Manifest(other) if other == found))
    }

    fn start(&mut self, now: Now, reactor: &Reactor, shell: &mut Shell) {
        loop {
            // Somebody sits there and waits for a manifest; hooks and commands wait for each other.
            let has_room = self.running.len() < CHILDREN_MAX;
            let may_start = |(_, purpose): &_| has_room || matches!(purpose, Purpose::Manifest(_));
            let next = self.waiting.iter().position(may_start);
            let Some((order, purpose)) = next.and_then(|next| self.waiting.remove(next)) else {
                return;
            };
            let watched = reactor.watch_children();
            let begun = watched
                .and_then(|()| Child::begin(order, now.instant, reactor.registry(), CHILDREN));
            match begun {
                Ok(child) => self.running.push((child, purpose)),
                Err(error) => self.on_end(now, shell, purpose, Err(error.to_string())),
            }
        }
    }

    fn on_end(&mut self, now: Now, shell: &mut Shell, purpose: Purpose, end: Result<End, String>) {
        match purpose {
            Purpose::Command(line) => shell.handle_ran(now, line, &ran(end)),
            Purpose::Hook(job) => {
                let name = format!("hook {}", job.hook.name);
                let job_end = match end {
                    Err(why) => {
                        self.log.note(now, &name, &why);
                        JobEnd::Failed(None)
                    }
                    Ok(end) => {
                        self.log.keep(now, &name, &end.complaint);
                        of_hook_end(end)
                    }
                };
                match &job_end {
                    JobEnd::Failed(Some(code)) => {
                        self.log
                            .note(now, &name, &format!("ended with status {code}"));
                    }
                    JobEnd::Late => self.log.note(now, &name, "ended, because its time was up"),
                    JobEnd::Failed(None) | JobEnd::Ok(_) => {}
                }
                shell.handle_hook(now, job.index, &job_end);
            }
            Purpose::Manifest(found) => {
                let told = end.ok().filter(|end| end.code == 0 && !end.is_late);
                let told = told.and_then(|end| String::from_utf8(end.output).ok());
                self.plugins.learn(&found, told);
            }
        }
    }

    fn of_program(&self, program: Program) -> Order {
        let mut environment = self.environment(&[]);
        environment.push(("ACKCHAT_PLUGIN_API", Some(API.to_string())));
        environment.push(("ACKCHAT_CONV", program.conversation));
        Order {
            program: program.external.path.clone().into(),
            words: program.words,
            environment,
            output_bytes_max: CHILD_OUTPUT_BYTES_MAX,
            limit: program.external.limit,
            ..Order::default()
        }
    }

    fn of_hook(&self, now: Now, job: &Job) -> Order {
        let Job { hook, fact, .. } = job;
        let json = json::fact(&self.place.profile, now.wall.unix_ms, fact);
        let json = json.trim_end().to_owned();
        let input = match hook.reads {
            Reads::Json => format!("{json}\n"),
            Reads::None => String::new(),
            Reads::Text => fact.text("text").unwrap_or_default(),
        };
        Order {
            program: hook.run.first().cloned().unwrap_or_default().into(),
            words: hook.run.get(1..).unwrap_or_default().to_vec(),
            environment: self.environment(&of_fact(fact, json)),
            directory: Some(self.place.directory.clone()),
            input: input.into_bytes(),
            output_bytes_max: CHILD_OUTPUT_BYTES_MAX,
            limit: hook.limit,
        }
    }

    /// What every program of ours finds in its environment; what does not hold now is taken out.
    fn environment(&self, more: &[(&'static str, Option<String>)]) -> Environment {
        let socket = self.place.socket.as_deref();
        let mut environment: Environment = OF_FACT.map(|name| (name, None)).to_vec();
        environment.extend([
            ("ACKCHAT_CONV", None),
            ("ACKCHAT_PROFILE", Some(self.place.profile.clone())),
            ("ACKCHAT_SELF", Some(self.place.me.clone())),
            (
                "ACKCHAT_SOCK",
                socket.map(|path| path.display().to_string()),
            ),
            ("PATH", Some(plugins::path_with_us())),
        ]);
        environment.extend_from_slice(more);
        environment
    }
}

type Environment = Vec<(&'static str, Option<String>)>;

/// What a hook finds in its environment besides what every program of ours does.
const OF_FACT: [&str; 8] = [
    "ACKCHAT_EVENT",
    "ACKCHAT_FROM",
    "ACKCHAT_TO",
    "ACKCHAT_GROUP",
    "ACKCHAT_TEXT",
    "ACKCHAT_TEXT_CUT",
    "ACKCHAT_ID",
    "ACKCHAT_JSON",
];

/// Nothing of it is ever part of a command line. It is cut to what an environment can hold, and a
/// NUL, which would end it, is a mark.
fn of_fact(fact: &Fact, json: String) -> Environment {
    let field = |name: &str| fact.text(name).map(|text| text.replace('\0', "\u{fffd}"));
    let text = field("text");
    let cut = text.as_deref().map(|text| {
        let end = text.floor_char_boundary(HOOK_TEXT_BYTES_MAX);
        text[..end].to_owned()
    });
    let was_cut = (text != cut).then(|| "1".to_owned());
    let json = Some(json).filter(|json| json.len() <= HOOK_JSON_BYTES_MAX);
    vec![
        ("ACKCHAT_EVENT", Some(fact.kind.to_owned())),
        ("ACKCHAT_FROM", field("from")),
        ("ACKCHAT_TO", field("to")),
        ("ACKCHAT_GROUP", field("group")),
        ("ACKCHAT_TEXT", cut),
        ("ACKCHAT_TEXT_CUT", was_cut),
        ("ACKCHAT_ID", field("id")),
        ("ACKCHAT_JSON", json),
    ]
}

fn of_hook_end(end: End) -> JobEnd {
    match end {
        End { is_late: true, .. } => JobEnd::Late,
        End {
            code: 0, output, ..
        } if output.len() < CHILD_OUTPUT_BYTES_MAX => JobEnd::Ok(output),
        End { code, .. } => JobEnd::Failed(Some(code)),
    }
}

fn ran(end: Result<End, String>) -> Ran {
    let end = match end {
        Ok(end) => end,
        Err(why) => {
            return Ran {
                output: Vec::new(),
                complaint: String::new(),
                end: RanEnd::NotBegun(why),
            };
        }
    };
    let complaint = String::from_utf8_lossy(&end.complaint);
    Ran {
        complaint: last_word(&complaint).to_owned(),
        output: end.output,
        end: if end.is_late {
            RanEnd::Late
        } else {
            RanEnd::Code(end.code)
        },
    }
}

/// The last line that says what is so; a hint, which begins with blanks, only if there is no other.
/// What our own one-shots say stands in brackets.
fn last_word(complaint: &str) -> &str {
    let lines = || complaint.lines().filter(|line| !line.trim().is_empty());
    let last = lines().rfind(|line| !line.starts_with(' '));
    let last = last.or_else(|| lines().next_back()).unwrap_or_default();
    let bare = last
        .strip_prefix('[')
        .and_then(|last| last.strip_suffix(".]"));
    bare.unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_a_program_is_what_is_so_and_no_hint() {
        for (complaint, word) in [
            ("", ""),
            ("first\nlast\n\n", "last"),
            (
                "[No one is called bop.]\n  did you mean bob?\n",
                "No one is called bop",
            ),
            ("  only a hint\n", "  only a hint"),
            ("[x]\n", "[x]"),
        ] {
            assert_eq!(last_word(complaint), word);
        }
    }

    fn told(environment: &Environment, name: &str) -> Option<String> {
        let found = environment.iter().find(|(other, _)| *other == name);
        found.and_then(|(_, value)| value.clone())
    }

    #[test]
    fn a_text_in_the_environment_is_cut_at_a_character_and_has_no_nul() {
        let fact = |text: &str| Fact::new("message").with("from", "bob").with("text", text);
        for (text, kept, cut) in [
            ("a\0b".to_owned(), "a\u{fffd}b".len(), None),
            ("x".repeat(HOOK_TEXT_BYTES_MAX), HOOK_TEXT_BYTES_MAX, None),
            (
                "x".repeat(HOOK_TEXT_BYTES_MAX + 1),
                HOOK_TEXT_BYTES_MAX,
                Some("1"),
            ),
            (
                format!("{}é", "x".repeat(HOOK_TEXT_BYTES_MAX - 1)),
                HOOK_TEXT_BYTES_MAX - 1,
                Some("1"),
            ),
        ] {
            let environment = of_fact(&fact(&text), "{}".to_owned());
            assert_eq!(told(&environment, "ACKCHAT_TEXT").unwrap().len(), kept);
            assert_eq!(told(&environment, "ACKCHAT_TEXT_CUT").as_deref(), cut);
            assert_eq!(told(&environment, "ACKCHAT_GROUP"), None);
        }
        for (bytes, is_there) in [
            (HOOK_JSON_BYTES_MAX, true),
            (HOOK_JSON_BYTES_MAX + 1, false),
        ] {
            let environment = of_fact(&fact("x"), "x".repeat(bytes));
            assert_eq!(told(&environment, "ACKCHAT_JSON").is_some(), is_there);
        }
    }
}
