//! `[[hook]]` of config.toml, read and looked at before anything runs.

use crate::driver::config::{Page, unknown};
use crate::model::duration;
use crate::model::limits::{HOOK_LIMIT, HOOK_LIMIT_MAX, HOOKS_MAX};
use crate::script::patterns;
use crate::shell::fields::Kind;
use crate::shell::hooks::{Hook, KINDS, Reads, Reply};
use crate::shell::matcher::Wanted;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// The keys of a hook.
const KEYS: [&str; 7] = ["if", "name", "on", "reply", "run", "stdin", "timeout"];

/// What is wrong, and where.
type Wrong = (Range<usize>, String);

/// All hooks that are right, and what is wrong with the others.
pub(crate) fn read(page: Page<'_>, list: &DeArray<'_>) -> (Vec<Hook>, Vec<Wrong>) {
    let (mut hooks, mut wrong): (Vec<Hook>, Vec<Wrong>) = (Vec::new(), Vec::new());
    for item in list {
        let read = match item.get_ref() {
            DeValue::Table(table) => hook(page, &item.span(), table),
            _ => Err(vec![(
                item.span(),
                "expected [[hook]] and its lines".to_owned(),
            )]),
        };
        let is_known = |hook: &Hook| hooks.iter().any(|other| other.name == hook.name);
        match read {
            Ok(hook) if is_known(&hook) => {
                let words = format!("two hooks are called {}", hook.name);
                wrong.push((item.span(), words));
            }
            Ok(_) if hooks.len() >= HOOKS_MAX => {
                let words = format!("there are more than {HOOKS_MAX} hooks");
                wrong.push((item.span(), words));
                break;
            }
            Ok(hook) => hooks.push(hook),
            Err(what) => wrong.extend(what),
        }
    }
    (hooks, wrong)
}

/// One hook, or all that is wrong with it.
fn hook(page: Page<'_>, whole: &Range<usize>, table: &DeTable<'_>) -> Result<Hook, Vec<Wrong>> {
    let mut wrong = Vec::new();
    for key in table.keys() {
        let word = key.get_ref().as_ref();
        if !KEYS.contains(&word) {
            wrong.push((key.span(), unknown(word, KEYS.into_iter())));
        }
    }
    // What seems to be missing may be what is mistyped.
    let is_mistyped = !wrong.is_empty();
    let missing = |key: &str| (whole.clone(), format!("{key} is missing"));
    let mut note = |what: Wrong| {
        if !is_mistyped || what.0 != *whole {
            wrong.push(what);
        }
    };
    let name = name(table, missing).map_err(&mut note).ok();
    let kind = kind(table, missing).map_err(&mut note).ok();
    let pattern = text(table, "if").map_err(&mut note).ok();
    let on = kind.zip(pattern).and_then(|(kind, pattern)| {
        let wanted = wanted(page, kind, pattern.as_ref());
        wanted.map_err(&mut note).ok()
    });
    let run = words(table).and_then(|run| run.ok_or_else(|| missing("run")));
    let run = run.map_err(&mut note).ok();
    let reads = reads(table).map_err(&mut note).ok();
    let reply = reply(table, kind).map_err(&mut note).ok();
    let limit = text(table, "timeout").and_then(limit);
    let limit = limit.map_err(&mut note).ok();
    match (name, on, run, reads, reply, limit) {
        (Some(name), Some(on), Some(run), Some(reads), Some(reply), Some(limit))
            if wrong.is_empty() =>
        {
            Ok(Hook {
                name,
                on,
                run,
                reads,
                reply,
                limit,
            })
        }
        _ => Err(wrong),
    }
}

fn name(table: &DeTable<'_>, missing: impl Fn(&str) -> Wrong) -> Result<String, Wrong> {
    let name = text(table, "name")?.ok_or_else(|| missing("name"))?;
    if name.get_ref().is_empty() || name.get_ref().contains(char::is_whitespace) {
        return Err((name.span(), "a name is one word".to_owned()));
    }
    Ok((*name.get_ref()).to_owned())
}

