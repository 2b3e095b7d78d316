//! Those who mean ill: replayer, spoofer, mutator, flooder, old programs, and a client with valid
//! keys.

use super::check::{EVIL, HOSTILE};
use super::dice::Dice;
use super::faults::Fault;
use super::network::corrupt;
use super::node::NodeId;
use super::world::{World, stranger};
use crate::model::limits::{CHUNK_BYTES, DATAGRAM_BYTES_MAX, HELLO_BYTES_MIN};
use crate::model::{GroupName, MessageId, Name, PublicKey};
use crate::secure::{Identity, Initiator, Session};
use crate::wire::datagram::Role;
use crate::wire::packet::{Audience, GroupAct, ListOf, LookupOf, RefusalCode, Stamp, StoredState};
use crate::wire::{Ack, CloseCode, Datagram, Frame, Head, Packet};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// What earlier programs sent: pickles, JSON lists, plain text.
const OLD: [&[u8]; 8] = [
    b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x03reg\x94\x8c\x05alice\x94e.",
    b"[\"dereg\", \"alice\"]",
    b"[\"reg\", \"bob\", 5000]",
    b"send_all hello",
    b"{\"t\":\"msg\",\"to\":\"bob\"}",
    b"cos\nsystem\n(S'id'\ntR.",
    b"",
    b"ack",
];

/// All adversaries without keys act once.
pub(super) fn act(world: &mut World) {
    let kinds = [
        Fault::Replayer,
        Fault::Mutator,
        Fault::Spoofer,
        Fault::OldFormat,
        Fault::Flooder,
    ];
    let on: Vec<Fault> = kinds
        .into_iter()
        .filter(|fault| world.faults.has(*fault))
        .collect();
    let Some(fault) = world.dice.pick(&on).copied() else {
        return;
    };
    let Some(to) = someone(world) else {
        return;
    };
    let done = match fault {
        Fault::Flooder => flood(world),
        Fault::Mutator => mutate(world),
        Fault::OldFormat => old(world, to),
        Fault::Replayer => replay(world),
        _ => spoof(world, to),
    };
    if done {
        world.counts.add(fault);
    }
}

/// The address of a node.
fn someone(world: &mut World) -> Option<SocketAddr> {
    let at = world.dice.index(world.nodes.len());
    world.nodes.get(at).map(|node| node.address)
}

fn soon(dice: &mut Dice) -> Duration {
    dice.millis(0, 3)
}

/// The same bytes again: from where they came, or from elsewhere.
fn replay(world: &mut World) -> bool {
    let at = world.dice.index(world.tapped.len());
    let Some((from, to, bytes)) = world.tapped.get(at).cloned() else {
        return false;
    };
    let (from, to) = match world.dice.below(4) {
        0 => (stranger(&mut world.dice), to),
        1 => (from, someone(world).unwrap_or(to)),
        _ => (from, to),
    };
    for _ in 0..=world.dice.below(3) {
        let after = soon(&mut world.dice);
        world.inject(from, to, bytes.clone(), after);
    }
    true
}

/// Real traffic with other bits.
fn mutate(world: &mut World) -> bool {
    let at = world.dice.index(world.tapped.len());
    let other = world.dice.index(world.tapped.len());
    let Some((from, to, mut bytes)) = world.tapped.get(at).cloned() else {
        return false;
    };
    let splice = world
        .tapped
        .get(other)
        .map(|(_, _, bytes)| bytes.clone())
        .unwrap_or_default();
    corrupt(&mut world.dice, &mut bytes, &splice);
    let after = soon(&mut world.dice);
    world.inject(from, to, bytes, after);
    true
}

/// Well-formed outsides with invented insides, from forged sources.
fn spoof(world: &mut World, to: SocketAddr) -> bool {
    let from = if world.dice.chance(500) {
        Some(stranger(&mut world.dice))
    } else {
        someone(world)
    };
    let at = world.dice.index(world.tapped.len());
    // Numbers of real sessions and handshakes, which one can see in passing.
    let seen: Option<[u8; 16]> = world
        .tapped
        .get(at)
        .and_then(|(_, _, bytes)| bytes.get(..16)?.as_array().copied());
    let dice = &mut world.dice;
    let lengths = [
        8,
        24,
        48,
        64,
        84,
        104,
        156,
        HELLO_BYTES_MIN,
        DATAGRAM_BYTES_MAX,
    ];
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| dice.bytes())
        .take(40)
        .flatten()
        .collect();
    bytes.truncate(*dice.pick(&lengths).expect("there are some"));
    let kind = u8::try_from(0xC1 + dice.below(8)).expect("a kind is a byte");
    for (byte, wanted) in bytes.iter_mut().zip([kind, 1, 0, 0]) {
        *byte = wanted;
    }
    if kind == 0xC4 {
        bytes[1] = 0;
    }
    if let Some(seen) = seen.filter(|_| dice.chance(700)) {
        let end = bytes.len().min(16);
        bytes[4..end].copy_from_slice(&seen[4..end]);
    }
    let after = soon(dice);
    let Some(from) = from else {
        return false;
    };
    world.inject(from, to, bytes, after);
    true
}

