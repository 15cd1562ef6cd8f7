//! Shows the other replicas that this one is alive, on a thread and a connection of its own; and takes over what others left.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use jiff::Timestamp;

use super::server::{Purpose, Server};
use crate::store::abandoned::Whose;
use crate::store::connection::Connection;
use crate::store::replica::{BEAT, Fence, LEASE_TO_PLAN, Peer, Replica, taken_for_dead};
use crate::store::row::named_params;
use crate::store::writer::{End, Notices};
use crate::store::{StoreError, Tx};

/// How often a replica tries to tell the others that it is stopping.
const GOODBYES: u32 = 3;
/// How many beats there are from one look at the others to the next.
const LOOK: u32 = 5;

/// What the thread has.
pub(in crate::store) struct Heart {
    server: Server,
    conn: Option<Connection>,
    replica: Replica,
    /// What this process is called
    name: String,
    notices: Notices,
    /// The number of its right to plan
    fence: Option<i64>,
}

impl Heart {
    /// Joins the replicas, with a row of its own.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(in crate::store) fn new(server: &Server, notices: Notices, now: Timestamp) -> Result<Self, StoreError> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let name = format!("{host}/{}", std::process::id());
        let (server, replica) = (server.clone(), Replica::one_of_several());
        let mut heart = Self { server, conn: None, replica, name, notices, fence: None };
        heart.beat(now, true)?;
        Ok(heart)
    }

    pub(in crate::store) fn replica(&self) -> Replica {
        self.replica.clone()
    }

    /// Starts the thread. It gives up the row, and ends, when all writers have ended, which is when nobody has the other end of
    /// `writers`.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the system starts no thread.
    pub(in crate::store) fn start(self, writers: Receiver<()>, end: End) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| StoreError::Open {
            path: "the store".to_owned(),
            reason: format!("no thread can be started: {error}"),
        };
        let thread = std::thread::Builder::new().name("replica".to_owned());
        let started = thread.spawn(move || {
            self.run(&writers);
            drop(end);
        });
        started.map(drop).map_err(failed)
    }

    fn run(mut self, writers: &Receiver<()>) {
        let (mut beats, mut is_well) = (0, true);
        while writers.recv_timeout(BEAT) != Err(RecvTimeoutError::Disconnected) {
            let looks = beats % LOOK == 0;
            beats = beats.wrapping_add(1);
            let beat = self.beat(Timestamp::now(), looks);
            match &beat {
                Ok(()) if !is_well => tracing::info!("the database answers again"),
                Err(error) if is_well => tracing::error!(%error, "the database doesn't answer"),
                Ok(()) | Err(_) => {}
            }
            is_well = beat.is_ok();
        }
        for _ in 0..GOODBYES {
            match self.transact(|tx, heart| tx.leave(heart.replica.id(), Timestamp::now())) {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, "failed to tell the other replicas that this one is stopping");
                }
            }
        }
        tracing::warn!("the other replicas will take over once this one is taken for dead");
    }

    /// Renews its row and its right to plan, or takes that right if nobody has it. `looks` at the others, too.
    fn beat(&mut self, now: Timestamp, looks: bool) -> Result<(), StoreError> {
        let began = Instant::now();
        let (id, fence) = self.transact(|tx, heart| {
            let id = match tx.renew(heart.replica.id(), &heart.replica.rules())? {
                Some(id) => id,
                None => tx.join(&heart.name, now)?,
            };
            Ok((id, tx.plan(id, heart.fence)?))
        })?;
        let known = self.replica.id();
        if known != 0 && known != id {
            tracing::warn!(
                was = known,
                replica = id,
                "the others took this replica for dead: what it had claimed is theirs"
            );
        }
        if fence != self.fence {
            tracing::info!(
                replica = id,
                fence,
                "{}",
                if fence.is_some() { "this replica plans now" } else { "another replica plans now" }
            );
        }
        self.fence = fence;
        self.replica.renewed((id, fence), began);
        if looks {
            self.look(id, now);
        }
        Ok(())
    }

    /// Looks at the others. If that fails, there is a next time, and this replica is alive all the same.
    fn look(&mut self, id: i64, now: Timestamp) {
        let peers = self.transact(|tx, _| {
            tx.bury(now)?;
            tx.peers(id)
        });
        match peers {
            Ok(peers) => self.replica.saw(peers),
            Err(error) => tracing::warn!(%error, "cannot see the other replicas, will retry"),
        }
        // What others write is news, too.
        self.notices.commits.send_replace(());
    }

    fn transact<T>(&mut self, work: impl FnOnce(&Tx<'_>, &Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let conn = match self.conn.take().filter(|conn| !conn.is_stale()) {
            Some(conn) => conn,
            None => Connection::Postgres(Box::new(self.server.connect(Purpose::Heart)?)),
        };
        let done = conn.begin().and_then(|tx| {
            let done = work(&tx, self);
            tx.end(done.is_ok())?;
            done
        });
        if done.is_err() && conn.is_stale() {
            self.server.begin_with_the_next_host();
        }
        self.conn = Some(conn).filter(|_| done.is_ok());
        done
    }
}

