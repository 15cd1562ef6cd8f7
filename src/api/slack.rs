//! Slack's Web API, for what its events and other services leave out: who a member is, and who has a mail address. And what
//! answers somebody who pressed a button: a form, or a message that only they see.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

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
    /// The workspace that the token is for
    workspace: OnceCell<Workspace>,
}

/// The workspace that our token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its id
    pub team: String,
    /// The id of the organization that it belongs to, if it belongs to one
    pub enterprise: Option<String>,
}

/// Somebody who does something in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What they are called
    pub name: String,
    /// Their mail address, if the token may see it
    pub email: Option<String>,
    /// Their own workspace, and its organization
    pub team: Option<String>,
    /// As above
    pub enterprise: Option<String>,
    /// It is a program
    pub is_bot: bool,
    /// They may see only the channels that they were invited to
    pub is_guest: bool,
}

/// What somebody is to a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Somebody who belongs there
    Colleague,
    /// They may see only the channels that they were invited to
    Guest,
    /// Somebody of another company, with which channels are shared
    Stranger,
    /// No person
    Program,
}

impl Profile {
    /// What they are to this workspace. The workspaces of one organization belong together. What Slack leaves out counts against
    /// them.
    #[must_use]
    pub fn standing(&self, own: &Workspace) -> Standing {
        let same = |theirs: &Option<String>, ours: Option<&String>| theirs.is_some() && theirs.as_ref() == ours;
        let belongs = same(&self.team, Some(&own.team)) || same(&self.enterprise, own.enterprise.as_ref());
        match () {
            () if self.is_bot => Standing::Program,
            () if !belongs => Standing::Stranger,
            () if self.is_guest => Standing::Guest,
            () => Standing::Colleague,
        }
    }
}

impl Slack {
    /// A client with these settings. It sends no request yet.
    #[must_use]
    pub fn new(settings: ApiSettings, client: reqwest::Client) -> Self {
        Self { client, settings, workspace: OnceCell::new() }
    }

    /// The workspace that the token is for. It calls `auth.test` once.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn workspace(&self) -> Result<&Workspace, ApiError> {
        let ask = || async {
            let said = self.ask(self.get("/auth.test")).await?;
            let refused = said.refused("the token has no workspace");
            let workspace = |team| Workspace { team, enterprise: said.enterprise_id };
            said.team_id.filter(|_| said.ok).map(workspace).ok_or(refused)
        };
        self.workspace.get_or_try_init(ask).await
    }

    /// Somebody, by their id, which consists of letters and digits. It calls `users.info`, for which the token needs the scope
    /// `users:read`; with `users:read.email` it says their address too.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn profile(&self, member: &str) -> Result<Profile, ApiError> {
        self.profile_within(member, WITHIN).await
    }

    /// As above, for whom longer is waited.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn profile_within(&self, member: &str, within: Duration) -> Result<Profile, ApiError> {
        let said = self.ask_within(self.get(&format!("/users.info?user={member}")), within).await?;
        let refused = said.refused("there is no such member");
        said.user.filter(|user| said.ok && !user.deleted).map(User::into_profile).ok_or(refused)
    }

    /// Opens a form for somebody who pressed a button within the last three seconds (`views.open`).
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn open_view(&self, trigger: &str, view: &Value) -> Result<(), ApiError> {
        let body = json!({ "trigger_id": trigger, "view": view });
        let said = self.ask(self.client.post(self.settings.at("/views.open")).json(&body)).await?;
        if said.ok { Ok(()) } else { Err(said.refused("it gives no reason")) }
    }

    /// Reads the address at which Slack takes a later answer. Only Slack's own is good, beside that of the Web API, which the
    /// operator can set: a request must not make us call any other.
    #[must_use]
    pub fn response_url(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let api = &self.settings.url;
        let host = url.host_str().unwrap_or_default();
        let hooks = host == "hooks.slack.com" || api.host_str().is_some_and(|api| host == format!("hooks.{api}"));
        let is_slack = hooks && url.scheme() == "https" && url.port().is_none();
        (is_slack || url.origin() == api.origin()).then_some(url)
    }

    /// Says something at such an address. It is a secret of its own, so the token isn't sent there.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn respond(&self, url: Url, body: &Value) -> Result<(), ApiError> {
        let answer = exchange(PEER, self.client.post(url).json(body), (WITHIN, LONGEST)).await?;
        match answer.status {
            200..=299 => Ok(()),
            status => Err(ApiError::Refused { peer: PEER, status, message: "it did not take our answer".to_owned() }),
        }
    }

    /// The id of the member with a mail address; `None` if there is none, or not any more. It calls `users.lookupByEmail`,
    /// for which the token needs the scope `users:read.email`
    /// (<https://docs.slack.dev/reference/methods/users.lookupByEmail/>).
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn member(&self, email: &str) -> Result<Option<String>, ApiError> {
        let email = url::form_urlencoded::byte_serialize(email.as_bytes()).collect::<String>();
        let said = self.ask(self.get(&format!("/users.lookupByEmail?email={email}"))).await?;
        match (said.ok, said.error.as_deref()) {
            (true, _) => Ok(said.user.filter(|user| !user.deleted).and_then(|user| user.id)),
            (false, Some("users_not_found")) => Ok(None),
            (false, _) => Err(said.refused("it gives no reason")),
        }
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.settings.at(path))
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<ResponseBody, ApiError> {
        self.ask_within(request, WITHIN).await
    }

    async fn ask_within(&self, request: reqwest::RequestBuilder, within: Duration) -> Result<ResponseBody, ApiError> {
        let request = request.bearer_auth(self.settings.token.expose_secret());
        let answer = exchange(PEER, request, (within, LONGEST)).await?;
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
    /// Of `auth.test`, likewise
    team_id: Option<String>,
    enterprise_id: Option<String>,
}

