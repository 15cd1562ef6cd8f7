//! What an event takes back: updates that wait although they are no longer true, and changes that were undone while they
//! waited.

use crate::event::{EventKind, OccurrenceId, SubjectKey, Undoes, Undone};
use crate::reason::Reason;
use crate::rule::Rules;
use crate::track::Tracked;

use super::{Held, History, Plan, Reached};

/// Messages that were made, of which some may not be sent yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// Which
    pub made: Made,
    /// Why what they tell is not to be sent any more; `None` if it is to be written anew
    pub withdrawn: Option<Reason>,
}

/// Which messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// Those that tell of an occurrence, by its name
    Occurrence(OccurrenceId),
    /// Those about a subject
    Subject(SubjectKey),
    /// Those of a conversation
    Thread(String),
    /// Those about what is in a repository
    Repository(SubjectKey),
}

/// Takes back what an event undoes. What tells of it and waits is not sent, or in other words.
pub(super) fn take_back(plan: &mut Plan, tracked: &Tracked, held: &[Held]) {
    let event = &tracked.event;
    if tracked.restricts {
        plan.recalled.push(Recall { made: Made::Thread(tracked.conversation()), withdrawn: None });
    }
    let undoes = event.undoing.as_ref().map(|undoing| &undoing.of);
    let gone = (event.kind == EventKind::TicketDeleted && tracked.stale.is_none()).then_some(Undone::Deleted);
    match (undoes, gone) {
        (Some(Undoes::Occurrence(once, how)), _) => {
            let words = event.comment.clone().filter(|_| *how == Undone::Edited);
            let withdrawn = words.is_none().then(|| before_it_was_sent(*how));
            let waiting = held.iter().filter(|held| held.once.as_ref() == Some(once));
            plan.withdrawn.extend(waiting.filter_map(|held| Some((held.id, withdrawn.clone()?))));
            plan.recalled.push(Recall { made: Made::Occurrence(once.clone()), withdrawn });
            plan.reworded.push((once.clone(), words));
        }
        (Some(Undoes::Subject(_)), _) | (None, Some(_)) => {
            let how = match undoes {
                Some(Undoes::Subject(how)) => *how,
                _ => Undone::Deleted,
            };
            let reason = before_it_was_sent(how);
            plan.withdrawn.extend(held.iter().map(|held| (held.id, reason.clone())));
            plan.recalled.push(Recall { made: Made::Subject(event.subject.clone()), withdrawn: Some(reason) });
        }
        (Some(Undoes::Nothing) | None, _) => {}
    }
}

fn before_it_was_sent(how: Undone) -> Reason {
    match how {
        Undone::Edited => Reason::WordsTakenBack,
        how => Reason::UndoneBefore { how },
    }
}

/// What goes off while it waits to be told that it went on is not told, and neither is that it went off.
pub(super) fn settle_flaps(plan: &mut Plan, tracked: &Tracked, held: &[Held]) {
    if tracked.stale.is_some() {
        return;
    }
    let kind = tracked.event.kind;
    let undone = held.iter().filter(|held| is_undone(held, tracked)).map(|held| held.id);
    let new = undone.filter(|id| !plan.superseded.iter().chain(&plan.withdrawn).any(|(other, _)| other == id));
    let new = new.map(|id| (id, Reason::UndoneByEvent { kind })).collect::<Vec<_>>();
    plan.withdrawn.extend(new);
}

/// Why what undoes something isn't news to a team: it was not told of that.
pub(super) fn not_told_yet(
    tracked: &Tracked,
    (team, rule, kind): Reached<'_>,
    (rules, history): (&Rules, &History),
) -> Option<Reason> {
    if kind != tracked.event.kind {
        return None;
    }
    let waiting = history.held.iter().filter(|held| held.rule.team == team.name && is_undone(held, tracked));
    let unheard = waiting.filter(|held| {
        let old = rules.find(&held.rule.team, &held.rule.name);
        held.rule.name == rule.name || old.is_some_and(|(_, old)| rule.to.iter().all(|to| old.to.contains(to)))
    });
    if let Some(held) = unheard.into_iter().next() {
        return Some(Reason::NotToldYet { team: team.name.clone(), kind: held.kind });
    }
    let asks = |kind| rule.on.kinds.contains(kind);
    if kind == EventKind::WorkflowRecovered && asks(EventKind::WorkflowFailed) {
        let last = history.told.get(&super::rule_id(team, rule)).map(|(_, kind)| *kind);
        return (last != Some(EventKind::WorkflowFailed)).then(|| Reason::FailureNotTold { team: team.name.clone() });
    }
    None
}

/// Whether an event undoes what a waiting update tells.
fn is_undone(held: &Held, tracked: &Tracked) -> bool {
    let event = &tracked.event;
    let change = |change: &Option<crate::event::Change>, on: bool| {
        let change = change.as_ref()?;
        if on { change.to.clone() } else { change.from.clone() }
    };
    match (held.kind, event.kind) {
        (EventKind::PullRequestLabeled, EventKind::PullRequestUnlabeled) => {
            change(&held.change, true) == change(&event.change, false)
        }
        (EventKind::PullRequestUnlabeled, EventKind::PullRequestLabeled) => {
            change(&held.change, false) == change(&event.change, true)
        }
        (EventKind::TicketLinked, EventKind::TicketUpdated) => {
            let of_links = event.change.as_ref().is_some_and(|change| change.field == "link");
            of_links && change(&held.change, true) == change(&event.change, false)
        }
        (EventKind::TicketSlipped | EventKind::TicketPulledIn, EventKind::TicketUpdated) => {
            event.change.as_ref().is_some_and(|change| change.field == "due" && change.to.is_none())
        }
        (EventKind::TicketUpdated, EventKind::TicketSlipped | EventKind::TicketPulledIn | EventKind::TicketUpdated) => {
            // One milestone took the place of another.
            let field = |change: &Option<crate::event::Change>| change.as_ref().map(|change| change.field.clone());
            let removed = change(&held.change, false).filter(|_| change(&held.change, true).is_none());
            let of_versions =
                [&held.change, &event.change].map(field).iter().all(|of| of.as_deref() == Some("fix_version"));
            of_versions && removed.is_some() && removed == change(&event.change, false)
        }
        (EventKind::TicketDone, EventKind::IssueReopened)
        | (EventKind::IssueClosed, EventKind::IssueReopened)
        | (EventKind::IssueReopened, EventKind::IssueClosed)
        | (EventKind::PullRequestClosed, EventKind::PullRequestReopened)
        | (EventKind::BranchCreated, EventKind::BranchDeleted)
        | (EventKind::BranchDeleted, EventKind::BranchCreated)
        | (EventKind::WorkflowFailed, EventKind::WorkflowRecovered) => true,
        _ => false,
    }
}
