//! A program with a session of its own: says back whatever one person writes to it.
//!
//! `cargo run --example echo_bot NAME SERVER:PORT`, with a server that runs there already. It is
//! the whole contract in one page: handle as much as you like, then poll until `None`, then sleep
//! until the deadline.
#![expect(
    clippy::print_stdout,
    reason = "an example shows itself on the terminal"
)]

use ackchat::client::{Arrivals, Client, Config, Event, GroupPrivate};
use ackchat::driver::ambient;
use ackchat::driver::reactor::{Reactor, SOCKET};
use ackchat::driver::socket::Socket;
use ackchat::memory::ClientMemory;
use ackchat::model::Now;
use ackchat::model::store::Store as _;
use ackchat::secure::{Identity, Ratchet};
use ackchat::shell::{OnFailure, Output, Settings, Shell, Style};
use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let (Some(name), Some(server)) = (words.next(), words.next()) else {
        return Err("usage: echo_bot NAME SERVER:PORT".into());
    };
    let config = Config {
        name: name.parse()?,
        server: server.parse()?,
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
    // A key that is made anew has a name only until the server forgets it; a bot that is to keep
    // its name keeps its key in a file, and its messages in a store on disk (`ackchat::store`).
    let mut ratchet = Ratchet::new(ambient::random());
    let mut store = ClientMemory::new(ratchet.u32());
    let identity = Arc::new(Identity::from_seed(ambient::random()));
    let mut shell = Shell::new(settings, Client::new(config, identity, ratchet));

    let mut reactor = Reactor::new()?;
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let mut socket = Socket::bind(any, reactor.registry(), SOCKET)?;
    shell.start(reactor.now());
    loop {
        while let Some(output) = shell.poll_output() {
            match output {
                Output::Leave(_) => return Ok(()),
                Output::Show(shown) => {
                    println!("{}", shown.text);
                    let now = reactor.now();
                    answer(&mut shell, now, shown.event.as_ref());
                    shell.handle_shown(now, shown.messages);
                }
                Output::Store(ticket, request) => _ = store.submit(ticket, request),
                Output::Transmit(transmit) => socket.send(transmit),
                _ => {}
            }
        }
        socket.flush(reactor.registry())?;
        let mut until = shell.deadline();
        while let Some(event) = store.poll() {
            shell.handle_store(reactor.now(), event);
            // What that led to is to be done before anything is waited for.
            until = Some(reactor.now().instant);
        }
        let woken = reactor.wait(until)?;
        if woken.signal.is_some() {
            shell.handle_end(woken.now);
        }
        if woken.socket {
            socket.wake();
        }
        socket.receive(|from, bytes| shell.handle_datagram(woken.now, from, bytes));
        shell.handle_timeout(woken.now);
    }
}

/// Only to one who wrote to it alone, and never to what was written automatically: two such
/// programs would talk for ever.
fn answer(shell: &mut Shell, now: Now, event: Option<&Event>) {
    if let Some(Event::Message(arrived)) = event
        && arrived.audience.is_none()
        && !arrived.auto
    {
        shell.handle_line(now, &format!("send {} {}", arrived.from, arrived.text));
    }
}
