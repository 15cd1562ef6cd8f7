//! A GitHub App, from a manifest
//! (<https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>).

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::page::{self, Page};
use super::{Plan, ping, refused};
use crate::api::github::GithubLogin;
use crate::api::github::{Hook, NewApp};
use crate::cli::{Failure, create, create_folder, say, variable};
use crate::config;
use crate::source::GITHUB_EVENTS;

/// GitHub's own time limit from the manifest to the key.
const WITHIN: Duration = Duration::from_secs(3600);
/// How often the configuration is read, once its new lines are printed.
const LOOK: Duration = Duration::from_millis(500);
/// No App's name may be longer.
const LONGEST_NAME: usize = 34;

/// Lets somebody create the App, stores its key, and waits until the service uses it.
pub(super) async fn make(plan: &Plan<'_>) -> Result<(), Failure> {
    // GitHub shows the key only once, so this checks first that it can be stored.
    let folder = plan.folder().join("secrets");
    let told = |error| Failure::Wrong(format!("the App's key can't be stored in {}: {error}", folder.display()));
    create_folder(&folder, 0o700).map_err(told)?;
    tempfile::tempfile_in(&folder).map_err(told)?;

    let github = plan.client(GithubLogin::Nobody).await?;
    let target = new_app_page(&plan.config.github_url, plan.args.org.as_deref())?;
    let page = Page::open(plan.args.port, target).await?;
    let port = page.port;
    say(format!(
        "Open this page in a browser on this machine, and follow it:\n\n  {}\n\n\
         From another machine, forward the port first: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE\n",
        page.url
    ))?;
    let code = timeout(WITHIN, page.code(&manifest(plan, port))).await;
    let code = code.map_err(|_| Failure::Wrong("no App was created within an hour: start again".to_owned()))??;
    let app = github.app_from_manifest(&code).await;
    let app = app.map_err(|error| refused(error, "GitHub's code works once, for one hour: start again"))?;
    keep(plan, &app)?;
    let Some(config) = configured(plan, app.id).await? else { return Ok(()) };
    say("microalign.toml has the App now: restart `microalign serve`, and GitHub's ping will arrive")?;
    check(&Plan { config: &config, url: plan.url.clone(), ..*plan }, (app.id, app.pem)).await
}

/// Updates the webhook of the configured App, and asks for a ping.
pub(super) async fn check(plan: &Plan<'_>, (id, key): (u64, SecretString)) -> Result<(), Failure> {
    let secret = plan.config.github_secrets.first().ok_or_else(|| {
        Failure::Wrong("the App's deliveries are signed with a secret: set `secrets` in [github]".to_owned())
    })?;
    let told = |error| refused(error, &format!("The App {id} no longer exists, or the key belongs to another App"));
    let github = plan.client(GithubLogin::App { id, key }).await?;
    let app = github.app().await.map_err(told)?;
    let events = plan.known(GITHUB_EVENTS.to_vec());
    github.change_app_hook(&plan.wanted(secret, &events)).await.map_err(told)?;
    say(format!("the App {id} sends to {}", plan.url))?;
    let missing: Vec<&str> = events.into_iter().filter(|event| !app.events.iter().any(|has| has == event)).collect();
    if !missing.is_empty() {
        say(format!(
            "it is not told of {}: at {} its owner finds \"App settings\", and there \"Permissions & events\"",
            missing.join(", "),
            app.html_url
        ))?;
    }
    ping::arrives(&github, &Hook::App, (&plan.url, plan.args.wait)).await
}

