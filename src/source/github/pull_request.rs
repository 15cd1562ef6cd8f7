//! Pull requests.

use crate::event::{About, Change, Event, EventKind, PullRequest, Stage, SubjectKey};
use crate::reason::Reason;
use crate::source::{Understood, summary, text};

use super::payload::{self, User};
use super::queue::{self, TEMPORARY};
use super::{Delivery, closing, logins, missing, names, own_words, short, time};

/// A pull request as its own events and reviews show it.
pub(super) struct Shown<'a> {
    payload: &'a payload::PullRequest,
    subject: SubjectKey,
    about: PullRequest,
}

/// # Errors
/// It has no number, or belongs to a merge queue.
pub(super) fn shown<'a>(delivery: &'a Delivery<'_>) -> Result<Shown<'a>, Reason> {
    let payload = delivery.body.pull_request.as_ref().ok_or_else(|| missing("pull_request"))?;
    let number = payload.number.as_ref().and_then(|id| id.number()).ok_or_else(|| missing("pull_request.number"))?;
    if is_queues(delivery, payload) {
        return Err(Reason::MergeQueue { detail: format!("it comes from {TEMPORARY}") });
    }
    let subject = SubjectKey::numbered(delivery.scope, number);
    let page = || delivery.page(&["pull", &number.to_string()]).unwrap_or_default();
    let about = PullRequest {
        number,
        title: payload.title.text().map_or_else(|| subject.to_string(), text::title),
        url: payload.html_url.as_ref().map_or_else(page, String::from),
        stage: stage(payload, delivery.action()),
        author: payload.user.as_ref().and_then(User::actor),
        draft: *payload.draft,
        base: payload.base.as_ref().and_then(|base| base.git_ref.text()).map(str::to_owned),
        head: payload.head.as_ref().and_then(|head| head.git_ref.text()).map(str::to_owned),
        head_sha: payload.head.as_ref().and_then(|head| head.sha.text()).map(str::to_owned),
        labels: names(&payload.labels),
        assignees: logins(&payload.assignees),
        reviewers: reviewers(payload),
        reviewing_teams: reviewing_teams(payload),
        additions: *payload.additions,
        deletions: *payload.deletions,
        changed_files: *payload.changed_files,
        body_summary: payload.body.as_deref().and_then(summary::of_markdown),
        body: Some(text::body(payload.body.as_deref())),
        private: *delivery.repository.private,
        updated_at: time(&payload.updated_at),
    };
    Ok(Shown { payload, subject, about })
}

/// Whether a merge queue opened it to test others. A fork's branch can have any name.
fn is_queues(delivery: &Delivery<'_>, payload: &payload::PullRequest) -> bool {
    let Some(head) = payload.head.as_ref() else { return false };
    let owner = |label: &str| label.split_once(':').map(|(owner, _)| owner.to_lowercase());
    let ours = head
        .label
        .text()
        .and_then(owner)
        .is_none_or(|owner| delivery.scope.to_lowercase().split('/').next() == Some(owner.as_str()));
    let author = payload.user.as_ref().and_then(|user| user.login.text());
    ours && head.git_ref.text().is_some_and(|branch| queue::tried(branch, author).is_some())
}

fn stage(payload: &payload::PullRequest, action: &str) -> Stage {
    if *payload.merged == Some(true) || payload.merged_at.is_some() {
        Stage::Merged
    } else if payload.state.as_deref().unwrap_or(action) == "closed" {
        Stage::Closed
    } else {
        Stage::Open
    }
}

impl Shown<'_> {
    pub(super) fn event(&self, delivery: &Delivery<'_>, kind: EventKind) -> Event {
        let about = self.about.clone();
        let words = own_words(&self.payload.body);
        let keys = delivery.keys_and_issues(about.head.as_deref(), (Some(&about.title), &[&words]), closing::MOST);
        let event = delivery.event(kind, self.subject.clone(), About::PullRequest(about));
        Event { tickets: keys.tickets, listed: keys.listed, ..event }
    }
}

/// The actions that rules can ask for.
const TOLD: [&str; 11] = [
    "opened",
    "converted_to_draft",
    "ready_for_review",
    "closed",
    "reopened",
    "synchronize",
    "edited",
    "labeled",
    "unlabeled",
    "assigned",
    "review_requested",
];

