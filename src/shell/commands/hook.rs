//! `hook`: what runs when something happens.

use crate::shell::args::{Args, Kind};
use crate::shell::command::{Action, Command, Context, Face, Heading, HookWish, Refusal};
use crate::shell::exit::ErrorCode;

pub(super) fn command() -> Command {
    Command::new("hook", Heading::Program, "show hooks, try them with an event, switch one", run)
        .required("what", Kind::choice(&["list", "on", "off", "test"]))
        .optional("words", Kind::Text)
        .faces(&[Face::Shell, Face::Socket])
        .errors(&[ErrorCode::Refused])
        .example("hook list", "[No hooks: config.toml has none.]")
        .example("hook test message from=bob text=\"hi there\"", "[Nothing was run.]")
}

fn run(_: &Context<'_>, args: &Args) -> Result<Action, Refusal> {
    let words = args.text("words").map_or("", |words| words.as_str().trim());
    Ok(Action::Hook(match args.word("what") {
        Some("on") => HookWish::On(words.to_owned()),
        Some("off") => HookWish::Off(words.to_owned()),
        Some("test") => HookWish::Test(words.to_owned()),
        _ => HookWish::List,
    }))
}
