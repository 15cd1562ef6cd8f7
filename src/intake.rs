//! From stored deliveries to queued messages: understand, track, plan, hold, release.
//!
//! One task does all of it, so that there is nothing to lock: what it reads is what it last wrote. The plan of a delivery
//! and the mark that it is done commit together.

mod answer;
mod batch;
mod bulk;
mod bundle;
mod enrich;
mod name;
mod silence;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{self, JoinHandle};

pub use self::enrich::Enricher;

use self::batch::Batch;
use self::bundle::{Bundle, Ready, bundle};
use crate::compose::{Rulebook, Telling};
use crate::config::TellAuthors;
use crate::destination::Destination;
use crate::event::{About, Source, Ticket, TicketKey};
use crate::hold::{self, Wait};
use crate::metrics::Metrics;
use crate::mute::{self, Update};
use crate::plan::{self, Release, Said, Waited};
use crate::reason::Reason;
use crate::rule::{Renaming, Team};
use crate::source::{self, Parsed, Settings};
use crate::store::{Due, Incoming, Queued, Released, Store, StoreError, Which};
use crate::template::{Message, RenderError};
use crate::track::Known;

/// It is told of new deliveries; it also looks by itself.
const LOOK: Duration = Duration::from_secs(1);
/// After trouble with the store.
const REST: Duration = Duration::from_secs(2);

/// Reads a payload. A fault of our parser ends here, with the body kept for a replay.
#[must_use]
pub fn understand(source: Source, name: &str, body: &[u8], received: Timestamp, settings: &Settings) -> Parsed {
    let parse = AssertUnwindSafe(|| source::parse(source, name, body, received, settings));
    std::panic::catch_unwind(parse).unwrap_or(Parsed::Ignored(Reason::ParserFailed))
}

/// A delivery with the reason to ignore it, if there is one; and what it says.
#[must_use]
pub fn sorted(incoming: Incoming, settings: &Settings) -> (Incoming, Parsed) {
    let Incoming { source, name, body, received, .. } = &incoming;
    let parsed = understand(*source, name, body, *received, settings);
    let ignored = match &parsed {
        Parsed::Ignored(reason) => Some(reason.clone()),
        Parsed::Events(_) => None,
    };
    (Incoming { ignored, ..incoming }, parsed)
}

/// The task that turns deliveries into messages.
pub struct Intake {
    /// Where deliveries come from and messages go
    pub store: Store,
    /// How payloads are read
    pub settings: Settings,
    /// Who is asked for what payloads leave out, if anybody can be
    pub enricher: Option<Arc<Enricher>>,
    /// Where the authors of assumptions are told what came of them
    pub tell_authors: TellAuthors,
    /// The rules and templates in force
    pub rulebook: watch::Receiver<Arc<Rulebook>>,
    /// When the service started, until it was asked what was missed before: updates that were planned up to then wait
    /// for that
    pub resumed: watch::Receiver<Option<Timestamp>>,
    /// What is counted
    pub metrics: Arc<Metrics>,
    /// Notified when there is a new delivery
    pub stored: Arc<Notify>,
    /// Notified by us when there is something to send
    pub to_send: Arc<Notify>,
    /// Told by us of what has another name now
    pub renamings: mpsc::UnboundedSender<Renaming>,
}

