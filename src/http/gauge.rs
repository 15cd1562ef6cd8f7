//! Asks the store what waits, when somebody reads the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::metrics::Metrics;
use crate::store::Store;

/// Whoever reads the metrics waits so long for new numbers. With a million messages that wait, counting takes longer: then the
/// reader gets the numbers of the time before.
const WITHIN: Duration = Duration::from_millis(8);

/// Counts once at a time.
#[derive(Default)]
pub struct Gauge {
    counting: Arc<AtomicBool>,
}

impl Gauge {
    /// Sets what the store holds, if that is known in time, and else as soon as it is.
    pub(super) async fn read(&self, store: &Store, metrics: &Arc<Metrics>) {
        metrics.replicas(store);
        if self.counting.swap(true, Ordering::AcqRel) {
            return;
        }
        let (store, metrics, counting) = (store.clone(), Arc::clone(metrics), Arc::clone(&self.counting));
        let count = tokio::spawn(async move {
            match store.load().await {
                Ok(load) => metrics.load(&load, Timestamp::now()),
                // The other metrics are still useful.
                Err(error) => tracing::error!(%error, "failed to count what waits"),
            }
            counting.store(false, Ordering::Release);
        });
        // Whoever comes too early has what was known before.
        drop(tokio::time::timeout(WITHIN, count).await);
    }
}
