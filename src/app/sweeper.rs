//! Deletes what is old from the store, in quiet moments.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::store::{Keep, Store, StoreError, Sweep};

/// From the end of a sweep to the next one, and how long one waits that was interrupted.
const REST: Duration = Duration::from_secs(60);
/// From one look at all subjects to the next: whether one is old changes by the day.
const SUBJECTS: Duration = Duration::from_secs(3600);
/// Between two parts, for whoever else wants to write.
const PAUSE: Duration = Duration::from_millis(250);

/// Deletes what is old.
pub(super) struct Sweeper {
    store: Store,
    keep: Keep,
    /// How far it has come
    sweep: Sweep,
    /// When it last began to look at all subjects
    subjects: Option<Instant>,
}

impl Sweeper {
    pub(super) fn new(store: Store, keep: Keep) -> Self {
        Self { store, keep, sweep: Sweep::default(), subjects: None }
    }

    /// Runs until `stop` turns true.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let rest = self.step().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "failed to delete what is old, will retry");
                REST
            });
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Does the next part of a sweep, unless deliveries wait. Says when to go on.
    async fn step(&mut self) -> Result<Duration, StoreError> {
        if self.store.backlog().await? > 0 {
            return Ok(REST);
        }
        let next = self.store.sweep(self.sweep.clone(), self.keep, Timestamp::now()).await?;
        let next = next.filter(|next| *next != Sweep::all_subjects() || self.is_time_for_subjects());
        let rest = if next.is_some() { PAUSE } else { REST };
        self.sweep = next.unwrap_or_default();
        Ok(rest)
    }

    fn is_time_for_subjects(&mut self) -> bool {
        let is_time = self.subjects.is_none_or(|last| last.elapsed() > SUBJECTS);
        if is_time {
            self.subjects = Some(Instant::now());
        }
        is_time
    }
}
