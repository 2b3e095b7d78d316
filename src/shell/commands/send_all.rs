//! `send_all`: a message to everybody, or in a group to its members.

use crate::client::Request;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new(
        "send_all",
        Heading::Messages,
        "send a message to everybody, or to the group you are in",
        run,
    )
    .alias("all")
    .required("text", Kind::Text)
    .message()
    .modes(&[In::Normal, In::Group])
    .done("the server has the message on disk for everybody")
    .errors(&[
        ErrorCode::NotMember,
        ErrorCode::RateLimited,
        ErrorCode::TooLong,
        ErrorCode::ServerUnreachable,
    ])
    .example("send_all lunch is ready", "[Group message received by server.]")
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let text = args.text("text").expect("bound: <text> is required").clone();
    let auto = false;
    Ok(Action::Request(if cx.is_in_group() {
        Request::SendGroup { text, auto }
    } else {
        Request::SendAll { text, auto }
    }))
}
