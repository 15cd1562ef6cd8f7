//! The store of a service under test: a file, or a schema of its own on the server that `MICROALIGN_TEST_POSTGRES` names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use microalign::store::{Filter, Location, Store};
use postgres::{Client, NoTls};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::Service;

fn server() -> Option<String> {
    std::env::var("MICROALIGN_TEST_POSTGRES").ok()
}

/// Says that a test isn't for stores on a server, where they are there.
#[must_use]
pub fn is_only_for_files(reason: &str) -> bool {
    let skipped = server().is_some();
    if skipped {
        super::did_not_run(&format!("the stores are on a server, and {reason}"));
    }
    skipped
}

/// A schema, which goes with its service.
pub struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// One that is new, if stores are on a server.
    pub fn new() -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let server = server()?;
        let name = format!("e{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        on(&server, |client| client.batch_execute(&format!("CREATE SCHEMA {name}")));
        Some(Self { server, name })
    }

    /// The address that a service has for it.
    pub fn url(&self) -> String {
        self.url_on(&self.server)
    }

    /// The same through something that stands before the server, at this port of this machine.
    pub fn url_through(&self, port: u16) -> String {
        let mut server = self.server.parse::<url::Url>().unwrap();
        server.set_host(Some("127.0.0.1")).unwrap();
        server.set_port(Some(port)).unwrap();
        self.url_on(server.as_str())
    }

    fn url_on(&self, server: &str) -> String {
        let and = if server.contains('?') { '&' } else { '?' };
        format!("{server}{and}options=-csearch_path%3D{0}&application_name={0}", self.name)
    }

    /// A number that it has by now.
    pub fn number(&self, sql: &str) -> Option<i64> {
        try_on(&self.url(), |client| client.query_one(sql, &[])?.try_get(0)).ok()
    }

    /// The configuration of a service, with its store there, unless it says where that is.
    pub fn configured(&self, config: &str) -> String {
        match config.contains("[store]\nurl") {
            true => config.to_owned(),
            false if config.contains("[store]\n") => {
                config.replace("[store]\n", &format!("[store]\nurl = \"{}\"\n", self.url()))
            }
            false => format!("{config}\n[store]\nurl = \"{}\"\n", self.url()),
        }
    }
}

impl Drop for Schema {
    /// The connections of a service that was killed may still have some of it for a moment.
    fn drop(&mut self) {
        let sql = format!("DROP SCHEMA {} CASCADE", self.name);
        let dropped = (0..5).any(|_| try_on(&self.server, |client| client.batch_execute(&sql)).is_ok());
        if !dropped {
            eprintln!("the schema {} is left on the server", self.name);
        }
    }
}

/// Asks a server.
fn on<T: Send>(url: &str, ask: impl FnOnce(&mut Client) -> Result<T, postgres::Error> + Send) -> T {
    try_on(url, ask).unwrap()
}

/// The same on a thread of its own, since a client waits.
fn try_on<T: Send>(
    url: &str,
    ask: impl FnOnce(&mut Client) -> Result<T, postgres::Error> + Send,
) -> Result<T, postgres::Error> {
    std::thread::scope(|scope| scope.spawn(|| ask(&mut Client::connect(url, NoTls)?)).join().unwrap())
}

impl Service {
    fn file(&self) -> PathBuf {
        self.path("microalign.db")
    }

    /// Where the store is.
    pub fn store(&self) -> Location {
        match &self.schema {
            Some(schema) => Location::Server(schema.url().parse().unwrap()),
            None => Location::from(&self.file()),
        }
    }

    /// The ledger, as `ledger --json` prints it; `commands` compares the two. Waiting for something looks often.
    pub async fn ledger(&self) -> Vec<Value> {
        let read = async |store: &Store| store.ledger(&Filter::default()).await.unwrap();
        let look = async || Store::look(self.store()).await.unwrap();
        let entries = match self.schema {
            // A connection takes longer than all that is asked on it.
            Some(_) => read(self.looked.get_or_init(look).await).await,
            None => read(&look().await).await,
        };
        entries.iter().map(|entry| json!(entry)).collect()
    }

    /// Has the service use a store on a server from now on, in place of its file.
    pub fn move_to(&mut self, schema: Schema) {
        let config = std::fs::read_to_string(self.path("microalign.toml")).unwrap();
        self.write("microalign.toml", &config.replace("sqlite://microalign.db", &schema.url()));
        self.schema = Some(Arc::new(schema));
    }

    /// Changes the store beside the service: how many rows.
    pub fn change(&self, sql: &str) -> u64 {
        match &self.schema {
            Some(schema) => on(&schema.url(), |client| client.execute(&sql.replace("x''", "''"), &[])),
            None => Connection::open(self.file()).unwrap().execute(sql, []).unwrap() as u64,
        }
    }

    /// Ends every connection that anybody has to the store; whether it is on a server.
    pub fn end_connections(&self) -> bool {
        let Some(schema) = &self.schema else { return false };
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1";
        on(&schema.server, |client| client.execute(sql, &[&schema.name])) > 0
    }

    /// A number that the store has.
    pub fn number(&self, sql: &str) -> i64 {
        match &self.schema {
            Some(schema) => on(&schema.url(), |client| client.query_one(sql, &[])?.try_get(0)),
            None => Connection::open(self.file()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap(),
        }
    }

    /// Everything that the store holds: the files, or every row of every table.
    pub fn stored(&self) -> String {
        let Some(schema) = &self.schema else {
            let read = |name: &str| std::fs::read(self.path(name)).unwrap_or_default();
            return String::from_utf8_lossy(&[read("microalign.db"), read("microalign.db-wal")].concat()).into_owned();
        };
        on(&schema.url(), |client| {
            let mut all = String::new();
            for table in client.query("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()", &[])? {
                let table: String = table.get(0);
                for row in client.query(&format!("SELECT t::text FROM {table} t"), &[])? {
                    all.push_str(row.get(0));
                    all.push('\n');
                }
            }
            Ok(all)
        })
    }
}

/// Makes a store as an earlier version did, which had so many migrations.
pub fn older_store(path: &Path, version: usize) {
    let store = Connection::open(path).unwrap();
    store.pragma_update(None, "journal_mode", "wal").unwrap();
    for file in &migrations()[..version] {
        store.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
    }
    store.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
}

/// The files of SQLite's migrations, in their order.
pub fn migrations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations/sqlite");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    files.sort();
    files
}
