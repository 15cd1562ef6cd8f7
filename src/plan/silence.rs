//! Events about silence: a pull request that stalls, a ticket that went quiet.
//!
//! Each event about a subject starts a timer for each rule that asks for silence. If the timer runs out, nothing has
//! happened. The timers of due dates are in [`super::deadline`].

use jiff::Timestamp;

use super::timer::{Elapsed, Since, Timer, event, wants};
use super::{Fate, Held, Plan, rule_id};
use crate::event::{About, Event, EventKind, SubjectKey, Undoes};
use crate::hold::{Past, hold};
use crate::reason::Reason;
use crate::rule::{Input, Rule, Rules, Team, Verdict, evaluate, is_member};
use crate::track::{Tracked, holds};

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
        let (subject, due) = (event.subject.clone(), now + after);
        wants(rule, team, asked).then(|| Timer { subject, rule: rule_id(team, rule), kind, due })
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

/// What bots do ends no silence, nor what isn't news.
fn idle(tracked: &Tracked) -> bool {
    let by_bot = tracked.event.actor.as_ref().is_some_and(|actor| actor.bot);
    by_bot || tracked.stale.is_some() || tracked.event.undoing.is_some()
}

/// What follows from a silence. A ticket is quiet only if somebody listens: another team was told.
pub(super) fn elapsed(timer: &Timer, since: Since<'_>, (team, rule): (&Team, &Rule), now: Timestamp) -> Elapsed {
    let Since { known, ticket, said, .. } = since;
    let Some(after) = rule.after.filter(|_| holds(timer.kind, &known.about)) else { return Elapsed::Over };
    let event = Box::new(event(timer, known, now));
    let suppressed = |event, reason| Elapsed::Told { event, fate: Fate::Suppressed(reason) };
    let ticket = event.ticket_as(timer.kind, ticket);
    match evaluate(rule, team, Input { event: &event, kind: timer.kind, ticket: ticket.as_deref() }) {
        Verdict::Miss { .. } => return Elapsed::Over,
        Verdict::Suppressed { because } => return suppressed(event, because),
        Verdict::Match => {}
    }
    if timer.kind == EventKind::TicketQuiet {
        match said {
            None => return suppressed(event, Reason::NobodyWaits),
            Some(said) if said + after > now => return Elapsed::Until(said + after),
            Some(_) => {}
        }
        if let Some(because) = not_its_own(team, &event) {
            return suppressed(event, because);
        }
    }
    Elapsed::Told { event, fate: Fate::held((team, rule), hold(team, rule, now, Past::default()), None) }
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
