//! An event: what came in, what it meant, what each rule made of it, and what happened since, step by step.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Console;
use super::access::{Action, Visitor};
use super::answer::Refused;
use super::card::{Seen, Update};
use super::redact::redact;
use super::sight::{Onlooker, restricted};
use crate::event::Event;
use crate::plan::{self, LineId};
use crate::rule::Verdict;
use crate::store::{EntryState, Happened, Step, Story};
use crate::track;

/// Longer payloads are cut: nobody reads them.
const LONGEST: usize = 200_000;

/// Which delivery.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The number in front of the dot in an update's id
    delivery: i64,
}

/// A delivery, with all that came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Told {
    /// Its number
    pub delivery: i64,
    /// `github` or `jira`
    pub source: String,
    /// GitHub's name for the webhook
    pub name: Option<String>,
    /// The sender's id for it
    pub key: String,
    /// When it came
    pub received: String,
    /// The payload, without secrets, addresses and texts; absent if it was deleted, or may not be read
    pub payload: Option<Value>,
    /// The payload was deleted (`[store] keep_bodies`, or `microalign store forget`)
    pub payload_deleted: bool,
    /// Some of it may not be read by this visitor
    pub withheld: bool,
    /// What it meant
    pub events: Vec<Meant>,
    /// What the rules of today make of that
    pub rules: Vec<Judged>,
    /// Its lines in the ledger
    pub lines: Vec<Line>,
}

/// An event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Meant {
    /// Its kind
    pub kind: String,
    /// What it is about
    pub subject: String,
    /// Whose doing it is, by login or account
    pub actor: Option<String>,
    /// When it happened, as the source says
    pub at: String,
    /// Where to read more
    pub url: Option<String>,
    /// Its conversation
    pub thread: String,
    /// The tickets that it belongs to
    pub tickets: Vec<String>,
    /// Why it is not news, if it takes something back
    pub undoes: Option<String>,
}

/// What a rule makes of an event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Judged {
    /// The team
    pub team: String,
    /// Its rule
    pub rule: String,
    /// Whether it matches
    pub matches: bool,
    /// By what it matches, or the first condition that fails and by what
    pub because: String,
}

/// A line of the ledger.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    /// The line as it is now
    pub update: Update,
    /// What happened to it, oldest first
    pub steps: Vec<Happening>,
    /// Whether this visitor can have it sent or read again
    pub retry: bool,
}

/// Something that happened to a line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Happening {
    /// When
    pub at: String,
    /// The state that the line came into, or how an attempt to send its message ended
    pub what: String,
    /// Why, or what the other end said
    pub words: String,
    /// Of an attempt: where to
    pub destination: Option<String>,
    /// Of an attempt: which it was, from 1
    pub attempt: Option<i64>,
    /// The line that replaced it
    pub by: Option<String>,
}

/// `GET /api/v1/events/{delivery}`
pub(super) async fn event(console: Arc<Console>, visitor: Visitor, which: Which) -> Result<Told, Refused> {
    told(&console, &visitor, which.delivery).await
}

/// What a visitor may know of a delivery.
pub(super) async fn told(console: &Console, visitor: &Visitor, delivery: i64) -> Result<Told, Refused> {
    let unknown = || Refused::NotFound(format!("There is no delivery {delivery}: it may have been deleted since."));
    let story = console.store.story(delivery).await?.ok_or_else(unknown)?;
    let onlooker = Onlooker::new(visitor);
    let Story { delivery, body, events, titles, lines } = story;
    let is_restricted = lines.iter().any(|(line, _)| restricted(line));
    let number = lines.len();
    let lines = lines.into_iter().filter_map(|(line, steps)| {
        let seen = Seen::by(&onlooker, line)?;
        Some((seen, steps))
    });
    let lines = lines.collect::<Vec<_>>();
    // A delivery that nothing came of yet says nothing about who may know of it.
    let withheld = lines.iter().any(|(seen, _)| !seen.is_whole()) || lines.len() < number;
    if lines.is_empty() && !visitor.is_local() {
        return Err(unknown());
    }
    let payload_deleted = body.is_empty();
    let payload = (!withheld && !payload_deleted).then(|| payload(&body, &titles, is_restricted));
    let rules = if withheld { Vec::new() } else { judged(console, &onlooker, &events) };
    let events = if withheld { &[] } else { &*events };
    Ok(Told {
        delivery: delivery.id,
        source: delivery.source.to_string(),
        name: Some(delivery.name).filter(|name| !name.is_empty()),
        key: delivery.key,
        received: delivery.received.to_string(),
        payload,
        payload_deleted,
        withheld,
        events: events.iter().map(meant).collect(),
        rules,
        lines: lines.into_iter().map(|(seen, steps)| line(&seen, &steps, visitor)).collect(),
    })
}

fn payload(body: &[u8], titles: &[String], restricted: bool) -> Value {
    match serde_json::from_slice(body) {
        Ok(mut payload) => {
            redact(&mut payload, titles, restricted);
            payload
        }
        Err(_) => Value::from("(this isn't JSON)"),
    }
}

