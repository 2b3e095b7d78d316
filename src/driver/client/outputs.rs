//! What a turn of the client leads to: questions to the store, datagrams, words on the screen.

use super::{Face, JOURNAL, Loop, Stage};
use crate::client::Event;
use crate::client::event::Session;
use crate::client::port::{StoreEvent, StoreRequest};
use crate::driver::paths;
use crate::model::limits::STORE_ROUNDS_MAX;
use crate::model::{Full, Now, Store as _, StoreTicket};
use crate::shell;
use crate::shell::wrap::Layout;
use crate::shell::{Exit, LineId, OnFailure, Output, Shown, Tone};
use std::io;
use std::path::Path;

impl Loop {
    /// Does what is to be done, writes once, and marks what was written as shown.
    pub(super) fn finish_turn(&mut self, now: Now) -> io::Result<()> {
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
            crate::driver::output::complain(&words);
        }
        self.doors.flush(self.reactor.registry());
        self.socket.flush(self.reactor.registry())
    }

    pub(super) fn print(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        let by_guests = self.face.is_shown_by_guests();
        let messages = if by_guests { 0 } else { messages };
        let assist = self.shell.assist(self.paint.colours());
        let output = self.console.take_output(&assist);
        self.screen.print(&output, messages);
    }

    pub(super) fn tell_shown(&mut self, now: Now, shown: u64) {
        if shown > 0 {
            self.shell.handle_shown(now, shown);
            self.drain(now);
        }
    }

    /// Does what is to be done, and lets the store answer, until both are quiet.
    pub(super) fn drain(&mut self, now: Now) {
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

    pub(super) fn drain_outputs(&mut self, now: Now) {
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
                        self.blame(line, &place);
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

    /// Says which line failed. Where a line of the input ends the program nobody tried those after
    /// it.
    fn blame(&mut self, line: LineId, place: &str) {
        let ends =
            self.on_failure == OnFailure::End && self.first_line.is_some_and(|first| first <= line);
        if !ends || *self.blamed.get_or_insert(line) == line {
            self.say(Tone::Hint, place);
        }
    }

    pub(super) fn show(&mut self, now: Now, shown: &Shown) {
        self.messages += shown.messages;
        if self.face != Face::Terminal && shown.tone == Tone::Failure && !self.is_in_between(shown)
        {
            crate::driver::output::complain(&shown.text);
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

    /// What somebody who sits there wants to see while it waits, and who called once does not.
    fn is_in_between(&self, shown: &Shown) -> bool {
        let is_once = matches!(self.face, Face::OneShot(_));
        let Some(Event::Session(session)) = &shown.event else {
            return false;
        };
        is_once && matches!(session, Session::Closing | Session::Retrying { .. })
    }

    /// Something that concerns the loop alone.
    pub(super) fn say(&mut self, tone: Tone, text: &str) {
        let text = self.console.wrapped(text, Layout::Own);
        self.console.print_above(&self.paint.paint(tone, &text));
    }

    /// What happened, for those in the same loop.
    pub(super) fn tell_company(&mut self, event: &Event) {
        for guest in &mut self.guests {
            guest.notice(event);
        }
        let sign = self.shell.conversation().map_or("", |_| "/");
        if let Some(hint) = self.tour.as_mut().and_then(|tour| tour.watch(event, sign)) {
            self.say(Tone::Hint, &hint);
        }
    }

    /// The core waits for its answers, so that there are never many of these.
    pub(super) fn submit(&mut self, ticket: StoreTicket, request: StoreRequest) {
        self.held_back.push_back((ticket, request));
        self.offer_held_back();
    }

    pub(super) fn offer_held_back(&mut self) {
        while let Some((ticket, request)) = self.held_back.pop_front() {
            if let Err(Full(ticket, request)) = self.store.submit(ticket, request) {
                self.held_back.push_front((ticket, request));
                return;
            }
        }
    }
}
