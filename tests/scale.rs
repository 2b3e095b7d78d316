//! A thousand clients at one server: everybody gets in, everybody knows everybody, a join costs
//! the others a change and not the table, and a group of all of them misses nothing.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may unwrap, and tells what it counted"
)]

use ackchat::model::limits::DATAGRAM_BYTES_MAX;
use ackchat::server;
use ackchat::sim::{ActorSpec, Conditions, Faults, NodeId, World};
use std::collections::BTreeSet;
use std::time::Duration;

const CLIENTS: u64 = 1000;
/// A join may cost each of the others so many bytes, headers of the link included.
const JOIN_BYTES_MAX: u64 = 400;

#[test]
fn a_thousand_clients_register_and_a_join_costs_each_a_change() {
    let (mut world, server, mut clients) = thousand(1);
    let all = usize::try_from(CLIENTS).unwrap();
    assert_eq!(known(&world, &clients), vec![all; all]);
    assert!(
        world.longest() <= DATAGRAM_BYTES_MAX,
        "a datagram of {} bytes",
        world.longest()
    );

    let (datagrams, bytes) = (world.datagrams(), world.bytes());
    // What a second costs without a join: the quiet signs of life.
    pass(&mut world, 1000);
    let quiet = (world.datagrams() - datagrams, world.bytes() - bytes);
    let (datagrams, bytes) = (world.datagrams(), world.bytes());
    clients.push(join(&mut world, server, CLIENTS));
    pass(&mut world, 1000);
    let joined = (
        (world.datagrams() - datagrams).saturating_sub(quiet.0),
        (world.bytes() - bytes).saturating_sub(quiet.1),
    );
    println!(
        "a join among {CLIENTS}: {} datagrams, {} bytes; {} bytes / N",
        joined.0,
        joined.1,
        joined.1 / CLIENTS
    );
    assert_eq!(known(&world, &clients), vec![all + 1; all + 1]);
    assert!(joined.1 / CLIENTS <= JOIN_BYTES_MAX);
}

#[test]
fn a_group_of_a_thousand_hears_everything_once_though_a_third_is_away_and_a_tenth_lost() {
    const SAID: usize = 5;
    let (mut world, _, members) = thousand(2);
    world.type_line(members[0], "create_group g");
    pass(&mut world, 1000);
    for member in &members {
        world.type_line(*member, "join_group g");
        pass(&mut world, 1);
    }
    pass(&mut world, 10_000);
    let (speaker, listeners) = members.split_first().unwrap();
    let away = &listeners[..300];
    for member in away {
        world.type_line(*member, "dereg");
    }
    pass(&mut world, 10_000);
    let calm = Conditions::CALM;
    world.set_network(Conditions { loss: 100, ..calm });
    for number in 0..SAID {
        world.type_line(*speaker, &format!("send_group number {number}"));
    }
    pass(&mut world, 60_000);
    assert_eq!(heard(&world, &listeners[300..]), [SAID]);
    assert_eq!(heard(&world, away), [0]);
    for member in away {
        world.type_line(*member, "reg");
    }
    pass(&mut world, 60_000);
    assert_eq!(heard(&world, listeners), [SAID]);
}

/// A server and all its clients, calm.
fn thousand(seed: u64) -> (World, NodeId, Vec<NodeId>) {
    let mut world = World::new(seed, Faults::none());
    let server = world.add_server(2475, server::Config::new(1));
    world.start(server);
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(join(&mut world, server, number));
        // Not all at once: that is a storm, which is another story.
        pass(&mut world, 1);
    }
    pass(&mut world, 10_000);
    (world, server, clients)
}

/// How many of the numbers each has heard, each of them once and in their order: all counts there
/// are.
fn heard(world: &World, members: &[NodeId]) -> Vec<usize> {
    let count = |id: &NodeId| {
        let shown = world.shown(*id).iter();
        // What waited is shown in one piece.
        let texts = shown.flat_map(|(_, shown)| shown.text.split("number ").skip(1));
        let digits = |text: &str| {
            text.split(|c: char| !c.is_ascii_digit())
                .next()
                .unwrap()
                .parse()
        };
        let numbers: Vec<usize> = texts.map(|rest| digits(rest).unwrap()).collect();
        assert!(numbers.iter().copied().eq(0..numbers.len()), "{numbers:?}");
        numbers.len()
    };
    let counts: BTreeSet<usize> = members.iter().map(count).collect();
    counts.into_iter().collect()
}

fn join(world: &mut World, server: NodeId, number: u64) -> NodeId {
    let name = format!("c{number}").parse().unwrap();
    let mut key = [7; 32];
    key[..8].copy_from_slice(&number.to_le_bytes());
    let actor = world.add_actor(ActorSpec::new(name, key, server));
    world.start(actor);
    actor
}

fn pass(world: &mut World, ms: u64) {
    let end = world.now() + Duration::from_millis(ms);
    while world.advance(end) {}
    assert!(world.failure().is_none(), "{:?}", world.failure());
}

/// How many names each client knows.
fn known(world: &World, clients: &[NodeId]) -> Vec<usize> {
    let shells = clients.iter().map(|id| world.shell(*id));
    shells
        .map(|shell| shell.map_or(0, |shell| shell.view().table.len()))
        .collect()
}