fn kind(table: &DeTable<'_>, missing: impl Fn(&str) -> Wrong) -> Result<&'static Kind, Wrong> {
    let on = text(table, "on")?.ok_or_else(|| missing("on"))?;
    let kind = Kind::of(on.get_ref()).filter(|kind| KINDS.contains(&kind.name));
    kind.ok_or_else(|| {
        let near = unknown(on.get_ref(), KINDS.into_iter());
        let words = format!("{near}; one of {}", KINDS.join(", "));
        (on.span(), words)
    })
}

fn reads(table: &DeTable<'_>) -> Result<Reads, Wrong> {
    let Some(word) = text(table, "stdin")? else {
        return Ok(Reads::Json);
    };
    match *word.get_ref() {
        "json" => Ok(Reads::Json),
        "none" => Ok(Reads::None),
        "text" => Ok(Reads::Text),
        _ => Err((word.span(), "stdin is json, text or none".to_owned())),
    }
}

/// Of a hook whose kind is not known nothing is said here.
fn reply(table: &DeTable<'_>, kind: Option<&Kind>) -> Result<Reply, Wrong> {
    let Some(value) = table.get("reply") else {
        return Ok(Reply::No);
    };
    match value.get_ref() {
        DeValue::Boolean(false) => Ok(Reply::No),
        DeValue::Boolean(true) if kind.is_none_or(|kind| kind.name == "message") => Ok(Reply::Yes),
        DeValue::Boolean(true) => Err((value.span(), "only a message can be answered".to_owned())),
        _ => Err((value.span(), "reply is true or false".to_owned())),
    }
}

/// What the events have to be. There are no variables in a hook: nothing that somebody wrote is
/// ever put into a pattern.
fn wanted(page: Page<'_>, kind: &Kind, words: Option<&Spanned<&str>>) -> Result<Wanted, Wrong> {
    let (source, span) = words.map_or(("", 0..0), |words| (*words.get_ref(), words.span()));
    let place = |range: &Range<usize>| {
        // Where the file says exactly this between two quotes, the place is known to the byte.
        let inside = span.start + 1..span.end.saturating_sub(1).max(span.start + 1);
        if page.slice(&inside) == Some(source) {
            inside.start + range.start..inside.start + range.end
        } else {
            span.clone()
        }
    };
    let pattern =
        patterns::conditions(kind, source).map_err(|(range, why)| (place(&range), why))?;
    let wanted = Wanted::fill(&pattern, &mut |_| None);
    wanted.map_err(|why| (span.clone(), format!("{why}; $$ is a dollar")))
}

fn limit(word: Option<Spanned<&str>>) -> Result<Duration, Wrong> {
    let Some(word) = word else {
        return Ok(HOOK_LIMIT);
    };
    let limit = duration(word.get_ref());
    let limit = limit.filter(|limit| !limit.is_zero() && *limit <= HOOK_LIMIT_MAX);
    let wrong = "a duration as 500ms, 5s or 2m, at most 1h";
    limit.ok_or_else(|| (word.span(), wrong.to_owned()))
}

/// The program and its arguments.
fn words(table: &DeTable<'_>) -> Result<Option<Vec<String>>, Wrong> {
    let Some(value) = table.get("run") else {
        return Ok(None);
    };
    let wrong = || {
        let words = "run is a list of words: [\"notify-send\", \"--\", \"chat\"]";
        (value.span(), words.to_owned())
    };
    let DeValue::Array(list) = value.get_ref() else {
        return Err(wrong());
    };
    let word = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::String(word) => Some(word.as_ref().to_owned()),
        _ => None,
    };
    let words: Option<Vec<String>> = list.iter().map(word).collect();
    let words = words.filter(|words| words.first().is_some_and(|program| !program.is_empty()));
    let words = words.ok_or_else(wrong)?;
    if words[0].contains('/') && !words[0].starts_with('/') {
        let words = "a program is a whole path, or a name that is found on the PATH";
        return Err((value.span(), words.to_owned()));
    }
    Ok(Some(words))
}

