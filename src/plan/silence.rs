//! Events about silence: a pull request that stalls, a ticket that went quiet.
//!
//! Each event about a subject starts a timer for each rule that asks for silence. If the timer runs out, nothing has
//! happened.

use jiff::Timestamp;

use super::{Fate, Held, Plan, rule_id};
use crate::event::{About, Event, EventKind, RuleId, Source, SubjectKey, Ticket, Undoes};
use crate::hold::{Past, hold};
use crate::reason::Reason;
use crate::rule::{Input, Rules, Team, Verdict, evaluate, is_member};
use crate::track::{Known, Tracked, holds};

/// A rule's wait for a silence.
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

/// The timers that begin anew with an event.
pub(super) fn timers(tracked: &Tracked, rules: &Rules, now: Timestamp) -> Vec<Timer> {
    let event = &tracked.event;
    let kind = match event.about {
        About::PullRequest(_) => EventKind::PullRequestStalled,
        About::Ticket(_) | About::Issue(_) => EventKind::TicketQuiet,
        About::Thing(_) => return Vec::new(),
    };
    if idle(tracked) || event.kind == EventKind::TicketDeleted || !holds(kind, &tracked.known.about) {
        return Vec::new();
    }
    let asked = Input { event, kind, ticket: tracked.ticket_as(kind) };
    let wanted = rules.candidates(kind, event).filter_map(|(team, rule)| {
        let after = rule.after?;
        // Whose news it was does not matter: nobody brings about a silence.
        let wants = !matches!(evaluate(rule, team, asked), Verdict::Miss { .. });
        let (subject, due) = (event.subject.clone(), now + after);
        wants.then(|| Timer { subject, rule: rule_id(team, rule), kind, due })
    });
    wanted.collect()
}

/// The subjects of which an event says that they are gone, by this name.
pub(super) fn gone(event: &Event) -> Vec<SubjectKey> {
    let gone = matches!(event.undoing.as_ref().map(|undoing| &undoing.of), Some(Undoes::Subject(_)));
    if gone || event.kind == EventKind::TicketDeleted { vec![event.subject.clone()] } else { Vec::new() }
}

/// What still waits to tell of a silence is not told any more: something happened.
pub(super) fn broken(plan: &mut Plan, tracked: &Tracked, held: &[Held]) {
    if idle(tracked) {
        return;
    }
    let silences = held.iter().filter(|held| held.kind.is_of_silence());
    plan.withdrawn.extend(silences.map(|held| (held.id, Reason::SilenceBroken)));
}

/// What bots do ends no silence, nor what is no news.
fn idle(tracked: &Tracked) -> bool {
    let by_bot = tracked.event.actor.as_ref().is_some_and(|actor| actor.bot);
    by_bot || tracked.stale.is_some() || tracked.event.undoing.is_some()
}

/// What is known when a timer has run out.
#[derive(Debug, Clone, Copy)]
pub struct Silent<'a> {
    /// Of its subject
    pub known: &'a Known,
    /// Of its ticket, where that is not the subject itself
    pub ticket: Option<&'a Ticket>,
    /// When another team was last told of anything in the conversation
    pub said: Option<Timestamp>,
}

/// What follows when a timer has run out.
#[derive(Debug, Clone, PartialEq)]
pub enum Silence {
    /// The ledger tells of it, whether or not the team hears of it
    Told {
        /// That nothing happened
        event: Box<Event>,
        /// What becomes of that
        fate: Fate,
    },
    /// It is too early
    Until(Timestamp),
    /// There is nothing to tell
    Over,
}

/// What follows when a timer has run out `now`. A ticket is quiet only if somebody listens: another team was told.
#[must_use]
pub fn broken_silence(timer: &Timer, silent: Silent<'_>, rules: &Rules, now: Timestamp) -> Silence {
    let Silent { known, ticket, said } = silent;
    let Some((team, rule)) = rules.find(&timer.rule.team, &timer.rule.name) else { return Silence::Over };
    let Some(after) = rule.after.filter(|_| holds(timer.kind, &known.about)) else { return Silence::Over };
    let event = Box::new(event(timer, known, now));
    let suppressed = |event, reason| Silence::Told { event, fate: Fate::Suppressed(reason) };
    let ticket = event.ticket_as(timer.kind, ticket);
    match evaluate(rule, team, Input { event: &event, kind: timer.kind, ticket: ticket.as_deref() }) {
        Verdict::Miss { .. } => return Silence::Over,
        Verdict::Suppressed { because } => return suppressed(event, because),
        Verdict::Match => {}
    }
    if timer.kind == EventKind::TicketQuiet {
        match said {
            None => return suppressed(event, Reason::NobodyWaits),
            Some(said) if said + after > now => return Silence::Until(said + after),
            Some(_) => {}
        }
        if let Some(because) = not_its_own(team, &event) {
            return suppressed(event, because);
        }
    }
    Silence::Told { event, fate: Fate::held((team, rule), hold(team, rule, now, Past::default()), None) }
}

/// A nudge goes to the team that works on the ticket.
fn not_its_own(team: &Team, event: &Event) -> Option<Reason> {
    let assignees = match &event.about {
        About::Ticket(ticket) => ticket.assignee.clone().into_iter().collect(),
        About::Issue(issue) => issue.assigned(),
        About::PullRequest(_) | About::Thing(_) => return None,
    };
    match assignees.first() {
        None => Some(Reason::NobodyToNudge { ticket: event.subject.bare().to_owned() }),
        Some(_) if assignees.iter().any(|assignee| is_member(&team.members, assignee)) => None,
        Some(assignee) => Some(Reason::NotTheirs { assignee: assignee.name.clone(), team: team.name.clone() }),
    }
}

fn event(timer: &Timer, known: &Known, now: Timestamp) -> Event {
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
