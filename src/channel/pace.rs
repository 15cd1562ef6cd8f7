//! Rates: so long between two requests that count against the same limit, and a rest when the other end asks for one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Who is asked to rest for longer than this comes back later. One's own turn is waited for: it is never far off.
const PATIENCE: Duration = Duration::from_secs(5);
/// With so many lanes known, those whose time is over are forgotten.
const MANY: usize = 1024;

/// When each lane may ask next.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    lanes: Mutex<HashMap<String, Lane>>,
}

#[derive(Debug, Clone, Copy)]
struct Lane {
    /// Whose turn comes next has it then
    turn: Instant,
    /// Until then the other end wants to hear nothing
    rest: Instant,
}

impl Pacer {
    /// Waits for a lane's turn; the one after it comes a `gap` later.
    ///
    /// # Errors
    /// How long it is until then, if that is too long to wait for.
    pub(super) async fn turn(&self, lane: &str, gap: Duration) -> Result<(), Duration> {
        let now = Instant::now();
        let turn = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            if lanes.len() > MANY {
                lanes.retain(|_, lane| lane.turn > now || lane.rest > now);
            }
            let lane = lanes.entry(lane.to_owned()).or_insert(Lane { turn: now, rest: now });
            if lane.rest > now + PATIENCE {
                return Err(lane.rest - now);
            }
            let turn = now.max(lane.turn).max(lane.rest);
            lane.turn = turn + gap;
            turn
        };
        sleep_until(turn).await;
        Ok(())
    }

    /// Leaves a lane alone for so long.
    pub(super) fn rest(&self, lane: &str, rest: Duration) {
        let now = Instant::now();
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(lane.to_owned()).or_insert(Lane { turn: now, rest: now });
        lane.rest = lane.rest.max(now + rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn turns_are_a_gap_apart_and_lanes_apart() {
        let (pacer, began) = (Pacer::default(), Instant::now());
        for at in 0..3 {
            assert_eq!(pacer.turn("a", SECOND).await, Ok(()));
            assert_eq!(began.elapsed(), SECOND * at);
        }
        assert_eq!(pacer.turn("b", SECOND).await, Ok(()));
        assert_eq!(began.elapsed(), SECOND * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_rest_is_not_waited_for() {
        let (pacer, began) = (Pacer::default(), Instant::now());
        pacer.rest("a", SECOND * 30);
        pacer.rest("a", SECOND * 3);
        assert_eq!(pacer.turn("a", SECOND).await, Err(SECOND * 30));
        assert_eq!(began.elapsed(), Duration::ZERO);
        pacer.rest("b", SECOND * 3);
        assert_eq!(pacer.turn("b", SECOND).await, Ok(()));
        assert_eq!(began.elapsed(), SECOND * 3);
    }
}
