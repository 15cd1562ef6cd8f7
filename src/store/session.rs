//! Who has logged in to the console.

use jiff::Timestamp;

use super::row::{Json, Millis, json, named_params, time};
use super::{Store, StoreError, Tx};

/// The SHA-256 of the token in a cookie: whoever reads the store can't use it.
pub type SessionDigest = [u8; 32];

/// Somebody who has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What they are called
    pub who: String,
    /// Their mail address, if the provider has verified it
    pub mail: Option<String>,
    /// The groups they are in
    pub groups: Vec<String>,
    /// When they logged in
    pub begun: Timestamp,
    /// About when they last asked for something
    pub seen: Timestamp,
    /// When they have to log in again
    pub ends: Timestamp,
}

const FIND: &str = "SELECT who, mail, groups, begun_at, seen_at, ends_at FROM session
    WHERE digest = :digest AND ends_at > :now";
const SEE: &str = "UPDATE session SET seen_at = :seen, ends_at = :ends WHERE digest = :digest";
const END: &str = "DELETE FROM session WHERE digest = :digest";
/// Deletes those that have ended.
const ENDED: &str = "DELETE FROM session WHERE digest IN (
    SELECT digest FROM session WHERE ends_at <= :now ORDER BY ends_at LIMIT 200)";

impl Store {
    /// Writes that somebody has logged in.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]; here and below
    pub async fn begin_session(&self, digest: SessionDigest, session: Session) -> Result<(), StoreError> {
        self.write(move |tx| {
            let Session { who, mail, groups, begun, seen, ends } = session;
            tx.put(
                "INSERT INTO session (digest, who, mail, groups, begun_at, seen_at, ends_at)
                 VALUES (:digest, :who, :mail, :groups, :begun, :seen, :ends)",
                named_params! { ":digest": digest, ":who": who, ":mail": mail, ":groups": Json(groups),
                ":begun": Millis(begun), ":seen": Millis(seen), ":ends": Millis(ends) },
            )
        })
        .await
    }

    /// Who has logged in, unless that has ended.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn session(&self, digest: SessionDigest, now: Timestamp) -> Result<Option<Session>, StoreError> {
        self.read(move |tx| {
            tx.row(FIND, named_params! { ":digest": digest, ":now": Millis(now) }, |row| {
                let (who, mail, groups) = (row.get("who")?, row.get("mail")?, json(row, "groups")?);
                let (begun, seen, ends) = (time(row, "begun_at")?, time(row, "seen_at")?, time(row, "ends_at")?);
                Ok(Session { who, mail, groups, begun, seen, ends })
            })
        })
        .await
    }

    /// Writes that somebody was seen, so that the session now ends later.
    ///
    /// # Errors
    /// As above
    pub async fn see_session(&self, digest: SessionDigest, seen: Timestamp, ends: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.put(SEE, named_params! { ":digest": digest, ":seen": Millis(seen), ":ends": Millis(ends) })
        })
        .await
    }

    /// Logs somebody out.
    ///
    /// # Errors
    /// As above
    pub async fn end_session(&self, digest: SessionDigest) -> Result<(), StoreError> {
        self.write(move |tx| tx.run(END, named_params! { ":digest": digest }).map(drop)).await
    }
}

impl Tx<'_> {
    /// Deletes the sessions that have ended.
    pub(super) fn delete_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.run(ENDED, named_params! { ":now": Millis(now) })
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 4] = [FIND, SEE, END, ENDED];
