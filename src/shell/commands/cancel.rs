//! `cancel`: give up a message that nobody has confirmed.

use crate::client::Request;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, Reach, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new(
        "cancel",
        Heading::Messages,
        "give up a message in the outbox that the server does not have",
        run,
    )
    .required("id", Kind::Id)
    .reach(Reach::Disk)
    .done("it will not be tried again; it may have arrived")
    .errors(&[ErrorCode::Refused])
    .example("cancel 5f3a", "[Message to bob failed: cancelled, it may have arrived.]")
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let digits = args.word("id").expect("bound: <id> is required");
    Ok(Action::Request(Request::Cancel(digits.into())))
}
