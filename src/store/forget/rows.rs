//! Rows that hold a person's doings and words.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Batch, Pass};
use crate::event::{About, Event, Person};
use crate::reason::Reason;
use crate::store::row::{Json, Millis, Value, named_params};
use crate::store::{StoreError, Tx};
use crate::track::Known;

/// The body of a delivery.
pub(super) struct Body {
    pub id: i64,
    /// It names the person
    pub named: bool,
    /// It is yet to be read
    pub waits: bool,
}

/// The next bodies.
pub(super) fn bodies(tx: &Tx<'_>, person: &Person, after: i64) -> Result<Vec<Body>, StoreError> {
    let next = tx.rows(
        "SELECT d.id, d.waits = 1 OR EXISTS (SELECT 1 FROM recovered r WHERE r.delivery_id = d.id) AS waits
         FROM delivery d WHERE d.id > :after AND length(d.body) > 0 ORDER BY d.id LIMIT 50",
        named_params! { ":after": after },
        |row| Ok((row.get::<_, i64>("id")?, row.get::<_, bool>("waits")?)),
    )?;
    // One at a time: they may be large.
    let named = |id| {
        let body = tx.body(id)?;
        Ok::<_, StoreError>(match serde_json::from_slice(&body) {
            Ok(json) => person.is_within(&json),
            Err(_) => person.is_in(&String::from_utf8_lossy(&body)),
        })
    };
    next.into_iter().map(|(id, waits)| Ok(Body { id, named: named(id)?, waits })).collect()
}

/// Deletes bodies that were read, as when they are old.
pub(super) const DELETE_BODIES: &str =
    "UPDATE delivery SET body = x'' WHERE id IN (SELECT CAST(value AS bigint) FROM json_each(:ids)) AND waits = 0
    AND NOT EXISTS (SELECT 1 FROM recovered r WHERE r.delivery_id = delivery.id)";

const EVENTS: &str = "SELECT id AS key, body AS json FROM event WHERE id > coalesce(:after, 0) ORDER BY id LIMIT 200";
const STEPS: &str = "SELECT id AS key, reason AS json FROM step WHERE id > coalesce(:after, 0) ORDER BY id LIMIT 200";
const SUBJECTS: &str = "SELECT key, state AS json FROM subject WHERE key > coalesce(:after, '') ORDER BY key LIMIT 200";

/// Whether a message that tells of an event waits to be sent, or is under way.
const IS_UNDER_WAY: &str = "SELECT EXISTS (
    SELECT 1 FROM ledger l CROSS JOIN send s ON s.ledger_id = coalesce(l.lead_id, l.id) AND s.state IN ('queued', 'sending')
    WHERE l.event_id = :event)";

/// Empties the messages that tell of an event.
const EMPTY: &str = "UPDATE ledger SET message = NULL WHERE message IS NOT NULL AND id IN (
    SELECT coalesce(lead_id, id) FROM ledger WHERE event_id = :event)";

/// Ends what waits to tell of a note without words.
const END_NOTE: &str = "UPDATE ledger SET state = 'suppressed', reason = :reason, changed_at = :now, due_at = NULL
    WHERE event_id = :event AND due_at IS NOT NULL";
/// Nobody is told any more that it was agreed.
const END_ASSUMPTION: &str = "UPDATE ledger SET object_at = NULL WHERE event_id = :event AND object_at IS NOT NULL";

/// What has no author of its own isn't known to be theirs but by the event.
const FORGET_SUMMARY: &str = "UPDATE subject SET state = json_remove(state, '$.about.body_summary')
    WHERE key = :subject AND state ->> '$.about.type' = 'thing'";

/// Whom the next events name.
pub(super) fn people_of_events(
    tx: &Tx<'_>,
    after: &Value,
) -> Result<(Option<Value>, Vec<serde_json::Value>), StoreError> {
    people_of(tx, EVENTS, after)
}

