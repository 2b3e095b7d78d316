//! What people type: random commands of every kind, texts of one byte to 64 KiB.

use super::dice::Dice;
use crate::client::Mode;
use crate::model::Name;
use crate::model::limits::TEXT_BYTES_MAX;
use std::fmt::Write as _;

/// What texts are made of: blanks, several scripts, what a terminal must not see, what JSON
/// escapes.
const SYLLABLES: [&str; 8] = [
    "la ",
    "né",
    "漢",
    "\\n",
    "\u{1b}[31m",
    "{}",
    "\u{202e}",
    "'s",
];
/// Names that nobody has, or that are no names.
const STRANGE: [&str; 3] = ["nobody", "../x", ""];
/// Groups, as few as make them meet.
const GROUPS: [&str; 4] = ["g", "h", "no;group", "lounge"];

/// The next line of somebody in this mode; `me` and `others` are whom it may be about.
pub(super) fn line(
    dice: &mut Dice,
    mode: &Mode,
    me: &Name,
    others: &[Name],
    number: u64,
) -> String {
    match mode {
        Mode::Group(_) => in_group(dice, others, number),
        Mode::Normal => in_normal(dice, me, others, number),
        Mode::Offline(_) => {
            if dice.chance(900) {
                "reg".into()
            } else {
                "send x y".into()
            }
        }
        Mode::Starting => format!("send {} {}", someone(dice, me, others), text(dice, number)),
    }
}

fn in_normal(dice: &mut Dice, me: &Name, others: &[Name], number: u64) -> String {
    match dice.below(100) {
        0..68 => format!("send {} {}", someone(dice, me, others), text(dice, number)),
        68..74 => format!("send_all {}", text(dice, number)),
        74..80 => format!("create_group {}", group(dice)),
        80..89 => format!("join_group {}", group(dice)),
        89..92 => "list_groups".into(),
        92..96 => "dereg".into(),
        96..97 => "exit".into(),
        97..98 => format!("dereg {}", someone(dice, me, others)),
        98..99 => "table".into(),
        _ => odd(dice),
    }
}

fn in_group(dice: &mut Dice, others: &[Name], number: u64) -> String {
    match dice.below(100) {
        0..60 => format!("send_group {}", text(dice, number)),
        60..70 => format!("send_all {}", text(dice, number)),
        70..75 => "list_members".into(),
        75..90 => "leave_group".into(),
        90..94 => "dereg".into(),
        94..95 => "exit".into(),
        95..98 => format!(
            "send {} {}",
            dice.pick(others).map_or("x", Name::as_str),
            text(dice, number)
        ),
        _ => odd(dice),
    }
}

fn odd(dice: &mut Dice) -> String {
    let lines = [
        "",
        "sned bob hi",
        "send",
        "help",
        "verify",
        "//x",
        "/",
        "\u{0}",
        "close",
        "reg",
    ];
    (*dice.pick(&lines).expect("there are some")).into()
}

fn someone(dice: &mut Dice, me: &Name, others: &[Name]) -> String {
    match dice.below(40) {
        0 => (*dice.pick(&STRANGE).expect("there are some")).into(),
        1 => me.as_str().into(),
        _ => dice.pick(others).unwrap_or(me).as_str().into(),
    }
}

fn group(dice: &mut Dice) -> &'static str {
    GROUPS[dice.index(GROUPS.len())]
}

/// A text that nobody else writes: it begins with its number.
fn text(dice: &mut Dice, number: u64) -> String {
    let len = match dice.below(100) {
        0..80 => 4 + dice.index(60),
        80..95 => dice.index(1500),
        95..99 => dice.index(6000),
        _ => dice.index(TEXT_BYTES_MAX + 1),
    };
    let mut text = String::with_capacity(len + 16);
    write!(text, "m{number}.").expect("writing to a string does not fail");
    let syllable = SYLLABLES[dice.index(SYLLABLES.len())];
    while text.len() + syllable.len() <= len {
        text.push_str(syllable);
    }
    text.push('.');
    text.truncate(TEXT_BYTES_MAX);
    text
}
