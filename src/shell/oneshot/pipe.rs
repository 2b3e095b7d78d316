//! Lines of standard input as messages: many on their way at once, in order, each exactly once.
//!
//! As long as nobody takes them, no more is read: memory is bounded, and whoever writes waits.

use super::call::{Command, exit_of, request};
use super::heard::{Failure, Heard, text};
use super::{Appetite, Manner, OneShot, Step, Steps};
use crate::model::limits::{PIPE_OPEN_MAX, PIPE_WAIT_MAX, PIPE_WAIT_MIN, TEXT_BYTES_MAX};
use crate::model::{Instant, Now};
use crate::shell::args::Target;
use crate::shell::asked::Marks;
use crate::shell::control::request::Rung;
use crate::shell::incoming::Line;
use crate::shell::{ErrorCode, Exit};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What is to be done with the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// To whom.
    pub to: Target,
    /// Lines that come within this time are one message.
    pub join: Option<Duration>,
    /// What each message begins with.
    pub prefix: String,
    /// Messages in a second; what exceeds them is counted and dropped.
    pub rate_max: Option<u32>,
    /// How long the last outcomes are waited for.
    pub drain: Option<Duration>,
    /// What has to be known of each.
    pub rung: Rung,
    /// The session is this one-shot's own: it may enter the group.
    pub own_session: bool,
    /// What is sent is marked as automatic.
    pub auto: bool,
}

/// Sends lines.
#[derive(Debug)]
pub struct Pipe {
    steps: Steps,
    manner: Manner,
    plan: Plan,
    stage: Stage,
    next: u64,
    /// Not sent, with their numbers.
    waiting: VecDeque<(u64, String)>,
    /// Sent and without a reply.
    open: BTreeMap<u64, String>,
    /// Refused for now: to be sent again, before all that come after.
    refused: BTreeMap<u64, String>,
    burst: Option<Burst>,
    rate: Rate,
    /// Nothing is sent before.
    pause: Option<Instant>,
    /// How long the next pause is.
    wait: Duration,
    /// Whether one more is taken is tried with one.
    probing: bool,
    mailbox: Mailbox,
    drain_due: Option<Instant>,
    worst: Exit,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It makes sure that it is in the group.
    Entering,
    /// Lines are read.
    Reading,
    /// No more lines come.
    Draining,
}

/// Whether there is room where the messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mailbox {
    /// None, and that is not said yet.
    Full,
    /// As far as is known.
    Open,
    /// There was none, and that was said.
    Told,
}

/// Lines that become one message.
#[derive(Debug)]
struct Burst {
    text: String,
    due: Instant,
}

/// Messages of this second.
#[derive(Debug, Default)]
struct Rate {
    since: Instant,
    count: u32,
    dropped: u64,
}

const SESSION: u64 = 0;
const JOIN: u64 = 1;

impl Pipe {
    /// Ready to read.
    #[must_use]
    pub fn new(manner: Manner, plan: Plan) -> Self {
        let mut steps = Steps::default();
        let stage = match plan.to {
            Target::Group(_) => {
                steps.ask(&json!({"id": SESSION, "cmd": ["session"]}));
                Stage::Entering
            }
            Target::Name(_) => Stage::Reading,
        };
        Self {
            steps,
            manner,
            plan,
            stage,
            next: JOIN,
            waiting: VecDeque::new(),
            open: BTreeMap::new(),
            refused: BTreeMap::new(),
            burst: None,
            rate: Rate::default(),
            pause: None,
            wait: PIPE_WAIT_MIN,
            probing: false,
            mailbox: Mailbox::Open,
            drain_due: None,
            worst: Exit::Done,
        }
    }

