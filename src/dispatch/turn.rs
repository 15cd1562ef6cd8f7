//! A destination's turn: what was claimed for it, tried in order.
//!
//! Nothing waits here, and nothing is sent: what happened, and when, is told from outside. So a simulation can have its own
//! clock and its own providers.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{LONGEST_REST, behind_doubt, bounce, outcome_of};
use crate::channel::Outcome;
use crate::store::{Attempt, AttemptOutcome, Claimed, Lane, SendOutcome, Tried};

/// A lane under way.
pub struct Turn {
    lane: Lane,
    /// How many sends have ended
    ended: usize,
    /// Something failed: the destination gets a rest, at least this long
    trouble: Option<Duration>,
}

impl Turn {
    /// Begins with the first send.
    #[must_use]
    pub fn new(lane: Lane) -> Self {
        Self { lane, ended: 0, trouble: None }
    }

    /// What was claimed, where it goes.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// The send that is next.
    #[must_use]
    pub fn send(&self) -> Option<&Claimed> {
        self.lane.sends().get(self.ended)
    }

    /// Whether the send that is next waited behind others of its lane.
    #[must_use]
    pub fn has_waited(&self) -> bool {
        self.ended > 0
    }

    /// How a send ends without being tried: after trouble it waits for its turn again, and an address that doesn't exist is
    /// left alone.
    #[must_use]
    pub fn untried(&self, send: &Claimed, now: Timestamp) -> Option<SendOutcome> {
        if self.trouble.is_some() {
            return Some(SendOutcome::Unclaimed);
        }
        let error = bounce::suppressed(send.refusals.as_ref()?, now)?;
        tracing::warn!(
            update = send.update,
            team = send.rule.team,
            "did not try to send: the address has refused mail for a while"
        );
        Some(SendOutcome::Failed { error: behind_doubt(send, error), doubtful: send.doubtful })
    }

    /// Notes that an attempt begins.
    pub fn begins(&self, now: Instant) {
        self.lane.begins(now);
    }

    /// Goes on to the next send, now that it is on disk how this one ended. `asked` is how long the other end asks to be left
    /// alone.
    pub fn go_on(&mut self, outcome: &SendOutcome, asked: Option<Duration>) {
        if matches!(outcome, SendOutcome::Again { .. }) {
            self.trouble = Some(asked.unwrap_or_default().min(LONGEST_REST));
        }
        self.ended += 1;
    }

    /// Ends the turn: others may claim for the destination again, after the rest that it gets.
    pub fn end(self, now: Instant) {
        self.lane.ended(self.trouble, now);
    }
}

/// What follows from an attempt that `began` and `ended` then, and how long the other end asks to be left alone; `random` is in
/// 0..1.
#[must_use]
pub fn ended(
    send: &Claimed,
    outcome: Outcome,
    (began, ended): (Timestamp, Timestamp),
    random: f64,
) -> (Tried, Option<Duration>) {
    let asked = outcome.retry_after();
    let attempt = Attempt { began, ended, outcome: named(&outcome), error: outcome.error().map(str::to_owned) };
    (Tried { outcome: outcome_of(send, outcome, ended, random), attempt: Some(attempt) }, asked)
}

/// An outcome as the store has it.
fn named(outcome: &Outcome) -> AttemptOutcome {
    match outcome {
        Outcome::Sent { .. } => AttemptOutcome::Sent,
        Outcome::Transient { .. } => AttemptOutcome::Transient,
        Outcome::Permanent { .. } | Outcome::NoMailbox { .. } => AttemptOutcome::Permanent,
        Outcome::Ambiguous { .. } => AttemptOutcome::Ambiguous,
    }
}
