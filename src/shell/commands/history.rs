//! `history`: what was said before.

use crate::client::port::Recall;
use crate::model::limits::{HISTORY_COUNT, HISTORY_COUNT_MAX};
use crate::shell::args::{Args, Kind, Target};
use crate::shell::command::{Action, Command, Context, Heading, Reach, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new(
        "history",
        Heading::History,
        "show the latest messages, of everybody or with one",
        run,
    )
    .alias("log")
    .optional("target", Kind::Target)
    .optional("count", Kind::Count)
    .reach(Reach::Disk)
    .done("it is read from this disk")
    .errors(&[ErrorCode::Disk])
    .example("history bob", "[History of bob:]")
    .example("history #lounge 5", "[History of #lounge:]")
    .example("log 100", "[History:]")
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let mut count = args.count("count");
    let mut target = args.target("target");
    // A number alone is how many, unless somebody is called so.
    if let (Some(Target::Name(name)), None) = (target, count)
        && !cx.view.table.contains_key(name)
        && let Ok(number @ 1..) = name.as_str().parse()
    {
        (count, target) = (Some(number), None);
    }
    Ok(Action::Recall(Recall::History {
        talk: target.cloned().map(Target::recipient),
        count: count.unwrap_or(HISTORY_COUNT).min(HISTORY_COUNT_MAX),
    }))
}
