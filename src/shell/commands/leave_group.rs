//! `leave_group`: leave the group; private messages that were held are shown then.

use crate::client::Request;
use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("leave_group", Heading::Groups, "leave the group you are in", run)
        .alias("leave")
        .modes(&[In::Group])
        .done("you are no member any more, on the server's disk")
        .errors(&[ErrorCode::ServerUnreachable])
        .example("leave_group", "[Leave group chat lounge.]")
        .later_lines_wait()
}

const fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Request(Request::LeaveGroup))
}
