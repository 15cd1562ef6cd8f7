//! GitHub's webhooks: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

mod issue;
mod payload;
mod pull_request;
#[cfg(test)]
mod tests;
mod thing;

use url::Url;

use crate::event::{About, Actor, Event, EventKind, Source, TicketKey};

use super::lenient::{Id, Link, Maybe, Time};
use super::note::{self, Place};
use super::{Context, Understood, not_a_payload, text, tickets};
use payload::{Body, Comment, Named, Repository, User};

/// The events that are read, which is what a webhook of ours tells of.
pub const EVENTS: [&str; 12] = [
    "create",
    "delete",
    "deployment_status",
    "discussion",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "release",
    "workflow_run",
];

/// Reads a body of the event that GitHub calls `name`.
pub fn parse(name: &str, body: &[u8], context: &Context<'_>) -> Understood {
    let read = match name {
        "pull_request" => pull_request::changed,
        "pull_request_review" => pull_request::reviewed,
        "pull_request_review_comment" => pull_request::review_commented,
        "issues" => issue::changed,
        "issue_comment" => issue::commented,
        "push" => thing::push,
        "release" => thing::release,
        "deployment_status" => thing::deployment,
        "workflow_run" => thing::workflow,
        "discussion" => thing::discussion,
        "create" | "delete" => return Delivery::read(name, body, context, thing::branch),
        "ping" => return Err("ping: GitHub is connected".to_owned()),
        _ => return Err(nothing_to_ask_for(name)),
    };
    Delivery::read(name, body, context, read)
}

/// A body with what every event takes from it.
struct Delivery<'a> {
    name: &'a str,
    body: &'a Body,
    repository: &'a Repository,
    /// `owner/repo`
    scope: &'a str,
    context: &'a Context<'a>,
}

impl Delivery<'_> {
    fn read(name: &str, body: &[u8], context: &Context<'_>, read: fn(&Delivery<'_>) -> Understood) -> Understood {
        let body: Body = serde_json::from_slice(body).map_err(|error| not_a_payload(&error))?;
        let repository = body.repository.as_ref().ok_or_else(|| missing("repository"))?;
        let scope = repository.full_name.text().ok_or_else(|| missing("repository.full_name"))?;
        read(&Delivery { name, body: &body, repository, scope, context })
    }

    fn action(&self) -> &str {
        self.body.action.as_deref().unwrap_or_default()
    }

    /// The reason to ignore this action.
    fn nothing_to_ask_for(&self) -> String {
        match self.body.action.text() {
            Some(action) => nothing_to_ask_for(&format!("{}.{action}", self.name)),
            None => missing("action"),
        }
    }

    fn event(&self, kind: EventKind, subject: String, about: About) -> Event {
        Event {
            source: Source::Github,
            kind,
            scope: self.scope.to_owned(),
            actor: self.actor(None),
            at: about.updated_at().unwrap_or(self.context.received),
            url: about.url().map(str::to_owned),
            subject,
            about,
            tickets: Vec::new(),
            change: None,
            note: None,
            comment: None,
            private: *self.repository.private,
            once: None,
            retold: None,
            paths: None,
            owners: None,
            gap: None,
            host: None,
            more_paths: false,
            listed: Vec::new(),
            doers: Vec::new(),
            undoing: None,
            renamed: None,
            people: Vec::new(),
        }
    }

    /// Who did it: the sender; in payloads that have no such field, whoever the payload says did it.
    fn actor(&self, otherwise: Option<&User>) -> Option<Actor> {
        match &self.body.sender {
            Some(sender) => sender.as_ref().and_then(User::actor),
            None => otherwise.and_then(User::actor),
        }
    }

    fn tickets(&self, branch: Option<&str>, texts: &[&str]) -> Vec<TicketKey> {
        tickets::find(branch, texts, &self.context.settings.jira_projects)
    }

    /// A page of the repository. Only the last resort guesses where GitHub is.
    fn page(&self, path: &[&str]) -> Option<String> {
        let repository = match self.repository.html_url.as_ref() {
            Some(link) => link.as_str().to_owned(),
            None => format!("https://github.com/{}", self.scope),
        };
        let mut url = Url::parse(&repository).ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend(path);
        Some(url.into())
    }

    /// The events for the notes in a comment or review; `place` says which of these. A deleted one takes its notes back.
    fn notes_in_comment(&self, event: &Event, comment: &Comment, place: &str) -> Vec<Event> {
        let id = comment.id.as_ref().map(Id::as_str);
        let place = Place {
            name: id.map(|id| format!("github:{place}:{id}")),
            url: event.url.clone(),
            author: self.writer(&comment.user).or_else(|| event.actor.clone()),
        };
        match self.action() {
            "deleted" => note::edits(event, (&own_words(&comment.body), ""), &place),
            _ => self.notes_in(event, &comment.body, &place),
        }
    }

    /// The events for the notes in a description.
    fn notes_in_body(&self, event: &Event, body: &Maybe<String>, user: &Maybe<User>) -> Vec<Event> {
        let place = Place {
            name: Some(format!("github:{}:body", event.subject)),
            url: event.about.url().map(str::to_owned),
            author: self.writer(user).or_else(|| event.actor.clone()),
        };
        self.notes_in(event, body, &place)
    }

    /// The events for the notes in a text, or for what an edit of it changes in them. An edit of something else (a
    /// title) doesn't say what the text was: then it was the same.
    fn notes_in(&self, event: &Event, body: &Maybe<String>, place: &Place) -> Vec<Event> {
        let before = self.body.changes.as_ref().and_then(|changes| changes.body.as_ref());
        match before.filter(|_| self.action() == "edited") {
            Some(before) => note::edits(event, (&own_words(&before.from), &own_words(body)), place),
            None => note::events(event, &own_words(body), place),
        }
    }

    /// Whose words a text's notes are. After an edit that is whoever edited: the notes that were there before are known.
    fn writer(&self, user: &Maybe<User>) -> Option<Actor> {
        let editor = if self.action() == "edited" { self.actor(None) } else { None };
        editor.or_else(|| user.as_ref().and_then(User::actor))
    }
}

