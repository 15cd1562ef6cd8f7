//! What comes with time, and isn't a webhook: what a rule's timer waits for, and what follows when it has run out.

use jiff::Timestamp;

use super::Fate;
use crate::event::{About, Event, EventKind, RuleId, Source, SubjectKey, Ticket};
use crate::rule::{Input, Rule, Team, Verdict, evaluate};
use crate::track::Known;

/// A rule's wait for a silence, or for a due date.
#[derive(Debug, Clone, PartialEq)]
pub struct Timer {
    /// The subject
    pub subject: SubjectKey,
    /// The rule
    pub rule: RuleId,
    /// What it would tell
    pub kind: EventKind,
    /// When it runs out
    pub due: Timestamp,
}

/// What is known when a timer has run out.
#[derive(Debug, Clone, Copy)]
pub struct Since<'a> {
    /// Of its subject
    pub known: &'a Known,
    /// Of its ticket, where that is not the subject itself
    pub ticket: Option<&'a Ticket>,
    /// When another team was last told of anything in the conversation
    pub said: Option<Timestamp>,
    /// Whether the rule told of this due date before
    pub told: bool,
}

/// What follows when a timer has run out.
#[derive(Debug, Clone, PartialEq)]
pub enum Elapsed {
    /// The ledger tells of it, whether or not the team hears of it
    Told {
        /// That nothing happened, or what is due
        event: Box<Event>,
        /// What becomes of that
        fate: Fate,
    },
    /// It is too early
    Until(Timestamp),
    /// There is nothing to tell
    Over,
}

/// Whether a rule's conditions hold. Whose news it was does not matter: nobody brings about what time brings.
pub(super) fn wants(rule: &Rule, team: &Team, asked: Input<'_>) -> bool {
    !matches!(evaluate(rule, team, asked), Verdict::Miss { .. })
}

/// What a timer tells.
pub(super) fn event(timer: &Timer, known: &Known, now: Timestamp) -> Event {
    let source = if matches!(known.about, About::Ticket(_)) { Source::Jira } else { Source::Github };
    Event {
        scope: timer.subject.scope().to_owned(),
        at: now,
        url: known.about.url().map(str::to_owned),
        tickets: known.tickets.clone(),
        private: known.about.private(),
        host: known.host.clone(),
        ..Event::bare(source, timer.kind, timer.subject.clone(), known.about.clone())
    }
}
