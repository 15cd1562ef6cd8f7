//! The members of a team in an organisation.

use serde::Deserialize;

use super::{Github, Login};
use crate::api::ApiError;

impl Github {
    /// The logins of a team's members, and of those of the teams below it; `team` is `organisation/team`
    /// (<https://docs.github.com/rest/teams/members#list-team-members>).
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn team_members(&self, team: &str) -> Result<Vec<String>, ApiError> {
        #[derive(Deserialize)]
        struct Member {
            login: String,
        }
        let (organisation, slug) = team.split_once('/').unwrap_or((team, ""));
        let route = format!("/orgs/{organisation}/teams/{slug}/members");
        let members: Vec<Member> = self.list(Login::Owner(organisation), &route).await?;
        Ok(members.into_iter().map(|member| member.login).collect())
    }
}
