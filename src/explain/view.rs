//! An explanation as programs read it: the JSON of the command and of the console's API.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Explained, Line, Would};
use crate::event::{Event, EventKind, Source};
use crate::track;

/// What a payload leads to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct View {
    /// The event; `null` if the payload tells of none
    pub event: Option<EventView>,
    /// Each rule
    pub rules: Vec<RuleView>,
    /// The messages that would be sent
    pub messages: Vec<MessageView>,
}

/// The event of a payload.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EventView {
    /// No rule can ask for it
    Ignored {
        /// `ignored`
        kind: &'static str,
        /// Why
        reason: String,
        /// Why, as a stable code
        code: &'static str,
    },
    /// What happened
    Told {
        /// What kind of event it is
        kind: EventKind,
        /// Who told of it
        source: Source,
        /// The repository, or the Jira project
        scope: String,
        /// The login or account id of who did it
        actor: Option<String>,
        /// What it is about: `acme/ingest-api#45` or `DATA-123`
        subject: String,
        /// The title of that
        title: String,
        /// Its page
        url: Option<String>,
        /// The conversation
        thread: String,
        /// The tickets that it belongs to
        tickets: Vec<String>,
    },
}

/// A rule, and what it makes of the event.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RuleView {
    /// Its team
    pub team: String,
    /// Its name
    pub rule: String,
    /// Whether it matches
    pub matches: bool,
    /// By what it matches, or the first condition that fails
    pub because: String,
    /// Why it doesn't match, as a stable code
    pub code: Option<&'static str>,
    /// When its message would be sent, if that was asked; `null` if it doesn't match
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Option<GoesView>>,
}

/// When a message would be sent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GoesView {
    /// Then
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// When and why, in words
    pub because: String,
}

/// A message that would be sent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MessageView {
    /// To this team
    pub team: String,
    /// By this rule
    pub rule: String,
    /// There
    pub destination: String,
    /// Its subject
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its text
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its HTML, if the destination accepts HTML
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Why it can't be written
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl From<&Explained<'_>> for View {
    fn from(explained: &Explained<'_>) -> Self {
        match explained {
            Explained::Ignored(reason) => {
                let event =
                    EventView::Ignored { kind: "ignored", reason: reason.to_string(), code: reason.code().as_str() };
                Self { event: Some(event), rules: Vec::new(), messages: Vec::new() }
            }
            Explained::Events(explanation) => Self {
                event: explanation.tracked.first().map(|tracked| EventView::from(&tracked.event)),
                rules: explanation.lines.iter().map(RuleView::from).collect(),
                messages: explanation.messages.iter().map(MessageView::from).collect(),
            },
        }
    }
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        Self::Told {
            kind: event.kind,
            source: event.source,
            scope: event.scope.to_string(),
            actor: event.actor.as_ref().map(|actor| actor.login.to_string()),
            subject: event.subject.to_string(),
            title: event.about.title().to_owned(),
            url: event.url.as_deref().or_else(|| event.about.url()).map(str::to_owned),
            thread: track::conversation(event),
            tickets: event.tickets.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&Line<'_>> for RuleView {
    fn from(line: &Line<'_>) -> Self {
        let goes = line
            .goes
            .as_ref()
            .map(|goes| goes.as_ref().map(|goes| GoesView { time: goes.at, because: goes.words.clone() }));
        Self {
            team: line.evaluated.team.name.clone(),
            rule: line.evaluated.rule.name.clone(),
            matches: line.matches(),
            because: line.because(),
            code: line.code().map(|code| code.as_str()),
            at: goes,
        }
    }
}

impl From<&Would<'_>> for MessageView {
    fn from(would: &Would<'_>) -> Self {
        let (preview, error) = match &would.preview {
            Ok(preview) => (Some(preview), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            team: would.team.to_owned(),
            rule: would.rule.to_owned(),
            destination: would.destination.clone(),
            subject: preview.map(|preview| preview.subject.clone()),
            text: preview.map(|preview| preview.text.clone()),
            html: preview.and_then(|preview| preview.html.clone()),
            error,
        }
    }
}
