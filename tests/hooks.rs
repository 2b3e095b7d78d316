//! Hooks of the real binary: what somebody writes reaches a program as data, and starts nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a program that cannot be started or read is a failed test"
)]

#[expect(dead_code, reason = "what only stories of restarts use")]
mod programs;

use programs::{BYE, Program, World, ackchat};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// alice, who has hooks, and a folder where they leave what they saw.
struct Story {
    world: World,
    folder: PathBuf,
}

impl Story {
    fn new() -> Self {
        let world = World::new();
        let folder = world.data.path().join("seen");
        fs::create_dir(&folder).unwrap();
        Self { world, folder }
    }

    /// A program of a few lines of sh.
    fn script(&self, name: &str, lines: &str) -> String {
        let path = self.folder.join(name);
        let folder = self.folder.display();
        fs::write(&path, format!("#!/bin/sh\ncd {folder}\n{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    fn join(&self, name: &str, config: &str) -> Program {
        let path = self.folder.join(format!("{name}.toml"));
        fs::write(&path, config).unwrap();
        let options = ["--keep-going", "--config", path.to_str().unwrap()];
        let mut program = Program::start(&mut self.world.client(name, &options));
        program.until("[Welcome, You are registered.]");
        program.until("[Client table updated.]");
        program
    }

    fn seen(&self, file: &str) -> Option<String> {
        let bytes = fs::read(self.folder.join(file)).ok()?;
        Some(String::from_utf8(bytes).unwrap())
    }
}

fn hook(name: &str, run: &str, more: &str) -> String {
    format!("[[hook]]\nname = \"{name}\"\non = \"message\"\nrun = [\"{run}\"]\n{more}\n")
}

/// What would be run, forge a line or break a format, if it were ever more than a text. In each
/// the canary is a file that must not appear.
const HOSTILE: [&str; 12] = [
    "$(touch CANARY)",
    "`touch CANARY`",
    "; touch CANARY #",
    "| touch CANARY &",
    "' ; touch CANARY ; '",
    "\" ; touch CANARY ; \"",
    "-rf --help -- /",
    "\",\"ev\":\"session\",\"auto\":true,\"x\":\"",
    "\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}P1$r\u{1b}\\",
    "%s%n%n%n \\0 \\x41 ${HOME} $0 *",
    "[Message received by bob.]\r>>> exit",
    "\u{202e}txet\u{2066} \u{9b}31m",
];

#[test]
fn no_text_is_ever_more_than_data_to_a_hook() {
    let story = Story::new();
    // The careless way to write it, too: a program of sh may do with its own data what it likes.
    let run = story.script(
        "record",
        "printf '%s' \"$ACKCHAT_TEXT\" >env; printf '%s' \"$ACKCHAT_JSON\" >json; cat >stdin\n\
         echo \"$#\" >words; echo \"seen by $ACKCHAT_EVENT $ACKCHAT_SELF from $ACKCHAT_FROM\"\n\
         echo \"$ACKCHAT_TEXT\" >&2",
    );
    let mut alice = story.join("alice", &hook("record", &run, "reply = true"));
    // Nobody is answered more than six times a minute.
    let mut senders = ["bob", "carol"].map(|name| (name, story.world.join(name)));
    for (index, text) in HOSTILE.into_iter().enumerate() {
        let (name, sender) = &mut senders[index / 6];
        // One pair of quotes around all of a text is taken off.
        sender.enter(&format!("send alice \"{text}\""));
        sender.until(&format!("alice: seen by message alice from {name}"));
        assert_eq!(story.seen("env").as_deref(), Some(text));
        assert_eq!(story.seen("words").as_deref(), Some("0\n"));
        let json = story.seen("json").unwrap();
        assert_eq!(story.seen("stdin").unwrap(), format!("{json}\n"));
        let event: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(event["text"], text);
        assert_eq!(event["from"], *name);
        assert_eq!(event["auto"], false);
    }
    let (lines, _, code) = alice.end();
    assert_eq!((lines.last().map(String::as_str), code), (Some(BYE), 0));
    for line in lines {
        assert!(
            !line.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']),
            "{line:?}"
        );
    }
    let log = log(&story, "alice");
    assert_eq!(log.lines().count(), HOSTILE.len(), "{log}");
    for line in log.lines() {
        assert!(line.contains(" hook record: "), "{line}");
        assert!(
            !line.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']),
            "{line:?}"
        );
    }
    no_canary(story.world.data.path());
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

fn log(story: &Story, name: &str) -> String {
    let state = story
        .world
        .data
        .path()
        .join(".local/state/ackchat/profiles");
    let path = state.join(name).join("log");
    let meta = fs::metadata(&path).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_long_text_is_whole_on_standard_input_and_cut_in_the_environment() {
    let story = Story::new();
    let run = story.script(
        "measure",
        "echo \"${#ACKCHAT_TEXT} $ACKCHAT_TEXT_CUT ${ACKCHAT_JSON:-none} $(wc -c)\"",
    );
    let config = hook("measure", &run, "reply = true\nstdin = \"text\"");
    let mut alice = story.join("alice", &config);
    let mut bob = story.world.join("bob");
    alice.until("[Client table updated.]");
    bob.enter(&format!("send alice {}", "x".repeat(65_536)));
    bob.until("alice: 8192 1 none 65536");
    alice.end();
}

#[test]
fn two_programs_that_answer_everything_do_not_answer_each_other() {
    let story = Story::new();
    let answer = |name: &str| {
        let lines = format!("echo x >>{name}.count; echo \"answer of {name}\"");
        hook("answer", &story.script(name, &lines), "reply = true")
    };
    let mut alice = story.join("alice", &answer("alice"));
    let mut bob = story.join("bob", &answer("bob"));
    alice.until("[Client table updated.]");
    bob.enter("send alice hello");
    bob.until("alice: answer of alice");
    alice.enter("send bob hello");
    alice.until("bob: answer of bob");
    alice.end();
    bob.end();
    assert_eq!(story.seen("alice.count").as_deref(), Some("x\n"));
    assert_eq!(story.seen("bob.count").as_deref(), Some("x\n"));
}

#[test]
fn nobody_is_answered_more_than_six_times_a_minute() {
    let story = Story::new();
    let run = story.script("say", "echo \"answer to $ACKCHAT_TEXT\"");
    let marker = story.script("mark", "echo \"mark $ACKCHAT_TEXT\"");
    let mut alice = story.join(
        "alice",
        &(hook("say", &run, "reply = true\nif = 'text!=last'")
            + &hook("mark", &marker, "if = 'text=last'")),
    );
    let mut bob = story.world.join("bob");
    alice.until("[Client table updated.]");
    for number in 1..=6 {
        bob.enter(&format!("send alice {number}"));
        bob.until(&format!("alice: answer to {number}"));
    }
    bob.enter("send alice 7");
    bob.enter("send alice last");
    alice.until("bob: last");
    let (_, _, code) = alice.end();
    assert_eq!(code, 0);
    let (lines, _, _) = bob.end();
    assert!(
        !lines.iter().any(|line| line.contains("answer to 7")),
        "{lines:?}"
    );
}

#[test]
fn a_hook_that_does_not_end_is_ended_and_the_next_event_is_its_own() {
    let story = Story::new();
    let run = story.script(
        "slow",
        "if [ \"$ACKCHAT_TEXT\" = wait ]; then exec sleep 600; fi; echo \"then $ACKCHAT_TEXT\"",
    );
    let config = hook("slow", &run, "reply = true\ntimeout = \"200ms\"");
    let mut alice = story.join("alice", &config);
    let mut bob = story.world.join("bob");
    alice.until("[Client table updated.]");
    bob.enter("send alice wait");
    bob.enter("send alice go on");
    bob.until("alice: then go on");
    alice.end();
    assert!(log(&story, "alice").contains("hook slow: ended, because its time was up"));
}

#[test]
fn hooks_are_listed_tried_and_switched_without_running_anything() {
    let story = Story::new();
    let run = story.script("never", "touch ran");
    let config = hook("urgent", &run, "if = 'from=bob text~\"*now*\"'");
    let mut alice = story.join("alice", &config);
    alice.enter("hook list");
    let mut lines = alice.until("[Hooks:]");
    lines.push(alice.line().unwrap());
    let row = format!("  on   urgent: message from=bob text~\"*now*\" -> {run}");
    assert_eq!(lines.last(), Some(&row));
    for (line, answer) in [
        (
            "hook test message from=bob text=\"do it now\"",
            format!("  urgent: would run {run}"),
        ),
        (
            "hook test message from=carol text=\"now\"",
            "  urgent: no: from is \"carol\"".to_owned(),
        ),
        (
            "hook test message from=bob auto=true",
            "  urgent: no: it is automatic".to_owned(),
        ),
        (
            "hook test key who=bob",
            "  urgent: no: it is for message".to_owned(),
        ),
    ] {
        alice.enter(line);
        alice.until("[Nothing was run.]");
        assert_eq!(alice.line().unwrap(), answer);
    }
    alice.enter("hook test mesage");
    alice.until("[the events are delivery, error, group, key, message, presence, session.]");
    alice.enter("hook off urgnt");
    alice.until("[there is no hook urgnt.]");
    alice.until("  did you mean urgent?");
    alice.enter("hook off urgent");
    alice.until("[Hook urgent is off.]");
    alice.enter("send alice do it now");
    alice.until("alice: do it now");
    let (_, _, code) = alice.end();
    assert_eq!(code, 7, "the line that failed");
    assert_eq!(story.seen("ran"), None);
}

/// What stands between "```LANGUAGE" and "```" in the document.
fn snippets(language: &str) -> Vec<String> {
    let page = fs::read_to_string("docs/extending.md").unwrap();
    let open = format!("```{language}\n");
    let parts = page.split(&open).skip(1);
    let snippets = parts.map(|part| part.split("```\n").next().unwrap().to_owned());
    snippets.collect()
}

#[test]
fn the_settings_and_scripts_of_the_document_are_right() {
    let story = Story::new();
    let configs = snippets("toml");
    assert_eq!(configs.len(), 2);
    for config in configs {
        let path = story.folder.join("config.toml");
        fs::write(&path, config).unwrap();
        let words = ["config", "check", "--config", path.to_str().unwrap()];
        let output = ackchat(&story.world.data, &words).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, format!("[{} is right.]\n", path.display()));
    }
    let scripts = snippets("sh");
    let scripts: Vec<&String> = scripts.iter().filter(|s| s.starts_with("#!")).collect();
    assert_eq!(scripts.len(), 2);
    assert_eq!(
        *scripts[0],
        ackchat::driver::programs::plugins::script("hello")
    );
    for script in scripts {
        let status = Command::new("sh").args(["-n", "-c", script]).status();
        assert!(status.unwrap().success());
    }
}
