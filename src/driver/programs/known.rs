//! Whom a profile knows, for the completion of shells: asked of its running session, else read from
//! its store. Never the network, and never for long.

use super::child::{Child, Order};
use super::plugins::Plugins;
use crate::driver::ambient::Ambient;
use crate::driver::reactor::{CHILDREN, Reactor};
use crate::driver::{config, paths};
use crate::model::Name;
use crate::model::limits::{COMPLETE_LIMIT, MANIFEST_BYTES_MAX, MANIFEST_LIMIT, MANIFESTS_LIMIT};
use crate::shell::command::Command;
use crate::shell::external::MANIFEST_FLAG;
use crate::store::glance;
use serde_json::Value;
use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names or groups, and what is said of each.
pub type Known = Vec<(String, String)>;

/// Whose session or store is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--profile`; else the default one, else the only one.
    pub profile: Option<String>,
    /// `--sock`, else `ACKCHAT_SOCK`.
    pub socket: Option<PathBuf>,
}

impl Asked {
    /// People, each with whether they are here.
    #[must_use]
    pub fn people(&self) -> Known {
        let of_session = self.ask("table", "who", "status");
        of_session.unwrap_or_else(|| self.glance(glance::names))
    }

    /// Groups.
    #[must_use]
    pub fn groups(&self) -> Known {
        let of_session = self.ask("list_groups", "group", "");
        of_session.unwrap_or_else(|| self.glance(glance::groups))
    }

    /// The profiles of this user.
    #[must_use]
    pub fn profiles(&self) -> Known {
        let names = paths::profiles(self.data.as_deref()).into_iter();
        names.map(|name| (name, String::new())).collect()
    }

    fn name(&self) -> Option<Name> {
        let said = self.profile.as_deref();
        let name = config::name(self.config.as_deref(), said).ok().flatten();
        let name = name.or_else(|| match &paths::profiles(self.data.as_deref())[..] {
            [only] => Some(only.clone()),
            _ => None,
        });
        name?.parse().ok()
    }

    /// The items of an answer; `None` if no session answers in time.
    fn ask(&self, query: &str, field: &str, remark: &str) -> Option<Known> {
        let chosen = self.socket.clone();
        let chosen = chosen.or_else(|| env::var_os("ACKCHAT_SOCK").map(PathBuf::from));
        let path = match (chosen, self.name()) {
            (Some(path), _) => path,
            (None, Some(name)) => paths::socket(self.data.as_deref(), &name, None).ok()?,
            (None, None) => return None,
        };
        let mut stream = UnixStream::connect(path).ok()?;
        stream.set_read_timeout(Some(COMPLETE_LIMIT)).ok()?;
        stream.set_write_timeout(Some(COMPLETE_LIMIT)).ok()?;
        writeln!(stream, r#"{{"id":1,"cmd":["{query}"]}}"#).ok()?;
        let mut known = Known::new();
        let mut lines = BufReader::new(stream.take(ANSWER_BYTES_MAX)).lines();
        loop {
            let line: Value = serde_json::from_str(&lines.next()?.ok()?).ok()?;
            if line["re"] != 1 {
                continue;
            }
            let Some(item) = line.get("item") else {
                return (line["ok"] == true).then_some(known);
            };
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            known.push((text(field), text(remark)));
        }
    }

    fn glance(&self, read: fn(&Path) -> Option<Vec<String>>) -> Known {
        let names = self.name().and_then(|name| {
            let path = paths::store(self.data.as_deref(), Some(&name)).ok()?;
            read(&path)
        });
        let names = names.unwrap_or_default().into_iter();
        // A group has a name by the same rules.
        let names = names.filter(|name| name.parse::<Name>().is_ok());
        names.map(|name| (name, String::new())).collect()
    }
}

/// A table of ten thousand people.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// The commands that are programs of somebody else, as they say of themselves in the time there is.
#[must_use]
pub fn commands_of_others(folder: PathBuf) -> Vec<Command> {
    let manifests = paths::manifests(None).ok();
    let ambient = Ambient::new();
    let until = ambient.now().instant + MANIFESTS_LIMIT;
    let mut plugins = Plugins::new(folder).remembered(manifests);
    let mut found = plugins.find();
    // The first of a name is the one that runs.
    let mut words = BTreeSet::new();
    found.retain(|one| words.insert(one.word.as_str().to_owned()));
    for one in &found {
        let left = until.since(ambient.now().instant).min(MANIFEST_LIMIT);
        if !left.is_zero() && !plugins.knows(one) {
            let told = ask_program(&one.path, &[MANIFEST_FLAG.to_owned()], left);
            plugins.learn(one, told);
        }
    }
    plugins.commands(&found)
}

/// What a program of somebody else writes when it is asked with these words, if it does so in time
/// and ends well.
#[must_use]
pub fn ask_program(path: &Path, words: &[String], limit: Duration) -> Option<String> {
    let order = Order {
        program: path.into(),
        words: words.to_vec(),
        output_bytes_max: MANIFEST_BYTES_MAX,
        limit,
        ..Order::default()
    };
    let mut reactor = Reactor::new().ok()?;
    reactor.watch_children().ok()?;
    let now = reactor.now().instant;
    let mut child = Child::begin(order, now, reactor.registry(), CHILDREN).ok()?;
    loop {
        let until = child.deadline();
        let now = reactor.wait(Some(until)).ok()?.now.instant;
        if let Some(end) = child.turn(now) {
            let is_right = end.code == 0 && !end.is_late;
            return String::from_utf8(end.output).ok().filter(|_| is_right);
        }
    }
}