fn old(world: &mut World, to: SocketAddr) -> bool {
    let bytes = OLD[world.dice.index(OLD.len())].to_vec();
    let from = stranger(&mut world.dice);
    let after = soon(&mut world.dice);
    world.inject(from, to, bytes, after);
    true
}

/// Handshakes with a right first MAC, from many addresses: a few, seldom very many.
fn flood(world: &mut World) -> bool {
    let Some((to, key)) = server_of(world) else {
        return false;
    };
    let rush = world.counts.of(Fault::Flooder) == 3 && world.dice.chance(50);
    // Each costs eight multiplications on the curve, most of what a run costs.
    let count = if rush {
        300
    } else {
        u64::from(world.dice.chance(500))
    };
    let identity = Identity::from_seed(world.dice.bytes());
    for _ in 0..count {
        let sid = sid(&mut world.dice);
        let (boot, ephemeral) = (world.dice.u64(), world.dice.bytes());
        let made = Initiator::start(&identity, &key, Role::Server, sid, 1, boot, ephemeral);
        let from = stranger(&mut world.dice);
        let after = world.dice.millis(0, 300);
        if let Ok((_, hello)) = made {
            world.inject(from, to, hello, after);
        }
    }
    count > 0
}

fn server_of(world: &World) -> Option<(SocketAddr, PublicKey)> {
    let id = world.ids().find(|id| world.server_body(*id).is_some())?;
    Some((
        world.address(id),
        world.server_body(id)?.identity.session_key(),
    ))
}

fn sid(dice: &mut Dice) -> u32 {
    dice.halves()[0].max(1)
}

/// A registered client with valid keys and no manners.
pub(super) struct Hostile {
    pub(super) node: NodeId,
    identity: Identity,
    name: Name,
    boot: u64,
    pending: BTreeMap<NodeId, Initiator>,
    sessions: BTreeMap<NodeId, (Session, u32)>,
}

