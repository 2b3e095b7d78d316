//! `open`: begin a conversation, in which lines are messages.

use crate::client::{GroupPrivate, Mode};
use crate::shell::args::{Args, Kind, Target};
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal, TYPED_FACES};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new(
        "open",
        Heading::Messages,
        "begin a conversation: every line is a message, /word a command",
        run,
    )
    .alias("talk")
    .required("target", Kind::Target)
    .modes(&[In::Normal, In::Group])
    .faces(TYPED_FACES)
    .errors(&[ErrorCode::UnknownPeer, ErrorCode::WrongMode, ErrorCode::BadName])
    .example("open bob", "")
    .example("open #lounge", "")
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let target = args.target("target").expect("bound: <target> is required");
    match (target, &cx.view.mode) {
        (Target::Group(group), Mode::Group(current)) if group == current => {}
        (Target::Group(_), _) => return Err(Refusal::WrongMode),
        (Target::Name(_), Mode::Group(_)) if cx.settings.group_private == GroupPrivate::Refuse => {
            return Err(Refusal::WrongMode);
        }
        (Target::Name(name), _)
            if cx.view.table_complete && !cx.view.table.contains_key(name) =>
        {
            return Err(Refusal::UnknownPeer);
        }
        (Target::Name(_), _) => {}
    }
    Ok(Action::Open(target.clone()))
}
