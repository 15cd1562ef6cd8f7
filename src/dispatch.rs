//! Sends what is queued: claims sends, tries each, and records its outcome.
//!
//! Each destination has one [`Lane`], so a slow or dead one delays no other, and the messages of a thread stay in order. During
//! an attempt, a lease holds the send, and not a transaction. Retries are rows with a time, so they survive a restart. How a
//! message is written for its destination is up to [`crate::channel`].

mod bounce;
mod turn;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

pub use self::turn::{Turn, ended};

use crate::channel::{Buttons, Channels, Outcome, Post};
use crate::destination::Destination;
use crate::metrics::Metrics;
use crate::mute::{LinkAction, Linker, Quiet};
use crate::people::Finder;
use crate::store::{Claimed, Lane, Lanes, Now, Recorded, SendOutcome, Store, StoreError, Tried};
use crate::telemetry::{Attempt, Tracer};
use crate::template::Links;

/// The dispatcher is given new sends; it also looks by itself, for retries and for what another process queued.
const LOOK: Duration = Duration::from_secs(1);
/// The same while something is under way, which may turn out to hang and make room for others.
const SOON: Duration = Duration::from_millis(250);
/// Mail servers may be away for days (RFC 5321 §4.5.4.1 asks for four to five); after this an update isn't news.
const PATIENCE: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// It is tried so often at least, which takes some hours.
const ATTEMPTS: i64 = 12;
/// How long what is under way may take when the service stops.
const LAST_ATTEMPT: Duration = Duration::from_secs(6);
/// A clock that is set back by less makes no difference.
const SET_BACK: Duration = Duration::from_secs(60);

/// No provider asks for more; a made-up header must not end a destination for good.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends what is queued, to wherever it goes.
#[derive(Clone)]
pub struct Dispatcher {
    store: Store,
    channels: Arc<Channels>,
    metrics: Arc<Metrics>,
    tracer: Option<Arc<Tracer>>,
    linker: Arc<Linker>,
    lanes: Lanes,
    finder: Arc<Finder>,
}

impl Dispatcher {
    /// A dispatcher over a store.
    #[must_use]
    pub fn new(
        (store, lanes): (Store, Lanes),
        channels: Arc<Channels>,
        (metrics, tracer): (Arc<Metrics>, Option<Arc<Tracer>>),
        (linker, finder): (Arc<Linker>, Arc<Finder>),
    ) -> Self {
        Self { store, channels, metrics, tracer, linker, lanes, finder }
    }

