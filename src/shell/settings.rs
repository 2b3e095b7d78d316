//! Every setting: its key, what it may be, and where its value comes from.

use std::collections::BTreeMap;

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its word in `set`, in config.toml and, in capitals behind `ACKCHAT_`, in the environment.
    pub key: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is if nobody says otherwise.
    pub default: &'static str,
    /// When it can change.
    pub when: When,
    /// What it decides.
    pub about: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number, at least the first and at most the second.
    Number(u32, u32),
    /// Anything; whoever uses it looks at it.
    Word(&'static str),
}

/// When a value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once.
    Live,
    /// When the program starts.
    Start,
}

/// Where a value comes from; the later wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything.
    BuiltIn,
    /// This line of config.toml.
    File(usize),
    /// This variable.
    Environment(String),
    /// An option of the program.
    Flag,
    /// `set`.
    Set,
}

/// Why a value is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// There is no such setting.
    #[error("Setting {0} does not exist")]
    Key(String),
    /// It can only be said at the start.
    #[error("Setting {0} is read at the start only: give it as an option, or in config.toml")]
    Late(&'static str),
    /// It is none of the values that it may have.
    #[error("Setting {key} takes {expected}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// What it may be.
        expected: String,
    },
}

/// What is set now, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<&'static str, (String, Origin)>);

/// How the shell looks and sounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Grey text after the cursor.
    pub hints: Switch,
    /// What follows the prompt: messages held back, no server.
    pub marks: Switch,
    /// How somebody who looks away is told of a message.
    pub notify: Notify,
    /// What a notification says.
    pub notify_text: NotifyText,
    /// Who came and went.
    pub presence: Presence,
    /// The time before a message.
    pub time: Time,
}

/// On or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switch {
    /// Off.
    Off,
    /// On.
    #[default]
    On,
}

/// How somebody who looks away is told of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notify {
    /// By what this terminal is known for.
    Auto,
    /// By the bell.
    #[default]
    Bell,
    /// Not at all.
    Off,
    /// OSC 777: foot, urxvt, VTE.
    Osc777,
    /// OSC 9: iTerm2, `WezTerm`.
    Osc9,
    /// OSC 99: kitty.
    Osc99,
}

/// What a notification says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotifyText {
    /// The text, too.
    Full,
    /// Only who it is from.
    #[default]
    Name,
}

/// Who came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Changes within two seconds on one line.
    Fold,
    /// Nothing.
    #[default]
    Off,
    /// One line each.
    Show,
}

/// The time before a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// Date and time.
    Iso,
    /// None.
    #[default]
    Off,
    /// Hours and minutes.
    Short,
}

const ON_OFF: Kind = Kind::Choice(&["on", "off"]);

/// All settings, by their keys.
#[rustfmt::skip]
pub const SETTINGS: [Setting; 19] = {
    use Kind::{Choice, Number, Word};
    use When::{Live, Start};
    [
        of("color", Choice(&["auto", "always", "never"]), "auto", Start, "colours"),
        of("exit_on_dereg", ON_OFF, "off", Live, "dereg leaves for good and ends the program"),
        of("group_private", Choice(&["refuse", "allow"]), "refuse", Start, "private messages in a group"),
        of("hints", ON_OFF, "on", Live, "grey text after the cursor"),
        of("marks", ON_OFF, "on", Live, "[2] held back and [no server] behind the prompt"),
        of("name", Word("a name"), "", Start, "who one is"),
        of("notify", Choice(&["off", "bell", "auto", "osc9", "osc99", "osc777"]), "bell", Live, "how one who looks away is told of a message"),
        of("notify_text", Choice(&["name", "full"]), "name", Live, "what a notification says"),
        of("plain", ON_OFF, "off", Start, "no prompt, no colour, no control code"),
        of("port", Number(0, 65_535), "0", Start, "the local port; 0: any"),
        of("presence", Choice(&["off", "fold", "show"]), "off", Live, "who came and went"),
        of("relay", ON_OFF, "on", Start, "the server may carry messages"),
        of("server", Word("an address and a port"), "127.0.0.1:2475", Start, "where the server is"),
        of("server_key", Word("30 digits"), "", Start, "the server's fingerprint"),
        of("show_table", ON_OFF, "off", Live, "the table after each notice of its change"),
        of("sock", Word("a path"), "", Start, "where programs reach the session"),
        of("stay", ON_OFF, "off", Start, "a lost server does not end the program"),
        of("style", Choice(&["bracket", "plain"]), "bracket", Live, "notices with or without brackets"),
        of("time", Choice(&["off", "short", "iso"]), "off", Live, "the time before a message"),
    ]
};

const fn of(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    when: When,
    about: &'static str,
) -> Setting {
    Setting {
        key,
        kind,
        default,
        when,
        about,
    }
}

/// The setting of a key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

