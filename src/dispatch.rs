//! Sends what is queued: claims sends, tries each, and records its outcome.
//!
//! Each destination has one [`Lane`], so a slow or dead one delays no other, and the messages of a thread stay in order. During
//! an attempt, a lease holds the send, and not a transaction. Retries are rows with a time, so they survive a restart. How a
//! message is written for its destination is up to [`crate::channel`].

mod bounce;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::channel::{Channels, Outcome, Post};
use crate::destination::Destination;
use crate::metrics::Metrics;
use crate::mute::{LinkAction, Linker, Quiet};
use crate::store::{Claimed, Lane, Lanes, SendOutcome, Store, StoreError};
use crate::template::Links;

/// The dispatcher is given new sends; it also looks by itself, for retries and for what another process queued.
const LOOK: Duration = Duration::from_secs(1);
/// Mail servers may be away for days (RFC 5321 §4.5.4.1 asks for four to five); after this an update is no news.
const PATIENCE: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// No provider asks for more; a made-up header must not end a destination for good.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends what is queued, to wherever it goes.
#[derive(Clone)]
pub struct Dispatcher {
    store: Store,
    channels: Arc<Channels>,
    metrics: Arc<Metrics>,
    linker: Arc<Linker>,
    lanes: Lanes,
}

impl Dispatcher {
    /// A dispatcher over a store.
    #[must_use]
    pub fn new(
        (store, lanes): (Store, Lanes),
        channels: Arc<Channels>,
        metrics: Arc<Metrics>,
        linker: Arc<Linker>,
    ) -> Self {
        Self { store, channels, metrics, linker, lanes }
    }

    /// Runs until `stop` turns true; what is under way then is finished first.
    ///
    /// What is new to send comes by `claimed`, until the other end is dropped.
    pub async fn run(self, mut claimed: mpsc::UnboundedReceiver<Vec<Lane>>, mut stop: watch::Receiver<bool>) {
        let mut running = JoinSet::new();
        let mut clock = tokio::time::interval(LOOK);
        while !*stop.borrow() {
            let lanes = tokio::select! {
                Some(lanes) = claimed.recv() => lanes,
                _ = clock.tick() => self.claim().await,
                Some(ended) = running.join_next() => {
                    // All that ended meanwhile, so that one claim serves them.
                    for ended in [ended].into_iter().chain(std::iter::from_fn(|| running.try_join_next())) {
                        if let Err(error) = ended {
                            tracing::error!(%error, "a lane failed; what it had claimed will be sent when its leases end");
                        }
                    }
                    self.claim().await
                }
                _ = stop.changed() => Vec::new(),
            };
            lanes.into_iter().for_each(|lane| drop(running.spawn(self.clone().lane(lane, stop.clone()))));
        }
        // What is claimed at the last moment is given back.
        while let Some(lanes) = claimed.recv().await {
            lanes.into_iter().for_each(|lane| drop(running.spawn(self.clone().lane(lane, stop.clone()))));
        }
        while running.join_next().await.is_some() {}
    }

