//! Who was never told of work that touches what they own, or that is on tickets that they work on.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::content::Writing;
use super::named::{Line, Seen};
use crate::event::{About, Actor, Event, EventKind, TicketKey};
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
        if is_hidden(&parts) || !moves(writing, course) {
            continue;
        }
        for stake in [Stake::Owned, Stake::Shared] {
            let teams = teams(writing).filter(|team| stake_of(writing, (thread, course), team) == Some(stake));
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

/// In how many merged pull requests it isn't known whether somebody who was not told owns what they change: in repositories of
/// which they are told other things.
pub(super) fn unknown(writing: &Writing<'_>) -> usize {
    let heard_of = |team: &Team| {
        let told = writing.courses().filter(|(_, course)| course.told.contains(&team.name));
        told.flat_map(|(_, course)| course.subjects.iter().map(|(key, _)| key.scope_on_host())).collect::<HashSet<_>>()
    };
    let teams = teams(writing).filter_map(|team| Some((team, team.owns.as_ref()?, heard_of(team)))).collect::<Vec<_>>();
    let is_unknown = |course: &Course, event: &Event| {
        teams.iter().any(|(team, owns, heard_of)| {
            let unheard = !course.told.contains(&team.name) && !waits(course, team);
            let follows = heard_of.contains(event.subject.scope_on_host());
            unheard && follows && !is_own(team, event) && owns.changes(event).is_none()
        })
    };
    let courses = writing.courses().filter(|(_, course)| !is_hidden(&writing.parts(course)));
    let merged = courses.flat_map(|(_, course)| course.steps.iter().map(move |step| (course, step)));
    let merged = merged.filter(|(_, step)| step.event.kind == EventKind::PullRequestMerged && writing.is_new(step));
    merged.filter(|(course, step)| is_unknown(course, &step.event)).count()
}

/// Whether a reader isn't to know about a conversation.
fn is_hidden(parts: &[Seen<'_>]) -> bool {
    parts.is_empty() || parts.iter().any(|seen| seen.restricted || seen.private)
}

fn waits(course: &Course, team: &Team) -> bool {
    course.heard.get(&team.name).is_some_and(|heard| heard.waits)
}

/// The teams that it is about: readers outside of the company don't learn what others have.
fn teams<'a>(writing: &'a Writing<'_>) -> impl Iterator<Item = &'a Team> {
    let own = writing.reader.team.as_ref();
    let others = writing.facts.teams.iter().map(|team| &**team).filter(move |_| own.is_none());
    own.into_iter().chain(others)
}

/// Whether something in it was opened, merged or moved on.
fn moves(writing: &Writing<'_>, course: &Course) -> bool {
    course.steps.iter().any(|step| writing.is_new(step) && is_work(step))
}

fn is_work(step: &CourseStep) -> bool {
    !matches!(step.event.kind, EventKind::TicketPulledIn | EventKind::TicketSlipped | EventKind::TicketCreated)
}

fn stake_of(writing: &Writing<'_>, (thread, course): (&str, &Course), team: &Team) -> Option<Stake> {
    if waits(course, team)
        || course.told.contains(&team.name)
        || (!team.is_trusted_inside() && writing.reader.team.is_none())
    {
        return None;
    }
    let by_others =
        || course.steps.iter().filter(|step| writing.is_new(step) && is_work(step) && !is_own(team, &step.event));
    let owns = |step: &CourseStep| team.owns.as_ref().and_then(|owns| owns.changes(&step.event)) == Some(true);
    if by_others().any(owns) {
        return Some(Stake::Owned);
    }
    (works_on_ticket((thread, course), team) && by_others().next().is_some()).then_some(Stake::Shared)
}

/// Whether a conversation is a ticket's on which a team works: one of its members is assigned to the ticket, or opened one of its
/// pull requests. Whoever comments or reviews needn't.
fn works_on_ticket((thread, course): (&str, &Course), team: &Team) -> bool {
    let is_member = |actor: &Actor| is_member_called(&team.members, &actor.login, &actor.name);
    let tickets = course.subjects.iter().filter_map(|(key, known)| known.ticket(key)).collect::<Vec<_>>();
    let assigned = tickets.iter().filter_map(|ticket| ticket.assignee.as_ref()).any(is_member);
    let opened = course.subjects.iter().any(|(_, known)| match &known.about {
        About::PullRequest(pr) => pr.author.as_ref().is_some_and(is_member),
        _ => false,
    });
    assigned || (opened && (!tickets.is_empty() || TicketKey::jira(thread).is_some()))
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