impl Tx<'_> {
    /// Adds a replica's row. Returns its number. What is under way and belongs to nobody is given back.
    fn join(&self, name: &str, now: Timestamp) -> Result<i64, StoreError> {
        let id = self.value::<i64>(
            "INSERT INTO replica (name, version) VALUES (:name, :version) RETURNING id",
            named_params! { ":name": name, ":version": env!("CARGO_PKG_VERSION") },
        )?;
        let id = id.ok_or_else(StoreError::nothing_found)?;
        if !self.holds("SELECT EXISTS (SELECT 1 FROM replica WHERE id <> :id)", named_params! { ":id": id })? {
            self.alone_soon()?;
            self.release_claims(Whose::Nobody, now)?;
            self.run("UPDATE lane SET replica = NULL WHERE replica NOT IN (SELECT id FROM replica)", [])?;
        }
        Ok(id)
    }

    /// Shows that a replica is alive. `None` if it was taken for dead.
    fn renew(&self, id: i64, rules: &str) -> Result<Option<i64>, StoreError> {
        self.value(
            "UPDATE replica SET seen_at = now_ms(), rules = :rules WHERE id = :id RETURNING id",
            named_params! { ":id": id, ":rules": rules },
        )
    }

    /// Renews the right to plan that a replica has, or takes it if nobody has. Whoever had it last may still write by it: then
    /// it is left alone.
    fn plan(&self, replica: i64, fence: Option<i64>) -> Result<Option<i64>, StoreError> {
        let lease = i64::try_from(LEASE_TO_PLAN.as_millis()).unwrap_or_default();
        if let Some(fence) = fence {
            let renewed = self.value::<i64>(
                "UPDATE planner SET until = now_ms() + :lease WHERE fence = :fence AND replica = :replica RETURNING fence",
                named_params! { ":lease": lease, ":fence": fence, ":replica": replica },
            )?;
            if renewed.is_some() {
                return Ok(renewed);
            }
        }
        if !self.holds("SELECT until < now_ms() FROM planner", [])? {
            return Ok(None);
        }
        // Were this lost with the server, two could have the right.
        self.run("SET LOCAL synchronous_commit = on", [])?;
        self.value(
            "UPDATE planner SET fence = fence + 1, replica = :replica, until = now_ms() + :lease
             WHERE fence IN (SELECT fence FROM planner WHERE until < now_ms() FOR UPDATE SKIP LOCKED) RETURNING fence",
            named_params! { ":lease": lease, ":replica": replica },
        )
    }

    /// Takes replicas for dead that weren't seen for long: others may have what they had.
    fn bury(&self, now: Timestamp) -> Result<(), StoreError> {
        let long = i64::try_from(taken_for_dead().as_millis()).unwrap_or(i64::MAX);
        let dead = self.rows(
            "SELECT id, name FROM replica WHERE seen_at < now_ms() - :long FOR UPDATE SKIP LOCKED",
            named_params! { ":long": long },
            |row| Ok((row.get::<_, i64>("id")?, row.get::<_, String>("name")?)),
        )?;
        for (id, name) in dead {
            tracing::warn!(
                replica = id,
                name,
                "a replica has not been seen for a while: others take over what it was sending"
            );
            self.leave(id, now)?;
        }
        Ok(())
    }

    /// As [`Self::alone`], or not at all: the next beat must not be late for it.
    fn alone_soon(&self) -> Result<(), StoreError> {
        self.run("SET LOCAL synchronous_commit = on", [])?;
        self.run("SET LOCAL lock_timeout = '300ms'", [])?;
        self.alone(Fence(None))
    }

    /// Ends a replica: its row, its right to plan, and its claims.
    fn leave(&self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        self.alone_soon()?;
        self.release_claims(Whose::Replica(id), now)?;
        let of_it = named_params! { ":id": id };
        // What rests goes on doing so.
        self.run("DELETE FROM lane WHERE replica = :id AND failures = 0", of_it)?;
        self.run("UPDATE lane SET replica = NULL WHERE replica = :id", of_it)?;
        self.run("UPDATE planner SET until = 0 WHERE replica = :id", of_it)?;
        self.run("DELETE FROM replica WHERE id = :id", of_it)?;
        Ok(())
    }

    fn peers(&self, own: i64) -> Result<Vec<Peer>, StoreError> {
        self.rows(
            "SELECT r.id = :own AS own, r.name, r.rules, p.fence IS NOT NULL AS plans
             FROM replica r LEFT JOIN planner p ON p.replica = r.id AND p.until > now_ms() ORDER BY r.id",
            named_params! { ":own": own },
            |row| {
                let (name, rules) = (row.get("name")?, row.get("rules")?);
                Ok(Peer { name, rules, plans: row.get("plans")?, is_own: row.get("own")? })
            },
        )
    }
}
