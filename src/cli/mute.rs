//! `microalign mute` and `unmute`: keep something quiet for a while. Both work while the service is running.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::suggest::{find_rule, find_team, find_thread};
use super::{ConfigArgs, Failure, load_rulebook, look_into_store, open_store, say};
use crate::channel;
use crate::compose::Rulebook;
use crate::destination::Destination;
use crate::event::TicketKey;
use crate::mute::{By, Mute, Scope};
use crate::rule::{Team, parse_duration_up_to};
use crate::toml_file::did_you_mean;

/// The longest mute: anything longer is better removed from the rules.
const LONGEST: &str = "52w";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    named: Named,
    /// How long, such as 4h, 3d or 1w; at most 52w [default: 1w]
    #[arg(long = "for", value_name = "TIME")]
    span: Option<String>,
    /// Allow a conversation that the ledger doesn't have yet
    #[arg(long)]
    unseen: bool,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Named {
    #[command(flatten)]
    config: ConfigArgs,
    /// A conversation, such as DATA-123 or owner/repo#45; or a rule, TEAM/RULE
    #[arg(value_name = "THREAD|RULE")]
    what: Option<String>,
    /// Only for this team
    #[arg(long)]
    team: Option<String>,
    /// Only at this destination, as in a team file's `to`
    #[arg(long, value_name = "DESTINATION", value_parser = channel::destination)]
    to: Option<Destination>,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let Named { config, what, team, to } = &args.named;
    if what.is_none() && to.is_none() {
        if team.is_some() || args.span.is_some() {
            return Err(nothing_named());
        }
        return list(config, args.json).await;
    }
    let span = parse_duration_up_to(args.span.as_deref().unwrap_or("1w"), LONGEST);
    let span = span.map_err(|(wrong, help)| Failure::Usage(format!("--for: {wrong}: {help}")))?;
    if span.is_zero() {
        return Err(Failure::Usage("--for: no time at all mutes nothing: write a time such as 1w".to_owned()));
    }
    let mut scope = scope(&args.named).await?;
    if let Some(to) = &scope.destination {
        scope.destination = Some(find_destination(&load_rulebook(&config.look()?).await, to)?);
    }
    let store = open_store(&config.store()?).await?;
    if let (Some(thread), false) = (&scope.thread, args.unseen) {
        find_thread(&store, thread, "; add `--unseen` to mute it before its first event").await?;
    }
    let at = Timestamp::now();
    let mute = Mute { scope, until: Some(at + span), at, by: By::Command, who: None };
    store.mute(mute.clone()).await?;
    if args.json { say(json!(mute)) } else { say(mute) }
}

pub(super) async fn undo(named: &Named) -> Result<(), Failure> {
    let store = open_store(&named.config.store()?).await?;
    let scope = match named.what.as_ref().filter(|what| !is_thread(what)) {
        // A link in a message can mute conversations with other names too, such as a branch's or a release's.
        Some(what)
            if store.mutes(Timestamp::now()).await?.iter().any(|mute| mute.scope.thread.as_ref() == Some(what)) =>
        {
            Scope { thread: Some(what.clone()), team: named.team.clone(), destination: named.to.clone(), rule: None }
        }
        _ => scope(named).await?,
    };
    match store.unmute(scope.clone()).await? {
        0 => Err(Failure::Wrong(format!("nothing is muted{scope}: see `microalign mute`"))),
        _ => say(format!("no longer muted{scope}")),
    }
}

async fn list(config: &ConfigArgs, json: bool) -> Result<(), Failure> {
    let mutes = look_into_store(&config.store()?).await?.mutes(Timestamp::now()).await?;
    if mutes.is_empty() && !json {
        eprintln!("nothing is muted");
    }
    mutes.iter().try_for_each(|mute| if json { say(json!(mute)) } else { say(mute) })
}

fn nothing_named() -> Failure {
    Failure::Usage(
        "name a conversation (DATA-123, owner/repo#45), a rule (TEAM/RULE) or a destination (--to)".to_owned(),
    )
}

/// What the arguments name. Teams and rules must be in force, so that a typing mistake doesn't mute the wrong thing.
async fn scope(named: &Named) -> Result<Scope, Failure> {
    let Named { config, what, team, to } = named;
    let rulebook = load_rulebook(&config.look()?).await;
    if let Some(team) = team {
        find_team(rulebook.rules().teams(), team)?;
    }
    let scope = Scope { team: team.clone(), destination: to.clone(), ..Scope::default() };
    match what.as_deref() {
        None if to.is_none() => Err(nothing_named()),
        None => Ok(scope),
        Some(thread) if is_thread(thread) => Ok(Scope { thread: Some(thread.to_owned()), ..scope }),
        Some(rule) => {
            let (team, rule) = match (rule.split_once('/'), team) {
                (Some((of, rule)), None) => (of, rule),
                (Some((of, rule)), Some(team)) if of == team => (of, rule),
                (Some((of, _)), Some(team)) => {
                    return Err(Failure::Usage(format!("`{rule}` is a rule of {of}, and --team says {team}")));
                }
                (None, Some(team)) => (team.as_str(), rule),
                (None, None) => return Err(teamless(rule, rulebook.rules().teams())),
            };
            find_rule(rulebook.rules().teams(), team, rule)?;
            Ok(Scope { team: Some(team.to_owned()), rule: Some(rule.to_owned()), ..scope })
        }
    }
}

/// A ticket's key, or `owner/repo#45`. Names of rules contain no `#`.
fn is_thread(word: &str) -> bool {
    word.parse::<TicketKey>().is_ok_and(|key| key.subject().host().is_none())
}

fn teamless(rule: &str, teams: &[Arc<Team>]) -> Failure {
    let of = teams.iter().find(|team| team.rules.iter().any(|known| known.name == rule));
    let team = of.map_or("TEAM", |team| &team.name);
    Failure::Usage(format!("`{rule}` is neither a ticket's key nor owner/repo#45; for a rule, write {team}/{rule}"))
}

/// A destination that a team has, in upper or lower case.
fn find_destination(rulebook: &Rulebook, to: &Destination) -> Result<Destination, Failure> {
    let wanted = to.to_string();
    let known = rulebook.rules().all().flat_map(|(_, rule)| &rule.to).collect::<BTreeSet<_>>();
    if let Some(found) = known.iter().find(|known| known.to_string().eq_ignore_ascii_case(&wanted)) {
        return Ok((*found).clone());
    }
    let names = known.iter().map(ToString::to_string).collect::<Vec<_>>();
    let help = did_you_mean(&wanted, names.iter().map(String::as_str)).map(|help| format!(": {help}"));
    Err(Failure::Wrong(format!("no team sends to {wanted}{}", help.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_and_rules_are_told_apart() {
        for thread in ["DATA-123", "acme/ingest-api#45"] {
            assert!(is_thread(thread), "{thread}");
        }
        for rule in ["merged", "web/merged", "data-123", "acme/ingest", "acme#45", "/x#4", "a/b/c#4", "a/b#x", ""] {
            assert!(!is_thread(rule), "{rule}");
        }
    }
}
