//! `microalign github setup`: helps to create an App with two clicks, or creates a webhook with a token.

mod app;
mod hook;
mod page;
mod ping;

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use crate::api::github::{Github, GithubApi, GithubLogin, HookAt, Wanted};
use crate::api::{ApiError, DEADLINE};
use crate::channel::http_client;
use crate::cli::{ConfigArgs, Failure};
use crate::config::Config;
use crate::rule::parse_duration_up_to;

pub(in crate::cli) const LONG: &str = "\
Make a GitHub App, or with a token a webhook, and wait until GitHub's ping arrives.

Without a `token` in [github], a page on this machine hands GitHub what an App of yours needs; you give it a name there. \
The App's key and secret go into files beside the configuration, and the lines for it are printed. Run it again at any \
time: it then has the App's webhook do what the configuration says, and asks for a ping.

With a token, --repo or --org gets a webhook, or the one that is there is brought up to date.";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// The organisation that owns the App or, with a token, gets the webhook
    #[arg(long, value_name = "ORG", value_parser = organisation)]
    org: Option<String>,
    /// The repository that gets a webhook, with a token
    #[arg(long, value_name = "OWNER/NAME", value_parser = repository, conflicts_with = "org")]
    repo: Option<String>,
    /// The port of the page on this machine; by default, any free one
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// How long to wait for the ping
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = duration)]
    wait: Duration,
}

/// What every way of setting up needs.
struct Plan<'a> {
    args: &'a Args,
    config: &'a Config,
    /// Where GitHub sends to
    url: String,
}

impl Plan<'_> {
    /// The folder to which paths in the configuration are relative.
    fn folder(&self) -> &Path {
        self.args.config.config.parent().unwrap_or(Path::new(""))
    }

    fn wanted<'w>(&'w self, secret: &'w SecretString, events: &'w [&'static str]) -> Wanted<'w> {
        Wanted { url: &self.url, secret, events }
    }

    /// Those of these events that this GitHub has. Not every Enterprise Server has sub-issues, and one refuses a webhook with an
    /// event that it doesn't know.
    fn known(&self, events: Vec<&'static str>) -> Vec<&'static str> {
        let server = self.config.github_url.trim_end_matches('/').ends_with("/api/v3");
        events.into_iter().filter(|event| !(server && *event == "sub_issues")).collect()
    }

    async fn client(&self, login: GithubLogin) -> Result<Github, Failure> {
        let client = http_client(DEADLINE * 2).await.map_err(Failure::Wrong)?;
        let settings = GithubApi { url: Url::parse(&self.config.github_url)?, login };
        Github::new(&settings, client).map_err(Failure::Wrong)
    }
}

pub(in crate::cli) async fn run(args: &Args) -> Result<(), Failure> {
    let config = args.config.load()?;
    let plan = Plan { args, config: &config, url: address(&config)? };
    let at = args.repo.clone().map(HookAt::Repo).or_else(|| args.org.clone().map(HookAt::Org));
    let login = config.channels.github.as_ref().map(|api| api.login.clone());
    match (login, at) {
        (Some(GithubLogin::App { id, key }), None) => app::check(&plan, (id, key)).await,
        (Some(GithubLogin::App { id, .. }), Some(_)) => Err(Failure::Usage(format!(
            "the App {id} hears of every repository that it is installed on: leave --repo and --org out to check it"
        ))),
        (Some(login @ GithubLogin::Token(_)), Some(at)) => hook::set_up(&plan, login, &at).await,
        (Some(GithubLogin::Token(_)), None) => Err(Failure::Usage(
            "say what gets a webhook: --repo OWNER/NAME or --org ORG. For an App, take `token` out of [github]"
                .to_owned(),
        )),
        (_, Some(HookAt::Repo(repo))) => Err(Failure::Wrong(format!(
            "a webhook on {repo} is made with a `token` in [github], and there is none. Without --repo, this makes an App"
        ))),
        (_, Some(HookAt::Org(_)) | None) => app::make(&plan).await,
    }
}

/// The address for GitHub's webhooks, if GitHub can reach it.
fn address(config: &Config) -> Result<String, Failure> {
    let wrong = |what: &str| {
        Failure::Wrong(format!("{what}: set `public_url` in [server] to the https:// address that GitHub can reach"))
    };
    let public = config
        .public_url
        .as_ref()
        .ok_or_else(|| wrong("the configuration doesn't say where GitHub should send webhooks"))?;
    let api = config.github_url.as_str();
    if is_loopback(public) && !is_loopback(api) {
        return Err(wrong(&format!("GitHub cannot reach {public}, which only this machine can")));
    }
    Ok(format!("{public}/webhooks/github"))
}

fn is_loopback(url: &str) -> bool {
    let url = Url::parse(url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Explains GitHub's refusal, and what to do about it.
fn refused(error: ApiError, hint: &str) -> Failure {
    match error {
        ApiError::Refused { status: 401 | 403 | 404, .. } => Failure::Wrong(format!("{error}. {hint}")),
        error => Failure::Wrong(error.to_string()),
    }
}

fn organisation(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let is_login = !text.is_empty() && text.chars().all(plain);
    if is_login { Ok(text.to_owned()) } else { Err("write the organisation's name in addresses: acme".to_owned()) }
}

fn repository(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.chars().all(plain);
    match text.split_once('/') {
        Some((owner, name)) if organisation(owner).is_ok() && is_name(name) => Ok(text.to_owned()),
        _ => Err("write OWNER/NAME: acme/ingest-api".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration_up_to(text, "1h").map_err(|(message, help)| format!("{message}: {help}"))
}
