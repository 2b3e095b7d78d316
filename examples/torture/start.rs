//! How long a server takes from its start, and from a kill, until it answers, with much in its
//! store; and that a full mailbox comes out in order.

use super::rig::{PATIENCE, Rig};
use ackchat::model::limits::{DAY_MS, MAIL_DAYS, MAILBOX_MAILS_MAX, PAIR_MAILS_MAX};
use ackchat::model::{MessageId, Name, PublicKey, Store as _, StoreTicket};
use ackchat::server::Envelope;
use ackchat::server::port::{Mail, Presence, StoreEvent, StoreReply, StoreRequest, Why};
use ackchat::store::ServerStore;
use ackchat::wire::packet::{MailKind, Stamp};
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Mails of each mailbox.
const EACH: u64 = 100;
const READY_WITHIN: Duration = Duration::from_secs(1);

pub(crate) fn run(messages: u64) -> Result<(), String> {
    let mut rig = Rig::new();
    // Bound by its own program, so that it can fetch its mail.
    rig.serve(&[]);
    rig.join("zoe");
    rig.expect("zoe", "[Client table updated.]")?;
    rig.leave("zoe");
    rig.kill_server();
    let directory = rig.server_data.join("server");
    assert!(
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .is_err(),
        "it is there"
    );
    let path = directory.join("store.db");
    let (wake, woken) = channel();
    let wake = Box::new(move || wake.send(()).unwrap_or_default());
    let store = ServerStore::open(&path, 1, wake).unwrap();
    let mut filling = Filling {
        store,
        woken,
        ticket: 0,
    };
    let boxes = messages / EACH;
    let began = Instant::now();
    filling.fill(boxes);
    let took = began.elapsed().as_secs_f64();
    drop(filling);
    let bytes = path.metadata().unwrap().len() / 1_000_000;
    println!("start: {messages} mails in {boxes} mailboxes written in {took:.1} s, {bytes} MB");
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let began = Instant::now();
        rig.serve(&[]);
        slowest = slowest.max(began.elapsed());
        rig.kill_server();
    }
    println!(
        "start: ready after {} ms, the slowest of 5",
        slowest.as_millis()
    );
    rig.serve(&[]);
    let began = Instant::now();
    rig.join("zoe");
    rig.expect("zoe", "[Client table updated.]")?;
    let drained = began.elapsed();
    rig.leave("zoe");
    let screen = rig.screen("zoe");
    let numbers = screen
        .lines()
        .filter_map(|line| line.rsplit_once(" mail ")?.1.parse().ok());
    let numbers: Vec<usize> = numbers.collect();
    let right = numbers.iter().copied().eq(0..MAILBOX_MAILS_MAX);
    println!(
        "start: a full mailbox, {} mails, drained in {} ms, in order: {right}",
        numbers.len(),
        drained.as_millis()
    );
    if slowest > READY_WITHIN {
        return Err(format!("ready only after {slowest:?}"));
    }
    if right {
        Ok(())
    } else {
        Err("not all, or not in order".to_owned())
    }
}

struct Filling {
    store: ServerStore,
    woken: Receiver<()>,
    ticket: u64,
}

impl Filling {
    fn fill(&mut self, boxes: u64) {
        let claim = |number: u64| StoreRequest::Claim {
            name: name(&format!("n{number}")),
            identity: PublicKey([1; 32]),
            session_key: key(number),
            card: [0; 150].into(),
            presence: Presence::Offline(Why::Left),
        };
        self.ask((0..boxes).map(claim));
        for number in 0..boxes {
            let to = name(&format!("n{number}"));
            self.ask((0..EACH).map(|id| enqueue("n0", id, &to)));
        }
        let zoe = name("zoe");
        let mut id = 0;
        for sender in 0..MAILBOX_MAILS_MAX / PAIR_MAILS_MAX {
            let from = format!("n{sender}");
            for _ in 0..PAIR_MAILS_MAX {
                self.ask([enqueue(&from, id, &zoe)]);
                id += 1;
            }
        }
    }

    fn ask(&mut self, requests: impl IntoIterator<Item = StoreRequest>) {
        let mut open = 0;
        for request in requests {
            self.ticket += 1;
            self.store
                .submit(StoreTicket(self.ticket), request)
                .unwrap();
            open += 1;
        }
        self.store.flush();
        while open > 0 {
            while let Some(event) = self.store.poll() {
                let StoreEvent::Reply(_, reply) = event else {
                    continue;
                };
                assert!(matches!(reply, StoreReply::Done(_)), "{reply:?}");
                open -= 1;
            }
            if open > 0 {
                self.woken.recv_timeout(PATIENCE).unwrap();
            }
        }
    }
}

fn enqueue(from: &str, id: u64, to: &Name) -> StoreRequest {
    let at_ms = 1_763_670_000_000 + i64::try_from(id).unwrap();
    let envelope = Envelope {
        stamp: Some(Stamp {
            seq: id % PAIR_MAILS_MAX as u64 + 1,
            run: 1,
            at_ms,
        }),
        ..Envelope::default()
    };
    StoreRequest::Enqueue {
        mail: Arc::new(Mail {
            id: MessageId(id.into()),
            from: name(from),
            kind: MailKind::Direct,
            at_ms,
            expires_ms: at_ms + MAIL_DAYS * DAY_MS,
            head: envelope.encode(),
            tail: format!("{} mail {id}", "x".repeat(190)).into_bytes().into(),
        }),
        to: vec![to.clone()],
    }
}

fn key(number: u64) -> PublicKey {
    let mut key = [7; 32];
    key[..8].copy_from_slice(&number.to_le_bytes());
    PublicKey(key)
}

fn name(word: &str) -> Name {
    word.parse().unwrap()
}
