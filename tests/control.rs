//! A session driven by programs: through its socket, with nothing but lines.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

#[expect(dead_code, reason = "what only stories of restarts use")]
mod programs;

use programs::{BYE, Program, World, ackchat, schema};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// A program at the other end of a socket.
struct Peer {
    writer: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Peer {
    fn connect(path: &PathBuf) -> Self {
        let writer = UnixStream::connect(path).unwrap();
        writer
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let reader = BufReader::new(writer.try_clone().unwrap());
        Self { writer, reader }
    }

    fn write(&mut self, line: &str) {
        writeln!(self.writer, "{line}").unwrap();
    }

    fn ask(&mut self, request: &Value) {
        self.write(&request.to_string());
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        schema::check_line(&line);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// The lines up to and with the reply to this id.
    fn until_reply(&mut self, re: &Value) -> (Vec<Value>, Value) {
        let mut others = Vec::new();
        loop {
            let line = self.line();
            if line["re"] == *re && line["ok"].is_boolean() {
                return (others, line);
            }
            others.push(line);
        }
    }
}

fn socket(world: &World, name: &str) -> PathBuf {
    let state = world.data.path().join(".local/state/ackchat");
    state.join(format!("run/{name}.sock"))
}

/// True if a program of the documents' examples is here. Nothing is left out in silence: whoever
/// has it not says so.
fn has(tool: &str) -> bool {
    let without = std::env::var("ACKCHAT_TEST_WITHOUT").unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap();
    let is_here = std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    let is_excused = without.split(',').any(|word| word == tool);
    assert!(
        is_here || is_excused,
        "the examples need {tool}: install it, or say ACKCHAT_TEST_WITHOUT={tool}"
    );
    is_here && !is_excused
}

/// What stands between "```LANGUAGE" and "```" in docs/events.md.
fn example(language: &str) -> String {
    let page = std::fs::read_to_string("docs/events.md").unwrap();
    let (_, from) = page.split_once(&format!("```{language}\n")).unwrap();
    from.split_once("```\n").unwrap().0.to_owned()
}

#[test]
fn a_session_is_driven_from_the_documentation_alone() {
    let world = World::new();
    let config = world.data.path().join(".config/ackchat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "default_profile = \"alice\"\n").unwrap();
    let mut bob = world.join("bob");
    let mut alice = world.join("alice");
    bob.until("[Client table updated.]");
    let us = std::path::Path::new(env!("CARGO_BIN_EXE_ackchat")).parent();
    let path = format!(
        "{}:{}",
        us.unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    // As `ackchat` of a story, so that it finds the same files.
    let command = |program: &str, words: &[&str]| {
        let of_us = ackchat(&world.data, &[]);
        let mut command = std::process::Command::new(program);
        for (name, value) in of_us.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.args(words).env("PATH", &path);
        command.env("SOCK", socket(&world, "alice"));
        command
    };
    if has("nc") && has("jq") {
        let script = example("sh");
        let mut shell = Program::start(&mut command("sh", &["-euc", &script]));
        bob.until("alice: hi");
        let reply: Value = serde_json::from_str(&shell.line().unwrap()).unwrap();
        assert_eq!(reply["result"]["state"], "acked");
        // It says nothing before it listens: somebody speaks until somebody is heard.
        let said = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !said.load(std::sync::atomic::Ordering::Acquire) {
                    bob.enter("send alice \"heard?\"");
                    alice.until("bob: heard?");
                }
            });
            let heard = shell.line();
            said.store(true, std::sync::atomic::Ordering::Release);
            assert_eq!(heard.as_deref(), Some("bob: heard?"));
        });
        shell.kill();
    }
    if has("python3") {
        let script = example("python");
        let mut python = Program::start(&mut command("python3", &["-c", &script]));
        assert_eq!(python.end(), (vec!["acked".to_owned()], String::new(), 0));
        bob.until("alice: hi; \"there\"");
    }
    if has("jq") && !has("nc") {
        let words = ["-c", "ackchat session --json | jq -r .socket"];
        let mut shell = Program::start(&mut command("sh", &words));
        assert_eq!(
            shell.line().unwrap(),
            socket(&world, "alice").display().to_string()
        );
    }
}

#[test]
fn what_looks_like_json_and_is_none_is_told_where() {
    let world = World::new();
    let _alice = world.join("alice");
    let mut program = Peer::connect(&socket(&world, "alice"));
    for (line, message) in [
        (
            r#"{"id":1,"cmd":["send","bob","hi}"#,
            r#"not JSON: EOF while parsing a string at byte 32, after {"id":1,"cmd":["send","bob","hi}"#,
        ),
        (
            r#"["send","bob","hi"]"#,
            r#"not a request: that is an object, as {"cmd":["send","bob","hi"]}"#,
        ),
    ] {
        program.write(line);
        let reply = program.line();
        assert_eq!(reply["error"], json!({"code": "usage", "message": message}));
    }
}

