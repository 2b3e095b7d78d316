//! Commands as people meet them: the manual is what the registry says, every example shows what it
//! promises, and small stories are told with real shells, a real server and no fault in between.

use ackchat::client::{Arrivals, Client, Config, GroupPrivate};
use ackchat::memory::{ClientMemory, ServerMemory};
use ackchat::model::{Instant, Now, Store as _, Wall};
use ackchat::secure::{Identity, Ratchet};
use ackchat::server::{self, Server};
use ackchat::shell::command::Recording;
use ackchat::shell::external::Chore;
use ackchat::shell::{
    Exit, LineId, OnFailure, Outcome, Output, Registry, Settings, Shell, Style, manual,
};
use ackchat::wire::datagram::Transmit;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::{env, fs, path::Path};

#[test]
fn the_manual_of_commands_is_what_the_registry_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let manual = manual::markdown(&Registry::builtin());
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &manual).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, manual,
        "docs/commands.md is old: UPDATE=1 cargo test --test commands"
    );
}

#[test]
fn every_command_of_the_manual_has_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shell/commands");
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned()))
        .filter(|name| name != "mod")
        .collect();
    names.sort();
    let registry = Registry::builtin();
    let mut commands: Vec<&str> = registry.commands().iter().map(|c| &*c.name).collect();
    commands.sort_unstable();
    assert_eq!(names, commands);
}

/// What has to be done before an example works.
fn before(example: &str) -> &'static [&'static str] {
    match example {
        "reg" => &["dereg"],
        "send_group hello, all" | "open #lounge" | "list_members" | "leave_group" => {
            &["create_group lounge", "join_group lounge"]
        }
        "join_group lounge" | "list_groups" => &["create_group lounge"],
        "history #lounge 5" => &[
            "create_group lounge",
            "join_group lounge",
            "send_group hello, all",
        ],
        "history bob" | "log 100" | "verify bob" => &["send bob hello"],
        _ => &[],
    }
}

#[test]
fn every_example_shows_what_it_promises() {
    for command in Registry::builtin().commands() {
        // A key, or an id, of an example is made up; what they do is told elsewhere.
        let made_up = ["cancel", "trust"].contains(&&*command.name);
        for example in command.examples.iter().filter(|_| !made_up) {
            let mut world = World::new();
            world.join("bob", SETTINGS, &[]);
            world.join("alice", SETTINGS, &[]);
            for line in before(&example.line) {
                world.types("alice", line);
            }
            world.types("alice", &example.line);
            let alice = world.person("alice");
            assert!(
                matches!(alice.last, Some(Outcome::Done(_))),
                "{}",
                example.line
            );
            let shown: Vec<&str> = alice.step().collect();
            let promised = example.shows.trim_end_matches("DIGITS]");
            let kept = if promised.is_empty() {
                shown.is_empty()
            } else {
                shown.iter().any(|line| line.starts_with(promised))
            };
            assert!(kept, "{}: {shown:?}", example.line);
        }
    }
}

#[test]
fn people_talk_go_away_find_their_mail_and_come_back() {
    story(
        SETTINGS,
        "
        alice> send bob  hi there
        alice< [Message received by bob.]
        bob<   alice: hi there
        alice> send ALICE to me
        alice< alice: to me
        alice> send nobody x
        alice< [User does not exist.]
        alice> send bbo x
        alice<   did you mean bob?
        bob>   dereg alice
        bob<   [Invalid name for de-registration, should be bob.]
        bob>   dereg bob
        bob<   [You are offline. Bye.]
        alice< [Client table updated.]
        bob>   send alice x
        bob<   [Invalid command!]
        alice> send bob one
        alice< [Offline message sent at TS received by the server and saved.]
        alice> send_all two
        alice< [Group message received by server.]
        alice> table bob
        alice< [bob - away]
        bob>   reg
        bob<   [Welcome back!]
        bob<   [You have offline messages:]
        bob<   alice: TS one
        bob<   Group Chat alice: TS two
        bob<   [Client table updated.]
        alice< [Client table updated.]
        alice< [Offline Message sent at TS received by bob.]
        alice< [Offline Message sent at TS received by bob.]
        alice> exit
        alice< [You are offline. Bye.]
        alice$ 0
        ",
    );
}

