//! Where the server is, and how it is asked.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::sync::watch;
use tokio_postgres::config::{LoadBalanceHosts, SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Connection, Link, hosts, schema};
use crate::store::StoreError;

/// How long a connection to a host may take to be made, unless the address says otherwise.
const CONNECT: Duration = Duration::from_secs(3);
/// What was sent is acknowledged within this time, or the connection is given up: so a network that was cut is noticed.
const UNACKNOWLEDGED: Duration = Duration::from_secs(2);
/// A connection on which nothing happens for so long is asked whether it is still there,
const IDLE: Duration = Duration::from_secs(2);
/// so often at this distance.
const PROBES: (u32, Duration) = (2, Duration::from_secs(1));
/// A transaction in which nothing is asked for so long ends: its process hangs, and others wait for what it has locked.
const HANGS: Duration = Duration::from_secs(3);
/// What keepalives wait for where nobody says anything.
const NEVER_SET: Duration = Duration::from_secs(2 * 60 * 60);

/// What a connection is for: nothing that is asked on it may take longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Purpose {
    /// Senders wait, who give up after 10 seconds
    Senders,
    /// All other writes
    Writing,
    Reading,
    /// Showing the other replicas that this one is alive
    Heart,
}

impl Purpose {
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::Senders => Duration::from_secs(10),
            Self::Writing => Duration::from_secs(120),
            Self::Reading => Duration::from_secs(60),
            Self::Heart => Duration::from_secs(1),
        }
    }

    /// How long a commit may take. It may wait for a standby, which the server doesn't limit: who gave up and tried again would leave
    /// more and more connections behind that wait, too. What shows that a replica is alive doesn't wait for one.
    pub(super) fn commits_within(self) -> Option<Duration> {
        (self == Self::Heart).then(|| self.patience())
    }

    /// How long a transaction may have nothing to ask.
    fn thinks(self) -> Duration {
        match self {
            Self::Senders | Self::Writing | Self::Heart => HANGS,
            Self::Reading => self.patience(),
        }
    }
}

/// When a server was started, as it says itself: this tells it from the one that takes its place.
pub(super) type Started = Arc<str>;

/// A database on a PostgreSQL server. Its password is never shown.
#[derive(Clone)]
pub struct Server {
    hosts: Arc<[Config]>,
    name: Arc<str>,
    /// The host that was connected to last, or is to be tried first
    last: Arc<AtomicUsize>,
    /// The server that this process was last connected to as a replica
    in_force: watch::Sender<Option<Started>>,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Server {
    /// What is wrong, without a part of the address
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        // Certificates are always verified, where there are any.
        let plain =
            url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
        let mut config = plain.parse::<Config>().map_err(|_| "this isn't the address of a PostgreSQL database")?;
        if config.get_hosts().is_empty() {
            return Err("this names no host");
        }
        if config.get_dbname().is_none() {
            return Err("this names no database");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        if config.get_keepalives_idle() == NEVER_SET {
            config.keepalives_idle(IDLE).keepalives_retries(PROBES.0).keepalives_interval(PROBES.1);
        }
        if config.get_application_name().is_none() {
            config.application_name("microalign");
        }
        // Of several, only one takes writes.
        if config.get_hosts().len() > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let hosts = hosts::each(&config);
        let is_random = config.get_load_balance_hosts() == LoadBalanceHosts::Random;
        let first = if is_random { fastrand::usize(..hosts.len()) } else { 0 };
        let last = Arc::new(AtomicUsize::new(first));
        Ok(Self { hosts: hosts.into(), name: shown(url).into(), last, in_force: watch::Sender::default() })
    }
}

/// An address without what may be secret in it.
fn shown(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let Some((user, place)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}@{place}")
}

impl Server {
    /// Connects to it. It takes the thread for as long as that lasts.
    ///
    /// # Errors
    /// [`StoreError::Open`]
    pub(in crate::store) fn connect(&self, purpose: Purpose) -> Result<Connection, StoreError> {
        self.greeted(purpose).map_err(|error| match error {
            StoreError::Database(reason) => StoreError::Open { path: self.to_string(), reason },
            error => error,
        })
    }

    /// Makes sure that a connection keeps the server's session for itself. A pool that gives it to others after each transaction
    /// would give them our settings and prepared statements, and us theirs.
    ///
    /// # Errors
    /// [`StoreError::Open`]
    pub(in crate::store) fn check_session(&self, conn: &Connection) -> Result<(), StoreError> {
        let mark = format!("{}.{}", std::process::id(), fastrand::u64(..));
        conn.ask(async |client| client.execute("SELECT set_config('microalign.session', $1, false)", &[&mark]).await)?;
        let other = self.connect(Purpose::Reading)?;
        let seen = |conn: &Connection| {
            let sql = "SELECT coalesce(current_setting('microalign.session', true), '')";
            conn.ask(async |client| client.query_one(sql, &[]).await?.try_get::<_, String>(0))
        };
        // Within a transaction, the other one holds what a pool has given it.
        other.batch("BEGIN")?;
        if seen(&other)? == mark || seen(conn)? != mark {
            let reason = "a pooler gives each transaction another session (PgBouncer's `pool_mode = transaction`): use \
                          `pool_mode = session` there, or the server's own address";
            return Err(StoreError::Open { path: self.to_string(), reason: reason.to_owned() });
        }
        other.batch("ROLLBACK")
    }

