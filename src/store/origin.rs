//! Where a writer's connection comes from, at the start and after a failure.

use std::time::{Duration, Instant};

use super::checkpoint::Checkpointer;
use super::connection::Connection;
use super::file::ServedFile;
use super::pg::{Purpose, Server};
use super::sqlite::Options;
use super::{StoreError, Use};

/// After a failure, a server is left alone for so long at first,
const SHORTEST_REST: Duration = Duration::from_millis(50);
/// and after further ones for twice as long each time, but no longer than this.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// What a writer opens again after a failure.
pub(super) enum Origin {
    File {
        options: Options,
        /// Of a store that is served from. Dropped after the connection
        file: Option<ServedFile>,
        /// The same
        checkpointer: Option<Checkpointer>,
    },
    Server {
        server: Server,
        purpose: Purpose,
        rest: Rest,
    },
}

/// A server's rest after a failure: until then nothing is asked, so that whoever waits hears at once.
#[derive(Debug, Default)]
pub(super) struct Rest {
    until: Option<Instant>,
    length: Duration,
}

impl Origin {
    pub(super) fn file(options: Options, file: Option<ServedFile>) -> Result<Self, StoreError> {
        let checkpointer = (options.usage == Use::Serve).then(|| Checkpointer::start(&options)).transpose()?;
        Ok(Self::File { options, file, checkpointer })
    }

    pub(super) fn server(server: Server, purpose: Purpose) -> Self {
        Self::Server { server, purpose, rest: Rest::default() }
    }

    /// Opens the store again.
    pub(super) fn open(&mut self) -> Result<Connection, StoreError> {
        self.check()?;
        match self {
            Self::File { options, .. } => Ok(Connection::Sqlite(options.open()?)),
            Self::Server { rest, .. } if rest.until.is_some_and(|until| Instant::now() < until) => {
                Err(StoreError::NotWritten)
            }
            Self::Server { server, purpose, rest } => {
                let opened = server.connect(*purpose);
                *rest = match &opened {
                    Ok(_) => Rest::default(),
                    Err(_) => {
                        let length = (rest.length * 2).clamp(SHORTEST_REST, LONGEST_REST);
                        Rest { until: Some(Instant::now() + length), length }
                    }
                };
                Ok(Connection::Postgres(Box::new(opened?)))
            }
        }
    }

    /// Checks that what is written is where it will be looked for.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        match self {
            Self::File { file: Some(file), .. } => file.check(),
            Self::File { file: None, .. } | Self::Server { .. } => Ok(()),
        }
    }

    /// Notes that something was written.
    pub(super) fn wrote(&self) {
        if let Self::File { checkpointer: Some(checkpointer), .. } = self {
            checkpointer.look();
        }
    }

    /// Ends what works beside the writer.
    pub(super) fn stop(&mut self) {
        if let Self::File { checkpointer, .. } = self
            && let Some(checkpointer) = checkpointer.take()
        {
            checkpointer.stop();
        }
    }
}
