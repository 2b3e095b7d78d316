//! Lines in, words out: a client, a registry of commands and a mode; what every host drives.
//!
//! > Handle as much as you like, then poll until `None`, then sleep until `deadline`.

pub mod args;
pub mod asked;
pub mod assist;
mod chores;
pub mod clean;
pub mod command;
mod commands;
pub mod control;
pub mod diagnostic;
pub mod editor;
pub mod exit;
pub mod explain;
pub mod external;
pub mod fields;
pub mod grammar;
mod history;
pub mod hooks;
pub mod incoming;
pub mod interpret;
mod lines;
pub mod manual;
pub mod matcher;
pub mod oneshot;
pub mod pattern;
mod presence;
pub mod records;
pub mod registry;
pub mod render;
pub mod settings;
pub mod template;
pub mod topics;
pub mod wrap;

pub use exit::{ErrorCode, Exit};
pub use registry::Registry;

use crate::client::event::{GroupAction, Session};
use crate::client::port::{Entry, Recall, Recipient};
use crate::client::{
    self, Client, Ending, Event, Mode, Modes, Request, RequestError, RequestId, View,
};
use crate::model::limits::{EXPORT_MAX, LINE_BYTES_MAX, RECENT_MAX, SENT_ASIDE_MAX};
use crate::model::{Delivery, Instant, MessageId, Name, Now, StoreTicket};
use crate::wire::packet::Audience;
use crate::wire::{Traced, datagram::Transmit};
use args::Target;
use asked::{Answer, Asked, Asker, Marks};
use assist::{Assist, Colours};
use chores::Chores;
use command::{Action, CommandError, Context, LaterLines, Recording, Refusal};
use external::Chore;
use fields::Fact;
use interpret::Order;
use lines::{Found, Lines, Pending};
use records::Whereabouts;
use render::Renderer;
use settings::{Look, Origin, Presence, Switch, Time, Values, Wrong};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

/// A terminal, a pipe, a simulated actor and a control socket drive this and nothing else.
pub struct Shell {
    client: Client,
    registry: Registry,
    settings: Settings,
    lines: Lines,
    conversation: Option<Target>,
    values: Values,
    look: Look,
    presence: presence::Fold,
    chores: Chores,
    outputs: VecDeque<Output>,
    now: Now,
    stage: Stage,
    /// The line of the first login.
    login: Option<LineId>,
    first_failure: Option<Exit>,
    /// The last answer to `list_members`.
    members: Vec<Name>,
    /// Who was written with last, the latest first.
    recent: Vec<Name>,
    /// Lines that prepare a session, until they fail.
    preparations: BTreeSet<LineId>,
    /// An event told already why the request that is settled next has failed.
    failure_told: bool,
    /// Lines that programs asked for, until their outcome.
    asides: BTreeMap<LineId, (Asker, Marks)>,
    /// Messages that programs sent and of which more may become known, the oldest first.
    sent_aside: VecDeque<MessageId>,
    whereabouts: Whereabouts,
}

/// How far the program is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No further line is taken; it leaves when all lines have their outcomes.
    Ending,
    /// It asked the client to leave.
    Leaving,
    /// It has left.
    Left,
    /// Lines are taken.
    Running,
}

/// What one may set for a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `dereg` is a final leave and ends the program.
    pub exit_on_dereg: bool,
    /// `send` and `open NAME` are valid in a group, too.
    pub group_private: client::GroupPrivate,
    /// Print the table after each table notice.
    pub show_table: bool,
    /// How notices look.
    pub style: Style,
    /// What happens when a line fails.
    pub on_failure: OnFailure,
}

/// How notices look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `[Welcome back!]`.
    Bracket,
    /// Notices without brackets and final dot.
    Plain,
}

/// What happens when a line is refused or fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The first refused or failed line ends the program with its status (input is no terminal).
    End,
    /// Go on; end with the first failure's status (`--keep-going`).
    GoOn,
    /// A person types: failures are shown, the program ends with 0.
    Show,
}

/// Names one line until its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId(pub u64);

/// How a line ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Done(client::Outcome),
    /// Refused or failed.
    Failed {
        /// The code of interfaces.md 5.4.
        code: &'static str,
        /// What is so and what to do; clean.
        message: String,
        /// The exit status it stands for.
        exit: Exit,
    },
}

/// Text for people, already clean; whole lines without the last newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The text.
    pub text: String,
    /// What kind of line.
    pub tone: Tone,
    /// The fact behind it; None: hints, help, local answers.
    pub event: Option<Event>,
    /// How many messages of other people this shows (for `handle_shown`).
    pub messages: u64,
}

/// What kind of line; the painter knows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something was refused, failed or is in doubt.
    Failure,
    /// A line that begins with two blanks and means nothing to programs.
    Hint,
    /// What somebody says.
    Message,
    /// What the program says.
    Notice,
}

