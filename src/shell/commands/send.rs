//! `send`: a message to one person or program.

use crate::client::Request;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("send", Heading::Messages, "send a message to one person", run)
        .alias("msg")
        .required("name", Kind::Peer)
        .required("text", Kind::Text)
        .message()
        .modes(&[In::Normal, In::PrivateGroup])
        .done("the recipient's program, or else the server, says that it has the message on disk")
        .errors(&[
            ErrorCode::UnknownPeer,
            ErrorCode::KeyChanged,
            ErrorCode::Quota,
            ErrorCode::RateLimited,
            ErrorCode::TooLong,
            ErrorCode::ServerUnreachable,
        ])
        .example("send bob are you there?", "[Message received by bob.]")
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    Ok(Action::Request(Request::Send {
        to: args.peer("name").expect("bound: <name> is required").clone(),
        text: args.text("text").expect("bound: <text> is required").clone(),
        auto: false,
        id: None,
    }))
}