    fn on_session(&mut self, group: &str, mode: &str) {
        let Target::Group(wanted) = &self.plan.to else {
            return;
        };
        if wanted.as_str().eq_ignore_ascii_case(group) && mode == "group" {
            self.stage = Stage::Reading;
        } else if self.plan.own_session && mode == "normal" {
            let words = json!(["join_group", wanted.as_str()]);
            self.steps.ask(&json!({"id": JOIN, "cmd": words}));
        } else {
            let words = format!("[The session is not in group {wanted}: join_group first.]");
            self.steps.complain(&words);
            self.steps.end(Exit::Refused);
        }
    }

    fn on_text(&mut self, now: Now, line: &str) {
        let text = format!("{}{line}", self.plan.prefix);
        if text.is_empty() {
            return;
        }
        let Some(join) = self.plan.join else {
            return self.put(now, text);
        };
        if let Some(burst) = &mut self.burst {
            if burst.text.len() + 1 + text.len() <= TEXT_BYTES_MAX {
                burst.text.push('\n');
                burst.text += &text;
                return;
            }
            self.end_burst(now);
        }
        let due = now.instant + join;
        self.burst = Some(Burst { text, due });
    }

    fn end_burst(&mut self, now: Now) {
        if let Some(burst) = self.burst.take() {
            self.put(now, burst.text);
        }
    }

    fn put(&mut self, now: Now, text: String) {
        if let Some(max) = self.plan.rate_max {
            self.end_second(now);
            if self.rate.count >= max {
                self.rate.dropped += 1;
                return;
            }
            self.rate.count += 1;
        }
        self.push(text);
    }

    /// A second is over: what was dropped in it is said.
    fn end_second(&mut self, now: Now) {
        if now.instant.since(self.rate.since) < SECOND && self.rate.count > 0 {
            return;
        }
        self.rate.since = now.instant;
        self.rate.count = 0;
        self.tell_dropped();
    }

