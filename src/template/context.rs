//! The names that a template can use (DESIGN §5).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use super::summary::SummaryView;
use super::{inert::clean, words};
use crate::event::{About, Actor, Change, Comment, Event, EventKind, Issue, Note, PullRequest, Source, Thing, Ticket};

/// What a message is made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What happened
    pub event: &'a Event,
    /// What is known of the primary ticket, if anything
    pub ticket: Option<&'a Ticket>,
    /// The conversation it belongs to
    pub thread: &'a ThreadView,
    /// The team that gets the message
    pub team: &'a str,
    /// The rule that matched
    pub rule: &'a str,
    /// One sentence: why this team gets it
    pub why: &'a str,
    /// Links for the reader
    pub links: &'a Links,
    /// The team's time zone
    pub zone: &'a TimeZone,
    /// The time until which to object to the assumption
    pub object_by: Option<Timestamp>,
    /// When the message is made
    pub now: Timestamp,
    /// What else is in its message
    pub company: Company<'a>,
}

/// What else is in the message of an update.
#[derive(Debug, Clone, Copy, Default)]
pub struct Company<'a> {
    /// Whether this is one of several lines in a message whose heading names the conversation
    pub brief: bool,
    /// All the comments that it reports, if there are several: `None` for one without text
    pub comments: &'a [Option<Comment>],
}

/// How many of several comments are quoted.
const MOST_QUOTED: usize = 5;

/// Every name that a template can use. An absent value is left out, and is never an empty string.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Context {
    /// What happened
    pub event: EventView,
    /// Who did it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The people who did it, by name, such as `Ana and Bo`. If a machine acted for people, those people. Absent if nobody is
    /// known
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actors: Option<String>,
    /// The repository, as owner/name; absent for Jira
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The pull request that the event is about, or that brought it about
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pr: Option<PullRequest>,
    /// The GitHub issue that the event is about; for `ticket.*`, it is `ticket`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<Issue>,
    /// The ticket it is about, or the first one that the pull request names: one in Jira, or a GitHub issue. For `issue.*`,
    /// only a ticket in Jira
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketView>,
    /// The release, deployment, workflow, … it is about
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thing: Option<ThingView>,
    /// What changed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// A note: a line such as `/assume …`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// What somebody wrote
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<Comment>,
    /// The comments that the message is about: the first five that have any words, if it joins several of one person
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// How many comments the message joins, if there are several
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comments_count: Option<usize>,
    /// How many of them are not in `comments`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comments_more: Option<usize>,
    /// For the template `objected`, which informs the note's author: the objection
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objection: Option<ObjectionView>,
    /// For the template `answer`: what somebody answered to a message
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerView>,
    /// For the template `agreed`, which informs the note's author: the teams that didn't object by `object_by`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Vec<String>>,
    /// For the template `summary`: what happened since the last summary. That template has `summary`, `team`, `why`, `now` and
    /// `timezone`, and nothing else
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<SummaryView>,
    /// The conversation
    pub thread: ThreadView,
    /// The team that gets the message
    pub team: String,
    /// The rule that matched
    pub rule: String,
    /// One sentence: why this team gets it
    pub why: String,
    /// Links for the reader
    pub links: Links,
    /// The time until which to object to the assumption
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub object_by: Option<Timestamp>,
    /// When the message is made
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// The team's time zone
    pub timezone: String,
    /// Whether this is one of several lines in a message whose heading names the conversation
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub brief: bool,
}

/// What happened.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EventView {
    /// Its kind, as in a rule's `on`
    pub kind: EventKind,
    /// What happened, as a sentence without its full stop, such as `A PR was merged`
    pub what: String,
    /// When it happened
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// Where to read more
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether a draft was a pull request that was ready before
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub converted: bool,
}

/// An objection to a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObjectionView {
    /// The name that the person gave; absent if none
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How they objected, such as `by mail (sender not verified)` or `in Slack`
    pub place: String,
    /// When
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// What they wrote, line by line and shortened; absent if they wrote nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<String>>,
}

/// What somebody answered to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnswerView {
    /// The name that the person gave; absent if none
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Their login on GitHub, if that is certain
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// How they answered, such as `by mail (sender not verified)` or `in Slack`
    pub place: String,
    /// When
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// What they wrote, line by line; absent if they took it back
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<String>>,
}

/// A ticket, and what follows from what is known of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TicketView {
    /// The ticket
    #[serde(flatten)]
    pub ticket: Ticket,
    /// Its key, with its title in quotes
    pub name: String,
    /// Whether it is an issue on GitHub
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub issue: bool,
    /// Whether it is known to be open, and is neither flagged, late nor moved to a later date
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub on_track: bool,
    /// If it is done, how, by its resolution or else its status: `done`, `wont_do`, `duplicate`, `not_reproduced`,
    /// `incomplete`; `other` for a resolution with an unusual name
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Whether it was done before and is open again
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reopened: bool,
    /// Days until it is due, in the team's time zone; negative when it is late
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_in_days: Option<i32>,
}

