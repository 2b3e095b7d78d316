//! What every store of the server keeps to, run against each one there is.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "a test that cannot go on should say where"
)]
#![expect(clippy::print_stdout, reason = "says which store a story failed on")]
#![expect(
    clippy::result_large_err,
    reason = "the request is given back as it came"
)]

mod disks;

use ackchat::memory::ServerMemory;
use ackchat::model::limits::{
    DAY_MS, FANOUT_MAX, GROUPS_PER_NAME_MAX, MAIL_DAYS, MAILBOX_BYTES_MAX, MAILBOX_MAILS_MAX,
    NOTICES_MAX, PAIR_BYTES_MAX, PAIR_MAILS_MAX, STORE_QUEUE_MAX, TEXT_BYTES_MAX, TOMBSTONE_DAYS,
};
use ackchat::model::{Full, MessageId, Name, PublicKey, Store as _, StoreTicket, Version};
use ackchat::secure::key::{expired_id, receipt_id};
use ackchat::server::Envelope;
use ackchat::server::port::{
    Done, GroupOp, GroupRow, Health, Mail, NameRow, Presence, Refusal, StoreEvent, StoreReply,
    StoreRequest, Taken, Why,
};
use ackchat::store::{ServerStore, Wake};
use ackchat::wire::packet::MailKind;
use disks::{Disk, File};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

type Open = fn() -> Box<dyn Disk<Request = StoreRequest, Event = StoreEvent>>;

/// Every store there is.
const DISKS: [(&str, Open); 2] = [
    ("memory", || Box::new(ServerMemory::new(7))),
    ("file", || Box::new(File::new(open))),
];

fn open(path: &Path, wake: Wake, full: bool) -> ServerStore {
    let open = if full {
        ServerStore::open_full
    } else {
        ServerStore::open
    };
    open(path, 7, wake).unwrap()
}

/// Tells the same story to each.
fn check(story: fn(Told)) {
    for (name, open) in DISKS {
        println!("{name}");
        story(Told::new(open));
    }
}

/// A store and what it has told besides replies.
struct Told {
    disk: Box<dyn Disk<Request = StoreRequest, Event = StoreEvent>>,
    tickets: u64,
    events: Vec<StoreEvent>,
}

type Answer = Result<Done, Refusal>;

impl Told {
    fn new(open: Open) -> Self {
        Self {
            disk: open(),
            tickets: 0,
            events: Vec::new(),
        }
    }

    fn submit(&mut self, request: StoreRequest) -> Result<StoreTicket, Full<StoreRequest>> {
        self.tickets += 1;
        let ticket = StoreTicket(self.tickets);
        self.disk.submit(ticket, request)?;
        Ok(ticket)
    }

    /// One request, committed; its reply. What else was told is kept in order.
    fn ask(&mut self, request: StoreRequest) -> Answer {
        self.ask_all([request]).remove(0)
    }

    /// Requests that are committed together; their replies in order.
    fn ask_all(&mut self, requests: impl IntoIterator<Item = StoreRequest>) -> Vec<Answer> {
        let submit = |request| self.submit(request).unwrap();
        let tickets: Vec<_> = requests.into_iter().map(submit).collect();
        self.disk.flush();
        let mut answers = BTreeMap::new();
        loop {
            while let Some(event) = self.disk.poll() {
                let StoreEvent::Reply(of, reply) = event else {
                    self.events.push(event);
                    continue;
                };
                let answer = match reply {
                    StoreReply::Done(done) => Ok(done),
                    StoreReply::Refused(refusal) => Err(refusal),
                    StoreReply::Unknown => panic!("nothing went wrong"),
                };
                assert!(answers.insert(of, answer).is_none(), "one reply for each");
            }
            if answers.len() == tickets.len() {
                let of = |ticket| answers.remove(ticket).expect("each gets a reply");
                return tickets.iter().map(of).collect();
            }
            self.disk.wait();
        }
    }

    fn claim(&mut self, who: &str, identity: u8) -> Answer {
        self.claim_from(who, identity, 7001)
    }

    fn claim_from(&mut self, who: &str, identity: u8, port: u16) -> Answer {
        self.ask(StoreRequest::Claim {
            name: name(who),
            identity: PublicKey([identity; 32]),
            session_key: PublicKey([identity; 32]),
            card: [identity].into(),
            presence: online(port),
        })
    }

    /// Binds a name; the version of its Claim.
    fn own(&mut self, who: &str) -> Version {
        match self.claim(who, who.as_bytes()[0]) {
            Ok(Done::Claimed { owner, .. }) => owner,
            other => panic!("{other:?}"),
        }
    }

    fn presence(&mut self, who: &str, owner: Version, presence: Presence) -> Answer {
        self.ask(StoreRequest::Presence {
            name: name(who),
            owner,
            presence,
        })
    }

