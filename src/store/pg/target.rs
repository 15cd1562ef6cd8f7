//! The database that a store is copied to.
//!
//! While it is copied, a table says how far that has come. As long as that table is there, the store is nobody's to serve from.

use std::collections::HashMap;
use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt as _;
use jiff::Timestamp;
use tokio_postgres::{Client, Error};

use super::super::copy::{Batch, Progress, Sum, Table};
use super::super::{StoreError, Tx};
use super::{Connection, Purpose, Server, schema};
use crate::store::abandoned::Whose;
use crate::store::row::named_params;

/// `copied` counts the rows that are here, in the order in which they are copied, of all the `rows`. `later` has the statements that
/// are to be run once all of them are: rows are copied much faster while there are no indexes, and may refer to later ones while there
/// are no foreign keys.
const MAKE: &str = "CREATE TABLE IF NOT EXISTS microalign_copy (
    name   text PRIMARY KEY,
    rows   bigint NOT NULL,
    copied bigint NOT NULL,
    later  text NOT NULL
)";

/// What each table is without meanwhile: how that is taken away, and how it is made afterwards.
const LATER: &str = "
    WITH ours AS (SELECT oid, relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::text::regnamespace)
    SELECT 1 AS place, relname::text, format('ALTER TABLE %I DROP CONSTRAINT %I', relname, conname) AS away,
           format('ALTER TABLE %I ADD CONSTRAINT %I %s', relname, conname, pg_get_constraintdef(c.oid)) AS back
    FROM pg_constraint c JOIN ours ON ours.oid = conrelid WHERE contype = 'f'
    UNION ALL
    SELECT 2, ours.relname, format('DROP INDEX %I', i.relname), pg_get_indexdef(i.oid)
    FROM pg_index x JOIN ours ON ours.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.oid AND contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT 3, relname, format('ALTER TABLE %I DISABLE TRIGGER USER', relname),
           format('ALTER TABLE %I ENABLE TRIGGER USER', relname) FROM ours
    UNION ALL
    SELECT 4, relname, '', format('SELECT setval(pg_get_serial_sequence(%L, %L), max(%I)) FROM %I HAVING count(*) > 0',
                                  quote_ident(relname), attname, attname, relname)
    FROM pg_attribute JOIN ours ON ours.oid = attrelid WHERE attidentity <> ''
    UNION ALL
    SELECT 5, relname, '', format('ANALYZE %I', relname) FROM ours
    ORDER BY 1";

/// Whether a replica has shown that it is alive a moment ago.
fn is_served(conn: &Connection) -> Result<bool, StoreError> {
    let known = "SELECT to_regclass('replica') IS NOT NULL";
    let alive = "SELECT EXISTS (SELECT 1 FROM replica WHERE seen_at > now_ms() - 5000)";
    conn.ask(async |client| match client.query_one(known, &[]).await?.try_get(0)? {
        true => client.query_one(alive, &[]).await?.try_get(0),
        false => Ok(false),
    })
}

/// The database, for as long as a store is copied to it.
pub(in crate::store) struct Target {
    conn: Connection,
    name: String,
}

impl Target {
    /// # Errors
    /// [`StoreError::Open`]; [`StoreError::InUse`] by a service, or by another copy
    pub(in crate::store) fn connect(server: &Server) -> Result<Self, StoreError> {
        let (conn, name) = (server.connect(Purpose::Writing)?, server.to_string());
        conn.wait_without_end()?;
        if !conn.lock("microalign.copy.")? || is_served(&conn)? {
            return Err(StoreError::InUse(name));
        }
        Ok(Self { conn, name })
    }

    /// Begins a copy of these tables, or goes on with one: how many rows of each are copied already.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`]
    pub(in crate::store) fn begin(
        &self,
        tables: &[Table],
    ) -> Result<(Option<Progress<'static>>, Vec<u64>), StoreError> {
        let nothing = vec![0; tables.len()];
        if !schema::is_unfinished(&self.conn)? {
            schema::bring_up_to_date(&self.conn, &self.name, true)?;
            for table in tables {
                if self.has_rows(table)? {
                    return Err(StoreError::NotEmpty(self.name.clone()));
                }
            }
            self.begin_anew(tables, false)?;
            return Ok((None, nothing));
        }
        if !schema::is_current(&self.conn)? {
            let reason = "a copy to it was begun by another version of microalign: finish it with that one, or copy to \
                          another database";
            return Err(StoreError::Open { path: self.name.clone(), reason: reason.to_owned() });
        }
        let begun = self.begun()?;
        let known = tables.iter().map(|table| begun.get(&table.name).filter(|(rows, _)| *rows == table.rows));
        if let Some(known) = known.collect::<Option<Vec<_>>>() {
            return Ok((Some(Progress::Resumed), known.into_iter().map(|(_, copied)| *copied).collect()));
        }
        self.begin_anew(tables, true)?;
        Ok((Some(Progress::Anew), nothing))
    }

