//! What must hold of everything that would be sent, whatever happened: checked against what the generator knows, not
//! against what the service believes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::civil::Weekday;
use jiff::{Timestamp, ToSpan as _};
use microalign::event::{EventKind, Source};

use super::company::{AWAKE, Budget, Company, Team};
use super::observed::{Line, Observed};
use super::payload::{Stage, Status};
use super::traffic::{Delivery, Fact, State, Traffic};

/// One sentence for each violation.
pub fn violations(company: &Company, traffic: &Traffic, observed: &Observed) -> Vec<String> {
    let truth = Truth::of(company, traffic);
    let told = observed.told().flat_map(|(line, at)| {
        let team = truth.teams[line.team.as_str()];
        [truth.own(line, team), truth.outdated(line, at), truth.silent_note(line, at), disturbing(line, at, team)]
    });
    let mut found = told.flatten().collect::<Vec<_>>();
    found.extend(told_twice(observed));
    found.extend(too_often(company, observed));
    found.extend(over_budget(company, observed));
    found.extend(unaccounted(traffic, observed));
    found.extend(lost_in_supersession(observed));
    found.extend(truth.unheard(observed));
    found
}

/// What is so, and since when the service can know.
struct Truth<'a> {
    company: &'a Company,
    teams: HashMap<&'a str, &'a Team>,
    facts: HashMap<&'a str, &'a Delivery>,
    /// The deliveries about each subject, in the order in which they came
    subjects: HashMap<&'a str, Vec<&'a Delivery>>,
    /// By a note's words, when the service heard that they are no longer said
    gone: HashMap<&'a str, Timestamp>,
}

impl<'a> Truth<'a> {
    fn of(company: &'a Company, traffic: &'a Traffic) -> Self {
        let teams = company.teams.iter().map(|team| (team.name.as_str(), team)).collect();
        let mut facts: HashMap<&str, &Delivery> = HashMap::new();
        let mut subjects: HashMap<&str, Vec<&Delivery>> = HashMap::new();
        for delivery in &traffic.deliveries {
            facts.entry(&delivery.key).or_insert(delivery);
            subjects.entry(&delivery.fact.subject).or_default().push(delivery);
        }
        let gone = traffic.notes.iter().filter_map(|note| {
            let heard = facts[note.gone.as_deref()?].received;
            Some((note.words.as_str(), heard))
        });
        let gone = gone.collect();
        Self { company, teams, facts, subjects, gone }
    }

