//! Carries out a one-shot: over the socket of the running session, or beside a client of its own.
//!
//! Either way it speaks through a stream. Beside a client it is a guest of that client's loop.

use super::wrapped;
use crate::client::Arrivals;
use crate::driver::ambient::Ambient;
use crate::driver::client::{self, Face, JoinOptions};
use crate::driver::guest::{Company, Guest};
use crate::driver::input::{Input, Read};
use crate::driver::output::{self, Output};
use crate::driver::paths::Profile;
use crate::driver::{Fault, config, paths};
use crate::model::limits::{
    CONTROL_LINE_BYTES_MAX, CONTROL_UNREAD_BYTES_MAX, INPUT_BYTES, ONESHOT, PROFILE_RETRY,
};
use crate::model::{Instant, MessageId, Name, Now};
use crate::shell::incoming::{Line, Lines};
use crate::shell::oneshot::call::{Call, Command};
use crate::shell::oneshot::listen::{Events, Receive, Wish};
use crate::shell::oneshot::pipe::{Pipe, Plan};
use crate::shell::oneshot::relay::Relay;
use crate::shell::oneshot::{Appetite, Manner, OneShot, Step, ask::Ask};
use crate::shell::{Exit, explain};
use mio::net::UnixStream;
use mio::{Interest, Poll, Token};
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::Path;
use std::time::Duration;

/// What is to be done, and through what.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Whose session, and how a client of one's own would be.
    pub join: JoinOptions,
    /// Which session.
    pub session: Session,
    /// How it talks.
    pub manner: Manner,
    /// What.
    pub task: Task,
    /// The text of the message is `-`: all of standard input.
    pub reads_text: bool,
}

/// Through which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// One of its own.
    Never,
    /// The running one, else one of its own.
    Prefer,
    /// The running one.
    Require,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Ask somebody, and wait so long for the answer.
    Ask {
        /// Whom.
        who: String,
        /// The question as a command.
        command: Command,
        /// How long.
        timeout: Duration,
        /// Only yes and no count.
        yes_no: bool,
    },
    /// One command.
    Call(Command),
    /// Standard input and output as a connection.
    Control,
    /// Every event.
    Events {
        /// Of these kinds.
        types: Vec<String>,
        /// After this one.
        since: Option<String>,
        /// The latest.
        last: Option<usize>,
    },
    /// Lines as messages.
    Pipe(Plan),
    /// Messages.
    Receive(Wish),
}

impl Task {
    const fn mark(&mut self, auto: bool) {
        match self {
            Self::Ask { command, .. } | Self::Call(command) => command.marks.auto = auto,
            Self::Pipe(plan) => plan.auto = auto,
            Self::Control | Self::Events { .. } | Self::Receive(_) => {}
        }
    }

    /// How long it waits for another program of its profile.
    fn patience(&self) -> Duration {
        let limit = match self {
            Self::Ask { timeout, .. } => Some(*timeout),
            Self::Call(command) => command.timeout,
            Self::Receive(wish) => wish.timeout,
            Self::Control | Self::Events { .. } | Self::Pipe(_) => None,
        };
        limit.unwrap_or(ONESHOT)
    }

    /// So much of its time is over.
    fn spend(&mut self, waited: Duration) {
        let limit = match self {
            Self::Ask { timeout, .. } => Some(timeout),
            Self::Call(command) => command.timeout.as_mut(),
            Self::Receive(wish) => wish.timeout.as_mut(),
            Self::Control | Self::Events { .. } | Self::Pipe(_) => None,
        };
        if let Some(limit) = limit {
            *limit = limit.saturating_sub(waited);
        }
    }

    /// What becomes of messages that arrive while a client of its own is there for it.
    fn arrivals(&self) -> Arrivals {
        match self {
            Self::Ask { .. } | Self::Control | Self::Events { .. } | Self::Receive(_) => {
                Arrivals::Take
            }
            Self::Call(command) if command.is_local() => Arrivals::Never,
            Self::Call(_) | Self::Pipe(_) => Arrivals::Leave,
        }
    }
}

/// Whether the environment says which session's socket is meant.
#[must_use]
pub fn is_socket_given() -> bool {
    std::env::var_os("ACKCHAT_SOCK").is_some()
}

/// Whether a hook runs this program: two of them that answer each other would do so for ever.
fn is_automatic() -> bool {
    std::env::var_os("ACKCHAT_EVENT").is_some()
}

/// Carries it out.
#[must_use]
pub fn run(options: &Options) -> Exit {
    carry_out(options).unwrap_or_else(|fault| fault.report())
}

