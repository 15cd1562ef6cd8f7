//! The console: what was said, to whom, and why. A page has the same data as its endpoint below `/api/v1`, reads without
//! JavaScript, and asks nobody else for anything. [`crate::http`] decides who comes in.

mod access;
mod activity;
mod answer;
mod api;
mod assumptions;
mod audit;
mod card;
mod conversation;
mod deliveries;
mod destinations;
mod event;
mod event_page;
mod lines;
mod live;
mod map;
mod mute;
mod numbers;
mod page;
mod playground;
mod redact;
mod request;
mod retry;
mod sight;
mod sought;
mod tally;
mod team;
mod teams;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use tokio::sync::{Semaphore, watch};

pub use self::access::{Action, Arrival, Cookies, FormToken, Gate, Login, NotLoggedIn, Role, Stranger, Via, Visitor};
pub use self::answer::{Answer, Live, LiveEvent, Refused};
use self::api::Api;
use self::numbers::Counter;
pub use self::page::{asset, logout, outside};
use self::playground::Playground;
pub use self::request::Asked;
use self::tally::Tallies;
use crate::channel::Channels;
use crate::compose::Rulebook;
use crate::source::Settings;
use crate::store::{Change, Lanes, Store};

/// The paths of the console; what ends with `/` stands for all below it.
pub const PATHS: [&str; 17] = [
    "/",
    "/events/",
    "/conversations/",
    "/deliveries",
    "/assumptions",
    "/teams",
    "/teams/",
    "/playground",
    "/playground/",
    "/map",
    "/map.csv",
    "/api/v1/",
    "/assets/",
    "/login",
    "/login/done",
    "/logout",
    "/audit",
];

/// What pages read.
pub struct Console {
    /// What happened
    pub store: Store,
    /// The rules and templates in force
    pub rulebook: watch::Receiver<Arc<Rulebook>>,
    /// How messages look in each channel
    pub channels: Arc<Channels>,
    /// How payloads are read
    pub settings: Settings,
    /// Room for streams of what is new
    streams: Arc<Semaphore>,
    /// What was counted of it
    tallies: Tallies,
    /// Which destinations rest
    pub lanes: Lanes,
    /// `/api/v1`
    api: Api,
    /// What came of rules lately
    numbers: Counter,
    /// What is tried
    playground: Playground,
}

impl Console {
    /// The console of a service.
    #[must_use]
    pub fn new(
        store: Store,
        rulebook: watch::Receiver<Arc<Rulebook>>,
        channels: Arc<Channels>,
        (settings, lanes): (Settings, Lanes),
    ) -> Self {
        let streams = Arc::new(Semaphore::new(live::STREAMS));
        Self {
            store,
            rulebook,
            channels,
            settings,
            lanes,
            streams,
            tallies: Tallies::default(),
            api: Api::default(),
            numbers: Counter::default(),
            playground: Playground::default(),
        }
    }

    /// Writes what a visitor has changed, for good and into the log.
    pub async fn record(&self, visitor: &Visitor, action: Action, what: &str) {
        let (via, action): (&str, &str) = (visitor.via.into(), action.into());
        tracing::info!(who = visitor.name, via, action, what, "changed through the console");
        let change = Change { who: visitor.name.clone(), via, action, what: what.to_owned() };
        if let Err(error) = self.store.audit(change, Timestamp::now()).await {
            tracing::error!(%error, "failed to write who changed what");
        }
    }

    /// Counts what happened, for pages about many days, until `stop` turns true.
    pub async fn count(&self, stop: watch::Receiver<bool>) {
        self.tallies.run(&self.store, &self.rulebook, stop).await;
    }

    /// Answers a request.
    pub async fn answer(self: Arc<Self>, mut asked: Asked) -> Answer {
        if asked.segments.starts_with(&["api".to_owned(), "v1".to_owned()]) {
            asked.segments.drain(..2);
            let console = Arc::clone(&self);
            return self.api.answer(console, asked).await;
        }
        let shown = self.page(&asked).await;
        shown.unwrap_or_else(|refused| {
            if let Refused::Store(error) = &refused {
                tracing::error!(%error, "failed to show the console");
            }
            page::refusal(&refused, &asked.visitor)
        })
    }

    /// The page that is asked for.
    async fn page(self: &Arc<Self>, asked: &Asked) -> Result<Answer, Refused> {
        let segments = asked.segments.iter().map(String::as_str).collect::<Vec<_>>();
        match (&asked.method, &*segments) {
            (&Method::GET, []) => activity::activity(self, asked).await,
            (&Method::GET, ["audit"]) => audit::audit(self, asked).await,
            (&Method::GET, ["events", id]) => event_page::event(self, asked, id).await,
            (&Method::POST, ["events", id, "retry"]) => event_page::retry_line(self, asked, id).await,
            (&Method::GET, ["map"]) => map::page(self, asked),
            (&Method::GET, ["map.csv"]) => map::csv(self, asked),
            (&Method::GET, ["teams"]) => teams::page_of_teams(self, asked).await,
            (&Method::GET, ["teams", name]) => team::page_of_team(self, asked, name).await,
            (_, ["playground", ..]) => playground::pages(self, asked).await,
            (&Method::GET, ["assumptions"]) => assumptions::page_of(self, asked).await,
            (&Method::GET, ["conversations", thread @ ..]) => {
                conversation::page_of(self, asked, &thread.join("/")).await
            }
            (&Method::POST, ["conversations", thread @ ..]) => mute::press(self, asked, &thread.join("/")).await,
            (&Method::GET, ["deliveries"]) => deliveries::page_of(self, asked).await,
            (&Method::POST, ["deliveries"]) => retry::press(self, asked).await,
            _ => Err(nothing_here()),
        }
    }
}

fn nothing_here() -> Refused {
    Refused::NotFound("There is no such page.".to_owned())
}

/// A whole page, with a style of its own.
#[must_use]
pub fn document(title: &str, style: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body { (body) }
        }
    }
}
