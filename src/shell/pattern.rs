//! `message from=bob text~"*urgent*"`: what an event or a record has to look like.

use super::diagnostic::Span;
use super::template::Template;
use crate::model::limits::{REGEX_BYTES_MAX, REGEX_DEPTH_MAX};
use regex_lite::{Regex, RegexBuilder};

/// A kind and what its fields have to be; all matches have to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The kind of event, or the query.
    pub kind: String,
    /// What the fields have to be, in the order written.
    pub matches: Vec<Match>,
}

/// What one field has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The field.
    pub field: String,
    /// How it is compared.
    pub relation: Relation,
    /// With what.
    pub value: Value,
    /// Where it stands; for sugar (`bob: hi`) the part it was made from.
    pub span: Span,
}

/// How a field is compared. An absent field fits `IsNot` and `Unlike`, nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `=`.
    Is,
    /// `!=`.
    IsNot,
    /// `<`, integers only.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `~`.
    Like,
    /// `>`.
    More,
    /// `>=`.
    MoreOrEqual,
    /// `!~`.
    Unlike,
}

/// With what a field is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `?x`: nothing; the value is remembered as `$x`. Only after `=`.
    Bind(String),
    /// One of these globs over the whole value (after `~`, `!~`). Variables are in it as text:
    /// what they contain is to be escaped by [`escape_glob`].
    Glob(Vec<Template>),
    /// One of these, the whole value; after `<` and the like exactly one, an integer.
    OneOf(Vec<Template>),
    /// A regular expression anywhere in the value (after `~`, `!~`). Variables are in it as text:
    /// what they contain is to be escaped by [`escape_regex`]. Named groups bind.
    Regex {
        /// The expression.
        source: Template,
        /// The named groups, which bind when it fits (after `~` only).
        binds: Vec<String>,
    },
}

impl Relation {
    /// As it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::IsNot => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Like => "~",
            Self::More => ">",
            Self::MoreOrEqual => ">=",
            Self::Unlike => "!~",
        }
    }
}

impl Match {
    /// The names it binds if it fits.
    pub fn binds(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match &self.value {
            Value::Bind(name) => (Some(name), &[][..]),
            Value::Regex { binds, .. } if self.relation == Relation::Like => (None, &binds[..]),
            _ => (None, &[][..]),
        };
        one.into_iter().chain(many).map(String::as_str)
    }
}

/// A regular expression, bounded in what it may cost.
///
/// # Errors
/// It is none, or too large; the words for people.
pub fn regex(source: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(source);
    builder.size_limit(REGEX_BYTES_MAX);
    builder.nest_limit(REGEX_DEPTH_MAX);
    builder.build().map_err(|error| error.to_string())
}

/// A text as the regular expression that only it fits.
#[must_use]
pub fn escape_regex(text: &str) -> String {
    regex_lite::escape(text)
}

/// A text as the glob that only it fits.
#[must_use]
pub fn escape_glob(text: &str) -> String {
    let mut glob = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '\\') {
            glob.push('\\');
        }
        glob.push(c);
    }
    glob
}
