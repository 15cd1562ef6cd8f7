//! The summary of what moved since the last one.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Rulebook;
use crate::rule::Team;
use crate::template::{Message, RenderError, SummaryContext, SummaryView};

impl Rulebook {
    /// Writes a summary for a team, or for everybody.
    ///
    /// # Errors
    /// If the template can't be rendered within its limits.
    pub fn summary(
        &self,
        team: Option<&Team>,
        zone: &TimeZone,
        summary: SummaryView,
        now: Timestamp,
    ) -> Result<Message, RenderError> {
        let why = match team {
            Some(team) => format!("{} gets this because its file asks for a `summary`.", team.name),
            None => "You get this because `[summary]` of the configuration sends it here.".to_owned(),
        };
        self.templates.render_summary(&SummaryContext {
            summary,
            team: team.map(|team| team.name.clone()).unwrap_or_default(),
            why,
            now,
            timezone: zone.iana_name().unwrap_or("UTC").to_owned(),
        })
    }
}
