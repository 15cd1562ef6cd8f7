//! Up to where rows with rising numbers are all there, on PostgreSQL.
//!
//! Several connections write them, so one with a smaller number may be committed after one with a larger number: whoever had read
//! up to the larger one would never see it. So what was seen counts only once all that was under way at that time has ended.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::feed::Changes;
use super::{StoreError, Tx};

/// Nothing of ours is under way for longer. Others on the server may be.
const LONGEST: Duration = Duration::from_secs(5);

/// What was seen, and when that counts.
#[derive(Default)]
pub(super) struct Settled(Mutex<State>);

#[derive(Default)]
struct State {
    settled: Option<Changes>,
    /// What was seen since, the oldest first
    seen: VecDeque<Seen>,
}

struct Seen {
    until: Changes,
    /// The first transaction that began later
    next: i64,
    at: Instant,
}

/// Which transactions had ended when something was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot {
    /// The first that had not
    first: i64,
    /// The first that had not begun
    next: i64,
}

impl Settled {
    /// Takes in what was seen `now`. Returns what counts of it by now.
    pub(super) fn see(&self, until: Changes, snapshot: Snapshot, now: Instant) -> Changes {
        let State { settled, seen } = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.back().is_none_or(|last| last.until != until) {
            seen.push_back(Seen { until, next: snapshot.next, at: now });
        }
        let has_ended = |seen: &Seen| seen.next <= snapshot.first || now.duration_since(seen.at) > LONGEST;
        while let Some(ended) = seen.pop_front_if(|first| has_ended(first)) {
            *settled = Some(ended.until);
        }
        // Whoever reads for the first time begins here.
        *settled.get_or_insert(until)
    }
}

impl Tx<'_> {
    /// Which transactions have ended; `None` where there is one after another.
    pub(super) fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        if self.is_sqlite() {
            return Ok(None);
        }
        let sql =
            "SELECT pg_snapshot_xmin(now.at)::text::bigint AS first, pg_snapshot_xmax(now.at)::text::bigint AS next
                   FROM (SELECT pg_current_snapshot() AS at) now";
        self.row(sql, [], |row| Ok(Snapshot { first: row.get("first")?, next: row.get("next")? }))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_was_seen_counts_once_all_that_was_under_way_has_ended() {
        let (settled, now) = (Settled::default(), Instant::now());
        let see = |until: &str, first: i64, next: i64, seconds: u64| {
            let now = now + Duration::from_secs(seconds);
            settled.see(until.parse().unwrap(), Snapshot { first, next }, now).to_string()
        };
        assert_eq!(see("1.0.0", 10, 10, 0), "1.0.0", "nothing is under way");
        // 11 has the numbers 2 and 3, and 12 number 4, which is there first.
        assert_eq!(see("4.0.0", 11, 13, 0), "1.0.0");
        assert_eq!(see("5.0.0", 11, 14, 1), "1.0.0", "11 is still under way");
        assert_eq!(see("5.0.0", 14, 14, 2), "5.0.0");
        assert_eq!(see("6.0.0", 14, 20, 3), "5.0.0");
        assert_eq!(see("6.0.0", 14, 30, 9), "6.0.0", "whatever is under way for so long isn't ours");
    }
}
