//! What the planner reads about subjects and their history, and what it writes for an event.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::row::{Json, Millis, Row, Text, json, json_or_none, named_params, text, time};
use super::{Store, StoreError, Tx};
use crate::event::{About, Event, Issue, RuleId, Source, SubjectKey, Thing, ThingKind, Ticket, TicketKey};
use crate::plan::{Fate, Held, History, LineId, Plan, Timer, Update};
use crate::reason::Reason;
use crate::track::{Known, Tracked, conversation};

/// An event of a delivery, with what comes of it.
#[derive(Debug, Clone, Copy)]
pub struct PlannedEvent<'a> {
    /// The delivery's id in the ledger
    pub delivery: i64,
    /// The event, with what is known of its subject from now on
    pub tracked: &'a Tracked,
    /// What comes of it
    pub plan: &'a Plan,
}

impl Store {
    /// What is known of subjects, so far as anything is.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn known(&self, subjects: Vec<SubjectKey>) -> Result<HashMap<SubjectKey, Known>, StoreError> {
        self.read(move |tx| {
            let known = subjects.into_iter().map(|subject| Ok(tx.known(&subject)?.map(|known| (subject, known))));
            known.filter_map(Result::transpose).collect()
        })
        .await
    }

    /// Takes in what is known of tickets that no webhook told of yet. What a webhook told stands.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn learn(&self, tickets: Vec<(TicketKey, Known)>) -> Result<(), StoreError> {
        if tickets.is_empty() {
            return Ok(());
        }
        self.write(move |tx| {
            for (key, known) in &tickets {
                tx.put(
                    "INSERT INTO subject (key, state, thread, seen_at) VALUES (:key, :known, :key, :now)
                     ON CONFLICT DO NOTHING",
                    named_params! { ":key": key.as_str(), ":known": Json(known), ":now": Millis(Timestamp::now()) },
                )?;
                tx.learn_id(&key.subject(), known)?;
            }
            Ok(())
        })
        .await
    }
}

macro_rules! insert_event {
    () => {
        "INSERT INTO event (id, delivery_id, once, body)
         VALUES (:id, :delivery, iif(EXISTS (SELECT 1 FROM event WHERE once = :once), NULL, :once), :body)"
    };
}

const INSERT_EVENT: &str = insert_event!();
const RETURNING: &str = concat!(insert_event!(), " RETURNING id");

