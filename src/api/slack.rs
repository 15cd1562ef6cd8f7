//! Slack's Web API, for the one thing that its events leave out: the name of a member.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;

use super::exchange::exchange;
use super::{ApiError, ApiSettings};
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

    /// The name of a member, by their id, which consists of letters and digits. It calls `users.info`, for which the
    /// token needs the scope `users:read`.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn name(&self, member: &str) -> Result<String, ApiError> {
        let request = self.client.get(self.settings.at(&format!("/users.info?user={member}")));
        let request = request.bearer_auth(self.settings.token.expose_secret());
        let answer = exchange(PEER, request, (WITHIN, LONGEST)).await?;
        let said = serde_json::from_slice::<ResponseBody>(&answer.body)
            .map_err(|error| ApiError::Unreadable { peer: PEER, why: error.to_string() })?;
        said.user.filter(|_| said.ok).and_then(User::name).ok_or_else(|| {
            let message = said.error.unwrap_or_else(|| "the member has no name".to_owned());
            ApiError::Refused { peer: PEER, status: answer.status, message: shorten(&clean(&message), 100) }
        })
    }
}

#[derive(Deserialize)]
struct ResponseBody {
    ok: bool,
    error: Option<String>,
    user: Option<User>,
}

/// <https://docs.slack.dev/reference/methods/users.info/>
#[derive(Deserialize)]
struct User {
    name: Option<String>,
    real_name: Option<String>,
    #[serde(default)]
    profile: Profile,
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
