//! The schema on PostgreSQL, and its migrations. A table holds how many of them a store has had.
//!
//! Replicas are replaced one after another, so programs of two versions work with one schema for a while. A migration first only
//! adds what the new version needs, and what nobody needs any more goes with a later one (expand, then contract): so each says
//! which older programs can go on.

use super::super::StoreError;
use super::super::replica::ALONE;
use super::Connection;

/// A migration, and the number of the oldest one whose programs can work with the schema after it.
type Migration = (&'static str, usize);

/// In order; one that was released is never changed.
const ALL: [Migration; 2] = [
    (include_str!("../migrations/postgres/0001_first.sql"), 1),
    // Before it, only one process could serve.
    (include_str!("../migrations/postgres/0002_replicas.sql"), 2),
];
/// The migration with which the table got the number of the oldest one.
const OLDEST_KNOWN: usize = 2;

/// How often it is tried.
const TRIES: u32 = 20;
/// The code of what waited too long for a lock.
const LOCK_TIMEOUT: &str = "(55P03)";
/// Whoever migrates holds this: one after another in each schema.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext('microalign.' || current_schema()))";

/// How far a store has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    /// How many migrations it has had; 0 for one that is new
    migrations: usize,
    /// The oldest program that can work with it knows so many
    oldest: usize,
}

/// Brings a store that may be older up to date, or makes one.
///
/// # Errors
/// [`StoreError::Newer`], [`StoreError::Unfinished`], [`StoreError::Open`]
pub(in crate::store) fn bring_up_to_date(conn: &Connection, name: &str, make: bool) -> Result<(), StoreError> {
    refuse_unfinished(conn, name)?;
    match known(conn)? {
        Version { migrations: 0, .. } if !make => return Err(none(name)),
        version if compare(version, name).is_ok() => return Ok(()),
        _ => {}
    }
    migrate(conn, name).map_err(|error| match error {
        StoreError::Database(reason) => StoreError::Open { path: name.to_owned(), reason },
        error => error,
    })
}

/// Waits for its turn at the tables for a moment only, and tries again: others would wait behind it.
fn migrate(conn: &Connection, name: &str) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        match migrate_now(conn, name) {
            Err(StoreError::Database(reason)) if reason.contains(LOCK_TIMEOUT) => conn.begin_anew("ROLLBACK")?,
            migrated => return migrated,
        }
    }
    Err(StoreError::Database("the tables are in use all the time and can't be changed now: try again later".to_owned()))
}

fn migrate_now(conn: &Connection, name: &str) -> Result<(), StoreError> {
    let run = |sql: &str| conn.batch(sql);
    run("BEGIN")?;
    run(LOCK)?;
    // Whoever plans locks the tables in another order.
    run(ALONE)?;
    run("SET LOCAL lock_timeout = '1s'")?;
    run("CREATE TABLE IF NOT EXISTS microalign_schema (version bigint NOT NULL);
         INSERT INTO microalign_schema SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM microalign_schema)")?;
    // Another may have done it meanwhile.
    let version = known(conn)?;
    if let Err(newer @ StoreError::Newer(_)) = compare(version, name) {
        return Err(newer);
    }
    for (at, (sql, oldest)) in ALL.iter().enumerate().skip(version.migrations) {
        run(sql)?;
        let number = at + 1;
        run(&format!("UPDATE microalign_schema SET version = {number}"))?;
        if number >= OLDEST_KNOWN {
            run(&format!("UPDATE microalign_schema SET oldest = {oldest}"))?;
        }
    }
    run("COMMIT")
}

fn none(name: &str) -> StoreError {
    StoreError::Open { path: name.to_owned(), reason: "there is none yet: `microalign serve` creates it".to_owned() }
}

/// Whether a store that is only read has a schema that this version can work with.
///
/// # Errors
/// [`StoreError::Older`], [`StoreError::Newer`], [`StoreError::Unfinished`]; [`StoreError::Open`] for what isn't a store
pub(in crate::store) fn check(conn: &Connection, name: &str) -> Result<(), StoreError> {
    refuse_unfinished(conn, name)?;
    match known(conn)? {
        Version { migrations: 0, .. } => Err(none(name)),
        version => compare(version, name),
    }
}

/// Whether this program can work with a store.
fn compare(version: Version, name: &str) -> Result<(), StoreError> {
    if version.migrations < ALL.len() {
        return Err(StoreError::Older(name.to_owned()));
    }
    if version.oldest > ALL.len() {
        return Err(StoreError::Newer(name.to_owned()));
    }
    Ok(())
}

/// Whether a copy to it was begun, and not finished (`target`).
pub(super) fn is_unfinished(conn: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT to_regclass('microalign_copy') IS NOT NULL";
    conn.ask(async |client| client.query_one(sql, &[]).await?.try_get(0))
}

fn refuse_unfinished(conn: &Connection, name: &str) -> Result<(), StoreError> {
    if is_unfinished(conn)? { Err(StoreError::Unfinished(name.to_owned())) } else { Ok(()) }
}

/// Whether a store has the schema of this version.
pub(super) fn is_current(conn: &Connection) -> Result<bool, StoreError> {
    Ok(version(conn)? == ALL.len())
}

/// How many of the migrations a store has had; 0 for one that is new.
pub(in crate::store) fn version(conn: &Connection) -> Result<usize, StoreError> {
    known(conn).map(|version| version.migrations)
}

fn known(conn: &Connection) -> Result<Version, StoreError> {
    let number = |number: i64| usize::try_from(number).unwrap_or_default();
    conn.ask(async |client| {
        let known = "SELECT to_regclass('microalign_schema') IS NOT NULL";
        let known: bool = client.query_one(known, &[]).await?.try_get(0)?;
        if !known {
            return Ok(Version { migrations: 0, oldest: 0 });
        }
        let row = client.query_opt("SELECT version FROM microalign_schema", &[]).await?;
        let migrations = row.map(|row| row.try_get(0)).transpose()?.map_or(0, number);
        if migrations < OLDEST_KNOWN {
            return Ok(Version { migrations, oldest: 0 });
        }
        let oldest = client.query_one("SELECT oldest FROM microalign_schema", &[]).await?.try_get(0)?;
        Ok(Version { migrations, oldest: number(oldest) })
    })
}
