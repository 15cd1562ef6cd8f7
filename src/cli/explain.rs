//! `microalign explain`: shows what a payload would lead to.

use std::path::{Path, PathBuf};

use console::Style;
use jiff::Timestamp;

use super::suggest::{find_team, no_delivery};
use super::text::{framed, hanging, painted};
use super::{ConfigArgs, Failure, github_event, load_rulebook, look_into_store, say};
use crate::app;
use crate::channel::{Channels, Names};
use crate::config::Config;
use crate::event::Source;
use crate::explain::{At, Explained, Explanation, Line, Means, Payload, View, Would, explain};
use crate::rule::Verdict;
use crate::source::{BodyError, json_body};
use crate::track::{self, Tracked};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Who sent it
    #[arg(long, required_unless_present = "event_id")]
    source: Option<Source>,
    /// GitHub's event name (X-GitHub-Event), such as pull_request
    #[arg(long, required_if_eq("source", "github"), default_value = "", hide_default_value = true)]
    event: String,
    /// The payload, a file with JSON; `-` for standard input
    #[arg(required_unless_present = "event_id")]
    file: Option<PathBuf>,
    /// A stored delivery, by its number in the ledger, such as 41, instead of a file. Only what its payload says is
    /// used, not what else is known of the pull request or ticket
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "source", "event"])]
    event_id: Option<i64>,
    /// For each rule that matches, say when its message would be sent and why, if the event came at this time:
    /// 2026-03-29T01:30 is read in each team's time zone, 2026-03-29T01:30Z in UTC. Earlier messages aren't taken into
    /// account
    #[arg(long, value_name = "TIME")]
    at: Option<At>,
    /// Only the rules of this team
    #[arg(long)]
    team: Option<String>,
    /// Say why each rule doesn't match, instead of how many don't
    #[arg(long)]
    all: bool,
    /// Print one JSON object, with all rules
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let config = args.config.look()?;
    let payload = match args.event_id {
        Some(id) => stored(id, &config).await?,
        None => given(args)?,
    };
    let rulebook = load_rulebook(&config).await;
    if !rulebook.problems().is_empty() {
        super::show(rulebook.problems());
    }
    if let Some(team) = &args.team {
        find_team(rulebook.rules().teams(), team)?;
    }
    let channels = Channels::new(config.channels.clone(), Names::open());
    let settings = &app::settings_for(&config, &rulebook);
    let means = Means { settings, rulebook: &rulebook, channels: &channels, at: args.at, team: args.team.as_deref() };
    let explained = explain(&payload, means);
    if let Some(error) = explained.errors().next() {
        return Err(Failure::Wrong(error.to_string()));
    }
    match &explained {
        explained if args.json => say(serde_json::to_value(View::from(explained))?),
        Explained::Ignored(reason) => say(format!("ignored: {reason}")),
        Explained::Events(explanation) => print(explanation, args.all),
    }
}

/// A delivery as it came.
async fn stored(id: i64, config: &Config) -> Result<Payload, Failure> {
    let store = look_into_store(&config.store).await?;
    let Some(delivery) = store.delivery(id).await? else {
        return Err(no_delivery(&store, id).await?);
    };
    if delivery.body.is_empty() {
        return Err(Failure::Wrong(format!(
            "the body of delivery {id} was deleted (`[store] keep_bodies`): `microalign ledger show {id}` says what became of it"
        )));
    }
    Ok(delivery.into())
}

/// The payload that the command was called with.
fn given(args: &Args) -> Result<Payload, Failure> {
    let (Some(source), Some(file)) = (args.source, &args.file) else {
        return Err(Failure::Usage("explain needs --source and a file, or --event-id".to_owned()));
    };
    if source == Source::Github {
        github_event::check(&args.event)?;
    }
    let raw = read(file)?;
    let body = json_body(Some("application/json"), &raw).map_err(|error| match error {
        BodyError::NotJson(error) => Failure::Wrong(format!("{} isn't JSON: {error}", file.display())),
        BodyError::UnsupportedType => Failure::Wrong(format!("{} isn't JSON", file.display())),
    })?;
    Ok(Payload { source, event: args.event.clone(), body: body.into_owned(), received: Timestamp::now() })
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut raw = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut raw)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut raw))
    };
    read.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
    Ok(raw)
}

fn print(explanation: &Explanation<'_>, all: bool) -> Result<(), Failure> {
    let Explanation { tracked, lines, messages } = explanation;
    for Tracked { event, .. } in tracked {
        let who = event.actor.as_ref().map_or("nobody", |actor| &actor.login);
        say(format!("{} on {} by {who}", event.kind, event.subject))?;
        say(hanging("  ", event.about.title()))?;
        say(format!("  in the conversation {}", track::conversation(event)))?;
        if let Some(undoing) = &event.undoing {
            say(hanging("  not news: ", &undoing.because))?;
        }
    }
    say(if lines.is_empty() { "\nThere are no rules." } else { "" })?;
    let (matching, others): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.matches());
    let is_folded = |line: &&Line<'_>| !all && matches!(line.evaluated.verdict, Verdict::Miss { .. });
    let (folded, others): (Vec<_>, Vec<_>) = others.into_iter().partition(is_folded);
    for Line { evaluated, goes } in matching.into_iter().chain(others) {
        let (mark, because) = match &evaluated.verdict {
            Verdict::Match => (painted("yes  ", Style::new().green()), "matches".to_owned()),
            Verdict::Miss { because, .. } | Verdict::Suppressed { because } => {
                (painted("no   ", Style::new().red()), because.to_string())
            }
        };
        let goes = goes.iter().flatten().map(|goes| format!("; {}", goes.words)).collect::<String>();
        say(hanging(&mark, &format!("{} / {}: {because}{goes}", evaluated.team.name, evaluated.rule.name)))?;
        if !evaluated.by.is_empty() {
            say(hanging("       ", &evaluated.by.join("; ")))?;
        }
    }
    match folded.len() {
        0 => {}
        1 => say("no   1 rule doesn't match: `--all` says why")?,
        number => say(format!("no   {number} rules don't match: `--all` says why"))?,
    }
    for Would { team, rule, destination, preview } in messages {
        let Ok(preview) = preview else { continue };
        say(format!("\n{}", framed(&format!("{team} / {rule} → {destination}"), &preview.subject, &preview.text)))?;
    }
    if messages.is_empty() { say("\nNothing would be sent.") } else { Ok(()) }
}
