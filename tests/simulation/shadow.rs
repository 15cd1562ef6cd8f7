//! What must have come of a run so far, as the simulation knows it, and not as the service believes.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use microalign::store::{Claimed, SendOutcome};

use super::play::Clock;

/// After a failure a send is not tried again for so long, whatever was asked.
const SHORTEST_REST: Duration = Duration::from_secs(4);
/// No provider can ask for more.
const LONGEST_REST: Duration = Duration::from_secs(24 * 3600);
/// A send is given up once it was tried for so long, and so often.
const PATIENCE: (Duration, i64) = (Duration::from_secs(3 * 86_400), 12);
/// A start leaves no longer rest than this.
const REST_AFTER_START: Duration = Duration::from_secs(3600);
/// So many refusals in a row, the last so long after the first, and the address is left alone for so long.
const REFUSALS: (u32, Duration, Duration) = (3, Duration::from_secs(86_400), Duration::from_secs(30 * 86_400));

/// What the simulation knows.
#[derive(Default)]
pub struct Shadow {
    /// The deliveries that were answered with 202, by their indices
    pub acknowledged: BTreeSet<usize>,
    /// The sends that may have arrived in an attempt of which nobody knows how it ended
    pub doubts: BTreeSet<i64>,
    /// How each address refuses mail
    pub refusals: HashMap<String, Refusals>,
    /// Until when a send may not be tried again: by the clock that people set, and by the one that nobody can
    rests: HashMap<i64, (Timestamp, Duration)>,
    /// When a send was first tried
    first: HashMap<i64, Duration>,
}

/// Refusals in a row.
#[derive(Debug, Clone, Copy)]
pub struct Refusals {
    count: u32,
    since: Timestamp,
    last: Timestamp,
}

impl Refusals {
    fn bar(self, now: Timestamp) -> bool {
        let (count, span, rest) = REFUSALS;
        self.count >= count && self.last >= self.since + span && now < self.last + rest
    }
}

impl Shadow {
    /// What is wrong with an attempt that begins now, of a send that was claimed then.
    pub fn attempt(
        &mut self,
        send: &Claimed,
        (claimed, refusals): (Timestamp, Option<Refusals>),
        clock: &Clock,
    ) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Some((wall, steady)) = self.rests.remove(&send.id)
            && claimed < wall
            && clock.steady < steady
        {
            wrong.push(("too soon", format!("send {} is tried before {wall}", send.id)));
        }
        self.first.entry(send.id).or_insert(clock.steady);
        if refusals.is_some_and(|refusals| refusals.bar(clock.wall)) {
            wrong.push((
                "refused",
                format!("send {} is tried at {}, which refuses all mail", send.id, send.destination),
            ));
        }
        wrong
    }

    /// An attempt ended: it is made again after a rest.
    pub fn ended(
        &mut self,
        send: &Claimed,
        (outcome, asked): (&SendOutcome, Option<Duration>),
        clock: &Clock,
    ) -> Option<(&'static str, String)> {
        let SendOutcome::Again { .. } = outcome else { return None };
        let rest = asked.unwrap_or_default().clamp(SHORTEST_REST, LONGEST_REST);
        self.rests.insert(send.id, (clock.wall + rest, clock.steady + rest));
        let tried = clock.steady.saturating_sub(self.first[&send.id]);
        let (patience, attempts) = PATIENCE;
        let is_old = tried > patience && clock.wall > send.created + patience && send.attempt >= attempts;
        is_old.then(|| ("too old", format!("send {} was tried for {tried:?}, and is tried again", send.id)))
    }

    /// The process ended before it was written down how the attempt ended: it may have arrived, and may be tried at once.
    pub fn forgotten(&mut self, send: i64) {
        self.doubts.insert(send);
        self.rests.remove(&send);
    }

    /// The process started anew.
    pub fn restarted(&mut self, clock: &Clock) {
        for (wall, steady) in self.rests.values_mut() {
            *wall = (*wall).min(clock.wall + REST_AFTER_START);
            *steady = (*steady).min(clock.steady + REST_AFTER_START);
        }
    }

    /// What waits for a time may go sooner, since the clock was set back.
    pub fn clock_set_back(&mut self) {
        self.rests.clear();
    }

    /// How an attempt ended is on disk.
    pub fn recorded(&mut self, send: &Claimed, outcome: &SendOutcome, clock: &Clock) {
        let to = send.destination.to_string();
        match outcome {
            SendOutcome::Sent { .. } => drop(self.refusals.remove(&to)),
            SendOutcome::Refused { .. } => {
                let new = Refusals { count: 0, since: clock.wall, last: clock.wall };
                let refusals = self.refusals.entry(to).or_insert(new);
                refusals.count += 1;
                refusals.last = clock.wall;
            }
            SendOutcome::Again { .. } | SendOutcome::Unclaimed | SendOutcome::Failed { .. } => {}
        }
    }
}
