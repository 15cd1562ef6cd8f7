//! Tries again what was given up: one message, several, or all of a destination.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::Console;
use super::access::{Action, Role, Visitor};
use super::answer::{Answer, Refused};
use super::request::Asked;
use crate::destination::Destination;
use crate::plan::LineId;
use crate::store::{Filter, StoreError};

/// So many lines are tried again at once.
const MOST: usize = 100;

/// What to try again.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// These lines, at most 100, each such as `41.2`
    #[serde(default)]
    lines: Vec<String>,
    /// All that failed of this destination: at most 500 messages at once
    destination: Option<String>,
}

/// What is tried again.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Retried {
    /// So many messages are being sent again
    sends: u64,
    /// There are more of the destination: ask again
    more: bool,
}

/// Whether a visitor may try again what one of these teams was not sent.
pub(super) fn may_retry(visitor: &Visitor, teams: &[String]) -> bool {
    visitor.may_change(None) || teams.iter().any(|team| visitor.may_change(Some(team)))
}

/// `POST /api/v1/sends/retry`
pub(super) async fn retry(console: Arc<Console>, visitor: Visitor, wish: Wish) -> Result<Retried, Refused> {
    let Wish { lines, destination } = wish;
    match destination {
        Some(_) if !lines.is_empty() => Err(Refused::Wrong("give `lines` or `destination`, not both".to_owned())),
        Some(to) => of_destination(&console, &visitor, &to).await,
        None => of_lines(&console, &visitor, &lines).await,
    }
}

async fn of_lines(console: &Console, visitor: &Visitor, lines: &[String]) -> Result<Retried, Refused> {
    if lines.is_empty() || lines.len() > MOST {
        return Err(Refused::Wrong(format!("choose what to try again: at most {MOST} messages")));
    }
    let lines =
        lines.iter().map(|line| line.parse::<LineId>().map_err(Refused::Wrong)).collect::<Result<Vec<_>, _>>()?;
    // All are allowed, or none is tried again.
    for line in &lines {
        let filter = Filter { delivery: Some(line.delivery), line: Some(line.line), ..Filter::default() };
        let entry = console.store.ledger(&filter).await?.pop();
        let entry = entry.filter(|entry| visitor.sees(entry.team.as_deref()));
        let entry = entry.ok_or_else(|| Refused::NotFound(format!("There is no line {line}.")))?;
        visitor.check_change(entry.team.as_deref())?;
    }
    let mut retried = Retried::default();
    for line in lines {
        let sends = match console.store.retry(line).await {
            Ok(sends) => sends as u64,
            Err(error @ (StoreError::NoMessage(_) | StoreError::NoBody(_))) => return Err(Refused::wrong(error)),
            Err(error) => return Err(error.into()),
        };
        if sends > 0 {
            console.record(visitor, Action::Retry, &line.to_string()).await;
        }
        retried.sends += sends;
    }
    Ok(retried)
}

async fn of_destination(console: &Console, visitor: &Visitor, to: &str) -> Result<Retried, Refused> {
    let to: Destination = to.parse().map_err(Refused::Wrong)?;
    let teams = match visitor.role {
        Role::View => return visitor.check_change(None).map(|()| Retried::default()),
        Role::Team => Some(visitor.teams.clone()),
        Role::Operate => None,
    };
    let what = to.to_string();
    let retried = console.store.retry_destination(to, teams).await?;
    if retried.sends > 0 {
        console.record(visitor, Action::Retry, &format!("{what}: {} messages", retried.sends)).await;
    }
    Ok(Retried { sends: retried.sends as u64, more: retried.more })
}

/// `POST /deliveries`
pub(super) async fn press(console: &Arc<Console>, asked: &Asked) -> Result<Answer, Refused> {
    let fields = form_urlencoded::parse(&asked.body).into_owned().collect::<Vec<_>>();
    let all = |name: &str| {
        let named = fields.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let destination = all("destination").pop();
    let one = all("retry");
    let lines = if one.is_empty() { all("line") } else { one };
    let lines = if destination.is_some() { Vec::new() } else { lines };
    let retried = retry(Arc::clone(console), asked.visitor.clone(), Wish { lines, destination }).await?;
    Ok(Answer::SeeOther(format!("/deliveries?retried={}", retried.sends)))
}
