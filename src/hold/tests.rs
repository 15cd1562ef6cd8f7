//! The clock at its edges: summer time both ways, zones with half hours, midnight, the end of the year.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::destination::Available;
use crate::rule::{Known, check};

/// A team with these keys and one rule with those.
fn team(team: &str, rule: &str) -> Team {
    let text = format!(
        "team = \"t\"\nto = [\"mailbox\"]\n{team}\n[[rule]]\nname = \"r\"\non = [\"pull_request.merged\"]\n{rule}\n"
    );
    let (templates, channels) = (BTreeSet::new(), Available::default());
    check("t.toml", &text, Known { templates: &templates, channels: &channels }).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Until when an update waits, in UTC, and the reason's first words.
fn until(team: &Team, now: &str, told: Option<&str>) -> String {
    let wait = hold(team, &team.rules[0], at(now), Past { told: told.map(at), since: None });
    let reason = match wait.waits_for {
        WaitsFor::Settle(_) => "settle",
        WaitsFor::Every(_) => "every",
        WaitsFor::Digest => "digest",
        WaitsFor::Bulk => "bulk",
        WaitsFor::Quiet => "quiet",
        WaitsFor::Budget(_) => "budget",
    };
    format!("{} {reason}", wait.until)
}

#[test]
fn an_update_settles_and_is_held_over_night_and_weekend() {
    let lisbon = team("timezone = \"Europe/Lisbon\"\nquiet = [\"19:00-08:00\", \"sat\", \"sun\"]", "settle = \"60s\"");
    for (now, expected) in [
        ("2026-11-20T12:00:00Z", "2026-11-20T12:01:00Z settle"),
        // It settles into the quiet.
        ("2026-11-19T18:59:30Z", "2026-11-20T08:00:00Z quiet"),
        ("2026-11-20T18:59:00Z", "2026-11-23T08:00:00Z quiet"),
        ("2026-11-20T07:59:00Z", "2026-11-20T08:00:00Z settle"),
        // In summer Lisbon is an hour ahead.
        ("2026-07-15T18:30:00Z", "2026-07-16T07:00:00Z quiet"),
        // Summer time begins on the Sunday: the night is an hour shorter.
        ("2026-03-28T12:00:00Z", "2026-03-30T07:00:00Z quiet"),
        ("2026-10-24T12:00:00Z", "2026-10-26T08:00:00Z quiet"),
        ("2026-12-31T23:30:00Z", "2027-01-01T08:00:00Z quiet"),
    ] {
        assert_eq!(until(&lisbon, now, None), expected, "{now}");
    }
}

#[test]
fn quiet_hours_at_the_change_of_the_clock() {
    // Berlin's clock goes from 02:00 to 03:00 on 2026-03-29 at 01:00Z, and from 03:00 to 02:00 on 2026-10-25 at 01:00Z.
    let ends_in_the_gap = team("timezone = \"Europe/Berlin\"\nquiet = [\"22:00-02:30\"]", "settle = \"0s\"");
    assert_eq!(until(&ends_in_the_gap, "2026-03-29T00:30:00Z", None), "2026-03-29T01:30:00Z quiet");
    assert_eq!(until(&ends_in_the_gap, "2026-10-24T23:30:00Z", None), "2026-10-25T00:30:00Z quiet");
    // 02:45 the first time round; a quarter of an hour later it is 02:00 again, and quiet again.
    assert_eq!(until(&ends_in_the_gap, "2026-10-25T00:45:00Z", None), "2026-10-25T00:45:00Z settle");
    assert_eq!(until(&ends_in_the_gap, "2026-10-25T01:10:00Z", None), "2026-10-25T01:30:00Z quiet");
    let inside_the_gap = team("timezone = \"Europe/Berlin\"\nquiet = [\"02:00-03:00\"]", "settle = \"0s\"");
    assert_eq!(until(&inside_the_gap, "2026-03-29T00:59:59Z", None), "2026-03-29T00:59:59Z settle");
    assert_eq!(until(&inside_the_gap, "2026-03-29T01:00:00Z", None), "2026-03-29T01:00:00Z settle");
}

#[test]
fn zones_need_not_be_whole_hours_from_greenwich() {
    let kolkata = team("timezone = \"Asia/Kolkata\"\nquiet = [\"19:00-08:00\"]", "settle = \"0s\"");
    assert_eq!(until(&kolkata, "2026-11-20T13:30:00Z", None), "2026-11-21T02:30:00Z quiet");
    // Lord Howe's summer time is half an hour, and begins on 2026-10-04 at 02:00.
    let howe = team("timezone = \"Australia/Lord_Howe\"", "settle = \"0s\"\ndigest = \"daily 02:15\"");
    assert_eq!(until(&howe, "2026-10-03T15:00:00Z", None), "2026-10-03T15:45:00Z digest");
    let hour = team("timezone = \"Asia/Kolkata\"\nbudget = \"1/hour\"", "");
    let wait = over_budget(&hour, at("2026-11-20T13:40:10.5Z"), 1).unwrap();
    assert_eq!(wait.until, at("2026-11-20T14:30:00Z"));
}

#[test]
fn digests_wait_for_their_time() {
    let daily = team("timezone = \"Europe/Lisbon\"", "settle = \"60s\"\ndigest = \"daily 09:00\"");
    assert_eq!(until(&daily, "2026-11-20T08:58:59Z", None), "2026-11-20T09:00:00Z digest");
    assert_eq!(until(&daily, "2026-11-20T08:59:30Z", None), "2026-11-21T09:00:00Z digest");
    assert_eq!(until(&daily, "2026-03-28T12:00:00Z", None), "2026-03-29T08:00:00Z digest");
    let weekly = team("quiet = [\"19:00-10:00\"]", "settle = \"0s\"\ndigest = \"weekly mon 09:00\"");
    assert_eq!(until(&weekly, "2026-11-20T12:00:00Z", None), "2026-11-23T10:00:00Z quiet");
    assert_eq!(until(&weekly, "2026-11-23T09:00:00Z", None), "2026-11-23T10:00:00Z quiet");
    assert_eq!(until(&weekly, "2026-12-29T12:00:00Z", None), "2027-01-04T10:00:00Z quiet");
    // 01:30 comes twice in Lisbon on 2026-10-25: one digest, not two.
    let twice = team("timezone = \"Europe/Lisbon\"", "settle = \"0s\"\ndigest = \"daily 01:30\"");
    assert_eq!(until(&twice, "2026-10-25T00:10:00Z", None), "2026-10-25T00:30:00Z digest");
    assert_eq!(until(&twice, "2026-10-25T00:30:01Z", None), "2026-10-26T01:30:00Z digest");
}

#[test]
fn a_rule_tells_of_a_subject_once_in_its_window() {
    let rule = team("quiet = [\"sat\", \"sun\"]", "settle = \"60s\"\nevery = \"3d\"");
    assert_eq!(until(&rule, "2026-11-18T12:00:00Z", None), "2026-11-18T12:01:00Z settle");
    assert_eq!(until(&rule, "2026-11-18T12:00:00Z", Some("2026-11-17T12:00:00Z")), "2026-11-20T12:00:00Z every");
    assert_eq!(until(&rule, "2026-11-19T12:00:00Z", Some("2026-11-18T12:00:00Z")), "2026-11-23T00:00:00Z quiet");
    assert_eq!(until(&rule, "2026-11-20T12:00:00Z", Some("2026-11-17T12:00:00Z")), "2026-11-20T12:01:00Z settle");
}

#[test]
fn a_budget_is_counted_by_the_calendar_on_the_wall() {
    let day = team("timezone = \"Europe/Lisbon\"\nquiet = [\"19:00-08:00\", \"sat\", \"sun\"]\nbudget = \"2/day\"", "");
    assert_eq!(over_budget(&day, at("2026-11-19T12:00:00Z"), 1), None);
    let wait = over_budget(&day, at("2026-11-20T12:00:00Z"), 2).unwrap();
    assert_eq!(wait.until, at("2026-11-23T08:00:00Z"));
    assert_eq!(
        wait.reason(&day.timezone).to_string(),
        "the rule matched; the budget of 2/day is spent: it waits for a digest until Mon 2026-11-23 08:00"
    );
    let lisbon = &day.timezone;
    let (from, to) = period(Period::Day, lisbon, at("2026-10-25T12:00:00Z"));
    assert_eq!((from, to), (at("2026-10-24T23:00:00Z"), at("2026-10-26T00:00:00Z")));
    let (from, to) = period(Period::Week, lisbon, at("2026-10-25T12:00:00Z"));
    assert_eq!((from, to), (at("2026-10-18T23:00:00Z"), at("2026-10-26T00:00:00Z")));
    let (from, to) = period(Period::Week, lisbon, at("2027-01-01T12:00:00Z"));
    assert_eq!((from, to), (at("2026-12-28T00:00:00Z"), at("2027-01-04T00:00:00Z")));
}

#[test]
fn what_is_due_waits_for_quiet_hours_that_are_new() {
    let quiet = team("quiet = [\"12:00-13:00\"]", "");
    let disturbs = |now| disturbs(&quiet, &quiet.rules[0], at(now), None);
    let wait = disturbs("2026-11-20T12:30:00Z").unwrap();
    assert_eq!((wait.until, wait.waits_for), (at("2026-11-20T13:00:00Z"), WaitsFor::Quiet));
    assert_eq!(disturbs("2026-11-20T13:00:00Z"), None);
}

#[test]
fn what_is_due_waits_when_its_rule_told_of_the_subject_meanwhile() {
    let rule = team("", "settle = \"60s\"\nevery = \"3d\"");
    let disturbs = |told| disturbs(&rule, &rule.rules[0], at("2026-11-20T12:00:00Z"), Some(at(told)));
    let every = rule.rules[0].every.unwrap();
    let wait = Wait { until: at("2026-11-23T11:59:30Z"), waits_for: WaitsFor::Every(every) };
    assert_eq!(disturbs("2026-11-20T11:59:30Z"), Some(wait));
    assert_eq!(disturbs("2026-11-17T12:00:00Z"), None);
}

proptest! {
    /// Whatever the zone and the hour: what is released is released outside of quiet hours, later than it was planned,
    /// and within two weeks.
    #[test]
    fn nothing_is_due_in_quiet_hours(
        seconds in 1_700_000_000i64..1_900_000_000,
        zone in prop::sample::select(vec!["UTC", "Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham", "America/St_Johns"]),
        from in 0u8..24, to in 0u8..24, half in any::<bool>(),
    ) {
        prop_assume!(from != to);
        let minute = if half { 30 } else { 0 };
        let keys = format!("timezone = \"{zone}\"\nquiet = [\"{from:02}:{minute:02}-{to:02}:{minute:02}\", \"sun\"]");
        let team = team(&keys, "settle = \"60s\"");
        let now = Timestamp::from_second(seconds).unwrap();
        let wait = hold(&team, &team.rules[0], now, Past::default());
        prop_assert!(wait.until >= now + 1.minutes());
        prop_assert!(wait.until < now + (14 * 24).hours());
        prop_assert_eq!(quiet_until(&team.quiet, &team.timezone, wait.until), None);
    }
}
