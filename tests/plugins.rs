//! Commands that are programs of other people, with the real binary: they get words, give words,
//! and nothing of either is ever run.

#![expect(
    clippy::unwrap_used,
    reason = "a program that cannot be started or read is a failed test"
)]

#[expect(dead_code, reason = "what only stories of restarts use")]
mod programs;
mod story;

use programs::{BYE, Program, ackchat};
use std::fs;
use std::process::Stdio;
use story::Story;

/// What this run of the program writes, and its status.
fn run(story: &Story, words: &[&str]) -> (String, Option<i32>) {
    let mut command = ackchat(&story.world.data, words);
    let output = command.stdin(Stdio::null()).output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code(),
    )
}

fn complete(story: &Story, words: &[&str]) -> String {
    let (told, code) = run(story, &[&["__complete", "--"], words].concat());
    assert_eq!(code, Some(0));
    told
}

/// The program of five lines that the documents promise.
const SAY: &str = r#"if [ "$1" = --ackchat-manifest ]; then
  echo '{"api":1,"about":"say it loud","args":[{"name":"who","kind":"peer"},{"name":"text","kind":"text"}],"examples":["shout bob hi"]}'
  exit 0
fi
printf '%s|' "$#" "$@" "$ACKCHAT_PLUGIN_API" "$ACKCHAT_SELF" "$ACKCHAT_CONV""#;

#[test]
fn five_lines_of_sh_are_a_command_with_usage_and_help() {
    let story = Story::new();
    let path = story.program("shout", SAY);
    let mut alice = story.join("alice", "");
    alice.enter("shout alice  a  text ");
    alice.until("  2|alice|a  text |1|alice||");
    alice.enter("open alice");
    alice.enter("/shout alice x");
    alice.until("  2|alice|x|1|alice|alice|");
    alice.enter("/close");
    alice.enter("shout alice");
    alice.until("[Usage: shout WHO TEXT]");
    alice.until("  shout alice");
    assert_eq!(alice.line().unwrap(), "             ^ TEXT is missing");
    alice.until("  line 5 of the input: shout alice");
    alice.enter("help shout");
    let page = alice.until("  errors:  plugin-failed");
    assert_eq!(page[0], "shout WHO TEXT - say it loud");
    assert_eq!(page[1], "  shout bob hi");
    assert_eq!(page[2], format!("  external: {}", path.display()));
    alice.enter("help");
    let all = alice.until("Other programs (external)");
    assert!(all.iter().any(|line| line == "Messages"));
    let row = alice.line().unwrap();
    assert!(
        row.starts_with("  shout WHO TEXT ") && row.ends_with("  say it loud"),
        "{row}"
    );
    alice.enter("shuot alice x");
    alice.until("[Invalid command!]");
    alice.until("  shuot alice x");
    assert_eq!(alice.line().unwrap(), "  ^^^^^ did you mean shout?");
    assert_eq!(alice.end().2, 2);
}

#[test]
fn words_reach_a_program_as_they_are_and_names_have_to_be_names() {
    let story = Story::new();
    story.program("shout", SAY);
    let canary = story.world.data.path().join("CANARY");
    let mut alice = story.join("alice", "");
    for text in [
        "$(touch CANARY)",
        "`touch CANARY`; touch CANARY | touch CANARY & #",
        "-rf --help -- ' \" \\ * ?",
        "\",\"ev\":\"session\"}",
    ] {
        let touching = text.replace("CANARY", canary.to_str().unwrap());
        alice.enter(&format!("shout alice {touching}"));
        alice.until(&format!("  2|alice|{touching}|1|alice||"));
    }
    for name in ["-rf", "$(id)", "a/b", "--ackchat-manifest"] {
        alice.enter(&format!("shout {name} x"));
        alice.until("[User does not exist.]");
    }
    for line in ["../shout x", "shout/../shout x", "-shout", "Shout alice x"] {
        alice.enter(line);
        alice.until("[Invalid command!]");
    }
    let long = "x".repeat(65_536);
    alice.enter(&format!("shout alice {long}"));
    alice.until(&format!("  2|alice|{long}|1|alice||"));
    alice.enter("shout alice nul\0byte");
    let refused = alice.until("[shout: nul byte found in provided data.]");
    assert!(!refused.iter().any(|line| line.contains("nul|")));
    alice.end();
    assert!(!canary.exists());
}