    fn follow(&mut self, after: Option<Version>) -> Vec<StoreEvent> {
        self.events.clear();
        self.ask(StoreRequest::Follow { after }).unwrap();
        std::mem::take(&mut self.events)
    }

    fn group(&mut self, id: u128, by: &str, group: &str, op: GroupOp) -> Answer {
        self.ask(StoreRequest::Group {
            id: MessageId(id),
            by: name(by),
            group: Some(group.parse().unwrap()),
            op,
        })
    }

    fn enqueue(&mut self, mail: &Arc<Mail>, to: &[&str]) -> Answer {
        self.ask(StoreRequest::Enqueue {
            mail: Arc::clone(mail),
            to: to.iter().map(|to| name(to)).collect(),
        })
    }

    fn attach(&mut self, who: &str, owner: Version, window: u16) -> u32 {
        let request = StoreRequest::Attach {
            name: name(who),
            owner,
            window,
        };
        match self.ask(request) {
            Ok(Done::Attached { waiting }) => waiting,
            other => panic!("{other:?}"),
        }
    }

    fn settle(&mut self, who: &str, owner: Version, from: &str, ids: &[u128]) -> Answer {
        let taken = |id: &u128| Taken {
            from: name(from),
            id: MessageId(*id),
            receipt: true,
        };
        self.ask(StoreRequest::Settle {
            name: name(who),
            owner,
            mails: ids.iter().map(taken).collect(),
            at_ms: 2000,
        })
    }

    /// One mail that was taken live: nobody is told.
    fn take_quietly(&mut self, who: &str, owner: Version, from: &str, id: u128) {
        let taken = Taken {
            from: name(from),
            id: MessageId(id),
            receipt: false,
        };
        let settle = StoreRequest::Settle {
            name: name(who),
            owner,
            mails: vec![taken],
            at_ms: 2000,
        };
        assert_eq!(self.ask(settle), Ok(Done::Settled));
    }

    /// The mails fed since last asked.
    fn fed(&mut self) -> Vec<Arc<Mail>> {
        let mail = |event| match event {
            StoreEvent::Mail { mail, .. } => Some(mail),
            _ => None,
        };
        self.events.drain(..).filter_map(mail).collect()
    }

    fn fed_ids(&mut self) -> Vec<u128> {
        self.fed().iter().map(|mail| mail.id.0).collect()
    }

    fn reopen(&mut self) {
        self.disk.reopen();
        self.events.clear();
    }
}

fn name(word: &str) -> Name {
    word.parse().unwrap()
}

fn online(port: u16) -> Presence {
    Presence::Online {
        address: ([127, 0, 0, 1], port).into(),
    }
}

fn mail_of(from: &str, id: u128, kind: MailKind, bytes: usize) -> Arc<Mail> {
    Arc::new(Mail {
        id: MessageId(id),
        from: name(from),
        kind,
        at_ms: 1000 + i64::try_from(id).unwrap(),
        expires_ms: 1000 + MAIL_DAYS * DAY_MS,
        head: Envelope::default().encode(),
        tail: vec![b'x'; bytes].into(),
    })
}

