//! The HTTP server. warp routes and replies (`routes`), and hyper reads the wire.
//!
//! The accept loop is hand-written because warp's server sets no time limit on a half-sent header, no limit on the
//! number of connections, and panics when it can't bind. Here a slow client is cut off, and so are those that take up the
//! room of others (`admission`).

mod admission;
mod body;
mod console;
mod gauge;
mod hooks;
mod mute;
mod object;
mod page;
mod routes;
mod slack;
mod webhook;

pub use console::Entrance;
pub use gauge::Gauge;
pub use hooks::Hooks;
pub use routes::{INSIDE, OUTSIDE};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use warp::Filter as _;

use self::admission::{Admission, Room, behind_proxy};
use crate::config::TellAuthors;
use crate::event::Source;
use crate::intake::Fresh;
use crate::metrics::Metrics;
use crate::mute::Linker;
use crate::reply::AnswerHandler;
use crate::slack::Desk;
use crate::source::Settings;
use crate::store::Store;
use crate::telemetry::Tracer;

/// The time for a request's headers, on a new connection and on one that is kept alive.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// What one connection reads ahead, headers included.
const READ_AHEAD: usize = 64 * 1024;
/// Bytes of bodies in memory at a time.
const BYTES: usize = 64 * 1024 * 1024;
/// How long requests have to finish when the service stops.
const LAST_REQUESTS: Duration = Duration::from_secs(6);

/// What the routes need.
pub struct Web {
    /// Where deliveries are stored
    pub store: Store,
    /// The secrets of GitHub's deliveries, any one of which is enough
    pub github_secrets: Vec<SecretString>,
    /// The secrets of Jira's deliveries, any one of which is enough
    pub jira_secrets: Vec<SecretString>,
    /// Handles what people answer to assumptions
    pub answers: Arc<AnswerHandler>,
    /// Does what people ask for in Slack, if what Slack sends is accepted
    pub desk: Option<Arc<Desk>>,
    /// How payloads are read
    pub settings: Settings,
    /// The metrics
    pub metrics: Arc<Metrics>,
    /// Asks the store for those that it knows
    pub gauge: Gauge,
    /// Tells the collector of requests, if there is one
    pub tracer: Option<Arc<Tracer>>,
    /// The hooks that send to us
    pub hooks: Hooks,
    /// Notified when a delivery was stored
    pub stored: Arc<Notify>,
    /// What stored deliveries say
    pub fresh: Arc<Fresh>,
    /// Large bodies are read one at a time
    pub large: Semaphore,
    /// Where authors of assumptions are told how teams reacted
    pub tell_authors: TellAuthors,
    /// Reads the links in messages
    pub links: Arc<Linker>,
    /// The console, if it is shown
    pub entrance: Option<Entrance>,
}

impl Web {
    fn secrets(&self, source: Source) -> &[SecretString] {
        match source {
            Source::Github => &self.github_secrets,
            Source::Jira => &self.jira_secrets,
        }
    }
}

/// What is at an address that the service listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything
    All,
    /// Everything but the console, which is elsewhere
    Service,
    /// The console alone
    Console,
}

/// The client's address, from the socket.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);

/// Turns true when the service stops: an answer without an end ends then.
#[derive(Debug, Clone)]
struct Stopping(watch::Receiver<bool>);

/// Serves so many connections at a time until `stop` turns true, then lets what is under way end.
pub async fn serve(
    listener: TcpListener,
    (web, part): (Arc<Web>, Part),
    connections: usize,
    mut stop: watch::Receiver<bool>,
) {
    let metrics = Arc::clone(&web.metrics);
    let routes = TowerToHyperService::new(warp::service(routes::all(web, part).recover(routes::refuse)));
    let graceful = GracefulShutdown::new();
    let admission = Admission::new(Room { connections, bytes: BYTES });
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let place = tokio::select! {
            place = admission.enter(peer.ip()) => Arc::new(place),
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (routes, metrics, own) = (routes.clone(), Arc::clone(&metrics), Arc::clone(&place));
        let stopping = stop.clone();
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            if let Some(client) = behind_proxy(peer.ip(), request.headers()) {
                own.comes_from(client);
            }
            if request.body().is_end_stream() {
                own.received();
            }
            let place = Arc::clone(&own);
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(Stopping(stopping.clone()));
            request.extensions_mut().insert(Arc::clone(&place));
            let answer = routes.call(request);
            async move {
                let answer = answer.await;
                place.answered();
                answer
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_WITHIN)
            .max_headers(100)
            .max_buf_size(READ_AHEAD)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended early");
                    }
                }
                () = place.lost() => metrics.cut_off(),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(LAST_REQUESTS, graceful.shutdown()).await.is_err() {
        tracing::warn!("some clients did not finish their requests in time");
    }
}

/// Accepts the next connection. Errors are either the client's (it hung up) or temporary (too many open files), so they
/// don't end the service.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Responses are small and written at once, so waiting to fill a packet would only add delay.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return (stream, peer);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