/// `pull_request`
pub fn changed(delivery: &Delivery<'_>) -> Understood {
    let shown = shown(delivery)?;
    let payload = shown.payload;
    let (kind, change) = match delivery.action() {
        "opened" if *payload.draft == Some(true) => (EventKind::PullRequestDraft, None),
        "opened" => (EventKind::PullRequestOpened, None),
        "converted_to_draft" => (EventKind::PullRequestDraft, Some(change("draft", None, None))),
        "ready_for_review" => (EventKind::PullRequestReady, None),
        "closed" if shown.about.stage == Stage::Merged => (EventKind::PullRequestMerged, None),
        "closed" => (EventKind::PullRequestClosed, None),
        "reopened" => (EventKind::PullRequestReopened, None),
        "synchronize" => (EventKind::PullRequestPushed, Some(pushed(delivery))),
        "edited" => (EventKind::PullRequestEdited, edited(delivery, payload)),
        "labeled" => (EventKind::PullRequestLabeled, Some(change("label", None, label(delivery)))),
        "unlabeled" => (EventKind::PullRequestUnlabeled, Some(change("label", label(delivery), None))),
        "assigned" => (EventKind::PullRequestAssigned, Some(change("assignee", None, assignee(delivery)))),
        "review_requested" => {
            (EventKind::PullRequestReviewRequested, Some(change("reviewer", None, reviewer(delivery))))
        }
        "unassigned" => (EventKind::PullRequestAssigned, Some(change("assignee", assignee(delivery), None))),
        "review_request_removed" => {
            (EventKind::PullRequestReviewRequested, Some(change("reviewer", reviewer(delivery), None)))
        }
        "" => return Err(delivery.nothing_to_ask_for()),
        _ => (EventKind::PullRequestEdited, None),
    };
    let mut event = shown.event(delivery, kind);
    event.change = change;
    event.once = delivery.once(&event);
    if !TOLD.contains(&delivery.action()) {
        event.undoing = delivery.brings_state("pull request");
    }
    let (did, at) = match kind {
        EventKind::PullRequestMerged => {
            (payload.merged_by.as_ref().or(payload.user.as_ref()), time(&payload.merged_at))
        }
        EventKind::PullRequestClosed => (payload.user.as_ref(), time(&payload.closed_at)),
        _ if delivery.action() == "opened" => (payload.user.as_ref(), time(&payload.created_at)),
        _ => (payload.user.as_ref(), None),
    };
    event.actor = delivery.actor(did);
    event.at = at.unwrap_or(event.at);
    let notes = match delivery.action() {
        "opened" | "edited" | "ready_for_review" | "reopened" => {
            delivery.notes_in_body(&event, &payload.body, &payload.user)
        }
        _ => Vec::new(),
    };
    Ok([vec![event], notes].concat())
}

pub(super) fn change(field: &str, from: Option<String>, to: Option<String>) -> Change {
    Change { field: field.to_owned(), name: None, from, to }
}

pub(super) fn label(delivery: &Delivery<'_>) -> Option<String> {
    delivery.body.label.as_ref()?.name.text().map(text::title)
}

pub(super) fn assignee(delivery: &Delivery<'_>) -> Option<String> {
    delivery.body.assignee.as_ref()?.login.text().map(str::to_owned)
}

fn reviewer(delivery: &Delivery<'_>) -> Option<String> {
    let user = delivery.body.requested_reviewer.as_ref().and_then(|user| user.login.text());
    let team = || delivery.body.requested_team.as_ref().and_then(|team| team.slug.text().or_else(|| team.name.text()));
    user.or_else(team).map(str::to_owned)
}

/// Everybody who was asked for a review, people and teams; `None` if the payload has neither list.
fn reviewers(payload: &payload::PullRequest) -> Option<Vec<String>> {
    let people = logins(&payload.requested_reviewers);
    let teams = payload.requested_teams.is_some().then(|| reviewing_teams(payload));
    match (people, teams) {
        (None, None) => None,
        (people, teams) => Some([people.unwrap_or_default(), teams.unwrap_or_default()].concat()),
    }
}

/// The slugs of the teams that were asked for a review.
fn reviewing_teams(payload: &payload::PullRequest) -> Vec<String> {
    let teams = payload.requested_teams.entries();
    teams.filter_map(|team| team.slug.text().or_else(|| team.name.text())).map(str::to_owned).collect()
}

fn pushed(delivery: &Delivery<'_>) -> Change {
    change("commits", delivery.body.before.text().map(short), delivery.body.after.text().map(short))
}

/// What was edited. GitHub sends one event for each edit; if the title and the body changed together, the title counts.
fn edited(delivery: &Delivery<'_>, payload: &payload::PullRequest) -> Option<Change> {
    let changes = delivery.body.changes.as_ref()?;
    if let Some(title) = changes.title.as_ref() {
        return Some(change("title", title.from.text().map(text::title), payload.title.text().map(text::title)));
    }
    if let Some(body) = changes.body.as_ref() {
        let summary = |body: Option<&str>| body.and_then(summary::of_markdown);
        return Some(change("body", summary(body.from.as_deref()), summary(payload.body.as_deref())));
    }
    let before = changes.base.as_ref()?.git_ref.as_ref().and_then(|before| before.from.text());
    let base = payload.base.as_ref().and_then(|base| base.git_ref.text());
    Some(change("base", before.map(str::to_owned), base.map(str::to_owned)))
}
