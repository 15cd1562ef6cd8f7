//! The APIs that can be used, and what uses them.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::StartError;
use crate::api;
use crate::api::github::Github;
use crate::api::jira::Jira;
use crate::api::slack::Slack;
use crate::channel;
use crate::config::Config;
use crate::intake::{Enricher, Intake, Touched};
use crate::metrics::Metrics;
use crate::people::Finder;
use crate::recover::{Poll, Recovery};
use crate::repository::{PullRequests, RuleFiles};
use crate::rule::RepositoryFile;
use crate::source::Settings;
use crate::store::Store;

/// The APIs that can be used.
pub(super) struct Apis {
    pub github: Option<Arc<Github>>,
    /// The same GitHub, for what is done at pull requests: a pause that it asks for there is none for intake
    at_pulls: Option<Arc<Github>>,
    pub jira: Option<Arc<Jira>>,
    pub slack: Option<Arc<Slack>>,
}

impl Apis {
    pub(super) async fn new(config: &Config, reading: &Settings) -> Result<Self, StartError> {
        let (github, jira) = (config.channels.github.as_ref(), config.channels.jira.as_ref());
        let slack = match config.channels.slack() {
            Some(settings) => {
                let client = channel::http_client(api::DEADLINE).await.map_err(StartError::Client)?;
                Some(Arc::new(Slack::new(settings.api.clone(), client)))
            }
            None => None,
        };
        if github.is_none() && jira.is_none() {
            return Ok(Self { github: None, at_pulls: None, jira: None, slack });
        }
        let client = channel::http_client(api::DEADLINE * 2).await.map_err(StartError::Client)?;
        let new = || {
            let new = github.map(|settings| Github::new(settings, client.clone())).transpose();
            new.map(|github| github.map(Arc::new)).map_err(StartError::Client)
        };
        let (github, at_pulls) = (new()?, new()?);
        let jira = jira.map(|settings| Arc::new(Jira::new(settings.clone(), client, reading.fields.clone())));
        Ok(Self { github, at_pulls, jira, slack })
    }

    /// The enricher, which asks for what webhooks leave out.
    pub(super) fn enricher(&self, settings: &Settings) -> Option<Arc<Enricher>> {
        let (github, jira) = (self.github.clone(), self.jira.clone());
        (github.is_some() || jira.is_some()).then(|| Arc::new(Enricher::new(github, jira, settings.clone())))
    }

    /// What reads the team files of repositories, if any may have one.
    pub(super) fn rule_files(
        &self,
        config: &Config,
        intake: &mut Intake,
        files: watch::Sender<Arc<Vec<RepositoryFile>>>,
    ) -> Option<RuleFiles> {
        let github = self.github.clone().filter(|_| !config.teams_allowed.is_empty())?;
        let touched = listen(intake);
        let (store, rulebook) = (intake.store.clone(), intake.rulebook.clone());
        let (allowed, channels) = (Arc::clone(&config.teams_allowed), config.channels.available());
        Some(RuleFiles { github, store, allowed, channels, rulebook, files, touched })
    }

    /// What looks at pull requests, as far as the operator wants that.
    pub(super) fn pull_requests(&self, config: &Config, intake: &mut Intake) -> Vec<PullRequests> {
        let Some(github) = &self.at_pulls else { return Vec::new() };
        let task = |work| {
            let (github, touched) = (Arc::clone(github), listen(intake));
            let (store, settings, rulebook) = (intake.store.clone(), intake.settings.clone(), intake.rulebook.clone());
            let enricher = Enricher::new(Some(Arc::clone(&github)), self.jira.clone(), settings.clone());
            PullRequests { work, github, store, config: config.clone(), settings, enricher, rulebook, touched }
        };
        PullRequests::wanted(config, github).into_iter().map(task).collect()
    }

    /// What looks people up.
    pub(super) fn finder(&self, config: &Config, store: &Store) -> Finder {
        let people = config.channels.people.clone();
        Finder::new((store.clone(), people), self.github.clone(), self.slack.clone(), self.jira.clone())
    }

    /// The recovery of webhooks that did not arrive.
    pub(super) fn recovery(
        &self,
        (config, settings): (&Config, &Settings),
        store: &Store,
        metrics: &Arc<Metrics>,
    ) -> Option<Recovery> {
        let (github, jira) = (self.github.clone(), self.jira.clone());
        let anybody = github.is_some() || jira.is_some();
        let (store, settings, metrics) = (store.clone(), settings.clone(), Arc::clone(metrics));
        let poll = config.jira_poll.map(|every| Poll { every, alone: config.jira_secrets.is_empty() });
        anybody.then_some(Recovery { store, settings, github, jira, poll, metrics })
    }
}

/// Told of what on GitHub may have changed, from now on.
fn listen(intake: &mut Intake) -> mpsc::UnboundedReceiver<Touched> {
    let (listener, touched) = mpsc::unbounded_channel();
    intake.touched.push(listener);
    touched
}
