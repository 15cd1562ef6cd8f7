//! `microalign explain`: shows what a payload would lead to.

mod at;

use std::path::{Path, PathBuf};

use console::Style;
use jiff::Timestamp;
use serde_json::{Value, json};

use self::at::{At, Goes, goes};
use super::suggest::{find_team, no_delivery};
use super::text::{framed, hanging, painted};
use super::{ConfigArgs, Failure, github_event, look_into_store, say};
use crate::app;
use crate::channel::{Channels, Names, Post, Preview};
use crate::compose::{self, Rulebook, Telling};
use crate::config::Config;
use crate::destination::Destination;
use crate::event::{Event, Source};
use crate::intake::understand;
use crate::plan::{self, Evaluated};
use crate::reason::Code;
use crate::rule::{Rule, Team, Verdict};
use crate::source::{self, BodyError, Parsed, json_body};
use crate::store::Incoming;
use crate::template::{Links, Message};
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

/// What is explained.
struct Payload {
    source: Source,
    /// GitHub's name for the event; empty for Jira
    event: String,
    body: Vec<u8>,
    received: Timestamp,
}

/// A rule, with its result for the event.
struct Line<'a> {
    evaluated: Evaluated<'a>,
    /// When its message would be sent, with `--at`; the inner `None` is for a rule that doesn't match
    goes: Option<Option<Goes>>,
}

impl<'a> Line<'a> {
    fn new(evaluated: Evaluated<'a>, at: Option<At>) -> Self {
        let matches = evaluated.verdict == Verdict::Match;
        let goes = at.map(|at| matches.then(|| goes(evaluated.team, evaluated.rule, at)));
        Self { evaluated, goes }
    }
}

/// A message that would be sent.
struct Would<'a> {
    team: &'a str,
    rule: &'a str,
    destination: String,
    preview: Preview,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let config = args.config.look()?;
    let payload = match args.event_id {
        Some(id) => stored(id, &config).await?,
        None => given(args)?,
    };
    let rulebook = Rulebook::load(&config, None);
    if !rulebook.problems().is_empty() {
        super::show(rulebook.problems());
    }
    if let Some(team) = &args.team {
        find_team(rulebook.rules().teams(), team)?;
    }
    let is_asked = |team: &str| args.team.as_deref().is_none_or(|asked| asked == team);
    let channels = Channels::new(config.channels.clone(), Names::open());
    let Payload { source, event, body, received } = payload;
    match understand(source, &event, &body, received, &app::settings_for(&config, &rulebook)) {
        Parsed::Ignored(reason) if args.json => say(
            json!({ "event": { "kind": "ignored", "reason": reason.to_string(), "code": reason.code() }, "rules": [], "messages": [] }),
        ),
        Parsed::Ignored(reason) => say(format!("ignored: {reason}")),
        Parsed::Events(mut events) => {
            events.iter_mut().for_each(at_home);
            let tracked = events.into_iter().map(|event| track::track(None, event)).collect::<Vec<_>>();
            let evaluated = plan::evaluate_all(&tracked, rulebook.rules());
            let mut would = messages(&tracked, &rulebook, &channels, args.at)?;
            would.retain(|would| is_asked(would.team));
            let evaluated = evaluated.into_iter().filter(|evaluated| is_asked(&evaluated.team.name));
            let evaluated = evaluated.map(|evaluated| Line::new(evaluated, args.at)).collect::<Vec<_>>();
            if args.json {
                say(as_json(&tracked, &evaluated, &would))
            } else {
                print(&tracked, &evaluated, &would, args.all)
            }
        }
    }
}

/// A payload alone says nothing about other hosts, or about people whom it doesn't name.
fn at_home(event: &mut Event) {
    event.host = None;
    source::name_people(event, &|_| None);
}

