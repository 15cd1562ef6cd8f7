//! Finds the names that events go by now: of other hosts, of people, of what was renamed, and of tickets with only a number.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::event::{About, Event, Renamed, Source, TicketKey, Undoes};
use crate::rule::{Renaming, Rules};
use crate::source::{self, Parsed, Settings};
use crate::store::{Store, StoreError, Tx};
use crate::track::{self, Homes};

/// What a batch of payloads teaches about names.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// The hosts that were heard of first, if that is new
    homes: Option<Homes>,
    /// What people are called, by their ids, where that is new
    pub(super) people: HashMap<String, String>,
}

impl Learned {
    /// Writes it.
    ///
    /// # Errors
    /// [`StoreError`]; here and below
    pub(super) fn write(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        if let Some(homes) = &self.homes {
            tx.learn_homes(homes)?;
        }
        tx.learn_people(&self.people)
    }
}

/// Gives the events of payloads the names that the planner knows, as far as one payload and what was known before say.
pub(super) fn complete(
    parsed: &mut [Parsed],
    settings: &Settings,
    (tx, store): (&Tx<'_>, &Store),
) -> Result<Learned, StoreError> {
    let mut events = parsed.iter_mut().flat_map(Parsed::events_mut).collect::<Vec<_>>();
    let known = tx.homes(homes(settings))?;
    let mut homes = known.clone();
    let site = settings.jira_base_url.as_deref();
    for event in &mut events {
        let named = event.host.is_some();
        track::localize(event, &mut homes);
        if let Some(site) = site.filter(|_| named && event.host.is_none()) {
            source::at_jira_site(event, site);
        }
    }
    let people = name_people(&mut events, store);
    tx.ahead(|| events.iter_mut().for_each(|event| drop(follow_aliases(event, tx))));
    for event in events {
        follow_aliases(event, tx)?;
    }
    Ok(Learned { homes: (homes != known).then_some(homes), people })
}

/// Gives an event the last names that it lacks, by what was written before `now`. Says what it renames that was not known to
/// be renamed.
pub(super) fn settle(
    event: &mut Event,
    rules: &Rules,
    tx: &Tx<'_>,
    now: Timestamp,
) -> Result<Option<Renaming>, StoreError> {
    follow_aliases(event, tx)?;
    only_tickets(event, tx)?;
    follow_id(event, tx)?;
    // What undoes an occurrence is found by its name, whichever of the two comes first.
    if let Some(Undoes::Occurrence(of, _)) = event.undoing.as_ref().map(|undoing| &undoing.of) {
        event.once = Some(of.at(event.at));
    }
    keep_words(event, rules);
    let Some(renamed) = event.renamed.clone() else { return Ok(None) };
    let renaming = renaming(event, &renamed, tx)?;
    rename(event, &renamed, tx, now)?;
    Ok(renaming)
}

/// Puts people's names in the places of the ids that Jira has for them, by what these and earlier deliveries call them.
fn name_people(events: &mut [&mut Event], store: &Store) -> HashMap<String, String> {
    // Of several names the last one counts.
    let of_jira = events.iter().filter(|event| event.source == Source::Jira);
    let taught = of_jira.flat_map(|event| event.people.iter().cloned()).collect::<HashMap<_, _>>();
    let name = |id: &str| taught.get(id).cloned().or_else(|| store.name_of(id));
    for event in events.iter_mut().filter(|event| event.source == Source::Jira) {
        source::name_people(event, &name);
    }
    taught.into_iter().filter(|(id, name)| store.name_of(id).as_ref() != Some(name)).collect()
}

/// The hosts that the configuration names.
fn homes(settings: &Settings) -> Homes {
    let jira = settings.jira_base_url.as_deref().and_then(source::host_of);
    Homes { github: settings.github_host.clone(), jira, ..Homes::default() }
}

/// A late event that has its subject's old name is about the new one.
fn follow_aliases(event: &mut Event, tx: &Tx<'_>) -> Result<(), StoreError> {
    if event.renamed.is_some() {
        return Ok(());
    }
    if let Some(now) = tx.alias(&event.subject)? {
        event.subject = now;
    } else if event.source == Source::Github
        && let Some(now) = tx.alias(&event.repository())?
    {
        now.scope().clone_into(&mut event.scope);
        event.subject = event.subject.in_scope(&event.scope);
    }
    let parent = match &mut event.about {
        About::Issue(issue) => issue.parent.as_mut(),
        _ => None,
    };
    for key in event.tickets.iter_mut().chain(parent) {
        follow_key(key, tx)?;
    }
    Ok(())
}

/// The key that a ticket has now; an issue's changes with its repository's name too.
fn follow_key(key: &mut TicketKey, tx: &Tx<'_>) -> Result<(), StoreError> {
    if let Some(now) = tx.alias(key.as_str())?.and_then(|now| now.parse().ok()) {
        *key = now;
    } else if key.is_issue()
        && let Some(now) = tx.alias(key.subject().scope_on_host())?
    {
        *key = key.in_scope(now.scope());
    }
    Ok(())
}

/// A keyword before the number of a pull request closes no issue.
fn only_tickets(event: &mut Event, tx: &Tx<'_>) -> Result<(), StoreError> {
    let mut others = Vec::new();
    for key in event.tickets.iter().filter(|key| key.is_issue()) {
        let known = tx.known(key.as_str())?;
        if known.is_some_and(|known| !matches!(known.about, About::Issue(_))) {
            others.push(key.clone());
        }
    }
    event.tickets.retain(|key| !others.contains(key));
    Ok(())
}

/// Gives an event its ticket's key where the payload has only Jira's number, or GitHub's id. Where Jira's is not known, it must
/// not be taken for told: the same comment comes again within `jira:issue_updated`.
fn follow_id(event: &mut Event, tx: &Tx<'_>) -> Result<(), StoreError> {
    let ticket = match &event.about {
        About::Ticket(ticket) => ticket,
        about if about.is_unnamed_issue() => return follow_issue(event, tx),
        _ => return Ok(()),
    };
    if !event.tickets.is_empty() {
        return Ok(());
    }
    match tx.ticket_key(&ticket.key)? {
        Some(key) => *event = track::resolve(event.clone(), key),
        None => event.once = None,
    }
    Ok(())
}

/// What a project says of an issue is about the issue as it is known.
fn follow_issue(event: &mut Event, tx: &Tx<'_>) -> Result<(), StoreError> {
    let Some(key) = tx.ticket_key(&event.subject)? else { return Ok(()) };
    event.subject = key.subject();
    event.subject.scope().clone_into(&mut event.scope);
    follow_aliases(event, tx)?;
    if let Some(known) = tx.known(&event.subject)? {
        *event = track::place(event.clone(), &known);
    }
    Ok(())
}

/// Names at the beginning of a note that are no team's are words of it: people are named like that too.
fn keep_words(event: &mut Event, rules: &Rules) {
    let Some(note) = event.note.as_mut().filter(|note| !note.to.is_empty()) else { return };
    let teams = rules.teams();
    let (to, people) = std::mem::take(&mut note.to)
        .into_iter()
        .partition::<Vec<_>, _>(|name| teams.iter().any(|team| team.is_called(name)));
    note.to = to;
    for name in people.iter().rev() {
        note.text = format!("@{name} {}", note.text);
    }
}

/// What has another name with an event that was not known to have it. Of all that moves from one project of Jira's to another,
/// it is the first.
fn renaming(event: &Event, Renamed { from, to }: &Renamed, tx: &Tx<'_>) -> Result<Option<Renaming>, StoreError> {
    // Another webhook told of it.
    if tx.alias(from)?.as_ref() == Some(to) {
        return Ok(None);
    }
    let first = event.source != Source::Jira || !tx.went_before(from.scope_on_host(), to.scope_on_host())?;
    Ok(Renaming::of(event, first))
}

/// Gives the subject of an event its new name, with all that is known of the old one.
fn rename(event: &mut Event, renamed: &Renamed, tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    let new = tx.known(&renamed.to)?;
    tx.rename(renamed)?;
    if let Some(new) = &new {
        // It was heard of by its new name before.
        tx.know((&renamed.to, new), track::thread(&renamed.to, &new.tickets), now)?;
    }
    if event.subject == renamed.from {
        // It says how it was there.
        if let Some(known) = new.map_or_else(|| tx.known(&renamed.to), |new| Ok(Some(new)))? {
            event.about = known.about;
        }
        event.subject.clone_from(&renamed.to);
    }
    Ok(())
}
