//! The names that a template can use (DESIGN §5).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use crate::event::{About, Actor, Change, Comment, Event, EventKind, Issue, Note, PullRequest, Source, Thing, Ticket};

/// What a message is made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What happened
    pub event: &'a Event,
    /// What is known of the primary ticket, if anything is
    pub ticket: Option<&'a Ticket>,
    /// The conversation it belongs to
    pub thread: &'a ThreadView,
    /// The team that hears of it
    pub team: &'a str,
    /// The rule that matched
    pub rule: &'a str,
    /// One sentence: why this team gets it
    pub why: &'a str,
    /// Where a reader goes from here
    pub links: &'a Links,
    /// The team's time zone
    pub zone: &'a TimeZone,
    /// Until when to object to what was assumed
    pub object_by: Option<Timestamp>,
    /// When the message is made
    pub now: Timestamp,
}

/// Every name that a template can use. What is absent is left out, and never an empty string.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Context {
    /// What happened
    pub event: EventView,
    /// Who did it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The repository, as owner/name; absent for Jira
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The pull request it is about, or that brought it about
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pr: Option<PullRequest>,
    /// The GitHub issue it is about
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<Issue>,
    /// The ticket it is about, or the first one that the pull request names
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketView>,
    /// The release, deployment, workflow, … it is about
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thing: Option<Thing>,
    /// What changed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// What somebody said with a slash command
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// What somebody wrote
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<Comment>,
    /// What somebody has against the note: for the template `objected`, which tells its author
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objection: Option<ObjectionView>,
    /// The teams that did not object to the note by `object_by`: for the template `agreed`, which tells its author
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Vec<String>>,
    /// The conversation
    pub thread: ThreadView,
    /// The team that hears of it
    pub team: String,
    /// The rule that matched
    pub rule: String,
    /// One sentence: why this team gets it
    pub why: String,
    /// Where a reader goes from here
    pub links: Links,
    /// Until when to object to what was assumed
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub object_by: Option<Timestamp>,
    /// When the message is made
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// The team's time zone
    pub timezone: String,
}

/// What happened.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EventView {
    /// Its kind, as in a rule's `on`
    pub kind: EventKind,
    /// Its kind in words
    pub what: String,
    /// When it happened
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// Where to read more
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What somebody has against a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObjectionView {
    /// Who, as they say; absent if they don't
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// What they wrote, line by line and shortened; absent if nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<String>>,
}

/// A ticket, and how long until it is due.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TicketView {
    /// The ticket
    #[serde(flatten)]
    pub ticket: Ticket,
    /// Days until it is due, in the team's zone; below zero when it is late
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_in_days: Option<i32>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ThreadView {
    /// Names it: a ticket's key, or the subject
    pub key: String,
    /// What readers call it
    pub label: String,
    /// Its page
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Where a reader goes from here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Links {
    /// To hear no more of this conversation for a while
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute: Option<String>,
    /// To object to the assumption
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Not there: in mail, each address has its own below the message
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsubscribe: Option<String>,
    /// What microalign knows of the event
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// The context of one message.
#[must_use]
pub fn context(facts: &Facts<'_>) -> Context {
    let event = facts.event;
    let (mut pr, mut issue, mut thing) = (None, None, None);
    let mut ticket = facts.ticket.cloned();
    match &event.about {
        About::PullRequest(about) => pr = Some(PullRequest { body: None, ..about.clone() }),
        About::Issue(about) => issue = Some(Issue { body: None, ..about.clone() }),
        About::Thing(about) => {
            pr = about.brought_by.as_deref().cloned();
            thing = Some(Thing { brought_by: None, ..about.clone() });
        }
        About::Ticket(about) => ticket = Some(about.clone()),
    }
    let ticket = ticket.or_else(|| event.tickets.first().map(|key| Ticket::bare(key.as_str())));
    let url = event.url.clone().or_else(|| event.about.url().map(str::to_owned));
    Context {
        actor: event.actor.clone(),
        repo: (event.source == Source::Github && !event.scope.is_empty()).then(|| event.scope.clone()),
        pr,
        issue,
        ticket: ticket.map(|ticket| ticket_view(ticket, facts)),
        thing,
        change: event.change.clone(),
        note: event.note.clone(),
        comment: event.comment.clone(),
        ..redacted(facts, url)
    }
}

/// The context of a message that says no more than what kind of thing happened and where, at `url`. All else is absent,
/// so that no template can tell it.
#[must_use]
pub fn redacted(facts: &Facts<'_>, url: Option<String>) -> Context {
    let event = facts.event;
    Context {
        event: EventView { kind: event.kind, what: event.kind.describe().to_owned(), time: event.at, url },
        actor: None,
        repo: None,
        pr: None,
        issue: None,
        ticket: None,
        thing: None,
        change: None,
        note: None,
        comment: None,
        objection: None,
        agreed: None,
        thread: facts.thread.clone(),
        team: facts.team.to_owned(),
        rule: facts.rule.to_owned(),
        why: facts.why.to_owned(),
        links: facts.links.clone(),
        object_by: facts.object_by,
        now: facts.now,
        timezone: facts.zone.iana_name().unwrap_or("UTC").to_owned(),
    }
}

fn ticket_view(mut ticket: Ticket, facts: &Facts<'_>) -> TicketView {
    if ticket.url.is_none() && facts.thread.key == ticket.key {
        ticket.url.clone_from(&facts.thread.url);
    }
    let today = facts.now.to_zoned(facts.zone.clone()).date();
    let due_in_days = ticket.due.and_then(|due| today.until(due).ok()).map(|span| span.get_days());
    TicketView { ticket, due_in_days }
}
