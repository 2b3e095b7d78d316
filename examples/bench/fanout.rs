//! One message to many: the server's CPU for each delivery, beside the servers of others and the
//! raw sends of the same run.

use crate::floors::FanOut;
use crate::measure::{Run, drops};
use crate::mosquitto::Mosquitto;
use crate::nats::Nats;
use crate::report::Report;
use crate::room::{Group, saturated, unloaded};

/// Deliveries of one run.
const DELIVERIES: u64 = 20_000;
const UNLOADED: u64 = 4_000;

pub(crate) fn run(report: &Report, rounds: usize, sizes: &[usize]) {
    for &listeners in sizes {
        compare(report, rounds, listeners);
    }
}

fn compare(report: &Report, rounds: usize, listeners: usize) {
    report.begin(&format!("fan-out 1 -> {listeners}"));
    let mut ours = Group::new(listeners);
    let mut mosquitto = Mosquitto::new(listeners);
    let mut nats = Nats::new(listeners);
    let raw = FanOut::new(listeners);
    let many = (DELIVERIES / listeners as u64).max(20);
    let few = (UNLOADED / listeners as u64).clamp(5, 500);
    let port = ours.house.address.port();
    let dropped = drops(port);
    let mut few_ours = Vec::new();
    let mut few_mosquitto = Vec::new();
    let mut all_ours = Vec::new();
    let mut all_mosquitto = Vec::new();
    let mut all_nats = Vec::new();
    let mut all_raw = Vec::new();
    for _ in 0..rounds {
        few_ours.push(unloaded(&mut ours, few));
        few_mosquitto.extend(mosquitto.as_mut().map(|room| unloaded(room, few)));
        all_ours.push(saturated(&mut ours, many));
        all_mosquitto.extend(mosquitto.as_mut().map(|room| saturated(room, many)));
        all_nats.extend(nats.as_mut().map(|room| saturated(room, many)));
        all_raw.push(raw.run(many.min(200)));
    }
    let cpu = |runs: &[Run]| runs.iter().map(|run| run.cpu_each()).collect::<Vec<_>>();
    let datagrams = |runs: &[Run]| {
        runs.iter()
            .map(|run| run.datagrams_each())
            .collect::<Vec<_>>()
    };
    let rate = |runs: &[Run]| {
        runs.iter()
            .map(|run| 1000.0 / run.wall_each())
            .collect::<Vec<_>>()
    };
    report.figure("unloaded: server CPU a delivery", &cpu(&few_ours), "us");
    report.figure("  mosquitto QoS 1", &cpu(&few_mosquitto), "us");
    report.figure("saturated: server CPU a delivery", &cpu(&all_ours), "us");
    report.figure("  mosquitto QoS 1", &cpu(&all_mosquitto), "us");
    report.figure("  NATS core", &cpu(&all_nats), "us");
    report.figure("  raw send_to", &cpu(&all_raw), "us");
    report.figure("saturated: deliveries", &rate(&all_ours), "k/s");
    if listeners >= 100 {
        report.ratio(
            "T3",
            "unloaded / mosquitto",
            &cpu(&few_ours),
            &cpu(&few_mosquitto),
        );
    }
    report.ratio(
        "T4",
        "saturated / mosquitto",
        &cpu(&all_ours),
        &cpu(&all_mosquitto),
    );
    report.ratio(
        "T5",
        "saturated / NATS core",
        &cpu(&all_ours),
        &cpu(&all_nats),
    );
    report.ratio(
        "T6",
        "saturated / raw send_to",
        &cpu(&all_ours),
        &cpu(&all_raw),
    );
    report.counter(
        "T13",
        "datagrams a delivery, both ways",
        &datagrams(&all_ours),
    );
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    report.counter(
        "T14",
        "drops at the server's socket",
        &[(drops(port) - dropped) as f64],
    );
}
