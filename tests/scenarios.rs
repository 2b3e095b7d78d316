//! The scenarios of the five seeds, told to real servers and clients in virtual time, at event
//! level.
//!
//! A line is a step or what it leads to, in the signs of semantics.md section 11:
//! `server`, `stop`, `actor x [as=y]`, `kill x`, `x> command` (must succeed), `x!> command` (must
//! fail),
//! `x< A, B` (any order), `x<< A, B` (this order), `x!< A` (not in this step nor 500 ms after it),
//! `x!<* A` (not until the end), `x$left`, `x alive`, `x:N`. `#1` is a time the server gave: all
//! with one number are equal.

#![expect(
    clippy::unwrap_used,
    reason = "a test may unwrap; its helpers are not seen as tests"
)]

use ackchat::client::event::{Arrived, GroupAction, KeyAction, Mark, Online, Report, Session, Via};
use ackchat::client::{
    self, Client, Ending, Event, GroupPrivate, Mode, Request, RequestError, RequestId,
};
use ackchat::memory::{ClientMemory, ServerMemory};
use ackchat::model::{Delivery, Instant, Name, Now, Store as _, StoreTicket, Wall};
use ackchat::secure::{Fingerprint, Identity, Ratchet};
use ackchat::server::{self, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const LATENCY: Duration = Duration::from_millis(1);
const SERVER: &str = "127.0.0.1:6000";

struct World {
    now: Instant,
    ratchet: Ratchet,
    server: Option<Server>,
    server_seed: [u8; 32],
    disk: ServerMemory,
    actors: BTreeMap<String, Actor>,
    network: BTreeMap<(Instant, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    sent: u64,
    /// Datagrams between clients are lost.
    no_direct: bool,
    /// So many of a hundred datagrams are lost.
    lose_percent: u64,
    lost: u64,
    times: BTreeMap<String, String>,
    forbidden: Vec<(String, usize, String)>,
    line: String,
}

struct Actor {
    client: Client,
    disk: ClientMemory,
    seed: [u8; 32],
    at: SocketAddr,
    log: Vec<(Instant, String)>,
    /// Where this step began in the log.
    from: usize,
    /// How often its program was started.
    life: u64,
    settled: BTreeMap<(u64, RequestId), Result<(), RequestError>>,
    ended: Option<Ending>,
    running: bool,
}

fn at(instant: Instant) -> Now {
    let unix_ms = 1_763_670_000_000 + i64::try_from(instant.0 / 1000).unwrap();
    let wall = Wall {
        unix_ms,
        offset_s: 0,
    };
    Now { instant, wall }
}

impl World {
    fn new() -> Self {
        Self {
            now: Instant(1_000_000),
            ratchet: Ratchet::new([7; 32]),
            server: None,
            server_seed: [1; 32],
            disk: ServerMemory::new(99),
            actors: BTreeMap::new(),
            network: BTreeMap::new(),
            sent: 0,
            no_direct: false,
            lose_percent: 0,
            lost: 0,
            times: BTreeMap::new(),
            forbidden: Vec::new(),
            line: String::new(),
        }
    }

    fn start_server(&mut self) {
        let config = server::Config::new(self.disk.id());
        let identity = Arc::new(Identity::from_seed(self.server_seed));
        self.server = Some(Server::new(config, identity, self.ratchet.fork()));
        self.run(Duration::from_millis(5));
    }

    fn start_actor(&mut self, name: &str, like: Option<&str>, options: &[&str]) {
        let start = self.begin_actor(name, like, options);
        // A refused login is a story of its own; the story tells it.
        drop(self.wait(name, start));
    }

    fn begin_actor(&mut self, name: &str, same_as: Option<&str>, options: &[&str]) -> RequestId {
        let called: Name = same_as.unwrap_or(name).parse().unwrap();
        let number = u16::try_from(self.actors.len()).unwrap();
        let before = self.actors.remove(name);
        let copied = same_as.filter(|_| options.contains(&"copy"));
        let seed = match (&before, copied) {
            (Some(before), _) => before.seed,
            (None, Some(other)) => self.actors[other].seed,
            (None, None) => self.ratchet.draw(),
        };
        let at_port = before.as_ref().map_or_else(
            || SocketAddr::from(([127, 0, 0, 1], 7001 + number)),
            |before| before.at,
        );
        let config = client::Config {
            name: called,
            server: SERVER.parse().unwrap(),
            server_key: None,
            group_private: GroupPrivate::Refuse,
            stay: options.contains(&"stay"),
            relay: true,
            trace: true,
            arrivals: client::Arrivals::Take,
        };
        let identity = Arc::new(Identity::from_seed(seed));
        let mut client = Client::new(config, identity, self.ratchet.fork());
        let run = self.ratchet.u32();
        let life = before.as_ref().map_or(0, |before| before.life + 1);
        let mut disk = before.map_or_else(|| ClientMemory::new(run), |before| before.disk);
        disk.reopen();
        let request = client.start(at(self.now));
        self.actors.insert(
            name.to_owned(),
            Actor {
                client,
                disk,
                seed,
                at: at_port,
                log: Vec::new(),
                from: 0,
                life,
                settled: BTreeMap::new(),
                ended: None,
                running: true,
            },
        );
        request
    }

    /// Everything that can happen without time passing.
    fn settle(&mut self) {
        let now = at(self.now);
        loop {
            let mut quiet = true;
            if let Some(server) = &mut self.server {
                while let Some(output) = server.poll_output() {
                    quiet = false;
                    match output {
                        server::Output::Store(ticket, request) => {
                            self.disk.submit(ticket, request).unwrap();
                        }
                        server::Output::Transmit(to) => {
                            self.sent += 1;
                            let key = (self.now + LATENCY, self.sent);
                            let from = SERVER.parse().unwrap();
                            self.network.insert(key, (from, to.to, to.datagram));
                        }
                        server::Output::Event(_) | server::Output::Trace(_) => {}
                    }
                }
                self.disk.flush();
                while let Some(event) = self.disk.poll() {
                    quiet = false;
                    server.handle_store(now, event);
                }
            }
            for actor in self.actors.values_mut().filter(|actor| actor.running) {
                while let Some(output) = actor.client.poll_output() {
                    quiet = false;
                    match output {
                        client::Output::Ended(ending) => {
                            actor.ended = Some(ending);
                            actor.running = false;
                        }
                        client::Output::Event(event, _) => actor.show(now, &event),
                        client::Output::Settled(request, how) => {
                            actor.settle(self.now, request, how);
                        }
                        client::Output::Store(ticket, request) => {
                            actor.disk.submit(ticket, request).unwrap();
                        }
                        client::Output::Trace(t) => {
                            let n = u16::from_le_bytes([t.bytes[0], t.bytes[1]]) as usize;
                            let h = String::from_utf8_lossy(&t.bytes[2..2 + n]).to_string();
                            actor
                                .log
                                .push((now.instant, format!("TRACE {:?} {h}", t.direction)));
                        }
                        client::Output::Transmit(to) => {
                            self.sent += 1;
                            let key = (self.now + LATENCY, self.sent);
                            self.network.insert(key, (actor.at, to.to, to.datagram));
                        }
                    }
                }
                actor.disk.flush();
                while let Some(event) = actor.disk.poll() {
                    quiet = false;
                    actor.client.handle_store(now, event);
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let now = at(self.now);
        if self.ratchet.below(100) < self.lose_percent {
            self.lost += 1;
            return;
        }
        let server: SocketAddr = SERVER.parse().unwrap();
        if to == server {
            if let Some(server) = &mut self.server {
                server.handle_datagram(now, from, bytes);
            }
        } else if from == server || !self.no_direct {
            for actor in self.actors.values_mut() {
                if actor.at == to && actor.running {
                    actor.client.handle_datagram(now, from, bytes);
                }
            }
        }
    }

    /// Lets virtual time pass until `end`, or until something happens; true if it did.
    fn step(&mut self, end: Instant) -> bool {
        self.settle();
        let clients = self.actors.values().filter(|actor| actor.running);
        let next = clients
            .filter_map(|actor| actor.client.deadline())
            .chain(self.server.as_ref().and_then(Server::deadline))
            .chain(self.network.keys().map(|(at, _)| *at).next())
            .min()
            .filter(|next| *next <= end);
        let Some(next) = next else {
            self.now = end;
            return false;
        };
        self.now = self.now.max(next);
        let later = self
            .network
            .split_off(&(self.now + Duration::from_micros(1), 0));
        for (from, to, bytes) in std::mem::replace(&mut self.network, later).into_values() {
            self.deliver(from, to, &bytes);
        }
        let now = at(self.now);
        if let Some(server) = &mut self.server {
            server.handle_timeout(now);
        }
        for actor in self.actors.values_mut().filter(|actor| actor.running) {
            actor.client.handle_timeout(now);
        }
        self.settle();
        true
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        let mut steps = 0;
        while self.step(end) {
            steps += 1;
            assert!(steps < 100_000, "{}: time stands still", self.line);
        }
    }

    /// Lets time pass until something is so; false if it is not within the time.
    fn until(&mut self, limit: Duration, so: impl Fn(&mut Self) -> bool) -> bool {
        let end = self.now + limit;
        self.settle();
        let mut steps = 0;
        while !so(self) {
            steps += 1;
            assert!(steps < 100_000, "{}: time stands still", self.line);
            if !self.step(end) {
                return so(self);
            }
        }
        true
    }

    fn wait(&mut self, name: &str, request: RequestId) -> Result<(), RequestError> {
        let done = |w: &mut Self| {
            let actor = &w.actors[name];
            actor.settled.contains_key(&(actor.life, request)) || actor.ended.is_some()
        };
        assert!(
            self.until(Duration::from_secs(6), done),
            "{}: no outcome\n{}",
            self.line,
            self.story()
        );
        let ended = Err(RequestError::Ended);
        let actor = &self.actors[name];
        actor
            .settled
            .get(&(actor.life, request))
            .cloned()
            .unwrap_or(ended)
    }

    fn story(&self) -> String {
        let mut lines: Vec<(Instant, String)> = Vec::new();
        for (name, actor) in &self.actors {
            lines.extend(
                actor
                    .log
                    .iter()
                    .map(|(at, token)| (*at, format!("{name}< {token}"))),
            );
        }
        lines.sort_by_key(|(at, _)| *at);
        let mut story = String::new();
        for (at, line) in lines {
            story.extend([&(at.0 / 1000).to_string(), " ms ", &line, "\n"]);
        }
        story
    }
}

impl Actor {
    fn show(&mut self, now: Now, event: &Event) {
        if let Some(token) = token(event) {
            self.log.push((now.instant, token));
        }
        let me = &self.client.view().name;
        let messages = |event: &Event| match event {
            Event::Message(message) => u64::from(message.from != *me),
            _ => 0,
        };
        let count = match event {
            Event::Batch(items) => items.iter().map(messages).sum(),
            event => messages(event),
        };
        self.client.handle_shown(now, count);
    }

    fn settle(
        &mut self,
        now: Instant,
        request: RequestId,
        how: Result<client::Outcome, RequestError>,
    ) {
        if let Err(why) = &how {
            let token = match why {
                RequestError::GroupExists(group) => format!("GDUP({group})"),
                RequestError::UnknownGroup(group) => format!("GNO({group})"),
                RequestError::UnknownPeer(_) => "NOUSER".to_owned(),
                RequestError::WrongMode => "INV".to_owned(),
                other => format!("ERR({other:?})"),
            };
            self.log.push((now, token));
        }
        let twice = self.settled.insert((self.life, request), how.map(|_| ()));
        assert!(twice.is_none(), "a request has one outcome");
    }
}

/// The notice an event stands for.
fn token(event: &Event) -> Option<String> {
    let joined = |words: Vec<String>| words.join(" ");
    Some(match event {
        Event::Batch(items) => {
            let items = items.iter().filter_map(item).collect();
            format!("OFF{{{}}}", joined(items))
        }
        Event::Delivery(report) => delivery(report)?,
        Event::Group { group, action, .. } => match action {
            GroupAction::Created => format!("GOK({group})"),
            GroupAction::Joined => format!("GIN({group})"),
            GroupAction::Left => format!("GOUT({group})"),
            GroupAction::Removed => format!("GONE({group})"),
        },
        Event::Groups(groups) => {
            let groups = groups.iter().map(ToString::to_string).collect();
            format!("GLIST{{{}}}", joined(groups))
        }
        Event::Key { action, .. } => match action {
            KeyAction::Changed => "KEYCHANGED".to_owned(),
            KeyAction::Pinned => "NEWKEY".to_owned(),
            KeyAction::Trusted => "TRUSTED".to_owned(),
        },
        Event::Kept { count } => format!("KEPT({count})"),
        Event::Members { members, .. } => {
            let members = members.iter().map(ToString::to_string).collect();
            format!("MEM{{{}}}", joined(members))
        }
        Event::Message(message) => said(message),
        Event::Presence { .. } => return None,
        Event::Session(session) => match session {
            Session::Closing => "EX".to_owned(),
            Session::Connecting | Session::Online(Online::Resumed) => return None,
            Session::Left => "BYE".to_owned(),
            Session::LoginRefused { name, taken, .. } => format!("REJ({name},{taken})"),
            Session::NotResponding => "DOWN".to_owned(),
            Session::Online(Online::Registered) => "WEL".to_owned(),
            Session::Online(Online::Returned) => "WB".to_owned(),
            Session::Retrying { attempt, of } => format!("RETRY({attempt}/{of})"),
        },
        Event::Table { .. } => "TBL".to_owned(),
    })
}

fn said(message: &Arrived) -> String {
    let kind = if message.audience.is_some() {
        "GMSG"
    } else {
        "MSG"
    };
    let mark = match message.mark {
        None => "",
        Some(Mark::EarlierMissing) => "?earlier",
        Some(Mark::OutOfOrder) => "?order",
        Some(Mark::ShownBeforeRestart) => "?again",
    };
    assert!(!message.late);
    let via = if message.via == Via::Relay {
        "~relay"
    } else {
        ""
    };
    format!("{kind}({},{}){mark}{via}", message.from, message.text)
}

fn item(event: &Event) -> Option<String> {
    match event {
        Event::Message(message) => {
            assert!(message.late);
            let kind = if message.audience.is_some() { "G" } else { "D" };
            let (from, text, ms) = (&message.from, &message.text, message.sent_ms);
            Some(format!("{kind}({from},{text},@{ms})"))
        }
        Event::Delivery(report) => {
            assert!(report.late);
            Some(delivery(report)?.replace("NOTIF", "N"))
        }
        _ => None,
    }
}

fn delivery(report: &Report) -> Option<String> {
    let to = report
        .to
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let ms = report.sent_ms.unwrap_or_default();
    Some(match report.state {
        Delivery::Acked if report.by == client::event::By::Oneself => return None,
        Delivery::Delivered if report.was_stored => format!("NOTIF({to},@{ms})"),
        Delivery::Acked | Delivery::Delivered => format!("RCV({to})"),
        Delivery::Stored if report.audience.is_some() => format!("GACK@{ms}"),
        Delivery::Stored => format!("SAVED@{ms}"),
        Delivery::Sent if report.after_live_try => format!("NOACK({to})"),
        Delivery::Failed => format!("FAILED({to},{:?})", report.reason),
        other => format!("{}({to})", other.word()),
    })
}

// The language.

impl World {
    fn tell(&mut self, line: &str) {
        line.clone_into(&mut self.line);
        if line == "server" {
            self.start_server();
        } else if line == "stop" {
            self.begin_step();
            self.server = None;
            self.disk.reopen();
        } else if line == "no direct" {
            self.no_direct = true;
        } else if let Some(name) = line.strip_prefix("disk full ") {
            self.actors.get_mut(name).unwrap().disk.set_full(true);
        } else if let Some(name) = line.strip_prefix("disk free ") {
            self.actors.get_mut(name).unwrap().disk.set_full(false);
        } else if let Some(name) = line.strip_prefix("release ") {
            let name = name.parse().unwrap();
            let request = server::port::StoreRequest::Release { name };
            self.disk.submit(StoreTicket(u64::MAX), request).unwrap();
        } else if let Some(ms) = line.strip_prefix("pass ") {
            self.run(Duration::from_millis(ms.parse().unwrap()));
        } else if let Some(names) = line.strip_prefix("T ") {
            self.start_server();
            for name in names.split(' ') {
                let before: Vec<String> = self.actors.keys().cloned().collect();
                self.tell(&format!("actor {name}"));
                self.tell(&format!("{name}<< WEL, TBL"));
                for other in before {
                    self.tell(&format!("{other}< TBL"));
                }
            }
        } else if let Some(names) = line.strip_prefix("P ") {
            for x in names.split(' ') {
                for y in names.split(' ').filter(|y| *y != x) {
                    self.tell(&format!("{x}> send {y} hello from {x}"));
                    self.tell(&format!("{x}< RCV({y})"));
                    self.tell(&format!("{y}< MSG({x},hello from {x})"));
                    self.tell(&format!("{x}!< NOACK({y})"));
                }
            }
        } else if let Some(rest) = line.strip_prefix("actor ") {
            self.begin_step();
            let (name, extra) = rest.split_once(' ').unwrap_or((rest, ""));
            let options: Vec<&str> = extra.split(' ').collect();
            let other = options.iter().find_map(|word| word.strip_prefix("as="));
            self.start_actor(name, other, &options);
        } else if let Some(name) = line.strip_prefix("kill ") {
            self.begin_step();
            self.actors.get_mut(name).unwrap().running = false;
        } else if let Some(name) = line.strip_suffix(" alive") {
            assert!(self.actors[name].running, "{line}\n{}", self.story());
        } else if let Some((name, command)) = line.split_once("!> ") {
            self.command(name, command, false);
        } else if let Some((name, tokens)) = line.split_once("!<* ") {
            let from = self.actors[name].from;
            let tokens = tokens.split(", ").map(str::to_owned);
            self.forbidden
                .extend(tokens.map(|token| (name.to_owned(), from, token)));
        } else if let Some((name, tokens)) = line.split_once("!< ") {
            self.run(Duration::from_millis(500));
            for token in tokens.split(", ") {
                let from = self.actors[name].from;
                assert!(
                    !self.was_shown(name, from, token),
                    "{line}\n{}",
                    self.story()
                );
            }
        } else if let Some((name, tokens)) = line.split_once("<< ") {
            self.expect_in_order(name, tokens);
        } else if let Some((name, tokens)) = line.split_once("< ") {
            self.expect(name, tokens);
        } else if let Some((name, command)) = line.split_once("> ") {
            self.command(name, command, true);
        } else if let Some((name, how)) = line.split_once('$') {
            let ended = |w: &mut Self| w.actors[name].ended.is_some();
            assert!(self.until(Duration::from_secs(4), ended), "{line}");
            let ended = format!("{:?}", self.actors[name].ended.unwrap());
            assert_eq!(ended.to_lowercase(), how, "{line}\n{}", self.story());
        } else if let Some((name, mode)) = line.split_once(':') {
            let is = match &self.actors[name].client.view().mode {
                Mode::Starting => "S".to_owned(),
                Mode::Normal => "N".to_owned(),
                Mode::Group(group) => format!("G({group})"),
                Mode::Offline(None) => "O".to_owned(),
                Mode::Offline(Some(group)) => format!("O({group})"),
            };
            assert_eq!(is, mode, "{line}");
        } else {
            panic!("no step: {line}");
        }
    }

    fn begin_step(&mut self) {
        for actor in self.actors.values_mut() {
            actor.from = actor.log.len();
        }
    }

    fn command(&mut self, name: &str, command: &str, succeeds: bool) {
        self.begin_step();
        let actor = &self.actors[name];
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        let text = |text: &str| text.parse().unwrap();
        let auto = false;
        let request = match word {
            "create_group" => Request::CreateGroup(rest.parse().unwrap()),
            "dereg" => Request::Dereg,
            "exit" => Request::Exit,
            "join_group" => Request::JoinGroup(rest.parse().unwrap()),
            "leave_group" => Request::LeaveGroup,
            "list_groups" => Request::ListGroups,
            "list_members" => Request::ListMembers,
            "reg" => Request::Reg,
            "send" => {
                let (to, words) = rest.split_once(' ').unwrap();
                Request::Send {
                    to: to.parse().unwrap(),
                    text: text(words),
                    auto,
                    id: None,
                }
            }
            // In a group `send_all` means the group (semantics.md 3.3); the shell decides that.
            "send_all" if matches!(actor.client.view().mode, Mode::Normal) => Request::SendAll {
                text: text(rest),
                auto,
            },
            "trust" => {
                let (name, whose) = rest.split_once(' ').unwrap();
                let identity = Identity::from_seed(self.actors[whose].seed).identity();
                Request::Trust {
                    name: name.parse().unwrap(),
                    fingerprint: Fingerprint::of(&identity),
                }
            }
            "send_all" | "send_group" => Request::SendGroup {
                text: text(rest),
                auto,
            },
            other => panic!("no command: {other}"),
        };
        let now = at(self.now);
        let actor = self.actors.get_mut(name).unwrap();
        let request = actor.client.handle_request(now, request);
        let how = self.wait(name, request);
        assert_eq!(
            how.is_ok(),
            succeeds,
            "{}: {how:?}\n{}",
            self.line,
            self.story()
        );
    }

    fn expect(&mut self, name: &str, tokens: &str) {
        let line = self.line.clone();
        for token in tokens.split(", ") {
            let from = self.actors[name].from;
            let shown = |w: &mut Self| w.was_shown(name, from, token);
            assert!(
                self.until(Duration::from_secs(4), shown),
                "{line}: {name} does not show {token}\n{}",
                self.story()
            );
        }
    }

    fn expect_in_order(&mut self, name: &str, tokens: &str) {
        let mut from = self.actors[name].from;
        let line = self.line.clone();
        for token in tokens.split(", ") {
            let shown = |w: &mut Self| w.was_shown(name, from, token);
            assert!(
                self.until(Duration::from_secs(4), shown),
                "{line}: {name} does not show {token} in order\n{}",
                self.story()
            );
            from = self.place(name, from, token).unwrap() + 1;
        }
    }

    fn was_shown(&mut self, name: &str, from: usize, token: &str) -> bool {
        self.place(name, from, token).is_some()
    }

    fn place(&mut self, name: &str, from: usize, token: &str) -> Option<usize> {
        let log = &self.actors[name].log;
        let found = log.iter().skip(from).position(|(_, shown)| {
            let mut times = self.times.clone();
            let same = matches(&mut times, token, shown);
            if same {
                self.times = times;
            }
            same
        })?;
        Some(from + found)
    }

    fn finish(&mut self) {
        "the end".clone_into(&mut self.line);
        self.run(Duration::from_secs(3));
        for (name, from, token) in self.forbidden.clone() {
            assert!(
                !self.was_shown(&name, from, &token),
                "{name} shows {token}\n{}",
                self.story()
            );
        }
        for (name, actor) in &self.actors {
            let mut once = BTreeSet::new();
            let messages = actor.log.iter().filter(|(_, t)| t.starts_with("MSG"));
            for (_, message) in messages {
                assert!(once.insert(message), "{name} shows {message} twice");
            }
        }
    }
}

/// Compares what is wanted with what was shown; `#n` binds a time.
fn matches(times: &mut BTreeMap<String, String>, wanted: &str, shown: &str) -> bool {
    let (mut wanted, mut shown) = (wanted, shown);
    loop {
        let digits = |text: &str| {
            let end = text[1..].find(|c: char| !c.is_ascii_digit());
            end.map_or(text.len(), |end| end + 1)
        };
        match (wanted.chars().next(), shown.chars().next()) {
            (None, None) | (Some('*'), Some(_)) => return true,
            (Some('#'), Some('@')) => {
                let (number, rest) = wanted.split_at(digits(wanted));
                let (time, shown_rest) = shown.split_at(digits(shown));
                let bound = times.entry(number.to_owned()).or_insert(time.to_owned());
                if bound != time {
                    return false;
                }
                (wanted, shown) = (rest, shown_rest);
            }
            // A time nobody asks for.
            (_, Some('@')) => shown = shown.split_at(digits(shown)).1,
            (Some(a), Some(b)) if a == b => {
                (wanted, shown) = (&wanted[a.len_utf8()..], &shown[a.len_utf8()..]);
            }
            _ => return false,
        }
    }
}

/// The fixed lines of a lost server.
const LOST: &str = "RETRY(1/5), RETRY(2/5), RETRY(3/5), RETRY(4/5), RETRY(5/5), DOWN, EX";

fn check(story: &str) {
    let mut world = World::new();
    let story = story.replace("LOST", LOST);
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        world.tell(line);
    }
    world.finish();
}

#[test]
fn s000_1_mail_waits_for_one_who_is_away() {
    check(
        "
        T x y z
        P x y z
        x> dereg
        x< BYE
        x:O
        x alive
        y< TBL
        z< TBL
        x!< TBL
        y> send x m1
        y< SAVED#1
        y!< NOACK(x), RCV(x)
        x!< MSG*
        z> send x m2
        z< SAVED#2
        z!< NOACK(x), RCV(x)
        x> reg
        x<< WB, OFF{D(y,m1,#1) D(z,m2,#2)}, TBL
        x:N
        y<< TBL, NOTIF(x,#1)
        z<< TBL, NOTIF(x,#2)
        y!<* NOTIF(x,#2)
        z!<* NOTIF(x,#1)
        x> exit
        x< BYE
        x$left
        y< TBL
        y> exit
        y$left
        z> exit
        z$left
        ",
    );
}

#[test]
fn s000_2_the_server_is_gone_and_chat_goes_on() {
    check(
        "
        T x y z
        stop
        y!> dereg
        y<< LOST
        y$serverunreachable
        y!< BYE
        x> send z m1
        x< RCV(z)
        z< MSG(x,m1)
        x!<* RETRY*, DOWN, NOACK(z)
        z> send x m2
        z< RCV(x)
        x< MSG(z,m2)
        z!<* RETRY*, DOWN, TBL
        ",
    );
}

#[test]
fn s000_3_group_and_direct_mail_for_one_who_is_away_in_a_group() {
    check(
        "
        T x y z a
        a> create_group g
        a< GOK(g)
        a:N
        a> join_group g
        a< GIN(g)
        a:G(g)
        z> join_group g
        y> join_group g
        x> join_group g
        x< GIN(g)
        x:G(g)
        a> dereg
        a< BYE
        a:O(g)
        x< TBL
        y< TBL
        z< TBL
        x> send_all w
        x< GACK#1
        y< GMSG(x,w)
        z< GMSG(x,w)
        x!<* GMSG(x,w)
        a!< GMSG(x,w)
        y> leave_group
        y< GOUT(g)
        y:N
        y> send a h
        y< SAVED#2
        y!< NOACK(a)
        a> reg
        a<< WB, OFF{G(x,w,#1) D(y,h,#2)}, TBL
        a:G(g)
        x<< TBL, NOTIF(a,#1)
        x:G(g)
        y<< TBL, NOTIF(a,#2)
        z< TBL
        z!<* NOTIF(a*
        ",
    );
}

#[test]
fn s000_4_a_notification_waits_for_its_sender() {
    check(
        "
        T x y z
        z> dereg
        z< BYE
        x< TBL
        y< TBL
        x> send z p
        x< SAVED#1
        x!< NOACK(z), RCV(z)
        y> send z q
        y< SAVED#2
        x> dereg
        x< BYE
        y< TBL
        z> reg
        z<< WB, OFF{D(x,p,#1) D(y,q,#2)}, TBL
        y<< TBL, NOTIF(z,#2)
        x!< TBL, NOTIF(z*
        x> reg
        x<< WB, OFF{N(z,#1)}, TBL
        y< TBL
        z< TBL
        z!<* NOTIF(x*
        ",
    );
}

#[test]
fn s001_1_a_final_leave_ends_the_program() {
    check(
        "
        T x y z
        P x y z
        x> exit
        x< BYE
        x$left
        y< TBL
        z< TBL
        y> send x p
        y< SAVED
        y!< RCV(x), NOACK(x)
        z> send x q
        z< SAVED
        z!< RCV(x), NOACK(x)
        kill y
        kill z
        ",
    );
}

#[test]
fn s001_3_a_private_message_is_held_until_the_group_is_left() {
    check(
        "
        T x y z a
        x> create_group roomA
        x< GOK(roomA)
        x> join_group roomA
        y> join_group roomA
        z> join_group roomA
        z< GIN(roomA)
        z:G(roomA)
        x> send_group m
        x< GACK
        y< GMSG(x,m)
        z< GMSG(x,m)
        a!<* GMSG(x,m)
        x!<* GMSG(x,m)
        a> send z p
        a< RCV(z)
        z!< MSG(a,p)
        a!< NOACK(z)
        z> leave_group
        z<< GOUT(roomA), MSG(a,p)
        z:N
        ",
    );
}

#[test]
fn s001_4_a_name_is_its_first_key_s() {
    check(
        "
        T x
        actor x2 as=x
        x2< REJ(x,true)
        x2$nametaken
        x!<* TBL
        x alive
        ",
    );
}

#[test]
fn s001_5_held_messages_are_shown_before_the_end() {
    check(
        "
        T x y
        x> create_group roomA
        x> join_group roomA
        x< GIN(roomA)
        y> send x p
        y< RCV(x)
        x!< MSG(y,p)
        x> exit
        x<< BYE, MSG(y,p)
        x$left
        y< TBL
        ",
    );
}

#[test]
fn s001_6_held_messages_are_shown_when_the_server_is_lost() {
    check(
        "
        T x y
        x> create_group roomA
        x> join_group roomA
        y> send x p1
        y< RCV(x)
        x!< MSG(y,p1)
        y> send x p2
        y< RCV(x)
        x!< MSG(y,p2)
        stop
        x!> send_group m
        x<< LOST, MSG(y,p1), MSG(y,p2), KEPT(1)
        x$serverunreachable
        x!< GACK
        y alive
        y!<* GMSG(x,m)
        ",
    );
}

#[test]
fn s001_7_group_commands_and_wrong_modes() {
    check(
        "
        T x
        x> create_group roomA
        x< GOK(roomA)
        x!> create_group roomA
        x< GDUP(roomA)
        x> create_group roomB
        x< GOK(roomB)
        x!> join_group roomC
        x< GNO(roomC)
        x:N
        x> join_group roomA
        x:G(roomA)
        x> send_group m1
        x< GACK
        actor y
        y<< WEL, TBL
        x< TBL
        y!<* GMSG(x,m1)
        y> list_groups
        y< GLIST{roomA roomB}
        y> join_group roomA
        y< GIN(roomA)
        y> send_group m2
        y< GACK
        x< GMSG(y,m2)
        y!> create_group roomD
        y< INV
        y!> list_groups
        y!> join_group roomB
        y!> send x q
        y:G(roomA)
        x!<* MSG(y,q)
        actor z
        z<< WEL, TBL
        z!> send_group r
        z< INV
        z!> list_members
        z!> leave_group
        z:N
        z> list_groups
        z< GLIST{roomA roomB}
        z> join_group roomA
        z> list_members
        z< MEM{x y z}
        z> send_group m3
        z< GACK
        x< GMSG(z,m3)
        y< GMSG(z,m3)
        z> exit
        z< BYE
        z$left
        x< TBL
        y> send_group m4
        y< GACK
        x< GMSG(y,m4)
        y> list_members
        y< MEM{x y}
        stop
        x!> send_group m5
        x<< LOST
        x$serverunreachable
        y!<* GMSG(x,m5)
        ",
    );
}

#[test]
fn s001_8_one_who_has_left_hears_nothing_more() {
    check(
        "
        T x y z
        x> create_group roomA
        x> join_group roomA
        y> join_group roomA
        z> join_group roomA
        x> send_group m1
        x< GACK
        y< GMSG(x,m1)
        z< GMSG(x,m1)
        z> leave_group
        z< GOUT(roomA)
        z:N
        y> send_group m2
        y< GACK
        x< GMSG(y,m2)
        z!<* GMSG(y,m2)
        ",
    );
}

#[test]
fn s002_3_everybody_and_a_direct_message_for_one_who_is_away() {
    check(
        "
        T x y z a
        a> dereg
        a< BYE
        x< TBL
        x> send_all w
        x< GACK#1
        y< GMSG(x,w)
        z< GMSG(x,w)
        x!<* GMSG(x,w)
        a!< GMSG(x,w)
        y> send a h
        y< SAVED#2
        y!< NOACK(a)
        a> reg
        a<< WB, OFF{G(x,w,#1) D(y,h,#2)}, TBL
        x<< TBL, NOTIF(a,#1)
        y< NOTIF(a,#2)
        z!<* NOTIF(a*
        ",
    );
}

#[test]
fn s002_4_both_away_and_the_notification_in_the_batch() {
    check(
        "
        T foo bar
        bar> dereg
        bar< BYE
        foo< TBL
        bar!< TBL
        foo> send bar hi
        foo< SAVED#1
        foo!< NOACK(bar)
        foo> dereg
        foo< BYE
        actor baz
        baz<< WEL, TBL
        foo!< TBL
        bar!< TBL
        baz> send_all w
        baz< GACK#2
        foo!< GMSG(baz,w)
        bar> reg
        bar<< WB, OFF{D(foo,hi,#1) G(baz,w,#2)}, TBL
        baz<< TBL, NOTIF(bar,#2)
        foo!< TBL
        foo> reg
        foo<< WB, OFF{G(baz,w,#2) N(bar,#1)}, TBL
        baz<< TBL, NOTIF(foo,#2)
        bar!<* NOTIF(foo*
        ",
    );
}

#[test]
fn s002_5_chat_without_a_server_until_each_needs_it() {
    check(
        "
        T foo bar baz
        foo> send_all a
        foo< GACK
        bar< GMSG(foo,a)
        baz< GMSG(foo,a)
        bar> send_all b
        foo< GMSG(bar,b)
        baz> send_all c
        bar< GMSG(baz,c)
        stop
        bar> send foo d
        bar< RCV(foo)
        foo< MSG(bar,d)
        bar> send baz e
        baz< MSG(bar,e)
        foo> send bar f
        bar< MSG(foo,f)
        baz!> send_all g
        baz<< LOST
        baz$serverunreachable
        baz!< GACK
        foo!<* GMSG(baz,g)
        bar> send foo h
        bar< RCV(foo)
        foo< MSG(bar,h)
        bar!< DOWN
        bar!> send baz i
        bar<< NOACK(baz), LOST
        bar$serverunreachable
        bar!< SAVED, RCV(baz)
        foo!> send bar j
        foo<< NOACK(bar), LOST
        foo$serverunreachable
        foo!< SAVED, RCV(bar)
        ",
    );
}

#[test]
fn s002_6_the_sender_of_stored_mail_leaves_silently() {
    check(
        "
        T foo bar baz
        foo> dereg
        foo< BYE
        bar< TBL
        baz> send_all p
        baz< GACK#1
        bar< GMSG(baz,p)
        kill baz
        bar!< TBL
        bar> send foo q
        bar< SAVED#2
        bar!< NOACK(foo)
        bar> send_all r
        bar< GACK#3
        bar< TBL
        foo> reg
        foo<< WB, OFF{G(baz,p,#1) D(bar,q,#2) G(bar,r,#3)}, TBL
        bar<< TBL, NOTIF(foo,#2)
        bar< NOTIF(foo,#3)
        bar!<* NOTIF(foo,#1)
        ",
    );
}

#[test]
fn s002_7_nobody_is_there() {
    check(
        "
        T foo bar
        kill foo
        kill bar
        actor baz
        baz<< WEL, TBL
        baz> send_all p
        baz< GACK, TBL
        baz> dereg
        baz< BYE
        actor wag
        wag<< WEL, TBL
        baz!< TBL
        wag> send baz m
        wag< SAVED#1
        wag!< NOACK(baz)
        kill wag
        baz> reg
        baz<< WB, OFF{D(wag,m,#1)}, TBL
        baz< TBL
        baz!<* NOTIF*, MSG(wag,m)
        ",
    );
}

#[test]
fn s003_2_peer_and_server_are_gone() {
    check(
        "
        T x y
        y> dereg
        y< BYE
        x< TBL
        stop
        x!> send y hi
        x<< LOST, KEPT(1)
        x$serverunreachable
        x!< SAVED, RCV(y), NOACK(y)
        y alive
        y!< MSG(x,hi)
        ",
    );
}

#[test]
fn s003_3_everybody_hears_it() {
    check(
        "
        T x y z
        x> send_all hi
        x< GACK
        y< GMSG(x,hi)
        z< GMSG(x,hi)
        x!<* GMSG(x,hi), NOTIF*
        ",
    );
}

#[test]
fn s004_4_a_broadcast_and_two_direct_messages_in_one_batch() {
    check(
        "
        T x y z
        x> dereg
        x< BYE
        y< TBL
        y> send_all g
        y< GACK#1
        z< GMSG(y,g)
        x!< GMSG(y,g)
        y> send x p
        y< SAVED#2
        z> send x q
        z< SAVED#3
        x> reg
        x<< WB, OFF{G(y,g,#1) D(y,p,#2) D(z,q,#3)}, TBL
        y<< TBL, NOTIF(x,#1)
        y< NOTIF(x,#2)
        z<< TBL, NOTIF(x,#3)
        ",
    );
}

#[test]
fn s004_5_three_away_each_with_its_own_mail() {
    check(
        "
        T x y z w
        x> dereg
        y> dereg
        y< BYE
        x!< TBL
        z> send x m1
        z< SAVED#1
        z> dereg
        z< BYE
        w> send_all g
        w< GACK#2
        w> send x m2
        w< SAVED#3
        w> send y m3
        w< SAVED#4
        x> reg
        x<< WB, OFF{D(z,m1,#1) G(w,g,#2) D(w,m2,#3)}, TBL
        w<< TBL, NOTIF(x,#2)
        w< NOTIF(x,#3)
        x!<* D(w,m3)
        y!< TBL
        y> reg
        y<< WB, OFF{G(w,g,#2) D(w,m3,#4)}, TBL
        w< NOTIF(y,#2), NOTIF(y,#4)
        y> send z m4
        y< SAVED#5
        y!< RCV(z)
        z> reg
        z<< WB, OFF{G(w,g,#2) N(x,#1) D(y,m4,#5)}, TBL
        w< NOTIF(z,#2)
        y< NOTIF(z,#5)
        x!<* NOTIF*
        ",
    );
}

#[test]
fn s004_6_a_message_to_oneself() {
    check(
        "
        T x
        x> send x m
        x< MSG(x,m)
        x!<* RCV(x), NOACK(x), SAVED
        ",
    );
}

#[test]
fn s004_8_a_name_in_use_is_refused() {
    check(
        "
        T x
        actor x2 as=x
        x2< REJ(x,true)
        x2$nametaken
        x2!< WEL
        x!<* TBL
        x alive
        ",
    );
}

#[test]
fn s004_10_with_stay_a_lost_server_ends_nothing() {
    check(
        "
        server
        actor x stay
        x<< WEL, TBL
        actor y
        x< TBL
        stop
        x!> send_all m
        x<< RETRY(1/5), RETRY(2/5), RETRY(3/5), RETRY(4/5), RETRY(5/5), DOWN
        x!< EX, GACK
        x alive
        server
        pass 2000
        x<< WB, TBL
        x< GACK#1
        pass 23000
        y<< OFF{G(x,m,#1)}, TBL
        x> send y k
        x< RCV(y)
        y< MSG(x,k)
        ",
    );
}

#[test]
fn s004_11_a_silent_leave_is_found_by_a_direct_message() {
    check(
        "
        T x y
        pass 100
        kill y
        x!< TBL
        x> send y m
        x<< NOACK(y), TBL, SAVED#1
        x!< RETRY*, RCV(y)
        actor y
        y<< WEL, OFF{D(x,m,#1)}, TBL
        x< NOTIF(y,#1)
        ",
    );
}

#[test]
fn s004_12_a_silent_leave_of_one_who_is_not_concerned() {
    check(
        "
        T x y z
        kill x
        y> send z m
        y< RCV(z)
        z< MSG(y,m)
        y!< NOACK(z), TBL
        z!< TBL
        ",
    );
}

// What no seed tells.

#[test]
fn a_message_that_cannot_go_directly_is_saved_and_the_next_are_relayed() {
    check(
        "
        T x y
        no direct
        x> send y m1
        x<< NOACK(y), RCV(y)
        y< MSG(x,m1)
        x> send y m2
        x< RCV(y)
        x!< NOACK(y)
        y< MSG(x,m2)
        pass 1000
        x> send y m3
        x< RCV(y)
        x!< NOACK(y), SAVED
        y< MSG(x,m3)~relay
        y> send x back
        y!< NOACK(x)
        ",
    );
}

#[test]
fn held_messages_survive_a_crash() {
    check(
        "
        T x y
        x> create_group g
        x> join_group g
        y> send x p
        y< RCV(x)
        x!< MSG(y,p)
        kill x
        actor x
        x<< WEL, GIN(g), MSG(y,p), TBL
        x:G(g)
        ",
    );
}

#[test]
fn what_stays_in_the_outbox_is_offered_at_the_next_login() {
    check(
        "
        T x y
        y> dereg
        x< TBL
        stop
        x!> send y m
        x<< LOST, KEPT(1)
        server
        actor x
        x<< WEL, TBL, SAVED#1
        y> reg
        y<< WB, OFF{D(x,m,#1)}, TBL
        x< NOTIF(y,#1)
        ",
    );
}

#[test]
fn an_old_copy_of_the_store_that_grew_again_is_noticed() {
    let mut world = World::new();
    let tell = |world: &mut World, story: &str| story.lines().for_each(|line| world.tell(line));
    tell(&mut world, "T x y\ny> dereg\nx< TBL");
    let copy = world.disk.clone();
    tell(&mut world, "x> send y m\nx< SAVED#1\nkill x\nkill y\nstop");
    world.disk = copy;
    // Its versions go on beyond what x has heard of, and say nothing else of anybody.
    tell(
        &mut world,
        "server\nactor y\ny> dereg\ny> reg\ny> dereg\ny> reg",
    );
    tell(&mut world, "actor x\ny< MSG(x,m)");
    world.finish();
}

#[test]
fn a_restarted_server_finds_its_clients_again() {
    check(
        "
        T x y
        stop
        server
        x> send_all m
        x< GACK
        x!< WEL, WB, RETRY*
        y< GMSG(x,m)
        y!<* WB
        x> dereg
        x< BYE
        x> reg
        x<< WB, TBL
        ",
    );
}

#[test]
fn exit_while_away_says_nothing() {
    check(
        "
        T x
        x> dereg
        x> exit
        x$left
        x!< BYE, WB, TBL
        ",
    );
    check(
        "
        T x
        x> dereg
        stop
        x> exit
        x$left
        x!< BYE, RETRY*, DOWN
        ",
    );
}

#[test]
fn nobody_of_this_name_is_said_at_once() {
    check(
        "
        T x
        x!> send nobody m
        x< NOUSER
        x!> reg
        x< INV
        x> dereg
        x!> send x m
        x< INV
        ",
    );
}

#[test]
fn a_changed_key_stops_messages_until_it_is_trusted() {
    check(
        "
        T x y
        x> send y m1
        x<< NEWKEY, RCV(y)
        kill y
        release y
        actor y2 as=y
        y2<< WEL, TBL
        pass 100
        x!> send y m2
        x< FAILED(y,Some(KeyChanged))
        y2!<* MSG(x,m2)
        x!> trust y x
        x> trust y y2
        x< TRUSTED
        x> send y m3
        x< RCV(y)
        y2< MSG(x,m3)
        ",
    );
}

#[test]
fn nothing_is_sent_or_confirmed_that_is_not_on_disk() {
    check(
        "
        T x y
        P x y
        disk full x
        x!> send y m1
        x< ERR(Disk)
        disk free x
        disk full y
        x> send y m2
        x<< NOACK(y), SAVED#1
        y!< MSG(x,m2)
        disk free y
        pass 12000
        y< MSG(x,m2)
        x< NOTIF(y,#1)
        x> send y m3
        y< MSG(x,m3)
        ",
    );
}

#[test]
fn a_pinned_server_with_another_key_stops_the_client() {
    let mut world = World::new();
    world.tell("T x");
    world.tell("kill x");
    world.tell("stop");
    world.server_seed = [2; 32];
    world.tell("server");
    world.tell("actor x");
    world.tell("x<< KEYCHANGED");
    world.tell("x$serverkeychanged");
    world.finish();
}

#[test]
fn the_table_is_a_copy_of_the_server_s() {
    let mut world = World::new();
    for line in [
        "T x y z", "y> dereg", "z> exit", "kill x", "actor x", "y> reg",
    ] {
        world.tell(line);
    }
    world.run(Duration::from_secs(1));
    let digest = world.server.as_ref().unwrap().digest();
    for name in ["x", "y"] {
        assert_eq!(world.actors[name].client.digest(), digest, "{name}");
    }
}

/// Sends `count` messages of `bytes` bytes at once and expects each to be shown once, in order.
fn flow(count: usize, bytes: usize, lose: u64) -> World {
    let mut world = World::new();
    world.tell("T x y");
    world.lose_percent = lose;
    let text = |n: usize| format!("{n:06}{}", "x".repeat(bytes));
    let now = at(world.now);
    let actor = world.actors.get_mut("x").unwrap();
    let requests: Vec<RequestId> = (0..count)
        .map(|n| {
            let to = "y".parse().unwrap();
            let text = text(n).parse().unwrap();
            let auto = false;
            actor.client.handle_request(
                now,
                Request::Send {
                    to,
                    text,
                    auto,
                    id: None,
                },
            )
        })
        .collect();
    let all = |w: &mut World| {
        requests
            .iter()
            .all(|r| w.actors["x"].settled.contains_key(&(0, *r)))
    };
    assert!(
        world.until(Duration::from_mins(2), all),
        "no outcome for some"
    );
    let shown = |w: &mut World| {
        let log = &w.actors["y"].log;
        log.iter().filter(|(_, t)| t.starts_with("MSG")).count() >= count
    };
    assert!(world.until(Duration::from_mins(1), shown), "not all shown");
    world.run(Duration::from_secs(10));
    let said: Vec<&str> = world.actors["y"]
        .log
        .iter()
        .filter_map(|(_, token)| token.strip_prefix("MSG(x,"))
        .collect();
    assert_eq!(said.len(), count, "each is shown once");
    let mut last = None;
    for line in said {
        let number: usize = line[..6].parse().unwrap();
        let marked = line.contains('?');
        assert!(marked || last < Some(number), "{number} after {last:?}");
        last = last.max(Some(number));
    }
    assert_eq!(world.actors["x"].client.outbox_count(), 0);
    world
}

#[test]
fn many_messages_at_once_arrive_in_order() {
    let world = flow(1000, 20, 0);
    assert!(
        world.actors["x"]
            .log
            .iter()
            .all(|(_, t)| !t.contains("NOACK"))
    );
}

#[test]
fn long_texts_arrive_whole() {
    flow(20, 65_000, 0);
}

#[test]
fn a_bad_network_loses_nothing_and_shows_nothing_twice() {
    for percent in [10, 30] {
        let world = flow(60, 200, percent);
        assert!(world.lost > 0, "something was lost");
    }
    flow(5, 65_000, 30);
}

/// One direct message of a storm.
#[derive(Debug)]
struct Said {
    from: &'static str,
    to: &'static str,
    text: String,
    request: (u64, RequestId),
}

/// Random people say random things over a bad network while programs and the server die; then all
/// is healed, and everything that was promised must be so.
fn storm(seed: u64) {
    let mut world = World::new();
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    world.ratchet = Ratchet::new(key);
    format!("seed {seed}").clone_into(&mut world.line);
    world.start_server();
    let names = ["w", "x", "y", "z"];
    for name in names {
        world.start_actor(name, None, &["stay"]);
    }
    world.lose_percent = world.ratchet.below(40);
    let mut said: Vec<Said> = Vec::new();
    for turn in 0..80 {
        let name = names[usize::try_from(world.ratchet.below(4)).unwrap()];
        let other = names[usize::try_from(world.ratchet.below(4)).unwrap()];
        let text = format!("t{turn}");
        let now = at(world.now);
        let auto = false;
        match world.ratchet.below(40) {
            0 => {
                world.server = None;
                world.disk.reopen();
                world.run(Duration::from_millis(300));
                world.start_server();
            }
            1 => world.restart_soon(name),
            2 => world.ask(name, Request::Dereg),
            3..6 => world.ask(name, Request::Reg),
            6..9 => {
                let text = text.parse().unwrap();
                world.ask(name, Request::SendAll { text, auto });
            }
            _ if name != other => {
                let to = other.parse().unwrap();
                let actor = world.actors.get_mut(name).unwrap();
                let words = text.parse().unwrap();
                let request = Request::Send {
                    to,
                    text: words,
                    auto,
                    id: None,
                };
                if actor.running {
                    let request = actor.client.handle_request(now, request);
                    said.push(Said {
                        from: name,
                        to: other,
                        text,
                        request: (actor.life, request),
                    });
                }
            }
            _ => {}
        }
        let pause = world.ratchet.below(800);
        world.run(Duration::from_millis(pause));
    }
    world.lose_percent = 0;
    for name in names {
        if !world.actors[name].running {
            world.restart_soon(name);
        }
    }
    world.run(Duration::from_secs(40));
    for name in names {
        world.ask(name, Request::Reg);
    }
    world.run(Duration::from_mins(1));
    world.judge(&said);
}

impl World {
    fn ask(&mut self, name: &str, request: Request) {
        let now = at(self.now);
        let actor = self.actors.get_mut(name).unwrap();
        if actor.running {
            actor.client.handle_request(now, request);
        }
    }

    /// The program dies and is started anew, with what its disk kept.
    fn restart_soon(&mut self, name: &str) {
        self.actors.get_mut(name).unwrap().running = false;
        let log = std::mem::take(&mut self.actors.get_mut(name).unwrap().log);
        let settled = std::mem::take(&mut self.actors.get_mut(name).unwrap().settled);
        self.begin_actor(name, None, &["stay"]);
        let actor = self.actors.get_mut(name).unwrap();
        let later = std::mem::take(&mut actor.log);
        actor.log = log;
        actor.log.push((self.now, "START".to_owned()));
        actor.log.extend(later);
        actor.settled.extend(settled);
    }

    fn judge(&self, said: &[Said]) {
        let digest = self.server.as_ref().unwrap().digest();
        for (name, actor) in &self.actors {
            if !actor.running {
                continue;
            }
            let line = &self.line;
            assert_eq!(
                actor.client.outbox_count(),
                0,
                "{line} {name}\n{}",
                self.story()
            );
            assert_eq!(actor.client.digest(), digest, "{line} {name}");
        }
        let shown = |name: &str, from: &str, text: &str| {
            let direct = format!("MSG({from},{text})");
            let late = format!("D({from},{text},");
            let times = self.actors[name].log.iter().map(|(_, token)| {
                usize::from(token.starts_with(&direct) && !token.contains("?again"))
                    + token.matches(&late).count()
            });
            times.sum::<usize>()
        };
        let waiting = self.disk.waiting();
        let mut promised = 0;
        for said in said {
            let how = self.actors[said.from].settled.get(&said.request);
            let again = format!("MSG({},{})?again", said.from, said.text);
            let log = &self.actors[said.to].log;
            // What was on disk and not shown when a program died is shown with that mark.
            let count = match shown(said.to, said.from, &said.text) {
                0 => log.iter().filter(|(_, token)| *token == again).count(),
                count => count,
            };
            let sure = matches!(how, Some(Ok(()) | Err(RequestError::ServerUnreachable)));
            promised += usize::from(sure);
            assert!(
                count == 1 || count == 0 && !sure,
                "{}: {} times, {how:?}: {said:?}\n{}",
                self.line,
                count,
                self.story()
            );
        }
        assert!(
            promised > 10,
            "{}: only {promised} were promised",
            self.line
        );
        assert!(
            waiting.is_empty(),
            "{}: {waiting:?}\n{}",
            self.line,
            self.story()
        );
        for (name, actor) in &self.actors {
            let saved = actor.disk.outbox();
            assert!(
                saved.is_empty(),
                "{} {name}: {saved:?}\n{}",
                self.line,
                self.story()
            );
        }
    }
}

#[test]
fn after_a_storm_everything_is_as_promised() {
    let seeds = std::env::var("ACKCHAT_SEED").map_or(0..10, |seed| {
        let seed = seed.parse().unwrap();
        seed..seed + 1
    });
    for seed in seeds {
        storm(seed);
    }
}
