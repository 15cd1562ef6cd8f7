//! The store on PostgreSQL.
//!
//! A connection belongs to one thread at a time, which drives it while it waits: no statement is handed to another thread.
//! Statements are translated and prepared once on each connection.

mod arrivals;
mod dialect;
mod heart;
mod hosts;
mod link;
pub(super) mod schema;
mod server;
mod target;
#[cfg(test)]
pub(super) mod tests;
mod value;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use smallvec::SmallVec;
use tokio_postgres::{Client, Error, Statement};

use self::dialect::{Translated, translate};
pub(super) use self::heart::Heart;
use self::link::{Link, pointers};
pub(super) use self::server::Purpose;
pub use self::server::Server;
pub(super) use self::target::Target;
pub(super) use self::value::without_nul;
use self::value::{Found, Given, type_of};
use super::params::{Kind, Params};
use super::{STATEMENTS, StoreError};

/// How rows are read of which a reader may want no more: so many ahead.
const DECLARE: &str = "DECLARE ahead NO SCROLL CURSOR FOR ";
const NEXT: &str = "FETCH 64 FROM ahead";
const END: &str = "CLOSE ahead";

/// A connection, with the statements that it knows.
pub(super) struct Connection {
    /// Until it is dropped
    link: Option<Link>,
    statements: RefCell<HashMap<String, Vec<Arc<Prepared>>>>,
    /// The one that takes in several webhooks
    insert: RefCell<Option<Statement>>,
    /// How many rows it has changed
    changes: Cell<u64>,
    /// How a transaction begins that has asked nothing yet
    begins: Cell<Option<&'static str>>,
    /// A statement failed: until something is taken back, a commit would be none
    failed: Cell<bool>,
    /// Queries are only sent, and find nothing yet; nothing is changed
    looks_ahead: Cell<bool>,
}

/// A statement for parameters of these kinds.
struct Prepared {
    /// What was put before it
    before: &'static str,
    statement: Statement,
    names: Vec<String>,
    kinds: SmallVec<[Kind; 16]>,
    writes: bool,
}

/// A row, read already: another statement may run while it is looked at.
pub(super) type Row = tokio_postgres::Row;

impl Connection {
    fn new(link: Link) -> Self {
        Self {
            link: Some(link),
            statements: RefCell::default(),
            insert: RefCell::default(),
            changes: Cell::new(0),
            begins: Cell::new(None),
            failed: Cell::new(false),
            looks_ahead: Cell::new(false),
        }
    }

    fn link<T>(&self, on: impl FnOnce(&Link) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // It's there until the connection is dropped.
        let link = self.link.as_ref().ok_or(StoreError::NotWritten)?;
        let begun = self.begins.take().map_or(Ok(()), |sql| Ok(link.send_bare(sql)?));
        begun.and_then(|()| on(link)).inspect_err(|_| self.failed.set(true))
    }

