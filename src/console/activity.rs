//! Activity: what teams heard and what they did not, newest first.

use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, html};
use schemars::JsonSchema;
use serde::Serialize;

use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::card::{Seen, Update};
use super::page::{moment, page};
use super::request::Asked;
use super::sight::{Onlooker, Sight};
use super::sought::Query;
use crate::event::EventKind;
use crate::reason::Code;
use crate::store::{Changes, Page, Shown, Sought};

/// How many updates a page has.
const ON_A_PAGE: usize = 50;

/// Updates, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Updates {
    /// The updates. There may be few or none although there are older ones: see `next`
    updates: Vec<Update>,
    /// Where the next page begins (`after`); absent if there is nothing older
    next: Option<String>,
    /// How far back was looked, if not to the beginning
    looked_back_to: Option<String>,
}

/// `GET /api/v1/updates`
pub(super) async fn updates(console: Arc<Console>, visitor: Visitor, query: Query) -> Result<Updates, Refused> {
    let (seen, page) = look(&console, &visitor, &query, Timestamp::now()).await?;
    Ok(Updates {
        updates: seen.iter().map(Seen::update).collect(),
        next: page.next.map(Query::cursor),
        looked_back_to: page.looked_back_to.map(|at| at.to_string()),
    })
}

/// What a visitor sees of the page that is asked for.
async fn look(
    console: &Console,
    visitor: &Visitor,
    query: &Query,
    now: Timestamp,
) -> Result<(Vec<Seen>, Page), Refused> {
    let (sought, after) = (query.sought(now)?, query.after()?);
    let onlooker = Onlooker::new(visitor);
    let keeps = keeps(onlooker.clone(), &sought);
    let mut page = console.store.page(sought, (after, ON_A_PAGE), keeps).await?;
    let lines = std::mem::take(&mut page.lines);
    Ok((lines.into_iter().filter_map(|line| Seen::by(&onlooker, line)).collect(), page))
}

/// Whether a line that fits a filter is shown: not if that would say of it what may not be known.
pub(super) fn keeps(onlooker: Onlooker, sought: &Sought) -> impl Fn(&Shown) -> bool + Send + 'static {
    let tells = !sought.words.is_empty() || sought.thread.is_some() || sought.code.is_some() || sought.kinds.is_some();
    let least = if tells { Sight::Whole } else { Sight::Key };
    move |line| onlooker.sight(line) >= least
}

/// `GET /`
pub(super) async fn activity(console: &Console, asked: &Asked) -> Result<Answer, Refused> {
    let query: Query = asked.query(Vec::new())?;
    let now = Timestamp::now();
    // What comes while the page is on its way is told to it.
    let newest = console.store.newest().await?;
    let (seen, next) = look(console, &asked.visitor, &query, now).await?;
    let live = query.is_of_now().then(|| feed(&query, newest));
    let content = html! {
        p.lead { "What partner teams heard, what they did not, and why. Newest first." }
        (filters(console, &asked.visitor, &query))
        p #news role="status" {}
        div #updates data-live=[live] { @for one in &seen { (one.card(now)) } }
        @if seen.is_empty() { (nothing(&query, &next)) }
        (pages(&query, &next, now))
    };
    Ok(Answer::Page(page(("Activity", "/"), &asked.visitor, &content)))
}

/// The address of the feed that goes on where a page ends.
fn feed(query: &Query, newest: Changes) -> String {
    let more = query.with(None).query();
    let and = if more.is_empty() { "" } else { "&" };
    format!("/api/v1/updates/live?cards=true&from={newest}{and}{more}")
}

fn nothing(query: &Query, page: &Page) -> Markup {
    html! {
        p {
            @if page.next.is_some() { "Nothing so far." }
            @else if query.after().is_ok_and(|after| after.is_some()) { "There is nothing older." }
            @else if query.query().is_empty() {
                "Nothing has arrived yet: webhooks go to /webhooks/github and /webhooks/jira."
            } @else { "Nothing fits this filter." }
        }
    }
}

fn pages(query: &Query, page: &Page, now: Timestamp) -> Markup {
    let Page { next, looked_back_to, .. } = page;
    let cut = looked_back_to.filter(|_| query.is_narrow());
    html! {
        @if let Some(at) = cut { p.soft { "Looked back to " (at.strftime("%F %T UTC").to_string()) " (" (moment(at, now)) ")." } }
        nav.pages aria-label="Pages" {
            @if query.after().is_ok_and(|after| after.is_some()) { a href=(query.with(None).address()) { "Newest" } }
            @if let Some(next) = next { a href=(query.with(Some(*next)).address()) rel="next" { "Older" } }
        }
    }
}

/// The form of filters. Each view is an address.
fn filters(console: &Console, visitor: &Visitor, query: &Query) -> Markup {
    let rulebook = console.rulebook.borrow();
    let teams = rulebook.rules().teams().iter().map(|team| &team.name).filter(|team| visitor.sees(Some(team)));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    html! {
        form.filters method="get" action="/" {
            label { "Team"
                input name="team" list="teams" value=(text(&query.team)) autocomplete="off";
            }
            datalist #teams { @for team in teams { option value=(team) {} } }
            label { "Repository or project"
                input name="repository" value=(text(&query.repository)) placeholder="acme/ingest" autocomplete="off";
            }
            label { "Ticket or conversation"
                input name="ticket" value=(text(&query.ticket)) placeholder="DATA-123" autocomplete="off";
            }
            label { "Kind of event"
                input name="kind" list="kinds" value=(text(&query.kind)) placeholder="pull_request.*" autocomplete="off";
            }
            datalist #kinds { @for kind in EventKind::ALL { option value=(kind.as_str()) {} } }
            label { "State"
                select name="state" {
                    option value="" { "any" }
                    @for state in super::sought::STATES {
                        option value=(state.as_str()) selected[query.state == Some(state)] { (state.as_str()) }
                    }
                }
            }
            label { "Reason"
                input name="reason" list="reasons" value=(query.reason.map(Code::as_str).unwrap_or_default()) autocomplete="off";
            }
            datalist #reasons { @for code in Code::ALL { option value=(code.as_str()) { (code.describe()) } } }
            label { "Since (UTC, or such as 24h)"
                input name="since" value=(text(&query.since)) placeholder="2026-11-30T09:00" autocomplete="off";
            }
            label { "Until (UTC)"
                input name="until" value=(text(&query.until)) autocomplete="off";
            }
            label { "Words"
                input type="search" name="words" value=(text(&query.words));
            }
            button.main type="submit" { "Show" }
            @if !query.query().is_empty() { a.button href="/" { "Clear" } }
        }
    }
}
