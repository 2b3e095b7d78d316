//! What every client's store must do: one list of cases, told to each store we have.

#![expect(
    clippy::unwrap_used,
    reason = "a test may unwrap; its helpers are not seen as tests"
)]

use ackchat::client::port::{
    Done, InMessage, Loaded, OutMessage, Pin, Pinned, Recipient, Seen, Store, StoreEvent,
    StoreReply, StoreRequest,
};
use ackchat::memory::ClientMemory;
use ackchat::model::{Delivery, MessageId, Name, PublicKey, StoreTicket, Version};
use ackchat::wire::Row;
use ackchat::wire::packet::{Audience, Stamp};
use ackchat::wire::row::Status;

/// A store and a way to start its process anew.
struct Subject<S: Store> {
    store: S,
    reopen: fn(&mut S),
    tickets: u64,
}

impl<S: Store> Subject<S> {
    fn ask(&mut self, request: StoreRequest) -> StoreReply {
        self.tickets += 1;
        let ticket = StoreTicket(self.tickets);
        self.store.submit(ticket, request).unwrap();
        self.store.flush();
        let StoreEvent::Reply(of, reply) = self.store.poll().expect("one reply for each ticket");
        assert_eq!(of, ticket);
        assert_eq!(self.store.poll(), None);
        reply
    }

    fn kept(&mut self, request: StoreRequest) {
        assert_eq!(self.ask(request), StoreReply::Done(Done::Kept));
    }

    fn seen(&mut self, message: InMessage) -> Seen {
        match self.ask(StoreRequest::PutIn(message)) {
            StoreReply::Done(Done::PutIn(seen)) => seen,
            other => panic!("{other:?}"),
        }
    }

    fn load(&mut self) -> Loaded {
        (self.reopen)(&mut self.store);
        match self.ask(StoreRequest::Load) {
            StoreReply::Done(Done::Loaded(loaded)) => *loaded,
            other => panic!("{other:?}"),
        }
    }
}

fn memory() -> Subject<ClientMemory> {
    Subject {
        store: ClientMemory::new(7),
        reopen: ClientMemory::reopen,
        tickets: 0,
    }
}

fn name(word: &str) -> Name {
    word.parse().unwrap()
}

fn out(id: u128, to: Recipient, seq: u64) -> OutMessage {
    OutMessage {
        id: MessageId(id),
        to,
        stamp: Stamp {
            seq,
            run: 7,
            at_ms: 1,
        },
        auto: false,
        text: "hi".into(),
        state: Delivery::Queued,
        stored_ms: None,
    }
}

fn arrived(id: u128, from: &str, seq: u64) -> InMessage {
    InMessage {
        id: MessageId(id),
        from: name(from),
        audience: None,
        stamp: Some(Stamp {
            seq,
            run: 3,
            at_ms: 5,
        }),
        at_ms: 5,
        auto: false,
        body: (*b"hi").into(),
        enc: None,
        shown: false,
        held: false,
        late: false,
    }
}

fn row(word: &str, version: u64, status: Status) -> Row {
    Row {
        version: Version(version),
        name: name(word),
        session_key: PublicKey([1; 32]),
        status,
        address: None,
    }
}

fn rows(reset: bool, upto: u64, rows: Vec<Row>) -> StoreRequest {
    StoreRequest::ApplyRows {
        store: 9,
        reset,
        upto: Version(upto),
        rows,
    }
}

fn mark(id: u128, state: Delivery) -> StoreRequest {
    StoreRequest::MarkOut {
        id: MessageId(id),
        state,
        stored_ms: None,
    }
}

#[test]
fn a_new_store_has_nothing_but_its_run() {
    let loaded = memory().load();
    assert_eq!(
        loaded,
        Loaded {
            run: 7,
            ..Loaded::default()
        }
    );
}

