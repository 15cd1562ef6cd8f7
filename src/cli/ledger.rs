//! `microalign ledger`: shows what became of every event.

use console::Style;
use jiff::Timestamp;
use serde_json::json;

use super::suggest::{find_team_of_ledger, find_thread, no_delivery};
use super::text::{framed, hanging, painted};
use super::{ConfigArgs, Failure, look_into_store, open_store, say};
use crate::plan::LineId;
use crate::rule::parse_duration_up_to;
use crate::store::{Entry, EntryState, FORGOTTEN_MESSAGE, Filter, Pages, SendEntry, SendState};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    config: ConfigArgs,
    /// Only lines of this team
    #[arg(long)]
    team: Option<String>,
    /// Only this conversation: a ticket key, or owner/repo#45
    #[arg(long)]
    thread: Option<String>,
    /// Only lines in this state
    #[arg(long, value_enum)]
    state: Option<EntryState>,
    /// Only lines this recent, such as 14d or 6h
    #[arg(long, value_name = "AGE")]
    since: Option<String>,
    /// How many of the newest lines; 0 for all [default: 50, and all with --json]
    #[arg(short = 'n', long, value_name = "LINES")]
    limit: Option<u32>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// How many lines are shown by default.
const NEWEST: u32 = 50;

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show everything about a delivery, or about one of its lines
    #[command(after_help = "Examples:\n  microalign ledger show 41\n  microalign ledger show 41.2")]
    Show {
        #[command(flatten)]
        config: ConfigArgs,
        /// `41` for a delivery (the `event` in the answer to a webhook), `41.2` for its second line
        id: String,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Retry what failed: sends, or the reading of a delivery that was ignored
    #[command(after_help = "Example:\n  microalign ledger retry 41.2")]
    Retry {
        #[command(flatten)]
        config: ConfigArgs,
        /// Lines in the state `failed` or `ignored`, such as 41.2
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    match args.action {
        None => list(args.list).await,
        Some(Action::Show { config, id, json }) => show(&config, &id, json).await,
        Some(Action::Retry { config, ids }) => retry(&config, &ids).await,
    }
}

async fn list(list: List) -> Result<(), Failure> {
    let age = list.since.as_deref().map(|age| parse_duration_up_to(age, "52w")).transpose();
    let age = age.map_err(|(wrong, help)| Failure::Usage(format!("--since: {wrong}: {help}")))?;
    let since = age.map(|age| Timestamp::now() - age);
    let store = look_into_store(&list.config.store()?).await?;
    let limit = list.limit.or_else(|| (!list.json).then_some(NEWEST)).filter(|limit| *limit > 0);
    let filter = Filter { team: list.team, thread: list.thread, state: list.state, since, limit, ..Filter::default() };
    let mut pages = store.ledger_pages(filter.clone());
    let mut page = pages.next().await?;
    if page.is_empty() {
        if let Some(team) = &filter.team {
            find_team_of_ledger(&store, &list.config, team).await?;
        }
        if let Some(thread) = &filter.thread {
            find_thread(&store, thread, "").await?;
        }
        if !list.json {
            eprintln!("the ledger has no such line");
        }
    }
    let is_cut = |limit: &u32| page.len() >= Pages::FULL.min(*limit as usize);
    if let Some(limit) = limit.filter(is_cut).filter(|_| !list.json) {
        let older = store.ledger_count(&filter).await?.saturating_sub(limit.into());
        if older > 0 {
            say(format!("… {older} older: `--limit 0` shows all"))?;
        }
    }
    while !page.is_empty() {
        page.iter().try_for_each(|entry| if list.json { say(json!(entry)) } else { say(shown(entry, false)) })?;
        page = pages.next().await?;
    }
    Ok(())
}

/// The indentation of all lines of an entry but the first.
const INDENT: &str = "         ";

/// An entry in a few lines: when, what became of it and for whom; then what it was and why; then its sends. Sends that
/// arrived are shown only with `all`.
fn shown(entry: &Entry, all: bool) -> String {
    let at = entry.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let what = entry.kind.iter().chain(&entry.subject).map(String::as_str).collect::<Vec<_>>().join(" on ");
    let sends = entry.sends.iter().filter(|send| all || send.state != SendState::Sent || send.error.is_some());
    let lines = std::iter::once(format!("{what}: {}", entry.reason)).chain(sends.map(one_send));
    let state = painted(&format!("{:<10}", entry.state.as_str()), style(entry.state));
    let head = hanging(&format!("{:<8} ", entry.id), &format!("{at}  {state}  {}", whom(entry)));
    lines.fold(head, |text, line| text + "\n" + &hanging(INDENT, &line))
}

fn style(state: EntryState) -> Style {
    match state {
        EntryState::Sent => Style::new().green(),
        EntryState::Failed => Style::new().red(),
        EntryState::Held => Style::new().yellow(),
        EntryState::Superseded | EntryState::Suppressed | EntryState::Ignored => Style::new().dim(),
    }
}

fn whom(entry: &Entry) -> String {
    match (&entry.team, &entry.rule) {
        (Some(team), Some(rule)) => format!("{team} / {rule}"),
        _ => "nobody".to_owned(),
    }
}

fn one_send(send: &SendEntry) -> String {
    let attempts = if send.attempts > 1 { format!(", attempt {}", send.attempts) } else { String::new() };
    let error = send.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    format!("→ {}: {}{attempts}{error}", send.destination, send.state.as_str())
}

async fn show(config: &ConfigArgs, id: &str, json: bool) -> Result<(), Failure> {
    let (delivery, line) = match id.split_once('.') {
        Some(_) => named(id).map(|LineId { delivery, line }| (delivery, Some(line)))?,
        None => (number(id)?, None),
    };
    let store = look_into_store(&config.store()?).await?;
    let entries = store.ledger(&Filter { delivery: Some(delivery), line, ..Filter::default() }).await?;
    if entries.is_empty() && store.delivery(delivery).await?.is_none() {
        return Err(no_delivery(&store, delivery).await?);
    }
    if entries.is_empty() {
        return Err(Failure::Wrong(format!(
            "the ledger has no {id} (a delivery that was just accepted takes a moment)"
        )));
    }
    for entry in &entries {
        if json { say(json!(entry))? } else { say(in_full(entry))? }
    }
    Ok(())
}

fn in_full(entry: &Entry) -> String {
    let conversation = entry.thread.as_ref().map(|key| format!(", in the conversation {key}")).unwrap_or_default();
    let text = format!("{}\n{INDENT}delivery {} of {}{conversation}", shown(entry, true), entry.delivery, entry.source);
    match &entry.message {
        Some(message) => format!("{text}\n\n{}\n", framed(&whom(entry), &message.subject, &message.text())),
        None if entry.forgotten => format!("{text}\n{INDENT}{}", FORGOTTEN_MESSAGE),
        None => text,
    }
}

async fn retry(config: &ConfigArgs, ids: &[String]) -> Result<(), Failure> {
    let lines = ids.iter().map(|id| named(id)).collect::<Result<Vec<_>, _>>()?;
    let store = open_store(&config.store()?).await?;
    let mut wrong = Vec::new();
    for (line, id) in lines.into_iter().zip(ids) {
        match store.retry(line).await? {
            0 => wrong.push(id.as_str()),
            sends => say(format!("{id}: queued again ({sends})"))?,
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "there is nothing to retry in {}: see `microalign ledger --state failed`",
        wrong.join(", ")
    )))
}

fn named(id: &str) -> Result<LineId, Failure> {
    id.parse().map_err(Failure::Usage)
}

fn number(text: &str) -> Result<i64, Failure> {
    text.parse()
        .map_err(|_| Failure::Usage(format!("`{text}` isn't a number in the ledger: write one such as 41 or 41.2")))
}