#[test]
fn a_group_is_a_mode_and_private_messages_wait_until_it_is_left() {
    story(
        SETTINGS,
        "
        alice> list_groups
        alice< [No available group right now.]
        alice> create_group lounge
        alice< [Group lounge created by Server.]
        bob>   create_group lounge
        bob<   [Group lounge already exists.]
        bob>   create_group a;b
        bob<   [Group name should not contain ';'. Try again.]
        bob>   join_group lunge
        bob<   [Group lunge does not exist.]
        bob<     did you mean lounge?
        bob>   list_groups
        bob<   [Available Group Chats:]
        bob<   lounge
        alice> join_group #lounge
        alice< [Entered group lounge successfully.]
        alice: >>> (lounge) 
        alice> send_group alone
        alice< [Group message received by server.]
        bob>   join lounge
        bob<   [Entered group lounge successfully.]
        bob>   say hello
        bob<   [Group message received by server.]
        alice< [Group Message bob: hello]
        alice> list_members
        alice< [Members in the group lounge:]
        alice< [alice]
        alice< [bob]
        bob>   leave_group
        bob<   [Leave group chat lounge.]
        bob:   >>> 
        bob>   send alice psst
        bob<   [Message received by alice.]
        alice!< alice: psst
        alice> leave_group
        alice< [Leave group chat lounge.]
        alice< bob: psst
        ",
    );
}

#[test]
fn a_conversation_makes_lines_messages_and_ends_with_its_mode() {
    story(
        SETTINGS,
        "
        alice> open bob
        alice: >>> bob: 
        alice> exit, he said
        bob<   alice: exit, he said
        alice> //away
        bob<   alice: /away
        alice> /create_group g
        alice< [Group g created by Server.]
        alice> /join_group g
        alice: >>> (g) 
        alice> hello?
        alice< [Invalid command!]
        alice> open #g
        alice: >>> (g): 
        alice> alone here
        alice< [Group message received by server.]
        alice> /leave
        alice: >>> 
        alice> open bob
        alice> /dereg
        alice: >>> 
        ",
    );
}

#[test]
fn a_lost_server_ends_the_program_but_not_what_two_people_say() {
    story(
        SETTINGS,
        "
        alice> send bob before
        stop
        alice> send bob after
        alice< [Message received by bob.]
        alice> dereg
        alice< [Message sent! 1 times. Retrying...]
        alice< [Message sent! 5 times. Retrying...]
        alice< [Server not responding.]
        alice< [Exiting...]
        alice$ 4
        ",
    );
}

#[test]
fn a_dereg_may_be_a_farewell_and_notices_may_be_plain() {
    let settings = Settings {
        exit_on_dereg: true,
        style: Style::Plain,
        show_table: true,
        ..SETTINGS
    };
    story(
        settings,
        "
        bob>   dereg
        bob<   You are offline. Bye
        bob$   0
        alice< Client table updated
        alice< Client table:
        alice< bob - offline
        ",
    );
}

#[test]
fn a_pipe_ends_at_its_first_failure_and_a_person_does_not() {
    let lines = [
        "send bob one",
        "send nobody two",
        "join_group none",
        "send bob three",
    ];
    for (on_failure, exit, said) in [
        (OnFailure::End, 7, &["alice: one"][..]),
        (OnFailure::GoOn, 7, &["alice: one", "alice: three"]),
        (OnFailure::Show, 0, &["alice: one", "alice: three"]),
    ] {
        let mut world = World::new();
        world.join("bob", SETTINGS, &[]);
        world.join(
            "alice",
            Settings {
                on_failure,
                ..SETTINGS
            },
            &lines,
        );
        let alice = world.person("alice");
        assert_eq!(alice.left.map(Exit::code), Some(exit), "{on_failure:?}");
        assert_eq!(
            alice.outcomes.len(),
            1 + lines.len(),
            "every line has its outcome"
        );
        let bob = &world.person("bob").screen;
        let heard: Vec<&str> = bob.iter().map(String::as_str).collect();
        let heard: Vec<&str> = heard
            .into_iter()
            .filter(|l| l.starts_with("alice: "))
            .collect();
        assert_eq!(heard, said, "{on_failure:?}");
    }
}

