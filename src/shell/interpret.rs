//! What a line asks for, in the mode and the conversation in which it is entered.

use super::args::{Args, Target, Words};
use super::asked::Asker;
use super::assist::{Assist, Colours};
use super::command::{Action, CommandError, Context, Face, LaterLines, Refusal, Run};
use super::external::Program;
use super::grammar::{self, Input};
use super::manual;
use super::registry::{Call, Parsed};
use super::settings::Look;
use crate::client::Request;
use crate::model::InvalidText;
use std::collections::BTreeSet;
use std::ops::Range;

/// What is to be done for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub action: Action,
    /// Whether later lines wait for its outcome.
    pub later_lines: LaterLines,
}

/// Reads a line; `None` if it is blank.
///
/// # Errors
/// It is not carried out: a wrong word, a wrong mode or wrong arguments.
pub fn interpret(
    cx: &Context<'_>,
    conversation: Option<&Target>,
    source: &str,
) -> Result<Option<Order>, CommandError> {
    let input = match conversation {
        Some(_) => Input::Conversation,
        None => Input::Command,
    };
    let unconfirmed = BTreeSet::new();
    let assist = Assist {
        cx: *cx,
        conversation,
        recent: &[],
        unconfirmed: &unconfirmed,
        files: None,
        look: Look::default(),
        colours: Colours::Off,
    };
    if let Some(answer) = assist.answer(source) {
        return Ok(Some(Order::say(answer)));
    }
    match (cx.registry.parse(source, input)?, conversation) {
        (Parsed::Call(call), _) => {
            let rest = source.get(call.word.end..).unwrap_or_default();
            if rest.trim() == "--help" {
                return Ok(Some(Order::say(manual::page(call.command))));
            }
            let args_span = grammar::rest(source, call.word.end).map(|rest| rest.span);
            run(cx, conversation, call, args_span).map(Some)
        }
        (Parsed::Say(text), Some(target)) => say(cx, target, &text).map(Some),
        (Parsed::Blank | Parsed::Say(_), _) => Ok(None),
    }
}

/// Reads words that a program wrote down.
///
/// # Errors
/// As for a line.
pub fn interpret_words(cx: &Context<'_>, words: &[String]) -> Result<Order, CommandError> {
    let Some((word, others)) = words.split_first() else {
        return Err(Refusal::UnknownCommand.at(0..0));
    };
    let span = 0..word.len();
    let command = cx.registry.find(word);
    let command = command.ok_or_else(|| Refusal::UnknownCommand.at(span.clone()))?;
    let others = Words(others, word.len() + 1);
    let args_span = (!others.0.is_empty()).then(|| others.span(0..others.0.len()));
    let args = Args::bind_words(&command.params, &others).map_err(|mut error| {
        error.usage = Some(command.usage());
        error
    });
    let call = Call {
        command,
        word: span,
        args,
    };
    run(cx, None, call, args_span)
}

impl Order {
    fn say(text: String) -> Self {
        Self {
            action: Action::Say(text),
            later_lines: LaterLines::Run,
        }
    }
}

/// The mode is checked first: what is not valid here has no usage here.
fn run(
    cx: &Context<'_>,
    conversation: Option<&Target>,
    call: Call<'_>,
    args_span: Option<Range<usize>>,
) -> Result<Order, CommandError> {
    let Call {
        command,
        word,
        args,
    } = call;
    let is_program = cx.asker != Asker::Terminal;
    if is_program && !command.faces.contains(&Face::Socket) {
        return Err(Refusal::TerminalOnly.at(word));
    }
    // What a program with a view of its own may do now, the client knows.
    if cx.asker != Asker::Free && !command.is_valid(&cx.view.mode, cx.settings) {
        return Err(Refusal::WrongMode.at(word));
    }
    let args_span = args_span.unwrap_or_else(|| word.clone());
    let args = args?;
    let done = match &command.run {
        Run::BuiltIn(run) => run(cx, &args),
        Run::External(external) => Ok(Action::Run(Program {
            external: external.clone(),
            words: args.words().to_vec(),
            conversation: conversation.map(Target::to_string),
        })),
    };
    match done {
        Ok(action) => Ok(Order {
            action,
            later_lines: command.later_lines,
        }),
        Err(Refusal::WrongMode) => Err(Refusal::WrongMode.at(word)),
        Err(refusal) => Err(refusal.at(args_span)),
    }
}

