//! When an update may be sent: after `settle`, at most one per `every`, at the time of a digest, outside quiet hours, within
//! the budget. These are pure functions of the clock; the waiting itself is a time in the store.
//!
//! Teams write times in their time zone. If a change to summer time skips such a time, the moment after the gap counts; if a
//! time comes twice, the first one does.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::reason::Reason;
use crate::rule::{Budget, Digest, Period, Quiet, Rule, Team};

/// How long an update waits, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// When it is due
    pub until: Timestamp,
    /// What it waits for last
    pub waits_for: WaitsFor,
}

/// What an update waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// Further changes
    Settle(Duration),
    /// `every`: the rule sent an update about the subject recently
    Every(Duration),
    /// The time of the digest
    Digest,
    /// The end of quiet hours
    Quiet,
    /// The next period of the budget
    Budget(Budget),
    /// The end of a bulk change by one person
    Bulk,
}

impl Wait {
    /// Why it waits, with times in the team's time zone.
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

/// What happened before an update.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// When its rule last sent an update about the same subject
    pub told: Option<Timestamp>,
    /// Since when the first update waits that it replaces or joins
    pub since: Option<Timestamp>,
}

/// How long an update waits that was planned `now`. However often the one that waits is replaced, it is sent within the
/// rule's `settle_max` of the first.
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

/// Why an update that is due `now` still waits: the rules may have changed since it was planned, and its rule may have
/// sent another update about the same subject at the time `told`.
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

/// How long a message waits for a team to which this many were `sent` since the period of its budget began.
#[must_use]
pub fn over_budget(team: &Team, now: Timestamp, sent: u32) -> Option<Wait> {
    let budget = team.budget.filter(|budget| sent >= budget.most)?;
    let (_, end) = period(budget.per, &team.timezone, now);
    let until = quiet_until(&team.quiet, &team.timezone, end).unwrap_or(end);
    Some(Wait { until, waits_for: WaitsFor::Budget(budget) })
}

/// The end of the quiet time that a moment is in, if any.
#[must_use]
pub fn quiet_until(quiet: &Quiet, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    let end = quiet.end(at.to_zoned(zone.clone()).datetime())?;
    Some(moment(zone, end, at))
}

/// The first time of a digest at or after a moment.
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

/// The first time of a summary at or after a moment: that of a digest, or the end of quiet hours if it is in them.
#[must_use]
pub fn next_summary(at: Digest, (quiet, zone): (&Quiet, &TimeZone), from: Timestamp) -> Timestamp {
    let time = next_digest(at, zone, from);
    quiet_until(quiet, zone, time).unwrap_or(time)
}

/// When a team hears on a day of what falls on that day: at nine in the morning.
#[must_use]
pub fn morning(zone: &TimeZone, day: Date) -> Timestamp {
    // A day has a morning everywhere, but for the one that a place at the date line left out.
    first(zone, day.at(9, 0, 0, 0)).unwrap_or_default()
}

/// The beginning and end of the period that a moment is in.
#[must_use]
pub fn period(per: Period, zone: &TimeZone, at: Timestamp) -> (Timestamp, Timestamp) {
    let here = at.to_zoned(zone.clone());
    if per == Period::Hour {
        // In the time zone, whose offset isn't always a multiple of an hour.
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

/// The moment of a local time after `at`: the first of two, or the moment after a gap.
fn moment(zone: &TimeZone, wall: DateTime, at: Timestamp) -> Timestamp {
    match first(zone, wall) {
        Some(moment) if moment > at => moment,
        // The local time comes a second time at the end of summer time.
        _ => zone.to_ambiguous_timestamp(wall).later().unwrap_or(at).max(at + 1.second()),
    }
}

fn first(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(wall).compatible().ok()
}

#[cfg(test)]
mod tests;
