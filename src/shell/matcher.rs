//! Whether a fact is what a pattern asks for; if not, which field differs first, and how.

use super::fields::{Fact, Value as Found, quoted};
use super::pattern::{self, Match, Pattern, Relation, Value, escape_glob, escape_regex};
use super::template::{Template, Unbound};
use regex_lite::Regex;
use std::fmt;

/// A pattern whose variables have their values.
#[derive(Clone, Debug)]
pub struct Wanted {
    kind: String,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
struct Condition {
    field: String,
    relation: Relation,
    against: Against,
}

#[derive(Clone, Debug)]
enum Against {
    Anything(String),
    Globs(Vec<String>),
    OneOf(Vec<String>),
    Regex(Box<Regex>, Vec<String>),
}

/// A value that fitted and gets a name.
pub type Binding = (String, String);

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// What the parser let pass and the expression's own reader does not.
    #[error("regular expression: {0}")]
    Regex(String),
    /// A variable has no value.
    #[error(transparent)]
    Unbound(#[from] Unbound),
}

/// How far a fact is from what was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is it; these values get names.
    Fits(Vec<Binding>),
    /// It is of the right kind; this is what differs first.
    Near(Nearness, String),
    /// It is of another kind.
    Other,
}

/// How near a fact comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nearness {
    /// So many conditions fit.
    pub fitting: usize,
    /// So many characters of the first one that does not are as they should be.
    pub same: usize,
}

