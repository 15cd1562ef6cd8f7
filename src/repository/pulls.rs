//! Looks at pull requests that webhooks tell of, a moment after the last change. One task says who hears of them, and another one
//! checks what they do to team files, which takes longer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
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
/// GitHub takes 80 requests a minute that create something, and two tasks make them.
const GAP: Duration = Duration::from_millis(1500);
/// After an answer that didn't come.
const REST: Duration = Duration::from_secs(60);
/// So often a pull request is tried; its next webhook begins anew.
const ATTEMPTS: u32 = 5;
/// So many pull requests are remembered.
const KEPT: usize = 10_000;
/// What webhooks told of in the last hour before a start is looked at again, since nobody knows how far that was.
const UNSURE: SignedDuration = SignedDuration::from_hours(1);
/// So many of them at most.
const MOST_UNSURE: i64 = 100;

/// A pull request's repository and number.
pub(super) type Name = (String, u64);

/// What a task does about pull requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Says who hears of them
    Nudge,
    /// Checks what they do to team files
    Check,
}

/// A task that looks at them.
pub struct PullRequests {
    /// What it does about them
    pub work: Work,
    /// Where they are. It is a client of its own: that GitHub asks it to slow down must not keep intake from asking
    pub github: Arc<Github>,
    /// What is known
    pub store: Store,
    /// What the operator wants
    pub config: Config,
    /// How payloads are read
    pub settings: Settings,
    /// Asks for what a pull request itself doesn't say, through the same client
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
    #[error("the comment changes too often; it waits for {} s", .0.as_secs())]
    Paced(Duration),
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
    #[serde(default)]
    pub author_association: String,
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
    #[serde(default)]
    pub fork: bool,
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

    /// Whether it comes from the private repository that it goes into: whoever reads it may read that, and whoever wrote it may
    /// write there.
    pub(super) fn is_within(&self) -> bool {
        let name = |end: &End| end.repo.as_ref().map(|repo| repo.full_name.to_lowercase());
        let private = self.base.repo.as_ref().is_some_and(|repo| repo.private);
        private && name(&self.head).is_some() && name(&self.head) == name(&self.base)
    }

    /// Whether it is by somebody who belongs to the repository, as GitHub says.
    pub(super) fn is_of_member(&self) -> bool {
        ["OWNER", "MEMBER", "COLLABORATOR"].contains(&self.author_association.as_str())
    }

    /// Whether it goes into the default branch.
    fn is_into_default(&self) -> bool {
        let default = self.base.repo.as_ref().and_then(|repo| repo.default_branch.as_deref());
        default.is_none_or(|default| default == self.base.branch)
    }
}

/// When a pull request is looked at.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    /// How often it was tried
    attempts: u32,
    /// Somebody wants another check run of the same commit
    again: bool,
}

impl Due {
    fn soon() -> Self {
        Self { at: Instant::now() + CALM, attempts: 0, again: false }
    }
}

/// What was done about pull requests.
#[derive(Debug, Default)]
struct Done {
    /// The last commit that was checked
    checked: HashMap<Name, String>,
    paces: HashMap<Name, Pace>,
}

/// When a comment was written, changed or deleted lately.
#[derive(Debug, Default)]
pub(super) struct Pace(Vec<Instant>);

impl Pace {
    /// So many times in so long: whoever marks a pull request as a draft and as ready, again and again, doesn't have us write as
    /// often.
    const MOST: usize = 5;
    const WITHIN: Duration = Duration::from_secs(5 * 60);

    /// Notes that it is written now.
    ///
    /// # Errors
    /// It was written too often, and has to wait.
    pub(super) fn go(&mut self) -> Result<(), Trouble> {
        let now = Instant::now();
        self.0.retain(|at| *at + Self::WITHIN > now);
        match self.0.first() {
            Some(first) if self.0.len() >= Self::MOST => Err(Trouble::Paced(*first + Self::WITHIN - now)),
            _ => {
                self.0.push(now);
                Ok(())
            }
        }
    }
}

impl PullRequests {
    /// What there is to do with these settings.
    #[must_use]
    pub fn wanted(config: &Config, github: &Github) -> Vec<Work> {
        let checks = github.is_app() && (config.rules_repo.is_some() || !config.teams_allowed.is_empty());
        [(Work::Nudge, config.nudge), (Work::Check, checks)]
            .into_iter()
            .filter(|(_, is)| *is)
            .map(|(work, _)| work)
            .collect()
    }

