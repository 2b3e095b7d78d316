//! `clear`: an empty screen.

use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Face, Heading, Refusal};

pub(super) fn command() -> Command {
    Command::new("clear", Heading::Program, "clear the screen, as Ctrl-L does", run)
        .faces(&[Face::Shell])
        .example("clear", "")
}

const fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Clear)
}
