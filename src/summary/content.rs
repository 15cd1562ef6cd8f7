//! What a summary says. Pure: from what happened to what the template sees.
//!
//! Everything is what is known now: an event only says when something got into a state and who brought it there, and counts
//! if it still is in that state.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::named::{Line, Seen, Sight};
use super::reader::Reader;
use super::{assumptions, untold};
use crate::event::{About, EventKind, Stage, StatusCategory, TicketKey};
use crate::rule::Team;
use crate::store::{AssumptionState, Course, CourseStep, Happenings, Record, SILENT_DAYS, silent_for};
use crate::template::{MovedView, NamedView, QuietView, Section, SummaryView};

/// What a summary is made from.
pub struct Facts<'a> {
    /// What happened
    pub happenings: &'a Happenings,
    /// The assumptions that may be in it, newest first
    pub assumptions: &'a [(AssumptionState, Record)],
    /// Every team
    pub teams: &'a [Arc<Team>],
    /// The conversations that are muted at one of the places where it goes
    pub muted: &'a BTreeSet<String>,
    /// Where its links lead
    pub pages: &'a Pages,
    /// The span of time
    pub span: Range<Timestamp>,
}

/// Where the links of summaries lead.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// The console's address in a browser, without a slash at the end
    pub console: Option<String>,
    /// Jira's
    pub jira: Option<String>,
}

/// What a summary says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// As its template sees it
    pub view: SummaryView,
    /// The names of what is in it: if one of them is taken back before it is sent, it is written anew
    pub names: BTreeSet<String>,
}

impl Content {
    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let SummaryView { moved, assumptions, slipped, quiet, untold, .. } = &self.view;
        moved.is_empty() && assumptions.is_empty() && slipped.is_empty() && quiet.is_empty() && untold.is_empty()
    }
}

/// What a reader is told.
#[must_use]
pub fn content(reader: &Reader, facts: &Facts<'_>) -> Content {
    let writing = Writing {
        reader,
        facts,
        sight: Sight { outside: reader.is_outside(), private: &facts.happenings.private },
        link: Link { base: facts.pages.console.as_deref(), reader, span: &facts.span },
    };
    let mut names = BTreeSet::new();
    let day = |at: Timestamp| at.to_zoned(reader.zone.clone()).date();
    let ((updates, conversations), silent) = (writing.told(), SILENT_DAYS.to_string());
    let view = SummaryView {
        first_day: day(facts.span.start),
        last_day: day(facts.span.end),
        everybody: reader.team.is_none(),
        updates,
        conversations,
        url: writing.link.ledger(None),
        moved: section(writing.moved(), &mut names, writing.link.ledger(None)),
        assumptions: section(
            assumptions::listed(&writing),
            &mut names,
            writing.link.console("/assumptions", &[("team", reader.team.as_ref().map(|team| team.name.as_str()))]),
        ),
        slipped: section(writing.slipped(), &mut names, writing.link.ledger(Some(EventKind::TicketSlipped))),
        quiet: section(writing.quiet(), &mut names, writing.link.console("/map", &[("quiet", Some(&silent))])),
        untold: section(untold::listed(&writing), &mut names, writing.link.console("/map", &[])),
        owners_unknown: Some(untold::unknown(&writing)).filter(|count| *count > 0),
    };
    Content { view, names }
}

/// A section of these lines, and the names of those that are shown.
fn section<T>(lines: Vec<Line<T>>, names: &mut BTreeSet<String>, url: Option<String>) -> Section<T> {
    names.extend(lines.iter().take(Section::<T>::LINES).flat_map(|line| line.names.iter().cloned()));
    Section::of(lines.into_iter().map(|line| line.view).collect(), url)
}

/// A summary that is being written.
pub(super) struct Writing<'a> {
    pub(super) reader: &'a Reader,
    pub(super) facts: &'a Facts<'a>,
    pub(super) sight: Sight<'a>,
    link: Link<'a>,
}

impl<'a> Writing<'a> {
    /// The conversations that the reader may hear of, with their names.
    pub(super) fn courses(&self) -> impl Iterator<Item = (&'a String, &'a Course)> {
        let muted = self.facts.muted;
        self.facts.happenings.courses.iter().filter(move |(thread, _)| !muted.contains(*thread))
    }

