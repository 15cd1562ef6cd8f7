//! What `[jira]` says about the API.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::file::JiraTable;
use crate::api::jira::{JiraApi, is_cloud_address};
use crate::event::TicketKey;
use crate::rule::parse_duration_up_to;
use crate::toml_file::{At, DurationText, Field, Reader, TOKEN};

const GATEWAY: &str = "https://api.atlassian.com";
const AUTH: &str = "https://auth.atlassian.com";
/// The least time from one time that Jira is asked to the next.
const SHORTEST: Duration = Duration::from_secs(10);
const NOWHERE: &str = "`base_url`, the address of Jira, is missing";

/// Reads where Jira's API is, and what microalign logs in with. The API is at `base_url`, unless there is an `api_url`.
pub(super) fn read_api(raw: JiraTable, base_url: Option<&str>, reader: &mut Reader<'_>) -> Option<JiraApi> {
    let at = At::root().key("jira");
    let (id_at, secret_at) = (at.key("client_id"), at.key("client_secret"));
    if !raw.client_id.is_absent() && raw.client_secret.is_absent() {
        reader.document.wrong(&id_at, "a service account needs its `client_secret` too", None);
    }
    if raw.client_id.is_absent() && !raw.client_secret.is_absent() {
        reader.document.wrong(&secret_at, "a service account needs its `client_id` too", None);
    }
    if raw.client_id.is_absent() {
        return by_token(raw, base_url, reader);
    }
    for (absent, key) in [(raw.user.is_absent(), "user"), (raw.token.is_absent(), "token")] {
        if !absent {
            let help = "leave out one of the two".to_owned();
            reader.document.wrong(&at.key(key), "a token and a service account exclude each other", help);
        }
    }
    if base_url.is_none() {
        reader.document.wrong(&id_at, NOWHERE, None);
    }
    let id = reader.word(raw.client_id, &id_at);
    let secret = reader.secret(raw.client_secret, &secret_at, TOKEN);
    let gateway = reader.web_address(raw.api_url, &at.key("api_url")).unwrap_or_else(|| GATEWAY.to_owned());
    let auth = reader.web_address(raw.auth_url, &at.key("auth_url")).unwrap_or_else(|| AUTH.to_owned());
    let (id, secret, site) = (id?, secret?, base_url?);
    // The addresses were checked, so only the secret can be wrong.
    let api = JiraApi::by_service(&gateway, (&id, secret.expose_secret()), (&auth, site));
    reader.parsed(api.map_err(|message| (message, None)), &secret_at)
}

fn by_token(raw: JiraTable, base_url: Option<&str>, reader: &mut Reader<'_>) -> Option<JiraApi> {
    let at = At::root().key("jira");
    let (user_at, token_at) = (at.key("user"), at.key("token"));
    let (given, nameless) = (!raw.token.is_absent(), raw.user.is_absent());
    if !nameless && !given {
        reader.document.wrong(&user_at, "an account needs its `token` too", None);
    }
    let user = reader.word(raw.user, &user_at);
    let url = reader.web_address(raw.api_url, &at.key("api_url")).or_else(|| base_url.map(str::to_owned));
    match &url {
        None if given => reader.document.wrong(&token_at, NOWHERE, None),
        // The gateway also accepts tokens of service accounts, which have no mail address.
        Some(url) if given && nameless && is_cloud_address(url) && !url.starts_with(GATEWAY) => {
            let help = "write `user = \"bot@example.com\"`: the address of the account whose API token it is";
            reader.document.wrong(&token_at, "on Jira Cloud a token needs its account", help.to_owned());
        }
        _ => {}
    }
    let token = reader.secret(raw.token, &token_at, TOKEN)?;
    // The address was checked, so only the token can be wrong.
    reader.parsed(
        JiraApi::by_token(&url?, user.as_deref(), token.expose_secret()).map_err(|message| (message, None)),
        &token_at,
    )
}

/// The fields that have a ticket's due date.
pub(super) fn read_due(field: Field<Vec<Field<String>>>, at: &At, reader: &mut Reader<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for (at, text) in reader.document.texts(field, at).unwrap_or_default() {
        let Some(name) = reader.expanded(&text, &at) else { continue };
        if name.trim().is_empty() {
            reader.document.wrong(&at, "the name is empty", "write the field's name or id".to_owned());
        }
        names.push(name.trim().to_owned());
    }
    names
}

/// How often Jira is asked; `able` says whether it can be.
pub(super) fn read_poll(
    field: Field<DurationText>,
    (jira, able): (&At, bool),
    reader: &mut Reader<'_>,
) -> Option<Duration> {
    let at = jira.key("poll");
    let DurationText(text) = reader.document.take(field, &at)?;
    if !able {
        let help = "write `token`, and on Jira Cloud `user`, or a service account's `client_id` and `client_secret`";
        reader.document.wrong(&at, "Jira can only be asked with access to its API", help.to_owned());
    }
    let every = parse_duration_up_to(&text, "1h").map_err(|(wrong, help)| (wrong, Some(help)));
    let every = reader.parsed(every, &at)?;
    if every < SHORTEST {
        let help = "write at least \"10s\"".to_owned();
        reader.document.wrong(&at, "this is too often: Jira limits how much it answers", help);
    }
    Some(every)
}

/// Reads the keys of projects.
pub(super) fn read_projects(field: Field<Vec<Field<String>>>, at: &At, reader: &mut Reader<'_>) -> Vec<String> {
    let entries = reader.document.texts(field, at).unwrap_or_default();
    entries.into_iter().filter_map(|(at, text)| read_project(&text, &at, reader)).collect()
}

fn read_project(text: &str, at: &At, reader: &mut Reader<'_>) -> Option<String> {
    let project = reader.expanded(text, at)?;
    let is_key = |text: &str| TicketKey::jira(&format!("{text}-1")).is_some_and(|key| key.project() == text);
    if is_key(&project) {
        return Some(project);
    }
    let capitals = text.to_uppercase();
    let help = if is_key(&capitals) { &capitals } else { "DATA" };
    let help = Some(format!("write what is before the number in a ticket's key, such as \"{help}\""));
    reader.parsed(Err((format!("`{text}` isn't a project key"), help)), at)
}
