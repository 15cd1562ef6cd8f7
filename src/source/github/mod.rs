//! GitHub's webhooks: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

mod check_run;
mod closing;
mod deployment;
mod discussion;
mod host;
mod issue;
mod name;
mod payload;
mod project;
mod pull_request;
mod push;
mod queue;
mod release;
mod repository;
mod review;
mod said;
mod sub_issue;
#[cfg(test)]
mod tests;
mod thing;
mod workflow;

use url::Url;

use crate::event::{About, Actor, Event, EventKind, OccurrenceId, Source, SubjectKey, Undoes, Undoing};
use crate::reason::Reason;

use super::lenient::{Link, List, Maybe, Time};
use super::tickets::Keys;
use super::{Context, Understood, missing, not_a_payload, not_asked_for, summary, text, tickets};
pub use check_run::{CHECKS, check_id, rerequested};
pub use closing::{Place, with_issues};

use payload::{Body, Comment, Issue, Named, Repository, User};

/// Only webhooks of organizations and Apps can have it.
const OF_ORGANIZATIONS: &str = "projects_v2_item";

/// The events that are read, for which webhooks are registered.
pub const EVENTS: [&str; 16] = [
    "create",
    "delete",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "issue_comment",
    "issues",
    OF_ORGANIZATIONS,
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "release",
    "repository",
    "sub_issues",
    "workflow_run",
];

/// Those that webhooks of repositories can have.
#[must_use]
pub fn repository_events() -> Vec<&'static str> {
    EVENTS.into_iter().filter(|event| *event != OF_ORGANIZATIONS).collect()
}

/// Reads a body of the event that GitHub calls `name`.
pub fn parse(name: &str, body: &[u8], context: &Context<'_>) -> Understood {
    let read = match name {
        "pull_request" => pull_request::changed,
        "pull_request_review" => review::reviewed,
        "pull_request_review_comment" => review::commented,
        "issues" => issue::changed,
        "issue_comment" => issue::commented,
        "push" => push::push,
        "release" => release::changed,
        "deployment_status" => deployment::ended,
        "workflow_run" => workflow::ended,
        "discussion" => discussion::changed,
        "discussion_comment" => discussion::commented,
        "repository" => repository::changed,
        "sub_issues" => sub_issue::changed,
        OF_ORGANIZATIONS => return Delivery::of_organization(name, body, context, project::changed),
        "create" | "delete" => return Delivery::read(name, body, context, thing::branch),
        "ping" => return Err(Reason::Ping),
        _ => return Err(not_asked_for(name)),
    };
    Delivery::read(name, body, context, read)
}

/// A body, with what every event needs from it.
struct Delivery<'a> {
    name: &'a str,
    body: &'a Body,
    repository: &'a Repository,
    /// `owner/repo`
    scope: &'a str,
    host: Option<String>,
    context: &'a Context<'a>,
}