    /// Whether there may be a store.
    pub(in crate::store) fn has_store(&self) -> bool {
        self.connect(Purpose::Reading).and_then(|conn| schema::version(&conn)).map_or(true, |version| version > 0)
    }

    fn greeted(&self, purpose: Purpose) -> Result<Connection, StoreError> {
        let mut link = self.link(purpose)?;
        let (patience, thinks) = (purpose.patience().as_millis(), purpose.thinks().as_millis());
        // A commit that was answered is on disk, whatever the server is set to; and it soon notices that we are gone. What only
        // shows that a replica is alive may be lost with the server. To compile a statement takes longer than to run one of ours.
        let commits = match purpose {
            Purpose::Heart => "SET synchronous_commit = off",
            _ => {
                "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
            }
        };
        let settings = format!(
            "SET statement_timeout = {patience}; SET idle_in_transaction_session_timeout = {thinks}; SET jit = off;
             SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 2;
             SET tcp_user_timeout = 6000; {commits}; SELECT pg_postmaster_start_time()"
        );
        let (_, said) = link.ask(async |client| client.simple_query(&settings).await)?;
        let started = said.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let started = Started::from(started.ok_or_else(StoreError::nothing_found)?);
        if purpose == Purpose::Heart {
            self.is_in_force(Arc::clone(&started));
        }
        link.leave_with(started, self.in_force.subscribe());
        Ok(Connection::new(link))
    }

    /// Has connections to any other server given up.
    pub(super) fn is_in_force(&self, started: Started) {
        self.in_force.send_replace(Some(started));
    }

    /// The host that was connected to last may hang, which takes long to find out once more.
    pub(super) fn begin_with_the_next_host(&self) {
        self.last.store((self.last.load(Ordering::Relaxed) + 1) % self.hosts.len(), Ordering::Relaxed);
    }

    /// Connects to the host that was connected to last, or to the next one that can be.
    fn link(&self, purpose: Purpose) -> Result<Link, StoreError> {
        let first = self.last.load(Ordering::Relaxed);
        let mut failed = Vec::new();
        for index in (first..self.hosts.len()).chain(0..first) {
            let Some(config) = self.hosts.get(index) else { continue };
            match link(config, purpose) {
                Ok(link) => {
                    self.last.store(index, Ordering::Relaxed);
                    return Ok(link);
                }
                Err(StoreError::Database(reason)) => failed.push(reason),
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Database(failed.join("; the next host: ")))
    }
}

fn link(config: &Config, purpose: Purpose) -> Result<Link, StoreError> {
    let limit = config.get_connect_timeout().copied().unwrap_or(CONNECT);
    if config.get_ssl_mode() == SslMode::Disable {
        return Link::connect(config, NoTls, limit, purpose);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(|error| StoreError::Database(format!("no TLS: {error}")))?;
    Link::connect(config, MakeRustlsConnect::new(settings.with_no_client_auth()), limit, purpose)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn of_several_hosts_the_one_that_takes_writes_is_used() {
        let wanted = |url: &str| {
            let server = url.parse::<Server>().unwrap();
            server.hosts.iter().map(Config::get_target_session_attrs).collect::<Vec<_>>()
        };
        let (any, writes) = (TargetSessionAttrs::Any, TargetSessionAttrs::ReadWrite);
        assert_eq!(wanted("postgres://db/ma"), [any]);
        assert_eq!(wanted("postgres://db1,db2/ma"), [writes, writes]);
        assert_eq!(wanted("postgres://db1,db2/ma?target_session_attrs=read-write"), [writes, writes]);
    }

    #[test]
    fn no_address_is_shown_with_its_password() {
        for (url, expected) in [
            ("postgres://ma:s3cret@db/ma", "postgres://ma@db/ma"),
            (
                "postgresql://ma:s3c@ret@db1:5432,db2/ma?target_session_attrs=read-write",
                "postgresql://ma@db1:5432,db2/ma",
            ),
            ("postgres://db/ma?user=ma&password=s3cret", "postgres://db/ma"),
        ] {
            assert_eq!(shown(url), expected);
        }
        let server = "postgres://ma:s3cret@db/ma".parse::<Server>().unwrap();
        assert!(!format!("{server} {server:?} {:?}", server.hosts).contains("s3cret"));
        for wrong in ["postgres://ma:s3cret@", "postgres://ma:s3cret@db", "postgres://db/ma?s3cret=1"] {
            assert!(!wrong.parse::<Server>().unwrap_err().contains("s3cret"), "{wrong}");
        }
    }
}