/// Whom the next subjects name.
pub(super) fn people_of_subjects(
    tx: &Tx<'_>,
    after: &Value,
) -> Result<(Option<Value>, Vec<serde_json::Value>), StoreError> {
    people_of(tx, SUBJECTS, after)
}

fn people_of(tx: &Tx<'_>, sql: &str, after: &Value) -> Result<(Option<Value>, Vec<serde_json::Value>), StoreError> {
    let rows = next(tx, sql, after)?;
    let last = rows.last().map(|(key, _)| key.clone());
    Ok((last, rows.into_iter().filter_map(|(_, json)| serde_json::from_str(&json).ok()).collect()))
}

fn next(tx: &Tx<'_>, sql: &str, after: &Value) -> Result<Vec<(Value, String)>, StoreError> {
    tx.rows(sql, named_params! { ":after": after }, |row| Ok((row.get("key")?, row.get("json")?)))
}

/// Events, with the messages that tell of them.
pub(super) fn events(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let rows = next(tx, EVENTS, after)?;
    let mut batch = Batch { last: rows.last().map(|(key, _)| key.clone()), ..Batch::default() };
    for (id, json) in rows {
        let Some(before) = read::<Event>(person, &json)? else { continue };
        let mut event = before.clone();
        let told = event.forget(person);
        if event == before {
            continue;
        }
        if told && tx.holds(IS_UNDER_WAY, named_params! { ":event": id })? {
            batch.waiting += 1;
            continue;
        }
        batch.changed += 1;
        if pass == Pass::Change {
            batch.messages += rewrite(tx, &id, (&before, &event), told)?;
        }
    }
    Ok(batch)
}

/// Writes an event without somebody. Says how many messages were emptied.
fn rewrite(tx: &Tx<'_>, id: &Value, (before, event): (&Event, &Event), told: bool) -> Result<usize, StoreError> {
    tx.put("UPDATE event SET body = :body WHERE id = :id", named_params! { ":body": Json(event), ":id": id })?;
    if let (About::Thing(before), About::Thing(thing)) = (&before.about, &event.about)
        && before.body_summary != thing.body_summary
    {
        tx.put(FORGET_SUMMARY, named_params! { ":subject": event.subject })?;
    }
    let words = |event: &Event| event.note.as_ref().map(|note| note.text.clone());
    if words(before) != words(event) {
        let params =
            named_params! { ":event": id, ":reason": Json(Reason::Forgotten), ":now": Millis(Timestamp::now()) };
        tx.put(END_NOTE, params)?;
        tx.put(END_ASSUMPTION, named_params! { ":event": id })?;
    }
    if told { tx.run(EMPTY, named_params! { ":event": id }) } else { Ok(0) }
}

/// What is known of subjects.
pub(super) fn subjects(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let rows = next(tx, SUBJECTS, after)?;
    let mut batch = Batch { last: rows.last().map(|(key, _)| key.clone()), ..Batch::default() };
    for (key, json) in rows {
        let (Value::Text(name), Some(before)) = (&key, read::<Known>(person, &json)?) else { continue };
        let mut known = before.clone();
        known.forget(person, name);
        if known == before {
            continue;
        }
        batch.changed += 1;
        if pass == Pass::Change {
            let params = named_params! { ":state": Json(known), ":key": key };
            tx.put("UPDATE subject SET state = :state WHERE key = :key", params)?;
        }
    }
    Ok(batch)
}

/// A line of the ledger, so far as it can name somebody.
struct Line {
    id: i64,
    actor: Option<String>,
    reason: String,
    withdrawn: Option<String>,
    outcome: Option<String>,
    message: Option<String>,
    /// Its message waits, or is under way
    waits: bool,
}