impl Wanted {
    /// Puts the values of variables in.
    ///
    /// # Errors
    /// A variable has no value.
    pub fn fill(
        pattern: &Pattern,
        value: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<Self, Unusable> {
        let conditions = pattern.matches.iter().map(|one| condition(one, value));
        Ok(Self {
            kind: pattern.kind.clone(),
            conditions: conditions.collect::<Result<_, _>>()?,
        })
    }

    /// The kind of event, or the query.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Takes the conditions on `count` out: they are about the number of records, not about one.
    #[must_use]
    pub fn split_count(mut self) -> (Self, Self) {
        let is_count = |condition: &Condition| condition.field == "count";
        let (count, rest) = self.conditions.drain(..).partition(is_count);
        let with = |conditions| Self {
            kind: self.kind.clone(),
            conditions,
        };
        (with(rest), with(count))
    }

    /// True if there is no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Compares with a fact.
    #[must_use]
    pub fn fit(&self, fact: &Fact) -> Fit {
        if fact.kind != self.kind {
            return Fit::Other;
        }
        let mut bindings = Vec::new();
        let (mut fitting, mut difference) = (0, None);
        for condition in &self.conditions {
            match condition.fits(fact.field(&condition.field), &mut bindings) {
                Ok(()) => fitting += 1,
                Err(how) => _ = difference.get_or_insert(how),
            }
        }
        match difference {
            None => Fit::Fits(bindings),
            Some((same, how)) => Fit::Near(Nearness { fitting, same }, how),
        }
    }
}

fn condition(
    one: &Match,
    value: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<Condition, Unusable> {
    let all = |templates: &[Template], value: &mut dyn FnMut(&str) -> Option<String>| {
        let filled = templates.iter().map(|template| template.fill(value));
        filled.collect::<Result<Vec<_>, _>>()
    };
    let against = match &one.value {
        Value::Bind(name) => Against::Anything(name.clone()),
        Value::Glob(globs) => {
            Against::Globs(all(globs, &mut |name| Some(escape_glob(&value(name)?)))?)
        }
        Value::OneOf(texts) => Against::OneOf(all(texts, value)?),
        Value::Regex { source, binds } => {
            let source = source.fill(&mut |name| Some(escape_regex(&value(name)?)))?;
            let regex = pattern::regex(&source).map_err(Unusable::Regex)?;
            let binds = match one.relation {
                Relation::Like => binds.clone(),
                _ => Vec::new(),
            };
            Against::Regex(Box::new(regex), binds)
        }
    };
    Ok(Condition {
        field: one.field.clone(),
        relation: one.relation,
        against,
    })
}

impl Condition {
    /// Says how it differs, if it does.
    fn fits(
        &self,
        found: Option<&Found>,
        bindings: &mut Vec<Binding>,
    ) -> Result<(), (usize, String)> {
        let wants_difference = matches!(self.relation, Relation::IsNot | Relation::Unlike);
        let Some(found) = found else {
            return if wants_difference {
                Ok(())
            } else {
                Err((0, format!("{} is absent", self.field)))
            };
        };
        let text = found.to_string();
        let fits = match &self.against {
            Against::Anything(name) => {
                bindings.push((name.clone(), text));
                return Ok(());
            }
            Against::Globs(globs) => globs.iter().any(|one| glob(one, &text)),
            Against::OneOf(values) => match self.relation {
                Relation::Is | Relation::IsNot => values.contains(&text),
                relation => values.iter().any(|value| compare(relation, found, value)),
            },
            Against::Regex(regex, binds) => {
                let captures = regex.captures(&text);
                for name in binds {
                    let group = captures.as_ref().and_then(|captures| captures.name(name));
                    if let Some(group) = group {
                        bindings.push((name.clone(), group.as_str().to_owned()));
                    }
                }
                captures.is_some()
            }
        };
        if fits != wants_difference {
            return Ok(());
        }
        Err(match (&self.against, self.relation) {
            (Against::OneOf(wanted), Relation::Is) if wanted.len() == 1 => {
                difference(&self.field, &wanted[0], &text)
            }
            _ => (0, format!("{} is {}", self.field, quoted(&text))),
        })
    }
}

/// `text goes on after character 13`, and how many characters are the same.
fn difference(field: &str, wanted: &str, found: &str) -> (usize, String) {
    let same = wanted.chars().zip(found.chars());
    let same = same.take_while(|(wanted, found)| wanted == found).count();
    let (wanted, found_length) = (wanted.chars().count(), found.chars().count());
    let how = if same == wanted && same > 0 {
        format!("{field} goes on after character {same}")
    } else if same == found_length && same > 0 {
        format!("{field} ends after character {same}")
    } else if same >= 8 {
        format!("{field} differs from character {} on", same + 1)
    } else {
        format!("{field} is {}", quoted(found))
    };
    (same, how)
}

fn compare(relation: Relation, found: &Found, wanted: &str) -> bool {
    let (Found::Number(found), Ok(wanted)) = (found, wanted.parse::<i64>()) else {
        return false;
    };
    match relation {
        Relation::Less => *found < wanted,
        Relation::LessOrEqual => *found <= wanted,
        Relation::More => *found > wanted,
        Relation::MoreOrEqual => *found >= wanted,
        Relation::Is | Relation::IsNot | Relation::Like | Relation::Unlike => false,
    }
}

/// A glob over a whole text: `*` any run, `?` one character, `\` the next one literally.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    enum Part {
        One(char),
        Any,
        Run,
    }
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Part::Run,
            '?' => Part::Any,
            '\\' => Part::One(chars.next().unwrap_or('\\')),
            c => Part::One(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut part, mut at) = (0, 0);
    // Where the last run stands, and how far it reaches: the only place to go back to.
    let mut run: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Run) => {
                run = Some((part, at));
                part += 1;
            }
            Some(Part::Any) => (part, at) = (part + 1, at + 1),
            Some(Part::One(c)) if *c == text[at] => (part, at) = (part + 1, at + 1),
            _ => {
                let Some((back, reached)) = run else {
                    return false;
                };
                run = Some((back, reached + 1));
                (part, at) = (back + 1, reached + 1);
            }
        }
    }
    parts[part..].iter().all(|part| matches!(part, Part::Run))
}

