//! `reg`: come back after `dereg`; the mail that waited is shown.

use crate::client::Request;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("reg", Heading::Presence, "come back online", run)
        .alias("back")
        .optional("name", Kind::Oneself)
        .modes(&[In::Offline])
        .done("you are logged in, your table is current and waiting mail has arrived")
        .errors(&[ErrorCode::NotSelf, ErrorCode::NameTaken, ErrorCode::ServerUnreachable])
        .example("reg", "[Welcome back!]")
        .later_lines_wait()
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let own = &cx.view.name;
    let is_own = |word: &str| word.eq_ignore_ascii_case(own.as_str());
    if !args.word("name").is_none_or(is_own) {
        return Err(Refusal::NotSelfReg(own.clone()));
    }
    Ok(Action::Request(Request::Reg))
}
