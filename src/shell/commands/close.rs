//! `close`: end the conversation.

use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, Refusal, TYPED_FACES};

pub(super) fn command() -> Command {
    Command::new("close", Heading::Messages, "end the conversation", run)
        .faces(TYPED_FACES)
        .example("/close", "")
}

const fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Close)
}
