//! Finds the issues that pull requests close, and learns of those that no webhook told of yet.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{AT_ONCE, Enricher};
use crate::api::ApiError;
use crate::api::github::Github;
use crate::event::{About, Event, TicketKey};
use crate::rule::Rules;
use crate::source;
use crate::store::{Store, StoreError};
use crate::track::{self, Known};

impl Enricher {
    /// Adds the issues that somebody linked to a pull request by hand. No webhook tells of that, so one who isn't told works
    /// with what texts say.
    pub(super) async fn add_linked(&self, github: &Github, event: &mut Event, number: u64) {
        match github.closes(&event.scope, number).await {
            Ok(closed) => event.tickets.extend(closed),
            Err(error) => self.trouble(&error),
        }
    }

    /// Learns of the issues that events belong to, for the rules that could match them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(super) async fn learn_issues(
        &self,
        github: &Github,
        events: &[&mut Event],
        rules: &Rules,
        (store, end): (&Store, Instant),
    ) -> Result<(), StoreError> {
        let is_ours = |event: &&&mut Event| event.host.is_none() && event.undoing.is_none();
        let wanting = events.iter().filter(is_ours).filter(|event| rules.asks(event).ticket);
        let others =
            |event: &Event| event.tickets.iter().filter(|key| event.subject != key.as_str()).cloned().collect();
        let keys = wanting.flat_map(|event| -> Vec<TicketKey> { others(event) }).filter(TicketKey::is_issue);
        let keys = keys.collect::<BTreeSet<_>>();
        if keys.is_empty() {
            return Ok(());
        }
        let known = store.known(keys.iter().map(TicketKey::subject).collect()).await?;
        let unknown = keys.into_iter().filter(|key| !known.contains_key(key.as_str()) && !self.is_no_ticket(key));
        let unknown = unknown.collect::<Vec<_>>();
        let asked = stream::iter(unknown).map(|key| async {
            let found = self.in_time(end, self.named_issue(github, &key)).await;
            (key, found)
        });
        let found = asked.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        let mut learned = Vec::new();
        for (key, found) in found {
            match found {
                Ok(Some(known)) => learned.push((key, known)),
                // It is a pull request, or in a repository that we may not see.
                Ok(None) => self.note_no_ticket(key),
                Err(error) => {
                    self.trouble(&error);
                    self.note_no_ticket(key);
                }
            }
        }
        store.learn(learned).await
    }

    /// An issue by its key.
    async fn named_issue(&self, github: &Github, key: &TicketKey) -> Result<Option<Known>, ApiError> {
        let repo = key.project();
        let Some(number) = key.subject().parts().number() else { return Ok(None) };
        let issue = github.issue(repo, number).await?;
        // Whether the repository is private isn't said, so it counts as private.
        let page = issue["html_url"].as_str().and_then(|page| Some(page.rsplit_once("/issues/")?.0));
        let repository = json!({ "full_name": repo, "html_url": page });
        Ok(self.read_issue(&repository, &issue).map(|(_, known)| known))
    }

    /// An issue from GitHub's API, with its repository as webhooks write it, read as its webhooks are.
    pub(super) fn read_issue(&self, repository: &Value, issue: &Value) -> Option<(TicketKey, Known)> {
        let told = source::issue(repository, issue, &self.settings)?;
        let key = TicketKey::issue(&told.subject).filter(|_| matches!(told.about, About::Issue(_)))?;
        // Only ours is asked.
        let known = track::track(None, Event { host: None, ..told }).known;
        Some((key, Known { updated_at: None, ..known }))
    }
}
