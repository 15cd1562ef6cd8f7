//! Looks when summaries are due, and has them written.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};

use super::content::{Content, Facts, Pages, content};
use super::reader::{LATE, Reader, reschedule};
use crate::compose::Rulebook;
use crate::config::SummarySettings;
use crate::destination::Destination;
use crate::hold;
use crate::metrics::Metrics;
use crate::mute::{self, Mute};
use crate::reason::{Code, Reason};
use crate::rule::SUMMARY;
use crate::store::{
    AssumptionFilter, AssumptionState, Happenings, NewSummary, Record, Schedule, Store, StoreError, SummaryFate,
    SummaryMessage, TakenBack, silent_for,
};

/// How often it looks for summaries that were taken back, or that are due since the clock was set.
const LOOK: Duration = Duration::from_secs(5);
/// The same if one is due that could not be written: something that came before is still to be planned.
const SOON: Duration = Duration::from_secs(1);
/// After trouble with the store.
const REST: Duration = Duration::from_secs(10);
/// The least difference of times in the ledger.
const A_MOMENT: SignedDuration = SignedDuration::from_millis(1);
/// Assumptions that were told longer ago are in no summary.
const OLDEST_ASSUMPTION: SignedDuration = SignedDuration::from_hours(60 * 24);

/// What summaries are made from.
#[derive(Clone)]
pub struct Gatherer {
    /// What happened
    pub store: Store,
    /// Where links lead
    pub pages: Pages,
}

/// The task that writes summaries.
pub struct Summariser {
    /// Reads what happened, and works out what a reader is told of it.
    pub gatherer: Gatherer,
    /// The teams and templates in force
    pub rulebook: watch::Receiver<Arc<Rulebook>>,
    /// The summary for everybody, if there is one
    pub everybody: Option<SummarySettings>,
    /// As long as the service asks what was missed, it waits
    pub resumed: watch::Receiver<Option<Timestamp>>,
    /// What is counted
    pub metrics: Arc<Metrics>,
    /// Told of what was queued
    pub stored: Arc<Notify>,
}

/// What happened in a span of time, for the summaries of several readers.
type Gathered = HashMap<(Timestamp, Timestamp), Arc<Happenings>>;

impl Gatherer {
    /// What a reader is told of a span of time.
    ///
    /// # Errors
    /// [`StoreError`]; here and below
    pub async fn content(
        &self,
        (reader, rulebook): (&Reader, &Arc<Rulebook>),
        span: Range<Timestamp>,
        now: Timestamp,
    ) -> Result<Content, StoreError> {
        let happenings = Arc::new(self.store.happenings(before(&span), span.clone()).await?);
        self.content_of((reader, rulebook), happenings, span, now).await
    }

    async fn content_of(
        &self,
        (reader, rulebook): (&Reader, &Arc<Rulebook>),
        happenings: Arc<Happenings>,
        span: Range<Timestamp>,
        now: Timestamp,
    ) -> Result<Content, StoreError> {
        let muted = self.muted(reader, &happenings, now).await?;
        let assumptions = self.assumptions(reader, span.start - OLDEST_ASSUMPTION).await?;
        let (reader, rulebook, pages) = (reader.clone(), Arc::clone(rulebook), self.pages.clone());
        // With a thousand teams, it takes a moment who owns what.
        let written = tokio::task::spawn_blocking(move || {
            let teams = rulebook.rules().teams();
            content(
                &reader,
                &Facts {
                    happenings: &happenings,
                    assumptions: &assumptions,
                    teams,
                    muted: &muted,
                    pages: &pages,
                    span,
                },
            )
        });
        written.await.map_err(StoreError::Stopped)
    }

    /// The conversations that are muted for a reader, at whichever of the places.
    async fn muted(
        &self,
        reader: &Reader,
        happenings: &Happenings,
        now: Timestamp,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mutes = self.store.mutes(now).await?;
        let fits = |mute: &Mute| {
            let of_team = mute.scope.team.as_ref().is_none_or(|team| *team == reader.name);
            let here = mute.scope.destination.as_ref().is_none_or(|to| reader.to.is_empty() || reader.to.contains(to));
            of_team && here && mute.scope.rule.is_none()
        };
        let threads = mutes.into_iter().filter(fits).filter_map(|mute| mute.scope.thread);
        Ok(threads.filter(|thread| happenings.courses.contains_key(thread)).collect())
    }

