//! The month in numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use microalign::event::Source;
use microalign::reason::Code;

use super::feed;
use super::world::company::Company;
use super::world::life::Plan;
use super::world::observed::{Line, Observed};
use super::world::traffic::Traffic;

/// A page of tables.
pub fn report((company, plan): (&Company, Plan), (traffic, observed): (&Traffic, &Observed), took: Duration) -> String {
    let count = |source| traffic.deliveries.iter().filter(|delivery| delivery.source == source).count();
    let (github, jira) = (count(Source::Github), count(Source::Jira));
    let messages = observed.messages().count();
    let feed = feed::messages(company, traffic);
    let mut text = format!(
        "{} teams, {github} deliveries of GitHub, {jira} of Jira\n\
         {messages} messages; a bot that repeats each event would have sent {feed}: {:.1} times as many\n\
         {:.0} deliveries a second ({took:.1?})\n",
        company.teams.len(),
        ratio(feed, messages),
        f64::from(u32::try_from(github + jira).unwrap()) / took.as_secs_f64(),
    );
    table(&mut text, "lines", observed.lines.values().map(outcome));
    let told = observed.told().filter_map(|(line, _)| Some(line.kind?.as_str().to_owned()));
    table(&mut text, "told", told);
    table(&mut text, "waited for (beyond settling)", observed.lines.values().flat_map(waits));
    text + &by_day(company, plan, observed)
}

fn ratio(of: usize, to: usize) -> f64 {
    f64::from(u32::try_from(of).unwrap()) / f64::from(u32::try_from(to.max(1)).unwrap())
}

fn table(text: &mut String, title: &str, entries: impl Iterator<Item = String>) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    entries.for_each(|entry| *counts.entry(entry).or_default() += 1);
    let mut counts = counts.into_iter().collect::<Vec<_>>();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    writeln!(text, "\n{title}: {}", counts.iter().map(|(_, count)| count).sum::<usize>()).unwrap();
    for (entry, count) in counts {
        writeln!(text, "{count:>8} {entry}").unwrap();
    }
}

/// What became of a line, and why, without names and times.
fn outcome(line: &Line) -> String {
    if line.told_at.is_some() {
        return if line.lead == line.id { "sent" } else { "sent: merged into another's message" }.to_owned();
    }
    let why = match line.reason.code() {
        Code::Superseded => "a later one says more",
        Code::EditedByAuthor => "a note was edited",
        Code::TakenBack => "a note was taken back",
        Code::NoRule => "no rule matched",
        Code::ToldAlready => "another delivery told of it",
        Code::ToldBefore | Code::ToldByRule => "told before",
        Code::UndoneBefore | Code::UndoneByEvent | Code::WordsTakenBack | Code::Forgotten | Code::SilenceBroken => {
            "undone before"
        }
        code if code.is_late() => "it came late",
        code if code.is_changed() => "no longer so when its time came",
        Code::BotDoing | Code::BotBranch => "a bot did it",
        Code::OwnDoing => "a member did it",
        Code::NobodyWaits | Code::NobodyToNudge | Code::NotTheirs => "nobody waits for it, or works on it",
        code => code.as_str(),
    };
    format!("{}: {why}", line.state)
}

fn waits(line: &Line) -> Vec<String> {
    let beyond = |code: &Code| match code {
        Code::QuietHours => Some("quiet hours"),
        Code::AwaitsDigest | Code::AwaitsOthers => Some("digest"),
        Code::ToldRecently => Some("every"),
        Code::OverBudget => Some("budget"),
        _ => None,
    };
    line.waited.iter().filter_map(beyond).map(str::to_owned).collect()
}

/// How many messages each team gets on a working day.
fn by_day(company: &Company, plan: Plan, observed: &Observed) -> String {
    let mut days: BTreeMap<&str, BTreeMap<Date, usize>> = BTreeMap::new();
    for (line, at) in observed.messages() {
        let Some(team) = company.teams.iter().find(|team| team.name == line.team) else { continue };
        *days.entry(&team.name).or_default().entry(at.to_zoned(team.zone.clone()).date()).or_default() += 1;
    }
    let first = plan.begin.to_zoned(TimeZone::UTC).date();
    let dates = first.series(1.day()).take(usize::try_from(plan.days).unwrap());
    let working = dates.filter(|date| date.weekday().to_monday_zero_offset() < 5).collect::<Vec<_>>();
    let mut text = format!("\n{:<24}   min  median   max   all\n", "messages a working day");
    let mut medians = Vec::new();
    for team in &company.teams {
        let of_team = days.get(team.name.as_str());
        let on = |date: &Date| of_team.and_then(|days| days.get(date)).copied().unwrap_or_default();
        let mut counts = working.iter().map(on).collect::<Vec<_>>();
        counts.sort_unstable();
        let (min, median, max) = spread(&counts);
        let all = counts.iter().sum::<usize>();
        writeln!(text, "{:<24} {min:>5} {median:>7} {max:>5} {all:>5}", team.name).unwrap();
        medians.push(median);
    }
    medians.sort_unstable();
    let (min, median, max) = spread(&medians);
    writeln!(text, "{:<24} {min:>5} {median:>7} {max:>5}", "the teams' medians").unwrap();
    text
}

/// The least, the middle and the most of what is in order.
fn spread(counts: &[usize]) -> (usize, usize, usize) {
    let at = |index: usize| counts.get(index).copied().unwrap_or_default();
    (at(0), at(counts.len() / 2), at(counts.len().saturating_sub(1)))
}