impl Setting {
    /// What it may be, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        match self.kind {
            Kind::Choice(words) => words.join(", "),
            Kind::Number(least, most) => format!("a number from {least} to {most}"),
            Kind::Word(what) => what.to_owned(),
        }
    }

    fn takes(&self, value: &str) -> bool {
        match self.kind {
            Kind::Choice(words) => words.contains(&value),
            Kind::Number(least, most) => value
                .parse()
                .is_ok_and(|number| (least..=most).contains(&number)),
            Kind::Word(_) => true,
        }
    }
}

impl Values {
    /// Takes a value, if it comes from no lesser place than the one that holds.
    ///
    /// # Errors
    /// There is no such setting, or it may not be this.
    pub fn put(&mut self, key: &str, value: &str, origin: Origin) -> Result<(), Wrong> {
        let setting = find(key).ok_or_else(|| Wrong::Key(key.to_owned()))?;
        if origin == Origin::Set && setting.when == When::Start {
            return Err(Wrong::Late(setting.key));
        }
        if !setting.takes(value) {
            return Err(Wrong::Value {
                key: setting.key,
                expected: setting.expected(),
            });
        }
        if self.origin(setting) <= origin {
            self.0.insert(setting.key, (value.to_owned(), origin));
        }
        Ok(())
    }

    /// Another layer wins wherever it says something.
    pub fn overlay(&mut self, layer: Self) {
        self.0.extend(layer.0);
    }

    /// The value that holds; of an unknown key none.
    #[must_use]
    pub fn value(&self, key: &str) -> &str {
        let default = find(key).map_or("", |setting| setting.default);
        self.0.get(key).map_or(default, |(value, _)| value)
    }

    /// Where a value comes from.
    #[must_use]
    pub fn origin(&self, setting: &Setting) -> Origin {
        let found = self.0.get(setting.key);
        found.map_or(Origin::BuiltIn, |(_, origin)| origin.clone())
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, key: &str) -> bool {
        self.value(key) == "on"
    }

    /// A row for people: `notify = bell  (built-in)`.
    #[must_use]
    pub fn row(&self, setting: &Setting) -> String {
        let value = match self.value(setting.key) {
            "" => "(none)",
            value => value,
        };
        format!("{} = {value}  ({})", setting.key, self.origin(setting))
    }

    /// How the shell looks and sounds.
    #[must_use]
    pub fn look(&self) -> Look {
        let switch = |key| {
            if self.is_on(key) {
                Switch::On
            } else {
                Switch::Off
            }
        };
        Look {
            hints: switch("hints"),
            marks: switch("marks"),
            notify: match self.value("notify") {
                "auto" => Notify::Auto,
                "off" => Notify::Off,
                "osc777" => Notify::Osc777,
                "osc9" => Notify::Osc9,
                "osc99" => Notify::Osc99,
                _ => Notify::Bell,
            },
            notify_text: match self.value("notify_text") {
                "full" => NotifyText::Full,
                _ => NotifyText::Name,
            },
            presence: match self.value("presence") {
                "fold" => Presence::Fold,
                "show" => Presence::Show,
                _ => Presence::Off,
            },
            time: match self.value("time") {
                "iso" => Time::Iso,
                "short" => Time::Short,
                _ => Time::Off,
            },
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::Environment(variable) => write!(f, "env {variable}"),
            Self::File(line) => write!(f, "config.toml:{line}"),
            Self::Flag => f.write_str("flag"),
            Self::Set => f.write_str("set"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_that_it_may_have_and_keys_are_in_order() {
        for setting in SETTINGS {
            assert!(setting.takes(setting.default), "{}", setting.key);
            assert_eq!(find(setting.key), Some(&setting));
        }
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.key));
        assert_eq!(Values::default().look(), Look::default());
    }

    #[test]
    fn the_stronger_origin_wins_whatever_the_order() {
        let mut values = Values::default();
        let flag = |values: &mut Values| values.put("time", "short", Origin::Flag);
        flag(&mut values).unwrap();
        values.put("time", "iso", Origin::File(3)).unwrap();
        assert_eq!(values.value("time"), "short");
        values.put("time", "iso", Origin::Set).unwrap();
        assert_eq!(values.value("time"), "iso");
        flag(&mut values).unwrap();
        assert_eq!(values.row(find("time").unwrap()), "time = iso  (set)");
        assert_eq!(
            values.row(find("name").unwrap()),
            "name = (none)  (built-in)"
        );
    }

    #[test]
    fn wrong_keys_and_values_are_refused_with_what_would_be_right() {
        let mut values = Values::default();
        let mut check = |key: &str, value: &str, words: &str| {
            let wrong = values.put(key, value, Origin::Set).unwrap_err();
            assert_eq!(wrong.to_string(), words);
        };
        check("colour", "on", "Setting colour does not exist");
        check("time", "long", "Setting time takes off, short, iso");
        check(
            "port",
            "5",
            "Setting port is read at the start only: give it as an option, or in config.toml",
        );
        let file = values.put("port", "70000", Origin::File(1)).unwrap_err();
        assert_eq!(
            file.to_string(),
            "Setting port takes a number from 0 to 65535"
        );
    }
}
