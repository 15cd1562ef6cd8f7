//! Finds rules that still use an old name of something that was renamed.

use super::condition::Condition;
use super::{Rule, Team};
use crate::event::{About, Event, Source, SubjectKey, Thing, ThingKind};

/// Something that rules can name, and that was renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renaming {
    /// What it is
    pub what: Nameable,
    /// The old name, as rules write it
    pub from: String,
    /// The new one
    pub to: String,
    /// Whether the names are public
    pub public: bool,
    /// Whether it is the first of its kind: if many tickets move from one project to another, a pattern for the project
    /// is mentioned only once
    pub first: bool,
}

/// What rules can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nameable {
    /// A repository
    Repository,
    /// The default branch of this repository
    Branch(String),
    /// A ticket
    Ticket,
}

/// An entry in a rule's lists that matches the old name but not the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated<'a> {
    /// The rule
    pub rule: &'a str,
    /// The condition
    pub key: &'static str,
    /// The entry as written
    pub entry: &'a str,
}

impl Renaming {
    /// The renaming that an event reports, if rules can name such a thing.
    #[must_use]
    pub fn of(event: &Event, first: bool) -> Option<Self> {
        let renamed = event.renamed.as_ref()?;
        let (from, to) = (renamed.from.bare().to_owned(), renamed.to.bare().to_owned());
        let public = event.private == Some(false);
        let (what, from, to) = match &event.about {
            About::Thing(Thing { kind: ThingKind::Repository, .. }) => (Nameable::Repository, from, to),
            About::Thing(Thing { kind: ThingKind::Branch, .. }) => {
                let branch = |key: &SubjectKey| key.as_branch().map(str::to_owned);
                (Nameable::Branch(event.scope.clone()), branch(&renamed.from)?, branch(&renamed.to)?)
            }
            About::Ticket(_) if event.source == Source::Jira => (Nameable::Ticket, from, to),
            About::Issue(_) => (Nameable::Ticket, from, to),
            _ => return None,
        };
        // One issue that is transferred says nothing about the others of its repository.
        let first = first && !matches!(event.about, About::Issue(_));
        (from != to).then_some(Self { what, from, to, public, first })
    }

    /// The entries of a team's rules that it makes outdated.
    #[must_use]
    pub fn outdates<'a>(&self, team: &'a Team) -> Vec<Outdated<'a>> {
        let mut found = Vec::new();
        for rule in team.rules.iter().filter(|rule| self.concerns(rule)) {
            self.collect(&rule.name, &rule.conditions, &mut found);
        }
        found
    }

    /// Whether the owner of a team file may learn these names.
    #[must_use]
    pub fn may_be_named_to(&self, team: &Team) -> bool {
        self.public || team.is_trusted_inside()
    }

    /// A branch doesn't concern a rule for other repositories.
    fn concerns(&self, rule: &Rule) -> bool {
        let Nameable::Branch(repository) = &self.what else { return true };
        rule.conditions.iter().all(|condition| match condition {
            Condition::Repo(list) => list.test(&[repository]).is_ok(),
            _ => true,
        })
    }

    fn collect<'a>(&self, rule: &'a str, conditions: &'a [Condition], found: &mut Vec<Outdated<'a>>) {
        for condition in conditions {
            let list = match (condition, &self.what) {
                (Condition::All(groups) | Condition::Any(groups), _) => {
                    groups.iter().for_each(|group| self.collect(rule, group, found));
                    continue;
                }
                (Condition::Not(conditions), _) => {
                    self.collect(rule, conditions, found);
                    continue;
                }
                (Condition::Repo(list), Nameable::Repository)
                | (Condition::Base(list) | Condition::Branch(list), Nameable::Branch(_))
                | (Condition::Ticket(list) | Condition::Parent(list), Nameable::Ticket | Nameable::Repository) => list,
                _ => continue,
            };
            let entry = match (condition, &self.what) {
                (Condition::Ticket(list) | Condition::Parent(list), Nameable::Repository) => list.issue_of(&self.from),
                _ => list.outdated(&self.from, &self.to, self.first),
            };
            let Some(entry) = entry else { continue };
            let outdated = Outdated { rule, key: condition.key(), entry };
            if !found.contains(&outdated) {
                found.push(outdated);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use crate::rule::pattern::{Pattern, Patterns, Syntax};

    fn outdated(entries: &[&str], (old, new): (&str, &str), first: bool) -> Option<String> {
        let syntax = Syntax { separated: true, caseless: true };
        let list = Patterns::new(entries.iter().map(|entry| Pattern::new(entry, syntax).unwrap()).collect());
        list.outdated(old, new, first).map(str::to_owned)
    }

    #[test]
    fn a_list_is_outdated_where_the_new_name_makes_a_difference() {
        let renamed = ("acme/old", "acme/new");
        for (entries, entry) in [
            (&["acme/old"][..], Some("acme/old")),
            (&["Acme/Old"], Some("Acme/Old")),
            (&["acme/ol*"], Some("acme/ol*")),
            (&["acme/web", "acme/old"], Some("acme/old")),
            (&["acme/*", "!acme/old"], Some("!acme/old")),
            (&["acme/*"], None),
            (&["acme/old", "acme/new"], None),
            (&["acme/old", "acme/*"], None),
            (&["acme/new"], None),
            (&["acme/older"], None),
        ] {
            assert_eq!(outdated(entries, renamed, true).as_deref(), entry, "{entries:?}");
        }
    }

    #[test]
    fn issues_have_the_names_of_their_repositories() {
        let syntax = Syntax { separated: false, caseless: true };
        for (entry, found) in [("acme/old#*", true), ("!Acme/Old#7", true), ("acme/older#7", false), ("DATA-*", false)]
        {
            let list = Patterns::new(vec![Pattern::new(entry, syntax).unwrap()]);
            assert_eq!(list.issue_of("acme/old"), found.then_some(entry), "{entry}");
        }
        let moved = ("acme/old#7", "acme/new#3");
        assert_eq!(outdated(&["acme/old#*"], moved, false), None);
        assert_eq!(outdated(&["acme/old#7"], moved, false).as_deref(), Some("acme/old#7"));
    }

    #[test]
    fn of_many_that_go_one_way_a_pattern_is_mentioned_once() {
        let moved = ("DATA-7", "CORE-9");
        assert_eq!(outdated(&["DATA-*"], moved, true).as_deref(), Some("DATA-*"));
        assert_eq!(outdated(&["DATA-*"], moved, false), None);
        assert_eq!(outdated(&["DATA-*", "DATA-7"], moved, false).as_deref(), Some("DATA-7"));
    }
}
