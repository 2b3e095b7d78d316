//! From text to tree, or to everything that is wrong with the text.

use super::check::{self, Doubt};
use super::code::Code;
use super::directive::{self, Directive, Open, directive};
use super::grammar::{Form, Head, OpKind, form};
use super::lexis::{Reader, is_blank};
use super::patterns;
use super::tree::{
    Act, Body, Deed, Diagnostic, File, Setting, Sources, Span, Step, Template, Test,
};
use super::tree::{Typing, World};
use super::wrong::{Wrong, Wrongs};
use crate::model::limits::{SCRIPT_BYTES_MAX, SCRIPT_DEPTH_MAX};
use crate::model::limits::{SCRIPT_INCLUDE_DEPTH_MAX, SCRIPT_INCLUDES_MAX};
use crate::shell::Registry;
use crate::shell::grammar::Spanned;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Reads a file and what it includes.
///
/// `path` is how the file is named in reports. `variables` are the names that have values before
/// the first line (`--var`, `--secret`). `include` gives the text of an included file; its path is
/// put together from `path` and what stands in the line.
///
/// # Errors
/// All that is wrong, in the order of the file, at most 20.
pub fn parse(
    path: &str,
    source: &str,
    variables: &BTreeSet<String>,
    include: &mut dyn FnMut(&Path) -> Result<String, String>,
) -> Result<File, Vec<Diagnostic>> {
    let mut parser = Parser {
        sources: Sources::default(),
        wrongs: Wrongs::default(),
        registry: Registry::builtin(),
        include,
        included: 0,
        chain: Vec::new(),
        frames: vec![Frame::new(Opened::Root, Span::default())],
        tests: Vec::new(),
        seed: None,
        pause: Duration::ZERO,
        doubt: Doubt::default(),
    };
    if source.len() > SCRIPT_BYTES_MAX {
        parser.sources.add(path, "");
        let message = format!("cannot run {path}: too-long: it has more than 1 MiB");
        parser.wrong(Span::default(), Wrong::new(Code::CannotRun, 0..0, message));
        return Err(parser.wrongs.into_diagnostics());
    }
    parser.file(PathBuf::from(path), source);
    let mut file = parser.finish(path);
    if !parser.wrongs.is_full() {
        check::file(
            &mut file,
            &parser.registry,
            variables,
            parser.doubt,
            &mut parser.wrongs,
        );
    }
    if parser.wrongs.is_empty() {
        Ok(file)
    } else {
        Err(parser.wrongs.into_diagnostics())
    }
}

struct Parser<'a> {
    sources: Sources,
    wrongs: Wrongs,
    registry: Registry,
    include: &'a mut dyn FnMut(&Path) -> Result<String, String>,
    /// How many files were included so far.
    included: usize,
    /// The files that include each other at this place, and the line that includes the next.
    chain: Vec<(PathBuf, u32)>,
    /// Open blocks, the file itself first.
    frames: Vec<Frame>,
    tests: Vec<Test>,
    seed: Option<u64>,
    /// What the comments above say.
    pause: Duration,
    doubt: Doubt,
}

/// A block that is open.
struct Frame {
    opened: Opened,
    span: Span,
    steps: Vec<Step>,
    on_fail: Option<Vec<Step>>,
    skip: Option<String>,
    todo: Option<String>,
    /// What stands here as if it were in a test, for the case that it is not.
    test_lines: Vec<Span>,
}

enum Opened {
    Block(Open),
    /// It stands where it cannot; what is in it is read and forgotten.
    Lost,
    Root,
    Test {
        name: String,
        above: usize,
    },
}

impl Frame {
    const fn new(opened: Opened, span: Span) -> Self {
        Self {
            opened,
            span,
            steps: Vec::new(),
            on_fail: None,
            skip: None,
            todo: None,
            test_lines: Vec::new(),
        }
    }

    /// A test, or a file that may be one.
    const fn is_test(&self) -> bool {
        matches!(
            self.opened,
            Opened::Lost | Opened::Root | Opened::Test { .. }
        )
    }
}