    /// Runs until `stop` turns true; what is under way then is finished first.
    ///
    /// What is new to send comes by `claimed`, until the other end is dropped.
    pub async fn run(self, mut claimed: mpsc::UnboundedReceiver<Vec<Lane>>, mut stop: watch::Receiver<bool>) {
        let (mut running, mut last) = (JoinSet::new(), Now::read());
        while !*stop.borrow() {
            last = self.follow_clock(last, Now::read()).await;
            let look = if running.is_empty() { LOOK } else { SOON };
            let lanes = tokio::select! {
                Some(lanes) = claimed.recv() => lanes,
                () = tokio::time::sleep(look) => self.claim().await,
                Some(ended) = running.join_next() => {
                    // All that ended meanwhile, so that one claim serves them.
                    let ended = [ended].into_iter().chain(std::iter::from_fn(|| running.try_join_next()));
                    let failed = |error: &JoinError| {
                        tracing::error!(%error, "a lane failed; what it had claimed will be sent when its leases end");
                    };
                    let ended = ended.filter_map(|ended| ended.inspect_err(failed).ok());
                    self.claim_after(ended.collect()).await
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
        self.channels.share(self.store.replicas().len());
        claimed(self.store.claim(&self.lanes, Now::read()).await)
    }

    /// What may be sent now that lanes to these destinations have ended.
    async fn claim_after(&self, ended: Vec<Destination>) -> Vec<Lane> {
        claimed(self.store.claim_after(ended, &self.lanes, Now::read()).await)
    }

    /// If the clock was set back since `last`, so are the times that were noted by it. Returns `now`, or `last` if that failed.
    async fn follow_clock(&self, last: Now, now: Now) -> Now {
        let expected = last.time + now.instant.duration_since(last.instant);
        let by = Duration::try_from(expected.duration_since(now.time)).unwrap_or_default();
        if by < SET_BACK {
            return now;
        }
        tracing::warn!(seconds = by.as_secs(), "the clock was set back");
        match self.store.clock_set_back(by, now.time).await {
            Ok(()) => now,
            Err(error) => {
                tracing::error!(%error, "failed to follow the clock, will retry");
                last
            }
        }
    }

    /// Sends to one destination, in order. After trouble the rest waits for its turn again.
    async fn lane(self, lane: Lane, stop: watch::Receiver<bool>) -> Destination {
        let to = lane.to().clone();
        let mut turn = Turn::new(lane);
        while let Some(send) = turn.send() {
            let stopping = *stop.borrow();
            let is_off = stopping || !self.store.holds(turn.lane()) || (turn.has_waited() && self.is_off(send).await);
            let untried = if is_off { Some(SendOutcome::Unclaimed) } else { turn.untried(send, Timestamp::now()) };
            let (tried, asked) = match untried {
                Some(outcome) => (outcome.into(), None),
                None => {
                    turn.begins(Instant::now());
                    self.attempt(send, stop.clone()).await
                }
            };
            if !self.record_outcome(send, &tried, stop.clone()).await {
                // At the next start, the first that has not ended is taken to have been tried.
                break;
            }
            turn.go_on(&tried.outcome, asked);
        }
        turn.end(Instant::now());
        to
    }

    /// Whether a send was taken back, or over, while it waited for its turn. If nobody can say, it is tried.
    async fn is_off(&self, send: &Claimed) -> bool {
        self.store.is_off(send).await.unwrap_or_else(|error| {
            tracing::error!(%error, update = send.update, "cannot see whether this send was taken back");
            false
        })
    }

    /// How it ended, and how long the other end asks to be left alone.
    async fn attempt(&self, send: &Claimed, stop: watch::Receiver<bool>) -> (Tried, Option<Duration>) {
        let began = Timestamp::now();
        let (links, buttons) = self.links(send);
        let tag = self.reply_tag(send);
        let sent = async {
            let found = self.finder.find(&send.destination, &send.message).await;
            let post = Post { reply_tag: tag.as_deref(), found: &found, buttons: &buttons, ..post(send, &links) };
            self.channels.send(&send.destination, &post).await
        };
        let outcome = tokio::select! {
            outcome = sent => outcome,
            () = stopped_since(stop, LAST_ATTEMPT) => Outcome::ambiguous("the service stopped during this attempt"),
        };
        self.metrics.send(send.destination.channel(), outcome.name(), send.attempt);
        let trace_id = self.trace(send, outcome.name(), began.into()).await;
        let (tried, asked) = ended(send, outcome, (began, Timestamp::now()), fastrand::f64());
        let (update, attempt) = (&send.update, send.attempt);
        match &tried.outcome {
            SendOutcome::Sent { .. } => {
                tracing::info!(%update, attempt, trace_id, team = send.rule.team, kind = %send.kind, "sent")
            }
            SendOutcome::Again { at, error, .. } => {
                tracing::warn!(%update, attempt, trace_id, error, next = %at, "failed to send, will retry")
            }
            SendOutcome::Failed { error, .. } | SendOutcome::Refused { error } => {
                tracing::error!(%update, attempt, trace_id, error, "cannot be sent");
            }
            SendOutcome::Unclaimed => {}
        }
        (tried, asked)
    }

    /// Tells the collector of an attempt, if there is one. Returns the id of its trace.
    async fn trace(&self, send: &Claimed, outcome: &'static str, start: SystemTime) -> Option<String> {
        let tracer = self.tracer.as_ref()?;
        let (delivery, _) = send.update.split_once('.')?;
        let delivery = delivery.parse().ok()?;
        let others = self.store.told_deliveries(send.id).await.unwrap_or_else(|error| {
            tracing::error!(%error, update = send.update, "cannot see what else this message tells");
            Vec::new()
        });
        tracer.attempted(&Attempt {
            delivery,
            others: &others,
            update: &send.update,
            channel: send.destination.channel(),
            team: &send.rule.team,
            rule: &send.rule.name,
            kind: &send.kind,
            number: send.attempt,
            outcome,
            start,
        });
        Some(tracer.trace_id(delivery))
    }

    /// The ways out of a conversation. Every attempt has the same: their time is the message's.
    fn links(&self, send: &Claimed) -> (Links, Buttons) {
        let (team, thread) = (send.rule.team.clone(), send.thread.clone());
        // Whoever sees a page reads the comments on it.
        let comment = matches!(send.destination, Destination::Github | Destination::Jira);
        let silent = send.message.private || send.message.restricted;
        let object = (send.assumes && !silent && !comment).then(|| LinkAction::Object { line: send.update.clone() });
        let mute = (!send.message.private && !send.digest && !comment)
            .then(|| LinkAction::Quiet(Quiet::Mute { team: team.clone(), thread }));
        let to = Some(&send.destination).filter(|to| matches!(to, Destination::Email(_))).cloned();
        let unsubscribe = to.map(|to| LinkAction::Quiet(Quiet::Unsubscribe { team, to }));
        let token = |asked: &Option<LinkAction>| self.linker.token(asked.as_ref()?, send.created);
        let buttons = Buttons { assumption: token(&object), mute: token(&mute) };
        let link = |asked: Option<LinkAction>| self.linker.link(&asked?, send.created);
        (Links { object: link(object), mute: link(mute), unsubscribe: link(unsubscribe), details: None }, buttons)
    }

    /// What answers to an assumption are known by. Of a digest nobody could say what they answer to.
    fn reply_tag(&self, send: &Claimed) -> Option<String> {
        let silent = send.message.private || send.message.restricted;
        let assumption = send.assumes && !silent && !send.digest;
        (assumption || send.message.answers).then(|| self.linker.reply_tag(&send.update)).flatten()
    }

    /// Writes down how a send ended. Until that is on disk nothing else goes to this destination: were it lost, the
    /// message would be sent twice for each time it is lost. `false` if the service stops before.
    async fn record_outcome(&self, send: &Claimed, tried: &Tried, mut stop: watch::Receiver<bool>) -> bool {
        for wait in [1, 5, 15].into_iter().chain(std::iter::repeat(30)).map(Duration::from_secs) {
            let last = *stop.borrow();
            let before = wait > Duration::from_secs(1);
            match self.store.record_outcome(send, tried, before, Timestamp::now()).await {
                Ok(recorded) => {
                    match recorded {
                        Recorded::GoesOn => {}
                        Recorded::Over { state, lines } => self.metrics.ended(state, lines),
                        Recorded::TakenOver => {
                            self.metrics.taken_over();
                            tracing::warn!(update = send.update, "another worker took this send over")
                        }
                    }
                    return true;
                }
                Err(error) if last => {
                    tracing::error!(%error, update = send.update, outcome = ?tried.outcome, "failed to record the outcome of a send");
                    return false;
                }
                Err(error) => {
                    tracing::error!(%error, update = send.update, "failed to record the outcome of a send, will retry");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        false
    }
}

fn claimed(claimed: Result<Vec<Lane>, StoreError>) -> Vec<Lane> {
    claimed.unwrap_or_else(|error| {
        tracing::error!(%error, "failed to claim sends, will retry");
        Vec::new()
    })
}

/// Waits until the service has been stopping for so long.
async fn stopped_since(mut stop: watch::Receiver<bool>, time: Duration) {
    let stopped = stop.wait_for(|stop| *stop).await.is_ok();
    if stopped { tokio::time::sleep(time).await } else { std::future::pending().await }
}

fn post<'a>(send: &'a Claimed, links: &'a Links) -> Post<'a> {
    let label = Some(send.message.label.as_str()).filter(|label| !label.is_empty());
    Post {
        id: send.id,
        thread_label: label.unwrap_or(&send.thread),
        root: send.root.as_deref(),
        stays_away: send.carries,
        team: &send.rule.team,
        rule: &send.rule.name,
        kind: &send.kind,
        ..Post::new(&send.message, &send.thread, (send.created, links))
    }
}

/// What follows from an attempt's outcome; `random` is in 0..1.
fn outcome_of(send: &Claimed, outcome: Outcome, now: Timestamp, random: f64) -> SendOutcome {
    // An earlier attempt may have arrived, whatever comes of this one.
    let doubtful = send.doubtful || matches!(outcome, Outcome::Ambiguous { .. });
    let (error, retry_after) = match outcome {
        Outcome::Sent { reference, anew } => {
            let doubt = send.error.clone().filter(|_| send.doubtful);
            return SendOutcome::Sent { reference, anew, doubt };
        }
        Outcome::Permanent { error } => return SendOutcome::Failed { error: behind_doubt(send, error), doubtful },
        Outcome::NoMailbox { error } => return SendOutcome::Refused { error: behind_doubt(send, error) },
        Outcome::Transient { error, retry_after } => (behind_doubt(send, error), retry_after),
        Outcome::Ambiguous { error, retry_after } => (format!("ambiguous: {error}"), retry_after),
    };
    let age = Duration::try_from(now.duration_since(send.created)).unwrap_or_default();
    if is_over(age, send.attempt) {
        let error = format!("given up after {} attempts in {} days: {error}", send.attempt, age.as_secs() / 86_400);
        return SendOutcome::Failed { error, doubtful };
    }
    let asked = retry_after.unwrap_or_default().min(LONGEST_REST);
    SendOutcome::Again { at: now + backoff(send.attempt, random).max(asked), error, doubtful }
}

/// Whether a send of this age was tried long enough. What counts is the trying: the service may have been away itself.
fn is_over(age: Duration, attempts: i64) -> bool {
    age > PATIENCE && attempts >= ATTEMPTS
}

/// An error, after the doubt that an earlier attempt left: the ledger says that the message may have arrived.
fn behind_doubt(send: &Claimed, error: String) -> String {
    let doubt = send.error.as_deref().filter(|_| send.doubtful).and_then(|doubt| doubt.split("; then ").next());
    match doubt {
        Some(doubt) => format!("{doubt}; then {error}"),
        None => error,
    }
}

/// How long to wait after an attempt: 5 s, 15 s, 45 s, … up to an hour, give or take a fifth, so that many sends that
/// failed together don't come back together. Greylisting asks for a second try within minutes.
#[must_use]
pub fn backoff(attempt: i64, random: f64) -> Duration {
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

    #[test]
    fn patience_counts_attempts_as_well_as_days() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert!(!is_over(hours(71), 90));
        assert!(is_over(hours(73), 90));
        assert!(!is_over(hours(96), 1), "the service was away for four days");
    }
}
