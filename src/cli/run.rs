//! The arguments of `run` and `replay`.

use super::{Refused, refused};
use ackchat::driver::client::JoinOptions as Join;
use ackchat::driver::script::run::{Format, ReplayOptions, RunOptions, Task};
use ackchat::model::Name;
use ackchat::script::replay::Pace;
use ackchat::script::tree::duration;
use ackchat::secure::Fingerprint;
use ackchat::sim::Conditions;
use clap::{Args, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The longest delay of a reordered datagram under `--reorder`: several others pass.
const LATE: Duration = Duration::from_millis(3);

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that somebody types"
)]
pub(super) struct RunArgs {
    /// Scripts; "-" is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Only tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Name the tests and run none
    #[arg(long)]
    list: bool,
    /// Say what is wrong with the files, or probably not meant, and run none
    #[arg(long, conflicts_with = "list")]
    check: bool,
    /// Give a variable its value
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    var: Vec<(String, String)>,
    /// The same, and no report shows the value
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    secret: Vec<(String, String)>,
    /// The seed, in place of the files' own
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Every test under each of these seeds, until one fails
    #[arg(long, value_name = "A..B", value_parser = seeds, conflicts_with = "seed")]
    seeds: Option<(u64, u64)>,
    /// Over loopback sockets and in real time instead of simulated
    #[arg(long)]
    real: bool,
    /// Messages that no line looked at fail a test
    #[arg(long)]
    strict: bool,
    /// After a failure go on with the next line
    #[arg(long)]
    keep_going: bool,
    /// How long a test may take of the time of this machine
    #[arg(long, value_name = "DURATION", value_parser = limit, default_value = "60s")]
    wall_limit: Duration,
    /// Percent of datagrams that the simulated network loses before a script says otherwise
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value_t = 0)]
    drop: u16,
    /// Percent that come twice
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value_t = 0)]
    dup: u16,
    /// Percent that others overtake
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value_t = 0)]
    reorder: u16,
    /// Whose client runs the files that have no server of their own
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Write a Mermaid sequence diagram of each test: FILE, FILE-2, ..
    #[arg(long, value_name = "FILE", conflicts_with = "real")]
    diagram: Option<PathBuf>,
    /// Write every packet, decrypted, as an object of JSON a line
    #[arg(long, value_name = "FILE", conflicts_with = "real")]
    trace: Option<PathBuf>,
    /// What standard output shows
    #[arg(long, value_enum, default_value_t = Shape::Human)]
    format: Shape,
    /// Write a report to a file too
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report)]
    report: Vec<(Format, PathBuf)>,
}

/// Where a live client finds what it needs.
#[derive(Debug, Args)]
struct Place {
    /// Where the server of live files is
    #[arg(long, value_name = "HOST:PORT", value_parser = super::address,
        default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, super::SERVER_PORT)))]
    server: SocketAddr,
    /// Its fingerprint, 30 digits; else the first key seen is remembered
    #[arg(long, value_name = "DIGITS", value_parser = super::fingerprint)]
    server_key: Option<Fingerprint>,
    /// Keep keys and stores in this directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// A script; "-" is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Whose lines are typed; else those of whoever types first
    #[arg(long = "as", value_name = "NAME")]
    who: Option<String>,
    /// The client that types them; else the same name
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// With the pauses of the recording (real), so many times as fast (2x), or without (none)
    #[arg(long, value_name = "PACE", value_parser = pace, default_value = "none")]
    pace: Pace,
    /// Give a variable its value
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    var: Vec<(String, String)>,
    #[command(flatten)]
    place: Place,
}

impl ReplayArgs {
    pub(super) fn replay(self) -> Result<ReplayOptions, Refused> {
        let name = self.profile.as_ref().or(self.who.as_ref());
        let name =
            name.ok_or_else(|| refused("[Whose client? Say --as NAME or --profile NAME.]"))?;
        Ok(ReplayOptions {
            join: self.place.join(super::client_name(name)?),
            file: self.file,
            who: self.who,
            pace: self.pace,
            variables: self.var.into_iter().collect(),
        })
    }
}

