//! The filters of Activity, as they stand in addresses.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use globset::GlobBuilder;
use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Refused;
use crate::event::EventKind;
use crate::reason::Code;
use crate::rule::parse_duration_up_to;
use crate::store::{Cursor, EntryState, Sought};

/// Every state, as people choose them.
pub(super) const STATES: [EntryState; 6] = [
    EntryState::Held,
    EntryState::Sent,
    EntryState::Failed,
    EntryState::Superseded,
    EntryState::Suppressed,
    EntryState::Ignored,
];

/// So many words are looked for.
const WORDS: usize = 8;
/// The longest of any value.
const LONGEST: usize = 300;

/// Which updates to show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// Only those of this team
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Only those about this repository, such as `acme/ingest`, or this project in Jira, such as `DATA`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Only those of the conversation of this ticket, pull request (`acme/ingest#45`) or other subject
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Only this kind of event, such as `pull_request.merged` or `pull_request.*`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only those in this state
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<EntryState>,
    /// Only those with this code as their reason
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Code>,
    /// Only those planned since this time: `2026-11-30T09:00` (UTC), `2026-11-30`, or an age such as `24h`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Only those planned until this time
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Only those whose message or subject contains all of these words
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Where the page begins: `next` of the page before
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Query {
    /// What to look for.
    ///
    /// # Errors
    /// [`Refused::Wrong`] for what isn't a time or a kind.
    pub(super) fn sought(&self, now: Timestamp) -> Result<Sought, Refused> {
        let Self { team, repository, ticket, kind, since, until, words, .. } = self;
        let texts = [team, repository, ticket, kind, since, until, words, &self.after];
        if texts.into_iter().flatten().any(|text| text.len() > LONGEST) {
            return Err(Refused::Wrong(format!("a filter has at most {LONGEST} letters")));
        }
        let time = |text: &Option<String>| text.as_deref().map(|text| read_time(text.trim(), now)).transpose();
        let words = words.iter().flat_map(|words| words.split_whitespace()).take(WORDS).map(str::to_owned);
        Ok(Sought {
            team: team.clone(),
            repository: repository.clone(),
            thread: ticket.clone(),
            kinds: kind.as_deref().map(|kind| kinds(kind.trim())).transpose()?,
            state: self.state,
            code: self.reason,
            since: time(since)?,
            until: time(until)?,
            words: words.collect(),
        })
    }

    /// Where the page begins.
    ///
    /// # Errors
    /// [`Refused::Wrong`] for what no page gave.
    pub(super) fn after(&self) -> Result<Option<Cursor>, Refused> {
        let Some(after) = &self.after else { return Ok(None) };
        let text = URL_SAFE_NO_PAD.decode(after).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        text.unwrap_or_default().parse().map(Some).map_err(Refused::Wrong)
    }

    /// A cursor as addresses have it.
    pub(super) fn cursor(cursor: Cursor) -> String {
        URL_SAFE_NO_PAD.encode(cursor.to_string())
    }

    /// The same view from another place on.
    pub(super) fn with(&self, after: Option<Cursor>) -> Self {
        Self { after: after.map(Self::cursor), ..self.clone() }
    }

    /// What stands behind `?` in its address.
    pub(super) fn query(&self) -> String {
        // Texts and names of members can always be written.
        serde_urlencoded::to_string(self).unwrap_or_default()
    }

    /// The address of the view.
    pub(super) fn address(&self) -> String {
        format!("/?{}", self.query())
    }

    /// Whether what happens next belongs to it.
    pub(super) fn is_of_now(&self) -> bool {
        self.after.is_none() && self.until.is_none()
    }

    /// Whether it leaves out anything.
    pub(super) fn is_narrow(&self) -> bool {
        *self != Self { after: self.after.clone(), ..Self::default() }
    }
}

/// The kinds that a pattern is for, or the webhook's name that it is.
fn kinds(pattern: &str) -> Result<Vec<String>, Refused> {
    if EventKind::ALL.iter().any(|kind| kind.as_str() == pattern) || !pattern.contains(['*', '?', '[', '{']) {
        return Ok(vec![pattern.to_owned()]);
    }
    let glob = GlobBuilder::new(pattern).build().map_err(Refused::wrong)?.compile_matcher();
    let kinds = EventKind::ALL.iter().map(|kind| kind.as_str()).filter(|kind| glob.is_match(kind));
    let kinds = kinds.map(str::to_owned).collect::<Vec<_>>();
    if kinds.is_empty() { Err(Refused::Wrong(format!("no kind of event is like `{pattern}`"))) } else { Ok(kinds) }
}

/// A time in UTC, or an age.
fn read_time(text: &str, now: Timestamp) -> Result<Timestamp, Refused> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let civil = text.parse::<DateTime>().ok().or_else(|| Some(text.parse::<Date>().ok()?.at(0, 0, 0, 0)));
    if let Some(zoned) = civil.and_then(|civil| civil.to_zoned(TimeZone::UTC).ok()) {
        return Ok(zoned.timestamp());
    }
    let age = parse_duration_up_to(text, "52w").map_err(|_| {
        Refused::Wrong(format!("`{text}` isn't a time: write such as `2026-11-30T09:00`, `2026-11-30` or `24h`"))
    })?;
    Ok(now - age)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn times_are_utc_or_ages() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        for (text, at) in [
            ("2026-11-30T09:00", "2026-11-30T09:00:00Z"),
            ("2026-11-30T09:00:01+01:00", "2026-11-30T08:00:01Z"),
            ("2026-11-30", "2026-11-30T00:00:00Z"),
            ("24h", "2026-11-29T12:00:00Z"),
        ] {
            assert_eq!(read_time(text, now).unwrap(), at.parse::<Timestamp>().unwrap(), "{text}");
        }
        for text in ["", "yesterday", "-5h", "9999w", "2026-13-01"] {
            assert!(read_time(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_are_globs_as_in_rules() {
        assert_eq!(kinds("pull_request.merged").unwrap(), ["pull_request.merged"]);
        assert_eq!(kinds("sprint.*").unwrap(), ["sprint.started", "sprint.closed"]);
        assert_eq!(kinds("worklog_created").unwrap(), ["worklog_created"]);
        assert!(kinds("*.nothing").is_err() && kinds("[").is_err());
    }

    #[test]
    fn an_address_says_all_of_a_view() {
        let query = Query { team: Some("a&b".to_owned()), state: Some(EntryState::Held), ..Query::default() };
        assert_eq!(query.address(), "/?team=a%26b&state=held");
        let cursor = Query::cursor("17-4".parse().unwrap());
        let next = Query { after: Some(cursor), ..Query::default() };
        assert_eq!(next.after().unwrap().unwrap().to_string(), "17-4");
        assert!(Query { after: Some("x".to_owned()), ..Query::default() }.after().is_err());
        assert!(Query { words: Some("x".repeat(301)), ..Query::default() }.sought(Timestamp::now()).is_err());
    }
}
