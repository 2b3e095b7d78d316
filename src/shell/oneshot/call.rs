//! One command, and its reply.

use super::heard::{Failure, Heard, text};
use super::{Manner, OneShot, Step, Steps, print};
use crate::model::limits::{ONESHOT, ONESHOT_GRACE};
use crate::model::{Instant, Now};
use crate::shell::asked::Marks;
use crate::shell::command::Reach;
use crate::shell::control::request::Rung;
use crate::shell::{Exit, Registry, clean};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The command and its arguments.
    pub words: Vec<String>,
    /// What has to be known of a message.
    pub rung: Rung,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// Whether it is a message.
    pub is_message: bool,
    /// What is said of the message.
    pub marks: Marks,
}

impl Command {
    /// Whether what the profile has on disk is all it asks for.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let registry = Registry::builtin();
        let word = self.words.first();
        let command = word.and_then(|word| registry.find(word));
        command.is_some_and(|command| command.reach == Reach::Disk)
    }

    /// The one person whom the message is for.
    fn recipient(&self) -> Option<&str> {
        match &self.words[..] {
            [send, name, ..] if send == "send" => Some(name),
            _ => None,
        }
    }
}

/// Carries out one command.
#[derive(Debug)]
pub struct Call {
    steps: Steps,
    /// Then even a session that is stuck is given up.
    due: Instant,
    manner: Manner,
    command: Command,
    stage: Stage,
    /// Deliveries of which it is not known whose message they tell of.
    deliveries: Vec<(String, String)>,
    items: usize,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for the reply.
    Asked,
    /// It has the reply, and waits for the event that says the same.
    Told {
        id: String,
        state: String,
        exit: Exit,
    },
    /// It gave the message up, and ends with this.
    Withdrawing(Exit),
}

const LISTEN: u64 = 1;
const ASK: u64 = 2;
const WITHDRAW: u64 = 3;

impl Call {
    /// Asks at once.
    #[must_use]
    pub fn new(now: Now, manner: Manner, command: Command) -> Self {
        let mut steps = Steps::default();
        if manner.json && command.is_message {
            let listen = json!({"id": LISTEN, "cmd": ["events"], "types": ["delivery"]});
            steps.ask(&listen);
        }
        steps.ask(&request(ASK, &bounded(&command)));
        let limit = command.timeout.unwrap_or(ONESHOT) + ONESHOT_GRACE;
        Self {
            steps,
            due: now.instant + limit,
            manner,
            command,
            stage: Stage::Asked,
            deliveries: Vec::new(),
            items: 0,
        }
    }

    fn on_done(&mut self, result: &Map<String, Value>) {
        if !self.command.is_message {
            self.tell_result(result);
            // An empty list of which there is something to say is a search that found nothing.
            let is_empty = self.items == 0 && result.contains_key("count");
            let found_nothing = is_empty && result.contains_key("text");
            let exit = if found_nothing { Exit::No } else { Exit::Done };
            return self.steps.end(exit);
        }
        let (id, state) = (text(result, "id"), text(result, "state"));
        let exit = exit_of(self.command.rung, state);
        if self.manner.json {
            self.stage = Stage::Told {
                id: id.to_owned(),
                state: state.to_owned(),
                exit,
            };
            return self.tell_deliveries();
        }
        if !self.manner.quiet {
            self.steps
                .complain(&words_of(state, self.command.recipient()));
        }
        self.steps.end(exit);
    }

    /// Beside a list words are talk; else they are what was asked for.
    fn tell_result(&mut self, result: &Map<String, Value>) {
        let words = text(result, "text");
        if result.contains_key("count") {
            if !words.is_empty() && !self.manner.quiet {
                self.steps.complain(words);
            }
        } else if self.manner.json {
            self.steps.say(&Value::from(result.clone()).to_string());
        } else if !words.is_empty() {
            self.steps.say(words);
        }
    }

    fn on_failed(&mut self, failure: &Failure) {
        self.steps.complain(&failure.words());
        let exit = failure.exit();
        match &failure.id {
            // It must not arrive later, after somebody was told that it did not.
            Some(id) if exit == Exit::NobodyHasIt => {
                self.steps.complain(&format!("  its id: {id}"));
                self.stage = Stage::Withdrawing(exit);
                let words = json!(["cancel", id]);
                self.steps.ask(&json!({"id": WITHDRAW, "cmd": words}));
            }
            _ => self.steps.end(exit),
        }
    }

    /// Those of our message, up to what the reply said.
    fn tell_deliveries(&mut self) {
        let Stage::Told { id, state, exit } = &self.stage else {
            return;
        };
        let wanted = format!("\"id\":\"{id}\"");
        let is_last = format!("\"state\":\"{state}\"");
        let mut over = None;
        for (line, _) in self.deliveries.drain(..) {
            if line.contains(&wanted) {
                over = line.contains(&is_last).then_some(*exit).or(over);
                self.steps.say(&line);
            }
        }
        if let Some(exit) = over {
            self.steps.end(exit);
        }
    }
}

impl OneShot for Call {
    fn handle_line(&mut self, _: Now, line: &str) {
        match Heard::read(line) {
            Heard::Done(Some(ASK), result) => self.on_done(&result),
            Heard::Failed(Some(ASK), failure) => self.on_failed(&failure),
            Heard::Done(Some(WITHDRAW), _) | Heard::Failed(Some(WITHDRAW), _) => {
                if let Stage::Withdrawing(exit) = self.stage {
                    self.steps.end(exit);
                }
            }
            Heard::Event(kind, fields) if &*kind == "delivery" => {
                let id = text(&fields, "id").to_owned();
                self.deliveries.push((line.to_owned(), id));
                self.tell_deliveries();
            }
            Heard::Item(Some(ASK), written, fields) => {
                self.items += 1;
                if self.manner.json {
                    self.steps.say(&written);
                } else {
                    self.steps
                        .say(&print::record(&self.command.words[0], &fields));
                }
            }
            _ => {}
        }
    }

