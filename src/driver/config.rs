//! config.toml: settings for every profile and for each, and where every value comes from.
//!
//! An option of the program wins over the environment, that over the profile, that over
//! `[default]`, and that over what is built in.

use super::client::JoinOptions;
use super::programs::hooks;
use super::terminal::paint::Colour;
use super::{Fault, output, paths};
use crate::client::GroupPrivate;
use crate::shell::hooks::Hook;
use crate::shell::settings::{self, Origin, SETTINGS, Values, Wrong};
use crate::shell::{Exit, Style, explain};
use std::env;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What config.toml says, read once.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `default_profile`.
    pub default_profile: Option<String>,
    sections: Vec<Section>,
    /// What runs when something happens.
    pub hooks: Vec<Hook>,
    /// What is wrong with it, each with its line and a caret, in the order of the file.
    pub complaints: Vec<String>,
    /// The same while it is read, each with its place.
    found: Vec<(usize, String)>,
}

/// `[default]`, or `[profile.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    /// The profile; `None` for all of them.
    profile: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    key: String,
    value: String,
    line: usize,
}

/// A line of a file and its number.
pub type Numbered = (usize, String);

/// The longest file that is read: some thousand lines.
const FILE_BYTES_MAX: u64 = 1 << 20;

impl Config {
    /// Reads the file; one that is not there says nothing.
    ///
    /// # Errors
    /// It cannot be read, or others can write to it.
    pub fn read(path: Option<&Path>) -> Result<(Self, PathBuf), Fault> {
        let (path, may_be_missing) = match path {
            Some(path) => (path.to_owned(), false),
            None => (paths::config_directory()?.join("config.toml"), true),
        };
        match paths::read_shared(&path, FILE_BYTES_MAX) {
            Ok(text) => Ok((Self::parse(&text), path)),
            Err(error) if may_be_missing && error.kind() == io::ErrorKind::NotFound => {
                Ok((Self::default(), path))
            }
            Err(error) => {
                let words = format!("Cannot read {}: {error}.", path.display());
                Err(Fault::new(Exit::Usage, &words))
            }
        }
    }

