//! Deliveries: what waits to be sent, what was given up, and how it is with each destination.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::destinations::{self, Counts, DestinationView, Destinations};
use super::lines::Eyes;
use super::page::{conversation_path, form_token, inert, moment, page, with_query};
use super::request::Asked;
use super::retry;
use crate::destination::Destination;
use crate::store::{Behind, Outgoing, SENDS_IN_PAGE, SendState, Unsent};
use crate::template::clean;

/// Which sends to show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// Those that wait for their turn or an attempt, or are under way
    Waiting,
    /// Those that wait for another attempt
    Retrying,
    /// Those that were given up
    #[default]
    Failed,
}

impl Which {
    const ALL: [(Self, &str, &str); 3] = [
        (Self::Failed, "failed", "Failed"),
        (Self::Retrying, "retrying", "Waiting for another attempt"),
        (Self::Waiting, "waiting", "All that waits"),
    ];

    fn outgoing(self) -> Outgoing {
        match self {
            Self::Waiting => Outgoing::Waiting,
            Self::Retrying => Outgoing::Retrying,
            Self::Failed => Outgoing::Failed,
        }
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(which, ..)| *which == self).map_or("", |(_, name, _)| name)
    }
}

/// Which sends to show.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Those that `failed`, which is the default, that are `retrying`, or all that are `waiting`
    #[serde(default)]
    state: Which,
    /// Only those to this destination
    destination: Option<String>,
    /// Only those after this one: `next` of another page
    after: Option<String>,
    /// Only destinations after this one: `next` of another page of destinations
    from: Option<String>,
    /// So many were just tried again
    retried: Option<u64>,
}

/// Sends that have not arrived, by destination, the oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sends {
    sends: Vec<UnsentView>,
    /// What `after` is for the next page, if there is one
    next: Option<String>,
}

/// A send that has not arrived.
#[derive(Debug, Serialize, JsonSchema)]
struct UnsentView {
    /// The line that has its message: what is tried again
    line: String,
    /// Where to
    destination: String,
    /// The team that it is for
    team: String,
    /// Its conversation
    thread: String,
    /// The message's subject; nothing if that isn't to be known
    subject: Option<String>,
    /// Where it is
    state: SendState,
    /// How often it was tried
    attempts: i64,
    /// What went wrong last, in the words of the other end
    error: Option<String>,
    /// When it is tried next
    #[schemars(with = "Option<String>")]
    next: Option<Timestamp>,
    /// When it was queued
    #[schemars(with = "String")]
    since: Timestamp,
    /// It can be tried again
    retry: bool,
}

/// `GET /api/v1/sends`
pub(super) async fn sends(console: Arc<Console>, visitor: Visitor, query: Query) -> Result<Sends, Refused> {
    list(&console, &visitor, &query).await
}

async fn list(console: &Console, visitor: &Visitor, query: &Query) -> Result<Sends, Refused> {
    let behind = query.after.as_deref().map(behind).transpose()?;
    let mut found = console.store.unsent(query.state.outgoing(), query.destination.clone(), behind).await?;
    let more = found.len() > SENDS_IN_PAGE;
    found.truncate(SENDS_IN_PAGE);
    let next = found.last().filter(|_| more).map(|last| format!("{} {}", last.id, last.destination));
    let eyes = Eyes::new(console, visitor);
    let seen = found.into_iter().filter(|send| visitor.sees(Some(&send.team)));
    Ok(Sends { sends: seen.map(|send| UnsentView::of(send, visitor, &eyes)).collect(), next })
}

/// A place in the list, as pages name it.
fn behind(text: &str) -> Result<Behind, Refused> {
    let read = text.split_once(' ').and_then(|(id, destination)| Some((id.parse().ok()?, destination.to_owned())));
    let (id, destination) = read.ok_or_else(|| Refused::Wrong("`after` is `next` of another page".to_owned()))?;
    Ok(Behind { destination, id })
}

/// `GET /deliveries`
pub(super) async fn page_of(console: &Arc<Console>, asked: &Asked) -> Result<Answer, Refused> {
    let (query, visitor): (Query, _) = (asked.query(Vec::new())?, &asked.visitor);
    let sends = list(console, visitor, &query).await?;
    let of = destinations::Query { after: query.from.clone() };
    let places = destinations::list(console, visitor, of).await?;
    let now = Timestamp::now();
    let content = html! {
        p.lead { "What waits to be sent, what was given up, and how it is with each destination." }
        @if let Some(retried) = query.retried { p.note role="status" { (said(retried)) } }
        (destinations_table(&places, visitor, now))
        (sends_section(&sends, &query, visitor, now))
    };
    Ok(Answer::Page(page(("Deliveries", "/deliveries"), visitor, &content)))
}

fn said(retried: u64) -> String {
    match retried {
        0 => "Nothing could be tried again.".to_owned(),
        1 => "One message is being sent again.".to_owned(),
        many => format!("{many} messages are being sent again."),
    }
}

fn destinations_table(places: &Destinations, visitor: &Visitor, now: Timestamp) -> Markup {
    html! {
        h2 #destinations { "Destinations" }
        (totals(&places.counts))
        @if places.destinations.is_empty() { p { "No team sends anywhere." } } @else {
            div.wide tabindex="0" role="region" aria-labelledby="destinations" {
                table {
                    thead { tr {
                        th scope="col" { "Destination" } th.number scope="col" { "Waiting" }
                        th.number scope="col" { "Retrying" } th.number scope="col" { "Failed" }
                        th scope="col" { "Last arrived" } th scope="col" { "Health" } th scope="col" { "Try again" }
                    } }
                    tbody { @for place in &places.destinations { (row(place, visitor, now)) } }
                }
            }
        }
        @if let Some(next) = &places.next {
            nav.pages aria-label="Pages of destinations" {
                a href=(with_query("/deliveries", &[("from", Some(next))])) { "More destinations" }
            }
        }
    }
}

