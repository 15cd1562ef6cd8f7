//! Who asks, and whether they may.

use super::request::Asker;
use super::{Desk, Refusal};
use crate::api::ApiError;
use crate::api::slack::Standing;
use crate::event::Event;
use crate::people::{Account, Names};
use crate::rule::Team;

/// Somebody of the workspace, who isn't a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Colleague {
    /// Their id in Slack
    pub id: String,
    /// What they are called there
    pub name: String,
    /// What they are called on GitHub and in Jira
    pub names: Names,
}

impl Colleague {
    /// Whether a team's file, or its team on GitHub, lists them.
    pub(super) fn is_member(&self, team: &Team) -> bool {
        self.names.are_in(&team.members)
    }

    /// Whether they wrote a note themselves.
    pub(super) fn wrote(&self, event: &Event) -> bool {
        self.names.wrote(event)
    }
}

impl Desk {
    /// Finds out who somebody is. Programs, guests and the people of other companies, with which channels are shared, may do
    /// nothing: Slack's signature says only that Slack has asked.
    pub(super) async fn colleague(&self, by: &Asker) -> Result<Colleague, Refusal> {
        let (own, profile) = tokio::join!(self.api.workspace(), self.api.profile(&by.id));
        let unknown = |error: ApiError| {
            tracing::warn!(%error, "cannot see who somebody in Slack is");
            let scope = "the bot needs the scope `users:read`";
            Refusal::Said(format!(
                "Slack doesn't say who you are, so nothing was done ({scope}). Try again in a moment."
            ))
        };
        let (own, profile) = (own.map_err(unknown)?, profile.map_err(unknown)?);
        let no = |they: &str| Err(Refusal::Said(format!("Only members of this workspace can do that: {they}.")));
        match profile.standing(own) {
            Standing::Colleague => {}
            Standing::Program => return no("you are an app"),
            Standing::Stranger => return no("you belong to another one"),
            Standing::Guest => return no("you are a guest"),
        }
        let account = Account { slack: Some(&by.id), email: profile.email.as_deref() };
        let names = Names::of(account, &self.people, &self.store).await?;
        let name = if profile.name.is_empty() { by.id.clone() } else { profile.name };
        Ok(Colleague { id: by.id.clone(), name, names })
    }
}
