//! Subscriptions, as rules of their teams. Each is written as it would stand in the team's file, and checked like that.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Rulebook, rules};
use crate::destination::Available;
use crate::plan;
use crate::rule::{Known, Rule, Team, check_rule};
use crate::store::{Subscription, free_name};
use crate::toml_file::Problem;

/// Subscriptions, with the rules that come of those that are in force.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// All of them, each with why it isn't in force
    all: Vec<(Subscription, Option<String>)>,
    /// The rules of each team
    pub(super) rules: BTreeMap<String, Vec<Rule>>,
}

impl InForce {
    fn new(all: Vec<Subscription>, files: &BTreeMap<PathBuf, Arc<Team>>, known: Known<'_>) -> Self {
        let mut in_force = Self::default();
        for subscription in all {
            let team = files.values().find(|team| team.name == subscription.team);
            let rule = match team {
                Some(team) => rule(&subscription, team, known),
                None => Err(format!("there is no team `{}` any more", subscription.team)),
            };
            let why = match rule {
                Ok(rule) => {
                    in_force.rules.entry(subscription.team.clone()).or_default().push(rule);
                    None
                }
                Err(why) => Some(why),
            };
            in_force.all.push((subscription, why));
        }
        in_force
    }
}

/// The rule of a subscription, or why it isn't in force.
fn rule(subscription: &Subscription, team: &Team, known: Known<'_>) -> Result<Rule, String> {
    let Subscription { name, to, repo, on, .. } = subscription;
    let mut sent = team.rules.iter().chain(&team.addressed).flat_map(plan::destinations);
    if !sent.any(|known| known == *to) {
        return Err(format!("no rule in the file of `{}` sends to {to} any more", team.name));
    }
    let text = rule_text((name, repo, on), Some(&to.to_string()));
    let checked = check_rule(team, &text, known).map_err(|problems| sentence(&problems))?;
    Ok(Rule { name: name.clone(), ..checked })
}

/// A rule as it stands in a team's file; the name without the `@` that no name in a file begins with.
fn rule_text((name, repo, on): (&str, &str, &[String]), to: Option<&str>) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let list = |list: &[String]| toml::Value::from(list.to_vec()).to_string();
    let mut rule = format!(
        "[[rule]]\nname = {}\non = {}\nrepo = [{}]\n",
        text(name.trim_start_matches('@')),
        list(on),
        text(repo)
    );
    if let Some(to) = to {
        rule.push_str(&format!("to = [{}]\n", text(to)));
    }
    rule
}

/// What is wrong, in a sentence.
fn sentence(problems: &[Problem]) -> String {
    let told = problems.iter().map(|problem| match &problem.help {
        Some(help) => format!("{} ({help})", problem.message),
        None => problem.message.clone(),
    });
    told.collect::<Vec<_>>().join("; ")
}

impl Rulebook {
    /// These rules with subscriptions, in the place of any that it had. They stay when files are read again.
    #[must_use]
    pub fn with_subscriptions(&self, all: Vec<Subscription>, channels: &Available) -> Self {
        let mut rulebook = self.with_members((*self.members).clone());
        rulebook.subscribe(all, channels);
        rulebook
    }

    pub(super) fn subscribe(&mut self, all: Vec<Subscription>, channels: &Available) {
        let templates = self.templates.names().into_iter().map(str::to_owned).collect();
        let known = Known { templates: &templates, channels };
        self.subscribed = Arc::new(InForce::new(all, &self.files, known));
        self.rules = rules(&self.files, &self.members, &self.subscribed);
    }

    /// All subscriptions, each with why it isn't in force, if it isn't.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&Subscription, Option<&str>)> {
        self.subscribed.all.iter().map(|(subscription, why)| (subscription, why.as_deref()))
    }

    /// Checks what somebody wants to subscribe to, and writes it as a rule for its team's file, by a name that no rule there has.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn rule_for(&self, wanted: &Subscription, channels: &Available) -> Result<String, String> {
        let templates = self.templates.names().into_iter().map(str::to_owned).collect();
        let known = Known { templates: &templates, channels };
        let team = self.files().find(|(_, team)| team.name == wanted.team).map(|(_, team)| team);
        let team = team.ok_or_else(|| format!("there is no team `{}`", wanted.team))?;
        rule(wanted, team, known)?;
        let name =
            free_name(wanted.name.trim_start_matches('@'), |name| team.rules.iter().any(|rule| rule.name == name));
        let to = wanted.to.to_string();
        let to = Some(to.as_str()).filter(|_| !team.sends_only_to(&wanted.to));
        Ok(rule_text((&name, &wanted.repo, &wanted.on), to))
    }
}