#[test]
fn a_message_stays_in_the_outbox_until_its_state_is_final() {
    let mut subject = memory();
    let bob = || Recipient::Name(name("bob"));
    for (id, state) in [
        (1, Delivery::Acked),
        (2, Delivery::Delivered),
        (3, Delivery::Failed),
        (4, Delivery::Expired),
    ] {
        subject.kept(StoreRequest::PutOut(out(id, bob(), 1)));
        subject.kept(mark(id, Delivery::Stored));
        assert_eq!(subject.load().outbox.len(), 1, "{state}");
        subject.kept(mark(id, state));
        assert_eq!(subject.load().outbox, [], "{state}");
    }
}

#[test]
fn a_group_message_leaves_the_outbox_when_the_server_has_it() {
    let mut subject = memory();
    let to = Recipient::Audience(Audience::Everybody);
    subject.kept(StoreRequest::PutOut(out(1, to, 1)));
    subject.kept(mark(1, Delivery::Sent));
    assert_eq!(subject.load().outbox.len(), 1);
    subject.kept(mark(1, Delivery::Stored));
    assert_eq!(subject.load().outbox, []);
}

#[test]
fn a_state_never_goes_back() {
    let mut subject = memory();
    let bob = Recipient::Name(name("bob"));
    subject.kept(StoreRequest::PutOut(out(1, bob, 1)));
    subject.kept(StoreRequest::MarkOut {
        id: MessageId(1),
        state: Delivery::Stored,
        stored_ms: Some(55),
    });
    subject.kept(mark(1, Delivery::Sent));
    let loaded = subject.load();
    assert_eq!(loaded.outbox[0].state, Delivery::Stored);
    assert_eq!(loaded.outbox[0].stored_ms, Some(55));
}

#[test]
fn numbers_go_on_for_each_recipient_after_a_restart() {
    let mut subject = memory();
    let (bob, all) = (
        Recipient::Name(name("bob")),
        Recipient::Audience(Audience::Everybody),
    );
    for (id, to, seq) in [(1, &bob, 1), (2, &bob, 2), (3, &all, 1), (2, &bob, 2)] {
        subject.kept(StoreRequest::PutOut(out(id, to.clone(), seq)));
    }
    let loaded = subject.load();
    assert_eq!(loaded.outbox.len(), 3, "a repeated PutOut changes nothing");
    let next = |to: &Recipient| loaded.next_seq.iter().find(|(of, _)| of == to).unwrap().1;
    assert_eq!((next(&bob), next(&all)), (3, 2));
}

#[test]
fn a_message_is_fresh_once_for_each_sender_and_id() {
    let mut subject = memory();
    assert_eq!(subject.seen(arrived(1, "bob", 1)), Seen::Fresh);
    assert_eq!(subject.seen(arrived(1, "BOB", 1)), Seen::Unshown);
    assert_eq!(subject.seen(arrived(1, "carol", 1)), Seen::Fresh);
    assert_eq!(subject.seen(arrived(2, "bob", 2)), Seen::Fresh);
    subject.load();
    assert_eq!(subject.seen(arrived(2, "bob", 2)), Seen::Unshown);
    subject.kept(StoreRequest::MarkShown {
        ids: vec![(name("bob"), MessageId(2))],
    });
    assert_eq!(subject.seen(arrived(2, "bob", 2)), Seen::Repeat);
}

#[test]
fn what_was_not_shown_comes_back_in_order() {
    let mut subject = memory();
    for id in 1..=3 {
        subject.seen(arrived(id, "bob", u64::try_from(id).unwrap()));
    }
    subject.kept(StoreRequest::MarkShown {
        ids: vec![(name("bob"), MessageId(2)), (name("zoe"), MessageId(2))],
    });
    let loaded = subject.load();
    let ids: Vec<u128> = loaded.unshown.iter().map(|m| m.id.0).collect();
    assert_eq!(ids, [1, 3]);
    assert_eq!(loaded.shown_seq, [(name("bob"), None, 3, 3)]);
}

