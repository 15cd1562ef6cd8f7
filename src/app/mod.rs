//! The running service: which tasks there are, how it notices changed files, how it stops.
//!
//! Changes of files are debounced by hand (`calm`), since `notify-debouncer-full` passes each change on after a fixed time,
//! whether or not other files still change: a checkout would be read half-way, and owners would get mail about rules that are
//! only half written.

mod apis;
mod console;
mod field_names;
mod members;
mod open_files;
mod owner_mail;
mod planner;
mod reload;
mod sweeper;

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use notify::RecommendedWatcher;
use secrecy::SecretSlice;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use self::apis::Apis;
use self::field_names::FieldNames;
use self::members::Roster;
use self::planner::Planner;
use self::reload::{Loader, existing, report, watch};
use crate::api;
use crate::api::slack::Slack;
use crate::channel::{self, Channels, Names};
use crate::compose::Rulebook;
use crate::config::Config;
use crate::dispatch::Dispatcher;
use crate::http::{self, Entrance, Gauge, Hooks, Part, Web};
use crate::intake::Fresh;
use crate::metrics::Metrics;
use crate::mute::Linker;
use crate::recover::Recovery;
use crate::reply::AnswerHandler;
use crate::rule::RepositoryFile;
use crate::slack::Desk;
use crate::source::{Settings, SharedFields, host_of};
use crate::store::{Lanes, Store, StoreError, Written};
use crate::summary::{self, Pages};
use crate::telemetry::Tracer;

/// Why the service can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or doesn't belong to this machine
    #[error("cannot listen on {address}: {reason}; is another service there?")]
    Listen {
        /// `[server] listen`
        address: SocketAddr,
        /// What the system says
        reason: std::io::Error,
    },
    /// The store can't be opened
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The clients for GitHub and Jira can't be created
    #[error("{0}")]
    Client(String),
    /// The folder of the store can't be created
    #[error("cannot create the folder `{path}`: {reason}")]
    Folder {
        /// The folder
        path: String,
        /// What the system says
        reason: std::io::Error,
    },
}

/// The running service.
pub struct App {
    /// Where it listens
    pub address: SocketAddr,
    /// Where the console does, if it has an address of its own
    pub console: Option<SocketAddr>,
    /// Its store
    pub store: Store,
    tasks: JoinSet<&'static str>,
    written: Written,
    tracer: Option<Arc<Tracer>>,
    stop: watch::Sender<bool>,
    reload: Arc<Notify>,
    _watcher: Option<RecommendedWatcher>,
}

/// What most parts of the service work with.
#[derive(Clone)]
struct Common {
    config: Arc<Config>,
    store: Store,
    /// The rules and templates in force
    rulebook: watch::Receiver<Arc<Rulebook>>,
    /// How payloads are read
    settings: Settings,
    metrics: Arc<Metrics>,
    /// What sends spans to the collector, if there is one
    tracer: Option<Arc<Tracer>>,
    /// Notified when a delivery was stored
    stored: Arc<Notify>,
    /// What stored deliveries say
    fresh: Arc<Fresh>,
    links: Arc<Linker>,
}

