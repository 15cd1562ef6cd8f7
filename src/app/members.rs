//! Looks up the members of the teams that team files name with `github_team`, at the start and then regularly. While
//! GitHub doesn't answer, the members that were known stay in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::api;
use crate::api::ApiError;
use crate::api::github::Github;
use crate::compose::{Members, Rulebook};

/// How long an answer is used.
const FRESH: Duration = Duration::from_secs(3600);
/// The pause after a failure.
const REST: Duration = Duration::from_secs(300);
/// How many requests are made at a time.
const AT_ONCE: usize = 8;

/// Looks up the members of teams.
pub struct Roster {
    github: Option<Arc<Github>>,
    /// When each team is asked about again
    due: BTreeMap<String, Instant>,
    /// The teams for which a failure was logged
    troubled: BTreeSet<String>,
}

impl Roster {
    /// Without access to GitHub's API, nothing is looked up.
    #[must_use]
    pub fn new(github: Option<Arc<Github>>) -> Self {
        Self { github, due: BTreeMap::new(), troubled: BTreeSet::new() }
    }

    /// Waits until it is time to ask, and then returns the members of the teams that the rulebook names. It is
    /// cancel-safe.
    pub async fn next(&mut self, rulebook: &Rulebook) -> Members {
        let teams = teams(rulebook);
        let now = Instant::now();
        let next = teams.iter().map(|team| self.due.get(team).copied().unwrap_or(now)).min();
        let (Some(github), Some(next)) = (self.github.clone(), next) else { return std::future::pending().await };
        sleep_until(next).await;
        self.ask(&github, teams, rulebook.members()).await
    }

    /// Whether the rulebook names a team that was never looked up.
    #[must_use]
    pub fn is_new(&self, rulebook: &Rulebook) -> bool {
        self.github.is_some() && teams(rulebook).iter().any(|team| !self.due.contains_key(team))
    }

    async fn ask(&mut self, github: &Github, teams: BTreeSet<String>, known: &Members) -> Members {
        let (now, end) = (Instant::now(), Instant::now() + api::DEADLINE);
        let late = || ApiError::Silent("there was no answer in time".to_owned());
        let mut members = known.clone();
        members.retain(|team, _| teams.contains(team));
        let due = teams.into_iter().filter(|team| self.due.get(team).is_none_or(|due| *due <= now));
        let asked = stream::iter(due).map(|team| async move {
            let answer = timeout_at(end, github.team_members(&team)).await;
            (team, answer.unwrap_or_else(|_| Err(late())))
        });
        for (team, answer) in asked.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
            self.due.insert(team.clone(), now + if answer.is_ok() { FRESH } else { REST });
            match answer {
                Ok(logins) => {
                    if self.troubled.remove(&team) {
                        tracing::info!(team, "GitHub lists the members of this team again");
                    }
                    members.insert(team, logins);
                }
                Err(error) => self.trouble(team, &error, known),
            }
        }
        members
    }

    /// Logs a failure once, until there is an answer.
    fn trouble(&mut self, team: String, error: &ApiError, known: &Members) {
        let count = if known.contains_key(&team) { "those known before" } else { "those in `members`" };
        let help = "the token, or the App, has to read the organization's members";
        if self.troubled.insert(team.clone()) {
            tracing::warn!(team, %error, "GitHub doesn't list the members of this team: only {count} count; {help}");
        }
    }
}

fn teams(rulebook: &Rulebook) -> BTreeSet<String> {
    rulebook.files().filter_map(|(_, team)| Some(team.github_team.as_ref()?.to_lowercase())).collect()
}
