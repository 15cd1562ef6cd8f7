//! Whether an event changes what a team owns, and how much of it.

use std::collections::BTreeSet;

use super::{Failure, changed_files, fails, hasnt, not_told, paths};
use crate::event::{About, Event, Owner};
use crate::rule::matcher::phrasing::{listed, quoted};
use crate::rule::owned::{Owns, Touches};
use crate::rule::range::{Holds, MILLION, Range};

/// The changed files that count.
pub(in crate::rule::matcher) struct OwnedFiles<'a> {
    /// Those that the team owns
    pub owned: Vec<&'a str>,
    /// How many there are altogether
    pub of: usize,
}

pub(super) fn touches_owned(event: &Event, touches: &Touches) -> Result<(), Failure> {
    match &touches.owns {
        Owns::Paths(list) if touches.any() => paths(event, list),
        Owns::CodeOwners(names) if touches.any() => is_owner(event, names),
        _ => enough(event, touches),
    }
}

/// One file of theirs is enough.
fn is_owner(event: &Event, names: &[String]) -> Result<(), Failure> {
    let owners = owners(event)?;
    if owners.iter().any(|owner| names.contains(&owner.name)) {
        return Ok(());
    }
    if let Some(unknown) = perhaps_more(event, true) {
        return Err(unknown);
    }
    let names = owners.iter().map(|owner| owner.name.as_str()).collect::<Vec<_>>();
    match names.as_slice() {
        [] => fails("nobody owns the files that it changes"),
        names => fails(format!("the files that it changes are owned by {}", listed(names))),
    }
}

fn enough(event: &Event, touches: &Touches) -> Result<(), Failure> {
    let files = owned_files(event, touches)?;
    let (owned, of) = (files.owned.len(), files.of);
    let perhaps = perhaps_more(event, matches!(touches.owns, Owns::CodeOwners(_)));
    if owned == 0 {
        return perhaps.map_or_else(|| fails(format!("none of the {} is the team's", counted(of, touches))), Err);
    }
    let judged = |wanted: &Range, held: Holds| match held {
        Holds::Yes => Ok(()),
        Holds::No => fails(format!("{}, not {}", owns(&files, touches), wanted.written())),
        Holds::Perhaps => {
            let message =
                format!("{}, and not all is known: the rule wants {}", owns(&files, touches), wanted.written());
            Err(not_told(event, &message))
        }
    };
    if let Some(wanted) = &touches.files {
        judged(wanted, wanted.holds(owned as u64, perhaps.is_some()))?;
    }
    if let Some(wanted) = &touches.share {
        let share = (owned as u64).saturating_mul(MILLION) / (of as u64).max(1);
        // With more files, the share may be any.
        judged(wanted, if event.more_paths { Holds::Perhaps } else { wanted.holds(share, perhaps.is_some()) })?;
    }
    Ok(())
}

/// The changed files that count, and those of them that the team owns.
pub(in crate::rule::matcher) fn owned_files<'a>(
    event: &'a Event,
    touches: &'a Touches,
) -> Result<OwnedFiles<'a>, Failure> {
    let paths = changed_files(event)?;
    let generated = match (&event.generated, touches.generated) {
        (_, true) => &[][..],
        (Some(generated), false) => generated.as_slice(),
        (None, false) => return Err(not_told(event, "it is not known which of the changed files are generated")),
    };
    let counting = (0..).zip(paths.iter().copied()).filter(|(place, _)| !generated.contains(place)).collect::<Vec<_>>();
    let owned = match &touches.owns {
        Owns::Paths(list) => {
            counting.iter().filter(|(_, path)| list.test(&[path]).is_ok()).map(|(_, path)| *path).collect()
        }
        Owns::CodeOwners(names) => {
            let theirs = owners(event)?.iter().filter(|owner| names.contains(&owner.name));
            let places = theirs.map(|owner| owner.files.as_deref()).collect::<Option<Vec<_>>>();
            let Some(places) = places else {
                return Err(not_told(event, "it is not known which of the changed files the team owns"));
            };
            let places = places.concat().into_iter().collect::<BTreeSet<_>>();
            counting.iter().filter(|(place, _)| places.contains(place)).map(|(_, path)| *path).collect()
        }
    };
    Ok(OwnedFiles { owned, of: counting.len() })
}

/// What the team owns of the changed files: how many, and the first of them.
pub(in crate::rule::matcher) fn owns(OwnedFiles { owned, of }: &OwnedFiles<'_>, touches: &Touches) -> String {
    const NAMED: usize = 3;
    let named = owned.iter().take(NAMED).map(|path| quoted(path)).collect::<Vec<_>>().join(", ");
    let more = match owned.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("the team owns {} of the {} ({named}{more})", owned.len(), counted(*of, touches))
}

fn counted(of: usize, touches: &Touches) -> String {
    let files = if of == 1 { "changed file" } else { "changed files" };
    let aside = if touches.generated { "" } else { " that isn't generated" };
    let aside = if of == 1 { aside.to_owned() } else { aside.replace("isn't", "aren't") };
    format!("{of} {files}{aside}")
}

fn owners(event: &Event) -> Result<&[Owner], Failure> {
    match (&event.owners, &event.about) {
        (Some(owners), _) => Ok(owners),
        (None, About::Issue(_) | About::Ticket(_)) => Err(hasnt(event, "changed files")),
        (None, _) => Err(not_told(event, "it is not known who owns the changed files")),
    }
}

/// Why the team may own more of what is changed than is known.
fn perhaps_more(event: &Event, by_repository: bool) -> Option<Failure> {
    if event.more_paths {
        return Some(not_told(event, "none of the known files is the team's, and not all files are known"));
    }
    let more = event.more_owners && by_repository;
    more.then(|| not_told(event, "the team isn't among the known owners, and not all are known"))
}