/// A delivery as it came.
async fn stored(id: i64, config: &Config) -> Result<Payload, Failure> {
    let store = look_into_store(&config.store).await?;
    let Some(delivery) = store.delivery(id).await? else {
        return Err(no_delivery(&store, id).await?);
    };
    let Incoming { source, name, body, received, .. } = delivery;
    if body.is_empty() {
        return Err(Failure::Wrong(format!(
            "the body of delivery {id} was deleted (`[store] keep_bodies`): `microalign ledger show {id}` says what became of it"
        )));
    }
    Ok(Payload { source, event: name, body, received })
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

fn messages<'a>(
    tracked: &[Tracked],
    rulebook: &'a Rulebook,
    channels: &Channels,
    at: Option<At>,
) -> Result<Vec<Would<'a>>, Failure> {
    let (mut would, mut said) = (Vec::new(), Vec::new());
    for (nth, tracked) in tracked.iter().enumerate() {
        for (team, rule, kind) in plan::matching(tracked, rulebook.rules()) {
            let event = &Event { kind, ..tracked.event.clone() };
            let now = at.map_or_else(Timestamp::now, |at| goes(team, rule, at).at);
            if compose::withheld(team, event, None).is_some() {
                continue;
            }
            let ticket = tracked.ticket_as(kind);
            let message = rulebook.compose(&Telling { event, ticket, team, rule, line: None, now })?;
            for to in plan::destinations(rule) {
                // If several rules of a team send the same words about an event to one destination, they are sent once.
                let words = (nth, &team.name, to.clone(), message.body.clone());
                if said.contains(&words) {
                    continue;
                }
                let preview = preview(channels, (team, rule, event), &to, &message);
                would.push(Would { team: &team.name, rule: &rule.name, destination: to.to_string(), preview });
                said.push(words);
            }
        }
    }
    Ok(would)
}

fn preview(
    channels: &Channels,
    (team, rule, event): (&Team, &Rule, &Event),
    to: &Destination,
    message: &Message,
) -> Preview {
    let thread = &track::conversation(event);
    let links = Links::default();
    let post = Post {
        id: 0,
        team: &team.name,
        rule: &rule.name,
        kind: event.kind.as_str(),
        ..Post::new(message, thread, (event.at, &links))
    };
    channels.preview(to, &post)
}

fn because(evaluated: &Evaluated<'_>) -> String {
    match &evaluated.verdict {
        Verdict::Match => evaluated.by.join("; "),
        Verdict::Miss { because, .. } | Verdict::Suppressed { because } => because.to_string(),
    }
}

/// Why a rule doesn't match, for programs.
fn code(evaluated: &Evaluated<'_>) -> Option<Code> {
    match &evaluated.verdict {
        Verdict::Match => None,
        Verdict::Miss { because, .. } | Verdict::Suppressed { because } => Some(because.code()),
    }
}

fn event_json(event: &Event) -> Value {
    json!({
        "kind": event.kind,
        "source": event.source,
        "scope": event.scope,
        "actor": event.actor.as_ref().map(|actor| &actor.login),
        "subject": event.subject,
        "title": event.about.title(),
        "url": event.url.as_deref().or_else(|| event.about.url()),
        "thread": track::conversation(event),
        "tickets": event.tickets,
    })
}

fn as_json(tracked: &[Tracked], lines: &[Line<'_>], would: &[Would<'_>]) -> Value {
    let rules = lines.iter().map(|Line { evaluated, goes }| {
        let mut rule = json!({
            "team": evaluated.team.name,
            "rule": evaluated.rule.name,
            "matches": evaluated.verdict == Verdict::Match,
            "because": because(evaluated),
            "code": code(evaluated),
        });
        if let Some(goes) = goes {
            rule["at"] =
                goes.as_ref().map_or(Value::Null, |Goes { at, words }| json!({ "time": at, "because": words }));
        }
        rule
    });
    let messages = would.iter().map(|would| {
        let mut message = json!({
            "team": would.team,
            "rule": would.rule,
            "destination": would.destination,
            "subject": would.preview.subject,
            "text": would.preview.text,
        });
        if let Some(html) = &would.preview.html {
            message["html"] = json!(html);
        }
        message
    });
    json!({
        "event": tracked.first().map(|tracked| event_json(&tracked.event)),
        "rules": rules.collect::<Vec<_>>(),
        "messages": messages.collect::<Vec<_>>(),
    })
}

fn print(tracked: &[Tracked], lines: &[Line<'_>], would: &[Would<'_>], all: bool) -> Result<(), Failure> {
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
    let (matching, others): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.evaluated.verdict == Verdict::Match);
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
    for Would { team, rule, destination, preview } in would {
        say(format!("\n{}", framed(&format!("{team} / {rule} → {destination}"), &preview.subject, &preview.text)))?;
    }
    if would.is_empty() { say("\nNothing would be sent.") } else { Ok(()) }
}
