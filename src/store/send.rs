//! How sends end: recorded by the worker that holds the newest fence.

use std::time::Duration;

use jiff::Timestamp;

use super::attempt::Attempt;
use super::claim::Claimed;
use super::lanes::Lane;
use super::row::{Json, Millis, named_params};
use super::writer::{Job, Urgency};
use super::{Store, StoreError, Tx};
use crate::plan::LineId;
use crate::reason::{Code, Reason};

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// It arrived; the channel's reference begins the conversation if it has none yet
    Sent {
        /// A Message-ID, a Slack ts
        reference: Option<String>,
        /// What began the conversation before is of no more use: the reference takes its place
        anew: bool,
        /// What a reader of the ledger should know all the same: that it may have arrived twice
        doubt: Option<String>,
    },
    /// It is tried again then
    Again {
        /// When
        at: Timestamp,
        /// What went wrong
        error: String,
        /// It may have arrived all the same
        doubtful: bool,
    },
    /// It was not tried: it waits for its turn again
    Unclaimed,
    /// It will not be tried again
    Failed {
        /// What went wrong
        error: String,
        /// It may have arrived all the same
        doubtful: bool,
    },
    /// It will not be tried again, since there is nobody at its destination
    Refused {
        /// What its server said
        error: String,
    },
}

/// How a send ended, with the attempt that was made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// What follows for the send
    pub outcome: SendOutcome,
    /// How the attempt went; `None` if it was not tried
    pub attempt: Option<Attempt>,
}

impl From<SendOutcome> for Tried {
    fn from(outcome: SendOutcome) -> Self {
        Self { outcome, attempt: None }
    }
}

/// What came of recording how an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing: another worker took the send over since
    TakenOver,
    /// The send waits again, or others of its message do
    GoesOn,
    /// With it, so many lines of the ledger are over
    Over {
        /// The state in which they ended: `sent`, `failed`
        state: &'static str,
        /// How many
        lines: usize,
    },
}

impl Store {
    /// Records how an attempt ended `now`. One that could not be written `before` has a commit of its own, so that it takes no
    /// other write with it.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn record_outcome(
        &self,
        claimed: &Claimed,
        tried: &Tried,
        before: bool,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let (ended, attempt) = (Ended::of(claimed, &tried.outcome, now), tried.attempt.clone());
        let (urgency, lane) = if before { (Urgency::CanWait, &self.writer) } else { (Urgency::Outcome, &self.senders) };
        let (job, answer) = Job::new(urgency, move |tx| tx.record_outcome(&ended, attempt.as_ref(), now));
        lane.send(job).await.map_err(|_| StoreError::NotWritten)?;
        answer.await.map_err(|_| StoreError::NotWritten)?
    }

    /// Whether a claimed send is not to be tried any more: another process has taken it over since, or its words were taken
    /// back, or are about to be decided on once more.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn is_off(&self, claimed: &Claimed) -> Result<bool, StoreError> {
        let (id, fence) = (claimed.id, claimed.fence);
        self.read(move |tx| {
            tx.holds(
                "SELECT NOT EXISTS (
                     SELECT 1 FROM send s WHERE id = :id AND fence = :fence AND taken_back = 0
                       AND NOT EXISTS (SELECT 1 FROM answer a WHERE a.carrier_id = s.ledger_id AND a.waits = 1))",
                named_params! { ":id": id, ":fence": fence },
            )
        })
        .await
    }

    /// Whether what was claimed in a lane is still this process's.
    #[must_use]
    pub fn holds(&self, lane: &Lane) -> bool {
        self.replica.holds(lane.replica())
    }

    /// The numbers of the deliveries that a send's message tells of, but for the one that it stands for.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn told_deliveries(&self, send: i64) -> Result<Vec<i64>, StoreError> {
        self.read(move |tx| {
            tx.rows(
                "SELECT DISTINCT l.delivery_id FROM send s CROSS JOIN ledger l ON l.lead_id = s.ledger_id WHERE s.id = :send",
                named_params! { ":send": send },
                |row| row.get("delivery_id"),
            )
        })
        .await
    }

    /// Moves the times of next attempts, since the clock was set back by so much.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn clock_set_back(&self, by: Duration, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| tx.wait_less(by, now)).await
    }

    /// Tries again what failed, at the request of a person: the failed sends of a line, or the reading of a delivery
    /// that was ignored. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]; [`StoreError::NoBody`] and [`StoreError::NoMessage`] if what is needed is gone
    pub async fn retry(&self, line: LineId) -> Result<usize, StoreError> {
        self.write(move |tx| tx.retry(line)).await
    }
}

