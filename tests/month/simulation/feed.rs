//! What a bot would send that repeats each event, as most do: the same subscriptions, without rules.

use std::collections::HashSet;

use microalign::event::Source;

use super::world::company::{Company, Rule};
use super::world::traffic::{Delivery, Traffic};

/// How many messages that would be: for each team, one for each thing that happened in the repositories and projects of
/// which it asks, of the webhooks that it would need for what it asks. What two webhooks tell of counts once.
pub fn messages(company: &Company, traffic: &Traffic) -> usize {
    let mut seen = HashSet::new();
    let events = traffic.deliveries.iter().filter(|delivery| seen.insert(&delivery.fact.occurrence));
    let readers = |delivery: &Delivery| {
        let asks = |rule: &Rule| rule.of.contains(&delivery.fact.scope) && rule.webhooks.contains(&webhook(delivery));
        company.teams.iter().filter(|team| team.rules.iter().any(asks)).count()
    };
    events.map(readers).sum()
}

/// What a subscription calls it: GitHub's name of the event; an issue or a comment of Jira's.
fn webhook(delivery: &Delivery) -> &'static str {
    let is_comment = delivery.fact.occurrence.starts_with("comment");
    match delivery.source {
        Source::Github => delivery.name,
        Source::Jira if is_comment => "comment",
        Source::Jira => "jira:issue",
    }
}