fn totals(counts: &BTreeMap<&'static str, Counts>) -> Markup {
    let of = |name: &str| counts.get(name).copied().unwrap_or_default();
    html! {
        p { (of("waiting")) " waiting, " (of("retrying")) " of them for another attempt; " (of("failed")) " failed." }
    }
}

fn row(place: &DestinationView, visitor: &Visitor, now: Timestamp) -> Markup {
    let list = |state: Which, count: Counts| {
        let chosen = [("state", Some(state.name())), ("destination", Some(place.destination.as_str()))];
        html! {
            @if count.is_zero() { "0" }
            @else { a href=(with_query("/deliveries", &chosen)) aria-label=(format!("{count} {}: {}", state.name(), place.destination)) { (count) } }
        }
    };
    html! {
        tr {
            th scope="row" { (place.destination) }
            td.number { (list(Which::Waiting, place.waiting)) }
            td.number { (list(Which::Retrying, place.retrying)) }
            td.number { (list(Which::Failed, place.failed)) }
            td { @match place.last_sent { Some(at) => (moment(at, now)), None => span.soft { "not lately" } } }
            td { (place.health(now)) }
            td {
                @if !place.failed.is_zero() && retry::may_retry(visitor, &place.teams) {
                    form method="post" action="/deliveries" {
                        (form_token(&visitor.form_token))
                        button name="destination" value=(place.destination) aria-label=(format!("Try all that failed again: {}", place.destination)) { "All that failed" }
                    }
                }
            }
        }
    }
}

fn sends_section(Sends { sends, next }: &Sends, query: &Query, visitor: &Visitor, now: Timestamp) -> Markup {
    let destination = query.destination.as_deref();
    let retries = sends.iter().any(|send| send.retry);
    let after = [("state", Some(query.state.name())), ("destination", destination), ("after", next.as_deref())];
    html! {
        h2 #sends { "Messages" }
        form.filters method="get" action="/deliveries" {
            label { "State" select name="state" {
                @for (which, name, words) in Which::ALL { option value=(name) selected[which == query.state] { (words) } }
            } }
            label { "Destination" input type="text" name="destination" value=[destination] autocomplete="off"; }
            button { "Show" }
        }
        @if sends.is_empty() { p { "There are none." } }
        @if retries {
            form method="post" action="/deliveries" {
                (form_token(&visitor.form_token))
                @for send in sends { (send.show(now)) }
                p { button.main name="selected" value="1" { "Try the selected ones again" } }
            }
        } @else {
            @for send in sends { (send.show(now)) }
        }
        @if next.is_some() {
            nav.pages aria-label="Pages of messages" { a href=(with_query("/deliveries", &after)) { "Later" } }
        }
    }
}

impl UnsentView {
    fn of(send: Unsent, visitor: &Visitor, eyes: &Eyes<'_>) -> Self {
        let message = send.message.as_ref();
        let shown = message.filter(|message| eyes.shows(&send, message));
        let retry = send.state == SendState::Failed && message.is_some() && !send.taken_back;
        Self {
            subject: shown.map(|message| message.subject.clone()),
            retry: retry && visitor.may_change(Some(&send.team)),
            line: send.line.to_string(),
            destination: send.destination,
            team: send.team,
            thread: send.thread,
            state: send.state,
            attempts: send.attempts,
            error: send.error.as_deref().map(inert),
            next: send.next,
            since: send.since,
        }
    }

    fn show(&self, now: Timestamp) -> Markup {
        let subject = self.subject.as_deref().unwrap_or("(its words aren't shown)");
        html! {
            article.card {
                header {
                    span class=(format!("state {}", self.state.as_str())) { (self.state.as_str()) }
                    span { (self.destination) } span { (self.team) }
                    a href=(conversation_path(&self.thread)) { (clean(&self.thread)) }
                    span.when { (self.line) " · since " (moment(self.since, now)) }
                }
                h3 dir="auto" { (subject) }
                p.reason {
                    (self.attempts) @if self.attempts == 1 { " attempt" } @else { " attempts" }
                    @if let Some(next) = self.next { ", next " (moment(next, now)) }
                    @if let Some(error) = &self.error { ": " bdi { (error) } }
                }
                @if self.retry {
                    p {
                        label { input type="checkbox" name="line" value=(self.line); " Select " (self.line) }
                        " " button name="retry" value=(self.line) aria-label=(format!("Try again: {}", self.line)) { "Try again" }
                    }
                }
            }
        }
    }
}

/// The destinations that rules send to, each with the teams that do.
pub(super) fn senders(console: &Console) -> BTreeMap<String, BTreeSet<String>> {
    let rulebook = console.rulebook.borrow();
    // There may be many rules, and few destinations.
    let mut senders = HashMap::<&Destination, BTreeSet<&str>>::new();
    for (team, rule) in rulebook.rules().all() {
        for to in &rule.to {
            senders.entry(to).or_default().insert(&team.name);
        }
    }
    let named = |teams: BTreeSet<&str>| teams.into_iter().map(str::to_owned).collect();
    senders.into_iter().map(|(to, teams)| (to.to_string(), named(teams))).collect()
}
