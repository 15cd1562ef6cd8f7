//! Who asks, and whether they may.

use std::time::Duration;

use super::{Desk, Refusal};
use crate::api::ApiError;
use crate::api::slack::Standing;
use crate::event::Event;
use crate::people::{Account, Names};
use crate::rule::Team;
use crate::template::shorten;

/// How long Slack has to say who somebody is, if they can be answered later; and if they can't, since Slack waits three seconds.
const LATER: Duration = Duration::from_secs(7);
/// As above
pub(super) const AT_ONCE: Duration = Duration::from_millis(1_500);
/// The most letters of a name beside which the id has to be seen.
const LONGEST_NAME: usize = 80;

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
    /// Their name with their id, as what they change is signed: everybody may choose their name, and two may choose the same.
    pub(super) fn signature(&self) -> String {
        format!("{} ({})", shorten(&self.name, LONGEST_NAME), self.id)
    }

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
    /// nothing: Slack's signature says only that Slack has asked. What comes of it can be said later.
    pub(super) async fn colleague(&self, by: &str) -> Result<Colleague, Refusal> {
        self.colleague_within(by, LATER).await
    }

    /// As above, as long as somebody waits.
    pub(super) async fn colleague_within(&self, by: &str, within: Duration) -> Result<Colleague, Refusal> {
        let (own, profile) = tokio::join!(self.api.workspace(), self.api.profile_within(by, within));
        let (own, profile) = (own.map_err(unsaid)?, profile.map_err(unsaid)?);
        let no = |they: &str| Err(Refusal::Said(format!("Only members of this workspace can do that: {they}.")));
        match profile.standing(own) {
            Standing::Colleague => {}
            Standing::Program => return no("you are an app"),
            Standing::Stranger => return no("you belong to another one"),
            Standing::Guest => return no("you are a guest"),
        }
        let account = Account { slack: Some(by), email: profile.email.as_deref() };
        let names = Names::of(account, &self.people, &self.store).await?;
        let name = if profile.name.is_empty() { by.to_owned() } else { profile.name };
        Ok(Colleague { id: by.to_owned(), name, names })
    }
}

/// Slack doesn't say who somebody is, or which workspace ours is.
pub(super) fn unsaid(error: ApiError) -> Refusal {
    tracing::warn!(%error, "cannot see who somebody in Slack is");
    Refusal::Said(match error {
        ApiError::Refused { message, .. } if message == "missing_scope" => {
            "Slack doesn't tell this app who you are, so nothing was done: the bot needs the scope `users:read`."
                .to_owned()
        }
        ApiError::Refused { message, .. } => {
            format!("Slack doesn't say who you are (`{message}`), so nothing was done.")
        }
        ApiError::Limited { wait, .. } => {
            let wait = wait.as_secs();
            format!(
                "Slack asks us to wait for {wait} s before it says who you are, so nothing was done. Try again then."
            )
        }
        _ => "Slack didn't say in time who you are, so nothing was done. Try again in a moment.".to_owned(),
    })
}
