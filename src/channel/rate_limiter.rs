//! How often each service is asked: with a minimum interval between two requests, and not at all for as long as it asks us
//! to wait.
//!
//! This is hand-written because a general rate limiter would need more code around it. `governor` has one quota for all keys,
//! while each call here brings its own interval; it doesn't let callers through in the order in which they came; it has no
//! pause on the other end's request; and its clock doesn't stop with tokio's in tests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A caller waits at most this long for a pause to end; before a longer one it gives up. The interval is always waited for,
/// since it is short.
const PATIENCE: Duration = Duration::from_secs(5);
/// If there are more lanes than this, those that limit nothing any more are forgotten.
const MANY: usize = 1024;

/// When each lane may be used next. A lane is what counts against one limit of a service.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    lanes: Mutex<HashMap<String, Lane>>,
    /// How many other processes use the same lanes
    others: AtomicU32,
}

#[derive(Debug, Clone, Copy)]
struct Lane {
    /// When the next caller may go, by the interval
    next: Instant,
    /// When the pause ends that the service asked for
    paused_until: Instant,
}

impl RateLimiter {
    /// So many processes use the same lanes: each waits for so many intervals, so that together they keep to one.
    pub(super) fn share(&self, among: u32) {
        self.others.store(among.saturating_sub(1), Ordering::Relaxed);
    }

    /// Waits until a lane is free. The next caller has to wait for `interval` from then on.
    ///
    /// # Errors
    /// How long the lane is paused, if that is too long to wait for.
    pub(super) async fn until_ready(&self, lane: &str, interval: Duration) -> Result<(), Duration> {
        let now = Instant::now();
        let ready = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            if lanes.len() > MANY {
                lanes.retain(|_, lane| lane.next > now || lane.paused_until > now);
            }
            let lane = lanes.entry(lane.to_owned()).or_insert(Lane { next: now, paused_until: now });
            if lane.paused_until > now + PATIENCE {
                return Err(lane.paused_until - now);
            }
            let ready = now.max(lane.next).max(lane.paused_until);
            lane.next = ready + interval * (self.others.load(Ordering::Relaxed) + 1);
            ready
        };
        sleep_until(ready).await;
        Ok(())
    }

    /// Pauses a lane, because the service asks for it. A longer pause that is under way stays.
    pub(super) fn pause(&self, lane: &str, time: Duration) {
        let now = Instant::now();
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(lane.to_owned()).or_insert(Lane { next: now, paused_until: now });
        lane.paused_until = lane.paused_until.max(now + time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn callers_are_an_interval_apart_and_lanes_are_separate() {
        let (limiter, began) = (RateLimiter::default(), Instant::now());
        for at in 0..3 {
            assert_eq!(limiter.until_ready("a", SECOND).await, Ok(()));
            assert_eq!(began.elapsed(), SECOND * at);
        }
        assert_eq!(limiter.until_ready("b", SECOND).await, Ok(()));
        assert_eq!(began.elapsed(), SECOND * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn several_processes_keep_to_one_interval_together() {
        let (limiter, began) = (RateLimiter::default(), Instant::now());
        limiter.share(3);
        for at in 0..3 {
            assert_eq!(limiter.until_ready("a", SECOND).await, Ok(()));
            assert_eq!(began.elapsed(), SECOND * 3 * at);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_is_not_waited_for() {
        let (limiter, began) = (RateLimiter::default(), Instant::now());
        limiter.pause("a", SECOND * 30);
        limiter.pause("a", SECOND * 3);
        assert_eq!(limiter.until_ready("a", SECOND).await, Err(SECOND * 30));
        assert_eq!(began.elapsed(), Duration::ZERO);
        limiter.pause("b", SECOND * 3);
        assert_eq!(limiter.until_ready("b", SECOND).await, Ok(()));
        assert_eq!(began.elapsed(), SECOND * 3);
    }
}
