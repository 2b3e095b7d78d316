//! One speaker and many listeners, at whatever server: what is measured is the same for all.

use crate::crowd::Crowd;
use crate::floors::BYTES;
use crate::house::House;
use crate::measure::{Run, Watch, cpu_of};
use ackchat::model::GroupName;
use std::time::Duration;

/// A speaker, listeners, and a server between them.
pub(crate) trait Room {
    /// The server's process.
    fn pid(&self) -> u32;
    fn listeners(&self) -> u64;
    fn speak(&mut self);
    /// Waits a little, and does what is to be done.
    fn turn(&mut self);
    /// Messages spoken, and taken by the server.
    fn spoken(&self) -> (u64, u64);
    fn delivered(&self) -> u64;
    /// Messages that everybody has.
    fn complete(&self) -> u64 {
        self.delivered() / self.listeners()
    }
    /// Datagrams of everybody so far.
    fn datagrams(&self) -> u64 {
        0
    }
}

/// Messages of one speaker that the server has not confirmed; its limit is 32.
const UNCONFIRMED_MAX: u64 = 24;
/// Messages that not everybody has; a mailbox holds 100 of one speaker.
const UNDELIVERED_MAX: u64 = 40;

/// One message at a time: the next one when everybody has the last.
pub(crate) fn unloaded(room: &mut impl Room, messages: u64) -> Run {
    measured(room, messages, |room, begun| {
        room.delivered() - begun.1 == (room.spoken().0 - begun.0) * room.listeners()
    })
}

/// As many as the server takes.
pub(crate) fn saturated(room: &mut impl Room, messages: u64) -> Run {
    measured(room, messages, |room, _| {
        let (spoken, taken) = room.spoken();
        spoken - taken < UNCONFIRMED_MAX && spoken - room.complete() < UNDELIVERED_MAX
    })
}

fn measured<R: Room>(
    room: &mut R,
    messages: u64,
    may_speak: impl Fn(&R, (u64, u64)) -> bool,
) -> Run {
    quiet(room);
    let begun = (room.spoken().0, room.delivered());
    let (datagrams, pid) = (room.datagrams(), room.pid());
    let watch = Watch::start(cpu_of(pid));
    let (last, due) = (begun.0 + messages, begun.1 + messages * room.listeners());
    while room.delivered() < due {
        while room.spoken().0 < last && may_speak(room, begun) {
            room.speak();
        }
        room.turn();
    }
    // What follows the last delivery belongs to it.
    quiet(room);
    let run = watch.stop(cpu_of(pid), messages * room.listeners());
    Run {
        datagrams: room.datagrams() - datagrams,
        ..run
    }
}

fn quiet(room: &mut impl Room) {
    for _ in 0..4 {
        room.turn();
    }
}

/// A group at our own server.
pub(crate) struct Group {
    pub(crate) house: House,
    pub(crate) crowd: Crowd,
    name: GroupName,
    spoken: u64,
    /// Who may speak; a mailbox holds only so much of one speaker.
    text: Vec<u8>,
}

impl Group {
    pub(crate) fn new(listeners: usize) -> Self {
        let house = House::new();
        let mut crowd = Crowd::new(house.address);
        crowd.join("m", listeners + 1);
        let name: GroupName = "g".parse().unwrap();
        crowd.gather(&name);
        crowd.pass(Duration::from_millis(300));
        Self {
            house,
            crowd,
            name,
            spoken: 0,
            text: vec![b'x'; BYTES],
        }
    }
}

impl Room for Group {
    fn pid(&self) -> u32 {
        self.house.pid()
    }

    fn listeners(&self) -> u64 {
        self.crowd.len() as u64 - 1
    }

    fn speak(&mut self) {
        self.spoken += 1;
        self.crowd.speak(0, &self.name, &self.text);
    }

    fn turn(&mut self) {
        self.crowd.turn(Duration::from_millis(2));
    }

    fn spoken(&self) -> (u64, u64) {
        (self.spoken, self.crowd.told.accepted)
    }

    fn delivered(&self) -> u64 {
        self.crowd.told.mails
    }

    fn complete(&self) -> u64 {
        self.crowd.fewest()
    }

    fn datagrams(&self) -> u64 {
        self.crowd.told.datagrams
    }
}
