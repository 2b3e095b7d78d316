//! Datagrams between two clients who cannot reach each other. The server sees lengths only.

use super::port::Presence;
use super::{Server, refused};
use crate::model::limits::{DATA_BYTES_MIN, RELAY_DATAGRAM_BYTES_MAX};
use crate::model::{Name, PublicKey};
use crate::wire::packet::RefusalCode;
use crate::wire::{Direction, Head, Packet};

/// A RESET, the shortest datagram that peers send each other.
const RESET_BYTES: usize = 24;
const _: () = assert!(RESET_BYTES < DATA_BYTES_MIN);

impl Server {
    /// A packet that nobody repeats: only `relay` comes this way.
    pub(super) fn on_loose(&mut self, from: PublicKey, bytes: &[u8]) {
        self.trace(from, Direction::In, bytes);
        let Some(sender) = self.name_of(&from).cloned() else {
            return;
        };
        match Packet::decode(bytes) {
            Ok(Packet {
                head: Head::Relay { to },
                tail,
            }) => {
                if let Err(code) = self.relay(sender, to, tail) {
                    let head = refused(None, "relay", &code, None);
                    self.send_loose(&from, head, Vec::new());
                }
            }
            _ => self.malformed += 1,
        }
    }

    fn relay(&mut self, from: Name, to: Name, datagram: Vec<u8>) -> Result<(), RefusalCode> {
        if !self.config.relay {
            return Err(RefusalCode::RelayOff);
        }
        let fits = (RESET_BYTES..=RELAY_DATAGRAM_BYTES_MAX).contains(&datagram.len());
        if !fits || !matches!(datagram.first(), Some(0xC1..=0xC5)) {
            return Err(RefusalCode::Malformed);
        }
        let row = self.names.row(&to).ok_or(RefusalCode::NoSuchName)?;
        let here = matches!(row.presence, Presence::Online { .. });
        let key = self.present.get(&to).copied().filter(|_| here);
        let key = key.ok_or(RefusalCode::Offline)?;
        let pair = (from.clone(), to);
        let taken = self.budgets.relay(self.now.instant, pair, datagram.len());
        taken.map_err(|_| RefusalCode::RelayLimit)?;
        self.send_loose(&key, Head::Relayed { from }, datagram);
        Ok(())
    }

    fn send_loose(&mut self, to: &PublicKey, head: Head, tail: Vec<u8>) {
        let bytes = Packet { head, tail }.encode();
        if self.links.send_loose(self.now, to, &bytes) {
            self.trace(*to, Direction::Out, &bytes);
        }
    }
}
