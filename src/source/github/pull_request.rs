//! Pull requests, their reviews and review comments.

use crate::event::{About, Change, Event, EventKind, PullRequest, Stage};
use crate::source::{Understood, text};

use super::payload::{self, Comment, User};
use super::{Delivery, logins, missing, names, notes_or, own_words, time, with_notes, written};

/// A pull request as its own events and reviews show it.
struct Shown<'a> {
    payload: &'a payload::PullRequest,
    subject: String,
    about: PullRequest,
}

fn shown<'a>(delivery: &'a Delivery<'_>) -> Result<Shown<'a>, String> {
    let payload = delivery.body.pull_request.as_ref().ok_or_else(|| missing("pull_request"))?;
    let number = payload.number.as_ref().and_then(|id| id.number()).ok_or_else(|| missing("pull_request.number"))?;
    let subject = format!("{}#{number}", delivery.scope);
    let page = || delivery.page(&["pull", &number.to_string()]).unwrap_or_default();
    let about = PullRequest {
        number,
        title: payload.title.text().map_or_else(|| subject.clone(), text::title),
        url: payload.html_url.as_ref().map_or_else(page, String::from),
        stage: stage(payload, delivery.action()),
        author: payload.user.as_ref().and_then(User::actor),
        draft: *payload.draft,
        base: payload.base.as_ref().and_then(|base| base.git_ref.text()).map(str::to_owned),
        head: payload.head.as_ref().and_then(|head| head.git_ref.text()).map(str::to_owned),
        head_sha: None,
        labels: names(&payload.labels),
        assignees: logins(&payload.assignees),
        reviewers: reviewers(payload),
        additions: *payload.additions,
        deletions: *payload.deletions,
        changed_files: *payload.changed_files,
        body_summary: payload.body.as_deref().and_then(text::summary_of_markdown),
        body: Some(text::body(payload.body.as_deref())),
        private: *delivery.repository.private,
        updated_at: time(&payload.updated_at),
    };
    Ok(Shown { payload, subject, about })
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
    fn event(&self, delivery: &Delivery<'_>, kind: EventKind) -> Event {
        let about = self.about.clone();
        let tickets =
            delivery.tickets(about.head.as_deref(), &[self.about.title.as_str(), &own_words(&self.payload.body)]);
        let event = delivery.event(kind, self.subject.clone(), About::PullRequest(about));
        Event { tickets, ..event }
    }
}

/// `pull_request`
pub fn changed(delivery: &Delivery<'_>) -> Understood {
    let shown = shown(delivery)?;
    let payload = shown.payload;
    let (kind, change) = match delivery.action() {
        "opened" if *payload.draft == Some(true) => (EventKind::PullRequestDraft, None),
        "opened" => (EventKind::PullRequestOpened, None),
        "converted_to_draft" => (EventKind::PullRequestDraft, None),
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
        _ => return Err(delivery.nothing_to_ask_for()),
    };
    let mut event = shown.event(delivery, kind);
    event.change = change;
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
    Change { field: field.to_owned(), from, to, name: None }
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

/// Everybody whose review is asked for, people and teams; `None` where the payload has neither list.
fn reviewers(payload: &payload::PullRequest) -> Option<Vec<String>> {
    let people = logins(&payload.requested_reviewers);
    let teams = payload.requested_teams.is_some().then(|| {
        let slugs = payload.requested_teams.entries().filter_map(|team| team.slug.text().or_else(|| team.name.text()));
        slugs.map(str::to_owned).collect::<Vec<_>>()
    });
    match (people, teams) {
        (None, None) => None,
        (people, teams) => Some([people.unwrap_or_default(), teams.unwrap_or_default()].concat()),
    }
}

fn pushed(delivery: &Delivery<'_>) -> Change {
    let short = |sha: Option<&str>| sha.map(|sha| sha.chars().take(7).collect());
    change("commits", short(delivery.body.before.text()), short(delivery.body.after.text()))
}

/// What was edited. GitHub sends one event for one edit; a body that both came with is told by its title.
fn edited(delivery: &Delivery<'_>, payload: &payload::PullRequest) -> Option<Change> {
    let changes = delivery.body.changes.as_ref()?;
    if let Some(title) = changes.title.as_ref() {
        return Some(change("title", title.from.text().map(text::title), payload.title.text().map(text::title)));
    }
    if let Some(body) = changes.body.as_ref() {
        let summary = |body: Option<&str>| body.and_then(text::summary_of_markdown);
        return Some(change("body", summary(body.from.as_deref()), summary(payload.body.as_deref())));
    }
    let before = changes.base.as_ref()?.git_ref.as_ref().and_then(|before| before.from.text());
    let base = payload.base.as_ref().and_then(|base| base.git_ref.text());
    Some(change("base", before.map(str::to_owned), base.map(str::to_owned)))
}

/// An event about a review or review comment, with what was written there.
fn about_comment(delivery: &Delivery<'_>, kind: EventKind, comment: &Comment) -> Result<Event, String> {
    let mut event = shown(delivery)?.event(delivery, kind);
    let at = match delivery.action() {
        "edited" => time(&comment.updated_at),
        "deleted" => None,
        _ => time(&comment.submitted_at).or_else(|| time(&comment.created_at)),
    };
    event.actor = delivery.actor(comment.user.as_ref());
    event.at = at.unwrap_or(event.at);
    event.url = comment.html_url.as_ref().map(String::from).or(event.url);
    event.comment = written(comment);
    Ok(event)
}

/// `pull_request_review`
pub fn reviewed(delivery: &Delivery<'_>) -> Understood {
    let review = delivery.body.review.as_ref().ok_or_else(|| missing("review"))?;
    let state = review.state.as_deref().unwrap_or_default().to_ascii_lowercase();
    let kind = match (delivery.action(), state.as_str()) {
        ("submitted", "approved") => EventKind::PullRequestApproved,
        ("submitted", "changes_requested") => EventKind::PullRequestChangesRequested,
        ("submitted", "commented") | ("edited", _) => EventKind::PullRequestCommented,
        ("submitted", _) => return Err(missing("review.state")),
        _ => return Err(delivery.nothing_to_ask_for()),
    };
    let event = about_comment(delivery, kind, review)?;
    let notes = delivery.notes_in_comment(&event, review, "review");
    if delivery.action() == "edited" {
        return notes_or(notes, || delivery.nothing_to_ask_for());
    }
    Ok(with_notes(event, notes))
}

/// `pull_request_review_comment`: only its notes are events.
pub fn review_commented(delivery: &Delivery<'_>) -> Understood {
    let part_of_a_review = || "a comment on a line is part of a review, which is told as one".to_owned();
    if !matches!(delivery.action(), "created" | "edited" | "deleted") {
        return Err(part_of_a_review());
    }
    let comment = delivery.body.comment.as_ref().ok_or_else(|| missing("comment"))?;
    let event = about_comment(delivery, EventKind::PullRequestCommented, comment)?;
    notes_or(delivery.notes_in_comment(&event, comment, "review-comment"), part_of_a_review)
}
