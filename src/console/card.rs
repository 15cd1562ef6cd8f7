//! An update as pages show it, and as the API has it.

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use schemars::JsonSchema;
use serde::Serialize;

use super::page::{conversation_path, moment, web_address};
use super::sight::{Onlooker, Sight, bare_subject};
use crate::channel;
use crate::store::{Entry, EntryState, FORGOTTEN_MESSAGE, Shown};

/// An update, or what became of an event that reached no rule.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Update {
    /// `delivery.line`, as commands take it
    pub id: String,
    /// When it was planned
    pub at: String,
    /// The team that it is for, if it reached a rule
    pub team: Option<String>,
    /// That rule
    pub rule: Option<String>,
    /// The kind of event; the webhook's name where it was ignored
    pub kind: Option<String>,
    /// What it is about
    pub subject: Option<String>,
    /// The page of that
    pub url: Option<String>,
    /// Its conversation
    pub thread: Option<String>,
    /// What became of it
    pub state: EntryState,
    /// Why, as a code
    pub code: String,
    /// Why, in words
    pub reason: String,
    /// Its message's subject, if there is a message that may be read
    pub title: Option<String>,
    /// Its message as plain text
    pub text: Option<String>,
    /// Where its message goes
    pub sends: Vec<Sent>,
    /// There is more to it, which this visitor may not read
    pub withheld: bool,
    /// Its message was removed
    pub forgotten: bool,
}

/// A message at one destination.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Sent {
    /// Where to
    pub destination: String,
    /// Where it is: queued, sending, sent, failed or muted
    pub state: String,
    /// How often it was tried
    pub attempts: i64,
    /// What went wrong last
    pub error: Option<String>,
}

/// A line as a visitor sees it.
pub(super) struct Seen {
    line: Shown,
    sight: Sight,
}

impl Seen {
    /// `None` for what they may not know of.
    pub(super) fn by(onlooker: &Onlooker, line: Shown) -> Option<Self> {
        let sight = onlooker.sight(&line);
        (sight > Sight::Nothing).then_some(Self { line, sight })
    }

    /// Whether all of it is seen.
    pub(super) fn is_whole(&self) -> bool {
        self.sight == Sight::Whole
    }

    fn whole(&self) -> Option<&Entry> {
        self.is_whole().then_some(&self.line.entry)
    }

    /// What it is about, and the page of that.
    pub(super) fn subject(&self) -> (Option<&str>, Option<&str>) {
        let (entry, event) = (&self.line.entry, self.line.event.as_ref());
        let page = web_address(event.and_then(|event| event.about.url()));
        match (self.sight, event) {
            (Sight::Kind, Some(event)) if bare_subject(event) == event.subject.as_str() => {
                (entry.subject.as_deref(), page)
            }
            (Sight::Kind, Some(event)) => (Some(&event.scope), None),
            (Sight::Kind, None) => (None, None),
            _ => (entry.subject.as_deref(), page),
        }
    }

    /// Why, in words; without those of its fields where they may not be read.
    fn reason(&self) -> &str {
        self.whole().map_or_else(|| self.line.entry.code.describe(), |entry| &entry.reason)
    }

    pub(super) fn update(&self) -> Update {
        let (entry, whole, (subject, url)) = (&self.line.entry, self.whole(), self.subject());
        let message = whole.and_then(|entry| entry.message.as_ref());
        let sends = whole.map(|entry| &*entry.sends).unwrap_or_default().iter().map(|send| Sent {
            destination: send.destination.clone(),
            state: send.state.as_str().to_owned(),
            attempts: send.attempts,
            error: send.error.clone(),
        });
        Update {
            id: entry.id.clone(),
            at: entry.at.to_string(),
            team: entry.team.clone(),
            rule: entry.rule.clone(),
            kind: entry.kind.clone().filter(|_| self.sight > Sight::Key),
            subject: subject.map(str::to_owned),
            url: url.map(str::to_owned),
            thread: whole.and_then(|entry| entry.thread.clone()),
            state: entry.state,
            code: entry.code.to_string(),
            reason: self.reason().to_owned(),
            title: message.map(|message| message.subject.clone()),
            text: message.map(crate::template::Message::text),
            sends: sends.collect(),
            withheld: whole.is_none(),
            forgotten: entry.forgotten,
        }
    }

    /// The update as a card.
    pub(super) fn card(&self, now: Timestamp) -> Markup {
        let (entry, whole, (subject, page)) = (&self.line.entry, self.whole(), self.subject());
        let quiet = matches!(entry.state, EntryState::Suppressed | EntryState::Ignored | EntryState::Superseded);
        let delivery = entry.id.split('.').next().unwrap_or_default();
        html! {
            article.card.quiet[quiet] id=(format!("update-{}", entry.id)) {
                header {
                    span class=(format!("state {}", entry.state)) { (entry.state) }
                    @if let (Some(team), Some(rule)) = (&entry.team, &entry.rule) {
                        span { a href=(view("team", team)) { (team) } " / " (rule) }
                    }
                    @if let Some(kind) = entry.kind.as_ref().filter(|_| self.sight > Sight::Key) { span { (kind) } }
                    @if let Some(subject) = subject {
                        @if let Some(page) = page { a href=(page) rel="noreferrer" { (subject) } } @else { span { (subject) } }
                    }
                    @if let Some(thread) = whole.and_then(|entry| entry.thread.as_deref()) {
                        a href=(conversation_path(thread)) { "conversation" @if Some(thread) != subject { " " (thread) } }
                    }
                    a.when href=(format!("/events/{delivery}#{}", entry.id)) { (entry.id) " · " (moment(entry.at, now)) }
                }
                @match whole {
                    Some(entry) => (said(entry)),
                    None => p.reason { "What else is known of it may be read by its team only." },
                }
                p.reason { (self.reason()) }
                @for send in whole.map(|entry| &*entry.sends).unwrap_or_default() {
                    p.reason {
                        "→ " (send.destination) ": " (send.state.as_str())
                        @if send.attempts > 1 { ", attempt " (send.attempts) }
                        @if let Some(error) = &send.error { ": " (error) }
                    }
                }
            }
        }
    }
}

/// What its reader saw.
fn said(entry: &Entry) -> Markup {
    html! {
        @if let Some(message) = &entry.message {
            h2 { (message.subject) }
            div.message { (PreEscaped(channel::html_body(message))) }
        }
        @if entry.forgotten { p.reason { (FORGOTTEN_MESSAGE) } }
    }
}

/// The address of the view with one filter.
fn view(name: &str, value: &str) -> String {
    format!("/?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish())
}
