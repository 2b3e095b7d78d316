//! What somebody writes to be more than a text: through every path by which it leaves the program
//! it stays a text, starts nothing and forges nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a program that cannot be started or read is a failed test"
)]

mod bodies;
#[expect(dead_code, reason = "what only stories of restarts use")]
mod programs;
#[expect(dead_code, reason = "what only stories of commands use")]
mod story;

use ackchat::shell::clean;
use bodies::BODIES;
use programs::{BYE, Program, ackchat, schema};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use story::Story;

/// What nobody can be called, and what must not come of trying.
const NAMES: [&str; 12] = [
    "-rf",
    "--help",
    "$(touch CANARY)",
    "`touch CANARY`",
    "a;touch CANARY",
    "../../CANARY",
    "a/b",
    "a b",
    "a\nb",
    "a\u{1b}[2J",
    "a\",\"ev\":\"key",
    "\u{202e}bob",
];

/// A program at the socket of somebody's session.
struct Guest(BufReader<UnixStream>);

impl Guest {
    fn of(story: &Story, name: &str) -> Self {
        let run = story.world.data.path().join(".local/state/ackchat/run");
        let stream = UnixStream::connect(run.join(format!("{name}.sock"))).unwrap();
        Self(BufReader::new(stream))
    }

    fn ask(&mut self, words: &[&str]) -> Value {
        writeln!(self.0.get_mut(), "{}", json!({"id": 1, "cmd": words})).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// Beside the session of alice.
fn beside(story: &Story, words: &[&str]) -> Child {
    let (word, rest) = words.split_first().unwrap();
    let mut command = ackchat(&story.world.data, &[word, "--profile", "alice"]);
    command
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn written(child: Child) -> Vec<u8> {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// A NUL would end what stands in an environment, and what stands before one.
fn without_nul(body: &str) -> String {
    body.replace('\0', "\u{fffd}")
}

/// What stands in a line of a screen, of a pipe or of a log has no power over any of them.
#[track_caller]
fn are_harmless<'a>(lines: impl Iterator<Item = &'a str>) {
    let dangerous = |c: char| c.is_control() && c != '\t' || "\u{202e}\u{2066}\u{2028}".contains(c);
    for line in lines {
        assert!(!line.contains(dangerous), "{line:?}");
    }
}

/// Nothing with this name is anywhere below a directory, nor where the tests run.
fn no_canary(folder: &Path) {
    assert!(!Path::new("CANARY").exists());
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        assert_ne!(entry.file_name(), "CANARY", "{}", entry.path().display());
        if entry.file_type().unwrap().is_dir() {
            no_canary(&entry.path());
        }
    }
}

/// The hook of this story writes down its words, its environment and its input.
const HOOK: &str = r#"printf '%s\0' "$#" "$@" >words; env -0 >environment; cat >input
printf '%s\n' "$ACKCHAT_TEXT" >&2"#;

/// What the hook found is the message, and nothing else.
fn check_hook(story: &Story, body: &str, event: &Value) {
    assert_eq!(story.seen("words").unwrap(), "2\0one $(word)\0-rf\0");
    let input = story.seen("input").unwrap();
    let json = input.strip_suffix('\n').unwrap();
    let read: Value = serde_json::from_str(json).unwrap();
    schema::check(&read);
    let mut wanted = event.clone();
    // Both were told of it at their own moment, and only one in a stream.
    for field in ["eid", "ts"] {
        wanted.as_object_mut().unwrap().remove(field);
    }
    let mut found = read.clone();
    found.as_object_mut().unwrap().remove("ts");
    found.as_object_mut().unwrap().remove("eid");
    assert_eq!(found, wanted);
    let environment = story.seen("environment").unwrap();
    let ours: BTreeMap<&str, &str> = environment
        .split_terminator('\0')
        .filter_map(|entry| entry.split_once('='))
        .filter(|(name, _)| name.starts_with("ACKCHAT_") || *name == "LD_PRELOAD")
        .collect();
    let socket = story.world.data.path();
    let socket = socket.join(".local/state/ackchat/run/alice.sock");
    let body = without_nul(body);
    let wanted = BTreeMap::from([
        ("ACKCHAT_EVENT", "message"),
        ("ACKCHAT_FROM", "bob"),
        ("ACKCHAT_ID", event["id"].as_str().unwrap()),
        ("ACKCHAT_JSON", json),
        ("ACKCHAT_PROFILE", "alice"),
        ("ACKCHAT_SELF", "alice"),
        ("ACKCHAT_SOCK", socket.to_str().unwrap()),
        ("ACKCHAT_TEXT", &body),
        ("ACKCHAT_TO", "alice"),
    ]);
    assert_eq!(ours, wanted);
}

#[test]
fn a_message_is_a_text_on_every_way_out_of_a_session() {
    let story = Story::new();
    let run = story.script("keep", HOOK);
    let config = format!(
        "[[hook]]\nname = \"keep\"\non = \"message\"\nrun = ['{run}', 'one $(word)', '-rf']\n"
    );
    let trace = story.path_of("trace");
    let mut command = story.command("alice", &config);
    let command = command.args(["--trace", trace.to_str().unwrap()]);
    let mut alice = Program::start(command);
    alice.until("[Client table updated.]");
    let _bob = story.world.join("bob");
    alice.until("[Client table updated.]");
    let record = story.path_of("record.chat");
    alice.enter(&format!("record start {}", record.display()));
    alice.until(&format!("[Recording to {}.]", record.display()));
    let mut events = ackchat(&story.world.data, &["events", "--profile", "alice"]);
    let mut events = Program::start(events.args(["--types", "message,hook,error"]));
    let hello: Value = serde_json::from_str(&events.line().unwrap()).unwrap();
    let since = hello["eid"].as_str().unwrap();
    let count = BODIES.len().to_string();
    let recv = ["recv", "-n", &count, "--timeout", "60s", "--since", since];
    let waiting = [
        &[][..],
        &["--json"],
        &["-0"],
        &["--format", "{from}: {text}"],
    ]
    .map(|form| beside(&story, &[&recv[..], form].concat()));

    let mut guest = Guest::of(&story, "bob");
    for body in BODIES {
        let reply = guest.ask(&["send", "alice", body]);
        assert_eq!(reply["result"]["state"], "acked", "{body:?}: {reply}");
        let event: Value = serde_json::from_str(&events.line().unwrap()).unwrap();
        assert_eq!(
            (&event["text"], &event["from"]),
            (&json!(body), &json!("bob"))
        );
        let hook: Value = serde_json::from_str(&events.line().unwrap()).unwrap();
        assert_eq!(
            (&hook["ev"], &hook["result"]),
            (&json!("hook"), &json!("ok"))
        );
        check_hook(&story, body, &event);
    }

    let [plain, as_json, exact, formatted] = waiting.map(written).map(text);
    let cleaned: Vec<String> = BODIES.into_iter().map(clean::line).collect();
    are_harmless(cleaned.iter().map(String::as_str));
    assert_eq!(plain.lines().collect::<Vec<_>>(), cleaned);
    let named: Vec<String> = cleaned.iter().map(|line| format!("bob: {line}")).collect();
    assert_eq!(formatted.lines().collect::<Vec<_>>(), named);
    let exact: Vec<&str> = exact.split_terminator('\0').collect();
    assert_eq!(exact, BODIES.map(without_nul));
    let read = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
    let texts: Vec<Value> = as_json
        .lines()
        .map(read)
        .map(|e| e["text"].clone())
        .collect();
    assert_eq!(texts, BODIES);

    let told = text(written(beside(
        &story,
        &["history", "bob", "100", "--json"],
    )));
    let texts: Vec<Value> = told.lines().map(read).map(|e| e["text"].clone()).collect();
    assert_eq!(texts, BODIES);
    let told = text(written(beside(&story, &["history", "bob", "100"])));
    let rows = told
        .lines()
        .map(|line| line.split_once(" bob: ").unwrap().1);
    assert_eq!(rows.collect::<Vec<_>>(), cleaned);

    check_terminal(&mut alice);
    check_logs(&story, &trace);
    check_record(&story, &record);
    no_canary(story.world.data.path());
}

/// The lines of the session itself: a text begins with its sender and goes on two blanks to the
/// right.
fn check_terminal(alice: &mut Program) {
    let (lines, _, code) = alice.end();
    assert_eq!((lines.last().map(String::as_str), code), (Some(BYE), 0));
    are_harmless(lines.iter().map(String::as_str));
    let mut wanted = Vec::new();
    for body in BODIES {
        let mut rows = clean::lines(body);
        wanted.push(format!("bob: {}", rows.next().unwrap()));
        wanted.extend(rows.map(|row| format!("  {row}")));
    }
    let wanted: Vec<&str> = wanted.iter().map(|row| row.trim_end()).collect();
    let of_bob =
        |line: &&str| line.starts_with("bob: ") || line.starts_with("  ") || line.is_empty();
    let shown: Vec<&str> = lines.iter().map(String::as_str).filter(of_bob).collect();
    let texts: Vec<&str> = wanted.iter().copied().filter(of_bob).collect();
    assert_eq!(shown, texts);
    let ours: Vec<&String> = lines
        .iter()
        .filter(|line| !of_bob(&line.as_str()))
        .collect();
    let [key, bye] = &ours[..] else {
        panic!("forged: {ours:?}");
    };
    let digits = key.strip_prefix("[New key for bob: ");
    assert!(digits.is_some_and(|digits| digits.len() == "01234 ".repeat(6).len() + 1));
    assert_eq!(*bye, BYE);
}

/// Each line of the log has its time and its hook, each line of the trace is one object.
fn check_logs(story: &Story, trace: &Path) {
    let state = story.world.data.path().join(".local/state/ackchat");
    let log = fs::read_to_string(state.join("profiles/alice/log")).unwrap();
    let texts = BODIES.map(without_nul);
    let rows = texts.iter().flat_map(|body| body.lines());
    let rows = rows.filter(|row| !row.is_empty()).map(clean::line);
    let logged = log
        .lines()
        .map(|line| line.split_once(" hook keep: ").unwrap().1);
    let logged: Vec<&str> = logged.filter(|row| !row.is_empty()).collect();
    assert_eq!(logged, rows.collect::<Vec<_>>());
    are_harmless(log.lines());
    let trace = fs::read_to_string(trace).unwrap();
    let mut came = Vec::new();
    for line in trace.lines() {
        assert!(!line.contains(|c: char| c < ' '), "{line:?}");
        let packet: Value = serde_json::from_str(line).unwrap();
        if packet["dir"] == "in" && packet["peer"] == "bob" && packet["text"].is_string() {
            came.push(packet["text"].clone());
        }
    }
    came.dedup();
    assert_eq!(came, BODIES);
}

/// Each line of the recording is one of its language, and it has no more than what happened.
fn check_record(story: &Story, record: &Path) {
    let recorded = fs::read_to_string(record).unwrap();
    are_harmless(recorded.lines());
    let check = ["run", "--check", record.to_str().unwrap()];
    let output = ackchat(&story.world.data, &check).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        text(output.stdout),
        text(output.stderr)
    );
    let mut lines = 0;
    for line in recorded.lines() {
        let begins = [
            "#", "actor ", "alice< ", "alice> ", "let t", "profile ", "server ",
        ];
        assert!(
            line.is_empty() || begins.iter().any(|begin| line.starts_with(begin)),
            "{line}"
        );
        lines += usize::from(line.starts_with("alice< bob: "));
    }
    assert_eq!(lines, BODIES.len());
}

#[test]
fn the_words_of_a_command_are_its_arguments_to_the_byte() {
    let story = Story::new();
    let words = story.path_of("words");
    let manifest = r#"{"api":1,"args":[{"name":"text","kind":"text"}]}"#;
    let lines = format!(
        "[ \"$#$1\" = 1--ackchat-manifest ] && [ -z \"$ACKCHAT_PLUGIN_API\" ] && \
         echo '{manifest}' && exit\nprintf '%s\\0' \"$#\" \"$@\" >{}\nprintf '%s\\n' \"$1\"",
        words.display()
    );
    story.program("keep", &lines);
    let mut alice = story.join("alice", "");
    for body in BODIES.into_iter().filter(|body| !body.contains('\0')) {
        let wanted = format!("1\0{body}\0");
        let output = ackchat(&story.world.data, &["keep", body])
            .output()
            .unwrap();
        assert_eq!(
            text(output.stdout),
            format!("{body}\n"),
            "its output is its own"
        );
        assert_eq!(story.seen("words").unwrap(), wanted);
        fs::remove_file(&words).unwrap();
        if body.contains('\n') {
            continue;
        }
        // One pair of quotes around all of a text is taken off.
        alice.enter(&format!("keep \"{body}\""));
        let shown = format!("  {}", clean::line(body));
        alice.until(shown.trim_end());
        assert_eq!(story.seen("words").unwrap(), wanted);
        fs::remove_file(&words).unwrap();
    }
    let (lines, _, code) = alice.end();
    assert_eq!((lines.last().map(String::as_str), code), (Some(BYE), 0));
    no_canary(story.world.data.path());
}

#[test]
fn a_name_that_is_none_is_refused_at_every_door() {
    let story = Story::new();
    story.program("keep", "touch CANARY");
    let _alice = story.join("alice", "");
    let mut guest = Guest::of(&story, "alice");
    for name in NAMES {
        for words in [
            &["send", name, "x"][..],
            &["table", name],
            &["verify", name],
            &["create_group", name],
            &["history", name],
        ] {
            let reply = guest.ask(words);
            assert_eq!(reply["ok"], false, "{words:?}: {reply}");
        }
        for words in [
            &["join", "--server", "127.0.0.1:9", "--", name][..],
            &["plugin", "new", "--", name],
            &["run", "--profile", name, "x.chat"],
            &[name],
        ] {
            if words == ["--help"] {
                continue;
            }
            let output = ackchat(&story.world.data, words)
                .stdin(Stdio::null())
                .output();
            let output = output.unwrap();
            assert!(!output.status.success(), "{words:?}");
            are_harmless(text(output.stdout).lines());
            are_harmless(text(output.stderr).lines());
        }
    }
    no_canary(story.world.data.path());
}