    /// Asks something, and waits for the answer.
    fn ask<T>(&self, ask: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, StoreError> {
        self.counted(self.link(|link| link.ask(ask))?)
    }

    /// The same for what commits.
    fn ask_to_commit<T>(&self, ask: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, StoreError> {
        self.counted(self.link(|link| link.commit(ask))?)
    }

    /// An answer, once the rows are counted that earlier writes changed.
    fn counted<T>(&self, (before, value): (u64, T)) -> Result<T, StoreError> {
        self.changes.set(self.changes.get() + before);
        Ok(value)
    }

    /// Runs statements without parameters, such as those of savepoints.
    pub(super) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.forget_looks();
        self.ask(async |client| client.batch_execute(sql).await)
    }

    /// The same, for one that leads out of a transaction or a part of it which failed.
    pub(super) fn begin_anew(&self, sql: &str) -> Result<(), StoreError> {
        self.failed.set(false);
        if self.begins.take().is_some() {
            return Ok(());
        }
        self.link.iter().for_each(Link::forget);
        self.batch(sql)
    }

    /// Begins a transaction, with what is asked first.
    pub(super) fn begin(&self, sql: &'static str) {
        self.failed.set(false);
        self.link.iter().for_each(Link::forget);
        self.begins.set(Some(sql));
    }

    /// In the rest of the transaction, plans are kept that fit all values. To make one for these values takes longer than to run it
    /// where it asks for the ends of an index, which in a queue have many dead rows.
    pub(super) fn keep_plans(&self) -> Result<(), StoreError> {
        self.link(|link| Ok(link.send_bare("SET LOCAL plan_cache_mode = force_generic_plan")?))
    }

    /// Commits a transaction, unless it failed: PostgreSQL would take it back, and not say so.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        if self.failed.get() {
            self.begin_anew("ROLLBACK")?;
            return Err(StoreError::NotWritten);
        }
        if self.begins.take().is_some() {
            return Ok(());
        }
        self.forget_looks();
        self.ask_to_commit(async |client| client.batch_execute("COMMIT").await)
    }

    /// Ends a transaction that has changed nothing, and doesn't wait until the server has heard of it.
    pub(super) fn end_reading(&self) -> Result<(), StoreError> {
        if self.begins.take().is_some() {
            return Ok(());
        }
        self.link(|link| {
            link.forget();
            link.send_bare("ROLLBACK")?;
            link.look_around();
            Ok(())
        })
    }

    /// Sends the queries of `look` all at once: what they find is kept until something is written, for whoever asks the same.
    /// They find nothing in it yet, and nothing is written by it.
    pub(super) fn ahead(&self, look: impl FnOnce()) {
        let _looks = Looks { flag: &self.looks_ahead, before: self.looks_ahead.replace(true) };
        look();
    }

    fn forget_looks(&self) {
        self.link.iter().for_each(Link::forget_looks);
    }

    /// Lets what is asked on it take as long as it takes.
    pub(super) fn wait_without_end(&self) -> Result<(), StoreError> {
        self.link.iter().for_each(Link::wait_without_end);
        self.batch("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
    }

    /// Takes a lock of this name, for as long as the connection is open, unless another has it.
    pub(super) fn lock(&self, name: &str) -> Result<bool, StoreError> {
        let sql = "SELECT pg_try_advisory_lock(hashtext($1 || current_schema()))";
        self.ask(async |client| client.query_one(sql, &[&name]).await?.try_get(0))
    }

    /// Whether the server is known to be gone.
    pub(super) fn is_closed(&self) -> bool {
        self.link.as_ref().is_none_or(Link::is_closed)
    }

    /// Whether the server has closed it since it was used last: its end is only noticed when somebody looks.
    pub(super) fn is_stale(&self) -> bool {
        self.link.iter().for_each(Link::look_around);
        self.is_closed()
    }

    /// How many rows it has changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.get()
    }

    /// Runs a statement; says how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: &impl Params) -> Result<usize, StoreError> {
        if self.looks_ahead.get() {
            return Ok(0);
        }
        let (prepared, given) = self.prepare("", sql, params)?;
        self.forget_looks();
        let changed = self.ask(async |client| client.execute(&prepared.statement, &pointers(&given)).await)?;
        self.changes.set(self.changes.get() + changed);
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Runs a statement, with what is asked next. If it fails, that does.
    pub(super) fn put(&self, sql: &str, params: &impl Params) -> Result<(), StoreError> {
        if self.looks_ahead.get() {
            return Ok(());
        }
        let (prepared, given) = self.prepare("", sql, params)?;
        self.forget_looks();
        let given = owned(given)?;
        self.link(|link| Ok(link.send(prepared, given)?))?;
        if self.link.as_ref().is_some_and(Link::is_full) { self.ask(async |_| Ok(())) } else { Ok(()) }
    }

    /// All rows that a statement finds.
    pub(super) fn rows(&self, sql: &str, params: &impl Params) -> Result<Vec<Row>, StoreError> {
        let (prepared, given) = self.prepare("", sql, params)?;
        if self.looks_ahead.get() {
            // What is too much is asked when its time comes.
            if !prepared.writes && !self.link.as_ref().is_some_and(Link::is_full) {
                let given = owned(given)?;
                self.link(|link| Ok(link.look(prepared, given)?))?;
            }
            return Ok(Vec::new());
        }
        if prepared.writes {
            self.forget_looks();
        } else if let Some(rows) = self.looked(&prepared, &given)? {
            return Ok(rows);
        }
        let rows = self.ask(async |client| client.query(&prepared.statement, &pointers(&given)).await)?;
        if prepared.writes {
            self.changes.set(self.changes.get() + rows.len() as u64);
        }
        Ok(rows)
    }

    /// What a query found that was asked ahead, and nobody else has asked for.
    fn looked(&self, query: &Arc<Prepared>, given: &[Given<'_>]) -> Result<Option<Vec<Row>>, StoreError> {
        if self.link.as_ref().is_some_and(|link| link.looks(query, given)) {
            self.ask(async |_| Ok(()))?;
        }
        Ok(self.link.as_ref().and_then(|link| link.looked(query, given)))
    }

    /// Looks at the rows that a query finds until `read` breaks.
    pub(super) fn until<T>(
        &self,
        sql: &str,
        params: &impl Params,
        mut read: impl FnMut(&Row) -> Result<ControlFlow<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.looks_ahead.get() {
            return Ok(None);
        }
        let (prepared, given) = self.prepare(DECLARE, sql, params)?;
        self.ask(async |client| client.execute(&prepared.statement, &pointers(&given)).await)?;
        let mut found = None;
        while found.is_none() {
            let rows = self.rows(NEXT, &[])?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                if let ControlFlow::Break(value) = read(row)? {
                    found = Some(value);
                    break;
                }
            }
        }
        self.batch(END)?;
        Ok(found)
    }

    /// A statement, and its values in the order in which it has them.
    fn prepare<'v>(
        &self,
        before: &'static str,
        sql: &str,
        params: &'v impl Params,
    ) -> Result<(Arc<Prepared>, SmallVec<[Given<'v>; 16]>), StoreError> {
        let kinds = params.named().map(|(_, value)| value.kind()).collect::<SmallVec<_>>();
        let known = self.statements.borrow().get(sql).and_then(|known| {
            known.iter().find(|prepared| prepared.before == before && prepared.kinds == kinds).map(Arc::clone)
        });
        let prepared = match known {
            Some(prepared) => prepared,
            None => self.prepare_anew((before, sql), params, kinds)?,
        };
        let mut given = SmallVec::new();
        for name in &prepared.names {
            let (_, value) = params.named().find(|(known, _)| known == name).ok_or_else(|| missing(name))?;
            given.push(Given(value.to_sql()?));
        }
        Ok((prepared, given))
    }

    fn prepare_anew(
        &self,
        (before, sql): (&'static str, &str),
        params: &impl Params,
        kinds: SmallVec<[Kind; 16]>,
    ) -> Result<Arc<Prepared>, StoreError> {
        let Translated { sql: translated, names } = translate(sql);
        let kind = |name: &String| params.named().find(|(known, _)| known == name).map(|(_, value)| value.kind());
        let types = names.iter().map(|name| kind(name).map(type_of).ok_or_else(|| missing(name)));
        let types = types.collect::<Result<Vec<_>, _>>()?;
        let statement =
            self.ask(async |client| client.prepare_typed(&format!("{before}{translated}"), &types).await)?;
        let writes = ["INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.trim_start().starts_with(verb));
        let prepared = Arc::new(Prepared { before, statement, names, kinds, writes });
        let mut statements = self.statements.borrow_mut();
        // Only those that are put together for a reader's wishes are many.
        if statements.len() >= 2 * STATEMENTS {
            statements.clear();
        }
        statements.entry(sql.to_owned()).or_default().push(Arc::clone(&prepared));
        Ok(prepared)
    }
}

/// Queries are only sent, until this is dropped: what looks may fail.
struct Looks<'c> {
    flag: &'c Cell<bool>,
    before: bool,
}

impl Drop for Looks<'_> {
    fn drop(&mut self) {
        self.flag.set(self.before);
    }
}

/// Its end is waited for, which no thread may do that runs tasks.
impl Drop for Connection {
    fn drop(&mut self) {
        let Some(link) = self.link.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            link.close();
            return;
        }
        let dropped = std::thread::Builder::new().name("store-close".to_owned()).spawn(move || link.close());
        if let Err(error) = dropped {
            tracing::warn!(%error, "a connection to the store could not be closed");
        }
    }
}

fn missing(name: &str) -> StoreError {
    StoreError::Database(format!("our fault: the parameter {name} is not given"))
}

fn owned<'g>(given: impl IntoIterator<Item = Given<'g>>) -> Result<Vec<Given<'static>>, StoreError> {
    given.into_iter().map(Given::into_owned).collect()
}

/// The value in a column of a row.
pub(super) fn value(row: &Row, column: usize) -> Result<ValueRef<'_>, StoreError> {
    row.try_get::<_, Found<'_>>(column).map(|found| found.0).map_err(|error| StoreError::Corrupt(error.to_string()))
}