    /// Runs until `stop` turns true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.look() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn look(&mut self) {
        let (mut due, mut done) = (self.unsure().await, Done::default());
        loop {
            let next = due.iter().min_by_key(|(_, due)| due.at).map(|(name, due)| (name.clone(), *due));
            tokio::select! {
                touched = self.touched.recv() => match touched {
                    Some(touched) => self.note(touched, &mut due),
                    None => std::future::pending().await,
                },
                () = sleep_until(next.as_ref().map_or_else(Instant::now, |(_, due)| due.at)), if next.is_some() => {
                    let Some((name, before)) = next else { continue };
                    due.remove(&name);
                    if let Err(trouble) = self.look_at(&name, before.again, &mut done).await
                        && let Some(later) = later(&name, before, &trouble)
                    {
                        due.insert(name, later);
                    }
                }
            }
        }
    }

    /// What may have been left undone when the service stopped.
    async fn unsure(&self) -> BTreeMap<Name, Due> {
        let recent = self.store.recent_pull_requests(Timestamp::now() - UNSURE, MOST_UNSURE).await;
        let recent = recent.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot tell which pull requests were looked at before the start");
            Vec::new()
        });
        let names = recent.iter().filter_map(|subject| {
            let parts = subject.parts();
            Some((parts.scope.to_owned(), parts.number().filter(|_| parts.host.is_none())?))
        });
        names.filter(|(repo, _)| self.concerns(repo)).map(|name| (name, Due::soon())).collect()
    }

    /// Notes what a webhook tells of.
    fn note(&self, touched: Touched, due: &mut BTreeMap<Name, Due>) {
        let (repo, number, again) = match touched {
            Touched::PullRequest(repo, number) => (repo, number, false),
            Touched::CheckAgain(repo, number) if self.work == Work::Check => (repo, number, true),
            Touched::CheckAgain(..) | Touched::RuleFile(_) | Touched::Repository(_) => return,
        };
        if self.concerns(&repo) {
            let name = (repo, number);
            let again = again || due.get(&name).is_some_and(|due| due.again);
            due.insert(name, Due { again, ..Due::soon() });
        }
    }

    /// Whether anything is to be done about the pull requests of a repository.
    fn concerns(&self, repo: &str) -> bool {
        let of_rules = || self.config.rules_repo.as_ref().is_some_and(|rules| rules.repo.eq_ignore_ascii_case(repo));
        self.work == Work::Nudge || of_rules() || self.config.teams_allowed.names(repo)
    }

    async fn look_at(&self, name: &Name, again: bool, done: &mut Done) -> Result<(), Trouble> {
        let (repo, number) = name;
        let value = match self.github.pull_request(repo, *number).await {
            // An issue that isn't a pull request, or one that is gone.
            Err(error) if error.is_absent() => return Ok(()),
            value => value?,
        };
        let pull = read(&value)?;
        match self.work {
            Work::Nudge => {
                if done.paces.len() >= KEPT {
                    done.paces.clear();
                }
                self.nudge(name, (&pull, &value), done.paces.entry(name.clone()).or_default()).await
            }
            Work::Check => {
                let is_new = again || done.checked.get(name) != Some(&pull.head.sha);
                if is_new && pull.is_open() && pull.is_into_default() {
                    self.check(name, &pull, again).await?;
                    if done.checked.len() >= KEPT {
                        done.checked.clear();
                    }
                    done.checked.insert(name.clone(), pull.head.sha);
                }
                Ok(())
            }
        }
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
fn later((repo, number): &Name, due: Due, trouble: &Trouble) -> Option<Due> {
    let wait = match trouble {
        Trouble::Paced(wait) => return Some(Due { at: Instant::now() + *wait, ..due }),
        Trouble::Api(ApiError::Limited { wait, .. }) => Some(*wait),
        Trouble::Api(ApiError::Silent(_) | ApiError::Refused { status: 500.., .. }) | Trouble::Store(_) => Some(REST),
        Trouble::Api(_) | Trouble::Other(_) => None,
    };
    let wait = wait.filter(|_| due.attempts + 1 < ATTEMPTS);
    tracing::warn!(repo, number, %trouble, again = wait.is_some(), "could not look at a pull request");
    wait.map(|wait| Due { at: Instant::now() + wait, attempts: due.attempts + 1, ..due })
}
