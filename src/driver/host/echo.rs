//! The friend of a demonstration: a whole client that answers whoever writes to it.

use crate::client::event::{Arrived, GroupAction};
use crate::client::{Arrivals, Client, Config, Event, GroupPrivate, Mode};
use crate::driver::guest::Guest;
use crate::driver::reactor::{Reactor, SOCKET};
use crate::driver::socket::Socket;
use crate::driver::{Fault, ambient, bind_fault};
use crate::memory::ClientMemory;
use crate::model::limits::{ENTROPY, STORE_ROUNDS_MAX};
use crate::model::{Delivery, GroupName, Instant, Now, Store as _};
use crate::secure::{Identity, Ratchet};
use crate::shell::{LineId, OnFailure, Output, Settings, Shell, Style};
use crate::wire::packet::Audience;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// So long it is away, unless it is written to: then it comes back so soon.
const AWAY: Duration = Duration::from_mins(1);
const SOON: Duration = Duration::from_secs(4);
const GOODBYE: &str = "bye! I am away for a minute, or until you have written to me";

/// A client without a person: it answers, goes into groups that its host makes, and goes away for
/// a while when it is told bye.
pub struct Echo {
    reactor: Reactor,
    socket: Socket,
    shell: Shell,
    store: ClientMemory,
    entropy: Instant,
    unfinished: bool,
    /// The group it wants to be in: the one that came up last.
    group: Option<GroupName>,
    /// It has said that it goes, by this line.
    goodbye: Option<LineId>,
    /// It is away until then.
    back: Option<Instant>,
}

