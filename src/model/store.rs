//! A store as whoever holds it (driver, simulator, tests) sees it: requests in, what it tells out,
//! later. The cores never do; what may be asked stands in `server/port.rs` and `client/port.rs`.

use super::StoreTicket;

/// A store of the server, or of a client.
pub trait Store {
    /// What it is asked.
    type Request;
    /// What it tells.
    type Event;

    /// Takes a request; never blocks.
    ///
    /// # Errors
    /// The queue is full: the request is given back, to be offered again later.
    fn submit(
        &mut self,
        ticket: StoreTicket,
        request: Self::Request,
    ) -> Result<(), Full<Self::Request>>;
    /// What was submitted may be committed together.
    fn flush(&mut self);
    /// The next thing it has to tell.
    fn poll(&mut self) -> Option<Self::Event>;
}

/// The queue is full; the request is given back as it came.
#[derive(Debug, PartialEq, Eq)]
pub struct Full<R>(pub StoreTicket, pub R);