fn own_words(body: &Maybe<String>) -> String {
    text::own_words(body.as_deref().unwrap_or_default())
}

/// What was written, unless it is nothing but notes.
fn written(comment: &Comment) -> Option<crate::event::Comment> {
    let summary = text::summary_of_markdown(comment.body.as_deref()?)?;
    Some(crate::event::Comment { summary, url: comment.html_url.as_ref().map(String::from) })
}

fn names(labels: &Maybe<Vec<Maybe<Named>>>) -> Option<Vec<String>> {
    let names = || labels.entries().filter_map(|label| label.name.text()).map(text::title).collect();
    labels.is_some().then(names)
}

/// Logins of the accounts that could be read.
fn logins(users: &Maybe<Vec<Maybe<User>>>) -> Option<Vec<String>> {
    let logins = || users.entries().filter_map(|user| user.login.text()).map(str::to_owned).collect();
    users.is_some().then(logins)
}

fn time(time: &Maybe<Time>) -> Option<jiff::Timestamp> {
    time.map(|time| time.0)
}

/// The first of several links that is one.
fn first(links: &[&Maybe<Link>]) -> Option<String> {
    links.iter().find_map(|link| link.as_ref().map(String::from))
}

/// A comment with its notes; one that is nothing but notes is told as those.
fn with_notes(comment: Event, notes: Vec<Event>) -> Vec<Event> {
    let is_review = matches!(comment.kind, EventKind::PullRequestApproved | EventKind::PullRequestChangesRequested);
    if comment.comment.is_some() || is_review || notes.is_empty() { [vec![comment], notes].concat() } else { notes }
}

/// The events of notes alone, where the delivery itself is nothing to tell.
fn notes_or(notes: Vec<Event>, reason: impl FnOnce() -> String) -> Understood {
    if notes.is_empty() { Err(reason()) } else { Ok(notes) }
}

fn missing(field: &str) -> String {
    format!("the payload has no usable `{field}`")
}

fn nothing_to_ask_for(what: &str) -> String {
    format!("`{}` is not something rules can ask for", text::title(what))
}
