//! Who gets summaries: teams, and everybody.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::SummarySettings;
use crate::destination::Destination;
use crate::hold::next_summary;
use crate::rule::{Budget, Digest, Quiet, Rules, Team};
use crate::store::Schedule;

/// Whose summary it is that is about all teams. No team has this name.
pub const EVERYBODY: &str = "@organisation";

/// A summary that comes later than this is not sent any more.
pub(super) const LATE: SignedDuration = SignedDuration::from_hours(12);

/// Somebody who gets summaries.
#[derive(Debug, Clone)]
pub struct Reader {
    /// The team's name, or [`EVERYBODY`]
    pub name: String,
    /// The team; `None` for everybody
    pub team: Option<Team>,
    /// When summaries come; `None` where one is only looked at
    pub at: Option<Digest>,
    /// Where they go
    pub to: Vec<Destination>,
    /// The time zone of the times in them
    pub zone: TimeZone,
}

impl Reader {
    /// A team. Comments on a page are no place for a summary that is about many.
    #[must_use]
    pub fn team(team: &Team) -> Self {
        let to = team.summary.iter().flat_map(|summary| &summary.to);
        let to = to.filter(|to| !matches!(to, Destination::Github | Destination::Jira)).cloned().collect();
        Self {
            name: team.name.clone(),
            at: team.summary.as_ref().map(|summary| summary.at),
            to,
            zone: team.timezone.clone(),
            team: Some(team.clone()),
        }
    }

    /// Everybody, with these settings if there are any.
    #[must_use]
    pub fn everybody(settings: Option<&SummarySettings>) -> Self {
        Self {
            name: EVERYBODY.to_owned(),
            team: None,
            at: settings.map(|settings| settings.at),
            to: settings.map(|settings| settings.to.clone()).unwrap_or_default(),
            zone: settings.map_or(TimeZone::UTC, |settings| settings.zone.clone()),
        }
    }

    /// Those who want summaries.
    pub(super) fn all(rules: &Rules, everybody: Option<&SummarySettings>) -> Vec<Self> {
        let teams = rules.teams().iter().filter(|team| team.summary.is_some()).map(|team| Self::team(team));
        teams.chain(everybody.map(|settings| Self::everybody(Some(settings)))).collect()
    }

    /// Whether some of its people may not see everything.
    pub(super) fn is_outside(&self) -> bool {
        self.team.as_ref().is_some_and(|team| !team.is_trusted_inside())
    }

    pub(super) fn quiet(&self) -> Quiet {
        self.team.as_ref().map(|team| team.quiet.clone()).unwrap_or_default()
    }

    pub(super) fn budget(&self) -> Option<(&Team, Budget)> {
        let team = self.team.as_ref()?;
        Some((team, team.budget?))
    }

    /// How long it is from one summary to the next.
    fn length(&self) -> SignedDuration {
        match self.at {
            Some(Digest { day: None, .. }) => SignedDuration::from_hours(24),
            _ => SignedDuration::from_hours(7 * 24),
        }
    }

    /// What decides when summaries come.
    fn timing(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let quiet = self.quiet().written().join(" ");
        self.at.map(|at| format!("{} {zone} {quiet}", at.written())).unwrap_or_default().trim_end().to_owned()
    }

    /// When the next summary comes, at or after a moment.
    pub(super) fn next(&self, from: Timestamp) -> Option<Timestamp> {
        Some(next_summary(self.at?, (&self.quiet(), &self.zone), from))
    }

    /// The schedule from `now` on, if it is another one than before. Where the time was changed, the next summary comes half of its
    /// span of time after the last one at the earliest: so nobody gets two because somebody moved the time by an hour.
    pub(super) fn reschedule(&self, before: Option<&Schedule>, now: Timestamp) -> Option<Schedule> {
        let timing = self.timing();
        // The clock was far ahead for a while.
        let latest = now + self.length() * 2 + SignedDuration::from_hours(7 * 24);
        let stands = |before: &Schedule| before.timing == timing && before.due.is_some_and(|due| due <= latest);
        if before.is_some_and(stands) {
            return None;
        }
        let told = before.map(|before| before.since.min(now));
        let due = self.next(told.map_or(now, |told| now.max(told + self.length() / 2)))?;
        Some(Schedule { reader: self.name.clone(), timing, due: Some(due), since: told.unwrap_or(due - self.length()) })
    }

