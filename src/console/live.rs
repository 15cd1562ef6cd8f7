//! Server-sent events of updates that come or change.
//!
//! A client's place is the id of the last event that it had, so that it goes on from there whoever serves it. The store is read
//! once something was committed, and not while nothing happens; what comes within [`PAUSE`] is read together.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::Console;
use super::access::Visitor;
use super::activity::keeps;
use super::answer::{Live, LiveEvent, Refused};
use super::card::{Seen, Update};
use super::sight::Onlooker;
use super::sought::Query;
use crate::reason::Code;
use crate::store::{Changes, EntryState, News, Sought};

/// So many streams are open at a time.
pub(super) const STREAMS: usize = 64;
/// So many events wait for a client that reads slowly; then nothing more is read for it.
const WAITING: usize = 32;
/// For so long changes are gathered.
const PAUSE: Duration = Duration::from_millis(250);

/// What to hear of: the filters of Activity that what happens next can fit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// Only those of this team
    team: Option<String>,
    /// Only those about this repository or project in Jira
    repository: Option<String>,
    /// Only those of the conversation of this ticket, pull request or other subject
    ticket: Option<String>,
    /// Only this kind of event, such as `pull_request.*`
    kind: Option<String>,
    /// Only those in this state
    state: Option<EntryState>,
    /// Only those with this code as their reason
    reason: Option<Code>,
    /// Only those planned since this time
    since: Option<String>,
    /// Only those whose message or subject contains all of these words
    words: Option<String>,
    /// Where to begin, as the id of an event; else with what happens next. `Last-Event-ID` goes before it
    from: Option<String>,
    /// With each update as the card that the page shows
    cards: Option<bool>,
}

/// An update that came or changed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Told {
    /// The update
    #[serde(flatten)]
    update: Update,
    /// The card that the page shows
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<String>,
}

/// A stream under way.
struct Stream {
    console: Arc<Console>,
    onlooker: Onlooker,
    sought: Sought,
    cards: bool,
    place: Changes,
    events: mpsc::Sender<LiveEvent>,
    /// Its place among the streams
    _permit: OwnedSemaphorePermit,
}

/// `GET /api/v1/updates/live`
pub(super) async fn live(
    console: Arc<Console>,
    (visitor, last): (Visitor, Option<String>),
    heard: Heard,
) -> Result<Live, Refused> {
    let Heard { team, repository, ticket, kind, state, reason, since, words, from, cards } = heard;
    let query = Query { team, repository, ticket, kind, state, reason, since, words, until: None, after: None };
    let sought = query.sought(Timestamp::now())?;
    let place = match last.filter(|last| !last.is_empty()).or(from) {
        Some(place) => place.parse().map_err(Refused::Wrong)?,
        None => console.store.newest().await?,
    };
    let permit = Arc::clone(&console.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Refused::Busy("too many pages are open: close some, or reload".to_owned()))?;
    let (events, mut queue) = mpsc::channel(WAITING);
    let onlooker = Onlooker::new(&visitor);
    let stream = Stream { console, onlooker, sought, cards: cards.unwrap_or(false), place, events, _permit: permit };
    tokio::spawn(stream.run());
    Ok(Box::pin(futures_util::stream::poll_fn(move |context| queue.poll_recv(context))))
}

impl Stream {
    /// Runs until the client is gone.
    async fn run(mut self) {
        let mut commits = self.console.store.commits();
        loop {
            match self.console.store.news(self.place, self.sought.clone()).await {
                Ok(news) => {
                    if !self.tell(news).await {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "failed to read what is new for a page, will retry");
                }
            }
            let gone = async {
                tokio::time::sleep(PAUSE).await;
                commits.changed().await.is_err()
            };
            tokio::select! {
                gone = gone => if gone { return },
                () = self.events.closed() => return,
            }
        }
    }

    /// Sends what is new; `false` if the client is gone.
    async fn tell(&mut self, news: News) -> bool {
        let News { lines, until, missed } = news;
        let before = std::mem::replace(&mut self.place, until);
        if missed {
            return self.send("missed", until, "{}".to_owned()).await;
        }
        let keeps = keeps(self.onlooker.clone(), &self.sought);
        let seen = lines.into_iter().filter(|line| keeps(line)).filter_map(|line| Seen::by(&self.onlooker, line));
        let seen = seen.collect::<Vec<_>>();
        let last = seen.len().saturating_sub(1);
        for (nth, one) in seen.iter().enumerate() {
            let card = self.cards.then(|| one.card(Timestamp::now()).into_string());
            let told = serde_json::to_string(&Told { update: one.update(), card });
            // Whoever is cut off in between hears of all of them again.
            let place = if nth == last { until } else { before };
            let sent = match told {
                Ok(told) => self.send("update", place, told).await,
                Err(error) => {
                    tracing::error!(%error, "our fault: an update can't be written");
                    true
                }
            };
            if !sent {
                return false;
            }
        }
        true
    }

    async fn send(&self, name: &'static str, place: Changes, data: String) -> bool {
        self.events.send(LiveEvent { id: place.to_string(), name, data }).await.is_ok()
    }
}
