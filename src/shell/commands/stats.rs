//! `stats`: what was counted on the network since the program started.

use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, Refusal};

pub(super) fn command() -> Command {
    Command::new("stats", Heading::Program, "show what was counted since the start", run)
        .example("stats", "[Stats:]")
}

const fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Query("stats"))
}