    fn fact(&self, line: &Line) -> &'a Fact {
        &self.facts[line.delivery.as_str()].fact
    }

    /// What members did themselves is no news to their team.
    fn own(&self, line: &Line, team: &Team) -> Option<String> {
        let kind = line.kind.filter(|kind| !kind.is_of_silence())?;
        let fact = self.fact(line);
        // A bot merges for the author, and a label that comes late makes no milestone its own.
        let for_author = kind.is_milestone() && (line.event != Some(kind) || fact.actor.ends_with("[bot]"));
        let doer = if for_author { &fact.author } else { &fact.actor };
        team.members.contains(doer).then(|| format!("{}: told {} of what {doer} did", show(line), team.name))
    }

    /// The newest state of a subject that the service had heard of.
    fn state(&self, subject: &str, heard_by: Timestamp) -> Option<State> {
        let heard = self.subjects.get(subject)?.iter().take_while(|delivery| delivery.received <= heard_by);
        heard.max_by_key(|delivery| delivery.fact.updated)?.fact.state
    }

    /// Nothing is told of a state that its subject has left.
    fn outdated(&self, line: &Line, at: Timestamp) -> Option<String> {
        let (kind, state) = (line.kind?, self.state(&line.subject, at)?);
        let holds = match (kind, state) {
            (EventKind::PullRequestDraft, State::Pr { stage, draft }) => stage == Stage::Open && draft,
            (EventKind::PullRequestOpened | EventKind::PullRequestReady, State::Pr { stage, draft }) => {
                stage == Stage::Open && !draft
            }
            (
                EventKind::PullRequestOnTrack | EventKind::PullRequestStalled | EventKind::PullRequestReopened,
                State::Pr { stage, .. },
            ) => stage == Stage::Open,
            (EventKind::PullRequestClosed, State::Pr { stage, .. }) => stage == Stage::Closed,
            (EventKind::PullRequestMerged, State::Pr { stage, .. }) => stage == Stage::Merged,
            (EventKind::TicketStarted | EventKind::TicketQuiet, State::Ticket(status)) => {
                matches!(status, Status::InProgress | Status::InReview)
            }
            (EventKind::TicketDone, State::Ticket(status)) => status == Status::Done,
            _ => true,
        };
        (!holds).then(|| format!("{}: told at {at}, when it was {state:?}", show(line)))
    }

    /// Words that are no longer said are not told.
    fn silent_note(&self, line: &Line, at: Timestamp) -> Option<String> {
        let gone = self.gone.get(line.note.as_deref()?)?;
        let said = self.facts[line.delivery.as_str()];
        // Jira doesn't say what a comment was before its edit: when the edit comes first, there is nothing to know.
        let overtaken = said.source == Source::Jira && said.received > *gone;
        (!overtaken && at > *gone).then(|| format!("{}: told at {at}, but since {gone} nobody says so", show(line)))
    }

    /// A merge that a rule asks for on no other condition reaches the team, whatever was held or replaced.
    fn unheard(&self, observed: &Observed) -> Vec<String> {
        let kind = EventKind::PullRequestMerged;
        let told = observed.told().filter(|(line, _)| line.kind == Some(kind));
        let told = told.map(|(line, _)| (line.team.as_str(), line.subject.as_str())).collect::<HashSet<_>>();
        let mut unheard = Vec::new();
        for (subject, deliveries) in &self.subjects {
            let merged = |fact: &Fact| matches!(fact.state, Some(State::Pr { stage: Stage::Merged, .. }));
            let Some(merge) = deliveries.iter().map(|delivery| &delivery.fact).find(|fact| merged(fact)) else {
                continue;
            };
            let repo = subject.split('#').next().unwrap_or_default();
            let asks = |team: &&Team| team.rules.iter().any(|rule| rule.merges_of.iter().any(|of| of == repo));
            let news = |team: &&Team| !merge.author.ends_with("[bot]") && !team.members.contains(&merge.author);
            let others = self.company.teams.iter().filter(asks).filter(news);
            let missing = others.filter(|team| !told.contains(&(team.name.as_str(), subject)));
            unheard.extend(missing.map(|team| format!("{} never heard that {subject} is merged", team.name)));
        }
        unheard
    }
}

fn show(line: &Line) -> String {
    let kind = line.kind.map_or("?", EventKind::as_str);
    format!("line {} ({} {kind} of {}, {}/{})", line.id, line.delivery, line.subject, line.team, line.rule)
}

fn disturbing(line: &Line, at: Timestamp, team: &Team) -> Option<String> {
    let here = at.to_zoned(team.zone.clone());
    let weekend = matches!(here.weekday(), Weekday::Saturday | Weekday::Sunday);
    let quiet = team.quiet && (weekend || !AWAKE.contains(&here.hour()));
    quiet.then(|| format!("{}: told in quiet hours, {here}", show(line)))
}

/// A milestone of a subject is told once at a place, and so is each note.
fn told_twice(observed: &Observed) -> Vec<String> {
    let mut messages: BTreeMap<_, BTreeSet<i64>> = BTreeMap::new();
    for (line, _) in observed.told() {
        let Some(kind) = line.kind.filter(|kind| kind.is_milestone() || kind.is_note()) else { continue };
        for place in observed.places(line) {
            let what = (&line.subject, kind.as_str(), &line.note, &place.destination);
            messages.entry(what).or_default().insert(line.lead);
        }
    }
    let twice = messages.into_iter().filter(|(_, leads)| leads.len() > 1);
    twice.map(|(what, leads)| format!("told more than once: {what:?}, in the messages of lines {leads:?}")).collect()
}

/// A rule with `every` tells of a subject once in so long.
fn too_often(company: &Company, observed: &Observed) -> Vec<String> {
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
fn over_budget(company: &Company, observed: &Observed) -> Vec<String> {
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
fn lost_in_supersession(observed: &Observed) -> Vec<String> {
    let mut last: HashMap<(&str, &str), i64> = HashMap::new();
    for line in observed.lines.values().filter(|line| line.state != "superseded") {
        last.insert((&line.team, &line.subject), line.id);
    }
    let superseded = observed.lines.values().filter(|line| line.state == "superseded");
    let lost = superseded.filter(|line| last.get(&(&*line.team, &*line.subject)).is_none_or(|last| *last < line.id));
    lost.map(|line| format!("{}: superseded, and nothing came after it", show(line))).collect()
}
