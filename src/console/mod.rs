//! The console: what was said, to whom, and why. A page has the same data as its endpoint below `/api/v1`, reads without
//! JavaScript, and asks nobody else for anything. [`crate::http`] decides who comes in.

mod access;
mod activity;
mod answer;
mod api;
mod page;
mod request;

use std::sync::Arc;

use http::Method;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use tokio::sync::watch;

pub use self::access::{Role, Visitor};
pub use self::answer::{Answer, Live, LiveEvent, Refused};
use self::api::Api;
pub use self::request::Asked;
use crate::channel::Channels;
use crate::compose::Rulebook;
use crate::source::Settings;
use crate::store::Store;

/// The paths of the console; what ends with `/` stands for all below it.
pub const PATHS: [&str; 3] = ["/", "/api/v1/", "/assets/"];

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
    /// `/api/v1`
    api: Api,
}

impl Console {
    /// The console of a service.
    #[must_use]
    pub fn new(
        store: Store,
        rulebook: watch::Receiver<Arc<Rulebook>>,
        channels: Arc<Channels>,
        settings: Settings,
    ) -> Self {
        Self { store, rulebook, channels, settings, api: Api::default() }
    }

    /// Answers a request.
    pub async fn answer(self: Arc<Self>, mut asked: Asked) -> Answer {
        if asked.segments.first().is_some_and(|first| first == "assets") {
            let asset = asked.segments.get(1).and_then(|name| page::asset(name, &asked.query));
            return asset.unwrap_or_else(|| page::refusal(&nothing_here(), &asked.visitor));
        }
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
