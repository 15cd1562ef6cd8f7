//! What is told when nothing happens: a pull request that stalls, a ticket that went quiet.
//!
//! Each event about a subject sets a timer for each rule that wants to know; when it runs out, nothing happened.

use jiff::Timestamp;

use crate::event::{About, Event, EventKind, Source};
use crate::hold::{Wait, hold};
use crate::rule::{Asked, Rules, Team, Verdict, is_member, judge};
use crate::track::{Known, Tracked, holds};

/// A rule's wait for a silence.
#[derive(Debug, Clone, PartialEq)]
pub struct Timer {
    /// The subject
    pub subject: String,
    /// The rule's team
    pub team: String,
    /// The rule
    pub rule: String,
    /// What it would tell
    pub kind: EventKind,
    /// When it runs out
    pub due: Timestamp,
}

/// The timers that begin anew with an event. What bots do ends no silence.
pub(super) fn timers(tracked: &Tracked, rules: &Rules, now: Timestamp) -> Vec<Timer> {
    let event = &tracked.event;
    let kind = match event.about {
        About::PullRequest(_) => EventKind::PullRequestStalled,
        About::Ticket(_) => EventKind::TicketQuiet,
        About::Issue(_) | About::Thing(_) => return Vec::new(),
    };
    let idle = event.actor.as_ref().is_some_and(|actor| actor.bot) || tracked.stale.is_some();
    if idle || !holds(kind, &tracked.known.about) {
        return Vec::new();
    }
    let asked = Asked { event, kind, ticket: tracked.ticket.as_ref() };
    let wanted = rules.candidates(kind, event).filter_map(|(team, rule)| {
        let after = rule.after?;
        // Whose news it was does not matter: nobody brings about a silence.
        let wants = !matches!(judge(rule, team, asked), Verdict::Miss { .. });
        let (subject, due) = (event.subject.clone(), now + after);
        wants.then(|| Timer { subject, team: team.name.clone(), rule: rule.name.clone(), kind, due })
    });
    wanted.collect()
}

/// What follows when a timer has run out.
#[derive(Debug, Clone, PartialEq)]
pub enum Silence {
    /// The team hears of it
    Told(Box<Event>, Wait),
    /// It is not told, for this reason
    Suppressed(Box<Event>, String),
    /// It is too early
    Until(Timestamp),
    /// There is nothing to tell
    Over,
}

/// What follows when a timer has run out `now`. `said` is when another team was last told of anything in the
/// conversation: a ticket is quiet only if somebody listens.
#[must_use]
pub fn broken_silence(
    timer: &Timer,
    (known, said): (&Known, Option<Timestamp>),
    rules: &Rules,
    now: Timestamp,
) -> Silence {
    let Some((team, rule)) = rules.find(&timer.team, &timer.rule) else { return Silence::Over };
    let Some(after) = rule.after.filter(|_| holds(timer.kind, &known.about)) else { return Silence::Over };
    let event = Box::new(event(timer, known, now));
    match judge(rule, team, Asked { event: &event, kind: timer.kind, ticket: None }) {
        Verdict::Miss { .. } => return Silence::Over,
        Verdict::Suppressed { because } => return Silence::Suppressed(event, because),
        Verdict::Match => {}
    }
    if timer.kind == EventKind::TicketQuiet {
        match said {
            None => return Silence::Suppressed(event, "no partner team was told of it: nobody waits".to_owned()),
            Some(said) if said + after > now => return Silence::Until(said + after),
            Some(_) => {}
        }
        if let Some(because) = not_its_own(team, &known.about) {
            return Silence::Suppressed(event, because);
        }
    }
    let wait = hold(team, rule, now, None);
    Silence::Told(event, wait)
}

/// A nudge goes to the team that works on the ticket.
fn not_its_own(team: &Team, about: &About) -> Option<String> {
    let About::Ticket(ticket) = about else { return None };
    match &ticket.assignee {
        None => Some(format!("{} is assigned to nobody: there is nobody to nudge", ticket.key)),
        Some(assignee) if is_member(&team.members, assignee) => None,
        Some(assignee) => Some(format!("{} is not a member of {}: not theirs to tell", assignee.name, team.name)),
    }
}

fn event(timer: &Timer, known: &Known, now: Timestamp) -> Event {
    let (source, scope) = match &known.about {
        About::Ticket(ticket) => (Source::Jira, ticket.key.rsplit_once('-').map_or("", |(project, _)| project)),
        _ => (Source::Github, timer.subject.split('#').next().unwrap_or_default()),
    };
    Event {
        source,
        kind: timer.kind,
        scope: scope.to_owned(),
        actor: None,
        at: now,
        url: known.about.url().map(str::to_owned),
        subject: timer.subject.clone(),
        about: known.about.clone(),
        tickets: known.tickets.clone(),
        private: known.about.private(),
        change: None,
        note: None,
        comment: None,
        once: None,
        retold: None,
        paths: None,
    }
}
