//! What came of each rule in the last 30 days. A day of the ledger is counted at a time, in the background; days on which nothing
//! waits any more stay as they were counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::store::{EntryState, RuleCount, Store, StoreError};

/// How many days count, with today.
pub(super) const DAYS: i64 = 30;
/// Numbers that are older are counted again when somebody looks.
const FRESH: SignedDuration = SignedDuration::from_secs(10);
/// So long the first look waits for them.
const PATIENCE: Duration = Duration::from_millis(40);
const DAY: i64 = 24 * 60 * 60;

/// What came of the updates of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Numbers {
    /// They were told
    pub told: u64,
    /// They wait
    pub held: u64,
    /// A later one replaced them
    pub superseded: u64,
    /// They could not be delivered
    pub failed: u64,
    /// They were not sent, by the reason's code
    pub suppressed: BTreeMap<&'static str, u64>,
}

impl Numbers {
    /// Whether the rule never led to an update.
    pub(super) fn never_fired(&self) -> bool {
        self.told + self.held + self.superseded + self.failed == 0
    }

    fn add(&mut self, tally: &RuleCount) {
        match tally.state {
            EntryState::Sent => self.told += tally.count,
            EntryState::Held => self.held += tally.count,
            EntryState::Superseded => self.superseded += tally.count,
            EntryState::Failed => self.failed += tally.count,
            EntryState::Suppressed | EntryState::Ignored => {
                *self.suppressed.entry(tally.code.as_str()).or_default() += tally.count;
            }
        }
    }
}

/// The numbers of all rules, by team and name.
#[derive(Debug, Default)]
pub(super) struct Counted {
    at: Timestamp,
    rules: BTreeMap<(String, String), Numbers>,
}

impl Counted {
    /// Those of a rule.
    pub(super) fn of(&self, team: &str, rule: &str) -> Numbers {
        self.rules.get(&(team.to_owned(), rule.to_owned())).cloned().unwrap_or_default()
    }

    /// Those of a team's rules together.
    pub(super) fn of_team(&self, team: &str) -> (u64, u64) {
        let own = self.rules.iter().filter(|((of, _), _)| of == team);
        own.fold((0, 0), |(told, held), (_, numbers)| (told + numbers.told, held + numbers.held))
    }
}

/// A day, with whether it may still change.
struct Day {
    open: bool,
    tallies: Vec<RuleCount>,
}

impl Day {
    /// What failed can be sent again by hand, and what waits will end.
    fn new(tallies: Vec<RuleCount>, is_today: bool) -> Self {
        let changes = |tally: &RuleCount| matches!(tally.state, EntryState::Held | EntryState::Failed);
        Self { open: is_today || tallies.iter().any(changes), tallies }
    }
}

/// Counts, and keeps what was counted.
#[derive(Default)]
pub(super) struct Counter {
    latest: Arc<Mutex<Option<Arc<Counted>>>>,
    /// Locked while somebody counts
    days: Arc<tokio::sync::Mutex<BTreeMap<i64, Day>>>,
}

impl Counter {
    /// The latest numbers, which are counted anew in the background if they aren't fresh. `None` if the first ones take longer
    /// than a visitor should wait.
    pub(super) async fn look(&self, store: &Store, now: Timestamp) -> Option<Arc<Counted>> {
        let known = self.latest();
        let fresh = known.as_ref().is_some_and(|known| now.duration_since(known.at) < FRESH);
        let Ok(days) = Arc::clone(&self.days).try_lock_owned() else { return known };
        if fresh {
            return known;
        }
        let (latest, store) = (Arc::clone(&self.latest), store.clone());
        let counting = tokio::spawn(async move {
            let mut days = days;
            match count(&store, &mut days, now).await {
                Ok(counted) => *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(counted)),
                Err(error) => tracing::error!(%error, "failed to count what came of rules"),
            }
        });
        if known.is_none() {
            // In all cases, what is there by then is shown.
            let (Ok(_) | Err(_)) = tokio::time::timeout(PATIENCE, counting).await;
        }
        self.latest()
    }

    fn latest(&self) -> Option<Arc<Counted>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn count(store: &Store, days: &mut BTreeMap<i64, Day>, now: Timestamp) -> Result<Counted, StoreError> {
    let today = now.as_second().div_euclid(DAY);
    for day in uncounted(days, today) {
        let tallies = store.count_by_rule(at(day)..at(day + 1)).await?;
        days.insert(day, Day::new(tallies, day == today));
    }
    Ok(Counted { at: now, rules: sums(days) })
}

/// The days to count, after those that are too old were dropped.
fn uncounted(days: &mut BTreeMap<i64, Day>, today: i64) -> Vec<i64> {
    let first = today - DAYS + 1;
    days.retain(|day, _| *day >= first);
    (first..=today).filter(|day| days.get(day).is_none_or(|day| day.open)).collect()
}

fn sums(days: &BTreeMap<i64, Day>) -> BTreeMap<(String, String), Numbers> {
    let mut rules = BTreeMap::<_, Numbers>::new();
    for tally in days.values().flat_map(|day| &day.tallies) {
        rules.entry((tally.team.clone(), tally.rule.clone())).or_default().add(tally);
    }
    rules
}

fn at(day: i64) -> Timestamp {
    // A day of this calendar is a time that can be written.
    Timestamp::from_second(day * DAY).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Code;

    fn tally(state: EntryState, code: Code, count: u64) -> RuleCount {
        RuleCount { team: "web".to_owned(), rule: "all".to_owned(), state, code, count }
    }

    #[test]
    fn a_day_on_which_nothing_waits_is_counted_once() {
        let mut days = BTreeMap::new();
        assert_eq!(uncounted(&mut days, 100), (71..=100).collect::<Vec<_>>());
        for day in 71..=100 {
            let tallies = match day {
                80 => vec![tally(EntryState::Held, Code::Sent, 1)],
                90 => vec![tally(EntryState::Failed, Code::Sent, 2)],
                95 => vec![tally(EntryState::Suppressed, Code::OwnDoing, 3)],
                _ => vec![tally(EntryState::Sent, Code::Sent, 1)],
            };
            days.insert(day, Day::new(tallies, day == 100));
        }
        assert_eq!(uncounted(&mut days, 100), [80, 90, 100]);
        let numbers = sums(&days).remove(&("web".to_owned(), "all".to_owned())).unwrap_or_default();
        assert_eq!((numbers.told, numbers.held, numbers.failed, numbers.suppressed["own_doing"]), (27, 1, 2, 3));
        assert_eq!(uncounted(&mut days, 101), [80, 90, 100, 101], "the next day, the oldest is dropped");
        assert_eq!(days.len(), 29);
        assert!(!numbers.never_fired() && Numbers::default().never_fired());
    }
}
