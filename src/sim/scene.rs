//! What happened in a world, for diagrams and for those who want to read packets.

use super::NodeId;
use super::world::World;
use crate::model::Instant;
use crate::script::report::{Moment, Scene};
use crate::shell::fields::Value;
use crate::wire::trace::{Direction, Traced};
use std::collections::BTreeMap;

/// Packets, and notices between them, in order. `typed` are the lines that were typed.
pub(super) fn moments(
    world: &World,
    begun: Instant,
    cast: &[(NodeId, String)],
    typed: &[(Instant, NodeId, String)],
) -> Vec<Moment> {
    let label = |node: NodeId| {
        let found = cast.iter().find(|(other, _)| *other == node);
        found.map_or_else(String::new, |(_, label)| label.clone())
    };
    let mut all: Vec<(Instant, Scene)> = Vec::new();
    let typed = typed.iter().map(|(at, node, text)| {
        let (who, text) = (label(*node), text.clone());
        (*at, Scene::Typed { who, text })
    });
    all.extend(typed);
    all.extend(packets(world, cast));
    for (node, who) in cast {
        for (at, fact) in world.facts(*node) {
            if let ("shown", Some(Value::Text(text))) = (fact.kind, fact.field("text")) {
                let (who, text) = (who.clone(), text.to_string());
                all.push((*at, Scene::Shown { who, text }));
            }
        }
    }
    all.sort_by_key(|(at, _)| *at);
    let moments = all.into_iter().map(|(at, what)| Moment {
        at: at.since(begun),
        what,
    });
    moments.collect()
}

/// Each packet that left, and whether it came in at the other end.
fn packets(world: &World, cast: &[(NodeId, String)]) -> Vec<(Instant, Scene)> {
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
    let mut scenes = Vec::new();
    for (at, node, traced) in world.packets() {
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
        scenes.push((*at, scene));
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
