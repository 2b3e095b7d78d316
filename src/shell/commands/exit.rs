//! `exit`: leave for good and end the program.

use crate::client::Request;
use crate::shell::args::Args;
use crate::shell::command::{Action, Command, Context, Heading, Refusal, SESSION_FACES};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("exit", Heading::Program, "leave for good and end the program", run)
        .alias("quit")
        .faces(SESSION_FACES)
        .done("the server has answered or five tries have passed; the program has ended")
        .errors(&[ErrorCode::ServerUnreachable])
        .example("exit", "[You are offline. Bye.]")
        .later_lines_wait()
}

const fn run(_: &Context<'_>, _: &Args) -> Result<Action, Refusal> {
    Ok(Action::Request(Request::Exit))
}
