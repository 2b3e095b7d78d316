//! Settings: what `set`, `server` and `actor` are told, once the variables have their values.

use super::cast::{ClientPart, Member, Part, ServerPart, Who};
use super::code::Code;
use super::report::Failure;
use super::runner::Runner;
use super::tree::{Setting, Span, duration};
use crate::client::GroupPrivate;
use crate::shell::{OnFailure, Settings, Style};

impl Runner<'_> {
    pub(super) fn set(&mut self, setting: &Setting) -> Result<(), Failure> {
        let text = self.fill(&setting.value, setting.span)?;
        let rule = match setting.key.as_str() {
            "timeout" => &mut self.rules.timeout,
            "command_timeout" => &mut self.rules.command_timeout,
            "quiet" => &mut self.rules.quiet,
            "strict" => {
                self.rules.strict = self.options.strict || text == "on";
                return Ok(());
            }
            // The seed was read before the run.
            _ => return Ok(()),
        };
        match duration(&text) {
            Some(duration) => *rule = duration,
            None => return Err(self.bad_value(setting, &text)),
        }
        Ok(())
    }

    fn bad_value(&self, setting: &Setting, text: &str) -> Failure {
        let message = format!("\"{text}\" is no {}", setting.key);
        self.failure(Code::BadValue, setting.span, &message, "", None)
    }

    pub(super) fn server_part(&mut self, settings: &[Setting]) -> Result<ServerPart, Failure> {
        let mut part = ServerPart {
            port: None,
            quiet: false,
            log_text: false,
            relay: true,
        };
        for setting in settings {
            let text = self.fill(&setting.value, setting.span)?;
            let is_on = text == "on";
            match setting.key.as_str() {
                "port" => part.port = Some(self.port(setting, &text)?),
                "quiet" => part.quiet = is_on,
                "log_text" => part.log_text = is_on,
                "relay" => part.relay = is_on,
                _ => {}
            }
        }
        Ok(part)
    }

    fn port(&self, setting: &Setting, text: &str) -> Result<u16, Failure> {
        text.parse().map_err(|_| self.bad_value(setting, text))
    }

    /// The client, and whether it is started.
    pub(super) fn client_part(
        &mut self,
        span: Span,
        label: &str,
        settings: &[Setting],
    ) -> Result<(ClientPart, bool), Failure> {
        let is_server = |member: &Member| matches!(member.part, Part::Server(_));
        let Some(server) = self.cast.iter().rposition(is_server).map(Who) else {
            let message = "\"actor\" needs a server of its own".to_owned();
            return Err(self.failure(Code::NeedsServer, span, &message, "add: server s", None));
        };
        let mut name = label.to_owned();
        if let Some(setting) = settings.iter().find(|setting| setting.key == "as") {
            name = self.fill(&setting.value, setting.span)?;
        }
        let name = name.parse().map_err(|why| {
            let message = format!("\"{name}\" is no name: {why}");
            self.failure(Code::BadValue, span, &message, "", None)
        })?;
        let mut starts = true;
        let mut part = ClientPart {
            name,
            server,
            key_of: None,
            port: None,
            stay: false,
            relay: true,
            settings: SETTINGS,
        };
        for setting in settings {
            let text = self.fill(&setting.value, setting.span)?;
            let is_on = text == "on";
            match setting.key.as_str() {
                "exit_on_dereg" => part.settings.exit_on_dereg = is_on,
                "group_private" if text == "allow" => {
                    part.settings.group_private = GroupPrivate::Allow;
                }
                "key" => part.key_of = Some(self.find(setting.span, &text)?),
                "on" => part.server = self.find(setting.span, &text)?,
                "port" => part.port = Some(self.port(setting, &text)?),
                "relay" => part.relay = is_on,
                "show_table" => part.settings.show_table = is_on,
                "start" => starts = is_on,
                "stay" => part.stay = is_on,
                "style" if text == "plain" => part.settings.style = Style::Plain,
                _ => {}
            }
        }
        Ok((part, starts))
    }
}

/// What a client of a script is unless it says otherwise: failures are shown and end nothing.
const SETTINGS: Settings = Settings {
    exit_on_dereg: false,
    group_private: GroupPrivate::Refuse,
    show_table: false,
    style: Style::Bracket,
    on_failure: OnFailure::Show,
};