fn carry_out(options: &Options) -> Result<Exit, Fault> {
    let mut options = options.clone();
    if options.reads_text {
        let text = wrapped::read_text()?;
        if let Task::Call(command) | Task::Ask { command, .. } = &mut options.task
            && let Some(last) = command.words.last_mut()
        {
            *last = text;
        }
    }
    options.task.mark(is_automatic());
    let options = &options;
    let start = config::settle(&options.join)?;
    let join = &start.options;
    let path = paths::socket(join.data.as_deref(), &join.name, join.sock.as_deref())?;
    match begin_turn(options, join, &path)? {
        Turn::Session(stream) => {
            let mut carrier = Carrier::new(options, stream, false)?;
            Ok(carrier.run())
        }
        Turn::Profile(profile, waited) => {
            let mut options = options.clone();
            options.task.spend(waited);
            alone(&options, profile)
        }
    }
}

/// What is one's own to do it with.
enum Turn {
    /// The profile, after so long.
    Profile(Profile, Duration),
    /// The running session.
    Session(UnixStream),
}

/// The running session, or the profile as soon as no other program has it.
fn begin_turn(options: &Options, join: &JoinOptions, path: &Path) -> Result<Turn, Fault> {
    let ambient = Ambient::new();
    let began = ambient.now().instant;
    let mut poll = Poll::new().map_err(|error| cannot(&error))?;
    let mut events = mio::Events::with_capacity(1);
    loop {
        // What has the profile may be a session that has only begun to listen.
        match (UnixStream::connect(path).ok(), options.session) {
            (Some(stream), Session::Prefer | Session::Require) => return Ok(Turn::Session(stream)),
            (None, Session::Require) => {
                let words = format!("No session listens at {}.", path.display());
                return Err(Fault::new(Exit::Unreachable, &words));
            }
            (Some(_), Session::Never) => {
                let words = format!("A session of {} runs: it has the profile.", join.name);
                return Err(Fault::new(Exit::Unreachable, &words));
            }
            (None, Session::Prefer | Session::Never) => {}
        }
        if options.task.arrivals() == Arrivals::Never {
            demand_profile(join)?;
        }
        let data = join.data.as_deref();
        let waited = ambient.now().instant.since(began);
        if let Some(profile) = Profile::open_if_free(data, &join.name)? {
            return Ok(Turn::Profile(profile, waited));
        }
        if waited >= options.task.patience() {
            return Profile::open(data, &join.name).map(|profile| Turn::Profile(profile, waited));
        }
        // A lock tells nobody that it is free.
        if let Err(error) = poll.poll(&mut events, Some(PROFILE_RETRY))
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(cannot(&error));
        }
    }
}

/// Where nothing was kept there is nothing to look up.
fn demand_profile(join: &JoinOptions) -> Result<(), Fault> {
    let data = join.data.as_deref();
    if paths::store(data, Some(&join.name))?.exists() {
        return Ok(());
    }
    let profiles = paths::profiles(data);
    let near = explain::nearest(join.name.as_str(), profiles.iter().map(String::as_str));
    let words = format!("There is no profile {} on this machine.", join.name);
    let Fault { line, exit } = Fault::new(Exit::Unreachable, &words);
    let near = explain::did_you_mean(&near).map(|near| format!("\n  {near}"));
    let line = line + &near.unwrap_or_default();
    Err(Fault { line, exit })
}

/// With a client of its own.
fn alone(options: &Options, profile: Profile) -> Result<Exit, Fault> {
    let (near, far) = UnixStream::pair().map_err(|error| cannot(&error))?;
    let carrier = Carrier::new(options, near, true)?;
    let mut join = JoinOptions {
        face: Face::OneShot(options.task.arrivals()),
        // What cannot be sent is taken back, which a client that has ended could not.
        stay: true,
        ..options.join.clone()
    };
    join.settings.exit_on_dereg = false;
    join.given.insert("stay".to_owned());
    join.given.insert("exit_on_dereg".to_owned());
    let company = Company {
        guests: vec![Box::new(carrier)],
        profile: Some(profile),
        streams: vec![far],
        ..Company::default()
    };
    Ok(client::run_with(&join, company))
}

/// `join --json`: lines go in as always, events come out.
pub(crate) fn events() -> Result<Company, Fault> {
    let (near, far) = UnixStream::pair().map_err(|error| cannot(&error))?;
    let now = Ambient::new().now();
    let events = Events::new(&[], None, None);
    let carrier = Carrier::carrying(Box::new(events), now, near).map_err(|error| cannot(&error))?;
    Ok(Company {
        guests: vec![Box::new(carrier)],
        streams: vec![far],
        ..Company::default()
    })
}

