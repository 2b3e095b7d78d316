//! `record`: a script of what is typed and seen, written while it happens.

use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Face, Heading, Recording, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new(
        "record",
        Heading::Program,
        "write what you type and see to FILE, as a script",
        run,
    )
    .required("what", Kind::choice(&["start", "stop"]))
    .optional("file", Kind::File)
    .faces(&[Face::Shell, Face::Socket])
    .done("the file is there, or complete")
    .errors(&[ErrorCode::Refused])
    .example("record start tuesday.chat", "[Recording to tuesday.chat.]")
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let file = args.word("file");
    let recording = if args.word("what") == Some("stop") {
        Recording::Stop
    } else {
        let own = || format!("{}.chat", cx.view.name);
        Recording::Start(file.map_or_else(own, str::to_owned))
    };
    Ok(Action::Record(recording))
}
