//! Fetches webhooks that did not arrive, after a downtime and every few minutes.
//!
//! What a sweep finds is parked in the store, and let go when the sweep is complete. So it is planned in the order in which
//! it was sent, and no message goes out that a later delivery makes outdated. A sweep that is cut short continues where it
//! stopped, because what is in the store isn't asked for again. From the store on, a delivery that was fetched takes the same
//! way as any other.

mod github;
mod jira;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::api::ApiError;
use crate::api::github::Github;
use crate::api::jira::Jira;
use crate::event::{Event, Source};
use crate::intake::sorted;
use crate::metrics::Metrics;
use crate::reason::Reason;
use crate::source::{Parsed, Settings};
use crate::store::{Incoming, Store, StoreError};

/// From one sweep to the next.
const EVERY: Duration = Duration::from_secs(300);
/// What waited over a downtime waits for the first sweep, but no longer.
const FIRST: Duration = Duration::from_secs(300);
/// So much of what the last sweep saw is looked at again: it may have been on the way then.
const MARGIN: Duration = Duration::from_secs(600);
/// Nobody keeps deliveries for longer.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// What is parked waits so long for the rest at most.
const PATIENCE: Duration = Duration::from_secs(3600);

/// From when on deliveries are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The last sweep that was not cut short; for a hook that is new to us, its first delivery
    LastTime,
    /// A time
    At(Timestamp),
}

impl Since {
    /// The time, for one whose deliveries until `swept` are here.
    fn after(self, swept: Timestamp, now: Timestamp) -> Timestamp {
        match self {
            Self::LastTime => (swept - MARGIN).max(now - KEPT),
            Self::At(time) => time,
        }
    }
}

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Found {
    /// Who was asked
    pub asked: Vec<Asked>,
    /// What was taken in, in the order in which it was sent
    pub recovered: Vec<Recovered>,
    /// When it was cut short, how long to wait before the next one
    again: Option<Duration>,
}

/// What somebody who was asked said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// GitHub or Jira
    pub source: Source,
    /// Such as `acme/ingest, hook 12`
    pub name: String,
    /// How many deliveries it knows of
    pub listed: usize,
    /// How many of them were here already
    pub known: usize,
    /// How many of them were taken in
    pub recovered: usize,
    /// Why that is not all, for people
    pub trouble: Option<String>,
    /// Whether there is nothing more to ask it for
    done: bool,
}

impl Asked {
    fn new(source: Source, name: String) -> Self {
        Self { source, name, listed: 0, known: 0, recovered: 0, trouble: None, done: true }
    }

    /// Notes why it does not say all, to be asked again; the first reason is the one that people see.
    fn failed(&mut self, trouble: String) {
        self.done = false;
        self.trouble.get_or_insert(trouble);
    }
}

/// A delivery that was taken in.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// GitHub or Jira
    pub source: Source,
    /// The sender's id for it
    pub key: String,
    /// `X-GitHub-Event`; empty for Jira
    pub name: String,
    /// When it was sent
    pub sent: Timestamp,
    /// What it tells, or why nothing
    pub told: Result<Box<Event>, Reason>,
}

impl Found {
    /// What an error says about going on: who asks for a rest gets it.
    fn cut_short(&mut self, error: &ApiError) {
        let wait = match error {
            ApiError::Limited { wait, .. } => (*wait).min(EVERY),
            _ => EVERY,
        };
        self.again = Some(self.again.map_or(wait, |before| before.max(wait)));
    }
}

/// How Jira is asked instead of waiting for its webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    /// From one time to the next
    pub every: Duration,
    /// Whether there are no webhooks beside it
    pub alone: bool,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    /// Everybody
    All,
    /// Jira, since it is polled
    Jira,
}

/// Asks for what did not arrive.
pub struct Recovery {
    /// Where it goes
    pub store: Store,
    /// How payloads are read
    pub settings: Settings,
    /// GitHub, if it can be asked
    pub github: Option<Arc<Github>>,
    /// Jira, if it can be asked
    pub jira: Option<Arc<Jira>>,
    /// How often Jira is asked, if more often than for what is missing
    pub poll: Option<Poll>,
    /// What is counted
    pub metrics: Arc<Metrics>,
}

