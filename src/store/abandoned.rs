//! Claims that nobody works on any more: their process died, or lost its place among the replicas.

use std::time::Duration;

use jiff::Timestamp;

use super::row::{Millis, named_params};
use super::{StoreError, Tx};

/// Whose claims are released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// All of them: no other process has any
    All,
    /// Those to destinations that no replica sends to
    Nobody,
    /// A replica's
    Replica(i64),
}

impl Whose {
    /// Which sends these are, as a part of a statement.
    pub(super) fn of(self) -> String {
        match self {
            Self::All => String::new(),
            Self::Nobody => {
                " AND destination NOT IN (SELECT l.destination FROM lane l JOIN replica r ON r.id = l.replica)"
                    .to_owned()
            }
            Self::Replica(id) => format!(" AND destination IN (SELECT destination FROM lane WHERE replica = {id})"),
        }
    }
}

/// What is noted, followed by the attempt's number, of a send that was under way when the process died.
const STOPPED: &str = "ambiguous: the service stopped during attempt ";

impl Tx<'_> {
    /// At start: what was under way when the process died may or may not have arrived. What is claimed together for a
    /// destination, and so has the same `next_at`, is tried in order, each once the one before it has ended: so that is the
    /// first of those that are left, and the others were not tried. The states are named as the index has them, so that it is
    /// used.
    pub(super) fn release_claims(&self, whose: Whose, now: Timestamp) -> Result<(), StoreError> {
        self.note_stopped_attempts(whose, now)?;
        let of = whose.of();
        let release = format!(
            "UPDATE send SET state = 'queued', next_at = :now, fence = fence + 1,
                    attempts = iif(id = tried, attempts, attempts - 1),
                    doubtful = iif(id = tried, 1, doubtful), error = iif(id = tried, :stopped || attempts, error)
             FROM (SELECT destination AS place, next_at AS lease, min(id) AS tried FROM send
                   WHERE state = 'sending' AND state IN ('queued', 'sending'){of} GROUP BY destination, next_at) AS claim
             WHERE destination = place AND next_at = lease AND state = 'sending' AND state IN ('queued', 'sending')"
        );
        self.put(&release, named_params! { ":now": Millis(now), ":stopped": STOPPED })?;
        let taken_back =
            "SELECT id FROM send WHERE taken_back = 1 AND state = 'queued' AND state IN ('queued', 'sending')";
        for send in self.rows(taken_back, [], |row| row.get("id"))? {
            self.recall_if_taken_back(send, now)?;
        }
        if matches!(whose, Whose::Replica(_)) {
            return Ok(());
        }
        // A rest that is longer than ours is one that the other end asked for, or comes from a clock that was wrong.
        self.wait_at_most(Duration::from_secs(3600), now)
    }

    /// Nothing waits longer than that for its next attempt.
    fn wait_at_most(&self, time: Duration, now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "UPDATE send SET next_at = :latest
             WHERE state = 'queued' AND state IN ('queued', 'sending') AND next_at > :latest",
            named_params! { ":latest": Millis(now + time) },
        )
    }
}
