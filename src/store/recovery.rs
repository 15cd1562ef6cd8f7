//! Deliveries that did not arrive: who can be asked for them, which are here already, and which wait for the rest.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;

use jiff::Timestamp;

use super::file::locked;
use super::pg::Purpose;
use super::row::{Millis, Text, named_params, time};
use super::sqlite::beside;
use super::{Accepted, Incoming, Location, Store, StoreError, Tx, pg};
use crate::event::Source;

/// Who can be asked for deliveries that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its number; 0 for Jira
    pub id: i64,
    /// Where the API has it; empty for Jira
    pub route: String,
    /// What was delivered before is here
    pub swept: Timestamp,
}

/// Held by the one process that asks for what did not arrive.
pub struct OneRecovery {
    _lock: Lock,
}

/// What is locked, for as long as it is open.
#[expect(dead_code, reason = "it is kept until it is dropped")]
enum Lock {
    File(File),
    Server(Box<pg::Connection>),
}

impl Store {
    /// Makes this the one process that asks for what did not arrive, for as long as it keeps the value.
    ///
    /// # Errors
    /// [`StoreError::Recovering`], [`StoreError::Open`]
    pub async fn begin_recovery(&self) -> Result<OneRecovery, StoreError> {
        let location = self.location.clone();
        let locked = tokio::task::spawn_blocking(move || match &location {
            Location::File(path) => {
                let path = beside(path, ".recovery.lock");
                let file = locked(&path, File::options().create(true).truncate(false).write(true).mode(0o600));
                Ok::<_, StoreError>(file.map_err(|error| StoreError::open(&path, &error))?.map(Lock::File))
            }
            Location::Server(server) => {
                let conn = server.connect(Purpose::Reading)?;
                Ok(conn.lock("microalign.recovery.")?.then_some(Lock::Server(Box::new(conn))))
            }
        });
        locked.await.map_err(StoreError::Stopped)??.map(|_lock| OneRecovery { _lock }).ok_or(StoreError::Recovering)
    }

    /// Remembers a hook, or where it is now.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]; here and below
    pub async fn learn_hook(&self, source: Source, hook: Hook) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.put(
                "INSERT INTO hook (source, id, route, swept_at) VALUES (:source, :id, :route, :swept)
                 ON CONFLICT (source, id) DO UPDATE SET route = excluded.route",
                named_params! { ":source": Text(source), ":id": hook.id, ":route": hook.route,
                ":swept": Millis(hook.swept) },
            )
        })
        .await
    }

    /// Remembers that the deliveries of the hook with this route are here until then.
    ///
    /// # Errors
    /// As above
    pub async fn swept(&self, source: Source, route: &str, until: Timestamp) -> Result<(), StoreError> {
        let route = route.to_owned();
        self.write(move |tx| {
            tx.put(
                "UPDATE hook SET swept_at = :until WHERE source = :source AND route = :route",
                named_params! { ":source": Text(source), ":route": route, ":until": Millis(until) },
            )
        })
        .await
    }

    /// The hooks that were heard of.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn hooks(&self, source: Source) -> Result<Vec<Hook>, StoreError> {
        self.read(move |tx| {
            tx.rows(
                "SELECT id, route, swept_at FROM hook WHERE source = :source ORDER BY route, swept_at",
                named_params! { ":source": Text(source) },
                |row| Ok(Hook { id: row.get("id")?, route: row.get("route")?, swept: time(row, "swept_at")? }),
            )
        })
        .await
    }

    /// Which of these deliveries are not here, by the sender's ids.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn unknown(&self, source: Source, keys: &[&str]) -> Result<HashSet<String>, StoreError> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        self.read(move |tx| {
            let mut unknown = HashSet::new();
            for key in keys {
                let known = tx.holds(
                    "SELECT EXISTS (SELECT 1 FROM delivery WHERE source = :source AND delivery_key = :key)",
                    named_params! { ":source": Text(source), ":key": key },
                )?;
                if !known {
                    unknown.insert(key);
                }
            }
            Ok(unknown)
        })
        .await
    }

    /// Stores deliveries that were asked for. They are on disk then, and worked on once they are let go. Says of each
    /// whether it is new.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn park(&self, deliveries: Vec<Incoming>, now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let deliveries = deliveries.into_iter().map(Incoming::compressed).collect::<Vec<_>>();
        self.write(move |tx| deliveries.iter().map(|delivery| tx.park(delivery, now)).collect()).await
    }

    /// Lets deliveries go that were parked by then: they are worked on, in the order in which they were sent. Nothing that
    /// was planned before is sent until all of them are.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn let_go(&self, parked_by: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.put(
                "UPDATE delivery SET waits = 1 WHERE id IN (
                     SELECT delivery_id FROM recovered WHERE parked = 1 AND at <= :parked_by)",
                named_params! { ":parked_by": Millis(parked_by) },
            )?;
            tx.put(
                "UPDATE recovered SET parked = 0, at = :now WHERE parked = 1 AND at <= :parked_by",
                named_params! { ":parked_by": Millis(parked_by), ":now": Millis(Timestamp::now()) },
            )
        })
        .await
    }
}

impl Tx<'_> {
    /// Writes a delivery that is worked on once it is let go. Says whether it is new.
    fn park(&self, delivery: &Incoming, now: Timestamp) -> Result<bool, StoreError> {
        let Accepted::New(id) = self.insert_delivery(delivery, true)? else { return Ok(false) };
        if delivery.ignored.is_none() {
            self.put(
                "INSERT INTO recovered (delivery_id, parked, at) VALUES (:id, 1, :now)",
                named_params! { ":id": id, ":now": Millis(now) },
            )?;
        }
        Ok(true)
    }
}
