//! The latest review by each reviewer of a pull request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Event, EventKind, OccurrenceId, Person, PullRequest, Undoes, Undone};
use crate::reason::Reason;

/// More reviewers than this are not kept apart.
const MOST: usize = 50;

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It approves
    Approved,
    /// It asks for changes
    ChangesRequested,
}

/// The last review of each reviewer that approves or asks for changes, and was not dismissed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reviews(Vec<Latest>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Latest {
    by: String,
    state: State,
    /// The occurrence's name
    once: Option<OccurrenceId>,
    /// When it was
    at: Option<Timestamp>,
}

impl Reviews {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With what an event says, which may come late.
    #[must_use]
    pub fn after(mut self, event: &Event) -> Self {
        if let Some(Undoes::Occurrence(once, how)) = event.undoing.as_ref().map(|undoing| &undoing.of) {
            if *how == Undone::Dismissed {
                self.0.retain(|review| review.once.as_ref() != Some(once));
            }
            return self;
        }
        let state = match event.kind {
            EventKind::PullRequestApproved => State::Approved,
            EventKind::PullRequestChangesRequested => State::ChangesRequested,
            _ => return self,
        };
        let Some(by) = event.actor.as_ref().filter(|_| event.undoing.is_none()).map(|actor| actor.login.clone()) else {
            return self;
        };
        let is_late = |review: &Latest| review.by == by && review.at > Some(event.at);
        if self.0.iter().any(is_late) {
            return self;
        }
        self.0.retain(|review| review.by != by);
        self.0.push(Latest { by, state, once: event.once.clone(), at: Some(event.at) });
        if self.0.len() > MOST {
            self.0.remove(0);
        }
        self
    }

    /// Takes out the reviews by a person.
    pub(super) fn forget(&mut self, person: &Person) {
        self.0.retain(|review| !person.is_called(&review.by));
    }

    /// Whether a review is its reviewer's last word on the commits that the pull request has now.
    ///
    /// # Errors
    /// Why it isn't.
    pub(super) fn stands(&self, event: &Event, state: State, pr: &PullRequest) -> Result<(), Reason> {
        let Some(by) = &event.actor else { return Ok(()) };
        match self.0.iter().find(|review| review.by == by.login) {
            None => return Err(Reason::ReviewDismissedByNow),
            Some(review) if review.state != state || review.once != event.once => {
                return Err(Reason::ReviewedAgainByNow { by: by.name.clone() });
            }
            Some(_) => {}
        }
        let reviewed = event.review.as_ref().and_then(|review| review.commit.as_ref());
        match (reviewed, &pr.head_sha) {
            (Some(reviewed), Some(head)) if state == State::Approved && reviewed != head => Err(Reason::CommitsByNow),
            _ => Ok(()),
        }
    }
}
