//! Counts the days of the ledger in the background, so that pages about many of them needn't read it.
//!
//! Today is counted again and again. So is one earlier day at a time, the one that was counted longest ago: what was held has
//! been sent since, and what a person has removed is gone.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio::sync::watch;

use super::map::{Gathered, Period, gather};
use crate::compose::Rulebook;
use crate::store::{Store, StoreError, Tally};

/// It rests so many times as long as it counted, so that it takes no more than a fiftieth of a core.
const SHARE: u32 = 50;
/// How long it rests at least, and at most.
const REST: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(600));
/// After trouble with the store.
const TROUBLE: Duration = Duration::from_secs(60);
/// Days before these are on no page.
const DAYS: i64 = 90;

/// What was counted.
#[derive(Default)]
pub(super) struct Tallies {
    shown: RwLock<Arc<Shown>>,
}

/// What pages show of it.
#[derive(Default)]
pub(super) struct Shown {
    /// By period; empty until the first days were counted
    pub(super) maps: BTreeMap<Period, Gathered>,
    /// Whether earlier days are still to be counted
    pub(super) more: bool,
}

/// A day that was counted.
struct Counted {
    tally: Arc<Tally>,
    at: Instant,
}

impl Tallies {
    /// What was counted up to now.
    pub(super) fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts until `stop` turns true.
    pub(super) async fn run(
        &self,
        store: &Store,
        rulebook: &watch::Receiver<Arc<Rulebook>>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut days = BTreeMap::new();
        while !*stop.borrow() {
            let began = Instant::now();
            let rest = match self.count(store, rulebook, &mut days).await {
                // The pages wait for it.
                Ok(true) => Duration::ZERO,
                Ok(false) => (began.elapsed() * SHARE).clamp(REST.0, REST.1),
                Err(error) => {
                    tracing::error!(%error, "cannot count what happened, will retry");
                    TROUBLE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Counts today, and the day that needs it most. Says whether there are days that were never counted.
    async fn count(
        &self,
        store: &Store,
        rulebook: &watch::Receiver<Arc<Rulebook>>,
        days: &mut BTreeMap<Date, Counted>,
    ) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let oldest = store.oldest_line().await?.unwrap_or(now).to_zoned(TimeZone::UTC).date();
        let first = oldest.max(today.saturating_sub(DAYS.days()));
        days.retain(|day, _| (first..=today).contains(day));
        let before = first.series(1.day()).take_while(|day| *day < today).collect::<Vec<_>>();
        // The newest of those that were never counted, else the one that was longest ago.
        let next = before.iter().rev().min_by_key(|day| days.get(*day).map(|counted| counted.at)).copied();
        let new = next.is_some_and(|next| !days.contains_key(&next));
        for day in next.into_iter().chain(Some(today).filter(|today| !new || !days.contains_key(today))) {
            let tally = Arc::new(store.tally(begin(day), begin(day.saturating_add(1.day()))).await?);
            days.insert(day, Counted { tally, at: Instant::now() });
        }
        let more = before.iter().any(|day| !days.contains_key(day));
        let counted = days.iter().map(|(day, counted)| (begin(*day), Arc::clone(&counted.tally))).collect::<Vec<_>>();
        // While days are missing, there is no need to draw what each of them changes.
        if !more || counted.len() % 10 == 1 {
            let rulebook = Arc::clone(&rulebook.borrow());
            let maps = tokio::task::spawn_blocking(move || maps(&counted, &rulebook, (today, now)));
            let maps = maps.await.map_err(StoreError::Stopped)?;
            *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Shown { maps, more });
        }
        Ok(more)
    }
}

fn maps(
    counted: &[(Timestamp, Arc<Tally>)],
    rulebook: &Rulebook,
    (today, now): (Date, Timestamp),
) -> BTreeMap<Period, Gathered> {
    let of = |period: Period| {
        let since = begin(today.saturating_sub((period.days() - 1).days()));
        (period, gather(counted, since, rulebook.rules().teams(), now))
    };
    Period::ALL.into_iter().map(of).collect()
}

/// When a day begins.
fn begin(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |midnight| midnight.timestamp())
}
