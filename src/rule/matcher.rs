//! Evaluates a rule for an event: a pure function of the two, with the reason in plain words.
//!
//! First comes the kind, then the conditions in the order of [`super::Condition`]; the first that fails gives the
//! reason. Only if all of them hold does it matter whose action it was: a bot's, or that of the team's own members.

mod conditions;
mod matched_by;
mod own_and_bots;
mod phrasing;

pub use self::matched_by::matched_by;
pub use self::own_and_bots::doers;
pub(super) use self::own_and_bots::{is_fact, is_of_dependencies};

use self::phrasing::one_of;
use super::{Rule, Team};
use crate::event::{Event, EventKind, Ticket};
use crate::reason::Reason;

/// What a rule is evaluated for.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The event, with the state of its subject
    pub event: &'a Event,
    /// Not always the event's own kind: it may be a milestone that the subject has reached
    pub kind: EventKind,
    /// What is known of its primary ticket, if that isn't the subject itself
    pub ticket: Option<&'a Ticket>,
}

/// The result of evaluating a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The team wants to hear of it
    Match,
    /// The rule is about something else
    Miss {
        /// The first condition that fails
        because: Reason,
        /// The deciding fact isn't known, so it might have been for the team
        unknown: bool,
    },
    /// The rule matches, but it isn't news to the team
    Suppressed {
        /// Whose action it was
        because: Reason,
    },
}

/// Whether a rule of a team matches an event.
#[must_use]
pub fn evaluate(rule: &Rule, team: &Team, input: Input<'_>) -> Verdict {
    let Input { event, kind, .. } = input;
    if !rule.on.kinds.contains(kind) {
        let wanted: Vec<_> = rule.on.written.iter().map(String::as_str).collect();
        return Verdict::Miss { because: Reason::OtherEvent { kind, wanted: one_of(&wanted) }, unknown: false };
    }
    if let Err(failure) = conditions::hold(&rule.conditions, input) {
        let (detail, unknown) = (failure.because, failure.unknown);
        let because = if unknown { Reason::ConditionUnknown { detail } } else { Reason::ConditionFailed { detail } };
        return Verdict::Miss { because, unknown };
    }
    own_and_bots::no_news(rule, team, event, kind).map_or(Verdict::Match, |because| Verdict::Suppressed { because })
}

#[cfg(test)]
mod tests;
