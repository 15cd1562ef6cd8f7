//! When an update may go: after `settle`, one each `every`, at the time of a digest, out of quiet hours, within the
//! budget. Pure functions of the clock.
//!
//! Teams write times as their wall shows them. Where a change to summer time skips such a time, the moment after the
//! gap counts; where one comes twice, the first one does.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::reason::Reason;
use crate::rule::{Budget, Digest, Period, Quiet, Rule, Team};

/// Until when an update waits, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Then it is due
    pub until: Timestamp,
    /// What it waits for longest
    pub waits_for: WaitsFor,
}

/// What an update waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// More may come about the same
    Settle(Duration),
    /// The rule told of the subject not long ago
    Every(Duration),
    /// It goes with others
    Digest,
    /// The team is not to be disturbed
    Quiet,
    /// The team has had as much as it takes
    Budget(Budget),
    /// One person is doing the same to many things
    Bulk,
}

impl Wait {
    /// Why it waits, with times as the team's wall shows them.
    #[must_use]
    pub fn reason(&self, zone: &TimeZone) -> Reason {
        let until = zone.to_datetime(self.until);
        match self.waits_for {
            WaitsFor::Settle(time) => Reason::Settling { seconds: time.as_secs() },
            WaitsFor::Every(_) => Reason::ToldRecently { until },
            WaitsFor::Digest => Reason::AwaitsDigest { until },
            WaitsFor::Bulk => Reason::AwaitsOthers { until },
            WaitsFor::Quiet => Reason::QuietHours { until },
            WaitsFor::Budget(budget) => Reason::OverBudget { budget: budget.written(), until },
        }
    }

    fn at_least(self, until: Timestamp, waits_for: WaitsFor) -> Self {
        if until > self.until { Self { until, waits_for } } else { self }
    }
}

/// What came before an update.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// When its rule last told of the same subject
    pub told: Option<Timestamp>,
    /// Since when the first of those waits that it replaces or goes with
    pub since: Option<Timestamp>,
}

/// Until when an update waits that was planned `now`. A stream of updates is not silence: however often the one that waits is
/// replaced, it settles within the rule's `settle_max` of the first.
#[must_use]
pub fn hold(team: &Team, rule: &Rule, now: Timestamp, past: Past) -> Wait {
    let bound = past.since.map(|since| (since + rule.settle_max).max(now));
    let settled = bound.map_or(now + rule.settle, |bound| bound.min(now + rule.settle));
    let mut wait = Wait { until: settled, waits_for: WaitsFor::Settle(rule.settle) };
    if let (Some(every), Some(told)) = (rule.every, past.told) {
        wait = wait.at_least(told + every, WaitsFor::Every(every));
    }
    if let Some(digest) = rule.digest {
        wait = Wait { until: next_digest(digest, &team.timezone, wait.until), waits_for: WaitsFor::Digest };
    }
    match quiet_until(&team.quiet, &team.timezone, wait.until) {
        Some(until) => wait.at_least(until, WaitsFor::Quiet),
        None => wait,
    }
}

/// Why an update that is due `now` waits all the same: the rules may have changed since it was planned, and another one
/// of its rule may have `told` of the same subject.
#[must_use]
pub fn disturbs(team: &Team, rule: &Rule, now: Timestamp, told: Option<Timestamp>) -> Option<Wait> {
    if let (Some(every), Some(told)) = (rule.every, told)
        && told + every > now
    {
        return Some(hold(team, rule, now, Past { told: Some(told), since: None }));
    }
    let until = quiet_until(&team.quiet, &team.timezone, now)?;
    Some(Wait { until, waits_for: WaitsFor::Quiet })
}

/// Until when a message waits for a team that was `sent` so many since its budget's period began.
#[must_use]
pub fn over_budget(team: &Team, now: Timestamp, sent: u32) -> Option<Wait> {
    let budget = team.budget.filter(|budget| sent >= budget.most)?;
    let (_, end) = period(budget.per, &team.timezone, now);
    let until = quiet_until(&team.quiet, &team.timezone, end).unwrap_or(end);
    Some(Wait { until, waits_for: WaitsFor::Budget(budget) })
}

/// The end of the stretch of quiet that a moment is in, if it is in one.
#[must_use]
pub fn quiet_until(quiet: &Quiet, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    let end = quiet.end(at.to_zoned(zone.clone()).datetime())?;
    Some(moment(zone, end, at))
}

/// The first time of a digest that is not before a moment.
#[must_use]
pub fn next_digest(digest: Digest, zone: &TimeZone, from: Timestamp) -> Timestamp {
    let today = from.to_zoned(zone.clone()).date();
    (0..=8)
        .filter_map(|days| today.checked_add(days.days()).ok())
        .filter(|date| digest.day.is_none_or(|day| date.weekday() == day))
        .filter_map(|date| first(zone, date.to_datetime(digest.time)))
        .find(|at| *at >= from)
        .unwrap_or(from)
}

/// The beginning and end of the period that a moment is in.
#[must_use]
pub fn period(per: Period, zone: &TimeZone, at: Timestamp) -> (Timestamp, Timestamp) {
    let here = at.to_zoned(zone.clone());
    if per == Period::Hour {
        // On the wall, which is not always a multiple of an hour from Greenwich.
        let into = here.minute() as i64 * 60 + i64::from(here.second());
        let begin = at - into.seconds() - i64::from(here.subsec_nanosecond()).nanoseconds();
        return (begin, begin + 1.hour());
    }
    let (back, length) = match per {
        Period::Week => (i64::from(here.weekday().to_monday_zero_offset()), 7),
        Period::Hour | Period::Day => (0, 1),
    };
    let midnight = |days: i64| {
        let date = here.date().checked_add(days.days()).ok()?;
        first(zone, date.to_datetime(jiff::civil::Time::midnight()))
    };
    let begin = midnight(-back).unwrap_or(at);
    (begin, midnight(length - back).unwrap_or(at))
}

/// A time on the wall, after `at`: the first of two, the moment after a gap.
fn moment(zone: &TimeZone, wall: DateTime, at: Timestamp) -> Timestamp {
    match first(zone, wall) {
        Some(moment) if moment > at => moment,
        // The wall showed it before, and shows it again (the end of summer time).
        _ => zone.to_ambiguous_timestamp(wall).later().unwrap_or(at).max(at + 1.second()),
    }
}

fn first(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(wall).compatible().ok()
}

#[cfg(test)]
mod tests;
