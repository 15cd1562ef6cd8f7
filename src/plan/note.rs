//! What the edit of a note means for updates that still wait with its old words.

use crate::event::{Event, OccurrenceId};
use crate::reason::Reason;

use super::undo::{Made, Recall};
use super::{Held, Plan};

/// The old words are not sent any more, whatever becomes of the new ones (other rules, another team's quiet hours), also
/// where their message was made and waits for its place.
pub(super) fn revise(plan: &mut Plan, event: &Event, held: &[Held]) {
    let Some(note) = &event.note else { return };
    let Some(replaced) = note.replaces.as_ref() else { return };
    let reason = if note.taken_back { Reason::TakenBack } else { Reason::EditedByAuthor };
    plan.recalled.push(Recall { made: Made::Occurrence(replaced.clone()), withdrawn: Some(reason.clone()) });
    let waiting = held.iter().filter(|held| held.once.as_ref().map(OccurrenceId::original).as_ref() == Some(replaced));
    for held in waiting {
        let ended = if note.taken_back { &mut plan.withdrawn } else { &mut plan.superseded };
        ended.push((held.id, reason.clone()));
    }
}
