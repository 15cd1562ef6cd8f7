//! Replays stored deliveries: the real [`Intake`] works on a store of its own, on a clock that only the replay moves.
//!
//! Nothing is sent, because nothing dispatches what is queued there; and nobody is asked, because what GitHub and Jira said then is
//! in the ledger.

mod known;
mod outcome;

use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::compose::Rulebook;
use crate::config::TellAuthors;
use crate::event::{Event, RuleId};
use crate::intake::{Intake, understand};
use crate::plan;
use crate::source::Settings;
use crate::store::{Accepted, Incoming, Store, StoreError};
use crate::track::Tracked;

pub use self::outcome::{Comparison, Outcome};
use self::outcome::{count, unsent};

/// A rehearsal that is over.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many deliveries were taken in again
    pub deliveries: usize,
    /// How many weren't, since their bodies are deleted by now
    pub bodiless: u64,
    /// What would have come of each rule, beside what the ledger has of it
    pub comparison: Comparison,
}

/// The last days up to now.
#[must_use]
pub fn last_days(days: i64) -> RangeInclusive<Timestamp> {
    let until = Timestamp::now();
    until - SignedDuration::from_hours(24 * days)..=until
}

/// What rules would have made of a span of time. `progress` is told how many deliveries are done, and how many there are.
///
/// # Errors
/// One sentence.
pub async fn rehearse(
    (stored, span): (&Store, &RangeInclusive<Timestamp>),
    rules: (Settings, Rulebook),
    progress: impl Fn(usize, usize),
) -> Result<Report, String> {
    let failed = |error: StoreError| error.to_string();
    let played = play((stored, span), rules, progress).await?;
    let bodiless = stored.bodiless(span).await.map_err(failed)?;
    let comparison = played.replay.compared(stored, span).await.map_err(failed)?;
    Ok(Report { deliveries: played.deliveries, bodiless, comparison })
}

/// A past that was played on a temporary store.
pub struct Played {
    /// How many deliveries were taken in again
    pub deliveries: usize,
    // Its writer ends once the store is dropped; then the folder goes.
    replay: Replay,
    _folder: TempDir,
}

impl Played {
    /// What came of it.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.replay.intake.store
    }
}

/// Plays a span of a store's past by these rules.
///
/// # Errors
/// One sentence.
pub async fn play(
    (stored, span): (&Store, &RangeInclusive<Timestamp>),
    (settings, rulebook): (Settings, Rulebook),
    progress: impl Fn(usize, usize),
) -> Result<Played, String> {
    let folder = tempfile::Builder::new().prefix("microalign-rehearsal-").tempdir();
    let folder = folder.map_err(|error| format!("there is no room for a temporary store: {error}"))?;
    let failed = |error: StoreError| error.to_string();
    let (scratch, _written) = Store::scratch(&folder.path().join("microalign.db")).await.map_err(failed)?;
    let mut replay = Replay::new(scratch, settings, rulebook, *span.start());
    let deliveries = replay.span(stored, span, progress).await.map_err(failed)?;
    Ok(Played { deliveries, replay, _folder: folder })
}

/// An intake, and the time it is there.
pub struct Replay {
    intake: Intake,
    clock: Timestamp,
    /// How often rules could not say whether an event is for them
    undecided: Vec<RuleId>,
}

impl Replay {
    /// Begins at a time, with nothing known but what the store knows.
    #[must_use]
    pub fn new(store: Store, settings: Settings, rulebook: Rulebook, from: Timestamp) -> Self {
        // The service reads on for the rules in force.
        let settings = Settings { fields: settings.fields.asking(rulebook.rules().fields()), ..settings };
        // The rules stay as they are: nobody needs the other ends.
        let ((_, rulebook), (_, resumed)) = (watch::channel(Arc::new(rulebook)), watch::channel(None));
        let (metrics, stored, fresh) = (Arc::default(), Arc::default(), Arc::default());
        let tell_authors = TellAuthors::default();
        let (enricher, sending) = (None, None);
        let renamings = mpsc::unbounded_channel().0;
        let intake = Intake {
            store,
            settings,
            enricher,
            tell_authors,
            rulebook,
            resumed,
            metrics,
            tracer: None,
            stored,
            fresh,
            sending,
            renamings,
            touched: Vec::new(),
        };
        Self { intake, clock: from, undecided: Vec::new() }
    }

