//! Creates a webhook of a repository or an organisation with a token.

use secrecy::{ExposeSecret as _, SecretString};

use super::{Plan, ping, refused};
use crate::api::ApiError;
use crate::api::github::GithubLogin;
use crate::api::github::{Hook, HookAt};
use crate::cli::{Failure, create, fresh_secret, say};
use crate::source::{GITHUB_EVENTS, repository_events};

/// The file for a new secret, relative to the configuration's folder.
const SECRET: &str = "secrets/github";

pub(super) async fn set_up(plan: &Plan<'_>, login: GithubLogin, at: &HookAt) -> Result<(), Failure> {
    let github = plan.client(login).await?;
    let there = github.hooks(at).await.map_err(|error| told(error, at))?;
    let secret = secret(plan)?;
    let events = match at {
        HookAt::Org(_) => GITHUB_EVENTS.to_vec(),
        HookAt::Repo(_) => repository_events(),
    };
    let events = plan.known(events);
    let wanted = plan.wanted(&secret, &events);
    let same = |url: &str| url.trim_end_matches('/') == plan.url;
    let name = match at {
        HookAt::Org(name) | HookAt::Repo(name) => name,
    };
    let id = match there.iter().find(|hook| same(&hook.config.url)) {
        Some(hook) => {
            github.change_hook(at, hook.id, &wanted).await.map_err(|error| told(error, at))?;
            say(format!("{name} has a webhook to {} already: number {} is up to date now", plan.url, hook.id))?;
            hook.id
        }
        None => {
            let id = github.make_hook(at, &wanted).await.map_err(|error| told(error, at))?;
            say(format!("{name} has a webhook to {} now: number {id}", plan.url))?;
            id
        }
    };
    ping::arrives(&github, &Hook::At(at.clone(), id), (&plan.url, plan.args.wait)).await
}

/// The secret for signing: the first one in the configuration, or a fresh one, which has to be added there.
fn secret(plan: &Plan<'_>) -> Result<SecretString, Failure> {
    if let Some(secret) = plan.config.github_secrets.first() {
        return Ok(secret.clone());
    }
    let (file, secret) = (plan.folder().join(SECRET), fresh_secret()?);
    let line = format!("secrets = [\"${{file:{SECRET}}}\"]");
    if file.exists() {
        let file = file.display();
        return Err(Failure::Wrong(format!(
            "{file} exists, but [github] does not name it: put this line there\n\n{line}"
        )));
    }
    create(&file, secret.expose_secret(), 0o600)?;
    say(format!("wrote {}: put this line below [github], and restart `microalign serve`\n\n{line}\n", file.display()))?;
    Ok(secret)
}

/// <https://docs.github.com/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens>
fn told(error: ApiError, at: &HookAt) -> Failure {
    let hint = match (&error, at) {
        (ApiError::Refused { status: 401, .. }, _) => "The `token` in [github] is wrong, or has expired".to_owned(),
        (_, HookAt::Repo(repo)) => format!(
            "The token must belong to somebody who administers {repo}, and may manage webhooks: a fine-grained one has \
             the repository permission \"Webhooks: read and write\", a classic one the scope admin:repo_hook"
        ),
        (_, HookAt::Org(org)) => format!(
            "The token must belong to an owner of {org}, and may manage webhooks: a fine-grained one has the \
             organisation permission \"Webhooks: read and write\", a classic one the scope admin:org_hook"
        ),
    };
    refused(error, &hint)
}
