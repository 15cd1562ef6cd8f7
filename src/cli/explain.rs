//! `microalign explain`: what one payload would lead to.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::{framed, hanging};
use super::{ConfigArgs, Failure, say};
use crate::app;
use crate::channel::{Channels, Post, Preview};
use crate::event::{Event, Source};
use crate::intake::understand;
use crate::plan;
use crate::rule::{Asked, Rule, Team, Verdict, judge};
use crate::rulebook::Rulebook;
use crate::source::{BodyError, Parsed, json_body};
use crate::track::{self, Tracked};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Who would have sent it
    #[arg(long)]
    source: Source,
    /// GitHub's event name (X-GitHub-Event), such as pull_request
    #[arg(long, required_if_eq("source", "github"), default_value = "", hide_default_value = true)]
    event: String,
    /// The payload, a file with JSON; `-` for standard input
    file: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What a rule says of the payload.
struct Judged<'a> {
    team: &'a Team,
    rule: &'a Rule,
    verdict: Verdict,
}

/// A message that would be sent.
struct Would<'a> {
    team: &'a str,
    rule: &'a str,
    destination: String,
    preview: Preview,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let config = args.config.load()?;
    let raw = read(args)?;
    let body = json_body(Some("application/json"), &raw).map_err(|error| match error {
        BodyError::NotJson(error) => Failure::Wrong(format!("{} is no JSON: {error}", args.file.display())),
        BodyError::UnsupportedType => Failure::Wrong(format!("{} is no JSON", args.file.display())),
    })?;
    let rulebook = Rulebook::load(&config, None);
    if !rulebook.problems().is_empty() {
        super::show(rulebook.problems());
    }
    let channels = Channels::new(config.channels.clone());
    match understand(args.source, &args.event, &body, Timestamp::now(), &app::settings(&config)) {
        Parsed::Ignored(reason) if args.json => {
            say(json!({ "event": { "kind": "ignored", "reason": reason }, "rules": [], "messages": [] }))
        }
        Parsed::Ignored(reason) => say(format!("ignored: {reason}")),
        Parsed::Events(events) => {
            let tracked = events.into_iter().map(|event| track::track(None, event)).collect::<Vec<_>>();
            let judged = judge_all(&tracked, &rulebook);
            let would = messages(&tracked, &rulebook, &channels)?;
            if args.json { say(as_json(&tracked, &judged, &would)) } else { print(&tracked, &judged, &would) }
        }
    }
}

fn read(args: &Args) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut raw = Vec::new();
    let read = if args.file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut raw)
    } else {
        std::fs::File::open(&args.file).and_then(|mut file| file.read_to_end(&mut raw))
    };
    read.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", args.file.display())))?;
    Ok(raw)
}

/// One verdict a rule: the first event of the payload that it matches, else why it does not match the first one.
fn judge_all<'a>(tracked: &[Tracked], rulebook: &'a Rulebook) -> Vec<Judged<'a>> {
    let rules = rulebook.rules().all();
    rules
        .map(|(team, rule)| {
            let mut verdicts =
                tracked.iter().map(|tracked| judge(rule, team, as_it_is(&tracked.event))).collect::<Vec<_>>();
            let best = verdicts.iter().position(|v| matches!(v, Verdict::Match)).or_else(|| {
                // A rule that listens to one of the events says more than one that listens to none.
                verdicts
                    .iter()
                    .position(|v| matches!(v, Verdict::Suppressed { .. }))
                    .or_else(|| tracked.iter().position(|tracked| rule.on.kinds.contains(&tracked.event.kind)))
            });
            Judged { team, rule, verdict: verdicts.swap_remove(best.unwrap_or(0)) }
        })
        .collect()
}

/// One payload says nothing of its ticket, unless it is Jira's.
fn as_it_is(event: &Event) -> Asked<'_> {
    Asked { event, kind: event.kind, ticket: None }
}

fn messages<'a>(tracked: &[Tracked], rulebook: &'a Rulebook, channels: &Channels) -> Result<Vec<Would<'a>>, Failure> {
    let mut would = Vec::new();
    for Tracked { event, .. } in tracked {
        for (team, rule) in rulebook.rules().candidates(event.kind, event) {
            if judge(rule, team, as_it_is(event)) != Verdict::Match {
                continue;
            }
            let message = rulebook.compose(event, None, team, rule)?;
            let thread = track::thread(&event.subject, &event.tickets);
            for to in plan::destinations(rule) {
                let post = Post {
                    id: 0,
                    message: &message,
                    thread,
                    thread_label: thread,
                    root: None,
                    team: &team.name,
                    rule: &rule.name,
                    kind: event.kind.as_str(),
                    at: event.at,
                };
                let preview = channels.preview(&to, &post);
                would.push(Would { team: &team.name, rule: &rule.name, destination: to.to_string(), preview });
            }
        }
    }
    Ok(would)
}

fn because(judged: &Judged<'_>) -> String {
    match &judged.verdict {
        Verdict::Match => "every condition holds".to_owned(),
        Verdict::Miss { because } | Verdict::Suppressed { because } => because.clone(),
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
        "thread": track::thread(&event.subject, &event.tickets),
        "tickets": event.tickets,
    })
}

fn as_json(tracked: &[Tracked], judged: &[Judged<'_>], would: &[Would<'_>]) -> Value {
    let rules = judged.iter().map(|judged| {
        json!({
            "team": judged.team.name,
            "rule": judged.rule.name,
            "matches": judged.verdict == Verdict::Match,
            "because": because(judged),
        })
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

fn print(tracked: &[Tracked], judged: &[Judged<'_>], would: &[Would<'_>]) -> Result<(), Failure> {
    for Tracked { event, .. } in tracked {
        let who = event.actor.as_ref().map_or("nobody", |actor| &actor.login);
        say(format!("{} on {} by {who}", event.kind, event.subject))?;
        say(hanging("  ", event.about.title()))?;
        say(format!("  in the conversation {}", track::thread(&event.subject, &event.tickets)))?;
    }
    say(if judged.is_empty() { "\nThere are no rules." } else { "" })?;
    for judged in judged {
        let (mark, because) = match &judged.verdict {
            Verdict::Match => ("yes  ", "matches"),
            Verdict::Miss { because } | Verdict::Suppressed { because } => ("no   ", because.as_str()),
        };
        say(hanging(mark, &format!("{} / {}: {because}", judged.team.name, judged.rule.name)))?;
    }
    for Would { team, rule, destination, preview } in would {
        say(format!("\n{}", framed(&format!("{team} / {rule} → {destination}"), &preview.subject, &preview.text)))?;
    }
    if would.is_empty() { say("\nNothing would be sent.") } else { Ok(()) }
}
