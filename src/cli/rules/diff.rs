//! `microalign rules diff`: who gains and who loses which messages by a change to team files.

mod changes;
mod webhooks;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use self::changes::{Messages, Told, changes};
use crate::app;
use crate::cli::rehearse::{span, with_bar};
use crate::cli::{Failure, counted, look_into_store, say, variable};
use crate::compose::Rulebook;
use crate::config::{self, Config};
use crate::plan;
use crate::rehearsal;
use crate::store::{EntryState, Filter, Store};

pub(in crate::cli) const LONG: &str = "\
Show which messages each team gains or loses by a change to team files: by the rules in OLD, and by those in NEW.

They are compared over webhooks: the payloads of the tests in both folders, those of a folder (`--events`), or those that the \
store got lately (`--since`, which takes them in as `microalign rehearse` does). Nothing is sent. What is printed can stand in \
a comment on a pull request, as it is.

The exit code says whether they could be compared, not whether there is a difference.";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The folder of team files before the change
    old: PathBuf,
    /// The folder of team files after it
    new: PathBuf,
    /// The webhook bodies in this folder, instead of those of the tests. The name of each file begins with GitHub's name for
    /// the event, or with `jira`, and a dot: `pull_request.merged.json`
    #[arg(long, value_name = "DIR")]
    events: Option<PathBuf>,
    /// What the store got lately, instead: how far back to go, such as 14d
    #[arg(long, value_name = "AGE", conflicts_with = "events")]
    since: Option<String>,
    /// The configuration file. For `--since` that is `microalign.toml` by default; otherwise none is needed, and without one only
    /// the form of destinations is checked
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of templates, beside the built-in ones. By default, what the configuration says, or else `templates` beside
    /// each folder of team files
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// Print one JSON object per rule that gains or loses something
    #[arg(long)]
    json: bool,
}

/// The rules of one of the two folders.
struct Side {
    config: Config,
    rulebook: Rulebook,
}

pub(in crate::cli) async fn run(args: &Args) -> Result<(), Failure> {
    let (old, new) = (side(args, &args.old)?, side(args, &args.new)?);
    let problems = [&old, &new].into_iter().flat_map(|side| side.rulebook.problems()).cloned().collect::<Vec<_>>();
    if !problems.is_empty() {
        return Err(Failure::Problems(problems));
    }
    let rules = |side: &Side| {
        let names = side.rulebook.rules().all().map(|(team, rule)| (team.name.clone(), rule.name.clone()));
        names.collect::<Vec<_>>()
    };
    let (before, after) = (rules(&old), rules(&new));
    let added = after.into_iter().filter(|rule| !before.contains(rule)).collect::<Vec<_>>();
    let (over, [old, new]) = match &args.since {
        Some(since) => over_store(since, [old, new]).await?,
        None => over_files(args, &[old, new])?,
    };
    let changes = changes(old, new, added);
    if args.json {
        return changes.iter().filter(|change| change.is_difference()).try_for_each(|change| say(change.as_json()));
    }
    say(format!("Compared over {over}.\n"))?;
    say(changes::text(&changes))
}

fn side(args: &Args, rules: &Path) -> Result<Side, Failure> {
    let default = || args.since.as_ref().map(|_| PathBuf::from("microalign.toml"));
    let config = match args.config.clone().or_else(default) {
        Some(path) => {
            let config = config::look(&path, &variable).map_err(Failure::Problems)?;
            let templates = args.templates.clone().unwrap_or_else(|| config.templates.clone());
            Config { rules: rules.to_owned(), templates, ..config }
        }
        None => super::alone(rules, args.templates.as_ref())?,
    };
    let rulebook = Rulebook::load(&config, None);
    Ok(Side { config, rulebook })
}

async fn over_store(since: &str, sides: [Side; 2]) -> Result<(String, [Messages; 2]), Failure> {
    let span = span(since)?;
    let store = look_into_store(&sides[0].config.store).await?;
    let [old, new] = sides;
    let (deliveries, old) = of_store(old, &store, &span).await?;
    let (_, new) = of_store(new, &store, &span).await?;
    let from = span.start().strftime("%Y-%m-%d %H:%M UTC");
    Ok((format!("{} that came since {from}", counted(deliveries, "webhook")), [old, new]))
}

/// What the rules would have told of a span of a store's past. What would wait at its end counts as told.
async fn of_store(
    Side { config, rulebook }: Side,
    store: &Store,
    span: &RangeInclusive<Timestamp>,
) -> Result<(usize, Messages), Failure> {
    let places = rulebook.rules().all().flat_map(|(team, rule)| {
        let name = (team.name.clone(), rule.name.clone());
        plan::destinations(rule).into_iter().map(move |to| (name.clone(), to.to_string()))
    });
    let places = places.collect::<Vec<_>>();
    let rules = (app::settings(&config), rulebook);
    let work = async |progress: &dyn Fn(usize, usize)| rehearsal::play((store, span), rules, progress).await;
    let played = with_bar(work).await?;
    let (mut messages, mut pages) = (Messages::new(), played.store().ledger_pages(Filter::default()));
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok((played.deliveries, messages));
        }
        for entry in page.into_iter().filter(|entry| matches!(entry.state, EntryState::Held | EntryState::Sent)) {
            let (Some(team), Some(rule)) = (entry.team, entry.rule) else { continue };
            let (kind, subject) = (entry.kind.unwrap_or_default(), entry.subject.unwrap_or_default());
            let name = (team, rule);
            for (_, to) in places.iter().filter(|(of, _)| *of == name) {
                let told = Told { kind: kind.clone(), subject: subject.clone(), to: to.clone() };
                messages.add(name.clone(), told);
            }
        }
    }
}

fn over_files(args: &Args, sides: &[Side; 2]) -> Result<(String, [Messages; 2]), Failure> {
    let (webhooks, place) = match &args.events {
        Some(folder) => (webhooks::of_folder(folder)?, format!("in {}", folder.display())),
        None => (webhooks::of_tests(sides.iter().map(|side| &side.rulebook))?, "of the rules' tests".to_owned()),
    };
    if webhooks.is_empty() {
        let nothing = format!("there are no webhooks {place}");
        let help = "name a folder with `--events DIR`, or compare over the store with `--since AGE`";
        return Err(Failure::Wrong(format!("{nothing}: {help}")));
    }
    let told = sides.each_ref().map(|Side { config, rulebook }| webhooks::told(&webhooks, rulebook, config));
    Ok((format!("{} {place}", counted(webhooks.len(), "webhook")), told))
}