#[test]
fn a_repeat_that_is_not_held_any_more_lifts_the_mark() {
    let mut subject = memory();
    let held = |held| InMessage {
        held,
        ..arrived(1, "bob", 1)
    };
    subject.seen(held(true));
    subject.seen(held(true));
    assert!(subject.load().unshown[0].held);
    assert_eq!(subject.seen(held(false)), Seen::Unshown);
    assert!(!subject.load().unshown[0].held);
    subject.seen(held(true));
    assert!(!subject.load().unshown[0].held);
}

#[test]
fn a_pin_is_replaced_by_a_later_one() {
    let mut subject = memory();
    let pin = |byte| Pin {
        session_key: PublicKey([byte; 32]),
        identity: None,
    };
    let server = Pinned::Server("127.0.0.1:6000".parse().unwrap());
    for (of, byte) in [
        (Pinned::Name(name("bob")), 1),
        (server.clone(), 2),
        (Pinned::Name(name("Bob")), 3),
    ] {
        let pin = pin(byte);
        subject.kept(StoreRequest::PutPin { of, pin });
    }
    let pins = subject.load().pins;
    assert_eq!(pins.len(), 2);
    assert!(pins.contains(&(Pinned::Name(name("bob")), pin(3))));
    assert!(pins.contains(&(server, pin(2))));
}

#[test]
fn rows_replace_rows_of_the_same_name_and_a_reset_drops_all() {
    let mut subject = memory();
    let (online, away) = (Status::Online, Status::Away);
    subject.kept(rows(
        false,
        2,
        vec![row("a", 1, online), row("b", 2, online)],
    ));
    subject.kept(rows(false, 3, vec![row("A", 3, away)]));
    let loaded = subject.load();
    assert_eq!(loaded.table, [row("a", 3, away), row("b", 2, online)]);
    assert_eq!((loaded.table_version, loaded.table_store), (Version(3), 9));
    subject.kept(rows(true, 4, vec![row("c", 4, online)]));
    assert_eq!(subject.load().table, [row("c", 4, online)]);
}

#[test]
fn what_was_not_flushed_is_forgotten() {
    let mut store = ClientMemory::new(1);
    let put = |id| StoreRequest::PutIn(arrived(id, "bob", 1));
    store.submit(StoreTicket(1), put(1)).unwrap();
    store.submit(StoreTicket(2), put(2)).unwrap();
    assert_eq!(store.queued(), 2);
    assert_eq!(
        store.poll(),
        None,
        "nothing is answered before it is durable"
    );
    store.reopen_keeping(1);
    assert_eq!((store.queued(), store.poll()), (0, None));
    assert_eq!(store.inbox().len(), 1);
}

#[test]
fn a_full_disk_refuses_what_needs_room() {
    let mut subject = memory();
    subject.seen(arrived(1, "bob", 1));
    subject.store.set_full(true);
    let put = StoreRequest::PutIn(arrived(2, "bob", 2));
    assert_eq!(subject.ask(put.clone()), StoreReply::Refused);
    subject.kept(StoreRequest::MarkShown {
        ids: vec![(name("bob"), MessageId(1))],
    });
    // What is there needs no more room: an answer that got lost is given again.
    assert_eq!(subject.seen(arrived(1, "bob", 1)), Seen::Repeat);
    subject.store.set_full(false);
    assert_eq!(subject.ask(put), StoreReply::Done(Done::PutIn(Seen::Fresh)));
}

#[test]
fn a_full_queue_gives_the_request_back() {
    use ackchat::model::limits::STORE_QUEUE_MAX;
    let mut store = ClientMemory::new(1);
    for ticket in 0..STORE_QUEUE_MAX as u64 {
        store
            .submit(StoreTicket(ticket), StoreRequest::Load)
            .unwrap();
    }
    let over = store.submit(StoreTicket(u64::MAX), StoreRequest::Load);
    assert_eq!(over.unwrap_err().1, StoreRequest::Load);
    store.flush();
    assert!(
        store
            .submit(StoreTicket(u64::MAX), StoreRequest::Load)
            .is_ok()
    );
}
