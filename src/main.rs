//! Arguments in, exit code out.

mod cli;

use ackchat::driver;
use cli::{Invocation, Refused};
use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Arguments that are no UTF-8 become names and ports that are refused.
    let args = env::args_os().skip(1);
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let exit = match cli::parse(&args) {
        Ok(Invocation::Config(file, question)) => {
            driver::config::answer(file.as_deref(), &question)
        }
        Ok(Invocation::Demo(serve, join)) => driver::host::demo(&serve, &join),
        Ok(Invocation::External(path, words)) => {
            driver::programs::plugins::become_program(&path, &words)
        }
        Ok(Invocation::Host(serve, join)) => driver::host::host(&serve, &join),
        Ok(Invocation::Join(options)) => driver::client::run(&options),
        Ok(Invocation::Man(page)) => driver::output::page(&page),
        Ok(Invocation::Merge(files)) => driver::script::merge::run(&files),
        Ok(Invocation::Notify(options, wrapped)) => {
            return ExitCode::from(driver::programs::wrapped::run(&options, &wrapped));
        }
        Ok(Invocation::OneShot(options)) => driver::programs::oneshot::run(&options),
        Ok(Invocation::Plugin(wish)) => driver::programs::plugins::answer(&wish),
        Ok(Invocation::Print(text)) => driver::output::say(&text),
        Ok(Invocation::Replay(options)) => driver::script::run::replay(&options),
        Ok(Invocation::Run(options)) => driver::script::run::run(&options),
        Ok(Invocation::Serve(options)) => driver::server::run(&options),
        Ok(Invocation::Upkeep(upkeep)) => driver::upkeep::run(&upkeep),
        Err(Refused { line, exit }) => {
            drop(writeln!(io::stderr(), "{line}"));
            exit
        }
    };
    ExitCode::from(exit.code())
}
