//! Rules that are valid but will hardly ever match, since a machine does what they expect people to do.

use super::{family, wants};
use crate::rule::matcher::{is_fact, is_of_dependencies};
use crate::rule::pattern::Patterns;
use crate::rule::{Condition, Rule, Rules};

impl Rules {
    /// The rules that will hardly ever match as they are written: a sentence each. `github` says whether there is access
    /// to GitHub's API.
    #[must_use]
    pub fn unlikely(&self, github: bool) -> Vec<String> {
        let deployments = "most deployments are made by a bot such as github-actions[bot], and only GitHub's API says whose \
                           pull request is behind one, so rules that ask for people match few";
        let warnings = [
            self.named(people_of_deployments, deployments).filter(|_| !github),
            self.named(
                people_of_releases,
                "most releases are published by a bot such as github-actions[bot], so rules that ask for people match few",
            ),
            self.named(
                dependencies,
                "pull requests in which a bot updates dependencies are news only to a rule with `bots = true`, or whose \
                 `author` names the bot",
            ),
            self.named(
                bots_by_pattern,
                "what a bot says or opens is news only if `author` or `actor` names it in full, or with `bots = true`: a \
                 pattern isn't enough",
            ),
            self.named(
                bots_without_brackets,
                "the logins of GitHub's bots end in `[bot]`, as in `renovate[bot]`: without that, an entry matches nobody",
            ),
            self.named(queues, "the temporary branches of a merge queue aren't news"),
        ];
        warnings.into_iter().flatten().collect()
    }
}

/// The conditions that must hold for a rule to match.
fn needed(conditions: &[Condition]) -> Vec<&Condition> {
    let deeper = |condition: &Condition| matches!(condition, Condition::All(_));
    let (all, own): (Vec<_>, Vec<_>) = conditions.iter().partition(|condition| deeper(condition));
    let groups = all.into_iter().flat_map(|condition| match condition {
        Condition::All(groups) => groups.as_slice(),
        _ => &[],
    });
    own.into_iter().chain(groups.flat_map(|group| needed(group))).collect()
}

/// The entries, without those that exclude, of the lists that must hold for a rule to match and that `list` selects.
fn entries(rule: &Rule, list: fn(&Condition) -> Option<&Patterns>) -> Vec<&str> {
    needed(&rule.conditions).into_iter().filter_map(list).flat_map(Patterns::wanted).collect()
}

fn people(condition: &Condition) -> Option<&Patterns> {
    match condition {
        Condition::Author(list) | Condition::Actor(list) => Some(list),
        _ => None,
    }
}

fn teams(condition: &Condition) -> Option<&Patterns> {
    if let Condition::AuthorTeam(teams) = condition { Some(teams.list()) } else { None }
}

fn is_bot(login: &str) -> bool {
    login.to_lowercase().contains("bot")
}

fn is_exact(entry: &str) -> bool {
    !entry.contains(['*', '?', '{'])
}

/// Whether a rule is only about releases and deployments, includes this family, and expects people to be behind them.
fn asks_people(rule: &Rule, of: &str) -> bool {
    let ships = |kind| ["release", "deployment"].contains(&family(kind));
    let named = entries(rule, people);
    let people = !named.is_empty() && !named.iter().any(|name| is_bot(name) || name.starts_with('*'));
    rule.on.kinds.iter().all(ships) && wants(rule, &[of]) && (people || !entries(rule, teams).is_empty())
}

fn people_of_deployments(rule: &Rule) -> bool {
    asks_people(rule, "deployment")
}

fn people_of_releases(rule: &Rule) -> bool {
    asks_people(rule, "release")
}

/// Whether only the pull requests of dependency bots can match a rule.
fn dependencies(rule: &Rule) -> bool {
    const LABELS: [&str; 3] = ["dependencies", "dependabot", "renovate"];
    const TITLES: [&str; 6] = ["bump ", "build(deps", "chore(deps", "fix(deps", "update dependency ", "[snyk]"];
    let branches = entries(rule, |condition| match condition {
        Condition::Head(list) | Condition::Branch(list) => Some(list),
        _ => None,
    });
    let labels = entries(rule, |condition| match condition {
        Condition::Labels(list) | Condition::LabelsAll(list) => Some(list),
        _ => None,
    });
    let titles = entries(rule, |condition| if let Condition::Title(list) = condition { Some(list) } else { None });
    let all =
        |entries: &[&str], is: &dyn Fn(&str) -> bool| !entries.is_empty() && entries.iter().all(|entry| is(entry));
    let title = |entry: &str| TITLES.iter().any(|start| entry.to_lowercase().starts_with(start));
    let only = all(&branches, &is_of_dependencies)
        || all(&labels, &|entry| LABELS.contains(&entry.to_lowercase().as_str()))
        || all(&titles, &title);
    let named = entries(rule, people).into_iter().any(is_exact);
    only && !rule.bots && !named && rule.on.kinds.iter().any(|kind| !kind.is_note())
}

fn bots_by_pattern(rule: &Rule) -> bool {
    let named = entries(rule, people);
    let patterns = !named.is_empty() && named.iter().all(|name| is_bot(name) && !is_exact(name));
    patterns && !rule.bots && rule.on.kinds.iter().any(|kind| !is_fact(kind))
}

