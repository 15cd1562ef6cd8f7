//! Sends what is queued: claims sends, tries each, and records its outcome.
//!
//! Each destination has one lane, so a slow or dead one delays no other, and the messages of a thread stay in order. During
//! an attempt, a lease holds the send, and not a transaction. Retries are rows with a time, so they survive a restart. How a
//! message is written for its destination is up to [`crate::channel`].

mod bounce;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::task::{self, JoinSet};

use crate::channel::{Channels, Outcome, Post};
use crate::destination::Destination;
use crate::metrics::Metrics;
use crate::mute::{LinkAction, Linker, Quiet};
use crate::store::{Claimed, Room, SendOutcome, Store, StoreError};
use crate::template::Links;

/// With so many lanes of a channel under way, no more of it are begun: a mail server that hangs must not take those of others.
const LANES: usize = 16;
/// Mail has many destinations, and nothing that it has to wait for in turn.
const MAIL_LANES: usize = 64;
/// The dispatcher is told of new sends; it also looks by itself, for retries and for what another process queued.
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
}

impl Dispatcher {
    /// A dispatcher over a store.
    #[must_use]
    pub fn new(store: Store, channels: Arc<Channels>, metrics: Arc<Metrics>, linker: Arc<Linker>) -> Self {
        Self { store, channels, metrics, linker }
    }

    /// Runs until `stop` turns true; what is under way then is finished first.
    ///
    /// `wake` is notified when there is something new to send.
    pub async fn run(self, wake: Arc<Notify>, mut stop: watch::Receiver<bool>) {
        let mut running: HashMap<task::Id, Destination> = HashMap::new();
        let mut paused: HashMap<Destination, Pause> = HashMap::new();
        let mut lanes: JoinSet<Lane> = JoinSet::new();
        let mut clock = tokio::time::interval(LOOK);
        while !*stop.borrow() {
            for (to, sends) in self.claim(&running, &paused).await {
                let lane = lanes.spawn(self.clone().lane(sends, stop.clone()));
                running.insert(lane.id(), to);
            }
            let ended = tokio::select! {
                () = wake.notified() => None,
                _ = clock.tick() => None,
                Some(ended) = lanes.join_next_with_id() => Some(ended),
                _ = stop.changed() => None,
            };
            // All that ended meanwhile, so that one claim serves them.
            for ended in ended.into_iter().chain(std::iter::from_fn(|| lanes.try_join_next_with_id())) {
                let (id, lane) = ended.unwrap_or_else(|error| {
                    tracing::error!(%error, "a lane failed; what it had claimed will be sent when its leases end");
                    (error.id(), Lane::Troubled(Duration::ZERO))
                });
                if let Some(to) = running.remove(&id) {
                    pause(&mut paused, to, lane);
                }
            }
        }
        while lanes.join_next().await.is_some() {}
    }

    /// What may be sent now, by destination.
    async fn claim(
        &self,
        running: &HashMap<task::Id, Destination>,
        paused: &HashMap<Destination, Pause>,
    ) -> BTreeMap<Destination, Vec<Claimed>> {
        let now = Timestamp::now();
        let resting = paused.iter().filter(|(_, pause)| pause.until > now).map(|(to, _)| to);
        let busy = running.values().chain(resting).cloned().collect();
        let mut lanes = BTreeMap::<_, Vec<_>>::new();
        let mut free = HashMap::from([("email".to_owned(), MAIL_LANES)]);
        running.values().for_each(|to| *free.entry(to.channel().to_owned()).or_insert(LANES) -= 1);
        match self.store.claim(Room { busy, lanes: LANES, free }, now).await {
            Ok(claimed) => {
                for send in claimed {
                    lanes.entry(send.destination.clone()).or_default().push(send);
                }
            }
            Err(error) => tracing::error!(%error, "failed to claim sends, will retry"),
        }
        lanes
    }

    /// Sends to one destination, in order. After trouble the rest waits for its turn again.
    async fn lane(self, sends: Vec<Claimed>, stop: watch::Receiver<bool>) -> Lane {
        let mut lane = Lane::Idle;
        for send in &sends {
            let (outcome, asked) = match lane {
                Lane::Idle if !*stop.borrow() => self.attempt(send).await,
                _ => (SendOutcome::Unclaimed, None),
            };
            if matches!(outcome, SendOutcome::Again { .. }) {
                lane = Lane::Troubled(asked.unwrap_or_default());
            }
            // At a start, only the first that has not ended is taken to have been tried.
            if !self.record_outcome(send, outcome).await && lane == Lane::Idle {
                lane = Lane::Troubled(Duration::ZERO);
            }
        }
        lane
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

/// How a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// It sent what it had
    Idle,
    /// The last attempt did not work: the destination gets a rest, at least so long
    Troubled(Duration),
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
        Lane::Troubled(asked) => {
            let length = paused.get(&to).map_or(Duration::from_secs(1), |pause| pause.length * 2);
            let length = length.min(Duration::from_secs(300));
            paused.insert(to, Pause { until: Timestamp::now() + length.max(asked.min(LONGEST_REST)), length });
        }
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
    fn a_destination_rests_longer_each_time_and_as_long_as_it_asks() {
        let (mut paused, to) = (HashMap::new(), Destination::Mailbox);
        let mut rest = |lane: Lane| {
            pause(&mut paused, to.clone(), lane);
            let until = paused.get(&to).map(|pause| pause.until.duration_since(Timestamp::now()).as_secs_f64().round());
            until.unwrap_or_default()
        };
        let trouble = || Lane::Troubled(Duration::ZERO);
        assert_eq!([rest(trouble()), rest(trouble()), rest(trouble())], [1.0, 2.0, 4.0]);
        assert_eq!(rest(Lane::Troubled(Duration::from_secs(30))), 30.0);
        assert_eq!(rest(trouble()), 16.0);
        assert_eq!(rest(Lane::Troubled(Duration::MAX)), 86_400.0);
        assert_eq!([rest(Lane::Idle), rest(trouble())], [0.0, 1.0]);
    }

    #[test]
    fn retries_back_off_with_jitter_and_stay_bounded() {
        assert_eq!(backoff(1, 0.5), Duration::from_secs(5));
        assert_eq!(backoff(2, 0.5), Duration::from_secs(15));
        assert_eq!(backoff(1, 0.0), Duration::from_secs(4));
        assert_eq!(backoff(1, 1.0), Duration::from_secs(6));
        assert_eq!(backoff(40, 0.5), Duration::from_secs(3600));
    }
}