#[test]
fn a_program_uses_the_session_of_a_person() {
    let world = World::new();
    let mut alice = world.join("alice");
    let mut bob = world.join("bob");
    alice.until("[Client table updated.]");
    let path = socket(&world, "alice");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);

    let mut program = Peer::connect(&path);
    program.write("send bob hi there");
    let (_, reply) = program.until_reply(&Value::Null);
    assert_eq!(reply["v"], 1);
    assert_eq!(reply["result"]["state"], "acked");
    assert_eq!(reply["result"]["by"], "peer");
    assert_eq!(reply["result"]["id"].as_str().unwrap().len(), 32);
    bob.until("alice: hi there");

    program.ask(&json!({"id": 1, "cmd": ["send", "bop", "hi; \"there\""]}));
    let (_, reply) = program.until_reply(&json!(1));
    assert_eq!(reply["error"]["code"], "unknown-peer");
    assert_eq!(reply["error"]["hint"], "did you mean bob?");

    program.ask(&json!({"id": "t", "cmd": ["table"]}));
    let (items, reply) = program.until_reply(&json!("t"));
    assert_eq!(reply["result"]["count"], 2);
    let address = items[1]["item"]["address"].clone();
    assert!(address.as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(
        items[1]["item"],
        json!({"who": "bob", "address": address, "status": "online", "reason": "joined"})
    );

    // The terminal shows nothing of all that.
    alice.enter("table bob");
    let shown = alice.until("[Client table:]");
    let quiet = |line: &String| !line.contains("received") && !line.contains("exist");
    assert!(shown.iter().all(quiet), "{shown:?}");
    drop(program);
    alice.enter("exit");
    alice.until(BYE);
    assert_eq!(alice.end().2, 0);
    assert!(!path.exists(), "the socket is gone with its session");
}

#[test]
fn programs_have_a_view_of_their_own() {
    let world = World::new();
    let mut bob = world.join("bob");
    let mut alice = world.join("alice");
    bob.until("[Client table updated.]");
    for line in ["create_group lounge", "join_group lounge"] {
        alice.enter(line);
    }
    alice.until("[Entered group lounge successfully.]");
    let mut program = Peer::connect(&socket(&world, "alice"));
    for (id, cmd, ok) in [
        (1, json!(["send", "bob", "private"]), true),
        (2, json!(["send_group", "to the group"]), true),
        (3, json!(["list_groups"]), true),
        (4, json!(["create_group", "other"]), true),
        (5, json!(["send_all", "to everybody"]), true),
        (6, json!(["open", "bob"]), false),
    ] {
        program.ask(&json!({"id": id, "cmd": cmd}));
        let (_, reply) = program.until_reply(&json!(id));
        assert_eq!(reply["ok"], ok, "{reply}");
    }
    bob.until("alice: private");
    bob.until("[Group Message alice: to everybody]");
    program.ask(&json!({"id": 7, "cmd": ["send", "bob", "x"], "modes": true}));
    let (_, reply) = program.until_reply(&json!(7));
    assert_eq!(reply["error"]["code"], "wrong-mode");
    alice.enter("list_members");
    let shown = alice.until("[Members in the group lounge:]");
    let quiet = |line: &String| !line.contains("received") && !line.contains("created");
    assert!(shown.iter().all(quiet), "{shown:?}");
}

#[test]
fn events_come_as_they_happen_and_a_reader_who_comes_back_goes_on_where_it_was() {
    let world = World::new();
    let _alice = world.join("alice");
    let mut bob = world.join("bob");
    let path = socket(&world, "alice");
    let mut program = Peer::connect(&path);
    program.ask(&json!({"id": 1, "cmd": ["events"], "types": ["message"]}));
    let (_, reply) = program.until_reply(&json!(1));
    let hello = program.line();
    assert_eq!(hello["ev"], "hello");
    assert_eq!(hello["self"], "alice");
    assert_eq!(reply["result"]["since"], hello["eid"]);
    let hostile = "\"}{\\ $(reboot) `x` \u{1b}[2J";
    bob.enter(&format!("send alice {hostile}"));
    let message = program.line();
    assert_eq!(message["text"], hostile);
    assert_eq!(message["from"], "bob");
    drop(program);

    bob.enter("send alice two");
    bob.until("[Message received by alice.]");
    bob.until("[Message received by alice.]");
    let mut program = Peer::connect(&path);
    let since = message["eid"].as_str().unwrap();
    program.ask(&json!({"cmd": ["events"], "since": since, "match": {"from": "b*"}}));
    program.until_reply(&Value::Null);
    assert_eq!(program.line()["ev"], "hello");
    assert_eq!(program.line()["text"], "two");
    program.write("events off");
    program.until_reply(&Value::Null);
}

