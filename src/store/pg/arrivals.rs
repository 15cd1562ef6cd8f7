//! Webhooks that came together are one statement: over a network, one for each would take as long as the commit.

use std::collections::HashMap;

use tokio_postgres::types::ToSql;

use super::Connection;
use crate::store::delivery::Arriving;
use crate::store::{Incoming, StoreError};

const INSERT: &str = "INSERT INTO delivery (source, delivery_key, name, received_at, waits, body)
    SELECT source, key, name, received, 1, body
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[]) AS arrived (source, key, name, received, body)
    ON CONFLICT (source, delivery_key) DO NOTHING RETURNING source, delivery_key, id";

impl Connection {
    /// Writes deliveries that wait from now on, which is a commit of its own, and tells each its number. Those that are here already
    /// aren't told any.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub(in crate::store) fn insert_deliveries(&self, arriving: &[&Arriving]) -> Result<(), StoreError> {
        let statement = match self.insert.borrow_mut().as_ref() {
            Some(known) => known.clone(),
            None => self.ask(async |client| client.prepare(INSERT).await)?,
        };
        self.insert.replace(Some(statement.clone()));
        let all = || arriving.iter().map(|arriving| &arriving.incoming);
        let sources = all().map(|incoming| incoming.source.as_str()).collect::<Vec<_>>();
        let keys = all().map(|incoming| incoming.key.as_str()).collect::<Vec<_>>();
        let names = all().map(|incoming| incoming.name.as_str()).collect::<Vec<_>>();
        let received = all().map(|incoming| incoming.received.as_millisecond()).collect::<Vec<_>>();
        let bodies = all().map(|incoming: &Incoming| incoming.body.as_slice()).collect::<Vec<_>>();
        let given: [&(dyn ToSql + Sync); 5] = [&sources, &keys, &names, &received, &bodies];
        let rows = self.ask_to_commit(async |client| client.query(&statement, &given).await)?;
        self.changes.set(self.changes.get() + rows.len() as u64);
        let mut new = HashMap::new();
        for row in rows {
            new.insert((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?), row.try_get::<_, i64>(2)?);
        }
        for arriving in arriving {
            let Incoming { source, key, .. } = &arriving.incoming;
            // Of two that are the same, one is new.
            if let Some(id) = new.remove(&(source.as_str().to_owned(), key.clone())) {
                arriving.is_here(id);
            }
        }
        Ok(())
    }
}
