//! `send_group`: a message to the other members of the group one is in.

use crate::client::Request;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("send_group", Heading::Groups, "send a message to the group you are in", run)
        .alias("say")
        .required("text", Kind::Text)
        .message()
        .modes(&[In::Group])
        .done("the server has the message on disk for every member")
        .errors(&[
            ErrorCode::NotMember,
            ErrorCode::RateLimited,
            ErrorCode::TooLong,
            ErrorCode::ServerUnreachable,
        ])
        .example("send_group hello, all", "[Group message received by server.]")
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    Ok(Action::Request(Request::SendGroup {
        text: args.text("text").expect("bound: <text> is required").clone(),
        auto: false,
    }))
}