impl Intake {
    /// Runs until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        self.catch_up(&stop).await;
        while !*stop.borrow() {
            let rest = match self.step(Timestamp::now()).await {
                Ok(true) => continue,
                Ok(false) => self.until_due().await,
                Err(error) => {
                    tracing::error!(%error, "cannot work on deliveries now; they wait");
                    REST
                }
            };
            tokio::select! {
                () = self.stored.notified() => {}
                () = tokio::time::sleep(rest) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Works on what there is `now`: one batch of deliveries, of updates, of silences. `false` when there was nothing
    /// to do.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn step(&self, now: Timestamp) -> Result<bool, StoreError> {
        let rulebook = Arc::clone(&self.rulebook.borrow());
        let Some(reading) = self.read().await? else {
            let released = self.release(&rulebook, Which::All, now).await?;
            return self.look_after(&rulebook, now).await.map(|done| released + done > 0);
        };
        // Reading payloads takes a core for itself; meanwhile goes what has nothing to wait for.
        self.release(&rulebook, Which::AtOnce, now).await?;
        self.take_in(reading.await.map_err(StoreError::Stopped)?, &rulebook, now).await?;
        self.release(&rulebook, Which::Waited, now).await?;
        self.look_after(&rulebook, now).await?;
        Ok(true)
    }

    /// Works on what no webhook brings: silences, and what people answer to assumptions, or don't. Returns how much there
    /// was.
    async fn look_after(&self, rulebook: &Rulebook, now: Timestamp) -> Result<usize, StoreError> {
        // Whoever objects at the last moment objects.
        let heard = self.hear(rulebook, now).await?;
        // Nothing is silent of which something was missed.
        if self.resumed.borrow().is_some() {
            return Ok(heard);
        }
        Ok(heard + self.break_silences(rulebook, now).await? + self.agree(rulebook, now).await?)
    }

    /// What came before a restart is planned first: it may have changed what is due.
    async fn catch_up(&self, stop: &watch::Receiver<bool>) {
        let now = self.resumed.borrow().unwrap_or_else(Timestamp::now);
        while !*stop.borrow() {
            match self.plan_waiting(now).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot plan what waits from before; later");
                    return;
                }
            }
        }
    }

    async fn plan_waiting(&self, now: Timestamp) -> Result<usize, StoreError> {
        let rulebook = Arc::clone(&self.rulebook.borrow());
        let Some(reading) = self.read().await? else { return Ok(0) };
        let mut read = reading.await.map_err(StoreError::Stopped)?;
        // What comes meanwhile is newer than what was missed, and does not wait for that.
        let before = read.iter().take_while(|(delivery, _)| delivery.received <= now).count();
        read.truncate(before);
        if read.is_empty() { Ok(0) } else { self.take_in(read, &rulebook, now).await }
    }

    /// Begins to read the payloads that wait, if any do.
    async fn read(&self) -> Result<Option<JoinHandle<Vec<(Queued, Parsed)>>>, StoreError> {
        let queued = self.store.queued().await?;
        if queued.is_empty() {
            return Ok(None);
        }
        let settings = self.settings.clone();
        let read = move |delivery: Queued| {
            let Queued { source, name, body, received, .. } = &delivery;
            let parsed = understand(*source, name, body, *received, &settings);
            (delivery, parsed)
        };
        Ok(Some(task::spawn_blocking(move || queued.into_iter().map(read).collect())))
    }

    async fn until_due(&self) -> Duration {
        match self.store.next_due().await {
            // What is due may still have to wait for what was missed.
            Ok(Some(_)) if self.resumed.borrow().is_some() => LOOK,
            Ok(Some(due)) => {
                let wait = Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default();
                wait.clamp(Duration::from_millis(1), LOOK)
            }
            Ok(None) => LOOK,
            Err(error) => {
                tracing::error!(%error, "cannot look for what is due");
                REST
            }
        }
    }

    /// Plans what the deliveries mean.
    async fn take_in(
        &self,
        read: Vec<(Queued, Parsed)>,
        rulebook: &Rulebook,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let (queued, mut parsed): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        name::complete(&mut parsed, &self.settings, &self.store).await?;
        if let Some(enricher) = &self.enricher {
            enricher.complete(parsed.iter_mut(), rulebook.rules(), &self.store).await?;
        }
        let mut batch = Batch::begin(&self.store, rulebook, &parsed, now).await?;
        for (delivery, parsed) in queued.iter().zip(parsed) {
            // What it renames has to be written before.
            if name::renames(&parsed) && !batch.planned().is_empty() {
                break;
            }
            if !batch.add(delivery, parsed).await? {
                break;
            }
        }
        let planned = batch.planned();
        let renamings = name::renamings(planned, &self.store).await?;
        self.store.plan(planned, now).await?;
        // Where nobody listens, nobody is told: a rehearsal.
        renamings.into_iter().for_each(|renaming| drop(self.renamings.send(renaming)));
        for (delivery, planned) in queued.iter().zip(planned) {
            let updates = planned.outcome.states();
            updates.iter().for_each(|state| self.metrics.update(state));
            tracing::info!(id = delivery.id, source = %delivery.source, key = delivery.key, ?updates, "planned");
        }
        Ok(planned.len())
    }

    /// Renders what is due and queues it to its destinations.
    async fn release(&self, rulebook: &Rulebook, which: Which, now: Timestamp) -> Result<usize, StoreError> {
        let resumed = *self.resumed.borrow();
        let (due, unreadable) = self.store.due(which, now, resumed).await?;
        let count = due.len() + unreadable.len();
        if count == 0 {
            return Ok(0);
        }
        let mut ready = Vec::new();
        let failed = unreadable.into_iter().map(|(id, error)| (id, Reason::Fault { detail: error }));
        let mut released = Released { failed: failed.collect(), ..Released::default() };
        for due in due {
            match decide(due, rulebook, now) {
                Decision::Send(update) => ready.push(*update),
                Decision::Wait(due, wait, reason) => released.held.push((due.id, wait, due.digest, reason)),
                Decision::Suppress(id, reason) => released.suppressed.push((id, reason)),
                Decision::Told(id, reason) => released.muted.push((id, reason)),
                Decision::Fail(id, reason) => released.failed.push((id, reason)),
            }
        }
        let ready = self.bulk(ready, &mut released, now).await?;
        let ready = self.unmuted(ready, &mut released, now).await?;
        let mut spent = HashMap::new();
        for bundle in bundle(ready) {
            match self.over_budget(&bundle, &mut spent, now).await? {
                Some((team, wait)) => released.held.extend(bundle.updates.iter().map(|update| {
                    let reason = wait.reason(&team.timezone);
                    (update.due.id, wait, true, reason)
                })),
                None => released.sent.extend(bundle.outgoing(rulebook, now)),
            }
        }
        self.store.release(&released, now).await?;
        released.suppressed.iter().chain(&released.muted).for_each(|_| self.metrics.update("suppressed"));
        released.failed.iter().for_each(|_| self.metrics.update("failed"));
        self.to_send.notify_one();
        Ok(count)
    }

    /// Takes out of updates where they are muted. What is muted everywhere is noted and gone.
    async fn unmuted<'a>(
        &self,
        mut ready: Vec<Ready<'a>>,
        released: &mut Released,
        now: Timestamp,
    ) -> Result<Vec<Ready<'a>>, StoreError> {
        let sent = ready.iter().map(|ready| (update(&ready.due), &*ready.to)).collect::<Vec<_>>();
        let mutes = if sent.is_empty() { Vec::new() } else { self.store.mutes_of(&sent, now).await? };
        for Ready { due, to, .. } in &mut ready {
            let (heard, muted) = mute::sift(update(due), std::mem::take(to), &mutes);
            if heard.is_empty() {
                let by = muted.into_iter().map(|(_, mute)| mute.clone()).collect();
                released.muted.push((due.id, Reason::Muted { by }));
            } else {
                // The send's state says `muted` already.
                released.left_out.extend(muted.into_iter().map(|(to, mute)| (due.id, to, mute.terms())));
            }
            *to = heard;
        }
        ready.retain(|ready| !ready.to.is_empty());
        Ok(ready)
    }

    /// Counts a message against its team's budget; says until when it waits if that is spent.
    async fn over_budget<'a>(
        &self,
        bundle: &Bundle<'a>,
        spent: &mut HashMap<&'a str, u32>,
        now: Timestamp,
    ) -> Result<Option<(&'a Team, Wait)>, StoreError> {
        let Some((team, budget)) = bundle.team().and_then(|team| Some((team, team.budget?))) else { return Ok(None) };
        let sent = match spent.get(team.name.as_str()) {
            Some(sent) => *sent,
            None => {
                let (begin, _) = hold::period(budget.per, &team.timezone, now);
                self.store.spent(&team.name, begin).await?
            }
        };
        let wait = hold::over_budget(team, now, sent);
        spent.insert(&team.name, sent + u32::from(wait.is_none()));
        Ok(wait.map(|wait| (team, wait)))
    }
}

