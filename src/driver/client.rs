//! The client's loop: lines from a terminal or a pipe into the shell, words out of it.

use super::console::{Console, Mode, Typed};
use super::input::{Input, Read};
use super::lines::Line;
use super::output::Output as Screen;
use super::paint::{Colour, Paint, Surroundings};
use super::paths::Profile;
use super::reactor::{Reactor, SOCKET, STDIN, STDOUT, Signal};
use super::recording::Recording;
use super::socket::Socket;
use super::trace::Trace;
use super::{Fault, ambient, bind_fault};
use crate::client::port::{Full, Store, StoreRequest};
use crate::client::{Client, Config};
use crate::memory::ClientMemory;
use crate::model::limits::{
    ENTROPY, INPUT_BYTES, LEAVE, LINE_BYTES_MAX, LINES_IN_FLIGHT_MAX, PROMPT_HOLD, STORE_ROUNDS_MAX,
};
use crate::model::{Instant, Name, Now, StoreTicket};
use crate::secure::{Fingerprint, Ratchet};
use crate::shell::{Exit, LineId, OnFailure, Output, Settings, Shell, Shown, Tone};
use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;

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
}

/// Chats until the end of input, a signal, or the shell ends it.
#[must_use]
pub fn run(options: &JoinOptions) -> Exit {
    match Loop::open(options) {
        Ok(mut chat) => chat.run(),
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
    store: ClientMemory,
    trace: Option<Trace>,
    recording: Recording,
    on_failure: OnFailure,
    in_flight: BTreeSet<LineId>,
    entropy: Instant,
    /// Lines were read that nobody has taken out yet.
    backlog: bool,
    /// Messages of other people in the text of this turn.
    messages: u64,
    /// The prompt is back then.
    prompt_due: Option<Instant>,
    stage: Stage,
    /// A line that could not even be read.
    failed: Option<Exit>,
    /// The shell and its store were not yet done with each other.
    unfinished: bool,
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
    fn open(options: &JoinOptions) -> Result<Self, Fault> {
        let profile = Profile::open(options.data.as_deref(), &options.name)?;
        let identity = profile.identity()?;
        let trace = options.trace.as_deref().map(Trace::create).transpose()?;
        let address = local_address(options);
        let failed = |error: io::Error| bind_fault(address, &error);
        let reactor = Reactor::new().map_err(failed)?;
        let socket = Socket::bind(address, reactor.registry(), SOCKET).map_err(failed)?;
        let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
        let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
        let input = Input::open(stdin, reactor.registry(), STDIN).map_err(failed)?;

        let mode = mode(options.plain);
        let surroundings = Surroundings::read(mode == Mode::Prompted);
        let colours = !options.plain && surroundings.want_colours(options.colour);
        let settings = Settings {
            on_failure: on_failure(options.settings.on_failure),
            ..options.settings
        };
        let config = config(options);
        let mut ratchet = Ratchet::new(ambient::random());
        let store = ClientMemory::new(ratchet.u32());
        let client = Client::new(config, Arc::new(identity), ratchet);
        Ok(Self {
            entropy: reactor.now().instant + ENTROPY,
            reactor,
            socket,
            input,
            buffer: vec![0; INPUT_BYTES],
            console: Console::new(mode),
            paint: Paint::new(colours),
            screen: Screen::new(stdout, STDOUT),
            shell: Shell::new(settings, client),
            store,
            trace,
            recording: Recording::default(),
            on_failure: settings.on_failure,
            in_flight: BTreeSet::new(),
            backlog: false,
            messages: 0,
            prompt_due: None,
            stage: Stage::Open,
            failed: None,
            unfinished: false,
            _profile: profile,
        })
    }

    fn run(&mut self) -> Exit {
        let now = self.reactor.now();
        let line = self.shell.start(now);
        self.in_flight.insert(line);
        self.hold_prompt(now);
        let mut result = self.finish_turn(now);
        let exit = loop {
            if let Err(error) = result {
                let words = format!("The program ends: {error}.");
                break Fault::new(Exit::No, &words).report();
            }
            if let Stage::Over(exit) = self.stage {
                break exit;
            }
            result = self.turn();
        };
        self.screen.print(&self.console.take_output(), 0);
        let shown = self.screen.finish();
        self.tell_shown(self.reactor.now(), shown);
        if let Some(trace) = &mut self.trace {
            trace.flush();
        }
        if let Some(words) = self.recording.end() {
            super::output::complain(&words);
        }
        match self.failed {
            Some(failed) if exit == Exit::Done => failed,
            _ if self.screen.is_closed() => Exit::Done,
            _ => exit,
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let woken = self.reactor.wait(Some(self.deadline()))?;
        let now = woken.now;
        match woken.signal {
            Some(Signal::Interrupt) => {
                self.console.leave_row();
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
        self.socket
            .receive(|from, bytes| self.shell.handle_datagram(now, from, bytes));
        self.read_lines(now);
        self.handle_timeouts(now);
        self.finish_turn(now)
    }

    /// The earliest moment at which something has to be done without being asked.
    fn deadline(&self) -> Instant {
        let lines = self.wants_lines() && (self.backlog || self.input.is_ready());
        if self.unfinished || self.socket.is_ready() || lines {
            return Instant(0);
        }
        let leave = match self.stage {
            Stage::EndingBy(at, _) => Some(at),
            Stage::Open | Stage::Ending | Stage::Over(_) => None,
        };
        let others = [self.shell.deadline(), self.prompt_due, leave];
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

    /// One read, if the lines of the last one are used up.
    fn read_lines(&mut self, now: Now) {
        self.take_lines(now);
        if !self.wants_lines() || !self.input.is_ready() {
            return;
        }
        match self.input.read(self.reactor.registry(), &mut self.buffer) {
            Read::Bytes(length) => self.console.feed(&self.buffer[..length]),
            Read::End => self.console.end(),
            Read::Nothing => return,
        }
        self.take_lines(now);
    }

    fn take_lines(&mut self, now: Now) {
        while self.wants_lines() {
            match self.console.poll() {
                None => {
                    self.backlog = false;
                    return;
                }
                Some(Typed::End) => self.end(now),
                Some(Typed::Line(Line::Text(text))) => {
                    let line = self.shell.handle_line(now, &text);
                    self.recording.handle_line(now.instant, line, &text);
                    self.in_flight.insert(line);
                }
                Some(Typed::Line(Line::NotUtf8)) => {
                    self.refuse_line(now, "[Invalid line: it is not UTF-8.]");
                }
                Some(Typed::Line(Line::TooLong)) => {
                    let words =
                        format!("[Invalid line: it is longer than {LINE_BYTES_MAX} bytes.]");
                    self.refuse_line(now, &words);
                }
            }
            self.hold_prompt(now);
        }
        self.backlog = true;
    }

    /// The prompt comes with the outcome, or soon without it.
    fn hold_prompt(&mut self, now: Now) {
        if self.console.mode() == Mode::Prompted {
            self.prompt_due = Some(now.instant + PROMPT_HOLD);
        }
    }

    /// A line that cannot be handed to the shell fails as one that the shell refuses.
    fn refuse_line(&mut self, now: Now, words: &str) {
        self.console
            .print_above(&self.paint.paint(Tone::Failure, words));
        if self.on_failure != OnFailure::Show {
            self.failed = self.failed.or(Some(Exit::Usage));
        }
        if self.on_failure == OnFailure::End {
            self.end(now);
        }
    }

    /// End of input: the shell leaves when all lines have their outcome.
    fn end(&mut self, now: Now) {
        self.input.close(self.reactor.registry());
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
        let shown = self.screen.write(self.reactor.registry());
        self.tell_shown(now, shown);
        if self.screen.is_closed() {
            self.end_by(now, Exit::Done);
            self.drain(now);
        }
        if let Some(trace) = &mut self.trace {
            trace.flush();
        }
        if let Some(words) = self.recording.flush() {
            super::output::complain(&words);
        }
        self.socket.flush(self.reactor.registry())
    }

    fn draw(&mut self, now: Now) {
        if !self.shell.is_busy() || self.prompt_due.is_some_and(|due| due <= now.instant) {
            self.prompt_due = None;
        }
        if self.stage != Stage::Open {
            self.prompt_due = None;
            self.console.hide();
        } else if self.prompt_due.is_none() {
            self.console.set_prompt(&self.shell.prompt());
            self.console.show();
        }
        let messages = std::mem::take(&mut self.messages);
        self.screen.print(&self.console.take_output(), messages);
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
            self.drain_outputs(now);
            self.store.flush();
            let mut answered = false;
            while let Some(event) = self.store.poll() {
                self.shell.handle_store(now, event);
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
            match output {
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
                    self.in_flight.remove(&line);
                }
                Output::Show(shown) => self.show(&shown),
                Output::Store(ticket, request) => self.submit(ticket, request),
                Output::Trace(traced) => {
                    if let Some(trace) = &mut self.trace {
                        trace.push(&traced, now.wall.unix_ms);
                    }
                }
                Output::Transmit(transmit) => self.socket.send(transmit),
            }
        }
    }
}

impl Loop {
    fn show(&mut self, shown: &Shown) {
        self.messages += shown.messages;
        self.console
            .print_above(&self.paint.paint(shown.tone, &shown.text));
    }

    fn submit(&mut self, ticket: StoreTicket, request: StoreRequest) {
        if let Err(Full(ticket, request)) = self.store.submit(ticket, request) {
            self.store.flush();
            let again = self.store.submit(ticket, request);
            assert!(again.is_ok(), "a store that was flushed takes a request");
        }
    }
}

/// What a client is told of all that.
pub(super) fn config(options: &JoinOptions) -> Config {
    Config {
        name: options.name.clone(),
        server: options.server,
        server_key: options.server_key,
        group_private: options.settings.group_private,
        stay: options.stay,
        relay: options.relay,
        trace: options.trace.is_some(),
    }
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

/// A person who types sees what failed and goes on.
fn on_failure(asked: OnFailure) -> OnFailure {
    match asked {
        OnFailure::End if io::stdin().is_terminal() => OnFailure::Show,
        OnFailure::End | OnFailure::GoOn | OnFailure::Show => asked,
    }
}
