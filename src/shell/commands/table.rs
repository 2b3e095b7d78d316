//! `table`: who is here, as far as the server has told.

use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, Refusal};
use crate::shell::exit::ErrorCode;
use crate::shell::{records, render};

pub(super) fn command() -> Command {
    Command::new("table", Heading::Presence, "show who is registered, where, and who is here", run)
        .alias("who")
        .optional("name", Kind::Peer)
        .errors(&[ErrorCode::UnknownPeer])
        .example("table", "[Client table:]")
        .example("who bob", "[Client table:]")
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let only = args.peer("name");
    if only.is_some_and(|name| !cx.view.table.contains_key(name)) {
        return Err(Refusal::UnknownPeer);
    }
    let words = render::table(cx.view, only, cx.settings.style);
    Ok(Action::Tell(words, records::table(cx.view, only)))
}
