//! `microalign demo`: runs the whole service on a temporary store and mailbox, and plays a short story through it.

mod board;
mod github_only;
mod objection;
mod payload;
mod summary;
mod with_jira;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::text::{framed, hanging};
use super::{Failure, LogFormat, say, start_logs};
use crate::app::App;
use crate::channel::{ChannelSettings, Chat, choose_tls_provider};
use crate::compose::Rulebook;
use crate::config::{self, Config, TellAuthors};
use crate::event::{Boards, Source};
use crate::reason::Code;
use crate::source::signature;
use crate::store::{Entry, EntryState, Filter, Keep, Store};
use crate::summary::{Gatherer, Pages};
use payload::Step;

/// Long enough for the slowest disk; a step takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// In both stories.
const MOBILE: (&str, &str) = ("mobile.toml", include_str!("mobile.toml"));
const DATA_PLATFORM: (&str, &str) = ("data-platform.toml", include_str!("../../../rules/data-platform.toml"));

/// What is played, and who hears of it.
struct Story {
    /// The team files, by their names
    teams: [(&'static str, &'static str); 3],
    /// Whether there is a Jira
    jira: bool,
    steps: Vec<Step>,
}

impl Story {
    fn with_jira() -> Self {
        let web = ("web.toml", include_str!("../../../rules/web.toml"));
        Self { teams: [DATA_PLATFORM, web, MOBILE], jira: true, steps: with_jira::with_jira() }
    }

