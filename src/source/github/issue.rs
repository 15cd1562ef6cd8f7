//! Issues, and comments on issues and pull requests.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::event::{
    About, Change, Event, EventKind, Issue, Milestone, PullRequest, Renamed, Stage, SubjectKey, TicketKey, Undoes,
    Undone,
};
use crate::reason::Reason;
use crate::source::our_comments::is_ours_on_github;
use crate::source::{Understood, summary, text};

use super::payload::{self, User};
use super::pull_request::{assignee, change, label};
use super::{Delivery, closing, logins, missing, name, names, numbered, own_words, time, undoing};

/// An event about the payload's issue, or the pull request that it is.
fn about_issue<'a>(delivery: &'a Delivery<'_>, kind: EventKind) -> Result<(&'a payload::Issue, Event), Reason> {
    let payload = delivery.body.issue.as_ref().ok_or_else(|| missing("issue"))?;
    let number = payload.number.as_ref().and_then(|id| id.number()).ok_or_else(|| missing("issue.number"))?;
    let subject = SubjectKey::numbered(delivery.scope, number);
    let about = about(delivery, payload, number);
    let words = own_words(&payload.body);
    let keys = match &about {
        About::PullRequest(_) => delivery.keys_and_issues(None, (Some(about.title()), &[&words]), closing::MOST),
        // What closes it is said elsewhere.
        _ => delivery.keys(None, Some(about.title()), &[&words]),
    };
    let event = Event { tickets: keys.tickets, listed: keys.listed, ..delivery.event(kind, subject, about) };
    Ok((payload, event))
}