fn direct(from: &str, id: u128) -> Arc<Mail> {
    mail_of(from, id, MailKind::Direct, 2)
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with answers")]
fn kept(at_ms: i64, settled: bool, full: &[&str]) -> Answer {
    Ok(Done::Kept {
        at_ms,
        settled,
        full: full.iter().map(|full| name(full)).collect(),
    })
}

#[test]
fn a_name_belongs_to_the_first_key_for_ever() {
    check(|mut store| {
        let owner = store.own("alice");
        assert_eq!(store.claim("ALICE", b'm'), Err(Refusal::Taken));
        let away = Presence::Offline(Why::Away);
        store.presence("alice", owner, away).unwrap();
        assert_eq!(store.claim("alice", b'm'), Err(Refusal::Taken));
        store.reopen();
        assert_eq!(store.claim("alice", b'm'), Err(Refusal::Taken));
        let again = store.claim("alice", b'a');
        assert!(matches!(again, Ok(Done::Claimed { first: false, .. })));
    });
}

#[test]
fn only_the_latest_claim_speaks_for_a_name() {
    check(|mut store| {
        let old = store.own("alice");
        let new = store.own("alice");
        assert!(new > old);
        let away = Presence::Offline(Why::Away);
        assert_eq!(store.presence("alice", old, away), Err(Refusal::Stale));
        assert_eq!(store.settle("alice", old, "bob", &[1]), Err(Refusal::Stale));
        let changed = store.presence("alice", new, away);
        assert!(matches!(changed, Ok(Done::Changed { .. })));
        assert_eq!(store.presence("alice", new, away), Ok(Done::Unchanged));
        let nobody = store.presence("nobody", new, away);
        assert_eq!(nobody, Err(Refusal::NoSuchName));
    });
}

#[test]
fn a_released_name_is_free_and_its_mail_is_gone() {
    check(|mut store| {
        store.own("alice");
        store.own("bob");
        store.enqueue(&direct("alice", 1), &["bob"]).unwrap();
        store.follow(None);
        let bob = name("bob");
        let released = store.ask(StoreRequest::Release { name: bob });
        assert!(matches!(released, Ok(Done::Changed { .. })));
        assert!(matches!(
            &store.events[..],
            [StoreEvent::Name { row: None, .. }]
        ));
        let late = store.enqueue(&direct("alice", 2), &["bob"]);
        assert_eq!(late, Err(Refusal::NoSuchName));
        assert!(matches!(
            store.claim("bob", b'm'),
            Ok(Done::Claimed { first: true, .. })
        ));
    });
}

/// Name or group, version, and for names whether online.
fn told(events: &[StoreEvent]) -> Vec<String> {
    let line = |event: &StoreEvent| match event {
        StoreEvent::Name {
            at: Version(at),
            name,
            row,
        } => {
            let row: &NameRow = row.as_ref().unwrap();
            let here = matches!(row.presence, Presence::Online { .. });
            format!("{at} {name} {here}")
        }
        StoreEvent::Group {
            at: Version(at),
            group,
            row,
        } => {
            let row: &GroupRow = row.as_ref().unwrap();
            format!("{at} #{group} {:?}", row.members)
        }
        StoreEvent::Current { at: Version(at) } => format!("{at} current"),
        other => panic!("{other:?}"),
    };
    events.iter().map(line).collect()
}

#[test]
fn follow_tells_the_past_in_order_and_then_every_change() {
    check(|mut store| {
        let alice = store.own("alice");
        store.own("bob");
        store.group(1, "bob", "room", GroupOp::Create).unwrap();
        store.presence("alice", alice, online(7002)).unwrap();
        let past = ["2 bob true", "3 #room []", "4 alice true", "4 current"];
        assert_eq!(told(&store.follow(None)), past);
        assert_eq!(told(&store.follow(Some(Version(3)))), past[2..]);
        store.group(2, "alice", "room", GroupOp::Join).unwrap();
        let away = Presence::Offline(Why::Silent);
        store.presence("alice", alice, away).unwrap();
        let now = [r#"5 #room ["alice"]"#, "6 alice false"];
        assert_eq!(told(&store.events), now);
        store.reopen();
        assert_eq!(told(&store.follow(Some(Version(4))))[..2], now);
    });
}

#[test]
fn a_claim_that_changes_nothing_but_the_owner_is_not_told() {
    check(|mut store| {
        let first = store.own("alice");
        store.follow(None);
        let second = store.own("alice");
        assert!(second > first);
        assert!(store.events.is_empty());
        let StoreEvent::Name { at, row, .. } = &store.follow(None)[0] else {
            panic!("a name comes first");
        };
        assert_eq!((*at, row.as_ref().unwrap().owner), (first, second));
        store.claim_from("alice", b'a', 7002).unwrap();
        assert_eq!(store.events.len(), 1);
    });
}

#[test]
fn a_change_is_told_before_the_reply_to_what_made_it() {
    check(|mut store| {
        store.follow(None);
        let claim = StoreRequest::Claim {
            name: name("alice"),
            identity: PublicKey([1; 32]),
            session_key: PublicKey([1; 32]),
            card: [].into(),
            presence: online(7001),
        };
        store.submit(claim).unwrap();
        store.disk.flush();
        let first = store.disk.next();
        assert!(matches!(first, StoreEvent::Name { .. }));
        let second = store.disk.next();
        assert!(matches!(second, StoreEvent::Reply(..)));
    });
}

#[test]
fn a_group_is_made_once_and_its_members_are_a_set() {
    check(|mut store| {
        store.own("alice");
        store.own("bob");
        let changed = |answer: Answer| matches!(answer, Ok(Done::Changed { .. }));
        assert!(changed(store.group(1, "alice", "room", GroupOp::Create)));
        assert_eq!(
            store.group(1, "alice", "room", GroupOp::Create),
            Ok(Done::Unchanged)
        );
        let twice = store.group(2, "alice", "Room", GroupOp::Create);
        assert_eq!(twice, Err(Refusal::GroupExists));
        assert!(changed(store.group(3, "bob", "room", GroupOp::Join)));
        assert_eq!(
            store.group(3, "bob", "room", GroupOp::Join),
            Ok(Done::Unchanged)
        );
        assert!(changed(store.group(4, "bob", "room", GroupOp::Leave)));
        assert_eq!(
            store.group(4, "bob", "room", GroupOp::Leave),
            Ok(Done::Unchanged)
        );
        let none = store.group(5, "bob", "none", GroupOp::Join);
        assert_eq!(none, Err(Refusal::NoSuchGroup));
        let nobody = store.group(6, "nobody", "room", GroupOp::Join);
        assert_eq!(nobody, Err(Refusal::NoSuchName));
    });
}

#[test]
fn whoever_leaves_for_good_leaves_all_groups() {
    check(|mut store| {
        store.own("alice");
        for group in ["one", "two"] {
            store.group(1, "alice", group, GroupOp::Create).unwrap();
            store.group(2, "alice", group, GroupOp::Join).unwrap();
        }
        let leave = StoreRequest::Group {
            id: MessageId(9),
            by: name("alice"),
            group: None,
            op: GroupOp::Leave,
        };
        assert!(matches!(store.ask(leave.clone()), Ok(Done::Changed { .. })));
        assert_eq!(store.ask(leave), Ok(Done::Unchanged));
        assert_eq!(told(&store.follow(None))[1..3], ["6 #one []", "7 #two []"]);
    });
}

#[test]
fn one_name_is_a_member_of_a_hundred_groups_at_most() {
    check(|mut store| {
        store.own("alice");
        for n in 0..=GROUPS_PER_NAME_MAX {
            let group = format!("g{n}");
            store.group(1, "alice", &group, GroupOp::Create).unwrap();
            let joined = store.group(2, "alice", &group, GroupOp::Join);
            if n < GROUPS_PER_NAME_MAX {
                joined.unwrap();
            } else {
                assert_eq!(joined, Err(Refusal::TooMany));
            }
        }
    });
}

#[test]
fn a_mail_is_kept_once_with_the_time_it_was_first_accepted() {
    check(|mut store| {
        store.own("alice");
        let bob = store.own("bob");
        assert_eq!(
            store.enqueue(&direct("alice", 1), &["bob"]),
            kept(1001, false, &[])
        );
        let mut later = (*direct("alice", 1)).clone();
        later.at_ms = 5000;
        let later = Arc::new(later);
        assert_eq!(store.enqueue(&later, &["bob"]), kept(1001, false, &[]));
        // The same id of another sender is another mail.
        assert_eq!(
            store.enqueue(&direct("bob", 1), &["bob"]),
            kept(1001, false, &[])
        );
        store.reopen();
        assert_eq!(store.attach("bob", bob, 16), 2);
        assert_eq!(store.fed_ids(), [1, 1]);
        store.settle("bob", bob, "alice", &[1]).unwrap();
        assert_eq!(store.enqueue(&later, &["bob"]), kept(1001, true, &[]));
        store.reopen();
        assert_eq!(store.enqueue(&later, &["bob"]), kept(1001, true, &[]));
    });
}

#[test]
fn what_was_not_flushed_is_forgotten() {
    check(|mut store| {
        store.own("alice");
        let bob = store.own("bob");
        let lost = StoreRequest::Enqueue {
            mail: direct("alice", 1),
            to: vec![name("bob")],
        };
        store.submit(lost).unwrap();
        store.reopen();
        assert_eq!(store.attach("bob", bob, 16), 0);
    });
}

#[test]
fn settling_leaves_exactly_one_receipt_and_a_receipt_leaves_none() {
    check(|mut store| {
        let (alice, bob) = (store.own("alice"), store.own("bob"));
        store.enqueue(&direct("alice", 1), &["bob"]).unwrap();
        store.attach("bob", bob, 16);
        store.attach("alice", alice, 16);
        store.fed();
        for _ in 0..2 {
            assert_eq!(store.settle("bob", bob, "alice", &[1]), Ok(Done::Settled));
        }
        let fed = store.fed();
        let [receipt] = &fed[..] else {
            panic!("{fed:?}");
        };
        assert_eq!(receipt.kind, MailKind::Receipt);
        assert_eq!(receipt.id, receipt_id(MessageId(1), &name("bob")));
        assert_eq!((receipt.from.as_str(), receipt.at_ms), ("bob", 2000));
        let envelope = Envelope::decode(&receipt.head).unwrap();
        assert_eq!(envelope.of, Some(MessageId(1)));
        assert_eq!(envelope.stored_ms, Some(1001));
        store
            .settle("alice", alice, "bob", &[receipt.id.0])
            .unwrap();
        assert!(store.fed().is_empty());
    });
}

#[test]
fn no_receipt_is_made_where_none_is_asked_for() {
    check(|mut store| {
        let (alice, bob) = (store.own("alice"), store.own("bob"));
        let group = mail_of("alice", 1, MailKind::Group, 2);
        store.enqueue(&group, &["bob"]).unwrap();
        let settle = StoreRequest::Settle {
            name: name("bob"),
            owner: bob,
            mails: vec![Taken {
                from: name("alice"),
                id: MessageId(1),
                receipt: false,
            }],
            at_ms: 2000,
        };
        store.ask(settle).unwrap();
        assert_eq!(store.attach("alice", alice, 16), 0);
    });
}

#[test]
fn a_mailbox_is_fed_in_order_within_its_window_until_detached() {
    check(|mut store| {
        store.own("alice");
        let bob = store.own("bob");
        for id in 0..5 {
            store.enqueue(&direct("alice", id), &["bob"]).unwrap();
        }
        assert_eq!(store.attach("bob", bob, 3), 5);
        assert_eq!(store.fed_ids(), [0, 1, 2]);
        store.enqueue(&direct("alice", 5), &["bob"]).unwrap();
        assert!(store.fed().is_empty());
        store.settle("bob", bob, "alice", &[1]).unwrap();
        assert_eq!(store.fed_ids(), [3]);
        store.settle("bob", bob, "alice", &[0, 2, 3]).unwrap();
        assert_eq!(store.fed_ids(), [4, 5]);
        // Attached anew, everything unsettled comes anew.
        assert_eq!(store.attach("bob", bob, 3), 2);
        assert_eq!(store.fed_ids(), [4, 5]);
        let (name, owner) = (name("bob"), bob);
        store.ask(StoreRequest::Detach { name, owner }).unwrap();
        store.enqueue(&direct("alice", 6), &["bob"]).unwrap();
        assert!(store.fed().is_empty());
    });
}

#[test]
fn a_newer_claim_ends_an_attachment() {
    check(|mut store| {
        store.own("alice");
        let old = store.own("bob");
        store.attach("bob", old, 16);
        let new = store.own("bob");
        store.enqueue(&direct("alice", 1), &["bob"]).unwrap();
        assert!(store.fed().is_empty());
        let request = StoreRequest::Attach {
            name: name("bob"),
            owner: old,
            window: 16,
        };
        assert_eq!(store.ask(request), Err(Refusal::Stale));
        assert_eq!(store.attach("bob", new, 16), 1);
        assert_eq!(store.fed_ids(), [1]);
    });
}

#[test]
fn a_message_to_many_reaches_those_it_was_sent_to_and_nobody_later() {
    check(|mut store| {
        for who in ["alice", "bob", "carol"] {
            store.own(who);
        }
        let group = mail_of("alice", 1, MailKind::Group, 2);
        assert_eq!(store.enqueue(&group, &["bob"]), kept(1001, false, &[]));
        assert_eq!(
            store.enqueue(&group, &["bob", "carol"]),
            kept(1001, false, &[])
        );
        let carol = store.own("carol");
        assert_eq!(store.attach("carol", carol, 16), 0);
        let bob = store.own("bob");
        assert_eq!(store.attach("bob", bob, 16), 1);
        // Nobody at all is an audience, too.
        let alone = mail_of("alice", 2, MailKind::Group, 2);
        assert_eq!(store.enqueue(&alone, &[]), kept(1002, false, &[]));
        assert_eq!(store.enqueue(&alone, &["bob"]), kept(1002, false, &[]));
        assert_eq!(store.attach("bob", bob, 16), 1);
    });
}

#[test]
fn a_thousand_recipients_get_their_copy() {
    check(|mut store| {
        store.own("alice");
        let names: Vec<_> = (0..FANOUT_MAX).map(|n| format!("n{n}")).collect();
        for who in &names {
            store.own(who);
        }
        let to: Vec<_> = names.iter().map(String::as_str).collect();
        let group = mail_of("alice", 1, MailKind::Group, TEXT_BYTES_MAX);
        assert_eq!(store.enqueue(&group, &to), kept(1001, false, &[]));
        for who in &names {
            let owner = store.own(who);
            assert_eq!(store.attach(who, owner, 16), 1);
        }
    });
}

#[test]
fn one_sender_fills_its_share_of_a_mailbox_and_no_more() {
    check(|mut store| {
        for who in ["alice", "bob", "carol"] {
            store.own(who);
        }
        let pair_max = u128::try_from(PAIR_MAILS_MAX).unwrap();
        for id in 0..pair_max {
            store.enqueue(&direct("alice", id), &["bob"]).unwrap();
        }
        let over = store.enqueue(&direct("alice", pair_max), &["bob"]);
        assert_eq!(over, Err(Refusal::PairFull));
        let again = store.enqueue(&direct("alice", 0), &["bob"]);
        assert_eq!(again, kept(1000, false, &[]));
        store.enqueue(&direct("carol", 1), &["bob"]).unwrap();
        store.enqueue(&direct("alice", 1), &["carol"]).unwrap();
        let group = mail_of("alice", 777, MailKind::Group, 2);
        assert_eq!(
            store.enqueue(&group, &["bob", "carol"]),
            kept(1777, false, &["bob"])
        );
        assert_eq!(
            store.enqueue(&group, &["bob", "carol"]),
            kept(1777, false, &["bob"])
        );
        let bob = store.own("bob");
        store.settle("bob", bob, "alice", &[0]).unwrap();
        store.enqueue(&direct("alice", pair_max), &["bob"]).unwrap();
    });
}

#[test]
fn the_bytes_of_one_sender_are_bounded_exactly() {
    check(|mut store| {
        store.own("alice");
        store.own("bob");
        let texts = u128::try_from(PAIR_BYTES_MAX / TEXT_BYTES_MAX).unwrap();
        for id in 0..texts {
            let mail = mail_of("alice", id, MailKind::Direct, TEXT_BYTES_MAX);
            store.enqueue(&mail, &["bob"]).unwrap();
        }
        let byte = mail_of("alice", texts, MailKind::Direct, 1);
        assert_eq!(store.enqueue(&byte, &["bob"]), Err(Refusal::PairFull));
    });
}

#[test]
fn the_bytes_of_a_mailbox_are_bounded_exactly() {
    check(|mut store| {
        store.own("bob");
        let senders = MAILBOX_BYTES_MAX / PAIR_BYTES_MAX;
        let texts = PAIR_BYTES_MAX / TEXT_BYTES_MAX;
        for n in 0..=senders {
            let from = format!("n{n}");
            store.own(&from);
            for id in 0..u128::try_from(texts).unwrap() {
                let last = n + 1 == senders && id + 1 == u128::try_from(texts).unwrap();
                let bytes = if last {
                    TEXT_BYTES_MAX - 1
                } else {
                    TEXT_BYTES_MAX
                };
                let mail = mail_of(
                    &from,
                    id,
                    MailKind::Direct,
                    if n == senders { 2 } else { bytes },
                );
                let answer = store.enqueue(&mail, &["bob"]);
                if n == senders {
                    assert_eq!(answer, Err(Refusal::MailboxFull), "two bytes beyond one");
                } else {
                    answer.unwrap();
                }
            }
        }
        let byte = mail_of(&format!("n{senders}"), 99, MailKind::Direct, 1);
        store.enqueue(&byte, &["bob"]).unwrap();
        let group = mail_of("n0", 777, MailKind::Group, 1);
        assert_eq!(store.enqueue(&group, &["bob"]), kept(1777, false, &["bob"]));
    });
}

#[test]
fn a_mailbox_holds_a_thousand_mails_and_not_one_more() {
    check(|mut store| {
        store.own("bob");
        let senders = MAILBOX_MAILS_MAX / PAIR_MAILS_MAX;
        for n in 0..=senders {
            let from = format!("n{n}");
            store.own(&from);
            let count = if n == senders { 1 } else { PAIR_MAILS_MAX };
            for id in 0..u128::try_from(count).unwrap() {
                let answer = store.enqueue(&direct(&from, id), &["bob"]);
                if n == senders {
                    assert_eq!(answer, Err(Refusal::MailboxFull));
                } else {
                    answer.unwrap();
                }
            }
        }
        // Receipts are exempt.
        let bob = store.own("bob");
        store.enqueue(&direct("bob", 1), &["n0"]).unwrap();
        let n0 = store.own("n0");
        store.settle("n0", n0, "bob", &[1]).unwrap();
        let waiting = u32::try_from(MAILBOX_MAILS_MAX).unwrap() + 1;
        assert_eq!(store.attach("bob", bob, 16), waiting);
    });
}

#[test]
fn what_is_on_its_way_to_one_who_is_here_counts_like_any_mail() {
    check(|mut store| {
        let bob = store.own("bob");
        for who in ["alice", "carol"] {
            store.own(who);
        }
        store.attach("bob", bob, 16);
        let both = ["bob", "carol"];
        let to_all = |id, bytes| mail_of("alice", id, MailKind::Group, bytes);
        let pair_max = u128::try_from(PAIR_MAILS_MAX).unwrap();
        for id in 0..pair_max {
            let answer = store.enqueue(&to_all(id, 2), &both).unwrap();
            assert_eq!(
                Ok(answer),
                kept(1000 + i64::try_from(id).unwrap(), false, &[])
            );
        }
        let Ok(Done::Kept { full, .. }) = store.enqueue(&to_all(pair_max, 2), &both) else {
            panic!("a message to many is never refused for a full mailbox");
        };
        assert_eq!(full, both.map(name));
        let over = store.enqueue(&direct("alice", 200), &["bob"]);
        assert_eq!(over, Err(Refusal::PairFull));
        store.take_quietly("bob", bob, "alice", 0);
        store.enqueue(&direct("alice", 200), &["bob"]).unwrap();
        let over = store.enqueue(&direct("alice", 201), &["bob"]);
        assert_eq!(over, Err(Refusal::PairFull));
    });
    check(|mut store| {
        let bob = store.own("bob");
        for who in ["alice", "carol"] {
            store.own(who);
        }
        store.attach("bob", bob, 16);
        let both = ["bob", "carol"];
        let texts = u128::try_from(PAIR_BYTES_MAX / TEXT_BYTES_MAX).unwrap();
        for id in 0..texts {
            let mail = mail_of("alice", id, MailKind::Group, TEXT_BYTES_MAX);
            store.enqueue(&mail, &both).unwrap();
        }
        let byte = mail_of("alice", texts, MailKind::Direct, 1);
        assert_eq!(store.enqueue(&byte, &["bob"]), Err(Refusal::PairFull));
        store.take_quietly("bob", bob, "alice", 0);
        store.enqueue(&byte, &["bob"]).unwrap();
    });
}

#[test]
fn what_one_who_is_here_does_not_take_expires_like_any_mail() {
    check(|mut store| {
        let (alice, bob) = (store.own("alice"), store.own("bob"));
        store.own("carol");
        store.attach("bob", bob, 16);
        let mail = mail_of("alice", 1, MailKind::Group, 2);
        store.enqueue(&mail, &["bob", "carol"]).unwrap();
        let rows_max = 9;
        let due = mail.expires_ms;
        let none = Ok(Done::Expired { more: false });
        store.attach("alice", alice, 16);
        store.fed();
        for (now_ms, notices) in [(due - 1, 0), (due, 2), (due + 1, 0)] {
            let expire = StoreRequest::Expire { now_ms, rows_max };
            assert_eq!(store.ask(expire), none);
            let fed = store.fed();
            assert_eq!(fed.len(), notices, "at {now_ms}");
            assert!(fed.iter().all(|mail| mail.kind == MailKind::Expired));
        }
        store.settle("bob", bob, "alice", &[1]).unwrap();
        assert!(store.fed().is_empty(), "it is given up, and that was told");
    });
}

#[test]
fn of_too_many_receipts_the_oldest_go() {
    check(|mut store| {
        store.own("alice");
        let bob = store.own("bob");
        let ids: Vec<u128> = (0..=u128::try_from(NOTICES_MAX).unwrap()).collect();
        for some in ids.chunks(PAIR_MAILS_MAX) {
            let enqueue = |id: &u128| StoreRequest::Enqueue {
                mail: direct("alice", *id),
                to: vec![name("bob")],
            };
            let answers = store.ask_all(some.iter().map(enqueue));
            assert!(answers.iter().all(Result::is_ok));
            store.settle("bob", bob, "alice", some).unwrap();
        }
        let alice = store.own("alice");
        let waiting = u32::try_from(NOTICES_MAX).unwrap();
        assert_eq!(store.attach("alice", alice, 1), waiting);
        assert_eq!(store.fed()[0].id, receipt_id(MessageId(1), &name("bob")));
    });
}

#[test]
fn unsettled_mail_expires_aloud_and_old_traces_are_forgotten() {
    check(|mut store| {
        let (alice, bob) = (store.own("alice"), store.own("bob"));
        for id in [1, 2, 3] {
            store.enqueue(&direct("alice", id), &["bob"]).unwrap();
        }
        store.settle("bob", bob, "alice", &[3]).unwrap();
        let expire = |now_ms, rows_max| StoreRequest::Expire { now_ms, rows_max };
        let due = 1000 + MAIL_DAYS * DAY_MS;
        let more = |more| Ok(Done::Expired { more });
        assert_eq!(store.ask(expire(due - 1, 9)), more(false));
        assert_eq!(store.attach("bob", bob, 16), 2);
        assert_eq!(store.ask(expire(due, 1)), more(true));
        assert_eq!(store.ask(expire(due, 1)), more(false));
        assert_eq!(store.attach("bob", bob, 16), 0);
        store.fed();
        store.attach("alice", alice, 16);
        let fed = store.fed();
        let kinds: Vec<_> = fed.iter().map(|mail| mail.kind).collect();
        let (receipt, expired) = (MailKind::Receipt, MailKind::Expired);
        assert_eq!(kinds, [receipt, expired, expired]);
        assert_eq!(fed[1].id, expired_id(MessageId(1), &name("bob")));
        let settled = store.enqueue(&direct("alice", 3), &["bob"]);
        assert_eq!(settled, kept(1003, true, &[]));
        let much_later = 2000 + TOMBSTONE_DAYS * DAY_MS;
        store.ask(expire(much_later, 100)).unwrap();
        let forgotten = store.enqueue(&direct("alice", 3), &["bob"]);
        assert_eq!(forgotten, kept(1003, false, &[]));
    });
}

/// Ten years, either way: what a wall clock may jump.
const JUMPS_MS: [i64; 2] = [3650 * DAY_MS, -3650 * DAY_MS];
/// 2026.
const TODAY_MS: i64 = 1_790_000_000_000;

fn accepted(id: u128, at_ms: i64) -> Arc<Mail> {
    Arc::new(Mail {
        at_ms,
        expires_ms: at_ms + MAIL_DAYS * DAY_MS,
        ..Mail::clone(&direct("alice", id))
    })
}

#[test]
fn a_clock_that_jumps_ten_years_changes_neither_order_nor_notices() {
    for jump_ms in JUMPS_MS {
        for (_, open) in DISKS {
            let mut store = Told::new(open);
            let bob = store.own("bob");
            store.own("alice");
            let times = [TODAY_MS, TODAY_MS + jump_ms, TODAY_MS + 1];
            for (id, at_ms) in (1..).zip(times) {
                let done = store.enqueue(&accepted(id, at_ms), &["bob"]);
                assert_eq!(done, kept(at_ms, false, &[]));
            }
            store.reopen();
            // Asked again under another clock it has the time of the first.
            for (id, at_ms) in (1..).zip(times) {
                let again = store.enqueue(&accepted(id, at_ms - jump_ms), &["bob"]);
                assert_eq!(again, kept(at_ms, false, &[]));
            }
            store.attach("bob", bob, 16);
            let fed: Vec<(u128, i64)> = store.fed().iter().map(|m| (m.id.0, m.at_ms)).collect();
            assert_eq!(fed, [(1, times[0]), (2, times[1]), (3, times[2])]);
            let taken = |id: u128| Taken {
                from: name("alice"),
                id: MessageId(id),
                receipt: true,
            };
            for (id, at_ms) in (1..).zip(times) {
                let settle = StoreRequest::Settle {
                    name: name("bob"),
                    owner: bob,
                    mails: vec![taken(id)],
                    at_ms: TODAY_MS - at_ms + TODAY_MS,
                };
                assert_eq!(store.ask(settle), Ok(Done::Settled));
            }
            store.reopen();
            let alice = store.own("alice");
            store.attach("alice", alice, 16);
            let of = |mail: &Arc<Mail>| Envelope::decode(&mail.head).unwrap().stored_ms;
            let notices: Vec<_> = store.fed().iter().map(of).collect();
            assert_eq!(notices, times.map(Some));
            let settled = store.enqueue(&accepted(2, TODAY_MS), &["bob"]);
            assert_eq!(settled, kept(times[1], true, &[]));
        }
    }
}

#[test]
fn beyond_its_queue_a_store_gives_back() {
    check(|mut store| {
        store.own("alice");
        let follow = StoreRequest::Follow { after: None };
        for _ in 0..STORE_QUEUE_MAX {
            store.submit(follow.clone()).unwrap();
        }
        let Full(ticket, request) = store.submit(follow.clone()).unwrap_err();
        assert_eq!((ticket, request), (StoreTicket(store.tickets), follow));
    });
}

#[test]
fn a_full_store_refuses_what_needs_room_and_goes_on_settling() {
    check(|mut store| {
        let (alice, bob) = (store.own("alice"), store.own("bob"));
        store.enqueue(&direct("alice", 1), &["bob"]).unwrap();
        store.disk.fill(true);
        assert_eq!(store.claim("carol", 1), Err(Refusal::StoreFull));
        let refused = store.enqueue(&direct("alice", 2), &["bob"]);
        assert_eq!(refused, Err(Refusal::StoreFull));
        assert_eq!(store.events, [StoreEvent::Health(Health::Degraded)]);
        let again = store.enqueue(&direct("alice", 1), &["bob"]);
        assert_eq!(again, kept(1001, false, &[]));
        let bob = bob.max(store.own("bob"));
        let settled = store.settle("bob", bob, "alice", &[1]);
        assert_eq!(settled, Ok(Done::Settled));
        assert_eq!(store.attach("alice", alice, 16), 1);
        store.disk.fill(false);
        assert!(store.enqueue(&direct("alice", 2), &["bob"]).is_ok());
    });
}

#[test]
fn of_a_power_cut_in_memory_the_first_requests_may_survive() {
    let mut memory = ServerMemory::new(7);
    for (ticket, who) in ["alice", "bob", "carol"].into_iter().enumerate() {
        let claim = StoreRequest::Claim {
            name: name(who),
            identity: PublicKey([1; 32]),
            session_key: PublicKey([1; 32]),
            card: [].into(),
            presence: online(7001),
        };
        let ticket = StoreTicket(u64::try_from(ticket).unwrap());
        memory.submit(ticket, claim).unwrap();
    }
    assert_eq!(memory.queued(), 3);
    memory.reopen_keeping(2);
    assert_eq!((memory.queued(), memory.poll()), (0, None));
    let mut store = Told {
        disk: Box::new(memory),
        tickets: 9,
        events: Vec::new(),
    };
    let known = ["1 alice true", "2 bob true", "2 current"];
    assert_eq!(told(&store.follow(None)), known);
}
