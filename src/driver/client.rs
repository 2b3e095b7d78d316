//! The client's loop: lines from a terminal or a pipe into the shell, words out of it.

use super::chores::{Chores, Place};
use super::config::Start;
use super::console::{Console, Mode, Typed, Urgent};
use super::control::{self, Doors, Listener};
use super::editing::Editing;
use super::guest::{Company, Guest};
use super::history::History;
use super::input::{Input, Read};
use super::log::Log;
use super::notify::Kind;
use super::output::Output as Screen;
use super::paint::{Colour, Paint, Surroundings};
use super::paths::Profile;
use super::reactor::{Change, Reactor, SOCKET, STDIN, STDOUT, Signal};
use super::recording::Recording;
use super::socket::Socket;
use super::terminal::{self, Terminal};
use super::tour::Tour;
use super::trace::Trace;
use super::{Fault, ambient, bind_fault, config, oneshot, paths, store_fault};
use crate::client::port::{StoreEvent, StoreRequest};
use crate::client::{Arrivals, Client, Config, Event};
use crate::model::limits::{
    ENTROPY, INPUT_BYTES, LEAVE, LINE_BYTES_MAX, LINES_IN_FLIGHT_MAX, LOOKED_AWAY, PROMPT_HOLD,
    STORE_ROUNDS_MAX,
};
use crate::model::{Full, Instant, Name, Now, Store as _, StoreTicket};
use crate::secure::{Fingerprint, Ratchet};
use crate::shell::args::Target;
use crate::shell::asked::{Asked, Asker};
use crate::shell::control::Control;
use crate::shell::control::journal::Journal;
use crate::shell::editor::Editor;
use crate::shell::incoming::Line;
use crate::shell::records::Whereabouts;
use crate::shell::settings::NotifyText;
use crate::shell::wrap::Layout;
use crate::shell::{self, clean, explain};
use crate::shell::{Exit, LineId, OnFailure, Output, Settings, Shell, Shown, Tone};
use crate::store::ClientStore;
use rustyline::GraphemeClusterMode;
use signal_hook::low_level::emulate_default_handler;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Columns of a line that are told when it fails.
const QUOTE_COLUMNS: usize = 50;

/// Whose question it is that comes from the journal of events; the client counts its own from one.
const JOURNAL: StoreTicket = StoreTicket(u64::MAX);

/// What `join` may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinOptions {
    /// Who this is; also the profile's name.
    pub name: Name,
    /// Where the server is.
    pub server: SocketAddr,
    /// The server's fingerprint, if it is known beforehand.
    pub server_key: Option<Fingerprint>,
    /// The local port; 0 for any.
    pub port: u16,
    /// In place of the user's data directory.
    pub data: Option<PathBuf>,
    /// What the shell does. Where a person types, `OnFailure::End` means `Show`.
    pub settings: Settings,
    /// A lost server does not end the program.
    pub stay: bool,
    /// Let the server carry datagrams where the direct path fails.
    pub relay: bool,
    /// Colours.
    pub colour: Colour,
    /// No prompt, no colour, no control code, whatever the terminal can.
    pub plain: bool,
    /// Where packets are written down.
    pub trace: Option<PathBuf>,
    /// The keys of the settings that the arguments decided.
    pub given: BTreeSet<String>,
    /// Whose part of config.toml holds; else that of the name.
    pub profile: Option<String>,
    /// In place of the user's config.toml.
    pub config: Option<PathBuf>,
    /// Where programs reach the session, in place of the profile's own socket.
    pub sock: Option<PathBuf>,
    /// What lines come from and where words go to.
    pub face: Face,
    /// In place of standard input.
    pub lines: Vec<String>,
}

/// What lines come from and where words go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Only programs use it, until a signal ends it.
    Headless,
    /// Lines come from standard input, events go to standard output.
    Json,
    /// It is there for one thing, which does not take messages unless it says so.
    OneShot(Arrivals),
    /// Lines come from standard input, words go to standard output.
    Terminal,
}

