//! Rehearsals in the background: what rules that are tried would have made of the last days. Each visitor has one at a time, and
//! the service a few.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use super::event::bounded_over;
use super::mails::fresh_id;
use super::{Trial, may_try, texts};
use crate::compose::{Edit, Rulebook};
use crate::console::Console;
use crate::console::access::Visitor;
use crate::console::answer::Refused;
use crate::rehearsal::{self, Outcome, Report};
use crate::source::Settings;
use crate::store::Store;

/// So many run at a time, since each keeps a core busy.
const MOST_RUNNING: usize = 2;
/// How far back one may go: bodies are kept for about as long.
const MOST_DAYS: i64 = 90;
/// How long one may take.
const DEADLINE: Duration = Duration::from_secs(15 * 60);
/// A pull request or an issue has at most so many labels, people and so on.
const LONGEST_LIST: usize = 100;

/// Which rehearsal?
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RehearsalId {
    /// Its id
    id: String,
}

/// A rehearsal, as far as it is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Rehearsed {
    /// Its id
    id: String,
    /// The team whose rules are tried
    pub(super) team: String,
    /// How many days it goes back
    pub(super) days: i64,
    /// `running`, `done`, `cancelled` or `failed`
    pub(super) state: &'static str,
    /// How many deliveries it has taken in
    pub(super) taken: usize,
    /// How many there are
    pub(super) deliveries: usize,
    /// Why it failed
    pub(super) error: Option<String>,
    /// What came of each rule, once it is done
    pub(super) rules: Vec<Compared>,
}

impl Rehearsed {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What would have come of a rule, beside what came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Compared {
    /// The rule
    pub(super) rule: String,
    /// The messages that there were
    pub(super) had: u64,
    /// The messages that there would have been
    pub(super) would: u64,
    /// Updates that would wait still
    pub(super) held: u64,
    /// Updates that a later one would have replaced
    pub(super) superseded: u64,
    /// Updates that could not have been written
    pub(super) failed: u64,
    /// Events of which it isn't known whether they are for it
    pub(super) undecided: u64,
    /// Updates that something would have spoken against
    pub(super) suppressed: u64,
}

impl Compared {
    fn new(rule: String, outcome: &Outcome) -> Self {
        Self {
            rule,
            had: outcome.had,
            would: outcome.would,
            held: outcome.held,
            superseded: outcome.superseded,
            failed: outcome.failed,
            undecided: outcome.undecided,
            suppressed: outcome.suppressed.values().sum(),
        }
    }
}

enum State {
    Running(AbortHandle),
    Done(Vec<Compared>),
    Cancelled,
    Failed(String),
}

struct Rehearsal {
    id: String,
    team: String,
    days: i64,
    taken: AtomicUsize,
    deliveries: AtomicUsize,
    state: Mutex<Option<State>>,
}

impl Rehearsal {
    fn is_running(&self) -> bool {
        matches!(*self.state(), None | Some(State::Running(_)))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> Rehearsed {
        let (state, error, rules) = match &*self.state() {
            None | Some(State::Running(_)) => ("running", None, Vec::new()),
            Some(State::Done(rules)) => ("done", None, rules.clone()),
            Some(State::Cancelled) => ("cancelled", None, Vec::new()),
            Some(State::Failed(error)) => ("failed", Some(error.clone()), Vec::new()),
        };
        Rehearsed {
            id: self.id.clone(),
            team: self.team.clone(),
            days: self.days,
            state,
            taken: self.taken.load(Ordering::Relaxed),
            deliveries: self.deliveries.load(Ordering::Relaxed),
            error,
            rules,
        }
    }
}

/// The last rehearsal of each visitor.
#[derive(Default)]
pub(super) struct Rehearsals(Mutex<HashMap<String, Arc<Rehearsal>>>);

impl Drop for Rehearsals {
    /// A service that stops waits for whoever uses its store.
    fn drop(&mut self) {
        self.all().values().for_each(|rehearsal| stop(rehearsal));
    }
}

fn stop(rehearsal: &Rehearsal) {
    if let Some(State::Running(task)) = &*rehearsal.state() {
        task.abort();
    }
}

impl Rehearsals {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Rehearsal>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, id: &str, visitor: &Visitor) -> Result<Arc<Rehearsal>, Refused> {
        let found = self.all().get(&visitor.name).filter(|rehearsal| rehearsal.id == id).cloned();
        found.ok_or_else(|| Refused::NotFound("There is no such rehearsal, or a later one took its place.".to_owned()))
    }

    pub(super) fn view(&self, id: &str, visitor: &Visitor) -> Result<Rehearsed, Refused> {
        Ok(self.find(id, visitor)?.view())
    }

