//! What is known of a message, and by whom: the words the program may use, in the order of knowing.

use std::fmt;

/// How much is known of one message. Each word claims no more than its sentence.
///
/// The order of variants is the order of knowing: a message only ever moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// It is in our outbox. Nothing has left this machine.
    Queued,
    /// A datagram with it has left this machine. Nothing about arrival.
    Sent,
    /// The server says it has it on disk for the recipient.
    Stored,
    /// The recipient's own program says it has it on disk.
    Acked,
    /// The server says the recipient's program has it on disk.
    Delivered,
    /// Given up and never tried again; the reason says whether it may have arrived.
    Failed,
    /// Its time ran out in the store or in the outbox.
    Expired,
}

impl Delivery {
    /// True if nothing further can become known.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Acked | Self::Delivered | Self::Failed | Self::Expired
        )
    }

    /// The word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Stored => "stored",
            Self::Acked => "acked",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
