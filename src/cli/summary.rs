//! `microalign summary`: shows the summary of what moved as it would be now.

use jiff::Timestamp;
use serde_json::json;

use super::rehearse::span;
use super::suggest::unless_known;
use super::text::framed;
use super::{ConfigArgs, Failure, load_rulebook, look_into_store, say};
use crate::app;
use crate::summary::Reader;

pub(super) const LONG: &str = "\
Show what a team's summary would say of the last days, or without a team what everybody's would; nothing is sent.

The summary is what `summary = \"weekly fri 15:00\"` in a team file sends, and `[summary]` in the configuration: what moved, \
which assumptions are open, what slipped, what went quiet, and who was never told. All of it is from the ledger.";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// For this team; for everybody by default
    #[arg(long)]
    team: Option<String>,
    /// How far back to go, such as 7d or 24h
    #[arg(long, value_name = "AGE", default_value = "7d")]
    since: String,
    /// Print it as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let span = span(&args.since)?;
    let config = args.config.look()?;
    let rulebook = std::sync::Arc::new(load_rulebook(&config).await);
    let teams = rulebook.rules().teams();
    let reader = match &args.team {
        None => Reader::everybody(config.summary.as_ref()),
        Some(name) => match teams.iter().find(|team| team.name == *name) {
            Some(team) => Reader::team(team),
            None => {
                let names = teams.iter().map(|team| team.name.as_str()).collect();
                return unless_known(names, name, format!("there is no team `{name}`"));
            }
        },
    };
    let store = look_into_store(&config.store).await?;
    let gatherer = app::summaries(&config, &store, config.listen);
    let (since, now) = (*span.start(), *span.end());
    // A millisecond later, so that what has just happened is in it.
    let end = now.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX);
    let content = gatherer.content((&reader, &rulebook), since..end, now).await?;
    if args.json {
        return say(json!({ "reader": reader.name, "since": since, "until": now, "summary": content.view }));
    }
    if content.is_empty() {
        return say("Nothing happened that could be summed up, so there would be no summary.");
    }
    let message = rulebook.summary(reader.team.as_ref(), &reader.zone, content.view, now);
    let message = message.map_err(|error| Failure::Wrong(error.to_string()))?;
    let to = reader.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let head = if to.is_empty() { reader.name } else { format!("{} → {to}", reader.name) };
    say(framed(&head, &message.subject, &message.text()))
}
