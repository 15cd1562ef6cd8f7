//! Fetches changes of tickets that no webhook reported. Jira keeps no list of what it delivered, but the history of each
//! ticket: JQL finds the tickets that changed, and their histories and comments become the webhooks that would have reported
//! them.
//!
//! Deletions, sprints, versions and edits of comments can't be found in this way.
//!
//! With `[jira] poll` this is how changes are noticed at all: as often as it says, with or without webhooks beside it.

mod past;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use self::past::{Moment, Past};
use super::{Asked, Found, Recovery, Since};
use crate::api::ApiError;
use crate::api::jira::{Jira, time};
use crate::event::{Event, Source};
use crate::intake::sorted;
use crate::source::Parsed;
use crate::store::{Hook, Incoming, StoreError};

/// The numbers under which it is kept until when all is here, and when Jira was asked first.
const SWEPT: i64 = 0;
const FIRST: i64 = 1;
/// A webhook may be that late without being missed.
const ON_THE_WAY: Duration = Duration::from_secs(60);
/// Two clocks of the same Jira differ by no more: the ticket's last change, and the time in its history.
const GRAIN: Duration = Duration::from_secs(1);
/// Nobody catches up with more pages of tickets.
const PAGES: usize = 100;

/// Why not all was told.
enum Cut {
    Api(ApiError),
    Store(StoreError),
}

impl From<ApiError> for Cut {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<StoreError> for Cut {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Asks for what happened to tickets and was not told.
pub(super) async fn sweep(recovery: &Recovery, jira: &Jira, since: Since, found: &mut Found) -> Result<(), StoreError> {
    let began = Timestamp::now();
    let known = recovery.store.hooks(Source::Jira).await?;
    if known.is_empty() {
        for (id, route) in [(SWEPT, ""), (FIRST, "first")] {
            recovery.store.learn_hook(Source::Jira, Hook { id, route: route.to_owned(), swept: began }).await?;
        }
    }
    let at = |id: i64| known.iter().find(|hook| hook.id == id).map(|hook| hook.swept);
    let (swept, first) = (at(SWEPT).unwrap_or(began), if known.is_empty() { Some(began) } else { at(FIRST) });
    // What happened before the first time is not news.
    let first = first.filter(|_| since == Since::LastTime);
    let from = since.after(swept, began).max(first.unwrap_or(Timestamp::MIN));
    let alone = recovery.poll.is_some_and(|poll| poll.alone);
    let until = if alone { began } else { began - ON_THE_WAY };
    let number = found.asked.len();
    found.asked.push(Asked::new(Source::Jira, "tickets".to_owned()));
    let swept = Sweep { recovery, jira, since: from, until, alone, number };
    match swept.all(found).await {
        Ok(()) if since == Since::LastTime => recovery.store.swept(Source::Jira, "", began).await,
        Ok(()) => Ok(()),
        Err(Cut::Store(error)) => Err(error),
        Err(Cut::Api(error)) => {
            // What was found may be older than what was not.
            if found.asked[number].recovered > 0 || matches!(error, ApiError::Limited { .. }) {
                found.cut_short(&error);
            }
            found.asked[number].trouble = Some(words(&error));
            Ok(())
        }
    }
}

fn words(error: &ApiError) -> String {
    match error {
        ApiError::Refused { status: 401, .. } => format!("{error}: the token in `[jira]` isn't valid, or has expired"),
        ApiError::Refused { status: 403, .. } => format!("{error}: the token's account may not search"),
        error => error.to_string(),
    }
}

/// One look at all tickets.
struct Sweep<'a> {
    recovery: &'a Recovery,
    jira: &'a Jira,
    since: Timestamp,
    until: Timestamp,
    /// Whether no webhook can have told of anything
    alone: bool,
    /// Which of those who are asked
    number: usize,
}

impl Sweep<'_> {
    async fn all(&self, found: &mut Found) -> Result<(), Cut> {
        let jql = jql(self.since, Timestamp::now(), &self.recovery.settings.jira_projects);
        let (mut cursor, mut categories) = (None, None);
        for _ in 0..PAGES {
            let (issues, next) = self.jira.search(&jql, cursor).await?;
            let fits = |issue: &Value| time(&issue["fields"], "updated").is_some_and(|updated| updated >= self.since);
            for issue in issues.iter().filter(|issue| fits(issue)) {
                if categories.is_none() {
                    categories = Some(by_status(&self.jira.statuses().await?));
                }
                if let Some(categories) = &categories {
                    self.ticket(issue, categories, found).await?;
                }
            }
            cursor = next;
            if cursor.is_none() {
                return Ok(());
            }
        }
        let trouble = "too many tickets changed: those that changed first were left out";
        found.asked[self.number].trouble = Some(trouble.to_owned());
        Ok(())
    }

