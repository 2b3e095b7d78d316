//! `list_members`: who is in the group, in order of joining.

use crate::client::Request;
use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("list_members", Heading::Groups, "list the members of the group you are in", run)
        .alias("members")
        .modes(&[In::Group])
        .done("the server has answered")
        .errors(&[ErrorCode::NotMember, ErrorCode::ServerUnreachable])
        .example("list_members", "[Members in the group lounge:]")
}

const fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Request(Request::ListMembers))
}
