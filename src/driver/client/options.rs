//! What a client may be told at its start.

use crate::client::{Arrivals, Config, GroupPrivate};
use crate::driver::terminal::paint::Colour;
use crate::model::Name;
use crate::secure::Fingerprint;
use crate::shell::{OnFailure, Settings, Style};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// What `join` may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinOptions {
    /// Who this is; also the profile's name.
    pub name: Name,
    /// Where the server is.
    pub server: SocketAddr,
    /// The server's fingerprint, if it is known beforehand.
    pub server_key: Option<Fingerprint>,
    /// The local port; 0 for any.
    pub port: u16,
    /// In place of the user's data directory.
    pub data: Option<PathBuf>,
    /// What the shell does. Where a person types, `OnFailure::End` means `Show`.
    pub settings: Settings,
    /// A lost server does not end the program.
    pub stay: bool,
    /// Let the server carry datagrams where the direct path fails.
    pub relay: bool,
    /// Colours.
    pub colour: Colour,
    /// No prompt, no colour, no control code, whatever the terminal can.
    pub plain: bool,
    /// Where packets are written down.
    pub trace: Option<PathBuf>,
    /// The keys of the settings that the arguments decided.
    pub given: BTreeSet<String>,
    /// Whose part of config.toml holds; else that of the name.
    pub profile: Option<String>,
    /// In place of the user's config.toml.
    pub config: Option<PathBuf>,
    /// Where programs reach the session, in place of the profile's own socket.
    pub sock: Option<PathBuf>,
    /// What lines come from and where words go to.
    pub face: Face,
    /// In place of standard input.
    pub lines: Vec<String>,
}

impl JoinOptions {
    /// One that nobody looks at: any port, no colour, no prompt; lines that fail are shown.
    #[must_use]
    pub const fn unseen(name: Name, server: SocketAddr) -> Self {
        Self {
            name,
            server,
            server_key: None,
            port: 0,
            data: None,
            settings: Settings {
                exit_on_dereg: false,
                group_private: GroupPrivate::Refuse,
                show_table: false,
                style: Style::Bracket,
                on_failure: OnFailure::Show,
            },
            stay: false,
            relay: true,
            colour: Colour::Never,
            plain: true,
            trace: None,
            given: BTreeSet::new(),
            profile: None,
            config: None,
            sock: None,
            face: Face::Terminal,
            lines: Vec::new(),
        }
    }
}

/// What lines come from and where words go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Only programs use it, until a signal ends it.
    Headless,
    /// Lines come from standard input, events go to standard output.
    Json,
    /// It is there for one thing, which does not take messages unless it says so.
    OneShot(Arrivals),
    /// Lines come from standard input, words go to standard output.
    Terminal,
}

impl Face {
    /// Whether it is there for what is on disk alone.
    pub(super) fn is_local(self) -> bool {
        self == Self::OneShot(Arrivals::Never)
    }

    /// Whether what is shown is shown by a guest.
    pub(super) const fn is_shown_by_guests(self) -> bool {
        matches!(self, Self::Json | Self::OneShot(_))
    }
}

/// What a client is told of all that.
pub(crate) fn core_config(options: &JoinOptions) -> Config {
    Config {
        name: options.name.clone(),
        server: options.server,
        server_key: options.server_key,
        group_private: options.settings.group_private,
        stay: options.stay,
        relay: options.relay,
        trace: options.trace.is_some(),
        arrivals: match options.face {
            Face::OneShot(arrivals) => arrivals,
            Face::Headless | Face::Json | Face::Terminal => Arrivals::Take,
        },
    }
}

/// All addresses of this machine, in the server's family; who speaks to nobody is not heard.
pub(crate) fn local_address(options: &JoinOptions) -> SocketAddr {
    if options.face.is_local() {
        return SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    }
    let ip = match options.server.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, options.port)
}
