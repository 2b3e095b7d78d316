//! `export`: a conversation into a file.

use crate::shell::args::{Args, Kind, Target};
use crate::shell::command::{Action, Command, Context, Heading, Reach, Refusal, ALL_FACES};
use crate::shell::exit::ErrorCode;
use crate::shell::history::Form;

pub(super) fn command() -> Command {
    Command::new(
        "export",
        Heading::History,
        "write a conversation into a new file, .txt or .json",
        run,
    )
    .required("target", Kind::Target)
    .required("file", Kind::File)
    .faces(ALL_FACES)
    .reach(Reach::Disk)
    .done("the file is written and on disk; .json has an object of JSON a line")
    .errors(&[ErrorCode::Disk])
    .example("export bob talk.txt", "[0 messages written to talk.txt.]")
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let target = args.target("target").expect("bound: <target> is required");
    let file = args.word("file").expect("bound: <file> is required");
    Form::of(file).ok_or(Refusal::BadSuffix)?;
    let talk = Target::recipient(target.clone());
    Ok(Action::Export(talk, file.into()))
}
