//! `--at`: when a message would be sent if its event came at another time.

use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};

use crate::hold::{Past, WaitsFor, hold};
use crate::rule::{Rule, Team};

/// Far enough from both ends of the calendar for calculations.
const YEARS: RangeInclusive<i16> = 2000..=2099;

/// A time as it is written for `--at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The same moment for everybody: with an offset, a `Z` or a zone
    Moment(Timestamp),
    /// A local time in each team's time zone
    Wall(DateTime),
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let moment = text.parse::<Timestamp>().or_else(|_| text.parse::<Zoned>().map(|zoned| zoned.timestamp()));
        let (at, year) = match moment {
            Ok(moment) => (Self::Moment(moment), moment.to_zoned(TimeZone::UTC).year()),
            Err(_) => {
                // The parser would ignore what is in brackets.
                let wall = Some(text).filter(|text| !text.contains('[')).and_then(|text| text.parse::<DateTime>().ok());
                let wall = wall.ok_or(
                    "write a time such as 2026-03-29T01:30, in each team's time zone, or 2026-03-29T01:30Z for UTC",
                )?;
                (Self::Wall(wall), wall.year())
            }
        };
        if YEARS.contains(&year) { Ok(at) } else { Err("write a time of this century".to_owned()) }
    }
}

/// When a message would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goes {
    /// Then
    pub at: Timestamp,
    /// When and why, in words
    pub words: String,
}

/// When a rule's message about an event of that time would be sent, if the team got nothing before.
#[must_use]
pub fn goes(team: &Team, rule: &Rule, at: At) -> Goes {
    let zone = &team.timezone;
    let (from, aside) = match at {
        At::Moment(moment) => (moment, None),
        At::Wall(wall) => on_the_wall(zone, wall),
    };
    let wait = hold(team, rule, from, Past::default());
    let then = shown(wait.until, zone);
    let why = match wait.waits_for {
        WaitsFor::Settle(time) if time.is_zero() => "at once".to_owned(),
        WaitsFor::Settle(time) => format!("it settles for {time:?}"),
        WaitsFor::Digest => "in the digest".to_owned(),
        WaitsFor::Quiet if rule.digest.is_some() => "in the digest, after quiet hours".to_owned(),
        WaitsFor::Quiet => "quiet hours end".to_owned(),
        // These depend on what was sent before, which is nothing.
        WaitsFor::Every(_) | WaitsFor::Budget(_) | WaitsFor::Bulk => wait.reason(zone).to_string(),
    };
    let words = [Some(why), aside, uncounted(team, rule)].into_iter().flatten().collect::<Vec<_>>().join("; ");
    Goes { at: wait.until, words: format!("would be sent {then} ({words})") }
}

/// Limits that depend on earlier messages, which aren't known here.
fn uncounted(team: &Team, rule: &Rule) -> Option<String> {
    let every = rule.every.map(|_| "`every`".to_owned());
    let budget = team.budget.map(|budget| format!("the budget of {}", budget.written()));
    let limits = every.into_iter().chain(budget).collect::<Vec<_>>().join(" and ");
    (!limits.is_empty()).then(|| format!("nothing counts yet against {limits}"))
}

/// The moment of a local time, with a remark if there are two such moments or none.
fn on_the_wall(zone: &TimeZone, wall: DateTime) -> (Timestamp, Option<String>) {
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    let offset = ambiguous.offset();
    // Within `YEARS`, there is such a moment.
    let moment = ambiguous.compatible().unwrap_or_default();
    let time = wall.strftime("%H:%M");
    let aside = match offset {
        AmbiguousOffset::Unambiguous { .. } => None,
        AmbiguousOffset::Gap { .. } => Some(format!("the clocks skip {time}, so it means {}", shown(moment, zone))),
        AmbiguousOffset::Fold { .. } => Some(format!("{time} comes twice that day, and it means the first")),
    };
    (moment, aside)
}

fn shown(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z").to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use super::*;
    use crate::destination::Available;
    use crate::rule::{Known, check};

    fn words(team: &str, rule: &str, at: &str) -> String {
        let text = format!(
            "team = \"t\"\nto = [\"mailbox\"]\n{team}\n[[rule]]\nname = \"r\"\non = [\"pull_request.merged\"]\n{rule}\n"
        );
        let (templates, channels) = (BTreeSet::new(), Available::default());
        let team = check("t.toml", &text, Known { templates: &templates, channels: &channels }).unwrap();
        goes(&team, &team.rules[0], at.parse().unwrap()).words
    }

    #[test]
    fn when_a_message_would_go() {
        let lisbon = "timezone = \"Europe/Lisbon\"\nquiet = [\"19:00-08:00\"]";
        let kolkata = "timezone = \"Asia/Kolkata\"\nbudget = \"20/day\"";
        let table = [
            (lisbon, "", "2026-03-30T12:00"),
            (lisbon, "settle = \"0s\"", "2026-03-30T12:00"),
            (lisbon, "", "2026-03-30T18:59:30"),
            (lisbon, "", "2026-03-29T01:30"),
            (lisbon, "", "2026-03-29T01:30Z"),
            (lisbon, "", "2026-10-25T01:30"),
            (lisbon, "digest = \"daily 09:00\"", "2026-03-28T12:00"),
            (lisbon, "digest = \"daily 07:00\"", "2026-03-28T12:00"),
            (kolkata, "every = \"3d\"", "2026-03-28T23:59:30"),
            (kolkata, "", "2026-03-28T12:00+01:00"),
            (kolkata, "", "2026-03-28T12:00[Europe/Lisbon]"),
        ];
        let said = table.map(|(team, rule, at)| format!("{at} {}", words(team, rule, at)));
        insta::assert_snapshot!(said.join("\n"), @"
        2026-03-30T12:00 would be sent Mon 2026-03-30 12:01 WEST (it settles for 60s)
        2026-03-30T12:00 would be sent Mon 2026-03-30 12:00 WEST (at once)
        2026-03-30T18:59:30 would be sent Tue 2026-03-31 08:00 WEST (quiet hours end)
        2026-03-29T01:30 would be sent Sun 2026-03-29 08:00 WEST (quiet hours end; the clocks skip 01:30, so it means Sun 2026-03-29 02:30 WEST)
        2026-03-29T01:30Z would be sent Sun 2026-03-29 08:00 WEST (quiet hours end)
        2026-10-25T01:30 would be sent Sun 2026-10-25 08:00 WET (quiet hours end; 01:30 comes twice that day, and it means the first)
        2026-03-28T12:00 would be sent Sun 2026-03-29 09:00 WEST (in the digest)
        2026-03-28T12:00 would be sent Sun 2026-03-29 08:00 WEST (in the digest, after quiet hours)
        2026-03-28T23:59:30 would be sent Sun 2026-03-29 00:00 IST (it settles for 60s; nothing counts yet against `every` and the budget of 20/day)
        2026-03-28T12:00+01:00 would be sent Sat 2026-03-28 16:31 IST (it settles for 60s; nothing counts yet against the budget of 20/day)
        2026-03-28T12:00[Europe/Lisbon] would be sent Sat 2026-03-28 17:31 IST (it settles for 60s; nothing counts yet against the budget of 20/day)
        ");
    }

    #[test]
    fn what_is_no_time() {
        for bad in [
            "",
            "now",
            "01:30",
            "2026-13-01T00:00",
            "2026-03-29T25:00",
            "2026-03-29T01:30[Atlantis]",
            "9999-12-30T22:00Z",
        ] {
            assert!(bad.parse::<At>().is_err(), "{bad}");
        }
    }
}
