//! Conversation: one piece of work over GitHub and Jira, from draft to done.

use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::lines::{EventView, Eyes, Hidden, LineView};
use super::mute;
use super::page::{conversation_path, inert, page, web_address, with_query};
use super::request::Asked;
use crate::event::{About, SubjectKey};
use crate::mute::Mute;
use crate::store::{Conversation, Found, Record, Turn};
use crate::template::clean;
use crate::track::{self, Known};

/// Which part of which conversation to show.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Its name: a ticket's key, or such as `acme/api#45`
    thread: String,
    /// Only what follows this line: `after` of another part
    after: Option<i64>,
    /// Only what is before this line: `before` of another part
    before: Option<i64>,
}

/// A part of a conversation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct View {
    /// Its name now
    pub(super) thread: String,
    /// What belongs to it, and how it stands
    subjects: Vec<SubjectView>,
    /// What keeps it quiet
    pub(super) mutes: Vec<MuteView>,
    /// What happened, oldest first
    moments: Vec<Moment>,
    /// What `before` is for the part before this one, if there is one
    before: Option<i64>,
    /// What `after` is for the part after this one, if there is one
    after: Option<i64>,
}

/// A ticket, or a pull request or issue that belongs to it.
#[derive(Debug, Serialize, JsonSchema)]
struct SubjectView {
    /// Its name
    name: String,
    /// Its title
    title: Option<String>,
    /// Its page
    url: Option<String>,
    /// How it stands, in a word
    stands: Option<String>,
    /// Why that isn't shown
    hidden: Option<Hidden>,
}

/// Something that keeps a conversation quiet.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MuteView {
    /// Its number
    pub(super) id: i64,
    /// The team; nothing if it is for everybody
    pub(super) team: Option<String>,
    /// The destination, if it is only there
    pub(super) destination: Option<String>,
    /// The rule, if it is only that
    pub(super) rule: Option<String>,
    /// When it ends; nothing if it doesn't
    #[schemars(with = "Option<String>")]
    pub(super) until: Option<Timestamp>,
    /// How it was made, and by whom where that is known
    pub(super) by: String,
}

/// Something that happened, and what became of it for each team.
#[derive(Debug, Serialize, JsonSchema)]
struct Moment {
    /// What happened
    event: Option<EventView>,
    /// What became of it
    lines: Vec<LineView>,
}

/// `GET /api/v1/conversations/{thread}`
pub(super) async fn conversation(console: Arc<Console>, visitor: Visitor, query: Query) -> Result<View, Refused> {
    let thread = query.thread.clone();
    match look(&console, &visitor, query).await? {
        Looked::Here(view) => Ok(view),
        Looked::Elsewhere(now) => Err(Refused::NotFound(format!("`{thread}` is a part of `{now}` now: ask for that"))),
    }
}

/// `GET /conversations/{thread}`
pub(super) async fn page_of(console: &Arc<Console>, asked: &Asked, thread: &str) -> Result<Answer, Refused> {
    let query: Query = asked.query(vec![("thread", thread.to_owned())])?;
    let view = match look(console, &asked.visitor, query).await? {
        Looked::Here(view) => view,
        Looked::Elsewhere(now) => return Ok(Answer::SeeOther(conversation_path(&now))),
    };
    let now = Timestamp::now();
    let content = html! {
        p.lead { "What happened to this piece of work, and what each team was told of it. Oldest first." }
        (view.stands())
        (mute::section(console, &asked.visitor, &view))
        h2 #happened { "What happened" }
        @if view.moments.is_empty() { p { "Nothing is kept of it here." } }
        ol.timeline aria-labelledby="happened" {
            @for moment in &view.moments { (moment.show(now)) }
        }
        (view.pages())
    };
    Ok(Answer::Page(page((&clean(&view.thread), ""), &asked.visitor, &content)))
}

enum Looked {
    Here(View),
    Elsewhere(String),
}

async fn look(console: &Console, visitor: &Visitor, query: Query) -> Result<Looked, Refused> {
    let Query { thread, after, before } = query;
    let turn = match (after, before) {
        (Some(_), Some(_)) => return Err(Refused::Wrong("give `after` or `before`, not both".to_owned())),
        (_, Some(before)) => Turn::Before(before),
        (after, None) => Turn::After(after.unwrap_or_default()),
    };
    let unknown = || Refused::NotFound(format!("There is no conversation `{thread}`."));
    match console.store.conversation(thread.clone(), turn, Timestamp::now()).await? {
        Found::Elsewhere(now) => Ok(Looked::Elsewhere(now)),
        Found::Nowhere => Err(unknown()),
        Found::Here(found) => {
            let view = View::of(*found, console, visitor);
            if view.moments.is_empty() && !visitor.sees(None) { Err(unknown()) } else { Ok(Looked::Here(view)) }
        }
    }
}

