//! Updates whose time has come, with what is known about their subjects now.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;

use super::plan::rule_id;
use super::row::{Millis, Row, Text, json, json_or_none, named_params, text, time, time_or_none};
use super::{Store, StoreError, Tx};
use crate::event::Ticket;
use crate::plan::{Alike, Due, Group, Said};
use crate::track::Known;

/// So many updates are made into messages at a time.
const BATCH: usize = 512;

/// Updates whose time has come.
#[derive(Debug, Default)]
pub struct Batch {
    /// Those that this version can read
    pub due: Vec<Due>,
    /// The lines of others, by their ids, with what is wrong in them
    pub unreadable: Vec<(i64, String)>,
}

const DUE: &str = "
    SELECT l.id, l.delivery_id || '.' || l.line AS name, l.event_id, l.kind, l.subject, l.team, l.rule, l.digest,
           iif(e.body ->> '$.about.type' = 'thing', l.thread, coalesce(s.thread, l.thread)) AS thread,
           l.due_at <= l.at AS at_once, e.body, s.state AS known, t.state AS ticket, t.key AS ticket_key,
           v.deployed_at AS deployed, r.private, l.at, l.since_at, l.due_at,
           (SELECT max(o.told_at) FROM ledger o
            WHERE o.subject = l.subject AND o.team = l.team AND o.rule = l.rule AND o.told_at IS NOT NULL) AS told
    FROM ledger l JOIN (SELECT id, iif(json_valid(body), body, '{}') AS body FROM event) e ON e.id = l.event_id
    LEFT JOIN subject s ON s.key = l.subject
    LEFT JOIN subject t ON t.key = coalesce(s.thread, l.thread) AND t.key <> l.subject
    LEFT JOIN repository r ON r.name = iif(e.body ->> '$.host' IS NULL, '', e.body ->> '$.host' || '/') || (e.body ->> '$.scope')
    LEFT JOIN environment v ON v.scope = e.body ->> '$.scope' AND v.name = e.body ->> '$.about.environment'
    WHERE l.due_at <= :now + 1000 AND (l.due_at <= :now OR EXISTS (
        SELECT 1 FROM ledger d
        WHERE d.due_at <= :now AND d.due_at > d.at AND d.team = l.team AND d.thread = l.thread))
      AND l.at > coalesce(:resumed, 0) AND l.at > coalesce((SELECT max(at) FROM recovered WHERE parked = 0), 0)
      AND NOT EXISTS (SELECT 1 FROM recovered c WHERE c.delivery_id = l.delivery_id)
    ORDER BY l.due_at, l.team, l.id";
/// A limit has SQLite build a temporary table for the order, so it is there only where it's needed.
static DUE_LIMITED: LazyLock<String> = LazyLock::new(|| format!("{DUE} LIMIT {BATCH}"));

impl Store {
    /// When the next update, silence or objection is due, if any waits.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|tx| tx.next_due()).await
    }
}

