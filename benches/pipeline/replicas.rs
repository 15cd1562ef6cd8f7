//! Replicas on one PostgreSQL, which `MICROALIGN_TEST_POSTGRES` names, beside a bare batched insert of the same rows.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use microalign::store::{Lanes, Location, Now, Store};
use postgres::types::FromSql;
use postgres::{Client, NoTls};
use tempfile::TempDir;
use url::Url;

use crate::block_on;
use crate::inputs::payload;
use crate::load::Load;
use crate::service::{NOTHING, Service, folder, mailing};
use crate::smtp::Server;
use crate::table::{Row, microseconds};

/// Over so many connections, to each replica in turn. The bare insert has so many rows in a statement, as a commit of ours has
/// when all of them wait.
const CONNECTIONS: usize = 16;
const WEBHOOKS: u64 = 3000;
const MAILS: u64 = 2000;
/// So many claims are made; the median counts.
const CLAIMS: usize = 50;
const DESTINATIONS: u64 = 50;
/// In the server's memory, not in ours.
const MANY: u64 = 1_000_000;

/// What a network to another machine takes each way.
const AWAY: Duration = Duration::from_micros(250);

/// Where PostgreSQL is that much further away: the address with another port.
fn far(url: &str) -> String {
    let mut url = url.parse::<Url>().unwrap();
    let server = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            for (from, to) in [(&client, &server), (&server, &client)] {
                from.set_nodelay(true).unwrap();
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                std::thread::spawn(move || carry(from, to));
            }
        }
    });
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    url.into()
}

/// Carries what comes, until either side has gone.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut part) {
        std::thread::sleep(AWAY);
        if to.write_all(&part[..length]).is_err() {
            break;
        }
    }
    // The other side may have gone first.
    drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
}

/// A schema of its own, which ends with this.
pub struct Schema {
    url: String,
    name: String,
}

impl Schema {
    /// `None`, which is said, where no server is named.
    pub fn new() -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Ok(url) = std::env::var("MICROALIGN_TEST_POSTGRES") else {
            eprintln!("did not run: MICROALIGN_TEST_POSTGRES names no server");
            return None;
        };
        let name = format!("b{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let schema = Self { url, name };
        schema.ask(&format!("CREATE SCHEMA {}", schema.name));
        Some(schema)
    }

    pub fn address(&self) -> String {
        let and = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{and}options=-csearch_path%3D{}", self.url, self.name)
    }

    fn client(&self) -> Client {
        Client::connect(&self.address(), NoTls).unwrap()
    }

    /// On a thread of its own: a client waits.
    pub fn ask(&self, sql: &str) {
        std::thread::scope(|scope| {
            scope.spawn(|| self.client().batch_execute(sql).unwrap()).join().unwrap();
        });
    }

    /// The same for a query: the first column of its rows.
    pub fn column<T: for<'r> FromSql<'r> + Send>(&self, sql: &str) -> Vec<T> {
        std::thread::scope(|scope| {
            let asked = || self.client().query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect();
            scope.spawn(asked).join().unwrap()
        })
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.ask(&format!("DROP SCHEMA {} CASCADE", self.name));
    }
}

/// A folder, served from this schema.
fn served_from(schema: &Schema, folder: TempDir) -> TempDir {
    let file = folder.path().join("microalign.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{config}[store]\nurl = \"{}\"\n", schema.address())).unwrap();
    folder
}

/// Webhooks that so many replicas take in a second.
pub fn ingest(replicas: usize) -> Vec<Row> {
    let Some(schema) = Schema::new() else { return Vec::new() };
    let limit = bare_insert(&schema);
    let folders = (0..replicas).map(|_| served_from(&schema, folder(&[NOTHING.to_owned()], ""))).collect::<Vec<_>>();
    let services = folders.iter().map(Service::start).collect::<Vec<_>>();
    let rate = block_on(send(&services, WEBHOOKS));
    vec![Row::beside("answers", "/s", (rate, limit))]
}

/// Sends so many webhooks, each replica's share over its share of the connections. Returns how many were answered a second.
async fn send(services: &[Service], count: u64) -> f64 {
    let share = count / services.len() as u64;
    let loads = services.iter().zip(0..).map(|(service, place)| {
        let load = Load::new(place * share..(place + 1) * share);
        let (hook, connections) = (service.hook(), CONNECTIONS / services.len());
        async move { load.run(&hook, connections).await }
    });
    // They are ready before the first is sent.
    let began = Instant::now();
    let tasks = loads.map(tokio::spawn).collect::<Vec<_>>();
    for task in tasks {
        task.await.unwrap();
    }
    (share * services.len() as u64) as f64 / began.elapsed().as_secs_f64()
}