impl Tx<'_> {
    /// What is known of a subject.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub fn known(&self, subject: &str) -> Result<Option<Known>, StoreError> {
        let known =
            self.row("SELECT state FROM subject WHERE key = :subject", named_params! { ":subject": subject }, |row| {
                json(row, "state")
            })?;
        Ok(known)
    }

    /// What rules did about a subject before.
    ///
    /// # Errors
    /// As above
    pub fn history(&self, subject: &str) -> Result<History, StoreError> {
        let fired = self.rows(
            "SELECT team, rule, kind FROM fired WHERE subject = :subject",
            named_params! { ":subject": subject },
            |row| Ok((rule_id(row)?, text(row, "kind")?)),
        )?;
        let held = self.rows(
            "SELECT l.delivery_id, l.line, l.team, l.rule, l.kind, e.once, e.body ->> '$.actor.login' AS actor,
                    e.body -> '$.change' AS change, coalesce(l.since_at, l.at) AS since
             FROM ledger l LEFT JOIN event e ON e.id = l.event_id
             WHERE l.subject = :subject AND l.due_at IS NOT NULL",
            named_params! { ":subject": subject },
            held,
        )?;
        // Of each rule, the last one stays.
        let told = self.rows(
            "SELECT team, rule, kind, told_at AS at FROM ledger
             WHERE subject = :subject AND told_at IS NOT NULL ORDER BY team, rule, told_at",
            named_params! { ":subject": subject },
            |row| Ok((rule_id(row)?, (time(row, "at")?, text(row, "kind")?))),
        )?;
        Ok(History { fired: fired.into_iter().collect::<HashSet<_>>(), held, told: told.into_iter().collect() })
    }

    /// The key of a ticket that an event names by Jira's numeric id, or GitHub's.
    ///
    /// # Errors
    /// As above
    pub fn ticket_key(&self, id: &str) -> Result<Option<TicketKey>, StoreError> {
        self.row("SELECT key FROM ticket_id WHERE id = :id", named_params! { ":id": id }, |row| text(row, "key"))
    }

    /// The open drafts whose conversation is a ticket's, at most 50.
    ///
    /// # Errors
    /// As above
    pub fn drafts_of(&self, ticket: &str) -> Result<Vec<(SubjectKey, Known)>, StoreError> {
        self.rows(
            "SELECT key, state FROM subject WHERE thread = :ticket AND thread <> key
               AND state ->> '$.about.stage' = 'open' AND state -> '$.about.draft' = 'true' LIMIT 50",
            named_params! { ":ticket": ticket },
            |row| Ok((row.get("key")?, json(row, "state")?)),
        )
    }

    /// When each team hears that the work of a conversation is merged or its issue closed, where that waits and for no digest.
    ///
    /// # Errors
    /// As above
    pub fn ends_that_wait(&self, thread: &str) -> Result<HashMap<String, Timestamp>, StoreError> {
        let ends = self.rows(
            "SELECT team, min(due_at) AS due FROM ledger
             WHERE thread = :thread AND due_at IS NOT NULL AND digest = 0 AND team IS NOT NULL
               AND kind IN ('pull_request.merged', 'issue.closed', 'ticket.done') GROUP BY team",
            named_params! { ":thread": thread },
            |row| Ok((row.get("team")?, time(row, "due")?)),
        )?;
        Ok(ends.into_iter().collect())
    }

    /// Writes what comes of deliveries that nothing can be done with.
    ///
    /// # Errors
    /// As above
    pub fn ignore_delivery(
        &self,
        delivery: i64,
        of: (Source, &str),
        reason: &Reason,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.ignore(delivery, of, reason, now)?;
        self.close_delivery(delivery)
    }

    /// Notes that a delivery was worked on.
    ///
    /// # Errors
    /// As above
    pub fn close_delivery(&self, delivery: i64) -> Result<(), StoreError> {
        self.put("UPDATE delivery SET waits = 0 WHERE id = :id", named_params! { ":id": delivery })
    }

    /// Writes an event, its lines, and what is known and waits with it.
    ///
    /// # Errors
    /// As above
    pub fn write_event(&self, planned: PlannedEvent<'_>, now: Timestamp) -> Result<(), StoreError> {
        let PlannedEvent { delivery, tracked, plan } = planned;
        let event = self.insert_event(delivery, &tracked.event)?;
        self.learn_subject(tracked, now)?;
        for update in &plan.updates {
            let line =
                Line { delivery, event, told: &tracked.event, rule: Some(&update.rule), kind: update.kind.as_str() };
            self.insert_line(&line, &update.fate, now)?;
            self.note_milestone(tracked, update)?;
        }
        if let Some(fate) = &plan.unreached {
            let line = Line { delivery, event, told: &tracked.event, rule: None, kind: tracked.event.kind.as_str() };
            self.insert_line(&line, fate, now)?;
        }
        self.end_lines(plan, now)?;
        for subject in &plan.gone {
            self.put("DELETE FROM timer WHERE subject = :subject", named_params! { ":subject": subject })?;
        }
        for timer in &plan.timers {
            self.set_timer(timer, delivery)?;
        }
        for recall in &plan.recalled {
            self.take_back(recall, now)?;
        }
        Ok(())
    }

    /// Notes by which id a ticket's source calls it.
    fn learn_id(&self, subject: &SubjectKey, known: &Known) -> Result<(), StoreError> {
        let (id, key) = match &known.about {
            About::Ticket(Ticket { id: Some(id), key, .. }) if id != key => (id.clone(), key.as_str()),
            About::Issue(Issue { id: Some(id), .. }) => {
                (SubjectKey::unnamed(id).on_host(known.host.as_deref()).to_string(), subject.as_str())
            }
            _ => return Ok(()),
        };
        self.put(
            "INSERT INTO ticket_id (id, key) VALUES (:id, :key) ON CONFLICT (id) DO UPDATE SET key = excluded.key",
            named_params! { ":id": id, ":key": key },
        )
    }

    fn learn_subject(&self, tracked: &Tracked, now: Timestamp) -> Result<(), StoreError> {
        let Tracked { event, known, .. } = tracked;
        self.know((&event.subject, known), &tracked.conversation(), now)?;
        self.learn_id(&event.subject, known)?;
        if let (Some(private), Source::Github) = (event.private, event.source) {
            self.note_private(&event.repository(), private, event.at)?;
        }
        if let About::Thing(Thing {
            kind: ThingKind::Deployment, environment: Some(name), updated_at: Some(at), ..
        }) = &event.about
        {
            self.put(
                "INSERT INTO environment (scope, name, deployed_at) VALUES (:scope, :name, :at)
                 ON CONFLICT (scope, name) DO UPDATE
                 SET deployed_at = max(environment.deployed_at, excluded.deployed_at)",
                named_params! { ":scope": event.repository(), ":name": name, ":at": Millis(*at) },
            )?;
        }
        Ok(())
    }

    /// Writes what is known `now` of a subject, and its conversation.
    ///
    /// # Errors
    /// As above
    pub fn know(&self, (subject, known): (&str, &Known), thread: &str, now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO subject (key, state, thread, seen_at) VALUES (:key, :known, :thread, :now)
             ON CONFLICT (key) DO UPDATE
             SET state = excluded.state, thread = excluded.thread, seen_at = excluded.seen_at",
            named_params! { ":key": subject, ":known": Json(known), ":thread": thread, ":now": Millis(now) },
        )
    }

    /// The id of an event that is to be written; `None` where it's given one then.
    ///
    /// # Errors
    /// As above
    pub fn next_event(&self) -> Result<Option<i64>, StoreError> {
        match self.is_sqlite() {
            true => Ok(None),
            false => self.value("SELECT nextval(pg_get_serial_sequence('event', 'id'))", []),
        }
    }

    /// Two deliveries may tell of one occurrence: its name stays with the first.
    pub(super) fn insert_event(&self, delivery: i64, event: &Event) -> Result<i64, StoreError> {
        let (id, body) = (self.next_event()?, event.clone().without_body());
        let params = named_params! { ":id": id, ":delivery": delivery, ":once": event.once, ":body": Json(body) };
        if let Some(id) = id {
            return self.put(INSERT_EVENT, params).map(|()| id);
        }
        self.value(RETURNING, params)?.ok_or_else(StoreError::nothing_found)
    }

    /// Writes a line of the ledger, as the next of its delivery.
    pub(super) fn insert_line(&self, line: &Line<'_>, fate: &Fate, now: Timestamp) -> Result<(), StoreError> {
        let Line { delivery, event, told, rule, kind } = line;
        let (state, due, digest, since, reason) = match fate {
            Fate::Held { wait, digest, since, reason } => ("held", Some(wait.until), *digest, *since, reason),
            Fate::Suppressed(reason) => ("suppressed", None, false, None, reason),
            Fate::Ignored(reason) => ("ignored", None, false, None, reason),
        };
        // Who did what nobody hears of doesn't count among what one person does.
        let actor = told.doer().filter(|_| due.is_some());
        self.put(
            "INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at,
                                 due_at, digest, since_at, actor)
             VALUES (:delivery, (SELECT coalesce(max(line), 0) + 1 FROM ledger WHERE delivery_id = :delivery), :event,
                     :source, :kind, :subject, :thread, :team, :rule, :state, :reason, :at, :due, :digest, :since, :actor)",
            named_params! {
                ":delivery": delivery, ":event": event, ":source": Text(told.source), ":kind": kind,
                ":subject": told.subject, ":thread": conversation(told),
                ":team": rule.map(|rule| &rule.team), ":rule": rule.map(|rule| &rule.name), ":state": state,
                ":reason": Json(reason), ":at": Millis(now), ":due": due.map(Millis), ":digest": digest,
                ":since": since.map(Millis), ":actor": actor,
            },
        )
    }

    fn note_milestone(&self, tracked: &Tracked, update: &Update) -> Result<(), StoreError> {
        if !update.kind.is_milestone() || !matches!(update.fate, Fate::Held { .. }) {
            return Ok(());
        }
        self.put(
            "INSERT INTO fired (subject, team, rule, kind) VALUES (:subject, :team, :rule, :kind) ON CONFLICT DO NOTHING",
            named_params! { ":subject": tracked.event.subject, ":team": update.rule.team, ":rule": update.rule.name,
                            ":kind": Text(update.kind) },
        )
    }

    /// Ends the waiting lines that a plan replaces or takes back, puts off those that go with a new one, and puts other words
    /// into occurrences.
    fn end_lines(&self, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
        let superseded = plan.superseded.iter().map(|ended| (ended, "superseded"));
        let withdrawn = plan.withdrawn.iter().map(|ended| (ended, "suppressed"));
        for ((LineId { delivery, line }, reason), state) in superseded.chain(withdrawn) {
            self.put(
                "UPDATE ledger SET state = :state, reason = :reason, changed_at = :now, due_at = NULL
                 WHERE delivery_id = :delivery AND line = :line",
                named_params! { ":state": state, ":reason": Json(reason), ":now": Millis(now), ":delivery": delivery,
                ":line": line },
            )?;
        }
        for (LineId { delivery, line }, until) in &plan.extended {
            self.put(
                "UPDATE ledger SET due_at = max(due_at, :until)
                 WHERE delivery_id = :delivery AND line = :line AND due_at IS NOT NULL",
                named_params! { ":until": Millis(*until), ":delivery": delivery, ":line": line },
            )?;
        }
        for (once, words) in &plan.reworded {
            self.put(
                "UPDATE event SET body = iif(:words IS NULL, json_remove(body, '$.comment'),
                                             json_set(body, '$.comment', json(:words)))
                 WHERE once = :once",
                named_params! { ":words": words.as_ref().map(Json), ":once": once },
            )?;
        }
        Ok(())
    }

    fn set_timer(&self, timer: &Timer, delivery: i64) -> Result<(), StoreError> {
        let Timer { subject, rule, kind, due } = timer;
        self.put(
            "INSERT INTO timer (subject, team, rule, kind, due_at, delivery_id)
             VALUES (:subject, :team, :rule, :kind, :due, :delivery)
             ON CONFLICT (subject, team, rule, kind) DO UPDATE SET due_at = excluded.due_at, delivery_id = excluded.delivery_id",
            named_params! { ":subject": subject, ":team": rule.team, ":rule": rule.name, ":kind": Text(kind),
            ":due": Millis(*due), ":delivery": delivery },
        )
    }
}

/// A new line of the ledger, before what becomes of it.
pub(super) struct Line<'a> {
    pub(super) delivery: i64,
    /// The event's id
    pub(super) event: i64,
    /// The event itself
    pub(super) told: &'a Event,
    /// `None` where no rule was reached
    pub(super) rule: Option<&'a RuleId>,
    pub(super) kind: &'static str,
}

/// The rule of a row with a team and a rule.
pub(super) fn rule_id(row: &Row<'_>) -> Result<RuleId, StoreError> {
    Ok(RuleId { team: row.get("team")?, name: row.get("rule")? })
}

fn held(row: &Row<'_>) -> Result<Held, StoreError> {
    Ok(Held {
        id: LineId { delivery: row.get("delivery_id")?, line: row.get("line")? },
        rule: rule_id(row)?,
        kind: text(row, "kind")?,
        once: row.get("once")?,
        change: json_or_none(row, "change")?,
        actor: row.get("actor")?,
        since: time(row, "since")?,
    })
}
