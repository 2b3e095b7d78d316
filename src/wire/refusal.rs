//! Why a request was refused: one word for programs.

use super::DecodeError;
use crate::model::limits::WORD_BYTES_MAX;
use std::fmt;
use std::str::FromStr;

/// Why a request was refused. `Display` and `FromStr` are the words of the wire (`bad-name`).
///
/// The order is that of the protocol, section 5.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalCode {
    /// The word is no name, or not the name of this card.
    BadName,
    /// The name belongs to another key.
    NameUsed,
    /// The same key is here from somewhere else, and alive.
    HereAlready,
    /// The card is malformed, its signature wrong, or it shows another key than the session's.
    BadCard,
    /// Only who is registered may ask this.
    NotRegistered,
    /// Nobody has this name.
    NoSuchName,
    /// There is no such group.
    NoSuchGroup,
    /// Somebody else made a group of this name.
    GroupExists,
    /// Only members may ask this.
    NotMember,
    /// A message for another name than that of the receiver.
    NotMe,
    /// The text is too long.
    TooLong,
    /// A count is at its limit: recipients, groups, names.
    TooMany,
    /// The recipient's mailbox is full.
    MailboxFull,
    /// The sender's share of the recipient's mailbox is full.
    PairFull,
    /// The server's store is full.
    StoreFull,
    /// The server's store cannot write at present.
    NoStore,
    /// Too much is in work; later.
    Busy,
    /// Over the sender's rate; later.
    TooFast,
    /// The other is not here.
    Offline,
    /// This server or the other side does not relay.
    RelayOff,
    /// Over the budget of the relay.
    RelayLimit,
    /// The server does not know this type of packet.
    UnknownType,
    /// The server could not read the packet.
    Malformed,
    /// A code of a later version, at most 32 bytes of `[a-z-]`.
    Other(Box<str>),
}

static WORDS: [(RefusalCode, &str); 23] = [
    (RefusalCode::BadName, "bad-name"),
    (RefusalCode::NameUsed, "name-used"),
    (RefusalCode::HereAlready, "here-already"),
    (RefusalCode::BadCard, "bad-card"),
    (RefusalCode::NotRegistered, "not-registered"),
    (RefusalCode::NoSuchName, "no-such-name"),
    (RefusalCode::NoSuchGroup, "no-such-group"),
    (RefusalCode::GroupExists, "group-exists"),
    (RefusalCode::NotMember, "not-member"),
    (RefusalCode::NotMe, "not-me"),
    (RefusalCode::TooLong, "too-long"),
    (RefusalCode::TooMany, "too-many"),
    (RefusalCode::MailboxFull, "mailbox-full"),
    (RefusalCode::PairFull, "pair-full"),
    (RefusalCode::StoreFull, "store-full"),
    (RefusalCode::NoStore, "no-store"),
    (RefusalCode::Busy, "busy"),
    (RefusalCode::TooFast, "too-fast"),
    (RefusalCode::Offline, "offline"),
    (RefusalCode::RelayOff, "relay-off"),
    (RefusalCode::RelayLimit, "relay-limit"),
    (RefusalCode::UnknownType, "unknown-type"),
    (RefusalCode::Malformed, "malformed"),
];

impl RefusalCode {
    /// The word of the wire.
    ///
    /// # Panics
    /// Never: a test asks for the word of every code.
    #[must_use]
    pub fn word(&self) -> &str {
        if let Self::Other(word) = self {
            return word;
        }
        let entry = WORDS.iter().find(|(code, _)| code == self);
        entry.expect("every known code has a word").1
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for RefusalCode {
    type Err = DecodeError;

    fn from_str(word: &str) -> Result<Self, DecodeError> {
        if let Some((code, _)) = WORDS.iter().find(|(_, known)| *known == word) {
            return Ok(code.clone());
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        let right = (1..=WORD_BYTES_MAX).contains(&word.len()) && word.bytes().all(allowed);
        right.then(|| Self::Other(word.into())).ok_or(DecodeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_as_it_was_written() {
        for (code, word) in &WORDS {
            assert_eq!(code.to_string(), *word);
            assert_eq!(word.parse().as_ref(), Ok(code));
        }
    }

    #[test]
    fn a_code_of_a_later_version_is_kept_if_it_is_a_short_word() {
        for right in ["banned", "-", &"x".repeat(WORD_BYTES_MAX)] {
            assert_eq!(right.parse(), Ok(RefusalCode::Other(right.into())));
        }
        for wrong in [
            "",
            "Busy",
            "too fast",
            "\u{1b}[2j",
            &"x".repeat(WORD_BYTES_MAX + 1),
        ] {
            assert_eq!(wrong.parse::<RefusalCode>(), Err(DecodeError), "{wrong}");
        }
    }
}
