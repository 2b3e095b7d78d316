//! `verify`: digits that two people compare by another way than this one.

use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, Reach, Refusal};
use crate::shell::exit::ErrorCode;
use crate::shell::render;

pub(super) fn command() -> Command {
    Command::new(
        "verify",
        Heading::Keys,
        "show the digits that you and NAME see, or your own",
        run,
    )
    .optional("name", Kind::Peer)
    .reach(Reach::Disk)
    .errors(&[ErrorCode::UnknownPeer, ErrorCode::Refused])
    .example("verify bob", "[Fingerprint of bob: DIGITS]")
    .example("verify", "[Fingerprint of alice: DIGITS]")
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let style = cx.settings.style;
    match args.peer("name").filter(|name| **name != cx.view.name) {
        None => Ok(Action::Say(render::own_fingerprint(cx.view, style))),
        Some(name) => match cx.view.identities.get(name) {
            Some(identity) => Ok(Action::Say(render::shared_fingerprint(
                cx.view, name, identity, style,
            ))),
            None if cx.view.table.contains_key(name) => Err(Refusal::NoKey(name.clone())),
            None => Err(Refusal::UnknownPeer),
        },
    }
}
