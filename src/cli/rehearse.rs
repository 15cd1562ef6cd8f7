//! `microalign rehearse`: shows how many messages each team would have had with other rules.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::suggest::unless_known;
use super::{ConfigArgs, Failure, load_rulebook, look_into_store, progress, say};
use crate::app;
use crate::rehearsal::{self, Comparison, Outcome, Report};
use crate::rule::{REPOSITORY_FILE, parse_duration_up_to};

pub(super) const LONG: &str = "\
Try rules on what came in lately: how many messages each team would have had, against how many it had.

The stored webhooks are taken in again, by the same steps as in the service and by a clock that shows when each of them \
came: settling, quiet hours, digests, budgets, all of it. That happens in a temporary store. Nothing is sent, and the real \
store stays as it is.

What was known before that time is not known to the rehearsal: an older draft, a milestone that was told already, an update \
that waited. Nor are mutes. GitHub and Jira aren't asked again: what they said of an event then is known, if a rule asked \
for it. Where a rule asks for something else, it can't decide about the event, and that is counted.";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// How far back to go, such as 14d or 6h
    #[arg(long, value_name = "AGE")]
    since: String,
    /// The rules to try: a folder of team files. By default, the rules in force
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Only this team, rule by rule
    #[arg(long)]
    team: Option<String>,
    /// Print one JSON object per team, with its rules
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let span = span(&args.since)?;
    let mut config = args.config.look()?;
    if let Some(rules) = &args.rules {
        config.rules.clone_from(rules);
    }
    let rulebook = load_rulebook(&config).await;
    // A repository's file that is broken is rehearsed as it is in force.
    let problems = rulebook.problems().iter().filter(|problem| !problem.file.ends_with(REPOSITORY_FILE));
    let problems = problems.cloned().collect::<Vec<_>>();
    if !problems.is_empty() {
        return Err(Failure::Problems(problems));
    }
    let store = look_into_store(&config.store).await?;
    let rules = (app::settings(&config), rulebook);
    let work = async |progress: &dyn Fn(usize, usize)| rehearsal::rehearse((&store, &span), rules, progress).await;
    let Report { deliveries, bodiless, comparison } = with_bar(work).await?;
    let mut teams = by_team(comparison);
    if let Some(team) = &args.team {
        let names = teams.keys().cloned().collect::<Vec<_>>();
        teams.retain(|name, _| name == team);
        if teams.is_empty() {
            let names = names.iter().map(String::as_str).collect();
            unless_known(names, team, format!("there is no team `{team}`, neither in the rules nor in the ledger"))?;
        }
    }
    if args.json {
        return teams.iter().try_for_each(|(team, rules)| say(as_json(team, rules)));
    }
    let from = span.start().strftime("%Y-%m-%d %H:%M UTC");
    let plural = if deliveries == 1 { "delivery" } else { "deliveries" };
    let gone = match bodiless {
        0 => String::new(),
        1 => "\n1 more has no body any more (`[store] keep_bodies`), so it isn't rehearsed".to_owned(),
        gone => format!("\n{gone} more have no body any more (`[store] keep_bodies`), so they aren't rehearsed"),
    };
    say(format!("{deliveries} {plural} since {from}{gone}\n"))?;
    match &args.team {
        Some(team) => say(table("rule", teams.get(team).into_iter().flatten())),
        None => {
            let sums = teams.iter().map(|(team, rules)| (team.clone(), sum(rules.values()))).collect::<Rules>();
            say(table("team", &sums))
        }
    }
}

/// The last time up to now, as `--since` says how much of it.
pub(super) fn span(since: &str) -> Result<RangeInclusive<Timestamp>, Failure> {
    let age = parse_duration_up_to(since, "52w");
    let age = age.map_err(|(wrong, help)| Failure::Usage(format!("--since: {wrong}: {help}")))?;
    let now = Timestamp::now();
    Ok(now - age..=now)
}

/// Does `work`, which is told what to call with how far it is, behind a bar; until somebody interrupts it.
pub(super) async fn with_bar<T>(
    work: impl AsyncFnOnce(&dyn Fn(usize, usize)) -> Result<T, String>,
) -> Result<T, Failure> {
    let bar = progress::bar("rehearsing");
    let progress = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    // In both cases, the temporary folder is removed.
    let done = tokio::select! {
        done = work(&progress) => done.map_err(Failure::Wrong),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Err(Failure::Wrong("interrupted".to_owned()))
        }
    };
    bar.finish_and_clear();
    done
}

/// The outcome for each of a team's rules.
type Rules = BTreeMap<String, Outcome>;

fn by_team(comparison: Comparison) -> BTreeMap<String, Rules> {
    let mut teams = BTreeMap::<String, Rules>::new();
    for ((team, rule), outcome) in comparison {
        teams.entry(team).or_default().insert(rule, outcome);
    }
    teams
}

fn sum<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Outcome {
    outcomes.into_iter().fold(Outcome::default(), Outcome::and)
}

fn as_json(team: &str, rules: &Rules) -> Value {
    let numbers = |(key, name): (&str, &str), outcome: &Outcome| {
        let Outcome { would, had, held, superseded, failed, undecided, suppressed } = outcome;
        json!({ key: name, "would": would, "had": had, "held": held, "superseded": superseded, "failed": failed,
                "undecided": undecided, "suppressed": suppressed })
    };
    let mut object = numbers(("team", team), &sum(rules.values()));
    object["rules"] = rules.iter().map(|(rule, outcome)| numbers(("rule", rule), outcome)).collect();
    object
}

/// A table of numbers, with the sum in the last row.
fn table<'a>(what: &str, outcomes: impl IntoIterator<Item = (&'a String, &'a Outcome)>) -> String {
    let mut rows = outcomes.into_iter().map(|(name, outcome)| (name.as_str(), outcome.clone())).collect::<Vec<_>>();
    let total = sum(rows.iter().map(|(_, outcome)| outcome));
    rows.push(("all together", total));
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let head = format!("{what:<width$}   had  would have  still held  superseded  failed  undecided  suppressed");
    let lines = rows.iter().map(|(name, outcome)| {
        let Outcome { would, had, held, superseded, failed, undecided, suppressed } = outcome;
        format!(
            "{name:<width$}  {had:>4}  {would:>10}  {held:>10}  {superseded:>10}  {failed:>6}  {undecided:>9}  {}",
            reasons(suppressed)
        )
    });
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

/// `3: bot 2, told before 1`
fn reasons(suppressed: &BTreeMap<&str, u64>) -> String {
    let all = suppressed.values().sum::<u64>();
    if all == 0 {
        return format!("{all:>10}");
    }
    let each = suppressed.iter().map(|(class, count)| format!("{} {count}", class.replace('_', " ")));
    format!("{all:>10}: {}", each.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_below_each_other() {
        let outcome = Outcome { would: 9, had: 120, held: 1, superseded: 4, ..Outcome::default() };
        let suppressed = BTreeMap::from([("bot", 12), ("told_before", 1)]);
        let outcomes = Rules::from([
            ("data-platform".to_owned(), outcome),
            ("web".to_owned(), Outcome { suppressed, ..Outcome::default() }),
        ]);
        insta::assert_snapshot!(table("team", &outcomes), @"
        team            had  would have  still held  superseded  failed  undecided  suppressed
        data-platform   120           9           1           4       0          0           0
        web               0           0           0           0       0          0          13: bot 12, told before 1
        all together    120           9           1           4       0          0          13: bot 12, told before 1
        ");
    }
}
