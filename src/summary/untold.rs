//! Who was never told of work that touches what they own, or that is on tickets that they work on.

use std::cmp::Reverse;

use super::content::Writing;
use super::named::Line;
use crate::event::{About, Event, EventKind};
use crate::reason::{Code, Reason};
use crate::rule::{Team, is_member_called};
use crate::store::{Course, CourseStep};
use crate::template::UntoldView;

/// Why a team should have heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stake {
    /// It changes files that the team owns
    Owned,
    /// The team works on the same ticket
    Shared,
}

/// A line for each conversation and stake; for a team, with why it wasn't told.
pub(super) fn listed(writing: &Writing<'_>) -> Vec<Line<UntoldView>> {
    let mut lines = Vec::new();
    for (thread, course) in writing.courses() {
        let parts = writing.parts(course);
        let hidden = parts.iter().any(|seen| seen.restricted || seen.private);
        if hidden || parts.is_empty() || !moves(writing, course) {
            continue;
        }
        for stake in [Stake::Owned, Stake::Shared] {
            let teams = teams(writing).filter(|team| stake_of(writing, course, team) == Some(stake));
            let teams = teams.map(|team| team.name.clone()).collect::<Vec<_>>();
            let Some(named) = writing.named(thread, &parts).filter(|_| !teams.is_empty()) else { continue };
            let because = writing.reader.team.as_ref().map(|team| because(course, team));
            let view = UntoldView { named, teams, owned: stake == Stake::Owned, because };
            lines.push((course.last, Line::of(thread, &parts, view)));
        }
    }
    lines.sort_by_key(|(last, line)| (!line.view.owned, Reverse(*last)));
    lines.into_iter().map(|(_, line)| line).collect()
}

/// In how many merged pull requests it isn't known whether somebody who was not told owns what they change.
pub(super) fn unknown(writing: &Writing<'_>) -> usize {
    let is_unknown = |course: &Course, event: &Event| {
        teams(writing).any(|team| {
            let unheard =
                !course.told.contains(&team.name) && !course.heard.get(&team.name).is_some_and(|heard| heard.waits);
            unheard && !is_own(team, event) && team.owns.as_ref().is_some_and(|owns| owns.changes(event).is_none())
        })
    };
    let courses = writing.courses().filter(|(_, course)| !writing.parts(course).is_empty());
    let merged = courses.flat_map(|(_, course)| course.steps.iter().map(move |step| (course, &step.event)));
    let merged = merged.filter(|(_, event)| event.kind == EventKind::PullRequestMerged);
    merged.filter(|(course, event)| is_unknown(course, event)).count()
}

/// The teams that it is about: readers outside of the company don't learn what others have.
fn teams<'a>(writing: &'a Writing<'_>) -> impl Iterator<Item = &'a Team> {
    let own = writing.reader.team.as_ref();
    let others = writing.facts.teams.iter().map(|team| &**team).filter(move |_| own.is_none());
    own.into_iter().chain(others)
}

/// Whether something in it was opened, merged or moved on.
fn moves(writing: &Writing<'_>, course: &Course) -> bool {
    course.steps.iter().any(|step| step.planned >= writing.facts.span.start && is_work(step))
}

fn is_work(step: &CourseStep) -> bool {
    !matches!(step.event.kind, EventKind::TicketPulledIn | EventKind::TicketSlipped | EventKind::TicketCreated)
}

fn stake_of(writing: &Writing<'_>, course: &Course, team: &Team) -> Option<Stake> {
    let waits = course.heard.get(&team.name).is_some_and(|heard| heard.waits);
    if waits || course.told.contains(&team.name) || (!team.is_trusted_inside() && writing.reader.team.is_none()) {
        return None;
    }
    let by_others = || course.steps.iter().filter(|step| is_work(step) && !is_own(team, &step.event));
    let owns = |step: &CourseStep| team.owns.as_ref().and_then(|owns| owns.changes(&step.event)) == Some(true);
    if by_others().any(owns) {
        return Some(Stake::Owned);
    }
    let at_work = course.doers.iter().any(|doer| is_member_called(&team.members, &doer.login, &doer.name));
    (at_work && by_others().next().is_some()).then_some(Stake::Shared)
}

/// Whether a team's own members did it, or it is their work.
fn is_own(team: &Team, event: &Event) -> bool {
    let author = event.author().filter(|_| matches!(event.about, About::PullRequest(_)));
    event.actor.iter().chain(author).any(|actor| is_member_called(&team.members, &actor.login, &actor.name))
}

/// Why a team wasn't told, as the ledger says.
fn because(course: &Course, team: &Team) -> String {
    let reason = course.heard.get(&team.name).and_then(|heard| heard.untold.as_ref());
    reason.filter(|reason| reason.code() != Code::OwnDoing).unwrap_or(&Reason::NoRule { unknown: None }).to_string()
}
