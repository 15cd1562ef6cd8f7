//! The assumptions in a summary, as they stand now.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::content::Writing;
use super::named::{Line, named};
use crate::event::{About, Event};
use crate::reason::Reason;
use crate::rule::Team;
use crate::store::{AssumptionState, Record};
use crate::template::{AssumptionView, clean, shorten, shown_actor};

/// Longer ones are cut: the page has them.
const LONGEST: usize = 160;

/// Those that are open and were told in the span of time or can still be objected to, and those of which something came in it.
/// One that several teams were told of is one line.
pub(super) fn listed(writing: &Writing<'_>) -> Vec<Line<AssumptionView>> {
    let mut by_event = BTreeMap::<i64, Vec<(AssumptionState, &Record)>>::new();
    for (state, record) in writing.facts.assumptions {
        let is_news = is_news(writing, *state, record);
        if let Some(event) = record.event.as_ref().filter(|event| is_news && !event.changed) {
            by_event.entry(event.id).or_default().push((*state, record));
        }
    }
    let mut lines = by_event.into_values().rev().filter_map(|told| line(writing, &told)).collect::<Vec<_>>();
    lines.sort_by_key(|line| order(&line.view.state));
    lines
}

/// What asks for an answer comes first.
fn order(state: &str) -> usize {
    ["objected", "open", "answered", "agreed"].iter().position(|other| *other == state).unwrap_or(usize::MAX)
}

fn is_news(writing: &Writing<'_>, state: AssumptionState, record: &Record) -> bool {
    let span = &writing.facts.span;
    let is_muted = record.thread.as_ref().is_some_and(|thread| writing.facts.muted.contains(thread));
    let came = match state {
        AssumptionState::Open => {
            return !is_muted && (record.at >= span.start || record.object_by.is_some_and(|until| until > span.end));
        }
        AssumptionState::Objected => record.objections.iter().map(|objection| objection.at).max(),
        AssumptionState::Answered | AssumptionState::Agreed => ended(writing, record),
        AssumptionState::Waiting | AssumptionState::Changed | AssumptionState::Expired => None,
    };
    !is_muted && came.is_some_and(|came| came >= span.start)
}

/// Until when a team could object to what it agreed with or answered to.
fn ended(writing: &Writing<'_>, record: &Record) -> Option<Timestamp> {
    let until = record.outcomes.iter().find_map(|outcome| match outcome {
        Reason::Agreed { until } | Reason::Answered { until, .. } => Some(*until),
        _ => None,
    })?;
    let team = writing.facts.teams.iter().find(|team| Some(&team.name) == record.team.as_ref());
    let zone = team.map_or(&writing.reader.zone, |team| &team.timezone);
    until.to_zoned(zone.clone()).ok().map(|until| until.timestamp())
}

/// One assumption, as the teams that were told of it took it.
fn line(writing: &Writing<'_>, told: &[(AssumptionState, &Record)]) -> Option<Line<AssumptionView>> {
    let state = told.iter().map(|(state, _)| *state).min_by_key(|state| order(state.as_str()))?;
    let (_, record) = told.first()?;
    let event = &record.event.as_ref()?.event;
    // About a restricted ticket nobody learns what was said, nor that something was.
    if record.of_restricted {
        return None;
    }
    let private = writing.reader.is_outside() && (record.private || event.is_private());
    let team = writing.reader.team.as_ref();
    let note = event.note.as_ref()?;
    let says = !private || team.is_some_and(|team| is_addressed(team, event));
    let text = Some(clean(&note.text)).filter(|text| says && !text.is_empty());
    let by = note.author.as_ref().filter(|_| !private).map(shown_actor).map(|author| author.name);
    let url = event.url.clone().or_else(|| event.about.url().map(str::to_owned));
    let name = match (private, &event.about) {
        (true, About::PullRequest(_) | About::Issue(_)) | (false, _) => event.subject.to_string(),
        (true, _) => event.scope.clone(),
    };
    let objections = told.iter().flat_map(|(_, record)| &record.objections);
    let mut objected_by =
        objections.map(|objection| objection.by.clone()).filter(|by| !by.is_empty()).collect::<Vec<_>>();
    objected_by.sort_unstable();
    objected_by.dedup();
    let once = event.once.as_ref().map(|once| once.original().to_string());
    let names = record.thread.iter().cloned().chain([event.subject.to_string()]).chain(once).collect();
    let view = AssumptionView {
        named: named(&name, None, url),
        text: text.map(|text| shorten(&text, LONGEST)),
        by: by.filter(|by| by != "somebody"),
        state: state.to_string(),
        objected_by,
        object_by: told.iter().filter_map(|(_, record)| record.object_by).min(),
    };
    Some(Line { names, view })
}

/// Whether its author chose to tell this team.
fn is_addressed(team: &Team, event: &Event) -> bool {
    event.note.as_ref().is_some_and(|note| note.to.iter().any(|name| team.is_called(name)))
}
