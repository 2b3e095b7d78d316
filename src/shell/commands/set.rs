//! `set`: what is set, and by whom; another value for the rest of the session.

use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Heading, Refusal, SESSION_FACES};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("set", Heading::Program, "show the settings, or change one", run)
        .optional("key", Kind::Setting)
        .optional("value", Kind::SettingValue)
        .faces(SESSION_FACES)
        .errors(&[ErrorCode::Refused])
        .example("set time short", "  time = short  (set)")
        .example("set notify", "  notify = bell  (built-in)")
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let word = |name| args.word(name).map(str::to_owned);
    Ok(Action::Set(word("key"), word("value")))
}
