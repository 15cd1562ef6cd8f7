//! Activity: the latest updates as their readers saw them, with states and reasons.

use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::page::{moment, page};
use super::request::Asked;
use crate::channel;
use crate::store::{Entry, EntryState, FORGOTTEN_MESSAGE, Filter};

/// How many lines a page has.
const LATEST: u32 = 100;

/// Which updates to show.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only those of this team
    team: Option<String>,
}

/// Updates, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Updates {
    updates: Vec<Update>,
}

/// An update.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Update {
    /// `delivery.line`, as commands take it
    id: String,
    /// The team it is for, if it reached a rule
    team: Option<String>,
    /// What became of it
    state: String,
    /// Why
    reason: String,
}

/// `GET /api/v1/updates`
pub(super) async fn updates(console: Arc<Console>, visitor: Visitor, query: Query) -> Result<Updates, Refused> {
    let entries = entries(&console, &visitor, query).await?;
    let updates = entries.into_iter().map(|Entry { id, team, state, reason, .. }| Update {
        id,
        team,
        state: state.to_string(),
        reason,
    });
    Ok(Updates { updates: updates.collect() })
}

async fn entries(console: &Console, visitor: &Visitor, query: Query) -> Result<Vec<Entry>, Refused> {
    let filter = Filter { team: query.team, limit: Some(LATEST), ..Filter::default() };
    let mut entries = console.store.ledger(&filter).await?;
    entries.retain(|entry| visitor.sees(entry.team.as_deref()));
    entries.reverse();
    Ok(entries)
}

/// `GET /`
pub(super) async fn activity(console: &Console, asked: &Asked) -> Result<Answer, Refused> {
    let entries = entries(console, &asked.visitor, asked.query(Vec::new())?).await?;
    let now = Timestamp::now();
    let content = html! {
        p.lead { "What partner teams heard, what they did not, and why. Newest first." }
        @if entries.is_empty() { p { "Nothing has arrived yet: webhooks go to /webhooks/github and /webhooks/jira." } }
        @for entry in &entries { (article(entry, now)) }
    };
    Ok(Answer::Page(page(("Activity", "/"), &asked.visitor, &content)))
}

fn article(entry: &Entry, now: Timestamp) -> Markup {
    let quiet = matches!(entry.state, EntryState::Suppressed | EntryState::Ignored | EntryState::Superseded);
    html! {
        article.card.quiet[quiet] {
            header {
                span class=(format!("state {}", entry.state)) { (entry.state) }
                @if let (Some(team), Some(rule)) = (&entry.team, &entry.rule) { span { (team) " / " (rule) } }
                @if let Some(kind) = &entry.kind { span { (kind) } }
                @if let Some(subject) = &entry.subject { span { (subject) } }
                span.when { (entry.id) " · " (moment(entry.at, now)) }
            }
            @if let Some(message) = &entry.message {
                h2 { (message.subject) }
                div.message { (PreEscaped(channel::html_body(message))) }
            }
            @if entry.forgotten { p.reason { (FORGOTTEN_MESSAGE) } }
            p.reason { (entry.reason) }
            @for send in &entry.sends {
                p.reason {
                    "→ " (send.destination) ": " (send.state.as_str())
                    @if send.attempts > 1 { ", attempt " (send.attempts) }
                    @if let Some(error) = &send.error { ": " (error) }
                }
            }
        }
    }
}