/// A release, deployment, workflow, …, and what readers call it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ThingView {
    /// The thing
    #[serde(flatten)]
    pub thing: Thing,
    /// Its name for readers: a release as `v1.4.0 “Its title”`, a deployment as `ingest-api main@f95f852`; absent for a push
    /// whose commit is not known
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ThreadView {
    /// Its id: a ticket's key, or the subject's
    pub key: String,
    /// Its name for readers: the ticket's key, the pull request, the repository
    pub label: String,
    /// What it is about, without what the label says
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its page
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Links for the reader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Links {
    /// The page that mutes this conversation
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute: Option<String>,
    /// The page on which to object to the assumption
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Always absent: in mail, each address gets its own below the message
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsubscribe: Option<String>,
    /// What microalign knows of the event
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

impl ThreadView {
    /// The conversation `key` that an event belongs to, whose page is `url`. It contains nothing restricted about
    /// `ticket`.
    #[must_use]
    pub fn of(event: &Event, ticket: Option<&Ticket>, key: String, url: Option<String>) -> Self {
        let (label, title) = (words::label(&key, event), words::topic(&key, event, ticket));
        Self { label: clean(&label), title, key, url }
    }
}

/// The context of one message.
#[must_use]
pub fn context(facts: &Facts<'_>) -> Context {
    let event = facts.event;
    let (mut pr, mut issue, mut thing) = (None, None, None);
    let mut ticket = facts.ticket.cloned();
    match &event.about {
        About::PullRequest(about) => pr = Some(PullRequest { body: None, ..about.clone() }),
        About::Issue(about) if !event.kind.is_of_ticket() => issue = Some(Issue { body: None, ..about.clone() }),
        About::Issue(_) => {}
        About::Thing(about) => {
            pr = about.brought_by.as_deref().cloned();
            let name = words::thing_name(&event.scope, about);
            thing = Some(ThingView { thing: Thing { brought_by: None, ..about.clone() }, name });
        }
        About::Ticket(about) => ticket = Some(about.clone()),
    }
    let ticket = ticket.or_else(|| event.tickets.first().map(|key| Ticket::bare(key.as_str())));
    // An issue doesn't belong to itself: templates that tell of issues have it as `issue`.
    let ticket = ticket.filter(|ticket| issue.is_none() || event.subject != ticket.key.as_str());
    let url = event.url.clone().or_else(|| event.about.url().map(str::to_owned));
    let author = |note: &Note| note.author.as_ref().map(words::shown);
    let known = redacted(facts, url);
    let several = facts.company.comments;
    let written = if several.is_empty() { std::slice::from_ref(&event.comment) } else { several };
    let comments: Vec<Comment> = written.iter().flatten().take(MOST_QUOTED).cloned().collect();
    let more = several.len().checked_sub(comments.len()).filter(|more| *more > 0 && !comments.is_empty());
    Context {
        event: known.event.clone(),
        actor: event.actor.as_ref().map(words::shown),
        actors: words::actors(event),
        repo: (event.source == Source::Github && !event.scope.is_empty()).then(|| event.scope.clone()),
        pr,
        issue,
        ticket: ticket.map(|ticket| ticket_view(ticket, facts)),
        thing,
        change: event.change.as_ref().map(words::shown_change),
        note: event.note.as_ref().map(|note| Note { author: author(note), ..note.clone() }),
        comment: event.comment.clone(),
        comments,
        comments_count: Some(several.len()).filter(|count| *count > 1),
        comments_more: more,
        ..known
    }
}

/// The context of a message that says only what kind of thing happened, with the link `url`. Everything else is absent,
/// so that no template can show it.
#[must_use]
pub fn redacted(facts: &Facts<'_>, url: Option<String>) -> Context {
    let event = facts.event;
    let converted = is_converted(event);
    let what = if converted { "A PR was converted to a draft" } else { event.kind.happened() }.to_owned();
    Context {
        event: EventView { kind: event.kind, what, time: event.at, url, converted },
        actor: None,
        actors: None,
        repo: None,
        pr: None,
        issue: None,
        ticket: None,
        thing: None,
        change: None,
        note: None,
        comment: None,
        comments: Vec::new(),
        comments_count: None,
        comments_more: None,
        objection: None,
        answer: None,
        agreed: None,
        summary: None,
        thread: facts.thread.clone(),
        team: facts.team.to_owned(),
        rule: facts.rule.to_owned(),
        why: facts.why.to_owned(),
        links: facts.links.clone(),
        object_by: facts.object_by,
        now: facts.now,
        timezone: facts.zone.iana_name().unwrap_or("UTC").to_owned(),
        brief: facts.company.brief,
    }
}

/// The context of a message that contains only the key of a ticket and its page.
#[must_use]
pub fn key_only(facts: &Facts<'_>, ticket: &Ticket) -> Context {
    let known = redacted(facts, ticket.url.clone());
    let event = EventView { what: String::new(), converted: false, ..known.event.clone() };
    Context { event, ticket: Some(ticket_view(ticket.key_and_link(), facts)), ..known }
}

/// Whether it is a draft that was ready before: somebody other than its author can't have opened it.
fn is_converted(event: &Event) -> bool {
    let changed = event.change.as_ref().is_some_and(|change| change.field == "draft");
    let by_another = match (&event.about, &event.actor) {
        (About::PullRequest(pr), Some(actor)) => pr.author.as_ref().is_some_and(|author| author.login != actor.login),
        _ => false,
    };
    (changed || by_another) && event.kind == EventKind::PullRequestDraft
}

fn ticket_view(mut ticket: Ticket, facts: &Facts<'_>) -> TicketView {
    if ticket.url.is_none() && facts.thread.key == ticket.key {
        ticket.url.clone_from(&facts.thread.url);
    }
    let today = facts.now.to_zoned(facts.zone.clone()).date();
    let due_in_days = ticket.due.and_then(|due| today.until(due).ok()).map(|span| span.get_days());
    for person in [&mut ticket.assignee, &mut ticket.reporter] {
        *person = person.as_ref().map(words::shown);
    }
    TicketView {
        name: words::ticket_name(&ticket),
        issue: ticket.key.contains('#'),
        on_track: words::is_on_track(&ticket, today),
        outcome: words::outcome(&ticket).map(str::to_owned),
        reopened: words::is_reopened(&ticket),
        due_in_days,
        ticket,
    }
}
