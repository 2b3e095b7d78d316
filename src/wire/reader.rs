//! A cursor over received bytes: takes what is there, or refuses.

use super::DecodeError;
use std::str::FromStr;

/// What has not been read yet.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Refuses anything that is left.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        self.is_empty().then_some(()).ok_or(DecodeError)
    }

    /// Skips as many of these as there are, and counts them.
    pub(super) fn pass_over(&mut self, byte: u8) -> usize {
        let other = self.0.iter().position(|other| *other != byte);
        let count = other.unwrap_or(self.0.len());
        self.0 = self.0.get(count..).unwrap_or_default();
        count
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(DecodeError)?;
        self.0 = rest;
        Ok(*array)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(DecodeError)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn text(&mut self, bytes_count: usize) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes(bytes_count)?).map_err(|_| DecodeError)
    }

    /// A text of `bytes_count` bytes that must be a `T`, such as a name.
    pub(super) fn parsed<T: FromStr>(&mut self, bytes_count: usize) -> Result<T, DecodeError> {
        self.text(bytes_count)?.parse().map_err(|_| DecodeError)
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn u128(&mut self) -> Result<u128, DecodeError> {
        self.array().map(u128::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_le_bytes)
    }
}