#[test]
fn what_is_no_request_is_refused_and_nothing_else_happens() {
    let world = World::new();
    let _alice = world.join("alice");
    let mut program = Peer::connect(&socket(&world, "alice"));
    program.writer.write_all(b"\xff\xfe\n").unwrap();
    program.write(&"x".repeat((512 << 10) + 1));
    program.write("{\"id\":3,\"cmd\":[\"table\"],\"tpyes\":1}");
    for re in [Value::Null, Value::Null, json!(3)] {
        let reply = program.line();
        assert_eq!(reply["re"], re);
        assert_eq!(reply["error"]["code"], "usage");
    }
    program.write("version");
    assert!(
        program.line()["result"]["text"]
            .as_str()
            .unwrap()
            .starts_with("ackchat ")
    );
}

#[test]
fn a_list_longer_than_what_may_wait_comes_whole_and_so_does_what_was_asked_behind_it() {
    let world = World::new();
    let _alice = world.join("alice");
    let mut bob = world.join("bob");
    let mut sender = Peer::connect(&socket(&world, "bob"));
    let text = "\u{1}".repeat(65_536);
    let count = 8;
    for _ in 0..count {
        sender.ask(&json!({"id": 1, "cmd": ["send", "alice", text]}));
        assert_eq!(sender.until_reply(&json!(1)).1["result"]["state"], "acked");
    }
    // Each of its bytes takes six here: two lists are six times what may wait.
    let mut program = Peer::connect(&socket(&world, "alice"));
    for id in 1..=2 {
        program.ask(&json!({"id": id, "cmd": ["history", "bob", "9"]}));
    }
    for id in 1..=2 {
        let (items, reply) = program.until_reply(&json!(id));
        assert_eq!(reply["result"]["count"], count);
        let texts = items
            .iter()
            .map(|item| item["item"]["text"].as_str().unwrap());
        assert_eq!(texts.filter(|told| **told == text).count(), count);
    }
    program.write("version");
    assert_eq!(program.until_reply(&Value::Null).1["ok"], true);
    bob.end();
}

#[test]
fn a_half_closed_stream_gets_its_replies() {
    let world = World::new();
    let _bob = world.join("bob");
    let _alice = world.join("alice");
    let mut program = Peer::connect(&socket(&world, "alice"));
    for number in 0..20 {
        program.write(&format!("send bob {number}"));
    }
    program.writer.shutdown(std::net::Shutdown::Write).unwrap();
    for _ in 0..20 {
        assert_eq!(program.line()["ok"], true);
    }
    let mut rest = String::new();
    assert_eq!(program.reader.read_line(&mut rest).unwrap(), 0);
}

#[test]
fn a_socket_that_nobody_answers_is_replaced_and_a_file_is_not() {
    let world = World::new();
    let mut alice = world.join("alice");
    let path = socket(&world, "alice");
    alice.kill();
    assert!(path.exists());
    let alice = world.join("alice");
    Peer::connect(&path).write("version");
    drop(alice);

    let file = world.data.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    let option = file.to_str().unwrap();
    let mut carol = Program::start(&mut world.client("carol", &["--sock", option]));
    let (_, complaint, exit) = carol.last_words();
    assert_eq!(exit, 2, "{complaint}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");

    let long = format!("/tmp/{}", "x".repeat(100));
    let mut carol = Program::start(&mut world.client("carol", &["--sock", &long]));
    let (_, complaint, exit) = carol.last_words();
    assert_eq!(exit, 2);
    assert!(complaint.contains("--sock"), "{complaint}");
}

#[test]
fn a_message_is_awaited_as_far_as_was_asked_for() {
    let world = World::new();
    let mut bob = world.join("bob");
    let _alice = world.join("alice");
    bob.enter("dereg");
    bob.until(BYE);
    let mut program = Peer::connect(&socket(&world, "alice"));
    let send = |id: u8, require: &str, timeout_ms: u64| json!({"id": id, "cmd": ["send", "bob", "x"], "require": require, "timeout_ms": timeout_ms});
    for (id, require, timeout_ms, state) in [
        (1, "queued", 9000, "queued"),
        (2, "stored", 9000, "stored"),
        (3, "delivered", 300, "stored"),
    ] {
        program.ask(&send(id, require, timeout_ms));
        let (_, reply) = program.until_reply(&json!(id));
        assert_eq!(reply["result"]["state"], state, "{reply}");
    }
    program.ask(&send(4, "delivered", 9000));
    bob.enter("reg");
    let (_, reply) = program.until_reply(&json!(4));
    // By the server's receipt, or by bob's program, whoever is faster.
    let state = reply["result"]["state"].as_str().unwrap();
    assert!(["acked", "delivered"].contains(&state), "{reply}");
}

