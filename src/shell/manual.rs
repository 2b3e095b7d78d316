//! Help and the manual of commands, derived from the registry.

use super::clean;
use super::command::{Command, Context, Face, Heading, In, LaterLines, Reach, Run};
use super::exit::ErrorCode;
use super::registry::Registry;
use super::topics::TOPICS;
use std::collections::BTreeSet;

/// All commands by heading; those that are not valid now come last.
#[must_use]
pub fn overview(cx: &Context<'_>) -> String {
    let commands = || cx.registry.all();
    let width = commands().map(|c| c.usage().len()).max().unwrap_or(0);
    let row = |command: &&Command| format!("  {:width$}  {}", command.usage(), command.about);
    let (valid, later): (Vec<&Command>, Vec<&Command>) =
        commands().partition(|command| command.is_valid(&cx.view.mode, cx.settings));
    let headings: BTreeSet<Heading> = valid.iter().map(|c| c.heading).collect();
    let mut lines = Vec::new();
    for heading in headings {
        lines.push(heading.title().to_owned());
        lines.extend(valid.iter().filter(|c| c.heading == heading).map(row));
    }
    if !later.is_empty() {
        lines.push("Not in this mode".to_owned());
        lines.extend(later.iter().map(row));
    }
    let topics: Vec<&str> = TOPICS.iter().map(|topic| topic.word).collect();
    lines.push(format!(
        "help COMMAND shows examples; topics: {}",
        topics.join(", ")
    ));
    lines.join("\n")
}

/// One command: examples first.
#[must_use]
pub fn page(command: &Command) -> String {
    let mut lines = vec![format!("{} - {}", command.usage(), command.about)];
    lines.extend(examples(command, "  ", "    "));
    if !command.aliases.is_empty() {
        lines.push(format!("  also:    {}", command.aliases.join(", ")));
    }
    if let Run::External(external) = &command.run {
        let path = clean::line(&external.path.display().to_string());
        lines.push(format!("  external: {path}"));
    }
    lines.push(format!("  valid:   {}", places(command)));
    lines.push(format!("  done:    when {}", command.done));
    if command.later_lines == LaterLines::Wait {
        lines.push("           lines entered after it wait for its outcome".to_owned());
    }
    if !command.errors.is_empty() {
        lines.push(format!("  errors:  {}", errors(command)));
    }
    lines.join("\n")
}

/// The manual of all commands in Markdown: docs/commands.md.
#[must_use]
pub fn markdown(registry: &Registry) -> String {
    let mut lines = vec![
        "# Commands".to_owned(),
        String::new(),
        "Generated from `src/shell/commands/` by `UPDATE=1 cargo test --test commands`.".to_owned(),
        String::new(),
        "A command that is called once, as `ackchat history bob`, goes through the running session of"
            .to_owned(),
        "the profile. Without one it goes as far as the column *reaches* says: what is on disk here is"
            .to_owned(),
        "read without a login, sends nothing and marks nothing as read; what needs the server ends with"
            .to_owned(),
        "4 if that is gone.".to_owned(),
        String::new(),
        "| command | also | valid | reaches | what it does |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for command in registry.commands() {
        let usage = command.usage().replace('|', "\\|");
        let (also, valid) = (command.aliases.join(", "), places(command));
        lines.push(format!(
            "| `{usage}` | {also} | {valid} | {} | {} |",
            reaches(command),
            command.about
        ));
    }
    for command in registry.commands() {
        lines.push(format!("\n## {}\n", command.name));
        lines.push(format!("`{}`: {}.", command.usage(), command.about));
        lines.push(format!("Done when {}.\n\n```", command.done));
        lines.extend(examples(command, ">>> ", ""));
        lines.push("```".to_owned());
        if !command.errors.is_empty() {
            lines.push(format!("\nErrors: {}.", errors(command)));
        }
    }
    lines.join("\n") + "\n"
}

/// What is typed and what is then shown.
fn examples<'a>(
    command: &'a Command,
    typed: &'a str,
    shown: &'a str,
) -> impl Iterator<Item = String> + 'a {
    command.examples.iter().flat_map(move |example| {
        let answer = (!example.shows.is_empty()).then(|| format!("{shown}{}", example.shows));
        std::iter::once(format!("{typed}{}", example.line)).chain(answer)
    })
}

fn places(command: &Command) -> String {
    let word = |place: &In| match place {
        In::Group => "in a group",
        In::Normal => "in no group",
        In::Offline => "offline",
        In::PrivateGroup => "in a group with --group-private allow",
    };
    if command.modes == super::command::ALL_MODES {
        return "always".to_owned();
    }
    command
        .modes
        .iter()
        .map(word)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Nothing is said of what is never called once.
fn reaches(command: &Command) -> &'static str {
    match command.reach {
        _ if !command.faces.contains(&Face::OneShot) => "",
        Reach::Disk => "the disk",
        Reach::Nothing => "nothing",
        Reach::Server => "the server",
    }
}

fn errors(command: &Command) -> String {
    let words = command.errors.iter().copied().map(ErrorCode::word);
    words.collect::<Vec<_>>().join(", ")
}
