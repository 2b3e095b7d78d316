//! `create_group`: make a group; one enters it with `join_group`.

use crate::client::Request;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("create_group", Heading::Groups, "create a group (join_group enters it)", run)
        .alias("create")
        .required("group", Kind::Group)
        .modes(&[In::Normal])
        .done("the group is on the server's disk")
        .errors(&[
            ErrorCode::GroupExists,
            ErrorCode::BadName,
            ErrorCode::Quota,
            ErrorCode::ServerUnreachable,
        ])
        .example("create_group lounge", "[Group lounge created by Server.]")
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let group = args.group("group").expect("bound: <group> is required");
    Ok(Action::Request(Request::CreateGroup(group.clone())))
}
