//! Writes what became of updates whose time has come.

use jiff::Timestamp;

use super::row::{Json, Millis, Text, named_params};
use super::{StoreError, Tx};
use crate::destination::Destination;
use crate::plan::{NotSent, Outgoing, Released};
use crate::reason::Reason;

impl Tx<'_> {
    /// Writes what became of updates whose time had come.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn release(&self, released: &Released, now: Timestamp) -> Result<(), StoreError> {
        for outgoing in &released.messages {
            self.queue(outgoing, now)?;
        }
        for (id, fate) in &released.not_sent {
            match fate {
                NotSent::Wait { wait, digest, reason } => {
                    self.put(
                        "UPDATE ledger SET due_at = :due, digest = :digest, reason = :reason, changed_at = :now
                         WHERE id = :id",
                        named_params! { ":due": Millis(wait.until), ":digest": digest, ":reason": Json(reason),
                        ":now": Millis(now), ":id": id },
                    )?;
                }
                NotSent::Suppressed(reason) => {
                    self.end_update(*id, ("suppressed", reason), now)?;
                    // A milestone that was not told may be told another time.
                    self.put(
                        "DELETE FROM fired WHERE (subject, team, rule, kind) IN (
                             SELECT subject, team, rule, kind FROM ledger WHERE id = :id)",
                        named_params! { ":id": id },
                    )?;
                }
                NotSent::Told(reason) => self.end_update(*id, ("suppressed", reason), now)?,
                NotSent::Failed(reason) => self.end_update(*id, ("failed", reason), now)?,
            }
        }
        for (id, to, by) in &released.left_out {
            self.leave_out(*id, to, by, now)?;
        }
        Ok(())
    }

    fn end_update(&self, id: i64, (state, reason): (&str, &Reason), now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "UPDATE ledger SET state = :state, reason = :reason, changed_at = :now, due_at = NULL WHERE id = :id",
            named_params! { ":state": state, ":reason": Json(reason), ":now": Millis(now), ":id": id },
        )
    }

    /// Queues a message to each of its places.
    fn queue(&self, outgoing: &Outgoing, now: Timestamp) -> Result<(), StoreError> {
        let Outgoing { lead, name, others, thread, subject, message, to } = outgoing;
        self.put(
            "UPDATE ledger SET message = :message, reason = :reason, changed_at = :now, due_at = NULL, told_at = :now,
                    object_at = :object_at
             WHERE id = :id",
            named_params! { ":message": Json(message), ":reason": Json(Reason::Sending), ":now": Millis(now),
            ":object_at": lead.object_by.map(Millis), ":id": lead.id },
        )?;
        for to in to {
            let thread = if *to == Destination::Github { subject } else { thread };
            self.queue_send((lead.id, to, thread), now)?;
        }
        let reason = Reason::ToldWith { line: name.clone() };
        for other in others {
            self.put(
                "UPDATE ledger SET lead_id = :lead, reason = :reason, changed_at = :now, due_at = NULL, told_at = :now,
                        object_at = :object_at
                 WHERE id = :id",
                named_params! { ":lead": lead.id, ":reason": Json(&reason), ":now": Millis(now),
                ":object_at": other.object_by.map(Millis), ":id": other.id },
            )?;
        }
        Ok(())
    }

    /// Queues the message of a line to a place, as part of a conversation there.
    pub(super) fn queue_send(
        &self,
        (line, to, thread): (i64, &Destination, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
             VALUES (:line, :to, :thread, 'queued', :now, :now)",
            named_params! { ":line": line, ":to": Text(to), ":thread": thread, ":now": Millis(now) },
        )
    }
}