    async fn ticket(&self, issue: &Value, categories: &HashMap<String, Value>, found: &mut Found) -> Result<(), Cut> {
        let asked = async {
            let histories = self.jira.histories(issue, self.since).await?;
            Ok::<_, ApiError>((histories, self.jira.comments(issue, self.since).await?))
        };
        let (histories, comments) = match asked.await {
            Ok(both) => both,
            // It was deleted a moment ago.
            Err(error @ ApiError::Refused { .. }) if error.is_absent() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let moments = Past { issue, histories, comments, categories }.moments(self.since);
        let moments = moments.into_iter().filter(|moment| moment.at <= self.until).collect::<Vec<_>>();
        let count = moments.len();
        let missing = self.untold(moments).await?;
        found.asked[self.number].listed += count;
        found.asked[self.number].known += count - missing.len();
        let missing = missing.into_iter().map(|incoming| (self.number, incoming)).collect();
        Ok(self.recovery.park(missing, found).await?)
    }

    /// What nobody was told of. A change that has a name is known by it. Others happened before a webhook's state of the
    /// ticket, so that a webhook told of them, unless one with a name came since.
    async fn untold(&self, moments: Vec<Moment>) -> Result<Vec<Incoming>, StoreError> {
        let store = &self.recovery.store;
        let mut read = Vec::new();
        for moment in moments {
            let (incoming, parsed) = sorted(incoming(&moment), &self.recovery.settings);
            // What rules cannot ask for, such as our own comments, need not be kept.
            if let Parsed::Events(events) = parsed {
                read.push((moment, incoming, events));
            }
        }
        let names = read.iter().flat_map(|(.., events)| events).filter_map(name).map(str::to_owned);
        let told = store.told(names.collect()).await?;
        let is_told = |events: &[Event]| events.iter().filter_map(name).any(|name| told.contains_key(name));
        let last = read.iter().filter(|(moment, _, events)| !moment.is_comment && is_told(events));
        let last = last.map(|(moment, ..)| moment.at).max();
        let subjects = read.iter().filter_map(|(.., events)| Some(events.first()?.subject.clone()));
        let known = store.known(subjects.collect()).await?;
        let missing = read.iter().filter(|(moment, _, events)| {
            let subject = events.first().and_then(|event| known.get(&event.subject));
            let heard = subject.and_then(|known| known.updated_at);
            let later = self.alone || heard.is_none_or(|heard| moment.at > heard + GRAIN);
            !is_told(events) && (moment.is_comment || later || last.is_some_and(|last| last >= moment.at))
        });
        Ok(missing.map(|(_, incoming, _)| incoming.clone()).collect())
    }
}

/// What names an occurrence in webhooks and histories alike. Notes have names of their own.
fn name(event: &Event) -> Option<&str> {
    event.once.as_deref().filter(|_| event.note.is_none())
}

fn incoming(moment: &Moment) -> Incoming {
    Incoming {
        source: Source::Jira,
        key: moment.key.clone(),
        name: String::new(),
        body: moment.body.to_string().into_bytes(),
        received: moment.at,
        ignored: None,
    }
}

/// The tickets that changed since then. Times are in the asking user's zone and have no seconds, so it is said how many
/// minutes ago (<https://confluence.atlassian.com/spaces/JIRA052/pages/314448708/__JQL+Date+Time+Formats>). The newest come
/// first: a ticket that changes meanwhile then comes twice, where it would be skipped in the other order.
fn jql(since: Timestamp, now: Timestamp, projects: &[String]) -> String {
    let minutes = now.duration_since(since).as_secs().max(0) / 60 + 1;
    let projects = projects.iter().map(|project| format!("\"{project}\"")).collect::<Vec<_>>().join(", ");
    let only = if projects.is_empty() { String::new() } else { format!(" AND project in ({projects})") };
    format!("updated >= \"-{minutes}m\"{only} ORDER BY updated DESC")
}

fn by_status(statuses: &[Value]) -> HashMap<String, Value> {
    let category = |status: &Value| Some((status["id"].as_str()?.to_owned(), status["statusCategory"].clone()));
    statuses.iter().filter_map(category).collect()
}