    /// Moves the clock on, and does what falls due on the way, each at its time.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn advance(&mut self, to: Timestamp) -> Result<(), StoreError> {
        // What was due by now is done.
        while let Some(due) = self.intake.store.next_due().await?.filter(|due| self.clock < *due && *due <= to) {
            self.clock = due;
            self.work().await?;
        }
        self.clock = self.clock.max(to);
        Ok(())
    }

    /// Takes a delivery in when it came, or at once if that is past.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn take(&mut self, delivery: Incoming) -> Result<Accepted, StoreError> {
        self.advance(delivery.received).await?;
        let accepted = self.intake.store.accept(delivery).await?;
        self.work().await?;
        Ok(accepted)
    }

    /// The same for one that was taken in before, with what was asked for its events then.
    async fn take_again(&mut self, delivery: Incoming, before: Vec<Event>) -> Result<(), StoreError> {
        let Incoming { source, key, name, body, received, .. } = &delivery;
        let Intake { settings, fresh, .. } = &self.intake;
        let fields = settings.fields.now();
        let parsed = known::complete(understand(*source, name, body, *received, settings), before);
        fresh.put(*source, key, (parsed, fields));
        if let Accepted::New(id) = self.take(delivery).await? {
            self.note_undecided(id).await?;
        }
        Ok(())
    }

    /// Notes the rules that could not say whether the events of a delivery are for them.
    async fn note_undecided(&mut self, delivery: i64) -> Result<(), StoreError> {
        let (store, rulebook) = (&self.intake.store, Arc::clone(&self.intake.rulebook.borrow()));
        for event in store.events_of(delivery).await?.into_iter().filter(|event| event.undoing.is_none()) {
            let (subject, ticket) = (event.subject.clone(), event.tickets.first().cloned());
            let subjects = std::iter::once(subject.clone()).chain(ticket.as_ref().map(|key| key.subject()));
            let known = store.known(subjects.collect()).await?;
            let ticket = ticket.and_then(|key| known.get(&key.subject())?.ticket(key.as_str()));
            let Some(known) = known.get(&subject).cloned() else { continue };
            let tracked = Tracked::again(event, known, ticket);
            let undecided = plan::undecided(&tracked, rulebook.rules()).into_iter();
            self.undecided
                .extend(undecided.map(|(team, rule, _)| RuleId { team: team.name.clone(), name: rule.name.clone() }));
        }
        Ok(())
    }

    async fn work(&self) -> Result<(), StoreError> {
        while self.intake.step(self.clock).await? {}
        Ok(())
    }

    /// Takes in what a store was sent in a span of time, and all that falls due within; says how many deliveries
    /// that were. `progress` is told how many of them are done, before each.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn span(
        &mut self,
        stored: &Store,
        span: &RangeInclusive<Timestamp>,
        progress: impl Fn(usize, usize),
    ) -> Result<usize, StoreError> {
        let ids = stored.received(span).await?;
        for (done, id) in ids.iter().enumerate() {
            progress(done, ids.len());
            // One body at a time: there may be more of them than memory.
            if let Some(delivery) = stored.delivery(*id).await? {
                let before = stored.events_of(*id).await?;
                self.take_again(delivery, before).await?;
            }
        }
        self.advance(*span.end()).await?;
        Ok(ids.len())
    }

    /// What came of it, beside what a store's ledger has of the same span.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn compared(&self, stored: &Store, span: &RangeInclusive<Timestamp>) -> Result<Comparison, StoreError> {
        let store = &self.intake.store;
        let mut teams = self
            .intake
            .rulebook
            .borrow()
            .rules()
            .all()
            .map(|(team, rule)| ((team.name.clone(), rule.name.clone()), Outcome::default()))
            .collect();
        count(&mut teams, store.messages(span).await?, |outcome| &mut outcome.would);
        count(&mut teams, stored.messages(span).await?, |outcome| &mut outcome.had);
        for RuleId { team, name } in &self.undecided {
            teams.entry((team.clone(), name.clone())).or_default().undecided += 1;
        }
        for untold in store.untold().await? {
            unsent(&mut teams, untold);
        }
        Ok(teams)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::config;
    use crate::event::Source;

    const TEAM: &str = r#"