impl Tx<'_> {
    /// Updates whose time has come, oldest first, so many at a time. What is due in the same conversation within a second
    /// goes along: of two events that came together, there is to be one message. Those that were planned up to `resumed`
    /// wait on, and so do those that deliveries which came late may yet change.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub fn due(&self, now: Timestamp, resumed: Option<Timestamp>) -> Result<Batch, StoreError> {
        let waiting: Option<u32> = self.value(
            "SELECT count(*) FROM (SELECT 1 FROM ledger WHERE due_at <= :now + 1000 LIMIT 513) AS few",
            named_params! { ":now": Millis(now) },
        )?;
        let sql = match waiting.unwrap_or_default() {
            0 => return Ok(Batch::default()),
            few if few as usize <= BATCH => DUE,
            _ => &DUE_LIMITED,
        };
        let params = named_params! { ":now": Millis(now), ":resumed": resumed.map(Millis) };
        let rows = self.rows(sql, params, |row| {
            let key = (time(row, "due_at")?, row.get::<_, String>("team")?);
            Ok((key, row.get::<_, i64>("id")?, due(row)))
        })?;
        let whole = whole_teams(&rows.iter().map(|(key, ..)| key).collect::<Vec<_>>());
        let Batch { due: mut read, mut unreadable } = Batch::default();
        for (_, id, due) in rows.into_iter().take(whole) {
            match due {
                Ok(due) => read.push(due),
                Err(StoreError::Corrupt(error)) => unreadable.push((id, error)),
                Err(error) => return Err(error),
            }
        }
        let milestones = read.iter().filter(|due| due.kind.is_milestone());
        self.ahead(|| milestones.for_each(|due| drop(self.said(due))));
        for due in read.iter_mut().filter(|due| due.kind.is_milestone()) {
            due.said = self.said(due)?;
        }
        Ok(Batch { due: read, unreadable })
    }

    /// Where the team of an update was told of the same milestone of its subject, which stands.
    fn said(&self, due: &Due) -> Result<Vec<Said>, StoreError> {
        // With `kind = :kind`, SQLite would plan it anew for each kind: there are indexes on lines of one kind.
        self.rows(
            "SELECT o.rule, m.destination FROM ledger o JOIN send m ON m.ledger_id = coalesce(o.lead_id, o.id)
             WHERE o.subject = :subject AND o.team = :team AND o.kind || '' = :kind AND o.told_at IS NOT NULL
               AND EXISTS (SELECT 1 FROM fired f WHERE f.subject = :subject AND f.team = :team AND f.kind = :kind)
               AND m.state NOT IN ('muted', 'failed')",
            named_params! { ":subject": due.subject, ":team": due.rule.team, ":kind": Text(due.kind) },
            |row| Ok(Said { rule: row.get("rule")?, to: text(row, "destination")? }),
        )
    }

    /// When the next update, silence or objection is due, if any waits.
    ///
    /// # Errors
    /// As above
    pub fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let next = self.value::<Option<Millis>>(
            "SELECT min(at) FROM (SELECT min(due_at) AS at FROM ledger WHERE due_at IS NOT NULL
                                  UNION ALL SELECT min(object_at) FROM ledger WHERE object_at IS NOT NULL AND state <> 'held'
                                  UNION ALL SELECT min(due_at) FROM timer) AS times",
            [],
        )?;
        Ok(next.flatten().map(|next| next.0))
    }

    /// What else was brought about by the same person, for each group and a time: the updates since a minute before that are
    /// told or wait, in their order.
    ///
    /// # Errors
    /// As above
    pub fn alike(&self, groups: HashMap<Group, Timestamp>) -> Result<HashMap<Group, Vec<Alike>>, StoreError> {
        let mut alike = HashMap::new();
        for (group, since) in groups {
            let updates = self.rows(
                "SELECT subject, at, due_at FROM ledger
                 WHERE team = :team AND actor = :actor AND at > :since - 60000 AND kind || '' = :kind
                   AND (due_at IS NOT NULL OR told_at IS NOT NULL)
                 ORDER BY at",
                named_params! { ":team": group.team, ":actor": group.actor, ":since": Millis(since),
                ":kind": Text(group.kind) },
                |row| {
                    Ok(Alike { subject: row.get("subject")?, at: time(row, "at")?, due: time_or_none(row, "due_at")? })
                },
            )?;
            alike.insert(group, updates);
        }
        Ok(alike)
    }

    /// How many messages a team was sent since then.
    ///
    /// # Errors
    /// As above
    pub fn spent(&self, team: &str, since: Timestamp) -> Result<u32, StoreError> {
        let spent = self.value(
            "SELECT count(*) FROM ledger WHERE team = :team AND told_at >= :since AND lead_id IS NULL",
            named_params! { ":team": team, ":since": Millis(since) },
        )?;
        Ok(spent.unwrap_or_default())
    }
}

/// How many rows of a full batch go on: without what may go on in the next one. Of all that is due to a team in a moment
/// (the end of a night, a digest), there is to be one message.
fn whole_teams<K: PartialEq>(keys: &[K]) -> usize {
    let last = keys.last().filter(|_| keys.len() >= BATCH);
    let begin = last.and_then(|last| keys.iter().position(|key| key == last));
    // One team's alone, if that is all.
    begin.filter(|begin| *begin > 0).unwrap_or(keys.len())
}

/// What is known of a ticket, by the state and the name of it in a row.
pub(super) fn ticket(known: Option<Known>, row: &Row<'_>) -> Result<Option<Ticket>, StoreError> {
    let key: Option<String> = row.get("ticket_key")?;
    Ok(known.zip(key).and_then(|(known, key)| known.ticket(&key)))
}

fn due(row: &Row<'_>) -> Result<Due, StoreError> {
    Ok(Due {
        id: row.get("id")?,
        name: row.get("name")?,
        event: json(row, "body")?,
        event_id: row.get("event_id")?,
        kind: text(row, "kind")?,
        subject: row.get("subject")?,
        rule: rule_id(row)?,
        thread: row.get("thread")?,
        digest: row.get("digest")?,
        at_once: row.get("at_once")?,
        known: json_or_none(row, "known")?,
        ticket: ticket(json_or_none(row, "ticket")?, row)?,
        told: time_or_none(row, "told")?,
        said: Vec::new(),
        deployed: time_or_none(row, "deployed")?,
        private: row.get("private")?,
        at: time(row, "at")?,
        since: time_or_none(row, "since_at")?,
    })
}
