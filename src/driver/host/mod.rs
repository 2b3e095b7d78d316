//! `host` and `demo`: a server, its first client and perhaps a friend, in one process and one loop.

pub mod echo;
pub mod tour;

use crate::driver::Fault;
use crate::driver::client::{self, JoinOptions};
use crate::driver::folder::Folder;
use crate::driver::guest::{Company, Guest};
use crate::driver::reactor::Reactor;
use crate::driver::server::{self, ServeOptions};
use crate::model::Name;
use crate::model::limits::LEAVE;
use crate::shell::Exit;
use echo::Echo;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tour::Tour;

/// A server for everybody who can reach this machine, and a client of it.
#[must_use]
pub fn host(serve: &ServeOptions, join: &JoinOptions) -> Exit {
    let house = match server::guest(serve) {
        Ok(house) => house,
        Err(fault) => return fault.report(),
    };
    let server = local(house.address);
    let port = server.port();
    let hint = format!("  others join with: ackchat join NAME --server THIS-MACHINE:{port}");
    let join = JoinOptions {
        server,
        ..join.clone()
    };
    let company = Company {
        guests: vec![house.guest],
        hints: vec![hint],
        ..Company::default()
    };
    client::run_with(&join, company)
}

/// A server on loopback, a friend who answers, and a shell with a tour; nothing of it stays.
#[must_use]
pub fn demo(serve: &ServeOptions, join: &JoinOptions) -> Exit {
    let folder = match Folder::make("demo") {
        Ok(folder) => folder,
        Err(error) => {
            let words = format!("Cannot make a temporary folder: {error}.");
            return Fault::new(Exit::Unreachable, &words).report();
        }
    };
    let data = Some(folder.path().to_owned());
    let serve = ServeOptions {
        bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 0,
        data: data.clone(),
        ..serve.clone()
    };
    let opened = server::guest(&serve).and_then(|house| {
        let address = local(house.address);
        let mut echo = Echo::open(address)?;
        let mut server = house.guest;
        let awaited = await_friend(server.as_mut(), &mut echo);
        awaited.map_err(|error| Fault::new(Exit::No, &format!("Cannot begin: {error}.")))?;
        let guests: Vec<Box<dyn Guest>> = vec![server, Box::new(echo)];
        Ok((guests, address))
    });
    let (guests, server) = match opened {
        Ok(opened) => opened,
        Err(fault) => return fault.report(),
    };
    let join = JoinOptions {
        server,
        data,
        ..join.clone()
    };
    let company = Company {
        guests,
        hints: vec![tour::INTRODUCTION.to_owned()],
        tour: Some(Tour::new(echo_name())),
        folder: Some(folder),
        ..Company::default()
    };
    client::run_with(&join, company)
}

/// Nobody is asked for a line before there is somebody to write to; gives up after a while.
fn await_friend(server: &mut dyn Guest, echo: &mut Echo) -> io::Result<()> {
    let mut reactor = Reactor::new()?;
    reactor.watch_guest(server.descriptor())?;
    reactor.watch_guest(echo.descriptor())?;
    let begun = reactor.now().instant;
    loop {
        let now = reactor.now().instant;
        if echo.is_here() || now >= begun + LEAVE {
            return Ok(());
        }
        let due = server.due_in().min(echo.due_in()).min(LEAVE);
        let woken = reactor.wait(Some(now + due))?;
        if woken.signal.is_some() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        server.turn();
        echo.turn();
    }
}

/// Who one is in a demonstration.
///
/// # Panics
/// Never: the word is a name.
#[must_use]
pub fn demo_name() -> Name {
    "you".parse().expect("three letters are a name")
}

/// And who answers.
///
/// # Panics
/// Never: the word is a name.
#[must_use]
pub fn echo_name() -> Name {
    "echo".parse().expect("four letters are a name")
}

/// The same port, as this machine reaches it.
fn local(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_for_all_addresses_is_reached_on_loopback() {
        for (bound, reached) in [
            ("0.0.0.0:5000", "127.0.0.1:5000"),
            ("[::]:5000", "[::1]:5000"),
            ("192.0.2.7:5000", "192.0.2.7:5000"),
        ] {
            let address = local(bound.parse().unwrap());
            assert_eq!(address, reached.parse().unwrap());
        }
    }
}
