//! What each rule makes of a payload, for `explain` and for the tests in team files.

use crate::event::EventKind;
use crate::reason::Reason;
use crate::rule::{Input, Rule, Rules, Team, Verdict, evaluate, matched_by};
use crate::track::Tracked;

/// What a rule says of a payload.
#[derive(Debug, Clone)]
pub struct Evaluated<'a> {
    /// The rule's team
    pub team: &'a Team,
    /// The rule
    pub rule: &'a Rule,
    /// What it says
    pub verdict: Verdict,
    /// By what it matches: the file, label, key or branch that fits each of its conditions
    pub by: Vec<String>,
}

/// One verdict a rule, of the events that a payload leads to; and those of teams that a note among them names, where none
/// of their own rules is for it.
#[must_use]
pub fn evaluate_all<'a>(tracked: &[Tracked], rules: &'a Rules) -> Vec<Evaluated<'a>> {
    let mut evaluated = rules.all().map(|reached| evaluated(tracked, rules, reached)).collect::<Vec<_>>();
    for (team, rule) in inputs(tracked).filter_map(|(_, input)| rules.addressed(input)).flatten() {
        let known =
            |evaluated: &Evaluated<'_>| (&evaluated.team.name, &evaluated.rule.name) == (&team.name, &rule.name);
        if !evaluated.iter().any(known) {
            evaluated.push(self::evaluated(tracked, rules, (team, rule)));
        }
    }
    evaluated
}

/// Each event of a payload that is news, as each of the kinds that rules are asked about. One payload says nothing of its
/// ticket, unless it is that itself.
fn inputs(tracked: &[Tracked]) -> impl Iterator<Item = (&Tracked, Input<'_>)> {
    let news = tracked.iter().filter(|tracked| tracked.event.undoing.is_none());
    news.flat_map(|tracked| {
        tracked
            .kinds()
            .map(move |kind| (tracked, Input { event: &tracked.event, kind, ticket: tracked.ticket_as(kind) }))
    })
}

/// The first event that the rule matches, else why it does not match the first one.
fn evaluated<'a>(tracked: &[Tracked], rules: &Rules, (team, rule): (&'a Team, &'a Rule)) -> Evaluated<'a> {
    let of = |verdict, by| Evaluated { team, rule, verdict, by };
    let inputs = inputs(tracked).collect::<Vec<_>>();
    let mut verdicts = inputs
        .iter()
        .map(|(tracked, input)| match verdict(*input, rules, (team, rule)) {
            Verdict::Match => tracked.stale.clone().map_or(Verdict::Match, |because| Verdict::Suppressed { because }),
            other => other,
        })
        .collect::<Vec<_>>();
    if let Some(matching) = verdicts.iter().position(|verdict| *verdict == Verdict::Match) {
        return of(Verdict::Match, matched_by(rule, inputs[matching].1));
    }
    // A rule that listens to one of the events says more than one that listens to none.
    let best = verdicts
        .iter()
        .position(|verdict| matches!(verdict, Verdict::Suppressed { .. }))
        .or_else(|| inputs.iter().position(|(_, input)| rule.on.kinds.contains(input.kind)));
    if verdicts.is_empty() {
        return of(no_news(tracked), Vec::new());
    }
    of(verdicts.swap_remove(best.unwrap_or(0)), Vec::new())
}

/// Rules are not asked about what takes something back.
fn no_news(tracked: &[Tracked]) -> Verdict {
    let undoing = tracked.iter().find_map(|tracked| tracked.event.undoing.as_ref());
    let because = undoing.map_or_else(
        || Reason::NotNews { detail: "there is no event".to_owned() },
        |undoing| Reason::UndoesOther { detail: undoing.because.clone() },
    );
    Verdict::Miss { because, unknown: false }
}

/// What a rule says to one event. A note that names teams is for them alone.
fn verdict(input: Input<'_>, rules: &Rules, (team, rule): (&Team, &Rule)) -> Verdict {
    let verdict = evaluate(rule, team, input);
    let Some(addressed) = rules.addressed(input).filter(|_| !matches!(verdict, Verdict::Miss { .. })) else {
        return verdict;
    };
    if addressed.iter().any(|(other, _)| other.name == team.name) {
        return verdict;
    }
    let mut to = addressed.iter().map(|(team, _)| team.name.clone()).collect::<Vec<_>>();
    to.dedup();
    Verdict::Suppressed { because: Reason::NotAddressed { to, team: team.name.clone() } }
}

/// The rules that match an event, each with the kind that it matches as.
#[must_use]
pub fn matching<'a>(tracked: &Tracked, rules: &'a Rules) -> Vec<(&'a Team, &'a Rule, EventKind)> {
    said(tracked, rules, |verdict| *verdict == Verdict::Match)
}

/// The rules that an event could be for, since the deciding fact isn't known.
#[must_use]
pub fn undecided<'a>(tracked: &Tracked, rules: &'a Rules) -> Vec<(&'a Team, &'a Rule, EventKind)> {
    let matching = matching(tracked, rules);
    let mut undecided = said(tracked, rules, |verdict| matches!(verdict, Verdict::Miss { unknown: true, .. }));
    undecided.retain(|(team, rule, _)| !matching.iter().any(|other| is_of((team, rule), other)));
    undecided
}

/// The rules of which one verdict on an event is `wanted`, each with the kind that this verdict is about.
fn said<'a>(
    tracked: &Tracked,
    rules: &'a Rules,
    wanted: impl Fn(&Verdict) -> bool,
) -> Vec<(&'a Team, &'a Rule, EventKind)> {
    let mut found: Vec<(&Team, &Rule, EventKind)> = Vec::new();
    if tracked.stale.is_some() {
        return found;
    }
    for (_, input) in inputs(std::slice::from_ref(tracked)) {
        let reached = match rules.addressed(input) {
            Some(addressed) => addressed,
            None => rules.candidates(input.kind, &tracked.event).collect(),
        };
        for (team, rule) in reached {
            let known = found.iter().any(|other| is_of((team, rule), other));
            if !known && wanted(&evaluate(rule, team, input)) {
                found.push((team, rule, input.kind));
            }
        }
    }
    found
}

fn is_of((team, rule): (&Team, &Rule), (other, same, _): &(&Team, &Rule, EventKind)) -> bool {
    (&team.name, &rule.name) == (&other.name, &same.name)
}

/// How what a team's rules say of a payload differs from what its test expects: a sentence for each rule that differs. A
/// test knows the payload alone, so what was before it makes nothing stale.
#[must_use]
pub fn differences(tracked: &[Tracked], rules: &Rules, team: &Team, expect: &[String]) -> Vec<String> {
    let fresh = tracked.iter().map(|tracked| Tracked { stale: None, ..tracked.clone() }).collect::<Vec<_>>();
    let difference = |rule: &Rule| match (evaluated(&fresh, rules, (team, rule)).verdict, expect.contains(&rule.name)) {
        (Verdict::Match, false) => Some(format!("rule `{}` matches too", rule.name)),
        (Verdict::Miss { because, .. } | Verdict::Suppressed { because }, true) => {
            Some(format!("rule `{}` does not match: {because}", rule.name))
        }
        (Verdict::Match, true) | (Verdict::Miss { .. } | Verdict::Suppressed { .. }, false) => None,
    };
    team.rules.iter().filter_map(difference).collect()
}

#[cfg(test)]
mod tests;
