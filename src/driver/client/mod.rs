//! The client's loop: lines from a terminal or a pipe into the shell, words out of it.

mod desk;
mod lines;
mod options;
mod outputs;

pub use options::{Face, JoinOptions};
pub(super) use options::{core_config, local_address};

use super::config::Start;
use super::guest::{Company, Guest};
use super::host::tour::Tour;
use super::input::Input;
use super::log::Log;
use super::output::Output as Screen;
use super::paths::Profile;
use super::programs::chores::{Chores, Place};
use super::programs::control::{self, Doors, Listener};
use super::programs::oneshot;
use super::reactor::{Reactor, SOCKET, STDIN, STDOUT, Signal};
use super::script::recording::Recording;
use super::socket::Socket;
use super::terminal;
use super::terminal::console::{Console, Mode};
use super::terminal::paint::{Paint, Surroundings};
use super::trace::Trace;
use super::{Fault, ambient, bind_fault, config, paths, store_fault};
use crate::client::Client;
use crate::client::port::StoreRequest;
use crate::model::limits::{ENTROPY, INPUT_BYTES, LEAVE};
use crate::model::{Instant, Now, Store as _, StoreTicket};
use crate::secure::Ratchet;
use crate::shell::asked::{Asked, Asker};
use crate::shell::control::Control;
use crate::shell::control::journal::Journal;
use crate::shell::records::Whereabouts;
use crate::shell::{Exit, LineId, OnFailure, Settings, Shell, Tone};
use crate::store::ClientStore;
use desk::Desk;
use lines::quote;
use signal_hook::low_level::emulate_default_handler;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

/// Whose question it is that comes from the journal of events; the client counts its own from one.
const JOURNAL: StoreTicket = StoreTicket(u64::MAX);

/// Chats until the end of input, a signal, or the shell ends it.
#[must_use]
pub fn run(options: &JoinOptions) -> Exit {
    let company = match options.face {
        Face::Json => oneshot::events(),
        Face::Headless | Face::OneShot(_) | Face::Terminal => Ok(Company::default()),
    };
    match company {
        Ok(company) => run_with(options, company),
        Err(fault) => fault.report(),
    }
}

/// The same with others in its loop.
pub(super) fn run_with(options: &JoinOptions, company: Company) -> Exit {
    let folder = company.folder;
    let opened = config::settle(options).and_then(|start| {
        let profile = match company.profile {
            Some(profile) => profile,
            None => Profile::open(start.options.data.as_deref(), &start.options.name)?,
        };
        let mut chat = Loop::open(&start, profile)?;
        // A demonstration is the same for everybody.
        if company.tour.is_none() {
            chat.rc = start.rc;
        }
        for guest in &company.guests {
            let watched = chat.reactor.watch_guest(guest.descriptor());
            watched.map_err(|error| Fault::new(Exit::No, &format!("Cannot begin: {error}.")))?;
        }
        chat.guests = company.guests;
        for stream in company.streams {
            chat.doors.admit(stream, chat.reactor.registry());
        }
        chat.tour = company.tour;
        for hint in &company.hints {
            chat.say(Tone::Hint, hint);
        }
        Ok(chat)
    });
    match opened {
        Ok(mut chat) => {
            let exit = chat.run();
            let deadly = chat.deadly;
            drop(chat);
            drop(folder);
            if let Some(signal) = deadly {
                // It ends the program, so that its parent sees the cause.
                emulate_default_handler(signal).ok();
            }
            exit
        }
        Err(fault) => fault.report(),
    }
}

struct Loop {
    reactor: Reactor,
    socket: Socket,
    input: Input,
    buffer: Vec<u8>,
    console: Console,
    paint: Paint,
    screen: Screen,
    shell: Shell,
    /// Other programs that run for the shell.
    chores: Chores,
    /// Keys that wait until it is known what can be completed.
    held_keys: Vec<u8>,
    store: ClientStore,
    /// Questions that its queue had no room for, in order.
    held_back: VecDeque<(StoreTicket, StoreRequest)>,
    trace: Option<Trace>,
    recording: Recording,
    /// Programs that use this session.
    doors: Doors,
    face: Face,
    /// The line by which it leaves when its only guest is done, and how it ends then.
    parting: Option<(LineId, Exit)>,
    on_failure: OnFailure,
    /// Lines without an outcome, and where each stood, if it is to be told when it fails.
    in_flight: BTreeMap<LineId, Option<String>>,
    /// The first line of the input; those of rc.chat come before.
    first_line: Option<LineId>,
    /// The first line of the input that failed and was named.
    blamed: Option<LineId>,
    /// How many lines of the input were taken.
    line_count: u64,
    entropy: Instant,
    /// Lines were read that nobody has taken out yet.
    backlog: bool,
    /// Messages of other people in the text of this turn.
    messages: u64,
    /// The prompt is back then.
    prompt_due: Option<Instant>,
    stage: Stage,
    /// The signal by which the program has to die, once all is as it was before.
    deadly: Option<i32>,
    /// A line that could not even be read.
    failed: Option<Exit>,
    /// Whoever read our output went away while lines were waiting to be carried out.
    cut_short: bool,
    /// The terminal and the lines typed at it, if somebody sits there.
    desk: Option<Desk>,
    /// Lines of rc.chat that are still to be entered.
    rc: Vec<(usize, String)>,
    /// Others that live in this loop.
    guests: Vec<Box<dyn Guest>>,
    /// Says what to try next.
    tour: Option<Tour>,
    /// The shell and its store were not yet done with each other.
    unfinished: bool,
    /// Dropped last: the store is closed before somebody else may open it.
    _profile: Profile,
}