fn text<'a>(table: &'a DeTable<'_>, key: &str) -> Result<Option<Spanned<&'a str>>, Wrong> {
    let Some(value) = table.get(key) else {
        return Ok(None);
    };
    match value.get_ref() {
        DeValue::String(text) => Ok(Some(Spanned::new(value.span(), text.as_ref()))),
        _ => Err((value.span(), format!("{key} is a text"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::driver::config::Config;
    use crate::shell::hooks::{Reads, Reply};
    use std::time::Duration;

    #[test]
    fn a_hook_is_read_with_what_it_leaves_out() {
        let config = Config::parse(
            "[[hook]]\nname = \"urgent\"\non = \"message\"\nif = 'from=bob text~\"*now*\"'\n\
             run = [\"notify-send\", \"--\", \"chat\"]\nreply = true\ntimeout = \"2s\"\n\
             stdin = \"text\"\n[[hook]]\nname = \"b\"\non = \"key\"\nrun = [\"/bin/x\"]\n",
        );
        assert_eq!(config.complaints, [""; 0]);
        let [urgent, b] = &config.hooks[..] else {
            panic!("two")
        };
        assert_eq!(urgent.on.to_string(), "message from=bob text~\"*now*\"");
        assert_eq!((urgent.reads, urgent.reply), (Reads::Text, Reply::Yes));
        assert_eq!(
            (urgent.limit, b.limit),
            (Duration::from_secs(2), Duration::from_secs(5))
        );
        assert_eq!((b.reads, b.reply), (Reads::Json, Reply::No));
    }

    #[test]
    fn what_is_wrong_with_a_hook_is_told_with_its_line_and_a_caret() {
        let right = "[[hook]]\nname = \"h\"\non = \"message\"\nrun = [\"x\"]\n";
        for (text, complaint) in [
            (
                right.replace("run", "rum"),
                "config.toml:4:\n  rum = [\"x\"]\n  ^^^ did you mean run?",
            ),
            (
                right.replace("\"message\"", "\"mesage\""),
                "config.toml:3:\n  on = \"mesage\"\n       ^^^^^^^^ did you mean message?; one of",
            ),
            (
                right.replace("\"message\"", "\"hook\""),
                "config.toml:3:\n  on = \"hook\"\n       ^^^^^^ ",
            ),
            (
                right.replace("[\"x\"]", "\"rm -rf\""),
                "config.toml:4:\n  run = \"rm -rf\"\n        ^^^^^^^^ run is a list of words",
            ),
            (
                right.replace("\"x\"", "\"./x\""),
                "config.toml:4:\n  run = [\"./x\"]\n        ^^^^^^^ a program is a whole path",
            ),
            (
                format!("{right}if = 'form=bob'\n"),
                "config.toml:5:\n  if = 'form=bob'\n        ^^^^ message has no field \"form\"",
            ),
            (
                format!("{right}if = 'text~/(/'\n"),
                "config.toml:5:\n  if = 'text~/(/'\n             ^^^ regular expression: ",
            ),
            (
                format!("{right}if = 'text=$x'\n"),
                "config.toml:5:\n  if = 'text=$x'\n       ^^^^^^^^^ $x is used but",
            ),
            (
                format!("{right}timeout = \"2\"\n"),
                "config.toml:5:\n  timeout = \"2\"\n            ^^^ a duration as",
            ),
            (
                format!("{right}reply = \"yes\"\n"),
                "config.toml:5:\n  reply = \"yes\"\n          ^^^^^ reply is true or false",
            ),
            (
                right.replace("message", "key") + "reply = true\n",
                "config.toml:5:\n  reply = true\n          ^^^^ only a message",
            ),
            (format!("{right}{right}"), "config.toml:5:\n  [[hook]]\n  ^"),
            (
                "hook = 1\n".to_owned(),
                "config.toml:1:\n  hook = 1\n         ^ write [[hook]]",
            ),
            (
                right.replace("name = \"h\"\n", ""),
                "config.toml:1:\n  [[hook]]\n  ^",
            ),
        ] {
            let found = Config::parse(&text).complaints;
            assert_eq!(found.len(), 1, "{text}\n{found:?}");
            assert!(found[0].starts_with(complaint), "{text}\n{}", found[0]);
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_hook_is_told_at_once() {
        let text = "[[hook]]\nname = \"a b\"\non = \"mesage\"\nrun = 1\nstdin = \"x\"\n\
                    reply = 2\ntimeout = \"9\"\nrum = 1\n";
        let found = Config::parse(text).complaints;
        let lines = found.iter().filter_map(|words| words.split(':').nth(1));
        assert_eq!(lines.collect::<String>(), "2345678", "{found:?}");
    }
}