fn cannot(error: &io::Error) -> Fault {
    Fault::new(Exit::No, &format!("Cannot begin: {error}."))
}

const STREAM: Token = Token(0);
const STDIN: Token = Token(1);
const STDOUT: Token = Token(2);

/// How the talk with a session goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Talk {
    /// Nothing more is asked once what waits is written.
    Ending,
    /// The session is gone.
    Lost,
    /// Both ways.
    Open,
}

/// Whether there is another line of standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    /// None will come.
    Never,
    /// Only the descriptor knows.
    Unknown,
    /// The last look brought one, so there may be another.
    Likely,
}

/// A one-shot with its streams.
struct Carrier {
    poll: Poll,
    ambient: Ambient,
    what: Box<dyn OneShot>,
    stream: UnixStream,
    readable: bool,
    writable: bool,
    talk: Talk,
    lines: Lines,
    /// Requests that the session has not taken yet.
    out: Vec<u8>,
    /// Standard input, once somebody wants it.
    input: Option<Input>,
    typed: Lines,
    more: More,
    screen: Output,
    buffer: Vec<u8>,
    ended: Option<Exit>,
}

impl Carrier {
    fn new(options: &Options, stream: UnixStream, own_session: bool) -> Result<Self, Fault> {
        let now = Ambient::new().now();
        let what = begin(options, now, own_session)?;
        Self::carrying(what, now, stream).map_err(|error| cannot(&error))
    }

    fn carrying(what: Box<dyn OneShot>, _: Now, stream: UnixStream) -> io::Result<Self> {
        let mut stream = stream;
        let poll = Poll::new()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, STREAM, interest)?;
        let stdout = io::stdout().as_fd().try_clone_to_owned()?;
        let mut screen = Output::new(stdout, STDOUT);
        if what.is_for_reader() {
            screen.mind_reader();
        }
        Ok(Self {
            poll,
            ambient: Ambient::new(),
            what,
            stream,
            readable: true,
            writable: true,
            talk: Talk::Open,
            lines: Lines::new(CONTROL_LINE_BYTES_MAX),
            out: Vec::new(),
            input: None,
            typed: Lines::new(CONTROL_LINE_BYTES_MAX),
            more: More::Unknown,
            screen,
            buffer: vec![0; INPUT_BYTES],
            ended: None,
        })
    }

    /// Beside a session that runs elsewhere.
    fn run(&mut self) -> Exit {
        loop {
            self.step();
            if self.ended.is_some() {
                return self.finish();
            }
            if let Err(error) = self.wait(self.due_in())
                && error.kind() != io::ErrorKind::Interrupted
            {
                return cannot(&error).report();
            }
        }
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let mut events = mio::Events::with_capacity(8);
        // epoll counts whole milliseconds.
        let timeout =
            timeout.as_millis() + u128::from(!timeout.subsec_nanos().is_multiple_of(1_000_000));
        let timeout = Duration::from_millis(u64::try_from(timeout).unwrap_or(u64::MAX));
        self.poll.poll(&mut events, Some(timeout))?;
        for event in &events {
            match event.token() {
                STREAM => {
                    self.readable |= event.is_readable() || event.is_read_closed();
                    self.writable |= event.is_writable() || event.is_write_closed();
                }
                STDIN => {
                    if let Some(input) = &mut self.input {
                        input.wake();
                    }
                }
                STDOUT if event.is_write_closed() => self.screen.lose_reader(),
                _ => {}
            }
        }
        Ok(())
    }

    fn step(&mut self) {
        let now = self.ambient.now();
        self.perform();
        self.listen(now);
        self.read_input(now);
        if self.what.deadline().is_some_and(|due| due <= now.instant) {
            self.what.handle_timeout(now);
        }
        self.perform();
        self.talk();
        self.screen.write(self.poll.registry());
        if self.screen.is_closed() {
            // Whoever read it has read enough.
            self.ended = self.ended.or(Some(Exit::Done));
        }
    }

    /// Writes what is left. What could not be written is not done.
    fn finish(&mut self) -> Exit {
        self.screen.finish();
        let mut exit = self.ended.unwrap_or(Exit::Done);
        if let Some(failure) = self.screen.failure() {
            output::complain_of_output(failure);
            exit = exit.max(Exit::No);
        }
        self.ended = Some(exit);
        exit
    }

    /// What the session says, as long as somebody takes what comes of it.
    fn listen(&mut self, now: Now) {
        while self.may_listen() {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return self.lose(),
                Ok(length) => {
                    self.lines.feed(&self.buffer[..length]);
                    while let Some(line) = self.lines.poll() {
                        if let Line::Text(line) = line {
                            self.what.handle_line(now, &line);
                        }
                        self.perform();
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => self.readable = false,
                    io::ErrorKind::Interrupted => {}
                    _ => return self.lose(),
                },
            }
        }
    }

    fn may_listen(&self) -> bool {
        self.readable && self.talk != Talk::Lost && self.ended.is_none() && !self.screen.is_behind()
    }

    fn lose(&mut self) {
        self.readable = false;
        self.talk = Talk::Lost;
        self.what.handle_lost();
        self.perform();
    }

    fn wants_input(&self) -> bool {
        let has_room = self.out.len() < CONTROL_UNREAD_BYTES_MAX;
        let runs = self.ended.is_none() && self.more != More::Never;
        runs && has_room && self.what.appetite() == Appetite::Lines
    }

    fn read_input(&mut self, now: Now) {
        while self.wants_input() {
            let line = self.typed.poll();
            if let Some(line) = line {
                self.more = More::Likely;
                self.what.handle_input(now, Some(line));
                self.perform();
                continue;
            }
            self.more = More::Unknown;
            if self.typed.is_ended() {
                self.more = More::Never;
                self.what.handle_input(now, None);
                return;
            }
            if self.input.is_none() {
                self.input = self.open_input();
            }
            let Some(input) = &mut self.input else {
                self.typed.end();
                continue;
            };
            match input.read(self.poll.registry(), &mut self.buffer) {
                Read::Bytes(length) => self.typed.feed(&self.buffer[..length]),
                Read::End => self.typed.end(),
                Read::Nothing => return,
            }
        }
    }

    fn open_input(&self) -> Option<Input> {
        let stdin = io::stdin().as_fd().try_clone_to_owned().ok()?;
        let mut input = Input::open(stdin, self.poll.registry(), STDIN).ok()?;
        // What is there already wakes nobody.
        input.wake();
        Some(input)
    }

    fn perform(&mut self) {
        while self.ended.is_none()
            && let Some(step) = self.what.poll()
        {
            match step {
                Step::Ask(line) => {
                    self.out.extend_from_slice(line.as_bytes());
                    self.out.push(b'\n');
                }
                Step::Complain(line) => output::complain(&line),
                Step::End(exit) => self.ended = Some(exit),
                Step::HangUp => self.talk = Talk::Ending,
                Step::Say(text) => self.screen.print(&text, 0),
            }
        }
    }

    fn talk(&mut self) {
        while self.writable && self.talk != Talk::Lost && !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(length) => drop(self.out.drain(..length)),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => self.writable = false,
                    io::ErrorKind::Interrupted => {}
                    // What it said before it went away can still be read.
                    _ => self.out.clear(),
                },
            }
        }
        if self.talk == Talk::Ending && self.out.is_empty() {
            // A second time changes nothing.
            self.stream.shutdown(Shutdown::Write).ok();
        }
    }
}