    fn tell_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.rate.dropped);
        if dropped > 0 {
            self.push(format!("{}({dropped} lines dropped)", self.plan.prefix));
        }
    }

    fn push(&mut self, text: String) {
        self.next += 1;
        self.waiting.push_back((self.next, text));
    }

    /// Sends as many as may be on their way.
    fn pump(&mut self) {
        if self.stage == Stage::Entering || self.pause.is_some() || !self.refused.is_empty() {
            return;
        }
        let open_max = if self.probing { 1 } else { PIPE_OPEN_MAX };
        while self.open.len() < open_max
            && let Some((number, text)) = self.waiting.pop_front()
        {
            let words = match &self.plan.to {
                Target::Group(_) => vec!["send_group".to_owned(), text.clone()],
                Target::Name(name) => vec!["send".to_owned(), name.to_string(), text.clone()],
            };
            let command = Command {
                words,
                rung: self.plan.rung,
                timeout: None,
                is_message: true,
                marks: Marks {
                    auto: self.plan.auto,
                    id: None,
                },
            };
            self.steps.ask(&request(number, &command));
            self.open.insert(number, text);
        }
        let nothing_left = self.waiting.is_empty() && self.burst.is_none();
        if self.stage == Stage::Draining && self.open.is_empty() && nothing_left {
            self.steps.end(self.worst);
        }
    }

    fn on_failed(&mut self, now: Now, number: u64, failure: &Failure) {
        let Some(text) = self.open.remove(&number) else {
            return;
        };
        match ErrorCode::of(&failure.code) {
            Some(ErrorCode::Busy | ErrorCode::Quota | ErrorCode::RateLimited) => {
                self.refused.insert(number, text);
                let is_full = failure.code == ErrorCode::Quota.word();
                if is_full && self.mailbox == Mailbox::Open {
                    self.mailbox = Mailbox::Full;
                }
            }
            // So it will be for every other line.
            Some(
                ErrorCode::KeyChanged
                | ErrorCode::NoSession
                | ErrorCode::NotMember
                | ErrorCode::ServerUnreachable
                | ErrorCode::UnknownPeer
                | ErrorCode::WrongMode,
            ) => {
                self.steps.complain(&failure.words());
                self.steps.end(failure.exit());
            }
            _ => {
                self.steps.complain(&failure.words());
                self.worst = self.worst.max(failure.exit());
            }
        }
        self.retry(now);
    }

    /// When the rest has its outcome, what was refused comes first again, after a while.
    fn retry(&mut self, now: Now) {
        if self.refused.is_empty() || !self.open.is_empty() {
            return;
        }
        for refused in std::mem::take(&mut self.refused).into_iter().rev() {
            self.waiting.push_front(refused);
        }
        self.tell_full();
        self.probing = true;
        self.pause = Some(now.instant + self.wait);
        self.wait = (self.wait * 2).min(PIPE_WAIT_MAX);
    }

    /// Once: whoever looks on knows why nothing goes on.
    fn tell_full(&mut self) {
        if self.mailbox != Mailbox::Full {
            return;
        }
        self.mailbox = Mailbox::Told;
        let whose = match &self.plan.to {
            Target::Group(group) => format!("A mailbox of #{group}"),
            Target::Name(name) => format!("{name}'s mailbox"),
        };
        let count = match self.waiting.len() {
            1 => "1 line is".to_owned(),
            count => format!("{count} lines are"),
        };
        if !self.manner.quiet {
            let words = format!("[{whose} is full: waiting. {count} not sent yet.]");
            self.steps.complain(&words);
        }
    }

    fn end_input(&mut self, now: Now) {
        if self.stage != Stage::Draining {
            self.end_burst(now);
            self.tell_dropped();
            self.stage = Stage::Draining;
            self.drain_due = self.plan.drain.map(|drain| now.instant + drain);
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

impl OneShot for Pipe {
    fn handle_line(&mut self, now: Now, line: &str) {
        match Heard::read(line) {
            Heard::Item(Some(SESSION), _, fields) => {
                self.on_session(text(&fields, "group"), text(&fields, "mode"));
            }
            Heard::Done(Some(JOIN), _) => self.stage = Stage::Reading,
            Heard::Done(Some(number), result) if self.open.remove(&number).is_some() => {
                let exit = exit_of(self.plan.rung, text(&result, "state"));
                self.worst = self.worst.max(exit);
                self.probing = false;
                self.wait = PIPE_WAIT_MIN;
                if self.manner.json {
                    self.steps.say(&serde_json::Value::from(result).to_string());
                }
                self.retry(now);
            }
            Heard::Failed(Some(number), failure) if number > JOIN => {
                self.on_failed(now, number, &failure);
            }
            Heard::Failed(_, failure) => {
                self.steps.complain(&failure.words());
                self.steps.end(failure.exit());
            }
            _ => {}
        }
        self.pump();
    }

    fn handle_input(&mut self, now: Now, line: Option<Line>) {
        match line {
            Some(Line::Text(line)) if line.len() + self.plan.prefix.len() <= TEXT_BYTES_MAX => {
                self.on_text(now, &line);
            }
            Some(Line::NotUtf8) => {
                self.steps
                    .complain("[A line is not UTF-8: it and what follows is not sent.]");
                self.worst = Exit::Usage;
                self.end_input(now);
            }
            Some(Line::Text(_) | Line::TooLong | Line::TooMany) => {
                self.steps
                    .complain("[A line is too long: it and what follows is not sent.]");
                self.worst = Exit::Usage;
                self.end_input(now);
            }
            None => self.end_input(now),
        }
        self.pump();
    }

    fn handle_lost(&mut self) {
        self.steps.lost();
    }

    fn handle_timeout(&mut self, now: Now) {
        if self
            .burst
            .as_ref()
            .is_some_and(|burst| burst.due <= now.instant)
        {
            self.end_burst(now);
        }
        if self.rate.dropped > 0 {
            self.end_second(now);
        }
        if self.pause.is_some_and(|pause| pause <= now.instant) {
            self.pause = None;
        }
        if self.drain_due.is_some_and(|due| due <= now.instant) {
            self.steps.complain("[Not every line has its outcome.]");
            self.steps.end(self.worst.max(Exit::NobodyHasIt));
        }
        self.pump();
    }

    fn deadline(&self) -> Option<Instant> {
        if self.steps.is_ended() {
            return None;
        }
        let burst = self.burst.as_ref().map(|burst| burst.due);
        let second = (self.rate.dropped > 0).then_some(self.rate.since + SECOND);
        let all = [burst, second, self.pause, self.drain_due];
        all.into_iter().flatten().min()
    }

    fn appetite(&self) -> Appetite {
        let flows = self.stage == Stage::Reading && self.pause.is_none() && !self.probing;
        // What has a limit is read at once: what exceeds it is dropped, not delayed.
        if flows && self.waiting.is_empty() && self.refused.is_empty() {
            Appetite::Lines
        } else {
            Appetite::Nothing
        }
    }

    fn poll(&mut self) -> Option<Step> {
        self.steps.poll()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now {
            instant: Instant(ms * 1000),
            ..Now::default()
        }
    }

    struct Story {
        pipe: Pipe,
        ms: u64,
    }

    impl Story {
        fn new(change: impl FnOnce(&mut Plan)) -> Self {
            let mut plan = Plan {
                to: Target::Name("bob".parse().unwrap()),
                join: None,
                prefix: String::new(),
                rate_max: None,
                drain: None,
                rung: Rung::Stored,
                own_session: false,
                auto: false,
            };
            change(&mut plan);
            let pipe = Pipe::new(Manner::default(), plan);
            Self { pipe, ms: 0 }
        }

        fn types(&mut self, line: &str) {
            let line = Line::Text(line.to_owned());
            self.pipe.handle_input(at(self.ms), Some(line));
        }

        fn waits(&mut self, ms: u64) {
            self.ms += ms;
            self.pipe.handle_timeout(at(self.ms));
        }

        fn hears(&mut self, line: &str) {
            self.pipe.handle_line(at(self.ms), line);
        }

        fn done(&mut self, number: u64) {
            self.hears(&format!(
                r#"{{"v":1,"re":{number},"ok":true,"result":{{"id":"x","state":"acked"}}}}"#
            ));
        }

        fn refused(&mut self, number: u64, code: &str) {
            self.hears(&format!(
                r#"{{"v":1,"re":{number},"ok":false,"error":{{"code":"{code}","message":"m","id":"x"}}}}"#
            ));
        }

        /// Numbers and texts of what is sent, and the end.
        fn steps(&mut self) -> Vec<String> {
            std::iter::from_fn(|| self.pipe.poll())
                .map(|step| match step {
                    Step::Ask(line) => {
                        let ask: serde_json::Value = serde_json::from_str(&line).unwrap();
                        let words = ask["cmd"].as_array().unwrap();
                        format!("{} {}", ask["id"], words.last().unwrap().as_str().unwrap())
                    }
                    Step::End(exit) => format!("end {}", exit.code()),
                    other => format!("{other:?}"),
                })
                .collect()
        }
    }

    #[test]
    fn lines_are_on_their_way_together_and_no_more_are_read_than_may_be() {
        let mut story = Story::new(|_| {});
        let mut read = 0;
        while story.pipe.appetite() == Appetite::Lines {
            story.types("x");
            read += 1;
        }
        assert_eq!(read, PIPE_OPEN_MAX + 1);
        assert_eq!(story.steps().len(), PIPE_OPEN_MAX);
        story.done(2);
        assert_eq!(story.steps().len(), 1);
        assert_eq!(story.pipe.appetite(), Appetite::Lines);
        story.pipe.handle_input(at(0), None);
        for number in 3..=u64::try_from(read).unwrap() + 1 {
            assert_eq!(story.steps(), Vec::<String>::new());
            story.done(number);
        }
        assert_eq!(story.steps(), ["end 0"]);
    }

    #[test]
    fn what_is_refused_is_sent_again_before_what_follows_it() {
        let mut story = Story::new(|_| {});
        for line in ["a", "b", "c"] {
            story.types(line);
        }
        assert_eq!(story.steps(), ["2 a", "3 b", "4 c"]);
        story.done(2);
        story.refused(4, "quota");
        story.refused(3, "quota");
        assert_eq!(story.pipe.appetite(), Appetite::Nothing);
        let full = "[bob's mailbox is full: waiting. 2 lines are not sent yet.]";
        assert_eq!(story.steps(), [format!("Complain({full:?})")]);
        story.waits(1000);
        assert_eq!(story.steps(), ["3 b"], "one is tried first");
        story.refused(3, "quota");
        story.waits(1000);
        assert_eq!(story.steps(), Vec::<String>::new(), "pauses grow");
        story.waits(1000);
        assert_eq!(story.steps(), ["3 b"]);
        story.done(3);
        assert_eq!(story.steps(), ["4 c"]);
        story.done(4);
        assert_eq!(story.pipe.appetite(), Appetite::Lines);
        story.pipe.handle_input(at(0), None);
        assert_eq!(story.steps(), ["end 0"]);
    }

    #[test]
    fn bursts_are_joined_and_have_a_prefix() {
        let mut story = Story::new(|plan| {
            plan.join = Some(Duration::from_millis(200));
            plan.prefix = "[w] ".to_owned();
        });
        story.types("a");
        story.types("b");
        assert_eq!(story.steps(), Vec::<String>::new());
        story.waits(200);
        assert_eq!(story.steps(), ["2 [w] a\n[w] b"]);
    }

    #[test]
    fn above_the_rate_lines_are_counted_and_dropped() {
        let mut story = Story::new(|plan| plan.rate_max = Some(2));
        for line in ["a", "b", "c", "d"] {
            story.types(line);
        }
        assert_eq!(story.steps(), ["2 a", "3 b"]);
        story.waits(1000);
        assert_eq!(story.steps(), ["4 (2 lines dropped)"]);
        for line in ["e", "f", "g"] {
            story.types(line);
        }
        assert_eq!(story.steps(), ["5 e", "6 f"]);
        let ms = story.ms;
        story.pipe.handle_input(at(ms), None);
        assert_eq!(story.steps(), ["7 (1 lines dropped)"], "also at the end");
    }

    #[test]
    fn a_line_that_cannot_be_sent_ends_it_after_those_before_it() {
        let mut story = Story::new(|_| {});
        story.types("a");
        story.pipe.handle_input(at(0), Some(Line::NotUtf8));
        story.done(2);
        let steps = story.steps();
        assert_eq!(steps.last().unwrap(), "end 2", "{steps:?}");
        assert_eq!(story.pipe.appetite(), Appetite::Nothing);
    }

    #[test]
    fn nobody_of_this_name_ends_it_at_once() {
        let mut story = Story::new(|_| {});
        story.types("a");
        story.refused(2, "unknown-peer");
        assert_eq!(story.steps().last().unwrap(), "end 7");
    }

    #[test]
    fn a_group_is_entered_only_by_a_session_of_its_own() {
        let group = || Target::Group("ops".parse().unwrap());
        for (own_session, item, then) in [
            (false, r#""mode":"group","group":"ops""#, "2 a"),
            (true, r#""mode":"normal""#, "1 ops"),
            (false, r#""mode":"normal""#, "end 7"),
        ] {
            let mut story = Story::new(|plan| {
                plan.to = group();
                plan.own_session = own_session;
            });
            assert_eq!(story.steps(), ["0 session"]);
            assert_eq!(story.pipe.appetite(), Appetite::Nothing);
            story.hears(&format!(r#"{{"v":1,"re":0,"item":{{{item}}}}}"#));
            story.types("a");
            assert_eq!(story.steps().last().unwrap(), then);
        }
    }
}
