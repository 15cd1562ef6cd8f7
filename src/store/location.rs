//! Where a store is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pg::Server;

/// A file for SQLite, or a PostgreSQL database. It is shown without a password.
#[derive(Clone)]
pub enum Location {
    /// `sqlite://FILE`
    File(Arc<Path>),
    /// `postgres://USER:PASSWORD@HOST/DATABASE`
    Server(Server),
}

impl Location {
    /// The file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Server(_) => None,
        }
    }

    /// Whether there is a store. On a server that doesn't answer there may be one: whoever opens it hears what is wrong.
    pub async fn exists(&self) -> bool {
        match self {
            Self::File(path) => path.exists(),
            Self::Server(server) => {
                let server = server.clone();
                tokio::task::spawn_blocking(move || server.has_store()).await.unwrap_or(true)
            }
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(server) => server.fmt(f),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.into())
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        path.as_path().into()
    }
}

impl From<&Self> for Location {
    fn from(location: &Self) -> Self {
        location.clone()
    }
}