/// Rows a second, as many in each statement as senders wait at a time, each statement a commit.
fn bare_insert(schema: &Schema) -> f64 {
    let mut client = schema.client();
    let table = "CREATE TABLE bare (
        id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, source text NOT NULL, delivery_key text NOT NULL,
        name text NOT NULL, received_at bigint NOT NULL, waits bigint NOT NULL, body bytea NOT NULL, UNIQUE (source, delivery_key));
        CREATE INDEX bare_waits ON bare (received_at, id) WHERE waits = 1";
    client.batch_execute(table).unwrap();
    let insert = "INSERT INTO bare (source, delivery_key, name, received_at, waits, body)
        SELECT 'github', k, 'pull_request', 0, 1, b FROM unnest($1::text[], $2::bytea[]) AS row (k, b)";
    let insert = client.prepare(insert).unwrap();
    let body = lz4_flex::compress_prepend_size(&payload(1));
    let (began, bodies) = (Instant::now(), vec![body.as_slice(); CONNECTIONS]);
    for first in (0..WEBHOOKS).step_by(CONNECTIONS) {
        let keys = (first..first + CONNECTIONS as u64).map(|number| format!("bare-{number}")).collect::<Vec<_>>();
        client.execute(&insert, &[&keys, &bodies]).unwrap();
    }
    WEBHOOKS as f64 / began.elapsed().as_secs_f64()
}

/// Mails that so many replicas send a second, from the first webhook to the last mail.
pub fn mail(replicas: usize) -> Vec<Row> {
    let Some(schema) = Schema::new() else { return Vec::new() };
    vec![Row::alone("mails", "/s", mails(&schema, replicas))]
}

/// The same for one, beside one whose server is further away.
pub fn mail_from_afar() -> Vec<Row> {
    let (Some(near), Some(mut away)) = (Schema::new(), Schema::new()) else { return Vec::new() };
    away.url = far(&away.url);
    vec![Row::beside("mails, with PostgreSQL 0.5 ms further away", "/s", (mails(&away, 1), mails(&near, 1)))]
}

fn mails(schema: &Schema, replicas: usize) -> f64 {
    block_on(async {
        let mut server = Server::start().await;
        let folders = (0..replicas).map(|_| served_from(schema, mailing(server.address))).collect::<Vec<_>>();
        let services = folders.iter().map(Service::start).collect::<Vec<_>>();
        let began = Instant::now();
        send(&services, MAILS).await;
        let mails = server.take(MAILS as usize).await;
        let last = mails.iter().map(|mail| mail.at).max().unwrap();
        MAILS as f64 / last.duration_since(began).as_secs_f64()
    })
}

/// What it takes to claim, with a million messages that wait, beside ten.
pub fn claims() -> Vec<Row> {
    let (Some(few), Some(many)) = (Schema::new(), Schema::new()) else { return Vec::new() };
    let (few, many) = (claim(&few, (10, 1)), claim(&many, (MANY, DESTINATIONS)));
    vec![Row::beside(
        "a claim of 16 of a million, beside one of 10 of ten",
        "µs",
        (microseconds(many), microseconds(few)),
    )]
}

/// The median time of a claim after a lane has ended, while so many messages wait for so many destinations.
fn claim(schema: &Schema, (waiting, destinations): (u64, u64)) -> Duration {
    block_on(async {
        let store = Store::scratch(Location::Server(schema.address().parse().unwrap())).await.unwrap().0;
        let message = serde_json::to_string(&microalign::template::Message::default()).unwrap();
        let rows = format!(
            "INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (1, 'github', 'd', '', 0, 0, '');
             INSERT INTO ledger (id, delivery_id, line, source, kind, team, rule, state, reason, at, message)
             VALUES (1, 1, 1, 'github', 'push', 'web', 'r', 'held', '{{}}', 0, '{message}');
             INSERT INTO send (ledger_id, destination, thread, state, attempts, next_at, created_at)
             SELECT 1, 'slack:#' || n % {destinations}, 't' || n, 'queued', 0, 0, 0 FROM generate_series(1, {waiting}) n;
             ANALYZE"
        );
        schema.ask(&rows);
        let (lanes, mut times) = (Lanes::default(), Vec::new());
        let mut busy = store.claim(&lanes, Now::read()).await.unwrap();
        for _ in 0..CLAIMS {
            let Some(lane) = busy.pop() else { break };
            let to = lane.to().clone();
            // What it had claimed waits again.
            schema.ask("UPDATE send SET state = 'queued', next_at = 0 WHERE state = 'sending'");
            lane.ended(None, Instant::now());
            let began = Instant::now();
            let claimed = store.claim_after(vec![to], &lanes, Now::read()).await.unwrap();
            times.push(began.elapsed());
            busy.extend(claimed);
        }
        times.sort();
        times[times.len() / 2]
    })
}
