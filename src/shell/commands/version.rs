//! `version`: which program this is.

use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, Reach, Refusal};
use crate::shell::control::PROGRAM;

pub(super) fn command() -> Command {
    Command::new("version", Heading::Program, "show which program this is", run)
        .reach(Reach::Nothing)
        .example("version", "ackchat 0.1.0")
}

fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Say(PROGRAM.to_owned()))
}