impl Recovery {
    /// Sweeps now and every few minutes, until `stop` turns true. After the first time, or when that takes too long,
    /// `resumed` is told that nothing waits for it any more, and after each time `stored` that there may be work.
    pub async fn run(
        self,
        resumed: watch::Sender<Option<Timestamp>>,
        stored: Arc<Notify>,
        mut stop: watch::Receiver<bool>,
    ) {
        let resume = || {
            resumed.send_replace(None);
            stored.notify_one();
        };
        let too_long = async {
            tokio::time::sleep(FIRST).await;
            resume();
            std::future::pending().await
        };
        tokio::select! {
            () = self.sweeps(resume) => {}
            () = too_long => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn sweeps(&self, done: impl Fn()) {
        let (mut said, mut last) = (HashMap::new(), None::<Instant>);
        loop {
            let whom = if last.is_none_or(|last| last.elapsed() >= EVERY) { Whom::All } else { Whom::Jira };
            if whom == Whom::All {
                last = Some(Instant::now());
            }
            let again = self.report(self.ask(Since::LastTime, whom).await, &mut said);
            done();
            if again.is_some() {
                // Not everybody said all.
                last = None;
            }
            tokio::time::sleep(again.unwrap_or(self.poll.map_or(EVERY, |poll| poll.every))).await;
        }
    }

    /// Asks everybody once and takes in what is missing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn sweep(&self, since: Since) -> Result<Found, StoreError> {
        self.ask(since, Whom::All).await
    }

    async fn ask(&self, since: Since, whom: Whom) -> Result<Found, StoreError> {
        let _only_one = self.store.begin_recovery().await?;
        let mut found = Found::default();
        if let Some(github) = self.github.as_ref().filter(|_| whom == Whom::All) {
            github::sweep(self, github, since, &mut found).await?;
        }
        if let Some(jira) = &self.jira {
            jira::sweep(self, jira, since, &mut found).await?;
        }
        let now = Timestamp::now();
        // What another sweep parked and never let go does not wait for ever.
        let parked_by = if found.again.is_some() { now - PATIENCE } else { now };
        self.store.let_go(parked_by).await?;
        found.recovered.sort_by_key(|recovered| recovered.sent);
        Ok(found)
    }

    /// Stores what was missing, each with the number of who was asked; some may have come by itself meanwhile.
    async fn park(&self, missing: Vec<(usize, Incoming)>, found: &mut Found) -> Result<(), StoreError> {
        let (mut asked, mut parked, mut incoming) = (Vec::new(), Vec::new(), Vec::new());
        for (number, delivery) in missing {
            let (delivery, parsed) = sorted(delivery, &self.settings);
            let told = match parsed {
                // There is at least one.
                Parsed::Events(events) => {
                    events.into_iter().next().map(Box::new).ok_or(Reason::NoRule { unknown: None })
                }
                Parsed::Ignored(reason) => Err(reason),
            };
            let Incoming { source, key, name, received: sent, .. } = &delivery;
            parked.push(Recovered { source: *source, key: key.clone(), name: name.clone(), sent: *sent, told });
            asked.push(number);
            incoming.push(delivery);
        }
        let new = self.store.park(incoming, Timestamp::now()).await?;
        for ((number, recovered), new) in asked.into_iter().zip(parked).zip(new) {
            let asked = &mut found.asked[number];
            if new {
                asked.recovered += 1;
                self.metrics.recovered(recovered.source.as_str(), 1);
                self.metrics.heard(recovered.source, recovered.sent);
                found.recovered.push(recovered);
            } else {
                asked.known += 1;
            }
        }
        Ok(())
    }

    /// Logs what a sweep found, and a trouble when it is new; says how long to rest if it was cut short.
    fn report(&self, found: Result<Found, StoreError>, said: &mut HashMap<String, String>) -> Option<Duration> {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "failed to fetch missed webhooks, will retry");
                return Some(EVERY);
            }
        };
        if !found.recovered.is_empty() && self.poll.is_none() {
            tracing::info!(deliveries = found.recovered.len(), "recovered webhooks that had not arrived");
        }
        for Asked { source, name, trouble, .. } in found.asked {
            match trouble {
                Some(trouble) => {
                    if said.insert(name.clone(), trouble.clone()).is_none_or(|before| before != trouble) {
                        tracing::warn!(%source, asked = name, reason = trouble, "failed to fetch all missed webhooks");
                    }
                }
                None => {
                    if said.remove(&name).is_some() {
                        tracing::info!(%source, asked = name, "can list missed webhooks again");
                    }
                }
            }
        }
        found.again
    }
}
