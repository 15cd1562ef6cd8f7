//! Who asks, and whether they may.

use super::request::Asker;
use super::{Desk, Refusal};
use crate::api::ApiError;
use crate::channel::Person;
use crate::event::Event;
use crate::rule::Team;
use crate::store::StoreError;

/// Somebody of the workspace, who isn't a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Colleague {
    /// Their id in Slack
    pub id: String,
    /// What they are called there
    pub name: String,
    /// Their login on GitHub and their account in Jira, as far as that is known
    pub names: Vec<String>,
}

impl Colleague {
    /// Whether a team's file, or its team on GitHub, lists them.
    pub(super) fn is_member(&self, team: &Team) -> bool {
        let is = |member: &String| self.names.iter().any(|name| name.eq_ignore_ascii_case(member));
        team.members.iter().any(is)
    }

    /// Whether they wrote a note themselves.
    pub(super) fn wrote(&self, event: &Event) -> bool {
        let author = event.note.as_ref().and_then(|note| note.author.as_ref());
        author.is_some_and(|author| self.names.iter().any(|name| name.eq_ignore_ascii_case(&author.login)))
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
        if profile.is_bot {
            return no("you are an app");
        }
        if !profile.is_of(own) {
            return no("you belong to another one");
        }
        if profile.is_guest {
            return no("you are a guest");
        }
        let names = self.names_of(&by.id, profile.email.as_deref()).await?;
        let name = if profile.name.is_empty() { by.id.clone() } else { profile.name };
        Ok(Colleague { id: by.id.clone(), name, names })
    }

    /// What somebody is called on GitHub and in Jira: as the operator wrote, or as those said who were asked for a mention.
    async fn names_of(&self, slack: &str, email: Option<&str>) -> Result<Vec<String>, StoreError> {
        let is = |person: &&Person| {
            let same = |own: &lettre::Address| email.is_some_and(|email| own.to_string().eq_ignore_ascii_case(email));
            person.name("slack") == Some(slack) || person.email.as_ref().is_some_and(same)
        };
        if let Some(person) = self.people.values().find(is) {
            let jira = person.name("jira").map(str::to_owned);
            return Ok(std::iter::once(person.login.clone()).chain(jira).collect());
        }
        let contacts = self.store.contacts_in_slack(slack.to_owned(), email.map(str::to_owned)).await?;
        let names = contacts.into_iter().flat_map(|contact| {
            std::iter::once(contact.login).chain(contact.jira.and_then(|said| said.value)).collect::<Vec<_>>()
        });
        Ok(names.collect())
    }
}
