//! What a summary of what moved says, as its template sees it.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::markdown::{Message, shorten};
use super::{MAX_SUBJECT, RenderError, SUMMARY, Templates, clean};

/// What happened since the last summary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SummaryView {
    /// The first day that it is about, in the team's time zone
    #[schemars(with = "String")]
    pub first_day: Date,
    /// The last day
    #[schemars(with = "String")]
    pub last_day: Date,
    /// Whether it is about all teams
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub everybody: bool,
    /// How many updates the team was told, or all teams were
    pub updates: u64,
    /// In how many conversations
    pub conversations: usize,
    /// Where they are listed; absent if the console has no address
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Conversations in which the team was told something; for everybody, those in which the work went on
    #[serde(skip_serializing_if = "Section::is_empty")]
    pub moved: Section<MovedView>,
    /// Assumptions as they stand now
    #[serde(skip_serializing_if = "Section::is_empty")]
    pub assumptions: Section<AssumptionView>,
    /// Tickets that are due later, or planned for a later version
    #[serde(skip_serializing_if = "Section::is_empty")]
    pub slipped: Section<SlippedView>,
    /// Conversations with work in progress in which nothing has happened any more
    #[serde(skip_serializing_if = "Section::is_empty")]
    pub quiet: Section<QuietView>,
    /// Work of which a team was never told, although it changes what the team owns, or is on tickets that it works on
    #[serde(skip_serializing_if = "Section::is_empty")]
    pub untold: Section<UntoldView>,
    /// In how many merged pull requests it isn't known who owns the changed files; absent if nobody asks or it is known of all
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners_unknown: Option<usize>,
}

/// A part of a summary: its first lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Section<T> {
    /// The first ones
    pub items: Vec<T>,
    /// How many there are besides; absent if none
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<usize>,
    /// Where all of them are; absent if the console has no address
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl<T> Default for Section<T> {
    fn default() -> Self {
        Self { items: Vec::new(), more: None, url: None }
    }
}

impl<T> Section<T> {
    /// So many lines are in a section.
    pub const LINES: usize = 6;

    /// As many lines as fit on a screen, and how many are left out; `url` is where all of them are.
    #[must_use]
    pub fn of(mut items: Vec<T>, url: Option<String>) -> Self {
        let more = items.len().checked_sub(Self::LINES).filter(|more| *more > 0);
        items.truncate(Self::LINES);
        Self { items, more, url: url.filter(|_| more.is_some()) }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// What a line of a summary is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamedView {
    /// What it is called, such as `DATA-123 “Its title”`; without the title if not everybody may know that
    pub name: String,
    /// Its page
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A conversation in which something moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MovedView {
    /// The conversation
    #[serde(flatten)]
    pub named: NamedView,
    /// Where its parts stand, the last that moved first; at most three
    pub states: Vec<StateView>,
}

/// Where the work on something stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StateView {
    /// `merged`, `closed`, `draft`, `open`, `created`, `moved` or `released`
    pub is: String,
    /// What it is, if that is not the conversation itself, such as `acme/api#7`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its page
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who brought it there
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// On which day: `Tuesday`, or `3 Nov` if that is longer ago
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// For `moved`: the status in the beginning
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// For `moved`: the status now
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Whether it is a draft that moved forward, and nothing says that it is late
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub on_track: bool,
}

/// An assumption, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AssumptionView {
    /// Its conversation; `url` is where it was made
    #[serde(flatten)]
    pub named: NamedView,
    /// What is assumed, unless not everybody may know that
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Who assumes it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// `open`, `objected`, `answered` or `agreed`
    pub state: String,
    /// Who objected, as they say
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objected_by: Vec<String>,
    /// While it is open: the time until which to object, if there is one
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub object_by: Option<Timestamp>,
}

/// A ticket that slipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlippedView {
    /// The ticket
    #[serde(flatten)]
    pub named: NamedView,
    /// What moved, for readers: `due date`, `fix version`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it was in the beginning
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it is now
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A conversation that went quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QuietView {
    /// The conversation
    #[serde(flatten)]
    pub named: NamedView,
    /// When something last happened in it
    #[schemars(with = "String")]
    pub since: Timestamp,
}

/// Work that a team was never told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UntoldView {
    /// The conversation
    #[serde(flatten)]
    pub named: NamedView,
    /// The teams that were never told of it
    pub teams: Vec<String>,
    /// Whether it changes files that they own; otherwise they work on the same ticket
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub owned: bool,
    /// Why the team was not told, as the ledger says; absent if it is about several teams
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What the template of a summary can use.
#[derive(Debug, Clone, Serialize)]
pub struct SummaryContext {
    /// The summary
    pub summary: SummaryView,
    /// The team that gets it
    pub team: String,
    /// One sentence: why it gets it
    pub why: String,
    /// When it is written
    pub now: Timestamp,
    /// The team's time zone
    pub timezone: String,
}

impl Templates {
    /// Writes a summary of what moved.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_summary(&self, context: &SummaryContext) -> Result<Message, RenderError> {
        let (subject, body) = self.write(SUMMARY, context)?;
        let subject = if subject.is_empty() { "What moved".to_owned() } else { subject };
        let subject = shorten(&subject, MAX_SUBJECT);
        Ok(Message { label: subject.clone(), subject, body, why: clean(&context.why), ..Message::default() })
    }
}
