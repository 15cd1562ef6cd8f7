//! How it is with each destination: what waits for it, whether it rests, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, Render, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Console;
use super::access::Visitor;
use super::answer::Refused;
use super::deliveries::senders;
use super::page::{inert, moment};
use crate::channel;
use crate::destination::Destination;
use crate::store::{Counted, Health, Now, Outgoing};

/// Which destinations to show.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only those after this one: `next` of another page
    pub(super) after: Option<String>,
}

/// Destinations, by name.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Destinations {
    pub(super) destinations: Vec<DestinationView>,
    /// What waits for all of them: `waiting`, `retrying` among those, and what `failed`
    pub(super) counts: BTreeMap<&'static str, Counts>,
    /// What `after` is for the next page, if there is one
    pub(super) next: Option<String>,
}

/// A number that is counted up to a bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// How many there are
    count: u64,
    /// There are more than that
    more: bool,
}

/// A destination.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DestinationView {
    /// As teams write it
    pub(super) destination: String,
    /// The teams whose rules send there
    pub(super) teams: Vec<String>,
    /// What waits for it
    pub(super) waiting: Counts,
    /// What waits for another attempt
    pub(super) retrying: Counts,
    /// What was given up
    pub(super) failed: Counts,
    /// When something arrived last, among the latest messages of its teams
    #[schemars(with = "Option<String>")]
    pub(super) last_sent: Option<Timestamp>,
    /// When the next attempt is, if something waits
    #[schemars(with = "Option<String>")]
    next: Option<Timestamp>,
    /// What went wrong last, in the words of the other end
    error: Option<String>,
    /// How often in a row something went wrong since the service started
    failures: u32,
    /// Until when it rests after trouble
    #[schemars(with = "Option<String>")]
    rests_until: Option<Timestamp>,
    /// How often it refused mail in a row, since there is no such address
    refusals: u64,
    /// The seconds between two messages that its service asks for
    seconds_between: Option<f64>,
}

/// `GET /api/v1/destinations`
pub(super) async fn destinations(
    console: Arc<Console>,
    visitor: Visitor,
    query: Query,
) -> Result<Destinations, Refused> {
    list(&console, &visitor, query).await
}

pub(super) async fn list(console: &Console, visitor: &Visitor, query: Query) -> Result<Destinations, Refused> {
    let senders = senders(console);
    let seen = |teams: Option<&std::collections::BTreeSet<String>>| {
        visitor.sees(None) || teams.is_some_and(|teams| teams.iter().any(|team| visitor.sees(Some(team))))
    };
    let known = senders.iter().filter(|(_, teams)| seen(Some(teams)));
    let known = known.map(|(to, teams)| (to.clone(), teams.iter().cloned().collect())).collect();
    let (health, more) = console.store.health(known, query.after.unwrap_or_default()).await?;
    let next = health.last().filter(|_| more).map(|last| last.destination.clone());
    let now = Now::read();
    let health = health.into_iter().filter(|health| seen(senders.get(&health.destination)));
    let view = |health: Health| {
        let teams = senders.get(&health.destination).into_iter().flatten().cloned().collect();
        DestinationView::of(health, teams, (console, now))
    };
    let destinations = health.map(view).collect();
    let counts = if visitor.sees(None) { console.store.unsent_counts().await?.to_vec() } else { Vec::new() };
    let name = |which| match which {
        Outgoing::Waiting => "waiting",
        Outgoing::Retrying => "retrying",
        Outgoing::Failed => "failed",
    };
    Ok(Destinations {
        destinations,
        counts: counts.into_iter().map(|(which, counted)| (name(which), counted.into())).collect(),
        next,
    })
}

impl DestinationView {
    fn of(health: Health, teams: Vec<String>, (console, now): (&Console, Now)) -> Self {
        let to = health.destination.parse::<Destination>().ok();
        let rest = to.as_ref().and_then(|to| console.lanes.rest(to, now));
        let refusals = health.refusals;
        Self {
            teams,
            waiting: health.waiting.into(),
            retrying: health.retrying.into(),
            failed: health.failed.into(),
            last_sent: health.last_sent,
            next: health.next,
            failures: rest.map_or(0, |rest| rest.failures),
            rests_until: rest.map(|rest| rest.until).filter(|until| *until > now.time),
            error: health
                .error
                .or_else(|| refusals.as_ref().map(|refusals| refusals.error.clone()))
                .as_deref()
                .map(inert),
            refusals: refusals.map_or(0, |refusals| refusals.count.unsigned_abs()),
            seconds_between: to.as_ref().and_then(channel::gap).map(|gap| gap.as_secs_f64()),
            destination: health.destination,
        }
    }

    /// How it is with it, in words.
    pub(super) fn health(&self, now: Timestamp) -> Markup {
        let fine = self.failures == 0 && self.refusals == 0 && self.failed.is_zero() && self.retrying.is_zero();
        html! {
            @if fine { span.good { "fine" } }
            @if let Some(until) = self.rests_until { div.bad { "rests; goes on " (moment(until, now)) } }
            @if self.failures > 0 { div { (self.failures) " failures in a row" } }
            @if self.refusals > 0 { div { "it refused " (self.refusals) " mails in a row" } }
            @if let Some(next) = self.next.filter(|_| !fine) { div { "next attempt " (moment(next, now)) } }
            @if let Some(error) = self.error.as_ref().filter(|_| !fine) { div.reason { bdi { (error) } } }
            @if let Some(seconds) = self.seconds_between { div.soft { "at most one message in " (seconds) " s" } }
        }
    }
}

impl Counts {
    pub(super) fn is_zero(self) -> bool {
        self.count == 0
    }
}

impl From<Counted> for Counts {
    fn from(Counted { count, more }: Counted) -> Self {
        Self { count, more }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.count, self.more) {
            (count, true) if count >= 1000 => write!(f, "more than {},{:03}", count / 1000, count % 1000),
            (count, true) => write!(f, "more than {count}"),
            (count, false) => write!(f, "{count}"),
        }
    }
}

impl Render for Counts {
    fn render_to(&self, buffer: &mut String) {
        self.to_string().render_to(buffer);
    }
}
