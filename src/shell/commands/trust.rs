//! `trust`: accept the changed key of somebody whose digits were compared.

use crate::client::Request;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("trust", Heading::Keys, "accept the changed key of NAME", run)
        .required("name", Kind::Peer)
        .required("fingerprint", Kind::Fingerprint)
        .done("the key is kept on this disk")
        .errors(&[ErrorCode::UnknownPeer, ErrorCode::Refused])
        .example(
            "trust bob 05037 56379 02392 06913 53773 54517",
            "[Key of bob trusted: 05037 56379 02392 06913 53773 54517.]",
        )
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    Ok(Action::Request(Request::Trust {
        name: args.peer("name").expect("bound: <name> is required").clone(),
        fingerprint: args
            .fingerprint("fingerprint")
            .expect("bound: <fingerprint> is required"),
    }))
}
