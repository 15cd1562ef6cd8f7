//! What is muted, and the key that signs the links which mute.

use std::collections::HashSet;

use jiff::Timestamp;
use secrecy::SecretSlice;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, corrupt, to_json};
use crate::destination::Destination;
use crate::mute::{By, Mute, Scope, Update};

impl Store {
    /// Everything that is muted, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn mutes(&self, now: Timestamp) -> Result<Vec<Mute>, StoreError> {
        let rows = sqlx::query("SELECT * FROM mute WHERE until_at IS NULL OR until_at > $1 ORDER BY id")
            .bind(now.as_millisecond())
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(mute).collect()
    }

    /// What is muted and may fit one of these updates.
    ///
    /// # Errors
    /// As above
    pub async fn mutes_of(
        &self,
        updates: &[(Update<'_>, &[Destination])],
        now: Timestamp,
    ) -> Result<Vec<Mute>, StoreError> {
        let threads = updates.iter().map(|(update, _)| update.thread).collect::<HashSet<_>>();
        let rules = updates.iter().map(|(update, _)| update.rule).collect::<HashSet<_>>();
        let destinations = updates.iter().flat_map(|(_, to)| *to).collect::<HashSet<_>>();
        let rows = sqlx::query(
            "SELECT * FROM mute WHERE thread IN (SELECT value FROM json_each($1))
                                  AND (until_at IS NULL OR until_at > $4)
             UNION ALL
             SELECT * FROM mute WHERE thread IS NULL AND rule IN (SELECT value FROM json_each($2))
                                  AND (until_at IS NULL OR until_at > $4)
             UNION ALL
             SELECT * FROM mute WHERE thread IS NULL AND +rule IS NULL
                                  AND destination IN (SELECT value FROM json_each($3))
                                  AND (until_at IS NULL OR until_at > $4)",
        )
        .bind(to_json(&threads)?)
        .bind(to_json(&rules)?)
        .bind(to_json(&destinations)?)
        .bind(now.as_millisecond())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(mute).collect()
    }

    /// Mutes something, in place of an earlier mute of the same. What has ended is forgotten.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn mute(&self, mute: Mute) -> Result<(), StoreError> {
        self.write(move |conn| Box::pin(add(conn, mute))).await
    }

    /// Ends the mutes of a conversation, a rule or, with neither, of whole destinations: those of one team and
    /// destination, where the scope names them. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn unmute(&self, scope: Scope) -> Result<u64, StoreError> {
        self.write(move |conn| Box::pin(remove(conn, scope))).await
    }

    /// Takes back what a link in a message muted: exactly that, and not what somebody muted by a command.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn take_back(&self, scope: Scope) -> Result<(), StoreError> {
        self.write(move |conn| Box::pin(take_back(conn, scope))).await
    }

    /// The key that signs links in messages; it is made when it is first asked for.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Random`]
    pub async fn link_key(&self) -> Result<SecretSlice<u8>, StoreError> {
        let mut fresh = vec![0; 32];
        getrandom::fill(&mut fresh).map_err(|error| StoreError::Random(error.to_string()))?;
        let fresh = SecretSlice::from(fresh);
        self.write(move |conn| Box::pin(key(conn, fresh))).await
    }
}

async fn add(conn: &mut SqliteConnection, mute: Mute) -> Result<(), StoreError> {
    let Mute { scope, until, at, by } = mute;
    sqlx::query(
        "DELETE FROM mute
         WHERE until_at <= $6 OR (team IS $1 AND destination IS $2 AND thread IS $3 AND rule IS $4);

         INSERT INTO mute (team, destination, thread, rule, until_at, made_at, made_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(scope.team)
    .bind(scope.destination.map(String::from))
    .bind(scope.thread)
    .bind(scope.rule)
    .bind(until.map(Timestamp::as_millisecond))
    .bind(at.as_millisecond())
    .bind(<&'static str>::from(by))
    .execute(conn)
    .await?;
    Ok(())
}

async fn remove(conn: &mut SqliteConnection, scope: Scope) -> Result<u64, StoreError> {
    let removed = sqlx::query(
        "DELETE FROM mute WHERE thread IS $1 AND rule IS $2 AND ($3 IS NULL OR team = $3)
                            AND ($4 IS NULL OR destination = $4) AND (until_at IS NULL OR until_at > $5)",
    )
    .bind(scope.thread)
    .bind(scope.rule)
    .bind(scope.team)
    .bind(scope.destination.map(String::from))
    .bind(Timestamp::now().as_millisecond())
    .execute(conn)
    .await?;
    Ok(removed.rows_affected())
}

async fn take_back(conn: &mut SqliteConnection, scope: Scope) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM mute WHERE team IS $1 AND destination IS $2 AND thread IS $3 AND rule IS $4 AND made_by <> $5",
    )
    .bind(scope.team)
    .bind(scope.destination.map(String::from))
    .bind(scope.thread)
    .bind(scope.rule)
    .bind(<&'static str>::from(By::Command))
    .execute(conn)
    .await?;
    Ok(())
}

async fn key(conn: &mut SqliteConnection, fresh: SecretSlice<u8>) -> Result<SecretSlice<u8>, StoreError> {
    use secrecy::ExposeSecret as _;
    sqlx::query("INSERT INTO secret (name, value) VALUES ('links', $1) ON CONFLICT DO NOTHING")
        .bind(fresh.expose_secret())
        .execute(&mut *conn)
        .await?;
    let row = sqlx::query("SELECT value FROM secret WHERE name = 'links'").fetch_one(conn).await?;
    Ok(row.try_get::<Vec<u8>, _>(0)?.into())
}

/// Writes which updates are not sent because they are muted, and where others don't go. What is muted counts as told: a
/// milestone does not come up again when the mute ends.
pub(super) async fn write_muted(
    conn: &mut SqliteConnection,
    (muted, left_out): (String, String),
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE ledger SET state = 'suppressed', reason = value ->> 1, due_at = NULL
         FROM json_each($1) WHERE ledger.id = value ->> 0;

         INSERT INTO send (ledger_id, destination, thread, state, next_at, error, created_at)
         SELECT l.id, value ->> 1, l.thread, 'muted', $3, value ->> 2, $3
         FROM json_each($2) CROSS JOIN ledger l ON l.id = value ->> 0",
    )
    .bind(muted)
    .bind(left_out)
    .bind(now.as_millisecond())
    .execute(conn)
    .await?;
    Ok(())
}

fn mute(row: &SqliteRow) -> Result<Mute, StoreError> {
    let destination: Option<&str> = row.try_get("destination")?;
    let time = |millisecond| Timestamp::from_millisecond(millisecond).map_err(|e| corrupt("a mute's time", &e));
    let (until, by): (Option<i64>, &str) = (row.try_get("until_at")?, row.try_get("made_by")?);
    Ok(Mute {
        scope: Scope {
            team: row.try_get("team")?,
            destination: destination.map(str::parse).transpose().map_err(|e| corrupt("a muted destination", &e))?,
            thread: row.try_get("thread")?,
            rule: row.try_get("rule")?,
        },
        until: until.map(time).transpose()?,
        at: time(row.try_get("made_at")?)?,
        by: by.parse().map_err(|e| corrupt("how a mute was made", &e))?,
    })
}
