//! Where a test's store is: in a folder of its own, or in a schema of its own on the server that `MICROALIGN_TEST_POSTGRES`
//! names.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use postgres::{Client, NoTls};
use tempfile::TempDir;

use crate::store::{Location, Server, Store};

/// A place that is gone when it is dropped.
pub(crate) struct Place {
    folder: TempDir,
    /// The address, and the schema
    server: Option<(String, String)>,
}

impl Place {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let server = std::env::var("MICROALIGN_TEST_POSTGRES").ok().map(|url| {
            let schema = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            ask(&url, &format!("CREATE SCHEMA {schema}"));
            (url, schema)
        });
        Self { folder: tempfile::tempdir().unwrap(), server }
    }

    /// One for SQLite, whatever the others are.
    pub(crate) fn with_file() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), server: None }
    }

    /// One on a server, and that server. Without one `None`, said aloud.
    pub(crate) fn on_server() -> Option<(Self, Server)> {
        let place = Self::new();
        match place.store() {
            Location::Server(server) => Some((place, server)),
            Location::File(_) => {
                eprintln!("did not run: MICROALIGN_TEST_POSTGRES names no server");
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> Location {
        match self.url() {
            None => Location::from(&self.path().join("store.db")),
            Some(url) => Location::Server(url.parse().unwrap()),
        }
    }

    /// The address, if it's on a server.
    pub(crate) fn url(&self) -> Option<String> {
        let (url, schema) = self.server.as_ref()?;
        let and = if url.contains('?') { '&' } else { '?' };
        Some(format!("{url}{and}options=-csearch_path%3D{schema}"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((url, schema)) = &self.server {
            ask(url, &format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

/// Runs a statement on a thread of its own, since a client waits.
fn ask(url: &str, sql: &str) {
    std::thread::scope(|scope| {
        scope.spawn(|| Client::connect(url, NoTls).unwrap().batch_execute(sql).unwrap()).join().unwrap();
    });
}

/// A store that ends with its place.
pub(crate) async fn scratch() -> (Place, Store) {
    let place = Place::new();
    let (store, _) = Store::scratch(place.store()).await.unwrap();
    (place, store)
}
