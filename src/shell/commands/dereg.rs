//! `dereg`: go away and stay able to come back; messages are stored meanwhile.

use crate::client::Request;
use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, In, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("dereg", Heading::Presence, "go offline; the program runs on, mail is stored", run)
        .alias("away")
        .optional("name", Kind::Oneself)
        .modes(&[In::Normal, In::Group])
        .done("the server has it on disk")
        .errors(&[ErrorCode::NotSelf, ErrorCode::ServerUnreachable])
        .example("dereg", "[You are offline. Bye.]")
        .later_lines_wait()
}

fn run(cx: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let own = &cx.view.name;
    let is_own = |word: &str| word.eq_ignore_ascii_case(own.as_str());
    if !args.word("name").is_none_or(is_own) {
        return Err(Refusal::NotSelfDereg(own.clone()));
    }
    Ok(Action::Request(if cx.settings.exit_on_dereg {
        Request::Exit
    } else {
        Request::Dereg
    }))
}
