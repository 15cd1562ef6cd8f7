//! Reviews of pull requests, and their comments on lines.

use crate::event::{Event, EventKind, Review, Undoes, Undone};
use crate::reason::Reason;
use crate::source::lenient::Id;
use crate::source::{Understood, not_news};

use super::payload::Comment;
use super::pull_request::shown;
use super::{Delivery, missing, name, time, undoing};

/// An event about a review or a comment on a line.
fn about_comment(delivery: &Delivery<'_>, kind: EventKind, comment: &Comment) -> Result<Event, Reason> {
    let mut event = shown(delivery)?.event(delivery, kind);
    let at = match delivery.action() {
        "edited" => time(&comment.updated_at),
        "deleted" | "dismissed" => None,
        _ => time(&comment.submitted_at).or_else(|| time(&comment.created_at)),
    };
    event.actor = delivery.actor(comment.user.as_ref());
    event.at = at.unwrap_or(event.at);
    event.url = comment.html_url.as_ref().map(String::from).or(event.url);
    Ok(event)
}

/// `pull_request_review`
pub fn reviewed(delivery: &Delivery<'_>) -> Understood {
    let review = delivery.body.review.as_ref().ok_or_else(|| missing("review"))?;
    let state = review.state.as_deref().unwrap_or_default().to_ascii_lowercase();
    let kind = match (delivery.action(), state.as_str()) {
        ("submitted" | "edited", "approved") => EventKind::PullRequestApproved,
        ("submitted" | "edited", "changes_requested") => EventKind::PullRequestChangesRequested,
        ("submitted", "commented") | ("edited", _) => EventKind::PullRequestCommented,
        ("submitted", _) => return Err(missing("review.state")),
        // The payload doesn't say whether it was an approval or a request for changes.
        ("dismissed", _) => EventKind::PullRequestApproved,
        _ => return Err(delivery.nothing_to_ask_for()),
    };
    let mut event = about_comment(delivery, kind, review)?;
    let id = review.id.as_ref().map(Id::as_str);
    event.review = id.map(|id| Review { id: id.to_owned(), commit: review.commit_id.text().map(str::to_owned) });
    if delivery.action() == "dismissed" {
        event.once = id.map(|id| name::name(&["review", id, "dismissed"]));
        let of = id.map(|id| Undoes::Occurrence(name::name(&["review", id]), Undone::Dismissed));
        event.undoing = undoing(of.unwrap_or(Undoes::Nothing), "the review was dismissed");
        return Ok(vec![event]);
    }
    let events = delivery.said(event, review, ("review", "the review"));
    if state == "commented" && events.iter().all(is_wordless) {
        return Err(not_news("the review has no text of its own: its comments on lines are reported"));
    }
    Ok(events)
}

/// `pull_request_review_comment`
pub fn commented(delivery: &Delivery<'_>) -> Understood {
    if !matches!(delivery.action(), "created" | "edited" | "deleted") {
        return Err(delivery.nothing_to_ask_for());
    }
    let comment = delivery.body.comment.as_ref().ok_or_else(|| missing("comment"))?;
    let event = about_comment(delivery, EventKind::PullRequestCommented, comment)?;
    let events = delivery.said(event, comment, ("review-comment", "the comment"));
    if events.iter().all(is_wordless) {
        return Err(not_news("the comment has no text of its own: it is code, a quote or a picture"));
    }
    Ok(events)
}

fn is_wordless(event: &Event) -> bool {
    event.comment.is_none() && event.note.is_none() && event.undoing.is_none()
}
