//! Hooks of the real binary: when they run, what they read, and what becomes of what they answer.

#![expect(
    clippy::unwrap_used,
    reason = "a program that cannot be started or read is a failed test"
)]

#[expect(dead_code, reason = "what only stories of restarts use")]
mod programs;
#[expect(dead_code, reason = "what only stories of commands use")]
mod story;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use programs::{Program, ackchat};
use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use story::Story;

fn hook(name: &str, run: &str, more: &str) -> String {
    format!("[[hook]]\nname = \"{name}\"\non = \"message\"\nrun = [\"{run}\"]\n{more}\n")
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
fn an_answer_to_a_group_that_one_has_left_is_not_said_elsewhere_and_that_is_told() {
    let story = Story::new();
    let run = story.script("wait", "read word <go; echo \"answer to $ACKCHAT_TEXT\"");
    let go = story.path_of("go");
    nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut alice = story.join("alice", &hook("wait", &run, "reply = true"));
    let mut bob = story.world.join("bob");
    alice.until("[Client table updated.]");
    let beside = ["events", "--profile", "alice", "--types", "hook"];
    let mut events = Program::start(&mut ackchat(&story.world.data, &beside));
    events.line();
    for line in ["create_group one", "create_group two", "join_group one"] {
        alice.enter(line);
    }
    alice.until("[Entered group one successfully.]");
    bob.enter("join_group one");
    bob.until("[Entered group one successfully.]");
    bob.enter("send_group well?");
    alice.until("[Group Message bob: well?]");
    for line in ["leave_group", "join_group two"] {
        alice.enter(line);
    }
    alice.until("[Entered group two successfully.]");
    fs::write(&go, "now\n").unwrap();
    let told = events.line().unwrap();
    assert!(
        told.contains(r#""name":"wait","on":"message","result":"dropped""#),
        "{told}"
    );
    alice.end();
    let (lines, ..) = bob.end();
    assert!(
        !lines.iter().any(|line| line.contains("answer")),
        "{lines:?}"
    );
}

#[test]
fn a_hook_that_does_not_want_to_end_does_not_outlive_the_session() {
    let story = Story::new();
    let lines = "exec 3>life; trap '' TERM HUP INT; echo begun >&3; while :; do sleep 60; done";
    let run = story.script("stay", lines);
    let life = story.path_of("life");
    nix::unistd::mkfifo(&life, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let config = hook("stay", &run, "timeout = \"10m\"");
    let mut alice = story.join("alice", &config);
    alice.enter("send alice hi");
    // Whoever opens it waits for the hook to do so.
    let mut life = fs::File::open(&life).unwrap();
    let mut begun = [0; 6];
    life.read_exact(&mut begun).unwrap();
    assert_eq!(alice.end().2, 0);
    let mut fds = [PollFd::new(life.as_fd(), PollFlags::POLLIN)];
    assert!(
        poll(&mut fds, PollTimeout::from(10_000_u16)).unwrap() > 0,
        "it lives"
    );
    assert_eq!(fds[0].revents(), Some(PollFlags::POLLHUP));
}

#[test]
fn a_socket_that_was_named_from_where_one_stood_is_found_from_elsewhere() {
    let story = Story::new();
    let run = story.script("ask", "ackchat send \"$ACKCHAT_FROM\" \"by $ACKCHAT_SOCK\"");
    let mut command = story.command("alice", &hook("ask", &run, ""));
    let here = story.world.data.path();
    let mut alice = Program::start(command.args(["--sock", "my.sock"]).current_dir(here));
    alice.until("[Client table updated.]");
    let mut bob = story.world.join("bob");
    bob.enter("send alice where?");
    let here = here.canonicalize().unwrap();
    bob.until(&format!("alice: by {}", here.join("my.sock").display()));
    alice.end();
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
        let path = story.path_of("config.toml");
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