#[test]
fn a_changed_key_stops_the_message_and_is_told_once() {
    let mut world = World::new();
    world.join("alice", SETTINGS, &[]);
    world.join("bob", SETTINGS, &[]);
    world.types("alice", "send bob hello");
    let disk = world.person("alice").disk.clone();
    // The same server and the same alice; another holds the name of bob.
    let mut world = World::new();
    world.join_again("alice", disk);
    world.join("zoe", SETTINGS, &[]);
    world.join("bob", SETTINGS, &[]);
    world.types("alice", "send bob hello again");
    let alice = world.person("alice");
    let told = alice
        .step()
        .filter(|line| line.contains("KEY OF bob CHANGED"));
    assert_eq!(told.count(), 1, "{:?}", alice.screen);
    assert!(
        !alice
            .screen
            .iter()
            .any(|line| line.contains("received by bob"))
    );
}

#[test]
fn lines_typed_ahead_mean_what_the_mode_will_be() {
    let lines = [
        "create_group g",
        "join_group g",
        "list_members",
        "leave_group",
        "dereg",
        "reg",
        "exit",
        "send bob too late",
    ];
    let mut world = World::new();
    world.join("alice", SETTINGS, &lines);
    let alice = world.person("alice");
    assert_eq!(alice.left, Some(Exit::Done), "{:?}", alice.screen);
    let failed: Vec<u64> = alice
        .outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Failed { .. }))
        .map(|(line, _)| line.0)
        .collect();
    assert_eq!(
        failed,
        [1 + 8],
        "only the last one fails: {:?}",
        alice.screen
    );
}

