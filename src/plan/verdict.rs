//! What each rule says of a payload: for `explain`, and for the tests in team files.

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
    let mut verdicts =
        tracked.iter().map(|tracked| judge(rule, team, Asked::alone(&tracked.event))).collect::<Vec<_>>();
    let best = verdicts.iter().position(|v| matches!(v, Verdict::Match)).or_else(|| {
        // A rule that listens to one of the events says more than one that listens to none.
        verdicts
            .iter()
            .position(|v| matches!(v, Verdict::Suppressed { .. }))
            .or_else(|| tracked.iter().position(|tracked| rule.on.kinds.contains(tracked.event.kind)))
    });
    verdicts.swap_remove(best.unwrap_or(0))
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
