//! Finds a small part of a run that violates the same.

use std::fmt::Write as _;

use super::play::{Played, Scenario, Violation};

/// So many parts are tried, unless `MICROALIGN_TRIES` says otherwise.
const TRIES: u64 = 250;

/// What happened is shown unless it takes so many lines.
const LONG: usize = 150;

struct Shrinker<F> {
    of: &'static str,
    play: F,
    /// How many parts may still be tried
    tries: u64,
}

impl<F: FnMut(&Scenario) -> Played> Shrinker<F> {
    fn still_violates(&mut self, scenario: &Scenario) -> bool {
        self.tries -= 1;
        (self.play)(scenario).violations.iter().any(|found| found.of == self.of)
    }

    /// Leaves out as many of `count` parts as it can, in halves, quarters and so on.
    fn reduce(&mut self, scenario: &mut Scenario, count: usize, without: impl Fn(&Scenario, &[usize]) -> Scenario) {
        let mut left = (0..count).collect::<Vec<_>>();
        let mut gone: Vec<usize> = Vec::new();
        let whole = scenario.clone();
        let mut size = count.div_ceil(2);
        while size > 0 && self.tries > 0 {
            let mut begin = 0;
            while begin < left.len() && self.tries > 0 {
                let end = (begin + size).min(left.len());
                let candidate = [&gone[..], &left[begin..end]].concat();
                let smaller = without(&whole, &candidate);
                if self.still_violates(&smaller) {
                    gone = candidate;
                    left.drain(begin..end);
                    *scenario = smaller;
                } else {
                    begin = end;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }
}

/// A small part of a scenario with given actions, as text: it still violates what the first violation is of.
pub fn shrink(scenario: &Scenario, first: &Violation, play: impl FnMut(&Scenario) -> Played) -> String {
    let tries = super::number("MICROALIGN_TRIES").unwrap_or(TRIES);
    let mut shrinker = Shrinker { of: first.of, play, tries };
    let mut small = scenario.clone();
    let actions = small.actions.as_ref().map_or(0, Vec::len);
    shrinker.reduce(&mut small, actions, without_actions);
    let deliveries = super::play::deliveries(scenario.seed);
    shrinker.reduce(&mut small, deliveries, |whole, gone| {
        let without = whole.without.iter().chain(gone).copied().collect();
        Scenario { without, ..whole.clone() }
    });
    let actions = small.actions.as_ref().map_or(0, Vec::len);
    shrinker.reduce(&mut small, actions, without_actions);
    let played = (shrinker.play)(&small);
    show(&small, deliveries, &played)
}

fn without_actions(whole: &Scenario, gone: &[usize]) -> Scenario {
    let actions = whole.actions.iter().flatten().enumerate().filter(|(index, _)| !gone.contains(index));
    Scenario { actions: Some(actions.map(|(_, action)| action.clone()).collect()), ..whole.clone() }
}

fn show(small: &Scenario, deliveries: usize, played: &Played) -> String {
    let mut text = format!("  of {deliveries} deliveries:");
    let kept = (0..deliveries).filter(|index| !small.without.contains(index));
    kept.for_each(|index| write!(text, " {index}").unwrap());
    text.push('\n');
    played.actions.iter().for_each(|action| writeln!(text, "  {action}").unwrap());
    played.violations.iter().for_each(|found| writeln!(text, "  => {found}").unwrap());
    if played.trace.len() < LONG {
        text.push_str("All that happened, and the ledger:\n");
        played.trace.iter().for_each(|line| writeln!(text, "  {line}").unwrap());
    }
    text
}