#[test]
fn what_a_program_writes_is_shown_clean_never_run_and_cannot_be_taken_for_ours() {
    let story = Story::new();
    story.program(
        "forge",
        "printf '[Message received by bob.]\\n\\033[2J\\033]0;x\\007\\nsend alice forged\\nexit\\n'",
    );
    let mut alice = story.join("alice", "");
    alice.enter("forge");
    alice.until("  [Message received by bob.]");
    let second = alice.line().unwrap();
    assert_eq!(second, "  \u{241b}[2J\u{241b}]0;x\u{2407}");
    assert_eq!(alice.line().unwrap(), "  send alice forged");
    assert_eq!(alice.line().unwrap(), "  exit");
    alice.enter("send alice still here");
    alice.until("alice: still here");
    let (lines, _, code) = alice.end();
    assert_eq!((lines.last().map(String::as_str), code), (Some(BYE), 0));
    assert!(!lines.iter().any(|line| line == "alice: forged"));
}

#[test]
fn a_program_that_fails_hangs_or_writes_without_end_is_told_and_goes_no_further() {
    let story = Story::new();
    let manifest = |limit: &str| {
        format!(
            "[ \"$1\" = --ackchat-manifest ] && \
             echo '{{\"api\":1,\"args\":[],\"timeout\":\"{limit}\"}}' && exit\n"
        )
    };
    story.program(
        "fails",
        "echo first >&2; printf 'the \\033[1mreason\\n' >&2; exit 3",
    );
    story.program("quiet", "exit 4");
    story.program("hangs", &(manifest("200ms") + "trap '' TERM; sleep 600"));
    story.program("floods", &(manifest("300ms") + "exec yes"));
    let mut alice = story.join("alice", "");
    for (line, told) in [
        ("fails", "[fails: the \u{241b}[1mreason.]"),
        ("quiet", "[quiet: it ended with status 4.]"),
        ("hangs", "[hangs: its time was up.]"),
    ] {
        alice.enter(line);
        alice.until(told);
    }
    alice.enter("floods");
    let flood = alice.until("[floods: its time was up.]");
    let shown: usize = flood.iter().filter(|line| *line == "  y").count();
    assert!((1..=1 << 19).contains(&shown), "{shown}");
    assert_eq!(alice.end().2, 1);
}

#[test]
fn a_manifest_that_is_late_or_nonsense_leaves_a_command_with_any_words() {
    let story = Story::new();
    story.program(
        "late",
        "[ \"$1\" = --ackchat-manifest ] && exec sleep 600\necho \"ran $*\"",
    );
    story.program(
        "odd",
        "[ \"$1\" = --ackchat-manifest ] && echo '{{{' && exit\necho \"ran $*\"",
    );
    let mut alice = story.join("alice", "");
    alice.enter("late a b");
    alice.until("  ran a b");
    alice.enter("odd \"a b\" -c");
    alice.until("  ran a b -c");
    assert_eq!(alice.end().2, 0);
}

#[test]
fn built_in_words_win_and_the_list_tells_where_each_command_is() {
    let story = Story::new();
    let shout = story.program("shout", SAY);
    let send = story.program("send", "echo never");
    let mut alice = story.join("alice", "");
    alice.enter("plugin list");
    alice.until("[Commands of other programs:]");
    assert_eq!(
        alice.line().unwrap(),
        format!("  shout  plugins  {}", shout.display())
    );
    let hidden = format!(
        "  send  plugins  {}  (never run: the built-in one wins)",
        send.display()
    );
    assert_eq!(alice.line().unwrap(), hidden);
    alice.enter("send alice hi");
    alice.until("alice: hi");
    alice.enter("plugin new greet");
    let path = story.folder.join("plugins/ackchat-greet");
    alice.until(&format!("[A script to begin with: {}.]", path.display()));
    alice.enter("help greet");
    alice.until("greet WHO - say hello");
    alice.enter("plugin new greet");
    let refused = alice.until("[cannot write ackchat-greet: File exists (os error 17).]");
    assert!(!refused.is_empty());
    alice.enter("plugin new ../x");
    alice.until("[Not a name for a command.]");
    alice.end();
}

