//! The page at `/`: the latest updates as their readers saw them, with states and reasons. It only reads; [`crate::http`]
//! decides who may see it.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::channel;
use crate::store::{Entry, EntryState, FORGOTTEN_MESSAGE, Filter, Store, StoreError};

/// How many lines the page shows.
const LATEST: u32 = 100;

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin-bottom: 0; } h1 + p { margin-top: .2rem; opacity: .7; }
article { border: 1px solid #8884; border-radius: .5rem; padding: .7rem 1rem; margin: .8rem 0; }
article.quiet { border-style: dashed; opacity: .75; padding: .4rem 1rem; }
header { display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: baseline; font-size: .85rem; }
header time { margin-left: auto; opacity: .7; }
.state { font-weight: 600; } .sent { color: #1d7a33; } .failed { color: #b3261e; } .held { color: #8a5800; }
h2 { font-size: 1rem; margin: .5rem 0 .2rem; overflow-wrap: anywhere; }
.message { overflow-wrap: anywhere; margin: .4rem 0 .8rem; }
.reason { font-size: .85rem; opacity: .8; margin: .2rem 0; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) {
  .sent { color: #6cc784; } .failed { color: #ff8a80; } .held { color: #e2b04a; }
}
";

/// Renders the page.
#[derive(Debug, Clone, Copy, Default)]
pub struct Console;

impl Console {
    /// The page as it is now.
    ///
    /// # Errors
    /// If the ledger can't be read.
    pub async fn page(&self, store: &Store) -> Result<String, StoreError> {
        let latest = store.ledger(&Filter { limit: Some(LATEST), ..Filter::default() }).await?;
        Ok(page(&latest, Timestamp::now()).into_string())
    }
}

fn page(latest: &[Entry], now: Timestamp) -> Markup {
    let body = html! {
        h1 { "microalign" }
        p { "What partner teams heard, what they did not, and why. Newest first." }
        @if latest.is_empty() { p { "Nothing has arrived yet: webhooks go to /webhooks/github and /webhooks/jira." } }
        @for entry in latest.iter().rev() { (article(entry, now)) }
    };
    document("microalign", STYLE, &body)
}

/// A whole page, with a style of its own.
#[must_use]
pub fn document(title: &str, style: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body { (body) }
        }
    }
}

fn article(entry: &Entry, now: Timestamp) -> Markup {
    let quiet = matches!(entry.state, EntryState::Suppressed | EntryState::Ignored | EntryState::Superseded);
    html! {
        article.quiet[quiet] {
            header {
                span class=(format!("state {}", entry.state.as_str())) { (entry.state.as_str()) }
                @if let (Some(team), Some(rule)) = (&entry.team, &entry.rule) { span { (team) " / " (rule) } }
                @if let Some(kind) = &entry.kind { span { (kind) } }
                @if let Some(subject) = &entry.subject { span { (subject) } }
                time datetime=(entry.at.to_string()) title=(entry.at.to_string()) {
                    (entry.id) " · " (ago(entry.at, now))
                }
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

fn ago(at: Timestamp, now: Timestamp) -> String {
    match now.duration_since(at).as_secs() {
        seconds if seconds < 60 => "just now".to_owned(),
        seconds if seconds < 3600 => format!("{} min ago", seconds / 60),
        seconds if seconds < 86400 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} d ago", seconds / 86400),
    }
}
