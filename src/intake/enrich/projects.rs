//! Finds the issues that projects tell of, where no webhook told of them yet.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{AT_ONCE, Enricher};
use crate::api::ApiError;
use crate::api::github::Github;
use crate::event::{About, Event, Progress, SubjectKey, TicketKey};
use crate::rule::Rules;
use crate::store::{Store, StoreError, Tx};
use crate::track::Known;

impl Enricher {
    /// Learns of the issues on boards that are known by their ids only, for the rules that ask about tickets.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(super) async fn find_issues(
        &self,
        github: &Github,
        events: impl Iterator<Item = &mut Event>,
        rules: &Rules,
        (store, end): (&Store, Instant),
    ) -> Result<(), StoreError> {
        let mut unnamed = BTreeMap::<SubjectKey, Event>::new();
        for event in events.filter(|event| event.host.is_none() && event.about.is_unnamed_issue()) {
            if rules.ask_of_tickets() || rules.want(event.kind) {
                // The first change of several is the one from what was so before.
                unnamed.entry(event.subject.clone()).or_insert_with(|| event.clone());
            }
        }
        if unnamed.is_empty() {
            return Ok(());
        }
        let known = move |tx: &Tx<'_>| {
            let mut others = BTreeMap::new();
            for (id, event) in unnamed {
                if tx.ticket_key(&id)?.is_none() {
                    others.insert(id, event);
                }
            }
            Ok(others)
        };
        let unnamed = store.read(known).await?;
        let asked = stream::iter(unnamed.into_values())
            .map(|event| async move { self.in_time(end, self.issue(github, &event)).await });
        let found = asked.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        let mut learned = Vec::new();
        for found in found {
            match found {
                Ok(found) => learned.extend(found),
                Err(error) => self.trouble(&error),
            }
        }
        store.learn(learned).await
    }

    /// The issue that a project tells of, as it was before.
    async fn issue(&self, github: &Github, event: &Event) -> Result<Option<(TicketKey, Known)>, ApiError> {
        let boards = &self.settings.boards;
        let Some(found) = github.issue_on_boards(&event.scope, &event.subject, boards).await? else { return Ok(None) };
        let Some(repo) = found.repository["full_name"].as_str() else { return Ok(None) };
        let issue = github.issue(repo, found.number).await?;
        Ok(self.read_issue(&found.repository, &issue).map(|(key, mut known)| {
            if let About::Issue(issue) = &mut known.about {
                issue.progress = Progress { begun: issue.progress.begun, ..before(found.progress, event) };
            }
            (key, known)
        }))
    }
}

/// What is left of what boards say now without what an event just changed.
fn before(mut progress: Progress, event: &Event) -> Progress {
    match event.change.as_ref().map_or("", |change| change.field.as_str()) {
        "status" => (progress.status, progress.category) = (None, None),
        "due" => progress.due = None,
        "iteration" => progress.iteration = None,
        field => drop(progress.fields.remove(&field.to_lowercase())),
    }
    progress
}
