//! The wire to a server, driven by the thread that waits for an answer.
//!
//! Over a network, an answer takes longer than most statements do. So what needs no answer is sent together with what comes next
//! (pipelining, see "Pipelining" in PostgreSQL's "Message Flow"): the server runs it in the same order, and what fails fails all
//! that comes after it in the transaction.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, CopyOutStream, Error, Row, Socket};

use super::Prepared;
use super::server::{Purpose, Started};
use super::value::Given;
use crate::store::StoreError;

/// So many statements are sent at most before their answers are read: until then, they have to be kept.
const AHEAD: usize = 512;
/// A runtime looks at its sockets between two tasks, and wakes the connection's task if something has arrived.
const YIELDS: usize = 3;
/// A server ends a statement that takes too long. It isn't there any more if it doesn't say so within this time.
const SAYS_SO: Duration = Duration::from_secs(1);
/// How long a server may take to hear that a connection ends.
const GOODBYE: Duration = Duration::from_secs(1);

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// What was sent, and not answered yet.
enum Sent {
    /// How many rows it changes
    Write(Answer<u64>),
    /// A query whose answer is wanted later
    Look(Arc<Asked>, Answer<Vec<Row>>),
}

/// A query with its values.
struct Asked {
    query: Arc<Prepared>,
    given: Vec<Given<'static>>,
}

impl Asked {
    fn is(&self, query: &Arc<Prepared>, given: &[Given<'_>]) -> bool {
        Arc::ptr_eq(&self.query, query) && self.given == given
    }
}

/// A connection's wire.
///
/// A network that was cut is noticed by TCP, but it also says that a server is there whose processes have stopped. So this gives up
/// a server that doesn't answer, or whose place another one has taken.
pub(super) struct Link {
    runtime: Runtime,
    client: Arc<Client>,
    connection: JoinHandle<()>,
    sent: RefCell<Vec<Sent>>,
    /// What was asked ahead, and nobody has asked for yet
    found: RefCell<Vec<(Arc<Asked>, Vec<Row>)>>,
    /// For how long an answer is waited for,
    patience: Cell<Option<Duration>>,
    /// and that of a commit
    commits_within: Option<Duration>,
    /// The server, and which one has its place
    server: Option<(Started, watch::Receiver<Option<Started>>)>,
    given_up: Cell<bool>,
}

impl Link {
    /// Connects to a server within `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub(super) fn connect<T>(config: &Config, tls: T, limit: Duration, purpose: Purpose) -> Result<Self, StoreError>
    where
        T: MakeTlsConnect<Socket, Stream: Send + 'static>,
    {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Database(format!("no connection: {error}")))?;
        let connected = runtime.block_on(async { timeout(limit, config.connect(tls)).await });
        let (client, connection) = connected.map_err(|_| no_answer())??;
        // Whoever asks next hears how it ended.
        let connection = runtime.spawn(async { drop(connection.await) });
        Ok(Self {
            runtime,
            client: Arc::new(client),
            connection,
            sent: RefCell::default(),
            found: RefCell::default(),
            patience: Cell::new(Some(purpose.patience() + SAYS_SO)),
            commits_within: purpose.commits_within().map(|limit| limit + SAYS_SO),
            server: None,
            given_up: Cell::new(false),
        })
    }

    /// Gives the server up as soon as another one is in force.
    pub(super) fn leave_with(&mut self, started: Started, in_force: watch::Receiver<Option<Started>>) {
        self.server = Some((started, in_force));
    }

    /// Waits for each answer for as long as it takes.
    pub(super) fn wait_without_end(&self) {
        self.patience.set(None);
    }

