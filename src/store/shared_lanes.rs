//! Lanes that several processes share: a row for each destination that one of them sends to, or that is given a rest. Where there
//! is one process, its memory has all of that.

use std::collections::HashMap;
use std::time::Duration;

use super::lanes::{Lanes, Now, Pause, Waiting};
use super::row::{Json, Millis, Text, named_params, time};
use super::{StoreError, Tx};
use crate::destination::Destination;

/// From one destination to the next in the index, past all that waits for it. The first of what may go there now is found as
/// [`Tx::claim`] finds it on SQLite, and nothing of a destination that another process sends to. What is under way to one that nobody
/// sends to was left by somebody.
const WAITING: &str = "
    WITH RECURSIVE place (destination) AS (
        SELECT min(destination) FROM send WHERE state IN ('queued', 'sending')
        UNION ALL
        SELECT (SELECT min(s.destination) FROM send s
                WHERE s.state IN ('queued', 'sending') AND s.destination > place.destination)
        FROM place WHERE place.destination IS NOT NULL)
    SELECT place.destination, first.id, first.next_at FROM place JOIN LATERAL (
        SELECT s.id, s.next_at FROM send s
        WHERE s.destination BETWEEN place.destination AND place.destination AND s.state IN ('queued', 'sending')
          AND (s.next_at <= :now OR s.state = 'sending' AND :replica <> 0) ORDER BY s.destination, s.id LIMIT 1) first ON TRUE
    WHERE NOT EXISTS (
        SELECT 1 FROM lane l
        WHERE l.destination = place.destination AND (l.replica <> :replica OR l.rest_until > :now))";

impl Tx<'_> {
    /// The destinations that a send may go to now, and since when it may.
    pub(super) fn waiting_on_server(&self, lanes: &Lanes, now: Now) -> Result<Waiting, StoreError> {
        let found =
            self.rows(WAITING, named_params! { ":now": Millis(now.time), ":replica": lanes.replica() }, |row| {
                Ok((row.get::<_, String>("destination")?, row.get::<_, i64>("id")?, time(row, "next_at")?))
            })?;
        let mut waiting = Vec::new();
        for (to, id, since) in found {
            match to.parse::<Destination>() {
                Ok(to) if lanes.is_busy(&to, now.instant) => {}
                Ok(to) => waiting.push((since, to)),
                Err(error) => self.set_aside(id, &error, now.time)?,
            }
        }
        Ok(waiting)
    }

    /// Takes destinations for this process: those of these that no other sends to, and that have no rest.
    pub(super) fn begin_lanes(
        &self,
        chosen: Vec<Destination>,
        (lanes, now): (&Lanes, Now),
    ) -> Result<Vec<Destination>, StoreError> {
        // Who has no number has the store to itself.
        if lanes.replica() == 0 || chosen.is_empty() {
            return Ok(chosen);
        }
        // In the order of their names: two processes that take the same ones wait for each other in one direction. One that was
        // taken for dead meanwhile takes nothing: nobody would give it back.
        let taken = self.rows(
            "INSERT INTO lane (destination, replica)
             SELECT value, own.id FROM json_each(:chosen),
                 (SELECT id FROM replica WHERE id = :replica FOR KEY SHARE) AS own ORDER BY value
             ON CONFLICT (destination) DO UPDATE SET replica = excluded.replica
             WHERE (lane.replica IS NULL OR lane.replica = excluded.replica) AND lane.rest_until <= :now
             RETURNING destination",
            named_params! { ":replica": lanes.replica(), ":chosen": Json(names(&chosen)), ":now": Millis(now.time) },
            |row| row.get::<_, String>("destination"),
        )?;
        Ok(chosen.into_iter().filter(|to| taken.contains(&to.to_string())).collect())
    }

    /// Gives destinations back, each with the rest that it is given.
    pub(super) fn end_lanes(&self, ended: &[Destination], (lanes, now): (&Lanes, Now)) -> Result<(), StoreError> {
        if self.is_sqlite() || ended.is_empty() {
            return Ok(());
        }
        let (troubled, well): (Vec<_>, Vec<_>) = ended.iter().partition(|to| lanes.pause_of(to).is_some());
        if !well.is_empty() {
            self.put(
                "DELETE FROM lane WHERE replica = :replica AND destination IN (SELECT value FROM json_each(:ended))",
                named_params! { ":replica": lanes.replica(), ":ended": Json(names(well)) },
            )?;
        }
        for to in troubled {
            let Some(pause) = lanes.pause_of(to) else { continue };
            let left = pause.until.saturating_duration_since(now.instant);
            let until = now.time.saturating_add(left).unwrap_or(now.time);
            self.put(
                "UPDATE lane SET replica = NULL, rest_until = :until, rest_length = :length, failures = :failures
                 WHERE replica = :replica AND destination = :to",
                named_params! { ":replica": lanes.replica(), ":to": Text(to), ":until": Millis(until),
                ":length": i64::try_from(pause.length.as_millis()).unwrap_or(i64::MAX), ":failures": pause.failures },
            )?;
        }
        Ok(())
    }

    /// Takes in the rests that other processes gave.
    pub(super) fn read_rests(&self, lanes: &Lanes, now: Now) -> Result<(), StoreError> {
        if self.is_sqlite() {
            return Ok(());
        }
        let rests = self.rows(
            "SELECT destination, rest_until, rest_length, failures FROM lane WHERE failures > 0",
            [],
            |row| {
                let length = row.get::<_, i64>("rest_length")?;
                let left = time(row, "rest_until")?.duration_since(now.time);
                let pause = Pause {
                    until: now.instant + Duration::try_from(left).unwrap_or_default(),
                    length: Duration::from_millis(u64::try_from(length).unwrap_or_default()),
                    failures: row.get("failures")?,
                };
                // What can't be read is set aside where it waits.
                Ok(row.get::<_, String>("destination")?.parse::<Destination>().ok().map(|to| (to, pause)))
            },
        )?;
        lanes.follow(rests.into_iter().flatten().collect::<HashMap<_, _>>());
        Ok(())
    }
}

fn names<'d>(destinations: impl IntoIterator<Item = &'d Destination>) -> Vec<String> {
    destinations.into_iter().map(ToString::to_string).collect()
}