    /// What may be sent now.
    async fn claim(&self) -> Vec<Lane> {
        self.store.claim(&self.lanes, Timestamp::now()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "failed to claim sends, will retry");
            Vec::new()
        })
    }

    /// Sends to one destination, in order. After trouble the rest waits for its turn again.
    async fn lane(self, lane: Lane, stop: watch::Receiver<bool>) {
        let mut trouble = None;
        for send in lane.sends() {
            let (outcome, asked) = match trouble {
                None if !*stop.borrow() => self.attempt(send).await,
                _ => (SendOutcome::Unclaimed, None),
            };
            if matches!(outcome, SendOutcome::Again { .. }) {
                trouble = Some(asked.unwrap_or_default().min(LONGEST_REST));
            }
            // At a start, only the first that has not ended is taken to have been tried.
            if !self.record_outcome(send, outcome).await {
                trouble.get_or_insert_default();
            }
        }
        lane.ended(trouble);
    }

    /// How it ended, and how long the other end asks to be left alone.
    async fn attempt(&self, send: &Claimed) -> (SendOutcome, Option<Duration>) {
        if let Some(error) = send.refusals.as_ref().and_then(|known| bounce::suppressed(known, Timestamp::now())) {
            tracing::warn!(
                update = send.update,
                team = send.rule.team,
                "did not try to send: the address has refused mail for a while"
            );
            return (SendOutcome::Failed { error, doubtful: false }, None);
        }
        let links = self.links(send);
        let tag = self.reply_tag(send);
        let post = Post { reply_tag: tag.as_deref(), ..post(send, &links) };
        let outcome = self.channels.send(&send.destination, &post).await;
        self.metrics.send(send.destination.channel(), outcome.name());
        let asked = outcome.retry_after();
        let outcome = outcome_of(send, outcome, Timestamp::now(), fastrand::f64());
        let (update, attempt) = (&send.update, send.attempt);
        match &outcome {
            SendOutcome::Sent { .. } => {
                tracing::info!(%update, attempt, team = send.rule.team, kind = %send.kind, "sent")
            }
            SendOutcome::Again { at, error, .. } => {
                tracing::warn!(%update, attempt, error, next = %at, "failed to send, will retry")
            }
            SendOutcome::Failed { error, .. } | SendOutcome::Refused { error } => {
                tracing::error!(%update, attempt, error, "cannot be sent");
            }
            SendOutcome::Unclaimed => {}
        }
        (outcome, asked)
    }

    /// The ways out of a conversation. Every attempt has the same: their time is the message's.
    fn links(&self, send: &Claimed) -> Links {
        let (team, thread) = (send.rule.team.clone(), send.thread.clone());
        // Whoever sees a page reads the comments on it.
        let comment = matches!(send.destination, Destination::Github | Destination::Jira);
        let silent = send.message.private || send.message.restricted;
        let object = (send.assumes && !silent && !comment).then(|| LinkAction::Object { line: send.update.clone() });
        let mute = (!send.message.private && !send.digest && !comment)
            .then(|| LinkAction::Quiet(Quiet::Mute { team: team.clone(), thread }));
        let to = Some(&send.destination).filter(|to| matches!(to, Destination::Email(_))).cloned();
        let unsubscribe = to.map(|to| LinkAction::Quiet(Quiet::Unsubscribe { team, to }));
        let link = |asked: Option<LinkAction>| self.linker.link(&asked?, send.created);
        Links { object: link(object), mute: link(mute), unsubscribe: link(unsubscribe), details: None }
    }

    /// What answers to an assumption are known by. Of a digest nobody could say what they answer to.
    fn reply_tag(&self, send: &Claimed) -> Option<String> {
        let silent = send.message.private || send.message.restricted;
        let assumption = send.assumes && !silent && !send.digest;
        assumption.then(|| self.linker.reply_tag(&send.update)).flatten()
    }

    /// Writes down how a send ended. Until that is on disk nothing else goes to this destination: were it lost, the
    /// message would be sent twice for each time it is lost. `false` if it could not be written.
    async fn record_outcome(&self, send: &Claimed, outcome: SendOutcome) -> bool {
        for wait in [1, 5, 15, 30] {
            match self.store.record_outcome(send, &outcome).await {
                Ok(true) => return true,
                Ok(false) => {
                    tracing::warn!(update = send.update, "another worker took this send over");
                    return true;
                }
                Err(StoreError::NotWritten | StoreError::Overloaded) => {
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                }
                Err(error) => {
                    tracing::error!(%error, update = send.update, "failed to record the outcome of a send");
                    return false;
                }
            }
        }
        tracing::error!(update = send.update, "failed to record the outcome of a send; it will be sent again");
        false
    }
}

fn post<'a>(send: &'a Claimed, links: &'a Links) -> Post<'a> {
    let label = Some(send.message.label.as_str()).filter(|label| !label.is_empty());
    Post {
        id: send.id,
        thread_label: label.unwrap_or(&send.thread),
        root: send.root.as_deref(),
        team: &send.rule.team,
        rule: &send.rule.name,
        kind: send.kind.as_str(),
        ..Post::new(&send.message, &send.thread, (send.created, links))
    }
}

/// What follows from an attempt's outcome; `random` is in 0..1.
fn outcome_of(send: &Claimed, outcome: Outcome, now: Timestamp, random: f64) -> SendOutcome {
    let doubtful = matches!(outcome, Outcome::Ambiguous { .. });
    let (error, retry_after) = match outcome {
        Outcome::Sent { reference, anew } => {
            let doubt = send.error.clone().filter(|_| send.doubtful);
            return SendOutcome::Sent { reference, anew, doubt };
        }
        Outcome::Permanent { error } => return SendOutcome::Failed { error, doubtful },
        Outcome::NoMailbox { error } => return SendOutcome::Refused { error },
        Outcome::Transient { error, retry_after } => (error, retry_after),
        Outcome::Ambiguous { error, retry_after } => (format!("ambiguous: {error}"), retry_after),
    };
    let age = Duration::try_from(now.duration_since(send.created)).unwrap_or_default();
    if age > PATIENCE {
        let error = format!("given up after {} attempts in 3 days: {error}", send.attempt);
        return SendOutcome::Failed { error, doubtful };
    }
    let asked = retry_after.unwrap_or_default().min(LONGEST_REST);
    SendOutcome::Again { at: now + backoff(send.attempt, random).max(asked), error, doubtful }
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