impl Tx<'_> {
    /// The clock was set back: what waits for it waits so much less.
    fn wait_less(&self, by: Duration, now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "UPDATE send SET next_at = max(next_at - :by, :now)
             WHERE state IN ('queued', 'sending') AND next_at > :now",
            named_params! { ":by": i64::try_from(by.as_millis()).unwrap_or(i64::MAX), ":now": Millis(now) },
        )
    }

    /// Writes how an attempt ended. An update is over when all of its sends are. What was taken back meanwhile isn't tried
    /// again.
    fn record_outcome(&self, ended: &Ended, attempt: Option<&Attempt>, now: Timestamp) -> Result<Recorded, StoreError> {
        let own = self.run(
            "UPDATE send SET state = :state, attempts = :attempts, next_at = :next, sent_at = :sent, error = :error,
                             doubtful = :doubtful, taken_back = iif(:state = 'sent', 0, taken_back)
             WHERE id = :id AND fence = :fence AND state = 'sending'",
            named_params! { ":state": ended.state, ":attempts": ended.attempts, ":next": Millis(ended.next),
            ":sent": ended.sent.map(Millis), ":error": ended.error, ":doubtful": ended.doubtful,
            ":id": ended.id, ":fence": ended.fence },
        )?;
        if own == 0 {
            return Ok(Recorded::TakenOver);
        }
        if let Some(attempt) = attempt {
            self.note_attempt((ended.id, ended.attempts), attempt)?;
        }
        if ended.sent.is_some() {
            self.go_on_from(ended)?;
            self.note_reached(&ended.destination)?;
        }
        if ended.refused {
            self.note_refused(&ended.destination, ended.error.as_deref(), ended.next)?;
        }
        match ended.state {
            "queued" => self.recall_if_taken_back(ended.id, now).map(|()| Recorded::GoesOn),
            _ => self.end_lines_of(ended.id, now),
        }
    }

    /// Remembers the first message of a conversation, which later ones answer to.
    fn go_on_from(&self, ended: &Ended) -> Result<(), StoreError> {
        // Nothing answers to an answer's comment, and nothing else replaces it.
        if ended.carries {
            self.put(
                "UPDATE answer SET comment = coalesce(:reference, comment)
                 WHERE carrier_id = (SELECT ledger_id FROM send WHERE id = :id)",
                named_params! { ":reference": ended.reference, ":id": ended.id },
            )?;
            return Ok(());
        }
        if ended.anew {
            self.put(
                "DELETE FROM conversation WHERE (destination, thread) IN (SELECT destination, thread FROM send WHERE id = :id)",
                named_params! { ":id": ended.id },
            )?;
        }
        if ended.reference.is_some() {
            self.put(
                "INSERT INTO conversation (destination, thread, root, subject, editable)
                 SELECT s.destination, s.thread, :reference, :subject,
                        iif(l.kind LIKE 'note.%' OR EXISTS (SELECT 1 FROM ledger WHERE lead_id = l.id), NULL, l.team)
                 FROM send s JOIN ledger l ON l.id = s.ledger_id WHERE s.id = :id ON CONFLICT DO NOTHING",
                named_params! { ":reference": ended.reference, ":subject": ended.subject, ":id": ended.id },
            )?;
        }
        Ok(())
    }

    /// Ends the lines that a send's message tells, once none of its sends waits or is under way.
    pub(super) fn end_lines_of(&self, send: i64, now: Timestamp) -> Result<Recorded, StoreError> {
        self.lock_line_of(send)?;
        let message = || {
            self.row(
                "SELECT l.id, l.delivery_id || '.' || l.line AS name,
                        (SELECT json_group_array(json_object('destination', destination, 'error', error)) FROM send
                         WHERE ledger_id = l.id AND state = 'failed') AS failed
                 FROM send s JOIN ledger l ON l.id = s.ledger_id
                 WHERE s.id = :send AND NOT EXISTS (
                     SELECT 1 FROM send o WHERE o.ledger_id = l.id AND o.state IN ('queued', 'sending'))",
                named_params! { ":send": send },
                |row| Ok((row.get::<_, i64>("id")?, row.get::<_, String>("name")?, row.get::<_, String>("failed")?)),
            )
        };
        let others = || {
            self.rows(
                "SELECT id FROM ledger WHERE lead_id = (SELECT ledger_id FROM send WHERE id = :send)",
                named_params! { ":send": send },
                |row| row.get::<_, i64>("id"),
            )
        };
        self.ahead(|| drop((message(), others())));
        let Some((id, name, failed)) = message()? else { return Ok(Recorded::GoesOn) };
        let (state, code) = if failed == "[]" { ("sent", Code::Sent) } else { ("failed", Code::Undelivered) };
        let others = others()?;
        let lines = 1 + others.len();
        // One by one: for several at once, SQLite would make a table of them first, also where there is one.
        for (line, with) in std::iter::once((id, None)).chain(others.into_iter().map(|line| (line, Some(&name)))) {
            self.put(
                "UPDATE ledger SET state = :state, changed_at = :now,
                        reason = iif(:state = 'failed', json_object('code', :code, 'failed', json(:failed)),
                                     json_object('code', :code, 'with', :with))
                 WHERE id = :line",
                named_params! { ":state": state, ":code": code.as_str(), ":failed": failed, ":with": with,
                ":line": line, ":now": Millis(now) },
            )?;
        }
        Ok(Recorded::Over { state, lines })
    }

    /// Has other replicas wait that end a send of the same message: each would see the other's as under way.
    fn lock_line_of(&self, send: i64) -> Result<(), StoreError> {
        if !self.is_sqlite() {
            let lock =
                "SELECT id FROM ledger WHERE id = (SELECT ledger_id FROM send WHERE id = :send) FOR NO KEY UPDATE";
            self.put(lock, named_params! { ":send": send })?;
        }
        Ok(())
    }

    fn retry(&self, LineId { delivery, line }: LineId) -> Result<usize, StoreError> {
        let message = self.value::<i64>(
            "SELECT coalesce(lead_id, id) FROM ledger WHERE delivery_id = :delivery AND line = :line",
            named_params! { ":delivery": delivery, ":line": line },
        )?;
        let Some(message) = message else { return Ok(0) };
        let now = Timestamp::now();
        let retried = self.run(
            "UPDATE send SET state = 'queued', next_at = :now, created_at = :now
             WHERE state = 'failed' AND taken_back = 0 AND ledger_id = :message",
            named_params! { ":now": Millis(now), ":message": message },
        )?;
        if retried == 0 {
            return self.read_again(LineId { delivery, line });
        }
        if self
            .holds("SELECT message IS NULL FROM ledger WHERE id = :message", named_params! { ":message": message })?
        {
            return Err(StoreError::NoMessage(LineId { delivery, line }));
        }
        self.sends_again(message, now)?;
        Ok(retried)
    }

    /// Notes that a message is being sent again.
    pub(super) fn sends_again(&self, message: i64, now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "UPDATE ledger SET state = 'held', reason = :reason, changed_at = :now WHERE id = :message OR lead_id = :message",
            named_params! { ":reason": Json(Reason::SendingAgain), ":now": Millis(now), ":message": message },
        )
    }

    /// A delivery that was ignored is read again: a newer version may understand it.
    fn read_again(&self, LineId { delivery, line }: LineId) -> Result<usize, StoreError> {
        let gone = "SELECT length(body) = 0 FROM delivery WHERE id = :id";
        let gone = self.holds(gone, named_params! { ":id": delivery })?;
        let ignored = self.run(
            "DELETE FROM ledger WHERE delivery_id = :delivery AND line = :line AND state = 'ignored'",
            named_params! { ":delivery": delivery, ":line": line },
        )?;
        if ignored > 0 && gone {
            return Err(StoreError::NoBody(delivery));
        }
        if ignored > 0 {
            self.put("UPDATE delivery SET waits = 1 WHERE id = :id", named_params! { ":id": delivery })?;
        }
        Ok(ignored)
    }
}

