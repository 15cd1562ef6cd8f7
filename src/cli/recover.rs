//! `microalign recover`: fetches webhooks that did not arrive. It works while the service is running, which looks at
//! its store each second.

use jiff::Timestamp;
use serde_json::json;

use super::{ConfigArgs, Failure, open_store, progress, say};
use crate::app;
use crate::event::Source;
use crate::reason::Reason;
use crate::recover::{Asked, Found, Recovered, Since};
use crate::rule::parse_duration_up_to;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// How far back to look, such as 6h or 3d
    #[arg(long, value_name = "AGE")]
    since: String,
    /// Print one JSON object per line: each delivery that was recovered, then who was asked
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let age = parse_duration_up_to(&args.since, "30d");
    let age = age.map_err(|(wrong, help)| Failure::Usage(format!("--since: {wrong}: {help}")))?;
    let config = args.config.load()?;
    let store = open_store(&config.store).await?;
    let Some(recovery) = app::recovery(&config, &store).await? else {
        return Err(Failure::Wrong(
            "there is no access to an API: set `[github] token`, or `app_id` and `private_key`; or `[jira] token`"
                .to_owned(),
        ));
    };
    let spinner = progress::spinner("fetching the lists of what was sent");
    let found = recovery.sweep(Since::At(Timestamp::now() - age)).await;
    spinner.finish_and_clear();
    let found = found?;
    if args.json {
        print_json(&found)?
    } else {
        print(&found)?
    }
    let troubled = found.asked.iter().filter(|asked| asked.trouble.is_some()).count();
    match (found.asked.len(), troubled) {
        (0, _) => Err(Failure::Wrong(
            "no webhook at GitHub is known yet: each is remembered when its first delivery arrives".to_owned(),
        )),
        (_, 0) => Ok(()),
        (all, troubled) => Err(Failure::Wrong(format!("{troubled} of {all} couldn't list everything: see above"))),
    }
}

fn print_json(found: &Found) -> Result<(), Failure> {
    for Recovered { source, key, name, sent, told } in &found.recovered {
        let event = told.as_ref().ok();
        say(json!({
            "source": source, "delivery": key, "event": name, "kind": event.map(|event| event.kind),
            "scope": event.map(|event| &event.scope), "subject": event.map(|event| &event.subject),
            "ignored": told.as_ref().err().map(ToString::to_string), "code": told.as_ref().err().map(Reason::code), "sent": sent,
        }))?;
    }
    for Asked { source, name, listed, known, recovered, trouble, .. } in &found.asked {
        say(json!({
            "source": source, "asked": name, "listed": listed, "known": known, "recovered": recovered,
            "trouble": trouble,
        }))?;
    }
    Ok(())
}

fn print(found: &Found) -> Result<(), Failure> {
    for Recovered { source, key, name, sent, told } in &found.recovered {
        let sent = sent.strftime("%Y-%m-%d %H:%M:%S UTC");
        let what = match told {
            Ok(event) => format!("{} {}", event.kind, event.subject),
            Err(reason) => format!("ignored: {reason}"),
        };
        let name = if name.is_empty() { String::new() } else { format!(" {name}") };
        say(format!("{sent}  {source}{name}  {what}  ({key})"))?;
    }
    for asked in &found.asked {
        say(summary(asked))?;
    }
    Ok(())
}

fn summary(asked: &Asked) -> String {
    let Asked { source, name, listed, known, recovered, trouble, .. } = asked;
    let of = match source {
        Source::Github => "GitHub",
        Source::Jira => "Jira",
    };
    let trouble = trouble.as_ref().map_or_else(String::new, |trouble| format!("; {trouble}"));
    let deliveries = if *listed == 1 { "delivery" } else { "deliveries" };
    format!("{of}, {name}: {listed} {deliveries}, {known} known, {recovered} recovered{trouble}")
}
