//! `list_groups`: all groups in order of creation.

use crate::client::Request;
use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("list_groups", Heading::Groups, "list all groups", run)
        .alias("groups")
        .modes(&[In::Normal])
        .done("the server has answered")
        .errors(&[ErrorCode::ServerUnreachable])
        .example("list_groups", "[Available Group Chats:]")
}

const fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Request(Request::ListGroups))
}