/// How far the program is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Lines are read.
    Open,
    /// No more lines; the shell waits for outcomes and leaves.
    Ending,
    /// The same, but not longer than until then, and with this status if it was too long.
    EndingBy(Instant, Exit),
    /// Nothing follows.
    Over(Exit),
}

impl Loop {
    fn open(start: &Start, profile: Profile) -> Result<Self, Fault> {
        let options = &start.options;
        let identity = profile.identity()?;
        let trace = options.trace.as_deref().map(Trace::create).transpose()?;
        let address = local_address(options);
        let failed = |error: io::Error| bind_fault(address, &error);
        let reactor = Reactor::new().map_err(failed)?;
        let socket = Socket::bind(address, reactor.registry(), SOCKET).map_err(failed)?;
        let door = match options.face {
            // Whoever came by it would find it gone in a moment.
            Face::OneShot(_) => None,
            Face::Headless | Face::Json | Face::Terminal => {
                let (data, chosen) = (options.data.as_deref(), options.sock.as_deref());
                Some(control::prepare(data, &options.name, chosen)?)
            }
        };
        let listener = door
            .as_deref()
            .map(|path| Listener::bind(path, reactor.registry()))
            .transpose()?;
        let whereabouts = Whereabouts {
            profile: options.name.as_str().into(),
            server: options.server.to_string().into(),
            socket: door.as_deref().map(|path| path.to_string_lossy().into()),
        };
        let mut ratchet = Ratchet::new(ambient::random());
        let path = paths::store(options.data.as_deref(), Some(&options.name))?;
        let wake = reactor.waker().map_err(failed)?;
        let mut store = ClientStore::open(&path, ratchet.u32(), wake)
            .map_err(|error| store_fault(&path, &error))?;
        let journal = Journal::resumed(&store.take_notes());
        let doors = Doors::new(Control::new(whereabouts.clone(), journal), listener);
        let (input, mut stdout) = streams(options, &reactor).map_err(failed)?;

        let is_plain = options.plain || options.face != Face::Terminal || !options.lines.is_empty();
        let mode = mode(is_plain);
        let surroundings = Surroundings::read(mode == Mode::Prompted);
        let colours = !options.plain && surroundings.want_colours(options.colour);
        let settings = Settings {
            on_failure: on_failure(options),
            ..options.settings
        };
        let (console, desk) = match mode {
            Mode::Plain => (plain(&reactor, &options.lines), None),
            Mode::Prompted => {
                stdout = terminal::own_output(stdout);
                reactor.watch_terminal().map_err(failed)?;
                let (console, desk) = Desk::open(&profile).map_err(failed)?;
                (console, Some(desk))
            }
        };
        let config = core_config(options);
        let client = Client::new(config, Arc::new(identity), ratchet);
        Ok(Self {
            entropy: reactor.now().instant + ENTROPY,
            reactor,
            socket,
            input,
            buffer: vec![0; INPUT_BYTES],
            console,
            paint: Paint::new(colours),
            screen: Screen::new(stdout, STDOUT),
            shell: Shell::new(settings, client)
                .with_values(start.values.clone())
                .with_whereabouts(whereabouts)
                .with_programs(start.hooks.clone()),
            chores: chores(start, &profile, door),
            held_keys: Vec::new(),
            store,
            held_back: VecDeque::new(),
            trace,
            recording: Recording::default(),
            doors,
            face: options.face,
            parting: None,
            on_failure: settings.on_failure,
            in_flight: BTreeMap::new(),
            first_line: None,
            blamed: None,
            line_count: 0,
            backlog: false,
            messages: 0,
            prompt_due: None,
            stage: Stage::Open,
            deadly: None,
            failed: None,
            cut_short: false,
            desk,
            rc: Vec::new(),
            guests: Vec::new(),
            tour: None,
            unfinished: false,
            _profile: profile,
        })
    }