fn bots_without_brackets(rule: &Rule) -> bool {
    const BOTS: [&str; 11] = [
        "dependabot",
        "dependabot-preview",
        "renovate",
        "github-actions",
        "github-merge-queue",
        "mergify",
        "kodiakhq",
        "vercel",
        "netlify",
        "depfu",
        "greenkeeper",
    ];
    entries(rule, people).into_iter().any(|name| BOTS.contains(&name.to_lowercase().as_str()))
}

fn queues(rule: &Rule) -> bool {
    const FOLDERS: [&str; 7] = [
        "gh-readonly-queue/",
        "mergify/merge-queue/",
        "trunk-merge/",
        "trunk-temp/",
        "automation/bors/",
        "graphite-base/",
        "gtmq_",
    ];
    let branches = entries(rule, |condition| if let Condition::Branch(list) = condition { Some(list) } else { None });
    branches.into_iter().any(|entry| FOLDERS.iter().any(|folder| entry.starts_with(folder)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::destination::Available;
    use crate::rule::{Known, check};

    fn rules(rule: &str) -> Rules {
        let head = "team = \"web\"\nowner = \"bo@example.com\"\nto = [\"mailbox\"]\n[[rule]]\nname = \"r\"\n";
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        Rules::new(vec![Arc::new(check("web.toml", &format!("{head}{rule}\n"), known).unwrap())])
    }

    #[test]
    fn what_a_rule_as_it_is_written_will_hardly_hear() {
        let (deploys, releases) = ("most deployments are made", "most releases are published");
        let (raised, pattern) = ("pull requests in which a bot updates", "what a bot says or opens");
        let (brackets, queue) = ("the logins of GitHub's bots", "the temporary branches of a merge queue");
        let table: &[(&str, bool, &[&str])] = &[
            ("on = [\"deployment.*\"]\nauthor = [\"ana\"]", false, &[deploys]),
            ("on = [\"deployment.*\"]\nauthor = [\"ana\"]", true, &[]),
            ("on = [\"deployment.*\"]\nall = [{ author_team = [\"web\"] }]", false, &[deploys]),
            ("on = [\"deployment.*\"]\nauthor = [\"!li\"]", false, &[]),
            ("on = [\"deployment.*\"]\nnot = { author = [\"li\"] }", false, &[]),
            ("on = [\"deployment.*\"]\nauthor = [\"github-actions[bot]\"]", false, &[]),
            ("on = [\"deployment.*\", \"release.*\"]\nactor = [\"ana\", \"bo\"]", false, &[deploys, releases]),
            ("on = [\"release.published\"]\nactor = [\"ana\"]", true, &[releases]),
            ("on = [\"release.published\", \"pull_request.merged\"]\nauthor = [\"ana\"]", true, &[]),
            ("on = [\"pull_request.opened\"]\nhead = [\"dependabot/**\", \"renovate/*\"]", true, &[raised]),
            ("on = [\"pull_request.opened\"]\nhead = [\"dependabot/**\", \"fix/*\"]", true, &[]),
            ("on = [\"pull_request.opened\"]\nhead = [\"!dependabot/**\"]", true, &[]),
            ("on = [\"pull_request.merged\"]\ntitle = [\"Bump *\", \"chore(deps)*\"]", true, &[raised]),
            ("on = [\"pull_request.merged\"]\nlabels = [\"Dependencies\"]", true, &[raised]),
            ("on = [\"pull_request.merged\"]\nlabels = [\"dependencies\"]\nbots = true", true, &[]),
            ("on = [\"pull_request.merged\"]\nlabels = [\"dependencies\"]\nauthor = [\"renovate[bot]\"]", true, &[]),
            ("on = [\"push\"]\nbranch = [\"renovate/**\"]", true, &[raised]),
            ("on = [\"pull_request.opened\"]\nauthor = [\"*[bot]\"]", true, &[pattern]),
            ("on = [\"pull_request.opened\"]\nauthor = [\"*[bot]\"]\nbots = true", true, &[]),
            ("on = [\"release.*\"]\nauthor = [\"*[bot]\"]", true, &[]),
            ("on = [\"pull_request.opened\"]\nauthor = [\"dependabot\"]", true, &[brackets]),
            ("on = [\"push\"]\nbranch = [\"gh-readonly-queue/**\"]", true, &[queue]),
            ("on = [\"push\", \"workflow.*\"]\nbranch = [\"main\"]", false, &[]),
        ];
        for (rule, github, expected) in table {
            let warnings = rules(rule).unlikely(*github);
            let matches =
                |(warning, start): (&String, &&str)| warning.starts_with(start) && warning.ends_with(": web/r");
            assert!(
                warnings.len() == expected.len() && warnings.iter().zip(*expected).all(matches),
                "{rule} {github}: {warnings:?}"
            );
        }
    }

    #[test]
    fn who_is_told_of_restricted_tickets_is_said() {
        let told = rules("on = [\"ticket.*\"]\nrestricted = true").notices();
        let to = "to mailbox (bo@example.com owns that file)";
        assert_eq!(
            told,
            [format!("web/r has `restricted = true`: it sends everything about tickets with a security level {to}")]
        );
        assert_eq!(rules("on = [\"ticket.*\"]").notices(), [""; 0]);
    }
}
