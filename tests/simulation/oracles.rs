//! What must hold when a run is over, whatever happened in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::database::SendRow;
use super::play::{Play, Violation};
use super::world::invariants::{self, Truth, once, show};
use super::world::observed::{self, Line, Observed};
use super::world::traffic::{Delivery, Traffic};

/// Notes what is violated.
pub fn check(play: &mut Play) {
    let mut observed = observed::read(&play.database.path);
    // What failed may be told again, by another rule.
    let failed = play.database.failed();
    for (line, places) in &mut observed.places {
        places.retain(|place| !failed.contains(&(*line, place.destination.clone())));
    }
    let mut found = of("lost", unaccounted(play, &observed));
    found.extend(of("planned twice", play.database.planned_twice()));
    found.extend(of("history", play.database.without_steps()));
    found.extend(of("history", play.database.attempts_that_differ()));
    found.extend(sends(play));
    found.extend(of("order", order(play)));
    found.extend(of("memory", memory(play)));
    found.extend(contents(play, &observed));
    play.violations.extend(found);
}

fn of(of: &'static str, found: impl IntoIterator<Item = String>) -> Vec<Violation> {
    found.into_iter().map(|text| Violation { of, text }).collect()
}

/// Every delivery is there once and has a line, and every line has an end.
fn unaccounted(play: &Play, observed: &Observed) -> Vec<String> {
    let mut found = Vec::new();
    let known = observed.lines.values().map(|line| line.delivery.as_str()).collect::<BTreeSet<_>>();
    let lost = play.shadow.acknowledged.iter().map(|index| &play.traffic.deliveries[*index].key);
    found.extend(lost.filter(|key| !known.contains(key.as_str())).map(|key| format!("no line tells of {key}")));
    let mut seen = BTreeSet::new();
    let twice = play.database.deliveries().into_iter().filter(|(key, _)| !seen.insert(key.clone()));
    found.extend(twice.map(|(key, _)| format!("{key} is stored twice")));
    for line in observed.lines.values() {
        let ended = match line.state.as_str() {
            "sent" | "failed" => line.told_at.is_some() && !line.waits,
            "superseded" | "suppressed" | "ignored" => line.told_at.is_none() && !line.waits,
            _ => false,
        };
        if !ended {
            found.push(format!("{}: ends as {}, {}", show(line), line.state, line.reason));
        }
    }
    found
}

/// What providers took, beside what the ledger says.
fn sends(play: &Play) -> Vec<Violation> {
    let (rows, counts) = (play.database.sends(), play.provider.counts());
    let rows = rows.iter().map(|row| (row.id, row)).collect::<BTreeMap<_, _>>();
    let mut found = Vec::new();
    for taken in &play.provider.taken {
        if rows.get(&taken.send).is_none_or(|row| row.update != taken.update || row.to != taken.to) {
            let text = format!("{} took send {} of {}, which is in no ledger", taken.to, taken.send, taken.update);
            found.push(Violation { of: "unknown", text });
        }
    }
    for row in rows.values() {
        let count = counts.get(&row.id).copied().unwrap_or_default();
        found.extend(send(play, row, count).map(|(of, what)| {
            let SendRow { id, to, state, error, attempts, .. } = row;
            let error = error.as_deref().unwrap_or_default();
            Violation {
                of,
                text: format!("send {id} to {to} {what}; it is {state} after {attempts} attempts: {error}"),
            }
        }));
    }
    found
}

fn send(play: &Play, row: &SendRow, count: usize) -> Option<(&'static str, &'static str)> {
    let marked = row.is_marked();
    match row.state.as_str() {
        _ if count > 1 && !marked => Some(("twice", "was taken more than once, and nothing says so")),
        "sent" if count == 0 => Some(("sent", "was taken by nobody")),
        "failed" if count > 0 && !marked => Some(("failed", "was taken all the same, and nothing says so")),
        "sent" | "failed" if marked && !play.shadow.doubts.contains(&row.id) => {
            Some(("doubt", "is in doubt for no reason"))
        }
        "sent" | "failed" | "muted" => None,
        _ => Some(("no end", "has no end")),
    }
}

/// In a conversation, messages arrive in the order in which they were written, but for those that nobody can be sure of.
fn order(play: &Play) -> Vec<String> {
    let mut last: HashMap<(&str, &str), i64> = HashMap::new();
    let mut found = Vec::new();
    for taken in play.provider.taken.iter().filter(|taken| !play.shadow.doubts.contains(&taken.send)) {
        let before = last.insert((&taken.to, &taken.thread), taken.send);
        if let Some(before) = before.filter(|before| *before > taken.send) {
            found.push(format!("{} got send {} of {} after {before}", taken.to, taken.send, taken.thread));
        }
    }
    found
}

