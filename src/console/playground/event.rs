//! The event that something is tried on: a stored delivery, or a pasted payload.

use jiff::Timestamp;
use serde_json::Value;

use super::{LONGEST_PAYLOAD, Trial, within};
use crate::console::Console;
use crate::console::access::Visitor;
use crate::console::answer::Refused;
use crate::event::{About, Event, Source, Ticket};
use crate::explain::Payload;
use crate::intake::understand;
use crate::source::{Parsed, json_body};

/// How often loops may run, all together.
const MOST_TURNS: usize = 10_000_000;
/// How many templates a template may include, one way or another.
const MOST_INCLUDES: usize = 512;

/// The event of a trial, if it has one.
///
/// # Errors
/// [`Refused::Wrong`] for what is no event; [`Refused::NotFound`] for one that the visitor may not see.
pub(super) async fn payload(console: &Console, visitor: &Visitor, trial: &Trial) -> Result<Option<Payload>, Refused> {
    if let Some(id) = trial.delivery {
        return stored(console, visitor, id).await.map(Some);
    }
    let Some(text) = &trial.payload else { return Ok(None) };
    within(text, LONGEST_PAYLOAD, "the payload")?;
    let source = trial.source.unwrap_or(Source::Github);
    let event = trial.event.clone().unwrap_or_default();
    if source == Source::Github && event.is_empty() {
        return Err(Refused::Wrong(
            "name the event, as GitHub's header X-GitHub-Event does: `pull_request`".to_owned(),
        ));
    }
    let body = json_body(Some("application/json"), text.as_bytes());
    let body = body.map_err(|error| Refused::Wrong(format!("the payload isn't JSON: {error}")))?;
    Ok(Some(Payload { source, event, body: body.into_owned(), received: Timestamp::now() }))
}

/// A stored delivery. Whoever may not see its words can't try anything on it either: each condition would tell some of them.
async fn stored(console: &Console, visitor: &Visitor, id: i64) -> Result<Payload, Refused> {
    let none = || Refused::NotFound(format!("There is no delivery {id}, or you may not see it."));
    let payload = Payload::from(console.store.delivery(id).await?.ok_or_else(none)?);
    if payload.body.is_empty() {
        return Err(Refused::Wrong(format!("the body of delivery {id} was deleted (`[store] keep_bodies`)")));
    }
    if visitor.is_local() {
        return Ok(payload);
    }
    let Payload { source, event, body, received } = &payload;
    // What no rule can ask for may be a restricted comment.
    let Parsed::Events(events) = understand(*source, event, body, *received, &console.settings) else {
        return Err(none());
    };
    for event in &events {
        // Its words may have been deleted since, or read by fewer.
        let written = event.note.is_some() || event.comment.is_some();
        if written || is_restricted(console, event).await? || (event.is_private() && !visitor.sees_everything()) {
            return Err(none());
        }
    }
    Ok(payload)
}

/// Whether an event is about a ticket that only some may see, then or now.
async fn is_restricted(console: &Console, event: &Event) -> Result<bool, Refused> {
    let restricted = |ticket: &Ticket| ticket.restricted == Some(true);
    if matches!(&event.about, About::Ticket(ticket) if restricted(ticket)) {
        return Ok(true);
    }
    let subjects = event.tickets.iter().map(|key| key.subject()).collect();
    let known = console.store.known(subjects).await?;
    let tickets = event.tickets.iter().filter_map(|key| known.get(&key.subject())?.ticket(key.as_str()));
    Ok(tickets.into_iter().any(|ticket| restricted(&ticket)))
}

/// Refuses a template whose loops would take too long over an event's lists.
///
/// # Errors
/// [`Refused::Wrong`]
pub(super) fn bounded(template: &str, payload: &Payload) -> Result<(), Refused> {
    bounded_over(template, serde_json::from_slice(&payload.body).map_or(0, |body| longest_list(&body)))
}

/// The same for lists of this length: a loop may stand within one other, and all of it in a template that is included often.
///
/// # Errors
/// [`Refused::Wrong`]
pub(super) fn bounded_over(template: &str, longest: usize) -> Result<(), Refused> {
    let tags = template.split("{{").skip(1).map(|tag| tag.trim_start_matches(|c: char| c == '~' || c.is_whitespace()));
    let (mut loops, mut times) = (0_usize, 1);
    for tag in tags {
        let block = tag.strip_prefix('#').map(str::trim_start);
        loops += usize::from(block.is_some_and(|block| block.starts_with("each")));
        if tag.starts_with('>') {
            times = MOST_INCLUDES;
        }
    }
    let turns = loops.saturating_mul(longest).saturating_mul(longest).saturating_mul(times);
    match turns > MOST_TURNS {
        true => Err(Refused::Wrong(format!(
            "the template's {loops} loops would take too long over this event, which has a list of {longest} entries: try it on \
             a smaller one"
        ))),
        false => Ok(()),
    }
}

fn longest_list(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(longest_list).max().unwrap_or_default().max(items.len()),
        Value::Object(fields) => fields.values().map(longest_list).max().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_counted_before_they_run() {
        let labels = |count: usize| format!("{{\"a\": {{\"labels\": [{}]}}}}", vec!["1"; count].join(","));
        let payload = |count| Payload {
            source: Source::Github,
            event: "pull_request".to_owned(),
            body: labels(count).into_bytes(),
            received: Timestamp::UNIX_EPOCH,
        };
        let nested = "{{#each pr.labels}}{{#each @root.pr.labels}}{{this}}{{/each}}{{/each}}";
        assert!(bounded(nested, &payload(100)).is_ok());
        assert!(bounded(nested, &payload(10_000)).is_err());
        assert!(bounded(&nested.repeat(1000), &payload(100)).is_err());
        assert!(bounded(&format!("{nested}{{{{~ > draft}}}}"), &payload(300)).is_err());
        assert!(bounded(&nested.replace("#each", "# each"), &payload(10_000)).is_err());
        assert!(bounded("{{pr.title}}", &payload(10_000)).is_ok());
    }
}