    fn github_only() -> Self {
        let web = ("web.toml", include_str!("web-github-only.toml"));
        Self { teams: [DATA_PLATFORM, web, MOBILE], jira: false, steps: github_only::github_only() }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Exit when the story is over, instead of leaving the console up
    #[arg(long)]
    exit: bool,
    /// Play a story without Jira, in which issues on GitHub are the tickets
    #[arg(long)]
    github_only: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    // That the board is gone is a part of the story.
    start_logs(LogFormat::Human, "error,microalign::dispatch=off");
    let story = if args.github_only { Story::github_only() } else { Story::with_jira() };
    let folder = tempfile::Builder::new().prefix("microalign-demo-").tempdir()?;
    furnish(folder.path(), &story)?;
    let secret = SecretString::from(format!("{:032x}", fastrand::u128(..)));
    let mut config = config(folder.path(), &secret, story.jira)?;
    let board = Chat::Webhook(board::settings(board::start().await?));
    config.channels.chats.insert("webhook.status-board".to_owned(), board);
    let rulebook = Arc::new(Rulebook::load(&config, None));
    let jira = config.jira_base_url.clone();
    let app = App::start(config).await?;
    let address = app.address;
    say(format!(
        "microalign runs at http://{address}/ on a temporary store.\n\
         Each team says what it wants to hear in a file: {}.\n\
         Now signed webhooks arrive, and this is what the teams get:",
        story.teams.map(|(file, _)| file).join(", ")
    ))?;
    let mut told = tell(&app.store, (address, folder.path()), (&secret, &story.steps)).await;
    if told.is_ok() {
        let gatherer = Gatherer { store: app.store.clone(), pages: Pages { console: None, jira } };
        told = summary::show(&gatherer, &rulebook).await;
    }
    if told.is_ok() && !args.exit {
        say(format!(
            "\nThe service stays up: http://{address}/ shows all of it.\nThe mails are in {}.\nCtrl-C ends it and removes both.",
            folder.path().join("mailbox").display()
        ))?;
        tokio::signal::ctrl_c().await?;
    }
    app.stop().await;
    folder.close()?;
    told
}

/// Writes the files that the service needs into its folder.
fn furnish(folder: &Path, story: &Story) -> Result<(), Failure> {
    for part in ["rules", "templates", "mailbox"] {
        std::fs::create_dir(folder.join(part))?;
    }
    for (name, text) in story.teams {
        // The story is short, so no update waits for further changes.
        let text = text.replacen("[[rule]]", "settle = \"0s\"\n\n[[rule]]", 1);
        std::fs::write(folder.join("rules").join(name), text)?;
    }
    Ok(())
}

fn config(folder: &Path, secret: &SecretString, jira: bool) -> Result<Config, Failure> {
    Ok(Config {
        rules: folder.join("rules"),
        templates: folder.join("templates"),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        public_url: Some("http://127.0.0.1:0".to_owned()),
        console: true,
        nudge: false,
        rules_repo: None,
        teams_allowed: std::sync::Arc::default(),
        access: None,
        store: (&folder.join("microalign.db")).into(),
        keep: Keep::default(),
        github_secrets: vec![secret.clone()],
        jira_secrets: if jira { vec![secret.clone()] } else { Vec::new() },
        github_url: config::GITHUB.to_owned(),
        boards: Boards::default(),
        jira_base_url: jira.then(|| "https://acme.atlassian.net".to_owned()),
        jira_projects: if jira { vec!["DATA".to_owned()] } else { Vec::new() },
        jira_poll: None,
        jira_due: Vec::new(),
        otlp: None,
        tell_authors: TellAuthors::default(),
        summary: None,
        channels: ChannelSettings { mailbox: folder.join("mailbox"), ..ChannelSettings::default() },
    })
}

/// Plays the story, and shows after each step what the teams see of it.
async fn tell(
    store: &Store,
    (address, folder): (SocketAddr, &Path),
    (secret, steps): (&SecretString, &[Step]),
) -> Result<(), Failure> {
    choose_tls_provider();
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    for step in steps {
        say(format!("\n━━ {}", step.says))?;
        let answer = post(&client, address, step, secret).await?;
        match (answer.status, answer.event) {
            (202, Some(event)) if answer.name == "accepted" => {
                show(&finished(store, event).await?)?;
            }
            (status, _) => say(format!("\n{}", hanging("· answered ", &format!("{status} {}", answer.name))))?,
        }
    }
    say("\n━━ Bo objects to the assumption, by the link in its mail.")?;
    let line = objection::object(store, &client, &folder.join("mailbox")).await?;
    say(format!("\n{}", hanging("· noted: ", &line.reason)))
}

/// What the service answered.
struct Response {
    status: u16,
    name: String,
    event: Option<i64>,
}

async fn post(
    client: &reqwest::Client,
    address: SocketAddr,
    step: &Step,
    secret: &SecretString,
) -> Result<Response, Failure> {
    let body = step.body.to_string();
    let wrong = SecretString::from("not the secret");
    let signed = signature::sign(if step.signed { secret } else { &wrong }, body.as_bytes());
    let (route, header, id) = match step.source {
        Source::Github => ("github", "X-Hub-Signature-256", "X-GitHub-Delivery"),
        Source::Jira => ("jira", "X-Hub-Signature", "X-Atlassian-Webhook-Identifier"),
    };
    let request = client
        .post(format!("http://{address}/webhooks/{route}"))
        .header("Content-Type", "application/json")
        .header("X-GitHub-Event", step.event)
        .header(header, signed)
        .header(id, step.delivery)
        .body(body);
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let json: serde_json::Value = answer.json().await?;
    let name = json["status"].as_str().or_else(|| json["error"].as_str()).unwrap_or_default().to_owned();
    Ok(Response { status, name, event: json["event"].as_i64() })
}

/// The lines of a delivery, once none of them waits for anything but a digest.
async fn finished(store: &Store, delivery: i64) -> Result<Vec<Entry>, Failure> {
    let filter = Filter { delivery: Some(delivery), ..Filter::default() };
    let done = async {
        loop {
            let entries = store.ledger(&filter).await?;
            let is_done = |entry: &Entry| entry.state != EntryState::Held || entry.code == Code::AwaitsDigest;
            if !entries.is_empty() && entries.iter().all(is_done) {
                return Ok(entries);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, done).await {
        Ok(entries) => entries,
        Err(_) => Err(Failure::Wrong(format!("delivery {delivery} wasn't processed within {PATIENCE:?}"))),
    }
}

/// Shows the messages, and then the rules that sent none, with the reason.
fn show(entries: &[Entry]) -> Result<(), Failure> {
    let mut quiet = Vec::new();
    for entry in entries {
        let message = entry.message.as_ref().filter(|_| entry.state == EntryState::Sent);
        match (message, &entry.team, &entry.rule) {
            (Some(message), Some(team), Some(rule)) => {
                let to = entry.sends.iter().map(|send| send.destination.as_str()).collect::<Vec<_>>().join(", ");
                say(format!("\n{}", framed(&format!("{team} / {rule} → {to}"), &message.subject, &message.text())))?;
            }
            (_, Some(team), Some(rule)) => {
                let how = if entry.state == EntryState::Held { "waits" } else { "not sent" };
                quiet.push((how, format!("{team} / {rule}: {}", entry.reason)));
            }
            // A comment's notes have their own lines, so a line for the comment itself says nothing useful.
            _ if entries.len() > 1 => {}
            _ => quiet.push(("not sent", entry.reason.clone())),
        }
    }
    if !quiet.is_empty() {
        say("")?;
    }
    quiet.iter().try_for_each(|(how, line)| say(hanging(&format!("· {how}: "), line)))
}