/// A payload as people read it, and whether it was cut.
pub(super) fn pretty(payload: &Value) -> (String, bool) {
    let mut text = serde_json::to_string_pretty(payload).unwrap_or_default();
    let cut = text.len() > LONGEST;
    text.truncate(text.floor_char_boundary(LONGEST));
    (text, cut)
}

fn meant(event: &Event) -> Meant {
    Meant {
        kind: event.kind.to_string(),
        subject: event.subject.to_string(),
        actor: event.actor.as_ref().map(|actor| actor.login.clone()),
        at: event.at.to_string(),
        url: event.url.clone().or_else(|| event.about.url().map(str::to_owned)),
        thread: track::conversation(event),
        tickets: event.tickets.iter().map(|key| key.as_str().to_owned()).collect(),
        undoes: event.undoing.as_ref().map(|undoing| undoing.because.clone()),
    }
}

/// What the rules of the teams that a visitor sees make of events.
fn judged(console: &Console, onlooker: &Onlooker, events: &[Event]) -> Vec<Judged> {
    let rulebook = console.rulebook.borrow().clone();
    let tracked = events.iter().map(|event| track::track(None, event.clone())).collect::<Vec<_>>();
    if tracked.is_empty() {
        return Vec::new();
    }
    let evaluated = plan::evaluate_all(&tracked, rulebook.rules());
    let evaluated = evaluated.into_iter().filter(|evaluated| onlooker.sees(Some(&evaluated.team.name)));
    let mut judged = evaluated.map(|evaluated| Judged {
        team: evaluated.team.name.clone(),
        rule: evaluated.rule.name.clone(),
        matches: evaluated.verdict == Verdict::Match,
        because: match &evaluated.verdict {
            Verdict::Match => evaluated.by.join("; "),
            Verdict::Miss { because, .. } | Verdict::Suppressed { because } => because.to_string(),
        },
    });
    let mut all = judged.by_ref().collect::<Vec<_>>();
    all.sort_by_key(|judged| !judged.matches);
    all
}

fn line(seen: &Seen, steps: &[Step], visitor: &Visitor) -> Line {
    let update = seen.update();
    let ended = matches!(update.state, EntryState::Failed | EntryState::Ignored);
    let retry = ended && visitor.may_change(update.team.as_deref());
    Line { steps: steps.iter().map(|step| happening(step, seen.is_whole())).collect(), update, retry }
}

fn happening(Step { at, what }: &Step, whole: bool) -> Happening {
    let at = at.to_string();
    match what {
        Happened::Became { state, reason, by } => Happening {
            at,
            what: state.to_string(),
            words: if whole { reason.to_string() } else { reason.code().describe().to_owned() },
            destination: None,
            attempt: None,
            by: by.clone(),
        },
        Happened::Tried { destination, number, began, outcome, error } => Happening {
            what: outcome.to_string(),
            words: if whole { error.clone().unwrap_or_default() } else { String::new() } + &took(*began, &at),
            destination: whole.then(|| destination.clone()),
            attempt: Some(*number),
            by: None,
            at,
        },
    }
}

/// How long an attempt took, if that is worth a word.
fn took(began: Timestamp, ended: &str) -> String {
    let seconds = ended.parse::<Timestamp>().map_or(0.0, |ended| ended.duration_since(began).as_secs_f64());
    if seconds >= 1.0 { format!(" (after {seconds:.0} s)") } else { String::new() }
}

/// Has what failed sent again, or what was ignored read again.
///
/// # Errors
/// [`Refused::Forbidden`], [`Refused::Wrong`] if there is nothing to retry
pub(super) async fn retry(console: &Console, visitor: &Visitor, id: &str) -> Result<LineId, Refused> {
    let name: LineId = id.parse().map_err(Refused::Wrong)?;
    let told = told(console, visitor, name.delivery).await?;
    let line = told.lines.into_iter().find(|line| line.update.id == name.to_string());
    let line = line.ok_or_else(|| Refused::NotFound(format!("There is no line {name}.")))?;
    if !visitor.may_change(line.update.team.as_deref()) {
        return Err(Refused::Forbidden("your role doesn't let you retry this".to_owned()));
    }
    match console.store.retry(name).await {
        Ok(0) => Err(Refused::Wrong(format!("there is nothing to retry: {name} is {}", line.update.state))),
        Ok(_) => {
            let action = if line.update.state == EntryState::Ignored { Action::Replay } else { Action::Retry };
            console.record(visitor, action, &name.to_string()).await;
            Ok(name)
        }
        Err(error @ (crate::store::StoreError::NoBody(_) | crate::store::StoreError::NoMessage(_))) => {
            Err(Refused::Wrong(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Which line to retry.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// `delivery.line`
    id: String,
}

/// What was retried.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Retried {
    /// `delivery.line`
    id: String,
}

/// `POST /api/v1/updates/{id}/retry`
pub(super) async fn retry_update(console: Arc<Console>, visitor: Visitor, asked: Retry) -> Result<Retried, Refused> {
    let line = retry(&console, &visitor, &asked.id).await?;
    Ok(Retried { id: line.to_string() })
}
