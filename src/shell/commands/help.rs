//! `help`: the table of commands, or one of them with its examples.

use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, Refusal, TYPED_FACES};
use crate::shell::exit::ErrorCode;
use crate::shell::manual;

pub(super) fn command() -> Command {
    Command::new("help", Heading::Program, "list the commands, or explain one", run)
        .alias("h")
        .optional("command", Kind::Command)
        .faces(TYPED_FACES)
        .errors(&[ErrorCode::UnknownCommand])
        .example("help", "Messages")
        .example("help send", "send NAME TEXT")
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let Some(word) = args.word("command") else {
        return Ok(Action::Say(manual::overview(cx)));
    };
    let command = cx.registry.find(word.trim_start_matches('/'));
    let page = manual::page(command.ok_or(Refusal::UnknownCommand)?);
    Ok(Action::Say(page))
}