impl Parser<'_> {
    fn wrong(&mut self, line: Span, wrong: Wrong) {
        self.wrongs.add(&self.sources, line, wrong);
    }

    /// All lines of a file; blocks that it opens end in it.
    fn file(&mut self, path: PathBuf, source: &str) {
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        let file = self.sources.add(&path.to_string_lossy(), source);
        let depth = self.frames.len();
        self.chain.push((path, 0));
        let mut line = Span {
            file,
            ..Span::default()
        };
        for text in source.lines() {
            if self.wrongs.is_full() {
                break;
            }
            self.line(text.trim_end_matches(is_blank), line, depth);
            line.line += 1;
        }
        while self.frames.len() > depth {
            let span = self.frame().span;
            let whole = span.start as usize..span.end as usize;
            let message = "this block is never closed";
            let wrong = Wrong::new(Code::UnclosedBlock, whole, message).label("opened here");
            self.wrong(span, wrong);
            self.close();
        }
        self.chain.pop();
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the root is never closed")
    }

    fn line(&mut self, text: &str, line: Span, depth: usize) {
        let span = line.at(text.len() - text.trim_start_matches(is_blank).len()..text.len());
        let registry = &self.registry;
        let form = form(text, |word| {
            registry
                .find(word.strip_prefix('/').unwrap_or(word))
                .is_some()
        });
        let step = match form {
            Err(wrong) => Err(wrong),
            Ok(Form::Act(head, body)) => act(&head, body, line).map(Deed::Act),
            Ok(Form::Bare(body)) => Ok(Deed::Act(bare(&body, line))),
            Ok(Form::Close) if self.frames.len() > depth => return self.close(),
            Ok(Form::Close) => Err(misplaced("}", &span, "no block is open")),
            Ok(Form::Directive(word, rest)) => return self.directive(&word, rest, span),
            Ok(Form::Nothing) => return,
            Ok(Form::Pause(pause)) => {
                self.pause += pause;
                return;
            }
        };
        match step {
            Ok(deed) => self.step(deed, span),
            Err(wrong) => {
                self.doubt.variables = true;
                self.wrong(line, wrong);
            }
        }
    }

    fn step(&mut self, deed: Deed, span: Span) {
        let pause = std::mem::take(&mut self.pause);
        let frame = self.frame();
        if frame.on_fail.is_some() {
            return self.wrong(span, after_on_fail(&self.sources, span));
        }
        frame.steps.push(Step { span, pause, deed });
    }

    fn directive(&mut self, word: &Spanned<'_>, rest: Reader<'_>, span: Span) {
        let keyword = directive::keyword(word.text).expect("only keywords become directives");
        match directive(keyword, rest, span) {
            Ok(Directive::Deed(deed)) => match self.deed(keyword, deed, span) {
                Ok(deed) => self.step(deed, span),
                Err(wrong) => self.wrong(span, wrong),
            },
            Ok(Directive::Include(file, range)) => {
                if let Err(wrong) = self.include(&file, span.at(range)) {
                    self.doubt = Doubt::all();
                    self.wrong(span, wrong);
                }
            }
            Ok(Directive::Open(open)) => self.open(keyword, open, span),
            Ok(Directive::Skip(why)) => self.remark(keyword, span, |frame| &mut frame.skip, why),
            Ok(Directive::Todo(why)) => self.remark(keyword, span, |frame| &mut frame.todo, why),
            Err(wrong) => {
                self.wrong(span, wrong);
                match keyword {
                    "actor" | "server" | "include" => self.doubt = Doubt::all(),
                    "let" => self.doubt.variables = true,
                    _ => {}
                }
                if directive::opens(keyword) {
                    self.doubt.variables = true;
                    self.open(keyword, stand_in(keyword), span);
                }
            }
        }
    }

    /// What depends on the place.
    fn deed(&mut self, keyword: &str, deed: Deed, span: Span) -> Result<Deed, Wrong> {
        let frame = self.frame();
        match &deed {
            Deed::Actor { .. } | Deed::Server { .. } if !frame.is_test() => {
                self.doubt = Doubt::all();
                Err(misplaced(
                    keyword,
                    &span,
                    "a block may run more than once, or never",
                ))
            }
            Deed::Set(settings) => {
                for setting in settings {
                    if setting.key == "seed" {
                        self.set_seed(setting, span)?;
                    }
                }
                Ok(deed)
            }
            _ => Ok(deed),
        }
    }

    fn set_seed(&mut self, setting: &Setting, span: Span) -> Result<(), Wrong> {
        if self.frames.len() > 1 || !self.tests.is_empty() {
            let why = "one seed for the file: above the first test";
            return Err(misplaced("set seed", &span, why));
        }
        let seed = setting.value.fixed().and_then(|text| text.parse().ok());
        let range = setting.span.start as usize..setting.span.end as usize;
        let wrong = Wrong::new(
            Code::BadValue,
            range,
            "a seed is known before anything runs",
        );
        self.seed = Some(seed.ok_or_else(|| wrong.label("a number; or give --seed"))?);
        Ok(())
    }

    /// `skip` and `todo`.
    fn remark(
        &mut self,
        keyword: &str,
        span: Span,
        place: impl Fn(&mut Frame) -> &mut Option<String>,
        why: String,
    ) {
        let frame = self.frame();
        if !frame.is_test() {
            return self.wrong(span, misplaced(keyword, &span, "only in a test itself"));
        }
        if frame.on_fail.is_some() {
            return self.wrong(span, after_on_fail(&self.sources, span));
        }
        frame.test_lines.push(span);
        *place(frame) = Some(why);
    }

    fn open(&mut self, keyword: &str, open: Open, span: Span) {
        let is_included = self.chain.len() > 1;
        let depth = self.frames.len();
        let above = self.frames.first().map_or(0, |root| root.steps.len());
        let frame = self.frame();
        let why = match &open {
            _ if depth > SCRIPT_DEPTH_MAX => Some("blocks are at most 8 deep"),
            Open::Test { .. } if is_included => Some("a file with tests cannot be included"),
            Open::Test { .. } => match frame.opened {
                Opened::Root => None,
                _ => Some("a test inside a test"),
            },
            Open::OnFail if is_included => Some("not in an included file"),
            Open::OnFail if !frame.is_test() => Some("only in a test itself"),
            Open::OnFail if frame.on_fail.is_some() => Some("there is one already"),
            _ => None,
        };
        let mut wrong = why.map(|why| misplaced(keyword, &span, why));
        if wrong.is_none() && frame.on_fail.is_some() && !matches!(open, Open::Test { .. }) {
            wrong = Some(after_on_fail(&self.sources, span));
        }
        let opened = match (wrong, open) {
            (Some(wrong), _) => {
                self.doubt = Doubt::all();
                self.wrong(span, wrong);
                Opened::Lost
            }
            (None, Open::Test { name }) => Opened::Test { name, above },
            (None, other) => Opened::Block(other),
        };
        self.frames.push(Frame::new(opened, span));
    }

    fn close(&mut self) {
        let frame = self.frames.pop().expect("only what was opened is closed");
        let (span, steps) = (frame.span, frame.steps);
        let deed = match frame.opened {
            Opened::Lost => return,
            Opened::Root => unreachable!("the root is taken by finish"),
            Opened::Test { name, above } => {
                return self.tests.push(Test {
                    name,
                    span,
                    above,
                    steps,
                    on_fail: frame.on_fail.unwrap_or_default(),
                    skip: frame.skip,
                    todo: frame.todo,
                });
            }
            Opened::Block(Open::OnFail) => {
                let parent = self.frame();
                parent.test_lines.push(span);
                parent.on_fail = Some(steps);
                return;
            }
            Opened::Block(Open::Each { name, words }) => Deed::Each { name, words, steps },
            Opened::Block(Open::Repeat { count, name }) => Deed::Repeat { count, name, steps },
            Opened::Block(Open::Test { .. }) => unreachable!("open makes another of it"),
        };
        let pause = Duration::ZERO;
        self.frame().steps.push(Step { span, pause, deed });
    }

    /// The lines of another file in place of a line.
    fn include(&mut self, file: &str, place: Span) -> Result<(), Wrong> {
        let range = place.start as usize..place.end as usize;
        let refuse = |why: &str| {
            let message = format!("cannot include \"{file}\": {why}");
            Wrong::new(Code::Include, range.clone(), message)
        };
        if let Some((_, line)) = self.chain.last_mut() {
            *line = place.line + 1;
        }
        let path = match self.chain.last() {
            Some((from, _)) => beside(from, file),
            None => PathBuf::from(file),
        };
        if self.chain.iter().any(|(open, _)| *open == path) {
            return Err(refuse("it includes itself").note(self.chain_to(&path)));
        }
        if self.chain.len() > SCRIPT_INCLUDE_DEPTH_MAX {
            let why = format!("more than {SCRIPT_INCLUDE_DEPTH_MAX} levels");
            return Err(refuse(&why).note(self.chain_to(&path)));
        }
        self.included += 1;
        if self.included > SCRIPT_INCLUDES_MAX {
            return Err(refuse(&format!("more than {SCRIPT_INCLUDES_MAX} files")));
        }
        let source = (self.include)(&path).map_err(|why| refuse(&why))?;
        if source.len() > SCRIPT_BYTES_MAX {
            return Err(refuse("it has more than 1 MiB"));
        }
        self.file(path, &source);
        Ok(())
    }

    /// `a.chat:3 -> b.chat:1 -> a.chat`.
    fn chain_to(&self, last: &Path) -> String {
        let open = self.chain.iter();
        let links = open.map(|(path, line)| format!("{}:{line} -> ", path.display()));
        format!("{}{}", links.collect::<String>(), last.display())
    }

    /// The tree, and what is wrong with its outline.
    fn finish(&mut self, path: &str) -> File {
        let root = self.frames.pop().expect("the root is still open");
        let mut tests = std::mem::take(&mut self.tests);
        let mut top = Vec::new();
        if tests.is_empty() {
            let first = root.steps.first().map(|step| step.span);
            tests.push(Test {
                name: path.to_owned(),
                span: first.unwrap_or_default(),
                above: 0,
                steps: root.steps,
                on_fail: root.on_fail.unwrap_or_default(),
                skip: root.skip,
                todo: root.todo,
            });
        } else {
            let belongs = |step: &&Step| {
                let deed = &step.deed;
                !matches!(deed, Deed::Set(_) | Deed::Let { .. } | Deed::Note(_))
            };
            let strangers = root.steps.iter().filter(belongs).map(|step| step.span);
            let strangers: Vec<Span> = strangers.chain(root.test_lines).collect();
            // One is enough: the others stand there for the same reason.
            if let Some(span) = strangers.first().copied() {
                let line = self.sources.text(span);
                let word = line.split(is_blank).next().unwrap_or_default().to_owned();
                let why = match strangers.len() - 1 {
                    0 => "beside tests only set, let, include and note".to_owned(),
                    more => {
                        format!("beside tests only set, let, include and note; so with {more} more")
                    }
                };
                self.wrong(span, misplaced(&word, &span, &why));
            }
            top = root.steps;
        }
        File {
            sources: std::mem::take(&mut self.sources),
            world: World::Live,
            seed: self.seed,
            top,
            tests,
        }
    }
}

