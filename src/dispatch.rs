//! Claim, send, settle.
//!
//! One lane a destination: a slow or dead one delays no other, and order within a thread is kept. A lease, never a
//! transaction, spans a send. Retries are rows with a time, so they survive a restart.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use crate::channel::{Channels, Outcome, Post};
use crate::destination::Destination;
use crate::metrics::Metrics;
use crate::store::{Claimed, Root, Settled, Store, StoreError};

/// How many lanes may send at once.
const LANES: usize = 64;
/// The dispatcher is told of new sends; it also looks by itself, for retries and for what another process queued.
const LOOK: Duration = Duration::from_secs(1);
/// Mail servers may be away for days (RFC 5321 §4.5.4.1 asks for four to five); after this an update is no news.
const PATIENCE: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// Sends what is queued, to wherever it goes.
#[derive(Clone)]
pub struct Dispatcher {
    store: Store,
    channels: Arc<Channels>,
    metrics: Arc<Metrics>,
    lanes: Arc<Semaphore>,
}

impl Dispatcher {
    /// A dispatcher over a store.
    #[must_use]
    pub fn new(store: Store, channels: Arc<Channels>, metrics: Arc<Metrics>) -> Self {
        Self { store, channels, metrics, lanes: Arc::new(Semaphore::new(LANES)) }
    }

    /// Runs until `stop` turns true; what is under way then is finished first.
    ///
    /// `wake` is notified when there is something new to send.
    pub async fn run(self, wake: Arc<Notify>, mut stop: watch::Receiver<bool>) {
        let (mut running, mut missed) = (HashSet::new(), HashSet::new());
        let mut paused: HashMap<Destination, Pause> = HashMap::new();
        let mut lanes: JoinSet<(Destination, Lane)> = JoinSet::new();
        let mut clock = tokio::time::interval(LOOK);
        let mut look = true;
        while !*stop.borrow() {
            let now = Timestamp::now();
            let due = if look { self.due(now).await } else { Vec::new() };
            for to in due {
                if running.contains(&to) {
                    // Its lane may just have seen that nothing is left.
                    missed.insert(to);
                } else if paused.get(&to).is_none_or(|pause| pause.until <= now) {
                    running.insert(to.clone());
                    lanes.spawn(self.clone().lane(to, stop.clone()));
                }
            }
            look = tokio::select! {
                () = wake.notified() => true,
                _ = clock.tick() => true,
                Some(ended) = lanes.join_next() => match ended {
                    Ok((to, lane)) => {
                        running.remove(&to);
                        let again = missed.remove(&to);
                        pause(&mut paused, to, lane);
                        again
                    }
                    // A lane that panicked cannot say which it was: its claims run out, and all may start again.
                    Err(error) => {
                        tracing::error!(%error, "a lane failed");
                        running.clear();
                        true
                    }
                },
                _ = stop.changed() => false,
            };
        }
        while lanes.join_next().await.is_some() {}
    }

    /// The destinations that have something to send.
    async fn due(&self, now: Timestamp) -> Vec<Destination> {
        self.store.due_destinations(now).await.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot look for what is to be sent");
            Vec::new()
        })
    }

    /// Sends to one destination until nothing is left to do there.
    async fn lane(self, to: Destination, stop: watch::Receiver<bool>) -> (Destination, Lane) {
        let Ok(_permit) = self.lanes.acquire().await else { return (to, Lane::Idle) };
        loop {
            let claimed = match self.store.claim(&to, Timestamp::now()).await {
                Ok(claimed) if claimed.is_empty() => return (to, Lane::Idle),
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::error!(%error, "cannot claim what is to be sent");
                    return (to, Lane::Troubled);
                }
            };
            let mut troubled = false;
            let mut begun = HashMap::new();
            for mut send in claimed {
                // The conversation may have begun since the claim, with a send before this one.
                send.root = send.root.or_else(|| begun.get(&send.thread).cloned());
                if let Some(root) = &send.root {
                    send.message.subject.clone_from(&root.subject);
                }
                let settled = if troubled || *stop.borrow() { Settled::Unclaimed } else { self.attempt(&send).await };
                troubled |= matches!(settled, Settled::Again { .. });
                if let Settled::Sent { reference: Some(reference), .. } = &settled {
                    let root = Root { reference: reference.clone(), subject: send.message.subject.clone() };
                    begun.entry(send.thread.clone()).or_insert(root);
                }
                self.settle(&send, settled).await;
            }
            if troubled {
                return (to, Lane::Troubled);
            }
            if *stop.borrow() {
                return (to, Lane::Idle);
            }
        }
    }

    async fn attempt(&self, send: &Claimed) -> Settled {
        let outcome = self.channels.send(&send.destination, &post(send)).await;
        self.metrics.send(send.destination.channel(), outcome.name());
        let settled = settle(send, outcome, Timestamp::now(), fastrand::f64());
        let (update, attempt) = (&send.update, send.attempt);
        match &settled {
            Settled::Sent { .. } => tracing::info!(%update, attempt, team = send.team, kind = %send.kind, "sent"),
            Settled::Again { at, error } => tracing::warn!(%update, attempt, error, next = %at, "not sent yet"),
            Settled::Failed { error } => tracing::error!(%update, attempt, error, "cannot be sent"),
            Settled::Unclaimed => {}
        }
        settled
    }

    /// Writes down how a send ended. Until that is on disk nothing else goes to this destination: were it lost, the
    /// message would be sent twice for each time it is lost.
    async fn settle(&self, send: &Claimed, settled: Settled) {
        for wait in [1, 5, 15, 30] {
            match self.store.settle(send, settled.clone()).await {
                Ok(true) => return,
                Ok(false) => {
                    tracing::warn!(update = send.update, "another worker took this send over");
                    return;
                }
                Err(StoreError::NotWritten | StoreError::Overloaded) => {
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                }
                Err(error) => {
                    tracing::error!(%error, update = send.update, "the result of a send is lost");
                    return;
                }
            }
        }
        tracing::error!(update = send.update, "the result of a send could not be written; it will be sent again");
    }
}

