//! `microalign subscriptions`: what people subscribed their channels to in Slack.

use jiff::Timestamp;
use serde_json::json;

use super::{ConfigArgs, Failure, load_rulebook, open_store, say};
use crate::store::Change;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// End this subscription
    #[arg(long, value_name = "TEAM/NAME")]
    end: Option<String>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    if let Some(named) = &args.end {
        return end(&args.config, named).await;
    }
    let rulebook = load_rulebook(&args.config.look()?).await;
    if rulebook.subscriptions().next().is_none() && !args.json {
        eprintln!("nobody has subscribed to anything");
    }
    for (subscription, why) in rulebook.subscriptions() {
        if args.json {
            let mut line = json!(subscription);
            line["not_in_force"] = json!(why);
            say(line)?;
            continue;
        }
        let (team, name, to) = (&subscription.team, &subscription.name, &subscription.to);
        let by = if subscription.by.is_empty() { "somebody" } else { subscription.by.as_str() };
        let what = format!("{} in {}", subscription.on.join(", "), subscription.repo);
        let not = why.map(|why| format!("; not in force: {why}")).unwrap_or_default();
        say(format!("{team}/{name}: {what}, to {to}, by {by} on {}{not}", subscription.at.strftime("%Y-%m-%d")))?;
    }
    Ok(())
}

async fn end(config: &ConfigArgs, named: &str) -> Result<(), Failure> {
    let Some((team, name)) = named.split_once('/') else {
        return Err(Failure::Usage(format!(
            "`{named}` isn't a subscription: write TEAM/NAME, such as web/@ingest-api-merged"
        )));
    };
    let store = open_store(&config.store()?).await?;
    if !store.unsubscribe(team.to_owned(), name.to_owned()).await? {
        return Err(Failure::Wrong(format!("there is no subscription `{named}`: see `microalign subscriptions`")));
    }
    let who = "an operator".to_owned();
    store
        .audit(Change { who, via: "command", action: "unsubscribe", what: named.to_owned() }, Timestamp::now())
        .await?;
    say(format!("ended {named}"))
}