/// How an attempt ended, as the row has it.
struct Ended {
    id: i64,
    fence: i64,
    destination: String,
    subject: String,
    state: &'static str,
    attempts: i64,
    next: Timestamp,
    sent: Option<Timestamp>,
    error: Option<String>,
    doubtful: bool,
    reference: Option<String>,
    anew: bool,
    refused: bool,
    carries: bool,
}

impl Ended {
    fn of(claimed: &Claimed, outcome: &SendOutcome, now: Timestamp) -> Self {
        let ended = Self {
            id: claimed.id,
            fence: claimed.fence,
            destination: claimed.destination.to_string(),
            subject: claimed.message.subject.clone(),
            state: "failed",
            attempts: claimed.attempt,
            next: now,
            sent: None,
            error: None,
            doubtful: claimed.doubtful,
            reference: None,
            anew: false,
            refused: false,
            carries: claimed.carries,
        };
        match outcome.clone() {
            SendOutcome::Sent { reference, anew, doubt } => {
                Self { state: "sent", sent: Some(now), error: doubt, reference, anew, ..ended }
            }
            SendOutcome::Again { at, error, doubtful } => {
                Self { state: "queued", next: at, error: Some(error), doubtful, ..ended }
            }
            SendOutcome::Unclaimed => {
                Self { state: "queued", attempts: claimed.attempt - 1, error: claimed.error.clone(), ..ended }
            }
            SendOutcome::Failed { error, doubtful } => Self { error: Some(error), doubtful, ..ended },
            SendOutcome::Refused { error } => Self { error: Some(error), refused: true, ..ended },
        }
    }
}