impl App {
    /// Starts the service. Broken team files are reported and left out; the rest runs.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(config: Config) -> Result<Self, StartError> {
        prepare(&config)?;
        let (store, written) = Store::serve(&config.store, Timestamp::now()).await?;
        let key = store.link_key().await?;
        let channels = Arc::new(Channels::new(config.channels.clone(), Names::new(&key)));
        let listener = bind(config.listen).await?;
        let address = listener.local_addr().unwrap_or(config.listen);
        let metrics = Arc::new(Metrics::default());
        store.last_heard().await?.into_iter().for_each(|(source, at)| metrics.heard(source, at));
        let (stop, stopped) = watch::channel(false);
        let console = console::listener(&config).await?;
        let console_address = console.as_ref().map(|(_, address)| *address);
        let links = Arc::new(Linker::new(public_url(&config, address), key.clone()));
        let kept = Arc::new(repository_files(&config, &store).await?);
        let (rules, rulebook) = watch::channel(first_rulebook((&config, &store), &kept, &links, &metrics).await?);
        let (files, repositories) = watch::channel(kept);
        let settings = settings(&config);
        let apis = Apis::new(&config, &settings).await?;
        let common = Common {
            tracer: tracer(&config, &key).await?,
            config: Arc::new(config),
            store,
            rulebook,
            settings,
            metrics,
            stored: Arc::default(),
            fresh: Arc::default(),
            links,
        };
        let Common { config, store, rulebook, settings, metrics, tracer, links, .. } = &common;
        let mut tasks = JoinSet::new();
        let roster = Roster::new(apis.github.clone());
        let field_names = FieldNames::new(apis.jira.clone(), settings.fields.clone());
        field_names.read_for(&rulebook.borrow());
        let (lanes, (claims, claimed)) = (Lanes::of(store), mpsc::unbounded_channel());
        let answers = Arc::new(answers(&common, apis.slack.as_ref()));
        let shown_at = console_address.unwrap_or(address);
        let entrance = console::entrance(&common, shown_at, (&channels, &lanes), &key).await?;
        if let Some(console) = entrance.as_ref().map(|entrance| Arc::clone(&entrance.console)) {
            let stop = stopped.clone();
            spawn(&mut tasks, "tally", async move { console.count(stop).await });
        }
        let subscribed = Arc::<Notify>::default();
        let followed = (config.teams_allowed.is_empty(), files.clone());
        let (follower, subscriptions) = reload::follow(&rules.borrow(), (store, &subscribed), followed);
        spawn(&mut tasks, "changes by others", follower.run(stopped.clone()));
        let desk = desk(&common, apis.slack.as_ref(), (&answers, &subscribed));
        let web = Arc::new(web(&common, entrance, (Arc::clone(&answers), desk)));
        let finder = Arc::new(apis.finder(config, store));
        let counted = (Arc::clone(metrics), tracer.clone());
        let linked = (Arc::clone(links), finder);
        let dispatcher = Dispatcher::new((store.clone(), lanes.clone()), Arc::clone(&channels), counted, linked);
        spawn(&mut tasks, "dispatch", dispatcher.run(claimed, stopped.clone()));
        let (first, looked_up) = watch::channel(());
        let planner = Planner {
            common: common.clone(),
            apis,
            channels,
            answers,
            lanes,
            claims,
            files,
            console: shown_at,
            looked_up,
        };
        spawn(&mut tasks, "planning", planner.run(stopped.clone()));
        let mut connections = open_files::connections();
        let part = if console.is_some() { Part::Service } else { Part::All };
        if let Some((listener, _)) = console {
            // Few people look at it, and webhooks don't wait for them.
            let few = connections / 8;
            connections -= few;
            let shown = http::serve(listener, (Arc::clone(&web), Part::Console), few, stopped.clone());
            spawn(&mut tasks, "console", shown);
        }
        spawn(&mut tasks, "http", http::serve(listener, (web, part), connections, stopped.clone()));
        let reload = Arc::<Notify>::default();
        let watcher = watch(&existing([&config.rules, &config.templates]), &reload);
        let loader = Loader { common: common.clone(), rules, repositories, roster, field_names, subscriptions };
        spawn(&mut tasks, "reload", loader.run(Arc::clone(&reload), stopped, first));
        let Common { store, tracer, .. } = common;
        Ok(Self { address, console: console_address, store, tasks, written, tracer, stop, reload, _watcher: watcher })
    }

    /// Reads rules and templates again.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Waits until a part of the service ends by itself, which is always a fault, and says which.
    pub async fn failed(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(Ok(name)) => format!("{name} ended"),
            Some(Err(error)) => format!("a part of the service failed: {error}"),
            None => "nothing is running".to_owned(),
        }
    }

    /// Stops: takes no new requests, finishes what is under way, and puts everything on disk.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        drop(self.store);
        if let Some(tracer) = self.tracer {
            // It waits for the collector, for a moment.
            if let Err(error) = tokio::task::spawn_blocking(move || tracer.stop()).await {
                tracing::error!(%error, "the last spans could not be sent");
            }
        }
        if let Err(error) = self.written.await {
            tracing::error!(%error, "the store's writer failed");
        }
    }
}

/// Creates the folder of the store, which nobody else may look into, and logs where mail goes without a mail server.
fn prepare(config: &Config) -> Result<(), StartError> {
    if let Some(folder) = config.store.file().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|reason| StartError::Folder { path: folder.display().to_string(), reason })?;
    }
    if config.channels.email.as_ref().is_none_or(|email| email.smtp.is_none()) {
        let folder = config.channels.mailbox.display();
        tracing::info!(%folder, "mail is written to this folder, not sent: `[email] smtp` is not set");
    }
    Ok(())
}

/// What sends spans to the collector, if there is one.
async fn tracer(config: &Config, key: &SecretSlice<u8>) -> Result<Option<Arc<Tracer>>, StartError> {
    let Some(otlp) = &config.otlp else { return Ok(None) };
    let client = channel::http_client(api::DEADLINE).await.map_err(StartError::Client)?;
    Ok(Some(Arc::new(Tracer::start(otlp, client, key).map_err(StartError::Client)?)))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|reason| StartError::Listen { address, reason })
}

fn spawn(tasks: &mut JoinSet<&'static str>, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
    tasks.spawn(async move {
        task.await;
        name
    });
}

/// The settings for reading payloads, from the configuration.
#[must_use]
pub fn settings(config: &Config) -> Settings {
    Settings {
        jira_projects: config.jira_projects.clone(),
        jira_base_url: config.jira_base_url.clone(),
        github_host: config.channels.github.as_ref().and_then(|api| host_of(api.url.as_str())),
        boards: Arc::new(config.boards.clone()),
        fields: SharedFields::new(config.jira_due.clone()),
    }
}