fn pace(word: &str) -> Result<Pace, String> {
    let wrong = || "expected real, none, or a number and x, as 2x".to_owned();
    match word {
        "none" => Ok(Pace::None),
        "real" => Ok(Pace::Times(1.0)),
        word => {
            let times = word.strip_suffix('x').ok_or_else(wrong)?;
            let times = times.parse::<f64>().map_err(|_| wrong())?;
            let is_right = (0.01..=1000.0).contains(&times);
            is_right.then_some(Pace::Times(times)).ok_or_else(wrong)
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    Human,
    Json,
    Junit,
    Tap,
}

impl RunArgs {
    fn run(self, join: Option<Join>) -> RunOptions {
        let secrets = self.secret.iter().map(|(_, value)| value.clone());
        let secrets: BTreeSet<String> = secrets.collect();
        let variables: BTreeMap<String, String> = self.var.into_iter().chain(self.secret).collect();
        RunOptions {
            files: self.files,
            only: self.only,
            task: match (self.check, self.list) {
                (true, _) => Task::Check,
                (_, true) => Task::List,
                _ => Task::Run,
            },
            variables,
            secrets,
            seeds: self.seed.map(|seed| (seed, seed)).or(self.seeds),
            real: self.real,
            join,
            strict: self.strict,
            keep_going: self.keep_going,
            wall_limit: self.wall_limit,
            weather: Conditions {
                loss: self.drop * 10,
                duplicate: self.dup * 10,
                straggle: self.reorder * 10,
                late: LATE,
                ..Conditions::CALM
            },
            diagram: self.diagram,
            trace: self.trace,
            format: self.format.into(),
            reports: self.report,
        }
    }
}

impl RunArgs {
    /// The client of live files, if its name was given.
    fn live(&self) -> Result<Option<Join>, Refused> {
        let Some(name) = &self.profile else {
            return Ok(None);
        };
        Ok(Some(self.place.join(super::client_name(name)?)))
    }
}

impl Place {
    fn join(&self, name: Name) -> Join {
        Join {
            server_key: self.server_key,
            data: self.data.clone(),
            ..Join::unseen(name, self.server)
        }
    }
}

impl From<Shape> for Format {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Human => Self::Human,
            Shape::Json => Self::Json,
            Shape::Junit => Self::Junit,
            Shape::Tap => Self::Tap,
        }
    }
}

fn variable(word: &str) -> Result<(String, String), String> {
    let (name, value) = word
        .split_once('=')
        .ok_or("expected NAME=VALUE".to_owned())?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins || !name.chars().all(is_part) {
        return Err("a name is a letter, then letters, digits and \"_\"".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn seeds(word: &str) -> Result<(u64, u64), String> {
    let wrong = "expected two numbers, the smaller one first, as 1..200";
    let (first, last) = word.split_once("..").ok_or(wrong)?;
    let number = |word: &str| word.parse::<u64>().map_err(|_| wrong.to_owned());
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(wrong.to_owned());
    }
    Ok((first, last))
}

fn limit(word: &str) -> Result<Duration, String> {
    duration(word).ok_or_else(|| "expected a number and ms, s, m, h or d, as 90s".to_owned())
}

fn percent(word: &str) -> Result<u16, String> {
    let number = word.strip_suffix('%').unwrap_or(word).parse::<u16>().ok();
    let number = number.filter(|number| *number <= 100);
    number.ok_or_else(|| "expected 0 to 100".to_owned())
}

fn report(word: &str) -> Result<(Format, PathBuf), String> {
    let wrong = "expected human=FILE, json=FILE, junit=FILE or tap=FILE";
    let (format, path) = word.split_once('=').ok_or(wrong)?;
    let format = match format {
        "human" => Format::Human,
        "json" => Format::Json,
        "junit" => Format::Junit,
        "tap" => Format::Tap,
        _ => return Err(wrong.to_owned()),
    };
    Ok((format, PathBuf::from(path)))
}

/// A name cannot be both.
pub(super) fn checked(args: RunArgs) -> Result<RunOptions, Refused> {
    let both = args
        .var
        .iter()
        .find(|(name, _)| args.secret.iter().any(|(secret, _)| secret == name));
    if let Some((name, _)) = both {
        return Err(refused(&format!(
            "[{name} is given by --var and by --secret.]"
        )));
    }
    let live = args.live()?;
    Ok(args.run(live))
}
