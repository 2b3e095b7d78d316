//! `join_group`: enter a group and make it the current one.

use crate::client::Request;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("join_group", Heading::Groups, "enter a group", run)
        .alias("join")
        .required("group", Kind::Group)
        .modes(&[In::Normal])
        .done("the server has you on disk as a member")
        .errors(&[
            ErrorCode::UnknownGroup,
            ErrorCode::BadName,
            ErrorCode::Quota,
            ErrorCode::ServerUnreachable,
        ])
        .example("join_group lounge", "[Entered group lounge successfully.]")
        .later_lines_wait()
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let group = args.group("group").expect("bound: <group> is required");
    Ok(Action::Request(Request::JoinGroup(group.clone())))
}
