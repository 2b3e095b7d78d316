//! `session`: which session this is, and where programs reach it.

use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, Refusal};

pub(super) fn command() -> Command {
    Command::new("session", Heading::Program, "show who and where this session is", run)
        .example("session", "[Session:]")
}

const fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Query("session"))
}
