//! Why the store could not do something.

use std::path::Path;

use crate::plan::LineId;

/// Why the store could not do what was asked. It is always our trouble, never the sender's.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or brought up to date
    #[error("cannot open the store `{path}`: {reason}")]
    Open {
        /// The database file
        path: String,
        /// What the system says
        reason: String,
    },
    /// An older version wrote it, and nothing that only reads may change that
    #[error(
        "the store `{0}` is of an older version of microalign: run `microalign migrate`, which brings it up to date, or read \
         it with the older program"
    )]
    Older(String),
    /// A newer version wrote it
    #[error("the store `{0}` is of a newer version of microalign: use that program")]
    Newer(String),
    /// A copy to it was begun and not finished
    #[error(
        "the store `{0}` is a copy that was not finished: run the same `microalign store copy` again, which goes on where it \
         ended"
    )]
    Unfinished(String),
    /// Where a store was to be copied to, there is one
    #[error("the store `{0}` has data already: copy to an empty database")]
    NotEmpty(String),
    /// A copy isn't what was copied
    #[error(
        "the table `{table}` isn't the same in the copy: {what}; nothing serves from it: run the same command again, which copies \
         everything anew"
    )]
    Differs {
        /// Its name
        table: String,
        /// What isn't the same
        what: String,
    },
    /// Another process serves from the same file
    #[error("the store `{0}` is in use by another microalign: stop that one, or set another `[store] url`")]
    InUse(String),
    /// It was cut, or emptied
    #[error(
        "the store `{path}` is damaged: {what}; restore a backup, or move it and the files beside it away to begin anew"
    )]
    Damaged {
        /// The database file
        path: String,
        /// What is missing
        what: String,
    },
    /// What is written goes where nobody finds it
    #[error(
        "the files of the store `{0}` were deleted or replaced while the service ran: nothing is accepted until they are \
         back, or the service is restarted"
    )]
    Replaced(String),
    /// Another process asks for what did not arrive
    #[error("what was missed is being asked for already: try again in a minute")]
    Recovering,
    /// Another replica has the right by which this was to be written
    #[error("another replica plans now: nothing was written")]
    Fenced,
    /// The database hasn't answered for a while
    #[error("the database can't be reached")]
    CutOff,
    /// A write took longer than senders wait
    #[error("the store did not answer in time")]
    TooSlow,
    /// A write did not reach the disk; the writer has logged why
    #[error("the store could not be written")]
    NotWritten,
    /// There is no key to sign with
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    /// The queue of writes is full
    #[error("the store is overloaded")]
    Overloaded,
    /// A delivery can't be read again without its body
    #[error("delivery {0} can't be read again: its body was deleted (`[store] keep_bodies`)")]
    NoBody(i64),
    /// A message can't be sent again without its words
    #[error("the message of {0} can't be sent again: its words were removed (`microalign store forget`)")]
    NoMessage(LineId),
    /// All was removed, but not from where SQLite leaves what it moves or deletes
    #[error(
        "what was removed may still be in unused parts of the store `{path}`: {reason}; stop the service, and run \
         `sqlite3 {path} VACUUM`"
    )]
    Remains {
        /// The database file
        path: String,
        /// Why they could not be removed
        reason: String,
    },
    /// A thread that worked for us ended
    #[error("a thread failed: {0}")]
    Stopped(tokio::task::JoinError),
    /// A statement failed
    #[error("the store failed: {0}")]
    Database(String),
    /// A row holds what this version cannot read
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// A row that has to be there is not.
    pub(super) fn nothing_found() -> Self {
        rusqlite::Error::QueryReturnedNoRows.into()
    }

    /// The file cannot be opened, for this reason.
    pub(super) fn open(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self::Open { path: path.display().to_string(), reason: reason.to_string() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::Corrupt(error.to_string()),
            error => Self::Database(error.to_string()),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    /// Says what the server says, but not which values a row has.
    fn from(error: tokio_postgres::Error) -> Self {
        let said = match error.as_db_error() {
            Some(said) => format!("{} ({})", said.message(), said.code().code()),
            None => {
                let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
                causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
            }
        };
        Self::Database(said)
    }
}
