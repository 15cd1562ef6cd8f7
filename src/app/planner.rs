//! What only one replica does at a time: planning, timers, summaries, reading mailboxes and team files, and deleting what is old.
//! It begins when this process gets the right to plan, which a process that has its store to itself always has, and ends when that
//! is lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::apis::Apis;
use super::owner_mail::OwnerMail;
use super::sweeper::Sweeper;
use super::{Common, spawn, summaries};
use crate::channel::Channels;
use crate::intake::{Intake, Sending};
use crate::reply::{AnswerHandler, Inbox};
use crate::repository::Work;
use crate::rule::RepositoryFile;
use crate::store::{Fence, Lane, Lanes, StoreError};
use crate::summary::Summariser;

/// How often it is looked whether this process has the right to plan.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is looked whether another process took in a webhook: that costs a query.
const LOOK_FOR_OTHERS: Duration = Duration::from_millis(25);
/// After trouble with the store at the beginning.
const REST: Duration = Duration::from_secs(1);

/// What its tasks are made from, each time anew.
pub(super) struct Planner {
    pub(super) common: Common,
    pub(super) apis: Apis,
    pub(super) channels: Arc<Channels>,
    pub(super) answers: Arc<AnswerHandler>,
    /// Who sends what is planned
    pub(super) lanes: Lanes,
    pub(super) claims: mpsc::UnboundedSender<Vec<Lane>>,
    /// Told of the team files of repositories
    pub(super) files: watch::Sender<Arc<Vec<RepositoryFile>>>,
    /// Where the console is
    pub(super) console: SocketAddr,
    /// Closed once members and the names of fields were looked up, or that failed
    pub(super) looked_up: watch::Receiver<()>,
}

impl Planner {
    /// Runs until `stop` turns true, or a part of it fails, which is logged.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let stopping = stop.clone();
        loop {
            let right = tokio::select! {
                right = self.right() => right,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            self.common.fresh.forget();
            self.common.metrics.began_to_plan();
            let (end, ended) = watch::channel(false);
            let mut tasks = match self.begin(right, &ended).await {
                Ok(tasks) => tasks,
                Err(error) => {
                    tracing::error!(%error, "cannot begin to plan, will retry");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            let is_over = tokio::select! {
                () = self.lost(right) => false,
                _ = stop.wait_for(|stop| *stop) => true,
                ended = tasks.join_next() => {
                    match ended {
                        // Its channels close when the service stops.
                        _ if *stopping.borrow() => {}
                        Some(Err(error)) => tracing::error!(%error, "a part of planning failed"),
                        Some(Ok(name)) => tracing::error!("{name} ended"),
                        None => {}
                    }
                    true
                }
            };
            end.send_replace(true);
            while tasks.join_next().await.is_some() {}
            if is_over {
                return;
            }
        }
    }

    /// Waits until this process has the right to plan.
    async fn right(&self) -> Fence {
        loop {
            match self.common.store.right_to_plan() {
                Some(right) => return right,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Waits until it has that no more.
    async fn lost(&self, right: Fence) {
        if !self.common.store.is_shared() {
            return std::future::pending().await;
        }
        while self.common.store.right_to_plan() == Some(right) {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Starts all tasks, by a right to plan.
    async fn begin(&self, right: Fence, ended: &watch::Receiver<bool>) -> Result<JoinSet<&'static str>, StoreError> {
        let mut tasks = JoinSet::new();
        let common = Common { store: self.common.store.by_right(right), ..self.common.clone() };
        let Common { config, store, rulebook, settings, metrics, tracer, stored, fresh, links } = common.clone();
        // Another process may have learned some.
        store.load_people().await?;
        let recovery = self.apis.recovery((&config, &settings), &store, &metrics);
        let (resume, resumed) = watch::channel(recovery.is_some().then(Timestamp::now));
        let (renamings, renamed) = mpsc::unbounded_channel();
        let mut intake = Intake {
            store: store.clone(),
            sending: Some(Sending { lanes: self.lanes.clone(), claims: self.claims.clone() }),
            enricher: self.apis.enricher(&settings),
            settings,
            tell_authors: config.tell_authors,
            rulebook: rulebook.clone(),
            resumed: resumed.clone(),
            metrics: Arc::clone(&metrics),
            tracer,
            stored: Arc::clone(&stored),
            fresh,
            renamings,
            touched: Vec::new(),
        };
        if let Some(rule_files) = self.apis.rule_files(&config, &mut intake, self.files.clone()) {
            spawn(&mut tasks, "rule files", rule_files.run(ended.clone()));
        }
        for pull_requests in self.apis.pull_requests(&config, &mut intake) {
            let name = if pull_requests.work == Work::Check { "check runs" } else { "nudges" };
            spawn(&mut tasks, name, pull_requests.run(ended.clone()));
        }
        if let Some(recovery) = recovery {
            spawn(&mut tasks, "recovery", recovery.run(resume, Arc::clone(&stored), ended.clone()));
        } else {
            // Fetched deliveries that are kept only while an API can be asked.
            store.let_go(Timestamp::now()).await?;
        }
        if let Some(replies) = config.channels.email.as_ref().and_then(|email| email.replies.clone()) {
            let inbox = Inbox::new(replies, links, Arc::clone(&self.answers));
            spawn(&mut tasks, "inbox", inbox.run(ended.clone()));
        }
        let gatherer = summaries(&config, &store, self.console);
        let (everybody, stored) = (config.summary.clone(), Arc::clone(&stored));
        let summariser = Summariser { gatherer, rulebook: rulebook.clone(), everybody, resumed, metrics, stored };
        spawn(&mut tasks, "summaries", summariser.run(ended.clone()));
        let owners = OwnerMail { channels: Arc::clone(&self.channels), rulebook, renamings: renamed };
        spawn(&mut tasks, "owners", owners.run(ended.clone()));
        spawn(&mut tasks, "sweeper", Sweeper::new(store.clone(), config.keep).run(ended.clone()));
        if store.is_shared() {
            spawn(&mut tasks, "webhooks of others", wake(common, ended.clone()));
        }
        let (mut looked_up, ended) = (self.looked_up.clone(), ended.clone());
        spawn(&mut tasks, "intake", async move {
            // Members' own actions aren't news, so members are looked up first, and the names of fields. Intake starts even
            // if that fails.
            let (Ok(()) | Err(_)) = looked_up.changed().await;
            intake.run(ended).await;
        });
        Ok(tasks)
    }
}

/// Tells intake of webhooks that other processes took in.
async fn wake(common: Common, mut ended: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_FOR_OTHERS) => {}
            _ = ended.wait_for(|ended| *ended) => return,
        }
        // Whatever is wrong, intake says so.
        if common.store.has_waiting().await.unwrap_or(false) {
            common.stored.notify_one();
        }
    }
}
