//! The map: which teams hear of which, and where nobody hears of anybody.

mod draw;
mod gather;
mod page;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{Timestamp, ToSpan as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use self::gather::{Gathered, gather};

use self::gather::{Edge, FirstWords, Party, Silent, Strangers};
use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::request::Asked;
use crate::store::SILENT_DAYS;

/// So many conversations that are silent are listed.
const SILENT: usize = 50;

/// How far back the map looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub(super) enum Period {
    /// Today and the six days before
    #[serde(rename = "7")]
    Week,
    /// 30 days
    #[default]
    #[serde(rename = "30")]
    Month,
    /// 90 days
    #[serde(rename = "90")]
    Quarter,
}

impl Period {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Quarter];

    /// How many days it has, today included.
    pub(super) fn days(self) -> i64 {
        match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }
}

/// What to show.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// How many days back: 7, 30 or 90
    #[serde(default)]
    days: Period,
    /// Only what this team told or was told
    team: Option<String>,
    /// For how many days nothing must have happened in a conversation for it to be listed: 7 by default, as in summaries
    quiet: Option<u16>,
}

impl Query {
    fn quiet_days(&self) -> u16 {
        self.quiet.unwrap_or(SILENT_DAYS).max(1)
    }
}

/// The map.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Map {
    /// How many days it is about
    days: i64,
    /// Whether all of these days were counted: after a start that takes a moment
    complete: bool,
    /// Who tells and who is told, those with most updates first
    parties: Vec<Volume>,
    /// How often each team was told of whose doing
    edges: Vec<Edge>,
    /// From first drafts to first words
    first_words: FirstWords,
    /// Pairs of teams that work on the same tickets and were not told of each other
    strangers: Vec<Strangers>,
    /// How many conversations are open and silent
    silent_count: usize,
    /// Those that have been silent longest
    silent: Vec<Silent>,
}

/// How much a party tells and is told.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Volume {
    /// Who
    party: Party,
    /// Updates about its doing
    about: u64,
    /// Updates that it was told
    told: u64,
}

/// `GET /api/v1/map`
pub(super) async fn map(console: Arc<Console>, visitor: Visitor, query: Query) -> Result<Map, Refused> {
    Ok(drawn(&console, &visitor, &query))
}

/// `GET /map`
pub(super) fn page(console: &Console, asked: &Asked) -> Result<Answer, Refused> {
    let query: Query = asked.query(Vec::new())?;
    let map = drawn(console, &asked.visitor, &query);
    Ok(Answer::Page(page::page(&map, &query, (&asked.visitor, Timestamp::now()))))
}

/// `GET /map.csv`
pub(super) fn csv(console: &Console, asked: &Asked) -> Result<Answer, Refused> {
    let query: Query = asked.query(Vec::new())?;
    let map = drawn(console, &asked.visitor, &query);
    let mut text = "from,kind,to,updates\r\n".to_owned();
    for Edge { from, to, updates } in &map.edges {
        let kind = match from {
            Party::Team(_) => "team",
            Party::Owner(_) => "owner",
            Party::Others => "others",
        };
        text.push_str(&format!("{},{kind},{},{updates}\r\n", cell(from.label()), cell(to)));
    }
    let name = format!("map-{}-days.csv", map.days);
    Ok(Answer::File { kind: "text/csv; charset=utf-8", name, body: Bytes::from(text) })
}

/// A cell of CSV (RFC 4180). A spreadsheet takes one that begins with some characters for a formula, so it is told that it is
/// text.
fn cell(text: &str) -> String {
    let escaped = text.replace('"', "\"\"");
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    match is_formula {
        true => format!("\"'{escaped}\""),
        false if text.contains([',', '"', '\r', '\n']) => format!("\"{escaped}\""),
        false => escaped,
    }
}

/// The map as this visitor may see it.
fn drawn(console: &Console, visitor: &Visitor, query: &Query) -> Map {
    let shown = console.tallies.shown();
    let gathered = shown.maps.get(&query.days);
    let gathered = gathered.map(|gathered| seen(gathered, visitor)).unwrap_or_default();
    let Gathered { mut edges, first_words, strangers, mut silent } = gathered;
    if let Some(team) = &query.team {
        edges.retain(|edge| edge.is_of(team));
    }
    let until = Timestamp::now() - (i64::from(query.quiet_days()) * 24).hours();
    silent.retain(|silent| silent.since <= until);
    let silent_count = silent.len();
    silent.truncate(SILENT);
    let parties = volumes(&edges);
    let complete = !shown.more && !shown.maps.is_empty();
    Map { days: query.days.days(), complete, parties, edges, first_words, strangers, silent_count, silent }
}

/// Visitors who are only in teams with readers outside see what is theirs, and no name of a conversation.
fn seen(gathered: &Gathered, visitor: &Visitor) -> Gathered {
    if visitor.sees_everything() {
        return gathered.clone();
    }
    let own = |edge: &&Edge| visitor.teams.iter().any(|team| edge.is_of(team));
    Gathered { edges: gathered.edges.iter().filter(own).cloned().collect(), ..Gathered::default() }
}

/// How much each party tells and is told, most first.
fn volumes(edges: &[Edge]) -> Vec<Volume> {
    let mut volumes = BTreeMap::<Party, (u64, u64)>::new();
    for Edge { from, to, updates } in edges {
        volumes.entry(from.clone()).or_default().0 += updates;
        volumes.entry(Party::Team(to.clone())).or_default().1 += updates;
    }
    let volumes = volumes.into_iter().map(|(party, (about, told))| Volume { party, about, told });
    let mut volumes = volumes.collect::<Vec<_>>();
    volumes.sort_by_key(|volume| Reverse(volume.about + volume.told));
    volumes
}

#[cfg(test)]
mod tests;