team = "web"
to = ["mailbox"]
settle = "10m"
quiet = ["22:00-08:00"]
[[rule]]
name = "work"
on = ["pull_request.*"]
"#;

    fn delivery(key: &str, at: &str, fields: serde_json::Value) -> Incoming {
        let mut body = json!({
            "action": key,
            "repository": { "full_name": "acme/ingest" },
            "sender": { "login": "ana" },
            "pull_request": { "number": 7, "title": "T", "state": "open", "draft": false },
        });
        for (name, value) in fields.as_object().unwrap() {
            body["pull_request"][name] = value.clone();
        }
        let (body, received) = (body.to_string().into_bytes(), at.parse().unwrap());
        let name = "pull_request".to_owned();
        Incoming { source: Source::Github, key: key.to_owned(), name, body, received, ignored: None }
    }

    #[tokio::test]
    async fn the_past_takes_as_long_as_it_took() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        std::fs::write(folder.path().join("rules/web.toml"), TEAM).unwrap();
        std::fs::write(folder.path().join("microalign.toml"), "[github]\nsecrets = [\"sixteen-letters-or-more\"]\n")
            .unwrap();
        let config = config::load(&folder.path().join("microalign.toml"), &|_| None).unwrap();
        let (stored, _) = Store::scratch(&folder.path().join("stored.db")).await.unwrap();
        // They were written in another order than they came in.
        for (key, at, fields) in [
            ("closed", "2026-03-03T07:00:00Z", json!({ "state": "closed", "merged": true })),
            ("opened", "2026-03-02T12:00:00Z", json!({ "draft": true })),
            ("ready_for_review", "2026-03-02T12:05:00Z", json!({})),
            ("reopened", "2026-03-01T12:00:00Z", json!({ "number": 8 })),
        ] {
            stored.accept(delivery(key, at, fields)).await.unwrap();
        }
        let (scratch, _) = Store::scratch(&folder.path().join("scratch.db")).await.unwrap();
        let span = |from: &str, to: &str| from.parse::<Timestamp>().unwrap()..=to.parse().unwrap();
        let before = span("2026-03-02T00:00:00Z", "2026-03-03T07:59:59Z");
        let settings = Settings::default();
        let mut replay = Replay::new(scratch.clone(), settings, Rulebook::load(&config, None), *before.start());
        assert_eq!(replay.span(&stored, &before, |_, _| {}).await.unwrap(), 3, "one came before");
        // The draft was replaced while it settled; the merge waits for the morning.
        let expected = Outcome { would: 1, held: 1, superseded: 1, ..Outcome::default() };
        let rule = ("web".to_owned(), "work".to_owned());
        assert_eq!(replay.compared(&stored, &before).await.unwrap()[&rule], expected);
        replay.advance("2026-03-03T08:00:00Z".parse().unwrap()).await.unwrap();
        let after = span("2026-03-03T08:00:00Z", "2026-03-03T08:00:00Z");
        assert_eq!(scratch.messages(&after).await.unwrap()[0].count, 1, "and goes when that comes");
    }
}