impl Hostile {
    pub(super) fn new(world: &mut World) -> Self {
        let address = world.fresh_address();
        Self {
            node: world.add_outside(HOSTILE, address),
            identity: Identity::from_seed(world.dice.bytes()),
            name: HOSTILE.parse().expect("it is a name"),
            boot: world.dice.u64(),
            pending: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    /// Answers what has arrived.
    pub(super) fn listen(&mut self, world: &mut World) {
        for (from, bytes) in world.take_inbox(self.node) {
            match Datagram::parse(&bytes) {
                Ok(Datagram::Reply { .. }) => self.meet(world, from, &bytes),
                Ok(Datagram::Data {
                    sid,
                    counter,
                    sealed,
                }) => {
                    let found = self.sessions.iter_mut().find(|(_, (s, _))| s.sid() == sid);
                    let Some((peer, (session, _))) = found else {
                        continue;
                    };
                    let (peer, mut frames) = (*peer, Vec::new());
                    let fresh = session.open(counter, sealed, &mut frames).is_ok();
                    let ack = session.received();
                    if let Some(ack) = ack.filter(|_| fresh && !world.dice.chance(100)) {
                        self.seal(world, peer, &[Frame::Ack(ack)]);
                    }
                }
                _ => {}
            }
        }
    }

    fn meet(&mut self, world: &mut World, from: SocketAddr, reply: &[u8]) {
        let met = self.pending.iter_mut().find_map(|(peer, initiator)| {
            let session = initiator.finish(&self.identity, reply).ok()?.0;
            Some((*peer, session))
        });
        let Some((peer, session)) = met.filter(|(peer, _)| world.address(*peer) == from) else {
            return;
        };
        self.pending.remove(&peer);
        self.sessions.insert(peer, (session, 0));
        let head = if world.server_body(peer).is_some() {
            register(world, self.name.clone())
        } else {
            Head::Card {
                name: self.name.clone(),
            }
        };
        let tail = self.identity.card(Some(&self.name), 0);
        self.packet(world, peer, head, tail);
    }

    /// Does one thing that one should not do.
    pub(super) fn act(&mut self, world: &mut World) {
        let at = world.dice.index(world.nodes.len());
        let peer = NodeId(u16::try_from(at).expect("a world has few nodes"));
        if peer == self.node {
            return;
        }
        if self.sessions.contains_key(&peer) && !world.dice.chance(30) {
            world.counts.add(Fault::Hostile);
            if world.server_body(peer).is_some() {
                self.trouble_server(world, peer);
            } else {
                self.trouble_peer(world, peer);
            }
        } else {
            self.greet(world, peer);
        }
    }

    fn greet(&mut self, world: &mut World, peer: NodeId) {
        let (key, role) = if let Some(body) = world.server_body(peer) {
            (body.identity.session_key(), Role::Server)
        } else if let Some(actor) = world.actor(peer) {
            (actor.identity.session_key(), Role::Peer)
        } else {
            return;
        };
        let (sid, ephemeral) = (sid(&mut world.dice), world.dice.bytes());
        let made = Initiator::start(&self.identity, &key, role, sid, 1, self.boot, ephemeral);
        if let Ok((initiator, hello)) = made {
            self.pending.insert(peer, initiator);
            let to = world.address(peer);
            world.send_outside(self.node, to, hello);
        }
    }

    fn trouble_server(&mut self, world: &mut World, peer: NodeId) {
        let Some(victim) = victim(world) else {
            return;
        };
        let id = some_id(world);
        let text = evil(world);
        let stamp = Stamp {
            seq: world.dice.below(9),
            run: 7,
            at_ms: 0,
        };
        let group: GroupName = "g".parse().expect("it is a name");
        let card = |name: &Name| self.identity.card(Some(name), 0);
        let audience = Audience::Group(group.clone());
        let live = world.dice.chance(500);
        let (head, tail) = match world.dice.below(16) {
            0 if world.checker.is_bound(&victim) => {
                (register(world, victim.clone()), card(&victim))
            }
            1 => (register(world, self.name.clone()), card(&self.name)),
            2..5 => (
                Head::Store {
                    id,
                    to: victim,
                    stamp,
                    live,
                    auto: false,
                    enc: None,
                },
                text,
            ),
            5 => (Head::MailAck, id.to_bytes().to_vec()),
            6 => {
                let act = *world
                    .dice
                    .pick(&[GroupAct::Create, GroupAct::Join, GroupAct::Leave])
                    .expect("three");
                (Head::Group { id, act, group }, Vec::new())
            }
            7 => (
                Head::GroupMessage {
                    id,
                    audience,
                    stamp,
                    auto: false,
                    enc: None,
                },
                text,
            ),
            8 => (
                Head::List {
                    id,
                    of: ListOf::Members,
                    group: Some(group),
                    after: None,
                },
                Vec::new(),
            ),
            9 => (
                Head::Lookup {
                    id,
                    of: LookupOf::Name(victim),
                },
                Vec::new(),
            ),
            10 => (
                Head::Sync {
                    from: world.dice.below(1 << 50),
                },
                Vec::new(),
            ),
            11 => (Head::Relay { to: victim }, vec![0xC1; 300]),
            12 => (Head::Dereg { id, is_final: live }, Vec::new()),
            13 => (
                Head::Stored {
                    id,
                    at_ms: 0,
                    state: StoredState::Taken,
                    online: true,
                },
                Vec::new(),
            ),
            14 => (
                Head::Done {
                    id,
                    unchanged: false,
                },
                Vec::new(),
            ),
            _ => return self.bad_frames(world, peer),
        };
        self.packet(world, peer, head, tail);
    }

    fn trouble_peer(&mut self, world: &mut World, peer: NodeId) {
        let Some(victim) = victim(world) else {
            return;
        };
        let id = some_id(world);
        let text = evil(world);
        let stamp = Stamp {
            seq: world.dice.below(9),
            run: 7,
            at_ms: 0,
        };
        let me = world
            .actor(peer)
            .map_or_else(|| victim.clone(), |actor| actor.spec.name.clone());
        let refused = Head::Refused {
            id: Some(id),
            re: "msg".into(),
            code: RefusalCode::NotMe,
            text: "no".into(),
            after_ms: None,
        };
        let (head, tail) = match world.dice.below(10) {
            0..3 => (Head::Ack { id }, Vec::new()),
            3 => (
                Head::Card {
                    name: victim.clone(),
                },
                self.identity.card(Some(&victim), 0),
            ),
            4..7 => (
                Head::Message {
                    id,
                    to: me,
                    stamp,
                    auto: false,
                    enc: None,
                },
                text,
            ),
            7 => (
                Head::Message {
                    id,
                    to: victim,
                    stamp,
                    auto: true,
                    enc: None,
                },
                text,
            ),
            8 => (refused, Vec::new()),
            _ => return self.bad_frames(world, peer),
        };
        self.packet(world, peer, head, tail);
    }

    /// Frames no link sends.
    fn bad_frames(&mut self, world: &mut World, peer: NodeId) {
        let junk = world.dice.bytes();
        let ack = Ack {
            largest: world.dice.u64(),
            delay: 9,
            bits: u128::MAX,
        };
        let mseq = u32::try_from(world.dice.below(5000)).expect("it is small");
        let frame = match world.dice.below(9) {
            0 => Frame::Ack(ack),
            1 => Frame::Chunk {
                mseq,
                index: 3,
                count: 2,
                bytes: &junk,
            },
            2 => Frame::Chunk {
                mseq,
                index: 0,
                count: 68,
                bytes: &[0; CHUNK_BYTES],
            },
            3 => Frame::Chunk {
                mseq,
                index: 0,
                count: 1,
                bytes: &junk,
            },
            4 => Frame::Close {
                code: CloseCode::Other(9),
                text: "\u{1b}[2J",
            },
            5 => Frame::PathResponse([7; 8]),
            6 => Frame::PathChallenge([7; 8]),
            7 => Frame::Loose(&junk),
            _ => Frame::Close {
                code: CloseCode::Bye,
                text: "",
            },
        };
        let leaves = matches!(frame, Frame::Close { .. });
        self.seal(world, peer, &[frame]);
        if leaves {
            self.sessions.remove(&peer);
        }
    }

    fn packet(&mut self, world: &mut World, peer: NodeId, head: Head, tail: Vec<u8>) {
        let bytes = Packet { head, tail }.encode();
        let Some((_, next)) = self.sessions.get_mut(&peer) else {
            return;
        };
        let mseq = *next;
        *next += 1;
        let count =
            u8::try_from(bytes.chunks(CHUNK_BYTES).count()).expect("a packet has few chunks");
        for (index, chunk) in (0..).zip(bytes.chunks(CHUNK_BYTES)) {
            self.seal(
                world,
                peer,
                &[Frame::Chunk {
                    mseq,
                    index,
                    count,
                    bytes: chunk,
                }],
            );
        }
    }

    fn seal(&mut self, world: &mut World, peer: NodeId, frames: &[Frame<'_>]) {
        let Some((session, _)) = self.sessions.get_mut(&peer) else {
            return;
        };
        let (mut plain, mut datagram) = (Vec::new(), Vec::new());
        for frame in frames {
            frame.encode(&mut plain);
        }
        if session.seal(&plain, &mut datagram).is_some() {
            let to = world.address(peer);
            world.send_outside(self.node, to, datagram);
        }
    }
}

fn victim(world: &mut World) -> Option<Name> {
    let names: Vec<&Name> = world
        .nodes
        .iter()
        .filter_map(|node| match &node.body {
            super::node::Body::Actor(actor) => Some(&actor.spec.name),
            _ => None,
        })
        .collect();
    let at = world.dice.index(names.len());
    names.get(at).copied().cloned()
}

/// An id of its own, or, worse, one of somebody else's message.
fn some_id(world: &mut World) -> MessageId {
    let World { dice, checker, .. } = world;
    let known = checker
        .some_id(|count| dice.index(count))
        .filter(|_| dice.chance(700));
    known.unwrap_or_else(|| MessageId(u128::from(dice.u64())))
}

fn evil(world: &mut World) -> Vec<u8> {
    let times = 1 + world.dice.index(40);
    EVIL.repeat(times).into_bytes()
}

fn register(world: &mut World, name: Name) -> Head {
    let id = MessageId(u128::from(world.dice.u64()));
    Head::Register {
        id,
        name,
        app: "evil".into(),
        store: None,
        table: None,
    }
}