    /// What a reader may know of the parts of a conversation.
    pub(super) fn parts(&self, course: &'a Course) -> Vec<Seen<'a>> {
        let parts = course.subjects.iter().map(|(key, known)| (key, known));
        parts.filter_map(|part| self.sight.of(part)).collect()
    }

    /// What a conversation is called: by its ticket, or by what it is about.
    pub(super) fn named(&self, thread: &str, parts: &[Seen<'_>]) -> Option<NamedView> {
        if let Some(own) = parts.iter().find(|seen| seen.key.as_str() == thread) {
            return Some(own.named());
        }
        let page = self.facts.pages.jira.as_ref().map(|base| format!("{}/browse/{thread}", base.trim_end_matches('/')));
        let bare = || NamedView { name: thread.to_owned(), url: page };
        if !self.sight.outside && TicketKey::jira(thread).is_some() {
            return Some(bare()).filter(|named| named.url.is_some()).or_else(|| parts.first().map(Seen::named));
        }
        parts.first().map(Seen::named)
    }

    /// Whether a step was made in the span of time.
    pub(super) fn is_new(&self, step: &CourseStep) -> bool {
        step.planned >= self.facts.span.start
    }

    /// How many updates were told, in how many conversations.
    fn told(&self) -> (u64, usize) {
        let updates = self.facts.happenings.courses.values().map(|course| self.updates(course));
        let updates = updates.filter(|updates| *updates > 0).collect::<Vec<_>>();
        (updates.iter().sum(), updates.len())
    }

    fn updates(&self, course: &Course) -> u64 {
        match &self.reader.team {
            Some(team) => course.heard.get(&team.name).map_or(0, |heard| heard.updates),
            None => course.heard.values().map(|heard| heard.updates).sum(),
        }
    }

    /// Whether it was told to the team in the span of time, and more than an assumption; of everybody's, whether it moved.
    fn concerns(&self, course: &Course) -> bool {
        match &self.reader.team {
            Some(team) => course.heard.get(&team.name).is_some_and(|heard| heard.news > 0),
            None => course.steps.iter().any(|step| self.is_new(step)),
        }
    }

    /// Whether the reader follows it: the team was told of it before.
    pub(super) fn follows(&self, course: &Course) -> bool {
        self.reader.team.as_ref().is_none_or(|team| course.told.contains(&team.name))
    }

    fn moved(&self) -> Vec<Line<MovedView>> {
        let mut courses = self.courses().filter(|(_, course)| self.concerns(course)).collect::<Vec<_>>();
        courses.sort_by_key(|(_, course)| Reverse(course.last));
        let mut moved = Vec::new();
        for (thread, course) in courses {
            let mut parts = self.parts(course);
            if self.sight.outside {
                // Which ticket something belongs to may stand in a private branch: each part is a line of its own, and only
                // what they were told of.
                let heard = self.reader.team.as_ref().and_then(|team| course.heard.get(&team.name));
                parts.retain(|seen| heard.is_some_and(|heard| heard.subjects.contains(seen.key)));
                moved.extend(parts.iter().map(std::slice::from_ref).map(|part| {
                    let (named, states) = (part[0].named(), self.states(thread, course, part));
                    Line::of(thread, part, MovedView { named, states })
                }));
                continue;
            }
            let Some(named) = self.named(thread, &parts) else { continue };
            let own = parts.iter().find(|seen| seen.key.as_str() == thread);
            let restricted = own.is_some_and(|seen| seen.restricted);
            let states = self.states(thread, course, &parts);
            // A push or a deployment isn't work that stands somewhere.
            let is_work = parts.iter().any(|seen| !matches!(seen.known.about, About::Thing(_)));
            if states.is_empty() && !restricted && (self.reader.team.is_none() || !is_work) {
                continue;
            }
            moved.push(Line::of(thread, &parts, MovedView { named, states }));
        }
        moved
    }

    /// Conversations in which nothing has happened since so long, as of this span of time.
    fn quiet(&self) -> Vec<Line<QuietView>> {
        let end = self.facts.span.end;
        let mut quiet = Vec::new();
        for (thread, course) in self.courses().filter(|(_, course)| self.follows(course)) {
            let parts = self.parts(course);
            let shown = !parts.iter().any(|seen| seen.private || (seen.restricted && seen.key.as_str() == thread));
            if !shown || end.duration_since(course.last) < silent_for() || !parts.iter().any(is_in_progress) {
                continue;
            }
            let Some(named) = self.named(thread, &parts) else { continue };
            quiet.push(Line::of(thread, &parts, QuietView { named, since: course.last }));
        }
        quiet.sort_by_key(|line| line.view.since);
        quiet
    }
}

fn is_in_progress(seen: &Seen<'_>) -> bool {
    match &seen.known.about {
        About::PullRequest(pr) => pr.stage == Stage::Open,
        About::Thing(_) => false,
        About::Issue(_) | About::Ticket(_) => {
            seen.ticket().is_some_and(|ticket| ticket.status_category == Some(StatusCategory::InProgress))
        }
    }
}

/// Links to the console.
struct Link<'a> {
    base: Option<&'a str>,
    reader: &'a Reader,
    span: &'a Range<Timestamp>,
}

impl Link<'_> {
    fn console(&self, path: &str, query: &[(&str, Option<&str>)]) -> Option<String> {
        let base = self.base?;
        let mut parts = query.iter().filter_map(|(name, value)| Some((name, (*value)?)));
        let encoded = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
        let first = parts.next().map(|(name, value)| format!("?{name}={}", encoded(value))).unwrap_or_default();
        let rest = parts.map(|(name, value)| format!("&{name}={}", encoded(value))).collect::<String>();
        Some(format!("{base}{path}{first}{rest}"))
    }

    /// The lines of the ledger that a section is about.
    fn ledger(&self, kind: Option<EventKind>) -> Option<String> {
        let team = self.reader.team.as_ref().map(|team| team.name.as_str());
        let moment = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M").to_string();
        let (since, until) = (moment(self.span.start), moment(self.span.end + SignedDuration::from_mins(1)));
        let state = if kind.is_none() { Some("sent") } else { None };
        let kind = kind.map(|kind| kind.to_string());
        self.console(
            "/",
            &[
                ("team", team),
                ("state", state),
                ("kind", kind.as_deref()),
                ("since", Some(&since)),
                ("until", Some(&until)),
            ],
        )
    }
}