#[test]
fn what_was_said_is_remembered_found_and_written_down() {
    story(
        SETTINGS,
        "
        alice> send bob deploy at five?
        bob<   alice: deploy at five?
        bob>   send alice no, deploying NOW
        alice< bob: no, deploying NOW
        alice> history
        alice< [History:]
        alice< TS alice to bob: deploy at five?
        alice< TS bob: no, deploying NOW
        bob>   history alice 1
        bob<   [History of alice:]
        bob<   TS bob to alice: no, deploying NOW
        bob!<  TS alice: deploy at five?
        bob>   log 1
        bob<   [History:]
        bob>   history nobody
        bob<   [No history of nobody.]
        bob>   history alice 0
        bob<   [Usage: history [NAME|#GROUP] [COUNT]]
        alice> grep DEPLOY now
        alice< [Messages found:]
        alice< TS bob: no, deploying NOW
        alice> create_group g
        alice> join_group g
        alice> send_group to all of us
        alice> history #g
        alice< [History of #g:]
        alice< TS alice to #g: to all of us
        bob>   send alice psst
        alice> unread
        alice< [Unread messages:]
        alice< bob: 1
        alice> history bob 1
        alice< TS bob: psst
        alice> unread
        alice< [No unread messages.]
        bob>   send alice and again
        alice> unread
        alice< bob: 1
        alice> leave_group
        alice< bob: psst
        alice> unread
        alice< [No unread messages.]
        bob>   dereg
        alice> send bob later
        alice> outbox
        alice< [Outbox:]
        bob>   reg
        alice> outbox
        alice< [The outbox is empty.]
        alice> export bob talk.pdf
        alice< [Not a kind of file that can be written.]
        alice> export bob talk one.json
        alice< [5 messages written to talk one.json.]
        alice> export bob talk one.json
        alice< [Cannot write talk one.json: it exists.]
        ",
    );
}

#[test]
fn an_export_is_exact_for_programs_and_clean_for_people() {
    let mut world = World::new();
    world.join("bob", SETTINGS, &[]);
    world.join("alice", SETTINGS, &[]);
    world.types("alice", "send bob \u{1b}[31mred \"quoted\"");
    world.types("alice", "export bob a.txt");
    world.types("alice", "export bob a.json");
    let files = &world.person("alice").files;
    let text = mask(files["a.txt"].trim_end());
    assert_eq!(text, "TS alice to bob: \u{241b}[31mred \"quoted\"");
    let json = &files["a.json"];
    let rest = r#"","state":"acked","talk":"bob","text":"\u001b[31mred \"quoted\""}"#;
    assert!(
        json.starts_with(r#"{"at":1763670008000,"from":"alice","id":""#),
        "{json}"
    );
    assert!(json.trim_end().ends_with(rest), "{json}");
}

#[test]
fn a_message_that_nobody_confirmed_can_be_given_up() {
    let mut world = World::new();
    world.join("bob", SETTINGS, &[]);
    world.types("bob", "dereg");
    world.join("alice", SETTINGS, &[]);
    world.types("alice", "send bob kept");
    world.server = None;
    let now = world.now;
    let alice = world.person_mut("alice");
    let send = alice.shell.handle_line(now, "send bob never mind");
    world.pass(100);
    let now = world.now;
    let alice = world.person_mut("alice");
    let outbox = alice.shell.handle_line(now, "outbox");
    world.pass(100);
    let alice = world.person("alice");
    assert!(matches!(alice.outcomes[&outbox], Outcome::Done(_)));
    let id_of = |end: &str| {
        let line = alice.screen.iter().find(|line| line.ends_with(end));
        line.expect("it is in the outbox")[..8].to_owned()
    };
    let (kept, given_up) = (id_of(": kept"), id_of(": never mind"));
    let saved = format!("{kept} saved, TS alice to bob: kept");
    assert!(alice.screen.contains(&saved), "{:?}", alice.screen);
    let now = world.now;
    let mut lines = Vec::new();
    for digits in [&kept, &given_up, &given_up, "00000000"] {
        let alice = world.person_mut("alice");
        lines.push(alice.shell.handle_line(now, &format!("cancel {digits}")));
    }
    world.pass(100);
    let alice = world.person("alice");
    let code = |line: &LineId| match &alice.outcomes[line] {
        Outcome::Failed { code, .. } => *code,
        Outcome::Done(_) => "done",
    };
    let codes: Vec<&str> = lines.iter().map(code).collect();
    assert_eq!(codes, ["refused", "done", "refused", "refused"]);
    assert_eq!(code(&send), "cancelled");
    let failed = "[Message to bob failed: cancelled, it may have arrived.]";
    let times = alice.screen.iter().filter(|line| *line == failed).count();
    assert_eq!(times, 1, "{:?}", alice.screen);
    world.pass(4_000);
    let alice = world.person("alice");
    assert_eq!(
        alice.left, None,
        "nobody waits for the server: {:?}",
        alice.screen
    );
}

const SETTINGS: Settings = Settings {
    exit_on_dereg: false,
    group_private: GroupPrivate::Refuse,
    show_table: false,
    style: Style::Bracket,
    on_failure: OnFailure::Show,
};

/// Tells a story of alice and bob: `NAME> line`, `NAME< shown`, `NAME!< not shown`, `NAME: prompt`,
/// `NAME$ exit`, `stop` (of the server). What is shown is looked for since that person's last line
/// or expectation, in order; TS stands for any time.
fn story(settings: Settings, story: &str) {
    let mut world = World::new();
    world.join("bob", settings, &[]);
    world.join("alice", settings, &[]);
    for step in story
        .lines()
        .map(str::trim_start)
        .filter(|step| !step.is_empty())
    {
        if step == "stop" {
            world.server = None;
            continue;
        }
        let (label, body) = step.split_once(' ').unwrap_or((step, ""));
        let at = label
            .find(|c: char| !c.is_alphabetic())
            .expect("a step has a sign");
        let (name, sign) = label.split_at(at);
        let body = match sign {
            // The signs are aligned for two names.
            "<" if name == "bob" => body.strip_prefix("  ").unwrap_or(body),
            "<" => body,
            _ => body.trim_start(),
        };
        match sign {
            ">" => world.types(name, body),
            "<" => world.person_mut(name).sees(body),
            "!<" => assert!(
                !world.person(name).step().any(|line| line == body),
                "{step}"
            ),
            ":" => assert_eq!(world.person(name).shell.prompt(), body, "{step}"),
            "$" => {
                let left = world.person(name).left.map(|exit| exit.code().to_string());
                assert_eq!(left.as_deref(), Some(body), "{step}");
            }
            _ => panic!("no such step: {step}"),
        }
    }
}

/// A server, people and the wires between them; nothing is lost, nothing takes time but slots.
struct World {
    now: Now,
    server: Option<Server>,
    disk: ServerMemory,
    people: Vec<Person>,
    wires: VecDeque<(SocketAddr, Transmit)>,
}

struct Person {
    name: String,
    address: SocketAddr,
    shell: Shell,
    disk: ClientMemory,
    screen: Vec<String>,
    files: BTreeMap<String, String>,
    /// Where the screen stood at the last line or expectation.
    seen: usize,
    outcomes: BTreeMap<LineId, Outcome>,
    last: Option<Outcome>,
    left: Option<Exit>,
}

impl World {
    fn new() -> Self {
        let config = server::Config::new(9);
        let identity = Arc::new(Identity::from_seed([1; 32]));
        Self {
            now: Now {
                instant: Instant(1_000_000),
                wall: Wall {
                    unix_ms: 1_763_670_000_000,
                    offset_s: 3600,
                },
            },
            server: Some(Server::new(config, identity, Ratchet::new([2; 32]))),
            disk: ServerMemory::new(9),
            people: Vec::new(),
            wires: VecDeque::new(),
        }
    }

    fn server_address() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 2475))
    }

    /// Starts a shell; with lines, they and the end of input follow at once.
    fn join(&mut self, name: &str, settings: Settings, lines: &[&str]) {
        let number = u32::try_from(self.people.len()).expect("at most 255 people");
        self.join_on(ClientMemory::new(20 + number), name, settings, lines);
    }

    /// Starts a shell that has been here before.
    fn join_again(&mut self, name: &str, disk: ClientMemory) {
        self.join_on(disk, name, SETTINGS, &[]);
    }

    fn join_on(&mut self, disk: ClientMemory, name: &str, settings: Settings, lines: &[&str]) {
        let number = u8::try_from(self.people.len()).expect("at most 255 people");
        let config = Config {
            name: name.parse().expect("names of stories are valid"),
            server: Self::server_address(),
            server_key: None,
            group_private: settings.group_private,
            stay: false,
            relay: true,
            trace: false,
            arrivals: Arrivals::Take,
        };
        let identity = Arc::new(Identity::from_seed([10 + number; 32]));
        let client = Client::new(config, identity, Ratchet::new([100 + number; 32]));
        let mut shell = Shell::new(settings, client).with_programs(Vec::new());
        shell.start(self.now);
        for line in lines {
            shell.handle_line(self.now, line);
        }
        if !lines.is_empty() {
            shell.handle_end(self.now);
        }
        self.people.push(Person {
            name: name.to_owned(),
            address: SocketAddr::from(([127, 0, 0, 1], 5000 + u16::from(number))),
            shell,
            disk,
            screen: Vec::new(),
            files: BTreeMap::new(),
            seen: 0,
            outcomes: BTreeMap::new(),
            last: None,
            left: None,
        });
        self.pass(4_000);
    }

    /// Enters a line and lets time pass until it has its outcome and all is quiet.
    fn types(&mut self, name: &str, line: &str) {
        let now = self.now;
        for person in &mut self.people {
            person.seen = person.screen.len();
        }
        let person = self.person_mut(name);
        let id = person.shell.handle_line(now, line);
        self.pass(4_000);
        let person = self.person_mut(name);
        person.last = person.outcomes.get(&id).cloned();
        assert!(person.last.is_some(), "{name}> {line}: no outcome");
        assert!(person.left.is_some() || !person.shell.is_busy());
    }

    fn person(&self, name: &str) -> &Person {
        self.people
            .iter()
            .find(|person| person.name == name)
            .expect("the person has joined")
    }

    fn person_mut(&mut self, name: &str) -> &mut Person {
        self.people
            .iter_mut()
            .find(|person| person.name == name)
            .expect("the person has joined")
    }

    fn pass(&mut self, milliseconds: u64) {
        let end = self.now.instant.0 + milliseconds * 1000;
        for _ in 0..100_000 {
            self.drain();
            let server = self.server.as_ref().and_then(Server::deadline);
            let shells = self
                .people
                .iter()
                .filter_map(|person| person.shell.deadline());
            let next = shells
                .chain(server)
                .min()
                .map_or(end, |next| next.0.min(end));
            let past = next.saturating_sub(self.now.instant.0);
            self.now.instant.0 += past;
            self.now.wall.unix_ms += i64::try_from(past / 1000).expect("milliseconds fit");
            if next >= end {
                return;
            }
            if let Some(server) = &mut self.server {
                server.handle_timeout(self.now);
            }
            for person in &mut self.people {
                person.shell.handle_timeout(self.now);
            }
        }
        panic!("time does not pass");
    }

    /// Does everything that is to be done now.
    fn drain(&mut self) {
        loop {
            let mut quiet = true;
            for person in &mut self.people {
                quiet &= !person.turn(self.now, &mut self.wires);
            }
            quiet &= !self.turn_server();
            let Some((from, Transmit { to, datagram })) = self.wires.pop_front() else {
                if quiet {
                    return;
                }
                continue;
            };
            if to == Self::server_address() {
                if let Some(server) = &mut self.server {
                    server.handle_datagram(self.now, from, &datagram);
                }
            } else if let Some(person) = self.people.iter_mut().find(|p| p.address == to) {
                person.shell.handle_datagram(self.now, from, &datagram);
            }
        }
    }

    fn turn_server(&mut self) -> bool {
        let Some(server) = &mut self.server else {
            return false;
        };
        let mut busy = false;
        while let Some(output) = server.poll_output() {
            busy = true;
            match output {
                server::Output::Store(ticket, request) => {
                    self.disk
                        .submit(ticket, request)
                        .expect("the queue of the model is long");
                }
                server::Output::Transmit(transmit) => {
                    self.wires.push_back((Self::server_address(), transmit));
                }
                server::Output::Event(_) | server::Output::Trace(_) => {}
            }
        }
        self.disk.flush();
        while let Some(event) = self.disk.poll() {
            busy = true;
            server.handle_store(self.now, event);
        }
        busy
    }
}

impl Person {
    fn turn(&mut self, now: Now, wires: &mut VecDeque<(SocketAddr, Transmit)>) -> bool {
        let mut busy = false;
        let mut shown = 0;
        while let Some(output) = self.shell.poll_output() {
            busy = true;
            assert!(self.left.is_none(), "nothing follows the end");
            match output {
                Output::Edit(line, target) => {
                    self.shell
                        .handle_edited(now, line, &target, Ok("written in an editor"));
                }
                Output::Chore(Chore::Find(line, _)) => {
                    self.shell.handle_found(now, line, Vec::new());
                }
                Output::Chore(Chore::New(line, word)) => {
                    let words = format!("A script to begin with: ackchat-{}.", word.as_str());
                    self.shell.handle_chore(now, line, Ok(&words));
                }
                Output::Chore(chore) => panic!("no example runs {chore:?}"),
                Output::Leave(exit) => self.left = Some(exit),
                Output::Record(line, recording) => {
                    let Recording::Start(file) = recording else {
                        panic!("no example stops what did not start")
                    };
                    let words = format!("[Recording to {file}.]");
                    self.shell.handle_recording(now, line, Ok(words));
                }
                Output::Settled(line, outcome) => {
                    let earlier = self.outcomes.insert(line, outcome);
                    assert!(earlier.is_none(), "a line has one outcome");
                }
                Output::Show(words) => {
                    assert!(!words.text.is_empty());
                    shown += words.messages;
                    self.screen.extend(words.text.lines().map(mask));
                }
                Output::Store(ticket, request) => self
                    .disk
                    .submit(ticket, request)
                    .expect("the queue of the model is long"),
                Output::Answer(..)
                | Output::Aside(_)
                | Output::Clear
                | Output::Fact(_)
                | Output::Trace(_) => {}
                Output::Transmit(transmit) => wires.push_back((self.address, transmit)),
                Output::Write {
                    line,
                    file,
                    bytes,
                    count,
                } => {
                    let text = String::from_utf8(bytes).expect("an export is text");
                    let written = match self.files.insert(file.to_string(), text) {
                        None => Ok(count),
                        Some(_) => Err("it exists".to_owned()),
                    };
                    self.shell.handle_written(line, &file, written);
                }
            }
        }
        if shown > 0 {
            self.shell.handle_shown(now, shown);
        }
        self.disk.flush();
        while let Some(event) = self.disk.poll() {
            busy = true;
            self.shell.handle_store(now, event);
        }
        busy
    }

    /// What was shown since the last line.
    fn step(&self) -> impl Iterator<Item = &str> {
        self.screen[self.seen..].iter().map(String::as_str)
    }

    fn sees(&mut self, expected: &str) {
        let found = self.step().position(|line| line == expected);
        let Some(found) = found else {
            let shown: Vec<&str> = self.step().collect();
            panic!("{} should see {expected:?}, sees {shown:#?}", self.name)
        };
        self.seen += found + 1;
    }
}

/// Puts TS in place of a time.
fn mask(line: &str) -> String {
    match line.find("2025-11-2") {
        Some(at) => format!(
            "{}TS{}",
            &line[..at],
            &line[at + "2025-11-20 21:20:00".len()..]
        ),
        None => line.to_owned(),
    }
}