/// A text for somebody.
///
/// # Errors
/// It cannot be sent in this mode, or it is no text.
///
/// # Panics
/// If `send` or `send_group` is not built in.
pub fn say(cx: &Context<'_>, target: &Target, text: &str) -> Result<Order, CommandError> {
    let command = match target {
        Target::Group(_) => "send_group",
        Target::Name(_) => "send",
    };
    let command = cx
        .registry
        .find(command)
        .expect("both commands are built in");
    if !command.is_valid(&cx.view.mode, cx.settings) {
        return Err(Refusal::WrongMode.at(0..text.len()));
    }
    let text = match text.parse() {
        Ok(text) => text,
        Err(InvalidText::Empty | InvalidText::Long) => return Err(Refusal::LongText.at(0..0)),
    };
    let auto = false;
    let request = match target.clone() {
        Target::Group(_) => Request::SendGroup { text, auto },
        Target::Name(to) => Request::Send {
            to,
            text,
            auto,
            id: None,
        },
    };
    Ok(Order {
        action: Action::Request(request),
        later_lines: command.later_lines,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::client::view::{Entry, View};
    use crate::client::{GroupPrivate, Mode};
    use crate::model::{GroupName, Name};
    use crate::secure::Fingerprint;
    use crate::shell::registry::Registry;
    use crate::shell::{OnFailure, Settings, Style, explain, render};
    use crate::wire::row::Status;

    pub(in crate::shell) const SETTINGS: Settings = Settings {
        exit_on_dereg: false,
        group_private: GroupPrivate::Refuse,
        show_table: false,
        style: Style::Bracket,
        on_failure: OnFailure::Show,
    };

    pub(in crate::shell) fn name(name: &str) -> Name {
        name.parse().unwrap()
    }

    pub(in crate::shell) fn group(name: &str) -> GroupName {
        name.parse().unwrap()
    }

    /// Alice, who knows bob (here) and carol (away).
    pub(in crate::shell) fn view(mode: Mode) -> View {
        let entry = |status, address: Option<&str>| Entry {
            status,
            address: address.map(|address| address.parse().unwrap()),
            key_changed: false,
        };
        View {
            name: name("alice"),
            mode,
            server_responds: true,
            table: [
                (name("alice"), entry(Status::Online, Some("127.0.0.1:5001"))),
                (name("bob"), entry(Status::Online, Some("127.0.0.1:5002"))),
                (name("Carol"), entry(Status::Away, None)),
                (name("dave"), entry(Status::Silent, Some("127.0.0.1:5004"))),
            ]
            .into(),
            table_complete: true,
            groups: [group("lounge")].into(),
            held: 0,
            fingerprint: Fingerprint([1, 2, 3, 4, 5, 6]),
            identities: std::collections::BTreeMap::new(),
            server_identity: None,
        }
    }

    fn in_group() -> Mode {
        Mode::Group(group("lounge"))
    }

    struct Story {
        registry: Registry,
        settings: Settings,
        view: View,
        conversation: Option<Target>,
    }

    impl Story {
        fn new(mode: Mode) -> Self {
            Self {
                registry: Registry::builtin(),
                settings: SETTINGS,
                view: view(mode),
                conversation: None,
            }
        }

        fn cx(&self) -> Context<'_> {
            Context {
                view: &self.view,
                settings: &self.settings,
                registry: &self.registry,
                asker: Asker::Terminal,
            }
        }

        fn action(&self, line: &str) -> Action {
            let order = interpret(&self.cx(), self.conversation.as_ref(), line);
            order
                .unwrap_or_else(|e| panic!("{line}: {e:?}"))
                .unwrap()
                .action
        }

        /// The notice and the hint under it.
        fn refused(&self, line: &str) -> String {
            let error = interpret(&self.cx(), self.conversation.as_ref(), line).unwrap_err();
            let notice = render::refusal(&error, Style::Bracket);
            match explain::hint(line, &error, &self.cx()) {
                Some(hint) => format!("{notice}\n{hint}"),
                None => notice,
            }
        }
    }

    #[test]
    fn the_mode_decides_which_commands_are_valid() {
        let everywhere = ["table", "verify", "trust bob 0", "close", "help", "exit"];
        let normal = [
            "send bob t",
            "send_all t",
            "dereg",
            "create_group g",
            "list_groups",
            "join_group g",
            "open bob",
        ];
        let in_a_group = [
            "send_all t",
            "send_group t",
            "dereg",
            "list_members",
            "leave_group",
            "open #lounge",
        ];
        let offline = ["reg"];
        let all: Vec<&str> = [&everywhere[..], &normal, &in_a_group, &offline].concat();
        for (mode, valid) in [
            (Mode::Normal, &normal[..]),
            (in_group(), &in_a_group),
            (Mode::Offline(None), &offline),
            (Mode::Offline(Some(group("lounge"))), &offline),
            (Mode::Starting, &[]),
        ] {
            let story = Story::new(mode.clone());
            for line in &all {
                let refused = interpret(&story.cx(), None, line)
                    .is_err_and(|error| error.refusal == Refusal::WrongMode);
                let valid = valid.contains(line) || everywhere.contains(line);
                assert_eq!(refused, !valid, "{line} in {mode:?}");
            }
        }
    }

    #[test]
    fn settings_may_allow_private_messages_in_a_group() {
        let mut story = Story::new(in_group());
        assert!(
            story
                .refused("send bob hi")
                .starts_with("[Invalid command!]")
        );
        assert!(story.refused("open bob").starts_with("[Invalid command!]"));
        story.settings.group_private = GroupPrivate::Allow;
        assert!(matches!(
            story.action("send bob hi"),
            Action::Request(Request::Send { .. })
        ));
        assert_eq!(
            story.action("open bob"),
            Action::Open(Target::Name(name("bob")))
        );
    }

    #[test]
    fn send_all_means_everybody_or_the_group() {
        let (text, auto) = ("hi".parse().unwrap(), false);
        let everybody = Request::SendAll { text, auto };
        assert_eq!(
            Story::new(Mode::Normal).action("all hi"),
            Action::Request(everybody)
        );
        let (text, auto) = ("hi".parse().unwrap(), false);
        let members = Request::SendGroup { text, auto };
        assert_eq!(
            Story::new(in_group()).action("all hi"),
            Action::Request(members)
        );
    }

    #[test]
    fn dereg_and_reg_take_ones_own_name_or_none() {
        let mut story = Story::new(Mode::Normal);
        for line in ["dereg", "dereg alice", "dereg ALICE"] {
            assert_eq!(story.action(line), Action::Request(Request::Dereg));
        }
        let wrong = "[Invalid name for de-registration, should be alice.]";
        assert_eq!(story.refused("dereg bob"), wrong);
        assert_eq!(story.refused("dereg b;b"), wrong);
        story.settings.exit_on_dereg = true;
        assert_eq!(story.action("dereg"), Action::Request(Request::Exit));
        let away = Story::new(Mode::Offline(None));
        assert_eq!(away.action("reg alice"), Action::Request(Request::Reg));
        assert_eq!(
            away.refused("reg bob"),
            "[Invalid name for log-back, should be alice.]"
        );
    }

    #[test]
    fn a_refusal_says_where_and_what_now() {
        let normal = Story::new(Mode::Normal);
        for (line, shown) in [
            (
                "sned bob hi",
                "[Invalid command!]\n  sned bob hi\n  ^^^^ did you mean send?",
            ),
            (
                "hello",
                "[Invalid command!]\n  hello\n  ^^^^^ no command: help lists all",
            ),
            (
                "send",
                "[Usage: send NAME TEXT]\n  send\n      ^ NAME is missing, e.g. bob, Carol",
            ),
            (
                "send bob",
                "[Usage: send NAME TEXT]\n  send bob\n          ^ TEXT is missing",
            ),
            (
                "send bob \"\"",
                "[Usage: send NAME TEXT]\n  send bob \"\"\n           ^^ TEXT is empty",
            ),
            (
                "exit now",
                "[Usage: exit]\n  exit now\n       ^^^ nothing stands here",
            ),
            ("send ;;; hi", "[User does not exist.]"),
            (
                "table bobb",
                "[User does not exist.]\n  table bobb\n        ^^^^ did you mean bob?",
            ),
            (
                "open bbo",
                "[User does not exist.]\n  open bbo\n       ^^^ did you mean bob?",
            ),
            (
                "send_group t",
                "[Invalid command!]\n  send_group t\n  ^^^^^^^^^^ \
                 you are in no group: join_group first",
            ),
            (
                "reg",
                "[Invalid command!]\n  reg\n  ^^^ you are online: only after dereg",
            ),
            (
                "help sedn",
                "[Invalid command!]\n  help sedn\n       ^^^^ did you mean send?",
            ),
            ("verify bob", "[No key of bob is known yet.]"),
            ("verify zoe", "[User does not exist.]"),
            (
                "trust bob 123",
                "[Usage: trust NAME FINGERPRINT]\n  trust bob 123\n            ^^^ \
                 a fingerprint is 30 digits, as verify shows it",
            ),
        ] {
            assert_eq!(normal.refused(line), shown);
        }
        assert!(
            normal
                .refused("create_group roomB;")
                .starts_with("[Group name should not contain ';'. Try again.]\n")
        );
        assert!(
            normal
                .refused("create_group -g")
                .starts_with("[Invalid group name. Try again.]\n")
        );
        assert!(
            normal
                .refused(&format!("create_group {}", "g".repeat(33)))
                .starts_with("[Invalid group name. Try again.]\n")
        );
    }

    #[test]
    fn in_a_conversation_every_line_is_a_message_unless_it_begins_with_a_slash() {
        let mut story = Story::new(Mode::Normal);
        story.conversation = Some(Target::Name(name("bob")));
        let said = |story: &Story, line: &str| match story.action(line) {
            Action::Request(Request::Send {
                to,
                text,
                auto: false,
                id: None,
            }) => {
                assert_eq!(to, name("bob"));
                text.to_string()
            }
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(said(&story, "exit"), "exit");
        assert_eq!(said(&story, " \"quoted\" "), " \"quoted\" ");
        assert_eq!(said(&story, "//shrug"), "/shrug");
        assert_eq!(story.action(" /close"), Action::Close);
        assert_eq!(
            interpret(&story.cx(), story.conversation.as_ref(), "  "),
            Ok(None)
        );
        assert!(story.refused("/sned").starts_with("[Invalid command!]"));
        story.view.mode = Mode::Offline(None);
        assert!(story.refused("hi").starts_with("[Invalid command!]"));
    }

    #[test]
    fn a_conversation_opens_only_with_somebody_who_can_be_written_to() {
        let mut story = Story::new(Mode::Normal);
        assert!(
            story
                .refused("open #lounge")
                .starts_with("[Invalid command!]")
        );
        story.view.table_complete = false;
        assert_eq!(
            story.action("open zoe"),
            Action::Open(Target::Name(name("zoe")))
        );
        story.view.mode = in_group();
        assert_eq!(
            story.action("open #lounge"),
            Action::Open(Target::Group(group("lounge")))
        );
        assert!(
            story
                .refused("open #other")
                .starts_with("[Invalid command!]")
        );
    }

    #[test]
    fn local_commands_answer_from_what_is_known() {
        let mut story = Story::new(Mode::Normal);
        story
            .view
            .identities
            .insert(name("bob"), crate::model::PublicKey([7; 32]));
        let said = |line: &str| match story.action(line) {
            Action::Say(text) | Action::Tell(text, _) => text,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(
            said("table"),
            "[Client table:]\n[alice 127.0.0.1:5001 online]\n[bob 127.0.0.1:5002 online]\n\
             [Carol - away]\n[dave - offline]"
        );
        assert_eq!(said("who CAROL"), "[Client table:]\n[Carol - away]");
        assert!(said("verify").starts_with("[Fingerprint of alice: 00001 00002 "));
        let both = said("verify bob");
        assert_eq!(
            both.chars().filter(char::is_ascii_digit).count(),
            60,
            "{both}"
        );
        let mut changed = Story::new(Mode::Normal);
        let key = crate::model::PublicKey([7; 32]);
        changed.view.identities.insert(name("bob"), key);
        changed
            .view
            .table
            .get_mut(&name("bob"))
            .unwrap()
            .key_changed = true;
        let Action::Say(marked) = changed.action("verify bob") else {
            panic!("it says something");
        };
        assert!(marked.ends_with("the one in use now is another: see help keys"));
        let overview = said("help");
        assert!(overview.find("send NAME TEXT") < overview.find("Not in this mode"));
        assert!(overview.find("send_group TEXT") > overview.find("Not in this mode"));
        assert!(said("help msg").contains("send bob are you there?"));
        assert_eq!(said("help /send"), said("help msg"));
        assert_eq!(said("send --help"), said("help msg"));
        assert!(said("help keyboard").contains("Ctrl-R"));
        assert!(said("send ?").contains("bob  online"));
        assert!(
            story
                .refused("help keybord")
                .contains("did you mean keyboard?")
        );
    }
}
