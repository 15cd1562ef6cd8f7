//! What rules ask that only the APIs of GitHub and Jira know, for those who give no access to them; and what a rule as it
//! is written will hardly hear.

mod unlikely;

use super::{Condition, Rule, Rules, Team};
use crate::event::EventKind;

impl Rules {
    /// What the rules do without when there is no access to GitHub's API, or to Jira's: a sentence each.
    #[must_use]
    pub fn without(&self, github: bool, jira: bool) -> Vec<String> {
        let mut missing = Vec::new();
        if !github {
            missing.push(self.named(
                asks_of_files,
                "which files a pull request changes is not known, so no pull request has the files that they ask for",
            ));
            missing.push(self.named(asks_of_work, "of a deployment, and of a workflow's run whose webhook names no pull request, they know only the branch"));
            let teams = self.teams().iter().filter(|team| team.github_team.is_some());
            let teams = teams.map(|team| team.name.clone()).collect::<Vec<_>>();
            missing.push((!teams.is_empty()).then(|| {
                format!("who is in `github_team` is not known, so only `members` are members: {}", teams.join(", "))
            }));
        }
        let mut said = missing.into_iter().flatten().map(|sentence| without("GitHub", &sentence)).collect::<Vec<_>>();
        if !jira {
            let tickets = self.named(asks_of_tickets, "of tickets they know what its webhooks told so far");
            said.extend(tickets.map(|sentence| without("Jira", &sentence)));
        }
        said
    }

    /// What rules tell that not everybody may see: a sentence each, for the operator and the owner of the team file.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let restricted = self.all().filter(|(_, rule)| rule.restricted);
        let notice = |(team, rule): (&Team, &Rule)| {
            let to = rule.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let owner =
                team.owner.as_ref().map_or_else(String::new, |owner| format!(" ({owner} answers for that file)"));
            let name = format!("{}/{}", team.name, rule.name);
            format!("{name} has `restricted = true`: it tells tickets with a security level in full, to {to}{owner}")
        };
        restricted.map(notice).collect()
    }

    /// A sentence with the rules that it is about, if there are any.
    fn named(&self, is: fn(&Rule) -> bool, sentence: &str) -> Option<String> {
        let name = |(team, rule): (&Team, &Rule)| format!("{}/{}", team.name, rule.name);
        let rules = self.all().filter(|(_, rule)| is(rule)).map(name).collect::<Vec<_>>();
        (!rules.is_empty()).then(|| format!("{sentence}: {}", rules.join(", ")))
    }
}

fn without(api: &str, sentence: &str) -> String {
    format!("without access to {api}'s API, {sentence}")
}

fn family(kind: EventKind) -> &'static str {
    kind.as_str().split('.').next().unwrap_or_default()
}

fn wants(rule: &Rule, families: &[&str]) -> bool {
    rule.on.kinds.iter().any(|kind| families.contains(&family(kind)))
}

fn asks_of_files(rule: &Rule) -> bool {
    wants(rule, &["pull_request"]) && rule.conditions.iter().any(Condition::asks_of_files)
}

fn asks_of_work(rule: &Rule) -> bool {
    wants(rule, &["workflow", "deployment"]) && rule.conditions.iter().any(Condition::asks_of_work)
}

fn asks_of_tickets(rule: &Rule) -> bool {
    wants(rule, &["pull_request", "issue", "workflow", "deployment", "note"])
        && rule.conditions.iter().any(Condition::asks_of_ticket)
}
