//! Every rule in force, so arranged that an event is held against the few that can want it.
//!
//! A rule is looked up by how its repositories begin, else by how its ticket keys begin, and then by the kind of event.
//! One that says neither is asked about every event of its kinds. What the index leaves out, [`super::evaluate`] would have
//! refused; the tests hold it to that.
//!
//! Among many rules, waiting for memory is most of the cost: what one value leads to lies in one piece.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::condition::Condition;
use super::pattern::Anchor;
use super::{Audience, Input, Rule, Team, Verdict, evaluate};
use crate::event::{About, Event, EventKind, Kinds};

/// All teams, with their rules.
#[derive(Debug, Default)]
pub struct Rules {
    teams: Vec<Arc<Team>>,
    /// Places by the names of team and rule
    names: HashMap<String, HashMap<String, Place>>,
    /// The kinds that some rule wants
    kinds: Kinds,
    repositories: Starts,
    tickets: Starts,
    rest: Wanted,
    ask_of_tickets: bool,
}

/// The place of [`Team::addressed`] in its team.
const IMPLIED: u32 = u32::MAX;

/// Where a rule is: its team's place among the teams, and its own in the team. Small, since each event looks at many.
type Place = (u32, u32);

/// Rules by how a value begins.
#[derive(Debug, Default)]
struct Starts {
    exactly: HashMap<String, Wanted>,
    from: HashMap<String, Wanted>,
    /// The lengths that beginnings have: only these are looked up
    lengths: BTreeSet<usize>,
    /// The kinds that some of them wants
    kinds: Kinds,
}

/// Kinds, and beside each the place of a rule that wants it: sorted.
#[derive(Debug, Default)]
struct Wanted {
    kinds: Vec<EventKind>,
    places: Vec<Place>,
}

/// What rules ask of an event that its payload may not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asks {
    /// The files that are changed
    pub files: bool,
    /// Who owns them
    pub owners: bool,
    /// The ticket keys in commit messages, where there are no others
    pub keys: bool,
    /// The notes in commit messages
    pub notes: bool,
    /// The pull request that brought it about
    pub pull_request: bool,
    /// What is known of its tickets: conditions ask, and messages say it
    pub ticket: bool,
}

impl Asks {
    /// Whether GitHub would know something of it, or of the pull request that brought it about.
    #[must_use]
    pub fn of_github(self) -> bool {
        self.files || self.owners || self.keys || self.notes
    }
}

impl Rules {
    /// Arranges the rules of these teams, whose names differ.
    #[must_use]
    pub fn new(mut teams: Vec<Arc<Team>>) -> Self {
        resolve(&mut teams);
        let mut rules = Self::default();
        for (place, team) in (0..).zip(&teams) {
            let places = || (0..).map(|index| (place, index));
            let names = places().zip(&team.rules).map(|(place, rule)| (rule.name.clone(), place));
            let addressed = team.addressed.iter().map(|rule| (rule.name.clone(), (place, IMPLIED)));
            rules.names.insert(team.name.clone(), names.chain(addressed).collect());
            places().zip(&team.rules).for_each(|(place, rule)| rules.add(place, rule));
        }
        rules.teams = teams;
        rules.repositories.sort();
        rules.tickets.sort();
        rules.rest.sort();
        rules.kinds = rules.all().flat_map(|(_, rule)| rule.on.kinds.iter()).collect();
        rules
    }

    fn add(&mut self, place: Place, rule: &Rule) {
        self.ask_of_tickets |= rule.conditions.iter().any(Condition::asks_of_ticket);
        let repositories = rule.conditions.iter().find_map(Condition::repositories);
        let tickets = rule.conditions.iter().find_map(Condition::keys);
        match (repositories, tickets) {
            (Some(anchors), _) => self.repositories.add(anchors, (rule, place)),
            (None, Some(anchors)) => self.tickets.add(anchors, (rule, place)),
            (None, None) => self.rest.add(rule, place),
        }
    }

