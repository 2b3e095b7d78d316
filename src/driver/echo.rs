//! The friend of a demonstration: a whole client that answers whoever writes to it.

use super::guest::Guest;
use super::reactor::{Reactor, SOCKET};
use super::socket::Socket;
use super::{Fault, ambient, bind_fault};
use crate::client::port::Store as _;
use crate::client::{Arrivals, Client, Config, Event, GroupPrivate};
use crate::memory::ClientMemory;
use crate::model::limits::{ENTROPY, STORE_ROUNDS_MAX};
use crate::model::{Instant, Now};
use crate::secure::{Identity, Ratchet};
use crate::shell::{OnFailure, Output, Settings, Shell, Style};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// A client without a person.
pub struct Echo {
    reactor: Reactor,
    socket: Socket,
    shell: Shell,
    store: ClientMemory,
    entropy: Instant,
    unfinished: bool,
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
            name: super::host::echo_name(),
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
        };
        echo.shell.start(now);
        echo.drain(now);
        Ok(echo)
    }

    fn deadline(&self) -> Instant {
        if self.unfinished || self.socket.is_ready() {
            return Instant(0);
        }
        let deadline = self.shell.deadline();
        deadline.map_or(self.entropy, |deadline| deadline.min(self.entropy))
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
            Output::Show(shown) if shown.messages > 0 => {
                self.shell.handle_shown(now, shown.messages);
                // Only to one who wrote to it alone, and not to what was written automatically.
                if let Some(Event::Message(arrived)) = &shown.event
                    && arrived.audience.is_none()
                    && !arrived.auto
                {
                    let line = format!("send {} {}", arrived.from, answer(&arrived.text));
                    self.shell.handle_line(now, &line);
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
        self.drain(now);
        // A socket that fails is a message that is not answered.
        self.socket.flush(self.reactor.registry()).ok();
    }
}

/// What a friend says.
fn answer(text: &str) -> String {
    match text.trim().to_lowercase().as_str() {
        "hello" | "hi" => "hello! I say back whatever you say to me".to_owned(),
        _ => format!("you said: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_friend_says_hello_and_says_back_all_else() {
        assert!(answer(" Hello ").starts_with("hello!"));
        assert_eq!(answer("one\ntwo"), "you said: one\ntwo");
    }
}
