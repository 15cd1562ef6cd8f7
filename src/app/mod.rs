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
mod reload;
mod sweeper;

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;

use jiff::Timestamp;
use notify::RecommendedWatcher;
use secrecy::SecretSlice;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use self::apis::Apis;
use self::field_names::FieldNames;
use self::members::Roster;
use self::owner_mail::OwnerMail;
use self::reload::{Loader, existing, report, watch};
use self::sweeper::Sweeper;
use crate::api;
use crate::api::slack::Slack;
use crate::channel::{self, Channels, Names};
use crate::compose::Rulebook;
use crate::config::Config;
use crate::dispatch::Dispatcher;
use crate::http::{self, Entrance, Gauge, Hooks, Part, Web};
use crate::intake::{Fresh, Intake, Sending};
use crate::metrics::Metrics;
use crate::mute::Linker;
use crate::recover::Recovery;
use crate::reply::{AnswerHandler, Inbox};
use crate::repository::Work;
use crate::rule::RepositoryFile;
use crate::slack::Desk;
use crate::source::{Settings, SharedFields, host_of};
use crate::store::{Lanes, Store, StoreError, Written};
use crate::summary::{self, Pages, Summariser};
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
        let tracer = tracer(&config, &key).await?;
        let listener = bind(config.listen).await?;
        let address = listener.local_addr().unwrap_or(config.listen);
        let metrics = Arc::new(Metrics::default());
        store.last_heard().await?.into_iter().for_each(|(source, at)| metrics.heard(source, at));
        let (stored, reload) = (Arc::default(), Arc::<Notify>::default());
        let (stop, stopped) = watch::channel(false);
        let console = console::listener(&config).await?;
        let console_address = console.as_ref().map(|(_, address)| *address);
        let links = Arc::new(Linker::new(public_url(&config, address), key.clone()));
        let kept = Arc::new(repository_files(&config, &store).await?);
        let (rules, rulebook) = watch::channel(first_rulebook((&config, &store), &kept, &links, &metrics).await?);
        let (files, repositories) = watch::channel(kept);
        let mut tasks = JoinSet::new();
        let settings = settings(&config);
        let apis = Apis::new(&config, &settings).await?;
        let roster = Roster::new(apis.github.clone());
        let field_names = FieldNames::new(apis.jira.clone(), settings.fields.clone());
        field_names.read_for(&rulebook.borrow());
        let recovery = apis.recovery((&config, &settings), &store, &metrics);
        let (resume, resumed) = watch::channel(recovery.is_some().then(Timestamp::now));
        let (renamings, renamed) = mpsc::unbounded_channel();
        let owners = OwnerMail { channels: Arc::clone(&channels), rulebook: rulebook.clone(), renamings: renamed };
        let (lanes, (claims, claimed)) = (Lanes::default(), mpsc::unbounded_channel());
        let mut intake = Intake {
            store: store.clone(),
            sending: Some(Sending { lanes: lanes.clone(), claims }),
            enricher: apis.enricher(&settings),
            settings,
            tell_authors: config.tell_authors,
            rulebook,
            resumed,
            metrics: Arc::clone(&metrics),
            tracer: tracer.clone(),
            stored,
            fresh: Arc::new(Fresh::default()),
            renamings,
            touched: Vec::new(),
        };
        if let Some(rule_files) = apis.rule_files(&config, &mut intake, files) {
            spawn(&mut tasks, "rule files", rule_files.run(stopped.clone()));
        }
        for pull_requests in apis.pull_requests(&config, &mut intake) {
            let name = if pull_requests.work == Work::Check { "check runs" } else { "nudges" };
            spawn(&mut tasks, name, pull_requests.run(stopped.clone()));
        }
        if let Some(recovery) = recovery {
            let stored = Arc::clone(&intake.stored);
            spawn(&mut tasks, "recovery", recovery.run(resume, stored, stopped.clone()));
        } else {
            // Fetched deliveries that are kept only while an API can be asked.
            store.let_go(Timestamp::now()).await?;
        }
        let summariser = Summariser {
            gatherer: summaries(&config, &store, console_address.unwrap_or(address)),
            rulebook: intake.rulebook.clone(),
            everybody: config.summary.clone(),
            resumed: intake.resumed.clone(),
            metrics: Arc::clone(&metrics),
            stored: Arc::clone(&intake.stored),
        };
        let answers = Arc::new(answers((&config, apis.slack.as_ref()), &intake, &links));
        if let Some(replies) = config.channels.email.as_ref().and_then(|email| email.replies.clone()) {
            let inbox = Inbox::new(replies, Arc::clone(&links), Arc::clone(&answers));
            spawn(&mut tasks, "inbox", inbox.run(stopped.clone()));
        }
        let shown_at = (&config, console_address.unwrap_or(address));
        let entrance = console::entrance(shown_at, &intake, (&channels, &lanes), &key).await?;
        if let Some(console) = entrance.as_ref().map(|entrance| Arc::clone(&entrance.console)) {
            let stop = stopped.clone();
            spawn(&mut tasks, "tally", async move { console.count(stop).await });
        }
        let subscribed = Arc::<Notify>::default();
        let (follower, subscriptions) = reload::follow(&rules.borrow(), (&store, &subscribed));
        spawn(&mut tasks, "subscriptions", follower.run(stopped.clone()));
        let desk = desk((&config, apis.slack.as_ref()), &intake, (&links, &answers, &subscribed));
        let web = Arc::new(web((&config, entrance), &intake, Arc::clone(&links), (answers, desk)));
        let (first, told) = oneshot::channel();
        let stopped_intake = stopped.clone();
        spawn(&mut tasks, "intake", async move {
            // Members' own actions aren't news, so members are looked up first, and the names of fields. Intake starts even
            // if that fails.
            let (Ok(()) | Err(_)) = told.await;
            intake.run(stopped_intake).await;
        });
        let finder = Arc::new(apis.finder(&config, &store));
        let (channels, counted) = (Arc::clone(&channels), Arc::clone(&metrics));
        let counted = (counted, tracer.clone());
        let dispatcher = Dispatcher::new((store.clone(), lanes), channels, counted, (links, finder));
        spawn(&mut tasks, "dispatch", dispatcher.run(claimed, stopped.clone()));
        spawn(&mut tasks, "owners", owners.run(stopped.clone()));
        spawn(&mut tasks, "summaries", summariser.run(stopped.clone()));
        spawn(&mut tasks, "sweeper", Sweeper::new(store.clone(), config.keep).run(stopped.clone()));
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
        let watcher = watch(&existing([&config.rules, &config.templates]), &reload);
        let loader = Loader { config, rules, repositories, metrics, roster, field_names, subscriptions };
        spawn(&mut tasks, "reload", loader.run(Arc::clone(&reload), stopped, first));
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
    if let Some(folder) = config.store.parent().filter(|folder| !folder.as_os_str().is_empty()) {
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
fn answers((config, slack): (&Config, Option<&Arc<Slack>>), intake: &Intake, links: &Arc<Linker>) -> AnswerHandler {
    let hears = config.channels.slack().is_some_and(|slack| slack.signing_secret.is_some());
    let slack = slack.filter(|_| hears).cloned();
    let (store, people) = (intake.store.clone(), config.channels.people.clone());
    let (rulebook, stored) = (intake.rulebook.clone(), Arc::clone(&intake.stored));
    AnswerHandler { store, people, slack, rulebook, links: Arc::clone(links), stored }
}

/// What people can ask for in Slack, if Slack's requests can be told from others'.
fn desk(
    (config, slack): (&Config, Option<&Arc<Slack>>),
    intake: &Intake,
    (links, answers, subscribed): (&Arc<Linker>, &Arc<AnswerHandler>, &Arc<Notify>),
) -> Option<Desk> {
    let settings = config.channels.slack()?;
    let (secret, api) = (settings.signing_secret.clone()?, Arc::clone(slack?));
    Some(Desk {
        store: intake.store.clone(),
        rulebook: intake.rulebook.clone(),
        secret,
        api,
        people: config.channels.people.clone(),
        links: Arc::clone(links),
        answers: Arc::clone(answers),
        tell_authors: config.tell_authors,
        subscribing: settings.subscribe,
        available: config.channels.available(),
        subscribed: Arc::clone(subscribed),
        playground: config.access.as_ref().and_then(|access| access.public_url.clone()),
    })
}

fn web(
    (config, entrance): (&Config, Option<Entrance>),
    intake: &Intake,
    links: Arc<Linker>,
    (answers, desk): (Arc<AnswerHandler>, Option<Desk>),
) -> Web {
    Web {
        store: intake.store.clone(),
        github_secrets: config.github_secrets.clone(),
        jira_secrets: config.jira_secrets.clone(),
        answers,
        desk: desk.map(Arc::new),
        settings: intake.settings.clone(),
        metrics: Arc::clone(&intake.metrics),
        gauge: Gauge::default(),
        tracer: intake.tracer.clone(),
        hooks: Hooks::default(),
        stored: Arc::clone(&intake.stored),
        fresh: Arc::clone(&intake.fresh),
        touched: intake.touched.clone(),
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
