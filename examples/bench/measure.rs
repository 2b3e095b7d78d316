//! What is read from the kernel, and what is made of it: CPU time from the scheduler's accounting,
//! memory, drops, and medians of ratios.

use std::fs;
use std::time::Instant;

/// CPU time of all threads of a process, in nanoseconds. Threads that ended do not count.
pub(crate) fn cpu_of(pid: u32) -> u64 {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0;
    };
    let time = |task: fs::DirEntry| schedstat(&task.path().join("schedstat").to_string_lossy());
    tasks.flatten().map(time).sum()
}

/// CPU time of this thread.
pub(crate) fn cpu_here() -> u64 {
    schedstat("/proc/thread-self/schedstat")
}

fn schedstat(path: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let first = text.split_whitespace().next();
    first.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Datagrams that the kernel dropped because the socket at this port was full.
pub(crate) fn drops(port: u16) -> u64 {
    let text = fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let ours = format!(":{port:04X}");
    let is_it = |line: &&str| {
        let mut words = line.split_whitespace();
        words.nth(1).is_some_and(|local| local.ends_with(&ours))
    };
    let last = |line: &str| {
        line.split_whitespace()
            .last()
            .and_then(|n| n.parse::<u64>().ok())
    };
    text.lines().filter(is_it).filter_map(last).sum()
}

/// One run: how long, how much CPU, how many of what was counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) wall_us: f64,
    pub(crate) cpu_us: f64,
    pub(crate) count: u64,
    /// Datagrams the server sent and received, where that is known.
    pub(crate) datagrams: u64,
}

impl Run {
    /// CPU in microseconds for each.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn cpu_each(self) -> f64 {
        self.cpu_us / self.count.max(1) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn wall_each(self) -> f64 {
        self.wall_us / self.count.max(1) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn datagrams_each(self) -> f64 {
        self.datagrams as f64 / self.count.max(1) as f64
    }
}

/// Wall and CPU from here on.
pub(crate) struct Watch {
    at: Instant,
    cpu: u64,
}

impl Watch {
    pub(crate) fn start(cpu: u64) -> Self {
        Self {
            at: Instant::now(),
            cpu,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of minutes")]
    pub(crate) fn stop(&self, cpu: u64, count: u64) -> Run {
        Run {
            wall_us: self.at.elapsed().as_nanos() as f64 / 1000.0,
            cpu_us: cpu.saturating_sub(self.cpu) as f64 / 1000.0,
            count,
            datagrams: 0,
        }
    }
}

/// Median, smallest and largest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        Self {
            median: at(sorted.len() / 2),
            min: at(0),
            max: at(sorted.len().saturating_sub(1)),
        }
    }

    /// The figures of a run are worth little if those of the yardstick itself differ so much.
    pub(crate) fn is_noisy(self) -> bool {
        self.max / self.min > 1.5
    }
}