/// <https://docs.slack.dev/reference/methods/users.info/>
#[derive(Deserialize)]
struct User {
    id: Option<String>,
    #[serde(default)]
    deleted: bool,
    name: Option<String>,
    real_name: Option<String>,
    team_id: Option<String>,
    enterprise_user: Option<EnterpriseUser>,
    #[serde(default)]
    is_bot: bool,
    #[serde(default)]
    is_restricted: bool,
    #[serde(default)]
    is_ultra_restricted: bool,
    /// Somebody of another company in a shared channel
    #[serde(default)]
    is_stranger: bool,
    #[serde(default)]
    profile: ProfileFields,
}

#[derive(Default, Deserialize)]
struct ProfileFields {
    display_name: Option<String>,
    real_name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct EnterpriseUser {
    enterprise_id: Option<String>,
}

/// Slack's own program is described as a person.
const SLACKBOT: &str = "USLACKBOT";

impl User {
    fn into_profile(self) -> Profile {
        Profile {
            team: self.team_id.clone(),
            enterprise: self.enterprise_user.as_ref().and_then(|user| user.enterprise_id.clone()),
            is_bot: self.is_bot || self.id.as_deref() == Some(SLACKBOT),
            is_guest: self.is_restricted || self.is_ultra_restricted || self.is_stranger,
            email: self.profile.email.clone(),
            name: self.name().unwrap_or_default(),
        }
    }

    /// What they are called.
    fn name(self) -> Option<String> {
        let names = [self.profile.display_name, self.profile.real_name, self.real_name, self.name];
        names.into_iter().flatten().map(|name| clean(&name)).find(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn only_slack_gets_our_answers() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let slack = |api: &str| Slack::new(ApiSettings::new(api, None, "xoxb-1").unwrap(), reqwest::Client::new());
        let (usual, government) = (slack("https://slack.com/api"), slack("https://slack-gov.com/api"));
        let test = slack("http://127.0.0.1:4000/api");
        for (url, expected) in [
            ("https://hooks.slack.com/commands/T1/2/x", [true, true, true]),
            ("https://hooks.slack-gov.com/actions/T1/2/x", [false, true, false]),
            ("http://127.0.0.1:4000/answer", [false, false, true]),
            ("http://127.0.0.1:4001/answer", [false, false, false]),
            ("http://hooks.slack.com/commands/T1/2/x", [false, false, false]),
            ("https://hooks.slack.com:8443/x", [false, false, false]),
            ("https://hooks.slack.com.evil.example/x", [false, false, false]),
            ("https://evil.example/hooks.slack.com", [false, false, false]),
            ("https://hooks.slack.com@evil.example/x", [false, false, false]),
            ("file:///etc/passwd", [false, false, false]),
            ("", [false, false, false]),
        ] {
            assert_eq!([&usual, &government, &test].map(|slack| slack.response_url(url).is_some()), expected, "{url}");
        }
    }

    #[test]
    fn who_belongs_to_a_workspace() {
        let own = Workspace { team: "T1".to_owned(), enterprise: Some("E1".to_owned()) };
        let alone = Workspace { enterprise: None, ..own.clone() };
        let of = |team: Option<&str>, enterprise: Option<&str>, more: &str| {
            let mut user = json!({ "team_id": team, "enterprise_user": { "enterprise_id": enterprise }, "name": "bo" });
            user[more] = json!(true);
            serde_json::from_value::<User>(user).unwrap().into_profile()
        };
        use Standing::{Colleague, Guest, Program, Stranger};
        for (team, enterprise, more, expected) in [
            (Some("T1"), None, "", [Colleague, Colleague]),
            (Some("T2"), None, "", [Stranger, Stranger]),
            (Some("T2"), Some("E1"), "", [Colleague, Stranger]),
            (Some("T2"), Some("E2"), "", [Stranger, Stranger]),
            (None, None, "", [Stranger, Stranger]),
            (Some("T1"), None, "is_restricted", [Guest, Guest]),
            (Some("T1"), None, "is_ultra_restricted", [Guest, Guest]),
            (Some("T1"), None, "is_stranger", [Guest, Guest]),
            (Some("T2"), None, "is_bot", [Program, Program]),
        ] {
            let profile = of(team, enterprise, more);
            assert_eq!([&own, &alone].map(|own| profile.standing(own)), expected, "{team:?} {enterprise:?} {more}");
        }
    }
}
