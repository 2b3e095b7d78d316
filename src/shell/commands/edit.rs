//! `edit`: write a message in one's own editor.

use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Face, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("edit", Heading::Messages, "write a message in $VISUAL or $EDITOR", run)
        .optional("target", Kind::Target)
        .modes(&[In::Normal, In::Group])
        .faces(&[Face::Shell])
        .done("the editor is closed, and then as send")
        .errors(&[ErrorCode::Refused, ErrorCode::UnknownPeer])
        .example("edit bob", "[Message received by bob.]")
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    Ok(Action::Edit(args.target("target").cloned()))
}
