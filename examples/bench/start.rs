//! How soon one can type, what a client weighs, and how fast scripts run in the simulator.

use crate::house::House;
use crate::measure::{cpu_of, resident};
use crate::mosquitto::Mosquitto;
use crate::report::Report;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Steps of the script.
const STEPS: u32 = 2_000;

#[expect(clippy::cast_precision_loss, reason = "bytes of a program")]
pub(crate) fn run(report: &Report, rounds: usize) {
    report.begin("a start");
    let house = House::new();
    let (mut ours, mut theirs, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let home = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let port = house.address.port().to_string();
        let mut child = Command::new(ackchat())
            .args(["join", &format!("person{round}"), "--server"])
            .args([&format!("127.0.0.1:{port}"), "--data"])
            .arg(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_in = |line: Result<String, _>| line.unwrap().contains("Welcome");
        assert!(lines.any(is_in));
        ours.push(began.elapsed().as_secs_f64() * 1000.0);
        weights.push(resident(child.id()) as f64 / 1e6);
        child.kill().unwrap();
        child.wait().unwrap();
        let began = Instant::now();
        if Mosquitto::serve().is_some() {
            theirs.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    report.figure("start of a client until it is registered", &ours, "ms");
    report.figure("  mosquitto until it accepts", &theirs, "ms");
    report.ratio(
        "T15",
        "client registered / mosquitto accepts",
        &ours,
        &theirs,
    );
    report.counter("T16", "resident MB of a client on a pipe", &weights);
    let steps: Vec<f64> = (0..rounds).map(|_| script()).collect();
    report.counter("T18", "script steps a second in the simulator", &steps);
}

/// Steps for each second of CPU.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds")]
fn script() -> f64 {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("steps.chat");
    let text = format!(
        "server s\nactor alice bob\nrepeat {} as n {{\n  alice> send bob number $n\n  bob< alice: number $n\n}}\n",
        STEPS / 2
    );
    fs::write(&file, text).unwrap();
    let mut child = Command::new(ackchat())
        .arg("run")
        .arg(&file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut cpu = 0;
    while child.try_wait().unwrap().is_none() {
        cpu = cpu.max(cpu_of(child.id()));
    }
    assert!(child.wait().unwrap().success());
    f64::from(STEPS) / (cpu as f64 / 1e9)
}

/// The program, built beside this one.
fn ackchat() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    here.parent().unwrap().with_file_name("ackchat")
}
