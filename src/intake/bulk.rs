//! One person's many updates at a time become one digest: a bulk edit, or a change that a script makes in many repositories.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::round::Round;
use crate::hold::{self, Wait, WaitsFor};
use crate::plan::{Alike, Due, Group, NotSent, Ready, Released};
use crate::store::StoreError;

/// So many subjects within [`SPAN`] are a bulk edit.
const MANY: usize = 8;
const SPAN: SignedDuration = SignedDuration::from_secs(60);

impl<'a> Round<'a> {
    /// Takes what is part of a bulk edit out of the updates that are ready: it waits for the rest of it, and goes as a digest.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(super) fn bulk(&self, ready: Vec<Ready<'a>>, released: &mut Released) -> Result<Vec<Ready<'a>>, StoreError> {
        let mut groups: HashMap<Group, Timestamp> = HashMap::new();
        for due in ready.iter().map(|ready| &ready.due) {
            let Some(group) = group(due) else { continue };
            groups.entry(group).and_modify(|first| *first = due.at.min(*first)).or_insert(due.at);
        }
        if groups.is_empty() {
            return Ok(ready);
        }
        let alike = self.tx.alike(groups)?;
        let edits = alike.iter().map(|(group, alike)| (group, edits(alike))).collect::<HashMap<_, _>>();
        let mut go = Vec::new();
        for mut ready in ready {
            let of_group = group(&ready.due).and_then(|group| edits.get(&group));
            let edit = of_group.and_then(|edits| edits.iter().find(|edit| edit.holds(ready.due.at)));
            match edit.map(|edit| until(edit, &ready)) {
                None => go.push(ready),
                Some(until) if until > self.now => {
                    let wait = Wait { until, waits_for: WaitsFor::Bulk };
                    let reason = wait.reason(&ready.team.timezone);
                    released.not_sent.push((ready.due.id, NotSent::Wait { wait, digest: true, reason }));
                }
                Some(_) => {
                    ready.due.digest = true;
                    go.push(ready);
                }
            }
        }
        Ok(go)
    }
}

/// A bulk edit.
#[derive(Debug, PartialEq, Eq)]
struct Edit {
    first: Timestamp,
    last: Timestamp,
    /// When the last of it that waits is due
    due: Option<Timestamp>,
}

impl Edit {
    fn holds(&self, at: Timestamp) -> bool {
        (self.first..=self.last).contains(&at)
    }
}

/// The bulk edits among what one person brought about, which is in the order of time.
fn edits(alike: &[Alike]) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    let mut subjects: HashMap<&str, usize> = HashMap::new();
    let mut begin = 0;
    for (end, last) in alike.iter().enumerate() {
        *subjects.entry(&last.subject).or_default() += 1;
        while last.at.duration_since(alike[begin].at) > SPAN {
            let gone = alike[begin].subject.as_str();
            begin += 1;
            if let Some(count) = subjects.get_mut(gone) {
                *count -= 1;
                if *count == 0 {
                    subjects.remove(gone);
                }
            }
        }
        if subjects.len() < MANY {
            continue;
        }
        let due = alike[begin..=end].iter().filter_map(|one| one.due).max();
        let first = alike[begin].at;
        match edits.last_mut().filter(|edit| edit.holds(first)) {
            Some(edit) => (edit.last, edit.due) = (last.at, edit.due.max(due)),
            None => edits.push(Edit { first, last: last.at, due }),
        }
    }
    edits
}

/// Until when an update waits for the others: none waits longer than its rule's bound.
fn until(edit: &Edit, ready: &Ready<'_>) -> Timestamp {
    let bound = ready.due.since.unwrap_or(ready.due.at) + ready.rule.settle_max;
    let until = edit.due.unwrap_or(bound).min(bound);
    hold::quiet_until(&ready.team.quiet, &ready.team.timezone, until).unwrap_or(until)
}

/// What an update is one of many of, if it can be. What a person chose to say goes by itself, whatever else they do, and so
/// does what is wanted at once.
fn group(due: &Due) -> Option<Group> {
    let doer = due.event.doer().filter(|_| !due.kind.is_note() && !due.digest && !due.at_once)?;
    Some(Group { team: due.rule.team.clone(), kind: due.kind, actor: doer.to_owned() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Updates at these seconds, each of its own subject; each is due two minutes later.
    fn alike(seconds: impl IntoIterator<Item = i64>) -> Vec<Alike> {
        let one = |(index, second)| {
            let at = Timestamp::from_second(second).unwrap();
            Alike { subject: format!("acme/ingest#{index}"), at, due: Some(at + SignedDuration::from_mins(2)) }
        };
        seconds.into_iter().enumerate().map(one).collect()
    }

    fn spans(alike: &[Alike]) -> Vec<(i64, i64)> {
        edits(alike).iter().map(|edit| (edit.first.as_second(), edit.last.as_second())).collect()
    }

    #[test]
    fn many_subjects_within_a_minute_are_a_bulk_edit() {
        assert_eq!(spans(&alike(0..7)), []);
        assert_eq!(spans(&alike(0..8)), [(0, 7)]);
        assert_eq!(spans(&alike((0..8).map(|n| n * 10))), [], "70 seconds are more than a minute");
        assert_eq!(spans(&alike((0..30).map(|n| n * 5))), [(0, 145)], "it goes on");
        assert_eq!(spans(&alike((0..8).chain(500..503))), [(0, 7)], "what comes later is apart");
        assert_eq!(spans(&alike((0..8).chain(500..508))), [(0, 7), (500, 507)]);
        assert_eq!(spans(&alike((0..3).chain(500..508))), [(500, 507)]);
    }

    #[test]
    fn many_updates_about_few_subjects_are_none() {
        let mut same = alike(0..40);
        same.iter_mut().for_each(|one| "acme/ingest#1".clone_into(&mut one.subject));
        assert_eq!(spans(&same), []);
    }

    #[test]
    fn it_is_due_with_its_last() {
        let due = |seconds: std::ops::Range<i64>| edits(&alike(seconds))[0].due;
        assert_eq!(due(0..20), Timestamp::from_second(19 + 120).ok());
    }
}