/// Stores the secrets that GitHub shows only once, and prints the lines for the configuration.
fn keep(plan: &Plan<'_>, app: &NewApp) -> Result<(), Failure> {
    let NewApp { id, html_url, pem, webhook_secret } = app;
    let lost = |failure: Failure| match failure {
        Failure::Wrong(why) => Failure::Wrong(format!(
            "{why}. The App {id} was created, but its key is lost: create a new key, or delete the App, at {html_url}"
        )),
        other => other,
    };
    let (key, secret) = (format!("secrets/github-app-{id}.pem"), format!("secrets/github-app-{id}"));
    create(&plan.folder().join(&key), pem.expose_secret(), 0o600).map_err(lost)?;
    say(format!("The App is created. Wrote {}", plan.folder().join(&key).display()))?;
    let mut lines = format!("app_id = \"{id}\"\nprivate_key = \"${{file:{key}}}\"");
    if let Some(value) = webhook_secret {
        create(&plan.folder().join(&secret), value.expose_secret(), 0o600).map_err(lost)?;
        say(format!("wrote {}", plan.folder().join(&secret).display()))?;
        lines = format!(
            "{lines}\nsecrets = [\"${{file:{secret}}}\"]   # before those that are there already, if others use them"
        );
    }
    say(format!(
        "\n1. Put these lines below [github] in {}:\n\n{lines}\n\n\
         2. Install the App. An owner chooses there which repositories it hears of:\n\n  {html_url}/installations/new\n\n\
         3. Restart `microalign serve`.\n\n\
         This command waits for that. You can also stop it, and run it again later.",
        plan.args.config.config.display()
    ))
}

/// The configuration, once it names the App.
async fn configured(plan: &Plan<'_>, app: u64) -> Result<Option<config::Config>, Failure> {
    let until = Instant::now() + WITHIN;
    let mut last = String::new();
    while Instant::now() < until {
        match config::load(&plan.args.config.config, &variable) {
            Ok(config) => {
                let login = config.channels.github.as_ref().map(|api| &api.login);
                if matches!(login, Some(GithubLogin::App { id, .. }) if *id == app) {
                    return Ok(Some(config));
                }
            }
            Err(problems) => {
                let now = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
                if now != last {
                    say(format!("not yet: {now}"))?;
                }
                last = now;
            }
        }
        sleep(LOOK).await;
    }
    Ok(None)
}

/// The address on GitHub for creating Apps. An Enterprise Server has its API below it, at `/api/v3`; the others have it
/// at `api.HOST`.
fn new_app_page(api: &str, org: Option<&str>) -> Result<Url, Failure> {
    let mut url = Url::parse(api)?;
    let host = url.host_str().and_then(|host| host.strip_prefix("api.")).map(str::to_owned);
    if let Some(host) = host {
        url.set_host(Some(&host))?;
    }
    url.set_path(&match org {
        Some(org) => format!("/organizations/{org}/settings/apps/new"),
        None => "/settings/apps/new".to_owned(),
    });
    Ok(url)
}

/// The App's permissions and events: reading what is used, and writing comments
/// (<https://docs.github.com/rest/authentication/permissions-required-for-github-apps>).
fn manifest(plan: &Plan<'_>, port: u16) -> Value {
    let home = plan.config.public_url.as_deref().unwrap_or_default();
    let host = Url::parse(home).ok().and_then(|url| url.host_str().map(str::to_owned));
    let owner = plan.args.org.clone().or(host).unwrap_or_default().replace('.', "-");
    let name: String = format!("microalign-{owner}").chars().take(LONGEST_NAME).collect();
    json!({
        "name": name.trim_end_matches('-'),
        "description": "Tells partner teams in a few short messages what they asked to hear about.",
        "url": home,
        "hook_attributes": { "url": plan.url, "active": true },
        "redirect_url": format!("http://127.0.0.1:{port}{}", page::MADE),
        "public": false,
        "default_permissions": {
            "actions": "read",
            "checks": "write",
            "contents": "read",
            "deployments": "read",
            "discussions": "read",
            "issues": "write",
            "members": "read",
            "metadata": "read",
            "organization_projects": "read",
            "pull_requests": "write",
        },
        "default_events": plan.known(GITHUB_EVENTS.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_app_is_made() {
        let table = [
            ("https://api.github.com", None, "https://github.com/settings/apps/new"),
            ("https://api.github.com", Some("acme"), "https://github.com/organizations/acme/settings/apps/new"),
            ("https://ghe.example.com/api/v3", None, "https://ghe.example.com/settings/apps/new"),
            ("https://api.acme.ghe.com", Some("x"), "https://acme.ghe.com/organizations/x/settings/apps/new"),
            ("http://127.0.0.1:4000", None, "http://127.0.0.1:4000/settings/apps/new"),
        ];
        for (api, org, expected) in table {
            assert_eq!(new_app_page(api, org).map(String::from).ok().as_deref(), Some(expected), "{api}");
        }
    }
}
