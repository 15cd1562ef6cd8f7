//! The end of the story: what a partner team's summary says of it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::text::framed;
use super::super::{Failure, say};
use crate::compose::Rulebook;
use crate::summary::{Gatherer, Reader};

const TEAM: &str = "web";

/// Shows the summary as it would be sent on Friday.
pub(super) async fn show(gatherer: &Gatherer, rulebook: &Arc<Rulebook>) -> Result<(), Failure> {
    let team = rulebook.rules().teams().iter().find(|team| team.name == TEAM);
    let team = team.ok_or_else(|| Failure::Wrong(format!("the story has no team `{TEAM}`")))?;
    let (reader, now) = (Reader::team(team), Timestamp::now());
    let span = now - SignedDuration::from_hours(7 * 24)..now + SignedDuration::from_secs(1);
    let content = gatherer.content((&reader, rulebook), span, now).await?;
    let message = rulebook.summary(reader.team.as_ref(), &reader.zone, content.view, now);
    let message = message.map_err(|error| Failure::Wrong(error.to_string()))?;
    say("\n━━ With `summary = \"weekly fri 15:00\"` in its file, web would get this on Friday:")?;
    say(format!("\n{}", framed(TEAM, &message.subject, &message.text())))
}