    /// Copies some rows, and notes it.
    ///
    /// # Errors
    /// [`StoreError::Differs`] if the table takes none of them
    pub(in crate::store) fn put(&self, table: &Table, batch: &Batch) -> Result<(), StoreError> {
        let sql = format!("COPY \"{}\" ({}) FROM STDIN (FORMAT binary)", table.name, table.columns());
        self.conn.batch("BEGIN")?;
        let (rows, end) = (Bytes::copy_from_slice(&batch.bytes), Bytes::from_static(&Batch::END));
        self.ask(table, async |client| {
            let mut writer = pin!(client.copy_in(&sql).await?);
            let sent = writer.send_all(&mut futures_util::stream::iter([Ok(rows), Ok(end)])).await;
            // This says why nothing more could be sent, too.
            writer.finish().await?;
            sent
        })?;
        self.conn.run(
            "UPDATE microalign_copy SET copied = copied + :rows WHERE name = :name",
            &named_params! { ":rows": number(batch.rows), ":name": table.name },
        )?;
        self.conn.commit()
    }

    /// Gives a table that has all of its rows what it was without.
    ///
    /// # Errors
    /// [`StoreError::Differs`] if its rows aren't right
    pub(in crate::store) fn complete(&self, table: &Table) -> Result<(), StoreError> {
        let name = named_params! { ":name": table.name };
        let rows = self.conn.rows("SELECT later FROM microalign_copy WHERE name = :name", &name)?;
        let later = rows.first().map(|row| row.try_get::<_, String>(0)).transpose()?.unwrap_or_default();
        self.conn.batch("BEGIN")?;
        self.ask(table, async |client| client.batch_execute(&later).await)?;
        self.conn.run("UPDATE microalign_copy SET later = '' WHERE name = :name", &name)?;
        self.conn.commit()
    }

    /// What the rows of a table are.
    pub(in crate::store) fn sum(&self, table: &Table) -> Result<Sum, StoreError> {
        let sql = format!("COPY \"{}\" ({}) TO STDOUT (FORMAT binary)", table.name, table.columns());
        let given = self.ask(table, async |client| client.copy_out(&sql).await)?;
        let sum = self.conn.link(|link| Ok(Sum::of(link.reader(given))))?;
        sum.map_err(|error| StoreError::Database(format!("{}: {error}", table.name)))
    }

    /// The next copy begins anew: no table has so many rows.
    pub(in crate::store) fn spoil(&self) -> Result<(), StoreError> {
        self.conn.begin_anew("ROLLBACK")?;
        self.conn.batch("UPDATE microalign_copy SET rows = -1")
    }

    /// Lets it be served from: what was being sent is to be sent again.
    pub(in crate::store) fn finish(&self, now: Timestamp) -> Result<(), StoreError> {
        self.conn.batch("BEGIN")?;
        Tx::postgres(&self.conn).release_claims(Whose::All, now)?;
        self.conn.batch("DROP TABLE microalign_copy")?;
        self.conn.commit()
    }

    fn has_rows(&self, table: &Table) -> Result<bool, StoreError> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{}\")", table.name);
        self.ask(table, async |client| client.query_one(&sql, &[]).await?.try_get(0))
    }

    /// The rows and the copied rows of each table of the copy that was begun.
    fn begun(&self) -> Result<HashMap<String, (u64, u64)>, StoreError> {
        let rows = self.conn.rows("SELECT name, rows, copied FROM microalign_copy", &[])?;
        let read = |row: &super::Row| {
            // Less than none is as many as no table has.
            let number = |place| row.try_get::<_, i64>(place).map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
            Ok((row.try_get(0)?, (number(1)?, number(2)?)))
        };
        rows.iter().map(read).collect()
    }

    /// Empties the tables if they are of a copy that is given up, and takes away what they are to be without.
    fn begin_anew(&self, tables: &[Table], given_up: bool) -> Result<(), StoreError> {
        self.conn.batch("BEGIN")?;
        self.conn.batch(MAKE)?;
        if given_up {
            let names = tables.iter().map(|table| format!("\"{}\"", table.name)).collect::<Vec<_>>();
            self.conn.batch(&format!("TRUNCATE {}", names.join(", ")))?;
        }
        let mut later = HashMap::<String, String>::new();
        for row in self.conn.ask(async |client| client.query(LATER, &[]).await)? {
            let (name, away, back): (String, String, String) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            if tables.iter().any(|table| table.name == name) {
                self.conn.batch(&away)?;
                later.entry(name).or_default().push_str(&format!("{back};\n"));
            }
        }
        for table in tables {
            self.conn.run(
                "INSERT INTO microalign_copy AS known (name, rows, copied, later) VALUES (:name, :rows, 0, :later)
                 ON CONFLICT (name) DO UPDATE
                 SET rows = excluded.rows, copied = 0, later = known.later || excluded.later",
                &named_params! {
                    ":name": table.name, ":rows": number(table.rows),
                    ":later": later.remove(&table.name).unwrap_or_default(),
                },
            )?;
        }
        self.conn.commit()
    }

    /// Asks about a table; what goes against its rules can't be what was copied.
    fn ask<T>(&self, table: &Table, ask: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, StoreError> {
        /// Class of errors: "Integrity Constraint Violation"
        const AGAINST_RULES: &str = "23";
        let name = &table.name;
        self.conn.ask(async |client| Ok(ask(client).await))?.map_err(|error| {
            let is_against_rules = error.code().is_some_and(|code| code.code().starts_with(AGAINST_RULES));
            match StoreError::from(error) {
                StoreError::Database(what) if is_against_rules => StoreError::Differs { table: name.clone(), what },
                StoreError::Database(what) => StoreError::Database(format!("the table `{name}`: {what}")),
                error => error,
            }
        })
    }
}

fn number(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