    /// Understands the text of the file, or says all that is wrong with it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut config = Self::default();
        let page = Page(text);
        match DeTable::parse(text) {
            Ok(table) => config.take(page, table.get_ref()),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                config.complain(page, &span, error.message());
            }
        }
        let mut found = std::mem::take(&mut config.found);
        found.sort_by_key(|(at, _)| *at);
        config.complaints = found.into_iter().map(|(_, complaint)| complaint).collect();
        config
    }

    fn take(&mut self, page: Page<'_>, table: &DeTable<'_>) {
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("default_profile", DeValue::String(name)) => {
                    self.default_profile = Some(name.as_ref().to_owned());
                }
                ("default", DeValue::Table(section)) => self.section(page, None, section),
                ("profile", DeValue::Table(profiles)) => {
                    for (name, section) in profiles {
                        let name = name.get_ref().as_ref().to_owned();
                        if let DeValue::Table(entries) = section.get_ref() {
                            self.section(page, Some(name), entries);
                        } else {
                            self.complain(page, &section.span(), "expected a section");
                        }
                    }
                }
                ("hook", DeValue::Array(list)) => {
                    let (hooks, wrong) = hooks::read(page, list);
                    self.hooks = hooks;
                    for (span, words) in wrong {
                        self.complain(page, &span, &words);
                    }
                }
                ("hook", _) => self.complain(page, &value.span(), "write [[hook]]"),
                ("default_profile" | "default" | "profile", _) => {
                    self.complain(page, &value.span(), "this is not what stands here");
                }
                (setting, _) if settings::find(setting).is_some() => {
                    let words = "this belongs below [default] or [profile.NAME]";
                    self.complain(page, &key.span(), words);
                }
                (other, _) => {
                    let known = ["default_profile", "default", "profile", "hook"];
                    let words = unknown(other, known.into_iter());
                    self.complain(page, &key.span(), &words);
                }
            }
        }
    }

    fn section(&mut self, page: Page<'_>, profile: Option<String>, table: &DeTable<'_>) {
        let mut entries = Vec::new();
        let mut values = Values::default();
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            let Some(text) = text_of(value) else {
                self.complain(
                    page,
                    &value.span(),
                    "expected a text, a number, true or false",
                );
                continue;
            };
            let line = page.line(key.span().start);
            match values.put(word, &text, Origin::File(line)) {
                Ok(()) => entries.push(Entry {
                    key: word.to_owned(),
                    value: text,
                    line,
                }),
                Err(Wrong::Key(_)) => {
                    let keys = SETTINGS.iter().map(|setting| setting.key);
                    self.complain(page, &key.span(), &unknown(word, keys));
                }
                Err(wrong) => self.complain(page, &value.span(), &wrong.to_string()),
            }
        }
        self.sections.push(Section { profile, entries });
    }

    fn complain(&mut self, page: Page<'_>, span: &Range<usize>, words: &str) {
        self.found.push((span.start, page.complaint(span, words)));
    }

    /// True if there is a section of this profile.
    fn has(&self, profile: &str) -> bool {
        let mut names = self.profiles();
        names.any(|name| name.eq_ignore_ascii_case(profile))
    }

    fn profiles(&self) -> impl Iterator<Item = &str> {
        self.sections
            .iter()
            .filter_map(|section| section.profile.as_deref())
    }

    /// What holds for a profile.
    #[must_use]
    pub fn values(&self, profile: &str) -> Values {
        let mut values = Values::default();
        // The later of two lines wins: first what holds for all, then what for this one.
        let general = self.sections.iter().filter(|s| s.profile.is_none());
        let special = self.sections.iter().filter(|section| {
            let name = section.profile.as_deref();
            name.is_some_and(|name| name.eq_ignore_ascii_case(profile))
        });
        for entries in [general.collect::<Vec<_>>(), special.collect()] {
            let mut layer = Values::default();
            for entry in entries.iter().flat_map(|section| &section.entries) {
                let origin = Origin::File(entry.line);
                // It cannot be refused: it was looked at when the file was read.
                layer.put(&entry.key, &entry.value, origin).ok();
            }
            values.overlay(layer);
        }
        values
    }
}

/// Puts what the environment says above it: `ACKCHAT_NOTIFY=off`.
///
/// # Errors
/// A variable has a value that its setting may not have.
pub fn add_environment(values: &mut Values) -> Result<(), Fault> {
    for setting in &SETTINGS {
        let variable = format!("ACKCHAT_{}", setting.key.to_uppercase());
        let Ok(value) = env::var(&variable) else {
            continue;
        };
        let origin = Origin::Environment(variable.clone());
        values
            .put(setting.key, &value, origin)
            .map_err(|wrong| Fault::new(Exit::Usage, &format!("{variable}: {wrong}.")))?;
    }
    Ok(())
}

/// The rows of `config show`; with `--origin` each tells where it comes from.
#[must_use]
pub fn show(values: &Values, with_origin: bool) -> String {
    let row = |setting: &settings::Setting| {
        if with_origin {
            return values.row(setting) + "\n";
        }
        format!("{} = {}\n", setting.key, values.value(setting.key))
    };
    SETTINGS.iter().map(row).collect()
}

/// The lines of rc.chat that hold something, with their numbers.
///
/// # Errors
/// It cannot be read, or others can write to it.
pub fn rc(path: &Path) -> Result<Vec<Numbered>, Fault> {
    let text = match paths::read_shared(path, FILE_BYTES_MAX) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let words = format!("Cannot read {}: {error}.", path.display());
            return Err(Fault::new(Exit::Usage, &words));
        }
    };
    let rows = (1..).zip(text.lines().map(str::trim));
    let rows = rows.filter(|(_, row)| !row.is_empty() && !row.starts_with('#'));
    Ok(rows.map(|(number, row)| (number, row.to_owned())).collect())
}

