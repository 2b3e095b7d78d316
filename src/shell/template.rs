//! Text with `$variables`, which get their values when a line is carried out.

use std::fmt;

/// Text with variables in it; a value is put in once and never read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Itself.
    Text(String),
    /// The value of a variable.
    Variable(String),
}

/// A variable of a template has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("${0} is used but nothing binds it")]
pub struct Unbound(pub String);

impl Template {
    /// Reads `$x`, `${x}` and `$$`; every other `$` is itself.
    #[must_use]
    pub fn parse(source: &str) -> Self {
        let mut template = Self::default();
        let mut rest = source;
        while let Some((text, tail)) = rest.split_once('$') {
            template.push_text(text);
            rest = match (variable(tail), tail.strip_prefix('$')) {
                (Some((name, after)), _) => {
                    template.push_variable(name);
                    after
                }
                (None, Some(after)) => {
                    template.push_text("$");
                    after
                }
                (None, None) => {
                    template.push_text("$");
                    tail
                }
            };
        }
        template.push_text(rest);
        template
    }

    /// Text without variables, dollars and all.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() {
            return Self::default();
        }
        Self(vec![Piece::Text(text)])
    }

    /// The text with all values in it.
    ///
    /// # Errors
    /// A variable has no value.
    pub fn fill(&self, value: &mut dyn FnMut(&str) -> Option<String>) -> Result<String, Unbound> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Variable(name) => {
                    filled.push_str(&value(name).ok_or_else(|| Unbound(name.clone()))?);
                }
            }
        }
        Ok(filled)
    }

    /// The text if there is no variable in it.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Its parts in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The names of its variables in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Variable(name) => Some(name.as_str()),
        })
    }

    /// Appends text; neighbouring texts become one piece.
    pub fn push_text(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Text(before)) => before.push_str(text),
            _ => self.0.push(Piece::Text(text.to_owned())),
        }
    }

    /// Appends another template.
    pub fn push(&mut self, other: Self) {
        for piece in other.0 {
            match piece {
                Piece::Text(text) => self.push_text(&text),
                Piece::Variable(_) => self.0.push(piece),
            }
        }
    }

    /// Appends a variable.
    pub fn push_variable(&mut self, name: &str) {
        self.0.push(Piece::Variable(name.to_owned()));
    }
}

/// As it can be written again.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(&text.replace('$', "$$")),
            Piece::Variable(name) => write!(f, "${{{name}}}"),
        })
    }
}

/// A variable's name at the start of what follows a `$`, and what follows the name.
#[must_use]
pub fn variable(after_dollar: &str) -> Option<(&str, &str)> {
    if let Some(braced) = after_dollar.strip_prefix('{') {
        let (name, after) = identifier(braced)?;
        return Some((name, after.strip_prefix('}')?));
    }
    identifier(after_dollar)
}

/// A letter, then letters, digits and `_`, and what follows.
#[must_use]
pub fn identifier(source: &str) -> Option<(&str, &str)> {
    source.chars().next().filter(char::is_ascii_alphabetic)?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = source.find(|c| !is_part(c)).unwrap_or(source.len());
    Some(source.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(source: &str) -> Result<String, Unbound> {
        Template::parse(source).fill(&mut |name| match name {
            "x" => Some("$y*".to_owned()),
            "long_1" => Some("L".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn variables_are_replaced_once_and_their_values_never_read_again() {
        for (source, filled) in [
            ("", ""),
            ("plain", "plain"),
            ("$x", "$y*"),
            ("a ${x}b $long_1!", "a $y*b L!"),
            ("$$x is $x", "$x is $y*"),
            ("$5 and $ and ${5} and ${x", "$5 and $ and ${5} and ${x"),
            ("$$$x$", "$$y*$"),
            ("\u{e9}$\u{e9}", "\u{e9}$\u{e9}"),
        ] {
            assert_eq!(fill(source).as_deref(), Ok(filled), "{source}");
        }
        assert_eq!(fill("a $zoe"), Err(Unbound("zoe".to_owned())));
    }

    #[test]
    fn a_template_is_written_as_it_was_meant() {
        for source in ["", "a $$ b", "${x} $$y ${z}w", "100 %"] {
            let template = Template::parse(source);
            assert_eq!(Template::parse(&template.to_string()), template);
            assert_eq!(template.to_string(), source);
        }
        assert_eq!(Template::parse("a$$").fixed(), Some("a$"));
        assert_eq!(Template::parse("a$b").fixed(), None);
        let variables = Template::parse("$a ${b}c $a");
        assert_eq!(variables.variables().collect::<Vec<_>>(), ["a", "b", "a"]);
    }
}