/// What has to be done next, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// What a program that asked is told before its line is settled.
    Answer(LineId, Answer),
    /// Something happened of which only programs are told, mostly because one asked for it.
    Aside(Fact),
    /// An empty screen, where there is one.
    Clear,
    /// A line wants a text for somebody written in an editor; `handle_edited` tells how that went.
    Edit(LineId, Target),
    /// Something for a host with processes and files; one without never gets any.
    Chore(Chore),
    /// Something happened, with named fields; a `Show` may say the same in words.
    Fact(Fact),
    /// The program ends with this status; nothing follows.
    Leave(Exit),
    /// A line wants a recording; to be answered by `handle_recording`.
    Record(LineId, Recording),
    /// A line has its outcome.
    Settled(LineId, Outcome),
    /// Something to write.
    Show(Shown),
    /// A question for the store.
    Store(StoreTicket, client::port::StoreRequest),
    /// A packet as it travels, for `trace`.
    Trace(Traced),
    /// A datagram to send.
    Transmit(Transmit),
    /// A new file to write, for its owner only; `handle_written` tells how that went.
    Write {
        /// Which line wants it.
        line: LineId,
        /// Its path as it was typed.
        file: Box<str>,
        /// What it is to hold.
        bytes: Vec<u8>,
        /// How many messages that is.
        count: usize,
    },
}

impl Shell {
    /// Around a client that has not started.
    #[must_use]
    pub fn new(settings: Settings, client: Client) -> Self {
        Self {
            client,
            registry: Registry::builtin(),
            settings,
            lines: Lines::default(),
            conversation: None,
            values: Values::default(),
            look: Look::default(),
            presence: presence::Fold::default(),
            chores: Chores::default(),
            outputs: VecDeque::new(),
            now: Now::default(),
            stage: Stage::Running,
            login: None,
            first_failure: None,
            members: Vec::new(),
            recent: Vec::new(),
            preparations: BTreeSet::new(),
            failure_told: false,
            asides: BTreeMap::new(),
            sent_aside: VecDeque::new(),
            whereabouts: Whereabouts::default(),
        }
    }

    /// Where it can be reached.
    #[must_use]
    pub fn with_whereabouts(mut self, whereabouts: Whereabouts) -> Self {
        self.whereabouts = whereabouts;
        self
    }

    /// What is set, and by whom, beside what [`Settings`] says.
    #[must_use]
    pub fn with_values(mut self, values: Values) -> Self {
        self.look = values.look();
        self.values = values;
        self
    }

    /// How it looks and sounds.
    #[must_use]
    pub const fn look(&self) -> Look {
        self.look
    }

    /// Logs in; `Settled(line, ..)` when done. A refused or unanswered login leads to `Leave`.
    pub fn start(&mut self, now: Now) -> LineId {
        self.now = now;
        let line = self.lines.mint();
        self.login = Some(line);
        let request = self.client.start(now);
        let pending = Pending {
            line: Some(line),
            about: None,
            found: Found::Nothing,
        };
        self.lines.begin(request, pending, LaterLines::Wait);
        line
    }

    /// One line as typed, without its newline.
    pub fn handle_line(&mut self, now: Now, line: &str) -> LineId {
        self.handle_asked(now, Asked::Line(line.into()), Asker::Terminal)
    }

    /// What somebody asks for. Programs are told by `Answer`s before it is `Settled`.
    pub fn handle_asked(&mut self, now: Now, asked: Asked, asker: Asker) -> LineId {
        self.handle_marked(now, asked, asker, Marks::default())
    }

    /// The same, and what a program says of its message.
    pub fn handle_marked(&mut self, now: Now, asked: Asked, asker: Asker, marks: Marks) -> LineId {
        let id = self.lines.mint();
        if asker != Asker::Terminal {
            self.asides.insert(id, (asker, marks));
        }
        self.enter(now, id, asked, asker)
    }

    /// One line that prepares a session: if it fails that is shown, and nothing comes of it.
    pub fn handle_preparation(&mut self, now: Now, line: &str) -> LineId {
        let id = self.lines.mint();
        self.preparations.insert(id);
        self.enter(now, id, Asked::Line(line.into()), Asker::Terminal)
    }

    fn enter(&mut self, now: Now, id: LineId, asked: Asked, asker: Asker) -> LineId {
        self.now = now;
        if self.stage != Stage::Running {
            self.settle_ended(id);
        } else if matches!(&asked, Asked::Line(line) if line.len() > LINE_BYTES_MAX) {
            self.refuse(id, "", &Refusal::LongText.at(0..0));
        } else if !self.lines.is_held() && !self.chores.is_finding() {
            self.run(id, &asked, asker);
        } else if self.lines.hold(id, asked, asker).is_err() {
            self.refuse(id, "", &Refusal::TooManyLines.at(0..0));
        }
        id
    }

    /// End of input (Ctrl-D, end of a pipe, SIGTERM): `exit` after all entered lines have their
    /// outcome.
    pub fn handle_end(&mut self, now: Now) {
        self.now = now;
        if self.stage == Stage::Running {
            self.stage = Stage::Ending;
        }
    }

    /// `count` messages were written to the screen.
    pub fn handle_shown(&mut self, now: Now, count: u64) {
        self.now = now;
        self.client.handle_shown(now, count);
    }