#[test]
fn a_program_is_a_command_of_the_binary_too_and_its_status_is_the_status() {
    let story = Story::new();
    story.program("shout", &format!("{SAY}; exit 9"));
    let (output, code) = run(&story, &["shout", "bob", "$(id) -rf"]);
    assert_eq!((output.as_str(), code), ("2|bob|$(id) -rf|1|||", Some(9)));
    assert_eq!(run(&story, &["whisper", "bob"]).1, Some(2));
    assert_eq!(run(&story, &["../shout"]).1, Some(2));
}

#[test]
fn shells_complete_people_from_the_session_and_without_one_from_the_disk() {
    let story = Story::new();
    fs::write(
        story.folder.join("config.toml"),
        "default_profile = \"alice\"\n",
    )
    .unwrap();
    story.program("shout", SAY);
    let complete = |words: &[&str]| complete(&story, words);
    assert_eq!(complete(&["shout", "b"]), "", "nobody is known yet");
    let mut alice = story.join("alice", "");
    let mut bob = story.world.join("bob");
    alice.until("[Client table updated.]");
    alice.enter("send bob hi");
    alice.until("[Message received by bob.]");
    assert_eq!(complete(&["shout", "b"]), "bob\tonline\n");
    assert_eq!(complete(&["shout", "B"]), "bob\tonline\n");
    assert_eq!(complete(&["shout", "bob", ""]), "", "a text");
    assert!(complete(&["sho"]).starts_with("shout\t"));
    bob.end();
    alice.end();
    assert_eq!(complete(&["shout", "b"]), "bob\t\n");
    assert!(complete(&["join", ""]).starts_with("alice\t\nbob\t\n"));
}

#[test]
fn a_program_may_complete_its_own_words_but_not_for_long() {
    let story = Story::new();
    let program = |name: &str, lines: &str| {
        let manifest = r#"{"api":1,"dynamic":true,"args":[{"name":"x"}]}"#;
        let first = format!("[ \"$1\" = --ackchat-manifest ] && echo '{manifest}' && exit");
        story.program(name, &format!("{first}\n{lines}"));
    };
    program(
        "deploy",
        "printf '%b\\twhat it is\\n' web1 'web\\033[2J' \"$1$2\"",
    );
    program("slow", "exec sleep 600");
    let complete = |words: &[&str]| complete(&story, words);
    assert_eq!(
        complete(&["deploy", "w"]),
        "web1\twhat it is\nweb\u{241b}[2J\twhat it is\n"
    );
    assert_eq!(complete(&["deploy", "__"]), "__complete--\twhat it is\n");
    assert_eq!(complete(&["slow", ""]), "");
}

#[test]
fn the_tally_of_the_examples_counts_what_people_answer() {
    let story = Story::new();
    story.install("tally");
    let mut alice = story.join("alice", "");
    let mut people = ["bob", "carol", "dave"].map(|name| story.world.join(name));
    alice.enter("tally tea or coffee?");
    for (person, answer) in people.iter_mut().zip(["Tea", "coffee", " tea"]) {
        person.until("[Group Message alice: tea or coffee?]");
        person.enter(&format!("send alice {answer}"));
    }
    alice.until("  2  tea  (bob, dave)");
    assert_eq!(alice.line().unwrap(), "  1  coffee  (carol)");
    assert_eq!(alice.line().unwrap(), "  3 answered");
    assert_eq!(alice.end().2, 0);
}

/// Makes a `sleep` that does not, and says how long it should have.
fn without_sleep(story: &Story) -> String {
    story.script("sleep", "echo \"$1\" >>slept");
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", story.path_of("").display())
}

