//! Lines of the ledger with all that belongs to them, as the console shows them: the event, the message, its sends, and what
//! was answered.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::answer::event;
use super::ledger::{outcomes, stored};
use super::row::{Row, json_or_none, named_params, text, time, time_or_none};
use super::{EntryState, SendState, StoreError, Through, Tx};
use crate::event::{Event, OccurrenceId, SubjectKey};
use crate::plan::LineId;
use crate::reason::Reason;
use crate::template::Message;

/// A line of the ledger with all that belongs to it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its id, by which pages go on
    pub id: i64,
    /// Its name
    pub line: LineId,
    /// The event's kind, or what the update tells of it
    pub kind: Option<String>,
    /// What it is about
    pub subject: Option<String>,
    /// Its conversation
    pub thread: Option<String>,
    /// The team it is for, if it reached a rule
    pub team: Option<String>,
    /// That rule
    pub rule: Option<String>,
    /// What became of it
    pub state: EntryState,
    /// Why
    pub reason: Reason,
    /// What came of an assumption
    pub outcomes: Vec<Reason>,
    /// It tells the author of an assumption what came of it
    pub tells_author: bool,
    /// It carries what somebody answered to the page of what the message was about, or says why that isn't carried
    pub carries: bool,
    /// When it was planned
    pub at: Timestamp,
    /// Until when it waits, if it does
    pub due: Option<Timestamp>,
    /// Until when the team can object, if it still can
    pub object_by: Option<Timestamp>,
    /// The event; `None` if there is none, or this version cannot read it
    pub event: Option<Arc<EventRecord>>,
    /// The message, if this line has it
    pub message: Option<Message>,
    /// The line whose message tells this one too
    pub lead: Option<String>,
    /// The message tells of other conversations, too
    pub shared: bool,
    /// Its message was removed (`microalign store forget`)
    pub forgotten: bool,
    /// Where the message goes
    pub sends: Vec<SendRecord>,
    /// What people have against the assumption
    pub objections: Vec<ObjectionRecord>,
    /// Who agreed to it
    pub agreements: Vec<AgreementRecord>,
    /// Its subject is a ticket that has a security level now
    pub of_restricted: bool,
    /// It belongs to such a ticket
    pub by_restricted: bool,
    /// Its repository is private, as far as we heard since
    pub private: bool,
}

/// An event of a line.
#[derive(Debug, Clone)]
pub struct EventRecord {
    /// Its id
    pub id: i64,
    /// What happened
    pub event: Event,
    /// It was edited, deleted or taken back since
    pub changed: bool,
}

/// One send of a message.
#[derive(Debug, Clone)]
pub struct SendRecord {
    /// Where to
    pub destination: String,
    /// Where it is
    pub state: SendState,
    /// How often it was tried
    pub attempts: i64,
    /// When it is tried next, if it waits
    pub next: Option<Timestamp>,
    /// When it arrived
    pub sent: Option<Timestamp>,
    /// What went wrong last
    pub error: Option<String>,
}

/// What somebody has against an assumption.
#[derive(Debug, Clone)]
pub struct ObjectionRecord {
    /// Who, as they say; empty if they don't
    pub by: String,
    /// How it came
    pub through: Through,
    /// What they wrote; empty if it was removed
    pub text: String,
    /// When
    pub at: Timestamp,
}

/// Somebody who agreed to an assumption.
#[derive(Debug, Clone)]
pub struct AgreementRecord {
    /// Who; empty if that was removed
    pub by: String,
    /// How they said it
    pub through: Through,
    /// When
    pub at: Timestamp,
}

const RECORD: &str = "
    SELECT l.id, l.delivery_id, l.line, l.event_id, l.kind, l.subject, l.thread, l.team, l.rule, l.state, l.reason, l.outcome,
           l.answers IS NOT NULL AS answers,
           EXISTS (SELECT 1 FROM answer a WHERE a.carrier_id = l.id) AS carries, l.at, l.due_at, l.object_at, l.message, l.lead_id,
           (SELECT m.delivery_id || '.' || m.line FROM ledger m WHERE m.id = l.lead_id) AS lead,
           EXISTS (SELECT 1 FROM ledger o WHERE o.lead_id = l.id AND o.thread IS DISTINCT FROM l.thread) AS shared
    FROM ledger l WHERE l.id = :id";

