//! What every client's store must do: one list of cases, told to each store we have.

#![expect(
    clippy::unwrap_used,
    reason = "a test may unwrap; its helpers are not seen as tests"
)]
#![expect(clippy::print_stdout, reason = "says which store a story failed on")]

mod disks;

use ackchat::client::port::{
    Done, Entry, InMessage, Loaded, Noted, OutMessage, Pin, Pinned, Recall, Recipient, Seen,
    StoreEvent, StoreReply, StoreRequest,
};
use ackchat::memory::ClientMemory;
use ackchat::model::limits::STORE_QUEUE_MAX;
use ackchat::model::{Delivery, MessageId, Name, PublicKey, Store as _, StoreTicket, Version};
use ackchat::store::{ClientStore, Wake};
use ackchat::wire::Row;
use ackchat::wire::packet::{Audience, Stamp};
use ackchat::wire::row::Status;
use disks::{Disk, File};
use std::path::Path;

type Open = fn() -> Box<dyn Disk<Request = StoreRequest, Event = StoreEvent>>;

/// Every store there is.
const DISKS: [(&str, Open); 2] = [
    ("memory", || Box::new(ClientMemory::new(7))),
    ("file", || Box::new(File::new(open))),
];

fn open(path: &Path, wake: Wake, full: bool) -> ClientStore {
    let open = if full {
        ClientStore::open_full
    } else {
        ClientStore::open
    };
    open(path, 7, wake).unwrap()
}

/// Tells the same story to each.
fn check(story: fn(Subject)) {
    for (name, open) in DISKS {
        println!("{name}");
        story(Subject {
            disk: open(),
            tickets: 0,
        });
    }
}

/// A store that is asked.
struct Subject {
    disk: Box<dyn Disk<Request = StoreRequest, Event = StoreEvent>>,
    tickets: u64,
}