    fn run(&mut self) -> Exit {
        let now = self.reactor.now();
        let line = self.shell.start(now);
        self.in_flight.insert(line, None);
        for (number, text) in std::mem::take(&mut self.rc) {
            // They wait for the login, which decides what they mean.
            let line = self.shell.handle_preparation(now, &text);
            let place = format!("rc.chat:{number}");
            self.in_flight.insert(line, Some(quote(&place, &text)));
        }
        self.hold_prompt(now);
        self.tell_complaint();
        let mut result = self.finish_turn(now);
        let exit = loop {
            if let Err(error) = result {
                self.desk = None;
                let words = format!("The program ends: {error}.");
                break Fault::new(Exit::No, &words).report();
            }
            if let Stage::Over(exit) = self.stage {
                break exit;
            }
            result = self.turn();
        };
        self.console.hide();
        self.print();
        let shown = self.screen.finish();
        self.desk = None;
        self.tell_shown(self.reactor.now(), shown);
        self.doors.flush(self.reactor.registry());
        let exit = self.last_guests(exit);
        // What they have seen is marked, and datagrams leave before others are waited for.
        self.drain(self.reactor.now());
        self.socket.flush(self.reactor.registry()).ok();
        if let Some(request) = self.doors.unwritten() {
            self.submit(JOURNAL, request);
        }
        self.store.flush();
        if let Some(trace) = &mut self.trace {
            trace.flush();
        }
        if let Some(words) = self.recording.end() {
            super::output::complain(&words);
        }
        // Last: nothing that is to be said or written waits for the programs of others.
        self.chores.end(&mut self.reactor);
        match self.failed {
            Some(failed) if exit == Exit::Done => failed,
            // Lines that were not even read have not been carried out.
            _ if self.cut_short => {
                let words = "Nobody reads the output: the rest of the input was not read.";
                Fault::new(Exit::No, words).report()
            }
            _ => exit,
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut until = self.deadline();
        for guest in &self.guests {
            until = until.min(self.reactor.now().instant + guest.due_in());
        }
        let woken = self.reactor.wait(Some(until))?;
        let now = woken.now;
        self.turn_guests(now);
        match woken.signal {
            Some(Signal::Deadly(signal)) => {
                self.deadly = Some(signal);
                self.stage = Stage::Over(Exit::Terminated);
                return Ok(());
            }
            // Of a Ctrl-C in the editor the whole group hears.
            Some(Signal::Interrupt) if self.is_lent() => {}
            Some(Signal::Interrupt) => {
                self.stage = Stage::Over(Exit::Interrupted);
                return Ok(());
            }
            Some(Signal::Terminate) => self.end_by(now, Exit::Terminated),
            None => {}
        }
        if woken.socket {
            self.socket.wake();
        }
        if woken.stdin {
            self.input.wake();
        }
        let streams = self.reactor.take_streams();
        self.doors.receive(&streams, self.reactor.registry());
        self.end_editing(now)?;
        if let Some(change) = woken.terminal
            && !self.is_lent()
        {
            self.look_at_terminal(change)?;
        }
        self.socket
            .receive(|from, bytes| self.shell.handle_datagram(now, from, bytes));
        self.chores.turn(now, &self.reactor, &mut self.shell);
        self.read_keys(now)?;
        self.read_lines(now);
        self.handle_timeouts(now);
        self.finish_turn(now)
    }

    /// Others in this loop; if it is there only for one that has ended, it leaves.
    fn turn_guests(&mut self, now: Now) {
        for guest in &mut self.guests {
            guest.turn();
        }
        if !self.face.is_shown_by_guests() {
            return;
        }
        let seen = self.guests.iter_mut().flat_map(|guest| guest.take_seen());
        self.shell.handle_seen(now, seen.collect());
        let ended = self.guests.iter().find_map(|guest| guest.ended());
        if let Some(exit) = ended
            && self.parting.is_none()
        {
            if self.face.is_local() {
                self.stage = Stage::Over(exit);
                return;
            }
            // One's groups stay, as after a `dereg` that somebody types.
            let words = Box::from(["dereg".to_owned()]);
            let line = self
                .shell
                .handle_asked(now, Asked::Words(words), Asker::Free);
            self.parting = Some((line, exit));
            self.stage = Stage::EndingBy(now.instant + LEAVE, exit);
        }
    }

    /// What a guest was told at the very end decides how the program ends.
    fn last_guests(&mut self, exit: Exit) -> Exit {
        if !self.face.is_shown_by_guests() {
            return exit;
        }
        let before = self.guests.iter().find_map(|guest| guest.ended());
        for guest in &mut self.guests {
            guest.turn();
        }
        let seen = self.guests.iter_mut().flat_map(|guest| guest.take_seen());
        self.shell.handle_seen(self.reactor.now(), seen.collect());
        let ended = self.guests.iter().find_map(|guest| guest.ended());
        match self.face {
            // One that is content with any end of its session has seen none that began.
            Face::OneShot(_) if before.is_none() && ended == Some(Exit::Done) => exit,
            Face::OneShot(_) => ended.unwrap_or(exit),
            Face::Headless | Face::Json | Face::Terminal => exit,
        }
    }

    /// The earliest moment at which something has to be done without being asked.
    fn deadline(&self) -> Instant {
        let keys = match self.console.mode() {
            Mode::Plain => self.wants_lines() && (self.backlog || self.input.is_ready()),
            Mode::Prompted => {
                let lines = self.backlog && self.wants_lines();
                let keys = self.console.has_more() || self.input.is_ready();
                lines || keys && !self.is_lent() && !self.chores.is_looking()
            }
        };
        if self.unfinished || self.socket.is_ready() || self.doors.is_ready() || keys {
            return Instant(0);
        }
        let leave = match self.stage {
            Stage::EndingBy(at, _) => Some(at),
            Stage::Open | Stage::Ending | Stage::Over(_) => None,
        };
        let escape = self.console.deadline();
        let chores = self.chores.deadline();
        let programs = self.doors.deadline();
        let others = [
            self.shell.deadline(),
            self.prompt_due,
            leave,
            escape,
            chores,
            programs,
        ];
        others
            .into_iter()
            .flatten()
            .fold(self.entropy, Instant::min)
    }

    /// End of input: the shell leaves when all lines have their outcome.
    fn end(&mut self, now: Now) {
        if self.desk.is_none() {
            self.input.close(self.reactor.registry());
        }
        if self.stage == Stage::Open {
            self.stage = Stage::Ending;
            self.shell.handle_end(now);
        }
    }

    /// The same, with a limit.
    fn end_by(&mut self, now: Now, exit: Exit) {
        self.end(now);
        if self.stage == Stage::Ending {
            self.stage = Stage::EndingBy(now.instant + LEAVE, exit);
        }
    }

    fn handle_timeouts(&mut self, now: Now) {
        if self.entropy <= now.instant {
            self.shell.handle_entropy(&ambient::random());
            self.entropy = now.instant + ENTROPY;
        }
        if self
            .shell
            .deadline()
            .is_some_and(|deadline| deadline <= now.instant)
        {
            self.shell.handle_timeout(now);
        }
    }
}

/// What other programs are told of a session.
fn chores(start: &Start, profile: &Profile, socket: Option<PathBuf>) -> Chores {
    let Start { options, .. } = start;
    let name = options.name.as_str();
    let place = Place {
        me: name.to_owned(),
        profile: options.profile.as_deref().unwrap_or(name).to_owned(),
        socket,
        directory: profile.directory.clone(),
        plugins: start.plugins.clone(),
        manifests: paths::manifests(options.data.as_deref()).ok(),
    };
    Chores::new(place, Log::new(profile.history.with_file_name("log")))
}

/// A prompt needs a terminal on both ends that can erase a row.
fn mode(plain: bool) -> Mode {
    let terminal = std::env::var("TERM").unwrap_or_default();
    let dumb = ["dumb", "cons25", "emacs"].contains(&terminal.as_str());
    if plain || dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        Mode::Plain
    } else {
        Mode::Prompted
    }
}