    /// These were written somewhere else: who sent each, and its id.
    pub fn handle_seen(&mut self, now: Now, ids: Vec<(Name, MessageId)>) {
        self.now = now;
        self.client.handle_seen(now, ids);
    }

    /// The file that a line wanted is there with so many messages, or why it is not.
    pub fn handle_written(&mut self, line: LineId, file: &str, written: Result<usize, String>) {
        let style = self.settings.style;
        match written {
            Ok(count) => {
                let words = format!("{count} messages written to {}.", clean::line(file));
                self.say(line, (Tone::Notice, render::bracket(&words, style)));
                self.settle_done(line);
            }
            Err(why) => {
                let why = clean::line(&why);
                let words = format!("Cannot write {}: {why}.", clean::line(file));
                self.say(line, (Tone::Failure, render::bracket(&words, style)));
                let code = ErrorCode::Disk;
                self.fail(Some(line), code, why, code.exit());
            }
        }
    }

    /// The answer to `Output::Record`, in words for people.
    pub fn handle_recording(&mut self, now: Now, line: LineId, answer: Result<String, String>) {
        self.now = now;
        match answer {
            Ok(words) => {
                self.say(line, (Tone::Notice, words));
                self.settle_done(line);
            }
            Err(words) => {
                let code = ErrorCode::Refused;
                self.say(line, (Tone::Failure, words.clone()));
                self.fail(Some(line), code, words, code.exit());
            }
        }
    }

