//! `outbox`: what was sent and has no final word.

use crate::client::port::Recall;
use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, Reach, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new(
        "outbox",
        Heading::Messages,
        "show the messages of yours that nobody is known to have received",
        run,
    )
    .reach(Reach::Disk)
    .done("it is read from this disk")
    .errors(&[ErrorCode::Disk])
    .example("outbox", "[The outbox is empty.]")
}

fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Recall(Recall::Outbox))
}