/// Standard input and output, as far as they are used.
fn streams(options: &JoinOptions, reactor: &Reactor) -> io::Result<(Input, OwnedFd)> {
    let nothing = || File::options().read(true).write(true).open("/dev/null");
    let reads = matches!(options.face, Face::Json | Face::Terminal) && options.lines.is_empty();
    let stdin = if reads {
        io::stdin().as_fd().try_clone_to_owned()?
    } else {
        nothing()?.into()
    };
    let mut input = Input::open(stdin, reactor.registry(), STDIN)?;
    if !reads {
        input.close(reactor.registry());
    }
    let stdout = match options.face {
        Face::Terminal => io::stdout().as_fd().try_clone_to_owned()?,
        Face::Headless | Face::Json | Face::OneShot(_) => nothing()?.into(),
    };
    Ok((input, stdout))
}

/// No editor; with lines that were given beforehand nothing else is read.
fn plain(reactor: &Reactor, lines: &[String]) -> Console {
    let mut console = Console::plain();
    if !lines.is_empty() {
        let text = lines.join("\n") + "\n";
        console.feed(reactor.now().instant, text.as_bytes(), &());
        console.end();
    }
    console
}

/// A person who types sees what failed and goes on.
fn on_failure(options: &JoinOptions) -> OnFailure {
    let asked = options.settings.on_failure;
    let is_typed = options.lines.is_empty() && io::stdin().is_terminal();
    match (options.face, asked) {
        (Face::Headless | Face::OneShot(_), _) => OnFailure::Show,
        _ if asked == OnFailure::End && is_typed => OnFailure::Show,
        (_, asked) => asked,
    }
}
