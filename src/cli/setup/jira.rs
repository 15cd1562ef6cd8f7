//! `microalign jira setup`: registers the webhook in Jira, or explains what an administrator has to do.

use std::fs;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

use crate::api::jira::{Edition, Hook, Jira, JiraApi, JiraLogin, Registered};
use crate::api::{self, ApiError};
use crate::channel::http_client;
use crate::cli::{ConfigArgs, Failure, create, fresh_secret, say};
use crate::config::Config;
use crate::source::{JIRA_AUTOMATION, JIRA_EVENTS, SharedFields};

/// The name that administrators see in Jira's list.
const NAME: &str = "microalign";
/// The file for a new secret, relative to the configuration's folder.
const FILE: &str = "secrets/jira";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print what to enter in Automation rules, which a project's administrator can make
    #[arg(long)]
    automation: bool,
}

/// The secret that signs the webhook, and how it gets into the configuration.
struct Secret {
    value: SecretString,
    /// Where an administrator finds it
    place: String,
    /// What remains to be done
    advice: Option<String>,
}

/// Why no webhook was registered.
enum Unregistered {
    /// An administrator has to make it by hand
    ByHand(String),
    /// The same, with a secret in the address: this Jira can't sign
    Unsigned(String),
    /// It may work another time, or with another configuration
    Failed(String),
}

pub(in crate::cli) async fn run(args: &Args) -> Result<(), Failure> {
    let config = args.config.load()?;
    let Some(public_url) = &config.public_url else {
        let missing = "`[server] public_url` is missing: Jira has to know where to send webhooks, such as https://microalign.example.com";
        return Err(Failure::Wrong(missing.to_owned()));
    };
    let url = format!("{public_url}/webhooks/jira");
    let secret = secret(args, &config)?;
    if args.automation {
        return say(by_automation(&url, &secret));
    }
    match register(&config, &url, &secret.value).await {
        Ok((edition, registered)) => {
            let done = match registered {
                Registered::New => "registered",
                Registered::Updated => "brought up to date",
            };
            let which = if edition.cloud { "Jira Cloud".to_owned() } else { format!("Jira {}", edition.version) };
            say(format!(
                "{done}: the webhook `{NAME}` in {which}, which sends {url} these events:\n  {}",
                JIRA_EVENTS.join(", ")
            ))?;
            say(format!("It is signed with {}.", secret.place))?;
            secret.advice.map(say).transpose()?;
            say("To test it, change a ticket, and look at `microalign ledger`.")
        }
        Err(Unregistered::Failed(why)) => Err(Failure::Wrong(why)),
        Err(Unregistered::ByHand(why)) => {
            say(by_hand(&config, &url, &secret))?;
            Err(Failure::Wrong(format!("{why}: an administrator of Jira has to do what is described above")))
        }
        Err(Unregistered::Unsigned(why)) => {
            let url = format!("{url}/SECRET, with {} in place of SECRET", secret.place);
            say(by_hand(&config, &url, &Secret { place: String::new(), ..secret }))?;
            Err(Failure::Wrong(format!("{why}: an administrator of Jira has to do what is described above")))
        }
    }
}

async fn register(config: &Config, url: &str, secret: &SecretString) -> Result<(Edition, Registered), Unregistered> {
    let Some(settings) = &config.channels.jira else {
        return Err(Unregistered::ByHand("there is no `token` in `[jira]` to ask Jira with".to_owned()));
    };
    if matches!(settings.login, JiraLogin::Service(_)) {
        // Atlassian's documentation gives service accounts no webhooks of apps (REST v3, `/webhook`), and the gateway
        // doesn't offer those of administrators.
        return Err(Unregistered::ByHand("a service account cannot register webhooks".to_owned()));
    }
    let client = http_client(api::DEADLINE * 2).await.map_err(Unregistered::Failed)?;
    let jira = Jira::new(settings.clone(), client, SharedFields::default());
    let edition = jira.edition().await.map_err(|error| refused(&error))?;
    fits(settings, &edition)?;
    let hook = Hook { name: NAME, url, events: &JIRA_EVENTS, jql: &jql(config), secret };
    let registered = jira.register(&edition, &hook).await.map_err(|error| refused(&error))?;
    Ok((edition, registered))
}

/// Checks that the login is of the right sort for this Jira, and that this Jira signs its webhooks.
fn fits(settings: &JiraApi, edition: &Edition) -> Result<(), Unregistered> {
    let version = &edition.version;
    if settings.is_cloud() && !edition.cloud {
        let why = format!(
            "this is a Jira Data Center ({version}): leave out `user` in `[jira]`, and use a personal access token"
        );
        return Err(Unregistered::Failed(why));
    }
    if !settings.is_cloud() && edition.cloud {
        return Err(Unregistered::Failed(
            "this is Jira Cloud: `[jira]` needs the `user` that `token` belongs to".to_owned(),
        ));
    }
    if !edition.signs() {
        let why = format!("Jira {version} cannot sign webhooks, which Data Center does from version 10");
        return Err(Unregistered::Unsigned(why));
    }
    Ok(())
}