const EVENT: &str = "SELECT body, once FROM event WHERE id = :id";

const SENDS: &str = "SELECT destination, state, attempts, next_at, sent_at, error FROM send WHERE ledger_id = :message
    ORDER BY id LIMIT 100";

const OBJECTIONS: &str =
    "SELECT made_by, through, text, made_at FROM objection WHERE ledger_id = :line ORDER BY id LIMIT 100";

const AGREEMENTS: &str =
    "SELECT made_by, through, made_at FROM agreement WHERE ledger_id = :line ORDER BY id LIMIT 100";

/// What has the name of an edit or an undoing.
const CHANGED: &str = "SELECT EXISTS (SELECT 1 FROM event WHERE once > :after AND once < :original || 'A')";
/// A note with other words has another name, and says which one it replaces.
const REPLACED: &str = "SELECT EXISTS (SELECT 1 FROM event WHERE once > :place AND once < rtrim(:place, ':') || ';'
    AND body ->> '$.note.replaces' = :original)";

const RESTRICTED: &str =
    "SELECT coalesce(state ->> '$.about.type' = 'ticket' AND state -> '$.about.restricted' = 'true', FALSE)
    FROM subject WHERE key = :name";

/// What was muted, or taken back, has no message either.
const FORGOTTEN: &str =
    "SELECT EXISTS (SELECT 1 FROM send WHERE ledger_id = :message AND state <> 'muted' AND taken_back = 0)";

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 9] =
    [RECORD, EVENT, SENDS, OBJECTIONS, AGREEMENTS, CHANGED, REPLACED, RESTRICTED, FORGOTTEN];

impl Tx<'_> {
    /// Lines by their ids, in that order, each with what belongs to it.
    pub(super) fn records_by_id(&self, ids: &[i64]) -> Result<Vec<Record>, StoreError> {
        let (mut events, mut tickets, mut repositories) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut records = Vec::new();
        for id in ids {
            let read = self.row(RECORD, named_params! { ":id": id }, record)?;
            let Some((mut record, event, message)) = read else { continue };
            if let Some(id) = event {
                let known = match events.get(&id) {
                    Some(known) => Option::clone(known),
                    None => events.entry(id).or_insert(self.happened(id)?).clone(),
                };
                record.event = known;
            }
            record.of_restricted = self.is_restricted(record.subject.as_deref(), &mut tickets)?;
            record.by_restricted = self.is_restricted(record.thread.as_deref(), &mut tickets)?;
            record.private = self.is_private(record.subject.as_deref(), &mut repositories)?;
            record.sends = self.rows(SENDS, named_params! { ":message": message }, send)?;
            record.forgotten = record.forgotten && self.holds(FORGOTTEN, named_params! { ":message": message })?;
            if record.kind.as_deref() == Some("note.assumed") && !record.tells_author && !record.carries {
                record.objections = self.rows(OBJECTIONS, named_params! { ":line": record.id }, objection)?;
                record.agreements = self.rows(AGREEMENTS, named_params! { ":line": record.id }, agreement)?;
            }
            records.push(record);
        }
        Ok(records)
    }

    fn happened(&self, id: i64) -> Result<Option<Arc<EventRecord>>, StoreError> {
        let read = self.row(EVENT, named_params! { ":id": id }, |row| {
            Ok((event(row)?, row.get::<_, Option<OccurrenceId>>("once")?))
        })?;
        let Some((Some(event), once)) = read else { return Ok(None) };
        let changed = self.is_changed(once.as_ref())?;
        Ok(Some(Arc::new(EventRecord { id, event, changed })))
    }

    /// Whether an occurrence was edited, deleted or taken back since.
    pub(super) fn is_changed(&self, once: Option<&OccurrenceId>) -> Result<bool, StoreError> {
        let Some(once) = once else { return Ok(false) };
        let (original, after) =
            (once.original(), if once.is_original() { format!("{once}@") } else { once.to_string() });
        if self.holds(CHANGED, named_params! { ":after": after, ":original": original })? {
            return Ok(true);
        }
        let Some(place) = original.notes_beside().filter(|place| place.contains("note:")) else { return Ok(false) };
        self.holds(REPLACED, named_params! { ":place": place, ":original": original })
    }

    /// Whether something is in a repository that became private.
    pub(super) fn is_private(
        &self,
        subject: Option<&str>,
        known: &mut HashMap<String, bool>,
    ) -> Result<bool, StoreError> {
        let key = SubjectKey::from(subject.unwrap_or_default());
        let scope = key.scope_on_host();
        if let Some(known) = known.get(scope) {
            return Ok(*known);
        }
        let private = self.private(scope)?.unwrap_or(false);
        known.insert(scope.to_owned(), private);
        Ok(private)
    }

    /// Whether something is a ticket that has a security level now.
    fn is_restricted(&self, name: Option<&str>, known: &mut HashMap<String, bool>) -> Result<bool, StoreError> {
        let Some(name) = name else { return Ok(false) };
        if let Some(known) = known.get(name) {
            return Ok(*known);
        }
        let restricted = self.holds(RESTRICTED, named_params! { ":name": name })?;
        known.insert(name.to_owned(), restricted);
        Ok(restricted)
    }
}