    /// Takes a datagram; bytes from the network are never our error.
    pub fn handle_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) {
        self.now = now;
        self.client.handle_datagram(now, from, bytes);
    }

    /// Takes what the store tells.
    pub fn handle_store(&mut self, now: Now, event: client::port::StoreEvent) {
        self.now = now;
        self.client.handle_store(now, event);
    }

    /// Mixes 32 fresh bytes of the operating system in.
    pub fn handle_entropy(&mut self, bytes: &[u8; 32]) {
        self.client.handle_entropy(bytes);
    }

    /// Does what is due; calling it early changes nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        self.now = now;
        self.client.handle_timeout(now);
        if let Some(line) = self.presence.take(now.instant) {
            self.show_words((Tone::Hint, line));
        }
    }

    /// What was written in an editor for a line, or why nothing was.
    pub fn handle_edited(
        &mut self,
        now: Now,
        line: LineId,
        target: &Target,
        text: Result<&str, &str>,
    ) {
        self.now = now;
        match text {
            Ok(text) => match interpret::say(&self.context(Asker::Terminal), target, text) {
                Ok(order) => self.perform(line, "", order),
                Err(error) => self.refuse(line, "", &error),
            },
            Err(why) => self.complain(line, ErrorCode::Refused, why),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if self.stage == Stage::Left {
                return None;
            }
            if let Some(output) = self.client.poll_output() {
                self.on_client(output);
            } else if let Some(job) = self.chores.hooks.poll() {
                return Some(Output::Chore(Chore::Hook(job)));
            } else if self.stage == Stage::Ending && !self.is_busy() {
                self.leave();
            } else {
                return None;
            }
        }
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let both = [self.client.deadline(), self.presence.due()];
        both.into_iter().flatten().min()
    }

    /// What may stand behind the prompt: messages held back, no server.
    #[must_use]
    pub fn marks(&self) -> String {
        let view = self.view();
        let mut marks = String::new();
        if self.look.marks == Switch::On && view.held > 0 {
            marks = format!("[{}] ", view.held);
        }
        if self.look.marks == Switch::On && !view.server_responds {
            marks += "[no server] ";
        }
        marks
    }

    /// `>>> `, `>>> (g) `, `>>> bob: `, `>>> (g): `.
    #[must_use]
    pub fn prompt(&self) -> String {
        prompt(self.conversation.as_ref(), &self.view().mode)
    }

    /// What the editor may ask about the line being typed.
    #[must_use]
    pub const fn assist(&self, colours: Colours) -> Assist<'_> {
        Assist {
            cx: self.context(Asker::Terminal),
            conversation: self.conversation.as_ref(),
            recent: self.recent.as_slice(),
            unconfirmed: self.client.unconfirmed(),
            files: None,
            look: self.look,
            colours,
        }
    }

    /// What prompts and hints may read.
    #[must_use]
    pub const fn view(&self) -> &View {
        self.client.view()
    }

    /// The client inside (sim's checker).
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Whom lines are for, in a conversation.
    #[must_use]
    pub const fn conversation(&self) -> Option<&Target> {
        self.conversation.as_ref()
    }

    /// What is known, as the records of a query of [`fields::QUERIES`].
    #[must_use]
    pub fn records(&self, query: &str) -> Vec<Fact> {
        let counters = self.client.counters();
        let known = (self.view(), &self.whereabouts);
        records::of_client(query, known, &self.members, &counters)
    }

    /// True while entered lines wait for an outcome.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.lines.is_idle() || !self.chores.is_idle()
    }

    const fn context(&self, asker: Asker) -> Context<'_> {
        Context {
            view: self.client.view(),
            settings: &self.settings,
            registry: &self.registry,
            asker,
        }
    }

    fn renderer(&self) -> Renderer<'_> {
        Renderer {
            me: &self.client.view().name,
            style: self.settings.style,
            wall: self.now.wall,
        }
    }

    fn run(&mut self, line: LineId, asked: &Asked, asker: Asker) {
        match (asked, asker) {
            (Asked::Line(source), Asker::Terminal) if let Some(wanted) = self.wants(source) => {
                self.send_off(line, source, Chore::Find(line, wanted));
            }
            _ => self.obey(line, asked, asker),
        }
    }

    fn obey(&mut self, line: LineId, asked: &Asked, asker: Asker) {
        // A conversation is the terminal's.
        let at_terminal = asker == Asker::Terminal;
        let conversation = self.conversation.as_ref().filter(|_| at_terminal);
        let cx = self.context(asker);
        let order = match asked {
            Asked::Line(source) => interpret::interpret(&cx, conversation, source),
            Asked::Words(words) => interpret::interpret_words(&cx, words).map(Some),
        };
        match (order, asked) {
            (Ok(Some(order)), Asked::Line(source)) => self.perform(line, source, order),
            (Ok(Some(order)), Asked::Words(_)) => self.perform(line, "", order),
            (Ok(None), _) => self.settle_done(line),
            (Err(error), Asked::Line(source)) => self.refuse(line, source, &error),
            (Err(error), Asked::Words(words)) => self.refuse(line, &words.join(" "), &error),
        }
    }

    fn perform(&mut self, line: LineId, source: &str, order: Order) {
        match order.action {
            Action::Clear => self.outputs.push_back(Output::Clear),
            Action::Close => self.conversation = None,
            Action::Edit(target) => {
                return match target.or_else(|| self.conversation.clone()) {
                    Some(target) => self.outputs.push_back(Output::Edit(line, target)),
                    None => self.refuse(line, "", &Refusal::NoTarget.at(0..0)),
                };
            }
            Action::Open(target) => self.conversation = Some(target),
            Action::Export(talk, file) => {
                let talk = Some(talk);
                let count = EXPORT_MAX;
                let recall = Recall::History { talk, count };
                return self.recall(line, recall, Found::Write(file));
            }
            Action::Hook(wish) => return self.hook(line, wish),
            Action::ListExternal => return self.list_external(line),
            Action::NewExternal(word) => {
                return self.send_off(line, source, Chore::New(line, word));
            }
            Action::Recall(recall) => {
                return self.recall(line, recall.clone(), Found::Show(recall));
            }
            Action::Record(recording) => {
                return self.outputs.push_back(Output::Record(line, recording));
            }
            Action::Request(request) => {
                return self.ask(Some(line), request, order.later_lines);
            }
            Action::Run(program) => {
                return self.send_off(line, source, Chore::Run(line, program));
            }
            Action::Query(query) => {
                let records = self.records(query);
                let words = render::records(query, &records, self.settings.style);
                self.tell(line, words, records);
            }
            Action::Say(text) => self.say(line, (Tone::Notice, text)),
            Action::Tell(words, records) => self.tell(line, words, records),
            Action::Set(key, value) => return self.set(line, key.as_deref(), value.as_deref()),
        }
        self.settle_done(line);
    }

    /// Shows what is set, or sets it.
    fn set(&mut self, line: LineId, key: Option<&str>, value: Option<&str>) {
        if let (Some(key), Some(value)) = (key, value)
            && let Err(wrong) = self.values.put(key, value, Origin::Set)
        {
            return self.refuse_setting(line, &wrong);
        }
        if let Some(wrong) = key.filter(|key| settings::find(key).is_none()) {
            return self.refuse_setting(line, &Wrong::Key(wrong.to_owned()));
        }
        self.look = self.values.look();
        match (key, value) {
            (Some("exit_on_dereg"), Some(value)) => self.settings.exit_on_dereg = value == "on",
            (Some("show_table"), Some(value)) => self.settings.show_table = value == "on",
            (Some("style"), Some("plain")) => self.settings.style = Style::Plain,
            (Some("style"), Some(_)) => self.settings.style = Style::Bracket,
            _ => {}
        }
        let wanted = settings::SETTINGS.iter();
        let wanted = wanted.filter(|setting| key.is_none_or(|key| key == setting.key));
        let rows: Vec<String> = wanted
            .map(|setting| {
                let when = match setting.when {
                    settings::When::Live => "",
                    settings::When::Start => "  at the start only",
                };
                format!("  {}{when}", self.values.row(setting))
            })
            .collect();
        let rows: Vec<String> = rows.iter().map(|row| clean::line(row)).collect();
        let words = rows.join("\n");
        if self.asides.contains_key(&line) {
            self.say(line, (Tone::Notice, words));
        } else {
            self.show_words((Tone::Hint, words));
        }
        self.settle_done(line);
    }

    fn refuse_setting(&mut self, line: LineId, wrong: &Wrong) {
        let words = clean::line(&wrong.to_string());
        let near = match wrong {
            Wrong::Key(key) => {
                let keys = settings::SETTINGS.iter().map(|setting| setting.key);
                explain::did_you_mean(&explain::nearest(key, keys))
            }
            Wrong::Late(_) | Wrong::Value { .. } => None,
        };
        let hint = near.map(|question| format!("  {question}"));
        self.complain_with(line, ErrorCode::Refused, &words, hint);
    }

    /// A line that was understood and cannot be done.
    fn complain(&mut self, line: LineId, code: ErrorCode, words: &str) {
        self.complain_with(line, code, words, None);
    }

    fn complain_with(&mut self, line: LineId, code: ErrorCode, words: &str, hint: Option<String>) {
        let notice = render::notice(&format!("{words}."), self.settings.style);
        self.say(line, (Tone::Failure, notice));
        if let Some(hint) = hint {
            self.say(line, (Tone::Hint, hint));
        }
        self.fail(Some(line), code, words.to_owned(), code.exit());
    }

    fn ask(&mut self, line: Option<LineId>, request: Request, later: LaterLines) {
        let about = about(&request, &self.view().mode);
        if let Some(Recipient::Name(name)) = &about {
            self.meet(name);
        }
        let aside = line.and_then(|line| self.asides.get(&line));
        let request = match aside {
            Some((_, marks)) => marked(request, *marks),
            None => request,
        };
        let modes = match aside {
            Some((Asker::Free, _)) => Modes::Free,
            // What a hook answers is no line of the terminal.
            None if line.is_none() && about.is_some() => Modes::Free,
            _ => Modes::Bind,
        };
        let id = self.client.handle_request_in(modes, self.now, request);
        let found = Found::Nothing;
        self.lines.begin(id, Pending { line, about, found }, later);
    }

    fn recall(&mut self, line: LineId, recall: Recall, found: Found) {
        let id = self
            .client
            .handle_request(self.now, Request::Recall(recall));
        let pending = Pending {
            line: Some(line),
            about: None,
            found,
        };
        self.lines.begin(id, pending, LaterLines::Run);
    }

    /// Shows what was found, or has it written. None: the line has its outcome.
    fn on_found(
        &mut self,
        line: LineId,
        found: &Found,
        entries: &[Entry],
        is_whole: bool,
    ) -> Option<(Box<str>, Vec<u8>)> {
        let look = history::Look {
            me: &self.client.view().name,
            wall: self.now.wall,
            style: self.settings.style,
        };
        match found {
            Found::Nothing => None,
            Found::Show(recall) => {
                let is_aside = self.asides.contains_key(&line);
                let fitting = if is_aside {
                    history::fitting(entries)
                } else {
                    entries
                };
                let is_whole = is_whole && fitting.len() == entries.len();
                let more = (!is_whole).then(|| history::more(recall));
                if is_aside {
                    let records = look.records(recall, fitting);
                    let none = look.none(recall).filter(|_| records.is_empty());
                    self.tell(line, String::new(), records);
                    if let Some(none) = none {
                        self.say(line, (Tone::Notice, none));
                    }
                } else {
                    let words = look.answer(recall, entries);
                    self.show_words(words);
                }
                if let Some(more) = more {
                    self.say_more(line, &more);
                }
                let near = self.near(recall).filter(|_| entries.is_empty());
                if let Some(near) = near {
                    self.say_more(line, &near);
                }
                None
            }
            Found::Write(file) => {
                let form = history::Form::of(file).unwrap_or(history::Form::Text);
                Some((file.clone(), look.export(form, entries)))
            }
        }
    }

    /// A line below an answer: a hint for people, talk for programs.
    fn say_more(&mut self, line: LineId, words: &str) {
        let words = format!("  {words}");
        let tone = if self.asides.contains_key(&line) {
            Tone::Notice
        } else {
            Tone::Hint
        };
        self.say(line, (tone, words));
    }

    /// Who may be meant by somebody of whom there is no history.
    fn near(&self, recall: &Recall) -> Option<String> {
        let Recall::History { talk, .. } = recall else {
            return None;
        };
        let near = match talk.as_ref()? {
            Recipient::Name(name) if !self.view().table.contains_key(name) => {
                explain::near_names(name.as_str(), self.view())
            }
            _ => return None,
        };
        explain::did_you_mean(&near)
    }

    /// Every line has its outcome: a polite leave.
    fn leave(&mut self) {
        self.stage = Stage::Leaving;
        self.ask(None, Request::Exit, LaterLines::Wait);
    }

    fn on_client(&mut self, output: client::Output) {
        match output {
            client::Output::Ended(ending) => self.on_ended(ending),
            client::Output::Event(event, request) => self.on_event(&event, request),
            client::Output::Settled(request, Ok(outcome)) => self.on_done(request, outcome),
            client::Output::Settled(request, Err(error)) => self.on_error(request, &error),
            client::Output::Store(ticket, request) => {
                self.outputs.push_back(Output::Store(ticket, request));
            }
            client::Output::Trace(traced) => self.outputs.push_back(Output::Trace(traced)),
            client::Output::Transmit(transmit) => {
                self.outputs.push_back(Output::Transmit(transmit));
            }
        }
    }

    fn on_event(&mut self, event: &Event, request: Option<RequestId>) {
        match event {
            Event::Delivery(report) => {
                self.failure_told = report.state == Delivery::Failed;
            }
            Event::Group {
                action: GroupAction::Removed,
                ..
            } => self.failure_told = true,
            Event::Members { members, .. } => self.members.clone_from(members),
            Event::Message(arrived) if arrived.audience.is_none() => self.meet(&arrived.from),
            _ => {}
        }
        if self.ends_conversation(event) {
            self.conversation = None;
        }
        let line = request.and_then(|request| self.lines.line_of(request));
        let line = line.filter(|line| self.asides.contains_key(line));
        let facts = fields::of_event(event, &self.view().name);
        if self.is_aside(event, line) {
            self.outputs.extend(facts.into_iter().map(Output::Aside));
            if let Some(line) = line {
                self.answer_event(line, event);
            }
            return;
        }
        for fact in facts {
            self.announce(fact);
        }
        self.show_event(event);
    }

    /// Whether an event concerns only a program that asked for something; what happens to the
    /// session concerns everybody.
    fn is_aside(&mut self, event: &Event, line: Option<LineId>) -> bool {
        match event {
            Event::Delivery(report) => {
                let known = self.sent_aside.iter().position(|id| *id == report.id);
                match known {
                    Some(at) if report.state.is_final() && report.audience.is_none() => {
                        self.sent_aside.remove(at);
                    }
                    None if line.is_some() && !report.state.is_final() => {
                        if self.sent_aside.len() >= SENT_ASIDE_MAX {
                            self.sent_aside.pop_front();
                        }
                        self.sent_aside.push_back(report.id);
                    }
                    _ => {}
                }
                // That a message is on disk here is nothing that anybody waits to see.
                line.is_some() || known.is_some() || report.state == Delivery::Queued
            }
            Event::Group { action, .. } => line.is_some() && *action == GroupAction::Created,
            Event::Groups(_) | Event::Members { .. } => line.is_some(),
            _ => false,
        }
    }

    /// What an event tells the program that caused it.
    fn answer_event(&mut self, line: LineId, event: &Event) {
        let records = match event {
            Event::Delivery(report) if report.state == Delivery::Queued => {
                let kept = Answer::Kept(report.id);
                return self.outputs.push_back(Output::Answer(line, kept));
            }
            Event::Groups(groups) => records::groups(groups.iter()),
            Event::Members { members, .. } => records::members(self.view(), members),
            _ => return,
        };
        self.tell(line, String::new(), records);
    }

    fn show_event(&mut self, event: &Event) {
        let mut words = self.renderer().event(event);
        self.decorate(event, &mut words);
        if self.settings.show_table && matches!(event, Event::Table { .. }) {
            let table = render::table(self.view(), None, self.settings.style);
            words.push((Tone::Notice, table));
        }
        let messages = self.count_messages(event);
        let mut fact = Some((event.clone(), messages));
        for (tone, text) in words {
            let (event, messages) = fact.take().unzip();
            self.outputs.push_back(Output::Show(Shown {
                text,
                tone,
                event,
                messages: messages.unwrap_or(0),
            }));
        }
    }

    /// Somebody wrote, or was written to.
    fn meet(&mut self, name: &Name) {
        self.recent.retain(|recent| recent != name);
        self.recent.truncate(RECENT_MAX - 1);
        self.recent.insert(0, name.clone());
    }

    /// What the settings add to an event: the time before a message, who came and went.
    fn decorate(&mut self, event: &Event, words: &mut Vec<render::Words>) {
        match event {
            Event::Message(arrived) if self.look.time != Time::Off => {
                let stamp = self.now.wall.at(arrived.sent_ms).stamp();
                let stamp = match self.look.time {
                    Time::Short => stamp.get(11..16).unwrap_or(&stamp),
                    Time::Iso | Time::Off => &stamp,
                };
                if let Some((_, text)) = words.first_mut() {
                    text.insert_str(0, &format!("{stamp} "));
                }
            }
            Event::Presence { who, status } => match self.look.presence {
                Presence::Fold => self.presence.push(self.now.instant, who, *status),
                Presence::Off => {}
                Presence::Show => words.push((Tone::Hint, presence::line(who, *status))),
            },
            _ => {}
        }
    }

    /// It ends with the mode in which its lines would be valid.
    fn ends_conversation(&self, event: &Event) -> bool {
        let private_in_group = self.settings.group_private == client::GroupPrivate::Allow;
        match (event, &self.conversation) {
            (Event::Session(Session::Left), Some(_)) => true,
            (Event::Group { action, .. }, Some(target)) => match action {
                GroupAction::Created => false,
                GroupAction::Joined => matches!(target, Target::Name(_)) && !private_in_group,
                GroupAction::Left | GroupAction::Removed => matches!(target, Target::Group(_)),
            },
            _ => false,
        }
    }

    fn count_messages(&self, event: &Event) -> u64 {
        match event {
            Event::Batch(items) => items.iter().map(|item| self.count_messages(item)).sum(),
            Event::Message(arrived) => u64::from(arrived.from != self.view().name),
            _ => 0,
        }
    }

    fn on_done(&mut self, request: RequestId, outcome: client::Outcome) {
        self.failure_told = false;
        let pending = self.lines.settle(request);
        if let (Some(pending), client::Outcome::Recalled { entries, is_whole }) =
            (&pending, &outcome)
            && let Some(line) = pending.line
            && let Some((file, bytes)) = self.on_found(line, &pending.found, entries, *is_whole)
        {
            let count = entries.len();
            self.outputs.push_back(Output::Write {
                line,
                file,
                bytes,
                count,
            });
            return self.run_released();
        }
        let line = pending.and_then(|pending| pending.line);
        if let Some(line) = line {
            self.settle(line, Outcome::Done(outcome));
        }
        self.run_released();
    }

    fn on_error(&mut self, request: RequestId, error: &RequestError) {
        let told = std::mem::take(&mut self.failure_told);
        let Some(Pending { line, about, .. }) = self.lines.settle(request) else {
            return;
        };
        if !told && let Some(words) = self.renderer().request_error(error, about.as_ref()) {
            self.say_or_show(line, words);
            if let Some(hint) = nearest(error, self.view()) {
                self.say_or_show(line, (Tone::Hint, hint));
            }
        }
        let code = ErrorCode::from(error);
        let exit = if about.is_some() {
            code.exit_after_try()
        } else {
            code.exit()
        };
        let message = clean::line(&error.to_string());
        if line.is_some() && line == self.login && self.client.is_ending() {
            self.fail_waiting(error);
        }
        // An answer of a hook that nobody hears is nobody's line.
        let is_answer = line.is_none() && about.is_some();
        if *error == RequestError::Ended || is_answer {
            self.settle_failed(line, code, message, exit);
        } else {
            self.fail(line, code, message, exit);
        }
        self.run_released();
    }

    /// What waited for the login is not carried out.
    fn fail_waiting(&mut self, error: &RequestError) {
        let code = ErrorCode::from(error);
        let message = match error {
            RequestError::ServerUnreachable => "the server does not respond; nothing was done",
            error => &clean::line(&error.to_string()),
        };
        for line in self.lines.drop_waiting() {
            self.settle_failed(Some(line), code, message.to_owned(), code.exit());
        }
    }

    fn on_ended(&mut self, ending: Ending) {
        let dropped = [
            self.lines.drop_pending(),
            self.lines.drop_waiting(),
            self.chores.drop_open(),
        ]
        .concat();
        for line in dropped {
            self.settle_ended(line);
        }
        self.stage = Stage::Left;
        let exit = self.status(ending);
        self.announce(fields::of_ending(ending, exit));
        self.outputs.push_back(Output::Leave(exit));
    }

    /// The status of the program.
    fn status(&self, ending: Ending) -> Exit {
        let failure = match self.settings.on_failure {
            OnFailure::End | OnFailure::GoOn => self.first_failure,
            OnFailure::Show => None,
        };
        match ending {
            Ending::Left => failure.unwrap_or(Exit::Done),
            Ending::NameTaken | Ending::ServerKeyChanged => Exit::Refused,
            Ending::Refused => self.first_failure.unwrap_or(Exit::Refused),
            // The message that lost the server is not known to have failed; the server is.
            Ending::ServerUnreachable => failure
                .filter(|exit| *exit != Exit::NobodyHasIt)
                .unwrap_or(Exit::Unreachable),
        }
    }

    /// Runs the lines that waited, until one has to wait again.
    fn run_released(&mut self) {
        while !self.chores.is_finding()
            && let Some((line, asked, asker)) = self.lines.release()
        {
            self.run(line, &asked, asker);
        }
    }

    fn refuse(&mut self, line: LineId, source: &str, error: &CommandError) {
        let code = error.refusal.code();
        let message = render::refusal(error, Style::Plain);
        let cx = self.context(Asker::Terminal);
        let hint = if self.asides.contains_key(&line) {
            // There is no line under which a caret could stand.
            explain::advice(source, error, &cx)
        } else {
            explain::hint(source, error, &cx)
        };
        let notice = render::refusal(error, self.settings.style);
        self.say(line, (Tone::Failure, notice));
        if let Some(hint) = hint {
            self.say(line, (Tone::Hint, hint));
        }
        self.fail(Some(line), code, message, code.exit());
    }

    /// A line failed, and with it, if nobody sits there, the program.
    fn fail(&mut self, line: Option<LineId>, code: ErrorCode, message: String, exit: Exit) {
        let aside = line.is_some_and(|line| self.asides.contains_key(&line));
        self.settle_failed(line, code, message, exit);
        if aside || line.is_some_and(|line| self.preparations.remove(&line)) {
            return;
        }
        self.first_failure.get_or_insert(exit);
        if self.settings.on_failure == OnFailure::End {
            if self.stage == Stage::Running {
                self.stage = Stage::Ending;
            }
            for line in self.lines.drop_waiting() {
                self.settle_ended(line);
            }
        }
    }

    fn settle_failed(
        &mut self,
        line: Option<LineId>,
        code: ErrorCode,
        message: String,
        exit: Exit,
    ) {
        let Some(line) = line else { return };
        let fact = fields::of_failure(code.word(), &message, None);
        let fact = if self.asides.contains_key(&line) {
            Output::Aside(fact)
        } else {
            Output::Fact(fact)
        };
        match fact {
            Output::Fact(fact) => self.announce(fact),
            aside => self.outputs.push_back(aside),
        }
        let code = code.word();
        let outcome = Outcome::Failed {
            code,
            message,
            exit,
        };
        self.settle(line, outcome);
    }

    fn settle(&mut self, line: LineId, outcome: Outcome) {
        self.asides.remove(&line);
        self.outputs.push_back(Output::Settled(line, outcome));
    }

    /// The line comes too late: the program ends.
    fn settle_ended(&mut self, line: LineId) {
        let code = ErrorCode::NoSession;
        let message = RequestError::Ended.to_string();
        self.settle_failed(Some(line), code, message, code.exit());
    }

    fn settle_done(&mut self, line: LineId) {
        self.settle(line, Outcome::Done(client::Outcome::Done));
    }

    /// Tells whoever asked: the terminal by a line on the screen, a program by an answer. Why
    /// something failed it reads in the outcome.
    fn say(&mut self, line: LineId, words: render::Words) {
        if !self.asides.contains_key(&line) {
            return self.show_words(words);
        }
        let answer = match words {
            (Tone::Failure, _) => return,
            (Tone::Hint, hint) => Answer::Hint(hint.trim().to_owned()),
            (Tone::Message | Tone::Notice, words) => Answer::Words(words),
        };
        self.outputs.push_back(Output::Answer(line, answer));
    }

    fn say_or_show(&mut self, line: Option<LineId>, words: render::Words) {
        match line {
            Some(line) => self.say(line, words),
            None => self.show_words(words),
        }
    }

    /// Words for a person, records for a program.
    fn tell(&mut self, line: LineId, words: String, records: Vec<Fact>) {
        if self.asides.contains_key(&line) {
            let answer = Answer::Records(records);
            self.outputs.push_back(Output::Answer(line, answer));
        } else {
            self.show_words((Tone::Notice, words));
        }
    }

    fn show_words(&mut self, (tone, text): render::Words) {
        self.outputs.push_back(Output::Show(Shown {
            text,
            tone,
            event: None,
            messages: 0,
        }));
    }
}

