//! What a note's edit means for the updates that still wait with its old words.

use crate::event::{Event, Note};

use super::{Held, Plan};

/// The old words are not sent any more, whatever becomes of the new ones: other rules, another team's quiet hours.
pub(super) fn revise(plan: &mut Plan, event: &Event, held: &[Held]) {
    let Some(note) = &event.note else { return };
    let Some(replaced) = note.replaces.as_deref() else { return };
    let waiting = held.iter().filter(|held| held.once.as_deref().map(Note::name) == Some(replaced));
    for held in waiting {
        if note.taken_back {
            plan.withdrawn.push((held.id, "its author took it back".to_owned()));
        } else {
            plan.superseded.push((held.id, "its author edited it".to_owned()));
        }
    }
}