pub(super) fn about(delivery: &Delivery<'_>, payload: &payload::Issue, number: u64) -> About {
    let folder = if payload.pull_request.is_some() { "pull" } else { "issues" };
    let page = || delivery.page(&[folder, &number.to_string()]).unwrap_or_default();
    let title =
        payload.title.text().map_or_else(|| SubjectKey::numbered(delivery.scope, number).to_string(), text::title);
    let url = payload.html_url.as_ref().map_or_else(page, String::from);
    let author = payload.user.as_ref().and_then(User::actor);
    let (labels, assignees) = (names(&payload.labels), logins(&payload.assignees));
    let body_summary = payload.body.as_deref().and_then(summary::of_markdown);
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
            id: payload.node_id.as_ref().map(|id| id.as_str().to_owned()),
            state_reason: payload.state_reason.text().map(str::to_ascii_lowercase).filter(|_| closed),
            author,
            labels,
            assignees,
            type_name: payload.issue_type.as_ref().and_then(|kind| kind.name.text()).map(text::title),
            milestone: payload.milestone.as_ref().and_then(milestone),
            parent: payload.parent_issue_url.as_ref().and_then(|parent| issue_at(parent.as_str())),
            body_summary,
            body,
            private: *delivery.repository.private,
            updated_at,
            ..Issue::bare(number, &title, &url, stage)
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
        reviewing_teams: Vec::new(),
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

fn milestone(payload: &payload::Milestone) -> Option<Milestone> {
    Some(Milestone { title: text::title(payload.title.text()?), due: due(payload) })
}

/// GitHub has a time for the day: midnight in the time zone of whoever set it, or eight hours after midnight in UTC.
fn due(payload: &payload::Milestone) -> Option<Date> {
    Some(time(&payload.due_on)?.to_zoned(TimeZone::UTC).date())
}

/// The issue that an address of the API leads to: `…/repos/acme/api/issues/7`.
fn issue_at(address: &str) -> Option<TicketKey> {
    let (repository, number) = address.rsplit_once("/repos/")?.1.split_once("/issues/")?;
    TicketKey::issue(&SubjectKey::numbered(repository, number.parse().ok()?))
}

/// `issues`
pub fn changed(delivery: &Delivery<'_>) -> Understood {
    let (kind, change) = happened(delivery)?;
    let (payload, mut event) = about_issue(delivery, kind)?;
    let at = match delivery.action() {
        "opened" => time(&payload.created_at),
        "closed" => time(&payload.closed_at),
        _ => None,
    };
    event.actor = delivery.actor(payload.user.as_ref());
    event.at = at.unwrap_or(event.at);
    event.change = change;
    event.once = delivery.once(&event);
    match delivery.action() {
        "opened" if move_here(delivery, &mut event) => Ok(vec![moved(event)]),
        "transferred" => {
            move_away(delivery, &mut event, "the issue");
            Ok(vec![moved(event)])
        }
        action => {
            let told = event.change.is_some() || TOLD.contains(&action);
            event.undoing = if told { None } else { delivery.brings_state("issue") };
            let notes = match action {
                "opened" | "edited" => delivery.notes_in_body(&event, &payload.body, &payload.user),
                _ => Vec::new(),
            };
            Ok([vec![event], notes].concat())
        }
    }
}

/// The actions that are news although they change no single thing.
const TOLD: [&str; 4] = ["opened", "closed", "reopened", "deleted"];

/// What an action is, and what it changes.
fn happened(delivery: &Delivery<'_>) -> Result<(EventKind, Option<Change>), Reason> {
    // Of what is not named, no more is known than that it is another one.
    let told = |change: Change| Some(change).filter(|change| change.from.is_some() || change.to.is_some());
    let updated = |change| (EventKind::TicketUpdated, told(change));
    let named = |change: Change, name: &str| Change { name: Some(name.to_owned()), ..change };
    let milestone = || delivery.body.milestone.as_ref().and_then(|milestone| milestone.title.text().map(text::title));
    let of_type = || delivery.body.issue_type.as_ref().and_then(|kind| kind.name.text().map(text::title));
    Ok(match delivery.action() {
        "opened" => (EventKind::IssueOpened, None),
        "closed" => (EventKind::IssueClosed, None),
        "reopened" => (EventKind::IssueReopened, None),
        "labeled" => (EventKind::IssueLabeled, Some(change("label", None, label(delivery)))),
        "assigned" => (EventKind::IssueAssigned, Some(change("assignee", None, assignee(delivery)))),
        "unlabeled" => updated(change("label", label(delivery), None)),
        "unassigned" => (EventKind::TicketAssigned, told(change("assignee", assignee(delivery), None))),
        "milestoned" => updated(named(change("fix_version", None, milestone()), "milestone")),
        "demilestoned" => updated(named(change("fix_version", milestone(), None), "milestone")),
        "typed" => updated(change("type", None, of_type())),
        "untyped" => updated(change("type", of_type(), None)),
        "deleted" => (EventKind::TicketDeleted, None),
        "edited" => (EventKind::TicketUpdated, renamed(delivery)),
        "" => return Err(delivery.nothing_to_ask_for()),
        _ => (EventKind::TicketUpdated, None),
    })
}

/// A new title. What else is edited is its text, of which only the notes are news: lists in it are ticked off all the time.
fn renamed(delivery: &Delivery<'_>) -> Option<Change> {
    let before = delivery.body.changes.as_ref()?.title.as_ref()?.from.text().map(text::title);
    let now = delivery.body.issue.as_ref()?.title.text().map(text::title);
    Some(change("summary", before, now))
}

/// An issue that was transferred, as both repositories tell of it.
fn moved(mut event: Event) -> Event {
    let Some(Renamed { from, to }) = &event.renamed else { return event };
    event.kind = EventKind::TicketMoved;
    event.change = Some(change("key", Some(from.to_string()), Some(to.to_string())));
    event.once = Some(name::name(&["moved", from, to]));
    event.undoing = None;
    event
}

/// Whether something was transferred here and not opened. If so, the event says what it was before.
pub(super) fn move_here(delivery: &Delivery<'_>, event: &mut Event) -> bool {
    let Some(changes) = delivery.body.changes.as_ref() else { return false };
    let Some(old) = [&changes.old_issue, &changes.old_discussion].into_iter().find_map(|old| old.as_ref()) else {
        return false;
    };
    let from = numbered(old, &changes.old_repository).filter(|from| *from != event.subject);
    let because = from.as_ref().map_or_else(
        || "it wasn't opened, but transferred from elsewhere".to_owned(),
        |from| format!("it wasn't opened, but transferred from {from}"),
    );
    event.undoing = undoing(Undoes::Nothing, because);
    event.renamed = from.map(|from| Renamed { from, to: event.subject.clone() });
    true
}

/// Records where something was transferred to. If that isn't known, it counts as deleted.
pub(super) fn move_away(delivery: &Delivery<'_>, event: &mut Event, what: &str) {
    let changes = delivery.body.changes.as_ref();
    let to = changes.and_then(|changes| {
        let new = [&changes.new_issue, &changes.new_discussion].into_iter().find_map(|new| new.as_ref())?;
        numbered(new, &changes.new_repository).filter(|to| *to != event.subject)
    });
    event.undoing = match &to {
        Some(to) => undoing(Undoes::Nothing, format!("{what} was transferred to {to}")),
        None => undoing(Undoes::Subject(Undone::Deleted), format!("{what} was transferred elsewhere")),
    };
    event.renamed = to.map(|to| Renamed { from: event.subject.clone(), to });
}

/// `issue_comment`, on an issue or a pull request
pub fn commented(delivery: &Delivery<'_>) -> Understood {
    if !matches!(delivery.action(), "created" | "edited" | "deleted") {
        return Err(delivery.nothing_to_ask_for());
    }
    let comment = delivery.body.comment.as_ref().ok_or_else(|| missing("comment"))?;
    if is_ours(delivery, comment) {
        return Err(Reason::OwnComment);
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
    let mut events = delivery.said(event, comment, ("comment", "the comment"));
    if comment.body.as_deref().is_some_and(is_ours_on_github)
        && let Some(edited) = events.first_mut().filter(|event| event.undoing.is_some())
    {
        edited.comment = None;
    }
    Ok(events)
}

/// If an edit makes a comment look like ours, it was reported when it was written.
fn is_ours(delivery: &Delivery<'_>, comment: &payload::Comment) -> bool {
    let before = delivery.body.changes.as_ref().and_then(|changes| changes.body.as_ref());
    let texts = [Some(&comment.body), before.map(|before| &before.from)];
    texts.into_iter().flatten().filter_map(|text| text.as_deref()).all(is_ours_on_github) && comment.body.is_some()
}
