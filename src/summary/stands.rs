//! Where the parts of a conversation stand now, and since when.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::content::Writing;
use super::named::Seen;
use crate::event::{About, EventKind, Stage};
use crate::store::{Course, CourseStep};
use crate::template::{StateView, is_on_track, shown_actor};

impl Writing<'_> {
    /// Where the parts of a conversation stand, what moved last first.
    pub(super) fn states(&self, thread: &str, course: &Course, parts: &[Seen<'_>]) -> Vec<StateView> {
        const STATES: usize = 3;
        let on_track = self.is_on_track(thread, parts);
        let mut states = Vec::new();
        for seen in parts.iter().filter(|seen| !seen.restricted) {
            // A team may have been told only now what others saw last week.
            let steps = course.steps.iter().filter(|step| step.event.subject == *seen.key);
            let steps = steps.filter(|step| self.reader.team.is_some() || self.is_new(step)).collect::<Vec<_>>();
            let Some((at, state)) = self.state(seen, &steps) else { continue };
            let alone = parts.len() == 1 || seen.key.as_str() == thread;
            let (name, url) = if alone { (None, None) } else { (Some(seen.key.to_string()), seen.known.about.url()) };
            let state = match seen.private {
                // Who did it, and where it was, is not for them.
                true => StateView { is: state.is, ..StateView::default() },
                false => StateView { on_track: state.on_track && on_track, name, url: url.map(str::to_owned), ..state },
            };
            states.push((at, state));
        }
        states.sort_by_key(|(at, _)| Reverse(*at));
        states.into_iter().map(|(_, state)| state).take(STATES).collect()
    }

    /// Whether nothing that is known of the ticket says that it is late.
    fn is_on_track(&self, thread: &str, parts: &[Seen<'_>]) -> bool {
        let today = self.facts.span.end.to_zoned(self.reader.zone.clone()).date();
        let ticket = parts.iter().find(|seen| seen.key.as_str() == thread).and_then(Seen::ticket);
        ticket.is_none_or(|ticket| ticket.restricted != Some(true) && is_on_track(&ticket, today))
    }

    /// Where something stands, if a step in the span of time brought it there.
    fn state(&self, seen: &Seen<'_>, steps: &[&CourseStep]) -> Option<(Timestamp, StateView)> {
        let last = |kinds: &[EventKind]| steps.iter().rfind(|step| kinds.contains(&step.event.kind)).copied();
        let by = |is: &str, step: &CourseStep| {
            let by = step.event.actor.as_ref().filter(|actor| !actor.bot).map(shown_actor);
            let by = by.map(|actor| actor.name).filter(|name| name != "somebody");
            let day = Some(self.day(step.event.at));
            (step.planned, StateView { is: is.to_owned(), by, day, ..StateView::default() })
        };
        let reach = |is: &str, kinds: &[EventKind]| last(kinds).map(|step| by(is, step));
        use EventKind as K;
        match &seen.known.about {
            About::PullRequest(pr) => match pr.stage {
                Stage::Merged => reach("merged", &[K::PullRequestMerged]),
                Stage::Closed => reach("closed", &[K::PullRequestClosed]),
                Stage::Open if pr.draft == Some(true) => {
                    let forward = last(&[K::PullRequestOnTrack]);
                    let begun = reach("draft", &[K::PullRequestDraft]);
                    let at = forward.map(|step| step.planned);
                    let begun = begun.map(|(at, state)| (at, StateView { by: None, ..state }));
                    let known =
                        begun.or_else(|| Some((at?, StateView { is: "draft".to_owned(), ..StateView::default() })));
                    known.map(|(since, state)| {
                        (at.unwrap_or(since).max(since), StateView { on_track: at.is_some(), ..state })
                    })
                }
                Stage::Open => reach("open", &[K::PullRequestReady, K::PullRequestOpened, K::PullRequestReopened]),
            },
            About::Issue(issue) => match issue.stage {
                Stage::Open => reach("open", &[K::IssueReopened, K::IssueOpened]),
                _ => reach("closed", &[K::IssueClosed]),
            },
            About::Ticket(ticket) => {
                let moves = [K::TicketTransitioned, K::TicketStarted, K::TicketDone];
                let to = ticket.status.clone();
                let first = steps.iter().find(|step| moves.contains(&step.event.kind)).copied();
                let from = first.and_then(|step| step.event.change.as_ref()).and_then(|change| change.from.clone());
                match (last(&moves), to) {
                    // It is where it was.
                    (Some(_), to) if from.is_some() && from == to => None,
                    (Some(step), Some(to)) => {
                        let (at, state) = by("moved", step);
                        Some((at, StateView { from, to: Some(to), ..state }))
                    }
                    (None, _) | (_, None) => reach("created", &[K::TicketCreated]),
                }
            }
            About::Thing(_) => reach("released", &[K::ReleasePublished, K::ReleasePromoted]),
        }
    }

    /// `Tuesday`, or `3 Nov` if that is longer ago than the week that a weekday tells.
    fn day(&self, at: Timestamp) -> String {
        let (at, end) = (at.to_zoned(self.reader.zone.clone()), self.facts.span.end.to_zoned(self.reader.zone.clone()));
        let days = at.date().until(end.date()).map_or(i32::MAX, |span| span.get_days());
        let format = if (0..7).contains(&days) { "%A" } else { "%-d %b" };
        at.strftime(format).to_string()
    }
}
