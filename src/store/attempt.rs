//! How each attempt to send a message ended.

use jiff::Timestamp;
use strum::{Display, EnumString};

use super::abandoned::Whose;
use super::claim::{Claimed, LEASE};
use super::row::{Millis, Text, named_params};
use super::{StoreError, Tx};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, serde::Serialize, schemars::JsonSchema)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum AttemptOutcome {
    /// The other end has the message
    Sent,
    /// It was refused, and may be accepted later
    Transient,
    /// It will never be accepted
    Permanent,
    /// Nobody knows: it may have arrived
    Ambiguous,
}

/// An attempt that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began
    pub began: Timestamp,
    /// When it ended
    pub ended: Timestamp,
    /// How
    pub outcome: AttemptOutcome,
    /// What the other end said, if it wasn't sent
    pub error: Option<String>,
}

impl Tx<'_> {
    /// Notes an attempt of a send.
    pub(super) fn note_attempt(&self, (send, number): (i64, i64), attempt: &Attempt) -> Result<(), StoreError> {
        let Attempt { began, ended, outcome, error } = attempt;
        self.put(
            "INSERT INTO attempt (ledger_id, destination, number, began_at, ended_at, outcome, error)
             SELECT ledger_id, destination, :number, :began, :ended, :outcome, :error FROM send WHERE id = :send",
            named_params! { ":number": number, ":began": Millis(*began), ":ended": Millis(*ended),
            ":outcome": Text(*outcome), ":error": error, ":send": send },
        )
    }

    /// Notes the attempts that were under way when the process died: those with the least id of what was claimed together,
    /// as in [`Self::release_claims`].
    pub(super) fn note_stopped_attempts(&self, whose: Whose, now: Timestamp) -> Result<(), StoreError> {
        let of = whose.of();
        let note = format!(
            "INSERT INTO attempt (ledger_id, destination, number, began_at, ended_at, outcome, error)
             SELECT s.ledger_id, s.destination, s.attempts, s.next_at - :lease, :now, :outcome, 'the service stopped during it'
             FROM send s WHERE s.id IN (
                 SELECT min(id) FROM send
                 WHERE state = 'sending' AND state IN ('queued', 'sending'){of} GROUP BY destination, next_at)"
        );
        self.put(
            &note,
            named_params! { ":lease": i64::try_from(LEASE.as_millis()).unwrap_or_default(), ":now": Millis(now),
            ":outcome": Text(AttemptOutcome::Ambiguous) },
        )
    }

    /// Notes the attempt before this claim, whose own claim has run out.
    pub(super) fn note_lost_attempt(&self, claimed: &Claimed, now: Timestamp) -> Result<(), StoreError> {
        let Some(lease) = claimed.lost else { return Ok(()) };
        let error = Some("nobody knows how it ended".to_owned());
        let attempt = Attempt { began: lease - LEASE, ended: now, outcome: AttemptOutcome::Ambiguous, error };
        self.note_attempt((claimed.id, claimed.attempt - 1), &attempt)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::Store;
    use super::super::row::Value;
    use super::super::tests::{Place, change_by};
    use super::*;

    #[tokio::test]
    async fn an_attempt_that_a_crash_ended_is_noted_as_one_and_the_others_of_its_claim_are_not() {
        let place = Place::new();
        let (store, written) = Store::serve(place.store(), Timestamp::UNIX_EPOCH).await.unwrap();
        let rows = "
            INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (1, 'github', 'd-1', '', 0, 0, x'');
            INSERT INTO ledger (id, delivery_id, line, source, state, reason, at) VALUES (1, 1, 1, 'github', 'held', '{}', 0);
            INSERT INTO send (ledger_id, destination, thread, state, attempts, next_at, created_at) VALUES
                (1, 'slack:#web', 'a', 'sending', 3, 605000, 0), (1, 'slack:#web', 'b', 'sending', 1, 605000, 0),
                (1, 'mailbox', 'a', 'queued', 1, 0, 0)";
        change_by(&store, rows.split(';').map(str::to_owned).collect()).await;
        drop(store);
        written.await.unwrap();
        let (store, _) = Store::serve(place.store(), Timestamp::from_millisecond(9000).unwrap()).await.unwrap();
        let noted = store.read(|tx| {
            tx.rows("SELECT destination, number, began_at, ended_at, outcome, error FROM attempt", [], |row| {
                (0..6).map(|column| row.get(column)).collect::<Result<Vec<Value>, _>>()
            })
        });
        let text = |text: &str| Value::Text(text.to_owned());
        let expected = [
            text("slack:#web"),
            Value::Integer(3),
            Value::Integer(5000),
            Value::Integer(9000),
            text("ambiguous"),
            text("the service stopped during it"),
        ];
        assert_eq!(noted.await.unwrap(), [expected]);
    }
}
