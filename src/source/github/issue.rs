//! Issues, and comments on issues and pull requests.

use crate::event::{About, Event, EventKind, Issue, PullRequest, Stage};
use crate::source::own::{OWN_COMMENT, is_ours_on_github};
use crate::source::{Understood, text};

use super::payload::{self, User};
use super::pull_request::{assignee, change, label};
use super::{Delivery, logins, missing, names, notes_or, own_words, time, with_notes, written};

/// An event about the payload's issue, or the pull request that it is.
fn about_issue<'a>(delivery: &'a Delivery<'_>, kind: EventKind) -> Result<(&'a payload::Issue, Event), String> {
    let payload = delivery.body.issue.as_ref().ok_or_else(|| missing("issue"))?;
    let number = payload.number.as_ref().and_then(|id| id.number()).ok_or_else(|| missing("issue.number"))?;
    let subject = format!("{}#{number}", delivery.scope);
    let about = about(delivery, payload, number);
    let keys = delivery.keys(None, Some(about.title()), &[&own_words(&payload.body)]);
    let event = Event { tickets: keys.tickets, listed: keys.listed, ..delivery.event(kind, subject, about) };
    Ok((payload, event))
}

fn about(delivery: &Delivery<'_>, payload: &payload::Issue, number: u64) -> About {
    let folder = if payload.pull_request.is_some() { "pull" } else { "issues" };
    let page = || delivery.page(&[folder, &number.to_string()]).unwrap_or_default();
    let title = payload.title.text().map_or_else(|| format!("{}#{number}", delivery.scope), text::title);
    let url = payload.html_url.as_ref().map_or_else(page, String::from);
    let author = payload.user.as_ref().and_then(User::actor);
    let (labels, assignees) = (names(&payload.labels), logins(&payload.assignees));
    let body_summary = payload.body.as_deref().and_then(text::summary_of_markdown);
    let body = Some(text::body(payload.body.as_deref()));
    let updated_at = time(&payload.updated_at);
    let closed = payload.state.as_deref() == Some("closed");
    let stage = match payload.pull_request.as_ref() {
        Some(pull_request) if pull_request.merged_at.is_some() => Stage::Merged,
        _ if closed => Stage::Closed,
        _ => Stage::Open,
    };
    if payload.pull_request.is_none() {
        let (labels, assignees) = (labels.unwrap_or_default(), assignees.unwrap_or_default());
        return About::Issue(Issue {
            number,
            title,
            url,
            stage,
            state_reason: None,
            author,
            labels,
            assignees,
            body_summary,
            body,
            updated_at,
        });
    }
    About::PullRequest(PullRequest {
        number,
        title,
        url,
        stage,
        author,
        draft: *payload.draft,
        base: None,
        head: None,
        head_sha: None,
        labels,
        assignees,
        reviewers: None,
        additions: None,
        deletions: None,
        changed_files: None,
        body_summary,
        body,
        private: *delivery.repository.private,
        updated_at,
    })
}

/// `issues`
pub fn changed(delivery: &Delivery<'_>) -> Understood {
    let (kind, change) = match delivery.action() {
        // The kind of an edit is not told: only the notes in it are.
        "opened" | "edited" => (EventKind::IssueOpened, None),
        "closed" => (EventKind::IssueClosed, None),
        "reopened" => (EventKind::IssueReopened, None),
        "labeled" => (EventKind::IssueLabeled, Some(change("label", None, label(delivery)))),
        "assigned" => (EventKind::IssueAssigned, Some(change("assignee", None, assignee(delivery)))),
        _ => return Err(delivery.nothing_to_ask_for()),
    };
    let (payload, mut event) = about_issue(delivery, kind)?;
    let at = match delivery.action() {
        "opened" => time(&payload.created_at),
        "closed" => time(&payload.closed_at),
        _ => None,
    };
    event.actor = delivery.actor(payload.user.as_ref());
    event.at = at.unwrap_or(event.at);
    event.change = change;
    match delivery.action() {
        "opened" => {
            let notes = delivery.notes_in_body(&event, &payload.body, &payload.user);
            Ok([vec![event], notes].concat())
        }
        "edited" => {
            notes_or(delivery.notes_in_body(&event, &payload.body, &payload.user), || delivery.nothing_to_ask_for())
        }
        _ => Ok(vec![event]),
    }
}

/// `issue_comment`, on an issue or a pull request
pub fn commented(delivery: &Delivery<'_>) -> Understood {
    if !matches!(delivery.action(), "created" | "edited" | "deleted") {
        return Err(delivery.nothing_to_ask_for());
    }
    let comment = delivery.body.comment.as_ref().ok_or_else(|| missing("comment"))?;
    if is_ours(delivery, comment) {
        return Err(OWN_COMMENT.to_owned());
    }
    let (_, mut event) = about_issue(delivery, EventKind::IssueCommented)?;
    if matches!(event.about, About::PullRequest(_)) {
        event.kind = EventKind::PullRequestCommented;
    }
    let at = match delivery.action() {
        "created" => time(&comment.created_at),
        "edited" => time(&comment.updated_at),
        _ => None,
    };
    event.actor = delivery.actor(comment.user.as_ref());
    event.at = at.unwrap_or(event.at);
    event.url = comment.html_url.as_ref().map(String::from).or(event.url);
    event.comment = written(comment);
    let notes = delivery.notes_in_comment(&event, comment, "comment");
    if delivery.action() != "created" {
        return notes_or(notes, || delivery.nothing_to_ask_for());
    }
    Ok(with_notes(event, notes))
}

/// A comment that an edit made to look like ours was told of when it was written.
fn is_ours(delivery: &Delivery<'_>, comment: &payload::Comment) -> bool {
    let before = delivery.body.changes.as_ref().and_then(|changes| changes.body.as_ref());
    let texts = [Some(&comment.body), before.map(|before| &before.from)];
    texts.into_iter().flatten().filter_map(|text| text.as_deref()).all(is_ours_on_github) && comment.body.is_some()
}