/// Lines of the ledger: whose doing each is, why it is in its state, and what it said.
pub(super) fn lines(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let lines = tx.rows(
        "SELECT id, actor, reason, withdrawn, outcome, message, message IS NOT NULL AND EXISTS (
             SELECT 1 FROM send s WHERE s.ledger_id = l.id AND s.state IN ('queued', 'sending')) AS waits
         FROM ledger l WHERE id > coalesce(:after, 0) ORDER BY id LIMIT 200",
        named_params! { ":after": after },
        |row| {
            let (actor, reason) = (row.get("actor")?, row.get("reason")?);
            let (withdrawn, outcome, message) = (row.get("withdrawn")?, row.get("outcome")?, row.get("message")?);
            Ok(Line { id: row.get("id")?, actor, reason, withdrawn, outcome, message, waits: row.get("waits")? })
        },
    )?;
    let mut batch = Batch { last: lines.last().map(|line| line.id.into()), ..Batch::default() };
    for Line { id, actor, reason, withdrawn, outcome, message, waits } in lines {
        let message = match message {
            Some(message) => read::<serde_json::Value>(person, &message)?.is_some_and(|json| person.is_within(&json)),
            None => false,
        };
        batch.waiting += usize::from(message && waits);
        let (message, theirs) = (message && !waits, actor.is_some_and(|actor| person.is_called(&actor)));
        let of_reason = |json: &str| without(person, json, |reason: &mut Reason| reason.forget(person));
        let (reason, withdrawn) = (of_reason(&reason)?, withdrawn.as_deref().map(of_reason).transpose()?.flatten());
        let outcome = match outcome {
            Some(outcome) => without(person, &outcome, |outcomes: &mut Vec<Reason>| {
                outcomes.iter_mut().for_each(|outcome| outcome.forget(person));
            })?,
            None => None,
        };
        batch.messages += usize::from(message);
        let changed = theirs || reason.is_some() || withdrawn.is_some() || outcome.is_some();
        batch.changed += usize::from(changed);
        if pass == Pass::Change && (message || changed) {
            tx.put(
                "UPDATE ledger SET actor = iif(:theirs = 1, NULL, actor), message = iif(:message = 1, NULL, message),
                        reason = coalesce(:reason, reason), withdrawn = coalesce(:withdrawn, withdrawn),
                        outcome = coalesce(:outcome, outcome) WHERE id = :id",
                named_params! { ":theirs": theirs, ":message": message, ":reason": reason.map(Json),
                ":withdrawn": withdrawn.map(Json), ":outcome": outcome.map(Json), ":id": id },
            )?;
        }
    }
    Ok(batch)
}

/// Why lines were in earlier states.
pub(super) fn steps(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let rows = next(tx, STEPS, after)?;
    let mut batch = Batch { last: rows.last().map(|(key, _)| key.clone()), ..Batch::default() };
    for (id, json) in rows {
        let Some(reason) = without(person, &json, |reason: &mut Reason| reason.forget(person))? else { continue };
        batch.changed += 1;
        if pass == Pass::Change {
            let params = named_params! { ":reason": Json(reason), ":id": id };
            tx.put("UPDATE step SET reason = :reason WHERE id = :id", params)?;
        }
    }
    Ok(batch)
}

/// A stored value without somebody; `None` if that is the same.
fn without<T: DeserializeOwned + Serialize + Clone + PartialEq>(
    person: &Person,
    json: &str,
    forget: impl FnOnce(&mut T),
) -> Result<Option<T>, StoreError> {
    let Some(before) = read::<T>(person, json)? else { return Ok(None) };
    let mut value = before.clone();
    forget(&mut value);
    Ok((value != before).then_some(value))
}

/// A stored value. What this version cannot read must not hold up the rest, unless it names the person.
fn read<T: DeserializeOwned>(person: &Person, json: &str) -> Result<Option<T>, StoreError> {
    match serde_json::from_str(json) {
        Ok(value) => Ok(Some(value)),
        Err(error) if person.is_in(json) => Err(StoreError::Corrupt(error.to_string())),
        Err(_) => Ok(None),
    }
}
