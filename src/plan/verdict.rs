//! What each rule says of a payload: for `explain`, and for the tests in team files.

use crate::event::EventKind;
use crate::rule::{Asked, Rule, Rules, Team, Verdict, judge};
use crate::track::Tracked;

/// What a rule says of a payload.
#[derive(Debug, Clone)]
pub struct Judged<'a> {
    /// The rule's team
    pub team: &'a Team,
    /// The rule
    pub rule: &'a Rule,
    /// What it says
    pub verdict: Verdict,
}

/// One verdict a rule, of the events that a payload leads to.
#[must_use]
pub fn judge_all<'a>(tracked: &[Tracked], rules: &'a Rules) -> Vec<Judged<'a>> {
    rules.all().map(|(team, rule)| Judged { team, rule, verdict: verdict(tracked, team, rule) }).collect()
}

/// The first event that the rule matches, else why it does not match the first one.
fn verdict(tracked: &[Tracked], team: &Team, rule: &Rule) -> Verdict {
    let ask = |(event, kind)| judge(rule, team, Asked { event, kind, ticket: None });
    let asked = tracked.iter().flat_map(|tracked| tracked.kinds().map(|kind| (&tracked.event, kind)));
    let asked = asked.collect::<Vec<_>>();
    let mut verdicts = asked.iter().copied().map(ask).collect::<Vec<_>>();
    let best = verdicts.iter().position(|v| matches!(v, Verdict::Match)).or_else(|| {
        // A rule that listens to one of the events says more than one that listens to none.
        verdicts
            .iter()
            .position(|v| matches!(v, Verdict::Suppressed { .. }))
            .or_else(|| asked.iter().position(|(_, kind)| rule.on.kinds.contains(*kind)))
    });
    verdicts.swap_remove(best.unwrap_or(0))
}

/// The rules that match an event, each with the kind that it matches as. One payload says nothing of its ticket, unless
/// it is Jira's.
#[must_use]
pub fn matching<'a>(tracked: &Tracked, rules: &'a Rules) -> Vec<(&'a Team, &'a Rule, EventKind)> {
    let mut matching: Vec<(&Team, &Rule, EventKind)> = Vec::new();
    for kind in tracked.kinds() {
        let asked = Asked { event: &tracked.event, kind, ticket: None };
        for (team, rule) in rules.candidates(kind, &tracked.event) {
            let known = matching.iter().any(|(t, r, _)| (&t.name, &r.name) == (&team.name, &rule.name));
            if !known && judge(rule, team, asked) == Verdict::Match {
                matching.push((team, rule, kind));
            }
        }
    }
    matching
}

/// How what a team's rules say of a payload differs from what its test expects: a sentence for each rule that differs.
#[must_use]
pub fn differences(tracked: &[Tracked], team: &Team, expect: &[String]) -> Vec<String> {
    let difference = |rule: &Rule| match (verdict(tracked, team, rule), expect.contains(&rule.name)) {
        (Verdict::Match, false) => Some(format!("rule `{}` matches too", rule.name)),
        (Verdict::Miss { because } | Verdict::Suppressed { because }, true) => {
            Some(format!("rule `{}` does not match: {because}", rule.name))
        }
        (Verdict::Match, true) | (Verdict::Miss { .. } | Verdict::Suppressed { .. }, false) => None,
    };
    team.rules.iter().filter_map(difference).collect()
}
