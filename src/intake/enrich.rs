//! Asks GitHub and Jira for what webhooks leave out, if a rule needs it.
//!
//! This happens after the webhook is answered and before the rules are evaluated, and has little time. What isn't known by
//! then stays unknown, and the ledger says why.

mod code;
mod issues;
mod projects;
mod work;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use self::code::Code;
use crate::api::github::Github;
use crate::api::jira::Jira;
use crate::api::{ApiError, Rest};
use crate::event::{About, Event, EventKind, PullRequest, Source, SubjectKey, TicketKey};
use crate::rule::{Asks, Rules};
use crate::source::{self, Parsed, Settings};
use crate::store::{Store, StoreError};
use crate::track::{self, Known};

/// An update must not wait longer than its `settle` and half a minute more for what others know: this, once more for the
/// batch before it, and then nobody is asked for a while.
const PATIENCE: Duration = Duration::from_secs(10);
/// Who gave no answer is not asked again for so long.
const REST: Duration = Duration::from_secs(60);
/// So many questions at a time.
const AT_ONCE: usize = 8;
/// Who owns what, and which tickets there are not, is asked for again after so long.
const FRESH: Duration = Duration::from_secs(300);

/// Who is asked.
pub struct Enricher {
    github: Option<Arc<Github>>,
    jira: Option<Arc<Jira>>,
    settings: Settings,
    code: Code,
    /// Keys that are no tickets, or of which nothing is said
    no_tickets: Mutex<HashMap<TicketKey, Instant>>,
    troubled: AtomicBool,
    /// How often there was no answer that might come later
    lapses: AtomicU64,
    /// Until when nobody is asked
    resting: Rest,
}

impl Enricher {
    /// With whatever APIs there are.
    #[must_use]
    pub fn new(github: Option<Arc<Github>>, jira: Option<Arc<Jira>>, settings: Settings) -> Self {
        Self {
            github,
            jira,
            settings,
            code: Code::default(),
            no_tickets: Mutex::default(),
            troubled: AtomicBool::new(false),
            lapses: AtomicU64::new(0),
            resting: Rest::default(),
        }
    }