/// What a client starts with.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its options, where nobody said them as they are set.
    pub options: JoinOptions,
    /// What is set, and by whom.
    pub values: Values,
    /// The lines of rc.chat.
    pub rc: Vec<Numbered>,
    /// What runs when something happens.
    pub hooks: Vec<Hook>,
    /// Where programs lie that are commands.
    pub plugins: PathBuf,
}

/// What options, environment and config.toml come to.
///
/// # Errors
/// The file or the environment says something that cannot be.
pub fn settle(options: &JoinOptions) -> Result<Start, Fault> {
    let (config, path) = Config::read(options.config.as_deref())?;
    if let Some(first) = config.complaints.first() {
        let line = format!("[{} is not right.]\n{first}", path.display());
        let exit = Exit::Usage;
        return Err(Fault { line, exit });
    }
    let profile = options.profile.as_deref();
    let mut values = config.values(profile.unwrap_or(options.name.as_str()));
    add_environment(&mut values)?;
    let mut settled = options.clone();
    for setting in &SETTINGS {
        if options.given.contains(setting.key) {
            let value = given(options, setting.key);
            // It cannot be refused: the arguments were looked at.
            values.put(setting.key, &value, Origin::Flag).ok();
        } else if values.origin(setting) != Origin::BuiltIn {
            apply(&mut settled, setting.key, values.value(setting.key)).map_err(|wrong| {
                let origin = values.origin(setting);
                Fault::new(
                    Exit::Usage,
                    &format!("{}: {wrong} ({origin}).", setting.key),
                )
            })?;
        }
    }
    let rc = rc(&path.with_file_name("rc.chat"))?;
    Ok(Start {
        options: settled,
        values,
        rc,
        hooks: config.hooks,
        plugins: path.with_file_name("plugins"),
    })
}

/// An option as it would stand in config.toml.
fn given(options: &JoinOptions, key: &str) -> String {
    let switch = |is_on: bool| if is_on { "on" } else { "off" }.to_owned();
    match key {
        "color" => match options.colour {
            Colour::Always => "always",
            Colour::Auto => "auto",
            Colour::Never => "never",
        }
        .to_owned(),
        "exit_on_dereg" => switch(options.settings.exit_on_dereg),
        "group_private" => match options.settings.group_private {
            GroupPrivate::Allow => "allow",
            GroupPrivate::Refuse => "refuse",
        }
        .to_owned(),
        "name" => options.name.to_string(),
        "plain" => switch(options.plain),
        "port" => options.port.to_string(),
        "relay" => switch(options.relay),
        "server" => options.server.to_string(),
        "server_key" => options
            .server_key
            .map_or(String::new(), |key| key.to_string()),
        "show_table" => switch(options.settings.show_table),
        "sock" => {
            let path = options.sock.as_deref().unwrap_or(Path::new(""));
            path.to_string_lossy().into_owned()
        }
        "stay" => switch(options.stay),
        "style" => match options.settings.style {
            Style::Bracket => "bracket",
            Style::Plain => "plain",
        }
        .to_owned(),
        other => settings::find(other)
            .map_or("", |setting| setting.default)
            .to_owned(),
    }
}

/// A value that no option said.
fn apply(options: &mut JoinOptions, key: &str, value: &str) -> Result<(), String> {
    let is_on = value == "on";
    match key {
        "color" => {
            options.colour = match value {
                "always" => Colour::Always,
                "never" => Colour::Never,
                _ => Colour::Auto,
            };
        }
        "exit_on_dereg" => options.settings.exit_on_dereg = is_on,
        "group_private" => {
            options.settings.group_private = match value {
                "allow" => GroupPrivate::Allow,
                _ => GroupPrivate::Refuse,
            };
        }
        "plain" => options.plain = is_on,
        "port" => options.port = value.parse().map_err(|_| "expected a port".to_owned())?,
        "relay" => options.relay = is_on,
        "server" => {
            let local = value.strip_prefix("localhost:");
            let local = local.map(|port| format!("127.0.0.1:{port}"));
            let address = local.as_deref().unwrap_or(value).parse();
            options.server = address.map_err(|_| "expected an address as 192.0.2.7:2475")?;
        }
        "server_key" => {
            let key = value.parse().map_err(|_| "expected 30 digits".to_owned())?;
            options.server_key = Some(key);
        }
        "show_table" => options.settings.show_table = is_on,
        "sock" => options.sock = (!value.is_empty()).then(|| value.into()),
        "stay" => options.stay = is_on,
        "style" => {
            options.settings.style = match value {
                "plain" => Style::Plain,
                _ => Style::Bracket,
            };
        }
        // Who one is was decided before; the rest is the shell's.
        _ => {}
    }
    Ok(())
}