fn prompt(conversation: Option<&Target>, mode: &Mode) -> String {
    match (conversation, mode) {
        (Some(Target::Group(group)), _) => format!(">>> ({group}): "),
        (Some(Target::Name(name)), _) => format!(">>> {name}: "),
        (None, Mode::Group(group) | Mode::Offline(Some(group))) => format!(">>> ({group}) "),
        (None, Mode::Normal | Mode::Offline(None) | Mode::Starting) => ">>> ".to_owned(),
    }
}

/// With what a program says of its message.
fn marked(request: Request, marks: Marks) -> Request {
    match request {
        Request::Send { to, text, .. } => Request::Send {
            to,
            text,
            auto: marks.auto,
            id: marks.id,
        },
        Request::SendAll { text, .. } => Request::SendAll {
            text,
            auto: marks.auto,
        },
        Request::SendGroup { text, .. } => Request::SendGroup {
            text,
            auto: marks.auto,
        },
        other => other,
    }
}

/// Whom a request is a message for.
fn about(request: &Request, mode: &Mode) -> Option<Recipient> {
    match (request, mode) {
        (Request::Send { to, .. }, _) => Some(Recipient::Name(to.clone())),
        (Request::SendAll { .. }, _) => Some(Recipient::Audience(Audience::Everybody)),
        (Request::SendGroup { .. }, Mode::Group(group)) => {
            Some(Recipient::Audience(Audience::Group(group.clone())))
        }
        _ => None,
    }
}

fn nearest(error: &RequestError, view: &View) -> Option<String> {
    let near = match error {
        RequestError::UnknownGroup(group) => explain::near_groups(group.as_str(), view),
        RequestError::UnknownPeer(name) => explain::near_names(name.as_str(), view),
        _ => return None,
    };
    explain::did_you_mean(&near).map(|question| format!("  {question}"))
}

#[cfg(test)]
mod tests {
    use super::interpret::tests::{group, name};
    use super::*;

    #[test]
    fn the_prompt_shows_the_mode_and_the_conversation() {
        let to_bob = Target::Name(name("bob"));
        let to_group = Target::Group(group("g"));
        let in_g = Mode::Group(group("g"));
        let away = Mode::Offline(Some(group("g")));
        for (conversation, mode, shown) in [
            (None, Mode::Starting, ">>> "),
            (None, Mode::Normal, ">>> "),
            (None, Mode::Offline(None), ">>> "),
            (None, away, ">>> (g) "),
            (None, in_g.clone(), ">>> (g) "),
            (Some(&to_bob), Mode::Normal, ">>> bob: "),
            (Some(&to_group), in_g, ">>> (g): "),
        ] {
            assert_eq!(prompt(conversation, &mode), shown);
        }
    }
}