fn refused(error: &ApiError) -> Unregistered {
    let advice = match error {
        ApiError::Refused { status: 401, .. } => "the token in `[jira]` isn't valid, or isn't an administrator's",
        ApiError::Refused { status: 403, .. } => "the token's account isn't an administrator of Jira",
        ApiError::Refused { status: 404, .. } => "webhooks cannot be registered by the API there",
        _ => return Unregistered::Failed(format!("{error}; nothing was registered")),
    };
    Unregistered::ByHand(format!("{error}; {advice}"))
}

/// The first secret in the configuration, or else the one in the file, which is created if needed.
fn secret(args: &Args, config: &Config) -> Result<Secret, Failure> {
    if let Some(value) = config.jira_secrets.first() {
        let place = "the first of `[jira] secrets`".to_owned();
        return Ok(Secret { value: value.clone(), place, advice: None });
    }
    let path: PathBuf = args.config.config.parent().map(|folder| folder.join(FILE)).unwrap_or_else(|| FILE.into());
    let value = if path.exists() {
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| Failure::Wrong(format!("cannot read {}: {error}", path.display())))?;
        SecretString::from(text)
    } else {
        let fresh = fresh_secret()?;
        create(&path, fresh.expose_secret(), 0o600)?;
        fresh
    };
    if value.expose_secret().trim().is_empty() {
        return Err(Failure::Wrong(format!("{} is empty: anybody could sign", path.display())));
    }
    let place = format!("the content of {}", path.display());
    let advice = format!(
        "Below `[jira]` in {} write\n  secrets = [\"${{file:{FILE}}}\"]\nand start the service again.",
        args.config.config.display()
    );
    Ok(Secret { value, place, advice: Some(advice) })
}

/// The tickets of the configured projects, in JQL.
fn jql(config: &Config) -> String {
    match &config.jira_projects[..] {
        [] => String::new(),
        projects => format!("project in ({})", projects.join(", ")),
    }
}

/// Explains what to click and what to enter. The secret itself isn't shown, since terminals keep their output.
fn by_hand(config: &Config, url: &str, secret: &Secret) -> String {
    let page = config.jira_base_url.as_deref().map(|site| format!(" ({site}/plugins/servlet/webhooks)"));
    let jql = Some(jql(config)).filter(|jql| !jql.is_empty());
    let jql = jql.unwrap_or_else(|| "leave it empty for all tickets".to_owned());
    // Old versions have no field for it.
    let signed = match secret.place.as_str() {
        "" => String::new(),
        place => format!("  Secret:  {place}\n"),
    };
    let advice = secret.advice.as_ref().map_or_else(String::new, |advice| format!("\n{advice}"));
    format!(
        "As an administrator of Jira: Settings, System, WebHooks{}, Create a WebHook.\n  \
         Name:    {NAME}\n  \
         Status:  Enabled\n  \
         URL:     {url}\n{signed}  \
         JQL:     {jql}\n  \
         Events:  Issue: created, updated, deleted; Comment: created, updated, deleted;\n           \
         Issue link: created; Sprint: started, closed; Version: released\n  \
         Exclude body: no\n\
         Then change a ticket, and look at `microalign ledger`.{advice}",
        page.unwrap_or_default()
    )
}

/// Explains which rules to make and what to enter.
fn by_automation(url: &str, secret: &Secret) -> String {
    let place = &secret.place;
    let advice = secret.advice.as_ref().map_or_else(String::new, |advice| format!("\n{advice}"));
    format!(
        "As an administrator of a project in Jira: Project settings, Automation, Create rule. Make a rule for each trigger\n\
         that you want, with its EVENT:\n  \
         Work item created                                     jira:issue_created\n  \
         Work item transitioned                                jira:issue_updated\n  \
         Field value changed: due date, fix versions, priority,\n  \
         assignee, summary                                     jira:issue_updated\n  \
         Work item commented                                   comment_created\n  \
         Work item deleted                                     jira:issue_deleted\n\
         In each of them:\n  \
         Condition:          JQL condition: level is EMPTY (leaves out what not everybody may see)\n  \
         Action:             Send web request\n  \
         Web request URL:    {url}\n  \
         HTTP method:        POST\n  \
         Headers:            Authorization: Bearer SECRET (hidden), with {place} in place of SECRET\n                      \
         Content-Type: application/json\n  \
         Web request body:   Custom data: what is below, with the trigger's EVENT\n\
         Then change a work item, and look at `microalign ledger`.{advice}\n\n{JIRA_AUTOMATION}"
    )
}
