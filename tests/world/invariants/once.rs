//! The same is told once, and what belongs together is told together.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::SignedDuration;
use microalign::reason::Code;

use super::super::observed::Observed;
use super::super::traffic::{Delivery, State, Traffic};
use super::truth::Truth;

/// A milestone of a subject is told once at a place, and so is each note.
pub fn milestone_told_twice(observed: &Observed) -> Vec<String> {
    let mut messages: BTreeMap<_, BTreeSet<i64>> = BTreeMap::new();
    for (line, _) in observed.told() {
        let Some(kind) = line.kind.filter(|kind| kind.is_milestone() || kind.is_note()) else { continue };
        for place in observed.places(line) {
            let what = (&line.subject, kind.as_str(), &line.note, &place.destination);
            messages.entry(what).or_default().insert(line.lead);
        }
    }
    twice(messages)
}

/// What happened once is told once at a place, whoever told the service of it and how often.
pub fn occurrence_told_twice(truth: &Truth<'_>, observed: &Observed) -> Vec<String> {
    let mut messages: BTreeMap<_, BTreeSet<i64>> = BTreeMap::new();
    for (line, _) in observed.told() {
        // Silence is no occurrence: it is noticed since the last one.
        let Some(kind) = line.kind.filter(|kind| !kind.is_timed()) else { continue };
        for place in observed.places(line) {
            // A ticket that moves on is news of each of its pull requests.
            let of = (&truth.fact(line).occurrence, &line.subject);
            let what = (of, kind.as_str(), &line.note, &place.destination);
            messages.entry(what).or_default().insert(line.lead);
        }
    }
    twice(messages)
}

fn twice<What: std::fmt::Debug>(messages: BTreeMap<What, BTreeSet<i64>>) -> Vec<String> {
    let twice = messages.into_iter().filter(|(_, leads)| leads.len() > 1);
    twice.map(|(what, leads)| format!("told more than once: {what:?}, in the messages of lines {leads:?}")).collect()
}

/// A release that is published and deleted again and again within minutes is one message at most.
pub fn flapping(truth: &Truth<'_>, traffic: &Traffic, observed: &Observed) -> Vec<String> {
    let releases = traffic.deliveries.iter().filter(|delivery| matches!(delivery.fact.state, Some(State::Release(_))));
    let late = releases.filter(|delivery| is_late(delivery)).map(|late| &late.fact.subject);
    let late = late.collect::<HashSet<_>>();
    let mut told: HashMap<_, BTreeSet<i64>> = HashMap::new();
    for (line, _) in observed.told() {
        if matches!(truth.fact(line).state, Some(State::Release(_))) {
            told.entry((&line.subject, &line.team)).or_default().insert(line.lead);
        }
    }
    let many = told.into_iter().filter(|((subject, _), leads)| leads.len() > 1 && !late.contains(subject));
    many.map(|((subject, team), leads)| format!("{team} heard of {subject} in the messages of lines {leads:?}"))
        .collect()
}

/// What one person does to many things within a minute is one message of a team, as far as it came in time: another one
/// follows only one that is full.
pub fn bulk_not_together(truth: &Truth<'_>, observed: &Observed) -> Vec<String> {
    let mut sizes: HashMap<i64, usize> = HashMap::new();
    let mut told: BTreeMap<_, (BTreeSet<i64>, HashSet<&str>)> = BTreeMap::new();
    for (line, _) in observed.told() {
        *sizes.entry(line.lead).or_default() += 1;
        let (fact, Some(kind)) = (truth.fact(line), line.kind) else { continue };
        // What had to be written anew may have been a part of a message with much else.
        let anew = line.waited.contains(&Code::WrittenAnew);
        let in_time = !is_late(truth.delivery(line)) && !anew && line.event == line.kind;
        if let Some(bulk) = fact.bulk.filter(|_| in_time) {
            let (leads, subjects) = told.entry((bulk, &line.team, &line.rule, kind.as_str())).or_default();
            leads.insert(line.lead);
            subjects.insert(&line.subject);
        }
    }
    let full = |lead: &&i64| sizes[*lead] >= FULL;
    let apart = told
        .into_iter()
        .filter(|(_, (leads, subjects))| subjects.len() >= MANY && leads.len() - leads.iter().filter(full).count() > 1);
    apart
        .map(|(what, (leads, _))| format!("the bulk edit {what:?} is told in the messages of lines {leads:?}"))
        .collect()
}

/// So many subjects are a bulk edit.
const MANY: usize = 8;
/// So many lines can be a whole message in Slack.
const FULL: usize = 15;

fn is_late(delivery: &Delivery) -> bool {
    delivery.received.duration_since(delivery.fact.updated) > SignedDuration::from_secs(10)
}