/// Nothing is left in memory of what was planned.
fn memory(play: &Play) -> Vec<String> {
    let Some(service) = &play.service else { return vec!["it does not run".to_owned()] };
    let (fresh, fields) = (&service.intake.fresh, service.intake.settings.fields.now());
    let fresh = |delivery: &&Delivery| fresh.take(delivery.source, &delivery.key, &fields).is_some();
    let left = play.traffic.deliveries.iter().filter(fresh);
    left.map(|delivery| format!("{} is kept in memory, and was planned", delivery.key)).collect()
}

/// What was told, to whom and when.
fn contents(play: &Play, observed: &Observed) -> Vec<Violation> {
    let traffic = heard(play);
    let truth = Truth::of(&play.company, &traffic);
    let made = play.database.made().into_iter().map(|(line, n)| (line, place(n))).collect::<HashMap<_, _>>();
    let mut found = Vec::new();
    for (line, at) in observed.told() {
        let (team, made) = (truth.team(line), made[&line.id]);
        found.extend(of("own", truth.own(line, team)));
        found.extend(of("stale", truth.outdated(line, made)));
        found.extend(of("stale", truth.silent_note(line, made)));
        found.extend(of("quiet hours", invariants::disturbing(line, at, team)));
    }
    for (line, _) in observed.messages() {
        found.extend(of("words", truth.leaks(line, made[&line.id])));
    }
    found.extend(of("words", sent_words(play, observed, &truth)));
    found.extend(of("told twice", once::milestone_told_twice(observed)));
    found.extend(of("told twice", once::occurrence_told_twice(&truth, observed)));
    if !play.was_set {
        found.extend(of("flapping", once::flapping(&truth, &play.traffic, observed)));
    }
    found.extend(of("every", invariants::too_often(&play.company, observed)));
    found.extend(of("budget", invariants::over_budget(&play.company, observed)));
    found.extend(of("superseded", invariants::lost_in_supersession(observed)));
    let edited = play.edited.iter().map(|team| play.company.teams[*team].name.as_str()).collect::<Vec<_>>();
    // A release that is published, deleted and published again is understood in this order only, and deliveries that wait
    // are worked on in the order of the clock.
    let disordered = |text: &String| play.was_set && text.contains("release.published");
    let excused = |text: &String| edited.iter().any(|team| text.starts_with(team)) || disordered(text);
    found.extend(of("unheard", truth.unheard(observed).into_iter().filter(|text| !excused(text))));
    found
}

/// What a provider gets has no words that were gone before the attempt; for the first send of a lane, before its claim.
fn sent_words(play: &Play, observed: &Observed, truth: &Truth<'_>) -> Vec<String> {
    let leads = observed.messages().map(|(line, _)| (line.id, line)).collect::<HashMap<_, _>>();
    let sends = play.database.leads();
    let mut found = Vec::new();
    for taken in &play.provider.taken {
        let line = sends.get(&taken.send).and_then(|lead| leads.get(lead));
        if let Some(line) = line {
            let sent = Line { message: Some(taken.message.clone()), ..(*line).clone() };
            found.extend(truth.leaks(&sent, place(taken.begun)));
        }
    }
    found
}

/// A place in the journal, as a time.
fn place(n: i64) -> Timestamp {
    Timestamp::from_second(n).unwrap()
}

/// What is delivered, in the order in which it was planned: the service knew of nothing before.
fn heard(play: &Play) -> Traffic {
    let planned = play.database.deliveries().into_iter().filter_map(|(key, n)| Some((key, place(n?))));
    let planned = planned.collect::<HashMap<_, _>>();
    let mut deliveries = play.traffic.deliveries.clone();
    deliveries.retain_mut(|delivery| match planned.get(&delivery.key) {
        Some(at) => {
            delivery.received = *at;
            true
        }
        None => false,
    });
    deliveries.sort_by_key(|delivery| delivery.received);
    let mut words = play.traffic.words.clone();
    for word in words.values_mut() {
        // A part of a run may leave out what takes them back.
        word.gone = word.gone.take().filter(|key| planned.contains_key(key));
    }
    Traffic { deliveries, words, twice: play.traffic.twice.clone() }
}