/// What is known of an update's ticket.
fn ticket_of(due: &Due) -> Option<&Ticket> {
    due.ticket.as_ref().and_then(ticket)
}

fn ticket(known: &Known) -> Option<&Ticket> {
    match &known.about {
        About::Ticket(ticket) => Some(ticket),
        _ => None,
    }
}

fn update(due: &Due) -> Update<'_> {
    Update { team: &due.team, rule: &due.rule, thread: &due.thread }
}

/// What becomes of an update whose time has come.
enum Decision<'a> {
    Send(Box<Ready<'a>>),
    Wait(Box<Due>, Wait, Reason),
    Suppress(i64, Reason),
    /// Another rule of the team told of it
    Told(i64, Reason),
    Fail(i64, Reason),
}

/// A fault of ours in one update must not hold up the others.
fn decide<'a>(due: Due, rulebook: &'a Rulebook, now: Timestamp) -> Decision<'a> {
    let id = due.id;
    std::panic::catch_unwind(AssertUnwindSafe(|| release(due, rulebook, now))).unwrap_or_else(|_| {
        tracing::error!(line = id, "our fault: an update could not be released");
        Decision::Fail(id, Reason::Fault { detail: "it could not be written".to_owned() })
    })
}

fn release<'a>(due: Due, rulebook: &'a Rulebook, now: Timestamp) -> Decision<'a> {
    let ticket = ticket_of(&due);
    let Due { event, kind, team, rule, deployed, .. } = &due;
    let waited = Waited { event, kind: *kind, team, rule, ticket, deployed: *deployed, private: due.private };
    let (event, team, rule) = match plan::release(waited, due.known.as_ref(), rulebook.rules()) {
        Release::Suppressed(reason) => return Decision::Suppress(due.id, reason),
        Release::Send { event, team, rule } => (event, team, rule),
    };
    if let Some(wait) = hold::disturbs(team, rule, now, due.told) {
        let reason = wait.reason(&team.timezone);
        return Decision::Wait(Box::new(due), wait, reason);
    }
    let said: &[Said] = if due.kind.is_milestone() { &due.said } else { &[] };
    let to = match plan::places(rulebook.rules(), team, rule, said) {
        Ok(to) => to,
        Err(reason) => return Decision::Told(due.id, reason),
    };
    match rulebook.compose(&Telling { event: &event, ticket, team, rule, line: Some(&due.name), now }) {
        Ok(message) => match with_page(to, &due, &message) {
            to if to.is_empty() => Decision::Suppress(due.id, Reason::NoPage),
            to => {
                let joins = rulebook.joins_comments(rule, event.kind);
                Decision::Send(Box::new(Ready { due, event, team, rule, message, joins, to }))
            }
        },
        Err(RenderError::Withheld(reason)) => Decision::Suppress(due.id, reason),
        Err(error) => {
            tracing::error!(team = team.name, rule = rule.name, %error, "a message could not be rendered");
            Decision::Fail(due.id, Reason::NotRendered { error: error.to_string() })
        }
    }
}

/// Without the places where a comment would have no page. A ticket must not show a private repository's news to whoever
/// may not see them.
fn with_page(mut to: Vec<Destination>, due: &Due, message: &Message) -> Vec<Destination> {
    to.retain(|to| match to {
        Destination::Github => {
            due.event.host.is_none() && matches!(due.event.about, About::PullRequest(_) | About::Issue(_))
        }
        Destination::Jira => !message.private && due.thread.parse::<TicketKey>().is_ok(),
        _ => true,
    });
    to
}

#[cfg(test)]
mod tests;
