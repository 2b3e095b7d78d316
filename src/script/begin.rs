//! Begins a line: what it makes the world do, and what it then waits for.

use super::cast::{Member, Part, State, Typed, Who};
use super::code::Code;
use super::report::Failure;
use super::runner::{Output, Rounds, Runner, value};
use super::tree::{Act, Asking, Body, Deed, Seeing, Setting, Span, Step, Typing, Verb};
use super::wait::What;
use crate::shell::grammar::{self, Input, Line};
use crate::shell::matcher::{Unusable, Wanted};

/// What a line needs before it is done.
pub(super) type Begun = Result<Option<What>, Failure>;

impl<'a> Runner<'a> {
    pub(super) fn begin(&mut self, step: &'a Step) -> Begun {
        let span = step.span;
        match &step.deed {
            Deed::Act(act) => return self.begin_act(act),
            Deed::Actor { labels, settings } => return self.begin_actors(span, labels, settings),
            Deed::Disk { label, state } => {
                let who = self.find(span, label)?;
                self.outputs.push_back(Output::Disk(who, *state));
            }
            Deed::Each { name, words, steps } => {
                let words = words.iter().map(|word| self.fill(word, span));
                let words: Vec<String> = words.collect::<Result<_, _>>()?;
                self.push_frame(steps, Rounds::Each(name, words.into_iter()));
            }
            Deed::Forget(labels) => {
                for label in labels {
                    let who = self.find(span, label)?;
                    self.cast[who.0].forget();
                }
            }
            Deed::Let { name, value } => {
                let value = self.fill(value, span)?;
                self.variables.insert(name.clone(), value);
            }
            Deed::Net(net) => self.outputs.push_back(Output::Net(net.clone())),
            Deed::Note(text) => {
                let text = self.fill(text, span)?;
                self.report.notes.push(text);
            }
            Deed::Process { verb, label } => return self.begin_process(span, *verb, label),
            Deed::Repeat { count, name, steps } => {
                self.push_frame(steps, Rounds::Repeat(name.as_deref(), 1..=*count));
            }
            Deed::Server { label, settings } => {
                let part = self.server_part(settings)?;
                let who = self.add(label, Part::Server(part));
                return Ok(Some(self.start(vec![who])));
            }
            Deed::Set(settings) => {
                for setting in settings {
                    self.set(setting)?;
                }
            }
            Deed::Sleep(duration) => return Ok(Some(What::Sleep(*duration))),
            Deed::Wait(labels) => {
                let all = labels.iter().map(|label| self.find(span, label));
                return Ok(Some(What::All(all.collect::<Result<_, _>>()?)));
            }
        }
        Ok(None)
    }

    fn begin_act(&mut self, act: &'a Act) -> Begun {
        let who = match &act.label {
            Some(label) => self.find(act.span, label)?,
            None => Who(0),
        };
        let limit = act.limit;
        Ok(Some(match &act.body {
            Body::Type(typing, text) => {
                let text = self.fill(text, act.span)?;
                let number = self.type_line(who, &text, act.span)?;
                match typing {
                    Typing::Background => return Ok(None),
                    Typing::Do => What::Line(who, number, true, limit),
                    Typing::MustFail => What::Line(who, number, false, limit),
                }
            }
            Body::See(seeing, pattern) => {
                let wanted = self.wanted(act, pattern)?;
                match seeing {
                    Seeing::NotSee => What::NotSee(who, wanted, limit),
                    Seeing::See => What::See(who, wanted, limit),
                    Seeing::SeeNext => What::SeeNext(who, wanted, limit),
                }
            }
            Body::Ask(asking, pattern) => {
                let (wanted, count) = self.wanted(act, pattern)?.split_count();
                if let State::Gone(how, line) = &self.cast[who.0].state {
                    return Err(self.gone(act.span, who, how, *line));
                }
                let wants = *asking == Asking::Ask;
                What::Ask(who, wanted, count, wants, limit)
            }
        }))
    }

    fn wanted(
        &mut self,
        act: &Act,
        pattern: &crate::shell::pattern::Pattern,
    ) -> Result<Wanted, Failure> {
        let (variables, ratchet) = (&self.variables, &mut self.ratchet);
        Wanted::fill(pattern, &mut |name| value(variables, ratchet, name)).map_err(|why| {
            let code = match why {
                Unusable::Regex(_) => Code::BadRegex,
                Unusable::Unbound(_) => Code::Unbound,
            };
            self.failure(code, act.span, &why.to_string(), "", None)
        })
    }

    /// Gives the number of the line; 0 if it is the start of a program.
    fn type_line(&mut self, who: Who, text: &str, span: Span) -> Result<u64, Failure> {
        let member = &self.cast[who.0];
        let number = match &member.state {
            State::Gone(how, line) => return Err(self.gone(span, who, how, *line)),
            State::New if is_login(text) => {
                self.outputs.push_back(Output::Start(who));
                self.cast[who.0].state = State::Starting;
                0
            }
            State::New => {
                let how = "never started";
                return Err(self.gone(span, who, how, None));
            }
            State::Here | State::Starting => {
                self.lines += 1;
                let output = Output::Type(who, self.lines, text.to_owned());
                self.outputs.push_back(output);
                self.lines
            }
        };
        let typed = Typed {
            number,
            text: text.to_owned(),
            span,
            since: self.now,
            outcome: None,
        };
        self.cast[who.0].lines.push(typed);
        Ok(number)
    }

    fn begin_actors(&mut self, span: Span, labels: &[String], settings: &[Setting]) -> Begun {
        let mut all = Vec::new();
        let mut starts = true;
        for label in labels {
            let part;
            (part, starts) = self.client_part(span, label, settings)?;
            all.push(self.add(label, Part::Client(part)));
        }
        if !starts {
            return Ok(None);
        }
        Ok(Some(self.start(all)))
    }

    fn begin_process(&mut self, span: Span, verb: Verb, label: &str) -> Begun {
        let who = self.find(span, label)?;
        let (output, how) = match verb {
            Verb::Crash => (Output::Crash(who), "lost its power"),
            Verb::Kill => (Output::Kill(who), "was killed"),
            Verb::Start => {
                let is_up = matches!(self.cast[who.0].state, State::Here | State::Starting);
                return Ok((!is_up).then(|| self.start(vec![who])));
            }
            Verb::Stop => (Output::Stop(who), "was stopped"),
        };
        self.outputs.push_back(output);
        self.cast[who.0].leaves(how.to_owned(), Some(span));
        Ok(None)
    }

    pub(super) fn add(&mut self, label: &str, part: Part) -> Who {
        let who = Who(self.cast.len());
        self.cast.push(Member::new(label, part.clone()));
        self.outputs
            .push_back(Output::Cast(who, label.to_owned(), part));
        who
    }

    /// The first one starts now, each other one when the one before is ready.
    pub(super) fn start(&mut self, all: Vec<Who>) -> What {
        if let Some(first) = all.first() {
            self.start_one(*first);
        }
        What::Ready(all, 0, None)
    }

    pub(super) fn start_one(&mut self, who: Who) {
        self.outputs.push_back(Output::Start(who));
        self.cast[who.0].state = State::Starting;
    }
}

/// True if the line logs in: where no program runs, it starts one.
fn is_login(text: &str) -> bool {
    match grammar::line(text, Input::Command) {
        Line::Command(word, _) => matches!(word.text, "reg" | "back"),
        Line::Blank | Line::Say(_) => false,
    }
}
