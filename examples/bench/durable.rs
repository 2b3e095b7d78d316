//! Messages for the absent, each on disk before anybody is told: beside the disk itself.

use crate::floors::BYTES;
use crate::measure::{Run, Watch, cpu_of};
use crate::report::Report;
use ackchat::model::{MessageId, Name, PublicKey, Store as _, StoreTicket};
use ackchat::server::port::{Mail, Presence, StoreEvent, StoreReply, StoreRequest, Why};
use ackchat::store::server::ServerStore;
use ackchat::wire::packet::MailKind;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::Duration;

/// Different recipients; a mailbox takes 100 of one sender.
const NAMES: u64 = 500;
const MESSAGES: u64 = 20_000;
const IN_FLIGHT: u64 = 512;
/// Records of one flush of the yardstick.
const RECORDS: u64 = 100;

pub(crate) fn run(report: &Report, rounds: usize) {
    report.begin("durable messages for the absent");
    let home = tempfile::tempdir().unwrap();
    let [mut a, mut b] = [const { Vec::<Run>::new() }; 2];
    for round in 0..rounds {
        let path = home.path().join(format!("store{round}.db"));
        a.push(keep(&path));
        b.push(append(&home.path().join("log")));
    }
    let rate = |runs: &[Run]| {
        runs.iter()
            .map(|run| 1000.0 / run.wall_each())
            .collect::<Vec<_>>()
    };
    let cpu: Vec<f64> = a.iter().map(|run| run.cpu_each()).collect();
    report.figure("kept", &rate(&a), "k/s");
    report.figure("  CPU each", &cpu, "us");
    report.figure("append of 100 + fdatasync", &rate(&b), "k/s");
    report.ratio("T8", "kept / appended", &rate(&a), &rate(&b));
}

fn keep(path: &Path) -> Run {
    let here: Thread = thread::current();
    let mut store = ServerStore::open(path, 7, Box::new(move || here.unpark())).unwrap();
    let names: Vec<Name> = (0..NAMES)
        .map(|n| format!("name{n}").parse().unwrap())
        .collect();
    let mut open = 0;
    for (n, name) in names.iter().enumerate() {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.to_le_bytes());
        let claim = StoreRequest::Claim {
            name: name.clone(),
            identity: PublicKey(key),
            session_key: PublicKey(key),
            card: [].into(),
            presence: Presence::Offline(Why::Away),
        };
        store.submit(StoreTicket(n as u64), claim).unwrap();
        open += 1;
    }
    wait(&mut store, &mut open, 0);
    let from: Name = "sender".parse().unwrap();
    let own = std::process::id();
    let watch = Watch::start(cpu_of(own));
    for n in 0..MESSAGES {
        let mail = Arc::new(Mail {
            id: MessageId(u128::from(n)),
            from: from.clone(),
            kind: MailKind::Direct,
            at_ms: 1,
            expires_ms: i64::MAX,
            head: [b'h'; 40].into(),
            tail: [b'x'; BYTES].into(),
        });
        let to = vec![names[usize::try_from(n % NAMES).unwrap()].clone()];
        let enqueue = StoreRequest::Enqueue { mail, to };
        store.submit(StoreTicket(NAMES + n), enqueue).unwrap();
        open += 1;
        if open >= IN_FLIGHT {
            wait(&mut store, &mut open, IN_FLIGHT / 2);
        }
    }
    wait(&mut store, &mut open, 0);
    watch.stop(cpu_of(own), MESSAGES)
}

fn wait(store: &mut ServerStore, open: &mut u64, until: u64) {
    store.flush();
    while *open > until {
        while let Some(event) = store.poll() {
            if let StoreEvent::Reply(_, reply) = event {
                assert!(matches!(reply, StoreReply::Done(_)), "{reply:?}");
                *open -= 1;
            }
        }
        if *open > until {
            thread::park_timeout(Duration::from_millis(10));
        }
    }
}

fn append(path: &Path) -> Run {
    let mut file = File::create(path).unwrap();
    let records = vec![7; usize::try_from(RECORDS).unwrap() * 300];
    let watch = Watch::start(0);
    for _ in 0..MESSAGES / RECORDS {
        file.write_all(&records).unwrap();
        file.sync_data().unwrap();
    }
    watch.stop(0, MESSAGES)
}
