//! From a webhook's raw body to events.
//!
//! Everything here is a pure function of the body. Our own types read only the fields that are used, since the
//! published models reject unknown actions and trimmed users, which real traffic has. A body that can't be understood
//! is [`Parsed::Ignored`] with a reason, and never an error: the raw body is kept, so a gap here can be repaired by a
//! replay.

mod body;
pub mod codeowners;
mod commit;
pub mod gitattributes;
mod github;
mod jira;
mod jira_text;
mod lenient;
mod note;
mod our_comments;
mod people;
pub mod signature;
mod site_fields;
mod summary;
mod text;
mod tickets;
mod trailer;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::event::{Boards, Event, EventKind, Source};
use crate::reason::Reason;

pub use body::{BodyError, check_json, json_body, unchecked_body};
pub use commit::Commit;
pub use github::{CHECKS, EVENTS as GITHUB_EVENTS, check_id, repository_events, rerequested};
pub use jira::{AUTOMATION as JIRA_AUTOMATION, EVENTS as JIRA_EVENTS, at_site as at_jira_site, compare_versions};
pub use lenient::host_of;
pub use note::{revise as revise_notes, standing as standing_notes};
pub use our_comments::{IN_JIRA, ON_GITHUB};
pub use people::name_people;
pub use site_fields::{SharedFields, SiteField, SiteFields};
pub use tickets::Keys;

/// The settings for reading payloads.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The keys of the projects whose tickets count; if empty, any word in the form of a key counts
    pub jira_projects: Vec<String>,
    /// The address of Jira's pages; if absent, the payload's own links are used
    pub jira_base_url: Option<String>,
    /// The host of the GitHub with a configured API
    pub github_host: Option<String>,
    /// What the fields of GitHub's projects mean
    pub boards: Arc<Boards>,
    /// The fields of Jira's site that are read
    pub fields: SharedFields,
}

/// The contents of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// What happened, the most significant first, notes last; never empty
    Events(Vec<Event>),
    /// Why there is nothing to report
    Ignored(Reason),
}

impl Parsed {
    /// What happened, if there is anything to report.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        match self {
            Self::Events(events) => events,
            Self::Ignored(_) => &[],
        }
    }

    /// The same, to be completed.
    pub fn events_mut(&mut self) -> &mut [Event] {
        match self {
            Self::Events(events) => events,
            Self::Ignored(_) => &mut [],
        }
    }
}

/// What every payload needs in addition to its body.
struct Context<'a> {
    received: Timestamp,
    settings: &'a Settings,
}

/// The events of a delivery, or the reason why there are none.
type Understood = Result<Vec<Event>, Reason>;

/// Reads the JSON body of an authentic webhook. `name` is GitHub's `X-GitHub-Event`, and isn't used for Jira, which
/// names its events in the body. `received` is used if the payload has no time.
#[must_use]
pub fn parse(source: Source, name: &str, body: &[u8], received: Timestamp, settings: &Settings) -> Parsed {
    let context = Context { received, settings };
    let understood = match source {
        Source::Github => github::parse(name, body, &context),
        Source::Jira => jira::parse(body, &context),
    };
    match understood {
        Ok(events) => Parsed::Events(events),
        Err(reason) => Parsed::Ignored(reason),
    }
}

/// The tickets that the messages of a pull request's commits name, in order, and then the issues that they close.
#[must_use]
pub fn tickets_in_commits<'a>(
    pull_request: &Event,
    messages: impl IntoIterator<Item = &'a str>,
    settings: &Settings,
) -> Keys {
    let messages = messages.into_iter().collect::<Vec<_>>();
    let keys = tickets::find(None, None, &messages, &settings.jira_projects);
    let host = pull_request.host.as_deref().or(settings.github_host.as_deref());
    let place = github::Place { scope: &pull_request.scope, host };
    github::with_issues(keys, messages, (place, tickets::MOST))
}

/// The events for the notes in a pull request's commits, which its own event doesn't contain. A commit that names no
/// ticket belongs to the pull request's tickets.
#[must_use]
pub fn notes_in_commits(pull_request: &Event, commits: &[Commit], settings: &Settings) -> Vec<Event> {
    commit::notes(pull_request, commits, |message| match &pull_request.tickets[..] {
        [] => tickets_in_commits(pull_request, [message], settings),
        keys => Keys { tickets: keys.to_vec(), listed: pull_request.listed.clone() },
    })
}

/// Reads a pull request from GitHub's API like one in a webhook; `None` if it isn't in this repository.
#[must_use]
pub fn pull_request(repo: &str, pull: &Value, settings: &Settings) -> Option<Event> {
    let base = pull.pointer("/base/repo").filter(|base| base.is_object());
    let name = base.and_then(|base| base.get("full_name")?.as_str()).unwrap_or(repo);
    if !name.eq_ignore_ascii_case(repo) {
        return None;
    }
    let mut repository = base.cloned().unwrap_or_else(|| json!({}));
    repository["full_name"] = json!(repo);
    edited("pull_request", &json!({ "action": "edited", "repository": repository, "pull_request": pull }), settings)
}

/// Reads a pull request from GitHub's API as its merge by its author would be told.
#[must_use]
pub fn as_merged(pull: &Value, settings: &Settings) -> Option<Event> {
    let mut merged = pull.clone();
    (merged["state"], merged["merged"], merged["draft"]) = (json!("closed"), json!(true), json!(false));
    let body = json!({
        "action": "closed", "repository": pull.pointer("/base/repo")?, "pull_request": merged, "sender": pull["user"],
    });
    let body = body.to_string();
    let parsed = parse(Source::Github, "pull_request", body.as_bytes(), Timestamp::now(), settings);
    let Parsed::Events(events) = parsed else { return None };
    let merge = events.into_iter().find(|event| event.kind == EventKind::PullRequestMerged)?;
    // Whatever it calls itself, it is the GitHub that was asked.
    Some(Event { host: None, ..merge })
}

/// Reads an issue from GitHub's API like one in a webhook, with its repository as webhooks write it.
#[must_use]
pub fn issue(repository: &Value, issue: &Value, settings: &Settings) -> Option<Event> {
    edited("issues", &json!({ "action": "edited", "repository": repository, "issue": issue }), settings)
}

fn edited(name: &str, body: &Value, settings: &Settings) -> Option<Event> {
    let Parsed::Events(events) = parse(Source::Github, name, body.to_string().as_bytes(), Timestamp::now(), settings)
    else {
        return None;
    };
    events.into_iter().next()
}

/// The reason for a body that doesn't look like a webhook.
fn not_a_payload(error: &serde_json::Error) -> Reason {
    Reason::NotAPayload { error: error.to_string() }
}

/// The reason for a payload without a required field.
fn missing(field: &str) -> Reason {
    Reason::FieldMissing { field: field.to_owned() }
}

/// The reason for an event that no rule can ask for.
fn not_asked_for(name: &str) -> Reason {
    Reason::NotAskedFor { what: format!("`{}`", text::title(name)) }
}

/// The reason for a payload that isn't news.
fn not_news(detail: impl Into<String>) -> Reason {
    Reason::NotNews { detail: detail.into() }
}