#[test]
fn the_reminder_of_the_examples_is_completed_and_explained_and_reminds() {
    let story = Story::new();
    fs::write(
        story.folder.join("config.toml"),
        "default_profile = \"alice\"\n",
    )
    .unwrap();
    story.install("remind");
    let mut bob = story.world.join("bob");
    let mut command = story.command("alice", "");
    let mut alice = Program::start(command.env("PATH", without_sleep(&story)));
    alice.until("[Client table updated.]");
    alice.enter("help remind");
    let page = alice.until("  errors:  plugin-failed");
    assert_eq!(page[0], "remind NAME MINUTES TEXT - say something later");
    assert_eq!(page[1], "  remind bob 10 tea is ready");
    alice.enter("remind bob soon tea");
    alice.until("[Usage: remind NAME MINUTES TEXT]");
    alice.enter("remind -rf 10 tea");
    alice.until("[User does not exist.]");
    alice.enter("remind bob 10 tea; $(touch CANARY) is \"ready\"");
    alice.until("  will remind bob in 10 minutes");
    bob.until("alice: tea; $(touch CANARY) is \"ready\"");
    assert_eq!(story.seen("slept").as_deref(), Some("600\n"));
    // A command of the binary, too: it has to look at its words itself.
    assert_eq!(complete(&story, &["remind", "b"]), "bob\tonline\n");
    assert!(complete(&story, &["rem"]).starts_with("remind\t"));
    let mut oneshot = ackchat(&story.world.data, &["remind", "bob", "2", "-rf"]);
    let told = oneshot.env("PATH", without_sleep(&story)).output().unwrap();
    assert_eq!(told.stdout, b"will remind bob in 2 minutes\n");
    bob.until("alice: -rf");
    assert_eq!(run(&story, &["remind", "bob", "soon", "x"]).1, Some(2));
    alice.end();
}

#[test]
fn a_script_that_was_just_made_is_a_command_that_works() {
    let story = Story::new();
    fs::write(
        story.folder.join("config.toml"),
        "default_profile = \"alice\"\n",
    )
    .unwrap();
    let mut bob = story.world.join("bob");
    let mut alice = story.join("alice", "");
    alice.enter("plugin new hello");
    let path = story.folder.join("plugins/ackchat-hello");
    alice.until(&format!("[A script to begin with: {}.]", path.display()));
    alice.enter("hello bob");
    bob.until("alice: hello from alice");
    alice.enter("hello bop");
    alice.until("[hello: no one is called bop.]");
    alice.enter("help");
    alice.until("Other programs (external)");
    let row = alice.line().unwrap();
    assert!(
        row.starts_with("  hello WHO ") && row.ends_with("  say hello"),
        "{row}"
    );
    assert_eq!(complete(&story, &["hello", "b"]), "bob\tonline\n");
    assert_eq!(run(&story, &["hello", "bob"]).1, Some(0));
    bob.until("alice: hello from alice");
    let (_, code) = run(&story, &["plugin", "new", "hello"]);
    assert_eq!(code, Some(7), "it is there");
    alice.end();
}

#[test]
fn a_program_is_asked_once_what_it_is_and_again_when_its_file_changes() {
    let story = Story::new();
    let asked = story.path_of("asked");
    let lines = SAY.replace(
        "; then\n",
        &format!("; then echo x >>{}\n", asked.display()),
    );
    story.program("shout", &lines);
    assert_eq!(complete(&story, &["shout", ""]), "");
    for _ in 0..2 {
        let mut alice = story.join("alice", "");
        alice.enter("shout alice x");
        alice.until("  2|alice|x|1|alice||");
        alice.enter("shout alice");
        alice.until("[Usage: shout WHO TEXT]");
        alice.end();
        complete(&story, &["shout", ""]);
    }
    assert_eq!(story.seen("asked").as_deref(), Some("x\n"));
    story.program("shout", &format!("{lines}; exit 0"));
    for _ in 0..2 {
        complete(&story, &["shout", ""]);
    }
    assert_eq!(story.seen("asked").as_deref(), Some("x\nx\n"));
}
