//! What happened in a world, for diagrams and for those who want to read packets.

use super::NodeId;
use super::world::World;
use crate::model::Instant;
use crate::script::report::{Moment, Scene};
use crate::shell::fields::{Fact, Value};
use crate::wire::trace::{Direction, Traced};
use std::collections::BTreeMap;

/// What is kept of a test while it runs, in order.
#[derive(Default)]
pub(super) struct Watch {
    seen: Vec<(Instant, Seen)>,
    /// Packets of the world that were put into the order.
    packets: usize,
}

enum Seen {
    /// The packet with this number.
    Packet(usize),
    Scene(Scene),
}

impl Watch {
    /// Somebody types a line.
    pub(super) fn types(&mut self, at: Instant, who: &str, text: &str) {
        let (who, text) = (who.to_owned(), text.to_owned());
        self.seen
            .push((at, Seen::Scene(Scene::Typed { who, text })));
    }

    /// Something happened to somebody; shown lines are kept.
    pub(super) fn hears(&mut self, at: Instant, who: &str, fact: &Fact) {
        if let ("shown", Some(Value::Text(text))) = (fact.kind, fact.field("text")) {
            let (who, text) = (who.to_owned(), text.to_string());
            self.seen
                .push((at, Seen::Scene(Scene::Shown { who, text })));
        }
    }

    /// Puts the packets that are new into the order.
    pub(super) fn looks(&mut self, world: &World) {
        for (at, _, _) in world.packets().iter().skip(self.packets) {
            self.seen.push((*at, Seen::Packet(self.packets)));
            self.packets += 1;
        }
    }

    /// All of it, since the test began.
    pub(super) fn moments(
        self,
        world: &World,
        begun: Instant,
        cast: &[(NodeId, String)],
    ) -> Vec<Moment> {
        let mut packets = packets(world, cast);
        let moments = self.seen.into_iter().filter_map(|(at, seen)| {
            let what = match seen {
                Seen::Packet(number) => packets.remove(&number)?,
                Seen::Scene(scene) => scene,
            };
            let at = at.since(begun);
            Some(Moment { at, what })
        });
        moments.collect()
    }
}

/// Each packet that left, by its number, and whether it came in at the other end.
fn packets(world: &World, cast: &[(NodeId, String)]) -> BTreeMap<usize, Scene> {
    let by_key: BTreeMap<_, _> = cast
        .iter()
        .filter_map(|(node, label)| Some((world.session_key(*node)?, (*node, label.clone()))))
        .collect();
    let keys: BTreeMap<NodeId, _> = by_key
        .iter()
        .map(|(key, (node, _))| (*node, *key))
        .collect();
    // How often each packet came in, by where, from whom, and its bytes.
    let mut arrived: BTreeMap<(NodeId, _, &[u8]), usize> = BTreeMap::new();
    for (_, node, traced) in world.packets() {
        if traced.direction == Direction::In {
            *arrived
                .entry((*node, traced.peer, &traced.bytes))
                .or_default() += 1;
        }
    }
    let mut scenes = BTreeMap::new();
    for (number, (_, node, traced)) in world.packets().iter().enumerate() {
        let (Direction::Out, Some((to_node, to))) = (traced.direction, by_key.get(&traced.peer))
        else {
            continue;
        };
        let Some((_, from)) = cast.iter().find(|(other, _)| other == node) else {
            continue;
        };
        let key = keys.get(node).copied().unwrap_or(traced.peer);
        let count = arrived.get_mut(&(*to_node, key, &traced.bytes[..]));
        let came = count.is_some_and(|count| {
            let left = *count > 0;
            *count = count.saturating_sub(1);
            left
        });
        let scene = Scene::Packet {
            from: from.clone(),
            to: to.clone(),
            words: traced.kind(),
            arrived: came,
        };
        scenes.insert(number, scene);
    }
    scenes
}

/// Every packet as an object of JSON, with who saw it.
pub(super) fn lines(world: &World, cast: &[(NodeId, String)]) -> Vec<String> {
    let line = |(at, node, traced): &(Instant, NodeId, Traced)| {
        let found = cast.iter().find(|(other, _)| other == node);
        let who = found.map_or("", |(_, label)| label);
        let line = traced.line(world.wall_ms(*node, *at));
        // A label needs no escapes.
        format!("{{\"node\":\"{who}\",{}", &line[1..])
    };
    world.packets().iter().map(line).collect()
}
