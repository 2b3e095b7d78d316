//! Names, group names and texts: parsed once, valid ever after.

use super::limits::{NAME_BYTES_MAX, TEXT_BYTES_MAX};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A person's or program's name; equal to another if equal without regard to ASCII case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(Word);

/// A group's name; the same rules as for [`Name`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupName(Word);

/// A checked word with its place in the order: names are keys of nearly every map, and this saves
/// looking at their letters.
#[derive(Clone)]
struct Word {
    /// Its first eight bytes in lower case; zeros where there are none.
    order: u64,
    text: Arc<str>,
}

/// What somebody wrote: UTF-8, 1 to 65,536 bytes, otherwise anything.
///
/// It is data. It reaches a screen only through the one gate that makes control characters visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Box<str>);

/// Why a word is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It has a character other than letters, digits, `.`, `_` and `-`.
    #[error("a name should not contain {0:?}: use letters, digits, \".\", \"_\" and \"-\"")]
    Character(char),
    /// It is empty.
    #[error("a name is missing")]
    Empty,
    /// It begins with a sign.
    #[error("a name begins with a letter or a digit")]
    First,
    /// It has more than 32 bytes.
    #[error("a name has at most {NAME_BYTES_MAX} characters")]
    Long,
    /// It is `server` or `all`.
    #[error("this name is reserved")]
    Reserved,
}

/// Why a string is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// There is nothing to say.
    #[error("the text is empty")]
    Empty,
    /// It has more than 65,536 bytes.
    #[error("the text has more than {TEXT_BYTES_MAX} bytes: send it in parts")]
    Long,
}

fn check(word: &str) -> Result<(), InvalidName> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if let Some(wrong) = word.chars().find(|c| !allowed(*c)) {
        return Err(InvalidName::Character(wrong));
    }
    let first = word.chars().next().ok_or(InvalidName::Empty)?;
    if !first.is_ascii_alphanumeric() {
        return Err(InvalidName::First);
    }
    if word.len() > NAME_BYTES_MAX {
        return Err(InvalidName::Long);
    }
    if ["server", "all"]
        .iter()
        .any(|r| r.eq_ignore_ascii_case(word))
    {
        return Err(InvalidName::Reserved);
    }
    Ok(())
}

impl Word {
    fn new(text: &str) -> Self {
        let mut first = [0; 8];
        for (place, byte) in first.iter_mut().zip(text.bytes()) {
            *place = byte.to_ascii_lowercase();
        }
        Self {
            order: u64::from_be_bytes(first),
            text: text.into(),
        }
    }

    /// Beyond the first eight bytes. No byte of a name is zero: if one word ends there, the other
    /// is the longer one or ends there too.
    #[inline]
    fn cmp_rest(&self, other: &Self) -> Ordering {
        if self.text.len() <= 8 || other.text.len() <= 8 {
            return self.text.len().cmp(&other.text.len());
        }
        folded(&self.text).cmp(folded(&other.text))
    }
}

fn folded(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Word {}

impl Ord for Word {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match self.order.cmp(&other.order) {
            Ordering::Equal => self.cmp_rest(other),
            decided => decided,
        }
    }
}

impl PartialOrd for Word {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

macro_rules! name {
    ($type:ident) => {
        impl $type {
            /// The name as it was first written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0.text
            }

            /// The name in lower case: what equality means, and what is hashed or indexed.
            #[must_use]
            pub fn to_lower(&self) -> String {
                self.0.text.to_ascii_lowercase()
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(word: &str) -> Result<Self, InvalidName> {
                check(word).map(|()| Self(Word::new(word)))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0.text)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0.text, f)
            }
        }
    };
}

name!(Name);
name!(GroupName);

impl Text {
    /// The text, byte for byte.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Text {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        match text.len() {
            0 => Err(InvalidText::Empty),
            1..=TEXT_BYTES_MAX => Ok(Self(text.into())),
            _ => Err(InvalidText::Long),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_three_signs() {
        for right in [
            "a",
            "7",
            "Bob",
            "c1",
            "a.b_c-d",
            &"x".repeat(NAME_BYTES_MAX),
        ] {
            assert!(right.parse::<Name>().is_ok(), "{right}");
        }
        for (wrong, why) in [
            ("", InvalidName::Empty),
            ("-rf", InvalidName::First),
            ("..", InvalidName::First),
            ("../x", InvalidName::Character('/')),
            ("roomB;", InvalidName::Character(';')),
            ("zo\u{eb}", InvalidName::Character('\u{eb}')),
            ("Server", InvalidName::Reserved),
            ("ALL", InvalidName::Reserved),
            (&"x".repeat(NAME_BYTES_MAX + 1), InvalidName::Long),
        ] {
            assert_eq!(wrong.parse::<Name>(), Err(why), "{wrong}");
        }
    }

    #[test]
    fn names_are_equal_without_regard_to_case_and_keep_their_spelling() {
        let (bob, shout): (Name, Name) = ("Bob".parse().unwrap(), "BOB".parse().unwrap());
        assert_eq!(bob, shout);
        assert_eq!(bob.cmp(&shout), Ordering::Equal);
        assert_eq!(bob.to_string(), "Bob");
    }

    #[test]
    fn names_are_in_the_order_of_their_letters() {
        let long = "a-name-of-sixteen";
        let words = [
            "a",
            "a-name-o",
            "a-name-O1",
            "a-name-",
            "A.b",
            "ab",
            long,
            "a-name-of-sixteen1",
            "B",
            "a-name-of-sixteem",
        ];
        for a in words {
            for b in words {
                let names: (Name, Name) = (a.parse().unwrap(), b.parse().unwrap());
                let letters = a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase());
                assert_eq!(names.0.cmp(&names.1), letters, "{a} {b}");
                assert_eq!(names.0 == names.1, letters.is_eq(), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_text_has_one_byte_to_64_kib() {
        assert_eq!("".parse::<Text>(), Err(InvalidText::Empty));
        assert!("x".repeat(TEXT_BYTES_MAX).parse::<Text>().is_ok());
        assert_eq!(
            "x".repeat(TEXT_BYTES_MAX + 1).parse::<Text>(),
            Err(InvalidText::Long)
        );
    }
}
