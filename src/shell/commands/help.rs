//! `help`: the table of commands, or one of them with its examples.

use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, Refusal, TYPED_FACES};
use crate::shell::exit::ErrorCode;
use crate::shell::{manual, topics};

pub(super) fn command() -> Command {
    Command::new("help", Heading::Program, "list the commands, or explain one, or a topic", run)
        .alias("h")
        .optional("topic", Kind::Topic)
        .faces(TYPED_FACES)
        .errors(&[ErrorCode::UnknownCommand])
        .example("help", "Messages")
        .example("help send", "send NAME TEXT")
        .example("help keyboard", "keyboard - keys at the prompt")
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let Some(word) = args.word("topic") else {
        return Ok(Action::Say(manual::overview(cx)));
    };
    let word = word.trim_start_matches('/');
    if let Some(topic) = topics::find(word) {
        return Ok(Action::Say(topic.text.to_owned()));
    }
    let command = cx.registry.find(word);
    let page = manual::page(command.ok_or(Refusal::UnknownCommand)?);
    Ok(Action::Say(page))
}
