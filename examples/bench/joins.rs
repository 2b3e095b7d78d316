//! What a join costs, and what a client costs who is only there, as the table grows.

use crate::crowd::Crowd;
use crate::house::House;
use crate::measure::{Watch, cpu_of, resident};
use crate::report::Report;
use std::time::{Duration, Instant};

/// Returning joiners of one run.
const RETURNS: usize = 200;
/// New names a second, and for how long.
const JOINS_PER_S: u64 = 100;
const JOIN_SECONDS: u64 = 3;
const STORM: usize = 1000;
const PING_EVERY: Duration = Duration::from_secs(20);

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn run(report: &Report, rounds: usize, sizes: &[usize]) {
    let mut returns: Vec<Vec<f64>> = Vec::new();
    for &size in sizes {
        report.begin(&format!("{size} registered clients"));
        let mut house = House::new();
        let mut crowd = Crowd::new(house.address);
        let empty = resident(house.pid());
        let began = Instant::now();
        crowd.join("member", size);
        report.figure("all in after", &[began.elapsed().as_secs_f64()], "s");
        calm(&mut crowd);
        let memory = resident(house.pid()).saturating_sub(empty) as f64 / size as f64;
        report.counter("T12", "resident bytes a client", &[memory]);
        returns.push((0..rounds).map(|_| come_back(&house, &mut crowd)).collect());
        report.figure(
            "a returning joiner: server CPU",
            &returns[returns.len() - 1],
            "us",
        );
        report.counter("T11", "table bytes a join / N", &[spread(&mut crowd)]);
        restart(report, &mut house, &mut crowd);
    }
    if let [few, .., many] = &returns[..] {
        report.ratio(
            "T10",
            "a returning joiner, most / fewest clients",
            many,
            few,
        );
    }
    storm(report);
}

/// Until nobody is told anything any more.
fn calm(crowd: &mut Crowd) {
    let mut before = u64::MAX;
    let end = Instant::now() + Duration::from_mins(1);
    while before != crowd.told.table_bytes && Instant::now() < end {
        before = crowd.told.table_bytes;
        crowd.pass(Duration::from_millis(1500));
    }
}

/// Programs start again with their tables, at the same addresses.
fn come_back(house: &House, crowd: &mut Crowd) -> f64 {
    let pid = house.pid();
    // Whoever has been silent for long is asked: everybody gives a sign of life before.
    for index in 0..crowd.len() {
        crowd.ping(index);
        if index % 64 == 0 {
            crowd.pass(Duration::from_millis(2));
        }
    }
    crowd.pass(Duration::from_secs(1));
    // Those who are only there cost a little, too: what they cost meanwhile is taken off.
    let watch = Watch::start(cpu_of(pid));
    crowd.pass(Duration::from_secs(1));
    let idle = watch.stop(cpu_of(pid), 1);
    let before = crowd.told.registered;
    let watch = Watch::start(cpu_of(pid));
    for index in 0..RETURNS {
        crowd.restart(index);
        crowd.register(index);
        let due = (before + index as u64).saturating_sub(8);
        crowd.until(|crowd| crowd.told.registered >= due);
    }
    crowd.until(|crowd| crowd.told.registered >= before + RETURNS as u64);
    crowd.pass(Duration::from_millis(20));
    let run = watch.stop(cpu_of(pid), RETURNS as u64);
    run.cpu_each() - idle.cpu_us / idle.wall_us * run.wall_each()
}

/// New names, one after the other: what everybody is told of them.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn spread(crowd: &mut Crowd) -> f64 {
    let size = crowd.len();
    let before = crowd.told.table_bytes;
    let joins = JOINS_PER_S * JOIN_SECONDS;
    for number in 0..joins {
        let index = crowd.add(format!("new{number}").parse().unwrap());
        crowd.register(index);
        crowd.pass(Duration::from_millis(1000 / JOINS_PER_S));
    }
    calm(crowd);
    let bytes = crowd.told.table_bytes - before;
    bytes as f64 / joins as f64 / size as f64
}

/// The server is killed and started again; everybody finds out by the next sign of life.
fn restart(report: &Report, house: &mut House, crowd: &mut Crowd) {
    let before = crowd.told.registered;
    let size = crowd.len();
    house.restart();
    let watch = Watch::start(cpu_of(house.pid()));
    let began = Instant::now();
    let mut asked = 0;
    while crowd.told.registered < before + size as u64 {
        let share = began.elapsed().as_secs_f64() / PING_EVERY.as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a few thousand"
        )]
        let due = ((size as f64 * share) as usize).min(size);
        while asked < due {
            crowd.ping(asked);
            asked += 1;
        }
        crowd.turn(Duration::from_millis(1));
        assert!(began.elapsed() < 4 * PING_EVERY, "not all come back");
    }
    let cpu = watch.stop(cpu_of(house.pid()), size as u64);
    report.figure(
        "server killed: all back after",
        &[began.elapsed().as_secs_f64()],
        "s",
    );
    report.figure("  server CPU a client", &[cpu.cpu_each()], "us");
}

/// A thousand names within a second.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn storm(report: &Report) {
    report.begin(&format!("a storm: {STORM} names at once"));
    let house = House::new();
    let mut crowd = Crowd::new(house.address);
    let began = Instant::now();
    for number in 0..STORM {
        let index = crowd.add(format!("storm{number}").parse().unwrap());
        crowd.register(index);
        crowd.turn(Duration::ZERO);
    }
    crowd.until(|crowd| crowd.told.registered >= STORM as u64);
    report.figure("all in after", &[began.elapsed().as_secs_f64()], "s");
    let head = crowd.head();
    crowd.until(|crowd| crowd.behind(head) == 0);
    report.figure(
        "all tables complete after",
        &[began.elapsed().as_secs_f64()],
        "s",
    );
    report.figure("bytes in all", &[crowd.told.bytes as f64 / 1e6], "MB");
}
