//! What can happen in a run, as data: it can be drawn, played again, and left out.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;

/// One thing that happens. What is impossible when its turn comes does not happen, so any part of a run is a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A webhook is delivered, by its index, for the first time or once more; the answer may get lost
    Deliver { delivery: usize, lost: bool },
    /// A delivery that is due takes longer
    Postpone { delivery: usize, by: Duration },
    /// Intake takes a step
    Intake,
    /// The dispatcher claims what it may send
    Claim,
    /// The next thing happens in the lane to a destination: an attempt begins, which is answered like this; it ends; how it
    /// ended is recorded
    Lane { to: String, answer: Answer },
    /// What a provider was sent and did not answer in time reaches it
    Arrive,
    /// The next part of a sweep
    Sweep,
    /// A team edits its rules
    Edit { team: usize, edit: Edit },
    /// Time passes
    Wait(Duration),
    /// Somebody sets the clock
    Jump(SignedDuration),
    /// From now on, what is written to a table is refused as on a full disk
    Fail(Table),
    /// There is room on the disk again
    Heal,
    /// The process ends, with all that it has in memory, and is started again
    Crash,
    /// A process that could not be started is started again
    Start,
}

/// How a provider answers to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It takes the message
    Takes,
    /// It takes the message, as the first one of a new conversation
    TakesAnew,
    /// It takes the message and says that it failed
    Lies,
    /// It takes the message, and the connection ends before the answer
    DropsAfter,
    /// The connection ends before the message
    DropsBefore,
    /// It takes the message, and says nothing until the deadline
    HangsAfter,
    /// It says nothing until the deadline
    Hangs,
    /// It says nothing until the deadline, and takes the message later
    TakesLate,
    /// It asks to be left alone for so long
    Rests(Duration),
    /// It takes the message, says that it failed and asks to be left alone
    LiesAndRests(Duration),
    /// It will never take this message
    Refuses,
    /// It knows no such address
    NoMailbox,
}

/// A change of a team's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// As it was at first
    Back,
    /// Everything settles for longer
    Slower,
    /// Without the last of its rules
    Fewer,
    /// The file is broken: the last good version stays in force
    Broken,
}

/// Where writing can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Delivery,
    Ledger,
    Send,
}

impl Table {
    pub const ALL: [Self; 3] = [Self::Delivery, Self::Ledger, Self::Send];

    pub fn name(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Ledger => "ledger",
            Self::Send => "send",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deliver { delivery, lost: false } => write!(f, "deliver {delivery}"),
            Self::Deliver { delivery, lost: true } => write!(f, "deliver {delivery}, and lose the answer"),
            Self::Postpone { delivery, by } => write!(f, "postpone {delivery} by {by:?}"),
            Self::Lane { to, answer } => write!(f, "{to}: {answer:?}"),
            Self::Edit { team, edit } => write!(f, "edit the rules of team {team}: {edit:?}"),
            Self::Wait(time) => write!(f, "wait {time:?}"),
            Self::Jump(by) => write!(f, "set the clock by {by:#}"),
            Self::Fail(table) => write!(f, "fail to write to {}", table.name()),
            other => write!(f, "{}", format!("{other:?}").to_lowercase()),
        }
    }
}