    fn handle_lost(&mut self) {
        match self.stage {
            Stage::Withdrawing(exit) | Stage::Told { exit, .. } => self.steps.end(exit),
            Stage::Asked => self.steps.lost(),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        if self.due <= now.instant && !self.steps.is_ended() {
            let words = "[The session does not answer; what becomes of it is not known.]";
            self.steps.complain(words);
            self.steps.end(Exit::TimedOut);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        (!self.steps.is_ended()).then_some(self.due)
    }

    fn poll(&mut self) -> Option<Step> {
        self.steps.poll()
    }
}

/// Nothing is waited for without an end. Who requires delivery and says no time does not wait for
/// it beyond what the server says first.
fn bounded(command: &Command) -> Command {
    let rung = match (command.rung, command.timeout) {
        (Rung::Delivered, None) => Rung::Stored,
        (rung, _) => rung,
    };
    Command {
        rung,
        timeout: command.timeout.or(Some(ONESHOT)),
        ..command.clone()
    }
}

/// A command as a request.
#[must_use]
pub fn request(id: u64, command: &Command) -> Value {
    let mut request = json!({"id": id, "cmd": command.words});
    if command.is_message {
        request["require"] = match command.rung {
            Rung::Queued => "queued",
            Rung::Stored => "stored",
            Rung::Delivered => "delivered",
        }
        .into();
        if command.marks.auto {
            request["auto"] = true.into();
        }
        if let Some(id) = command.marks.id {
            request["message_id"] = id.to_string().into();
        }
    }
    if let Some(timeout) = command.timeout {
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        request["timeout_ms"] = timeout.into();
    }
    request
}

/// How a program ends whose message is in this state.
#[must_use]
pub fn exit_of(rung: Rung, state: &str) -> Exit {
    match (rung, state) {
        (_, "acked" | "delivered")
        | (Rung::Queued | Rung::Stored, "stored")
        | (Rung::Queued, "queued" | "sent") => Exit::Done,
        (Rung::Delivered, "stored") => Exit::StoredOnly,
        _ => Exit::NobodyHasIt,
    }
}

fn words_of(state: &str, recipient: Option<&str>) -> String {
    let words = match state {
        "acked" | "delivered" => match recipient {
            Some(name) => return format!("[Message received by {}.]", clean::line(name)),
            None => "[Message received.]",
        },
        "queued" | "sent" => "[Message kept here, to be sent.]",
        "stored" => "[Message received by the server and saved.]",
        _ => "[Message failed.]",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(rung: Rung, timeout: Option<Duration>) -> Call {
        let command = Command {
            words: ["send", "bob", "hi"].map(str::to_owned).into(),
            rung,
            timeout,
            is_message: true,
            marks: Marks::default(),
        };
        Call::new(Now::default(), Manner::default(), command)
    }

    fn asked(call: &mut Call) -> Value {
        match call.poll() {
            Some(Step::Ask(line)) => serde_json::from_str(&line).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_waited_for_without_an_end() {
        let second = Duration::from_secs(1);
        for (rung, timeout, require, limit_ms) in [
            (Rung::Stored, None, "stored", 30_000),
            (Rung::Stored, Some(second), "stored", 1000),
            (Rung::Delivered, Some(second), "delivered", 1000),
            // How long to wait for delivery past that nobody said.
            (Rung::Delivered, None, "stored", 30_000),
        ] {
            let request = asked(&mut call(rung, timeout));
            assert_eq!(request["require"], require);
            assert_eq!(request["timeout_ms"], limit_ms);
        }
        let mut call = call(Rung::Delivered, None);
        asked(&mut call);
        let stored = r#"{"v":1,"re":2,"ok":true,"result":{"id":"1f","state":"stored"}}"#;
        call.handle_line(Now::default(), stored);
        assert!(matches!(call.poll(), Some(Step::Complain(_))));
        assert_eq!(call.poll(), Some(Step::End(Exit::StoredOnly)));
    }

    #[test]
    fn a_message_of_which_nothing_is_known_in_time_stays_in_the_outbox_and_that_is_told() {
        let mut call = call(Rung::Stored, None);
        asked(&mut call);
        let late = r#"{"v":1,"re":2,"ok":false,"error":{"code":"timed-out","id":"1f",
            "message":"not known","hint":"it stays in the outbox"}}"#;
        call.handle_line(Now::default(), &late.replace('\n', ""));
        let words = "[not known.]\n  it stays in the outbox".to_owned();
        assert_eq!(call.poll(), Some(Step::Complain(words)));
        // It is not withdrawn.
        assert_eq!(call.poll(), Some(Step::End(Exit::TimedOut)));
    }

    #[test]
    fn a_session_that_is_stuck_is_given_up() {
        let mut call = call(Rung::Stored, Some(Duration::from_secs(1)));
        asked(&mut call);
        let at = |ms: u64| Now {
            instant: Instant(ms * 1000),
            ..Now::default()
        };
        call.handle_timeout(at(5999));
        assert_eq!(call.poll(), None);
        assert_eq!(call.deadline(), Some(at(6000).instant));
        call.handle_timeout(at(6000));
        assert!(matches!(call.poll(), Some(Step::Complain(_))));
        assert_eq!(call.poll(), Some(Step::End(Exit::TimedOut)));
    }
}
