//! What the map shows, from days that were counted and the members that teams have now. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::rule::{Team, is_member_called};
use crate::store::{Doer, Tally, ThreadDay, earliest};

/// So many conversations are listed where there can be any number.
const LISTED: usize = 50;
/// Fewer than this and a conversation is only resting.
const QUIET: Duration = Duration::from_secs(86_400);

/// Who tells, or is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Party {
    /// A team
    Team(String),
    /// People of no team, in the repositories of this organisation or person
    Owner(String),
    /// All other people
    Others,
}

impl Party {
    /// What the map calls it.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Team(name) | Self::Owner(name) => name,
            Self::Others => "others",
        }
    }
}

impl Edge {
    /// Whether a team tells or is told by it.
    #[must_use]
    pub fn is_of(&self, team: &str) -> bool {
        self.to == team || matches!(&self.from, Party::Team(from) if from == team)
    }
}

/// How often one party was told of another's doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Edge {
    /// Whose doing it was
    pub from: Party,
    /// The team that was told
    pub to: String,
    /// How many updates told it
    pub updates: u64,
}

/// A conversation that is open and in which nothing happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Silent {
    /// The ticket's key, or the subject
    pub conversation: String,
    /// When something last happened
    #[schemars(with = "String")]
    pub since: Timestamp,
}

/// How long it took from a conversation's first draft until the first team heard of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Took {
    /// The ticket's key, or the subject
    pub conversation: String,
    /// How long, in seconds
    pub seconds: u64,
}

/// The first words about drafts that were begun in the period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FirstWords {
    /// Conversations with a draft of which some team has heard
    pub told: usize,
    /// Those of which none has
    pub untold: usize,
    /// Half of them took no longer, in seconds
    pub median_seconds: Option<u64>,
    /// Nine of ten took no longer, in seconds
    pub p90_seconds: Option<u64>,
    /// Those that took longest
    pub slowest: Vec<Took>,
}

/// Two teams that work on the same tickets and of which neither was told of the other's doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Strangers {
    /// The teams
    pub teams: [String; 2],
    /// How many conversations both take part in
    pub shared: usize,
    /// Some of them
    pub conversations: Vec<String>,
}

/// All that the map shows of a period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Who was told of whom, by volume
    pub edges: Vec<Edge>,
    /// How long first words took
    pub first_words: FirstWords,
    /// Pairs of teams that don't hear from each other, those with most in common first
    pub strangers: Vec<Strangers>,
    /// Conversations that are open, longest silent first
    pub silent: Vec<Silent>,
}

/// Gathers what happened in the days of a period; all days that were counted say what is silent `now`.
#[must_use]
pub fn gather(all: &[(Timestamp, Arc<Tally>)], since: Timestamp, teams: &[Arc<Team>], now: Timestamp) -> Gathered {
    let threads = threads(all);
    let days = all.iter().filter(|(day, _)| *day >= since).map(|(_, tally)| &**tally).collect::<Vec<_>>();
    let mut homes = Homes { teams, known: HashMap::new() };
    let edges = edges(&days, &mut homes);
    let current = threads.iter().filter(|(_, happened)| happened.last >= since);
    let strangers = strangers(current, &edges, &mut homes);
    Gathered { edges, strangers, first_words: first_words(&threads, since), silent: silent(&threads, now) }
}

/// What happened in each conversation on all days together.
fn threads(all: &[(Timestamp, Arc<Tally>)]) -> HashMap<&Arc<str>, ThreadDay> {
    let mut threads = HashMap::<_, ThreadDay>::new();
    for (thread, day) in all.iter().flat_map(|(_, tally)| &tally.threads) {
        let Some(known) = threads.get_mut(thread) else {
            threads.insert(thread, day.clone());
            continue;
        };
        if day.last >= known.last {
            (known.last, known.open) = (day.last, day.open);
        }
        known.draft = earliest(known.draft, day.draft);
        known.word = earliest(known.word, day.word);
        known.doers.extend(day.doers.iter().cloned());
    }
    threads
}

/// The teams that people are members of.
struct Homes<'a> {
    teams: &'a [Arc<Team>],
    known: HashMap<Doer, Vec<&'a str>>,
}

impl<'a> Homes<'a> {
    fn of(&mut self, doer: &Doer) -> Vec<&'a str> {
        if let Some(known) = self.known.get(doer) {
            return known.clone();
        }
        let own = self.teams.iter().filter(|team| is_member_called(&team.members, &doer.login, &doer.name));
        let own = own.map(|team| team.name.as_str()).collect::<Vec<_>>();
        self.known.insert(doer.clone(), own.clone());
        own
    }
}