    /// The schedule after a summary that told what happened up to a moment.
    pub(super) fn after(&self, schedule: &Schedule, told: Timestamp, now: Timestamp) -> Schedule {
        // A moment later, since this one's time has come.
        let due = self.next(now + SignedDuration::from_secs(1));
        // A clock that was set back brings no second summary for the same time.
        let due = due.map(|due| match schedule.due {
            Some(before) if due <= before => self.next(before + SignedDuration::from_secs(1)).unwrap_or(due),
            _ => due,
        });
        Schedule { due, since: told, ..schedule.clone() }
    }
}

/// The schedules that change with who wants summaries.
pub(super) fn reschedule(readers: &[Reader], before: &[Schedule], now: Timestamp) -> Vec<Schedule> {
    let of = |name: &str| before.iter().find(|schedule| schedule.reader == name);
    let wanted = readers.iter().filter_map(|reader| reader.reschedule(of(&reader.name), now));
    let is_gone =
        |schedule: &&Schedule| schedule.due.is_some() && !readers.iter().any(|reader| reader.name == schedule.reader);
    // It is kept when the last one was, in case summaries are wanted again.
    let gone = before.iter().filter(is_gone);
    let gone = gone.map(|schedule| Schedule { due: None, timing: String::new(), ..schedule.clone() });
    wanted.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::destination::Available;
    use crate::rule::{Known, check};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn reader(summary: &str, more: &str) -> Reader {
        let text = format!("team = \"web\"\nto = [\"mailbox\", \"github\"]\nsummary = \"{summary}\"\n{more}");
        let channels = Available { tables: ["github".to_owned()].into(), ..Available::default() };
        let known = Known { templates: &std::collections::BTreeSet::new(), channels: &channels };
        Reader::team(&check("web.toml", &text, known).unwrap())
    }

    fn first(reader: &Reader, now: &str) -> Schedule {
        reader.reschedule(None, at(now)).unwrap()
    }

    #[test]
    fn the_first_note_comes_at_the_next_time() {
        let lisbon = "timezone = \"Europe/Lisbon\"\n";
        let quiet = format!("{lisbon}quiet = [\"19:00-08:00\", \"fri\", \"sat\", \"sun\"]\n");
        // 2026-11-27 is a Friday. Clocks go back on 2026-10-25 and forward on 2026-03-29, both at 01:00 UTC.
        let table = [
            ("weekly fri 15:00", lisbon, "2026-11-26T10:00:00Z", "2026-11-27T15:00:00Z", "2026-11-20T15:00:00Z"),
            ("weekly fri 15:00", lisbon, "2026-11-27T15:00:00Z", "2026-11-27T15:00:00Z", "2026-11-20T15:00:00Z"),
            ("weekly fri 15:00", lisbon, "2026-11-27T15:00:01Z", "2026-12-04T15:00:00Z", "2026-11-27T15:00:00Z"),
            ("weekly fri 15:00", lisbon, "2026-10-24T00:00:00Z", "2026-10-30T15:00:00Z", "2026-10-23T15:00:00Z"),
            ("weekly fri 15:00", lisbon, "2026-10-20T00:00:00Z", "2026-10-23T14:00:00Z", "2026-10-16T14:00:00Z"),
            // In the hour that is skipped, and in the one that comes twice.
            ("weekly sun 01:30", lisbon, "2026-03-28T00:00:00Z", "2026-03-29T01:30:00Z", "2026-03-22T01:30:00Z"),
            ("weekly sun 01:30", lisbon, "2026-10-24T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-18T00:30:00Z"),
            ("daily 17:00", lisbon, "2026-11-26T18:00:00Z", "2026-11-27T17:00:00Z", "2026-11-26T17:00:00Z"),
            ("weekly fri 15:00", &quiet, "2026-11-26T10:00:00Z", "2026-11-30T08:00:00Z", "2026-11-23T08:00:00Z"),
            ("weekly wed 20:00", &quiet, "2026-11-23T10:00:00Z", "2026-11-26T08:00:00Z", "2026-11-19T08:00:00Z"),
        ];
        for (summary, more, now, due, since) in table {
            let schedule = first(&reader(summary, more), now);
            assert_eq!((schedule.due, schedule.since), (Some(at(due)), at(since)), "{summary} {more} {now}");
        }
    }

    #[test]
    fn a_note_goes_to_no_page() {
        assert_eq!(reader("weekly fri 15:00", "").to, [Destination::Mailbox]);
    }

    #[test]
    fn whoever_moves_the_time_gets_no_second_note_for_the_same_week() {
        let friday = first(&reader("weekly fri 15:00", ""), "2026-11-26T10:00:00Z");
        let told =
            reader("weekly fri 15:00", "").after(&friday, at("2026-11-27T15:00:02Z"), at("2026-11-27T15:00:02Z"));
        assert_eq!(told.due, Some(at("2026-12-04T15:00:00Z")));
        // Before it came, and after it came.
        let table = [
            (&friday, "weekly fri 16:00", "2026-11-27T14:59:00Z", "2026-11-27T16:00:00Z"),
            (&friday, "weekly thu 09:00", "2026-11-26T10:00:00Z", "2026-12-03T09:00:00Z"),
            (&told, "weekly fri 16:00", "2026-11-27T15:30:00Z", "2026-12-04T16:00:00Z"),
            (&told, "weekly mon 09:00", "2026-11-27T15:30:00Z", "2026-12-07T09:00:00Z"),
            (&told, "weekly wed 09:00", "2026-11-27T15:30:00Z", "2026-12-02T09:00:00Z"),
        ];
        for (before, summary, now, due) in table {
            let schedule = reader(summary, "").reschedule(Some(before), at(now)).unwrap();
            assert_eq!((schedule.due, schedule.since), (Some(at(due)), before.since), "{summary} {now}");
        }
        assert_eq!(reader("weekly fri 15:00", "").reschedule(Some(&told), at("2026-11-28T00:00:00Z")), None);
        // Taken out, and written again.
        let gone = reschedule(&[], std::slice::from_ref(&told), at("2026-11-27T15:10:00Z"));
        assert_eq!((gone[0].due, gone[0].since), (None, told.since));
        let again = reschedule(&[reader("weekly fri 15:30", "")], &gone, at("2026-11-27T15:20:00Z"));
        assert_eq!(again[0].due, Some(at("2026-12-04T15:30:00Z")));
    }

    #[test]
    fn a_clock_that_is_set_back_brings_no_second_note() {
        let reader = reader("weekly fri 15:00", "");
        let friday = first(&reader, "2026-11-26T10:00:00Z");
        let told = reader.after(&friday, at("2026-11-27T15:00:00Z"), at("2026-11-27T15:00:00Z"));
        assert_eq!(told.due, Some(at("2026-12-04T15:00:00Z")));
        // It was a day ahead: what was due is told, and its own time does not come again.
        let early = reader.after(&friday, at("2026-11-26T15:00:00Z"), at("2026-11-26T15:00:00Z"));
        assert_eq!(early.due, Some(at("2026-12-04T15:00:00Z")));
        // It was a year ahead: the year is not waited for.
        let ahead = reader.after(&friday, at("2027-11-27T15:00:00Z"), at("2027-11-27T15:00:00Z"));
        let healed = reader.reschedule(Some(&ahead), at("2026-11-28T09:00:00Z")).unwrap();
        assert_eq!((healed.due, healed.since), (Some(at("2026-12-04T15:00:00Z")), at("2026-11-28T09:00:00Z")));
    }
}
