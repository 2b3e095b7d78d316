//! `grep`: messages that hold certain words.

use crate::client::port::Recall;
use crate::model::limits::HISTORY_COUNT_MAX;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, Reach, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new(
        "grep",
        Heading::History,
        "find messages that hold all these words, or words that begin so",
        run,
    )
    .required("text", Kind::Text)
    .reach(Reach::Disk)
    .done("it is read from this disk")
    .errors(&[ErrorCode::Disk])
    .example("grep lunch friday", "[No message found.]")
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let words = args.text("text").expect("bound: <text> is required");
    Ok(Action::Recall(Recall::Search {
        words: words.as_str().into(),
        count: HISTORY_COUNT_MAX,
    }))
}
