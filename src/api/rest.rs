//! Pauses requests to an API after a rate limit or a failure.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When the pause ends.
#[derive(Debug, Default)]
pub struct Rest(Mutex<Option<Instant>>);

impl Rest {
    /// How long the pause still lasts; `None` if there is none.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// Begins a pause.
    pub fn begin(&self, wait: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + wait);
    }
}
