//! Rows of the table: a name, its key, where it is; canonical binary.

use super::DecodeError;
use super::reader::Reader;
use crate::model::{Name, PublicKey, Version};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One row. Protocol section 7 draws the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The version of its last change.
    pub version: Version,
    /// Whose row it is, spelled as first registered.
    pub name: Name,
    /// The static key of its sessions.
    pub session_key: PublicKey,
    /// Whether the name is here.
    pub status: Status,
    /// Where it is.
    pub address: Option<SocketAddr>,
}

/// Whether a name is here, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// flags 1
    Online,
    /// flags 2: said `dereg`
    Away,
    /// flags 4: left for good
    Left,
    /// flags 8: not heard from
    TimedOut,
    /// flags 0: found silent by a check
    Silent,
    /// flags 128: the name was released
    Released,
}

impl Row {
    /// Appends the bytes; an IPv6 address goes without its scope, which means nothing elsewhere.
    ///
    /// # Panics
    /// Never: a name has at most 32 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let name = self.name.as_str();
        out.extend_from_slice(&self.version.0.to_le_bytes());
        out.push(self.status.flags());
        out.push(u8::try_from(name.len()).expect("a name has at most 32 bytes"));
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&self.session_key.0);
        match self.address.map(|address| (address.ip(), address.port())) {
            None => out.push(0),
            Some((IpAddr::V4(ip), port)) => {
                out.push(4);
                out.extend_from_slice(&ip.octets());
                out.extend_from_slice(&port.to_le_bytes());
            }
            Some((IpAddr::V6(ip), port)) => {
                out.push(6);
                out.extend_from_slice(&ip.octets());
                out.extend_from_slice(&port.to_le_bytes());
            }
        }
        // No extension.
        out.push(0);
    }

    /// Reads all rows of a table's tail (extension bytes are skipped; other unknown flag bits are
    /// refused).
    ///
    /// # Errors
    /// A row is cut short, or a field has a value that it cannot have.
    pub fn decode_all(bytes: &[u8]) -> Result<Vec<Self>, DecodeError> {
        rows(bytes).map(|row| Ok(row?.0)).collect()
    }
}

/// The rows of a table's tail, each beside its exact bytes, which are what a digest is made of:
/// they hold extensions that this version does not know. Stops after the first error.
pub fn rows(bytes: &[u8]) -> impl Iterator<Item = Result<(Row, &[u8]), DecodeError>> {
    let mut rest = Reader::new(bytes);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let before = rest.rest();
        let row = read(&mut rest);
        let length = before.len().saturating_sub(rest.rest().len());
        let exact = before.get(..length).unwrap_or_default();
        if row.is_err() {
            rest = Reader::new(&[]);
        }
        Some(row.map(|row| (row, exact)))
    })
}

fn read(fields: &mut Reader<'_>) -> Result<Row, DecodeError> {
    let version = Version(fields.u64()?);
    let status = Status::from_flags(fields.u8()?)?;
    let name_len = fields.u8()?.into();
    let row = Row {
        version,
        status,
        name: fields.parsed(name_len)?,
        session_key: PublicKey(fields.array()?),
        address: address(fields)?,
    };
    let extension_len = fields.u8()?.into();
    fields.bytes(extension_len)?;
    Ok(row)
}

fn address(fields: &mut Reader<'_>) -> Result<Option<SocketAddr>, DecodeError> {
    let ip: IpAddr = match fields.u8()? {
        0 => return Ok(None),
        4 => Ipv4Addr::from(fields.array::<4>()?).into(),
        6 => Ipv6Addr::from(fields.array::<16>()?).into(),
        _ => return Err(DecodeError),
    };
    Ok(Some(SocketAddr::new(ip, fields.u16()?)))
}

impl Status {
    const fn flags(self) -> u8 {
        match self {
            Self::Online => 1,
            Self::Away => 2,
            Self::Left => 4,
            Self::TimedOut => 8,
            Self::Silent => 0,
            Self::Released => 128,
        }
    }

    const fn from_flags(flags: u8) -> Result<Self, DecodeError> {
        match flags {
            1 => Ok(Self::Online),
            2 => Ok(Self::Away),
            4 => Ok(Self::Left),
            8 => Ok(Self::TimedOut),
            0 => Ok(Self::Silent),
            128 => Ok(Self::Released),
            _ => Err(DecodeError),
        }
    }
}
