//! Finds the pull request behind a workflow's run or a deployment: by the number in the payload, or else by the commit.

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::time::Instant;

use super::{AT_ONCE, Enricher};
use crate::api::ApiError;
use crate::api::github::Github;
use crate::event::{About, Event};
use crate::rule::Rules;
use crate::source;
use crate::store::{Store, StoreError};
use crate::track;

impl Enricher {
    /// Makes what pull requests brought about a part of that work, for the rules that want to know.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(super) async fn find_work(
        &self,
        github: &Github,
        events: impl Iterator<Item = &mut Event>,
        rules: &Rules,
        (store, end): (&Store, Instant),
    ) -> Result<(), StoreError> {
        let mut wanting =
            events.filter(|event| event.host.is_none() && rules.asks(event).pull_request).collect::<Vec<_>>();
        let subjects = wanting.iter().map(|event| event.work()).collect::<Vec<_>>();
        if subjects.is_empty() {
            return Ok(());
        }
        let known = store.known(subjects).await?;
        wanting.retain_mut(|event| {
            known.get(&event.work()).is_none_or(|pull| {
                track::belong(event, pull);
                event.brought_by().is_none()
            })
        });
        let asked = stream::iter(wanting).for_each_concurrent(AT_ONCE, |event| async {
            let found = self.in_time(end, self.pull_request(github, event)).await;
            let found = found.map(|found| {
                if let Some(pull) = found {
                    track::belong(event, &track::track(None, pull).known);
                }
            });
            self.noted(event, found);
        });
        asked.await;
        Ok(())
    }

    /// The pull request behind an event.
    async fn pull_request(&self, github: &Github, event: &Event) -> Result<Option<Event>, ApiError> {
        let About::Thing(thing) = &event.about else { return Ok(None) };
        let read = |pull: &Value| source::pull_request(&event.scope, pull, &self.settings);
        if let Some(number) = thing.pull_request {
            return Ok(read(&github.pull_request(&event.scope, number).await?));
        }
        let Some(commit) = &thing.commit else { return Ok(None) };
        let pulls = github.pull_requests_with(&event.scope, commit).await?;
        // A commit can be on the way into several branches: the one that it is the end of, if there is one.
        let ends = |pull: &&Value| {
            let sha = |path: &str| pull.pointer(path).and_then(Value::as_str);
            [sha("/merge_commit_sha"), sha("/head/sha")].contains(&Some(commit))
        };
        Ok(pulls.iter().find(ends).and_then(read).or_else(|| pulls.iter().find_map(read)))
    }
}
