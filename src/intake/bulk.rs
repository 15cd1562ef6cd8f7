//! One person's many updates at a time: a bulk edit, or a change that a script makes in many repositories, is one digest.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::bundle::Ready;
use super::{Intake, hold};
use crate::hold::{Reason, Wait};
use crate::store::{Crowd, Due, Released, StoreError};

/// So many subjects at a time are a bulk edit.
const MANY: usize = 8;

/// Updates of one team, about one kind of event, that one person brought about.
type Group = (String, String, String);

impl Intake {
    /// Takes what is part of a bulk edit out of the updates that are ready: it waits for the rest of it, and goes as a digest.
    pub(super) async fn crowd<'a>(
        &self,
        ready: Vec<Ready<'a>>,
        released: &mut Released,
        now: Timestamp,
    ) -> Result<Vec<Ready<'a>>, StoreError> {
        let groups = ready.iter().filter_map(|ready| group(&ready.due)).collect::<HashSet<_>>();
        if groups.is_empty() {
            return Ok(ready);
        }
        let crowds = self.store.crowds(&groups.into_iter().collect::<Vec<_>>(), now).await?;
        let crowds = crowds.into_iter().filter(|(_, crowd)| crowd.subjects >= MANY).collect::<HashMap<_, _>>();
        let mut go = Vec::new();
        for mut ready in ready {
            let crowd = group(&ready.due).and_then(|group| crowds.get(&group));
            match crowd.map(|crowd| until(crowd, &ready)) {
                None => go.push(ready),
                Some(until) if until > now => {
                    let wait = Wait { until, reason: Reason::Bulk };
                    let reason = wait.describe(&ready.team.timezone);
                    released.held.push((ready.due.id, wait, true, reason));
                }
                Some(_) => {
                    ready.due.digest = true;
                    go.push(ready);
                }
            }
        }
        Ok(go)
    }
}

/// Until when an update waits for the others: none waits longer than its rule's bound.
fn until(crowd: &Crowd, ready: &Ready<'_>) -> Timestamp {
    let bound = ready.due.since.unwrap_or(ready.due.at) + ready.rule.settle_max;
    let last = crowd.last.unwrap_or(bound);
    let until = last.min(bound);
    hold::quiet_until(&ready.team.quiet, &ready.team.timezone, until).unwrap_or(until)
}

/// What an update is one of many of, if it can be. What a person chose to say goes by itself, whatever else they do, and so
/// does what is wanted at once.
fn group(due: &Due) -> Option<Group> {
    let actor = due.event.actor.as_ref().filter(|_| !due.kind.is_note() && !due.digest && !due.at_once)?;
    Some((due.team.clone(), due.kind.as_str().to_owned(), actor.login.clone()))
}