/// `message from=bob text="hi"`, as it would be written with all values.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        for Condition {
            field,
            relation,
            against,
        } in &self.conditions
        {
            write!(f, " {field}{}", relation.sign())?;
            match against {
                Against::Anything(name) => write!(f, "?{name}")?,
                Against::Globs(values) | Against::OneOf(values) => {
                    let plain = |value: &String| {
                        field != "text" && !value.contains([' ', '"', '|', '\n', '\t'])
                    };
                    let written: Vec<String> = values
                        .iter()
                        .map(|value| {
                            if plain(value) {
                                value.clone()
                            } else {
                                quoted(value)
                            }
                        })
                        .collect();
                    f.write_str(&written.join("|"))?;
                }
                Against::Regex(regex, _) => write!(f, "/{}/", regex.as_str())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::diagnostic::Span;

    fn wanted(matches: &[(&str, Relation, Value)]) -> Wanted {
        let matches = matches.iter().map(|(field, relation, value)| Match {
            field: (*field).to_owned(),
            relation: *relation,
            value: value.clone(),
            span: Span::default(),
        });
        let pattern = Pattern {
            kind: "message".to_owned(),
            matches: matches.collect(),
        };
        Wanted::fill(&pattern, &mut |name| (name == "x").then(|| "a*c".into())).unwrap()
    }

    fn one_of(values: &[&str]) -> Value {
        Value::OneOf(values.iter().map(|value| Template::parse(value)).collect())
    }

    fn fact() -> Fact {
        Fact::new("message")
            .with("from", "alice")
            .with("text", "are you there?")
            .with("late", true)
            .with("attempt", 5_u8)
    }

    #[test]
    fn globs_cover_the_whole_text() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*ab", "aaab", true),
            ("a\\*c", "abc", false),
            ("a\\*c", "a*c", true),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("[Offline * x.]", "[Offline Message by x.]", true),
            ("é?", "éß", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn all_conditions_have_to_fit_and_an_absent_field_fits_only_what_excludes() {
        use Relation::{Is, IsNot, Less, Like, MoreOrEqual, Unlike};
        let glob = |glob: &str| Value::Glob(vec![Template::parse(glob)]);
        for (field, relation, value, fits) in [
            ("from", Is, one_of(&["bob", "alice"]), true),
            ("from", IsNot, one_of(&["bob", "alice"]), false),
            ("late", Is, one_of(&["true"]), true),
            ("attempt", MoreOrEqual, one_of(&["5"]), true),
            ("attempt", Less, one_of(&["5"]), false),
            ("group", Is, one_of(&["g"]), false),
            ("group", IsNot, one_of(&["g"]), true),
            ("group", Unlike, glob("*"), true),
            ("text", Like, glob("are*"), true),
            ("text", Like, glob("$x"), false),
            ("text", Unlike, glob("*there"), true),
        ] {
            let wanted = wanted(&[(field, relation, value)]);
            assert_eq!(
                matches!(wanted.fit(&fact()), Fit::Fits(_)),
                fits,
                "{wanted}"
            );
        }
    }

    #[test]
    fn values_get_names_where_they_fit() {
        let regex = Value::Regex {
            source: Template::parse("^(?<verb>[a-z]+) you"),
            binds: vec!["verb".to_owned()],
        };
        let wanted = wanted(&[
            ("from", Relation::Is, Value::Bind("who".to_owned())),
            ("text", Relation::Like, regex),
        ]);
        let expected = [("who", "alice"), ("verb", "are")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(wanted.fit(&fact()), Fit::Fits(expected.to_vec()));
    }

    #[test]
    fn what_differs_first_is_told() {
        for (field, value, told) in [
            ("text", "are you there", "text goes on after character 13"),
            ("text", "are you there? Or", "text ends after character 14"),
            ("text", "are you here?", "text differs from character 9 on"),
            ("from", "bob", "from is \"alice\""),
            ("group", "g", "group is absent"),
        ] {
            let wanted = wanted(&[
                ("late", Relation::Is, one_of(&["true"])),
                (field, Relation::Is, one_of(&[value])),
            ]);
            let Fit::Near(nearness, how) = wanted.fit(&fact()) else {
                panic!("{told}");
            };
            assert_eq!((nearness.fitting, how.as_str()), (1, told));
        }
    }

    #[test]
    fn a_pattern_is_written_with_its_values() {
        let wanted = wanted(&[
            ("from", Relation::Is, one_of(&["bob", "$x"])),
            ("text", Relation::IsNot, one_of(&["hi"])),
            ("id", Relation::Is, Value::Bind("m".to_owned())),
        ]);
        assert_eq!(
            wanted.to_string(),
            "message from=bob|a*c text!=\"hi\" id=?m"
        );
    }
}