    pub(super) fn cancel(&self, id: &str, visitor: &Visitor) -> Result<(), Refused> {
        stop(&*self.find(id, visitor)?);
        Ok(())
    }

    /// A place for a new one.
    fn enter(&self, visitor: &Visitor, (team, days): (String, i64)) -> Result<Arc<Rehearsal>, Refused> {
        let mut all = self.all();
        if all.get(&visitor.name).is_some_and(|rehearsal| rehearsal.is_running()) {
            return Err(Refused::Wrong("You have a rehearsal under way: wait for it, or cancel it.".to_owned()));
        }
        if all.values().filter(|rehearsal| rehearsal.is_running()).count() >= MOST_RUNNING {
            return Err(Refused::Wrong("Others rehearse now. Try again in a few minutes.".to_owned()));
        }
        let rehearsal = Arc::new(Rehearsal {
            id: fresh_id()?,
            team,
            days,
            taken: AtomicUsize::new(0),
            deliveries: AtomicUsize::new(0),
            state: Mutex::new(None),
        });
        all.insert(visitor.name.clone(), Arc::clone(&rehearsal));
        Ok(rehearsal)
    }
}

/// `POST /api/v1/rehearsals`
pub(in crate::console) async fn rehearse(
    console: Arc<Console>,
    visitor: Visitor,
    trial: Trial,
) -> Result<Rehearsed, Refused> {
    let team = trial.team.clone().ok_or_else(|| Refused::Wrong("say which team's rules are tried".to_owned()))?;
    may_try(&visitor, &team)?;
    let days = trial.days.filter(|days| (1..=MOST_DAYS).contains(days));
    let days = days.ok_or_else(|| Refused::Wrong(format!("rehearse 1 to {MOST_DAYS} days")))?;
    let rulebook = Arc::clone(&console.rulebook.borrow());
    let texts = texts(&rulebook, &visitor, &trial).await?;
    let template = texts.template.as_ref().map(|(name, _, new)| (name.as_str(), new.as_str()));
    if let Some((_, text)) = template {
        bounded_over(text, LONGEST_LIST)?;
    }
    let edit = Edit { team: &team, file: &texts.file.2, template };
    let (edited, problems) = rulebook.edited(&edit, &console.channels.available());
    if let Some(problem) = problems.first() {
        return Err(Refused::Wrong(format!("What has problems can't be rehearsed: {problem}")));
    }
    let rehearsal = console.playground.rehearsals.enter(&visitor, (team, days))?;
    let work = run(console.store.clone(), console.settings.clone(), edited, Arc::clone(&rehearsal));
    let task = tokio::spawn(async move {
        let ended = tokio::time::timeout(DEADLINE, work).await;
        ended.unwrap_or_else(|_| Err("it took longer than 15 minutes: rehearse fewer days".to_owned()))
    });
    *rehearsal.state() = Some(State::Running(task.abort_handle()));
    let ended = Arc::clone(&rehearsal);
    tokio::spawn(async move {
        let state = match task.await {
            Ok(Ok(rules)) => State::Done(rules),
            Ok(Err(error)) => State::Failed(error),
            Err(error) if error.is_cancelled() => State::Cancelled,
            Err(error) => State::Failed(error.to_string()),
        };
        *ended.state() = Some(state);
    });
    Ok(rehearsal.view())
}

/// `GET /api/v1/rehearsals/{id}`
pub(in crate::console) async fn rehearsed(
    console: Arc<Console>,
    visitor: Visitor,
    which: RehearsalId,
) -> Result<Rehearsed, Refused> {
    console.playground.rehearsals.view(&which.id, &visitor)
}

/// `POST /api/v1/rehearsals/{id}/cancel`
pub(in crate::console) async fn cancel(
    console: Arc<Console>,
    visitor: Visitor,
    which: RehearsalId,
) -> Result<Rehearsed, Refused> {
    console.playground.rehearsals.cancel(&which.id, &visitor)?;
    console.playground.rehearsals.view(&which.id, &visitor)
}

async fn run(
    stored: Store,
    settings: Settings,
    rulebook: Rulebook,
    rehearsal: Arc<Rehearsal>,
) -> Result<Vec<Compared>, String> {
    let progress = |done: usize, all: usize| {
        rehearsal.taken.store(done, Ordering::Relaxed);
        rehearsal.deliveries.store(all, Ordering::Relaxed);
    };
    let span = rehearsal::last_days(rehearsal.days);
    let report = rehearsal::rehearse((&stored, &span), (settings, rulebook), progress).await?;
    let Report { deliveries, comparison, .. } = report;
    progress(deliveries, deliveries);
    let own = comparison.into_iter().filter(|((team, _), _)| *team == rehearsal.team);
    Ok(own.map(|((_, rule), outcome)| Compared::new(rule, &outcome)).collect())
}
