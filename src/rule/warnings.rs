//! Warnings about rules that are valid: those that need the APIs of GitHub or Jira without having access, those that
//! send restricted tickets, and those that will hardly ever match.

mod unlikely;

use super::{Condition, Mention, Rule, Rules, Team};
use crate::event::{EventKind, is_field_id};

impl Rules {
    /// What the rules lack without access to GitHub's API, or to Jira's: a sentence each. `jira` is `None` if there is no Jira.
    #[must_use]
    pub fn without(&self, github: bool, jira: Option<bool>) -> Vec<String> {
        let mut missing = Vec::new();
        if !github {
            missing.push(self.named(
                asks_of_files,
                "the files that a pull request changes aren't known, so conditions on files never hold for one",
            ));
            missing.push(self.named(
                asks_of_work,
                "only the branch is known of deployments, and of workflow runs whose webhook names no pull request",
            ));
            missing.push(self.named(
                asks_of_people,
                "nobody's mail address is looked up, so only the people in `[people]` are mentioned or addressed by their login",
            ));
            let issues = self.named(asks_of_tickets, "rules know of issues only what webhooks have said so far");
            missing.push(issues.filter(|_| jira.is_none()));
            let teams = self.teams().iter().filter(|team| team.github_team.is_some());
            let teams = teams.map(|team| team.name.clone()).collect::<Vec<_>>();
            missing.push((!teams.is_empty()).then(|| {
                format!("the people in `github_team` aren't known, so only `members` count: {}", teams.join(", "))
            }));
        }
        let mut said = missing.into_iter().flatten().map(|sentence| without("GitHub", &sentence)).collect::<Vec<_>>();
        if jira == Some(false) {
            let tickets = self.named(asks_of_tickets, "rules know of tickets only what its webhooks have said so far");
            let fields = self.named(
                asks_of_named_fields,
                "its fields can only be called by their ids, such as `customfield_10012`: conditions on their names never \
                 hold",
            );
            said.extend(tickets.into_iter().chain(fields).map(|sentence| without("Jira", &sentence)));
        }
        said
    }

    /// The rules that send what not everybody may see: a sentence each, for the operator and the owner of the team
    /// file.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let restricted = self.all().filter(|(_, rule)| rule.restricted);
        let notice = |(team, rule): (&Team, &Rule)| {
            let to = rule.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let owner = team.owner.as_ref().map_or_else(String::new, |owner| format!(" ({owner} owns that file)"));
            let name = format!("{}/{}", team.name, rule.name);
            format!(
                "{name} has `restricted = true`: it sends everything about tickets with a security level to {to}{owner}"
            )
        };
        restricted.map(notice).collect()
    }

    /// A sentence with the names of the rules that it is about, if there are any.
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

fn asks_of_people(rule: &Rule) -> bool {
    let of_the_work = |mention: &Mention| !matches!(mention, Mention::Login(_));
    rule.mention.iter().any(of_the_work) || rule.to.iter().any(|to| to.login().is_some())
}

fn asks_of_named_fields(rule: &Rule) -> bool {
    rule.conditions.iter().flat_map(Condition::fields).any(|name| !is_field_id(name))
}
