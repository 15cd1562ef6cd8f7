//! What an event costs when there are many rules, and what many rules cost to load.

#![expect(clippy::unwrap_used, reason = "benchmarks end at the first surprise")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use microalign::destination::Available;
use microalign::event::{About, Event, EventKind, Source, Thing, ThingKind};
use microalign::rule::{Input, Known, Rule, Rules, Team, Verdict, evaluate, load_folder};
use microalign::source::{self, Settings};

const RULES_OF_A_TEAM: usize = 50;
const REPOSITORIES: usize = 2000;
const EVENTS: usize = 1000;
/// So many events that what they ask stays in a core's cache, whatever the number of rules: the work alone.
const FEW: usize = 64;
const PASSES: usize = 100;

fn main() {
    let (small, _) = load(10);
    let (middle, _) = load(1000);
    let (large, took) = load(100_000);
    println!("rules on one of {} kinds and {REPOSITORIES} repositories; one in ten has a glob\n", kinds().len());
    let costs = [(10, &small), (1000, &middle), (100_000, &large)].map(|(count, rules)| {
        let events = events(count);
        let ask = |event: &Event| rules.candidates(event.kind, event).filter(wants(event)).count();
        let (few, _) = time(&events[..FEW], ask);
        let (many, matches) = time(&events, ask);
        println!("{count:>7} rules: {few:>9.2?} an event of {FEW}, {many:>9.2?} of {EVENTS}; {matches} matches");
        (few, many)
    });
    let [_, (few, many), (few_of_large, many_of_large)] = costs;
    println!(
        "100,000 rules for 1,000: {:.1} times as long an event of {FEW}, {:.1} of {EVENTS}, whose rules no longer fit \
         into a core's cache (at most 3)",
        few_of_large.div_duration_f64(few),
        many_of_large.div_duration_f64(many)
    );
    println!("reading one small webhook: {:.2?}", reading());
    let few = &events(100_000)[..2];
    let (scan, scanned) = time(few, |event| large.all().filter(wants(event)).count());
    let (index, found) = time(few, |event| large.candidates(event.kind, event).filter(wants(event)).count());
    assert_eq!(scanned, found);
    println!(
        "\nevery one of 100,000 rules asked: {scan:.2?} an event, {:.0} times as long (at least 50)",
        scan.div_duration_f64(index)
    );
    println!(
        "\n100,000 rules in {} files: read, checked and arranged in {took:.2?} (at most 2 s)",
        100_000 / RULES_OF_A_TEAM
    );
    println!("most memory: {} (at most 300 MB)", peak());
}

fn wants(event: &Event) -> impl Fn(&(&Team, &Rule)) -> bool {
    move |(team, rule)| evaluate(rule, team, Input { event, kind: event.kind, ticket: None }) == Verdict::Match
}

/// The mean time of one event in the pass that was disturbed least, and how many rules matched in a pass.
fn time(events: &[Event], matches: impl Fn(&Event) -> usize) -> (Duration, usize) {
    let pass = || events.iter().map(|event| black_box(matches(event))).sum();
    let count = pass();
    let passes = (0..PASSES).map(|_| {
        let began = Instant::now();
        assert_eq!(pass(), count);
        began.elapsed()
    });
    (passes.min().unwrap() / u32::try_from(events.len()).unwrap(), count)
}

/// Events that one of so many rules wants, at least.
fn events(rules: usize) -> Vec<Event> {
    (0..EVENTS).map(|n| event(n * 97 % rules)).collect()
}

/// Rules as teams have them, written to files and loaded as the service does.
fn load(count: usize) -> (Rules, Duration) {
    let folder = tempfile::tempdir().unwrap();
    (0..count.div_ceil(RULES_OF_A_TEAM)).for_each(|team| write(folder.path(), team, count));
    let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
    let began = Instant::now();
    let loaded = load_folder(folder.path(), known);
    assert_eq!(loaded.problems, []);
    let rules = Rules::new(loaded.teams.into_iter().map(|(_, team)| Arc::new(team)).collect());
    let took = began.elapsed();
    assert_eq!(rules.all().count(), count);
    (rules, took)
}

fn write(folder: &Path, team: usize, count: usize) {
    let mut text = format!("team = \"t{team}\"\nmembers = [\"m{team}\"]\nto = [\"email:t{team}@example.test\"]\n");
    let first = team * RULES_OF_A_TEAM;
    for n in first..count.min(first + RULES_OF_A_TEAM) {
        let repository = n * 7 % REPOSITORIES;
        let repo = if n % 10 == 0 {
            format!("acme/service-{repository:04}*\", \"!acme/service-{repository:04}-test")
        } else {
            format!("acme/service-{repository:04}")
        };
        let on = kinds()[n % kinds().len()];
        let after = if on.is_of_silence() { "after = \"5d\"\n" } else { "" };
        let title = "title = [\"!*typo*\"]\n";
        write!(text, "[[rule]]\nname = \"r{n}\"\non = [\"{on}\"]\nrepo = [\"{repo}\"]\n{title}{after}").unwrap();
    }
    std::fs::write(folder.join(format!("t{team:05}.toml")), text).unwrap();
}

/// The kinds that are told of repositories; their number has no divisor in common with that of the repositories.
fn kinds() -> &'static [EventKind] {
    &EventKind::ALL[..33]
}

/// What rule `n` waits for.
fn event(n: usize) -> Event {
    let about = Thing { branch: Some("main".to_owned()), ..Thing::bare(ThingKind::Push, "Drop the old ids") };
    Event {
        scope: format!("acme/service-{:04}", n * 7 % REPOSITORIES),
        ..Event::bare(Source::Github, kinds()[n % kinds().len()], "acme/service:main".into(), About::Thing(about))
    }
}

/// What comes before the match, for a sense of proportion.
fn reading() -> Duration {
    let body = include_bytes!("../tests/fixtures/github/push.json");
    let (now, settings) = (jiff::Timestamp::UNIX_EPOCH, Settings::default());
    let began = Instant::now();
    for _ in 0..EVENTS {
        black_box(source::parse(Source::Github, "push", body, now, &settings));
    }
    began.elapsed() / u32::try_from(EVENTS).unwrap()
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "not known here".to_owned(), |peak| peak.trim().to_owned())
}
