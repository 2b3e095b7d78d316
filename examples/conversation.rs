//! A server and three people in one process: the real programs, joined by a simulated network.
//!
//! `cargo run --example conversation [SEED]` prints what each of them types and sees. Time is
//! virtual, so a minute passes at once, and a seed gives the same conversation every time.
#![expect(
    clippy::print_stdout,
    reason = "an example shows itself on the terminal"
)]

use ackchat::server;
use ackchat::sim::{ActorSpec, Faults, NodeId, World};
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::time::Duration;

/// Who types what; an empty name lets the world go on by itself for a while.
const SCRIPT: [(&str, &str); 16] = [
    ("alice", "send bob are you there?"),
    ("bob", "send alice I am"),
    ("bob", "dereg"),
    ("alice", "send bob lunch?"),
    ("bob", "reg"),
    ("", ""),
    ("carol", "create_group team"),
    ("carol", "join_group team"),
    ("alice", "join_group team"),
    ("alice", "send_group good morning"),
    ("alice", "leave_group"),
    ("carol", "leave_group"),
    ("carol", "send dave hello?"),
    ("carol", "send_all see you"),
    ("bob", "table"),
    ("alice", "exit"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let seed = env::args()
        .nth(1)
        .map_or(Ok(7), |word| word.parse::<u64>())?;
    let mut world = World::new(seed, Faults::none());
    let server = world.add_server(2475, server::Config::new(seed));
    world.start(server);
    let mut people = BTreeMap::new();
    for (number, name) in (0_u8..).zip(["alice", "bob", "carol"]) {
        let mut key = [number; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let actor = world.add_actor(ActorSpec::new(name.parse()?, key, server));
        world.start(actor);
        people.insert(name, (actor, 0));
    }
    watch(&mut world, &mut people);
    for (name, line) in SCRIPT {
        if let Some((actor, _)) = people.get(name) {
            println!("{name:>5} >>> {line}");
            world.type_line(*actor, line);
        }
        watch(&mut world, &mut people);
    }
    Ok(())
}

/// Three seconds pass: longer than any command may take.
fn watch(world: &mut World, people: &mut BTreeMap<&str, (NodeId, usize)>) {
    let end = world.now() + Duration::from_secs(3);
    loop {
        let goes_on = world.advance(end);
        for (name, (actor, seen)) in people.iter_mut() {
            for (_, shown) in world.shown(*actor).iter().skip(*seen) {
                for line in shown.text.lines() {
                    println!("{name:>5} | {line}");
                }
                *seen += 1;
            }
        }
        if !goes_on {
            return;
        }
    }
}
