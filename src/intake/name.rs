//! The names that a delivery's events go by: of another host than ours, of what was renamed.

use std::collections::HashMap;

use crate::event::{Event, Renamed, Source};
use crate::rule::Renaming;
use crate::source::{self, Parsed, Settings};
use crate::store::{PlannedDelivery, Store, StoreError};
use crate::track::{self, Homes};

/// Gives the events of deliveries the names that the planner knows.
///
/// # Errors
/// [`StoreError`]
pub(super) async fn complete(parsed: &mut [Parsed], settings: &Settings, store: &Store) -> Result<(), StoreError> {
    let mut events = parsed.iter_mut().filter_map(|parsed| match parsed {
        Parsed::Events(events) => Some(events),
        Parsed::Ignored(_) => None,
    });
    let mut events = events.by_ref().flatten().collect::<Vec<_>>();
    let known = store.homes(homes(settings)).await?;
    let mut homes = known.clone();
    let site = settings.jira_base_url.as_deref();
    for event in &mut events {
        let named = event.host.is_some();
        track::localize(event, &mut homes);
        if let Some(site) = site.filter(|_| named && event.host.is_none()) {
            source::at_jira_site(event, site);
        }
    }
    name_people(&mut events, store).await?;
    if homes != known {
        store.learn_homes(&homes).await?;
    }
    let names = events.iter().flat_map(|event| [event.subject.clone(), event.named(&event.scope)]);
    let keys = events.iter().flat_map(|event| event.tickets.iter().map(ToString::to_string));
    let names = names.chain(keys).collect::<Vec<_>>();
    let aliases = store.aliases(&names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    if !aliases.is_empty() {
        events.iter_mut().for_each(|event| rename(event, |name| aliases.get(name).map(String::as_str)));
    }
    Ok(())
}

/// Whether a delivery gives something another name.
pub(super) fn renames(parsed: &Parsed) -> bool {
    matches!(parsed, Parsed::Events(events) if events.iter().any(|event| event.renamed.is_some()))
}

/// What has another name with these plans that was not known to have it.
///
/// # Errors
/// [`StoreError`]
pub(super) async fn renamings(planned: &[PlannedDelivery], store: &Store) -> Result<Vec<Renaming>, StoreError> {
    let mut new = Vec::new();
    for event in planned.iter().flat_map(|planned| planned.outcome.events()) {
        let Some(Renamed { from, to }) = &event.event.renamed else { continue };
        // Another webhook told of it.
        if store.aliases(&[from]).await?.get(from) == Some(to) {
            continue;
        }
        let first = match (from.rsplit_once('-'), to.rsplit_once('-'), event.event.source) {
            (Some((from, _)), Some((to, _)), Source::Jira) => !store.went_before(from, to).await?,
            _ => true,
        };
        new.extend(Renaming::of(&event.event, first).filter(|renaming| !new.contains(renaming)));
    }
    Ok(new)
}

/// Puts people's names in the places of the ids that Jira has for them, by what this and earlier deliveries call them.
async fn name_people(events: &mut [&mut Event], store: &Store) -> Result<(), StoreError> {
    let jira = || events.iter().filter(|event| event.source == Source::Jira);
    // Of several names the last one counts.
    let taught = jira().flat_map(|event| event.people.iter().cloned()).collect::<HashMap<_, _>>();
    store.learn_people(taught).await?;
    events
        .iter_mut()
        .filter(|event| event.source == Source::Jira)
        .for_each(|event| source::name_people(event, &|id| store.name_of(id)));
    Ok(())
}

/// The hosts that the configuration names.
fn homes(settings: &Settings) -> Homes {
    let jira = settings.jira_base_url.as_deref().and_then(source::host_of);
    Homes { github: settings.github_host.clone(), jira, ..Homes::default() }
}

/// A late event that has its subject's old name is about the new one.
fn rename<'a>(event: &mut Event, new: impl Fn(&str) -> Option<&'a str>) {
    if event.renamed.is_some() {
        return;
    }
    let scope = event.named(&event.scope);
    if let Some(now) = new(&event.subject) {
        event.subject = now.to_owned();
    } else if let (Source::Github, Some(now)) = (event.source, new(&scope))
        && let Some(rest) = event.subject.strip_prefix(&scope)
    {
        event.subject = format!("{now}{rest}");
        event.scope = now.strip_prefix(&event.named("")).unwrap_or(now).to_owned();
    }
    for key in &mut event.tickets {
        if let Some(now) = new(key.as_str()).and_then(|now| now.parse().ok()) {
            *key = now;
        }
    }
}
