//! Deletes what is old from the store, in quiet moments.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::store::{Keep, Store, StoreError, Sweep};

/// From the end of a sweep to the next one, and how long one waits that was interrupted.
const REST: Duration = Duration::from_secs(60);
/// Between two writes, for whoever else wants to write.
const PAUSE: Duration = Duration::from_millis(250);

/// Runs until `stop` turns true.
pub(super) async fn run(store: Store, keep: Keep, mut stop: watch::Receiver<bool>) {
    // A sweep that is interrupted goes on where it was.
    let mut sweep = Sweep::default();
    loop {
        let rest;
        (sweep, rest) = step(&store, sweep.clone(), keep).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to delete what is old, will retry");
            (sweep, REST)
        });
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Does the next part of a sweep, unless deliveries wait. Says how far the sweep has come, and when to go on.
async fn step(store: &Store, sweep: Sweep, keep: Keep) -> Result<(Sweep, Duration), StoreError> {
    if store.backlog().await? > 0 {
        return Ok((sweep, REST));
    }
    let next = store.write(move |tx| tx.sweep(&sweep, &keep, Timestamp::now())).await?;
    Ok(next.map_or_else(|| (Sweep::default(), REST), |next| (next, PAUSE)))
}
