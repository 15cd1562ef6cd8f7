//! Merges what is known of a subject with what an event says about it, since each payload shows only a part.

use std::collections::BTreeMap;

use crate::event::{About, PullRequest, Stage, Thing, ThingKind, Ticket};

/// The newer state, with what it leaves out taken from the older one.
pub(super) fn merge(before: &About, event: &About, late: bool) -> About {
    let (new, old) = if late { (before, event) } else { (event, before) };
    match (new, old) {
        (About::PullRequest(new), About::PullRequest(old)) => About::PullRequest(merge_pull_request(new, old)),
        (About::Ticket(new), About::Ticket(old)) => About::Ticket(merge_ticket(new, old)),
        (About::Issue(new), About::Issue(old)) => About::Issue(super::issue::merge(new, old)),
        (About::Thing(new), About::Thing(old)) if new.lives_on() && new.id == old.id => About::Thing(Thing {
            prerelease: new.prerelease.or(old.prerelease),
            outcome: new.outcome.clone().or_else(|| old.outcome.clone().filter(|_| new.kind == ThingKind::Discussion)),
            ..new.clone()
        }),
        (new, _) => new.clone(),
    }
}

fn merge_pull_request(new: &PullRequest, old: &PullRequest) -> PullRequest {
    PullRequest {
        number: new.number,
        title: new.title.clone(),
        url: new.url.clone(),
        // A merge is for good, and a comment's payload may say no more than "closed".
        stage: if old.stage == Stage::Merged { Stage::Merged } else { new.stage },
        author: new.author.clone().or_else(|| old.author.clone()),
        draft: new.draft.or(old.draft),
        base: new.base.clone().or_else(|| old.base.clone()),
        head: new.head.clone().or_else(|| old.head.clone()),
        head_sha: new.head_sha.clone().or_else(|| old.head_sha.clone()),
        labels: new.labels.clone().or_else(|| old.labels.clone()),
        assignees: new.assignees.clone().or_else(|| old.assignees.clone()),
        reviewers: new.reviewers.clone().or_else(|| old.reviewers.clone()),
        reviewing_teams: if new.reviewers.is_some() { &new.reviewing_teams } else { &old.reviewing_teams }.clone(),
        additions: new.additions.or(old.additions),
        deletions: new.deletions.or(old.deletions),
        changed_files: new.changed_files.or(old.changed_files),
        body_summary: new.body_summary.clone().or_else(|| old.body_summary.clone()),
        body: new.body.clone().or_else(|| old.body.clone()),
        private: new.private.or(old.private),
        updated_at: new.updated_at.max(old.updated_at),
    }
}

/// A payload with the ticket's whole state has the time of its last change; there, an absent due date is one that was
/// removed. Comment and link events carry a few fields or none: what they leave out stays as it was.
fn merge_ticket(new: &Ticket, old: &Ticket) -> Ticket {
    let (id, url) = (new.id.clone().or_else(|| old.id.clone()), new.url.clone().or_else(|| old.url.clone()));
    // Only a change says whether it is flagged, so the last of these counts, also where it comes late.
    let of = if new.flagged.is_none() || old.flagged.is_some() && old.flagged_at > new.flagged_at { old } else { new };
    let (flagged, flagged_at) = (of.flagged, of.flagged_at);
    if new.updated_at.is_some() {
        return Ticket {
            id,
            url,
            flagged,
            flagged_at,
            // A comment's payload doesn't say whether it is restricted.
            restricted: new.restricted.or(old.restricted),
            slipped: new.slipped.or(old.slipped),
            // What the payload's site calls by other ids isn't always known.
            parents: new.parents.clone().or_else(|| old.parents.clone()),
            sprints: new.sprints.clone().or_else(|| old.sprints.clone()),
            fields: merge_fields(new, old),
            ..new.clone()
        };
    }
    Ticket {
        key: new.key.clone(),
        id,
        url,
        summary: new.summary.clone().or_else(|| old.summary.clone()),
        status: new.status.clone().or_else(|| old.status.clone()),
        status_category: new.status_category.or(old.status_category),
        resolution: new.resolution.clone().or_else(|| old.resolution.clone()),
        duplicate_of: new.duplicate_of.clone().or_else(|| old.duplicate_of.clone()),
        slipped: new.slipped.or(old.slipped),
        flagged,
        flagged_at,
        restricted: new.restricted.or(old.restricted),
        due: new.due.or(old.due),
        assignee: new.assignee.clone().or_else(|| old.assignee.clone()),
        priority: new.priority.clone().or_else(|| old.priority.clone()),
        type_name: new.type_name.clone().or_else(|| old.type_name.clone()),
        parents: new.parents.clone().or_else(|| old.parents.clone()),
        sprints: new.sprints.clone().or_else(|| old.sprints.clone()),
        fields: merge_fields(new, old),
        ..old.clone()
    }
}

fn merge_fields(new: &Ticket, old: &Ticket) -> BTreeMap<String, Vec<String>> {
    let known = old.fields.iter().chain(&new.fields);
    known.map(|(name, values)| (name.clone(), values.clone())).collect()
}