impl Guest for Carrier {
    fn descriptor(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    fn due_in(&self) -> Duration {
        let more = self.wants_input()
            && (self.more == More::Likely || self.input.as_ref().is_none_or(Input::is_ready));
        if more || self.may_listen() {
            return Duration::ZERO;
        }
        let due = self.what.deadline().unwrap_or(Instant(u64::MAX));
        let wait = due.since(self.ambient.now().instant);
        wait.min(Duration::from_mins(1))
    }

    fn turn(&mut self) {
        if self.ended.is_none() && self.wait(Duration::ZERO).is_ok() {
            self.step();
            if self.ended.is_some() {
                self.finish();
            }
        }
    }

    fn ended(&self) -> Option<Exit> {
        self.ended
    }

    fn take_seen(&mut self) -> Vec<(Name, MessageId)> {
        self.what.take_seen()
    }
}

fn begin(options: &Options, now: Now, own_session: bool) -> Result<Box<dyn OneShot>, Fault> {
    let manner = options.manner;
    Ok(match options.task.clone() {
        Task::Ask {
            who,
            command,
            timeout,
            yes_no,
        } => Box::new(Ask::new((now, timeout), manner, (who, &command), yes_no)),
        Task::Call(command) => Box::new(Call::new(now, manner, command)),
        Task::Control => Box::new(Relay::default()),
        Task::Events { types, since, last } => {
            Box::new(Events::new(&types, since.as_deref(), last))
        }
        Task::Pipe(plan) => Box::new(Pipe::new(
            manner,
            Plan {
                own_session,
                ..plan
            },
        )),
        Task::Receive(wish) => {
            Box::new(Receive::new(now, wish).map_err(|words| Fault::new(Exit::Usage, &words))?)
        }
    })
}