impl View {
    fn of(found: Conversation, console: &Console, visitor: &Visitor) -> Self {
        let Conversation { thread, subjects, records, earlier, later, mutes } = found;
        let eyes = Eyes::new(console, visitor);
        let before = records.first().map(|first| first.id).filter(|_| earlier);
        let after = records.last().map(|last| last.id).filter(|_| later);
        let sees_all = visitor.sees(None);
        let mutes = mutes.into_iter().filter(|(_, mute)| visitor.sees(mute.scope.team.as_deref()));
        Self {
            subjects: subjects.iter().filter(|_| sees_all).map(SubjectView::of).collect(),
            mutes: mutes.map(MuteView::of).collect(),
            moments: moments(records.into_iter().filter(|record| visitor.sees(record.team.as_deref())), &eyes),
            thread,
            before,
            after,
        }
    }

    fn stands(&self) -> Markup {
        html! {
            @if !self.subjects.is_empty() {
                h2 { "Now" }
                ul {
                    @for subject in &self.subjects {
                        li {
                            @match web_address(subject.url.as_deref()) {
                                Some(url) => a href=(url) rel="noreferrer" { (subject.name) },
                                None => span { (subject.name) },
                            }
                            @if let Some(title) = &subject.title { " " bdi { (title) } }
                            @if let Some(stands) = &subject.stands { " · " strong { (stands) } }
                            @if let Some(hidden) = subject.hidden { " " span.soft { (hidden.describe()) } }
                        }
                    }
                }
            }
        }
    }

    /// The links to the other parts.
    fn pages(&self) -> Markup {
        let path = conversation_path(&self.thread);
        let at = |name: &'static str, id: i64| with_query(&path, &[(name, Some(&id.to_string()))]);
        html! {
            @if self.before.is_some() || self.after.is_some() {
                nav.pages aria-label="Parts of the conversation" {
                    @if let Some(before) = self.before { a href=(path) { "First" } a href=(at("before", before)) { "Earlier" } }
                    @if let Some(after) = self.after { a href=(at("after", after)) { "Later" } a href=(at("before", i64::MAX)) { "Latest" } }
                }
            }
        }
    }
}

impl SubjectView {
    fn of((key, known): &(SubjectKey, Known)) -> Self {
        let hidden = if track::is_restricted(&known.about) { Some(Hidden::Restricted) } else { None };
        let hidden = hidden.or(known.gone.map(|_| Hidden::Changed));
        let shown = |text: &str| Some(inert(text)).filter(|_| hidden.is_none());
        let status = match &known.about {
            About::Ticket(ticket) => ticket.status.as_deref(),
            _ => None,
        };
        Self {
            name: clean(key),
            title: shown(known.about.title()).filter(|title| *title != key.as_str()),
            url: web_address(known.about.url()).map(str::to_owned),
            stands: shown(status.unwrap_or_else(|| track::standing(&known.about))),
            hidden,
        }
    }
}

impl MuteView {
    fn of((id, mute): (i64, Mute)) -> Self {
        let by = mute.by_whom();
        let destination = mute.scope.destination.map(|to| to.to_string());
        Self { id, team: mute.scope.team, destination, rule: mute.scope.rule, until: mute.until, by }
    }
}

impl Moment {
    fn show(&self, now: Timestamp) -> Markup {
        html! {
            li {
                @match &self.event {
                    Some(event) => { p { (event.heading(now)) } (event.words()) },
                    None => p.soft { "What happened isn't kept any more." },
                }
                @for line in &self.lines { (line.show(now)) }
            }
        }
    }
}

/// The lines with their events; those that follow each other and have the same event stand together.
fn moments(records: impl Iterator<Item = Record>, eyes: &Eyes<'_>) -> Vec<Moment> {
    let mut moments = Vec::<(Option<i64>, Moment)>::new();
    for record in records {
        let id = record.event.as_ref().map(|event| event.id);
        match moments.last_mut() {
            Some((of, moment)) if *of == id && id.is_some() => moment.lines.push(eyes.line(record)),
            _ => moments.push((id, Moment { event: eyes.event(&record), lines: vec![eyes.line(record)] })),
        }
    }
    moments.into_iter().map(|(_, moment)| moment).collect()
}
