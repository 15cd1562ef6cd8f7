//! All rules in force, indexed so that an event is compared only with the few rules that can match it.
//!
//! A rule is looked up by the beginning of its repositories, or else of its ticket keys, and then by the kind of event.
//! A rule with neither is evaluated for every event of its kinds. The index leaves out only rules that
//! [`super::evaluate`] would refuse; the tests check that.
//!
//! With many rules, waiting for memory is most of the cost, so everything that one value leads to is stored together.

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
    /// The kinds that any rule wants
    kinds: Kinds,
    repositories: Starts,
    tickets: Starts,
    rest: Wanted,
    ask_of_tickets: bool,
}

/// The place of [`Team::addressed`] in its team.
const IMPLIED: u32 = u32::MAX;

/// Where a rule is: the index of its team, and its own index in the team. It is small, since each event looks at many
/// of them.
type Place = (u32, u32);

/// Rules by how a value begins.
#[derive(Debug, Default)]
struct Starts {
    exactly: HashMap<String, Wanted>,
    from: HashMap<String, Wanted>,
    /// The lengths of all beginnings, since only these are looked up
    lengths: BTreeSet<usize>,
    /// The kinds that any of them wants
    kinds: Kinds,
}

/// Sorted pairs of a kind and the place of a rule that wants it.
#[derive(Debug, Default)]
struct Wanted {
    kinds: Vec<EventKind>,
    places: Vec<Place>,
}

/// What rules ask about an event that its payload may not contain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asks {
    /// The files that are changed
    pub files: bool,
    /// Who owns them
    pub owners: bool,
    /// Which of them are generated
    pub generated: bool,
    /// The ticket keys in commit messages, if there are no others of Jira's
    pub keys: bool,
    /// The notes in commit messages
    pub notes: bool,
    /// The pull request behind it
    pub pull_request: bool,
    /// What is known of its tickets, for conditions and messages
    pub ticket: bool,
}

impl Asks {
    /// Whether GitHub's API can tell more about it, or about the pull request behind it.
    #[must_use]
    pub fn of_github(self) -> bool {
        self.files || self.owners || self.generated || self.keys || self.notes
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

    /// The teams that a note names, with the rules by which they get it, whatever other teams ask for: each team's
    /// rules that match it anyway, or else [`Team::addressed`]. `None` if it names no existing team.
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

    /// The rules that could match an event as this kind, in the order of [`Self::all`].
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

    /// What the rules that could match an event ask beyond its payload. A pull request's event may lead to any of its
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
            asks.keys |= is_pull_request && event.is_without_key() && self.could_want(kind, event);
            for (_, rule) in self.candidates(kind, event) {
                asks.files |= rule.conditions.iter().any(Condition::asks_of_files);
                asks.owners |= rule.conditions.iter().any(Condition::asks_of_owners);
                asks.generated |= rule.conditions.iter().any(Condition::asks_of_generated);
                asks.ticket = true;
            }
        }
        asks
    }

    /// Whether a rule could match an event as this kind if it belonged to other tickets than it names.
    fn could_want(&self, kind: EventKind, event: &Event) -> bool {
        self.tickets.kinds.contains(kind) || self.candidates(kind, event).next().is_some()
    }

    /// Whether any rule asks for a kind of event.
    #[must_use]
    pub fn want(&self, kind: EventKind) -> bool {
        self.kinds.contains(kind)
    }

    /// Whether any team has readers who may not see private repositories.
    #[must_use]
    pub fn have_readers_outside(&self) -> bool {
        self.teams.iter().any(|team| team.audience == Audience::Outside)
    }

    /// The fields of a site's own that rules ask for, as written.
    #[must_use]
    pub fn fields(&self) -> BTreeSet<String> {
        let conditions = self.all().flat_map(|(_, rule)| &rule.conditions);
        conditions.flat_map(Condition::fields).map(str::to_owned).collect()
    }

    /// Whether any rule asks for epics or sprints.
    #[must_use]
    pub fn ask_of_plans(&self) -> bool {
        self.all().any(|(_, rule)| rule.conditions.iter().any(Condition::asks_of_plan))
    }

    /// Whether any rule asks about tickets themselves.
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

    /// For any value.
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

/// Whether a pull request may have new commits after this kind of event.
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

/// Whether the commits of a pull request lead to such an event. A recovered workflow concerns those for whom it failed.
fn is_brought_about(kind: EventKind) -> bool {
    matches!(kind, EventKind::WorkflowFailed | EventKind::DeploymentSucceeded | EventKind::DeploymentFailed)
}

/// Gives each rule the members of the teams that it names.
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
