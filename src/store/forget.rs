//! Takes a person's words and names out of the store.
//!
//! It works beside a service that runs: a few rows are looked at without a lock, and written only if they name the person.
//! Ids, times, states, keys and the beginnings of conversations stay, so that nothing is told twice or not at all. What waits
//! to be read or sent stays too, until it isn't needed any more. In the end the file is written anew, since SQLite leaves
//! what it deletes or moves in unused parts of its pages.

mod rows;
mod texts;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::row::{Json, Value, named_params};
use super::sqlite::Options;
use super::{Location, Store, StoreError, Tx, Use, file};
use crate::event::Person;

/// What was taken out of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// The names that the person was looked for by, in small letters
    pub names: Vec<String>,
    /// How many rows of a kind were emptied or changed, of each kind that has any
    pub changed: Vec<(&'static str, usize)>,
    /// How many deliveries, messages and objections wait, and so are as they were
    pub waiting: usize,
}

/// What is done with the next rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// It is only found out whether they name the person
    Look,
    Change,
}

/// What was found in rows.
#[derive(Debug, Default)]
struct Batch {
    /// The key of the last one; `None` if there are no more
    last: Option<Value>,
    changed: usize,
    /// The messages that were emptied
    messages: usize,
    waiting: usize,
}

/// Goes on after the row with a key.
type Step = fn(&Tx<'_>, &Person, &Value, Pass) -> Result<Batch, StoreError>;

/// Reads whom the rows after the one with a key name, as JSON; with the key of the last one.
type Names = fn(&Tx<'_>, &Value) -> Result<(Option<Value>, Vec<serde_json::Value>), StoreError>;

/// Where it is said what people are called.
const NAMES: [Names; 4] =
    [rows::people_of_events, rows::people_of_subjects, texts::people_by_id, texts::people_who_answered];

/// What is gone through, by its name for people.
const PLACES: [(&str, Step); 17] = [
    ("events", rows::events),
    ("lines", rows::lines),
    ("steps", rows::steps),
    ("subjects", rows::subjects),
    ("sends", texts::sends),
    ("attempts", texts::attempts),
    ("objections", texts::objections),
    ("answers", texts::answers),
    ("agreements", texts::agreements),
    ("conversations", texts::conversations),
    ("refusals", texts::refusals),
    ("people", texts::people),
    ("contacts", texts::contacts),
    ("sessions", texts::sessions),
    ("changes", texts::changes),
    ("mutes", texts::mutes),
    ("subscriptions", texts::subscriptions),
];

/// After a write, whoever waits to write has so long before the next.
const PAUSE: Duration = Duration::from_millis(20);
/// A file of more bytes isn't written anew while a service runs, which couldn't write in the meantime.
const LARGEST: u64 = 500_000_000;
/// So often it is tried to empty the log, which somebody may be reading.
const TRIES: u32 = 50;

impl Store {
    /// Takes the words and names of a person out of the store: of a GitHub login, or of an account id or name elsewhere. Each of
    /// `accounts` is what one person is called in several places. All is still in unused parts of the file until it is written anew.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn forget(&self, name: &str, accounts: &[Vec<String>]) -> Result<Forgotten, StoreError> {
        let person = Arc::new(self.person(name, accounts).await?);
        let (bodies, mut waiting) = self.forget_bodies(&person).await?;
        let (mut changed, mut messages) = (vec![("bodies", bodies)], 0);
        for (kind, step) in PLACES {
            let found = self.forget_in(step, &person).await?;
            changed.push((kind, found.changed));
            messages += found.messages;
            waiting += found.waiting;
        }
        changed.push(("messages", messages));
        changed.retain(|(_, rows)| *rows > 0);
        Ok(Forgotten { names: person.names().map(str::to_owned).collect(), changed, waiting })
    }

    /// Writes the file anew without its unused parts, and empties the log beside it.
    ///
    /// # Errors
    /// [`StoreError::Remains`]
    pub async fn write_anew(&self) -> Result<(), StoreError> {
        let Location::File(path) = &self.location else { return Ok(()) };
        let path = Arc::clone(path);
        tokio::task::spawn_blocking(move || write_anew(&path)).await.map_err(StoreError::Stopped)?
    }

    /// Somebody, by all names that the store has for them.
    async fn person(&self, name: &str, accounts: &[Vec<String>]) -> Result<Person, StoreError> {
        let mut person = Person::named(name);
        let contacts = self.all_contacts().await?;
        loop {
            let mut new = false;
            for ids in accounts {
                new |= person.learn_ids(ids.iter().map(String::as_str));
            }
            for contact in &contacts {
                new |= contact.name.as_ref().is_some_and(|name| person.learn(&contact.login, name));
                new |= person.learn_ids(contact.ids());
            }
            for step in NAMES {
                let mut after = Value::Null;
                loop {
                    let from = after.clone();
                    let (last, people) = self.read(move |tx| step(tx, &from)).await?;
                    people.iter().for_each(|named| new |= person.learn_from(named));
                    let Some(last) = last else { break };
                    after = last;
                }
            }
            // Whoever has an id that was found last may be called something else by rows that were read before.
            if !new {
                return Ok(person);
            }
        }
    }

    async fn forget_in(&self, step: Step, person: &Arc<Person>) -> Result<Batch, StoreError> {
        let (mut all, mut after) = (Batch::default(), Value::Null);
        loop {
            let (known, from) = (Arc::clone(person), after.clone());
            let mut batch = self.read(move |tx| step(tx, &known, &from, Pass::Look)).await?;
            let last = batch.last.take();
            if batch.changed + batch.messages > 0 {
                let (known, from) = (Arc::clone(person), after);
                // A row that comes in between is looked at twice, which does no harm.
                batch = self.write(move |tx| step(tx, &known, &from, Pass::Change)).await?;
                tokio::time::sleep(PAUSE).await;
            }
            all.changed += batch.changed;
            all.messages += batch.messages;
            all.waiting += batch.waiting;
            let Some(last) = last else { return Ok(all) };
            after = last;
        }
    }

    /// Deletes the bodies of deliveries that name somebody. Says how many, and how many are yet to be read.
    async fn forget_bodies(&self, person: &Arc<Person>) -> Result<(usize, usize), StoreError> {
        let (mut deleted, mut waiting, mut after) = (0, 0, 0);
        loop {
            let known = Arc::clone(person);
            let bodies = self.read(move |tx| rows::bodies(tx, &known, after)).await?;
            let Some(last) = bodies.last() else { return Ok((deleted, waiting)) };
            after = last.id;
            waiting += bodies.iter().filter(|body| body.named && body.waits).count();
            let read = bodies.iter().filter(|body| body.named && !body.waits).map(|body| body.id).collect::<Vec<_>>();
            if !read.is_empty() {
                deleted +=
                    self.write(move |tx| tx.run(rows::DELETE_BODIES, named_params! { ":ids": Json(&read) })).await?;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn write_anew(path: &Arc<Path>) -> Result<(), StoreError> {
    let remains = |reason: &dyn std::fmt::Display| StoreError::Remains {
        path: path.display().to_string(),
        reason: reason.to_string(),
    };
    let bytes = std::fs::metadata(path).map_err(|error| remains(&error))?.len();
    // Nobody starts to serve from it meanwhile.
    let lock = file::lock(path);
    if lock.is_err() && bytes > LARGEST {
        return Err(remains(&"the file is too large to be written anew while the service runs"));
    }
    let conn = Options { path: Arc::clone(path), usage: Use::Visit }.open().map_err(|error| remains(&error))?;
    // A copy of the whole file doesn't fit into memory.
    conn.execute_batch("PRAGMA temp_store = file; VACUUM").map_err(|error| remains(&error))?;
    for _ in 0..TRIES {
        let busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        if !busy.map_err(|error| remains(&error))? {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err(remains(&"the log beside it is in use"))
}

#[cfg(test)]
mod tests;