    /// Every team, in a stable order.
    #[must_use]
    pub fn teams(&self) -> &[Arc<Team>] {
        &self.teams
    }

    /// Every rule with its team, in a stable order.
    pub fn all(&self) -> impl Iterator<Item = (&Team, &Rule)> {
        self.teams.iter().flat_map(|team| team.rules.iter().map(move |rule| (&**team, rule)))
    }

    /// The rule of a team by its name.
    #[must_use]
    pub fn find(&self, team: &str, rule: &str) -> Option<(&Team, &Rule)> {
        Some(self.at(*self.names.get(team)?.get(rule)?))
    }

    /// Whom a note is for that names teams, and by which rules they hear it, whatever other teams ask for: the rules of
    /// each that would want it anyway, else [`Team::addressed`]. `None` if it names no team that there is.
    #[must_use]
    pub fn addressed(&self, input: Input<'_>) -> Option<Vec<(&Team, &Rule)>> {
        let note = input.event.note.as_ref().filter(|_| input.kind.is_note())?;
        let teams = self.teams.iter().filter(|team| note.to.iter().any(|name| team.is_called(name)));
        let mut teams = teams.map(|team| &**team).peekable();
        teams.peek()?;
        let rules = teams.flat_map(|team| {
            let wants = |rule: &&Rule| !matches!(evaluate(rule, team, input), Verdict::Miss { .. });
            let mut own = team.rules.iter().filter(wants).peekable();
            let implied = team.addressed.as_ref().filter(|_| own.peek().is_none());
            own.chain(implied).map(|rule| (team, rule)).collect::<Vec<_>>()
        });
        Some(rules.collect())
    }

    /// The rules that could want an event as one of this kind, in the order of [`Self::all`].
    pub fn candidates(&self, kind: EventKind, event: &Event) -> impl Iterator<Item = (&Team, &Rule)> {
        let mut found = Vec::new();
        self.rest.look_up(kind, &mut found);
        self.repositories.look_up(&event.scope, kind, &mut found);
        event.tickets.iter().chain(&event.listed).for_each(|key| self.tickets.look_up(key.as_str(), kind, &mut found));
        if event.more_tickets {
            self.tickets.all(kind, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|place| self.at(place))
    }

    /// What the rules that could want an event ask beyond its payload. A pull request's event may bring up any of its
    /// milestones.
    #[must_use]
    pub fn asks(&self, event: &Event) -> Asks {
        let is_pull_request = matches!(event.about, About::PullRequest(_));
        let milestones = EventKind::ALL.iter().copied().filter(|kind| is_pull_request && kind.is_milestone());
        let mut asks = Asks {
            notes: brings_commits(event.kind)
                && EventKind::ALL.iter().any(|kind| kind.is_note() && self.could_want(*kind, event)),
            pull_request: is_brought_about(event.kind) && self.could_want(event.kind, event),
            ..Asks::default()
        };
        for kind in std::iter::once(event.kind).chain(milestones.filter(|kind| *kind != event.kind)) {
            let keyless = event.tickets.is_empty() && event.listed.is_empty();
            asks.keys |= is_pull_request && keyless && self.could_want(kind, event);
            for (_, rule) in self.candidates(kind, event) {
                asks.files |= rule.conditions.iter().any(Condition::asks_of_files);
                asks.owners |= rule.conditions.iter().any(Condition::asks_of_owners);
                asks.ticket = true;
            }
        }
        asks
    }

    /// Whether some rule could want an event as one of this kind, if it belongs to other tickets than it says.
    fn could_want(&self, kind: EventKind, event: &Event) -> bool {
        self.tickets.kinds.contains(kind) || self.candidates(kind, event).next().is_some()
    }

    /// Whether some rule asks for a kind of event.
    #[must_use]
    pub fn want(&self, kind: EventKind) -> bool {
        self.kinds.contains(kind)
    }

    /// Whether some team has readers who may not see private repositories.
    #[must_use]
    pub fn have_readers_outside(&self) -> bool {
        self.teams.iter().any(|team| team.audience == Audience::Outside)
    }

    /// Whether some rule asks what is known of tickets.
    #[must_use]
    pub fn ask_of_tickets(&self) -> bool {
        self.ask_of_tickets
    }

    fn at(&self, (team, rule): Place) -> (&Team, &Rule) {
        let team = &*self.teams[team as usize];
        match (rule, &team.addressed) {
            (IMPLIED, Some(implied)) => (team, implied),
            (rule, _) => (team, &team.rules[rule as usize]),
        }
    }
}

impl Starts {
    fn add(&mut self, anchors: Vec<Anchor>, (rule, place): (&Rule, Place)) {
        self.kinds = self.kinds.iter().chain(rule.on.kinds.iter()).collect();
        for anchor in anchors {
            let wanted = match anchor {
                Anchor::Exactly(text) => self.exactly.entry(text).or_default(),
                Anchor::From(text) => {
                    self.lengths.insert(text.len());
                    self.from.entry(text).or_default()
                }
            };
            wanted.add(rule, place);
        }
    }