impl Delivery<'_> {
    fn read(name: &str, body: &[u8], context: &Context<'_>, read: fn(&Delivery<'_>) -> Understood) -> Understood {
        let body: Body = serde_json::from_slice(body).map_err(|error| not_a_payload(&error))?;
        let repository = body.repository.as_ref().ok_or_else(|| missing("repository"))?;
        let scope = repository.full_name.text().ok_or_else(|| missing("repository.full_name"))?;
        read(&Delivery { name, body: &body, repository, scope, host: host::host(&body), context })
    }

    /// Reads what belongs to no repository.
    fn of_organization(
        name: &str,
        body: &[u8],
        context: &Context<'_>,
        read: fn(&Delivery<'_>) -> Understood,
    ) -> Understood {
        let body: Body = serde_json::from_slice(body).map_err(|error| not_a_payload(&error))?;
        let scope = body.organization.as_ref().and_then(|owner| owner.login.text()).unwrap_or_default();
        read(&Delivery {
            name,
            body: &body,
            repository: &Repository::default(),
            scope,
            host: host::host(&body),
            context,
        })
    }

    fn action(&self) -> &str {
        self.body.action.as_deref().unwrap_or_default()
    }

    /// The reason to ignore this action.
    fn nothing_to_ask_for(&self) -> Reason {
        match self.body.action.text() {
            Some(action) => not_asked_for(&format!("{}.{action}", self.name)),
            None => missing("action"),
        }
    }

    fn event(&self, kind: EventKind, subject: SubjectKey, about: About) -> Event {
        Event {
            scope: self.scope.to_owned(),
            actor: self.actor(None),
            at: about.updated_at().unwrap_or(self.context.received),
            url: about.url().map(str::to_owned),
            private: *self.repository.private,
            host: self.host.clone(),
            ..Event::bare(Source::Github, kind, subject, about)
        }
    }

    /// Who did it: the sender, or in payloads without a sender, the person that they name.
    fn actor(&self, otherwise: Option<&User>) -> Option<Actor> {
        match &self.body.sender {
            Some(sender) => sender.as_ref().and_then(User::actor),
            None => otherwise.and_then(User::actor),
        }
    }

    /// The login of whoever did it, even a machine.
    fn by(&self) -> Option<&str> {
        let sender = self.body.sender.as_ref().and_then(|sender| sender.as_ref()?.login.text());
        sender.or_else(|| self.body.pusher.as_ref()?.name.text())
    }

    fn keys(&self, branch: Option<&str>, title: Option<&str>, texts: &[&str]) -> Keys {
        tickets::find(branch, title, texts, &self.context.settings.jira_projects)
    }

    /// The tickets that a pull request or a push names, the issues that it closes among them. Where there are more issues
    /// than `most`, it only lists them.
    fn keys_and_issues(&self, branch: Option<&str>, (title, texts): (Option<&str>, &[&str]), most: usize) -> Keys {
        let keys = self.keys(branch, title, texts);
        let place = Place { scope: self.scope, host: self.host.as_deref() };
        closing::with_issues(keys, title.into_iter().chain(texts.iter().copied()), (place, most))
    }

    /// Names the occurrence of this delivery's action on the subject. An action can be repeated, so its time is part of
    /// the name.
    fn once(&self, event: &Event) -> Option<OccurrenceId> {
        let change = event.change.as_ref();
        let detail = match self.action() {
            "edited" => change.map(|change| change.field.as_str()),
            "synchronize" => self.body.after.text(),
            _ => change.and_then(|change| change.to.as_deref().or(change.from.as_deref())),
        };
        let parts = [event.subject.as_str(), self.action()].into_iter().chain(detail).collect::<Vec<_>>();
        name::at(&parts, event.about.updated_at())
    }

    /// Marks an action that rules can't ask for, but whose payload has the current state of its subject.
    fn brings_state(&self, what: &str) -> Option<Undoing> {
        undoing(Undoes::Nothing, format!("{}; the known state of the {what} is updated", self.nothing_to_ask_for()))
    }

    /// A page of the repository. Only as a last resort, it guesses where GitHub is.
    fn page(&self, path: &[&str]) -> Option<String> {
        let repository = match self.repository.html_url.as_ref() {
            Some(link) => link.as_str().to_owned(),
            None => format!("https://github.com/{}", self.scope),
        };
        let mut url = Url::parse(&repository).ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend(path);
        Some(url.into())
    }
}

fn own_words(body: &Maybe<String>) -> String {
    text::own_words(body.as_deref().unwrap_or_default())
}

/// The text, unless it consists only of notes.
fn written(comment: &Comment) -> Option<crate::event::Comment> {
    let summary = summary::of_markdown(comment.body.as_deref()?)?;
    Some(crate::event::Comment { summary, url: comment.html_url.as_ref().map(String::from) })
}

fn names(labels: &Maybe<List<Named>>) -> Option<Vec<String>> {
    let names = || labels.entries().filter_map(|label| label.name.text()).map(text::title).collect();
    labels.is_some().then(names)
}

/// Logins of the accounts that could be read.
fn logins(users: &Maybe<List<User>>) -> Option<Vec<String>> {
    let logins = || users.entries().filter_map(|user| user.login.text()).map(str::to_owned).collect();
    users.is_some().then(logins)
}

fn time(time: &Maybe<Time>) -> Option<jiff::Timestamp> {
    time.map(|time| time.0)
}

/// The first valid one of several links.
fn first(links: &[&Maybe<Link>]) -> Option<String> {
    links.iter().find_map(|link| link.as_ref().map(String::from))
}

/// Marks an event as an undoing, which isn't news.
fn undoing(of: Undoes, because: impl Into<String>) -> Option<Undoing> {
    Some(Undoing { of, because: because.into() })
}

/// The name of an issue or discussion: in the payload's repository, or in the one that its link leads to.
fn numbered(issue: &Issue, repository: &Maybe<Repository>) -> Option<SubjectKey> {
    let number = issue.number.as_ref()?.number()?;
    let linked = || {
        let url = Url::parse(issue.html_url.as_ref()?.as_str()).ok()?;
        let mut path = url.path_segments()?;
        Some(format!("{}/{}", path.next()?, path.next().filter(|name| !name.is_empty())?))
    };
    let scope = repository.as_ref().and_then(|repository| repository.full_name.text()).map(str::to_owned);
    Some(SubjectKey::numbered(&scope.or_else(linked)?, number))
}

/// Whether a name is the id of a commit.
fn is_sha(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The short form of a commit's id.
fn short(sha: &str) -> String {
    sha.chars().take(7).collect()
}