/// Who one is if no name is given: what the profile, or the default one, says.
///
/// # Errors
/// Nobody says it.
pub fn name(config: Option<&Path>, profile: Option<&str>) -> Result<Option<String>, Fault> {
    let (config, _) = Config::read(config)?;
    let Some(profile) = profile.or(config.default_profile.as_deref()) else {
        return Ok(None);
    };
    let values = config.values(profile);
    let name = Some(values.value("name")).filter(|name| !name.is_empty());
    Ok(Some(name.unwrap_or(profile).to_owned()))
}

/// What `config` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether it is right.
    Check,
    /// What holds; `true`: and where it comes from.
    Show {
        /// Whose; else the default one's.
        profile: Option<String>,
        /// Whether each tells where it comes from.
        with_origin: bool,
    },
}

/// `config check` and `config show`.
#[must_use]
pub fn answer(file: Option<&Path>, question: &Question) -> Exit {
    let (config, path) = match Config::read(file) {
        Ok(read) => read,
        Err(fault) => return fault.report(),
    };
    if !config.complaints.is_empty() {
        let line = config.complaints.join("\n");
        let exit = Exit::Usage;
        return Fault { line, exit }.report();
    }
    match question {
        Question::Check => output::say(&format!("[{} is right.]\n", path.display())),
        Question::Show {
            profile,
            with_origin,
        } => {
            if let Some(profile) = profile
                && !config.has(profile)
            {
                let near = explain::nearest(profile, config.profiles());
                let near = explain::did_you_mean(&near).map(|near| format!(": {near}"));
                let words = format!(
                    "{} has no [profile.{profile}]{}",
                    path.display(),
                    near.unwrap_or_else(|| ".".to_owned())
                );
                return Fault::new(Exit::Usage, &words).report();
            }
            let profile = profile.as_deref().or(config.default_profile.as_deref());
            let mut values = config.values(profile.unwrap_or_default());
            if let Err(fault) = add_environment(&mut values) {
                return fault.report();
            }
            output::say(&show(&values, *with_origin))
        }
    }
}

/// A text with its lines.
#[derive(Clone, Copy)]
pub(crate) struct Page<'a>(&'a str);

impl<'a> Page<'a> {
    /// A piece of it.
    pub(crate) fn slice(self, span: &Range<usize>) -> Option<&'a str> {
        self.0.get(span.clone())
    }

    /// Counted from one.
    fn line(self, at: usize) -> usize {
        let before = self.0.get(..at).unwrap_or(self.0);
        before.matches('\n').count() + 1
    }

    /// `config.toml:12: what is wrong`, the line, and a caret.
    fn complaint(self, span: &Range<usize>, words: &str) -> String {
        let line = self.line(span.start);
        let row_at = self.0.get(..span.start).and_then(|text| text.rfind('\n'));
        let begin = row_at.map_or(0, |newline| newline + 1);
        let row = self.0.lines().nth(line - 1).unwrap_or_default();
        let from = span.start.saturating_sub(begin).min(row.len());
        let to = span.end.saturating_sub(begin).clamp(from, row.len());
        let quote = explain::caret(row, &(from..to), words);
        format!("config.toml:{line}:\n{quote}")
    }
}

pub(crate) fn unknown<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = explain::did_you_mean(&explain::nearest(word, known));
    near.unwrap_or_else(|| "there is no such setting".to_owned())
}