impl Subject {
    fn ask(&mut self, request: StoreRequest) -> StoreReply {
        self.tickets += 1;
        let ticket = StoreTicket(self.tickets);
        self.disk.submit(ticket, request).unwrap();
        self.disk.flush();
        let StoreEvent::Reply(of, reply) = self.disk.next();
        assert_eq!(of, ticket);
        assert_eq!(self.disk.poll(), None, "one reply for each ticket");
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
        self.disk.reopen();
        match self.ask(StoreRequest::Load) {
            StoreReply::Done(Done::Loaded(loaded)) => *loaded,
            other => panic!("{other:?}"),
        }
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
    check(|mut subject| {
        let loaded = subject.load();
        assert_eq!(
            loaded,
            Loaded {
                run: 7,
                ..Loaded::default()
            }
        );
    });
}

#[test]
fn a_message_stays_in_the_outbox_until_its_state_is_final() {
    check(|mut subject| {
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
    });
}

#[test]
fn a_message_that_was_given_up_is_open_again_under_its_id() {
    check(|mut subject| {
        let bob = Recipient::Name(name("bob"));
        let again = |seq| StoreRequest::PutOutAgain(out(1, bob.clone(), seq));
        subject.kept(again(1));
        subject.kept(mark(1, Delivery::Failed));
        assert_eq!(subject.load().outbox, []);
        subject.kept(again(2));
        let loaded = subject.load();
        assert_eq!(loaded.outbox, [out(1, bob.clone(), 2)]);
        assert_eq!(loaded.next_seq, [(bob.clone(), 3)]);
        // Who has it has it.
        subject.kept(mark(1, Delivery::Acked));
        subject.kept(again(3));
        assert_eq!(subject.load().outbox, []);
        let carol = StoreRequest::PutOutAgain(out(1, Recipient::Name(name("carol")), 1));
        assert_eq!(subject.ask(carol), StoreReply::Done(Done::IdTaken));
        let other = OutMessage {
            text: "something else".into(),
            ..out(1, bob.clone(), 4)
        };
        let other = StoreRequest::PutOutAgain(other);
        assert_eq!(subject.ask(other), StoreReply::Done(Done::IdTaken));
        assert_eq!(recalled(&mut subject, HISTORY), ["me: hi"]);
    });
}

const HISTORY: Recall = Recall::History {
    talk: None,
    count: 9,
};

#[test]
fn a_group_message_leaves_the_outbox_when_the_server_has_it() {
    check(|mut subject| {
        let to = Recipient::Audience(Audience::Everybody);
        subject.kept(StoreRequest::PutOut(out(1, to, 1)));
        subject.kept(mark(1, Delivery::Sent));
        assert_eq!(subject.load().outbox.len(), 1);
        subject.kept(mark(1, Delivery::Stored));
        assert_eq!(subject.load().outbox, []);
    });
}

#[test]
fn a_state_never_goes_back() {
    check(|mut subject| {
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
    });
}

#[test]
fn numbers_go_on_for_each_recipient_after_a_restart() {
    check(|mut subject| {
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
    });
}

#[test]
fn a_message_is_fresh_once_for_each_sender_and_id() {
    check(|mut subject| {
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
    });
}

#[test]
fn what_was_not_shown_comes_back_in_order() {
    check(|mut subject| {
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
    });
}

#[test]
fn a_repeat_that_is_not_held_any_more_lifts_the_mark() {
    check(|mut subject| {
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
    });
}

#[test]
fn a_pin_is_replaced_by_a_later_one() {
    check(|mut subject| {
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
    });
}

#[test]
fn rows_replace_rows_of_the_same_name_and_a_reset_drops_all() {
    check(|mut subject| {
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
    });
}

#[test]
fn what_was_not_flushed_is_forgotten() {
    check(|mut subject| {
        let put = StoreRequest::PutIn(arrived(1, "bob", 1));
        subject.disk.submit(StoreTicket(9), put).unwrap();
        assert_eq!(
            subject.disk.poll(),
            None,
            "nothing is answered before it is durable"
        );
        assert_eq!(subject.load().unshown, []);
    });
}

#[test]
fn of_a_power_cut_in_memory_the_first_requests_may_survive() {
    let mut store = ClientMemory::new(1);
    let put = |id| StoreRequest::PutIn(arrived(id, "bob", 1));
    store.submit(StoreTicket(1), put(1)).unwrap();
    store.submit(StoreTicket(2), put(2)).unwrap();
    assert_eq!(store.queued(), 2);
    store.reopen_keeping(1);
    assert_eq!((store.queued(), store.poll()), (0, None));
    assert_eq!(store.inbox().len(), 1);
}

#[test]
fn a_full_disk_refuses_what_needs_room() {
    check(|mut subject| {
        subject.seen(arrived(1, "bob", 1));
        subject.disk.fill(true);
        assert_eq!(subject.seen(arrived(1, "bob", 1)), Seen::Unshown);
        let put = StoreRequest::PutIn(arrived(2, "bob", 2));
        assert_eq!(subject.ask(put.clone()), StoreReply::Refused);
        subject.kept(StoreRequest::MarkShown {
            ids: vec![(name("bob"), MessageId(1))],
        });
        // What is there needs no more room: an answer that got lost is given again.
        assert_eq!(subject.seen(arrived(1, "bob", 1)), Seen::Repeat);
        subject.disk.fill(false);
        assert_eq!(subject.ask(put), StoreReply::Done(Done::PutIn(Seen::Fresh)));
    });
}

#[test]
fn a_full_queue_gives_the_request_back() {
    check(|mut subject| {
        let shown = || StoreRequest::MarkShown { ids: Vec::new() };
        let store = &mut subject.disk;
        for ticket in 0..STORE_QUEUE_MAX as u64 {
            store.submit(StoreTicket(ticket), shown()).unwrap();
        }
        let over = store.submit(StoreTicket(u64::MAX), shown());
        assert_eq!(over.unwrap_err().1, shown());
        store.flush();
        let first = subject.disk.next();
        assert!(matches!(first, StoreEvent::Reply(StoreTicket(0), _)));
        let again = subject.disk.submit(StoreTicket(u64::MAX), shown());
        assert!(again.is_ok());
    });
}

fn recalled(subject: &mut Subject, recall: Recall) -> Vec<String> {
    match subject.ask(StoreRequest::Recall(recall)) {
        StoreReply::Done(Done::Recalled(entries)) => {
            let who = |from: &Option<Name>| from.as_ref().map_or("me", Name::as_str).to_owned();
            let line = |entry: &Entry| format!("{}: {}", who(&entry.from), entry.text);
            entries.iter().map(line).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Bob, a group and everybody; two messages of one's own; a receipt.
fn talk(subject: &mut Subject) {
    let group = || Audience::Group("Ops".parse().unwrap());
    let saying = |id, from, audience: Option<Audience>, text: &str| InMessage {
        audience,
        body: text.as_bytes().into(),
        ..arrived(id, from, 1)
    };
    let typed = |id, to, text: &str| OutMessage {
        text: text.into(),
        ..out(id, to, 1)
    };
    subject.seen(saying(1, "Bob", None, "The build is GREEN, deploy now?"));
    subject.kept(StoreRequest::PutOut(typed(
        2,
        Recipient::Name(name("bob")),
        "deploying; don't wait",
    )));
    subject.seen(saying(3, "carol", Some(group()), "deploy failed: 50%"));
    subject.kept(StoreRequest::PutOut(typed(
        4,
        Recipient::Audience(Audience::Everybody),
        "Größe zählt",
    )));
    let receipt = InMessage {
        stamp: None,
        ..arrived(5, "bob", 0)
    };
    subject.seen(receipt);
    let unreadable = InMessage {
        enc: Some("e1".into()),
        ..saying(6, "dave", None, "deploy")
    };
    subject.seen(unreadable);
}

#[test]
fn history_is_what_was_said_in_the_order_it_came_here() {
    check(|mut subject| {
        talk(&mut subject);
        let history = |talk: Option<Recipient>, count| Recall::History { talk, count };
        let all = recalled(&mut subject, history(None, 100));
        assert_eq!(
            all,
            [
                "Bob: The build is GREEN, deploy now?",
                "me: deploying; don't wait",
                "carol: deploy failed: 50%",
                "me: Größe zählt",
                "dave: (in a form this version cannot read)",
            ]
        );
        assert_eq!(recalled(&mut subject, history(None, 2)), all[3..]);
        let bob = Recipient::Name(name("BOB"));
        assert_eq!(
            recalled(&mut subject, history(Some(bob.clone()), 9)),
            all[..2]
        );
        assert_eq!(recalled(&mut subject, history(Some(bob), 1)), all[1..2]);
        let ops = Recipient::Audience(Audience::Group("ops".parse().unwrap()));
        assert_eq!(recalled(&mut subject, history(Some(ops), 9)), all[2..3]);
        let everybody = Recipient::Audience(Audience::Everybody);
        assert_eq!(
            recalled(&mut subject, history(Some(everybody), 9)),
            all[3..4]
        );
        subject.disk.reopen();
        assert_eq!(recalled(&mut subject, history(None, 100)), all);
        assert!(recalled(&mut subject, history(None, 0)).is_empty());
    });
}

#[test]
fn a_clock_that_jumps_ten_years_leaves_history_and_outbox_in_order() {
    const TODAY_MS: i64 = 1_790_000_000_000;
    const TEN_YEARS_MS: i64 = 3650 * 86_400_000;
    check(|mut subject| {
        let times = [
            TODAY_MS,
            TODAY_MS + TEN_YEARS_MS,
            TODAY_MS - TEN_YEARS_MS,
            TODAY_MS,
        ];
        for (index, at_ms) in times.into_iter().enumerate() {
            let (number, seq) = (index as u128, index as u64 + 1);
            subject.seen(InMessage {
                at_ms,
                body: format!("in {index}").as_bytes().into(),
                shown: false,
                ..arrived(10 + number, "bob", seq)
            });
            let message = out(20 + number, Recipient::Name(name("bob")), seq);
            let stamp = Stamp {
                at_ms,
                ..message.stamp
            };
            subject.kept(StoreRequest::PutOut(OutMessage {
                stamp,
                text: format!("out {index}").into(),
                ..message
            }));
        }
        let loaded = subject.load();
        let ids: Vec<u128> = loaded.outbox.iter().map(|out| out.id.0).collect();
        assert_eq!(ids, [20, 21, 22, 23]);
        let ids: Vec<u128> = loaded.unshown.iter().map(|message| message.id.0).collect();
        assert_eq!(ids, [10, 11, 12, 13]);
        let said = recalled(
            &mut subject,
            Recall::History {
                talk: None,
                count: 9,
            },
        );
        let expected: Vec<String> = (0..4)
            .flat_map(|index| [format!("bob: in {index}"), format!("me: out {index}")])
            .collect();
        assert_eq!(said, expected);
        // The server's time of acceptance may be any: it is only shown.
        subject.kept(StoreRequest::MarkOut {
            id: MessageId(20),
            state: Delivery::Stored,
            stored_ms: Some(TODAY_MS - TEN_YEARS_MS),
        });
        assert_eq!(recalled(&mut subject, Recall::Outbox).len(), 4);
    });
}

#[test]
fn a_search_finds_words_and_beginnings_of_words() {
    check(|mut subject| {
        talk(&mut subject);
        for (words, found) in [
            ("deploy", 3),
            ("DEPLOY", 3),
            ("deploy green", 1),
            ("deploy-failed", 1),
            ("failed-deploy", 0),
            ("don't", 1),
            ("gröss", 0),
            ("größe", 1),
            ("50%", 1),
            ("ploy", 0),
            ("said", 0),
            ("\"", 0),
            ("* OR deploy", 0),
            ("NEAR(deploy)", 0),
            ("", 0),
        ] {
            let search = Recall::Search {
                words: words.into(),
                count: 9,
            };
            assert_eq!(recalled(&mut subject, search).len(), found, "{words:?}");
        }
        let last = Recall::Search {
            words: "deploy".into(),
            count: 1,
        };
        assert_eq!(recalled(&mut subject, last), ["carol: deploy failed: 50%"]);
    });
}

#[test]
fn what_is_unread_and_what_is_open_can_be_asked_for() {
    check(|mut subject| {
        talk(&mut subject);
        subject.kept(StoreRequest::MarkShown {
            ids: vec![(name("bob"), MessageId(1)), (name("dave"), MessageId(6))],
        });
        subject.kept(mark(4, Delivery::Stored));
        let unread = recalled(&mut subject, Recall::Unread);
        assert_eq!(unread, ["carol: deploy failed: 50%"]);
        let open = recalled(&mut subject, Recall::Outbox);
        assert_eq!(open, ["me: deploying; don't wait"]);
        subject.kept(mark(2, Delivery::Acked));
        assert!(recalled(&mut subject, Recall::Outbox).is_empty());
    });
}

/// Puts events, closes the store, and says with what the next life begins.
fn noted(path: &Path, gone: u64, eids: &[u64]) {
    let mut store = open(path, Box::new(|| ()), false);
    let events = eids.iter().map(|eid| Noted {
        eid: *eid,
        at_ms: 5,
        kind: "message".into(),
        fields: "{}".into(),
    });
    let events = events.collect();
    let request = StoreRequest::PutEvents { gone, events };
    store.submit(StoreTicket(1), request).unwrap();
    store.flush();
}

#[test]
fn events_are_there_after_a_restart_and_their_numbers_are_never_given_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.db");
    let begin = || open(&path, Box::new(|| ()), false).take_notes();
    let first = begin();
    assert_eq!((first.gone, first.events.len()), (first.last, 0));
    let second = begin();
    assert!(second.last > first.last, "whatever the clock says");
    assert_eq!(second.gone, first.gone, "nothing was lost");
    let eid = second.last;
    noted(&path, second.gone, &[eid + 1, eid + 2, eid + 3]);
    noted(&path, eid + 1, &[eid + 3, eid + 9]);
    let third = begin();
    let eids: Vec<u64> = third.events.iter().map(|event| event.eid).collect();
    assert_eq!(eids, [eid + 2, eid + 3, eid + 9]);
    assert_eq!(third.gone, eid + 1);
    assert!(third.last >= eid + 9);
}
