//! `plugin`: commands that are programs of somebody else.

use crate::shell::args::{Args, Kind, Need};
use crate::shell::command::{Action, Command, Context, Face, Heading, Reach, Refusal};
use crate::shell::exit::ErrorCode;
use crate::shell::external::Word;

pub(super) fn command() -> Command {
    Command::new(
        "plugin",
        Heading::Program,
        "list the commands of other programs; write a script for a new one",
        run,
    )
    .required("what", Kind::choice(&["list", "new"]))
    .optional("name", Kind::Word)
    .reach(Reach::Nothing)
    .faces(&[Face::Shell, Face::OneShot])
    .done("the list is complete, or the script is there")
    .errors(&[ErrorCode::BadName, ErrorCode::Refused])
    .example("plugin list", "[No commands of other programs.]")
    .example("plugin new later", "[A script to begin with: ")
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    if args.word("what") == Some("list") {
        return Ok(Action::ListExternal);
    }
    let Some(name) = args.word("name") else {
        let params = cx.registry.find("plugin").map(|command| &command.params);
        let name = params.and_then(|params| params.iter().find(|p| p.need == Need::Optional));
        let name = name.expect("built in: plugin has an optional <name>").clone();
        return Err(Refusal::Missing(name));
    };
    let word = Word::new(name).ok_or(Refusal::BadProgramName)?;
    Ok(Action::NewExternal(word))
}
