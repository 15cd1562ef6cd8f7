//! Assumptions: what was assumed, which teams were told of it, and what they said.

use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::lines::{EventView, Eyes, LineView};
use super::page::{conversation_path, page, with_query};
use super::request::Asked;
use crate::store::{AssumptionFilter, AssumptionState, Assumptions};
use crate::template::clean;

/// Which assumptions to show.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// As this team was told of them
    team: Option<String>,
    /// In this conversation, such as `DATA-123`
    ticket: Option<String>,
    /// What came of them
    state: Option<AssumptionState>,
    /// Only those before this one: `next` of another page
    before: Option<i64>,
}

/// Assumptions, newest first. A page can be short, or empty, and have a next one: so far was looked.
#[derive(Debug, Serialize, JsonSchema)]
pub struct View {
    assumptions: Vec<AssumptionView>,
    /// What `before` is for the next page, if there is one
    next: Option<i64>,
}

/// An assumption, with the teams that were told of it.
#[derive(Debug, Serialize, JsonSchema)]
struct AssumptionView {
    /// Its conversation
    thread: Option<String>,
    /// What was assumed, where and by whom
    event: Option<EventView>,
    /// What each team was told, and what it said
    teams: Vec<TeamView>,
}

/// An assumption as a team was told of it.
#[derive(Debug, Serialize, JsonSchema)]
struct TeamView {
    /// What came of it
    state: AssumptionState,
    /// The line of the ledger
    line: LineView,
}

/// `GET /api/v1/assumptions`
pub(super) async fn assumptions(console: Arc<Console>, visitor: Visitor, query: Query) -> Result<View, Refused> {
    list(&console, &visitor, query).await
}

async fn list(console: &Console, visitor: &Visitor, query: Query) -> Result<View, Refused> {
    let Query { team, ticket, state, before } = query;
    let filter = AssumptionFilter { team, thread: ticket, state, before };
    let Assumptions { records, before } = console.store.list_assumptions(filter).await?;
    let eyes = Eyes::new(console, visitor);
    let mut assumptions = Vec::<(Option<i64>, AssumptionView)>::new();
    for (state, record) in records.into_iter().filter(|(_, record)| visitor.sees(record.team.as_deref())) {
        let id = record.event.as_ref().map(|event| event.id);
        let (thread, event) = (record.thread.clone(), eyes.event(&record));
        let told = TeamView { state, line: eyes.line(record) };
        match assumptions.last_mut() {
            Some((of, assumption)) if *of == id && id.is_some() => assumption.teams.push(told),
            _ => assumptions.push((id, AssumptionView { thread, event, teams: vec![told] })),
        }
    }
    Ok(View { assumptions: assumptions.into_iter().map(|(_, assumption)| assumption).collect(), next: before })
}

/// `GET /assumptions`
pub(super) async fn page_of(console: &Arc<Console>, asked: &Asked) -> Result<Answer, Refused> {
    let query: Query = asked.query(Vec::new())?;
    let view = list(console, &asked.visitor, query.clone()).await?;
    let now = Timestamp::now();
    let content = html! {
        p.lead { "What people assumed while they worked, which teams were told, and what they said. Newest first." }
        (filters(&query, console))
        @if view.assumptions.is_empty() {
            @if view.next.is_some() { p { "None of the latest. There are older ones." } } @else { p { "There are none." } }
        }
        @for assumption in &view.assumptions { (assumption.show(now)) }
        @if let Some(next) = view.next { (older(&query, next)) }
    };
    Ok(Answer::Page(page(("Assumptions", "/assumptions"), &asked.visitor, &content)))
}

fn filters(query: &Query, console: &Console) -> Markup {
    let rulebook = console.rulebook.borrow();
    let mut teams = rulebook.rules().teams().iter().map(|team| team.name.as_str()).collect::<Vec<_>>();
    teams.sort_unstable();
    html! {
        form.filters method="get" action="/assumptions" {
            label { "State" select name="state" {
                option value="" { "any" }
                @for state in AssumptionState::ALL { option value=(state) selected[query.state == Some(state)] { (state) } }
            } }
            label { "Team" select name="team" {
                option value="" { "any" }
                @for team in teams { option value=(team) selected[query.team.as_deref() == Some(team)] { (team) } }
            } }
            label { "Ticket" input type="text" name="ticket" value=[query.ticket.as_deref()] autocomplete="off"; }
            button { "Show" }
        }
    }
}

fn older(query: &Query, next: i64) -> Markup {
    let (state, next) = (query.state.map(AssumptionState::as_str), next.to_string());
    let chosen = [
        ("state", state),
        ("team", query.team.as_deref()),
        ("ticket", query.ticket.as_deref()),
        ("before", Some(&*next)),
    ];
    html! { nav.pages aria-label="Pages" { a href=(with_query("/assumptions", &chosen)) { "Older" } } }
}

impl AssumptionView {
    fn show(&self, now: Timestamp) -> Markup {
        html! {
            article.card {
                @if let Some(thread) = &self.thread { h2 { a href=(conversation_path(thread)) { (clean(thread)) } } }
                @if let Some(event) = &self.event { (event.words()) p.reason { (event.heading(now)) } }
                ul { @for told in &self.teams { li { (told.show(now)) } } }
            }
        }
    }
}

impl TeamView {
    fn show(&self, now: Timestamp) -> Markup {
        html! {
            strong { (self.line.team.as_deref().unwrap_or_default()) } ": "
            span class=(format!("state {}", self.state)) { (self.state) }
            (self.line.what_came(now))
        }
    }
}
