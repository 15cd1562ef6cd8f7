//! Events about due dates: a ticket that is due soon, or overdue.
//!
//! A due date is a day, so a rule's timer runs out on the morning of a day in its team's time zone. Each event about the ticket
//! sets the timer again, and when it runs out, the due date that is known then counts.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::timer::{Elapsed, Since, Timer, event, wants};
use super::{Fate, rule_id};
use crate::event::{About, Event, EventKind, OccurrenceId, Ticket};
use crate::hold::{Past, hold, morning};
use crate::rule::{Input, Rule, Rules, Team, Verdict, evaluate};
use crate::track::{Known, Tracked, holds, is_restricted};

const KINDS: [EventKind; 2] = [EventKind::TicketDueSoon, EventKind::TicketOverdue];
/// A ticket that is known only since it was overdue for longer is not told as if that were new.
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// The timers that an event about a ticket with a due date sets.
pub(super) fn timers(tracked: &Tracked, rules: &Rules, now: Timestamp) -> Vec<Timer> {
    let (event, about) = (&tracked.event, &tracked.known.about);
    let Some(date) = about.due().filter(|_| tracked.known.gone.is_none()) else { return Vec::new() };
    let wanted = KINDS.into_iter().filter(|kind| holds(*kind, about)).flat_map(|kind| {
        let asked = Input { event, kind, ticket: tracked.ticket_as(kind) };
        rules.candidates(kind, event).filter_map(move |(team, rule)| {
            let due = moment(kind, (team, rule), date)?.max(now);
            let late = is_past(kind, &team.timezone, (date, now));
            let (subject, rule_id) = (event.subject.clone(), rule_id(team, rule));
            (!late && wants(rule, team, asked)).then_some(Timer { subject, rule: rule_id, kind, due })
        })
    });
    wanted.collect()
}

/// When a rule tells of a due date.
fn moment(kind: EventKind, (team, rule): (&Team, &Rule), date: Date) -> Option<Timestamp> {
    let days = match kind {
        EventKind::TicketDueSoon => -rule.before?,
        _ => 1,
    };
    Some(morning(&team.timezone, date.checked_add(days.days()).ok()?))
}

/// Whether it is too late to begin with it: the day has passed, or it is overdue for long.
fn is_past(kind: EventKind, zone: &TimeZone, (date, now): (Date, Timestamp)) -> bool {
    match kind {
        EventKind::TicketDueSoon => is_over(zone, date, now),
        _ => date.tomorrow().is_ok_and(|day| morning(zone, day) + NEWS < now),
    }
}

fn is_over(zone: &TimeZone, date: Date, now: Timestamp) -> bool {
    now.to_zoned(zone.clone()).date() > date
}

/// Names what a timer would tell, so that a rule tells it once for each due date of a ticket, however often the timer is set.
#[must_use]
pub fn name(timer: &Timer, known: &Known) -> Option<OccurrenceId> {
    let date = known.about.due().filter(|_| timer.kind.is_of_due_date())?;
    let ticket = match &known.about {
        // It stays the same when the ticket is moved.
        About::Ticket(Ticket { id: Some(id), .. }) => id.as_str(),
        _ => &timer.subject,
    };
    let (kind, rule) = (timer.kind, &timer.rule);
    Some(format!("due:{ticket}:{}/{}:{kind}:{date}", rule.team, rule.name).into())
}

/// What follows when the timer of a rule has run out `now`. What not everybody may know is not told: the key alone says nothing
/// about a due date.
pub(super) fn elapsed(timer: &Timer, since: Since<'_>, (team, rule): (&Team, &Rule), now: Timestamp) -> Elapsed {
    let Since { known, ticket, told, .. } = since;
    let hidden = is_restricted(&known.about) && !rule.restricted;
    let open = !told && !hidden && known.gone.is_none() && holds(timer.kind, &known.about);
    let Some((date, moment)) =
        known.about.due().filter(|_| open).and_then(|date| Some((date, moment(timer.kind, (team, rule), date)?)))
    else {
        return Elapsed::Over;
    };
    if moment > now {
        return Elapsed::Until(moment);
    }
    if timer.kind == EventKind::TicketDueSoon && is_over(&team.timezone, date, now) {
        return Elapsed::Over;
    }
    let event = Box::new(Event { once: name(timer, known), ..event(timer, known, now) });
    let ticket = event.ticket_as(timer.kind, ticket);
    let fate = match evaluate(rule, team, Input { event: &event, kind: timer.kind, ticket: ticket.as_deref() }) {
        Verdict::Miss { .. } => return Elapsed::Over,
        Verdict::Suppressed { because } => Fate::Suppressed(because),
        Verdict::Match => Fate::held((team, rule), hold(team, rule, now, Past::default()), None),
    };
    Elapsed::Told { event, fate }
}
