//! From a webhook's raw body to events.
//!
//! Everything here is a pure function of the body. Only the fields that are used are read, by types of our own, since
//! the published models reject unknown actions and trimmed users, which real traffic has. What cannot be understood is
//! [`Parsed::Ignored`] with a reason, never an error: the raw body is kept, so a gap here is repaired by a replay.

mod body;
pub mod codeowners;
mod commit;
mod github;
mod jira;
mod jira_text;
mod lenient;
mod note;
mod our_comments;
mod people;
pub mod signature;
mod summary;
mod text;
mod tickets;
mod trailer;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::event::{Event, Source};
use crate::reason::Reason;

pub use body::{BodyError, json_body};
pub use commit::Commit;
pub use github::EVENTS as GITHUB_EVENTS;
pub use jira::{EVENTS as JIRA_EVENTS, at_site as at_jira_site};
pub use lenient::host_of;
pub use note::{revise as revise_notes, standing as standing_notes};
pub use our_comments::{IN_JIRA, ON_GITHUB};
pub use people::name_people;
pub use tickets::Keys;

/// What the configuration says about understanding payloads.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Keys of the projects whose tickets count; empty: any key-shaped word does
    pub jira_projects: Vec<String>,
    /// Where Jira's pages are; absent: taken from the payload's own links
    pub jira_base_url: Option<String>,
    /// The host of the GitHub whose API there is access to
    pub github_host: Option<String>,
}

/// What a delivery says.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// What happened, the most significant first, notes last; never empty
    Events(Vec<Event>),
    /// Why there is nothing to tell
    Ignored(Reason),
}

/// What every payload needs beside its body.
struct Context<'a> {
    received: Timestamp,
    settings: &'a Settings,
}

/// The events of a delivery, or the reason why there are none.
type Understood = Result<Vec<Event>, Reason>;

/// Reads the JSON body of an authentic webhook. `name` is GitHub's `X-GitHub-Event`; Jira names its events in the
/// body, so there it is not looked at. `received` stands in where the payload names no time.
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

/// The ticket keys in texts such as commit messages, in order.
#[must_use]
pub fn tickets_in<'a>(texts: impl IntoIterator<Item = &'a str>, settings: &Settings) -> Keys {
    tickets::find(None, None, &texts.into_iter().collect::<Vec<_>>(), &settings.jira_projects)
}

/// The events for the notes in a pull request's commits, which its own event does not bring. A commit that names no
/// ticket is about the pull request's.
#[must_use]
pub fn notes_in_commits(pull_request: &Event, commits: &[Commit], settings: &Settings) -> Vec<Event> {
    commit::notes(pull_request, commits, |message| match &pull_request.tickets[..] {
        [] => tickets_in([message], settings),
        keys => Keys { tickets: keys.to_vec(), listed: pull_request.listed.clone() },
    })
}

/// A pull request as GitHub's API writes it, read as webhooks are; `None` if it is none of this repository's.
#[must_use]
pub fn pull_request(repo: &str, pull: &Value, settings: &Settings) -> Option<Event> {
    let base = pull.pointer("/base/repo").filter(|base| base.is_object());
    let name = base.and_then(|base| base.get("full_name")?.as_str()).unwrap_or(repo);
    if !name.eq_ignore_ascii_case(repo) {
        return None;
    }
    let mut repository = base.cloned().unwrap_or_else(|| json!({}));
    repository["full_name"] = json!(repo);
    let body = json!({ "action": "edited", "repository": repository, "pull_request": pull }).to_string();
    let now = Timestamp::now();
    let Parsed::Events(events) = parse(Source::Github, "pull_request", body.as_bytes(), now, settings) else {
        return None;
    };
    events.into_iter().next()
}

/// The reason for a body that does not even have the outline of a webhook.
fn not_a_payload(error: &serde_json::Error) -> Reason {
    Reason::NotAPayload { error: error.to_string() }
}

/// The reason for a payload without a field that is needed.
fn missing(field: &str) -> Reason {
    Reason::FieldMissing { field: field.to_owned() }
}

/// The reason for an event of this name.
fn not_asked_for(name: &str) -> Reason {
    Reason::NotAskedFor { what: format!("`{}`", text::title(name)) }
}

/// The reason for what says nothing that could be told.
fn not_news(detail: impl Into<String>) -> Reason {
    Reason::NotNews { detail: detail.into() }
}
