//! Which faults a run has, how hard they are, and how often each has really happened.

use super::dice::Dice;
use super::network::Conditions;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Everything that may go wrong, or be done wrong, in a run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $name,)* }

        impl Fault {
            /// All of them.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$name,)*];
            const COUNT: usize = [$(stringify!($name),)*].len();

            /// The name of the fault.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

faults! {
    /// A client sends from another address from now on.
    AddressChange,
    /// Several datagrams and timers are handled before anything is sent.
    Batching,
    /// Loss that comes in bursts.
    Burst,
    /// A wall clock jumps up to ten years, either way.
    ClockJump,
    /// A wall clock stands still.
    ClockStop,
    /// A path lets little through; the rest queues.
    Clog,
    /// Copies of datagrams arrive from elsewhere, before the originals.
    Copier,
    /// Bits flip, ends are cut, datagrams are spliced.
    Corruption,
    /// A client's process dies between two outputs.
    CrashClient,
    /// The server's process dies between two outputs.
    CrashServer,
    /// Times on the way differ by up to two seconds, so that order is lost.
    Delay,
    /// A disk cannot say whether it wrote.
    DiskFailing,
    /// A disk is full.
    DiskFull,
    /// A disk takes up to five seconds.
    DiskSlow,
    /// Datagrams come twice.
    Duplication,
    /// Handshakes from many addresses.
    Flooder,
    /// A registered client with valid keys does what it likes.
    Hostile,
    /// Somebody with another key asks for a name that is bound.
    Impostor,
    /// Independent loss.
    Loss,
    /// Datagrams that were seen, changed, sent again.
    Mutator,
    /// Plaintext packets of earlier programs.
    OldFormat,
    /// Nothing gets from one side to the other, one way or both ways.
    Partition,
    /// Old datagrams, sent again.
    Replayer,
    /// The server's store is replaced by an older copy.
    Rollback,
    /// Large datagrams are lost.
    SizeLimit,
    /// Invented datagrams with forged sources.
    Spoofer,
}

/// How often each fault has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts([u64; Fault::COUNT]);

impl Counts {
    /// Nothing has happened.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; Fault::COUNT])
    }

    /// It happened once more.
    pub const fn add(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often it happened.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Adds what happened in another run.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Fault::ALL
            .iter()
            .try_for_each(|fault| write!(f, "{} {}  ", fault.name(), self.of(*fault)))
    }
}

/// The plan of a run: which faults it has and how hard they are.
#[derive(Clone, Debug)]
pub struct Faults {
    /// What may happen.
    pub on: BTreeSet<Fault>,
    /// What every path does all the time.
    pub conditions: Conditions,
    /// Time between two events (crashes, partitions, full disks).
    pub gap: (u64, u64),
    /// Share of inputs after which a node does not send at once, in thousandths.
    pub batching: u16,
}

impl Faults {
    /// None: what a script begins with.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            on: BTreeSet::new(),
            conditions: Conditions::CALM,
            gap: (1000, 4000),
            batching: 0,
        }
    }

    /// Each fault is off in half of the runs, so that rare combinations meet; one run in five
    /// has adversaries only, so that nothing excuses a disturbance.
    #[must_use]
    pub fn random(dice: &mut Dice) -> Self {
        let mut on: BTreeSet<Fault> = Fault::ALL
            .into_iter()
            .filter(|_| dice.chance(500))
            .collect();
        if dice.chance(200) {
            on.retain(|fault| fault.is_harmless());
        }
        if on.contains(&Fault::Rollback) {
            on.remove(&Fault::Impostor);
        }
        let mut faults = Self {
            gap: (dice.between(300, 2000), dice.between(2000, 8000)),
            batching: if on.contains(&Fault::Batching) {
                share(dice, 500)
            } else {
                0
            },
            conditions: Conditions::CALM,
            on,
        };
        faults.conditions = faults.conditions(dice);
        faults
    }

    /// True if a fault may happen in this run.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.on.contains(&fault)
    }

    /// True if nothing but adversaries, copies and order disturb this run.
    #[must_use]
    pub fn are_harmless(&self) -> bool {
        self.on.iter().all(|fault| fault.is_harmless())
    }

    fn conditions(&self, dice: &mut Dice) -> Conditions {
        let mut hard = |fault, most| {
            if self.has(fault) {
                share(dice, most)
            } else {
                0
            }
        };
        let (loss, burst) = (hard(Fault::Loss, 500), hard(Fault::Burst, 10));
        let (duplicate, corrupt) = (hard(Fault::Duplication, 500), hard(Fault::Corruption, 100));
        let straggle = hard(Fault::Delay, 300);
        let delay_min = Duration::from_micros(dice.between(100, 1000));
        let delay_max = if dice.chance(500) {
            delay_min
        } else {
            delay_min + dice.millis(0, if straggle > 0 { 40 } else { 4 })
        };
        Conditions {
            loss,
            burst,
            duplicate,
            corrupt,
            delay_min,
            delay_max,
            straggle,
            late: dice.millis(10, 2000),
            ..Conditions::CALM
        }
    }
}

/// A share of at most `most` thousandths; small ones are more frequent.
fn share(dice: &mut Dice, most: u64) -> u16 {
    let share = dice.between(1, most).min(dice.between(1, most));
    u16::try_from(share).expect("shares are thousandths")
}

impl Fault {
    /// True if a correct program does not let anybody notice it.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Batching
                | Self::Copier
                | Self::Duplication
                | Self::Impostor
                | Self::Mutator
                | Self::OldFormat
                | Self::Replayer
                | Self::Spoofer
        )
    }
}
