//! The team of a channel.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::asker::unsaid;
use super::request::Channel;
use super::{Desk, Refusal};
use crate::compose::Rulebook;
use crate::destination::Destination;
use crate::plan;
use crate::rule::{SUMMARY, Team};

/// A channel, as a team's.
#[derive(Debug, Clone)]
pub(super) struct Here {
    /// The team
    pub team: Arc<Team>,
    /// What its file calls the channel first
    pub name: Destination,
    /// All that its file calls the channel; usually that one name
    pub to: Vec<Destination>,
}

impl Here {
    /// The names of the rules that send here, also of those that are in no file, each with what it calls the channel.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&str, &Destination)> {
        let team = &self.team;
        let rules = team.rules.iter().chain(&team.addressed).map(|rule| (rule.name.as_str(), &rule.to));
        let rules = rules.chain(team.summary.iter().map(|summary| (SUMMARY, &summary.to)));
        rules.filter_map(|(name, to)| self.to.iter().find(|here| to.contains(here)).map(|here| (name, here)))
    }
}

impl Desk {
    /// Which team a channel belongs to: the one whose messages go there. If several do, `named` says which.
    pub(super) async fn here(
        &self,
        rulebook: &Rulebook,
        channel: &Channel,
        named: Option<&str>,
    ) -> Result<Here, Refusal> {
        let all = self.names_of_channel(channel).await?;
        let of = |team: &Arc<Team>| {
            let to = team.rules.iter().chain(&team.addressed).flat_map(plan::destinations).collect::<BTreeSet<_>>();
            let to = to.into_iter().filter(|to| all.contains(&to.to_string().to_lowercase())).collect::<Vec<_>>();
            Some(Here { team: Arc::clone(team), name: to.first()?.clone(), to })
        };
        let mut teams = rulebook.rules().teams().iter().filter_map(of).collect::<Vec<_>>();
        if let Some(named) = named
            && let Some(at) = teams.iter().position(|here| here.team.is_called(named))
        {
            return Ok(teams.swap_remove(at));
        }
        let names = teams.iter().map(|here| format!("`for {}`", here.team.name)).collect::<Vec<_>>().join(" or ");
        let id = &channel.id;
        let hint = format!("A team's file can name it: `to = [\"slack:{id}\"]`.");
        Err(match (teams.len(), named) {
            (1, None) => return Ok(teams.remove(0)),
            (0, None) => Refusal::Said(format!("No team's messages go to this channel. {hint}")),
            (_, None) => Refusal::Said(format!("Messages of several teams go to this channel: add {names}.")),
            (_, Some(named)) => Refusal::Said(format!("No messages of a team `{named}` go to this channel. {hint}")),
        })
    }

    /// What destinations may call a channel, in small letters. A private one is known by what was sent there, and so is one of
    /// another workspace, where a channel of ours may have the same name.
    async fn names_of_channel(&self, channel: &Channel) -> Result<BTreeSet<String>, Refusal> {
        let mut names = BTreeSet::from([format!("slack:{}", channel.id)]);
        let own = &self.api.workspace().await.map_err(unsaid)?.team;
        match channel.name.as_ref().filter(|_| channel.workspace.as_ref() == Some(own)) {
            Some(name) => drop(names.insert(format!("slack:#{name}"))),
            None => names.extend(self.store.conversations_at("slack", &channel.id).await?),
        }
        Ok(names.into_iter().map(|name| name.to_lowercase()).collect())
    }
}
