//! Replays stored deliveries: the real [`Intake`] works on a store of its own, on a clock that only the replay moves.
//!
//! Nothing is sent, because nothing dispatches what is queued there.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};

use crate::compose::Rulebook;
use crate::config::TellAuthors;
use crate::intake::Intake;
use crate::reason::Code;
use crate::source::Settings;
use crate::store::{EntryState, Incoming, Messages, Store, StoreError, Untold};

/// What rules would have made of the last days, beside what the ledger has of them; and how many deliveries that were.
/// `progress` is told how many of them are done.
///
/// # Errors
/// One sentence.
pub async fn lately(
    stored: &Store,
    (settings, rulebook): (Settings, Rulebook),
    days: i64,
    progress: impl Fn(usize, usize),
) -> Result<(usize, Comparison), String> {
    let folder = tempfile::Builder::new().prefix("microalign-rehearsal-").tempdir();
    let folder = folder.map_err(|error| format!("there is no room for a temporary store: {error}"))?;
    let failed = |error: StoreError| error.to_string();
    let until = Timestamp::now();
    let span = until - SignedDuration::from_hours(24 * days)..=until;
    // Its writer ends once the store is dropped; then the folder goes, whether the rehearsal is over or cancelled.
    let (scratch, _written) = Store::scratch(&folder.path().join("microalign.db")).await.map_err(failed)?;
    let mut replay = Replay::new(scratch, settings, rulebook, *span.start());
    let deliveries = replay.span(stored, &span, progress).await.map_err(failed)?;
    Ok((deliveries, replay.compared(stored, &span).await.map_err(failed)?))
}

/// An intake, and the time it is there.
pub struct Replay {
    intake: Intake,
    clock: Timestamp,
}

impl Replay {
    /// Begins at a time, with nothing known but what the store knows.
    #[must_use]
    pub fn new(store: Store, settings: Settings, rulebook: Rulebook, from: Timestamp) -> Self {
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
        Self { intake, clock: from }
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
    pub async fn take(&mut self, delivery: Incoming) -> Result<(), StoreError> {
        self.advance(delivery.received).await?;
        self.intake.store.accept(delivery).await?;
        self.work().await
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
                self.take(delivery).await?;
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
        for untold in store.untold().await? {
            unsent(&mut teams, untold);
        }
        Ok(teams)
    }
}

/// What came of each rule, by its team and name.
pub type Comparison = BTreeMap<(String, String), Outcome>;

/// What came of a rule's updates, or of all of a team's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The messages that there would have been
    pub would: u64,
    /// The messages that there were
    pub had: u64,
    /// Updates that would wait still
    pub held: u64,
    /// Updates that a later one would have replaced
    pub superseded: u64,
    /// Updates that could not have been written
    pub failed: u64,
    /// Updates that something would have spoken against, by what did
    pub suppressed: BTreeMap<&'static str, u64>,
}

impl Outcome {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.would += other.would;
        self.had += other.had;
        self.held += other.held;
        self.superseded += other.superseded;
        self.failed += other.failed;
        for (class, count) in &other.suppressed {
            *self.suppressed.entry(class).or_default() += count;
        }
        self
    }
}

fn count(rules: &mut Comparison, messages: Vec<Messages>, field: impl Fn(&mut Outcome) -> &mut u64) {
    for Messages { team, rule, count } in messages {
        *field(rules.entry((team, rule)).or_default()) += count;
    }
}

fn unsent(rules: &mut Comparison, Untold { team, rule, state, code, count }: Untold) {
    let outcome = rules.entry((team, rule)).or_default();
    match state {
        EntryState::Held | EntryState::Sent => outcome.held += count,
        EntryState::Superseded => outcome.superseded += count,
        EntryState::Failed => outcome.failed += count,
        EntryState::Suppressed | EntryState::Ignored => *outcome.suppressed.entry(class(code)).or_default() += count,
    }
}

/// What a reason is a case of.
fn class(code: Code) -> &'static str {
    match code {
        code if code.is_changed() => "changed",
        code if code.is_late() => "late",
        Code::BotDoing | Code::BotBranch => "bot",
        Code::OwnDoing => "own",
        Code::NobodyWaits | Code::NobodyToNudge | Code::NotTheirs => "nobody_waits",
        Code::ToldBefore | Code::ToldByRule | Code::ToldAlready => "told_before",
        Code::TakenBack => "taken_back",
        _ => "other",
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

    #[test]
    fn reasons_are_of_a_class() {
        let of = |expected: &str| {
            let codes = Code::ALL.iter().filter(|code| class(**code) == expected);
            codes.map(|code| code.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("late"), "late_gone late_state late_failed late_edited");
        assert_eq!(of("bot"), "bot_doing bot_branch");
        assert_eq!(of("own"), "own_doing");
        assert_eq!(of("told_before"), "told_before told_by_rule told_already");
        assert_eq!(of("taken_back"), "taken_back");
        assert_eq!(of("nobody_waits"), "nobody_waits nobody_to_nudge not_theirs");
        for code in Code::ALL {
            let by_now = code.as_str().ends_with("_by_now");
            assert!(!by_now || class(*code) == "changed", "{code}");
        }
    }
}