fn act(head: &Head<'_>, body: Reader<'_>, line: Span) -> Result<Act, Wrong> {
    let span = line.at(body.at()..body.line().len());
    let body = match head.kind {
        OpKind::Ask(op) => Body::Ask(op, patterns::ask(body, line)?),
        OpKind::See(op) => Body::See(op, patterns::see(body, line)?),
        OpKind::Type(op) => {
            if body.rest().is_empty() {
                let end = body.line().len();
                let missing = "the line is missing";
                return Err(Wrong::new(Code::BadArguments, end..end, missing)
                    .label("what is typed, as send NAME TEXT"));
            }
            Body::Type(op, Template::parse(body.rest()))
        }
    };
    Ok(Act {
        label: head.label.map(str::to_owned),
        body,
        limit: head.limit,
        span,
    })
}

fn bare(body: &Reader<'_>, line: Span) -> Act {
    Act {
        label: None,
        body: Body::Type(Typing::Do, Template::parse(body.rest())),
        limit: None,
        span: line.at(body.at()..body.line().len()),
    }
}

fn misplaced(what: &str, span: &Span, why: &str) -> Wrong {
    let start = span.start as usize;
    let message = format!("\"{what}\" cannot stand here");
    Wrong::new(Code::Misplaced, start..start + what.len(), message).label(why)
}

fn after_on_fail(sources: &Sources, span: Span) -> Wrong {
    let line = sources.text(span);
    let word = line.split(is_blank).next().unwrap_or_default();
    misplaced(word, &span, "on-fail is last in a test")
}

/// A block in place of one whose first line is wrong, so that its end is no error, too.
fn stand_in(keyword: &str) -> Open {
    match keyword {
        "on-fail" => Open::OnFail,
        "test" => Open::Test {
            name: String::new(),
        },
        _ => Open::Repeat {
            count: 1,
            name: None,
        },
    }
}

/// A path as one file says it of another, without `.` and `..` as far as that can be read off.
fn beside(from: &Path, file: &str) -> PathBuf {
    let folder = from.parent().unwrap_or(Path::new(""));
    let mut path = PathBuf::new();
    for component in folder.join(file).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(path.components().next_back(), Some(Component::Normal(_))) =>
            {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}