impl Face {
    /// Whether what is shown is shown by a guest.
    const fn is_shown_by_guests(self) -> bool {
        matches!(self, Self::Json | Self::OneShot(_))
    }
}

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
        let mut chat = Loop::open(&start)?;
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

/// What a person at a terminal has besides the lines.
struct Desk {
    terminal: Terminal,
    history: History,
    /// Where a message being written lies.
    directory: PathBuf,
    /// The terminal is lent to an editor.
    editing: Option<Editing>,
    kind: Kind,
    /// The window's title that was told last.
    title: String,
    /// When a key was pressed last.
    key_at: Instant,
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
    fn open(start: &Start) -> Result<Self, Fault> {
        let options = &start.options;
        let profile = Profile::open(options.data.as_deref(), &options.name)?;
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
        self.chores.end();
        self.console.hide();
        self.print();
        let shown = self.screen.finish();
        self.desk = None;
        self.tell_shown(self.reactor.now(), shown);
        self.doors.flush(self.reactor.registry());
        let exit = self.last_guests(exit);
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
        for guest in &mut self.guests {
            guest.turn();
        }
        let seen = self.guests.iter_mut().flat_map(|guest| guest.take_seen());
        self.shell.handle_seen(self.reactor.now(), seen.collect());
        let ended = self.guests.iter().find_map(|guest| guest.ended());
        match self.face {
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

    /// A pipe flows as fast as outcomes come. Where a failure ends the program, the lines after it
    /// must not have been tried, so each waits for the one before.
    fn wants_lines(&self) -> bool {
        let in_flight_max = match self.on_failure {
            OnFailure::End => 1,
            OnFailure::GoOn | OnFailure::Show => LINES_IN_FLIGHT_MAX,
        };
        self.stage == Stage::Open && self.in_flight.len() < in_flight_max
    }

    /// Somebody at a terminal: keys are heard at any time, or Ctrl-C would not be.
    fn read_keys(&mut self, now: Now) -> io::Result<()> {
        let Some(desk) = self.desk.as_mut().filter(|desk| desk.editing.is_none()) else {
            return Ok(());
        };
        let escape = self
            .console
            .deadline()
            .is_some_and(|due| due <= now.instant);
        if self.chores.is_looking() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held_keys);
        let keys = if !held.is_empty() {
            &held
        } else if self.console.has_more() || escape && !self.input.is_ready() {
            &[]
        } else {
            match self.input.read(self.reactor.registry(), &mut self.buffer) {
                Read::Bytes(length) => {
                    desk.key_at = now.instant;
                    let keys = &self.buffer[..length];
                    if keys.contains(&b'\t') {
                        self.chores.look(now, &self.reactor, &mut self.shell);
                    }
                    if self.chores.is_looking() {
                        self.held_keys = keys.to_vec();
                        return Ok(());
                    }
                    keys
                }
                Read::End => {
                    self.console.end();
                    return Ok(());
                }
                Read::Nothing => return Ok(()),
            }
        };
        let mut assist = self.shell.assist(self.paint.colours());
        assist.files = Some(paths::beginning);
        match self.console.feed(now.instant, keys, &assist) {
            None => {}
            Some(Urgent::GivenUp) => self.console.show(),
            Some(Urgent::Interrupt) => self.interrupt(),
            Some(Urgent::Suspend) => {
                let output = self.console.take_output(&assist);
                self.screen.print(&output, 0);
                self.screen.finish();
                desk.terminal.suspend()?;
                self.look_at_terminal(Change::Continued)?;
            }
        }
        Ok(())
    }

    /// Ctrl-C with nothing to clear: nobody waits for outcomes any more, then the program ends.
    fn interrupt(&mut self) {
        if self.stage == Stage::Open && !self.in_flight.is_empty() {
            self.in_flight.clear();
            self.chores.interrupt(self.reactor.now().instant);
            self.prompt_due = None;
            self.console.show();
        } else {
            self.stage = Stage::Over(Exit::Interrupted);
        }
    }

    /// Another size, and after a stop another mode: somebody else had the terminal meanwhile.
    fn look_at_terminal(&mut self, change: Change) -> io::Result<()> {
        let (Some(desk), Some(editor)) = (&mut self.desk, self.console.editor()) else {
            return Ok(());
        };
        if change == Change::Continued {
            desk.terminal.resume()?;
            editor.show();
            editor.refresh();
        }
        if let Some((cols, rows)) = desk.terminal.size() {
            editor.resize(cols.into(), rows.into());
        }
        Ok(())
    }

    fn is_lent(&self) -> bool {
        self.desk
            .as_ref()
            .is_some_and(|desk| desk.editing.is_some())
    }

    /// Lends the terminal to an editor; meanwhile the loop goes on.
    fn begin_editing(&mut self, now: Now, line: LineId, target: &Target) {
        let begun = match &mut self.desk {
            Some(desk) => {
                self.console.hide();
                let assist = self.shell.assist(self.paint.colours());
                self.screen.print(&self.console.take_output(&assist), 0);
                self.screen.finish();
                desk.terminal.lend();
                Editing::begin(&desk.directory, line, target.clone())
            }
            None => Err("there is no terminal for an editor".to_owned()),
        };
        match (begun, &mut self.desk) {
            (Ok(editing), Some(desk)) => desk.editing = Some(editing),
            (Ok(_), None) => {}
            (Err(why), desk) => {
                // It was never lent for long; if it is gone, the next read tells.
                if let Some(desk) = desk {
                    desk.terminal.resume().ok();
                }
                self.shell.handle_edited(now, line, target, Err(&why));
            }
        }
    }

    fn end_editing(&mut self, now: Now) -> io::Result<()> {
        let Some(desk) = &mut self.desk else {
            return Ok(());
        };
        let Some(text) = desk.editing.as_mut().and_then(Editing::poll) else {
            return Ok(());
        };
        if let Some(editing) = desk.editing.take() {
            let text = text.as_deref().map_err(String::as_str);
            self.shell
                .handle_edited(now, editing.line, &editing.target, text);
        }
        desk.terminal.resume()?;
        if let Some((cols, rows)) = desk.terminal.size()
            && let Some(editor) = self.console.editor()
        {
            editor.forget_screen();
            editor.resize(cols.into(), rows.into());
        }
        Ok(())
    }

    /// One read, if the lines of the last one are used up.
    fn read_lines(&mut self, now: Now) {
        self.take_lines(now);
        if self.desk.is_some() || !self.wants_lines() || !self.input.is_ready() {
            return;
        }
        match self.input.read(self.reactor.registry(), &mut self.buffer) {
            Read::Bytes(length) => {
                let assist = self.shell.assist(self.paint.colours());
                self.console
                    .feed(now.instant, &self.buffer[..length], &assist);
            }
            Read::End => self.console.end(),
            Read::Nothing => return,
        }
        self.take_lines(now);
    }

    /// Whether input that is there already has a line nobody will carry out; takes it.
    fn has_more_lines(&mut self, now: Now) -> bool {
        if self.desk.is_some() {
            return false;
        }
        loop {
            match self.console.poll() {
                Some(Typed::Line(_)) => return true,
                Some(_) => return false,
                None if !self.input.is_ready() => return false,
                None => {}
            }
            match self.input.read(self.reactor.registry(), &mut self.buffer) {
                Read::Bytes(length) => {
                    let assist = self.shell.assist(self.paint.colours());
                    self.console
                        .feed(now.instant, &self.buffer[..length], &assist);
                }
                Read::End => self.console.end(),
                Read::Nothing => return false,
            }
        }
    }

    fn take_lines(&mut self, now: Now) {
        while self.wants_lines() {
            match self.console.poll() {
                None => {
                    self.backlog = false;
                    return;
                }
                Some(Typed::End) => self.end(now),
                Some(Typed::Line(line)) => {
                    self.line_count += 1;
                    self.take_line(now, line);
                }
            }
            self.hold_prompt(now);
        }
        self.backlog = true;
    }

    fn take_line(&mut self, now: Now, line: Line) {
        match line {
            Line::Text(text) if self.is_remark(&text) => {}
            Line::Text(text) => {
                self.remember(&text);
                let line = self.shell.handle_line(now, &text);
                self.recording.handle_line(now.instant, line, &text);
                self.in_flight.insert(line, self.place(&text));
            }
            Line::NotUtf8 => self.refuse_line(now, "[Invalid line: it is not UTF-8.]"),
            Line::TooMany => self.refuse_line(now, "[Too many lines wait. Try again.]"),
            Line::TooLong => {
                let words = format!("[Invalid line: it is longer than {LINE_BYTES_MAX} bytes.]");
                self.refuse_line(now, &words);
            }
        }
    }

    /// Whether a line of a batch is for its readers only.
    fn is_remark(&self, text: &str) -> bool {
        let is_batch = self.desk.is_none() && self.shell.conversation().is_none();
        is_batch && text.trim_start().starts_with('#')
    }

    /// Where the line stands that was taken last; somebody who types knows.
    fn place(&self, text: &str) -> Option<String> {
        let place = format!("line {} of the input", self.line_count);
        (self.on_failure != OnFailure::Show).then(|| quote(&place, text))
    }

    fn remember(&mut self, line: &str) {
        if let Some(desk) = &mut self.desk
            && let Some(lines) = self.console.remember(line)
        {
            desk.history.save(lines);
        }
        self.tell_complaint();
    }

    /// What is wrong with the file of lines typed.
    fn tell_complaint(&mut self) {
        let complaint = self.desk.as_mut().and_then(|d| d.history.take_complaint());
        if let Some(complaint) = complaint {
            self.say(Tone::Hint, &complaint);
        }
    }

    /// The prompt comes with the outcome, or soon without it.
    fn hold_prompt(&mut self, now: Now) {
        if self.console.mode() == Mode::Prompted {
            self.prompt_due = Some(now.instant + PROMPT_HOLD);
        }
    }

    /// A line that cannot be handed to the shell fails as one that the shell refuses.
    fn refuse_line(&mut self, now: Now, words: &str) {
        self.say(Tone::Failure, words);
        if let Some(place) = self.place("") {
            self.say(Tone::Hint, &place);
        }
        if self.on_failure != OnFailure::Show {
            self.failed = self.failed.or(Some(Exit::Usage));
        }
        if self.on_failure == OnFailure::End {
            self.end(now);
        }
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

    /// Does what is to be done, writes once, and marks what was written as shown.
    fn finish_turn(&mut self, now: Now) -> io::Result<()> {
        self.drain(now);
        if let Stage::EndingBy(at, exit) = self.stage
            && at <= now.instant
        {
            self.stage = Stage::Over(exit);
        }
        self.draw(now);
        if !self.is_lent() {
            let shown = self.screen.write(self.reactor.registry());
            self.tell_shown(now, shown);
        }
        if self.screen.take_gap()
            && let Some(editor) = self.console.editor()
        {
            editor.forget_screen();
        }
        if self.screen.is_closed() {
            self.cut_short |= self.stage == Stage::Open && self.has_more_lines(now);
            self.end_by(now, Exit::No);
            self.drain(now);
        }
        if let Some(trace) = &mut self.trace {
            trace.flush();
        }
        if let Some(words) = self.recording.flush() {
            super::output::complain(&words);
        }
        self.doors.flush(self.reactor.registry());
        self.socket.flush(self.reactor.registry())
    }

    fn draw(&mut self, now: Now) {
        if !self.shell.is_busy() || self.prompt_due.is_some_and(|due| due <= now.instant) {
            self.prompt_due = None;
        }
        if self.stage != Stage::Open || self.is_lent() {
            self.prompt_due = None;
            self.console.hide();
        } else if self.prompt_due.is_none() {
            self.console
                .set_prompt(&(self.shell.prompt() + &self.shell.marks()));
            self.console.show();
        }
        self.print();
        self.tell_title();
    }

    /// Name, mode and what is unread, in the window's title.
    fn tell_title(&mut self) {
        let Some(desk) = &mut self.desk else { return };
        let prompt = self.shell.prompt();
        let place = prompt
            .trim_start_matches(">>>")
            .trim()
            .trim_end_matches(':');
        let name = &self.shell.view().name;
        let words = [
            &format!("ackchat: {name}"),
            place,
            self.shell.marks().trim(),
        ]
        .join(" ");
        let title = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if desk.title != title {
            self.screen.print(&desk.kind.title(&title), 0);
            desk.title = title;
        }
    }

    fn print(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        let by_guests = self.face.is_shown_by_guests();
        let messages = if by_guests { 0 } else { messages };
        let assist = self.shell.assist(self.paint.colours());
        let output = self.console.take_output(&assist);
        self.screen.print(&output, messages);
    }

    fn tell_shown(&mut self, now: Now, shown: u64) {
        if shown > 0 {
            self.shell.handle_shown(now, shown);
            self.drain(now);
        }
    }

    /// Does what is to be done, and lets the store answer, until both are quiet.
    fn drain(&mut self, now: Now) {
        self.unfinished = true;
        for _ in 0..STORE_ROUNDS_MAX {
            self.offer_held_back();
            self.drain_outputs(now);
            let mut answered = self.doors.turn(now, &mut self.shell);
            if let Some(request) = self.doors.take_unwritten() {
                self.submit(JOURNAL, request);
            }
            self.store.flush();
            while let Some(event) = self.store.poll() {
                match event {
                    StoreEvent::Reply(JOURNAL, reply) => self.doors.handle_store(&reply),
                    event @ StoreEvent::Reply(..) => self.shell.handle_store(now, event),
                }
                answered = true;
            }
            if !answered {
                self.unfinished = false;
                return;
            }
        }
    }

    fn drain_outputs(&mut self, now: Now) {
        while let Some(output) = self.shell.poll_output() {
            self.doors.handle_output(now, &output);
            match output {
                // They are for programs.
                Output::Answer(..) | Output::Aside(_) => {}
                Output::Clear => self.clear(),
                Output::Edit(line, target) => self.begin_editing(now, line, &target),
                Output::Chore(chore) => {
                    self.chores
                        .handle(now, &self.reactor, &mut self.shell, chore);
                }
                Output::Fact(fact) => self.recording.handle_fact(now.instant, &fact),
                Output::Leave(exit) => self.stage = Stage::Over(exit),
                Output::Record(line, wish) => {
                    let answer = self
                        .recording
                        .handle_wish(&self.shell.view().name, line, wish);
                    self.shell.handle_recording(now, line, answer);
                }
                Output::Settled(line, outcome) => {
                    self.recording.handle_settled(line, &outcome);
                    let place = self.in_flight.remove(&line).flatten();
                    if let Some((parting, exit)) = self.parting
                        && parting == line
                    {
                        self.stage = Stage::Over(exit);
                    }
                    if let (Some(place), shell::Outcome::Failed { .. }) = (place, outcome) {
                        self.say(Tone::Hint, &place);
                    }
                }
                Output::Show(shown) => self.show(now, &shown),
                Output::Store(ticket, request) => self.submit(ticket, request),
                Output::Trace(traced) => {
                    if let Some(trace) = &mut self.trace {
                        trace.push(&traced, now.wall.unix_ms);
                    }
                }
                Output::Transmit(transmit) => self.socket.send(transmit),
                Output::Write {
                    line,
                    file,
                    bytes,
                    count,
                } => {
                    let written = paths::write_new(Path::new(&*file), &bytes);
                    let written = written.map(|()| count).map_err(|error| paths::why(&error));
                    self.shell.handle_written(line, &file, written);
                }
            }
        }
    }
}

impl Loop {
    fn show(&mut self, now: Now, shown: &Shown) {
        self.messages += shown.messages;
        if self.face != Face::Terminal && shown.tone == Tone::Failure {
            super::output::complain(&shown.text);
        }
        self.notify(now, shown);
        let layout = match shown.tone {
            Tone::Message => Layout::Message,
            Tone::Failure | Tone::Hint | Tone::Notice => Layout::Own,
        };
        let text = self.console.wrapped(&shown.text, layout);
        let text = self.paint.paint_shown(shown, &text);
        // While the prompt is held somebody waits for what a line of theirs brings.
        if self.prompt_due.is_some() && shown.messages == 0 {
            self.console.print_answer(&text);
        } else {
            self.console.print_above(&text);
        }
        if let Some(event) = &shown.event {
            self.tell_company(event);
        }
    }

    /// Something that concerns the loop alone.
    fn say(&mut self, tone: Tone, text: &str) {
        let text = self.console.wrapped(text, Layout::Own);
        self.console.print_above(&self.paint.paint(tone, &text));
    }

    /// What happened, for those in the same loop.
    fn tell_company(&mut self, event: &Event) {
        for guest in &mut self.guests {
            guest.notice(event);
        }
        let sign = self.shell.conversation().map_or("", |_| "/");
        if let Some(hint) = self.tour.as_mut().and_then(|tour| tour.watch(event, sign)) {
            self.say(Tone::Hint, &hint);
        }
    }

    /// Tells somebody who looks away, or who is named.
    fn notify(&mut self, now: Now, shown: &Shown) {
        let Some(desk) = &self.desk else { return };
        let Some(Event::Message(arrived)) = shown.event.as_ref().filter(|_| shown.messages > 0)
        else {
            return;
        };
        let away = now.instant.since(desk.key_at) >= LOOKED_AWAY;
        if away || mentions(&arrived.text, self.shell.view().name.as_str()) {
            let look = self.shell.look();
            let text = match look.notify_text {
                NotifyText::Full => &arrived.text,
                NotifyText::Name => "a message",
            };
            let from = arrived.from.as_str();
            let sequence = desk.kind.sequence(look.notify, from, text);
            self.screen.print(&sequence, 0);
        }
    }

    /// An empty screen with the prompt at its top.
    fn clear(&mut self) {
        if let Some(editor) = self.console.editor() {
            editor.clear_screen();
        }
    }

    /// The core waits for its answers, so that there are never many of these.
    fn submit(&mut self, ticket: StoreTicket, request: StoreRequest) {
        self.held_back.push_back((ticket, request));
        self.offer_held_back();
    }

    fn offer_held_back(&mut self) {
        while let Some((ticket, request)) = self.held_back.pop_front() {
            if let Err(Full(ticket, request)) = self.store.submit(ticket, request) {
                self.held_back.push_front((ticket, request));
                return;
            }
        }
    }
}

impl Desk {
    fn open(profile: &Profile) -> io::Result<(Console, Self)> {
        let (history, lines) = History::open(&profile.history);
        let widths = GraphemeClusterMode::from_env();
        let mut editor = Editor::new(lines, widths);
        let mut terminal = Terminal::open()?;
        if let Some((cols, rows)) = terminal.size() {
            editor.resize(cols.into(), rows.into());
        }
        let desk = Self {
            terminal,
            history,
            directory: profile.directory.clone(),
            editing: None,
            kind: Kind::read(),
            title: String::new(),
            key_at: Instant(0),
        };
        Ok((Console::edited(editor), desk))
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
    };
    Chores::new(place, Log::new(profile.history.with_file_name("log")))
}

/// What a client is told of all that.
pub(super) fn core_config(options: &JoinOptions) -> Config {
    Config {
        name: options.name.clone(),
        server: options.server,
        server_key: options.server_key,
        group_private: options.settings.group_private,
        stay: options.stay,
        relay: options.relay,
        trace: options.trace.is_some(),
        arrivals: match options.face {
            Face::OneShot(arrivals) => arrivals,
            Face::Headless | Face::Json | Face::Terminal => Arrivals::Take,
        },
    }
}

/// A hint that says where a line stands.
fn quote(place: &str, line: &str) -> String {
    let line = explain::keep_start(&clean::line(line), QUOTE_COLUMNS);
    format!("  {place}: {line}")
        .trim_end_matches([':', ' '])
        .to_owned()
}

/// Whether a text has a name as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.split(|c| !is_part(c))
        .any(|word| word.trim_matches(['.', '-']).eq_ignore_ascii_case(name))
}

/// All addresses of this machine, in the server's family.
pub(super) fn local_address(options: &JoinOptions) -> SocketAddr {
    let ip = match options.server.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, options.port)
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