/// The schema of every event, from the table of kinds.
fn schema_of_kinds() -> Value {
    use ackchat::shell::fields::{KINDS, Takes};
    let text = json!({"type": "string"});
    let common = json!({
        "v": {"const": 1},
        "eid": {"type": "string", "pattern": "^e[0-9]+$"},
        "ts": {"type": "string", "format": "date-time"},
        "profile": text,
    });
    let object = |name: &str, fields: Vec<(&str, Value)>| {
        let mut properties = common.clone();
        properties["ev"] = json!({"const": name});
        for (field, takes) in fields {
            properties[field] = takes;
        }
        // What a hook reads has no place in a stream, hence no `eid`.
        let required = ["v", "ev", "ts", "profile"];
        json!({"type": "object", "properties": properties, "required": required})
    };
    let mut kinds: Vec<Value> = KINDS
        .iter()
        .map(|kind| {
            let fields = kind.fields.iter().map(|field| {
                let takes = match field.takes {
                    Takes::Flag => json!({"type": "boolean"}),
                    Takes::Number => json!({"type": "integer"}),
                    Takes::Text => text.clone(),
                    Takes::Time => json!({"type": "string", "format": "date-time"}),
                    Takes::Words(words) => json!({"enum": words}),
                };
                (field.name, takes)
            });
            object(kind.name, fields.collect())
        })
        .collect();
    let hello = ["self", "server", "program"].map(|field| (field, text.clone()));
    kinds.push(object("hello", hello.to_vec()));
    kinds.push(object("gap", vec![("after", text.clone())]));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ackchat events, version 1",
        "oneOf": kinds,
    })
}

/// `UPDATE=1 cargo test --test control` writes it anew.
#[test]
fn the_schema_is_what_the_table_of_kinds_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.schema.json");
    let schema = serde_json::to_string_pretty(&schema_of_kinds()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == schema, "docs/events.schema.json is old");
}

#[test]
fn every_event_of_a_session_is_as_the_schema_says() {
    let world = World::new();
    let mut bob = world.join("bob");
    let mut alice = world.join("alice");
    for line in [
        "create_group g",
        "join_group g",
        "send_group x",
        "leave_group",
    ] {
        alice.enter(line);
    }
    alice.until("[Leave group chat g.]");
    bob.until("[Client table updated.]");
    bob.enter("send alice hi");
    alice.until("bob: hi");
    let mut program = Peer::connect(&socket(&world, "alice"));
    program.ask(&json!({"id": 1, "cmd": ["send", "bob", "x"]}));
    program.until_reply(&json!(1));
    program.ask(&json!({"id": 2, "cmd": ["events"], "last": 100}));
    program.until_reply(&json!(2));
    program.write("events off");
    let (events, _) = program.until_reply(&Value::Null);
    let kinds: std::collections::BTreeSet<&str> = events
        .iter()
        .map(|event| event["ev"].as_str().unwrap())
        .collect();
    for kind in ["delivery", "group", "hello", "message", "session", "table"] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    events.iter().for_each(schema::check);
}

#[test]
fn every_event_that_a_one_shot_writes_is_as_the_schema_says() {
    let world = World::new();
    let mut bob = world.join("bob");
    let mut alice = world.join("alice");
    bob.until("[Client table updated.]");
    bob.enter("send alice hi");
    alice.until("bob: hi");
    let server = format!("127.0.0.1:{}", world.port);
    for (who, words, kind) in [
        ("alice", &["send", "--json", "bob", "x"][..], "delivery"),
        ("alice", &["send_all", "--json", "x"], "delivery"),
        ("alice", &["recv", "--json", "--since", "e0"], "message"),
        (
            "carol",
            &["join", "--json", "-e", "send bob x", "carol"],
            "session",
        ),
        ("carol", &["send", "--json", "bob", "x"], "delivery"),
    ] {
        let (word, rest) = words.split_first().unwrap();
        let mut command = ackchat(&world.data, &[word, "--server", &server]);
        if *word != "join" {
            command.args(["--profile", who]);
        }
        // Each line that it reads, it checks.
        let (lines, complaint, exit) = Program::start(command.args(rest)).end();
        assert_eq!(exit, 0, "{words:?}: {complaint}");
        let events = lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let kinds: Vec<Value> = events.map(|event| event["ev"].clone()).collect();
        assert!(kinds.contains(&json!(kind)), "{words:?}: {lines:?}");
    }
    let mut listener = ackchat(
        &world.data,
        &["events", "--profile", "alice", "--since", "e0"],
    );
    let mut listener = Program::start(&mut listener);
    let mut wanted = vec!["delivery", "gap", "hello", "message"];
    while !wanted.is_empty() {
        let event: Value = serde_json::from_str(&listener.line().unwrap()).unwrap();
        wanted.retain(|kind| event["ev"] != *kind);
    }
}