/// How a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// There is nothing left to send
    Idle,
    /// The last attempt did not work: the destination gets a rest
    Troubled,
}

/// A destination's rest after trouble: it doubles until something works.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Timestamp,
    length: Duration,
}

fn pause(paused: &mut HashMap<Destination, Pause>, to: Destination, lane: Lane) {
    match lane {
        Lane::Idle => {
            paused.remove(&to);
        }
        Lane::Troubled => {
            let length = paused.get(&to).map_or(Duration::from_secs(1), |pause| pause.length * 2);
            let length = length.min(Duration::from_secs(300));
            paused.insert(to, Pause { until: Timestamp::now() + length, length });
        }
    }
}

fn post(send: &Claimed) -> Post<'_> {
    Post {
        id: send.id,
        message: &send.message,
        thread: &send.thread,
        thread_label: &send.thread,
        root: send.root.as_ref().map(|root| root.reference.as_str()),
        team: &send.team,
        rule: &send.rule,
        kind: send.kind.as_str(),
        at: send.created,
    }
}

/// What follows from an attempt's outcome; `random` is in 0..1.
fn settle(send: &Claimed, outcome: Outcome, now: Timestamp, random: f64) -> Settled {
    let (error, retry_after) = match outcome {
        Outcome::Sent { reference } => {
            let doubt = send.error.clone().filter(|error| error.starts_with("ambiguous"));
            return Settled::Sent { reference, doubt };
        }
        Outcome::Permanent { error } => return Settled::Failed { error },
        Outcome::Transient { error, retry_after } => (error, retry_after),
        Outcome::Ambiguous { error, retry_after } => (format!("ambiguous: {error}"), retry_after),
    };
    let age = Duration::try_from(now.duration_since(send.created)).unwrap_or_default();
    if age > PATIENCE {
        return Settled::Failed { error: format!("given up after {} attempts in 3 days: {error}", send.attempt) };
    }
    Settled::Again { at: now + backoff(send.attempt, random).max(retry_after.unwrap_or_default()), error }
}

/// How long to wait after an attempt: 5 s, 15 s, 45 s, … up to an hour, give or take a fifth, so that many sends that
/// failed together don't come back together. Greylisting asks for a second try within minutes.
fn backoff(attempt: i64, random: f64) -> Duration {
    let power = i32::try_from(attempt.clamp(1, 12) - 1).unwrap_or(0);
    let seconds = (5.0 * 3f64.powi(power)).min(3600.0);
    Duration::from_secs_f64(seconds * (0.8 + 0.4 * random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_back_off_with_jitter_and_stay_bounded() {
        assert_eq!(backoff(1, 0.5), Duration::from_secs(5));
        assert_eq!(backoff(2, 0.5), Duration::from_secs(15));
        assert_eq!(backoff(1, 0.0), Duration::from_secs(4));
        assert_eq!(backoff(1, 1.0), Duration::from_secs(6));
        assert_eq!(backoff(40, 0.5), Duration::from_secs(3600));
    }
}
