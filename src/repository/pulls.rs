//! Looks at pull requests that webhooks tell of, a moment after the last change: checks what they do to team files, and says who
//! hears of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::api::ApiError;
use crate::api::github::Github;
use crate::compose::Rulebook;
use crate::config::Config;
use crate::intake::{Enricher, Touched};
use crate::source::Settings;
use crate::store::{Store, StoreError};

/// Opening a pull request with labels and reviewers sends several webhooks.
const CALM: Duration = Duration::from_millis(500);
/// GitHub asks for so long between requests that create something.
const GAP: Duration = Duration::from_secs(1);
/// After an answer that didn't come.
const REST: Duration = Duration::from_secs(60);
/// So often a pull request is tried; its next webhook begins anew.
const ATTEMPTS: u32 = 5;
/// So many last commits are remembered.
const KEPT: usize = 10_000;

/// A pull request's repository and number.
pub(super) type Name = (String, u64);

/// The task that looks at them.
pub struct PullRequests {
    /// Where they are
    pub github: Arc<Github>,
    /// What is known
    pub store: Store,
    /// What the operator wants
    pub config: Config,
    /// How payloads are read
    pub settings: Settings,
    /// Asks for what a pull request itself doesn't say. It is a client of its own, so that its troubles aren't those of intake
    pub enricher: Enricher,
    /// What is in force
    pub rulebook: watch::Receiver<Arc<Rulebook>>,
    /// Tells of changes on GitHub
    pub touched: mpsc::UnboundedReceiver<Touched>,
}

/// Why a pull request couldn't be looked at.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Other(String),
}

/// A pull request, as far as it is needed.
#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    pub state: String,
    #[serde(default)]
    pub merged: bool,
    pub draft: Option<bool>,
    pub user: Option<User>,
    pub head: End,
    pub base: End,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub login: String,
    #[serde(rename = "type", default)]
    pub kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct End {
    pub sha: String,
    #[serde(rename = "ref")]
    pub branch: String,
    /// `None` for a fork that was deleted
    pub repo: Option<Repository>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub full_name: String,
    #[serde(default = "private")]
    pub private: bool,
    pub default_branch: Option<String>,
}

/// What isn't known to be public is private.
fn private() -> bool {
    true
}

impl Pull {
    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// Whether it comes from the repository itself, so that whoever wrote it may write there.
    pub(super) fn is_own(&self) -> bool {
        let name = |end: &End| end.repo.as_ref().map(|repo| repo.full_name.to_lowercase());
        name(&self.head).is_some() && name(&self.head) == name(&self.base)
    }

    /// Whether it goes into the default branch.
    fn is_into_default(&self) -> bool {
        let default = self.base.repo.as_ref().and_then(|repo| repo.default_branch.as_deref());
        default.is_none_or(|default| default == self.base.branch)
    }
}

impl PullRequests {
    /// Whether there is anything to do with these settings.
    #[must_use]
    pub fn are_wanted(config: &Config, github: &Github) -> bool {
        config.nudge || github.is_app() && (config.rules_repo.is_some() || !config.teams_allowed.is_empty())
    }

    /// Runs until `stop` turns true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.look() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn look(&mut self) {
        let mut due = BTreeMap::<Name, (Instant, u32)>::new();
        let mut checked = HashMap::<Name, String>::new();
        loop {
            let next = due.iter().min_by_key(|(_, (at, _))| *at).map(|(name, due)| (name.clone(), *due));
            tokio::select! {
                touched = self.touched.recv() => match touched {
                    Some(Touched::PullRequest(repo, number)) if self.concerns(&repo) => {
                        due.insert((repo, number), (Instant::now() + CALM, 0));
                    }
                    Some(_) => {}
                    None => std::future::pending().await,
                },
                () = sleep_until(next.as_ref().map_or_else(Instant::now, |(_, (at, _))| *at)), if next.is_some() => {
                    let Some((name, (_, attempts))) = next else { continue };
                    due.remove(&name);
                    if let Err(trouble) = self.look_at(&name, &mut checked).await {
                        let (repo, number) = &name;
                        let wait = again(&trouble).filter(|_| attempts + 1 < ATTEMPTS);
                        tracing::warn!(repo, number, %trouble, again = wait.is_some(), "could not look at a pull request");
                        if let Some(wait) = wait {
                            due.insert(name, (Instant::now() + wait, attempts + 1));
                        }
                    }
                }
            }
        }
    }

    /// Whether anything is to be done about the pull requests of a repository.
    fn concerns(&self, repo: &str) -> bool {
        self.config.nudge || self.checks(repo)
    }

    /// Whether those of a repository can change team files. Only an App can write check runs.
    fn checks(&self, repo: &str) -> bool {
        let of_rules = self.config.rules_repo.as_ref().is_some_and(|rules| rules.repo.eq_ignore_ascii_case(repo));
        self.github.is_app() && (of_rules || self.config.teams_allowed.names(repo))
    }

    async fn look_at(&self, name: &Name, checked: &mut HashMap<Name, String>) -> Result<(), Trouble> {
        let (repo, number) = name;
        let value = match self.github.pull_request(repo, *number).await {
            // An issue that isn't a pull request, or one that is gone.
            Err(error) if error.is_absent() => return Ok(()),
            value => value?,
        };
        let pull = read(&value)?;
        // Each is done even if the other one can't be.
        let nudged = if self.config.nudge { self.nudge(name, (&pull, &value)).await } else { Ok(()) };
        let to_check = self.checks(repo) && pull.is_open() && pull.is_into_default();
        if to_check && checked.get(name) != Some(&pull.head.sha) {
            self.check(name, &pull).await?;
            if checked.len() >= KEPT {
                checked.clear();
            }
            checked.insert(name.clone(), pull.head.sha);
        }
        nudged
    }

    /// Waits as long as GitHub asks for after something was created.
    pub(super) async fn pause(&self) {
        sleep(GAP).await;
    }
}

fn read(value: &Value) -> Result<Pull, Trouble> {
    Pull::deserialize(value).map_err(|error| Trouble::Other(format!("the pull request cannot be read: {error}")))
}

/// When to try again, if that could help.
fn again(trouble: &Trouble) -> Option<Duration> {
    match trouble {
        Trouble::Api(ApiError::Limited { wait, .. }) => Some(*wait),
        Trouble::Api(ApiError::Silent(_) | ApiError::Refused { status: 500.., .. }) | Trouble::Store(_) => Some(REST),
        Trouble::Api(_) | Trouble::Other(_) => None,
    }
}