    /// The assumptions that a reader's summary may tell, newest first.
    async fn assumptions(
        &self,
        reader: &Reader,
        since: Timestamp,
    ) -> Result<Vec<(AssumptionState, Record)>, StoreError> {
        let mut filter = AssumptionFilter {
            team: reader.team.as_ref().map(|team| team.name.clone()),
            ..AssumptionFilter::default()
        };
        let mut found = Vec::new();
        loop {
            let page = self.store.list_assumptions(filter.clone()).await?;
            let is_old = page.records.last().is_some_and(|(_, record)| record.at < since);
            found.extend(page.records.into_iter().filter(|(_, record)| record.at >= since));
            match page.before {
                Some(before) if !is_old => filter.before = Some(before),
                _ => return Ok(found),
            }
        }
    }
}

/// From when on it counts that something happened: what has gone quiet in a span was heard of shortly before it.
fn before(span: &Range<Timestamp>) -> Timestamp {
    span.start - silent_for()
}

impl Summariser {
    /// Runs until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut scheduled = None;
        while !*stop.borrow() {
            let rulebook = Arc::clone(&self.rulebook.borrow());
            let rest = match self.look(&rulebook, &mut scheduled).await {
                Ok(next) => next.map_or(LOOK, until).min(LOOK),
                Err(error) => {
                    tracing::error!(%error, "cannot write summaries now, will retry");
                    REST
                }
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Looks what is to be done. Says when the next summary is due.
    async fn look(
        &self,
        rulebook: &Arc<Rulebook>,
        scheduled: &mut Option<Arc<Rulebook>>,
    ) -> Result<Option<Timestamp>, StoreError> {
        if !scheduled.as_ref().is_some_and(|scheduled| Arc::ptr_eq(scheduled, rulebook)) {
            self.schedule(rulebook, Timestamp::now()).await?;
            *scheduled = Some(Arc::clone(rulebook));
        }
        // What was missed belongs into a summary.
        if self.resumed.borrow().is_some() {
            return Ok(None);
        }
        if self.step(rulebook, Timestamp::now()).await? {
            self.stored.notify_one();
        }
        self.gatherer.store.next_summary().await
    }

    /// Works out when summaries are due, for who wants them `now`.
    ///
    /// # Errors
    /// [`StoreError`]; here and below
    pub async fn schedule(&self, rulebook: &Rulebook, now: Timestamp) -> Result<(), StoreError> {
        let readers = Reader::all(rulebook.rules(), self.everybody.as_ref());
        let changed = reschedule(&readers, &self.gatherer.store.summary_schedules().await?, now);
        if changed.is_empty() { Ok(()) } else { self.gatherer.store.schedule_summaries(changed).await }
    }

    /// Writes the summaries that are due `now`, and those that were taken back. Says whether there were any.
    ///
    /// # Errors
    /// As above
    pub async fn step(&self, rulebook: &Arc<Rulebook>, now: Timestamp) -> Result<bool, StoreError> {
        let store = &self.gatherer.store;
        let (taken_back, due) = (store.summaries_taken_back().await?, store.due_summaries(now).await?);
        if taken_back.is_empty() && due.is_empty() {
            return Ok(false);
        }
        let readers = Reader::all(rulebook.rules(), self.everybody.as_ref());
        let mut gathered = Gathered::new();
        let (seen, planned) = (store.last_event().await?, store.planned_until().await?);
        for TakenBack { line, reader, span } in taken_back {
            let fate = match readers.iter().find(|other| other.name == reader) {
                Some(reader) => self.fate((reader, rulebook), &mut gathered, span, now).await?,
                None => SummaryFate::Suppressed(Reason::RuleRemoved { team: reader, rule: SUMMARY.to_owned() }),
            };
            store.rewrite_summary(line, (fate, seen), now).await?;
        }
        for schedule in due {
            if let Some(reader) = readers.iter().find(|reader| reader.name == schedule.reader) {
                self.write((reader, rulebook), (&mut gathered, seen, planned), schedule, now).await?;
            }
        }
        Ok(true)
    }

    /// Writes a summary that is due, or puts it off.
    async fn write(
        &self,
        (reader, rulebook): (&Reader, &Arc<Rulebook>),
        (gathered, seen, planned): (&mut Gathered, i64, Option<Timestamp>),
        schedule: Schedule,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(due) = schedule.due else { return Ok(()) };
        let is_late = now.duration_since(due) > LATE;
        if let Some(until) = self.disturbs(reader, now).await?.filter(|_| !is_late) {
            return self.gatherer.store.schedule_summaries(vec![Schedule { due: Some(until), ..schedule }]).await;
        }
        // What happened up to a summary that is left out is in the next one.
        let (until, fate) = match is_late {
            true => {
                (schedule.since, SummaryFate::Suppressed(Reason::SummaryLate { due: reader.zone.to_datetime(due) }))
            }
            false => {
                // All that came until it was due is planned; and what was planned later, such as what came during a downtime.
                let until = planned.map_or(due, |planned| due.max(now.min(planned + A_MOMENT)));
                (until, self.fate((reader, rulebook), gathered, schedule.since..until, now).await?)
            }
        };
        let (state, code) = match &fate {
            SummaryFate::Sent(_) => ("held", Code::Sending),
            SummaryFate::Suppressed(reason) => ("suppressed", reason.code()),
            SummaryFate::Failed(reason) => ("failed", reason.code()),
        };
        let next = reader.after(&schedule, until, now);
        let new = NewSummary { next, due, at: now, since: schedule.since, fate, seen };
        if self.gatherer.store.write_summary(new).await? {
            tracing::info!(reader = reader.name, state, %code, "summary");
            self.metrics.update(state, code);
        }
        Ok(())
    }

    /// Until when a summary that is due waits: for the end of quiet hours, or the next period of the budget.
    async fn disturbs(&self, reader: &Reader, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        if let Some(until) = hold::quiet_until(&reader.quiet(), &reader.zone, now) {
            return Ok(Some(until));
        }
        let Some((team, budget)) = reader.budget() else { return Ok(None) };
        let (begin, _) = hold::period(budget.per, &reader.zone, now);
        let name = team.name.clone();
        let sent = self.gatherer.store.read(move |tx| tx.spent(&name, begin)).await?;
        Ok(hold::over_budget(team, now, sent).map(|wait| wait.until))
    }

    /// What becomes of a summary.
    async fn fate(
        &self,
        (reader, rulebook): (&Reader, &Arc<Rulebook>),
        gathered: &mut Gathered,
        span: Range<Timestamp>,
        now: Timestamp,
    ) -> Result<SummaryFate, StoreError> {
        if reader.to.is_empty() {
            return Ok(SummaryFate::Suppressed(Reason::NoPage));
        }
        let (to, left_out) = match self.places(reader, now).await? {
            Ok(places) => places,
            Err(muted) => return Ok(SummaryFate::Suppressed(muted)),
        };
        let happenings = match gathered.get(&(span.start, span.end)) {
            Some(happenings) => Arc::clone(happenings),
            None => {
                let read = Arc::new(self.gatherer.store.happenings(before(&span), span.clone()).await?);
                gathered.insert((span.start, span.end), Arc::clone(&read));
                read
            }
        };
        let thread = format!("{} summary {}", reader.name, now.to_zoned(reader.zone.clone()).strftime("%Y-%m-%d"));
        let content = self.gatherer.content_of((reader, rulebook), happenings, span, now).await?;
        if content.is_empty() {
            return Ok(SummaryFate::Suppressed(Reason::NothingMoved));
        }
        Ok(match rulebook.summary(reader.team.as_ref(), &reader.zone, content.view, now) {
            Ok(message) => {
                let names = content.names;
                SummaryFate::Sent(Box::new(SummaryMessage { message, names, to, left_out, thread }))
            }
            Err(error) => {
                tracing::error!(reader = reader.name, %error, "a summary could not be rendered");
                SummaryFate::Failed(Reason::NotRendered { error: error.to_string() })
            }
        })
    }

    /// Where a summary goes, and where it is left out; or why it goes nowhere.
    async fn places(&self, reader: &Reader, now: Timestamp) -> Result<Result<Places, Reason>, StoreError> {
        let (name, to) = (reader.name.clone(), reader.to.clone());
        let mutes = self.gatherer.store.read(move |tx| tx.mutes_of(&[(update(&name), &to)], now)).await?;
        let (heard, muted) = mute::sift(update(&reader.name), reader.to.clone(), &mutes);
        if heard.is_empty() {
            let by = muted.into_iter().map(|(_, mute)| mute.clone()).collect();
            return Ok(Err(Reason::Muted { by }));
        }
        Ok(Ok((heard, muted.into_iter().map(|(to, mute)| (to, mute.terms())).collect())))
    }
}

fn update(reader: &str) -> mute::Update<'_> {
    mute::Update { team: reader, rule: SUMMARY, thread: "" }
}

/// Where a summary goes, and where it is left out with what muted it.
type Places = (Vec<Destination>, Vec<(Destination, String)>);

fn until(next: Timestamp) -> Duration {
    Duration::try_from(next.duration_since(Timestamp::now())).unwrap_or_default().max(SOON)
}