/// A line without what stands in other tables; the ids of its event and of the line that has its message.
fn record(row: &Row<'_>) -> Result<(Record, Option<i64>, i64), StoreError> {
    let (reason, outcome): (String, Option<String>) = (row.get("reason")?, row.get("outcome")?);
    let (id, lead_id): (i64, Option<i64>) = (row.get("id")?, row.get("lead_id")?);
    let message: Option<Message> = json_or_none(row, "message")?;
    let carries: bool = row.get("carries")?;
    let record = Record {
        id,
        line: LineId { delivery: row.get("delivery_id")?, line: row.get("line")? },
        kind: row.get("kind")?,
        subject: row.get("subject")?,
        thread: row.get("thread")?,
        team: row.get("team")?,
        rule: row.get("rule")?,
        state: text(row, "state")?,
        reason: stored(&reason),
        outcomes: outcomes(outcome.as_deref()),
        tells_author: row.get::<_, bool>("answers")? && !carries,
        carries,
        at: time(row, "at")?,
        due: time_or_none(row, "due_at")?,
        object_by: time_or_none(row, "object_at")?,
        event: None,
        lead: row.get("lead")?,
        shared: row.get("shared")?,
        forgotten: message.is_none() && lead_id.is_none(),
        message,
        sends: Vec::new(),
        objections: Vec::new(),
        agreements: Vec::new(),
        of_restricted: false,
        by_restricted: false,
        private: false,
    };
    Ok((record, row.get("event_id")?, lead_id.unwrap_or(id)))
}

fn send(row: &Row<'_>) -> Result<SendRecord, StoreError> {
    let state: SendState = text(row, "state")?;
    let waits = matches!(state, SendState::Queued);
    Ok(SendRecord {
        destination: row.get("destination")?,
        state,
        attempts: row.get("attempts")?,
        next: if waits { Some(time(row, "next_at")?) } else { None },
        sent: time_or_none(row, "sent_at")?,
        error: row.get("error")?,
    })
}

fn objection(row: &Row<'_>) -> Result<ObjectionRecord, StoreError> {
    Ok(ObjectionRecord {
        by: row.get("made_by")?,
        through: text(row, "through")?,
        text: row.get("text")?,
        at: time(row, "made_at")?,
    })
}

fn agreement(row: &Row<'_>) -> Result<AgreementRecord, StoreError> {
    Ok(AgreementRecord { by: row.get("made_by")?, through: text(row, "through")?, at: time(row, "made_at")? })
}
