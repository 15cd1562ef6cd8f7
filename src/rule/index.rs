//! Every rule in force, so arranged that an event is held against the few that can want it.
//!
//! A rule is looked up by the kind of event and by how its repositories begin, else by how its ticket keys begin. One
//! that says neither is asked about every event of its kinds. What the index leaves out, [`super::judge`] would have
//! refused; the tests hold it to that.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::condition::Condition;
use super::pattern::Anchor;
use super::{Rule, Team};
use crate::event::{Event, EventKind};

/// All teams, with their rules.
#[derive(Debug, Default)]
pub struct Rules {
    teams: Vec<Arc<Team>>,
    /// Places by the names of team and rule
    names: HashMap<String, HashMap<String, Place>>,
    kinds: HashMap<EventKind, Wanted>,
    ask_of_tickets: bool,
}

/// Where a rule is: its team's place among the teams, and its own in the team. Small, since each event looks at many.
type Place = (u32, u32);

/// The rules that want one kind of event, by their places.
#[derive(Debug, Default)]
struct Wanted {
    repositories: Starts,
    tickets: Starts,
    rest: Vec<Place>,
}

/// Rules by how a value begins.
#[derive(Debug, Default)]
struct Starts {
    exactly: HashMap<String, Vec<Place>>,
    from: HashMap<String, Vec<Place>>,
    /// The lengths that beginnings have: only these are looked up
    lengths: BTreeSet<usize>,
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
            rules.names.insert(team.name.clone(), names.collect());
            places().zip(&team.rules).for_each(|(place, rule)| rules.add(place, rule));
        }
        Self { teams, ..rules }
    }

    fn add(&mut self, place: Place, rule: &Rule) {
        self.ask_of_tickets |= rule.conditions.iter().any(Condition::asks_of_ticket);
        let repositories = rule.conditions.iter().find_map(Condition::repositories);
        let tickets = rule.conditions.iter().find_map(Condition::keys);
        for kind in rule.on.kinds.iter() {
            let wanted = self.kinds.entry(kind).or_default();
            match (&repositories, &tickets) {
                (Some(anchors), _) => wanted.repositories.add(anchors, place),
                (None, Some(anchors)) => wanted.tickets.add(anchors, place),
                (None, None) => wanted.rest.push(place),
            }
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

    /// The rules that could want an event as one of this kind, in the order of [`Self::all`].
    pub fn candidates(&self, kind: EventKind, event: &Event) -> impl Iterator<Item = (&Team, &Rule)> {
        let mut found = Vec::new();
        if let Some(wanted) = self.kinds.get(&kind) {
            found.extend_from_slice(&wanted.rest);
            wanted.repositories.look_up(&event.scope, &mut found);
            event.tickets.iter().for_each(|key| wanted.tickets.look_up(key.as_str(), &mut found));
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|place| self.at(place))
    }

    /// Whether some rule asks for a kind of event.
    #[must_use]
    pub fn want(&self, kind: EventKind) -> bool {
        self.kinds.contains_key(&kind)
    }

    /// Whether some rule asks what is known of tickets.
    #[must_use]
    pub fn ask_of_tickets(&self) -> bool {
        self.ask_of_tickets
    }

    fn at(&self, (team, rule): Place) -> (&Team, &Rule) {
        let team = &*self.teams[team as usize];
        (team, &team.rules[rule as usize])
    }
}

impl Starts {
    fn add(&mut self, anchors: &[Anchor], place: Place) {
        for anchor in anchors {
            let rules = match anchor {
                Anchor::Exactly(text) => self.exactly.entry(text.clone()).or_default(),
                Anchor::From(text) => {
                    self.lengths.insert(text.len());
                    self.from.entry(text.clone()).or_default()
                }
            };
            rules.push(place);
        }
    }

    fn look_up(&self, value: &str, found: &mut Vec<Place>) {
        let value = value.to_lowercase();
        found.extend(self.exactly.get(&value).into_iter().flatten());
        let starts = self.lengths.iter().map_while(|length| (*length <= value.len()).then(|| value.get(..*length)));
        found.extend(starts.flatten().filter_map(|start| self.from.get(start)).flatten());
    }
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