    fn sort(&mut self) {
        self.exactly.values_mut().chain(self.from.values_mut()).for_each(Wanted::sort);
    }

    /// Whatever the value may be.
    fn all(&self, kind: EventKind, found: &mut Vec<Place>) {
        self.exactly.values().chain(self.from.values()).for_each(|wanted| wanted.look_up(kind, found));
    }

    fn look_up(&self, value: &str, kind: EventKind, found: &mut Vec<Place>) {
        let value = value.to_lowercase();
        let starts = self.lengths.iter().map_while(|length| (*length <= value.len()).then(|| value.get(..*length)));
        let from = starts.flatten().filter_map(|start| self.from.get(start));
        self.exactly.get(&value).into_iter().chain(from).for_each(|wanted| wanted.look_up(kind, found));
    }
}

impl Wanted {
    fn add(&mut self, rule: &Rule, place: Place) {
        self.kinds.extend(rule.on.kinds.iter());
        self.places.resize(self.kinds.len(), place);
    }

    fn sort(&mut self) {
        let mut pairs: Vec<_> = self.kinds.drain(..).zip(self.places.drain(..)).collect();
        pairs.sort_unstable();
        (self.kinds, self.places) = pairs.into_iter().unzip();
    }

    fn look_up(&self, kind: EventKind, found: &mut Vec<Place>) {
        let from = self.kinds.partition_point(|other| *other < kind);
        let wanted = self.kinds[from..].iter().take_while(|other| **other == kind);
        found.extend(wanted.zip(&self.places[from..]).map(|(_, place)| *place));
    }
}

/// Whether a pull request may have commits with it that it had not before.
fn brings_commits(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::PullRequestDraft
            | EventKind::PullRequestOpened
            | EventKind::PullRequestReady
            | EventKind::PullRequestReopened
            | EventKind::PullRequestPushed
            | EventKind::PullRequestMerged
    )
}

/// Whether a pull request's commits bring it about. A workflow works again for whom it failed.
fn is_brought_about(kind: EventKind) -> bool {
    matches!(kind, EventKind::WorkflowFailed | EventKind::DeploymentSucceeded | EventKind::DeploymentFailed)
}

/// Tells each rule who is in the teams that it names.
fn resolve(teams: &mut [Arc<Team>]) {
    let names_team = |rule: &Rule| {
        rule.conditions.iter().any(|condition| condition.any(true, &|c| matches!(c, Condition::AuthorTeam(_))))
    };
    if !teams.iter().any(|team| team.rules.iter().any(names_team)) {
        return;
    }
    let members: HashMap<String, Vec<String>> =
        teams.iter().map(|team| (team.name.clone(), team.members.clone())).collect();
    for team in teams.iter_mut().filter(|team| team.rules.iter().any(names_team)) {
        let conditions = Arc::make_mut(team).rules.iter_mut().flat_map(|rule| &mut rule.conditions);
        conditions.for_each(|condition| condition.resolve(&|name| members.get(name).cloned()));
    }
}

#[cfg(test)]
mod tests;