    /// Asks, and waits for the answers to all that was sent. Returns how many rows the
    /// earlier writes changed, and this answer.
    pub(super) fn ask<T>(&self, ask: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<(u64, T), StoreError> {
        self.ask_within(self.patience.get(), ask)
    }

    /// The same for what commits.
    pub(super) fn commit<T>(&self, ask: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<(u64, T), StoreError> {
        self.ask_within(self.commits_within, ask)
    }

    fn ask_within<T>(
        &self,
        limit: Option<Duration>,
        ask: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<(u64, T), StoreError> {
        let sent = self.sent.take();
        if self.given_up.get() {
            return Err(no_answer());
        }
        let answers = async {
            let mut changed = 0;
            for sent in sent {
                match sent {
                    Sent::Write(answer) => changed += answer.await?,
                    Sent::Look(asked, answer) => {
                        let rows = answer.await?;
                        self.found.borrow_mut().push((asked, rows));
                    }
                }
            }
            Ok::<_, Error>(changed)
        };
        let answers = async { tokio::join!(answers, ask(&self.client)) };
        let (before, value) = self.runtime.block_on(async {
            tokio::select! {
                biased;
                answers = answers => Ok(answers),
                () = self.no_answer_within(limit) => Err(no_answer()),
                () = self.is_replaced() => Err(StoreError::Database("another server has taken its place".to_owned())),
            }
            .inspect_err(|_| self.given_up.set(true))
        })?;
        Ok((before?, value?))
    }

    async fn no_answer_within(&self, limit: Option<Duration>) {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    }

    async fn is_replaced(&self) {
        if let Some((started, in_force)) = &self.server {
            let is_another = |known: &Option<Started>| known.as_ref().is_some_and(|known| known != started);
            if in_force.clone().wait_for(is_another).await.is_ok() {
                return;
            }
        }
        std::future::pending().await
    }

    /// Sends what changes something. Its answer comes with the next one.
    pub(super) fn send(&self, statement: Arc<Prepared>, given: Vec<Given<'static>>) -> Result<(), Error> {
        let client = Arc::clone(&self.client);
        let answer = async move { client.execute(&statement.statement, &pointers(&given)).await };
        self.begin(Box::pin(answer), Sent::Write)
    }

    /// The same for a statement without parameters.
    pub(super) fn send_bare(&self, sql: &'static str) -> Result<(), Error> {
        let client = Arc::clone(&self.client);
        self.begin(Box::pin(async move { client.batch_execute(sql).await.map(|()| 0) }), Sent::Write)
    }

    /// Sends a query whose answer is wanted later.
    pub(super) fn look(&self, query: Arc<Prepared>, given: Vec<Given<'static>>) -> Result<(), Error> {
        let (client, asked) = (Arc::clone(&self.client), Arc::new(Asked { query, given }));
        let own = Arc::clone(&asked);
        let answer = async move { client.query(&own.query.statement, &pointers(&own.given)).await };
        self.begin(Box::pin(answer), |answer| Sent::Look(asked, answer))
    }

    /// What a query found that was asked ahead.
    pub(super) fn looked(&self, query: &Arc<Prepared>, given: &[Given<'_>]) -> Option<Vec<Row>> {
        let mut found = self.found.borrow_mut();
        let place = found.iter().position(|(asked, _)| asked.is(query, given))?;
        Some(found.swap_remove(place).1)
    }

    /// Whether the answer to a query is under way.
    pub(super) fn looks(&self, query: &Arc<Prepared>, given: &[Given<'_>]) -> bool {
        self.sent.borrow().iter().any(|sent| matches!(sent, Sent::Look(asked, _) if asked.is(query, given)))
    }

    /// Forgets what was asked ahead: a write may have changed it.
    pub(super) fn forget_looks(&self) {
        self.found.borrow_mut().clear();
        self.sent.borrow_mut().retain(|sent| matches!(sent, Sent::Write(_)));
    }

    /// Forgets all that was sent: the server still runs it, and nobody hears how it went.
    pub(super) fn forget(&self) {
        self.found.borrow_mut().clear();
        self.sent.borrow_mut().clear();
    }

    /// Whether so much was sent that it has to be answered now.
    pub(super) fn is_full(&self) -> bool {
        self.sent.borrow().len() >= AHEAD
    }

    /// Whether the server is known to be gone.
    pub(super) fn is_closed(&self) -> bool {
        self.given_up.get() || self.client.is_closed()
    }

    /// Notices whether the server has gone since it was asked last.
    pub(super) fn look_around(&self) {
        self.runtime.block_on(async {
            for _ in 0..YIELDS {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Reads what a `COPY … TO STDOUT` gives.
    pub(super) fn reader(&self, given: CopyOutStream) -> impl Read {
        Reader { link: self, given: Box::pin(given), part: Bytes::new() }
    }

    /// Says goodbye to the server.
    pub(super) fn close(self) {
        let Self { runtime, client, connection, sent, .. } = self;
        drop((sent, client));
        // It can't fail; and a server that hears nothing notices by itself.
        drop(runtime.block_on(async { timeout(GOODBYE, connection).await }));
    }

    /// Has the client send a request, which it does when its future is polled first.
    fn begin<T>(&self, mut answer: Answer<T>, sent: impl FnOnce(Answer<T>) -> Sent) -> Result<(), Error> {
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer.map(drop),
            Poll::Pending => {
                self.sent.borrow_mut().push(sent(answer));
                Ok(())
            }
        }
    }
}

fn no_answer() -> StoreError {
    StoreError::Database("the server doesn't answer".to_owned())
}

/// The parts of a copy, one after another.
struct Reader<'l> {
    link: &'l Link,
    given: Pin<Box<CopyOutStream>>,
    part: Bytes,
}

impl Read for Reader<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.link.runtime.block_on(self.given.next()) {
                Some(part) => self.part = part.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let length = to.len().min(self.part.len());
        self.part.copy_to_slice(&mut to[..length]);
        Ok(length)
    }
}

/// Values as a client takes them.
pub(super) fn pointers<'g>(given: &'g [Given<'_>]) -> Vec<&'g (dyn ToSql + Sync)> {
    given.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}