/// The settings for reading payloads for these rules.
#[must_use]
pub fn settings_for(config: &Config, rulebook: &Rulebook) -> Settings {
    let settings = settings(config);
    settings.fields.ask(rulebook.rules().fields());
    settings
}

/// The recovery of webhooks that did not arrive, if there is access to an API.
///
/// # Errors
/// [`StartError::Client`]
pub async fn recovery(config: &Config, store: &Store) -> Result<Option<Recovery>, StartError> {
    let settings = settings(config);
    let apis = Apis::new(config, &settings).await?;
    let (mut field_names, rulebook) =
        (FieldNames::new(apis.jira.clone(), settings.fields.clone()), Rulebook::load(config, None));
    field_names.read_for(&rulebook);
    if field_names.is_new(&rulebook) {
        field_names.next(&rulebook).await;
    }
    Ok(apis.recovery((config, &settings), store, &Arc::default()))
}

/// What summaries of what moved are made from. Their links lead to the console if it has an address for others.
#[must_use]
pub fn summaries(config: &Config, store: &Store, address: SocketAddr) -> summary::Gatherer {
    let console = config.access.as_ref().and_then(|access| access.public_url.as_deref());
    let console = console.map(|url| at_port(url, address).trim_end_matches('/').to_owned());
    summary::Gatherer { store: store.clone(), pages: Pages { console, jira: config.jira_base_url.clone() } }
}

/// The beginning of links in messages. A port of 0 stands for the port that the service listens on.
fn public_url(config: &Config, address: SocketAddr) -> Option<String> {
    config.public_url.as_deref().map(|url| at_port(url, address))
}

/// An address in a browser, at the port that the service listens on if it has none.
fn at_port(url: &str, address: SocketAddr) -> String {
    url.strip_suffix(":0").map_or_else(|| url.to_owned(), |host| format!("{host}:{}", address.port()))
}

/// The handler for what people answer.
fn answers(common: &Common, slack: Option<&Arc<Slack>>) -> AnswerHandler {
    let Common { config, store, rulebook, links, stored, .. } = common.clone();
    let hears = config.channels.slack().is_some_and(|slack| slack.signing_secret.is_some());
    let slack = slack.filter(|_| hears).cloned();
    AnswerHandler { store, people: config.channels.people.clone(), slack, rulebook, links, stored }
}

/// What people can ask for in Slack, if Slack's requests can be told from others'.
fn desk(
    common: &Common,
    slack: Option<&Arc<Slack>>,
    (answers, subscribed): (&Arc<AnswerHandler>, &Arc<Notify>),
) -> Option<Desk> {
    let Common { config, store, rulebook, links, .. } = common.clone();
    let settings = config.channels.slack()?;
    let (secret, api) = (settings.signing_secret.clone()?, Arc::clone(slack?));
    Some(Desk {
        store,
        rulebook,
        secret,
        api,
        people: config.channels.people.clone(),
        links,
        answers: Arc::clone(answers),
        tell_authors: config.tell_authors,
        subscribing: settings.subscribe,
        available: config.channels.available(),
        subscribed: Arc::clone(subscribed),
        playground: config.access.as_ref().and_then(|access| access.public_url.clone()),
    })
}

fn web(common: &Common, entrance: Option<Entrance>, (answers, desk): (Arc<AnswerHandler>, Option<Desk>)) -> Web {
    let Common { config, store, settings, metrics, tracer, stored, fresh, links, .. } = common.clone();
    Web {
        store,
        github_secrets: config.github_secrets.clone(),
        jira_secrets: config.jira_secrets.clone(),
        answers,
        desk: desk.map(Arc::new),
        settings,
        metrics,
        gauge: Gauge::default(),
        tracer,
        hooks: Hooks::default(),
        stored,
        fresh,
        large: Semaphore::new(1),
        tell_authors: config.tell_authors,
        links,
        entrance,
    }
}

/// The team files of repositories, as they were read last, of those that may have one.
///
/// # Errors
/// [`StoreError`]
pub async fn repository_files(config: &Config, store: &Store) -> Result<Vec<RepositoryFile>, StoreError> {
    if config.teams_allowed.is_empty() {
        return Ok(Vec::new());
    }
    let mut files = store.repository_files().await?;
    files.retain(|file| config.teams_allowed.names(&file.repo));
    Ok(files)
}

/// The rules and templates that the service starts with. Logs what is broken, and what they lack without access to an API.
async fn first_rulebook(
    (config, store): (&Config, &Store),
    repositories: &Arc<Vec<RepositoryFile>>,
    links: &Arc<Linker>,
    metrics: &Metrics,
) -> Result<Arc<Rulebook>, StartError> {
    let rulebook = Rulebook::load_with(config, Arc::clone(repositories), None).with_links(Arc::clone(links));
    let rulebook = rulebook.with_subscriptions(store.subscriptions().await?, &config.channels.available());
    report(&rulebook, metrics);
    for sentence in rulebook.rules().without(config.channels.github.is_some(), config.asks_jira()) {
        tracing::info!("{sentence}");
    }
    Ok(Arc::new(rulebook))
}