/// `true` is `on`: both are written.
fn text_of(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::Boolean(true) => Some("on".to_owned()),
        DeValue::Boolean(false) => Some("off".to_owned()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::String(text) => Some(text.as_ref().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const FILE: &str = r#"default_profile = "lab"

[default]
notify = "off"
time = "short"

[profile.lab]
name = "alice"
server = "192.0.2.7:4800"
port = 5001
stay = true
time = "iso"
"#;

    #[test]
    fn the_profile_wins_over_the_default_and_every_value_knows_its_line() {
        let config = Config::parse(FILE);
        assert_eq!(config.complaints, [""; 0]);
        assert_eq!(config.default_profile.as_deref(), Some("lab"));
        let row = |values: &Values, key| values.row(settings::find(key).unwrap());
        let lab = config.values("LAB");
        for (key, expected) in [
            ("notify", "notify = off  (config.toml:4)"),
            ("time", "time = iso  (config.toml:12)"),
            ("port", "port = 5001  (config.toml:10)"),
            ("stay", "stay = on  (config.toml:11)"),
            ("marks", "marks = on  (built-in)"),
        ] {
            assert_eq!(row(&lab, key), expected);
        }
        let other = config.values("other");
        assert_eq!(row(&other, "time"), "time = short  (config.toml:5)");
        assert_eq!(other.value("name"), "");
        assert!(show(&lab, true).contains("notify = off  (config.toml:4)\n"));
        assert!(show(&lab, false).contains("\nnotify = off\n"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_a_caret() {
        for (text, complaint) in [
            (
                "[default]\nnotfy = \"off\"",
                "config.toml:2:\n  notfy = \"off\"\n  ^^^^^ did you mean notify?",
            ),
            (
                "[default]\ntime = \"long\"",
                "config.toml:2:\n  time = \"long\"\n         ^^^^^^ Setting time takes off, short, iso",
            ),
            (
                "[profile.x]\nport = 70000",
                "config.toml:2:\n  port = 70000\n         ^^^^^ Setting port takes a number from 0 to 65535",
            ),
            (
                "[profil.x]\nport = 1",
                "config.toml:1:\n  [profil.x]\n   ^^^^^^ did you mean profile?",
            ),
            (
                "notify = \"off\"\n[default]",
                "config.toml:1:\n  notify = \"off\"\n  ^^^^^^ this belongs below [default] or [profile.NAME]",
            ),
            (
                "[default]\ntime = [1]",
                "config.toml:2:\n  time = [1]\n         ^^^ expected a text, a number, true or false",
            ),
        ] {
            assert_eq!(Config::parse(text).complaints, [complaint]);
        }
        let broken = Config::parse("[default\n");
        assert!(broken.complaints[0].starts_with("config.toml:1:\n  [default\n"));
    }

    #[test]
    fn what_is_wrong_is_told_in_the_order_of_the_file() {
        let text = "[profile.b]\nzz = 1\naa = 1\n[default]\nbb = 1\n[profile.a]\ncc = 1";
        let lines = Config::parse(text).complaints;
        let at = |line: &String| line.split(':').nth(1).map(str::to_owned);
        let at: Vec<_> = lines.iter().filter_map(at).collect();
        assert_eq!(at, ["2", "3", "5", "7"]);
    }

    #[test]
    fn one_bad_line_does_not_spoil_the_others() {
        let config = Config::parse("[default]\nbad = 1\ntime = \"iso\"");
        assert_eq!(config.complaints.len(), 1);
        assert_eq!(config.values("x").value("time"), "iso");
    }

    #[test]
    fn rc_lines_are_those_that_hold_something() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rc.chat");
        assert_eq!(rc(&path).unwrap(), []);
        fs::write(&path, "# mine\n\n  set time short\nopen bob\n").unwrap();
        let rows = [(3, "set time short".to_owned()), (4, "open bob".to_owned())];
        assert_eq!(rc(&path).unwrap(), rows);
    }
}