fn edges(days: &[&Tally], homes: &mut Homes<'_>) -> Vec<Edge> {
    let mut edges = BTreeMap::<(Party, &str), u64>::new();
    for (telling, count) in days.iter().flat_map(|day| &day.told) {
        let own = telling.doer.as_ref().map(|doer| homes.of(doer)).unwrap_or_default();
        // Somebody in two teams acts for the one that isn't told.
        let from = own.iter().find(|team| **team != &*telling.team).or(own.first());
        let from = match (from, &telling.owner) {
            (Some(team), _) => Party::Team((*team).to_owned()),
            (None, Some(owner)) => Party::Owner(owner.to_string()),
            (None, None) => Party::Others,
        };
        *edges.entry((from, &telling.team)).or_default() += count;
    }
    let edges = edges.into_iter().map(|((from, to), updates)| Edge { from, to: to.to_owned(), updates });
    let mut edges = edges.collect::<Vec<_>>();
    edges.sort_by_key(|edge| Reverse(edge.updates));
    edges
}

fn strangers<'t>(
    threads: impl Iterator<Item = (&'t &'t Arc<str>, &'t ThreadDay)>,
    edges: &[Edge],
    homes: &mut Homes<'_>,
) -> Vec<Strangers> {
    let heard = edges.iter().filter_map(|edge| match &edge.from {
        Party::Team(from) => Some((from.clone(), edge.to.clone())),
        Party::Owner(_) | Party::Others => None,
    });
    let heard = heard.collect::<BTreeSet<_>>();
    let mut shared = BTreeMap::<[String; 2], Vec<&str>>::new();
    for (thread, happened) in threads {
        let at_work = happened.doers.iter().flat_map(|doer| homes.of(doer)).collect::<BTreeSet<_>>();
        for (place, one) in at_work.iter().enumerate() {
            for other in at_work.iter().skip(place + 1) {
                let (one, other) = ((*one).to_owned(), (*other).to_owned());
                let pair = (one.clone(), other.clone());
                if !heard.contains(&pair) && !heard.contains(&(pair.1, pair.0)) {
                    shared.entry([one, other]).or_default().push(thread);
                }
            }
        }
    }
    let strangers = shared.into_iter().map(|(teams, mut threads)| {
        threads.sort_unstable();
        let conversations = threads.iter().take(LISTED).map(|thread| (*thread).to_owned()).collect();
        Strangers { teams, shared: threads.len(), conversations }
    });
    let mut strangers = strangers.collect::<Vec<_>>();
    strangers.sort_by_key(|pair| Reverse(pair.shared));
    strangers
}

fn first_words(threads: &HashMap<&Arc<str>, ThreadDay>, since: Timestamp) -> FirstWords {
    let mut took = Vec::new();
    let mut untold = 0;
    for (thread, happened) in threads {
        match (happened.draft.filter(|draft| *draft >= since), happened.word) {
            (Some(draft), Some(word)) => {
                // A team that heard before the draft knew already.
                let seconds = word.duration_since(draft).max(SignedDuration::ZERO).as_secs().unsigned_abs();
                took.push(Took { conversation: thread.to_string(), seconds });
            }
            (Some(_), None) => untold += 1,
            (None, _) => {}
        }
    }
    took.sort_by(|a, b| b.seconds.cmp(&a.seconds).then_with(|| a.conversation.cmp(&b.conversation)));
    // The longest is first.
    let quantile = |percent: usize| took.get((took.len() * (100 - percent)) / 100).map(|took| took.seconds);
    let (median_seconds, p90_seconds) = (quantile(50), quantile(90));
    let told = took.len();
    took.truncate(10);
    FirstWords { told, untold, median_seconds, p90_seconds, slowest: took }
}

fn silent(threads: &HashMap<&Arc<str>, ThreadDay>, now: Timestamp) -> Vec<Silent> {
    let rest = threads.iter().filter(|(_, happened)| {
        happened.open && now.duration_since(happened.last) >= SignedDuration::try_from(QUIET).unwrap_or_default()
    });
    let silent = rest.map(|(thread, happened)| Silent { conversation: thread.to_string(), since: happened.last });
    let mut silent = silent.collect::<Vec<_>>();
    silent.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.conversation.cmp(&b.conversation)));
    silent
}