    /// Whether there may be something to ask, or to take out, for the rules that want to know more. If not,
    /// [`Self::complete`] changes nothing.
    pub fn has_questions<'e>(&self, parsed: impl IntoIterator<Item = &'e Parsed>, rules: &Rules) -> bool {
        parsed.into_iter().flat_map(Parsed::events).any(|event| {
            rules.asks(event) != Asks::default()
                || event.tickets.iter().any(|key| self.is_no_ticket(key))
                || event.about.is_unnamed_issue()
        })
    }

    /// Completes events for the rules that want to know more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn complete<'e>(
        &self,
        parsed: impl Iterator<Item = &'e mut Parsed>,
        rules: &Rules,
        store: &Store,
    ) -> Result<(), StoreError> {
        let end = Instant::now() + PATIENCE;
        let mut deliveries = parsed
            .filter_map(|parsed| match parsed {
                Parsed::Events(events) => Some(events),
                Parsed::Ignored(_) => None,
            })
            .collect::<Vec<_>>();
        if let Some(github) = &self.github {
            let events = deliveries.iter_mut().enumerate();
            let mut events =
                events.flat_map(|(at, events)| events.iter_mut().map(move |event| (at, event))).collect::<Vec<_>>();
            self.find_work(github, events.iter_mut().map(|(_, event)| &mut **event), rules, (store, end)).await?;
            self.find_issues(github, events.iter_mut().map(|(_, event)| &mut **event), rules, (store, end)).await?;
            let mut asked = Vec::new();
            for (at, event) in events {
                // Another GitHub is not asked, there is no access to it; nor is anybody about what isn't news.
                if event.host.is_some() || event.undoing.is_some() {
                    continue;
                }
                let asks = rules.asks(event);
                if asks.of_github() {
                    asked.push(self.event(github, event, (at, asks, end)));
                }
            }
            let notes = stream::iter(asked).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
            notes.into_iter().for_each(|(at, notes)| deliveries[at].extend(notes));
        }
        let events = deliveries.into_iter().flatten().collect::<Vec<_>>();
        if let Some(github) = &self.github {
            self.learn_issues(github, &events, rules, (store, end)).await?;
        }
        self.tickets(events, rules, (store, end)).await
    }

    /// The notes in an event's commits, with its delivery's place.
    async fn event(
        &self,
        github: &Github,
        event: &mut Event,
        (at, asks, end): (usize, Asks, Instant),
    ) -> (usize, Vec<Event>) {
        let mut notes = Vec::new();
        let asked = self.in_time(end, self.ask(github, event, (asks, &mut notes))).await;
        self.noted(event, asked);
        (at, notes)
    }

    /// What is missing is said with the event, and in the log.
    fn noted(&self, event: &mut Event, asked: Result<(), ApiError>) {
        match asked {
            Ok(()) => self.fine(),
            Err(error) => {
                self.trouble(&error);
                event.gap = Some(error.to_string());
            }
        }
    }

    /// An answer before `end`. Somebody who gives none is left alone for a while, so that not each batch waits for it.
    async fn in_time<T>(&self, end: Instant, answer: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        if self.resting.left().is_some() {
            return Err(ApiError::Silent("there was no answer a moment ago".to_owned()));
        }
        let answer = timeout_at(end, answer).await;
        let answer = answer.unwrap_or_else(|_| Err(ApiError::Silent("there was no answer in time".to_owned())));
        if matches!(answer, Err(ApiError::Silent(_))) {
            self.resting.begin(REST);
        }
        answer
    }

    fn fine(&self) {
        if self.troubled.swap(false, Ordering::Relaxed) {
            tracing::info!("the APIs answer again");
        }
    }

    /// How often an API gave no answer that it may give later.
    #[must_use]
    pub fn lapses(&self) -> u64 {
        self.lapses.load(Ordering::Relaxed)
    }

    /// Said once; the ledger says it of each event.
    fn trouble(&self, error: &ApiError) {
        if matches!(error, ApiError::Silent(_) | ApiError::Limited { .. } | ApiError::Refused { status: 500.., .. }) {
            self.lapses.fetch_add(1, Ordering::Relaxed);
        }
        if !self.troubled.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "an API does not say what rules want to know: they do without");
        }
    }

    /// Asks what rules ask of an event, and puts the notes in its commits into `notes`.
    async fn ask(
        &self,
        github: &Github,
        event: &mut Event,
        (asks, notes): (Asks, &mut Vec<Event>),
    ) -> Result<(), ApiError> {
        let repo = event.scope.clone();
        let pull = match &event.about {
            About::PullRequest(pr) => Some((pr.number, pr.base.clone())),
            _ => event.brought_by().map(|pr| (pr.number, pr.base.clone())),
        };
        let mut commits = Ok(());
        if let About::PullRequest(pr) = &event.about
            && (asks.notes || asks.keys)
        {
            let found = github.commits(&repo, pr.number).await;
            // What is cut or not told may name tickets, if no other place does.
            event.more_tickets = asks.keys && found.as_ref().map_or(true, |commits| commits.cut);
            commits = found.map(|commits| {
                if commits.cut && asks.notes {
                    event.gap = Some(format!("GitHub lists only the first {} commits", commits.listed.len()));
                }
                let commits = commits.listed;
                // What lists many tickets is nobody's in particular, whatever its commits name.
                if event.is_without_key() {
                    let messages = commits.iter().map(|commit| commit.message.as_str());
                    let keys = source::tickets_in_commits(event, messages, &self.settings);
                    let closed = std::mem::replace(&mut event.tickets, keys.tickets);
                    event.tickets.retain(|key| !closed.contains(key));
                    // A key in Jira comes before any issue, wherever it stands.
                    let issues = event.tickets.iter().position(TicketKey::is_issue).unwrap_or(event.tickets.len());
                    event.tickets.splice(issues..issues, closed);
                    event.listed = keys.listed;
                }
                if asks.notes {
                    notes.extend(source::notes_in_commits(event, &commits, &self.settings));
                }
            });
        }
        if let About::PullRequest(PullRequest { number, .. }) = event.about
            && asks.keys
            && (event.kind.is_milestone() || event.kind == EventKind::PullRequestEdited)
            && event.tickets.is_empty()
            && event.listed.is_empty()
        {
            self.add_linked(github, event, number).await;
        }
        if let Some((number, _)) = &pull
            && (asks.files || asks.owners || asks.generated)
            && event.paths.is_none()
        {
            let files = github.files(&repo, *number).await?;
            (event.paths, event.more_paths) = (Some(files.listed), files.cut);
        }
        let branch = match (&event.about, pull) {
            (_, Some((_, base))) => base,
            (About::Thing(thing), None) if event.kind == EventKind::Push => thing.branch.clone(),
            _ => None,
        };
        if let Some(branch) = branch {
            self.code.tell(github, event, (&repo, &branch, asks)).await?;
        }
        commits
    }

    /// Learns of tickets that Jira never told of, and takes out keys that are none.
    async fn tickets(
        &self,
        mut events: Vec<&mut Event>,
        rules: &Rules,
        (store, end): (&Store, Instant),
    ) -> Result<(), StoreError> {
        let Some(jira) = &self.jira else { return Ok(()) };
        let wanting = events
            .iter()
            .filter(|event| event.source == Source::Github && event.host.is_none() && rules.asks(event).ticket);
        let keys =
            wanting.flat_map(|event| &event.tickets).filter(|key| !key.is_issue()).cloned().collect::<BTreeSet<_>>();
        let known = store.known(keys.iter().map(|key| SubjectKey::ticket(key.as_str())).collect()).await?;
        let unknown = keys.iter().filter(|key| !known.contains_key(key.as_str()) && !self.is_no_ticket(key));
        let unknown = unknown.cloned().collect::<Vec<_>>();
        let asked = stream::iter(unknown).map(|key| async {
            let found = self.in_time(end, jira.ticket(&key)).await;
            (key, found)
        });
        let found = asked.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        let mut learned = Vec::new();
        for (key, found) in found {
            match found {
                Ok(Some(issue)) => learned.extend(self.read(&key, &issue).map(|known| (key, known))),
                Ok(None) => self.note_no_ticket(key),
                Err(error) => self.trouble(&error),
            }
        }
        for event in &mut events {
            event.tickets.retain(|key| key.is_issue() || !self.is_no_ticket(key));
        }
        store.learn(learned).await
    }

    /// A ticket from Jira's API, read as its webhooks are.
    fn read(&self, key: &TicketKey, issue: &Value) -> Option<Known> {
        let now = Timestamp::now();
        let body = json!({ "webhookEvent": "jira:issue_created", "timestamp": now.as_millisecond(), "issue": issue });
        let Parsed::Events(events) = source::parse(Source::Jira, "", body.to_string().as_bytes(), now, &self.settings)
        else {
            return None;
        };
        // A ticket that was moved answers under its new key.
        let event = events.into_iter().find(|event| event.subject == key.as_str())?;
        // We did not hear of it from a webhook: when Jira is asked what was missed, this must not hide anything.
        Some(Known { updated_at: None, ..track::track(None, event).known })
    }

    fn is_no_ticket(&self, key: &TicketKey) -> bool {
        let all = self.no_tickets.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(key).is_some_and(|asked| asked.elapsed() < FRESH)
    }

    fn note_no_ticket(&self, key: TicketKey) {
        let mut all = self.no_tickets.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, asked| asked.elapsed() < FRESH);
        all.insert(key, Instant::now());
    }
}
