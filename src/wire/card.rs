//! Cards: who holds which keys, signed by the identity; canonical binary.

use super::DecodeError;
use super::reader::Reader;
use crate::model::limits::CARD_EXTENSION_BYTES_MAX;
use crate::model::{Name, PublicKey};

/// A card's contents, its signature not yet looked at. Protocol section 2 draws the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Signed, otherwise ignored; room for later versions.
    pub flags: u8,
    /// Ed25519: the identity.
    pub identity: PublicKey,
    /// X25519: the static key of its sessions.
    pub session_key: PublicKey,
    /// How often the identity was renewed; 0 in this version.
    pub epoch: u32,
    /// When the card was made, in wall time.
    pub issued_ms: i64,
    /// Signed, otherwise ignored; at most 512 bytes.
    pub extension: Vec<u8>,
    /// Absent in a server's card.
    pub name: Option<Name>,
}

const CARD_VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 64;
/// All before the signature, without extension and name.
const FIXED_BYTES: usize = 81;

impl Card {
    /// The bytes before the signature.
    ///
    /// # Panics
    /// If the extension is longer than a card can hold.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        assert!(self.extension.len() <= CARD_EXTENSION_BYTES_MAX);
        let name = self.name.as_ref().map_or("", Name::as_str);
        let extension_len = u16::try_from(self.extension.len()).expect("at most 512 bytes");
        let name_len = u8::try_from(name.len()).expect("a name has at most 32 bytes");
        let capacity = [
            FIXED_BYTES,
            self.extension.len(),
            name.len(),
            SIGNATURE_BYTES,
        ];
        let mut out = Vec::with_capacity(capacity.iter().sum());
        out.extend_from_slice(&[CARD_VERSION, self.flags]);
        out.extend_from_slice(&self.identity.0);
        out.extend_from_slice(&self.session_key.0);
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&self.issued_ms.to_le_bytes());
        out.extend_from_slice(&extension_len.to_le_bytes());
        out.extend_from_slice(&self.extension);
        out.push(name_len);
        out.extend_from_slice(name.as_bytes());
        out
    }

    /// Reads a card: the contents, the bytes that are signed, the signature.
    ///
    /// # Errors
    /// The version, a length or the name is wrong, or bytes are left over.
    pub fn decode(bytes: &[u8]) -> Result<(Self, &[u8], [u8; SIGNATURE_BYTES]), DecodeError> {
        let (signed, signature) = bytes.split_last_chunk().ok_or(DecodeError)?;
        let mut fields = Reader::new(signed);
        let [CARD_VERSION, flags] = fields.array()? else {
            return Err(DecodeError);
        };
        let card = Self {
            flags,
            identity: PublicKey(fields.array()?),
            session_key: PublicKey(fields.array()?),
            epoch: fields.u32()?,
            issued_ms: fields.i64()?,
            extension: extension(&mut fields)?,
            name: match fields.u8()? {
                0 => None,
                length => Some(fields.parsed(length.into())?),
            },
        };
        fields.end()?;
        Ok((card, signed, *signature))
    }
}

fn extension(fields: &mut Reader<'_>) -> Result<Vec<u8>, DecodeError> {
    let length = fields.u16()?.into();
    (length <= CARD_EXTENSION_BYTES_MAX)
        .then_some(())
        .ok_or(DecodeError)?;
    Ok(fields.bytes(length)?.to_vec())
}
