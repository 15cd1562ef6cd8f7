//! Updates whose time has come: each is matched once more, and then is part of a message, or has a reason why not.

use jiff::Timestamp;

use crate::destination::Destination;
use crate::event::{About, Event, EventKind, RuleId, SubjectKey, Ticket, Undone};
use crate::hold::Wait;
use crate::reason::Reason;
use crate::rule::{Input, Rule, Rules, Team, Verdict, evaluate};
use crate::template::Message;
use crate::track::{Known, is_restricted, stands, with_previous_status};

use super::destinations;

/// An update whose time has come, with what is known of it now.
#[derive(Debug, Clone)]
pub struct Due {
    /// The line's id
    pub id: i64,
    /// The ledger's name of it: `delivery.line`
    pub name: String,
    /// The event it was planned from
    pub event: Event,
    /// The event's id, which the updates of several rules about it share
    pub event_id: i64,
    /// What it tells
    pub kind: EventKind,
    /// What it is about
    pub subject: SubjectKey,
    /// Its rule
    pub rule: RuleId,
    /// Its conversation
    pub thread: String,
    /// It goes with others of its team
    pub digest: bool,
    /// It did not wait for anything
    pub at_once: bool,
    /// What is known of its subject
    pub known: Option<Known>,
    /// What is known of its ticket: of the primary one, and once it is released, of the one that messages speak of
    pub ticket: Option<Ticket>,
    /// When its rule last told of the subject
    pub told: Option<Timestamp>,
    /// Where its team was told of the same milestone of the subject, if it is one
    pub said: Vec<Said>,
    /// When the environment that it tells of was last deployed to
    pub deployed: Option<Timestamp>,
    /// Whether its repository is private now, as far as it is known
    pub private: Option<bool>,
    /// When it was planned
    pub at: Timestamp,
    /// Since when the first one waits that it replaces or goes with
    pub since: Option<Timestamp>,
}

/// An update that may go now, with its message as it would be alone.
#[derive(Debug)]
pub struct Ready<'a> {
    /// The update
    pub due: Due,
    /// What it tells, with the state of its subject as it is now
    pub event: Box<Event>,
    /// The team it is for
    pub team: &'a Team,
    /// The rule it comes from
    pub rule: &'a Rule,
    /// What it says
    pub message: Message,
    /// Whether its words can hold several comments
    pub joins: bool,
    /// Where it goes; what somebody else brings there is taken out
    pub to: Vec<Destination>,
}

/// What became of an update that is due and doesn't go.
#[derive(Debug, Clone)]
pub enum NotSent {
    /// It waits on
    Wait {
        /// Until when, and for what
        wait: Wait,
        /// It goes with others of its team
        digest: bool,
        /// Why it waits
        reason: Reason,
    },
    /// It is not sent. A milestone that was not told may be told another time
    Suppressed(Reason),
    /// It is not sent and counts as told: it is muted everywhere, or another rule told of it there
    Told(Reason),
    /// It could not be written
    Failed(Reason),
}

/// A message, and the updates that it tells.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The update that stands for all of them
    pub lead: Tells,
    /// Its name
    pub name: String,
    /// The others
    pub others: Vec<Tells>,
    /// The conversation that the message is part of
    pub thread: String,
    /// What it is about: the conversation of a comment on GitHub
    pub subject: String,
    /// What it says
    pub message: Message,
    /// Where it goes
    pub to: Vec<Destination>,
}

/// An update that a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tells {
    /// The line's id
    pub id: i64,
    /// Until when it can be objected to, if it is an assumption that asks for that
    pub object_by: Option<Timestamp>,
}

/// What became of updates whose time had come.
#[derive(Debug, Clone, Default)]
pub struct Released {
    /// The messages that go
    pub messages: Vec<Outgoing>,
    /// Those that don't go, by their lines' ids
    pub not_sent: Vec<(i64, NotSent)>,
    /// Where those that go are left out because it is muted there, with what muted it
    pub left_out: Vec<(i64, Destination, String)>,
}

/// Updates of a team about one kind of event that one person brought about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// The team
    pub team: String,
    /// What they tell
    pub kind: EventKind,
    /// The person's login
    pub actor: String,
}

/// One of a [`Group`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// What it is about
    pub subject: String,
    /// When it was planned
    pub at: Timestamp,
    /// When it is due, if it waits
    pub due: Option<Timestamp>,
}

/// Matches a rule once more, against the rules and the subject's state as they are now. The event comes with that state.
///
/// # Errors
/// Why the update is not sent.
pub fn release<'a>(due: &Due, rules: &'a Rules) -> Result<(Box<Event>, &'a Team, &'a Rule), Reason> {
    let Some((team, rule)) = rules.find(&due.rule.team, &due.rule.name) else {
        let RuleId { team, name } = due.rule.clone();
        return Err(Reason::RuleRemoved { team, rule: name });
    };
    let mut event = due.event.clone();
    if let Some(known) = &due.known {
        stands(due.kind, &event, known)?;
    }
    event.private = due.private.or(event.private);
    let later = matches!((due.deployed, event.about.updated_at()), (Some(last), Some(this)) if last > this);
    if due.kind == EventKind::DeploymentFailed && later {
        return Err(Reason::LaterDeployment);
    }
    // Each push or deployment stands for itself; of what lives on, the state that it is in now counts.
    let stands_for_itself = matches!(&event.about, About::Thing(thing) if !thing.lives_on());
    if let Some(known) = due.known.as_ref().filter(|_| !stands_for_itself) {
        event.about = with_previous_status(known.about.clone(), &event.about);
        event.tickets.clone_from(&known.tickets);
    }
    let ticket = event.ticket_as(due.kind, due.ticket.as_ref());
    match evaluate(rule, team, Input { event: &event, kind: due.kind, ticket: ticket.as_deref() }) {
        Verdict::Match => {}
        Verdict::Miss { because, .. } => return Err(Reason::NoLongerMatches { detail: because.to_string() }),
        Verdict::Suppressed { because } => return Err(because),
    }
    // The key alone says nothing about a due date.
    if due.kind.is_of_due_date() && !rule.restricted && is_restricted(&event.about) {
        return Err(Reason::GoneByNow { how: Undone::Restricted });
    }
    if due.kind.is_milestone() && event.kind != due.kind {
        // Whoever added the label that came late did not merge it.
        event.actor = None;
    }
    event.kind = due.kind;
    Ok((Box::new(event), team, rule))
}

/// Where a rule of a team told of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The rule
    pub rule: String,
    /// The place
    pub to: Destination,
}

/// The places where a rule says that its subject is in a state. Where another rule of the team `said` so before, by the
/// same template, it isn't news; if that is everywhere, the answer is the reason.
///
/// # Errors
/// Why it is said nowhere.
pub fn places(rules: &Rules, team: &Team, rule: &Rule, said: &[Said]) -> Result<Vec<Destination>, Reason> {
    let words_of = |other: &str| rules.find(&team.name, other).map(|(_, other)| &other.template);
    let same = said.iter().filter(|said| words_of(&said.rule).is_none_or(|words| *words == rule.template));
    let same = same.collect::<Vec<_>>();
    let mut places = destinations(rule);
    places.retain(|to| !same.iter().any(|said| said.to == *to));
    match same.first() {
        Some(said) if places.is_empty() => Err(Reason::ToldByRule { team: team.name.clone(), rule: said.rule.clone() }),
        _ => Ok(places),
    }
}
