//! What must hold of everything that would be sent, whatever happened: checked against what the generator knows, not
//! against what the service believes.

pub mod once;
mod truth;

pub use self::truth::Truth;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Weekday;
use jiff::{Timestamp, ToSpan as _};
use microalign::event::EventKind;

use super::company::{AWAKE, Budget, Company, Team};
use super::observed::{Line, Observed};
use super::traffic::Traffic;

/// One sentence for each violation.
pub fn violations(company: &Company, traffic: &Traffic, observed: &Observed) -> Vec<String> {
    let truth = Truth::of(company, traffic);
    let told = observed.told().flat_map(|(line, at)| {
        let team = truth.team(line);
        [truth.own(line, team), truth.outdated(line, at), truth.silent_note(line, at), disturbing(line, at, team)]
    });
    let mut found = told.flatten().collect::<Vec<_>>();
    found.extend(observed.messages().flat_map(|(line, at)| truth.leaks(line, at)));
    found.extend(once::milestone_told_twice(observed));
    found.extend(once::occurrence_told_twice(&truth, observed));
    found.extend(once::flapping(&truth, traffic, observed));
    found.extend(once::bulk_not_together(&truth, observed));
    found.extend(too_often(company, observed));
    found.extend(over_budget(company, observed));
    found.extend(unaccounted(traffic, observed));
    found.extend(lost_in_supersession(observed));
    found.extend(truth.unheard(observed));
    found
}

pub fn show(line: &Line) -> String {
    let kind = line.kind.map_or("?", EventKind::as_str);
    format!("line {} ({} {kind} of {}, {}/{})", line.id, line.delivery, line.subject, line.team, line.rule)
}

pub fn disturbing(line: &Line, at: Timestamp, team: &Team) -> Option<String> {
    let here = at.to_zoned(team.zone.clone());
    let weekend = matches!(here.weekday(), Weekday::Saturday | Weekday::Sunday);
    let quiet = team.quiet && (weekend || !AWAKE.contains(&here.hour()));
    quiet.then(|| format!("{}: told in quiet hours, {here}", show(line)))
}

/// A rule with `every` tells of a subject once in so long.
pub fn too_often(company: &Company, observed: &Observed) -> Vec<String> {
    let mut found = Vec::new();
    for team in &company.teams {
        let mut last: HashMap<(&str, &str), (&Line, Timestamp)> = HashMap::new();
        let mut told = observed.told().filter(|(line, _)| line.team == team.name).collect::<Vec<_>>();
        told.sort_by_key(|(line, at)| (*at, line.id));
        for (line, at) in told {
            let Some(every) = team.rule(&line.rule).and_then(|rule| rule.every) else { continue };
            let before = last.insert((&line.rule, &line.subject), (line, at));
            let Some((before, then)) = before.filter(|(before, _)| before.lead != line.lead) else { continue };
            if then + every > at {
                found.push(format!("{}: told at {at}, soon after {} at {then}", show(line), show(before)));
            }
        }
    }
    found
}

/// No more messages in a period than the budget has.
pub fn over_budget(company: &Company, observed: &Observed) -> Vec<String> {
    let mut found = Vec::new();
    for team in &company.teams {
        let Some(budget) = team.budget else { continue };
        let mut spent: BTreeMap<jiff::civil::Date, u32> = BTreeMap::new();
        for (_, at) in observed.messages().filter(|(line, _)| line.team == team.name) {
            let date = at.to_zoned(team.zone.clone()).date();
            let period = match budget {
                Budget::EightADay => date,
                Budget::ThirtyAWeek => date - i64::from(date.weekday().to_monday_zero_offset()).days(),
            };
            *spent.entry(period).or_default() += 1;
        }
        let most = if budget == Budget::EightADay { 8 } else { 30 };
        let over = spent.into_iter().filter(|(_, messages)| *messages > most);
        found.extend(over.map(|(period, messages)| format!("{} got {messages} from {period} on", team.name)));
    }
    found
}

/// Every delivery has a line, and every line an end.
fn unaccounted(traffic: &Traffic, observed: &Observed) -> Vec<String> {
    let known = observed.lines.values().map(|line| line.delivery.as_str()).collect::<HashSet<_>>();
    let lost = traffic.deliveries.iter().filter(|delivery| !known.contains(delivery.key.as_str()));
    let mut found = lost.map(|delivery| format!("no line tells of delivery {}", delivery.key)).collect::<Vec<_>>();
    for line in observed.lines.values() {
        let ended = match line.state.as_str() {
            // It is sent, as far as there is no dispatcher.
            "held" => line.told_at.is_some() && !line.waits && !observed.places(line).is_empty(),
            "superseded" | "suppressed" | "ignored" => line.told_at.is_none() && !line.waits,
            _ => false,
        };
        if !ended {
            found.push(format!("{}: ends as {}, {}", show(line), line.state, line.reason));
        }
    }
    found
}

/// What replaces an update is told, or ends for a reason of its own.
pub fn lost_in_supersession(observed: &Observed) -> Vec<String> {
    let mut last: HashMap<(&str, &str), i64> = HashMap::new();
    for line in observed.lines.values().filter(|line| line.state != "superseded") {
        last.insert((&line.team, &line.subject), line.id);
    }
    let superseded = observed.lines.values().filter(|line| line.state == "superseded");
    let lost = superseded.filter(|line| last.get(&(&*line.team, &*line.subject)).is_none_or(|last| *last < line.id));
    lost.map(|line| format!("{}: superseded, and nothing came after it", show(line))).collect()
}
