//! `unread`: who has written what was not shown yet.

use crate::client::port::Recall;
use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, Reach, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new(
        "unread",
        Heading::History,
        "show how many messages of whom are here and were not shown",
        run,
    )
    .reach(Reach::Disk)
    .done("it is read from this disk")
    .errors(&[ErrorCode::Disk])
    .example("unread", "[No unread messages.]")
}

fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Recall(Recall::Unread))
}