impl Echo {
    /// Logs in at a server of this machine.
    ///
    /// # Errors
    /// There is no port, or the kernel gives no descriptors.
    pub fn open(server: SocketAddr) -> Result<Self, Fault> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let failed = |error: io::Error| bind_fault(address, &error);
        let reactor = Reactor::new().map_err(failed)?;
        let socket = Socket::bind(address, reactor.registry(), SOCKET).map_err(failed)?;
        let mut ratchet = Ratchet::new(ambient::random());
        let store = ClientMemory::new(ratchet.u32());
        let identity = Arc::new(Identity::from_seed(ambient::random()));
        let config = Config {
            name: crate::driver::host::echo_name(),
            server,
            server_key: None,
            group_private: GroupPrivate::Allow,
            stay: true,
            relay: true,
            trace: false,
            arrivals: Arrivals::Take,
        };
        let settings = Settings {
            exit_on_dereg: false,
            group_private: GroupPrivate::Allow,
            show_table: false,
            style: Style::Bracket,
            on_failure: OnFailure::Show,
        };
        let now = reactor.now();
        let mut echo = Self {
            entropy: now.instant + ENTROPY,
            reactor,
            socket,
            shell: Shell::new(settings, Client::new(config, identity, ratchet)),
            store,
            unfinished: false,
            group: None,
            goodbye: None,
            back: None,
        };
        echo.shell.start(now);
        echo.drain(now);
        echo.socket.flush(echo.reactor.registry()).map_err(failed)?;
        Ok(echo)
    }

    /// Whether others can write to it.
    #[must_use]
    pub fn is_here(&self) -> bool {
        matches!(self.shell.view().mode, Mode::Normal | Mode::Group(_))
    }

    fn deadline(&self) -> Instant {
        if self.unfinished || self.socket.is_ready() {
            return Instant(0);
        }
        let others = [self.shell.deadline(), self.back];
        let others = others.into_iter().flatten();
        others.fold(self.entropy, Instant::min)
    }

    fn drain(&mut self, now: Now) {
        self.unfinished = true;
        for _ in 0..STORE_ROUNDS_MAX {
            while let Some(output) = self.shell.poll_output() {
                self.perform(now, output);
            }
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

    fn perform(&mut self, now: Now, output: Output) {
        match output {
            Output::Settled(line, _) if self.goodbye == Some(line) => {
                self.goodbye = None;
                self.back = Some(now.instant + AWAY);
                self.shell.handle_line(now, "dereg");
            }
            Output::Show(shown) => {
                if shown.messages > 0 {
                    self.shell.handle_shown(now, shown.messages);
                }
                match shown.event {
                    Some(Event::Batch(items)) => {
                        for item in &items {
                            self.answer(now, item);
                        }
                    }
                    Some(event) => self.answer(now, &event),
                    None => {}
                }
            }
            Output::Store(ticket, request) => {
                // A demonstration has fewer questions than the queue has room.
                self.store.submit(ticket, request).ok();
            }
            Output::Transmit(transmit) => self.socket.send(transmit),
            _ => {}
        }
    }

    /// Says something to one who wrote, and not to what was written automatically.
    fn answer(&mut self, now: Now, event: &Event) {
        let Event::Message(Arrived {
            from,
            audience,
            text,
            auto: false,
            ..
        }) = event
        else {
            return;
        };
        let said = answer(text);
        let line = match audience {
            Some(Audience::Group(_)) => format!("send_group {said}"),
            None | Some(Audience::Everybody) => format!("send {from} {said}"),
        };
        let line = self.shell.handle_line(now, &line);
        if said == GOODBYE {
            self.goodbye = Some(line);
        }
    }

    /// Goes where the group is. Each line waits for the one before.
    fn follow(&mut self, now: Now) {
        let Some(group) = &self.group else { return };
        match &self.shell.view().mode {
            Mode::Group(here) if here == group => return,
            Mode::Group(_) => {
                self.shell.handle_line(now, "leave_group");
            }
            Mode::Normal => {}
            Mode::Offline(_) | Mode::Starting => return,
        }
        let line = format!("join_group {group}");
        self.shell.handle_line(now, &line);
    }

    /// Comes back when it is time.
    fn come_back(&mut self, now: Now) {
        if self.back.is_some_and(|back| back <= now.instant) {
            self.back = None;
            self.shell.handle_line(now, "reg");
        }
    }
}

impl Guest for Echo {
    fn descriptor(&self) -> RawFd {
        self.reactor.descriptor()
    }

    fn due_in(&self) -> Duration {
        self.deadline().since(self.reactor.now().instant)
    }

    fn turn(&mut self) {
        let Ok(woken) = self.reactor.wait(Some(Instant(0))) else {
            return;
        };
        let now = woken.now;
        if woken.socket {
            self.socket.wake();
        }
        self.socket
            .receive(|from, bytes| self.shell.handle_datagram(now, from, bytes));
        if self.entropy <= now.instant {
            self.shell.handle_entropy(&ambient::random());
            self.entropy = now.instant + ENTROPY;
        }
        if self.shell.deadline().is_some_and(|due| due <= now.instant) {
            self.shell.handle_timeout(now);
        }
        self.come_back(now);
        self.drain(now);
        self.follow(now);
        self.drain(now);
        // A socket that fails is a message that is not answered.
        self.socket.flush(self.reactor.registry()).ok();
    }

    fn notice(&mut self, event: &Event) {
        match event {
            Event::Group {
                group,
                action: GroupAction::Created | GroupAction::Joined,
                ..
            } => self.group = Some(group.clone()),
            Event::Delivery(report) if report.state == Delivery::Stored => {
                let soon = self.reactor.now().instant + SOON;
                self.back = self.back.map(|back| back.min(soon));
            }
            _ => return,
        }
        self.follow(self.reactor.now());
        self.unfinished = true;
    }
}

/// What a friend says.
fn answer(text: &str) -> String {
    let words = text.trim().trim_end_matches(['.', '!']).to_lowercase();
    match words.as_str() {
        "hello" | "hi" => "hello! I say back whatever you say to me".to_owned(),
        "bye" | "goodbye" => GOODBYE.to_owned(),
        _ => format!("you said: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_friend_knocks_at_once() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        server
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let _echo = Echo::open(server.local_addr().unwrap()).ok().unwrap();
        assert!(server.recv(&mut [0; 2000]).unwrap() > 0);
    }

    #[test]
    fn a_friend_says_hello_and_says_back_all_else() {
        assert!(answer(" Hello ").starts_with("hello!"));
        assert_eq!(answer("one\ntwo"), "you said: one\ntwo");
        assert_eq!(answer("Bye!"), GOODBYE);
    }
}
