//! Slack's Web API, for what its events and other services leave out: the name of a member, and who has a mail address.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;

use http::header::RETRY_AFTER;

use super::exchange::exchange;
use super::{ApiError, ApiSettings, LONGEST_REST, REST};
use crate::template::{clean, shorten};

const PEER: &str = "Slack";
/// Slack waits three seconds for our response to an event, which needs this request.
const WITHIN: Duration = Duration::from_millis(1500);
/// A profile is far shorter.
const LONGEST: usize = 256 * 1024;

/// A client for one workspace.
#[derive(Debug)]
pub struct Slack {
    client: reqwest::Client,
    settings: ApiSettings,
}

impl Slack {
    /// A client with these settings. It sends no request yet.
    #[must_use]
    pub fn new(settings: ApiSettings, client: reqwest::Client) -> Self {
        Self { client, settings }
    }

    /// A member, by their id, which consists of letters and digits. It calls `users.info`, for which the token needs the
    /// scope `users:read` (<https://docs.slack.dev/reference/objects/user-object/>).
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn profile(&self, member: &str) -> Result<Member, ApiError> {
        let said = self.ask(&format!("/users.info?user={member}")).await?;
        let refused = said.refused("there is no such member");
        let user = said.user.filter(|_| said.ok).ok_or(refused)?;
        Ok(Member {
            guest: user.is_restricted || user.is_ultra_restricted || user.is_stranger,
            bot: user.is_bot,
            team: user.team_id.clone(),
            enterprise: user.enterprise_user.as_ref().and_then(|of| of.enterprise_id.clone()),
            name: user.name(),
        })
    }

    /// The id of the member with a mail address; `None` if there is none, or not any more. It calls `users.lookupByEmail`,
    /// for which the token needs the scope `users:read.email`
    /// (<https://docs.slack.dev/reference/methods/users.lookupByEmail/>).
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn member(&self, email: &str) -> Result<Option<String>, ApiError> {
        let email = url::form_urlencoded::byte_serialize(email.as_bytes()).collect::<String>();
        let said = self.ask(&format!("/users.lookupByEmail?email={email}")).await?;
        match (said.ok, said.error.as_deref()) {
            (true, _) => Ok(said.user.filter(|user| !user.deleted).and_then(|user| user.id)),
            (false, Some("users_not_found")) => Ok(None),
            (false, _) => Err(said.refused("it gives no reason")),
        }
    }

    async fn ask(&self, path: &str) -> Result<ResponseBody, ApiError> {
        let request = self.client.get(self.settings.at(path)).bearer_auth(self.settings.token.expose_secret());
        let answer = exchange(PEER, request, (WITHIN, LONGEST)).await?;
        if answer.status == 429 {
            let seconds = answer.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
            let wait = seconds.map_or(REST, |seconds| Duration::from_secs(seconds).min(LONGEST_REST));
            return Err(ApiError::Limited { peer: PEER, wait });
        }
        let said = serde_json::from_slice::<ResponseBody>(&answer.body)
            .map_err(|error| ApiError::Unreadable { peer: PEER, why: error.to_string() })?;
        Ok(ResponseBody { status: answer.status, ..said })
    }
}

impl ResponseBody {
    fn refused(&self, otherwise: &str) -> ApiError {
        let message = self.error.as_deref().unwrap_or(otherwise);
        ApiError::Refused { peer: PEER, status: self.status, message: shorten(&clean(message), 100) }
    }
}

#[derive(Deserialize)]
struct ResponseBody {
    /// The HTTP status
    #[serde(skip)]
    status: u16,
    ok: bool,
    error: Option<String>,
    user: Option<User>,
}

/// <https://docs.slack.dev/reference/methods/users.info/>
#[derive(Deserialize)]
struct User {
    id: Option<String>,
    #[serde(default)]
    deleted: bool,
    name: Option<String>,
    real_name: Option<String>,
    #[serde(default)]
    profile: Profile,
    team_id: Option<String>,
    enterprise_user: Option<EnterpriseUser>,
    #[serde(default)]
    is_bot: bool,
    /// A guest in several channels
    #[serde(default)]
    is_restricted: bool,
    /// A guest in one channel
    #[serde(default)]
    is_ultra_restricted: bool,
    /// Somebody of another company in a shared channel
    #[serde(default)]
    is_stranger: bool,
}

#[derive(Deserialize)]
struct EnterpriseUser {
    enterprise_id: Option<String>,
}

/// What a workspace says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What they are called, if anything
    pub name: Option<String>,
    /// A guest, or somebody from elsewhere
    pub guest: bool,
    /// A program
    pub bot: bool,
    /// Their workspace
    pub team: Option<String>,
    /// The organisation that they belong to
    pub enterprise: Option<String>,
}

#[derive(Default, Deserialize)]
struct Profile {
    display_name: Option<String>,
    real_name: Option<String>,
}

impl User {
    /// The member's profile.
    fn name(self) -> Option<String> {
        let names = [self.profile.display_name, self.profile.real_name, self.real_name, self.name];
        names.into_iter().flatten().map(|name| clean(&name)).find(|name| !name.is_empty())
    }
}
