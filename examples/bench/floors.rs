//! The physical limit: UDP on loopback with nothing in it.

use crate::measure::{Run, Watch, cpu_here};
use std::net::{SocketAddr, UdpSocket};
use std::thread;

/// As long as the texts that are measured.
pub(crate) const BYTES: usize = 200;

/// One datagram there and back, `rounds` times, both ends on this core.
pub(crate) fn ping_pong(rounds: u64) -> Run {
    let (here, there) = (socket(), socket());
    let (at, to) = (here.local_addr().unwrap(), there.local_addr().unwrap());
    let echo = thread::spawn(move || {
        let mut buffer = [0; 2048];
        for _ in 0..rounds {
            let length = there.recv(&mut buffer).unwrap();
            there.send_to(&buffer[..length], at).unwrap();
        }
    });
    let mut buffer = [7; 2048];
    let watch = Watch::start(cpu_here());
    for _ in 0..rounds {
        here.send_to(&buffer[..BYTES], to).unwrap();
        here.recv(&mut buffer).unwrap();
    }
    let run = watch.stop(cpu_here(), rounds);
    echo.join().unwrap();
    run
}

/// One datagram to each of many sockets, again and again: the CPU of the sends alone.
pub(crate) struct FanOut {
    from: UdpSocket,
    to: Vec<(UdpSocket, SocketAddr)>,
}

impl FanOut {
    pub(crate) fn new(members: usize) -> Self {
        let member = |_| {
            let socket = socket();
            socket.set_nonblocking(true).unwrap();
            let address = socket.local_addr().unwrap();
            (socket, address)
        };
        Self {
            from: socket(),
            to: (0..members).map(member).collect(),
        }
    }

    pub(crate) fn run(&self, messages: u64) -> Run {
        let mut total = Run::default();
        let text = [7; BYTES];
        let mut buffer = [0; 2048];
        for _ in 0..messages {
            let watch = Watch::start(cpu_here());
            for (_, address) in &self.to {
                self.from.send_to(&text, address).unwrap();
            }
            let run = watch.stop(cpu_here(), self.to.len() as u64);
            total.wall_us += run.wall_us;
            total.cpu_us += run.cpu_us;
            total.count += run.count;
            for (socket, _) in &self.to {
                while socket.recv(&mut buffer).is_ok() {}
            }
        }
        total
    }
}

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}
